//! JSON to messages, strictly: what the pinned Envoy does not know is an error that names its path.

use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use prost_reflect::{
    DynamicMessage, EnumDescriptor, FieldDescriptor, Kind, MapKey, MessageDescriptor, Value,
};
use prost_types::Any;
use serde_json::Value as JsonValue;

use crate::pool::{self, Shape, child, entry};
use crate::{Error, canonical, time};

/// Parses protobuf JSON as a message of this type; the result is the canonical wire form.
///
/// Field names may be those of the `.proto` file or camelCase. Unknown fields, enum values and
/// `Any` types, a field given twice and two members of a oneof are errors. An `@type` member of
/// `value` itself must name the same type.
///
/// # Errors
/// The first problem found, with its JSON path.
pub fn message_from_json(type_url: &str, value: &JsonValue) -> Result<Any, Error> {
    let descriptor = pool::message_type(type_url)
        .ok_or_else(|| Error::UnknownType { path: String::new(), type_url: type_url.to_owned() })?;
    let plain = pool::shape(&descriptor) == Shape::Plain;
    let message = match value.get("@type").filter(|_| plain) {
        Some(given) => {
            let mut rest = value.clone();
            if let Some(members) = rest.as_object_mut() {
                members.remove("@type");
            }
            let given = given.as_str().unwrap_or_default();
            if pool::message_type(given).as_ref() != Some(&descriptor) {
                return Err(Error::WrongType {
                    expected: type_url.to_owned(),
                    found: given.to_owned(),
                });
            }
            message(&descriptor, &rest, "", 0)?
        }
        None => message(&descriptor, value, "", 0)?,
    };
    Ok(Any {
        type_url: format!("{}{}", pool::TYPE_PREFIX, descriptor.full_name()),
        value: canonical::encode(&message),
    })
}

/// Parses the JSON of an `Any`, which must have an `@type`.
///
/// # Errors
/// As for [`message_from_json`].
pub fn any_from_json(value: &JsonValue) -> Result<Any, Error> {
    let (type_url, payload) = any_parts(value, "", 0)?;
    Ok(Any { type_url, value: payload })
}

fn wrong<T>(path: &str, message: impl Into<String>) -> Result<T, Error> {
    Err(Error::Json { path: path.to_owned(), message: message.into() })
}

fn expected<T>(path: &str, what: &str, found: &JsonValue) -> Result<T, Error> {
    let kind = match found {
        JsonValue::Null => "null".to_owned(),
        JsonValue::Array(_) => "a list".to_owned(),
        JsonValue::Object(_) => "an object".to_owned(),
        scalar => scalar.to_string(),
    };
    wrong(path, format!("expected {what}, found {kind}"))
}

/// Finds a field by its `.proto` or JSON name.
pub(crate) fn find_field(descriptor: &MessageDescriptor, name: &str) -> Option<FieldDescriptor> {
    descriptor.get_field_by_name(name).or_else(|| descriptor.get_field_by_json_name(name))
}

fn message(
    descriptor: &MessageDescriptor,
    json: &JsonValue,
    path: &str,
    depth: usize,
) -> Result<DynamicMessage, Error> {
    if depth > pool::MAX_DEPTH {
        return wrong(path, "nested too deeply");
    }
    let mut out = DynamicMessage::new(descriptor.clone());
    match pool::shape(descriptor) {
        Shape::Plain => plain(&mut out, descriptor, json, path, depth)?,
        Shape::Any => {
            if json.as_object().is_some_and(serde_json::Map::is_empty) {
                return Ok(out);
            }
            let (type_url, payload) = any_parts(json, path, depth)?;
            out.set_field_by_number(1, Value::String(type_url));
            out.set_field_by_number(2, Value::Bytes(payload.into()));
        }
        Shape::Duration => {
            let Some((seconds, nanos)) = json.as_str().and_then(time::parse_duration) else {
                return expected(path, "a duration such as \"1.5s\"", json);
            };
            out.set_field_by_number(1, Value::I64(seconds));
            out.set_field_by_number(2, Value::I32(nanos));
        }
        Shape::Timestamp => {
            let Some((seconds, nanos)) = json.as_str().and_then(time::parse_timestamp) else {
                return expected(path, "a timestamp such as \"2026-01-02T15:04:05Z\"", json);
            };
            out.set_field_by_number(1, Value::I64(seconds));
            out.set_field_by_number(2, Value::I32(nanos));
        }
        Shape::FieldMask => {
            let Some(text) = json.as_str() else {
                return expected(path, "a comma-separated list of field paths", json);
            };
            let paths = text.split(',').filter(|part| !part.is_empty());
            let paths = paths.map(|part| Value::String(snake(part))).collect();
            out.set_field_by_number(1, Value::List(paths));
        }
        Shape::Struct | Shape::ListValue | Shape::Wrapper => {
            if let Some(field) = descriptor.get_field(1) {
                out.set_field(&field, self::field(&field, json, path, depth)?);
            }
        }
        Shape::Value => {
            // google.protobuf.Value: its members in the order of their numbers.
            let number = match json {
                JsonValue::Null => 1,
                JsonValue::Number(_) => 2,
                JsonValue::String(_) => 3,
                JsonValue::Bool(_) => 4,
                JsonValue::Object(_) => 5,
                JsonValue::Array(_) => 6,
            };
            if let Some(field) = descriptor.get_field(number) {
                out.set_field(&field, single(&field.kind(), json, path, depth)?);
            }
        }
    }
    Ok(out)
}

