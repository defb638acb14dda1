//! Where callers find a port of a node, and whether a change makes them find it elsewhere.

use crate::model::{
    Discovery, DnsDiscovery, IpPreference, Mesh, NodeName, Port, RegistryDiscovery,
};
use crate::traffic::addresses::{any_address, lookup_preference, registry_selector};
use std::collections::BTreeSet;
use std::net::IpAddr;

/// Whether requests for a port that a node has before and after go where none went before. More
/// addresses are no move while the node listens where it did, fewer never are.
pub(super) fn moved(before: &Mesh, after: &Mesh, node: &NodeName, port: Port) -> bool {
    let (Some(was), Some(is)) = (before.nodes.get(node), after.nodes.get(node)) else {
        return false;
    };
    let (Some(bound), Some(binds)) = (was.listener(port), is.listener(port)) else { return false };
    let at = |mesh: &Mesh, address: Option<IpAddr>| {
        address.unwrap_or_else(|| any_address(&mesh.settings))
    };
    match (&was.discovery, &is.discovery) {
        (Some(Discovery::Static(was)), Some(Discovery::Static(is))) => {
            let more = is.iter().any(|address| !was.contains(address));
            let stays = was.iter().all(|address| is.contains(address))
                && at(before, bound.address) == at(after, binds.address);
            more && !stays
        }
        (Some(Discovery::Dns(was)), Some(Discovery::Dns(is))) => {
            name(before, was) != name(after, is)
        }
        (Some(Discovery::Registry(was)), Some(Discovery::Registry(is))) => {
            // An instance may have registered a port of its own, which is used for all of the node's.
            registry_selector(&before.settings, was) != registry_selector(&after.settings, is)
                || !given_up(before, after, node).is_empty()
        }
        (was, is) => was != is,
    }
}

/// The ports at which a node listens before and not after.
pub(super) fn given_up(before: &Mesh, after: &Mesh, node: &NodeName) -> BTreeSet<Port> {
    let ports = |mesh: &Mesh| -> BTreeSet<Port> {
        let listeners = mesh.nodes.get(node).into_iter().flat_map(|node| &node.listeners);
        listeners.map(|listener| listener.port).collect()
    };
    &ports(before) - &ports(after)
}

/// The name that is looked up, and which addresses of it are used.
fn name<'m>(mesh: &Mesh, dns: &'m DnsDiscovery) -> (&'m str, Option<IpPreference>) {
    (&dns.hostname, lookup_preference(&mesh.settings, dns))
}

/// What selects the instances of a node that is found in a registry.
pub(super) fn selector(mesh: &Mesh, node: &NodeName) -> Option<RegistryDiscovery> {
    match &mesh.nodes.get(node)?.discovery {
        Some(Discovery::Registry(found)) => Some(registry_selector(&mesh.settings, found)),
        _ => None,
    }
}
