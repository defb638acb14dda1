//! The routing graph as something to look at: boxes, the routes in them, and edges.
//!
//! A [`Picture`] is complete; [`scoped`] takes the surroundings of one resource out of it, and
//! [`fold()`] makes a large one small enough to be drawn, saying what it folded. [`layout`] gives
//! boxes places. Nothing here knows a format: `report` writes all of them from this.
#![deny(clippy::disallowed_methods)]

mod build;
mod fold;
pub mod layout;
mod scope;
mod words;

pub use build::build;
pub use fold::{Folded, Limits, fold};
pub use scope::scoped;

use crate::model::{Address, Kind, Port};

/// What a change does to a resource or an edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mark {
    /// It is new.
    Created,
    /// It becomes different.
    Updated,
    /// It goes away.
    Deleted,
}

impl Mark {
    /// Every mark, in order.
    pub const ALL: [Self; 3] = [Self::Created, Self::Updated, Self::Deleted];

    /// `+`, `~` or `-`, as in plans.
    pub const fn sign(self) -> char {
        match self {
            Self::Created => '+',
            Self::Updated => '~',
            Self::Deleted => '-',
        }
    }

    /// The word: `created`, `updated` or `deleted`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Deleted => "deleted",
        }
    }
}

/// Whether something is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// This mesh defines it.
    Defined,
    /// Another project owns it.
    External,
    /// It is named, and nothing defines it.
    Missing,
}

/// A gateway, service, router or node.
#[derive(Clone, Debug)]
pub struct Item {
    /// The resource.
    pub address: Address,
    /// Its ports in short, for example `:8080 http`.
    pub ports: String,
    /// Whether it is there.
    pub state: State,
    /// What a change does to it.
    pub mark: Option<Mark>,
    /// Its routes in the order in which Envoy tries them; those that go away come last.
    pub rows: Vec<Row>,
    /// Words about what was left out of it or folded into it.
    pub notes: Vec<String>,
    /// Whether it is one of so many that it must be small.
    pub small: bool,
}

/// A route in a router or gateway; in a folded picture also a node behind a service.
#[derive(Clone, Debug)]
pub struct Row {
    /// The resource.
    pub address: Address,
    /// What it matches, in short.
    pub words: String,
    /// What a change does to it.
    pub mark: Option<Mark>,
}

/// What an edge means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EdgeKind {
    /// A node or a gateway's route calls a service.
    Calls,
    /// A router or node provides a service.
    Provides,
    /// A route sends to a node.
    Sends,
}

impl EdgeKind {
    /// The word: `calls`, `provided_by` or `sends`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Calls => "calls",
            Self::Provides => "provided_by",
            Self::Sends => "sends",
        }
    }
}

/// The share that a target takes of a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// Its weight.
    pub weight: u32,
    /// The sum of the weights of the route.
    pub sum: u64,
    /// Whether it is the only target, which takes all whatever its weight.
    pub sole: bool,
}

impl Share {
    /// The share in parts of a hundred.
    pub fn percent(self) -> f64 {
        if self.sole {
            return 100.0;
        }
        100.0 * f64::from(self.weight) / (self.sum.max(1) as f64)
    }
}

/// A line between boxes.
#[derive(Clone, Debug)]
pub struct Edge {
    /// The index of the box that it leaves.
    pub from: usize,
    /// The index of the row in that box, if it leaves a row.
    pub row: Option<usize>,
    /// The index of the box that it enters.
    pub to: usize,
    /// What it means.
    pub kind: EdgeKind,
    /// The port, where the files name one.
    pub port: Option<Port>,
    /// The share of a target.
    pub share: Option<Share>,
    /// The share before the change, if it differs.
    pub before: Option<Share>,
    /// What a change does to it.
    pub mark: Option<Mark>,
    /// How many edges of the whole graph were folded into it; 1 if none were.
    pub count: usize,
}

/// A graph of boxes and edges. Boxes are in the order of kinds and names, edges in the order of
/// what they leave.
#[derive(Clone, Debug, Default)]
pub struct Picture {
    /// The boxes.
    pub items: Vec<Item>,
    /// The edges.
    pub edges: Vec<Edge>,
}

impl Item {
    /// The kind of the resource.
    pub fn kind(&self) -> Kind {
        self.address.kind()
    }

    /// Its name, without the kind.
    pub fn name(&self) -> &str {
        name_of(&self.address)
    }
}

impl Row {
    /// Its name, without the kind and the router or gateway.
    pub fn name(&self) -> &str {
        name_of(&self.address)
    }
}

/// The name in an address: of a route, the route's own.
pub fn name_of(address: &Address) -> &str {
    match address {
        Address::Mesh => "mesh",
        Address::Node(name) => name.as_str(),
        Address::Service(name) => name.as_str(),
        Address::Router(name) => name.as_str(),
        Address::Gateway(name) => name.as_str(),
        Address::Route(_, name) | Address::GatewayRoute(_, name) => name.as_str(),
    }
}

/// The word for a kind of box.
pub const fn kind_word(kind: Kind) -> &'static str {
    match kind {
        Kind::Mesh => "mesh",
        Kind::VirtualNode => "node",
        Kind::VirtualRouter => "router",
        Kind::Route | Kind::GatewayRoute => "route",
        Kind::VirtualService => "service",
        Kind::VirtualGateway => "gateway",
    }
}

impl Picture {
    /// The edges that leave each box, as indices in order.
    pub fn leaving(&self) -> Vec<Vec<usize>> {
        let mut lists = vec![Vec::new(); self.items.len()];
        for (at, edge) in self.edges.iter().enumerate() {
            lists[edge.from].push(at);
        }
        lists
    }

    /// The edges that enter each box, as indices in order.
    pub fn entering(&self) -> Vec<Vec<usize>> {
        let mut lists = vec![Vec::new(); self.items.len()];
        for (at, edge) in self.edges.iter().enumerate() {
            lists[edge.to].push(at);
        }
        lists
    }

    /// Every resource in it.
    pub fn addresses(&self) -> impl Iterator<Item = &Address> {
        self.items.iter().flat_map(|item| {
            [&item.address].into_iter().chain(item.rows.iter().map(|row| &row.address))
        })
    }

    /// How many resources and edges a change creates, updates and deletes.
    pub fn marks(&self) -> [usize; 3] {
        let items = self
            .items
            .iter()
            .flat_map(|item| [item.mark].into_iter().chain(item.rows.iter().map(|row| row.mark)));
        let mut counts = [0; 3];
        for mark in items.flatten() {
            counts[mark as usize] += 1;
        }
        counts
    }

    /// Keeps some boxes, and the edges of which both ends stay.
    fn retain(&mut self, keep: &[bool]) {
        let mut place = Vec::with_capacity(keep.len());
        let mut next = 0;
        for kept in keep {
            place.push(next);
            next += usize::from(*kept);
        }
        let mut at = 0;
        self.items.retain(|_| {
            at += 1;
            keep[at - 1]
        });
        self.edges.retain(|edge| keep[edge.from] && keep[edge.to]);
        for edge in &mut self.edges {
            (edge.from, edge.to) = (place[edge.from], place[edge.to]);
        }
    }
}

/// A count with its noun: `1 route`, `2 routes`.
pub fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}