fn plain(
    out: &mut DynamicMessage,
    descriptor: &MessageDescriptor,
    json: &JsonValue,
    path: &str,
    depth: usize,
) -> Result<(), Error> {
    let Some(members) = json.as_object() else {
        return expected(path, "an object", json);
    };
    let mut seen: Vec<u32> = Vec::new();
    for (name, json) in members {
        let path = child(path, name);
        let Some(field) = find_field(descriptor, name) else {
            return wrong(&path, format!("unknown field `{name}` in {}", descriptor.full_name()));
        };
        if seen.contains(&field.number()) {
            return wrong(&path, format!("field `{}` is given twice", field.name()));
        }
        seen.push(field.number());
        // `null` is the same as leaving the field out, except where null is a value.
        if json.is_null() && !takes_null(&field) {
            continue;
        }
        if let Some(oneof) = field.containing_oneof()
            && let Some(other) = oneof.fields().find(|other| out.has_field(other))
        {
            let message =
                format!("only one of `{}` and `{}` can be set", other.name(), field.name());
            return wrong(&path, message);
        }
        let value = self::field(&field, json, &path, depth)?;
        out.set_field(&field, value);
    }
    Ok(())
}

fn takes_null(field: &FieldDescriptor) -> bool {
    match field.kind() {
        Kind::Message(kind) => !field.is_list() && pool::shape(&kind) == Shape::Value,
        Kind::Enum(kind) => kind.full_name() == "google.protobuf.NullValue",
        _ => false,
    }
}

/// A whole field: a list, a map or a single value.
fn field(
    field: &FieldDescriptor,
    json: &JsonValue,
    path: &str,
    depth: usize,
) -> Result<Value, Error> {
    if field.is_list() {
        let Some(items) = json.as_array() else {
            return expected(path, "a list", json);
        };
        let kind = field.kind();
        let items = items.iter().enumerate();
        return items
            .map(|(index, item)| single(&kind, item, &format!("{path}[{index}]"), depth))
            .collect::<Result<_, _>>()
            .map(Value::List);
    }
    let Kind::Message(map) = field.kind() else {
        return single(&field.kind(), json, path, depth);
    };
    if !field.is_map() {
        return single(&field.kind(), json, path, depth);
    }
    let Some(members) = json.as_object() else {
        return expected(path, "an object", json);
    };
    let (key_kind, value_kind) =
        (map.map_entry_key_field().kind(), map.map_entry_value_field().kind());
    members
        .iter()
        .map(|(key, json)| {
            let path = entry(path, key);
            Ok((map_key(&key_kind, key, &path)?, single(&value_kind, json, &path, depth)?))
        })
        .collect::<Result<_, _>>()
        .map(Value::Map)
}

fn map_key(kind: &Kind, key: &str, path: &str) -> Result<MapKey, Error> {
    let parsed = match kind {
        Kind::String => Some(MapKey::String(key.to_owned())),
        Kind::Bool => key.parse().ok().map(MapKey::Bool),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => key.parse().ok().map(MapKey::I32),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => key.parse().ok().map(MapKey::I64),
        Kind::Uint32 | Kind::Fixed32 => key.parse().ok().map(MapKey::U32),
        Kind::Uint64 | Kind::Fixed64 => key.parse().ok().map(MapKey::U64),
        _ => None,
    };
    parsed.map_or_else(|| wrong(path, format!("`{key}` is not a key of this map")), Ok)
}

