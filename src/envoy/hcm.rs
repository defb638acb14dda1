//! Network filters: the HTTP connection manager and the TCP proxy.

use super::builder::Builder;
use super::pb::{core, custom_header, hcm, listener, matcher, preserve_case, tcp_proxy, xff};
use super::resource::ResourceType;
use super::route::TcpTargets;
use super::{access_log, defaults, filters, patch};
use crate::model::{AccessLog, Patch, is_field};
use crate::traffic::Accepts;
use crate::traffic::http::{MAX_HEADER_KIB, MAX_HEADERS};
use envoy_api::{Any, pack};
use hcm::http_connection_manager as manager;

/// What tells one connection manager from another.
pub(super) struct Http<'a> {
    /// The prefix of its statistics.
    pub(super) stats: &'a str,
    /// The name of its routes.
    pub(super) routes: &'a str,
    /// Where it logs.
    pub(super) access_log: Option<&'a AccessLog>,
    /// Whether HTTP/1.1 upgrades are let through.
    pub(super) upgrades: bool,
    /// Whether callers are strangers: a gateway.
    pub(super) edge: bool,
    /// The path on which a gateway answers health checks itself.
    pub(super) health_path: Option<&'a str>,
    /// What it accepts.
    pub(super) accepts: &'a Accepts,
    /// Raw fields, laid over all others in this order.
    pub(super) patches: Vec<&'a Patch>,
}

/// A connection manager that gets its routes by RDS, so that a change of routes costs no listener.
pub(super) fn http(b: &Builder<'_>, http: &Http<'_>) -> listener::Filter {
    let upgrade = hcm::http_connection_manager::UpgradeConfig {
        upgrade_type: defaults::UPGRADE.to_owned(),
        ..Default::default()
    };
    let mut config = hcm::HttpConnectionManager {
        stat_prefix: http.stats.to_owned(),
        route_specifier: Some(manager::RouteSpecifier::Rds(hcm::Rds {
            config_source: Some(b.source(ResourceType::RouteConfiguration, http.routes)),
            route_config_name: http.routes.to_owned(),
        })),
        http_filters: filters::chain(http.health_path),
        // The tracer itself is the bootstrap's, so that turning it on changes no resource.
        tracing: Some(manager::Tracing::default()),
        access_log: access_log::of(http.access_log),
        upgrade_configs: http.upgrades.then_some(upgrade).into_iter().collect(),
        // `/a//b` and `/a/./b` are what `/a/b` is, or a prefix could be walked around.
        normalize_path: Some(true),
        merge_slashes: true,
        path_with_escaped_slashes_action: manager::PathWithEscapedSlashesAction::KeepUnchanged
            as i32,
        // At the edge the peer's address is the client's. Inside, what the edge wrote must stay.
        use_remote_address: http.edge.then_some(true),
        internal_address_config: Some(no_internal_address()),
        original_ip_detection_extensions: forwarded(http),
        http_protocol_options: Some(http1_options(http.accepts)),
        common_http_protocol_options: common_options(http.accepts, false),
        max_request_headers_kb: (http.accepts.max_header_kib != MAX_HEADER_KIB)
            .then_some(http.accepts.max_header_kib),
        ..Default::default()
    };
    for patch in &http.patches {
        config = patch::apply(config, Some(patch));
    }
    filter("envoy.filters.network.http_connection_manager", pack(&config))
}

/// Envoy lets clients whose address is internal set timeouts and retries by headers, and without a
/// range all private addresses are internal. No peer has this one.
fn no_internal_address() -> manager::InternalAddressConfig {
    let range =
        core::CidrRange { address_prefix: "255.255.255.255".to_owned(), prefix_len: Some(32) };
    manager::InternalAddressConfig { cidr_ranges: vec![range], ..Default::default() }
}

