//! MC04xx: retries that cannot happen, do not fit, or do harm.

use super::context::Ctx;
use super::timeouts::request_limit;
use super::{Check, Rule};
use crate::diag::{Code, Diagnostics};
use crate::model::{Duration, Method, Protocol, RetryEvent};

/// An event that the route never sees.
const WRONG_KIND: Code = Code::error(
    "MC0404",
    "retry-event-of-another-protocol",
    "a retry event that the route's protocol does not have",
    "`cancelled`, `deadline-exceeded`, `internal`, `resource-exhausted` and `unavailable` are gRPC \
     statuses: only grpc routes can be retried on them. HTTP routes have `server-error`, \
     `gateway-error`, `client-error`, `stream-error` and `connection-error`.",
);
/// A policy that retries nothing.
const NO_EFFECT: Code = Code::warning(
    "MC0405",
    "retry-without-effect",
    "a retry policy that never retries",
    "Retries need both: events in `on`, and `max_retries` above zero. To turn retries off, App \
     Mesh's default ones included, write `retry = { on = [], max_retries = 0 }`.",
);
/// A try that may take longer than the whole.
const TRY_TOO_LONG: Code = Code::warning(
    "MC0406",
    "try-longer-than-request",
    "one try may take longer than the whole request",
    "The request timeout ends everything, retries included, so a `per_retry_timeout` that is as \
     long never lets a second try happen after a slow first one.",
);
/// Retries that never run.
const NO_ROOM: Code = Code::warning(
    "MC0407",
    "retries-do-not-fit-timeout",
    "the request timeout ends before the last retry",
    "Each try may take `per_retry_timeout`, the first included. When they all time out, the request \
     timeout (15 seconds unless written) is over before the last ones end: they are cut short, or \
     never start.",
);
/// A retry that may do the same thing twice.
const UNSAFE: Code = Code::warning(
    "MC0408",
    "retry-of-unsafe-method",
    "requests that change something are retried after they may have been handled",
    "A POST or PATCH that ended in a 5xx or a reset may have been carried out: trying it again can \
     do it twice (a payment, an order). `connection-error` and `stream-error` are safe, because \
     then no server has seen the request.",
);

/// An event that no gRPC server causes.
const NOT_GRPC: Code = Code::warning(
    "MC0433",
    "http-retry-event-on-grpc-route",
    "a grpc route is retried on an HTTP status that gRPC servers do not send",
    "`client-error` is the HTTP status 409. A gRPC server answers every call with 200 and puts the \
     outcome into `grpc-status`, so this event never starts a retry. Name gRPC statuses: `cancelled`, \
     `deadline-exceeded`, `internal`, `resource-exhausted`, `unavailable`.",
);

pub(super) const RULES: &[Rule] = &[
    Rule(&[&WRONG_KIND], wrong_kind as Check),
    Rule(&[&NOT_GRPC], not_grpc),
    Rule(&[&NO_EFFECT], no_effect),
    Rule(&[&TRY_TOO_LONG, &NO_ROOM], room),
    Rule(&[&UNSAFE], unsafe_method),
];

fn wrong_kind(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    for at in ctx.routes() {
        let Some(retry) = &at.route.retry else { continue };
        if !matches!(at.protocol(), Some(Protocol::Http | Protocol::Http2)) {
            continue;
        }
        for (index, event) in retry.on.iter().enumerate().filter(|(_, event)| event.is_grpc()) {
            let message =
                format!("`{event}` is a gRPC status; `{}` is no grpc route", at.route.name);
            found.push(
                ctx.find(&WRONG_KIND, &at.address(), &format!("/retry/on/{index}"), message).help(
                    "use `server-error`, `gateway-error`, `client-error`, `stream-error` or \
                     `connection-error`",
                ),
            );
        }
    }
}

fn not_grpc(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    for at in ctx.routes().filter(|at| at.protocol() == Some(Protocol::Grpc)) {
        let Some(retry) = &at.route.retry else { continue };
        if let Some(index) = retry.on.iter().position(|on| *on == RetryEvent::ClientError) {
            let message =
                format!("no gRPC server answers 409, so `{}` is not retried on it", at.route.name);
            found.push(
                ctx.find(&NOT_GRPC, &at.address(), &format!("/retry/on/{index}"), message)
                    .help("name the gRPC statuses that are worth another try"),
            );
        }
    }
}

fn no_effect(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    for at in ctx.routes() {
        let Some(retry) = &at.route.retry else { continue };
        let (message, help) = match (retry.on.is_empty(), retry.max_retries) {
            (true, 1..) => ("retries are counted but no event starts one", "name events in `on`"),
            (false, 0) => (
                "events are named but `max_retries = 0` turns retries off",
                "raise `max_retries`, or empty `on`",
            ),
            _ => continue,
        };
        let pointer = if retry.on.is_empty() { "/retry/on" } else { "/retry/max_retries" };
        found.push(ctx.find(&NO_EFFECT, &at.address(), pointer, message).help(help));
    }
}

fn room(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    for at in ctx.routes() {
        let Some(retry) = &at.route.retry else { continue };
        let Some(each) = retry.per_retry_timeout.filter(|each| !each.is_zero()) else { continue };
        let Some(whole) = request_limit(&at.route.timeout) else { continue };
        if retry.max_retries == 0 || retry.on.is_empty() {
            continue;
        }
        let tries = u64::from(retry.max_retries) + 1;
        let pointer = "/retry/per_retry_timeout";
        let finding = if each >= whole {
            let message = format!("one try may take {each}, the whole request {whole}");
            ctx.find(&TRY_TOO_LONG, &at.address(), pointer, message)
                .help("lower `per_retry_timeout`, or raise `timeout.request`")
        } else if each.millis().saturating_mul(tries) > whole.millis() {
            let (fit, rest) = (whole.millis() / each.millis(), whole.millis() % each.millis());
            let cut = if rest == 0 { "" } else { ", and the next one is cut short" };
            let message = format!(
                "only {fit} of {tries} tries of {each} fit into {whole} when all time out{cut}"
            );
            ctx.find(&NO_ROOM, &at.address(), pointer, message).help(format!(
                "`timeout.request` of at least {} has room for all, or lower `max_retries`",
                Duration::from_millis(each.millis().saturating_mul(tries))
            ))
        } else {
            continue;
        };
        found.push(if at.route.timeout.request.is_some() {
            ctx.also(finding, &at.address(), "/timeout/request", "the whole request")
        } else {
            finding
        });
    }
}

fn unsafe_method(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    for at in ctx.routes() {
        let (Some(retry), Some(method)) = (&at.route.retry, at.route.matches.method) else {
            continue;
        };
        let risky = |event: &RetryEvent| {
            matches!(event, RetryEvent::ServerError | RetryEvent::GatewayError)
        };
        if let (Method::Post | Method::Patch, 1.., Some(event)) =
            (method, retry.max_retries, retry.on.iter().position(risky))
        {
            let message = format!("{method} requests are retried on `{}`", retry.on[event]);
            let pointer = format!("/retry/on/{event}");
            let finding = ctx
                .find(&UNSAFE, &at.address(), &pointer, message)
                .help("retry on `connection-error` and `stream-error` only");
            found.push(ctx.also(finding, &at.address(), "/match/method", "the method"));
        }
    }
}
