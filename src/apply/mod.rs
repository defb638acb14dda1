//! Carrying a plan out: commit, then step after step, each proven before the next.
//!
//! ```text
//!  lock ── finish what was interrupted ── is the plan still true? ── commit
//!    ┌──────────────────────────────────────────────────────────────────┘
//!    └─> put a step into force ── every proxy has it? ──> … ──> the rollout has ended
//!                                     │ refused
//!                                     └─> the model before, as a new revision
//! ```
//!
//! The plan decides what is done; nothing is decided here but when to go on, and when to turn back.

mod admins;
mod event;
mod expected;
mod gate;
mod rollout;
mod stop;
mod stuck;
mod switch;
mod way_back;
mod witness;

pub use admins::Admins;
pub use event::{Event, ProxyState, Rejection, Suspect};
pub use expected::Expected;
pub use stop::{Signal, Stop};
pub use switch::{Missing, Why, can_tell, cannot_serve, is_held};
pub use witness::{Answer, Answers, Asking, Standing, Wanted, Witness};

use crate::compile::proxies;
use crate::envoy::{ProxyId, Settings};
use crate::live::{self, Commit, Rollout, State, Write};
use crate::model::{Address, Mesh};
use crate::plan::{
    Plan, Share, Step, Wave, apply_changes, choose, entries_after, in_waves, steps, steps_of,
};
use crate::revision::{self, Canary, Live, MANIFEST_FORMAT, Manifest, Meta, ObjectId, split};
use rollout::Roll;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// What to do when a proxy refuses a step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnRefusal {
    /// Bring the model before back, as a new revision.
    #[default]
    Rollback,
    /// Stay at the step.
    Halt,
    /// Go on with the other proxies.
    Continue,
}

/// How an apply goes about it.
#[derive(Clone, Debug)]
pub struct Options {
    /// How long a step may take to arrive; `None` asks no proxy.
    pub wait: Option<Duration>,
    /// How long a step is given where nothing can prove that it arrived.
    pub settle: Duration,
    /// How long long streams to what goes away are given before the last step takes it away.
    pub drain: Duration,
    /// What to do when a proxy refuses a step.
    pub on_refusal: OnRefusal,
    /// How many proxies have each step before the others; `None`: all have it at once.
    pub canary: Option<Share>,
    /// How long these are watched before the others follow.
    pub canary_wait: Duration,
    /// All this in the words of who asks, remembered with the rollout.
    pub carry: serde_json::Value,
    /// How many Envoys must be seen to have the result.
    pub expect: Option<u32>,
    /// The routes that may switch to nodes that cannot serve (MC0908).
    pub accept: BTreeSet<Address>,
    /// Who can tell what proxies have.
    pub witness: Arc<dyn Witness>,
    /// When it is, in RFC 3339, for the record.
    pub at: String,
    /// Who applies, for the record.
    pub by: String,
}

/// How an apply ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// There was nothing to do.
    Nothing,
    /// Every step is in force, and no proxy that could be asked lacks it.
    Done,
    /// The revision is committed, but a proxy did not take a step in time; the rollout waits.
    Late,
    /// A proxy refused a step; the rollout is halted, or went on without the proxy.
    Refused,
    /// A proxy refused a step; the model of this revision was brought back.
    RolledBack {
        /// The revision whose content is in force again.
        to: u64,
    },
    /// Fewer proxies have the result than must.
    TooFew,
    /// The revision is committed, but a node that would gain requests cannot serve; the rollout waits
    /// before the switch.
    Missing,
    /// The revision is committed, but a step could not be written; the rollout waits.
    Broken(String),
    /// Stopped at a safe point.
    Stopped(Signal),
}

/// What an apply did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The newest revision.
    pub revision: Option<u64>,
    /// How it ended.
    pub end: End,
    /// The steps that were brought into force.
    pub steps: usize,
    /// The proxies that were seen to have the result.
    pub proven: BTreeSet<ProxyId>,
    /// How many Envoys these are: a proxy may have several.
    pub envoys: usize,
    /// The proxies that could be asked and do not run.
    pub gone: BTreeSet<ProxyId>,
    /// The proxies that run and lack something, with what they lack.
    pub late: BTreeMap<ProxyId, Vec<String>>,
    /// What was refused.
    pub rejections: Vec<Rejection>,
    /// The targets that stopped the rollout before a switch.
    #[serde(default)]
    pub missing: Vec<Missing>,
    /// The nodes that gained requests although nothing could tell whether they can serve.
    #[serde(default)]
    pub unverified: BTreeSet<ProxyId>,
    /// All proxies of the mesh.
    pub proxies: usize,
}

