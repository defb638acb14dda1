//! What is said of TCP: its idle timeout, and which connections go to a backend.

use crate::support::sandbox::Sandbox;

const MESH: &str = r#"
[mesh]
name = "tcp"
egress = "EGRESS"

[virtual_node.app]
backends = ["orders.internal", "stock.internal"]

[virtual_node.orders]
discovery = { static = ["10.77.0.1", "fd00::1"] }
listeners = [{ port = 5432, protocol = "tcp" }]

[virtual_service."orders.internal"]
router = "orders"

[virtual_router.orders]
listeners = [{ port = 5432, protocol = "tcp" }]

[[virtual_router.orders.routes]]
name = "all"
targets = { orders = 1 }
timeout = { idle = "1h" }

[virtual_node.stock]
discovery = { static = ["10.77.0.1"] }
listeners = [{ port = 5433, protocol = "tcp" }]

[virtual_service."stock.internal"]
node = "stock"
"#;

fn traced(egress: &str, url: &str) -> String {
    let sandbox = Sandbox::with_mesh(&MESH.replace("EGRESS", egress));
    let ran = sandbox.run(&["trace", "TCP", url, "--from", "virtual_node/app"]);
    format!("{}{}", ran.stdout, ran.stderr)
}

#[test]
fn a_connection_has_an_idle_timeout_and_no_request_timeout() {
    let text = traced("drop-all", "tcp://orders.internal:5432");
    assert!(text.contains("idle timeout 1h") || text.contains("idle timeout 60m"), "{text}");
    assert!(!text.contains("15s"), "{text}");
    let text = traced("drop-all", "tcp://stock.internal:5433");
    assert!(text.contains("idle timeout 5m (default)"), "{text}");
}

#[test]
fn a_test_of_a_connection_expects_its_idle_timeout() {
    let sandbox = Sandbox::with_mesh(&MESH.replace("EGRESS", "drop-all"));
    let file = |timeout: &str| {
        format!(
            "from = \"virtual_node/app\"\n\n[[test]]\nname = \"tcp\"\n\
             request = \"TCP tcp://orders.internal:5432\"\n\
             expect = {{ node = \"orders\", timeout = \"{timeout}\" }}\n"
        )
    };
    sandbox.write("tests/t.toml", file("1h"));
    sandbox.run(&["test"]).exits(0);
    sandbox.write("tests/t.toml", file("15s"));
    let ran = sandbox.run(&["test"]);
    assert_ne!(ran.code, 0, "{}", ran.stdout);
}

#[test]
fn connections_to_other_addresses_are_not_a_backends() {
    for egress in ["drop-all", "allow-all"] {
        for url in ["tcp://10.77.0.1:5432", "tcp://[fd00::1]:5432", "tcp://orders.internal:5432"] {
            let text = traced(egress, url);
            assert!(text.contains("virtual_node/orders "), "{url}: {text}");
        }
        let text = traced(egress, "tcp://10.77.0.2:5432");
        let end = if egress == "allow-all" { "leaves the mesh" } else { "refused" };
        assert!(text.contains(end), "{egress}: {text}");
        // Where it goes depends on what the name resolves to.
        let text = traced(egress, "tcp://other.internal:5432");
        assert!(text.contains("addresses of `other.internal` are not known"), "{text}");
    }
}

#[test]
fn the_proxys_own_port_is_closed_under_allow_all() {
    let text = traced("allow-all", "tcp://10.9.9.9:15001");
    assert!(text.contains("closes connections to its own port"), "{text}");
}
