//! Keys of one node that hold at its callers' proxies, for the requests for other nodes too: what a
//! plan says of them, and live Envoys.

use crate::plan_policy::{live, planned, unchecked};
use crate::support::mesh::Block;
use crate::support::proxies::{await_door, start};
use meshctl::model::Mesh;
use meshctl::plan::{Plan, TrafficPolicy};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

/// Of the nodes. Not 8080: Envoys of other tests bind that at all addresses.
const PORT: u16 = 18_777;

/// One service of two nodes, of which one has no proxy; only its caller's proxy runs.
const MESH: &str = r#"
[mesh]
name = "hops"
capture = "explicit"

[virtual_node.client]
backends = [{ service = "s.internal", bind = "127.B.9.1:18777" }]

[virtual_service."s.internal"]
router = "r"

[virtual_router.r]
listeners = [{ port = 18777, protocol = "http" }]

[[virtual_router.r.routes]]
name = "a"
match = { prefix = "/a" }
targets = { a = 1 }

[[virtual_router.r.routes]]
name = "b"
match = { prefix = "/b" }
targets = { b = 1 }

[virtual_node.a]
discovery = { static = ["127.B.1.1"] }
listeners = [{ port = 18777, protocol = "http" }]

[virtual_node.b]
proxy = false
discovery = { static = ["127.B.1.2"] }
listeners = [{ port = 18777, protocol = "http" }]
"#;

/// `a` with these keys.
fn with(text: &str, keys: &str) -> String {
    let own = "discovery = { static = [\"127.B.1.1\"] }\nlisteners = [{ port = 18777, ";
    assert_eq!(text.matches(own).count(), 1);
    text.replace(own, &format!("{own}http = {{ {keys} }}, "))
}

fn plan_of(before: &Mesh, after: &Mesh) -> Plan {
    planned(&live(before), after, &[])
}

/// What a plan says of how the client's proxy takes requests.
fn of_client(plan: &Plan) -> Option<&TrafficPolicy> {
    plan.traffic.policies.iter().find(|policy| {
        let mut places = policy.places.iter();
        places.any(|place| place.address.to_string() == "virtual_node/client")
    })
}

fn settings(policy: &TrafficPolicy) -> Vec<String> {
    let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "unset".to_owned());
    let all = policy.settings.iter();
    all.map(|own| format!("{} {} -> {}", own.name, value(&own.before), value(&own.after))).collect()
}

/// Answers each request with 200 for as long as the process lives.
fn application(at: SocketAddr) {
    let listener = TcpListener::bind(at).unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
                while let Some(Ok(line)) = lines.next() {
                    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
                    if line.is_empty() && stream.write_all(answer).is_err() {
                        break;
                    }
                }
            });
        }
    });
}

/// The status of a request.
fn status(to: SocketAddr, request: &str) -> u16 {
    let mut stream = TcpStream::connect(to).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut line = [0; 12];
    stream.read_exact(&mut line).unwrap();
    std::str::from_utf8(&line[9..]).unwrap().parse().unwrap()
}

fn get(path: &str, version: &str, headers: &str) -> String {
    format!("GET {path} HTTP/{version}\r\nHost: s.internal\r\n{headers}\r\n")
}

