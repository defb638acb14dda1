//! Answers that nobody reads. A connection takes the next part of an answer when it has sent the one
//! before; one that takes none for too long is of a client that does not read, and is closed.

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// The answers of one connection.
#[derive(Clone, Debug, Default)]
pub(super) struct Answers(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    state: Mutex<State>,
    began: Notify,
}

#[derive(Debug, Default)]
struct State {
    next: u64,
    /// Those of which a part was given to the connection, and when.
    sending: BTreeMap<u64, Instant>,
}

/// The body of an answer.
pub(super) struct Watched<B> {
    body: B,
    answers: Answers,
    id: u64,
}

impl Answers {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Watches an answer, which begins now.
    pub(super) fn watch<B>(&self, body: B) -> Watched<B> {
        let id = {
            let mut state = self.state();
            state.next += 1;
            state.next
        };
        self.sends(id);
        Watched { body, answers: self.clone(), id }
    }

    fn sends(&self, id: u64) {
        self.state().sending.insert(id, Instant::now());
        self.0.began.notify_one();
    }

    /// Returns when an answer has not been read for so long.
    pub(super) async fn unread(&self, most: Duration) {
        loop {
            let oldest = self.state().sending.values().min().copied();
            match oldest {
                Some(since) if since.elapsed() >= most => return,
                Some(since) => sleep_until(since + most).await,
                None => self.0.began.notified().await,
            }
        }
    }
}

impl<B> Drop for Watched<B> {
    fn drop(&mut self) {
        self.answers.state().sending.remove(&self.id);
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Watched<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let this = self.get_mut();
        // Who asks for more has sent what it had.
        this.answers.state().sending.remove(&this.id);
        let polled = Pin::new(&mut this.body).poll_frame(cx);
        if matches!(polled, Poll::Ready(Some(Ok(_)))) {
            this.answers.sends(this.id);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::{BodyExt as _, Full};
    use tokio::time::timeout;

    #[tokio::test]
    async fn an_answer_that_is_not_read_is_noticed_and_one_that_waits_for_its_server_is_not() {
        let (most, answers) = (Duration::from_millis(40), Answers::default());
        let never = timeout(3 * most, answers.unread(most)).await;
        assert!(never.is_err(), "there is no answer");
        let mut body = answers.watch(Full::new(Bytes::from_static(b"x")));
        let since = Instant::now();
        answers.unread(most).await;
        assert!(since.elapsed() >= most, "not even its first part is asked for");
        assert!(body.frame().await.is_some());
        let since = Instant::now();
        answers.unread(most).await;
        assert!(since.elapsed() >= most, "its first part is not sent");
        assert!(body.frame().await.is_none());
        assert!(timeout(3 * most, answers.unread(most)).await.is_err(), "all was sent");
        let gone = answers.watch(Full::new(Bytes::from_static(b"x")));
        drop(gone);
        assert!(timeout(3 * most, answers.unread(most)).await.is_err());
    }
}
