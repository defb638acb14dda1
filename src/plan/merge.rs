//! What the mesh will be after a plan: the files, and what the plan leaves alone.

use super::{Change, Scope};
use crate::model::{Address, Mesh};
use crate::revision::{self, Live, join, split};
use std::collections::BTreeSet;

/// The mesh that a plan leads to: the files' resources, those of other owners as they are, and
/// what the scope leaves out as it is.
pub fn desired_of(live: &Live, desired: &Mesh, owner: Option<&str>, scope: &Scope) -> Mesh {
    let foreign = live
        .entries
        .iter()
        .any(|(address, entry)| entry.owner.as_deref() != owner && *address != Address::Mesh);
    if !foreign && *scope == Scope::default() {
        let mut mesh = desired.clone();
        mesh.external_services.clear();
        return mesh;
    }
    let mut files = split(desired);
    let now = if live.revision.is_some() { split(&live.mesh) } else { Default::default() };
    let wanted = |address: &Address| {
        scope.only.is_empty() || scope.only.contains(address) || owner_is_wanted(scope, address)
    };
    let mut next = now;
    let gone: BTreeSet<Address> = next
        .keys()
        .filter(|address| !files.contains_key(address))
        .filter(|address| {
            live.entries.get(address).is_some_and(|entry| entry.owner.as_deref() == owner)
        })
        .filter(|address| wanted(address) && !scope.keep_removed)
        .cloned()
        .collect();
    next.retain(|address, _| !gone.contains(address));
    files.retain(|address, _| {
        wanted(address) || (live.revision.is_none() && *address == Address::Mesh)
    });
    next.extend(files);
    relist(&mut next);
    // The lists were just made to agree, and every object came from a mesh.
    join(&next).expect("invariant: objects of meshes make a mesh")
}

/// A route is wanted with the router that is, and a router with its routes: their order is one.
fn owner_is_wanted(scope: &Scope, address: &Address) -> bool {
    scope.only.iter().any(|only| match (only, address) {
        (Address::Router(a), Address::Route(b, _)) | (Address::Route(a, _), Address::Router(b)) => {
            a == b
        }
        (Address::Gateway(a), Address::GatewayRoute(b, _))
        | (Address::GatewayRoute(a, _), Address::Gateway(b)) => a == b,
        _ => false,
    })
}

/// Makes the routers' lists of routes agree with the routes that there are.
fn relist(resources: &mut std::collections::BTreeMap<Address, serde_json::Value>) {
    let addresses: Vec<Address> = resources.keys().cloned().collect();
    for address in &addresses {
        let mine = |other: &Address| match (address, other) {
            (Address::Router(a), Address::Route(b, name)) if a == b => Some(name.to_string()),
            (Address::Gateway(a), Address::GatewayRoute(b, name)) if a == b => {
                Some(name.to_string())
            }
            _ => None,
        };
        if !matches!(address, Address::Router(_) | Address::Gateway(_)) {
            continue;
        }
        let there: BTreeSet<String> = addresses.iter().filter_map(mine).collect();
        let Some(list) = resources
            .get_mut(address)
            .and_then(|value| value.get_mut("routes"))
            .and_then(serde_json::Value::as_array_mut)
        else {
            continue;
        };
        let mut names: Vec<String> = list
            .iter()
            .filter_map(|name| name.as_str().map(str::to_owned))
            .filter(|name| there.contains(name))
            .collect();
        names
            .extend(there.iter().filter(|name| !names.contains(name)).cloned().collect::<Vec<_>>());
        *list = names.into_iter().map(serde_json::Value::from).collect();
    }
    let orphans: Vec<Address> = resources
        .keys()
        .filter(|address| match address {
            Address::Route(router, _) => !resources.contains_key(&Address::Router(router.clone())),
            Address::GatewayRoute(gateway, _) => {
                !resources.contains_key(&Address::Gateway(gateway.clone()))
            }
            _ => false,
        })
        .cloned()
        .collect();
    for orphan in orphans {
        resources.remove(&orphan);
    }
}

/// The mesh after the changes of a plan. Fails if they do not fit the live state.
pub fn apply_changes(live: &Live, changes: &[Change]) -> Result<Mesh, revision::Error> {
    let mut next = if live.revision.is_some() { split(&live.mesh) } else { Default::default() };
    for change in changes {
        match &change.after {
            Some(after) => {
                next.insert(change.address.clone(), after.clone());
            }
            None => {
                next.remove(&change.address);
            }
        }
    }
    join(&next)
}
