//! What requests meet where one connection manager takes those for several nodes: at the proxy of
//! their caller, and behind a gateway. It accepts what any of those nodes does, so a key of one node
//! is met by the requests for all of them.

use super::{Change, Collector, Facts, Subject, differences, list, put, server};
use crate::model::{
    Address, Capture, GatewayName, HttpSettings, Mesh, NodeName, Port, ServiceName, VirtualGateway,
    VirtualNode,
};
use crate::traffic::http::{SecondHop, second_hops};
use crate::traffic::{
    Accepts, Entry, ServicePort, bound_entries, captured_by, captured_ports, listeners_behind,
};
use std::collections::{BTreeMap, BTreeSet};

/// Keys that a server's own proxy decides at least as strictly as the proxy before it. Only requests
/// for a node without a proxy meet those of the proxy before it.
pub(in crate::traffic) const DECIDED_BY_SERVERS: [&str; 3] =
    ["http.header_case", "http.max_header_size", "http.max_headers"];

/// A listener of a node that a service port leads to.
type Behind<'m> = (&'m ServiceName, &'m NodeName, Port);

/// What each of the listeners says that one connection manager leads to.
type Keys<'m> = BTreeMap<Behind<'m>, &'m HttpSettings>;

fn keys<'m>(mesh: &'m Mesh, services: impl IntoIterator<Item = ServicePort<'m>>) -> Keys<'m> {
    let behind = |service: ServicePort<'m>| {
        let ends = listeners_behind(mesh, &service).into_iter();
        ends.map(move |end| ((service.name, end.name, end.listener.port), &end.listener.http))
    };
    services.into_iter().flat_map(behind).collect()
}

/// One connection manager of a node's proxy for what its application sends.
struct FirstHop<'m> {
    /// The entries that it has; under explicit capture one.
    entries: Vec<Entry<'m>>,
    keys: Keys<'m>,
}

/// The first hops of a node, by each service port that they lead to.
fn first_hops<'m>(mesh: &'m Mesh, name: &'m NodeName, node: &'m VirtualNode) -> Vec<FirstHop<'m>> {
    let hop = |entries: Vec<Entry<'m>>| {
        let services = entries.iter().filter_map(Entry::service);
        let keys = keys(mesh, services);
        FirstHop { entries, keys }
    };
    match captured_by(mesh, node) {
        None => Vec::new(),
        Some(Capture::Redirect) => {
            let ports = captured_ports(mesh, name, node).into_iter();
            ports.filter(|port| port.http).map(|port| hop(port.entries)).collect()
        }
        Some(Capture::Explicit) => {
            let bound = bound_entries(mesh, name, node).into_iter();
            bound.filter(|entry| entry.protocol.is_http()).map(|entry| hop(vec![entry])).collect()
        }
    }
}

impl FirstHop<'_> {
    fn accepts(keys: &Keys<'_>) -> Accepts {
        let mut all = Accepts::widest(keys.values().copied());
        // Their order means nothing.
        all.ignored_upgrades.sort();
        all
    }
}

/// How requests for one entry are taken.
fn of_first_hop(entry: &Entry<'_>, accepts: &Accepts) -> Facts {
    // It is the host of requests without one, and those for other hosts do not meet it.
    let meets = |host: &String| {
        let is = |own: &String| own.eq_ignore_ascii_case(host);
        entry.hosts().is_none_or(|hosts| hosts.iter().any(is))
    };
    let default_host = accepts.default_host.clone().filter(|host| accepts.http_10 && meets(host));
    let mut facts = Facts::new();
    server::accepts(&mut facts, Accepts { default_host, ..accepts.clone() });
    facts
}

/// How a gateway takes requests for one service port, whichever of its listeners they came by. Limits
/// are not met there: what is beyond them is beyond those of the listener or of the server too.
fn of_second_hop(mesh: &Mesh, hop: &SecondHop<'_>) -> Facts {
    let mut facts = Facts::new();
    let mut ignored = hop.accepts(mesh).ignored_upgrades;
    ignored.sort();
    put(&mut facts, "http.ignore_upgrades", list(ignored));
    put(&mut facts, "patch.inner_http", list(hop.patches()));
    facts
}

