//! The calls that are printed of a saved plan, pasted: they are about the same overlay and target.

use crate::support::sandbox::Sandbox;
use meshctl::plan::{Plan, checksum, digest_of};
use serde_json::Value;
use std::fs;

const MESH: &str = "[mesh]\nname = \"m\"\n\n\
    [virtual_node.a]\nlisteners = [{ port = 8080, protocol = \"http\" }]\ndiscovery = { dns = \"a.example\" }\n\n\
    [virtual_node.b]\nlisteners = [{ port = 8080, protocol = \"http\" }]\ndiscovery = { dns = \"b.example\" }\n";

/// A mesh on the target `live`, and two overlays, of which one leaves less.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write(
        "meshctl.toml",
        "default_target = \"near\"\n\n[targets.near]\ndirectory = \"near\"\n\n\
         [targets.live]\ndirectory = \"live\"\n\n[guards]\nmax_deletes = 0\n",
    );
    sandbox.write("mesh.toml", MESH);
    sandbox.write("env/prod.toml", "[virtual_node.a]\ndiscovery = { dns = \"prod.example\" }\n");
    sandbox.run(&["apply", "--target", "live", "--env", "prod", "--yes"]).exits(0);
    let (first, _) = MESH.split_once("[virtual_node.b]").unwrap();
    sandbox.write("mesh.toml", first);
    sandbox
}

/// The line with the call that applies a plan, without the program's name.
fn call(text: &str) -> String {
    let line = text.lines().find_map(|line| line.split_once("meshctl apply "));
    line.unwrap_or_else(|| panic!("{text}")).1.trim().to_owned()
}

#[test]
fn what_is_printed_of_a_saved_plan_has_its_overlay_and_its_target() {
    let sandbox = sandbox();
    let plan = ["plan", "--target", "live", "--env", "prod", "-o", "p.json"];
    sandbox.run(&plan).exits(4);
    let document: Value =
        serde_json::from_str(&fs::read_to_string(sandbox.join("p.json")).unwrap()).unwrap();
    assert_eq!(document["env"], "prod");
    assert_eq!(document["format_version"], "1.2");
    // The flags of this call are others.
    for flags in [&["show", "p.json"][..], &["show", "p.json", "--target", "near"]] {
        let printed = call(&sandbox.run(flags).exits(0).all());
        assert!(printed.contains("--env prod --target live"), "{printed}");
        assert!(printed.contains("--allow-deletes 1"), "{printed}");
    }
    let printed = call(&sandbox.run(&["show", "p.json"]).exits(0).all());
    let mut words = vec!["apply", "--yes"];
    words.extend(printed.split_whitespace());
    sandbox.run(&words).exits(0);
}

#[test]
fn a_plan_without_an_overlay_is_shown_without_one() {
    let sandbox = sandbox();
    sandbox.run(&["plan", "-o", "p.json"]).exits(0);
    let printed = call(&sandbox.run(&["show", "p.json", "--env", "prod"]).exits(0).all());
    assert_eq!(printed, "p.json");
    // A document of before overlays were recorded is about what the call is about.
    let text = fs::read_to_string(sandbox.join("p.json")).unwrap();
    let mut old: Value = serde_json::from_str(&text).unwrap();
    old["format_version"] = "1.1".into();
    old["checksum"] = checksum(&old).into();
    sandbox.write("old.json", old.to_string());
    let printed = call(&sandbox.run(&["show", "old.json", "--env", "prod"]).exits(0).all());
    assert_eq!(printed, "--env prod old.json");
}

#[test]
fn the_overlay_of_a_plan_is_covered_by_its_digest() {
    let sandbox = sandbox();
    sandbox
        .run(&["plan", "--target", "live", "--env", "prod", "-o", "p.json", "--allow-deletes", "1"])
        .exits(0);
    let text = fs::read_to_string(sandbox.join("p.json")).unwrap();
    let (plan, mut document) = Plan::from_file(&text).unwrap();
    let without = Plan { env: None, ..plan.clone() };
    assert_ne!(digest_of(&plan), digest_of(&without));
    document["env"] = "other".into();
    document["checksum"] = checksum(&document).into();
    sandbox.write("p.json", document.to_string());
    for command in [&["show", "p.json"][..], &["apply", "p.json", "--target", "live", "--yes"]] {
        let ran = sandbox.run(command).exits(1);
        assert!(ran.all().contains("changed by hand"), "{}", ran.all());
    }
}
