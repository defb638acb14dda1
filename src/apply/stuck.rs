//! Whether the step in force is stuck: proxies that run do not take it.

use super::gate;
use super::rollout::given;
use super::{Error, Event, Site};
use crate::live::State;
use crate::plan::{Step, steps_of};
use crate::revision::StepId;
use std::collections::BTreeSet;
use std::time::Duration;

/// How long proxies may take to acknowledge a step that somebody else has put into force.
const MOMENT: Duration = Duration::from_secs(2);

/// Whether proxies run that have not acknowledged the step in force of a rollout in time. Where no proxy
/// is to be asked, or the record does not say what the step is, the answer is no.
pub(super) async fn is_stuck(state: &State, site: &mut Site<'_>) -> Result<bool, Error> {
    let done = state.steps_in_force();
    let (Some(rollout), Some(revision)) = (&state.rollout, state.live.revision) else {
        return Ok(false);
    };
    let Some(wait) = site.options.wait.filter(|_| done > rollout.arrived) else { return Ok(false) };
    let before = site.target.at_or_none(rollout.from)?;
    let planned = steps_of(rollout, &before.mesh, &state.live.mesh, site.settings);
    let words: Vec<String> = planned.iter().map(Step::word).collect();
    let step = planned.get(done - 1).filter(|_| words == rollout.steps);
    let Some(step) = step else { return Ok(false) };
    let witness = &site.options.witness;
    let mut asked = given(&step.after);
    asked.retain(|proxy, _| witness.knows(proxy));
    let asking = witness.before(BTreeSet::new()).await;
    let id = StepId { revision, number: done };
    let mut ignored = |_: Event| {};
    let passed = gate::wait(&*asking, id, asked, wait.min(MOMENT), site.stop, &mut ignored).await;
    Ok(!passed.late.is_empty())
}
