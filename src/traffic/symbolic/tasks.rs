//! The entry points that a change reaches, each with the nodes that it is for.

use super::meets::Cx;
use crate::model::{Address, Capture, GatewayName, Mesh, NodeName, Port, ServiceName, VirtualNode};
use crate::traffic::addresses::covers;
use crate::traffic::policy::Subject;
use crate::traffic::{ServicePort, bound_entries, captured_by, ports};
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

/// How a node's calls to a service meet its proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Access {
    /// The proxy captures them, and knows the service.
    Known,
    /// The proxy captures them, and the service is none of the node's backends: the mesh's
    /// `egress` decides.
    Unlisted,
    /// No proxy takes them there.
    Closed,
}

/// A service's port.
pub(super) type To<'m> = (&'m ServiceName, Port);

/// One entry point to look at.
pub(super) enum Task<'m> {
    /// A service port for nodes whose proxies capture calls to it, with what they do before and
    /// after; or for nodes that bind it to an address that stays.
    Service { to: To<'m>, callers: Vec<NodeName>, access: [Access; 2] },
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
type Callers<'m> = BTreeMap<(To<'m>, [Access; 2]), Vec<NodeName>>;

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
    cx.services.contains(service)
        || cx.policies.contains_key(&Subject::Caller(node.clone(), service.clone()))
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
    for service in calls[0].union(&calls[1]) {
        let access = [0, 1].map(|side| match redirect[side] {
            false => Access::Closed,
            true if calls[side].contains(service) => Access::Known,
            true => Access::Unlisted,
        });
        if access == [Access::Known; 2] && !matters(cx, name, service) {
            continue;
        }
        let ports = [cx.before, cx.after].map(|mesh| service_ports(mesh, service));
        let ports: BTreeSet<Port> = ports.iter().flatten().map(|port| port.port).collect();
        for port in ports {
            callers.entry(((*service, port), access)).or_default().push(name.clone());
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
        let of = |entry: crate::traffic::Entry<'m>| match entry.door {
            crate::traffic::Door::Bound { at, to, .. } => Some((at, (to.name, to.port))),
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
