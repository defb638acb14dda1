//! `plan`, `show` and `diff` as they are called.

use crate::support::sandbox::Sandbox;
use meshctl::live::{Commit, Directory, Target};
use meshctl::load::{self, Options};
use meshctl::revision::{Entry, MANIFEST_FORMAT, Manifest, Meta, ObjectId, split};
use std::collections::BTreeMap;
use std::time::Duration;

const SHOP: &str = include_str!("../cases/plan/canary/live.toml");

/// Makes what the sandbox's files say a revision of its target, without any rollout.
fn record(sandbox: &Sandbox, revision: u64, owner: Option<&str>) {
    let options = Options {
        dir: sandbox.path().to_path_buf(),
        env: None,
        extra: None,
        now: 1_801_353_600, // 2027-01-31
    };
    let mesh = load::load(&options).unwrap().mesh;
    let mut entries = BTreeMap::new();
    let mut objects = BTreeMap::new();
    for (address, value) in split(&mesh) {
        let object = ObjectId::of(&value);
        let owner = owner.map(str::to_owned);
        entries.insert(address, Entry { object: object.clone(), owner, protected: false });
        objects.insert(object, value);
    }
    let manifest = Manifest {
        format: MANIFEST_FORMAT,
        mesh: mesh.settings.name.clone(),
        revision,
        parent: (revision > 1).then(|| revision - 1),
        plan: format!("p1-{}", "0".repeat(64)),
        entries,
        meta: Meta {
            at: "2027-01-31T00:00:00Z".into(),
            by: "tester".into(),
            summary: "+1 ~0 -0".into(),
        },
    };
    let directory = Directory::open(sandbox.join("live")).unwrap();
    let mut target = directory.lock(Duration::from_secs(5)).unwrap();
    target.commit(&Commit { manifest, objects, rollout: None }).unwrap();
}

fn edit(sandbox: &Sandbox, from: &str, to: &str) {
    let text = std::fs::read_to_string(sandbox.join("mesh.toml")).unwrap();
    assert!(text.contains(from), "the mesh has no {from}");
    sandbox.write("mesh.toml", text.replace(from, to));
}

#[test]
fn the_exit_code_tells_of_changes_only_where_asked() {
    let sandbox = Sandbox::with_mesh(SHOP);
    for format in ["text", "json", "markdown", "github"] {
        sandbox.run(&["plan", "--format", format]).exits(0);
        sandbox.run(&["plan", "--detailed-exitcode", "--format", format]).exits(2);
    }
    record(&sandbox, 1, None);
    for format in ["text", "json", "markdown", "github"] {
        sandbox.run(&["plan", "--detailed-exitcode", "--format", format]).exits(0);
    }
    sandbox.run(&["plan", "--format", "sarif"]).exits(64);
}

#[test]
fn a_refusal_is_exit_four_in_every_format_and_the_named_flag_lifts_it() {
    let sandbox = Sandbox::with_mesh(SHOP);
    record(&sandbox, 1, None);
    sandbox.write("mesh.toml", "[mesh]\nname = \"shop\"\n");
    for format in ["text", "json", "markdown", "github"] {
        let ran = sandbox.run(&["plan", "--format", format]).exits(4);
        assert!(ran.stderr.contains("add --allow-empty"), "{}", ran.stderr);
        if format == "json" {
            let value: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
            assert_eq!(value["applyable"], false);
        }
    }
    let ran = sandbox.run(&["plan", "--allow-empty"]).exits(4);
    let lost = "--accept MC0906@virtual_node/web";
    assert!(ran.stderr.contains(lost), "{}", ran.stderr);
    let consents = ["plan", "--allow-empty", "--accept", "MC0906@virtual_node/web"];
    sandbox.run(&consents).exits(0);
}

#[test]
fn what_belongs_to_another_project_is_refused_and_left_alone() {
    let sandbox = Sandbox::with_mesh(SHOP);
    record(&sandbox, 1, Some("team-cart"));
    sandbox.write("meshctl.toml", "owner = \"me\"\n[targets.local]\ndirectory = \"live\"\n");
    edit(&sandbox, "cart-v1 = 95", "cart-v1 = 90");
    let ran = sandbox.run(&["plan"]).exits(4);
    assert!(ran.stdout.contains("--take-ownership route/cart/all"), "{}", ran.stdout);
    sandbox.run(&["plan", "--take-ownership", "route/cart/all"]).exits(0);
    sandbox.write("mesh.toml", "[mesh]\nname = \"shop\"\ncapture = \"explicit\"\n");
    let ran = sandbox.run(&["plan"]).exits(0);
    assert!(!ran.stdout.contains("CHANGES"), "{}", ran.stdout);
}

