//! What can go wrong with a store.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why a store could not be read or changed.
#[derive(Debug)]
pub enum Error {
    /// The system refused something.
    Io {
        /// What was being done, for example `write`.
        doing: &'static str,
        /// To what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// There is no room. Nothing was changed; it can be tried again.
    Full {
        /// The store.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The store is not what meshctl wrote.
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The audit log is not what meshctl wrote.
    Audit {
        /// Which file.
        path: PathBuf,
        /// The line, from 1; 0: the file.
        line: usize,
        /// What is wrong with it.
        why: String,
    },
    /// The store was written in a form of a later meshctl. It was not touched.
    Newer {
        /// Which file.
        path: PathBuf,
        /// Its form.
        format: u64,
    },
    /// Another process has the store open.
    Busy {
        /// Its folder.
        path: PathBuf,
    },
    /// There is no store.
    Missing {
        /// Where.
        path: PathBuf,
    },
    /// There is a store where one was to be made.
    Exists {
        /// Where.
        path: PathBuf,
    },
    /// The disk failed while something was written: nothing more is taken until a restart, because
    /// what the disk has can only be known by reading it anew.
    Stopped {
        /// The store.
        path: PathBuf,
        /// What failed.
        why: String,
    },
    /// Whether a commit is on disk is not known; its key tells after a restart.
    Unknown {
        /// The store.
        path: PathBuf,
        /// What failed.
        why: String,
    },
    /// The newest revision is not the parent of the commit.
    Stale {
        /// The parent.
        expected: Option<u64>,
        /// The newest revision.
        found: Option<u64>,
    },
    /// Something was committed under the key already.
    Landed {
        /// The key.
        key: String,
        /// The revision.
        revision: u64,
    },
    /// There is no such revision.
    NoRevision {
        /// Which.
        revision: u64,
        /// The newest that there is.
        newest: Option<u64>,
    },
    /// A commit names an object that neither it nor the store has.
    Incomplete {
        /// The resource.
        address: String,
    },
}

impl Error {
    /// For `map_err`: what was being done to what.
    pub(super) fn io(
        doing: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { doing, path, source }
    }

    /// What to do about it, where that can be said in general.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Damaged { .. } => Some(
                "bring a backup back: meshctl store restore FILE --data DIR; what is left of the \
                 damaged file is kept beside it",
            ),
            Self::Audit { .. } => Some(
                "the store itself is whole; find out who can write to its folder, and keep the log",
            ),
            Self::Newer { .. } => Some("use the meshctl that wrote it, or a later one"),
            Self::Busy { .. } => Some("a running `meshctl serve` has it; one store, one server"),
            Self::Full { .. } => Some("make room; proxies keep what they have meanwhile"),
            Self::Stopped { .. } | Self::Unknown { .. } => {
                Some("look at the disk, then start the server anew")
            }
            Self::Missing { .. } => Some("meshctl serve --data DIR makes one"),
            Self::Exists { .. } => Some("move the folder away, or name another one"),
            Self::Io { .. }
            | Self::Stale { .. }
            | Self::Landed { .. }
            | Self::NoRevision { .. }
            | Self::Incomplete { .. } => None,
        }
    }
}

fn number(revision: &Option<u64>) -> String {
    revision.map_or_else(|| "none".to_owned(), |revision| revision.to_string())
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { doing, path, .. } => write!(f, "cannot {doing} {}", path.display()),
            Self::Full { path, .. } => {
                write!(f, "there is no room to write {}; nothing was changed", path.display())
            }
            Self::Damaged { path, why } => {
                write!(f, "{} is not as meshctl wrote it: {why}", path.display())
            }
            Self::Audit { path, line: 0, why } => {
                write!(f, "{} is not as meshctl wrote it: {why}", path.display())
            }
            Self::Audit { path, line, why } => {
                write!(f, "{}:{line} is not as meshctl wrote it: {why}", path.display())
            }
            Self::Newer { path, format } => write!(
                f,
                "{} has the form {format}, which this meshctl does not know",
                path.display()
            ),
            Self::Busy { path } => {
                write!(f, "another meshctl has the store in {} open", path.display())
            }
            Self::Missing { path } => write!(f, "there is no store in {}", path.display()),
            Self::Exists { path } => write!(f, "there is a store in {} already", path.display()),
            Self::Stopped { path, why } => {
                write!(f, "the store {} takes nothing more until a restart: {why}", path.display())
            }
            Self::Unknown { path, why } => {
                write!(f, "whether the commit is in {} is not known: {why}", path.display())
            }
            Self::Stale { expected, found } => write!(
                f,
                "the newest revision is {}, not {}: somebody else has applied",
                number(found),
                number(expected)
            ),
            Self::Landed { key, revision } => {
                write!(f, "the key {key} has become revision {revision} already")
            }
            Self::NoRevision { revision, newest } => {
                write!(f, "there is no revision {revision}; the newest is {}", number(newest))
            }
            Self::Incomplete { address } => write!(f, "{address} has no content"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } | Self::Full { source, .. } => Some(source),
            Self::Damaged { .. }
            | Self::Audit { .. }
            | Self::Newer { .. }
            | Self::Busy { .. }
            | Self::Missing { .. }
            | Self::Exists { .. }
            | Self::Stopped { .. }
            | Self::Unknown { .. }
            | Self::Stale { .. }
            | Self::Landed { .. }
            | Self::NoRevision { .. }
            | Self::Incomplete { .. } => None,
        }
    }
}
