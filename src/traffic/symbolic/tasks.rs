//! The entry points that a change reaches, each with the nodes that it is for.

use super::meets::Cx;
use crate::model::{Address, Capture, GatewayName, Mesh, NodeName, Port, ServiceName, VirtualNode};
use crate::traffic::addresses::covers;
use crate::traffic::{
    CapturedPort, Door, Entry, OUTBOUND_PORT, ServicePort, addresses, bound_entries, captured_by,
    captured_ports, passes_on, ports,
};
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

/// How a node's calls to a service meet its proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Access<'m> {
    /// The proxy captures them, and knows the service.
    Known,
    /// The service is one of the node's backends, and does not have the port.
    NoPort(Outside<'m>),
    /// The service is none of the node's backends.
    Unlisted(Outside<'m>),
    /// No proxy takes them there.
    Closed,
}

impl Access<'_> {
    /// Whether it is the node itself, or the mesh, that makes the difference.
    pub(super) fn moved([was, is]: [Self; 2]) -> bool {
        let kind = |access| match access {
            Self::Known | Self::NoPort(_) => 0,
            Self::Unlisted(_) => 1,
            Self::Closed => 2,
        };
        kind(was) != kind(is)
    }
}

/// What a proxy under redirect capture does with calls that are for none of its entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Outside<'m> {
    /// It closes the connection.
    Refused,
    /// HTTP is spoken on the port, and no route has the host.
    NotFound,
    /// They leave the mesh.
    Leaves,
    /// Connections to the port, at any address, are for this service.
    Taken(To<'m>),
    /// Connections to some addresses of the port are for a service, and whether these are is not
    /// known.
    Unclear,
}

/// How calls end to a service port that is no entry of a node's proxy.
fn outside<'m>(mesh: &'m Mesh, ports: &[CapturedPort<'m>], to: To<'m>, tcp: bool) -> Outside<'m> {
    let allow_all = passes_on(mesh);
    let rest = if allow_all { Outside::Leaves } else { Outside::Refused };
    if allow_all && to.1.get() == OUTBOUND_PORT {
        return Outside::Refused;
    }
    let Some(port) = ports.iter().find(|port| port.port == to.1) else { return rest };
    if port.http {
        let is = |entry: &Entry<'_>| match entry.door {
            Door::Captured { service, .. } => service.as_str().eq_ignore_ascii_case(to.0.as_str()),
            Door::Bound { .. } | Door::Gateway { .. } => false,
        };
        return match (tcp, allow_all && !port.entries.iter().any(is)) {
            (true, _) => Outside::Refused,
            (false, true) => Outside::Leaves,
            (false, false) => Outside::NotFound,
        };
    }
    let Some(kept) = port.entries.first().and_then(Entry::service) else { return rest };
    let Some(captured) = &port.addresses else { return Outside::Taken((kept.name, kept.port)) };
    let own = service_ports(mesh, to.0).into_iter().find(|own| own.port == to.1);
    match own.and_then(|own| addresses(mesh, &own)) {
        Some(own) if own.is_disjoint(captured) => rest,
        Some(own) if own.is_subset(captured) => Outside::Taken((kept.name, kept.port)),
        _ => Outside::Unclear,
    }
}

/// A service's port.
pub(super) type To<'m> = (&'m ServiceName, Port);

/// One entry point to look at.
pub(super) enum Task<'m> {
    /// A service port for nodes whose proxies capture calls to it, with what they do before and
    /// after; or for nodes that bind it to an address that stays.
    Service { to: To<'m>, callers: Vec<NodeName>, access: [Access<'m>; 2] },
    /// An address of one node that leads elsewhere after the change, or is there on one side only.
    Bound { node: NodeName, at: SocketAddr, to: [Option<To<'m>>; 2] },
    /// A port of a gateway.
    Gateway { name: &'m GatewayName, port: Port },
}

pub(super) fn service_ports<'m>(mesh: &'m Mesh, name: &ServiceName) -> Vec<ServicePort<'m>> {
    let found = mesh.services.get_key_value(name);
    found.map_or_else(Vec::new, |(name, item)| ports(mesh, name, item))
}

