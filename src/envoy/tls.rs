//! TLS toward callers and toward backends.

use super::builder::{Builder, Origin};
use super::pb::{core, matcher, tls};
use super::resource::Side;
use super::secret::{self, Role};
use crate::model::{ClientTls, ListenerTls, Port, Protocol, ServiceName};
use crate::traffic::{NameKind, NodeListener, discovery_name, expected_names, toward};
use envoy_api::{Message, Name, pack};
use std::net::IpAddr;

/// The policy by which a proxy calls: App Mesh's rule is that a backend's own policy replaces the
/// default one whole.
#[derive(Clone)]
pub(super) struct Caller<'a> {
    /// TLS toward the server, if the policy says anything of it.
    pub(super) tls: Option<&'a ClientTls>,
    /// The backend that has a policy of its own, which needs clusters of its own.
    pub(super) via: Option<&'a ServiceName>,
    /// Where the policy stands.
    pub(super) origin: Origin,
}

/// The transport socket of a listener's TLS chain.
pub(super) fn downstream(
    b: &mut Builder<'_>,
    port: Port,
    protocol: Protocol,
    tls: &ListenerTls,
    listener: &Origin,
) -> core::TransportSocket {
    let part = port.to_string();
    let role = Role { side: Side::Ingress, part: &part };
    let at = |field: &str| (listener.0.clone(), format!("{}/tls/{field}", listener.1));
    let certificate = secret::certificate(b, role, &tls.certificate, &at("certificate"));
    let mut common = tls::CommonTlsContext {
        tls_certificate_sds_secret_configs: vec![certificate],
        alpn_protocols: match protocol {
            Protocol::Tcp => Vec::new(),
            Protocol::Http => vec!["http/1.1".to_owned()],
            Protocol::Http2 | Protocol::Grpc => vec!["h2".to_owned()],
        },
        ..Default::default()
    };
    if let Some(validation) = &tls.validation {
        let trust = secret::trust(b, role, &validation.trust, &at("validation/trust"));
        let names = validation.subject_alternative_names.iter().map(|name| san(name)).collect();
        common.validation_context_type = Some(validation_context(trust, names));
    }
    let context = tls::DownstreamTlsContext {
        common_tls_context: Some(common),
        require_client_certificate: tls.validation.is_some().then_some(true),
        ..Default::default()
    };
    socket(&context)
}

/// The transport socket toward a peer; `None` is plain text.
pub(super) fn upstream(
    b: &mut Builder<'_>,
    caller: &Caller<'_>,
    peer: NodeListener<'_>,
) -> Option<core::TransportSocket> {
    let listener = peer.listener;
    let (policy, wanted) = toward(caller.tls, listener);
    if !wanted {
        return None;
    }
    let mut common = tls::CommonTlsContext {
        alpn_protocols: if listener.protocol.is_http2() {
            vec!["h2".to_owned()]
        } else {
            Vec::new()
        },
        ..Default::default()
    };
    if let Some(policy) = policy {
        let part = caller.via.map_or(String::new(), |service| format!("via_{service}"));
        let role = Role { side: Side::Egress, part: &part };
        let at =
            |field: &str| (caller.origin.0.clone(), format!("{}/tls/{field}", caller.origin.1));
        if let Some(own) = &policy.certificate {
            let own = secret::certificate(b, role, own, &at("certificate"));
            common.tls_certificate_sds_secret_configs = vec![own];
        }
        let trust = secret::trust(b, role, &policy.validation.trust, &at("validation/trust"));
        let names = expected_names(policy, peer.node).iter().map(|name| san(name)).collect();
        common.validation_context_type = Some(validation_context(trust, names));
    }
    let context = tls::UpstreamTlsContext {
        common_tls_context: Some(common),
        // App Mesh sent none. Servers outside of the mesh choose their certificate by it, and
        // those inside ignore it.
        sni: discovery_name(peer.node).filter(|n| n.parse::<IpAddr>().is_err()).unwrap_or_default(),
        ..Default::default()
    };
    Some(socket(&context))
}

pub(super) fn san(name: &str) -> tls::SubjectAltNameMatcher {
    use tls::subject_alt_name_matcher::SanType;
    let san_type = match NameKind::of(name) {
        NameKind::Uri => SanType::Uri,
        NameKind::Address => SanType::IpAddress,
        NameKind::Dns => SanType::Dns,
    };
    tls::SubjectAltNameMatcher {
        san_type: san_type as i32,
        matcher: Some(matcher::StringMatcher {
            match_pattern: Some(matcher::string_matcher::MatchPattern::Exact(name.to_owned())),
            ..Default::default()
        }),
        ..Default::default()
    }
}

/// What is asked of a peer's certificate: its authority, and one of some names.
pub(super) fn validation_context(
    trust: tls::SdsSecretConfig,
    names: Vec<tls::SubjectAltNameMatcher>,
) -> tls::common_tls_context::ValidationContextType {
    use tls::common_tls_context::{CombinedCertificateValidationContext, ValidationContextType};
    if names.is_empty() {
        return ValidationContextType::ValidationContextSdsSecretConfig(trust);
    }
    ValidationContextType::CombinedValidationContext(CombinedCertificateValidationContext {
        default_validation_context: Some(tls::CertificateValidationContext {
            match_typed_subject_alt_names: names,
            ..Default::default()
        }),
        validation_context_sds_secret_config: Some(trust),
        ..Default::default()
    })
}

pub(super) fn socket<M: Message + Name>(context: &M) -> core::TransportSocket {
    core::TransportSocket {
        name: "envoy.transport_sockets.tls".to_owned(),
        config_type: Some(core::transport_socket::ConfigType::TypedConfig(pack(context))),
    }
}
