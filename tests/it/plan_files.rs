//! Saved plans that were changed: what is applied is what was reviewed, or nothing is. Every leaf of
//! a plan is changed, once as an editor does it, and once by one who computes digest and checksum
//! again.

use crate::plan_policy::live;
use crate::serve::{Server, json_of};
use crate::support::random_mesh::{self, Chance};
use crate::support::random_routes;
use crate::support::sandbox::Sandbox;
use crate::support::tier::numbers;
use meshctl::envoy::Settings;
use meshctl::model::Mesh;
use meshctl::plan::{
    Against, Consent, Guards, Input, Plan, Scope, Target, checksum, digest_of, plan, verify,
};
use meshctl::report::{Shown, plan_document};
use meshctl::revision::Live;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A plan from one mesh to another, with consent to everything that it does.
fn planned(live: &Live, desired: &Mesh, settings: &Settings) -> Plan {
    let consent = Consent {
        deletes: Some(usize::MAX),
        updates: Some(usize::MAX),
        empty: true,
        accept: live.entries.keys().cloned().collect(),
        ..Consent::default()
    };
    plan(&Input {
        target: Target { name: "t".into(), kind: "directory".into(), id: "live".into() },
        live,
        desired,
        owner: None,
        places: None,
        settings,
        scope: Scope::default(),
        guards: Guards::default(),
        consent,
        drift: Vec::new(),
        unrecorded: false,
    })
    .0
}

/// Fifty plans: the first ones of random meshes, and those between two meshes of the same names.
fn plans() -> Vec<(Live, Plan, Settings)> {
    let settings = Settings::path("/root");
    // Only small ones: every leaf is a document to be read, or a plan to be made.
    let small = |plan: &Plan| {
        let mut all = Vec::new();
        leaves(&document(plan), "", &mut all);
        all.len() <= MOST
    };
    let of = |seed: u64| {
        let after = random_mesh::mesh(seed);
        let before = match seed % 5 {
            0 => Live::default(),
            _ => {
                // A part of it is not there yet, or was otherwise.
                let mut before = after.clone();
                let mut c = Chance::new(seed);
                let routers = before.routers.values_mut();
                for route in routers.flat_map(|router| &mut router.routes).take(2) {
                    if c.once_in(2) {
                        for target in &mut route.targets {
                            target.weight = if target.weight > 5 { target.weight - 1 } else { 9 };
                        }
                    }
                }
                for node in before.nodes.values_mut().take(3) {
                    if c.once_in(2) {
                        node.tags.insert("team".to_owned(), "before".to_owned());
                    }
                }
                live(&before)
            }
        };
        let plan = planned(&before, &after, &settings);
        (before, plan, settings.clone())
    };
    let found: Vec<_> = (0..2_000)
        .map(of)
        .filter(|(_, plan, _)| !plan.is_empty() && small(plan))
        .take(50)
        .collect();
    assert_eq!(found.len(), 50);
    found
}

/// So many leaves a plan has at most.
const MOST: usize = 300;

/// The pointers of all values that hold no further values, empty lists and objects included.
fn leaves(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (key, value) in map {
                let key = key.replace('~', "~0").replace('/', "~1");
                leaves(value, &format!("{at}/{key}"), found);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for (number, item) in items.iter().enumerate() {
                leaves(item, &format!("{at}/{number}"), found);
            }
        }
        _ => found.push(at.to_owned()),
    }
}

/// Another value of the same kind.
fn other(value: &Value) -> Value {
    match value {
        Value::Null => json!(7),
        Value::Bool(value) => json!(!value),
        Value::Number(number) => match number.as_u64() {
            Some(number) => json!(number + 1),
            None => json!(number.as_f64().unwrap() + 1.0),
        },
        Value::String(text) => {
            // Words that stay words of the language, where there are some.
            let swap = [
                ("create", "update"),
                ("update", "create"),
                ("delete", "update"),
                ("nothing", "listener_drain"),
                ("listener_drain", "nothing"),
                ("add", "remove"),
                ("remove", "add"),
                ("http", "tcp"),
                ("changed", "lost"),
                ("lost", "new"),
                ("GET", "POST"),
            ];
            let known = swap.iter().find(|(from, _)| from == text);
            json!(known.map_or_else(|| format!("{text}x"), |(_, to)| (*to).to_owned()))
        }
        Value::Array(_) => json!(["x"]),
        Value::Object(_) => json!({ "x": "y" }),
    }
}

