//! Who refers to whom in a mesh: users of a resource, callers of a service, what stands behind it.
//!
//! The reference graph has no cycles by construction: gateways and nodes name services, services
//! name a router or a node, routers name nodes. Nodes calling each other in a circle is legal; it
//! is a cycle of calls, not of references. A [`Graph`] is built in one pass and answers from maps.
#![deny(clippy::disallowed_methods)]

use crate::model::{
    Address, Backend, GatewayName, GatewayRoute, Listener, Mesh, NodeName, Port, Protocol,
    RouterName, ServiceName, Target, VirtualNode, VirtualRouter,
};
use std::collections::{BTreeMap, BTreeSet};

/// Something that calls a service.
#[derive(Clone, Copy, Debug)]
pub enum Caller<'m> {
    /// A node that lists it as a backend.
    Node {
        /// The node's name.
        name: &'m NodeName,
        /// The node.
        node: &'m VirtualNode,
        /// Which of its backends, counted from 0.
        at: usize,
    },
    /// A gateway that has a route to it.
    Gateway {
        /// The gateway's name.
        name: &'m GatewayName,
        /// The route.
        route: &'m GatewayRoute,
    },
}

impl<'m> Caller<'m> {
    /// The address of what names the service: the node, or the gateway route.
    pub fn address(&self) -> Address {
        match self {
            Self::Node { name, .. } => Address::Node((*name).clone()),
            Self::Gateway { name, route } => {
                Address::GatewayRoute((*name).clone(), route.name.clone())
            }
        }
    }

    /// The backend, if the caller is a node.
    pub fn backend(&self) -> Option<&'m Backend> {
        match self {
            Self::Node { node, at, .. } => node.backends.get(*at),
            Self::Gateway { .. } => None,
        }
    }
}

/// A listener of a node that traffic of a service or router can end at.
#[derive(Clone, Copy, Debug)]
pub struct End<'m> {
    /// The node's name.
    pub node: &'m NodeName,
    /// Which of its listeners, counted from 0.
    pub at: usize,
    /// The listener.
    pub listener: &'m Listener,
}

/// A port that callers of a service address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ServicePort {
    /// The port: the router's, or the node's if a node provides the service.
    pub port: Port,
    /// What is spoken on it.
    pub protocol: Protocol,
}

/// The references of a mesh. References to what does not exist are in it too: only the lookups
/// that hand out the thing itself leave them out.
#[derive(Debug)]
pub struct Graph<'m> {
    mesh: &'m Mesh,
    users: BTreeMap<Address, Vec<Address>>,
    services_of_router: BTreeMap<&'m RouterName, Vec<&'m ServiceName>>,
    services_of_node: BTreeMap<&'m NodeName, Vec<&'m ServiceName>>,
    routers_of_node: BTreeMap<&'m NodeName, Vec<&'m RouterName>>,
    callers: BTreeMap<&'m ServiceName, Vec<Caller<'m>>>,
    ends: BTreeMap<&'m RouterName, Vec<End<'m>>>,
}

impl<'m> Graph<'m> {
    /// Builds the graph of a mesh in one pass over it.
    pub fn new(mesh: &'m Mesh) -> Self {
        let mut graph = Self {
            mesh,
            users: BTreeMap::new(),
            services_of_router: BTreeMap::new(),
            services_of_node: BTreeMap::new(),
            routers_of_node: BTreeMap::new(),
            callers: BTreeMap::new(),
            ends: BTreeMap::new(),
        };
        graph.add_services();
        graph.add_routers();
        graph.add_callers();
        for users in graph.users.values_mut() {
            users.sort();
            users.dedup();
        }
        graph
    }

    fn note(&mut self, used: Address, user: Address) {
        self.users.entry(used).or_default().push(user);
    }

    fn add_services(&mut self) {
        for (name, service) in &self.mesh.services {
            if let Some(router) = &service.router {
                self.note(Address::Router(router.clone()), Address::Service(name.clone()));
                self.services_of_router.entry(router).or_default().push(name);
            }
            if let Some(node) = &service.node {
                self.note(Address::Node(node.clone()), Address::Service(name.clone()));
                self.services_of_node.entry(node).or_default().push(name);
            }
        }
    }

    fn add_routers(&mut self) {
        for (name, router) in &self.mesh.routers {
            let mut seen = BTreeSet::new();
            let mut nodes = BTreeSet::new();
            let mut ends = Vec::new();
            for route in &router.routes {
                for target in &route.targets {
                    self.note(
                        Address::Node(target.node.clone()),
                        Address::Route(name.clone(), route.name.clone()),
                    );
                    nodes.insert(&target.node);
                    if let Some(end) = self.end(target)
                        && seen.insert((end.node, end.at))
                    {
                        ends.push(end);
                    }
                }
            }
            for node in nodes {
                self.routers_of_node.entry(node).or_default().push(name);
            }
            self.ends.insert(name, ends);
        }
    }

