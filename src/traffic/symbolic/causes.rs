//! Which changes cause that a class of requests goes elsewhere.
//!
//! The two rows of a class are compared hop by hop. Where they are of one route, what that route
//! does differs; where they are of two, either the first no longer accepts the request, or the
//! second accepts it now, or their order changed. Nothing else is a cause.

use super::diff::{Entry, EntryDiff};
use super::space::{Asks, Condition, Example, Part};
use super::table::{Gives, Row};
use crate::model::{Address, GatewayRoute, Mesh, NodeName, Port, Route};
use std::collections::BTreeSet;

/// What both sides of a comparison have.
pub(super) struct Sides<'a> {
    pub(super) before: &'a Mesh,
    pub(super) after: &'a Mesh,
    pub(super) changed: &'a BTreeSet<Address>,
    /// The rows of the entry point on both sides.
    pub(super) tables: &'a [Vec<Row>; 2],
}

/// The changes that cause what differs between two rows for an example.
pub(super) fn of(
    sides: &Sides<'_>,
    about: &EntryDiff,
    rows: [&Row; 2],
    example: &Example,
) -> BTreeSet<Address> {
    let entry = entry_point(sides, about);
    if !entry.is_empty() {
        return entry;
    }
    let mut found = hops(sides, rows, example);
    found.retain(|address| sides.changed.contains(address));
    if found.is_empty() { near(sides, &rows) } else { found }
}

/// Where the entry point itself comes, goes, or lets in something else.
fn entry_point(sides: &Sides<'_>, about: &EntryDiff) -> BTreeSet<Address> {
    let mut found = BTreeSet::new();
    match &about.entry {
        Entry::Gateway(name, _) if about.there.0 != about.there.1 => {
            found.insert(Address::Gateway(name.clone()));
        }
        Entry::Service(..) | Entry::Bound(..) if about.moved => {
            found.extend(about.callers.iter().cloned().map(Address::Node));
            found.insert(Address::Mesh);
        }
        Entry::Gateway(..) | Entry::Service(..) | Entry::Bound(..) => {}
    }
    found.retain(|address| sides.changed.contains(address));
    // A node that is gone or new, or has another backend, is a cause by itself.
    if found.len() > 1 && about.callers.iter().any(|name| own_access_differs(sides, name)) {
        found.remove(&Address::Mesh);
    }
    found
}

fn own_access_differs(sides: &Sides<'_>, name: &NodeName) -> bool {
    let (was, is) = (sides.before.nodes.get(name), sides.after.nodes.get(name));
    let (Some(was), Some(is)) = (was, is) else { return true };
    was.proxy != is.proxy || was.capture != is.capture || was.backends != is.backends
}

/// A gateway route, a route: what can be at one place of the way.
fn at(row: &Row, is: impl Fn(&Address) -> bool) -> Option<&Address> {
    row.via.iter().find(|address| is(address))
}

fn hops(sides: &Sides<'_>, [was, is]: [&Row; 2], example: &Example) -> BTreeSet<Address> {
    let mut found = BTreeSet::new();
    let gateway = |address: &Address| matches!(address, Address::GatewayRoute(..));
    let (from, to) = (at(was, gateway), at(is, gateway));
    if from != to {
        turned(sides, from, to, example, &mut found);
        return found;
    }
    if let Some(Address::GatewayRoute(name, route)) = from {
        let both = [sides.before, sides.after].map(|mesh| mesh.gateways.get(name)?.route(route));
        if let [Some(was), Some(is)] = both {
            let GatewayRoute { name: _, priority: _, matches: _, service, rewrite, patch, tags: _ } =
                is;
            if (&was.service, &was.rewrite, &was.patch) != (service, rewrite, patch) {
                found.insert(Address::GatewayRoute(name.clone(), route.clone()));
            }
        }
    }
    if let (Gives::Answer(a), Gives::Answer(b)) = (&was.gives, &is.gives)
        && a != b
    {
        found.extend(was.via.iter().chain(&is.via).cloned());
    }
    // What is behind a name that leads elsewhere, or a port that is not there, is no cause.
    let before = found.len();
    for address in was.via.iter().chain(&is.via) {
        match address {
            Address::Service(name) => {
                let provider = |mesh: &Mesh| {
                    let own = mesh.services.get(name)?;
                    Some((own.node.clone(), own.router.clone()))
                };
                if provider(sides.before) != provider(sides.after) {
                    found.insert(address.clone());
                    return found;
                }
            }
            Address::Router(name) => {
                let listeners =
                    |mesh: &Mesh| mesh.routers.get(name).map(|router| router.listeners.clone());
                if listeners(sides.before) != listeners(sides.after) {
                    found.insert(address.clone());
                }
            }
            _ => {}
        }
    }
    if found.len() > before {
        return found;
    }
    let route = |address: &Address| matches!(address, Address::Route(..));
    let (from, to) = (at(was, route), at(is, route));
    if from != to {
        turned(sides, from, to, example, &mut found);
        return found;
    }
    if let Some(Address::Route(router, name)) = from {
        let both = [sides.before, sides.after].map(|mesh| mesh.routers.get(router)?.route(name));
        if let [Some(was), Some(is)] = both {
            let Route {
                name: _,
                priority: _,
                matches,
                targets,
                timeout: _,
                retry: _,
                patch,
                tags: _,
            } = is;
            if (&was.targets, &was.patch, was.matches.port) != (targets, patch, matches.port) {
                found.insert(Address::Route(router.clone(), name.clone()));
            }
        }
    }
    for side in [was, is] {
        let Gives::Nodes(shares) = &side.gives else { continue };
        for share in shares {
            let ports = |mesh: &Mesh| -> Option<Vec<Port>> {
                let node = mesh.nodes.get(&share.node)?;
                Some(node.listeners.iter().map(|listener| listener.port).collect())
            };
            if ports(sides.before) != ports(sides.after) {
                found.insert(Address::Node(share.node.clone()));
            }
        }
    }
    found
}

