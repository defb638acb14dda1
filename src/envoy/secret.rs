//! Secrets: references to files or to the proxy's SDS server, never values.
//!
//! Files become SDS resources of their own, named by their role and not by their path: Envoy then
//! loads a renewed file by itself, and a changed path costs no listener drain.

use super::builder::{Builder, Origin, watched};
use super::defaults;
use super::pb::{core, tls};
use super::resource::{ResourceType, Side};
use crate::model::{Certificate, FileCertificate, MappedCertificate, MappedTrust, Trust};

/// What a secret is for; makes its name.
#[derive(Clone, Copy)]
pub(super) struct Role<'a> {
    pub(super) side: Side,
    /// What tells it from others of the side: a port, or `via_SERVICE`; empty for defaults.
    pub(super) part: &'a str,
}

impl Role<'_> {
    fn name(self, what: &str) -> String {
        let side = match self.side {
            Side::Ingress => "ingress",
            Side::Egress => "egress",
        };
        let separator = if self.part.is_empty() { "" } else { "_" };
        format!("sds_{side}_{what}{separator}{}", self.part)
    }
}

/// A reference to a certificate and its key.
pub(super) fn certificate(
    b: &mut Builder<'_>,
    role: Role<'_>,
    certificate: &Certificate,
    origin: &Origin,
) -> tls::SdsSecretConfig {
    match certificate.shown() {
        Certificate::File(file) => {
            let name = role.name("certificate");
            let kind = tls::secret::Type::TlsCertificate(file_certificate(file));
            add(b, role.side, &name, kind, origin)
        }
        Certificate::Sds(name) => from_server(b, name),
        // Unmapped: a rule reports it. A name that no server knows keeps the listener shut, where
        // leaving TLS out would open it.
        Certificate::Acm(acm) | Certificate::Mapped(MappedCertificate { acm, to: _ }) => {
            from_server(b, acm)
        }
    }
}

/// A reference to the authorities that are believed.
pub(super) fn trust(
    b: &mut Builder<'_>,
    role: Role<'_>,
    trust: &Trust,
    origin: &Origin,
) -> tls::SdsSecretConfig {
    match trust.believed() {
        Trust::File(path) => {
            let name = role.name("trust");
            let context = tls::CertificateValidationContext {
                trusted_ca: Some(file_source(path)),
                watched_directory: Some(watched(folder(path))),
                ..Default::default()
            };
            let kind = tls::secret::Type::ValidationContext(context);
            add(b, role.side, &name, kind, origin)
        }
        Trust::Sds(name) => from_server(b, name),
        Trust::Acm(acm) | Trust::Mapped(MappedTrust { acm, to: _ }) => {
            from_server(b, acm.first().map_or("", String::as_str))
        }
    }
}

fn add(
    b: &mut Builder<'_>,
    side: Side,
    name: &str,
    kind: tls::secret::Type,
    origin: &Origin,
) -> tls::SdsSecretConfig {
    let secret = tls::Secret { name: name.to_owned(), r#type: Some(kind) };
    b.add(ResourceType::Secret, name, side, &secret, vec![origin.clone()]);
    tls::SdsSecretConfig {
        name: name.to_owned(),
        sds_config: Some(b.source(ResourceType::Secret, name)),
    }
}

fn file_certificate(file: &FileCertificate) -> tls::TlsCertificate {
    let (chain, key) = (folder(&file.chain), folder(&file.key));
    tls::TlsCertificate {
        certificate_chain: Some(file_source(&file.chain)),
        private_key: Some(file_source(&file.key)),
        // One watched folder reads both files together. In two folders Envoy watches each file.
        watched_directory: (chain == key).then(|| watched(chain)),
        ..Default::default()
    }
}

fn file_source(path: &str) -> core::DataSource {
    core::DataSource {
        specifier: Some(core::data_source::Specifier::Filename(path.to_owned())),
        ..Default::default()
    }
}

fn folder(path: &str) -> &str {
    match path.rsplit_once('/') {
        Some(("", _)) => "/",
        Some((folder, _)) => folder,
        None => ".",
    }
}

/// A secret that the proxy's own SDS server knows by name.
fn from_server(b: &Builder<'_>, name: &str) -> tls::SdsSecretConfig {
    tls::SdsSecretConfig {
        name: name.to_owned(),
        sds_config: Some(server_source(&b.settings.sds_cluster)),
    }
}

/// The stream of a secret server behind a cluster of the bootstrap.
pub(super) fn server_source(cluster: &str) -> core::ConfigSource {
    let service = core::GrpcService {
        target_specifier: Some(core::grpc_service::TargetSpecifier::EnvoyGrpc(
            core::grpc_service::EnvoyGrpc {
                cluster_name: cluster.to_owned(),
                ..Default::default()
            },
        )),
        ..Default::default()
    };
    let api = core::ApiConfigSource {
        api_type: core::api_config_source::ApiType::Grpc as i32,
        transport_api_version: defaults::V3,
        grpc_services: vec![service],
        ..Default::default()
    };
    core::ConfigSource {
        config_source_specifier: Some(core::config_source::ConfigSourceSpecifier::ApiConfigSource(
            api,
        )),
        resource_api_version: defaults::V3,
        ..Default::default()
    }
}
