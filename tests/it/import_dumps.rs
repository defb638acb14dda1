//! `config_dump`s: no field of Envoy is dropped without an entry, and a proof says no more than it compared.

use crate::support::sandbox::{Ran, Sandbox};
use crate::support::shared;
use meshctl::import::{Content, Imported, Options, Source, import};
use serde_json::{Value, json};

fn read(dump: &Value) -> Imported {
    let content = Content::Text(dump.to_string());
    let source = Source { path: "dump.json".to_owned(), content, named: true };
    import(vec![source], &Options::default())
}

/// What an import shows of its sources, places aside.
fn shown(imported: &Imported) -> String {
    let entries: Vec<String> = imported
        .report
        .iter()
        .map(|entry| {
            format!("{:?} {:?} {} {}", entry.reason, entry.address, entry.field, entry.message)
        })
        .collect();
    let errors: Vec<&str> =
        imported.diagnostics.iter().map(|found| found.message.as_str()).collect();
    format!(
        "{}\n{:?}\n{}\n{}",
        imported.text,
        imported.proxies,
        entries.join("\n"),
        errors.join("\n")
    )
}

fn retry() -> Value {
    json!({ "retry_on": "unavailable,connect-failure,refused-stream,reset,retriable-status-codes",
        "num_retries": 2, "retriable_status_codes": [503] })
}

fn limits() -> Value {
    json!({ "thresholds": [{ "max_connections": 2_147_483_647_u32, "max_pending_requests": 2_147_483_647_u32,
        "max_requests": 2_147_483_647_u32, "max_retries": 2_147_483_647_u32 }] })
}

fn manager(routes: &str) -> Value {
    json!({ "name": "envoy.filters.network.http_connection_manager", "typed_config": {
        "@type": "x.HttpConnectionManager", "stat_prefix": "x",
        "rds": { "route_config_name": routes, "config_source": { "ads": {} } },
        "http_filters": [{ "name": "envoy.filters.http.router", "typed_config": { "@type": "x.Router" } }],
        "upgrade_configs": [{ "upgrade_type": "websocket" }], "normalize_path": true } })
}

fn endpoints(address: &str, port: u16) -> Value {
    json!({ "cluster_name": "x", "endpoints": [{ "lb_endpoints": [{ "endpoint": { "address": {
        "socket_address": { "address": address, "port_value": port } } } }] }] })
}

/// A dump of a node that calls a service of two nodes.
fn of_node() -> Value {
    let peer = |node: &str| {
        json!({ "cluster": { "name": format!("cds_egress_m_{node}_http_80"), "type": "STRICT_DNS",
            "connect_timeout": "1s", "load_assignment": endpoints(&format!("{node}.local"), 80),
            "circuit_breakers": limits(),
            "health_checks": [{ "interval": "5s", "timeout": "2s", "healthy_threshold": 2, "unhealthy_threshold": 3,
                "http_health_check": { "host": "x", "path": "/ping" } }],
            "outlier_detection": { "consecutive_5xx": 5, "interval": "10s", "base_ejection_time": "30s",
                "max_ejection_percent": 50 } } })
    };
    let local = json!({ "cluster": { "name": "cds_ingress_m_front_http_80", "type": "STATIC",
        "connect_timeout": "1s", "load_assignment": endpoints("127.0.0.1", 80), "circuit_breakers": limits() } });
    json!({ "configs": [
        { "@type": "x.BootstrapConfigDump", "bootstrap": { "node": { "id": "mesh/m/virtualNode/front" } } },
        { "@type": "x.ClustersConfigDump", "dynamic_active_clusters": [peer("blue"), peer("green"), local] },
        { "@type": "x.ListenersConfigDump", "dynamic_listeners": [
            { "active_state": { "listener": { "name": "lds_ingress_0.0.0.0_15000",
                "address": { "socket_address": { "address": "0.0.0.0", "port_value": 15000 } },
                "filter_chains": [{ "filter_chain_match": { "destination_port": 80 },
                    "filters": [manager("rds_ingress_http_80")] }] } } },
            { "active_state": { "listener": { "name": "lds_egress_0.0.0.0_15001",
                "filter_chains": [{ "filters": [manager("rds_egress_http_80")] }] } } }] },
        { "@type": "x.RoutesConfigDump", "dynamic_route_configs": [
            { "route_config": { "name": "rds_egress_http_80", "virtual_hosts": [{ "name": "s.local",
                "domains": ["s.local", "s.local:80"], "routes": [{
                    "match": { "prefix": "/", "headers": [{ "name": "x", "string_match": { "exact": "y" } }],
                        "query_parameters": [{ "name": "q", "string_match": { "exact": "1" } }] },
                    "route": { "weighted_clusters": { "clusters": [
                            { "name": "cds_egress_m_blue_http_80", "weight": 9 },
                            { "name": "cds_egress_m_green_http_80", "weight": 1 }] },
                        "timeout": "3s", "idle_timeout": "60s", "retry_policy": retry() } }] }] } },
            { "route_config": { "name": "rds_ingress_http_80", "virtual_hosts": [{ "name": "ingress",
                "domains": ["*"], "routes": [{ "match": { "prefix": "/" },
                    "route": { "cluster": "cds_ingress_m_front_http_80", "timeout": "15s" } }] }] } }] },
    ] })
}

