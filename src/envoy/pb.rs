//! The protobuf packages that this module uses, by short names; no other module names them.

pub(super) use envoy_api::pb::envoy::admin::v3 as admin;
pub(super) use envoy_api::pb::envoy::config::accesslog::v3 as accesslog;
pub(super) use envoy_api::pb::envoy::config::bootstrap::v3 as bootstrap;
pub(super) use envoy_api::pb::envoy::config::cluster::v3 as cluster;
pub(super) use envoy_api::pb::envoy::config::core::v3 as core;
pub(super) use envoy_api::pb::envoy::config::endpoint::v3 as endpoint;
pub(super) use envoy_api::pb::envoy::config::listener::v3 as listener;
pub(super) use envoy_api::pb::envoy::config::metrics::v3 as metrics;
pub(super) use envoy_api::pb::envoy::config::route::v3 as route;
pub(super) use envoy_api::pb::envoy::config::trace::v3 as trace;
pub(super) use envoy_api::pb::envoy::extensions::access_loggers::file::v3 as file_log;
pub(super) use envoy_api::pb::envoy::extensions::bootstrap::internal_listener::v3 as internal;
pub(super) use envoy_api::pb::envoy::extensions::filters::http::health_check::v3 as health_filter;
pub(super) use envoy_api::pb::envoy::extensions::filters::http::router::v3 as router_filter;
pub(super) use envoy_api::pb::envoy::extensions::filters::listener::original_dst::v3 as original_dst;
pub(super) use envoy_api::pb::envoy::extensions::filters::listener::tls_inspector::v3 as tls_inspector;
pub(super) use envoy_api::pb::envoy::extensions::filters::network::http_connection_manager::v3 as hcm;
pub(super) use envoy_api::pb::envoy::extensions::filters::network::tcp_proxy::v3 as tcp_proxy;
pub(super) use envoy_api::pb::envoy::extensions::retry::host::previous_hosts::v3 as previous_hosts;
pub(super) use envoy_api::pb::envoy::extensions::transport_sockets::tls::v3 as tls;
pub(super) use envoy_api::pb::envoy::extensions::upstreams::http::v3 as upstream_http;
pub(super) use envoy_api::pb::envoy::service::discovery::v3 as discovery;
pub(super) use envoy_api::pb::envoy::service::status::v3 as status;
pub(super) use envoy_api::pb::envoy::r#type::matcher::v3 as matcher;
pub(super) use envoy_api::pb::envoy::r#type::v3 as r#type;
pub(super) use envoy_api::pb::google::rpc;
