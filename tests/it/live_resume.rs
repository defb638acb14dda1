//! A server that is killed in the middle of a rollout, whose client is gone too: started again, it
//! goes on by itself, to the end or back, as it was asked for.

use crate::live_canary::{NODES, World, json};
use crate::live_serve_apply::Serve;
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::Stdio;
use std::time::{Duration, Instant};

const KEY: &str = "a-key-of-a-client-that-died";

/// Applies until an event of this type, then kills the server and the client, and starts the server
/// again. Gives the proxies that had taken something by then.
fn killed_at(world: &mut World, event: &str, more: &[&str]) -> Vec<String> {
    let args = [&["apply", "--yes", "--format", "ndjson"], more].concat();
    let mut command = world.sandbox.command(&args);
    let mut client = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut had = Vec::new();
    for line in BufReader::new(client.stdout.take().unwrap()).lines() {
        let line = json(&line.unwrap());
        if line["state"] == "acked" {
            had.push(line["proxy"].as_str().unwrap().to_owned());
        }
        if line["type"] == event {
            let server = world.server.take().unwrap();
            let (admin, xds) = (server.admin.clone(), server.xds.clone());
            drop(server);
            let _ = client.kill();
            let _ = client.wait();
            world.server = Some(Serve::start(&world.sandbox, &admin, &xds));
            return had;
        }
    }
    let ended = client.wait().unwrap();
    panic!("the apply ended without {event}: {ended}");
}

fn status(world: &World) -> Value {
    json(&world.sandbox.run(&["status", "--format", "json"]).exits(0).stdout)
}

/// Waits until something holds of the status, without asking the server to do anything.
#[track_caller]
fn settles(world: &World, holds: impl Fn(&Value) -> bool) -> Value {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let status = status(world);
        if holds(&status) {
            return status;
        }
        assert!(Instant::now() < deadline, "{status:#}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Nothing is unfinished, and every proxy has what it is to have.
fn whole(status: &Value) -> bool {
    let proxies = status["proxies"].as_array().unwrap();
    status["rollout"].is_null() && proxies.iter().all(|proxy| proxy["state"] == "in_force")
}

/// Takes a port away from all but one, so that only they refuse it.
fn taken_but(world: &World, first: &str, port: u16) -> Vec<TcpListener> {
    let b = world.block.second();
    let others = NODES.iter().zip(1..).filter(|(node, _)| format!("virtual_node/{node}") != first);
    others.map(|(_, last)| TcpListener::bind(format!("127.{b}.0.{last}:{port}")).unwrap()).collect()
}

#[test]
fn a_rollout_goes_on_wherever_the_server_was_killed() {
    let mut world = World::start();
    let points: [(&str, &[&str]); 4] = [
        ("commit", &[]),
        ("canary_wait", &["--canary", "1", "--canary-wait", "2s"]),
        ("step_done", &[]),
        ("drain", &["--drain", "2s"]),
    ];
    for (port, (event, more)) in (8101..).zip(points) {
        world.move_to(port);
        let before = status(&world)["revision"].as_u64().unwrap();
        killed_at(&mut world, event, more);
        let status = settles(&world, whole);
        assert_eq!(status["revision"], before + 1, "killed at {event}");
        world.sandbox.run(&["plan", "--detailed-exitcode"]).exits(0);
    }
    let log = std::fs::read_to_string(world.sandbox.join("data/audit.ndjson")).unwrap();
    let own = log.lines().map(json).filter(|line| line["actor"] == "server");
    let ends: Vec<Value> = own.map(|line| line["end"].clone()).collect();
    assert!(ends.len() >= 3 && ends.iter().all(|end| end == "done"), "{log}");
}

#[test]
fn who_resumes_follows_what_the_server_does_by_itself() {
    let mut world = World::start();
    world.move_to(8120);
    killed_at(&mut world, "canary_wait", &["--canary", "1", "--canary-wait", "3s"]);
    let ran = world.sandbox.run(&["apply", "--resume", "--format", "ndjson"]).exits(0);
    let events: Vec<Value> = ran.stdout.lines().map(json).collect();
    let waves: Vec<&str> = events.iter().filter_map(|event| event["wave"].as_str()).collect();
    assert!(waves.contains(&"rest"), "{events:#?}");
    assert_eq!(events.last().unwrap()["end"], "done", "{events:#?}");
    let log = std::fs::read_to_string(world.sandbox.join("data/audit.ndjson")).unwrap();
    let resumed: Vec<Value> = log.lines().map(json).filter(|l| l["verb"] == "resume").collect();
    assert_eq!(resumed.len(), 1, "{log}");
    assert_eq!(resumed[0]["actor"], "server", "{log}");
}

#[test]
fn what_is_refused_after_the_kill_is_taken_back_and_the_key_tells() {
    let mut world = World::start();
    // Whoever goes first is the same each time.
    world.move_to(8110);
    let ran = world.sandbox.run(&["apply", "--yes", "--format", "ndjson", "--canary", "1"]);
    let events: Vec<Value> = ran.exits(0).stdout.lines().map(json).collect();
    let acked = events.iter().find(|event| event["state"] == "acked").unwrap();
    let first = acked["proxy"].as_str().unwrap().to_owned();

    // Killed while the canary is watched; it is the others that refuse it then.
    let taken = taken_but(&world, &first, 8111);
    world.move_to(8111);
    let canary = ["--canary", "1", "--canary-wait", "2s", "--key", KEY];
    assert_eq!(killed_at(&mut world, "canary_wait", &canary), [first.as_str()]);
    let found = settles(&world, whole);
    assert_eq!(found["revision"], 4, "the way back is a revision of its own");
    let history = json(&world.sandbox.run(&["history", "--format", "json"]).exits(0).stdout);
    let newest = &history["revisions"][0];
    assert!(newest["summary"].as_str().unwrap().contains("back to 2"), "{newest:#}");
    assert!(newest["by"].as_str().unwrap().starts_with("server"), "{newest:#}");

    // Whoever has the key learns how it ended, whatever the files say by now.
    world.move_to(8110);
    for args in [&["apply", "--yes", "--key", KEY][..], &["apply", "--resume", "--key", KEY]] {
        let ran = world.sandbox.run(&[args, &["--format", "json"]].concat());
        let document = json(&ran.exits(7).stdout);
        assert_eq!(document["end"], "rolled_back", "{document:#}");
    }
    let ran = world
        .sandbox
        .run(&["apply", "--key", KEY, "--expect", "p2-0123456789abcdef0123456789abcdef"])
        .exits(5);
    assert!(ran.stderr.contains("the key has become revision 3"), "{}", ran.stderr);
    world.sandbox.run(&["plan", "--detailed-exitcode"]).exits(0);

    // Killed when it was just decided to go back.
    world.move_to(8111);
    killed_at(&mut world, "rollback", &["--canary", "1"]);
    let found = settles(&world, whole);
    assert_eq!(found["revision"], 6, "{found:#}");
    world.move_to(8110);
    world.sandbox.run(&["plan", "--detailed-exitcode"]).exits(0);

    // Who asked to halt finds it halted.
    world.move_to(8111);
    let canary = ["--canary", "1", "--canary-wait", "2s", "--on-nack", "halt"];
    killed_at(&mut world, "canary_wait", &canary);
    let found = settles(&world, |status| status["rollout"]["halted"].is_string());
    assert_eq!(found["revision"], 7, "{found:#}");
    drop(taken);
    world.move_to(8110);
    world.sandbox.run(&["apply", "--yes"]).exits(0);
    settles(&world, whole);
}
