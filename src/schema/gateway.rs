//! Shapes of virtual gateways and gateway routes.

use super::matching::{path_schemas, read_path};
use super::reader::{Cx, Defs, Shape, object, table};
use super::tree::{Node, Value};
use crate::model::{
    GatewayListener, GatewayListenerPatch, GatewayMatch, GatewayRewrite, GatewayRoute,
    GatewayTarget, HostnameMatch, Matcher, Method, Patch, Port, PrefixRewrite, ServiceName, Tags,
};
use serde_json::json;
use std::collections::BTreeMap;

table! {
    /// Something that a gateway listens on.
    GatewayListener {
        /// The port.
        "port" => port: required,
        /// What is spoken on it: not tcp.
        "protocol" => protocol: required,
        /// The address that the proxy binds; unset is every address.
        "address" => address: optional,
        /// Limits of what the gateway has under way.
        "connection_pool" => connection_pool: optional,
        /// A health check of the gateway itself.
        "health_check" => health_check: optional,
        /// What is accepted of HTTP.
        "http" => http: or_default,
        /// TLS toward those who call.
        "tls" => tls: optional,
        /// Raw Envoy fields.
        "patch" => patch: or_default,
    }
}

table! {
    /// Raw Envoy fields for one listener of a gateway.
    GatewayListenerPatch {
        /// Fields of its `Listener`.
        "listener" => listener: optional,
        /// Fields of its `FilterChain`.
        "filter_chain" => filter_chain: optional,
        /// Fields of its `HttpConnectionManager`, as clients reach it.
        "http" => http: optional,
        /// Fields of the `HttpConnectionManager` of each service that its routes lead to.
        "inner_http" => inner_http: optional,
    }
}

impl Shape for GatewayRoute {
    fn read(node: &Node, cx: &mut Cx<'_>) -> Option<Self> {
        let table =
            cx.table(node, &["name", "priority", "match", "service", "rewrite", "patch", "tags"])?;
        let name = table.required("name", cx);
        let priority = table.optional("priority", cx);
        let matches = table.or_default("match", cx);
        let service = table.required("service", cx);
        let rewrite = table.or_default("rewrite", cx);
        let patch = table.optional("patch", cx);
        let tags = table.or_default("tags", cx);
        Some(Self {
            name: name?,
            priority: priority?,
            matches: matches?,
            service: service?,
            rewrite: rewrite?,
            patch: patch?,
            tags: tags?,
        })
    }

    fn schema(defs: &mut Defs) -> serde_json::Value {
        defs.define("GatewayRoute", |defs| {
            let properties = vec![
                ("name", "Its name, unique in the gateway.", crate::model::RouteName::schema(defs)),
                ("priority", "0 to 1000, lower first; unset comes last.", u16::schema(defs)),
                ("match", "Which requests it takes.", GatewayMatch::schema(defs)),
                ("service", "Where they go.", GatewayTarget::schema(defs)),
                ("rewrite", "What is changed on the way.", GatewayRewrite::schema(defs)),
                ("patch", "Raw fields of Envoy's Route.", Patch::schema(defs)),
                ("tags", "Free key-value pairs.", Tags::schema(defs)),
            ];
            object("One rule of a gateway.", properties, &["name", "service"])
        })
    }
}

/// A text is the service's name.
impl Shape for GatewayTarget {
    fn read(node: &Node, cx: &mut Cx<'_>) -> Option<Self> {
        if node.as_str().is_some() {
            let name = cx.under("name", node.loc, |cx| ServiceName::read(node, cx))?;
            return Some(Self { name, port: None });
        }
        if !matches!(node.value, Value::Table(_)) {
            return cx.wrong_type(node, "a service's name or { name = \"…\", port = … }");
        }
        let table = cx.table(node, &["name", "port"])?;
        let name = table.required("name", cx);
        let port = table.optional("port", cx);
        Some(Self { name: name?, port: port? })
    }

    fn schema(defs: &mut Defs) -> serde_json::Value {
        let name = ServiceName::schema(defs);
        let table = object(
            "",
            vec![
                ("name", "The service's name.", name.clone()),
                ("port", "The service's port; unset stands for its only one.", Port::schema(defs)),
            ],
            &["name"],
        );
        json!({ "oneOf": [name, table] })
    }
}

