//! Starting and stopping a control plane.

use super::admin::access::{Certified, Names};
use super::admin::attempts::Attempts;
use super::admin::bodies::Bodies;
use super::admin::metrics::Metrics;
use super::admin::{Server, connection, router};
use super::audit::{Audit, Entry, OnError};
use super::certificates::{Figures, Notice, Watched, lead_to};
use super::grpc::{Operated, Xds};
use super::hub::Hub;
use super::identity::{Identify, Loopback, Spiffe, is_proxy, spiffe_uri};
use super::joining::Authority;
use super::limits::Limits;
use super::listen::{self, Stopper, TlsError};
use super::places::Places;
use super::plane::Plane;
use super::secret::{PREFIX, hash, random};
use super::security::{Refused, Security};
use super::{local, registry, rollout, upkeep, work};
use crate::apply::Signal;
use crate::live;
use crate::store::security::{Operator, Role, Scope};
use crate::store::{self, Embedded, Store};
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// Attempts to join from one address that may fail a second.
const JOINS_PER_SECOND: u32 = 1;
/// How long connections may take to end after a stop was requested.
const PATIENCE: Duration = Duration::from_secs(10);

/// How a control plane is set up.
#[derive(Clone, Debug)]
pub struct Config {
    /// The folder of its store, operators and audit log.
    pub data: PathBuf,
    /// Where the admin API listens.
    pub admin: Listen,
    /// Where xDS listens.
    pub xds: Listen,
    /// The SPIFFE trust domain of proxies, where xDS is under TLS.
    pub trust_domain: Option<String>,
    /// What signs the certificates of proxies; `None`: they come from elsewhere.
    pub authority: Option<Authority>,
    /// Further names, with their ports, by which the admin API may be asked for.
    pub names: Vec<String>,
    /// After a start: how long steps wait for Envoys that are not connected, because those that
    /// were connected before may not be back yet.
    pub grace: Duration,
    /// What happens to changes while the audit log cannot be written.
    pub audit_on_error: OnError,
    /// What peers may ask for.
    pub limits: Limits,
}

/// Where to listen. Without TLS it must be a loopback address.
#[derive(Clone, Debug)]
pub struct Listen {
    /// The address.
    pub address: SocketAddr,
    /// PEM files.
    pub tls: Option<Files>,
}

/// The PEM files of a listener.
#[derive(Clone, Debug)]
pub struct Files {
    /// Its certificate, with those between it and an authority.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
    /// The authorities of clients; empty: none is asked for a certificate.
    pub clients: Vec<PathBuf>,
}

/// Why a control plane does not start.
#[derive(Debug)]
pub enum Error {
    /// The store.
    Store(store::Error),
    /// A stored mesh.
    Mesh(live::Error),
    /// A file.
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
    /// The TLS of an address.
    Tls {
        /// Which.
        address: SocketAddr,
        /// Why.
        source: TlsError,
    },
    /// Plain text on an address that others can reach.
    Plaintext {
        /// Which.
        address: SocketAddr,
    },
    /// Proxies under TLS could not be told apart.
    NoIdentity,
    /// The authority that is to sign the certificates of proxies.
    Authority {
        /// Why it cannot.
        why: String,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(error) => error.fmt(f),
            Self::Mesh(error) => error.fmt(f),
            Self::File { path, .. } => write!(f, "cannot use {}", path.display()),
            Self::Listen { address, .. } => write!(f, "cannot listen at {address}"),
            Self::Tls { address, .. } => write!(f, "cannot speak TLS at {address}"),
            Self::Plaintext { address } => {
                write!(f, "{address} can be reached from other hosts, and nothing is encrypted")
            }
            Self::NoIdentity => f.write_str(
                "proxies under TLS are told apart by their certificates, which needs authorities \
                 and a trust domain",
            ),
            Self::Authority { why } => write!(f, "the authority of proxies cannot sign: {why}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Store(error) => error.source(),
            Self::Mesh(error) => error.source(),
            Self::File { source, .. } | Self::Listen { source, .. } => Some(source),
            Self::Tls { source, .. } => Some(source),
            Self::Plaintext { .. } | Self::NoIdentity | Self::Authority { .. } => None,
        }
    }
}

