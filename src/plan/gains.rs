//! Which nodes a change gives more requests: a switch to them waits until they can serve.
//!
//! A target gains at a route if its share grows there, if the route may match more requests than
//! before (it is new, its conditions changed, or a route before it was removed, changed or moved), or
//! if its callers find it elsewhere: then all its requests go where none went before.
//! The routes are those of one proxy, because each proxy switches by itself.

use super::found::{given_up, moved, selector};
use crate::compile::has_proxy;
use crate::envoy::ProxyId;
use crate::model::{Address, Mesh, NodeName, Port, RegistryDiscovery, ServiceName};
use crate::traffic::{
    Action, Door, Entry, Match, Rewrite, Row, Source, entries_of, parts, service_rows,
};
use std::collections::{BTreeMap, BTreeSet};

/// A target of a route that gets more requests than before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gain {
    /// The route; the service if a node provides it without a router.
    pub route: Address,
    /// The node.
    pub node: NodeName,
    /// Its port.
    pub port: Port,
    /// The proxies that hold the route and send the requests.
    pub held_by: BTreeSet<ProxyId>,
    /// Whether the node has a proxy, which must have acknowledged the step before.
    pub has_proxy: bool,
    /// What selects its instances, if it is found in a registry: one must be registered.
    pub selector: Option<RegistryDiscovery>,
    /// Ports at which the node listens no longer: no live registration may name one of them.
    pub gives_up: BTreeSet<Port>,
}

/// What a target is known by: the route, the node and its port.
type Key = (Address, NodeName, Port);

/// The targets that gain requests at these proxies, in the order of routes and nodes. Nodes that have
/// neither a proxy nor a registry are left out: nothing could prove that they serve.
pub fn gains(before: &Mesh, after: &Mesh, holders: &BTreeSet<ProxyId>) -> Vec<Gain> {
    let mut found: BTreeMap<Key, BTreeSet<ProxyId>> = BTreeMap::new();
    // The table of a service is the same at each of its callers.
    let mut services: BTreeMap<Place<'_>, BTreeSet<Key>> = BTreeMap::new();
    let moved = |node: &NodeName, port: Port| moved(before, after, node, port);
    let more = |was: &[Line<'_>], is: &[Line<'_>]| more(was, is, &moved);
    for holder in holders {
        let source = match holder {
            ProxyId::Node(name) => Source::Node(name.clone()),
            ProxyId::Gateway(name) => Source::Gateway(name.clone()),
        };
        let was = entries_of(before, &source);
        let was: BTreeMap<Place<'_>, &Entry<'_>> = was.iter().map(|e| (place(e), e)).collect();
        for entry in entries_of(after, &source) {
            let at = place(&entry);
            let old = was.get(&at);
            let keys = match (at.0, old) {
                (Some(_), Some(old)) => services
                    .entry(at)
                    .or_insert_with(|| more(&table(old, before), &table(&entry, after)))
                    .clone(),
                (_, old) => {
                    let old = old.map(|old| table(old, before)).unwrap_or_default();
                    more(&old, &table(&entry, after))
                }
            };
            for key in keys {
                found.entry(key).or_default().insert(holder.clone());
            }
        }
    }
    let gain = |((route, node, port), held_by): (Key, _)| {
        let has_proxy = has_proxy(after, &ProxyId::Node(node.clone()));
        let selector = selector(after, &node);
        let gives_up = given_up(before, after, &node);
        Gain { route, node, port, held_by, has_proxy, selector, gives_up }
    };
    let found = found.into_iter().map(gain);
    found.filter(|gain| gain.has_proxy || gain.selector.is_some()).collect()
}

/// Where requests come in: a service by its name, or a gateway's listener, and the port.
type Place<'m> = (Option<&'m ServiceName>, Port);

fn place<'m>(entry: &Entry<'m>) -> Place<'m> {
    match entry.door {
        Door::Captured { service, .. } => (Some(service), entry.port),
        Door::Bound { to, .. } => (Some(to.name), entry.port),
        Door::Gateway { .. } => (None, entry.port),
    }
}

/// One row that ends at nodes, through both hops of a gateway.
#[derive(PartialEq)]
struct Line<'m> {
    route: Address,
    /// The gateway's part.
    outer: Option<(Address, Match<'m>, Rewrite<'m>)>,
    matches: Match<'m>,
    /// Each target with its weight.
    shares: Vec<(NodeName, Port, u64)>,
}

