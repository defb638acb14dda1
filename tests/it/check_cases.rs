//! Every code has a bad case that raises it, and what is said about it is recorded.

use crate::support::{authority, golden, root};
use meshctl::diag::{Code, Diagnostic, Severity};
use meshctl::load::{self, Loaded, Options};
use meshctl::report::diagnostics::render;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Codes whose cause is no text in a folder; other tests raise them.
const ELSEWHERE: [&str; 6] = ["MC0020", "MC0022", "MC0024", "MC0025", "MC0060", "MC1208"];
/// Codes about something that is absent, so that there is no place to point at, or that must not be
/// quoted.
const PLACELESS: [&str; 2] = ["MC0013", "MC0061"];
/// Codes whose message is the help: the parser says what it expected.
const HELPLESS: [&str; 1] = ["MC0001"];

/// The codes that checking a project can raise.
fn codes() -> Vec<&'static Code> {
    let mut all = [meshctl::schema::CODES, meshctl::resolve::CODES, load::CODES].concat();
    all.extend(meshctl::rules::codes());
    all.extend(meshctl::envoy::limits::CODES);
    all.sort_by_key(|code| code.id);
    all
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}

/// Loads a copy of a case as a project; a case may bring its own meshctl.toml and an overlay
/// `env/case.toml`, and a table of the certificates in `certs` (see `support::authority`).
fn load_case(case: &Path) -> Loaded {
    let dir = tempfile::tempdir().unwrap();
    copy(case, dir.path());
    if let Ok(table) = fs::read_to_string(case.join("certificates.txt")) {
        authority::make(&table, &dir.path().join("certs"));
    }
    let project = dir.path().join("meshctl.toml");
    if !project.exists() {
        fs::write(project, "").unwrap();
    }
    let env = dir.path().join("env/case.toml").exists().then(|| "case".to_owned());
    let now = 1_801_353_600; // 2027-01-31
    let options = Options { dir: dir.path().to_owned(), env, extra: Default::default(), now };
    let mut loaded = load::load(&options).unwrap();
    golden::in_project(&mut loaded.files);
    loaded
}

fn cases() -> Vec<PathBuf> {
    let folder = root().join("tests/cases/check");
    let mut all: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).filter(|p| p.is_dir()).collect();
    all.sort();
    all
}

fn name(path: &Path) -> &str {
    path.file_name().unwrap().to_str().unwrap()
}

#[test]
fn every_bad_case_raises_its_code_with_a_place_and_a_help() {
    let mut wrong = Vec::new();
    for case in cases() {
        let mut loaded = load_case(&case);
        let found: Vec<Diagnostic> = std::mem::take(&mut loaded.diagnostics).sorted();
        let id = &name(&case)[..6];
        if !found.iter().any(|d| d.code.id == id) {
            let ids: Vec<&str> = found.iter().map(|d| d.code.id).collect();
            wrong.push(format!("{} raises {ids:?} instead", name(&case)));
        }
        for d in &found {
            let what = format!("{}: {} ({})", name(&case), d.code.id, d.message);
            if d.primary.is_none() && !PLACELESS.contains(&d.code.id) {
                wrong.push(format!("{what} has no place"));
            }
            if d.help.is_none() && !HELPLESS.contains(&d.code.id) {
                wrong.push(format!("{what} says nothing about what to do"));
            }
        }
        golden::check(&case.join("human.txt"), &render(&found, &loaded.files, false, 100));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn ten_mistakes_are_ten_findings_in_one_run() {
    let case = root().join("tests/cases/ten");
    let mut loaded = load_case(&case);
    let found: Vec<Diagnostic> = std::mem::take(&mut loaded.diagnostics).sorted();
    golden::check(&case.join("human.txt"), &render(&found, &loaded.files, false, 100));
    assert_eq!(found.len(), 10);
    let different: BTreeSet<&str> = found.iter().map(|d| d.code.id).collect();
    assert_eq!(different.len(), 10);
}

#[test]
fn every_code_has_a_case_and_every_case_a_code() {
    let named: BTreeSet<String> = codes()
        .iter()
        .filter(|code| !ELSEWHERE.contains(&code.id))
        .map(|code| format!("{}-{}", code.id, code.name))
        .collect();
    let cases: BTreeSet<String> = cases().iter().map(|case| name(case).to_owned()).collect();
    let without: Vec<&String> = named.difference(&cases).collect();
    assert!(without.is_empty(), "codes without a case: {without:?}");
    let strange: Vec<&String> = cases.difference(&named).collect();
    assert!(strange.is_empty(), "cases without a code: {strange:?}");
}

#[test]
fn good_meshes_raise_nothing_to_mend() {
    let mut good = vec![root().join("tests/cases/good/whole")];
    let examples = root().join("examples");
    for entry in fs::read_dir(examples).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.join("meshctl.toml").exists() {
            good.push(path);
        }
    }
    for project in good {
        let mut loaded = load_case(&project);
        let mut found = std::mem::take(&mut loaded.diagnostics).sorted();
        found.retain(|d| d.severity >= Severity::Warning);
        let text = render(&found, &loaded.files, false, 100);
        assert!(found.is_empty(), "{}:\n{text}", project.display());
    }
}

#[test]
fn every_suspicious_envoy_configuration_has_an_answer() {
    let text = fs::read_to_string(root().join("tests/cases/suspicious.md")).unwrap();
    let known: BTreeSet<&str> = codes().iter().map(|code| code.id).collect();
    let mut rows = 0;
    for line in text.lines().filter(|line| line.starts_with("| ")).skip(2) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [_, verdict, answer] = cells.as_slice() else { panic!("three cells: {line}") };
        assert!(["rejects", "accepts"].contains(verdict), "{line}");
        rows += 1;
        let words = answer.split(|c: char| !c.is_ascii_alphanumeric());
        let named: Vec<&str> = words.filter(|word| word.starts_with("MC")).collect();
        for code in &named {
            assert!(known.contains(code) || *code == "MC12", "{code} is no code: {line}");
        }
        assert!(
            !named.is_empty()
                || answer.starts_with("inexpressible")
                || answer.starts_with("by construction"),
            "no answer: {line}"
        );
    }
    assert_eq!(rows, 92);
}
