//! API JSON: what the AWS CLI and the SDKs print and take, and files that hold only a `spec`.

use super::context::Cx;
use super::item::{self, Item, Named, Raw, lax, name_of, parent_of, spec_of};
use super::report::Reason;
use super::shape::{self, Dialect, folded};
use super::tree::{Entry, Node, Value};
use super::{Document, codes, vars};
use crate::diag::Diagnostic;
use crate::diag::shell::word;
use crate::model::Kind;

/// The wrappers of answers, with what is in them.
const SINGLE: [(&str, Kind); 7] = [
    ("mesh", Kind::Mesh),
    ("virtualNode", Kind::VirtualNode),
    ("virtualRouter", Kind::VirtualRouter),
    ("route", Kind::Route),
    ("virtualService", Kind::VirtualService),
    ("virtualGateway", Kind::VirtualGateway),
    ("gatewayRoute", Kind::GatewayRoute),
];
/// The wrappers of lists.
const LISTS: [(&str, Kind); 7] = [
    ("meshes", Kind::Mesh),
    ("virtualNodes", Kind::VirtualNode),
    ("virtualRouters", Kind::VirtualRouter),
    ("routes", Kind::Route),
    ("virtualServices", Kind::VirtualService),
    ("virtualGateways", Kind::VirtualGateway),
    ("gatewayRoutes", Kind::GatewayRoute),
];
/// What may stand beside a spec.
const BESIDE: [&str; 16] = [
    "meshname",
    "meshowner",
    "virtualnodename",
    "virtualroutername",
    "routename",
    "tags",
    "spec",
    "virtualservicename",
    "virtualgatewayname",
    "gatewayroutename",
    "clienttoken",
    "metadata",
    "status",
    "arn",
    "resourceowner",
    "responsemetadata",
];

/// Whether a document is of this format. A file that is called after a mesh may be empty.
pub(super) fn is(document: &Document, kind: Option<Kind>) -> bool {
    let node = &document.node;
    if let Value::List(items) = &node.value {
        return !items.is_empty()
            && items
                .iter()
                .all(|item| is(&Document { node: item.clone(), ..document.clone() }, kind));
    }
    let Value::Map(entries) = &node.value else { return false };
    let wrapped = entries.iter().any(|entry| wraps(entry).is_some() || lists(entry).is_some());
    let known = entries.iter().all(|entry| BESIDE.contains(&folded(&entry.key).as_str()));
    let named = entries.iter().any(|entry| {
        let key = folded(&entry.key);
        key == "spec" || key.ends_with("name") && BESIDE.contains(&key.as_str())
    });
    let empty = entries.is_empty()
        && (document.stem.to_lowercase().ends_with("mesh") || kind == Some(Kind::Mesh));
    wrapped || (known && named) || empty || is_bare(node, kind)
}

/// The kinds whose resources a spec may be one of.
fn kinds_of_spec(node: &Node) -> Vec<Kind> {
    let all = SINGLE.iter().map(|(_, kind)| *kind);
    all.filter(|kind| shape::fits(spec_of(*kind), node)).collect()
}

/// Whether a document is a spec itself, as `--spec file://` takes it: of the kind that the caller says, or
/// one that says enough to be no other thing.
fn is_bare(node: &Node, kind: Option<Kind>) -> bool {
    let says = |entry: &Entry| match &entry.node.value {
        Value::Map(inner) => !inner.is_empty(),
        Value::List(inner) => !inner.is_empty(),
        Value::Null | Value::Scalar(_) => false,
    };
    let asked = kind.is_some_and(|kind| {
        let known = |entry: &Entry| shape::has_field(spec_of(kind), &entry.key);
        !node.entries().is_empty() && node.entries().iter().all(known)
    });
    asked || node.entries().iter().any(says) && !kinds_of_spec(node).is_empty()
}

/// The kind of the resource that an answer of `describe` or `create` wraps.
fn wraps(entry: &Entry) -> Option<Kind> {
    let (_, kind) = SINGLE.iter().find(|(word, _)| folded(word) == folded(&entry.key))?;
    let node = &entry.node;
    (lax(node, "spec").is_some() || lax(node, name_of(*kind)).is_some()).then_some(*kind)
}

