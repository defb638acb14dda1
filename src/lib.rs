//! meshctl: plan and apply for Envoy service meshes that are declared in TOML.
//!
//! The library exists for the binary and its tests; it promises no stable API. Modules stand in
//! the order of their layers, lowest first; imports only point downward (`tests/it/tidy.rs`).

pub mod parallel;
pub mod span;

pub mod diag;
pub mod model;

pub mod graph;
pub mod schema;

pub mod resolve;
pub mod revision;
pub mod traffic;

pub mod envoy;

pub mod compile;
pub mod expect;
pub mod import;
pub mod picture;
pub mod plan;
pub mod rules;

pub mod live;
pub mod load;
pub mod store;

pub mod apply;
pub mod dev;

pub mod report;
pub mod serve;

pub mod cli;
