//! The tables of faults, of xDS behaviours and of security: every row names tests that exist, or says
//! why there is none.

use crate::support::root;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

fn sources(folder: &Path, to: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, to);
        } else if path.extension().is_some_and(|end| end == "rs") {
            to.push(fs::read_to_string(path).unwrap());
        }
    }
}

/// The names of all tests.
fn tests() -> BTreeSet<String> {
    let mut texts = Vec::new();
    for folder in ["src", "tests/it"] {
        sources(&root().join(folder), &mut texts);
    }
    let mut names = BTreeSet::new();
    for text in &texts {
        for part in text.replace("#[tokio::test]", "#[test]").split("#[test]").skip(1) {
            let name = part.split("fn ").nth(1).and_then(|rest| rest.split('(').next());
            names.extend(name.map(str::to_owned));
        }
    }
    names
}

/// Fails unless the table has a row for each of these ids, in this order, and each row names tests
/// (between backticks) or says what is left out.
fn check(file: &str, ids: impl Iterator<Item = String>) {
    let text = fs::read_to_string(root().join("tests/cases").join(file)).unwrap();
    let known = tests();
    let rows: Vec<Vec<&str>> = text
        .lines()
        .filter(|line| ["| F", "| L", "| S", "| X"].iter().any(|row| line.starts_with(row)))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    assert_eq!(
        rows.iter().map(|row| row[0].to_owned()).collect::<Vec<_>>(),
        ids.collect::<Vec<_>>()
    );
    for row in &rows {
        let answer = row[2];
        let named: Vec<&str> = answer.split('`').skip(1).step_by(2).collect();
        for name in &named {
            assert!(known.contains(*name), "{file}: {}: there is no test {name}", row[0]);
        }
        let left_out = answer.starts_with("left out: ") || answer.starts_with("later: ");
        assert_ne!(named.is_empty(), !left_out, "{file}: {row:?}");
    }
}

#[test]
fn the_table_of_faults_names_real_tests() {
    check("faults.md", (1..=30).map(|n| format!("F{n}")));
}

#[test]
fn the_table_of_xds_behaviours_names_real_tests() {
    let ids = (1..=21).chain(25..=35).chain(40..=50).chain(55..=66);
    check("xds-behaviours.md", ids.map(|n| format!("X{n}")));
}

#[test]
fn the_table_of_security_names_real_tests() {
    let tests = (1..=28).map(|n| format!("S{n}"));
    check("security.md", tests.chain((1..=40).map(|n| format!("L{n}"))));
}
