//! The checked-in descriptors against an Envoy executable, when there is one.

use std::process::Command;

use envoy_api::{DESCRIPTORS, ENVOY_VERSION, pool};

#[test]
fn extracting_again_gives_the_checked_in_bytes() {
    let Some(envoy) = std::env::var_os("MESHCTL_ENVOY") else {
        println!("skipped: MESHCTL_ENVOY does not name an Envoy {ENVOY_VERSION}");
        return;
    };
    let out = std::env::temp_dir().join(format!("envoy-api-extract-{}.bin", std::process::id()));
    let status = Command::new("python3")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/extract.py"))
        .args([envoy.as_os_str(), out.as_os_str()])
        .status()
        .unwrap();
    assert!(status.success());
    let bytes = std::fs::read(&out).unwrap();
    std::fs::remove_file(&out).unwrap();
    assert!(bytes == DESCRIPTORS, "the descriptors are not those of this Envoy");
}

#[test]
fn the_pool_holds_every_file_and_the_services() {
    assert_eq!(pool().files().len(), 559);
    let ads = "envoy.service.discovery.v3.AggregatedDiscoveryService";
    assert!(pool().get_service_by_name(ads).is_some());
    let readme = include_str!("../../descriptors/README.md");
    use sha2::Digest as _;
    let hash: String =
        sha2::Sha256::digest(DESCRIPTORS).iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(readme.contains(&hash), "README.md has another hash than {hash}");
}
