//! MC04xx: timeouts that cut each other short, or none.

use super::context::{Ctx, listener_pointer};
use super::{Check, Rule};
use crate::diag::{Code, Diagnostics};
use crate::graph::End;
use crate::model::{Address, Duration, ListenerTimeout, Protocol};
use crate::traffic::defaults::{IDLE_TIMEOUT, REQUEST_TIMEOUT};

/// A route that allows more than what it leads to.
const CUT: Code = Code::warning(
    "MC0401",
    "route-timeout-cut-by-listener",
    "a route's timeout is longer than that of the listener it leads to",
    "Both hold: the caller's proxy waits as long as the route says, the target's own proxy as long \
     as its listener says, and the shorter one ends the request. A listener without a timeout has \
     15 seconds. To allow more, raise it in both places.",
);
/// Nothing that ends a request.
const ENDLESS: Code = Code::warning(
    "MC0402",
    "no-timeout-at-all",
    "both the request and the idle timeout are off",
    "With both at \"0s\" a request to a server that hangs is never given up: it holds a connection \
     and memory for ever. Keep the idle timeout, which long streams with traffic never meet.",
);
/// An idle timeout that cuts requests.
const IDLE_FIRST: Code = Code::warning(
    "MC0403",
    "idle-timeout-below-request-timeout",
    "the idle timeout is shorter than the request timeout",
    "While a server works on an answer no byte moves, so the idle timeout ends the request before \
     the request timeout could. Raise `idle` to at least `request`, or lower `request`.",
);

/// Streams that a default may cut.
const GRPC_DEFAULT: Code = Code::info(
    "MC0426",
    "grpc-stream-cut-by-default",
    "a gRPC route or listener has no request timeout, so streams end after 15 seconds",
    "The request timeout counts from the end of the request to the end of the response, and a \
     server stream or a bidirectional one ends with it, however busy it is. Whether a method \
     streams is not in the files. Write `timeout = { request = \"0s\" }` on the route and on the \
     target's listener for streams, or the time that a call may take.",
);
/// An idle timeout behind a route that cuts what the route allows.
const IDLE_CUT: Code = Code::warning(
    "MC0430",
    "route-cut-by-listener-idle-timeout",
    "a route allows more silence than the listener that it leads to",
    "Both hold, and the shorter one ends the connection or request: the route's `timeout.idle` (for \
     HTTP also `timeout.request`, because no byte moves while a server works on an answer), and the \
     listener's `timeout.idle`, which is 5 minutes unless written. To allow more, raise it in both \
     places.",
);

/// A time in which nothing is done.
const TINY: Code = Code::warning(
    "MC0434",
    "time-below-ten-milliseconds",
    "a timeout or interval is shorter than ten milliseconds",
    "Hardly any answer arrives in less, so requests fail, or sweeps and ejections come to nothing. Most \
     often the unit is mistyped: `ms` are milliseconds, `m` are minutes. \"0s\" turns a timeout off.",
);

pub(super) const RULES: &[Rule] = &[
    Rule(&[&CUT], cut as Check),
    Rule(&[&IDLE_CUT], idle_cut),
    Rule(&[&ENDLESS, &IDLE_FIRST], idle),
    Rule(&[&GRPC_DEFAULT], grpc_default),
    Rule(&[&TINY], tiny),
];

/// How long a request may take; `None` is without limit.
pub(super) fn request_limit(timeout: &ListenerTimeout) -> Option<Duration> {
    Some(timeout.request.unwrap_or(REQUEST_TIMEOUT)).filter(|limit| !limit.is_zero())
}

/// How long the proxy of a target lets a request take; `None` is without limit. Without a proxy
/// nothing ends it there.
fn request_limit_at(ctx: &Ctx<'_>, end: &End<'_>) -> Option<Duration> {
    ctx.has_proxy(end.node).then(|| request_limit(&end.listener.timeout)).flatten()
}

