//! The bytes of a stream's requests, let in one message at a time: none of a message is read before
//! there is room for all of it in the budget of its identity, and then it has so long to arrive.

use crate::serve::budget::Account;
use bytes::Bytes;
use hyper::body::{Body, Frame};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Sleep, sleep};
use tonic::Status;

/// What is before each message of gRPC: whether it is compressed, and its length.
const HEAD: usize = 5;

type Room = Pin<Box<dyn Future<Output = Option<OwnedSemaphorePermit>> + Send>>;

/// A body of gRPC messages.
pub(super) struct Intake<B> {
    body: B,
    account: Arc<Account>,
    /// Bytes of the largest message; who reads rejects a larger one by its head.
    largest: usize,
    within: Duration,
    /// What has arrived and was not passed on.
    rest: Bytes,
    head: Vec<u8>,
    /// Bytes of the message at hand that are still to be passed on.
    left: usize,
    waiting: Option<Room>,
    room: Option<OwnedSemaphorePermit>,
    /// When the message at hand must be there.
    deadline: Option<Pin<Box<Sleep>>>,
}

impl<B> Intake<B> {
    pub(super) fn new(body: B, account: Arc<Account>, largest: usize, within: Duration) -> Self {
        Self {
            body,
            account,
            largest,
            within,
            rest: Bytes::new(),
            head: Vec::with_capacity(HEAD),
            left: 0,
            waiting: None,
            room: None,
            deadline: None,
        }
    }

    /// Nothing more can be done now: the time of the message at hand runs.
    fn pending<T>(&mut self, cx: &mut Context<'_>) -> Poll<Result<T, Status>> {
        if self.left == 0 && self.waiting.is_none() {
            return Poll::Pending;
        }
        let within = self.within;
        let deadline = self.deadline.get_or_insert_with(|| Box::pin(sleep(within)));
        ready!(deadline.as_mut().poll(cx));
        let within = within.as_secs_f64();
        Poll::Ready(Err(match self.waiting {
            Some(_) => Status::resource_exhausted(format!(
                "the requests of this identity that are on their way have at most {} bytes, and there \
                 was no room for another within {within} s",
                self.account.all()
            )),
            None => {
                Status::deadline_exceeded(format!("a request did not arrive within {within} s"))
            }
        }))
    }
}

impl<B> Intake<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        loop {
            if let Some(waiting) = &mut self.waiting {
                match waiting.as_mut().poll(cx) {
                    Poll::Ready(room) => self.room = room,
                    Poll::Pending => return self.pending(cx).map(Some),
                }
                self.waiting = None;
                let bytes =
                    Bytes::from(std::mem::replace(&mut self.head, Vec::with_capacity(HEAD)));
                return Poll::Ready(Some(Ok(Frame::data(bytes))));
            }
            if self.left == 0 {
                // Who asks for more has done with what it had.
                self.room = None;
                self.deadline = None;
            }
            if self.rest.is_empty() {
                let frame = match Pin::new(&mut self.body).poll_frame(cx) {
                    Poll::Ready(frame) => frame,
                    Poll::Pending => return self.pending(cx).map(Some),
                };
                let Some(frame) = frame else { return Poll::Ready(None) };
                match frame.map_err(|error| Status::from_error(error.into())) {
                    Err(status) => return Poll::Ready(Some(Err(status))),
                    Ok(frame) => match frame.into_data() {
                        Ok(data) => self.rest = data,
                        Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                    },
                }
                continue;
            }
            if self.left > 0 {
                let some = self.left.min(self.rest.len());
                self.left -= some;
                return Poll::Ready(Some(Ok(Frame::data(self.rest.split_to(some)))));
            }
            let some = (HEAD - self.head.len()).min(self.rest.len());
            self.head.extend_from_slice(&self.rest.split_to(some));
            if let [_, length @ ..] = &self.head[..]
                && let Ok(length) = <[u8; 4]>::try_from(length)
            {
                self.left = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
                let bytes = self.left.min(self.largest);
                self.waiting = Some(Box::pin(self.account.request(bytes)));
            }
        }
    }
}

