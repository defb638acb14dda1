//! Who a peer is: by its certificate, its token, or being on this host. Never by what it says.

use super::certificates::{lead_to, unix};
use super::security::{Issued, Security};
use crate::envoy::ProxyId;
pub use crate::envoy::{NodeId, parse_node_id};
use crate::store::security::{ProxyKey, Scope};
use rustls::pki_types::CertificateDer;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// Who a peer is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Identity {
    /// The SPIFFE URI of its certificate.
    Spiffe(String),
    /// The id of its token; never the token itself.
    Token(String),
    /// An operator, by the token of the admin API. It is never a proxy.
    Operator(String),
    /// A program on this host, where the server allows all of them.
    Loopback,
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Spiffe(uri) => f.write_str(uri),
            Self::Token(id) => write!(f, "token {id}"),
            Self::Operator(name) => write!(f, "operator {name}"),
            Self::Loopback => f.write_str("loopback"),
        }
    }
}

/// What a peer shows. The certificates were checked by TLS against the server's authorities.
#[derive(Clone)]
pub struct Credentials {
    /// Its certificate, and those that lead to an authority.
    pub certificates: Vec<CertificateDer<'static>>,
    /// The bearer token of the request.
    pub token: Option<String>,
    /// Where it connects from.
    pub peer: SocketAddr,
}

/// Without what is secret.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("certificates", &self.certificates.len())
            .field("token", &self.token.is_some())
            .field("peer", &self.peer)
            .finish()
    }
}

/// Why a peer is nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// It shows nothing.
    Nothing,
    /// Its certificate has no SPIFFE URI, or several.
    NoSpiffe,
    /// Its certificate is not valid now.
    NotValid,
    /// Its certificate was revoked.
    Revoked,
    /// Its token is not one of ours, or not any more.
    Token,
    /// It is not on this host.
    NotLoopback,
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nothing => "a client certificate or a token is needed",
            Self::NoSpiffe => "the client certificate must have exactly one SPIFFE URI",
            Self::NotValid => "the client certificate is not valid at this time",
            Self::Revoked => {
                "the client certificate was revoked: join again, or have the proxy allowed"
            }
            Self::Token => "the token is not valid",
            Self::NotLoopback => "only programs on this host are served without a credential",
        })
    }
}

impl std::error::Error for Unknown {}

/// Says who peers are, and which proxies they may be.
pub trait Identify: Send + Sync {
    /// Who a peer is. Asked when a stream opens, and again while it lives.
    ///
    /// # Errors
    /// Why it is nobody.
    fn identify(&self, credentials: &Credentials) -> Result<Identity, Unknown>;

    /// Whether an identity may take the configuration of a proxy.
    fn may_be(&self, identity: &Identity, mesh: &str, proxy: &ProxyId) -> bool;

    /// What of the server an operator may see; `None`: it is none.
    fn scope(&self, _credentials: &Credentials) -> Option<Scope> {
        None
    }

    /// When what a peer shows ends to count by itself; `None`: never.
    fn until(&self, _credentials: &Credentials) -> Option<SystemTime> {
        None
    }
}

/// Everybody on this host may be any proxy: for a server that listens on loopback alone.
#[derive(Clone, Copy, Debug, Default)]
pub struct Loopback;

impl Identify for Loopback {
    fn identify(&self, credentials: &Credentials) -> Result<Identity, Unknown> {
        match credentials.peer.ip().is_loopback() {
            true => Ok(Identity::Loopback),
            false => Err(Unknown::NotLoopback),
        }
    }

    fn may_be(&self, identity: &Identity, _mesh: &str, _proxy: &ProxyId) -> bool {
        *identity == Identity::Loopback
    }
}

/// The identity of certificates `spiffe://DOMAIN/mesh/M/virtual_node/N` (or `virtual_gateway/G`,
/// and App Mesh's `virtualNode`, `virtualGateway`): who has one is that proxy and no other. In
/// whichever spelling it comes, the identity is told in one.
#[derive(Clone, Debug)]
pub struct Spiffe {
    /// The trust domain; certificates of another are nobody's.
    pub trust_domain: String,
    /// What was revoked.
    pub security: Arc<Security>,
    /// The certificate of the server's own authority, as a PEM file.
    pub own: Option<PathBuf>,
}

/// A proxy that a certificate proves.
#[derive(Clone, Debug)]
pub(super) struct Proven {
    /// Its mesh, and which of it.
    pub(super) key: ProxyKey,
    /// The generation of the certificate.
    pub(super) generation: u64,
}

