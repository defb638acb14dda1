//! Looking whether applications and proxies are there, and well.

use super::client;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long one question of an admin interface may take.
const ADMIN_LIMIT: Duration = Duration::from_secs(2);

/// Whether something takes connections there.
pub(super) async fn answers(address: SocketAddr) -> bool {
    matches!(timeout(ADMIN_LIMIT, TcpStream::connect(address)).await, Ok(Ok(_)))
}

/// Whether a proxy serves, by its admin interface.
pub(super) async fn ready(socket: &Path) -> bool {
    matches!(client::admin(socket, "GET", "/ready", ADMIN_LIMIT).await, Ok(answer) if answer.status == 200)
}

/// The counters that say that a proxy has refused an update, as `name: count`.
pub async fn rejections(socket: &Path) -> Vec<String> {
    // A file that cannot be read as its type counts as a failure, one with bad content as rejected.
    let path = "/stats?filter=update_(rejected|failure)";
    match client::admin(socket, "GET", path, ADMIN_LIMIT).await {
        Ok(answer) => String::from_utf8_lossy(&answer.body)
            .lines()
            .filter(|line| !line.ends_with(": 0"))
            .map(str::to_owned)
            .collect(),
        Err(error) => vec![error.to_string()],
    }
}
