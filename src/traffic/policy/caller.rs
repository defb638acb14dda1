//! What requests meet at the proxy that sends them: its policy toward the server.

use super::{Facts, list, patched, put};
use crate::model::{
    Backend, BackendDefaults, Capture, Certificate, ClientPolicy, ClientTls, ClientValidation,
    FileCertificate, Listener, ListenerTls, MappedCertificate, MappedTrust, Mesh, MeshSettings,
    NodePatch, Trust, VirtualNode,
};
use crate::traffic::addresses::any_address;
use crate::traffic::{ports, toward};

/// How a node calls a backend.
pub(super) fn of_backend(
    mesh: &Mesh,
    settings: &MeshSettings,
    node: &VirtualNode,
    backend: &Backend,
) -> Facts {
    let VirtualNode {
        // Without a proxy there is no entry point.
        proxy: _,
        // Compared as settings of servers, and as entry points.
        listeners: _,
        discovery: _,
        backends: _,
        backend_defaults: BackendDefaults { client_policy: default },
        capture,
        patch: NodePatch { ingress: _, egress, http },
        // Not met by requests.
        access_log: _,
        owner: _,
        tags: _,
    } = node;
    let Backend {
        service,
        client_policy,
        // Where it is called is an entry point.
        bind: _,
    } = backend;
    let mut facts = of_policy(client_policy.as_ref().or(default.as_ref()));
    // Calls of TCP meet no connection manager.
    let speaks_http = || {
        let found = mesh.services.get_key_value(service);
        found.is_some_and(|(name, item)| {
            ports(mesh, name, item).iter().any(|port| port.protocol.is_http())
        })
    };
    let http = http.as_ref().filter(|_| speaks_http());
    put(&mut facts, "patch.http", patched(http));
    if capture.unwrap_or(settings.capture) == Capture::Redirect {
        put(&mut facts, "address", Some(any_address(settings)));
        put(&mut facts, "patch.egress", patched(egress.as_ref()));
    }
    facts
}

/// A policy's TLS; none is what the server offers.
pub(super) fn of_policy(policy: Option<&ClientPolicy>) -> Facts {
    let mut facts = Facts::new();
    let Some(ClientPolicy { tls: Some(tls) }) = policy else { return facts };
    let ClientTls { enforce, ports, certificate, validation } = tls;
    let ClientValidation { trust, subject_alternative_names } = validation;
    put(&mut facts, "client_policy.tls.enforce", Some(enforce));
    put(&mut facts, "client_policy.tls.ports", list(ports));
    put(&mut facts, "client_policy.tls.certificate", certificate.as_ref().map(shown));
    put(&mut facts, "client_policy.tls.validation.trust", Some(believed(trust)));
    put(
        &mut facts,
        "client_policy.tls.validation.subject_alternative_names",
        list(subject_alternative_names),
    );
    facts
}

/// Whether caller and server can agree on TLS, as far as the files alone decide it. Whether one
/// believes the other's certificate is not decided by them.
pub fn fits(policy: Option<&ClientTls>, listener: &Listener) -> bool {
    let (policy, by_tls) = toward(policy, listener);
    let offered = listener.tls.as_ref().filter(|tls| tls.is_on());
    match offered {
        None => !by_tls,
        Some(ListenerTls { mode: _, certificate: _, validation }) => {
            let asked = validation.is_some();
            !asked || policy.is_some_and(|policy| policy.certificate.is_some())
        }
    }
}

/// A certificate by where it is.
pub(super) fn shown(certificate: &Certificate) -> String {
    match certificate.shown() {
        Certificate::File(FileCertificate { chain, key }) => format!("{chain} with {key}"),
        Certificate::Sds(name) => format!("sds {name}"),
        Certificate::Acm(acm) | Certificate::Mapped(MappedCertificate { acm, to: _ }) => {
            acm.clone()
        }
    }
}

/// What is trusted, by where it is.
pub(super) fn believed(trust: &Trust) -> String {
    match trust.believed() {
        Trust::File(path) => path.clone(),
        Trust::Sds(name) => format!("sds {name}"),
        Trust::Acm(acm) | Trust::Mapped(MappedTrust { acm, to: _ }) => acm.join(", "),
    }
}