/// A dump of a gateway with two prefixes, each as App Mesh rendered it.
fn of_gateway() -> Value {
    let route = |prefix: &str, service: &str| {
        json!({ "match": { "prefix": prefix }, "route": { "cluster": "cds_ingress_m_g_self_redirect_http_15001",
            "prefix_rewrite": "/", "host_rewrite_literal": service, "timeout": "15s" } })
    };
    json!({ "configs": [
        { "@type": "x.BootstrapConfigDump", "bootstrap": { "node": { "id": "mesh/m/virtualGateway/g" } } },
        { "@type": "x.ListenersConfigDump", "dynamic_listeners": [{ "active_state": { "listener": {
            "name": "lds_ingress_0.0.0.0_8088",
            "address": { "socket_address": { "address": "0.0.0.0", "port_value": 8088 } },
            "filter_chains": [{ "filters": [manager("rds_ingress_http_8088")] }] } } }] },
        { "@type": "x.RoutesConfigDump", "dynamic_route_configs": [{ "route_config": {
            "name": "rds_ingress_http_8088", "virtual_hosts": [{ "name": "self_redirect", "domains": ["*"],
            "routes": [route("/aa/", "a.local"), route("/aa", "a.local"), route("/b/", "b.local"),
                route("/b", "b.local")] }] } }] },
    ] })
}

const TABLES: &str = "/configs/3/dynamic_route_configs";
const CLUSTERS: &str = "/configs/1/dynamic_active_clusters";
const LISTENER: &str = "/configs/2/dynamic_listeners/0/active_state/listener";

