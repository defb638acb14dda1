//! What becomes of single requests where raw fields, several listeners or a missing proxy decide.

use crate::plan_policy::unchecked;
use crate::traffic::mesh;
use meshctl::model::Mesh;
use meshctl::traffic::{End, Reason, Request, Source, Tracer};

/// How a request ends; `None` is one that reaches a node.
fn ends(mesh: &Mesh, from: &str, url: &str) -> Option<String> {
    let source = Source::named(mesh, Some(from)).unwrap();
    let request = Request::new("GET", url).unwrap();
    match Tracer::new(mesh).follow(&source, &request).end {
        End::Targets { .. } => None,
        End::Unknown { why } => Some(format!("unknown: {why}")),
        End::Closed { reason, why } => Some(format!("closed, {}: {why}", reason.as_str())),
        other => Some(format!("{other:?}")),
    }
}

/// Two ports of a gateway that lead to one service, and a node that calls it.
const SHOP: &str = r#"
[mesh]
name = "m"

[virtual_gateway.edge]
listeners = [{ port = 80, protocol = "http" FIRST }, { port = 81, protocol = "http" SECOND }]

[[virtual_gateway.edge.routes]]
name = "first"
match = { prefix = "/", port = 80 }
service = "cart.internal"

[[virtual_gateway.edge.routes]]
name = "second"
match = { prefix = "/", port = 81 }
service = "OTHER"

[virtual_service."cart.internal"]
node = "cart"

[virtual_node.cart]
listeners = [{ port = 8080, protocol = "http" }]
discovery = { dns = "cart.hosts.internal" }

[virtual_service."stock.internal"]
node = "stock"

[virtual_node.stock]
listeners = [{ port = 8080, protocol = "http" }]
discovery = { dns = "stock.hosts.internal" }

[virtual_node.front]
backends = ["cart.internal"]
NODE
"#;

fn shop(first: &str, second: &str, other: &str, node: &str) -> String {
    SHOP.replace("FIRST", first)
        .replace("SECOND", second)
        .replace("OTHER", other)
        .replace("NODE", node)
}

fn patched(first: &str) -> Option<String> {
    let patch = format!(", patch = {{ {first} }}");
    ends(&unchecked(&shop(&patch, "", "cart.internal", "")), "edge", "http://x:80/")
}

#[test]
fn a_patch_that_decides_what_routes_see_is_never_guessed() {
    // Headers that are dropped or rejected before a route is tried, and limits.
    for field in [
        "common_http_protocol_options = { headers_with_underscores_action = \"DROP_HEADER\" }",
        "common_http_protocol_options = { idle_timeout = \"60s\", max_headers_count = 3 }",
        "commonHttpProtocolOptions = { maxHeadersCount = 3 }",
        "max_request_headers_kb = 1",
        "maxRequestHeadersKb = 1",
        "path_with_escaped_slashes_action = \"UNESCAPE_AND_FORWARD\"",
    ] {
        for manager in ["http", "inner_http"] {
            let end = patched(&format!("{manager} = {{ {field} }}")).unwrap_or_default();
            assert!(
                end.starts_with("unknown: a patch of the HTTP connection manager"),
                "{field}: {end}"
            );
        }
    }
    let end = patched("http = { common_http_protocol_options = { max_headers_count = 3 } }");
    let end = end.unwrap_or_default();
    assert!(end.contains("`common_http_protocol_options.max_headers_count`"), "{end}");
    for field in [
        "common_http_protocol_options = { idle_timeout = \"60s\", max_stream_duration = \"9s\" }",
        "commonHttpProtocolOptions = { maxConnectionDuration = \"60s\" }",
        "serverName = \"x\"",
    ] {
        assert_eq!(patched(&format!("http = {{ {field} }}")), None, "{field}");
    }
}

#[test]
fn a_patch_of_a_listener_decides_however_its_field_is_written() {
    for field in [
        "default_filter_chain = { }",
        "defaultFilterChain = { }",
        "listenerFilters = []",
        // Also one that nobody thought of.
        "bind_to_port = false",
    ] {
        let end = patched(&format!("listener = {{ {field} }}")).unwrap_or_default();
        assert!(end.starts_with("unknown: a patch of the listener"), "{field}: {end}");
        let node = format!("patch = {{ egress = {{ {field} }} }}");
        let mesh = unchecked(&shop("", "", "cart.internal", &node));
        let end = ends(&mesh, "virtual_node/front", "http://cart.internal:8080/");
        assert!(end.is_some_and(|end| end.starts_with("unknown: ")), "{field}");
    }
    assert_eq!(patched("listener = { tcpBacklogSize = 100 }"), None);
}

#[test]
fn the_second_hop_of_a_gateway_has_the_settings_of_all_listeners_that_lead_there() {
    let patch =
        ", patch = { inner_http = { path_with_escaped_slashes_action = \"REJECT_REQUEST\" } }";
    let lax = ", http = { ignore_upgrades = [\"websocket\"] }";
    for (other, shared) in [("cart.internal", true), ("stock.internal", false)] {
        let mesh = mesh(&shop("", patch, other, ""));
        let by_80 = ends(&mesh, "edge", "http://x:80/a%2Fb");
        assert_eq!(by_80.is_some(), shared, "{other}: {by_80:?}");
        assert!(ends(&mesh, "edge", "http://x:81/a%2Fb").is_some(), "{other}");
        let mesh = mesh_with(lax, other);
        // The first hop of port 80 lets the upgrade through, and the second ignores it.
        let mut request = Request::new("GET", "http://x:80/").unwrap();
        for line in ["connection: upgrade", "upgrade: websocket"] {
            request.header(line).unwrap();
        }
        let source = Source::named(&mesh, Some("edge")).unwrap();
        let journey = Tracer::new(&mesh).follow(&source, &request);
        let seen = &journey.hops.last().unwrap().seen;
        let kept = seen.headers.iter().any(|(name, _)| name == "upgrade");
        assert_eq!(kept, !shared, "{other}: {seen:?}");
    }
}

fn mesh_with(second: &str, other: &str) -> Mesh {
    mesh(&shop("", second, other, ""))
}

#[test]
fn a_node_without_a_proxy_calls_past_the_mesh() {
    for (capture, backend) in [("redirect", ""), ("explicit", "")] {
        let node = format!("capture = \"{capture}\"{backend}");
        let with = unchecked(&shop("", "", "cart.internal", &node));
        let without = unchecked(&shop("", "", "cart.internal", &format!("{node}\nproxy = false")));
        for url in ["http://cart.internal:8080/", "http://elsewhere.example/"] {
            let end = ends(&without, "virtual_node/front", url).unwrap_or_default();
            let why = "virtual_node/front has no proxy";
            let start = format!("closed, {}: {why}", Reason::NoListener.as_str());
            assert!(end.starts_with(&start), "{capture} {url}: {end}");
        }
        let end = ends(&with, "virtual_node/front", "http://cart.internal:8080/");
        assert_eq!(end.is_none(), capture == "redirect", "{end:?}");
    }
}
