//! Matchers: what a header, query parameter, metadata entry or path must be like.

use serde::{Deserialize, Serialize};

/// One condition on a named value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Matcher {
    /// What the value must be like.
    #[serde(flatten)]
    pub pattern: Pattern,
    /// Matches when the pattern does not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub invert: bool,
}

/// The ways to look at a value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pattern {
    /// Is this text.
    Exact(String),
    /// Starts with this text.
    Prefix(String),
    /// Ends with this text.
    Suffix(String),
    /// Is matched as a whole by this RE2 expression.
    Regex(String),
    /// Is a whole decimal number in the half-open range.
    Range(Range),
    /// Is there at all (`true`), or is not (`false`).
    Present(bool),
}

/// A half-open range of whole numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(i64, i64)", into = "(i64, i64)")]
pub struct Range {
    /// The first number in it.
    pub start: i64,
    /// The first number after it.
    pub end: i64,
}

impl From<(i64, i64)> for Range {
    fn from((start, end): (i64, i64)) -> Self {
        Self { start, end }
    }
}

impl From<Range> for (i64, i64) {
    fn from(range: Range) -> Self {
        (range.start, range.end)
    }
}

/// How the path of a request is matched. The query string is never part of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PathMatch {
    /// Starts with this text, byte for byte: `/api` matches `/apiary` too.
    Prefix(String),
    /// Is this text.
    Exact(String),
    /// Is matched as a whole by this RE2 expression.
    Regex(String),
}
