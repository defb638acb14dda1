//! Twenty Envoys on one control plane that is killed again and again, and replaced, while wrk calls.

use crate::live_apply::Envoys;
use crate::live_serve_apply::Serve;
use crate::support::envoy::copy_program;
use crate::support::load::{Load, figure};
use crate::support::mesh::Block;
use crate::support::sandbox::Sandbox;
use crate::support::tier::{Tier, has};
use meshctl::dev::upstream::Upstream;
use meshctl::model::Protocol;
use serde_json::Value;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// The caller, and those that it calls.
const ENVOYS: usize = 20;
/// How often the server is killed.
const KILLS: u32 = 20;

fn server_node(number: usize) -> String {
    format!("app-{number}")
}

fn mesh(block: u8, weight: usize) -> String {
    let mut text = format!(
        "[mesh]\nname = \"m\"\ncapture = \"explicit\"\n\n[virtual_node.client]\n\
         backends = [{{ service = \"app.internal\", bind = \"127.{block}.0.1:9001\" }}]\n\n\
         [virtual_service.\"app.internal\"]\nrouter = \"app\"\n\n\
         [virtual_router.app]\nlisteners = [{{ port = 8080, protocol = \"http\" }}]\n"
    );
    let mut targets = Vec::new();
    for number in 1..ENVOYS {
        let name = server_node(number);
        text.push_str(&format!(
            "\n[virtual_node.{name}]\ndiscovery = {{ static = [\"127.{block}.1.{number}\"] }}\n\
             listeners = [{{ port = 8080, protocol = \"http\", address = \"127.{block}.1.{number}\", \
             app = \"127.{block}.2.{number}:18080\" }}]\n"
        ));
        targets.push(format!("{name} = {}", if number == 1 { weight } else { 1 }));
    }
    text.push_str(&format!(
        "\n[[virtual_router.app.routes]]\nname = \"all\"\nmatch = {{ prefix = \"/\" }}\n\
         targets = {{ {} }}\nretry = {{ on = [], max_retries = 0 }}\n",
        targets.join(", ")
    ));
    text
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// How many Envoys are connected and have everything.
fn in_force(sandbox: &Sandbox) -> usize {
    let status = json(&sandbox.run(&["status", "--format", "json"]).exits(0).stdout);
    let proxies = status["proxies"].as_array().unwrap().iter();
    let having = proxies.filter(|proxy| proxy["state"] == "in_force");
    having.map(|proxy| proxy["envoys"].as_array().unwrap().len()).sum()
}

#[test]
fn f3_f30_x60_x61_twenty_envoys_lose_no_request_by_kills_and_upgrades_of_their_server() {
    if !has(Tier::Debian(&["wrk"])) {
        return;
    }
    let block = Block::take();
    let second = block.second();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let _applications: Vec<Upstream> = (1..ENVOYS)
        .map(|number| {
            let address = Ipv4Addr::new(127, second, 2, u8::try_from(number).unwrap());
            let name = server_node(number);
            let started = Upstream::start(&name, (address, 18_080).into(), Protocol::Http);
            runtime.block_on(started).unwrap()
        })
        .collect();
    let sandbox = Sandbox::with_mesh(&mesh(second, 1));
    let mut server = Serve::start(&sandbox, "127.0.0.1:0", "127.0.0.1:0");
    let (admin, xds) = (server.admin.clone(), server.xds.clone());
    sandbox.write(
        "meshctl.toml",
        format!(
            "[targets.prod]\nserver = \"http://{admin}\"\nxds = \"{xds}\"\nexpect = {ENVOYS}\n\
             token = {{ file = \"data/operator.token\" }}\n"
        ),
    );
    // Nobody is there yet, and twenty are expected.
    sandbox.run(&["apply", "--yes"]).exits(7);
    let mut envoys = Envoys(Vec::new());
    envoys.start(&sandbox, "client");
    (1..ENVOYS).for_each(|number| envoys.start(&sandbox, &server_node(number)));
    sandbox.run(&["wait", "--timeout", "120s"]).exits(0);

    // Every one of the twenty acknowledges an apply.
    sandbox.write("mesh.toml", mesh(second, 2));
    let document = json(&sandbox.run(&["apply", "--yes", "--format", "json"]).exits(0).stdout);
    assert_eq!(document["proven"], true, "{document:#}");
    assert_eq!(document["proxies"]["envoys"], ENVOYS, "{document:#}");
    assert_eq!(in_force(&sandbox), ENVOYS);
    print!("{}", sandbox.run(&["status"]).exits(0).stdout);

    let load = Load::start(&format!("http://127.{second}.0.1:9001/"), 2);
    let mut back: Vec<Duration> = Vec::new();
    let comes_back = |what: &str| {
        let since = Instant::now();
        while figure(&admin, "meshctl_envoys_connected") < ENVOYS as u64 {
            assert!(since.elapsed() < Duration::from_secs(60), "{what}: not all came back");
            std::thread::sleep(Duration::from_millis(20));
        }
        sandbox.run(&["wait", "--timeout", "60s"]).exits(0);
        let took = since.elapsed();
        assert_eq!(in_force(&sandbox), ENVOYS, "{what}");
        // Nothing changed, so nothing is sent.
        assert_eq!(figure(&admin, "meshctl_xds_resources_total"), 0, "{what}");
        assert_eq!(figure(&admin, "meshctl_xds_refusals_total"), 0, "{what}");
        took
    };
    for kill in 1..=KILLS {
        // SIGKILL, while it is in use.
        drop(server);
        server = Serve::start(&sandbox, &admin, &xds);
        back.push(comes_back(&format!("kill {kill}")));
    }
    // Another program takes the store over, and the first one takes it back.
    let next = sandbox.join("meshctl-next");
    copy_program(Path::new(env!("CARGO_BIN_EXE_meshctl")), &next);
    for program in [next.as_path(), Path::new(env!("CARGO_BIN_EXE_meshctl"))] {
        server.stop();
        let mut command = Command::new(program);
        command.args(["serve", "--data", "data", "--admin", &admin, "--xds", &xds]);
        command.current_dir(sandbox.path());
        server = Serve::run(command).unwrap();
        comes_back("an upgrade");
    }
    let told = load.stop();
    back.sort();
    println!("{KILLS} kills; back after {:?} (median), {:?} (at most)", back[10], back[19]);
    println!("{told}");
    told.lost_nothing();
    // And the server that came back is one that changes the mesh.
    sandbox.write("mesh.toml", mesh(second, 3));
    let document = json(&sandbox.run(&["apply", "--yes", "--format", "json"]).exits(0).stdout);
    assert_eq!((&document["proven"], &document["proxies"]["envoys"]), (&true.into(), &20.into()));
}
