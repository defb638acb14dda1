//! Certificates that count no longer: all of an identity that were issued up to a moment.

use super::certificates::unix;
use super::kept;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

/// The moments by the SPIFFE URI, in seconds since 1970. Kept in `DIR/revoked.json`, if there is a
/// folder.
#[derive(Debug, Default)]
pub struct Revoked {
    path: Option<PathBuf>,
    since: Mutex<BTreeMap<String, i64>>,
}

impl Revoked {
    /// Those of a server's folder. A file that cannot be read stops the start: whoever was shut out
    /// must stay out.
    pub(super) fn of(folder: &Path) -> io::Result<Self> {
        let path = folder.join("revoked.json");
        let since = kept::read_if_there(&path)?;
        Ok(Self { path: Some(path), since: Mutex::new(since) })
    }

    /// Shuts out every certificate of an identity that was issued until now.
    pub(super) fn revoke(&self, uri: &str) -> io::Result<()> {
        let mut since = self.since.lock().unwrap_or_else(PoisonError::into_inner);
        let mut next = since.clone();
        next.insert(uri.to_owned(), unix(SystemTime::now()));
        if let Some(path) = &self.path {
            kept::replace(path, &next)?;
        }
        *since = next;
        Ok(())
    }

    /// Whether a certificate of this identity, issued then, is shut out.
    pub(super) fn refuses(&self, uri: &str, issued: i64) -> bool {
        let since = self.since.lock().unwrap_or_else(PoisonError::into_inner);
        since.get(uri).is_some_and(|since| issued <= *since)
    }
}
