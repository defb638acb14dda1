//! Which deprecated parts of Envoy's API a message uses.

use prost_reflect::{DynamicMessage, Kind, ReflectMessage as _, Value};
use prost_types::Any;

use crate::pool::{self, Shape, child, entry};
use crate::render::map_key;

/// The JSON paths of set fields and enum values that Envoy's API marks deprecated, in the order of
/// declaration.
///
/// Goes into nested `Any`s of known types; what does not decode is left alone.
pub fn deprecated_fields(any: &Any) -> Vec<String> {
    let mut out = Vec::new();
    if let Ok(message) = pool::decode_any(any) {
        walk(&message, "", 0, &mut out);
    }
    out
}

fn walk(message: &DynamicMessage, path: &str, depth: usize, out: &mut Vec<String>) {
    if depth > pool::MAX_DEPTH {
        return;
    }
    if pool::shape(&message.descriptor()) == Shape::Any {
        let (type_url, payload) = pool::any_parts(message);
        if let Ok(inner) = pool::decode(&type_url, &payload, path) {
            walk(&inner, path, depth + 1, out);
        }
        return;
    }
    for (field, value) in pool::declared_fields(message) {
        let path = child(path, field.name());
        let options = field.field_descriptor_proto().options.as_ref();
        if options.is_some_and(|options| options.deprecated()) {
            out.push(path.clone());
        }
        visit(value, &field.kind(), &path, depth, out);
    }
}

fn visit(value: &Value, kind: &Kind, path: &str, depth: usize, out: &mut Vec<String>) {
    match value {
        Value::Message(message) => walk(message, path, depth + 1, out),
        Value::EnumNumber(number) => {
            let value = kind.as_enum().and_then(|kind| kind.get_value(*number));
            let options =
                value.as_ref().and_then(|v| v.enum_value_descriptor_proto().options.as_ref());
            if options.is_some_and(|options| options.deprecated()) {
                out.push(path.to_owned());
            }
        }
        Value::List(items) => {
            for (index, item) in items.iter().enumerate() {
                visit(item, kind, &format!("{path}[{index}]"), depth, out);
            }
        }
        Value::Map(entries) => {
            let Kind::Message(map) = kind else { return };
            let kind = map.map_entry_value_field().kind();
            let mut sorted: Vec<_> = entries.iter().collect();
            sorted.sort_by_key(|(key, _)| *key);
            for (key, value) in sorted {
                visit(value, &kind, &entry(path, &map_key(key)), depth, out);
            }
        }
        _ => {}
    }
}
