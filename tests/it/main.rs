//! The one binary of all end-to-end tests.

mod tidy;