#[test]
fn a_saved_plan_shows_as_it_was_planned() {
    let sandbox = Sandbox::with_mesh(SHOP);
    let planned = sandbox.run(&["plan", "-o", "first.json"]).exits(0);
    let shown = sandbox.run(&["show", "first.json"]).exits(0);
    assert_eq!(shown.stdout, planned.stdout);
    let json = sandbox.run(&["plan", "--format", "json"]).exits(0).stdout;
    assert_eq!(sandbox.run(&["show", "first.json", "--format", "json"]).exits(0).stdout, json);
    let tampered = json.replace("\"weight\": 95", "\"weight\": 1");
    assert_ne!(tampered, json);
    sandbox.write("tampered.json", tampered);
    let ran = sandbox.run(&["show", "tampered.json"]).exits(1);
    assert!(ran.stderr.contains("changed by hand"), "{}", ran.stderr);
    sandbox.write("other.json", "{}");
    sandbox.run(&["show", "other.json"]).exits(1);
    sandbox.run(&["show", "absent.json"]).exits(1);
    sandbox.run(&["show", "rev:x"]).exits(64);
}

#[test]
fn plans_do_not_depend_on_the_folder_or_on_how_files_are_split() {
    let sandbox = Sandbox::with_mesh(SHOP);
    let here = sandbox.run(&["plan", "--format", "json"]).exits(0).stdout;
    let there = sandbox.run(&["-C", ".", "plan", "--format", "json"]).exits(0).stdout;
    assert_eq!(here, there);
    let digest = |text: &str| {
        let value: serde_json::Value = serde_json::from_str(text).unwrap();
        value["digest"].as_str().unwrap().to_owned()
    };
    let at = SHOP.find("[virtual_service").unwrap();
    sandbox.write("mesh.toml", &SHOP[at..]);
    sandbox.write("nodes/all.toml", &SHOP[..at]);
    let split = sandbox.run(&["plan", "--format", "json"]).exits(0).stdout;
    assert_eq!(digest(&split), digest(&here));
}

#[test]
fn only_narrows_a_plan_and_says_what_came_along() {
    let sandbox = Sandbox::with_mesh(SHOP);
    record(&sandbox, 1, None);
    edit(&sandbox, "cart-v1", "cart-v3");
    edit(&sandbox, "bind = 9001", "bind = 9002");
    let ran = sandbox.run(&["plan", "--only", "route/cart/all"]).exits(0);
    assert!(ran.stdout.contains("with virtual_node/cart-v3"), "{}", ran.stdout);
    assert!(!ran.stdout.contains("~ virtual_node/web"), "{}", ran.stdout);
    let ran = sandbox.run(&["plan", "--only", "route/cart/al"]).exits(64);
    assert!(ran.stderr.contains("did you mean route/cart/all?"), "{}", ran.stderr);
    // The bound port moves, so calls to the old one are lost.
    let accept = ["--accept", "MC0906@virtual_node/web"];
    let ran = sandbox.run(&[&["plan", "--no-prune"], &accept[..]].concat()).exits(0);
    assert!(!ran.stdout.contains("- virtual_node/cart-v1"), "{}", ran.stdout);
}

#[test]
fn another_mesh_in_the_target_is_no_plan() {
    let sandbox = Sandbox::with_mesh(SHOP);
    record(&sandbox, 1, None);
    edit(&sandbox, "name = \"shop\"", "name = \"market\"");
    let ran = sandbox.run(&["plan", "--format", "json"]).exits(3);
    let value: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(value["exit_code"], 3);
}

#[test]
fn files_that_are_gone_at_proxies_are_drift_and_no_change() {
    let sandbox = Sandbox::with_mesh(SHOP);
    record(&sandbox, 1, None);
    let ran = sandbox.run(&["plan"]).exits(0);
    assert!(ran.stdout.contains("DRIFT") && !ran.stdout.contains("CHANGES"), "{}", ran.stdout);
    assert!(ran.stdout.contains("nothing to apply"), "{}", ran.stdout);
}

