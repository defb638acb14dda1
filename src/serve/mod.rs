//! The control plane: an admin API for operators, xDS for Envoys, and a store behind both.
//!
//! ```text
//!  operators ──HTTP──> admin ──> work: apply::apply ──> rollout ──> store
//!                                        │ gate            └──────> plane ──xDS──> Envoys
//!                                        └── witness: who has acknowledged
//! ```

mod admin;
mod audit;
pub mod grpc;
pub mod hub;
pub mod identity;
pub mod limits;
pub mod listen;
mod mesh;
mod plane;
mod problem;
mod rollout;
pub mod session;
mod start;
mod verify;
mod witness;
mod work;

pub use admin::access::{Operators, Role};
pub use plane::{Changed, Plane};
pub use start::{Config, Error, Files, Listen, Running, start, start_with};

/// Every route of the admin API: its method, its path, and the role that it asks for.
pub fn routes() -> Vec<(String, String, Option<Role>)> {
    let routes = admin::routes().into_iter();
    routes
        .map(|route| {
            let role = match route.need {
                admin::access::Need::Nobody => None,
                admin::access::Need::Operator(role) => Some(role),
            };
            (route.method.to_string(), route.path.to_owned(), role)
        })
        .collect()
}

/// This moment in RFC 3339.
fn now() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
