//! Kubernetes resources of `appmesh.k8s.aws`, v1beta2: names as the controller made them.

use super::Document;
use super::context::Cx;
use super::crossplane;
use super::item::{self, Item, Named, Raw, elsewhere};
use super::k8s_gitops as gitops;
use super::k8s_legacy as legacy;
use super::k8s_world::World;
use super::report::Reason;
use super::shape::Dialect;
use super::tree::{Entry, Node, Value};
use crate::model::Kind;

/// The group of App Mesh's resources.
const GROUP: &str = "appmesh.k8s.aws/";

/// The kinds of the group.
pub(super) const KINDS: [(&str, Kind); 6] = [
    ("Mesh", Kind::Mesh),
    ("VirtualNode", Kind::VirtualNode),
    ("VirtualRouter", Kind::VirtualRouter),
    ("VirtualService", Kind::VirtualService),
    ("VirtualGateway", Kind::VirtualGateway),
    ("GatewayRoute", Kind::GatewayRoute),
];

/// An object of Kubernetes.
pub(super) struct Object<'a> {
    pub(super) node: &'a Node,
    pub(super) metadata: &'a Node,
    pub(super) spec: Node,
    pub(super) kind: &'a str,
    pub(super) legacy: bool,
    namespace: String,
    /// Whether the namespace is the one of kubectl, because nothing says which it is.
    concluded: bool,
}

/// Whether a document is an object of Kubernetes, of whatever kind.
pub(super) fn is(node: &Node) -> bool {
    node.text_at("apiVersion").is_some() && node.text_at("kind").is_some()
}

/// Whether an object is one that is read, or a list that may have some.
pub(super) fn is_read(node: &Node) -> bool {
    let kind = node.text_at("kind").unwrap_or_default();
    kind == "Namespace"
        || kind.ends_with("List")
        || node.text_at("apiVersion").is_some_and(|version| version.starts_with(GROUP))
}

/// Reads the App Mesh resources among all objects of all files.
pub(super) fn read(cx: &mut Cx<'_>, documents: &[&Document], items: &mut Vec<Item>) {
    let mut nodes: Vec<&Node> = Vec::new();
    for document in documents {
        flatten(&document.node, &mut nodes);
    }
    nodes.retain(|node| !deleted(cx, node));
    let empty = Node { loc: crate::span::Loc::NOWHERE, value: Value::Map(Vec::new()) };
    let objects: Vec<Object<'_>> = nodes
        .iter()
        .filter(|node| node.text_at("apiVersion").is_some_and(|v| v.starts_with(GROUP)))
        .map(|node| Object {
            node,
            metadata: node.get("metadata").unwrap_or(&empty),
            spec: node
                .get("spec")
                .cloned()
                .unwrap_or_else(|| Node { loc: node.loc, value: Value::Map(Vec::new()) }),
            kind: node.text_at("kind").unwrap_or_default(),
            legacy: node.text_at("apiVersion") == Some("appmesh.k8s.aws/v1beta1"),
            namespace: namespace(cx, node).unwrap_or("default").to_owned(),
            concluded: namespace(cx, node).is_none(),
        })
        .collect();
    let world = World::new(&objects, &nodes);
    for node in &nodes {
        let version = node.text_at("apiVersion").unwrap_or_default();
        if version.starts_with(GROUP) {
            continue;
        }
        let kind = node.text_at("kind").unwrap_or_default();
        cx.about = None;
        if crossplane::is(node) {
            crossplane::read(cx, node, &nodes, items);
        } else if !gitops::report(cx, node) && !nested(cx, node) {
            elsewhere(cx, node.loc, kind, "is an object of Kubernetes, not of the mesh");
        }
    }
    for object in &objects {
        if object.kind == "BackendGroup" {
            cx.about = None;
            elsewhere(cx, object.node.loc, "kind", "is read with the nodes that name it");
            continue;
        }
        let Some((_, kind)) = KINDS.iter().find(|(word, _)| *word == object.kind) else {
            cx.note(
                Reason::Unsupported,
                object.node.loc,
                "kind",
                format!("a {} has no counterpart", object.kind),
            );
            continue;
        };
        if object.legacy {
            legacy::read(cx, &world, object, *kind, items);
        } else {
            one(cx, &world, object, *kind, items);
        }
    }
}

/// Whether an object of the mesh is being deleted, which is reported.
fn deleted(cx: &mut Cx<'_>, node: &Node) -> bool {
    let own = node.text_at("apiVersion").is_some_and(|version| version.starts_with(GROUP));
    let Some(time) = node.at(&["metadata", "deletionTimestamp"]) else { return false };
    let gone = (own || crossplane::is(node)) && time.value != Value::Null;
    if gone {
        cx.about = None;
        let name = node.at(&["metadata", "name"]).and_then(Node::text).unwrap_or_default();
        let kind = node.text_at("kind").unwrap_or_default();
        let message = format!("the {kind} `{name}` is being deleted, and is left out");
        cx.note(Reason::Overridden, time.loc, "metadata.deletionTimestamp", message);
    }
    gone
}

