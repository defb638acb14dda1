//! Files of a folder, out of which no link leads. A checkout may have a link to a secret or to another
//! user's file, and findings quote lines: so such a file is not opened.

use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// What is said of a link that leads out.
pub(super) const LEADS_OUT: &str =
    "it is a link that leads out of the folder, so it was not opened";

/// A folder.
#[derive(Clone, Debug)]
pub(super) struct Within {
    /// Its path without links; `None`: it is not there.
    real: Option<PathBuf>,
}

impl Within {
    pub(super) fn of(folder: &Path) -> Self {
        Self { real: fs::canonicalize(folder).ok() }
    }

    /// No folder: for a path that a person has named, wherever it leads.
    pub(super) fn anywhere() -> Self {
        Self { real: None }
    }

    /// Whether a path below the folder leads out of it. One that leads nowhere does not.
    pub(super) fn is_left_by(&self, path: &Path) -> bool {
        match (&self.real, fs::canonicalize(path)) {
            (Some(real), Ok(target)) => !target.starts_with(real),
            (_, Err(_)) | (None, _) => false,
        }
    }

    /// The outermost part of a path below `folder` that is a link out of it.
    pub(super) fn link(&self, folder: &Path, path: &Path) -> PathBuf {
        let mut parts: Vec<&Path> = path.ancestors().take_while(|part| *part != folder).collect();
        parts.reverse();
        let found = parts.into_iter().find(|part| self.is_left_by(part));
        found.unwrap_or(path).to_owned()
    }

    /// Opens a file of the folder. Links within it are followed; a pipe does not make it wait.
    pub(super) fn open(&self, path: &Path) -> io::Result<File> {
        let Some(real) = &self.real else { return File::open(path) };
        let target = fs::canonicalize(path)?;
        let out = || io::Error::new(io::ErrorKind::PermissionDenied, LEADS_OUT);
        let relative = target.strip_prefix(real).map_err(|_| out())?;
        // What is changed between the question and the opening leads nowhere either.
        let folder = File::open(real)?;
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
        Ok(File::from(openat2(folder, relative, flags, Mode::empty(), resolve)?))
    }
}
