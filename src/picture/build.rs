//! From meshes to a picture: the mesh as it will be, and what of the mesh before goes away.

use super::{Edge, EdgeKind, Item, Mark, Picture, Row, Share, State, words};
use crate::model::{
    Address, Kind, Mesh, Port, Protocol, Route, Target, VirtualGateway, VirtualRouter,
};
use std::collections::BTreeMap;

/// Draws a mesh. With a mesh `before`, what only that one has is drawn too, edges are compared, and
/// `marks` says what becomes of resources.
pub fn build(after: &Mesh, before: Option<&Mesh>, marks: &BTreeMap<Address, Mark>) -> Picture {
    let mut all = Collected::default();
    all.take(after, true);
    if let Some(before) = before {
        all.take(before, false);
    }
    all.picture(before.is_some(), marks)
}

/// Boxes in the order of the ways of requests: gateways, services, routers, nodes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key(u8, Address);

fn key(address: Address) -> Key {
    let rank = match address.kind() {
        Kind::VirtualGateway => 0,
        Kind::VirtualService => 1,
        Kind::VirtualRouter => 2,
        Kind::VirtualNode => 3,
        Kind::Mesh | Kind::Route | Kind::GatewayRoute => 4,
    };
    Key(rank, address)
}

/// An edge before its ends have numbers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Line {
    from: Key,
    row: Option<usize>,
    kind: EdgeKind,
    to: Key,
    port: Option<Port>,
}

/// What an edge was and will be; the inner value is the share of a target.
#[derive(Clone, Copy, Debug, Default)]
struct Sides {
    after: Option<Option<Share>>,
    before: Option<Option<Share>>,
}

#[derive(Debug, Default)]
struct Collected {
    items: BTreeMap<Key, Item>,
    lines: BTreeMap<Line, Sides>,
}

impl Collected {
    fn take(&mut self, mesh: &Mesh, after: bool) {
        for (name, node) in &mesh.nodes {
            let own = Address::Node(name.clone());
            let ports = ports(node.listeners.iter().map(|l| (l.port, l.protocol)));
            self.item(own.clone(), State::Defined, ports);
            for backend in &node.backends {
                let to = Address::Service(backend.service.clone());
                self.line(&own, None, EdgeKind::Calls, to, None, None, after);
            }
        }
        for (name, service) in &mesh.services {
            let own = Address::Service(name.clone());
            self.item(own.clone(), State::Defined, String::new());
            let router = service.router.clone().map(Address::Router);
            let node = service.node.clone().map(Address::Node);
            for to in router.into_iter().chain(node) {
                self.line(&own, None, EdgeKind::Provides, to, None, None, after);
            }
        }
        for name in mesh.external_services.keys() {
            self.item(Address::Service(name.clone()), State::External, String::new());
        }
        for (name, router) in &mesh.routers {
            let own = Address::Router(name.clone());
            let ports = ports(router.listeners.iter().map(|l| (l.port, l.protocol)));
            self.item(own.clone(), State::Defined, ports);
            for route in &router.routes {
                let address = Address::Route(name.clone(), route.name.clone());
                let row = self.row(&own, address, || route_words(router, route));
                for target in &route.targets {
                    let to = Address::Node(target.node.clone());
                    let share = Some(share(route, target));
                    self.line(&own, Some(row), EdgeKind::Sends, to, target.port, share, after);
                }
            }
        }
        for (name, gateway) in &mesh.gateways {
            let own = Address::Gateway(name.clone());
            let ports = ports(gateway.listeners.iter().map(|l| (l.port, l.protocol)));
            self.item(own.clone(), State::Defined, ports);
            for route in &gateway.routes {
                let address = Address::GatewayRoute(name.clone(), route.name.clone());
                let row = self.row(&own, address, || gateway_words(gateway, route));
                let to = Address::Service(route.service.name.clone());
                self.line(&own, Some(row), EdgeKind::Calls, to, route.service.port, None, after);
            }
        }
    }

    /// What is there already comes from the newer mesh, and stays.
    fn item(&mut self, address: Address, state: State, ports: String) {
        let item = self.items.entry(key(address.clone())).or_insert_with(|| Item {
            address,
            ports: String::new(),
            state: State::Missing,
            mark: None,
            rows: Vec::new(),
            notes: Vec::new(),
            small: false,
        });
        if item.state == State::Missing {
            (item.state, item.ports) = (state, ports);
        }
    }

    fn row(&mut self, own: &Address, address: Address, words: impl Fn() -> String) -> usize {
        let Some(item) = self.items.get_mut(&key(own.clone())) else { return 0 };
        if let Some(at) = item.rows.iter().position(|row| row.address == address) {
            return at;
        }
        item.rows.push(Row { address, words: words(), mark: None });
        item.rows.len() - 1
    }

    #[expect(clippy::too_many_arguments, reason = "an edge has so many sides")]
    fn line(
        &mut self,
        from: &Address,
        row: Option<usize>,
        kind: EdgeKind,
        to: Address,
        port: Option<Port>,
        share: Option<Share>,
        after: bool,
    ) {
        self.item(to.clone(), State::Missing, String::new());
        let line = Line { from: key(from.clone()), row, kind, to: key(to), port };
        let sides = self.lines.entry(line).or_default();
        *(if after { &mut sides.after } else { &mut sides.before }) = Some(share);
    }

    fn picture(self, compared: bool, marks: &BTreeMap<Address, Mark>) -> Picture {
        let places: BTreeMap<&Key, usize> =
            self.items.keys().enumerate().map(|(at, key)| (key, at)).collect();
        let edges = self.lines.iter().map(|(line, sides)| {
            let part = |share: Option<Share>| share.map(Share::percent);
            let mark = match (sides.after, sides.before) {
                _ if !compared => None,
                (Some(after), Some(before)) => {
                    (part(after) != part(before)).then_some(Mark::Updated)
                }
                (Some(_), None) => Some(Mark::Created),
                (None, _) => Some(Mark::Deleted),
            };
            Edge {
                from: places[&line.from],
                row: line.row,
                to: places[&line.to],
                kind: line.kind,
                port: line.port,
                share: sides.after.or(sides.before).flatten(),
                before: sides.before.flatten().filter(|_| mark == Some(Mark::Updated)),
                mark,
                count: 1,
            }
        });
        let edges = edges.collect();
        let mut items: Vec<Item> = self.items.into_values().collect();
        for item in &mut items {
            item.mark = marks.get(&item.address).copied();
            for row in &mut item.rows {
                row.mark = marks.get(&row.address).copied();
            }
        }
        Picture { items, edges }
    }
}

fn route_words(router: &VirtualRouter, route: &Route) -> String {
    let protocol = router.listener_of(&route.matches).map(|listener| listener.protocol);
    words::route(&route.matches, protocol)
}

fn gateway_words(gateway: &VirtualGateway, route: &crate::model::GatewayRoute) -> String {
    let protocol = gateway.listener_of(&route.matches).map(|listener| listener.protocol);
    words::gateway_route(&route.matches, protocol)
}

fn share(route: &Route, target: &Target) -> Share {
    Share {
        weight: target.weight,
        sum: route.targets.iter().map(|target| u64::from(target.weight)).sum(),
        sole: route.targets.len() == 1,
    }
}

fn ports(listeners: impl Iterator<Item = (Port, Protocol)>) -> String {
    let words: Vec<String> =
        listeners.map(|(port, protocol)| format!(":{port} {protocol}")).collect();
    words.join(", ")
}
