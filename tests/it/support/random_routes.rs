//! Routing made by chance, and requests that stand at its edges.
//!
//! One gateway with several doors leads to services whose routers lead to nodes. Every route says
//! its name in a header of the answer, so that two routes to one node are told apart.

use super::random_calls as calls;
use super::random_http2 as http2;
use super::random_mesh::Chance;
use meshctl::model::{
    Backend, Bind, Capture, Discovery, GatewayListener, GatewayMatch, GatewayName, GatewayRewrite,
    GatewayRoute, GatewayTarget, HostnameMatch, Listener, Matcher, Mesh, MeshName, Method,
    NodeName, PathMatch, Pattern, Port, PrefixRewrite, Protocol, Range, Route, RouteMatch,
    RouteName, RouterListener, RouterName, Scheme, ServiceName, Target, VirtualGateway,
    VirtualNode, VirtualRouter, VirtualService,
};
use meshctl::traffic::{FieldValue, Request, Source};
use serde_json::json;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};

/// The header in which routes say their names.
pub(crate) const TRAIL: &str = "x-trail";
/// The port of every application.
pub(crate) const APP_PORT: u16 = 8000;
/// How many nodes there are.
pub(crate) const NODES: u8 = 5;
pub(crate) const DOORS: u16 = 4;
const SERVICES: u64 = 5;
/// The door of the service without a provider, which nobody opens.
const IDLE: u64 = 9;
/// The doors of the node `client` start so much higher than the gateway's.
pub(crate) const BOUND: u16 = 100;

/// Prefixes that routes match.
pub(crate) const PREFIXES: &[&str] = &[
    "/", "/a", "/api", "/api/", "/apiary", "/api/v1/", "/A", "/x%2Fy", "/a%20b", "/b/", "/new/",
    "/.b", "/a/b", "/~t", "/v1", "/new/v1", "/%",
];
const PATHS: &[&str] = &[
    "/", "/a", "/api", "/api/", "/api/v1", "/a/b", "/x%2Fy", "/one", "/new/", "/A", "/a%20b",
    "/b/", "//", "/new", "/a.b",
];
const REGEXES: &[&str] = &[
    "/api/.*",
    "/a|/b",
    "/[a-z]+",
    "(?i)/api.*",
    ".*\\.b",
    "/v[0-9]+(/.*)?",
    "/x%2F.*",
    "/a\\b.*",
    "/\\w+",
    "/.{2,4}",
    "[^/]*",
    "^/a.*",
    "/a$",
    "/(api|new)/[^/]+/?",
    "/a{1,2}/?b?",
    ".*",
    "/[^a].*",
    "/\\S+\\d",
    "(?s)/.*v1",
    "/api/?",
    "/a$.*",
    "/\\Qa.b\\E",
    "(?:/[a-z.]+){2}",
];
const SEGMENTS: &[&str] = &[
    "a", "b", "api", "apiary", "v1", "new", "A", "one", "", "", ".", "..", "%2e%2e", "%2E", ".b",
    "..b", "a.b", "x%2Fy", "x%2fy", "x%5Cy", "%41pi", "a%20b", "~t", "%7et", "a;b", "a=b", "%",
    "%4", "%zz", "%%341", "%%30%30", "%2541", "%25", "a\\b", "\\..", "'", "[", "]", "^", "|", "`",
    "{a}", "\"", "<", ">", "*", "!", "@", ":", "$&+,", "(x)", "%3F", "%23", "%C3%A9", "%7F", "%01",
    "%00", "API", "%2E%2e", ".%2E", "%2e.", "..%2F", "%2F..", "%2F%2f", "%252F", "%2f%2E", "...",
    "a?b", "a%3Fb", "a%26b", "%5c..", "%c3%a9",
];
const QUERIES: &[&str] = &[
    "",
    "",
    "",
    "",
    "?",
    "?q=tea",
    "?q=&q=tea",
    "?q=tea&q=",
    "?q",
    "?q=te%61",
    "?Q=tea",
    "?a&b=1&q=x",
    "?q=a=b",
    "?p=1/../y",
    "?%71=tea",
    "?&&q=tea",
    "?=x&q=5",
    "?q=tea//b",
    "?q=teapot",
    "?p&q=tea",
    "?x?q=tea",
    "?q=+tea",
    "?p=tea",
    "?p=&q",
    "?p=a&p=tea",
    "?Q",
    "?Q=&p=ab",
    "?Q=a&Q=b&q=5",
];
const HOSTS: &[&str] = &[
    "shop.example",
    "Shop.EXAMPLE",
    "shop.example:8080",
    "shop.example:",
    "a.shop.example",
    "a.b.example:1",
    "example",
    "xshop.example",
    "shop.example.",
    ".example",
    "shop-example",
    "shop.example:80x",
    "10.0.0.1",
    "[::1]:80",
];
const HOSTNAMES: &[&str] = &["shop.example", "a.shop.example", "SHOP.example", "example"];
const SUFFIXES: &[&str] = &[".example", ".shop.example", ".EXAMPLE"];
const HEADERS: &[&str] = &["x-a", "x-b", "X-C"];
/// Values of headers.
pub(crate) const VALUES: &[&str] = &[
    "",
    "a",
    "ab",
    "abc",
    "A",
    "5",
    "10",
    "9",
    "4",
    "-5",
    "-6",
    "+5",
    "007",
    "5,6",
    "a,b",
    "tea",
    "teapot",
    "5.0",
    "5 ",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "a, b",
    "b,a",
    ",",
    "0",
    "0x5",
    "1e1",
    "5_0",
    "a\tb",
    "-4",
    "-1",
    "1",
    "9223372036854775806",
    "-9223372036854775809",
    "00000000000000000000000000000000000005",
    "a,9",
    "\u{e9}a",
];
const TEXTS: &[&str] = &["a", "ab", "tea", "5", "b", "a,b", "A", ","];
const VALUE_REGEXES: &[&str] =
    &["a.*", "[0-9]+", "a|b", "(?i)tea", ".*,.*", "-?\\d+", "[^,]*", "a\\tb"];