/// Messages of a node's dump: the place of one, and its name.
fn places_of_node() -> Vec<(String, &'static str)> {
    let host = format!("{TABLES}/0/route_config/virtual_hosts/0");
    let (peer, local) = (format!("{CLUSTERS}/0/cluster"), format!("{CLUSTERS}/2/cluster"));
    let chain = format!("{LISTENER}/filter_chains/0");
    let inbound = format!("{TABLES}/1/route_config/virtual_hosts/0");
    let lookup = [
        (format!("{TABLES}/0/route_config"), "config.route.v3.RouteConfiguration"),
        (format!("{TABLES}/1/route_config"), "config.route.v3.RouteConfiguration"),
        (host.clone(), "config.route.v3.VirtualHost"),
        (inbound.clone(), "config.route.v3.VirtualHost"),
        (format!("{host}/routes/0"), "config.route.v3.Route"),
        (format!("{inbound}/routes/0"), "config.route.v3.Route"),
        (format!("{host}/routes/0/match"), "config.route.v3.RouteMatch"),
        (format!("{inbound}/routes/0/match"), "config.route.v3.RouteMatch"),
        (format!("{host}/routes/0/match/headers/0"), "config.route.v3.HeaderMatcher"),
        (format!("{host}/routes/0/match/headers/0/string_match"), "type.matcher.v3.StringMatcher"),
        (
            format!("{host}/routes/0/match/query_parameters/0"),
            "config.route.v3.QueryParameterMatcher",
        ),
        (
            format!("{host}/routes/0/match/query_parameters/0/string_match"),
            "type.matcher.v3.StringMatcher",
        ),
        (format!("{host}/routes/0/route"), "config.route.v3.RouteAction"),
        (format!("{inbound}/routes/0/route"), "config.route.v3.RouteAction"),
        (format!("{host}/routes/0/route/weighted_clusters"), "config.route.v3.WeightedCluster"),
        (
            format!("{host}/routes/0/route/weighted_clusters/clusters/0"),
            "config.route.v3.WeightedCluster.ClusterWeight",
        ),
        (format!("{host}/routes/0/route/retry_policy"), "config.route.v3.RetryPolicy"),
        (peer.clone(), "config.cluster.v3.Cluster"),
        (local.clone(), "config.cluster.v3.Cluster"),
        (format!("{peer}/health_checks/0"), "config.core.v3.HealthCheck"),
        (
            format!("{peer}/health_checks/0/http_health_check"),
            "config.core.v3.HealthCheck.HttpHealthCheck",
        ),
        (format!("{peer}/outlier_detection"), "config.cluster.v3.OutlierDetection"),
        (format!("{peer}/circuit_breakers"), "config.cluster.v3.CircuitBreakers"),
        (
            format!("{local}/circuit_breakers/thresholds/0"),
            "config.cluster.v3.CircuitBreakers.Thresholds",
        ),
        (format!("{peer}/load_assignment"), "config.endpoint.v3.ClusterLoadAssignment"),
        (format!("{peer}/load_assignment/endpoints/0"), "config.endpoint.v3.LocalityLbEndpoints"),
        (
            format!("{peer}/load_assignment/endpoints/0/lb_endpoints/0"),
            "config.endpoint.v3.LbEndpoint",
        ),
        (
            format!("{peer}/load_assignment/endpoints/0/lb_endpoints/0/endpoint"),
            "config.endpoint.v3.Endpoint",
        ),
        (LISTENER.to_owned(), "config.listener.v3.Listener"),
        (chain.clone(), "config.listener.v3.FilterChain"),
        (format!("{chain}/filter_chain_match"), "config.listener.v3.FilterChainMatch"),
        (format!("{chain}/filters/0"), "config.listener.v3.Filter"),
        (
            format!("{chain}/filters/0/typed_config"),
            "extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        ),
    ];
    lookup.into_iter().collect()
}

fn places_of_gateway() -> Vec<(String, &'static str)> {
    let table = "/configs/2/dynamic_route_configs/0/route_config";
    let route = format!("{table}/virtual_hosts/0/routes/0");
    let lookup = "/configs/1/dynamic_listeners/0/active_state/listener";
    vec![
        (table.to_owned(), "config.route.v3.RouteConfiguration"),
        (format!("{table}/virtual_hosts/0"), "config.route.v3.VirtualHost"),
        (route.clone(), "config.route.v3.Route"),
        (format!("{route}/match"), "config.route.v3.RouteMatch"),
        (format!("{route}/route"), "config.route.v3.RouteAction"),
        (lookup.to_owned(), "config.listener.v3.Listener"),
        (format!("{lookup}/filter_chains/0"), "config.listener.v3.FilterChain"),
        (
            format!("{lookup}/filter_chains/0/filters/0/typed_config"),
            "extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        ),
    ]
}

/// Fields that no request meets, by their message. Logs are named in the report of every dump.
const ASIDE: [(&str, &str); 30] = [
    ("RouteConfiguration", "validate_clusters"),
    ("Route", "stat_prefix"),
    ("WeightedCluster", "total_weight"),
    ("Cluster", "alt_stat_name"),
    ("Cluster", "eds_cluster_config"),
    ("HttpHealthCheck", "host"),
    ("ClusterLoadAssignment", "cluster_name"),
    ("LocalityLbEndpoints", "locality"),
    ("Listener", "traffic_direction"),
    ("Listener", "internal_listener"),
    ("Listener", "access_log"),
    ("Listener", "stat_prefix"),
    ("Listener", "use_original_dst"),
    ("Listener", "enable_reuse_port"),
    ("Listener", "drain_type"),
    ("FilterChain", "name"),
    // Ports and TLS are what the chain is for; that TLS is not read is in the report of every dump.
    ("FilterChain", "transport_socket"),
    ("FilterChainMatch", "destination_port"),
    ("FilterChainMatch", "transport_protocol"),
    ("HttpConnectionManager", "stat_prefix"),
    ("HttpConnectionManager", "rds"),
    ("HttpConnectionManager", "access_log"),
    ("HttpConnectionManager", "tracing"),
    // Values that App Mesh's agent wrote, or that meshctl writes where nothing is said.
    ("Cluster", "dns_lookup_family"),
    ("Cluster", "ignore_health_on_host_removal"),
    ("HttpConnectionManager", "merge_slashes"),
    // Of a listener of a node, whose ports are those of its clusters.
    ("Listener", "address"),
    // Of the inbound side, where there is one host, one route and one cluster.
    ("VirtualHost", "name"),
    ("Route", "name"),
    ("RouteAction", "cluster"),
];

#[test]
fn every_field_of_envoy_is_read_or_in_the_report() {
    let (mut tried, mut silent) = (0, Vec::new());
    for (dump, places) in [(of_node(), places_of_node()), (of_gateway(), places_of_gateway())] {
        let before = read(&dump);
        assert!(!before.diagnostics.has_errors(), "{:?}", before.diagnostics);
        let before = shown(&before);
        for (place, message) in places {
            let full = format!("envoy.{message}");
            let kind = envoy_api::pool().get_message_by_name(&full);
            let kind = kind.unwrap_or_else(|| panic!("{full} is no message"));
            assert!(dump.pointer(&place).is_some(), "{place}");
            for field in kind.fields() {
                let word = format!("{:?}", field.kind()).to_ascii_lowercase();
                let one =
                    match field.kind().as_message().map(|message| message.full_name().to_owned()) {
                        Some(name) if name == "google.protobuf.Duration" => json!("77s"),
                        Some(name) if name == "google.protobuf.BoolValue" => json!(false),
                        Some(name) if name.ends_with("Value") && name.starts_with("google") => {
                            json!(7)
                        }
                        Some(_) => json!({ "odd": 1 }),
                        None if field.kind().as_enum().is_some() => {
                            let kind = field.kind();
                            let last = kind.as_enum().and_then(|all| all.values().last());
                            json!(last.map(|value| value.name().to_owned()))
                        }
                        None if word == "bool" => json!(true),
                        None if word == "string" || word == "bytes" => json!("odd"),
                        None => json!(7),
                    };
                let value = match (field.is_map(), field.is_list()) {
                    (true, _) => json!({ "odd": { "odd": 1 } }),
                    (_, true) => json!([one]),
                    _ => one,
                };
                let mut dump = dump.clone();
                let at = dump.pointer_mut(&place).and_then(Value::as_object_mut).unwrap();
                if at.get(field.name()) == Some(&value) {
                    continue;
                }
                // Of several that exclude each other one is there.
                for other in field.containing_oneof().iter().flat_map(|one| one.fields()) {
                    at.remove(other.name());
                }
                at.insert(field.name().to_owned(), value);
                tried += 1;
                let short = message.rsplit('.').next().unwrap_or(message);
                if shown(&read(&dump)) == before && !ASIDE.contains(&(short, field.name())) {
                    silent.push(format!("{place}: {}", field.name()));
                }
            }
        }
    }
    assert!(tried > 500, "{tried}");
    assert!(silent.is_empty(), "{}", silent.join("\n"));
}

/// The dump with one value replaced, by its pointer.
fn with(dump: &Value, at: &str, value: Value) -> Value {
    let mut dump = dump.clone();
    *dump.pointer_mut(at).unwrap() = value;
    dump
}

#[test]
fn what_a_route_does_and_app_mesh_cannot_say_is_in_the_report() {
    let dump = of_node();
    let route = format!("{TABLES}/0/route_config/virtual_hosts/0/routes/0");
    let policy = |policy: Value| with(&dump, &format!("{route}/route/retry_policy"), policy);
    let header = |header: Value| with(&dump, &format!("{route}/match/headers/0"), header);
    let action = |key: &str| {
        let matches = json!({ "match": { "prefix": "/" }, key: { "path_redirect": "/x" } });
        with(&dump, &route, matches)
    };
    for (dump, words) in [
        (action("redirect"), "leads to no node"),
        (action("direct_response"), "direct_response is not read"),
        (policy(json!({ "retry_on": "5xx", "num_retries": 1 })), "`5xx` is no retry event"),
        (
            policy(
                json!({ "retry_on": "reset,retriable-status-codes", "retriable_status_codes": [418] }),
            ),
            "no retry event of App Mesh: 418",
        ),
        (
            header(json!({ "name": ":method", "exact_match": "GET", "invert_match": true })),
            "`:method`",
        ),
        (header(json!({ "name": "x", "string_match": { "contains": "y" } })), "match of a kind"),
    ] {
        let imported = read(&dump);
        let found = imported.report.iter().any(|entry| {
            entry.reason.is_loss() && format!("{} {}", entry.field, entry.message).contains(words)
        });
        assert!(found, "`{words}` is not in {}", shown(&imported));
    }
    // What App Mesh can say is read as it was.
    for (dump, words) in [
        (policy(Value::Null), "max_retries = 0"),
        (header(json!({ "name": "x", "range_match": { "end": "5" } })), "range = [0, 5]"),
        (header(json!({ "name": "x", "present_match": false })), "invert = true"),
    ] {
        let imported = read(&dump);
        assert!(imported.text.contains(words), "`{words}` is not in {}", imported.text);
    }
}

#[test]
fn the_last_prefix_of_a_gateway_is_a_route_too() {
    let imported = read(&of_gateway());
    let routes = &imported.mesh.gateways["g"].routes;
    let services: Vec<&str> = routes.iter().map(|route| route.service.name.as_str()).collect();
    assert_eq!(services, ["a.local", "b.local"], "{}", imported.text);
    // Two routes that differ in more than the slash are two.
    let at =
        "/configs/2/dynamic_route_configs/0/route_config/virtual_hosts/0/routes/2/route/timeout";
    let imported = read(&with(&of_gateway(), at, json!("77s")));
    assert!(imported.mesh.gateways["g"].routes.len() == 3, "{}", imported.text);
    let Some(path) = shared("cases/import/dumps/1.json") else { return };
    let sandbox = Sandbox::new();
    let ran = sandbox.run(&["import", path.to_str().unwrap(), "--allow-loss"]).exits(0);
    assert!(
        ran.stdout.contains("\"/headers\"") && ran.stdout.contains("\"/paths\""),
        "{}",
        ran.stdout
    );
}

fn proved(definitions: &Value, dump: &Value, args: &[&str]) -> Ran {
    let sandbox = Sandbox::new();
    sandbox.write("source/all.json", definitions.to_string());
    sandbox.write("source/dump.json", dump.to_string());
    let all: Vec<&str> = ["import", "source", "--prove"].iter().chain(args).copied().collect();
    sandbox.run(&all)
}

/// The definitions of which `of_node` is the dump.
fn defined(mesh: &str) -> Value {
    let node = |name: &str, rest: Value| {
        let mut spec = json!({ "listeners": [{ "portMapping": { "port": 80, "protocol": "http" } }],
            "serviceDiscovery": { "dns": { "hostname": format!("{name}.local"), "responseType": "ENDPOINTS" } } });
        if name != "front" {
            spec["listeners"][0]["healthCheck"] = json!({ "protocol": "http", "path": "/ping",
                "intervalMillis": 5000, "timeoutMillis": 2000, "healthyThreshold": 2, "unhealthyThreshold": 3 });
            spec["listeners"][0]["outlierDetection"] = json!({ "maxServerErrors": 5, "maxEjectionPercent": 50,
                "interval": { "unit": "s", "value": 10 }, "baseEjectionDuration": { "unit": "s", "value": 30 } });
        }
        spec["backends"] = rest;
        json!({ "virtualNodeName": name, "meshName": mesh, "spec": spec })
    };
    json!([
        node("front", json!([{ "virtualService": { "virtualServiceName": "s.local" } }])),
        node("blue", json!([])),
        node("green", json!([])),
        { "virtualServiceName": "s.local", "meshName": mesh,
            "spec": { "provider": { "virtualRouter": { "virtualRouterName": "r" } } } },
        { "virtualRouterName": "r", "meshName": mesh,
            "spec": { "listeners": [{ "portMapping": { "port": 80, "protocol": "http" } }] } },
        { "routeName": "a", "virtualRouterName": "r", "meshName": mesh, "spec": { "httpRoute": {
            "match": { "prefix": "/", "headers": [{ "name": "x", "match": { "exact": "y" } }],
                "queryParameters": [{ "name": "q", "match": { "exact": "1" } }] },
            "timeout": { "perRequest": { "unit": "s", "value": 3 }, "idle": { "unit": "s", "value": 60 } },
            "action": { "weightedTargets": [{ "virtualNode": "blue", "weight": 9 },
                { "virtualNode": "green", "weight": 1 }] } } } },
    ])
}

#[test]
fn a_proof_says_no_more_than_it_compared() {
    let dump = of_node();
    let ran = proved(&defined("m"), &dump, &[]).exits(0);
    assert!(
        ran.all().contains("equal routing: the definitions route every request"),
        "{}",
        ran.all()
    );
    assert!(ran.all().contains("not compared: listeners"), "{}", ran.all());
    // Another mesh, with and without a flag that names one.
    let ran = proved(&defined("n"), &dump, &[]).exits(4);
    assert!(ran.all().contains("ran the mesh m"), "{}", ran.all());
    // A node that is found or checked in another way.
    let mut other = defined("m");
    other[1]["spec"]["serviceDiscovery"]["dns"]["hostname"] = json!("cyan.local");
    let ran = proved(&other, &dump, &[]).exits(4);
    assert!(ran.all().contains("in another way than blue.local"), "{}", ran.all());
    let mut other = defined("m");
    other[2]["spec"]["listeners"][0]["healthCheck"]["path"] = json!("/pong");
    let ran = proved(&other, &dump, &[]).exits(4);
    assert!(ran.all().contains("health check of port 80"), "{}", ran.all());
    // What is lost of the definitions is no part of a proof.
    let mut lossy = defined("m");
    lossy[0]["spec"]["colour"] = json!(1);
    let ran = proved(&lossy, &dump, &["--allow-loss"]).exits(0);
    assert!(ran.all().contains("not proven"), "{}", ran.all());
    // A mirror is seen by nobody's definitions.
    let at = format!("{TABLES}/0/route_config/virtual_hosts/0/routes/0/route/timeout");
    let mut odd = with(&dump, &at, json!("3s"));
    odd.pointer_mut(at.trim_end_matches("/timeout")).unwrap()["request_mirror_policies"] =
        json!([{ "cluster": "x" }]);
    let ran = proved(&defined("m"), &odd, &[]).exits(4);
    assert!(
        ran.all().contains("not proven") && ran.all().contains("request_mirror_policies"),
        "{}",
        ran.all()
    );
}

/// Imports several dumps together.
fn together(dumps: &[&Value]) -> Imported {
    let source = |(at, dump): (usize, &&Value)| {
        let content = Content::Text(dump.to_string());
        Source { path: format!("{at}.json"), content, named: true }
    };
    import(dumps.iter().enumerate().map(source).collect(), &Options::default())
}

/// The dump with another proxy's name.
fn of_proxy(dump: &Value, kind: &str, name: &str) -> Value {
    let mut dump = dump.clone();
    dump["configs"][0]["bootstrap"]["node"]["id"] = json!(format!("mesh/m/{kind}/{name}"));
    let text = dump.to_string().replace("cds_ingress_m_front_", &format!("cds_ingress_m_{name}_"));
    serde_json::from_str(&text).unwrap()
}

/// The dump with services of these names, one route each.
fn calling(dump: &Value, services: &[&str]) -> Value {
    let at = format!("{TABLES}/0/route_config/virtual_hosts");
    let hosts: Vec<Value> = services
        .iter()
        .map(|name| {
            let mut host = dump.pointer(&format!("{at}/0")).unwrap().clone();
            host["name"] = json!(name);
            host["domains"] = json!([name, format!("{name}:80")]);
            host
        })
        .collect();
    with(dump, &at, Value::Array(hosts))
}

#[test]
fn dumps_that_share_a_service_are_one_mesh() {
    let front = of_node();
    let alone = read(&front);
    assert!(alone.text.contains("[virtual_router.s-router]"), "{}", alone.text);
    // A replica's dump, or a copy.
    let copies = together(&[&front, &front, &front]);
    assert!(!copies.diagnostics.has_errors(), "{:?}", copies.diagnostics);
    assert_eq!((&copies.text, &copies.proxies), (&alone.text, &alone.proxies));
    // Two nodes, and a gateway with what it leads to.
    let back = of_proxy(&front, "virtualNode", "back");
    let gateway = of_proxy(&front, "virtualGateway", "g");
    for (others, routers) in [([&front, &back], 1), ([&gateway, &front], 1), ([&back, &gateway], 1)]
    {
        let both = together(&others);
        assert!(!both.diagnostics.has_errors(), "{:?}", both.diagnostics);
        assert_eq!(both.mesh.routers.len(), routers, "{}", both.text);
        assert_eq!(both.mesh.routers["s-router"], alone.mesh.routers["s-router"]);
        assert_eq!(both.proxies.len(), 2);
    }
    // A state between two others is a contradiction still.
    let weight = format!(
        "{TABLES}/0/route_config/virtual_hosts/0/routes/0/route/weighted_clusters/clusters/0/weight"
    );
    let other = with(&back, &weight, json!(8));
    let words = shown(&together(&[&front, &other]));
    assert!(words.contains("is defined in 2 ways"), "{words}");
}

#[test]
fn a_service_has_one_router_in_whatever_order_dumps_name_it() {
    let front = of_node();
    let back = of_proxy(&front, "virtualNode", "back");
    let names = ["a-b.c", "a.b-c", "a.b.c", "a-b-c", "a.d", "e.f"];
    let turned: Vec<&str> = names.iter().rev().copied().collect();
    let both = together(&[&calling(&front, &names), &calling(&back, &turned)]);
    assert!(!both.diagnostics.has_errors(), "{:?}", both.diagnostics);
    assert_eq!((both.mesh.services.len(), both.mesh.routers.len()), (6, 6), "{}", both.text);
    assert!(both.text.contains("[virtual_router.e-router]"), "{}", both.text);
    assert!(both.text.contains("[virtual_router.a-d-router]"), "{}", both.text);
    let other = together(&[&calling(&back, &turned), &calling(&front, &names)]);
    assert_eq!(other.text, both.text);
}

#[test]
fn a_node_that_calls_itself_is_found_as_its_own_cluster_says() {
    let own = of_proxy(&of_node(), "virtualNode", "blue");
    let imported = read(&own);
    assert!(!imported.diagnostics.has_errors(), "{:?}", imported.diagnostics);
    let blue = &imported.mesh.nodes["blue"];
    assert!(blue.discovery.is_some() && blue.listeners[0].health_check.is_some(), "{blue:?}");
}

#[test]
fn a_proof_compares_what_a_called_node_speaks_and_how_it_is_looked_up() {
    let dump = of_node();
    let mut spoken = defined("m");
    spoken[1]["spec"]["listeners"][0]["portMapping"]["protocol"] = json!("http2");
    let ran = proved(&spoken, &dump, &[]).exits(4);
    assert!(ran.all().contains("virtual_node/blue: the protocol of port 80"), "{}", ran.all());
    let mut port = defined("m");
    port[1]["spec"]["listeners"][0]["portMapping"]["port"] = json!(81);
    let ran = proved(&port, &dump, &[]).exits(4);
    assert!(ran.all().contains("different"), "{}", ran.all());
    let family = format!("{CLUSTERS}/0/cluster");
    for (preference, family_of_dump, equal) in [
        (None, None, true),
        (None, Some("ALL"), true),
        (None, Some("V4_ONLY"), false),
        (Some("IPv4_ONLY"), Some("V4_ONLY"), true),
        (Some("IPv4_ONLY"), None, false),
        (Some("IPv6_ONLY"), Some("V6_ONLY"), true),
        (Some("IPv6_ONLY"), Some("V4_PREFERRED"), false),
        (Some("IPv4_PREFERRED"), Some("V4_PREFERRED"), true),
        (Some("IPv6_PREFERRED"), None, true),
        (Some("IPv6_PREFERRED"), Some("ALL"), false),
    ] {
        let mut dump = dump.clone();
        if let Some(family_of_dump) = family_of_dump {
            dump.pointer_mut(&family).unwrap()["dns_lookup_family"] = json!(family_of_dump);
        }
        let mut definitions = defined("m");
        if let Some(preference) = preference {
            definitions[1]["spec"]["serviceDiscovery"]["dns"]["ipPreference"] = json!(preference);
        }
        let ran = proved(&definitions, &dump, &[]).exits(if equal { 0 } else { 4 });
        assert_eq!(ran.all().contains("equal routing:"), equal, "{}", ran.all());
        assert_eq!(ran.all().contains("the IP preference"), !equal, "{}", ran.all());
    }
    // The preference of the mesh holds for nodes without one.
    let mut whole = defined("m");
    whole.as_array_mut().unwrap().push(json!({ "meshName": "m",
        "spec": { "serviceDiscovery": { "ipPreference": "IPv4_ONLY" } } }));
    let ran = proved(&whole, &dump, &[]).exits(4);
    assert!(ran.all().contains("the IP preference, ipv4-only"), "{}", ran.all());
    // A name in the definitions, where the proxy had addresses from elsewhere.
    let mut registry = dump.clone();
    registry.pointer_mut(&family).unwrap()["type"] = json!("EDS");
    let ran = proved(&defined("m"), &registry, &[]).exits(4);
    assert!(ran.all().contains("and the dump does not"), "{}", ran.all());
    // A node that has a dump of its own is compared as any other.
    let mut front = calling(&dump, &["t.local"]);
    front["configs"][0]["bootstrap"]["node"]["id"] = json!("mesh/m/virtualNode/blue");
    let mut definitions = defined("m");
    definitions[1]["spec"]["listeners"][0]["healthCheck"]["path"] = json!("/pong");
    let sandbox = Sandbox::new();
    sandbox.write("source/all.json", definitions.to_string());
    sandbox.write("source/a.json", dump.to_string());
    sandbox.write("source/b.json", front.to_string());
    let ran = sandbox.run(&["import", "source", "--prove"]).exits(4);
    assert!(ran.all().contains("health check of port 80"), "{}", ran.all());
}

/// Two gateway routes in two files, and the order that an import gives them.
fn ordered(first: (&str, &Value), second: (&str, &Value)) -> (Vec<String>, Ran, Ran) {
    let sandbox = Sandbox::new();
    let service = |name: &str| {
        json!([{ "virtualServiceName": format!("{name}.local"), "meshName": "m",
                "spec": { "provider": { "virtualNode": { "virtualNodeName": name } } } },
            { "virtualNodeName": name, "meshName": "m", "spec": {
                "listeners": [{ "portMapping": { "port": 80, "protocol": "http" } }],
                "serviceDiscovery": { "dns": { "hostname": format!("{name}.internal") } } } }])
    };
    let gateway = json!({ "virtualGatewayName": "g", "meshName": "m",
        "spec": { "listeners": [{ "portMapping": { "port": 8080, "protocol": "http" } }] } });
    sandbox.write("source/z.json", json!([gateway, service("one"), service("two")]).to_string());
    for (at, (name, matches)) in [first, second].into_iter().enumerate() {
        let route = json!({ "gatewayRouteName": name, "virtualGatewayName": "g", "meshName": "m",
            "spec": { "httpRoute": { "match": matches, "action": { "target": { "virtualService": {
                "virtualServiceName": format!("{name}.local") } } } } } });
        sandbox.write(&format!("source/{at}.json"), route.to_string());
    }
    let ran = sandbox.run(&["import", "source", "-o", "out"]).exits(0);
    let text = std::fs::read_to_string(sandbox.join("out/mesh.toml")).unwrap();
    let mesh = crate::written::read(&text);
    let names = mesh.gateways["g"].routes.iter().map(|route| route.name.to_string()).collect();
    let commented = text.contains("# `") && text.contains("is matched before this route");
    assert_eq!(commented, ran.all().contains("documents do not say"), "{text}\n{}", ran.all());
    (names, ran, sandbox.run(&["-C", "out", "check"]))
}

#[test]
fn the_order_of_gateway_routes_never_follows_names_of_files() {
    let host = |way: &str, name: &str| json!({ "prefix": "/", "hostname": { way: name } });
    let header = |name: &str| json!({ "prefix": "/", "headers": [{ "name": name, "match": { "exact": "1" } }] });
    // The matches, which of them comes first, and whether App Mesh's documents leave it open.
    let cases = [
        (host("exact", "a.example"), host("suffix", ".example"), Some("one"), true),
        (host("exact", "a.example"), json!({ "prefix": "/" }), Some("one"), true),
        (
            json!({ "hostname": { "suffix": ".example" } }),
            json!({ "prefix": "/" }),
            Some("one"),
            true,
        ),
        (host("suffix", ".a.example"), host("suffix", ".example"), Some("one"), true),
        (header("x"), json!({ "prefix": "/" }), Some("one"), true),
        (json!({ "prefix": "/ab" }), json!({ "path": { "regex": "/a.*" } }), Some("one"), true),
        (json!({ "path": { "exact": "/ab" } }), json!({ "prefix": "/ab" }), Some("one"), true),
        (header("x"), header("y"), None, true),
        (
            json!({ "path": { "regex": "/a.*" } }),
            json!({ "path": { "regex": "/.*b" } }),
            None,
            true,
        ),
        (host("exact", "a.example"), host("exact", "b.example"), None, false),
        (json!({ "prefix": "/long" }), json!({ "prefix": "/" }), Some("one"), false),
        (json!({ "prefix": "/a" }), json!({ "prefix": "/b" }), None, false),
    ];
    for (one, two, first, open) in cases {
        for turned in [false, true] {
            let (a, b) = (("one", &one), ("two", &two));
            let (order, ran, check) = if turned { ordered(b, a) } else { ordered(a, b) };
            if let Some(first) = first {
                assert_eq!(order[0], first, "{one} {two} {turned}");
            }
            assert_eq!(
                ran.all().contains("documents do not say"),
                open,
                "{one} {two}\n{}",
                ran.all()
            );
            let words = check.all();
            assert!(!words.contains("MC0220") && !words.contains("error"), "{one} {two}\n{words}");
        }
    }
}
