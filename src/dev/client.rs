//! A client for tries: one request on one connection, over TCP or a Unix socket.

use super::tls;
use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

/// The largest body that is read, in bytes.
const BODY_MAX: usize = 64 << 20;

/// The version that is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2 without an upgrade.
    Http2,
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
    /// The trailers, empty if there were none.
    pub trailers: HeaderMap,
}

impl Answer {
    /// A header's value, if it is there and text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The gRPC status, from the trailers or, for an answer without a message, the headers.
    pub fn grpc_status(&self) -> Option<u32> {
        let status = self.trailers.get("grpc-status").or_else(|| self.headers.get("grpc-status"));
        status?.to_str().ok()?.parse().ok()
    }

    /// Which of `dev`'s upstreams answered.
    pub fn node(&self) -> Option<&str> {
        self.header("x-upstream")
    }
}

/// Why there was no answer.
#[derive(Debug)]
pub enum Error {
    /// There was no connection.
    Connect(io::Error),
    /// It broke before the answer was whole.
    Broken(Box<dyn StdError + Send + Sync>),
    /// It took too long.
    Late(Duration),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(error) => write!(f, "no connection: {error}"),
            Self::Broken(error) => write!(f, "the connection broke: {error}"),
            Self::Late(limit) => write!(f, "no answer in {limit:?}"),
        }
    }
}

impl StdError for Error {}

/// Makes a request of an address. The request's URI is sent as it is: a path for HTTP/1.1 (with a
/// `host` header), a whole URL for HTTP/2.
pub async fn call(
    to: SocketAddr,
    version: Version,
    request: Request<Bytes>,
    limit: Duration,
) -> Result<Answer, Error> {
    within(limit, async { exchange(connected(to).await?, version, request).await }).await
}

async fn connected(to: SocketAddr) -> Result<TcpStream, Error> {
    let stream = TcpStream::connect(to).await.map_err(Error::Connect)?;
    let _ = stream.set_nodelay(true);
    Ok(stream)
}

/// [`call`] under TLS, for a host. Any certificate is taken.
pub async fn call_tls(
    to: SocketAddr,
    host: &str,
    version: Version,
    request: Request<Bytes>,
    limit: Duration,
) -> Result<Answer, Error> {
    within(limit, async {
        let stream = tls::connect(connected(to).await?, host, version).await?;
        exchange(stream, version, request).await
    })
    .await
}

/// A connection of HTTP/1.1 that is kept for many requests.
#[derive(Debug)]
pub struct Connection {
    sender: hyper::client::conn::http1::SendRequest<Full<Bytes>>,
    driver: tokio::task::JoinHandle<()>,
}

impl Connection {
    /// Connects.
    pub async fn open(to: SocketAddr) -> Result<Self, Error> {
        let stream = connected(to).await?;
        let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| Error::Broken(Box::new(error)))?;
        // What goes wrong is told to whoever sends.
        let driver = tokio::spawn(async move { drop(connection.await) });
        Ok(Self { sender, driver })
    }

    /// Makes a request, after the one before has been answered.
    pub async fn send(
        &mut self,
        request: Request<Bytes>,
        limit: Duration,
    ) -> Result<Answer, Error> {
        let broken = |error: hyper::Error| Error::Broken(Box::new(error));
        within(limit, async {
            self.sender.ready().await.map_err(broken)?;
            let sent = self.sender.send_request(request.map(Full::new)).await;
            whole(sent.map_err(broken)?).await
        })
        .await
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// Asks for a path over a Unix socket, as Envoy's admin interface is asked.
pub async fn admin(
    socket: &Path,
    method: &str,
    path: &str,
    limit: Duration,
) -> Result<Answer, Error> {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", "admin")
        .body(Bytes::new())
        .map_err(|error| Error::Broken(error.into()))?;
    within(limit, async {
        let stream = UnixStream::connect(socket).await.map_err(Error::Connect)?;
        exchange(stream, Version::Http1, request).await
    })
    .await
}

/// Connects and reads what is said first, one read's worth.
pub async fn greeting(to: SocketAddr, limit: Duration) -> Result<Bytes, Error> {
    within(limit, async {
        let mut stream = TcpStream::connect(to).await.map_err(Error::Connect)?;
        let mut buffer = vec![0; 4096];
        match stream.read(&mut buffer).await {
            Ok(0) => Err(Error::Broken("it was closed without a word".into())),
            Ok(read) => Ok(Bytes::copy_from_slice(&buffer[..read])),
            Err(error) => Err(Error::Broken(error.into())),
        }
    })
    .await
}

async fn within<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    match tokio::time::timeout(limit, work).await {
        Ok(done) => done,
        Err(_) => Err(Error::Late(limit)),
    }
}

async fn exchange<S>(stream: S, version: Version, request: Request<Bytes>) -> Result<Answer, Error>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let broken = |error: hyper::Error| Error::Broken(Box::new(error));
    let io = TokioIo::new(stream);
    let request = request.map(Full::new);
    // The connection is driven beside the request, and ends with it.
    match version {
        Version::Http1 => {
            let (mut sender, connection) =
                hyper::client::conn::http1::handshake(io).await.map_err(broken)?;
            let work = async { whole(sender.send_request(request).await.map_err(broken)?).await };
            beside(connection, work).await
        }
        Version::Http2 => {
            let (mut sender, connection) =
                hyper::client::conn::http2::handshake(TokioExecutor::new(), io)
                    .await
                    .map_err(broken)?;
            let work = async { whole(sender.send_request(request).await.map_err(broken)?).await };
            beside(connection, work).await
        }
    }
}

/// Drives a connection until the work over it is done. An end of the connection is no end of the
/// work: its answer may be read already.
async fn beside<T>(connection: impl Future, work: impl Future<Output = T>) -> T {
    tokio::pin!(connection, work);
    tokio::select! {
        biased;
        done = &mut work => done,
        _ = &mut connection => work.await,
    }
}

async fn whole(response: Response<Incoming>) -> Result<Answer, Error> {
    let (parts, body) = response.into_parts();
    let collected = Limited::new(body, BODY_MAX).collect().await.map_err(Error::Broken)?;
    let trailers = collected.trailers().cloned().unwrap_or_default();
    Ok(Answer {
        status: parts.status.as_u16(),
        headers: parts.headers,
        body: collected.to_bytes(),
        trailers,
    })
}
