//! What a change costs at the proxies that it reaches.
//!
//! The classes were measured on Envoy 1.40: a route that comes by RDS, an endpoint or a secret
//! changes nothing that is open; any change of a cluster, be it metadata, rebuilds its upstream
//! connections; a changed listener drains the connections of its clients.

use super::{Change, PlannedStep, Step};
use crate::compile::Index;
use crate::envoy::{ProxyConfig, ProxyId, ResourceType};
use crate::model::{Address, Mesh};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// What a proxy suffers, from mild to severe.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cost {
    /// No connection is touched.
    #[default]
    Nothing,
    /// Connections to a changed or removed cluster are opened anew; no request is lost.
    UpstreamReconnect,
    /// Connections of clients are drained and closed; requests under way are finished.
    ListenerDrain,
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nothing => "nothing",
            Self::UpstreamReconnect => "upstream reconnect",
            Self::ListenerDrain => "listener drain",
        })
    }
}

/// What happens to an Envoy resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResourceAction {
    /// It is new.
    Add,
    /// Its content changes.
    Change,
    /// It goes away.
    Remove,
}

/// An Envoy resource that a step changes at a proxy.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResourceChange {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: ResourceType,
    /// Its xDS name.
    pub name: String,
    /// What happens to it.
    pub action: ResourceAction,
    /// The version that it gets; none if it goes away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// What that costs.
    pub cost: Cost,
    /// The resources of the mesh that it is made from.
    pub from: BTreeSet<Address>,
}

fn cost_of(kind: ResourceType, action: ResourceAction) -> Cost {
    match (kind, action) {
        (_, ResourceAction::Add) => Cost::Nothing,
        (ResourceType::Listener, _) => Cost::ListenerDrain,
        (ResourceType::Cluster, _) => Cost::UpstreamReconnect,
        (
            ResourceType::RouteConfiguration
            | ResourceType::ClusterLoadAssignment
            | ResourceType::Secret,
            _,
        ) => Cost::Nothing,
    }
}

/// The proxies whose configuration a set of changes can reach.
pub(super) fn affected(live: &Mesh, desired: &Mesh, changes: &[Change]) -> BTreeSet<ProxyId> {
    let mut found = BTreeSet::new();
    if changes.is_empty() {
        return found;
    }
    for mesh in [live, desired] {
        let index = Index::new(mesh);
        for change in changes {
            found.extend(index.reach(&change.address));
        }
    }
    found
}

/// What each step changes at each proxy.
pub(super) fn planned(steps: &[Step]) -> Vec<PlannedStep> {
    steps
        .iter()
        .map(|step| {
            let proxies = step
                .after
                .iter()
                .map(|(proxy, after)| {
                    let before = step.before.get(proxy).and_then(Option::as_deref);
                    (proxy.clone(), resource_changes(before, after.as_deref()))
                })
                .collect();
            PlannedStep { kind: step.kind, proxies }
        })
        .collect()
}

fn resource_changes(
    before: Option<&ProxyConfig>,
    after: Option<&ProxyConfig>,
) -> Vec<ResourceChange> {
    let none = BTreeMap::new();
    let live = before.map_or(&none, |config| &config.resources);
    let desired = after.map_or(&none, |config| &config.resources);
    let keys: BTreeSet<_> = live.keys().chain(desired.keys()).collect();
    keys.into_iter()
        .filter_map(|key| {
            let (was, is) = (live.get(key), desired.get(key));
            let action = match (was, is) {
                (Some(was), Some(is)) if was.version == is.version => return None,
                (Some(_), Some(_)) => ResourceAction::Change,
                (None, _) => ResourceAction::Add,
                (_, None) => ResourceAction::Remove,
            };
            let sources = was.into_iter().chain(is).flat_map(|resource| &resource.origins);
            Some(ResourceChange {
                kind: key.0,
                name: key.1.clone(),
                action,
                version: is.map(|resource| resource.version.clone()),
                cost: cost_of(key.0, action),
                from: sources.map(|(address, _)| address.clone()).collect(),
            })
        })
        .collect()
}

/// Charges every change with the Envoy resources that are made from what it changes.
pub(super) fn charge(live: &Mesh, desired: &Mesh, steps: &[PlannedStep], changes: &mut [Change]) {
    let at: BTreeMap<Address, usize> =
        changes.iter().enumerate().map(|(at, change)| (change.address.clone(), at)).collect();
    let mut reach: Option<Vec<BTreeSet<ProxyId>>> = None;
    for step in steps {
        for (proxy, resources) in &step.proxies {
            for resource in resources {
                let mut charged = false;
                for address in &resource.from {
                    if let Some(at) = at.get(address) {
                        charged = true;
                        note(&mut changes[*at], proxy, resource);
                    }
                }
                if !charged {
                    // Made from nothing that changed by itself, so from something that came or
                    // went beside it: the change that reaches the proxy is the cause.
                    let reach = reach.get_or_insert_with(|| reaches(live, desired, changes));
                    for (change, reached) in changes.iter_mut().zip(reach.iter()) {
                        if reached.contains(proxy) {
                            note(change, proxy, resource);
                        }
                    }
                }
            }
        }
    }
}

/// The proxies that each change can reach.
fn reaches(live: &Mesh, desired: &Mesh, changes: &[Change]) -> Vec<BTreeSet<ProxyId>> {
    let indexes = [Index::new(live), Index::new(desired)];
    changes
        .iter()
        .map(|change| indexes.iter().flat_map(|index| index.reach(&change.address)).collect())
        .collect()
}

fn note(change: &mut Change, proxy: &ProxyId, resource: &ResourceChange) {
    change.envoy.insert((resource.kind, resource.name.clone()));
    change.proxies.insert(proxy.clone());
    change.cost = change.cost.max(resource.cost);
}
