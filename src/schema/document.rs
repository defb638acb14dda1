//! The whole document: from a merged tree to a mesh.

use super::codes;
use super::reader::{Cx, Defs, Shape, TableReader, object, table};
use super::route::read_listeners;
use super::scalar::read_name;
use super::tree::{Entry, Node, Value};
use crate::diag::{Diagnostic, Diagnostics};
use crate::model::{
    AccessLog, Address, BackendDefaults, ExternalService, GatewayListener, GatewayName,
    GatewayRoute, Mesh, MeshSettings, NodeName, Origins, Route, RouteName, RouterListener,
    RouterName, ServiceName, Tags, VirtualGateway, VirtualNode, VirtualRouter, VirtualService,
};
use crate::parallel::both;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// What was read from a document.
#[derive(Debug, Default)]
pub struct Reading {
    /// All that could be read.
    pub mesh: Mesh,
    /// Where it stands.
    pub origins: Origins,
    /// Resources that are defined but could not be read, or only in part. Rules do not report
    /// what may only follow from that.
    pub broken: BTreeSet<Address>,
    /// What is wrong.
    pub diagnostics: Diagnostics,
}

impl Reading {
    /// Takes in what was read of other resources.
    fn absorb(&mut self, other: Self) {
        let Self { mesh, origins, mut broken, diagnostics } = other;
        let Mesh {
            settings: _,
            mut nodes,
            mut services,
            mut routers,
            mut gateways,
            mut external_services,
        } = mesh;
        self.mesh.nodes.append(&mut nodes);
        self.mesh.services.append(&mut services);
        self.mesh.routers.append(&mut routers);
        self.mesh.gateways.append(&mut gateways);
        self.mesh.external_services.append(&mut external_services);
        self.origins.absorb(origins);
        self.broken.append(&mut broken);
        self.diagnostics.append(diagnostics);
    }
}

/// The tables that a document may have.
pub const TOP_LEVEL: [&str; 6] =
    ["mesh", "virtual_node", "virtual_service", "virtual_router", "virtual_gateway", "external"];

/// Reads a mesh from the merged tree of all files.
pub fn read_mesh(root: &Node) -> Reading {
    let mut reading = Reading::default();
    let Reading { mesh, origins, broken, diagnostics } = &mut reading;
    let mut cx = Cx::new(diagnostics, origins);
    let Some(table) = cx.table(root, &TOP_LEVEL) else { return reading };
    match table.table.entries.get("mesh") {
        Some(entry) => {
            let settings = cx
                .about(Address::Mesh, entry.key, |cx| MeshSettings::read(&entry.node, cx))
                .unwrap_or_else(|| {
                    broken.insert(Address::Mesh);
                    MeshSettings::default()
                });
            mesh.settings = settings;
        }
        None => {
            broken.insert(Address::Mesh);
            cx.report(
                Diagnostic::unplaced(&codes::NO_MESH, "no file of the project has a [mesh] table")
                    .help("add to one file:\n[mesh]\nname = \"my-mesh\""),
            );
        }
    }
    // Nodes are about half of a mesh.
    let (nodes, others) = both(|| read_nodes(&table), || read_others(&table));
    for part in [nodes, others] {
        reading.absorb(part);
    }
    reading
}

fn read_nodes(table: &TableReader<'_>) -> Reading {
    let mut reading = Reading::default();
    let Reading { mesh, origins, broken, diagnostics } = &mut reading;
    let mut cx = Cx::new(diagnostics, origins);
    each(&mut cx, table.node("virtual_node"), NodeName::new, |cx, name, entry| {
        let address = Address::Node(name.clone());
        match cx.about(address.clone(), entry.key, |cx| VirtualNode::read(&entry.node, cx)) {
            Some(node) => {
                mesh.nodes.insert(name, node);
            }
            None => {
                broken.insert(address);
            }
        }
    });
    reading
}

