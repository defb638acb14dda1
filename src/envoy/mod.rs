//! Envoy: how a checked mesh becomes the resources of each proxy.
//!
//! The only module that names protobuf types. It is total: after the rules have passed, every mesh
//! compiles; what only Envoy itself would refuse is found by [`limits`].
#![deny(clippy::disallowed_methods)]

mod access_log;
mod asked;
mod bootstrap;
mod builder;
mod cluster;
mod control_plane;
pub mod csds;
pub mod defaults;
mod endpoint;
mod files;
mod filters;
mod gateway;
mod hcm;
pub mod limits;
mod listener;
mod log_format;
mod matching;
mod names;
mod node;
pub mod oracle;
mod patch;
mod pb;
mod resource;
mod route;
mod running;
mod secret;
mod tls;
pub mod wire;
pub mod xds;

pub use asked::{asked, asked_files, is_asked_whole, needs};
pub use bootstrap::{Admin, Bootstrap, Endpoint, Tracing, bootstrap};
pub use control_plane::{ControlPlane, ControlPlaneTls, identity_files};
pub use files::{files, version};
pub use names::{NodeId, file, file_stem, node_id, parse_node_id};
pub use resource::{ConfigSource, ProxyConfig, ProxyId, Resource, ResourceType, Settings, Side};
pub use running::{Differs, PARTS, Part, Running};

use crate::model::Mesh;

/// Compiles one proxy. The mesh must have passed the rules; what it lacks (a node that is gone, a
/// service without a provider) leads to no route, never to a panic.
pub fn compile(mesh: &Mesh, settings: &Settings, proxy: &ProxyId) -> ProxyConfig {
    match proxy {
        ProxyId::Node(name) => node::compile(mesh, settings, name),
        ProxyId::Gateway(name) => gateway::compile(mesh, settings, name),
    }
}
