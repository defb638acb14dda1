//! What each proxy of a mesh gets: golden files, and Envoy itself as the judge of them.
//!
//! Every folder of `tests/cases/render` is a mesh, and beside it what its proxies get.

use crate::support::{golden, random_mesh, root};
use meshctl::compile::{Index, compile, proxies, reach};
use meshctl::envoy::{
    Admin, Bootstrap, ConfigSource, Endpoint, ProxyConfig, ProxyId, ResourceType, Settings,
    Tracing, bootstrap, files, limits, oracle,
};
use meshctl::model::{AccessLog, Address, EgressFilter, Mesh, ServiceName};
use meshctl::resolve::resolve;
use meshctl::schema::parse;
use meshctl::span::Files;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Reads a mesh that has no errors of its shape.
fn read(text: &str) -> Mesh {
    let mut files = Files::default();
    let id = files.add("mesh.toml", text);
    let (tree, mut found) = parse(id, text);
    let reading = resolve(vec![tree], Vec::new());
    found.append(reading.diagnostics);
    let found: Vec<String> =
        found.iter().map(|d| format!("{}: {}", d.code.id, d.message)).collect();
    assert!(found.is_empty(), "{found:#?}");
    reading.mesh
}

/// Every case: its name and its mesh.
fn cases() -> Vec<(String, Mesh)> {
    let mut cases = Vec::new();
    for entry in fs::read_dir(root().join("tests/cases/render")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        cases.push((name, read(&fs::read_to_string(path.join("mesh.toml")).unwrap())));
    }
    cases.sort_by(|a, b| a.0.cmp(&b.0));
    assert!(cases.len() >= 7, "cases were found");
    cases
}

fn settings() -> Settings {
    Settings::path("/run/mesh")
}

#[test]
fn every_proxy_gets_the_files_that_were_reviewed() {
    for (name, mesh) in cases() {
        let out = root().join("tests/cases/render").join(&name).join("out");
        let mut written = BTreeSet::new();
        for proxy in proxies(&mesh) {
            for (file, text) in files(&compile(&mesh, &settings(), &proxy)) {
                let path = out.join(proxy.to_string()).join(file);
                golden::check(&path, &text);
                written.insert(path);
            }
        }
        let stale: Vec<PathBuf> =
            all_files(&out).into_iter().filter(|path| !written.contains(path)).collect();
        assert!(stale.is_empty(), "no proxy has these any more: {stale:?}");
    }
}

fn all_files(under: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(under).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(all_files(&path));
        } else {
            found.push(path);
        }
    }
    found
}

#[test]
fn compiling_twice_gives_the_same_bytes() {
    for (name, mesh) in cases() {
        for proxy in proxies(&mesh) {
            let once = files(&compile(&mesh, &settings(), &proxy));
            assert_eq!(once, files(&compile(&mesh, &settings(), &proxy)), "{name} {proxy}");
        }
    }
}

#[test]
fn compiled_resources_keep_the_rules_of_envoys_api_and_use_nothing_deprecated() {
    for (name, mesh) in cases() {
        for source in [ConfigSource::Ads, settings().source] {
            for proxy in proxies(&mesh) {
                let config = compile(&mesh, &Settings::new(source.clone()), &proxy);
                for resource in config.resources.values() {
                    let at = format!("{name} {proxy} {}", resource.name);
                    assert_eq!(resource.message.type_url, resource.kind.type_url(), "{at}");
                    let broken = envoy_api::validate(&resource.message);
                    assert!(broken.is_empty(), "{at}: {broken:?}");
                    let deprecated = envoy_api::deprecated_fields(&resource.message);
                    assert!(deprecated.is_empty(), "{at}: {deprecated:?}");
                    assert!(!resource.origins.is_empty(), "{at} comes from somewhere");
                    assert_eq!(resource.version.len(), 16, "{at}");
                }
            }
        }
    }
}

#[test]
fn meshes_made_by_chance_compile_to_what_envoys_api_allows() {
    for seed in 0..100 {
        let mesh = random_mesh::mesh(seed);
        for proxy in proxies(&mesh) {
            for resource in compile(&mesh, &settings(), &proxy).resources.values() {
                let broken = envoy_api::validate(&resource.message);
                assert!(broken.is_empty(), "{seed} {proxy} {}: {broken:?}", resource.name);
            }
        }
    }
}

