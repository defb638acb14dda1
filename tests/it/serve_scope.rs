//! What an operator may do is bounded by mesh, by service and by time.

use crate::serve::{Server, json_of};
use crate::serve_identity::started;
use crate::support::served::operator;
use meshctl::serve::{Need, Operators, Role, Scope, ServiceScope, Terms};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

fn scope(meshes: &[&str], services: Option<&[(&str, Option<&str>)]>) -> Scope {
    let meshes = meshes.iter().map(|mesh| meshctl::model::MeshName::new(*mesh).unwrap());
    let one = |(namespace, service): &(&str, Option<&str>)| ServiceScope {
        namespace: (*namespace).to_owned(),
        service: service.map(str::to_owned),
    };
    Scope {
        meshes: Some(meshes.collect()),
        services: services.map(|services| services.iter().map(one).collect()),
    }
}

fn terms(role: Role, scope: Scope) -> Terms {
    Terms { role, scope, life: None }
}

/// A request with a token, and its status and answer.
fn ask(server: &Server, method: &str, path: &str, token: &str, body: &Value) -> (u16, String) {
    let bearer = format!("Bearer {token}");
    let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    server.send(method, path, &[("authorization", &bearer)], body)
}

#[test]
fn s6_an_operator_of_one_mesh_sees_and_changes_no_other_and_nothing_of_all() {
    let server = Server::with(0);
    let sandbox = server.project(1);
    sandbox.run(&["apply", "--yes"]).exits(0);
    let operators = Operators::of(&server.folder());
    let own = |role| operator(&operators, "own", terms(role, scope(&["m"], None)));
    let other = |role| operator(&operators, "other", terms(role, scope(&["other"], None)));
    for role in [Role::Read, Role::Write, Role::Register] {
        let (own, other) = (own(role), other(role));
        let mut tried = 0;
        for (method, path, need) in meshctl::serve::routes() {
            let Need::Operator(asked) = need else { continue };
            let mut path = path.replace("{mesh}", "m");
            for name in ["revision", "kind", "name", "key", "namespace", "service", "id"] {
                path = path.replace(&format!("{{{name}}}"), "x");
            }
            let status = |token: &str| ask(&server, &method, &path, token, &Value::Null).0;
            let may = role.covers(asked);
            let of_mesh = path.contains("/meshes/");
            let allowed = may && (of_mesh || asked == Role::Read);
            assert_eq!(status(&own) != 403, allowed, "{role:?} {method} {path}");
            let allowed = may && !of_mesh && asked == Role::Read;
            assert_eq!(status(&other) != 403, allowed, "{role:?} {method} {path} of another");
            tried += 1;
        }
        assert!(tried > 15);
    }
    let (own, other) = (own(Role::Read), other(Role::Read));
    let meshes = |token: &str| json_of(&ask(&server, "GET", "/v1", token, &Value::Null).1);
    assert_eq!(meshes(&own)["meshes"], json!(["m"]));
    assert_eq!(meshes(&other)["meshes"], json!([]));
    // Objects of another mesh are not told, not even to who knows their ids.
    let state = json_of(&ask(&server, "GET", "/v1/meshes/m/state", &own, &Value::Null).1);
    let entries = state["manifest"]["entries"].as_object().unwrap();
    let ids: Vec<&Value> = entries.values().map(|entry| &entry["object"]).collect();
    let objects = |mesh: &str, token: &str| {
        let path = format!("/v1/meshes/{mesh}/objects");
        let (status, answer) = ask(&server, "POST", &path, token, &json!({ "ids": ids }));
        assert_eq!(status, 200, "{answer}");
        json_of(&answer)["objects"].as_object().unwrap().len()
    };
    assert!(objects("m", &own) > 3);
    assert_eq!(objects("other", &other), 0);
    // However the mesh is spelled in the path.
    for path in ["/v1/meshes/%6d/state", "/v1/meshes/m/../m/state", "/v1//meshes/m/state"] {
        let (status, body) = ask(&server, "GET", path, &other, &Value::Null);
        assert!([403, 404].contains(&status), "{path}: {status} {body}");
    }
}

