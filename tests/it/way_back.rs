//! Rollouts whose steps are refused, killed anywhere on the way back: who goes on ends where the
//! mesh was before, and gives nobody what was refused.

use crate::directory;
use meshctl::apply::{
    self, Answer, Asking, End, OnRefusal, Options, Outcome, Site, Standing, Stop, Wanted, Witness,
};
use meshctl::compile::{compile, proxies};
use meshctl::envoy::{ProxyConfig, ProxyId, ResourceType, Settings, files};
use meshctl::live::{
    Commit, Directory, Error, Memory, NewStep, ProxyFiles, Read, Rollout, State, StepId, Target,
    Write,
};
use meshctl::model::Mesh;
use meshctl::plan::{self, Consent, Gain, Guards, Input, Scope, Share};
use meshctl::revision::{Header, Live};
use meshctl::span::Files;
use std::collections::{BTreeMap, BTreeSet};
use std::future::ready;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::time::Instant;

const PATIENCE: Duration = Duration::from_secs(30);

type Future<T> = Pin<Box<dyn std::future::Future<Output = T> + Send>>;

/// Proxies that refuse one step, are late with one, and take every other.
#[derive(Clone, Copy, Debug, Default)]
struct Refusing {
    refused: Option<StepId>,
    late: Option<StepId>,
}

impl Witness for Refusing {
    fn knows(&self, _proxy: &ProxyId) -> bool {
        true
    }

    fn reads_files(&self) -> bool {
        false
    }

    fn before(&self, _proxies: BTreeSet<ProxyId>) -> Future<Box<dyn Asking>> {
        Box::pin(ready(Box::new(*self) as Box<dyn Asking>))
    }

    fn standing(&self, proxies: BTreeMap<ProxyId, Wanted>) -> Future<BTreeMap<ProxyId, Standing>> {
        let one = Standing { answer: Answer::Has, running: 1, acknowledged: 1, awaited: false };
        Box::pin(ready(proxies.into_keys().map(|proxy| (proxy, one.clone())).collect()))
    }

    fn instances(&self, _gain: &Gain) -> Option<usize> {
        None
    }
}

impl Asking for Refusing {
    fn ask(
        &self,
        step: StepId,
        _proxy: &ProxyId,
        _config: &Arc<ProxyConfig>,
        _deadline: Instant,
    ) -> Future<Answer> {
        let refused = BTreeMap::from([((ResourceType::Listener, String::new()), None)]);
        Box::pin(ready(match Some(step) {
            step if step == self.refused => Answer::Refused(refused),
            step if step == self.late => Answer::Late(vec!["listeners".to_owned()]),
            _ => Answer::Has,
        }))
    }
}

/// Proxies that acknowledge between the first question about what they have and the second.
#[derive(Debug, Default)]
struct Arriving(AtomicUsize);

impl Witness for Arriving {
    fn knows(&self, _proxy: &ProxyId) -> bool {
        true
    }

    fn reads_files(&self) -> bool {
        false
    }

    fn before(&self, _proxies: BTreeSet<ProxyId>) -> Future<Box<dyn Asking>> {
        Box::pin(ready(Box::new(Refusing::default()) as Box<dyn Asking>))
    }

    fn standing(&self, proxies: BTreeMap<ProxyId, Wanted>) -> Future<BTreeMap<ProxyId, Standing>> {
        let (answer, acknowledged) = match self.0.fetch_add(1, Ordering::Relaxed) {
            0 => (Answer::Late(vec!["listeners".to_owned()]), 0),
            _ => (Answer::Has, 1),
        };
        let one = Standing { answer, running: 1, acknowledged, awaited: false };
        Box::pin(ready(proxies.into_keys().map(|proxy| (proxy, one.clone())).collect()))
    }

    fn instances(&self, _gain: &Gain) -> Option<usize> {
        None
    }
}

