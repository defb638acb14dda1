//! A control plane whose system calls fail, whose clock jumps, that is killed in a commit, and whose
//! clients are killed: by strace and faketime.

use crate::directory::mesh;
use crate::live_serve_apply::Serve;
use crate::serve::Server as Plane;
use crate::serve_faults::{SERVE, served, target};
use crate::serve_xds::block_on;
use crate::support::load::figure;
use crate::support::sandbox::Sandbox;
use crate::support::tier::{Tier, has, numbers};
use crate::support::xds_client::{Client, resume};
use meshctl::envoy::ResourceType;
use serde_json::Value;
use std::collections::BTreeMap;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// The newest revision, whose rollout has ended.
fn revision(sandbox: &Sandbox) -> u64 {
    let status = json(&sandbox.run(&["status", "--format", "json"]).exits(0).stdout);
    assert_eq!(status["rollout"], Value::Null, "{status:#}");
    status["revision"].as_u64().unwrap_or(0)
}

/// A strace that makes calls of a running process fail until it is dropped.
struct Failing(Child);

impl Failing {
    fn calls(server: &Serve, calls: &str, error: &str) -> Self {
        let mut command = Command::new("strace");
        command
            .args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={calls}")])
            .args(["-e", &format!("inject={calls}:error={error}")])
            .args(["-p", &server.pid().to_string()])
            .stdin(Stdio::null());
        let failing = Self(command.spawn().unwrap());
        // Until it has every thread.
        let tasks = format!("/proc/{}/task", server.pid());
        let traced = |task: std::fs::DirEntry| {
            let status = std::fs::read_to_string(task.path().join("status"));
            status.is_ok_and(|text| !text.contains("TracerPid:\t0"))
        };
        let since = Instant::now();
        while !std::fs::read_dir(&tasks).unwrap().all(|task| traced(task.unwrap())) {
            assert!(since.elapsed() < Duration::from_secs(30), "strace may not attach");
            std::thread::sleep(Duration::from_millis(5));
        }
        failing
    }
}

impl Drop for Failing {
    fn drop(&mut self) {
        use rustix::process::{Pid, Signal, kill_process};
        // It lets go of what it traces.
        let _ = kill_process(Pid::from_child(&self.0), Signal::TERM);
        let _ = self.0.wait();
    }
}

/// What a new stream of a proxy is sent, by name and version, having this.
fn clusters(server: &Serve, had: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    block_on(async {
        let client = Client::connect(server.xds.parse().unwrap(), None).await.unwrap();
        let mut stream = client.delta().await;
        let cds = ResourceType::Cluster.type_url();
        // Clusters are told as a whole, and a name that there is not with them.
        stream.send(&resume("mesh/m/virtual_node/web", cds, &["*", "none"], had));
        let response = stream.take().await.unwrap();
        assert_eq!(response.removed, ["none"]);
        response.resources.into_iter().collect()
    })
}

#[test]
fn f4_a_full_disk_refuses_changes_and_nothing_else_until_there_is_room() {
    if !has(Tier::Root) {
        return;
    }
    let sandbox = Sandbox::with_mesh(&mesh(1));
    std::fs::create_dir(sandbox.join("small")).unwrap();
    // A disk of its own, which only the server sees.
    let mut args = SERVE;
    args[2] = "small/data";
    let meshctl = sandbox.command(&args);
    let mut command = Command::new("unshare");
    let script = "mount -t tmpfs -o size=32m tmpfs small && exec \"$0\" \"$@\"";
    command.args(["-m", "sh", "-c", script]).arg(meshctl.get_program()).args(meshctl.get_args());
    command.current_dir(sandbox.path());
    let server = Serve::run(command).unwrap();
    let small = format!("/proc/{}/root{}/small", server.pid(), sandbox.path().display());
    let own =
        target(&server).replace("data/operator.token", &format!("{small}/data/operator.token"));
    sandbox.write("meshctl.toml", own);
    sandbox.run(&["apply", "--yes"]).exits(0);
    let had = clusters(&server, &BTreeMap::new());
    assert!(!had.is_empty());
    let filler = format!("{small}/filler");
    // Filled to the last byte, changes go on until the store must grow; each is refused or whole.
    let full = std::fs::File::create(&filler).unwrap();
    let page = [7; 4_096];
    while std::io::Write::write(&mut &full, &page).is_ok_and(|written| written > 0) {}
    let (mut done, mut refused) = (1, 0);
    for weight in 2..200 {
        sandbox.write("mesh.toml", mesh(weight));
        let ran = sandbox.run(&["apply", "--yes"]);
        match ran.code {
            0 => done += 1,
            6 => {
                assert!(ran.stderr.contains("No space left"), "{}", ran.all());
                refused += 1;
            }
            _ => panic!("{}", ran.all()),
        }
        // It is read as before, and proxies are served.
        assert_eq!(revision(&sandbox), done);
        assert_eq!(clusters(&server, &BTreeMap::new()), had);
        if refused == 3 {
            break;
        }
    }
    assert_eq!(refused, 3, "{done} revisions fit");
    println!("{done} revisions, then {refused} refused for want of room");
    drop(full);
    std::fs::remove_file(&filler).unwrap();
    sandbox.run(&["apply", "--yes"]).exits(0);
    assert_eq!(revision(&sandbox), done + 1);
    sandbox.run(&["plan", "--detailed-exitcode"]).exits(0);
}

