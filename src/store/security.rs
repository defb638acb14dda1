//! Who may do what at a control plane, as the store keeps it: operators, join tokens that were not
//! used, and what was revoked.

use crate::envoy::ProxyId;
use crate::model::MeshName;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// What an operator may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Read.
    Read,
    /// Read and change.
    Write,
    /// Register instances of services, and nothing else.
    Register,
}

impl Role {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Register => "register",
        }
    }

    /// Whether this role includes another.
    pub const fn covers(self, asked: Self) -> bool {
        matches!(
            (self, asked),
            (Self::Write, _) | (Self::Read, Self::Read) | (Self::Register, Self::Register)
        )
    }
}

/// Where an operator may do what its role says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scope {
    /// In these meshes; `None`: in all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meshes: Option<BTreeSet<MeshName>>,
    /// Registering in these services; `None`: in all. It bounds the role `register` alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub services: Option<BTreeSet<ServiceScope>>,
}

/// Services of the registry.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceScope {
    /// Of this namespace.
    pub namespace: String,
    /// This one; `None`: all of the namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
}

impl Scope {
    /// Whether it is all of the server.
    pub const fn is_all(&self) -> bool {
        self.meshes.is_none()
    }

    /// Whether a mesh is in it.
    pub fn has_mesh(&self, mesh: &str) -> bool {
        self.meshes.as_ref().is_none_or(|meshes| meshes.contains(mesh))
    }

    /// Whether a service of a mesh that is in it is in it, too.
    pub fn has_service(&self, namespace: &str, service: &str) -> bool {
        let fits = |one: &ServiceScope| {
            one.namespace == namespace && one.service.as_ref().is_none_or(|own| own == service)
        };
        self.services.as_ref().is_none_or(|services| services.iter().any(fits))
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.meshes {
            None => f.write_str("mesh *")?,
            Some(meshes) => {
                let names: Vec<&str> = meshes.iter().map(MeshName::as_str).collect();
                write!(f, "mesh {}", names.join(","))?;
            }
        }
        let Some(services) = &self.services else { return Ok(()) };
        let one = |one: &ServiceScope| {
            format!("{}/{}", one.namespace, one.service.as_deref().unwrap_or("*"))
        };
        write!(f, " service {}", services.iter().map(one).collect::<Vec<_>>().join(","))
    }
}

/// A known operator: who has a secret, or a certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Operator {
    /// What it may do.
    pub role: Role,
    /// The SHA-256 of the secret, in hex: the secret itself is not kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// The SPIFFE URI of the certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
    /// When it was made, in RFC 3339.
    pub created: String,
    /// Where it may do that.
    #[serde(default)]
    pub scope: Scope,
    /// When it expires, in seconds since 1970; `None`: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<i64>,
    /// For how many seconds it is valid from when it was made or renewed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub life_s: Option<u64>,
}

impl Operator {
    /// Whether it has expired at a time, in seconds since 1970.
    pub fn is_expired(&self, now: i64) -> bool {
        self.until.is_some_and(|until| until <= now)
    }
}

/// A join token that was not used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JoinToken {
    /// Of which mesh the proxy may be.
    pub mesh: MeshName,
    /// Which proxy it may be: `virtual_node/cart`, or `virtual_node/cart-*`.
    pub proxies: String,
    /// The SHA-256 of the secret, in hex: the secret itself is not kept.
    pub sha256: String,
    /// When it expires, in seconds since 1970.
    pub until: i64,
    /// Who made it.
    pub by: String,
    /// The newest generation of any proxy when it was made: it is rejected for a proxy that was
    /// revoked later.
    #[serde(default)]
    pub generation: u64,
}

impl JoinToken {
    /// Whether a proxy may join with it.
    pub fn fits(&self, proxy: &ProxyId) -> bool {
        let proxy = proxy.to_string();
        match self.proxies.strip_suffix('*') {
            Some(start) => proxy.starts_with(start),
            None => proxy == self.proxies,
        }
    }
}

/// What was revoked of one proxy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Standing {
    /// Certificates that this server issued count if they are of this generation. It only rises: a
    /// revocation gives the proxy a number that no proxy had before.
    pub generation: u64,
    /// Whether certificates of the proxy that this server did not issue are rejected.
    pub denied: bool,
}

/// A mesh and a proxy in it.
pub type ProxyKey = (String, ProxyId);

/// All of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Security {
    /// By name.
    pub operators: BTreeMap<String, Operator>,
    /// By id.
    pub join_tokens: BTreeMap<String, JoinToken>,
    /// The proxies that were revoked at least once.
    pub proxies: BTreeMap<ProxyKey, Standing>,
    /// Whether there ever was an operator. Where all were removed, none is made by a start.
    pub begun: bool,
}

/// One change of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// An operator; `None` removes it.
    Operator(String, Option<Operator>),
    /// A join token; `None` removes it.
    JoinToken(String, Option<JoinToken>),
    /// What was revoked of a proxy. A generation that is lower than the one that is there is not
    /// written.
    Proxy(ProxyKey, Standing),
}

impl Security {
    /// Makes a change in memory.
    pub fn apply(&mut self, change: Change) {
        match change {
            Change::Operator(name, Some(operator)) => {
                self.begun = true;
                self.operators.insert(name, operator);
            }
            Change::Operator(name, None) => {
                self.operators.remove(&name);
            }
            Change::JoinToken(id, Some(token)) => {
                self.join_tokens.insert(id, token);
            }
            Change::JoinToken(id, None) => {
                self.join_tokens.remove(&id);
            }
            Change::Proxy(key, standing) => {
                let known = self.proxies.entry(key).or_default();
                if standing.generation >= known.generation {
                    *known = standing;
                }
            }
        }
    }

    /// The newest generation of any proxy.
    pub fn generation(&self) -> u64 {
        self.proxies.values().map(|standing| standing.generation).max().unwrap_or_default()
    }

    /// What was revoked of a proxy.
    pub fn standing(&self, key: &ProxyKey) -> Standing {
        self.proxies.get(key).copied().unwrap_or_default()
    }
}