/// The listeners whose keys make a difference: each that does by itself, or else all that differ.
fn decisive<'m, T: PartialEq>(
    [before, after]: [&Keys<'m>; 2],
    of: impl Fn(&Keys<'m>) -> T,
) -> BTreeSet<Behind<'m>> {
    let all = before.keys().chain(after.keys()).copied();
    let differ: BTreeSet<Behind<'m>> =
        all.filter(|behind| before.get(behind) != after.get(behind)).collect();
    let with = |base: &Keys<'m>, other: &Keys<'m>, behind: &Behind<'m>| {
        let mut keys = base.clone();
        match other.get(behind) {
            Some(own) => keys.insert(*behind, own),
            None => keys.remove(behind),
        };
        of(&keys)
    };
    let (was, is) = (of(before), of(after));
    // Listeners with the same keys make the same difference.
    let mut known: Vec<([Option<&HttpSettings>; 2], bool)> = Vec::new();
    let mut alone = |behind: &Behind<'m>| {
        let own = [before.get(behind).copied(), after.get(behind).copied()];
        if let Some((_, known)) = known.iter().find(|(other, _)| *other == own) {
            return *known;
        }
        let found = with(before, after, behind) != was || with(after, before, behind) != is;
        known.push((own, found));
        found
    };
    let found: BTreeSet<Behind<'m>> =
        differ.iter().filter(|behind| alone(behind)).copied().collect();
    if found.is_empty() { differ } else { found }
}

impl<'m> Collector<'m> {
    /// The connection managers that take requests for several nodes, among them some of these
    /// services.
    pub(super) fn hops(&mut self, services: &BTreeSet<&'m ServiceName>) {
        let [before, after] = [self.before, self.after];
        for (name, was) in &before.nodes {
            let Some(is) = after.nodes.get(name) else { continue };
            let itself = self.changed.contains(&Address::Node(name.clone()));
            let calls = || was.backends.iter().any(|own| services.contains(&own.service));
            if itself || calls() {
                self.first_hops_of(name, was, is);
            }
        }
        for (name, was) in &before.gateways {
            let Some(is) = after.gateways.get(name) else { continue };
            let own = |address: &Address| match address {
                Address::Gateway(own) | Address::GatewayRoute(own, _) => own == name,
                _ => false,
            };
            let itself = self.changed.iter().any(own);
            let leads = || was.routes.iter().any(|own| services.contains(&own.service.name));
            if itself || leads() {
                self.second_hops_of(name, was, is);
            }
        }
    }

