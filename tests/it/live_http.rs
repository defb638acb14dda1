//! The `http` keys of listeners: HTTP/1.0, limits and case of headers, upgrades, from the client to
//! the application and back, through a gateway and through the caller's own proxy.

use crate::support::mesh::{Block, Live};
use crate::support::proxies::{Proxy, await_door, start};
use meshctl::load;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

const MESH: &str = r#"
[mesh]
name = "http"
capture = "explicit"

[virtual_node.web]
discovery = { static = ["127.B.1.1"] }
listeners = [{ port = 8080, protocol = "http", address = "127.B.1.1", app = "127.B.1.2:18080", NODE }]

[virtual_service."web.internal"]
node = "web"

[virtual_node.client]
backends = [{ service = "web.internal", bind = "127.B.2.1:8080" }]
CLIENT

[virtual_gateway.edge]
listeners = [{ port = 8080, protocol = "http", address = "127.B.0.1", GATEWAY }]

[[virtual_gateway.edge.routes]]
name = "all"
match = { prefix = "/" }
service = "web.internal"
"#;

/// An answer as it came over the wire.
#[derive(Debug)]
struct Raw {
    status: u16,
    head: String,
    /// The head of the request as the application got it.
    seen: String,
}

fn head(reader: &mut impl BufRead) -> Option<String> {
    let mut text = String::new();
    while !text.ends_with("\r\n\r\n") {
        if reader.read_line(&mut text).ok()? == 0 {
            return None;
        }
    }
    Some(text)
}

/// The value of a header in a head, whatever its case.
fn value<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let line =
        |line: &'a str| line.split_once(": ").filter(|(own, _)| own.eq_ignore_ascii_case(name));
    head.lines().find_map(line).map(|(_, value)| value)
}

/// An application that answers with the head of the request, as many headers as `x-count` asks for
/// and so many bytes of them as `x-size` does. It lives as long as the process.
fn application(at: SocketAddr) {
    let listener = TcpListener::bind(at).unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                while let Some(seen) = head(&mut reader) {
                    let number = |name| value(&seen, name).and_then(|n| n.parse::<usize>().ok());
                    let mut answer = format!(
                        "HTTP/1.1 200 OK\r\nX-CamelCase: 1\r\nContent-Length: {}\r\n",
                        seen.len()
                    );
                    for n in 0..number("x-count").unwrap_or(0) {
                        answer.push_str(&format!("x-{n}: 1\r\n"));
                    }
                    if let Some(size) = number("x-size") {
                        answer.push_str(&format!("x-large: {}\r\n", "a".repeat(size)));
                    }
                    answer.push_str("\r\n");
                    answer.push_str(&seen);
                    if stream.write_all(answer.as_bytes()).is_err() {
                        break;
                    }
                }
            });
        }
    });
}

struct World {
    block: &'static Block,
    _proxies: Vec<Proxy>,
}

impl World {
    fn new(node: &str, client: &str, gateway: &str) -> Self {
        // The application stays at its address.
        let block = &*Box::leak(Box::new(Block::take()));
        let text = MESH
            .replace("127.B.", &format!("127.{}.", block.second()))
            .replace(", NODE", node)
            .replace("CLIENT", client)
            .replace(", GATEWAY", gateway);
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("meshctl.toml"), "").unwrap();
        std::fs::write(folder.path().join("mesh.toml"), text).unwrap();
        let now = 1_767_225_600; // 2026-01-01
        let dir = folder.path().to_path_buf();
        let loaded = load::load(&load::Options { dir, env: None, extra: None, now }).unwrap();
        assert!(!loaded.diagnostics.has_errors(), "{:#?}", loaded.diagnostics);
        let mesh = loaded.mesh;
        let names = ["virtual_node/web", "virtual_node/client", "virtual_gateway/edge"];
        let proxies: Vec<Proxy> = names.iter().map(|name| start(&mesh, name)).collect();
        let world = Self { block, _proxies: proxies };
        application(([127, block.second(), 1, 2], 18_080).into());
        for (third, last) in [(1, 1), (2, 1), (0, 1)] {
            await_door(&world._proxies, world.at(third, last));
        }
        world
    }

    fn at(&self, third: u8, last: u8) -> SocketAddr {
        ([127, self.block.second(), third, last], 8080).into()
    }

    /// The ways to the application: through the gateway, and through the caller's own proxy.
    fn doors(&self) -> [SocketAddr; 2] {
        [self.at(0, 1), self.at(2, 1)]
    }
}

/// Sends a head as it is.
#[track_caller]
fn send(to: SocketAddr, request: &str) -> Raw {
    let mut stream = TcpStream::connect(to).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut reader = BufReader::new(stream);
    let head = head(&mut reader).unwrap_or_else(|| panic!("{to} gave no answer"));
    let status = head.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or_default();
    let length = value(&head, "content-length").and_then(|n| n.parse().ok()).unwrap_or(0);
    let mut seen = vec![0; length];
    reader.read_exact(&mut seen).unwrap();
    Raw { status, head, seen: String::from_utf8(seen).unwrap() }
}

