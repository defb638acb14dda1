//! Envoy's `config_dump` of a proxy that App Mesh configured: the mesh as far as one proxy knew it.
//!
//! Names of clusters and route tables say what is what (`cds_egress_MESH_NODE_PROTOCOL_PORT`). The
//! dump knows no routers, only what they decided, so each service that is routed gets one of its
//! own. What the dump cannot tell is in the report.

mod clusters;
mod fields;
mod listeners;
mod matches;
mod retry;
mod routes;

use super::Document;
use super::context::Cx;
use super::item::{self, Item, Named, Raw};
use super::report::Reason;
use super::shape::Dialect;
use super::tree::{Entry, Node, Value};
use crate::model::{Address, Kind};
use crate::span::Loc;
use std::collections::{BTreeMap, BTreeSet};

/// Whether a document is a dump of Envoy.
pub(super) fn is(node: &Node) -> bool {
    let configs = node.get("configs").map(Node::items).unwrap_or_default();
    configs.iter().any(|config| config.text_at("@type").is_some_and(|ty| ty.contains("ConfigDump")))
}

/// The routers that are made for the services of dumps: one name for each service in all of them.
pub(super) fn routers<'n>(dumps: impl Iterator<Item = &'n Node>) -> BTreeMap<String, String> {
    let services: BTreeSet<String> =
        dumps.flat_map(|node| hosts(&all(node, "route_config"))).collect();
    let short = |name: &str| name.split('.').next().unwrap_or(name).to_owned();
    let long = |name: &str| name.replace('.', "-");
    let mut wanted: BTreeMap<String, usize> = BTreeMap::new();
    for name in &services {
        for form in BTreeSet::from([short(name), long(name)]) {
            *wanted.entry(form).or_default() += 1;
        }
    }
    let mut routers: BTreeMap<String, String> = BTreeMap::new();
    for name in &services {
        let free = [short(name), long(name)].into_iter().find(|form| wanted[form] == 1);
        let numbered = (2..).map(|number: u32| format!("{}-{number}", long(name)));
        let mut forms = free.into_iter().chain(numbered).map(|form| format!("{form}-router"));
        let taken = |router: &String| routers.values().any(|other| other == router);
        routers.extend(forms.find(|router| !taken(router)).map(|router| (name.clone(), router)));
    }
    routers
}

/// The services whose routes tables have.
fn hosts(tables: &[&Node]) -> Vec<String> {
    let named =
        |table: &&&Node| table.text_at("name").is_some_and(|n| n.starts_with("rds_egress_"));
    let hosts = tables
        .iter()
        .filter(named)
        .flat_map(|table| table.get("virtual_hosts").map(Node::items).unwrap_or_default());
    let mut names: Vec<String> =
        hosts.filter_map(|host| host.text_at("name").map(str::to_owned)).collect();
    names.retain(|name| !routes::NO_SERVICES.contains(&name.as_str()));
    names
}

/// What the dump's own proxy is.
struct Proxy {
    mesh: String,
    kind: Kind,
    name: String,
    loc: Loc,
}

