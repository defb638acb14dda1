//! What a virtual service offers: its ports, and who provides each.

use crate::model::{
    Discovery, Listener, Mesh, NodeName, Port, Protocol, Route, RouterName, ServiceName, Target,
    VirtualNode, VirtualRouter, VirtualService,
};
use std::collections::BTreeSet;
use std::net::IpAddr;

/// One port of a virtual service.
#[derive(Clone, Copy, Debug)]
pub struct ServicePort<'a> {
    /// The service.
    pub name: &'a ServiceName,
    /// The port that callers address.
    pub port: Port,
    /// What is spoken on it.
    pub protocol: Protocol,
    /// Who provides it.
    pub provider: Provider<'a>,
    /// Whether the service has no other port.
    pub sole: bool,
}

/// Who provides a service port.
#[derive(Clone, Copy, Debug)]
pub enum Provider<'a> {
    /// One listener of a node.
    Node(NodeListener<'a>),
    /// The routes of a router.
    Router(&'a RouterName, &'a VirtualRouter),
}

impl<'a> ServicePort<'a> {
    /// The router that provides it, if one does.
    pub fn router(&self) -> Option<&'a RouterName> {
        match self.provider {
            Provider::Router(name, _) => Some(name),
            Provider::Node(_) => None,
        }
    }
}

/// One listener of a node, with its index for JSON pointers.
#[derive(Clone, Copy, Debug)]
pub struct NodeListener<'a> {
    /// The node's name.
    pub name: &'a NodeName,
    /// The node.
    pub node: &'a VirtualNode,
    /// Which of its listeners, counted from 0.
    pub index: usize,
    /// The listener.
    pub listener: &'a Listener,
}

/// The ports of a service in ascending order. Without a provider there are none.
pub fn ports<'a>(
    mesh: &'a Mesh,
    name: &'a ServiceName,
    service: &'a VirtualService,
) -> Vec<ServicePort<'a>> {
    if let Some(router) = &service.router {
        let Some((router, item)) = mesh.routers.get_key_value(router) else { return Vec::new() };
        let sole = item.listeners.len() == 1;
        let provider = Provider::Router(router, item);
        let port = |l: &crate::model::RouterListener| ServicePort {
            name,
            port: l.port,
            protocol: l.protocol,
            provider,
            sole,
        };
        return item.listeners.iter().map(port).collect();
    }
    let Some(node) = service.node.as_ref() else { return Vec::new() };
    let Some((node, item)) = mesh.nodes.get_key_value(node) else { return Vec::new() };
    let port = |(index, listener): (usize, &'a Listener)| ServicePort {
        name,
        port: listener.port,
        protocol: listener.protocol,
        provider: Provider::Node(NodeListener { name: node, node: item, index, listener }),
        sole: item.listeners.len() == 1,
    };
    item.listeners.iter().enumerate().map(port).collect()
}

/// The listener that a target means: the one on its port, or the node's only one.
pub fn target_listener<'a>(mesh: &'a Mesh, target: &Target) -> Option<NodeListener<'a>> {
    let (name, node) = mesh.nodes.get_key_value(&target.node)?;
    let index = match target.port {
        Some(port) => node.listeners.iter().position(|l| l.port == port)?,
        None if node.listeners.len() == 1 => 0,
        None => return None,
    };
    Some(NodeListener { name, node, index, listener: &node.listeners[index] })
}

/// Every listener of a node that a service port leads to, whatever its weight. Targets whose node or
/// port does not exist have none.
pub fn listeners_behind<'m>(mesh: &'m Mesh, port: &ServicePort<'m>) -> Vec<NodeListener<'m>> {
    match port.provider {
        Provider::Node(node) => vec![node],
        Provider::Router(_, router) => routes_on(router, port.port)
            .flat_map(|route| &route.targets)
            .filter_map(|target| target_listener(mesh, target))
            .collect(),
    }
}

/// The addresses at which clients find a service port without any mesh, if the files say all of
/// them: those of every node behind it, whatever its weight. A loopback address is another host for
/// each client, so it says nothing.
pub fn addresses(mesh: &Mesh, port: &ServicePort<'_>) -> Option<BTreeSet<IpAddr>> {
    let of_node = |node: &VirtualNode| match &node.discovery {
        Some(Discovery::Static(all)) if !all.is_empty() => {
            (!all.iter().any(IpAddr::is_loopback)).then(|| all.clone())
        }
        _ => None,
    };
    let ends = listeners_behind(mesh, port);
    let all: Option<Vec<Vec<IpAddr>>> = ends.iter().map(|end| of_node(end.node)).collect();
    Some(all?.into_iter().flatten().collect()).filter(|all: &BTreeSet<IpAddr>| !all.is_empty())
}

/// The routes of a router that belong to one of its ports, in order.
pub fn routes_on(router: &VirtualRouter, port: Port) -> impl Iterator<Item = &Route> {
    router
        .routes
        .iter()
        .filter(move |route| router.listener_of(&route.matches).is_some_and(|l| l.port == port))
}
