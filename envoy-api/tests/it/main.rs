//! Tests of the crate, and the messages they share.

#![allow(clippy::unwrap_used)]

mod extract;
mod json;
mod merge;
mod strict;
mod types;
mod validate;
mod yaml;

use serde_json::{Value, json};

use envoy_api::{Any, message_from_json};

pub(crate) const LISTENER: &str = "type.googleapis.com/envoy.config.listener.v3.Listener";
pub(crate) const CLUSTER: &str = "type.googleapis.com/envoy.config.cluster.v3.Cluster";
pub(crate) const ROUTES: &str = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration";
pub(crate) const HCM: &str = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
pub(crate) const OPTIONS: &str =
    "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

pub(crate) fn parse(type_url: &str, value: Value) -> Any {
    message_from_json(type_url, &value).unwrap()
}

/// The text of the error that parsing gives.
pub(crate) fn refused(type_url: &str, value: Value) -> String {
    message_from_json(type_url, &value).unwrap_err().to_string()
}

/// A listener with an HTTP connection manager and inline routes.
pub(crate) fn listener() -> Value {
    json!({
        "name": "in",
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": 8080}},
        "filter_chains": [{"filters": [{
            "name": "http",
            "typed_config": {
                "@type": HCM,
                "stat_prefix": "in",
                "stream_idle_timeout": "300.500s",
                "route_config": {"name": "r", "virtual_hosts": [{
                    "name": "all",
                    "domains": ["*"],
                    "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "a", "timeout": "0s"}}],
                }]},
                "http_filters": [{"name": "router", "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router",
                }}],
            },
        }]}],
    })
}

/// A cluster with two maps, one of them inside an `Any`.
pub(crate) fn cluster() -> Value {
    let metadata = |n: i32| json!({format!("k{n}"): {"b": 1, "a": [true, null, 1.5, "x"]}});
    json!({
        "name": "a",
        "type": "STRICT_DNS",
        "connect_timeout": "1.5s",
        "metadata": {"filter_metadata": {"z": metadata(1), "y": metadata(2), "x": metadata(3)}},
        "typed_extension_protocol_options": {
            "two": {"@type": "type.googleapis.com/google.protobuf.Struct", "value": {"q": 1, "p": 2, "o": 3}},
            "one": {"@type": OPTIONS, "explicit_http_config": {"http2_protocol_options": {
                "max_concurrent_streams": 100,
            }}},
        },
        "circuit_breakers": {"thresholds": [{"max_retries": 0}]},
    })
}
