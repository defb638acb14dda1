//! A switch waits for the nodes that gain requests: a weight onto a node without a running proxy loses
//! no request, on a folder and on a server.

use crate::live_apply::Envoys;
use crate::live_serve_apply::Serve;
use crate::serve_identity::until;
use crate::support::mesh::Block;
use crate::support::sandbox::{Ran, Sandbox};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// A caller stops by itself after so many requests.
const AT_MOST: u32 = 20_000;

pub(crate) fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Answers every request with a name, until it is dropped.
pub(crate) struct App {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl App {
    pub(crate) fn start(address: String, name: &'static str) -> Self {
        // Another test may listen there at every address for a while.
        let mut listener = None;
        until("a free port", || match TcpListener::bind(&address) {
            Err(error) if error.kind() == ErrorKind::AddrInUse => false,
            bound => {
                listener = Some(bound.unwrap());
                true
            }
        });
        let listener = listener.unwrap();
        let (address, stop) = (listener.local_addr().unwrap(), Arc::new(AtomicBool::new(false)));
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                thread::spawn(move || answer(stream, name));
            }
        });
        Self { address, stop, thread: Some(thread) }
    }
}

impl Drop for App {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn answer(mut stream: TcpStream, name: &str) {
    let mut text = Vec::new();
    let mut part = [0; 4096];
    while let Ok(count @ 1..) = stream.read(&mut part) {
        text.extend_from_slice(&part[..count]);
        if text.ends_with(b"\r\n\r\n") {
            text.clear();
            let length = name.len();
            let _ = write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{name}");
        }
    }
}

/// One request: the status and the body; `None` if the connection fails.
fn get(address: SocketAddr) -> Option<(String, String)> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    write!(stream, "GET / HTTP/1.1\r\nhost: cart.internal\r\nconnection: close\r\n\r\n").ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    let status = text.split(' ').nth(1)?.to_owned();
    Some((status, text.rsplit("\r\n").next()?.to_owned()))
}

/// Sends one request after the other until it is stopped.
pub(crate) struct Caller {
    stop: Arc<AtomicBool>,
    answers: Arc<AtomicU32>,
    thread: JoinHandle<BTreeMap<String, u32>>,
}

impl Caller {
    pub(crate) fn start(address: SocketAddr) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let answers = Arc::new(AtomicU32::new(0));
        let counter = Arc::clone(&answers);
        let thread = thread::spawn(move || {
            let mut seen = BTreeMap::new();
            for _ in 0..AT_MOST {
                if stopped.load(Ordering::Relaxed) {
                    break;
                }
                let word = match get(address) {
                    Some((status, _)) if status == "200" => status,
                    // Which answer it was, and after which others, says what lost the request.
                    Some((status, body)) => format!("{status} after {seen:?}: {body}"),
                    None => format!("no answer after {seen:?}"),
                };
                *seen.entry(word).or_insert(0) += 1;
                counter.fetch_add(1, Ordering::Relaxed);
            }
            seen
        });
        Self { stop, answers, thread }
    }

    /// Waits until what was under way when it was called has been answered.
    #[track_caller]
    pub(crate) fn settles(&self) {
        let before = self.answers.load(Ordering::Relaxed);
        let deadline = Instant::now() + PATIENCE;
        while self.answers.load(Ordering::Relaxed) < before + 2 {
            assert!(Instant::now() < deadline, "the caller gets no answers");
            thread::yield_now();
        }
    }

    /// Stops it: every request was answered with 200.
    #[track_caller]
    pub(crate) fn lost_nothing(self) {
        self.stop.store(true, Ordering::Relaxed);
        let seen = self.thread.join().unwrap();
        assert!(seen.keys().eq(["200"]), "{seen:?}");
        assert!(seen["200"] > 20, "{seen:?}");
        assert!(seen["200"] < AT_MOST, "the caller stopped before the end: {seen:?}");
    }
}

