//! MC05xx: ports that collide with the proxy's own, need a right, or are two things at once.

use super::context::{Ctx, listener_pointer};
use super::{Check, Rule};
use crate::diag::{Code, Diagnostic, Diagnostics};
use crate::model::{Address, Capture, Port, Protocol, ServiceName};
use crate::traffic::{INBOUND_PORT, OUTBOUND_PORT, captured_by};
use std::collections::BTreeMap;

/// A port that the proxy itself has.
const PROXY_PORT: Code = Code::error(
    "MC0510",
    "port-of-the-proxy",
    "a listener on a port that the proxy itself needs",
    "Under redirect capture the proxy binds 15000 for what comes in and 15001 for what goes out. \
     An application on the same port gets no port, or the proxy does not, and an `app` there is \
     the proxy itself. Callers cannot reach a service on 15001 either: their own proxies close \
     every connection to that port, because one to themselves would never end. Use another port, \
     or `capture = \"explicit\"`.",
);
/// A port that is usually taken.
const ADMIN_PORT: Code = Code::warning(
    "MC0511",
    "port-of-the-admin-interface",
    "a listener on the usual port of Envoy's admin interface",
    "Envoy's admin interface is usually bound to port 9901 of the same host. Envoy accepts a \
     listener on that port and then fails to bind one of the two. Use another port, or move the \
     admin interface in the bootstrap and suppress this with that reason.",
);
/// A port that not everyone may bind.
const PRIVILEGED: Code = Code::info(
    "MC0512",
    "privileged-port",
    "the proxy binds a port below 1024",
    "On Linux a process needs the capability CAP_NET_BIND_SERVICE, or a lower \
     net.ipv4.ip_unprivileged_port_start, to bind such a port. Without it Envoy rejects the \
     listener.",
);
/// Two backends that one connection cannot tell apart.
const SHARED_PORT: Code = Code::error(
    "MC0513",
    "backends-share-a-port",
    "two backends of one node share a port, and at least one is TCP",
    "Under redirect capture the proxy sees only the port that a TCP connection was going to. With \
     HTTP it can read the host; with TCP nothing tells the two services apart, so one gets the \
     other's connections. Give the routers different ports, or use `capture = \"explicit\"` with \
     one `bind` each.",
);
/// A port of a protocol in which the server speaks first.
const SERVER_FIRST: Code = Code::warning(
    "MC0514",
    "server-first-port-as-http",
    "a port of a protocol that is not HTTP is declared as HTTP",
    "By its number the port belongs to a protocol that is not HTTP, in most of them the server \
     speaks first. A proxy that waits for an HTTP request waits for ever. Declare `protocol = \
     \"tcp\"`.",
);

pub(super) const RULES: &[Rule] = &[
    Rule(&[&PROXY_PORT], proxy_port as Check),
    Rule(&[&ADMIN_PORT, &PRIVILEGED], bound_ports),
    Rule(&[&SHARED_PORT], shared_port),
    Rule(&[&SERVER_FIRST], server_first),
];

const REDIRECT_PORTS: [u16; 2] = [INBOUND_PORT, OUTBOUND_PORT];
const ADMIN: u16 = 9901;

fn proxy_port(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    for at in ctx.listeners() {
        let port = at.listener.port.get();
        let redirected = captured_by(ctx.mesh, at.node) == Some(Capture::Redirect);
        if redirected && REDIRECT_PORTS.contains(&port) {
            let message = format!("`{}` listens on {port}, which its proxy needs", at.node_name);
            found.push(
                ctx.find(&PROXY_PORT, &at.address(), &at.pointer("port"), message)
                    .help("move the application to another port, or use explicit capture"),
            );
        }
        let app = at.listener.app.filter(|app| REDIRECT_PORTS.contains(&app.port()));
        let here = app.filter(|app| app.ip().is_loopback() || app.ip().is_unspecified());
        if let Some(app) = here.filter(|_| redirected) {
            let message = format!("the application of `{}` at {app} is its proxy", at.node_name);
            found.push(
                ctx.find(&PROXY_PORT, &at.address(), &at.pointer("app"), message)
                    .help("name the port on which the application listens"),
            );
        }
    }
    for (name, node) in &ctx.mesh.nodes {
        if captured_by(ctx.mesh, node) != Some(Capture::Redirect) {
            continue;
        }
        for (at, backend) in node.backends.iter().enumerate() {
            let ports = ctx.graph.ports(&backend.service).unwrap_or_default();
            if ports.iter().any(|port| port.port.get() == OUTBOUND_PORT) {
                let address = Address::Node(name.clone());
                let message = format!(
                    "`{name}` cannot call `{}` on {OUTBOUND_PORT}, a port of its own proxy",
                    backend.service
                );
                let pointer = format!("/backends/{at}/service");
                found.push(
                    ctx.find(&PROXY_PORT, &address, &pointer, message)
                        .help("give the service another port, or use explicit capture"),
                );
            }
        }
    }
}