#[test]
fn what_an_apply_counts_and_what_it_names_is_one_answer() {
    let target = Memory::default();
    let witness = Arc::new(Arriving::default());
    let options = Options { witness, expect: Some(1), ..options(None, None) };
    let writer = &mut *target.lock(PATIENCE).unwrap();
    let outcome = run(writer, &options, Some(&read(&mesh()))).unwrap();
    assert_eq!((outcome.end, outcome.envoys), (End::TooFew, 0));
    assert_eq!((outcome.proven.len(), outcome.late.len()), (0, outcome.proxies));
}

/// A writer that dies after so many writes, and tells what it gave to whom.
struct Mortal {
    writer: Box<dyn Write>,
    /// How many writes it has left.
    left: usize,
    /// Whether its writes count before the way back is committed.
    always: bool,
    back: Option<Rollout>,
    given: Vec<(StepId, BTreeMap<ProxyId, Arc<ProxyConfig>>)>,
}

impl Mortal {
    fn write(&mut self) -> Result<(), Error> {
        if self.back.is_none() && !self.always {
            return Ok(());
        }
        let dead = || Error::Damaged { path: PathBuf::new(), why: "it was killed".to_owned() };
        self.left = self.left.checked_sub(1).ok_or_else(dead)?;
        Ok(())
    }
}

impl Read for Mortal {
    fn place(&self) -> String {
        self.writer.place()
    }

    fn state(&self) -> Result<State, Error> {
        self.writer.state()
    }

    fn at(&self, revision: u64) -> Result<Live, Error> {
        self.writer.at(revision)
    }

    fn history(&self) -> Result<Vec<Header>, Error> {
        self.writer.history()
    }

    fn proxies(&self) -> Result<BTreeSet<ProxyId>, Error> {
        self.writer.proxies()
    }

    fn files(&self, proxy: &ProxyId) -> Result<ProxyFiles, Error> {
        self.writer.files(proxy)
    }
}

impl Write for Mortal {
    fn commit(&mut self, commit: &Commit) -> Result<(), Error> {
        self.write()?;
        self.writer.commit(commit)?;
        self.back = commit.rollout.clone().filter(|rollout| rollout.back.is_some());
        Ok(())
    }

    fn put(&mut self, step: &NewStep<'_>) -> Result<(), Error> {
        self.write()?;
        self.given.push((step.id, step.changed.clone()));
        self.writer.put(step)
    }

    fn progress(&mut self, rollout: Option<&Rollout>) -> Result<(), Error> {
        self.write()?;
        self.writer.progress(rollout)
    }
}

fn read(text: &str) -> Mesh {
    let mut all = Files::default();
    let id = all.add("m.toml", text);
    meshctl::schema::read_mesh(&meshctl::schema::parse(id, text).0).mesh
}

fn settings() -> Settings {
    Settings::path("/target")
}

fn options(refused: Option<StepId>, canary: Option<Share>) -> Options {
    Options {
        wait: Some(PATIENCE),
        settle: Duration::ZERO,
        drain: Duration::ZERO,
        on_refusal: OnRefusal::Rollback,
        canary,
        canary_wait: Duration::ZERO,
        carry: serde_json::Value::Null,
        expect: None,
        accept: BTreeSet::new(),
        witness: Arc::new(Refusing { refused, late: None }),
        at: "2026-01-01T00:00:00Z".to_owned(),
        by: "test".to_owned(),
    }
}

fn run(
    target: &mut dyn Write,
    options: &Options,
    desired: Option<&Mesh>,
) -> Result<Outcome, apply::Error> {
    let (state, settings) = (target.state().unwrap(), settings());
    let (_, stop) = Stop::new();
    let mut tell = |_| {};
    let mut site = Site { target, settings: &settings, options, stop: &stop, tell: &mut tell };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let Some(desired) = desired else { return runtime.block_on(apply::resume(&mut site)) };
    let live = site.target.base(&state, None).unwrap();
    let input = Input {
        target: plan::Target { name: "t".into(), kind: "directory".into(), id: "t".into() },
        live: &live,
        unrecorded: state.is_unrecorded(),
        desired,
        owner: None,
        places: None,
        settings: &settings,
        scope: Scope::default(),
        guards: Guards::default(),
        consent: Consent::default(),
        drift: Vec::new(),
    };
    runtime.block_on(apply::apply(&plan::plan(&input).0, &mut site))
}

