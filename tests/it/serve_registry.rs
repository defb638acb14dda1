//! The registry by its routes: what it takes, and what it refuses.

use crate::serve::{Server, json_of};
use crate::support::served::operator;
use meshctl::serve::{Operators, Role};
use serde_json::{Value, json};

const PATH: &str = "/v1/meshes/m/registry/shop/cart/instances/a";

impl Server {
    fn put(&self, path: &str, body: &Value) -> (u16, Value) {
        let bearer = format!("Bearer {}", self.token());
        let headers = [("authorization", bearer.as_str())];
        let (status, body) = self.send("PUT", path, &headers, body.to_string().into_bytes());
        (status, serde_json::from_str(&body).unwrap_or_default())
    }
}

/// A server with a mesh whose node `v2` is found in the registry.
fn served() -> Server {
    let server = Server::with(0);
    let sandbox = server.project(1);
    let mesh = std::fs::read_to_string(sandbox.join("mesh.toml")).unwrap();
    let registered = "[virtual_node.found]\nlisteners = [{ port = 8080, protocol = \"http\" }]\n\
                      discovery = { registry = { namespace = \"shop\", service = \"cart\" } }\n";
    sandbox.write("mesh.toml", format!("{mesh}\n{registered}"));
    sandbox.run(&["apply", "--yes"]).exits(0);
    server
}

#[test]
fn what_cannot_be_registered_is_refused_with_the_reason() {
    let server = served();
    let good = json!({ "address": "10.1.2.3", "port": 8080 });
    let with = |key: &str, value: Value| {
        let mut body = good.clone();
        body[key] = value;
        body
    };
    let many: serde_json::Map<String, Value> =
        (0..31).map(|n| (format!("k{n}"), "v".into())).collect();
    for (body, why) in [
        (with("address", json!("0.0.0.0")), "no address"),
        (with("address", json!("224.0.0.1")), "no address"),
        (with("address", json!("255.255.255.255")), "no address"),
        (with("address", json!("169.254.169.254")), "no address"),
        (with("address", json!("fe80::1")), "no address"),
        (with("address", json!("::")), "no address"),
        (with("address", json!("::ffff:10.0.0.1")), "no address"),
        (with("address", json!("cart.internal")), "another form"),
        (with("port", json!(0)), "no port"),
        (with("port", json!(65536)), "another form"),
        (with("weight", json!(0)), "weight"),
        (with("weight", json!(10_001)), "weight"),
        (with("ttl_ms", json!(999)), "ttl_ms"),
        (with("ttl_ms", json!(86_400_001)), "ttl_ms"),
        (with("ttl_ms", json!(u64::MAX)), "ttl_ms"),
        (with("attributes", json!({ "k": "a\nb" })), "control"),
        (with("attributes", json!({ "": "v" })), "attribute"),
        (with("attributes", json!({ "k": "v".repeat(1_025) })), "attribute"),
        (with("attributes", Value::Object(many)), "30"),
        (with("adress", json!("10.0.0.1")), "another form"),
        (json!({}), "another form"),
    ] {
        let (status, answer) = server.put(PATH, &body);
        assert_eq!((status, &answer["code"]), (400, &json!("bad-request")), "{body}: {answer}");
        assert!(answer["message"].as_str().unwrap().contains(why), "{body}: {answer}");
    }
    for path in [
        "/v1/meshes/m/registry/shop/cart/instances/a%20b",
        "/v1/meshes/m/registry/shop/cart/instances/a%0Ab",
        "/v1/meshes/m/registry/sh%0Aop/cart/instances/a",
        "/v1/meshes/a%20b/registry/shop/cart/instances/a",
        &format!("/v1/meshes/m/registry/shop/cart/instances/{}", "a".repeat(65)),
        &format!("/v1/meshes/m/registry/{}/cart/instances/a", "a".repeat(1_025)),
    ] {
        assert_eq!(server.put(path, &good).0, 400, "{path}");
    }
    // A mesh that nothing was applied to has no registry.
    let (status, answer) = server.put(&PATH.replace("/m/", "/other/"), &good);
    assert_eq!((status, &answer["code"]), (404, &json!("no-mesh")));
    // Nothing of that was taken.
    let bearer = format!("Bearer {}", server.token());
    let all = server.ask("GET", "/v1/meshes/m/registry", &[("authorization", &bearer)]).1;
    assert_eq!(json_of(&all)["instances"], json!([]), "{all}");
    assert_eq!(server.put(PATH, &good).0, 201);
}