fn cut(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    for at in ctx.routes() {
        let Some(written) = at.route.timeout.request else { continue };
        let allowed = request_limit(&at.route.timeout);
        let shortest = at
            .route
            .targets
            .iter()
            .filter(|target| target.weight > 0)
            .filter_map(|target| ctx.graph.end(target))
            .filter(|end| end.listener.protocol != Protocol::Tcp)
            .filter_map(|end| Some((request_limit_at(ctx, &end)?, end)))
            .filter(|(limit, _)| allowed.is_none_or(|allowed| allowed > *limit))
            .min_by_key(|(limit, _)| *limit);
        let Some((limit, end)) = shortest else { continue };
        let message = format!(
            "the route `{}` allows {}, but `{}` ends requests after {limit}",
            at.route.name,
            if written.is_zero() { "any time".to_owned() } else { written.to_string() },
            end.node
        );
        let node = Address::Node(end.node.clone());
        let finding = ctx.find(&CUT, &at.address(), "/timeout/request", message).help(format!(
            "set `timeout = {{ request = \"{written}\" }}` on the listener of `{}` too",
            end.node
        ));
        let text = if end.listener.timeout.request.is_some() {
            format!("{limit} here")
        } else {
            format!("{limit}, because nothing else is written")
        };
        let pointer = listener_pointer(end.at, "timeout/request");
        found.push(ctx.also(finding, &node, &pointer, text));
    }
}

/// How long nothing may move at the proxy of a target; `None` is without limit.
fn idle_limit_at(ctx: &Ctx<'_>, end: &End<'_>) -> Option<Duration> {
    let limit = end.listener.timeout.idle.unwrap_or(IDLE_TIMEOUT);
    (ctx.has_proxy(end.node) && !limit.is_zero()).then_some(limit)
}

fn idle_cut(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    for at in ctx.routes() {
        let timeout = &at.route.timeout;
        let ends = at.route.targets.iter().filter(|target| target.weight > 0);
        let ends = ends.filter_map(|target| ctx.graph.end(target));
        let limits = ends.filter_map(|end| Some((idle_limit_at(ctx, &end)?, end)));
        let Some((limit, end)) = limits.min_by_key(|(limit, _)| *limit) else { continue };
        let beyond = |written: Duration| written.is_zero() || written > limit;
        // A listener that ends the request sooner anyway has a finding for that.
        let http = end.listener.protocol != Protocol::Tcp
            && request_limit_at(ctx, &end).is_none_or(|request| request > limit);
        let (field, written) = match (timeout.idle, timeout.request) {
            (Some(idle), _) if beyond(idle) => ("idle", idle),
            (_, Some(request)) if http && beyond(request) => ("request", request),
            _ => continue,
        };
        let message = format!(
            "the route `{}` allows {}, but `{}` gives up after {limit} without a byte",
            at.route.name,
            if written.is_zero() { "any time".to_owned() } else { written.to_string() },
            end.node
        );
        let pointer = format!("/timeout/{field}");
        let finding = ctx.find(&IDLE_CUT, &at.address(), &pointer, message).help(format!(
            "set `timeout = {{ idle = \"{written}\" }}` on the listener of `{}` too",
            end.node
        ));
        let text = if end.listener.timeout.idle.is_some() {
            format!("{limit} here")
        } else {
            format!("{limit}, because nothing else is written")
        };
        let node = Address::Node(end.node.clone());
        let pointer = listener_pointer(end.at, "timeout/idle");
        found.push(ctx.also(finding, &node, &pointer, text));
    }
}

fn look(
    ctx: &Ctx<'_>,
    address: impl Fn() -> Address,
    prefix: &str,
    timeout: &ListenerTimeout,
    found: &mut Diagnostics,
) {
    let Some(idle) = timeout.idle else { return };
    if idle.is_zero() {
        if timeout.request.is_some_and(Duration::is_zero) {
            let message = "a request here may take for ever".to_owned();
            found.push(
                ctx.find(&ENDLESS, &address(), &format!("{prefix}/timeout"), message)
                    .help("leave `idle` out, which keeps 5 minutes, or give it a value"),
            );
        }
    } else if let Some(request) = request_limit(timeout)
        && idle < request
    {
        let message = format!("requests may take {request} but end after {idle} without a byte");
        let pointer = format!("{prefix}/timeout/idle");
        found.push(
            ctx.find(&IDLE_FIRST, &address(), &pointer, message)
                .help(format!("write `idle = \"{request}\"` or more, or a lower `request`")),
        );
    }
}

