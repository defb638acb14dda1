//! The oracle of running Envoys: a fault planted into any kind of file makes a proxy refuse it,
//! and the proxy goes on with what it had.

use crate::support::mesh::Live;
use meshctl::dev::rejections;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        match path.is_dir() {
            true => copy(&path, &target),
            false => drop(fs::copy(&path, &target).unwrap()),
        }
    }
}

/// Publishes a step in which one text of one file of the client's proxy is another.
fn plant(live: &Live, step: &str, file: &str, from: &str, to: &str) {
    let root = live.running().root();
    let good = root.join(fs::read_link(root.join("current")).unwrap());
    copy(&good, &root.join("steps").join(step));
    let path = root.join("steps").join(step).join("virtual_node/client").join(file);
    let good = fs::read_to_string(&path).unwrap();
    let bad = good.replace(from, to);
    assert_ne!(good, bad, "{from} is in {file}:\n{good}");
    // Another version, or Envoy would not look.
    fs::write(&path, bad.replacen("version_info: \"", "version_info: \"x", 1)).unwrap();
    symlink(Path::new("steps").join(step), root.join("next")).unwrap();
    fs::rename(root.join("next"), root.join("current")).unwrap();
}

#[test]
fn a_fault_in_a_listener_cluster_route_or_endpoint_is_refused_by_a_running_envoy() {
    const CLUSTER: &str = "cds_egress_faults_app_http_8080";
    let eds = format!("eds/{CLUSTER}.yaml");
    let faults = [
        ("lds.yaml", "filters.http.router.v3.Router", "filters.http.nobody.v3.Nobody"),
        ("lds.yaml", "traffic_direction:", "traffic_nonsense:"),
        ("cds.yaml", "connect_timeout:", "connect_nonsense:"),
        ("rds/rds_egress_app.internal_8080.yaml", "prefix: \"/\"", "prefix_nonsense: \"/\""),
        (eds.as_str(), "port_value: 8080", "port_value: 80800"),
        (eds.as_str(), "lb_endpoints:", "lb_nonsense:"),
    ];
    for (number, (file, from, to)) in faults.into_iter().enumerate() {
        let live = Live::mesh(MESH);
        let url = "http://app.internal:8080/";
        assert_eq!(live.get("virtual_node/client", url).brief(), "200 app");
        let socket =
            live.running().admin_sockets()[&"virtual_node/client".parse().unwrap()].clone();
        assert_eq!(live.wait(rejections(&socket)), Vec::<String>::new());
        plant(&live, &format!("2-{number}"), file, from, to);
        live.until(&format!("{to} in {file} is refused"), |live| {
            !live.wait(rejections(&socket)).is_empty()
        });
        let answer = live.get("virtual_node/client", url);
        assert_eq!(answer.brief(), "200 app", "it goes on with what it had: {to}");
    }
}

const MESH: &str = r#"
[mesh]
name = "faults"

[virtual_node.client]
backends = ["app.internal"]

[virtual_node.app]
listeners = [{ port = 8080, protocol = "http" }]
discovery = { dns = "app-1.internal" }

[virtual_service."app.internal"]
router = "app"

[virtual_router.app]
listeners = [{ port = 8080, protocol = "http" }]

[[virtual_router.app.routes]]
name = "all"
match = { prefix = "/" }
targets = { app = 1 }
"#;
