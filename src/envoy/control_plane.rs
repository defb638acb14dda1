//! The control plane as an Envoy's bootstrap has it: its cluster, and the stream to it.

use super::bootstrap::Endpoint;
use super::builder::{host_address, watched};
use super::cluster as clusters;
use super::defaults::{self, duration};
use super::endpoint;
use super::names;
use super::pb::{cluster, core, tls, upstream_http};
use super::tls as own_tls;
use crate::model::Duration;
use envoy_api::{Json, any_to_json, pack};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// A control plane that a proxy takes its configuration from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlPlane {
    /// Where its xDS port is.
    pub address: Endpoint,
    /// How to speak TLS with it; `None`: plaintext, which only one on this host should have.
    pub tls: Option<ControlPlaneTls>,
    /// The variable of the proxy's environment that holds its token; `None`: it has none. The
    /// token itself never stands in the file.
    pub token_variable: Option<String>,
}

/// TLS with a control plane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlPlaneTls {
    /// The proxy's folder of identity, as the proxy sees it: the files of [`identity_files`], which
    /// name `current/certificate.pem`, `current/key.pem` and `current/authorities.pem` in it. What
    /// `current` leads to changes as a whole, and Envoy takes it up without a restart.
    pub folder: String,
    /// The name that the server's certificate must have; `None`: the host that is connected to.
    pub name: Option<String>,
}

/// The file with the proxy's certificate as Envoy reads it.
const CERTIFICATE: &str = "certificate.yaml";
/// The file with the authorities of the control plane.
const TRUST: &str = "trust.yaml";

/// The files of a folder of identity that Envoy reads, by name. They hold paths, no secrets.
pub fn identity_files(folder: &str) -> BTreeMap<&'static str, String> {
    let at = |name: &str| Some(file(&format!("{folder}/current/{name}")));
    let certificate = tls::secret::Type::TlsCertificate(tls::TlsCertificate {
        certificate_chain: at("certificate.pem"),
        private_key: at("key.pem"),
        watched_directory: Some(watched(folder)),
        ..Default::default()
    });
    let trust = tls::secret::Type::ValidationContext(tls::CertificateValidationContext {
        trusted_ca: at("authorities.pem"),
        watched_directory: Some(watched(folder)),
        ..Default::default()
    });
    [(CERTIFICATE, certificate), (TRUST, trust)]
        .into_iter()
        .map(|(name, kind)| {
            let secret = tls::Secret { name: name.to_owned(), r#type: Some(kind) };
            let secret = any_to_json(&pack(&secret))
                .expect("invariant: a secret is made of types that envoy_api knows");
            let resources = Json::Array(vec![secret]);
            (name, Json::Object(vec![("resources".to_owned(), resources)]).to_yaml())
        })
        .collect()
}

/// A secret of the folder of identity.
fn secret(folder: &str, name: &str) -> tls::SdsSecretConfig {
    use core::config_source::ConfigSourceSpecifier as Specifier;
    let path = core::PathConfigSource { path: format!("{folder}/{name}"), ..Default::default() };
    tls::SdsSecretConfig {
        name: name.to_owned(),
        sds_config: Some(core::ConfigSource {
            config_source_specifier: Some(Specifier::PathConfigSource(path)),
            resource_api_version: defaults::V3,
            ..Default::default()
        }),
    }
}

/// When the stream is opened again after it was lost: soon at first, and at least this often.
const RETRY: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(5));
/// A connection without traffic is asked that often whether it lives, and given up when it does
/// not say so.
const KEEPALIVE: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(10));

