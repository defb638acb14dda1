//! App Mesh's order of routes, written down once.

use super::context::Cx;
use super::item::Item;
use super::report::Reason;
use crate::model::{
    Address, GatewayMatch, GatewayRoute, HostnameMatch, Kind, Matcher, Mesh, PathMatch, Port,
    Protocol, Route, RouteMatch, RouterListener, RouterName, VirtualGateway, VirtualRouter,
};
use crate::traffic::Match;
use crate::traffic::symbolic::{self, Condition, Region, Space};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// A comment that stands above a route.
pub(super) type Remark = (Address, String);

/// Sorts all routes as App Mesh tried them, as far as that is known, and finds a port for routers that name
/// none. The order of the other routes is in the report, and in the comments that are returned.
pub(super) fn sort(cx: &mut Cx<'_>, mesh: &mut Mesh, items: &[Item]) -> Vec<Remark> {
    let mut open: Vec<(Kind, String, String, String)> = Vec::new();
    for (name, router) in &mut mesh.routers {
        router.routes.sort_by_key(route_rank);
        let rows: Vec<Row<'_>> = router.routes.iter().map(|route| row(router, route)).collect();
        let (order, found) = settled(&rows);
        open.extend(
            found.into_iter().map(|(at, others)| {
                (Kind::Route, name.to_string(), rows[at].name.to_owned(), others)
            }),
        );
        router.routes = order.iter().map(|at| router.routes[*at].clone()).collect();
    }
    for (name, gateway) in &mut mesh.gateways {
        gateway.routes.sort_by_key(gateway_route_rank);
        let rows: Vec<Row<'_>> =
            gateway.routes.iter().map(|route| gateway_row(gateway, route)).collect();
        let (order, found) = settled(&rows);
        open.extend(found.into_iter().map(|(at, others)| {
            (Kind::GatewayRoute, name.to_string(), rows[at].name.to_owned(), others)
        }));
        gateway.routes = order.iter().map(|at| gateway.routes[*at].clone()).collect();
    }
    listeners(cx, mesh, items);
    open.into_iter().filter_map(|found| report(cx, items, found)).collect()
}

/// Reports a route whose order App Mesh's documents leave open, and gives the comment above it.
fn report(
    cx: &mut Cx<'_>,
    items: &[Item],
    (kind, parent, name, others): (Kind, String, String, String),
) -> Option<Remark> {
    let item = items.iter().find(|item| {
        item.kind == kind
            && item.name.text == name
            && item.parent.as_ref().is_some_and(|known| known.text == parent)
    });
    let loc = match item {
        Some(item) => item.loc,
        // A name that had to be changed.
        None => items.iter().find(|item| item.kind == kind)?.loc,
    };
    cx.about = Some(format!("{kind}/{parent}/{name}"));
    let message = format!(
        "{others} is matched before it; App Mesh's documents do not say which came first for requests that \
         both match: a priority on both decides"
    );
    cx.note(Reason::Assumed, loc, "priority", message);
    cx.about = None;
    let address = match kind {
        Kind::Route => Address::Route(parent.try_into().ok()?, name.try_into().ok()?),
        _ => Address::GatewayRoute(parent.try_into().ok()?, name.try_into().ok()?),
    };
    let remark = format!(
        "{others} is matched before this route; App Mesh's documents do not say which came first. Give both a \
         priority."
    );
    Some((address, remark))
}

/// A route, as far as its order goes.
struct Row<'r> {
    name: &'r str,
    priority: Option<u16>,
    port: Option<Port>,
    path: Option<&'r PathMatch>,
    host: Option<&'r HostnameMatch>,
    conditions: Vec<Condition>,
    /// What it does, to be compared with others.
    does: String,
}

/// That of the listener, or where none fits that of the match: only gRPC names a service.
fn protocol(own: Option<Protocol>, service_name: Option<&str>) -> Protocol {
    own.unwrap_or(if service_name.is_some() { Protocol::Grpc } else { Protocol::Http })
}

fn row<'r>(router: &VirtualRouter, route: &'r Route) -> Row<'r> {
    let own = router.listener_of(&route.matches);
    let protocol =
        protocol(own.map(|listener| listener.protocol), route.matches.service_name.as_deref());
    Row {
        name: route.name.as_str(),
        priority: route.priority,
        port: route.matches.port,
        path: route.matches.path.as_ref(),
        host: None,
        conditions: symbolic::conditions(&Match::route(protocol, &route.matches)),
        does: format!("{:?} {:?} {:?}", route.targets, route.timeout, route.retry),
    }
}

fn gateway_row<'r>(gateway: &VirtualGateway, route: &'r GatewayRoute) -> Row<'r> {
    let own = gateway.listener_of(&route.matches);
    let protocol =
        protocol(own.map(|listener| listener.protocol), route.matches.service_name.as_deref());
    Row {
        name: route.name.as_str(),
        priority: route.priority,
        port: route.matches.port,
        path: route.matches.path.as_ref(),
        host: route.matches.hostname.as_ref(),
        conditions: symbolic::conditions(&Match::gateway(protocol, &route.matches)),
        // What a rewrite gives depends on the path that is matched.
        does: format!("{:?} {:?} {:?}", route.service, route.rewrite, route.matches.path),
    }
}

/// What is known of the order of two routes that stand in App Mesh's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    /// Priorities, ports or paths tell them apart.
    Apart,
    /// The longer prefix came first: <https://github.com/aws/aws-app-mesh-roadmap/issues/77>.
    Longer,
    /// Nothing, unless no request is matched by both.
    Open,
}

