//! How the traffic of two meshes differs: for every entry point that a change reaches, the classes
//! of requests that fare otherwise, each with a request that shows it.
//!
//! A class is what goes one way through the routes before and one way after. The work follows from the change:
//! only services that the changed addresses reach are looked at, and of a gateway the routes to
//! other services are folded into a row each.

use super::language::Test;
use super::space::{Asks, Condition, Example, Part, Region, Space, request};
use super::table::{Gives, Row, of_gateway, of_service};
use super::walk::{Taker, takers};
use crate::model::{
    Address, EgressFilter, GatewayName, Mesh, NodeName, Port, Protocol, RouteName, ServiceName,
    TlsMode,
};
use crate::parallel;
use crate::traffic::{Request, ServicePort, gateway_target, ports};
use std::collections::{BTreeMap, BTreeSet};

/// Where requests come in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Entry {
    /// A port of a gateway.
    Gateway(GatewayName, Port),
    /// A port of a service, for the nodes that call it.
    Service(ServiceName, Port),
}

/// How bad a change is for those who send the requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// They were served and will not be.
    Lost,
    /// They go elsewhere.
    Changed,
    /// They were not served and will be.
    New,
}

/// What becomes of a class of requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Side {
    /// Where they go.
    pub gives: Gives,
    /// The path that the server sees of the example.
    pub path: Option<String>,
    /// The host that the server sees, if it is not the one that was called.
    pub host: Option<String>,
    /// What they go through.
    pub via: Vec<Address>,
}

/// Requests of which one row takes all before, and one after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Class {
    /// How bad it is.
    pub severity: Severity,
    /// What becomes of them before.
    pub before: Side,
    /// What becomes of them after.
    pub after: Side,
    /// One of them.
    pub example: Example,
    /// Whether that any such request exists is not decided.
    pub assumed: bool,
    /// The changes that cause it.
    pub causes: BTreeSet<Address>,
}

/// What changes at one entry point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryDiff {
    /// The entry point.
    pub entry: Entry,
    /// What is spoken there.
    pub protocol: Protocol,
    /// The nodes that it is for; none for a gateway.
    pub callers: Vec<NodeName>,
    /// Whether it is there before, and after.
    pub there: (bool, bool),
    /// Whether the callers themselves have given it up.
    pub given_up: bool,
    /// How many classes there are.
    pub classes: usize,
    /// Those that change, the worst first.
    pub changed: Vec<Class>,
    /// Whether the comparison was given up, so that there may be more.
    pub cut_short: bool,
}

impl EntryDiff {
    /// An example as a request to the entry point.
    pub fn request(&self, example: &Example) -> Request {
        let (host, port) = match &self.entry {
            Entry::Gateway(name, port) => {
                let host = example.host.clone();
                (host.unwrap_or_else(|| name.as_str().to_ascii_lowercase()), *port)
            }
            Entry::Service(name, port) => (name.to_string(), *port),
        };
        request(&host, port, self.protocol, example)
    }
}

/// The comparison of two meshes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Differences {
    /// The entry points at which something changes or could not be decided.
    pub entries: Vec<EntryDiff>,
    /// How many other entry points the changes reach: their tables are the same.
    pub same: usize,
    /// Whether calls to what the mesh does not define fare otherwise: what they did before and do
    /// after.
    pub egress: Option<(EgressFilter, EgressFilter)>,
    /// The steps that it took, a measure of the work.
    pub work: usize,
}

/// Compares the traffic of two meshes, as far as some changed addresses reach.
pub fn compare(before: &Mesh, after: &Mesh, changed: &BTreeSet<Address>) -> Differences {
    let mut services = services_reached(before, changed);
    services.extend(services_reached(after, changed));
    let mut tasks: Vec<Task<'_>> = Vec::new();
    service_tasks(before, after, changed, &services, &mut tasks);
    gateway_tasks(before, after, changed, &services, &mut tasks);
    let look = |task: &Task<'_>| task.look(before, after, changed, &services);
    let mut all = Differences::default();
    for (diff, work) in parallel::map(&tasks, look) {
        all.work += work;
        match diff {
            Some(diff) => all.entries.push(diff),
            None => all.same += 1,
        }
    }
    let (was, is) = (before.settings.egress, after.settings.egress);
    all.egress = (was != is && !before.nodes.is_empty()).then_some((was, is));
    all
}

