//! How long the requests of a row may take and how they are retried, defaults filled in.

use super::defaults;
use super::table::Row;
use crate::model::{Duration, Protocol};

/// How long a request may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeout {
    /// From its end to the end of the answer; zero is no limit. Connections have none.
    pub request: Option<Duration>,
    /// Without a byte in either direction; zero is no limit.
    pub idle: Duration,
    /// Whether the files leave it to the default: `request`, and `idle` of connections.
    pub default: bool,
}

impl Timeout {
    /// The timeout that ends it in the first place: that of the request, else the idle timeout.
    pub fn limit(&self) -> Duration {
        self.request.unwrap_or(self.idle)
    }
}

/// How a failed request is tried again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retries {
    /// What counts as failed: the words of the files, or of Envoy for the default policy.
    pub on: Vec<String>,
    /// Tries after the first.
    pub max_retries: u32,
    /// For each try, the first included; unset is no limit.
    pub per_retry_timeout: Option<Duration>,
    /// Whether this is the default policy.
    pub default: bool,
}

impl Row<'_> {
    /// How long requests may take here; `None` where the service behind keeps the time.
    pub fn times(&self, protocol: Protocol) -> Option<Timeout> {
        let http = protocol.is_http();
        self.timeout.map(|timeout| Timeout {
            request: http.then(|| timeout.request.unwrap_or(defaults::REQUEST_TIMEOUT)),
            idle: timeout.idle.unwrap_or(defaults::IDLE_TIMEOUT),
            default: if http { timeout.request.is_none() } else { timeout.idle.is_none() },
        })
    }

    /// How requests are retried here; `None` where the service behind says so, and for connections.
    pub fn retries(&self, protocol: Protocol) -> Option<Retries> {
        self.timeout.filter(|_| protocol.is_http()).map(|_| match self.retry {
            Some(own) => Retries {
                on: own.on.iter().map(ToString::to_string).collect(),
                max_retries: own.max_retries,
                per_retry_timeout: own.per_retry_timeout.filter(|time| !time.is_zero()),
                default: false,
            },
            None => Retries {
                on: (defaults::RETRY_ON.iter().map(|word| (*word).to_owned()))
                    .chain(defaults::RETRY_CODES.iter().map(ToString::to_string))
                    .collect(),
                max_retries: defaults::RETRIES,
                per_retry_timeout: None,
                default: true,
            },
        })
    }
}
