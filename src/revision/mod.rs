//! What a mesh is at one point in its history: resources by content, and the manifest that lists
//! them.
//!
//! A resource's object is its JSON; its identity is the hash of that JSON in canonical form. A
//! manifest names the objects of one revision and is never rewritten.
#![deny(clippy::disallowed_methods)]

mod manifest;
mod object;
mod rollout;

pub use manifest::{Entry, Header, Live, MANIFEST_FORMAT, Manifest, Meta};
pub use object::{Error, Object, ObjectId, canonical_json, join, object, split};
pub use rollout::{ADD_BACK, Back, Canary, Commit, Rollout, StepId, way_back_from};
