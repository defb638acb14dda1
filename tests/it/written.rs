//! A model that is written as TOML is read back as it was, and the text is formatted.

use crate::support::{random_mesh, root};
use meshctl::load::{self, Options};
use meshctl::model::{Bind, Mesh};
use meshctl::schema::{format, parse, read_mesh, write_mesh};
use meshctl::span::Files;
use std::fs;

/// Reads a text as a mesh that has nothing wrong.
pub(crate) fn read(text: &str) -> Mesh {
    let mut files = Files::default();
    let id = files.add("m.toml", text);
    let (tree, diagnostics) = parse(id, text);
    assert!(diagnostics.is_empty(), "{diagnostics:?}\n{text}");
    let reading = read_mesh(&tree);
    assert!(!reading.diagnostics.has_errors(), "{:?}\n{text}", reading.diagnostics);
    reading.mesh
}

fn check(mesh: &Mesh) {
    let text = write_mesh(mesh);
    assert_eq!(&read(&text), mesh, "{text}");
    let formatted = format(&text).expect(&text);
    assert_eq!(&read(&formatted), mesh, "{formatted}");
    assert_eq!(format(&formatted).as_ref(), Ok(&formatted));
}

/// The meshes of all examples, and the one of the good case.
pub(crate) fn examples() -> Vec<(String, Mesh)> {
    let mut folders = vec![root().join("tests/cases/good/whole")];
    folders.extend(fs::read_dir(root().join("examples")).unwrap().map(|e| e.unwrap().path()));
    folders.sort();
    let load = |dir: std::path::PathBuf| {
        let name = dir.file_name().unwrap().to_str().unwrap().to_owned();
        let now = 1_801_353_600; // 2027-01-31
        let options = Options { dir, env: None, extra: Default::default(), now };
        (name, load::load(&options).unwrap().mesh)
    };
    folders.into_iter().filter(|dir| dir.join("meshctl.toml").exists()).map(load).collect()
}

/// A mesh made by chance, without what files cannot say: a backend's one port and its many.
pub(crate) fn random(seed: u64) -> Mesh {
    let mut mesh = random_mesh::mesh(seed);
    for (at, backend) in mesh.nodes.values_mut().flat_map(|node| &mut node.backends).enumerate() {
        if at % 2 == 0 {
            backend.bind.only = None;
        } else {
            backend.bind = Bind { only: backend.bind.only, by_port: Default::default() };
        }
    }
    mesh
}

#[test]
fn examples_are_read_back_as_they_were() {
    let examples = examples();
    assert!(examples.len() >= 7);
    for (_, mesh) in examples {
        check(&mesh);
    }
}

#[test]
fn random_meshes_are_read_back_as_they_were() {
    for seed in 0..300 {
        check(&random(seed));
    }
}

#[test]
fn texts_of_any_kind_are_read_back_as_they_were() {
    let mut mesh = random(1);
    let odd = ["", "a\"b", "a\\d+'x", "\\d+", "\u{1}\n\t\r", "${X} #", "é\u{7f}", "'''", "\"\"\""];
    for (at, text) in odd.iter().enumerate() {
        mesh.settings.tags.insert(format!("k{at} {text}"), (*text).to_owned());
    }
    check(&mesh);
}
