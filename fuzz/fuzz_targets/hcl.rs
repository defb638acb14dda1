//! Any bytes as HCL, alone and beside a state: an import ends with findings that have a place, or what
//! was understood is formatted TOML that is read as it was understood.

#![no_main]

use libfuzzer_sys::fuzz_target;
use meshctl::import::{Content, Options, Source, import};
use meshctl::report::{diagnostics, import as report};
use meshctl::resolve::resolve;
use meshctl::schema::{parse, write_mesh};
use meshctl::span::Files;

const STATE: &str = include_str!("../seeds/import/terraform.tfstate");

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    for path in ["main.tf", "main.tf.json", "terraform.tfvars"] {
        for state in [false, true] {
            one(path, text, state);
        }
    }
});

fn one(path: &str, text: &str, state: bool) {
    let source = |path: &str, text: &str| Source {
        path: path.to_owned(),
        content: Content::Text(text.to_owned()),
        named: true,
    };
    let mut sources = vec![source(path, text)];
    if state {
        sources.push(source("terraform.tfstate", STATE));
    }
    let vars = [("A", "1"), ("mesh", "shop"), ("list", "[1, 2]")];
    let vars = vars.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let imported = import(sources, &Options { vars, ..Options::default() });
    let found = imported.diagnostics.clone().sorted();
    diagnostics::render(&found, &imported.files, false, 100);
    report::text(&imported, true, false);
    if imported.diagnostics.has_errors() {
        return;
    }
    let mut files = Files::default();
    let id = files.add("mesh.toml", imported.text.as_str());
    let (tree, findings) = parse(id, &imported.text);
    assert!(findings.is_empty(), "{findings:?}\n{}", imported.text);
    let read = resolve(vec![tree], Vec::new());
    assert!(!read.diagnostics.has_errors(), "{:?}\n{}", read.diagnostics, imported.text);
    assert_eq!(read.mesh, imported.mesh, "{}\n{}", imported.text, write_mesh(&imported.mesh));
}