    fn add_callers(&mut self) {
        for (name, node) in &self.mesh.nodes {
            for (at, backend) in node.backends.iter().enumerate() {
                self.note(Address::Service(backend.service.clone()), Address::Node(name.clone()));
                let caller = Caller::Node { name, node, at };
                self.callers.entry(&backend.service).or_default().push(caller);
            }
        }
        for (name, gateway) in &self.mesh.gateways {
            for route in &gateway.routes {
                let caller = Caller::Gateway { name, route };
                self.note(Address::Service(route.service.name.clone()), caller.address());
                self.callers.entry(&route.service.name).or_default().push(caller);
            }
        }
    }

    /// The mesh that it is of.
    pub fn mesh(&self) -> &'m Mesh {
        self.mesh
    }

    /// What names this resource, in order: what must be changed before it can be removed.
    pub fn users(&self, address: &Address) -> &[Address] {
        self.users.get(address).map_or(&[], Vec::as_slice)
    }

    /// The services that a router provides.
    pub fn services_of_router(&self, router: &RouterName) -> &[&'m ServiceName] {
        self.services_of_router.get(router).map_or(&[], Vec::as_slice)
    }

    /// The services that a node provides without a router.
    pub fn services_of_node(&self, node: &NodeName) -> &[&'m ServiceName] {
        self.services_of_node.get(node).map_or(&[], Vec::as_slice)
    }

    /// The routers that have a route to a node.
    pub fn routers_of_node(&self, node: &NodeName) -> &[&'m RouterName] {
        self.routers_of_node.get(node).map_or(&[], Vec::as_slice)
    }

    /// The nodes and gateway routes that call a service.
    pub fn callers(&self, service: &ServiceName) -> &[Caller<'m>] {
        self.callers.get(service).map_or(&[], Vec::as_slice)
    }

    /// The listener that a route's target means: the one on its port, or the node's only one.
    pub fn end(&self, target: &'m Target) -> Option<End<'m>> {
        let listeners = &self.mesh.nodes.get(&target.node)?.listeners;
        let at = match target.port {
            Some(port) => listeners.iter().position(|l| l.port == port)?,
            None if listeners.len() == 1 => 0,
            None => return None,
        };
        Some(End { node: &target.node, at, listener: listeners.get(at)? })
    }

    /// All listeners that traffic of a service can end at, each once.
    pub fn ends(&self, service: &ServiceName) -> Vec<End<'m>> {
        let Some(service) = self.mesh.services.get(service) else { return Vec::new() };
        if let Some(ends) = service.router.as_ref().and_then(|router| self.ends.get(router)) {
            return ends.clone();
        }
        let Some((node, item)) =
            service.node.as_ref().and_then(|node| self.mesh.nodes.get_key_value(node))
        else {
            return Vec::new();
        };
        let ends = item.listeners.iter().enumerate();
        ends.map(|(at, listener)| End { node, at, listener }).collect()
    }

    /// The ports of a service, in order. `None`: nothing in this mesh provides it.
    pub fn ports(&self, service: &ServiceName) -> Option<Vec<ServicePort>> {
        let service = self.mesh.services.get(service)?;
        if let Some(router) = &service.router {
            let router: &VirtualRouter = self.mesh.routers.get(router)?;
            let ports = router.listeners.iter();
            return Some(
                ports.map(|l| ServicePort { port: l.port, protocol: l.protocol }).collect(),
            );
        }
        let node = self.mesh.nodes.get(service.node.as_ref()?)?;
        let ports = node.listeners.iter();
        Some(ports.map(|l| ServicePort { port: l.port, protocol: l.protocol }).collect())
    }

    /// The nodes that a service's traffic can reach, existing or not.
    pub fn nodes_behind(&self, service: &ServiceName) -> BTreeSet<&'m NodeName> {
        let Some(service) = self.mesh.services.get(service) else { return BTreeSet::new() };
        if let Some(node) = &service.node {
            return BTreeSet::from([node]);
        }
        let router = service.router.as_ref().and_then(|router| self.mesh.routers.get(router));
        router
            .into_iter()
            .flat_map(|router| &router.routes)
            .flat_map(|route| &route.targets)
            .map(|target| &target.node)
            .collect()
    }
}

#[cfg(test)]
mod tests;
