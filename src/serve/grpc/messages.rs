//! The bytes of one stream's responses, made as the connection takes them.
//!
//! A message is copied out of the shared bytes of its resources a chunk at a time, and a chunk is
//! let go of when it is written. So a client that reads slowly, or not at all, costs a chunk, however
//! long its message is, and one that has read everything costs nothing.

use crate::envoy::xds::{Protocol, response_head};
use crate::serve::session::{Content, Response};
use bytes::{BufMut as _, Bytes, BytesMut};
use futures_util::Stream;
use http::HeaderMap;
use hyper::body::{Body, Frame};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tonic::{Code, Status};

/// Bytes that are made at once: some frames of HTTP/2.
const CHUNK: usize = 32 << 10;

/// The body of a response: gRPC messages, and at the end how it went.
pub(super) struct Messages<S> {
    responses: Pin<Box<S>>,
    protocol: Protocol,
    current: Option<Message>,
    ended: Option<Status>,
    done: bool,
}

/// A message of which some is written.
struct Message {
    /// What comes before the resources.
    head: Vec<u8>,
    resources: Vec<Arc<Content>>,
    /// The part that is next, 0 being the head, and how much of it is written.
    at: (usize, usize),
    /// Bytes left of all.
    left: usize,
}

impl Message {
    fn new(protocol: Protocol, response: Response) -> Result<Self, Status> {
        let Response { type_url, nonce, version, resources, removed } = response;
        let head = response_head(protocol, &type_url, &version, &nonce, &removed);
        let bytes = resources.iter().map(|content| content.encoded.bytes(protocol).len());
        let size = head.len() + bytes.sum::<usize>();
        // gRPC counts a message in four bytes.
        let long = u32::try_from(size).map_err(|_| Status::internal("a response is too long"))?;
        let mut prefixed = Vec::with_capacity(5 + head.len());
        prefixed.push(0);
        prefixed.extend_from_slice(&long.to_be_bytes());
        prefixed.extend_from_slice(&head);
        Ok(Self { head: prefixed, resources, at: (0, 0), left: size + 5 })
    }

    /// Writes what fits.
    fn write(&mut self, protocol: Protocol, to: &mut BytesMut) {
        while self.left > 0 && to.len() < CHUNK {
            let (part, from) = self.at;
            let bytes = match part.checked_sub(1) {
                None => &self.head[..],
                Some(place) => self.resources[place].encoded.bytes(protocol),
            };
            let rest = &bytes[from..];
            let some = rest.len().min(CHUNK - to.len());
            to.put_slice(&rest[..some]);
            self.left -= some;
            self.at = if some == rest.len() { (part + 1, 0) } else { (part, from + some) };
        }
    }
}

impl<S: Stream<Item = Result<Response, Status>>> Messages<S> {
    pub(super) fn new(responses: S, protocol: Protocol) -> Self {
        let responses = Box::pin(responses);
        Self { responses, protocol, current: None, ended: None, done: false }
    }

    /// Fills a chunk with what there is to say now.
    fn fill(&mut self, cx: &mut Context<'_>) -> BytesMut {
        let mut chunk = BytesMut::new();
        while chunk.len() < CHUNK && self.ended.is_none() {
            if let Some(message) = &mut self.current {
                let room = CHUNK - chunk.len();
                chunk.reserve(message.left.min(room));
                message.write(self.protocol, &mut chunk);
                if message.left > 0 {
                    break;
                }
                self.current = None;
                continue;
            }
            let next = match self.responses.as_mut().poll_next(cx) {
                Poll::Pending => break,
                Poll::Ready(None) => Err(Status::new(Code::Ok, "")),
                Poll::Ready(Some(next)) => {
                    next.and_then(|response| Message::new(self.protocol, response))
                }
            };
            match next {
                Ok(message) => self.current = Some(message),
                Err(status) => self.ended = Some(status),
            }
        }
        chunk
    }
}

