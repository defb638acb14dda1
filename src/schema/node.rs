//! Shapes of virtual nodes: listeners, discovery, backends.

use super::codes;
use super::reader::{Cx, Defs, Shape, object, table};
use super::scalar::{integer, sorted_list};
use super::tree::{Node, Value};
use crate::model::{
    Backend, BackendDefaults, Bind, Capture, ClientPolicy, Discovery, DnsDiscovery, Listener,
    ListenerPatch, NodePatch, Port, RegistryDiscovery, ServiceName, Tags, VirtualNode,
};
use serde_json::json;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

impl Shape for VirtualNode {
    fn read(node: &Node, cx: &mut Cx<'_>) -> Option<Self> {
        let table = cx.table(
            node,
            &[
                "proxy",
                "listeners",
                "discovery",
                "backends",
                "backend_defaults",
                "access_log",
                "capture",
                "patch",
                "owner",
                "tags",
            ],
        )?;
        let proxy = table.optional("proxy", cx).map(|proxy| proxy.unwrap_or(true));
        let listeners = match table.node("listeners") {
            None => Some(Vec::new()),
            Some(list) => cx.under("listeners", list.loc, |cx| {
                sorted_list(list, cx, |item| item.get("port")?.as_integer(), "port")
            }),
        };
        let backends = match table.node("backends") {
            None => Some(Vec::new()),
            Some(list) => cx.under("backends", list.loc, |cx| {
                sorted_list(list, cx, |item| backend_service(item).map(str::to_owned), "service")
            }),
        };
        let discovery = table.optional("discovery", cx);
        let backend_defaults = table.or_default("backend_defaults", cx);
        let access_log = table.optional("access_log", cx);
        let capture = table.optional("capture", cx);
        let patch = table.or_default("patch", cx);
        let owner = table.optional("owner", cx);
        let tags = table.or_default("tags", cx);
        Some(Self {
            proxy: proxy?,
            listeners: listeners?,
            discovery: discovery?,
            backends: backends?,
            backend_defaults: backend_defaults?,
            access_log: access_log?,
            capture: capture?,
            patch: patch?,
            owner: owner?,
            tags: tags?,
        })
    }

    fn schema(defs: &mut Defs) -> serde_json::Value {
        defs.define("VirtualNode", |defs| {
            let properties = vec![
                (
                    "proxy",
                    "Whether a proxy runs beside it, true unless set. Without one, callers reach its \
                     application directly, and apply, status and drift expect no proxy of it.",
                    bool::schema(defs),
                ),
                ("listeners", "What it listens on.", Vec::<Listener>::schema(defs)),
                ("discovery", "How callers find it.", Discovery::schema(defs)),
                ("backends", "The services that it may call.", Vec::<Backend>::schema(defs)),
                ("backend_defaults", "", BackendDefaults::schema(defs)),
                ("access_log", "", crate::model::AccessLog::schema(defs)),
                ("capture", "How traffic reaches its proxy.", Capture::schema(defs)),
                ("patch", "Raw Envoy fields of its listeners.", NodePatch::schema(defs)),
                ("owner", "Who owns it, in App Mesh's sense.", String::schema(defs)),
                ("tags", "Free key-value pairs.", Tags::schema(defs)),
            ];
            object("A workload, with a proxy beside it unless `proxy` is false.", properties, &[])
        })
    }
}

table! {
    /// Something that a node listens on.
    Listener {
        /// The port that callers address.
        "port" => port: required,
        /// What is spoken on it.
        "protocol" => protocol: required,
        /// Where the application really listens, for example "127.0.0.1:18080".
        "app" => app: optional,
        /// The address that the proxy binds under explicit capture; unset is every address.
        "address" => address: optional,
        /// Limits toward the application.
        "connection_pool" => connection_pool: optional,
        /// How callers probe it.
        "health_check" => health_check: optional,
        /// When callers stop using an endpoint that fails.
        "outlier_detection" => outlier_detection: optional,
        /// How long the application may take.
        "timeout" => timeout: or_default,
        /// What is accepted of HTTP, by this proxy and by those of its callers.
        "http" => http: or_default,
        /// TLS in front of the application.
        "tls" => tls: optional,
        /// Raw Envoy fields.
        "patch" => patch: or_default,
    }
}

