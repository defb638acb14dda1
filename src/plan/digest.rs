//! What a plan read, and the digest that names it.

use super::{Change, Plan};
use crate::model::{Address, Mesh};
use crate::parallel;
use crate::revision::{Live, Object, ObjectId, canonical_json};
use serde::Serialize;
use serde_json::json;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// What digests start with: the version of what they cover.
pub const DIGEST_PREFIX: &str = "p1-";
/// Hex digits that are shown, and the fewest that `--expect` takes.
const SHOWN: usize = 16;

/// The digest as people see it.
pub fn short(digest: &str) -> &str {
    digest.get(..DIGEST_PREFIX.len() + SHOWN).unwrap_or(digest)
}

/// Whether a digest that a person gave, with or without its prefix, names this one. `None`: it is
/// no digest, or too short to be one.
pub fn digest_matches(given: &str, digest: &str) -> Option<bool> {
    let hex = given.strip_prefix(DIGEST_PREFIX).unwrap_or(given);
    let fits = (SHOWN..=64).contains(&hex.len()) && hex.chars().all(|c| c.is_ascii_hexdigit());
    fits.then(|| {
        let own = digest.strip_prefix(DIGEST_PREFIX).unwrap_or(digest);
        own.starts_with(&hex.to_ascii_lowercase())
    })
}

/// The digest over target, reads, changes and steps. Places in files are no part of it: the same
/// change is the same wherever it is written.
pub(super) fn of(plan: &Plan) -> String {
    // One line of canonical JSON an item, so that no large document is built only to be hashed.
    let mut hash = Sha256::new();
    hash.update(canonical_json(&json!(["plan", plan.mesh, plan.target])));
    hash.update(b"\n");
    for (address, object) in &plan.reads {
        line(&mut hash, &("read", address, object));
    }
    let objects = parallel::map(&plan.changes, |change| change.after.as_ref().map(Object::id));
    for (change, object) in plan.changes.iter().zip(objects) {
        let Change { address, action, owner, protected, .. } = change;
        line(&mut hash, &("change", address, action, owner, protected, object));
    }
    for address in &plan.accepted {
        line(&mut hash, &("accepted", address));
    }
    // What each resource becomes follows from the changes; it may hold what others have landed
    // meanwhile, which is no business of this plan. So the order counts, the bytes do not.
    for step in &plan.steps {
        line(&mut hash, &("step", step.kind));
        for (proxy, resources) in &step.proxies {
            for resource in resources {
                line(&mut hash, &(proxy, resource.kind, &resource.name, resource.action));
            }
        }
    }
    let hex: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{DIGEST_PREFIX}{hex}")
}

/// A line of texts and numbers, which have no keys that would need an order.
fn line(hash: &mut Sha256, item: &impl Serialize) {
    hash.update(serde_json::to_vec(item).expect("invariant: plain data serialises"));
    hash.update(b"\n");
}

/// What the changes depend on: the resources themselves, those that they name, and those that
/// name them, in the live state and in the desired one.
pub(super) fn reads(
    live: &Live,
    desired: &Mesh,
    changes: &[Change],
) -> BTreeMap<Address, Option<ObjectId>> {
    let changed: BTreeSet<&Address> = changes.iter().map(|change| &change.address).collect();
    let mut wanted: BTreeSet<Address> = changed.iter().map(|address| (*address).clone()).collect();
    for mesh in [&live.mesh, desired] {
        users(mesh, &changed, &mut wanted);
        for address in &changed {
            wanted.extend(named_by(mesh, address));
        }
    }
    wanted
        .into_iter()
        .map(|address| {
            let object = live.entries.get(&address).map(|entry| entry.object.clone());
            (address, object)
        })
        .collect()
}

/// The resources that name one of some: one pass over the references, which for a few changes in
/// a large mesh is much less than a graph of all of them.
fn users(mesh: &Mesh, of: &BTreeSet<&Address>, found: &mut BTreeSet<Address>) {
    let (mut nodes, mut routers, mut services) =
        (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for address in of {
        match address {
            Address::Node(name) => {
                nodes.insert(name);
            }
            Address::Router(name) => {
                routers.insert(name);
            }
            Address::Service(name) => {
                services.insert(name);
            }
            Address::Mesh
            | Address::Route(..)
            | Address::Gateway(_)
            | Address::GatewayRoute(..) => {}
        }
    }
    for (name, service) in &mesh.services {
        let by_node = service.node.as_ref().is_some_and(|node| nodes.contains(node));
        if by_node || service.router.as_ref().is_some_and(|router| routers.contains(router)) {
            found.insert(Address::Service(name.clone()));
        }
    }
    if !nodes.is_empty() {
        for (name, router) in &mesh.routers {
            for route in &router.routes {
                if route.targets.iter().any(|target| nodes.contains(&target.node)) {
                    found.insert(Address::Route(name.clone(), route.name.clone()));
                }
            }
        }
    }
    if services.is_empty() {
        return;
    }
    for (name, node) in &mesh.nodes {
        if node.backends.iter().any(|backend| services.contains(&backend.service)) {
            found.insert(Address::Node(name.clone()));
        }
    }
    for (name, gateway) in &mesh.gateways {
        for route in &gateway.routes {
            if services.contains(&route.service.name) {
                found.insert(Address::GatewayRoute(name.clone(), route.name.clone()));
            }
        }
    }
}

/// The resources that one names.
pub(super) fn named_by(mesh: &Mesh, address: &Address) -> Vec<Address> {
    let mut named = Vec::new();
    match address {
        Address::Mesh => {}
        Address::Node(name) => {
            let backends = mesh.nodes.get(name).into_iter().flat_map(|node| &node.backends);
            named.extend(backends.map(|backend| Address::Service(backend.service.clone())));
        }
        Address::Service(name) => {
            if let Some(service) = mesh.services.get(name) {
                named.extend(service.node.clone().map(Address::Node));
                named.extend(service.router.clone().map(Address::Router));
            }
        }
        Address::Router(name) => {
            let routes = mesh.routers.get(name).into_iter().flat_map(|router| &router.routes);
            named.extend(routes.map(|route| Address::Route(name.clone(), route.name.clone())));
        }
        Address::Route(router, name) => {
            named.push(Address::Router(router.clone()));
            let routes = mesh.routers.get(router).into_iter().flat_map(|router| &router.routes);
            let targets = routes.filter(|route| route.name == *name).flat_map(|r| &r.targets);
            named.extend(targets.map(|target| Address::Node(target.node.clone())));
        }
        Address::Gateway(name) => {
            let routes = mesh.gateways.get(name).into_iter().flat_map(|gateway| &gateway.routes);
            named.extend(
                routes.map(|route| Address::GatewayRoute(name.clone(), route.name.clone())),
            );
        }
        Address::GatewayRoute(gateway, name) => {
            named.push(Address::Gateway(gateway.clone()));
            let routes = mesh.gateways.get(gateway).into_iter().flat_map(|gateway| &gateway.routes);
            let services = routes.filter(|route| route.name == *name).map(|route| &route.service);
            named.extend(services.map(|service| Address::Service(service.name.clone())));
        }
    }
    named
}
