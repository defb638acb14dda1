//! Tables: the rows of a service port or of a gateway's listener, in the order in which Envoy tries
//! them. The first row that takes a request decides.

use super::matching::{Match, Path};
use super::service::{self, NodeListener, Provider, ServicePort, routes_on, target_listener};
use crate::model::{
    Address, GatewayListener, GatewayName, GatewayRoute, ListenerTimeout, Mesh, Patch, PathMatch,
    Port, PrefixRewrite, Protocol, RetryPolicy, Target, VirtualGateway,
};
use std::borrow::Cow;

/// Envoy refuses a weighted cluster whose sum is beyond 32 bits.
const WEIGHTS_MAX: u64 = u32::MAX as u64;

/// One row: which requests, and what is done with them.
#[derive(Clone, Debug)]
pub struct Row<'m> {
    /// The route that it is of; the service itself if a node provides it.
    pub address: Address,
    /// Which requests it takes.
    pub matches: Match<'m>,
    /// Where they go.
    pub action: Action<'m>,
    /// How long they may take; unset fields have the defaults. A gateway's row sets none: the
    /// service that it sends to keeps the time.
    pub timeout: Option<ListenerTimeout>,
    /// How they are retried; unset is the default policy. A gateway's row never retries.
    pub retry: Option<&'m RetryPolicy>,
    /// Raw Envoy fields over all of it.
    pub patch: Option<&'m Patch>,
}

/// What is done with a request.
#[derive(Clone, Debug)]
pub enum Action<'m> {
    /// It goes to one of these, by weight.
    Targets(Vec<Share<'m>>),
    /// It is changed, and meets the table of a service.
    Service {
        /// The service port.
        to: ServicePort<'m>,
        /// What is changed before.
        rewrite: Rewrite<'m>,
    },
    /// The proxy answers by itself with this status.
    Answer(u16),
}

/// A target that exists, and its share.
#[derive(Clone, Copy, Debug)]
pub struct Share<'m> {
    /// The listener of the node.
    pub to: NodeListener<'m>,
    /// Its part of the sum. With a sole target it means nothing: that takes all.
    pub weight: u32,
}

/// What a gateway changes in a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rewrite<'m> {
    /// What the host becomes; unset: it stays.
    pub host: Option<&'m str>,
    /// What the path becomes. The query stays in any case.
    pub path: PathRewrite<'m>,
}

/// What a gateway makes of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathRewrite<'m> {
    /// It stays.
    Keep,
    /// What the row's prefix matched becomes this.
    Prefix(&'m str),
    /// All of it becomes this.
    Whole(&'m str),
}

/// The rows of an HTTP service port. What none of them takes is answered with 404.
pub fn service_rows<'m>(mesh: &'m Mesh, port: &ServicePort<'m>) -> Vec<Row<'m>> {
    match port.provider {
        Provider::Node(node) => vec![Row {
            address: Address::Service(port.name.clone()),
            matches: Match::everything(),
            action: Action::Targets(vec![Share { to: node, weight: 1 }]),
            // There is no route to say how long a request may take, so the listener's own word
            // holds for both sides. (App Mesh kept 15 s here, whatever the listener said.)
            timeout: Some(node.listener.timeout),
            retry: None,
            patch: None,
        }],
        Provider::Router(name, router) => routes_on(router, port.port)
            .map(|item| Row {
                address: Address::Route(name.clone(), item.name.clone()),
                matches: Match::route(port.protocol, &item.matches),
                action: targets(mesh, &item.targets),
                timeout: Some(item.timeout),
                retry: item.retry.as_ref(),
                patch: item.patch.as_ref(),
            })
            .collect(),
    }
}

/// The targets of a route that exist, with weights whose sum Envoy takes; 503 if there is none, or
/// none with a share.
fn targets<'m>(mesh: &'m Mesh, targets: &'m [Target]) -> Action<'m> {
    let shares = shares(mesh, targets);
    // Zero weights stay: a node that is about to take traffic keeps its place and its cluster.
    match shares.as_slice() {
        [_] => Action::Targets(shares),
        all if all.iter().any(|share| share.weight > 0) => Action::Targets(shares),
        _ => Action::Answer(503),
    }
}

/// The targets that exist, with weights whose sum Envoy takes.
pub(super) fn shares<'m>(mesh: &'m Mesh, targets: &'m [Target]) -> Vec<Share<'m>> {
    let mut all: Vec<Share<'m>> = targets
        .iter()
        .filter_map(|target| {
            Some(Share { to: target_listener(mesh, target)?, weight: target.weight })
        })
        .collect();
    let sum: u64 = all.iter().map(|share| u64::from(share.weight)).sum();
    if sum > WEIGHTS_MAX {
        // Weights are relative. Each may be rounded up once, so room is left for that.
        let divisor = sum / (WEIGHTS_MAX - all.len() as u64) + 1;
        for share in &mut all {
            share.weight = u64::from(share.weight).div_ceil(divisor) as u32;
        }
    }
    all
}

/// Where the connections of a TCP service port go, and the route that says so. Connections have no
/// content to be told apart by, so there is one row at most; `None` without a route or a target.
pub fn connection_row<'m>(mesh: &'m Mesh, port: &ServicePort<'m>) -> Option<Row<'m>> {
    let (address, found, timeout) = match port.provider {
        Provider::Node(node) => (
            Address::Service(port.name.clone()),
            vec![Share { to: node, weight: 1 }],
            node.listener.timeout,
        ),
        // A second TCP route on a port could never be told from the first; the rules refuse it.
        Provider::Router(name, router) => {
            let item = routes_on(router, port.port).next()?;
            let mut found = shares(mesh, &item.targets);
            // A share of zero is no share; for connections Envoy has no word for it.
            found.retain(|share| share.weight > 0);
            (Address::Route(name.clone(), item.name.clone()), found, item.timeout)
        }
    };
    (!found.is_empty()).then(|| Row {
        address,
        matches: Match::everything(),
        action: Action::Targets(found),
        timeout: Some(timeout),
        retry: None,
        patch: None,
    })
}

/// The targets, each with its part of all requests. A sole target takes all, whatever its weight.
pub fn parts<'s, 'm>(shares: &'s [Share<'m>]) -> impl Iterator<Item = (&'s Share<'m>, u32)> {
    let sole = shares.len() == 1;
    shares.iter().map(move |share| (share, if sole { 1 } else { share.weight }))
}

