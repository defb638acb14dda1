//! What all objects of Kubernetes say together: names in App Mesh, labels of namespaces, gateways and
//! groups of backends.

use super::context::Cx;
use super::item::{Named, lax};
use super::k8s::{KINDS, Object, default_name};
use super::k8s_legacy as legacy;
use super::report::Reason;
use super::tree::{Entry, Node, Value};
use crate::model::Kind;
use std::collections::BTreeMap;

/// What all objects together say: names in App Mesh, labels of namespaces, gateways.
pub(super) struct World<'a> {
    names: BTreeMap<(Kind, String, String), String>,
    labels: BTreeMap<String, &'a Node>,
    gateways: Vec<&'a Object<'a>>,
    groups: Vec<&'a Object<'a>>,
    pub(super) mesh: Option<Named>,
}

impl<'a> World<'a> {
    pub(super) fn new(objects: &'a [Object<'a>], nodes: &[&'a Node]) -> Self {
        let mut world = Self {
            names: BTreeMap::new(),
            labels: BTreeMap::new(),
            gateways: Vec::new(),
            groups: objects.iter().filter(|object| object.kind == "BackendGroup").collect(),
            mesh: None,
        };
        for object in objects {
            let found = KINDS.iter().find(|(word, _)| *word == object.kind);
            let (Some((_, kind)), Some(name)) = (found, object.name()) else { continue };
            let given = object.spec.get("awsName").and_then(Named::of);
            let namespace = object.namespace().to_owned();
            let aws = match &given {
                Some(given) => given.text.clone(),
                None if object.legacy => legacy::default_name(*kind, &name.text, &namespace),
                None => default_name(*kind, &name.text, &namespace),
            };
            if *kind == Kind::Mesh {
                world.mesh.get_or_insert(Named { text: aws.clone(), loc: name.loc });
            }
            if *kind == Kind::VirtualGateway {
                world.gateways.push(object);
            }
            world.names.insert((*kind, namespace, name.text), aws);
        }
        for node in nodes.iter().filter(|node| node.text_at("kind") == Some("Namespace")) {
            if let (Some(name), Some(labels)) = (
                node.at(&["metadata", "name"]).and_then(Node::text),
                node.at(&["metadata", "labels"]),
            ) {
                world.labels.insert(name.to_owned(), labels);
            }
        }
        world
    }

    /// The name in App Mesh of what a reference names.
    pub(super) fn name(&self, kind: Kind, name: &str, namespace: &str) -> String {
        self.names
            .get(&(kind, namespace.to_owned(), name.to_owned()))
            .cloned()
            .unwrap_or_else(|| default_name(kind, name, namespace))
    }

    /// The name in App Mesh of an object, if there is such an object.
    pub(super) fn known(&self, kind: Kind, name: &str, namespace: &str) -> Option<&String> {
        self.names.get(&(kind, namespace.to_owned(), name.to_owned()))
    }

    /// The gateway that takes a route, as the controller would choose it.
    pub(super) fn gateway(&self, cx: &mut Cx<'_>, route: &Object<'_>) -> Option<Named> {
        if let Some(reference) = route.spec.get("virtualGatewayRef") {
            let name = reference.get("name").and_then(Named::of)?;
            let namespace = reference.text_at("namespace").unwrap_or(route.namespace());
            let text = self.name(Kind::VirtualGateway, &name.text, namespace);
            return Some(Named { text, loc: name.loc });
        }
        let matching: Vec<&&Object<'_>> = self
            .gateways
            .iter()
            .filter(|gateway| {
                let of_namespace = gateway.spec.get("namespaceSelector");
                let labels = self.labels.get(route.namespace()).copied();
                let of_route = gateway.spec.get("gatewayRouteSelector");
                // A namespace whose labels are not in the sources may have the right ones.
                labels.is_none_or(|labels| selects(of_namespace, Some(labels)))
                    && selects(of_route, route.metadata.get("labels"))
            })
            .collect();
        let chosen = match (matching.as_slice(), self.gateways.as_slice()) {
            ([one], _) => one,
            ([], [one]) => one,
            _ => return None,
        };
        let name = chosen.name()?;
        let text = self.name(Kind::VirtualGateway, &name.text, chosen.namespace());
        let loc = route.node.loc;
        if self.gateways.len() > 1 {
            cx.note(
                Reason::Assumed,
                loc,
                "virtualGatewayRef",
                format!("belongs to {text}, whose selectors fit"),
            );
        }
        Some(Named { text, loc })
    }
}

impl World<'_> {
    /// The spec of an object with the services of its backend groups among its backends, as the
    /// controller put them there.
    pub(super) fn with_groups(&self, cx: &mut Cx<'_>, object: &Object<'_>) -> Node {
        let mut spec = object.spec.clone();
        let Some(groups) = object.spec.entry("backendGroups") else { return spec };
        let mut added: Vec<Node> = Vec::new();
        for wanted in groups.node.items() {
            let name = wanted.text_at("name").unwrap_or_default();
            let namespace = wanted.text_at("namespace").unwrap_or(object.namespace());
            let fits = |group: &&&Object<'_>| {
                group.name().is_some_and(|own| own.text == name) && group.namespace() == namespace
            };
            let Some(group) = self.groups.iter().find(fits) else {
                let message =
                    format!("no source defines the BackendGroup `{name}` of `{namespace}`");
                cx.note(Reason::Unsupported, wanted.loc, "spec.backendGroups", message);
                continue;
            };
            let services = lax(&group.spec, "virtualServices");
            for service in services.map(Node::items).unwrap_or_default() {
                let own = |key| service.text_at(key);
                let Some(name) = own("name") else { continue };
                let text =
                    self.name(Kind::VirtualService, name, own("namespace").unwrap_or(namespace));
                let name = Node::scalar(service.loc, text);
                let backend = Node::map(service.loc, vec![("virtualServiceName", name)]);
                added.push(Node::map(service.loc, vec![("virtualService", backend)]));
            }
        }
        let loc = groups.node.loc;
        if let Value::Map(entries) = &mut spec.value {
            entries.retain(|entry| entry.key != "backendGroups");
            match entries.iter_mut().find(|entry| entry.key == "backends") {
                Some(Entry { node: Node { value: Value::List(own), .. }, .. }) => own.extend(added),
                _ => entries.push(Entry {
                    key: "backends".to_owned(),
                    at: groups.at,
                    node: Node::list(loc, added),
                }),
            }
        }
        spec
    }
}

/// Whether a label selector fits labels. No selector fits nothing but the only candidate.
fn selects(selector: Option<&Node>, labels: Option<&Node>) -> bool {
    let Some(selector) = selector else { return true };
    let has = |key: &str| labels.and_then(|labels| labels.text_at(key));
    let exact = selector.get("matchLabels").map(Node::entries).unwrap_or_default();
    let all = exact.iter().all(|entry| has(&entry.key) == entry.node.text());
    let expressions = selector.get("matchExpressions").map(Node::items).unwrap_or_default();
    all && expressions.iter().all(|expression| {
        let key = expression.text_at("key").unwrap_or_default();
        let values = expression.get("values").map(Node::items).unwrap_or_default();
        let among = |text: &str| values.iter().any(|value| value.text() == Some(text));
        match expression.text_at("operator") {
            Some("In") => has(key).is_some_and(among),
            Some("NotIn") => !has(key).is_some_and(among),
            Some("Exists") => has(key).is_some(),
            Some("DoesNotExist") => has(key).is_none(),
            _ => false,
        }
    })
}
