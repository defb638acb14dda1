//! Whether a plan still holds: only what it read counts.

use super::Plan;
use crate::model::Address;
use crate::revision::{Live, ObjectId};

/// Something that a plan read and that is not any more as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stale {
    /// The resource.
    pub address: Address,
    /// What the plan read; `None`: that there was none.
    pub planned: Option<ObjectId>,
    /// What is there now.
    pub now: Option<ObjectId>,
}

impl Plan {
    /// What has changed among the things that the plan read. Empty: it may be applied, whatever
    /// else has landed since.
    pub fn stale(&self, live: &Live) -> Vec<Stale> {
        self.reads
            .iter()
            .filter_map(|(address, planned)| {
                let now = live.entries.get(address).map(|entry| &entry.object);
                (now != planned.as_ref()).then(|| Stale {
                    address: address.clone(),
                    planned: planned.clone(),
                    now: now.cloned(),
                })
            })
            .collect()
    }
}
