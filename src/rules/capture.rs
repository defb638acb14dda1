//! MC05xx: explicit capture, where the files name every local address.

use super::context::{Ctx, listener_pointer};
use super::protocols::UNKNOWN_PORT;
use super::{Check, Rule};
use crate::diag::{Code, Diagnostics};
use crate::model::{Address, Capture, EgressFilter, MeshSettings, VirtualNode};
use crate::traffic::addresses::{any_address, applications, covers};
use crate::traffic::captured_by;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Every address of a port, and one of them.
const WILDCARD: Code = Code::error(
    "MC0519",
    "wildcard-and-specific-address",
    "one port is bound on every address and on a single one",
    "What binds every address of a port leaves none for another socket. Either the application or \
     Envoy fails to bind, depending on who comes first. Name an address for both, or use another \
     port.",
);
/// One address for two things.
const IN_USE: Code = Code::error(
    "MC0520",
    "address-used-twice",
    "two things want the same address and port",
    "Listeners, `bind` of backends and `app` each need an address and port of their own on one \
     host. Envoy accepts two listeners on one address in some forms and then serves only one.",
);
/// A backend that the application cannot reach.
const NO_BIND: Code = Code::error(
    "MC0521",
    "backend-without-bind",
    "a backend has no local port under explicit capture",
    "With `capture = \"explicit\"` nothing redirects what the application sends: it calls a local \
     port of its proxy, and `bind` says which, one for each port of the service. meshctl never \
     draws ports, because the application has to know them.",
);
/// A key that only the other kind of capture reads.
const IGNORED: Code = Code::warning(
    "MC0522",
    "key-of-explicit-capture",
    "a key of explicit capture has no effect under redirect",
    "`bind` of a backend and `address` of a listener are read under `capture = \"explicit\"`. \
     Under redirect capture packets are redirected and the original destination decides. Set \
     `capture` on the node or in `[mesh]`, or remove the key.",
);
/// A rule that nothing holds up.
const NOT_ENFORCED: Code = Code::info(
    "MC0523",
    "egress-not-enforced",
    "drop-all is not enforced under explicit capture",
    "`egress = \"drop-all\"` refuses what passes a proxy and is no backend. Under explicit capture \
     only calls to bound ports pass the proxy: the application can still connect to any address \
     by itself. Enforce it in the network, or use redirect capture.",
);

/// Fields of listeners that are not there.
const NO_REDIRECT: Code = Code::warning(
    "MC0524",
    "patch-of-absent-listener",
    "a patch of the redirect listeners of a node that has none",
    "`patch.ingress` and `patch.egress` of a node are merged into the two listeners of redirect \
     capture. Under explicit capture there are none, so the patch has no effect. Patch the \
     `filter_chain` of the node's listeners instead.",
);

pub(super) const RULES: &[Rule] = &[
    Rule(&[&WILDCARD, &IN_USE], collisions as Check),
    Rule(&[&NO_BIND], binds),
    Rule(&[&IGNORED], ignored),
    Rule(&[&NOT_ENFORCED], not_enforced),
    Rule(&[&NO_REDIRECT], no_redirect),
];

/// Something that wants an address on the host of a proxy.
struct Socket {
    place: SocketAddr,
    pointer: String,
    what: String,
    /// Sockets of the application: two of them are one, named twice.
    app: bool,
}

/// Everything that wants an address on the host of an explicitly captured node.
fn sockets(settings: &MeshSettings, node: &VirtualNode) -> Vec<Socket> {
    let mut all = Vec::new();
    for (at, listener) in node.listeners.iter().enumerate() {
        let port = listener.port.get();
        let address = listener.address.unwrap_or_else(|| any_address(settings));
        all.push(Socket {
            place: SocketAddr::new(address, port),
            pointer: listener_pointer(at, "port"),
            what: format!("the listener on {port}"),
            app: false,
        });
        let apps = applications(settings, listener.app, listener.port);
        // An application elsewhere takes no port of this host.
        let here =
            |ip: IpAddr| ip.is_loopback() || ip.is_unspecified() || Some(ip) == listener.address;
        for app in apps.into_iter().filter(|app| here(app.ip())) {
            all.push(Socket {
                place: app,
                pointer: listener_pointer(at, "app"),
                what: format!("the application behind {port}"),
                app: true,
            });
        }
    }
    for (at, backend) in node.backends.iter().enumerate() {
        let only = backend.bind.only.iter().map(|place| ("only".to_owned(), *place));
        let by_port = backend.bind.by_port.iter();
        let by_port = by_port.map(|(port, place)| (format!("by_port/{port}"), *place));
        all.extend(only.chain(by_port).map(|(key, place)| Socket {
            place,
            pointer: format!("/backends/{at}/bind/{key}"),
            what: format!("the backend `{}`", backend.service),
            app: false,
        }));
    }
    all
}

