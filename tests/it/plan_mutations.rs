//! Mutations of the examples that a plan or its guard must show: those of
//! `../shared/cases/mutations` whose heads say so.

use crate::plan_policy::{live, planned};
use crate::support::root;
use meshctl::report::plan as text;
use std::collections::BTreeSet;
use std::fs;

/// Mutations of the examples that a plan or its guard must show, with what is expected.
const MUTATIONS: &[(&str, &[&str])] = &[
    ("01-delete-target", &["cart-v2", "0%"]),
    ("15-tls-permissive", &["tls.mode", "strict -> permissive"]),
    ("17-client-not-enforce", &["client_policy.tls.enforce", "true -> false"]),
    ("21-gateway-port-moves", &["MC0906", "8080"]),
    ("23-router-port-moves", &["MC0906", "lost"]),
    ("25-header-typo", &["~ GET", "by route/cart/canary"]),
    ("33-regex-narrower", &["MC0906", "lost"]),
    ("45-rewrite-prefix-lost", &["MC0906", "lost"]),
    ("47-missing-backend", &["MC0906", "by virtual_node/checkout"]),
    ("51-weights-swapped", &["cart-v1", "cart-v2"]),
    ("55-prefix-takes-siblings", &["new"]),
    ("57-method-changed", &["MC0906", "POST"]),
    ("63-egress-allow-all", &["calls to what the mesh does not define", "leave the mesh"]),
    ("73-service-repointed", &["catalog"]),
    ("87-route-deleted", &["MC0906", "lost"]),
    ("91-app-port-wrong", &["app", "virtual_node/cart-v1"]),
    ("93-route-timeout-1ms", &["timeout.request", "-> 1ms"]),
];

#[test]
fn mutations_of_the_examples_show_in_the_plan() {
    let cases = root().join("../shared/cases/mutations");
    if !cases.is_dir() {
        println!("the folder of mutations is not beside this one");
        return;
    }
    // Those that this test is for are the ones whose heads name the plan or a guard.
    let mut named: BTreeSet<String> = BTreeSet::new();
    for entry in fs::read_dir(&cases).unwrap() {
        let path = entry.unwrap().path();
        let Ok(patch) = fs::read_to_string(&path) else { continue };
        let by = patch.lines().find_map(|line| line.strip_prefix("# expected by: "));
        if by.is_some_and(|by| by.contains('t') || by.contains('g')) {
            named.insert(path.file_stem().unwrap().to_str().unwrap().to_owned());
        }
    }
    let known: BTreeSet<String> = MUTATIONS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(named, known);
    let mut otherwise = Vec::new();
    for (name, expected) in MUTATIONS {
        let patch = cases.join(format!("{name}.patch"));
        let head = fs::read_to_string(&patch).unwrap();
        let example = head.lines().find_map(|line| line.strip_prefix("# example: ")).unwrap();
        let found = mutated(&patch, example);
        let missing: Vec<_> = expected.iter().filter(|text| !found.contains(**text)).collect();
        if !missing.is_empty() {
            otherwise.push(format!("{name} lacks {missing:?}:\n{found}"));
        }
    }
    assert!(otherwise.is_empty(), "{}", otherwise.join("\n"));
}

/// What the plan from an example to its mutation says, refusals included.
fn mutated(patch: &std::path::Path, example: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(root().join("examples").join(example)).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            fs::copy(&path, folder.path().join(path.file_name().unwrap())).unwrap();
        }
    }
    let load = || {
        use meshctl::load::{self, Options};
        use meshctl::resolve::Date;
        let today = Date { year: 2026, month: 1, day: 1 };
        let dir = folder.path().to_path_buf();
        load::load(&Options { dir, env: None, extra: None, today }).unwrap()
    };
    let before = live(&load().mesh);
    let status = std::process::Command::new("patch")
        .args(["-p1", "-s", "-i"])
        .arg(patch)
        .current_dir(folder.path())
        .status()
        .unwrap();
    assert!(status.success(), "{}", patch.display());
    let loaded = load();
    let plan = planned(&before, &loaded.mesh, &[]);
    let mut text = text::requests(&plan.traffic, text::View { full: true, ..Default::default() });
    for refusal in plan.refusals() {
        text.push_str(&format!("{} {}\n", refusal.code, refusal.message));
    }
    if loaded.diagnostics.has_errors() {
        text.push_str("check reports errors\n");
    }
    text
}