impl<S: Stream<Item = Result<Response, Status>>> Body for Messages<S> {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = self.get_mut();
        if this.done {
            return Poll::Ready(None);
        }
        let chunk = this.fill(cx);
        if !chunk.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(chunk.freeze()))));
        }
        let Some(status) = this.ended.take() else { return Poll::Pending };
        this.done = true;
        let mut trailers = HeaderMap::new();
        status.add_header(&mut trailers)?;
        Poll::Ready(Some(Ok(Frame::trailers(trailers))))
    }

    fn is_end_stream(&self) -> bool {
        self.done
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::envoy::{Resource, ResourceType, Side, xds};
    use futures_util::stream;
    use http_body_util::BodyExt as _;

    fn response(resources: usize) -> Response {
        let content = |n: usize| {
            let name = format!("{n}-{}", "x".repeat(n % 300));
            let (kind, side) = (ResourceType::Cluster, Side::Egress);
            let message = envoy_api::any_from_json(&serde_json::json!({
                "@type": kind.type_url(), "name": name,
            }));
            let message = message.expect("a cluster");
            let version = "0123456789abcdef".to_owned();
            let resource = Resource { kind, name, side, message, version, origins: Vec::new() };
            Arc::new(Content::new(&resource))
        };
        Response {
            type_url: ResourceType::Cluster.type_url().into(),
            nonce: "n-1".to_owned(),
            version: "1".to_owned(),
            resources: (0..resources).map(content).collect(),
            removed: vec!["gone".to_owned()],
        }
    }

    /// The chunks of a body, and its trailers.
    async fn read(items: Vec<Result<Response, Status>>) -> (Vec<Bytes>, HeaderMap) {
        let mut body = Messages::new(stream::iter(items), Protocol::Delta);
        let mut chunks = Vec::new();
        while let Some(frame) = body.frame().await {
            match frame.expect("no error").into_data() {
                Ok(data) => chunks.push(data),
                Err(frame) => return (chunks, frame.into_trailers().expect("trailers")),
            }
        }
        panic!("no trailers");
    }

    fn messages(chunks: &[Bytes]) -> Vec<xds::Response> {
        let bytes = chunks.concat();
        let mut rest = &bytes[..];
        let mut all = Vec::new();
        while let Some((head, more)) = rest.split_first_chunk::<5>() {
            assert_eq!(head[0], 0, "not compressed");
            let long = u32::from_be_bytes([head[1], head[2], head[3], head[4]]);
            let (message, more) = more.split_at(long as usize);
            all.push(xds::Response::decode_delta(message).expect("a response"));
            rest = more;
        }
        assert!(rest.is_empty());
        all
    }

    #[tokio::test]
    async fn a_long_message_is_made_chunk_by_chunk() {
        for resources in [0, 1, 2_000] {
            let (chunks, trailers) = read(vec![Ok(response(resources))]).await;
            assert!(chunks.iter().all(|chunk| chunk.len() <= CHUNK));
            assert_eq!(trailers["grpc-status"], "0");
            let [message] = &messages(&chunks)[..] else { panic!("one message") };
            assert_eq!((message.nonce.as_str(), message.resources.len()), ("n-1", resources));
            assert_eq!(message.removed, ["gone"]);
            let names: Vec<&str> = message.resources.iter().map(|(name, _)| &**name).collect();
            let sent = response(resources).resources;
            assert_eq!(names, sent.iter().map(|content| &*content.name).collect::<Vec<_>>());
        }
    }

    #[tokio::test]
    async fn short_messages_share_a_chunk_and_an_error_comes_after_them() {
        let refused = Status::permission_denied("the peer may not be this node");
        let items = vec![Ok(response(1)), Ok(response(2)), Err(refused)];
        let (chunks, trailers) = read(items).await;
        assert_eq!(chunks.len(), 1);
        assert_eq!(messages(&chunks).len(), 2);
        assert_eq!(trailers["grpc-status"], "7");
        assert_eq!(trailers["grpc-message"], "the%20peer%20may%20not%20be%20this%20node");
    }
}
