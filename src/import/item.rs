//! What every format is brought to: a resource with its names, and its spec in the API's shape.

use super::Format;
use super::context::Cx;
use super::report::Reason;
use super::shape::{self, Dialect, folded};
use super::tree::{Node, Value};
use crate::model::{Kind, Tags};
use crate::span::Loc;

/// A name and its place.
#[derive(Clone, Debug)]
pub(super) struct Named {
    /// The name as the source has it.
    pub(super) text: String,
    /// Its place.
    pub(super) loc: Loc,
}

/// A resource of a source.
#[derive(Clone, Debug)]
pub(super) struct Item {
    /// What it is.
    pub(super) kind: Kind,
    /// Its name.
    pub(super) name: Named,
    /// The router or gateway that a route belongs to.
    pub(super) parent: Option<Named>,
    /// The mesh that it belongs to, where the source says so.
    pub(super) mesh: Option<Named>,
    /// Who owns it, where the source says so and it is not the mesh's owner.
    pub(super) owner: Option<String>,
    /// Its tags.
    pub(super) tags: Tags,
    /// What it is like, in the API's shape.
    pub(super) spec: Node,
    /// Its place.
    pub(super) loc: Loc,
    /// Words that are to stand above it.
    pub(super) remarks: Vec<String>,
    /// The format of its source.
    pub(super) format: Format,
}

impl Named {
    /// A name that a node holds as text.
    pub(super) fn of(node: &Node) -> Option<Self> {
        Some(Self { text: node.text().filter(|text| !text.is_empty())?.to_owned(), loc: node.loc })
    }

    /// The name at the end of an ARN, or the name itself.
    pub(super) fn last_part(mut self) -> Self {
        if self.text.starts_with("arn:") {
            self.text = self.text.rsplit('/').next().unwrap_or_default().to_owned();
        }
        self
    }
}

/// The value of a key, in whatever case it is written.
pub(super) fn lax<'a>(node: &'a Node, key: &str) -> Option<&'a Node> {
    let key = folded(key);
    let entry = node.entries().iter().find(|entry| folded(&entry.key) == key)?;
    Some(&entry.node).filter(|node| node.value != Value::Null)
}

/// The structure that a kind's spec has.
pub(super) const fn spec_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Mesh => "MeshSpec",
        Kind::VirtualNode => "VirtualNodeSpec",
        Kind::VirtualRouter => "VirtualRouterSpec",
        Kind::Route => "RouteSpec",
        Kind::VirtualService => "VirtualServiceSpec",
        Kind::VirtualGateway => "VirtualGatewaySpec",
        Kind::GatewayRoute => "GatewayRouteSpec",
    }
}

/// The field that has a kind's own name.
pub(super) const fn name_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Mesh => "meshName",
        Kind::VirtualNode => "virtualNodeName",
        Kind::VirtualRouter => "virtualRouterName",
        Kind::Route => "routeName",
        Kind::VirtualService => "virtualServiceName",
        Kind::VirtualGateway => "virtualGatewayName",
        Kind::GatewayRoute => "gatewayRouteName",
    }
}

/// The field that names what a route belongs to.
pub(super) const fn parent_of(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Route => Some("virtualRouterName"),
        Kind::GatewayRoute => Some("virtualGatewayName"),
        Kind::Mesh
        | Kind::VirtualNode
        | Kind::VirtualRouter
        | Kind::VirtualService
        | Kind::VirtualGateway => None,
    }
}

/// The table's rows for what stands beside a spec: the name, the parent, tags.
const fn rows(kind: Kind) -> (&'static str, &'static str, &'static str) {
    match kind {
        Kind::Mesh => ("CreateMesh.meshName", "", "CreateMesh.tags"),
        Kind::VirtualNode => ("CreateVirtualNode.virtualNodeName", "", "CreateVirtualNode.tags"),
        Kind::VirtualRouter => {
            ("CreateVirtualRouter.virtualRouterName", "", "CreateVirtualRouter.tags")
        }
        Kind::Route => {
            ("CreateRoute.routeName", "CreateRoute.virtualRouterName", "CreateRoute.tags")
        }
        Kind::VirtualService => {
            ("CreateVirtualService.virtualServiceName", "", "CreateVirtualService.tags")
        }
        Kind::VirtualGateway => {
            ("CreateVirtualGateway.virtualGatewayName", "", "CreateVirtualGateway.tags")
        }
        Kind::GatewayRoute => (
            "CreateGatewayRoute.gatewayRouteName",
            "CreateGatewayRoute.virtualGatewayName",
            "CreateGatewayRoute.tags",
        ),
    }
}

