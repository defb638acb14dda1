//! gRPC beside the routing of `random_routes`: a door of the gateway, services, routers, nodes; and
//! calls that stand at the edges of services, methods and metadata.

use super::random_mesh::Chance;
use super::random_routes::{BOUND, DOORS, address, door, headers, sent, trail};
use meshctl::model::{
    Backend, Bind, Discovery, GatewayMatch, GatewayRoute, GatewayTarget, HostnameMatch, Listener,
    Mesh, NodeName, Port, Protocol, Route, RouteMatch, RouteName, RouterListener, RouterName,
    ServiceName, Target, VirtualNode, VirtualRouter, VirtualService,
};
use meshctl::traffic::Request;
use std::net::SocketAddr;

/// How many nodes speak gRPC, and the number of the first: its address follows from it.
pub(crate) const NODES: u8 = 3;
/// The number of the first.
pub(crate) const FIRST: u8 = 20;
const SERVICES: u64 = 2;
/// Its doors stand after those of the services that speak HTTP/1.1.
pub(crate) const CALLS: u16 = 10;

const NAMES: &[&str] = &["a.B", "a.Bc", "a.b", "B", "a.B.c"];
const METHODS: &[&str] = &["Get", "GetAll", "get", "G"];

fn matched(c: &mut Chance) -> RouteMatch {
    let service = (!c.once_in(4)).then(|| c.pick(NAMES).to_owned());
    let method = service.as_ref().filter(|_| c.once_in(2)).map(|_| c.pick(METHODS).to_owned());
    RouteMatch {
        metadata: headers(c),
        service_name: service,
        method_name: method,
        ..Default::default()
    }
}

fn service(number: u64) -> ServiceName {
    ServiceName::new(format!("c{number}.internal")).unwrap()
}

/// Adds all of it to a mesh that has the gateway `edge` and the node `client`.
pub(crate) fn add(c: &mut Chance, mesh: &mut Mesh, block: u8, first: u16) {
    for number in 0..NODES {
        let listener = Listener {
            port: Port::new(8000).unwrap(),
            protocol: Protocol::Grpc,
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
        let node = VirtualNode {
            listeners: vec![listener],
            discovery: Some(Discovery::Static(vec![address(block, FIRST + number).into()])),
            ..Default::default()
        };
        mesh.nodes.insert(NodeName::new(format!("m{number}")).unwrap(), node);
    }
    for number in 0..SERVICES {
        let router = format!("w{number}");
        let routes = (0..4 + c.below(8)).map(|at| route(c, &router, at)).collect();
        let port = Port::new(9090).unwrap();
        let listeners = vec![RouterListener { port, protocol: Protocol::Grpc }];
        let item = VirtualRouter { listeners, routes, ..Default::default() };
        let name = RouterName::new(router).unwrap();
        let to = VirtualService { router: Some(name.clone()), ..Default::default() };
        mesh.routers.insert(name, item);
        mesh.services.insert(service(number), to);
        let at = SocketAddr::from((door(block), first + BOUND + CALLS + number as u16));
        let bind = Bind { only: Some(at), ..Default::default() };
        let backend = Backend { service: service(number), client_policy: None, bind };
        mesh.nodes.get_mut("client").unwrap().backends.push(backend);
    }
    let routes: Vec<GatewayRoute> =
        (0..4 + c.below(8)).map(|at| gateway_route(c, at, first)).collect();
    mesh.gateways.get_mut("edge").unwrap().routes.extend(routes);
}

fn route(c: &mut Chance, router: &str, number: u64) -> Route {
    let name = format!("r{number}");
    let node = NodeName::new(format!("m{}", c.below(u64::from(NODES)))).unwrap();
    Route {
        patch: trail(&format!("route/{router}/{name}")),
        name: RouteName::new(name).unwrap(),
        priority: None,
        matches: matched(c),
        targets: vec![Target { node, port: None, weight: 1 }],
        timeout: Default::default(),
        retry: None,
        tags: Default::default(),
    }
}

fn gateway_route(c: &mut Chance, number: u64, first: u16) -> GatewayRoute {
    let name = format!("c{number}");
    let conditions = matched(c);
    GatewayRoute {
        patch: trail(&format!("gateway_route/edge/{name}")),
        name: RouteName::new(name).unwrap(),
        priority: None,
        matches: GatewayMatch {
            port: Port::new(i64::from(first + DOORS)),
            hostname: c.once_in(6).then(|| HostnameMatch::Suffix(".example".to_owned())),
            metadata: conditions.metadata,
            service_name: conditions.service_name,
            ..Default::default()
        },
        service: GatewayTarget { name: service(c.below(SERVICES)), port: None },
        rewrite: Default::default(),
        tags: Default::default(),
    }
}

/// Whether a request is a call, to be made over HTTP/2.
pub(crate) fn is_call(request: &Request, first: u16) -> bool {
    let bound = first + BOUND + CALLS;
    request.port == first + DOORS || (bound..bound + CALLS).contains(&request.port)
}

/// A call to one of the doors.
pub(crate) fn request(c: &mut Chance, first: u16) -> Request {
    let port = match c.below(3) {
        0 => first + BOUND + CALLS + c.below(SERVICES) as u16,
        _ => first + DOORS,
    };
    let mut request = Request::new("POST", &format!("http://x:{port}/")).unwrap();
    let before = c.pick(&["/", "/", "/", "/", "//", "/x/../", "/%2e/"]);
    let between = c.pick(&["/", "/", "/", "/", "//", "%2F", ""]);
    let after = c.pick(&["", "", "", "", "/", "/x", "?q", "x"]);
    let (name, method) = (c.pick(NAMES), c.pick(METHODS));
    request.path = format!("{before}{name}{between}{method}{after}");
    request.authority =
        c.pick(&["shop.example", "example", "a.b.example:1", "Shop.EXAMPLE"]).to_owned();
    request.headers = sent(c);
    request
}
