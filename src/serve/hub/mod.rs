//! What every proxy is to have, and every stream that wants it.
//!
//! ```text
//!  put(step, configs) ─► View of a proxy ─► its streams: dirty ids ─► woken
//!                          │ shared bytes, one copy for each content
//!  stream: Session ◄───────┘ read when the connection can take more
//! ```
//!
//! A change costs work for the proxies that it reaches and for their streams; no lock is held
//! while anything is sent.

mod contents;
mod line;
mod table;

pub use contents::{Counts, Endpoint};
pub(in crate::serve) use line::Attached;
pub use line::{Line, Opening, Refused};
pub use table::Instance;

use super::budget::{Account, Budgets};
use super::identity::Identity;
use super::limits::Limits;
use crate::envoy::csds::Client;
use crate::envoy::{ProxyConfig, ProxyId};
use crate::model::RegistryDiscovery;
use crate::revision::StepId;
use contents::{Contents, Counters};
use rustls::crypto::ring;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use table::Mesh;
use tokio::sync::watch;

/// The table of resources and streams of a server. Clones share it.
#[derive(Clone, Debug)]
pub struct Hub {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    limits: Limits,
    meshes: Mutex<BTreeMap<String, Arc<Mesh>>>,
    contents: Contents,
    counters: Counters,
    changes: watch::Sender<u64>,
    /// Tells nonces of this run of the server from those of others.
    run: String,
    serial: AtomicU64,
    streams: AtomicUsize,
    budgets: Budgets,
}

/// What a hub keeps in memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Holds {
    /// Meshes that were put, or of which somebody is connected.
    pub meshes: usize,
    /// Their proxies.
    pub proxies: usize,
    /// Names of resources, for each proxy.
    pub names: usize,
    /// Encoded resources, and some that are not needed any more.
    pub contents: usize,
    /// Identities that have something of their budgets.
    pub identities: usize,
    /// Bytes of their budgets that they have.
    pub bytes: usize,
}

/// Takes a lock. What is behind it is whole even after a panic of who held it: every change of it
/// is made by one assignment after another, none of which relies on the next.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Hub {
    /// A hub without meshes.
    pub fn new(limits: Limits) -> Self {
        let mut seed = [0; 8];
        // Without randomness nonces still differ within a run, which is all that a client needs.
        let _ = ring::default_provider().secure_random.fill(&mut seed);
        let inner = Inner {
            budgets: Budgets::new(&limits),
            limits,
            meshes: Mutex::default(),
            contents: Contents::default(),
            counters: Counters::default(),
            changes: watch::Sender::new(0),
            run: format!("{:x}", u64::from_be_bytes(seed)),
            serial: AtomicU64::new(0),
            streams: AtomicUsize::new(0),
        };
        Self { inner: Arc::new(inner) }
    }

    /// The limits that it was made with.
    pub fn limits(&self) -> &Limits {
        &self.inner.limits
    }

    /// What proxies are to have from now on: the whole configuration of each proxy that changes;
    /// `None`: it is gone from the mesh, and keeps what it has. Call it when the step is durable.
    ///
    /// Each resource is encoded once, and only streams of these proxies are woken. Streams of a
    /// mesh that was never put wait: an empty answer would take everything away from a proxy.
    pub fn put(
        &self,
        mesh: &str,
        step: StepId,
        changed: BTreeMap<ProxyId, Option<Arc<ProxyConfig>>>,
    ) {
        self.mesh(mesh).put(step, changed, &self.inner.contents, &self.inner.counters);
        self.inner.tell();
    }

    /// The registered endpoints that a selector selects: callers whose configuration has it get them
    /// from now on in place of those of the configuration.
    pub fn endpoints(&self, mesh: &str, selector: &RegistryDiscovery, endpoints: &[Endpoint]) {
        let inner = &self.inner;
        self.mesh(mesh).register(selector, endpoints, &inner.contents, &inner.counters);
        inner.tell();
    }

    /// Every proxy of a mesh with its connected instances.
    pub fn report(&self, mesh: &str) -> BTreeMap<ProxyId, Vec<Instance>> {
        let found = lock(&self.inner.meshes).get(mesh).cloned();
        found.map(|mesh| mesh.report()).unwrap_or_default()
    }

    /// How the connected clients stand whose node id is asked for, by mesh, proxy and age.
    pub fn clients(&self, wanted: impl Fn(&str) -> bool) -> Vec<Client> {
        let meshes: Vec<Arc<Mesh>> = lock(&self.inner.meshes).values().cloned().collect();
        meshes.iter().flat_map(|mesh| mesh.clients(&wanted)).collect()
    }

    /// Grows whenever a report may have changed.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.inner.changes.subscribe()
    }

    /// Ends the streams of an identity, whose credential is not valid any more.
    pub fn disconnect(&self, identity: &Identity) {
        self.close(|line| line.identity() == identity);
    }

    /// Ends the streams of a proxy, however its certificates spell its identity.
    pub fn disconnect_proxy(&self, mesh: &str, proxy: &ProxyId) {
        self.close(|line| line.is_of(mesh, proxy));
    }

    /// Ends every stream, before the server stops.
    pub fn disconnect_all(&self) {
        self.close(|_| true);
    }

    fn close(&self, which: impl Fn(&Line) -> bool) {
        let meshes: Vec<Arc<Mesh>> = lock(&self.inner.meshes).values().cloned().collect();
        for line in meshes.iter().flat_map(|mesh| mesh.lines()).filter(|line| which(line)) {
            line.close();
        }
    }

    /// The work that was done since the hub was made.
    pub fn counts(&self) -> Counts {
        self.inner.counters.read()
    }

    /// What is kept in memory now.
    pub fn holds(&self) -> Holds {
        let meshes: Vec<Arc<Mesh>> = lock(&self.inner.meshes).values().cloned().collect();
        let mut holds = Holds { meshes: meshes.len(), ..Holds::default() };
        for (proxies, names) in meshes.iter().map(|mesh| mesh.holds()) {
            holds.proxies += proxies;
            holds.names += names;
        }
        holds.contents = self.inner.contents.len();
        (holds.identities, holds.bytes) = self.inner.budgets.held();
        holds
    }

    /// Bytes that count against the budgets of identities, of all of them.
    pub fn budgeted(&self) -> usize {
        self.inner.budgets.held().1
    }

    /// The budget of an identity.
    pub(in crate::serve) fn budget(&self, identity: &Identity) -> Arc<Account> {
        self.inner.budgets.of(identity)
    }

    /// How many streams are open.
    pub fn streams(&self) -> usize {
        self.inner.streams.load(Ordering::Relaxed)
    }

    /// A panic was caught in a stream.
    pub(in crate::serve) fn count_panic(&self) {
        self.inner.counters.panics(1);
    }

    /// Forgets a mesh that a stream was of, if there is nothing of it.
    fn tidy(&self, name: &str) {
        let mut meshes = lock(&self.inner.meshes);
        // Nobody gets at it while the table is locked: this table and the stream that ends have it.
        if let Some(mesh) = meshes.get(name)
            && Arc::strong_count(mesh) <= 2
            && mesh.is_empty()
        {
            meshes.remove(name);
        }
    }

    fn mesh(&self, name: &str) -> Arc<Mesh> {
        lock(&self.inner.meshes).entry(name.to_owned()).or_default().clone()
    }
}

impl Inner {
    fn tell(&self) {
        self.changes.send_modify(|number| *number += 1);
    }
}
