//! How revisions stand in the tables: a record names its leaves, and leaves name objects.
//!
//! A leaf holds some of the entries of a revision, chosen by the hash of the address. So a revision
//! that changes one resource of ten thousand adds one leaf and a short record, not a list of all.

use crate::model::{Address, MeshName};
use crate::revision::{Entry, Header, Manifest, Meta, ObjectId, Rollout, StepId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// Entries in a leaf, about.
const LEAF: usize = 32;
/// The most leaves of a revision.
const LEAVES: usize = 1024;

/// A revision without its entries.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Record {
    pub(super) format: u32,
    pub(super) mesh: MeshName,
    pub(super) revision: u64,
    pub(super) parent: Option<u64>,
    /// The hash of the parent's record.
    pub(super) parent_record: Option<String>,
    pub(super) plan: String,
    pub(super) resources: usize,
    /// The leaves by their numbers.
    pub(super) leaves: BTreeMap<u32, ObjectId>,
    pub(super) meta: Meta,
}

/// Where a mesh stands.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HeadRow {
    pub(super) revision: u64,
    /// The hash of the revision's record.
    pub(super) record: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) rollout: Option<Rollout>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) in_force: Option<StepId>,
    pub(super) settings: Value,
}

impl Record {
    /// What the history says of it.
    pub(super) fn header(&self) -> Header {
        Header {
            mesh: self.mesh.clone(),
            revision: self.revision,
            parent: self.parent,
            plan: self.plan.clone(),
            resources: self.resources,
            meta: self.meta.clone(),
        }
    }

    /// The manifest with these entries.
    pub(super) fn manifest(&self, entries: BTreeMap<Address, Entry>) -> Manifest {
        Manifest {
            format: self.format,
            mesh: self.mesh.clone(),
            revision: self.revision,
            parent: self.parent,
            plan: self.plan.clone(),
            entries,
            meta: self.meta.clone(),
        }
    }

    /// The record of a manifest, and its leaves by their identities.
    pub(super) fn of(
        manifest: &Manifest,
        parent_record: Option<String>,
    ) -> (Self, BTreeMap<ObjectId, Value>) {
        let Manifest { format, mesh, revision, parent, plan, entries, meta } = manifest;
        let (mut leaves, mut objects) = (BTreeMap::new(), BTreeMap::new());
        for (number, leaf) in split(entries) {
            let value = serde_json::to_value(&leaf).expect("invariant: entries are plain data");
            let id = ObjectId::of(&value);
            leaves.insert(number, id.clone());
            objects.insert(id, value);
        }
        let record = Self {
            format: *format,
            mesh: mesh.clone(),
            revision: *revision,
            parent: *parent,
            parent_record,
            plan: plan.clone(),
            resources: entries.len(),
            leaves,
            meta: meta.clone(),
        };
        (record, objects)
    }
}

/// The entries by their leaves.
fn split(entries: &BTreeMap<Address, Entry>) -> BTreeMap<u32, BTreeMap<&Address, &Entry>> {
    let count = (entries.len() / LEAF).next_power_of_two().min(LEAVES) as u32;
    let mut leaves: BTreeMap<u32, BTreeMap<&Address, &Entry>> = BTreeMap::new();
    for (address, entry) in entries {
        let hash = Sha256::digest(address.to_string().as_bytes());
        let number = u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]]) % count;
        leaves.entry(number).or_default().insert(address, entry);
    }
    leaves
}

/// Bytes of a row.
pub(super) fn bytes(row: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(row).expect("invariant: rows are plain data with string keys")
}

/// The SHA-256 of some bytes, in hex.
pub(super) fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
