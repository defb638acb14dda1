//! Guards: what a plan may not do without being told so in so many words.

use super::{Action, Change, Input, codes, traffic};
use crate::diag::Code;
use crate::diag::shell::word;
use crate::model::{Address, Mesh};
use crate::traffic::symbolic::Differences;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What plans may not do, from the project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guards {
    /// Resources that no plan may delete.
    pub protected: BTreeSet<Address>,
    /// Deletes that need no consent.
    pub max_deletes: usize,
    /// The largest part of a route's requests, in per cent, that a plan may move to or from one
    /// target without a finding; unset: any.
    pub max_weight_step: Option<u32>,
    /// How many proxies a plan may reach without a finding; unset: any number.
    pub max_proxies: Option<usize>,
}

impl Default for Guards {
    fn default() -> Self {
        Self {
            protected: BTreeSet::new(),
            max_deletes: MAX_DELETES,
            max_weight_step: None,
            max_proxies: None,
        }
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
    /// Writing everything anew where no record tells what is in force.
    pub lost_record: bool,
    /// Lost traffic of these resources.
    pub accept: BTreeSet<Address>,
    /// Switches of these routes to nodes that cannot serve.
    pub accept_missing: BTreeSet<Address>,
    /// Taking these over from their owners.
    pub take_ownership: BTreeSet<Address>,
}

/// What one guard says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
pub struct Refusal {
    /// The guard's code.
    pub code: String,
    /// What is refused.
    pub message: String,
    /// The flags that would consent to exactly this, or what to do if none does.
    pub consent: String,
}

/// Asks every guard.
pub(super) fn check(
    input: &Input<'_>,
    changes: &[Change],
    requests: &Differences,
) -> Vec<GuardVerdict> {
    let entry = |change: &Change| input.live.entries.get(&change.address);
    let owned = input.live.entries.values().filter(|e| e.owner.as_deref() == input.owner).count();
    let count = |action| changes.iter().filter(|change| change.action == action).count();
    let (deletes, updates) = (count(Action::Delete), count(Action::Update));
    let share = |part: usize, percent: usize| owned >= SHARES_FROM && part * 100 > owned * percent;
    let consents = |allowed: Option<usize>, number| allowed.is_some_and(|n| number <= n);

    let too_many_deletes = (deletes > input.guards.max_deletes || share(deletes, DELETES_PERCENT))
        && !consents(input.consent.deletes, deletes);
    let too_many_updates =
        share(updates, UPDATES_PERCENT) && !consents(input.consent.updates, updates);
    let empties = input.live.revision.is_some()
        && is_empty(input.desired)
        && !is_empty(&input.live.mesh)
        && deletes > 0
        && !input.consent.empty;
    let protected = changes.iter().filter(|change| {
        change.action == Action::Delete
            && (input.guards.protected.contains(&change.address)
                || entry(change).is_some_and(|entry| entry.protected))
    });
    let foreign = changes.iter().filter(|change| {
        change.address != Address::Mesh
            && !input.consent.take_ownership.contains(&change.address)
            && entry(change).is_some_and(|e| e.owner.is_some() && e.owner.as_deref() != input.owner)
    });
    let number = |refused: bool, number: usize, verb: &str, flag: &str| {
        let message = format!("{number} of {owned} resources would be {verb}");
        refused.then(|| (message, format!("{flag} {number}")))
    };
    vec![
        verdict(
            &codes::TOO_MANY_DELETES,
            number(too_many_deletes, deletes, "deleted", "--allow-deletes"),
        ),
        verdict(
            &codes::TOO_MANY_UPDATES,
            number(too_many_updates, updates, "updated", "--allow-updates"),
        ),
        verdict(
            &codes::EMPTY_DESIRED,
            empties.then(|| ("the files define no resource".into(), "--allow-empty".into())),
        ),
        verdict(
            &codes::PROTECTED,
            list(protected, "protected and would be deleted", |_| String::new()).map(|refused| {
                let help = "take it out of `protected` in meshctl.toml and apply with --no-prune; \
                            then it can be deleted";
                (refused.0, help.to_owned())
            }),
        ),
        verdict(
            &codes::FOREIGN,
            list(foreign, "another project's", |address| {
                format!("--take-ownership {}", word(&address.to_string()))
            }),
        ),
        verdict(&codes::LOST_TRAFFIC, lost_traffic(input, requests)),
        verdict(
            &codes::LOST_RECORD,
            (input.unrecorded && !changes.is_empty() && !input.consent.lost_record).then(|| {
                let message = "proxies have files of this target, and its record is gone";
                (message.to_owned(), "--allow-lost-record".to_owned())
            }),
        ),
    ]
}

fn is_empty(mesh: &Mesh) -> bool {
    let Mesh { settings: _, nodes, services, routers, gateways, external_services: _ } = mesh;
    nodes.is_empty() && services.is_empty() && routers.is_empty() && gateways.is_empty()
}

/// The refusal of lost traffic, unless every change that loses some is consented to.
fn lost_traffic(input: &Input<'_>, requests: &Differences) -> Option<(String, String)> {
    let lost = traffic::lost(requests);
    let refused: Vec<_> = lost
        .iter()
        .filter(|(causes, _)| !causes.iter().all(|a| input.consent.accept.contains(a)))
        .collect();
    let (_, example) = refused.first()?;
    let causes: BTreeSet<&Address> = refused.iter().flat_map(|(causes, _)| causes.iter()).collect();
    let mut names: Vec<String> = causes.iter().take(NAMED).map(ToString::to_string).collect();
    if causes.len() > NAMED {
        names.push(format!("{} more", causes.len() - NAMED));
    }
    let verb = if causes.len() == 1 { "leaves" } else { "leave" };
    let message =
        format!("{} {verb} requests without a server, for example {example}", names.join(", "));
    let flags: Vec<String> = causes
        .iter()
        .map(|address| {
            let consent = format!("{}@{address}", codes::LOST_TRAFFIC.id);
            format!("--accept {}", word(&consent))
        })
        .collect();
    Some((message, flags.join(" ")))
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

/// So many addresses are named in a message; the flags are always for all.
const NAMED: usize = 5;

fn list<'a>(
    changes: impl Iterator<Item = &'a Change>,
    what: &str,
    consent: impl Fn(&Address) -> String,
) -> Option<(String, String)> {
    let found: Vec<&Address> = changes.map(|change| &change.address).collect();
    let mut names: Vec<String> = found.iter().take(NAMED).map(ToString::to_string).collect();
    let verb = match found.len() {
        0 => return None,
        1 => "is",
        more => {
            if more > NAMED {
                names.push(format!("{} more", more - NAMED));
            }
            "are"
        }
    };
    let consents: Vec<String> = found.iter().map(|address| consent(address)).collect();
    Some((format!("{} {verb} {what}", names.join(", ")), consents.join(" ")))
}
