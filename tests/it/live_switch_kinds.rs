//! From every kind of discovery to every other, and from every kind of TLS to every other: each apply
//! ends with every proxy proven, and no request is lost, on a folder and on a server.
//!
//! Such a change brings endpoints or secrets in one step that a proxy asks for in the next one only.
//! The other tests of switches have static nodes without TLS at both ends: all that their steps bring
//! is asked for at once.

use crate::live_apply::Envoys;
use crate::live_serve_apply::Serve;
use crate::live_switch::{App, Caller};
use crate::live_switch_registry::register_at;
use crate::support::authority;
use crate::support::mesh::Block;
use crate::support::sandbox::Sandbox;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(60);

/// How the node is found.
const DNS: &str = "dns = { hostname = \"localhost\", ip_preference = \"ipv4-only\" }";
const DNS_OF_ALL: &str = "dns = { hostname = \"localhost\", ip_preference = \"ipv4-only\", \
                          response_type = \"endpoints\" }";
const STATIC: &str = "static = [\"127.0.0.1\"]";
const REGISTRY: &str = "registry = { namespace = \"shop\", service = \"cart\" }";

/// Who shows a certificate to whom.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Tls {
    None,
    Server,
    Validated,
    Mutual,
}

/// One state of the mesh.
#[derive(Clone, Copy, Debug)]
struct Kind {
    discovery: &'static str,
    tls: Tls,
    more: &'static str,
}

const CHECKED: &str = "health_check = { protocol = \"tcp\", interval = \"5s\", timeout = \"2s\", \
                       healthy_threshold = 2, unhealthy_threshold = 2 }\n";

fn found(discovery: &'static str) -> Kind {
    Kind { discovery, tls: Tls::None, more: "" }
}

fn with(tls: Tls) -> Kind {
    Kind { discovery: STATIC, tls, more: "" }
}

/// A way from each to each other, every pair once, that ends where it begins.
fn every_pair<T: Copy>(all: &[T]) -> Vec<T> {
    let mut way = Vec::new();
    for (at, one) in all.iter().enumerate() {
        way.extend(all[at + 1..].iter().flat_map(|other| [*one, *other]));
    }
    way.extend(all.first());
    way
}

#[test]
fn a_way_has_every_ordered_pair_once() {
    let way = every_pair(&[0, 1, 2, 3]);
    let mut pairs: Vec<_> = way.windows(2).map(|pair| (pair[0], pair[1])).collect();
    pairs.sort_unstable();
    pairs.dedup();
    assert_eq!((pairs.len(), way.len()), (12, 13));
    assert!(pairs.iter().all(|(one, other)| one != other));
}

/// A gateway before one node, whose Envoys run.
struct World {
    sandbox: Sandbox,
    block: Block,
    server: Option<Serve>,
    _envoys: Envoys,
    _app: App,
}

impl World {
    fn start(on_server: bool, first: Kind) -> Self {
        let block = Block::take();
        let b = block.second();
        let app = App::start(format!("127.{b}.0.2:18080"), "one");
        let sandbox = Sandbox::with_mesh("");
        let made = "ca - -\napi ca api.internal\nedge ca edge.internal";
        authority::make(made, &sandbox.join("pki"));
        let server = on_server.then(|| Serve::start(&sandbox, "127.0.0.1:0", "127.0.0.1:0"));
        let socket = |name: &str| sandbox.join(&format!("{name}.sock"));
        let target = match &server {
            Some(server) => format!(
                "[targets.prod]\nserver = \"http://{}\"\nxds = \"{}\"\n\
                 token = {{ file = \"data/operator.token\" }}\n",
                server.admin, server.xds
            ),
            None => format!(
                "[targets.prod]\ndirectory = \"live\"\n[targets.prod.admin]\n\
                 \"virtual_gateway/edge\" = \"unix://{}\"\n\"virtual_node/api\" = \"unix://{}\"\n",
                socket("edge").display(),
                socket("api").display()
            ),
        };
        sandbox.write("meshctl.toml", target);
        let mut world = Self { sandbox, block, server, _envoys: Envoys(Vec::new()), _app: app };
        world.write(first);
        world.sandbox.run(&["apply", "--yes"]).exits(0);
        for (kind, name) in [("virtual_gateway", "edge"), ("virtual_node", "api")] {
            let socket = world.sandbox.join(&format!("{name}.sock"));
            let proxy = format!("{kind}/{name}");
            let args = ["bootstrap", &proxy, "--admin", socket.to_str().unwrap()];
            let bootstrap = world.sandbox.run(&args).exits(0).stdout;
            world._envoys.run(&world.sandbox, name, &bootstrap);
        }
        world.sandbox.run(&["wait", "--timeout", "60s"]).exits(0);
        world
    }

