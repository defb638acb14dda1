//! What a change costs at the proxies that it reaches.
//!
//! The classes were measured on Envoy 1.40:
//!
//! | change | what open connections suffer |
//! | --- | --- |
//! | routes by RDS, endpoints, secrets, anything new | nothing |
//! | any field of a cluster, be it metadata | its upstream connections are opened anew |
//! | a cluster goes away | its connections are drained, then closed |
//! | filter chains of a listener only | clients of the changed chains are drained |
//! | anything else of a listener | all its clients are drained |

use super::steps::Way;
use super::{Action, Change, EnvoyName, PlannedStep, StepKind};
use crate::compile::{Index, reach_of};
use crate::envoy::{ProxyConfig, ProxyId, Resource, ResourceType};
use crate::model::{Address, Mesh};
use envoy_api::Json;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

/// What a proxy suffers, from mild to severe.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cost {
    /// No connection is touched.
    #[default]
    Nothing,
    /// Connections to a changed cluster are opened anew; no request is lost.
    UpstreamReconnect,
    /// Connections to a removed cluster are drained, then closed: long streams end.
    UpstreamClose,
    /// Clients of some filter chains of a listener are drained, then closed.
    ChainDrain,
    /// All clients of a listener are drained, then closed; requests under way are finished.
    ListenerDrain,
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nothing => "nothing",
            Self::UpstreamReconnect => "upstream reconnect",
            Self::UpstreamClose => "upstream close",
            Self::ChainDrain => "filter chain drain",
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
    pub from: Vec<Address>,
}

fn cost_of(was: Option<&Resource>, is: Option<&Resource>) -> Cost {
    let (Some(was), kind) = (was, was.or(is).map(|resource| resource.kind)) else {
        return Cost::Nothing;
    };
    match (kind, is) {
        (Some(ResourceType::Listener), None) => Cost::ListenerDrain,
        (Some(ResourceType::Listener), Some(is)) => listener_cost(was, is),
        (Some(ResourceType::Cluster), None) => Cost::UpstreamClose,
        (Some(ResourceType::Cluster), Some(_)) => Cost::UpstreamReconnect,
        (
            Some(
                ResourceType::RouteConfiguration
                | ResourceType::ClusterLoadAssignment
                | ResourceType::Secret,
            )
            | None,
            _,
        ) => Cost::Nothing,
    }
}

/// Envoy changes a listener in place if nothing but its filter chains differs; then only the
/// chains that are gone or not the same any more are drained.
fn listener_cost(was: &Resource, is: &Resource) -> Cost {
    let split = |resource: &Resource| {
        let (mut chains, mut rest) = (Vec::new(), Vec::new());
        if let Json::Object(members) = resource.to_json() {
            for (key, value) in members {
                match (key.as_str(), value) {
                    ("filter_chains", Json::Array(items)) => chains.extend(items),
                    ("default_filter_chain", value) => chains.push(value),
                    (_, value) => rest.push((key, value)),
                }
            }
        }
        (chains, rest)
    };
    let ((chains, rest), (next_chains, next_rest)) = (split(was), split(is));
    if rest != next_rest {
        Cost::ListenerDrain
    } else if chains.iter().all(|chain| next_chains.contains(chain)) {
        Cost::Nothing
    } else {
        Cost::ChainDrain
    }
}

/// The proxies whose configuration a set of changes can reach.
pub(super) fn affected(live: &Mesh, desired: &Mesh, changes: &[Change]) -> BTreeSet<ProxyId> {
    let addresses: BTreeSet<&Address> = changes
        .iter()
        .filter(|change| change.action != Action::Mark)
        .map(|change| &change.address)
        .collect();
    let mut found = reach_of(live, &addresses);
    found.extend(reach_of(desired, &addresses));
    found
}

/// From so many proxies on, several threads share the work.
const SHARED_FROM: usize = 64;
/// How many threads share it.
const THREADS: usize = 4;

