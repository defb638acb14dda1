//! What the disk did not take when it was asked to, and what is told of many requests at once: looked
//! after until the server stops.

use super::admin::Server;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};

/// How often.
const LOOK: Duration = Duration::from_millis(500);

/// Looks after it.
pub(super) async fn watch(server: Arc<Server>) {
    let mut ticks = interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = server.stop.requested() => return,
        }
        let server = Arc::clone(&server);
        let _ = tokio::task::spawn_blocking(move || settle(&server)).await;
    }
}

/// Writes what waits. What cannot be written now is in the metrics, and is tried again.
pub(super) fn settle(server: &Server) {
    let _ = server.security.flush();
    let _ = server.audit.settle();
}