/// One value: a singular field, a list item or a map value.
fn single(kind: &Kind, json: &JsonValue, path: &str, depth: usize) -> Result<Value, Error> {
    match kind {
        Kind::Bool => match json.as_bool() {
            Some(value) => Ok(Value::Bool(value)),
            None => expected(path, "true or false", json),
        },
        Kind::String => match json.as_str() {
            Some(value) => Ok(Value::String(value.to_owned())),
            None => expected(path, "a string", json),
        },
        Kind::Bytes => match json.as_str().and_then(base64) {
            Some(value) => Ok(Value::Bytes(value.into())),
            None => expected(path, "base64", json),
        },
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => {
            match integer(json).and_then(|value| i32::try_from(value).ok()) {
                Some(value) => Ok(Value::I32(value)),
                None => expected(path, "a 32-bit integer", json),
            }
        }
        Kind::Uint32 | Kind::Fixed32 => {
            match integer(json).and_then(|value| u32::try_from(value).ok()) {
                Some(value) => Ok(Value::U32(value)),
                None => expected(path, "an unsigned 32-bit integer", json),
            }
        }
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => {
            match integer(json).and_then(|value| i64::try_from(value).ok()) {
                Some(value) => Ok(Value::I64(value)),
                None => expected(path, "a 64-bit integer", json),
            }
        }
        Kind::Uint64 | Kind::Fixed64 => {
            match integer(json).and_then(|value| u64::try_from(value).ok()) {
                Some(value) => Ok(Value::U64(value)),
                None => expected(path, "an unsigned 64-bit integer", json),
            }
        }
        Kind::Double => match float(json) {
            Some(value) => Ok(Value::F64(value)),
            None => expected(path, "a number", json),
        },
        Kind::Float => match float(json) {
            // A finite number must not become infinite by being narrowed.
            Some(value) if !value.is_finite() || (value as f32).is_finite() => {
                Ok(Value::F32(value as f32))
            }
            _ => expected(path, "a 32-bit number", json),
        },
        Kind::Enum(kind) => enum_value(kind, json, path).map(Value::EnumNumber),
        Kind::Message(kind) => message(kind, json, path, depth + 1).map(Value::Message),
    }
}

/// Protobuf JSON takes `5`, `"5"` and `5.0` for the same integer.
fn integer(json: &JsonValue) -> Option<i128> {
    match json {
        JsonValue::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(value), _) => Some(value.into()),
            (_, Some(value)) => Some(value.into()),
            _ => whole(number.as_f64()?),
        },
        JsonValue::String(text) => match text.parse::<i128>() {
            Ok(value) if !text.starts_with('+') => Some(value),
            _ => None,
        },
        _ => None,
    }
}

fn whole(value: f64) -> Option<i128> {
    (value.fract() == 0.0 && value.abs() < 1e19).then_some(value as i128)
}

fn float(json: &JsonValue) -> Option<f64> {
    match json {
        JsonValue::Number(number) => number.as_f64(),
        JsonValue::String(text) => match text.as_str() {
            "NaN" => Some(f64::NAN),
            "Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            // Rust reads `inf` and `nan` too, JSON does not.
            _ => text.parse().ok().filter(|value: &f64| value.is_finite()),
        },
        _ => None,
    }
}

fn enum_value(kind: &EnumDescriptor, json: &JsonValue, path: &str) -> Result<i32, Error> {
    let found = match json {
        JsonValue::Null if kind.full_name() == "google.protobuf.NullValue" => return Ok(0),
        JsonValue::String(name) => kind.get_value_by_name(name),
        _ => match integer(json).and_then(|number| i32::try_from(number).ok()) {
            Some(number) => kind.get_value(number),
            None => return expected(path, "an enum value", json),
        },
    };
    match found {
        Some(value) => Ok(value.number()),
        None => wrong(path, format!("unknown value {json} of enum {}", kind.full_name())),
    }
}

/// The type URL (with the usual prefix) and canonical payload of the JSON of an `Any`.
fn any_parts(json: &JsonValue, path: &str, depth: usize) -> Result<(String, Vec<u8>), Error> {
    let Some(members) = json.as_object() else {
        return expected(path, "an object with an `@type`", json);
    };
    let Some(type_url) = members.get("@type").and_then(JsonValue::as_str) else {
        return wrong(path, "`@type` is missing");
    };
    let descriptor = pool::message_type(type_url).ok_or_else(|| Error::UnknownType {
        path: path.to_owned(),
        type_url: type_url.to_owned(),
    })?;
    let payload = if pool::shape(&descriptor) == Shape::Plain {
        let mut rest = members.clone();
        rest.remove("@type");
        message(&descriptor, &JsonValue::Object(rest), path, depth + 1)?
    } else {
        if let Some(other) = members.keys().find(|key| !matches!(key.as_str(), "@type" | "value")) {
            return wrong(&child(path, other), format!("unknown field `{other}` in {type_url}"));
        }
        let value = members.get("value").unwrap_or(&JsonValue::Null);
        message(&descriptor, value, &child(path, "value"), depth + 1)?
    };
    let type_url = format!("{}{}", pool::TYPE_PREFIX, descriptor.full_name());
    Ok((type_url, canonical::encode(&payload)))
}

/// Protobuf JSON reads standard and URL-safe base64, padded or not.
fn base64(text: &str) -> Option<Vec<u8>> {
    const LENIENT: GeneralPurposeConfig =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let alphabet = if text.contains(['-', '_']) {
        base64::alphabet::URL_SAFE
    } else {
        base64::alphabet::STANDARD
    };
    GeneralPurpose::new(&alphabet, LENIENT).decode(text).ok()
}

/// `fooBar.baz` to `foo_bar.baz`.
fn snake(path: &str) -> String {
    let mut out = String::new();
    for c in path.chars() {
        if c.is_ascii_uppercase() {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}
