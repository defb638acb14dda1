//! Kubernetes resources of `appmesh.k8s.aws`, v1beta1: the first controller's way to say it.

use super::context::Cx;
use super::item::{self, Item, Named, Raw, elsewhere};
use super::k8s::{Object, beside};
use super::k8s_world::World;
use super::report::Reason;
use super::shape::Dialect;
use super::tree::{Entry, Node, Value};
use crate::model::Kind;
use crate::span::Loc;

/// The name that the first controller gives: with the namespace behind it, unless it has a dot, which
/// says that it has its namespace already.
pub(super) fn default_name(kind: Kind, name: &str, namespace: &str) -> String {
    match kind {
        Kind::VirtualNode | Kind::VirtualRouter | Kind::Route if name.contains('.') => {
            name.replace('.', "-")
        }
        Kind::VirtualNode | Kind::VirtualRouter | Kind::Route => format!("{name}-{namespace}"),
        Kind::Mesh | Kind::VirtualService | Kind::VirtualGateway | Kind::GatewayRoute => {
            name.to_owned()
        }
    }
}

/// The name in App Mesh of a node that a route names: by its object, with `.NAMESPACE` behind it,
/// or already with `-NAMESPACE`.
fn node_name(world: &World<'_>, text: &str, namespace: &str) -> String {
    if let Some(name) = world.known(Kind::VirtualNode, text, namespace) {
        return name.clone();
    }
    if let Some((name, other)) = text.rsplit_once('.')
        && let Some(name) = world.known(Kind::VirtualNode, name, other)
    {
        return name.clone();
    }
    if let Some(name) = text.strip_suffix(&format!("-{namespace}"))
        && let Some(name) = world.known(Kind::VirtualNode, name, namespace)
    {
        return name.clone();
    }
    default_name(Kind::VirtualNode, text, namespace)
}

/// Reads one object. A virtual service brings its router and routes along.
pub(super) fn read(
    cx: &mut Cx<'_>,
    world: &World<'_>,
    object: &Object<'_>,
    kind: Kind,
    items: &mut Vec<Item>,
) {
    let Some(own) = object.name() else {
        cx.bad_field(object.node.loc, "metadata.name", "the object has no name".to_owned());
        return;
    };
    let namespace = object.namespace();
    let text = default_name(kind, &own.text, namespace);
    let name = Named { text, loc: own.loc };
    cx.about = Some(item::address(kind, None, &name));
    beside(cx, object);
    if kind != Kind::Mesh {
        object.note_namespace(cx);
    }
    let mesh = object.spec.get("meshName").and_then(Named::of).or_else(|| world.mesh.clone());
    let mesh = mesh.filter(|_| kind != Kind::Mesh);
    let loc = object.node.loc;
    let spec = without(&object.spec, &["meshName", "serviceDiscoveryType"]);
    if let Some(entry) = object.spec.entry("serviceDiscoveryType") {
        let message = "was a default of the first controller; each node says how it is found";
        elsewhere(cx, entry.at, "spec.serviceDiscoveryType", message);
    }
    if kind != Kind::VirtualService {
        let mut spec = translated(world, &spec, namespace);
        if kind == Kind::VirtualNode {
            completed(cx, &mut spec, mesh.as_ref().map(|mesh| mesh.text.as_str()), &name.text);
        }
        items.extend(item::item(
            cx,
            raw(&mesh, kind, name, None, &spec, "spec", loc),
            Dialect::Api,
        ));
        return;
    }
    let routes = spec.get("routes").map(Node::items).unwrap_or_default();
    let inline = spec.get("virtualRouter");
    let router = inline.and_then(|node| node.get("name")).and_then(Named::of);
    // Without a name, the router is called after the service.
    let router = router.unwrap_or_else(|| Named { text: name.text.clone(), loc });
    let text = default_name(Kind::VirtualRouter, router.text.trim(), namespace);
    let router = Named { text, loc: router.loc };
    let rest = without(&spec, &["routes", "virtualRouter"]);
    let service = if routes.is_empty() && inline.is_none() {
        rest
    } else {
        let provider = Node::map(
            router.loc,
            vec![("virtualRouterName", Node::scalar(router.loc, router.text.clone()))],
        );
        let provider = Node::map(router.loc, vec![("virtualRouter", provider)]);
        with(rest, "provider", provider)
    };
    items.extend(item::item(cx, raw(&mesh, kind, name, None, &service, "spec", loc), Dialect::Api));
    if routes.is_empty() && inline.is_none() {
        return;
    }
    let empty = Node { loc, value: Value::Map(Vec::new()) };
    let own = without(inline.unwrap_or(&empty), &["name"]);
    let at = inline.map_or(loc, |node| node.loc);
    items.extend(item::item(
        cx,
        raw(&mesh, Kind::VirtualRouter, router.clone(), None, &own, "spec.virtualRouter", at),
        Dialect::Api,
    ));
    for (at, route) in routes.iter().enumerate() {
        let path = format!("spec.routes[{at}]");
        let Some(own) = route.get("name").and_then(Named::of) else {
            cx.bad_field(route.loc, &path, "the route has no name".to_owned());
            continue;
        };
        let text = default_name(Kind::Route, &own.text, namespace);
        let own = Named { text, loc: own.loc };
        let spec = translated(world, &without(route, &["name"]), namespace);
        let parent = Some(router.clone());
        items.extend(item::item(
            cx,
            raw(&mesh, Kind::Route, own, parent, &spec, &path, route.loc),
            Dialect::Api,
        ));
    }
}