impl Line<'_> {
    /// What it is known by in the other state.
    fn name(&self) -> (Option<&Address>, &Address) {
        (self.outer.as_ref().map(|(address, ..)| address), &self.route)
    }

    /// Whether it has the same conditions.
    fn asks_the_same(&self, other: &Line<'_>) -> bool {
        self.matches == other.matches && self.outer == other.outer
    }

    fn sum(&self) -> u64 {
        self.shares.iter().map(|(.., weight)| weight).sum()
    }
}

/// The rows of an entry, in order.
fn table<'m>(entry: &Entry<'m>, mesh: &'m Mesh) -> Vec<Line<'m>> {
    let mut lines = Vec::new();
    for row in entry.rows(mesh) {
        match &row.action {
            Action::Service { to, rewrite } => {
                for inner in service_rows(mesh, to) {
                    let outer = (row.address.clone(), row.matches.clone(), rewrite.clone());
                    lines.push(line(inner, Some(outer)));
                }
            }
            Action::Targets(_) | Action::Answer(_) => lines.push(line(row, None)),
        }
    }
    lines
}

fn line<'m>(row: Row<'m>, outer: Option<(Address, Match<'m>, Rewrite<'m>)>) -> Line<'m> {
    let shares = match &row.action {
        Action::Targets(shares) => {
            let share = |(share, part): (&crate::traffic::Share<'m>, u32)| {
                (share.to.name.clone(), share.to.listener.port, u64::from(part))
            };
            parts(shares).map(share).collect()
        }
        Action::Service { .. } | Action::Answer(_) => Vec::new(),
    };
    Line { route: row.address, outer, matches: row.matches, shares }
}

