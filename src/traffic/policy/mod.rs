//! What requests meet besides their route: timeouts, retries, limits, discovery, TLS. Each setting
//! with its effective value, defaults filled in, so that two meshes are compared by what they do.
//!
//! Every struct of the model is taken apart by name, without `..`: a new field does not compile
//! until it is compared here or listed as one that no request meets.

mod caller;
mod gateway;
mod hops;
mod route;
mod server;

use crate::model::{
    Address, GatewayName, IpPreference, Mesh, MeshSettings, NodeName, Patch, Port, RouteName,
    RouterName, ServiceName,
};
use crate::traffic::addresses::{covers, gateway_address};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

pub use caller::fits;
pub(super) use hops::DECIDED_BY_SERVERS;
pub use route::{of_direct, of_route};
pub use server::of_server;

/// Settings by their names, which are those of the files. What is unset and has no default is not
/// in it.
pub type Facts = BTreeMap<&'static str, String>;

/// Where settings belong that requests meet.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// The routes of a router.
    Router(RouterName),
    /// One of its routes.
    Route(RouterName, RouteName),
    /// A listener of a node, as its callers and its own proxy know it.
    Server(NodeName, Port),
    /// How a node calls one of its backends.
    Caller(NodeName, ServiceName),
    /// A listener of a gateway.
    Gateway(GatewayName, Port),
    /// How a gateway calls services.
    GatewayCaller(GatewayName),
    /// How a node's proxy takes requests of its application for a service port, whichever node serves
    /// them.
    FirstHop(NodeName, ServiceName, Port),
    /// How a gateway takes requests for a service port, whichever of its listeners they came by.
    SecondHop(GatewayName, ServiceName, Port),
}

impl Subject {
    /// The resource that has the settings.
    pub fn address(&self) -> Address {
        match self {
            Self::Router(name) => Address::Router(name.clone()),
            Self::Route(router, name) => Address::Route(router.clone(), name.clone()),
            Self::Server(name, _) | Self::Caller(name, _) | Self::FirstHop(name, ..) => {
                Address::Node(name.clone())
            }
            Self::Gateway(name, _) | Self::GatewayCaller(name) | Self::SecondHop(name, ..) => {
                Address::Gateway(name.clone())
            }
        }
    }

    /// Whether it holds for requests whichever node serves them, by what those nodes accept.
    pub fn is_shared(&self) -> bool {
        matches!(self, Self::FirstHop(..) | Self::SecondHop(..))
    }

    /// Which part of the resource, if not all of it.
    pub fn part(&self) -> Option<String> {
        match self {
            Self::Router(_) | Self::Route(..) => None,
            Self::Server(_, port) | Self::Gateway(_, port) => Some(format!("port {port}")),
            Self::Caller(_, service) => Some(format!("backend {service}")),
            Self::GatewayCaller(_) => Some("backends".to_owned()),
            Self::FirstHop(_, service, port) => {
                Some(format!("calls to service {service}, port {port}"))
            }
            Self::SecondHop(_, service, port) => Some(format!("service {service}, port {port}")),
        }
    }
}

/// A setting that differs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FactChange {
    /// Its name: the key in the files.
    pub name: String,
    /// Its effective value before; none if it was not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// Its effective value after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// The nodes between which requests move, if the values are settings of different nodes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved: Option<Moved>,
}

/// Requests that one node serves instead of others.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Moved {
    /// Whose setting is the value before: the nodes that requests leave.
    pub from: BTreeSet<NodePort>,
    /// Whose setting is the value after: the node that requests reach instead.
    pub to: NodePort,
}

/// A listener of a node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct NodePort {
    /// The node.
    pub node: NodeName,
    /// Its port.
    pub port: Port,
}

/// The settings of one subject that differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What differs, by name.
    pub facts: Vec<FactChange>,
    /// The changed resources that have these settings.
    pub causes: BTreeSet<Address>,
    /// Whether some requests that got in before no longer do: the address covers less.
    pub narrower: bool,
}

/// What differs between settings of two places or times.
pub fn differences(before: &Facts, after: &Facts) -> Vec<FactChange> {
    let names: BTreeSet<&'static str> = before.keys().chain(after.keys()).copied().collect();
    let change = |name: &'static str| FactChange {
        name: name.to_owned(),
        before: before.get(name).cloned(),
        after: after.get(name).cloned(),
        moved: None,
    };
    names.into_iter().map(change).filter(|change| change.before != change.after).collect()
}

/// Every subject that is there before and after and whose settings differ. The work follows from
/// the changed addresses and the services that they reach; only a change of settings that all nodes
/// share looks at all of them.
pub fn changes<'m>(
    before: &'m Mesh,
    after: &'m Mesh,
    changed: &'m BTreeSet<Address>,
    services: &BTreeSet<&'m ServiceName>,
) -> BTreeMap<Subject, Change> {
    let mut all = Collector { before, after, changed, found: BTreeMap::new() };
    let shared = shared(&before.settings) != shared(&after.settings);
    if shared {
        let nodes = before.nodes.keys().cloned().map(Address::Node);
        let gateways = before.gateways.keys().cloned().map(Address::Gateway);
        for address in nodes.chain(gateways) {
            all.look(&address);
        }
    }
    for address in changed {
        if !(shared && matches!(address, Address::Node(_) | Address::Gateway(_))) {
            all.look(address);
        }
    }
    all.hops(services);
    all.found
}

