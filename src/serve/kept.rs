//! Small documents that a server keeps in its folder: read whole, replaced whole, for its owner only.

use crate::live::private;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs;
use std::io;
use std::path::Path;

/// Reads one. A file that cannot be read, or holds something else, is an error and never an empty
/// document.
pub(super) fn read<T: DeserializeOwned>(path: &Path) -> io::Result<T> {
    serde_json::from_str(&fs::read_to_string(path)?)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.to_string()))
}

/// Reads one that may not be there yet.
pub(super) fn read_if_there<T: DeserializeOwned + Default>(path: &Path) -> io::Result<T> {
    match read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(T::default()),
        result => result,
    }
}

/// Replaces one; it is on disk when this returns.
pub(super) fn replace<T: Serialize>(path: &Path, document: &T) -> io::Result<()> {
    let document = serde_json::to_value(document)?;
    private::write(path, &format!("{document:#}\n"))
}
