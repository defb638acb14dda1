//! `drift` goes by what Envoys really run: their own config dumps, held against the model.

use crate::live_apply::{Envoys, project};
use crate::live_serve_apply::Serve;
use crate::support::mesh::Block;
use crate::support::sandbox::Sandbox;
use crate::support::served::Served;
use meshctl::compile::proxies;
use meshctl::envoy::{Differs, PARTS, ProxyId, ResourceType, Running};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

fn running(served: &Served, proxy: &ProxyId) -> Running {
    let mut running = Running::default();
    for part in &PARTS {
        let text = served.admin(proxy, "GET", &format!("/config_dump?{}", part.query));
        running
            .add(part, &serde_json::from_str(&text).unwrap_or_else(|why| panic!("{why}: {text}")));
    }
    running
}

/// Whatever meshctl renders comes back in a dump as the same content, and a change is one.
#[test]
fn what_envoys_run_is_what_they_were_given() {
    for example in ["shop", "mtls", "grpc", "http2", "http-headers", "timeout-policy"] {
        let served = Served::example(example);
        let mesh = served.loaded.mesh.clone();
        for proxy in proxies(&mesh) {
            let config = served.compiled(&mesh, &proxy.to_string());
            let ran = running(&served, &proxy);
            assert_eq!(ran.differences(&config), [], "{example} {proxy}");
            // Each resource that is changed or taken away is told, by its name alone.
            for (kind, name) in config.resources.keys() {
                let mut less = config.clone();
                less.resources.remove(&(*kind, name.clone()));
                let unexpected = (*kind, name.clone(), Differs::Unexpected);
                let sets = [ResourceType::Listener, ResourceType::Cluster].contains(kind);
                let told = ran.differences(&less);
                assert_eq!(told.contains(&unexpected), sets, "{example} {proxy} {name}: {told:?}");
            }
            let none = Running::default().differences(&config);
            assert!(none.iter().all(|(_, _, how)| *how == Differs::Missing), "{none:?}");
            assert!(none.len() > 1, "{none:?}");
        }
    }
}

fn drift(sandbox: &Sandbox, code: i32) -> Value {
    let args = ["drift", "--format", "json", "--detailed-exitcode"];
    serde_json::from_str(&sandbox.run(&args).exits(code).stdout).unwrap()
}

fn told_by(document: &Value) -> Vec<(&str, &str)> {
    let each = document["proxies"]["each"].as_array().unwrap();
    each.iter().map(|p| (p["proxy"].as_str().unwrap(), p["by"].as_str().unwrap())).collect()
}

/// Waits until every proxy tells by its own dump, and these items are told, as `HOW PROXY WHAT`.
#[track_caller]
fn until_told(sandbox: &Sandbox, items: &[&str]) -> Value {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let ran = sandbox.run(&["drift", "--format", "json", "--detailed-exitcode"]);
        let document: Value = serde_json::from_str(&ran.stdout).unwrap();
        let words = |item: &Value| {
            ["how", "proxy", "what"].map(|key| item[key].as_str().unwrap().to_owned()).join(" ")
        };
        let found: Vec<String> = document["drift"].as_array().unwrap().iter().map(words).collect();
        if found == items && told_by(&document).iter().all(|(_, by)| *by == "config_dump") {
            assert_eq!(ran.code, if items.is_empty() { 0 } else { 2 });
            return document;
        }
        assert!(Instant::now() < deadline, "{document:#}");
    }
}

