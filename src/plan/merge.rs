//! What the mesh will be after a plan: the files, and what the plan leaves alone.

use super::{Change, Scope, marks};
use crate::graph::Graph;
use crate::model::{Address, Mesh};
use crate::revision::{self, Entry, Live, join, split};
use serde_json::Value;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// The mesh that a plan leads to: the files' resources, those of other owners as they are, and
/// what the scope leaves out as it is. With it comes what a scope had to take in beyond what was
/// asked for, so that no reference dangles.
pub fn desired_of<'a>(
    live: &Live,
    desired: &'a Mesh,
    owner: Option<&str>,
    scope: &Scope,
) -> (Cow<'a, Mesh>, BTreeSet<Address>) {
    let foreign = live
        .entries
        .iter()
        .any(|(address, entry)| entry.owner.as_deref() != owner && *address != Address::Mesh);
    if !foreign && *scope == Scope::default() {
        return (Cow::Borrowed(desired), BTreeSet::new());
    }
    let pulled = pulled_in(live, desired, scope);
    let wanted = |address: &Address| {
        scope.only.is_empty()
            || [&scope.only, &pulled].into_iter().any(|set| is_wanted(set, address))
    };
    let mut files = split(desired);
    let mut next = if live.revision.is_some() { split(&live.mesh) } else { BTreeMap::new() };
    next.retain(|address, _| {
        let mine = live.entries.get(address).is_some_and(|entry| entry.owner.as_deref() == owner);
        let kept = scope.keep_removed && !parent(address).is_some_and(|p| files.contains_key(&p));
        files.contains_key(address) || !mine || !wanted(address) || kept
    });
    files.retain(|address, _| {
        wanted(address) || (live.revision.is_none() && *address == Address::Mesh)
    });
    next.extend(files);
    relist(&mut next);
    // The lists were just made to agree, and every object came from a mesh.
    let mesh = join(&next).expect("invariant: objects of meshes make a mesh");
    (Cow::Owned(mesh), pulled)
}

/// The router or gateway that a route belongs to.
fn parent(address: &Address) -> Option<Address> {
    match address {
        Address::Route(router, _) => Some(Address::Router(router.clone())),
        Address::GatewayRoute(gateway, _) => Some(Address::Gateway(gateway.clone())),
        Address::Mesh
        | Address::Node(_)
        | Address::Router(_)
        | Address::Service(_)
        | Address::Gateway(_) => None,
    }
}

/// A route is wanted with the router that is, and a router with its routes: their order is one.
pub(super) fn is_wanted(wanted: &BTreeSet<Address>, address: &Address) -> bool {
    wanted.contains(address)
        || parent(address).is_some_and(|parent| wanted.contains(&parent))
        || wanted.iter().any(|only| parent(only).as_ref() == Some(address))
}

/// What must come along: what the wanted resources name and what is not live yet, and what names
/// a resource that goes away.
fn pulled_in(live: &Live, desired: &Mesh, scope: &Scope) -> BTreeSet<Address> {
    let mut pulled = BTreeSet::new();
    if scope.only.is_empty() {
        return pulled;
    }
    let is_live = |address: &Address| live.entries.contains_key(address);
    let in_files = |address: &Address| marks::object_exists(desired, address);
    let (before, after) = (Graph::new(&live.mesh), Graph::new(desired));
    let mut todo: Vec<Address> = live
        .entries
        .keys()
        .cloned()
        .chain(desired.addresses())
        .filter(|address| is_wanted(&scope.only, address))
        .collect();
    while let Some(address) = todo.pop() {
        let mut more = Vec::new();
        if in_files(&address) {
            let named = super::digest::named_by(after.mesh(), &address);
            more.extend(named.into_iter().filter(|n| !is_live(n) && in_files(n)));
        } else if is_live(&address) {
            more.extend(before.users(&address).iter().cloned());
        }
        for address in more {
            if !is_wanted(&scope.only, &address) && pulled.insert(address.clone()) {
                todo.push(address);
            }
        }
    }
    pulled
}

/// Makes the lists of routes agree with the routes that there are: a list keeps its order, what it
/// lacks comes last, and a route without its router or gateway goes with it.
fn relist(resources: &mut BTreeMap<Address, Value>) {
    let mut routes: BTreeMap<Address, BTreeSet<String>> = BTreeMap::new();
    let mut orphans = Vec::new();
    for address in resources.keys() {
        let (Some(parent), Address::Route(_, name) | Address::GatewayRoute(_, name)) =
            (parent(address), address)
        else {
            continue;
        };
        if resources.contains_key(&parent) {
            routes.entry(parent).or_default().insert(name.to_string());
        } else {
            orphans.push(address.clone());
        }
    }
    for orphan in orphans {
        resources.remove(&orphan);
    }
    for (address, value) in resources.iter_mut() {
        if !matches!(address, Address::Router(_) | Address::Gateway(_)) {
            continue;
        }
        let mut there = routes.remove(address).unwrap_or_default();
        let Some(list) = value.get_mut("routes").and_then(Value::as_array_mut) else { continue };
        // What is listed is taken out, so that the rest is what the list lacks.
        list.retain(|name| name.as_str().is_some_and(|name| there.remove(name)));
        list.extend(there.into_iter().map(Value::from));
    }
}

/// The mesh after the changes of a plan. Fails if they do not fit the live state.
pub fn apply_changes(live: &Live, changes: &[Change]) -> Result<Mesh, revision::Error> {
    let mut next = if live.revision.is_some() { split(&live.mesh) } else { BTreeMap::new() };
    for change in changes {
        match &change.after {
            Some(after) => {
                next.insert(change.address.clone(), after.value());
            }
            None => {
                next.remove(&change.address);
            }
        }
    }
    join(&next)
}

/// The entries after the changes of a plan: objects, owners and protection.
pub fn entries_after(live: &Live, changes: &[Change]) -> BTreeMap<Address, Entry> {
    let mut entries = live.entries.clone();
    for change in changes {
        match &change.after {
            Some(after) => {
                let entry = Entry {
                    object: after.id(),
                    owner: change.owner.clone(),
                    protected: change.protected,
                };
                entries.insert(change.address.clone(), entry);
            }
            None => {
                entries.remove(&change.address);
            }
        }
    }
    entries
}
