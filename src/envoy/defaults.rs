//! Every default that the files do not show, in one place. They are App Mesh's unless a comment
//! says why not.

use super::pb::{cluster, core, previous_hosts, route};
use crate::model::{Duration, RetryEvent, RetryPolicy};
use crate::traffic::defaults::{IDLE_TIMEOUT, REQUEST_TIMEOUT, RETRIES, RETRY_CODES, RETRY_ON};
use envoy_api::pack;

/// To connect to a peer or to the local application.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// From a gateway's first hop to its second, in the same process.
pub(super) const SELF_CONNECT_TIMEOUT: Duration = Duration::from_millis(250);

/// All thresholds of every cluster that has no `connection_pool`: the mesh never limits by itself.
/// (Envoy's own defaults of 1024 and 3 would.)
pub(super) const NO_LIMIT: u32 = i32::MAX as u32;

/// How often another host is looked for, so that a retry does not go where the try failed.
const HOST_ATTEMPTS: i64 = 5;

/// Longest program of a regular expression, in RE2's instructions; the bootstrap sets it. Envoy's
/// own limit of 100 refuses harmless expressions; App Mesh set 1000.
pub const RE2_MAX_PROGRAM_SIZE: u32 = 1000;

/// The upgrade that http listeners let through, in and out.
pub(super) const UPGRADE: &str = "websocket";

/// Path that an HTTP health check asks for when none is given.
pub(super) const HEALTH_PATH: &str = "/";

/// A duration as Envoy has it.
pub(super) fn duration(length: Duration) -> envoy_api::Duration {
    let millis = length.millis();
    envoy_api::Duration {
        // Bounded by `Duration::MAX_MILLIS`, so neither conversion can overflow.
        seconds: (millis / 1000) as i64,
        nanos: (millis % 1000) as i32 * 1_000_000,
    }
}

/// Circuit breakers for the default priority; the high one keeps Envoy's limits, as App Mesh had
/// it, because nothing in the model uses it.
pub(super) fn circuit_breakers(limits: &crate::model::PoolLimits) -> cluster::CircuitBreakers {
    let thresholds = cluster::circuit_breakers::Thresholds {
        max_connections: Some(limits.max_connections.unwrap_or(NO_LIMIT)),
        max_pending_requests: Some(limits.max_pending_requests.unwrap_or(NO_LIMIT)),
        max_requests: Some(limits.max_requests.unwrap_or(NO_LIMIT)),
        max_retries: Some(NO_LIMIT),
        ..Default::default()
    };
    cluster::CircuitBreakers { thresholds: vec![thresholds], ..Default::default() }
}

/// The retry policy of an HTTP or gRPC route: its own, else the default. `None` turns retries off.
pub(super) fn retry_policy(own: Option<&RetryPolicy>) -> Option<route::RetryPolicy> {
    let base = route::RetryPolicy {
        retry_host_predicate: vec![route::retry_policy::RetryHostPredicate {
            name: "envoy.retry_host_predicates.previous_hosts".to_owned(),
            config_type: Some(route::retry_policy::retry_host_predicate::ConfigType::TypedConfig(
                pack(&previous_hosts::PreviousHostsPredicate::default()),
            )),
        }],
        host_selection_retry_max_attempts: HOST_ATTEMPTS,
        ..Default::default()
    };
    let Some(own) = own else {
        return Some(route::RetryPolicy {
            retry_on: format!("{},retriable-status-codes", RETRY_ON.join(",")),
            num_retries: Some(RETRIES),
            retriable_status_codes: RETRY_CODES.to_vec(),
            ..base
        });
    };
    if own.max_retries == 0 {
        return None;
    }
    let (words, codes) = retry_conditions(&own.on);
    Some(route::RetryPolicy {
        retry_on: words.join(","),
        num_retries: Some(own.max_retries),
        // App Mesh counts the first try too, and so does Envoy.
        per_try_timeout: own.per_retry_timeout.filter(|t| !t.is_zero()).map(duration),
        retriable_status_codes: codes,
        ..base
    })
}

/// App Mesh's translation of its retry events: Envoy's words, and status codes.
fn retry_conditions(events: &[RetryEvent]) -> (Vec<&'static str>, Vec<u32>) {
    let mut words: Vec<&'static str> = Vec::new();
    let mut codes: Vec<u32> = Vec::new();
    for event in events {
        let (word, more): (&'static str, &[u32]) = match event {
            RetryEvent::ServerError => {
                ("reset", &[500, 501, 502, 503, 504, 505, 506, 507, 508, 510, 511])
            }
            RetryEvent::GatewayError => ("reset", &[502, 503, 504]),
            RetryEvent::ClientError => ("", &[409]),
            RetryEvent::StreamError => ("refused-stream", &[]),
            RetryEvent::ConnectionError => ("connect-failure", &[]),
            // gRPC events have the same words in Envoy.
            RetryEvent::Cancelled
            | RetryEvent::DeadlineExceeded
            | RetryEvent::Internal
            | RetryEvent::ResourceExhausted
            | RetryEvent::Unavailable => (event.as_str(), &[]),
        };
        if !word.is_empty() && !words.contains(&word) {
            words.push(word);
        }
        for code in more {
            if !codes.contains(code) {
                codes.push(*code);
            }
        }
    }
    words.push("retriable-status-codes");
    (words, codes)
}

/// A `0s` turns a timeout off in Envoy too, so it is passed on; unset is the default.
pub(super) fn request_timeout(own: Option<Duration>) -> envoy_api::Duration {
    duration(own.unwrap_or(REQUEST_TIMEOUT))
}

/// As [`request_timeout`], for silence.
pub(super) fn idle_timeout(own: Option<Duration>) -> envoy_api::Duration {
    duration(own.unwrap_or(IDLE_TIMEOUT))
}

/// The API version of everything that is fetched.
pub(super) const V3: i32 = core::ApiVersion::V3 as i32;
