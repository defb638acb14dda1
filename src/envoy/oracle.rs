//! Folds all resources of a proxy into one static bootstrap, which `envoy --mode validate` really
//! reads: it does not look into what is fetched, so dynamic garbage passes there.
//!
//! Routes go into their listeners and endpoints into their clusters. Secrets stay references, to
//! a server that validation never calls: their files are on the proxies' hosts and not here.

use super::bootstrap::{base, sds_cluster};
use super::names;
use super::pb::{bootstrap, cluster, core, endpoint, hcm, listener, route, tls};
use super::resource::{ProxyConfig, ResourceType};
use super::secret::server_source;
use cluster::cluster::{ClusterDiscoveryType, DiscoveryType};
use envoy_api::{Error, Message, Name, message_to_json, pack, unpack};
use hcm::http_connection_manager::RouteSpecifier;

/// The static bootstrap as YAML.
///
/// # Errors
/// A resource whose message does not decode as its type.
pub fn fold(config: &ProxyConfig) -> Result<String, Error> {
    let mut listeners = Vec::new();
    for resource in config.of(ResourceType::Listener) {
        let mut message: listener::Listener = unpack(&resource.message)?;
        let default = message.default_filter_chain.as_mut();
        for chain in message.filter_chains.iter_mut().chain(default) {
            fold_chain(config, chain)?;
        }
        listeners.push(message);
    }
    let mut clusters = vec![sds_cluster(names::SDS_CLUSTER, "/dev/null")];
    for resource in config.of(ResourceType::Cluster) {
        let mut message: cluster::Cluster = unpack(&resource.message)?;
        fold_cluster(config, &mut message)?;
        clusters.push(message);
    }
    let message = bootstrap::Bootstrap {
        static_resources: Some(bootstrap::bootstrap::StaticResources {
            listeners,
            clusters,
            ..Default::default()
        }),
        node: Some(core::Node {
            id: "oracle".to_owned(),
            cluster: "oracle".to_owned(),
            ..Default::default()
        }),
        ..base(super::defaults::RE2_MAX_PROGRAM_SIZE)
    };
    Ok(message_to_json(&pack(&message))?.to_yaml())
}

fn fold_chain(config: &ProxyConfig, chain: &mut listener::FilterChain) -> Result<(), Error> {
    for filter in &mut chain.filters {
        let Some(listener::filter::ConfigType::TypedConfig(any)) = &mut filter.config_type else {
            continue;
        };
        if any.type_url != hcm::HttpConnectionManager::type_url() {
            continue;
        }
        let mut manager: hcm::HttpConnectionManager = unpack(any)?;
        if let Some(RouteSpecifier::Rds(rds)) = &manager.route_specifier {
            let kind = ResourceType::RouteConfiguration;
            let routes = find::<route::RouteConfiguration>(config, kind, &rds.route_config_name)?;
            manager.route_specifier = routes.map(RouteSpecifier::RouteConfig);
        }
        *any = pack(&manager);
    }
    fold_socket(chain.transport_socket.as_mut())
}

fn fold_cluster(config: &ProxyConfig, message: &mut cluster::Cluster) -> Result<(), Error> {
    if let Some(eds) = message.eds_cluster_config.take() {
        let name = if eds.service_name.is_empty() { &message.name } else { &eds.service_name };
        let kind = ResourceType::ClusterLoadAssignment;
        let mut found = find::<endpoint::ClusterLoadAssignment>(config, kind, name)?;
        if let Some(found) = &mut found {
            found.cluster_name.clone_from(&message.name);
        }
        message.load_assignment = found;
        message.cluster_discovery_type =
            Some(ClusterDiscoveryType::Type(DiscoveryType::Static as i32));
        message.ignore_health_on_host_removal = false;
    }
    fold_socket(message.transport_socket.as_mut())
}

fn find<M: Message + Name + Default>(
    config: &ProxyConfig,
    kind: ResourceType,
    name: &str,
) -> Result<Option<M>, Error> {
    config.get(kind, name).map(|resource| unpack(&resource.message)).transpose()
}

fn fold_socket(socket: Option<&mut core::TransportSocket>) -> Result<(), Error> {
    let Some(core::transport_socket::ConfigType::TypedConfig(any)) =
        socket.and_then(|socket| socket.config_type.as_mut())
    else {
        return Ok(());
    };
    if any.type_url == tls::DownstreamTlsContext::type_url() {
        let mut context: tls::DownstreamTlsContext = unpack(any)?;
        fold_secrets(context.common_tls_context.as_mut());
        *any = pack(&context);
    } else if any.type_url == tls::UpstreamTlsContext::type_url() {
        let mut context: tls::UpstreamTlsContext = unpack(any)?;
        fold_secrets(context.common_tls_context.as_mut());
        *any = pack(&context);
    }
    Ok(())
}

fn fold_secrets(context: Option<&mut tls::CommonTlsContext>) {
    use tls::common_tls_context::ValidationContextType;
    let Some(context) = context else { return };
    for secret in &mut context.tls_certificate_sds_secret_configs {
        by_server(secret);
    }
    match &mut context.validation_context_type {
        Some(ValidationContextType::ValidationContextSdsSecretConfig(secret)) => by_server(secret),
        Some(ValidationContextType::CombinedValidationContext(combined)) => {
            if let Some(secret) = &mut combined.validation_context_sds_secret_config {
                by_server(secret);
            }
        }
        _ => {}
    }
}

fn by_server(secret: &mut tls::SdsSecretConfig) {
    secret.sds_config = Some(server_source(names::SDS_CLUSTER));
}
