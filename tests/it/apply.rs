//! `apply` against proxies that can be asked: proof, refusals, the way back, interruptions.

use crate::directory::{files, mesh};
use crate::support::fake_envoy::{FakeEnvoy, Mood};
use crate::support::root;
use crate::support::sandbox::Sandbox;
use serde_json::Value;
use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

const PROXIES: [&str; 3] = ["virtual_node/web", "virtual_node/cart-v1", "virtual_node/cart-v2"];

/// A project whose proxies can all be asked; the first is the one that calls the others.
fn project(more: &str) -> (Sandbox, Vec<FakeEnvoy>) {
    let sandbox = Sandbox::with_mesh(&mesh(1));
    let envoys: Vec<FakeEnvoy> =
        PROXIES.iter().map(|proxy| FakeEnvoy::start(&sandbox.join("live"), proxy)).collect();
    let mut settings = format!(
        "[targets.local]\ndirectory = \"live\"\nsettle = \"0s\"\n{more}\n[targets.local.admin]\n"
    );
    for (proxy, envoy) in PROXIES.iter().zip(&envoys) {
        settings.push_str(&format!("\"{proxy}\" = \"{}\"\n", envoy.address));
    }
    sandbox.write("meshctl.toml", settings);
    (sandbox, envoys)
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn valid(document: &Value) {
    let schema = fs::read_to_string(root().join("schemas/apply.v1.schema.json")).unwrap();
    let schema = jsonschema::validator_for(&json(&schema)).unwrap();
    let errors: Vec<String> = schema.iter_errors(document).map(|e| e.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?} in {document:#}");
}

fn status(sandbox: &Sandbox) -> Value {
    json(&sandbox.run(&["status", "--format", "json"]).exits(0).stdout)
}

#[test]
fn an_apply_ends_when_every_proxy_has_taken_it() {
    let (sandbox, envoys) = project("expect = 3");
    let ran = sandbox.run(&["apply", "--yes", "--format", "json"]).exits(0);
    let document = json(&ran.stdout);
    valid(&document);
    assert_eq!(document["proven"], true);
    assert_eq!(document["end"], "done");
    assert_eq!(document["proxies"]["proven"].as_array().unwrap().len(), 3);
    for envoy in &envoys {
        assert!(envoy.taken("lds.yaml").is_some());
    }
    sandbox.write("mesh.toml", mesh(4));
    let ran = sandbox.run(&["apply", "--yes"]).exits(0);
    assert!(
        ran.stdout
            .contains("Revision 2 applied to local: +0 ~1 -0, 1 step; verified on 3 of 3 proxies."),
        "{}",
        ran.stdout
    );
    assert!(ran.stderr.contains("Step 1/1 switch: 1 proxy."), "{}", ran.stderr);
    assert!(!ran.stderr.contains('\r') && !ran.stderr.contains('\u{1b}'));
    assert!(
        status(&sandbox)["proxies"].as_array().unwrap().iter().all(|p| p["state"] == "in_force")
    );
    let waited = sandbox.run(&["wait", "--rev", "2", "--timeout", "5s"]).exits(0);
    assert!(waited.stdout.contains("verified on 3 Envoys"), "{}", waited.stdout);
    sandbox.run(&["wait", "--rev", "3", "--timeout", "1ms"]).exits(7);
}

#[test]
fn a_node_that_replaces_another_is_added_before_the_other_is_removed() {
    let (sandbox, _envoys) = project("");
    sandbox.run(&["apply", "--yes"]).exits(0);
    sandbox.write("mesh.toml", mesh(1).replace("cart-v2", "cart-v3"));
    let ran = sandbox.run(&["apply", "--yes", "--format", "ndjson", "--drain", "10ms"]).exits(0);
    let events: Vec<Value> = ran.stdout.lines().map(json).collect();
    let kinds: Vec<&str> = events
        .iter()
        .filter_map(|event| match event["type"].as_str().unwrap() {
            "step_start" => event["kind"].as_str(),
            "drain" => Some("drain"),
            _ => None,
        })
        .collect();
    assert_eq!(kinds, ["add", "switch", "drain", "remove"]);
    for event in &events {
        assert_eq!(event["v"], 1);
        assert!(
            event["type"].is_string() && event["message"].is_string() && event["at"].is_string()
        );
    }
    assert_eq!(events[0]["type"], "commit");
    let last = events.last().unwrap();
    assert_eq!((&last["type"], &last["exit_code"]), (&"summary".into(), &0.into()));
    valid(last);
    assert!(!sandbox.join("live/current/virtual_node/cart-v2").exists());
    assert!(sandbox.join("live/current/virtual_node/cart-v3").exists());
}

#[test]
fn what_a_proxy_refuses_is_traced_to_its_line_and_taken_back() {
    let (sandbox, envoys) = project("");
    sandbox.run(&["apply", "--yes"]).exits(0);
    let in_force = files(&sandbox.join("live/current"));
    envoys[0].is(Mood::Refuses("rds", "6".to_owned()));
    sandbox.write("mesh.toml", mesh(6));
    let ran = sandbox.run(&["apply", "--yes", "--format", "json"]).exits(7);
    let document = json(&ran.stdout);
    valid(&document);
    assert_eq!(document["end"], "rolled_back");
    assert_eq!((&document["revision"], &document["rolled_back_to"]), (&3.into(), &1.into()));
    let rejection = &document["rejections"][0];
    assert_eq!(rejection["proxy"], "virtual_node/web");
    assert_eq!(rejection["type"], "rds");
    let place = rejection["resources"][0]["origins"][0]["place"].as_str().unwrap();
    assert!(place.starts_with("mesh.toml:"), "{place}");
    assert_eq!(files(&sandbox.join("live/current")), in_force);
    assert_eq!(status(&sandbox)["revision"], 3);
    assert_eq!(status(&sandbox)["rollout"], Value::Null);
    sandbox.run(&["drift", "--detailed-exitcode"]).exits(0);
    // The refused change is still in the files, so it is planned again.
    let ran = sandbox.run(&["apply", "--yes"]).exits(7);
    assert!(ran.stderr.contains("virtual_node/web rejected rds: "), "{}", ran.stderr);
    assert!(ran.stderr.contains("(mesh.toml:"), "{}", ran.stderr);
    envoys[0].is(Mood::Takes);
    sandbox.run(&["apply", "--yes"]).exits(0);
    sandbox.run(&["plan", "--detailed-exitcode"]).exits(0);
}

#[test]
fn a_refusal_while_adding_takes_the_addition_back() {
    let (sandbox, envoys) = project("");
    sandbox.run(&["apply", "--yes"]).exits(0);
    let in_force = files(&sandbox.join("live/current"));
    envoys[0].is(Mood::Refuses("cds", "cart-v3".to_owned()));
    sandbox.write("mesh.toml", mesh(1).replace("cart-v2", "cart-v3"));
    let ran = sandbox.run(&["apply", "--yes"]).exits(7);
    assert!(ran.stderr.contains("virtual_node/web rejected cds: "), "{}", ran.stderr);
    assert!(ran.stderr.contains("cart-v3"), "the cluster is named: {}", ran.stderr);
    assert_eq!(files(&sandbox.join("live/current")), in_force);
    sandbox.run(&["drift", "--detailed-exitcode"]).exits(0);
}

#[test]
fn a_halted_rollout_stays_at_its_step_until_something_is_done() {
    let (sandbox, envoys) = project("");
    sandbox.run(&["apply", "--yes"]).exits(0);
    envoys[0].is(Mood::Refuses("cds", "cart-v3".to_owned()));
    sandbox.write("mesh.toml", mesh(1).replace("cart-v2", "cart-v3"));
    sandbox.run(&["apply", "--yes", "--on-nack", "halt"]).exits(7);
    let now = status(&sandbox);
    assert_eq!((&now["revision"], &now["steps_in_force"]), (&2.into(), &1.into()));
    assert!(now["rollout"]["halted"].as_str().unwrap().contains("virtual_node/web"));
    let proxies = now["proxies"].as_array().unwrap();
    let web = proxies.iter().find(|proxy| proxy["proxy"] == "virtual_node/web").unwrap();
    assert_eq!(web["state"], "rejected");
    // The mended files lead on from the routes that are in force.
    sandbox.write("mesh.toml", mesh(1).replace("cart-v2", "cart-v4"));
    let ran = sandbox.run(&["apply", "--yes"]).exits(0);
    assert!(ran.stdout.contains("Revision 3"), "{}", ran.stdout);
    assert_eq!(status(&sandbox)["rollout"], Value::Null);
    sandbox.run(&["drift", "--detailed-exitcode"]).exits(0);
    sandbox.run(&["plan", "--detailed-exitcode"]).exits(0);
}

#[test]
fn a_halted_rollout_goes_on_when_told_to() {
    let (sandbox, envoys) = project("");
    sandbox.run(&["apply", "--yes"]).exits(0);
    envoys[0].is(Mood::Sleeps);
    sandbox.write("mesh.toml", mesh(1).replace("cart-v2", "cart-v3"));
    let ran = sandbox.run(&["apply", "--yes", "--wait", "200ms"]).exits(7);
    assert!(ran.stderr.contains("virtual_node/web timed out"), "{}", ran.stderr);
    assert!(ran.stderr.contains("apply --resume"), "{}", ran.stderr);
    sandbox.run(&["apply", "--resume", "--wait", "200ms"]).exits(7);
    envoys[0].is(Mood::Takes);
    let ran = sandbox.run(&["apply", "--resume"]).exits(0);
    assert!(ran.stderr.contains("Resuming revision 2 after step 1."), "{}", ran.stderr);
    sandbox.run(&["plan", "--detailed-exitcode"]).exits(0);
    sandbox.run(&["drift", "--detailed-exitcode"]).exits(0);
    sandbox.run(&["apply", "--resume"]).exits(1);
}

#[test]
fn the_others_go_on_without_a_proxy_that_refuses_if_told_to() {
    let (sandbox, envoys) = project("");
    sandbox.run(&["apply", "--yes"]).exits(0);
    envoys[0].is(Mood::Refuses("rds", "6".to_owned()));
    sandbox.write("mesh.toml", mesh(6));
    sandbox.run(&["apply", "--yes", "--on-nack", "continue"]).exits(7);
    let now = status(&sandbox);
    assert_eq!((&now["revision"], &now["rollout"]), (&2.into(), &Value::Null));
    let drift = sandbox.run(&["drift", "--detailed-exitcode"]).exits(2).stdout;
    assert!(drift.contains("not_taken   virtual_node/web  rds rds_egress_http_8080"), "{drift}");
}

#[test]
fn fewer_proxies_than_the_target_expects_is_not_converged() {
    let (sandbox, _envoys) = project("expect = 4");
    let ran = sandbox.run(&["apply", "--yes"]).exits(7);
    assert!(ran.stderr.contains("3 of 4 expected Envoys"), "{}", ran.stderr);
}

#[test]
fn a_proxy_that_is_not_running_is_named_and_not_waited_for() {
    let sandbox = Sandbox::with_mesh(&mesh(1));
    sandbox.write(
        "meshctl.toml",
        "[targets.local]\ndirectory = \"live\"\nsettle = \"0s\"\n[targets.local.admin]\n\
         \"virtual_node/web\" = \"unix:///nowhere/envoy.sock\"\n",
    );
    // Were it waited for, that would take an hour.
    let ran = sandbox.run(&["apply", "--yes", "--wait", "60m"]).exits(0);
    assert!(ran.stderr.contains("virtual_node/web is not running"), "{}", ran.stderr);
    let some = "not verified (none of the proxies that can be asked is running)";
    assert!(ran.stdout.contains(some), "{}", ran.stdout);
}

#[test]
fn without_approval_nothing_is_done_and_the_call_that_would_do_it_is_told() {
    let (sandbox, _envoys) = project("");
    let ran = sandbox.run(&["apply"]).exits(4);
    let hint = ran.stderr.lines().find(|line| line.starts_with("hint: to apply")).unwrap();
    assert!(!sandbox.join("live").exists());
    let call: Vec<&str> = hint.split("meshctl ").nth(1).unwrap().split(' ').collect();
    sandbox.run(&call).exits(0);
    sandbox.run(&["plan", "--detailed-exitcode"]).exits(0);
}

#[test]
fn an_expected_digest_applies_that_plan_or_refuses() {
    let (sandbox, _envoys) = project("");
    let plan = json(&sandbox.run(&["plan", "--format", "json"]).exits(0).stdout);
    let digest = plan["digest"].as_str().unwrap();
    sandbox.write("mesh.toml", mesh(2));
    sandbox.run(&["apply", "--yes", "--expect", digest]).exits(5);
    sandbox.run(&["apply", "--yes", "--expect", "p2-12"]).exits(64);
    sandbox.write("mesh.toml", mesh(1));
    sandbox.run(&["apply", "--yes", "--expect", &digest[..35]]).exits(0);
}

#[test]
fn a_saved_plan_is_applied_as_it_is_or_not_at_all() {
    let (sandbox, _envoys) = project("");
    sandbox.run(&["plan", "-o", "plan.json"]).exits(0);
    // The files have gone on; the plan has not.
    sandbox.write("mesh.toml", mesh(9));
    sandbox.run(&["apply", "plan.json", "--yes"]).exits(0);
    let live = sandbox.run(&["get", "route/cart/all"]).exits(0).stdout;
    assert!(!live.contains('9'), "{live}");
    sandbox.run(&["apply", "plan.json", "--yes"]).exits(5);
    let text = fs::read_to_string(sandbox.join("plan.json")).unwrap();
    sandbox.write("edited.json", text.replace("cart-v2", "cart-v7"));
    let ran = sandbox.run(&["apply", "edited.json", "--yes"]).exits(1);
    assert!(ran.stderr.contains("changed by hand"), "{}", ran.stderr);
    let settings = fs::read_to_string(sandbox.join("meshctl.toml")).unwrap();
    sandbox.write("meshctl.toml", settings.replace("\"live\"", "\"elsewhere\""));
    sandbox.run(&["apply", "plan.json", "--yes"]).exits(4);
    sandbox.run(&["apply", "absent.json", "--yes"]).exits(1);
}

#[test]
fn ctrl_c_stops_at_a_safe_point_and_the_next_apply_goes_on() {
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let (sandbox, envoys) = project("");
        sandbox.run(&["apply", "--yes"]).exits(0);
        envoys[0].is(Mood::Sleeps);
        sandbox.write("mesh.toml", mesh(1).replace("cart-v2", "cart-v3"));
        let mut child = sandbox
            .command(&["apply", "--yes", "--format", "json", "--wait", "60s"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let deadline = Instant::now() + Duration::from_secs(60);
        let link = sandbox.join("live/current");
        while fs::read_link(&link).unwrap().ends_with("1-1") {
            assert!(Instant::now() < deadline, "the first step comes into force");
            std::thread::yield_now();
        }
        let killed = std::process::Command::new("kill")
            .args([&format!("-{signal}"), &child.id().to_string()])
            .status()
            .unwrap();
        assert!(killed.success());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(code));
        let document = json(&String::from_utf8(output.stdout).unwrap());
        valid(&document);
        assert_eq!(document["exit_code"], code);
        assert_eq!(status(&sandbox)["steps_in_force"], 1);
        envoys[0].is(Mood::Takes);
        sandbox.run(&["apply", "--yes"]).exits(0);
        sandbox.run(&["plan", "--detailed-exitcode"]).exits(0);
        sandbox.run(&["drift", "--detailed-exitcode"]).exits(0);
        child = sandbox.command(&["status"]).stdout(Stdio::null()).spawn().unwrap();
        assert!(child.wait().unwrap().success());
    }
}

#[test]
fn hints_name_the_target_that_the_call_named() {
    let server = crate::serve::Server::with(0);
    let sandbox = server.project(1);
    let folder = "[targets.local]\ndirectory = \"live\"\nsettle = \"0s\"\n";
    sandbox.write("meshctl.toml", format!("{folder}{}expect = 2\n", server.target()));
    let call = |args: &[&str]| {
        let mut all = args.to_vec();
        all.extend(["--target", "prod"]);
        sandbox.run(&all)
    };
    let ran = call(&["apply", "--yes"]).exits(7);
    assert!(ran.stderr.contains("meshctl status --target prod"), "{}", ran.stderr);
    let ran = call(&["apply", "--yes", "--format", "json"]);
    assert!(!ran.all().contains("meshctl status shows"), "{}", ran.all());
    let ran = call(&["show", "rev:9"]).exits(1);
    assert!(ran.stderr.contains("meshctl history --target prod"), "{}", ran.stderr);
    let ran = call(&["show", "rev:9", "--format", "json"]).exits(1);
    assert!(ran.stdout.contains("meshctl history --target prod"), "{}", ran.stdout);
    // Where there is but one, or the project says which, nobody has to.
    let of = server.target();
    sandbox.write("meshctl.toml", of);
    let ran = sandbox.run(&["show", "rev:9"]).exits(1);
    assert!(ran.stderr.contains("meshctl history lists"), "{}", ran.stderr);
}
