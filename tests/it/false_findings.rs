//! Meshes of which a check must not say what is not so: each beside one of which it must.

use crate::support::sandbox::Sandbox;
use meshctl::load::{self, Options};

/// The codes of what is found in a mesh.
fn codes(text: &str) -> Vec<&'static str> {
    let sandbox = Sandbox::with_mesh(text);
    let now = 1_767_225_600; // 2026-01-01
    let options = Options { dir: sandbox.path().to_path_buf(), env: None, extra: None, now };
    let found = load::load(&options).unwrap().diagnostics.sorted();
    found.iter().map(|finding| finding.code.id).collect()
}

/// A code is found in a mesh, and not after an edit.
#[track_caller]
fn only_before(code: &str, mesh: &str, [from, to]: [&str; 2]) {
    assert_eq!(mesh.matches(from).count(), 1, "{from}");
    let after = codes(&mesh.replace(from, to));
    assert!(codes(mesh).contains(&code), "{code} is not found at all");
    assert!(!after.contains(&code), "{code} is found after {from:?} became {to:?}: {after:?}");
}

/// What an edit makes of the node's proxy.
const WITHOUT: [&str; 2] = ["proxy = true", "proxy = false"];

/// A gateway and a router before a node that ends requests after 15 seconds and has a plain listener.
const TARGET: &str = r#"
[mesh]
name = "m"

[virtual_gateway.edge]
listeners = [{ port = 80, protocol = "http", http = { max_headers = 500 } }]

[[virtual_gateway.edge.routes]]
name = "all"
match = { prefix = "/" }
service = "cart.internal"

[virtual_service."cart.internal"]
router = "cart"

[virtual_router.cart]
listeners = [{ port = 8080, protocol = "http" }]

[[virtual_router.cart.routes]]
name = "all"
match = { prefix = "/" }
targets = { cart = 1 }
timeout = { request = "60s", idle = "1h" }

[virtual_node.cart]
proxy = true
listeners = [{ port = 8080, protocol = "http" }]
discovery = { dns = "cart.hosts.internal" }
"#;

#[test]
fn a_node_without_a_proxy_ends_and_refuses_nothing_by_its_listener() {
    for code in ["MC0401", "MC0531"] {
        only_before(code, TARGET, WITHOUT);
    }
    only_before("MC0430", &TARGET.replace("request = \"60s\", ", ""), WITHOUT);
}

/// A caller with a policy toward a server.
const CALLER: &str = r#"
[mesh]
name = "m"

[virtual_node.front]
proxy = true
backends = ["cart.internal"]
POLICY

[virtual_service."cart.internal"]
node = "cart"

[virtual_node.cart]
listeners = [{ port = 8080, protocol = "http"TLS }]
discovery = { dns = "cart.hosts.internal" }
"#;

#[test]
fn a_caller_without_a_proxy_has_no_client_policy() {
    const TLS: &str = r#", tls = { mode = "MODE", certificate = { sds = "cart" }VALIDATION }"#;
    let policy = |fields: &str| {
        format!(
            "backend_defaults = {{ client_policy = {{ tls = {{ {fields}validation = {{ trust = {{ sds = \"ca\" }} }} }} }} }}"
        )
    };
    let mesh = |tls: &str, policy: &str| CALLER.replace("TLS", tls).replace("POLICY", policy);
    let strict = TLS.replace("MODE", "strict").replace("VALIDATION", "");
    let asking = TLS
        .replace("MODE", "strict")
        .replace("VALIDATION", ", validation = { trust = { sds = \"ca\" } }");
    let permissive = TLS.replace("MODE", "permissive").replace("VALIDATION", "");
    for (code, tls, policy) in [
        ("MC0601", "", policy("")),
        ("MC0602", asking.as_str(), policy("")),
        ("MC0603", strict.as_str(), policy("ports = [9999], ")),
        ("MC0604", strict.as_str(), String::new()),
        // An application without a proxy may speak plain text, whatever the files say.
        ("MC0605", permissive.as_str(), policy("")),
    ] {
        only_before(code, &mesh(tls, &policy), WITHOUT);
    }
}

