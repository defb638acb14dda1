//! The control plane: what proxies are to have, and the streams that bring it to them.

pub mod grpc;
pub mod hub;
pub mod identity;
pub mod limits;
pub mod listen;
pub mod session;
