//! The one binary of all end-to-end tests.

mod artefacts;
mod compile;
mod input;
mod schema;
mod support;
mod tidy;
