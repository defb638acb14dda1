//! Real Envoys that take a mesh from the control plane by incremental xDS.

use crate::support::served::Served;
use meshctl::envoy::{Resource, ResourceType, Side};
use meshctl::model::{Mesh, NodeName, RouterName};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

const EDGE: &str = "virtual_gateway/edge";
const CART: &str = "http://shop.example/cart/items";

#[test]
fn envoys_take_an_example_mesh_from_the_control_plane() {
    let served = Served::example("shop");
    assert_eq!(served.get(EDGE, CART, &[("x-canary", "true")]).brief(), "200 cart-v2");
    for proxy in served.hub().report(served.loaded.mesh.settings.name.as_str()).keys() {
        for kind in ["cluster_manager.cds", "listener_manager.lds"] {
            let proxy = proxy.to_string();
            assert_eq!(served.stat(&proxy, &format!("{kind}.update_rejected")), 0, "{proxy}");
            assert_eq!(served.stat(&proxy, &format!("{kind}.init_fetch_timeout")), 0, "{proxy}");
        }
    }
    let edge = &served.instances(EDGE)[0];
    assert!(edge.build.starts_with("envoy 1."), "{edge:?}");
    assert_eq!(edge.node_id, "mesh/shop/virtual_gateway/edge");
    assert!(edge.progress.lacks.is_empty() && edge.progress.refused.is_empty(), "{edge:?}");
}

#[test]
fn a_change_reaches_every_proxy_and_a_changed_cluster_does_not_wait_for_its_timeout() {
    let mut served = Served::example("shop");
    let mut mesh = served.loaded.mesh.clone();
    let cart = RouterName::new("cart").unwrap();
    for route in &mut mesh.routers.get_mut(&cart).unwrap().routes {
        for target in &mut route.targets {
            target.weight = u32::from(target.node.as_str() == "cart-v2");
        }
    }
    served.put(&mesh);
    served.until("the routes have changed", Served::have_all);
    for _ in 0..20 {
        assert_eq!(served.get(EDGE, CART, &[]).brief(), "200 cart-v2");
    }

    // Its endpoints stay as they are: unless they are sent again, Envoy waits 15 s for them.
    let node = mesh.nodes.get_mut(&NodeName::new("cart-v2").unwrap()).unwrap();
    node.listeners[0].patch.cluster =
        Some(serde_json::from_str(r#"{"connect_timeout": "7s"}"#).unwrap());
    let started = Instant::now();
    served.put(&mesh);
    served.until("the cluster has changed", Served::have_all);
    println!("a changed EDS cluster was in force after {:?}", started.elapsed());
    let edge = EDGE.parse().unwrap();
    served.until("the new cluster is in use", |served| {
        served
            .admin(&edge, "GET", "/config_dump?resource=dynamic_active_clusters")
            .contains("\"7s\"")
    });
    let late = served.admin(&edge, "GET", "/stats?filter=init_fetch_timeout");
    assert!(late.lines().all(|line| line.ends_with(": 0")), "{late}");
    assert_eq!(served.get(EDGE, CART, &[]).brief(), "200 cart-v2");
}

#[test]
fn a_refused_resource_is_named_with_its_reason_and_does_not_hold_back_the_good_one() {
    let mut served = Served::example("shop");
    let mesh = served.loaded.mesh.clone();
    let whole = served.compiled(&mesh, EDGE);
    let cluster = |n: usize, timeout: &str| {
        let json = format!(
            r#"{{"@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster", "name": "extra-{n}",
            "connect_timeout": "{timeout}", "alt_stat_name": "hunter2"}}"#
        );
        resource(ResourceType::Cluster, &format!("extra-{n}"), &json)
    };
    let with = |bad: &str| {
        let mut config = whole.clone();
        for n in 0..8 {
            let one = cluster(n, if n == 5 { bad } else { "1s" });
            config.resources.insert((one.kind, one.name.clone()), Arc::new(one));
        }
        BTreeMap::from([(EDGE.parse().unwrap(), config)])
    };
    let bad = (ResourceType::Cluster, "extra-5".to_owned());
    served.put_configs(with("0s"));
    served.until("the one bad cluster is known, and nothing else is lacking", |served| {
        let edge = &served.instances(EDGE)[0].progress;
        edge.refused.contains_key(&bad) && edge.lacks == BTreeSet::from([bad.clone()])
    });
    let edge = &served.instances(EDGE)[0].progress;
    let class = &edge.refused[&bad].class;
    assert!(class.contains("ConnectTimeout") && !class.contains("hunter2"), "{class}");
    assert_eq!(edge.step.unwrap().revision, 1, "the step before it is the last that it has");
    assert!(served.admin(&EDGE.parse().unwrap(), "GET", "/clusters").contains("extra-4::"));
    assert_eq!(served.get(EDGE, CART, &[("x-canary", "true")]).brief(), "200 cart-v2");
    let refusals = served.hub().counts().refusals;
    assert!(refusals <= 4, "found by halves, and not sent again: {refusals} refusals");

    served.put_configs(with("2s"));
    served.until("the mended cluster is taken", |served| {
        let edge = &served.instances(EDGE)[0].progress;
        edge.refused.is_empty() && edge.lacks.is_empty()
    });
}

