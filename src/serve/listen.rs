//! Listening: the socket, TLS, and a stop that lets connections end.

use super::places::{Full, Place, Places};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use socket2::{Domain, Protocol, Socket, Type};
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, PoisonError, RwLock};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// Connections that the kernel holds until they are accepted. All proxies of a mesh may come back
/// at once, and tokio's own 1,024 lost some of them.
const BACKLOG: i32 = 4_096;
/// How long to rest when the system gives no more connections (no file descriptors, mostly).
const REST: Duration = Duration::from_millis(50);

/// Listens on an address.
///
/// # Errors
/// The system refuses.
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// What TLS needs, as PEM texts.
pub struct TlsPem<'a> {
    /// The server's certificate, and those that lead to its authority.
    pub certificates: &'a [u8],
    /// Its private key.
    pub key: &'a [u8],
    /// The authorities of clients.
    pub clients: Clients<'a>,
    /// The protocols that are spoken, the preferred one first: `h2`, `http/1.1`.
    pub protocols: &'a [&'a str],
}

/// Which clients a TLS server lets in.
#[derive(Clone, Copy, Debug)]
pub enum Clients<'a> {
    /// All; who they are is told by other means.
    Any,
    /// Those without a certificate, and those with one of these authorities (PEM).
    Known(&'a [u8]),
    /// Only those with a certificate of one of these authorities (PEM).
    Only(&'a [u8]),
}

/// Why there is no TLS.
#[derive(Debug)]
pub enum TlsError {
    /// No certificate or key in a PEM text, or one that cannot be read.
    Pem(&'static str, rustls::pki_types::pem::Error),
    /// A text without what it should have.
    Empty(&'static str),
    /// Certificate and key do not fit, or are not of a kind that is supported.
    Rustls(rustls::Error),
    /// The authorities of clients cannot be used.
    Authorities(rustls::server::VerifierBuilderError),
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pem(what, _) => write!(f, "the {what} cannot be read"),
            Self::Empty(what) => write!(f, "there is no {what} in its file"),
            Self::Rustls(_) => f.write_str("the certificate and its key cannot be used"),
            Self::Authorities(_) => f.write_str("the authorities of clients cannot be used"),
        }
    }
}

impl std::error::Error for TlsError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Pem(_, error) => Some(error),
            Self::Empty(_) => None,
            Self::Rustls(error) => Some(error),
            Self::Authorities(error) => Some(error),
        }
    }
}

/// The TLS of a listener. Clones share it, and new certificates reach connections made after they
/// came, without ending those that are open.
#[derive(Clone)]
pub struct Tls(Arc<RwLock<Arc<ServerConfig>>>);

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}

impl Tls {
    /// TLS 1.2 and 1.3 with these certificates.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn new(pem: &TlsPem<'_>) -> Result<Self, TlsError> {
        Ok(Self(Arc::new(RwLock::new(Arc::new(config(pem)?)))))
    }

    /// Goes on with other certificates.
    ///
    /// # Errors
    /// What is wrong with them; then nothing changes.
    pub fn replace(&self, pem: &TlsPem<'_>) -> Result<(), TlsError> {
        let config = Arc::new(config(pem)?);
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = config;
        Ok(())
    }

    fn acceptor(&self) -> TlsAcceptor {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone().into()
    }
}

fn certificates(what: &'static str, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match found {
        Ok(found) if found.is_empty() => Err(TlsError::Empty(what)),
        Ok(found) => Ok(found),
        Err(error) => Err(TlsError::Pem(what, error)),
    }
}

fn config(pem: &TlsPem<'_>) -> Result<ServerConfig, TlsError> {
    let provider = Arc::new(ring::default_provider());
    let key = PrivateKeyDer::from_pem_slice(pem.key)
        .map_err(|error| TlsError::Pem("private key", error))?;
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Rustls)?;
    let builder = match pem.clients {
        Clients::Any => builder.with_no_client_auth(),
        Clients::Known(authorities) | Clients::Only(authorities) => {
            let mut roots = RootCertStore::empty();
            for certificate in certificates("certificate of an authority", authorities)? {
                roots.add(certificate).map_err(TlsError::Rustls)?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            let verifier = match pem.clients {
                Clients::Known(_) => verifier.allow_unauthenticated(),
                Clients::Any | Clients::Only(_) => verifier,
            };
            builder.with_client_cert_verifier(verifier.build().map_err(TlsError::Authorities)?)
        }
    };
    let mut config = builder
        .with_single_cert(certificates("certificate", pem.certificates)?, key)
        .map_err(TlsError::Rustls)?;
    config.alpn_protocols = pem.protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    Ok(config)
}

