//! When a switch is gated, when it is only reported, and what the rest of an apply says about it.

use crate::directory::mesh;
use crate::support::fake_envoy::{FakeEnvoy, Mood};
use crate::support::random_mesh;
use crate::support::sandbox::{Ran, Sandbox};
use meshctl::compile::proxies;
use meshctl::envoy::{
    ConfigSource, ProxyId, Settings, asked, asked_files, file_stem, files, is_asked_whole,
};
use meshctl::plan;
use serde_json::Value;
use std::collections::BTreeSet;

const WEB: &str = "virtual_node/web";
const ONE: &str = "virtual_node/cart-v1";
const TWO: &str = "virtual_node/cart-v2";
/// An address at which nothing listens.
const NOWHERE: &str = "unix:///nowhere/envoy.sock";

/// A project with these admin addresses, and its first revision applied.
fn project(admins: &[(&str, &str)]) -> Sandbox {
    let sandbox = Sandbox::with_mesh(&mesh(1));
    settings(&sandbox, admins);
    sandbox.run(&["apply", "--yes"]).exits(0);
    sandbox
}

fn settings(sandbox: &Sandbox, admins: &[(&str, &str)]) {
    let mut text =
        "[targets.local]\ndirectory = \"live\"\nsettle = \"0s\"\n[targets.local.admin]\n"
            .to_owned();
    for (proxy, address) in admins {
        text += &format!("\"{proxy}\" = \"{address}\"\n");
    }
    sandbox.write("meshctl.toml", text);
}

