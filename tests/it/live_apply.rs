//! `apply` and live Envoys: what they take is proven, what they refuse is traced and taken back.

use crate::directory::files;
use crate::support::envoy;
use crate::support::mesh::Block;
use crate::support::sandbox::Sandbox;
use serde_json::Value;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

/// Envoys that end with the test.
pub(crate) struct Envoys(pub(crate) Vec<Child>);

impl Drop for Envoys {
    fn drop(&mut self) {
        for envoy in &mut self.0 {
            let _ = envoy.kill();
            let _ = envoy.wait();
        }
    }
}

impl Envoys {
    /// Starts one for a proxy of the sandbox's project.
    pub(crate) fn start(&mut self, sandbox: &Sandbox, node: &str) {
        let socket = sandbox.join(&format!("{node}.sock"));
        let proxy = format!("virtual_node/{node}");
        let args = ["bootstrap", &proxy, "--admin", socket.to_str().unwrap()];
        let bootstrap = sandbox.run(&args).exits(0).stdout;
        self.run(sandbox, node, &bootstrap);
    }

    /// Starts one with a bootstrap.
    pub(crate) fn run(&mut self, sandbox: &Sandbox, node: &str, bootstrap: &str) {
        sandbox.write(&format!("{node}.yaml"), bootstrap);
        let log = std::fs::File::create(sandbox.join(&format!("{node}.log"))).unwrap();
        let child = Command::new(envoy::binary())
            .arg("-c")
            .arg(sandbox.join(&format!("{node}.yaml")))
            .args(["--concurrency", "1", "--disable-hot-restart", "--log-level", "warning"])
            .args(["--reject-unknown-dynamic-fields", "--drain-time-s", "1"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        self.0.push(child);
    }
}

/// A node that calls another, on the test's own addresses, and a target that knows their admin
/// sockets.
pub(crate) fn project(block: &Block) -> (Sandbox, String) {
    let b = block.second();
    let node = |name: &str, last: u8, more: &str| {
        format!(
            "[virtual_node.{name}]\nlisteners = [{{ port = 8080, protocol = \"http\", address = \
             \"127.{b}.0.{last}\", app = \"127.{b}.0.{last}:18080\" }}]\ndiscovery = {{ static = \
             [\"127.{b}.0.{last}\"] }}\n{more}\n"
        )
    };
    let mesh = format!(
        "[mesh]\nname = \"m\"\ncapture = \"explicit\"\n\n{}{}{}\n\
         [virtual_service.\"cart.internal\"]\nrouter = \"cart\"\n\
         [virtual_router.cart]\nlisteners = [{{ port = 8080, protocol = \"http\" }}]\n\
         [[virtual_router.cart.routes]]\nname = \"all\"\nmatch = {{ prefix = \"/\" }}\n\
         targets = {{ cart-v1 = 1 }}\n",
        node("web", 1, "backends = [{ service = \"cart.internal\", bind = 9001 }]"),
        node("cart-v1", 2, ""),
        node("cart-v2", 3, ""),
    );
    let sandbox = Sandbox::with_mesh(&mesh);
    let mut settings = "[targets.local]\ndirectory = \"live\"\n[targets.local.admin]\n".to_owned();
    for name in ["web", "cart-v1", "cart-v2"] {
        let socket = sandbox.join(&format!("{name}.sock"));
        settings.push_str(&format!("\"virtual_node/{name}\" = \"unix://{}\"\n", socket.display()));
    }
    sandbox.write("meshctl.toml", settings);
    (sandbox, mesh)
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn live_envoys_prove_what_they_take_and_what_one_refuses_is_taken_back_from_all() {
    let block = Block::take();
    let (sandbox, mesh) = project(&block);
    let mut envoys = Envoys(Vec::new());
    // The files are there before the proxies are.
    let ran = sandbox.run(&["apply", "--yes"]).exits(0);
    assert!(ran.stdout.contains("not verified (no proxy is running)"), "{}", ran.stdout);
    for node in ["web", "cart-v1", "cart-v2"] {
        envoys.start(&sandbox, node);
    }
    let waited = sandbox.run(&["wait", "--timeout", "60s"]).exits(0);
    assert!(waited.stdout.contains("verified on 3 Envoys"), "{}", waited.stdout);

    // A new target of the route: added, then switched to, each step seen by the proxy that calls.
    sandbox.write("mesh.toml", mesh.replace("cart-v1 = 1", "cart-v1 = 1, cart-v2 = 1"));
    let ran = sandbox.run(&["apply", "--yes", "--format", "json"]).exits(0);
    let document = json(&ran.stdout);
    assert_eq!((&document["proven"], &document["steps"]), (&true.into(), &2.into()));

    // A port that somebody else has: only Envoy can find that out.
    let address = format!("127.{}.0.1", block.second());
    let taken = TcpListener::bind(format!("{address}:8091")).unwrap();
    let in_force = files(&sandbox.join("live/current"));
    let now = std::fs::read_to_string(sandbox.join("mesh.toml")).unwrap();
    sandbox.write("mesh.toml", now.replacen("port = 8080", "port = 8091", 1));
    let ran = sandbox.run(&["apply", "--yes", "--format", "json"]).exits(7);
    let document = json(&ran.stdout);
    assert_eq!(document["end"], "rolled_back");
    let rejection = &document["rejections"][0];
    assert_eq!(rejection["proxy"], "virtual_node/web");
    let resource = &rejection["resources"][0];
    assert_eq!(resource["name"], format!("lds_ingress_{address}_8091"));
    assert_eq!(resource["origins"][0]["place"], "mesh.toml:6");
    assert_eq!(
        rejection["reason"],
        format!("cannot bind '{address}:8091': Address already in use")
    );
    assert_eq!(files(&sandbox.join("live/current")), in_force);
    let status = json(&sandbox.run(&["status", "--format", "json"]).exits(0).stdout);
    for proxy in status["proxies"].as_array().unwrap() {
        assert_eq!(proxy["state"], "in_force", "{status:#}");
    }

    // The port is free, and the same files are taken.
    drop(taken);
    sandbox.run(&["apply", "--yes"]).exits(0);
    sandbox.run(&["plan", "--detailed-exitcode"]).exits(0);
    let drift = sandbox.run(&["drift", "--detailed-exitcode"]).exits(0).stdout;
    assert_eq!(drift.matches(": checked by config dump\n").count(), 3, "{drift}");
}
