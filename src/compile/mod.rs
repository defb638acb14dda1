//! Compiles a mesh: which proxies there are, what each gets, and which of them a change reaches.
#![deny(clippy::disallowed_methods)]

mod index;
mod sizes;

pub use index::{Index, reach_of};
pub use sizes::oversized;

use crate::envoy::{self, ProxyConfig, ProxyId, Settings};
use crate::model::{Address, Mesh};
use std::collections::BTreeSet;

/// Every proxy of a mesh: its nodes, then its gateways, each by name.
pub fn proxies(mesh: &Mesh) -> Vec<ProxyId> {
    let nodes = mesh.nodes.keys().cloned().map(ProxyId::Node);
    nodes.chain(mesh.gateways.keys().cloned().map(ProxyId::Gateway)).collect()
}

/// The resources of one proxy. Total for a mesh that has passed the rules; the work is in
/// proportion to what the proxy sees, not to the mesh.
pub fn compile(mesh: &Mesh, settings: &Settings, proxy: &ProxyId) -> ProxyConfig {
    envoy::compile(mesh, settings, proxy)
}

/// The proxies whose resources can depend on what stands at an address. For many addresses make
/// an [`Index`] once.
pub fn reach(mesh: &Mesh, address: &Address) -> BTreeSet<ProxyId> {
    Index::new(mesh).reach(address)
}
