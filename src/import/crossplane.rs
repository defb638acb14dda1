//! Managed resources of Crossplane and stacks of Pulumi: Terraform's resources by other names.

use super::context::Cx;
use super::item::{Item, Named};
use super::terraform;
use super::tree::{Node, Value};

/// Whether an object is a managed resource of App Mesh.
pub(super) fn is(node: &Node) -> bool {
    let version = node.text_at("apiVersion").unwrap_or_default();
    version.starts_with("appmesh.aws.") && node.at(&["spec", "forProvider"]).is_some()
}

/// Reads a managed resource. References to other objects are resolved by name, as Crossplane fills
/// them in.
pub(super) fn read(cx: &mut Cx<'_>, node: &Node, items: &mut Vec<Item>) {
    let Some(ty) = node.get("kind").and_then(|kind| terraform_type(kind, kind.text()?)) else {
        return;
    };
    let Some(given) = node.at(&["spec", "forProvider"]) else { return };
    let mut values = given.clone();
    let metadata = node.get("metadata");
    let external = metadata.and_then(|m| m.at(&["annotations", "crossplane.io/external-name"]));
    let name = external.or_else(|| metadata.and_then(|m| m.get("name")));
    if let (None, Some(name)) = (values.get("name"), name) {
        values.set("name", name.clone());
    }
    for key in ["meshName", "virtualRouterName", "virtualGatewayName"] {
        let reference = given.at(&[&format!("{key}Ref"), "name"]).cloned();
        if let (None, Some(name)) = (values.get(key), reference) {
            values.set(key, name);
        }
        if let Value::Map(entries) = &mut values.value {
            let unneeded = [format!("{key}Ref"), format!("{key}Selector")];
            entries.retain(|entry| !unneeded.contains(&entry.key));
        }
    }
    terraform::one(cx, Some(&ty), Some(&values), node, items);
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