/// Every entry point that the changes reach.
pub(super) fn all<'m>(cx: &Cx<'m>) -> Vec<Task<'m>> {
    let mut tasks = Vec::new();
    service_tasks(cx, &mut tasks);
    gateway_tasks(cx, &mut tasks);
    tasks
}

/// The services whose tables can depend on some addresses.
pub(super) fn services_reached<'m>(
    mesh: &'m Mesh,
    changed: &BTreeSet<Address>,
) -> BTreeSet<&'m ServiceName> {
    let (mut nodes, mut routers, mut services) =
        (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for address in changed {
        match address {
            Address::Node(name) => {
                nodes.insert(name);
            }
            Address::Router(name) | Address::Route(name, _) => {
                routers.insert(name);
            }
            Address::Service(name) => {
                services.insert(name);
            }
            Address::Mesh | Address::Gateway(_) | Address::GatewayRoute(..) => {}
        }
    }
    if !nodes.is_empty() {
        for (name, router) in &mesh.routers {
            let mut targets = router.routes.iter().flat_map(|route| &route.targets);
            if targets.any(|target| nodes.contains(&target.node)) {
                routers.insert(name);
            }
        }
    }
    let reached = mesh.services.iter().filter(|(name, service)| {
        services.contains(name)
            || service.node.as_ref().is_some_and(|node| nodes.contains(node))
            || service.router.as_ref().is_some_and(|router| routers.contains(router))
    });
    reached.map(|(name, _)| name).collect()
}

/// Callers by the service port and how they meet it, before and after.
type Callers<'m> = BTreeMap<(To<'m>, [Access<'m>; 2]), Vec<NodeName>>;

fn service_tasks<'m>(cx: &Cx<'m>, tasks: &mut Vec<Task<'m>>) {
    let mut callers: Callers<'m> = BTreeMap::new();
    for (name, was) in &cx.before.nodes {
        // Of a new node there are no requests to compare. One that goes away gives up its calls.
        let is = cx.after.nodes.get(name);
        let itself = cx.reached.contains(&Address::Node(name.clone()));
        let mut backends = is.unwrap_or(was).backends.iter();
        if !itself && !backends.any(|backend| cx.services.contains(&backend.service)) {
            continue;
        }
        // Without a proxy nothing takes what the application sends.
        let captures = [(cx.before, Some(was)), (cx.after, is)]
            .map(|(mesh, node)| node.and_then(|own| captured_by(mesh, own)));
        if captures.contains(&Some(Capture::Redirect)) {
            captured(cx, name, [Some(was), is], captures, &mut callers);
        }
        if captures.contains(&Some(Capture::Explicit)) {
            bound(cx, name, captures, &mut callers, tasks);
        }
    }
    for ((to, access), callers) in callers {
        tasks.push(Task::Service { to, callers, access });
    }
}

/// Whether there is anything to compare where a node calls a service as before.
fn matters(cx: &Cx<'_>, node: &NodeName, service: &ServiceName) -> bool {
    cx.services.contains(service) || cx.calls_otherwise(node, service)
}

