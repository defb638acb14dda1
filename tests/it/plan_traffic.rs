//! The TRAFFIC section of plans on examples/shop: one folder a change, as text, JSON and Markdown.

use crate::support::{golden, root};
use meshctl::load::{self, Loaded, Options};
use meshctl::plan::{
    Consent, Guards, Input, Places, Plan, Scope, Target, TrafficSeverity, apply_changes,
    entries_after, plan, short,
};
use meshctl::report::{self, Shown, plan as text};
use meshctl::revision::Live;
use serde_json::Value;
use std::fs;
use std::path::Path;

/// An edit of the shop: the file, what stands there, and what is written instead.
type EditOf = (&'static str, &'static str, &'static str);

/// The changes, each by its name.
const CHANGES: &[(&str, &[EditOf])] = &[
    ("weight-shift", &[("cart.toml", "cart-v1 = 95, cart-v2 = 5", "cart-v1 = 80, cart-v2 = 20")]),
    (
        "new-prefix",
        &[(
            "cart.toml",
            "[[virtual_router.cart.routes]]\nname = \"stable\"",
            "[[virtual_router.cart.routes]]\nname = \"beta\"\nmatch = { prefix = \"/beta/\" }\n\
             targets = { cart-v2 = 1 }\n\n[[virtual_router.cart.routes]]\nname = \"stable\"",
        )],
    ),
    (
        "removed-route",
        &[(
            "mesh.toml",
            "\n# The catalog knows its pages under /v2, and wants to see the host that was called.\n\
             [[virtual_gateway.edge.routes]]\nname = \"catalog\"\n\
             match = { hostname = \"shop.example\", prefix = \"/catalog/\" }\n\
             service = \"catalog.shop.internal\"\n\
             rewrite = { prefix = \"/v2/\", hostname = false }\n",
            "",
        )],
    ),
    (
        "changed-rewrite",
        &[("mesh.toml", "prefix = \"/v2/\", hostname", "prefix = \"/\", hostname")],
    ),
    (
        "header-condition",
        &[(
            "cart.toml",
            "headers = { x-canary = \"true\" }",
            "headers = { x-canary = { prefix = \"t\" } }",
        )],
    ),
    (
        "no-request",
        &[("cart.toml", "timeout = { request = \"3s\" }", "timeout = { request = \"4s\" }")],
    ),
    (
        "given-up-backend",
        &[(
            "checkout.toml",
            "\"cart.shop.internal\", \"catalog.shop.internal\"",
            "\"cart.shop.internal\"",
        )],
    ),
];

fn load_shop(edits: &[EditOf]) -> Loaded {
    let dir = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(root().join("examples/shop")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|e| e == "toml") {
            fs::copy(&path, dir.path().join(path.file_name().unwrap())).unwrap();
        }
    }
    for (file, from, to) in edits {
        let path = dir.path().join(file);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{file} has no {from}");
        fs::write(&path, text.replace(from, to)).unwrap();
    }
    loaded(dir.path())
}

fn loaded(dir: &Path) -> Loaded {
    let now = 1_801_353_600; // 2027-01-31
    let options = Options { dir: dir.to_path_buf(), env: None, extra: None, now };
    let mut loaded = load::load(&options).unwrap();
    golden::in_project(&mut loaded.files);
    assert!(!loaded.diagnostics.has_errors(), "{:?}", loaded.diagnostics.iter().next());
    loaded
}

fn planned(live: &Live, desired: &Loaded, consent: Consent) -> Plan {
    let settings = desired.project.settings("/root");
    let places =
        Places { origins: &desired.origins, files: &desired.files, overlay: desired.overlay };
    let input = Input {
        target: Target { name: "local".into(), kind: "directory".into(), id: "live".into() },
        live,
        desired: &desired.mesh,
        owner: None,
        places: Some(places),
        settings: &settings,
        scope: Scope::default(),
        guards: Guards::default(),
        consent,
        drift: Vec::new(),
        unrecorded: false,
    };
    plan(&input).0
}

fn shop() -> Live {
    let nothing = Live::default();
    let plan = planned(&nothing, &load_shop(&[]), Consent::default());
    assert!(plan.traffic.is_empty(), "nobody's requests change where nothing is live");
    Live {
        revision: Some(1),
        mesh: apply_changes(&nothing, &plan.changes).unwrap(),
        entries: entries_after(&nothing, &plan.changes),
    }
}

#[test]
fn changes_of_the_shop_say_what_they_do_to_requests() {
    let live = shop();
    let schema: Value = serde_json::from_str(
        &fs::read_to_string(root().join("schemas/plan.v1.schema.json")).unwrap(),
    )
    .unwrap();
    let validator = jsonschema::draft7::new(&schema).unwrap();
    for (name, edits) in CHANGES {
        let desired = load_shop(edits);
        let plan = planned(&live, &desired, Consent::default());
        let shown = Shown {
            plan: &plan,
            findings: &[],
            absent: text::NOT_IN_FILES,
            files: Some(&desired.files),
            sources: &[],
            call: &format!("meshctl apply --expect {}", short(&plan.digest)),
        };
        let folder = root().join("tests/cases/traffic").join(name);
        golden::check(&folder.join("human.txt"), &text::render(&shown, text::View::default()));
        golden::check(&folder.join("out.md"), &report::plan_markdown(&shown, false));
        let document = report::plan_document(&shown);
        let value: Value = serde_json::from_str(&document).unwrap();
        let wrong: Vec<String> = validator.iter_errors(&value).map(|e| e.to_string()).collect();
        assert!(wrong.is_empty(), "{name}: {wrong:#?}");
        golden::check(&folder.join("traffic.json"), &format!("{:#}\n", value["traffic"]));
        assert_eq!(Plan::from_json(&document).unwrap(), plan, "{name}");
    }
}

#[test]
fn lost_traffic_is_refused_until_each_cause_is_accepted() {
    let live = shop();
    let desired = load_shop(CHANGES.iter().find(|(name, _)| *name == "removed-route").unwrap().1);
    let plan = planned(&live, &desired, Consent::default());
    assert!(plan.traffic.lost > 0);
    let refusals: Vec<_> = plan.refusals().collect();
    assert_eq!(refusals.len(), 1, "{refusals:?}");
    assert_eq!(refusals[0].code, "MC0906");
    assert_eq!(refusals[0].consent, "--accept MC0906@gateway_route/edge/catalog");
    let consent = Consent {
        accept: ["gateway_route/edge/catalog".parse().unwrap()].into(),
        ..Consent::default()
    };
    assert_eq!(planned(&live, &desired, consent).refusals().count(), 0);
}

#[test]
fn a_caller_that_gives_up_a_backend_loses_traffic_until_that_is_accepted() {
    let live = shop();
    let desired =
        load_shop(CHANGES.iter().find(|(name, _)| *name == "given-up-backend").unwrap().1);
    let plan = planned(&live, &desired, Consent::default());
    let changes = plan.traffic.entries.iter().flat_map(|entry| &entry.changes);
    assert!(changes.clone().count() > 0);
    for change in changes {
        assert_eq!(change.severity, TrafficSeverity::Lost);
        assert!(change.caused_by.contains(&"virtual_node/checkout".parse().unwrap()));
    }
    let refusals: Vec<_> = plan.refusals().map(|refusal| refusal.consent.as_str()).collect();
    assert_eq!(refusals, ["--accept MC0906@virtual_node/checkout"]);
    let accept = ["virtual_node/checkout".parse().unwrap()].into();
    let consent = Consent { accept, ..Consent::default() };
    assert_eq!(planned(&live, &desired, consent).refusals().count(), 0);
}
