//! The proxies of one mesh: what each is to have, and its streams.

use super::contents::{Contents, Counters, Endpoint};
use super::line::Line;
use super::lock;
use crate::envoy::csds::Client;
use crate::envoy::xds::{selector_of, with_endpoints};
use crate::envoy::{ProxyConfig, ProxyId, Resource, ResourceType};
use crate::model::RegistryDiscovery;
use crate::revision::StepId;
use crate::serve::session::{Content, NameId, Progress, View};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// A connected instance of a proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// Its `node.id`.
    pub node_id: String,
    /// Where it connects from.
    pub peer: SocketAddr,
    /// Its program and version, as it says.
    pub build: String,
    /// When it connected, in milliseconds of Unix time.
    pub connected: u64,
    /// How far it is.
    pub progress: Progress,
}

/// One proxy of a mesh.
#[derive(Debug, Default)]
pub(super) struct Proxy {
    view: RwLock<View>,
    lines: Mutex<BTreeMap<u64, Arc<Line>>>,
    /// Assignments whose endpoints are registered, as the configuration has them.
    registered: Mutex<BTreeMap<RegistryDiscovery, Vec<Arc<Resource>>>>,
}

impl Proxy {
    pub(super) fn view(&self) -> RwLockReadGuard<'_, View> {
        self.view.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn view_mut(&self) -> RwLockWriteGuard<'_, View> {
        self.view.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn add(&self, line: Arc<Line>) {
        lock(&self.lines).insert(line.id(), line);
    }

    pub(super) fn remove(&self, id: u64) {
        lock(&self.lines).remove(&id);
    }

    fn lines(&self) -> Vec<Arc<Line>> {
        lock(&self.lines).values().cloned().collect()
    }

    /// Forgets names that are gone, if they are many; else a view would only grow.
    fn sweep(&self) {
        let mut view = self.view_mut();
        let Some(mut gone) = view.many_gone() else { return };
        for line in self.lines() {
            gone.retain(|id| !line.uses(*id));
        }
        view.forget(gone);
    }

    fn tell(&self, ids: &[NameId], before: Option<StepId>, counters: &Counters) {
        for line in self.lines() {
            counters.told(1);
            counters.visits(ids.len());
            if line.changed(&self.view(), ids, before) {
                counters.wakes(1);
            }
        }
    }
}

/// One mesh.
#[derive(Debug, Default)]
pub(super) struct Mesh {
    state: Mutex<State>,
    /// One change at a time.
    changing: Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    newest: Option<StepId>,
    proxies: BTreeMap<ProxyId, Arc<Proxy>>,
    /// What each selector selects.
    endpoints: BTreeMap<RegistryDiscovery, Vec<Endpoint>>,
    /// The proxies that call what a selector selects.
    callers: BTreeMap<RegistryDiscovery, Vec<ProxyId>>,
}

impl Mesh {
    /// The proxy of an id, whether the mesh has it or not.
    pub(super) fn proxy(&self, id: &ProxyId) -> Arc<Proxy> {
        lock(&self.state).proxies.entry(id.clone()).or_default().clone()
    }

    pub(super) fn lines(&self) -> Vec<Arc<Line>> {
        let proxies: Vec<_> = lock(&self.state).proxies.values().cloned().collect();
        proxies.iter().flat_map(|proxy| proxy.lines()).collect()
    }

    /// Forgets a proxy that the mesh does not have and nobody is connected as.
    pub(super) fn tidy(&self, id: &ProxyId) {
        let mut state = lock(&self.state);
        if let Some(proxy) = state.proxies.get(id)
            && !proxy.view().present()
            && lock(&proxy.lines).is_empty()
            // This table, and the stream that ends.
            && Arc::strong_count(proxy) <= 2
        {
            state.proxies.remove(id);
        }
    }

    /// Whether nobody has put it or registered anything, and nobody is connected.
    pub(super) fn is_empty(&self) -> bool {
        let state = lock(&self.state);
        state.newest.is_none() && state.proxies.is_empty() && state.endpoints.is_empty()
    }

    /// How many proxies it knows, and how many names these.
    pub(super) fn holds(&self) -> (usize, usize) {
        let proxies: Vec<_> = lock(&self.state).proxies.values().cloned().collect();
        (proxies.len(), proxies.iter().map(|proxy| proxy.view().names()).sum())
    }

