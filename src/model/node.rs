//! Virtual nodes: a workload, what it listens on, how it is found and what it may call.

use super::{
    AccessLog, Capture, ClientPolicy, Duration, HttpSettings, IpPreference, ListenerTls, Patch,
    PoolLimits, Port, Protocol, ServiceName, Tags,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};

/// A workload, with a proxy beside it unless it says otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VirtualNode {
    /// Whether a proxy of the mesh runs beside it. Without one it gets no configuration, and callers
    /// reach its application directly.
    #[serde(default = "yes", skip_serializing_if = "is_true")]
    pub proxy: bool,
    /// What it listens on, ordered by port; ports are distinct.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub listeners: Vec<Listener>,
    /// How callers find it; needed as soon as it has a listener.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discovery: Option<Discovery>,
    /// The services that it may call, ordered by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub backends: Vec<Backend>,
    /// What holds for all backends that do not say otherwise.
    #[serde(default, skip_serializing_if = "is_default")]
    pub backend_defaults: BackendDefaults,
    /// Where its proxy logs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_log: Option<AccessLog>,
    /// How traffic reaches its proxy; unset is the mesh's way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capture: Option<Capture>,
    /// Raw Envoy fields for its two redirect listeners, and for what it calls by HTTP.
    #[serde(default, skip_serializing_if = "is_default")]
    pub patch: NodePatch,
    /// Who owns it, in App Mesh's sense (an account).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Free key-value pairs.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

/// Something that a node listens on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listener {
    /// The port that callers address.
    pub port: Port,
    /// What is spoken on it.
    pub protocol: Protocol,
    /// Where the application really listens; unset is the same port on loopback.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<SocketAddr>,
    /// The address that the proxy binds under explicit capture; unset is every address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
    /// Limits toward the application.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection_pool: Option<PoolLimits>,
    /// How callers probe it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health_check: Option<HealthCheck>,
    /// When callers stop using an endpoint that fails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outlier_detection: Option<OutlierDetection>,
    /// How long the application may take.
    #[serde(default, skip_serializing_if = "is_default")]
    pub timeout: ListenerTimeout,
    /// What is accepted of HTTP.
    #[serde(default, skip_serializing_if = "is_default")]
    pub http: HttpSettings,
    /// TLS in front of the application.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<ListenerTls>,
    /// Raw Envoy fields.
    #[serde(default, skip_serializing_if = "is_default")]
    pub patch: ListenerPatch,
}

/// Timeouts of a listener or a route; unset fields have the defaults of `envoy::defaults`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListenerTimeout {
    /// From the end of a request to the end of its response; `0s` is no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<Duration>,
    /// Without a byte in either direction; `0s` is no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle: Option<Duration>,
}

/// An active health check, run by every caller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HealthCheck {
    /// What the probe speaks.
    pub protocol: Protocol,
    /// The path that an HTTP probe asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The port; App Mesh demands the listener's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<Port>,
    /// Between two probes, 5 s to 300 s.
    pub interval: Duration,
    /// For one probe, 2 s to 60 s.
    pub timeout: Duration,
    /// Good probes until an endpoint counts as healthy, 2 to 10.
    pub healthy_threshold: u32,
    /// Bad probes until it does not, 2 to 10.
    pub unhealthy_threshold: u32,
}

/// Passive health checking by callers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutlierDetection {
    /// Server errors (5xx) in a row until an endpoint is ejected, at least 1.
    pub max_server_errors: u32,
    /// Between two sweeps.
    pub interval: Duration,
    /// How long the first ejection lasts; each further one lasts longer by as much.
    pub base_ejection_duration: Duration,
    /// At most so many per cent of the endpoints are ejected, 0 to 100.
    pub max_ejection_percent: u32,
}

/// How callers find the endpoints of a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Discovery {
    /// By a DNS name.
    Dns(DnsDiscovery),
    /// In a registry, as AWS Cloud Map was one.
    Registry(RegistryDiscovery),
    /// At these addresses.
    Static(Vec<IpAddr>),
}

