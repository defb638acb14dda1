//! One rollout: its steps one after the other, and the way back.

use super::gate;
use super::witness::{Answer, Asking, Wanted};
use super::{
    End, Event, OnRefusal, Outcome, ProxyState, Rejection, Site, all, in_force, meta, objects,
};
use crate::compile::{compile, proxies};
use crate::envoy::{ProxyConfig, ProxyId, Settings};
use crate::live::{self, Commit, NewStep, Rollout, StepId};
use crate::model::Mesh;
use crate::plan::{Step, StepKind, steps};
use crate::revision::{Live, MANIFEST_FORMAT, Manifest};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A rollout under way.
pub(super) struct Roll<'a, 'b> {
    site: &'a mut Site<'b>,
    revision: u64,
    from: &'a Mesh,
    to: &'a Mesh,
    steps: Vec<Step>,
    rollout: Rollout,
    /// Added to the numbers of steps, so that no number is used twice in a revision.
    offset: usize,
    /// What each proxy that was given something must have by now.
    given: BTreeMap<ProxyId, Arc<ProxyConfig>>,
    outcome: Outcome,
}

type Configs = BTreeMap<ProxyId, Option<Arc<ProxyConfig>>>;
type Given = BTreeMap<ProxyId, Arc<ProxyConfig>>;

/// What those proxies get that stay.
fn given(configs: &Configs) -> Given {
    let staying = configs.iter().filter_map(|(proxy, config)| Some((proxy, config.as_ref()?)));
    staying.map(|(proxy, config)| (proxy.clone(), Arc::clone(config))).collect()
}

impl<'a, 'b> Roll<'a, 'b> {
    pub(super) fn new(
        site: &'a mut Site<'b>,
        revision: u64,
        from: &'a Mesh,
        to: &'a Mesh,
        steps: Vec<Step>,
        rollout: Rollout,
    ) -> Self {
        let outcome = Outcome::new(Some(revision), End::Done, to);
        let given = BTreeMap::new();
        Self { site, revision, from, to, steps, rollout, offset: 0, given, outcome }
    }

    /// Numbers the steps after those that are in force.
    pub(super) fn after(&mut self, in_force: Option<StepId>) {
        if let Some(step) = in_force
            && step.revision == self.revision
        {
            self.offset = step.number;
        }
    }

    /// Carries out the steps from the one with this index on.
    pub(super) async fn run(&mut self, done: usize) {
        let steps = std::mem::take(&mut self.steps);
        let of = self.offset + steps.len();
        let mut present = self.present();
        if done > self.rollout.arrived {
            // The step in force was put there by a run that did not live to see it arrive.
            if let Some(step) = steps.get(done - 1) {
                let asking = self.site.options.witness.before(BTreeSet::new()).await;
                let id = StepId { revision: self.revision, number: self.offset + done };
                if !self.gate(id, &step.before, &step.after, &*asking).await {
                    return;
                }
            }
        }
        for (at, step) in steps.iter().enumerate() {
            for (proxy, config) in &step.after {
                match config {
                    Some(_) => present.insert(proxy.clone()),
                    None => present.remove(proxy),
                };
            }
            if at < done {
                continue;
            }
            if self.stopped() {
                return;
            }
            let changed = given(&step.after);
            let number = self.offset + at + 1;
            let kind = step.kind.as_str();
            if !self.step(number, of, kind, &present, changed, &step.before, &step.after).await {
                return;
            }
        }
        self.finished();
    }

    /// Writes the files of every proxy anew.
    pub(super) async fn rewrite(&mut self) {
        let present: BTreeSet<ProxyId> = proxies(self.to).into_iter().collect();
        let after: Configs = present
            .iter()
            .map(|proxy| {
                let config = compile(self.to, self.site.settings, proxy);
                (proxy.clone(), Some(Arc::new(config)))
            })
            .collect();
        let changed = given(&after);
        let number = self.offset + 1;
        if self.step(number, number, "rewrite", &present, changed, &BTreeMap::new(), &after).await {
            self.finished();
        }
    }

