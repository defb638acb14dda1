//! The error of this crate.

use std::fmt;

/// Why a message could not be decoded, rendered, parsed or merged.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The pinned Envoy has no message type of this name.
    UnknownType {
        /// JSON path of the message, empty at the top.
        path: String,
        /// The type URL as given.
        type_url: String,
    },
    /// The bytes of an `Any` are not a message of its type.
    Wire {
        /// JSON path of the message, empty at the top.
        path: String,
        /// The type URL as given.
        type_url: String,
        /// What the decoder says.
        message: String,
    },
    /// A JSON value does not fit the message type.
    Json {
        /// JSON path of the value, empty at the top.
        path: String,
        /// What is wrong with it.
        message: String,
    },
    /// An `Any` holds another type than the one asked for.
    WrongType {
        /// The type URL asked for.
        expected: String,
        /// The type URL found.
        found: String,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = match self {
            Error::UnknownType { path, .. }
            | Error::Wire { path, .. }
            | Error::Json { path, .. } => path,
            Error::WrongType { .. } => "",
        };
        if !path.is_empty() {
            write!(f, "{path}: ")?;
        }
        match self {
            Error::UnknownType { type_url, .. } => write!(f, "unknown message type `{type_url}`"),
            Error::Wire { type_url, message, .. } => {
                write!(f, "not a valid `{type_url}`: {message}")
            }
            Error::Json { message, .. } => f.write_str(message),
            Error::WrongType { expected, found } => {
                write!(f, "expected a `{expected}`, found a `{found}`")
            }
        }
    }
}

impl std::error::Error for Error {}
