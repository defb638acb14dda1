//! Who did what: a line for every change and every attempt at one, never rewritten.

use crate::model::MeshName;
use serde::Serialize;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// The log: `DIR/audit.ndjson`.
#[derive(Debug)]
pub(super) struct Audit(Mutex<File>);

/// One line of it.
#[derive(Serialize)]
pub(super) struct Entry<'a> {
    /// Who, as the server knows them.
    pub(super) actor: &'a str,
    /// What they asked for.
    pub(super) verb: &'a str,
    /// Of which mesh.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) mesh: Option<&'a MeshName>,
    /// Whom it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) subject: Option<&'a str>,
    /// Under which key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) key: Option<&'a str>,
    /// The newest revision before.
    pub(super) before: Option<u64>,
    /// The newest revision after.
    pub(super) after: Option<u64>,
    /// How it ended.
    pub(super) end: &'a str,
}

impl Audit {
    /// Opens the log in a folder.
    pub(super) fn open(folder: &Path) -> io::Result<Self> {
        let path = folder.join("audit.ndjson");
        let file = OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
        Ok(Self(Mutex::new(file)))
    }

    /// Writes a line. What was done is in the store already, so a full disk does not undo it; that
    /// the line is missing shows in the revisions, which name their authors too.
    pub(super) fn write(&self, entry: &Entry<'_>) {
        let mut line = serde_json::to_value(entry).expect("invariant: entries are plain data");
        line["at"] = super::now().into();
        let text = format!("{line}\n");
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = file.write_all(text.as_bytes()).and_then(|()| file.sync_data());
    }
}