/// A mesh with two callers, so that either may be the first to switch.
fn mesh() -> String {
    let text = directory::mesh(1);
    let (before, after) = text.split_once("[virtual_node.cart-v1]").unwrap();
    let api = "[virtual_node.api]\nbackends = [\"cart.internal\"]\n";
    format!("{before}{api}\n[virtual_node.cart-v1]{after}")
}

/// Another mesh: a new node takes all requests, an old one goes, everybody moves to another port.
fn changed() -> String {
    let new = "\n[virtual_node.cart-v3]\nlisteners = [{ port = 8081, protocol = \"http\" }]\n\
               discovery = { dns = \"cart-v3.internal\" }\n";
    let text = mesh().replace("port = 8080", "port = 8081");
    let text = text.replace("{ cart-v1 = 1, cart-v2 = 1 }", "{ cart-v2 = 1, cart-v3 = 1 }");
    let (before, rest) = text.split_once("[virtual_node.cart-v1]").unwrap();
    let (_, after) = rest.split_once("[virtual_node.cart-v2]").unwrap();
    format!("{before}[virtual_node.cart-v2]{after}{new}")
}

fn mortal(target: &dyn Target, left: usize, always: bool) -> Mortal {
    let writer = target.lock(PATIENCE).unwrap();
    Mortal { writer, left, always, back: None, given: Vec::new() }
}

/// A rollout whose step of this number is refused, killed after so many writes of the way back.
/// Says whether it was killed before it had ended; `None` if there is no such step.
fn killed(target: &dyn Target, canary: Option<Share>, refused: usize, left: usize) -> Option<bool> {
    let (first, second) = (read(&mesh()), read(&changed()));
    let case = format!("canary {canary:?}, step {refused} refused, {left} writes");
    let writer = || mortal(target, left, false);
    run(&mut writer(), &options(None, None), Some(&first)).unwrap();
    let bad = StepId { revision: 2, number: refused };
    let mut mortal = writer();
    let outcome = run(&mut mortal, &options(Some(bad), canary), Some(&second)).unwrap();
    let Mortal { back, given, writer: ended, .. } = mortal;
    drop(ended);
    let Some(back) = back else {
        assert_eq!(outcome.end, End::Done, "{case}");
        return None;
    };
    let was_killed = matches!(outcome.end, End::Broken(_));
    assert_eq!(!was_killed, outcome.end == End::RolledBack { to: 1 }, "{case}: {outcome:?}");

    let mut later = Vec::new();
    if was_killed && target.state().unwrap().rollout.is_some() {
        let mut next = Mortal { left: usize::MAX, ..writer() };
        let outcome = run(&mut next, &options(None, None), None).unwrap();
        assert_eq!(outcome.end, End::RolledBack { to: 1 }, "{case}");
        later = next.given;
    }
    let state = target.state().unwrap();
    assert_eq!((&state.live.mesh, state.live.revision), (&first, Some(3)), "{case}");
    assert_eq!(state.rollout, None, "{case}");
    assert_eq!(target.proxies().unwrap().into_iter().collect::<Vec<_>>(), proxies(&first));
    for proxy in proxies(&first) {
        let wanted = files(&compile(&first, &settings(), &proxy));
        assert_eq!(target.files(&proxy).unwrap(), wanted, "{case}: {proxy}");
    }
    // What nobody had taken is given to nobody on the way back; those who had switched alone go
    // back to where they were.
    if back.back.is_some_and(|back| back.ahead.is_some()) {
        let taken = |proxy: &ProxyId, config: &Arc<ProxyConfig>| {
            let mut before = given.iter().filter(|(id, _)| *id < bad);
            before.any(|(_, given)| given.get(proxy) == Some(config))
                || **config == compile(&first, &settings(), proxy)
        };
        let back = given.iter().filter(|(id, _)| id.revision == 3).chain(&later);
        for (id, given) in back {
            for (proxy, config) in given {
                assert!(taken(proxy, config), "{case}: {proxy} has it again in step {id:?}");
            }
        }
    }
    Some(was_killed)
}