/// The services whose tables can depend on what stands at some addresses.
fn services_reached<'m>(mesh: &'m Mesh, changed: &BTreeSet<Address>) -> BTreeSet<&'m ServiceName> {
    let (mut nodes, mut routers, mut services) =
        (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for address in changed {
        match address {
            Address::Node(name) => {
                nodes.insert(name);
            }
            Address::Router(name) | Address::Route(name, _) => {
                routers.insert(name);
            }
            Address::Service(name) => {
                services.insert(name);
            }
            Address::Mesh | Address::Gateway(_) | Address::GatewayRoute(..) => {}
        }
    }
    if !nodes.is_empty() {
        for (name, router) in &mesh.routers {
            let mut targets = router.routes.iter().flat_map(|route| &route.targets);
            if targets.any(|target| nodes.contains(&target.node)) {
                routers.insert(name);
            }
        }
    }
    let reached = mesh.services.iter().filter(|(name, service)| {
        services.contains(name)
            || service.node.as_ref().is_some_and(|node| nodes.contains(node))
            || service.router.as_ref().is_some_and(|router| routers.contains(router))
    });
    reached.map(|(name, _)| name).collect()
}

/// One entry point to look at.
enum Task<'m> {
    /// A service port for the nodes that call it before and after, or only one of the two.
    Service { name: &'m ServiceName, port: Port, callers: Vec<NodeName>, called: (bool, bool) },
    /// A port of a gateway.
    Gateway { name: &'m GatewayName, port: Port },
}

fn service_ports<'m>(mesh: &'m Mesh, name: &ServiceName) -> Vec<ServicePort<'m>> {
    let found = mesh.services.get_key_value(name);
    found.map_or_else(Vec::new, |(name, item)| ports(mesh, name, item))
}

fn service_tasks<'m>(
    before: &'m Mesh,
    after: &'m Mesh,
    changed: &BTreeSet<Address>,
    services: &BTreeSet<&'m ServiceName>,
    tasks: &mut Vec<Task<'m>>,
) {
    // Nodes by service and by whether they call it before and after. Of a node that is new or
    // goes away there are no requests to compare.
    let mut callers: BTreeMap<(&ServiceName, (bool, bool)), Vec<NodeName>> = BTreeMap::new();
    for (name, was) in &before.nodes {
        let Some(is) = after.nodes.get(name) else { continue };
        let itself = changed.contains(&Address::Node(name.clone()));
        let calls = |node: &'m crate::model::VirtualNode| -> BTreeSet<&'m ServiceName> {
            node.backends.iter().map(|backend| &backend.service).collect()
        };
        if !itself && !is.backends.iter().any(|backend| services.contains(&backend.service)) {
            continue;
        }
        let (was, is) = (calls(was), calls(is));
        for service in was.union(&is) {
            let called = (was.contains(service), is.contains(service));
            if called != (true, true) || services.contains(service) {
                callers.entry((service, called)).or_default().push(name.clone());
            }
        }
    }
    for ((name, called), nodes) in callers {
        let mut all: Vec<Port> = Vec::new();
        all.extend(service_ports(before, name).iter().map(|port| port.port));
        all.extend(service_ports(after, name).iter().map(|port| port.port));
        all.sort();
        all.dedup();
        for port in all {
            tasks.push(Task::Service { name, port, callers: nodes.clone(), called });
        }
    }
}

