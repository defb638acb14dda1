//! `traffic` against live Envoys under redirect capture: packets of an application that knows nothing
//! of the mesh, in network namespaces of the test's own, under both egress filters. What leaves the
//! mesh, and what is refused, is compared like everything else.
//!
//! `MESHCTL_REDIRECT_PAIRS` and `MESHCTL_TRAFFIC_SEED` ask for more and for others.

use crate::support::aimed;
use crate::support::compare::{OUTSIDE, Tally, answers, as_call};
use crate::support::envoy;
use crate::support::netns::{Net, Proxy, enter, run};
use crate::support::random_calls::is_call;
use crate::support::random_http2::PORT as HTTP2_PORT;
use crate::support::random_mesh::Chance;
use crate::support::random_routes as random;
use crate::support::random_special::{self as special, Sent};
use crate::support::tier::{Tier, has, number};
use crate::support::{raw_h2, raw_http};
use meshctl::compile::compile;
use meshctl::envoy::{Settings, files};
use meshctl::model::{Capture, Discovery, EgressFilter, Mesh, NodeName};
use meshctl::traffic::{Codec, Source, Tracer};
use std::collections::BTreeMap;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

const EACH: u64 = 500;
/// Requests of a run that is not told otherwise, for each egress filter.
const PAIRS: u64 = 500;
const FIRST_PORT: u16 = 7_000;
/// What is outside of the mesh, on the ports of the mesh and one more.
const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 3);
/// A port of no backend, where something listens.
const OTHER_PORT: u16 = 9_999;
/// The ports of services: HTTP/1.1, the second of one of them, HTTP/2, gRPC.
const PORTS: [u16; 4] = [8_080, 8_081, HTTP2_PORT as u16, 9_090];

/// The address of a node on the server's host.
fn address(number: usize) -> Ipv4Addr {
    Ipv4Addr::new(10, 77, 0, 10 + number as u8)
}

/// The nodes that answer, and whether they speak HTTP/2, and gRPC.
fn answering() -> Vec<(String, bool, bool)> {
    let of = |letter: &'static str, count: u8, http2, grpc| {
        (0..count).map(move |number| (format!("{letter}{number}"), http2, grpc))
    };
    of("n", 5, false, false).chain(of("m", 3, true, true)).chain(of("k", 3, true, false)).collect()
}

/// The random mesh, its client under redirect capture, its nodes on the server's host.
fn mesh(c: &mut Chance, seed: u64, egress: EgressFilter) -> Mesh {
    let mut mesh = random::mesh(seed, 1, FIRST_PORT);
    special::mesh(c, &mut mesh);
    mesh.settings.egress = egress;
    mesh.gateways.clear();
    let client = mesh.nodes.get_mut("client").unwrap();
    client.capture = Some(Capture::Redirect);
    for backend in &mut client.backends {
        backend.bind = Default::default();
    }
    for (number, (name, ..)) in answering().into_iter().enumerate() {
        let node = mesh.nodes.get_mut(name.as_str()).unwrap();
        node.discovery = Some(Discovery::Static(vec![IpAddr::from(address(number))]));
    }
    mesh
}

/// A request of the random mesh as the client sends it: to some address, by the service's name most
/// often.
fn redirected(c: &mut Chance, full: &Mesh, mesh: &Mesh) -> (SocketAddr, Sent) {
    let (request, calls) = loop {
        let request = aimed::request(c, full, FIRST_PORT);
        if request.port >= FIRST_PORT + random::BOUND {
            let calls = is_call(&request, FIRST_PORT);
            break (request, calls);
        }
    };
    let door = request.port;
    let mut sent = special::request(c, mesh, request, FIRST_PORT);
    if calls {
        sent = as_call(sent);
    }
    let bound = full.nodes[&NodeName::new("client").unwrap()].backends.iter().find_map(|backend| {
        let by_port = backend.bind.by_port.iter().map(|(port, at)| (port.get(), at));
        let only =
            backend.bind.only.iter().map(|at| match backend.service.as_str().as_bytes()[0] {
                b'c' => (9_090, at),
                b'h' => (HTTP2_PORT as u16, at),
                _ => (8_080, at),
            });
        let found = by_port.chain(only).find(|(_, at)| at.port() == door)?;
        Some((backend.service.to_string(), found.0))
    });
    let (name, port) = bound.unwrap_or(("s5.internal".to_owned(), 8_080));
    let own = ["odd host", "host with a root dot", "host in another spelling"];
    let odd = sent.kinds.iter().any(|kind| own.contains(kind));
    sent.request.port = match c.below(12) {
        0 => c.pick(&PORTS),
        1 => OTHER_PORT,
        _ => port,
    };
    let port = sent.request.port;
    sent.request.explicit_port = true;
    // The port may be another than that of the service, and with it its own codec.
    sent.request.codec = Some(sent.codec);
    let elsewhere = c.once_in(3);
    sent.request.authority = match c.below(8) {
        0 => format!("{name}:{port}"),
        1 => format!("{}.", name.to_ascii_uppercase()),
        2 => format!("{name}:{}", c.pick(&PORTS)),
        3 if odd => sent.request.authority,
        _ if elsewhere => {
            c.pick(&["outside.example", "outside.example:1", "a.internal"]).to_owned()
        }
        _ => name,
    };
    let to = if elsewhere { ELSEWHERE } else { c.pick(&[ELSEWHERE, address(0), address(40)]) };
    // What leaves the mesh goes on to where it was sent: there somebody answers.
    let to =
        if to == ELSEWHERE || sent.request.authority.contains("internal") { to } else { ELSEWHERE };
    ((to, port).into(), sent)
}

