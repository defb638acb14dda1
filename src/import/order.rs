//! App Mesh's order of routes, written down once.

use super::context::Cx;
use super::item::Item;
use super::report::Reason;
use crate::model::{
    GatewayMatch, GatewayRoute, Kind, Matcher, Mesh, PathMatch, Route, RouteMatch, RouterListener,
    RouterName, VirtualGateway, VirtualRouter,
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
    let (class, length) = match path {
        Some(PathMatch::Exact(_)) => (0, 0),
        Some(PathMatch::Regex(_)) => (1, 0),
        Some(PathMatch::Prefix(prefix)) => (2, prefix.len()),
        None => (3, 0),
    };
    (priority.map_or(u32::MAX, u32::from), class, Reverse(length), Reverse(conditions))
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
