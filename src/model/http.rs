//! What a listener accepts of HTTP beyond what every proxy does.

use super::node::is_default;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The HTTP connections of a listener; unset keys have the defaults of `traffic::Accepts`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpSettings {
    /// Whether HTTP/1.0 is accepted; else it is answered with 426.
    #[serde(default, skip_serializing_if = "is_default")]
    pub accept_http_10: bool,
    /// The host of HTTP/1.0 requests without a Host header; else they are answered with 400.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_hostname: Option<String>,
    /// How many headers a request may have, and a response of the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_headers: Option<u32>,
    /// How long the headers of a request may be together, and those of a response of the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_header_size: Option<ByteSize>,
    /// In which case the names of headers are sent on by HTTP/1.
    #[serde(default, skip_serializing_if = "is_default")]
    pub header_case: HeaderCase,
    /// Upgrades that are ignored, by the start of their name; the request is served without them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ignore_upgrades: Option<Vec<String>>,
}

/// In which case the names of headers are sent on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HeaderCase {
    /// In lower case.
    #[default]
    Lower,
    /// As they came.
    Preserve,
}

impl HeaderCase {
    /// Every value.
    pub const ALL: [Self; 2] = [Self::Lower, Self::Preserve];

    /// The value in files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Lower => "lower",
            Self::Preserve => "preserve",
        }
    }
}

/// A number of bytes, written as `512B`, `96KiB` or `1MiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ByteSize(u64);

impl ByteSize {
    const UNITS: [(&str, u64); 3] = [("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

    /// A number of bytes.
    pub const fn new(bytes: u64) -> Self {
        Self(bytes)
    }

    /// The number of bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }

    /// Reads the written form; the error says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let form = "a size is a whole number and `B`, `KiB` or `MiB`, for example \"96KiB\"";
        let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (digits, unit) = text.split_at(split);
        let factor = Self::UNITS.iter().find(|(name, _)| *name == unit).map(|(_, factor)| factor);
        let (Some(factor), false) = (factor, digits.is_empty()) else { return Err(form.into()) };
        let bytes = digits.parse::<u64>().ok().and_then(|n| n.checked_mul(*factor));
        bytes.map(Self).ok_or_else(|| "the size is too large".into())
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = |(_, factor): &&(&str, u64)| self.0 > 0 && self.0.is_multiple_of(*factor);
        let (unit, factor) = Self::UNITS.iter().find(whole).unwrap_or(&("B", 1));
        write!(f, "{}{unit}", self.0 / factor)
    }
}

impl TryFrom<String> for ByteSize {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text)
    }
}

impl From<ByteSize> for String {
    fn from(size: ByteSize) -> Self {
        size.to_string()
    }
}
