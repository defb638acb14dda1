//! What holds for every import.

use meshctl::import::{Imported, export};
use meshctl::report::{diagnostics, import as report};
use meshctl::resolve::resolve;
use meshctl::schema::{format, parse, write_mesh};
use meshctl::span::Files;

/// Findings have a place and say what to do; without errors there is formatted TOML that is read as it was
/// understood.
pub fn check(imported: &Imported) {
    let found = imported.diagnostics.clone().sorted();
    diagnostics::render(&found, &imported.files, false, 100);
    report::text(imported, true, false);
    report::document(imported, None);
    for found in &found {
        assert!(found.primary.is_some() && found.help.is_some(), "{found:?}");
    }
    if imported.diagnostics.has_errors() {
        return;
    }
    assert_eq!(imported.differs, None);
    let mut files = Files::default();
    let mut trees = Vec::new();
    for (name, text) in &imported.project {
        assert_eq!(format(text).as_ref(), Ok(text), "{name} is formatted");
        if name != "meshctl.toml" {
            let id = files.add(name.as_str(), text.as_str());
            let (tree, findings) = parse(id, text);
            assert!(findings.is_empty(), "{findings:?}\n{text}");
            trees.push(tree);
        }
    }
    let read = resolve(trees, Vec::new());
    assert!(!read.diagnostics.has_errors(), "{:?}\n{}", read.diagnostics, imported.text);
    assert_eq!(read.mesh, imported.mesh, "{}\n{}", imported.text, write_mesh(&imported.mesh));
    export(&imported.mesh);
}
