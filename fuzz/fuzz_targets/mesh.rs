//! Any text as a mesh file: it is refused with findings, or what it becomes is something that
//! Envoy's API allows.

#![no_main]

use libfuzzer_sys::fuzz_target;
use meshctl::compile::{compile, proxies};
use meshctl::envoy::{Settings, files, limits};
use meshctl::load::{Options, load};
use meshctl::report::diagnostics;
use meshctl::revision::{join, split};
use std::fs;
use std::sync::LazyLock;
use tempfile::TempDir;

static FOLDER: LazyLock<TempDir> = LazyLock::new(|| tempfile::tempdir().expect("a folder"));

fuzz_target!(|text: &str| {
    let dir = FOLDER.path();
    fs::write(dir.join("meshctl.toml"), "").expect("a project file");
    fs::write(dir.join("mesh.toml"), text).expect("a mesh file");
    let now = 1_767_225_600; // 2026-01-01
    let options = Options { dir: dir.to_path_buf(), env: None, extra: None, now };
    let loaded = load(&options).expect("the folder is a project");
    let findings: Vec<_> = loaded.diagnostics.iter().cloned().collect();
    diagnostics::render(&findings, &loaded.files, false, 100);
    if loaded.diagnostics.has_errors() {
        return;
    }
    let mut mesh = loaded.mesh.clone();
    mesh.external_services.clear();
    assert_eq!(join(&split(&mesh)).expect("its own objects"), mesh);
    let settings = Settings::path("/root");
    for proxy in proxies(&loaded.mesh) {
        let config = compile(&loaded.mesh, &settings, &proxy);
        let found = limits::constraints(&config, &loaded.origins);
        if let Some(first) = found.iter().next() {
            panic!("{}", first.message);
        }
        files(&config);
    }
});