/// Every step refused, the way back killed after every write.
fn everywhere(open: &mut dyn FnMut() -> Box<dyn Target>) {
    for canary in [None, Some(Share::Proxies(1)), Some(Share::Percent(34))] {
        let mut refused = 1;
        'steps: loop {
            for left in 0.. {
                match killed(&*open(), canary, refused, left) {
                    None => break 'steps,
                    Some(true) => {}
                    Some(false) => break,
                }
            }
            refused += 1;
        }
        // Add, switch and remove, each in two waves where there is a canary.
        assert_eq!(refused - 1, if canary.is_some() { 6 } else { 3 }, "{canary:?}");
    }
}

#[test]
fn a_way_back_that_was_killed_goes_on_as_one_in_memory() {
    everywhere(&mut || Box::new(Memory::default()));
}

#[test]
fn a_way_back_that_was_killed_goes_on_as_one_in_a_directory() {
    let folder = tempfile::tempdir().unwrap();
    let mut number = 0;
    everywhere(&mut || {
        number += 1;
        Box::new(Directory::open(folder.path().join(number.to_string())).unwrap())
    });
}

/// What the third mesh's rollout gave to whom.
type Given = Vec<(StepId, BTreeMap<ProxyId, Arc<ProxyConfig>>)>;

const SHARES: [Option<Share>; 2] = [None, Some(Share::Proxies(1))];

/// A third mesh, which another is mended to.
fn mended() -> String {
    mesh().replace("port = 8080", "port = 8082")
}

/// A mesh whose next revision is halted at the step of this number; whether there is such a step
/// before traffic has switched everywhere.
fn halted(target: &dyn Target, canary: Option<Share>, refused: usize) -> bool {
    let easy = options(None, None);
    run(&mut *target.lock(PATIENCE).unwrap(), &easy, Some(&read(&mesh()))).unwrap();
    let bad = StepId { revision: 2, number: refused };
    let halt = Options { on_refusal: OnRefusal::Halt, ..options(Some(bad), canary) };
    let mut writer = target.lock(PATIENCE).unwrap();
    let outcome = run(&mut *writer, &halt, Some(&read(&changed()))).unwrap();
    assert_eq!(outcome.end, End::Refused, "{canary:?}, step {refused}");
    !target.state().unwrap().rollout.unwrap().has_switched(refused)
}

/// The third mesh, applied to the end; what its own steps gave.
fn mend(target: &dyn Target, canary: Option<Share>, case: &str) -> Given {
    let third = read(&mended());
    let mut writer = mortal(target, usize::MAX, true);
    let outcome = run(&mut writer, &options(None, canary), Some(&third)).unwrap();
    assert_eq!(outcome.end, End::Done, "{case}");
    let state = target.state().unwrap();
    assert_eq!((&state.live.mesh, state.live.revision), (&third, Some(3)), "{case}");
    assert_eq!(state.rollout, None, "{case}");
    for proxy in proxies(&third) {
        let wanted = files(&compile(&third, &settings(), &proxy));
        assert_eq!(target.files(&proxy).unwrap(), wanted, "{case}: {proxy}");
    }
    let mut given = writer.given;
    given.retain(|(id, _)| id.revision == 3);
    given
}

