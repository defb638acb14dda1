//! MC05xx: routes, targets and listeners that do not speak alike.

use super::context::{Ctx, listener_pointer};
use super::{Check, Rule};
use crate::diag::{Code, Diagnostics};
use crate::model::{Address, Port, Protocol, RouteName};
use std::collections::BTreeMap;

/// A route whose kind cannot be told.
const NO_LISTENER: Code = Code::error(
    "MC0501",
    "routes-without-listener",
    "a router or gateway has routes and no listener",
    "The kind of a route (http, http2, grpc, tcp) is that of the listener it belongs to, and the \
     listener's port is the one that callers address. Without a listener neither is known.",
);
/// A port that is not there.
pub(super) const UNKNOWN_PORT: Code = Code::error(
    "MC0502",
    "unknown-port",
    "a port that what it points at does not listen on",
    "A `port` in a match names a listener of the router or gateway; a `port` of a target names a \
     listener of the node, or of the service's router. This one names none, so nothing would \
     arrive, and Envoy would not say why.",
);
/// A choice of ports that was not made.
const PORT_REQUIRED: Code = Code::error(
    "MC0503",
    "port-not-chosen",
    "there are several ports and none is named",
    "What has several listeners must be told apart by port: `match.port` in the routes of a router \
     or gateway, `port` in a target. meshctl does not guess.",
);
/// A destination that takes no connection.
const TARGET_CLOSED: Code = Code::error(
    "MC0504",
    "target-without-listener",
    "traffic is sent to a node that does not listen",
    "The node has no listeners, so it only calls others and has no port that traffic could be \
     sent to.",
);
/// Two that do not understand each other.
const MISMATCH: Code = Code::error(
    "MC0505",
    "protocol-mismatch",
    "a route and its target speak different protocols",
    "The protocol of the router's listener says how requests arrive, that of the node's listener \
     how they are passed on. HTTP and TCP do not mix, and gRPC needs HTTP/2 all the way. Envoy \
     takes such a configuration; the requests fail.",
);
/// Two that Envoy translates between.
const TRANSLATED: Code = Code::info(
    "MC0506",
    "protocol-translated",
    "a route and its target speak different versions of HTTP",
    "Envoy translates between HTTP/1.1 and HTTP/2. Trailers, upgrades and streaming in both \
     directions may get lost on the way. App Mesh asked for the same protocol on both sides.",
);
/// A TCP route that can never be chosen.
const SECOND_TCP: Code = Code::error(
    "MC0508",
    "second-tcp-route",
    "a second TCP route on the same port",
    "A TCP route matches by port alone, so the first one takes every connection and the second \
     none. Put the targets into one route with weights.",
);
/// TCP where there is none.
const GATEWAY_TCP: Code = Code::error(
    "MC0509",
    "tcp-at-a-gateway",
    "a gateway listener with protocol tcp",
    "A virtual gateway routes requests: http, http2 or grpc. Bytes without requests enter the mesh \
     through a node with a TCP listener.",
);

pub(super) const RULES: &[Rule] = &[
    Rule(&[&NO_LISTENER], no_listener as Check),
    Rule(&[&UNKNOWN_PORT, &PORT_REQUIRED], match_ports),
    Rule(&[&TARGET_CLOSED], targets),
    Rule(&[], gateway_targets),
    Rule(&[&MISMATCH, &TRANSLATED], mismatch),
    Rule(&[&SECOND_TCP], second_tcp),
    Rule(&[&GATEWAY_TCP], gateway_tcp),
];

/// Ports in words: `8080 and 9090`.
fn listed(ports: impl IntoIterator<Item = Port>) -> String {
    let ports: Vec<String> = ports.into_iter().map(|port| port.to_string()).collect();
    match ports.as_slice() {
        [] => "none".into(),
        [one] => one.clone(),
        [head @ .., last] => format!("{} and {last}", head.join(", ")),
    }
}

fn no_listener(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    for (name, router) in &ctx.mesh.routers {
        if router.listeners.is_empty() && !router.routes.is_empty() {
            let address = Address::Router(name.clone());
            let target = router.routes.iter().flat_map(|route| &route.targets);
            let end = target.filter_map(|target| ctx.graph.end(target)).next();
            let (port, protocol) = end
                .map_or((8080, Protocol::Http), |e| (e.listener.port.get(), e.listener.protocol));
            found.push(
                ctx.find(
                    &NO_LISTENER,
                    &address,
                    "",
                    format!("the router `{name}` has routes and no listener"),
                )
                .help(format!(
                    "add `listeners = [{{ port = {port}, protocol = \"{protocol}\" }}]`"
                )),
            );
        }
    }
    for (name, gateway) in &ctx.mesh.gateways {
        if gateway.listeners.is_empty() {
            let address = Address::Gateway(name.clone());
            let message = format!("the gateway `{name}` has no listener, so nothing can enter");
            found.push(
                ctx.find(&NO_LISTENER, &address, "", message)
                    .help("add `listeners = [{ port = 8080, protocol = \"http\" }]`"),
            );
        }
    }
}

