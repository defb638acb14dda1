//! What operators ask to be done: one attempt a key, carried out by `apply` in a thread of its own.
//!
//! ```text
//!  POST …/applies ── key known? ──yes──> the lines of that attempt
//!        │ no
//!        └─> thread: alone on the mesh ── plan made again, rules ── apply::apply ── audit
//!                                     every event a line; whoever asks gets all of them
//! ```
//!
//! Nobody who follows an attempt can stop it by going away.

use super::audit::{Audit, Entry};
use super::mesh::Mesh;
use super::problem;
use super::rollout::Writer;
use super::verify;
use super::witness::Connected;
use crate::apply::{self, End, Event, OnRefusal, Options, Outcome, Signal, Site, Stop};
use crate::envoy::Settings;
use crate::live::Read as _;
use crate::live::server::wire::{ApplyRequest, Line, OnNack, Problem, SettingsDocument, Work};
use crate::model::MeshName;
use crate::plan::{Consent, Guards, Plan};
use crate::revision::{canonical_json, way_back_from};
use crate::store::{Head, Landed, Store};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

/// One attempt.
pub(super) struct Attempt {
    /// The hash of what was asked: a key names one thing.
    asked: [u8; 32],
    /// The digest of the plan that was asked for.
    plan: Option<String>,
    lines: Mutex<Vec<Line>>,
    /// How many lines there are, and whether there will be more.
    grown: watch::Sender<(usize, bool)>,
}

/// Everything that an attempt works with.
pub(super) struct Bench {
    pub(super) mesh: Arc<Mesh>,
    pub(super) audit: Arc<Audit>,
    pub(super) stop: Stop,
    /// Until when Envoys may come back that were connected before the server was started.
    pub(super) awaited_until: Option<Instant>,
    /// Who asks, as the server knows them.
    pub(super) actor: String,
    /// What the server goes on with by itself, which must have ended first.
    pub(super) own: Option<Arc<Attempt>>,
}

impl Attempt {
    pub(super) fn new(request: &ApplyRequest) -> Self {
        Self {
            asked: asked(request),
            plan: digest(&request.work).map(str::to_owned),
            lines: Mutex::default(),
            grown: watch::Sender::new((0, false)),
        }
    }

    /// Whether a request asks for the same, or to go on with whatever it was.
    pub(super) fn is_of(&self, request: &ApplyRequest) -> bool {
        self.asked == asked(request) || request.work == Work::Resume {}
    }

    /// Refuses to tell of it to whoever expects another plan.
    pub(super) fn expected(&self, request: &ApplyRequest) -> Result<(), Problem> {
        let Some(expect) = &request.expect else { return Ok(()) };
        let found = match &self.plan {
            Some(plan) if crate::plan::digest_matches(expect, plan) == Some(true) => return Ok(()),
            Some(plan) => plan.as_str(),
            // Of the same request its plan is compared as soon as there is one.
            None if self.asked == asked(request) && request.work != Work::Resume {} => {
                return Ok(());
            }
            None => "of no plan that is known",
        };
        let message = "what was asked for under the key is of another plan";
        let mut stale = problem::of("stale", message).hint("apply without --key");
        stale.causes.push(format!("it is {found}, not {expect}"));
        Err(stale)
    }

    /// Whether it has ended without doing anything, so that its key may be asked under again: no
    /// revision came of it, and that is certain.
    pub(super) fn came_to_nothing(&self) -> bool {
        let last = self.lines().last().cloned();
        self.is_done() && matches!(last, Some(Line::Refused(why)) if why.code != "unknown-outcome")
    }

    /// Whether a request goes on with it, which was something else.
    pub(super) fn is_followed_by(&self, request: &ApplyRequest) -> bool {
        request.work == Work::Resume {} && self.asked != asked(request)
    }

    fn lines(&self) -> MutexGuard<'_, Vec<Line>> {
        // Nothing in here panics half-way through a change.
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, line: Line, last: bool) {
        let mut lines = self.lines();
        lines.push(line);
        self.grown.send_replace((lines.len(), last));
    }

    /// Whether it has ended.
    pub(super) fn is_done(&self) -> bool {
        self.grown.borrow().1
    }

    /// Returns when it has ended.
    pub(super) async fn ended(&self) {
        // It lives as long as this borrow of it, so it can be waited for.
        let _ = self.grown.subscribe().wait_for(|(_, done)| *done).await;
    }

    /// The line of this number, from 0, as soon as there is one; `None` after the last, a heartbeat
    /// if there is none for a while.
    pub(super) async fn line(&self, number: usize, beat: Duration) -> Option<Line> {
        let mut grown = self.grown.subscribe();
        let there = grown.wait_for(|(count, done)| *count > number || *done);
        // What is waited for is borrowed, which must have ended before the lines are asked for.
        let told = timeout(beat, there).await.is_ok();
        match told {
            true => self.lines().get(number).cloned(),
            false => Some(Line::Heartbeat {}),
        }
    }
}

