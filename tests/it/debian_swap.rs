//! P15: one cluster takes the other's place again and again while wrk calls, with retries off.

use crate::support::load::Load;
use crate::support::served::Served;
use crate::support::tier::{self, Tier, has};
use meshctl::envoy::ProxyId;
use meshctl::model::{Mesh, NodeName, RouterName};
use std::time::Instant;

const MESH: &str = r#"
[mesh]
name = "swaps"

[virtual_node.client]
backends = ["app.internal"]

[virtual_node.x]
listeners = [{ port = 8080, protocol = "http" }]
discovery = { dns = "x.internal" }

[virtual_node.y]
listeners = [{ port = 8080, protocol = "http" }]
discovery = { dns = "y.internal" }

[virtual_service."app.internal"]
router = "app"

[virtual_router.app]
listeners = [{ port = 8080, protocol = "http" }]

[[virtual_router.app.routes]]
name = "all"
match = { prefix = "/" }
targets = { x = 1 }
retry = { on = [], max_retries = 0 }
"#;

fn to(mesh: &Mesh, node: &str) -> Mesh {
    let mut mesh = mesh.clone();
    let router = mesh.routers.get_mut(&RouterName::new("app").unwrap()).unwrap();
    router.routes[0].targets[0].node = NodeName::new(node).unwrap();
    mesh
}

/// How many requests the client's proxy has answered.
fn answered(served: &Served, client: &ProxyId) -> u64 {
    let text = served.admin(client, "GET", "/stats?filter=^http\\..*downstream_rq_completed$");
    let values = text.lines().filter(|line| !line.starts_with("http.admin."));
    values.filter_map(|line| line.rsplit(": ").next()?.parse::<u64>().ok()).sum()
}

#[test]
fn p15_clusters_are_swapped_under_load_and_no_request_fails() {
    if !has(Tier::Debian(&["wrk"])) {
        return;
    }
    let (swaps, requests) = tier::numbers((60, 20_000), (300, 300_000));
    let mut served = Served::mesh(MESH);
    let mesh = served.loaded.mesh.clone();
    let both = [to(&mesh, "y"), to(&mesh, "x")];
    let client: ProxyId = "virtual_node/client".parse().unwrap();
    let door = served.request("virtual_node/client", "http://app.internal:8080/", &[]).to;
    let load = Load::start(&format!("http://{door}/"), 16);
    let mut took = Vec::new();
    for swap in 0..swaps {
        // Spread over the load.
        let due = requests * swap / swaps;
        served.until("the load goes on", |served| answered(served, &client) >= due);
        let since = Instant::now();
        // In one step, so that the order is the stream's alone.
        served.put(&both[usize::try_from(swap % 2).unwrap()]);
        served.until("the swap has arrived", Served::have_all);
        took.push(since.elapsed());
    }
    served.until("the load is whole", |served| answered(served, &client) >= requests);
    let told = load.stop();
    took.sort();
    let (half, most) = (took[took.len() / 2], took[took.len() * 99 / 100]);
    println!("{swaps} swaps, p50 {half:?}, p99 {most:?}\n{told}");
    told.lost_nothing();
    assert!(told.requests() >= requests, "{told}");
    let retries = served.admin(&client, "GET", "/stats?filter=upstream_rq_retry$");
    assert!(retries.lines().all(|line| line.ends_with(": 0")), "{retries}");
    let clusters = served.admin(&client, "GET", "/clusters");
    assert!(clusters.contains("swaps_x_http") && !clusters.contains("swaps_y_http"), "{clusters}");
}