#[test]
fn a_key_of_one_node_changes_what_requests_for_another_meet() {
    let block = &*Box::leak(Box::new(Block::take()));
    let at =
        |third: u8, last: u8| -> SocketAddr { ([127, block.second(), third, last], PORT).into() };
    application(at(1, 2));
    let mesh = |text: &str| unchecked(&text.replace("127.B.", &format!("127.{}.", block.second())));
    let before = mesh(MESH);
    let many: String = (0..150).map(|at| format!("x-{at}: 1\r\n")).collect();
    let long = format!("x-long: {}\r\n", "a".repeat(70 * 1024));
    let upgrade = "Connection: Upgrade\r\nUpgrade: foo\r\n";
    let cases = [
        (
            "accept_http_10 = true",
            "http.accept_http_10 false -> true",
            get("/b", "1.0", ""),
            [426, 200],
        ),
        ("max_headers = 200", "http.max_headers 100 -> 200", get("/b", "1.1", &many), [431, 200]),
        (
            "max_header_size = \"96KiB\"",
            "http.max_header_size 60KiB -> 96KiB",
            get("/b", "1.1", &long),
            [431, 200],
        ),
        (
            "ignore_upgrades = [\"TLS/\", \"foo\"]",
            "http.ignore_upgrades TLS/ -> TLS/, foo",
            get("/b", "1.1", upgrade),
            [403, 200],
        ),
    ];
    let client = |mesh: &Mesh| {
        let proxy = [start(mesh, "virtual_node/client")];
        await_door(&proxy, at(9, 1));
        proxy
    };
    let proxy = client(&before);
    for (keys, _, request, seen) in &cases {
        assert_eq!(status(at(9, 1), request), seen[0], "{keys}");
    }
    drop(proxy);
    for (keys, setting, request, seen) in &cases {
        let after = mesh(&with(MESH, keys));
        let plan = plan_of(&before, &after);
        let policy = of_client(&plan).unwrap_or_else(|| panic!("{keys}: {:#?}", plan.traffic));
        assert_eq!(settings(policy), [*setting]);
        assert!(policy.witness.url.ends_with("/b"), "{:?}", policy.witness);
        let causes: Vec<String> = policy.caused_by.iter().map(ToString::to_string).collect();
        assert_eq!(causes, ["virtual_node/a"]);
        let proxy = client(&after);
        assert_eq!(status(at(9, 1), request), seen[1], "{keys}");
        drop(proxy);
    }
}

#[test]
fn what_changes_nothing_at_the_caller_is_no_change_there() {
    let plain = |text: &str| unchecked(&text.replace("127.B.", "127.90."));
    let proxied = MESH.replace("proxy = false\n", "");
    // Each server's own proxy decides how many headers it takes.
    let plan = plan_of(&plain(&proxied), &plain(&with(&proxied, "max_headers = 200")));
    assert!(of_client(&plan).is_none(), "{:#?}", plan.traffic);
    let own = |plan: &Plan| plan.traffic.policies.iter().map(|own| own.classes).collect::<Vec<_>>();
    assert_eq!(own(&plan), [1], "{:#?}", plan.traffic);
    // HTTP/1.0 ends at the caller's proxy: the server's does not see it.
    let plan = plan_of(&plain(&proxied), &plain(&with(&proxied, "accept_http_10 = true")));
    let policy = of_client(&plan).unwrap();
    assert_eq!(policy.classes, 2, "{:#?}", plan.traffic);
    // The other node accepts it too, before and after.
    let both = with(&proxied, "accept_http_10 = true").replace(
        "static = [\"127.B.1.2\"] }\nlisteners = [{ ",
        "static = [\"127.B.1.2\"] }\nlisteners = [{ http = { accept_http_10 = true }, ",
    );
    let one = both.replace(", http = { accept_http_10 = true }", "");
    assert_ne!(one, both);
    let plan = plan_of(&plain(&both), &plain(&one));
    assert!(of_client(&plan).is_none(), "{:#?}", plan.traffic);
    assert_eq!(own(&plan), [1], "{:#?}", plan.traffic);
    // Nor is a key the same in another form one.
    let plan = plan_of(
        &plain(&with(&proxied, "ignore_upgrades = [\"foo\", \"bar\"]")),
        &plain(&with(&proxied, "ignore_upgrades = [\"bar\", \"foo\"]")),
    );
    assert!(of_client(&plan).is_none(), "{:#?}", plan.traffic);
}

/// A gateway and a caller with redirect capture, before three services, of which two are on one port.
const SHARED: &str = r#"
[mesh]
name = "shared"

[virtual_gateway.edge]
listeners = [{ port = 80, protocol = "http" }]