impl End {
    /// How that ended what was taken back, when the way back ended so.
    fn of_way_back(self, to: u64) -> Self {
        match self {
            Self::Broken(_) | Self::Stopped(_) => self,
            _ => Self::RolledBack { to },
        }
    }
}

impl Options {
    /// The same for a way back: what is refused on it stops nothing.
    fn undeterred(&self) -> Self {
        Self { on_refusal: OnRefusal::Continue, ..self.clone() }
    }
}

impl Outcome {
    fn new(revision: Option<u64>, end: End, mesh: &Mesh) -> Self {
        Self {
            revision,
            end,
            steps: 0,
            proven: BTreeSet::new(),
            envoys: 0,
            gone: BTreeSet::new(),
            late: BTreeMap::new(),
            rejections: Vec::new(),
            missing: Vec::new(),
            unverified: BTreeSet::new(),
            proxies: proxies(mesh).len(),
        }
    }
}

/// Why an apply did not begin; nothing was changed.
#[derive(Debug)]
pub enum Error {
    /// The target failed.
    Live(live::Error),
    /// What the plan read has changed.
    Stale {
        /// The revision that the plan was made against.
        base: Option<u64>,
        /// The newest revision.
        found: Option<u64>,
        /// What changed of that which the plan read.
        changed: Vec<Address>,
    },
    /// The changes of the plan do not fit the live state.
    Unfit(revision::Error),
    /// There is nothing to go back to, or nothing to go on with.
    NoRollout,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Live(error) => error.fmt(f),
            Self::Stale { base, found, changed } => {
                let number =
                    |r: &Option<u64>| r.map_or_else(|| "none".to_owned(), |r| r.to_string());
                let names: Vec<String> = changed.iter().map(ToString::to_string).collect();
                write!(
                    f,
                    "the plan no longer matches: revision {} -> {}",
                    number(base),
                    number(found)
                )?;
                match names.is_empty() {
                    true => Ok(()),
                    false => write!(f, "; of what it read, this changed: {}", names.join(", ")),
                }
            }
            Self::Unfit(_) => f.write_str("the plan does not fit the live state"),
            Self::NoRollout => f.write_str("no rollout is unfinished"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Live(error) => error.source(),
            Self::Unfit(error) => Some(error),
            Self::Stale { .. } | Self::NoRollout => None,
        }
    }
}

impl From<live::Error> for Error {
    fn from(error: live::Error) -> Self {
        Self::Live(error)
    }
}

/// What is applied with: the target, and how its proxies are configured.
pub struct Site<'a> {
    /// The target, locked.
    pub target: &'a mut dyn Write,
    /// How its proxies are configured.
    pub settings: &'a Settings,
    /// How to go about it.
    pub options: &'a Options,
    /// Asked at every safe point.
    pub stop: &'a Stop,
    /// Told what happens.
    pub tell: &'a mut dyn FnMut(Event),
}

impl Site<'_> {
    /// The same, gone about in another way.
    fn with<'b>(&'b mut self, options: &'b Options) -> Site<'b> {
        Site {
            target: &mut *self.target,
            settings: self.settings,
            options,
            stop: self.stop,
            tell: &mut *self.tell,
        }
    }
}

