//! Meshes made by chance, the same ones every run: every shape of the model in every company.

use meshctl::model::{
    AccessLog, Backend, ByteSize, Capture, Certificate, ClientPolicy, ClientTls, ClientValidation,
    Discovery, DnsDiscovery, DnsResponseType, Duration, EgressFilter, FileCertificate,
    GatewayListener, GatewayMatch, GatewayName, GatewayRoute, GatewayTarget, HeaderCase,
    HealthCheck, HostnameMatch, HttpSettings, IpPreference, Listener, ListenerTimeout, ListenerTls,
    ListenerValidation, LogFormat, Matcher, Mesh, MeshName, Method, NodeName, OutlierDetection,
    PathMatch, Pattern, PoolLimits, Port, PrefixRewrite, Protocol, Range, RegistryDiscovery,
    RetryEvent, RetryPolicy, Route, RouteMatch, RouteName, RouterListener, RouterName, Scheme,
    ServiceName, Target, TlsMode, Trust, VirtualGateway, VirtualNode, VirtualRouter,
    VirtualService,
};
use std::collections::BTreeMap;

/// A source of chance that gives the same numbers for the same seed.
pub(crate) struct Chance(u64);

impl Chance {
    /// Chance by a seed.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }

    /// A number from 0 to below the limit.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    /// Whether one in so many times.
    pub(crate) fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    /// One of several.
    pub(crate) fn pick<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.below(all.len() as u64) as usize].clone()
    }

    fn maybe<T>(&mut self, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
        if self.once_in(2) { Some(make(self)) } else { None }
    }

    fn duration(&mut self) -> Duration {
        Duration::from_millis(self.pick(&[0, 1, 250, 1_500, 15_000, 3_600_000]))
    }

    fn timeout(&mut self) -> ListenerTimeout {
        ListenerTimeout { request: self.maybe(Self::duration), idle: self.maybe(Self::duration) }
    }
}

const PROTOCOLS: [Protocol; 4] = [Protocol::Http, Protocol::Http2, Protocol::Grpc, Protocol::Tcp];
const PREFERENCES: [IpPreference; 4] = [
    IpPreference::Ipv4Only,
    IpPreference::Ipv4Preferred,
    IpPreference::Ipv6Only,
    IpPreference::Ipv6Preferred,
];

fn port(number: u64) -> Port {
    Port::new(number as i64).unwrap()
}

/// A mesh that passes the rules as far as Envoy is concerned.
pub(crate) fn mesh(seed: u64) -> Mesh {
    let mut c = Chance::new(seed);
    let mut mesh = Mesh::default();
    mesh.settings.name = MeshName::new("random").unwrap();
    mesh.settings.egress = c.pick(&[EgressFilter::AllowAll, EgressFilter::DropAll]);
    mesh.settings.ip_preference = c.maybe(|c| c.pick(&PREFERENCES));
    mesh.settings.capture = c.pick(&[Capture::Redirect, Capture::Explicit]);
    // A service, its router and its nodes speak one protocol, so that any target fits.
    let services = 1 + c.below(5);
    for at in 0..services {
        family(&mut c, &mut mesh, at);
    }
    for name in mesh.nodes.keys().cloned().collect::<Vec<_>>() {
        let backends = backends(&mut c, &mesh);
        let policy = c.maybe(policy);
        let node = mesh.nodes.get_mut(&name).unwrap();
        node.backends = backends;
        node.backend_defaults.client_policy = policy;
    }
    gateway(&mut c, &mut mesh);
    mesh
}

/// A service, what provides it, and the nodes behind that.
fn family(c: &mut Chance, mesh: &mut Mesh, at: u64) {
    let protocol = c.pick(&PROTOCOLS);
    let service = ServiceName::new(format!("s{at}.random.internal")).unwrap();
    let nodes: Vec<NodeName> =
        (0..=c.below(3)).map(|n| NodeName::new(format!("n{at}-{n}")).unwrap()).collect();
    for name in &nodes {
        let several = c.below(2);
        let listeners = (0..=several).map(|n| listener(c, port(8000 + at * 10 + n), protocol));
        let node = VirtualNode {
            listeners: listeners.collect(),
            discovery: Some(discovery(c, name)),
            access_log: c.maybe(access_log),
            ..Default::default()
        };
        mesh.nodes.insert(name.clone(), node);
    }
    let mut item = VirtualService::default();
    match c.below(4) {
        0 => {}
        1 => item.node = nodes.first().cloned(),
        _ => {
            let router = RouterName::new(format!("r{at}")).unwrap();
            let mut routes: Vec<Route> = Vec::new();
            let routed = if protocol == Protocol::Tcp { 1 } else { c.below(5) };
            for n in 0..routed {
                routes.push(route(c, mesh, &nodes, protocol, n));
            }
            let listeners = vec![RouterListener { port: port(80 + at % 2), protocol }];
            let message = VirtualRouter { listeners, routes, ..Default::default() };
            mesh.routers.insert(router.clone(), message);
            item.router = Some(router);
        }
    }
    mesh.services.insert(service, item);
}