    pub(super) fn put(
        &self,
        step: StepId,
        changed: BTreeMap<ProxyId, Option<Arc<ProxyConfig>>>,
        contents: &Contents,
        counters: &Counters,
    ) {
        let _one = lock(&self.changing);
        let (before, endpoints) = {
            let mut state = lock(&self.state);
            (state.newest.replace(step), state.endpoints.clone())
        };
        for (id, config) in changed {
            let proxy = self.proxy(&id);
            let Some(config) = config else {
                proxy.view_mut().leave();
                self.callers(&id, &proxy, BTreeMap::new());
                drop(proxy);
                self.tidy(&id);
                continue;
            };
            counters.visits(config.resources.len());
            let kind = ResourceType::ClusterLoadAssignment;
            let mut registered: BTreeMap<RegistryDiscovery, Vec<Arc<Resource>>> = BTreeMap::new();
            let mut known = BTreeMap::new();
            for resource in config.of(kind) {
                if let Some(selector) = selector_of(resource) {
                    known.insert(resource.name.as_str(), endpoints.get(&selector));
                    registered.entry(selector).or_default().push(resource.clone());
                }
            }
            let ids = proxy.view_mut().become_config(step, &config, |resource| {
                let own = known.get(resource.name.as_str()).filter(|_| resource.kind == kind);
                content(resource, own.copied().flatten(), contents, counters)
            });
            self.callers(&id, &proxy, registered);
            // The step is new even where nothing changed.
            proxy.tell(&ids, before, counters);
            proxy.sweep();
        }
    }

    /// Notes what selects the registered endpoints that a proxy calls.
    fn callers(
        &self,
        id: &ProxyId,
        proxy: &Proxy,
        registered: BTreeMap<RegistryDiscovery, Vec<Arc<Resource>>>,
    ) {
        let had = std::mem::replace(&mut *lock(&proxy.registered), registered);
        let now = lock(&proxy.registered);
        let mut state = lock(&self.state);
        for selector in had.keys().filter(|selector| !now.contains_key(*selector)) {
            if let Some(callers) = state.callers.get_mut(selector) {
                callers.retain(|caller| caller != id);
            }
        }
        for selector in now.keys().filter(|selector| !had.contains_key(*selector)) {
            state.callers.entry(selector.clone()).or_default().push(id.clone());
        }
    }

    pub(super) fn register(
        &self,
        selector: &RegistryDiscovery,
        endpoints: &[Endpoint],
        contents: &Contents,
        counters: &Counters,
    ) {
        let _one = lock(&self.changing);
        let (proxies, step) = {
            let mut state = lock(&self.state);
            state.endpoints.insert(selector.clone(), endpoints.to_vec());
            let callers = state.callers.get(selector).into_iter().flatten();
            let proxies: Vec<_> = callers.filter_map(|id| state.proxies.get(id).cloned()).collect();
            (proxies, state.newest)
        };
        let own = endpoints.to_vec();
        for proxy in proxies {
            let resources = lock(&proxy.registered).get(selector).cloned().unwrap_or_default();
            let mut ids = Vec::new();
            for resource in &resources {
                counters.visits(1);
                let content = content(resource, Some(&own), contents, counters);
                ids.extend(proxy.view_mut().replace(content));
            }
            if !ids.is_empty() {
                proxy.tell(&ids, step, counters);
            }
        }
    }

    /// How the clients stand that are asked for, by proxy and then as they came.
    pub(super) fn clients(&self, wanted: &dyn Fn(&str) -> bool) -> Vec<Client> {
        let proxies: Vec<Arc<Proxy>> = lock(&self.state).proxies.values().cloned().collect();
        let mut found = Vec::new();
        for proxy in proxies {
            for line in proxy.lines().iter().filter(|line| wanted(line.node_id())) {
                found.push(line.client(&proxy.view()));
            }
        }
        found
    }

    pub(super) fn report(&self) -> BTreeMap<ProxyId, Vec<Instance>> {
        let (newest, proxies) = {
            let state = lock(&self.state);
            (state.newest, state.proxies.clone())
        };
        let mut report = BTreeMap::new();
        for (id, proxy) in proxies {
            let lines = proxy.lines();
            let view = proxy.view();
            if view.present() {
                report.insert(id, lines.iter().map(|line| line.report(&view, newest)).collect());
            }
        }
        report
    }
}

/// The bytes of a resource, with the registered endpoints in place.
fn content(
    resource: &Resource,
    endpoints: Option<&Vec<Endpoint>>,
    contents: &Contents,
    counters: &Counters,
) -> Arc<Content> {
    match endpoints {
        None => contents.of(resource, counters),
        Some(endpoints) => {
            let all: Vec<_> = endpoints.iter().map(|e| (e.address, e.port, e.weight)).collect();
            contents.of(&with_endpoints(resource, &all), counters)
        }
    }
}
