//! The Envoy that tests run: `MESHCTL_ENVOY`, or the pinned version in `target/tools`.

use super::root;
use meshctl::dev::envoy_binary;
use std::path::{Path, PathBuf};
use std::process::Command;
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

/// Copies a program that is started right away. Another process writes the file: children of other
/// tests would inherit what this one has open, and a file that is open for writing is not started.
pub(crate) fn copy_program(from: &Path, to: &Path) {
    let copied = Command::new("cp").args([from, to]).status().unwrap();
    assert!(copied.success(), "cp {from:?} {to:?}");
}
