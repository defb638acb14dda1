//! CloudFormation templates: the App Mesh resources of a template, with its functions computed.

use super::Document;
use super::cfn_value::{Template, nested};
use super::context::Cx;
use super::item::{self, Item, Named, Raw, elsewhere, lax, name_of, parent_of};
use super::report::Reason;
use super::shape::{Dialect, folded};
use super::tree::{Entry, Node, Value};
use super::{vars, yaml};
use crate::diag::shell::word;
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

/// What a tool prints or writes around templates is taken off: `aws cloudformation get-template`.
pub(super) fn unwrapped(node: &Node) -> Vec<Node> {
    let body = node.get("TemplateBody").filter(|_| node.entry("Resources").is_none());
    match body {
        Some(Node { value: Value::Scalar(text), loc }) => match yaml::parse(loc.file, text) {
            Ok(nodes) => nodes.iter().map(|inner| inner.relocated(*loc)).collect(),
            Err(_) => vec![node.clone()],
        },
        Some(body @ Node { value: Value::Map(_), .. }) => vec![body.clone()],
        _ => vec![node.clone()],
    }
}

/// Whether a template refers to resources that other files define: nested stacks, parts that a macro of
/// AWS includes.
pub(super) fn refers(node: &Node) -> bool {
    let resources = node.get("Resources").map(Node::entries).unwrap_or_default();
    is_template(node)
        && (includes(node).is_some() || resources.iter().any(|entry| elsewhere_of(entry).is_some()))
}

/// Where a template includes a part from elsewhere at its top.
fn includes(node: &Node) -> Option<&Entry> {
    let of_include = |one: &Node| {
        one.text() == Some("AWS::Include") || one.text_at("Name") == Some("AWS::Include")
    };
    let transform = node
        .entry("Transform")
        .filter(|entry| of_include(&entry.node) || entry.node.items().iter().any(of_include));
    transform.or_else(|| node.entry("Fn::Transform"))
}

/// Resources that are made of definitions elsewhere.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Made {
    /// A part of a template, which CloudFormation puts in when it processes the template.
    Part,
    /// A template of its own.
    Template,
}

/// What an entry of the resources is made of, where that is not written in the template.
fn elsewhere_of(entry: &Entry) -> Option<Made> {
    if entry.key == "Fn::Transform" {
        return Some(Made::Part);
    }
    let ty = entry.node.text_at("Type")?;
    let of_template = [
        "AWS::CloudFormation::Stack",
        "AWS::CloudFormation::StackSet",
        "AWS::Serverless::Application",
        "AWS::ServiceCatalog::CloudFormationProvisionedProduct",
    ];
    match ty {
        ty if of_template.contains(&ty) => Some(Made::Template),
        ty if ty.ends_with("::MODULE") => Some(Made::Part),
        _ => None,
    }
}

/// The command that prints a template with all its parts.
const PROCESSED: &str = "Import the template as CloudFormation processed it: aws cloudformation \
                         get-template --stack-name STACK --template-stage Processed > processed.json";

/// Whether a document is a template that has a resource of App Mesh.
pub(super) fn is(node: &Node) -> bool {
    let resources = node.get("Resources").map(Node::entries).unwrap_or_default();
    resources.iter().any(|entry| kind_of(&entry.node).is_some() || has_loop(entry))
}

/// Whether a document is a template at all: it may give values to others.
pub(super) fn is_template(node: &Node) -> bool {
    let of_aws = |entry: &Entry| entry.node.text_at("Type").is_some_and(|ty| ty.contains("::"));
    let part = |entry: &Entry| entry.key == "Fn::Transform";
    node.get("Resources")
        .is_some_and(|resources| resources.entries().iter().any(|e| of_aws(e) || part(e)))
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
            let message = format!("the macro {} is not run here. {PROCESSED}", name.text);
            cx.note(Reason::Unsupported, name.loc, "Transform", message);
        }
    }
    if let Some(entry) = includes(&document.node) {
        cx.generator(entry.at, "a part of the template is included from elsewhere", PROCESSED);
    }
    for entry in document.node.get("Resources").map(Node::entries).unwrap_or_default() {
        match kind_of(&entry.node) {
            Some(kind) => {
                let logical = Named { text: entry.key.clone(), loc: entry.at };
                items.extend(one(cx, &template, &logical, kind, &entry.node));
            }
            None if has_loop(entry) => {
                cx.about = None;
                let message = format!("loops are not run here. {PROCESSED}");
                cx.note(Reason::Unsupported, entry.at, &entry.key, message);
            }
            None => {
                cx.about = None;
                if let Some(from) = elsewhere_of(entry) {
                    referred(cx, &template, entry, from, all);
                    continue;
                }
                if entry.node.get("Properties").is_some_and(|properties| cx.makes(properties)) {
                    continue;
                }
                let ty = entry.node.text_at("Type").unwrap_or_default();
                elsewhere(cx, entry.at, &entry.key, &format!("{ty} is not an App Mesh resource"));
            }
        }
    }
}

/// Reports a resource that is made of definitions elsewhere, unless they are among the sources.
fn referred(
    cx: &mut Cx<'_>,
    template: &Template<'_>,
    entry: &Entry,
    from: Made,
    all: &[&Document],
) {
    let (resource, logical) = (&entry.node, entry.key.as_str());
    if let Some(condition) = resource.get("Condition")
        && let Some(name) = condition.text()
        && template.condition(cx, name, condition.loc) == Some(false)
    {
        elsewhere(cx, condition.loc, "Condition", &format!("{name} is false, so it is not made"));
        return;
    }
    if from == Made::Part {
        let message =
            format!("`{logical}` is a part of the template that is not among the sources");
        cx.generator(entry.at, message, PROCESSED);
        return;
    }
    let stem = nested(logical, resource);
    if stem.as_ref().is_some_and(|stem| all.iter().any(|one| one.stem == *stem)) {
        elsewhere(cx, entry.at, logical, "is a stack whose template is among the sources");
        return;
    }
    let file = stem.filter(|stem| !stem.contains('$')).unwrap_or_else(|| logical.to_owned());
    let help = format!(
        "Import its template too: aws cloudformation get-template --stack-name NESTED_STACK \
         --template-stage Processed > {}",
        word(&format!("{file}.json"))
    );
    let message = format!("the template of the stack `{logical}` is not among the sources");
    cx.generator(entry.at, message, help);
}

/// A name, or a list of some.
fn names(node: &Node) -> Vec<Named> {
    match &node.value {
        Value::List(items) => items.iter().flat_map(names).collect(),
        Value::Map(_) => node.get("Name").and_then(Named::of).into_iter().collect(),
        Value::Null | Value::Scalar(_) => Named::of(node).into_iter().collect(),
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
    let properties = vars::substitute(cx, &properties);
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
