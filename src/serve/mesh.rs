//! One mesh of the server: what the store has of it, and who may change it.

use super::plane::Plane;
use super::registry::{self, Registry};
use crate::compile::{compile, proxies};
use crate::envoy::{self, ConfigSource, ProxyId, Settings};
use crate::live::server::wire::SettingsDocument;
use crate::live::{Error, ProxyFiles, Read, State};
use crate::model::MeshName;
use crate::revision::{Header, Live, join};
use crate::store::{self, Head, Store};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// A mesh, whether anything was committed yet or not.
pub(super) struct Mesh {
    pub(super) name: MeshName,
    pub(super) store: Arc<dyn Store>,
    pub(super) plane: Arc<dyn Plane>,
    pub(super) registry: Registry,
    /// Held by who changes it.
    pub(super) writing: Arc<tokio::sync::Mutex<()>>,
    /// The revision that was read last: most questions are about the newest.
    read: Mutex<Option<Arc<Live>>>,
}

impl Mesh {
    pub(super) fn new(name: MeshName, store: Arc<dyn Store>, plane: Arc<dyn Plane>) -> Self {
        let registry = Registry::new(name.clone(), Arc::clone(&store), Arc::clone(&plane));
        Self { name, store, plane, registry, writing: Arc::default(), read: Mutex::default() }
    }

    pub(super) fn head(&self) -> Result<Option<Head>, Error> {
        self.store.head(&self.name).map_err(live_error)
    }

    /// How proxies are configured, as far as the model leaves it to the projects.
    pub(super) fn settings(known: &SettingsDocument) -> Settings {
        let mut settings = Settings::new(ConfigSource::Ads);
        if let Some(size) = known.regex_max_program_size {
            settings.regex_max_program_size = size;
        }
        settings
    }

    /// What was given with the newest revision.
    pub(super) fn known(head: Option<&Head>) -> SettingsDocument {
        let known = head.map(|head| serde_json::from_value(head.settings.clone()));
        // What was written by this server reads; a form that it does not know says nothing.
        known.and_then(Result::ok).unwrap_or_default()
    }

    /// Serves what is registered to the nodes that are found so: those of the newest revision, and
    /// while its rollout is under way those of the one before.
    pub(super) fn follow_registry(&self) -> Result<(), Error> {
        let Some(head) = self.head()? else { return Ok(()) };
        let mut wanted = registry::wanted(&self.live(head.revision)?.mesh);
        if let Some(from) = head.rollout.and_then(|rollout| rollout.from) {
            wanted.extend(registry::wanted(&self.at(from)?.mesh));
        }
        self.registry.follow(wanted).map_err(live_error)
    }

    /// One revision.
    pub(super) fn live(&self, revision: u64) -> Result<Arc<Live>, Error> {
        let cached = self.read.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(live) = cached.filter(|live| live.revision == Some(revision)) {
            return Ok(live);
        }
        let manifest = self.store.manifest(&self.name, revision).map_err(live_error)?;
        let ids = manifest.entries.values().map(|entry| entry.object.clone()).collect();
        let objects = self.store.objects(&ids).map_err(live_error)?;
        let mut resources = BTreeMap::new();
        for (address, entry) in &manifest.entries {
            let Some(object) = objects.get(&entry.object) else {
                return Err(damaged(format!("the object of {address} is missing")));
            };
            resources.insert(address.clone(), object.clone());
        }
        let mesh = join(&resources).map_err(|error| damaged(error.to_string()))?;
        let live = Arc::new(Live { revision: Some(revision), mesh, entries: manifest.entries });
        *self.read.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&live));
        Ok(live)
    }
}

impl Read for Mesh {
    fn place(&self) -> String {
        format!("mesh {}", self.name)
    }

    fn state(&self) -> Result<State, Error> {
        let Some(head) = self.head()? else { return Ok(State::default()) };
        let live = (*self.live(head.revision)?).clone();
        Ok(State { live, rollout: head.rollout, in_force: head.in_force })
    }

    fn at(&self, revision: u64) -> Result<Live, Error> {
        Ok((*self.live(revision)?).clone())
    }

    fn history(&self) -> Result<Vec<Header>, Error> {
        self.store.history(&self.name).map_err(live_error)
    }

    fn proxies(&self) -> Result<BTreeSet<ProxyId>, Error> {
        Ok(match self.head()? {
            Some(head) => proxies(&self.live(head.revision)?.mesh).into_iter().collect(),
            None => BTreeSet::new(),
        })
    }

    fn files(&self, proxy: &ProxyId) -> Result<ProxyFiles, Error> {
        let Some(head) = self.head()? else { return Ok(ProxyFiles::new()) };
        let live = self.live(head.revision)?;
        if !proxies(&live.mesh).contains(proxy) {
            return Ok(ProxyFiles::new());
        }
        let settings = Self::settings(&Self::known(Some(&head)));
        Ok(envoy::files(&compile(&live.mesh, &settings, proxy)))
    }
}

fn damaged(why: String) -> Error {
    Error::Damaged { path: PathBuf::from("the store"), why }
}

/// An error of the store, as an error of a target.
pub(super) fn live_error(error: store::Error) -> Error {
    match error {
        store::Error::Stale { expected, found } => Error::Stale { expected, found },
        store::Error::NoRevision { revision, newest } => Error::NoRevision { revision, newest },
        store::Error::Damaged { path, why } => Error::Damaged { path, why },
        store::Error::Newer { path, format } => Error::Newer { path, format },
        store::Error::Busy { path } => Error::Busy { path },
        store::Error::Io { doing, path, source } => Error::Io { doing, path, source },
        store::Error::Full { path, source } => Error::Io { doing: "write", path, source },
        other => Error::Store {
            unknown: matches!(other, store::Error::Unknown { .. }),
            why: other.to_string(),
        },
    }
}
