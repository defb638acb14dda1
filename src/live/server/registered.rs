//! What is registered on a control plane: the documents of the registry's part of the admin API.

use crate::envoy::Resource;
use crate::envoy::xds::{selector_of, with_endpoints};
use crate::model::{IpPreference, NodeName, Port, RegistryDiscovery};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// An instance of a service, as it registers itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Instance {
    /// Where it listens.
    pub address: IpAddr,
    /// The port; without one, that of the node's listener.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// A node's `attributes` choose among instances: those that have all of them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
    /// Whether it can serve. Where no instance can, all are given requests.
    #[serde(default = "healthy")]
    pub healthy: bool,
    /// Its share of the requests, against those of the others: 1 to 10,000.
    #[serde(default = "one")]
    pub weight: u32,
    /// How long it counts as alive after it was registered: 1,000 to 86,400,000.
    #[serde(default = "half_a_minute")]
    pub ttl_ms: u64,
}

fn healthy() -> bool {
    true
}

fn one() -> u32 {
    1
}

fn half_a_minute() -> u64 {
    30_000
}

/// Whether a selector selects an instance of this namespace and service.
pub fn selects(
    selector: &RegistryDiscovery,
    namespace: &str,
    service: &str,
    instance: &Instance,
) -> bool {
    let version = match selector.ip_preference {
        Some(IpPreference::Ipv4Only) => instance.address.is_ipv4(),
        Some(IpPreference::Ipv6Only) => instance.address.is_ipv6(),
        Some(IpPreference::Ipv4Preferred | IpPreference::Ipv6Preferred) | None => true,
    };
    let mut attributes = selector.attributes.iter();
    version
        && namespace == selector.namespace
        && service == selector.service
        && attributes.all(|(name, value)| instance.attributes.get(name) == Some(value))
}

/// How many instances there are; none, if one of them names a port at which their node listens no
/// longer: its share of the requests would be lost.
pub fn leading<'a>(
    instances: impl Iterator<Item = &'a Instance>,
    gives_up: &BTreeSet<Port>,
) -> usize {
    let mut count = 0;
    for instance in instances {
        if instance.port.is_some_and(|port| gives_up.iter().any(|own| own.get() == port)) {
            return 0;
        }
        count += 1;
    }
    count
}

/// How the lease of an instance stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lease {
    /// It has not ended.
    Valid,
    /// It has ended, and no node has the instance any more.
    Lapsed,
    /// It has ended, but so have those of too many others at once: the instance still has requests,
    /// until leases are renewed, it is deregistered, or an operator confirms.
    Held,
}

/// A registered instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registered {
    /// The namespace.
    pub namespace: String,
    /// The service in it.
    pub service: String,
    /// The instance's own name.
    pub id: String,
    /// What it is.
    pub instance: Instance,
    /// How its lease stands.
    pub lease: Lease,
    /// How long it still has.
    pub left_ms: u64,
}

/// A node that is found in the registry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundNode {
    /// The node.
    pub node: NodeName,
    /// Where it is looked for.
    pub namespace: String,
    /// As what.
    pub service: String,
    /// What its instances must have.
    pub attributes: BTreeMap<String, String>,
    /// Which IP version they must have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip_preference: Option<IpPreference>,
    /// The instances that its callers send requests to.
    pub instances: Vec<String>,
    /// Those of them whose lease has ended.
    pub held: Vec<String>,
}

impl FoundNode {
    fn is_found_by(&self, selector: &RegistryDiscovery) -> bool {
        let RegistryDiscovery { namespace, service, attributes, ip_preference } = selector;
        (&self.namespace, &self.service) == (namespace, service)
            && self.attributes == *attributes
            && self.ip_preference == *ip_preference
    }
}

/// All that is registered for a mesh.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegistryDocument {
    /// Every instance, by namespace, service and name.
    pub instances: Vec<Registered>,
    /// Every node that is found in the registry, by name.
    pub nodes: Vec<FoundNode>,
}

impl RegistryDocument {
    /// How many live registrations of a selector lead to its node, as [`leading`] counts them.
    pub fn live(&self, selector: &RegistryDiscovery, gives_up: &BTreeSet<Port>) -> usize {
        let live = self.instances.iter().filter(|registered| {
            let Registered { namespace, service, instance, lease, .. } = registered;
            *lease == Lease::Valid && selects(selector, namespace, service, instance)
        });
        leading(live.map(|registered| &registered.instance), gives_up)
    }

    /// An assignment as the server gives it: with the endpoints that are registered. `None`: its
    /// endpoints are not from the registry.
    pub fn assignment(&self, resource: &Resource) -> Option<Resource> {
        let selector = selector_of(resource)?;
        // Nodes that are found by the same selector have the same instances.
        let found = self.nodes.iter().find(|found| found.is_found_by(&selector))?;
        let given = |registered: &&Registered| {
            registered.namespace == found.namespace
                && registered.service == found.service
                && found.instances.contains(&registered.id)
        };
        let endpoints = self.instances.iter().filter(given).map(|registered| {
            let instance = &registered.instance;
            (instance.address, instance.port, instance.weight)
        });
        Some(with_endpoints(resource, &endpoints.collect::<Vec<_>>()))
    }
}
