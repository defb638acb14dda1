//! What a plan reports of settings that change, against live Envoys: one case of each kind, in
//! which the same requests are timed or counted before and after.

use crate::plan_policy::unchecked;
use crate::support::authority;
use crate::support::mesh::Block;
use crate::support::proxies::{Proxy, await_door, opened, start};
use crate::traffic::mesh;
use meshctl::envoy::Settings;
use meshctl::model::Mesh;
use meshctl::plan::{Traffic, compare};
use meshctl::revision::Live;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

/// A caller and a gateway before a node with a proxy, and an application that the test runs.
const MESH: &str = r#"
[mesh]
name = "policy"
capture = "explicit"

[virtual_gateway.edge]
listeners = [{ port = 8090, protocol = "http", address = "127.B.9.1" }]

[[virtual_gateway.edge.routes]]
name = "all"
match = { prefix = "/" }
service = "s.internal"

[virtual_node.client]
backends = [{ service = "s.internal", bind = "127.B.9.1:8080" }]

[virtual_node.client.backend_defaults.client_policy.tls]
validation = { trust = { file = "CERTS/authority.pem" } }
enforce = false

[virtual_service."s.internal"]
router = "r"

[virtual_router.r]
listeners = [{ port = 8080, protocol = "http" }]

[[virtual_router.r.routes]]
name = "all"
match = { prefix = "/" }
targets = { n = 1 }
timeout = { request = "20s" }
retry = { on = ["server-error"], max_retries = 0 }

[virtual_node.n]
discovery = { static = ["127.B.1.1"] }

[[virtual_node.n.listeners]]
port = 8080
protocol = "http"
address = "127.B.1.1"
app = "127.B.2.1:18080"
timeout = { request = "20s" }
tls = { mode = "strict", certificate = { file = { chain = "CERTS/n.pem", key = "CERTS/n.key" } } }
"#;

/// Answers slowly or badly where the request asks for it, and counts requests.
fn application(at: SocketAddr, count: &Arc<AtomicU32>) {
    let listener = TcpListener::bind(at).unwrap();
    let count = Arc::clone(count);
    // It lives as long as the process; its addresses are nobody else's.
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let count = Arc::clone(&count);
            thread::spawn(move || {
                let mut writer = stream.try_clone().ok()?;
                let mut reader = BufReader::new(stream);
                while let Some(head) = head(&mut reader) {
                    count.fetch_add(1, Ordering::SeqCst);
                    let find = |name: &str| {
                        let mut lines = head.iter();
                        lines.find_map(|line| line.strip_prefix(&format!("{name}: ")))
                    };
                    let delay = find("x-delay-ms").and_then(|ms| ms.parse().ok());
                    thread::sleep(Duration::from_millis(delay.unwrap_or(0)));
                    let status = find("x-status").unwrap_or("200");
                    let answer = format!("HTTP/1.1 {status} As Asked\r\ncontent-length: 0\r\n\r\n");
                    writer.write_all(answer.as_bytes()).ok()?;
                }
                Some(())
            });
        }
    });
}

/// The lines of a message's head, lower-case; `None` at the end.
fn head(reader: &mut impl BufRead) -> Option<Vec<String>> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim_end().to_ascii_lowercase();
        if line.is_empty() {
            return Some(lines);
        }
        lines.push(line);
    }
}

/// The status of a GET, or that there is no answer.
fn get(to: SocketAddr, headers: &str) -> String {
    let ask = || -> Option<String> {
        let mut stream = TcpStream::connect(to).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(30))).ok()?;
        let text =
            format!("GET / HTTP/1.1\r\nhost: s.internal\r\nconnection: close\r\n{headers}\r\n");
        stream.write_all(text.as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        answer.split(' ').nth(1).map(str::to_owned)
    };
    ask().unwrap_or_else(|| "no answer".to_owned())
}

/// Where requests are sent, and what counts them.
struct World {
    client: SocketAddr,
    gateway: SocketAddr,
    server: SocketAddr,
    count: Arc<AtomicU32>,
}

impl World {
    fn call(&self, headers: &str) -> String {
        get(self.client, headers)
    }

    /// How often the application is asked for one request.
    fn tries(&self, headers: &str) -> String {
        self.tries_at(self.client, headers)
    }

    fn tries_at(&self, to: SocketAddr, headers: &str) -> String {
        self.count.store(0, Ordering::SeqCst);
        let status = get(to, headers);
        format!("{status} after {}", self.count.load(Ordering::SeqCst))
    }

    /// The answers to several requests at once, in order of their statuses.
    fn at_once(&self, times: usize) -> String {
        let to = self.client;
        let threads: Vec<_> =
            (0..times).map(|_| thread::spawn(move || get(to, "x-delay-ms: 700\r\n"))).collect();
        let mut all: Vec<String> =
            threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        all.sort();
        all.dedup();
        all.join(" ")
    }
}