/// What a format knows of a resource before its spec is looked at.
pub(super) struct Raw<'a> {
    /// What it is.
    pub(super) kind: Kind,
    /// Its name.
    pub(super) name: Named,
    /// The router or gateway that it belongs to.
    pub(super) parent: Option<Named>,
    /// Its mesh.
    pub(super) mesh: Option<Named>,
    /// Its owner.
    pub(super) owner: Option<Named>,
    /// Its tags: a list of keys and values, or a mapping.
    pub(super) tags: Option<&'a Node>,
    /// Its spec as the source has it.
    pub(super) spec: &'a Node,
    /// What the spec's place is called in the report.
    pub(super) path: &'a str,
    /// Its place.
    pub(super) loc: Loc,
    /// Words that are to stand above it.
    pub(super) remarks: Vec<String>,
}

/// Brings a resource into one form; `None` says that a diagnostic tells what is wrong with it.
pub(super) fn item(cx: &mut Cx<'_>, raw: Raw<'_>, dialect: Dialect) -> Option<Item> {
    let Raw { kind, name, parent, mesh, owner, tags, spec, path, loc, remarks } = raw;
    cx.about = Some(address(kind, parent.as_ref(), &name));
    let (name_row, parent_row, tags_row) = rows(kind);
    cx.saw(name_row);
    if parent.is_some() {
        cx.saw(parent_row);
    }
    if mesh.is_some() && kind != Kind::Mesh {
        cx.saw("CreateVirtualNode.meshName");
    }
    let tags = match tags {
        Some(node) => {
            cx.saw(tags_row);
            read_tags(cx, node)
        }
        None => Tags::new(),
    };
    if owner.is_some() {
        cx.saw("CreateVirtualNode.meshOwner");
    }
    let spec = shape::normalize(cx, spec_of(kind), spec, dialect, path);
    cx.about = None;
    let owner = owner.map(|owner| owner.text);
    let format = cx.format;
    Some(Item { kind, name, parent, mesh, owner, tags, spec: spec?, loc, remarks, format })
}

/// A resource's address, of names that may not be legal here.
pub(super) fn address(kind: Kind, parent: Option<&Named>, name: &Named) -> String {
    match (kind, parent) {
        (Kind::Mesh, _) => kind.to_string(),
        (_, Some(parent)) => format!("{kind}/{}/{}", parent.text, name.text),
        (_, None) => format!("{kind}/{}", name.text),
    }
}

fn read_tags(cx: &mut Cx<'_>, node: &Node) -> Tags {
    let mut tags = Tags::new();
    for entry in node.entries() {
        if let Some(text) = entry.node.text() {
            tags.insert(entry.key.clone(), text.to_owned());
        }
    }
    for item in node.items() {
        let text = |key| lax(item, key).and_then(Node::text).map(str::to_owned);
        match text("key") {
            Some(key) => {
                tags.insert(key, text("value").unwrap_or_default());
            }
            None => cx.bad_field(item.loc, "tags", "a tag without `key`".to_owned()),
        }
    }
    tags
}

/// Reports what stands beside a spec and is no setting of the mesh.
pub(super) fn elsewhere(cx: &mut Cx<'_>, loc: Loc, field: &str, what: &str) {
    cx.note(Reason::Elsewhere, loc, field, what.to_owned());
}

/// Whether two specs say the same, wherever they say it.
pub(super) fn same(a: &Node, b: &Node) -> bool {
    match (&a.value, &b.value) {
        (Value::Null, Value::Null) => true,
        (Value::Scalar(a), Value::Scalar(b)) => a == b,
        (Value::List(a), Value::List(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Map(a), Value::Map(b)) => {
            a.len() == b.len()
                && a.iter().zip(b).all(|(a, b)| a.key == b.key && same(&a.node, &b.node))
        }
        _ => false,
    }
}
