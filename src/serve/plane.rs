//! The data plane, as the rest of the server sees it: who is given what, and who has it.

use super::hub::{Counts, Endpoint, Hub, Instance};
use crate::envoy::{ProxyConfig, ProxyId};
use crate::live::StepId;
use crate::live::server::wire::{EnvoyStatus, RefusedResource};
use crate::model::{MeshName, RegistryDiscovery};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::watch;

/// What each of some proxies is to have from now on; `None`: it is gone from the mesh.
pub type Changed = BTreeMap<ProxyId, Option<Arc<ProxyConfig>>>;

/// Where proxies get their configuration from.
pub trait Plane: Send + Sync {
    /// What proxies are to have from now on. Called when the step is on disk.
    fn put(&self, mesh: &MeshName, step: StepId, changed: Changed);

    /// The registered endpoints that a selector selects, which callers get from now on whose
    /// configuration has it.
    fn endpoints(&self, mesh: &MeshName, selector: &RegistryDiscovery, endpoints: &[Endpoint]);

    /// Every proxy of a mesh, with the Envoys that are connected as it.
    fn report(&self, mesh: &MeshName) -> BTreeMap<ProxyId, Vec<EnvoyStatus>>;

    /// Ends the streams of a proxy whose certificates were revoked.
    fn disconnect(&self, _mesh: &MeshName, _proxy: &ProxyId) {}

    /// Grows whenever a report may have changed.
    fn changes(&self) -> watch::Receiver<u64>;

    /// The work that was done since the start.
    fn work(&self) -> Counts;

    /// Bytes that count against the budgets of identities now.
    fn budgeted(&self) -> usize {
        0
    }
}

impl Plane for Hub {
    fn put(&self, mesh: &MeshName, step: StepId, changed: Changed) {
        Self::put(self, mesh.as_str(), step, changed);
    }

    fn endpoints(&self, mesh: &MeshName, selector: &RegistryDiscovery, endpoints: &[Endpoint]) {
        Self::endpoints(self, mesh.as_str(), selector, endpoints);
    }

    fn report(&self, mesh: &MeshName) -> BTreeMap<ProxyId, Vec<EnvoyStatus>> {
        let proxies = Self::report(self, mesh.as_str()).into_iter();
        proxies.map(|(proxy, all)| (proxy, all.into_iter().map(status).collect())).collect()
    }

    fn disconnect(&self, mesh: &MeshName, proxy: &ProxyId) {
        Self::disconnect_proxy(self, mesh.as_str(), proxy);
    }

    fn changes(&self) -> watch::Receiver<u64> {
        Self::changes(self)
    }

    fn work(&self) -> Counts {
        self.counts()
    }

    fn budgeted(&self) -> usize {
        Self::budgeted(self)
    }
}

/// What the API says of a stream.
fn status(instance: Instance) -> EnvoyStatus {
    let Instance { node_id, peer, build, connected, progress } = instance;
    let refused = progress.refused.into_iter().map(|((kind, name), refusal)| RefusedResource {
        kind,
        name,
        version: refusal.version,
        reason: refusal.class,
    });
    let connected = i64::try_from(connected).unwrap_or(i64::MAX);
    let connected = jiff::Timestamp::from_millisecond(connected).unwrap_or_default();
    EnvoyStatus {
        node_id,
        peer: peer.to_string(),
        build,
        connected: connected.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        step: progress.step,
        lacks: progress.lacks.into_iter().collect(),
        refused: refused.collect(),
    }
}
