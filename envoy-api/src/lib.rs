//! Envoy's API as the pinned Envoy defines it: generated types, ordered JSON, canonical bytes,
//! validation.
//!
//! The source of everything is `descriptors/`, the schema that the Envoy executable carries in
//! itself. The build script generates the types of [`pb`] from it; the functions here read it at
//! run time, so they know every message type of that Envoy. All of them are deterministic, and none
//! but [`pack`] and [`unpack`] is generic, so that dependents compile fast.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod canonical;
mod checks;
mod deprecated;
mod error;
mod json;
mod merge;
mod parse;
pub mod pb;
mod pool;
mod render;
mod rules;
mod time;
mod validate;
mod yaml;

pub use canonical::{canonical, content_hash, wire_hash};
pub use deprecated::deprecated_fields;
pub use error::Error;
pub use json::Json;
pub use merge::merge_json;
pub use parse::{any_from_json, message_from_json};
pub use pool::{DESCRIPTORS, TYPE_PREFIX, is_known_type, message_type, pool};
pub use prost::{Message, Name};
pub use prost_types::{
    Any, Duration, FieldMask, ListValue, NullValue, Struct, Timestamp, Value, value,
};
pub use render::{any_to_json, message_to_json};
pub use validate::{Violation, unimplemented_rules, validate};

/// The version of the pinned Envoy.
pub const ENVOY_VERSION: &str = "1.40.0";

/// Puts a message into an `Any`.
pub fn pack<M: Message + Name>(message: &M) -> Any {
    Any { type_url: M::type_url(), value: message.encode_to_vec() }
}

/// Takes a message out of an `Any`.
///
/// # Errors
/// Another type in the `Any`, or bytes that do not decode.
pub fn unpack<M: Message + Name + Default>(any: &Any) -> Result<M, Error> {
    let name = any.type_url.rsplit('/').next().unwrap_or_default();
    if name != M::full_name() {
        return Err(Error::WrongType { expected: M::type_url(), found: any.type_url.clone() });
    }
    M::decode(any.value.as_slice()).map_err(|error| Error::Wire {
        path: String::new(),
        type_url: any.type_url.clone(),
        message: error.to_string(),
    })
}
