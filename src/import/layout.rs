//! Which file of the project has what, and what stands above it.

use super::Remarks;
use super::item::Item;
use super::names::Names;
use crate::diag::Severity;
use crate::model::{Address, Kind, Mesh, NodeName, RouterName, ServiceName};
use crate::resolve;
use crate::schema;
use crate::span::Files;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};

/// A mesh of so many resources, routes aside, stands in one file.
const ONE_FILE: usize = 8;

/// What stands at the head of a file that has routes whose order counts.
const ORDER: &str = "# Routes are matched from top to bottom, in App Mesh's order: by priority, then the longest prefix.\n\
                     # Where its documents do not say more, what matches fewer requests comes first.\n";

/// The comments that stand above each resource.
pub(super) fn remarks(items: &[Item], names: &Names) -> Remarks {
    let mut all = Remarks::new();
    for item in items {
        let name = names.get(item.kind, item.parent.as_ref(), &item.name.text);
        let parent = |kind| {
            let parent = item.parent.as_ref()?;
            Some(names.get(kind, None, &parent.text))
        };
        let address = match item.kind {
            Kind::Mesh => Some(Address::Mesh),
            Kind::VirtualNode => name.try_into().ok().map(Address::Node),
            Kind::VirtualRouter => name.try_into().ok().map(Address::Router),
            Kind::VirtualService => name.try_into().ok().map(Address::Service),
            Kind::VirtualGateway => name.try_into().ok().map(Address::Gateway),
            Kind::Route => parent(Kind::VirtualRouter).and_then(|parent| {
                Some(Address::Route(parent.try_into().ok()?, name.try_into().ok()?))
            }),
            Kind::GatewayRoute => parent(Kind::VirtualGateway).and_then(|parent| {
                Some(Address::GatewayRoute(parent.try_into().ok()?, name.try_into().ok()?))
            }),
        };
        if let Some(address) = address
            && !item.remarks.is_empty()
        {
            all.entry(address).or_default().extend(item.remarks.iter().cloned());
        }
    }
    all
}

/// The files of the project, and its definitions as one text.
pub(super) fn project(
    mesh: &Mesh,
    remarks: &Remarks,
    certificates: &BTreeSet<String>,
    authorities: &BTreeSet<String>,
) -> (BTreeMap<String, String>, String) {
    let above = |address: &Address| remarks.get(address).cloned().unwrap_or_default();
    let written = |addresses: &[Address]| {
        let text = formatted(schema::write(mesh, addresses, above));
        // A word on the order of routes stands once a file, where there is an order.
        let ordered = addresses.iter().any(|address| match address {
            Address::Router(name) => mesh.routers.get(name).is_some_and(|one| one.routes.len() > 1),
            Address::Gateway(name) => {
                mesh.gateways.get(name).is_some_and(|one| one.routes.len() > 1)
            }
            _ => false,
        });
        match ordered {
            true => format!("{ORDER}\n{text}"),
            false => text,
        }
    };
    let groups = groups(mesh);
    let mut files: BTreeMap<String, String> =
        groups.iter().map(|(file, all)| (format!("{file}.toml"), written(all))).collect();
    files.insert("meshctl.toml".to_owned(), settings(certificates, authorities));
    let mut all: Vec<Address> = Vec::new();
    let first = ["mesh", "gateways"];
    for name in first {
        all.extend(groups.get(name).into_iter().flatten().cloned());
    }
    for (name, group) in &groups {
        if !first.contains(&name.as_str()) {
            all.extend(group.iter().cloned());
        }
    }
    (files, written(&all))
}

/// A text in canonical form. One that cannot be formatted is good as it is.
fn formatted(text: String) -> String {
    schema::format(&text).unwrap_or(text)
}

/// How files read back differ from the mesh that they were written from; `None` if they do not.
pub(super) fn differs(mesh: &Mesh, project: &BTreeMap<String, String>) -> Option<String> {
    let mut files = Files::default();
    let mut trees = Vec::new();
    for (name, text) in project.iter().filter(|(name, _)| *name != "meshctl.toml") {
        let id = files.add(name.clone(), text.as_str());
        let (tree, found) = schema::parse(id, text);
        if let Some(error) = found.iter().find(|found| found.severity == Severity::Error) {
            return Some(format!("{name}: {}", error.message));
        }
        trees.push(tree);
    }
    let reading = resolve::resolve(trees, Vec::new());
    fn first<K: Ord + fmt::Display, V: PartialEq>(
        kind: Kind,
        one: &BTreeMap<K, V>,
        other: &BTreeMap<K, V>,
    ) -> Option<String> {
        let name = one.keys().chain(other.keys()).find(|name| one.get(name) != other.get(name))?;
        Some(format!("{}.{name} would differ", kind.as_str()))
    }
    let read = reading.mesh;
    let settings = (mesh.settings != read.settings).then(|| "mesh would differ".to_owned());
    settings
        .or_else(|| first(Kind::VirtualNode, &mesh.nodes, &read.nodes))
        .or_else(|| first(Kind::VirtualService, &mesh.services, &read.services))
        .or_else(|| first(Kind::VirtualRouter, &mesh.routers, &read.routers))
        .or_else(|| first(Kind::VirtualGateway, &mesh.gateways, &read.gateways))
}

