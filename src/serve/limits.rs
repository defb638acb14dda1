//! What one peer may ask of the server. The defaults are those of the design's table of limits.

use rustix::process::{Resource, getrlimit, setrlimit};
use std::time::Duration;

/// Files that stay free for the store, the operators and whatever else opens some, however many
/// proxies connect.
const FILES_KEPT: u64 = 64;

/// Bounds on what proxies may do. Every one is checked before the work that it bounds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a request; 4 MiB, as gRPC has it.
    pub request_bytes: usize,
    /// Bytes of a request that tells what the client has of an earlier stream; 16 MiB.
    pub resume_bytes: usize,
    /// Bytes of all headers of a request; 16 KiB.
    pub header_bytes: u32,
    /// Connections of who has shown a credential, over both listeners; 100,000, and no more than there
    /// are files for.
    pub connections: usize,
    /// Of these, such as have the token of an operator where proxies connect; 16.
    pub token_connections: usize,
    /// Connections of who has not shown a credential yet, over both listeners; 2,048, and no more than
    /// an eighth of the files.
    pub strangers: usize,
    /// Of these, such as come from one address, a /64 of IPv6; 1,024, and no more than half of all.
    pub strangers_per_address: usize,
    /// Streams on one connection; 16.
    pub streams_per_connection: u32,
    /// Streams of one identity; `None`: any number, as instances may share an identity.
    pub streams_per_identity: Option<usize>,
    /// Streams in all; 100,000.
    pub streams: usize,
    /// Names that a stream may ask for, and may say that it has, of one type; 50,000.
    pub names: usize,
    /// Bytes of such a name; 512.
    pub name_bytes: usize,
    /// Types that a stream may ask for; 16.
    pub types: usize,
    /// Requests of a stream that are read a second, over time; 200. More wait.
    pub requests_per_second: u32,
    /// New streams a second, over time; 1,000, and as many as `new_streams_burst` at once.
    pub new_streams_per_second: u32,
    /// New streams at once; 10,000: all proxies of a large mesh that lost their server.
    pub new_streams_burst: u32,
    /// How long a TLS handshake may take; 10 s.
    pub handshake: Duration,
    /// How long a stream may take to say who it is; 10 s.
    pub first_request: Duration,
    /// How long a client without a certificate that counts may take to send a request with a token that
    /// does, where proxies connect; 5 s.
    pub first_token: Duration,
    /// How long the headers of a request to the admin API may take, and a connection of HTTP/1 may be
    /// without one; 10 s.
    pub headers: Duration,
    /// How long a connection of an operator may be without a request; 5 min.
    pub idle: Duration,
    /// After which silence a connection is asked whether it lives; 30 s.
    pub keepalive_interval: Duration,
    /// How long it may take to answer that; 10 s.
    pub keepalive_timeout: Duration,
    /// How often it is asked anew who a stream is; 5 min.
    pub recheck: Duration,
    /// The bytes of resources after which a response ends, unless it must be whole; 64 KiB. A
    /// single resource may exceed it.
    pub chunk_bytes: usize,
    /// Responses of one type that may be unanswered; 256.
    pub flights: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            request_bytes: 4 << 20,
            resume_bytes: 16 << 20,
            header_bytes: 16 << 10,
            connections: 100_000,
            token_connections: 16,
            strangers: 2_048,
            strangers_per_address: 1_024,
            streams_per_connection: 16,
            streams_per_identity: None,
            streams: 100_000,
            names: 50_000,
            name_bytes: 512,
            types: 16,
            requests_per_second: 200,
            new_streams_per_second: 1_000,
            new_streams_burst: 10_000,
            handshake: Duration::from_secs(10),
            first_request: Duration::from_secs(10),
            first_token: Duration::from_secs(5),
            headers: Duration::from_secs(10),
            idle: Duration::from_secs(300),
            keepalive_interval: Duration::from_secs(30),
            keepalive_timeout: Duration::from_secs(10),
            recheck: Duration::from_secs(300),
            chunk_bytes: 64 << 10,
            flights: 256,
        }
    }
}

impl Limits {
    /// The defaults, as far as this process has files for them. It may open as many as the system
    /// lets it from then on: shells often give a program 1,024, and every proxy needs one.
    pub fn of_process() -> Self {
        let mut files = getrlimit(Resource::Nofile);
        files.current = files.maximum;
        // If that is refused, it has as many as before.
        let _ = setrlimit(Resource::Nofile, files);
        let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        let left = files.saturating_sub(FILES_KEPT).max(files / 2);
        let left = usize::try_from(left).unwrap_or(usize::MAX);
        let limits = Self::default();
        let strangers = limits.strangers.min(left / 8).max(1);
        let strangers_per_address = limits.strangers_per_address.min(strangers.div_ceil(2));
        let connections = limits.connections.min(left - strangers);
        Self { connections, strangers, strangers_per_address, ..limits }
    }
}
