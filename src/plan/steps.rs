//! The order of a change: make before break.
//!
//! ```text
//!  add     clusters, endpoints and secrets of both states; new listeners and routes; what servers
//!    |     listen on, grown to both states
//!  switch  listeners and routes of the desired state; nothing that is still used goes away
//!    |
//!  remove  exactly the desired state
//! ```
//!
//! Between two steps `apply` waits until every proxy has the first one warm. So no listener or
//! route ever names a cluster that its proxy lacks, and no client switches to a port before the
//! server listens on it.

use crate::compile::{compile, proxies};
use crate::envoy::{ProxyConfig, ProxyId, ResourceType, Settings, Side};
use crate::model::Mesh;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What a step does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepKind {
    /// Brings what is new, beside what is there.
    Add,
    /// Lets traffic go the new way.
    Switch,
    /// Takes away what is not used any more.
    Remove,
}

impl StepKind {
    /// The word in plans and events.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Switch => "switch",
            Self::Remove => "remove",
        }
    }
}

/// A step with the full configuration of every proxy that differs from the step before.
#[derive(Clone, Debug)]
pub struct Step {
    /// What it does.
    pub kind: StepKind,
    /// What the proxies had before; `None` is nothing at all.
    pub before: BTreeMap<ProxyId, Option<Arc<ProxyConfig>>>,
    /// What they get; `None` takes the proxy away.
    pub after: BTreeMap<ProxyId, Option<Arc<ProxyConfig>>>,
}

/// The steps from one mesh to another, for the proxies that may differ. Steps that change nothing
/// are left out.
pub fn steps(
    live: &Mesh,
    desired: &Mesh,
    settings: &Settings,
    affected: &BTreeSet<ProxyId>,
) -> Vec<Step> {
    let (live_proxies, desired_proxies): (BTreeSet<_>, BTreeSet<_>) =
        (proxies(live).into_iter().collect(), proxies(desired).into_iter().collect());
    let both = both_listen(live, desired);
    let mut steps: Vec<Step> = [StepKind::Add, StepKind::Switch, StepKind::Remove]
        .map(|kind| Step { kind, before: BTreeMap::new(), after: BTreeMap::new() })
        .into();
    for proxy in affected {
        let before = live_proxies.contains(proxy).then(|| Arc::new(compile(live, settings, proxy)));
        let after =
            desired_proxies.contains(proxy).then(|| Arc::new(compile(desired, settings, proxy)));
        if before == after {
            continue;
        }
        let grown = match (&both, proxy) {
            (Some((mesh, grown)), ProxyId::Node(node)) if grown.contains(node.as_str()) => {
                Some(Arc::new(compile(mesh, settings, proxy)))
            }
            _ => after.clone(),
        };
        let mut now = before.clone();
        let phases = [
            add(before.as_ref(), after.as_ref(), grown.as_ref()),
            switch(before.as_ref(), after.as_ref(), grown.as_ref()),
            after.clone(),
        ];
        for (step, next) in steps.iter_mut().zip(phases) {
            if next != now {
                step.before.insert(proxy.clone(), now);
                step.after.insert(proxy.clone(), next.clone());
                now = next;
            }
        }
    }
    steps.retain(|step| !step.after.is_empty());
    steps
}

/// A mesh whose nodes listen on the ports of both states, and the nodes for which that differs
/// from the desired state; `None` if there is no such node.
fn both_listen<'a>(live: &Mesh, desired: &'a Mesh) -> Option<(Mesh, BTreeSet<&'a str>)> {
    let mut grown = BTreeSet::new();
    let mut mesh: Option<Mesh> = None;
    for (name, node) in &desired.nodes {
        let Some(was) = live.nodes.get(name) else { continue };
        for listener in &was.listeners {
            if node.listener(listener.port).is_none() {
                grown.insert(name.as_str());
                let mesh = mesh.get_or_insert_with(|| desired.clone());
                if let Some(node) = mesh.nodes.get_mut(name) {
                    node.listeners.push(listener.clone());
                    node.listeners.sort_by_key(|listener| listener.port);
                }
            }
        }
    }
    mesh.map(|mesh| (mesh, grown))
}

/// Whether a resource carries traffic by itself, rather than being used by one that does.
fn routes_traffic(kind: ResourceType) -> bool {
    matches!(kind, ResourceType::Listener | ResourceType::RouteConfiguration)
}

type Config = Option<Arc<ProxyConfig>>;

/// What is new, beside what is there.
fn add(
    before: Option<&Arc<ProxyConfig>>,
    after: Option<&Arc<ProxyConfig>>,
    grown: Option<&Arc<ProxyConfig>>,
) -> Config {
    let Some(after) = after else { return before.cloned() };
    let Some(before) = before else { return Some(grown.unwrap_or(after).clone()) };
    let mut config = ProxyConfig::clone(before);
    for (key, resource) in &after.resources {
        if !routes_traffic(resource.kind) || !before.resources.contains_key(key) {
            config.resources.insert(key.clone(), resource.clone());
        }
    }
    for (key, resource) in grown.map_or(&after.resources, |grown| &grown.resources) {
        if resource.side == Side::Ingress && routes_traffic(resource.kind) {
            config.resources.insert(key.clone(), resource.clone());
        }
    }
    Some(Arc::new(config))
}

/// Everything as desired, with what goes away still there.
fn switch(
    before: Option<&Arc<ProxyConfig>>,
    after: Option<&Arc<ProxyConfig>>,
    grown: Option<&Arc<ProxyConfig>>,
) -> Config {
    let Some(after) = after else { return before.cloned() };
    let Some(before) = before else { return Some(grown.unwrap_or(after).clone()) };
    let mut config = ProxyConfig::clone(before);
    config.resources.extend(after.resources.clone());
    for (key, resource) in grown.map_or(&after.resources, |grown| &grown.resources) {
        if resource.side == Side::Ingress && routes_traffic(resource.kind) {
            config.resources.insert(key.clone(), resource.clone());
        }
    }
    Some(Arc::new(config))
}