impl<B> Body for Intake<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        self.get_mut().poll(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serve::budget::Budgets;
    use crate::serve::identity::Identity;
    use crate::serve::limits::Limits;
    use futures_util::{StreamExt as _, stream};
    use http_body_util::{BodyExt as _, StreamBody};
    use std::convert::Infallible;

    fn message(bytes: usize) -> Vec<u8> {
        let length = u32::try_from(bytes).expect("a short one").to_be_bytes();
        [&[0], &length[..], &vec![7; bytes]].concat()
    }

    /// A body that brings these and then nothing more, and does not end.
    fn body(chunks: Vec<Vec<u8>>) -> impl Body<Data = Bytes, Error = Infallible> + Unpin {
        let chunks = stream::iter(chunks).chain(stream::pending());
        let frames = chunks.map(|chunk| Ok::<_, Infallible>(Frame::data(Bytes::from(chunk))));
        StreamBody::new(Box::pin(frames))
    }

    fn budgets() -> Budgets {
        Budgets::new(&Limits { identity_request_bytes: 100, ..Limits::default() })
    }

    /// All of a body that can be read now.
    async fn read<B>(intake: &mut Intake<B>) -> Vec<u8>
    where
        B: Body<Data = Bytes> + Unpin,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let mut all = Vec::new();
        while let Some(Some(Ok(frame))) = futures_util::FutureExt::now_or_never(intake.frame()) {
            all.extend_from_slice(&frame.into_data().expect("data"));
        }
        all
    }

    const SOON: Duration = Duration::from_millis(30);

    #[tokio::test]
    async fn bytes_pass_unchanged_wherever_they_are_cut_and_room_is_free_after_each_message() {
        let budgets = budgets();
        let all = [message(0), message(3), message(100), message(1), message(0)].concat();
        for cut in 1..all.len() {
            let chunks = all.chunks(cut).map(<[u8]>::to_vec).collect();
            let account = budgets.of(&Identity::Loopback);
            let mut intake = Intake::new(body(chunks), account, 1_000, Duration::from_secs(30));
            let mut passed = Vec::new();
            while passed.len() < all.len() {
                let frame = intake.frame().await.expect("a frame").expect("no error");
                passed.extend_from_slice(&frame.into_data().expect("data"));
            }
            assert_eq!(passed, all, "cut at {cut}");
            tokio::task::yield_now().await;
            assert!(read(&mut intake).await.is_empty());
            assert_eq!(budgets.held(), (1, 0));
        }
        assert_eq!(budgets.held(), (0, 0));
    }

    #[tokio::test]
    async fn a_message_waits_for_room_and_has_so_long_to_arrive() {
        let budgets = budgets();
        let intake =
            |chunks| Intake::new(body(chunks), budgets.of(&Identity::Loopback), 1_000, SOON);
        // It says that it has 90 bytes, and sends two.
        let mut slow = intake(vec![message(90)[..7].to_vec()]);
        assert_eq!(read(&mut slow).await.len(), 7);
        assert_eq!(budgets.held().1, 90, "its length counts, not what has arrived");
        let mut waits = intake(vec![message(11)]);
        assert!(read(&mut waits).await.is_empty());
        let mut fits = intake(vec![message(10)]);
        assert!(read(&mut fits).await.is_empty(), "the first that waits is the first that goes on");
        let late = slow.frame().await.expect("a frame").expect_err("an end");
        assert_eq!(late.code(), tonic::Code::DeadlineExceeded);
        drop(slow);
        assert_eq!(waits.frame().await.map(|frame| frame.is_ok()), Some(true));
        assert_eq!(read(&mut fits).await, message(10));
        // No room comes.
        let mut holds = intake(vec![message(5_000)[..5].to_vec()]);
        drop((waits, fits));
        assert_eq!(read(&mut holds).await.len(), 5);
        let mut never = intake(vec![message(1)]);
        let full = never.frame().await.expect("a frame").expect_err("an end");
        assert_eq!(full.code(), tonic::Code::ResourceExhausted);
        drop((never, holds));
        assert_eq!(budgets.held(), (0, 0));
    }
}