/// Carries out a plan whose guards let it pass. A rollout that is under way is finished first. Of one
/// that has stopped before a switch, a plan that leads to the same goes on with it, and any other
/// takes back what it added.
pub async fn apply(plan: &Plan, site: &mut Site<'_>) -> Result<Outcome, Error> {
    let mut state = site.target.state()?;
    let live = site.target.base(&state, plan.base_revision)?;
    fresh(plan, &live)?;
    let desired = apply_changes(&live, &plan.changes).map_err(Error::Unfit)?;
    let entries = entries_after(&live, &plan.changes);
    if state.rollout.as_ref().is_some_and(|rollout| rollout.halted.is_none()) {
        let newest = entries == state.live.entries;
        let first = state.is_under_way() || state.before_switch().is_none();
        // Where something else comes next, a step that proxies do not take is not waited for: it is
        // taken back.
        if newest || first && !stuck::is_stuck(&state, site).await? {
            let mut options = site.options.clone();
            options.accept.extend(plan.consents.accept_missing.iter().cloned());
            let outcome = finish(&state, &mut site.with(&options)).await?;
            // Nor is what stopped before a switch or is late, and who is too few now may be enough
            // then.
            let goes_on = matches!(outcome.end, End::Done | End::Missing | End::Late | End::TooFew);
            if !goes_on || newest {
                return Ok(outcome);
            }
        }
    } else if plan.is_empty() && live.revision == state.live.revision {
        return Ok(Outcome::new(state.live.revision, End::Nothing, &state.live.mesh));
    }
    state = site.target.state()?;
    if let Some(outcome) = way_back::unroll(site, &state).await? {
        return Ok(outcome);
    }
    state = site.target.state()?;
    let base = site.target.in_force(&state)?;
    let affected = if state.live.revision == plan.base_revision && state.rollout.is_none() {
        plan.proxies().into_iter().cloned().collect()
    } else {
        all(&[&base.mesh, &desired])
    };
    let planned = steps(&base.mesh, &desired, site.settings, &affected);
    let canary = match site.options.canary {
        Some(share) => {
            let first = choose(&planned, share, &asked(&planned, site.options).await);
            let wait = site.options.canary_wait.as_millis();
            Some(Canary { first, wait_ms: u64::try_from(wait).unwrap_or(u64::MAX) })
        }
        None => None,
    };
    let planned = in_waves(planned, canary.as_ref());
    let no_canary = canary.is_some() && planned.iter().all(|step| step.wave != Wave::Canary);
    let words = planned.iter().map(Step::word).collect();
    let carry = site.options.carry.clone();
    let accepted = site.options.accept.union(&plan.consents.accept_missing).cloned().collect();
    let rollout = Rollout {
        canary,
        accepted,
        carry,
        ..Rollout::new(plan.digest.clone(), base.revision, words)
    };
    // Where the record was moved away and the files were not, the number of the step in force must
    // not come again: a step of that number would pass for the one that is there.
    let last = state.live.revision.or(state.in_force.map(|step| step.revision));
    let number = last.unwrap_or(0) + 1;
    let commit = Commit {
        manifest: Manifest {
            format: MANIFEST_FORMAT,
            mesh: desired.settings.name.clone(),
            revision: number,
            parent: state.live.revision,
            plan: plan.digest.clone(),
            entries,
            meta: meta(site.options, plan.counts()),
        },
        objects: objects(&desired),
        rollout: (!planned.is_empty()).then(|| rollout.clone()),
    };
    if let Some(signal) = site.stop.signal() {
        return Ok(Outcome::new(state.live.revision, End::Stopped(signal), &state.live.mesh));
    }
    site.target.commit(&commit)?;
    (site.tell)(Event::Commit { revision: number, plan: plan.digest.clone() });
    let mut roll = Roll::new(site, number, &base.mesh, &desired, planned, rollout);
    roll.gates_switches = true;
    if no_canary {
        (roll.site.tell)(Event::NoCanary {});
    }
    roll.run(0).await;
    Ok(roll.end(Some(&base)).await)
}

/// Goes on with a rollout that has not ended.
pub async fn resume(site: &mut Site<'_>) -> Result<Outcome, Error> {
    let state = site.target.state()?;
    let Some(rollout) = &state.rollout else { return Err(Error::NoRollout) };
    let mut outcome = finish(&state, site).await?;
    if let Some(back) = &rollout.back {
        outcome.end = outcome.end.of_way_back(back.to);
    }
    Ok(outcome)
}

/// Writes the files of every proxy again, as a step of its own: what was changed by hand, or
/// compiles differently now, is as the live model says.
pub async fn rewrite(site: &mut Site<'_>) -> Result<Outcome, Error> {
    let mut state = site.target.state()?;
    let mut finished = 0;
    if state.rollout.is_some() {
        let outcome = finish(&state, site).await?;
        if outcome.end != End::Done {
            return Ok(outcome);
        }
        finished = outcome.steps;
        state = site.target.state()?;
    }
    let Some(revision) = state.live.revision else {
        return Ok(Outcome::new(None, End::Nothing, &state.live.mesh));
    };
    let rollout = Rollout::new("", Some(revision), vec!["rewrite".to_owned()]);
    let mesh = &state.live.mesh;
    let mut roll = Roll::new(site, revision, mesh, mesh, Vec::new(), rollout);
    roll.after(state.in_force);
    roll.rewrite().await;
    let mut outcome = roll.end(None).await;
    outcome.steps += finished;
    Ok(outcome)
}

