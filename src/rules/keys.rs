//! MC0507: keys that mean nothing for the protocol of their route or listener.

use super::context::{Ctx, listener_pointer};
use super::{Check, Rule};
use crate::diag::{Code, Diagnostics};
use crate::model::{Address, GatewayMatch, ListenerTimeout, PoolLimits, Protocol, RouteMatch};

/// A key of another protocol.
pub(super) const KEY: Code = Code::error(
    "MC0507",
    "key-of-another-protocol",
    "a key that does not fit the protocol",
    "What can be matched and limited depends on what is spoken. HTTP routes match `prefix` or \
     `path`, `method`, `headers` and `query_parameters`; gRPC routes match `service_name`, \
     `method_name` and `metadata`; TCP routes match nothing but a port, and have neither retries \
     nor a request timeout. `scheme` is for http2. Pools: http has `max_connections` and \
     `max_pending_requests`, http2 and grpc have `max_requests`, tcp has `max_connections`. Keys of \
     `http`: tcp has none, http2 and grpc have `max_headers` and `max_header_size`.",
);

pub(super) const RULES: &[Rule] =
    &[Rule(&[&KEY], route_keys as Check), Rule(&[], gateway_route_keys), Rule(&[], listener_keys)];

/// The keys of a match that are set, with those protocols that they are for.
fn keys_of_match(matches: &RouteMatch) -> [(&'static str, bool, &'static [Protocol]); 8] {
    use Protocol::{Grpc, Http, Http2};
    const HTTP: &[Protocol] = &[Http, Http2];
    [
        ("path", matches.path.is_some(), HTTP),
        ("method", matches.method.is_some(), HTTP),
        ("scheme", matches.scheme.is_some(), &[Http2]),
        ("headers", !matches.headers.is_empty(), HTTP),
        ("query_parameters", !matches.query_parameters.is_empty(), HTTP),
        ("service_name", matches.service_name.is_some(), &[Grpc]),
        ("method_name", matches.method_name.is_some(), &[Grpc]),
        ("metadata", !matches.metadata.is_empty(), &[Grpc]),
    ]
}

fn keys_of_gateway_match(matches: &GatewayMatch) -> [(&'static str, bool, &'static [Protocol]); 6] {
    use Protocol::{Grpc, Http, Http2};
    const HTTP: &[Protocol] = &[Http, Http2];
    [
        ("path", matches.path.is_some(), HTTP),
        ("method", matches.method.is_some(), HTTP),
        ("headers", !matches.headers.is_empty(), HTTP),
        ("query_parameters", !matches.query_parameters.is_empty(), HTTP),
        ("service_name", matches.service_name.is_some(), &[Grpc]),
        ("metadata", !matches.metadata.is_empty(), &[Grpc]),
    ]
}

/// What a match of this protocol may hold instead.
fn instead(key: &str, protocol: Protocol) -> String {
    match (protocol, key) {
        (Protocol::Tcp, _) => "remove it: a TCP route matches by port alone".into(),
        (Protocol::Grpc, "headers") => "write `metadata`".into(),
        (Protocol::Grpc, _) => "match by `service_name`, `method_name` and `metadata`".into(),
        (Protocol::Http, "scheme") => "remove it, or make the listener http2".into(),
        (Protocol::Http | Protocol::Http2, "metadata") => "write `headers`".into(),
        (Protocol::Http | Protocol::Http2, _) => {
            "match by `prefix` or `path`, `method`, `headers` and `query_parameters`".into()
        }
    }
}

fn route_keys(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    for at in ctx.routes() {
        let Some(protocol) = at.protocol() else { continue };
        let mut report = |pointer: &str, key: &str, help: String| {
            let message =
                format!("`{key}` means nothing on the {protocol} route `{}`", at.route.name);
            let finding = ctx.find(&KEY, &at.address(), pointer, message).help(help);
            let router = Address::Router(at.router_name.clone());
            let text = format!("the route is {protocol} by this");
            found.push(ctx.also(finding, &router, "/listeners", text));
        };
        for (key, set, fits) in keys_of_match(&at.route.matches) {
            if set && !fits.contains(&protocol) {
                let shown = if key == "path" { "path` or `prefix" } else { key };
                report(&format!("/match/{key}"), shown, instead(key, protocol));
            }
        }
        if protocol == Protocol::Tcp {
            if at.route.retry.is_some() {
                report("/retry", "retry", "remove it: connections are not retried".into());
            }
            if at.route.timeout.request.is_some() {
                let help = "remove it; TCP has only `idle`";
                report("/timeout/request", "timeout.request", help.into());
            }
        }
    }
}

