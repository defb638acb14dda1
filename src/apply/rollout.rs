//! One rollout: its steps one after the other, and the way back.

use super::expected::Expected;
use super::gate;
use super::way_back::take_back;
use super::witness::{Answer, Asking, Wanted};
use super::{End, Event, OnRefusal, Outcome, ProxyState, Rejection, Site};
use crate::compile::{compile, proxies};
use crate::envoy::{ProxyConfig, ProxyId};
use crate::live::{self, NewStep, Rollout, StepId};
use crate::model::Mesh;
use crate::plan::{Step, StepKind, Wave};
use crate::revision::Live;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How often those who went first are looked at while they are watched.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// A rollout under way.
pub(super) struct Roll<'a, 'b> {
    pub(super) site: &'a mut Site<'b>,
    revision: u64,
    pub(super) from: &'a Mesh,
    pub(super) to: &'a Mesh,
    steps: Vec<Step>,
    pub(super) rollout: Rollout,
    /// Added to the numbers of steps, so that no number is used twice in a revision.
    offset: usize,
    /// What each proxy that was given something must have by now.
    given: BTreeMap<ProxyId, Arc<ProxyConfig>>,
    /// What is remembered once every step has arrived; `None`: the rollout has ended.
    pub(super) remembered: Option<Rollout>,
    /// The proxies that have the step after those who have it first.
    others: BTreeSet<ProxyId>,
    /// Proxies beside those of the mesh before that have files.
    more: BTreeSet<ProxyId>,
    /// After a refusal by those who went first: those of them, by their names, whose traffic has
    /// switched before that of the others.
    ahead: Option<BTreeSet<String>>,
    /// Whether nodes that gain requests must be able to serve before a switch.
    pub(super) gates_switches: bool,
    pub(super) outcome: Outcome,
}

/// Where a step is in its rollout.
#[derive(Clone, Copy, Debug)]
struct Place {
    /// Its number among all steps of the revision, from 1.
    number: usize,
    /// Its number for people, from 1.
    shown: usize,
    /// How many there are, for people.
    of: usize,
}

type Configs = BTreeMap<ProxyId, Option<Arc<ProxyConfig>>>;
type Given = BTreeMap<ProxyId, Arc<ProxyConfig>>;

