//! Clusters: the local application, and the listeners of peers.

use super::builder::{Builder, Origin};
use super::defaults::{self, duration};
use super::pb::{cluster, core, endpoint as pb_endpoint, upstream_http};
use super::resource::{ResourceType, Side};
use super::tls::Caller;
use super::xds::REGISTERED;
use super::{endpoint, hcm, names, patch, tls};
use crate::model::{
    Address, Discovery, DnsDiscovery, DnsResponseType, HealthCheck, HttpSettings, IpPreference,
    Listener, OutlierDetection, PoolLimits, Protocol,
};
use crate::traffic::addresses::{applications, lookup_preference, registry_selector};
use crate::traffic::{Accepts, NodeListener, discovery_name};
use cluster::cluster::{ClusterDiscoveryType, DiscoveryType, DnsLookupFamily, LbPolicy};
use envoy_api::pack;
use std::collections::BTreeMap;
use upstream_http::http_protocol_options::explicit_http_config::ProtocolConfig;

/// The extension under which a cluster's HTTP options stand.
pub(super) const HTTP_OPTIONS: &str = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

/// What every cluster has.
fn base(name: &str, kind: DiscoveryType, limits: &PoolLimits) -> cluster::Cluster {
    cluster::Cluster {
        name: name.to_owned(),
        cluster_discovery_type: Some(ClusterDiscoveryType::Type(kind as i32)),
        connect_timeout: Some(duration(defaults::CONNECT_TIMEOUT)),
        circuit_breakers: Some(defaults::circuit_breakers(limits)),
        ..Default::default()
    }
}

/// The local application behind a listener. `connection_pool` holds here, on the server's side, as
/// App Mesh had it; callers are not limited.
pub(super) fn local(b: &mut Builder<'_>, listener: &Listener, origin: &Origin) -> String {
    let node = b.proxy.name();
    let name = names::local_cluster(b.mesh_name(), node, listener.protocol, listener.port);
    let limits = listener.connection_pool.clone().unwrap_or_default();
    let addresses = applications(&b.mesh.settings, listener.app, listener.port);
    let message = cluster::Cluster {
        load_assignment: Some(endpoint::local(&name, &addresses)),
        typed_extension_protocol_options: http_options(listener.protocol, &listener.http),
        ..base(&name, DiscoveryType::Static, &limits)
    };
    let message = patch::apply(message, listener.patch.local_cluster.as_ref());
    b.add(ResourceType::Cluster, &name, Side::Ingress, &message, vec![origin.clone()]);
    name
}

/// The cluster by which this proxy reaches a peer's listener; made when it is first asked for.
pub(super) fn peer(b: &mut Builder<'_>, caller: &Caller<'_>, peer: NodeListener<'_>) -> String {
    let listener = peer.listener;
    let plain =
        names::peer_cluster(b.mesh_name(), peer.name, listener.protocol, listener.port, None);
    let name =
        names::peer_cluster(b.mesh_name(), peer.name, listener.protocol, listener.port, caller.via);
    if b.has(ResourceType::Cluster, &name) {
        return name;
    }
    let origin = (Address::Node(peer.name.clone()), format!("/listeners/{}", peer.index));
    let port = listener.port.get();
    let mut message = base(&name, DiscoveryType::Static, &PoolLimits::default());
    match &peer.node.discovery {
        Some(Discovery::Dns(dns)) => {
            let kind = match dns.response_type {
                DnsResponseType::Loadbalancer => DiscoveryType::LogicalDns,
                DnsResponseType::Endpoints => DiscoveryType::StrictDns,
            };
            message.cluster_discovery_type = Some(ClusterDiscoveryType::Type(kind as i32));
            message.dns_lookup_family = lookup_family(b, dns) as i32;
            message.load_assignment = Some(endpoint::named(&name, &dns.hostname, port));
        }
        Some(Discovery::Static(addresses)) => {
            let all = addresses.iter().map(|ip| super::builder::socket_address(*ip, port));
            let assignment = endpoint::assignment(&plain, all);
            by_eds(b, &mut message, &plain, &assignment, &origin, "/discovery");
        }
        // Found at run time: a control plane puts in what is registered.
        Some(Discovery::Registry(found)) => {
            let selector = registry_selector(&b.mesh.settings, found);
            let assignment = endpoint::selected(&plain, &selector);
            by_eds(b, &mut message, &plain, &assignment, &origin, REGISTERED);
        }
        // Not for nodes that listen (the rules say so).
        None => message.load_assignment = Some(endpoint::assignment(&name, [])),
    }
    message.typed_extension_protocol_options = http_options(listener.protocol, &listener.http);
    message.transport_socket = tls::upstream(b, caller, peer);
    message.health_checks =
        listener.health_check.iter().map(|check| health_check(check, peer)).collect();
    message.outlier_detection = listener.outlier_detection.as_ref().map(outlier_detection);
    let message = patch::apply(message, listener.patch.cluster.as_ref());
    let mut origins = vec![origin];
    if caller.tls.is_some() || caller.via.is_some() {
        origins.push(caller.origin.clone());
    }
    b.add(ResourceType::Cluster, &name, Side::Egress, &message, origins);
    name
}