/// Every reference inside a proxy's resources leads to a resource of the proxy.
#[test]
fn what_a_resource_refers_to_is_there() {
    for (name, mesh) in cases() {
        for proxy in proxies(&mesh) {
            let config = compile(&mesh, &settings(), &proxy);
            let has = |kind, name: &str| config.get(kind, name).is_some();
            for resource in config.resources.values() {
                let json = serde_json::Value::from(&resource.to_json());
                for (key, text) in strings(&json) {
                    let known = match key.as_str() {
                        "cluster" => has(ResourceType::Cluster, &text),
                        "route_config_name" => has(ResourceType::RouteConfiguration, &text),
                        "server_listener_name" => has(ResourceType::Listener, &text),
                        _ => true,
                    };
                    assert!(known, "{name} {proxy} {}: {key} {text}", resource.name);
                }
            }
        }
    }
}

fn strings(value: &serde_json::Value) -> Vec<(String, String)> {
    match value {
        serde_json::Value::Object(members) => members
            .iter()
            .flat_map(|(key, value)| match value {
                serde_json::Value::String(text) => vec![(key.clone(), text.clone())],
                other => strings(other),
            })
            .collect(),
        serde_json::Value::Array(items) => items.iter().flat_map(strings).collect(),
        _ => Vec::new(),
    }
}

/// A mesh without one of its resources.
fn without(mesh: &Mesh, address: &Address) -> Mesh {
    let mut mesh = mesh.clone();
    match address {
        Address::Mesh => mesh.settings.egress = EgressFilter::AllowAll,
        Address::Node(name) => drop(mesh.nodes.remove(name)),
        Address::Service(name) => drop(mesh.services.remove(name)),
        Address::Router(name) => drop(mesh.routers.remove(name)),
        Address::Gateway(name) => drop(mesh.gateways.remove(name)),
        Address::Route(router, name) => {
            mesh.routers.get_mut(router).unwrap().routes.retain(|route| route.name != *name);
        }
        Address::GatewayRoute(gateway, name) => {
            mesh.gateways.get_mut(gateway).unwrap().routes.retain(|route| route.name != *name);
        }
    }
    mesh
}

#[test]
fn a_change_is_seen_by_no_proxy_that_it_does_not_reach() {
    let mut seen = 0;
    for (name, mesh) in cases() {
        let index = Index::new(&mesh);
        for address in mesh.addresses() {
            let changed = without(&mesh, &address);
            let reached = index.reach(&address);
            assert_eq!(reached, reach(&mesh, &address));
            for proxy in proxies(&mesh) {
                let one = compile(&mesh, &settings(), &proxy);
                if one != compile(&changed, &settings(), &proxy) {
                    seen += 1;
                    assert!(reached.contains(&proxy), "{name}: {address} reaches {proxy}");
                }
            }
        }
    }
    assert!(seen > 100, "{seen} changes were seen");
}

#[test]
fn what_is_not_seen_costs_nothing_to_know() {
    let (_, mesh) = cases().remove(0);
    let nobody = Address::Service(ServiceName::new("nobody.shop.internal").unwrap());
    assert!(reach(&mesh, &nobody).is_empty());
    let gone: Address = "virtual_node/gone".parse().unwrap();
    assert!(reach(&mesh, &gone).is_empty());
}

/// The pinned Envoy.
pub(crate) fn envoy() -> PathBuf {
    crate::support::envoy::binary()
}

/// What Envoy says to a static configuration: nothing, or its error.
pub(crate) fn verdict(envoy: &Path, folder: &Path, yaml: &str) -> Result<(), String> {
    let file = folder.join("envoy.yaml");
    fs::write(&file, yaml).unwrap();
    let ran = Command::new(envoy)
        .args(["--mode", "validate", "--log-level", "error", "-c"])
        .arg(&file)
        .output()
        .unwrap();
    match ran.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&ran.stderr).into_owned()),
    }
}

fn configs() -> Vec<(String, ProxyConfig)> {
    let mut all = Vec::new();
    for (name, mesh) in cases() {
        for proxy in proxies(&mesh) {
            all.push((format!("{name} {proxy}"), compile(&mesh, &settings(), &proxy)));
        }
    }
    all
}

#[test]
fn envoy_takes_what_every_proxy_gets() {
    let envoy = envoy();
    let folder = tempfile::tempdir().unwrap();
    for (name, config) in configs() {
        let yaml = oracle::fold(&config).unwrap();
        if let Err(error) = verdict(&envoy, folder.path(), &yaml) {
            panic!("{name}: {error}\n{yaml}");
        }
    }
}

#[test]
fn envoy_takes_what_meshes_made_by_chance_give() {
    let envoy = envoy();
    let folder = tempfile::tempdir().unwrap();
    for seed in 0..40 {
        let mesh = random_mesh::mesh(seed);
        let all = proxies(&mesh);
        // One proxy a mesh: the gateway in turn with the nodes.
        let proxy = &all[all.len() - 1 - (seed as usize % all.len())];
        let yaml = oracle::fold(&compile(&mesh, &settings(), proxy)).unwrap();
        if let Err(error) = verdict(&envoy, folder.path(), &yaml) {
            panic!("seed {seed}, {proxy}: {error}\n{yaml}");
        }
    }
}

