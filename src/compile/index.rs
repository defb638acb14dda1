//! Who sees what: the references of a mesh, backward.

use crate::envoy::ProxyId;
use crate::model::{Address, Mesh, NodeName, RouterName, ServiceName};
use std::collections::{BTreeMap, BTreeSet};

/// The references of one mesh from what is named to what names it. Making it costs one pass.
#[derive(Debug)]
pub struct Index<'a> {
    proxies: Vec<ProxyId>,
    /// The proxies that list a service as a backend or route a gateway to it.
    callers: BTreeMap<&'a ServiceName, Vec<ProxyId>>,
    /// The services that a router provides.
    of_router: BTreeMap<&'a RouterName, Vec<&'a ServiceName>>,
    /// The services that a node provides by itself.
    of_node: BTreeMap<&'a NodeName, Vec<&'a ServiceName>>,
    /// The routers with a route to a node.
    routed: BTreeMap<&'a NodeName, BTreeSet<&'a RouterName>>,
}

impl<'a> Index<'a> {
    /// Reads the references of a mesh.
    pub fn new(mesh: &'a Mesh) -> Self {
        let mut index = Self {
            proxies: super::proxies(mesh),
            callers: BTreeMap::new(),
            of_router: BTreeMap::new(),
            of_node: BTreeMap::new(),
            routed: BTreeMap::new(),
        };
        for (name, node) in &mesh.nodes {
            for backend in &node.backends {
                index.call(&backend.service, || ProxyId::Node(name.clone()));
            }
        }
        for (name, gateway) in &mesh.gateways {
            for route in &gateway.routes {
                index.call(&route.service.name, || ProxyId::Gateway(name.clone()));
            }
        }
        for (name, service) in &mesh.services {
            if let Some(router) = &service.router {
                index.of_router.entry(router).or_default().push(name);
            }
            if let Some(node) = &service.node {
                index.of_node.entry(node).or_default().push(name);
            }
        }
        for (name, router) in &mesh.routers {
            for target in router.routes.iter().flat_map(|route| &route.targets) {
                index.routed.entry(&target.node).or_default().insert(name);
            }
        }
        index
    }

    fn call(&mut self, service: &'a ServiceName, proxy: impl FnOnce() -> ProxyId) {
        self.callers.entry(service).or_default().push(proxy());
    }

    /// Every proxy of the mesh.
    pub fn proxies(&self) -> &[ProxyId] {
        &self.proxies
    }

    /// The proxies whose resources can depend on what stands at an address.
    pub fn reach(&self, address: &Address) -> BTreeSet<ProxyId> {
        let mut reached = BTreeSet::new();
        match address {
            // Its name is in cluster names, its preferences in listeners: all of them.
            Address::Mesh => reached.extend(self.proxies.iter().cloned()),
            Address::Node(node) => {
                reached.insert(ProxyId::Node(node.clone()));
                self.services(self.of_node.get(node), &mut reached);
                for router in self.routed.get(node).into_iter().flatten() {
                    self.services(self.of_router.get(*router), &mut reached);
                }
            }
            Address::Router(router) | Address::Route(router, _) => {
                self.services(self.of_router.get(router), &mut reached);
            }
            Address::Service(service) => self.service(service, &mut reached),
            Address::Gateway(gateway) | Address::GatewayRoute(gateway, _) => {
                reached.insert(ProxyId::Gateway(gateway.clone()));
            }
        }
        // What is named but absent has no proxy.
        reached.retain(|proxy| self.proxies.binary_search(proxy).is_ok());
        reached
    }

    fn services(&self, services: Option<&Vec<&ServiceName>>, reached: &mut BTreeSet<ProxyId>) {
        for service in services.into_iter().flatten() {
            self.service(service, reached);
        }
    }

    fn service(&self, service: &ServiceName, reached: &mut BTreeSet<ProxyId>) {
        reached.extend(self.callers.get(service).into_iter().flatten().cloned());
    }
}

/// The proxies whose resources can depend on what stands at some addresses, in one pass without an
/// [`Index`]: what a plan of a few changes in a large mesh needs.
pub fn reach_of(mesh: &Mesh, addresses: &BTreeSet<&Address>) -> BTreeSet<ProxyId> {
    let mut reached = BTreeSet::new();
    if addresses.is_empty() {
        return reached;
    }
    if addresses.contains(&Address::Mesh) {
        return super::proxies(mesh).into_iter().collect();
    }
    let (mut nodes, mut routers, mut services) =
        (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for address in addresses {
        match address {
            Address::Mesh => {}
            Address::Node(name) => {
                nodes.insert(name);
                if mesh.nodes.get(name).is_some_and(|node| node.proxy) {
                    reached.insert(ProxyId::Node(name.clone()));
                }
            }
            Address::Router(name) | Address::Route(name, _) => {
                routers.insert(name);
            }
            Address::Service(name) => {
                services.insert(name);
            }
            Address::Gateway(name) | Address::GatewayRoute(name, _) => {
                if mesh.gateways.contains_key(name) {
                    reached.insert(ProxyId::Gateway(name.clone()));
                }
            }
        }
    }
    if !nodes.is_empty() {
        for (name, router) in &mesh.routers {
            let mut targets = router.routes.iter().flat_map(|route| &route.targets);
            if targets.any(|target| nodes.contains(&target.node)) {
                routers.insert(name);
            }
        }
    }
    for (name, service) in &mesh.services {
        let by_node = service.node.as_ref().is_some_and(|node| nodes.contains(node));
        if by_node || service.router.as_ref().is_some_and(|router| routers.contains(router)) {
            services.insert(name);
        }
    }
    if services.is_empty() {
        return reached;
    }
    for (name, node) in mesh.nodes.iter().filter(|(_, node)| node.proxy) {
        if node.backends.iter().any(|backend| services.contains(&backend.service)) {
            reached.insert(ProxyId::Node(name.clone()));
        }
    }
    for (name, gateway) in &mesh.gateways {
        if gateway.routes.iter().any(|route| services.contains(&route.service.name)) {
            reached.insert(ProxyId::Gateway(name.clone()));
        }
    }
    reached
}