/// A caller and two nodes behind a router; the second has no proxy yet.
pub(crate) struct World {
    pub(crate) sandbox: Sandbox,
    pub(crate) mesh: String,
    pub(crate) envoys: Envoys,
    pub(crate) web: SocketAddr,
    pub(crate) server: Option<Serve>,
    pub(crate) apps: Vec<App>,
    pub(crate) block: Block,
}

impl World {
    pub(crate) fn start(on_server: bool) -> Self {
        let block = Block::take();
        let b = block.second();
        let apps = [(2, "one"), (3, "two")]
            .map(|(last, name)| App::start(format!("127.{b}.0.{last}:18080"), name));
        let node = |name: &str, last: u8| {
            format!(
                "[virtual_node.{name}]\nlisteners = [{{ port = 8080, protocol = \"http\", address = \
                 \"127.{b}.0.{last}\", app = \"127.{b}.0.{last}:18080\" }}]\ndiscovery = {{ static = \
                 [\"127.{b}.0.{last}\"] }}\n"
            )
        };
        let mesh = format!(
            "[mesh]\nname = \"m\"\ncapture = \"explicit\"\n\n\
             [virtual_node.web]\nbackends = [{{ service = \"cart.internal\", bind = \
             \"127.{b}.0.1:9001\" }}]\n\n{}\n{}\n\
             [virtual_service.\"cart.internal\"]\nrouter = \"cart\"\n\
             [virtual_router.cart]\nlisteners = [{{ port = 8080, protocol = \"http\" }}]\n\
             [[virtual_router.cart.routes]]\nname = \"all\"\nmatch = {{ prefix = \"/\" }}\n\
             retry = {{ on = [\"server-error\"], max_retries = 0 }}\ntargets = {{ cart-v1 = 1 }}\n",
            node("cart-v1", 2),
            node("cart-v2", 3),
        );
        let sandbox = Sandbox::with_mesh(&mesh);
        let server = on_server.then(|| Serve::start(&sandbox, "127.0.0.1:0", "127.0.0.1:0"));
        let target = match &server {
            Some(server) => format!(
                "[targets.prod]\nserver = \"http://{}\"\nxds = \"{}\"\nexpect = 2\n\
                 token = {{ file = \"data/operator.token\" }}\n",
                server.admin, server.xds
            ),
            None => {
                let mut text =
                    "[targets.prod]\ndirectory = \"live\"\nexpect = 2\n[targets.prod.admin]\n"
                        .to_owned();
                for name in ["web", "cart-v1", "cart-v2", "cart-v3"] {
                    let socket = sandbox.join(&format!("{name}.sock"));
                    text += &format!("\"virtual_node/{name}\" = \"unix://{}\"\n", socket.display());
                }
                text
            }
        };
        sandbox.write("meshctl.toml", target);
        // The first apply switches nothing, so nothing holds it up; but fewer run than are expected.
        let ran = sandbox.run(&["apply", "--yes"]).exits(7);
        assert!(ran.stderr.contains("0 of 2 expected Envoys acknowledged"), "{}", ran.stderr);
        let mut envoys = Envoys(Vec::new());
        for node in ["web", "cart-v1"] {
            envoys.start(&sandbox, node);
        }
        let ran = sandbox.run(&["wait", "--timeout", "60s"]).exits(0);
        assert!(ran.stdout.contains("verified on 2 Envoys"), "{}", ran.stdout);
        let web = format!("127.{b}.0.1:9001").parse().unwrap();
        Self { sandbox, mesh, envoys, web, server, apps: apps.into(), block }
    }

    pub(crate) fn targets(&self, targets: &str) {
        self.sandbox.write("mesh.toml", self.mesh.replace("{ cart-v1 = 1 }", targets));
    }

    pub(crate) fn apply(&self, more: &[&str], code: i32) -> Ran {
        self.sandbox.run(&[&["apply", "--yes"], more].concat()).exits(code)
    }

