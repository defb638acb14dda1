//! Small applications that say who they are, so that an answer shows which way a request took.
//!
//! | spoken | answer |
//! | --- | --- |
//! | HTTP/1.1, HTTP/2 | a JSON object: node, port, protocol, method, path, host, headers, attempt |
//! | gRPC | the request's own message, with the node in the header `x-upstream` |
//! | TCP | a greeting with the node's name at once, then every byte comes back |
//!
//! A caller steers HTTP and gRPC answers by the headers of [`Controls`].

mod controls;
mod http;
mod tcp;

pub use controls::Controls;

use crate::model::Protocol;
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A running application; dropping it closes its port and its connections.
#[derive(Debug)]
pub struct Upstream {
    address: SocketAddr,
    state: Arc<State>,
    task: JoinHandle<()>,
}

/// What the connections of one application share.
#[derive(Debug)]
struct State {
    name: String,
    address: SocketAddr,
    requests: AtomicU64,
    attempts: Mutex<BTreeMap<String, u64>>,
}

impl State {
    /// Counts a request, and says how many with this key came before, itself included.
    fn count(&self, key: &str) -> u64 {
        self.requests.fetch_add(1, Ordering::Relaxed);
        if key.is_empty() {
            return 1;
        }
        let mut attempts = self.attempts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = attempts.entry(key.to_owned()).or_default();
        *count += 1;
        *count
    }
}

impl Upstream {
    /// Starts an application under a name. Port 0 draws a free port.
    pub async fn start(name: &str, address: SocketAddr, protocol: Protocol) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let state = Arc::new(State {
            name: name.to_owned(),
            address,
            requests: AtomicU64::new(0),
            attempts: Mutex::default(),
        });
        let task = match protocol {
            Protocol::Tcp => tokio::spawn(tcp::serve(listener, state.clone())),
            Protocol::Http | Protocol::Http2 | Protocol::Grpc => {
                tokio::spawn(http::serve(listener, state.clone()))
            }
        };
        Ok(Self { address, state, task })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many requests it has seen (connections, for TCP).
    pub fn requests(&self) -> u64 {
        self.state.requests.load(Ordering::Relaxed)
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.task.abort();
    }
}