/// Reports a `match.port` that names no listener, or is missing where there are several.
fn match_port(
    ctx: &Ctx<'_>,
    (owner, of, route): (&Address, &str, &Address),
    port: Option<Port>,
    ports: &[Port],
    found: &mut Diagnostics,
) {
    let finding = match port {
        Some(port) if !ports.is_empty() && !ports.contains(&port) => {
            let message = format!("{of} has no listener on port {port}");
            ctx.find(&UNKNOWN_PORT, route, "/match/port", message)
                .help(format!("its ports: {}", listed(ports.iter().copied())))
        }
        None if ports.len() > 1 => {
            let message = format!("{of} has {} listeners; the match must name one", ports.len());
            ctx.find(&PORT_REQUIRED, route, "/match", message).help(format!(
                "add `port` to the match; the ports are {}",
                listed(ports.iter().copied())
            ))
        }
        _ => return,
    };
    found.push(ctx.also(finding, owner, "/listeners", "the listeners"));
}

fn match_ports(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    for (name, router) in &ctx.mesh.routers {
        let ports: Vec<Port> = router.listeners.iter().map(|listener| listener.port).collect();
        let owner = Address::Router(name.clone());
        for route in &router.routes {
            let address = Address::Route(name.clone(), route.name.clone());
            let of = format!("the router `{name}`");
            match_port(ctx, (&owner, &of, &address), route.matches.port, &ports, found);
        }
    }
    for (name, gateway) in &ctx.mesh.gateways {
        let ports: Vec<Port> = gateway.listeners.iter().map(|listener| listener.port).collect();
        let owner = Address::Gateway(name.clone());
        for route in &gateway.routes {
            let address = Address::GatewayRoute(name.clone(), route.name.clone());
            let of = format!("the gateway `{name}`");
            match_port(ctx, (&owner, &of, &address), route.matches.port, &ports, found);
        }
    }
}

fn targets(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    for at in ctx.routes() {
        for (index, target) in at.route.targets.iter().enumerate() {
            let Some(node) = ctx.mesh.nodes.get(&target.node) else { continue };
            let owner = Address::Node(target.node.clone());
            if ctx.broken.contains(&owner) {
                continue;
            }
            let ports = || node.listeners.iter().map(|listener| listener.port);
            let of = format!("the node `{}`", target.node);
            if node.listeners.is_empty() {
                let pointer = format!("/targets/{index}/node");
                let finding = ctx
                    .find(
                        &TARGET_CLOSED,
                        &at.address(),
                        &pointer,
                        format!("{of} has no listener, so nothing can be sent to it"),
                    )
                    .help("give the node `listeners`, or take it out of the route");
                found.push(ctx.also(finding, &owner, "", "the node"));
            } else if target.port.is_none() && node.listeners.len() > 1 {
                let pointer = format!("/targets/{index}");
                let message = format!(
                    "{of} has {} listeners; the target must name one",
                    node.listeners.len()
                );
                let finding = ctx
                    .find(&PORT_REQUIRED, &at.address(), &pointer, message)
                    .help(format!("add `port` to the target; the ports are {}", listed(ports())));
                found.push(ctx.also(finding, &owner, "/listeners", "the listeners"));
            } else if let Some(port) = target.port
                && node.listener(port).is_none()
            {
                let pointer = format!("/targets/{index}/port");
                let message = format!("{of} has no listener on port {port}");
                let finding = ctx
                    .find(&UNKNOWN_PORT, &at.address(), &pointer, message)
                    .help(format!("its ports: {}", listed(ports())));
                found.push(ctx.also(finding, &owner, "/listeners", "the listeners"));
            }
        }
    }
    for (name, service) in &ctx.mesh.services {
        let Some(node) = service.node.as_ref() else { continue };
        let closed = ctx.mesh.nodes.get(node).is_some_and(|node| node.listeners.is_empty());
        if closed && !ctx.broken.contains(&Address::Node(node.clone())) {
            let address = Address::Service(name.clone());
            let message =
                format!("the node `{node}` has no listener, so it cannot provide `{name}`");
            let finding = ctx
                .find(&TARGET_CLOSED, &address, "/node", message)
                .help("give the node `listeners`, or name another provider");
            found.push(ctx.also(finding, &Address::Node(node.clone()), "", "the node"));
        }
    }
}

fn gateway_targets(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    for at in ctx.gateway_routes() {
        let target = &at.route.service;
        let Some(ports) = ctx.graph.ports(&target.name) else { continue };
        let listed = || listed(ports.iter().map(|p| p.port));
        let of = format!("the service `{}`", target.name);
        match target.port {
            None if ports.len() > 1 => {
                let message = format!("{of} has {} ports; the route must name one", ports.len());
                let finding =
                    ctx.find(&PORT_REQUIRED, &at.address(), "/service", message).help(format!(
                        "write `service = {{ name = \"{}\", port = … }}`; the ports are {}",
                        target.name,
                        listed()
                    ));
                found.push(ctx.also(
                    finding,
                    &Address::Service(target.name.clone()),
                    "",
                    "the service",
                ));
            }
            Some(port) if !ports.is_empty() && ports.iter().all(|p| p.port != port) => {
                let message = format!("{of} has no port {port}");
                found.push(
                    ctx.find(&UNKNOWN_PORT, &at.address(), "/service/port", message)
                        .help(format!("its ports: {}", listed())),
                );
            }
            _ => {}
        }
    }
}

