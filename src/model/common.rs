//! Settings that several kinds of resource share.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Free key-value pairs of a resource.
pub type Tags = BTreeMap<String, String>;

/// Raw Envoy fields that are merged over what meshctl renders: objects merge, all else replaces.
pub type Patch = serde_json::Value;

/// Whether a key of a patch names this field of Envoy's API: JSON may write the name in camelCase.
pub fn is_field(key: &str, field: &str) -> bool {
    let plain = |name: &str| name.replace('_', "").to_ascii_lowercase();
    key == field || plain(key) == plain(field)
}

/// What happens to traffic that the mesh does not define.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EgressFilter {
    /// It is passed through to where it was going.
    AllowAll,
    /// It is refused. App Mesh's default.
    #[default]
    DropAll,
}

/// Which IP versions are used, and which first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IpPreference {
    /// IPv4 if there is one, else IPv6.
    Ipv4Preferred,
    /// IPv6 if there is one, else IPv4.
    Ipv6Preferred,
    /// IPv4 and nothing else.
    Ipv4Only,
    /// IPv6 and nothing else.
    Ipv6Only,
}

impl IpPreference {
    /// The word in files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ipv4Preferred => "ipv4-preferred",
            Self::Ipv6Preferred => "ipv6-preferred",
            Self::Ipv4Only => "ipv4-only",
            Self::Ipv6Only => "ipv6-only",
        }
    }
}

/// How traffic gets from the application into its proxy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Capture {
    /// Packets are redirected to 15000 (in) and 15001 (out); the original destination decides.
    /// App Mesh's way, so the default.
    #[default]
    Redirect,
    /// The application calls local ports that the files name.
    Explicit,
}

impl Capture {
    /// The word in files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Redirect => "redirect",
            Self::Explicit => "explicit",
        }
    }
}

/// Limits of a connection pool. Which of them fit depends on the listener's protocol.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PoolLimits {
    /// Connections (http, tcp), at least 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_connections: Option<u32>,
    /// Requests that wait for a connection (http), at least 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_pending_requests: Option<u32>,
    /// Requests under way (http2, grpc), at least 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_requests: Option<u32>,
}

/// Where and how a proxy logs what passes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccessLog {
    /// The file, as the proxy sees it; `/dev/stdout` and `/dev/stderr` are its own streams.
    pub path: String,
    /// The format; unset is Envoy's own text format.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<LogFormat>,
}

/// The format of an access log, with Envoy's `%OPERATORS%`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// One line of text.
    Text(String),
    /// One JSON object a line.
    Json(BTreeMap<String, String>),
}