    /// The proxies that have files before the first step.
    fn present(&self) -> BTreeSet<ProxyId> {
        proxies(self.from).into_iter().collect()
    }

    fn stopped(&mut self) -> bool {
        if let Some(signal) = self.site.stop.signal() {
            self.outcome.end = End::Stopped(signal);
            return true;
        }
        false
    }

    fn broken(&mut self, error: &live::Error) {
        let mut words = error.to_string();
        if let Some(source) = std::error::Error::source(error) {
            words = format!("{words}: {source}");
        }
        self.outcome.end = End::Broken(words);
    }

    fn finished(&mut self) {
        if let Err(error) = self.site.target.progress(None) {
            self.broken(&error);
        }
    }

    /// Brings one step into force and waits for it. Says whether to go on.
    #[expect(clippy::too_many_arguments, reason = "they are the parts of one step")]
    async fn step(
        &mut self,
        number: usize,
        of: usize,
        kind: &str,
        present: &BTreeSet<ProxyId>,
        mut changed: Given,
        before: &Configs,
        after: &Configs,
    ) -> bool {
        let reached = after.len();
        if kind == StepKind::Remove.as_str() && !self.drain().await {
            return false;
        }
        let known = match self.site.options.wait {
            Some(_) => self.known(after).into_keys().collect(),
            None => BTreeSet::new(),
        };
        let asking = self.site.options.witness.before(known).await;
        let id = StepId { revision: self.revision, number };
        let put = self
            .mend(present, &mut changed)
            .and_then(|()| self.site.target.put(&NewStep { id, proxies: present, changed }));
        if let Err(error) = put {
            self.broken(&error);
            return false;
        }
        self.outcome.steps += 1;
        let kind = kind.to_owned();
        let revision = self.revision;
        (self.site.tell)(Event::Step { revision, number, of, kind, proxies: reached });
        if !self.gate(id, before, after, &*asking).await {
            return false;
        }
        let proven = self.outcome.proven.iter().filter(|proxy| after.contains_key(*proxy)).count();
        self.rollout.arrived = number - self.offset;
        (self.site.tell)(Event::StepDone { number, proven, proxies: reached });
        if number == of {
            // The end is remembered next.
            return true;
        }
        let rollout = self.rollout.clone();
        if let Err(error) = self.site.target.progress(Some(&rollout)) {
            self.broken(&error);
            return false;
        }
        true
    }

    /// Gives long streams time before what they use goes away. Says whether to go on.
    async fn drain(&mut self) -> bool {
        let time = self.site.options.drain;
        if time.is_zero() {
            return true;
        }
        (self.site.tell)(Event::Drain { time });
        tokio::select! {
            () = tokio::time::sleep(time) => true,
            () = self.site.stop.requested() => !self.stopped(),
        }
    }

    /// Adds the files of proxies that should have kept theirs and have lost them.
    fn mend(&self, present: &BTreeSet<ProxyId>, changed: &mut Given) -> Result<(), live::Error> {
        let there = self.site.target.proxies()?;
        for proxy in present {
            if !changed.contains_key(proxy) && !there.contains(proxy) {
                let config = compile(self.from, self.site.settings, proxy);
                changed.insert(proxy.clone(), Arc::new(config));
            }
        }
        Ok(())
    }

    /// What those of these proxies get that somebody can tell of.
    fn known(&self, of: &Configs) -> Given {
        let mut given = given(of);
        given.retain(|proxy, _| self.site.options.witness.knows(proxy));
        given
    }