/// The kind of the resources that an answer of `list` names.
fn lists(entry: &Entry) -> Option<Kind> {
    let (_, kind) = LISTS.iter().find(|(word, _)| folded(word) == folded(&entry.key))?;
    let items = entry.node.items();
    let known = |item: &Node| lax(item, "arn").is_some() || lax(item, "spec").is_some();
    (!items.is_empty() && items.iter().all(known)).then_some(*kind)
}

/// Reads the resources of a document.
pub(super) fn read(
    cx: &mut Cx<'_>,
    document: &Document,
    kind: Option<Kind>,
    items: &mut Vec<Item>,
) {
    let node = &document.node;
    if let Value::List(all) = &node.value {
        for inner in all {
            read(cx, &Document { node: inner.clone(), ..document.clone() }, kind, items);
        }
        return;
    }
    let mut found = false;
    for entry in node.entries() {
        let key = folded(&entry.key);
        if let Some(kind) = wraps(entry) {
            found = true;
            items.extend(one(cx, document, &entry.node, Some(kind)));
        } else if let Some(kind) = lists(entry) {
            found = true;
            for listed in entry.node.items() {
                if lax(listed, "spec").is_some() {
                    items.extend(one(cx, document, listed, Some(kind)));
                } else if let Some(name) = lax(listed, name_of(kind)).and_then(Named::of) {
                    cx.listed.push((kind, name));
                }
            }
        } else if found && key != "responsemetadata" && key != "nexttoken" {
            cx.unknown_field(entry.at, &entry.key, "answer");
        }
    }
    if !found {
        items.extend(one(cx, document, node, kind));
    }
}

/// Reads one resource: names beside a spec, or a spec whose file says the rest.
fn one(cx: &mut Cx<'_>, document: &Document, node: &Node, kind: Option<Kind>) -> Option<Item> {
    let empty = Node { loc: node.loc, value: Value::Map(Vec::new()) };
    let bare = lax(node, "spec").is_none() && is_bare(node, kind);
    let spec = lax(node, "spec").unwrap_or(if bare { node } else { &empty });
    let only = || match kinds_of_spec(node).as_slice() {
        [only] if bare => Some(*only),
        _ => None,
    };
    let known = kind.or_else(|| kind_by_names(node)).or_else(|| kind_by_spec(spec)).or_else(only);
    let by_file = if known.is_none() { kind_by_stem(&document.stem) } else { None };
    if let Some(kind) = by_file {
        let message = format!("the name of the file says that it is a {kind}; else give --kind");
        cx.note(Reason::Assumed, node.loc, "spec", message);
    }
    let Some(kind) = known.or(by_file) else {
        cx.report_error(
            Diagnostic::new(
                &codes::UNPLACED,
                node.loc,
                format!("`{}` does not say what it defines", document.stem),
            )
            .help(
                "say it with --kind, for example --kind virtual-node, or end the file's name in \
                   -vn, -vs, -vr, -vg or -route",
            ),
        );
        return None;
    };
    let of = |key: &str| lax(node, key).and_then(Named::of);
    let mut parent = parent_of(kind).and_then(of);
    let name = match of(name_of(kind)) {
        Some(name) => name,
        None => {
            let name = named_by_file(cx, document, node, kind, parent.as_ref());
            // No name of App Mesh has a slash: ROUTER/ROUTE names both.
            match (parent_of(kind), name.text.split_once('/')) {
                (Some(_), Some((above, own))) => {
                    let named = |text: &str| Named { text: text.to_owned(), loc: name.loc };
                    parent.get_or_insert(named(above));
                    named(own)
                }
                _ => name,
            }
        }
    };
    cx.about = Some(item::address(kind, parent.as_ref(), &name));
    let state = lax(node, "status");
    let state = state.map(|status| lax(status, "status").unwrap_or(status));
    if let Some(state) = state.filter(|state| {
        !bare && state.text().is_some_and(|text| text.eq_ignore_ascii_case("DELETED"))
    }) {
        let message = "AWS says that it was deleted, and it is left out".to_owned();
        cx.note(Reason::Overridden, state.loc, "status", message);
        cx.about = None;
        return None;
    }
    if !bare {
        beside(cx, kind, node);
    }
    let mesh = if kind == Kind::Mesh { None } else { of("meshName") };
    let metadata = lax(node, "metadata");
    let from_metadata = |key: &str| metadata.and_then(|node| lax(node, key)).and_then(Named::of);
    let mesh_owner = of("meshOwner").or_else(|| from_metadata("meshOwner"));
    let owner = match from_metadata("resourceOwner") {
        // A resource of the mesh's owner needs no owner of its own.
        Some(owner) if kind != Kind::Mesh => {
            Some(owner).filter(|owner| mesh_owner.as_ref().is_some_and(|m| m.text != owner.text))
        }
        _ => None,
    };
    if let Some(owner) = mesh_owner {
        cx.saw("CreateVirtualNode.meshOwner");
        cx.mesh_owners.push(owner);
    }
    let raw = Raw {
        kind,
        name,
        parent,
        mesh,
        owner,
        tags: lax(node, "tags"),
        spec,
        path: "spec",
        loc: node.loc,
        remarks: Vec::new(),
    };
    item::item(cx, raw, Dialect::Api)
}