/// Looks at a port that the proxy of a resource binds itself.
fn bound(ctx: &Ctx<'_>, address: &Address, pointer: &str, port: u16, found: &mut Diagnostics) {
    if port == ADMIN {
        let message = format!("`{address}` uses port {ADMIN}, as Envoy's admin interface does");
        found.push(admin(ctx, address, pointer, message));
    }
    if port < 1024 {
        let message = format!("the proxy of `{address}` binds port {port}");
        found.push(
            ctx.find(&PRIVILEGED, address, pointer, message)
                .help("run Envoy with CAP_NET_BIND_SERVICE, or use a port from 1024"),
        );
    }
}

fn admin(ctx: &Ctx<'_>, address: &Address, pointer: &str, message: String) -> Diagnostic {
    ctx.find(&ADMIN_PORT, address, pointer, message)
        .help("use another port, or move the admin interface in the bootstrap")
}

fn bound_ports(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    for (name, gateway) in &ctx.mesh.gateways {
        for (at, listener) in gateway.listeners.iter().enumerate() {
            let address = Address::Gateway(name.clone());
            let pointer = listener_pointer(at, "port");
            bound(ctx, &address, &pointer, listener.port.get(), found);
        }
    }
    for (name, node) in &ctx.mesh.nodes {
        let Some(capture) = captured_by(ctx.mesh, node) else { continue };
        let explicit = capture == Capture::Explicit;
        for (at, listener) in node.listeners.iter().enumerate() {
            let port = listener.port.get();
            // Under redirect capture it is the application that binds, on the proxy's host.
            if explicit {
                let pointer = listener_pointer(at, "port");
                bound(ctx, &Address::Node(name.clone()), &pointer, port, found);
            } else if port == ADMIN {
                let address = Address::Node(name.clone());
                let message =
                    format!("`{name}` uses port {ADMIN}, as Envoy's admin interface does");
                found.push(admin(ctx, &address, &listener_pointer(at, "port"), message));
            }
        }
        for (at, backend) in node.backends.iter().enumerate().filter(|_| explicit) {
            let all = backend.bind.only.iter().chain(backend.bind.by_port.values());
            for place in all {
                let pointer = format!("/backends/{at}/bind");
                bound(ctx, &Address::Node(name.clone()), &pointer, place.port(), found);
            }
        }
    }
}

fn shared_port(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    for (name, node) in &ctx.mesh.nodes {
        if captured_by(ctx.mesh, node) != Some(Capture::Redirect) {
            continue;
        }
        let mut first: BTreeMap<Port, (Protocol, &ServiceName, usize)> = BTreeMap::new();
        for (at, backend) in node.backends.iter().enumerate() {
            for port in ctx.graph.ports(&backend.service).unwrap_or_default() {
                let Some((protocol, other, other_at)) = first.get(&port.port) else {
                    first.insert(port.port, (port.protocol, &backend.service, at));
                    continue;
                };
                if **other == backend.service || (protocol.is_http() && port.protocol.is_http()) {
                    continue;
                }
                let address = Address::Node(name.clone());
                let message = format!(
                    "`{}` ({}) and `{other}` ({protocol}) share port {} in the backends of `{name}`",
                    backend.service, port.protocol, port.port
                );
                let pointer = format!("/backends/{at}/service");
                let finding = ctx
                    .find(&SHARED_PORT, &address, &pointer, message)
                    .help("give one of the services another port, or use explicit capture");
                let pointer = format!("/backends/{other_at}/service");
                found.push(ctx.also(finding, &address, &pointer, "the other backend"));
            }
        }
    }
}

/// What is known to live on a port and to be no HTTP.
fn not_http(port: u16) -> Option<&'static str> {
    Some(match port {
        21 => "FTP",
        22 => "SSH",
        25 | 465 | 587 => "SMTP",
        53 => "DNS",
        110 | 995 => "POP3",
        143 | 993 => "IMAP",
        389 | 636 => "LDAP",
        1433 => "SQL Server",
        1521 => "Oracle",
        3306 | 33060 => "MySQL and MariaDB",
        5432 => "PostgreSQL",
        5672 => "AMQP",
        6379 => "Redis",
        9042 => "Cassandra",
        27017 => "MongoDB",
        _ => return None,
    })
}

fn server_first(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    let mut look = |address: &Address, at: usize, port: Port, protocol: Protocol| {
        if let Some(what) = not_http(port.get()).filter(|_| protocol.is_http()) {
            let message = format!("port {port} is that of {what}, and is declared as {protocol}");
            let pointer = listener_pointer(at, "protocol");
            found.push(
                ctx.find(&SERVER_FIRST, address, &pointer, message)
                    .help("write `protocol = \"tcp\"`"),
            );
        }
    };
    for at in ctx.listeners() {
        look(&at.address(), at.at, at.listener.port, at.listener.protocol);
    }
    for (name, router) in &ctx.mesh.routers {
        for (at, listener) in router.listeners.iter().enumerate() {
            look(&Address::Router(name.clone()), at, listener.port, listener.protocol);
        }
    }
}