/// A setting, what becomes of the text, the setting's name in the plan, what is sent, and what is
/// seen before and after.
struct Case {
    name: &'static str,
    edit: (&'static str, &'static str),
    setting: &'static str,
    send: fn(&World) -> String,
    seen: [&'static str; 2],
}

const CASES: &[Case] = &[
    Case {
        name: "the route's timeout",
        edit: (
            "targets = { n = 1 }\ntimeout = { request = \"20s\" }",
            "targets = { n = 1 }\ntimeout = { request = \"100ms\" }",
        ),
        setting: "timeout.request",
        send: |world| world.call("x-delay-ms: 1000\r\n"),
        seen: ["200", "504"],
    },
    Case {
        name: "the listener's timeout",
        edit: (
            "app = \"127.B.2.1:18080\"\ntimeout = { request = \"20s\" }",
            "app = \"127.B.2.1:18080\"\ntimeout = { request = \"100ms\" }",
        ),
        setting: "timeout.request",
        send: |world| world.call("x-delay-ms: 1000\r\n"),
        seen: ["200", "504"],
    },
    Case {
        name: "retries",
        edit: ("max_retries = 0", "max_retries = 2"),
        setting: "retry.max_retries",
        send: |world| world.tries("x-status: 500\r\n"),
        seen: ["500 after 1", "500 after 3"],
    },
    Case {
        name: "the timeout of each try",
        edit: ("max_retries = 0", "max_retries = 1, per_retry_timeout = \"100ms\""),
        setting: "retry.per_retry_timeout",
        send: |world| world.tries("x-delay-ms: 1000\r\n"),
        seen: ["200 after 1", "504 after 2"],
    },
    Case {
        name: "the pool",
        edit: (
            "app = \"127.B.2.1:18080\"\n",
            "app = \"127.B.2.1:18080\"\nconnection_pool = { max_connections = 1, max_pending_requests = 1 }\n",
        ),
        setting: "connection_pool.max_connections",
        send: |world| world.at_once(6),
        seen: ["200", "200 503"],
    },
    Case {
        name: "discovery",
        edit: ("static = [\"127.B.1.1\"]", "static = [\"127.B.1.9\"]"),
        setting: "discovery.static",
        send: |world| world.call(""),
        seen: ["200", "503"],
    },
    Case {
        name: "the application's address",
        edit: ("app = \"127.B.2.1:18080\"", "app = \"127.B.2.2:18080\""),
        setting: "app",
        send: |world| world.call(""),
        seen: ["200", "503"],
    },
    Case {
        name: "strict TLS becomes permissive",
        edit: ("mode = \"strict\"", "mode = \"permissive\""),
        setting: "tls.mode",
        send: |world| get(world.server, ""),
        seen: ["no answer", "200"],
    },
    Case {
        name: "the client trusts another authority",
        edit: ("CERTS/authority.pem", "CERTS/other.pem"),
        setting: "client_policy.tls.validation.trust",
        send: |world| world.call(""),
        seen: ["200", "503"],
    },
    Case {
        name: "the client expects another name",
        edit: (
            "trust = { file = \"CERTS/authority.pem\" }",
            "trust = { file = \"CERTS/authority.pem\" }, subject_alternative_names = [\"other\"]",
        ),
        setting: "client_policy.tls.validation.subject_alternative_names",
        send: |world| world.call(""),
        seen: ["200", "503"],
    },
    Case {
        name: "the server asks for a client certificate",
        edit: (
            "key = \"CERTS/n.key\" } }",
            "key = \"CERTS/n.key\" } }, validation = { trust = { file = \"CERTS/authority.pem\" } }",
        ),
        setting: "tls.validation.trust",
        send: |world| world.call(""),
        seen: ["200", "503"],
    },
    Case {
        name: "the gateway listens elsewhere",
        edit: ("port = 8090", "port = 8091"),
        setting: "lost",
        send: |world| get(world.gateway, ""),
        seen: ["200", "no answer"],
    },
    Case {
        name: "the bound address moves",
        edit: ("bind = \"127.B.9.1:8080\"", "bind = \"127.B.9.1:8085\""),
        setting: "lost",
        send: |world| world.call(""),
        seen: ["200", "no answer"],
    },
    Case {
        name: "the backend is given up",
        edit: (
            "backends = [{ service = \"s.internal\", bind = \"127.B.9.1:8080\" }]",
            "backends = []",
        ),
        setting: "lost",
        send: |world| world.call(""),
        seen: ["200", "no answer"],
    },
];

/// The proxies of a mesh, when all their doors are open.
fn running(mesh: &Mesh) -> Vec<Proxy> {
    let names = ["virtual_node/n", "virtual_node/client", "virtual_gateway/edge"];
    opened(mesh, names.iter().map(|name| start(mesh, name)).collect())
}

fn traffic(before: &Mesh, after: &Mesh) -> Traffic {
    let live = Live { revision: Some(1), mesh: before.clone(), ..Live::default() };
    compare(&live, after, None, &Settings::path("/root")).traffic
}

/// The addresses and the application of a mesh, and what makes its text of [`MESH`].
fn world() -> (World, impl Fn(&str) -> String) {
    // The applications stay at their addresses.
    let block = Box::leak(Box::new(Block::take()));
    let at = |third: u8, last: u8, port: u16| -> SocketAddr {
        ([127, block.second(), third, last], port).into()
    };
    let folder = tempfile::tempdir().unwrap();
    let (ip, always) = (at(1, 1, 1).ip(), "1975-01-01..4096-01-01");
    let made = format!("authority - - {always}\nother - - {always}\nn authority {ip} {always}");
    authority::make(&made, folder.path());
    let world = World {
        client: at(9, 1, 8080),
        gateway: at(9, 1, 8090),
        server: at(1, 1, 8080),
        count: Arc::default(),
    };
    application(at(2, 1, 18_080), &world.count);
    let text = move |text: &str| {
        let own = text.replace("127.B.", &format!("127.{}.", block.second()));
        own.replace("CERTS", &folder.path().display().to_string())
    };
    (world, text)
}

/// Headers by which a client steers an Envoy that believes it, what comes of them where no proxy
/// does, and where the second hop of a gateway does.
const STEERING: &[(&str, &str, &str)] = &[
    ("x-delay-ms: 400\r\nx-envoy-upstream-rq-timeout-ms: 100", "200 after 1", "504 after 1"),
    (
        "x-delay-ms: 400\r\nx-envoy-upstream-rq-per-try-timeout-ms: 100",
        "200 after 1",
        "504 after 1",
    ),
    (
        "x-status: 503\r\nx-envoy-retry-on: 5xx\r\nx-envoy-max-retries: 2",
        "503 after 1",
        "503 after 3",
    ),
    (
        "x-status: 418\r\nx-envoy-retry-on: retriable-status-codes\r\n\
         x-envoy-retriable-status-codes: 418\r\nx-envoy-max-retries: 2",
        "418 after 1",
        "418 after 3",
    ),
];

/// What clients say of their addresses.
const CLIENTS: [&str; 5] = [
    "",
    "x-forwarded-for: 10.0.0.1\r\n",
    "x-forwarded-for: 127.0.0.1\r\nx-envoy-internal: true\r\n",
    "x-forwarded-for: 192.168.1.1, 10.0.0.1\r\n",
    "x-forwarded-for: 255.255.255.255\r\n",
];

#[test]
fn no_client_steers_timeouts_and_retries_whatever_its_address() {
    let (world, text) = world();
    let door = r#"address = "127.B.9.1" }"#;
    // Clients of the test have such addresses.
    let internal = r#"{ internal_address_config =
        { cidr_ranges = [{ address_prefix = "127.0.0.0", prefix_len = 8 }] } }"#;
    let believes = format!(
        r#"address = "127.B.9.1", patch = {{ http = {internal}, inner_http = {internal} }} }}"#
    );
    assert_eq!(MESH.matches(door).count(), 1);
    let mut otherwise = Vec::new();
    for believed in [false, true] {
        let own = if believed { believes.replace('\n', "") } else { door.to_owned() };
        let mesh = mesh(&text(&MESH.replace(door, &own)));
        let proxies = running(&mesh);
        await_door(&proxies, world.server);
        for (steering, kept, steered) in STEERING {
            if believed {
                // The same headers do what they ask for where the mesh's own files let them.
                let found = world.tries_at(world.gateway, &format!("{steering}\r\n"));
                if found != *steered {
                    otherwise.push(format!("believed, {steering:?}: {found}"));
                }
                continue;
            }
            for from in CLIENTS {
                for to in [world.client, world.gateway] {
                    let headers = format!("{steering}\r\n{from}");
                    let found = world.tries_at(to, &headers);
                    if found != *kept {
                        otherwise.push(format!("{to} {headers:?}: {found}"));
                    }
                }
            }
        }
        drop(proxies);
    }
    assert!(otherwise.is_empty(), "{}", otherwise.join("\n"));
}