fn read_others(table: &TableReader<'_>) -> Reading {
    let mut reading = Reading::default();
    let Reading { mesh, origins, broken, diagnostics } = &mut reading;
    let mut cx = Cx::new(diagnostics, origins);
    each(&mut cx, table.node("virtual_service"), ServiceName::new, |cx, name, entry| {
        let address = Address::Service(name.clone());
        match cx.about(address.clone(), entry.key, |cx| VirtualService::read(&entry.node, cx)) {
            Some(service) => {
                mesh.services.insert(name, service);
            }
            None => {
                broken.insert(address);
            }
        }
    });
    each(&mut cx, table.node("virtual_router"), RouterName::new, |cx, name, entry| {
        let (router, whole) = read_router(&name, entry, cx, broken);
        if !whole {
            broken.insert(Address::Router(name.clone()));
        }
        if let Some(router) = router {
            mesh.routers.insert(name, router);
        }
    });
    each(&mut cx, table.node("virtual_gateway"), GatewayName::new, |cx, name, entry| {
        let (gateway, whole) = read_gateway(&name, entry, cx, broken);
        if !whole {
            broken.insert(Address::Gateway(name.clone()));
        }
        if let Some(gateway) = gateway {
            mesh.gateways.insert(name, gateway);
        }
    });
    if let Some(external) = table.node("external")
        && let Some(inner) = cx.table(external, &["virtual_service"])
    {
        each(&mut cx, inner.node("virtual_service"), ServiceName::new, |cx, name, entry| {
            // Where the service is defined as well, its own place is the better one.
            let read = if mesh.services.contains_key(&name) {
                ExternalService::read(&entry.node, cx)
            } else {
                let address = Address::Service(name.clone());
                cx.about(address, entry.key, |cx| ExternalService::read(&entry.node, cx))
            };
            if let Some(service) = read {
                mesh.external_services.insert(name, service);
            }
        });
    }
    reading
}