fn listener(c: &mut Chance, port: Port, protocol: Protocol) -> Listener {
    let limits = match protocol {
        Protocol::Http => PoolLimits {
            max_connections: Some(1 + c.below(9) as u32),
            max_pending_requests: c.maybe(|_| 7),
            max_requests: None,
        },
        Protocol::Tcp => PoolLimits { max_connections: Some(3), ..Default::default() },
        Protocol::Http2 | Protocol::Grpc => {
            PoolLimits { max_requests: Some(3), ..Default::default() }
        }
    };
    Listener {
        port,
        protocol,
        app: c.maybe(|_| "127.0.0.1:9".parse().unwrap()),
        address: c.maybe(|_| "127.0.0.2".parse().unwrap()),
        connection_pool: c.maybe(|_| limits),
        health_check: c.maybe(|c| HealthCheck {
            protocol: c.pick(&[protocol, Protocol::Tcp]),
            path: c.maybe(|_| "/ping".to_owned()),
            port: c.maybe(|_| port),
            interval: Duration::from_secs(5),
            timeout: Duration::from_secs(2),
            healthy_threshold: 2,
            unhealthy_threshold: 3,
        }),
        outlier_detection: c.maybe(|c| OutlierDetection {
            max_server_errors: 1 + c.below(9) as u32,
            interval: Duration::from_millis(1 + c.below(90_000)),
            base_ejection_duration: Duration::from_secs(1 + c.below(9_000)),
            max_ejection_percent: c.below(101) as u32,
        }),
        timeout: c.timeout(),
        http: c.maybe(|c| http_settings(c, protocol)).unwrap_or_default(),
        tls: c.maybe(tls),
        patch: Default::default(),
    }
}

fn http_settings(c: &mut Chance, protocol: Protocol) -> HttpSettings {
    let limits = HttpSettings {
        max_headers: c.maybe(|c| 1 + c.below(500) as u32),
        max_header_size: c.maybe(|c| ByteSize::new(1024 * (1 + c.below(8192)))),
        ..Default::default()
    };
    match protocol {
        Protocol::Tcp => HttpSettings::default(),
        Protocol::Http2 | Protocol::Grpc => limits,
        Protocol::Http => HttpSettings {
            accept_http_10: c.once_in(2),
            default_hostname: c.maybe(|_| "app.internal".to_owned()),
            header_case: c.pick(&HeaderCase::ALL),
            ignore_upgrades: c.maybe(|c| c.pick(&[Vec::new(), vec!["h2c".to_owned()]])),
            ..limits
        },
    }
}

fn certificate(c: &mut Chance) -> Certificate {
    let file = FileCertificate { chain: "/certs/a.pem".to_owned(), key: "/keys/a.key".to_owned() };
    c.pick(&[
        Certificate::File(file),
        Certificate::Sds("certificate".to_owned()),
        Certificate::Acm("arn:aws:acm:certificate".to_owned()),
    ])
}

fn trust(c: &mut Chance) -> Trust {
    c.pick(&[
        Trust::File("ca.pem".to_owned()),
        Trust::Sds("trust".to_owned()),
        Trust::Acm(vec!["arn:aws:acm-pca:a".to_owned(), "arn:aws:acm-pca:b".to_owned()]),
    ])
}

fn names(c: &mut Chance) -> Vec<String> {
    let all = ["a.random.internal", "*.random.internal", "spiffe://random/a", "10.0.0.1"];
    (0..c.below(3)).map(|_| c.pick(&all).to_owned()).collect()
}