fn asked(request: &ApplyRequest) -> [u8; 32] {
    let value = serde_json::to_value(&request.work).expect("invariant: requests are plain data");
    Sha256::digest(canonical_json(&value).as_bytes()).into()
}

/// Starts an attempt in a thread of its own.
pub(super) fn start(bench: Bench, request: ApplyRequest, attempt: Arc<Attempt>) {
    let told = Arc::clone(&attempt);
    let work = move || {
        let last = catch_unwind(AssertUnwindSafe(|| run(&bench, &request, &told)));
        let last = last.unwrap_or_else(|_| {
            Line::Refused(problem::of(
                "unknown-outcome",
                "the server made a mistake; meshctl status shows what became of it",
            ))
        });
        told.tell(last, true);
    };
    if let Err(error) = std::thread::Builder::new().name("apply".to_owned()).spawn(work) {
        let why = problem::of("unavailable", format!("cannot start a thread: {error}"));
        attempt.tell(Line::Refused(why), true);
    }
}

/// Does it, and gives the last line.
fn run(bench: &Bench, request: &ApplyRequest, attempt: &Attempt) -> Line {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            return Line::Refused(problem::of("unavailable", format!("cannot start: {error}")));
        }
    };
    let before = bench.mesh.head().ok().flatten().map(|head| head.revision);
    let mut asked = Planned::of(request);
    let result = runtime.block_on(carry_out(bench, request, attempt, &mut asked));
    let after = bench.mesh.head().ok().flatten().map(|head| head.revision);
    let end = match &result {
        Ok(outcome) => end_word(&outcome.end).to_owned(),
        Err(problem) => format!("refused: {}", problem.code),
    };
    bench.audit.write(&Entry {
        actor: &bench.actor,
        verb: verb(&request.work),
        mesh: Some(bench.mesh.name.as_str()),
        subject: None,
        key: Some(request.key.as_str()).filter(|key| !key.is_empty()),
        plan: asked.digest.as_deref(),
        consents: &asked.consents,
        before,
        after,
        end: &end,
    });
    match result {
        Ok(outcome) => Line::Outcome(
            serde_json::to_value(outcome).expect("invariant: an outcome is plain data"),
        ),
        Err(problem) => Line::Refused(problem),
    }
}

/// What the audit log says of the plan of a request.
struct Planned {
    digest: Option<String>,
    /// The flags that consent to what the guards would refuse.
    consents: Vec<String>,
}

impl Planned {
    /// What is known before the plan was read.
    fn of(request: &ApplyRequest) -> Self {
        let accept_missing = request.carry.accept.clone();
        let consents = match request.work {
            Work::Plan(_) => Vec::new(),
            _ => Consent { accept_missing, ..Consent::default() }.flags(),
        };
        Self { digest: None, consents }
    }

    fn read(&mut self, plan: &Plan) {
        self.digest = Some(plan.digest.clone());
        self.consents = plan.consents.flags();
        if plan.max_deletes > Guards::default().max_deletes {
            self.consents.push(format!("max_deletes = {}", plan.max_deletes));
        }
    }
}

fn verb(work: &Work) -> &'static str {
    match work {
        Work::Plan(_) => "apply",
        Work::Rollback { .. } => "rollback",
        Work::Resume {} => "resume",
        Work::Rewrite {} => "rewrite",
    }
}

fn end_word(end: &End) -> &'static str {
    match end {
        End::Nothing => "nothing",
        End::Done => "done",
        End::Late => "late",
        End::Refused => "nacked",
        End::RolledBack { .. } => "rolled back",
        End::TooFew => "too few",
        End::Missing => "missing",
        End::Broken(_) => "broken",
        End::Stopped(_) => "stopped",
    }
}

