//! Generates the Rust types and gRPC stubs from the checked-in descriptors: no protoc, no network.

use std::path::Path;

use prost::Message;
use prost_types::FileDescriptorSet;

const DESCRIPTORS: &str = "descriptors/envoy-1.40.0.bin";

/// The client status service, which the executable does not have in itself.
const CSDS: &str = "descriptors/csds.bin";

/// Files that only declare options for other files. (`google/protobuf/` has to stay, to be mapped
/// to `prost-types`.)
const OPTIONS_ONLY: [&str; 5] = [
    "google/protobuf/cpp_features.proto",
    "validate/",
    "udpa/annotations/",
    "xds/annotations/",
    "envoy/annotations/",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed={DESCRIPTORS}");
    println!("cargo:rerun-if-changed={CSDS}");
    // This decode drops `validate.rules`, which generated code does not need; at run time the bytes
    // are read as they are.
    let mut set = FileDescriptorSet::decode(std::fs::read(Path::new(DESCRIPTORS))?.as_slice())?;
    set.file.extend(FileDescriptorSet::decode(std::fs::read(Path::new(CSDS))?.as_slice())?.file);
    set.file.retain(|file| !OPTIONS_ONLY.iter().any(|prefix| file.name().starts_with(prefix)));
    for file in &mut set.file {
        // Stubs of other services would only cost build time.
        if !file.name().starts_with("envoy/service/") && !file.name().starts_with("opentelemetry/")
        {
            file.service.clear();
        }
    }

    let mut config = tonic_prost_build::Config::new();
    config
        // Maps in key order, so that equal messages have equal bytes.
        .btree_map(["."])
        .enable_type_names()
        .type_name_domain(["."], "type.googleapis.com")
        .include_file("envoy_api.rs");
    // Without `build_transport` a stub takes any channel, and this crate needs no HTTP stack.
    tonic_prost_build::configure().build_transport(false).compile_fds_with_config(set, config)?;
    Ok(())
}
