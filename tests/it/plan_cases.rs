//! Plans of small meshes, as text, JSON and Markdown: one folder a case.

use crate::support::{golden, root};
use meshctl::diag::Diagnostic;
use meshctl::load::{self, Loaded, Options};
use meshctl::plan::{
    Consent, Guards, Input, Places, Plan, Scope, Target, apply_changes, entries_after, plan, short,
};
use meshctl::report::{self, Shown, plan as text};
use meshctl::revision::Live;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

fn cases() -> Vec<PathBuf> {
    let folder = root().join("tests/cases/plan");
    let mut found: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.sort();
    assert!(found.len() >= 8, "only {} cases were found", found.len());
    found
}

/// Loads one side of a case as a project of its own.
fn load_side(case: &Path, side: &str) -> Loaded {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("meshctl.toml"), "").unwrap();
    fs::copy(case.join(side), dir.path().join("mesh.toml")).unwrap();
    let overlay = case.join("env.toml");
    let with_overlay = side == "desired.toml" && overlay.exists();
    if with_overlay {
        fs::create_dir(dir.path().join("env")).unwrap();
        fs::copy(overlay, dir.path().join("env/case.toml")).unwrap();
    }
    let options = Options {
        dir: dir.path().to_path_buf(),
        env: with_overlay.then(|| "case".to_owned()),
        extra: None,
        now: 1_801_353_600, // 2027-01-31
    };
    let mut loaded = load::load(&options).unwrap();
    golden::in_project(&mut loaded.files);
    let errors: Vec<&Diagnostic> = loaded
        .diagnostics
        .iter()
        .filter(|d| d.severity == meshctl::diag::Severity::Error)
        .collect();
    assert!(errors.is_empty(), "{} {side}: {errors:?}", case.display());
    loaded
}

fn plan_of(live: &Live, desired: &Loaded) -> (Plan, Vec<Diagnostic>) {
    let settings = desired.project.settings("/root");
    let input = Input {
        target: Target { name: "local".into(), kind: "directory".into(), id: "live".into() },
        live,
        unrecorded: false,
        desired: &desired.mesh,
        owner: None,
        places: Some(Places {
            origins: &desired.origins,
            files: &desired.files,
            overlay: desired.overlay,
        }),
        settings: &settings,
        scope: Scope::default(),
        guards: Guards::default(),
        consent: Consent::default(),
        drift: Vec::new(),
    };
    let (plan, findings) = plan(&input);
    (plan, findings.sorted())
}

fn applied(live: &Live, plan: &Plan) -> Live {
    Live {
        revision: Some(live.revision.unwrap_or_default() + 1),
        mesh: apply_changes(live, &plan.changes).unwrap(),
        entries: entries_after(live, &plan.changes),
    }
}

fn live_of(case: &Path) -> Live {
    if !case.join("live.toml").exists() {
        return Live::default();
    }
    let nothing = Live::default();
    let loaded = load_side(case, "live.toml");
    applied(&nothing, &plan_of(&nothing, &loaded).0)
}

fn shown<'a>(
    plan: &'a Plan,
    findings: &'a [Diagnostic],
    desired: &'a Loaded,
    sources: &'a [(String, String)],
    call: &'a str,
) -> Shown<'a> {
    Shown { plan, findings, files: Some(&desired.files), absent: text::NOT_IN_FILES, sources, call }
}

/// The call that the command line would print.
fn call(plan: &Plan, desired: &Loaded) -> String {
    let env = if desired.overlay.is_some() { " --env case" } else { "" };
    format!("meshctl apply{env} --expect {}", short(&plan.digest))
}

/// The document without what any change of the renderer changes: versions of Envoy resources.
fn stable(document: &str) -> Value {
    let mut value: Value = serde_json::from_str(document).unwrap();
    value["tool"]["version"] = "X".into();
    for step in value["steps"].as_array_mut().unwrap() {
        for resources in step["proxies"].as_object_mut().unwrap().values_mut() {
            for resource in resources.as_array_mut().unwrap() {
                resource.as_object_mut().unwrap().remove("version");
            }
        }
    }
    value
}