/// Reads what a dump tells.
pub(super) fn read(cx: &mut Cx<'_>, document: &Document, items: &mut Vec<Item>) {
    let node = &document.node;
    let Some(proxy) = proxy(node) else {
        cx.report_error(
            crate::diag::Diagnostic::new(
                &super::codes::UNPLACED,
                node.loc,
                "the dump does not say which proxy it is of",
            )
            .help("dump with the bootstrap in it: curl localhost:9901/config_dump"),
        );
        return;
    };
    let name = proxy.name.clone();
    let address = match proxy.kind {
        Kind::VirtualGateway => name.try_into().ok().map(Address::Gateway),
        _ => name.try_into().ok().map(Address::Node),
    };
    // Replicas are one proxy of the mesh.
    cx.proxies.extend(address.filter(|address| !cx.proxies.contains(address)));
    let (tables, listeners) = (all(node, "route_config"), all(node, "listener"));
    let starts =
        |node: &Node, word| node.text_at("name").is_some_and(|name| name.starts_with(word));
    let hosts = hosts(&tables);
    let ports = listeners.iter().filter(|listener| starts(listener, "lds_ingress_")).count();
    let name = |table: &&Node| table.text_at("name").map(str::to_owned);
    let names = tables.iter().filter_map(name).collect();
    let limits = tables
        .iter()
        .filter(|table| starts(table, "rds_egress_"))
        .flat_map(|table| table.get("virtual_hosts").map(Node::items).unwrap_or_default())
        .flat_map(|host| host.get("routes").map(Node::items).unwrap_or_default())
        .filter_map(|route| route.get("route"))
        .flat_map(|action| ["timeout", "idle_timeout"].map(|key| action.text_at(key)))
        .filter_map(|limit| limit.map(str::to_owned))
        .collect();
    let mut dump = Dump { cx, proxy, items, hosts, tables: names, limits, ports };
    dump.others(node);
    dump.nodes(&all(node, "cluster"));
    dump.routes(&tables);
    dump.listeners(&listeners);
    let about = item::address(dump.proxy.kind, None, &dump.named());
    dump.cx.about = Some(about);
    let loc = dump.proxy.loc;
    let of_node = dump.proxy.kind == Kind::VirtualNode;
    for (field, what) in [
        ("service_discovery", "how others find this proxy's node is not in its own dump"),
        ("tls", "certificates, trust and client policies are not read from a dump"),
        ("access_log", "formats of access logs are not read from a dump"),
        ("egress_filter", "what was passed through is not read from a dump; nothing is"),
    ] {
        // Nobody finds a gateway through the mesh.
        if of_node || field != "service_discovery" {
            dump.cx.note(Reason::Unsupported, loc, field, what.to_owned());
        }
    }
    dump.cx.about = None;
}

/// The proxy that the dump is of, by its node's id.
fn proxy(dump: &Node) -> Option<Proxy> {
    let configs = dump.get("configs")?.items();
    let id = configs.iter().find_map(|config| config.at(&["bootstrap", "node", "id"]))?;
    // An ARN, or the path at its end.
    let parts: Vec<&str> = id.text()?.split('/').collect();
    let mesh = parts.get(1)?.split('@').next()?.to_owned();
    let kind = match *parts.get(2)? {
        "virtualNode" | "virtual_node" => Kind::VirtualNode,
        "virtualGateway" | "virtual_gateway" => Kind::VirtualGateway,
        _ => return None,
    };
    Some(Proxy { mesh, kind, name: (*parts.get(3)?).to_owned(), loc: id.loc })
}

/// Every message of a dump under a key, wherever its state is (active, static, warming).
fn all<'n>(node: &'n Node, key: &str) -> Vec<&'n Node> {
    fn walk<'n>(node: &'n Node, key: &str, depth: usize, found: &mut Vec<&'n Node>) {
        for entry in node.entries() {
            if entry.key == key && entry.node.has("name") {
                found.push(&entry.node);
            } else if entry.key != "bootstrap" && depth < 6 {
                walk(&entry.node, key, depth + 1, found);
            }
        }
        node.items().iter().for_each(|item| walk(item, key, depth + 1, found));
    }
    let mut found = Vec::new();
    walk(node, key, 0, &mut found);
    // Of several states the first, active one counts.
    let mut names: Vec<&str> = Vec::new();
    found.retain(|node| {
        let name = node.text_at("name").unwrap_or_default();
        let new = !names.contains(&name);
        names.push(name);
        new
    });
    found
}

/// What is read from one dump.
struct Dump<'d, 'a> {
    cx: &'d mut Cx<'a>,
    proxy: Proxy,
    items: &'d mut Vec<Item>,
    /// The services that the proxy calls.
    hosts: Vec<String>,
    /// The names of the tables of routes.
    tables: Vec<String>,
    /// The limits of time that routes of services have.
    limits: BTreeSet<String>,
    /// How many listeners a gateway has.
    ports: usize,
}

