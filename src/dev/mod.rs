//! Runs a mesh on one host, to try it: proxies, small applications, requests and their answers.
//!
//! Nothing here prints: what happens is told to the caller.

pub mod client;
mod derived;
pub mod envoy_binary;
mod error;
mod overlay;
mod plane;
mod probe;
pub mod process;
pub mod requests;
mod run;
mod tls;
pub mod upstream;

pub use error::Error;
pub use overlay::{Network, TooLarge, overlay, service_ports};
pub use probe::rejections;
pub use run::{Options, Running, Target, Tell};
