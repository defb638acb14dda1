//! A node that is found elsewhere: its callers follow when its proxy listens there, and no request is
//! lost, on a folder and on a server, with a canary and without.

use crate::live_switch::{App, Caller, World, json};
use serde_json::Value;
use std::net::TcpListener;

const ALL_AT_ONCE: &[&str] = &[];
/// The caller goes first: of each step that reaches it, it is the canary.
const CANARY: &[&str] = &["--canary", "1", "--canary-wait", "1s"];

/// The words of a mesh whose first node is found at another address and port, and its application too.
fn found_at(mesh: &str, b: u8, last: u8, port: u16, app: u8) -> String {
    let words = |last: u8, port: u16, app: u8| {
        format!(
            "{{ port = {port}, protocol = \"http\", address = \"127.{b}.0.{last}\", app = \
             \"127.{b}.0.{app}:18080\" }}]\ndiscovery = {{ static = [\"127.{b}.0.{last}\"] }}"
        )
    };
    assert!(mesh.contains(&words(2, 8080, 2)), "{mesh}");
    mesh.replace(&words(2, 8080, 2), &words(last, port, app))
}

/// What each step of a plan changes at the caller.
fn at_the_caller(plan: &Value) -> Vec<(String, Vec<String>)> {
    let steps = plan["steps"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let changes = |step: &Value| {
        let all = step["proxies"]["virtual_node/web"].as_array().cloned().unwrap_or_default();
        let change =
            |change: &Value| format!("{} {}", text(&change["action"]), text(&change["type"]));
        all.iter().map(change).collect()
    };
    steps.map(|step| (text(&step["kind"]), changes(step))).collect()
}

fn a_node_that_is_found_elsewhere(on_server: bool, flags: &[&str]) {
    let mut world = World::start(on_server);
    let b = world.block.second();
    let caller = Caller::start(world.web);
    let first = world.mesh.clone();
    let apply = |world: &World, mesh: String, answers: &str| {
        world.sandbox.write("mesh.toml", mesh);
        let plan = json(&world.sandbox.run(&["plan", "--format", "json"]).exits(0).stdout);
        world.apply(flags, 0);
        world.until_answered_by(&[answers]);
        plan
    };
    // Another address: the caller has it after the node listens there, and in no step before.
    let plan = apply(&world, found_at(&first, b, 4, 8080, 2), "one");
    let steps = at_the_caller(&plan);
    assert_eq!(steps[1], ("switch".to_owned(), vec!["change eds".to_owned()]), "{plan:#}");
    assert!(steps[0].1.is_empty() && steps[2].1.is_empty(), "{steps:?}");
    // Another port, another place of the application, and all of it back at once.
    apply(&world, found_at(&first, b, 4, 8081, 2), "one");
    world.apps.push(App::start(format!("127.{b}.0.5:18080"), "five"));
    apply(&world, found_at(&first, b, 4, 8081, 5), "five");
    apply(&world, first.clone(), "one");
    // Where the proxy cannot listen, nobody is sent there.
    let taken = TcpListener::bind(format!("127.{b}.0.4:8080")).unwrap();
    world.sandbox.write("mesh.toml", found_at(&first, b, 4, 8080, 2));
    let document = json(&world.apply(&[flags, &["--format", "json"]].concat(), 7).stdout);
    assert!(document["rejections"][0]["type"] == "lds", "{document:#}");
    drop(taken);
    apply(&world, found_at(&first, b, 4, 8080, 2), "one");
    caller.lost_nothing();
}

#[test]
fn a_node_that_is_found_elsewhere_loses_nothing_on_a_folder() {
    a_node_that_is_found_elsewhere(false, ALL_AT_ONCE);
}

#[test]
fn a_node_that_is_found_elsewhere_loses_nothing_on_a_folder_with_a_canary() {
    a_node_that_is_found_elsewhere(false, CANARY);
}

#[test]
fn a_node_that_is_found_elsewhere_loses_nothing_on_a_server() {
    a_node_that_is_found_elsewhere(true, ALL_AT_ONCE);
}

#[test]
fn a_node_that_is_found_elsewhere_loses_nothing_on_a_server_with_a_canary() {
    a_node_that_is_found_elsewhere(true, CANARY);
}

#[test]
fn callers_stay_where_they_are_while_the_node_that_moved_does_not_run() {
    for on_server in [false, true] {
        let mut world = World::start(on_server);
        let b = world.block.second();
        let mut envoy = world.envoys.0.remove(1);
        envoy.kill().unwrap();
        envoy.wait().unwrap();
        world.sandbox.write("mesh.toml", found_at(&world.mesh, b, 4, 8080, 2));
        let planned = world.sandbox.run(&["plan"]).exits(0).all();
        let finding =
            "virtual_node/cart-v1, port 8080, gains requests at route/cart/all and has no running";
        assert!(planned.contains("MC0908") && planned.contains(finding), "{planned}");
        let document = json(&world.apply(&["--format", "json"], 7).stdout);
        let missing = &document["missing"][0];
        assert_eq!((&missing["node"], &missing["why"]), (&"cart-v1".into(), &"not_running".into()));
        // It listens at both addresses, and its callers use the one before until the switch.
        world.envoys.start(&world.sandbox, "cart-v1");
        world.resumes();
        world.until_answered_by(&["one"]);
        world.sandbox.run(&["plan", "--detailed-exitcode"]).exits(0);
    }
}
