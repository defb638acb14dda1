//! Outlier detection: an endpoint that fails is left out by its callers, and comes back.

use crate::support::mesh::Live;
use meshctl::dev::upstream::Upstream;
use meshctl::model::Protocol;

/// Three endpoints that the test itself runs; the node's own proxy stands aside.
const MESH: &str = r#"
[mesh]
name = "outlier"
capture = "explicit"

[virtual_node.client]
backends = [{ service = "pool.internal", bind = "127.B.9.10:8080" }]

[virtual_service."pool.internal"]
router = "pool"

[virtual_router.pool]
listeners = [{ port = 8080, protocol = "http" }]

[[virtual_router.pool.routes]]
name = "all"
match = { prefix = "/" }
targets = { pool = 1 }
retry = { on = [], max_retries = 0 }

[virtual_node.pool]
discovery = { static = ["127.B.1.1", "127.B.1.2", "127.B.1.3"] }

[[virtual_node.pool.listeners]]
port = 8080
protocol = "http"
address = "127.B.8.1"
app = "127.B.8.2:18080"
outlier_detection = { max_server_errors = 3, interval = "1s", base_ejection_duration = "5s", max_ejection_percent = 50 }
"#;

#[test]
fn an_endpoint_that_fails_is_ejected_and_comes_back() {
    let live = Live::as_written(MESH);
    let names = ["one", "two", "three"];
    let start = |(last, name): (u8, &&str)| {
        let address = live.address(1, last, 8080);
        live.wait(Upstream::start(name, address, Protocol::Http)).unwrap()
    };
    let _pool: Vec<Upstream> = (1..).zip(&names).map(start).collect();
    let from = "virtual_node/client";
    let plain = live.request(from, "GET", "http://pool.internal/", &[]);
    let before = live.census(&plain, 30);
    assert_eq!(before["200 two"], 10, "all take their turn: {before:?}");

    let fault = [("x-upstream-only", "two"), ("x-upstream-status", "500")];
    let failing = live.request(from, "GET", "http://pool.internal/", &fault);
    let stat = "cluster.cds_egress_outlier_pool_http_8080.outlier_detection.ejections_active";
    // Envoy's main thread ejects and then tells the workers, so a few more can meet the endpoint.
    let mut errors = 0;
    live.until("it is ejected", |live| {
        errors += live.census(&failing, 3).get("500 two").copied().unwrap_or(0);
        live.stat(from, stat) == 1
    });
    assert!(errors >= 3, "two errors do not eject: {errors}");
    live.until("the workers know", |live| {
        let now = live.census(&plain, 30);
        assert_eq!(now.values().sum::<u32>(), 30);
        live.stat(from, stat) == 0 || !now.contains_key("200 two")
    });
    assert_eq!(live.stat(from, stat), 1, "it is left out, well or not");

    live.until("the endpoint is back", |live| live.stat(from, stat) == 0);
    live.until("the workers know", |live| live.census(&plain, 30).get("200 two") == Some(&10));
}
