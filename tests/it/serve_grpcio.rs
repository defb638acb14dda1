//! PyPI's grpcio as a client of the control plane: it speaks state of the world only.

use crate::support::mesh::Block;
use crate::support::root;
use crate::support::served::Server;
use meshctl::envoy::{ProxyConfig, Resource, ResourceType, Side};
use meshctl::revision::StepId;
use meshctl::serve::limits::Limits;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

const VERSION: &str = "1.76.0";

/// The folder of the pinned grpcio; installs it if it is missing.
pub(crate) fn grpcio() -> PathBuf {
    let folder = root().join(format!("target/tools/grpcio-{VERSION}"));
    if !folder.exists() {
        std::fs::create_dir_all(root().join("target/tools")).unwrap();
        let work = tempfile::tempdir_in(root().join("target/tools")).unwrap();
        let status = Command::new("python3")
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
            .args(["--root-user-action=ignore"])
            .args(["--only-binary=:all:", "--target"])
            .arg(work.path())
            .arg(format!("grpcio=={VERSION}"))
            .status();
        assert!(status.unwrap().success(), "pip installs grpcio");
        std::fs::rename(work.keep(), &folder).unwrap();
    }
    folder
}

fn resource(kind: ResourceType, name: &str, fields: &str) -> Arc<Resource> {
    let url = kind.type_url();
    let json = format!(r#"{{"@type": "{url}", {fields}}}"#);
    let message = envoy_api::any_from_json(&serde_json::from_str(&json).unwrap()).unwrap();
    let mut version = envoy_api::wire_hash(&message);
    version.truncate(16);
    let (name, side) = (name.to_owned(), Side::Egress);
    Arc::new(Resource { kind, name, side, message, version, origins: Vec::new() })
}

/// What a gRPC client needs to call a name: an API listener, routes, a cluster, its endpoints.
fn resources(name: &str, at: SocketAddr) -> Vec<Arc<Resource>> {
    let (address, port) = (at.ip(), at.port());
    let ads = r#"{"ads": {}, "resource_api_version": "V3"}"#;
    let listener = format!(
        r#""name": "{name}", "api_listener": {{"api_listener": {{
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "x", "rds": {{"route_config_name": "routes", "config_source": {ads}}},
        "http_filters": [{{"name": "router", "typed_config":
        {{"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"}}}}]}}}}"#
    );
    let routes = format!(
        r#""name": "routes", "virtual_hosts": [{{"name": "v", "domains": ["{name}"],
        "routes": [{{"match": {{"prefix": ""}}, "route": {{"cluster": "greeter"}}}}]}}]"#
    );
    let cluster = format!(
        r#""name": "greeter", "type": "EDS", "eds_cluster_config": {{"eds_config": {ads}}}"#
    );
    let endpoints = format!(
        r#""cluster_name": "greeter", "endpoints": [{{"locality": {{"region": "here"}},
        "load_balancing_weight": 1, "lb_endpoints": [{{"endpoint": {{"address": {{"socket_address":
        {{"address": "{address}", "port_value": {port}}}}}}}}}]}}]"#
    );
    vec![
        resource(ResourceType::Listener, name, &listener),
        resource(ResourceType::RouteConfiguration, "routes", &routes),
        resource(ResourceType::Cluster, "greeter", &cluster),
        resource(ResourceType::ClusterLoadAssignment, "greeter", &endpoints),
    ]
}

#[test]
fn a_grpc_client_finds_a_server_through_the_control_plane() {
    let python = grpcio();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let server = runtime.block_on(async { Server::open(Limits::default()) });
    let block = Block::take();
    let at = SocketAddr::from(([127, block.second(), 2, 1], 7_000));
    let name = "cart.shop.internal";
    let all = resources(name, at).into_iter().map(|r| ((r.kind, r.name.clone()), r));
    let proxy = "virtual_node/client".parse().unwrap();
    let config = ProxyConfig { proxy, resources: all.collect() };
    let step = StepId { revision: 1, number: 1 };
    let changed = BTreeMap::from([(config.proxy.clone(), Some(Arc::new(config)))]);
    server.hub.put("shop", step, changed);

    let folder = tempfile::tempdir().unwrap();
    let bootstrap = folder.path().join("bootstrap.json");
    let text = format!(
        r#"{{"xds_servers": [{{"server_uri": "{}", "channel_creds": [{{"type": "insecure"}}],
        "server_features": ["xds_v3"]}}], "node": {{"id": "mesh/shop/virtual_node/client"}}}}"#,
        server.address
    );
    std::fs::write(&bootstrap, text).unwrap();
    let output = Command::new("python3")
        .arg(root().join("tests/grpc_xds.py"))
        .args([name, &at.to_string()])
        .env("PYTHONPATH", python)
        .env("GRPC_XDS_BOOTSTRAP", &bootstrap)
        .env_remove("http_proxy")
        .output()
        .unwrap();
    let (out, err) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(out.trim(), "hello mesh", "{err}\n{:#?}", server.hub.report("shop"));
    assert_eq!(server.hub.counts().refusals, 0);
    assert_eq!(server.hub.counts().resources, 4, "each once");
}
