//! MC06xx: clients and servers that do not agree on TLS.

use super::context::{Ctx, listener_pointer};
use super::{Check, Rule};
use crate::diag::{Code, Diagnostics};
use crate::graph::{Caller, End};
use crate::model::{Address, ClientPolicy, ClientTls, ListenerTls, Port, ServiceName, TlsMode};
use crate::traffic::on_port;
use std::collections::{BTreeMap, BTreeSet};

/// TLS that the other side does not have.
const PLAIN_SERVER: Code = Code::error(
    "MC0601",
    "tls-enforced-on-plain-listener",
    "a client insists on TLS and the listener has none",
    "The client policy enforces TLS (the default), but the listener that it leads to has no `tls`, \
     or `mode = \"disabled\"`. Every handshake fails and every request gets a 503. Give the \
     listener TLS first, then enforce it.",
);
/// A certificate that is asked for and not there.
const NO_CLIENT_CERTIFICATE: Code = Code::error(
    "MC0602",
    "client-certificate-missing",
    "a listener asks for client certificates and a caller has none",
    "The listener has `validation`, so TLS is only accepted from clients with a certificate, also in \
     permissive mode: a caller in the mesh uses TLS wherever the listener has it. This caller's client \
     policy names no certificate (`client_policy.tls.certificate`), so every request gets a 503.",
);
/// A policy for ports that are not used.
const OTHER_PORTS: Code = Code::warning(
    "MC0603",
    "client-policy-for-unused-ports",
    "a client policy is for ports that nothing here uses",
    "`ports` limits a client policy to some ports of the nodes that are called. None of the \
     listeners behind it has one of these, so the policy protects nothing. Leave `ports` out for \
     all.",
);
/// Encryption toward anybody.
const UNVERIFIED: Code = Code::warning(
    "MC0604",
    "server-not-verified",
    "a caller uses TLS without checking the server's certificate",
    "The listener offers TLS and the caller has no client policy for it. The traffic is encrypted, \
     but the caller accepts any certificate, so whoever can redirect it can read it. Add \
     `client_policy.tls.validation`.",
);
/// A door that nobody needs.
const PERMISSIVE: Code = Code::info(
    "MC0605",
    "permissive-without-plain-clients",
    "a listener takes plain text although every known caller uses TLS",
    "`mode = \"permissive\"` is the way from plain text to TLS. Every caller in the files enforces \
     TLS, so the listener can become strict, unless clients outside the mesh still call it.",
);
/// A policy that replaced another whole.
const REPLACED: Code = Code::info(
    "MC0609",
    "default-policy-replaced",
    "a backend's own client policy drops the TLS of the node's default",
    "A backend's `client_policy` replaces the one in `backend_defaults` whole; nothing is merged. \
     This one has no `tls`, so the backend is called without the default's.",
);

pub(super) const RULES: &[Rule] = &[
    Rule(&[&PLAIN_SERVER, &NO_CLIENT_CERTIFICATE, &UNVERIFIED], pairs as Check),
    Rule(&[&OTHER_PORTS], other_ports),
    Rule(&[&PERMISSIVE], permissive),
    Rule(&[&REPLACED], replaced),
];

/// The policy by which a caller calls a service.
pub(super) fn policy<'a>(ctx: &Ctx<'a>, caller: &Caller<'a>) -> Option<&'a ClientPolicy> {
    match caller {
        Caller::Node { node, at, .. } => node.client_policy(&node.backends[*at]),
        Caller::Gateway { name, .. } => {
            ctx.mesh.gateways.get(*name)?.backend_defaults.client_policy.as_ref()
        }
    }
}

/// Where the policy of a caller stands, or would stand.
pub(super) fn policy_place(caller: &Caller<'_>) -> (Address, String) {
    let default = || "/backend_defaults/client_policy".to_owned();
    match caller {
        Caller::Node { name, node, at } => {
            let own = node.backends[*at].client_policy.is_some();
            let pointer = if own { format!("/backends/{at}/client_policy") } else { default() };
            (Address::Node((*name).clone()), pointer)
        }
        Caller::Gateway { name, .. } => (Address::Gateway((*name).clone()), default()),
    }
}

/// The TLS that a policy asks for on a port.
pub(super) fn tls_for(policy: Option<&ClientPolicy>, port: Port) -> Option<&ClientTls> {
    on_port(policy?.tls.as_ref(), port)
}

/// A listener's TLS, unless it is turned off.
pub(super) fn offered<'a>(end: &End<'a>) -> Option<&'a ListenerTls> {
    end.listener.tls.as_ref().filter(|tls| tls.is_on())
}

/// Whether a caller calls by a proxy of the mesh, which then holds its client policy.
fn by_proxy(caller: &Caller<'_>) -> bool {
    match caller {
        Caller::Node { node, .. } => node.proxy,
        Caller::Gateway { .. } => true,
    }
}

/// Calls with every caller of every service whose proxy has a client policy, and with every listener
/// that its calls can end at.
pub(super) fn each_pair<'a>(
    ctx: &Ctx<'a>,
    mut look: impl FnMut(&'a ServiceName, &Caller<'a>, &End<'a>),
) {
    for service in ctx.mesh.services.keys() {
        let mut callers = ctx.graph.callers(service).iter().filter(|own| by_proxy(own)).peekable();
        if callers.peek().is_none() {
            continue;
        }
        let ends = ctx.graph.ends(service);
        for caller in callers {
            for end in &ends {
                look(service, caller, end);
            }
        }
    }
}