#[test]
fn an_envoy_that_runs_something_else_is_told_by_its_own_dump() {
    let block = Block::take();
    let (sandbox, mesh) = project(&block);
    let any = "127.0.0.1:0";
    let server = Serve::start(&sandbox, any, any);
    let target = |name: &str, server: &Serve, data: &str| {
        format!(
            "[targets.{name}]\nserver = \"http://{}\"\nxds = \"{}\"\n\
             token = {{ file = \"{data}/operator.token\" }}\n",
            server.admin, server.xds
        )
    };
    let admin = |nodes: &[&str]| {
        let line = |name: &&str| {
            let socket = sandbox.join(&format!("{name}.sock"));
            format!("\"virtual_node/{name}\" = \"unix://{}\"\n", socket.display())
        };
        let lines: String = nodes.iter().map(line).collect();
        format!("[targets.prod.admin]\n{lines}")
    };
    let prod = format!("default_target = \"prod\"\n{}", target("prod", &server, "data"));
    let all = format!("{prod}{}", admin(&["web", "cart-v1", "cart-v2"]));
    sandbox.write("meshctl.toml", &all);
    sandbox.run(&["apply", "--yes"]).exits(0);
    let mut envoys = Envoys(Vec::new());
    for node in ["web", "cart-v1", "cart-v2"] {
        envoys.start(&sandbox, node);
    }
    sandbox.write(
        "meshctl.toml",
        all.replace("[targets.prod.admin]", "expect = 3\n[targets.prod.admin]"),
    );
    sandbox.run(&["wait", "--timeout", "60s"]).exits(0);

    // All of them say by themselves that they run what was applied.
    let document = drift(&sandbox, 0);
    let own = "config_dump";
    let (web, v1, v2) = ("virtual_node/web", "virtual_node/cart-v1", "virtual_node/cart-v2");
    assert_eq!(told_by(&document), [(v1, own), (v2, own), (web, own)]);
    assert_eq!(document["proxies"]["told"], 3);

    // Where no admin address is known, the server tells what was acknowledged, and that is said.
    sandbox.write("meshctl.toml", format!("{prod}{}", admin(&["web"])));
    let document = drift(&sandbox, 0);
    let acked = "acknowledgement";
    assert_eq!(told_by(&document), [(v1, acked), (v2, acked), (web, own)]);
    let ran = sandbox.run(&["drift"]).exits(0);
    let words = format!("{v1}: checked by {acked} (no admin address configured)\n");
    assert!(ran.stdout.contains(&words), "{}", ran.stdout);
    assert!(ran.stdout.contains(&format!("{web}: checked by config dump\n")), "{}", ran.stdout);
    sandbox.write("meshctl.toml", &all);

    // An Envoy that runs where the target says, and that the mesh does not have.
    let stranger =
        format!("\"virtual_node/gone\" = \"unix://{}\"\n", sandbox.join("web.sock").display());
    sandbox.write("meshctl.toml", format!("{all}{stranger}"));
    until_told(&sandbox, &["unexpected virtual_node/gone the proxy itself"]);
    sandbox.write("meshctl.toml", &all);

    // One that is started with something more of its own has acknowledged all, and runs more.
    let stop = |envoys: &mut Envoys, at: usize| {
        let mut envoy = envoys.0.remove(at);
        envoy.kill().unwrap();
        envoy.wait().unwrap();
    };
    stop(&mut envoys, 2);
    let own_yaml = std::fs::read_to_string(sandbox.join("cart-v2.yaml")).unwrap();
    let more = "  clusters:\n    - name: \"sneaky\"\n      type: \"STATIC\"\n";
    envoys.run(&sandbox, "cart-v2", &own_yaml.replacen("  clusters:\n", more, 1));
    until_told(&sandbox, &["unexpected virtual_node/cart-v2 cds sneaky (static)"]);
    stop(&mut envoys, 2);
    envoys.run(&sandbox, "cart-v2", &own_yaml);
    until_told(&sandbox, &[]);

    // One that was turned to another server runs what that one says. Ours only sees it leave.
    let args = ["serve", "--data", "other", "--admin", any, "--xds", any, "--grace", "0s"];
    let other = Serve::run(sandbox.command(&args)).unwrap();
    let theirs = format!("{}expect = 1\n", target("other", &other, "other"));
    sandbox.write("meshctl.toml", format!("{all}{theirs}"));
    sandbox.write("mesh.toml", mesh.replace("cart-v1 = 1", "cart-v2 = 1"));
    sandbox.run(&["apply", "--yes", "--target", "other"]).exits(7);
    stop(&mut envoys, 0);
    let web_yaml = std::fs::read_to_string(sandbox.join("web.yaml")).unwrap();
    let port = |address: &str| format!("port_value: {}\n", address.rsplit_once(':').unwrap().1);
    let (ours, theirs) = (port(&server.xds), port(&other.xds));
    envoys.run(&sandbox, "web", &web_yaml.replace(&ours, &theirs));
    let document = until_told(
        &sandbox,
        &[
            "missing virtual_node/web cds cds_egress_m_cart-v1_http_8080",
            "unexpected virtual_node/web cds cds_egress_m_cart-v2_http_8080",
            "missing virtual_node/web eds cds_egress_m_cart-v1_http_8080",
            "changed virtual_node/web rds rds_egress_cart.internal_8080",
        ],
    );
    assert_eq!(document["proxies"]["each"][2], json!({ "proxy": web, "by": own }));
    let status = sandbox.run(&["status", "virtual_node/web"]).exits(0).stdout;
    assert!(status.contains("not running"), "the server only sees it leave: {status}");
}

#[test]
fn a_proxy_that_only_has_tcp_is_checked_by_its_own_dump() {
    let block = Block::take();
    let b = block.second();
    let sandbox = Sandbox::with_mesh(&format!(
        "[mesh]\nname = \"m\"\ncapture = \"explicit\"\n\n[virtual_node.db]\nlisteners = [{{ port = \
         3306, protocol = \"tcp\", address = \"127.{b}.0.1\", app = \"127.{b}.0.1:13306\" }}]\n\
         discovery = {{ static = [\"127.{b}.0.1\"] }}\n"
    ));
    let socket = sandbox.join("db.sock");
    sandbox.write(
        "meshctl.toml",
        format!(
            "[targets.local]\ndirectory = \"live\"\n[targets.local.admin]\n\
             \"virtual_node/db\" = \"unix://{}\"\n",
            socket.display()
        ),
    );
    sandbox.run(&["apply", "--yes"]).exits(0);
    // Nothing runs yet: the files were compared, and no proxy was.
    let ran = sandbox.run(&["drift", "--detailed-exitcode"]).exits(0);
    let words = "No drift detected in the files; 0 of 1 proxy checked.";
    assert!(ran.stderr.contains(words), "{}", ran.stderr);
    let mut envoys = Envoys(Vec::new());
    envoys.start(&sandbox, "db");
    sandbox.run(&["wait", "--timeout", "60s"]).exits(0);
    let document = until_told(&sandbox, &[]);
    assert_eq!((&document["result"], &document["exit_code"]), (&json!("no_drift"), &json!(0)));
    let ran = sandbox.run(&["drift"]).exits(0);
    assert!(ran.stderr.contains("No drift detected (1 of 1 proxy checked)."), "{}", ran.stderr);
}
