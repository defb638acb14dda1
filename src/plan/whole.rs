//! Every state on the way from one mesh to another is whole: what a proxy's resources name, the
//! same proxy has.

use super::tests::{SHOP, mesh};
use super::{StepKind, steps};
use crate::compile::{compile, proxies};
use crate::envoy::{ProxyConfig, ResourceType, Settings, files};
use crate::model::Mesh;
use serde_json::Value;
use std::collections::BTreeSet;

const ROOT: &str = "/root";

/// What a configuration names and does not have, by looking at its JSON.
fn missing(config: &ProxyConfig) -> BTreeSet<String> {
    let here = format!("{ROOT}/current/{}/", config.proxy);
    let files: BTreeSet<String> =
        files(config).into_keys().map(|file| format!("{here}{file}")).collect();
    let mut missing = BTreeSet::new();
    let mut need = |kind: ResourceType, name: &str| {
        if config.get(kind, name).is_none() {
            missing.insert(format!("{kind} {name}"));
        }
    };
    let mut paths = Vec::new();
    for resource in config.resources.values() {
        let mut todo = vec![Value::from(&resource.to_json())];
        while let Some(value) = todo.pop() {
            match value {
                Value::Object(map) => {
                    for (key, value) in map {
                        match (key.as_str(), &value) {
                            ("cluster", Value::String(name)) => need(ResourceType::Cluster, name),
                            ("server_listener_name", Value::String(name)) => {
                                need(ResourceType::Listener, name);
                            }
                            ("weighted_clusters", value) => {
                                for cluster in value["clusters"].as_array().into_iter().flatten() {
                                    let name = cluster["name"].as_str().unwrap();
                                    need(ResourceType::Cluster, name);
                                }
                            }
                            ("path", Value::String(path)) if path.starts_with(&here) => {
                                paths.push(path.clone());
                            }
                            (_, _) => todo.push(value),
                        }
                    }
                }
                Value::Array(items) => todo.extend(items),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
            }
        }
    }
    missing.extend(paths.into_iter().filter(|path| !files.contains(path)));
    missing
}

/// Checks every state between every two meshes; says how many configurations it saw.
fn check(variants: &[String]) -> usize {
    let settings = Settings::path(ROOT);
    let meshes: Vec<Mesh> = variants.iter().map(|text| mesh(text)).collect();
    let mut seen = 0;
    for from in &meshes {
        for to in &meshes {
            let affected = proxies(from).into_iter().chain(proxies(to)).collect();
            let steps = steps(from, to, &settings, &affected);
            for config in steps.iter().flat_map(|step| step.after.values().flatten()) {
                seen += 1;
                let missing = missing(config);
                assert!(missing.is_empty(), "{} lacks {missing:?}", config.proxy);
            }
            if let Some(last) = steps.last() {
                // Whatever the last step is, after it a proxy has what is desired.
                for (proxy, config) in &last.after {
                    let desired = compile(to, &settings, proxy);
                    match config {
                        Some(config) => assert_eq!(config.resources, desired.resources),
                        None => assert!(desired.resources.is_empty()),
                    }
                }
            }
        }
    }
    seen
}

#[test]
fn every_state_between_two_shops_is_whole() {
    let explicit = [
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
        SHOP.replace("{ static = [\"127.0.0.12\"] }", "{ dns = \"cart.example\" }"),
        "[mesh]\nname = \"shop\"\ncapture = \"explicit\"\n".to_owned(),
    ];
    let mut variants = explicit.to_vec();
    variants.extend(explicit.iter().map(|text| text.replace("\"explicit\"", "\"redirect\"")));
    let seen = check(&variants);
    assert!(seen > 500, "only {seen} configurations were looked at");
}

#[test]
fn every_state_between_two_gateways_is_whole() {
    let edge = include_str!("../../tests/cases/plan/gateway/live.toml");
    let tls = "tls = { mode = \"permissive\", certificate = { file = { chain = \"/c\", key = \"/k\" } } }";
    let variants = [
        edge.to_owned(),
        edge.replace("port = 8088", "port = 8089"),
        edge.replace("port = 8088, protocol = \"http\"", "port = 8088, protocol = \"http2\""),
        edge.replace("prefix = \"/old\"", "prefix = \"/older\""),
        edge.replace("cart.internal", "basket.internal"),
        edge.replace("app = \"127.0.0.1:18081\"", &format!("app = \"127.0.0.1:18081\", {tls}")),
        edge.replace(
            "port = 8088, protocol = \"http\"",
            &format!("port = 8088, protocol = \"http\", {tls}"),
        ),
        edge.replace("router = \"cart\"", "node = \"cart-v2\""),
        SHOP.to_owned(),
    ];
    let seen = check(&variants);
    assert!(seen > 200, "only {seen} configurations were looked at");
}

#[test]
fn a_gateway_does_not_route_to_a_cluster_of_the_same_step() {
    let edge = include_str!("../../tests/cases/plan/gateway/live.toml");
    let (from, to) = (mesh(edge), mesh(&edge.replace("cart.internal", "basket.internal")));
    let settings = Settings::path(ROOT);
    let affected = proxies(&to).into_iter().collect();
    let steps = steps(&from, &to, &settings, &affected);
    let gateway = "virtual_gateway/edge".parse().unwrap();
    let routes = |kind: StepKind| {
        let step = steps.iter().find(|step| step.kind == kind).unwrap();
        let config = step.after[&gateway].clone().unwrap();
        config
            .get(ResourceType::RouteConfiguration, "rds_ingress_http_8088")
            .unwrap()
            .version
            .clone()
    };
    let before = compile(&from, &settings, &gateway);
    let live = before.get(ResourceType::RouteConfiguration, "rds_ingress_http_8088").unwrap();
    assert_eq!(routes(StepKind::Add), live.version);
    assert_ne!(routes(StepKind::Switch), live.version);
}
