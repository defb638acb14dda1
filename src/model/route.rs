//! Virtual services, virtual routers and routes.

use super::node::is_default;
use super::{
    Duration, ListenerTimeout, Matcher, NodeName, Patch, PathMatch, Port, Protocol, RouteName,
    RouterName, Tags,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// Timeouts of a route: the same two as a listener's.
pub type RouteTimeout = ListenerTimeout;

/// A name that applications call. At most one of the providers is set; none is legal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VirtualService {
    /// All its traffic goes to this node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<NodeName>,
    /// This router decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub router: Option<RouterName>,
    /// Who owns it, in App Mesh's sense.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Free key-value pairs.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

/// Decides where the traffic of virtual services goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VirtualRouter {
    /// The ports that callers use, ordered; ports are distinct.
    pub listeners: Vec<RouterListener>,
    /// The routes in the order in which Envoy tries them: by priority, then as written.
    pub routes: Vec<Route>,
    /// Who owns it, in App Mesh's sense.
    pub owner: Option<String>,
    /// Free key-value pairs.
    pub tags: Tags,
}

/// A port of a virtual router.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RouterListener {
    /// The port that callers address.
    pub port: Port,
    /// What is spoken on it; it decides the kind of the routes.
    pub protocol: Protocol,
}

/// One rule of a router.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// Its name, unique in the router.
    pub name: RouteName,
    /// 0 to 1000, lower first; unset comes last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<u16>,
    /// Which requests it takes.
    #[serde(rename = "match", default)]
    pub matches: RouteMatch,
    /// Where they go, ordered by node and port.
    pub targets: Vec<Target>,
    /// How long they may take.
    #[serde(default, skip_serializing_if = "is_default")]
    pub timeout: RouteTimeout,
    /// How they are retried; unset is App Mesh's default policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<RetryPolicy>,
    /// Raw fields of Envoy's `Route`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patch: Option<Patch>,
    /// Free key-value pairs.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

/// The conditions of a route; all must hold. Which keys fit depends on the protocol.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RouteMatch {
    /// The router's port; unset stands for its only one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<Port>,
    /// The path (http, http2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<PathMatch>,
    /// The method (http, http2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<Method>,
    /// The scheme (http2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheme: Option<Scheme>,
    /// Headers by name (http, http2); several matchers on one name must all hold.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, Vec<Matcher>>,
    /// Query parameters by name (http, http2): exact or present.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub query_parameters: BTreeMap<String, Vec<Matcher>>,
    /// The gRPC service with its package (grpc).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_name: Option<String>,
    /// The gRPC method (grpc); needs `service_name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method_name: Option<String>,
    /// gRPC metadata by name (grpc).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, Vec<Matcher>>,
}

/// A node that takes a share of a route's traffic.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// The node.
    pub node: NodeName,
    /// The node's port; unset stands for its only one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<Port>,
    /// Its share, relative to the others'.
    pub weight: u32,
}

/// How failed requests are tried again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetryPolicy {
    /// What counts as failed, ordered.
    pub on: Vec<RetryEvent>,
    /// Tries after the first; 0 turns retries off.
    pub max_retries: u32,
    /// For each try, the first included; unset or `0s` is no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_retry_timeout: Option<Duration>,
}

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name { $($(#[$vdoc])* #[serde(rename = $word)] $variant,)* }

        impl $name {
            /// Every value, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The word in files.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    )*};
}

words! {
    /// An HTTP method.
    Method {
        /// GET
        Get = "GET",
        /// HEAD
        Head = "HEAD",
        /// POST
        Post = "POST",
        /// PUT
        Put = "PUT",
        /// DELETE
        Delete = "DELETE",
        /// CONNECT
        Connect = "CONNECT",
        /// OPTIONS
        Options = "OPTIONS",
        /// TRACE
        Trace = "TRACE",
        /// PATCH
        Patch = "PATCH",
    }
    /// The scheme of a request.
    Scheme {
        /// Plain text.
        Http = "http",
        /// TLS.
        Https = "https",
    }
    /// What a retry policy counts as failed.
    RetryEvent {
        /// Answers 500 to 508, 510 and 511, and resets.
        ServerError = "server-error",
        /// Answers 502, 503 and 504, and resets.
        GatewayError = "gateway-error",
        /// Answer 409.
        ClientError = "client-error",
        /// A refused stream.
        StreamError = "stream-error",
        /// No connection.
        ConnectionError = "connection-error",
        /// gRPC status 1.
        Cancelled = "cancelled",
        /// gRPC status 4.
        DeadlineExceeded = "deadline-exceeded",
        /// gRPC status 13.
        Internal = "internal",
        /// gRPC status 8.
        ResourceExhausted = "resource-exhausted",
        /// gRPC status 14.
        Unavailable = "unavailable",
    }
}

impl RetryEvent {
    /// Whether the event is a gRPC status, so that it fits gRPC routes only.
    pub const fn is_grpc(self) -> bool {
        matches!(
            self,
            Self::Cancelled
                | Self::DeadlineExceeded
                | Self::Internal
                | Self::ResourceExhausted
                | Self::Unavailable
        )
    }
}

impl VirtualRouter {
    /// The route of this name.
    pub fn route(&self, name: &RouteName) -> Option<&Route> {
        self.routes.iter().find(|route| route.name == *name)
    }

    /// The listener that a route belongs to: the one on its port, or the only one.
    pub fn listener_of(&self, matches: &RouteMatch) -> Option<RouterListener> {
        match matches.port {
            Some(port) => self.listeners.iter().copied().find(|l| l.port == port),
            None if self.listeners.len() == 1 => self.listeners.first().copied(),
            None => None,
        }
    }
}
