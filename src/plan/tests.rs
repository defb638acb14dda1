//! Plans of small meshes.

use super::*;
use crate::envoy::{ProxyConfig, ResourceType};
use crate::revision::{Entry, split};
use crate::schema::{parse, read_mesh};

const SHOP: &str = r#"
[mesh]
name = "shop"
capture = "explicit"

[virtual_node.web]
backends = [{ service = "cart.internal", bind = 9001 }]

[virtual_node.cart-v1]
listeners = [{ port = 8080, protocol = "http", app = "127.0.0.1:18081" }]
discovery = { static = ["127.0.0.11"] }

[virtual_node.cart-v2]
listeners = [{ port = 8080, protocol = "http", app = "127.0.0.1:18082" }]
discovery = { static = ["127.0.0.12"] }

[virtual_service."cart.internal"]
router = "cart"

[virtual_router.cart]
listeners = [{ port = 8080, protocol = "http" }]

[[virtual_router.cart.routes]]
name = "all"
match = { prefix = "/" }
targets = { cart-v1 = 95, cart-v2 = 5 }
"#;

fn mesh(text: &str) -> Mesh {
    let mut files = Files::default();
    let id = files.add("m.toml", text);
    let (tree, diagnostics) = parse(id, text);
    assert!(diagnostics.is_empty());
    let reading = read_mesh(&tree);
    assert!(reading.diagnostics.is_empty(), "{:?}", reading.diagnostics);
    reading.mesh
}

fn live(mesh: Mesh) -> Live {
    let entries = split(&mesh)
        .into_iter()
        .map(|(address, value)| {
            let object = ObjectId::of(&value);
            (address, Entry { object, owner: None, protected: false })
        })
        .collect();
    Live { revision: Some(1), mesh, entries }
}

fn plan_of(live: &Live, desired: &Mesh) -> Plan {
    let settings = Settings::path("/root");
    let input = Input {
        target: Target { name: "t".into(), kind: "directory".into(), id: "x".into() },
        live,
        desired,
        owner: None,
        places: None,
        settings: &settings,
        scope: Scope::default(),
        guards: Guards::default(),
        consent: Consent::default(),
        drift: Vec::new(),
    };
    plan(&input).0
}

fn kinds(plan: &Plan) -> Vec<StepKind> {
    plan.steps.iter().map(|step| step.kind).collect()
}

#[test]
fn a_plan_from_a_mesh_to_itself_is_empty() {
    let plan = plan_of(&live(mesh(SHOP)), &mesh(SHOP));
    assert!(plan.is_empty() && plan.steps.is_empty());
}

#[test]
fn a_weight_shift_is_one_switch_of_one_route_configuration() {
    let desired = mesh(&SHOP.replace("95, cart-v2 = 5", "50, cart-v2 = 50"));
    let plan = plan_of(&live(mesh(SHOP)), &desired);
    assert_eq!(kinds(&plan), [StepKind::Switch]);
    assert_eq!(plan.counts(), "+0 ~1 -0");
    let change = &plan.changes[0];
    assert_eq!(change.address.to_string(), "route/cart/all");
    assert_eq!(change.cost, Cost::Nothing);
    assert_eq!(change.edits.len(), 2);
    assert_eq!(change.edits[0].path, "targets[cart-v1].weight");
    assert_eq!(change.proxies.len(), 1);
    assert!(change.envoy.iter().all(|(kind, _)| *kind == ResourceType::RouteConfiguration));
}

#[test]
fn a_swap_of_nodes_adds_then_switches_then_removes() {
    let desired = mesh(&SHOP.replace("cart-v2", "cart-v3").replace("127.0.0.12", "127.0.0.13"));
    let plan = plan_of(&live(mesh(SHOP)), &desired);
    assert_eq!(kinds(&plan), [StepKind::Add, StepKind::Switch, StepKind::Remove]);
    assert_eq!(plan.counts(), "+1 ~1 -1");
}

