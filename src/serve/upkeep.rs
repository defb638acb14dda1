//! Work that a server repeats until it stops: writing what the disk did not take when it was asked to,
//! and what the audit log says of many requests at once.

use super::admin::Server;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};

/// How often.
const LOOK: Duration = Duration::from_millis(500);

/// Looks after it.
pub(super) async fn watch(server: Arc<Server>) {
    repeat(server, LOOK, settle).await;
}

/// Does work that may block at every period, until the server stops.
pub(super) async fn repeat(server: Arc<Server>, period: Duration, work: fn(&Server)) {
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = server.stop.requested() => return,
        }
        let server = Arc::clone(&server);
        let _ = tokio::task::spawn_blocking(move || work(&server)).await;
    }
}

/// Writes what waits. What cannot be written now is in the metrics, and is tried again.
pub(super) fn settle(server: &Server) {
    let _ = server.security.flush();
    let _ = server.audit.settle();
}