fn pairs(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    // A gateway with many routes to one listener is told once.
    let mut told: BTreeSet<(Address, &str, usize, &'static str)> = BTreeSet::new();
    each_pair(ctx, |service, caller, end| {
        let policy = policy(ctx, caller);
        let port = end.listener.port;
        let tls = tls_for(policy, port);
        let offered = offered(end);
        // Most pairs are in order, so nothing is made before something is known to be wrong.
        let code = match (tls, offered) {
            (Some(tls), None) if tls.enforce => &PLAIN_SERVER,
            (tls, Some(offered))
                if offered.validation.is_some()
                    && tls.is_none_or(|tls| tls.certificate.is_none()) =>
            {
                &NO_CLIENT_CERTIFICATE
            }
            (None, Some(_)) => &UNVERIFIED,
            _ => return,
        };
        let (address, place) = policy_place(caller);
        if !told.insert((address.clone(), end.node.as_str(), end.at, code.id)) {
            return;
        }
        let (pointer, message, help) = if code.id == PLAIN_SERVER.id {
            (
                format!("{place}/tls"),
                format!("`{address}` enforces TLS to `{service}`, and `{}` has none", end.node),
                format!("give the listener on {port} `tls`, or set `enforce = false`"),
            )
        } else if code.id == NO_CLIENT_CERTIFICATE.id {
            (
                if policy.is_some() { place } else { own_pointer(caller) },
                format!("`{}` asks `{address}` for a certificate, and it has none", end.node),
                "add `client_policy = { tls = { certificate = …, validation = … } }`".into(),
            )
        } else {
            (
                own_pointer(caller),
                format!("`{address}` does not check the certificate of `{}`", end.node),
                "add `client_policy = { tls = { validation = { trust = … } } }`".into(),
            )
        };
        // Without a policy for it the place is what names the service: for a gateway, its route.
        let at = if tls.is_none() && (policy.is_none() || code.id == UNVERIFIED.id) {
            caller.address()
        } else {
            address
        };
        let server = Address::Node(end.node.clone());
        let finding = ctx.find(code, &at, &pointer, message).help(help);
        let listener = listener_pointer(end.at, "tls");
        found.push(ctx.also(finding, &server, &listener, "the listener"));
    });
}

/// Where a caller names the service.
fn own_pointer(caller: &Caller<'_>) -> String {
    match caller {
        Caller::Node { at, .. } => format!("/backends/{at}"),
        Caller::Gateway { .. } => "/service".into(),
    }
}

fn other_ports(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    // The ports that each policy meets, by the policy's place.
    let mut met: BTreeMap<(Address, String), (BTreeSet<Port>, &ClientTls)> = BTreeMap::new();
    each_pair(ctx, |_, caller, end| {
        let tls = policy(ctx, caller).and_then(|policy| policy.tls.as_ref());
        if let Some(tls) = tls.filter(|tls| !tls.ports.is_empty()) {
            met.entry(policy_place(caller))
                .or_insert((BTreeSet::new(), tls))
                .0
                .insert(end.listener.port);
        }
    });
    for ((address, pointer), (ports, tls)) in met {
        if tls.ports.iter().any(|port| ports.contains(port)) {
            continue;
        }
        let used: Vec<String> = ports.iter().map(ToString::to_string).collect();
        let message = format!("the client policy of `{address}` is for ports that it never calls");
        found.push(
            ctx.find(&OTHER_PORTS, &address, &format!("{pointer}/tls/ports"), message)
                .help(format!("it calls {}; name these, or leave `ports` out", used.join(", "))),
        );
    }
}

fn permissive(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    let mut open: BTreeMap<(&str, usize), (End<'_>, bool)> = BTreeMap::new();
    each_pair(ctx, |_, caller, end| {
        if offered(end).is_some_and(|tls| tls.mode == TlsMode::Permissive) {
            let enforced =
                tls_for(policy(ctx, caller), end.listener.port).is_some_and(|tls| tls.enforce);
            open.entry((end.node.as_str(), end.at)).or_insert((*end, true)).1 &= enforced;
        }
    });
    // Whether an application without a proxy uses TLS is not in the files.
    let plain = |service| ctx.graph.callers(service).iter().any(|caller| !by_proxy(caller));
    let unknown: BTreeSet<(&str, usize)> = ctx
        .mesh
        .services
        .keys()
        .filter(|service| plain(service))
        .flat_map(|service| ctx.graph.ends(service))
        .map(|end| (end.node.as_str(), end.at))
        .collect();
    for (place, (end, enforced)) in open {
        if enforced && !unknown.contains(&place) {
            let address = Address::Node(end.node.clone());
            let message = format!("every known caller of `{}` enforces TLS", end.node);
            let pointer = listener_pointer(end.at, "tls/mode");
            found.push(
                ctx.find(&PERMISSIVE, &address, &pointer, message)
                    .help("write `mode = \"strict\"` once nothing outside calls it in plain text"),
            );
        }
    }
}

fn replaced(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    for (name, node) in &ctx.mesh.nodes {
        let default = node.backend_defaults.client_policy.as_ref();
        if default.is_none_or(|policy| policy.tls.is_none()) {
            continue;
        }
        for (at, backend) in node.backends.iter().enumerate() {
            if backend.client_policy.as_ref().is_some_and(|policy| policy.tls.is_none()) {
                let address = Address::Node(name.clone());
                let message =
                    format!("`{name}` calls `{}` without its default TLS", backend.service);
                let pointer = format!("/backends/{at}/client_policy");
                let finding = ctx
                    .find(&REPLACED, &address, &pointer, message)
                    .help("repeat `tls` here, or drop this `client_policy`");
                let pointer = "/backend_defaults/client_policy";
                found.push(ctx.also(finding, &address, pointer, "the default"));
            }
        }
    }
}