/// The parts of a dump that are read, or that repeat what is read.
const PARTS: [&str; 6] = [
    "BootstrapConfigDump",
    "ClustersConfigDump",
    "ListenersConfigDump",
    "RoutesConfigDump",
    "EndpointsConfigDump",
    "SecretsConfigDump",
];

impl Dump<'_, '_> {
    fn named(&self) -> Named {
        Named { text: self.proxy.name.clone(), loc: self.proxy.loc }
    }

    /// Does something about the proxy itself.
    fn of_proxy(&mut self, run: impl FnOnce(&mut Self)) {
        let about = item::address(self.proxy.kind, None, &self.named());
        let before = self.cx.about.replace(about);
        run(self);
        self.cx.about = before;
    }

    /// Reports something that is in the dump and not in the result.
    fn unread(&mut self, node: &Node, field: &str, message: &str) {
        self.cx.note(Reason::Unsupported, node.loc, field, message.to_owned());
    }

    /// Reports parts of the dump that App Mesh's proxies did not have.
    fn others(&mut self, dump: &Node) {
        for config in dump.get("configs").map(Node::items).unwrap_or_default() {
            let ty = config.text_at("@type").unwrap_or_default();
            let ty = ty.rsplit('.').next().unwrap_or_default();
            let full = config.entries().iter().any(|entry| !entry.node.items().is_empty());
            if full && !PARTS.contains(&ty) {
                self.of_proxy(|dump| {
                    dump.unread(config, ty, "is a part of the dump that is not read");
                });
            }
        }
    }

    /// A limit of time in App Mesh's words.
    fn length(&mut self, node: &Node, field: &str) -> Option<Node> {
        let length = duration(node);
        let exact = node.text().and_then(|text| text.strip_suffix('s')?.split_once('.'));
        if length.is_none() || exact.is_some_and(|(_, part)| part.trim_end_matches('0').len() > 3) {
            self.unread(node, field, "is no length of whole milliseconds");
        }
        length
    }

    /// Adds a resource.
    fn add(&mut self, kind: Kind, name: &str, parent: Option<&str>, spec: &Node) {
        let loc = spec.loc;
        let named = |text: &str| Named { text: text.to_owned(), loc };
        let mesh = (kind != Kind::Mesh).then(|| named(&self.proxy.mesh));
        let raw = Raw {
            kind,
            name: named(name),
            parent: parent.map(named),
            mesh,
            owner: None,
            tags: None,
            spec,
            path: "",
            loc,
            remarks: Vec::new(),
        };
        self.items.extend(item::item(self.cx, raw, Dialect::Api));
    }
}

/// A mapping that is put together field by field.
struct Fields {
    loc: Loc,
    entries: Vec<Entry>,
}

impl Fields {
    fn new(loc: Loc) -> Self {
        Self { loc, entries: Vec::new() }
    }

    fn set(&mut self, key: &str, node: Node) -> &mut Self {
        self.entries.push(Entry { key: key.to_owned(), at: node.loc, node });
        self
    }

    fn text(&mut self, key: &str, text: impl Into<String>) -> &mut Self {
        self.set(key, Node::scalar(self.loc, text))
    }

    fn done(&mut self) -> Node {
        Node { loc: self.loc, value: Value::Map(std::mem::take(&mut self.entries)) }
    }
}

/// A duration of Envoy's JSON, `1.500s`, as App Mesh writes it.
fn duration(node: &Node) -> Option<Node> {
    let seconds: f64 = node.text()?.strip_suffix('s')?.parse().ok()?;
    let millis = (seconds * 1000.0).round();
    (0.0..4e12).contains(&millis).then(|| {
        let value = Node::scalar(node.loc, format!("{millis:.0}"));
        Node::map(node.loc, vec![("unit", Node::scalar(node.loc, "ms")), ("value", value)])
    })
}

/// The duration in milliseconds.
fn millis(node: Option<&Node>) -> Option<i64> {
    duration(node?)?.int_at("value")
}