#[test]
fn f5_a_disk_that_fails_stops_the_store_and_no_proxy() {
    if !has(Tier::Debian(&["strace"])) {
        return;
    }
    let (sandbox, server) = served(1);
    sandbox.run(&["apply", "--yes"]).exits(0);
    let had = clusters(&server, &BTreeMap::new());
    sandbox.write("mesh.toml", mesh(2));
    {
        let _bad = Failing::calls(&server, "fsync,fdatasync", "EIO");
        let ran = sandbox.run(&["apply", "--yes"]);
        assert!([1, 6, 8].contains(&ran.code), "{}", ran.all());
        assert_eq!(clusters(&server, &BTreeMap::new()), had);
    }
    // What the disk has is not known until it is read anew, so nothing more is taken.
    let ran = sandbox.run(&["apply", "--yes"]);
    assert!([1, 6, 8].contains(&ran.code), "{}", ran.all());
    assert!(ran.stderr.contains("start"), "it says what to do: {}", ran.all());
    assert_eq!(clusters(&server, &had), BTreeMap::new(), "proxies go on");
    drop(server);
    sandbox.run(&["store", "check", "--data", "data"]).exits(0);
    let server = Serve::run(sandbox.command(&SERVE)).unwrap();
    sandbox.write("meshctl.toml", target(&server));
    sandbox.run(&["apply", "--yes"]).exits(0);
    sandbox.run(&["plan", "--detailed-exitcode"]).exits(0);
    assert_eq!(revision(&sandbox), 2);
}

#[test]
fn f2_a_server_may_be_killed_at_any_write_of_a_commit() {
    if !has(Tier::Debian(&["strace"])) {
        return;
    }
    let every = numbers(5, 1);
    let sandbox = Sandbox::with_mesh(&mesh(1));
    let server = Serve::run(sandbox.command(&SERVE)).unwrap();
    sandbox.write("meshctl.toml", target(&server));
    sandbox.run(&["apply", "--yes"]).exits(0);
    drop(server);
    let (mut known, mut points, mut kept, mut lost) = (1, 0, 0, 0);
    for call in ["pwrite64", "fsync,fdatasync"] {
        for n in (1..).step_by(every) {
            let meshctl = sandbox.command(&SERVE);
            let mut command = Command::new("strace");
            // The tracer is beside it, so that the process that is started is the server.
            command
                .args(["-D", "-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={call}")])
                .args(["-e", &format!("inject={call}:signal=SIGKILL:when={n}")])
                .arg(meshctl.get_program())
                .args(meshctl.get_args())
                .current_dir(sandbox.path());
            sandbox.write("mesh.toml", mesh(u32::try_from(known).unwrap() + 1));
            let lived = Serve::run(command).is_some_and(|server| {
                sandbox.write("meshctl.toml", target(&server));
                let ran = sandbox.run(&["apply", "--yes"]);
                assert!([0, 6, 7, 8].contains(&ran.code), "killed at {call} {n}: {}", ran.all());
                ran.code == 0
            });
            let checked = ["store", "check", "--data", "data", "--format", "json"];
            let checked = json(&sandbox.run(&checked).exits(0).stdout);
            let newest = checked["meshes"][0]["revision"].as_u64().unwrap();
            // One revision whole: the one before, or the one that was under way.
            assert!(newest == known || newest == known + 1, "{call} {n}: {known} -> {newest}");
            if lived {
                known = newest;
                break;
            }
            *(if newest == known { &mut lost } else { &mut kept }) += 1;
            let server = Serve::run(sandbox.command(&SERVE)).unwrap();
            sandbox.write("meshctl.toml", target(&server));
            sandbox.run(&["apply", "--yes"]).exits(0);
            sandbox.run(&["plan", "--detailed-exitcode"]).exits(0);
            known += 1;
            assert_eq!(revision(&sandbox), known, "killed at {call} {n}");
            points += 1;
        }
    }
    println!("killed at {points} points: {kept} with the new revision on disk, {lost} without");
    assert!(points >= numbers(3, 10), "{points}");
}

