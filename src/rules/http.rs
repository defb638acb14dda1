//! MC05xx: what listeners accept of HTTP, and whether the hops of a request agree.

use super::context::{AnyListener, Ctx, listener_pointer};
use super::keys::KEY;
use super::{Check, Rule};
use crate::diag::{Code, Diagnostics};
use crate::model::{Address, HeaderCase, HttpSettings, Protocol};
use crate::traffic::http::{MAX_HEADER_KIB, MAX_HEADERS};
use crate::traffic::{Accepts, gateway_routes_on, gateway_target, listeners_behind};

/// A limit that Envoy does not have.
const RANGE: Code = Code::error(
    "MC0528",
    "header-limit-out-of-range",
    "a limit of headers that Envoy does not accept",
    "`max_headers` is at least 1. `max_header_size` is a whole number of KiB, from \"1KiB\" to \
     \"8MiB\".",
);
/// Requests without a host.
const NO_HOST: Code = Code::info(
    "MC0529",
    "http-10-without-default-hostname",
    "HTTP/1.0 is accepted, and there is no host for requests without one",
    "HTTP/1.0 has no mandatory Host header. A request without it is answered with 400 unless \
     `default_hostname` names a host. Clients that send a Host header are served.",
);
/// Keys that nothing reads.
const NO_EFFECT: Code = Code::warning(
    "MC0530",
    "default-hostname-without-effect",
    "`default_hostname` has no effect without `accept_http_10`",
    "Only HTTP/1.0 has requests without a Host header; HTTP/1.1 requests without one are answered \
     with 400. Add `accept_http_10 = true`, or remove the key.",
);
/// A gateway that accepts what the next hop rejects.
const NEXT_HOP: Code = Code::warning(
    "MC0531",
    "gateway-accepts-more-than-its-target",
    "a gateway accepts headers that the listener behind it rejects or changes",
    "A request passes the gateway and then the proxy of the target, and each has its own `http` \
     keys. What the gateway accepts beyond the target's `max_headers` and `max_header_size` is \
     answered with 431 there, and names of headers keep their case only if both say so. Write the \
     same keys on both listeners.",
);
/// A raw patch of nothing.
const NO_MANAGER: Code = Code::warning(
    "MC0532",
    "patch-of-absent-connection-manager",
    "`patch.http` where no HTTP is spoken",
    "`patch.http` holds fields of Envoy's HTTP connection manager. A tcp listener has none, and \
     neither has a node that calls nothing by HTTP, so the patch has no effect. Patch the \
     `filter_chain` instead.",
);

pub(super) const RULES: &[Rule] = &[
    Rule(&[&RANGE, &NO_HOST, &NO_EFFECT], settings as Check),
    Rule(&[&NEXT_HOP], next_hop),
    Rule(&[&NO_MANAGER], no_manager),
];

const KIB: u64 = 1 << 10;
const SIZE_MAX: u64 = 8 << 20;