/// A control plane that runs.
#[derive(Debug)]
pub struct Running {
    /// Where the admin API listens.
    pub admin: SocketAddr,
    /// Where xDS listens.
    pub xds: Option<SocketAddr>,
    /// Where the secret of the first operator was written, if there was none before.
    pub secret: Option<PathBuf>,
    /// What happens to certificates while it runs.
    pub notices: mpsc::UnboundedReceiver<Notice>,
    watching: Watching,
    stop: watch::Sender<Option<Signal>>,
    server: Arc<Server>,
    stoppers: Vec<Stopper>,
    hub: Option<Hub>,
    serving: Vec<JoinHandle<()>>,
}

/// What those who watch certificates share.
#[derive(Debug)]
struct Watching {
    figures: Figures,
    notices: mpsc::UnboundedSender<Notice>,
    asked: watch::Sender<u64>,
    security: Arc<Security>,
}

impl Watching {
    fn watch(&self, watched: Option<Watched>, stop: &listen::Stop) {
        if let Some(watched) = watched {
            let (figures, notices) = (self.figures.clone(), self.notices.clone());
            let asked = self.asked.subscribe();
            tokio::spawn(watched.watch(figures, notices, asked, stop.clone()));
        }
    }
}

/// Starts a control plane: what is in force is given to the hub before any proxy is answered.
pub async fn start(config: &Config) -> Result<Running, Error> {
    let known = match (&config.xds.tls, &config.trust_domain) {
        (None, _) => None,
        (Some(files), Some(domain)) if !files.clients.is_empty() => Some(domain.clone()),
        (Some(_), _) => return Err(Error::NoIdentity),
    };
    let limits = config.limits.of_process();
    let (hub, places) = (Hub::new(limits.clone()), Places::new(&limits));
    // The address is taken first: a server that cannot serve must not open the store.
    let (listener, address, watched) = open("xds", &config.xds, &["h2"])?;
    let mut running = start_admin(config, Arc::new(hub.clone()), limits, places.clone()).await?;
    let identify: Arc<dyn Identify> = match known {
        Some(trust_domain) => {
            let security = Arc::clone(&running.watching.security);
            let own = config.authority.as_ref().map(|own| own.certificate.clone());
            Arc::new(Spiffe { trust_domain, security, own })
        }
        None => Arc::new(Loopback),
    };
    let operators = Arc::clone(&running.watching.security);
    let server = Arc::clone(&running.server);
    let rejections = move |address: IpAddr| {
        let counted = server.failures.failed_from(address, Instant::now());
        let why = if counted.is_ok() { "denied: unauthenticated" } else { "denied: too-many" };
        server.audit.denied(&format!("address {}", address.to_canonical()), "xDS", why);
        counted
    };
    let xds = Xds::new(hub.clone(), Arc::new(Operated { others: identify, operators }))
        .counting(Arc::new(rejections));
    let (stopper, stop) = listen::Stop::new();
    let within = (hub.limits().handshake, PATIENCE);
    let tls = watched.as_ref().map(Watched::tls);
    running.watching.watch(watched, &stop);
    let serve = move |connection, stop| xds.clone().serve(connection, stop);
    let served = listen::accept(listener, tls, places, within, stop, serve);
    running.serving.push(tokio::spawn(served));
    running.stoppers.push(stopper);
    running.xds = Some(address);
    running.hub = Some(hub);
    Ok(running)
}

/// Starts the operators' side, over any data plane.
pub async fn start_with(config: &Config, plane: Arc<dyn Plane>) -> Result<Running, Error> {
    let limits = config.limits.of_process();
    let places = Places::new(&limits);
    start_admin(config, plane, limits, places).await
}

