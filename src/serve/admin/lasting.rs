//! Answers that last: while one is sent, its caller's credential is asked for again, and the answer
//! ends when that does not count any more.

use super::access::Again;
use axum::body::{Body, Bytes};
use hyper::body::Frame;
use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Interval, MissedTickBehavior, interval};

/// How often the credential is asked for while nothing is sent.
const LOOK: Duration = Duration::from_millis(500);
/// Bytes that are sent between two looks.
const PART: usize = 64 << 10;

/// The end of an answer whose caller may not have the rest.
#[derive(Debug)]
struct Ended;

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the credential does not count any more")
    }
}

impl Error for Ended {}

/// The body of an answer.
pub(super) struct Lasting {
    body: Body,
    again: Again,
    looks: Interval,
    rest: Bytes,
}

impl Lasting {
    pub(super) fn new(body: Body, again: Again) -> Self {
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { body, again, looks, rest: Bytes::new() }
    }

    fn part(&mut self) -> Frame<Bytes> {
        Frame::data(self.rest.split_to(self.rest.len().min(PART)))
    }
}

impl hyper::body::Body for Lasting {
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = self.get_mut();
        let counts = || (this.again)().map_err(|_| Ended);
        if this.rest.is_empty() {
            match Pin::new(&mut this.body).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) => this.rest = data,
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                Poll::Pending => {
                    while this.looks.poll_tick(cx).is_ready() {
                        if let Err(ended) = counts() {
                            return Poll::Ready(Some(Err(ended.into())));
                        }
                    }
                    return Poll::Pending;
                }
                Poll::Ready(end) => return Poll::Ready(end.map(|end| end.map_err(Into::into))),
            }
        }
        Poll::Ready(Some(match counts() {
            Ok(()) => Ok(this.part()),
            Err(ended) => Err(ended.into()),
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        match self.rest.is_empty() {
            true => self.body.size_hint(),
            false => hyper::body::SizeHint::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serve::admin::access::Refused;
    use axum::http::StatusCode;
    use http_body_util::BodyExt as _;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    fn lasting(body: Body) -> (Lasting, Arc<AtomicBool>) {
        let counts = Arc::new(AtomicBool::new(true));
        let asked = Arc::clone(&counts);
        let again = Arc::new(move || match asked.load(Ordering::Relaxed) {
            true => Ok(()),
            false => Err(Refused::new(StatusCode::UNAUTHORIZED, "unauthenticated", "no")),
        });
        (Lasting::new(body, again), counts)
    }

    #[tokio::test]
    async fn an_answer_ends_between_two_parts_and_while_it_waits() {
        let bytes = vec![7; 3 * PART + 5];
        let (body, _) = lasting(Body::from(bytes.clone()));
        assert_eq!(body.collect().await.expect("all of it").to_bytes(), bytes);
        let (mut body, counts) = lasting(Body::from(bytes));
        for _ in 0..2 {
            let part = body.frame().await.expect("a part").expect("no error");
            assert_eq!(part.into_data().expect("data").len(), PART);
        }
        counts.store(false, Ordering::Relaxed);
        assert!(body.frame().await.expect("a part").is_err());
        let pending = futures_util::stream::pending::<Result<Bytes, std::io::Error>>();
        let (mut body, counts) = lasting(Body::from_stream(pending));
        let asked = tokio::spawn(async move { body.frame().await });
        counts.store(false, Ordering::Relaxed);
        assert!(asked.await.expect("an end").expect("a part").is_err());
    }
}
