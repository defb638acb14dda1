//! A plan made once more from its changes: what a document says of them is recomputed or rejected,
//! never believed.

use super::merge::apply_changes;
use super::{
    Action, Change, GuardVerdict, Guards, Input, Plan, Refusal, Scope, Summary, Traffic, cost,
    digest, edit, guard, marks, steps, traffic,
};
use crate::envoy::Settings;
use crate::model::{Address, Mesh};
use crate::revision::{self, Live, Object, object};
use crate::traffic::symbolic::Differences;
use std::collections::BTreeSet;

/// Why a plan is not to be carried out.
#[derive(Debug)]
pub enum Unlike {
    /// Its changes do not fit the revision that it was made against.
    Unfit(revision::Error),
    /// It says something else than what comes of its changes.
    Differs {
        /// Which part of it.
        part: &'static str,
        /// The digest of what comes of the changes.
        digest: String,
    },
    /// A guard refuses it.
    Refused(Refusal),
}

/// What a plan is held against.
#[derive(Clone, Copy, Debug)]
pub struct Against<'a> {
    /// The revision that it was made against.
    pub base: &'a Live,
    /// The newest one: owners and protection may have changed since.
    pub now: &'a Live,
    /// Whether proxies have files although no revision tells of them.
    pub unrecorded: bool,
    /// How proxies are configured.
    pub settings: &'a Settings,
}

/// Makes everything that follows from the changes of a plan once more (edits, reads, steps, costs,
/// guards, summary, traffic), and compares: what runs is what was reviewed. Where a line stands in a
/// file is not compared. Then asks the guards once more, about the newest revision.
pub fn verify(plan: &Plan, against: Against<'_>) -> Result<(), Unlike> {
    let Against { base, now, unrecorded, settings } = against;
    let remade = remake(plan, base, settings, unrecorded).map_err(Unlike::Unfit)?;
    refused(&remade.plan.guards)?;
    if let Some(part) = difference(plan, &remade.plan) {
        return Err(Unlike::Differs { part, digest: remade.plan.digest });
    }
    // Of a stale plan, which is not carried out, the guards would judge something else.
    if base.revision != now.revision && plan.stale(now).is_empty() {
        let input = input(plan, now, &remade.desired, settings, unrecorded);
        refused(&guard::check(&input, &plan.changes, &remade.requests).verdicts)?;
    }
    Ok(())
}

fn refused(verdicts: &[GuardVerdict]) -> Result<(), Unlike> {
    match verdicts.iter().find_map(|verdict| verdict.refusal.clone()) {
        Some(refusal) => Err(Unlike::Refused(refusal)),
        None => Ok(()),
    }
}

/// The plan that comes of the changes of this one. Fails if they do not fit the revision.
pub fn again(
    plan: &Plan,
    base: &Live,
    settings: &Settings,
    unrecorded: bool,
) -> Result<Plan, revision::Error> {
    remake(plan, base, settings, unrecorded).map(|remade| remade.plan)
}

/// What comes of the changes of a plan.
struct Remade {
    plan: Plan,
    desired: Mesh,
    requests: Differences,
}

fn remake(
    plan: &Plan,
    base: &Live,
    settings: &Settings,
    unrecorded: bool,
) -> Result<Remade, revision::Error> {
    let desired = apply_changes(base, &plan.changes)?;
    let input = input(plan, base, &desired, settings, unrecorded);
    let mut changes: Vec<Change> =
        plan.changes.iter().map(|change| remade(&input, &desired, change)).collect();
    let affected = cost::affected(&base.mesh, &desired, &changes);
    let way = steps::Way::new(&base.mesh, &desired, settings);
    let steps = cost::planned(&way, &affected);
    cost::charge(&base.mesh, &desired, &steps, &mut changes);
    let reads = digest::reads(base, &desired, &changes);
    let requests = traffic::of_changes(base, &desired, &changes);
    let guards = guard::check(&input, &changes, &requests).verdicts;
    let summary = Summary::whole(base, &desired, &changes, &steps, &plan.drift);
    let mut again = Plan {
        mesh: desired.settings.name.clone(),
        base_revision: base.revision,
        complete: plan.only.is_empty() && plan.prune,
        reads,
        changes,
        steps,
        guards,
        summary,
        traffic: Traffic::of(&requests),
        with_consent: None,
        ..plan.clone()
    };
    again.digest = digest::of(&again);
    Ok(Remade { plan: again, desired, requests })
}