/// What each step changes at each proxy. The configurations themselves are let go at once: of a
/// large mesh they are more than what a plan needs to remember.
pub(super) fn planned(way: &Way<'_>, affected: &BTreeSet<ProxyId>) -> Vec<PlannedStep> {
    let all: Vec<&ProxyId> = affected.iter().collect();
    let parts: Vec<Vec<AtProxy>> = if all.len() < SHARED_FROM {
        vec![all.iter().filter_map(|proxy| at_proxy(way, proxy)).collect()]
    } else {
        let size = all.len().div_ceil(THREADS);
        std::thread::scope(|scope| {
            let threads: Vec<_> = all
                .chunks(size)
                .map(|part| {
                    scope.spawn(move || {
                        part.iter().filter_map(|proxy| at_proxy(way, proxy)).collect()
                    })
                })
                .collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap_or_else(|why| std::panic::resume_unwind(why)))
                .collect()
        })
    };
    let mut steps = StepKind::ALL.map(|kind| PlannedStep { kind, proxies: BTreeMap::new() });
    for (proxy, phases) in parts.into_iter().flatten() {
        for (step, changed) in steps.iter_mut().zip(phases) {
            if let Some(changed) = changed {
                step.proxies.insert(proxy.clone(), changed);
            }
        }
    }
    steps.into_iter().filter(|step| !step.proxies.is_empty()).collect()
}

/// What each step changes at one proxy; `None` for a step that leaves it alone.
type AtProxy = (ProxyId, [Option<Vec<ResourceChange>>; 3]);

fn at_proxy(way: &Way<'_>, proxy: &ProxyId) -> Option<AtProxy> {
    let (mut now, phases) = way.of(proxy)?;
    let changed = phases.map(|next| {
        if next == now {
            return None;
        }
        let changed = resource_changes(now.as_deref(), next.as_deref());
        now = next;
        Some(changed)
    });
    Some((proxy.clone(), changed))
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
            let from: BTreeSet<&Address> = sources.map(|(address, _)| address).collect();
            Some(ResourceChange {
                kind: key.0,
                name: key.1.clone(),
                action,
                version: is.map(|resource| resource.version.clone()),
                cost: cost_of(was.map(Arc::as_ref), is.map(Arc::as_ref)),
                from: from.into_iter().cloned().collect(),
            })
        })
        .collect()
}

/// Charges every change with the Envoy resources that are made from what it changes.
pub(super) fn charge(live: &Mesh, desired: &Mesh, steps: &[PlannedStep], changes: &mut [Change]) {
    let at: BTreeMap<Address, usize> =
        changes.iter().enumerate().map(|(at, change)| (change.address.clone(), at)).collect();
    let mut reached: Option<BTreeMap<ProxyId, Vec<usize>>> = None;
    for (number, step) in steps.iter().enumerate() {
        for (proxy, resources) in &step.proxies {
            for resource in resources {
                let mut causes: Vec<usize> =
                    resource.from.iter().filter_map(|address| at.get(address).copied()).collect();
                if causes.is_empty() {
                    // Made from nothing that changed by itself, so from something that came or
                    // went beside it: the changes that reach the proxy are the cause.
                    let reached = reached.get_or_insert_with(|| reach(live, desired, changes));
                    causes = reached.get(proxy).cloned().unwrap_or_default();
                    let can = |cause: &usize| match (changes[*cause].action, resource.action) {
                        (Action::Create, ResourceAction::Remove)
                        | (Action::Delete, ResourceAction::Add) => false,
                        (_, _) => true,
                    };
                    if causes.iter().any(can) {
                        causes.retain(can);
                    }
                }
                for cause in causes {
                    let change = &mut changes[cause];
                    change
                        .envoy
                        .insert(EnvoyName { kind: resource.kind, name: resource.name.clone() });
                    change.proxies.insert(proxy.clone());
                    change.steps.insert(number + 1);
                    change.cost = change.cost.max(resource.cost);
                }
            }
        }
    }
}

/// Which changes reach a proxy, by their places in the plan.
fn reach(live: &Mesh, desired: &Mesh, changes: &[Change]) -> BTreeMap<ProxyId, Vec<usize>> {
    let indexes = [Index::new(live), Index::new(desired)];
    let mut found: BTreeMap<ProxyId, Vec<usize>> = BTreeMap::new();
    for (at, change) in changes.iter().enumerate() {
        let proxies: BTreeSet<ProxyId> =
            indexes.iter().flat_map(|index| index.reach(&change.address)).collect();
        for proxy in proxies {
            found.entry(proxy).or_default().push(at);
        }
    }
    found
}