/// The aggregated stream.
pub(super) fn ads(control_plane: &ControlPlane) -> core::ApiConfigSource {
    use core::api_config_source::ApiType;
    let (base, most) = RETRY;
    let service = core::grpc_service::EnvoyGrpc {
        cluster_name: names::XDS_CLUSTER.to_owned(),
        retry_policy: Some(core::RetryPolicy {
            retry_back_off: Some(core::BackoffStrategy {
                base_interval: Some(duration(base)),
                max_interval: Some(duration(most)),
            }),
            ..Default::default()
        }),
        ..Default::default()
    };
    let token = control_plane.token_variable.iter().map(|variable| core::HeaderValue {
        key: "authorization".to_owned(),
        value: format!("Bearer %ENVIRONMENT({variable})%"),
        ..Default::default()
    });
    core::ApiConfigSource {
        api_type: ApiType::DeltaGrpc as i32,
        transport_api_version: defaults::V3,
        grpc_services: vec![core::GrpcService {
            target_specifier: Some(core::grpc_service::TargetSpecifier::EnvoyGrpc(service)),
            initial_metadata: token.collect(),
            ..Default::default()
        }],
        set_node_on_first_message_only: true,
        ..Default::default()
    }
}

/// Its cluster.
pub(super) fn cluster(control_plane: &ControlPlane) -> cluster::Cluster {
    use cluster::cluster::{ClusterDiscoveryType, DiscoveryType};
    let Endpoint { host, port } = &control_plane.address;
    let kind = match host.parse::<IpAddr>() {
        Ok(_) => DiscoveryType::Static,
        Err(_) => DiscoveryType::StrictDns,
    };
    cluster::Cluster {
        name: names::XDS_CLUSTER.to_owned(),
        cluster_discovery_type: Some(ClusterDiscoveryType::Type(kind as i32)),
        connect_timeout: Some(duration(defaults::CONNECT_TIMEOUT)),
        load_assignment: Some(endpoint::assignment(
            names::XDS_CLUSTER,
            [host_address(host, *port)],
        )),
        typed_extension_protocol_options: http2(),
        transport_socket: control_plane.tls.as_ref().map(|tls| transport_socket(tls, host)),
        ..Default::default()
    }
}

fn http2() -> BTreeMap<String, envoy_api::Any> {
    use upstream_http::http_protocol_options::{
        ExplicitHttpConfig, UpstreamProtocolOptions, explicit_http_config::ProtocolConfig,
    };
    let (interval, timeout) = KEEPALIVE;
    let http2 = core::Http2ProtocolOptions {
        connection_keepalive: Some(core::KeepaliveSettings {
            interval: Some(duration(interval)),
            timeout: Some(duration(timeout)),
            ..Default::default()
        }),
        ..Default::default()
    };
    let explicit =
        ExplicitHttpConfig { protocol_config: Some(ProtocolConfig::Http2ProtocolOptions(http2)) };
    let options = upstream_http::HttpProtocolOptions {
        upstream_protocol_options: Some(UpstreamProtocolOptions::ExplicitHttpConfig(explicit)),
        ..Default::default()
    };
    BTreeMap::from([(clusters::HTTP_OPTIONS.to_owned(), pack(&options))])
}

fn transport_socket(options: &ControlPlaneTls, host: &str) -> core::TransportSocket {
    let name = options.name.as_deref().unwrap_or(host);
    let trust = secret(&options.folder, TRUST);
    let context = tls::UpstreamTlsContext {
        common_tls_context: Some(tls::CommonTlsContext {
            tls_certificate_sds_secret_configs: vec![secret(&options.folder, CERTIFICATE)],
            validation_context_type: Some(own_tls::validation_context(
                trust,
                vec![own_tls::san(name)],
            )),
            alpn_protocols: vec!["h2".to_owned()],
            ..Default::default()
        }),
        // Addresses are no names that can be asked for.
        sni: if name.parse::<IpAddr>().is_ok() { String::new() } else { name.to_owned() },
        ..Default::default()
    };
    own_tls::socket(&context)
}

fn file(path: &str) -> core::DataSource {
    core::DataSource {
        specifier: Some(core::data_source::Specifier::Filename(path.to_owned())),
        ..Default::default()
    }
}
