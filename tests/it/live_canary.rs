//! Steps that go to a few Envoys first: what those refuse reaches no other.

use crate::live_apply::{Envoys, project};
use crate::live_serve_apply::Serve;
use crate::support::mesh::Block;
use crate::support::sandbox::Sandbox;
use meshctl::dev::client::admin;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::Stdio;
use std::time::Duration;

pub(crate) const NODES: [&str; 3] = ["web", "cart-v1", "cart-v2"];

pub(crate) fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// What an Envoy says of its own configuration: versions, and how often something was refused.
fn versions(sandbox: &Sandbox, node: &str) -> BTreeMap<String, String> {
    let socket = sandbox.join(&format!("{node}.sock"));
    let asked = admin(&socket, "GET", "/stats", Duration::from_secs(30));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let answer = runtime.block_on(asked).unwrap();
    let text = String::from_utf8(answer.body.to_vec()).unwrap();
    let told = |name: &str| {
        let (set, what) = name.rsplit_once('.').unwrap_or_default();
        let sets = ["listener_manager.lds", "cluster_manager.cds"];
        sets.contains(&set) && ["version", "update_rejected"].contains(&what)
    };
    let lines = text.lines().filter_map(|line| line.split_once(": "));
    let told = lines.filter(|(name, _)| told(name));
    told.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// Three Envoys on a server of their own.
pub(crate) struct World {
    pub(crate) sandbox: Sandbox,
    pub(crate) mesh: String,
    pub(crate) block: Block,
    pub(crate) server: Option<Serve>,
    envoys: Envoys,
}

impl World {
    pub(crate) fn start() -> Self {
        let block = Block::take();
        let (sandbox, mesh) = project(&block);
        let server = Serve::start(&sandbox, "127.0.0.1:0", "127.0.0.1:0");
        sandbox.write(
            "meshctl.toml",
            format!(
                "[targets.prod]\nserver = \"http://{}\"\nxds = \"{}\"\n\
                 token = {{ file = \"data/operator.token\" }}\n",
                server.admin, server.xds
            ),
        );
        sandbox.run(&["apply", "--yes"]).exits(0);
        let mut envoys = Envoys(Vec::new());
        for node in NODES {
            envoys.start(&sandbox, node);
        }
        sandbox.run(&["wait", "--timeout", "60s"]).exits(0);
        Self { sandbox, mesh, block, server: Some(server), envoys }
    }

    fn versions(&self) -> Vec<BTreeMap<String, String>> {
        NODES.map(|node| versions(&self.sandbox, node)).into()
    }

    /// The versions of all but one.
    fn others(&self, one: &str) -> BTreeMap<&'static str, BTreeMap<String, String>> {
        let others = NODES.into_iter().filter(|node| *node != one);
        others.map(|node| (node, versions(&self.sandbox, node))).collect()
    }

    /// Takes a port away on every node's address: only Envoy can find that out.
    pub(crate) fn take(&self, port: u16) -> Vec<TcpListener> {
        let b = self.block.second();
        (1..=3).map(|last| TcpListener::bind(format!("127.{b}.0.{last}:{port}")).unwrap()).collect()
    }

    /// All nodes listen on another port.
    pub(crate) fn move_to(&self, port: u16) {
        let from = "{ port = 8080, protocol = \"http\", address";
        let to = format!("{{ port = {port}, protocol = \"http\", address");
        self.sandbox.write("mesh.toml", self.mesh.replace(from, &to));
    }

    fn events(&self, args: &[&str], code: i32) -> Vec<Value> {
        let args = [&["apply", "--yes", "--format", "ndjson"], args].concat();
        self.sandbox.run(&args).exits(code).stdout.lines().map(json).collect()
    }
}

/// The steps of a run, with whom they were for and how many proxies they reached.
fn steps(events: &[Value]) -> Vec<(String, String, u64)> {
    let steps = events.iter().filter(|event| event["type"] == "step_start");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    steps.map(|e| (text(&e["kind"]), text(&e["wave"]), e["proxies"].as_u64().unwrap())).collect()
}

