//! TLS: certificates and trust are references, never values.

use super::Port;
use serde::{Deserialize, Serialize};

/// What a listener demands of those who connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TlsMode {
    /// TLS only.
    Strict,
    /// TLS and plain text.
    Permissive,
    /// Plain text only.
    Disabled,
}

impl TlsMode {
    /// The word in files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Strict => "strict",
            Self::Permissive => "permissive",
            Self::Disabled => "disabled",
        }
    }
}

/// TLS of a listener of a node or gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListenerTls {
    /// What it demands.
    pub mode: TlsMode,
    /// What it shows.
    pub certificate: Certificate,
    /// What it asks of client certificates; unset asks for none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation: Option<ListenerValidation>,
}

impl ListenerTls {
    /// Whether TLS is offered at all.
    pub fn is_on(&self) -> bool {
        self.mode != TlsMode::Disabled
    }
}

/// Where a certificate and its key come from. Listeners only may name an ACM certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Certificate {
    /// Two files on the proxy's host.
    File(FileCertificate),
    /// A secret that the proxy's SDS server knows by this name.
    Sds(String),
    /// The ARN of an ACM certificate: AWS only, so the project must map it to one of the others.
    Acm(String),
    /// An ACM certificate with what the project maps it to.
    Mapped(MappedCertificate),
}

impl Certificate {
    /// What proxies show: of a mapped ACM certificate what it is mapped to.
    pub fn shown(&self) -> &Self {
        match self {
            Self::Mapped(MappedCertificate { acm: _, to }) => to,
            Self::File(_) | Self::Sds(_) | Self::Acm(_) => self,
        }
    }

    /// Its files, if it is shown from files.
    pub fn file(&self) -> Option<&FileCertificate> {
        match self.shown() {
            Self::File(file) => Some(file),
            Self::Sds(_) | Self::Acm(_) | Self::Mapped(_) => None,
        }
    }
}

/// An ACM certificate, and what `certificates` of meshctl.toml maps it to. It is a part of the
/// model, so that another mapping is a change of what uses it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MappedCertificate {
    /// The ARN.
    pub acm: String,
    /// Files or a secret; never itself ACM.
    pub to: Box<Certificate>,
}

/// A certificate chain and its private key as files on the proxy's host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileCertificate {
    /// Path of the PEM chain, leaf first.
    pub chain: String,
    /// Path of the PEM private key.
    pub key: String,
}

/// Which certificates of the other side are believed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trust {
    /// Path of a PEM bundle of authorities on the proxy's host.
    File(String),
    /// A validation context that the proxy's SDS server knows by this name.
    Sds(String),
    /// ARNs of ACM authorities: AWS only, so the project must map them to one of the others.
    Acm(Vec<String>),
    /// ACM authorities with what the project maps them to.
    Mapped(MappedTrust),
}

impl Trust {
    /// What proxies believe: of mapped ACM authorities what they are mapped to.
    pub fn believed(&self) -> &Self {
        match self {
            Self::Mapped(MappedTrust { acm: _, to }) => to,
            Self::File(_) | Self::Sds(_) | Self::Acm(_) => self,
        }
    }

    /// The path of its bundle, if it is a file.
    pub fn file(&self) -> Option<&str> {
        match self.believed() {
            Self::File(path) => Some(path),
            Self::Sds(_) | Self::Acm(_) | Self::Mapped(_) => None,
        }
    }
}

/// ACM authorities, and what `authorities` of meshctl.toml maps them to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MappedTrust {
    /// The ARNs.
    pub acm: Vec<String>,
    /// A bundle; never itself ACM.
    pub to: Box<Trust>,
}

/// What a listener asks of client certificates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListenerValidation {
    /// Which authorities are believed.
    pub trust: Trust,
    /// One of these names must be in the certificate; empty accepts any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subject_alternative_names: Vec<String>,
}

/// How a node or gateway calls its backends.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientPolicy {
    /// TLS toward the backend.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<ClientTls>,
}

/// TLS toward a backend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientTls {
    /// Refuse to talk without TLS. App Mesh's default: true.
    #[serde(default = "yes", skip_serializing_if = "is_true")]
    pub enforce: bool,
    /// The ports that the policy is for; empty is all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<Port>,
    /// The client certificate, for servers that ask for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<Certificate>,
    /// What is asked of the server's certificate.
    pub validation: ClientValidation,
}

/// What a client asks of a server's certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientValidation {
    /// Which authorities are believed.
    pub trust: Trust,
    /// One of these names must be in the certificate; empty: the server's discovery name must.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subject_alternative_names: Vec<String>,
}

fn yes() -> bool {
    true
}

fn is_true(value: &bool) -> bool {
    *value
}
