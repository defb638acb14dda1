//! MC05xx: what a proxy captures besides what it is meant for, and listeners that reach themselves.

use super::context::{Ctx, listener_pointer};
use super::{Check, Rule};
use crate::diag::{Code, Diagnostics};
use crate::model::{Address, Capture, Discovery, NodeName, Port};
use crate::traffic::addresses::{covers, gateway_address};
use crate::traffic::{
    CapturedPort, Door, NodeListener, ServicePort, bound_entries, captured_by, captured_ports,
    gateway_target, listeners_behind, passes_on,
};
use std::net::{IpAddr, SocketAddr};

/// A TCP service that gets connections which the mesh passes on.
const WHOLE_PORT: Code = Code::warning(
    "MC0525",
    "tcp-backend-captures-its-port",
    "under allow-all a TCP backend captures every connection to its port, whatever the address",
    "Under redirect capture a TCP connection has only its address and port. The addresses of a \
     backend are known if all its nodes have `discovery = { static = […] }` (without loopback \
     addresses); then only connections to them are captured. Otherwise every connection of the \
     node to the port goes to the backend, also one to a host outside of the mesh, which \
     `egress = \"allow-all\"` promises to pass on. Use static discovery, a port that nothing else \
     uses, or `capture = \"explicit\"`.",
);
/// A TCP service that gets connections which the mesh closes.
const NOT_DROPPED: Code = Code::info(
    "MC0533",
    "tcp-backend-captures-what-is-dropped",
    "under drop-all a TCP backend captures every connection to its port, whatever the address",
    "As MC0525: unless all nodes of a TCP backend have static addresses, every connection of the \
     caller to its port goes to the backend. One to another host is not closed, as `egress = \
     \"drop-all\"` would have it, but reaches a server that was not meant.",
);
/// A port on which only plain HTTP gets through.
const NOT_HTTP: Code = Code::warning(
    "MC0526",
    "http-backend-on-the-port-of-https",
    "an HTTP backend captures port 443, on which calls to hosts outside of the mesh use TLS",
    "Under redirect capture the proxy reads what the application sends to the port of an HTTP \
     backend as HTTP. `egress = \"allow-all\"` passes requests for other hosts on, but a TLS \
     connection is no HTTP and ends with 400. Give the service another port, or use `capture = \
     \"explicit\"`.",
);
/// A proxy that calls itself.
const ITSELF: Code = Code::error(
    "MC0527",
    "listener-reaches-itself",
    "an endpoint that a listener leads to is the listener itself",
    "The proxy would send each request to itself, which sends it on again, until a timeout or a \
     limit ends it. Give the listener or the endpoint another port or address.",
);

pub(super) const RULES: &[Rule] =
    &[Rule(&[&WHOLE_PORT, &NOT_DROPPED, &NOT_HTTP], whole_port as Check), Rule(&[&ITSELF], itself)];

const HTTPS: u16 = 443;

fn whole_port(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    for (name, node) in &ctx.mesh.nodes {
        if captured_by(ctx.mesh, node) != Some(Capture::Redirect) {
            continue;
        }
        for captured in captured_ports(ctx.mesh, name, node) {
            look(ctx, name, &captured, found);
        }
    }
}

fn look(ctx: &Ctx<'_>, name: &NodeName, captured: &CapturedPort<'_>, found: &mut Diagnostics) {
    let Some(Door::Captured { backend, service, .. }) =
        captured.entries.first().map(|entry| entry.door)
    else {
        return;
    };
    let (code, message, help) = if captured.http {
        if captured.port.get() != HTTPS || !passes_on(ctx.mesh) {
            return;
        }
        let message = format!(
            "calls of `{name}` to other hosts on port {HTTPS} fail, because of `{service}`"
        );
        (&NOT_HTTP, message, "give the service another port")
    } else if captured.addresses.is_none() {
        let message = format!(
            "every TCP connection of `{name}` to port {} goes to `{service}`",
            captured.port
        );
        let code = if passes_on(ctx.mesh) { &WHOLE_PORT } else { &NOT_DROPPED };
        (code, message, "use static discovery, or another port, or explicit capture")
    } else {
        return;
    };
    let pointer = format!("/backends/{backend}/service");
    found.push(ctx.find(code, &Address::Node(name.clone()), &pointer, message).help(help));
}

/// Whether an endpoint is what a proxy binds at an address of this host.
fn same(bound: SocketAddr, ip: IpAddr, port: Port) -> bool {
    bound.port() == port.get() && (bound.ip() == ip || (ip.is_loopback() && covers(bound.ip(), ip)))
}

/// Whether the node's own proxy binds this address, which is then not the caller's.
fn binds(ctx: &Ctx<'_>, end: &NodeListener<'_>, ip: IpAddr) -> bool {
    captured_by(ctx.mesh, end.node) == Some(Capture::Explicit) && end.listener.address == Some(ip)
}

/// Reports an endpoint of a service port that is what the caller's proxy binds, if there is one.
fn report(
    ctx: &Ctx<'_>,
    from: (&Address, &str),
    bound: SocketAddr,
    port: &ServicePort<'_>,
    found: &mut Diagnostics,
) -> bool {
    for end in listeners_behind(ctx.mesh, port) {
        let Some(Discovery::Static(all)) = &end.node.discovery else { continue };
        // Of two sockets on a port, the one with the very address gets the connection.
        let elsewhere = |ip: IpAddr| bound.ip() != ip && binds(ctx, &end, ip);
        let own = |ip: &&IpAddr| same(bound, **ip, end.listener.port) && !elsewhere(**ip);
        let Some(ip) = all.iter().find(own) else { continue };
        let endpoint = SocketAddr::new(*ip, end.listener.port.get());
        let message = format!(
            "the listener at {bound} leads to `{}` at {endpoint}, which is the listener itself",
            end.name
        );
        let finding = ctx
            .find(&ITSELF, from.0, from.1, message)
            .help("give one of them another port or address");
        let node = Address::Node(end.name.clone());
        found.push(ctx.also(finding, &node, "/discovery/static", "the endpoint"));
        return true;
    }
    false
}

fn itself(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    for (name, gateway) in &ctx.mesh.gateways {
        let address = Address::Gateway(name.clone());
        let targets: Vec<_> =
            gateway.routes.iter().filter_map(|route| gateway_target(ctx.mesh, route)).collect();
        for (at, listener) in gateway.listeners.iter().enumerate() {
            let ip = gateway_address(&ctx.mesh.settings, listener);
            let bound = SocketAddr::new(ip, listener.port.get());
            let pointer = listener_pointer(at, "port");
            // Whichever of its listeners a request came by, it is back at this one.
            for port in &targets {
                if report(ctx, (&address, &pointer), bound, port, found) {
                    break;
                }
            }
        }
    }
    for (name, node) in &ctx.mesh.nodes {
        if captured_by(ctx.mesh, node) != Some(Capture::Explicit) {
            continue;
        }
        let address = Address::Node(name.clone());
        for entry in bound_entries(ctx.mesh, name, node) {
            let Door::Bound { backend, at, to, .. } = entry.door else { continue };
            report(ctx, (&address, &format!("/backends/{backend}/bind")), at, &to, found);
        }
    }
}
