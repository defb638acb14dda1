//! Being asked to stop: noticed at the next safe point.

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

/// Why an apply stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signal {
    /// Ctrl-C.
    Interrupt,
    /// SIGTERM.
    Terminate,
}

/// Tells whether to stop. Clones tell the same.
#[derive(Clone, Debug)]
pub struct Stop(watch::Receiver<Option<Signal>>);

impl Stop {
    /// A stop, and what requests it.
    pub fn new() -> (watch::Sender<Option<Signal>>, Self) {
        let (sender, receiver) = watch::channel(None);
        (sender, Self(receiver))
    }

    /// The request, if there is one.
    pub fn signal(&self) -> Option<Signal> {
        *self.0.borrow()
    }

    /// Returns when a stop is requested; never if none can be any more.
    pub async fn requested(&self) {
        let mut receiver = self.0.clone();
        if receiver.wait_for(Option::is_some).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