/// The settings of the mesh that requests meet at every proxy.
fn shared(settings: &MeshSettings) -> (Option<IpPreference>, crate::model::Capture) {
    let MeshSettings {
        // Proxies of another mesh are other proxies.
        name: _,
        // Compared by itself: it is about what the mesh does not define.
        egress: _,
        ip_preference,
        capture,
        // Not met by requests.
        owner: _,
        tags: _,
    } = settings;
    (*ip_preference, *capture)
}

struct Collector<'m> {
    before: &'m Mesh,
    after: &'m Mesh,
    changed: &'m BTreeSet<Address>,
    found: BTreeMap<Subject, Change>,
}

impl Collector<'_> {
    fn look(&mut self, address: &Address) {
        let (before, after) = (self.before, self.after);
        match address {
            Address::Route(router, name) => {
                let facts = |mesh| of_route(mesh, router, name);
                if let (Some(was), Some(is)) = (facts(before), facts(after)) {
                    self.add(Subject::Route(router.clone(), name.clone()), &was, &is, None);
                }
            }
            Address::Router(name) => {
                let facts = |mesh: &Mesh| Some(route::of_router(mesh.routers.get(name)?));
                if let (Some(was), Some(is)) = (facts(before), facts(after)) {
                    // The names are of ports, which are many.
                    self.add_named(Subject::Router(name.clone()), route::protocols(&was, &is));
                }
            }
            Address::Node(name) => self.node(name),
            Address::Gateway(name) => self.gateway(name),
            // Names lead to routes and nodes; the mesh's own settings are looked at above.
            Address::Service(_) | Address::GatewayRoute(..) | Address::Mesh => {}
        }
    }

    fn node(&mut self, name: &NodeName) {
        let (before, after) = (self.before, self.after);
        let (Some(was), Some(is)) = (before.nodes.get(name), after.nodes.get(name)) else { return };
        for listener in &was.listeners {
            let Some(next) = is.listener(listener.port) else { continue };
            let facts = server::of(&before.settings, was, listener);
            // What the mesh's settings alone would make of it tells the causes apart.
            let between = server::of(&after.settings, was, listener);
            let then = server::of(&after.settings, is, next);
            let subject = Subject::Server(name.clone(), listener.port);
            self.add(subject, &facts, &then, Some(&between));
        }
        for backend in &was.backends {
            let Some(next) = is.backends.iter().find(|next| next.service == backend.service) else {
                continue;
            };
            let facts = caller::of_backend(before, &before.settings, was, backend);
            let between = caller::of_backend(before, &after.settings, was, backend);
            let then = caller::of_backend(after, &after.settings, is, next);
            let subject = Subject::Caller(name.clone(), backend.service.clone());
            self.add(subject, &facts, &then, Some(&between));
        }
    }

    fn gateway(&mut self, name: &GatewayName) {
        let (before, after) = (self.before, self.after);
        let (Some(was), Some(is)) = (before.gateways.get(name), after.gateways.get(name)) else {
            return;
        };
        for listener in &was.listeners {
            let next = is.listener(listener.port);
            let Some(next) = next else { continue };
            let facts = gateway::of(&before.settings, listener);
            let between = gateway::of(&after.settings, listener);
            let then = gateway::of(&after.settings, next);
            let subject = Subject::Gateway(name.clone(), listener.port);
            self.add(subject.clone(), &facts, &then, Some(&between));
            let (from, to) = (
                gateway_address(&before.settings, listener),
                gateway_address(&after.settings, next),
            );
            if let Some(change) = self.found.get_mut(&subject) {
                change.narrower = !covers(to, from);
            }
        }
        let (was, is) = (gateway::of_caller(was), gateway::of_caller(is));
        self.add(Subject::GatewayCaller(name.clone()), &was, &is, None);
    }

    /// `between` is what the settings before are under the mesh's settings after.
    fn add(&mut self, subject: Subject, was: &Facts, is: &Facts, between: Option<&Facts>) {
        let facts = differences(was, is);
        if facts.is_empty() {
            return;
        }
        let by_mesh = between.is_some_and(|between| between != was);
        let by_itself = between.is_none_or(|between| between != is);
        let own = by_itself.then(|| subject.address());
        let mesh = by_mesh.then_some(Address::Mesh);
        let causes =
            own.into_iter().chain(mesh).filter(|address| self.changed.contains(address)).collect();
        self.found.insert(subject, Change { facts, causes, narrower: false });
    }

    fn add_named(&mut self, subject: Subject, facts: Vec<FactChange>) {
        if !facts.is_empty() {
            let causes = BTreeSet::from([subject.address()]);
            self.found.insert(subject, Change { facts, causes, narrower: false });
        }
    }
}

/// Raw Envoy fields as one line.
fn patched(patch: Option<&Patch>) -> Option<String> {
    patch.map(ToString::to_string)
}

/// Adds what is there.
fn put(facts: &mut Facts, name: &'static str, value: Option<impl ToString>) {
    if let Some(value) = value {
        facts.insert(name, value.to_string());
    }
}

fn list<T: ToString>(all: impl IntoIterator<Item = T>) -> Option<String> {
    let all: Vec<String> = all.into_iter().map(|item| item.to_string()).collect();
    (!all.is_empty()).then(|| all.join(", "))
}
