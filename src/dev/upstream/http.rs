//! The HTTP/1.1, HTTP/2 and gRPC application.

use super::{Controls, State};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Version, header};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use serde_json::{Map, Value, json};
use std::fmt;
use std::io;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// The largest message that comes back from a gRPC call, in bytes.
const MESSAGE_MAX: usize = 1 << 20;

/// Breaks a connection off: hyper ends it when the service fails.
#[derive(Debug)]
struct Reset;

impl fmt::Display for Reset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the caller asked for a reset")
    }
}

impl std::error::Error for Reset {}

type Body = BoxBody<Bytes, io::Error>;

pub(super) async fn serve(listener: TcpListener, state: Arc<State>) {
    // Dropping the set when the application ends breaks off its connections.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                let _ = stream.set_nodelay(true);
                let state = state.clone();
                connections.spawn(async move {
                    let service = service_fn(move |request| answer(request, state.clone()));
                    // A connection that breaks is the caller's doing.
                    let _ = auto::Builder::new(TokioExecutor::new())
                        .serve_connection_with_upgrades(TokioIo::new(stream), service)
                        .await;
                });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn answer(request: Request<Incoming>, state: Arc<State>) -> Result<Response<Body>, Reset> {
    let controls = Controls::read(request.headers(), &state.name);
    let attempt = state.count(&controls.key);
    let controls = controls.at(attempt);
    if !controls.delay.is_zero() {
        tokio::time::sleep(controls.delay).await;
    }
    if controls.reset {
        return Err(Reset);
    }
    let grpc = request
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"));
    match grpc {
        true => Ok(grpc_answer(request, &state, controls.grpc_status.unwrap_or(0)).await),
        false => Ok(http_answer(&request, &state, &controls, attempt)),
    }
}

fn http_answer(
    request: &Request<Incoming>,
    state: &State,
    controls: &Controls,
    attempt: u64,
) -> Response<Body> {
    let version = match request.version() {
        Version::HTTP_2 => "HTTP/2",
        Version::HTTP_10 => "HTTP/1.0",
        _ => "HTTP/1.1",
    };
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let host = request.uri().authority().map(|host| host.as_str()).or(host).unwrap_or_default();
    let body = json!({
        "node": state.name,
        "port": state.address.port(),
        "protocol": version,
        "method": request.method().as_str(),
        "path": request.uri().path_and_query().map_or("/", |path| path.as_str()),
        "host": host,
        "attempt": attempt,
        "headers": header_map(request.headers()),
    });
    let status = controls.status.and_then(|status| StatusCode::from_u16(status).ok());
    let mut response = Response::new(full(format!("{body}\n").into()));
    *response.status_mut() = status.unwrap_or(StatusCode::OK);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    name_in(headers, state);
    response
}

async fn grpc_answer(request: Request<Incoming>, state: &State, status: u32) -> Response<Body> {
    let limited = http_body_util::Limited::new(request.into_body(), MESSAGE_MAX);
    let message = limited.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    // A caller that sent nothing gets one empty message: a frame of five zero bytes.
    let message = if message.is_empty() { Bytes::from_static(&[0; 5]) } else { message };
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from(status));
    let mut response = match status {
        0 => {
            let trailers = std::future::ready(Some(Ok::<_, io::Error>(trailers)));
            let body = Full::new(message).map_err(|never| match never {});
            Response::new(body.with_trailers(trailers).boxed())
        }
        _ => {
            // "Trailers only": the status stands in the headers, as gRPC servers send it.
            let mut response = Response::new(full(Bytes::new()));
            response.headers_mut().extend(trailers);
            response
        }
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    name_in(headers, state);
    response
}

fn name_in(headers: &mut HeaderMap, state: &State) {
    if let Ok(name) = HeaderValue::from_str(&state.name) {
        headers.insert("x-upstream", name);
    }
}

fn header_map(headers: &HeaderMap) -> Value {
    let mut map = Map::new();
    for name in headers.keys() {
        let values: Vec<String> = headers
            .get_all(name)
            .iter()
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
            .collect();
        map.insert(name.to_string(), values.join(", ").into());
    }
    Value::Object(map)
}

fn full(bytes: Bytes) -> Body {
    Full::new(bytes).map_err(|never| match never {}).boxed()
}
