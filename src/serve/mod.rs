//! The control plane: an admin API for operators, xDS for Envoys, and a store behind both.
//!
//! ```text
//!  operators ──HTTP──> admin ──> work: apply::apply ──> rollout ──> store
//!                                        │ gate            └──────> plane ──xDS──> Envoys
//!                                        └── witness: who has acknowledged
//! ```

mod admin;
mod audit;
mod budget;
mod certificates;
pub mod grpc;
pub mod hub;
pub mod identity;
mod joining;
pub mod limits;
pub mod listen;
mod local;
mod mesh;
pub mod places;
mod plane;
mod problem;
mod registry;
mod rollout;
mod secret;
mod security;
pub mod session;
mod start;
mod unread;
mod upkeep;
mod verify;
mod witness;
mod work;

pub use crate::store::security::{Role, Scope, ServiceScope};
pub use admin::access::Need;
pub use audit::OnError;
pub use certificates::Notice;
pub use joining::Authority;
pub use local::{Done, Error as OperatorsError, Operators, Terms, record};
pub use plane::{Changed, Plane};
pub use security::Security;
pub use start::{Config, Error, Files, Listen, Running, start, start_with};

/// Every route of the admin API: its method, its path, and what it asks of who calls.
pub fn routes() -> Vec<(String, String, Need)> {
    let routes = admin::routes().into_iter();
    routes.map(|route| (route.method.to_string(), route.path.to_owned(), route.need)).collect()
}

/// Seconds since 1970 in RFC 3339.
pub fn time(seconds: i64) -> String {
    certificates::rfc3339(seconds)
}

/// This moment in RFC 3339.
fn now() -> String {
    certificates::rfc3339(certificates::unix(std::time::SystemTime::now()))
}