fn input<'a>(
    plan: &'a Plan,
    live: &'a Live,
    desired: &'a Mesh,
    settings: &'a Settings,
    unrecorded: bool,
) -> Input<'a> {
    Input {
        target: plan.target.clone(),
        live,
        desired,
        unrecorded,
        owner: plan.owner.as_deref(),
        places: None,
        settings,
        scope: Scope::default(),
        guards: Guards { max_deletes: plan.max_deletes, ..Guards::default() },
        consent: plan.consents.clone(),
        drift: Vec::new(),
    }
}

/// A change as it follows from the revision before and the object after it. Whether a resource is
/// protected from now on is said by the change alone.
fn remade(input: &Input<'_>, desired: &Mesh, change: &Change) -> Change {
    let (live, address) = (input.live, &change.address);
    let before = live.revision.and_then(|_| object(&live.mesh, address));
    let after = object(desired, address);
    let action = match (&before, &after) {
        (None, _) => Action::Create,
        (_, None) => Action::Delete,
        (Some(before), Some(after)) if before == after => Action::Mark,
        (Some(_), Some(_)) => Action::Update,
    };
    let entry = live.entries.get(address);
    let (owner, protected) = marks::remade(input, change, action);
    let mut edits = match (&before, &after) {
        (Some(before), Some(after)) => edit::edits(before, after),
        _ => Vec::new(),
    };
    if let (Some(entry), Action::Update | Action::Mark) = (entry, action) {
        edits.extend(marks::edits(entry, owner.as_deref(), protected));
    }
    for (edit, said) in edits.iter_mut().zip(&change.edits) {
        edit.origin.clone_from(&said.origin);
    }
    Change {
        owner,
        protected,
        origin: change.origin.clone(),
        edits,
        ..Change::new(
            address,
            action,
            before.as_ref().map(Object::new),
            after.as_ref().map(Object::new),
        )
    }
}

/// The first part in which a plan is not what comes of its changes.
fn difference(plan: &Plan, again: &Plan) -> Option<&'static str> {
    let ascend = plan.changes.windows(2).all(|pair| pair[0].address < pair[1].address);
    let does = plan.changes.iter().all(|change| change.before.is_some() || change.after.is_some());
    let parts = [
        ("the changes", ascend && does && plan.changes == again.changes),
        ("the mesh", plan.mesh == again.mesh),
        ("the base revision", plan.base_revision == again.base_revision),
        ("the scope", plan.complete == again.complete && in_scope(plan)),
        ("what was read", plan.reads == again.reads),
        ("the steps", plan.steps == again.steps),
        ("the guards", plan.guards == again.guards),
        ("the summary", plan.summary == again.summary),
        ("the traffic", plan.traffic == again.traffic),
        // It has only what differs above, or what was never true of a plan.
        ("the digest", plan.digest == again.digest),
    ];
    parts.into_iter().find(|(_, same)| !same).map(|(part, _)| part)
}

/// Whether a plan that was narrowed keeps to what it was narrowed to.
fn in_scope(plan: &Plan) -> bool {
    let wanted: BTreeSet<Address> = plan.only.union(&plan.pulled_in).cloned().collect();
    let first = |change: &Change| plan.base_revision.is_none() && change.address == Address::Mesh;
    let kept = |change: &Change| super::merge::is_wanted(&wanted, &change.address);
    match plan.only.is_empty() {
        true => plan.pulled_in.is_empty(),
        false => plan.changes.iter().all(|change| first(change) || kept(change)),
    }
}