fn collide(a: SocketAddr, b: SocketAddr) -> bool {
    a.port() == b.port() && (covers(a.ip(), b.ip()) || covers(b.ip(), a.ip()))
}

/// The addresses of hosts that proxies bind, each with the first that does.
#[derive(Default)]
struct Hosts {
    taken: BTreeMap<SocketAddr, (Address, String)>,
}

impl Hosts {
    /// Notes an address, or reports that another proxy has it. A specific address that is not
    /// just "this host" exists once in the whole mesh.
    fn take(
        &mut self,
        ctx: &Ctx<'_>,
        address: Address,
        place: SocketAddr,
        pointer: String,
        found: &mut Diagnostics,
    ) {
        let this_host = [Ipv4Addr::LOCALHOST.into(), IpAddr::from(Ipv6Addr::LOCALHOST)];
        if place.ip().is_unspecified() || this_host.contains(&place.ip()) {
            return;
        }
        match self.taken.get(&place) {
            Some((other, _)) if *other == address => {}
            Some((other, other_pointer)) => {
                let message = format!("the proxies of `{address}` and `{other}` both want {place}");
                let finding = ctx
                    .find(&IN_USE, &address, &pointer, message)
                    .help("give one of them another port or address");
                found.push(ctx.also(finding, other, other_pointer, "the other proxy"));
            }
            None => {
                self.taken.insert(place, (address, pointer));
            }
        }
    }
}

fn collisions(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    let mut hosts = Hosts::default();
    for (name, gateway) in &ctx.mesh.gateways {
        for (at, listener) in gateway.listeners.iter().enumerate() {
            if let Some(ip) = listener.address {
                let address = Address::Gateway(name.clone());
                let place = SocketAddr::new(ip, listener.port.get());
                hosts.take(ctx, address, place, listener_pointer(at, "port"), found);
            }
        }
    }
    for (name, node) in &ctx.mesh.nodes {
        if captured_by(ctx.mesh, node) != Some(Capture::Explicit) {
            continue;
        }
        let address = Address::Node(name.clone());
        let mut by_port: BTreeMap<u16, Vec<Socket>> = BTreeMap::new();
        // An application may have several addresses, and is named once.
        let mut told: BTreeSet<String> = BTreeSet::new();
        for socket in sockets(&ctx.mesh.settings, node) {
            let same = by_port.entry(socket.place.port()).or_default();
            let other = same
                .iter()
                .find(|other| collide(other.place, socket.place) && !(other.app && socket.app));
            if let Some(other) = other
                && told.insert(socket.pointer.clone())
            {
                let code = if other.place == socket.place { &IN_USE } else { &WILDCARD };
                let message = format!(
                    "{} wants {}, and {} has {}",
                    socket.what, socket.place, other.what, other.place
                );
                let help = if socket.app {
                    format!(
                        "name another port for the application: `app = \"127.0.0.1:{}\"`",
                        (u32::from(socket.place.port()) + 10000) % 65536
                    )
                } else {
                    "give one of them another port or address".into()
                };
                let finding = ctx.find(code, &address, &socket.pointer, message).help(help);
                found.push(ctx.also(finding, &address, &other.pointer, other.what.clone()));
            }
            if !socket.app {
                let pointer = socket.pointer.clone();
                hosts.take(ctx, address.clone(), socket.place, pointer, found);
            }
            by_port.entry(socket.place.port()).or_default().push(socket);
        }
    }
}

