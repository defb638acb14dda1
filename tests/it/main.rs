//! The one binary of all end-to-end tests.

mod artefacts;
mod check_cases;
mod compile;
mod input;
mod live_dev;
mod live_shop;
mod schema;
mod support;
mod tidy;