fn gateway_tasks<'m>(
    before: &'m Mesh,
    after: &'m Mesh,
    changed: &BTreeSet<Address>,
    services: &BTreeSet<&'m ServiceName>,
    tasks: &mut Vec<Task<'m>>,
) {
    let own: BTreeSet<&GatewayName> = changed
        .iter()
        .filter_map(|address| match address {
            Address::Gateway(name) | Address::GatewayRoute(name, _) => Some(name),
            _ => None,
        })
        .collect();
    let mut found = BTreeSet::new();
    for mesh in [before, after] {
        for (name, gateway) in &mesh.gateways {
            let mut routes = gateway.routes.iter();
            if own.contains(name) || routes.any(|route| services.contains(&route.service.name)) {
                found.extend(gateway.listeners.iter().map(|listener| (name, listener.port)));
            }
        }
    }
    tasks.extend(found.into_iter().map(|(name, port)| Task::Gateway { name, port }));
}

impl Task<'_> {
    /// What changes at the entry point; `None` if its tables are the same. And the work.
    fn look(
        &self,
        before: &Mesh,
        after: &Mesh,
        changed: &BTreeSet<Address>,
        services: &BTreeSet<&ServiceName>,
    ) -> (Option<EntryDiff>, usize) {
        match self {
            Self::Service { name, port, callers, called } => {
                let (was, is) = (service(before, name, *port), service(after, name, *port));
                let there = (was.is_some() && called.0, is.is_some() && called.1);
                let protocol = is.as_ref().or(was.as_ref()).map_or(Protocol::Http, |(p, _)| *p);
                let rows = |found: Option<(Protocol, Vec<Row>)>, called: bool, mesh: &Mesh| {
                    let found = found.filter(|_| called);
                    found.map_or_else(|| outside(mesh, name, called), |(_, rows)| rows)
                };
                let tables = [rows(was, called.0, before), rows(is, called.1, after)];
                let about = EntryDiff {
                    entry: Entry::Service((*name).clone(), *port),
                    protocol,
                    callers: callers.clone(),
                    there,
                    given_up: !called.1,
                    classes: 0,
                    changed: Vec::new(),
                    cut_short: false,
                };
                // Who calls or no longer calls is itself the cause.
                let mut causes = changed.clone();
                if *called == (true, true) {
                    causes.retain(
                        |address| !matches!(address, Address::Node(n) if callers.contains(n)),
                    );
                }
                differ(about, &tables, Some("http"), &causes)
            }
            Self::Gateway { name, port } => {
                let mut folded = foldable(before, after, name, services);
                let mut spent = 0;
                loop {
                    let (was, is) = (
                        gateway(before, name, *port, &folded),
                        gateway(after, name, *port, &folded),
                    );
                    let there = (was.is_some(), is.is_some());
                    let protocol = is.as_ref().or(was.as_ref()).map_or(Protocol::Http, |(p, _)| *p);
                    let rows = |found: Option<(Protocol, Vec<Row>)>| {
                        found.map_or_else(Vec::new, |(_, rows)| rows)
                    };
                    let mut tables = [rows(was), rows(is)];
                    let doors = [door(before, name, *port), door(after, name, *port)];
                    let scheme = one_scheme(&doors, &mut tables);
                    let about = EntryDiff {
                        entry: Entry::Gateway((*name).clone(), *port),
                        protocol,
                        callers: Vec::new(),
                        there,
                        given_up: false,
                        classes: 0,
                        changed: Vec::new(),
                        cut_short: false,
                    };
                    let (found, work) = differ(about, &tables, scheme, changed);
                    spent += work;
                    // What changes from or to a folded route is told by its own rows.
                    let unfolded: BTreeSet<RouteName> = found
                        .iter()
                        .flat_map(|diff| &diff.changed)
                        .flat_map(|class| [&class.before.gives, &class.after.gives])
                        .filter_map(|gives| match gives {
                            Gives::Folded(_, route) => Some(route.clone()),
                            _ => None,
                        })
                        .collect();
                    if unfolded.is_empty() {
                        return (found, spent);
                    }
                    folded.retain(|route| !unfolded.contains(*route));
                }
            }
        }
    }
}

fn service(mesh: &Mesh, name: &ServiceName, port: Port) -> Option<(Protocol, Vec<Row>)> {
    let found = service_ports(mesh, name).into_iter().find(|p| p.port == port)?;
    Some((found.protocol, of_service(mesh, &found)))
}

