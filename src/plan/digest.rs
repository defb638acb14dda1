//! What a plan read, and the digest that names it.

use super::{Change, Plan};
use crate::graph::Graph;
use crate::model::{Address, Mesh};
use crate::revision::{Live, ObjectId, canonical_json};
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
    let changes: Vec<_> = plan
        .changes
        .iter()
        .map(|change| {
            json!({
                "address": change.address,
                "action": change.action,
                "owner": change.owner,
                "protected": change.protected,
                "after": change.after,
            })
        })
        .collect();
    // What each resource becomes follows from the changes; it may hold what others have landed
    // meanwhile, which is no business of this plan. So the order counts, the bytes do not.
    let steps: Vec<_> = plan
        .steps
        .iter()
        .map(|step| {
            let proxies: BTreeMap<String, Vec<_>> = step
                .proxies
                .iter()
                .map(|(proxy, resources)| {
                    let list = resources.iter().map(|r| json!([r.kind, r.name, r.action]));
                    (proxy.to_string(), list.collect())
                })
                .collect();
            json!({ "kind": step.kind, "proxies": proxies })
        })
        .collect();
    let covered = json!({
        "mesh": plan.mesh,
        "target": plan.target,
        "reads": plan.reads,
        "changes": changes,
        "steps": steps,
    });
    let hash = Sha256::digest(canonical_json(&covered).as_bytes());
    let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{DIGEST_PREFIX}{hex}")
}

/// What the changes depend on: the resources themselves, those that they name, and those that
/// name them, in the live state and in the desired one.
pub(super) fn reads(
    live: &Live,
    desired: &Mesh,
    changes: &[Change],
) -> BTreeMap<Address, Option<ObjectId>> {
    let mut wanted: BTreeSet<Address> = BTreeSet::new();
    if !changes.is_empty() {
        let graphs = [Graph::new(&live.mesh), Graph::new(desired)];
        for change in changes {
            wanted.insert(change.address.clone());
            for graph in &graphs {
                wanted.extend(graph.users(&change.address).iter().cloned());
                wanted.extend(named_by(graph.mesh(), &change.address));
            }
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
