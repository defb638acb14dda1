//! How the traffic of two meshes differs: for every entry point that a change reaches, the classes
//! of requests that change, each with a request that shows it.
//!
//! A class is what takes one path through the routes before and one after. It changes if it has
//! another destination, path, host or status, or another route or node with other settings
//! (`meets` compares the settings of what stays). The work follows from the change: only services
//! that the changed addresses reach are looked at, and of a gateway the routes to other services
//! are folded into a row each.

use super::causes::{self, Sides};
use super::language::Test;
use super::meets::{Cx, Met, PolicyDiff};
use super::space::{Asks, Condition, Example, Part, Region, Space, request};
use super::table::{Gives, Row, of_gateway, of_service};
use super::tasks::{self, Access, Outside, Task, To, service_ports};
use super::walk::{Taker, takers};
use crate::model::{
    Address, Capture, EgressFilter, GatewayName, Mesh, NodeName, Port, Protocol, RouteName,
    ServiceName, TlsMode,
};
use crate::parallel;
use crate::traffic::policy::{FactChange, Subject};
use crate::traffic::{Request, captured_by, gateway_target};
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

/// Where requests come in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Entry {
    /// A port of a gateway.
    Gateway(GatewayName, Port),
    /// A port of a service, for the nodes that call it.
    Service(ServiceName, Port),
    /// An address that a node's proxy binds for a port of a service, before or after.
    Bound(SocketAddr, ServiceName, Port),
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
    /// The settings that differ because another route or node has others.
    pub policy: Vec<FactChange>,
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
    /// Whether its callers reach it otherwise than before, or no longer.
    pub moved: bool,
    /// How many classes there are.
    pub classes: usize,
    /// Those that change, the worst first.
    pub changed: Vec<Class>,
    /// The changed settings that requests meet here.
    pub meets: Vec<Met>,
    /// How many classes keep their path and meet a changed setting on it.
    pub meeting: usize,
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
            Entry::Bound(at, name, port) => {
                // What is sent there says where; the service's name is not needed.
                let host = match at {
                    SocketAddr::V4(at) => at.ip().to_string(),
                    SocketAddr::V6(at) => format!("[{}]", at.ip()),
                };
                match Port::new(at.port().into()) {
                    Some(own) => (host, own),
                    None => (name.to_string(), *port),
                }
            }
        };
        request(&host, port, self.protocol, example)
    }

    fn of(entry: Entry, callers: Vec<NodeName>) -> Self {
        Self {
            entry,
            protocol: Protocol::Http,
            callers,
            there: (false, false),
            moved: false,
            classes: 0,
            changed: Vec::new(),
            meets: Vec::new(),
            meeting: 0,
            cut_short: false,
        }
    }
}

/// The comparison of two meshes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Differences {
    /// The entry points at which something changes or could not be decided.
    pub entries: Vec<EntryDiff>,
    /// How many other entry points the changes reach: their tables and settings are the same.
    pub same: usize,
    /// The settings that differ where a request meets them, the worst first.
    pub policies: Vec<PolicyDiff>,
    /// Whether calls to what the mesh does not define go elsewhere: what they did before and do
    /// after.
    pub egress: Option<(EgressFilter, EgressFilter)>,
    /// The steps that it took, a measure of the work.
    pub work: usize,
}

/// Compares the traffic of two meshes, as far as some changed addresses reach.
pub fn compare(before: &Mesh, after: &Mesh, changed: &BTreeSet<Address>) -> Differences {
    let cx = Cx::new(before, after, changed);
    let tasks = tasks::all(&cx);
    let mut all = Differences::default();
    for (diff, work) in parallel::map(&tasks, |task| look(&cx, task)) {
        all.work += work;
        match diff {
            Some(diff) => all.entries.push(diff),
            None => all.same += 1,
        }
    }
    all.policies = cx.grouped(&all);
    let (was, is) = (before.settings.egress, after.settings.egress);
    // Under explicit capture nothing that the mesh does not define meets a proxy.
    let met = || {
        before.nodes.iter().any(|(name, node)| {
            let next = after.nodes.get(name);
            let redirect = Some(Capture::Redirect);
            captured_by(before, node) == redirect
                && next.is_some_and(|next| captured_by(after, next) == redirect)
        })
    };
    all.egress = (was != is && met()).then_some((was, is));
    all
}