    /// Resumes again and again until it is done.
    #[track_caller]
    pub(crate) fn resumes(&self) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let ran = self.sandbox.run(&["apply", "--yes", "--resume"]);
            if ran.code == 0 {
                return;
            }
            assert_eq!(ran.code, 7, "{}", ran.stderr);
            assert!(Instant::now() < deadline, "{}", ran.stderr);
        }
    }

    /// Waits until exactly these answer: a proxy acknowledges before its last worker has a step.
    #[track_caller]
    pub(crate) fn until_answered_by(&self, names: &[&str]) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let seen = self.census(40);
            if seen.keys().eq(names) {
                return;
            }
            assert!(Instant::now() < deadline, "{seen:?}");
        }
    }

    /// The answers to some requests, by their bodies.
    pub(crate) fn census(&self, count: u32) -> BTreeMap<String, u32> {
        let mut seen = BTreeMap::new();
        for _ in 0..count {
            let (status, body) = get(self.web).unwrap_or_default();
            let word = if status == "200" { body } else { status };
            *seen.entry(word).or_insert(0) += 1;
        }
        seen
    }
}

fn a_weight_onto_a_node_without_a_proxy(on_server: bool) {
    let mut world = World::start(on_server);
    let caller = Caller::start(world.web);
    world.targets("{ cart-v1 = 40, cart-v2 = 60 }");
    let planned = world.sandbox.run(&["plan"]).exits(0);
    let finding =
        "virtual_node/cart-v2, port 8080, gains requests at route/cart/all and has no running";
    assert!(
        planned.all().contains("MC0908") && planned.all().contains(finding),
        "{}",
        planned.all()
    );

    let document = json(&world.apply(&["--format", "json"], 7).stdout);
    assert_eq!((&document["end"], &document["steps"]), (&"missing".into(), &1.into()));
    assert_eq!(document["missing"][0]["node"], "cart-v2", "{document:#}");
    assert_eq!(document["missing"][0]["why"], "not_running");
    let ran = world.apply(&[], 7);
    assert!(ran.stderr.contains("stopped before the switch of revision 2"), "{}", ran.stderr);
    assert!(ran.stderr.contains("--accept MC0908@route/cart/all"), "{}", ran.stderr);
    let status = world.sandbox.run(&["status"]).exits(0);
    assert!(status.stdout.contains("stopped before the switch"), "{}", status.stdout);
    world.sandbox.run(&["wait", "--timeout", "1ms"]).exits(7);
    assert!(world.census(40).keys().eq(["one"]));

    // Other files are not held up: what was added is taken back first.
    world.targets("{ cart-v1 = 1 }");
    world.apply(&[], 0);
    world.sandbox.run(&["plan", "--detailed-exitcode"]).exits(0);

    // It stops again, and goes on as soon as a proxy of the node has acknowledged.
    world.targets("{ cart-v1 = 40, cart-v2 = 60 }");
    world.apply(&[], 7);
    world.envoys.start(&world.sandbox, "cart-v2");
    world.resumes();
    assert!(world.census(60).keys().eq(["one", "two"]));
    caller.lost_nothing();

    // Without its proxy a larger share needs consent, and consent to exactly this is enough.
    let mut envoy = world.envoys.0.remove(2);
    envoy.kill().unwrap();
    envoy.wait().unwrap();
    world.targets("{ cart-v1 = 10, cart-v2 = 90 }");
    world.apply(&["--accept", "MC0908@virtual_service/cart.internal"], 7);
    let ran = world.apply(&["--resume", "--accept", "MC0908@route/cart/all"], 0);
    assert!(ran.stderr.contains("accepted"), "{}", ran.stderr);
    assert!(ran.stdout.contains("was not verified"), "{}", ran.stdout);
    assert!(world.census(40).contains_key("503"), "the switch took place");
    // A smaller share needs no consent; a rollback onto the node does, as an apply.
    world.targets("{ cart-v1 = 1 }");
    world.apply(&[], 0);
    world.sandbox.run(&["rollback", "--yes"]).exits(7);
    assert!(world.census(40).keys().eq(["one"]));
    world.sandbox.run(&["rollback", "2", "--yes", "--accept", "MC0908@route/cart/all"]).exits(0);
    drop(world.server.take());
}

#[test]
fn a_weight_onto_a_node_without_a_proxy_loses_nothing_on_a_folder() {
    a_weight_onto_a_node_without_a_proxy(false);
}

