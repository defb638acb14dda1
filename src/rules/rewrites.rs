//! MC02xx: matches that a gateway's rewrite puts out of reach: the routes of a service as they are
//! seen from outside.

use super::context::Ctx;
use super::{Check, Rule};
use crate::diag::{Code, Diagnostics};
use crate::graph::Caller;
use crate::model::{
    Address, GatewayName, GatewayRoute, PathMatch, Port, PrefixRewrite, Protocol, Route,
    ServiceName, VirtualGateway,
};
use crate::parallel;
use crate::traffic::symbolic::{
    Gives, Region, Row, Space, Taker, of_hop, of_service, request, takers,
};
use crate::traffic::{gateway_rows, ports};
use std::collections::{BTreeMap, BTreeSet};

/// A route that a rewrite puts out of reach.
const LOST: Code = Code::warning(
    "MC0230",
    "route-lost-to-rewrite",
    "a route that matches what a gateway's rewrite takes away",
    "Only gateways call the service, and what they send is rewritten before the router sees it: by \
     default a matched prefix becomes `/`. The route matches the path as clients write it, so it \
     takes nothing of what they mean for it. Match what is left after the rewrite, or turn the \
     rewrite off with `rewrite = { prefix = false }`.",
);
/// A gateway route that leads to nothing.
const DEAD_END: Code = Code::error(
    "MC0231",
    "rewrite-meets-no-route",
    "no route takes what a gateway route sends",
    "Every request that the gateway route takes is answered with 404, because no route of the \
     service's router matches it after the rewrite.",
);

pub(super) const RULES: &[Rule] = &[Rule(&[&LOST, &DEAD_END], check as Check)];

/// A gateway route with what becomes of its requests.
struct Door<'a> {
    gateway: &'a GatewayName,
    route: &'a GatewayRoute,
}