    fn first_hops_of(&mut self, name: &'m NodeName, was: &'m VirtualNode, is: &'m VirtualNode) {
        if captured_by(self.before, was) != captured_by(self.after, is) {
            // Calls meet the proxy elsewhere, or none.
            return;
        }
        let place = |entry: &Entry<'m>| entry.service().map(|to| (to.name, to.port));
        let then = first_hops(self.after, name, is);
        let mut next: BTreeMap<(&ServiceName, Port), &FirstHop<'m>> = BTreeMap::new();
        for hop in &then {
            next.extend(hop.entries.iter().filter_map(place).map(|place| (place, hop)));
        }
        for hop in first_hops(self.before, name, was) {
            let old = FirstHop::accepts(&hop.keys);
            // Of one port all are taken by one connection manager again, or by several.
            let mut seen: Option<(&FirstHop<'m>, Accepts, BTreeSet<Address>)> = None;
            for entry in &hop.entries {
                let Some((service, port)) = place(entry) else { continue };
                let Some(next) = next.get(&(service, port)).copied() else { continue };
                let (_, new, causes) = match seen.take() {
                    Some(known) if std::ptr::eq(known.0, next) => seen.insert(known),
                    _ => {
                        let new = FirstHop::accepts(&next.keys);
                        let mut causes = BTreeSet::new();
                        if old != new {
                            causes =
                                self.first_hop_causes(name, [was, is], [&hop.keys, &next.keys]);
                        }
                        seen.insert((next, new, causes))
                    }
                };
                let facts = differences(&of_first_hop(entry, &old), &of_first_hop(entry, new));
                if facts.is_empty() {
                    continue;
                }
                let subject = Subject::FirstHop(name.clone(), service.clone(), port);
                let causes = causes.clone();
                self.found.insert(subject, Change { facts, causes, narrower: false });
            }
        }
    }

    fn first_hop_causes(
        &self,
        name: &NodeName,
        [was, is]: [&VirtualNode; 2],
        keys: [&Keys<'m>; 2],
    ) -> BTreeSet<Address> {
        let mut causes = BTreeSet::new();
        for (service, node, port) in decisive(keys, FirstHop::accepts) {
            let lists = |own: &VirtualNode| own.backends.iter().any(|own| own.service == *service);
            if lists(was) == lists(is) {
                causes.extend(self.behind((service, node, port)));
            } else {
                causes.insert(Address::Node(name.clone()));
            }
        }
        causes.retain(|address| self.changed.contains(address));
        causes
    }

    /// The changes by which a service leads to a listener that it did not lead to, no longer leads
    /// to it, or finds another one there.
    fn behind(&self, (service, node, port): Behind<'m>) -> BTreeSet<Address> {
        let listener = |mesh: &'m Mesh| mesh.nodes.get(node)?.listener(port).map(|own| &own.http);
        let own = Address::Node(node.clone());
        if listener(self.before) != listener(self.after) {
            return BTreeSet::from([own]);
        }
        let mut all = BTreeSet::from([own, Address::Service(service.clone())]);
        for mesh in [self.before, self.after] {
            let router = mesh.services.get(service).and_then(|own| own.router.as_ref());
            let Some((name, router)) = router.and_then(|own| mesh.routers.get_key_value(own))
            else {
                continue;
            };
            all.insert(Address::Router(name.clone()));
            let leads = router
                .routes
                .iter()
                .filter(|route| route.targets.iter().any(|target| target.node == *node));
            all.extend(leads.map(|route| Address::Route(name.clone(), route.name.clone())));
        }
        all
    }

    /// The listeners of a gateway, and which of them lead to a service port.
    fn second_hops_of(
        &mut self,
        name: &'m GatewayName,
        was: &'m VirtualGateway,
        is: &'m VirtualGateway,
    ) {
        let (before, after) = (self.before, self.after);
        // What is behind as it is after, under the gateway before; then with its routes after as
        // well: they tell the causes apart.
        let mixed = VirtualGateway { listeners: was.listeners.clone(), ..is.clone() };
        let (then, ends, routed) =
            (second_hops(after, is), second_hops(after, was), second_hops(after, &mixed));
        for ((service, port), hop) in second_hops(before, was) {
            let Some(next) = then.get(&(service, port)) else { continue };
            let (old, new) = (of_second_hop(before, &hop), of_second_hop(after, next));
            let facts = differences(&old, &new);
            if facts.is_empty() {
                continue;
            }
            let by = |hops: &BTreeMap<(&ServiceName, Port), SecondHop<'_>>| {
                hops.get(&(service, port)).map_or_else(Facts::new, |hop| of_second_hop(after, hop))
            };
            let (ends, routed) = (by(&ends), by(&routed));
            let mut causes = BTreeSet::new();
            if routed != new {
                causes.insert(Address::Gateway(name.clone()));
            }
            if ends != routed {
                let routes = hop.routes.iter().chain(&next.routes);
                causes.extend(
                    routes.map(|route| Address::GatewayRoute(name.clone(), route.name.clone())),
                );
            }
            if old != ends {
                let sides = [keys(before, [hop.target]), keys(after, [next.target])];
                let own: Vec<&HttpSettings> = hop.settings().collect();
                let found = decisive([&sides[0], &sides[1]], |keys| {
                    let all = own.iter().copied().chain(keys.values().copied());
                    let mut ignored = Accepts::widest(all).ignored_upgrades;
                    ignored.sort();
                    ignored
                });
                causes.extend(found.into_iter().flat_map(|behind| self.behind(behind)));
            }
            causes.retain(|address| self.changed.contains(address));
            let subject = Subject::SecondHop(name.clone(), service.clone(), port);
            self.found.insert(subject, Change { facts, causes, narrower: false });
        }
    }
}