/// Starts the operators' side; its connections have their places among those of the other listener.
async fn start_admin(
    config: &Config,
    plane: Arc<dyn Plane>,
    limits: Limits,
    places: Places,
) -> Result<Running, Error> {
    if let Some(authority) = &config.authority {
        authority.check().map_err(|why| Error::Authority { why })?;
    }
    let (listener, admin, watched) = open("admin", &clients(config), &["h2", "http/1.1"])?;
    live::private::is_own_folder(&config.data)
        .map_err(|source| Error::File { path: config.data.clone(), source })?;
    let store = Embedded::open_or_create(&config.data).map_err(Error::Store)?;
    let store: Arc<dyn Store> = Arc::new(store);
    let file = |path: &Path, source| Error::File { path: path.to_owned(), source };
    let audit = Audit::open(&config.data, Arc::clone(&store), config.audit_on_error)?;
    let audit = Arc::new(audit);
    let security = Arc::new(Security::of(Arc::clone(&store)).map_err(Error::Store)?);
    let secret = first_operator(&security, &config.data)?;
    if secret.is_some() {
        audit.write(&Entry::plain("start", "first operator", "operator", "done"));
    }
    let control = local::listen(&config.data).map_err(|error| file(&config.data, error))?;
    let (told, notices) = mpsc::unbounded_channel();
    let watching = Watching {
        figures: Figures::default(),
        notices: told,
        asked: watch::Sender::new(0),
        security: Arc::clone(&security),
    };
    let (sender, stop) = work::stopping();
    let server = Arc::new(Server {
        store: Arc::clone(&store),
        plane,
        names: names(admin, &config.names),
        audit: Arc::clone(&audit),
        metrics: Metrics::new(),
        certificates: watching.figures.clone(),
        security: Arc::clone(&security),
        authority: config.authority.clone(),
        certified: config.authority.is_some() || config.xds.tls.is_some(),
        joining: Attempts::new(JOINS_PER_SECOND),
        failures: Attempts::new(limits.failures_per_second),
        denials: Attempts::new(limits.denials_per_second),
        bodies: Bodies::new(&limits),
        stop,
        awaited_until: Instant::now() + config.grace,
        loopback: config.admin.address.ip().is_loopback(),
        meshes: Mutex::new(BTreeMap::new()),
        attempts: Mutex::new(BTreeMap::new()),
        own: Mutex::new(BTreeMap::new()),
    });
    for name in store.meshes().map_err(Error::Store)? {
        let mesh = server.mesh(&name);
        mesh.registry.load().map_err(Error::Store)?;
        rollout::restore(&mesh).map_err(Error::Mesh)?;
        server.go_on(&mesh).map_err(Error::Mesh)?;
    }
    let leases = tokio::spawn(registry::watch(Arc::clone(&server)));
    let control = local::serve(control, Arc::clone(&security), audit, server.stop.clone());
    let control = tokio::spawn(control);
    let upkeep = tokio::spawn(upkeep::watch(Arc::clone(&server)));
    let app = router(Arc::clone(&server));
    let (stopper, ending) = listen::Stop::new();
    let tls = watched.as_ref().map(Watched::tls);
    watching.watch(watched, &ending);
    let known = Arc::new(Known::of(config, &watching.security));
    let (within, limits) = ((limits.handshake, PATIENCE), Arc::new(limits));
    let serve = move |connection, stop| {
        let known = Arc::clone(&known);
        let certify = move |peer: &listen::Peer| known.certify(peer);
        connection::serve(app.clone(), certify, connection, Arc::clone(&limits), stop)
    };
    let served = listen::accept(listener, tls, places, within, ending, serve);
    let serving = vec![tokio::spawn(served), leases, control, upkeep];
    let stoppers = vec![stopper];
    Ok(Running {
        admin,
        xds: None,
        secret,
        notices,
        watching,
        stop: sender,
        server,
        stoppers,
        hub: None,
        serving,
    })
}

/// The listener of the admin API with all whose certificates it looks at.
fn clients(config: &Config) -> Listen {
    let mut listen = config.admin.clone();
    if let (Some(files), Some(authority)) = (&mut listen.tls, &config.authority) {
        files.clients.push(authority.certificate.clone());
    }
    listen
}

/// Whose certificates count at the admin API.
struct Known {
    /// The authorities of operators.
    operators: Vec<PathBuf>,
    /// The authority of proxies.
    proxies: Option<(PathBuf, Spiffe)>,
}