/// The rows of a gateway's listener. What none of them takes is answered with 404.
pub fn gateway_rows<'m>(
    mesh: &'m Mesh,
    name: &GatewayName,
    gateway: &'m VirtualGateway,
    listener: &GatewayListener,
) -> Vec<Row<'m>> {
    let mut rows = Vec::new();
    for entry in gateway_routes_on(gateway, listener.port) {
        rows.extend(gateway_route(mesh, name, listener.protocol, entry));
    }
    rows
}

/// The routes of a gateway that belong to one of its ports, in order.
pub fn gateway_routes_on(
    gateway: &VirtualGateway,
    port: Port,
) -> impl Iterator<Item = &GatewayRoute> {
    let on = move |route: &&GatewayRoute| {
        gateway.listener_of(&route.matches).is_some_and(|listener| listener.port == port)
    };
    gateway.routes.iter().filter(on)
}

/// The service port that a gateway route means: the given one, or the only one.
pub fn gateway_target<'m>(mesh: &'m Mesh, entry: &GatewayRoute) -> Option<ServicePort<'m>> {
    let (name, item) = mesh.services.get_key_value(&entry.service.name)?;
    let wanted = |port: &ServicePort<'_>| entry.service.port.map_or(port.sole, |p| p == port.port);
    service::ports(mesh, name, item).into_iter().find(|p| p.protocol.is_http() && wanted(p))
}

/// A gateway route as one or two rows with App Mesh's rewrites.
fn gateway_route<'m>(
    mesh: &'m Mesh,
    gateway: &GatewayName,
    protocol: Protocol,
    entry: &'m GatewayRoute,
) -> Vec<Row<'m>> {
    let row = |matches: Match<'m>, action: Action<'m>| Row {
        address: Address::GatewayRoute(gateway.clone(), entry.name.clone()),
        matches,
        action,
        timeout: None,
        retry: None,
        patch: entry.patch.as_ref(),
    };
    let matches = Match::gateway(protocol, &entry.matches);
    // What has no provider answers as it does to a node: there is no route, so 404.
    let Some(to) = gateway_target(mesh, entry) else {
        return vec![row(matches, Action::Answer(404))];
    };
    let host = entry.rewrite.hostname.then_some(entry.service.name.as_str());
    let send = |path: PathRewrite<'m>| Action::Service { to, rewrite: Rewrite { host, path } };
    // gRPC paths are service and method, and stay.
    let path = entry.matches.path.as_ref().filter(|_| protocol != Protocol::Grpc);
    match path {
        Some(PathMatch::Prefix(prefix)) => {
            let value = match &entry.rewrite.prefix {
                PrefixRewrite::Root => Some("/"),
                PrefixRewrite::Value(value) => Some(value.as_str()),
                PrefixRewrite::Keep => None,
            };
            // A prefix that becomes itself needs no word, and an empty text is none.
            let Some(value) = value.filter(|value| !value.is_empty() && value != prefix) else {
                return vec![row(matches, send(PathRewrite::Keep))];
            };
            let action = send(PathRewrite::Prefix(value));
            if prefix.ends_with('/') || !value.ends_with('/') {
                return vec![row(matches, action)];
            }
            // `/x` to `/` would make `//y` of `/x/y`; with the slash in the match it does not.
            let path = Path::Prefix(Cow::Owned(format!("{prefix}/")));
            let slashed = Match { path, ..matches.clone() };
            vec![row(slashed, action.clone()), row(matches, action)]
        }
        Some(PathMatch::Exact(_) | PathMatch::Regex(_)) => {
            // An empty text is no rewrite.
            let path = entry.rewrite.path.as_deref().filter(|path| !path.is_empty());
            vec![row(matches, send(path.map_or(PathRewrite::Keep, PathRewrite::Whole)))]
        }
        None => vec![row(matches, send(PathRewrite::Keep))],
    }
}
