//! Defaults of routes that the files do not show: App Mesh's. `envoy` renders them.

use crate::model::Duration;

/// From the end of a request to the end of its answer, on routes and on listeners. Every App Mesh
/// user met it: to exceed it, route and listener must both be raised.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);

/// Without a byte in either direction, for requests and for TCP connections. App Mesh's reference
/// said "none", its guide and its users said 300 s.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(300);

/// Retries where the route has no policy, and for services whose provider is a node.
pub const RETRIES: u32 = 2;
/// What the default policy retries besides [`RETRY_CODES`], in Envoy's words. `reset` came later
/// than the rest.
pub const RETRY_ON: [&str; 4] = ["unavailable", "connect-failure", "refused-stream", "reset"];
/// Answers that the default policy retries.
pub const RETRY_CODES: [u32; 1] = [503];
