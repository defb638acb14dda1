//! App Mesh's order of routes, written down once.

use super::context::Cx;
use super::item::Item;
use super::report::Reason;
use crate::model::{
    GatewayMatch, GatewayRoute, HostnameMatch, Kind, Matcher, Mesh, PathMatch, Route, RouteMatch,
    RouterListener, RouterName, VirtualGateway, VirtualRouter,
};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// Sorts all routes as App Mesh tried them, and finds a port for routers that name none.
pub(super) fn sort(cx: &mut Cx<'_>, mesh: &mut Mesh, items: &[Item]) {
    for router in mesh.routers.values_mut() {
        router.routes.sort_by_key(route_rank);
    }
    for gateway in mesh.gateways.values_mut() {
        gateway.routes.sort_by_key(gateway_route_rank);
    }
    listeners(cx, mesh, items);
    hosts(cx, mesh, items);
}

/// Reports gateway routes whose order App Mesh's documents leave open: of two that match one request, one has
/// the more specific host name, and the other the more specific path. Here the path decides.
fn hosts(cx: &mut Cx<'_>, mesh: &Mesh, items: &[Item]) {
    for (name, gateway) in &mesh.gateways {
        for (at, later) in gateway.routes.iter().enumerate() {
            let open = gateway.routes[..at].iter().find(|earlier| {
                earlier.priority == later.priority
                    && narrower(later.matches.hostname.as_ref(), earlier.matches.hostname.as_ref())
                    && path_rank(earlier.matches.path.as_ref())
                        < path_rank(later.matches.path.as_ref())
                    && meet(earlier.matches.path.as_ref(), later.matches.path.as_ref())
            });
            let Some(earlier) = open else { continue };
            let item = items.iter().find(|item| {
                item.kind == Kind::GatewayRoute
                    && item.name.text == later.name.as_str()
                    && item.parent.as_ref().is_some_and(|parent| parent.text == name.as_str())
            });
            if let Some(item) = item {
                cx.about = Some(format!("gateway_route/{name}/{}", later.name));
                let message = format!(
                    "`{}` is matched before it for its path, though this route has the more specific host \
                     name; App Mesh's documents do not say which came first: a priority decides",
                    earlier.name
                );
                cx.note(Reason::Assumed, item.loc, "hostname", message);
                cx.about = None;
            }
        }
    }
}

/// Whether every host that one matches is matched by the other too, but not the other way round.
fn narrower(one: Option<&HostnameMatch>, other: Option<&HostnameMatch>) -> bool {
    match (one, other) {
        (Some(_), None) => true,
        (Some(HostnameMatch::Exact(host)), Some(HostnameMatch::Suffix(end))) => host.ends_with(end),
        (Some(HostnameMatch::Suffix(host)), Some(HostnameMatch::Suffix(end))) => {
            host != end && host.ends_with(end)
        }
        _ => false,
    }
}

/// Whether one path may be matched by both. Of an expression that is not decided.
fn meet(one: Option<&PathMatch>, other: Option<&PathMatch>) -> bool {
    match (one, other) {
        (Some(PathMatch::Exact(one)), Some(PathMatch::Exact(other))) => one == other,
        (Some(PathMatch::Exact(path)), Some(PathMatch::Prefix(prefix)))
        | (Some(PathMatch::Prefix(prefix)), Some(PathMatch::Exact(path))) => {
            path.starts_with(prefix)
        }
        (Some(PathMatch::Prefix(one)), Some(PathMatch::Prefix(other))) => {
            one.starts_with(other) || other.starts_with(one)
        }
        _ => true,
    }
}

/// Whether App Mesh would try the routes in the order in which they are.
pub(super) fn router_is_sorted(router: &VirtualRouter) -> bool {
    router.routes.is_sorted_by_key(route_rank)
}

/// Whether App Mesh would try the routes in the order in which they are.
pub(super) fn gateway_is_sorted(gateway: &VirtualGateway) -> bool {
    gateway.routes.is_sorted_by_key(gateway_route_rank)
}

fn route_rank(route: &Route) -> Rank {
    rank(route.priority, route.matches.path.as_ref(), conditions(&route.matches))
}

fn gateway_route_rank(route: &GatewayRoute) -> Rank {
    rank(route.priority, route.matches.path.as_ref(), gateway_conditions(&route.matches))
}

/// Priority first, unset last; then exact paths, regular expressions and the longest prefix; then
/// what asks for more. Routes that are equal in all of this stay as the sources have them.
type Rank = (u32, u8, Reverse<usize>, Reverse<usize>);

fn rank(priority: Option<u16>, path: Option<&PathMatch>, conditions: usize) -> Rank {
    let (class, length) = path_rank(path);
    (priority.map_or(u32::MAX, u32::from), class, length, Reverse(conditions))
}

fn path_rank(path: Option<&PathMatch>) -> (u8, Reverse<usize>) {
    match path {
        Some(PathMatch::Exact(_)) => (0, Reverse(0)),
        Some(PathMatch::Regex(_)) => (1, Reverse(0)),
        Some(PathMatch::Prefix(prefix)) => (2, Reverse(prefix.len())),
        None => (3, Reverse(0)),
    }
}

fn count(matchers: &BTreeMap<String, Vec<Matcher>>) -> usize {
    matchers.values().map(Vec::len).sum()
}

fn conditions(matches: &RouteMatch) -> usize {
    let single = [
        matches.method.is_some(),
        matches.scheme.is_some(),
        matches.service_name.is_some(),
        matches.method_name.is_some(),
    ];
    single.iter().filter(|there| **there).count()
        + count(&matches.headers)
        + count(&matches.query_parameters)
        + count(&matches.metadata)
}

fn gateway_conditions(matches: &GatewayMatch) -> usize {
    let single =
        [matches.method.is_some(), matches.hostname.is_some(), matches.service_name.is_some()];
    single.iter().filter(|there| **there).count()
        + count(&matches.headers)
        + count(&matches.query_parameters)
        + count(&matches.metadata)
}

/// Gives routers without a listener that of their targets, as App Mesh did before routers had any.
fn listeners(cx: &mut Cx<'_>, mesh: &mut Mesh, items: &[Item]) {
    let mut found: Vec<(RouterName, RouterListener)> = Vec::new();
    for (name, router) in &mesh.routers {
        if !router.listeners.is_empty() || router.routes.is_empty() {
            continue;
        }
        let targets = router.routes.iter().flat_map(|route: &Route| &route.targets);
        let mut ports: Vec<RouterListener> = targets
            .filter_map(|target| {
                let node = mesh.nodes.get(&target.node)?;
                let listener = match target.port {
                    Some(port) => node.listener(port)?,
                    None => node.listeners.first()?,
                };
                Some(RouterListener { port: listener.port, protocol: listener.protocol })
            })
            .collect();
        ports.sort_by_key(|listener| (listener.port, listener.protocol));
        ports.dedup();
        if let [only] = ports.as_slice() {
            found.push((name.clone(), *only));
        }
    }
    for (name, listener) in found {
        let item = items.iter().find(|item| {
            item.kind == Kind::VirtualRouter && item.name.text == name.as_str()
                || item.parent.as_ref().is_some_and(|parent| parent.text == name.as_str())
        });
        if let Some(item) = item {
            cx.about = Some(format!("virtual_router/{name}"));
            let message = format!(
                "no listener is written; {} {} is that of the nodes it routes to",
                listener.protocol, listener.port
            );
            cx.note(Reason::Assumed, item.loc, "listeners", message);
            cx.about = None;
        }
        if let Some(router) = mesh.routers.get_mut(&name) {
            router.listeners.push(listener);
        }
    }
}