/// A request with these headers.
fn get(headers: &str) -> String {
    format!("GET / HTTP/1.1\r\nHost: web.internal\r\n{headers}\r\n")
}

fn many(count: usize) -> String {
    (0..count).map(|n| format!("x-{n}: 1\r\n")).collect()
}

fn large(kib: usize) -> String {
    (0..kib).map(|n| format!("x-{n}: {}\r\n", "a".repeat(1010))).collect::<String>()
}

/// One header of so many KiB.
fn long(kib: usize) -> String {
    format!("x-long: {}\r\n", "a".repeat(kib * 1024))
}

#[test]
fn without_keys_envoys_limits_hold_and_tls_upgrades_are_ignored() {
    let world = World::new("", "", "");
    for door in world.doors() {
        let status = |request: &str| send(door, request).status;
        assert_eq!(status(&get("")), 200);
        assert_eq!(status("GET / HTTP/1.0\r\nHost: web.internal\r\n\r\n"), 426);
        assert_eq!(status(&get(&many(110))), 431);
        assert_eq!(status(&get(&long(70))), 431);
        // The application's response has too many headers, or too long ones.
        assert_eq!(status(&get("x-count: 120\r\n")), 502);
        assert_eq!(status(&get("x-size: 90000\r\n")), 502);
        let offer = "Connection: Upgrade\r\nUpgrade: TLS/1.2\r\n";
        let answer = send(door, &get(offer));
        assert_eq!(answer.status, 200, "{door}");
        assert_eq!(value(&answer.seen, "upgrade"), None);
        assert_eq!(status(&get("Connection: Upgrade\r\nUpgrade: tls/1.0\r\n")), 200);
        // Each name in the list is looked at by itself.
        assert_eq!(status(&get("Connection: Upgrade\r\nUpgrade: TLS/1.2, foo\r\n")), 403);
        assert_eq!(status(&get("Connection: Upgrade\r\nUpgrade: foo\r\n")), 403);
        let answer = send(door, &get("X-MixedCase: 1\r\n"));
        assert!(answer.seen.contains("x-mixedcase: 1"), "{}", answer.seen);
        assert!(answer.head.contains("x-camelcase: 1"), "{}", answer.head);
    }
}

const KEYS: &str = r#", http = { accept_http_10 = true, default_hostname = "web.internal",
    max_headers = 200, max_header_size = "96KiB", header_case = "preserve", ignore_upgrades = ["foo"] }"#;

#[test]
fn keys_hold_at_every_hop_and_beyond_them_requests_are_rejected() {
    let keys = KEYS.replace('\n', "");
    let world = World::new(&keys, "", &keys);
    for door in world.doors() {
        let status = |request: &str| send(door, request).status;
        assert_eq!(status("GET / HTTP/1.0\r\nHost: web.internal\r\n\r\n"), 200);
        let answer = send(door, "GET / HTTP/1.0\r\n\r\n");
        assert_eq!(answer.status, 200);
        assert_eq!(value(&answer.seen, "host"), Some("web.internal"));
        assert_eq!(status(&get(&many(150))), 200);
        assert_eq!(status(&get(&many(210))), 431);
        assert_eq!(status(&get(&long(70))), 200);
        assert_eq!(status(&get(&large(80))), 200);
        assert_eq!(status(&get(&long(100))), 431);
        assert_eq!(status(&get("x-count: 150\r\n")), 200);
        assert_eq!(status(&get("x-count: 210\r\n")), 502);
        assert_eq!(status(&get("x-size: 90000\r\n")), 200);
        assert_eq!(status(&get("x-size: 110000\r\n")), 502);
        assert_eq!(status(&get("Connection: Upgrade\r\nUpgrade: Foo/2\r\n")), 200);
        assert_eq!(status(&get("Connection: Upgrade\r\nUpgrade: bar\r\n")), 403);
        let answer = send(door, &get("X-MixedCase: 1\r\n"));
        assert!(answer.seen.contains("X-MixedCase: 1"), "{}", answer.seen);
        assert!(answer.head.contains("X-CamelCase: 1"), "{}", answer.head);
    }
    // A list of one's own is the whole list.
    let tls = get("Connection: Upgrade\r\nUpgrade: TLS/1.2\r\n");
    assert_eq!(send(world.at(0, 1), &tls).status, 403);
}

