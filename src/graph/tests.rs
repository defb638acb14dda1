//! Tests of the graph on a small mesh.

use super::*;
use serde_json::json;

fn mesh() -> Mesh {
    let node = |port: u16, backends: serde_json::Value| {
        serde_json::from_value::<VirtualNode>(json!({
            "listeners": [{ "port": port, "protocol": "http" }],
            "discovery": { "static": ["10.0.0.1"] },
            "backends": backends,
        }))
        .unwrap()
    };
    let name = |text: &str| NodeName::new(text).unwrap();
    let mut mesh = Mesh::default();
    mesh.nodes.insert(name("front"), node(8080, json!([{ "service": "cart.local" }])));
    mesh.nodes.insert(name("cart-v1"), node(8080, json!([])));
    mesh.nodes.insert(name("cart-v2"), node(8081, json!([])));
    mesh.services.insert(
        ServiceName::new("cart.local").unwrap(),
        serde_json::from_value(json!({ "router": "cart" })).unwrap(),
    );
    let route = |name: &str, targets: serde_json::Value| {
        serde_json::from_value(json!({ "name": name, "targets": targets })).unwrap()
    };
    mesh.routers.insert(
        RouterName::new("cart").unwrap(),
        VirtualRouter {
            listeners: vec![
                serde_json::from_value(json!({ "port": 80, "protocol": "http" })).unwrap(),
            ],
            routes: vec![
                route("canary", json!([{ "node": "cart-v2", "weight": 1 }])),
                route(
                    "stable",
                    json!([{ "node": "cart-v1", "weight": 9 }, { "node": "cart-v2", "weight": 1 }]),
                ),
            ],
            ..VirtualRouter::default()
        },
    );
    mesh
}

#[test]
fn users_are_what_must_change_before_a_removal() {
    let mesh = mesh();
    let graph = Graph::new(&mesh);
    let users = |text: &str| -> Vec<String> {
        let address: Address = text.parse().unwrap();
        graph.users(&address).iter().map(ToString::to_string).collect()
    };
    assert_eq!(users("virtual_node/cart-v2"), ["route/cart/canary", "route/cart/stable"]);
    assert_eq!(users("virtual_router/cart"), ["virtual_service/cart.local"]);
    assert_eq!(users("virtual_service/cart.local"), ["virtual_node/front"]);
    assert!(users("virtual_node/front").is_empty());
}

#[test]
fn the_ends_of_a_service_are_the_listeners_behind_its_routes() {
    let mesh = mesh();
    let graph = Graph::new(&mesh);
    let service = ServiceName::new("cart.local").unwrap();
    let ends: Vec<(String, u16)> = graph
        .ends(&service)
        .iter()
        .map(|end| (end.node.to_string(), end.listener.port.get()))
        .collect();
    assert_eq!(ends, [("cart-v2".into(), 8081), ("cart-v1".into(), 8080)]);
    let ports = graph.ports(&service).unwrap();
    assert_eq!(ports.iter().map(|p| p.port.get()).collect::<Vec<_>>(), [80]);
    assert_eq!(graph.callers(&service).len(), 1);
    assert_eq!(graph.callers(&service)[0].address().to_string(), "virtual_node/front");
}

#[test]
fn a_dangling_reference_has_users_and_no_ends() {
    let mut mesh = mesh();
    mesh.nodes.remove("cart-v2");
    let graph = Graph::new(&mesh);
    assert_eq!(graph.users(&"virtual_node/cart-v2".parse().unwrap()).len(), 2);
    assert_eq!(graph.ends(&ServiceName::new("cart.local").unwrap()).len(), 1);
}
