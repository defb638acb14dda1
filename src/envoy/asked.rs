//! What a proxy asks for: all listeners, all clusters, and of everything else only what one of these
//! names. A resource that none of them names cannot be acknowledged, so no step waits for it.
//!
//! A step of a rollout has such resources: the endpoints of a node whose callers still find it by
//! DNS, or the secrets of TLS that is not switched to yet. They are there before their users are.

use super::pb::{cluster, core, hcm, listener, route, tcp_proxy, tls};
use super::resource::{ProxyConfig, Resource, ResourceType};
use cluster::cluster::{ClusterDiscoveryType, DiscoveryType};
use envoy_api::unpack;
use std::collections::{BTreeMap, BTreeSet};

type Names = BTreeSet<(ResourceType, String)>;

/// Whether a proxy asks for every resource of a type, rather than by name.
pub const fn is_asked_whole(kind: ResourceType) -> bool {
    !kind.one_per_file()
}

/// The resources that another one needs at the proxy: the endpoints and secrets of a cluster, the
/// clusters of routes, the routes, clusters and secrets of a listener. What another server serves, or
/// what is in the resource itself, is none.
pub fn needs(resource: &Resource) -> BTreeSet<(ResourceType, String)> {
    let mut found = Names::new();
    match resource.kind {
        ResourceType::Cluster => {
            if let Ok(cluster) = unpack::<cluster::Cluster>(&resource.message) {
                cluster_needs(cluster, &mut found);
            }
        }
        ResourceType::RouteConfiguration => {
            if let Ok(routes) = unpack::<route::RouteConfiguration>(&resource.message) {
                let routes = routes.virtual_hosts.into_iter().flat_map(|host| host.routes);
                routes.for_each(|route| clusters_of(route, &mut found));
            }
        }
        ResourceType::Listener => {
            if let Ok(listener) = unpack::<listener::Listener>(&resource.message) {
                let chains =
                    listener.filter_chains.into_iter().chain(listener.default_filter_chain);
                for chain in chains {
                    secrets_of(chain.transport_socket, &mut found);
                    chain.filters.into_iter().for_each(|filter| filter_needs(filter, &mut found));
                }
            }
        }
        ResourceType::ClusterLoadAssignment | ResourceType::Secret => {}
    }
    found
}

/// What a proxy that has a configuration asks for of it.
pub fn asked(config: &ProxyConfig) -> BTreeSet<(ResourceType, String)> {
    let whole = config.resources.iter().filter(|((kind, _), _)| is_asked_whole(*kind));
    let named = whole.flat_map(|(key, resource)| needs(resource).into_iter().chain([key.clone()]));
    named.filter(|key| config.resources.contains_key(key)).collect()
}

/// Of the files of a proxy, those of one resource each that its listeners or clusters name: by type
/// and by the name of the file without its ending. Where the listeners or clusters are not there,
/// nothing of theirs is asked for.
pub fn asked_files(files: &BTreeMap<String, String>) -> BTreeSet<(ResourceType, String)> {
    let whole = ResourceType::ALL.into_iter().filter(|kind| is_asked_whole(*kind));
    let texts = whole.filter_map(|kind| files.get(&super::names::file(kind, "")));
    texts.flat_map(|text| text.lines()).filter_map(named).collect()
}

/// The resource whose file a line names.
fn named(line: &str) -> Option<(ResourceType, String)> {
    let line = line.trim_start();
    let path = line.strip_prefix("- ").unwrap_or(line).strip_prefix("path: ")?;
    let path = path.trim().trim_matches('"').strip_suffix(".yaml")?;
    let (folder, name) = path.rsplit_once('/')?;
    let folder = folder.rsplit('/').next()?;
    let kind = ResourceType::ALL.into_iter().find(|kind| kind.as_str() == folder)?;
    Some((kind, name.to_owned()))
}

fn cluster_needs(cluster: cluster::Cluster, found: &mut Names) {
    secrets_of(cluster.transport_socket, found);
    for other in cluster.transport_socket_matches {
        secrets_of(other.transport_socket, found);
    }
    let by_eds = Some(ClusterDiscoveryType::Type(DiscoveryType::Eds as i32));
    if let Some(eds) =
        cluster.eds_cluster_config.filter(|_| cluster.cluster_discovery_type == by_eds)
    {
        let name = match eds.service_name.is_empty() {
            true => cluster.name,
            false => eds.service_name,
        };
        found.insert((ResourceType::ClusterLoadAssignment, name));
    }
}

