//! Virtual gateways and gateway routes: where traffic enters the mesh.

use super::node::{is_default, is_true, yes};
use super::{
    AccessLog, BackendDefaults, HealthCheck, HttpSettings, ListenerTls, Matcher, Method, Patch,
    PathMatch, PoolLimits, Port, Protocol, RouteName, ServiceName, Tags,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// A proxy without a workload, through which traffic enters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VirtualGateway {
    /// What it listens on, ordered by port; ports are distinct.
    pub listeners: Vec<GatewayListener>,
    /// What holds for all services that it calls.
    pub backend_defaults: BackendDefaults,
    /// Where it logs.
    pub access_log: Option<AccessLog>,
    /// The routes in the order in which Envoy tries them: by priority, then as written.
    pub routes: Vec<GatewayRoute>,
    /// Who owns it, in App Mesh's sense.
    pub owner: Option<String>,
    /// Free key-value pairs.
    pub tags: Tags,
}

/// Something that a gateway listens on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GatewayListener {
    /// The port.
    pub port: Port,
    /// What is spoken on it: not tcp.
    pub protocol: Protocol,
    /// The address that the proxy binds; unset is every address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
    /// Limits of what the gateway has under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection_pool: Option<PoolLimits>,
    /// A health check of the gateway itself, for what stands before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health_check: Option<HealthCheck>,
    /// What is accepted of HTTP.
    #[serde(default, skip_serializing_if = "is_default")]
    pub http: HttpSettings,
    /// TLS toward those who call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<ListenerTls>,
    /// Raw Envoy fields.
    #[serde(default, skip_serializing_if = "is_default")]
    pub patch: GatewayListenerPatch,
}

/// Raw Envoy fields for one listener of a gateway.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GatewayListenerPatch {
    /// Fields of its `Listener`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listener: Option<Patch>,
    /// Fields of its `FilterChain`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter_chain: Option<Patch>,
    /// Fields of its `HttpConnectionManager`, as clients reach it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<Patch>,
    /// Fields of the `HttpConnectionManager` of each service that its routes lead to, in the same
    /// proxy. Of several listeners that lead to one service, the last one that sets a field wins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inner_http: Option<Patch>,
}

/// One rule of a gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GatewayRoute {
    /// Its name, unique in the gateway.
    pub name: RouteName,
    /// 0 to 1000, lower first; unset comes last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<u16>,
    /// Which requests it takes.
    #[serde(rename = "match", default)]
    pub matches: GatewayMatch,
    /// Where they go.
    pub service: GatewayTarget,
    /// What is changed on the way.
    #[serde(default, skip_serializing_if = "is_default")]
    pub rewrite: GatewayRewrite,
    /// Raw fields of Envoy's `Route`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patch: Option<Patch>,
    /// Free key-value pairs.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

/// The service that a gateway route sends to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GatewayTarget {
    /// The service.
    pub name: ServiceName,
    /// The service's port; unset stands for its only one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<Port>,
}

/// The conditions of a gateway route; all must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GatewayMatch {
    /// The gateway's port; unset stands for its only one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<Port>,
    /// The host that was called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hostname: Option<HostnameMatch>,
    /// The path (http, http2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<PathMatch>,
    /// The method (http, http2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<Method>,
    /// Headers by name (http, http2).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, Vec<Matcher>>,
    /// Query parameters by name (http, http2).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub query_parameters: BTreeMap<String, Vec<Matcher>>,
    /// The gRPC service with its package (grpc).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_name: Option<String>,
    /// gRPC metadata by name (grpc).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, Vec<Matcher>>,
}

/// How the host of a request is matched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HostnameMatch {
    /// Is this name.
    Exact(String),
    /// Ends with this text, which starts with a dot.
    Suffix(String),
}

/// What a gateway route changes in a request. App Mesh's defaults: the host becomes the
/// service's name, and a matched prefix becomes `/`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GatewayRewrite {
    /// Whether the host becomes the service's name.
    #[serde(default = "yes", skip_serializing_if = "is_true")]
    pub hostname: bool,
    /// What a matched prefix becomes.
    #[serde(default, skip_serializing_if = "is_default")]
    pub prefix: PrefixRewrite,
    /// What the whole path becomes; only with an exact or regex path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

/// What a matched prefix becomes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PrefixRewrite {
    /// `/`: App Mesh's default.
    #[default]
    Root,
    /// It stays.
    Keep,
    /// This text, which starts and ends with `/`.
    Value(String),
}

impl Default for GatewayRewrite {
    fn default() -> Self {
        Self { hostname: true, prefix: PrefixRewrite::Root, path: None }
    }
}

impl GatewayListener {
    /// The path on which the gateway answers HTTP health checks itself.
    pub fn health_path(&self) -> Option<&str> {
        let check = self.health_check.as_ref().filter(|check| check.protocol != Protocol::Grpc)?;
        check.path.as_deref()
    }
}

impl VirtualGateway {
    /// The listener on a port.
    pub fn listener(&self, port: Port) -> Option<&GatewayListener> {
        self.listeners.iter().find(|listener| listener.port == port)
    }

    /// The route of this name.
    pub fn route(&self, name: &RouteName) -> Option<&GatewayRoute> {
        self.routes.iter().find(|route| route.name == *name)
    }

    /// The listener that a route belongs to: the one on its port, or the only one.
    pub fn listener_of(&self, matches: &GatewayMatch) -> Option<&GatewayListener> {
        match matches.port {
            Some(port) => self.listener(port),
            None if self.listeners.len() == 1 => self.listeners.first(),
            None => None,
        }
    }
}
