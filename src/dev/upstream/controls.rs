//! How a caller steers what an upstream answers: by request headers.

use http::HeaderMap;
use std::time::Duration;

/// What the headers of a request ask the upstream to do.
///
/// | header | meaning |
/// | --- | --- |
/// | `x-upstream-only` | the others hold only for the node of this name |
/// | `x-upstream-status` | answer with this HTTP status |
/// | `x-upstream-grpc-status` | answer with this gRPC status |
/// | `x-upstream-delay-ms` | wait so long before the answer |
/// | `x-upstream-key` | requests with the same key are counted together |
/// | `x-upstream-fail-first` | the statuses hold only for so many requests of the key |
/// | `x-upstream-reset` | break the connection off instead of answering |
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Controls {
    /// The HTTP status of the answer.
    pub status: Option<u16>,
    /// The gRPC status of the answer.
    pub grpc_status: Option<u32>,
    /// How long the answer is held back.
    pub delay: Duration,
    /// What counts requests together.
    pub key: String,
    /// How many requests of the key fail before the rest go well.
    pub fail_first: Option<u64>,
    /// Whether the connection is broken off.
    pub reset: bool,
}

impl Controls {
    /// Reads the headers of a request to the node of this name. What makes no sense is ignored.
    pub fn read(headers: &HeaderMap, name: &str) -> Self {
        let text = |header: &str| headers.get(header)?.to_str().ok();
        if text("x-upstream-only").is_some_and(|only| only != name) {
            let key = text("x-upstream-key").unwrap_or_default().to_owned();
            return Self { key, ..Self::default() };
        }
        let number = |header: &str| text(header)?.parse::<u64>().ok();
        Self {
            status: text("x-upstream-status").and_then(|status| status.parse().ok()),
            grpc_status: text("x-upstream-grpc-status").and_then(|status| status.parse().ok()),
            delay: Duration::from_millis(number("x-upstream-delay-ms").unwrap_or(0).min(60_000)),
            key: text("x-upstream-key").unwrap_or_default().to_owned(),
            fail_first: number("x-upstream-fail-first"),
            reset: text("x-upstream-reset").is_some(),
        }
    }

    /// The same, for the request of a key that is the `attempt`-th: past the failures, all is well.
    pub fn at(self, attempt: u64) -> Self {
        match self.fail_first {
            Some(failures) if attempt > failures => {
                Self { status: None, grpc_status: None, reset: false, ..self }
            }
            Some(_) if self.status.is_none() && self.grpc_status.is_none() && !self.reset => {
                Self { status: Some(503), grpc_status: Some(14), ..self }
            }
            Some(_) | None => self,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn the_first_requests_of_a_key_fail_and_the_rest_do_not() {
        let map = headers(&[("x-upstream-fail-first", "2"), ("x-upstream-key", "a")]);
        let controls = Controls::read(&map, "cart");
        assert_eq!(controls.clone().at(1).status, Some(503));
        assert_eq!(controls.clone().at(2).status, Some(503));
        assert_eq!(controls.at(3).status, None);
    }

    #[test]
    fn only_the_named_node_does_as_told() {
        let map = headers(&[("x-upstream-only", "cart"), ("x-upstream-status", "418")]);
        assert_eq!(Controls::read(&map, "cart").status, Some(418));
        assert_eq!(Controls::read(&map, "shop").status, None);
    }
}