/// What changes at the entry point; `None` if its tables and settings are the same. And the work.
fn look(cx: &Cx<'_>, task: &Task<'_>) -> (Option<EntryDiff>, usize) {
    match task {
        Task::Service { to, callers, access } => {
            let about = EntryDiff::of(Entry::Service(to.0.clone(), to.1), callers.clone());
            let sides = [side(cx.before, *to, access[0]), side(cx.after, *to, access[1])];
            let moved = Access::moved(*access);
            at_service(cx, EntryDiff { moved, ..about }, sides)
        }
        Task::Bound { node, at, to } => {
            let Some((name, port)) = to[0].or(to[1]) else { return (None, 0) };
            let entry = Entry::Bound(*at, name.clone(), port);
            let about = EntryDiff::of(entry, vec![node.clone()]);
            let sides = [(cx.before, to[0]), (cx.after, to[1])].map(|(mesh, to)| {
                let Some(to) = to else { return Table::closed() };
                let mut side = side(mesh, to, Access::Known);
                // Every host is taken there, and becomes the service's name.
                for row in &mut side.rows {
                    row.host = Some(to.0.to_string());
                }
                side
            });
            at_service(cx, EntryDiff { moved: true, ..about }, sides)
        }
        Task::Gateway { name, port } => at_gateway(cx, name, *port),
    }
}

/// One side of an entry point.
struct Table {
    there: bool,
    protocol: Option<Protocol>,
    rows: Vec<Row>,
}

impl Table {
    fn closed() -> Self {
        let rows = vec![Row::plain(Gives::Refused, Vec::new())];
        Self { there: false, protocol: None, rows }
    }
}

fn side(mesh: &Mesh, to: To<'_>, access: Access<'_>) -> Table {
    let found = service(mesh, to.0, to.1);
    let protocol = found.as_ref().map(|(protocol, _)| *protocol);
    match (found, access) {
        (Some((_, rows)), Access::Known) => Table { there: true, protocol, rows },
        (None, Access::Known) | (_, Access::Closed) => Table { protocol, ..Table::closed() },
        (_, Access::NoPort(outside) | Access::Unlisted(outside)) => {
            Table { there: false, protocol, rows: rows_outside(mesh, outside) }
        }
    }
}

fn at_service(cx: &Cx<'_>, mut about: EntryDiff, sides: [Table; 2]) -> (Option<EntryDiff>, usize) {
    about.there = (sides[0].there, sides[1].there);
    about.protocol = sides[1].protocol.or(sides[0].protocol).unwrap_or(Protocol::Http);
    let tables = sides.map(|side| side.rows);
    differ(cx, about, &tables, Some("http"))
}