fn tls(c: &mut Chance) -> ListenerTls {
    ListenerTls {
        mode: c.pick(&[TlsMode::Strict, TlsMode::Permissive, TlsMode::Disabled]),
        certificate: certificate(c),
        validation: c
            .maybe(|c| ListenerValidation { trust: trust(c), subject_alternative_names: names(c) }),
    }
}

fn policy(c: &mut Chance) -> ClientPolicy {
    ClientPolicy {
        tls: c.maybe(|c| ClientTls {
            enforce: c.once_in(2),
            ports: (0..c.below(2)).map(|_| port(8000)).collect(),
            certificate: c.maybe(certificate),
            validation: ClientValidation { trust: trust(c), subject_alternative_names: names(c) },
        }),
    }
}

fn discovery(c: &mut Chance, name: &NodeName) -> Discovery {
    match c.below(3) {
        0 => Discovery::Static(vec!["10.0.0.1".parse().unwrap(), "fd00::1".parse().unwrap()]),
        1 => Discovery::Registry(RegistryDiscovery {
            namespace: "random".to_owned(),
            service: name.to_string(),
            attributes: BTreeMap::new(),
            ip_preference: c.maybe(|c| c.pick(&PREFERENCES)),
        }),
        _ => Discovery::Dns(DnsDiscovery {
            hostname: format!("{name}.random.internal"),
            response_type: c.pick(&[DnsResponseType::Loadbalancer, DnsResponseType::Endpoints]),
            ip_preference: c.maybe(|c| c.pick(&PREFERENCES)),
        }),
    }
}

fn access_log(c: &mut Chance) -> AccessLog {
    let json = BTreeMap::from([("time".to_owned(), "%START_TIME%".to_owned())]);
    let format = c.pick(&[LogFormat::Text("%BYTES_SENT%".to_owned()), LogFormat::Json(json)]);
    AccessLog { path: "/dev/null".to_owned(), format: c.maybe(|_| format) }
}

fn matchers(c: &mut Chance) -> BTreeMap<String, Vec<Matcher>> {
    let patterns = [
        Pattern::Exact("x".to_owned()),
        Pattern::Prefix("x".to_owned()),
        Pattern::Suffix("x".to_owned()),
        Pattern::Regex("x{1,9}|[^/]+".to_owned()),
        Pattern::Range(Range { start: -5, end: 10 }),
        Pattern::Present(true),
        Pattern::Present(false),
    ];
    let one = |c: &mut Chance| Matcher { pattern: c.pick(&patterns), invert: c.once_in(3) };
    (0..c.below(3))
        .map(|n| (format!("x-{n}"), (0..=c.below(2)).map(|_| one(c)).collect()))
        .collect()
}

fn query(c: &mut Chance) -> BTreeMap<String, Vec<Matcher>> {
    let patterns = [Pattern::Exact("1".to_owned()), Pattern::Present(true)];
    let one = |c: &mut Chance| Matcher { pattern: c.pick(&patterns), invert: false };
    (0..c.below(2)).map(|n| (format!("q{n}"), vec![one(c)])).collect()
}

fn path(c: &mut Chance) -> PathMatch {
    c.pick(&[
        PathMatch::Prefix("/".to_owned()),
        PathMatch::Prefix("/x".to_owned()),
        PathMatch::Prefix("/x/".to_owned()),
        PathMatch::Exact("/x".to_owned()),
        PathMatch::Regex("/x/[0-9]+".to_owned()),
    ])
}

