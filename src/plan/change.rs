//! One change of a plan: what it does to which resource, and why.

use super::{Cost, Drift, PlannedStep};
use crate::compile::proxies;
use crate::envoy::{ProxyId, ResourceType};
use crate::model::{Address, Mesh};
use crate::revision::{Live, Object};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

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
    /// It stays what it is; only who owns it, or whether it is protected, changes.
    Mark,
}

impl Action {
    /// `+`, `~` or `-`.
    pub const fn symbol(self) -> &'static str {
        match self {
            Self::Create => "+",
            Self::Update | Self::Mark => "~",
            Self::Delete => "-",
        }
    }

    /// The word in plans.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Mark => "mark",
        }
    }
}

/// A change of one resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The resource.
    pub address: Address,
    /// Its kind, the first word of the address.
    pub kind: String,
    /// What is done.
    pub action: Action,
    /// Who will own it; of a delete, who does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Whether no plan may delete it from now on.
    #[serde(default)]
    pub protected: bool,
    /// The line that causes it; a delete has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Place>,
    /// The live object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Object>,
    /// The desired object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Object>,
    /// The fields that differ, of an update.
    pub edits: Vec<Edit>,
    /// The Envoy resources that come from the resource and change.
    pub envoy: BTreeSet<EnvoyName>,
    /// The proxies that it reaches.
    pub proxies: BTreeSet<ProxyId>,
    /// The steps in which it takes place, counted from 1.
    #[serde(default)]
    pub steps: BTreeSet<usize>,
    /// What it costs there.
    pub cost: Cost,
}

impl Change {
    /// A change of a resource that reaches no proxy yet, with no owner, place or edits.
    pub(super) fn new(
        address: &Address,
        action: Action,
        before: Option<Object>,
        after: Option<Object>,
    ) -> Self {
        Self {
            address: address.clone(),
            kind: address.kind().to_string(),
            action,
            owner: None,
            protected: false,
            origin: None,
            before,
            after,
            edits: Vec::new(),
            envoy: BTreeSet::new(),
            proxies: BTreeSet::new(),
            steps: BTreeSet::new(),
            cost: Cost::Nothing,
        }
    }
}

/// Names an Envoy resource, whatever proxy has it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EnvoyName {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: ResourceType,
    /// Its xDS name.
    pub name: String,
}

/// A line of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
pub struct Summary {
    /// Resources that are created.
    pub create: usize,
    /// Resources that are updated.
    pub update: usize,
    /// Resources that are deleted.
    pub delete: usize,
    /// Resources of which only the owner or the protection changes.
    #[serde(default)]
    pub mark: usize,
    /// Live resources that the plan leaves as they are.
    #[serde(default)]
    pub unchanged: usize,
    /// Findings of drift.
    pub drift: usize,
    /// Proxies that get something.
    pub proxies: usize,
    /// Proxies that the mesh will have.
    #[serde(default)]
    pub proxies_total: usize,
    /// The worst that happens to a proxy.
    pub cost: Cost,
    /// How many of the proxies suffer what, each counted at its worst.
    #[serde(default)]
    pub costs: BTreeMap<Cost, usize>,
}

impl Summary {
    /// With what the plan leaves as it is.
    pub(super) fn whole(
        live: &Live,
        desired: &Mesh,
        changes: &[Change],
        steps: &[PlannedStep],
        drift: &[Drift],
    ) -> Self {
        let touched = changes.iter().filter(|change| change.before.is_some()).count();
        let there = if live.revision.is_some() { super::resources(&live.mesh) } else { 0 };
        Self {
            proxies_total: proxies(desired).len(),
            unchanged: there.saturating_sub(touched),
            ..Self::of(changes, steps, drift)
        }
    }

    fn of(changes: &[Change], steps: &[PlannedStep], drift: &[Drift]) -> Self {
        let count = |action| changes.iter().filter(|change| change.action == action).count();
        let mut worst: BTreeMap<&ProxyId, Cost> = BTreeMap::new();
        for (proxy, resources) in steps.iter().flat_map(|step| &step.proxies) {
            let cost = resources.iter().map(|resource| resource.cost).max().unwrap_or_default();
            let known = worst.entry(proxy).or_default();
            *known = cost.max(*known);
        }
        let mut costs = BTreeMap::new();
        for cost in worst.values() {
            *costs.entry(*cost).or_default() += 1;
        }
        Self {
            create: count(Action::Create),
            update: count(Action::Update),
            delete: count(Action::Delete),
            mark: count(Action::Mark),
            unchanged: 0,
            drift: drift.len(),
            proxies: worst.len(),
            proxies_total: 0,
            cost: worst.values().copied().max().unwrap_or_default(),
            costs,
        }
    }
}