#[test]
fn callers_follow_the_node_and_a_gateway_has_its_own_keys() {
    let keys = KEYS.replace('\n', "");
    let world = World::new(&keys, "", "");
    let [gateway, client] = world.doors();
    let requests =
        ["GET / HTTP/1.0\r\nHost: web.internal\r\n\r\n", &get(&many(150)), &get(&long(70))];
    let rejected = [426, 431, 431];
    for (request, status) in requests.iter().zip(rejected) {
        assert_eq!(send(client, request).status, 200);
        assert_eq!(send(gateway, request).status, status);
    }
    // What `check` reports (MC0531): the gateway accepts it, and the target does not.
    let world = World::new("", "", &keys);
    let [gateway, client] = world.doors();
    for request in &requests[1..] {
        assert_eq!(send(gateway, request).status, 431);
        assert_eq!(send(client, request).status, 431);
    }
}

#[test]
fn http_10_without_a_host_is_400_unless_there_is_a_default() {
    let keys = ", http = { accept_http_10 = true }";
    let world = World::new(keys, "", keys);
    for door in world.doors() {
        assert_eq!(send(door, "GET / HTTP/1.0\r\nHost: web.internal\r\n\r\n").status, 200);
        assert_eq!(send(door, "GET / HTTP/1.0\r\n\r\n").status, 400, "{door}");
    }
}

#[test]
fn raw_fields_reach_each_connection_manager() {
    let named = |name: &str| format!(", patch = {{ http = {{ server_name = \"{name}\" }} }}");
    let gateway = r#", patch = { http = { server_header_transformation = "PASS_THROUGH" },
        inner_http = { server_name = "inner" } }"#;
    let world = World::new(
        &named("inbound"),
        "patch = { http = { server_name = \"outbound\" } }",
        &gateway.replace('\n', ""),
    );
    let server = |at| send(at, &get("")).head;
    assert_eq!(value(&server(world.at(1, 1)), "server"), Some("inbound"));
    assert_eq!(value(&server(world.at(2, 1)), "server"), Some("outbound"));
    assert_eq!(value(&server(world.at(0, 1)), "server"), Some("inner"));
}

const HTTP2: &str = r#"
[mesh]
name = "http2"

[virtual_node.web]
discovery = { dns = "web-1.internal" }
listeners = [{ port = 8080, protocol = "PROTOCOL", KEYS }]

[virtual_service."web.internal"]
node = "web"

[virtual_node.client]
backends = ["web.internal"]

[virtual_gateway.edge]
listeners = [{ port = 8080, protocol = "PROTOCOL", KEYS }]

[[virtual_gateway.edge.routes]]
name = "all"
match = { prefix = "/" }
service = "web.internal"
"#;

#[test]
fn limits_hold_over_http2() {
    let names: Vec<String> = (0..150).map(|n| format!("x-{n}")).collect();
    let many: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "1")).collect();
    let value = "a".repeat(10 * 1024);
    let long = [("x-long", value.as_str())];
    for (keys, headers, served) in [
        ("", many.as_slice(), false),
        (", http = { max_headers = 200 }", &many, true),
        ("", &long, true),
        (", http = { max_header_size = \"8KiB\" }", &long, false),
    ] {
        let live = Live::mesh(&HTTP2.replace("PROTOCOL", "http2").replace(", KEYS", keys));
        for from in ["virtual_gateway/edge", "virtual_node/client"] {
            let request = live.request(from, "GET", "http://web.internal/", headers);
            // Beyond a limit the stream is reset, or answered with 431.
            let status = live.wait(request.answer()).map(|answer| answer.status);
            let ok = status.as_ref().is_ok_and(|status| *status == 200);
            assert_eq!(ok, served, "{from} {keys}: {status:?}");
        }
    }
}

const TWO_DOORS: &str = r#"
[mesh]
name = "doors"

[virtual_node.web]
discovery = { dns = "web-1.internal" }
listeners = [{ port = 8080, protocol = "http" }]

[virtual_service."web.internal"]
node = "web"

[virtual_gateway.edge]
listeners = [{ port = 8080, protocol = "http" }, { port = 8081, protocol = "http", PATCH }]

[[virtual_gateway.edge.routes]]
name = "first"
match = { prefix = "/", port = 8080 }
service = "web.internal"

[[virtual_gateway.edge.routes]]
name = "second"
match = { prefix = "/", port = 8081 }
service = "web.internal"
"#;

#[test]
fn a_patch_of_the_second_hop_holds_for_every_listener_that_leads_there() {
    let patch =
        ", patch = { inner_http = { path_with_escaped_slashes_action = \"REJECT_REQUEST\" } }";
    for (patch, status) in [("", 200), (patch, 400)] {
        let live = Live::mesh(&TWO_DOORS.replace(", PATCH", patch));
        for port in [8080, 8081] {
            let url = format!("http://web.internal:{port}/a%2Fb");
            let answer = live.get("virtual_gateway/edge", &url);
            assert_eq!(answer.status(), status, "port {port} {patch}");
        }
    }
}
