//! Shapes of virtual services, routers and routes.

use super::codes;
use super::matching::{path_schemas, read_path};
use super::reader::{Cx, Defs, Shape, object, table};
use super::scalar::{read_name, sorted_list};
use super::tree::{Node, Value};
use crate::model::{
    Matcher, Method, NodeName, Patch, Port, RetryEvent, RetryPolicy, Route, RouteMatch,
    RouteTimeout, RouterListener, Scheme, Tags, Target, VirtualService,
};
use serde_json::json;
use std::collections::BTreeMap;

table! {
    /// A port of a virtual router.
    RouterListener {
        /// The port that callers address.
        "port" => port: required,
        /// What is spoken on it; it decides the kind of the routes.
        "protocol" => protocol: required,
    }
}

impl Shape for VirtualService {
    fn read(node: &Node, cx: &mut Cx<'_>) -> Option<Self> {
        let table = cx.table(node, &["node", "router", "owner", "tags"])?;
        if table.has("node") && table.has("router") {
            cx.choose(&table, &["node", "router"])?;
        }
        let node = table.optional("node", cx);
        let router = table.optional("router", cx);
        let owner = table.optional("owner", cx);
        let tags = table.or_default("tags", cx);
        Some(Self { node: node?, router: router?, owner: owner?, tags: tags? })
    }

    fn schema(defs: &mut Defs) -> serde_json::Value {
        defs.define("VirtualService", |defs| {
            let mut schema = object(
                "A name that applications call; `node` and `router` exclude each other.",
                vec![
                    ("node", "All its traffic goes to this node.", NodeName::schema(defs)),
                    ("router", "This router decides.", crate::model::RouterName::schema(defs)),
                    ("owner", "Who owns it, in App Mesh's sense.", String::schema(defs)),
                    ("tags", "Free key-value pairs.", Tags::schema(defs)),
                ],
                &[],
            );
            schema["not"] = json!({ "required": ["node", "router"] });
            schema
        })
    }
}

impl Shape for Route {
    fn read(node: &Node, cx: &mut Cx<'_>) -> Option<Self> {
        let table = cx.table(
            node,
            &["name", "priority", "match", "targets", "timeout", "retry", "patch", "tags"],
        )?;
        let name = table.required("name", cx);
        let priority = table.optional("priority", cx);
        let matches = table.or_default("match", cx);
        let targets = match table.node("targets") {
            Some(targets) => cx.under("targets", targets.loc, |cx| read_targets(targets, cx)),
            None => cx.fail(
                &codes::MISSING_KEY,
                table.loc,
                "`targets` is missing",
                "add `targets = { NODE = 1 }`: the nodes that take the traffic, with their weights",
            ),
        };
        let timeout = table.or_default("timeout", cx);
        let retry = table.optional("retry", cx);
        let patch = table.optional("patch", cx);
        let tags = table.or_default("tags", cx);
        Some(Self {
            name: name?,
            priority: priority?,
            matches: matches?,
            targets: targets?,
            timeout: timeout?,
            retry: retry?,
            patch: patch?,
            tags: tags?,
        })
    }

    fn schema(defs: &mut Defs) -> serde_json::Value {
        defs.define("Route", |defs| {
            let target = Target::schema(defs);
            let properties = vec![
                ("name", "Its name, unique in the router.", crate::model::RouteName::schema(defs)),
                ("priority", "0 to 1000, lower first; unset comes last.", u16::schema(defs)),
                ("match", "Which requests it takes.", RouteMatch::schema(defs)),
                (
                    "targets",
                    "The nodes that take the traffic, with relative weights.",
                    json!({ "oneOf": [
                        { "type": "object", "additionalProperties": u32::schema(defs) },
                        { "type": "array", "items": target },
                    ] }),
                ),
                ("timeout", "How long requests may take.", RouteTimeout::schema(defs)),
                (
                    "retry",
                    "How failed requests are tried again; unset is App Mesh's default policy.",
                    RetryPolicy::schema(defs),
                ),
                ("patch", "Raw fields of Envoy's Route.", Patch::schema(defs)),
                ("tags", "Free key-value pairs.", Tags::schema(defs)),
            ];
            object("One rule of a router.", properties, &["name", "targets"])
        })
    }
}

table! {
    /// A node that takes a share of the traffic.
    Target {
        /// The node.
        "node" => node: required,
        /// The node's port; unset stands for its only one.
        "port" => port: optional,
        /// Its share, relative to the others'.
        "weight" => weight: required,
    }
}

