//! The generated types and gRPC stubs, one module per protobuf package.

#![allow(missing_docs, rustdoc::all, clippy::all, clippy::pedantic, deprecated)]

include!(concat!(env!("OUT_DIR"), "/envoy_api.rs"));
