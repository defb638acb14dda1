//! Terraform: `terraform show -json` of a state or a plan, and state files; `aws_appmesh_*`.
//!
//! Blocks are lists, lists have singular names, and what is not set is empty or zero (`shape`).

use super::Document;
use super::codes;
use super::context::Cx;
use super::crossplane;
use super::item::{self, Item, Named, Raw, elsewhere, lax, parent_of};
use super::report::Reason;
use super::shape::{Dialect, folded};
use super::tree::{Entry, Node, Value};
use super::vars;
use crate::diag::Diagnostic;
use crate::model::Kind;
use std::collections::BTreeMap;

/// The types of resources.
const TYPES: [(&str, Kind); 7] = [
    ("aws_appmesh_mesh", Kind::Mesh),
    ("aws_appmesh_virtual_node", Kind::VirtualNode),
    ("aws_appmesh_virtual_router", Kind::VirtualRouter),
    ("aws_appmesh_route", Kind::Route),
    ("aws_appmesh_virtual_service", Kind::VirtualService),
    ("aws_appmesh_virtual_gateway", Kind::VirtualGateway),
    ("aws_appmesh_gateway_route", Kind::GatewayRoute),
];

/// Whether a document is a state or a plan of Terraform.
pub(super) fn is(node: &Node) -> bool {
    let shown =
        ["values", "planned_values"].iter().any(|key| node.at(&[key, "root_module"]).is_some());
    let state = node.has("terraform_version") && node.get("resources").is_some();
    shown || state || is_old(node) || crossplane::is_stack(node)
}

/// Whether a document is a state or a plan that files may stand beside.
pub(super) fn is_state(node: &Node) -> bool {
    is(node) && !is_old(node) && !crossplane::is_stack(node)
}

/// Whether a document is a state as Terraform wrote it before 0.12.
fn is_old(node: &Node) -> bool {
    node.has("terraform_version") && node.get("modules").is_some_and(|m| !m.items().is_empty())
}

/// Reads the App Mesh resources of a state or a plan.
pub(super) fn read(cx: &mut Cx<'_>, document: &Document, items: &mut Vec<Item>) {
    let node = &document.node;
    if crossplane::is_stack(node) {
        crossplane::read_stack(cx, node, items);
        return;
    }
    if is_old(node) {
        let message = "this is a state of Terraform 0.11 or older";
        cx.report_error(
            Diagnostic::new(&codes::SYNTAX, node.loc, message)
                .help("import what `terraform show -json` of a newer Terraform prints of it"),
        );
        return;
    }
    for one in instances(node) {
        if one.data || one.prior {
            continue;
        }
        if one.deposed {
            elsewhere(
                cx,
                one.instance.loc,
                "deposed",
                "is to be destroyed, so it is no definition",
            );
            continue;
        }
        known(cx, &one, items);
    }
}

/// An instance of a resource, as a state or a plan knows it.
pub(super) struct Known<'s> {
    /// Its address without quotes, as addresses are compared and printed here.
    pub(super) address: String,
    /// The type of the resource.
    pub(super) ty: Option<Named>,
    /// Its attributes.
    pub(super) attributes: Option<&'s Node>,
    /// The whole instance, for its place.
    pub(super) instance: &'s Node,
    /// Whether it is a data source.
    pub(super) data: bool,
    /// Whether it is what a replacement left behind to be destroyed.
    pub(super) deposed: bool,
    /// Whether it is as it was before what is planned.
    prior: bool,
    /// What of its attributes a plan does not know before it is applied.
    unknown: Option<&'s Node>,
}

impl Known<'_> {
    /// An attribute, with a placeholder for each part that is not known; `None` if nothing of it is.
    pub(super) fn attribute(&self, cx: &mut Cx<'_>, name: &str) -> Option<Node> {
        let value = self.attributes.and_then(|all| all.get(name))?;
        match self.unknown.and_then(|unknown| unknown.get(name)) {
            Some(unknown) if unknown.text() == Some("true") => None,
            Some(unknown) => Some(filled(cx, value, unknown, &self.address, name)),
            None => Some(value.clone()),
        }
    }
}

