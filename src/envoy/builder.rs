//! Collects the resources of one proxy while it is compiled.

use super::names;
use super::pb::core;
use super::resource::{
    ConfigSource, ProxyConfig, ProxyId, Resource, ResourceType, Settings, Side, version_of,
};
use crate::model::{Address, Mesh, MeshName};
use crate::traffic::addresses::any_address;
use envoy_api::{Any, Name, pack};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

/// Where something was written: a resource and a JSON pointer into it.
pub(super) type Origin = (Address, String);

/// The proxy under construction, and what it is made from.
pub(super) struct Builder<'a> {
    pub(super) mesh: &'a Mesh,
    pub(super) settings: &'a Settings,
    pub(super) proxy: ProxyId,
    resources: BTreeMap<(ResourceType, String), Arc<Resource>>,
}

impl<'a> Builder<'a> {
    pub(super) fn new(mesh: &'a Mesh, settings: &'a Settings, proxy: ProxyId) -> Self {
        Self { mesh, settings, proxy, resources: BTreeMap::new() }
    }

    pub(super) fn mesh_name(&self) -> &'a MeshName {
        &self.mesh.settings.name
    }

    /// Whether a resource is there already, so that its message need not be made again.
    pub(super) fn has(&self, kind: ResourceType, name: &str) -> bool {
        self.resources.contains_key(&(kind, name.to_owned()))
    }

    /// Adds a resource. The first of a name stays.
    pub(super) fn add(
        &mut self,
        kind: ResourceType,
        name: &str,
        side: Side,
        message: &impl Name,
        origins: Vec<Origin>,
    ) {
        self.add_any(kind, name, side, pack(message), origins);
    }

    fn add_any(
        &mut self,
        kind: ResourceType,
        name: &str,
        side: Side,
        message: Any,
        origins: Vec<Origin>,
    ) {
        let version = version_of(&message);
        let name = name.to_owned();
        let resource = Resource { kind, name: name.clone(), side, message, version, origins };
        self.resources.entry((kind, name)).or_insert_with(|| Arc::new(resource));
    }

    pub(super) fn finish(self) -> ProxyConfig {
        ProxyConfig { proxy: self.proxy, resources: self.resources }
    }

    /// Where this proxy gets a resource that another one refers to.
    pub(super) fn source(&self, kind: ResourceType, name: &str) -> core::ConfigSource {
        config_source(&self.settings.source, &self.proxy, kind, name)
    }

    /// The address that a listener binds if it names none.
    pub(super) fn any_address(&self) -> IpAddr {
        any_address(&self.mesh.settings)
    }
}

/// Where a proxy gets one resource, or one file of them.
pub(super) fn config_source(
    source: &ConfigSource,
    proxy: &ProxyId,
    kind: ResourceType,
    name: &str,
) -> core::ConfigSource {
    use core::config_source::ConfigSourceSpecifier as Specifier;
    let specifier = match source {
        ConfigSource::Path { root } => Specifier::PathConfigSource(core::PathConfigSource {
            path: format!("{root}/current/{proxy}/{}", names::file(kind, name)),
            // The link `current` is moved into the root, which is the only thing that moves.
            watched_directory: Some(watched(root)),
            ..Default::default()
        }),
        ConfigSource::Ads => Specifier::Ads(core::AggregatedConfigSource::default()),
    };
    core::ConfigSource {
        config_source_specifier: Some(specifier),
        resource_api_version: super::defaults::V3,
        ..Default::default()
    }
}

pub(super) fn watched(path: &str) -> core::WatchedDirectory {
    core::WatchedDirectory { path: path.to_owned(), ..Default::default() }
}

/// An address and a port as Envoy has them.
pub(super) fn socket_address(address: IpAddr, port: u16) -> core::Address {
    let socket = core::SocketAddress {
        address: address.to_string(),
        // `::` alone would leave IPv4 out.
        ipv4_compat: address == IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        ..host_port(String::new(), port)
    };
    core::Address { address: Some(core::address::Address::SocketAddress(socket)) }
}

/// A name and a port as Envoy has them.
pub(super) fn host_address(host: &str, port: u16) -> core::Address {
    let socket = host_port(host.to_owned(), port);
    core::Address { address: Some(core::address::Address::SocketAddress(socket)) }
}

fn host_port(address: String, port: u16) -> core::SocketAddress {
    core::SocketAddress {
        address,
        port_specifier: Some(core::socket_address::PortSpecifier::PortValue(port.into())),
        ..Default::default()
    }
}
