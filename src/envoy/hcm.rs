//! Network filters: the HTTP connection manager and the TCP proxy.

use super::builder::Builder;
use super::pb::{hcm, listener, tcp_proxy};
use super::resource::ResourceType;
use super::route::TcpTargets;
use super::{access_log, defaults, filters};
use crate::model::AccessLog;
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
}

/// A connection manager that gets its routes by RDS, so that a change of routes costs no listener.
pub(super) fn http(b: &Builder<'_>, http: &Http<'_>) -> listener::Filter {
    let upgrade = hcm::http_connection_manager::UpgradeConfig {
        upgrade_type: defaults::UPGRADE.to_owned(),
        ..Default::default()
    };
    let config = hcm::HttpConnectionManager {
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
        // At the edge the peer's address is the client's, and headers that steer Envoy from
        // outside are taken off. Inside, what the edge wrote must stay.
        use_remote_address: http.edge.then_some(true),
        // Nobody outside is trusted for having a private address.
        internal_address_config: http.edge.then(manager::InternalAddressConfig::default),
        ..Default::default()
    };
    filter("envoy.filters.network.http_connection_manager", pack(&config))
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
