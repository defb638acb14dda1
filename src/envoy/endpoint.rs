//! Endpoints: inline in clusters that name them, or as resources of their own.

use super::builder::{host_address, socket_address};
use super::pb::{core, endpoint};
use crate::model::RegistryDiscovery;
use envoy_api::{Struct, Value, value};
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// The metadata in which an assignment says what selects its endpoints in a registry.
const REGISTRY: &str = "meshctl.registry";
const SELECTOR: &str = "selector";

/// The assignment of a cluster to these addresses, each with its port.
pub(super) fn assignment(
    cluster: &str,
    addresses: impl IntoIterator<Item = core::Address>,
) -> endpoint::ClusterLoadAssignment {
    let lb_endpoints: Vec<_> = addresses.into_iter().map(lb_endpoint).collect();
    let endpoints = if lb_endpoints.is_empty() {
        Vec::new()
    } else {
        vec![endpoint::LocalityLbEndpoints { lb_endpoints, ..Default::default() }]
    };
    endpoint::ClusterLoadAssignment {
        cluster_name: cluster.to_owned(),
        endpoints,
        ..Default::default()
    }
}

/// The assignment of a cluster to these addresses, each with its weight.
pub(super) fn weighted(
    cluster: &str,
    all: Vec<(core::Address, u32)>,
) -> endpoint::ClusterLoadAssignment {
    let weights: Vec<u32> = all.iter().map(|(_, weight)| *weight).collect();
    let mut assignment = assignment(cluster, all.into_iter().map(|(address, _)| address));
    // Equal weights are what Envoy does without any.
    if weights.iter().any(|weight| Some(weight) != weights.first()) {
        let endpoints = assignment.endpoints.iter_mut().flat_map(|all| &mut all.lb_endpoints);
        for (endpoint, weight) in endpoints.zip(weights) {
            endpoint.load_balancing_weight = Some(weight);
        }
    }
    assignment
}

/// The assignment of a cluster to what is found in a registry: it has no endpoint yet, and says what
/// selects them.
pub(super) fn selected(
    cluster: &str,
    selector: &RegistryDiscovery,
) -> endpoint::ClusterLoadAssignment {
    let text = serde_json::to_string(selector).expect("invariant: it is plain data");
    let text = Value { kind: Some(value::Kind::StringValue(text)) };
    let own = Struct { fields: BTreeMap::from([(SELECTOR.to_owned(), text)]) };
    let metadata = core::Metadata {
        filter_metadata: BTreeMap::from([(REGISTRY.to_owned(), own)]),
        ..Default::default()
    };
    let metadata = Some(metadata);
    endpoint::ClusterLoadAssignment {
        cluster_name: cluster.to_owned(),
        endpoints: vec![endpoint::LocalityLbEndpoints { metadata, ..Default::default() }],
        ..Default::default()
    }
}

/// What selects the endpoints of an assignment in a registry, if it says so.
pub(super) fn selector(all: &endpoint::ClusterLoadAssignment) -> Option<RegistryDiscovery> {
    let own = all.endpoints.first()?.metadata.as_ref()?.filter_metadata.get(REGISTRY)?;
    match own.fields.get(SELECTOR)?.kind.as_ref()? {
        value::Kind::StringValue(text) => serde_json::from_str(text).ok(),
        _ => None,
    }
}

/// One endpoint that a resolver finds.
pub(super) fn named(cluster: &str, host: &str, port: u16) -> endpoint::ClusterLoadAssignment {
    assignment(cluster, [host_address(host, port)])
}

/// One endpoint that has two addresses, the preferred one first.
pub(super) fn local(cluster: &str, addresses: &[SocketAddr]) -> endpoint::ClusterLoadAssignment {
    let mut addresses = addresses.iter().map(|at| socket_address(at.ip(), at.port()));
    let mut all = assignment(cluster, addresses.next());
    let slot = all.endpoints.first_mut().and_then(|locality| locality.lb_endpoints.first_mut());
    if let Some(endpoint::lb_endpoint::HostIdentifier::Endpoint(first)) =
        slot.and_then(|slot| slot.host_identifier.as_mut())
    {
        first.additional_addresses = addresses
            .map(|address| endpoint::endpoint::AdditionalAddress { address: Some(address) })
            .collect();
    }
    all
}

/// A listener of this very proxy, by its name.
pub(super) fn internal(cluster: &str, listener: &str) -> endpoint::ClusterLoadAssignment {
    use core::envoy_internal_address::AddressNameSpecifier::ServerListenerName;
    let address = core::EnvoyInternalAddress {
        address_name_specifier: Some(ServerListenerName(listener.to_owned())),
        // Tells this endpoint from others of the listener; a cluster has only the one.
        endpoint_id: String::new(),
    };
    let address = core::address::Address::EnvoyInternalAddress(address);
    assignment(cluster, [core::Address { address: Some(address) }])
}

fn lb_endpoint(address: core::Address) -> endpoint::LbEndpoint {
    let endpoint = endpoint::Endpoint { address: Some(address), ..Default::default() };
    endpoint::LbEndpoint {
        host_identifier: Some(endpoint::lb_endpoint::HostIdentifier::Endpoint(endpoint)),
        ..Default::default()
    }
}
