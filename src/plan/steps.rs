//! The order of a change: make before break.
//!
//! ```text
//!  add     new clusters, endpoints, secrets, listeners and routes beside what is there; what
//!    |     nodes listen on, grown to the addresses, ports, TLS and plain text of both states
//!  switch  everything that changes, endpoints included; nothing that is still used goes away
//!    |
//!  remove  exactly the desired state
//! ```
//!
//! Between two steps `apply` waits until every proxy has the first one warm. So no listener or
//! route ever names a cluster that its proxy lacks, and no client switches to a port before the
//! server listens on it.

use crate::compile::{compile, has_proxy};
use crate::envoy::{ProxyConfig, ProxyId, ResourceType, Settings, Side};
use crate::model::{Listener, ListenerTls, Mesh, NodeName, Port, Protocol, TlsMode};
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
    /// Every kind, in the order in which they take place.
    pub const ALL: [Self; 3] = [Self::Add, Self::Switch, Self::Remove];

    /// The word in plans and events.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Switch => "switch",
            Self::Remove => "remove",
        }
    }
}

/// Who has a step before whom.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wave {
    /// All proxies at once.
    #[default]
    All,
    /// Some of them, to see what becomes of it.
    Canary,
    /// The others.
    Rest,
}

/// A step with the full configuration of every proxy that differs from the step before.
#[derive(Clone, Debug)]
pub struct Step {
    /// What it does.
    pub kind: StepKind,
    /// Whom of the proxies that it reaches it is for.
    pub wave: Wave,
    /// What the proxies had before; `None` is nothing at all.
    pub before: BTreeMap<ProxyId, Option<Arc<ProxyConfig>>>,
    /// What they get; `None` takes the proxy away.
    pub after: BTreeMap<ProxyId, Option<Arc<ProxyConfig>>>,
}

impl Step {
    /// The word in records: what the step does, and whether for a few only.
    pub fn word(&self) -> String {
        match self.wave {
            Wave::All | Wave::Rest => self.kind.as_str().to_owned(),
            Wave::Canary => format!("{} canary", self.kind.as_str()),
        }
    }
}

/// The steps from one mesh to another, for the proxies that may differ. Steps that change nothing
/// are left out.
pub fn steps(
    live: &Mesh,
    desired: &Mesh,
    settings: &Settings,
    affected: &BTreeSet<ProxyId>,
) -> Vec<Step> {
    let way = Way::new(live, desired, settings);
    let mut steps: Vec<Step> = StepKind::ALL
        .map(|kind| Step { kind, wave: Wave::All, before: BTreeMap::new(), after: BTreeMap::new() })
        .into();
    for proxy in affected {
        let Some((mut now, phases)) = way.of(proxy) else { continue };
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

/// What a proxy has: `None` is nothing at all.
pub(super) type Config = Option<Arc<ProxyConfig>>;

/// The way from one mesh to another, proxy by proxy.
pub(super) struct Way<'a> {
    live: &'a Mesh,
    desired: &'a Mesh,
    settings: &'a Settings,
    early: Option<(Mesh, BTreeSet<NodeName>)>,
    late: Option<(Mesh, BTreeSet<NodeName>)>,
}

impl<'a> Way<'a> {
    pub(super) fn new(live: &'a Mesh, desired: &'a Mesh, settings: &'a Settings) -> Self {
        let early = transition(live, desired, Same::AsLive);
        let late = transition(live, desired, Same::AsDesired);
        Self { live, desired, settings, early, late }
    }

    /// What a proxy has before, and after each step; `None` if nothing changes for it.
    pub(super) fn of(&self, proxy: &ProxyId) -> Option<(Config, [Config; 3])> {
        let config = |mesh: &Mesh| {
            has_proxy(mesh, proxy).then(|| Arc::new(compile(mesh, self.settings, proxy)))
        };
        let (before, after) = (config(self.live), config(self.desired));
        if before == after {
            return None;
        }
        let phases = match (&before, &after) {
            (Some(before), Some(after)) => {
                let through = |transition: &Option<(Mesh, BTreeSet<NodeName>)>| match proxy {
                    ProxyId::Node(node) => match transition {
                        Some((mesh, nodes)) if nodes.contains(node) => {
                            let mut through = compile(mesh, self.settings, proxy);
                            self.keep(node, before, after, &mut through);
                            Some(Arc::new(through))
                        }
                        _ => Some(after.clone()),
                    },
                    ProxyId::Gateway(_) => None,
                };
                let add = add(before, after, through(&self.early).as_deref());
                let switch = switch(before, after, through(&self.late).as_deref());
                [Some(Arc::new(add)), Some(Arc::new(switch)), Some(after.clone())]
            }
            // A new proxy has no traffic that could be hurt; one that goes away is of use until
            // its callers have switched.
            (None, after) => [after.clone(), after.clone(), after.clone()],
            (before, None) => [before.clone(), before.clone(), None],
        };
        Some((before, phases))
    }

    /// Leaves the listeners of ports that only one state has as they are there: that a node has more of
    /// them on the way is no reason to drain what is in use, though it changes their statistics.
    fn keep(
        &self,
        node: &NodeName,
        before: &ProxyConfig,
        after: &ProxyConfig,
        through: &mut ProxyConfig,
    ) {
        let has = |mesh: &Mesh, port: Port| {
            mesh.nodes.get(node).is_some_and(|node| node.listener(port).is_some())
        };
        for ((kind, name), resource) in &mut through.resources {
            let Some(port) = port_of(name) else { continue };
            let own = match (has(self.live, port), has(self.desired, port)) {
                (true, false) => before.get(*kind, name),
                (false, true) => after.get(*kind, name),
                (true, true) | (false, false) => None,
            };
            if let Some(own) = own.filter(|own| own.side == Side::Ingress && routes_traffic(*kind))
            {
                *resource = Arc::clone(own);
            }
        }
    }
}

/// The port at the end of a name.
fn port_of(name: &str) -> Option<Port> {
    Port::new(name.rsplit('_').next()?.parse().ok()?)
}

/// Which form a listener has on the way where one form cannot serve the callers of both states.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Same {
    /// Its callers still speak the live one.
    AsLive,
    /// Its callers speak the desired one by now.
    AsDesired,
}