/// A route whose listeners allow more has a finding of its own (MC0424), and so has a route that
/// allows more than its listeners (MC0401).
fn grpc_default(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    let unwritten = |timeout: &ListenerTimeout| timeout.request.is_none();
    let mut report = |address: Address, pointer: &str, what: String| {
        let message = format!("streams of {what} end after {REQUEST_TIMEOUT}");
        found.push(
            ctx.find(&GRPC_DEFAULT, &address, pointer, message)
                .help("write `timeout = { request = \"0s\" }` for streams, on route and listener"),
        );
    };
    for at in ctx.routes() {
        let ends = || at.route.targets.iter().filter_map(|target| ctx.graph.end(target));
        let longer = |limit: Option<Duration>| limit.is_none_or(|limit| limit > REQUEST_TIMEOUT);
        if at.protocol() == Some(Protocol::Grpc)
            && unwritten(&at.route.timeout)
            && !ends().any(|end| longer(request_limit(&end.listener.timeout)))
        {
            report(at.address(), "", format!("the route `{}`", at.route.name));
        }
    }
    for (name, service) in &ctx.mesh.services {
        let node = service.node.as_ref().and_then(|name| ctx.mesh.nodes.get_key_value(name));
        let Some((node, item)) = node else { continue };
        for (at, listener) in item.listeners.iter().enumerate() {
            if listener.protocol == Protocol::Grpc && unwritten(&listener.timeout) {
                let what = format!("`{name}`, port {}", listener.port);
                report(Address::Node(node.clone()), &listener_pointer(at, ""), what);
            }
        }
    }
}

fn idle(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    for at in ctx.listeners() {
        if at.listener.protocol != Protocol::Tcp {
            let prefix = listener_pointer(at.at, "");
            look(ctx, || at.address(), &prefix, &at.listener.timeout, found);
        }
    }
    for at in ctx.routes() {
        if at.protocol().is_some_and(Protocol::is_http) {
            look(ctx, || at.address(), "", &at.route.timeout, found);
        }
    }
}

/// Times below this one are reported.
const SHORTEST: Duration = Duration::from_millis(10);

fn tiny(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    let mut look = |address: Address, pointer: String, time: Option<Duration>| {
        if let Some(time) = time.filter(|time| !time.is_zero() && *time < SHORTEST) {
            let message = format!("{time} is shorter than {SHORTEST}");
            found.push(
                ctx.find(&TINY, &address, &pointer, message)
                    .help("write a longer time, for example \"1s\""),
            );
        }
    };
    for at in ctx.routes() {
        let (timeout, retry) = (&at.route.timeout, at.route.retry.as_ref());
        look(at.address(), "/timeout/request".to_owned(), timeout.request);
        look(at.address(), "/timeout/idle".to_owned(), timeout.idle);
        let each = retry.and_then(|retry| retry.per_retry_timeout);
        look(at.address(), "/retry/per_retry_timeout".to_owned(), each);
    }
    for at in ctx.listeners() {
        let timeout = &at.listener.timeout;
        look(at.address(), at.pointer("timeout/request"), timeout.request);
        look(at.address(), at.pointer("timeout/idle"), timeout.idle);
        if let Some(outlier) = &at.listener.outlier_detection {
            let (interval, ejection) = (outlier.interval, outlier.base_ejection_duration);
            look(at.address(), at.pointer("outlier_detection/interval"), Some(interval));
            let pointer = at.pointer("outlier_detection/base_ejection_duration");
            look(at.address(), pointer, Some(ejection));
        }
    }
}
