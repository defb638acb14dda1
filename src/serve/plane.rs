//! The data plane, as the rest of the server sees it: who is given what, and who has it.

use crate::envoy::{ProxyConfig, ProxyId};
use crate::live::StepId;
use crate::live::server::wire::EnvoyStatus;
use crate::model::MeshName;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::watch;

/// What each of some proxies is to have from now on; `None`: it is gone from the mesh.
pub type Changed = BTreeMap<ProxyId, Option<Arc<ProxyConfig>>>;

/// Where proxies get their configuration from.
pub trait Plane: Send + Sync {
    /// What proxies are to have from now on. Called when the step is on disk.
    fn put(&self, mesh: &MeshName, step: StepId, changed: Changed);

    /// Every proxy of a mesh, with the Envoys that are connected as it.
    fn report(&self, mesh: &MeshName) -> BTreeMap<ProxyId, Vec<EnvoyStatus>>;

    /// Grows whenever a report may have changed.
    fn changes(&self) -> watch::Receiver<u64>;
}
