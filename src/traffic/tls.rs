//! How a proxy calls a node: in plain text, by TLS, or by TLS with a certificate of its own.

use super::entry::{Door, Entry};
use crate::model::{Backend, ClientTls, Discovery, Listener, ListenerTls, Mesh, Port, VirtualNode};
use std::net::IpAddr;

/// What protects a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// Nothing.
    Plain,
    /// TLS: the server shows a certificate.
    Tls,
    /// Both sides show a certificate.
    Mutual,
}

impl Security {
    /// The word in files and documents.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Tls => "tls",
            Self::Mutual => "mutual-tls",
        }
    }
}

/// The part of a client policy that holds for a listener, and whether it is called by TLS.
///
/// Without a policy the caller does what the server does. An enforced policy never falls back to
/// plain text, whatever the server's file says: better no connection than an open one.
pub fn toward<'p>(
    policy: Option<&'p ClientTls>,
    listener: &Listener,
) -> (Option<&'p ClientTls>, bool) {
    let offered = listener.tls.as_ref().is_some_and(ListenerTls::is_on);
    let policy = on_port(policy, listener.port);
    (policy, policy.map_or(offered, |policy| policy.enforce || offered))
}

/// What protects the connection to a listener under a policy.
pub fn security(policy: Option<&ClientTls>, listener: &Listener) -> Security {
    match toward(policy, listener) {
        (_, false) => Security::Plain,
        (Some(policy), true) if policy.certificate.is_some() => Security::Mutual,
        (_, true) => Security::Tls,
    }
}

/// The name by which a node is discovered; one with fixed addresses has none.
pub fn discovery_name(node: &VirtualNode) -> Option<String> {
    match node.discovery.as_ref()? {
        // Neither SNI nor certificates have the root dot, which a resolver takes.
        Discovery::Dns(dns) => {
            Some(dns.hostname.strip_suffix('.').unwrap_or(&dns.hostname).to_owned())
        }
        Discovery::Registry(registry) => {
            Some(format!("{}.{}", registry.service, registry.namespace))
        }
        Discovery::Static(_) => None,
    }
}

/// The names of which a client accepts any in the certificate of a node: those of its policy, else
/// the discovery name, or the addresses of a node that has fixed ones.
pub fn expected_names(policy: &ClientTls, node: &VirtualNode) -> Vec<String> {
    let given = &policy.validation.subject_alternative_names;
    match &node.discovery {
        _ if !given.is_empty() => given.clone(),
        Some(Discovery::Static(addresses)) => addresses.iter().map(ToString::to_string).collect(),
        Some(Discovery::Dns(_) | Discovery::Registry(_)) | None => {
            discovery_name(node).into_iter().collect()
        }
    }
}

/// Which kind of a certificate's names an expected name is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameKind {
    /// URIs, as they are.
    Uri,
    /// Addresses, in the form that they are written in.
    Address,
    /// DNS names, in any case, with wildcards.
    Dns,
}

impl NameKind {
    /// The kind of a name that a policy expects.
    pub fn of(name: &str) -> Self {
        if name.contains("://") {
            Self::Uri
        } else if name.parse::<IpAddr>().is_ok() {
            Self::Address
        } else {
            Self::Dns
        }
    }
}

/// The policy by which the proxy of an entry calls: a backend's own replaces the default whole.
pub(super) fn policy<'m>(mesh: &'m Mesh, entry: &Entry<'m>) -> Option<&'m ClientTls> {
    let chosen = match entry.door {
        Door::Captured { node, backend, .. } | Door::Bound { node, backend, .. } => {
            let node = mesh.nodes.get(node)?;
            node.client_policy(node.backends.get(backend)?)
        }
        Door::Gateway { gateway, .. } => gateway.backend_defaults.client_policy.as_ref(),
    };
    chosen.and_then(|policy| policy.tls.as_ref())
}

/// The TLS by which a node calls a backend.
pub fn tls_of<'m>(node: &'m VirtualNode, backend: &'m Backend) -> Option<&'m ClientTls> {
    node.client_policy(backend).and_then(|policy| policy.tls.as_ref())
}

/// The TLS of a client policy, if it holds for this port of the server.
pub fn on_port(policy: Option<&ClientTls>, port: Port) -> Option<&ClientTls> {
    policy.filter(|policy| policy.ports.is_empty() || policy.ports.contains(&port))
}