#[test]
fn a_weight_onto_a_node_without_a_proxy_loses_nothing_on_a_server() {
    a_weight_onto_a_node_without_a_proxy(true);
}

#[test]
fn a_renamed_node_is_switched_to_when_its_own_proxy_runs() {
    let mut world = World::start(false);
    let caller = Caller::start(world.web);
    world.mesh = world.mesh.replace("cart-v1", "cart-v3");
    world.targets("{ cart-v3 = 1 }");
    let document = json(&world.apply(&["--format", "json"], 7).stdout);
    assert_eq!(document["missing"][0]["node"], "cart-v3", "{document:#}");
    assert!(world.census(40).keys().eq(["one"]));
    world.envoys.start(&world.sandbox, "cart-v3");
    world.resumes();
    assert!(world.census(40).keys().eq(["one"]));
    caller.lost_nothing();
}

#[test]
fn a_node_without_a_sidecar_is_asked_for_nothing() {
    let mut world = World::start(false);
    let b = world.block.second();
    // Its application listens where its callers look for it.
    world.apps.push(App::start(format!("127.{b}.0.3:8080"), "plain"));
    let listener = format!("address = \"127.{b}.0.3\", app = \"127.{b}.0.3:18080\" }}]\n");
    assert!(world.mesh.contains(&listener));
    world.mesh = world
        .mesh
        .replace(&format!(", {listener}"), " }]\n")
        .replace("[virtual_node.cart-v2]\n", "[virtual_node.cart-v2]\nproxy = false\n");
    let caller = Caller::start(world.web);
    world.targets("{ cart-v1 = 1, cart-v2 = 1 }");
    let plan = world.sandbox.run(&["plan"]).exits(0);
    assert!(!plan.all().contains("MC0908"), "{}", plan.all());
    let ran = world.apply(&[], 0);
    assert!(ran.stdout.contains("verified on 2 of 2 proxies."), "{}", ran.stdout);
    assert!(world.census(40).keys().eq(["one", "plain"]));
    caller.lost_nothing();
    let settings = std::fs::read_to_string(world.sandbox.join("meshctl.toml")).unwrap();
    world.sandbox.write("meshctl.toml", settings.replace("expect = 2\n", ""));
    world.sandbox.run(&["wait", "--timeout", "1s"]).exits(0);
    let status = world.sandbox.run(&["status"]).exits(0).stdout;
    assert!(!status.contains("cart-v2"), "{status}");
    let drift = world.sandbox.run(&["drift", "--detailed-exitcode"]).exits(0);
    assert!(drift.stderr.contains("(2 of 2 proxies checked)"), "{}", drift.stderr);
    let ran = world.sandbox.run(&["bootstrap", "virtual_node/cart-v2"]).exits(64);
    assert!(ran.stderr.contains("has no proxy"), "{}", ran.stderr);
    world.sandbox.run(&["plan", "--detailed-exitcode"]).exits(0);
}

#[test]
fn a_node_that_is_new_in_the_plan_is_reported_on_a_server_too() {
    let mut world = World::start(true);
    let caller = Caller::start(world.web);
    // The server has never heard of it.
    world.mesh = world.mesh.replace("cart-v1", "cart-v3");
    world.targets("{ cart-v3 = 1 }");
    let planned = world.sandbox.run(&["plan"]).exits(0).all();
    let finding =
        "virtual_node/cart-v3, port 8080, gains requests at route/cart/all and has no running";
    assert!(planned.contains("MC0908") && planned.contains(finding), "{planned}");
    let document = json(&world.apply(&["--format", "json"], 7).stdout);
    assert_eq!(document["missing"][0]["node"], "cart-v3", "{document:#}");
    world.envoys.start(&world.sandbox, "cart-v3");
    world.resumes();
    assert!(world.census(40).keys().eq(["one"]));
    caller.lost_nothing();
}