/// A running proxy of the client, in namespaces that have the applications.
struct World {
    net: Net,
    folder: tempfile::TempDir,
}

impl World {
    fn new(tag: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // Below /tmp, where the proxies' user can read.
        let open = fs::Permissions::from_mode(0o777);
        fs::set_permissions(folder.path(), open).unwrap();
        envoy::copy_program(&envoy::binary(), &folder.path().join("envoy"));
        let net = Net::new(tag);
        let server = net.server.clone();
        for number in (0..answering().len()).chain([40]) {
            run(&format!("ip -n {server} addr add {}/24 dev veth0", address(number)));
        }
        std::thread::spawn(move || {
            enter(&server);
            for (number, (name, http2, grpc)) in answering().into_iter().enumerate() {
                let at = (address(number), 8_000).into();
                match http2 {
                    true => raw_h2::application(at, name, grpc),
                    false => raw_http::application(at, name),
                }
            }
            for port in PORTS.into_iter().chain([OTHER_PORT]) {
                // It answers where it is asked by either codec.
                raw_http::application((ELSEWHERE, port).into(), OUTSIDE.to_owned());
                raw_http::application((address(40), port).into(), OUTSIDE.to_owned());
                raw_http::application((address(0), port).into(), OUTSIDE.to_owned());
            }
        })
        .join()
        .unwrap();
        Self { net, folder }
    }

    fn start(&self, mesh: &Mesh, number: u64) -> Proxy {
        let folder = self.folder.path().join(number.to_string());
        let proxy = "virtual_node/client".parse().unwrap();
        let root = folder.join("target");
        let settings = Settings::path(root.display().to_string());
        for (file, text) in files(&compile(mesh, &settings, &proxy)) {
            let file = root.join("current").join(proxy.to_string()).join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        fs::hard_link(self.folder.path().join("envoy"), folder.join("envoy")).unwrap();
        open(&folder);
        let running = Proxy::start(&folder, mesh, &proxy, &self.net.client);
        let deadline = Instant::now() + Duration::from_secs(60);
        while running.admin("/ready").is_none_or(|said| !said.starts_with("LIVE")) {
            let log = fs::read_to_string(folder.join("client.log")).unwrap_or_default();
            assert!(Instant::now() < deadline, "it is not ready: {log}");
            std::thread::sleep(Duration::from_millis(10));
        }
        running
    }
}

/// Lets the user of the proxies write its admin socket into a folder.
fn open(folder: &Path) {
    fs::set_permissions(folder, fs::Permissions::from_mode(0o777)).unwrap();
}

fn compare(egress: EgressFilter, tag: &str) {
    if !has(Tier::Root) {
        return;
    }
    let pairs = number("MESHCTL_REDIRECT_PAIRS", PAIRS);
    let first = number("MESHCTL_TRAFFIC_SEED", 1);
    let world = World::new(tag);
    let mut tally = Tally::default();
    for seed in first..first + pairs.div_ceil(EACH) {
        let mut c = Chance::new(seed ^ 0x0E15);
        let mesh = mesh(&mut c, seed, egress);
        let full = random::mesh(seed, 1, FIRST_PORT);
        let _proxy = world.start(&mesh, seed);
        let made: Vec<_> = (0..EACH).map(|_| redirected(&mut c, &full, &mesh)).collect();
        let answers = answers(&made, || enter(&world.net.client));
        let tracer = Tracer::new(&mesh);
        let source = Source::Node(NodeName::new("client").unwrap());
        for ((to, sent), answer) in made.iter().zip(answers) {
            let place = format!("{egress:?}, seed {seed}, to {to}");
            if tally.compare(&place, (&tracer, &mesh), &source, sent, &answer) {
                let end = match (&answer.saw, answer.status) {
                    (Some((node, ..)), _) if node == OUTSIDE => "leaves the mesh".to_owned(),
                    (Some(_), _) => "reaches a node".to_owned(),
                    (None, status) => format!("ends with {status}"),
                };
                tally.count(format!("{end}, {:?}", sent.codec));
            }
        }
    }
    tally.report(&format!("redirect capture, {egress:?}"));
    let mut wanted = BTreeMap::from([("reaches a node", true), ("ends with 404", true)]);
    wanted.insert("leaves the mesh", egress == EgressFilter::AllowAll);
    wanted.insert("ends with 0", egress == EgressFilter::DropAll);
    for (end, _) in wanted.into_iter().filter(|(_, wanted)| *wanted) {
        for codec in [Codec::Http1, Codec::Http2] {
            let what = format!("{end}, {codec:?}");
            assert!(tally.counted(&what) > 0, "no evidence of: {what}");
        }
    }
}

#[test]
fn redirected_requests_end_where_traffic_says_under_drop_all() {
    compare(EgressFilter::DropAll, "dd");
}

#[test]
fn redirected_requests_end_where_traffic_says_under_allow_all() {
    compare(EgressFilter::AllowAll, "da");
}
