//! Taking a refused revision back: the model before it, as a new revision; or, where it was only
//! halted and something else comes next, its steps.

use super::rollout::Roll;
use super::{End, Error, Event, Outcome, Site, meta, objects};
use crate::live::{Commit, Rollout, State};
use crate::plan::{Step, StepKind, Wave, steps_of, undo};
use crate::revision::{ADD_BACK, Back, Live, MANIFEST_FORMAT, Manifest, way_back_from};
use std::collections::BTreeSet;

/// Brings back what `before` was, after `outcome` of the revision `refused`. `ahead` are the
/// proxies, by their names, whose traffic has switched before that of the others.
pub(super) async fn take_back(
    site: &mut Site<'_>,
    mut outcome: Outcome,
    before: &Live,
    to: u64,
    refused: u64,
    ahead: BTreeSet<String>,
) -> Outcome {
    match back(site, before, to, refused, ahead).await {
        Ok(back) => {
            outcome.revision = back.revision;
            outcome.steps += back.steps;
            outcome.proven = back.proven;
            outcome.envoys = back.envoys;
            outcome.gone = back.gone;
            outcome.late = back.late;
            outcome.end = back.end.of_way_back(to);
        }
        Err(error) => {
            let mut words = error.to_string();
            if let Some(source) = std::error::Error::source(&error) {
                words = format!("{words}: {source}");
            }
            outcome.end = End::Broken(words);
        }
    }
    outcome
}

async fn back(
    site: &mut Site<'_>,
    before: &Live,
    to: u64,
    refused: u64,
    ahead: BTreeSet<String>,
) -> Result<Outcome, Error> {
    let state = site.target.state()?;
    let base = site.target.in_force(&state)?;
    let number = refused + 1;
    let plan = way_back_from(refused);
    let mut rollout = Rollout::new(plan.clone(), Some(refused), Vec::new());
    rollout.carry = site.options.carry.clone();
    // Where routes did not switch everywhere, those of the mesh before are in force.
    let ahead = (base.revision == before.revision).then_some(ahead);
    rollout.back = Some(Back { to, ahead });
    let refused_mesh = &state.live.mesh;
    let planned = steps_of(&rollout, refused_mesh, &before.mesh, site.settings);
    rollout.steps = planned.iter().map(Step::word).collect();
    site.target.commit(&Commit {
        manifest: Manifest {
            format: MANIFEST_FORMAT,
            mesh: before.mesh.settings.name.clone(),
            revision: number,
            parent: Some(refused),
            plan,
            entries: before.entries.clone(),
            meta: meta(site.options, format!("back to {to}: {refused} was refused")),
        },
        objects: objects(&before.mesh),
        rollout: (!planned.is_empty()).then(|| rollout.clone()),
    })?;
    let added = state.live.entries.keys().filter(|address| !before.entries.contains_key(*address));
    let removes = added.cloned().collect();
    (site.tell)(Event::Rollback { revision: number, to, removes });
    let options = site.options.undeterred();
    let mut site = site.with(&options);
    let mut roll = Roll::new(&mut site, number, &base.mesh, &before.mesh, planned, rollout);
    roll.beside(refused_mesh);
    roll.run(0).await;
    if roll.outcome.end == End::Done {
        roll.count().await;
    }
    Ok(roll.outcome)
}

/// Gives every proxy what it had before a rollout that was halted, or whose step is stuck, before
/// traffic had switched everywhere. Its revision stays the newest, with none of it in force. Gives how
/// that ended if what comes after it cannot begin.
pub(super) async fn unroll(site: &mut Site<'_>, state: &State) -> Result<Option<Outcome>, Error> {
    let done = state.steps_in_force();
    let (Some(rollout), Some(revision)) = (&state.rollout, state.live.revision) else {
        return Ok(None);
    };
    if done == 0 || rollout.back.is_some() || rollout.has_switched(done) {
        return Ok(None);
    }
    if rollout.from.is_none() && rollout.halted.is_none() {
        // There was nothing before, and nothing to go back to.
        return Ok(None);
    }
    if rollout.steps.len() == done && rollout.steps.last().is_some_and(|step| step == ADD_BACK) {
        // An apply that did not live to commit has given everything back.
        return Ok(None);
    }
    let (before, halted) = (site.target.in_force(state)?, &state.live.mesh);
    let steps = steps_of(rollout, &before.mesh, halted, site.settings);
    // Traffic has not switched everywhere: a switch was for those who go first, or did not arrive.
    let switched = rollout.steps.iter().take(done).any(|step| step.starts_with("switch"));
    // Which proxies have what did not arrive everywhere is not known, so all of them go back.
    let partly = rollout.is_partly_switched(done);
    let ahead: BTreeSet<String> = steps
        .iter()
        .filter(|step| step.kind == StepKind::Switch)
        .filter(|step| partly || switched && step.wave == Wave::Canary)
        .flat_map(|step| step.after.keys().map(ToString::to_string))
        .collect();
    let planned = undo(halted, &before.mesh, site.settings, &ahead);
    // Whatever comes of it, traffic has not switched: that is known before the first step is.
    let mut rollout = rollout.clone();
    rollout.switched_partly(done);
    rollout.replace(done, planned.iter().map(|_| ADD_BACK.to_owned()));
    site.target.progress(Some(&rollout))?;
    let all = planned.len();
    let options = site.options.undeterred();
    let mut site = site.with(&options);
    let mesh = &before.mesh;
    let mut roll = Roll::new(&mut site, revision, mesh, mesh, planned, rollout.clone());
    roll.remembered = Some(rollout);
    roll.beside(halted);
    roll.after(state.in_force);
    roll.run(0).await;
    let outcome = roll.outcome;
    // Who is late before the last step may still lead requests to what that takes away.
    let cut_short = matches!(outcome.end, End::Broken(_) | End::Stopped(_)) || outcome.steps < all;
    Ok(cut_short.then_some(outcome))
}
