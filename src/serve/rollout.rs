//! The writer of a mesh: what it commits is in the store, what it puts goes to the proxies.

use super::mesh::{Mesh, live_error};
use super::plane::Changed;
use crate::compile::{compile, proxies};
use crate::envoy::{ProxyId, Settings};
use crate::live::server::wire::SettingsDocument;
use crate::live::{Error, NewStep, ProxyFiles, Read, Rollout, State, StepId, Write};
use crate::plan::{Step, added, steps_of};
use crate::revision::{Commit, Header, Live, way_back_from};
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
        // A way back that is taken on the way, of this apply or of one before it, is another commit
        // than the one of the key.
        let manifest = &commit.manifest;
        let is_back = manifest.parent.is_some_and(|parent| manifest.plan == way_back_from(parent));
        let first = if is_back { String::new() } else { std::mem::take(&mut self.key) };
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
    // A way back begins with its commit: what was refused is given to nobody again.
    let done = if rollout.back.is_some() { done.max(1) } else { done };
    let planned = steps_of(rollout, &before.mesh, &after.mesh, settings);
    let words: Vec<String> = planned.iter().map(Step::word).collect();
    if words != rollout.steps {
        // Another meshctl began it. Whether traffic has switched decides which of the two it is.
        let new = rollout.has_switched(done) || rollout.back.is_some();
        return whole(if new { after } else { before }, settings);
    }
    let mut changed = match rollout.undoes() {
        None => whole(before, settings),
        Some(_) => {
            let mut changed = whole(after, settings);
            changed.extend(added(&after.mesh, &before.mesh, settings));
            changed
        }
    };
    for step in planned.into_iter().take(done) {
        changed.extend(step.after);
    }
    changed.retain(|_, config| config.is_some());
    changed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::envoy::ConfigSource;
    use crate::plan::undo;
    use crate::revision::Back;
    use crate::schema::{parse, read_mesh};
    use crate::span::Files;
    use std::collections::BTreeMap;

    /// Two callers of a node that listens on this port.
    fn live(revision: u64, port: u16) -> Live {
        let text = format!(
            "[mesh]\nname = \"m\"\n\
             [virtual_node.web]\nbackends = [\"cart.internal\"]\n\
             [virtual_node.api]\nbackends = [\"cart.internal\"]\n\
             [virtual_node.cart]\nlisteners = [{{ port = {port}, protocol = \"http\" }}]\n\
             discovery = {{ dns = \"cart.internal\" }}\n\
             [virtual_service.\"cart.internal\"]\nnode = \"cart\"\n"
        );
        let mut files = Files::default();
        let id = files.add("m.toml", text.as_str());
        let reading = read_mesh(&parse(id, &text).0);
        assert!(reading.diagnostics.is_empty(), "{:?}", reading.diagnostics);
        Live { revision: Some(revision), mesh: reading.mesh, entries: BTreeMap::new() }
    }

    fn rollout(back: Back, steps: &[Step]) -> Rollout {
        let words = steps.iter().map(Step::word).collect();
        Rollout { back: Some(back), ..Rollout::new("rollback-of-2", Some(2), words) }
    }

    #[test]
    fn a_way_back_that_has_no_step_yet_gives_nobody_what_was_refused() {
        let settings = Settings::new(ConfigSource::Ads);
        let (before, refused) = (live(1, 8080), live(2, 8081));
        let of = |live: &Live, proxy: &ProxyId| Arc::new(compile(&live.mesh, &settings, proxy));

        // Refused when it was only added.
        let steps = undo(&refused.mesh, &before.mesh, &settings, &BTreeSet::new());
        let back = Back { to: 1, ahead: Some(BTreeSet::new()) };
        let given = between(&refused, &before, &settings, &rollout(back, &steps), 0);
        assert_eq!(given.len(), 3);
        for (proxy, config) in &given {
            assert_eq!(config.as_ref(), Some(&of(&before, proxy)), "{proxy}");
        }

        // Refused by one that had switched before the others: it is where they are.
        let ahead = BTreeSet::from(["virtual_node/web".to_owned()]);
        let steps = undo(&refused.mesh, &before.mesh, &settings, &ahead);
        assert_eq!(steps.len(), 2);
        let back = rollout(Back { to: 1, ahead: Some(ahead) }, &steps);
        let given = between(&refused, &before, &settings, &back, 0);
        let there = added(&before.mesh, &refused.mesh, &settings);
        for name in ["virtual_node/web", "virtual_node/api"] {
            let proxy: ProxyId = name.parse().expect("a proxy");
            assert_eq!(given[&proxy], there[&proxy], "{name}");
            assert_ne!(given[&proxy].as_ref(), Some(&of(&refused, &proxy)), "{name}");
        }
        // And the end of the way.
        let given = between(&refused, &before, &settings, &back, 2);
        for (proxy, config) in &given {
            assert_eq!(config.as_ref(), Some(&of(&before, proxy)), "{proxy}");
        }
    }
}