/// The namespace of an object, if it says one or the caller does.
fn namespace<'n>(cx: &'n Cx<'_>, node: &'n Node) -> Option<&'n str> {
    let own = node.at(&["metadata", "namespace"]).and_then(Node::text);
    own.filter(|text| !text.is_empty()).or(cx.options.namespace.as_deref())
}

/// Reports definitions, or what makes some, within another object: in a ConfigMap or a Job for example.
fn nested(cx: &mut Cx<'_>, node: &Node) -> bool {
    node.entries()
        .iter()
        .filter(|entry| !["apiVersion", "kind", "metadata", "status"].contains(&entry.key.as_str()))
        .any(|entry| cx.makes(&entry.node))
}

/// Takes lists apart.
pub(super) fn flatten<'a>(node: &'a Node, out: &mut Vec<&'a Node>) {
    match node.get("items") {
        Some(items) if node.text_at("kind").is_some_and(|kind| kind.ends_with("List")) => {
            items.items().iter().for_each(|item| flatten(item, out));
        }
        _ => out.push(node),
    }
}

impl Object<'_> {
    pub(super) fn name(&self) -> Option<Named> {
        self.metadata.get("name").and_then(Named::of)
    }

    pub(super) fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Reports a namespace that the source does not say.
    pub(super) fn note_namespace(&self, cx: &mut Cx<'_>) {
        if self.concluded {
            let message =
                "the source names no namespace, so it is `default`; to change it: --namespace NAME";
            cx.note(Reason::Assumed, self.node.loc, "metadata.namespace", message.to_owned());
        }
    }
}

/// The name that the controller gives where `awsName` does not.
pub(super) fn default_name(kind: Kind, name: &str, namespace: &str) -> String {
    match kind {
        Kind::Mesh => name.to_owned(),
        Kind::VirtualService => format!("{name}.{namespace}"),
        Kind::VirtualNode
        | Kind::VirtualRouter
        | Kind::Route
        | Kind::VirtualGateway
        | Kind::GatewayRoute => format!("{name}_{namespace}"),
    }
}

/// Reads one object: its references become names, its selectors become words.
fn one(cx: &mut Cx<'_>, world: &World<'_>, object: &Object<'_>, kind: Kind, items: &mut Vec<Item>) {
    let Some(name) = object.name() else {
        cx.bad_field(object.node.loc, "metadata.name", "the object has no name".to_owned());
        return;
    };
    let namespace = object.namespace();
    let name = Named { text: world.name(kind, &name.text, namespace), loc: name.loc };
    cx.about = Some(item::address(kind, None, &name));
    if kind != Kind::Mesh {
        object.note_namespace(cx);
    }
    let mut remarks = Vec::new();
    let mut spec = world.with_groups(cx, object);
    let mut routes = Vec::new();
    if let Value::Map(entries) = &mut spec.value {
        entries.retain(|entry| match entry.key.as_str() {
            "awsName" | "meshRef" | "virtualGatewayRef" => false,
            "podSelector" | "namespaceSelector" | "gatewayRouteSelector" => {
                let what = match entry.key.as_str() {
                    "podSelector" => "pods",
                    "namespaceSelector" => "namespaces",
                    _ => "gateway routes",
                };
                remarks.push(format!("In Kubernetes: {what} with {}.", selector(&entry.node)));
                cx.note(
                    Reason::Elsewhere,
                    entry.at,
                    &format!("spec.{}", entry.key),
                    "chose objects of Kubernetes; it is kept as a comment".to_owned(),
                );
                false
            }
            "meshOwner" if kind == Kind::Mesh => {
                cx.mesh_owners.extend(Named::of(&entry.node));
                cx.saw("CreateVirtualNode.meshOwner");
                false
            }
            "routes" if kind == Kind::VirtualRouter => {
                routes = entry.node.items().to_vec();
                false
            }
            _ => true,
        });
        for entry in entries {
            if entry.key == "meshServiceDiscovery" && kind == Kind::Mesh {
                entry.key = "serviceDiscovery".to_owned();
            }
            entry.node = referred(world, &entry.node, namespace);
        }
    }
    let parent = match kind {
        Kind::GatewayRoute => world.gateway(cx, object),
        _ => None,
    };
    let mesh = object
        .spec
        .at(&["meshRef", "name"])
        .and_then(Named::of)
        .map(|mesh| Named {
            text: world.known(Kind::Mesh, &mesh.text, "default").cloned().unwrap_or(mesh.text),
            loc: mesh.loc,
        })
        .or_else(|| world.mesh.clone())
        .filter(|_| kind != Kind::Mesh);
    beside(cx, object);
    let tags = None;
    let (loc, path) = (object.node.loc, "spec");
    let raw = Raw {
        kind,
        name: name.clone(),
        parent,
        mesh: mesh.clone(),
        owner: None,
        tags,
        spec: &spec,
        path,
        loc,
        remarks,
    };
    items.extend(item::item(cx, raw, Dialect::Api));
    for (at, route) in routes.iter().enumerate() {
        let path = format!("spec.routes[{at}]");
        let Some(own) = route.get("name").and_then(Named::of) else {
            cx.bad_field(route.loc, &path, "the route has no name".to_owned());
            continue;
        };
        let mut spec = referred(world, route, namespace);
        if let Value::Map(entries) = &mut spec.value {
            entries.retain(|entry| entry.key != "name");
        }
        let raw = Raw {
            kind: Kind::Route,
            name: own,
            parent: Some(name.clone()),
            mesh: mesh.clone(),
            owner: None,
            tags: None,
            spec: &spec,
            path: &path,
            loc: route.loc,
            remarks: Vec::new(),
        };
        items.extend(item::item(cx, raw, Dialect::Api));
    }
}