fn fake(sandbox: &Sandbox, proxy: &str) -> FakeEnvoy {
    FakeEnvoy::start(&sandbox.join("live"), proxy)
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn nothing_is_gated_where_no_proxy_that_holds_the_route_runs() {
    let sandbox = project(&[(WEB, NOWHERE), (ONE, NOWHERE), (TWO, NOWHERE)]);
    sandbox.write("mesh.toml", mesh(4));
    assert!(!sandbox.run(&["plan"]).exits(0).all().contains("MC090"));
    let ran = sandbox.run(&["apply", "--yes"]).exits(0);
    assert!(!ran.stderr.contains("warning:"), "{}", ran.stderr);
}

#[test]
fn what_cannot_be_asked_is_reported_and_not_verified() {
    // Whether the caller runs is not known, and whether the node does neither.
    let sandbox = project(&[]);
    sandbox.write("mesh.toml", mesh(4));
    let words = format!("not verified whether {ONE} can serve the requests of this switch");
    let planned = sandbox.run(&["plan"]).exits(0).stdout;
    assert!(planned.contains("MC0909") && planned.contains(&words), "{planned}");
    let planned = json(&sandbox.run(&["plan", "--format", "json"]).exits(0).stdout);
    let findings = planned["diagnostics"].as_array().unwrap();
    let said = |finding: &&Value| finding["code"] == "MC0909" && finding["message"] == *words;
    assert_eq!(findings.iter().filter(said).count(), 1, "{planned:#}");
    let ran = sandbox.run(&["apply", "--yes"]).exits(0);
    let warning = format!("warning: MC0909: {words}.");
    assert!(ran.stderr.contains(&warning), "{}", ran.stderr);
    let result = format!("not verified (no admin addresses); the switch to {ONE} was not verified");
    assert!(ran.stdout.contains(&result), "{}", ran.stdout);
    // The node is known to be absent, and the caller may run: known absent is gated.
    settings(&sandbox, &[(ONE, NOWHERE)]);
    sandbox.write("mesh.toml", mesh(9));
    sandbox.run(&["apply", "--yes"]).exits(7);
    // Where nothing is asked by a flag, nothing is verified.
    let ran = sandbox.run(&["apply", "--yes", "--resume", "--wait", "none"]).exits(0);
    assert!(ran.stderr.contains(&warning), "{}", ran.stderr);
    assert!(!ran.stderr.contains("cannot be asked"), "{}", ran.stderr);
}

#[test]
fn a_node_that_runs_and_lacks_something_is_named() {
    let sandbox = Sandbox::with_mesh(&mesh(1));
    let [web, one, two] = [WEB, ONE, TWO].map(|proxy| fake(&sandbox, proxy));
    // The node reads nothing from the beginning.
    one.is(Mood::Sleeps);
    settings(&sandbox, &[(WEB, &web.address), (ONE, &one.address), (TWO, &two.address)]);
    sandbox.run(&["apply", "--yes", "--wait", "none"]).exits(0);
    sandbox.write("mesh.toml", mesh(4));
    let args = ["apply", "--yes", "--wait", "100ms", "--format", "json"];
    let document = json(&sandbox.run(&args).exits(7).stdout);
    assert_eq!(document["missing"][0]["why"], "not_acknowledged", "{document:#}");
    // It acknowledges, and the same call goes on.
    one.is(Mood::Takes);
    sandbox.run(&["apply", "--yes"]).exits(0);
    sandbox.run(&["plan", "--detailed-exitcode"]).exits(0);
}

#[test]
fn consent_is_part_of_a_saved_plan_and_its_digest() {
    let sandbox = project(&[(ONE, NOWHERE)]);
    sandbox.write("mesh.toml", mesh(4));
    let plain = json(&sandbox.run(&["plan", "--format", "json"]).exits(0).stdout);
    let accept = ["--accept", "MC0908@route/cart/all"];
    let args = [&["plan", "--format", "json", "-o", "plan.json"], &accept[..]].concat();
    let accepted = json(&sandbox.run(&args).exits(0).stdout);
    assert_ne!(plain["digest"], accepted["digest"]);
    let accept_missing = serde_json::json!(["route/cart/all"]);
    assert_eq!(accepted["consents"], serde_json::json!({ "accept_missing": accept_missing }));
    // Taken out by hand, it is another plan.
    let mut edited = accepted;
    edited.as_object_mut().unwrap().remove("consents");
    sandbox.write("edited.json", edited.to_string());
    sandbox.run(&["apply", "edited.json", "--yes"]).exits(1);
    let ran = sandbox.run(&["apply", "plan.json", "--yes"]).exits(0);
    assert!(ran.stderr.contains("accepted"), "{}", ran.stderr);
    sandbox.run(&["plan", "--accept", "MC0101@route/cart/all"]).exits(64);
}

#[test]
fn each_wave_of_a_canary_looks_again() {
    let sandbox = Sandbox::with_mesh(&mesh(1));
    let [web, two] = [WEB, TWO].map(|proxy| fake(&sandbox, proxy));
    settings(&sandbox, &[(WEB, &web.address), (ONE, NOWHERE), (TWO, &two.address)]);
    sandbox.run(&["apply", "--yes"]).exits(0);
    // Both call it now, and one of them goes first.
    let calls = |weight: u32| {
        mesh(weight).replace(
            "discovery = { dns = \"cart-v2.internal\" }",
            "discovery = { dns = \"cart-v2.internal\" }\nbackends = [\"cart.internal\"]",
        )
    };
    sandbox.write("mesh.toml", calls(1));
    sandbox.run(&["apply", "--yes", "--accept", "MC0908@route/cart/all"]).exits(0);
    sandbox.write("mesh.toml", calls(4));
    let ran = sandbox.run(&["apply", "--yes", "--canary", "1", "--format", "json"]).exits(7);
    assert_eq!(json(&ran.stdout)["missing"][0]["node"], "cart-v1");
    // Consent holds for the waves to come.
    let resume = ["apply", "--resume", "--accept", "MC0908@route/cart/all"];
    let ran = sandbox.run(&resume).exits(0);
    assert_eq!(ran.stderr.matches("accepted.").count(), 2, "{}", ran.stderr);
}

#[test]
fn a_canary_without_effect_is_reported_and_a_rewrite_is_one_step() {
    let sandbox = Sandbox::with_mesh(&mesh(1));
    let all = [WEB, ONE, TWO].map(|proxy| fake(&sandbox, proxy));
    settings(&sandbox, &[(WEB, &all[0].address), (ONE, &all[1].address), (TWO, &all[2].address)]);
    sandbox.run(&["apply", "--yes"]).exits(0);
    sandbox.write("mesh.toml", mesh(4));
    let canary = ["apply", "--yes", "--canary", "1", "--canary-wait", "1s"];
    let ran = sandbox.run(&canary).exits(0);
    assert!(ran.stderr.contains("--canary and --canary-wait have no effect"), "{}", ran.stderr);
    let ran = sandbox.run(&["apply", "--rewrite"]).exits(0);
    assert!(ran.stderr.contains("Step 1/1 rewrite: 3 proxies."), "{}", ran.stderr);
    assert!(ran.stdout.contains("applied to local, 1 step;"), "{}", ran.stdout);
    let ran = sandbox.run(&["apply", "--rewrite", "--format", "json"]).exits(0);
    assert_eq!(json(&ran.stdout)["steps"], 1);
}

#[test]
fn a_rollback_says_what_it_deletes_and_which_revision_added_it() {
    let sandbox = project(&[]);
    let more = "\n[virtual_node.batch]\nbackends = [\"cart.internal\"]\n";
    sandbox.write("mesh.toml", mesh(1) + more);
    sandbox.run(&["apply", "--yes"]).exits(0);
    sandbox.write("mesh.toml", mesh(4) + more);
    sandbox.run(&["apply", "--yes"]).exits(0);
    let refused = sandbox.run(&["rollback", "1", "--yes"]).exits(4);
    let consent = "--accept MC0906@virtual_node/batch";
    assert!(refused.stderr.contains(consent), "{}", refused.stderr);
    let accept = ["rollback", "1", "--yes", "--accept", "MC0906@virtual_node/batch"];
    let ran = sandbox.run(&accept).exits(0);
    let words = "This deletes 1 resource that revision 1 does not have: virtual_node/batch (added by \
                 revision 2).";
    assert!(ran.stderr.contains(words), "{}", ran.stderr);
    assert!(ran.stderr.contains("Rolling back from revision 3 to revision 1."), "{}", ran.stderr);
}

#[test]
fn a_rollback_names_the_last_revision_that_added_something_or_none() {
    let sandbox = project(&[]);
    let more = "\n[virtual_node.batch]\nlisteners = [{ port = 8080, protocol = \"http\" }]\n\
                discovery = { dns = \"batch.internal\" }\n";
    let apply = |port: u32, more: &str| {
        let mesh = mesh(1).replace("web.internal", &format!("web-{port}.internal"));
        sandbox.write("mesh.toml", mesh + more);
        sandbox.run(&["apply", "--yes"]).exits(0);
    };
    // Added, removed and added again.
    for (port, more) in [(2, more), (3, ""), (4, more), (5, more)] {
        apply(port, more);
    }
    let back = || sandbox.run(&["rollback", "1"]).exits(4).stderr;
    let told = back();
    assert!(told.contains("virtual_node/batch (added by revision 4)."), "{told}");
    // Beyond what is read, none is named.
    (6..=22).for_each(|port| apply(port, more));
    let told = back();
    assert!(told.contains("(added by revision 4)."), "{told}");
    (23..=26).for_each(|port| apply(port, more));
    let told = back();
    assert!(told.contains("does not have: virtual_node/batch."), "{told}");
}

/// The call in a plan's last line, with the approval that it asks for, in a shell.
fn paste(sandbox: &Sandbox, text: &str) -> Ran {
    let call = text.lines().last().and_then(|line| line.split_once("apply: meshctl "));
    let call = call.unwrap_or_else(|| panic!("{text}")).1;
    let call = format!("{} {call} --yes", env!("CARGO_BIN_EXE_meshctl"));
    let mut shell = std::process::Command::new("sh");
    Ran::new(shell.args(["-c", &call]).current_dir(sandbox.path()).output().unwrap())
}

#[test]
fn the_call_of_a_plan_applies_exactly_this_plan() {
    let inner = project(&[(ONE, NOWHERE)]);
    let more = "\n[virtual_node.batch]\nbackends = [\"cart.internal\"]\n";
    inner.write("mesh.toml", mesh(1) + more);
    inner.run(&["apply", "--yes"]).exits(0);
    let outer = Sandbox::new();
    std::fs::rename(inner.path(), outer.join("the mesh")).unwrap();
    // It has the scope and each consent, also the one that is part of the digest.
    outer.write("the mesh/mesh.toml", mesh(4));
    let project = ["-C", "the mesh", "--target=local"];
    let run = |args: &[&str]| outer.run(&[&project[..], args].concat());
    let lost = "MC0906@virtual_node/batch";
    let accept = ["--accept", "MC0908@route/cart/all", "--accept", lost, "--allow-deletes", "3"];
    let plan = run(&[&["plan"], &accept[..]].concat()).exits(0).stdout;
    let markdown = run(&[&["plan", "--format", "markdown"], &accept[..]].concat()).exits(0).stdout;
    for part in ["-C 'the mesh'", "--target local", "--accept MC0908@route/cart/all", lost] {
        assert!(plan.contains(part) && markdown.contains(part), "{part}: {plan}{markdown}");
    }
    // So does the call that shows a saved plan, by its file.
    run(&[&["plan", "-o", "a plan.json"], &accept[..]].concat()).exits(0);
    let shown = run(&["show", "a plan.json"]).exits(0).stdout;
    assert!(shown.trim_end().ends_with("'a plan.json'"), "{shown}");
    paste(&outer, &plan).exits(0);
    paste(&outer, &shown).exits(5);
    // A rollback is approved by its own call.
    let only = ["--only", "route/cart/all", "--no-prune"];
    outer.write("the mesh/mesh.toml", mesh(7));
    let plan = run(&[&["plan"], &only[..], &accept[..2]].concat()).exits(0).stdout;
    assert!(plan.contains("--only route/cart/all --no-prune"), "{plan}");
    let asked = run(&["rollback", "1"]).exits(4).stderr;
    assert!(asked.contains("apply: meshctl -C 'the mesh' --target=local rollback 1 --expect p2-"));
}

#[test]
fn expect_counts_the_same_for_apply_wait_and_status() {
    let sandbox = Sandbox::with_mesh(&mesh(1));
    let web = fake(&sandbox, WEB);
    settings(&sandbox, &[(WEB, &web.address), (ONE, NOWHERE), (TWO, NOWHERE)]);
    let with = std::fs::read_to_string(sandbox.join("meshctl.toml")).unwrap();
    for (expect, code) in [(1, 0), (2, 7)] {
        let settle = format!("expect = {expect}\nsettle");
        sandbox.write("meshctl.toml", with.replace("settle", &settle));
        sandbox
            .write("mesh.toml", mesh(1).replace("web.internal", &format!("web-{expect}.internal")));
        let apply = sandbox.run(&["apply", "--yes"]).exits(code);
        let wait = sandbox.run(&["wait", "--timeout", "1ms"]).exits(code);
        let status = sandbox.run(&["status"]).exits(0).stdout;
        let progress = format!("1 of {expect} expected Envoy");
        assert!(status.contains(&progress), "{status}");
        if code == 7 {
            assert!(apply.stderr.contains(&progress), "{}", apply.stderr);
            assert!(wait.stderr.contains(&progress), "{}", wait.stderr);
        }
    }
    // Without it, `wait` waits for every proxy that can be asked.
    sandbox.write("meshctl.toml", with);
    let wait = sandbox.run(&["wait", "--timeout", "1ms"]).exits(7);
    assert!(wait.stderr.contains(&format!("{ONE} is not running")), "{}", wait.stderr);
}

/// The shares of a trace of what is in force, and what was said beside them.
fn live_shares(sandbox: &Sandbox) -> (String, Ran) {
    let url = "http://cart.internal/";
    let ran = sandbox.run(&["trace", "GET", url, "--from", WEB, "--at", "live"]).exits(0);
    let percents: Vec<&str> = ran.stdout.split_whitespace().filter(|w| w.ends_with('%')).collect();
    (percents.join(" "), ran)
}

#[test]
fn until_the_switch_live_is_what_was_in_force_before() {
    let sandbox = Sandbox::with_mesh(&mesh(1));
    let [web, two] = [WEB, TWO].map(|proxy| fake(&sandbox, proxy));
    settings(&sandbox, &[(WEB, &web.address), (ONE, NOWHERE), (TWO, &two.address)]);
    sandbox.run(&["apply", "--yes"]).exits(0);
    let (before, ran) = live_shares(&sandbox);
    assert!(!ran.stderr.contains("warning"), "{}", ran.stderr);
    // Beside the weight, a node that nobody had.
    let more = "\n[virtual_node.batch]\nbackends = [\"cart.internal\"]\n";
    sandbox.write("mesh.toml", mesh(4) + more);
    sandbox.run(&["apply", "--yes"]).exits(7);

    let (now, ran) = live_shares(&sandbox);
    assert_eq!(now, before, "{}", ran.stdout);
    let words = "revision 2 is not in force: its rollout has not switched, and live is revision 1";
    assert!(ran.stderr.contains(words), "{}", ran.stderr);
    assert!(!sandbox.run(&["get"]).exits(0).stdout.contains("batch"));
    let compared = sandbox.run(&["diff", "live", ".", "--detailed-exitcode"]).exits(2).stdout;
    assert!(compared.contains("50%") && compared.contains("80%"), "{compared}");

    // The same files go on with it, and other ones are compared with what is in force.
    for (weight, after) in [(4, "80%"), (9, "90%")] {
        sandbox.write("mesh.toml", mesh(weight));
        let ran = sandbox.run(&["plan", "--detailed-exitcode"]).exits(2);
        assert!(ran.stdout.contains("50%") && ran.stdout.contains(after), "{}", ran.stdout);
        assert!(ran.stdout.contains("MC0908"), "{}", ran.stdout);
        assert!(!ran.all().contains("MC0906"), "{}", ran.all());
        assert!(ran.stderr.contains(words), "{}", ran.stderr);
    }
    sandbox.write("mesh.toml", mesh(4) + more);
    let ran = sandbox.run(&["apply", "--yes", "--wait", "1s"]).exits(7);
    assert!(ran.stderr.contains("Resuming revision 2"), "{}", ran.stderr);

    // What it added is not lost traffic when it is taken back: it never served.
    sandbox.write("mesh.toml", mesh(1));
    let planned = sandbox.run(&["plan", "--detailed-exitcode"]).exits(2);
    assert!(!planned.all().contains("MC0906"), "{}", planned.all());
    sandbox.run(&["apply", "--yes"]).exits(0);
    let (now, ran) = live_shares(&sandbox);
    assert_eq!(now, before);
    assert!(!ran.stderr.contains("warning"), "{}", ran.stderr);
    assert!(!sandbox.join("live/current/virtual_node/batch").exists());
    sandbox.run(&["plan", "--detailed-exitcode"]).exits(0);
    let status = json(&sandbox.run(&["status", "--format", "json"]).exits(0).stdout);
    assert_eq!((&status["revision"], &status["rollout"]), (&3.into(), &Value::Null), "{status:#}");

    // So does a rollback.
    sandbox.write("mesh.toml", mesh(9) + more);
    sandbox.run(&["apply", "--yes"]).exits(7);
    sandbox.run(&["rollback", "--yes"]).exits(0);
    let (now, ran) = live_shares(&sandbox);
    assert_eq!(now, before);
    assert!(!ran.stderr.contains("warning"), "{}", ran.stderr);
    assert!(!sandbox.run(&["get"]).exits(0).stdout.contains("batch"));
}

#[test]
fn a_first_rollout_that_was_cut_short_has_nothing_in_force() {
    let sandbox = Sandbox::with_mesh(&mesh(1));
    let web = fake(&sandbox, WEB);
    web.is(Mood::Sleeps);
    settings(&sandbox, &[(WEB, &web.address)]);
    sandbox.run(&["apply", "--yes", "--wait", "100ms"]).exits(7);
    let ran = sandbox.run(&["plan", "--detailed-exitcode"]).exits(2);
    assert!(ran.stderr.contains("the last rollout is unfinished"), "{}", ran.stderr);
    web.is(Mood::Takes);
    sandbox.run(&["apply", "--yes"]).exits(0);
    sandbox.run(&["plan", "--detailed-exitcode"]).exits(0);
}

#[test]
fn what_a_proxy_asks_for_is_the_same_in_messages_and_in_files() {
    let mut beside = 0;
    for seed in 0..60 {
        let [before, after] = [2 * seed, 2 * seed + 1].map(random_mesh::mesh);
        let all: BTreeSet<ProxyId> = proxies(&before).into_iter().chain(proxies(&after)).collect();
        let steps = |settings: &Settings| plan::steps(&before, &after, settings, &all);
        let by_files = steps(&Settings::path("/root"));
        let by_stream = steps(&Settings::new(ConfigSource::Ads));
        assert_eq!(by_files.len(), by_stream.len(), "seed {seed}");
        for (one, other) in by_files.iter().zip(&by_stream) {
            for (proxy, config) in &one.after {
                let (Some(config), Some(stream)) = (config, &other.after[proxy]) else { continue };
                let asked = asked(stream);
                let named: BTreeSet<_> = asked
                    .iter()
                    .filter(|(kind, _)| !is_asked_whole(*kind))
                    .map(|(kind, name)| (*kind, file_stem(*kind, name).into_owned()))
                    .collect();
                assert_eq!(asked_files(&files(config)), named, "seed {seed}: {proxy}");
                beside += stream.resources.len() - asked.len();
            }
        }
    }
    assert!(beside > 20, "only {beside} resources were not asked for in their step");
}