/// How well a request that arrives as one protocol can be passed on as another.
enum Fit {
    Same,
    Translated,
    Broken,
}

fn fit(arrives: Protocol, leaves: Protocol) -> Fit {
    match (arrives, leaves) {
        (a, b) if a == b => Fit::Same,
        (a, b) if a.is_http2() && b.is_http2() => Fit::Same,
        (Protocol::Tcp, _) | (_, Protocol::Tcp) => Fit::Broken,
        (Protocol::Grpc, Protocol::Http) | (Protocol::Http, Protocol::Grpc) => Fit::Broken,
        _ => Fit::Translated,
    }
}

fn mismatch(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    for at in ctx.routes() {
        let Some(arrives) = at.protocol() else { continue };
        for (index, target) in at.route.targets.iter().enumerate() {
            let Some(end) = ctx.graph.end(target) else { continue };
            let leaves = end.listener.protocol;
            let (code, help) = match fit(arrives, leaves) {
                Fit::Same => continue,
                Fit::Translated => (&TRANSLATED, "use one protocol if the node speaks it"),
                Fit::Broken => (
                    &MISMATCH,
                    "give the router's listener and the node's listener the same protocol",
                ),
            };
            let message = format!(
                "the route `{}` is {arrives}, and `{}` speaks {leaves} on port {}",
                at.route.name, target.node, end.listener.port
            );
            let pointer = format!("/targets/{index}");
            let finding = ctx.find(code, &at.address(), &pointer, message).help(help);
            let pointer = listener_pointer(end.at, "protocol");
            let node = Address::Node(target.node.clone());
            let finding = ctx.also(finding, &node, &pointer, format!("{leaves} here"));
            let router = Address::Router(at.router_name.clone());
            found.push(ctx.also(finding, &router, "/listeners", format!("{arrives} here")));
        }
    }
    for at in ctx.gateway_routes() {
        let Some(arrives) = at.protocol() else { continue };
        let Some(ports) = ctx.graph.ports(&at.route.service.name) else { continue };
        let port = match at.route.service.port {
            Some(port) => ports.iter().find(|p| p.port == port),
            None if ports.len() == 1 => ports.first(),
            None => None,
        };
        let Some(port) = port else { continue };
        let (code, help) = match fit(arrives, port.protocol) {
            Fit::Same => continue,
            Fit::Translated => (&TRANSLATED, "use one protocol if the service speaks it"),
            Fit::Broken => {
                (&MISMATCH, "give the gateway's listener and the service the same protocol")
            }
        };
        let message = format!(
            "the gateway route `{}` is {arrives}, and `{}` speaks {} on port {}",
            at.route.name, at.route.service.name, port.protocol, port.port
        );
        let gateway = Address::Gateway(at.gateway_name.clone());
        let finding = ctx.find(code, &at.address(), "/service", message).help(help);
        found.push(ctx.also(finding, &gateway, "/listeners", format!("{arrives} here")));
    }
}

fn second_tcp(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    for (name, router) in &ctx.mesh.routers {
        let mut first: BTreeMap<Port, &RouteName> = BTreeMap::new();
        for route in &router.routes {
            let Some(listener) = router.listener_of(&route.matches) else { continue };
            if listener.protocol != Protocol::Tcp {
                continue;
            }
            let Some(taken) = first.get(&listener.port) else {
                first.insert(listener.port, &route.name);
                continue;
            };
            let address = Address::Route(name.clone(), route.name.clone());
            let message = format!(
                "the TCP route `{}` gets no connection: `{taken}` takes all of port {}",
                route.name, listener.port
            );
            let finding = ctx
                .find(&SECOND_TCP, &address, "", message)
                .help("move its targets into the first route, with weights");
            let other = Address::Route(name.clone(), (*taken).clone());
            found.push(ctx.also(finding, &other, "", "the first"));
        }
    }
}

fn gateway_tcp(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    for (name, gateway) in &ctx.mesh.gateways {
        for (at, listener) in gateway.listeners.iter().enumerate() {
            if listener.protocol == Protocol::Tcp {
                let address = Address::Gateway(name.clone());
                let message = format!("the gateway `{name}` listens for tcp on {}", listener.port);
                let pointer = listener_pointer(at, "protocol");
                found.push(
                    ctx.find(&GATEWAY_TCP, &address, &pointer, message)
                        .help("write \"http\", \"http2\" or \"grpc\""),
                );
            }
        }
    }
}