fn known(earlier: &Row<'_>, later: &Row<'_>) -> Known {
    let ports = matches!((earlier.port, later.port), (Some(one), Some(other)) if one != other);
    if earlier.priority != later.priority || ports || !meet(earlier.path, later.path) {
        return Known::Apart;
    }
    match (prefix(earlier.path), prefix(later.path)) {
        // A host name that is more specific may count more than the length.
        (Some(one), Some(other)) if one > other && !narrower(later.host, earlier.host) => {
            Known::Longer
        }
        _ => Known::Open,
    }
}

/// Puts routes whose order is open behind the ones that match a part of their requests: in any other order
/// these would match none. Gives the order, and the routes whose order is open with those before them.
fn settled(rows: &[Row<'_>]) -> (Vec<usize>, Vec<(usize, String)>) {
    let mut relations: BTreeMap<(usize, usize), Known> = BTreeMap::new();
    for at in 0..rows.len() {
        for later in at + 1..rows.len() {
            // In the order of ranks, another priority ends what has the same one.
            if rows[at].priority != rows[later].priority {
                break;
            }
            match known(&rows[at], &rows[later]) {
                Known::Apart => {}
                known => {
                    relations.insert((at, later), known);
                }
            }
        }
    }
    let mut order: Vec<usize> = (0..rows.len()).collect();
    if relations.values().all(|known| *known == Known::Longer) {
        return (order, Vec::new());
    }
    let space = Space::new(rows.iter().map(|row| row.conditions.as_slice()));
    let regions: Vec<Region> = rows.iter().map(|row| space.region(&row.conditions)).collect();
    let inside = |one: usize, other: usize| {
        let (one, other) = (&regions[one], &regions[other]);
        one.is_exact() && other.is_exact() && one.within(other) && !other.within(one)
    };
    // Which routes come before each.
    let mut before: Vec<Vec<usize>> = vec![Vec::new(); rows.len()];
    for ((at, later), known) in &relations {
        if *known == Known::Longer || inside(*at, *later) {
            before[*later].push(*at);
        } else if inside(*later, *at) {
            before[*at].push(*later);
        }
    }
    let mut left = std::mem::take(&mut order);
    while !left.is_empty() {
        let free = |at: &usize| {
            // A route of another priority is never waited for.
            !before[*at].iter().any(|other| left.contains(other))
        };
        let next = left.iter().position(free).unwrap_or(0);
        order.push(left.remove(next));
    }
    let mut open = Vec::new();
    for (place, later) in order.iter().enumerate() {
        let earlier = order[..place].iter().filter(|at| {
            let pair = (**at.min(&later), **at.max(&later));
            relations.get(&pair) == Some(&Known::Open)
                && regions[**at].may_meet(&regions[*later])
                && !regions[*later].is_empty()
                && rows[**at].does != rows[*later].does
        });
        let names: Vec<String> = earlier.map(|at| format!("`{}`", rows[*at].name)).collect();
        match names.as_slice() {
            [] => {}
            [one] => open.push((*later, one.clone())),
            [one, rest @ ..] => open.push((*later, format!("each of {one}, {}", rest.join(", ")))),
        }
    }
    (order, open)
}

/// The length of a prefix; without a path every one is matched, as by `/`.
fn prefix(path: Option<&PathMatch>) -> Option<usize> {
    match path {
        None => Some(1),
        Some(PathMatch::Prefix(prefix)) => Some(prefix.len()),
        Some(_) => None,
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

/// Whether one path may be matched by both. Of an expression that is not decided here.
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
    let rows: Vec<Row<'_>> = router.routes.iter().map(|route| row(router, route)).collect();
    router.routes.is_sorted_by_key(route_rank) && settled(&rows).0.is_sorted()
}

/// Whether App Mesh would try the routes in the order in which they are.
pub(super) fn gateway_is_sorted(gateway: &VirtualGateway) -> bool {
    let rows: Vec<Row<'_>> =
        gateway.routes.iter().map(|route| gateway_row(gateway, route)).collect();
    gateway.routes.is_sorted_by_key(gateway_route_rank) && settled(&rows).0.is_sorted()
}

fn route_rank(route: &Route) -> Rank {
    rank(route.priority, route.matches.path.as_ref(), None, conditions(&route.matches))
}

fn gateway_route_rank(route: &GatewayRoute) -> Rank {
    let (matches, host) = (&route.matches, route.matches.hostname.as_ref());
    rank(route.priority, matches.path.as_ref(), host, gateway_conditions(matches))
}

/// Priority first, unset last; then exact paths, regular expressions and the longest prefix; then exact host
/// names and the longest end of one; then what asks for more. Only priorities and prefixes are documented.
/// Routes that are equal in all of this stay as the sources have them.
type Rank = (u32, u8, Reverse<usize>, u8, Reverse<usize>, Reverse<usize>);

fn rank(
    priority: Option<u16>,
    path: Option<&PathMatch>,
    host: Option<&HostnameMatch>,
    conditions: usize,
) -> Rank {
    let (class, length) = path_rank(path);
    let (way, end) = match host {
        Some(HostnameMatch::Exact(_)) => (0, 0),
        Some(HostnameMatch::Suffix(end)) => (1, end.len()),
        None => (2, 0),
    };
    let priority = priority.map_or(u32::MAX, u32::from);
    (priority, class, length, way, Reverse(end), Reverse(conditions))
}

fn path_rank(path: Option<&PathMatch>) -> (u8, Reverse<usize>) {
    match path {
        Some(PathMatch::Exact(_)) => (0, Reverse(0)),
        Some(PathMatch::Regex(_)) => (1, Reverse(0)),
        Some(PathMatch::Prefix(_)) | None => (2, Reverse(prefix(path).unwrap_or(0))),
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
