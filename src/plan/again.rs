//! A plan made once more from its changes.

use super::merge::apply_changes;
use super::{Plan, cost, digest, steps};
use crate::envoy::Settings;
use crate::revision::{self, Live};

/// Makes the reads and the steps of a plan anew, against the revision that it was made against and
/// as this meshctl compiles. If its digest is the same, what runs is what was reviewed. Fails if
/// the changes do not fit that revision.
pub fn again(plan: &Plan, live: &Live, settings: &Settings) -> Result<Plan, revision::Error> {
    let desired = apply_changes(live, &plan.changes)?;
    let affected = cost::affected(&live.mesh, &desired, &plan.changes);
    let way = steps::Way::new(&live.mesh, &desired, settings);
    let steps = cost::planned(&way, &affected);
    let reads = digest::reads(live, &desired, &plan.changes);
    let mut again = Plan { reads, steps, ..plan.clone() };
    again.digest = digest::of(&again);
    Ok(again)
}