fn binds(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    for (name, node) in &ctx.mesh.nodes {
        if captured_by(ctx.mesh, node) != Some(Capture::Explicit) {
            continue;
        }
        for (at, backend) in node.backends.iter().enumerate() {
            let address = Address::Node(name.clone());
            let service = &backend.service;
            let pointer = format!("/backends/{at}");
            let Some(ports) = ctx.graph.ports(service) else {
                if backend.bind.is_empty() && ctx.mesh.external_services.contains_key(service) {
                    let message = format!("`{name}` has no local port for `{service}`");
                    found.push(
                        ctx.find(&NO_BIND, &address, &pointer, message).help("add `bind = PORT`"),
                    );
                }
                continue;
            };
            let sole = ports.len() == 1;
            let missing = ports.iter().map(|p| p.port);
            let missing: Vec<String> = missing
                .filter(|port| backend.bind.address(*port, sole).is_none())
                .map(|port| port.to_string())
                .collect();
            if !missing.is_empty() {
                let message = format!(
                    "`{name}` has no local port for `{service}`, port {}",
                    missing.join(", ")
                );
                let help = if sole {
                    "write the backend as `{ service = \"…\", bind = PORT }`".to_owned()
                } else {
                    let each: Vec<String> =
                        missing.iter().map(|port| format!("{port} = PORT")).collect();
                    format!(
                        "add one for each port of the service: `bind = {{ {} }}`",
                        each.join(", ")
                    )
                };
                found.push(ctx.find(&NO_BIND, &address, &pointer, message).help(help));
            }
            for port in backend.bind.by_port.keys() {
                if ports.iter().all(|p| p.port != *port) {
                    let listed: Vec<String> = ports.iter().map(|p| p.port.to_string()).collect();
                    let message = format!("`{service}` has no port {port}");
                    let pointer = format!("/backends/{at}/bind/by_port/{port}");
                    found.push(
                        ctx.find(&UNKNOWN_PORT, &address, &pointer, message)
                            .help(format!("its ports: {}", listed.join(", "))),
                    );
                }
            }
        }
    }
}

fn ignored(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    for (name, node) in &ctx.mesh.nodes {
        if captured_by(ctx.mesh, node) != Some(Capture::Redirect) {
            continue;
        }
        let mut report = |pointer: String, key: &str| {
            let message = format!("`{key}` has no effect: `{name}` is under redirect capture");
            found.push(
                ctx.find(&IGNORED, &Address::Node(name.clone()), &pointer, message)
                    .help("set `capture = \"explicit\"` on the node, or remove the key"),
            );
        };
        for (at, listener) in node.listeners.iter().enumerate() {
            if listener.address.is_some() {
                report(listener_pointer(at, "address"), "address");
            }
        }
        for (at, backend) in node.backends.iter().enumerate() {
            if !backend.bind.is_empty() {
                report(format!("/backends/{at}/bind"), "bind");
            }
        }
    }
}

fn not_enforced(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    let explicit = |node: &VirtualNode| captured_by(ctx.mesh, node) == Some(Capture::Explicit);
    let count = ctx.mesh.nodes.values().filter(|node| explicit(node)).count();
    if ctx.mesh.settings.egress == EgressFilter::DropAll && count > 0 {
        let nodes = if count == 1 { "1 node" } else { &format!("{count} nodes") };
        let message = format!("the egress rules do not hold for {nodes} under explicit capture");
        found.push(
            ctx.find(&NOT_ENFORCED, &Address::Mesh, "/egress", message)
                .help("enforce them in the network, or use redirect capture"),
        );
    }
}

fn no_redirect(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    for (name, node) in &ctx.mesh.nodes {
        if captured_by(ctx.mesh, node) != Some(Capture::Explicit) {
            continue;
        }
        let patches = [("ingress", &node.patch.ingress), ("egress", &node.patch.egress)];
        for (key, _) in patches.into_iter().filter(|(_, patch)| patch.is_some()) {
            let message =
                format!("`patch.{key}` has no effect: `{name}` has no redirect listeners");
            let address = Address::Node(name.clone());
            found.push(
                ctx.find(&NO_REDIRECT, &address, &format!("/patch/{key}"), message)
                    .help("patch the `filter_chain` of the node's listeners"),
            );
        }
    }
}
