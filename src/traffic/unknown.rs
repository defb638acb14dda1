//! What cannot be told: raw patches over what is rendered may change anything.

use super::table::Row;
use crate::model::{Patch, is_field};

/// Fields of Envoy's `Route` that change neither which requests it takes nor where they go.
const HARMLESS: [&str; 7] = [
    "decorator",
    "metadata",
    "name",
    "response_headers_to_add",
    "response_headers_to_remove",
    "stat_prefix",
    "tracing",
];

/// Fields of a listener or filter chain that change neither which connections it accepts nor what
/// is done with their requests.
const HARMLESS_LISTENER: [&str; 17] = [
    "access_log",
    "bypass_overload_manager",
    "connection_balance_config",
    "continue_on_listener_filters_timeout",
    "drain_type",
    "enable_mptcp",
    "enable_reuse_port",
    "listener_filters_timeout",
    "max_connections_to_accept_per_socket_event",
    "metadata",
    "per_connection_buffer_limit_bytes",
    "reuse_port",
    "stat_prefix",
    "tcp_backlog_size",
    "tcp_fast_open_queue_length",
    "traffic_direction",
    "transport_socket_connect_timeout",
];

/// Fields of a connection manager that change neither which request it accepts nor what the routes
/// see of it.
const HARMLESS_HTTP: [&str; 17] = [
    "access_log",
    "access_log_options",
    "add_proxy_protocol_connection_state",
    "always_set_request_id_in_response",
    "append_local_overload",
    "delayed_close_timeout",
    "drain_timeout",
    "generate_request_id",
    "preserve_external_request_id",
    "proxy_100_continue",
    "request_headers_timeout",
    "request_timeout",
    "server_header_transformation",
    "server_name",
    "stat_prefix",
    "stream_idle_timeout",
    "tracing",
];

/// A field of a connection manager of which some fields are harmless, and these.
const COMMON_OPTIONS: &str = "common_http_protocol_options";
const HARMLESS_OPTIONS: [&str; 3] =
    ["idle_timeout", "max_connection_duration", "max_stream_duration"];

fn keys(patch: &Patch) -> impl Iterator<Item = (&str, &Patch)> {
    patch.as_object().into_iter().flatten().map(|(key, value)| (key.as_str(), value))
}

/// The first key that names none of these fields.
fn other<'p>(patch: &'p Patch, harmless: &[&str]) -> Option<&'p str> {
    let all = keys(patch).map(|(key, _)| key);
    all.into_iter().find(|key| !harmless.iter().any(|field| is_field(key, field)))
}

/// Why it cannot be told which requests a row takes.
pub(super) fn conditions(row: &Row<'_>) -> Option<String> {
    let changed = row.patch.is_some_and(|patch| keys(patch).any(|(key, _)| key == "match"));
    changed.then(|| format!("the patch of {} changes which requests it takes", row.address))
}

/// Why it cannot be told what a row does.
pub(super) fn action(row: &Row<'_>) -> Option<String> {
    let key = other(row.patch?, &HARMLESS)?;
    Some(format!("the patch of {} changes `{key}`", row.address))
}

/// Why it cannot be determined what a patched connection manager does with requests.
pub(super) fn manager(patch: &Patch) -> Option<String> {
    let decisive = |(key, value): (&str, &Patch)| {
        if is_field(key, COMMON_OPTIONS) {
            return other(value, &HARMLESS_OPTIONS).map(|below| format!("{key}.{below}"));
        }
        let harmless = HARMLESS_HTTP.iter().any(|field| is_field(key, field));
        (!harmless).then(|| key.to_owned())
    };
    let key = keys(patch).find_map(decisive)?;
    Some(format!("a patch of the HTTP connection manager sets `{key}`"))
}

/// Why it cannot be told what a patched listener or filter chain does.
pub(super) fn listener(patch: &Patch) -> Option<String> {
    let key = other(patch, &HARMLESS_LISTENER)?;
    Some(format!("a patch of the listener changes its `{key}`"))
}
