//! Patches over messages, as a user writes them in JSON.

use prost_reflect::{Kind, MessageDescriptor};
use prost_types::Any;
use serde_json::{Map, Value as JsonValue};

use crate::parse::find_field;
use crate::pool::{self, Shape};
use crate::{Error, message_from_json, message_to_json};

/// Lays `patch` over `base`: objects merge, lists and scalars replace, `null` removes.
///
/// Setting a member of a oneof replaces the member that was set. A patch of an `Any` keeps the
/// `@type` it does not give and starts afresh when it gives another. The result is parsed strictly
/// ([`message_from_json`]).
///
/// # Errors
/// A `base` that does not decode or is not of type `type_url`, and all that [`message_from_json`]
/// refuses.
pub fn merge_json(type_url: &str, base: &Any, patch: &JsonValue) -> Result<Any, Error> {
    let descriptor = pool::message_type(type_url);
    if descriptor.is_none() || descriptor != pool::message_type(&base.type_url) {
        return Err(Error::WrongType {
            expected: type_url.to_owned(),
            found: base.type_url.clone(),
        });
    }
    let mut merged = JsonValue::from(&message_to_json(base)?);
    // Without an `@type` of its own, `merged` has no other type to change to.
    let mut patch = patch.clone();
    if let Some(members) = patch.as_object_mut()
        && let Some(given) = members.remove("@type")
        && pool::message_type(given.as_str().unwrap_or_default()) != descriptor
    {
        return Err(Error::WrongType {
            expected: type_url.to_owned(),
            found: given.as_str().unwrap_or_default().to_owned(),
        });
    }
    merge(descriptor.as_ref(), &mut merged, &patch);
    message_from_json(type_url, &merged)
}

/// Merges `patch` into `base`, a message of type `descriptor` or, without one, plain JSON.
fn merge(descriptor: Option<&MessageDescriptor>, base: &mut JsonValue, patch: &JsonValue) {
    let Some(patch) = patch.as_object() else {
        *base = patch.clone();
        return;
    };
    let mut descriptor = descriptor.cloned();
    if descriptor.as_ref().is_some_and(|d| pool::shape(d) == Shape::Any) {
        let given = patch.get("@type").and_then(JsonValue::as_str);
        let had = base.get("@type").and_then(JsonValue::as_str);
        let inner = given.or(had).and_then(pool::message_type);
        if given.is_some() && inner != had.and_then(pool::message_type) {
            *base = JsonValue::Object(Map::new());
        }
        descriptor = inner;
    }
    if !base.is_object() {
        *base = JsonValue::Object(Map::new());
    }
    if let Some(members) = base.as_object_mut() {
        merge_members(descriptor.as_ref(), members, patch);
    }
}

fn merge_members(
    descriptor: Option<&MessageDescriptor>,
    base: &mut Map<String, JsonValue>,
    patch: &Map<String, JsonValue>,
) {
    for (name, value) in patch {
        let field = descriptor.and_then(|descriptor| find_field(descriptor, name));
        // The base is rendered with `.proto` names, so a camelCase patch must be translated to hit
        // them.
        let name = field.as_ref().map_or(name.as_str(), |field| field.name());
        if value.is_null() {
            base.remove(name);
            continue;
        }
        if let Some(oneof) = field.as_ref().and_then(|field| field.containing_oneof()) {
            for other in oneof.fields().filter(|other| other.name() != name) {
                base.remove(other.name());
            }
        }
        let slot = base.entry(name).or_insert(JsonValue::Null);
        match field {
            Some(field) if field.is_map() => merge_map(&field.kind(), slot, value),
            Some(field) => merge(pool::field_message(&field).as_ref(), slot, value),
            None => merge(None, slot, value),
        }
    }
}

fn merge_map(kind: &Kind, base: &mut JsonValue, patch: &JsonValue) {
    let value_type = kind.as_message().and_then(|map| match map.map_entry_value_field().kind() {
        Kind::Message(message) => Some(message),
        _ => None,
    });
    let Some(patch) = patch.as_object() else {
        *base = patch.clone();
        return;
    };
    if !base.is_object() {
        *base = JsonValue::Object(Map::new());
    }
    let Some(base) = base.as_object_mut() else { return };
    for (key, value) in patch {
        if value.is_null() {
            base.remove(key);
        } else {
            let slot = base.entry(key.as_str()).or_insert(JsonValue::Null);
            merge(value_type.as_ref(), slot, value);
        }
    }
}