table! {
    /// Raw Envoy fields for one listener of a node.
    ListenerPatch {
        /// Fields of its `FilterChain`.
        "filter_chain" => filter_chain: optional,
        /// Fields of its `HttpConnectionManager`.
        "http" => http: optional,
        /// Fields of the `Cluster` by which callers reach it.
        "cluster" => cluster: optional,
        /// Fields of the `Cluster` by which its own proxy reaches the application.
        "local_cluster" => local_cluster: optional,
    }
}

table! {
    /// Raw Envoy fields for a node's proxy: `ingress` and `egress` for the two listeners of redirect
    /// capture.
    NodePatch {
        /// Fields of the inbound `Listener`.
        "ingress" => ingress: optional,
        /// Fields of the outbound `Listener`.
        "egress" => egress: optional,
        /// Fields of each outbound `HttpConnectionManager`, under any capture.
        "http" => http: optional,
    }
}

table! {
    /// Discovery in a registry, as AWS Cloud Map was one.
    RegistryDiscovery {
        /// The registry's namespace.
        "namespace" => namespace: required,
        /// The service in it.
        "service" => service: required,
        /// An instance must have all of these.
        "attributes" => attributes: or_default,
        /// Overrides the mesh's preference.
        "ip_preference" => ip_preference: optional,
    }
}

/// A text is the host name.
impl Shape for DnsDiscovery {
    fn read(node: &Node, cx: &mut Cx<'_>) -> Option<Self> {
        if node.as_str().is_some() {
            let hostname = cx.under("hostname", node.loc, |cx| String::read(node, cx))?;
            return Some(Self { hostname, response_type: Default::default(), ip_preference: None });
        }
        if !matches!(node.value, Value::Table(_)) {
            return cx.wrong_type(node, "a host name or { hostname = \"…\" }");
        }
        let table = cx.table(node, &["hostname", "response_type", "ip_preference"])?;
        let hostname = table.required("hostname", cx);
        let response_type = table.or_default("response_type", cx);
        let ip_preference = table.optional("ip_preference", cx);
        Some(Self {
            hostname: hostname?,
            response_type: response_type?,
            ip_preference: ip_preference?,
        })
    }

    fn schema(defs: &mut Defs) -> serde_json::Value {
        let table = object(
            "Discovery by DNS.",
            vec![
                ("hostname", "The name that is looked up.", String::schema(defs)),
                (
                    "response_type",
                    "loadbalancer: one door (the default); endpoints: each address is one.",
                    crate::model::DnsResponseType::schema(defs),
                ),
                (
                    "ip_preference",
                    "Overrides the mesh's preference.",
                    crate::model::IpPreference::schema(defs),
                ),
            ],
            &["hostname"],
        );
        json!({ "oneOf": [String::schema(defs), table] })
    }
}

/// Chosen by key: `{ dns = … }`, `{ registry = … }` or `{ static = [ … ] }`.
impl Shape for Discovery {
    fn read(node: &Node, cx: &mut Cx<'_>) -> Option<Self> {
        let table = cx.table(node, &["dns", "registry", "static"])?;
        match cx.choose(&table, &["dns", "registry", "static"])? {
            "dns" => table.required("dns", cx).map(Self::Dns),
            "registry" => table.required("registry", cx).map(Self::Registry),
            _ => table.required("static", cx).map(Self::Static),
        }
    }

