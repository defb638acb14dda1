//! Which resources differ between the live and the desired model.
//!
//! Typed values are compared, which is cheap; only what differs is turned into JSON.

use super::{Action, Change, EditOp, Input, Place, Places, edit};
use crate::model::{Address, Mesh, VirtualGateway, VirtualRouter};
use crate::parallel;
use crate::revision::{Object, object};
use crate::span::Loc;
use std::collections::{BTreeMap, BTreeSet};

/// Every change, in the order of addresses.
pub(super) fn changes(input: &Input<'_>, desired: &Mesh) -> Vec<Change> {
    let live = &input.live.mesh;
    let exists = input.live.revision.is_some();
    let differing: Vec<Address> = differing(live, desired, exists).into_iter().collect();
    parallel::map(&differing, |address| {
        let before = if exists { object(live, address) } else { None };
        let after = object(desired, address);
        let action = match (&before, &after) {
            (None, _) => Action::Create,
            (_, None) => Action::Delete,
            (Some(_), Some(_)) => Action::Update,
        };
        let origin = match action {
            Action::Delete => None,
            Action::Create | Action::Update | Action::Mark => {
                input.places.and_then(|places| place_of(&places, address, ""))
            }
        };
        let mut edits = match (&before, &after) {
            (Some(before), Some(after)) => edit::edits(before, after),
            _ => Vec::new(),
        };
        if let Some(places) = &input.places {
            for edit in &mut edits {
                // What was removed stood in what is still there.
                let pointer = match edit.op {
                    EditOp::Remove => edit.pointer.rsplit_once('/').map_or("", |split| split.0),
                    EditOp::Add | EditOp::Replace => &edit.pointer,
                };
                edit.origin = place_of(places, address, pointer);
            }
        }
        Change {
            owner: owner_of(input, address, action),
            protected: protected_of(input, address, action),
            origin,
            edits,
            ..Change::new(
                address,
                action,
                before.as_ref().map(Object::new),
                after.as_ref().map(Object::new),
            )
        }
    })
}

/// What is new belongs to who plans it. What belongs to nobody is taken on with its first update;
/// what belongs to another only with consent. The mesh itself stays its first owner's.
fn owner_of(input: &Input<'_>, address: &Address, action: Action) -> Option<String> {
    let mine = input.owner.map(str::to_owned);
    match (action, input.live.entries.get(address)) {
        (Action::Create, _) | (_, None) => mine,
        (Action::Delete, Some(entry)) => entry.owner.clone(),
        (Action::Update | Action::Mark, Some(entry)) => {
            if entry.owner.is_none() || input.consent.take_ownership.contains(address) {
                mine
            } else {
                entry.owner.clone()
            }
        }
    }
}

fn protected_of(input: &Input<'_>, address: &Address, action: Action) -> bool {
    match action {
        Action::Delete => input.live.entries.get(address).is_some_and(|entry| entry.protected),
        Action::Create | Action::Update | Action::Mark => input.guards.protected.contains(address),
    }
}

/// Where a field of the desired model stands.
pub fn place_of(places: &Places<'_>, address: &Address, pointer: &str) -> Option<Place> {
    let loc: Loc = places.origins.find(address, pointer)?;
    let at = places.files.start(loc);
    Some(Place {
        path: places.files.get(loc.file).path().to_owned(),
        line: at.line,
        column: at.column,
        overlay: places.overlay == Some(loc.file),
    })
}

/// The addresses whose objects differ.
fn differing(live: &Mesh, desired: &Mesh, exists: bool) -> BTreeSet<Address> {
    let mut found = BTreeSet::new();
    let Mesh { settings, nodes, services, routers, gateways, external_services: _ } = desired;
    if !exists || live.settings != *settings {
        found.insert(Address::Mesh);
    }
    maps(&live.nodes, nodes, |name| {
        found.insert(Address::Node(name.clone()));
    });
    maps(&live.services, services, |name| {
        found.insert(Address::Service(name.clone()));
    });
    let (no_router, no_gateway) = (VirtualRouter::default(), VirtualGateway::default());
    // Equal ones are left at the first comparison, so routes are looked at where one differs.
    maps(&live.routers, routers, |name| {
        let (before, after) = (live.routers.get(name), routers.get(name));
        let shell = |router: Option<&VirtualRouter>| {
            router.map(|router| {
                let VirtualRouter { listeners, routes, owner, tags } = router;
                let order: Vec<_> = routes.iter().map(|route| route.name.clone()).collect();
                (listeners.clone(), order, owner.clone(), tags.clone())
            })
        };
        if shell(before) != shell(after) {
            found.insert(Address::Router(name.clone()));
        }
        let by_name = |router: Option<&VirtualRouter>| -> BTreeMap<_, _> {
            let routes = &router.unwrap_or(&no_router).routes;
            routes.iter().map(|route| (route.name.clone(), route.clone())).collect()
        };
        maps(&by_name(before), &by_name(after), |route| {
            found.insert(Address::Route(name.clone(), route.clone()));
        });
    });
    maps(&live.gateways, gateways, |name| {
        let (before, after) = (live.gateways.get(name), gateways.get(name));
        let shell = |gateway: Option<&VirtualGateway>| {
            gateway.map(|gateway| {
                let VirtualGateway { listeners, backend_defaults, access_log, routes, owner, tags } =
                    gateway;
                let order: Vec<_> = routes.iter().map(|route| route.name.clone()).collect();
                (
                    listeners.clone(),
                    backend_defaults.clone(),
                    access_log.clone(),
                    order,
                    owner.clone(),
                    tags.clone(),
                )
            })
        };
        if shell(before) != shell(after) {
            found.insert(Address::Gateway(name.clone()));
        }
        let by_name = |gateway: Option<&VirtualGateway>| -> BTreeMap<_, _> {
            let routes = &gateway.unwrap_or(&no_gateway).routes;
            routes.iter().map(|route| (route.name.clone(), route.clone())).collect()
        };
        maps(&by_name(before), &by_name(after), |route| {
            found.insert(Address::GatewayRoute(name.clone(), route.clone()));
        });
    });
    found
}

/// Calls back for every key whose values differ.
fn maps<K: Ord, V: PartialEq>(
    live: &BTreeMap<K, V>,
    desired: &BTreeMap<K, V>,
    mut differs: impl FnMut(&K),
) {
    for (key, value) in live {
        if desired.get(key) != Some(value) {
            differs(key);
        }
    }
    for key in desired.keys() {
        if !live.contains_key(key) {
            differs(key);
        }
    }
}