/// Who is at the other end.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Where it connects from.
    pub address: SocketAddr,
    /// Its certificate and those that lead to an authority, checked by TLS; empty without.
    pub certificates: Vec<CertificateDer<'static>>,
}

/// An accepted connection.
#[derive(Debug)]
pub struct Connection {
    /// What is read and written.
    pub io: Io,
    /// Who is at the other end.
    pub peer: Peer,
    /// As what it counts, for as long as it is there.
    pub place: Arc<Place>,
}

/// A connection's bytes.
#[derive(Debug)]
pub enum Io {
    /// As they are on the wire.
    Plain(TcpStream),
    /// Under TLS.
    Tls(Box<TlsStream<TcpStream>>),
}

impl AsyncRead for Io {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        to: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(io) => Pin::new(io).poll_read(cx, to),
            Self::Tls(io) => Pin::new(io).poll_read(cx, to),
        }
    }
}

impl AsyncWrite for Io {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        from: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(io) => Pin::new(io).poll_write(cx, from),
            Self::Tls(io) => Pin::new(io).poll_write(cx, from),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(io) => Pin::new(io).poll_flush(cx),
            Self::Tls(io) => Pin::new(io).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(io) => Pin::new(io).poll_shutdown(cx),
            Self::Tls(io) => Pin::new(io).poll_shutdown(cx),
        }
    }
}

/// Asks listeners and their connections to end.
#[derive(Debug)]
pub struct Stopper(watch::Sender<bool>);

/// Told when to end. Clones are told together.
#[derive(Clone, Debug)]
pub struct Stop(watch::Receiver<bool>);

impl Stop {
    /// A stop that has not been requested, and what requests it.
    pub fn new() -> (Stopper, Self) {
        let (sender, receiver) = watch::channel(false);
        (Stopper(sender), Self(receiver))
    }

    /// Waits until it is time to end; a stopper that is gone asks for that too.
    pub async fn requested(&mut self) {
        let _ = self.0.wait_for(|stop| *stop).await;
    }
}

impl Stopper {
    /// Asks all to end.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

/// Accepts connections until the stop is requested, then waits up to `patience` for those that are
/// open, and ends what is left. Each has a place before anything is spent on it, and ends when it loses
/// that. A handshake that takes longer than `handshake` is given up; each connection is served by a
/// task of its own, so that none can end another.
pub async fn accept<F, S>(
    listener: TcpListener,
    tls: Option<Tls>,
    places: Places,
    (handshake, patience): (Duration, Duration),
    mut stop: Stop,
    serve: S,
) where
    S: Fn(Connection, Stop) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let mut open = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            // Ended ones are collected as they come.
            Some(_) = open.join_next() => continue,
            () = stop.requested() => break,
        };
        let Ok((stream, address)) = accepted else {
            // The connection may be gone already; if the system lacks something, it is left some
            // time to have it again.
            tokio::time::sleep(REST).await;
            continue;
        };
        let place = loop {
            match places.enter(address.ip(), Instant::now()) {
                // It waits, and all that the kernel holds behind it.
                Err(Full::All) => tokio::time::sleep(REST).await,
                entered => break entered,
            }
        };
        let Ok(place) = place.map(Arc::new) else { continue };
        // Without it small responses wait for the answer to the one before.
        let _ = stream.set_nodelay(true);
        let (serve, stop) = (serve.clone(), stop.clone());
        let acceptor = tls.as_ref().map(Tls::acceptor);
        let own = Arc::clone(&place);
        let served = async move {
            let connection = match acceptor {
                None => {
                    let peer = Peer { address, certificates: Vec::new() };
                    Connection { io: Io::Plain(stream), peer, place }
                }
                Some(acceptor) => {
                    let Ok(Ok(stream)) = timeout(handshake, acceptor.accept(stream)).await else {
                        return;
                    };
                    let certificates =
                        stream.get_ref().1.peer_certificates().unwrap_or_default().to_vec();
                    let peer = Peer { address, certificates };
                    Connection { io: Io::Tls(Box::new(stream)), peer, place }
                }
            };
            serve(connection, stop).await;
        };
        open.spawn(async move {
            tokio::select! {
                () = served => {}
                () = own.lost() => {}
            }
        });
    }
    drop(listener);
    let ended = async { while open.join_next().await.is_some() {} };
    // What has not ended by then is ended by the drop of its task.
    let _ = timeout(patience, ended).await;
}
