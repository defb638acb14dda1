//! `rollback`: a plan back to an earlier revision, then applied as a new one.

use super::carry::CarryArgs;
use super::planning::{Accept, accepted};
use super::target::Target;
use super::{Context, Exit, Failure, Format, apply, presence};
use crate::model::Address;
use crate::picture::count;
use crate::plan::{self, Action, Consent, Guards, Input, Plan, Scope};
use crate::revision::{Header, Live};
use clap::Args;
use std::collections::{BTreeMap, BTreeSet};

/// Roll back to an earlier revision, as a new one
///
/// The rollback is a plan like any other: it is shown, approved, and applied in steps, and a switch to
/// a node that cannot serve needs consent. The files are not changed: until they say the same, the
/// next plan leads away from it again.
#[derive(Debug, Args)]
pub(super) struct RollbackArgs {
    /// The revision to roll back to; by default the one before the newest
    #[arg(value_name = "REV")]
    revision: Option<u64>,

    /// Roll back only if the plan has this digest
    #[arg(long, value_name = "DIGEST")]
    expect: Option<String>,

    /// Consent to a finding about one resource, for example `MC0908@route/cart/all`
    #[arg(long, value_name = "CODE@ADDR", help_heading = "Consent")]
    accept: Vec<Accept>,

    #[command(flatten)]
    carry: CarryArgs,
}

pub(super) fn run(context: &Context, args: &RollbackArgs) -> Result<Exit, Failure> {
    let format = context.format(&[Format::Text, Format::Json, Format::Ndjson])?;
    let loaded = context.load()?;
    let target = context.open_target(&loaded)?;
    let state = target.state()?;
    let Some(newest) = state.live.revision else {
        return Err(Failure::new(Exit::Failed, format!("{} holds no revision", target.id.name)));
    };
    let history = target.history()?;
    let parent = history.first().and_then(|manifest| manifest.parent);
    let Some(to) = args.revision.or(parent) else {
        let message = format!("there is no revision before {newest}");
        return Err(Failure::new(Exit::Failed, message));
    };
    let before = target.at(to)?;
    // The revision itself was guarded when it was made; what it protected stays protected.
    let guards = Guards {
        protected: loaded.project.guards.protected.iter().cloned().collect(),
        ..Guards::default()
    };
    let consent = Consent {
        deletes: Some(usize::MAX),
        updates: Some(usize::MAX),
        accept: accepted(&args.accept, &plan::codes::LOST_TRAFFIC),
        accept_missing: accepted(&args.accept, &plan::codes::MISSING_TARGET),
        ..Consent::default()
    };
    let live = target.base(&state, None)?;
    let (plan, mut findings) = plan::plan(&Input {
        target: target.id.clone(),
        live: &live,
        unrecorded: false,
        desired: &before.mesh,
        owner: loaded.project.owner.as_deref(),
        places: None,
        settings: &target.settings,
        scope: Scope::default(),
        guards,
        consent,
        drift: Vec::new(),
    });
    if let Some(given) = &args.expect {
        apply::expect(given, &plan)?;
    }
    presence::find(&target, &live, &plan, None, &mut findings)?;
    context.ui.status(&format!("Rolling back from revision {newest} to revision {to}."));
    if let Some(deletes) = deletes(&target, &state.live, &plan, to, &history)? {
        context.ui.status(&deletes);
    }
    let planned = apply::Planned {
        plan: &plan,
        findings: &findings.sorted(),
        absent: &format!("not in revision {to}"),
    };
    apply::go(context, &args.carry, &loaded, &target, format, &planned)
}

/// So many revisions are read to find out which one added something.
const READ: usize = 20;

/// What a rollback deletes, and which revision had added it.
fn deletes(
    target: &Target,
    live: &Live,
    plan: &Plan,
    to: u64,
    history: &[Header],
) -> Result<Option<String>, Failure> {
    let deleted = plan.changes.iter().filter(|change| change.action == Action::Delete);
    let mut added: BTreeMap<&Address, Option<u64>> =
        deleted.map(|change| (&change.address, None)).collect();
    if added.is_empty() {
        return Ok(None);
    }
    // From the newest, which is live, back to the first revision that does not have an address: the
    // one after that added it.
    let mut open: BTreeSet<&Address> =
        added.keys().copied().filter(|address| live.entries.contains_key(address)).collect();
    let mut later = live.revision;
    let between = |revision: &u64| *revision > to && Some(*revision) < live.revision;
    let between: Vec<u64> = history.iter().map(|header| header.revision).filter(between).collect();
    for revision in between.iter().copied().take(READ) {
        if open.is_empty() {
            break;
        }
        let has = target.at(revision)?.entries;
        open.retain(|address| {
            let there = has.contains_key(*address);
            if !there {
                added.insert(address, later);
            }
            there
        });
        later = Some(revision);
    }
    if between.len() <= READ {
        added.extend(open.into_iter().map(|address| (address, later)));
    }
    let names: Vec<String> = added
        .iter()
        .map(|(address, by)| match by {
            Some(by) => format!("{address} (added by revision {by})"),
            None => address.to_string(),
        })
        .collect();
    Ok(Some(format!(
        "This deletes {} that revision {to} does not have: {}.",
        count(names.len(), "resource"),
        names.join(", ")
    )))
}
