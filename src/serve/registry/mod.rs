//! The registry of a mesh: instances register with a lease, and the callers of a node that is
//! found in the registry get its endpoints.
//!
//! ```text
//!  PUT …/instances/ID ──> store (what, not until when) ──> leases ──> plane ──EDS──> callers
//!                                        time ────────────────┘
//! ```
//!
//! What is registered is in the store, so that a server that is started again serves the same
//! endpoints at once; leases start again then. A renewal writes nothing.

mod leases;
#[cfg(test)]
mod tests;

use super::admin::Server;
use super::plane::Plane;
use super::upkeep::repeat;
use crate::live::server::registered::{Instance, Registered, RegistryDocument, leading};
use crate::model::{Discovery, Mesh, MeshName, Port, RegistryDiscovery};
use crate::store::{Error, Store};
use crate::traffic::addresses::registry_selector;
use leases::{Key, Leases, Wanted};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// The most instances of a service, as Cloud Map had it.
pub(super) const OF_SERVICE: usize = 1_000;
/// The most instances of a mesh.
pub(super) const OF_MESH: usize = 10_000;
/// The most bytes of what the instances of a mesh say of themselves, each text with 64 more.
pub(super) const BYTES: usize = 32 << 20;
/// How often it is looked whether leases have ended.
const LOOK: Duration = Duration::from_millis(200);

/// What is registered for a mesh.
pub(super) struct Registry {
    mesh: MeshName,
    store: Arc<dyn Store>,
    plane: Arc<dyn Plane>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    leases: Leases,
    /// When something happens by itself next.
    next: Option<Instant>,
}

/// What became of a registration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Done {
    /// It is new, or something of it is.
    New,
    /// Its lease goes on.
    Renewed,
    /// There are as many instances as there may be.
    Full(usize),
    /// They say as much as they may.
    FullOfBytes,
}

/// The nodes of a mesh that are found in a registry, each with what selects its instances.
pub(super) fn wanted(mesh: &Mesh) -> BTreeSet<Wanted> {
    let nodes = mesh.nodes.iter().filter_map(|(name, node)| match &node.discovery {
        Some(Discovery::Registry(found)) => {
            Some((name.clone(), registry_selector(&mesh.settings, found)))
        }
        _ => None,
    });
    nodes.collect()
}

