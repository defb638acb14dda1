//! What a key tells: of the apply that was asked for under it, and of no other.

use crate::directory::mesh;
use crate::serve::{Server, json_of};
use crate::support::plane::Mood;
use crate::support::sandbox::Sandbox;
use serde_json::{Value, json};
use std::fs;
use std::io::Write as _;
use std::net::TcpStream;
use std::time::{Duration, Instant};

const APPLIES: &str = "/v1/meshes/m/applies";
const FIRST: &str = "the-first-key-of-it";
const SECOND: &str = "the-second-key-of-it";

/// Starts the server again.
fn again(server: &mut Server, sandbox: &Sandbox, mood: Mood) {
    server.stop();
    server.start_with(1, mood);
    sandbox.write("meshctl.toml", server.target());
}

/// Applies the mesh of this weight, and gives what is told of it.
fn apply(sandbox: &Sandbox, weight: u32, flags: &[&str], code: i32) -> Value {
    sandbox.write("mesh.toml", mesh(weight));
    let args = [&["apply", "--yes", "--format", "json"], flags].concat();
    json_of(&sandbox.run(&args).exits(code).stdout)
}

fn plan(sandbox: &Sandbox, weight: u32) -> Value {
    sandbox.write("mesh.toml", mesh(weight));
    json_of(&sandbox.run(&["plan", "--format", "json"]).exits(0).stdout)
}