/// The secrets of TLS that come with the other resources.
fn secrets_of(socket: Option<core::TransportSocket>, found: &mut Names) {
    use core::config_source::ConfigSourceSpecifier::ApiConfigSource;
    use core::transport_socket::ConfigType;
    use tls::common_tls_context::ValidationContextType;
    let Some(ConfigType::TypedConfig(config)) = socket.and_then(|socket| socket.config_type) else {
        return;
    };
    let context = match unpack::<tls::UpstreamTlsContext>(&config) {
        Ok(context) => context.common_tls_context,
        Err(_) => unpack::<tls::DownstreamTlsContext>(&config)
            .ok()
            .and_then(|context| context.common_tls_context),
    };
    let Some(context) = context else { return };
    let trust = match context.validation_context_type {
        Some(ValidationContextType::ValidationContextSdsSecretConfig(trust)) => Some(trust),
        Some(ValidationContextType::CombinedValidationContext(both)) => {
            both.validation_context_sds_secret_config
        }
        _ => None,
    };
    for secret in context.tls_certificate_sds_secret_configs.into_iter().chain(trust) {
        let source = secret.sds_config.and_then(|source| source.config_source_specifier);
        if source.is_some_and(|source| !matches!(source, ApiConfigSource(_))) {
            found.insert((ResourceType::Secret, secret.name));
        }
    }
}

fn clusters_of(route: route::Route, found: &mut Names) {
    use route::route::Action;
    use route::route_action::ClusterSpecifier;
    let Some(Action::Route(action)) = route.action else { return };
    let mut add = |name: String| {
        found.insert((ResourceType::Cluster, name));
    };
    match action.cluster_specifier {
        Some(ClusterSpecifier::Cluster(name)) => add(name),
        Some(ClusterSpecifier::WeightedClusters(all)) => {
            all.clusters.into_iter().for_each(|one| add(one.name));
        }
        _ => {}
    }
    action.request_mirror_policies.into_iter().for_each(|mirror| add(mirror.cluster));
    found.remove(&(ResourceType::Cluster, String::new()));
}

fn filter_needs(filter: listener::Filter, found: &mut Names) {
    use hcm::http_connection_manager::RouteSpecifier;
    use listener::filter::ConfigType;
    use tcp_proxy::tcp_proxy::ClusterSpecifier;
    let Some(ConfigType::TypedConfig(config)) = filter.config_type else { return };
    if let Ok(manager) = unpack::<hcm::HttpConnectionManager>(&config) {
        if let Some(RouteSpecifier::Rds(rds)) = manager.route_specifier {
            found.insert((ResourceType::RouteConfiguration, rds.route_config_name));
        }
    } else if let Ok(proxy) = unpack::<tcp_proxy::TcpProxy>(&config) {
        match proxy.cluster_specifier {
            Some(ClusterSpecifier::Cluster(name)) => {
                found.insert((ResourceType::Cluster, name));
            }
            Some(ClusterSpecifier::WeightedClusters(all)) => {
                found.extend(all.clusters.into_iter().map(|one| (ResourceType::Cluster, one.name)));
            }
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_asked_for_by_the_paths_in_listeners_and_clusters() {
        let file = |path: &str, text: &str| (path.to_owned(), text.to_owned());
        let files = BTreeMap::from([
            file(
                "lds.yaml",
                "x:\n  - path: \"/r/current/virtual_node/a/rds/r_80.yaml\"\n    path: \"/r\"\n",
            ),
            file("cds.yaml", "    path: \"/r/current/virtual_node/a/eds/c.1.yaml\"\n"),
            // What another file names counts for nothing.
            file("rds/r_80.yaml", "path: \"/r/current/virtual_node/a/sds/s.yaml\"\n"),
            file("eds/c.2.yaml", ""),
        ]);
        let asked = [
            (ResourceType::RouteConfiguration, "r_80".to_owned()),
            (ResourceType::ClusterLoadAssignment, "c.1".to_owned()),
        ];
        assert_eq!(asked_files(&files), BTreeSet::from(asked));
        assert_eq!(asked_files(&BTreeMap::new()), BTreeSet::new());
    }
}
