//! No request is lost by a change: fifty applies while wrk calls, with retries off.

use crate::support::mesh::Live;
use crate::support::sandbox::Sandbox;
use crate::support::tier::{Tier, has};
use rustix::process::{Pid, Signal, kill_process};
use std::process::Command;
use std::time::{Duration, Instant};

/// How many applies there are, at the least.
const APPLIES: u32 = 50;
/// How long wrk calls, at the least.
const LOAD: Duration = Duration::from_secs(20);
/// How long it calls if nobody stops it.
const LOAD_MAX: Duration = Duration::from_secs(300);

/// A client and up to three servers, of which two take part at a time.
fn mesh(members: &[(&str, u32)]) -> String {
    let mut text = String::from(
        r#"
[mesh]
name = "load"
capture = "explicit"

[virtual_node.client]
backends = [{ service = "app.internal", bind = "127.B.9.10:8080" }]

[virtual_service."app.internal"]
router = "app"

[virtual_router.app]
listeners = [{ port = 8080, protocol = "http" }]
"#,
    );
    for (name, _) in members {
        let host = &name[name.len() - 1..];
        text.push_str(&format!(
            "\n[virtual_node.{name}]\ndiscovery = {{ static = [\"127.B.{host}.1\"] }}\n\
             listeners = [{{ port = 8080, protocol = \"http\", address = \"127.B.{host}.1\", \
             app = \"127.B.{host}.2:18080\" }}]\n"
        ));
    }
    let targets: Vec<String> =
        members.iter().map(|(name, weight)| format!("{name} = {weight}")).collect();
    text.push_str(&format!(
        "\n[[virtual_router.app.routes]]\nname = \"all\"\nmatch = {{ prefix = \"/\" }}\n\
         targets = {{ {} }}\nretry = {{ on = [], max_retries = 0 }}\n",
        targets.join(", ")
    ));
    text
}

#[test]
fn fifty_applies_under_load_lose_no_request() {
    if !has(Tier::Debian(&["wrk"])) {
        return;
    }
    // All three run from the start; then the third leaves the mesh, and its proxy stays.
    let live = Live::as_written(&mesh(&[("app-1", 1), ("app-2", 1), ("app-3", 1)]));
    let sandbox = Sandbox::new();
    let mut settings = format!(
        "[targets.local]\ndirectory = \"{}\"\n\n[targets.local.admin]\n",
        live.running().root().display()
    );
    for (proxy, socket) in live.running().admin_sockets() {
        settings.push_str(&format!("\"{proxy}\" = \"unix://{}\"\n", socket.display()));
    }
    sandbox.write("meshctl.toml", settings);
    let block = format!("127.{}.", live.block().second());
    let write = |members: &[(&str, u32)]| {
        sandbox.write("mesh.toml", mesh(members).replace("127.B.", &block));
    };
    let apply = || sandbox.run(&["apply", "--target", "local", "--yes"]);
    write(&[("app-1", 1), ("app-2", 1)]);
    live.beside(|| apply().exits(0));

    let door = live.request("virtual_node/client", "GET", "http://app.internal/", &[]).to;
    let wrk = Command::new("wrk")
        .args(["-t1", "-c16", &format!("-d{}s", LOAD_MAX.as_secs()), &format!("http://{door}/")])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let (applies, load) = live.beside(|| {
        let start = Instant::now();
        let mut applies = 0;
        // Weights shift with each apply; with every second one, one node takes another's place.
        while applies < APPLIES || start.elapsed() < LOAD {
            applies += 1;
            let second = if applies / 2 % 2 == 0 { "app-2" } else { "app-3" };
            write(&[("app-1", 1 + applies % 7), (second, 1 + applies % 3)]);
            let ran = apply().exits(0);
            assert!(!ran.stderr.contains("nothing to do"), "{}", ran.stderr);
            assert!(start.elapsed() < LOAD_MAX, "only {applies} applies fit into the time");
        }
        // On SIGINT it ends, and tells.
        kill_process(Pid::from_child(&wrk), Signal::INT).unwrap();
        (applies, wrk.wait_with_output().unwrap())
    });
    let load = String::from_utf8(load.stdout).unwrap();
    println!("{applies} applies\n{load}");
    assert!(load.contains("requests in"), "{load}");
    assert!(!load.contains("Non-2xx"), "{load}");
    assert!(!load.contains("Socket errors"), "{load}");
    let stats = live.admin("virtual_node/client", "/stats?filter=upstream_rq_retry");
    assert!(stats.lines().all(|line| line.ends_with(": 0")), "no request was retried: {stats}");
}