/// Asks for an apply and does not listen.
fn ask_and_leave(server: &Server, body: &Value) {
    let address = server.url().replace("http://", "");
    let mut stream = TcpStream::connect(&address).unwrap();
    let (token, body) = (server.token(), body.to_string());
    write!(
        stream,
        "POST {APPLIES} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    // Its first bytes say that it was taken.
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    std::io::Read::read_exact(&mut stream, &mut [0; 12]).unwrap();
}

/// Waits until so many revisions were committed.
fn committed(sandbox: &Sandbox, count: usize) {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let history = json_of(&sandbox.run(&["history", "--format", "json"]).exits(0).stdout);
        if history["revisions"].as_array().unwrap().len() == count {
            return;
        }
        assert!(Instant::now() < deadline, "{history:#}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn audit(server: &Server) -> Vec<Value> {
    let log = fs::read_to_string(server.folder().join("audit.ndjson")).unwrap();
    log.lines().map(json_of).collect()
}

#[test]
fn a_key_tells_of_its_own_revision_whatever_came_after_it() {
    let mut server = Server::with(1);
    let sandbox = server.project(1);
    apply(&sandbox, 1, &[], 0);
    server.plane().becomes(Mood::Refuse(2));
    apply(&sandbox, 2, &["--key", FIRST], 7);
    server.plane().becomes(Mood::Take);
    assert_eq!(apply(&sandbox, 3, &["--key", SECOND], 0)["revision"], 4);
    server.plane().becomes(Mood::Refuse(5));
    apply(&sandbox, 4, &["--on-nack", "halt"], 7);

    again(&mut server, &sandbox, Mood::Take);
    let told = apply(&sandbox, 2, &["--key", FIRST], 7);
    assert_eq!((&told["end"], &told["revision"]), (&json!("rolled_back"), &json!(3)), "{told:#}");
    let ran = sandbox.run(&["apply", "--yes", "--key", SECOND]).exits(8);
    assert!(
        ran.stderr.contains("the key became revision 4, and 5 came after it"),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("meshctl history"), "{}", ran.stderr);
    let status = sandbox.run(&["status"]).exits(0);
    assert!(status.stdout.contains("halted"), "{}", status.stdout);
}

#[test]
fn a_key_goes_on_with_no_rollout_of_another() {
    let mut server = Server::with(1);
    let sandbox = server.project(1);
    apply(&sandbox, 1, &["--key", FIRST], 0);
    server.plane().becomes(Mood::Silent);
    apply(&sandbox, 2, &["--wait", "200ms"], 7);
    again(&mut server, &sandbox, Mood::Silent);
    let deadline = Instant::now() + Duration::from_secs(30);
    while !audit(&server).iter().any(|line| line["actor"] == "server") {
        assert!(Instant::now() < deadline, "{:#?}", audit(&server));
        std::thread::sleep(Duration::from_millis(20));
    }
    // It would be taken back by whoever goes on with it.
    server.plane().becomes(Mood::Refuse(2));
    sandbox.run(&["apply", "--yes", "--key", FIRST, "--wait", "200ms"]).exits(8);
    committed(&sandbox, 2);
}

#[test]
fn the_way_back_of_another_spends_no_key() {
    let mut server = Server::with(1);
    let sandbox = server.project(1);
    apply(&sandbox, 1, &[], 0);
    server.plane().becomes(Mood::Silent);
    // It switches, so whoever comes next has to finish it first.
    let accept = "MC0908@route/cart/all";
    apply(&sandbox, 2, &["--wait", "200ms", "--key", FIRST, "--accept", accept], 7);
    let body = json!({
        "key": SECOND,
        "work": { "plan": plan(&sandbox, 3) },
        "carry": { "wait_ms": 30_000, "on_nack": "rollback" },
    });
    server.plane().becomes(Mood::Refuse(2));
    let (status, first) = server.post(APPLIES, &body);
    assert!(status == 200 && first.contains("rolled_back"), "{first}");
    let (_, told) = server.post(APPLIES, &body);
    assert_eq!(told, first, "the same lines");
    // It was the other's, which tells so; of this one nothing is there, and its plan fits no more.
    again(&mut server, &sandbox, Mood::Take);
    let told = apply(&sandbox, 2, &["--key", FIRST], 7);
    assert_eq!((&told["end"], &told["revision"]), (&json!("rolled_back"), &json!(3)), "{told:#}");
    let (_, told) = server.post(APPLIES, &body);
    assert!(told.contains("stale"), "{told}");
}

#[test]
fn what_a_key_has_become_is_no_rewrite_and_no_other_rollback() {
    let mut server = Server::with(1);
    let sandbox = server.project(1);
    apply(&sandbox, 1, &[], 0);
    apply(&sandbox, 2, &["--key", FIRST], 0);
    let rollback = |key: &str, to: u64| json!({ "key": key, "work": { "rollback": { "to": to } } });
    let (_, done) = server.post(APPLIES, &rollback(SECOND, 1));
    assert!(done.contains("\"revision\":3"), "{done}");

    again(&mut server, &sandbox, Mood::Take);
    for to in [1, 2] {
        let (_, refused) = server.post(APPLIES, &rollback(FIRST, to));
        assert!(refused.contains("key-used"), "{refused}");
    }
    let ran = sandbox.run(&["apply", "--rewrite", "--key", FIRST]).exits(1);
    assert!(ran.stderr.contains("the key has become revision 2"), "{}", ran.stderr);
    let (_, told) = server.post(APPLIES, &rollback(SECOND, 1));
    assert!(told.contains("\"revision\":3"), "{told}");
}

#[test]
fn a_key_waits_with_its_plan_and_forgets_a_passing_refusal() {
    let server = Server::with(1);
    let sandbox = server.project(1);
    apply(&sandbox, 1, &[], 0);
    server.plane().becomes(Mood::Silent);
    let carry = json!({ "wait_ms": 60_000, "lock_ms": 60_000 });
    let request = |key: &str, plan: Value| json!({ "key": key, "work": { "plan": plan }, "carry": carry.clone() });
    ask_and_leave(&server, &request(FIRST, plan(&sandbox, 2)));
    committed(&sandbox, 2);
    // Another may not begin, which is no word about a later time.
    sandbox.write("mesh.toml", mesh(3));
    sandbox.run(&["apply", "--yes", "--key", SECOND]).exits(6);
    // One that waits is no other plan than its own.
    let waiting = "a-third-key-of-it";
    ask_and_leave(&server, &request(waiting, plan(&sandbox, 4)));
    let other =
        ["apply", "--yes", "--key", waiting, "--expect", "p2-0123456789abcdef0123456789abcdef"];
    let ran = sandbox.run(&other).exits(5);
    assert!(ran.stderr.contains("under the key is of another plan"), "{}", ran.stderr);

    server.plane().becomes(Mood::Take);
    sandbox.run(&["apply", "--yes", "--key", waiting]).exits(0);
    let done = apply(&sandbox, 3, &["--key", SECOND], 0);
    assert_eq!((&done["end"], &done["revision"]), (&json!("done"), &json!(4)), "{done:#}");
}

#[test]
fn a_server_that_ends_has_written_down_what_it_was_doing() {
    let mut server = Server::with(1);
    let sandbox = server.project(1);
    apply(&sandbox, 1, &[], 0);
    server.plane().becomes(Mood::Silent);
    let plan = plan(&sandbox, 2);
    let body = json!({ "key": FIRST, "work": { "plan": plan }, "carry": { "wait_ms": 60_000 } });
    ask_and_leave(&server, &body);
    committed(&sandbox, 2);
    again(&mut server, &sandbox, Mood::Silent);
    let log = audit(&server);
    assert!(log.iter().any(|line| line["key"] == FIRST && line["end"] == "stopped"), "{log:#?}");
    // So it is with what it goes on with by itself.
    server.stop();
    let log = audit(&server);
    assert!(
        log.iter().any(|line| line["actor"] == "server" && line["end"] == "stopped"),
        "{log:#?}"
    );
}
