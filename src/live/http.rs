//! The HTTP client of what asks proxies and control planes.

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Whom to trust, and as whom to appear.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Trust {
    /// A PEM file of authorities; without it none is trusted.
    pub(super) ca: Option<PathBuf>,
    /// PEM files of the own certificate and key.
    pub(super) identity: Option<(PathBuf, PathBuf)>,
}

/// A client that goes where it is told to, past no proxy of the environment, and trusts no
/// certificate authority: what it asks over TLS must be given its own.
pub(super) fn builder() -> reqwest::ClientBuilder {
    trusting(&Trust::default()).expect("invariant: no file is read for this")
}

/// A client that trusts the authorities of a file, and nobody else.
pub(super) fn trusting(trust: &Trust) -> Result<reqwest::ClientBuilder, String> {
    let mut roots = RootCertStore::empty();
    if let Some(path) = &trust.ca {
        for certificate in certificates(path)? {
            roots.add(certificate).map_err(|why| format!("{}: {why}", path.display()))?;
        }
    }
    let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("invariant: ring has the ciphers of TLS 1.2 and 1.3")
        .with_root_certificates(roots);
    let tls = match &trust.identity {
        None => tls.with_no_client_auth(),
        Some((chain, key)) => {
            let secret = PrivateKeyDer::from_pem_file(key)
                .map_err(|why| format!("{} holds no key: {why}", key.display()))?;
            tls.with_client_auth_cert(certificates(chain)?, secret)
                .map_err(|why| format!("{}: {why}", chain.display()))?
        }
    };
    Ok(reqwest::Client::builder().no_proxy().tls_backend_preconfigured(tls))
}

/// The body of an answer; `None`: it has more than so many bytes, and the rest was not read.
pub(super) async fn body(
    mut answer: reqwest::Response,
    most: usize,
) -> Result<Option<Vec<u8>>, reqwest::Error> {
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        if bytes.len() + chunk.len() > most {
            return Ok(None);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(Some(bytes))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let failed = |why| format!("{} holds no certificates: {why}", path.display());
    let found: Vec<_> = CertificateDer::pem_file_iter(path)
        .map_err(failed)?
        .collect::<Result<_, _>>()
        .map_err(failed)?;
    match found.is_empty() {
        true => Err(format!("{} holds no certificates", path.display())),
        false => Ok(found),
    }
}
