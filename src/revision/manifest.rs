//! Manifests: which objects make up a revision.

use super::ObjectId;
use crate::model::{Address, Mesh, MeshName};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The version of the manifest's form.
pub const MANIFEST_FORMAT: u32 = 1;

/// One resource of a revision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Its content.
    pub object: ObjectId,
    /// The project that owns it; plans of others leave it alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Whether no plan may delete it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub protected: bool,
}

/// A revision: numbered from 1, never rewritten.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The version of this form.
    pub format: u32,
    /// The mesh.
    pub mesh: MeshName,
    /// Its number.
    pub revision: u64,
    /// The revision that it was made from.
    pub parent: Option<u64>,
    /// The digest of the plan that made it.
    pub plan: String,
    /// The resources.
    pub entries: BTreeMap<Address, Entry>,
    /// Who made it, when and why: not part of what it is.
    pub meta: Meta,
}

/// A manifest without its resources: a line of the history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The mesh.
    pub mesh: MeshName,
    /// Its number.
    pub revision: u64,
    /// The revision that it was made from.
    pub parent: Option<u64>,
    /// The digest of the plan that made it.
    pub plan: String,
    /// How many resources it has.
    pub resources: usize,
    /// Who made it, when and why.
    pub meta: Meta,
}

impl Manifest {
    /// What the history says of it.
    pub fn header(&self) -> Header {
        let Self { format: _, mesh, revision, parent, plan, entries, meta } = self;
        Header {
            mesh: mesh.clone(),
            revision: *revision,
            parent: *parent,
            plan: plan.clone(),
            resources: entries.len(),
            meta: meta.clone(),
        }
    }
}

/// Who made a revision, when and why.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Meta {
    /// When, in RFC 3339.
    pub at: String,
    /// Who, as the system knows the user.
    pub by: String,
    /// What the plan did, in a few words.
    pub summary: String,
}

/// The live state, as plans see it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Live {
    /// The revision in force; `None` before the first.
    pub revision: Option<u64>,
    /// The model.
    pub mesh: Mesh,
    /// The resources with their owners.
    pub entries: BTreeMap<Address, Entry>,
}
