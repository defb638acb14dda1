//! Bodies of requests: how long they may take to arrive, and how much of them is held at once.

use crate::live::server::wire::Problem;
use crate::serve::limits::Limits;
use crate::serve::problem;
use axum::body::{Body, Bytes};
use http_body_util::BodyExt as _;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::timeout;

/// The bounds on bodies.
#[derive(Clone, Debug)]
pub(in crate::serve) struct Bounds {
    /// Bytes of one.
    pub(in crate::serve) one: usize,
    /// Bytes of all that one caller has in progress.
    pub(in crate::serve) caller: usize,
    /// Bytes of all that are in progress.
    pub(in crate::serve) all: usize,
    /// How long one may take to arrive.
    pub(in crate::serve) within: Duration,
}

impl From<&Limits> for Bounds {
    fn from(limits: &Limits) -> Self {
        Self {
            one: limits.body_bytes,
            caller: limits.caller_body_bytes,
            all: limits.all_body_bytes,
            within: limits.body_time,
        }
    }
}

/// What is held of bodies now.
#[derive(Debug, Default)]
struct Held {
    all: usize,
    by: BTreeMap<String, usize>,
}

/// All bodies that are being received or worked on.
#[derive(Debug)]
pub(in crate::serve) struct Bodies {
    bounds: Bounds,
    held: Arc<Mutex<Held>>,
}

/// What one request holds of the budget, until it is answered.
#[derive(Debug)]
pub(super) struct Share {
    held: Arc<Mutex<Held>>,
    caller: String,
    bytes: usize,
}

impl Share {
    /// Holds more. `false`: that would be more than there is.
    fn take(&mut self, bytes: usize, bounds: &Bounds) -> bool {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let own = held.by.get(&self.caller).copied().unwrap_or_default();
        if own + bytes > bounds.caller || held.all + bytes > bounds.all {
            return false;
        }
        held.all += bytes;
        held.by.insert(self.caller.clone(), own + bytes);
        self.bytes += bytes;
        true
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.all -= self.bytes;
        let left = held.by.get(&self.caller).copied().unwrap_or_default() - self.bytes;
        match left {
            0 => held.by.remove(&self.caller),
            left => held.by.insert(self.caller.clone(), left),
        };
    }
}

impl Bodies {
    /// Those of a server with these limits.
    pub(in crate::serve) fn new(limits: &Limits) -> Self {
        Self { bounds: limits.into(), held: Arc::default() }
    }

    /// Bytes of the largest.
    pub(super) fn most(&self) -> usize {
        self.bounds.one
    }

    /// Bytes of all that are in progress now.
    pub(super) fn held(&self) -> usize {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).all
    }

    /// Receives the body of a caller's request.
    pub(super) async fn receive(
        &self,
        caller: &str,
        body: Body,
    ) -> Result<(Bytes, Share), Problem> {
        let bounds = &self.bounds;
        let held = Arc::clone(&self.held);
        let mut share = Share { held, caller: caller.to_owned(), bytes: 0 };
        let received = timeout(bounds.within, collect(body, &mut share, bounds)).await;
        let bytes = received.unwrap_or_else(|_| {
            let within = bounds.within.as_secs();
            Err(problem::of("timed-out", format!("the body did not arrive within {within} s")))
        })?;
        Ok((bytes, share))
    }
}

async fn collect(mut body: Body, share: &mut Share, bounds: &Bounds) -> Result<Bytes, Problem> {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| problem::of("bad-request", "the body cannot be read"))?;
        // Trailers mean nothing here.
        let Ok(data) = frame.into_data() else { continue };
        if bytes.len() + data.len() > bounds.one {
            let message = format!("a body has at most {} bytes", bounds.one);
            return Err(problem::of("too-large", message));
        }
        if !share.take(data.len(), bounds) {
            let message = format!(
                "the bodies of all requests in progress have at most {} bytes, those of one caller \
                 {}",
                bounds.all, bounds.caller
            );
            return Err(problem::of("too-many", message).hint("send requests one after the other"));
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bodies() -> Bodies {
        let bounds = Bounds { one: 10, caller: 20, all: 50, within: Duration::from_millis(50) };
        Bodies { bounds, held: Arc::default() }
    }

    fn code(result: Result<(Bytes, Share), Problem>) -> String {
        result.err().map(|problem| problem.code).unwrap_or_default()
    }

    #[tokio::test]
    async fn bodies_have_a_budget_each_by_caller_and_in_all_that_is_freed() {
        let bodies = bodies();
        let of = |n: usize| Body::from(vec![b' '; n]);
        assert_eq!(code(bodies.receive("ada", of(11)).await), "too-large");
        let mut kept = Vec::new();
        for caller in ["ada", "ada", "bob", "bob", "eve"] {
            kept.push(bodies.receive(caller, of(10)).await.expect("within the budget"));
        }
        assert_eq!(code(bodies.receive("ada", of(1)).await), "too-many");
        for _ in 0..100 {
            assert_eq!(code(bodies.receive("eve", of(1)).await), "too-many", "of all");
        }
        assert!(bodies.receive("eve", of(0)).await.is_ok());
        kept.remove(0);
        assert!(bodies.receive("eve", of(10)).await.is_ok());
        assert!(bodies.receive("ada", of(10)).await.is_ok());
        kept.clear();
        let held = bodies.held.lock().expect("a lock");
        assert_eq!((held.all, held.by.len()), (0, 0));
    }

    #[tokio::test]
    async fn a_body_that_does_not_end_is_given_up_and_frees_what_it_held() {
        let bodies = bodies();
        let endless = futures_util::stream::unfold(0, |n| async move {
            match n {
                0 => Some((Ok::<_, std::convert::Infallible>("12345"), 1)),
                _ => std::future::pending().await,
            }
        });
        assert_eq!(code(bodies.receive("ada", Body::from_stream(endless)).await), "timed-out");
        assert_eq!(bodies.held.lock().expect("a lock").all, 0);
    }
}