/// Walks the named tables of one kind.
fn each<N>(
    cx: &mut Cx<'_>,
    node: Option<&Node>,
    make: impl Fn(String) -> Result<N, String>,
    mut read: impl FnMut(&mut Cx<'_>, N, &Entry),
) {
    let Some(node) = node else { return };
    let Value::Table(table) = &node.value else {
        cx.wrong_type::<()>(node, "a table of resources by name");
        return;
    };
    for (key, entry) in &table.entries {
        if let Some(name) = read_name(key, entry.key, cx, &make) {
            read(cx, name, entry);
        }
    }
}

/// Reads routes one by one, so that a bad one does not take the others with it.
fn read_routes<R: Shape>(
    node: Option<&Node>,
    cx: &mut Cx<'_>,
    address: impl Fn(RouteName) -> Address,
    name_of: impl Fn(&R) -> RouteName,
    broken: &mut BTreeSet<Address>,
) -> (Vec<R>, bool) {
    let Some(node) = node else { return (Vec::new(), true) };
    let Value::Array(items) = &node.value else {
        cx.wrong_type::<()>(node, "an array of tables ([[…routes]])");
        return (Vec::new(), false);
    };
    let mut routes: Vec<R> = Vec::new();
    let mut seen: BTreeMap<RouteName, &Node> = BTreeMap::new();
    let mut whole = true;
    for item in items {
        let name = item.get("name").and_then(Node::as_str).map(RouteName::new);
        let read = match name {
            Some(Ok(name)) => {
                let address = address(name);
                let read = cx.about(address.clone(), item.loc, |cx| R::read(item, cx));
                if read.is_none() {
                    broken.insert(address);
                }
                read
            }
            _ => R::read(item, cx),
        };
        let Some(route) = read else {
            whole = false;
            continue;
        };
        if let Some(first) = seen.insert(name_of(&route), item) {
            whole = false;
            cx.report(
                Diagnostic::new(
                    &codes::DUPLICATE_ITEM,
                    item.loc,
                    format!("a second route is named `{}`", name_of(&route)),
                )
                .related(first.loc, "the first of this name")
                .help("give one of them another name"),
            );
            continue;
        }
        routes.push(route);
    }
    (routes, whole)
}

/// Sorts routes as Envoy will try them: by priority, unset last, then as written.
fn order<R>(routes: &mut [R], priority: impl Fn(&R) -> Option<u16>) {
    routes.sort_by_key(|route| priority(route).map_or(u32::MAX, u32::from));
}

fn read_router(
    name: &RouterName,
    entry: &Entry,
    cx: &mut Cx<'_>,
    broken: &mut BTreeSet<Address>,
) -> (Option<VirtualRouter>, bool) {
    cx.about(Address::Router(name.clone()), entry.key, |cx| {
        let Some(table) = cx.table(&entry.node, &["listeners", "routes", "owner", "tags"]) else {
            return (None, false);
        };
        let listeners = match table.node("listeners") {
            None => Some(Vec::new()),
            Some(list) => cx.under("listeners", list.loc, |cx| read_listeners(list, cx)),
        };
        if let Some(routes) = table.node("routes") {
            cx.note("routes", routes.loc);
        }
        let (mut routes, routes_whole) = read_routes::<Route>(
            table.node("routes"),
            cx,
            |route| Address::Route(name.clone(), route),
            |route| route.name.clone(),
            broken,
        );
        order(&mut routes, |route| route.priority);
        let owner = table.optional("owner", cx);
        let tags = table.or_default("tags", cx);
        let whole = routes_whole && listeners.is_some() && owner.is_some() && tags.is_some();
        let router = VirtualRouter {
            listeners: listeners.unwrap_or_default(),
            routes,
            owner: owner.flatten(),
            tags: tags.unwrap_or_default(),
        };
        (Some(router), whole)
    })
}

fn read_gateway(
    name: &GatewayName,
    entry: &Entry,
    cx: &mut Cx<'_>,
    broken: &mut BTreeSet<Address>,
) -> (Option<VirtualGateway>, bool) {
    cx.about(Address::Gateway(name.clone()), entry.key, |cx| {
        let known = ["listeners", "backend_defaults", "access_log", "routes", "owner", "tags"];
        let Some(table) = cx.table(&entry.node, &known) else { return (None, false) };
        let listeners = match table.node("listeners") {
            None => Some(Vec::new()),
            Some(list) => cx.under("listeners", list.loc, |cx| {
                super::scalar::sorted_list(list, cx, |item| item.get("port")?.as_integer(), "port")
            }),
        };
        let backend_defaults = table.or_default("backend_defaults", cx);
        let access_log = table.optional("access_log", cx);
        if let Some(routes) = table.node("routes") {
            cx.note("routes", routes.loc);
        }
        let (mut routes, routes_whole) = read_routes::<GatewayRoute>(
            table.node("routes"),
            cx,
            |route| Address::GatewayRoute(name.clone(), route),
            |route| route.name.clone(),
            broken,
        );
        order(&mut routes, |route| route.priority);
        let owner = table.optional("owner", cx);
        let tags = table.or_default("tags", cx);
        let whole = routes_whole
            && listeners.is_some()
            && backend_defaults.is_some()
            && access_log.is_some()
            && owner.is_some()
            && tags.is_some();
        let gateway = VirtualGateway {
            listeners: listeners.unwrap_or_default(),
            backend_defaults: backend_defaults.unwrap_or_default(),
            access_log: access_log.flatten(),
            routes,
            owner: owner.flatten(),
            tags: tags.unwrap_or_default(),
        };
        (Some(gateway), whole)
    })
}

table! {
    /// The mesh itself.
    MeshSettings {
        /// Its name; proxies and plans carry it.
        "name" => name: required,
        /// What happens to traffic that the mesh does not define.
        "egress" => egress: or_default,
        /// Which IP versions proxies use.
        "ip_preference" => ip_preference: optional,
        /// How traffic reaches the proxies.
        "capture" => capture: or_default,
        /// Who owns it, in App Mesh's sense.
        "owner" => owner: optional,
        /// Free key-value pairs.
        "tags" => tags: or_default,
    }
}

table! {
    /// A virtual service that another project owns.
    ExternalService {
        /// Who owns it, for messages.
        "owner" => owner: optional,
    }
}

/// The schema of a whole document.
pub(super) fn schema(defs: &mut Defs) -> serde_json::Value {
    let by_name =
        |schema: serde_json::Value| json!({ "type": "object", "additionalProperties": schema });
    let router = defs.define("VirtualRouter", |defs| {
        let properties = vec![
            ("listeners", "The ports that callers use.", Vec::<RouterListener>::schema(defs)),
            (
                "routes",
                "The rules, in the order in which they are tried.",
                Vec::<Route>::schema(defs),
            ),
            ("owner", "Who owns it, in App Mesh's sense.", String::schema(defs)),
            ("tags", "Free key-value pairs.", Tags::schema(defs)),
        ];
        object("Decides where the traffic of virtual services goes.", properties, &[])
    });
    let gateway = defs.define("VirtualGateway", |defs| {
        let properties = vec![
            ("listeners", "What it listens on.", Vec::<GatewayListener>::schema(defs)),
            ("backend_defaults", "", BackendDefaults::schema(defs)),
            ("access_log", "", AccessLog::schema(defs)),
            (
                "routes",
                "The rules, in the order in which they are tried.",
                Vec::<GatewayRoute>::schema(defs),
            ),
            ("owner", "Who owns it, in App Mesh's sense.", String::schema(defs)),
            ("tags", "Free key-value pairs.", Tags::schema(defs)),
        ];
        object("A proxy through which traffic enters the mesh.", properties, &[])
    });
    let external = object(
        "What other projects own.",
        vec![("virtual_service", "", by_name(ExternalService::schema(defs)))],
        &[],
    );
    object(
        "A file of a meshctl project. All files of a project together are one mesh.",
        vec![
            ("mesh", "", MeshSettings::schema(defs)),
            ("virtual_node", "Virtual nodes by name.", by_name(VirtualNode::schema(defs))),
            (
                "virtual_service",
                "Virtual services by DNS name.",
                by_name(VirtualService::schema(defs)),
            ),
            ("virtual_router", "Virtual routers by name.", by_name(router)),
            ("virtual_gateway", "Virtual gateways by name.", by_name(gateway)),
            ("external", "", external),
        ],
        &[],
    )
}
