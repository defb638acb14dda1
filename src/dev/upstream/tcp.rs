//! The TCP application: greets first, as databases do, then echoes.

use super::State;
use std::sync::Arc;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

pub(super) async fn serve(listener: TcpListener, state: Arc<State>) {
    // Dropping the set when the application ends breaks off its connections.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((stream, _)) = accepted {
                    connections.spawn(talk(stream, state.clone()));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn talk(mut stream: TcpStream, state: Arc<State>) {
    state.count("");
    let greeting = format!("{} {}\n", state.name, state.address.port());
    if stream.write_all(greeting.as_bytes()).await.is_err() {
        return;
    }
    let (mut reader, mut writer) = stream.split();
    // The other side ends the talk; how it does so is nobody's concern.
    let _ = tokio::io::copy(&mut reader, &mut writer).await;
}