fn at_gateway(cx: &Cx<'_>, name: &GatewayName, port: Port) -> (Option<EntryDiff>, usize) {
    let mut folded = foldable(cx.before, cx.after, name, &cx.services);
    if cx.policies.contains_key(&Subject::GatewayCaller(name.clone())) {
        // How the gateway calls services matters at each of them.
        folded.clear();
    }
    // Nor is a route like another whose second hop changes.
    let address = |route: &RouteName| Address::GatewayRoute(name.clone(), route.clone());
    folded.retain(|route| !cx.changes_behind(&address(route)));
    let mut spent = 0;
    loop {
        let [was, is] = [cx.before, cx.after].map(|mesh| gateway(mesh, name, port, &folded));
        let mut about = EntryDiff::of(Entry::Gateway(name.clone(), port), Vec::new());
        about.there = (was.is_some(), is.is_some());
        about.protocol = is.as_ref().or(was.as_ref()).map_or(Protocol::Http, |(p, _)| *p);
        let rows =
            |found: Option<(Protocol, Vec<Row>)>| found.map_or_else(Vec::new, |(_, rows)| rows);
        let mut tables = [rows(was), rows(is)];
        let doors = [door(cx.before, name, port), door(cx.after, name, port)];
        let scheme = one_scheme(&doors, &mut tables);
        let (found, work) = differ(cx, about, &tables, scheme);
        spent += work;
        // What changes from or to a folded route is reported by its own rows.
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

fn service(mesh: &Mesh, name: &ServiceName, port: Port) -> Option<(Protocol, Vec<Row>)> {
    let found = service_ports(mesh, name).into_iter().find(|p| p.port == port)?;
    Some((found.protocol, of_service(mesh, &found)))
}

/// The table of calls that are for no entry of the caller's proxy.
fn rows_outside(mesh: &Mesh, outside: Outside<'_>) -> Vec<Row> {
    let gives = match outside {
        Outside::Refused => Gives::Refused,
        Outside::NotFound => Gives::Answer(404),
        Outside::Leaves => Gives::Leaves,
        Outside::Taken((name, port)) => {
            return service(mesh, name, port).map_or_else(Vec::new, |(_, rows)| rows);
        }
        Outside::Unclear => Gives::Unclear("whose addresses these are is not known".to_owned()),
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
    let listener = item.listener(port)?;
    Some((listener.protocol, of_gateway(mesh, name, item, listener, folded)))
}

/// How a gateway's port takes TLS.
fn door(mesh: &Mesh, name: &GatewayName, port: Port) -> Option<TlsMode> {
    let gateway = mesh.gateways.get(name)?;
    let listener = gateway.listener(port)?;
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
    cx: &Cx<'_>,
    mut about: EntryDiff,
    tables: &[Vec<Row>; 2],
    scheme: Option<&str>,
) -> (Option<EntryDiff>, usize) {
    let [before, after] = tables;
    if before == after && about.there.0 == about.there.1 && !cx.reaches(&about, before) {
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
    let sides = Sides { before: cx.before, after: cx.after, changed: cx.changed, tables };
    let mut known: BTreeMap<Ways<'_>, Option<Class>> = BTreeMap::new();
    let mut otherwise: BTreeMap<(Way<'_>, Way<'_>), Vec<FactChange>> = BTreeMap::new();
    let mut kept: BTreeMap<Ways<'_>, (&Example, [&Row; 2])> = BTreeMap::new();
    for (key, shown) in &found.found {
        let [was, is] = [row(0, key[0]), row(1, key[1])];
        let policy = otherwise.entry((way(was), way(is))).or_insert_with(|| cx.otherwise(was, is));
        let same = was.does_as(is) && policy.is_empty();
        let ways = (same, way(was), way(is));
        kept.entry(ways).or_insert((&shown.example, [was, is]));
        let slot = known.entry(ways).or_insert(None);
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
            causes: causes::of(&sides, &about, [was, is], &shown.example),
            policy: policy.clone(),
        });
    }
    about.classes = known.len();
    meet(cx, &mut about, &kept);
    about.changed = known.into_values().flatten().collect();
    about.changed.sort_by(|a, b| (a.severity, &a.example).cmp(&(b.severity, &b.example)));
    (Some(about), work)
}

/// Adds the changed settings that classes meet.
fn meet(cx: &Cx<'_>, about: &mut EntryDiff, classes: &BTreeMap<Ways<'_>, (&Example, [&Row; 2])>) {
    let entry = cx.at_entry(about);
    let mut found: BTreeMap<Subject, Met> = BTreeMap::new();
    for (class, ((same, ..), (example, rows))) in classes.iter().enumerate() {
        let met = cx.met(about, &entry, *rows);
        about.meeting += usize::from(*same && !met.is_empty());
        // What a hop takes for all servers is shown by requests for those that are the same.
        let same = !met.iter().any(|(subject, _)| matches!(subject, Subject::Server(..)));
        for (subject, lost) in met {
            let alone = same && subject.is_shared();
            let own = found.entry(subject.clone()).or_insert_with(|| {
                let example = (*example).clone();
                Met { subject, classes: BTreeSet::new(), example, lost: false, alone }
            });
            own.classes.insert(class);
            if (lost && !own.lost) || (alone && !own.alone && !own.lost) {
                own.lost |= lost;
                own.alone |= alone;
                own.example = (*example).clone();
            }
        }
    }
    about.meets = found.into_values().collect();
}
