//! Small values with a unit or a range: ports, durations, protocols.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::num::NonZeroU16;

/// A TCP port, 1 to 65535.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Port(NonZeroU16);

impl Port {
    /// The port, or `None` for a number that is none.
    pub fn new(number: i64) -> Option<Self> {
        u16::try_from(number).ok().and_then(NonZeroU16::new).map(Self)
    }

    /// The port as a number.
    pub fn get(self) -> u16 {
        self.0.get()
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A length of time in whole milliseconds, written as `250ms`, `15s`, `5m` or `1h`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(try_from = "String", into = "String")]
pub struct Duration {
    millis: u64,
}

impl Duration {
    /// The longest: ten thousand years is beyond what Envoy's durations can hold, a year is not.
    pub const MAX_MILLIS: u64 = 365 * 24 * 3_600_000;

    /// A number of milliseconds.
    pub const fn from_millis(millis: u64) -> Self {
        Self { millis }
    }

    /// A number of seconds.
    pub const fn from_secs(seconds: u64) -> Self {
        Self { millis: seconds * 1000 }
    }

    /// The whole length in milliseconds.
    pub const fn millis(self) -> u64 {
        self.millis
    }

    /// Whether it is `0s`, which turns a timeout off.
    pub const fn is_zero(self) -> bool {
        self.millis == 0
    }

    /// Reads the written form; the error says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let form = "a duration is a whole number and `ms`, `s`, `m` or `h`, for example \"15s\"";
        let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (digits, unit) = text.split_at(split);
        let factor = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => return Err(form.into()),
        };
        if digits.is_empty() {
            return Err(form.into());
        }
        digits
            .parse::<u64>()
            .ok()
            .and_then(|n| n.checked_mul(factor))
            .filter(|millis| *millis <= Self::MAX_MILLIS)
            .map(Self::from_millis)
            .ok_or_else(|| "a duration is at most a year".into())
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.millis {
            0 => f.write_str("0s"),
            n if n % 60_000 == 0 => write!(f, "{}m", n / 60_000),
            n if n % 1000 == 0 => write!(f, "{}s", n / 1000),
            n => write!(f, "{n}ms"),
        }
    }
}

impl TryFrom<String> for Duration {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text)
    }
}

impl From<Duration> for String {
    fn from(duration: Duration) -> Self {
        duration.to_string()
    }
}

/// What a listener speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// HTTP/1.1.
    Http,
    /// HTTP/2.
    Http2,
    /// gRPC over HTTP/2.
    Grpc,
    /// Bytes.
    Tcp,
}

impl Protocol {
    /// The word in files and in Envoy's names.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Http2 => "http2",
            Self::Grpc => "grpc",
            Self::Tcp => "tcp",
        }
    }

    /// Whether requests, rather than connections, are routed.
    pub const fn is_http(self) -> bool {
        !matches!(self, Self::Tcp)
    }

    /// Whether the wire speaks HTTP/2.
    pub const fn is_http2(self) -> bool {
        matches!(self, Self::Http2 | Self::Grpc)
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_back_as_written() {
        for text in ["250ms", "15s", "5m", "0s", "1500ms"] {
            assert_eq!(Duration::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Duration::parse("90s").unwrap().to_string(), "90s");
        assert_eq!(Duration::parse("60s").unwrap(), Duration::parse("1m").unwrap());
        for text in ["", "s", "5", "-1s", "1.5s", "5 s", "5d", "99999999999999999999s", "9000h"] {
            assert!(Duration::parse(text).is_err(), "{text}");
        }
    }
}