#[test]
fn a_service_has_a_thousand_instances_and_not_one_more() {
    let server = served();
    let registrar = operator(&Operators::of(&server.folder()), "r", Role::Register);
    let bearer = format!("Bearer {registrar}");
    let put = |id: u32| {
        // No lease ends before the last of them is registered.
        let address = format!("10.0.{}.{}", id / 250, id % 250 + 1);
        let body = json!({ "address": address, "ttl_ms": 3_600_000 });
        let path = format!("/v1/meshes/m/registry/shop/cart/instances/{id}");
        server.send("PUT", &path, &[("authorization", &bearer)], body.to_string().into_bytes())
    };
    for id in 0..1_000 {
        let (status, body) = put(id);
        assert_eq!(status, 201, "{body}");
    }
    let (status, body) = put(1_000);
    assert_eq!((status, &json_of(&body)["code"]), (503, &json!("full")), "{body}");
    // Who is registered may renew.
    assert_eq!(put(0).0, 200);
    assert_eq!(server.plane().endpoints_of("m", "shop", "cart").len(), 1_000);
}

#[test]
fn the_instances_of_a_mesh_say_32_mib_of_themselves_and_no_more() {
    let server = served();
    let bearer = format!("Bearer {}", server.token());
    let put = |id: u32, size: usize| {
        let attributes: serde_json::Map<String, Value> =
            (0..30).map(|n| (format!("{n:0>255}"), "v".repeat(size).into())).collect();
        let attributes = if size == 0 { serde_json::Map::new() } else { attributes };
        let address = format!("10.0.{}.{}", id / 250, id % 250 + 1);
        let body = json!({ "address": address, "ttl_ms": 3_600_000, "attributes": attributes });
        let path = format!("/v1/meshes/m/registry/shop/cart/instances/{id:0>4}");
        server.send("PUT", &path, &[("authorization", &bearer)], body.to_string().into_bytes())
    };
    // Each text counts 64 bytes more than it has; the names of an instance are 12 bytes.
    let each = 12 + 64 + 30 * (255 + 1_024 + 64);
    let fit = u32::try_from((32 << 20) / each).unwrap();
    for id in 0..fit {
        let (status, body) = put(id, 1_024);
        assert_eq!(status, 201, "{id}: {body}");
    }
    for _ in 0..2 {
        let (status, body) = put(fit, 1_024);
        assert_eq!((status, &json_of(&body)["code"]), (503, &json!("full")), "{body}");
        assert!(body.contains("bytes"), "{body}");
    }
    // Who is registered may renew, and what still fits is taken.
    assert_eq!(put(0, 1_024).0, 200);
    assert_eq!(put(fit, 0).0, 201);
    assert_eq!(server.plane().endpoints_of("m", "shop", "cart").len(), fit as usize + 1);
}

#[test]
fn registrations_outlive_the_server_and_are_in_its_backup() {
    let mut server = served();
    assert_eq!(server.put(PATH, &json!({ "address": "10.1.2.3" })).0, 201);
    assert_eq!(server.put(PATH, &json!({ "address": "10.1.2.3" })).0, 200, "a renewal");
    server.stop();
    server.start(0);
    let found = server.plane().endpoints_of("m", "shop", "cart");
    assert_eq!(found[0].address.to_string(), "10.1.2.3");
    let bearer = format!("Bearer {}", server.token());
    let headers = [("authorization", bearer.as_str())];
    let (status, _) = server.ask("DELETE", PATH, &headers);
    assert_eq!(status, 204);
    assert_eq!(server.ask("DELETE", PATH, &headers).0, 404);
    assert!(server.plane().endpoints_of("m", "shop", "cart").is_empty());
    server.stop();
    server.start(0);
    assert!(server.plane().endpoints_of("m", "shop", "cart").is_empty(), "it stays deregistered");
}
