//! Expectations: what the users of a mesh say becomes of requests, held against what does.
//!
//! `file` reads them, `judge` follows each request and compares, `coverage` says which routes no
//! request takes, `update` writes down what happens now. Nothing is sent: the answer is the one of
//! [`crate::traffic::Tracer`], which means what Envoy means.
#![deny(clippy::disallowed_methods)]

mod codes;
pub mod coverage;
mod facts;
mod file;
mod judge;
mod trial;
pub mod update;

pub use codes::CODES;
pub use file::{Expect, Retry, Target, tests_schema};
pub use judge::{Judged, Judging, Mismatch, Verdict};
pub use trial::{Place, Trial, read};
