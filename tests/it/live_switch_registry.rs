//! A switch to a node of the registry waits for an instance that the node's selector selects.

use crate::live_serve_apply::Serve;
use crate::live_switch::{App, Caller, PATIENCE, World, json};
use crate::support::sandbox::Sandbox;
use serde_json::Value;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Instant;

/// Registers an instance on the world's server.
fn register(world: &World, id: &str, body: &Value) {
    register_at(&world.sandbox, world.server.as_ref().unwrap(), id, body);
}

/// Registers an instance of `shop/cart` of the mesh `m`, as the first operator.
pub(crate) fn register_at(sandbox: &Sandbox, server: &Serve, id: &str, body: &Value) {
    let token = std::fs::read_to_string(sandbox.join("data/operator.token")).unwrap();
    let admin = &server.admin;
    let body = body.to_string();
    let mut stream = TcpStream::connect(admin).unwrap();
    write!(
        stream,
        "PUT /v1/meshes/m/registry/shop/cart/instances/{id} HTTP/1.0\r\nhost: {admin}\r\n\
         authorization: Bearer {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        token.trim(),
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.0 20"), "{answer}");
}

/// An instance at the world's address with this end, with a colour.
fn instance(b: u8, last: u8, color: &str) -> Value {
    let attributes = serde_json::json!({ "color": color });
    serde_json::json!({
        "address": format!("127.{b}.0.{last}"), "attributes": attributes, "ttl_ms": 600_000
    })
}

/// The mesh with its second node found in the registry.
fn found(mesh: &str, b: u8, more: &str) -> String {
    let discovery = format!("discovery = {{ static = [\"127.{b}.0.3\"] }}");
    assert!(mesh.contains(&discovery));
    let registry = format!("namespace = \"shop\", service = \"cart\"{more}");
    mesh.replace(&discovery, &format!("discovery = {{ registry = {{ {registry} }} }}"))
}

/// Applies until what is missing is a registration: a proxy may still be coming up.
#[track_caller]
fn not_registered(world: &World, flags: &[&str]) -> Value {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let document = json(&world.apply(&[flags, &["--format", "json"]].concat(), 7).stdout);
        let missing = document["missing"][0].clone();
        assert_eq!(missing["node"], "cart-v2", "{document:#}");
        if missing["why"] == "not_registered" {
            return missing;
        }
        assert!(Instant::now() < deadline, "{document:#}");
    }
}

#[test]
fn a_node_of_the_registry_is_switched_to_when_an_instance_is_registered() {
    let mut world = World::start(true);
    let b = world.block.second();
    world.mesh = found(&world.mesh, b, "");
    world.sandbox.write("mesh.toml", &world.mesh);
    world.apply(&[], 0);
    world.envoys.start(&world.sandbox, "cart-v2");
    let caller = Caller::start(world.web);
    world.targets("{ cart-v1 = 1, cart-v2 = 1 }");
    // Its proxy runs or comes up; in any case nothing is registered.
    let missing = not_registered(&world, &[]);
    let selector = serde_json::json!({ "namespace": "shop", "service": "cart" });
    assert_eq!(missing["selector"], selector, "{missing:#}");
    register(&world, "one", &instance(b, 3, "green"));
    world.resumes();
    world.until_answered_by(&["one", "two"]);
    caller.lost_nothing();
}

#[test]
fn registrations_that_the_new_selector_rules_out_do_not_count() {
    let mut world = World::start(true);
    let b = world.block.second();
    let plain = world.mesh.clone();
    world.mesh = found(&plain, b, "");
    world.sandbox.write("mesh.toml", &world.mesh);
    world.apply(&[], 0);
    world.envoys.start(&world.sandbox, "cart-v2");
    let settings = std::fs::read_to_string(world.sandbox.join("meshctl.toml")).unwrap();
    world.sandbox.write("meshctl.toml", settings.replace("expect = 2", "expect = 3"));
    world.sandbox.run(&["wait", "--timeout", "60s"]).exits(0);
    world.sandbox.write("meshctl.toml", settings);
    register(&world, "one", &instance(b, 3, "green"));
    let caller = Caller::start(world.web);
    for (more, words) in [
        (", attributes = { color = \"blue\" }", "of shop/cart with color = \"blue\""),
        (", ip_preference = \"ipv6-only\"", "of shop/cart (ipv6-only)"),
    ] {
        world.targets("{ cart-v1 = 1 }");
        world.apply(&[], 0);
        world.until_answered_by(&["one"]);
        world.mesh = found(&plain, b, more);
        world.targets("{ cart-v1 = 1, cart-v2 = 1 }");
        let planned = world.sandbox.run(&["plan"]).exits(0).all();
        let words = format!("has no live registration {words}");
        assert!(planned.contains("MC0908") && planned.contains(&words), "{planned}");
        assert!(planned.contains("register an instance before the switch"), "{planned}");
        not_registered(&world, &[]);
        let ran = world.apply(&[], 7);
        assert!(ran.stderr.contains(&words), "{}", ran.stderr);
        assert!(world.census(40).keys().eq(["one"]));
    }
    world.mesh = found(&plain, b, ", attributes = { color = \"green\" }");
    world.targets("{ cart-v1 = 1, cart-v2 = 1 }");
    world.apply(&[], 0);
    world.until_answered_by(&["one", "two"]);
    caller.lost_nothing();
}