#[test]
fn calls_of_an_application_without_a_proxy_are_neither_timed_nor_retried() {
    // `shop` waits 5 seconds for `front`, whose proxy waits a minute for `cart`.
    let mesh = CALLER.replace("TLS", "").replace("POLICY", "").replace(
        "backends = [\"cart.internal\"]",
        "backends = [\"cart.internal\"]\nlisteners = [{ port = 8080, protocol = \"http\" }]\n\
         discovery = { dns = \"front.hosts.internal\" }",
    );
    let router = |name: &str, service: &str, time: &str| {
        format!(
            "\n[virtual_service.\"{service}\"]\nrouter = \"{name}\"\n\n[virtual_router.{name}]\n\
             listeners = [{{ port = 8080, protocol = \"http\" }}]\n\n\
             [[virtual_router.{name}.routes]]\nname = \"all\"\nmatch = {{ prefix = \"/\" }}\n\
             targets = {{ {name} = 1 }}\ntimeout = {{ request = \"{time}\" }}\n"
        )
    };
    let mesh = mesh.replace("\n[virtual_service.\"cart.internal\"]\nnode = \"cart\"\n", "")
        + &router("cart", "cart.internal", "60s")
        + &router("front", "front.internal", "5s");
    only_before("MC0420", &mesh, WITHOUT);
}

#[test]
fn tls_of_a_node_without_a_proxy_has_an_effect() {
    let mesh = TARGET.replace(
        "listeners = [{ port = 8080, protocol = \"http\" }]\ndiscovery",
        "listeners = [{ port = 8080, protocol = \"http\", connection_pool = { max_connections = 5, \
         max_pending_requests = 5 }, tls = { mode = \"strict\", certificate = { sds = \"cart\" } } }]\n\
         discovery",
    );
    let of = |text: &str| codes(text).into_iter().filter(|code| *code == "MC0811").count();
    let bare = mesh.replace("proxy = true", "proxy = false");
    // For the connection pool alone.
    assert_eq!((of(&mesh), of(&bare)), (0, 1));
}

#[test]
fn an_ipv4_socket_is_not_the_endpoint_at_an_ipv6_address() {
    let mesh = TARGET
        .replace("port = 80, protocol", "port = 8080, protocol")
        .replace("{ dns = \"cart.hosts.internal\" }", "{ static = [\"127.0.0.1\"] }");
    let endpoint = |ip: &str| ["\"127.0.0.1\"", &format!("\"{ip}\"")].map(str::to_owned);
    let [from, to] = endpoint("::1");
    only_before("MC0527", &mesh, [&from, &to]);
    // With a preference the gateway binds `::`, which takes both families.
    for preference in ["ipv6-preferred", "ipv4-preferred", "ipv6-only"] {
        let named = format!("name = \"m\"\nip_preference = \"{preference}\"");
        let both = mesh.replace("name = \"m\"", &named).replace(&from, &to);
        assert!(codes(&both).contains(&"MC0527"), "{preference}");
    }
    // An address that is written is the one that is bound.
    let written = mesh.replace(
        "port = 8080, protocol = \"http\", http",
        "port = 8080, protocol = \"http\", address = \"::1\", http",
    );
    assert!(!codes(&written).contains(&"MC0527"));
    assert!(codes(&written.replace(&from, &to)).contains(&"MC0527"));
}

#[test]
fn an_application_at_an_ipv6_address_is_not_in_the_way_of_an_ipv4_listener() {
    let mesh = |app: &str| {
        TARGET.replace("name = \"m\"", "name = \"m\"\ncapture = \"explicit\"").replace(
            "listeners = [{ port = 8080, protocol = \"http\" }]\ndiscovery",
            &format!(
                "listeners = [{{ port = 8080, protocol = \"http\", app = \"{app}\" }}]\ndiscovery"
            ),
        )
    };
    only_before("MC0519", &mesh("127.0.0.1:8080"), ["127.0.0.1:8080", "[::1]:8080"]);
    let both = mesh("[::1]:8080").replace("capture", "ip_preference = \"ipv6-only\"\ncapture");
    assert!(codes(&both).contains(&"MC0519"));
    // Where the application is by default depends on the preference too; it is reported once.
    let near = mesh("[::1]:8080")
        .replace(", app = \"[::1]:8080\"", ", address = \"::1\"")
        .replace("capture", "ip_preference = \"ipv4-preferred\"\ncapture");
    let found = codes(&near);
    assert_eq!(found.iter().filter(|code| **code == "MC0520").count(), 1, "{found:?}");
}

#[test]
fn a_gateway_does_not_ask_for_a_path() {
    let check = "health_check = { protocol = \"http\", interval = \"5s\", timeout = \"2s\", \
                 healthy_threshold = 2, unhealthy_threshold = 2 }";
    let with = |port: &str| TARGET.replace(port, &format!("{port}, {check}"));
    let gateway = codes(&with("port = 80, protocol = \"http\""));
    assert!(gateway.contains(&"MC0427") && !gateway.contains(&"MC0418"), "{gateway:?}");
    let node = TARGET.replace(
        "protocol = \"http\" }]\ndiscovery",
        &format!("protocol = \"http\", {check} }}]\ndiscovery"),
    );
    let node = codes(&node);
    assert!(node.contains(&"MC0418") && !node.contains(&"MC0427"), "{node:?}");
}