#[test]
fn a_token_that_registers_one_service_registers_no_other() {
    let server = Server::with(0);
    let sandbox = server.project(1);
    sandbox.run(&["apply", "--yes"]).exits(0);
    let operators = Operators::of(&server.folder());
    let cart = scope(&["m"], Some(&[("shop", Some("cart")), ("test", None)]));
    let token = operator(&operators, "cart", terms(Role::Register, cart));
    let body = json!({ "address": "10.0.0.1" });
    let put = |path: &str| ask(&server, "PUT", path, &token, &body).0;
    let at =
        |mesh: &str, service: &str| format!("/v1/meshes/{mesh}/registry/{service}/instances/one");
    assert_eq!(put(&at("m", "shop/cart")), 201);
    assert_eq!(put(&at("m", "test/any")), 201);
    for (mesh, service) in
        [("m", "shop/payment"), ("m", "shop/cart2"), ("m", "shop/CART"), ("other", "shop/cart")]
    {
        let path = at(mesh, service);
        assert_eq!(put(&path), 403, "{path}");
        let (status, answer) = ask(&server, "DELETE", &path, &token, &Value::Null);
        assert_eq!(status, 403, "{path}: {answer}");
        assert!(answer.contains("service shop/cart,test/*"), "{answer}");
    }
    let all = ask(&server, "GET", "/v1/meshes/m/registry", &server.token(), &Value::Null).1;
    assert_eq!(json_of(&all)["instances"].as_array().unwrap().len(), 2, "{all}");
}

#[test]
fn an_operator_expires_and_is_renewed_with_the_secret_that_it_has() {
    let server = Server::with(0);
    let operators = Operators::of(&server.folder());
    let life = Some(Duration::from_secs(3));
    let token = operator(&operators, "ci", Terms { life, ..Role::Read.into() });
    let status = || ask(&server, "GET", "/v1", &token, &Value::Null).0;
    assert_eq!(status(), 200);
    // It renews itself as long as it has not expired.
    let since = Instant::now();
    while since.elapsed() < Duration::from_secs(5) {
        let (renewed, answer) = ask(&server, "POST", "/v1/token/renew", &token, &Value::Null);
        assert_eq!(renewed, 200, "{answer}");
        assert!(json_of(&answer)["until"].is_string(), "{answer}");
        std::thread::sleep(Duration::from_millis(500));
    }
    assert_eq!(status(), 200, "for longer than its life");
    let deadline = Instant::now() + Duration::from_secs(30);
    while status() != 401 {
        assert!(Instant::now() < deadline);
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(ask(&server, "POST", "/v1/token/renew", &token, &Value::Null).0, 401);
    // On the host it can be renewed.
    assert!(operators.renew("ci").unwrap().until.is_some());
    assert_eq!(status(), 200);
    assert!(!operators.renew("nobody").unwrap().there);
}

#[test]
fn an_operator_by_certificate_expires_too() {
    let (_server, sandbox, _block) = started("24h");
    sandbox.run(&["apply", "--yes"]).exits(0);
    let add = "serve operator add eve --role read --life 4s --data data --certificate \
               spiffe://shop.example/operator/eve";
    sandbox.run(&add.split(' ').collect::<Vec<_>>()).exits(0);
    let since = Instant::now();
    let status = || sandbox.run(&["status", "--target", "eve"]);
    status().exits(0);
    while status().code == 0 {
        assert!(since.elapsed() < Duration::from_secs(30), "it does not expire");
        std::thread::sleep(Duration::from_millis(200));
    }
    assert!(since.elapsed() > Duration::from_secs(2), "{:?}", since.elapsed());
    let said = status().exits(4).stderr;
    assert!(said.contains("operator/eve is no operator"), "{said}");
}

#[test]
fn the_command_wants_the_scope_of_a_registrar_and_lists_all() {
    let server = Server::with(0);
    let sandbox = server.project(1);
    let data = server.folder().display().to_string();
    let run = |args: &str| {
        let args: Vec<&str> = args.split(' ').chain(["--data", &data]).collect();
        sandbox.run(&[&["serve", "operator"], &args[..]].concat())
    };
    run("add cart --role register").exits(64);
    run("add cart --role register --mesh m").exits(64);
    run("add cart --role register --mesh m --service cart").exits(64);
    run("add cart --role register --mesh m --service shop/cart --life 24h").exits(0);
    run("add ci --mesh a --mesh b --life none").exits(0);
    let listed = run("list").exits(0).stdout;
    let lines: Vec<&str> = listed.lines().collect();
    assert!(lines[0].starts_with("cart  register  mesh m service shop/cart  until 20"), "{listed}");
    assert_eq!(lines[1..], ["ci  read  mesh a,b", "operator  write  mesh *"]);
}
