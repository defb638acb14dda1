//! Any bytes as the file of a store: it is refused by name, or every revision in it is whole.

#![no_main]

use libfuzzer_sys::fuzz_target;
use meshctl::store::{Embedded, Store};
use std::fs;
use std::sync::LazyLock;
use tempfile::TempDir;

static FOLDER: LazyLock<TempDir> = LazyLock::new(|| tempfile::tempdir().expect("a folder"));

fuzz_target!(|bytes: &[u8]| {
    let dir = FOLDER.path();
    let path = dir.join("store.redb");
    fs::write(&path, bytes).expect("a store file");
    match Embedded::open(dir) {
        Err(error) => {
            assert!(!error.to_string().is_empty());
            assert_eq!(fs::read(&path).expect("it is there"), bytes, "what is refused stays");
        }
        Ok(store) => {
            for mesh in store.meshes().expect("the store was looked at as a whole") {
                let head = store.head(&mesh).expect("a head").expect("it is listed");
                store.manifest(&mesh, head.revision).expect("the newest revision");
                store.history(&mesh).expect("the history");
            }
        }
    }
});
