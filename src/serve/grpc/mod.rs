//! xDS over gRPC: the sockets' side of [`session`](super::session).
//!
//! Every RPC passes `Xds::answer`: first who the peer is, then which RPC it wants. A response
//! stream is pulled by the connection when it can take more, so a client that does not read holds
//! ids in its session, and no bytes.

mod bucket;
mod codec;
mod intake;
mod messages;
mod status;
mod stream;

pub use bucket::Bucket;
pub use status::Operated;

use super::hub::Hub;
use super::identity::{Credentials, Identify, Identity, Unknown};
use super::listen::{Connection, Peer, Stop};
use super::places::{Place, Shown};
use super::unread::Answers;
use crate::envoy::csds;
use crate::envoy::xds::{DELTA_PATH, Protocol, STATE_PATH};
use codec::Requests;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use intake::Intake;
use messages::Messages;
use status::{ClientStatus, StatusCodec};
use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use stream::Responses;
use tokio::sync::Notify;
use tokio::time::Instant;
use tonic::body::Body;
use tonic::metadata::GRPC_CONTENT_TYPE;
use tonic::server::Grpc;
use tonic::{Status, Streaming};

/// An RPC that is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rpc {
    /// Its HTTP path.
    pub path: &'static str,
    /// What is spoken on it.
    pub speaks: Speaks,
}

/// What is spoken on an RPC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaks {
    /// xDS, with proxies.
    Xds(Protocol),
    /// The status of clients, as often as an operator asks on one stream.
    StatusStream,
    /// The status of clients, once.
    StatusOnce,
}

/// Every RPC that is served. There is no other way to one of them than past the authentication of
/// `Xds::answer`.
pub const RPCS: [Rpc; 4] = [
    Rpc { path: DELTA_PATH, speaks: Speaks::Xds(Protocol::Delta) },
    Rpc { path: STATE_PATH, speaks: Speaks::Xds(Protocol::State) },
    Rpc { path: csds::STREAM_PATH, speaks: Speaks::StatusStream },
    Rpc { path: csds::FETCH_PATH, speaks: Speaks::StatusOnce },
];

/// How long a new stream may wait for its turn.
const NEW_STREAM_PATIENCE: Duration = Duration::from_secs(1);
/// How long a stranger's connection may last after a rejection.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// Bytes that a connection may hold for a client that does not read, beside a response.
const SEND_BUFFER: usize = 64 << 10;
/// Bytes that a client may send on a stream before they are read.
const WINDOW: u32 = 64 << 10;

/// Counts a request that has no credential that counts, by the address that it comes from. An error
/// says how long to wait before the next one.
pub type Rejections = Arc<dyn Fn(IpAddr) -> Result<(), Duration> + Send + Sync>;

/// The xDS server: what is served, and to whom.
#[derive(Clone)]
pub struct Xds {
    hub: Hub,
    identify: Arc<dyn Identify>,
    new_streams: Arc<Mutex<Bucket>>,
    rejections: Option<Rejections>,
}

impl Xds {
    /// A server of a hub's resources.
    pub fn new(hub: Hub, identify: Arc<dyn Identify>) -> Self {
        let limits = hub.limits();
        let bucket =
            Bucket::new(limits.new_streams_per_second, limits.new_streams_burst, Instant::now());
        let new_streams = Arc::new(Mutex::new(bucket));
        Self { hub, identify, new_streams, rejections: None }
    }

    /// The same, with those counted who have no credential that counts.
    pub fn counting(self, rejections: Rejections) -> Self {
        Self { rejections: Some(rejections), ..self }
    }

    /// Serves one connection until it ends, or until the server stops.
    pub async fn serve(self, connection: Connection, mut stop: Stop) {
        let limits = self.hub.limits().clone();
        let Connection { io, peer, place } = connection;
        let shown = Credentials {
            certificates: peer.certificates.clone(),
            token: None,
            peer: peer.address,
        };
        let certified = self.identify.identify(&shown).is_ok();
        // Closed at once, so that those that are open, and operators, have what they need.
        if certified && !place.known(Shown::Own) {
            return;
        }
        let peer = Arc::new(peer);
        let own = Arc::clone(&place);
        let asked = Arc::new(AtomicBool::new(false));
        let has_asked = asked.clone();
        // A client keeps its connection, and with it a certificate that has ended, for as long as it
        // can; only a new connection brings the next one.
        let spent = Arc::new(Notify::new());
        let is_spent = spent.clone();
        let answers = Answers::default();
        let sent = answers.clone();
        let service = service_fn(move |request| {
            asked.store(true, Ordering::Relaxed);
            let (xds, peer, spent) = (self.clone(), peer.clone(), spent.clone());
            let (place, sent) = (Arc::clone(&own), sent.clone());
            async move {
                let answer = xds.answer(request, &peer, &place).await;
                if answer.is_err() {
                    spent.notify_one();
                }
                let answer = answer.unwrap_or_else(Status::into_http);
                Ok::<_, Infallible>(answer.map(|body| Body::new(sent.watch(body))))
            }
        });
        let connection = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .keep_alive_interval(limits.keepalive_interval)
            .keep_alive_timeout(limits.keepalive_timeout)
            .max_concurrent_streams(limits.streams_per_connection)
            .max_header_list_size(limits.header_bytes)
            .max_send_buf_size(SEND_BUFFER)
            .initial_stream_window_size(WINDOW)
            .serve_connection(TokioIo::new(io), service);
        let mut connection = std::pin::pin!(connection);
        // Who connects and asks for nothing holds nothing either.
        let idle = async {
            tokio::time::sleep(if certified { limits.first_request } else { limits.first_token })
                .await;
            let asked =
                if certified { has_asked.load(Ordering::Relaxed) } else { place.is_known() };
            if asked {
                std::future::pending::<()>().await;
            }
        };
        // How a connection ends is its peer's affair.
        tokio::select! {
            _ = &mut connection => return,
            () = idle => return,
            () = answers.unread(limits.unread) => return,
            () = stop.requested() => connection.as_mut().graceful_shutdown(),
            () = is_spent.notified() => connection.as_mut().graceful_shutdown(),
        }
        match place.is_known() {
            true => drop(connection.await),
            // A rejected stranger hears why, and that is all.
            false => drop(tokio::time::timeout(LAST_WORDS, connection).await),
        }
    }

