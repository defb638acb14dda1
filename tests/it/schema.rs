//! The language's schema: kept in step with the parser, and complete for App Mesh.

use crate::support::{golden, root, shared};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

#[test]
fn schemas_are_in_step_with_the_parser() {
    let schemas = root().join("schemas");
    let pretty = |value: serde_json::Value| format!("{value:#}\n");
    golden::check(&schemas.join("meshctl.schema.json"), &pretty(meshctl::schema::json_schema()));
    golden::check(&schemas.join("project.schema.json"), &pretty(meshctl::load::project_schema()));
    golden::check(&schemas.join("tests.schema.json"), &pretty(meshctl::expect::tests_schema()));
}

/// The table of keys: App Mesh's field, our key.
fn key_table() -> BTreeMap<String, String> {
    let text = fs::read_to_string(root().join("schemas/appmesh-keys.tsv")).unwrap();
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let mut columns = line.split('\t');
            (columns.next().unwrap().to_owned(), columns.next().unwrap().to_owned())
        })
        .collect()
}

#[test]
fn every_key_of_the_table_is_in_the_language() {
    let paths = meshctl::schema::key_paths();
    let table = key_table();
    assert!(table.len() >= 290, "the table has only {} rows", table.len());
    for (field, key) in table {
        // A list or a named table stands for its items.
        let parent = key.trim_end_matches("[]").trim_end_matches(".*");
        assert!(
            key == "(any duration)" || paths.contains(parent),
            "{field} names `{key}`, which is not in the language"
        );
    }
}

#[test]
fn every_field_of_app_mesh_has_a_key() {
    let Some(reference) = shared("reference/appmesh.md") else { return };
    let text = fs::read_to_string(reference).unwrap();
    let start = text.find("### 1.2").unwrap();
    let end = text.find("## 2. What").unwrap();
    let mut fields = BTreeSet::new();
    for line in text[start..end].lines() {
        let cells: Vec<&str> = line.split(" | ").collect();
        let Some(structure) = cells.first().and_then(|cell| cell.strip_prefix("| ")) else {
            continue;
        };
        if structure == "Structure" || structure.starts_with("---") || cells.len() < 3 {
            continue;
        }
        for field in cells[2..].join(" | ").split("; ") {
            if let Some((name, _)) = field.trim_start_matches('|').trim().split_once(':') {
                let name = name.trim_matches('*');
                if !name.is_empty() && name.chars().all(char::is_alphanumeric) {
                    fields.insert(format!("{structure}.{name}"));
                }
            }
        }
    }
    assert!(fields.len() >= 270, "only {} fields were read from the reference", fields.len());
    let table = key_table();
    let missing: Vec<_> = fields.iter().filter(|field| !table.contains_key(*field)).collect();
    assert!(missing.is_empty(), "fields without a key: {missing:?}");
}
