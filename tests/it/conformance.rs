//! One suite of laws for every kind of target: memory, a directory, a server.
//!
//! What is not here, and why: `live::Write` itself (commit, put, progress) is in the hands of whoever
//! carries plans out, which of a server is the server. Keys that commit once, and plans that are made
//! again before they are taken, are of the server alone (`serve.rs`); a record that was moved away
//! (`State::is_unrecorded`) is of the directory alone (`directory.rs`).

use crate::directory::mesh;
use crate::support::random_mesh;
use crate::support::targets::{Kind, Local, Refused, Remote, Work};
use meshctl::apply::{End, Event, Outcome};
use meshctl::compile::{compile, proxies};
use meshctl::envoy::files;
use meshctl::live::{Error, drift};
use meshctl::model::{Mesh, MeshName};
use meshctl::plan::{self, Consent, Guards, Input, Plan, Scope};
use meshctl::revision::{join, split};
use meshctl::span::Files;
use std::time::{Duration, Instant};

fn read(text: &str) -> Mesh {
    let mut all = Files::default();
    let id = all.add("m.toml", text);
    let (tree, diagnostics) = meshctl::schema::parse(id, text);
    assert!(diagnostics.is_empty());
    meshctl::schema::read_mesh(&tree).mesh
}

fn planned(kind: &dyn Kind, desired: &Mesh) -> Plan {
    let state = kind.read().state().unwrap();
    let input = Input {
        target: kind.id(),
        live: &state.live,
        unrecorded: state.is_unrecorded(),
        desired,
        owner: None,
        places: None,
        settings: &kind.settings(),
        scope: Scope::default(),
        guards: Guards::default(),
        // The last law takes everything away.
        consent: Consent {
            deletes: Some(100),
            empty: true,
            accept: state.live.mesh.addresses().into_iter().collect(),
            ..Consent::default()
        },
        drift: Vec::new(),
    };
    plan::plan(&input).0
}

fn applied(kind: &dyn Kind, desired: &Mesh) -> Outcome {
    let plan = planned(kind, desired);
    let (outcome, events) = kind.carry_out(Work::Plan(&plan), None).unwrap();
    assert_eq!(outcome.end, End::Done, "{outcome:#?}");
    let revision = outcome.revision.unwrap();
    assert_eq!(events.first(), Some(&Event::Commit { revision, plan: plan.digest }));
    outcome
}

/// The target holds this mesh as this revision, whole.
#[track_caller]
fn holds(kind: &dyn Kind, mesh: &Mesh, revision: u64) {
    let target = kind.read();
    let state = target.state().unwrap();
    assert_eq!((&state.live.mesh, state.live.revision), (mesh, Some(revision)));
    assert_eq!(state.rollout, None);
    assert_eq!(target.proxies().unwrap().into_iter().collect::<Vec<_>>(), proxies(mesh));
    for proxy in proxies(mesh) {
        assert_eq!(target.files(&proxy).unwrap(), files(&compile(mesh, &kind.settings(), &proxy)));
    }
    assert_eq!(drift(target, &state, &kind.settings()).unwrap(), []);
    assert!(planned(kind, mesh).is_empty(), "what was applied leaves nothing to plan");
}