    fn schema(defs: &mut Defs) -> serde_json::Value {
        let mut schema = object(
            "How callers find the endpoints: exactly one.",
            vec![
                ("dns", "By a DNS name.", DnsDiscovery::schema(defs)),
                ("registry", "In a registry.", RegistryDiscovery::schema(defs)),
                ("static", "At these IP addresses.", Vec::<IpAddr>::schema(defs)),
            ],
            &[],
        );
        schema["minProperties"] = json!(1);
        schema["maxProperties"] = json!(1);
        schema
    }
}

fn backend_service(item: &Node) -> Option<&str> {
    item.as_str().or_else(|| item.get("service")?.as_str())
}

/// A text is the service's name.
impl Shape for Backend {
    fn read(node: &Node, cx: &mut Cx<'_>) -> Option<Self> {
        if node.as_str().is_some() {
            let service = cx.under("service", node.loc, |cx| ServiceName::read(node, cx))?;
            return Some(Self { service, client_policy: None, bind: Bind::default() });
        }
        if !matches!(node.value, Value::Table(_)) {
            return cx.wrong_type(node, "a service's name or { service = \"…\" }");
        }
        let table = cx.table(node, &["service", "client_policy", "bind"])?;
        let service = table.required("service", cx);
        let client_policy = table.optional("client_policy", cx);
        let bind = table.or_default("bind", cx);
        Some(Self { service: service?, client_policy: client_policy?, bind: bind? })
    }

    fn schema(defs: &mut Defs) -> serde_json::Value {
        defs.define("Backend", |defs| {
            let name = ServiceName::schema(defs);
            let table = object(
                "A service that the node may call.",
                vec![
                    ("service", "The service's name.", name.clone()),
                    (
                        "client_policy",
                        "Replaces the node's default policy.",
                        ClientPolicy::schema(defs),
                    ),
                    (
                        "bind",
                        "Explicit capture: the local port that callers use.",
                        Bind::schema(defs),
                    ),
                ],
                &["service"],
            );
            json!({ "oneOf": [name, table] })
        })
    }
}

/// Reads a local port or address: a bare port is on 127.0.0.1.
fn bind_address(node: &Node, cx: &mut Cx<'_>) -> Option<SocketAddr> {
    match node.value {
        Value::Integer(_) => integer(node, cx, 1, 65535)
            .and_then(|port| u16::try_from(port).ok())
            .map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port))),
        Value::String(_) => SocketAddr::read(node, cx),
        _ => cx.wrong_type(node, "a local port such as 9001"),
    }
}

/// A port, an address, or a table of them by the service's port.
impl Shape for Bind {
    fn read(node: &Node, cx: &mut Cx<'_>) -> Option<Self> {
        let Value::Table(table) = &node.value else {
            let only = cx.under("only", node.loc, |cx| bind_address(node, cx))?;
            return Some(Self { only: Some(only), by_port: Default::default() });
        };
        let mut bind = Self::default();
        let mut whole = true;
        for (key, entry) in &table.entries {
            let Some(port) = key.parse().ok().and_then(Port::new) else {
                whole = false;
                cx.fail::<()>(
                    &codes::BAD_VALUE,
                    entry.key,
                    format!("`{key}` is not a port"),
                    "write { 8080 = 9001 }: the service's port, then the local one",
                );
                continue;
            };
            let address = cx.under("by_port", entry.node.loc, |cx| {
                cx.under(key, entry.node.loc, |cx| bind_address(&entry.node, cx))
            });
            match address {
                Some(address) => {
                    bind.by_port.insert(port, address);
                }
                None => whole = false,
            }
        }
        whole.then_some(bind)
    }

    fn schema(defs: &mut Defs) -> serde_json::Value {
        let one = json!({ "oneOf": [Port::schema(defs), SocketAddr::schema(defs)] });
        json!({ "oneOf": [
            Port::schema(defs),
            SocketAddr::schema(defs),
            { "type": "object", "patternProperties": { "^[0-9]+$": one },
              "additionalProperties": false },
        ] })
    }
}