/// The name of what a file defines without naming it: given by `--name`, or the file's own. Callers
/// of a service use its name as their host, so that of a file is no more than a guess there.
fn named_by_file(
    cx: &mut Cx<'_>,
    document: &Document,
    node: &Node,
    kind: Kind,
    parent: Option<&Named>,
) -> Named {
    let loc = node.loc;
    if kind == Kind::Mesh {
        return Named { text: String::new(), loc };
    }
    if let Some(text) = cx.name_of_file() {
        return Named { text, loc };
    }
    // `__NAME__-vn.json` is a template's file.
    let text = vars::substitute(cx, &Node::scalar(loc, stem_name(kind, &document.stem)));
    let text = text.text().unwrap_or_default().to_owned();
    let name = Named { text: text.clone(), loc };
    cx.about = Some(item::address(kind, parent, &name));
    let flag = |value: &str| word(&format!("{}={value}", document.path)).into_owned();
    let (reason, message) = match kind {
        Kind::VirtualService => (
            Reason::Unresolved,
            format!(
                "`{text}` is the name of the file, not of the host that callers use: --name {}",
                flag("HOST")
            ),
        ),
        _ => (
            Reason::Assumed,
            format!(
                "`{text}` is taken from the name of the file; to change it: --name {}",
                flag("NAME")
            ),
        ),
    };
    cx.note(reason, loc, name_of(kind), message);
    cx.about = None;
    name
}

/// Reports what stands beside the spec and is not read.
fn beside(cx: &mut Cx<'_>, kind: Kind, node: &Node) {
    let read =
        [name_of(kind), parent_of(kind).unwrap_or("spec"), "meshName", "meshOwner", "spec", "tags"];
    let read: Vec<String> = read.iter().map(|key| folded(key)).collect();
    for entry in node.entries() {
        match folded(&entry.key).as_str() {
            "metadata" | "status" | "arn" | "clienttoken" | "resourceowner"
            | "responsemetadata" => {
                let message = "is AWS's bookkeeping".to_owned();
                cx.note(Reason::Elsewhere, entry.at, &entry.key, message);
            }
            key if read.iter().any(|known| known == key) => {}
            _ => cx.unknown_field(entry.at, &entry.key, kind.as_str()),
        }
    }
}

/// The kind by the names that stand beside the spec.
fn kind_by_names(node: &Node) -> Option<Kind> {
    // Those that may name another resource come last.
    let order = [
        Kind::GatewayRoute,
        Kind::Route,
        Kind::VirtualNode,
        Kind::VirtualService,
        Kind::VirtualRouter,
        Kind::VirtualGateway,
    ];
    let route = |kind| match kind {
        // A route's spec may come with the name of its router alone.
        Kind::VirtualRouter | Kind::VirtualGateway => {
            lax(node, "spec").is_none_or(|spec| by_route(spec).is_none())
        }
        _ => true,
    };
    order.into_iter().find(|kind| lax(node, name_of(*kind)).is_some() && route(*kind)).or_else(
        || (lax(node, "meshName").is_some() && lax(node, "spec").is_none()).then_some(Kind::Mesh),
    )
}

/// A route's kind by its target.
fn by_route(spec: &Node) -> Option<Kind> {
    let route =
        ["httpRoute", "http2Route", "grpcRoute", "tcpRoute"].iter().find_map(|k| lax(spec, k))?;
    let target = lax(route, "action").is_some_and(|action| lax(action, "target").is_some());
    Some(if target { Kind::GatewayRoute } else { Kind::Route })
}

