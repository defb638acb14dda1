//! What the end-to-end tests share.

pub(crate) mod aimed;
pub(crate) mod authority;
pub(crate) mod compare;
pub(crate) mod dialects;
pub(crate) mod edges;
pub(crate) mod envoy;
pub(crate) mod fake_envoy;
pub(crate) mod golden;
pub(crate) mod hpack;
pub(crate) mod load;
pub(crate) mod mesh;
pub(crate) mod netns;
pub(crate) mod plane;
pub(crate) mod project;
pub(crate) mod projects;
pub(crate) mod proxies;
pub(crate) mod random_calls;
pub(crate) mod random_edits;
pub(crate) mod random_http2;
pub(crate) mod random_mesh;
pub(crate) mod random_regex;
pub(crate) mod random_routes;
pub(crate) mod random_special;
pub(crate) mod random_toml;
pub(crate) mod raw_grpc;
pub(crate) mod raw_h2;
pub(crate) mod raw_http;
pub(crate) mod sandbox;
pub(crate) mod schemas;
pub(crate) mod served;
pub(crate) mod targets;
pub(crate) mod tier;
pub(crate) mod wire;
pub(crate) mod xds_client;

use std::path::PathBuf;

/// The project's folder.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// A file of the evidence beside the checkout. Where there is none the test is skipped.
#[track_caller]
pub(crate) fn shared(path: &str) -> Option<PathBuf> {
    let file = root().join("../shared").join(path);
    if file.exists() {
        return Some(file);
    }
    tier::skip(&format!("../shared/{path} is not beside the checkout"));
    None
}
