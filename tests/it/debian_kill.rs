//! `apply` is killed at every system call that changes a file; what it leaves is always whole.

use crate::directory::{files, mesh};
use crate::support::sandbox::Sandbox;
use crate::support::tier::{self, Tier};
use meshctl::envoy::{self, Settings};
use meshctl::live::{Directory, Read as _, State, drift};
use meshctl::model::Mesh;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

/// The calls by which the target changes, and which are killed at: every one, or every n-th. They
/// are counted each for itself.
const CALLS: [&[(&str, usize)]; 2] = [
    &[("fsync", 1), ("write", 1), ("symlink", 1), ("rename", 1), ("openat", 10)],
    &[("unlinkat", 1), ("mkdir", 1), ("linkat", 1), ("unlink", 1), ("readlink", 1)],
];

/// Runs `meshctl apply`, killed when it makes this call for the n-th time. Says whether it lived.
fn killed_at(sandbox: &Sandbox, (call, n): (&str, usize), args: &[&str]) -> bool {
    let status = Command::new("strace")
        .args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={call}")])
        .args(["-e", &format!("inject={call}:signal=SIGKILL:when={n}")])
        .arg(env!("CARGO_BIN_EXE_meshctl"))
        .args(args)
        .current_dir(sandbox.path())
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    status.success()
}

fn read(text: &str) -> Mesh {
    let id = meshctl::span::Files::default().add("m.toml", text);
    let (tree, _) = meshctl::schema::parse(id, text);
    meshctl::schema::read_mesh(&tree).mesh
}

/// The files of every step that the change from one mesh to the other goes through.
fn steps(from: &str, to: &str) -> Vec<BTreeMap<String, String>> {
    let (from, to) = (read(from), read(to));
    let settings = Settings::path("ROOT");
    let mut now: BTreeMap<_, _> = meshctl::compile::proxies(&from)
        .into_iter()
        .map(|proxy| {
            let config = meshctl::compile::compile(&from, &settings, &proxy);
            (proxy, envoy::files(&config))
        })
        .collect();
    let all = [&from, &to].into_iter().flat_map(meshctl::compile::proxies).collect();
    let mut found = Vec::new();
    let mut keep = |now: &BTreeMap<_, BTreeMap<String, String>>| {
        let step = now.iter().flat_map(|(proxy, files): (&envoy::ProxyId, _)| {
            files.iter().map(move |(file, text)| (format!("{proxy}/{file}"), text.clone()))
        });
        found.push(step.collect());
    };
    keep(&now);
    for step in meshctl::plan::steps(&from, &to, &settings, &all) {
        for (proxy, config) in step.after {
            match config {
                Some(config) => now.insert(proxy, envoy::files(&config)),
                None => now.remove(&proxy),
            };
        }
        keep(&now);
    }
    found
}

/// The files in force, with the target's path taken out; versions depend on it, so they go too.
fn in_force(root: &Path) -> BTreeMap<String, String> {
    let real = root.canonicalize().unwrap().display().to_string();
    files(&root.join("current"))
        .into_iter()
        .map(|(name, text)| (name, without_versions(&text.replace(&real, "ROOT"))))
        .collect()
}

fn without_versions(text: &str) -> String {
    text.lines().filter(|line| !line.starts_with("version_info")).collect::<Vec<_>>().join("\n")
}

/// What the target holds, by the library: a hundred times faster than a process, and the same code.
fn look(sandbox: &Sandbox) -> (State, Directory, Settings) {
    let root = sandbox.join("live").canonicalize().unwrap();
    let directory = Directory::open(&root).unwrap();
    let state = directory.state().unwrap();
    (state, directory, Settings::path(root.display().to_string()))
}

/// Kills at these calls; gives the number of points, and how often which step was in force.
fn kill_at(calls: &[(&str, usize)], from: &str, to: &str) -> (usize, [usize; 4]) {
    let whole: Vec<BTreeMap<String, String>> = steps(from, to)
        .into_iter()
        .map(|step| step.into_iter().map(|(n, text)| (n, without_versions(&text))).collect())
        .collect();
    assert_eq!(whole.len(), 4, "before, add, switch, remove");
    let apply = ["apply", "--yes", "--quiet"];
    let sandbox = Sandbox::with_mesh(from);
    let settings = "[targets.local]\ndirectory = \"live\"\nsettle = \"0s\"\n";
    sandbox.write("meshctl.toml", settings);
    sandbox.run(&apply).exits(0);
    sandbox.write("mesh.toml", to);
    let shell = |script: &str| {
        let status = Command::new("sh").args(["-c", script]).current_dir(sandbox.path()).status();
        assert!(status.unwrap().success());
    };
    shell("cp -a live before");
    let (mut points, mut seen) = (0, [0; 4]);
    for (call, every) in calls {
        for n in (1..).step_by(*every) {
            if killed_at(&sandbox, (call, n), &apply) {
                // It has met every call of the kind.
                sandbox.run(&["plan", "--detailed-exitcode"]).exits(0);
                shell("rm -rf live && cp -a before live");
                break;
            }
            // One step is in force, whole, and the record is readable and truthful about it.
            let now = in_force(&sandbox.join("live"));
            let step = whole.iter().position(|step| *step == now);
            let step =
                step.unwrap_or_else(|| panic!("killed at {call} {n}, no step is whole: {now:?}"));
            seen[step] += 1;
            let (state, ..) = look(&sandbox);
            match (state.live.revision, &state.rollout) {
                (Some(1), None) => assert_eq!(step, 0, "killed at {call} {n}"),
                (Some(2), None) => assert_eq!(step, 3, "killed at {call} {n}"),
                (Some(2), Some(_)) => {
                    assert_eq!(state.steps_in_force(), step, "killed at {call} {n}");
                }
                other => panic!("killed at {call} {n}: {other:?}"),
            }
            // The next run goes on, and nothing of the killed one is left or lost.
            sandbox.run(&apply).exits(0);
            let (state, directory, settings) = look(&sandbox);
            assert_eq!(
                (state.live.revision, &state.rollout),
                (Some(2), &None),
                "killed at {call} {n}"
            );
            assert_eq!(state.live.mesh, read(to), "killed at {call} {n}");
            assert_eq!(drift(&directory, &state, &settings).unwrap(), [], "killed at {call} {n}");
            assert_eq!(in_force(&sandbox.join("live")), whole[3], "killed at {call} {n}");
            let left: Vec<String> = files(&sandbox.join("live")).into_keys().collect();
            assert!(
                left.iter().all(|name| !name.contains(".part")),
                "killed at {call} {n}: {left:?}"
            );
            points += 1;
            shell("rm -rf live && cp -a before live");
        }
    }
    (points, seen)
}

#[test]
fn apply_may_be_killed_at_any_point() {
    if !tier::has(Tier::Debian(&["strace"])) {
        return;
    }
    let from = mesh(1);
    let to = from.replace("cart-v1", "cart-v3").replace("cart-v2", "cart-v4");
    let halves: Vec<_> = CALLS
        .map(|calls| {
            let (from, to) = (from.clone(), to.clone());
            thread::spawn(move || kill_at(calls, &from, &to))
        })
        .into_iter()
        .map(|half| half.join().unwrap())
        .collect();
    let points: usize = halves.iter().map(|half| half.0).sum();
    let seen: Vec<usize> =
        (0..4).map(|step| halves.iter().map(|half| half.1[step]).sum()).collect();
    println!("killed at {points} points; steps found in force: {seen:?}");
    assert!(points >= 200, "only {points} points");
    assert!(seen.iter().all(|count| *count > 0), "every step was met: {seen:?}");
}