/// The table of a service port for a node that does not call the service, or whose mesh does not
/// have the port.
fn outside(mesh: &Mesh, name: &ServiceName, called: bool) -> Vec<Row> {
    let gives = match mesh.settings.egress {
        EgressFilter::DropAll => Gives::Refused,
        // A name that is known leaves the mesh or not by what else the node calls on the port.
        EgressFilter::AllowAll if called && service_ports(mesh, name).is_empty() => {
            Gives::Unclear("the service has no provider".to_owned())
        }
        EgressFilter::AllowAll => Gives::Leaves,
    };
    vec![Row::plain(gives, Vec::new())]
}

fn gateway(
    mesh: &Mesh,
    name: &GatewayName,
    port: Port,
    folded: &BTreeSet<&RouteName>,
) -> Option<(Protocol, Vec<Row>)> {
    let (name, item) = mesh.gateways.get_key_value(name)?;
    let listener = item.listeners.iter().find(|listener| listener.port == port)?;
    Some((listener.protocol, of_gateway(mesh, name, item, listener, folded)))
}

/// How a gateway's port takes TLS.
fn door(mesh: &Mesh, name: &GatewayName, port: Port) -> Option<TlsMode> {
    let gateway = mesh.gateways.get(name)?;
    let listener = gateway.listeners.iter().find(|listener| listener.port == port)?;
    Some(listener.tls.as_ref().map_or(TlsMode::Disabled, |tls| tls.mode))
}

fn is_scheme(scheme: &str) -> Condition {
    Condition::new(Part::Scheme, Asks::Is(Test::Exact(scheme.to_owned())))
}

/// The only scheme of the requests that can come in. Where that changes, what is refused at the
/// door becomes a row.
fn one_scheme(doors: &[Option<TlsMode>; 2], tables: &mut [Vec<Row>; 2]) -> Option<&'static str> {
    let only = |mode: &Option<TlsMode>| match mode {
        Some(TlsMode::Strict) => Some("https"),
        Some(TlsMode::Disabled) => Some("http"),
        Some(TlsMode::Permissive) | None => None,
    };
    match doors {
        [was, is] if was == is => return only(was),
        [None, is] => return only(is),
        [was, None] => return only(was),
        _ => {}
    }
    for (door, table) in doors.iter().zip(tables) {
        let Some(scheme) = only(door) else { continue };
        let mut refused = Row::plain(Gives::Refused, Vec::new());
        refused.conditions.push(is_scheme(if scheme == "http" { "https" } else { "http" }));
        table.insert(0, refused);
    }
    None
}

/// The routes of a gateway that are the same before and after and lead to a service that no
/// change reaches.
fn foldable<'m>(
    before: &'m Mesh,
    after: &Mesh,
    name: &GatewayName,
    services: &BTreeSet<&ServiceName>,
) -> BTreeSet<&'m RouteName> {
    let (Some(was), Some(is)) = (before.gateways.get(name), after.gateways.get(name)) else {
        return BTreeSet::new();
    };
    let by_name: BTreeMap<_, _> = is.routes.iter().map(|route| (&route.name, route)).collect();
    let same = was.routes.iter().filter(|route| {
        by_name.get(&route.name).is_some_and(|other| other == route)
            && !services.contains(&route.service.name)
            && gateway_target(before, route).is_some()
            && route.patch.is_none()
    });
    same.map(|route| &route.name).collect()
}

/// The way of a class before and after, and whether it is the same: several rows can be of one
/// way, where a rewrite makes several rows of a route.
type Ways<'a> = (bool, Way<'a>, Way<'a>);
type Way<'a> = (&'a [Address], &'a Gives, Option<&'a str>);

fn way(row: &Row) -> Way<'_> {
    (&row.via, &row.gives, row.host.as_deref())
}