fn route(c: &mut Chance, mesh: &Mesh, nodes: &[NodeName], protocol: Protocol, n: u64) -> Route {
    let grpc = protocol == Protocol::Grpc;
    let http = protocol.is_http() && !grpc;
    let service = c.maybe(|_| "random.v1.Service".to_owned()).filter(|_| grpc);
    let matches = RouteMatch {
        path: http.then(|| path(c)),
        method: c.maybe(|c| c.pick(Method::ALL)).filter(|_| http),
        scheme: c.maybe(|_| Scheme::Http).filter(|_| protocol == Protocol::Http2),
        headers: if http { matchers(c) } else { BTreeMap::new() },
        query_parameters: if http { query(c) } else { BTreeMap::new() },
        method_name: c.maybe(|_| "Get".to_owned()).filter(|_| service.is_some()),
        service_name: service,
        metadata: if grpc { matchers(c) } else { BTreeMap::new() },
        port: None,
    };
    let mut targets: Vec<Target> = nodes
        .iter()
        .map(|node| Target {
            node: node.clone(),
            port: Some(c.pick(&mesh.nodes[node].listeners).port),
            weight: c.pick(&[0, 1, 5, u32::MAX]),
        })
        .collect();
    targets[0].weight = targets[0].weight.max(1);
    let retry = |c: &mut Chance| RetryPolicy {
        on: RetryEvent::ALL
            .iter()
            .copied()
            .filter(|e| c.once_in(2) && (grpc || !e.is_grpc()))
            .collect(),
        max_retries: c.below(4) as u32,
        per_retry_timeout: c.maybe(Chance::duration),
    };
    Route {
        name: RouteName::new(format!("t{n}")).unwrap(),
        priority: None,
        matches,
        targets,
        timeout: c.timeout(),
        retry: c.maybe(retry).filter(|_| protocol.is_http()),
        patch: None,
        tags: Default::default(),
    }
}

/// Some of the services, each on a local port of its own.
fn backends(c: &mut Chance, mesh: &Mesh) -> Vec<Backend> {
    let mut all = Vec::new();
    for (at, service) in mesh.services.keys().enumerate() {
        if c.once_in(3) {
            continue;
        }
        let mut bind = meshctl::model::Bind::default();
        let local = |n: usize| format!("127.0.0.1:{}", 10_000 + at * 10 + n).parse().unwrap();
        for n in 0..10 {
            bind.by_port.insert(port(8000 + at as u64 * 10 + n), local(n as usize));
        }
        bind.only = Some(local(9));
        all.push(Backend { service: service.clone(), client_policy: c.maybe(policy), bind });
    }
    all
}

fn gateway(c: &mut Chance, mesh: &mut Mesh) {
    let protocols = [Protocol::Http, Protocol::Http2, Protocol::Grpc];
    let listeners: Vec<GatewayListener> = (0..=c.below(2))
        .map(|n| GatewayListener {
            port: port(18_000 + n),
            protocol: c.pick(&protocols),
            address: None,
            connection_pool: c
                .maybe(|_| PoolLimits { max_requests: Some(9), ..Default::default() }),
            health_check: None,
            http: Default::default(),
            tls: c.maybe(tls),
            patch: Default::default(),
        })
        .collect();
    let services: Vec<ServiceName> = mesh.services.keys().cloned().collect();
    let routes = (0..c.below(6)).map(|n| {
        let listener = c.pick(&listeners);
        let grpc = listener.protocol == Protocol::Grpc;
        let mut rewrite =
            meshctl::model::GatewayRewrite { hostname: c.once_in(2), ..Default::default() };
        let path = path(c);
        match &path {
            PathMatch::Prefix(_) => {
                let value = PrefixRewrite::Value("/y/".to_owned());
                rewrite.prefix = c.pick(&[PrefixRewrite::Root, PrefixRewrite::Keep, value]);
            }
            PathMatch::Exact(_) | PathMatch::Regex(_) => {
                rewrite.path = c.maybe(|_| "/z".to_owned());
            }
        }
        let hosts = [
            HostnameMatch::Exact("shop.example".to_owned()),
            HostnameMatch::Suffix(".shop.example".to_owned()),
        ];
        GatewayRoute {
            name: RouteName::new(format!("g{n}")).unwrap(),
            priority: None,
            matches: GatewayMatch {
                port: Some(listener.port),
                hostname: c.maybe(|c| c.pick(&hosts)),
                path: (!grpc).then_some(path),
                method: None,
                headers: if grpc { BTreeMap::new() } else { matchers(c) },
                query_parameters: if grpc { BTreeMap::new() } else { query(c) },
                service_name: grpc.then(|| "random.v1.Service".to_owned()),
                metadata: if grpc { matchers(c) } else { BTreeMap::new() },
            },
            service: GatewayTarget { name: c.pick(&services), port: None },
            rewrite,
            patch: None,
            tags: Default::default(),
        }
    });
    let routes = routes.collect();
    let item =
        VirtualGateway { listeners, routes, access_log: c.maybe(access_log), ..Default::default() };
    mesh.gateways.insert(GatewayName::new("edge").unwrap(), item);
}
