//! Expectations mean what Envoy means: the tests of the examples are sent through live Envoys.

use crate::live_dev::{NEEDY, examples};
use crate::support::mesh::Block;
use crate::support::sandbox::Sandbox;
use crate::support::{envoy, root, tier};
use serde_json::Value;
use std::fs;
use toml_edit::{ArrayOfTables, DocumentMut, Item, Table, value};

/// A request that `dev` can make, and what `test` says becomes of it.
fn asked(test: &Value) -> Option<Table> {
    let from = test["from"].as_str().unwrap();
    let outcome = &test["outcome"];
    // Nothing listens there under explicit capture, which is how `dev` runs a mesh.
    if outcome["end"] == "refused" || outcome["reason"] == "egress" {
        return None;
    }
    let mut table = Table::new();
    let request = &test["request"];
    let url = request["url"].as_str().unwrap();
    let headers = request["headers"].as_array().unwrap();
    let grpc = headers.iter().any(|header| header[1] == "application/grpc");
    table["from"] = value(from);
    table["url"] = value(if grpc { url.replacen("http", "grpc", 1) } else { url.to_owned() });
    if !grpc && !url.starts_with("tcp") {
        table["method"] = value(request["method"].as_str().unwrap());
    }
    let mut own = Table::new();
    for header in headers {
        let name = header[0].as_str().unwrap();
        if !["content-type", "te"].contains(&name) {
            own[name] = value(header[1].as_str().unwrap());
        }
    }
    table["headers"] = Item::Table(own);
    if let Some(status) = outcome["status"].as_i64() {
        // gRPC has a word of its own for what is not there.
        table["status"] = value(if grpc { 12 } else { status });
    }
    Some(table)
}

/// Whether an answer, as `dev` tells it, is what `test` said.
fn same(line: &str, outcome: &Value) -> bool {
    let Some((_, answer)) = line.split_once(" -> ") else { return false };
    if outcome["end"] == "answer" {
        return line.starts_with("ok ") && answer.contains("from a proxy");
    }
    if answer.starts_with("connected") {
        return line.starts_with("ok ");
    }
    let Some((_, told)) = answer.split_once(" from ") else { return false };
    let (node, saw) = told.split_once(", which saw ").unwrap_or((told, ""));
    let nodes = outcome["nodes"].as_array().unwrap();
    let known = nodes.iter().any(|n| n["node"] == node && n["percent"].as_f64().unwrap() > 0.0);
    let bare = |host: &str| host.split(':').next().unwrap().to_owned();
    let (host, path) = saw.split_once('/').unwrap_or((saw, ""));
    let wanted = bare(outcome["host"].as_str().unwrap());
    line.starts_with("ok ")
        && known
        && (saw.is_empty()
            || (bare(host) == wanted && format!("/{path}") == outcome["path"].as_str().unwrap()))
}

fn holds(name: &str) {
    let sandbox = Sandbox::new();
    let source = root().join("examples").join(name);
    for entry in fs::read_dir(&source).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_file() {
            let file = entry.file_name().unwrap().to_str().unwrap().to_owned();
            sandbox.write(&file, fs::read(&entry).unwrap());
        }
    }
    for entry in fs::read_dir(source.join("tests")).unwrap().map(|entry| entry.unwrap().path()) {
        let file = format!("tests/{}", entry.file_name().unwrap().to_str().unwrap());
        sandbox.write(&file, fs::read(&entry).unwrap());
    }
    let ran = sandbox.run(&["test", "--format", "json"]).exits(0);
    let document: Value = serde_json::from_str(&ran.stdout).unwrap();
    let tests = document["tests"].as_array().unwrap();
    let mut requests = ArrayOfTables::new();
    let mut outcomes = Vec::new();
    for test in tests {
        if let Some(table) = asked(test) {
            requests.push(table);
            outcomes.push(&test["outcome"]);
        }
    }
    assert!(outcomes.len() * 2 >= tests.len(), "{name}: most requests can be sent");
    let text = fs::read_to_string(source.join("meshctl.toml")).unwrap();
    let mut settings: DocumentMut = text.parse().unwrap();
    settings["dev"]["requests"] = Item::ArrayOfTables(requests);
    sandbox.write("meshctl.toml", settings.to_string());
    let envoy = envoy::binary().display().to_string();
    let network = Block::take();
    let network = network.second().to_string();
    let ran = sandbox.run(&["dev", ".", "--once", "--envoy", &envoy, "--network", &network]);
    let lines: Vec<&str> = ran.stdout.lines().collect();
    assert_eq!(lines.len(), outcomes.len(), "{name}:\n{}\n{}", ran.stdout, ran.stderr);
    for (line, outcome) in lines.iter().zip(outcomes) {
        assert!(same(line, outcome), "{name}: Envoy: {line}\ntest: {outcome:#}");
    }
}

#[test]
fn live_envoys_do_what_the_tests_of_the_examples_expect() {
    for name in examples() {
        if !NEEDY.iter().any(|(needy, _)| *needy == name) {
            holds(&name);
        }
    }
}

#[test]
fn live_envoys_do_what_the_tests_of_the_needy_examples_expect() {
    for (name, tier) in NEEDY {
        if tier::has(tier) {
            holds(name);
        }
    }
}
