//! Managed resources of Crossplane and stacks of Pulumi: Terraform's resources by other names.

use super::context::Cx;
use super::item::{Item, Named};
use super::terraform;
use super::tree::{Entry, Node, Value};
use std::collections::BTreeSet;

/// Whether an object is a managed resource of App Mesh.
pub(super) fn is(node: &Node) -> bool {
    let version = node.text_at("apiVersion").unwrap_or_default();
    version.starts_with("appmesh.aws.") && node.at(&["spec", "forProvider"]).is_some()
}

/// Reads a managed resource. References to other objects are resolved, as Crossplane fills them in.
pub(super) fn read(cx: &mut Cx<'_>, node: &Node, all: &[&Node], items: &mut Vec<Item>) {
    let Some(ty) = node.get("kind").and_then(|kind| terraform_type(kind, kind.text()?)) else {
        return;
    };
    let Some(given) = node.at(&["spec", "forProvider"]) else { return };
    let mut values = filled(cx, given, all);
    let metadata = node.get("metadata");
    let external = metadata.and_then(|m| m.at(&["annotations", "crossplane.io/external-name"]));
    let name = external.or_else(|| metadata.and_then(|m| m.get("name")));
    if let (None, Some(name)) = (values.get("name"), name) {
        values.set("name", name.clone());
    }
    terraform::one(cx, Some(&ty), Some(&values), node, items);
}

/// Values with what their references stand for: `meshNameRef`, and `meshNameSelector` where it chooses one
/// object among the sources, are `meshName`.
fn filled(cx: &mut Cx<'_>, node: &Node, all: &[&Node]) -> Node {
    let value = match &node.value {
        Value::Null => Value::Null,
        Value::Scalar(text) => Value::Scalar(text.clone()),
        Value::List(list) => Value::List(list.iter().map(|one| filled(cx, one, all)).collect()),
        Value::Map(entries) => {
            let mut out: Vec<Entry> = Vec::with_capacity(entries.len());
            let mut given: BTreeSet<String> = entries
                .iter()
                .filter(|entry| entry.node.value != Value::Null)
                .map(|entry| entry.key.clone())
                .collect();
            for entry in entries {
                let key = ["Ref", "Selector"].iter().find_map(|end| entry.key.strip_suffix(end));
                let kind = key.and_then(kind_of);
                let (Some(key), Some(kind)) = (key, kind) else {
                    out.push(Entry { node: filled(cx, &entry.node, all), ..entry.clone() });
                    continue;
                };
                // What is written out counts, then the reference, then the selector.
                let referred =
                    entry.key.ends_with("Selector") && given.contains(&format!("{key}Ref"));
                if given.contains(key) || referred {
                    continue;
                }
                let text = match meant(kind, &entry.node, all) {
                    Some(text) => text,
                    None => {
                        cx.variable(&format!("{}.{}", entry.key, chosen(&entry.node)), entry.at)
                    }
                };
                let node = Node::scalar(entry.node.loc, text);
                given.insert(key.to_owned());
                out.push(Entry { key: key.to_owned(), at: entry.at, node });
            }
            Value::Map(out)
        }
    };
    Node { loc: node.loc, value }
}

/// The kind of object that a field refers to: `virtualNodeName`, or `virtualNode` of a target.
fn kind_of(key: &str) -> Option<&'static str> {
    let kinds = ["Mesh", "VirtualNode", "VirtualRouter", "VirtualService", "VirtualGateway"];
    let bare = key.strip_suffix("Name").unwrap_or(key);
    kinds.into_iter().find(|kind| kind.eq_ignore_ascii_case(bare))
}

/// The name in App Mesh of what a reference or a selector means; `None` if the source does not say.
fn meant(kind: &str, reference: &Node, all: &[&Node]) -> Option<String> {
    let mut objects = all.iter().filter(|one| is(one) && one.text_at("kind") == Some(kind));
    if let Some(wanted) = reference.text_at("name") {
        let found =
            objects.find(|one| one.at(&["metadata", "name"]).and_then(Node::text) == Some(wanted));
        // An object that is not among the sources is called as its reference says, unless it says otherwise.
        return Some(found.and_then(|one| own_name(one)).unwrap_or_else(|| wanted.to_owned()));
    }
    let labels = reference.get("matchLabels").map(Node::entries).filter(|all| !all.is_empty())?;
    let mut fitting = objects.filter(|one| {
        let own = one.at(&["metadata", "labels"]);
        labels.iter().all(|label| {
            own.and_then(|own| own.text_at(&label.key))
                .is_some_and(|t| Some(t) == label.node.text())
        })
    });
    let found = fitting.next()?;
    fitting.next().is_none().then(|| own_name(found)).flatten()
}

/// What a selector says, for the name of what it leaves open.
fn chosen(selector: &Node) -> String {
    let labels = selector.get("matchLabels").map(Node::entries).unwrap_or_default();
    let one = |entry: &Entry| entry.node.text().unwrap_or_default().to_owned();
    labels.iter().map(one).collect::<Vec<_>>().join("-")
}

/// The name in App Mesh of what an object manages.
fn own_name(node: &Node) -> Option<String> {
    let given = node.at(&["spec", "forProvider", "name"]);
    let external = || node.at(&["metadata", "annotations", "crossplane.io/external-name"]);
    let name = given.or_else(external).or_else(|| node.at(&["metadata", "name"]))?;
    name.text().map(str::to_owned)
}

/// Whether a document is the export of a stack of Pulumi.
pub(super) fn is_stack(node: &Node) -> bool {
    node.at(&["deployment", "resources"]).is_some()
}

/// Reads the resources of a stack: what they gave out, or else what they were given.
pub(super) fn read_stack(cx: &mut Cx<'_>, node: &Node, items: &mut Vec<Item>) {
    let resources = node.at(&["deployment", "resources"]).map(Node::items).unwrap_or_default();
    for resource in resources {
        // `aws:appmesh/virtualNode:VirtualNode`
        let Some(kind) = resource
            .get("type")
            .filter(|kind| kind.text().is_some_and(|text| text.starts_with("aws:appmesh/")))
        else {
            continue;
        };
        if resource.get("delete").and_then(Node::boolean) == Some(true) {
            continue;
        }
        let word = kind.text().and_then(|text| text.rsplit(':').next());
        let Some(ty) = word.and_then(|word| terraform_type(kind, word)) else { continue };
        let values = resource.get("outputs").or_else(|| resource.get("inputs")).map(plain);
        terraform::one(cx, Some(&ty), values.as_ref(), resource, items);
    }
}

/// A stack's values without what Pulumi notes for itself.
fn plain(node: &Node) -> Node {
    let mut node = node.clone();
    if let Value::Map(entries) = &mut node.value {
        entries.retain(|entry| !entry.key.starts_with("__"));
    }
    node
}

/// `VirtualNode` is `aws_appmesh_virtual_node`.
fn terraform_type(at: &Node, kind: &str) -> Option<Named> {
    let mut text = String::from("aws_appmesh");
    for c in kind.chars() {
        if c.is_ascii_uppercase() {
            text.push('_');
        }
        text.push(c.to_ascii_lowercase());
    }
    Some(Named { text, loc: at.loc })
}