#[test]
fn envoys_that_reconnect_to_a_new_server_get_nothing_that_they_have() {
    let mut served = Served::example("shop");
    let proxies = served.hub().report("shop").len();
    served.restart();
    assert_eq!(served.get(EDGE, CART, &[("x-canary", "true")]).brief(), "200 cart-v2");
    served.until("all Envoys are back", |served| served.hub().streams() == proxies);
    assert_eq!(served.hub().counts().responses, 0, "a server that knows nothing says nothing");
    let mesh = served.loaded.mesh.clone();
    served.put(&mesh);
    // The mesh is as it was, so its steps are counted anew.
    served.until("all are known to have it", Served::have_all);
    let counts = served.hub().counts();
    assert_eq!(counts.resources, 0, "{counts:?}");
    assert_eq!(served.get(EDGE, CART, &[("x-canary", "true")]).brief(), "200 cart-v2");
}

#[test]
fn x43_clusters_are_swapped_under_load_and_no_request_fails() {
    let mut served = Served::example("shop");
    let to = |mesh: &Mesh, node: &str| {
        let mut mesh = mesh.clone();
        let cart = mesh.routers.get_mut(&RouterName::new("cart").unwrap()).unwrap();
        for route in &mut cart.routes {
            // Nothing is made good by another try.
            route.retry = None;
            route.targets.truncate(1);
            route.targets[0].node = NodeName::new(node).unwrap();
            route.targets[0].weight = 1;
        }
        mesh
    };
    let mesh = served.loaded.mesh.clone();
    let (one, two) = (to(&mesh, "cart-v1"), to(&mesh, "cart-v2"));
    // In one step, so that the order is the stream's alone.
    let counts = served.under_load(EDGE, CART, |served| {
        for swap in 0..60 {
            served.put(if swap % 2 == 0 { &two } else { &one });
            served.until("the swap has arrived", Served::have_all);
        }
    });
    println!("60 swaps: {counts:?}");
    assert!(counts.contains_key("200 cart-v1") && counts.contains_key("200 cart-v2"));
    assert!(counts.keys().all(|answer| answer.starts_with("200 cart-v")), "{counts:?}");
    let edge = EDGE.parse().unwrap();
    let clusters = served.admin(&edge, "GET", "/clusters");
    assert!(clusters.contains("cart-v1") && !clusters.contains("cart-v2"), "the old one is gone");
}

#[test]
fn secrets_come_by_the_same_stream() {
    let mut served = Served::example("mtls");
    let report = served.hub().report(served.loaded.mesh.settings.name.as_str());
    let proxies: Vec<String> = report.keys().map(ToString::to_string).collect();
    let secrets = |proxy: &String| {
        served.compiled(&served.loaded.mesh, proxy).of(ResourceType::Secret).count()
    };
    assert!(proxies.iter().map(secrets).sum::<usize>() > 0);
    for request in &served.loaded.project.dev.requests {
        let headers: Vec<_> =
            request.headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let seen = served.get(&request.from.to_string(), &request.url, &headers);
        assert_eq!(u32::from(seen.status()), request.status.unwrap_or(200), "{request:?}");
    }
    // X48: a cluster that changes while the proxies are away does not wait for the secrets that
    // they have.
    served.restart();
    let mut mesh = served.loaded.mesh.clone();
    for node in mesh.nodes.values_mut() {
        for listener in &mut node.listeners {
            let patch = serde_json::from_str(r#"{"connect_timeout": "7s"}"#).unwrap();
            listener.patch.cluster = Some(patch);
        }
    }
    served.put(&mesh);
    served.until("the clusters have changed", Served::have_all);
    for proxy in proxies {
        let proxy = proxy.parse().unwrap();
        let late = served.admin(&proxy, "GET", "/stats?filter=init_fetch_timeout");
        assert!(late.lines().all(|line| line.ends_with(": 0")), "{late}");
    }
}

#[test]
fn a_stop_ends_streams_and_requests_go_on() {
    let mut served = Served::example("shop");
    served.stop_server();
    assert_eq!(served.get(EDGE, CART, &[("x-canary", "true")]).brief(), "200 cart-v2");
}

fn resource(kind: ResourceType, name: &str, json: &str) -> Resource {
    let message = envoy_api::any_from_json(&serde_json::from_str(json).unwrap()).unwrap();
    let mut version = envoy_api::wire_hash(&message);
    version.truncate(16);
    let (name, side) = (name.to_owned(), Side::Egress);
    Resource { kind, name, side, message, version, origins: Vec::new() }
}
