//! What can go wrong with a target.

use super::server::wire::Problem;
use crate::model::MeshName;
use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why a target could not be read or changed.
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
    /// Something else stands where the target's folder should be.
    NotAFolder {
        /// Where.
        path: PathBuf,
    },
    /// A file of the record is not what meshctl wrote.
    Damaged {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The record was written in a form of a later meshctl.
    Newer {
        /// Which file.
        path: PathBuf,
        /// Its form.
        format: u64,
    },
    /// Another process is changing the target.
    Busy {
        /// The target.
        path: PathBuf,
    },
    /// The newest revision is not the one that was expected.
    Stale {
        /// What was expected.
        expected: Option<u64>,
        /// What was found.
        found: Option<u64>,
    },
    /// The target holds another mesh.
    OtherMesh {
        /// Its mesh.
        found: MeshName,
        /// The mesh to be written.
        wanted: MeshName,
    },
    /// There is no such revision.
    NoRevision {
        /// Which.
        revision: u64,
        /// The newest that there is.
        newest: Option<u64>,
    },
    /// A proxy that keeps its files has none.
    NoFiles {
        /// The proxy.
        proxy: String,
    },
    /// A server cannot be asked as the project says.
    Setup {
        /// The server.
        server: String,
        /// Whether meshctl.toml itself is wrong, and not a file or variable that it names.
        project: bool,
        /// What is wrong.
        why: String,
    },
    /// A server did not answer.
    Unavailable {
        /// The server.
        server: String,
        /// Why.
        why: String,
        /// Whether it may have got the request.
        sent: bool,
    },
    /// The store of a control plane takes nothing.
    Store {
        /// What it says.
        why: String,
        /// Whether the last commit may be in it all the same.
        unknown: bool,
    },
    /// A server answered what no meshctl would.
    Odd {
        /// The server.
        server: String,
        /// What is wrong with it.
        why: String,
    },
    /// A server did not do what it was asked.
    Api {
        /// The server.
        server: String,
        /// The HTTP status.
        status: u16,
        /// Its reason.
        problem: Box<Problem>,
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
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Damaged { .. } => Some(
                "put the file back as it was, or move the folder `meshctl` of the target away: \
                 `apply --allow-lost-record` then records and writes the whole mesh anew"
                    .to_owned(),
            ),
            Self::Newer { .. } => Some("use the meshctl that wrote it, or a later one".to_owned()),
            Self::Busy { .. } => {
                Some("try again when it has ended, or wait for it: --lock-timeout 60s".to_owned())
            }
            Self::NotAFolder { .. } => {
                Some("name another folder under [targets] in meshctl.toml".to_owned())
            }
            Self::OtherMesh { .. } => {
                Some("use another target, or give the mesh its name back".to_owned())
            }
            Self::Unavailable { .. } => {
                Some("is `meshctl serve` running there? then try again".to_owned())
            }
            Self::Api { problem, .. } => problem.hint.clone(),
            Self::Io { .. }
            | Self::Stale { .. }
            | Self::NoRevision { .. }
            | Self::Setup { .. }
            | Self::Odd { .. }
            | Self::Store { .. }
            | Self::NoFiles { .. } => None,
        }
    }
}

fn revision(number: Option<u64>) -> String {
    number.map_or_else(|| "none".to_owned(), |number| number.to_string())
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { doing, path, .. } => write!(f, "cannot {doing} {}", path.display()),
            Self::NotAFolder { path } => write!(f, "{} is not a folder", path.display()),
            Self::Damaged { path, why } => {
                write!(f, "{} is not as meshctl wrote it: {why}", path.display())
            }
            Self::Newer { path, format } => {
                write!(
                    f,
                    "{} has the form {format}, which this meshctl does not know",
                    path.display()
                )
            }
            Self::Busy { path } => {
                write!(f, "another meshctl is changing {}", path.display())
            }
            Self::Stale { expected, found } => write!(
                f,
                "the newest revision is {}, not {}: somebody else has applied",
                revision(*found),
                revision(*expected)
            ),
            Self::OtherMesh { found, wanted } => {
                write!(f, "the target holds the mesh `{found}`, not `{wanted}`")
            }
            Self::NoRevision { revision: number, newest } => {
                write!(f, "there is no revision {number}; the newest is {}", revision(*newest))
            }
            Self::NoFiles { proxy } => write!(f, "the files of {proxy} are missing"),
            Self::Setup { server, project: _, why } => write!(f, "cannot use {server}: {why}"),
            Self::Unavailable { server, why, .. } => {
                write!(f, "{server} does not answer: {why}")
            }
            Self::Odd { server, why } => write!(f, "{server} is no control plane: {why}"),
            Self::Store { why, .. } => f.write_str(why),
            Self::Api { problem, .. } => f.write_str(&problem.message),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            Self::NotAFolder { .. }
            | Self::Damaged { .. }
            | Self::Newer { .. }
            | Self::Busy { .. }
            | Self::Stale { .. }
            | Self::OtherMesh { .. }
            | Self::NoRevision { .. }
            | Self::Setup { .. }
            | Self::Unavailable { .. }
            | Self::Odd { .. }
            | Self::Store { .. }
            | Self::Api { .. }
            | Self::NoFiles { .. } => None,
        }
    }
}
