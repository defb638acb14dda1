//! One change of a plan: what it does to which resource, and why.

use super::{Cost, Drift, PlannedStep};
use crate::envoy::{ProxyId, ResourceType};
use crate::model::Address;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeSet;

/// What a change does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// The resource is new.
    Create,
    /// Some of its fields change.
    Update,
    /// It goes away.
    Delete,
}

impl Action {
    /// `+`, `~` or `-`.
    pub const fn symbol(self) -> &'static str {
        match self {
            Self::Create => "+",
            Self::Update => "~",
            Self::Delete => "-",
        }
    }
}

/// A change of one resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// The resource.
    pub address: Address,
    /// What is done.
    pub action: Action,
    /// Who will own it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// The line that causes it; a delete has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Place>,
    /// The live object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// The desired object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
    /// The fields that differ, of an update.
    pub edits: Vec<Edit>,
    /// The Envoy resources that come from the resource and change.
    pub envoy: BTreeSet<(ResourceType, String)>,
    /// The proxies that it reaches.
    pub proxies: BTreeSet<ProxyId>,
    /// What it costs there.
    pub cost: Cost,
}

/// A line of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// The path in the project.
    pub path: String,
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1.
    pub column: u32,
    /// Whether the file is the overlay.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub overlay: bool,
}

/// One field that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Edit {
    /// A JSON pointer into the desired object (of a removal: into the live one).
    pub pointer: String,
    /// The field in words, with names in place of the numbers of list items.
    pub path: String,
    /// What happens to it.
    pub op: EditOp,
    /// The live value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// The desired value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
    /// The line of the desired value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Place>,
}

/// What happens to a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EditOp {
    /// It is new.
    Add,
    /// It has another value.
    Replace,
    /// It goes away.
    Remove,
}

/// Counts of a plan.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Summary {
    /// Resources that are created.
    pub create: usize,
    /// Resources that are updated.
    pub update: usize,
    /// Resources that are deleted.
    pub delete: usize,
    /// Findings of drift.
    pub drift: usize,
    /// Proxies that get something.
    pub proxies: usize,
    /// The worst that happens to a proxy.
    pub cost: Cost,
}

impl Summary {
    pub(super) fn of(changes: &[Change], steps: &[PlannedStep], drift: &[Drift]) -> Self {
        let count = |action| changes.iter().filter(|change| change.action == action).count();
        let proxies: BTreeSet<&ProxyId> =
            steps.iter().flat_map(|step| step.proxies.keys()).collect();
        let all = steps.iter().flat_map(|step| step.proxies.values().flatten());
        Self {
            create: count(Action::Create),
            update: count(Action::Update),
            delete: count(Action::Delete),
            drift: drift.len(),
            proxies: proxies.len(),
            cost: all.map(|change| change.cost).max().unwrap_or_default(),
        }
    }
}
