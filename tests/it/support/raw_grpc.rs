//! Calls over HTTP/2, one connection a door, and the applications that answer them.

use super::random_calls::{FIRST, NODES};
use super::random_routes::{TRAIL, address, door};
use super::raw_http::Answer;
use axum::serve::ListenerExt;
use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http2::SendRequest;
use hyper_util::rt::{TokioExecutor, TokioIo};
use meshctl::traffic::Request;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use tokio::runtime::Runtime;

/// Starts the applications of all nodes that speak gRPC. They live as long as the process.
pub(crate) fn applications(block: u8) {
    for node in 0..NODES {
        let at = SocketAddr::from((address(block, FIRST + node), 8000));
        let listener = std::net::TcpListener::bind(at).unwrap();
        listener.set_nonblocking(true).unwrap();
        let answer = move |request: axum::extract::Request| async move {
            let host = request.uri().authority().map(ToString::to_string).unwrap_or_default();
            let path = request.uri().path_and_query().map(ToString::to_string).unwrap_or_default();
            [
                ("content-type", "application/grpc".to_owned()),
                ("grpc-status", "0".to_owned()),
                ("x-node", format!("m{node}")),
                ("x-host", host),
                ("x-path", path),
            ]
        };
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async move {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
                axum::serve(listener, axum::Router::new().fallback(answer)).await.unwrap();
            });
        });
    }
}

/// Connections to doors.
pub(crate) struct Calls {
    runtime: Runtime,
    block: u8,
    open: BTreeMap<u16, SendRequest<Empty<Bytes>>>,
}

impl Calls {
    /// To the doors of a random mesh.
    pub(crate) fn new(block: u8) -> Self {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(1).enable_all().build();
        Self { runtime: runtime.unwrap(), block, open: BTreeMap::new() }
    }

    /// Makes a call.
    pub(crate) fn send(&mut self, request: &Request) -> Result<Answer, String> {
        let port = request.port;
        let to = SocketAddr::from((door(self.block), port));
        if !self.open.contains_key(&port) {
            let open = async {
                let stream = tokio::net::TcpStream::connect(to).await.map_err(|e| e.to_string())?;
                stream.set_nodelay(true).map_err(|e| e.to_string())?;
                let io = TokioIo::new(stream);
                let (sender, connection) =
                    hyper::client::conn::http2::handshake(TokioExecutor::new(), io)
                        .await
                        .map_err(|e| e.to_string())?;
                tokio::spawn(connection);
                Ok::<_, String>(sender)
            };
            let sender = self.runtime.block_on(open)?;
            self.open.insert(port, sender);
        }
        let mut call = http::Request::builder()
            .method(request.method.as_str())
            .uri(format!("http://{}{}", request.authority, request.path))
            .header("content-type", "application/grpc")
            .header("te", "trailers");
        for (name, value) in &request.headers {
            call = call.header(name, value.as_bytes());
        }
        let call = call.body(Empty::new()).map_err(|e| e.to_string())?;
        let Some(sender) = self.open.get_mut(&port) else { return Err("no connection".into()) };
        let answer = self.runtime.block_on(async {
            let answer = sender.send_request(call).await.map_err(|e| e.to_string())?;
            let (parts, body) = answer.into_parts();
            body.collect().await.map_err(|e| e.to_string())?;
            Ok::<_, String>(parts)
        })?;
        let all = |name: &str| {
            let values = answer.headers.get_all(name).iter();
            values.map(|v| String::from_utf8_lossy(v.as_bytes()).into_owned()).collect::<Vec<_>>()
        };
        let one = |name: &str| all(name).into_iter().next();
        let saw = one("x-node").map(|node| {
            (node, one("x-host").unwrap_or_default(), one("x-path").unwrap_or_default())
        });
        // The proxy says HTTP's statuses in the words of gRPC.
        let status = match (one("grpc-status").as_deref(), answer.status.as_u16()) {
            (Some("12"), 200) => 404,
            (Some("13"), 200) => 400,
            (Some("14"), 200) => 503,
            (_, status) => status,
        };
        let mut trail = all(TRAIL);
        trail.reverse();
        Ok(Answer { status, trail, saw })
    }
}