#[test]
fn get_names_the_line_and_the_overlay_that_set_a_field() {
    let sandbox = Sandbox::with_mesh(SHOP);
    let overlay =
        "[[virtual_router.cart.routes]]\nname = \"all\"\ntimeout = { request = \"9s\" }\n";
    sandbox.write("env/slow.toml", overlay);
    let get = ["get", "route/cart/all", "--origin", "--env", "slow"];
    let ran = sandbox.run(&get).exits(0);
    let line = |field: &str| {
        let line = ran.stdout.lines().find(|line| line.trim_start().starts_with(field));
        line.unwrap_or_else(|| panic!("{field}: {}", ran.stdout)).to_owned()
    };
    assert!(line("timeout.request").ends_with("env/slow.toml:3 (overlay)"), "{}", ran.stdout);
    assert!(line("targets[0].weight").contains("mesh.toml:"), "{}", ran.stdout);
    let json = sandbox.run(&[&get[..], &["--format", "json"]].concat()).exits(0).stdout;
    let document: serde_json::Value = serde_json::from_str(&json).unwrap();
    let fields = document["resources"][0]["fields"].as_array().unwrap();
    let timeout = fields.iter().find(|field| field["pointer"] == "/timeout/request").unwrap();
    assert_eq!((&timeout["value"], &timeout["origin"]["overlay"]), (&"9s".into(), &true.into()));
}

#[test]
fn diff_compares_folders_plans_revisions_and_the_live_state() {
    let sandbox = Sandbox::with_mesh(SHOP);
    record(&sandbox, 1, None);
    edit(&sandbox, "cart-v1 = 95", "cart-v1 = 90");
    sandbox.run(&["plan", "-o", "p.json"]).exits(0);
    for (from, to) in [("live", "."), ("rev:1", "."), ("live", "p.json"), ("rev:1", "p.json")] {
        let ran = sandbox.run(&["diff", from, to, "--detailed-exitcode"]).exits(2);
        assert!(ran.stdout.contains("95 -> 90"), "{from} {to}: {}", ran.stdout);
        sandbox.run(&["diff", from, to]).exits(0);
    }
    let ran = sandbox.run(&["diff", ".", "p.json", "--detailed-exitcode"]).exits(0);
    assert_eq!(ran.stdout, ". -> p.json: no differences\n");
    record(&sandbox, 2, None);
    let ran = sandbox.run(&["diff", "rev:1", "rev:2", "--format", "json"]).exits(0);
    let value: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(value["summary"]["update"], 1);
    let ran = sandbox.run(&["show", "rev:2"]).exits(0);
    assert!(ran.stdout.contains("by tester") && ran.stdout.contains("95 -> 90"), "{}", ran.stdout);
    sandbox.run(&["show", "rev:2", "--format", "json"]).exits(0);
    // Paths are as the caller's shell sees them, here as for every other command.
    let elsewhere = tempfile::tempdir().unwrap();
    let project = sandbox.path().to_str().unwrap();
    let mut command = sandbox.command(&["-C", project, "diff", project, "live"]);
    assert!(command.current_dir(elsewhere.path()).status().unwrap().success());
    sandbox.run(&["diff", "rev:1", "rev:7"]).exits(1);
    sandbox.run(&["show", "rev:7"]).exits(1);
}

#[test]
fn a_large_plan_stays_within_the_budget_of_a_comment() {
    let mut mesh = String::from("[mesh]\nname = \"many\"\n");
    for number in 0..1500 {
        mesh.push_str(&format!("[virtual_node.node-{number}]\ntags = {{ team = \"a\" }}\n"));
    }
    let sandbox = Sandbox::with_mesh(&mesh);
    let ran = sandbox.run(&["plan", "--format", "markdown"]).exits(0);
    assert!(ran.stdout.len() <= 60_000, "{} bytes", ran.stdout.len());
    assert!(ran.stdout.contains("changes are left out"), "{}", &ran.stdout[..2000]);
    assert!(ran.stdout.trim_end().lines().next_back().unwrap().contains("--expect p2-"));
    let ran = sandbox.run(&["plan", "--format", "github"]).exits(0);
    assert_eq!(ran.stdout.matches("::notice").count(), 10);
}

#[test]
fn nothing_is_coloured_unless_asked_and_summary_leaves_out_the_changes() {
    let sandbox = Sandbox::with_mesh(SHOP);
    let ran = sandbox.run(&["plan"]).exits(0);
    assert!(!ran.stdout.contains('\u{1b}'));
    let colored = sandbox.run(&["plan", "--color", "always"]).exits(0);
    assert!(colored.stdout.contains('\u{1b}'));
    let summary = sandbox.run(&["plan", "--summary"]).exits(0);
    assert!(!summary.stdout.contains("CHANGES"));
    let tail = |text: &str| text.lines().rev().take(3).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(tail(&summary.stdout), tail(&ran.stdout));
}
