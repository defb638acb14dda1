//! What stands at an entry point, as one ordered table: each row's conditions on the request that
//! comes in, and what becomes of it. The two hops of a gateway make one table.

use super::conditions::{PathChange, of, through};
use super::diff::Side;
use super::language::Test;
use super::space::{Asks, Condition, Part};
use crate::model::{
    Address, GatewayListener, GatewayName, Mesh, NodeName, Patch, Port, Protocol, RouteName,
    VirtualGateway,
};
use crate::traffic::{
    self, Action, Path, PathRewrite, Rewrite, Row as Hop, ServicePort, connection_row, normalised,
    service_rows,
};
use std::collections::BTreeSet;

/// What becomes of a request.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Gives {
    /// It goes to one of these nodes, by their weights.
    Nodes(Vec<Share>),
    /// The proxy answers itself, with this status.
    Answer(u16),
    /// It leaves the mesh.
    Leaves,
    /// No proxy of the mesh takes it.
    Refused,
    /// What all rows of a gateway route, which is the same before and after, make of it.
    Folded(GatewayName, RouteName),
    /// What comes of it is not decided: these raw Envoy fields may do anything.
    Unclear(String),
}

impl Gives {
    /// Whether a server gets it.
    pub fn served(&self) -> bool {
        match self {
            Self::Nodes(_) | Self::Leaves | Self::Folded(..) | Self::Unclear(_) => true,
            Self::Answer(status) => *status < 400,
            Self::Refused => false,
        }
    }
}

/// A node that gets a share.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Share {
    /// The node.
    pub node: NodeName,
    /// Its port.
    pub port: Port,
    /// Its weight, among those of the same row.
    pub weight: u32,
}

/// One row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// All of these must hold.
    pub conditions: Vec<Condition>,
    /// What becomes of the request.
    pub gives: Gives,
    /// What becomes of its path.
    pub path: PathChange,
    /// What becomes of its host; `None` is nothing.
    pub host: Option<String>,
    /// What it goes through: the gateway route, the service, the router, the route.
    pub via: Vec<Address>,
}

impl Row {
    /// A row that takes every request and changes nothing.
    pub(super) fn plain(gives: Gives, via: Vec<Address>) -> Self {
        Self { conditions: Vec::new(), gives, path: PathChange::Keep, host: None, via }
    }

    /// Whether its conditions on paths hold for a path.
    pub fn applies(&self, path: &str) -> bool {
        let own = self.conditions.iter().filter(|condition| condition.part == Part::Path);
        own.clone().all(|condition| match &condition.asks {
            Asks::Is(Test::Behind { prefix, .. }) => path.starts_with(prefix.as_str()),
            Asks::Is(test) => test.passes(path) == Some(true),
            Asks::IsNot(test) => test.passes(path) == Some(false),
            Asks::Present => true,
            Asks::Absent | Asks::Unknown(_) | Asks::Never => false,
        })
    }

    /// What becomes of a request with this path.
    pub(super) fn side(&self, path: &str) -> Side {
        let nodes = matches!(self.gives, Gives::Nodes(_));
        Side {
            gives: self.gives.clone(),
            path: nodes.then(|| self.path.apply(path)),
            host: self.host.clone(),
            via: self.via.clone(),
        }
    }

    /// Whether two rows do the same with a request.
    pub fn does_as(&self, other: &Self) -> bool {
        // To those who ask, one refusal is like another.
        (!self.gives.served() && !other.gives.served())
            || (self.gives == other.gives
                && (!matches!(self.gives, Gives::Nodes(_))
                    || (self.path == other.path && self.host == other.host)))
    }
}

/// The rows of one port of a service, in the order in which its callers' proxies try them. What
/// none takes is answered 404.
pub fn of_service(mesh: &Mesh, port: &ServicePort<'_>) -> Vec<Row> {
    let hops = match port.protocol {
        Protocol::Tcp => connection_row(mesh, port).into_iter().collect(),
        Protocol::Http | Protocol::Http2 | Protocol::Grpc => service_rows(mesh, port),
    };
    hops.iter().map(|hop| last_hop(port, hop)).collect()
}

fn last_hop(port: &ServicePort<'_>, hop: &Hop<'_>) -> Row {
    let gives = match &hop.action {
        _ if hop.patch.is_some() => unclear(hop.patch),
        Action::Targets(shares) => Gives::nodes(shares),
        Action::Answer(status) => Gives::Answer(*status),
        // Only gateways send on to a service.
        Action::Service { .. } => unclear(None),
    };
    let mut via = vec![Address::Service(port.name.clone())];
    if let Address::Route(router, _) = &hop.address {
        via.push(Address::Router(router.clone()));
        via.push(hop.address.clone());
    }
    Row { conditions: of(&hop.matches), gives, path: PathChange::Keep, host: None, via }
}

fn unclear(patch: Option<&Patch>) -> Gives {
    Gives::Unclear(patch.map_or_else(String::new, |patch| format!("{patch:?}")))
}

