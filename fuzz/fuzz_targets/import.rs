//! Any bytes as a definition of App Mesh in each format: it is refused with findings that have a
//! place and say what to do, or what was understood is formatted TOML that is read as it was
//! understood.

#![no_main]

use libfuzzer_sys::fuzz_target;
use meshctl::import::{Content, Format, Options, Source, export, import};
use meshctl::report::{diagnostics, import as report};
use meshctl::resolve::resolve;
use meshctl::schema::{format, parse, write_mesh};
use meshctl::span::Files;

fuzz_target!(|bytes: &[u8]| {
    one(bytes, None);
    for format in Format::ALL {
        one(bytes, Some(format));
    }
});

fn one(bytes: &[u8], from: Option<Format>) {
    let content = match std::str::from_utf8(bytes) {
        Ok(text) => Content::Text(text.to_owned()),
        Err(error) => Content::NotUtf8(error.valid_up_to()),
    };
    let source = Source { path: "color-vn.yaml".to_owned(), content, named: true };
    let vars = [("A", "1"), ("MESH", "shop"), ("NAME", "a b")];
    let vars = vars.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let imported = import(vec![source], &Options { from, vars, ..Options::default() });
    let found = imported.diagnostics.clone().sorted();
    diagnostics::render(&found, &imported.files, false, 100);
    report::text(&imported, true, false);
    report::document(&imported, None);
    for found in &found {
        assert!(found.primary.is_some() && found.help.is_some(), "{found:?}");
    }
    if imported.diagnostics.has_errors() {
        return;
    }
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