    /// Answers one request: nobody, whatever it asks for, passes unknown. An error also ends the
    /// connection: its client has shown nothing that counts, or counts no more.
    async fn answer(
        &self,
        request: http::Request<Incoming>,
        peer: &Peer,
        place: &Place,
    ) -> Result<http::Response<Body>, Status> {
        let credentials = credentials(&request, peer);
        let identity = self.identify.identify(&credentials);
        let identity = identity.map_err(|unknown| self.rejected(peer, unknown))?;
        let shown = match identity {
            Identity::Operator(_) => Shown::Token,
            Identity::Spiffe(_) | Identity::Token(_) | Identity::Loopback => Shown::Own,
        };
        if !place.known(shown) {
            return Err(Status::resource_exhausted("too many connections; try again later"));
        }
        let Some(rpc) = RPCS.iter().find(|rpc| rpc.path == request.uri().path()) else {
            return Ok(Status::unimplemented(
                "served are AggregatedDiscoveryService's DeltaAggregatedResources and \
                 StreamAggregatedResources, and ClientStatusDiscoveryService",
            )
            .into_http());
        };
        if !matches!(rpc.speaks, Speaks::Xds(_)) && !matches!(identity, Identity::Operator(_)) {
            return Ok(status::for_operators().into_http());
        }
        if let Err(status) = self.admit().await {
            return Ok(status.into_http());
        }
        let limits = self.hub.limits();
        let (hub, identify) = (self.hub.clone(), self.identify.clone());
        let most = limits.request_bytes;
        let account = hub.budget(&identity);
        let largest = match rpc.speaks {
            Speaks::Xds(_) => limits.resume_bytes,
            Speaks::StatusStream | Speaks::StatusOnce => most,
        };
        let within = limits.request_time;
        let request = request.map(|body| Intake::new(body, account, largest, within));
        let status = || Grpc::new(StatusCodec).max_decoding_message_size(most);
        Ok(match rpc.speaks {
            Speaks::Xds(protocol) => {
                let decoder = Requests::new(protocol, limits);
                let requests =
                    Streaming::new_request(decoder, request.into_body(), None, Some(largest));
                let responses =
                    Responses::new(hub, identify, credentials, identity, protocol, requests);
                let mut answer = http::Response::new(Body::new(Messages::new(responses, protocol)));
                answer.headers_mut().insert(CONTENT_TYPE, GRPC_CONTENT_TYPE);
                answer
            }
            Speaks::StatusStream => {
                status().streaming(ClientStatus { hub, identify, credentials }, request).await
            }
            Speaks::StatusOnce => {
                status().unary(ClientStatus { hub, identify, credentials }, request).await
            }
        })
    }

    /// What is told to a peer that has shown nothing that counts.
    fn rejected(&self, peer: &Peer, unknown: Unknown) -> Status {
        let address = peer.address.ip();
        match self.rejections.as_ref().map_or(Ok(()), |count| count(address)) {
            Ok(()) => Status::unauthenticated(unknown.to_string()),
            Err(wait) => Status::resource_exhausted(format!(
                "too many requests from {address} had no credential that counts; try again in {} s",
                wait.as_secs_f64().ceil()
            )),
        }
    }

    /// Lets a new stream in, after a little if there are many.
    async fn admit(&self) -> Result<(), Status> {
        let wait = {
            let mut bucket = self.new_streams.lock().unwrap_or_else(PoisonError::into_inner);
            bucket.take(Instant::now(), NEW_STREAM_PATIENCE)
        };
        match wait {
            Some(wait) => {
                tokio::time::sleep(wait).await;
                Ok(())
            }
            None => Err(Status::resource_exhausted("too many new streams; try again later")),
        }
    }
}

fn credentials(request: &http::Request<Incoming>, peer: &Peer) -> Credentials {
    let header = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = header.and_then(|value| value.strip_prefix("Bearer ")).map(str::to_owned);
    Credentials { certificates: peer.certificates.clone(), token, peer: peer.address }
}