#[test]
fn what_was_halted_stays_out_of_force_when_the_apply_after_it_is_killed() {
    for canary in SHARES {
        let mut refused = 1;
        loop {
            let target = Memory::default();
            if !halted(&target, canary, refused) {
                break;
            }
            let wanted = mend(&target, canary, "nobody was killed");
            for left in 0.. {
                let case = format!("canary {canary:?}, step {refused} refused, {left} writes");
                let begin = || {
                    let target = Memory::default();
                    halted(&target, canary, refused);
                    let mut writer = mortal(&target, left, true);
                    let _ = run(&mut writer, &options(None, canary), Some(&read(&mended())));
                    drop(writer);
                    target
                };
                let target = begin();
                let state = target.state().unwrap();
                if state.live.revision == Some(3) {
                    assert!(left > 2, "{case}");
                    break;
                }
                let rollout = state.rollout.as_ref().unwrap();
                assert!(rollout.halted.is_some(), "{case}");
                assert!(!rollout.has_switched(state.steps_in_force()), "{case}");
                assert_eq!(mend(&target, canary, &case), wanted, "{case}");

                // Who goes on with it instead begins anew, with those first who were.
                let target = begin();
                let first = rollout.canary.clone();
                let mut writer = mortal(&target, usize::MAX, true);
                let outcome = run(&mut writer, &options(None, None), None).unwrap();
                assert_eq!(outcome.end, End::Done, "{case}");
                if left > 0 {
                    let steps = if canary.is_some() { 6 } else { 3 };
                    assert_eq!(writer.given.len(), steps, "{case}");
                    assert_eq!(first.is_some(), canary.is_some(), "{case}");
                }
                drop(writer);
                let second = read(&changed());
                for proxy in proxies(&second) {
                    let wanted = files(&compile(&second, &settings(), &proxy));
                    assert_eq!(target.files(&proxy).unwrap(), wanted, "{case}: {proxy}");
                }
            }
            refused += 1;
        }
        // Until traffic has switched everywhere: a switch that was refused has not.
        assert_eq!(refused - 1, if canary.is_some() { 4 } else { 2 }, "{canary:?}");
    }
}

#[test]
fn a_proxy_that_is_late_with_the_end_of_what_was_halted_does_not_bring_it_into_force() {
    let halts = [
        (SHARES[0], 1, 1),
        (SHARES[0], 2, 2),
        (SHARES[1], 2, 1),
        (SHARES[1], 3, 2),
        (SHARES[1], 4, 2),
    ];
    for (canary, refused, undone) in halts {
        let target = Memory::default();
        assert!(halted(&target, canary, refused));
        let wanted = mend(&target, canary, "nobody was late");
        for late in 1..=undone {
            let case = format!("canary {canary:?}, step {refused} refused, late with {late}");
            let target = Memory::default();
            assert!(halted(&target, canary, refused));
            let late = StepId { revision: 2, number: refused + late };
            let witness = Arc::new(Refusing { refused: None, late: Some(late) });
            let options = Options { witness, ..options(None, canary) };
            let mut writer = mortal(&target, usize::MAX, true);
            let outcome = run(&mut writer, &options, Some(&read(&mended()))).unwrap();
            let mut given = std::mem::take(&mut writer.given);
            drop(writer);
            if late.number < refused + undone {
                // It may still lead requests to what would go next.
                assert_eq!((outcome.end, outcome.revision), (End::Late, Some(2)), "{case}");
                given = mend(&target, canary, &case);
            } else {
                assert_eq!((outcome.end, outcome.revision), (End::Done, Some(3)), "{case}");
                given.retain(|(id, _)| id.revision == 3);
            }
            assert_eq!(given, wanted, "{case}");
        }
    }
}

