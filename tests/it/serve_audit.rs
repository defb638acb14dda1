//! The audit log tells of every change, and of what was denied or failed; what is done to it shows;
//! and what it cannot tell is not done.

use crate::directory::mesh;
use crate::live_serve_apply::Serve;
use crate::serve::{Server, json_of};
use crate::serve_faults::served;
use crate::support::load::figure;
use crate::support::sandbox::Sandbox;
use crate::support::served::operator;
use meshctl::serve::{OnError, Operators, Role};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, Instant};

fn lines(log: &Path) -> Vec<Value> {
    fs::read_to_string(log).unwrap_or_default().lines().map(json_of).collect()
}

#[track_caller]
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !holds() {
        assert!(Instant::now() < deadline, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Starts a server again whose log is a disk that is full.
fn full(server: &mut Server, on_error: OnError) {
    server.stop();
    fs::rename(server.folder().join("audit.ndjson"), server.folder().join("before")).unwrap();
    symlink("/dev/full", server.folder().join("audit.ndjson")).unwrap();
    server.audit_on_error = on_error;
    server.start(0);
}

#[test]
fn changes_are_rejected_while_the_log_cannot_be_written_and_rights_are_still_taken_away() {
    let mut server = Server::with(0);
    let operators = Operators::of(&server.folder());
    let mallory = operator(&operators, "mallory", Role::Write);
    full(&mut server, OnError::Reject);
    let sandbox = server.project(1);
    let figure = |name: &str| figure(&server.url().replace("http://", ""), name);
    let ready = || server.ask("GET", "/readyz", &[]).0;
    assert_eq!((ready(), figure("meshctl_audit_failing")), (200, 0), "nothing was to be written");
    let ran = sandbox.run(&["apply", "--yes"]).exits(6);
    assert!(ran.stderr.contains("the audit log cannot be written"), "{}", ran.stderr);
    assert!(ran.stderr.contains("No space left on device"), "{}", ran.stderr);
    assert_eq!((ready(), figure("meshctl_audit_failing")), (503, 1));
    sandbox.run(&["history"]).exits(0);
    let refused = operators.add("eve", Role::Read, |_| Ok(())).unwrap_err();
    assert!(refused.to_string().contains("the audit log"), "{refused}");
    assert!(!operators.list().unwrap().contains_key("eve"));
    // Who is removed is removed, and that is told as soon as it can be.
    let done = operators.remove("mallory").unwrap();
    assert!(done.there && done.unrecorded.is_some());
    let bearer = format!("Bearer {mallory}");
    assert_eq!(server.ask("GET", "/v1", &[("authorization", &bearer)]).0, 401);
    assert!(figure("meshctl_audit_waiting_lines") > 0);
    // There is room again.
    let log = server.folder().join("audit.ndjson");
    fs::remove_file(&log).unwrap();
    until("the log is written", || ready() == 200);
    assert_eq!(figure("meshctl_audit_failing") + figure("meshctl_audit_lost_lines"), 0);
    sandbox.run(&["apply", "--yes"]).exits(0);
    let told = lines(&log);
    let has = |verb: &str, end: &str| told.iter().any(|l| l["verb"] == verb && l["end"] == end);
    assert!(has("operator remove", "done") && has("apply", "done"), "{told:#?}");
    assert!(!has("operator add", "done"), "{told:#?}");
}

#[test]
fn changes_are_made_without_the_log_where_that_is_asked_for() {
    let mut server = Server::with(0);
    full(&mut server, OnError::Alarm);
    let sandbox = server.project(1);
    sandbox.run(&["apply", "--yes"]).exits(0);
    assert_eq!(server.ask("GET", "/readyz", &[]).0, 200);
    let admin = server.url().replace("http://", "");
    assert_eq!(figure(&admin, "meshctl_audit_failing"), 1);
    assert!(figure(&admin, "meshctl_audit_waiting_lines") >= 2);
    let log = server.folder().join("audit.ndjson");
    fs::remove_file(&log).unwrap();
    until("the log is written", || lines(&log).iter().any(|line| line["verb"] == "apply"));
}

#[test]
fn denied_and_failed_requests_operators_backups_and_the_registry_are_told() {
    let server = Server::with(0);
    let sandbox = server.project(1);
    sandbox.run(&["apply", "--yes"]).exits(0);
    let reader = operator(&Operators::of(&server.folder()), "reader", Role::Read);
    let log = server.folder().join("audit.ndjson");
    let with = |method: &str, path: &str, token: &str, body: Value| {
        let bearer = format!("Bearer {token}");
        let body = body.to_string().into_bytes();
        server.send(method, path, &[("authorization", &bearer)], body).0
    };
    let bad = json!({ "key": "short" });
    let applies = "/v1/meshes/m/applies";
    for _ in 0..200 {
        assert_eq!(with("POST", applies, "meshctl_wrong", bad.clone()), 401);
    }
    assert_eq!(with("POST", applies, &reader, bad.clone()), 403);
    let token = server.token();
    assert_eq!(with("POST", applies, &token, bad), 400);
    assert_eq!(with("GET", "/v1/backup", &token, Value::Null), 200);
    let instance = "/v1/meshes/m/registry/shop/cart/instances/one";
    assert_eq!(with("PUT", instance, &token, json!({ "address": "10.0.0.1" })), 201);
    assert_eq!(with("DELETE", instance, &token, Value::Null), 204);
    let verb = "POST /v1/meshes/{mesh}/applies";
    let times = |told: &[Value], actor: &str, end: &str| -> (usize, u64) {
        let own = told.iter().filter(|l| l["verb"] == verb && l["actor"] == actor);
        let own: Vec<u64> =
            own.filter(|l| l["end"] == end).filter_map(|l| l["times"].as_u64()).collect();
        (own.len(), own.iter().sum())
    };
    let wrong = "denied: unauthenticated";
    until("denied requests are told", || {
        times(&lines(&log), "address 127.0.0.1", wrong).1 == 200
            && times(&lines(&log), "reader", "denied: forbidden") == (1, 1)
    });
    let told = lines(&log);
    assert!(times(&told, "address 127.0.0.1", wrong).0 < 100, "many in one line: {told:#?}");
    let has = |actor: &str, verb: &str, end: &str| {
        told.iter().any(|l| l["actor"] == actor && l["verb"] == verb && l["end"] == end)
    };
    assert!(has("operator", verb, "asked") && has("operator", verb, "failed: 400"), "{told:#?}");
    assert!(has("operator", "GET /v1/backup", "done"), "{told:#?}");
    assert!(has("operator", "register", "done") && has("operator", "deregister", "done"));
    let local = told.iter().filter(|line| line["verb"] == "operator add");
    let local: Vec<&Value> = local.map(|line| &line["subject"]).collect();
    assert_eq!(local, ["reader", "reader"], "asked and done");
    let text = fs::read_to_string(&log).unwrap();
    assert!(!text.contains(&token) && !text.contains(&reader) && !text.contains("wrong"));
}

#[test]
fn store_check_names_the_line_of_the_log_that_was_changed_or_is_missing() {
    let mut server = Server::with(0);
    let sandbox = server.project(1);
    for weight in 1..4 {
        sandbox.write("mesh.toml", mesh(weight));
        sandbox.run(&["apply", "--yes"]).exits(0);
    }
    server.stop();
    let data = server.folder().display().to_string();
    let check = || sandbox.run(&["store", "check", "--data", &data]);
    let log = server.folder().join("audit.ndjson");
    let good = fs::read_to_string(&log).unwrap();
    let all: Vec<&str> = good.lines().collect();
    assert!(all.len() >= 6, "{good}");
    let ran = check().exits(0);
    assert!(ran.stdout.contains(&format!("audit log: {} lines", all.len())), "{}", ran.stdout);
    let write = |lines: &[&str]| fs::write(&log, lines.join("\n") + "\n").unwrap();
    let wrong = |what: &str, place: &str| {
        let ran = check().exits(1);
        assert!(ran.stderr.contains(place), "{what}: {}", ran.stderr);
        assert!(ran.stderr.contains("the store itself is whole"), "{what}: {}", ran.stderr);
    };
    let mut changed = all.clone();
    let other = changed[2].replace("\"actor\":\"operator\"", "\"actor\":\"someone\"");
    assert_ne!(other, changed[2]);
    changed[2] = &other;
    write(&changed);
    wrong("changed", "audit.ndjson:3");
    let mut fewer = all.clone();
    fewer.remove(1);
    write(&fewer);
    wrong("removed", "audit.ndjson:2");
    let mut swapped = all.clone();
    swapped.swap(1, 2);
    write(&swapped);
    wrong("swapped", "audit.ndjson:2");
    write(&all[..all.len() - 1]);
    wrong("cut", &format!("audit.ndjson:{}", all.len() - 1));
    fs::remove_file(&log).unwrap();
    wrong("removed whole", "audit.ndjson is not");
    // A server that goes on after that does not hide it.
    server.start(0);
    sandbox.write("meshctl.toml", server.target());
    sandbox.write("mesh.toml", mesh(9));
    sandbox.run(&["apply", "--yes"]).exits(0);
    server.stop();
    let rest = fs::read_to_string(&log).unwrap();
    fs::write(&log, format!("{}\n{rest}", all[..all.len() - 2].join("\n"))).unwrap();
    wrong("cut before a start", &format!("audit.ndjson:{}", all.len() - 1));
    fs::write(&log, format!("{good}{rest}")).unwrap();
    check().exits(0);
    // What is done with the store on the host is told, too.
    sandbox.run(&["store", "backup", "backup", "--data", &data]).exits(0);
    sandbox.run(&["store", "restore", "backup", "--data", "again"]).exits(0);
    let last = |log: &Path| lines(log).pop().unwrap()["verb"].clone();
    assert_eq!(last(&log), "store backup");
    assert_eq!(last(&sandbox.join("again/audit.ndjson")), "store restore");
    check().exits(0);
    sandbox.run(&["store", "check", "--data", "again"]).exits(0);
}

#[test]
fn a_log_that_was_moved_away_is_opened_again_and_a_cut_line_does_not_count() {
    let (sandbox, server) = served(1);
    sandbox.run(&["apply", "--yes"]).exits(0);
    let log = sandbox.join("data/audit.ndjson");
    fs::rename(&log, sandbox.join("data/audit.1")).unwrap();
    kill_process(Pid::from_child(&server.child), Signal::HUP).unwrap();
    until("a new log", || !lines(&log).is_empty());
    let last = lines(&sandbox.join("data/audit.1")).pop().unwrap();
    assert_eq!(lines(&log)[0]["prev"], last["hash"]);
    sandbox.write("mesh.toml", mesh(2));
    sandbox.run(&["apply", "--yes"]).exits(0);
    drop(server);
    // It was killed in the middle of a line.
    let mut file = fs::OpenOptions::new().append(true).open(&log).unwrap();
    file.write_all(b"{\"actor\":\"oper").unwrap();
    sandbox.run(&["store", "check", "--data", "data"]).exits(0);
    let server = restarted(&sandbox);
    sandbox.write("mesh.toml", mesh(3));
    sandbox.run(&["apply", "--yes", "--accept", "MC0908@route/cart/all"]).exits(0);
    server.stop();
    sandbox.run(&["store", "check", "--data", "data"]).exits(0);
    let ends = lines(&log).iter().filter(|l| l["verb"] == "apply" && l["end"] == "done").count();
    assert_eq!(ends, 2);
}

fn restarted(sandbox: &Sandbox) -> Serve {
    let server = Serve::start(sandbox, "127.0.0.1:0", "127.0.0.1:0");
    sandbox.write("meshctl.toml", crate::serve_faults::target(&server));
    server
}

#[test]
fn leases_are_renewed_and_ended_although_the_log_cannot_be_written() {
    let mut server = Server::with(0);
    let sandbox = server.project(1);
    sandbox.run(&["apply", "--yes"]).exits(0);
    let ask = |server: &Server, method: &str, id: &str, body: Value| {
        let bearer = format!("Bearer {}", server.token());
        let path = format!("/v1/meshes/m/registry/shop/cart/instances/{id}");
        let body = body.to_string().into_bytes();
        server.send(method, &path, &[("authorization", &bearer)], body).0
    };
    let instance = |address: &str| json!({ "address": address, "ttl_ms": 3_600_000 });
    for id in ["a", "b"] {
        assert_eq!(ask(&server, "PUT", id, instance("10.0.0.1")), 201);
    }
    full(&mut server, OnError::Reject);
    // The first line that cannot be written is that of a change.
    assert_eq!(ask(&server, "DELETE", "b", Value::Null), 204);
    assert_eq!(ask(&server, "PUT", "a", instance("10.0.0.1")), 200, "a renewal");
    assert_eq!(ask(&server, "PUT", "a", instance("10.0.0.2")), 503, "another address");
    assert_eq!(ask(&server, "PUT", "b", instance("10.0.0.1")), 503, "a new one");
    assert_eq!(ask(&server, "DELETE", "a", Value::Null), 204);
}
