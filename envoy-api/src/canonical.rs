//! One wire form per content, and hashes of it.

use prost::encoding::{WireType, encode_key, encode_varint};
use prost_reflect::{DynamicMessage, Kind, ReflectMessage as _, Value};
use prost_types::Any;
use sha2::{Digest as _, Sha256};

use crate::pool::{self, Shape};

/// The canonical wire form of a payload: tags ascending, map keys sorted, payloads of nested `Any`s
/// alike.
///
/// Prost writes a oneof where its first member is declared and a `HashMap` in any order, so bytes
/// of two encoders can differ for the same content; this form does not. A payload of an unknown
/// type, or one that does not decode, is returned as it is.
pub fn canonical(any: &Any) -> Vec<u8> {
    payload(&any.type_url, &any.value, 0)
}

/// The SHA-256, in hex, of the type URL and the [`canonical`] form.
pub fn content_hash(any: &Any) -> String {
    hash(&any.type_url, &canonical(any))
}

/// The SHA-256, in hex, of the type URL and the bytes as they are.
///
/// Only for comparing what this process, or the same build of it, encoded from the generated types:
/// their maps are ordered, so equal messages have equal bytes. Much cheaper than [`content_hash`],
/// and not comparable with it.
pub fn wire_hash(any: &Any) -> String {
    hash(&any.type_url, &any.value)
}

fn hash(type_url: &str, payload: &[u8]) -> String {
    let mut hasher = Sha256::new();
    hasher.update(type_url.as_bytes());
    // The separator cannot be part of a type URL.
    hasher.update([0]);
    hasher.update(payload);
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn payload(type_url: &str, value: &[u8], depth: usize) -> Vec<u8> {
    match pool::decode(type_url, value, "") {
        Ok(message) if depth <= pool::MAX_DEPTH => encode_at(&message, depth),
        _ => value.to_vec(),
    }
}

/// The canonical wire form of a message.
pub(crate) fn encode(message: &DynamicMessage) -> Vec<u8> {
    encode_at(message, 0)
}

fn encode_at(message: &DynamicMessage, depth: usize) -> Vec<u8> {
    let mut out = Vec::new();
    if pool::shape(&message.descriptor()) == Shape::Any {
        let (type_url, value) = pool::any_parts(message);
        let value = payload(&type_url, &value, depth + 1);
        for (number, bytes) in [(1, type_url.as_bytes()), (2, value.as_slice())] {
            if !bytes.is_empty() {
                delimited(number, bytes, &mut out);
            }
        }
    } else {
        // Fields come in the order of their numbers.
        for (field, value) in message.fields() {
            put_field(field.number(), &field.kind(), field.is_packed(), value, depth, &mut out);
        }
    }
    let mut unknown: Vec<_> = message.unknown_fields().collect();
    unknown.sort_by_key(|field| field.number());
    for field in unknown {
        field.encode(&mut out);
    }
    out
}

fn put_field(
    number: u32,
    kind: &Kind,
    packed: bool,
    value: &Value,
    depth: usize,
    out: &mut Vec<u8>,
) {
    match value {
        Value::List(items) if packed => {
            let mut body = Vec::new();
            for item in items {
                put(kind, item, depth, &mut body);
            }
            delimited(number, &body, out);
        }
        Value::List(items) => {
            for item in items {
                encode_key(number, kind.wire_type(), out);
                put(kind, item, depth, out);
            }
        }
        Value::Map(entries) => {
            let Kind::Message(map) = kind else { return };
            let (key_field, value_field) = (map.map_entry_key_field(), map.map_entry_value_field());
            let mut sorted: Vec<_> = entries.iter().collect();
            sorted.sort_by_key(|(key, _)| *key);
            for (key, value) in sorted {
                let mut body = Vec::new();
                let key = Value::from(key.clone());
                // Both are always written, as Google's encoders do: whether a message is at its
                // default depends on how it was built.
                put_field(1, &key_field.kind(), false, &key, depth, &mut body);
                put_field(2, &value_field.kind(), false, value, depth, &mut body);
                delimited(number, &body, out);
            }
        }
        single => {
            encode_key(number, kind.wire_type(), out);
            put(kind, single, depth, out);
        }
    }
}

fn delimited(number: u32, bytes: &[u8], out: &mut Vec<u8>) {
    encode_key(number, WireType::LengthDelimited, out);
    encode_varint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

/// A single value without its key.
fn put(kind: &Kind, value: &Value, depth: usize, out: &mut Vec<u8>) {
    let wire = kind.wire_type();
    match value {
        Value::Bool(value) => encode_varint((*value).into(), out),
        Value::I32(value) => match (kind, wire) {
            (_, WireType::ThirtyTwoBit) => out.extend_from_slice(&value.to_le_bytes()),
            (Kind::Sint32, _) => encode_varint(((value << 1) ^ (value >> 31)) as u32 as u64, out),
            // Negative numbers are sign-extended to 64 bits.
            _ => encode_varint(i64::from(*value) as u64, out),
        },
        Value::I64(value) => match (kind, wire) {
            (_, WireType::SixtyFourBit) => out.extend_from_slice(&value.to_le_bytes()),
            (Kind::Sint64, _) => encode_varint(((value << 1) ^ (value >> 63)) as u64, out),
            _ => encode_varint(*value as u64, out),
        },
        Value::U32(value) => match wire {
            WireType::ThirtyTwoBit => out.extend_from_slice(&value.to_le_bytes()),
            _ => encode_varint((*value).into(), out),
        },
        Value::U64(value) => match wire {
            WireType::SixtyFourBit => out.extend_from_slice(&value.to_le_bytes()),
            _ => encode_varint(*value, out),
        },
        Value::F32(value) => out.extend_from_slice(&value.to_le_bytes()),
        Value::F64(value) => out.extend_from_slice(&value.to_le_bytes()),
        Value::EnumNumber(value) => encode_varint(i64::from(*value) as u64, out),
        Value::String(value) => {
            encode_varint(value.len() as u64, out);
            out.extend_from_slice(value.as_bytes());
        }
        Value::Bytes(value) => {
            encode_varint(value.len() as u64, out);
            out.extend_from_slice(value);
        }
        Value::Message(value) => {
            let body = encode_at(value, depth + 1);
            encode_varint(body.len() as u64, out);
            out.extend_from_slice(&body);
        }
        // Lists and maps are never single values.
        Value::List(_) | Value::Map(_) => {}
    }
}
