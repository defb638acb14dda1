//! The examples as artefacts: what holds of each without a proxy.

use crate::support::root;
use crate::support::sandbox::Sandbox;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The names of all examples.
pub(crate) fn names() -> Vec<String> {
    let entries = fs::read_dir(root().join("examples")).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Copies an example into a sandbox, with a target.
fn copy(sandbox: &Sandbox, name: &str) {
    for entry in fs::read_dir(root().join("examples").join(name)).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            continue;
        }
        let file = path.file_name().unwrap().to_str().unwrap().to_owned();
        let mut text = fs::read_to_string(&path).unwrap();
        if file == "meshctl.toml" && !text.contains("[targets.local]") {
            text.push_str("\n[targets.local]\ndirectory = \"live\"\n");
        }
        sandbox.write(&format!("{name}/{file}"), text);
    }
}

/// All files under a folder by their relative paths; links are not followed.
fn tree(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut todo = vec![folder.to_path_buf()];
    while let Some(next) = todo.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => todo.push(path),
                false => {
                    let bytes = fs::read(&path).unwrap();
                    files.insert(path.strip_prefix(folder).unwrap().to_path_buf(), bytes);
                }
            }
        }
    }
    files
}

#[test]
fn a_plan_after_an_apply_is_empty() {
    for name in names() {
        let sandbox = Sandbox::new();
        copy(&sandbox, &name);
        let plan = ["plan", "-C", &name, "--target", "local", "--detailed-exitcode"];
        sandbox.run(&plan).exits(2);
        sandbox.run(&["apply", "-C", &name, "--target", "local", "--yes"]).exits(0);
        sandbox.run(&plan).exits(0);
        sandbox.run(&["drift", "-C", &name, "--target", "local", "--detailed-exitcode"]).exits(0);
    }
}

#[test]
fn rendering_twice_gives_the_same_bytes() {
    for name in names() {
        let sandbox = Sandbox::new();
        copy(&sandbox, &name);
        sandbox.run(&["render", "-C", &name, "-o", "one"]).exits(0);
        sandbox.run(&["render", "-C", &name, "-o", "two"]).exits(0);
        let one = tree(&sandbox.join("one"));
        assert!(!one.is_empty(), "{name}");
        assert!(one == tree(&sandbox.join("two")), "{name}");
        sandbox.run(&["render", "-C", &name, "-o", "one", "--check"]).exits(0);
    }
}

/// A file's tables as texts: each from its `[` to the next line that opens one. The items of one
/// array stay together, with what belongs to them: their order has a meaning.
fn tables(text: &str) -> Vec<String> {
    let mut all = vec![String::new()];
    let mut array = None;
    for line in text.lines() {
        if line.starts_with('[') {
            let path = line.trim_matches(|c| c == '[' || c == ']').to_owned();
            let goes_on = array.as_ref().is_some_and(|array| path.starts_with(array));
            if !goes_on {
                all.push(String::new());
                array = line.starts_with("[[").then_some(path);
            }
        }
        let last = all.last_mut().unwrap();
        last.push_str(line);
        last.push('\n');
    }
    all
}

#[test]
fn the_order_of_files_and_tables_changes_no_byte() {
    for name in names() {
        let sandbox = Sandbox::new();
        copy(&sandbox, &name);
        sandbox.run(&["render", "-C", &name, "-o", "plain"]).exits(0);
        // All definitions in one file each, named so that their order is turned round, and the
        // tables of each file turned round too.
        let mut count = 0;
        for (path, text) in tree(&sandbox.join(&name)) {
            if path.extension().is_none_or(|e| e != "toml") || path == Path::new("meshctl.toml") {
                continue;
            }
            fs::remove_file(sandbox.join(&name).join(&path)).unwrap();
            let mut tables = tables(&String::from_utf8(text).unwrap());
            tables.reverse();
            count += 1;
            let file = format!("{name}/sub/{}{:02}.toml", "z", 99 - count);
            sandbox.write(&file, tables.join("\n"));
        }
        sandbox.run(&["render", "-C", &name, "-o", "turned"]).exits(0);
        let (plain, turned) = (tree(&sandbox.join("plain")), tree(&sandbox.join("turned")));
        assert!(plain == turned, "{name}");
    }
}