/// What those proxies get that stay.
pub(super) fn given(configs: &Configs) -> Given {
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
        Self {
            site,
            revision,
            from,
            to,
            steps,
            rollout,
            offset: 0,
            given: Given::new(),
            remembered: None,
            others: BTreeSet::new(),
            more: BTreeSet::new(),
            ahead: None,
            gates_switches: false,
            outcome,
        }
    }

    /// Says that what a mesh has is there besides.
    pub(super) fn beside(&mut self, mesh: &Mesh) {
        let there = self.present();
        self.more = proxies(mesh).into_iter().filter(|proxy| !there.contains(proxy)).collect();
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
        let after_it = |at: usize| steps.get(at + 1).into_iter().flat_map(|step| step.after.keys());
        if done > self.rollout.arrived {
            // The step in force was put there by a run that did not live to see it arrive.
            if let Some(step) = steps.get(done - 1) {
                self.others = after_it(done - 1).cloned().collect();
                let asking = self.site.options.witness.before(BTreeSet::new()).await;
                let id = StepId { revision: self.revision, number: self.offset + done };
                let passed = self.gate(id, step.wave, &step.before, &step.after, &*asking).await;
                if !(passed && self.watch(step.wave, &step.before, &step.after).await) {
                    self.blame(step);
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
            if step.kind == StepKind::Switch && !self.may_switch(step).await {
                return;
            }
            let changed = given(&step.after);
            let number = self.offset + at + 1;
            self.others = after_it(at).cloned().collect();
            let (kind, wave) = (step.kind.as_str(), step.wave);
            let (before, after) = (&step.before, &step.after);
            let place = Place { number, shown: number, of };
            if !self.step(place, kind, wave, &present, changed, before, after).await {
                self.blame(step);
                return;
            }
        }
        self.finished();
    }

    /// Remembers who is ahead of the others if the step was refused by those who go first.
    fn blame(&mut self, step: &Step) {
        if self.outcome.end == End::Refused && step.wave == Wave::Canary {
            let switched = step.after.keys().filter(|_| step.kind == StepKind::Switch);
            self.ahead = Some(switched.map(ToString::to_string).collect());
        }
    }

    /// Gives those time who went first, and looks whether they stay. Says whether to go on.
    async fn watch(&mut self, wave: Wave, before: &Configs, after: &Configs) -> bool {
        let wait = self.rollout.canary.as_ref().map_or(0, |canary| canary.wait_ms);
        if wave != Wave::Canary || wait == 0 || self.site.options.wait.is_none() {
            return true;
        }
        let time = Duration::from_millis(wait);
        (self.site.tell)(Event::Watch { time });
        let until = Instant::now() + time;
        let mut proven = self.known(after);
        proven.retain(|proxy, _| self.outcome.proven.contains(proxy));
        loop {
            let left = until.saturating_duration_since(Instant::now());
            tokio::select! {
                () = tokio::time::sleep(left.min(LOOK_EVERY)) => {}
                () = self.site.stop.requested() => return !self.stopped(),
            }
            let wanted = |config: &Arc<ProxyConfig>| Wanted::Config(Arc::clone(config));
            let wanted = proven.iter().map(|(proxy, config)| (proxy.clone(), wanted(config)));
            let answers = self.site.options.witness.now(wanted.collect()).await;
            if !self.judge(&gate::left(answers), wave, before, after) {
                return false;
            }
            if left.is_zero() {
                return true;
            }
        }
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
        // People see one step; its number follows the others of the revision, because each is used once.
        let place = Place { number: self.offset + 1, shown: 1, of: 1 };
        let (nothing, all) = (BTreeMap::new(), Wave::All);
        if self.step(place, "rewrite", all, &present, changed, &nothing, &after).await {
            self.finished();
        }
    }

    /// The proxies that have files before the first step.
    fn present(&self) -> BTreeSet<ProxyId> {
        proxies(self.from).into_iter().chain(self.more.iter().cloned()).collect()
    }

    pub(super) fn stopped(&mut self) -> bool {
        if let Some(signal) = self.site.stop.signal() {
            self.outcome.end = End::Stopped(signal);
            return true;
        }
        false
    }

    pub(super) fn broken(&mut self, error: &live::Error) {
        let mut words = error.to_string();
        if let Some(source) = std::error::Error::source(error) {
            words = format!("{words}: {source}");
        }
        self.outcome.end = End::Broken(words);
    }

    fn finished(&mut self) {
        if let Err(error) = self.site.target.progress(self.remembered.as_ref()) {
            self.broken(&error);
        }
    }

    /// Brings one step into force and waits for it. Says whether to go on.
    #[expect(clippy::too_many_arguments, reason = "they are the parts of one step")]
    async fn step(
        &mut self,
        Place { number, shown, of }: Place,
        kind: &str,
        wave: Wave,
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
        (self.site.tell)(Event::Step { revision, number: shown, of, kind, wave, proxies: reached });
        if !self.gate(id, wave, before, after, &*asking).await
            || !self.watch(wave, before, after).await
        {
            return false;
        }
        let proven = self.outcome.proven.iter().filter(|proxy| after.contains_key(*proxy)).count();
        self.rollout.arrived = number;
        (self.site.tell)(Event::StepDone { number: shown, wave, proven, proxies: reached });
        if shown == of {
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
            let has = changed.contains_key(proxy) || there.contains(proxy);
            if !has && !self.more.contains(proxy) {
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
        wave: Wave,
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
            let mut passed = gate::wait(asking, step, known, patience, stop, tell).await;
            if wave == Wave::Canary && !passed.stopped {
                self.miss(&mut passed).await;
            }
            let judged = self.judge(&passed, wave, before, after);
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

    /// Those who go first were chosen from those who run, if any did. Where they are gone and others
    /// run, nobody can tell how it went with them.
    async fn miss(&self, passed: &mut gate::Passed) {
        if passed.gone.is_empty() {
            return;
        }
        let witness = &self.site.options.witness;
        let others = self.others.iter().filter(|proxy| witness.knows(proxy));
        let others = others.map(|proxy| (proxy.clone(), Wanted::InForce)).collect();
        if witness.now(others).await.values().any(|answer| *answer != Answer::Gone) {
            let why = || vec!["it goes first and does not run, though others do".to_owned()];
            passed.late.extend(passed.gone.iter().map(|proxy| (proxy.clone(), why())));
        }
    }

    /// Looks at what the gate found. Says whether to go on.
    fn judge(
        &mut self,
        passed: &gate::Passed,
        wave: Wave,
        before: &Configs,
        after: &Configs,
    ) -> bool {
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
            // What those refuse who go first is never given to the others.
            return self.site.options.on_refusal == OnRefusal::Continue && wave != Wave::Canary;
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
        let goes_on = self.site.options.on_refusal == OnRefusal::Continue && self.ahead.is_none();
        let halts = self.outcome.end == End::Refused && !goes_on;
        if let Some(before) = before
            && let Some(to) = before.revision
            && back
        {
            let Self { site, revision, outcome, ahead, .. } = self;
            return take_back(site, outcome, before, to, revision, ahead.unwrap_or_default()).await;
        }
        if halts {
            self.halt();
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
    pub(super) async fn count(&mut self) {
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
        // Each Envoy counts alone, also where another one of its proxy is late.
        let standing = witness.standing(wanted).await;
        self.outcome.proven.clear();
        self.outcome.gone.clear();
        self.outcome.envoys = standing.values().map(|standing| standing.acknowledged).sum();
        for (proxy, standing) in standing {
            match standing.answer {
                Answer::Has => {
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
        let expected = self.site.options.expect.map_or(Expected::Running, Expected::Envoys);
        if !expected.is_met(self.outcome.envoys, self.outcome.gone.len()) {
            self.outcome.end = End::TooFew;
        } else if !self.outcome.late.is_empty() {
            self.outcome.end = End::Late;
        }
    }
}