async fn carry_out(
    bench: &Bench,
    request: &ApplyRequest,
    attempt: &Attempt,
    asked: &mut Planned,
) -> Result<Outcome, Problem> {
    let mesh = &bench.mesh;
    if let Some(own) = &bench.own {
        own.ended().await;
    }
    let patience = Duration::from_millis(request.carry.lock_ms);
    let alone = timeout(patience, Arc::clone(&mesh.writing).lock_owned());
    let Ok(alone) = alone.await else {
        let message = format!("another apply of the mesh {} is under way", mesh.name);
        return Err(problem::of("busy", message)
            .hint("try again when it has ended, or wait for it: --lock-timeout 60s"));
    };
    let landed = mesh.store.landed(&mesh.name, &request.key).map_err(|e| problem::store(&e))?;
    let head = mesh.head().map_err(|error| problem::live(&error))?;
    let mut known = Mesh::known(head.as_ref());
    known.absorb(request.settings.clone());
    let settings = Mesh::settings(&known);
    // What a key has become already it does not become again: a way back is a commit of its own.
    let key = if landed.is_some() { String::new() } else { request.key.clone() };
    let writer = Writer::new(Arc::clone(mesh), key, known.clone(), alone);
    let mut writer = writer.map_err(|error| problem::live(&error))?;
    let options = options(bench, request);
    let mut tell = |event: Event| {
        let event = serde_json::to_value(event).expect("invariant: events are plain data");
        attempt.tell(Line::Event(event), false);
    };
    let mut site = Site {
        target: &mut writer,
        settings: &settings,
        options: &options,
        stop: &bench.stop,
        tell: &mut tell,
    };
    if let Some(landed) = landed {
        return again(mesh, request, &landed, &mut site).await;
    }
    let result = match &request.work {
        Work::Resume {} => apply::resume(&mut site).await,
        Work::Rewrite {} => apply::rewrite(&mut site).await,
        Work::Plan(_) | Work::Rollback { .. } => {
            let plan = plan(bench, request, &known, &settings, asked)?;
            apply::apply(&plan, &mut site).await
        }
    };
    result.map_err(|error| problem::apply(&error))
}

/// The plan of a request, found to be what this server would make of it.
fn plan(
    bench: &Bench,
    request: &ApplyRequest,
    known: &SettingsDocument,
    settings: &Settings,
    asked: &mut Planned,
) -> Result<Plan, Problem> {
    let plan = match &request.work {
        Work::Plan(document) => verify::plan(&bench.mesh, document, known)?,
        Work::Rollback { to } => {
            verify::rollback(&bench.mesh, *to, settings, request.carry.accept.clone())?
        }
        Work::Resume {} | Work::Rewrite {} => unreachable!("these have no plan"),
    };
    asked.read(&plan);
    if let Some(expect) = &request.expect
        && crate::plan::digest_matches(expect, &plan.digest) != Some(true)
    {
        let message = format!("the plan is {}, not {expect}", plan.digest);
        return Err(problem::of("stale", message).hint("plan again and review the new plan"));
    }
    verify::rules(&bench.mesh, &plan, known)?;
    Ok(plan)
}

/// The digest of the plan that a request brings.
fn digest(work: &Work) -> Option<&str> {
    match work {
        Work::Plan(document) => document.get("digest").and_then(serde_json::Value::as_str),
        Work::Rollback { .. } | Work::Resume {} | Work::Rewrite {} => None,
    }
}

/// Refuses to tell of one plan under a key that has become another one.
pub(super) fn same_plan(
    store: &dyn Store,
    mesh: &MeshName,
    request: &ApplyRequest,
    landed: &Landed,
) -> Result<(), Problem> {
    let objects = |revision| {
        let manifest = store.manifest(mesh, revision).map_err(|error| problem::store(&error))?;
        let entries = manifest.entries.into_iter();
        Ok(entries.map(|(address, entry)| (address, entry.object)).collect::<Vec<_>>())
    };
    let same = match &request.work {
        Work::Plan(_) => digest(&request.work) == Some(&landed.plan),
        Work::Rollback { to } => {
            *to < landed.revision && objects(*to)? == objects(landed.revision)?
        }
        Work::Resume {} => true,
        // It commits nothing, so it is not what the key has become.
        Work::Rewrite {} => false,
    };
    let message = format!("the key has become revision {} by another plan", landed.revision);
    if !same {
        return Err(problem::of("key-used", message).hint("apply without --key"));
    }
    match &request.expect {
        Some(expect) if crate::plan::digest_matches(expect, &landed.plan) != Some(true) => {
            let cause = format!("it was {}, not {expect}", landed.plan);
            let mut stale = problem::of("stale", message).hint("apply without --key");
            stale.causes.push(cause);
            Err(stale)
        }
        _ => Ok(()),
    }
}

