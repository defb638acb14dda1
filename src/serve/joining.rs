//! How a proxy gets its certificate: a join token for the first, the certificate itself for the next.
//!
//! The server signs only when it was given an authority with its key ([`Authority`]); without one
//! certificates come from elsewhere, SPIRE for example. The key is read when something is signed, and
//! not held.

use super::certificates::{self, rfc3339, unix};
use crate::envoy::ProxyId;
use crate::live::private;
use crate::live::server::joining::IdentityDocument;
use rcgen::{
    CertificateSigningRequestParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType, SerialNumber,
};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Whether a text says which proxies may join: the address of one, or its beginning and `*`.
pub(super) fn is_pattern(text: &str) -> bool {
    let whole = text.replacen('*', "x", 1);
    whole.parse::<ProxyId>().is_ok() && text.find('*').is_none_or(|at| at + 1 == text.len())
}

/// What signs the certificates of proxies.
#[derive(Clone, Debug)]
pub struct Authority {
    /// Its certificate, as a PEM file.
    pub certificate: PathBuf,
    /// Its key, as a PEM file.
    pub key: PathBuf,
    /// The trust domain of what it signs.
    pub trust_domain: String,
    /// How long what it signs is valid.
    pub life: Duration,
    /// A PEM file with the authorities of xDS's own certificate, which proxies are given.
    pub servers: PathBuf,
}

/// Why nothing was signed.
#[derive(Debug)]
pub(super) enum NotSigned {
    /// What was asked for is none.
    Request(String),
    /// The authority of the server.
    Authority(String),
}

impl Authority {
    /// The identity of a proxy.
    pub(super) fn uri(&self, mesh: &str, proxy: &ProxyId) -> String {
        format!("spiffe://{}/mesh/{mesh}/{proxy}", self.trust_domain)
    }

    /// Whether it can sign.
    pub(super) fn check(&self) -> Result<(), String> {
        self.issuer().map(|_| ())
    }

    fn issuer(&self) -> Result<(String, Issuer<'static, KeyPair>), String> {
        let read = |path: &Path| {
            fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
        };
        let chain = read(&self.certificate)?;
        private::is_owners(&self.key)?;
        // What the error says is of the text, which is a key.
        let key = KeyPair::from_pem(&read(&self.key)?)
            .map_err(|_| format!("{} holds no key", self.key.display()))?;
        let issuer = Issuer::from_ca_cert_pem(&chain, key)
            .map_err(|error| format!("{}: {error}", self.certificate.display()))?;
        Ok((chain, issuer))
    }

    /// Signs a request for one identity, with this serial number. Of the request nothing counts but
    /// its key.
    pub(super) fn sign(
        &self,
        request: &str,
        mesh: &str,
        proxy: &ProxyId,
        serial: &[u8],
    ) -> Result<IdentityDocument, NotSigned> {
        let mut request = CertificateSigningRequestParams::from_pem(request)
            .map_err(|error| NotSigned::Request(format!("this is no signing request: {error}")))?;
        let own = |why: String| NotSigned::Authority(why);
        let (chain, issuer) = self.issuer().map_err(own)?;
        let now = unix(SystemTime::now());
        let life = i64::try_from(self.life.as_secs()).unwrap_or(i64::MAX);
        let until =
            certificates::until(chain.as_bytes()).unwrap_or(0).min(now.saturating_add(life));
        if until <= now {
            return Err(own("the certificate of the authority is not valid any more".to_owned()));
        }
        let uri = self.uri(mesh, proxy);
        let name = uri.try_into().map_err(|_| own("the trust domain is no name".to_owned()))?;
        let mut params = rcgen::CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.subject_alt_names = vec![SanType::URI(name)];
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.use_authority_key_identifier_extension = true;
        params.serial_number = Some(SerialNumber::from_slice(serial));
        let epoch = rcgen::date_time_ymd(1970, 1, 1);
        let at = |unix: i64| epoch + Duration::from_secs(u64::try_from(unix).unwrap_or_default());
        (params.not_before, params.not_after) = (at(now), at(until));
        request.params = params;
        let signed = request.signed_by(&issuer).map_err(|error| own(error.to_string()))?;
        let servers = fs::read_to_string(&self.servers)
            .map_err(|error| own(format!("{}: {error}", self.servers.display())))?;
        Ok(IdentityDocument {
            certificate: format!("{}{chain}", signed.pem()),
            authorities: servers,
            until: rfc3339(until),
        })
    }
}