fn document(plan: &Plan) -> Value {
    let shown = Shown { plan, findings: &[], files: None, absent: "", sources: &[], call: "" };
    json_of(&plan_document(&shown))
}

/// The document with the digest and the checksum of its content, as one who knows the form makes it.
/// `None`: it has not the form of a plan any more.
fn resealed(mut document: Value) -> Option<Value> {
    let plan: Plan = serde_json::from_value(document.clone()).ok()?;
    document["digest"] = json!(digest_of(&plan));
    document["checksum"] = json!(checksum(&document));
    Some(document)
}

#[test]
fn every_changed_leaf_of_a_saved_plan_is_rejected() {
    let mut count = 0;
    for (_, plan, _) in plans() {
        let document = document(&plan);
        assert!(Plan::from_file(&document.to_string()).is_ok());
        let mut all = Vec::new();
        leaves(&document, "", &mut all);
        for pointer in &all {
            let mut changed = document.clone();
            let leaf = changed.pointer_mut(pointer).unwrap();
            *leaf = other(leaf);
            assert!(Plan::from_file(&changed.to_string()).is_err(), "{pointer}");
        }
        count += all.len();
    }
    println!("{count} leaves of 50 plans");
    assert!(count > 5_000, "{count}");
}

/// What one who computes digest and checksum again may change: the plan is then another one, and
/// says so by its digest; what is shown is what would be done. The leaves are of the form `a/*/b`.
const SAID: &[&str] = &[
    // For which target is compared with the target itself; the name of an owner with those of the
    // changes, and with consent.
    "target/name",
    "target/kind",
    "target/id",
    // These say what the one who planned wants.
    "max_deletes",
    "consents",
    "consents/deletes",
    "consents/updates",
    "consents/empty",
    "changes/*/protected",
    "only",
    // Not of the plan itself, or only for people.
    "checksum",
    "diagnostics",
    "digest",
    "format",
    "format_version",
    "sources",
    "tool/name",
    "tool/version",
    "drift",
];

/// The kind of a leaf: its place without the numbers of lists.
fn kind(pointer: &str) -> String {
    let parts = pointer.trim_start_matches('/').split('/');
    let name = parts.map(|part| if part.bytes().all(|b| b.is_ascii_digit()) { "*" } else { part });
    name.collect::<Vec<_>>().join("/")
}

#[test]
fn what_follows_from_the_changes_is_computed_again_whoever_sealed_it() {
    // Each leaf costs a plan. Every day a part of them, spread over the plans, and of each kind one of
    // the first plan that has it; all with `MESHCTL_FULL=1`.
    let step = numbers(100, 1);
    let mut kinds = BTreeSet::new();
    let mut work = Vec::new();
    for (number, (base, plan, settings)) in plans().into_iter().enumerate() {
        let document = document(&plan);
        let mut all = Vec::new();
        leaves(&document, "", &mut all);
        let chosen = |(place, pointer): &(usize, String)| {
            let new = kinds.insert(kind(pointer));
            new || place % step == number % step
        };
        let chosen: Vec<String> =
            all.into_iter().enumerate().filter(chosen).map(|(_, p)| p).collect();
        work.push((number, base, plan, settings, document, chosen));
    }
    let tried: usize = work.iter().map(|(.., chosen)| chosen.len()).sum();
    let taken = Mutex::new(BTreeMap::<String, usize>::new());
    let next = AtomicUsize::new(0);
    let one = || {
        while let Some((number, base, plan, settings, document, chosen)) =
            work.get(next.fetch_add(1, Ordering::Relaxed))
        {
            let against = Against { base, now: base, unrecorded: false, settings };
            verify(plan, against).unwrap_or_else(|why| panic!("{number}: {why:?}"));
            for pointer in chosen {
                let mut changed = document.clone();
                let leaf = changed.pointer_mut(pointer).unwrap();
                *leaf = other(leaf);
                let Some(sealed) = resealed(changed) else { continue };
                let Ok((changed, _)) = Plan::from_file(&sealed.to_string()) else { continue };
                if verify(&changed, against).is_ok() {
                    *taken.lock().unwrap().entry(kind(pointer)).or_default() += 1;
                }
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(one);
        }
    });
    let taken = taken.into_inner().unwrap();
    println!("{tried} leaves of {} kinds; taken: {taken:?}", kinds.len());
    assert!(tried > numbers(400, 5_000), "{tried}");
    let said: BTreeSet<&str> = SAID.iter().copied().collect();
    // An object that reaches no proxy has no further consequence; it is shown, and is what is done.
    let objects = |name: &str| name.starts_with("changes/*/after/");
    let more: Vec<&String> =
        taken.keys().filter(|name| !said.contains(name.as_str()) && !objects(name)).collect();
    assert!(more.is_empty(), "{more:?}");
}