/// Every instance of a state or a plan, in its own order; what is planned comes first.
pub(super) fn instances(node: &Node) -> Vec<Known<'_>> {
    let mut all = Vec::new();
    let changes = node.get("resource_changes").map(Node::items).unwrap_or_default();
    let unknown: BTreeMap<&str, &Node> = changes
        .iter()
        .filter_map(|change| {
            Some((change.text_at("address")?, change.at(&["change", "after_unknown"])?))
        })
        .collect();
    for path in [&["planned_values", "root_module"][..], &["values", "root_module"]] {
        if let Some(module) = node.at(path) {
            shown(module, &unknown, false, &mut all);
        }
    }
    if let Some(module) = node.at(&["prior_state", "values", "root_module"]) {
        shown(module, &BTreeMap::new(), true, &mut all);
    }
    for resource in node.get("resources").map(Node::items).unwrap_or_default() {
        let word = |key| resource.text_at(key).unwrap_or_default();
        let module = resource.text_at("module").map(|m| format!("{m}.")).unwrap_or_default();
        let data = word("mode") == "data";
        let kind = if data { "data." } else { "" };
        let base = format!("{module}{kind}{}.{}", word("type"), word("name"));
        for instance in resource.get("instances").map(Node::items).unwrap_or_default() {
            let address = match instance.text_at("index_key") {
                Some(key) => format!("{base}[{key}]"),
                None => base.clone(),
            };
            all.push(Known {
                address: plain(&address),
                ty: resource.get("type").and_then(Named::of),
                attributes: instance.get("attributes"),
                instance,
                data,
                deposed: instance.has("deposed"),
                prior: false,
                unknown: None,
            });
        }
    }
    all
}

/// The instances of a module as `terraform show -json` prints it.
fn shown<'s>(
    module: &'s Node,
    unknown: &BTreeMap<&str, &'s Node>,
    prior: bool,
    all: &mut Vec<Known<'s>>,
) {
    for resource in module.get("resources").map(Node::items).unwrap_or_default() {
        let address = resource.text_at("address").unwrap_or_default();
        all.push(Known {
            address: plain(address),
            ty: resource.get("type").and_then(Named::of),
            attributes: resource.get("values"),
            instance: resource,
            data: resource.text_at("mode") == Some("data"),
            deposed: false,
            prior,
            unknown: unknown.get(address).copied(),
        });
    }
    for child in module.get("child_modules").map(Node::items).unwrap_or_default() {
        shown(child, unknown, prior, all);
    }
}

fn plain(address: &str) -> String {
    address.replace('"', "")
}

/// Reads a resource that a state or a plan knows.
pub(super) fn known(cx: &mut Cx<'_>, one: &Known<'_>, items: &mut Vec<Item>) {
    let of_mesh = one.ty.as_ref().is_some_and(|ty| TYPES.iter().any(|(word, _)| *word == ty.text));
    let whole = one.attributes.zip(one.unknown).filter(|_| of_mesh).map(|(values, unknown)| {
        let asked = ["name", "spec", "virtual_router_name", "virtual_gateway_name"];
        let mut unknown = unknown.clone();
        if let Value::Map(entries) = &mut unknown.value {
            entries.retain(|entry| asked.contains(&entry.key.as_str()));
        }
        filled(cx, values, &unknown, &one.address, "")
    });
    self::one(cx, one.ty.as_ref(), whole.as_ref().or(one.attributes), one.instance, items);
}

/// A value with a placeholder for each part that is not known yet: `ADDRESS.KEY`.
fn filled(cx: &mut Cx<'_>, value: &Node, unknown: &Node, address: &str, key: &str) -> Node {
    let nothing = Node { loc: value.loc, value: Value::Null };
    let node = match &unknown.value {
        Value::Scalar(text) if text == "true" => {
            let name = format!("{address}.{key}");
            return Node::scalar(value.loc, cx.variable(&name, value.loc));
        }
        Value::Map(entries) => {
            let mut all = value.entries().to_vec();
            for Entry { key, at: _, node } in entries {
                match all.iter_mut().find(|entry| entry.key == *key) {
                    Some(entry) => entry.node = filled(cx, &entry.node, node, address, key),
                    None => {
                        let node = filled(cx, &nothing, node, address, key);
                        all.push(Entry { key: key.clone(), at: value.loc, node });
                    }
                }
            }
            Value::Map(all)
        }
        Value::List(items) if !items.is_empty() => {
            let all = items.iter().enumerate().map(|(at, unknown)| {
                filled(cx, value.items().get(at).unwrap_or(&nothing), unknown, address, key)
            });
            Value::List(all.collect())
        }
        Value::Null | Value::Scalar(_) | Value::List(_) => return value.clone(),
    };
    Node { loc: value.loc, value: node }
}

