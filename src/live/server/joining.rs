//! What proxies and a control plane say to each other about certificates, and how a client asks.

use super::Server;
use crate::envoy::ProxyId;
use crate::live::Error;
use crate::model::MeshName;
use serde::{Deserialize, Serialize};

/// How long a join token counts unless it is said, in seconds.
pub const JOIN_LIFE: u64 = 600;

/// What a join token is to be good for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JoinTokenRequest {
    /// Which proxy may join with it: `virtual_node/cart`, or `virtual_node/cart-*`.
    pub proxies: String,
    /// How long it counts, in seconds; 1 to 86,400.
    #[serde(default = "join_life")]
    pub life_s: u64,
}

fn join_life() -> u64 {
    JOIN_LIFE
}

/// A join token, told once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JoinTokenDocument {
    /// Its name in the audit log.
    pub id: String,
    /// The secret.
    pub token: String,
    /// Of which mesh.
    pub mesh: MeshName,
    /// Which proxy may join.
    pub proxies: String,
    /// Until when it counts, in RFC 3339.
    pub until: String,
}

/// A join token that nobody has used, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldDocument {
    /// Its name in the audit log.
    pub id: String,
    /// Which proxy may join.
    pub proxies: String,
    /// Until when it counts, in RFC 3339.
    pub until: String,
    /// The operator who made it.
    pub by: String,
}

/// The join tokens of a mesh that still count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JoinTokensDocument {
    /// Ordered by their ids.
    pub tokens: Vec<HeldDocument>,
}

/// A request for the first certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JoinRequest {
    /// Who wants to join.
    pub proxy: ProxyId,
    /// A signing request (PKCS #10) as PEM. Of it only the key counts.
    pub request: String,
}

/// A request for the next certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RenewRequest {
    /// A signing request (PKCS #10) as PEM. Of it only the key counts.
    pub request: String,
}

/// A certificate that was issued.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdentityDocument {
    /// It, and its authority's, as PEM.
    pub certificate: String,
    /// The authorities of the xDS server's certificate, as PEM.
    pub authorities: String,
    /// Until when it is valid, in RFC 3339.
    pub until: String,
}

/// An operator is valid for its whole life again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RenewedDocument {
    /// Until when, in RFC 3339; absent: it does not expire.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
}

/// Something was done about which there is nothing to tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DoneDocument {}

impl Server {
    /// Has a join token made.
    pub fn join_token(&self, request: &JoinTokenRequest) -> Result<JoinTokenDocument, Error> {
        self.client.post(&self.path("/join-tokens"), request)
    }

    /// The join tokens that nobody has used.
    pub fn join_tokens(&self) -> Result<JoinTokensDocument, Error> {
        self.client.get(&self.path("/join-tokens"))
    }

    /// Takes a join token away.
    pub fn remove_join_token(&self, id: &str) -> Result<(), Error> {
        self.client.delete::<DoneDocument>(&self.path(&format!("/join-tokens/{id}"))).map(|_| ())
    }

    /// Trades a join token, which this client was given as its token, for a certificate.
    pub fn join(&self, request: &JoinRequest) -> Result<IdentityDocument, Error> {
        self.client.post("/v1/join", request)
    }

    /// Trades the certificate that this client appears with for the next one.
    pub fn renew(&self, request: &RenewRequest) -> Result<IdentityDocument, Error> {
        self.client.post("/v1/renew", request)
    }

    /// Has certificates of other authorities accepted for a revoked proxy again.
    pub fn allow(&self, proxy: &ProxyId) -> Result<(), Error> {
        let path = self.path(&format!("/proxies/{proxy}/allow"));
        self.client.post::<DoneDocument>(&path, &DoneDocument {}).map(|_| ())
    }

    /// Has every certificate of a proxy rejected that exists now.
    pub fn revoke(&self, proxy: &ProxyId) -> Result<(), Error> {
        let path = self.path(&format!("/proxies/{proxy}/revoke"));
        self.client.post::<DoneDocument>(&path, &DoneDocument {}).map(|_| ())
    }
}