/// The kind by what the spec has.
fn kind_by_spec(spec: &Node) -> Option<Kind> {
    if let Some(kind) = by_route(spec) {
        return Some(kind);
    }
    if lax(spec, "provider").is_some() {
        return Some(Kind::VirtualService);
    }
    let discovery = lax(spec, "serviceDiscovery");
    if lax(spec, "egressFilter").is_some()
        || discovery
            .is_some_and(|node| lax(node, "ipPreference").is_some() && lax(node, "dns").is_none())
    {
        return Some(Kind::Mesh);
    }
    if discovery.is_some() || lax(spec, "backends").is_some() {
        return Some(Kind::VirtualNode);
    }
    let listeners = lax(spec, "listeners").map(Node::items).unwrap_or_default();
    let node_only = ["timeout", "outlierDetection"];
    if listeners.iter().any(|listener| node_only.iter().any(|key| lax(listener, key).is_some())) {
        return Some(Kind::VirtualNode);
    }
    None
}

/// The kind by the name of the file.
fn kind_by_stem(stem: &str) -> Option<Kind> {
    let by_name = [
        ("vn", Kind::VirtualNode),
        ("vs", Kind::VirtualService),
        ("vr", Kind::VirtualRouter),
        ("vg", Kind::VirtualGateway),
        ("vgw", Kind::VirtualGateway),
        ("mesh", Kind::Mesh),
        ("node", Kind::VirtualNode),
        ("service", Kind::VirtualService),
        ("router", Kind::VirtualRouter),
        ("gateway", Kind::VirtualGateway),
    ];
    let stem = stem.to_lowercase();
    let words: Vec<&str> = stem.split(['-', '_', '.']).collect();
    words
        .iter()
        .rev()
        .find_map(|word| by_name.iter().find(|(known, _)| known == word))
        .map(|(_, kind)| *kind)
}

/// The name that a file of a spec stands for. What follows the kind's mark in the file's name is
/// the state (`color-vn-tls` is a state of `color-vn`), unless it is a number.
fn stem_name(kind: Kind, stem: &str) -> String {
    let marks: &[&str] = match kind {
        Kind::VirtualNode => &["-virtual-node", "-virtualnode", "-vnode", "-vn"],
        Kind::VirtualService => &["-virtual-service", "-virtualservice", "-vsvc", "-vs"],
        Kind::VirtualRouter => &["-virtual-router", "-virtualrouter", "-vrouter", "-vr"],
        Kind::VirtualGateway => {
            &["-virtual-gateway", "-virtualgateway", "-vgateway", "-vgw", "-vg"]
        }
        Kind::Route | Kind::GatewayRoute => &["-route"],
        Kind::Mesh => return stem.to_owned(),
    };
    // The longest mark comes first: `-vg` is the start of `-vgw`.
    let found = marks.iter().find_map(|mark| Some((stem.rfind(mark)?, mark.len())));
    let Some((at, length)) = found else { return stem.to_owned() };
    let (name, rest) = stem.split_at(at + length);
    let digits = rest.strip_prefix('-').unwrap_or(rest);
    let number = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    if number == 0 {
        return if rest.is_empty() || rest.starts_with(['-', '_', '.']) {
            name.to_owned()
        } else {
            stem.to_owned()
        };
    }
    let end = rest.len() - digits.len() + number;
    format!("{name}{}", &rest[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_spec_is_that_of_its_file() {
        for (kind, stem, name) in [
            (Kind::VirtualNode, "color-white-vn", "color-white-vn"),
            (Kind::VirtualNode, "color-white-vn-tls", "color-white-vn"),
            (Kind::VirtualRouter, "color-vr-1", "color-vr-1"),
            (Kind::Route, "color-route1", "color-route1"),
            (Kind::Route, "color-route1-timeout18s", "color-route1"),
            (Kind::Route, "color-route-2-timeout", "color-route-2"),
            (Kind::VirtualNode, "orders", "orders"),
            (Kind::VirtualGateway, "edge-gateway-vgw-tls", "edge-gateway-vgw"),
            (Kind::VirtualGateway, "edge-vg-tls", "edge-vg"),
            (Kind::VirtualRouter, "color-vrouter-2", "color-vrouter-2"),
        ] {
            assert_eq!(stem_name(kind, stem), name);
        }
    }
}
