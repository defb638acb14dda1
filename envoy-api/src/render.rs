//! Messages to ordered JSON: proto field names, declaration order, sorted map keys.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use prost_reflect::{DynamicMessage, Kind, MapKey, ReflectMessage as _, Value};
use prost_types::Any;

use crate::json::{float_text, float32_text};
use crate::pool::{self, Shape, child, entry};
use crate::{Error, Json};

/// The protobuf JSON of a message, without an `@type` of its own.
///
/// Field names as in the `.proto` file and in its order, map keys sorted, `@type` first in nested
/// `Any`s, fields at their default skipped. Equal messages give equal text.
///
/// # Errors
/// An unknown type or bytes that do not decode, here or in a nested `Any`.
pub fn message_to_json(any: &Any) -> Result<Json, Error> {
    message(&pool::decode_any(any)?, "", 0)
}

/// Like [`message_to_json`], with `@type` first: the JSON of the `Any` itself.
///
/// # Errors
/// As for [`message_to_json`].
pub fn any_to_json(any: &Any) -> Result<Json, Error> {
    any_object(&any.type_url, &any.value, "", 0)
}

fn message(value: &DynamicMessage, path: &str, depth: usize) -> Result<Json, Error> {
    if depth > pool::MAX_DEPTH {
        return Err(Error::Json { path: path.to_owned(), message: "nested too deeply".to_owned() });
    }
    match pool::shape(&value.descriptor()) {
        Shape::Plain => {
            let mut members = Vec::new();
            for (field, value) in pool::declared_fields(value) {
                let path = child(path, field.name());
                members.push((
                    field.name().to_owned(),
                    self::value(value, &field.kind(), &path, depth)?,
                ));
            }
            Ok(Json::Object(members))
        }
        Shape::Any => {
            let (type_url, payload) = pool::any_parts(value);
            if type_url.is_empty() && payload.is_empty() {
                return Ok(Json::Object(Vec::new()));
            }
            any_object(&type_url, &payload, path, depth)
        }
        Shape::Duration => {
            let (seconds, nanos) = seconds_nanos(value);
            let sign = if seconds < 0 || nanos < 0 { "-" } else { "" };
            Ok(Json::String(format!("{sign}{}{}s", seconds.unsigned_abs(), fraction(nanos))))
        }
        Shape::Timestamp => {
            let (seconds, nanos) = seconds_nanos(value);
            Ok(Json::String(crate::time::format_timestamp(seconds, &fraction(nanos))))
        }
        Shape::FieldMask => {
            let paths = value.get_field_by_number(1);
            let paths = paths.as_deref().and_then(Value::as_list).unwrap_or_default();
            let paths: Vec<String> =
                paths.iter().filter_map(Value::as_str).map(lower_camel).collect();
            Ok(Json::String(paths.join(",")))
        }
        Shape::Struct | Shape::ListValue => match field(value, 1) {
            Some((inner, kind)) => self::value(&inner, &kind, path, depth),
            None if pool::shape(&value.descriptor()) == Shape::Struct => {
                Ok(Json::Object(Vec::new()))
            }
            None => Ok(Json::Array(Vec::new())),
        },
        // A `Value` without any member is not valid, but Envoy sends it; `null` is what it means.
        Shape::Value => match value.fields().next() {
            Some((field, inner)) => self::value(inner, &field.kind(), path, depth),
            None => Ok(Json::Null),
        },
        Shape::Wrapper => {
            let inner = value.get_field_by_number(1);
            let kind = value.descriptor().get_field(1).map(|field| field.kind());
            match (inner, kind) {
                (Some(inner), Some(kind)) => self::value(&inner, &kind, path, depth),
                _ => Ok(Json::Null),
            }
        }
    }
}

/// The value and kind of a set field.
fn field(message: &DynamicMessage, number: u32) -> Option<(Value, Kind)> {
    let field = message.descriptor().get_field(number)?;
    message.has_field(&field).then(|| (message.get_field(&field).into_owned(), field.kind()))
}

fn any_object(type_url: &str, payload: &[u8], path: &str, depth: usize) -> Result<Json, Error> {
    let inner = pool::decode(type_url, payload, path)?;
    let plain = pool::shape(&inner.descriptor()) == Shape::Plain;
    let mut members = vec![("@type".to_owned(), Json::String(type_url.to_owned()))];
    match message(&inner, path, depth + 1)? {
        Json::Object(fields) if plain => members.extend(fields),
        other => members.push(("value".to_owned(), other)),
    }
    Ok(Json::Object(members))
}

