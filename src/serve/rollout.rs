//! The writer of a mesh: what it commits is in the store, what it puts goes to the proxies.

use super::mesh::{Mesh, live_error};
use super::plane::Changed;
use crate::compile::{compile, proxies};
use crate::envoy::{ProxyId, Settings};
use crate::live::server::wire::SettingsDocument;
use crate::live::{Error, NewStep, ProxyFiles, Read, Rollout, State, StepId, Write};
use crate::plan::{StepKind, steps};
use crate::revision::{Commit, Header, Live};
use crate::store::Terms;
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::sync::OwnedMutexGuard;

/// The one writer of a mesh.
pub(super) struct Writer {
    mesh: Arc<Mesh>,
    key: String,
    settings: SettingsDocument,
    /// The proxies that have something now.
    present: BTreeSet<ProxyId>,
    rollout: Option<Rollout>,
    in_force: Option<StepId>,
    _alone: OwnedMutexGuard<()>,
}

impl Writer {
    /// Writes for an attempt of this key, with these settings, while the guard is held.
    pub(super) fn new(
        mesh: Arc<Mesh>,
        key: String,
        settings: SettingsDocument,
        alone: OwnedMutexGuard<()>,
    ) -> Result<Self, Error> {
        let head = mesh.head()?;
        let present = mesh.plane.report(&mesh.name).into_keys().collect();
        let (rollout, in_force) = match head {
            Some(head) => (head.rollout, head.in_force),
            None => (None, None),
        };
        Ok(Self { mesh, key, settings, present, rollout, in_force, _alone: alone })
    }
}

impl Read for Writer {
    fn place(&self) -> String {
        self.mesh.place()
    }

    fn state(&self) -> Result<State, Error> {
        self.mesh.state()
    }

    fn at(&self, revision: u64) -> Result<Live, Error> {
        self.mesh.at(revision)
    }

    fn history(&self) -> Result<Vec<Header>, Error> {
        self.mesh.history()
    }

    fn proxies(&self) -> Result<BTreeSet<ProxyId>, Error> {
        Ok(self.present.clone())
    }

    fn files(&self, proxy: &ProxyId) -> Result<ProxyFiles, Error> {
        self.mesh.files(proxy)
    }
}

impl Write for Writer {
    fn commit(&mut self, commit: &Commit) -> Result<(), Error> {
        let settings =
            serde_json::to_value(&self.settings).expect("invariant: settings are plain data");
        // A way back that an apply takes by itself is another commit than the one of the key.
        let first = std::mem::take(&mut self.key);
        let key = (!first.is_empty()).then_some(first.as_str());
        self.mesh.store.commit(commit, &Terms { key, settings: &settings }).map_err(live_error)?;
        // The commit stands. What cannot be read now fails again where the step is put.
        let _ = self.mesh.follow_registry();
        self.rollout.clone_from(&commit.rollout);
        Ok(())
    }

    fn put(&mut self, step: &NewStep<'_>) -> Result<(), Error> {
        let (mesh, id) = (&self.mesh, step.id);
        let rollout = self.rollout.as_ref();
        mesh.store.progress(&mesh.name, id.revision, rollout, Some(id)).map_err(live_error)?;
        self.in_force = Some(id);
        let mut changed: Changed = step
            .changed
            .iter()
            .map(|(proxy, config)| (proxy.clone(), Some(Arc::clone(config))))
            .collect();
        changed.extend(self.present.difference(step.proxies).map(|gone| (gone.clone(), None)));
        self.present.clone_from(step.proxies);
        mesh.plane.put(&mesh.name, id, changed);
        Ok(())
    }

    fn progress(&mut self, rollout: Option<&Rollout>) -> Result<(), Error> {
        let mesh = &self.mesh;
        let Some(head) = mesh.head()? else { return Ok(()) };
        let store = &mesh.store;
        store.progress(&mesh.name, head.revision, rollout, self.in_force).map_err(live_error)?;
        self.rollout = rollout.cloned();
        match rollout {
            None => mesh.follow_registry(),
            Some(_) => Ok(()),
        }
    }
}

/// Gives the proxies of a stored mesh what they are to have: at the start, before any is answered.
pub(super) fn restore(mesh: &Mesh) -> Result<(), Error> {
    let Some(head) = mesh.head()? else { return Ok(()) };
    let settings = Mesh::settings(&Mesh::known(Some(&head)));
    mesh.follow_registry()?;
    let live = mesh.live(head.revision)?;
    let step = head.in_force.unwrap_or(StepId { revision: head.revision, number: 0 });
    let changed = match &head.rollout {
        None => whole(&live, &settings),
        Some(rollout) => {
            let before = match rollout.from {
                Some(from) => mesh.live(from)?,
                None => Arc::default(),
            };
            let done = match step.revision == head.revision {
                true => step.number,
                false => 0,
            };
            between(&before, &live, &settings, rollout, done)
        }
    };
    mesh.plane.put(&mesh.name, step, changed);
    Ok(())
}

/// All of a revision.
fn whole(live: &Live, settings: &Settings) -> Changed {
    let all = proxies(&live.mesh);
    let configs =
        crate::parallel::map(&all, |proxy| Arc::new(compile(&live.mesh, settings, proxy)));
    all.into_iter().zip(configs.into_iter().map(Some)).collect()
}

/// What the first steps of a rollout have led to.
fn between(
    before: &Live,
    after: &Live,
    settings: &Settings,
    rollout: &Rollout,
    done: usize,
) -> Changed {
    let affected: BTreeSet<ProxyId> =
        proxies(&before.mesh).into_iter().chain(proxies(&after.mesh)).collect();
    let planned = steps(&before.mesh, &after.mesh, settings, &affected);
    let kinds: Vec<&str> = planned.iter().map(|step| step.kind.as_str()).collect();
    if kinds != rollout.steps {
        // Another meshctl began it. Whether traffic has switched decides which of the two it is.
        let add = StepKind::Add.as_str();
        let switched = rollout.steps.iter().take(done).any(|kind| kind != add);
        return whole(if switched { after } else { before }, settings);
    }
    let mut changed = whole(before, settings);
    for step in planned.into_iter().take(done) {
        changed.extend(step.after);
    }
    changed.retain(|_, config| config.is_some());
    changed
}
