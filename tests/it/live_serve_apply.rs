//! A control plane in a process of its own, with real Envoys: what is applied arrives, what one
//! refuses is taken back from all, and a server that is killed comes back as it was.

use crate::live_apply::{Envoys, project};
use crate::support::mesh::Block;
use crate::support::sandbox::Sandbox;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

/// A `meshctl serve` that ends with the test.
pub(crate) struct Serve {
    pub(crate) child: Child,
    pub(crate) admin: String,
    pub(crate) xds: String,
}

impl Drop for Serve {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Serve {
    pub(crate) fn start(sandbox: &Sandbox, admin: &str, xds: &str) -> Self {
        let args = ["serve", "--data", "data", "--admin", admin, "--xds", xds, "--grace", "5s"];
        Self::run(sandbox.command(&args)).unwrap()
    }

    /// Runs a command that ends in `meshctl serve`; `None`: it ended before it served.
    pub(crate) fn run(mut command: Command) -> Option<Self> {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut next = |word: &str| {
            let line = lines.next()?.unwrap();
            Some(line.strip_prefix(word).unwrap().trim().to_owned())
        };
        match (next("admin"), next("xds")) {
            (Some(admin), Some(xds)) => Some(Self { child, admin, xds }),
            _ => {
                child.wait().unwrap();
                None
            }
        }
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Stops it as an operator does, and waits for its end.
    pub(crate) fn stop(mut self) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        self.child.wait().unwrap();
    }
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn three_envoys_on_a_server_that_is_killed_and_comes_back() {
    let block = Block::take();
    let (sandbox, mesh) = project(&block);
    let server = Serve::start(&sandbox, "127.0.0.1:0", "127.0.0.1:0");
    sandbox.write(
        "meshctl.toml",
        format!(
            "[targets.prod]\nserver = \"http://{}\"\nxds = \"{}\"\nexpect = 3\n\
             token = {{ file = \"data/operator.token\" }}\n",
            server.admin, server.xds
        ),
    );
    // Nobody is connected: committed, and told that it is not what the target expects.
    let ran = sandbox.run(&["apply", "--yes"]).exits(7);
    assert!(ran.stderr.contains("0 of 3 expected Envoys"), "{}", ran.stderr);
    let mut envoys = Envoys(Vec::new());
    for node in ["web", "cart-v1", "cart-v2"] {
        envoys.start(&sandbox, node);
    }
    let waited = sandbox.run(&["wait", "--timeout", "60s"]).exits(0);
    assert!(waited.stdout.contains("verified on 3 Envoys"), "{}", waited.stdout);

    // A new target of the route: added, then switched to, each step acknowledged.
    sandbox.write("mesh.toml", mesh.replace("cart-v1 = 1", "cart-v1 = 1, cart-v2 = 1"));
    let document = json(&sandbox.run(&["apply", "--yes", "--format", "json"]).exits(0).stdout);
    assert_eq!((&document["proven"], &document["proxies"]["envoys"]), (&true.into(), &3.into()));
    assert_eq!(document["steps"], 2);

    // A port that somebody else has: only Envoy can find that out.
    let address = format!("127.{}.0.1", block.second());
    let taken = TcpListener::bind(format!("{address}:8091")).unwrap();
    let now = std::fs::read_to_string(sandbox.join("mesh.toml")).unwrap();
    sandbox.write("mesh.toml", now.replacen("port = 8080", "port = 8091", 1));
    let document = json(&sandbox.run(&["apply", "--yes", "--format", "json"]).exits(7).stdout);
    assert_eq!(document["end"], "rolled_back", "{document:#}");
    let rejection = &document["rejections"][0];
    assert_eq!(rejection["proxy"], "virtual_node/web");
    let resource = &rejection["resources"][0];
    assert_eq!(resource["name"], format!("lds_ingress_{address}_8091"));
    assert_eq!(resource["origins"][0]["place"], "mesh.toml:6");
    assert!(rejection["reason"].as_str().unwrap().contains("ddress"), "{rejection:#}");
    let all_in_force = || {
        let status = json(&sandbox.run(&["status", "--format", "json"]).exits(0).stdout);
        let proxies = status["proxies"].as_array().unwrap();
        assert_eq!(proxies.len(), 3);
        for proxy in proxies {
            assert_eq!(proxy["state"], "in_force", "{status:#}");
            assert_eq!(proxy["envoys"].as_array().unwrap().len(), 1, "{status:#}");
        }
    };
    all_in_force();

    // Killed, it leaves the Envoys as they are; started again, it finds everything in force.
    let (admin, xds) = (server.admin.clone(), server.xds.clone());
    drop(server);
    sandbox.run(&["status"]).exits(6);
    let _server = Serve::start(&sandbox, &admin, &xds);
    sandbox.run(&["wait", "--timeout", "60s"]).exits(0);
    all_in_force();

    // The port is free, and the same files are taken.
    drop(taken);
    sandbox.run(&["apply", "--yes"]).exits(0);
    sandbox.run(&["plan", "--detailed-exitcode"]).exits(0);
    sandbox.run(&["drift", "--detailed-exitcode"]).exits(0);
    let history = json(&sandbox.run(&["history", "--format", "json"]).exits(0).stdout);
    assert_eq!(history["revisions"].as_array().unwrap().len(), 5, "{history:#}");
}