/// How the newest revision stands at the proxies, without a change.
pub async fn standing(site: &mut Site<'_>) -> Result<Outcome, Error> {
    let state = site.target.state()?;
    let Some(revision) = state.live.revision else {
        return Ok(Outcome::new(None, End::Nothing, &state.live.mesh));
    };
    let rollout = Rollout::new("", Some(revision), Vec::new());
    let mesh = &state.live.mesh;
    Ok(Roll::new(site, revision, mesh, mesh, Vec::new(), rollout).end(None).await)
}

async fn finish(state: &State, site: &mut Site<'_>) -> Result<Outcome, Error> {
    let (Some(rollout), Some(revision)) = (state.rollout.clone(), state.live.revision) else {
        return Err(Error::NoRollout);
    };
    let before = site.target.at_or_none(rollout.from)?;
    let done = state.steps_in_force();
    (site.tell)(Event::Resume { revision, plan: rollout.plan.clone(), done });
    let planned = steps_of(&rollout, &before.mesh, &state.live.mesh, site.settings);
    let words: Vec<String> = planned.iter().map(Step::word).collect();
    let same = words == rollout.steps;
    let mut rollout = Rollout { halted: None, stopped: None, ..rollout };
    rollout.accepted.extend(site.options.accept.iter().cloned());
    if !same {
        rollout.replace(done, words);
        site.target.progress(Some(&rollout))?;
    }
    // Who refuses something on a way back stops nothing.
    let back = rollout.back.is_some();
    let options = if back { site.options.undeterred() } else { site.options.clone() };
    let mut site = site.with(&options);
    let (to, refused) = (&state.live.mesh, &before.mesh);
    let from = if rollout.undoes().is_some() { to } else { &before.mesh };
    let mut roll = Roll::new(&mut site, revision, from, to, planned, rollout);
    roll.beside(refused);
    // A way back leads to what served before: nothing holds it up.
    roll.gates_switches = !back;
    if same {
        roll.run(done).await;
    } else {
        // Another meshctl or other settings began it; from its beginning every step is safe.
        roll.after(state.in_force);
        roll.run(0).await;
    }
    Ok(roll.end((!back).then_some(&before)).await)
}

/// Which proxies of these steps can be asked, and whether they run.
async fn asked(steps: &[Step], options: &Options) -> BTreeMap<ProxyId, bool> {
    let all: BTreeSet<&ProxyId> = steps.iter().flat_map(|step| step.after.keys()).collect();
    let known: BTreeMap<ProxyId, Wanted> = all
        .into_iter()
        .filter(|proxy| options.witness.knows(proxy))
        .map(|proxy| (proxy.clone(), Wanted::InForce))
        .collect();
    let mut asked: BTreeMap<ProxyId, bool> =
        known.keys().map(|proxy| (proxy.clone(), false)).collect();
    for (proxy, answer) in options.witness.now(known).await {
        asked.insert(proxy, answer != Answer::Gone);
    }
    asked
}

/// Whether what the plan read is still so.
fn fresh(plan: &Plan, live: &Live) -> Result<(), Error> {
    let changed: Vec<Address> = plan.stale(live).into_iter().map(|item| item.address).collect();
    // Numbers alone prove nothing: a record that was moved away begins again at 1.
    if changed.is_empty() && plan.base_revision.is_some() == live.revision.is_some() {
        return Ok(());
    }
    Err(Error::Stale { base: plan.base_revision, found: live.revision, changed })
}

fn all(meshes: &[&Mesh]) -> BTreeSet<ProxyId> {
    meshes.iter().flat_map(|mesh| proxies(mesh)).collect()
}

fn objects(mesh: &Mesh) -> BTreeMap<ObjectId, serde_json::Value> {
    split(mesh).into_values().map(|value| (ObjectId::of(&value), value)).collect()
}

fn meta(options: &Options, summary: String) -> Meta {
    Meta { at: options.at.clone(), by: options.by.clone(), summary }
}