impl Door<'_> {
    fn address(&self) -> Address {
        Address::GatewayRoute(self.gateway.clone(), self.route.name.clone())
    }

    /// The prefix that it replaces by another.
    fn replaced(&self) -> Option<&str> {
        let Some(PathMatch::Prefix(prefix)) = &self.route.matches.path else { return None };
        let to = match &self.route.rewrite.prefix {
            PrefixRewrite::Root => "/",
            PrefixRewrite::Value(value) => value.as_str(),
            PrefixRewrite::Keep => return None,
        };
        (to != prefix).then_some(prefix.as_str())
    }

    fn rewrites(&self) -> bool {
        self.replaced().is_some() || self.route.rewrite.path.is_some()
    }

    /// Whether a route begins with what is replaced, so that only a request that says it twice
    /// could reach it.
    fn doubles(&self, route: &Route) -> bool {
        let (Some(PathMatch::Prefix(path) | PathMatch::Exact(path)), Some(prefix)) =
            (&route.matches.path, self.replaced())
        else {
            return false;
        };
        let prefix = prefix.trim_end_matches('/');
        path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

/// What was found of one gateway route.
struct Seen {
    /// The routes that take some of its requests.
    reached: BTreeSet<Address>,
    /// If none does: a request, and the path that comes of it.
    dead_end: Option<(String, String)>,
    /// Whether that could be decided.
    decided: bool,
}

fn check(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    let mut doors: BTreeMap<&ServiceName, Vec<Door<'_>>> = BTreeMap::new();
    for at in ctx.gateway_routes() {
        let door = Door { gateway: at.gateway_name, route: at.route };
        doors.entry(&at.route.service.name).or_default().push(door);
    }
    let doors: Vec<(&ServiceName, Vec<Door<'_>>)> = doors
        .into_iter()
        .filter(|(service, _)| {
            let item = ctx.mesh.services.get(*service);
            let router = item.and_then(|item| ctx.mesh.routers.get(item.router.as_ref()?));
            router.is_some_and(|router| !router.routes.is_empty())
        })
        .collect();
    for findings in parallel::map(&doors, |(service, doors)| look(ctx, service, doors)) {
        found.append(findings);
    }
}

fn look(ctx: &Ctx<'_>, service: &ServiceName, doors: &[Door<'_>]) -> Diagnostics {
    let mut found = Diagnostics::default();
    let seen: Vec<Seen> = doors.iter().map(|door| see(ctx, door)).collect();
    for (door, seen) in doors.iter().zip(&seen) {
        let Some((request, path)) = &seen.dead_end else { continue };
        let message = format!(
            "every request of `{}` ends in 404: of `{request}` the router of `{service}` sees \
             `{path}`, which none of its routes takes",
            door.route.name
        );
        let finding = ctx.find(&DEAD_END, &door.address(), "/match", message).help(
            "let the routes match what is left after the rewrite, or write \
             `rewrite = { prefix = false }`",
        );
        let router = ctx.mesh.services.get(service).and_then(|item| item.router.clone());
        found.push(match router {
            Some(router) => ctx.also(finding, &Address::Router(router), "", "its routes"),
            None => finding,
        });
    }
    // A caller inside the mesh sends paths as they are.
    let Some(name) = ctx.mesh.services.get(service).and_then(|item| item.router.as_ref()) else {
        return found;
    };
    let inside = ctx.graph.services_of_router(name).iter().any(|service| {
        ctx.graph.callers(service).iter().any(|caller| matches!(caller, Caller::Node { .. }))
    });
    let others = ctx.graph.services_of_router(name).len() > 1;
    let decided = seen.iter().all(|seen| seen.decided && seen.dead_end.is_none());
    if inside || others || !decided {
        return found;
    }
    let Some(router) = ctx.mesh.routers.get(name) else { return found };
    for route in &router.routes {
        let address = Address::Route(name.clone(), route.name.clone());
        let own = router.listener_of(&route.matches).map(|listener| listener.port);
        let lost = doors.iter().zip(&seen).all(|(door, seen)| {
            door.rewrites() && (!seen.reached.contains(&address) || door.doubles(route))
        });
        // What earlier routes of the router leave nothing for is told elsewhere.
        let Some(path) = own.filter(|_| lost).and_then(|port| takes(ctx, service, port, &address))
        else {
            continue;
        };
        let sent = doors.iter().find_map(|door| {
            let gateway = ctx.mesh.gateways.get(door.gateway)?;
            let port = gateway.listener_of(&door.route.matches)?.port;
            let mut rows = Vec::new();
            of_door(ctx, door, &mut rows);
            let row = rows.iter().find(|row| row.via.len() > 1 && row.applies(&path))?;
            Some((format!("http://{}:{port}{path}", door.gateway), row.path.apply(&path)))
        });
        let seen = match sent {
            Some((url, sent)) => format!(": of `{url}` the router sees `{sent}`"),
            None => String::new(),
        };
        let message = format!("`{}` matches what the gateway has taken away{seen}", route.name);
        let mut finding = ctx.find(&LOST, &address, "/match", message).help(
            "match the path as it is after the rewrite, or write `rewrite = { prefix = false }`",
        );
        for door in doors {
            let pointer = if ctx.origins.exact(&door.address(), "/rewrite").is_some() {
                "/rewrite"
            } else {
                "/match"
            };
            finding = ctx.also(finding, &door.address(), pointer, "the prefix is replaced here");
        }
        found.push(finding);
    }
    found
}

/// The rows of a gateway route, both hops in one.
fn of_door(ctx: &Ctx<'_>, door: &Door<'_>, rows: &mut Vec<Row>) {
    let Some(gateway) = ctx.mesh.gateways.get(door.gateway) else { return };
    let Some(listener) = gateway.listener_of(&door.route.matches) else { return };
    if listener.protocol == Protocol::Tcp {
        return;
    }
    // Only this route: a gateway can have a thousand.
    let alone = VirtualGateway {
        listeners: gateway.listeners.clone(),
        routes: vec![door.route.clone()],
        ..Default::default()
    };
    for hop in gateway_rows(ctx.mesh, door.gateway, &alone, listener) {
        of_hop(ctx.mesh, &hop, rows);
    }
}

fn see(ctx: &Ctx<'_>, door: &Door<'_>) -> Seen {
    let mut rows = Vec::new();
    of_door(ctx, door, &mut rows);
    let space = Space::new(rows.iter().map(|row| row.conditions.as_slice()));
    let regions: Vec<Region> = rows.iter().map(|row| space.region(&row.conditions)).collect();
    let all = takers(&space, &[&regions], None);
    let mut seen = Seen { reached: BTreeSet::new(), dead_end: None, decided: !all.cut_short };
    let mut ends = None;
    for (key, shown) in &all.found {
        let Taker::Row(at) = key[0] else { continue };
        match rows[at].gives {
            Gives::Answer(404) => ends = Some((at, shown)),
            _ => seen.reached.extend(rows[at].via.last().cloned()),
        }
    }
    // Without a second hop there is no port to send to, which is told elsewhere.
    let sent = rows.iter().any(|row| row.via.len() > 1);
    let none = sent && seen.reached.is_empty() && !all.cut_short;
    if let (Some((at, shown)), true) = (ends, none) {
        let path = shown.example.path.as_deref().unwrap_or("/");
        // The row for the rest does not say what became of the path; its neighbours do.
        let change = rows[..at].iter().rev().find(|row| row.via.len() > 1);
        let after = change.map_or_else(|| path.to_owned(), |row| row.path.apply(path));
        let gateway = ctx.mesh.gateways.get(door.gateway);
        if let Some(listener) = gateway.and_then(|g| g.listener_of(&door.route.matches)) {
            let host = shown.example.host.clone();
            let host = host.unwrap_or_else(|| door.gateway.as_str().to_ascii_lowercase());
            let request = request(&host, listener.port, listener.protocol, &shown.example);
            seen.dead_end = Some((request.to_string(), after));
        }
    }
    seen
}

/// A path that a route takes of what its own router gets; `None` if it takes nothing.
fn takes(ctx: &Ctx<'_>, service: &ServiceName, port: Port, route: &Address) -> Option<String> {
    let (name, item) = ctx.mesh.services.get_key_value(service)?;
    let port = ports(ctx.mesh, name, item).into_iter().find(|p| p.port == port)?;
    let rows = of_service(ctx.mesh, &port);
    let space = Space::new(rows.iter().map(|row| row.conditions.as_slice()));
    let regions: Vec<Region> = rows.iter().map(|row| space.region(&row.conditions)).collect();
    takers(&space, &[&regions], None).found.into_iter().find_map(|(key, shown)| {
        let mine = matches!(key[0], Taker::Row(at) if rows[at].via.last() == Some(route));
        (mine && !shown.assumed).then(|| shown.example.path.unwrap_or_else(|| "/".to_owned()))
    })
}