/// Reads one resource of which the values are known.
pub(super) fn one(
    cx: &mut Cx<'_>,
    ty: Option<&Named>,
    values: Option<&Node>,
    resource: &Node,
    items: &mut Vec<Item>,
) {
    let Some(ty) = ty else { return };
    let Some((_, kind)) = TYPES.iter().find(|(known, _)| *known == ty.text) else {
        cx.about = None;
        if values.is_some_and(|values| cx.makes(values)) {
            return;
        }
        let message = format!("{} is not an App Mesh resource", ty.text);
        cx.note(Reason::Elsewhere, ty.loc, resource.text_at("name").unwrap_or_default(), message);
        return;
    };
    let kind = *kind;
    let read = [
        "name",
        "meshname",
        "meshowner",
        "resourceowner",
        "spec",
        "tags",
        "tagsall",
        "virtualroutername",
        "virtualgatewayname",
    ];
    cx.about = values
        .and_then(|values| lax(values, "name"))
        .and_then(Named::of)
        .map(|name| item::address(kind, None, &name));
    let values = values.cloned().map(|mut values| {
        if let Value::Map(entries) = &mut values.value {
            for entry in entries.iter_mut().filter(|e| read.contains(&folded(&e.key).as_str())) {
                entry.node = vars::substitute(cx, &entry.node);
            }
        }
        values
    });
    let values = values.as_ref();
    let (Some(values), Some(name)) =
        (values, values.and_then(|v| lax(v, "name")).and_then(Named::of))
    else {
        cx.about = None;
        cx.bad_field(resource.loc, "name", "the resource has no name yet".to_owned());
        return;
    };
    let of = |key: &str| lax(values, key).and_then(Named::of);
    let parent = parent_of(kind).and_then(|_| match kind {
        Kind::Route => of("virtual_router_name"),
        _ => of("virtual_gateway_name"),
    });
    cx.about = Some(item::address(kind, parent.as_ref(), &name));
    for entry in values.entries() {
        match folded(&entry.key).as_str() {
            "arn" | "id" | "createddate" | "lastupdateddate" | "region" | "timeouts"
            | "defaults" => {
                let message = "is Terraform's and AWS's bookkeeping".to_owned();
                cx.note(Reason::Elsewhere, entry.at, &entry.key, message);
            }
            key if read.contains(&key) => {}
            _ => cx.unknown_field(entry.at, &entry.key, &ty.text),
        }
    }
    let owner = of("mesh_owner");
    let other = of("resource_owner")
        .filter(|other| kind != Kind::Mesh && owner.as_ref().is_some_and(|o| o.text != other.text));
    if let Some(owner) = owner {
        cx.saw("CreateVirtualNode.meshOwner");
        cx.mesh_owners.push(owner);
    }
    let empty = Node { loc: values.loc, value: Value::Map(Vec::new()) };
    let spec = lax(values, "spec").map(|spec| cleaned(cx, spec));
    let empty_list = |node: &Node| matches!(&node.value, Value::List(items) if items.is_empty());
    let spec = spec.filter(|spec| !empty_list(spec)).unwrap_or(empty);
    let tags = lax(values, "tags_all").or_else(|| lax(values, "tags"));
    let raw = Raw {
        kind,
        name,
        parent,
        mesh: if kind == Kind::Mesh { None } else { of("mesh_name") },
        owner: other,
        tags: tags.filter(|tags| !tags.entries().is_empty()),
        spec: &spec,
        path: "spec",
        loc: resource.loc,
        remarks: Vec::new(),
    };
    items.extend(item::item(cx, raw, Dialect::Terraform));
}

/// The spec as the provider passed it on: a timeout of zero was dropped on the way.
fn cleaned(cx: &mut Cx<'_>, node: &Node) -> Node {
    let value = match &node.value {
        Value::Null => Value::Null,
        Value::Scalar(text) => Value::Scalar(text.clone()),
        Value::List(items) => Value::List(items.iter().map(|item| cleaned(cx, item)).collect()),
        Value::Map(entries) => {
            let mut kept = Vec::with_capacity(entries.len());
            for entry in entries {
                let first = entry.node.items().first();
                if ["perrequest", "idle"].contains(&folded(&entry.key).as_str())
                    && first.is_some_and(|duration| duration.int_at("value") == Some(0))
                {
                    let message = "a timeout of zero never reached App Mesh: its default held";
                    cx.note(Reason::Assumed, entry.at, &entry.key, message.to_owned());
                    continue;
                }
                let node = cleaned(cx, &entry.node);
                kept.push(Entry { key: entry.key.clone(), at: entry.at, node });
            }
            Value::Map(kept)
        }
    };
    Node { loc: node.loc, value }
}
