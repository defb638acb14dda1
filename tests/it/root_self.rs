//! A connection to a port of the proxy itself. Envoy would pass it on to its original destination,
//! which is that port again, until no descriptor is left.

use crate::support::netns::{World, inside};
use crate::support::tier::{Tier, has};
use bytes::Bytes;
use http::Request;
use meshctl::dev::client::{self, Version};
use meshctl::model::Protocol;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const MESH: &str = r#"
[mesh]
name = "self"
egress = "EGRESS"
ip_preference = "ipv6-preferred"

[virtual_node.client]
discovery = { static = ["10.77.0.1"] }
listeners = [{ port = 6060, protocol = "http" }]
backends = ["app.internal", "raw.internal"]

[virtual_node.app]
discovery = { static = ["10.77.0.2"] }
listeners = [{ port = 8080, protocol = "http" }, { port = 7070, protocol = "tcp" }]

[virtual_service."app.internal"]
router = "app"

[virtual_router.app]
listeners = [{ port = 8080, protocol = "http" }]

[[virtual_router.app.routes]]
name = "all"
match = { prefix = "/" }
targets = [{ node = "app", port = 8080, weight = 1 }]

[virtual_service."raw.internal"]
router = "raw"

[virtual_router.raw]
listeners = [{ port = 7070, protocol = "tcp" }]

[[virtual_router.raw.routes]]
name = "all"
targets = [{ node = "app", port = 7070, weight = 1 }]
"#;

/// So many more descriptors than at rest are no loop: the connections of the test itself.
const SPARE: usize = 24;

/// Connects, speaks, and waits until the other side ends it; what happened otherwise.
fn ended(namespace: &str, to: SocketAddr) -> Result<(), String> {
    inside(namespace, |runtime| {
        runtime.block_on(async {
            let limit = Duration::from_secs(10);
            let talk = async {
                // Refused is as good as closed: nothing is bound there.
                let Ok(mut stream) = TcpStream::connect(to).await else { return };
                let _ = stream.write_all(b"GET / HTTP/1.1\r\nhost: app.internal\r\n\r\n").await;
                let mut rest = Vec::new();
                let _ = stream.read_to_end(&mut rest).await;
            };
            tokio::time::timeout(limit, talk)
                .await
                .map_err(|_| format!("a connection from {namespace} to {to} is still open"))
        })
    })
}

fn survives(egress: &str) {
    let apps = vec![
        ("app", "[::1]:8080", Protocol::Http),
        ("raw", "[::1]:7070", Protocol::Tcp),
        ("outside", "10.77.0.3:9090", Protocol::Http),
    ];
    let world = World::new(&format!("s{}", &egress[..1]), &MESH.replace("EGRESS", egress), apps);
    let rest = world.client.descriptors();
    let (own, peer) = (&world.net.client, &world.net.server);
    let mut failed = Vec::new();
    for port in [15000, 15001] {
        let from_itself = ["127.0.0.1", "10.77.0.1", "[::1]", "[fd00:77::1]"];
        // Packets to the peer are captured: the original destination is its proxy's port.
        let to_peer = ["10.77.0.2", "[fd00:77::2]"];
        for ip in from_itself.into_iter().chain(to_peer) {
            failed.extend(ended(own, format!("{ip}:{port}").parse().unwrap()).err());
        }
        for ip in ["10.77.0.1", "[fd00:77::1]", "10.77.0.2"] {
            failed.extend(ended(peer, format!("{ip}:{port}").parse().unwrap()).err());
        }
        for proxy in [&world.client, &world.server] {
            let open = proxy.descriptors();
            assert!(open <= rest + SPARE, "{open} descriptors after {rest}; {failed:?}");
        }
    }
    assert!(failed.is_empty(), "{failed:#?}");
    for proxy in [&world.client, &world.server] {
        assert!(proxy.admin("/ready").is_some_and(|said| said.starts_with("LIVE")));
    }
    // What is captured still works, by both families.
    let get = |to: &str, host: &str| {
        let to: SocketAddr = to.parse().unwrap();
        let request = Request::builder().uri("/").header("host", host).body(Bytes::new()).unwrap();
        inside(own, |runtime| {
            let called = client::call(to, Version::Http1, request, Duration::from_secs(10));
            runtime.block_on(called).map(|answer| answer.node().unwrap_or_default().to_owned()).ok()
        })
    };
    for to in ["10.77.0.2:8080", "[fd00:77::2]:8080"] {
        assert_eq!(get(to, "app.internal").as_deref(), Some("app"), "{to}");
    }
    // A TCP backend by its address, on a listener of both families.
    let greeting = inside(own, |runtime| {
        let to: SocketAddr = "10.77.0.2:7070".parse().unwrap();
        runtime.block_on(client::greeting(to, Duration::from_secs(10))).ok()
    });
    assert_eq!(greeting.as_deref(), Some(b"raw 7070\n".as_slice()));
    let outside = get("10.77.0.3:9090", "outside.example");
    assert_eq!(outside.as_deref(), (egress == "allow-all").then_some("outside"));
}

#[test]
fn a_connection_to_the_proxys_own_ports_ends_under_allow_all() {
    if has(Tier::Root) {
        survives("allow-all");
    }
}

#[test]
fn a_connection_to_the_proxys_own_ports_ends_under_drop_all() {
    if has(Tier::Root) {
        survives("drop-all");
    }
}