    /// Waits for a step. Says whether to go on.
    async fn gate(
        &mut self,
        step: StepId,
        before: &Configs,
        after: &Configs,
        asking: &dyn Asking,
    ) -> bool {
        let known = self.known(after);
        let (wait, settle) = (self.site.options.wait, self.site.options.settle);
        let blind = after.values().flatten().count() - if wait.is_some() { known.len() } else { 0 };
        if let Some(patience) = wait {
            self.given.extend(known.clone());
            let (stop, tell) = (self.site.stop, &mut *self.site.tell);
            let passed = gate::wait(asking, step, known, patience, stop, tell).await;
            let judged = self.judge(&passed, before, after);
            self.outcome.proven.extend(passed.proven);
            self.outcome.gone = passed.gone;
            if passed.stopped {
                self.stopped();
                return false;
            }
            if !judged {
                return false;
            }
        }
        if blind > 0 && !settle.is_zero() {
            (self.site.tell)(Event::Settle { time: settle, proxies: blind });
            tokio::select! {
                () = tokio::time::sleep(settle) => {}
                () = self.site.stop.requested() => {
                    self.stopped();
                    return false;
                }
            }
        }
        true
    }

    /// Looks at what the gate found. Says whether to go on.
    fn judge(&mut self, passed: &gate::Passed, before: &Configs, after: &Configs) -> bool {
        let mut refused: Vec<Rejection> = Vec::new();
        let config = |configs: &Configs, proxy: &ProxyId| configs.get(proxy).cloned().flatten();
        for (proxy, subjects) in &passed.refused {
            let (before, after) = (config(before, proxy), config(after, proxy));
            for (subject, reason) in subjects {
                let (before, after) = (before.as_deref(), after.as_deref());
                refused.push(gate::rejection(proxy, subject, reason.clone(), before, after));
            }
        }
        for rejection in &refused {
            let state = ProxyState::Refused(rejection.clone());
            (self.site.tell)(Event::Proxy { proxy: rejection.proxy.clone(), state });
        }
        let without = passed.refused.keys().chain(passed.late.keys()).chain(&passed.gone);
        for proxy in without {
            self.outcome.proven.remove(proxy);
        }
        let any = !refused.is_empty();
        self.outcome.rejections.extend(refused);
        self.outcome.late = passed.late.clone();
        if any {
            self.outcome.end = End::Refused;
            return self.site.options.on_refusal == OnRefusal::Continue;
        }
        if !passed.late.is_empty() {
            self.outcome.end = End::Late;
            return false;
        }
        true
    }

    /// The end: goes back if it must, and counts who has the result.
    pub(super) async fn end(mut self, before: Option<&Live>) -> Outcome {
        let back =
            self.outcome.end == End::Refused && self.site.options.on_refusal == OnRefusal::Rollback;
        if self.outcome.end == End::Refused && self.site.options.on_refusal != OnRefusal::Continue {
            self.halt();
        }
        if let Some(before) = before
            && let Some(to) = before.revision
            && back
        {
            return self.back(before, to).await;
        }
        if self.outcome.end == End::Done {
            self.count().await;
        }
        self.outcome
    }

    fn halt(&mut self) {
        let names: Vec<String> = self
            .outcome
            .rejections
            .iter()
            .map(|r| format!("{} refused {}", r.proxy, r.kind))
            .collect();
        let rollout = Rollout { halted: Some(names.join(", ")), ..self.rollout.clone() };
        if let Err(error) = self.site.target.progress(Some(&rollout)) {
            self.broken(&error);
        }
    }