[[virtual_gateway.edge.routes]]
name = "all"
match = { prefix = "/" }
service = "two.internal"

[virtual_node.client]
backends = ["a.internal", "b.internal", "c.internal"]

[virtual_service."a.internal"]
node = "a"

[virtual_service."b.internal"]
node = "b"

[virtual_service."c.internal"]
node = "c"

[virtual_service."two.internal"]
router = "two"

[virtual_router.two]
listeners = [{ port = 8080, protocol = "http" }]

[[virtual_router.two.routes]]
name = "a"
match = { prefix = "/a" }
targets = [{ node = "a", weight = 1 }]

[[virtual_router.two.routes]]
name = "b"
match = { prefix = "/b" }
targets = [{ node = "b", weight = 1 }]

[virtual_node.a]
discovery = { dns = "a.example" }
listeners = [{ port = 8080, protocol = "http", http = { KEYS } }]

[virtual_node.b]
discovery = { dns = "b.example" }
listeners = [{ port = 8080, protocol = "http" }]

[virtual_node.c]
discovery = { dns = "c.example" }
listeners = [{ port = 8081, protocol = "http" }]
"#;

#[test]
fn every_service_on_a_captured_port_meets_what_a_node_behind_it_accepts() {
    let text = |keys: &str| SHARED.replace(", http = { KEYS }", keys);
    let before = unchecked(&text(""));
    let plan = plan_of(&before, &unchecked(&text(", http = { ignore_upgrades = [\"foo\"] }")));
    let policy = of_client(&plan).unwrap();
    let parts: Vec<&str> = policy.places.iter().filter_map(|own| own.part.as_deref()).collect();
    assert_eq!(
        parts,
        [
            "calls to service a.internal, port 8080",
            "calls to service b.internal, port 8080",
            "service two.internal, port 8080"
        ]
    );
    assert!(policy.witness.url.contains("b.internal"), "{:?}", policy.witness);
    // The gateway has one connection manager before both nodes of the service; what changes alike is
    // one.
    let edge = plan.traffic.policies.iter().find(|policy| {
        policy.places.iter().any(|place| place.address.to_string() == "virtual_gateway/edge")
    });
    let edge = edge.unwrap_or_else(|| panic!("{:#?}", plan.traffic));
    assert_eq!(edge.classes, 4, "{edge:#?}");
    let causes: Vec<String> = edge.caused_by.iter().map(ToString::to_string).collect();
    assert_eq!(causes, ["virtual_node/a"]);
    // Only requests for the name meet what those without a host become.
    let keys = ", http = { accept_http_10 = true, default_hostname = \"a.internal\" }";
    let plan = plan_of(&before, &unchecked(&text(keys)));
    let met = |setting: &str| {
        let all = plan
            .traffic
            .policies
            .iter()
            .filter(|policy| policy.settings.iter().any(|own| own.name == setting));
        let places = all.flat_map(|policy| &policy.places);
        places.filter_map(|place| place.part.clone()).collect::<Vec<_>>()
    };
    let own = "calls to service a.internal, port 8080".to_owned();
    let other = "calls to service b.internal, port 8080".to_owned();
    assert!(met("http.default_hostname").contains(&own));
    assert!(!met("http.default_hostname").contains(&other));
    assert!(met("http.accept_http_10").contains(&other));
    // A backend that comes or goes takes its node's keys with it.
    let before = unchecked(&text(", http = { accept_http_10 = true }"));
    let text = text(", http = { accept_http_10 = true }").replace("\"a.internal\", \"b", "\"b");
    let plan = plan_of(&before, &unchecked(&text));
    let policy = of_client(&plan).unwrap();
    assert_eq!(settings(policy), ["http.accept_http_10 true -> false"]);
    let causes: Vec<String> = policy.caused_by.iter().map(ToString::to_string).collect();
    assert_eq!(causes, ["virtual_node/client"]);
    assert!(policy.witness.url.contains("b.internal"), "{:?}", policy.witness);
}