/// The targets that get more by the second table than by the first, or get it elsewhere.
fn more(
    before: &[Line<'_>],
    after: &[Line<'_>],
    moved: &dyn Fn(&NodeName, Port) -> bool,
) -> BTreeSet<Key> {
    let mut by_name: BTreeMap<_, Vec<usize>> = BTreeMap::new();
    for (at, line) in after.iter().enumerate() {
        by_name.entry(line.name()).or_default().push(at);
    }
    // Of each row that stays: the row that it was, if nothing before it was removed or moved.
    let mut kept: BTreeMap<usize, &Line<'_>> = BTreeMap::new();
    // Where the rows before it are by now; `None`: one of them is gone.
    let mut last = Some(None);
    for line in before {
        let same = by_name.get(&line.name()).into_iter().flatten().copied();
        let now = same.clone().find(|at| after[*at].asks_the_same(line));
        match (last, now) {
            (Some(last), Some(now)) if last.is_none_or(|last| last < now) => {
                kept.insert(now, line);
            }
            _ => {}
        }
        last = match (last, now) {
            (Some(last), Some(now)) => Some(last.max(Some(now))),
            _ => None,
        };
    }
    let mut found = BTreeSet::new();
    for (at, line) in after.iter().enumerate() {
        let (sum, was) = (line.sum(), kept.get(&at));
        for (node, port, weight) in line.shares.iter().filter(|(.., weight)| *weight > 0) {
            let had = was.map_or((0, 1), |was| {
                let same = was.shares.iter().filter(|(n, p, _)| n == node && p == port);
                (same.map(|(.., weight)| weight).sum::<u64>(), was.sum())
            });
            let grows =
                u128::from(*weight) * u128::from(had.1) > u128::from(had.0) * u128::from(sum);
            if grows || moved(node, *port) {
                found.insert((line.route.clone(), node.clone(), *port));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::{SHOP, mesh};

    fn gains_of(before: &str, after: &str) -> Vec<Gain> {
        let (before, after) = (mesh(before), mesh(after));
        let holders = crate::compile::proxies(&after).into_iter().collect();
        gains(&before, &after, &holders)
    }

    fn gained(before: &str, after: &str) -> Vec<String> {
        let words = |gain: Gain| {
            let by: Vec<String> = gain.held_by.iter().map(ToString::to_string).collect();
            format!("{} {}:{} by {}", gain.route, gain.node, gain.port, by.join(","))
        };
        gains_of(before, after).into_iter().map(words).collect()
    }

    #[test]
    fn shares_that_grow_gain_and_others_do_not() {
        assert!(gained(SHOP, SHOP).is_empty());
        let shifted = SHOP.replace("cart-v1 = 95, cart-v2 = 5", "cart-v1 = 70, cart-v2 = 30");
        assert_eq!(gained(SHOP, &shifted).len(), 1, "{:?}", gained(SHOP, &shifted));
        assert!(gained(SHOP, &shifted)[0].starts_with("route/cart/all cart-v2:"));
        assert!(gained(&shifted, SHOP)[0].starts_with("route/cart/all cart-v1:"));
        // The same shares in other numbers.
        let same = SHOP.replace("cart-v1 = 95, cart-v2 = 5", "cart-v1 = 190, cart-v2 = 10");
        assert!(gained(SHOP, &same).is_empty());
        // From nothing, and by a node that takes another's place.
        let zero = SHOP.replace("cart-v1 = 95, cart-v2 = 5", "cart-v1 = 1, cart-v2 = 0");
        let route = "route/cart/all cart-v2:8080 by virtual_node/web";
        assert_eq!(gained(&zero, SHOP), [route]);
        let alone = SHOP.replace("cart-v1 = 95, cart-v2 = 5", "cart-v2 = 5");
        assert_eq!(gained(SHOP, &alone), [route]);
        // A node without a proxy is asked for nothing, unless it is found in a registry.
        let bare = alone.replace("[virtual_node.cart-v2]", "[virtual_node.cart-v2]\nproxy = false");
        assert!(gained(SHOP, &bare).is_empty());
        let registry = "registry = { namespace = \"shop\", service = \"cart\" }";
        let bare = bare.replace("static = [\"127.0.0.12\"]", registry);
        assert_eq!(gained(SHOP, &bare), [route]);
    }

    #[test]
    fn a_target_that_is_found_elsewhere_gains_all_its_requests() {
        let both = ["cart-v1", "cart-v2"]
            .map(|node| format!("route/cart/all {node}:8080 by virtual_node/web"));
        let at = |found: &str| SHOP.replace("static = [\"127.0.0.12\"]", found);
        let moved = at("static = [\"127.0.0.13\"]");
        assert_eq!(gained(SHOP, &moved), both[1..]);
        // One address more waits for nothing while the node listens where it did, one less never does.
        let more = at("static = [\"127.0.0.12\", \"127.0.0.13\"]");
        assert!(gained(SHOP, &more).is_empty() && gained(&more, SHOP).is_empty());
        assert_eq!(gained(&more, &moved), Vec::<String>::new());
        let swapped = at("static = [\"127.0.0.12\", \"127.0.0.14\"]");
        assert_eq!(gained(&more, &swapped), both[1..]);
        let bound = |text: &str, address: &str| {
            let app = format!("address = \"{address}\", app = \"127.0.0.1:18082\"");
            text.replace("app = \"127.0.0.1:18082\"", &app)
        };
        assert_eq!(gained(&bound(SHOP, "127.0.0.12"), &more), both[1..]);
        assert!(gained(&bound(SHOP, "127.0.0.12"), SHOP).is_empty());
        assert!(gained(&bound(SHOP, "0.0.0.0"), &more).is_empty(), "it is bound so without a word");
        // By a name, by another name, and by other addresses of it.
        let (one, two) = (at("dns = \"cart-v2.a\""), at("dns = \"cart-v2.b\""));
        assert_eq!(gained(SHOP, &one), both[1..]);
        assert_eq!(gained(&one, &two), both[1..]);
        let six = at("dns = { hostname = \"cart-v2.a\", ip_preference = \"ipv6-only\" }");
        assert_eq!(gained(&one, &six), both[1..]);
        let each = at("dns = { hostname = \"cart-v2.a\", response_type = \"endpoints\", \
                       ip_preference = \"ipv4-only\" }");
        let four = at("dns = { hostname = \"cart-v2.a\", ip_preference = \"ipv4-only\" }");
        assert!(gained(&four, &each).is_empty(), "the same addresses");
        // In a registry, by what selects there.
        let found = |more: &str| {
            at(&format!("registry = {{ namespace = \"shop\", service = \"cart\"{more} }}"))
        };
        let (all, green) = (found(""), found(", attributes = { color = \"green\" }"));
        assert_eq!(gained(SHOP, &all), both[1..]);
        assert_eq!(gained(&all, &green), both[1..]);
        assert_eq!(gained(&green, &all), both[1..]);
        assert_eq!(gained(&all, &found(", ip_preference = \"ipv4-only\"")), both[1..]);
        assert!(gained(&all, &found(", ip_preference = \"ipv4-preferred\"")).is_empty());
        // Instances may have registered a port of their own: one that the node gives up leads nowhere.
        let port = |text: &str, own: &str| {
            let (start, node) = text.split_once("[virtual_node.cart-v2]").unwrap();
            format!("{start}[virtual_node.cart-v2]{}", node.replacen("8080", own, 1))
        };
        let elsewhere = gains_of(&all, &port(&all, "8081"));
        let of_two = |gain: &&Gain| gain.node.as_str() == "cart-v2";
        let gives_up: Vec<_> =
            elsewhere.iter().filter(of_two).map(|g| g.gives_up.clone()).collect();
        assert_eq!(gives_up, [BTreeSet::from([Port::new(8080).unwrap()])]);
        let four = "[mesh]\nip_preference = \"ipv4-only\"";
        assert_eq!(gained(&all, &all.replacen("[mesh]", four, 1)), both[1..]);
    }

    #[test]
    fn a_route_that_may_match_more_gains_without_a_larger_share() {
        let special = "[[virtual_router.cart.routes]]\nname = \"special\"\nmatch = { prefix = \"/s\" }\n\
                       targets = { cart-v2 = 1 }\n\n[[virtual_router.cart.routes]]\nname = \"all\"";
        let two = SHOP.replacen("[[virtual_router.cart.routes]]\nname = \"all\"", special, 1);
        // A new route takes from the one behind it, which gains nothing.
        assert_eq!(gained(SHOP, &two), ["route/cart/special cart-v2:8080 by virtual_node/web"]);
        // Without it the one behind gets its requests: at both of its targets.
        let all = ["cart-v1", "cart-v2"]
            .map(|node| format!("route/cart/all {node}:8080 by virtual_node/web"));
        assert_eq!(gained(&two, SHOP), all);
        // Wider conditions, and conditions that leave more to the one behind.
        let wide = two.replace("prefix = \"/s\"", "prefix = \"/\"");
        assert!(
            gained(&two, &wide)
                .contains(&"route/cart/special cart-v2:8080 by virtual_node/web".to_owned())
        );
        assert!(gained(&wide, &two).contains(&all[0]));
    }

    #[test]
    fn services_and_gateways_gain_at_the_route_behind_them() {
        // A service that is repointed from one node to another.
        let node = |name: &str| SHOP.replace("router = \"cart\"", &format!("node = \"{name}\""));
        assert_eq!(
            gained(&node("cart-v1"), &node("cart-v2")),
            ["virtual_service/cart.internal cart-v2:8080 by virtual_node/web"]
        );
        // A gateway that gets a route, and one whose route leads to another service.
        let edge = "[virtual_gateway.edge]\nlisteners = [{ port = 80, protocol = \"http\" }]\n";
        let route = "[[virtual_gateway.edge.routes]]\nname = \"cart\"\nmatch = { prefix = \"/\" }\n\
                     service = \"cart.internal\"\n";
        let (without, with) = (format!("{SHOP}{edge}"), format!("{SHOP}{edge}{route}"));
        let behind = ["cart-v1", "cart-v2"]
            .map(|node| format!("route/cart/all {node}:8080 by virtual_gateway/edge"));
        assert_eq!(gained(&without, &with), behind);
        assert!(gained(&with, &with).is_empty() && gained(&with, &without).is_empty());
        // A share that grows behind both.
        let shifted = with.replace("cart-v1 = 95, cart-v2 = 5", "cart-v1 = 70, cart-v2 = 30");
        let both = ["route/cart/all cart-v2:8080 by virtual_node/web,virtual_gateway/edge"];
        assert_eq!(gained(&with, &shifted), both);
        // A backend that a node gets, in front of what is there.
        let second = SHOP.replace(
            "[virtual_node.cart-v1]\n",
            "[virtual_node.cart-v1]\nbackends = [{ service = \"cart.internal\", bind = 9002 }]\n",
        );
        assert_eq!(gained(SHOP, &second).len(), 2);
    }
}
