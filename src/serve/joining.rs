//! How a proxy gets its certificate: a join token for the first, the certificate itself for the next.
//!
//! The server signs only when it was given an authority with its key ([`Authority`]); without one
//! certificates come from elsewhere, SPIRE for example. The key is read when something is signed, and
//! not held.

use super::admin::access::{hash, random};
use super::certificates::{self, rfc3339, unix};
use super::kept;
use crate::envoy::ProxyId;
use crate::live::server::joining::IdentityDocument;
use crate::model::MeshName;
use rcgen::{
    CertificateSigningRequestParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType, SerialNumber,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

/// What every join token begins with.
const PREFIX: &str = "meshctl_join_";
/// Join tokens that may be there at once.
const MOST: usize = 10_000;

/// A join token, as the server remembers it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Held {
    /// Of which mesh the proxy may be.
    pub(super) mesh: MeshName,
    /// Which proxy it may be: `virtual_node/cart`, or `virtual_node/cart-*`.
    pub(super) proxies: String,
    /// The SHA-256 of the secret, in hex: the secret itself is kept nowhere.
    sha256: String,
    /// Until when, in seconds since 1970.
    pub(super) until: i64,
    /// Who made it.
    pub(super) by: String,
}

impl Held {
    /// Whether a proxy may be this one.
    pub(super) fn fits(&self, proxy: &ProxyId) -> bool {
        let proxy = proxy.to_string();
        match self.proxies.strip_suffix('*') {
            Some(start) => proxy.starts_with(start),
            None => proxy == self.proxies,
        }
    }
}

/// Whether a text says which proxies may join: the address of one, or its beginning and `*`.
pub(super) fn is_pattern(text: &str) -> bool {
    let whole = text.replacen('*', "x", 1);
    whole.parse::<ProxyId>().is_ok() && text.find('*').is_none_or(|at| at + 1 == text.len())
}

/// The join tokens that were made and not used: `DIR/join-tokens.json`.
#[derive(Debug)]
pub(super) struct JoinTokens {
    path: PathBuf,
    held: Mutex<BTreeMap<String, Held>>,
}

impl JoinTokens {
    /// Those of a server's folder.
    pub(super) fn of(folder: &Path) -> io::Result<Self> {
        let path = folder.join("join-tokens.json");
        let held = kept::read_if_there(&path)?;
        Ok(Self { path, held: Mutex::new(held) })
    }

    /// Makes one, and gives its id, its secret, which is told only here, and until when it counts.
    pub(super) fn make(
        &self,
        mesh: &MeshName,
        proxies: &str,
        life: Duration,
        by: &str,
    ) -> io::Result<(String, String, i64)> {
        let (id, secret) = (random(6)?, format!("{PREFIX}{}", random(24)?));
        let now = SystemTime::now();
        let until = unix(now + life);
        let token = Held {
            mesh: mesh.clone(),
            proxies: proxies.to_owned(),
            sha256: hash(&secret),
            until,
            by: by.to_owned(),
        };
        self.change(|held| {
            held.retain(|_, token| token.until > unix(now));
            if held.len() >= MOST {
                return Err(io::Error::other(
                    "there are too many join tokens that nobody has used",
                ));
            }
            held.insert(id.clone(), token);
            Ok(())
        })?;
        Ok((id, secret, until))
    }

    /// The token with this secret, if it still counts.
    pub(super) fn find(&self, secret: &str) -> Option<(String, Held)> {
        let hash = hash(secret);
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        // Hashes are compared: how long it takes tells nothing about the secret.
        let (id, token) = held.iter().find(|(_, token)| token.sha256 == hash)?;
        (token.until > unix(SystemTime::now())).then(|| (id.clone(), token.clone()))
    }

    /// Those of a mesh that still count, by their ids.
    pub(super) fn of_mesh(&self, mesh: &MeshName) -> Vec<(String, Held)> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let now = unix(SystemTime::now());
        let own = held.iter().filter(|(_, token)| token.mesh == *mesh && token.until > now);
        own.map(|(id, token)| (id.clone(), token.clone())).collect()
    }

    /// Takes one of a mesh away that nobody has used; gives it back if it was there.
    pub(super) fn remove(&self, mesh: &MeshName, id: &str) -> io::Result<Option<Held>> {
        self.change(|held| match held.get(id) {
            Some(token) if token.mesh == *mesh => Ok(held.remove(id)),
            _ => Ok(None),
        })
    }

    /// Uses one up. Says whether it was still there: of all who try at once, one gets it.
    pub(super) fn take(&self, id: &str) -> io::Result<bool> {
        self.change(|held| Ok(held.remove(id).is_some()))
    }

    /// Changes what is held; it is on disk when this returns.
    fn change<T>(
        &self,
        change: impl FnOnce(&mut BTreeMap<String, Held>) -> io::Result<T>,
    ) -> io::Result<T> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let mut next = held.clone();
        let result = change(&mut next)?;
        kept::replace(&self.path, &next)?;
        *held = next;
        Ok(result)
    }
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
        // What the error says is of the text, which is a key.
        let key = KeyPair::from_pem(&read(&self.key)?)
            .map_err(|_| format!("{} holds no key", self.key.display()))?;
        let issuer = Issuer::from_ca_cert_pem(&chain, key)
            .map_err(|error| format!("{}: {error}", self.certificate.display()))?;
        Ok((chain, issuer))
    }

    /// Signs a request for one identity. Of the request nothing counts but its key.
    pub(super) fn sign(
        &self,
        request: &str,
        mesh: &str,
        proxy: &ProxyId,
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
        let serial = random(16).map_err(|error| own(error.to_string()))?;
        params.serial_number = Some(SerialNumber::from_slice(&serial.as_bytes()[..20]));
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
