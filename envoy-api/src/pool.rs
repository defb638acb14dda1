//! The descriptors of the pinned Envoy, and what the other modules ask of them.

use std::sync::OnceLock;

use prost_reflect::{
    DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, Value,
};
use prost_types::Any;

use crate::Error;

/// The FileDescriptorSet of the pinned Envoy, byte for byte as the executable holds it.
pub static DESCRIPTORS: &[u8] = include_bytes!("../descriptors/envoy-1.40.0.bin");

/// What every type URL starts with.
pub const TYPE_PREFIX: &str = "type.googleapis.com/";

/// Messages nested deeper than this are refused. Prost stops at 100 per payload, but an `Any`
/// starts a new payload.
pub(crate) const MAX_DEPTH: usize = 150;

/// The descriptor pool, decoded at first use (about 20 ms).
pub fn pool() -> &'static DescriptorPool {
    static POOL: OnceLock<DescriptorPool> = OnceLock::new();
    POOL.get_or_init(|| {
        DescriptorPool::decode(DESCRIPTORS).expect("the checked-in descriptors are a valid set")
    })
}

/// The descriptor of a message type, by type URL or full name.
pub fn message_type(type_url: &str) -> Option<MessageDescriptor> {
    pool().get_message_by_name(type_url.rsplit('/').next().unwrap_or(type_url))
}

/// Whether the pinned Envoy has this message type (type URL or full name).
pub fn is_known_type(type_url: &str) -> bool {
    message_type(type_url).is_some()
}

/// Decodes the payload of an `Any`; `path` is for the error.
pub(crate) fn decode(type_url: &str, value: &[u8], path: &str) -> Result<DynamicMessage, Error> {
    let descriptor = message_type(type_url).ok_or_else(|| Error::UnknownType {
        path: path.to_owned(),
        type_url: type_url.to_owned(),
    })?;
    DynamicMessage::decode(descriptor, value).map_err(|error| Error::Wire {
        path: path.to_owned(),
        type_url: type_url.to_owned(),
        message: error.to_string(),
    })
}

/// Decodes a whole `Any`.
pub(crate) fn decode_any(any: &Any) -> Result<DynamicMessage, Error> {
    decode(&any.type_url, &any.value, "")
}

/// The type URL and payload of a dynamic `google.protobuf.Any`.
pub(crate) fn any_parts(message: &DynamicMessage) -> (String, prost::bytes::Bytes) {
    let type_url = message.get_field_by_number(1);
    let value = message.get_field_by_number(2);
    (
        type_url.as_deref().and_then(Value::as_str).unwrap_or_default().to_owned(),
        value.as_deref().and_then(Value::as_bytes).cloned().unwrap_or_default(),
    )
}

/// How protobuf JSON writes a message type.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Shape {
    /// An object of its fields.
    Plain,
    Any,
    Duration,
    Timestamp,
    FieldMask,
    Struct,
    Value,
    ListValue,
    /// Just the value of its only field.
    Wrapper,
}

/// The JSON shape of a message type.
pub(crate) fn shape(descriptor: &MessageDescriptor) -> Shape {
    let Some(name) = descriptor.full_name().strip_prefix("google.protobuf.") else {
        return Shape::Plain;
    };
    match name {
        "Any" => Shape::Any,
        "Duration" => Shape::Duration,
        "Timestamp" => Shape::Timestamp,
        "FieldMask" => Shape::FieldMask,
        "Struct" => Shape::Struct,
        "Value" => Shape::Value,
        "ListValue" => Shape::ListValue,
        "BoolValue" | "StringValue" | "BytesValue" | "FloatValue" | "DoubleValue"
        | "Int32Value" | "Int64Value" | "UInt32Value" | "UInt64Value" => Shape::Wrapper,
        _ => Shape::Plain,
    }
}

/// The set fields of a message in the order the `.proto` file declares them.
pub(crate) fn declared_fields(message: &DynamicMessage) -> Vec<(FieldDescriptor, &Value)> {
    let mut fields: Vec<_> = message.fields().collect();
    // The last element of a field's path is its index in the declaration.
    fields.sort_by_key(|(field, _)| field.path().last().copied());
    fields
}

/// The message type of a field's value or of its elements, when it has one and is not a map.
pub(crate) fn field_message(field: &FieldDescriptor) -> Option<MessageDescriptor> {
    match field.kind() {
        Kind::Message(message) if !field.is_map() => Some(message),
        _ => None,
    }
}

/// `path.name`, or `name` at the top.
pub(crate) fn child(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// `path["key"]`.
pub(crate) fn entry(path: &str, key: &str) -> String {
    format!("{path}[{key:?}]")
}
