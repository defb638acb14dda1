//! House rules as tests: layers, headers, file sizes, forgotten test files.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The modules of `src`, lowest layer first (ARCHITECTURE.md shows the same table).
const LAYERS: &[&[&str]] = &[
    &["span", "parallel"],
    &["model", "diag"],
    &["schema", "graph", "api"],
    &["resolve", "traffic", "revision"],
    &["envoy"],
    &["rules", "import", "compile", "expect", "picture"],
    &["plan"],
    &["live", "store", "load"],
    &["apply"],
    &["serve", "report"],
    &["dev"],
    &["cli"],
];

/// Modules that do no I/O: all below layer 7.
const PURE_BELOW: usize = 7;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(under: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut todo = vec![under.to_path_buf()];
    while let Some(folder) = todo.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries {
            let path = entry.unwrap().path();
            if path.is_dir() {
                todo.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn layer_of(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

/// The top-level modules that a text names by `crate::…`, grouped imports included.
fn imports(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    let code: String = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n");
    for (at, _) in code.match_indices("crate::") {
        if code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_') {
            continue;
        }
        let rest = &code[at + "crate::".len()..];
        if let Some(group) = rest.strip_prefix('{') {
            let mut depth = 0;
            let mut word = String::new();
            let mut at_start = true;
            for c in group.chars() {
                match c {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    ',' if depth == 0 => at_start = true,
                    c if depth == 0 && at_start && (c.is_alphanumeric() || c == '_') => {
                        word.push(c);
                        continue;
                    }
                    c if c.is_whitespace() => continue,
                    _ => at_start = false,
                }
                if !word.is_empty() {
                    names.push(std::mem::take(&mut word));
                    at_start = c == ',';
                }
            }
            if !word.is_empty() {
                names.push(word);
            }
        } else {
            names.push(rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect());
        }
    }
    names
}

#[test]
fn grouped_imports_are_seen() {
    let names =
        imports("use crate::{span, plan::{a, b}, live::Read};\nlet x = crate::report::x();");
    assert_eq!(names, ["span", "plan", "live", "report"]);
}

#[test]
fn imports_only_point_downward() {
    let source = root().join("src");
    let mut wrong = Vec::new();
    for file in rust_files(&source) {
        let relative = file.strip_prefix(&source).unwrap();
        let module = relative.components().next().unwrap().as_os_str().to_str().unwrap();
        if module == "main.rs" || module == "lib.rs" {
            continue;
        }
        let Some(own) = layer_of(module) else {
            wrong.push(format!("{module} stands in no layer"));
            continue;
        };
        for name in imports(&fs::read_to_string(&file).unwrap()) {
            if name == module {
                continue;
            }
            match layer_of(&name) {
                Some(layer) if layer < own => {}
                Some(_) => wrong.push(format!("{} imports {name}", relative.display())),
                None => wrong.push(format!("{} names unknown module {name}", relative.display())),
            }
        }
    }
    assert!(wrong.is_empty(), "imports that do not point downward:\n{}", wrong.join("\n"));
}

#[test]
fn pure_modules_deny_input_and_output() {
    let source = root().join("src");
    for module in LAYERS[..PURE_BELOW].iter().copied().flatten() {
        let file = source.join(module).join("mod.rs");
        if file.exists() {
            let text = fs::read_to_string(&file).unwrap();
            assert!(
                text.contains("#![deny(clippy::disallowed_methods)]"),
                "{module} is pure and must deny clippy::disallowed_methods"
            );
        }
    }
}

#[test]
fn only_envoy_names_protobuf_and_only_report_names_miette() {
    let source = root().join("src");
    for file in rust_files(&source) {
        let relative = file.strip_prefix(&source).unwrap().to_str().unwrap().to_owned();
        let text = fs::read_to_string(&file).unwrap();
        assert!(
            !text.contains("envoy_api::pb") || relative.starts_with("envoy/"),
            "{relative} names protobuf types"
        );
        assert!(
            !text.contains("miette::") || relative.starts_with("report/"),
            "{relative} names miette"
        );
    }
}

#[test]
fn every_file_says_what_it_is_for_and_is_short_enough() {
    for folder in ["src", "tests/it", "benches", "envoy-api/src"] {
        for file in rust_files(&root().join(folder)) {
            let text = fs::read_to_string(&file).unwrap();
            let name = file.display();
            assert!(text.starts_with("//!"), "{name} opens with a `//!` line");
            let lines = text.lines().count();
            assert!(lines <= 800, "{name} has {lines} lines; the limit is 800");
        }
    }
}

#[test]
fn every_test_file_is_listed() {
    let folder = root().join("tests/it");
    let main = fs::read_to_string(folder.join("main.rs")).unwrap();
    let mut count = BTreeMap::new();
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if name != "main" && name != "mod" {
            assert!(main.contains(&format!("mod {name};")), "tests/it/main.rs forgets {name}");
            count.insert(name, ());
        }
    }
    assert!(count.contains_key("tidy"));
}
