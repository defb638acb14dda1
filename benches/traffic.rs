//! Requests compared: a traffic diff of a mesh of 10,000 services and 50,000 routes of which one
//! changes, and the full shadowing analysis of one router of 1,000 routes, 200 of them regexes.
//!
//! `cargo bench --bench traffic [-- SERVICES ROUTES]`. Machines differ: compare lines of one run.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark stops at the first surprise, and prints its table"
)]

use meshctl::diag::Severity;
use meshctl::load::{Loaded, Options, load};
use meshctl::model::{Address, Mesh};
use meshctl::traffic::symbolic::compare;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let number = |at: usize, default: usize| {
        args.get(at).and_then(|arg| arg.parse().ok()).unwrap_or(default)
    };
    let (services, routes) = (number(0, 10_000), number(1, 1_000));
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("traffic");
    // What a larger run has left is no part of this one.
    let _ = fs::remove_dir_all(&dir);

    write_mesh(&dir.join("many"), services);
    let start = Instant::now();
    let loaded = read(&dir.join("many"));
    println!("{services} services, {} routes", services * 5);
    println!("{:>9.3} s  load and check", start.elapsed().as_secs_f64());
    let mut after: Mesh = loaded.mesh.clone();
    let router = after.routers.values_mut().next().unwrap();
    router.routes.last_mut().unwrap().targets[0].weight += 1;
    let name = after.routers.keys().next().unwrap();
    let changed: BTreeSet<Address> = [format!("route/{name}/all").parse().unwrap()].into();
    let start = Instant::now();
    let found = compare(&loaded.mesh, &after, &changed);
    println!(
        "{:>9.3} s  traffic diff of one route: {} entry points, {} steps",
        start.elapsed().as_secs_f64(),
        found.entries.len(),
        found.work
    );

    write_router(&dir.join("one"), routes);
    let start = Instant::now();
    let loaded = read(&dir.join("one"));
    let errors = loaded.diagnostics.iter().filter(|d| d.severity == Severity::Error).count();
    println!(
        "{:>9.3} s  check of a router of {routes} routes, {} of them regexes: {errors} errors, {} \
         findings",
        start.elapsed().as_secs_f64(),
        routes / 5,
        loaded.diagnostics.len()
    );
}

fn read(dir: &Path) -> Loaded {
    let now = 1_767_225_600; // 2026-01-01
    load(&Options { dir: dir.to_path_buf(), env: None, extra: None, now }).unwrap()
}

/// Services of which each has a router of five routes and a node that calls two others; a gateway
/// leads to a hundred of them.
fn write_mesh(dir: &Path, services: usize) {
    fs::create_dir_all(dir).unwrap();
    fs::write(dir.join("meshctl.toml"), "").unwrap();
    let mut text = String::from(
        "[mesh]\nname = \"big\"\n\n[virtual_gateway.edge]\n\
         listeners = [{ port = 80, protocol = \"http\" }]\n",
    );
    for at in 0..100.min(services) {
        let _ = write!(
            text,
            "\n[[virtual_gateway.edge.routes]]\nname = \"r{at}\"\n\
             match = {{ prefix = \"/s{at}/\" }}\nservice = \"s{at}.big\"\n"
        );
    }
    fs::write(dir.join("mesh.toml"), text).unwrap();
    for file in 0..services.div_ceil(10) {
        let mut text = String::new();
        for at in file * 10..(file * 10 + 10).min(services) {
            let _ = write!(
                text,
                "\n[virtual_service.\"s{at}.big\"]\nrouter = \"s{at}\"\n\n[virtual_router.s{at}]\n\
                 listeners = [{{ port = 8080, protocol = \"http\" }}]\n"
            );
            for route in 0..4 {
                let _ = write!(
                    text,
                    "\n[[virtual_router.s{at}.routes]]\nname = \"p{route}\"\n\
                     match = {{ prefix = \"/p{route}/\" }}\ntargets = {{ s{at} = 1 }}\n"
                );
            }
            let (next, far) = ((at + 1) % services, (at + 7) % services);
            let _ = write!(
                text,
                "\n[[virtual_router.s{at}.routes]]\nname = \"all\"\nmatch = {{ prefix = \"/\" }}\n\
                 targets = {{ s{at} = 90, s{next} = 10 }}\n\n[virtual_node.s{at}]\n\
                 listeners = [{{ port = 8080, protocol = \"http\" }}]\n\
                 discovery = {{ dns = \"s{at}.internal\" }}\n\
                 backends = [\"s{next}.big\", \"s{far}.big\"]\n"
            );
        }
        fs::write(dir.join(format!("part{file:05}.toml")), text).unwrap();
    }
}

/// One router, each fifth of whose routes matches by a regex.
fn write_router(dir: &Path, routes: usize) {
    fs::create_dir_all(dir).unwrap();
    fs::write(dir.join("meshctl.toml"), "").unwrap();
    let mut text = String::from(
        "[mesh]\nname = \"one\"\n\n[virtual_node.front]\nbackends = [\"one.m\"]\n\n\
         [virtual_node.back]\nlisteners = [{ port = 8080, protocol = \"http\" }]\n\
         discovery = { dns = \"back.internal\" }\n\n[virtual_service.\"one.m\"]\nrouter = \"one\"\n\n\
         [virtual_router.one]\nlisteners = [{ port = 8080, protocol = \"http\" }]\n",
    );
    for at in 0..routes {
        let name = format!("/api/v{}/team{}/service{at}", at % 3, at % 50);
        let path = match at % 5 {
            0 => format!("path = {{ regex = \"{name}/items/[0-9]+(/.*)?\" }}"),
            1 => format!("path = \"{name}\""),
            _ => format!("prefix = \"{name}/\""),
        };
        let _ = write!(
            text,
            "\n[[virtual_router.one.routes]]\nname = \"r{at}\"\nmatch = {{ {path} }}\n\
             targets = {{ back = 1 }}\n"
        );
    }
    fs::write(dir.join("mesh.toml"), text).unwrap();
}
