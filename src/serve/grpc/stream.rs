//! One stream: requests are read and responses made when the connection asks for more to send.

use super::bucket::Bucket;
use crate::envoy::xds::{Asks, Protocol, Request};
use crate::serve::hub::{Hub, Opening};
use crate::serve::identity::{Credentials, Identify, Identity, parse_node_id};
use crate::serve::session::{Fault, Response};
use futures_util::Stream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};
use tokio::time::{Instant, Sleep, sleep};
use tonic::{Status, Streaming};

/// Requests that are read before a response is made.
const AT_ONCE: usize = 32;

/// The responses of one stream.
pub(super) struct Responses {
    hub: Hub,
    identify: Arc<dyn Identify>,
    credentials: Credentials,
    identity: Identity,
    protocol: Protocol,
    requests: Streaming<Request>,
    attached: Option<crate::serve::hub::Attached>,
    bucket: Bucket,
    /// Reading goes on then: the client has sent more than it may in a while.
    pause: Option<Pin<Box<Sleep>>>,
    /// Until when the first request must be there; then, when to ask anew who the peer is.
    deadline: Pin<Box<Sleep>>,
    ended: bool,
}

impl Responses {
    pub(super) fn new(
        hub: Hub,
        identify: Arc<dyn Identify>,
        credentials: Credentials,
        identity: Identity,
        protocol: Protocol,
        requests: Streaming<Request>,
    ) -> Self {
        let limits = hub.limits();
        let rate = limits.requests_per_second;
        Self {
            deadline: Box::pin(sleep(limits.first_request)),
            // Ten seconds' worth at once: a proxy that starts asks for much.
            bucket: Bucket::new(rate, rate.saturating_mul(10), Instant::now()),
            hub,
            identify,
            credentials,
            identity,
            protocol,
            requests,
            attached: None,
            pause: None,
            ended: false,
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Response, Status>>> {
        if let Some(attached) = &self.attached {
            attached.register(cx.waker());
            if attached.is_closed() {
                let status = Status::unavailable("the server has ended this stream");
                return Poll::Ready(Some(Err(status)));
            }
        }
        if let Err(status) = self.check_deadline(cx) {
            return Poll::Ready(Some(Err(status)));
        }
        match self.read(cx) {
            Ok(true) => {}
            Ok(false) => return Poll::Ready(None),
            Err(status) => return Poll::Ready(Some(Err(status))),
        }
        match self.attached.as_ref().and_then(|attached| attached.next()) {
            Some(response) => Poll::Ready(Some(Ok(response))),
            None => Poll::Pending,
        }
    }

    fn check_deadline(&mut self, cx: &mut Context<'_>) -> Result<(), Status> {
        while self.deadline.as_mut().poll(cx).is_ready() {
            if self.attached.is_none() {
                return Err(Status::deadline_exceeded("the first request did not come in time"));
            }
            match self.identify.identify(&self.credentials) {
                Ok(identity) if identity == self.identity => {}
                Ok(_) => return Err(Status::unauthenticated("the peer is another now")),
                Err(unknown) => return Err(Status::unauthenticated(unknown.to_string())),
            }
            let next = self.next_check();
            self.deadline.as_mut().reset(next);
        }
        Ok(())
    }

    /// When to ask anew who the peer is: at times, and as soon as its credential has ended.
    fn next_check(&self) -> Instant {
        let now = Instant::now();
        let usual = now + self.hub.limits().recheck;
        match self.identify.until(&self.credentials) {
            Some(end) => {
                let left = end.duration_since(SystemTime::now()).unwrap_or_default();
                // It counts to the end of its last second.
                usual.min(now + left + Duration::from_secs(1))
            }
            None => usual,
        }
    }

    /// Reads what has arrived; returns whether the client may send more.
    fn read(&mut self, cx: &mut Context<'_>) -> Result<bool, Status> {
        for _ in 0..AT_ONCE {
            if let Some(pause) = &mut self.pause {
                if pause.as_mut().poll(cx).is_pending() {
                    return Ok(true);
                }
                self.pause = None;
            }
            match Pin::new(&mut self.requests).poll_next(cx) {
                Poll::Pending => return Ok(true),
                Poll::Ready(None) => return Ok(false),
                Poll::Ready(Some(Err(status))) => return Err(status),
                Poll::Ready(Some(Ok(request))) => self.take(&request, cx)?,
            }
            let wait = self.bucket.take(Instant::now(), Duration::MAX).unwrap_or_default();
            if !wait.is_zero() {
                self.pause = Some(Box::pin(sleep(wait)));
            }
        }
        cx.waker().wake_by_ref();
        Ok(true)
    }

    fn take(&mut self, request: &Request, cx: &Context<'_>) -> Result<(), Status> {
        let limits = self.hub.limits();
        let resumes = matches!(&request.asks, Asks::Delta { initial, .. } if !initial.is_empty());
        if request.size > limits.request_bytes && !resumes {
            return Err(Status::resource_exhausted("the request is too large"));
        }
        if self.attached.is_none() {
            let attached = self.open(request)?;
            // A revocation that came in between has ended all streams but this one.
            if let Err(unknown) = self.identify.identify(&self.credentials) {
                return Err(Status::unauthenticated(unknown.to_string()));
            }
            attached.register(cx.waker());
            let next = self.next_check();
            self.deadline.as_mut().reset(next);
            self.attached = Some(attached);
        }
        match self.attached.as_ref().map(|attached| attached.request(request)) {
            None | Some(Ok(())) => Ok(()),
            Some(Err(fault)) if fault.is_limit() => {
                Err(Status::resource_exhausted(fault.to_string()))
            }
            Some(Err(fault)) => Err(Status::invalid_argument(fault.to_string())),
        }
    }

    fn open(&self, request: &Request) -> Result<crate::serve::hub::Attached, Status> {
        let node = request.node.clone().unwrap_or_default();
        if node.id.is_empty() {
            return Err(Status::invalid_argument(Fault::NoNode.to_string()));
        }
        if node.id.len() > self.hub.limits().name_bytes {
            return Err(Status::resource_exhausted("the node id is too long"));
        }
        let Some(id) = parse_node_id(&node.id) else {
            return Err(Status::invalid_argument(
                "the node id must be mesh/MESH/virtual_node/NAME or mesh/MESH/virtual_gateway/NAME, \
                 with /INSTANCE after it if there are several",
            ));
        };
        if !self.identify.may_be(&self.identity, &id.mesh, &id.proxy) {
            return Err(Status::permission_denied("the peer may not be this node"));
        }
        let mut build = node.build;
        build.truncate(build.floor_char_boundary(64));
        let opening = Opening {
            mesh: id.mesh,
            proxy: id.proxy,
            node_id: node.id,
            build,
            identity: self.identity.clone(),
            peer: self.credentials.peer,
            protocol: self.protocol,
        };
        self.hub.open(opening).map_err(|refused| Status::resource_exhausted(refused.to_string()))
    }
}

impl Stream for Responses {
    type Item = Result<Response, Status>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if this.ended {
            return Poll::Ready(None);
        }
        // A bug that one client meets must not end the others of its connection.
        let polled = catch_unwind(AssertUnwindSafe(|| this.poll(cx))).unwrap_or_else(|_| {
            this.hub.count_panic();
            Poll::Ready(Some(Err(Status::internal("this stream met a bug of the server"))))
        });
        if !matches!(polled, Poll::Pending | Poll::Ready(Some(Ok(_)))) {
            this.ended = true;
            this.attached = None;
        }
        polled
    }
}