#[test]
fn plans_read_as_recorded() {
    let schema: Value = serde_json::from_str(
        &fs::read_to_string(root().join("schemas/plan.v1.schema.json")).unwrap(),
    )
    .unwrap();
    let validator = jsonschema::draft7::new(&schema).unwrap();
    for case in cases() {
        let (live, desired) = (live_of(&case), load_side(&case, "desired.toml"));
        let (plan, findings) = plan_of(&live, &desired);
        let sources: Vec<(String, String)> =
            desired.sources.iter().map(|s| (s.path.clone(), s.sha256.clone())).collect();
        // The project file is no source of the mesh.
        let read: Vec<_> = sources.iter().filter(|(p, _)| p != "meshctl.toml").cloned().collect();
        let view = text::View::default();
        let call = call(&plan, &desired);
        let human = text::render(&shown(&plan, &findings, &desired, &read, &call), view);
        golden::check(&case.join("human.txt"), &human);
        let document = report::plan_document(&shown(&plan, &findings, &desired, &sources, &call));
        let value: Value = serde_json::from_str(&document).unwrap();
        let wrong: Vec<String> = validator
            .iter_errors(&value)
            .map(|e| format!("{e} at {}", e.instance_path()))
            .collect();
        assert!(wrong.is_empty(), "{}: {wrong:#?}", case.display());
        golden::check(&case.join("out.json"), &format!("{:#}\n", stable(&document)));
        let markdown =
            report::plan_markdown(&shown(&plan, &findings, &desired, &sources, &call), false);
        golden::check(&case.join("out.md"), &markdown);

        assert_eq!(Plan::from_json(&document).unwrap(), plan, "{}", case.display());
        for line in human.lines() {
            assert_eq!(line, line.trim_end(), "{}: a line ends with blanks", case.display());
        }
        assert!(!human.contains(root().to_str().unwrap()) && !document.contains("/tmp/"));
        if !plan.is_empty() {
            let last = human.lines().next_back().unwrap();
            assert!(last.starts_with("plan p2-"), "{last}");
        }
    }
}

#[test]
fn planning_twice_gives_the_same_bytes_and_after_an_apply_nothing() {
    for case in cases() {
        let (live, desired) = (live_of(&case), load_side(&case, "desired.toml"));
        let (one, two) = (plan_of(&live, &desired), plan_of(&live_of(&case), &desired));
        assert_eq!(one, two, "{}", case.display());
        let text = |(plan, findings): &(Plan, Vec<Diagnostic>)| {
            report::plan_document(&shown(plan, findings, &desired, &[], ""))
        };
        assert_eq!(text(&one), text(&two));
        let after = applied(&live, &one.0);
        let (again, _) = plan_of(&after, &desired);
        assert!(again.is_empty() && again.steps.is_empty(), "{}", case.display());
        let line = text::render(&shown(&again, &[], &desired, &[], ""), text::View::default());
        assert_eq!(line.lines().count(), 1, "{line}");
    }
}

#[test]
fn places_in_plans_are_those_of_the_values() {
    for case in cases() {
        let (live, desired) = (live_of(&case), load_side(&case, "desired.toml"));
        let (plan, _) = plan_of(&live, &desired);
        for change in &plan.changes {
            for edit in &change.edits {
                if !edit.pointer.is_empty() && edit.op != meshctl::plan::EditOp::Remove {
                    assert!(edit.origin.is_some(), "{}: {edit:?}", case.display());
                    let after = change.after.as_ref().unwrap().value();
                    let after = after.pointer(&edit.pointer);
                    assert_eq!(after, edit.after.as_ref(), "{}", case.display());
                }
            }
        }
    }
}
