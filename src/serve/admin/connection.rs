//! One connection of the admin API: its protocol, its deadlines, and its end.

use super::access::{Caller, Certified, Certify};
use crate::serve::limits::Limits;
use crate::serve::listen::{Connection, Stop};
use crate::serve::places::{Place, Shown};
use crate::serve::unread::Answers;
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use http_body_util::BodyExt as _;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout};

/// Streams of a connection that speaks HTTP/2.
const STREAMS: u32 = 64;
/// The least that hyper reads headers with.
const LEAST_BUFFER: usize = 8 << 10;
/// How long a connection whose end was asked for may take to end.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// What requests tell the connection that they come on.
#[derive(Clone, Debug)]
pub(super) struct Line(Arc<Told>);

#[derive(Debug)]
struct Told {
    place: Arc<Place>,
    /// Requests that are not fully answered, and when that number changed.
    busy: Mutex<(usize, Instant)>,
    over: Notify,
}

/// A request that is not fully answered.
struct Busy(Line);

impl Drop for Busy {
    fn drop(&mut self) {
        let mut busy = self.0.busy();
        *busy = (busy.0 - 1, Instant::now());
    }
}

impl Line {
    fn busy(&self) -> std::sync::MutexGuard<'_, (usize, Instant)> {
        self.0.busy.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self) -> Busy {
        let mut busy = self.busy();
        *busy = (busy.0 + 1, Instant::now());
        Busy(self.clone())
    }

    /// A request on it has shown a credential that is accepted.
    pub(super) fn accepted(&self) {
        // Beyond the number of those who are known, its place is still a stranger's.
        self.0.place.known(Shown::Own);
    }

    /// A request on it was rejected: a stranger's connection ends with the answer, and so does that of
    /// one who is rejected too often. Says whether it ends.
    pub(super) fn rejected(&self, too_often: bool) -> bool {
        let ends = too_often || !self.0.place.is_known();
        if ends {
            self.0.over.notify_one();
        }
        ends
    }

    /// How long it may still be idle; `None`: no longer.
    fn left(&self, limits: &Limits) -> Option<Duration> {
        let (busy, since) = *self.busy();
        let known = self.0.place.is_known();
        if known && busy > 0 {
            return Some(limits.idle);
        }
        let most = if known { limits.idle } else { limits.first_request };
        most.checked_sub(since.elapsed()).filter(|left| !left.is_zero())
    }
}

/// Serves the admin API on one connection. `certify` says who its certificate is of.
pub(in crate::serve) async fn serve(
    app: Router,
    certify: impl Fn(&crate::serve::listen::Peer) -> Certified + Send + Sync + 'static,
    connection: Connection,
    limits: Arc<Limits>,
    mut stop: Stop,
) {
    let Connection { io, peer, place } = connection;
    // Asked for each request, and again: a connection may outlive what its certificate counts for.
    let from = Caller(peer.address.ip());
    let certify = Certify(Arc::new(move || certify(&peer)));
    let busy = Mutex::new((0, Instant::now()));
    let line = Line(Arc::new(Told { place, busy, over: Notify::new() }));
    let own = line.clone();
    let answers = Answers::default();
    let watched = answers.clone();
    let app = app.layer(from_fn(move |mut request: Request, next: Next| {
        request.extensions_mut().insert(certify.clone());
        request.extensions_mut().insert(from);
        request.extensions_mut().insert(own.clone());
        let busy = own.begin();
        let watched = watched.clone();
        async move {
            let answer: Response = next.run(request).await;
            answer.map(|body| {
                // Until the last of the answer is gone, or nobody reads it any more.
                Body::new(watched.watch(body.map_frame(move |frame| {
                    let _ = &busy;
                    frame
                })))
            })
        }
    }));
    let mut builder = auto::Builder::new(TokioExecutor::new());
    let header_bytes = usize::try_from(limits.header_bytes).unwrap_or(usize::MAX);
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.headers)
        .max_buf_size(header_bytes.max(LEAST_BUFFER));
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(limits.keepalive_interval)
        .keep_alive_timeout(limits.keepalive_timeout)
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(limits.header_bytes);
    let connection = builder.serve_connection(TokioIo::new(io), TowerToHyperService::new(app));
    let mut connection = std::pin::pin!(connection);
    let idle = async {
        while let Some(left) = line.left(&limits) {
            sleep(left).await;
        }
    };
    // How a connection ends is its peer's affair.
    tokio::select! {
        _ = &mut connection => {}
        () = idle => {}
        () = answers.unread(limits.unread) => {}
        () = line.0.over.notified() => {
            connection.as_mut().graceful_shutdown();
            let _ = timeout(LAST_WORDS, connection).await;
        }
        () = stop.requested() => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }
}