/// Targets are a table of weights by node, or a list of tables where a port is needed.
fn read_targets(node: &Node, cx: &mut Cx<'_>) -> Option<Vec<Target>> {
    match &node.value {
        Value::Table(table) => {
            let mut targets = Vec::new();
            let mut whole = true;
            for (at, (name, entry)) in table.entries.iter().enumerate() {
                let target = cx.under(&at.to_string(), entry.key, |cx| {
                    let node = cx.under("node", entry.key, |cx| {
                        read_name(name, entry.key, cx, NodeName::new)
                    });
                    let weight = cx.under("weight", entry.node.loc, |cx| {
                        <u32 as Shape>::read(&entry.node, cx)
                    });
                    Some(Target { node: node?, port: None, weight: weight? })
                });
                match target {
                    Some(target) => targets.push(target),
                    None => whole = false,
                }
            }
            whole.then_some(targets)
        }
        Value::Array(items) => {
            let mut sorted: Vec<&Node> = items.iter().collect();
            let key = |item: &Node| {
                let port = item.get("port").and_then(Node::as_integer);
                (item.get("node").and_then(Node::as_str).map(str::to_owned), port)
            };
            sorted.sort_by_key(|item| key(item));
            let read: Vec<Option<Target>> = sorted
                .into_iter()
                .enumerate()
                .map(|(at, item)| cx.under(&at.to_string(), item.loc, |cx| Target::read(item, cx)))
                .collect();
            read.into_iter().collect()
        }
        _ => cx.wrong_type(node, "a table of weights by node, such as { cart-v1 = 1 }"),
    }
}

impl Shape for RouteMatch {
    fn read(node: &Node, cx: &mut Cx<'_>) -> Option<Self> {
        let table = cx.table(
            node,
            &[
                "port",
                "prefix",
                "path",
                "method",
                "scheme",
                "headers",
                "query_parameters",
                "service_name",
                "method_name",
                "metadata",
            ],
        )?;
        let port = table.optional("port", cx);
        let path = read_path(&table, cx);
        let method = table.optional("method", cx);
        let scheme = table.optional("scheme", cx);
        let headers = table.or_default("headers", cx);
        let query_parameters = table.or_default("query_parameters", cx);
        let service_name = table.optional("service_name", cx);
        let method_name = table.optional("method_name", cx);
        let metadata = table.or_default("metadata", cx);
        Some(Self {
            port: port?,
            path: path?,
            method: method?,
            scheme: scheme?,
            headers: headers?,
            query_parameters: query_parameters?,
            service_name: service_name?,
            method_name: method_name?,
            metadata: metadata?,
        })
    }

    fn schema(defs: &mut Defs) -> serde_json::Value {
        defs.define("RouteMatch", |defs| {
            let matchers = BTreeMap::<String, Vec<Matcher>>::schema(defs);
            let mut properties = path_schemas(defs);
            properties.extend([
                ("port", "The router's port; unset stands for its only one.", Port::schema(defs)),
                ("method", "The method (http, http2).", Method::schema(defs)),
                ("scheme", "The scheme (http2).", Scheme::schema(defs)),
                ("headers", "Headers by name (http, http2).", matchers.clone()),
                (
                    "query_parameters",
                    "Query parameters by name (http, http2): exact or present.",
                    matchers.clone(),
                ),
                ("service_name", "The gRPC service with its package.", String::schema(defs)),
                ("method_name", "The gRPC method; needs `service_name`.", String::schema(defs)),
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

impl Shape for RetryPolicy {
    fn read(node: &Node, cx: &mut Cx<'_>) -> Option<Self> {
        let table = cx.table(node, &["on", "max_retries", "per_retry_timeout"])?;
        let order = |item: &Node| {
            let word = item.as_str()?;
            RetryEvent::ALL.iter().position(|event| event.as_str() == word)
        };
        let on: Option<Vec<RetryEvent>> = match table.node("on") {
            Some(node) => cx.under("on", node.loc, |cx| sorted_list(node, cx, order, "event")),
            None => Some(Vec::new()),
        };
        let max_retries = table.required("max_retries", cx);
        let per_retry_timeout = table.optional("per_retry_timeout", cx);
        Some(Self { on: on?, max_retries: max_retries?, per_retry_timeout: per_retry_timeout? })
    }

    fn schema(defs: &mut Defs) -> serde_json::Value {
        defs.define("RetryPolicy", |defs| {
            object(
                "How failed requests are tried again.",
                vec![
                    ("on", "What counts as failed.", Vec::<RetryEvent>::schema(defs)),
                    (
                        "max_retries",
                        "Tries after the first; 0 turns retries off.",
                        u32::schema(defs),
                    ),
                    (
                        "per_retry_timeout",
                        "For each try, the first included.",
                        crate::model::Duration::schema(defs),
                    ),
                ],
                &["max_retries"],
            )
        })
    }
}

/// Reads the listeners of a router in the order of their ports.
pub(super) fn read_listeners(node: &Node, cx: &mut Cx<'_>) -> Option<Vec<RouterListener>> {
    sorted_list(node, cx, |item| item.get("port")?.as_integer(), "port")
}
