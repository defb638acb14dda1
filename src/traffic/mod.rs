//! Traffic: what a mesh does with requests. The routing of every entry point as ordered tables,
//! and what becomes of one request.
//!
//! `envoy` renders these very tables, so that what is told of a request and what a proxy does come
//! from one order, one set of conditions, one arithmetic of weights.
#![deny(clippy::disallowed_methods)]

pub mod addresses;
mod arrival;
mod condition;
pub mod defaults;
mod entry;
mod field;
pub mod headers;
pub mod http;
mod journey;
mod matching;
mod path;
pub mod policy;
pub mod re2;
mod request;
mod service;
mod source;
pub mod symbolic;
mod table;
mod timing;
mod tls;
mod unknown;

pub use arrival::{Codec, HTTP1_METHODS};
pub use condition::{Miss, Seen};
pub use entry::{
    CapturedPort, Door, Entry, INBOUND_PORT, OUTBOUND_PORT, Source, bound_entries, captured_by,
    captured_ports, entries, entries_of, passes_on, sources,
};
pub use field::FieldValue;
pub use http::Accepts;
pub use journey::{End, Hop, Journey, Passed, Reason, Tracer, percents};
pub use matching::{Match, Named, Path, host_expression, host_of_expression};
pub use path::normalised;
pub use request::{BadRequest, Request};
pub use service::{
    NodeListener, Provider, ServicePort, addresses, listeners_behind, ports, routes_on,
    target_listener,
};
pub use source::NoSource;
pub use table::{
    Action, PathRewrite, Rewrite, Row, Share, connection_row, gateway_routes_on, gateway_rows,
    gateway_target, parts, service_rows,
};
pub use timing::{Retries, Timeout};
pub use tls::{
    NameKind, Security, discovery_name, expected_names, on_port, security, tls_of, toward,
};