/// Inside, the address of the client is what `x-forwarded-for` says, which is anything: it is logged,
/// and never trusted. Where a patch says how addresses are determined, it alone does: Envoy takes no
/// two ways.
fn forwarded(http: &Http<'_>) -> Vec<core::TypedExtensionConfig> {
    let own = [
        "internal_address_config",
        "original_ip_detection_extensions",
        "use_remote_address",
        "xff_num_trusted_hops",
    ];
    let mut keys =
        http.patches.iter().filter_map(|patch| patch.as_object()).flat_map(|patch| patch.keys());
    if http.edge || keys.any(|key| own.iter().any(|field| is_field(key, field))) {
        return Vec::new();
    }
    let extension = |name: &str, config| core::TypedExtensionConfig {
        name: format!("envoy.http.original_ip_detection.{name}"),
        typed_config: Some(config),
    };
    // One address is found by the first of them, the last of several by the second.
    let one = custom_header::CustomHeaderConfig {
        header_name: "x-forwarded-for".to_owned(),
        ..Default::default()
    };
    vec![extension("custom_header", pack(&one)), extension("xff", pack(&xff::XffConfig::default()))]
}

/// The limits that are not Envoy's own; toward a server also that of a response's size.
pub(super) fn common_options(
    accepts: &Accepts,
    upstream: bool,
) -> Option<core::HttpProtocolOptions> {
    let size = (accepts.max_header_kib != MAX_HEADER_KIB).then_some(accepts.max_header_kib);
    let options = core::HttpProtocolOptions {
        max_headers_count: (accepts.max_headers != MAX_HEADERS).then_some(accepts.max_headers),
        max_response_headers_kb: size.filter(|_| upstream),
        ..Default::default()
    };
    (options != core::HttpProtocolOptions::default()).then_some(options)
}

/// The format of header names by HTTP/1, unless it is lower case.
pub(super) fn header_case(
    accepts: &Accepts,
) -> Option<core::http1_protocol_options::HeaderKeyFormat> {
    use core::http1_protocol_options::{HeaderKeyFormat, header_key_format::HeaderFormat};
    let formatter = core::TypedExtensionConfig {
        name: "envoy.http.stateful_header_formatters.preserve_case".to_owned(),
        typed_config: Some(pack(&preserve_case::PreserveCaseFormatterConfig::default())),
    };
    let format = HeaderFormat::StatefulFormatter(formatter);
    accepts.preserve_case.then_some(HeaderKeyFormat { header_format: Some(format) })
}

fn http1_options(accepts: &Accepts) -> core::Http1ProtocolOptions {
    use matcher::string_matcher::MatchPattern;
    let ignored = accepts.ignored_upgrades.iter().map(|start| matcher::StringMatcher {
        match_pattern: Some(MatchPattern::Prefix(start.clone())),
        ignore_case: true,
    });
    core::Http1ProtocolOptions {
        accept_http_10: accepts.http_10,
        default_host_for_http_10: accepts.default_host.clone().unwrap_or_default(),
        header_key_format: header_case(accepts),
        ignore_http_11_upgrade: ignored.collect(),
        ..Default::default()
    }
}

/// A proxy of bytes.
pub(super) fn tcp(stats: &str, targets: &TcpTargets, log: Option<&AccessLog>) -> listener::Filter {
    use tcp_proxy::tcp_proxy::{
        ClusterSpecifier, WeightedCluster, weighted_cluster::ClusterWeight,
    };
    let specifier = match targets.clusters.as_slice() {
        [(name, _)] => ClusterSpecifier::Cluster(name.clone()),
        all => ClusterSpecifier::WeightedClusters(WeightedCluster {
            clusters: all
                .iter()
                .map(|(name, weight)| ClusterWeight {
                    name: name.clone(),
                    weight: *weight,
                    ..Default::default()
                })
                .collect(),
        }),
    };
    let config = tcp_proxy::TcpProxy {
        stat_prefix: stats.to_owned(),
        idle_timeout: Some(defaults::idle_timeout(targets.timeout.idle)),
        access_log: access_log::of(log),
        cluster_specifier: Some(specifier),
        ..Default::default()
    };
    filter("envoy.filters.network.tcp_proxy", pack(&config))
}

fn filter(name: &str, config: Any) -> listener::Filter {
    listener::Filter {
        name: name.to_owned(),
        config_type: Some(listener::filter::ConfigType::TypedConfig(config)),
    }
}
