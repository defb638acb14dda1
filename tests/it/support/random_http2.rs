//! HTTP/2 beside the routing of `random_routes`: a door of the gateway, services, routers, nodes.

use super::random_mesh::Chance;
use super::random_routes::{BOUND, DOORS, address, door, gateway_route, route};
use meshctl::model::{
    Backend, Bind, Discovery, GatewayListener, GatewayTarget, Listener, Mesh, NodeName, Port,
    Protocol, RouteName, RouterListener, RouterName, ServiceName, Target, VirtualNode,
    VirtualRouter, VirtualService,
};
use std::net::SocketAddr;

/// How many nodes speak HTTP/2.
pub(crate) const NODES: u8 = 3;
/// The number of the first: its address follows from it.
pub(crate) const FIRST: u8 = 30;
const SERVICES: u64 = 2;
/// Its doors stand after those of the services that speak gRPC.
pub(crate) const DOORS_AT: u16 = 20;
/// The port of its services.
pub(crate) const PORT: i64 = 8082;

fn service(number: u64) -> ServiceName {
    ServiceName::new(format!("h{number}.internal")).unwrap()
}

fn node(number: u64) -> NodeName {
    NodeName::new(format!("k{number}")).unwrap()
}

/// Adds all of it to a mesh that has the gateway `edge` and the node `client`.
pub(crate) fn add(c: &mut Chance, mesh: &mut Mesh, block: u8, first: u16) {
    for number in 0..NODES {
        let listener = Listener {
            port: Port::new(8000).unwrap(),
            protocol: Protocol::Http2,
            app: None,
            address: None,
            connection_pool: None,
            health_check: None,
            outlier_detection: None,
            timeout: Default::default(),
            http: Default::default(),
            tls: None,
            patch: Default::default(),
        };
        let own = VirtualNode {
            listeners: vec![listener],
            discovery: Some(Discovery::Static(vec![address(block, FIRST + number).into()])),
            ..Default::default()
        };
        mesh.nodes.insert(node(u64::from(number)), own);
    }
    let port = Port::new(PORT).unwrap();
    for number in 0..SERVICES {
        let router = format!("x{number}");
        let own = |c: &mut Chance, at| {
            let mut route = route(c, &router, at, &[port]);
            let to = node(c.below(u64::from(NODES)));
            route.targets = vec![Target { node: to, port: None, weight: 1 }];
            route
        };
        let routes = (0..4 + c.below(8)).map(|at| own(c, at)).collect();
        let listeners = vec![RouterListener { port, protocol: Protocol::Http2 }];
        let item = VirtualRouter { listeners, routes, ..Default::default() };
        let name = RouterName::new(router.clone()).unwrap();
        let to = VirtualService { router: Some(name.clone()), ..Default::default() };
        mesh.routers.insert(name, item);
        mesh.services.insert(service(number), to);
        let at = SocketAddr::from((door(block), first + BOUND + DOORS_AT + number as u16));
        let bind = Bind { only: Some(at), ..Default::default() };
        let backend = Backend { service: service(number), client_policy: None, bind };
        mesh.nodes.get_mut("client").unwrap().backends.push(backend);
    }
    let edge = mesh.gateways.get_mut("edge").unwrap();
    edge.listeners.push(GatewayListener {
        port: Port::new(i64::from(first + DOORS + 1)).unwrap(),
        protocol: Protocol::Http2,
        address: Some(door(block).into()),
        connection_pool: None,
        health_check: None,
        http: Default::default(),
        tls: None,
        patch: Default::default(),
    });
    for at in 0..4 + c.below(8) {
        let mut route = gateway_route(c, 100 + at, first);
        route.name = RouteName::new(format!("g{}", 100 + at)).unwrap();
        route.matches.port = Port::new(i64::from(first + DOORS + 1));
        route.service = GatewayTarget { name: service(c.below(SERVICES)), port: None };
        edge.routes.push(route);
    }
}

/// Whether a request goes to a door where HTTP/2 is spoken, and no gRPC.
pub(crate) fn is_http2(port: u16, first: u16) -> bool {
    port == first + DOORS + 1 || port >= first + BOUND + DOORS_AT
}
