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

/// What the caller consents to. In a plan it has only what the plan needs, so that a flag that
/// consents to nothing changes no digest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Consent {
    /// Up to so many deletes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletes: Option<usize>,
    /// Up to so many updates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updates: Option<usize>,
    /// Deleting everything.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub empty: bool,
    /// Writing everything anew where no record tells what is in force.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub lost_record: bool,
    /// Lost traffic of these resources.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub accept: BTreeSet<Address>,
    /// Switches of these routes to nodes that cannot serve.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub accept_missing: BTreeSet<Address>,
    /// Taking these over from their owners.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub take_ownership: BTreeSet<Address>,
}

impl Consent {
    /// The flags that consent to exactly this, each with its value.
    pub fn flags(&self) -> Vec<String> {
        let Self { deletes, updates, empty, lost_record, accept, accept_missing, take_ownership } =
            self;
        let mut flags = Vec::new();
        flags.extend(deletes.map(|count| format!("--allow-deletes {count}")));
        flags.extend(updates.map(|count| format!("--allow-updates {count}")));
        flags.extend(empty.then(|| "--allow-empty".to_owned()));
        flags.extend(lost_record.then(|| "--allow-lost-record".to_owned()));
        for (code, addresses) in
            [(&codes::LOST_TRAFFIC, accept), (&codes::MISSING_TARGET, accept_missing)]
        {
            flags.extend(addresses.iter().map(|address| accept_flag(code, address)));
        }
        flags.extend(take_ownership.iter().map(take_flag));
        flags
    }
}

fn accept_flag(code: &Code, address: &Address) -> String {
    format!("--accept {}", word(&format!("{}@{address}", code.id)))
}

fn take_flag(address: &Address) -> String {
    format!("--take-ownership {}", word(&address.to_string()))
}