#[test]
fn plans_between_meshes_with_requests_are_made_again_to_the_byte() {
    for seed in 0..6 {
        let before = random_routes::mesh(seed, 1, 9000);
        let mut c = Chance::new(seed);
        let after = crate::support::random_edits::edited(&mut c, &before, 9000);
        let (base, settings) = (live(&before), Settings::path("/root"));
        let plan = planned(&base, &after, &settings);
        let against = Against { base: &base, now: &base, unrecorded: false, settings: &settings };
        verify(&plan, against).unwrap_or_else(|why| panic!("{seed}: {why:?}"));
    }
}

const SHOP: &str = r#"
[mesh]
name = "m"
capture = "explicit"

[virtual_node.web]
backends = [{ service = "cart.internal", bind = 9001 }]

[virtual_node.cart]
listeners = [{ port = 8080, protocol = "http", app = "127.0.0.1:18081" }]
discovery = { static = ["127.0.0.11"] }

[virtual_node.other]
listeners = [{ port = 8080, protocol = "http", app = "127.0.0.1:18082" }]
discovery = { static = ["127.0.0.12"] }

[virtual_service."cart.internal"]
router = "cart"

[virtual_router.cart]
listeners = [{ port = 8080, protocol = "http" }]

[[virtual_router.cart.routes]]
name = "all"
match = { prefix = "/" }
targets = { cart = 95, other = 5 }
timeout = { request = "5s" }
"#;

/// The same, and no request is served any more.
fn lost() -> String {
    SHOP.replace("router = \"cart\"\n", "")
}

fn applied() -> Sandbox {
    let sandbox = Sandbox::with_mesh(SHOP);
    sandbox.write("meshctl.toml", "[targets.local]\ndirectory = \"live\"\nsettle = \"0s\"\n");
    sandbox.run(&["apply", "--yes"]).exits(0);
    sandbox
}

/// Saves a plan, and gives its document.
fn save(sandbox: &Sandbox, code: i32) -> Value {
    sandbox.run(&["plan", "-o", "plan.json"]).exits(code);
    json_of(&fs::read_to_string(sandbox.join("plan.json")).unwrap())
}

/// The document without what its guards refuse, as if it had never been.
fn unguarded(mut document: Value) -> Value {
    for guard in document["guards"].as_array_mut().unwrap() {
        guard.as_object_mut().unwrap().remove("refusal");
    }
    document.as_object_mut().unwrap().remove("with_consent");
    document["applyable"] = true.into();
    document
}

#[test]
fn a_refused_plan_whose_guards_were_emptied_is_refused_by_the_command_line() {
    let sandbox = applied();
    sandbox.write("mesh.toml", lost());
    let refused = save(&sandbox, 4);
    let emptied = unguarded(refused);
    sandbox.write("edited.json", emptied.to_string());
    for command in [&["apply", "edited.json", "--yes"][..], &["show", "edited.json"]] {
        let ran = sandbox.run(command).exits(1);
        assert!(ran.stderr.contains("changed by hand"), "{}", ran.stderr);
    }
    sandbox.run(&["test", "--at", "plan:edited.json"]).exits(1);
    sandbox.write("sealed.json", resealed(emptied).unwrap().to_string());
    let ran = sandbox.run(&["apply", "sealed.json", "--yes"]).exits(4);
    assert!(ran.stderr.contains("refused by MC0906"), "{}", ran.stderr);
    sandbox.run(&["wait", "--rev", "1"]);
    assert!(sandbox.run(&["history"]).exits(0).stdout.lines().count() < 4);
}

