//! Compiles a mesh: which proxies there are, what each gets, and which of them a change reaches.
#![deny(clippy::disallowed_methods)]

mod index;
mod sizes;

pub use index::{Index, reach_of};
pub use sizes::oversized;

use crate::envoy::{self, ProxyConfig, ProxyId, Settings};
use crate::model::{Address, Mesh};
use std::collections::BTreeSet;

/// Every proxy of a mesh: those of its nodes, then its gateways, each by name.
pub fn proxies(mesh: &Mesh) -> Vec<ProxyId> {
    let nodes = mesh.nodes.iter().filter(|(_, node)| node.proxy);
    let nodes = nodes.map(|(name, _)| ProxyId::Node(name.clone()));
    nodes.chain(mesh.gateways.keys().cloned().map(ProxyId::Gateway)).collect()
}

/// Whether a mesh has a proxy: one of [`proxies`].
pub fn has_proxy(mesh: &Mesh, proxy: &ProxyId) -> bool {
    match proxy {
        ProxyId::Node(name) => mesh.nodes.get(name).is_some_and(|node| node.proxy),
        ProxyId::Gateway(name) => mesh.gateways.contains_key(name),
    }
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
