//! The published JSON Schemas, and what holds of any output of meshctl.

use super::root;
use crate::support::sandbox::Ran;
use jsonschema::Validator;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::sync::OnceLock;

/// The schema files of documents: `schemas/NAME.v1.schema.json`, by NAME.
pub(crate) fn published() -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(root().join("schemas")).unwrap() {
        let path = entry.unwrap().path();
        let file = path.file_name().unwrap().to_str().unwrap();
        if let Some(name) = file.strip_suffix(".v1.schema.json") {
            let text = fs::read_to_string(&path).unwrap();
            found.insert(name.to_owned(), serde_json::from_str(&text).unwrap());
        }
    }
    found
}

fn validators() -> &'static BTreeMap<String, Validator> {
    static VALIDATORS: OnceLock<BTreeMap<String, Validator>> = OnceLock::new();
    VALIDATORS.get_or_init(|| {
        let compile = |(name, schema): (String, Value)| {
            let validator = jsonschema::validator_for(&schema);
            (name.clone(), validator.unwrap_or_else(|why| panic!("schema {name}: {why}")))
        };
        published().into_iter().map(compile).collect()
    })
}

/// Fails unless the value is what the schema of this name describes.
#[track_caller]
pub(crate) fn validate_as(name: &str, value: &Value) {
    let validator = validators().get(name).unwrap_or_else(|| panic!("no schema `{name}`"));
    let wrong: Vec<String> = validator
        .iter_errors(value)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(wrong.is_empty(), "not a {name}:\n{}\n{value:#}", wrong.join("\n"));
}

/// Fails unless the document names its form, and is what the schema of that form describes.
#[track_caller]
pub(crate) fn validate(document: &Value) {
    let format = document["format"].as_str().unwrap_or_else(|| panic!("no format: {document:#}"));
    let name = format.strip_prefix("meshctl.").unwrap_or_else(|| panic!("format {format}"));
    assert!(document["format_version"].is_string(), "no format_version: {document:#}");
    validate_as(&name.replace('_', "-"), document);
}

/// What holds of the output of any run that is piped, whatever its outcome.
#[track_caller]
pub(crate) fn well_formed(ran: &Ran, format: &str) {
    for stream in [&ran.stdout, &ran.stderr] {
        assert!(!stream.contains('\u{1b}'), "an escape byte: {}", ran.all());
        assert!(!stream.contains('\r'), "a carriage return: {}", ran.all());
        let paths = stream.contains("/tests/it/") || stream.contains("panicked");
        assert!(!paths, "a panic or a source path: {}", ran.all());
    }
    let parse = |text: &str| -> Value {
        serde_json::from_str(text).unwrap_or_else(|why| panic!("{why}: {}", ran.all()))
    };
    let failed = !matches!(ran.code, 0 | 2);
    match format {
        "json" => {
            let document = parse(&ran.stdout);
            validate(&document);
            if let Some(code) = document.get("exit_code") {
                assert_eq!(code, ran.code, "{}", ran.all());
            }
            if document["format"] == "meshctl.failure" {
                assert!(failed, "{}", ran.all());
            }
        }
        "ndjson" => {
            let lines: Vec<Value> = ran.stdout.lines().map(parse).collect();
            for line in &lines {
                validate_as("events", line);
            }
            let last = lines.last().unwrap_or_else(|| panic!("no summary: {}", ran.all()));
            assert_eq!(last["type"], "summary", "{}", ran.all());
            assert_eq!(last["exit_code"], ran.code, "{}", ran.all());
            validate(last);
        }
        "sarif" if !ran.stdout.is_empty() => {
            let document = parse(&ran.stdout);
            assert_eq!(document["version"], "2.1.0");
            assert!(document["runs"][0]["results"].is_array(), "{}", ran.all());
        }
        "junit" if !ran.stdout.is_empty() => {
            assert!(ran.stdout.starts_with("<?xml"), "{}", ran.all());
            assert!(ran.stdout.trim_end().ends_with("</testsuites>"), "{}", ran.all());
        }
        "github" => {
            let command = |line: &str| {
                let kind = line.strip_prefix("::").and_then(|rest| rest.split([' ', ':']).next());
                kind.is_some_and(|kind| ["error", "warning", "notice"].contains(&kind))
            };
            assert!(ran.stdout.lines().all(command), "{}", ran.all());
        }
        _ => {}
    }
    if failed {
        assert!(!ran.stderr.trim().is_empty(), "no word on stderr: {}", ran.all());
    }
}
