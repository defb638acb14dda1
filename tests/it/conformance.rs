//! One suite for every kind of target: empty, write, read what was written, nothing left to plan,
//! delete, empty.

use crate::directory::mesh;
use crate::support::random_mesh;
use meshctl::apply::{self, Admins, End, Event, OnRefusal, Options, Outcome, Site, Stop};
use meshctl::compile::{compile, proxies};
use meshctl::envoy::{Settings, files};
use meshctl::live::{Directory, Error, Memory, Target, drift};
use meshctl::model::Mesh;
use meshctl::plan::{self, Consent, Guards, Input, Plan, Scope};
use meshctl::revision::{join, split};
use meshctl::span::Files;
use std::sync::Arc;
use std::time::Duration;

/// A lock that was let go may linger in a program that another test is just starting.
const PATIENCE: Duration = Duration::from_secs(30);

fn read(text: &str) -> Mesh {
    let mut all = Files::default();
    let id = all.add("m.toml", text);
    let (tree, diagnostics) = meshctl::schema::parse(id, text);
    assert!(diagnostics.is_empty());
    meshctl::schema::read_mesh(&tree).mesh
}

fn settings() -> Settings {
    Settings::path("/target")
}

fn planned(target: &dyn Target, desired: &Mesh) -> Plan {
    let state = target.state().unwrap();
    let input = Input {
        target: plan::Target {
            name: "t".to_owned(),
            kind: "directory".to_owned(),
            id: "t".to_owned(),
        },
        live: &state.live,
        unrecorded: state.is_unrecorded(),
        desired,
        owner: None,
        places: None,
        settings: &settings(),
        scope: Scope::default(),
        guards: Guards::default(),
        consent: Consent::default(),
        drift: Vec::new(),
    };
    plan::plan(&input).0
}

fn carry_out(target: &dyn Target, plan: &Plan) -> Result<(Outcome, Vec<Event>), apply::Error> {
    let options = Options {
        wait: Some(Duration::from_secs(5)),
        settle: Duration::ZERO,
        drain: Duration::ZERO,
        on_refusal: OnRefusal::Rollback,
        expect: None,
        witness: Arc::new(Admins::default()),
        at: "2026-01-01T00:00:00Z".to_owned(),
        by: "test".to_owned(),
    };
    let mut events = Vec::new();
    let mut tell = |event| events.push(event);
    let mut writer = target.lock(PATIENCE).unwrap();
    let (_sender, stop) = Stop::new();
    let mut site = Site {
        target: &mut *writer,
        settings: &settings(),
        options: &options,
        stop: &stop,
        tell: &mut tell,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let outcome = runtime.block_on(apply::apply(plan, &mut site))?;
    Ok((outcome, events))
}

fn conforms(target: &dyn Target) {
    // Empty.
    let state = target.state().unwrap();
    assert_eq!((state.live.revision, state.in_force), (None, None));
    assert!(target.history().unwrap().is_empty() && target.proxies().unwrap().is_empty());

    // Write, and read what was written.
    let first = read(&mesh(1));
    let plan = planned(target, &first);
    let (outcome, events) = carry_out(target, &plan).unwrap();
    assert_eq!((outcome.end, outcome.revision), (End::Done, Some(1)));
    assert!(matches!(events.first(), Some(Event::Commit { revision: 1, .. })), "{events:?}");
    let state = target.state().unwrap();
    assert_eq!((&state.live.mesh, state.live.revision), (&first, Some(1)));
    assert_eq!(state.rollout, None);
    for proxy in proxies(&first) {
        assert_eq!(target.files(&proxy).unwrap(), files(&compile(&first, &settings(), &proxy)));
    }
    assert_eq!(target.proxies().unwrap().into_iter().collect::<Vec<_>>(), proxies(&first));
    assert_eq!(drift(target, &state, &settings()).unwrap(), []);

    // Nothing left to plan.
    assert!(planned(target, &first).is_empty());

    // One writer at a time.
    let writer = target.lock(PATIENCE).unwrap();
    assert!(matches!(target.lock(Duration::ZERO), Err(Error::Busy { .. })));
    drop(writer);

    // A plan that was overtaken is stale and changes nothing.
    let (second, third) = (read(&mesh(2)), read(&mesh(3)));
    let (plan, overtaken) = (planned(target, &second), planned(target, &third));
    carry_out(target, &plan).unwrap();
    let before = target.state().unwrap();
    assert!(matches!(carry_out(target, &overtaken), Err(apply::Error::Stale { .. })));
    assert_eq!(target.state().unwrap(), before);

    // The history is as it was written.
    let numbers: Vec<u64> = target.history().unwrap().iter().map(|m| m.revision).collect();
    assert_eq!(numbers, [2, 1]);
    assert_eq!(target.at(1).unwrap().mesh, first);
    assert_eq!(target.at(2).unwrap().mesh, second);
    assert!(matches!(target.at(3), Err(Error::NoRevision { revision: 3, newest: Some(2) })));

    // Delete, and it is empty again.
    let nothing = Mesh { settings: first.settings.clone(), ..Mesh::default() };
    let plan = planned(target, &nothing);
    carry_out(target, &plan).unwrap();
    let state = target.state().unwrap();
    assert_eq!(state.live.mesh, nothing);
    assert_eq!(split(&state.live.mesh).len(), 1);
    assert!(target.proxies().unwrap().is_empty());
    assert!(planned(target, &nothing).is_empty());
}

#[test]
fn a_mesh_is_the_sum_of_its_objects() {
    for seed in 0..300 {
        let mut mesh = random_mesh::mesh(seed);
        mesh.external_services.clear();
        let objects = split(&mesh);
        assert_eq!(objects.keys().cloned().collect::<Vec<_>>(), mesh.addresses(), "seed {seed}");
        assert_eq!(join(&objects).unwrap(), mesh, "seed {seed}");
        // As text, too, which is how they are kept.
        let text = serde_json::to_string(&objects).unwrap();
        assert_eq!(join(&serde_json::from_str(&text).unwrap()).unwrap(), mesh, "seed {seed}");
    }
}

#[test]
fn a_directory_is_a_target() {
    let folder = tempfile::tempdir().unwrap();
    conforms(&Directory::open(folder.path().join("not/yet/there")).unwrap());
}

#[test]
fn memory_is_a_target() {
    conforms(&Memory::default());
}