#[test]
fn a_setting_that_a_plan_names_changes_what_requests_meet() {
    let (world, text) = world();
    let before = mesh(&text(MESH));
    let mut otherwise = Vec::new();
    let proxies = running(&before);
    await_door(&proxies, world.server);
    for case in CASES {
        let found = (case.send)(&world);
        if found != case.seen[0] {
            otherwise.push(format!("{} before: {found}", case.name));
        }
    }
    drop(proxies);
    for case in CASES {
        let (from, to) = case.edit;
        assert_eq!(MESH.matches(from).count(), 1, "{}", case.name);
        let after = unchecked(&text(&MESH.replace(from, to)));
        let told = traffic(&before, &after);
        let settings = told.policies.iter().flat_map(|policy| &policy.settings);
        let named = settings.map(|own| own.name.as_str()).any(|name| name == case.setting);
        let lost = case.setting == "lost" && told.lost > 0;
        if !named && !lost {
            otherwise.push(format!("{}: the plan does not name it: {told:#?}", case.name));
        }
        let proxies = running(&after);
        await_door(&proxies, world.server);
        let found = (case.send)(&world);
        if found != case.seen[1] {
            otherwise.push(format!("{} after: {found}", case.name));
        }
        drop(proxies);
    }
    assert!(otherwise.is_empty(), "{}", otherwise.join("\n"));
}
