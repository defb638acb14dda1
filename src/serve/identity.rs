//! Who a peer is: by its certificate, its token, or being on this host. Never by what it says.

use super::certificates::unix;
use super::revoked::Revoked;
use crate::envoy::ProxyId;
use rustls::pki_types::CertificateDer;
use std::fmt;
use std::net::SocketAddr;
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
    /// Its certificate was shut out.
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
            Self::Revoked => "the client certificate counts no longer: join again",
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
/// and App Mesh's `virtualNode`, `virtualGateway`): who has one is that proxy and no other.
#[derive(Clone, Debug)]
pub struct Spiffe {
    /// The trust domain; certificates of another are nobody's.
    pub trust_domain: String,
    /// Certificates that count no longer.
    pub revoked: Arc<Revoked>,
}

impl Spiffe {
    /// The proxy that a certificate of its authority is of.
    ///
    /// # Errors
    /// Why it is of none.
    pub(super) fn proxy(&self, leaf: &CertificateDer<'_>) -> Result<NodeId, Unknown> {
        let uri = self.uri(leaf)?;
        let own = path_in(&uri, &self.trust_domain).and_then(parse_node_id);
        own.filter(|own| own.instance.is_none()).ok_or(Unknown::NoSpiffe)
    }

    fn uri(&self, leaf: &CertificateDer<'_>) -> Result<String, Unknown> {
        let found = leaf_of(leaf, SystemTime::now())?;
        if path_in(&found.uri, &self.trust_domain).is_none() {
            return Err(Unknown::NoSpiffe);
        }
        match self.revoked.refuses(&found.uri, found.since) {
            true => Err(Unknown::Revoked),
            false => Ok(found.uri),
        }
    }
}

/// Whether a SPIFFE URI is that of a proxy, of whatever trust domain.
pub(super) fn is_proxy(uri: &str) -> bool {
    let path = uri.strip_prefix("spiffe://").and_then(|rest| rest.split_once('/'));
    path.is_some_and(|(_, path)| path.starts_with("mesh/"))
}

impl Identify for Spiffe {
    fn identify(&self, credentials: &Credentials) -> Result<Identity, Unknown> {
        let leaf = credentials.certificates.first().ok_or(Unknown::Nothing)?;
        self.uri(leaf).map(Identity::Spiffe)
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

/// What counts of a certificate; times are in seconds since 1970.
struct Leaf {
    uri: String,
    since: i64,
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
            since: validity.not_before.timestamp(),
            until: validity.not_after.timestamp(),
        }),
        _ => Err(Unknown::NoSpiffe),
    }
}

fn path_in<'a>(uri: &'a str, trust_domain: &str) -> Option<&'a str> {
    uri.strip_prefix("spiffe://")?.strip_prefix(trust_domain)?.strip_prefix('/')
}

/// What a node id names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeId {
    /// The mesh.
    pub mesh: String,
    /// The proxy.
    pub proxy: ProxyId,
    /// Which instance of it.
    pub instance: Option<String>,
}

/// Reads `mesh/M/virtual_node/N[/INSTANCE]` and its kin.
pub fn parse_node_id(id: &str) -> Option<NodeId> {
    let mut parts = id.splitn(5, '/');
    if parts.next() != Some("mesh") {
        return None;
    }
    let mesh = parts.next().filter(|mesh| !mesh.is_empty())?;
    let kind = match parts.next()? {
        "virtual_node" | "virtualNode" => "virtual_node",
        "virtual_gateway" | "virtualGateway" => "virtual_gateway",
        _ => return None,
    };
    let proxy = format!("{kind}/{}", parts.next()?).parse().ok()?;
    let instance = match parts.next() {
        Some("") => return None,
        instance => instance.map(str::to_owned),
    };
    Some(NodeId { mesh: mesh.to_owned(), proxy, instance })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn node_ids_are_read_in_both_spellings() {
        let read = |id| parse_node_id(id).map(|id| (id.mesh, id.proxy.to_string(), id.instance));
        let cart = |instance: Option<&str>| {
            Some(("shop".to_owned(), "virtual_node/cart".to_owned(), instance.map(str::to_owned)))
        };
        assert_eq!(read("mesh/shop/virtual_node/cart"), cart(None));
        assert_eq!(read("mesh/shop/virtualNode/cart/a/b"), cart(Some("a/b")));
        for bad in [
            "",
            "mesh",
            "mesh/shop",
            "mesh//virtual_node/cart",
            "mesh/shop/virtual_node/",
            "mesh/shop/virtual_node",
            "mesh/shop/pod/cart",
            "mesh/shop/virtual_node/cart/",
            "nets/shop/virtual_node/cart",
            "mesh/shop/virtual_node/ca rt",
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_certificate_is_one_proxy_of_one_trust_domain() {
        let spiffe = Spiffe { trust_domain: "shop.example".to_owned(), revoked: Arc::default() };
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
