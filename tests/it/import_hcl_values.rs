//! Expressions of HCL and what `terraform console` says of them.
//!
//! `tests/cases/terraform-values/values.tsv` has a line for each: the expression (`\N` for a line break), what
//! Terraform 1.11.4 gives for `jsonencode(EXPRESSION)` beside `variables.tf`, or `error`, and a third column where
//! this import does something else: `unresolved` asks for the value, `rejected` reports an error, and `kept`
//! gives a value (functions of Terraform 0.11; what the console hides).

use crate::import_hcl::{read, said};
use crate::support::root;
use meshctl::schema::write_mesh;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;

fn node(at: usize, expression: &str) -> (String, String) {
    let text = format!(
        "resource \"aws_appmesh_virtual_node\" \"n{at}\" {{\n  name = \"n{at}\"\n  mesh_name = \"m\"\n  spec {{}}\n  \
         tags = {{ v = jsonencode({}) }}\n}}\n",
        expression.replace("\\N", "\n")
    );
    (format!("e{at}.tf"), text)
}

/// What each expression gives, and what is said of those that give nothing.
fn given(expressions: &[&str]) -> (BTreeMap<usize, String>, BTreeMap<usize, String>) {
    let folder = root().join("tests/cases/terraform-values");
    let variables = fs::read_to_string(folder.join("variables.tf")).unwrap();
    let mesh = "resource \"aws_appmesh_mesh\" \"m\" { name = \"m\" }\n";
    let nodes: Vec<(String, String)> =
        expressions.iter().enumerate().map(|(at, one)| node(at, one)).collect();
    let mut files = vec![("variables.tf", format!("{mesh}{variables}"))];
    files.extend(nodes.iter().map(|(path, text)| (path.as_str(), text.clone())));
    let imported = read(&files);
    let mut reported: BTreeMap<usize, String> = BTreeMap::new();
    for line in said(&imported).lines() {
        let at =
            line.split([' ', ':']).find_map(|word| word.strip_prefix('e')?.strip_suffix(".tf"));
        if let Some(at) = at.and_then(|at| at.parse().ok())
            && !line.contains("default")
        {
            let _ = writeln!(reported.entry(at).or_default(), "{line}");
        }
    }
    let table: toml::Table = write_mesh(&imported.mesh).parse().unwrap();
    let nodes =
        table.get("virtual_node").and_then(toml::Value::as_table).cloned().unwrap_or_default();
    let values = nodes.iter().filter_map(|(name, node)| {
        let value = node.get("tags")?.get("v")?.as_str()?.to_owned();
        Some((name.strip_prefix('n')?.parse().ok()?, value))
    });
    (values.collect(), reported)
}

#[test]
fn expressions_have_the_values_that_terraform_gives_them() {
    let table = root().join("tests/cases/terraform-values/values.tsv");
    let table = fs::read_to_string(table).unwrap();
    let rows: Vec<Vec<&str>> = table.lines().map(|line| line.split('\t').collect()).collect();
    assert!(rows.len() > 700, "{}", rows.len());
    let expressions: Vec<&str> = rows.iter().map(|row| row[0]).collect();
    let (values, reported) = given(&expressions);
    let mut wrong = String::new();
    for (at, row) in rows.iter().enumerate() {
        let value = values.get(&at).map(String::as_str);
        let told = reported.get(&at).map_or("", String::as_str);
        let unresolved = told.contains("unresolved") && told.contains("has no value");
        let rejected = value.is_none() && told.contains("MC");
        let fits = match (row[1], row.get(2).copied()) {
            ("error", None) => rejected || unresolved,
            (_, Some("unresolved")) => unresolved,
            (_, Some("rejected")) => rejected,
            ("error", Some("kept")) => value.is_some() && told.is_empty(),
            (expected, None) => value == Some(expected) && told.is_empty(),
            (_, Some(_)) => false,
        };
        if !fits {
            let _ =
                writeln!(wrong, "{}\n  Terraform: {}\n  here: {value:?} {told}", row[0], row[1]);
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}
