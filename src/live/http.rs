//! The HTTP client of what asks proxies and control planes.

use rustls::{ClientConfig, RootCertStore, crypto::ring};
use std::sync::Arc;

/// A client that goes where it is told to, past no proxy of the environment, and trusts no
/// certificate authority: what it asks over TLS must be given its own.
pub(super) fn builder() -> reqwest::ClientBuilder {
    let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("invariant: ring has the ciphers of TLS 1.2 and 1.3")
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    reqwest::Client::builder().no_proxy().tls_backend_preconfigured(tls)
}
