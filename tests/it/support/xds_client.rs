//! A scripted xDS client: one connection, streams on it, messages as they are on the wire.

use bytes::{Buf as _, Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, Incoming};
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use meshctl::envoy::xds::{Asks, DELTA_PATH, Node, Request, Response};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// How a stream ended: gRPC's code and message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Status {
    pub(crate) code: u32,
    pub(crate) message: String,
}

/// The bytes that a client sends, as it sends them.
pub(crate) struct Sent(mpsc::UnboundedReceiver<Bytes>);

impl Body for Sent {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(cx).map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
    }
}

/// A connection.
#[derive(Clone)]
pub(crate) struct Client {
    sender: SendRequest<Sent>,
}

/// A stream on it.
pub(crate) struct Stream {
    requests: Option<mpsc::UnboundedSender<Bytes>>,
    body: Incoming,
    read: BytesMut,
}

impl Client {
    /// Connects; with TLS if told how.
    pub(crate) async fn connect(
        to: SocketAddr,
        tls: Option<Arc<ClientConfig>>,
    ) -> std::io::Result<Self> {
        let stream = TcpStream::connect(to).await?;
        stream.set_nodelay(true)?;
        match tls {
            None => Self::over(stream).await,
            Some(tls) => {
                let name = ServerName::try_from("localhost").unwrap();
                let connector = tokio_rustls::TlsConnector::from(tls);
                Self::over(connector.connect(name, stream).await?).await
            }
        }
    }

    async fn over<T>(io: T) -> std::io::Result<Self>
    where
        T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    {
        let shaken = handshake(TokioExecutor::new(), TokioIo::new(io)).await;
        let (sender, connection) = shaken.map_err(std::io::Error::other)?;
        tokio::spawn(connection);
        Ok(Self { sender })
    }

    /// Waits until the server has ended the connection.
    pub(crate) async fn closed(&self) {
        while !self.sender.is_closed() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Calls an RPC; a status at once is an error.
    pub(crate) async fn call(&self, path: &str, token: Option<&str>) -> Result<Stream, Status> {
        self.call_with(path, token, None).await
    }

    /// Calls an RPC that takes one message, and gives its answer.
    pub(crate) async fn once(
        &self,
        path: &str,
        token: Option<&str>,
        message: &[u8],
    ) -> Result<Bytes, Status> {
        self.call_with(path, token, Some(message)).await?.next_bytes().await
    }

    /// Calls an RPC with one message and no more, or with those that follow.
    async fn call_with(
        &self,
        path: &str,
        token: Option<&str>,
        only: Option<&[u8]>,
    ) -> Result<Stream, Status> {
        let (requests, body) = mpsc::unbounded_channel();
        let mut requests = Some(requests);
        if let Some(message) = only
            && let Some(requests) = requests.take()
        {
            let _ = requests.send(framed(message));
        }
        let mut request = http::Request::post(format!("http://localhost{path}"))
            .header("content-type", "application/grpc")
            .header("te", "trailers");
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let request = request.body(Sent(body)).unwrap();
        let answer = self.sender.clone().send_request(request).await;
        let answer = answer.map_err(|error| Status { code: 14, message: error.to_string() })?;
        match status_of(answer.headers()) {
            Some(status) => Err(status),
            None => Ok(Stream { requests, body: answer.into_body(), read: BytesMut::new() }),
        }
    }

    /// Opens a stream of incremental xDS.
    pub(crate) async fn delta(&self) -> Stream {
        self.call(DELTA_PATH, None).await.unwrap()
    }
}

/// A message as gRPC sends it.
fn framed(message: &[u8]) -> Bytes {
    let mut frame = vec![0];
    frame.extend_from_slice(&u32::try_from(message.len()).unwrap().to_be_bytes());
    frame.extend_from_slice(message);
    frame.into()
}

fn status_of(headers: &http::HeaderMap) -> Option<Status> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let code = text("grpc-status")?.parse().ok()?;
    // Messages are percent-encoded; of ours only the spaces.
    Some(Status { code, message: text("grpc-message").unwrap_or_default().replace("%20", " ") })
}

impl Stream {
    /// Sends a request. A stream that has ended takes it and drops it.
    pub(crate) fn send(&self, request: &Request) {
        self.send_bytes(&request.encode());
    }

    /// Sends bytes as one message.
    pub(crate) fn send_bytes(&self, message: &[u8]) {
        self.send_frame(&framed(message));
    }

    /// Sends bytes as they are.
    pub(crate) fn send_frame(&self, frame: &[u8]) {
        if let Some(requests) = &self.requests {
            let _ = requests.send(Bytes::copy_from_slice(frame));
        }
    }

    /// Says that there are no more requests.
    pub(crate) fn finish(&mut self) {
        self.requests = None;
    }

    /// The bytes of the next message, or how the stream ended.
    pub(crate) async fn next_bytes(&mut self) -> Result<Bytes, Status> {
        loop {
            if self.read.len() >= 5 {
                let len = u32::from_be_bytes(self.read[1..5].try_into().unwrap()) as usize;
                if self.read.len() >= 5 + len {
                    self.read.advance(5);
                    return Ok(self.read.split_to(len).freeze());
                }
            }
            match self.body.frame().await {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => self.read.extend_from_slice(&data),
                    Err(frame) => {
                        let trailers = frame.into_trailers().unwrap_or_default();
                        let lost = Status { code: 2, message: "no status".to_owned() };
                        return Err(status_of(&trailers).unwrap_or(lost));
                    }
                },
                Some(Err(error)) => {
                    return Err(Status { code: 14, message: error.to_string() });
                }
                None => return Err(Status { code: 14, message: "the end".to_owned() }),
            }
        }
    }

    /// The next response of incremental xDS.
    pub(crate) async fn next(&mut self) -> Result<Response, Status> {
        let bytes = timeout(Duration::from_secs(30), self.next_bytes()).await.expect("a message");
        Ok(Response::decode_delta(&bytes?).unwrap())
    }

    /// The next response, acknowledged.
    pub(crate) async fn take(&mut self) -> Result<Response, Status> {
        let response = self.next().await?;
        self.send(&ack(&response));
        Ok(response)
    }
}

/// A request of incremental xDS.
pub(crate) fn delta(node: &str, url: &str, names: &[&str]) -> Request {
    resume(node, url, names, &BTreeMap::new())
}

/// The first request of a client that has something of an earlier stream.
pub(crate) fn resume(
    node: &str,
    url: &str,
    names: &[&str],
    had: &BTreeMap<String, String>,
) -> Request {
    let node = Node { id: node.to_owned(), build: "script".to_owned() };
    Request {
        node: (!node.id.is_empty()).then_some(node),
        type_url: url.to_owned(),
        nonce: String::new(),
        refused: None,
        asks: Asks::Delta {
            subscribe: names.iter().map(ToString::to_string).collect(),
            unsubscribe: Vec::new(),
            initial: had.iter().map(|(name, version)| (name.clone(), version.clone())).collect(),
        },
        size: 0,
    }
}

/// What acknowledges a response.
pub(crate) fn ack(response: &Response) -> Request {
    Request { nonce: response.nonce.clone(), ..delta("", &response.type_url, &[]) }
}