impl Spiffe {
    /// The proxy that a certificate is of.
    ///
    /// # Errors
    /// Why it is of none.
    pub(super) fn proxy(&self, chain: &[CertificateDer<'static>]) -> Result<Proven, Unknown> {
        self.prove(chain)?.1.ok_or(Unknown::NoSpiffe)
    }

    /// The identity of a certificate, and which proxy it is, if it is one.
    fn prove(
        &self,
        chain: &[CertificateDer<'static>],
    ) -> Result<(String, Option<Proven>), Unknown> {
        let leaf = leaf_of(chain.first().ok_or(Unknown::Nothing)?, SystemTime::now())?;
        let Some(path) = path_in(&leaf.uri, &self.trust_domain) else {
            return Err(Unknown::NoSpiffe);
        };
        let Some(id) = parse_node_id(path).filter(|id| id.instance.is_none()) else {
            return Ok((leaf.uri, None));
        };
        let uri = format!("spiffe://{}/mesh/{}/{}", self.trust_domain, id.mesh, id.proxy);
        let key = (id.mesh, id.proxy);
        let own = self.own.as_ref().is_some_and(|own| lead_to(std::slice::from_ref(own), chain));
        let issued = Issued { own, serial: &leaf.serial };
        let generation = self.security.accepts(&key, &issued).ok_or(Unknown::Revoked)?;
        Ok((uri, Some(Proven { key, generation })))
    }
}

/// Whether a SPIFFE URI is that of a proxy, of whatever trust domain.
pub(super) fn is_proxy(uri: &str) -> bool {
    let path = uri.strip_prefix("spiffe://").and_then(|rest| rest.split_once('/'));
    path.is_some_and(|(_, path)| path.starts_with("mesh/"))
}

impl Identify for Spiffe {
    fn identify(&self, credentials: &Credentials) -> Result<Identity, Unknown> {
        self.prove(&credentials.certificates).map(|(uri, _)| Identity::Spiffe(uri))
    }

    fn until(&self, credentials: &Credentials) -> Option<SystemTime> {
        let leaf = leaf_of(credentials.certificates.first()?, SystemTime::now()).ok()?;
        let until = u64::try_from(leaf.until).unwrap_or_default();
        Some(SystemTime::UNIX_EPOCH + Duration::from_secs(until))
    }

    fn may_be(&self, identity: &Identity, mesh: &str, proxy: &ProxyId) -> bool {
        let Identity::Spiffe(uri) = identity else { return false };
        let own = path_in(uri, &self.trust_domain).and_then(parse_node_id);
        own.is_some_and(|own| own.instance.is_none() && own.mesh == mesh && own.proxy == *proxy)
    }
}

/// The one SPIFFE URI of a certificate that is valid at a time.
///
/// # Errors
/// A certificate without one, with several, or not valid then.
pub fn spiffe_uri(certificate: &CertificateDer<'_>, now: SystemTime) -> Result<String, Unknown> {
    leaf_of(certificate, now).map(|leaf| leaf.uri)
}

/// What counts of a certificate; its end is in seconds since 1970.
struct Leaf {
    uri: String,
    serial: Vec<u8>,
    until: i64,
}

fn leaf_of(certificate: &CertificateDer<'_>, now: SystemTime) -> Result<Leaf, Unknown> {
    let (_, parsed) = X509Certificate::from_der(certificate).map_err(|_| Unknown::NoSpiffe)?;
    let now = unix(now);
    let validity = parsed.validity();
    if now < validity.not_before.timestamp() || now > validity.not_after.timestamp() {
        return Err(Unknown::NotValid);
    }
    let names = parsed.subject_alternative_name().map_err(|_| Unknown::NoSpiffe)?;
    let names = names.map(|extension| extension.value.general_names.as_slice()).unwrap_or_default();
    let mut uris = names.iter().filter_map(|name| match name {
        GeneralName::URI(uri) => Some(*uri),
        _ => None,
    });
    match (uris.next(), uris.next()) {
        (Some(uri), None) if uri.starts_with("spiffe://") => Ok(Leaf {
            uri: uri.to_owned(),
            serial: parsed.raw_serial().to_vec(),
            until: validity.not_after.timestamp(),
        }),
        _ => Err(Unknown::NoSpiffe),
    }
}

fn path_in<'a>(uri: &'a str, trust_domain: &str) -> Option<&'a str> {
    uri.strip_prefix("spiffe://")?.strip_prefix(trust_domain)?.strip_prefix('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_credential_only_this_host_is_let_in() {
        let from = |address: &str| {
            let peer = SocketAddr::new(address.parse().expect("an address"), 1);
            Loopback.identify(&Credentials { certificates: Vec::new(), token: None, peer })
        };
        assert_eq!(from("127.0.0.1"), Ok(Identity::Loopback));
        assert_eq!(from("::1"), Ok(Identity::Loopback));
        assert_eq!(from("10.0.0.1"), Err(Unknown::NotLoopback));
        assert_eq!(from("2001:db8::1"), Err(Unknown::NotLoopback));
    }

    #[test]
    fn a_certificate_is_one_proxy_of_one_trust_domain() {
        let trust_domain = "shop.example".to_owned();
        let spiffe = Spiffe { trust_domain, security: Arc::default(), own: None };
        let may = |uri: &str, mesh: &str, proxy: &str| {
            spiffe.may_be(&Identity::Spiffe(uri.to_owned()), mesh, &proxy.parse().expect("a proxy"))
        };
        let own = "spiffe://shop.example/mesh/shop/virtual_node/cart";
        assert!(may(own, "shop", "virtual_node/cart"));
        assert!(!may(own, "shop", "virtual_node/checkout"));
        assert!(!may(own, "shop", "virtual_gateway/cart"));
        assert!(!may(own, "other", "virtual_node/cart"));
        assert!(!may(
            "spiffe://evil.example/mesh/shop/virtual_node/cart",
            "shop",
            "virtual_node/cart"
        ));
        assert!(!may(
            "spiffe://shop.example.evil/mesh/shop/virtual_node/cart",
            "shop",
            "virtual_node/cart"
        ));
        let cart = "virtual_node/cart".parse().expect("a proxy");
        assert!(!spiffe.may_be(&Identity::Loopback, "shop", &cart));
        assert!(!Loopback.may_be(&Identity::Spiffe(own.to_owned()), "shop", &cart));
    }
}