const METHODS: &[&str] =
    &["GET", "GET", "GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "PURGE", "get"];

fn owned(c: &mut Chance, all: &[&str]) -> String {
    c.pick(all).to_owned()
}

fn pattern(c: &mut Chance) -> Pattern {
    match c.below(7) {
        0 => Pattern::Exact(owned(c, TEXTS)),
        1 => Pattern::Prefix(owned(c, TEXTS)),
        2 => Pattern::Suffix(owned(c, TEXTS)),
        3 => Pattern::Regex(owned(c, VALUE_REGEXES)),
        4 | 5 => {
            let (start, end) =
                c.pick(&[(5, 10), (-5, 5), (0, 1), (i64::MIN, 0), (9, i64::MAX), (-6, -5)]);
            Pattern::Range(Range { start, end })
        }
        _ => Pattern::Present(c.once_in(2)),
    }
}

/// Conditions on headers of a few names.
pub(crate) fn headers(c: &mut Chance) -> BTreeMap<String, Vec<Matcher>> {
    let mut all: BTreeMap<String, Vec<Matcher>> = BTreeMap::new();
    for _ in 0..c.pick(&[0, 0, 0, 1, 1, 2]) {
        let matcher = Matcher { pattern: pattern(c), invert: c.once_in(3) };
        all.entry(owned(c, HEADERS)).or_default().push(matcher);
    }
    all
}

fn query(c: &mut Chance) -> BTreeMap<String, Vec<Matcher>> {
    let mut all: BTreeMap<String, Vec<Matcher>> = BTreeMap::new();
    for _ in 0..c.pick(&[0, 0, 0, 1, 1, 2]) {
        let pattern = match pattern(c) {
            Pattern::Range(_) => Pattern::Exact("tea".to_owned()),
            other => other,
        };
        let invert = matches!(pattern, Pattern::Present(_)) && c.once_in(3);
        all.entry(owned(c, &["q", "p", "Q"])).or_default().push(Matcher { pattern, invert });
    }
    all
}

fn path(c: &mut Chance) -> Option<PathMatch> {
    match c.below(7) {
        0 => None,
        1..=3 => Some(PathMatch::Prefix(owned(c, PREFIXES))),
        4 => Some(PathMatch::Exact(owned(c, PATHS))),
        _ => Some(PathMatch::Regex(owned(c, REGEXES))),
    }
}

fn method(c: &mut Chance) -> Option<Method> {
    c.once_in(5).then(|| c.pick(Method::ALL))
}

/// What makes a route say its name.
pub(crate) fn trail(name: &str) -> Option<serde_json::Value> {
    let header = json!({ "key": TRAIL, "value": name });
    let add = json!([{ "header": header, "append_action": "APPEND_IF_EXISTS_OR_ADD" }]);
    Some(json!({ "response_headers_to_add": add }))
}

/// A route of a router to nodes `n…`.
pub(crate) fn route(c: &mut Chance, router: &str, number: u64, ports: &[Port]) -> Route {
    let port = (ports.len() > 1).then(|| c.pick(ports));
    let name = format!("r{number}");
    let mut targets: Vec<Target> = Vec::new();
    for at in 0..c.pick(&[1, 1, 1, 2]) {
        let node = NodeName::new(format!("n{}", c.below(u64::from(NODES) + 1))).unwrap();
        let weight = if at == 0 { 1 + c.below(9) as u32 } else { c.below(3) as u32 };
        if targets.iter().all(|target| target.node != node) {
            targets.push(Target { node, port: None, weight });
        }
    }
    Route {
        patch: trail(&format!("route/{router}/{name}")),
        name: RouteName::new(name).unwrap(),
        priority: None,
        matches: RouteMatch {
            path: path(c),
            port,
            method: method(c),
            scheme: c.once_in(12).then(|| c.pick(&[Scheme::Http, Scheme::Http, Scheme::Https])),
            headers: headers(c),
            query_parameters: query(c),
            ..Default::default()
        },
        targets,
        timeout: Default::default(),
        retry: None,
        tags: Default::default(),
    }
}

fn gateway_target(c: &mut Chance) -> GatewayTarget {
    let number = c.below(SERVICES + 1);
    let port = (ports(number) > 1).then(|| Port::new(8080 + c.below(2) as i64).unwrap());
    GatewayTarget { name: service(number), port }
}

/// A route of the gateway `edge` to a service that speaks HTTP/1.1.
pub(crate) fn gateway_route(c: &mut Chance, number: u64, first: u16) -> GatewayRoute {
    let name = format!("g{number}");
    let path = path(c);
    let rewrite = GatewayRewrite {
        hostname: c.once_in(2),
        prefix: match c.below(4) {
            0 | 1 => PrefixRewrite::Root,
            2 => PrefixRewrite::Keep,
            _ => PrefixRewrite::Value(owned(c, &["/", "/new/", "/a/", "/x%2F/", "/../b/"])),
        },
        path: match path {
            Some(PathMatch::Exact(_) | PathMatch::Regex(_)) if c.once_in(2) => {
                Some(owned(c, &["/one", "/api/v1", "/new/", "/a\\0b", "/a/../b"]))
            }
            _ => None,
        },
    };
    let hostname = match c.below(6) {
        0 => Some(HostnameMatch::Exact(owned(c, HOSTNAMES))),
        1 => Some(HostnameMatch::Suffix(owned(c, SUFFIXES))),
        _ => None,
    };
    GatewayRoute {
        patch: trail(&format!("gateway_route/edge/{name}")),
        name: RouteName::new(name).unwrap(),
        priority: None,
        matches: GatewayMatch {
            port: Port::new(i64::from(first) + c.below(u64::from(DOORS)) as i64),
            hostname,
            path,
            method: method(c),
            headers: headers(c),
            query_parameters: query(c),
            ..Default::default()
        },
        service: gateway_target(c),
        rewrite,
        tags: Default::default(),
    }
}

/// How many ports a service has.
fn ports(service: u64) -> usize {
    if service == SERVICES - 1 { 2 } else { 1 }
}

fn service(number: u64) -> ServiceName {
    ServiceName::new(format!("s{number}.internal")).unwrap()
}

/// The address of a node of [`mesh`], in a block of loopback addresses.
pub(crate) fn address(block: u8, node: u8) -> Ipv4Addr {
    Ipv4Addr::new(127, block, 1, node + 1)
}

/// A mesh whose gateway `edge` listens on [`DOORS`] ports of an address, from `first` on.
pub(crate) fn mesh(seed: u64, block: u8, first: u16) -> Mesh {
    let mut c = Chance::new(seed);
    let c = &mut c;
    let mut mesh = Mesh::default();
    mesh.settings.name = MeshName::new("chance").unwrap();
    for number in 0..NODES {
        let listener = Listener {
            port: Port::new(i64::from(APP_PORT)).unwrap(),
            protocol: Protocol::Http,
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
            discovery: Some(Discovery::Static(vec![address(block, number).into()])),
            ..Default::default()
        };
        mesh.nodes.insert(NodeName::new(format!("n{number}")).unwrap(), node);
    }
    for number in 0..SERVICES {
        let name = format!("v{number}");
        let ports = &[8080, 8081].map(|port| Port::new(port).unwrap())[..ports(number)];
        let routes = (0..c.below(12) * ports.len() as u64).map(|at| route(c, &name, at, ports));
        let routes = routes.collect();
        let listener = |port: &Port| RouterListener { port: *port, protocol: Protocol::Http };
        let listeners = ports.iter().map(listener).collect();
        let router = VirtualRouter { listeners, routes, ..Default::default() };
        let router_name = RouterName::new(name).unwrap();
        let item = VirtualService { router: Some(router_name.clone()), ..Default::default() };
        mesh.routers.insert(router_name, router);
        mesh.services.insert(service(number), item);
    }
    mesh.services.insert(service(SERVICES), VirtualService::default());
    let listeners = (0..=DOORS).map(|at| GatewayListener {
        port: Port::new(i64::from(first + at)).unwrap(),
        protocol: if at == DOORS { Protocol::Grpc } else { Protocol::Http },
        address: Some(door(block).into()),
        connection_pool: None,
        health_check: None,
        http: Default::default(),
        tls: None,
        patch: Default::default(),
    });
    let gateway = VirtualGateway {
        listeners: listeners.collect(),
        routes: (0..24 + c.below(24)).map(|at| gateway_route(c, at, first)).collect(),
        ..Default::default()
    };
    mesh.gateways.insert(GatewayName::new("edge").unwrap(), gateway);
    let at = |number: u64| SocketAddr::from((door(block), first + BOUND + number as u16));
    let backends = (0..=SERVICES).map(|number| Backend {
        service: service(number),
        client_policy: None,
        bind: match ports(number) {
            // Where the second port of the last service is, nothing else can be.
            _ if number == SERVICES => Bind { only: Some(at(IDLE)), ..Default::default() },
            1 => Bind { only: Some(at(number)), ..Default::default() },
            _ => Bind {
                by_port: [8080, 8081]
                    .map(|port| (Port::new(port).unwrap(), at(number + port as u64 - 8080)))
                    .into(),
                ..Default::default()
            },
        },
    });
    let client = VirtualNode {
        capture: Some(Capture::Explicit),
        backends: backends.collect(),
        ..Default::default()
    };
    mesh.nodes.insert(NodeName::new("client").unwrap(), client);
    calls::add(c, &mut mesh, block, first);
    http2::add(c, &mut mesh, block, first);
    mesh
}

/// The address of all doors: of the gateway, and of the node `client`.
pub(crate) fn door(block: u8) -> Ipv4Addr {
    Ipv4Addr::new(127, block, 2, 1)
}

/// Where a request to a door comes from.
pub(crate) fn source(request: &Request, first: u16) -> Source {
    match request.port < first + BOUND {
        true => Source::Gateway(GatewayName::new("edge").unwrap()),
        false => Source::Node(NodeName::new("client").unwrap()),
    }
}

/// A request to one of the doors.
pub(crate) fn request(c: &mut Chance, first: u16) -> Request {
    if c.once_in(8) {
        return calls::request(c, first);
    }
    let port = match c.below(8) {
        6 => first + DOORS + 1,
        7 => first + BOUND + http2::DOORS_AT + c.below(2) as u16,
        // The last service has a second port, where the one without a provider would be.
        0 | 1 => first + BOUND + c.below(SERVICES + 1) as u16,
        _ => first + c.below(u64::from(DOORS)) as u16,
    };
    let mut path = String::new();
    match c.below(4) {
        // What a route names, and its neighbours.
        0 => path.push_str(c.pick(PATHS)),
        1 => {
            path.push_str(c.pick(PREFIXES));
            path.push_str(c.pick(&["", "/", "x", "/x", "//x", "/../a"]));
        }
        _ => {
            for _ in 0..=c.below(4) {
                path.push('/');
                path.push_str(c.pick(SEGMENTS));
            }
        }
    }
    if c.once_in(40) {
        path.push_str(&"/b".repeat(1_000 + c.below(2_000) as usize));
    }
    path.push_str(c.pick(QUERIES));
    let mut request = Request::new("GET", &format!("http://x:{port}/")).unwrap();
    request.method = owned(c, METHODS);
    request.path = path;
    request.authority = owned(c, HOSTS);
    request.headers = sent(c);
    request
}

/// Headers of a request.
pub(crate) fn sent(c: &mut Chance) -> Vec<(String, FieldValue)> {
    let mut all = Vec::new();
    for _ in 0..c.pick(&[0, 0, 1, 1, 2, 3]) {
        let value = c.pick(VALUES).trim_matches([' ', '\t']).to_owned();
        all.push((c.pick(HEADERS).to_ascii_lowercase(), value.into()));
    }
    all
}
