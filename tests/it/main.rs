//! The one binary of all end-to-end tests.

mod artefacts;
mod check_cases;
mod compile;
mod input;
mod schema;
mod support;
mod tidy;