#[test]
fn what_the_canary_refuses_reaches_no_other() {
    let world = World::start();
    for (on_nack, end) in
        [("rollback", "rolled_back"), ("halt", "refused"), ("continue", "refused")]
    {
        let before = world.versions();
        let taken = world.take(8091);
        world.move_to(8091);
        let events = world.events(&["--canary", "1", "--on-nack", on_nack], 7);
        assert_eq!(steps(&events)[0], ("add".to_owned(), "canary".to_owned(), 1), "{events:#?}");
        let nacks = events.iter().filter(|e| e["state"] == "nacked").count();
        let summary = events.last().unwrap();
        assert_eq!((nacks, &summary["end"]), (1, &end.into()), "{summary:#}");
        let changed: Vec<&str> = NODES
            .iter()
            .zip(before.iter().zip(world.versions()))
            .filter(|(_, (before, after))| *before != after)
            .map(|(node, _)| *node)
            .collect();
        let refused = summary["rejections"][0]["proxy"].as_str().unwrap();
        assert_eq!(changed.len(), 1, "exactly one was given it: {changed:?}");
        assert_eq!(refused, format!("virtual_node/{}", changed[0]));
        drop(taken);
        // Mended, it is as it was.
        world.sandbox.write("mesh.toml", &world.mesh);
        world.sandbox.run(&["apply", "--yes"]).exits(0);
        world.sandbox.run(&["plan", "--detailed-exitcode"]).exits(0);
        world.sandbox.run(&["wait", "--timeout", "60s"]).exits(0);
    }
}

#[test]
fn a_good_change_goes_to_the_canary_and_then_to_the_others() {
    let world = World::start();
    world.move_to(8092);
    let events = world.events(&["--canary", "34%", "--canary-wait", "200ms"], 0);
    let steps = steps(&events);
    // Of the three that have new ports two go first; the one that calls switches alone.
    let step = |kind: &str, wave: &str, proxies| (kind.to_owned(), wave.to_owned(), proxies);
    let wanted = [
        step("add", "canary", 2),
        step("add", "rest", 1),
        step("switch", "all", 1),
        step("remove", "canary", 2),
        step("remove", "rest", 1),
    ];
    assert_eq!(steps, wanted);
    // Each wave was acknowledged before the next began.
    let order: Vec<&str> = events
        .iter()
        .filter_map(|event| event["type"].as_str())
        .filter(|kind| ["step_start", "canary_wait", "step_done"].contains(kind))
        .collect();
    let once = ["step_start", "canary_wait", "step_done", "step_start", "step_done"];
    let wanted = [&once[..], &["step_start", "step_done"], &once].concat();
    assert_eq!(order, wanted);
    assert_eq!(events.last().unwrap()["proven"], true);
    world.sandbox.run(&["plan", "--detailed-exitcode"]).exits(0);
}

#[test]
fn a_canary_that_goes_away_while_it_is_watched_holds_the_others_back() {
    let mut world = World::start();
    world.move_to(8093);
    let args = ["apply", "--yes", "--format", "ndjson", "--canary", "1", "--canary-wait", "1h"];
    let mut client =
        world.sandbox.command(&args).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut before = BTreeMap::new();
    let mut canary = String::new();
    let mut last = Value::Null;
    for line in BufReader::new(client.stdout.take().unwrap()).lines() {
        let event = json(&line.unwrap());
        if event["state"] == "acked" {
            canary = event["proxy"].as_str().unwrap().replace("virtual_node/", "");
        }
        if event["type"] == "canary_wait" {
            let status = world.sandbox.run(&["status"]).exits(0).stdout;
            assert!(status.contains("step 1 of 5 (add canary) in force"), "{status}");
            before = world.others(&canary);
            let at = NODES.iter().position(|node| *node == canary).unwrap();
            world.envoys.0[at].kill().unwrap();
        }
        last = event;
    }
    assert_eq!(client.wait().unwrap().code(), Some(7), "{last:#}");
    assert_eq!(last["end"], "late", "{last:#}");
    assert!(last["message"].as_str().unwrap().contains("went away"), "{last:#}");
    assert_eq!(world.others(&canary), before, "nobody else was given it");

    // As long as it does not run, the others wait; with nobody to ask they are given it.
    let ran = world.sandbox.run(&["apply", "--resume"]).exits(7);
    assert!(ran.stderr.contains("goes first and does not run"), "{}", ran.stderr);
    assert_eq!(world.others(&canary), before, "nobody else was given it");
    world.sandbox.run(&["apply", "--resume", "--wait", "none"]).exits(0);
    world.sandbox.run(&["plan", "--detailed-exitcode"]).exits(0);
}

#[test]
fn a_canary_that_nobody_can_ask_is_refused() {
    let sandbox = Sandbox::with_mesh(&crate::directory::mesh(1));
    let ran = sandbox.run(&["apply", "--yes", "--canary", "1"]).exits(64);
    assert!(ran.stderr.contains("[targets.local.admin]"), "{}", ran.stderr);
    let ran = sandbox.run(&["apply", "--yes", "--canary", "1", "--wait", "none"]).exits(64);
    assert!(ran.stderr.contains("--wait none"), "{}", ran.stderr);
    sandbox.run(&["apply", "--yes", "--canary", "0"]).exits(64);
    sandbox.run(&["apply", "--yes", "--canary", "101%"]).exits(64);
    sandbox.run(&["status"]).exits(0);
}
