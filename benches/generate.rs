//! Writes a mesh of any size, the same on every machine, for the benchmarks.

use std::fmt::Write;
use std::fs;
use std::path::Path;

/// Writes a project of `services` services, each with a router of two routes, a node and a canary,
/// over `files` files. Each node calls three services; ten gateways lead to a hundred each.
pub(crate) fn project(dir: &Path, services: usize, files: usize) {
    fs::create_dir_all(dir).unwrap();
    fs::write(dir.join("meshctl.toml"), "[targets.local]\ndirectory = \"live\"\n").unwrap();
    fs::write(dir.join("mesh.toml"), "[mesh]\nname = \"big\"\n").unwrap();
    let per_file = services.div_ceil(files);
    for file in 0..files {
        let mut text = String::new();
        for service in (file * per_file)..((file + 1) * per_file).min(services) {
            self::service(&mut text, service, services, 90);
        }
        let folder = dir.join(format!("team{:02}", file % 50));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(format!("services{file:04}.toml")), text).unwrap();
    }
    let mut text = String::new();
    for gateway in 0..10.min(services) {
        let _ = writeln!(
            text,
            "[virtual_gateway.edge{gateway}]\nlisteners = [{{ port = 8080, protocol = \"http\" }}]\n"
        );
        for route in 0..100.min(services) {
            let target = (gateway * 997 + route * 13) % services;
            let _ = writeln!(
                text,
                "[[virtual_gateway.edge{gateway}.routes]]\nname = \"r{route}\"\n\
                 match = {{ prefix = \"/s{route}/\" }}\nservice = \"s{target}.big.internal\"\n"
            );
        }
    }
    fs::write(dir.join("gateways.toml"), text).unwrap();
}

/// Changes the weights of one route of one service, in its file.
pub(crate) fn change_one(dir: &Path, services: usize, files: usize, weight: u32) {
    let per_file = services.div_ceil(files);
    let mut text = String::new();
    for at in 0..per_file.min(services) {
        service(&mut text, at, services, if at == 0 { weight } else { 90 });
    }
    fs::write(dir.join("team00/services0000.toml"), text).unwrap();
}

fn service(text: &mut String, at: usize, services: usize, weight: u32) {
    let backends: Vec<String> = [1, 7, 31]
        .iter()
        .map(|step| format!("\"s{}.big.internal\"", (at + step) % services))
        .collect();
    let backends = backends.join(", ");
    let _ = write!(
        text,
        r#"[virtual_service."s{at}.big.internal"]
router = "s{at}"

[virtual_router.s{at}]
listeners = [{{ port = 8080, protocol = "http" }}]

[[virtual_router.s{at}.routes]]
name = "canary"
match = {{ prefix = "/", headers = {{ x-canary = "true" }} }}
targets = {{ s{at}-v2 = 1 }}

[[virtual_router.s{at}.routes]]
name = "stable"
match = {{ prefix = "/" }}
targets = {{ s{at} = {weight}, s{at}-v2 = 10 }}
timeout = {{ request = "5s" }}

[virtual_node.s{at}]
listeners = [{{ port = 8080, protocol = "http" }}]
discovery = {{ dns = "s{at}.internal" }}
backends = [{backends}]

[virtual_node.s{at}-v2]
listeners = [{{ port = 8080, protocol = "http" }}]
discovery = {{ dns = "s{at}-v2.internal" }}

"#
    );
}