/// Compares two tables.
fn differ(
    mut about: EntryDiff,
    tables: &[Vec<Row>; 2],
    scheme: Option<&str>,
    changed: &BTreeSet<Address>,
) -> (Option<EntryDiff>, usize) {
    let [before, after] = tables;
    if before == after && about.there.0 == about.there.1 {
        return (None, before.len() + after.len());
    }
    let scheme = scheme.filter(|_| about.protocol != Protocol::Tcp).map(is_scheme);
    let rows = before.iter().chain(after).map(|row| row.conditions.as_slice());
    let space = Space::new(rows.chain(scheme.as_ref().map(std::slice::from_ref)));
    let within = scheme.map(|scheme| space.region(&[scheme]));
    let regions = tables.each_ref().map(|rows| -> Vec<Region> {
        rows.iter().map(|row| space.region(&row.conditions)).collect()
    });
    let found = takers(&space, &[&regions[0], &regions[1]], within.as_ref());
    let work = space.work() + found.work;
    about.cut_short = found.cut_short;
    let nothing = Row::plain(Gives::Answer(404), Vec::new());
    let closed = Row::plain(Gives::Refused, Vec::new());
    let row = |side: usize, taker: Taker| match taker {
        Taker::Row(at) => &tables[side][at],
        Taker::Nothing if about.protocol == Protocol::Tcp => &closed,
        // An entry point that is not there answers nothing at all.
        Taker::Nothing if !(if side == 0 { about.there.0 } else { about.there.1 }) => &closed,
        Taker::Nothing => &nothing,
    };
    let mut known: BTreeMap<Ways<'_>, Option<Class>> = BTreeMap::new();
    for (key, shown) in &found.found {
        let [was, is] = [row(0, key[0]), row(1, key[1])];
        let same = was.does_as(is);
        let slot = known.entry((same, way(was), way(is))).or_insert(None);
        let path = shown.example.path.as_deref().unwrap_or("/");
        // One class has one example: that of its first row, if that one is proven.
        let better = |class: &Class| class.assumed && !shown.assumed;
        if same || slot.as_ref().is_some_and(|class| !better(class)) {
            continue;
        }
        let severity = match (was.gives.served(), is.gives.served()) {
            (true, false) => Severity::Lost,
            (false, true) => Severity::New,
            _ => Severity::Changed,
        };
        *slot = Some(Class {
            severity,
            before: was.side(path),
            after: is.side(path),
            example: shown.example.clone(),
            assumed: shown.assumed,
            causes: causes(changed, &[was, is], tables),
        });
    }
    about.classes = known.len();
    about.changed = known.into_values().flatten().collect();
    about.changed.sort_by(|a, b| (a.severity, &a.example).cmp(&(b.severity, &b.example)));
    (Some(about), work)
}

/// The changes that stand on the ways of a class, or else at the entry point.
fn causes(changed: &BTreeSet<Address>, rows: &[&Row], tables: &[Vec<Row>; 2]) -> BTreeSet<Address> {
    let among = |all: &mut dyn Iterator<Item = Address>| -> BTreeSet<Address> {
        all.filter(|address| changed.contains(address)).collect()
    };
    let named = |row: &&Row| -> Vec<Address> {
        let mut all = row.via.clone();
        for address in &row.via {
            if let Address::GatewayRoute(gateway, _) = address {
                all.push(Address::Gateway(gateway.clone()));
            }
        }
        if let Gives::Nodes(shares) = &row.gives {
            all.extend(shares.iter().map(|share| Address::Node(share.node.clone())));
        }
        all
    };
    let mut near = among(&mut rows.iter().flat_map(named));
    let route =
        |address: &Address| matches!(address, Address::Route(..) | Address::GatewayRoute(..));
    if near.iter().any(route) {
        // A router that changes because a route of it does is no cause of its own.
        near.retain(|a| !matches!(a, Address::Router(_) | Address::Gateway(_)));
        return near;
    }
    let far = among(&mut tables.iter().flatten().flat_map(|row| named(&row)));
    if near.is_empty() { if far.is_empty() { changed.clone() } else { far } } else { near }
}