fn raw<'a>(
    mesh: &Option<Named>,
    kind: Kind,
    name: Named,
    parent: Option<Named>,
    spec: &'a Node,
    path: &'a str,
    loc: Loc,
) -> Raw<'a> {
    let mesh = mesh.clone();
    Raw { kind, name, parent, mesh, owner: None, tags: None, spec, path, loc, remarks: Vec::new() }
}

fn without(node: &Node, keys: &[&str]) -> Node {
    let entries = node.entries().iter().filter(|entry| !keys.contains(&entry.key.as_str()));
    Node { loc: node.loc, value: Value::Map(entries.cloned().collect()) }
}

fn with(mut node: Node, key: &str, inner: Node) -> Node {
    if let Value::Map(entries) = &mut node.value {
        entries.push(Entry { key: key.to_owned(), at: inner.loc, node: inner });
    }
    node
}

/// What the first controller added to a node: attributes by which Cloud Map told the nodes of one service
/// apart, and the values of health checks that were left out.
fn completed(cx: &mut Cx<'_>, spec: &mut Node, mesh: Option<&str>, name: &str) {
    if let Some(map) = spec.get_mut("serviceDiscovery").and_then(|node| node.get_mut("awsCloudMap"))
    {
        let loc = map.loc;
        let own = [(MESH, mesh.unwrap_or_default()), (NODE, name)];
        let pair = |(key, value): (&str, &str)| {
            Node::map(
                loc,
                vec![("key", Node::scalar(loc, key)), ("value", Node::scalar(loc, value))],
            )
        };
        let mut added: Vec<Node> = own.into_iter().map(pair).collect();
        match map.get_mut("attributes") {
            Some(Node { value: Value::List(own), .. }) => own.append(&mut added),
            Some(Node { value: Value::Map(all), .. }) => {
                let entry = |(key, value): (&str, &str)| Entry {
                    key: key.to_owned(),
                    at: loc,
                    node: Node::scalar(loc, value),
                };
                all.extend(own.into_iter().map(entry));
            }
            _ => map.set("attributes", Node::list(loc, added)),
        }
    }
    let Some(Node { value: Value::List(listeners), .. }) = spec.get_mut("listeners") else {
        return;
    };
    for listener in listeners {
        let mapping = listener.get("portMapping").cloned();
        let Some(check) = listener.get_mut("healthCheck") else { continue };
        let loc = check.loc;
        let of_listener = |key: &str| mapping.as_ref().and_then(|mapping| mapping.text_at(key));
        let defaults = [
            ("healthyThreshold", Some("10")),
            ("unhealthyThreshold", Some("2")),
            ("intervalMillis", Some("30000")),
            ("timeoutMillis", Some("5000")),
            ("port", of_listener("port")),
            ("protocol", of_listener("protocol")),
        ];
        let mut added = Vec::new();
        for (key, value) in defaults {
            if let (None, Some(value)) = (check.get(key), value) {
                check.set(key, Node::scalar(loc, value));
                added.push(format!("{key} {value}"));
            }
        }
        if !added.is_empty() {
            let message =
                format!("the first controller added what is missing: {}", added.join(", "));
            cx.note(Reason::Assumed, loc, "healthCheck", message);
        }
    }
}

/// The attributes of Cloud Map by which the first controller told nodes apart.
const MESH: &str = "appmesh.k8s.aws/mesh";
const NODE: &str = "appmesh.k8s.aws/virtualNode";

/// The node in the API's words.
fn translated(world: &World<'_>, node: &Node, namespace: &str) -> Node {
    let value = match &node.value {
        Value::Null => Value::Null,
        Value::Scalar(text) => Value::Scalar(text.clone()),
        Value::List(items) => {
            Value::List(items.iter().map(|item| translated(world, item, namespace)).collect())
        }
        Value::Map(entries) => {
            let is_route =
                node.get("http").or(node.get("http2")).or(node.get("grpc")).or(node.get("tcp"));
            let is_route = is_route.is_some_and(|inner| inner.has("action"));
            let entry = |entry: &Entry| {
                let mut node = translated(world, &entry.node, namespace);
                let key = match entry.key.as_str() {
                    "http" | "http2" | "grpc" | "tcp" if is_route => format!("{}Route", entry.key),
                    "cloudMap" => "awsCloudMap".to_owned(),
                    "virtualNodeName" => {
                        let name = node_name(world, node.text().unwrap_or_default(), namespace);
                        node = Node::scalar(node.loc, name);
                        "virtualNode".to_owned()
                    }
                    "perRetryTimeoutMillis" => {
                        let loc = node.loc;
                        let unit = Node::scalar(loc, "ms");
                        node = Node::map(loc, vec![("unit", unit), ("value", node)]);
                        "perRetryTimeout".to_owned()
                    }
                    key => key.to_owned(),
                };
                Entry { key, at: entry.at, node }
            };
            Value::Map(entries.iter().map(entry).collect())
        }
    };
    Node { loc: node.loc, value }
}
