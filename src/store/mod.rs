//! What a control plane keeps: the revisions of several meshes, and how far each has come.
//!
//! ```text
//!  head of a mesh ──> revision 5 ──hash──> revision 4 ──> …
//!  (compare and swap)     │ hashes
//!                         └──> leaves: address -> object, owner ──hashes──> objects
//! ```
//!
//! Objects are named by their content, revisions are numbered and never rewritten, and the head
//! moves only from the parent that a commit names. So a commit is there whole or not at all, and of
//! two commits on one parent one is refused.

pub mod audit;
mod embedded;
mod error;
pub mod security;

pub use embedded::{Checked, Embedded};
pub use error::Error;

use crate::model::MeshName;
use crate::revision::{Commit, Header, Manifest, ObjectId, Rollout, StepId};
use security::{Change, Security};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Where a mesh stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The newest revision.
    pub revision: u64,
    /// Its rollout, if it has not ended.
    pub rollout: Option<Rollout>,
    /// The step that proxies are to have; `None` before the first.
    pub in_force: Option<StepId>,
    /// What the models leave to the target (stand-ins for certificates), as its writer gave it.
    pub settings: Value,
}

/// Under what a commit is remembered, and what comes with it.
#[derive(Clone, Copy, Debug)]
pub struct Terms<'a> {
    /// The key that names this attempt: with the same key nothing is committed twice.
    pub key: Option<&'a str>,
    /// The settings from now on.
    pub settings: &'a Value,
}

/// What a key stands for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Landed {
    /// The digest of the plan that was committed under the key.
    pub plan: String,
    /// The revision that it became.
    pub revision: u64,
}

/// A store of revisions. All calls block; what they return as done is on disk.
pub trait Store: Send + Sync {
    /// The identity of the store: plans are bound to it. A restored store has another one.
    fn lineage(&self) -> String;

    /// The meshes, by name.
    fn meshes(&self) -> Result<Vec<MeshName>, Error>;

    /// Where a mesh stands; `None` if it was never committed.
    fn head(&self, mesh: &MeshName) -> Result<Option<Head>, Error>;

    /// One revision.
    fn manifest(&self, mesh: &MeshName, revision: u64) -> Result<Manifest, Error>;

    /// Every revision, the newest first.
    fn history(&self, mesh: &MeshName) -> Result<Vec<Header>, Error>;

    /// Objects by their identities; those that are not there are left out.
    fn objects(&self, ids: &BTreeSet<ObjectId>) -> Result<BTreeMap<ObjectId, Value>, Error>;

    /// Makes a revision the newest if its parent still is, with all its objects and its key, or
    /// changes nothing.
    fn commit(&self, commit: &Commit, terms: &Terms<'_>) -> Result<(), Error>;

    /// Remembers how far the rollout of a revision has come, if that is still the newest.
    fn progress(
        &self,
        mesh: &MeshName,
        revision: u64,
        rollout: Option<&Rollout>,
        in_force: Option<StepId>,
    ) -> Result<(), Error>;

    /// All of it as it is at this moment, for a backup.
    fn copy(&self) -> Result<Vec<u8>, Error>;

    /// What is registered for a mesh, by the keys that [`Store::register`] was given.
    fn registered(&self, mesh: &MeshName) -> Result<BTreeMap<String, Value>, Error>;

    /// Remembers something that is registered for a mesh; `None` forgets it.
    fn register(&self, mesh: &MeshName, key: &str, value: Option<&Value>) -> Result<(), Error>;

    /// Operators, join tokens and revocations.
    fn security(&self) -> Result<Security, Error>;

    /// Changes some of them, all in one transaction.
    fn secure(&self, changes: &[Change]) -> Result<(), Error>;

    /// The newest line of the audit log that the store knows.
    fn audit(&self) -> Result<Option<audit::Head>, Error>;

    /// The newest line of the audit log that is on disk: every transaction from now on has it.
    fn note_audit(&self, head: &audit::Head);

    /// What was committed under a key.
    fn landed(&self, mesh: &MeshName, key: &str) -> Result<Option<Landed>, Error>;
}
