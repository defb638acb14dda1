//! Redirect capture, as App Mesh did it: packets of an application that knows nothing of the mesh,
//! in network namespaces of the test's own.
//!
//! ```text
//! namespace client 10.77.0.1            namespace server 10.77.0.2, 10.77.0.3
//!   the test ── OUTPUT -> 15001 Envoy ─── veth ─── PREROUTING :8080 -> 15000 Envoy ── app
//!                                              └── :9090 on 10.77.0.3: outside of the mesh
//! ```

use crate::support::netns::{Proxy, World, inside};
use crate::support::tier::{Tier, has};
use bytes::Bytes;
use http::Request;
use meshctl::dev::client::{self, Version};
use meshctl::model::Protocol;
use std::net::SocketAddr;
use std::time::Duration;

const MESH: &str = r#"
[mesh]
name = "redirect"
egress = "EGRESS"

[virtual_node.client]
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

/// A mesh's world, in which an application is called.
struct Calls(World);

impl Calls {
    fn new(egress: &str) -> Self {
        let apps = vec![
            ("app", "127.0.0.1:8080", Protocol::Http),
            ("raw", "127.0.0.1:7070", Protocol::Tcp),
            ("outside", "10.77.0.3:9090", Protocol::Http),
            ("outside", "10.77.0.3:8080", Protocol::Http),
            ("outside", "10.77.0.3:7070", Protocol::Tcp),
        ];
        Self(World::new(&egress[..1], &MESH.replace("EGRESS", egress), apps))
    }

    /// What an application in the client's namespace gets from an address, calling it by a name.
    fn get(&self, to: &str, host: &str) -> String {
        self.ask(to, host, "GET", "/")
    }

    fn ask(&self, to: &str, host: &str, method: &str, path: &str) -> String {
        let to: SocketAddr = to.parse().unwrap();
        let request = Request::builder().method(method).uri(path).header("host", host);
        let request = request.body(Bytes::new()).unwrap();
        inside(&self.0.net.client, |runtime| {
            let limit = Duration::from_secs(5);
            match runtime.block_on(client::call(to, Version::Http1, request, limit)) {
                Ok(answer) => format!("{} {}", answer.status, answer.node().unwrap_or_default())
                    .trim_end()
                    .to_owned(),
                Err(client::Error::Connect(_) | client::Error::Broken(_)) => "refused".to_owned(),
                Err(client::Error::Late(_)) => "late".to_owned(),
            }
        })
    }

    fn greeting(&self, to: &str) -> Option<String> {
        let to: SocketAddr = to.parse().unwrap();
        inside(&self.0.net.client, |runtime| {
            let said = runtime.block_on(client::greeting(to, Duration::from_secs(5))).ok()?;
            Some(String::from_utf8_lossy(&said).into_owned())
        })
    }

    /// A request that is none is answered with 400 whatever its host, in both egress modes.
    fn rejects_before_it_looks_at_the_host(&self) {
        for host in ["app.internal", "outside.example"] {
            assert_eq!(self.ask("10.77.0.3:8080", host, "GET", "/%00"), "400", "{host}");
            assert_eq!(self.ask("10.77.0.3:8080", host, "BREW", "/"), "400", "{host}");
        }
    }

    /// What holds whatever the egress filter: the mesh's own traffic goes through both proxies.
    fn serves_its_own(&self) {
        // Any address will do, whether something has it or not: the port and the name decide.
        for to in ["10.77.0.2:8080", "10.77.0.99:8080"] {
            for host in ["app.internal", "app.internal:8080", "APP.internal.", "app.internal.:8080"]
            {
                assert_eq!(self.get(to, host), "200 app", "{to} {host}");
            }
        }
        // A connection has no name: that of a TCP backend is known by its address.
        assert_eq!(self.greeting("10.77.0.2:7070").as_deref(), Some("raw 7070\n"));
        let requests = |proxy: &Proxy, prefix: &str| {
            let all = proxy.admin("/stats?filter=downstream_rq_completed").unwrap();
            let counts = all.lines().filter(|line| line.starts_with(&format!("http.{prefix}")));
            counts.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum::<u64>()
        };
        assert_eq!(requests(&self.0.client, "egress"), 8, "the packets were redirected here");
        assert_eq!(requests(&self.0.server, "ingress"), 8, "and there");
    }
}

#[test]
fn drop_all_lets_out_what_the_mesh_defines_and_nothing_else() {
    if !has(Tier::Root) {
        return;
    }
    let world = Calls::new("drop-all");
    world.serves_its_own();
    assert_eq!(world.get("10.77.0.3:9090", "outside.example"), "refused");
    assert_eq!(world.get("10.77.0.3:8080", "outside.example"), "404", "another name, known port");
    assert_eq!(world.greeting("10.77.0.3:9091"), None);
    assert_eq!(world.greeting("10.77.0.3:7070"), None, "another host, the port of a backend");
    world.rejects_before_it_looks_at_the_host();
}

#[test]
fn allow_all_lets_out_everything() {
    if !has(Tier::Root) {
        return;
    }
    let world = Calls::new("allow-all");
    world.serves_its_own();
    assert_eq!(world.get("10.77.0.3:9090", "outside.example"), "200 outside");
    assert_eq!(world.get("10.77.0.3:8080", "outside.example"), "200 outside");
    // Another host on the port of a TCP backend: as if the proxy were absent.
    assert_eq!(world.greeting("10.77.0.3:7070").as_deref(), Some("outside 7070\n"));
    // Nobody listens there: the proxy accepts the connection, and cannot pass it on.
    assert_eq!(world.greeting("10.77.0.3:9091"), None);
    world.rejects_before_it_looks_at_the_host();
}