/// Everything outside of the mesh, where it was going anyway.
pub(super) fn allow_all(b: &mut Builder<'_>) -> String {
    let name = names::allow_all_cluster(b.mesh_name());
    let message = cluster::Cluster {
        lb_policy: LbPolicy::ClusterProvided as i32,
        ..base(&name, DiscoveryType::OriginalDst, &PoolLimits::default())
    };
    let origin = (Address::Mesh, "/egress".to_owned());
    b.add(ResourceType::Cluster, &name, Side::Egress, &message, vec![origin]);
    name
}

/// From a gateway's first hop to its second.
pub(super) fn self_redirect(
    b: &mut Builder<'_>,
    name: &str,
    listener: &str,
    limits: &PoolLimits,
    accepts: &Accepts,
    origins: Vec<Origin>,
) {
    use upstream_http::http_protocol_options::{UpstreamProtocolOptions, UseDownstreamHttpConfig};
    let options = upstream_http::HttpProtocolOptions {
        // The second hop is spoken to as the first was: gRPC keeps its trailers and WebSocket its
        // upgrade.
        upstream_protocol_options: Some(UpstreamProtocolOptions::UseDownstreamProtocolConfig(
            UseDownstreamHttpConfig {
                http_protocol_options: Some(core::Http1ProtocolOptions {
                    header_key_format: hcm::header_case(accepts),
                    ..Default::default()
                }),
                http2_protocol_options: Some(core::Http2ProtocolOptions::default()),
                ..Default::default()
            },
        )),
        common_http_protocol_options: hcm::common_options(accepts, true),
        ..Default::default()
    };
    let message = cluster::Cluster {
        connect_timeout: Some(duration(defaults::SELF_CONNECT_TIMEOUT)),
        load_assignment: Some(endpoint::internal(name, listener)),
        typed_extension_protocol_options: BTreeMap::from([(
            HTTP_OPTIONS.to_owned(),
            pack(&options),
        )]),
        ..base(name, DiscoveryType::Static, limits)
    };
    b.add(ResourceType::Cluster, name, Side::Ingress, &message, origins);
}

/// Endpoints that change without the cluster, which would rebuild its connections.
fn by_eds(
    b: &mut Builder<'_>,
    message: &mut cluster::Cluster,
    name: &str,
    assignment: &pb_endpoint::ClusterLoadAssignment,
    origin: &Origin,
    discovery: &str,
) {
    let kind = ResourceType::ClusterLoadAssignment;
    message.cluster_discovery_type = Some(ClusterDiscoveryType::Type(DiscoveryType::Eds as i32));
    message.eds_cluster_config = Some(cluster::cluster::EdsClusterConfig {
        eds_config: Some(b.source(kind, name)),
        // Clusters that differ in their policy only share the endpoints.
        service_name: if message.name == name { String::new() } else { name.to_owned() },
    });
    // Else a host that is gone but looks healthy would get traffic for ever.
    message.ignore_health_on_host_removal = true;
    let at = (origin.0.clone(), discovery.to_owned());
    b.add(kind, name, Side::Egress, assignment, vec![at, origin.clone()]);
}

/// How a listener is spoken to. HTTP/1.1 with its usual limits is Envoy's default, so only what
/// differs is written.
fn http_options(protocol: Protocol, http: &HttpSettings) -> BTreeMap<String, envoy_api::Any> {
    let accepts = Accepts::of(http);
    let common = hcm::common_options(&accepts, true);
    let case = hcm::header_case(&accepts);
    match protocol {
        Protocol::Http2 | Protocol::Grpc => protocol_options(http2(), common),
        Protocol::Http if common.is_some() || case.is_some() => {
            let options =
                core::Http1ProtocolOptions { header_key_format: case, ..Default::default() };
            protocol_options(ProtocolConfig::HttpProtocolOptions(options), common)
        }
        Protocol::Http | Protocol::Tcp => BTreeMap::new(),
    }
}