    /// Writes the files of a state.
    fn write(&self, Kind { discovery, tls, more }: Kind) {
        let b = self.block.second();
        // DNS finds this host only, so it is the port that nobody else has.
        let port = 20_000 + 16 * u16::from(b);
        let file = |name: &str| self.sandbox.join("pki").join(name).display().to_string();
        let own = |name: &str| {
            let (chain, key) = (file(&format!("{name}.pem")), file(&format!("{name}.key")));
            format!("certificate = {{ file = {{ chain = \"{chain}\", key = \"{key}\" }} }}")
        };
        let trust = format!("trust = {{ file = \"{}\" }}", file("ca.pem"));
        let asks = match tls {
            Tls::Mutual => format!(", validation = {{ {trust} }}"),
            Tls::None | Tls::Server | Tls::Validated => String::new(),
        };
        let server = match tls {
            Tls::None => String::new(),
            _ => format!("tls = {{ mode = \"strict\", {}{asks} }}\n", own("api")),
        };
        let shows = if tls == Tls::Mutual { own("edge") } else { String::new() };
        let policy = match tls {
            Tls::None | Tls::Server => String::new(),
            Tls::Validated | Tls::Mutual => format!(
                "[virtual_gateway.edge.backend_defaults.client_policy.tls]\n{shows}\n\
                 validation = {{ {trust}, subject_alternative_names = [\"api.internal\"] }}\n"
            ),
        };
        let mesh = format!(
            "[mesh]\nname = \"m\"\ncapture = \"explicit\"\n\n\
             [virtual_gateway.edge]\n\
             listeners = [{{ port = 8090, protocol = \"http\", address = \"127.{b}.0.1\" }}]\n{policy}\n\
             [[virtual_gateway.edge.routes]]\nname = \"all\"\nmatch = {{ prefix = \"/\" }}\n\
             service = \"api.internal\"\n\n[virtual_service.\"api.internal\"]\nnode = \"api\"\n\n\
             [virtual_node.api]\ndiscovery = {{ {discovery} }}\n\n\
             [[virtual_node.api.listeners]]\nport = {port}\nprotocol = \"http\"\n\
             address = \"127.0.0.1\"\napp = \"127.{b}.0.2:18080\"\n{server}{more}"
        );
        self.sandbox.write("mesh.toml", mesh);
    }

    /// Goes from state to state. Every apply is proven on both proxies, and no request is lost.
    fn goes(&self, way: &[Kind]) {
        let gateway = format!("127.{}.0.1:8090", self.block.second()).parse().unwrap();
        let caller = Caller::start(gateway);
        for pair in way.windows(2) {
            self.write(pair[1]);
            let began = Instant::now();
            let ran = self.sandbox.run(&["apply", "--yes"]);
            let said = format!("{pair:#?}:\n{}\n{}", ran.stdout, ran.stderr);
            assert_eq!(ran.code, 0, "{said}");
            assert!(ran.stdout.contains("verified on 2 of 2 proxies."), "{said}");
            assert!(began.elapsed() < PATIENCE, "{said}");
            self.sandbox.run(&["wait", "--timeout", "10s"]).exits(0);
            caller.settles();
        }
        caller.lost_nothing();
    }

    fn registers(&self) {
        let body = serde_json::json!({ "address": "127.0.0.1", "ttl_ms": 600_000 });
        register_at(&self.sandbox, self.server.as_ref().unwrap(), "one", &body);
    }
}

/// What changes besides: what the name answers with, health checks, both at once with the discovery.
fn besides() -> [Kind; 6] {
    let checked = |discovery| Kind { more: CHECKED, ..found(discovery) };
    [
        found(DNS),
        found(DNS_OF_ALL),
        checked(STATIC),
        checked(DNS),
        Kind { tls: Tls::Mutual, ..checked(STATIC) },
        found(DNS),
    ]
}

fn every_kind_of_tls(on_server: bool) {
    let way = every_pair(&[Tls::None, Tls::Server, Tls::Validated, Tls::Mutual].map(with));
    World::start(on_server, way[0]).goes(&way);
}

#[test]
fn every_kind_of_tls_becomes_every_other_on_a_folder() {
    every_kind_of_tls(false);
}

#[test]
fn every_kind_of_tls_becomes_every_other_on_a_server() {
    every_kind_of_tls(true);
}

#[test]
fn every_kind_of_discovery_becomes_every_other_on_a_folder() {
    let way = every_pair(&[DNS, STATIC].map(found));
    let world = World::start(false, way[0]);
    world.goes(&[&way[..], &besides()[1..]].concat());
}

#[test]
fn every_kind_of_discovery_becomes_every_other_on_a_server() {
    let way = every_pair(&[DNS, STATIC, REGISTRY].map(found));
    let world = World::start(true, way[0]);
    world.registers();
    world.goes(&[&way[..], &besides()[1..]].concat());
}