/// The services that a node calls where its proxy captures calls, before or after.
fn captured<'m>(
    cx: &Cx<'m>,
    name: &NodeName,
    nodes: [Option<&'m VirtualNode>; 2],
    captures: [Option<Capture>; 2],
    callers: &mut Callers<'m>,
) {
    let redirect = captures.map(|capture| capture == Some(Capture::Redirect));
    let calls = [0, 1].map(|side| -> BTreeSet<&'m ServiceName> {
        let node = nodes[side].filter(|_| redirect[side]);
        let backends = node.into_iter().flat_map(|node| &node.backends);
        backends.map(|backend| &backend.service).collect()
    });
    let captured = [(cx.before, 0), (cx.after, 1)].map(|(mesh, side)| {
        let found = nodes[side].filter(|_| redirect[side]);
        let found = found.and_then(|node| Some((mesh.nodes.get_key_value(name)?.0, node)));
        found.map_or_else(Vec::new, |(name, node)| captured_ports(mesh, name, node))
    });
    for service in calls[0].union(&calls[1]) {
        let own = [cx.before, cx.after].map(|mesh| service_ports(mesh, service));
        let ports: BTreeSet<Port> = own.iter().flatten().map(|port| port.port).collect();
        for port in ports {
            let to = (*service, port);
            let tcp = own.iter().flatten().any(|own| own.port == port && !own.protocol.is_http());
            let access = [0, 1].map(|side| {
                if !redirect[side] {
                    return Access::Closed;
                }
                let mesh = [cx.before, cx.after][side];
                let listed = calls[side].contains(service);
                match own[side].iter().any(|own| own.port == port) {
                    true if listed => Access::Known,
                    _ if listed => Access::NoPort(outside(mesh, &captured[side], to, tcp)),
                    _ => Access::Unlisted(outside(mesh, &captured[side], to, tcp)),
                }
            });
            if access != [Access::Known; 2] || matters(cx, name, service) {
                callers.entry((to, access)).or_default().push(name.clone());
            }
        }
    }
}

/// The addresses that a node's proxy binds, before or after.
fn bound<'m>(
    cx: &Cx<'m>,
    name: &NodeName,
    captures: [Option<Capture>; 2],
    callers: &mut Callers<'m>,
    tasks: &mut Vec<Task<'m>>,
) {
    let addresses = [0, 1].map(|side| -> BTreeMap<SocketAddr, To<'m>> {
        let mesh = [cx.before, cx.after][side];
        let Some((name, node)) = mesh.nodes.get_key_value(name) else { return BTreeMap::new() };
        if captures[side] != Some(Capture::Explicit) {
            return BTreeMap::new();
        }
        let entries = bound_entries(mesh, name, node).into_iter();
        let of = |entry: Entry<'m>| match entry.door {
            Door::Bound { at, to, .. } => Some((at, (to.name, to.port))),
            _ => None,
        };
        entries.filter_map(of).collect()
    });
    // A call to an address also gets in where the proxy listens at every address.
    let leads = |side: usize, at: SocketAddr| {
        let exact = addresses[side].get(&at);
        exact.copied().or_else(|| {
            let mut wide = addresses[side].iter();
            let found = wide.find(|(own, _)| own.port() == at.port() && covers(own.ip(), at.ip()));
            found.map(|(_, to)| *to)
        })
    };
    let all: BTreeSet<SocketAddr> = addresses.iter().flat_map(BTreeMap::keys).copied().collect();
    for at in all {
        let to = [leads(0, at), leads(1, at)];
        match to {
            [Some(was), Some(is)] if was == is => {
                if matters(cx, name, was.0) {
                    callers.entry((was, [Access::Known; 2])).or_default().push(name.clone());
                }
            }
            _ => tasks.push(Task::Bound { node: name.clone(), at, to }),
        }
    }
}

fn gateway_tasks<'m>(cx: &Cx<'m>, tasks: &mut Vec<Task<'m>>) {
    let own: BTreeSet<&GatewayName> = cx
        .reached
        .iter()
        .filter_map(|address| match address {
            Address::Gateway(name) | Address::GatewayRoute(name, _) => Some(name),
            _ => None,
        })
        .collect();
    let mut found = BTreeSet::new();
    for mesh in [cx.before, cx.after] {
        for (name, gateway) in &mesh.gateways {
            let mut routes = gateway.routes.iter();
            let leads = routes.any(|route| cx.services.contains(&route.service.name));
            if own.contains(name) || leads {
                found.extend(gateway.listeners.iter().map(|listener| (name, listener.port)));
            }
        }
    }
    tasks.extend(found.into_iter().map(|(name, port)| Task::Gateway { name, port }));
}