/// Discovery by DNS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DnsDiscovery {
    /// The name that is looked up.
    pub hostname: String,
    /// What the answer means.
    #[serde(default)]
    pub response_type: DnsResponseType,
    /// Overrides the mesh's preference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip_preference: Option<IpPreference>,
}

/// What the addresses of a DNS answer mean.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DnsResponseType {
    /// Each is a door to the same load balancer. App Mesh's default.
    #[default]
    Loadbalancer,
    /// Each is an endpoint of its own.
    Endpoints,
}

impl DnsResponseType {
    /// The word in files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Loadbalancer => "loadbalancer",
            Self::Endpoints => "endpoints",
        }
    }
}

/// Discovery in a registry.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegistryDiscovery {
    /// The registry's namespace.
    pub namespace: String,
    /// The service in it.
    pub service: String,
    /// An instance must have all of these.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
    /// Overrides the mesh's preference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip_preference: Option<IpPreference>,
}

impl fmt::Display for RegistryDiscovery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { namespace, service, attributes, ip_preference } = self;
        write!(f, "{namespace}/{service}")?;
        for (at, (name, value)) in attributes.iter().enumerate() {
            f.write_str(if at == 0 { " with " } else { ", " })?;
            write!(f, "{name} = {value:?}")?;
        }
        match ip_preference {
            Some(preference) => write!(f, " ({})", preference.as_str()),
            None => Ok(()),
        }
    }
}

/// A service that a node may call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Backend {
    /// The service.
    pub service: ServiceName,
    /// Replaces the node's default policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_policy: Option<ClientPolicy>,
    /// Explicit capture: where the application calls it.
    #[serde(default, skip_serializing_if = "Bind::is_empty")]
    pub bind: Bind,
}

/// Local addresses of a backend under explicit capture.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bind {
    /// For a service with one port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only: Option<SocketAddr>,
    /// By the port of the service.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub by_port: BTreeMap<Port, SocketAddr>,
}

impl Bind {
    /// Whether nothing is bound.
    pub fn is_empty(&self) -> bool {
        self.only.is_none() && self.by_port.is_empty()
    }

    /// The address for a port of the service; `sole` says that the service has no other port.
    pub fn address(&self, port: Port, sole: bool) -> Option<SocketAddr> {
        self.by_port.get(&port).copied().or(self.only.filter(|_| sole))
    }
}

/// What holds for all backends.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackendDefaults {
    /// How they are called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_policy: Option<ClientPolicy>,
}

/// Raw Envoy fields for a node's proxy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodePatch {
    /// Fields of the inbound `Listener`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ingress: Option<Patch>,
    /// Fields of the outbound `Listener`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub egress: Option<Patch>,
    /// Fields of each outbound `HttpConnectionManager`, under any capture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<Patch>,
}

/// Raw Envoy fields for one listener of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListenerPatch {
    /// Fields of its `FilterChain`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter_chain: Option<Patch>,
    /// Fields of its `HttpConnectionManager`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<Patch>,
    /// Fields of the `Cluster` by which callers reach it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<Patch>,
    /// Fields of the `Cluster` by which its own proxy reaches the application.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local_cluster: Option<Patch>,
}

impl Default for VirtualNode {
    fn default() -> Self {
        Self {
            proxy: true,
            listeners: Vec::new(),
            discovery: None,
            backends: Vec::new(),
            backend_defaults: BackendDefaults::default(),
            access_log: None,
            capture: None,
            patch: NodePatch::default(),
            owner: None,
            tags: Tags::default(),
        }
    }
}

impl VirtualNode {
    /// The client policy by which a backend is called: its own replaces the default whole.
    pub fn client_policy<'a>(&'a self, backend: &'a Backend) -> Option<&'a ClientPolicy> {
        backend.client_policy.as_ref().or(self.backend_defaults.client_policy.as_ref())
    }

    /// The listener on a port.
    pub fn listener(&self, port: Port) -> Option<&Listener> {
        self.listeners.iter().find(|l| l.port == port)
    }
}

pub(super) fn yes() -> bool {
    true
}

pub(super) fn is_true(value: &bool) -> bool {
    *value
}

pub(super) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
