//! What a plan read, and the digest that names it.

use super::{Change, Edit, Plan, PlannedStep, ResourceChange, Summary};
use crate::model::{Address, Mesh};
use crate::parallel;
use crate::revision::{Live, Object, ObjectId, canonical_json};
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// What digests start with: the version of what they cover.
pub const DIGEST_PREFIX: &str = "p2-";
/// Hex digits that are shown, and the fewest that `--expect` takes.
const SHOWN: usize = 32;

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

/// The digest over everything that a plan does and says that it does, consents included. Three
/// things are left out, because the same plan has others of them: the place of a definition in the
/// files; what else is live (the revision's number, the counts of what the plan does not touch);
/// and the versions of Envoy resources, which may hold what others have landed meanwhile. The
/// document's own checksum covers those in a file, and `verify` computes them again. What running
/// proxies answered while it was planned is not of the plan.
pub fn of(plan: &Plan) -> String {
    // Every field is named, so that a new one is covered or left out on purpose. One line of JSON an
    // item, so that no large document is built only to be hashed.
    let Plan {
        format: _,
        format_version: _,
        digest: _,
        mesh,
        target,
        base_revision: _,
        owner,
        env,
        complete,
        only,
        pulled_in,
        prune,
        reads,
        changes,
        max_deletes,
        consents,
        with_consent,
        steps,
        drift,
        guards,
        summary,
        traffic,
        findings,
    } = plan;
    let mut hash = Sha256::new();
    line(&mut hash, &("plan", mesh, target, owner, complete, only, pulled_in, prune));
    // Documents of before it was recorded have none, and their digests hold.
    if let Some(env) = env {
        line(&mut hash, &("env", env));
    }
    for (address, object) in reads {
        line(&mut hash, &("read", address, object));
    }
    for text in parallel::map(changes, change_line) {
        hash.update(text);
        hash.update(b"\n");
    }
    line(&mut hash, &("consents", max_deletes, consents, with_consent));
    for PlannedStep { kind, proxies } in steps {
        line(&mut hash, &("step", kind));
        for (proxy, resources) in proxies {
            for ResourceChange { kind, name, action, version: _, cost, from } in resources {
                line(&mut hash, &(proxy, kind, name, action, cost, from));
            }
        }
    }
    let Summary {
        create,
        update,
        delete,
        mark,
        unchanged: _,
        drift: drifted,
        proxies,
        proxies_total: _,
        cost,
        costs,
    } = summary;
    line(&mut hash, &("summary", create, update, delete, mark, drifted, proxies, cost, costs));
    line(&mut hash, &("drift", drift));
    line(&mut hash, &("guards", guards));
    line(&mut hash, &("traffic", traffic));
    for found in findings {
        line(&mut hash, &("finding", found));
    }
    let hex: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{DIGEST_PREFIX}{hex}")
}

/// One change, without the places in files.
fn change_line(change: &Change) -> Vec<u8> {
    let Change {
        address,
        kind,
        action,
        owner,
        protected,
        origin: _,
        before,
        after,
        edits,
        envoy,
        proxies,
        steps,
        cost,
    } = change;
    let object = |object: &Option<Object>| object.as_ref().map(Object::id);
    let value = |value: &Option<serde_json::Value>| value.as_ref().map(canonical_json);
    let edits: Vec<_> = edits
        .iter()
        .map(|Edit { pointer, path, op, before, after, origin: _ }| {
            (pointer, path, op, value(before), value(after))
        })
        .collect();
    let what = ("change", address, kind, action, owner, protected);
    let does = (object(before), object(after), edits, envoy, proxies, steps, cost);
    serde_json::to_vec(&(what, does)).expect("invariant: plain data serialises")
}

/// A line of plain data; the keys of its structs have one order.
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
