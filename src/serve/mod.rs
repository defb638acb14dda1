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
pub use start::{Config, Error, Running, start};

/// This moment in RFC 3339.
fn now() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
