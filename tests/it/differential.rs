//! `traffic` against a live Envoy: meshes and requests by chance, sent as they are, must end where
//! `traffic` says, by the routes that it says, as the request that it says.
//!
//! `MESHCTL_TRAFFIC_PAIRS` asks for more pairs, `MESHCTL_TRAFFIC_SEED` for another start. Seeds are
//! printed; a disagreement names its own, and becomes a case of [`NAMED`].

use crate::support::envoy;
use crate::support::mesh::Block;
use crate::support::random_mesh::Chance;
use crate::support::random_routes as random;
use crate::support::raw_http::{Answer, Door, applications};
use meshctl::compile::compile;
use meshctl::envoy::{Bootstrap, ProxyId, Settings, bootstrap, files};
use meshctl::model::Mesh;
use meshctl::traffic::{self, End, Request, Tracer, entries};
use std::collections::BTreeMap;
use std::fs;
use std::mem::ManuallyDrop;
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Requests for each mesh.
const EACH: u64 = 1_000;
/// Pairs of a run that is not told otherwise.
const PAIRS: u64 = 4_000;
const FIRST_PORT: u16 = 7_000;

/// A running Envoy; ends with this.
struct Proxy {
    child: Child,
    folder: tempfile::TempDir,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn start(mesh: &Mesh, proxy: &str) -> Proxy {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path().display().to_string();
    let id: ProxyId = proxy.parse().unwrap();
    let config = compile(mesh, &Settings::path(&at), &id);
    let home = folder.path().join("current").join(proxy);
    for (name, text) in files(&config) {
        let path = home.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let boot = folder.path().join("boot.yaml");
    let options = Bootstrap::new(mesh.settings.name.clone(), id, &at);
    fs::write(&boot, bootstrap(&options)).unwrap();
    let log = fs::File::create(folder.path().join("log")).unwrap();
    let child = Command::new(envoy::binary())
        .arg("-c")
        .arg(&boot)
        .args(["--concurrency", "1", "--disable-hot-restart", "--log-level", "warning"])
        .arg("--reject-unknown-dynamic-fields")
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    Proxy { child, folder }
}

/// Waits until a door is open.
fn await_door(proxies: &[Proxy], door: SocketAddr) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while TcpStream::connect(door).is_err() {
        for proxy in proxies {
            let log = fs::read_to_string(proxy.folder.path().join("log")).unwrap_or_default();
            assert!(Instant::now() < deadline && !log.contains("rejected"), "{log}");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The proxies of a mesh that requests are sent to, when all their doors are open.
fn start_all(mesh: &Mesh) -> Vec<Proxy> {
    let all = ["virtual_gateway/edge", "virtual_node/client"].map(|proxy| start(mesh, proxy));
    for entry in entries(mesh) {
        let door = match entry.door {
            traffic::Door::Bound { at, .. } => at,
            traffic::Door::Gateway { listener, .. } => {
                (listener.address.unwrap(), listener.port.get()).into()
            }
            traffic::Door::Captured { .. } => continue,
        };
        await_door(&all, door);
    }
    all.into()
}

/// What `traffic` says of a request; `Err` if it says that it cannot be told.
fn told(tracer: &Tracer<'_>, request: &Request) -> Result<(Answer, Vec<String>), String> {
    let journey = tracer.follow(&random::source(request, FIRST_PORT), request);
    let trail = journey.hops.iter().filter_map(|hop| Some(hop.taken.as_ref()?.address.to_string()));
    let trail = trail.collect();
    Ok(match journey.end {
        End::Targets { shares, host, path } => {
            let sole = shares.len() == 1;
            let may = shares.iter().filter(|share| sole || share.weight > 0);
            let nodes = may.map(|share| share.to.name.to_string()).collect();
            (Answer { status: 200, trail, saw: Some((String::new(), host, path)) }, nodes)
        }
        End::Answer { status, .. } => (Answer { status, trail, saw: None }, Vec::new()),
        End::PassedOn => return Err("passed on".to_owned()),
        End::Closed { why, .. } | End::Unknown { why } => return Err(why),
    })
}

/// Why an answer is not what was told, if so.
fn differs(told: &(Answer, Vec<String>), answer: &Answer) -> bool {
    let (expected, nodes) = told;
    let mut expected = expected.clone();
    if let (Some(saw), Some((node, ..))) = (&mut expected.saw, &answer.saw) {
        if !nodes.contains(node) {
            return true;
        }
        saw.0.clone_from(node);
    }
    expected != *answer
}

/// The conditions of routes, for the message.
fn conditions(mesh: &Mesh, trail: &[String]) -> String {
    let mut text = String::new();
    for gateway in mesh.gateways.values() {
        for route in &gateway.routes {
            if trail.contains(&format!("gateway_route/edge/{}", route.name)) {
                text.push_str(&format!(
                    "  {} {:?} {:?}\n",
                    route.name, route.matches, route.rewrite
                ));
            }
        }
    }
    for (router, item) in &mesh.routers {
        for route in &item.routes {
            if trail.contains(&format!("route/{router}/{}", route.name)) {
                text.push_str(&format!("  {router}/{} {:?}\n", route.name, route.matches));
            }
        }
    }
    text
}

/// Sends many requests to one mesh; gives the disagreements and how many could not be told.
fn compare(
    mesh: &Mesh,
    seed: u64,
    block: u8,
    requests: impl IntoIterator<Item = Request>,
) -> (Vec<String>, u64) {
    let _proxies = start_all(mesh);
    let tracer = Tracer::new(mesh);
    let mut doors: BTreeMap<u16, Door> = BTreeMap::new();
    let (mut wrong, mut untold) = (Vec::new(), 0);
    for request in requests {
        let door = doors.entry(request.port).or_insert_with(|| Door::new(block, request.port));
        let answer = door.send(&request).unwrap_or_else(|error| panic!("{error}: {request:?}"));
        match told(&tracer, &request) {
            Ok(told) if differs(&told, &answer) => wrong.push(format!(
                "seed {seed}: {request:?}\n  told   {:?} of {:?}\n  Envoy  {answer:?}\n{}",
                told.0,
                told.1,
                conditions(mesh, &[&told.0.trail[..], &answer.trail[..]].concat()),
            )),
            Ok(_) => {}
            Err(_) => untold += 1,
        }
    }
    (wrong, untold)
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[test]
fn requests_by_chance_end_where_traffic_says() {
    // The applications live as long as the process, so their addresses are nobody else's.
    let block = ManuallyDrop::new(Block::take());
    applications(block.second());
    let (pairs, first) =
        (number("MESHCTL_TRAFFIC_PAIRS", PAIRS), number("MESHCTL_TRAFFIC_SEED", 1));
    let (mut wrong, mut untold) = (Vec::new(), 0);
    let meshes = pairs.div_ceil(EACH);
    for seed in first..first + meshes {
        let mesh = random::mesh(seed, block.second(), FIRST_PORT);
        let mut chance = Chance::new(seed ^ 0x5EED);
        let requests = (0..EACH).map(|_| random::request(&mut chance, FIRST_PORT));
        let (more, unknown) = compare(&mesh, seed, block.second(), requests);
        wrong.extend(more);
        untold += unknown;
    }
    println!(
        "{} pairs, seeds {first} to {}: {} disagreements, {untold} not told",
        meshes * EACH,
        first + meshes - 1,
        wrong.len()
    );
    assert!(
        wrong.is_empty(),
        "{} of {}\n{}",
        wrong.len(),
        meshes * EACH,
        wrong[..wrong.len().min(12)].join("\n")
    );
    // What cannot be told is the exception, or nothing would be compared.
    assert!(untold * 100 < meshes * EACH, "{untold} could not be told");
}

/// Disagreements of the past, by what was not known: the route's conditions, then requests as
/// `METHOD PATH [HEADER=VALUE]…`.
const NAMED: &[(&str, &str, &[&str])] = &[
    (
        "each value of a repeated header is matched by itself, not all joined by commas",
        r#"headers = { x-a = { suffix = "a" } }"#,
        &["GET / x-a=a x-a=9", "GET / x-a=9 x-a=b", "GET / x-a=9,a"],
    ),
    (
        "one value of a repeated header in the range is enough",
        r#"headers = { x-a = { range = [5, 10] } }"#,
        &["GET / x-a=+5 x-a=0x5", "GET / x-a=4 x-a=9", "GET / x-a=5,6", "GET / x-a=10 x-a=4"],
    ),
    (
        "an inverted condition wants that no value of a repeated header matches",
        r#"headers = { x-a = { prefix = "ab", invert = true } }"#,
        &["GET / x-a=5,6 x-a=abc", "GET / x-a=a x-a=b", "GET /", "GET / x-a="],
    ),
    (
        "commas between values are no part of any value",
        r#"headers = { x-a = { prefix = ",", invert = true } }"#,
        &["GET / x-a= x-a=9", "GET / x-a=,9"],
    ),
    (
        "methods that HTTP/1 does not know are answered with 400",
        r#"prefix = "/""#,
        &["get /", "PURGE /", "BREW /", "UNLINK /"],
    ),
];

#[test]
fn disagreements_of_the_past_stay_settled() {
    // The applications live as long as the process, so their addresses are nobody else's.
    let block = ManuallyDrop::new(Block::take());
    applications(block.second());
    let mut mesh = random::mesh(0, block.second(), FIRST_PORT);
    for (name, conditions, requests) in NAMED {
        let text = format!(
            "[mesh]\nname = \"named\"\n[virtual_node.n0]\n\
             listeners = [{{ port = 8000, protocol = \"http\" }}]\ndiscovery = {{ dns = \"n\" }}\n\
             [virtual_service.\"s0.internal\"]\nrouter = \"v0\"\n[virtual_router.v0]\n\
             listeners = [{{ port = 8080, protocol = \"http\" }}]\n\
             [[virtual_router.v0.routes]]\nname = \"r0\"\nmatch = {{ {conditions} }}\n\
             targets = {{ n0 = 1 }}\n"
        );
        let mut named = crate::traffic::mesh(&text);
        for route in named.routers.values_mut().flat_map(|router| &mut router.routes) {
            route.patch = random::trail("route/v0/r0");
        }
        mesh.routers.append(&mut named.routers);
        let requests = requests.iter().map(|line| {
            let mut words = line.split(' ');
            let (method, path) = (words.next().unwrap(), words.next().unwrap());
            // The first door of the node leads to the first service.
            let url = format!("http://x:{}{path}", FIRST_PORT + 100);
            let mut request = Request::new(method, &url).unwrap();
            let pair = |word: &str| {
                let (name, value) = word.split_once('=').unwrap();
                (name.to_owned(), value.to_owned())
            };
            request.headers = words.map(pair).collect();
            request
        });
        let (wrong, untold) = compare(&mesh, 0, block.second(), requests);
        assert!(wrong.is_empty() && untold == 0, "{name}:\n{}", wrong.join("\n"));
    }
}