#[test]
fn guards_that_a_client_leaves_out_are_asked_by_the_server() {
    let server = Server::with(1);
    let sandbox = server.project(1);
    sandbox.write("mesh.toml", SHOP);
    sandbox.run(&["apply", "--yes"]).exits(0);
    sandbox.write("mesh.toml", lost());
    let sealed = resealed(unguarded(save(&sandbox, 4))).unwrap();
    let ask = |key: &str, plan: &Value| {
        let body = json!({ "key": key, "work": { "plan": plan } });
        server.post("/v1/meshes/m/applies", &body).1
    };
    let answer = ask("a-plan-without-its-guards", &sealed);
    assert!(answer.contains("refused by MC0906") && answer.contains("--accept"), "{answer}");
    // A limit of deletes that nobody has set is no consent to lost traffic, and says itself.
    let mut many = sealed.clone();
    many["max_deletes"] = json!(1_000_000);
    let answer = ask("a-plan-with-another-limit", &resealed(many).unwrap());
    assert!(answer.contains("refused by MC0906"), "{answer}");
    // Shown is one change, made another.
    sandbox.write("mesh.toml", SHOP.replace("\"5s\"", "\"6s\""));
    let mut shown = save(&sandbox, 0);
    let targets = json!([{ "node": "cart", "weight": 0 }, { "node": "other", "weight": 100 }]);
    shown["changes"][0]["after"]["targets"] = targets;
    let answer = ask("a-plan-that-does-another-thing", &shown);
    assert!(answer.contains("changed by hand"), "{answer}");
    let answer = ask("a-plan-that-does-another-thing-sealed", &resealed(shown).unwrap());
    assert!(answer.contains("another plan of these changes"), "{answer}");
    let history = sandbox.run(&["history", "--format", "json"]).exits(0).stdout;
    assert_eq!(json_of(&history)["revisions"].as_array().unwrap().len(), 1);
}

/// The document with the checksum of its content.
fn checked(mut document: Value) -> String {
    document["checksum"] = json!(checksum(&document));
    document.to_string()
}

#[test]
fn findings_of_a_plan_are_in_its_digest() {
    let sandbox = applied();
    sandbox.write(
        "mesh.toml",
        SHOP.replace("port = 8080, protocol = \"http\"", "port = 8080, protocol = \"http2\""),
    );
    let saved = save(&sandbox, 0);
    assert_eq!(saved["findings"][0]["code"], "MC0803", "{saved:#}");
    Plan::from_file(&saved.to_string()).unwrap();
    let without = |keys: &[&str]| {
        let mut document = saved.clone();
        for key in keys {
            document[*key] = json!([]);
        }
        document
    };
    let mut flags = saved.clone();
    flags["applyable"] = json!(false);
    let mut errored = saved.clone();
    errored["errored"] = json!(true);
    let mut other = saved.clone();
    other["diagnostics"][0]["message"] = json!("everything was verified");
    for (name, changed) in [
        ("diagnostics", without(&["diagnostics"])),
        ("findings", without(&["findings"])),
        ("both", without(&["diagnostics", "findings"])),
        ("applyable", flags),
        ("errored", errored),
        ("another text", other),
    ] {
        sandbox.write("edited.json", checked(changed));
        for command in [&["apply", "edited.json", "--yes"][..], &["show", "edited.json"]] {
            let ran = sandbox.run(command).exits(1);
            assert!(ran.stderr.contains("changed by hand"), "{name}: {}", ran.stderr);
        }
    }
    // Who computes the digest again has another plan.
    let sealed = resealed(without(&["diagnostics", "findings"])).unwrap();
    assert_ne!(sealed["digest"], saved["digest"]);
    // What is not of the plan is shown as such.
    let mut more = saved.clone();
    let mut seen = saved["diagnostics"][0].clone();
    seen["message"] = json!("a proxy is not there");
    more["diagnostics"].as_array_mut().unwrap().push(seen);
    sandbox.write("more.json", checked(more));
    let shown = sandbox.run(&["show", "more.json"]).exits(0).stdout;
    let words = "seen while it was planned, not covered by the digest: a proxy is not there";
    assert!(shown.replace("\n", " ").contains(words), "{shown}");
}