fn gateway_route_keys(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    for at in ctx.gateway_routes() {
        let Some(protocol) = at.protocol() else { continue };
        // A TCP listener of a gateway is a finding of its own.
        if protocol == Protocol::Tcp {
            continue;
        }
        let mut report = |pointer: &str, key: &str, help: String| {
            let message = format!(
                "`{key}` means nothing on the {protocol} gateway route `{}`",
                at.route.name
            );
            let finding = ctx.find(&KEY, &at.address(), pointer, message).help(help);
            let gateway = Address::Gateway(at.gateway_name.clone());
            let text = format!("the route is {protocol} by this");
            found.push(ctx.also(finding, &gateway, "/listeners", text));
        };
        for (key, set, fits) in keys_of_gateway_match(&at.route.matches) {
            if set && !fits.contains(&protocol) {
                let shown = if key == "path" { "path` or `prefix" } else { key };
                report(&format!("/match/{key}"), shown, instead(key, protocol));
            }
        }
        if protocol == Protocol::Grpc {
            let help = "remove it: gRPC has only the host to rewrite";
            if at.route.rewrite.path.is_some() {
                report("/rewrite/path", "rewrite.path", help.into());
            }
            if at.route.rewrite.prefix != crate::model::PrefixRewrite::Root {
                report("/rewrite/prefix", "rewrite.prefix", help.into());
            }
        }
    }
}

/// The limits that are set, and whether they fit.
fn pool_keys(pool: &PoolLimits, protocol: Protocol) -> [(&'static str, bool, bool); 3] {
    let http1 = protocol == Protocol::Http;
    let tcp = protocol == Protocol::Tcp;
    [
        ("max_connections", pool.max_connections.is_some(), http1 || tcp),
        ("max_pending_requests", pool.max_pending_requests.is_some(), http1),
        ("max_requests", pool.max_requests.is_some(), protocol.is_http2()),
    ]
}

fn limits(
    ctx: &Ctx<'_>,
    address: &Address,
    at: usize,
    protocol: Protocol,
    pool: Option<&PoolLimits>,
    timeout: &ListenerTimeout,
    found: &mut Diagnostics,
) {
    let mut report = |field: &str, key: &str, help: &str| {
        let message = format!("`{key}` means nothing on a listener for {protocol}");
        let finding = ctx.find(&KEY, address, &listener_pointer(at, field), message).help(help);
        let pointer = listener_pointer(at, "protocol");
        found.push(ctx.also(finding, address, &pointer, "the protocol"));
    };
    if let Some(pool) = pool {
        let help = match protocol {
            Protocol::Http => "use `max_connections` and `max_pending_requests`",
            Protocol::Http2 | Protocol::Grpc => "use `max_requests`",
            Protocol::Tcp => "use `max_connections`",
        };
        for (key, set, fits) in pool_keys(pool, protocol) {
            if set && !fits {
                report(&format!("connection_pool/{key}"), key, help);
            }
        }
    }
    if protocol == Protocol::Tcp && timeout.request.is_some() {
        report("timeout/request", "timeout.request", "remove it; TCP has only `idle`");
    }
}

fn listener_keys(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    for at in ctx.listeners() {
        let listener = at.listener;
        let pool = listener.connection_pool.as_ref();
        let address = at.address();
        limits(ctx, &address, at.at, listener.protocol, pool, &listener.timeout, found);
    }
    for (name, gateway) in &ctx.mesh.gateways {
        let address = Address::Gateway(name.clone());
        for (at, listener) in gateway.listeners.iter().enumerate() {
            let pool = listener.connection_pool.as_ref();
            let none = ListenerTimeout::default();
            limits(ctx, &address, at, listener.protocol, pool, &none, found);
        }
    }
}