#[test]
fn f1_a_client_of_a_server_may_be_killed_at_any_call() {
    if !has(Tier::Debian(&["strace"])) {
        return;
    }
    let every = numbers(8, 1);
    let server = Plane::with(1);
    let sandbox = server.project(1);
    sandbox.run(&["apply", "--yes"]).exits(0);
    let (mut known, mut points, mut kept, mut lost) = (1, 0, 0, 0);
    for call in ["connect", "sendto,sendmsg,writev", "recvfrom,recvmsg,readv", "write", "openat"] {
        for n in (1..).step_by(every) {
            sandbox.write("mesh.toml", mesh(u32::try_from(known).unwrap() + 1));
            let meshctl = sandbox.command(&["apply", "--yes", "--quiet"]);
            let status = Command::new("strace")
                .args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={call}")])
                .args(["-e", &format!("inject={call}:signal=SIGKILL:when={n}")])
                .arg(meshctl.get_program())
                .args(meshctl.get_args())
                .current_dir(sandbox.path())
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .unwrap();
            if status.success() {
                known += 1;
                break;
            }
            // The same command again ends where the killed one would have, and commits once.
            let again = || sandbox.run(&["apply", "--yes", "--lock-timeout", "60s"]);
            let first = again();
            // On a slow machine the server commits for the killed one after this one has planned.
            let ran = if first.code == 5 { again() } else { first }.exits(0);
            let there =
                ran.stdout.contains("nothing to do") || ran.stderr.contains("nothing to do");
            *(if there { &mut kept } else { &mut lost }) += 1;
            sandbox.run(&["plan", "--detailed-exitcode"]).exits(0);
            known += 1;
            assert_eq!(revision(&sandbox), known, "killed at {call} {n}");
            points += 1;
        }
    }
    println!("killed at {points} points: {kept} after the commit, {lost} before");
    assert!(points >= numbers(10, 100), "{points}");
}

#[test]
fn f12_x64_a_clock_that_jumps_or_stands_still_changes_no_version_and_no_order() {
    if !has(Tier::Debian(&["faketime"])) {
        return;
    }
    let (sandbox, server) = served(1);
    sandbox.run(&["apply", "--yes"]).exits(0);
    let mut had = clusters(&server, &BTreeMap::new());
    assert!(!had.is_empty());
    drop(server);
    // The program faketime stays beside what it runs; its library alone does not.
    let told = Command::new("faketime").args(["-f", "+1y", "env"]).output().unwrap().stdout;
    let told = String::from_utf8(told).unwrap();
    let library = told.lines().find_map(|line| line.strip_prefix("LD_PRELOAD=")).unwrap();
    let clocks = [
        ("+10y", "203"),
        ("-10y", "201"),
        ("2026-03-29 01:59:59", "2026-03-29T0"),
        ("2026-10-25 02:59:58", "2026-10-25T0"),
        ("-1d", "20"),
    ];
    for (number, (clock, says)) in (2..).zip(clocks) {
        let mut command = sandbox.command(&SERVE);
        // Waiting goes by the monotonic clock, which never jumps.
        command.envs([("LD_PRELOAD", library), ("FAKETIME", clock), ("TZ", "Europe/Berlin")]);
        command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        let server = Serve::run(command).unwrap();
        sandbox.write("meshctl.toml", target(&server));
        assert_eq!(clusters(&server, &had), BTreeMap::new(), "{clock}: nothing has changed");
        sandbox.write("mesh.toml", mesh(u32::try_from(number).unwrap()));
        sandbox.run(&["apply", "--yes"]).exits(0);
        sandbox.run(&["plan", "--detailed-exitcode"]).exits(0);
        let document = json(&sandbox.run(&["history", "--format", "json"]).exits(0).stdout);
        let revisions = document["revisions"].as_array().unwrap().iter();
        let order: Vec<u64> = revisions.map(|r| r["revision"].as_u64().unwrap()).collect();
        assert_eq!(order, (1..=number).rev().collect::<Vec<_>>(), "{clock}");
        let audit = std::fs::read_to_string(sandbox.join("data/audit.ndjson")).unwrap();
        let at = json(audit.lines().last().unwrap())["at"].as_str().unwrap().to_owned();
        assert!(at.starts_with(says), "the server believes the clock: {at}");
        // The route changed, and no cluster did.
        assert_eq!(clusters(&server, &had), BTreeMap::new(), "{clock}");
        had = clusters(&server, &BTreeMap::new());
        assert_eq!(figure(&server.admin, "meshctl_xds_panics_total"), 0);
    }
}