impl Known {
    fn of(config: &Config, security: &Arc<Security>) -> Self {
        let proxies = config.authority.as_ref().map(|authority| {
            let trust_domain = authority.trust_domain.clone();
            let (security, own) = (Arc::clone(security), Some(authority.certificate.clone()));
            let spiffe = Spiffe { trust_domain, security, own };
            (authority.certificate.clone(), spiffe)
        });
        let operators = config.admin.tls.as_ref().map(|files| files.clients.clone());
        Self { operators: operators.unwrap_or_default(), proxies }
    }

    /// Who a peer is by its certificate. TLS has held it against all authorities; each of them says
    /// one thing only.
    fn certify(&self, peer: &listen::Peer) -> Certified {
        let Some(leaf) = peer.certificates.first() else { return Certified::default() };
        let operator = spiffe_uri(leaf, SystemTime::now())
            .ok()
            // A proxy is no operator, whoever has signed for it.
            .filter(|uri| !is_proxy(uri) && lead_to(&self.operators, &peer.certificates));
        let proxy = self.proxies.as_ref().and_then(|(authority, spiffe)| {
            let own = lead_to(std::slice::from_ref(authority), &peer.certificates);
            own.then(|| spiffe.proxy(&peer.certificates).ok()).flatten()
        });
        Certified { operator, proxy }
    }
}

impl Running {
    /// Has the files of certificates read again now, and the audit log opened again, which may have
    /// been moved away.
    pub fn reload(&self) {
        self.server.audit.reopen();
        self.watching.asked.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Ends at a safe point: nothing new is taken, what is under way stops between two steps, and
    /// who follows it is told. What nobody follows is waited for, too, for as long as that takes at most
    /// elsewhere.
    pub async fn stop(self, signal: Signal) {
        self.stop.send_replace(Some(signal));
        for stopper in &self.stoppers {
            stopper.stop();
        }
        if let Some(hub) = &self.hub {
            hub.disconnect_all();
        }
        for serving in self.serving {
            // A task that panicked has told on stderr, and there is nothing left to end.
            let _ = serving.await;
        }
        let ended = async {
            for attempt in self.server.under_way() {
                attempt.ended().await;
            }
        };
        // What is still at work then goes on from where it stands at the next start.
        let _ = tokio::time::timeout(PATIENCE, ended).await;
        let server = Arc::clone(&self.server);
        let _ = tokio::task::spawn_blocking(move || upkeep::settle(&server)).await;
    }
}

/// Takes an address, with its TLS.
fn open(
    name: &'static str,
    listen: &Listen,
    protocols: &'static [&'static str],
) -> Result<(TcpListener, SocketAddr, Option<Watched>), Error> {
    let address = listen.address;
    let tls = match &listen.tls {
        None if address.ip().is_loopback() => None,
        None => return Err(Error::Plaintext { address }),
        Some(files) => Some(Watched::open(name, address, files, protocols)?),
    };
    let failed = |source| Error::Listen { address, source };
    let listener = listen::bind(address).map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address, tls))
}

/// Where there never was an operator, one is made who may do everything.
fn first_operator(security: &Security, data: &Path) -> Result<Option<PathBuf>, Error> {
    if security.has_begun() {
        return Ok(None);
    }
    let path = data.join("operator.token");
    let file = |source| Error::File { path: path.clone(), source };
    let secret = format!("{PREFIX}{}", random::<24>().map_err(file)?);
    live::private::write(&path, &format!("{secret}\n")).map_err(file)?;
    let (sha256, created) = (Some(hash(&secret)), super::now());
    let (role, scope) = (Role::Write, Scope::default());
    let (certificate, until, life_s) = (None, None, None);
    let operator = Operator { role, sha256, certificate, created, scope, until, life_s };
    match security.put_operator("operator", operator) {
        Ok(()) => Ok(Some(path)),
        Err(Refused::Store(error)) => Err(Error::Store(error)),
        Err(other) => Err(file(io::Error::other(other.to_string()))),
    }
}

/// The names by which an address may be asked for.
fn names(address: SocketAddr, more: &[String]) -> Names {
    let port = address.port();
    let mut names = vec![address.to_string(), format!("localhost:{port}")];
    names.extend(more.iter().cloned());
    Names(names)
}
