//! Why a mesh does not run on this host.

use crate::apply;
use crate::live;
use crate::serve;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Why a mesh does not run.
#[derive(Debug)]
pub enum Error {
    /// A file or folder.
    Io(PathBuf, io::Error),
    /// A port that an application or proxy needs.
    Port(SocketAddr, io::Error),
    /// A program could not be started.
    Start(String, io::Error),
    /// A command of `[dev] prepare` failed; what it said.
    Prepare(String, String),
    /// A program ended by itself; what it said last.
    Ended(String, String),
    /// A program was not ready in time; what it said last.
    NotReady(String, String),
    /// The project names a tracing provider that there is not.
    Tracing(String),
    /// The folder that the proxies read, or the control plane, as a target.
    Target(live::Error),
    /// The control plane did not start.
    Serve(serve::Error),
    /// The control plane could not be reached, or refused.
    Thread(String),
    /// The configuration was not put in place.
    Apply(apply::Error),
    /// The folder's path is none that an admin interface can have.
    Admin(String),
    /// A proxy refused what it was given; what it said.
    Rejected(String, String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let said = |f: &mut fmt::Formatter<'_>, text: &str| match text.is_empty() {
            true => Ok(()),
            false => write!(f, "; it said:\n{text}"),
        };
        match self {
            Self::Io(path, _) => write!(f, "cannot use {}", path.display()),
            Self::Port(address, _) => write!(f, "cannot listen on {address}"),
            Self::Start(what, _) => write!(f, "cannot start {what}"),
            Self::Prepare(command, text) => {
                write!(f, "`{command}` of [dev] prepare failed")?;
                said(f, text)
            }
            Self::Ended(what, text) => {
                write!(f, "{what} ended by itself")?;
                said(f, text)
            }
            Self::NotReady(what, text) => {
                write!(f, "{what} was not ready in time")?;
                said(f, text)
            }
            Self::Target(error) => error.fmt(f),
            Self::Serve(error) => write!(f, "the control plane does not start: {error}"),
            Self::Thread(why) => write!(f, "the control plane did not answer: {why}"),
            Self::Apply(error) => error.fmt(f),
            Self::Admin(why) => f.write_str(why),
            Self::Tracing(name) => write!(f, "there is no tracing provider `{name}`"),
            Self::Rejected(what, text) => {
                write!(f, "{what} refused its configuration")?;
                said(f, text)
            }
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(_, error) | Self::Port(_, error) | Self::Start(_, error) => Some(error),
            Self::Target(error) => error.source(),
            Self::Serve(error) => error.source(),
            Self::Apply(error) => error.source(),
            Self::Prepare(..)
            | Self::Ended(..)
            | Self::NotReady(..)
            | Self::Rejected(..)
            | Self::Tracing(_)
            | Self::Thread(_)
            | Self::Admin(_) => None,
        }
    }
}
