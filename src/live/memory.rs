//! A target in memory, for tests: held to the same suite as the real ones.

use super::{Commit, Error, NewStep, ProxyFiles, Read, Rollout, State, StepId, Target, Write};
use crate::envoy::{self, ProxyId};
use crate::revision::{Header, Live, Manifest, ObjectId, join};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

#[derive(Debug, Default)]
struct Content {
    manifests: Vec<Manifest>,
    objects: BTreeMap<ObjectId, Value>,
    rollout: Option<Rollout>,
    in_force: Option<StepId>,
    files: BTreeMap<ProxyId, ProxyFiles>,
}

/// A target in memory. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    content: Arc<Mutex<Content>>,
    locked: Arc<AtomicBool>,
}

/// The one writer; dropping it lets the next one in.
#[derive(Debug)]
struct Writer(Memory);

impl Drop for Writer {
    fn drop(&mut self) {
        self.0.locked.store(false, Ordering::SeqCst);
    }
}

impl Memory {
    fn content(&self) -> MutexGuard<'_, Content> {
        // Nothing in here panics half-way through a change.
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Content {
    fn live(&self, manifest: &Manifest) -> Live {
        let objects = manifest.entries.iter().filter_map(|(address, entry)| {
            self.objects.get(&entry.object).map(|object| (address.clone(), object.clone()))
        });
        let mesh = join(&objects.collect()).expect("invariant: commits are of whole meshes");
        Live { revision: Some(manifest.revision), mesh, entries: manifest.entries.clone() }
    }
}

impl Read for Memory {
    fn place(&self) -> String {
        "memory".to_owned()
    }

    fn state(&self) -> Result<State, Error> {
        let content = self.content();
        let live = content.manifests.last().map(|m| content.live(m)).unwrap_or_default();
        Ok(State { live, rollout: content.rollout.clone(), in_force: content.in_force })
    }

    fn at(&self, revision: u64) -> Result<Live, Error> {
        let content = self.content();
        let newest = content.manifests.last().map(|manifest| manifest.revision);
        match content.manifests.iter().find(|manifest| manifest.revision == revision) {
            Some(manifest) => Ok(content.live(manifest)),
            None => Err(Error::NoRevision { revision, newest }),
        }
    }

    fn history(&self) -> Result<Vec<Header>, Error> {
        Ok(self.content().manifests.iter().rev().map(Manifest::header).collect())
    }

    fn proxies(&self) -> Result<BTreeSet<ProxyId>, Error> {
        Ok(self.content().files.keys().cloned().collect())
    }

    fn files(&self, proxy: &ProxyId) -> Result<ProxyFiles, Error> {
        Ok(self.content().files.get(proxy).cloned().unwrap_or_default())
    }
}

impl Target for Memory {
    fn lock(&self, _patience: Duration) -> Result<Box<dyn Write>, Error> {
        if self.locked.swap(true, Ordering::SeqCst) {
            return Err(Error::Busy { path: self.place().into() });
        }
        Ok(Box::new(Writer(self.clone())))
    }
}

impl Read for Writer {
    fn place(&self) -> String {
        self.0.place()
    }

    fn state(&self) -> Result<State, Error> {
        self.0.state()
    }

    fn at(&self, revision: u64) -> Result<Live, Error> {
        self.0.at(revision)
    }

    fn history(&self) -> Result<Vec<Header>, Error> {
        self.0.history()
    }

    fn proxies(&self) -> Result<BTreeSet<ProxyId>, Error> {
        self.0.proxies()
    }

    fn files(&self, proxy: &ProxyId) -> Result<ProxyFiles, Error> {
        self.0.files(proxy)
    }
}

impl Write for Writer {
    fn commit(&mut self, commit: &Commit) -> Result<(), Error> {
        let mut content = self.0.content();
        let last = content.manifests.last();
        let found = last.map(|manifest| manifest.revision);
        if found != commit.manifest.parent {
            return Err(Error::Stale { expected: commit.manifest.parent, found });
        }
        if let Some(last) = last
            && last.mesh != commit.manifest.mesh
        {
            let wanted = commit.manifest.mesh.clone();
            return Err(Error::OtherMesh { found: last.mesh.clone(), wanted });
        }
        content.objects.extend(commit.objects.clone());
        content.manifests.push(commit.manifest.clone());
        content.rollout.clone_from(&commit.rollout);
        Ok(())
    }

    fn put(&mut self, step: &NewStep<'_>) -> Result<(), Error> {
        let mut content = self.0.content();
        let mut files = BTreeMap::new();
        for proxy in step.proxies {
            let own = match step.changed.get(proxy) {
                Some(config) => Some(envoy::files(config)),
                None => content.files.get(proxy).cloned(),
            };
            let own = own.ok_or_else(|| Error::NoFiles { proxy: proxy.to_string() })?;
            files.insert(proxy.clone(), own);
        }
        content.files = files;
        content.in_force = Some(step.id);
        Ok(())
    }

    fn progress(&mut self, rollout: Option<&Rollout>) -> Result<(), Error> {
        self.0.content().rollout = rollout.cloned();
        Ok(())
    }
}
