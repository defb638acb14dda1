//! What cannot be told: raw patches over what is rendered may change anything.

use super::table::Row;
use crate::model::Patch;

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

/// Fields of a listener or filter chain that decide what is done with requests.
const DECISIVE: [&str; 6] = [
    "address",
    "default_filter_chain",
    "filter_chain_match",
    "filter_chains",
    "filters",
    "listener_filters",
];

/// Fields of a connection manager that change neither which request it accepts nor what the routes
/// see of it.
const HARMLESS_HTTP: [&str; 19] = [
    "access_log",
    "access_log_options",
    "add_proxy_protocol_connection_state",
    "always_set_request_id_in_response",
    "append_local_overload",
    "common_http_protocol_options",
    "delayed_close_timeout",
    "drain_timeout",
    "generate_request_id",
    "max_request_headers_kb",
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

fn keys(patch: &Patch) -> impl Iterator<Item = &str> {
    patch.as_object().into_iter().flatten().map(|(key, _)| key.as_str())
}

/// Why it cannot be told which requests a row takes.
pub(super) fn conditions(row: &Row<'_>) -> Option<String> {
    let changed = row.patch.is_some_and(|patch| keys(patch).any(|key| key == "match"));
    changed.then(|| format!("the patch of {} changes which requests it takes", row.address))
}

/// Why it cannot be told what a row does.
pub(super) fn action(row: &Row<'_>) -> Option<String> {
    let key = row.patch.and_then(|patch| keys(patch).find(|key| !HARMLESS.contains(key)))?;
    Some(format!("the patch of {} changes `{key}`", row.address))
}

/// Why it cannot be determined what a patched connection manager does with requests.
pub(super) fn manager(patch: &Patch) -> Option<String> {
    let key = keys(patch).find(|key| !HARMLESS_HTTP.contains(key))?;
    Some(format!("a patch of the HTTP connection manager sets `{key}`"))
}

/// Why it cannot be told what a patched listener or filter chain does.
pub(super) fn listener(patch: &Patch) -> Option<String> {
    let key = keys(patch).find(|key| DECISIVE.contains(key))?;
    Some(format!("a patch of the listener changes its `{key}`"))
}