fn http2() -> ProtocolConfig {
    ProtocolConfig::Http2ProtocolOptions(core::Http2ProtocolOptions::default())
}

/// HTTP/2 and nothing else.
pub(super) fn http2_options() -> BTreeMap<String, envoy_api::Any> {
    protocol_options(http2(), None)
}

fn protocol_options(
    config: ProtocolConfig,
    common: Option<core::HttpProtocolOptions>,
) -> BTreeMap<String, envoy_api::Any> {
    use upstream_http::http_protocol_options::{ExplicitHttpConfig, UpstreamProtocolOptions};
    let explicit = ExplicitHttpConfig { protocol_config: Some(config) };
    let options = upstream_http::HttpProtocolOptions {
        upstream_protocol_options: Some(UpstreamProtocolOptions::ExplicitHttpConfig(explicit)),
        common_http_protocol_options: common,
        ..Default::default()
    };
    BTreeMap::from([(HTTP_OPTIONS.to_owned(), pack(&options))])
}

fn lookup_family(b: &Builder<'_>, dns: &DnsDiscovery) -> DnsLookupFamily {
    match lookup_preference(&b.mesh.settings, dns) {
        None => DnsLookupFamily::All,
        Some(IpPreference::Ipv6Preferred) => DnsLookupFamily::Auto,
        Some(IpPreference::Ipv4Preferred) => DnsLookupFamily::V4Preferred,
        Some(IpPreference::Ipv4Only) => DnsLookupFamily::V4Only,
        Some(IpPreference::Ipv6Only) => DnsLookupFamily::V6Only,
    }
}

fn health_check(check: &HealthCheck, peer: NodeListener<'_>) -> core::HealthCheck {
    use core::health_check::{GrpcHealthCheck, HealthChecker, HttpHealthCheck, TcpHealthCheck};
    let port = check.port.unwrap_or(peer.listener.port);
    let host = match discovery_name(peer.node) {
        Some(name) => format!("{name}:{port}"),
        // Envoy then says the cluster's name, which no application knows.
        None => peer.name.to_string(),
    };
    let http = |http2: bool| {
        use envoy_api::pb::envoy::r#type::v3::CodecClientType;
        let codec = if http2 { CodecClientType::Http2 } else { CodecClientType::Http1 };
        HealthChecker::HttpHealthCheck(HttpHealthCheck {
            host: host.clone(),
            path: check.path.clone().unwrap_or_else(|| defaults::HEALTH_PATH.to_owned()),
            codec_client_type: codec as i32,
            ..Default::default()
        })
    };
    let checker = match check.protocol {
        Protocol::Http => http(false),
        Protocol::Http2 => http(true),
        Protocol::Grpc => HealthChecker::GrpcHealthCheck(GrpcHealthCheck {
            authority: host,
            ..Default::default()
        }),
        Protocol::Tcp => HealthChecker::TcpHealthCheck(TcpHealthCheck::default()),
    };
    core::HealthCheck {
        timeout: Some(duration(check.timeout)),
        interval: Some(duration(check.interval)),
        // Envoy's own minute would leave an endpoint unhealthy for a minute after the start.
        no_traffic_interval: Some(duration(check.interval)),
        unhealthy_threshold: Some(check.unhealthy_threshold),
        healthy_threshold: Some(check.healthy_threshold),
        alt_port: check.port.filter(|p| *p != peer.listener.port).map(|p| p.get().into()),
        health_checker: Some(checker),
        ..Default::default()
    }
}

/// Server errors in a row are all that the model speaks of, so Envoy's comparison of success
/// rates, which is on by default, is off.
fn outlier_detection(outlier: &OutlierDetection) -> cluster::OutlierDetection {
    cluster::OutlierDetection {
        consecutive_5xx: Some(outlier.max_server_errors),
        interval: Some(duration(outlier.interval)),
        base_ejection_time: Some(duration(outlier.base_ejection_duration)),
        max_ejection_percent: Some(outlier.max_ejection_percent),
        enforcing_success_rate: Some(0),
        ..Default::default()
    }
}