impl Shape for GatewayMatch {
    fn read(node: &Node, cx: &mut Cx<'_>) -> Option<Self> {
        let table = cx.table(
            node,
            &[
                "port",
                "hostname",
                "prefix",
                "path",
                "method",
                "headers",
                "query_parameters",
                "service_name",
                "metadata",
            ],
        )?;
        let port = table.optional("port", cx);
        let hostname = table.optional("hostname", cx);
        let path = read_path(&table, cx);
        let method = table.optional("method", cx);
        let headers = table.or_default("headers", cx);
        let query_parameters = table.or_default("query_parameters", cx);
        let service_name = table.optional("service_name", cx);
        let metadata = table.or_default("metadata", cx);
        Some(Self {
            port: port?,
            hostname: hostname?,
            path: path?,
            method: method?,
            headers: headers?,
            query_parameters: query_parameters?,
            service_name: service_name?,
            metadata: metadata?,
        })
    }

    fn schema(defs: &mut Defs) -> serde_json::Value {
        defs.define("GatewayMatch", |defs| {
            let matchers = BTreeMap::<String, Vec<Matcher>>::schema(defs);
            let mut properties = path_schemas(defs);
            properties.extend([
                ("port", "The gateway's port; unset stands for its only one.", Port::schema(defs)),
                ("hostname", "The host that was called.", HostnameMatch::schema(defs)),
                ("method", "The method (http, http2).", Method::schema(defs)),
                ("headers", "Headers by name (http, http2).", matchers.clone()),
                (
                    "query_parameters",
                    "Query parameters by name (http, http2): exact or present.",
                    matchers.clone(),
                ),
                ("service_name", "The gRPC service with its package.", String::schema(defs)),
                ("metadata", "gRPC metadata by name.", matchers),
            ]);
            let mut schema = object(
                "Conditions that must all hold; which fit depends on the protocol.",
                properties,
                &[],
            );
            schema["not"] = json!({ "required": ["prefix", "path"] });
            schema
        })
    }
}

impl Shape for GatewayRewrite {
    fn read(node: &Node, cx: &mut Cx<'_>) -> Option<Self> {
        let table = cx.table(node, &["hostname", "prefix", "path"])?;
        if table.has("prefix") && table.has("path") {
            cx.choose(&table, &["prefix", "path"])?;
        }
        let hostname = table.optional("hostname", cx);
        let prefix = table.or_default("prefix", cx);
        let path = table.optional("path", cx);
        Some(Self { hostname: hostname?.unwrap_or(true), prefix: prefix?, path: path? })
    }

    fn schema(defs: &mut Defs) -> serde_json::Value {
        let mut schema = object(
            "What is changed in a request; `prefix` and `path` exclude each other.",
            vec![
                (
                    "hostname",
                    "Whether the host becomes the service's name; true unless set.",
                    json!({ "type": "boolean" }),
                ),
                (
                    "prefix",
                    "What a matched prefix becomes: \"/\" unless set, false keeps it.",
                    PrefixRewrite::schema(defs),
                ),
                ("path", "What the whole path becomes.", String::schema(defs)),
            ],
            &[],
        );
        schema["not"] = json!({ "required": ["prefix", "path"] });
        schema
    }
}

/// `true` is App Mesh's default, `false` keeps the prefix, a text replaces it.
impl Shape for PrefixRewrite {
    fn read(node: &Node, cx: &mut Cx<'_>) -> Option<Self> {
        match &node.value {
            Value::Boolean(true) => Some(Self::Root),
            Value::Boolean(false) => Some(Self::Keep),
            Value::String(_) => {
                cx.under("value", node.loc, |cx| String::read(node, cx)).map(Self::Value)
            }
            _ => cx.wrong_type(node, "`false`, or a text such as \"/v2/\""),
        }
    }

    fn schema(defs: &mut Defs) -> serde_json::Value {
        json!({ "oneOf": [{ "type": "boolean" }, String::schema(defs)] })
    }
}
