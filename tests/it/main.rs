//! The one binary of all end-to-end tests.
#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod apply;
mod artefacts;
mod check_cases;
mod compile;
mod conformance;
mod debian_kill;
mod debian_load;
mod debian_mariadb;
mod debian_tls;
mod differential;
mod directory;
mod examples;
mod exit_codes;
mod import_cases;
mod import_samples;
mod input;
mod live_apply;
mod live_dev;
mod live_faults;
mod live_grpc;
mod live_matching;
mod live_outlier;
mod live_shop;
mod plan;
mod plan_cases;
mod plan_traffic;
mod properties;
mod root_redirect;
mod scale;
mod schema;
mod store;
mod support;
mod tidy;
mod traffic;
mod written;
