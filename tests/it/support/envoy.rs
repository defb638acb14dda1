//! The Envoy that tests run: `MESHCTL_ENVOY`, or the pinned version in `target/tools`.

use super::root;
use meshctl::dev::envoy_binary;
use std::path::PathBuf;
use std::sync::OnceLock;

/// The binary; installs it, once a test run, if it is missing.
pub(crate) fn binary() -> PathBuf {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    let find = || match std::env::var_os("MESHCTL_ENVOY") {
        Some(named) => PathBuf::from(named),
        None => envoy_binary::install(&root().join("target/tools")).expect("Envoy is installed"),
    };
    FOUND.get_or_init(find).clone()
}