/// What all guards say of a plan.
#[derive(Debug)]
pub(super) struct Judged {
    /// Each guard's verdict.
    pub(super) verdicts: Vec<GuardVerdict>,
    /// What was consented to and is needed.
    pub(super) used: Consent,
    /// What would lift every refusal, if consent can.
    pub(super) needed: Option<Consent>,
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
pub(super) fn check(input: &Input<'_>, changes: &[Change], requests: &Differences) -> Judged {
    let entry = |change: &Change| input.live.entries.get(&change.address);
    let owned = input.live.entries.values().filter(|e| e.owner.as_deref() == input.owner).count();
    let count = |action| changes.iter().filter(|change| change.action == action).count();
    let (deletes, updates) = (count(Action::Delete), count(Action::Update));
    let share = |part: usize, percent: usize| owned >= SHARES_FROM && part * 100 > owned * percent;
    let consents = |allowed: Option<usize>, number| allowed.is_some_and(|n| number <= n);

    let many_deletes = deletes > input.guards.max_deletes || share(deletes, DELETES_PERCENT);
    let many_updates = share(updates, UPDATES_PERCENT);
    let empties = input.live.revision.is_some()
        && deletes > 0
        && ((is_empty(input.desired) && !is_empty(&input.live.mesh))
            || leaves_nothing(input, changes));
    let unrecorded = input.unrecorded && !changes.is_empty();
    let lost = traffic::lost(requests);
    let causes: BTreeSet<&Address> = lost.iter().flat_map(|(causes, _)| causes).collect();
    let is_foreign = |change: &Change| {
        change.address != Address::Mesh
            && entry(change).is_some_and(|e| e.owner.is_some() && e.owner.as_deref() != input.owner)
    };
    let taken: BTreeSet<&Address> =
        changes.iter().filter(|c| is_foreign(c)).map(|change| &change.address).collect();
    let all = Consent {
        deletes: many_deletes.then_some(deletes),
        updates: many_updates.then_some(updates),
        empty: empties,
        lost_record: unrecorded,
        accept: causes.into_iter().cloned().collect(),
        accept_missing: input.consent.accept_missing.clone(),
        take_ownership: taken.into_iter().cloned().collect(),
    };
    let both = |one: &BTreeSet<Address>, other: &BTreeSet<Address>| {
        one.intersection(other).cloned().collect::<BTreeSet<_>>()
    };
    let used = Consent {
        deletes: all.deletes.filter(|count| consents(input.consent.deletes, *count)),
        updates: all.updates.filter(|count| consents(input.consent.updates, *count)),
        empty: all.empty && input.consent.empty,
        lost_record: all.lost_record && input.consent.lost_record,
        accept: both(&all.accept, &input.consent.accept),
        accept_missing: input.consent.accept_missing.clone(),
        take_ownership: both(&all.take_ownership, &input.consent.take_ownership),
    };
    let too_many_deletes = many_deletes && used.deletes.is_none();
    let too_many_updates = many_updates && used.updates.is_none();
    let empties = empties && !used.empty;
    let protected = changes.iter().filter(|change| {
        change.action == Action::Delete
            && (input.guards.protected.contains(&change.address)
                || entry(change).is_some_and(|entry| entry.protected))
    });
    let foreign = changes
        .iter()
        .filter(|change| is_foreign(change) && !used.take_ownership.contains(&change.address));
    let number = |refused: bool, number: usize, verb: &str, flag: &str| {
        let message = format!("{number} of {owned} resources would be {verb}");
        refused.then(|| (message, format!("{flag} {number}")))
    };
    let protected = list(protected, "protected and would be deleted", |_| String::new());
    let needed = protected.is_none().then_some(all);
    let verdicts = vec![
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
            empties.then(|| {
                let message = match is_empty(input.desired) {
                    true => "the files define no resource",
                    false => "nothing would be left of what this project owns",
                };
                (message.to_owned(), "--allow-empty".to_owned())
            }),
        ),
        verdict(
            &codes::PROTECTED,
            protected.map(|refused| {
                let help = "take it out of `protected` in meshctl.toml and apply with --no-prune; \
                            then it can be deleted";
                (refused.0, help.to_owned())
            }),
        ),
        verdict(&codes::FOREIGN, list(foreign, "another project's", take_flag)),
        verdict(&codes::LOST_TRAFFIC, lost_traffic(&used, &lost)),
        verdict(
            &codes::LOST_RECORD,
            (unrecorded && !used.lost_record).then(|| {
                let message = "proxies have files of this target, and its record is gone";
                (message.to_owned(), "--allow-lost-record".to_owned())
            }),
        ),
    ];
    Judged { verdicts, used, needed }
}

/// Whether nothing of the one who plans is left, of what there was: what files without a resource
/// come to where others own a part of the mesh.
fn leaves_nothing(input: &Input<'_>, changes: &[Change]) -> bool {
    let changed: BTreeSet<&Address> = changes.iter().map(|change| &change.address).collect();
    let mine = |owner: &Option<String>| owner.as_deref() == input.owner;
    let mut owned = input
        .live
        .entries
        .iter()
        .filter(|(address, entry)| **address != Address::Mesh && mine(&entry.owner))
        .peekable();
    let stays = |change: &Change| {
        change.after.is_some() && change.address != Address::Mesh && mine(&change.owner)
    };
    owned.peek().is_some()
        && owned.all(|(address, _)| changed.contains(address))
        && !changes.iter().any(stays)
}

fn is_empty(mesh: &Mesh) -> bool {
    let Mesh { settings: _, nodes, services, routers, gateways, external_services: _ } = mesh;
    nodes.is_empty() && services.is_empty() && routers.is_empty() && gateways.is_empty()
}

/// The refusal of lost traffic, unless every change that loses some is consented to.
fn lost_traffic(
    consent: &Consent,
    lost: &[(BTreeSet<Address>, String)],
) -> Option<(String, String)> {
    let refused: Vec<_> = lost
        .iter()
        .filter(|(causes, _)| !causes.iter().all(|a| consent.accept.contains(a)))
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
    let flags: Vec<String> =
        causes.iter().map(|address| accept_flag(&codes::LOST_TRAFFIC, address)).collect();
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
