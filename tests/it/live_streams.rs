//! What a proxy does with the streams and names of its host: access logs on stdout and stderr that
//! are sockets, as under systemd, and names with addresses of both families.

use crate::support::mesh::Block;
use crate::support::proxies::{Proxy, await_door, start, start_with};
use meshctl::load;
use meshctl::model::Mesh;
use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::Stdio;
use std::time::Duration;

fn mesh(text: &str) -> Mesh {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("meshctl.toml"), "").unwrap();
    std::fs::write(folder.path().join("mesh.toml"), text).unwrap();
    let now = 1_767_225_600; // 2026-01-01
    let dir = folder.path().to_path_buf();
    let loaded = load::load(&load::Options { dir, env: None, extra: None, now }).unwrap();
    assert!(!loaded.diagnostics.has_errors(), "{:#?}", loaded.diagnostics);
    loaded.mesh
}

/// The status of a GET.
fn get(to: SocketAddr, path: &str) -> u16 {
    let mut stream = TcpStream::connect(to).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: web.internal\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default()
}

/// An application that answers everything with 200; it lives as long as the process.
fn application(at: SocketAddr) {
    let listener = TcpListener::bind(at).unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut line = String::new();
            while line != "\r\n" {
                line.clear();
                if reader.read_line(&mut line).unwrap_or(0) == 0 {
                    break;
                }
            }
            let _ = stream
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        }
    });
}

/// Reads lines until one has a text; fails after the timeout of the socket.
#[track_caller]
fn line_with(from: &UnixStream, text: &str) -> String {
    from.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let mut reader = BufReader::new(from);
    loop {
        let mut line = String::new();
        assert!(reader.read_line(&mut line).unwrap() > 0, "no line has {text}");
        if line.contains(text) {
            return line;
        }
    }
}

#[test]
fn logs_on_stdout_and_stderr_work_where_these_are_sockets() {
    // The application stays at its address.
    let block = Box::leak(Box::new(Block::take()));
    let at = |third: u8, last: u8| SocketAddr::from(([127, block.second(), third, last], 8080));
    let text = r#"
[mesh]
name = "logs"
capture = "explicit"

[virtual_node.web]
discovery = { static = ["127.B.1.1"] }
listeners = [{ port = 8080, protocol = "http", address = "127.B.1.1", app = "127.B.1.2:18080" }]
access_log = { path = "/dev/stderr", format = { json = { node = "web", path = "%REQ(:path)%" } } }

[virtual_service."web.internal"]
node = "web"

[virtual_gateway.edge]
listeners = [{ port = 8080, protocol = "http", address = "127.B.0.1" }]
access_log = { path = "/dev/stdout", format = { text = "edge %REQ(:path)% %RESPONSE_CODE%" } }

[[virtual_gateway.edge.routes]]
name = "all"
match = { prefix = "/" }
rewrite = { prefix = false }
service = "web.internal"
"#;
    let mesh = mesh(&text.replace("127.B.", &format!("127.{}.", block.second())));
    application(([127, block.second(), 1, 2], 18_080).into());
    let (edge_log, edge_out) = UnixStream::pair().unwrap();
    let (web_log, web_err) = UnixStream::pair().unwrap();
    let nothing = || Stdio::from(OpenOptions::new().write(true).open("/dev/null").unwrap());
    let socket = |stream: UnixStream| Stdio::from(OwnedFd::from(stream));
    let proxies: [Proxy; 2] = [
        start_with(&mesh, "virtual_gateway/edge", Some([socket(edge_out), nothing()])),
        start_with(&mesh, "virtual_node/web", Some([nothing(), socket(web_err)])),
    ];
    await_door(&proxies, at(0, 1));
    await_door(&proxies, at(1, 1));
    assert_eq!(get(at(0, 1), "/logged"), 200);
    assert_eq!(line_with(&edge_log, "/logged"), "edge /logged 200\n");
    let line = line_with(&web_log, "/logged");
    assert!(line.contains("\"node\":\"web\""), "{line}");
}

/// `localhost` has an address of each family; the server listens at the IPv4 address alone, as on a
/// host without IPv6.
#[test]
fn a_name_of_both_families_is_reached_by_the_one_that_works() {
    let block = Block::take();
    let text = |response: &str, preference: &str| {
        format!(
            r#"
[mesh]
name = "families"
capture = "explicit"

[virtual_node.web]
discovery = {{ dns = {{ hostname = "localhost", response_type = "{response}"{preference} }} }}
listeners = [{{ port = 28480, protocol = "http", app = "127.0.0.1:28481" }}]

[virtual_service."web.internal"]
node = "web"

[virtual_node.client]
backends = [{{ service = "web.internal", bind = "127.{}.2.1:8080" }}]
"#,
            block.second()
        )
    };
    application(([127, 0, 0, 1], 28480).into());
    let door = SocketAddr::from(([127, block.second(), 2, 1], 8080));
    let mut statuses = Vec::new();
    for (response, preference) in [
        ("loadbalancer", ""),
        ("endpoints", ""),
        ("endpoints", ", ip_preference = \"ipv4-preferred\""),
    ] {
        let proxies = [start(&mesh(&text(response, preference)), "virtual_node/client")];
        await_door(&proxies, door);
        statuses.push(get(door, "/"));
    }
    // The second is App Mesh's default, which `check` reports (MC0711).
    assert_eq!(statuses, [200, 503, 200]);
}
