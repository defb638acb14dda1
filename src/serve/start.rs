//! Starting and stopping a control plane.

use super::admin::access::{Names, Operators, Role, write_secret};
use super::admin::metrics::Metrics;
use super::admin::{Server, router};
use super::audit::Audit;
use super::plane::Plane;
use super::{rollout, work};
use crate::apply::Signal;
use crate::live;
use crate::store::{self, Embedded, Store};
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// How a control plane is set up.
#[derive(Clone, Debug)]
pub struct Config {
    /// The folder of its store, operators and audit log.
    pub data: PathBuf,
    /// Where the admin API listens. Without TLS it must be a loopback address.
    pub admin: SocketAddr,
    /// Further names, with their ports, by which the admin API may be asked for.
    pub names: Vec<String>,
    /// After a start: how long steps wait for Envoys that are not connected, because those that
    /// were connected before may not be back yet.
    pub grace: Duration,
}

/// Why a control plane does not start.
#[derive(Debug)]
pub enum Error {
    /// The store.
    Store(store::Error),
    /// A stored mesh.
    Mesh(live::Error),
    /// A file of the folder.
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// An address to listen at.
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// Plain text on an address that others can reach.
    Plaintext {
        /// Which.
        address: SocketAddr,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(error) => error.fmt(f),
            Self::Mesh(error) => error.fmt(f),
            Self::File { path, .. } => write!(f, "cannot use {}", path.display()),
            Self::Listen { address, .. } => write!(f, "cannot listen at {address}"),
            Self::Plaintext { address } => {
                write!(f, "{address} can be reached from other hosts, and nothing is encrypted")
            }
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Store(error) => error.source(),
            Self::Mesh(error) => error.source(),
            Self::File { source, .. } | Self::Listen { source, .. } => Some(source),
            Self::Plaintext { .. } => None,
        }
    }
}

/// A control plane that runs.
#[derive(Debug)]
pub struct Running {
    /// Where the admin API listens.
    pub admin: SocketAddr,
    /// Where the secret of the first operator was written, if there was none before.
    pub secret: Option<PathBuf>,
    stop: watch::Sender<Option<Signal>>,
    serving: JoinHandle<io::Result<()>>,
}

/// Opens the store, gives the data plane what is in force, and answers operators. The data plane
/// must not answer anybody before this returns.
pub async fn start(config: &Config, plane: Arc<dyn Plane>) -> Result<Running, Error> {
    if !config.admin.ip().is_loopback() {
        return Err(Error::Plaintext { address: config.admin });
    }
    let store = Embedded::open_or_create(&config.data).map_err(Error::Store)?;
    let store: Arc<dyn Store> = Arc::new(store);
    let file = |path: &Path, source| Error::File { path: path.to_owned(), source };
    let audit = Audit::open(&config.data).map_err(|error| file(&config.data, error))?;
    let operators = Operators::of(&config.data);
    let secret = first_operator(&operators, &config.data)?;
    let listen = |source| Error::Listen { address: config.admin, source };
    let listener = TcpListener::bind(config.admin).await.map_err(listen)?;
    let admin = listener.local_addr().map_err(listen)?;
    let (sender, stop) = work::stopping();
    let server = Arc::new(Server {
        store: Arc::clone(&store),
        plane,
        operators,
        names: names(admin, &config.names),
        audit: Arc::new(audit),
        metrics: Metrics::new(),
        stop: stop.clone(),
        awaited_until: Instant::now() + config.grace,
        meshes: Mutex::new(BTreeMap::new()),
        attempts: Mutex::new(BTreeMap::new()),
    });
    for name in store.meshes().map_err(Error::Store)? {
        rollout::restore(&server.mesh(&name)).map_err(Error::Mesh)?;
    }
    let app = router(server);
    let served = axum::serve(listener, app).with_graceful_shutdown(async move {
        stop.requested().await;
    });
    let serving = tokio::spawn(async move { served.await });
    Ok(Running { admin, secret, stop: sender, serving })
}

impl Running {
    /// Ends at a safe point: nothing new is taken, what is under way stops between two steps, and
    /// who follows it is told.
    pub async fn stop(self, signal: Signal) -> io::Result<()> {
        self.stop.send_replace(Some(signal));
        self.serving.await.unwrap_or_else(|error| Err(io::Error::other(error)))
    }
}

/// Where nobody may ask yet, an operator is made who may do everything.
fn first_operator(operators: &Operators, data: &Path) -> Result<Option<PathBuf>, Error> {
    let path = data.join("operator.token");
    let made = || -> io::Result<Option<PathBuf>> {
        if !operators.is_empty()? {
            return Ok(None);
        }
        let secret = operators.add("operator", Role::Write)?;
        write_secret(&path, &format!("{secret}\n"))?;
        Ok(Some(path.clone()))
    };
    made().map_err(|source| Error::File { path: data.join("operators.json"), source })
}

/// The names by which an address may be asked for.
fn names(address: SocketAddr, more: &[String]) -> Names {
    let port = address.port();
    let mut names = vec![address.to_string(), format!("localhost:{port}")];
    names.extend(more.iter().cloned());
    Names(names)
}