fn conforms(kind: &mut dyn Kind) {
    // Empty.
    let state = kind.read().state().unwrap();
    assert_eq!((state.live.revision, state.in_force, state.rollout), (None, None, None));
    assert!(kind.read().history().unwrap().is_empty());
    assert!(kind.read().proxies().unwrap().is_empty());
    assert_eq!(kind.carry_out(Work::Resume, None), Err(Refused::NothingToResume));
    assert!(matches!(kind.read().at(1), Err(Error::NoRevision { revision: 1, newest: None })));

    // Write, and read what was written, also by who opens it later.
    let first = read(&mesh(1));
    let outcome = applied(kind, &first);
    assert_eq!((outcome.revision, outcome.steps, outcome.proxies), (Some(1), 1, 3));
    assert!(outcome.proven.is_empty(), "nobody is there who could prove it");
    holds(kind, &first, 1);
    kind.reopen();
    holds(kind, &first, 1);
    let nobody = "virtual_node/nobody".parse().unwrap();
    assert!(kind.read().files(&nobody).unwrap().is_empty());

    // One at a time works on a mesh, and who does not wait changes nothing.
    let (second, third) = (read(&mesh(2)), read(&mesh(3)));
    let (plan, overtaken) = (planned(kind, &second), planned(kind, &third));
    assert_eq!(kind.while_another_works(Work::Plan(&plan)).unwrap_err(), Refused::Busy);
    holds(kind, &first, 1);

    // A plan that was overtaken is stale and changes nothing.
    kind.carry_out(Work::Plan(&plan), None).unwrap();
    let before = kind.read().state().unwrap();
    assert_eq!(kind.carry_out(Work::Plan(&overtaken), None).unwrap_err(), Refused::Stale);
    assert_eq!(kind.carry_out(Work::Plan(&plan), None).unwrap_err(), Refused::Stale);
    assert_eq!(kind.read().state().unwrap(), before);
    holds(kind, &second, 2);

    // So does one of another mesh.
    let mut other = third.clone();
    other.settings.name = MeshName::new("other").unwrap();
    let other = planned(kind, &other);
    assert_eq!(kind.carry_out(Work::Plan(&other), None).unwrap_err(), Refused::OtherMesh);
    holds(kind, &second, 2);

    // The history is as it was written.
    let target = kind.read();
    let history = target.history().unwrap();
    assert_eq!(
        history.iter().map(|m| (m.revision, m.parent)).collect::<Vec<_>>(),
        [(2, Some(1)), (1, None)]
    );
    assert!(history.iter().all(|header| header.meta.by.contains("test")), "{history:#?}");
    assert_eq!(target.at(1).unwrap().mesh, first);
    assert_eq!(target.at(2).unwrap().mesh, second);
    assert!(matches!(target.at(3), Err(Error::NoRevision { revision: 3, newest: Some(2) })));

    // Going back is a new revision.
    let back = kind.read().at(1).unwrap().mesh;
    assert_eq!(applied(kind, &back).revision, Some(3));
    holds(kind, &first, 3);

    // Fewer Envoys than must have it: committed all the same, and told.
    let plan = planned(kind, &second);
    let (outcome, _) = kind.carry_out(Work::Plan(&plan), Some(1)).unwrap();
    assert_eq!((outcome.end, outcome.revision), (End::TooFew, Some(4)));
    holds(kind, &second, 4);

    // Everything anew is no new revision.
    let (outcome, _) = kind.carry_out(Work::Rewrite, None).unwrap();
    assert_eq!((outcome.end, outcome.revision), (End::Done, Some(4)));
    holds(kind, &second, 4);

    // A rollout that did not come to its end is told by the target, also to who opens it later, and
    // nothing is drift meanwhile; the next one who asks for it ends it, if it does not by itself.
    let swapped = read(&mesh(2).replace("cart-v2", "cart-v3"));
    let plan = planned(kind, &swapped);
    assert_eq!(plan.steps.len(), 3, "added, switched to, taken away");
    kind.cut_short(&plan);
    kind.reopen();
    let state = kind.read().state().unwrap();
    assert_eq!((&state.live.mesh, state.live.revision), (&swapped, Some(5)));
    if kind.goes_on_by_itself() {
        let deadline = Instant::now() + Duration::from_secs(60);
        while kind.read().state().unwrap().rollout.is_some() {
            assert!(Instant::now() < deadline, "it does not go on");
            std::thread::sleep(Duration::from_millis(20));
        }
    } else {
        let rollout = state.rollout.as_ref().unwrap();
        assert_eq!((rollout.from, rollout.steps.len(), &rollout.halted), (Some(4), 3, &None));
        assert!(state.steps_in_force() < 3, "{state:?}");
        assert_eq!(drift(kind.read(), &state, &kind.settings()).unwrap(), []);
        let (outcome, _) = kind.carry_out(Work::Resume, None).unwrap();
        assert_eq!((outcome.end, outcome.revision), (End::Done, Some(5)));
    }
    holds(kind, &swapped, 5);
    assert_eq!(kind.carry_out(Work::Resume, None).unwrap_err(), Refused::NothingToResume);

    // Delete, and it is empty again.
    let nothing = Mesh { settings: first.settings.clone(), ..Mesh::default() };
    applied(kind, &nothing);
    holds(kind, &nothing, 6);
    assert_eq!(split(&kind.read().state().unwrap().live.mesh).len(), 1);
    assert!(kind.read().proxies().unwrap().is_empty());
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
    conforms(&mut Local::directory(folder.path().join("not/yet/there")));
}

#[test]
fn memory_is_a_target() {
    conforms(&mut Local::memory());
}

#[test]
fn a_server_is_a_target() {
    conforms(&mut Remote::start());
}