impl Gives {
    /// Shares in lowest terms, without those that get nothing.
    pub fn nodes(shares: &[traffic::Share<'_>]) -> Self {
        let mut all: Vec<Share> = traffic::parts(shares)
            .map(|(share, weight)| Share {
                node: share.to.name.clone(),
                port: share.to.listener.port,
                weight,
            })
            .filter(|share| share.weight > 0)
            .collect();
        all.sort();
        let divisor = all.iter().fold(0, |sum, share| common(sum, share.weight));
        for share in &mut all {
            share.weight /= divisor;
        }
        Self::Nodes(all)
    }
}

/// The greatest common divisor.
fn common(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { common(b, a % b) }
}

/// The rows of one row of a gateway: those of the service that it leads to, and at the end one
/// for what none of them takes.
pub fn of_hop(mesh: &Mesh, hop: &Hop<'_>, all: &mut Vec<Row>) {
    let own = of(&hop.matches);
    let plain = |gives: Gives| Row {
        conditions: own.clone(),
        gives,
        path: PathChange::Keep,
        host: None,
        via: vec![hop.address.clone()],
    };
    let (to, rewrite) = match &hop.action {
        _ if hop.patch.is_some() => return all.push(plain(unclear(hop.patch))),
        Action::Answer(status) => return all.push(plain(Gives::Answer(*status))),
        Action::Targets(shares) => return all.push(plain(Gives::nodes(shares))),
        Action::Service { to, rewrite } => (to, rewrite),
    };
    let change = change(&hop.matches.path, rewrite);
    let inner = of_service(mesh, to);
    let mut ways = dots(&change);
    ways.push((None, change));
    for (test, change) in ways {
        let more = test.map(|test| Condition::new(Part::Path, Asks::Is(test)));
        let with = |conditions: Vec<Condition>| -> Vec<Condition> {
            own.iter().cloned().chain(more.clone()).chain(conditions).collect()
        };
        for row in &inner {
            let mut via = vec![hop.address.clone()];
            via.extend(row.via.iter().cloned());
            all.push(Row {
                conditions: with(through(&change, row.conditions.clone())),
                gives: row.gives.clone(),
                path: change.clone(),
                host: rewrite.host.map(str::to_owned),
                via,
            });
        }
        let mut rest = plain(Gives::Answer(404));
        rest.conditions = with(Vec::new());
        all.push(rest);
    }
}

/// `/x` to `/` makes `/..` of `/x..`, which the second hop resolves: paths of which a rewrite
/// makes a segment `.` or `..`, and what becomes of them.
fn dots(change: &PathChange) -> Vec<(Option<Test>, PathChange)> {
    let PathChange::Prefix { from, to } = change else { return Vec::new() };
    if from.ends_with('/') || !to.ends_with('/') {
        return Vec::new();
    }
    let parent = match to.trim_end_matches('/').rfind('/') {
        Some(at) => &to[..=at],
        None => "/",
    };
    let mut all = Vec::new();
    for (segment, to) in [(".", to.as_str()), ("..", parent)] {
        let (bare, slashed) = (format!("{from}{segment}"), format!("{from}{segment}/"));
        all.push((Some(Test::Exact(bare)), PathChange::Whole(to.to_owned())));
        let change = PathChange::Prefix { from: slashed.clone(), to: to.to_owned() };
        all.push((Some(Test::Prefix(slashed)), change));
    }
    all
}

fn change(matched: &Path<'_>, rewrite: &Rewrite<'_>) -> PathChange {
    // The second hop sees paths as the proxy normalises them, those of rewrites too.
    let seen = |path: &str| normalised(path).unwrap_or_else(|_| path.to_owned());
    match (rewrite.path, matched) {
        (PathRewrite::Keep, _) => PathChange::Keep,
        (PathRewrite::Whole(path), _) => PathChange::Whole(seen(path)),
        (PathRewrite::Prefix(to), Path::Prefix(from)) => {
            // Without a slash at its end it goes on, and may not mean the same by itself.
            let to = if to.ends_with('/') { seen(to) } else { to.to_owned() };
            PathChange::Prefix { from: from.to_string(), to }
        }
        // What is rewritten is what matched.
        (PathRewrite::Prefix(to), Path::Exact(_) | Path::Regex(_)) => PathChange::Whole(seen(to)),
    }
}

/// The rows of one port of a gateway. Each route that `folded` names is one row.
pub fn of_gateway(
    mesh: &Mesh,
    name: &GatewayName,
    gateway: &VirtualGateway,
    listener: &GatewayListener,
    folded: &BTreeSet<&RouteName>,
) -> Vec<Row> {
    let mut all: Vec<Row> = Vec::new();
    if let Some(path) = listener.health_path() {
        let query = "the request has no query string".to_owned();
        all.push(Row {
            conditions: vec![
                Condition::new(Part::Path, Asks::Is(Test::Exact(path.to_owned()))),
                Condition::new(Part::Path, Asks::Unknown(query)),
            ],
            gives: Gives::Answer(200),
            path: PathChange::Keep,
            host: None,
            via: vec![Address::Gateway(name.clone())],
        });
    }
    for hop in traffic::gateway_rows(mesh, name, gateway, listener) {
        let Address::GatewayRoute(_, route) = &hop.address else { continue };
        if !folded.contains(route) {
            of_hop(mesh, &hop, &mut all);
            continue;
        }
        all.push(Row {
            conditions: of(&hop.matches),
            gives: Gives::Folded(name.clone(), route.clone()),
            path: PathChange::Keep,
            host: None,
            via: vec![hop.address.clone()],
        });
    }
    all
}