#[test]
fn the_gate_waits_for_proxies_that_come_back_to_a_server_that_was_started_again() {
    let mut world = World::start(true);
    world.envoys.start(&world.sandbox, "cart-v2");
    let settings = std::fs::read_to_string(world.sandbox.join("meshctl.toml")).unwrap();
    world.sandbox.write("meshctl.toml", settings.replace("expect = 2", "expect = 3"));
    world.sandbox.run(&["wait", "--timeout", "60s"]).exits(0);
    // An apply does not wait for a third that takes no part in it and is still coming back.
    world.sandbox.write("meshctl.toml", &settings);
    let caller = Caller::start(world.web);
    let again = |world: &mut World| {
        let server = world.server.take().unwrap();
        let (admin, xds) = (server.admin.clone(), server.xds.clone());
        drop(server);
        world.server = Some(Serve::start(&world.sandbox, &admin, &xds));
    };
    // It was connected before: the gate does not take it for missing while it comes back.
    again(&mut world);
    world.targets("{ cart-v1 = 40, cart-v2 = 60 }");
    world.apply(&[], 0);
    assert!(world.census(60).keys().eq(["one", "two"]));

    // One that does not come back is missing, as soon as nobody is waited for any more.
    world.targets("{ cart-v1 = 1 }");
    world.apply(&[], 0);
    // A proxy acknowledges before its last worker has the routes, and requests under way end.
    let deadline = Instant::now() + PATIENCE;
    while !world.census(40).keys().eq(["one"]) {
        assert!(Instant::now() < deadline, "requests still reach the second node");
    }
    caller.settles();
    let mut envoy = world.envoys.0.remove(2);
    envoy.kill().unwrap();
    envoy.wait().unwrap();
    again(&mut world);
    world.targets("{ cart-v1 = 40, cart-v2 = 60 }");
    let document = json(&world.apply(&["--format", "json"], 7).stdout);
    assert_eq!(document["missing"][0]["why"], "not_running", "{document:#}");

    // A rollout that stopped there stays so when the server is started again, until it is resumed.
    again(&mut world);
    let status = world.sandbox.run(&["status"]).exits(0).stdout;
    assert!(status.contains("stopped before the switch"), "{status}");
    assert!(world.census(40).keys().eq(["one"]));
    world.envoys.start(&world.sandbox, "cart-v2");
    world.resumes();
    assert!(world.census(60).keys().eq(["one", "two"]));
    caller.lost_nothing();
}

#[test]
fn a_plan_of_one_route_is_gated_as_the_whole() {
    for on_server in [false, true] {
        let mut world = World::start(on_server);
        let caller = Caller::start(world.web);
        // What else the files change is left out.
        world.mesh += "\n[virtual_node.batch]\n";
        world.targets("{ cart-v1 = 1, cart-v2 = 1 }");
        let only = ["--only", "route/cart/all"];
        let planned = world.sandbox.run(&[&["plan"], &only[..]].concat()).exits(0).all();
        let finding = "virtual_node/cart-v2, port 8080, gains requests at route/cart/all";
        assert!(planned.contains("MC0908") && planned.contains(finding), "{planned}");
        assert!(!planned.contains("batch"), "{planned}");
        let document = json(&world.apply(&[&only[..], &["--format", "json"]].concat(), 7).stdout);
        assert_eq!(document["missing"][0]["node"], "cart-v2", "{document:#}");
        assert!(world.census(40).keys().eq(["one"]));
        world.envoys.start(&world.sandbox, "cart-v2");
        world.resumes();
        assert!(world.census(60).keys().eq(["one", "two"]));
        caller.lost_nothing();
        // A part that leads no request to another node is not gated.
        let mut envoy = world.envoys.0.remove(2);
        envoy.kill().unwrap();
        envoy.wait().unwrap();
        let settings = std::fs::read_to_string(world.sandbox.join("meshctl.toml")).unwrap();
        world.sandbox.write("meshctl.toml", settings.replace("expect = 2\n", ""));
        world.targets("{ cart-v2 = 1 }");
        let ran = world.apply(&["--only", "virtual_node/batch"], 0);
        assert!(!ran.all().contains("MC0908"), "{}", ran.all());
    }
}
