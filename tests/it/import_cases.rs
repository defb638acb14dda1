//! Every code of an import has a source that raises it, and what is said about it is recorded.

use crate::support::sandbox::Sandbox;
use crate::support::{golden, root};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn cases() -> Vec<PathBuf> {
    let folder = root().join("tests/cases/import");
    let mut all: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    all.sort();
    all
}

fn name(path: &Path) -> &str {
    path.file_name().unwrap().to_str().unwrap()
}

/// Imports a copy of a case, with the flags that its file `args` has.
fn run(case: &Path) -> String {
    let sandbox = Sandbox::new();
    let mut args: Vec<String> = vec!["import".to_owned(), "source".to_owned()];
    for entry in fs::read_dir(case).unwrap() {
        let path = entry.unwrap().path();
        match name(&path) {
            "human.txt" => {}
            "args" => {
                let text = fs::read_to_string(&path).unwrap();
                args.extend(text.split_whitespace().map(str::to_owned));
            }
            file => sandbox.write(&format!("source/{file}"), fs::read_to_string(&path).unwrap()),
        }
    }
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    sandbox.run(&args).all()
}

#[test]
fn every_bad_source_raises_its_code() {
    for case in cases() {
        let said = run(&case);
        assert!(said.contains(&name(&case)[..6]), "{}:\n{said}", name(&case));
        golden::check(&case.join("human.txt"), &said);
    }
}

#[test]
fn every_code_of_an_import_has_a_case_and_every_case_a_code() {
    let codes: BTreeSet<String> =
        meshctl::import::CODES.iter().map(|code| format!("{}-{}", code.id, code.name)).collect();
    let cases: BTreeSet<String> = cases().iter().map(|case| name(case).to_owned()).collect();
    assert_eq!(codes, cases);
}