/// Why a request turns from one route to another, or from or to none.
fn turned(
    sides: &Sides<'_>,
    from: Option<&Address>,
    to: Option<&Address>,
    example: &Example,
    found: &mut BTreeSet<Address>,
) {
    let accepts = |side: usize, address: &Address| {
        let mut rows = sides.tables[side].iter().filter(|row| row.via.contains(address));
        rows.any(|row| row.conditions.iter().all(|own| holds(own, example)))
    };
    let before = found.len();
    if let Some(from) = from.filter(|from| !accepts(1, from)) {
        found.insert(from.clone());
    }
    if let Some(to) = to.filter(|to| !accepts(0, to)) {
        found.insert(to.clone());
    }
    if found.len() > before {
        return;
    }
    // Both accept it on both sides, so their order changed: by a priority, or in the file.
    let mut both: BTreeSet<Address> = from.into_iter().chain(to).cloned().collect();
    let parents: BTreeSet<Address> = both.iter().filter_map(parent).collect();
    both.retain(|address| priority(sides.before, address) != priority(sides.after, address));
    found.extend(if both.is_empty() { parents } else { both });
}

fn parent(address: &Address) -> Option<Address> {
    match address {
        Address::Route(router, _) => Some(Address::Router(router.clone())),
        Address::GatewayRoute(gateway, _) => Some(Address::Gateway(gateway.clone())),
        _ => None,
    }
}

fn priority(mesh: &Mesh, address: &Address) -> Option<u16> {
    match address {
        Address::Route(router, name) => mesh.routers.get(router)?.route(name)?.priority,
        Address::GatewayRoute(gateway, name) => mesh.gateways.get(gateway)?.route(name)?.priority,
        _ => None,
    }
}

/// Whether an example meets a condition; what cannot be looked into may.
fn holds(condition: &Condition, example: &Example) -> bool {
    let values: Vec<&[u8]> = match &condition.part {
        Part::Path => vec![example.path.as_deref().unwrap_or("/").as_bytes()],
        Part::Host => vec![example.host.as_deref().unwrap_or_default().as_bytes()],
        Part::Method => vec![example.method.as_deref().unwrap_or("GET").as_bytes()],
        Part::Scheme => vec![example.scheme.as_deref().unwrap_or("http").as_bytes()],
        Part::Header(name) => {
            example.headers.get(name).into_iter().flatten().map(|value| value.as_bytes()).collect()
        }
        Part::Query(name) => example.query.get(name).map(String::as_bytes).into_iter().collect(),
        Part::Assumed(_) => return true,
    };
    let there = !values.is_empty();
    match &condition.asks {
        // Of a header with several values one that passes is enough, and none may pass an inverse.
        Asks::Is(test) => values.iter().any(|value| test.passes(value) != Some(false)),
        Asks::IsNot(test) => there && values.iter().all(|value| test.passes(value) != Some(true)),
        Asks::Present => there,
        Asks::Absent => !there,
        Asks::Never => false,
        Asks::Unknown(_) => true,
    }
}

/// The changes on the ways of a class, or else at its entry point.
fn near(sides: &Sides<'_>, rows: &[&Row; 2]) -> BTreeSet<Address> {
    let named = |row: &Row| -> Vec<Address> {
        let mut all = row.via.clone();
        all.extend(row.via.iter().filter_map(parent));
        if let Gives::Nodes(shares) = &row.gives {
            all.extend(shares.iter().map(|share| Address::Node(share.node.clone())));
        }
        all.retain(|address| sides.changed.contains(address));
        all
    };
    let near: BTreeSet<Address> = rows.iter().flat_map(|row| named(row)).collect();
    if !near.is_empty() {
        return near;
    }
    let far: BTreeSet<Address> = sides.tables.iter().flatten().flat_map(named).collect();
    if far.is_empty() { sides.changed.clone() } else { far }
}
