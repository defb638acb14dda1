//! Commands of README.md, run as they are written there.

use crate::support::sandbox::Sandbox;
use crate::support::{envoy, root};
use std::fs;
use std::path::Path;

/// The first block of commands below a heading.
fn commands(heading: &str) -> String {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let section = readme.split_once(&format!("\n## {heading}\n")).expect(heading).1;
    let block = section.split_once("```sh\n").expect("a block of commands").1;
    block.split_once("\n```").expect("its end").0.to_owned()
}

/// The example's files in a sandbox.
fn shop() -> Sandbox {
    let sandbox = Sandbox::new();
    for entry in fs::read_dir(root().join("examples/shop")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let name = path.file_name().unwrap().to_str().unwrap();
            sandbox.write(name, fs::read(&path).unwrap());
        }
    }
    sandbox
}

#[test]
fn the_walk_through_of_the_control_plane_ends_with_two_envoys_that_have_it() {
    let sandbox = shop();
    let mut script = String::from("trap 'kill $(jobs -p); wait' EXIT\n");
    for line in commands("A control plane").lines() {
        // What a person does at a terminal: saying yes, and looking on until it is enough.
        let line = line.replace("prod apply ", "prod apply --yes ").replace(" --watch", "");
        script.push_str(&line);
        script.push('\n');
        if line == "END" {
            let ready = "meshctl --target prod history && break";
            script.push_str(&format!("for _ in $(seq 600); do {ready}; sleep 0.1; done\n"));
        }
        if line.contains("prod wait") {
            script.push_str("echo \"wait ended with $?\"\n");
        }
    }
    let folder = |binary: &Path| binary.parent().unwrap().display().to_string();
    let meshctl = folder(Path::new(env!("CARGO_BIN_EXE_meshctl")));
    let envoy = folder(&envoy::binary());
    let path = std::env::var("PATH").unwrap_or_default();
    let output = std::process::Command::new("bash")
        .args(["-c", &script])
        .current_dir(sandbox.path())
        .env_clear()
        .env("HOME", sandbox.path())
        .env("PATH", format!("{meshctl}:{envoy}:{path}"))
        .output()
        .unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stdout.contains("wait ended with 0"), "{script}\n{stdout}\n{stderr}");
}
