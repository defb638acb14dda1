//! What rules look at, and how they walk it and point into the files.

use super::facts::TlsFiles;
use crate::diag::{Code, Diagnostic};
use crate::graph::Graph;
use crate::model::{
    Address, GatewayName, GatewayRoute, HealthCheck, HttpSettings, Listener, Mesh, NodeName,
    Origins, PoolLimits, Port, Protocol, Route, RouterName, VirtualGateway, VirtualNode,
    VirtualRouter,
};
use std::collections::BTreeSet;

/// The input of all rules.
pub struct Ctx<'a> {
    /// The model.
    pub mesh: &'a Mesh,
    /// Where its values were written.
    pub origins: &'a Origins,
    /// Who refers to whom in it.
    pub graph: &'a Graph<'a>,
    /// Resources that the files define but that could not be read whole; they may be missing in
    /// the model, or stand in it with parts missing.
    pub broken: &'a BTreeSet<Address>,
    /// Part of the files could not be read, so that anything may be defined there.
    pub incomplete: bool,
    /// The ACM ARNs, of certificates and of authorities, that the project maps to a file or SDS.
    pub certificates: &'a BTreeSet<String>,
    /// Whether the project names an SDS server.
    pub sds: bool,
    /// Whether a target has a registry: a control plane.
    pub registry: bool,
    /// What is known of the files that it names for TLS.
    pub tls: &'a TlsFiles,
}

/// A route of a router and where it stands.
pub(super) struct RouteAt<'a> {
    pub(super) router_name: &'a RouterName,
    pub(super) router: &'a VirtualRouter,
    pub(super) route: &'a Route,
}

impl RouteAt<'_> {
    pub(super) fn address(&self) -> Address {
        Address::Route(self.router_name.clone(), self.route.name.clone())
    }

    /// What is spoken on the router's port that the route belongs to, if that can be told.
    pub(super) fn protocol(&self) -> Option<Protocol> {
        self.router.listener_of(&self.route.matches).map(|listener| listener.protocol)
    }
}

/// A route of a gateway and where it stands.
pub(super) struct GatewayRouteAt<'a> {
    pub(super) gateway_name: &'a GatewayName,
    pub(super) gateway: &'a VirtualGateway,
    pub(super) route: &'a GatewayRoute,
}

impl GatewayRouteAt<'_> {
    pub(super) fn address(&self) -> Address {
        Address::GatewayRoute(self.gateway_name.clone(), self.route.name.clone())
    }

    /// What is spoken on the gateway's port that the route belongs to, if that can be told.
    pub(super) fn protocol(&self) -> Option<Protocol> {
        self.gateway.listener_of(&self.route.matches).map(|listener| listener.protocol)
    }
}

/// A listener of a node and where it stands.
pub(super) struct ListenerAt<'a> {
    pub(super) node_name: &'a NodeName,
    pub(super) node: &'a VirtualNode,
    pub(super) at: usize,
    pub(super) listener: &'a Listener,
}

impl ListenerAt<'_> {
    pub(super) fn address(&self) -> Address {
        Address::Node(self.node_name.clone())
    }

    /// A pointer to a field of the listener, given as `tls/mode`; empty is the listener itself.
    pub(super) fn pointer(&self, field: &str) -> String {
        listener_pointer(self.at, field)
    }
}

/// What listeners of nodes and of gateways have in common, and where they stand.
pub(super) struct AnyListener<'a> {
    pub(super) address: Address,
    pub(super) at: usize,
    pub(super) port: Port,
    pub(super) protocol: Protocol,
    pub(super) connection_pool: Option<&'a PoolLimits>,
    pub(super) health_check: Option<&'a HealthCheck>,
    pub(super) http: &'a HttpSettings,
}

/// A pointer into the listener at an index.
pub(super) fn listener_pointer(at: usize, field: &str) -> String {
    match field {
        "" => format!("/listeners/{at}"),
        field => format!("/listeners/{at}/{field}"),
    }
}

impl<'a> Ctx<'a> {
    /// Starts a finding about a field of a resource.
    pub(super) fn find(
        &self,
        code: &'static Code,
        address: &Address,
        pointer: &str,
        message: impl Into<String>,
    ) -> Diagnostic {
        let finding = Diagnostic::unplaced(code, message).about(address);
        match self.origins.find(address, pointer) {
            Some(loc) => finding.at(loc, ""),
            None => finding,
        }
    }

    /// Adds another place to a finding, if the model knows where it is.
    pub(super) fn also(
        &self,
        finding: Diagnostic,
        address: &Address,
        pointer: &str,
        text: impl Into<String>,
    ) -> Diagnostic {
        match self.origins.find(address, pointer) {
            Some(loc) => finding.related(loc, text),
            None => finding,
        }
    }

    /// All routes of all routers.
    pub(super) fn routes(&self) -> impl Iterator<Item = RouteAt<'a>> + use<'a> {
        self.mesh.routers.iter().flat_map(|(router_name, router)| {
            router.routes.iter().map(move |route| RouteAt { router_name, router, route })
        })
    }

    /// All routes of all gateways.
    pub(super) fn gateway_routes(&self) -> impl Iterator<Item = GatewayRouteAt<'a>> + use<'a> {
        self.mesh.gateways.iter().flat_map(|(gateway_name, gateway)| {
            gateway.routes.iter().map(move |route| GatewayRouteAt { gateway_name, gateway, route })
        })
    }

    /// Whether a proxy runs beside a node: what its files set for a proxy holds only then.
    pub(super) fn has_proxy(&self, name: &NodeName) -> bool {
        self.mesh.nodes.get(name).is_some_and(|node| node.proxy)
    }

    /// All listeners of all nodes.
    pub(super) fn listeners(&self) -> impl Iterator<Item = ListenerAt<'a>> + use<'a> {
        self.mesh.nodes.iter().flat_map(|(node_name, node)| {
            let listeners = node.listeners.iter().enumerate();
            listeners.map(move |(at, listener)| ListenerAt { node_name, node, at, listener })
        })
    }

    /// All listeners of all nodes, then those of all gateways.
    pub(super) fn all_listeners(&self) -> impl Iterator<Item = AnyListener<'a>> + use<'a> {
        let nodes = self.listeners().map(|at| AnyListener {
            address: at.address(),
            at: at.at,
            port: at.listener.port,
            protocol: at.listener.protocol,
            connection_pool: at.listener.connection_pool.as_ref(),
            health_check: at.listener.health_check.as_ref(),
            http: &at.listener.http,
        });
        let gateways = self.mesh.gateways.iter().flat_map(|(name, gateway)| {
            let listeners = gateway.listeners.iter().enumerate();
            listeners.map(|(at, listener)| AnyListener {
                address: Address::Gateway(name.clone()),
                at,
                port: listener.port,
                protocol: listener.protocol,
                connection_pool: listener.connection_pool.as_ref(),
                health_check: listener.health_check.as_ref(),
                http: &listener.http,
            })
        });
        nodes.chain(gateways)
    }
}

/// Names in backticks with commas between them.
pub(super) fn quoted<T: ToString>(names: impl IntoIterator<Item = T>) -> String {
    let names: Vec<String> =
        names.into_iter().map(|name| format!("`{}`", name.to_string())).collect();
    names.join(", ")
}
