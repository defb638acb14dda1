//! Whether a plan still holds: only what it read counts.

use super::{DIGEST_PREFIX, FORMAT, FORMAT_VERSION, Plan, digest};
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

    /// Reads a saved plan. The error says in a sentence why it is none, or not one to be trusted.
    pub fn from_json(text: &str) -> Result<Self, String> {
        let value: serde_json::Value =
            serde_json::from_str(text).map_err(|error| format!("it is no JSON: {error}"))?;
        let word = |key: &str| value.get(key).and_then(serde_json::Value::as_str);
        if word("format") != Some(FORMAT) {
            return Err(format!("its `format` is not \"{FORMAT}\""));
        }
        let version = word("format_version").unwrap_or_default();
        let major = |version: &str| version.split('.').next().map(str::to_owned);
        if major(version) != major(FORMAT_VERSION) {
            return Err(format!(
                "its version is \"{version}\", this meshctl reads \"{FORMAT_VERSION}\"; plan again"
            ));
        }
        let plan: Self = serde_json::from_value(value)
            .map_err(|error| format!("it does not have the form of a plan: {error}"))?;
        if !plan.digest.starts_with(DIGEST_PREFIX) || digest::of(&plan) != plan.digest {
            return Err("its digest is not that of its content: it was changed by hand".into());
        }
        Ok(plan)
    }
}
