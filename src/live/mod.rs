//! Live state: what a target holds, how it is read, and how a rollout is written to it.
//!
//! [`Read`] and [`Write`] are what every kind of target can do; all kinds pass one conformance
//! suite. A target holds revisions (models, numbered, never rewritten), the steps of the rollout
//! that brings the newest one into force, and the files that proxies read.

pub mod admin;
mod directory;
mod drift;
mod error;
mod http;
pub mod identity;
mod memory;
pub mod private;
pub mod server;

pub use directory::Directory;
pub use drift::{drift, drift_at};
pub use error::Error;
pub use memory::Memory;
pub use server::Server;

pub use crate::revision::{Commit, Rollout, StepId};

use crate::envoy::{ProxyConfig, ProxyId};
use crate::revision::{Header, Live};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// The files of one proxy by their paths in the proxy's folder.
pub type ProxyFiles = BTreeMap<String, String>;

/// What a target holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// The newest revision.
    pub live: Live,
    /// The rollout of that revision, if it has not ended.
    pub rollout: Option<Rollout>,
    /// The step whose files proxies read; `None` before the first.
    pub in_force: Option<StepId>,
}

impl State {
    /// Whether proxies have files although no revision tells of them: the record was lost.
    pub fn is_unrecorded(&self) -> bool {
        self.live.revision.is_none() && self.in_force.is_some()
    }

    /// How many steps of the unfinished rollout are in force.
    pub fn steps_in_force(&self) -> usize {
        match (self.in_force, self.live.revision) {
            (Some(step), Some(revision)) if step.revision == revision => step.number,
            _ => 0,
        }
    }

    /// Whether a rollout goes on: it has neither stopped before a switch nor was it halted.
    pub fn is_under_way(&self) -> bool {
        let rollout = self.rollout.as_ref();
        rollout.is_some_and(|rollout| rollout.stopped.is_none() && rollout.halted.is_none())
    }

    /// The revision whose routes are in force, if it is not the newest: the one before it, while the
    /// rollout of the newest has not switched. A way back leads to what served before, so it counts.
    pub fn before_switch(&self) -> Option<Option<u64>> {
        let rollout = self.rollout.as_ref()?;
        let leads_back = rollout.back.is_some() && rollout.halted.is_none();
        let newest =
            leads_back || rollout.undoes().is_some() || rollout.has_switched(self.steps_in_force());
        (!newest).then_some(rollout.from)
    }
}

/// A step that is to come into force.
#[derive(Debug)]
pub struct NewStep<'a> {
    /// The step.
    pub id: StepId,
    /// Every proxy that has something in it.
    pub proxies: &'a BTreeSet<ProxyId>,
    /// What those get that differ from the step in force; the others keep what they have.
    pub changed: BTreeMap<ProxyId, Arc<ProxyConfig>>,
}

/// Looks at a target. Reading takes no lock and writes nothing.
pub trait Read: Send + Sync {
    /// How messages call the target, for example a path.
    fn place(&self) -> String;

    /// The newest revision, and how far it has come.
    fn state(&self) -> Result<State, Error>;

    /// The model of one revision.
    fn at(&self, revision: u64) -> Result<Live, Error>;

    /// The model of one revision; of none, nothing.
    fn at_or_none(&self, revision: Option<u64>) -> Result<Live, Error> {
        revision.map_or_else(|| Ok(Live::default()), |revision| self.at(revision))
    }

    /// The revision whose routes are in force; empty if there is none yet.
    fn in_force(&self, state: &State) -> Result<Live, Error> {
        match state.before_switch() {
            None => Ok(state.live.clone()),
            Some(from) => self.at_or_none(from),
        }
    }

    /// What plans lead from: the newest revision, which a rollout that is under way brings into force
    /// before anything else; but what is in force where one has stopped or was halted. A plan that was
    /// made against the newest one (`planned`) leads from that, although its rollout stopped meanwhile.
    fn base(&self, state: &State, planned: Option<u64>) -> Result<Live, Error> {
        let against_newest = planned.is_some() && planned == state.live.revision;
        match against_newest || state.is_under_way() {
            true => Ok(state.live.clone()),
            false => self.in_force(state),
        }
    }

    /// Every revision, the newest first.
    fn history(&self) -> Result<Vec<Header>, Error>;

    /// The proxies that have files in the step in force.
    fn proxies(&self) -> Result<BTreeSet<ProxyId>, Error>;

    /// The files that a proxy reads now; empty if it has none.
    fn files(&self, proxy: &ProxyId) -> Result<ProxyFiles, Error>;
}

/// Changes a target, alone: whoever holds this is the only one who can.
pub trait Write: Read {
    /// Makes a revision the newest, if its parent still is; what it needs is on disk when this
    /// returns.
    fn commit(&mut self, commit: &Commit) -> Result<(), Error>;

    /// Brings a step into force, whole.
    fn put(&mut self, step: &NewStep<'_>) -> Result<(), Error>;

    /// Remembers how far the rollout has come; `None` ends it.
    fn progress(&mut self, rollout: Option<&Rollout>) -> Result<(), Error>;
}

/// A target that can be read by all and written by one at a time.
pub trait Target: Read {
    /// Becomes the only writer, waiting up to `patience` for another to end.
    fn lock(&self, patience: Duration) -> Result<Box<dyn Write>, Error>;
}