#[test]
fn envoy_refuses_a_planted_fault_in_a_listener_a_cluster_and_a_route() {
    let envoy = envoy();
    let folder = tempfile::tempdir().unwrap();
    let mesh =
        read(&fs::read_to_string(root().join("tests/cases/render/explicit/mesh.toml")).unwrap());
    let proxy: ProxyId = "virtual_node/checkout".parse().unwrap();
    let good = oracle::fold(&compile(&mesh, &settings(), &proxy)).unwrap();
    verdict(&envoy, folder.path(), &good).unwrap();
    for (part, from, to) in [
        ("listener", "envoy.filters.http.router\"", "envoy.filters.http.nobody\""),
        ("listener", "extensions.filters.http.router.v3.Router", "extensions.Nobody"),
        ("cluster", "lb_endpoints:", "lb_nonsense:"),
        ("route", "prefix: \"/\"", "prefix_nonsense: \"/\""),
        ("route", "- name: \"cds_egress_shop_cart-v2_http_18082\"", "- name: \"nobody\""),
    ] {
        let bad = good.replace(from, to);
        assert_ne!(bad, good, "{from}");
        // An extension is found by its type, so a wrong name alone is none of Envoy's business.
        let named_only = from.ends_with("router\"");
        assert_eq!(verdict(&envoy, folder.path(), &bad).is_ok(), named_only, "{part}: {from}");
    }
}

#[test]
fn envoy_takes_every_bootstrap() {
    let envoy = envoy();
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().to_str().unwrap();
    let mesh = read(
        &fs::read_to_string(self::root().join("tests/cases/render/gateway/mesh.toml")).unwrap(),
    );
    let at = |host: &str| Endpoint { host: host.to_owned(), port: 4317 };
    let tracers = [
        None,
        Some(Tracing::OpenTelemetry(at("collector.internal"))),
        Some(Tracing::Zipkin(at("127.0.0.1"))),
        Some(Tracing::XRay(at("127.0.0.1"))),
        Some(Tracing::Datadog(at("127.0.0.1"))),
    ];
    let admins = [None, Some(Admin::Port(0)), Some(Admin::Unix(format!("{root}/admin.sock")))];
    for proxy in proxies(&mesh) {
        for (file, text) in files(&compile(&mesh, &Settings::path(root), &proxy)) {
            let path = folder.path().join("current").join(proxy.to_string()).join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        for (tracing, admin) in tracers.iter().zip(admins.iter().cycle()) {
            let options = Bootstrap {
                instance: Some("a".to_owned()),
                admin: admin.clone(),
                tracing: tracing.clone(),
                sampling_percent: Some(50),
                sds_socket: Some(format!("{root}/sds.sock")),
                ..Bootstrap::new(mesh.settings.name.clone(), proxy.clone(), root)
            };
            let yaml = bootstrap(&options);
            if let Err(error) = verdict(&envoy, folder.path(), &yaml) {
                panic!("{proxy} {tracing:?}: {error}\n{yaml}");
            }
        }
    }
}

#[test]
fn envoy_knows_every_log_operator_that_the_check_knows() {
    let envoy = envoy();
    let folder = tempfile::tempdir().unwrap();
    let text = limits::log_operators().join(" ");
    let mesh = read(&format!(
        "[mesh]\nname = \"shop\"\n[virtual_node.web]\n\
         listeners = [{{ port = 8080, protocol = \"http\" }}]\n\
         discovery = {{ static = [\"127.0.0.1\"] }}\n\
         access_log = {{ path = \"/dev/null\", format = {{ text = {text:?} }} }}\n",
    ));
    let proxy: ProxyId = "virtual_node/web".parse().unwrap();
    let yaml = oracle::fold(&compile(&mesh, &settings(), &proxy)).unwrap();
    verdict(&envoy, folder.path(), &yaml).unwrap();
}

#[test]
fn a_value_that_envoys_api_forbids_is_found_in_what_is_compiled() {
    let mut mesh = random_mesh::mesh(1);
    for node in mesh.nodes.values_mut() {
        node.access_log = Some(AccessLog { path: String::new(), format: None });
    }
    let proxy = proxies(&mesh).remove(0);
    let found = limits::constraints(&compile(&mesh, &settings(), &proxy), &Default::default());
    assert!(found.iter().all(|d| d.code.id == "MC1208"));
    assert!(found.has_errors());
}