#[test]
fn consents_are_in_the_digest_and_in_the_audit_log() {
    let server = Server::with(1);
    let sandbox = server.project(1);
    sandbox.write("mesh.toml", SHOP);
    sandbox.run(&["apply", "--yes"]).exits(0);
    sandbox.write("mesh.toml", lost());
    // A refused plan says which digest it has with the consent that it asks for.
    let ran = sandbox.run(&["plan", "--format", "json"]).exits(4);
    let refused = json_of(&ran.stdout);
    let digest = refused["with_consent"]["digest"].as_str().unwrap();
    assert_ne!(refused["digest"], refused["with_consent"]["digest"]);
    assert!(ran.stderr.contains(&digest[..35]), "{}", ran.stderr);
    let text = sandbox.run(&["plan"]).exits(4).stdout;
    let call = text.lines().find_map(|line| line.split("apply: meshctl ").nth(1)).unwrap();
    assert!(call.contains(&digest[..35]), "{text}");
    let accept = ["--accept", "MC0906@virtual_service/cart.internal"];
    let with = sandbox.run(&[&["plan", "--format", "json"], &accept[..]].concat()).exits(0).stdout;
    assert_eq!(json_of(&with)["digest"], digest);
    // A flag that consents to nothing changes nothing.
    let more = [&["plan", "--format", "json", "--allow-deletes", "40"], &accept[..]].concat();
    assert_eq!(json_of(&sandbox.run(&more).exits(0).stdout)["digest"], digest);
    let call: Vec<&str> = call.split(' ').chain(["--yes"]).collect();
    sandbox.run(&call).exits(0);
    let audit = fs::read_to_string(server.folder().join("audit.ndjson")).unwrap();
    let last = json_of(audit.lines().last().unwrap());
    assert_eq!(last["plan"], digest);
    assert_eq!(last["consents"], json!(["--accept MC0906@virtual_service/cart.internal"]));
    // Consent beside the plan is none.
    assert_eq!(last["verb"], "apply");
}

#[test]
fn a_digest_is_shown_and_taken_with_32_digits() {
    let sandbox = applied();
    sandbox.write("mesh.toml", SHOP.replace("\"5s\"", "\"6s\""));
    let text = sandbox.run(&["plan"]).exits(0).stdout;
    let digest = text.trim_end().rsplit(' ').next().unwrap();
    assert_eq!(digest.len(), "p2-".len() + 32, "{text}");
    let ran = sandbox.run(&["apply", "--yes", "--expect", &digest[..34]]).exits(64);
    assert!(ran.stderr.contains("32 or more"), "{}", ran.stderr);
    sandbox.run(&["apply", "--yes", "--expect", digest]).exits(0);
}

#[test]
fn what_shows_a_saved_plan_says_that_it_was_not_computed_again() {
    let sandbox = applied();
    sandbox.write("mesh.toml", SHOP.replace("\"5s\"", "\"6s\""));
    save(&sandbox, 0);
    sandbox.write("tests/t.toml", "[[test]]\nname = \"t\"\nfrom = \"virtual_node/web\"\nrequest = \"GET http://cart.internal:8080/\"\nexpect = { route = \"route/cart/all\" }\n");
    for command in [
        &["show", "plan.json"][..],
        &["test", "--at", "plan:plan.json"],
        &["diff", "live", "plan.json"],
        &["graph", "--changes", "--at", "plan:plan.json"],
    ] {
        let ran = sandbox.run(command).exits(0);
        assert!(ran.stderr.contains("as planned, not recomputed"), "{command:?}: {}", ran.stderr);
    }
    // Two keys of one name are read one way by one reader and otherwise by another.
    let text = fs::read_to_string(sandbox.join("plan.json")).unwrap();
    let twice = text.replacen("\"guards\": [", "\"guards\": [],\n  \"guards\": [", 1);
    assert_ne!(twice, text);
    sandbox.write("twice.json", twice);
    let ran = sandbox.run(&["show", "twice.json", "--format", "json"]).exits(1);
    assert!(ran.stderr.contains("stands twice"), "{}", ran.stderr);
}

#[test]
fn a_saved_plan_is_judged_by_what_is_protected_when_it_is_applied() {
    let sandbox = applied();
    let without = SHOP.replace("targets = { cart = 95, other = 5 }", "targets = { cart = 1 }");
    sandbox.write("mesh.toml", &without);
    sandbox.run(&["apply", "--yes"]).exits(0);
    let at = without.find("[virtual_node.other]").unwrap();
    let end = without.find("[virtual_service").unwrap();
    sandbox.write("mesh.toml", format!("{}{}", &without[..at], &without[end..]));
    save(&sandbox, 0);
    // Meanwhile it became protected.
    sandbox.write("mesh.toml", &without);
    sandbox.write(
        "meshctl.toml",
        "[targets.local]\ndirectory = \"live\"\nsettle = \"0s\"\n[guards]\nprotected = [\"virtual_node/other\"]\n",
    );
    sandbox.run(&["apply", "--yes"]).exits(0);
    let ran = sandbox.run(&["apply", "plan.json", "--yes"]).exits(4);
    assert!(ran.stderr.contains("refused by MC0904"), "{}", ran.stderr);
}