/// The files by name, each with what stands in it: a service with its router and nodes in one.
fn groups(mesh: &Mesh) -> BTreeMap<String, Vec<Address>> {
    let gateways: Vec<Address> = mesh.gateways.keys().cloned().map(Address::Gateway).collect();
    let families = families(mesh);
    let count = mesh.nodes.len() + mesh.services.len() + mesh.routers.len() + gateways.len();
    let mut groups = BTreeMap::from([("mesh".to_owned(), vec![Address::Mesh])]);
    let families: Vec<(String, Vec<Address>)> = families;
    if count <= ONE_FILE {
        let all = groups.entry("mesh".to_owned()).or_default();
        all.extend(gateways);
        all.extend(families.into_iter().flat_map(|(_, family)| family));
        return groups;
    }
    if !gateways.is_empty() {
        groups.insert("gateways".to_owned(), gateways);
    }
    for (name, family) in families {
        let taken = |name: &str| ["meshctl", "mesh", "gateways", "cargo"].contains(&name);
        let name = if taken(&name) { format!("{name}-service") } else { name };
        let free = (1..)
            .map(|n| if n == 1 { name.clone() } else { format!("{name}-{n}") })
            .find(|name| !groups.contains_key(name));
        groups.insert(free.unwrap_or(name), family);
    }
    groups
}

/// Services with what they share, in the order of their names; what no service reaches comes last.
fn families(mesh: &Mesh) -> Vec<(String, Vec<Address>)> {
    let mut done_nodes: BTreeMap<&NodeName, usize> = BTreeMap::new();
    let mut done_routers: BTreeMap<&RouterName, usize> = BTreeMap::new();
    // Each service starts a family, or joins that of what it shares.
    let mut families: Vec<Vec<&ServiceName>> = Vec::new();
    for (name, service) in &mesh.services {
        let router = service.router.as_ref().and_then(|name| mesh.routers.get_key_value(name));
        let routed = router.into_iter().flat_map(|(_, router)| &router.routes);
        let mut nodes: Vec<&NodeName> =
            routed.flat_map(|route| &route.targets).map(|target| &target.node).collect();
        nodes.extend(&service.node);
        let known = router
            .and_then(|(name, _)| done_routers.get(name))
            .or_else(|| nodes.iter().find_map(|node| done_nodes.get(node)))
            .copied();
        let family = known.unwrap_or_else(|| {
            families.push(Vec::new());
            families.len() - 1
        });
        families[family].push(name);
        if let Some((name, _)) = router {
            done_routers.entry(name).or_insert(family);
        }
        for node in nodes {
            done_nodes.entry(node).or_insert(family);
        }
    }
    let mut all = Vec::new();
    for (at, services) in families.iter().enumerate() {
        let mut addresses: Vec<Address> =
            services.iter().map(|name| Address::Service((*name).clone())).collect();
        let of = |family: &usize| *family == at;
        addresses.extend(
            done_routers
                .iter()
                .filter(|(_, f)| of(f))
                .map(|(name, _)| Address::Router((*name).clone())),
        );
        addresses.extend(
            done_nodes
                .iter()
                .filter(|(name, f)| of(f) && mesh.nodes.contains_key(**name))
                .map(|(name, _)| Address::Node((*name).clone())),
        );
        let first = services.first().map_or("services", |name| name.as_str());
        let label = first.split('.').next().unwrap_or(first).to_lowercase();
        all.push((label, addresses));
    }
    let routers = mesh.routers.keys().filter(|name| !done_routers.contains_key(name));
    let nodes = mesh.nodes.keys().filter(|name| !done_nodes.contains_key(name));
    let rest: Vec<Address> = routers
        .map(|name| Address::Router(name.clone()))
        .chain(nodes.map(|name| Address::Node(name.clone())))
        .collect();
    if !rest.is_empty() {
        all.push(("others".to_owned(), rest));
    }
    all
}

/// `meshctl.toml`: a target, and places for what ACM gave.
fn settings(certificates: &BTreeSet<String>, authorities: &BTreeSet<String>) -> String {
    let mut text = String::from(
        "# A meshctl project: all TOML files below this folder together are one mesh.\n\n\
         default_target = \"local\"\n\n[targets.local]\ndirectory = \"live\"\n",
    );
    if !certificates.is_empty() {
        text.push_str(
            "\n# What replaces the certificates of ACM: files on the proxies' hosts, or the name of a\n\
             # secret of their SDS server (`{ sds = \"NAME\" }`). Put the files there, or change this.\n\
             [certificates]\n",
        );
        for (arn, name) in certificates.iter().zip(file_names(certificates)) {
            let _ = writeln!(
                text,
                "{} = {{ file = {{ chain = \"/etc/envoy/certs/{name}.pem\", key = \
                 \"/etc/envoy/certs/{name}.key\" }} }}",
                schema::quoted(arn)
            );
        }
    }
    if !authorities.is_empty() {
        text.push_str(
            "\n# What replaces the authorities of ACM: PEM files on the proxies' hosts.\n[authorities]\n",
        );
        for (arn, name) in authorities.iter().zip(file_names(authorities)) {
            let _ = writeln!(text, "{} = \"/etc/envoy/certs/{name}.pem\"", schema::quoted(arn));
        }
    }
    formatted(text)
}

/// A name for a file by each ARN: its last part, numbered where two are alike.
fn file_names(arns: &BTreeSet<String>) -> Vec<String> {
    let mut taken = BTreeSet::new();
    let name = |arn: &String| {
        let last = arn.rsplit(['/', ':']).next().unwrap_or_default();
        let legal = |c: char| if c.is_ascii_alphanumeric() || "_-".contains(c) { c } else { '-' };
        let last: String = last.chars().map(legal).collect();
        let last = if last.is_empty() { "certificate".to_owned() } else { last };
        let free = (1..)
            .map(|n| if n == 1 { last.clone() } else { format!("{last}-{n}") })
            .find(|name| taken.insert(name.clone()));
        free.unwrap_or(last)
    };
    arns.iter().map(name).collect()
}