impl Registry {
    pub(super) fn new(mesh: MeshName, store: Arc<dyn Store>, plane: Arc<dyn Plane>) -> Self {
        Self { mesh, store, plane, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change of it is whole before the next begins.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes up what the store remembers; every lease begins now.
    pub(super) fn load(&self) -> Result<(), Error> {
        let now = Instant::now();
        let mut state = self.state();
        for (key, value) in self.store.registered(&self.mesh)? {
            // What another meshctl wrote in a form of its own registers itself again.
            if let (Some(key), Ok(instance)) = (read(&key), serde_json::from_value(value)) {
                state.leases.put(key, instance, now);
            }
        }
        state.next = state.leases.next(now);
        Ok(())
    }

    /// These nodes are found here from now on.
    pub(super) fn follow(&self, wanted: BTreeSet<Wanted>) -> Result<(), Error> {
        let mut state = self.state();
        state.leases.follow(wanted);
        self.settle(&mut state)
    }

    /// Whether an instance is registered like this, and its lease has not ended.
    pub(super) fn stands(&self, key: &Key, instance: &Instance) -> bool {
        let state = self.state();
        state.leases.get(key) == Some(instance) && !state.leases.is_lapsed(key, Instant::now())
    }

    /// Registers an instance, or renews its lease.
    pub(super) fn register(&self, key: Key, instance: Instance) -> Result<Done, Error> {
        let now = Instant::now();
        let mut state = self.state();
        let known = state.leases.get(&key);
        if known.is_none() {
            let (all, of) = state.leases.counts(&key.0, &key.1);
            if all >= OF_MESH || of >= OF_SERVICE {
                return Ok(Done::Full(if of >= OF_SERVICE { OF_SERVICE } else { OF_MESH }));
            }
        }
        let stands = known == Some(&instance) && !state.leases.is_lapsed(&key, now);
        if known != Some(&instance) && state.leases.bytes(&key, &instance) > BYTES {
            return Ok(Done::FullOfBytes);
        }
        if !stands {
            let value = serde_json::to_value(&instance).expect("invariant: it is plain data");
            self.store.register(&self.mesh, &written(&key), Some(&value))?;
        }
        if !state.leases.put(key, instance, now) {
            return Ok(Done::Renewed);
        }
        self.settle(&mut state)?;
        Ok(Done::New)
    }

    /// Takes an instance out. Says whether there was one.
    pub(super) fn deregister(&self, key: &Key) -> Result<bool, Error> {
        let mut state = self.state();
        if state.leases.get(key).is_none() {
            return Ok(false);
        }
        self.store.register(&self.mesh, &written(key), None)?;
        state.leases.remove(key);
        self.settle(&mut state)?;
        Ok(true)
    }

    /// Takes out the instances of a service whose leases have ended, held or not.
    pub(super) fn confirm(&self, namespace: &str, service: &str) -> Result<Vec<String>, Error> {
        let mut state = self.state();
        let mut gone = Vec::new();
        for key in state.leases.lapsed(namespace, service, Instant::now()) {
            self.store.register(&self.mesh, &written(&key), None)?;
            state.leases.remove(&key);
            gone.push(key.2);
        }
        self.settle(&mut state)?;
        Ok(gone)
    }

    /// One instance.
    pub(super) fn one(&self, key: &Key) -> Option<Registered> {
        self.state().leases.one(key, Instant::now())
    }

    /// All of it.
    pub(super) fn document(&self) -> RegistryDocument {
        let (state, now) = (self.state(), Instant::now());
        RegistryDocument { instances: state.leases.instances(now), nodes: state.leases.nodes(now) }
    }

    /// How many live registrations of a selector lead to its node, which gives up some ports.
    pub(super) fn live(&self, selector: &RegistryDiscovery, gives_up: &BTreeSet<Port>) -> usize {
        let (state, now) = (self.state(), Instant::now());
        leading(state.leases.live(selector, now), gives_up)
    }

    /// Does what the time has come for.
    fn tick(&self) -> Result<(), Error> {
        let mut state = self.state();
        match state.next.is_some_and(|next| next <= Instant::now()) {
            true => self.settle(&mut state),
            false => Ok(()),
        }
    }

    /// Tells callers what changed. The endpoints are told whatever becomes of the store.
    fn settle(&self, state: &mut State) -> Result<(), Error> {
        let now = Instant::now();
        let settled = state.leases.settle(now);
        for (selector, endpoints) in &settled.changed {
            self.plane.endpoints(&self.mesh, selector, endpoints);
        }
        state.next = state.leases.next(now);
        for key in settled.lapsed {
            self.store.register(&self.mesh, &written(&key), None)?;
        }
        Ok(())
    }
}

/// How a key stands in the store: none of its parts has a control character.
fn written(key: &Key) -> String {
    format!("{}\n{}\n{}", key.0, key.1, key.2)
}

fn read(text: &str) -> Option<Key> {
    let mut parts = text.split('\n').map(str::to_owned);
    let key = (parts.next()?, parts.next()?, parts.next()?);
    parts.next().is_none().then_some(key)
}

/// Looks after the leases of all meshes until the server stops.
pub(super) async fn watch(server: Arc<Server>) {
    let look = |server: &Server| {
        let meshes: Vec<_> = {
            let meshes = server.meshes.lock().unwrap_or_else(PoisonError::into_inner);
            meshes.values().cloned().collect()
        };
        for mesh in meshes {
            // What the store does not take now is reported by the next registration.
            let _ = mesh.registry.tick();
        }
    };
    repeat(server, LOOK, look).await;
}
