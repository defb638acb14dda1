//! Guards: what a plan may not do without being told so in so many words.

use super::{Action, Change, Input, codes};
use crate::diag::Code;
use crate::model::{Address, Mesh};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What plans may not do, from the project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guards {
    /// Resources that no plan may delete.
    pub protected: BTreeSet<Address>,
    /// Deletes that need no consent.
    pub max_deletes: usize,
}

impl Default for Guards {
    fn default() -> Self {
        Self { protected: BTreeSet::new(), max_deletes: MAX_DELETES }
    }
}

/// Deletes that need no consent; octoDNS's threshold.
const MAX_DELETES: usize = 10;
/// Per cent of the resources that may be deleted without consent.
const DELETES_PERCENT: usize = 30;
/// Per cent of the resources that may be updated without consent.
const UPDATES_PERCENT: usize = 50;
/// Shares count from so many resources up: of three, one is a third.
const SHARES_FROM: usize = 10;

/// What the caller consents to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Consent {
    /// Up to so many deletes.
    pub deletes: Option<usize>,
    /// Up to so many updates.
    pub updates: Option<usize>,
    /// Deleting everything.
    pub empty: bool,
    /// Lost traffic of these resources.
    pub accept: BTreeSet<Address>,
    /// Taking these over from their owners.
    pub take_ownership: BTreeSet<Address>,
}

/// What one guard says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GuardVerdict {
    /// The guard's code.
    pub code: String,
    /// Its name.
    pub name: String,
    /// What it refuses; none if it lets the plan pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<Refusal>,
}

/// A refusal, and what would lift it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refusal {
    /// The guard's code.
    pub code: String,
    /// What is refused.
    pub message: String,
    /// The flags that would consent to exactly this, or what to do if none does.
    pub consent: String,
}

/// What is protected: by the project now, and by what the live state remembers.
pub(super) fn protected(input: &Input<'_>) -> BTreeSet<Address> {
    input.guards.protected.clone()
}

pub(super) fn check(input: &Input<'_>, changes: &[Change]) -> Vec<GuardVerdict> {
    let owned =
        input.live.entries.values().filter(|entry| entry.owner.as_deref() == input.owner).count();
    let count = |action| changes.iter().filter(|change| change.action == action).count();
    let (deletes, updates) = (count(Action::Delete), count(Action::Update));
    let share = |part: usize, percent: usize| owned >= SHARES_FROM && part * 100 > owned * percent;

    let too_many_deletes = (deletes > input.guards.max_deletes || share(deletes, DELETES_PERCENT))
        && input.consent.deletes.is_none_or(|allowed| deletes > allowed);
    let too_many_updates = share(updates, UPDATES_PERCENT)
        && input.consent.updates.is_none_or(|allowed| updates > allowed);
    let empties = input.live.revision.is_some()
        && is_empty(input.desired)
        && !is_empty(&input.live.mesh)
        && input.scope.only.is_empty()
        && !input.consent.empty;

    vec![
        verdict(
            &codes::TOO_MANY_DELETES,
            too_many_deletes.then(|| {
                (
                    format!("{deletes} of {owned} resources would be deleted"),
                    format!("--allow-deletes {deletes}"),
                )
            }),
        ),
        verdict(
            &codes::TOO_MANY_UPDATES,
            too_many_updates.then(|| {
                (
                    format!("{updates} of {owned} resources would be updated"),
                    format!("--allow-updates {updates}"),
                )
            }),
        ),
        verdict(
            &codes::EMPTY_DESIRED,
            empties
                .then(|| ("the files define no resource".to_owned(), "--allow-empty".to_owned())),
        ),
        verdict(
            &codes::PROTECTED,
            list(
                changes.iter().filter(|change| {
                    change.action == Action::Delete
                        && (input.guards.protected.contains(&change.address)
                            || input.live.entries.get(&change.address).is_some_and(|e| e.protected))
                }),
                "would be deleted and is protected",
                |_| {
                    "take the resource out of `protected` in meshctl.toml, apply that alone, then \
                 delete it"
                        .to_owned()
                },
            ),
        ),
        verdict(
            &codes::FOREIGN,
            list(
                changes.iter().filter(|change| {
                    !input.consent.take_ownership.contains(&change.address)
                        && change.address != Address::Mesh
                        && input
                            .live
                            .entries
                            .get(&change.address)
                            .is_some_and(|entry| entry.owner.as_deref() != input.owner)
                }),
                "belongs to another project",
                |address| format!("--take-ownership {address}"),
            ),
        ),
        verdict(
            &codes::LOST_TRAFFIC,
            list(
                changes.iter().filter(|change| {
                    !input.consent.accept.contains(&change.address) && loses_traffic(input, change)
                }),
                "takes traffic now and would take none",
                |address| format!("--accept {}@{address}", codes::LOST_TRAFFIC.id),
            ),
        ),
    ]
}

fn is_empty(mesh: &Mesh) -> bool {
    let Mesh { settings: _, nodes, services, routers, gateways, external_services: _ } = mesh;
    nodes.is_empty() && services.is_empty() && routers.is_empty() && gateways.is_empty()
}

/// Whether the model says by itself that something which takes traffic will take none: a service
/// that is called and loses its provider, a router in use that loses its last route, a gateway
/// route that goes away while its gateway stays.
fn loses_traffic(input: &Input<'_>, change: &Change) -> bool {
    let (live, desired) = (&input.live.mesh, input.desired);
    match &change.address {
        Address::Service(name) => {
            let provided = |mesh: &Mesh| {
                mesh.services.get(name).is_some_and(|s| s.node.is_some() || s.router.is_some())
            };
            let called = |mesh: &Mesh| {
                mesh.nodes.values().any(|n| n.backends.iter().any(|b| b.service == *name))
                    || mesh
                        .gateways
                        .values()
                        .any(|g| g.routes.iter().any(|r| r.service.name == *name))
            };
            provided(live) && !provided(desired) && called(live) && called(desired)
        }
        Address::Router(name) => {
            let routes = |mesh: &Mesh| mesh.routers.get(name).map(|router| router.routes.len());
            let used =
                |mesh: &Mesh| mesh.services.values().any(|s| s.router.as_ref() == Some(name));
            routes(live).is_some_and(|count| count > 0)
                && routes(desired) == Some(0)
                && used(live)
                && used(desired)
        }
        Address::GatewayRoute(gateway, _) => {
            change.action == Action::Delete && desired.gateways.contains_key(gateway)
        }
        Address::Mesh | Address::Node(_) | Address::Route(..) | Address::Gateway(_) => false,
    }
}

fn verdict(code: &Code, refused: Option<(String, String)>) -> GuardVerdict {
    GuardVerdict {
        code: code.id.to_owned(),
        name: code.name.to_owned(),
        refusal: refused.map(|(message, consent)| Refusal {
            code: code.id.to_owned(),
            message,
            consent,
        }),
    }
}

fn list<'a>(
    changes: impl Iterator<Item = &'a Change>,
    what: &str,
    consent: impl Fn(&Address) -> String,
) -> Option<(String, String)> {
    let found: Vec<&Address> = changes.map(|change| &change.address).collect();
    if found.is_empty() {
        return None;
    }
    let names: Vec<String> = found.iter().map(ToString::to_string).collect();
    let mut consents: Vec<String> = found.iter().map(|address| consent(address)).collect();
    consents.dedup();
    Some((format!("{} {what}", names.join(", ")), consents.join(" ")))
}