/// The keys that are set, with whether they fit.
fn keys(http: &HttpSettings, protocol: Protocol) -> [(&'static str, bool, bool); 6] {
    let HttpSettings {
        accept_http_10,
        default_hostname,
        max_headers,
        max_header_size,
        header_case,
        ignore_upgrades,
    } = http;
    let http1 = protocol == Protocol::Http;
    [
        ("accept_http_10", *accept_http_10, http1),
        ("default_hostname", default_hostname.is_some(), http1),
        ("max_headers", max_headers.is_some(), protocol.is_http()),
        ("max_header_size", max_header_size.is_some(), protocol.is_http()),
        ("header_case", *header_case != HeaderCase::Lower, http1),
        ("ignore_upgrades", ignore_upgrades.is_some(), http1),
    ]
}

fn settings(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    for AnyListener { address, at, protocol, http, .. } in ctx.all_listeners() {
        if *http == HttpSettings::default() {
            continue;
        }
        let place = |key: &str| listener_pointer(at, &format!("http/{key}"));
        for (key, set, fits) in keys(http, protocol) {
            if set && !fits {
                let message = format!("`http.{key}` means nothing on a listener for {protocol}");
                let help = match protocol {
                    Protocol::Tcp => "remove it: no HTTP is spoken there",
                    _ => "remove it: HTTP/2 has no such thing",
                };
                let finding = ctx.find(&KEY, &address, &place(key), message).help(help);
                let pointer = listener_pointer(at, "protocol");
                found.push(ctx.also(finding, &address, &pointer, "the protocol"));
            }
        }
        if http.max_headers == Some(0) {
            let message = "`max_headers = 0` accepts no request";
            found.push(
                ctx.find(&RANGE, &address, &place("max_headers"), message)
                    .help(format!("write at least 1, or leave it out for {MAX_HEADERS}")),
            );
        }
        if let Some(size) = http.max_header_size
            && (size.bytes() % KIB != 0 || !(KIB..=SIZE_MAX).contains(&size.bytes()))
        {
            let message = format!("Envoy has no limit of {size} for headers");
            found.push(ctx.find(&RANGE, &address, &place("max_header_size"), message).help(
                format!(
                    "write whole KiB from \"1KiB\" to \"8MiB\"; unset is \"{MAX_HEADER_KIB}KiB\""
                ),
            ));
        }
        match (http.accept_http_10, &http.default_hostname) {
            (true, None) => {
                let message = "HTTP/1.0 requests without a Host header are answered with 400";
                found.push(
                    ctx.find(&NO_HOST, &address, &place("accept_http_10"), message)
                        .help("add `default_hostname = \"…\"`, or suppress this"),
                );
            }
            (false, Some(_)) => {
                let message = "`default_hostname` is for HTTP/1.0, which is not accepted";
                found.push(
                    ctx.find(&NO_EFFECT, &address, &place("default_hostname"), message)
                        .help("add `accept_http_10 = true`, or remove the key"),
                );
            }
            _ => {}
        }
    }
}

/// A key with what the gateway accepts beyond the target by it, and what the target accepts.
fn more(
    gateway: &Accepts,
    target: &Accepts,
    protocol: Protocol,
) -> Option<(&'static str, [String; 2])> {
    let [most, next] = [gateway.max_headers, target.max_headers];
    if most > next {
        return Some(("max_headers", [most, next].map(|count| format!("{count} headers"))));
    }
    let [most, next] = [gateway.max_header_kib, target.max_header_kib];
    if most > next {
        return Some(("max_header_size", [most, next].map(|kib| format!("{kib}KiB of headers"))));
    }
    if gateway.preserve_case && (!target.preserve_case || protocol != Protocol::Http) {
        let words = ["header names in any case", "header names in lower case"];
        return Some(("header_case", words.map(str::to_owned)));
    }
    None
}

fn next_hop(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    for (name, gateway) in &ctx.mesh.gateways {
        for (at, listener) in gateway.listeners.iter().enumerate() {
            if listener.http == HttpSettings::default() {
                continue;
            }
            let accepts = Accepts::of(&listener.http);
            let behind = gateway_routes_on(gateway, listener.port)
                .filter_map(|route| gateway_target(ctx.mesh, route))
                .flat_map(|port| listeners_behind(ctx.mesh, &port))
                .filter(|end| end.node.proxy)
                .find_map(|end| {
                    let target = Accepts::of(&end.listener.http);
                    Some((more(&accepts, &target, end.listener.protocol)?, end))
                });
            let Some(((key, [most, next]), end)) = behind else { continue };
            let message = format!("the gateway accepts {most}, but `{}` accepts {next}", end.name);
            let address = Address::Gateway(name.clone());
            let pointer = listener_pointer(at, &format!("http/{key}"));
            let finding = ctx
                .find(&NEXT_HOP, &address, &pointer, message)
                .help(format!("write `{key}` in `http` of the listener of `{}` too", end.name));
            let node = Address::Node(end.name.clone());
            found.push(ctx.also(finding, &node, &listener_pointer(end.index, ""), "the target"));
        }
    }
}

fn no_manager(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    let mut report = |address: Address, pointer: &str, what: String| {
        let message = format!("`patch.http` has no effect: {what}");
        found.push(ctx.find(&NO_MANAGER, &address, pointer, message).help("remove it"));
    };
    for at in ctx.listeners() {
        if at.listener.patch.http.is_some() && !at.listener.protocol.is_http() {
            report(at.address(), &at.pointer("patch/http"), "the listener is tcp".into());
        }
    }
    for (name, node) in &ctx.mesh.nodes {
        let http = |service| {
            let ports = ctx.graph.ports(service);
            ports.is_none_or(|ports| ports.iter().any(|port| port.protocol.is_http()))
        };
        if node.patch.http.is_some() && !node.backends.iter().any(|own| http(&own.service)) {
            let what = format!("`{name}` calls nothing by HTTP");
            report(Address::Node(name.clone()), "/patch/http", what);
        }
    }
}
