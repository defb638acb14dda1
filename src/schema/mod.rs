//! The TOML language: what may be written, and what it says as a [`crate::model`].
//!
//! Each type of the model has one [`Shape`] here. It reads the type from a parsed file, reporting
//! every mistake that it meets, and it describes itself as JSON Schema, so that the parser and
//! the schema cannot disagree. While reading, it notes where each field stood.
#![deny(clippy::disallowed_methods)]

pub mod codes;
mod content;
mod document;
mod format;
mod gateway;
mod json_schema;
mod matching;
mod node;
mod parse;
mod policy;
mod reader;
mod route;
mod scalar;
mod tree;
mod write;

pub use codes::CODES;
pub use content::{Changes, Difference, compare, has_crlf, with_crlf, with_lf};
pub use document::{Reading, TOP_LEVEL, read_mesh};
pub use format::{Unformatted, format};
pub use json_schema::{json_schema, key_paths};
pub use parse::parse;
pub(crate) use reader::table;
pub use reader::{Cx, Defs, FieldShape, Shape, TableReader, object, schema_of};
pub use tree::{Entries, Entry, Node, Table, Value};
pub(crate) use write::quoted;
pub use write::{write, write_mesh};