/// A mesh whose nodes listen on the ports of both states, and the nodes for which that differs
/// from the desired state; `None` if there is no such node.
fn transition(live: &Mesh, desired: &Mesh, same: Same) -> Option<(Mesh, BTreeSet<NodeName>)> {
    let mut changed: BTreeMap<NodeName, Vec<Listener>> = BTreeMap::new();
    for (name, node) in &desired.nodes {
        let Some(was) = live.nodes.get(name) else { continue };
        if was.listeners == node.listeners {
            continue;
        }
        let mut listeners = node.listeners.clone();
        for listener in &was.listeners {
            match listeners.iter_mut().find(|l| l.port == listener.port) {
                None => listeners.push(listener.clone()),
                Some(is) if is.protocol != listener.protocol => {
                    if same == Same::AsLive {
                        *is = listener.clone();
                    }
                }
                Some(is) => is.tls = tls_on_the_way(listener, is, same),
            }
        }
        listeners.sort_by_key(|listener| listener.port);
        if listeners != node.listeners {
            changed.insert(name.clone(), listeners);
        }
    }
    if changed.is_empty() {
        return None;
    }
    let mut mesh = desired.clone();
    let names = changed.keys().cloned().collect();
    for (name, listeners) in changed {
        if let Some(node) = mesh.nodes.get_mut(&name) {
            node.listeners = listeners;
        }
    }
    Some((mesh, names))
}

/// The TLS of a port that both states have. Callers change over at the switch, so before it the
/// port takes what the live ones send, after it what the desired ones do: TLS and plain text while
/// the one becomes the other, and no client certificate before every caller has one.
fn tls_on_the_way(live: &Listener, desired: &Listener, same: Same) -> Option<ListenerTls> {
    let offered = |listener: &Listener| listener.tls.clone().filter(|tls| tls.is_on());
    match (offered(live), offered(desired)) {
        (None, None) => desired.tls.clone(),
        // To tell TLS from plain text takes the first bytes of the caller, and where it is the
        // server that speaks first they do not come. So one of the two forms it is.
        (None, Some(_)) | (Some(_), None) if desired.protocol == Protocol::Tcp => match same {
            Same::AsLive => live.tls.clone(),
            Same::AsDesired => desired.tls.clone(),
        },
        (None, Some(tls)) => {
            Some(ListenerTls { mode: TlsMode::Permissive, validation: None, ..tls })
        }
        (Some(tls), None) => Some(ListenerTls { mode: TlsMode::Permissive, ..tls }),
        (Some(was), Some(is)) => {
            let mode = if was.mode == is.mode { is.mode } else { TlsMode::Permissive };
            let asks = was.validation.is_some();
            let tls = match same {
                Same::AsLive => was,
                Same::AsDesired => is,
            };
            let validation = tls.validation.filter(|_| asks);
            Some(ListenerTls { mode, validation, ..tls })
        }
    }
}

/// Whether a resource carries traffic by itself, rather than being used by one that does.
fn routes_traffic(kind: ResourceType) -> bool {
    matches!(kind, ResourceType::Listener | ResourceType::RouteConfiguration)
}

/// Sets what a node's proxy offers to its callers to the form that it has on the way.
fn serve(config: &mut ProxyConfig, through: Option<&ProxyConfig>) {
    for (key, resource) in through.into_iter().flat_map(|config| &config.resources) {
        if resource.side == Side::Ingress && routes_traffic(resource.kind) {
            config.resources.insert(key.clone(), resource.clone());
        }
    }
}

/// What is new, beside what is there. Clusters and endpoints that change wait for the switch: servers
/// take up what the new form needs (an address, a port, permissive TLS) before their callers do.
fn add(before: &ProxyConfig, after: &ProxyConfig, through: Option<&ProxyConfig>) -> ProxyConfig {
    let mut config = before.clone();
    for (key, resource) in &after.resources {
        if resource.kind == ResourceType::Secret || !before.resources.contains_key(key) {
            config.resources.insert(key.clone(), resource.clone());
        }
    }
    serve(&mut config, through);
    config
}

/// Everything as desired, with what goes away still there.
fn switch(before: &ProxyConfig, after: &ProxyConfig, through: Option<&ProxyConfig>) -> ProxyConfig {
    let mut config = before.clone();
    config.resources.extend(after.resources.clone());
    serve(&mut config, through);
    config
}
