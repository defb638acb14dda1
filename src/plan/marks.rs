//! Changes of what is known *about* a resource: its owner, and whether it is protected.

use super::{Action, Change, Edit, EditOp, Input, diff};
use crate::model::{Address, Mesh};
use crate::revision::{Entry, Object, object};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Adds what the changes of content do not say already, and says of updates what else they do.
pub(super) fn add(input: &Input<'_>, desired: &Mesh, changes: &mut Vec<Change>) {
    let changed: BTreeSet<Address> = changes.iter().map(|change| change.address.clone()).collect();
    for change in changes.iter_mut().filter(|change| change.action == Action::Update) {
        if let Some(entry) = input.live.entries.get(&change.address) {
            let edits = edits(entry, change.owner.as_deref(), change.protected);
            change.edits.extend(edits);
        }
    }
    for (address, entry) in &input.live.entries {
        if changed.contains(address) || !wanted(input, address) {
            continue;
        }
        let (owner, protected) = marks(input, address, entry);
        let edits = edits(entry, owner.as_deref(), protected);
        if edits.is_empty() {
            continue;
        }
        let value = object(desired, address).as_ref().map(Object::new);
        changes.push(Change {
            owner,
            protected,
            origin: input.places.and_then(|places| diff::place_of(&places, address, "")),
            edits,
            ..Change::new(address, Action::Mark, value.clone(), value)
        });
    }
    changes.sort_by(|a, b| a.address.cmp(&b.address));
}

fn wanted(input: &Input<'_>, address: &Address) -> bool {
    input.scope.only.is_empty() || input.scope.only.contains(address)
}

/// Who should own an unchanged resource, and whether it should be protected.
fn marks(input: &Input<'_>, address: &Address, entry: &Entry) -> (Option<String>, bool) {
    let mine = entry.owner.as_deref() == input.owner;
    let in_files = object_exists(input.desired, address);
    let take = in_files
        && !mine
        && *address != Address::Mesh
        && (entry.owner.is_none() || input.consent.take_ownership.contains(address));
    let owner = if take { input.owner.map(str::to_owned) } else { entry.owner.clone() };
    let protected =
        if mine || take { input.guards.protected.contains(address) } else { entry.protected };
    (owner, protected)
}

/// The owner and the protection of a change that was planned already. Whether files name an
/// unchanged resource that nobody owns is known only to the one who planned.
pub(super) fn remade(input: &Input<'_>, change: &Change, action: Action) -> (Option<String>, bool) {
    let Change { address, owner, protected, .. } = change;
    let mine = input.owner.map(str::to_owned);
    let Some(entry) = input.live.entries.get(address) else { return (mine, *protected) };
    let free = entry.owner.is_none() || input.consent.take_ownership.contains(address);
    match action {
        Action::Create => (mine, *protected),
        Action::Delete => (entry.owner.clone(), entry.protected),
        Action::Update if free => (mine, *protected),
        Action::Update => (entry.owner.clone(), *protected),
        Action::Mark if free && *address != Address::Mesh && *owner == mine => (mine, *protected),
        Action::Mark if entry.owner == mine => (mine, *protected),
        Action::Mark => (entry.owner.clone(), entry.protected),
    }
}

/// Whether a mesh has a resource.
pub(super) fn object_exists(mesh: &Mesh, address: &Address) -> bool {
    match address {
        Address::Mesh => true,
        Address::Node(name) => mesh.nodes.contains_key(name),
        Address::Service(name) => mesh.services.contains_key(name),
        Address::Router(name) => mesh.routers.contains_key(name),
        Address::Gateway(name) => mesh.gateways.contains_key(name),
        Address::Route(router, name) => {
            mesh.routers.get(router).is_some_and(|r| r.routes.iter().any(|r| r.name == *name))
        }
        Address::GatewayRoute(gateway, name) => {
            mesh.gateways.get(gateway).is_some_and(|g| g.routes.iter().any(|r| r.name == *name))
        }
    }
}

/// The edits have no pointer: what they are about is not in the object.
pub(super) fn edits(entry: &Entry, owner: Option<&str>, protected: bool) -> Vec<Edit> {
    let mut found = Vec::new();
    let mut edit = |path: &str, before: Value, after: Value| {
        if before != after {
            found.push(Edit {
                pointer: String::new(),
                path: path.to_owned(),
                op: EditOp::Replace,
                before: Some(before),
                after: Some(after),
                origin: None,
            });
        }
    };
    edit("(owner)", json!(entry.owner), json!(owner));
    edit("(protected)", json!(entry.protected), json!(protected));
    found
}
