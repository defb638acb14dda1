//! CloudFormation templates: the App Mesh resources of a template, with its functions computed.

use super::Document;
use super::cfn_value::Template;
use super::context::Cx;
use super::item::{self, Item, Named, Raw, elsewhere, lax, name_of, parent_of};
use super::report::Reason;
use super::shape::{Dialect, folded};
use super::tree::{Entry, Node, Value};
use crate::model::Kind;

/// The types of App Mesh's resources.
const TYPES: [(&str, Kind); 7] = [
    ("AWS::AppMesh::Mesh", Kind::Mesh),
    ("AWS::AppMesh::VirtualNode", Kind::VirtualNode),
    ("AWS::AppMesh::VirtualRouter", Kind::VirtualRouter),
    ("AWS::AppMesh::Route", Kind::Route),
    ("AWS::AppMesh::VirtualService", Kind::VirtualService),
    ("AWS::AppMesh::VirtualGateway", Kind::VirtualGateway),
    ("AWS::AppMesh::GatewayRoute", Kind::GatewayRoute),
];

/// The kind of a resource of a template.
pub(super) fn kind_of(resource: &Node) -> Option<Kind> {
    let ty = resource.text_at("Type")?;
    TYPES.iter().find(|(known, _)| *known == ty).map(|(_, kind)| *kind)
}

/// Whether a document is a template that has a resource of App Mesh.
pub(super) fn is(node: &Node) -> bool {
    let resources = node.get("Resources").map(Node::entries).unwrap_or_default();
    resources.iter().any(|entry| kind_of(&entry.node).is_some() || has_loop(entry))
}

/// Whether a document is a template at all: it may give values to others.
pub(super) fn is_template(node: &Node) -> bool {
    let of_aws = |entry: &Entry| entry.node.text_at("Type").is_some_and(|ty| ty.contains("::"));
    node.get("Resources").is_some_and(|resources| resources.entries().iter().any(of_aws))
}

/// Whether an entry of the resources is a loop, which makes resources of App Mesh.
fn has_loop(entry: &Entry) -> bool {
    fn makes(node: &Node) -> bool {
        kind_of(node).is_some()
            || node.items().iter().any(makes)
            || node.entries().iter().any(|entry| makes(&entry.node))
    }
    entry.key.starts_with("Fn::") && makes(&entry.node)
}

/// Reads the App Mesh resources of a template.
pub(super) fn read(cx: &mut Cx<'_>, document: &Document, all: &[&Document], items: &mut Vec<Item>) {
    let template = Template::new(document, all);
    let transforms = document.node.entry("Transform");
    for name in transforms.iter().flat_map(|entry| names(&entry.node)) {
        // Those of AWS leave resources of App Mesh as they are.
        if !name.text.starts_with("AWS::") {
            cx.about = None;
            let message = format!("the macro {} is not run here", name.text);
            cx.note(Reason::Unsupported, name.loc, "Transform", message);
        }
    }
    for entry in document.node.get("Resources").map(Node::entries).unwrap_or_default() {
        match kind_of(&entry.node) {
            Some(kind) => {
                let logical = Named { text: entry.key.clone(), loc: entry.at };
                items.extend(one(cx, &template, &logical, kind, &entry.node));
            }
            None if has_loop(entry) => {
                cx.about = None;
                let message = "loops are not run here: import the template as CloudFormation \
                               processed it (get-template --template-stage Processed)";
                cx.note(Reason::Unsupported, entry.at, &entry.key, message.to_owned());
            }
            None => {
                cx.about = None;
                let ty = entry.node.text_at("Type").unwrap_or_default();
                elsewhere(cx, entry.at, &entry.key, &format!("{ty} is not an App Mesh resource"));
            }
        }
    }
}