#[test]
fn a_refused_rollout_that_is_killed_anywhere_goes_back_by_itself() {
    for canary in SHARES {
        for refused in 1..=if canary.is_some() { 6 } else { 3 } {
            for left in 1.. {
                let case = format!("canary {canary:?}, step {refused} refused, {left} writes");
                let target = Memory::default();
                let first = read(&mesh());
                let mut writer = target.lock(PATIENCE).unwrap();
                run(&mut *writer, &options(None, None), Some(&first)).unwrap();
                drop(writer);
                let options = options(Some(StepId { revision: 2, number: refused }), canary);
                let mut writer = mortal(&target, left, true);
                let outcome = run(&mut writer, &options, Some(&read(&changed()))).unwrap();
                drop(writer);
                if outcome.end == (End::RolledBack { to: 1 }) {
                    break;
                }
                assert!(matches!(outcome.end, End::Broken(_)), "{case}: {outcome:?}");
                // Only what is not halted is gone on with by the server itself.
                let Some(rollout) = target.state().unwrap().rollout else { continue };
                assert_eq!(rollout.halted, None, "{case}");
                let mut writer = target.lock(PATIENCE).unwrap();
                let outcome = run(&mut *writer, &options, None).unwrap();
                assert_eq!(outcome.end, End::RolledBack { to: 1 }, "{case}");
                assert_eq!(target.state().unwrap().live.mesh, first, "{case}");
            }
        }
    }
}

/// A second mesh whose rollout is stuck at the step of this number: a proxy that runs never takes it.
fn stuck(target: &dyn Target, canary: Option<Share>, late: usize) -> Options {
    let mut writer = target.lock(PATIENCE).unwrap();
    run(&mut *writer, &options(None, None), Some(&read(&mesh()))).unwrap();
    let late = Some(StepId { revision: 2, number: late });
    let witness = Arc::new(Refusing { refused: None, late });
    let options = Options { witness, ..options(None, canary) };
    let outcome = run(&mut *writer, &options, Some(&read(&changed()))).unwrap();
    assert_eq!(outcome.end, End::Late, "{canary:?}, {late:?}");
    options
}

#[test]
fn a_stuck_step_holds_up_neither_other_files_nor_the_way_back() {
    let (first, second) = (read(&mesh()), read(&changed()));
    for canary in SHARES {
        for late in 1..=if canary.is_some() { 6 } else { 3 } {
            for next in [&first, &read(&mended())] {
                let case = format!("canary {canary:?}, stuck at step {late}");
                let target = Memory::default();
                let options = stuck(&target, canary, late);
                let switched = late > if canary.is_some() { 4 } else { 2 };
                let mut writer = mortal(&target, usize::MAX, true);
                // Going on is late again, without an end.
                let outcome = run(&mut writer, &options, None).unwrap();
                assert_eq!(outcome.end, End::Late, "{case}");
                assert!(writer.given.is_empty(), "{case}");
                let outcome = run(&mut writer, &options, Some(next)).unwrap();
                assert_eq!((outcome.end, outcome.revision), (End::Done, Some(3)), "{case}");
                let given = std::mem::take(&mut writer.given);
                drop(writer);
                let state = target.state().unwrap();
                assert_eq!((&state.live.mesh, &state.rollout), (next, &None), "{case}");
                for proxy in proxies(next) {
                    let wanted = files(&compile(next, &settings(), &proxy));
                    assert_eq!(target.files(&proxy).unwrap(), wanted, "{case}: {proxy}");
                }
                // What is stuck is not completed first: no more of the second mesh is given.
                let of_second = given.iter().filter(|(id, _)| id.revision == 2);
                let count = of_second.clone().count();
                assert_eq!(count > 0, !switched, "{case}");
                for (proxy, config) in of_second.flat_map(|(_, given)| given) {
                    let whole = compile(&second, &settings(), proxy);
                    let other = whole != compile(&first, &settings(), proxy);
                    assert!(!other || **config != whole, "{case}: {proxy} has the second mesh");
                }
            }
        }
    }
}
