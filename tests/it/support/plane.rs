//! A data plane that acknowledges as a test tells it to.

use meshctl::envoy::{ProxyId, ResourceType};
use meshctl::live::StepId;
use meshctl::live::server::wire::{EnvoyStatus, RefusedResource};
use meshctl::model::{MeshName, RegistryDiscovery};
use meshctl::serve::hub::{Counts, Endpoint};
use meshctl::serve::{Changed, Plane};
use std::collections::BTreeMap;
use std::sync::Mutex;
use tokio::sync::watch;

/// What Envoys do with what they are given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    /// They take it at once.
    Take,
    /// They say nothing.
    Silent,
    /// They refuse a listener of every step of this revision.
    Refuse(u64),
}

/// How many Envoys each proxy has, and what they were given.
#[derive(Debug)]
pub(crate) struct Double {
    envoys: usize,
    mood: Mutex<Mood>,
    given: Mutex<BTreeMap<MeshName, BTreeMap<ProxyId, StepId>>>,
    registered: Mutex<BTreeMap<(MeshName, RegistryDiscovery), Vec<Endpoint>>>,
    changes: watch::Sender<u64>,
}

impl Double {
    /// Every proxy has so many Envoys, which do this with all that they are given.
    pub(crate) fn with(envoys: usize, mood: Mood) -> Self {
        let (mood, given, registered) = (Mutex::new(mood), Mutex::default(), Mutex::default());
        Self { envoys, mood, given, registered, changes: watch::Sender::new(0) }
    }

    /// From now on they do this.
    pub(crate) fn becomes(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
        self.changes.send_modify(|count| *count += 1);
    }

    /// The endpoints of a service that its callers were last given.
    pub(crate) fn endpoints_of(&self, mesh: &str, namespace: &str, service: &str) -> Vec<Endpoint> {
        let selector = RegistryDiscovery {
            namespace: namespace.to_owned(),
            service: service.to_owned(),
            attributes: BTreeMap::new(),
            ip_preference: None,
        };
        let key = (MeshName::new(mesh).unwrap(), selector);
        self.registered.lock().unwrap().get(&key).cloned().unwrap_or_default()
    }
}

impl Plane for Double {
    fn put(&self, mesh: &MeshName, step: StepId, changed: Changed) {
        let mut given = self.given.lock().unwrap();
        let given = given.entry(mesh.clone()).or_default();
        for (proxy, config) in changed {
            match config {
                Some(_) => given.insert(proxy, step),
                None => given.remove(&proxy),
            };
        }
        self.changes.send_modify(|count| *count += 1);
    }

    fn endpoints(&self, mesh: &MeshName, selector: &RegistryDiscovery, endpoints: &[Endpoint]) {
        let mut registered = self.registered.lock().unwrap();
        registered.insert((mesh.clone(), selector.clone()), endpoints.to_vec());
    }

    fn report(&self, mesh: &MeshName) -> BTreeMap<ProxyId, Vec<EnvoyStatus>> {
        let (given, mood) = (self.given.lock().unwrap(), *self.mood.lock().unwrap());
        let listener = |name: &str| (ResourceType::Listener, name.to_owned());
        let refused = |step: StepId| RefusedResource {
            kind: ResourceType::Listener,
            name: "any".to_owned(),
            version: step.to_string(),
            reason: "it is refused by a test".to_owned(),
        };
        let envoy = |proxy: &ProxyId, step: StepId, number: usize| EnvoyStatus {
            node_id: format!("mesh/{mesh}/{proxy}/{number}"),
            peer: "127.0.0.1:1".to_owned(),
            build: "double".to_owned(),
            connected: "2026-01-01T00:00:00Z".to_owned(),
            step: Some(step).filter(|_| mood != Mood::Silent),
            lacks: Vec::from_iter((mood == Mood::Silent).then(|| listener("any"))),
            refused: Vec::from_iter((mood == Mood::Refuse(step.revision)).then(|| refused(step))),
        };
        let proxies = given.get(mesh).into_iter().flatten();
        proxies
            .map(|(proxy, step)| {
                let envoys = (0..self.envoys).map(|number| envoy(proxy, *step, number)).collect();
                (proxy.clone(), envoys)
            })
            .collect()
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    fn work(&self) -> Counts {
        Counts::default()
    }
}