/// A value with its dynamic references replaced: `{{resolve:SERVICE:NAME}}` is known to AWS alone.
fn resolved(cx: &mut Cx<'_>, node: &Node) -> Node {
    let value = match &node.value {
        Value::Null => Value::Null,
        Value::List(items) => Value::List(items.iter().map(|item| resolved(cx, item)).collect()),
        Value::Map(entries) => {
            let entry = |entry: &Entry| Entry { node: resolved(cx, &entry.node), ..entry.clone() };
            Value::Map(entries.iter().map(entry).collect())
        }
        Value::Scalar(text) => {
            let mut out = String::new();
            let mut rest = text.as_str();
            while let Some((before, inner, after)) =
                rest.split_once("{{").and_then(|(before, rest)| {
                    let (inner, after) = rest.split_once("}}")?;
                    Some((before, inner, after))
                })
            {
                out.push_str(before);
                match inner.trim().starts_with("resolve:") {
                    true => out.push_str(&cx.variable(inner.trim(), node.loc)),
                    false => out.push_str(&format!("{{{{{inner}}}}}")),
                }
                rest = after;
            }
            out.push_str(rest);
            Value::Scalar(out)
        }
    };
    Node { loc: node.loc, value }
}

/// A name, or a list of some.
fn names(node: &Node) -> Vec<Named> {
    match &node.value {
        Value::List(items) => items.iter().filter_map(Named::of).collect(),
        _ => Named::of(node).into_iter().collect(),
    }
}

fn one(
    cx: &mut Cx<'_>,
    template: &Template<'_>,
    logical: &Named,
    kind: Kind,
    resource: &Node,
) -> Option<Item> {
    cx.about = Some(item::address(kind, None, logical));
    if let Some(condition) = resource.get("Condition")
        && let Some(name) = condition.text()
        && template.condition(cx, name, condition.loc) == Some(false)
    {
        elsewhere(cx, condition.loc, "Condition", &format!("{name} is false, so it is not made"));
        return None;
    }
    for entry in resource.entries() {
        match entry.key.as_str() {
            "Type" | "Properties" | "Condition" => {}
            "DependsOn"
            | "DeletionPolicy"
            | "UpdateReplacePolicy"
            | "Metadata"
            | "UpdatePolicy"
            | "CreationPolicy" => {
                elsewhere(cx, entry.at, &entry.key, "is CloudFormation's own");
            }
            _ => cx.unknown_field(entry.at, &entry.key, "resource"),
        }
    }
    let empty = Node { loc: resource.loc, value: Value::Map(Vec::new()) };
    let properties = resource.get("Properties").unwrap_or(&empty);
    let properties = template.value(cx, properties);
    let properties = resolved(cx, &properties);
    let of = |key: &str| lax(&properties, key).and_then(Named::of).map(Named::last_part);
    let name = of(name_of(kind)).unwrap_or_else(|| {
        let message = format!("has no name; its logical name {} is taken", logical.text);
        cx.note(Reason::Assumed, logical.loc, name_of(kind), message);
        logical.clone()
    });
    let parent = parent_of(kind).and_then(of);
    cx.about = Some(item::address(kind, parent.as_ref(), &name));
    let read =
        [name_of(kind), parent_of(kind).unwrap_or("Spec"), "MeshName", "MeshOwner", "Spec", "Tags"];
    for entry in properties.entries() {
        if !read.iter().any(|known| folded(known) == folded(&entry.key)) {
            cx.unknown_field(entry.at, &entry.key, kind.as_str());
        }
    }
    if let Some(owner) = of("MeshOwner") {
        cx.saw("CreateVirtualNode.meshOwner");
        cx.mesh_owners.push(owner);
    }
    let mesh = if kind == Kind::Mesh { None } else { of("MeshName") };
    let spec = lax(&properties, "Spec").unwrap_or(&empty);
    let raw = Raw {
        kind,
        name,
        parent,
        mesh,
        owner: None,
        tags: lax(&properties, "Tags"),
        spec,
        path: "Properties.Spec",
        // The comment above a resource stands above its logical name.
        loc: crate::span::Loc {
            file: resource.loc.file,
            span: crate::span::Span { start: logical.loc.span.start, end: resource.loc.span.end },
        },
        remarks: Vec::new(),
    };
    item::item(cx, raw, Dialect::Api)
}