fn value(value: &Value, kind: &Kind, path: &str, depth: usize) -> Result<Json, Error> {
    Ok(match value {
        Value::Bool(value) => Json::Bool(*value),
        Value::I32(value) => Json::Number(value.to_string()),
        Value::U32(value) => Json::Number(value.to_string()),
        // 64-bit numbers are strings in protobuf JSON, because many readers have doubles only.
        Value::I64(value) => Json::String(value.to_string()),
        Value::U64(value) => Json::String(value.to_string()),
        Value::F32(value) => match special_float(f64::from(*value)) {
            Some(text) => Json::String(text.to_owned()),
            None => Json::Number(float32_text(*value)),
        },
        Value::F64(value) => match special_float(*value) {
            Some(text) => Json::String(text.to_owned()),
            None => Json::Number(float_text(*value)),
        },
        Value::String(value) => Json::String(value.clone()),
        Value::Bytes(value) => Json::String(BASE64_STANDARD.encode(value)),
        Value::EnumNumber(number) => match kind {
            Kind::Enum(kind) if kind.full_name() == "google.protobuf.NullValue" => Json::Null,
            Kind::Enum(kind) => match kind.get_value(*number) {
                Some(value) => Json::String(value.name().to_owned()),
                None => Json::Number(number.to_string()),
            },
            _ => Json::Number(number.to_string()),
        },
        Value::Message(value) => message(value, path, depth + 1)?,
        Value::List(items) => {
            let mut array = Vec::with_capacity(items.len());
            for (index, item) in items.iter().enumerate() {
                array.push(self::value(item, kind, &format!("{path}[{index}]"), depth)?);
            }
            Json::Array(array)
        }
        Value::Map(entries) => {
            let Kind::Message(map) = kind else { return Ok(Json::Null) };
            let kind = map.map_entry_value_field().kind();
            let mut sorted: Vec<_> = entries.iter().collect();
            sorted.sort_by_key(|(key, _)| *key);
            let mut members = Vec::with_capacity(sorted.len());
            for (key, value) in sorted {
                let key = map_key(key);
                let path = entry(path, &key);
                let value = self::value(value, &kind, &path, depth)?;
                members.push((key, value));
            }
            Json::Object(members)
        }
    })
}

/// A map key as JSON writes it.
pub(crate) fn map_key(key: &MapKey) -> String {
    match key {
        MapKey::Bool(value) => value.to_string(),
        MapKey::I32(value) => value.to_string(),
        MapKey::I64(value) => value.to_string(),
        MapKey::U32(value) => value.to_string(),
        MapKey::U64(value) => value.to_string(),
        MapKey::String(value) => value.clone(),
    }
}

fn special_float(value: f64) -> Option<&'static str> {
    if value.is_nan() {
        Some("NaN")
    } else if value == f64::INFINITY {
        Some("Infinity")
    } else if value == f64::NEG_INFINITY {
        Some("-Infinity")
    } else {
        None
    }
}

/// The fields of a Duration or Timestamp.
pub(crate) fn seconds_nanos(message: &DynamicMessage) -> (i64, i32) {
    (
        message.get_field_by_number(1).as_deref().and_then(Value::as_i64).unwrap_or_default(),
        message.get_field_by_number(2).as_deref().and_then(Value::as_i32).unwrap_or_default(),
    )
}

/// Nanoseconds as protobuf JSON writes them: none, three, six or nine digits.
fn fraction(nanos: i32) -> String {
    let nanos = nanos.unsigned_abs();
    if nanos == 0 {
        String::new()
    } else if nanos.is_multiple_of(1_000_000) {
        format!(".{:03}", nanos / 1_000_000)
    } else if nanos.is_multiple_of(1_000) {
        format!(".{:06}", nanos / 1_000)
    } else {
        format!(".{nanos:09}")
    }
}

/// `foo_bar.baz` to `fooBar.baz`.
fn lower_camel(path: &str) -> String {
    let mut out = String::new();
    let mut upper = false;
    for c in path.chars() {
        if c == '_' {
            upper = true;
        } else {
            out.push(if upper { c.to_ascii_uppercase() } else { c });
            upper = false;
        }
    }
    out
}