/// Reports what an object has beside its spec.
pub(super) fn beside(cx: &mut Cx<'_>, object: &Object<'_>) {
    for entry in object.node.entries() {
        match entry.key.as_str() {
            "apiVersion" | "kind" | "metadata" | "spec" => {}
            "status" => elsewhere(cx, entry.at, "status", "is Kubernetes' bookkeeping"),
            _ => cx.unknown_field(entry.at, &entry.key, object.kind),
        }
    }
    for entry in object.metadata.entries() {
        if !["name", "namespace"].contains(&entry.key.as_str()) {
            let field = format!("metadata.{}", entry.key);
            elsewhere(cx, entry.at, &field, "is Kubernetes' own");
        }
    }
}

/// A selector in words.
fn selector(node: &Node) -> String {
    let exact = node.get("matchLabels").map(Node::entries).unwrap_or_default();
    let mut all: Vec<String> = exact
        .iter()
        .map(|entry| format!("{} = {}", entry.key, entry.node.text().unwrap_or_default()))
        .collect();
    for expression in node.get("matchExpressions").map(Node::items).unwrap_or_default() {
        let word = |key| expression.text_at(key).unwrap_or_default();
        let values: Vec<&str> = expression
            .get("values")
            .map(Node::items)
            .unwrap_or_default()
            .iter()
            .filter_map(Node::text)
            .collect();
        all.push(
            format!("{} {} {}", word("key"), word("operator"), values.join(" ")).trim().to_owned(),
        );
    }
    match all.is_empty() {
        true => "any labels".to_owned(),
        false => all.join(", "),
    }
}

/// References and ARNs of Kubernetes, and the fields of the API that they stand for.
const REFERENCES: [(&str, &str, Kind); 6] = [
    ("virtualNodeRef", "virtualNodeName", Kind::VirtualNode),
    ("virtualNodeARN", "virtualNodeName", Kind::VirtualNode),
    ("virtualRouterRef", "virtualRouterName", Kind::VirtualRouter),
    ("virtualRouterARN", "virtualRouterName", Kind::VirtualRouter),
    ("virtualServiceRef", "virtualServiceName", Kind::VirtualService),
    ("virtualServiceARN", "virtualServiceName", Kind::VirtualService),
];

/// The node with its references replaced by names in App Mesh.
fn referred(world: &World<'_>, node: &Node, namespace: &str) -> Node {
    let value = match &node.value {
        Value::Null => Value::Null,
        Value::Scalar(text) => Value::Scalar(text.clone()),
        Value::List(items) => {
            Value::List(items.iter().map(|item| referred(world, item, namespace)).collect())
        }
        Value::Map(entries) => {
            // A target of a route names its node by another key than a provider does.
            let weighted = node.has("weight");
            let entry = |entry: &Entry| {
                let found = REFERENCES.iter().find(|(word, _, _)| *word == entry.key);
                let Some((_, key, kind)) = found else {
                    return Entry {
                        key: entry.key.clone(),
                        at: entry.at,
                        node: referred(world, &entry.node, namespace),
                    };
                };
                let key = if weighted && *kind == Kind::VirtualNode { "virtualNode" } else { *key };
                let named = match entry.node.get("name").and_then(Named::of) {
                    Some(name) => {
                        let other = entry.node.text_at("namespace").unwrap_or(namespace);
                        Some(Named { text: world.name(*kind, &name.text, other), loc: name.loc })
                    }
                    None => Named::of(&entry.node).map(Named::last_part),
                };
                let node = match named {
                    Some(name) => Node::scalar(name.loc, name.text),
                    None => entry.node.clone(),
                };
                Entry { key: key.to_owned(), at: entry.at, node }
            };
            Value::Map(entries.iter().map(entry).collect())
        }
    };
    Node { loc: node.loc, value }
}
