//! The user's `patch`: raw Envoy fields, laid over what is rendered.

use crate::model::Patch;
use envoy_api::{Message, Name, merge_json, pack, unpack};

/// Lays a patch over a message. One that does not fit changes nothing here; `limits` reports it,
/// and nothing is rendered then.
pub(super) fn apply<M: Message + Name + Default>(message: M, patch: Option<&Patch>) -> M {
    match patch {
        Some(patch) => merged(&message, patch).unwrap_or(message),
        None => message,
    }
}

/// The message with the patch laid over it, or why that cannot be.
pub(super) fn merged<M: Message + Name + Default>(
    message: &M,
    patch: &Patch,
) -> Result<M, envoy_api::Error> {
    unpack(&merge_json(&M::type_url(), &pack(message), patch)?)
}