    /// Asks every proxy that can be asked whether it has what the files in force say.
    async fn count(&mut self) {
        if self.site.options.wait.is_none() {
            return;
        }
        let witness = &self.site.options.witness;
        let mut wanted = BTreeMap::new();
        for proxy in proxies(self.to).into_iter().filter(|proxy| witness.knows(proxy)) {
            let found = match self.given.remove(&proxy) {
                Some(config) => Some(Wanted::Config(config)),
                None if !witness.reads_files() => Some(Wanted::InForce),
                // What it reads decides, even if that was changed by hand.
                None => self.site.target.files(&proxy).ok().map(Wanted::Files),
            };
            wanted.extend(found.map(|wanted| (proxy, wanted)));
        }
        let answers = witness.now(wanted).await;
        self.outcome.proven.clear();
        self.outcome.gone.clear();
        self.outcome.envoys = 0;
        for (proxy, answer) in answers {
            match answer {
                Answer::Has { envoys } => {
                    self.outcome.envoys += envoys;
                    self.outcome.proven.insert(proxy);
                }
                Answer::Gone => {
                    self.outcome.gone.insert(proxy);
                }
                Answer::Late(lacks) => {
                    self.outcome.late.insert(proxy, lacks);
                }
                Answer::Refused(what) => {
                    let lacks = what.keys().map(gate::words).collect();
                    self.outcome.late.insert(proxy, lacks);
                }
            }
        }
        let enough =
            self.site.options.expect.is_none_or(|expect| {
                u32::try_from(self.outcome.envoys).unwrap_or(u32::MAX) >= expect
            });
        if !enough {
            self.outcome.end = End::TooFew;
        } else if !self.outcome.late.is_empty() {
            self.outcome.end = End::Late;
        }
    }

    /// Brings the model before back, as a new revision.
    async fn back(self, before: &Live, to: u64) -> Outcome {
        let mut outcome = self.outcome.clone();
        let site = self.site;
        let result = back(site, before, to, self.revision).await;
        match result {
            Ok(back) => {
                outcome.revision = back.revision;
                outcome.steps += back.steps;
                outcome.proven = back.proven;
                outcome.envoys = back.envoys;
                outcome.gone = back.gone;
                outcome.late = back.late;
                outcome.end = match back.end {
                    End::Broken(why) => End::Broken(why),
                    End::Stopped(signal) => End::Stopped(signal),
                    _ => End::RolledBack { to },
                };
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
}

async fn back(
    site: &mut Site<'_>,
    before: &Live,
    to: u64,
    refused: u64,
) -> Result<Outcome, super::Error> {
    let state = site.target.state()?;
    let base = in_force(&state, &*site.target)?;
    let affected = all(&[&state.live.mesh, &before.mesh]);
    let planned = if base.revision == before.revision {
        // No route was switched, so one step takes back what was added.
        undo(&state.live.mesh, &before.mesh, site.settings, &affected)
    } else {
        steps(&base.mesh, &before.mesh, site.settings, &affected)
    };
    let number = refused + 1;
    let plan = format!("rollback-of-{refused}");
    let rollout = Rollout {
        plan: plan.clone(),
        from: Some(refused),
        steps: planned.iter().map(|step| step.kind.as_str().to_owned()).collect(),
        arrived: 0,
        halted: None,
    };
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
    (site.tell)(Event::Rollback { revision: number, to });
    let options = super::Options { on_refusal: OnRefusal::Continue, ..site.options.clone() };
    let mut site = Site {
        target: &mut *site.target,
        settings: site.settings,
        options: &options,
        stop: site.stop,
        tell: &mut *site.tell,
    };
    let mut roll = Roll::new(&mut site, number, &base.mesh, &before.mesh, planned, rollout);
    roll.run(0).await;
    if roll.outcome.end == End::Done {
        roll.count().await;
    }
    Ok(roll.outcome)
}

/// One step that gives every proxy what it had.
fn undo(
    live: &Mesh,
    before: &Mesh,
    settings: &Settings,
    affected: &BTreeSet<ProxyId>,
) -> Vec<Step> {
    let had: BTreeSet<ProxyId> = proxies(before).into_iter().collect();
    let has: BTreeSet<ProxyId> = proxies(live).into_iter().collect();
    let mut step = Step { kind: StepKind::Remove, before: Configs::new(), after: Configs::new() };
    for proxy in affected {
        let config = |mesh: &Mesh, there: &BTreeSet<ProxyId>| {
            there.contains(proxy).then(|| Arc::new(compile(mesh, settings, proxy)))
        };
        let (now, then) = (config(live, &has), config(before, &had));
        if now != then {
            step.before.insert(proxy.clone(), now);
            step.after.insert(proxy.clone(), then);
        }
    }
    if step.after.is_empty() { Vec::new() } else { vec![step] }
}