#[test]
fn a_node_without_a_sidecar_needs_a_registration_too() {
    let mut world = World::start(true);
    let b = world.block.second();
    let listener = format!(", address = \"127.{b}.0.3\", app = \"127.{b}.0.3:18080\" }}]\n");
    assert!(world.mesh.contains(&listener));
    world.mesh = found(&world.mesh, b, "")
        .replace(&listener, " }]\n")
        .replace("[virtual_node.cart-v2]\n", "[virtual_node.cart-v2]\nproxy = false\n");
    let caller = Caller::start(world.web);
    world.targets("{ cart-v1 = 1, cart-v2 = 1 }");
    let planned = world.sandbox.run(&["plan"]).exits(0).all();
    let words = "virtual_node/cart-v2, port 8080, gains requests at route/cart/all and has no live \
                 registration of shop/cart";
    assert!(planned.contains("MC0908") && planned.contains(words), "{planned}");
    not_registered(&world, &[]);
    assert!(world.census(40).keys().eq(["one"]));
    // Its application is called where it is registered.
    let mut plain = instance(b, 3, "green");
    plain["port"] = 18080.into();
    register(&world, "plain", &plain);
    world.resumes();
    world.until_answered_by(&["one", "two"]);
    assert!(!world.sandbox.run(&["plan"]).exits(0).all().contains("MC0908"));
    caller.lost_nothing();
}

#[test]
fn a_selector_that_changes_keeps_its_instances_until_another_is_registered() {
    for canary in [&[] as &[&str], &["--canary", "1", "--canary-wait", "1s"]] {
        let mut world = World::start(true);
        let b = world.block.second();
        let plain = world.mesh.clone();
        let colored = |color: &str| {
            let attributes = format!(", attributes = {{ color = \"{color}\" }}");
            found(&plain, b, &attributes).replace("{ cart-v1 = 1 }", "{ cart-v2 = 1 }")
        };
        world.sandbox.write("mesh.toml", found(&plain, b, ""));
        world.apply(&[], 0);
        world.envoys.start(&world.sandbox, "cart-v2");
        register(&world, "green", &instance(b, 3, "green"));
        world.sandbox.write("mesh.toml", colored("green"));
        if world.sandbox.run(&["apply", "--yes"]).code != 0 {
            // Its proxy was still coming up.
            world.resumes();
        }
        world.until_answered_by(&["two"]);
        let caller = Caller::start(world.web);

        // Nobody is blue: the switch waits, and requests go to the green one.
        world.sandbox.write("mesh.toml", colored("blue"));
        let planned = world.sandbox.run(&["plan"]).exits(0).all();
        let words = "has no live registration of shop/cart with color = \"blue\"";
        assert!(planned.contains("MC0908") && planned.contains(words), "{planned}");
        let missing = not_registered(&world, canary);
        assert_eq!(missing["selector"]["attributes"]["color"], "blue", "{missing:#}");
        assert!(world.census(40).keys().eq(["two"]));
        // A restart of the server changes none of it.
        let server = world.server.take().unwrap();
        let (admin, xds) = (server.admin.clone(), server.xds.clone());
        drop(server);
        world.server = Some(Serve::start(&world.sandbox, &admin, &xds));
        assert!(world.census(40).keys().eq(["two"]));

        // One is registered, and the same call goes on.
        world.apps.push(App::start(format!("127.{b}.0.6:18080"), "blue"));
        let mut blue = instance(b, 6, "blue");
        blue["port"] = 18080.into();
        register(&world, "blue", &blue);
        world.resumes();
        world.until_answered_by(&["blue"]);
        // Back, with everything there.
        world.sandbox.write("mesh.toml", colored("green"));
        world.apply(canary, 0);
        world.until_answered_by(&["two"]);
        caller.lost_nothing();
        world.sandbox.run(&["drift", "--detailed-exitcode"]).exits(0);
    }
}

#[test]
fn a_port_that_is_given_up_is_left_by_its_registrations_first() {
    let mut world = World::start(true);
    let b = world.block.second();
    let plain = found(&world.mesh, b, "").replace("{ cart-v1 = 1 }", "{ cart-v2 = 1 }");
    world.sandbox.write("mesh.toml", found(&world.mesh, b, ""));
    world.apply(&[], 0);
    world.envoys.start(&world.sandbox, "cart-v2");
    let at = |port: u16| {
        let mut instance = instance(b, 3, "green");
        instance["port"] = port.into();
        instance
    };
    register(&world, "one", &at(8080));
    world.sandbox.write("mesh.toml", &plain);
    if world.sandbox.run(&["apply", "--yes"]).code != 0 {
        // Its proxy was still coming up.
        world.resumes();
    }
    world.until_answered_by(&["two"]);
    let caller = Caller::start(world.web);

    // Its only instance names the port that the change removes: before the switch, and not after it.
    let (before, node) = plain.split_once("[virtual_node.cart-v2]").unwrap();
    let moved = format!("{before}[virtual_node.cart-v2]{}", node.replacen("8080", "8081", 1));
    assert_ne!(moved, plain);
    world.sandbox.write("mesh.toml", &moved);
    let planned = world.sandbox.run(&["plan"]).exits(0).all();
    let words = "or still one at port 8080, which it gives up";
    assert!(planned.contains("MC0908") && planned.contains(words), "{planned}");
    let missing = not_registered(&world, &[]);
    assert_eq!(missing["gives_up"], serde_json::json!([8080]), "{missing:#}");
    assert!(world.census(40).keys().eq(["two"]));

    // It listens at both by now, and says so.
    register(&world, "one", &at(8081));
    world.resumes();
    world.until_answered_by(&["two"]);
    caller.lost_nothing();
}
