//! The JSON Schema of the language, for editors and for the table of keys.

use super::document;
use super::reader::Defs;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The JSON Schema of a file of a project.
pub fn json_schema() -> Value {
    let mut defs = Defs::default();
    let mut schema = document::schema(&mut defs);
    schema["$schema"] = json!("http://json-schema.org/draft-07/schema#");
    schema["title"] = json!("meshctl");
    schema["$defs"] = Value::Object(defs.into_map());
    schema
}

/// Every key of the language as a path: `*` stands for a name, `[]` for the items of a list.
pub fn key_paths() -> BTreeSet<String> {
    let schema = json_schema();
    let mut paths = BTreeSet::new();
    walk(&schema, &schema["$defs"], String::new(), &mut paths);
    paths
}

fn walk(schema: &Value, defs: &Value, path: String, paths: &mut BTreeSet<String>) {
    if let Some(name) = schema["$ref"].as_str().and_then(|r| r.strip_prefix("#/$defs/")) {
        walk(&defs[name], defs, path, paths);
        return;
    }
    for choice in schema["oneOf"].as_array().into_iter().flatten() {
        walk(choice, defs, path.clone(), paths);
    }
    for (key, property) in schema["properties"].as_object().into_iter().flatten() {
        let inner = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        paths.insert(inner.clone());
        walk(property, defs, inner, paths);
    }
    if schema["additionalProperties"].is_object() {
        walk(&schema["additionalProperties"], defs, format!("{path}.*"), paths);
    }
    if schema["items"].is_object() {
        walk(&schema["items"], defs, format!("{path}[]"), paths);
    }
}