#[test]
fn the_digest_is_of_the_change_and_of_nothing_else() {
    let desired = mesh(&SHOP.replace("95, cart-v2 = 5", "50, cart-v2 = 50"));
    let one = plan_of(&live(mesh(SHOP)), &desired);
    let two = plan_of(&live(mesh(SHOP)), &desired);
    assert_eq!(one.digest, two.digest);
    let other = mesh(&SHOP.replace("95, cart-v2 = 5", "51, cart-v2 = 49"));
    assert_ne!(plan_of(&live(mesh(SHOP)), &other).digest, one.digest);
    assert_eq!(digest_matches(short(&one.digest), &one.digest), Some(true));
    assert_eq!(digest_matches("p1-00", &one.digest), None);
}

/// The clusters that a listener or route configuration names, by looking at its JSON.
fn named_clusters(config: &ProxyConfig) -> Vec<String> {
    fn walk(value: &serde_json::Value, found: &mut Vec<String>) {
        match value {
            serde_json::Value::Object(map) => {
                for (key, value) in map {
                    match (key.as_str(), value) {
                        ("cluster", serde_json::Value::String(name)) => found.push(name.clone()),
                        ("weighted_clusters", value) => {
                            for cluster in value["clusters"].as_array().into_iter().flatten() {
                                found.push(cluster["name"].as_str().unwrap().to_owned());
                            }
                        }
                        (_, value) => walk(value, found),
                    }
                }
            }
            serde_json::Value::Array(items) => items.iter().for_each(|item| walk(item, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    for resource in config.resources.values() {
        if matches!(resource.kind, ResourceType::Listener | ResourceType::RouteConfiguration) {
            walk(&serde_json::Value::from(&resource.to_json()), &mut found);
        }
    }
    found
}

#[test]
fn no_step_names_a_cluster_that_its_proxy_lacks() {
    let variants = [
        SHOP.to_owned(),
        SHOP.replace("95, cart-v2 = 5", "1, cart-v2 = 99"),
        SHOP.replace("cart-v2", "cart-v3"),
        SHOP.replace("targets = { cart-v1 = 95, cart-v2 = 5 }", "targets = { cart-v2 = 1 }"),
        SHOP.replace(
            "port = 8080, protocol = \"http\", app",
            "port = 8081, protocol = \"http\", app",
        ),
        SHOP.replace("bind = 9001", "bind = 9002"),
        SHOP.replace("router = \"cart\"", "node = \"cart-v1\""),
        SHOP.replace("protocol = \"http\"", "protocol = \"http2\""),
        "[mesh]\nname = \"shop\"\ncapture = \"explicit\"\n".to_owned(),
    ];
    let settings = Settings::path("/root");
    let mut steps_seen = 0;
    for from in &variants {
        for to in &variants {
            let (from, to) = (mesh(from), mesh(to));
            let affected = crate::compile::proxies(&from)
                .into_iter()
                .chain(crate::compile::proxies(&to))
                .collect();
            for step in steps(&from, &to, &settings, &affected) {
                for config in step.after.values().flatten() {
                    steps_seen += 1;
                    for cluster in named_clusters(config) {
                        assert!(
                            config.get(ResourceType::Cluster, &cluster).is_some(),
                            "{} of {} names {cluster}, which is not there",
                            step.kind.as_str(),
                            config.proxy
                        );
                    }
                }
            }
        }
    }
    assert!(steps_seen > 100, "only {steps_seen} configurations were looked at");
}

#[test]
fn guards_refuse_and_name_the_flag_that_consents() {
    let empty = mesh("[mesh]\nname = \"shop\"\n");
    let plan = plan_of(&live(mesh(SHOP)), &empty);
    let flags: Vec<&str> = plan.refusals().map(|refusal| refusal.consent.as_str()).collect();
    assert!(flags.contains(&"--allow-empty"), "{flags:?}");
    let unprovided = mesh(&SHOP.replace("router = \"cart\"", ""));
    let plan = plan_of(&live(mesh(SHOP)), &unprovided);
    let flags: Vec<&str> = plan.refusals().map(|refusal| refusal.consent.as_str()).collect();
    assert_eq!(flags, ["--accept MC0906@virtual_service/cart.internal"]);
}