/// What was committed under the key already: its rollout goes on, and how it stands is told.
async fn again(
    mesh: &Mesh,
    request: &ApplyRequest,
    landed: &Landed,
    site: &mut Site<'_>,
) -> Result<Outcome, Problem> {
    same_plan(&*mesh.store, &mesh.name, request, landed)?;
    let state = mesh.state().map_err(|error| problem::live(&error))?;
    let history = mesh.history().map_err(|error| problem::live(&error))?;
    let back = way_back_from(landed.revision);
    let back = history.iter().find(|header| header.plan == back).map(|header| header.revision);
    // What came after it is somebody else's: it is not gone on with, and proves nothing of it.
    let last = back.unwrap_or(landed.revision);
    let newest = state.live.revision.unwrap_or(last);
    if newest != last && back.is_none() {
        let message = format!(
            "the key became revision {last}, and {newest} came after it: how {last} ended is no \
             longer known"
        );
        return Err(problem::of("superseded", message)
            .hint("meshctl history says what came after it, meshctl status what is in force"));
    }
    let unfinished = state.rollout.as_ref().is_some_and(|rollout| rollout.halted.is_none());
    if newest == last && unfinished {
        return apply::resume(site).await.map_err(|error| problem::apply(&error));
    }
    let mut outcome = apply::standing(site).await.map_err(|error| problem::apply(&error))?;
    if let Some(back) = back {
        let parent = history.iter().find(|h| h.revision == landed.revision).and_then(|h| h.parent);
        outcome.end = End::RolledBack { to: parent.unwrap_or_default() };
        if newest != back {
            // How the proxies stand is how they stand to what came after it.
            outcome.revision = Some(back);
            outcome.proven.clear();
            outcome.gone.clear();
            outcome.late.clear();
            outcome.envoys = 0;
        }
    } else if state.rollout.is_some() {
        outcome.end = End::Refused;
    }
    Ok(outcome)
}

fn options(bench: &Bench, request: &ApplyRequest) -> Options {
    let carry = &request.carry;
    let by = request.by.chars().filter(|c| !c.is_control()).take(64).collect::<String>();
    Options {
        wait: (carry.wait_ms > 0).then(|| Duration::from_millis(carry.wait_ms)),
        settle: Duration::ZERO,
        drain: Duration::from_millis(carry.drain_ms),
        on_refusal: match carry.on_nack {
            OnNack::Rollback => OnRefusal::Rollback,
            OnNack::Halt => OnRefusal::Halt,
            OnNack::Continue => OnRefusal::Continue,
        },
        canary: carry.canary,
        canary_wait: Duration::from_millis(carry.canary_wait_ms),
        carry: serde_json::to_value(carry).expect("invariant: it is plain data"),
        expect: carry.expect,
        // A plan brings the consent that its digest covers.
        accept: match request.work {
            Work::Plan(_) | Work::Rollback { .. } => BTreeSet::new(),
            Work::Resume {} | Work::Rewrite {} => carry.accept.clone(),
        },
        witness: Arc::new(Connected {
            mesh: Arc::clone(&bench.mesh),
            awaited_until: bench.awaited_until,
        }),
        at: super::now(),
        by: match by.is_empty() {
            true => bench.actor.clone(),
            false => format!("{} ({by})", bench.actor),
        },
    }
}

/// What ends attempts at a safe point when the server is stopped.
pub(super) fn stopping() -> (watch::Sender<Option<Signal>>, Stop) {
    Stop::new()
}

/// The request by which the server goes on with what it finds unfinished, as it was asked for.
pub(super) fn own(head: &Head) -> Option<ApplyRequest> {
    let rollout = head.rollout.as_ref().filter(|rollout| rollout.halted.is_none())?;
    Some(ApplyRequest {
        // Nobody has given it one.
        key: String::new(),
        work: Work::Resume {},
        expect: None,
        settings: SettingsDocument::default(),
        // A rollout of an earlier version does not say how it was asked for.
        carry: serde_json::from_value(rollout.carry.clone()).unwrap_or_default(),
        by: String::new(),
    })
}
