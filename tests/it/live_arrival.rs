//! What Envoy does before it tries a route, against the table of `traffic`: every standard header
//! name, once and twice, and every method, by both codecs; requests that Envoy rejects or changes.

use crate::support::mesh::Block;
use crate::support::proxies::{Proxy, opened, start};
use crate::support::wire::{application, send};
use crate::traffic::mesh as read;
use meshctl::model::Mesh;
use meshctl::traffic::headers::{Treatment, treatment};
use meshctl::traffic::{Codec, End, FieldValue, HTTP1_METHODS, Request, Source, Tracer};
use std::fmt::Write as _;
use std::mem::ManuallyDrop;
use std::net::SocketAddr;
use std::thread;

/// Registered names of headers, those that Envoy knows, and some of nobody.
const NAMES: &str = "accept accept-charset accept-datetime accept-encoding accept-language \
    accept-patch accept-ranges access-control-allow-origin access-control-request-headers \
    access-control-request-method age allow alt-svc authentication-info authorization b3 baggage \
    cache-control cdn-loop content-disposition content-encoding content-language content-location \
    content-range content-security-policy content-type cookie date depth destination dnt \
    early-data etag expires forwarded from grpc-accept-encoding grpc-encoding grpc-message \
    grpc-status grpc-timeout if if-match if-modified-since if-none-match if-range \
    if-unmodified-since keep-alive last-modified link location lock-token max-forwards negotiate \
    origin overwrite pragma prefer priority proxy-authenticate proxy-authorization \
    proxy-connection proxy-status range referer retry-after save-data sec-ch-ua sec-fetch-dest \
    sec-fetch-mode sec-gpc sec-websocket-extensions sec-websocket-key sec-websocket-protocol \
    sec-websocket-version server server-timing set-cookie soapaction strict-transport-security \
    timeout traceparent tracestate trailer upgrade-insecure-requests user-agent vary via \
    want-digest warning www-authenticate x-a x-amzn-trace-id x-api-key x-b3-traceid \
    x-client-trace-id x-cloud-trace-context x-content-type-options x-correlation-id x-csrf-token \
    x-forwarded-host x-forwarded-path x-forwarded-port x-forwarded-user x-frame-options \
    x-http-method-override x-ot-span-context x-real-ip x-requested-with";

const NODES: [&str; 5] = ["comma", "semicolon", "single", "there", "rest"];
pub(crate) const GATEWAY: u16 = 7_001;
pub(crate) const BOUND: u16 = 7_101;
/// A gateway that ignores no upgrade.
const STRICT: u16 = 7_002;

/// A gateway, and a node that calls the same service, whose routes say how they see a header.
fn mesh(block: u8) -> Mesh {
    let mut text = format!(
        "[mesh]\nname = \"arrival\"\ncapture = \"explicit\"\n\
         [virtual_gateway.edge]\nlisteners = [{{ port = {GATEWAY}, protocol = \"http\", \
         address = \"127.{block}.2.1\" }}]\n\
         [[virtual_gateway.edge.routes]]\nname = \"host\"\n\
         match = {{ hostname = \"shop.example\", prefix = \"/host\" }}\n\
         rewrite = {{ prefix = false, hostname = false }}\nservice = \"a.internal\"\n\
         [[virtual_gateway.edge.routes]]\nname = \"suffix\"\n\
         match = {{ hostname = {{ suffix = \".shop.example\" }}, prefix = \"/host\" }}\n\
         rewrite = {{ prefix = false, hostname = false }}\nservice = \"a.internal\"\n\
         [[virtual_gateway.edge.routes]]\nname = \"all\"\nmatch = {{ prefix = \"/r\" }}\n\
         rewrite = {{ prefix = false, hostname = false }}\nservice = \"a.internal\"\n\
         [virtual_gateway.strict]\nlisteners = [{{ port = {STRICT}, protocol = \"http\", \
         address = \"127.{block}.2.1\", http = {{ ignore_upgrades = [] }} }}]\n\
         [[virtual_gateway.strict.routes]]\nname = \"all\"\nmatch = {{ prefix = \"/r\" }}\n\
         rewrite = {{ prefix = false, hostname = false }}\nservice = \"a.internal\"\n\
         [virtual_node.client]\nbackends = [\
         {{ service = \"a.internal\", bind = \"127.{block}.2.1:{BOUND}\" }}]\n\
         [virtual_service.\"a.internal\"]\nrouter = \"a\"\n\
         [virtual_router.a]\nlisteners = [{{ port = 8080, protocol = \"http\" }}]\n"
    );
    for (at, node) in NODES.iter().enumerate() {
        let _ = write!(
            text,
            "[virtual_node.{node}]\nlisteners = [{{ port = 8000, protocol = \"http\", app = \"127.0.0.1:{}\" }}]\n\
             discovery = {{ static = [\"127.{block}.1.{}\"] }}\n",
            9_001 + at,
            at + 1
        );
    }
    let mut route = |name: &str, matches: &str, node: &str| {
        let _ = write!(
            text,
            "[[virtual_router.a.routes]]\nname = \"{name}\"\nmatch = {{ {matches} }}\n\
             targets = {{ {node} = 1 }}\n"
        );
    };
    for name in NAMES.split_whitespace() {
        let asks = [
            ("comma", r#""a,a""#),
            ("semicolon", r#""a; a""#),
            ("single", r#""a""#),
            ("there", "{ present = true }"),
        ];
        for (node, condition) in asks {
            let matches = format!("path = \"/r/{name}\", headers = {{ {name} = {condition} }}");
            route(&format!("{name}-{node}"), &matches, node);
        }
    }
    route("open", r#"path = "/r/cookie", headers = { cookie = { regex = "a; " } }"#, "comma");
    route("bytes", r#"path = "/r/bytes", headers = { x-q = "é" }"#, "single");
    route("tab", r#"path = "/r/bytes", headers = { x-q = "a	b" }"#, "comma");
    route(
        "byte",
        r#"path = "/r/bytes", headers = { x-q = { regex = "[^\\x00-\\x7f]" } }"#,
        "there",
    );
    route("query", r#"path = "/r/q", query_parameters = { q = "é" }"#, "single");
    route(
        "query-there",
        r#"path = "/r/q", query_parameters = { q = { present = true } }"#,
        "there",
    );
    route("x-a", r#"prefix = "/r/xa", headers = { x-a = { present = true } }"#, "there");
    route("all", r#"prefix = "/""#, "rest");
    read(&text)
}

pub(crate) struct World {
    mesh: Mesh,
    block: u8,
    _proxies: Vec<Proxy>,
}

impl World {
    pub(crate) fn new() -> Self {
        // The applications live as long as the process, so their addresses are nobody else's.
        let block = ManuallyDrop::new(Block::take()).second();
        for (at, node) in NODES.iter().enumerate() {
            application(SocketAddr::from(([127, block, 1, at as u8 + 1], 8000)), node);
        }
        let mesh = mesh(block);
        let called = ["virtual_gateway/edge", "virtual_gateway/strict", "virtual_node/client"];
        let proxies = opened(&mesh, called.map(|proxy| start(&mesh, proxy)).into());
        Self { mesh, block, _proxies: proxies }
    }

    /// What Envoy does with a request, and what `traffic` says of it.
    fn both(&self, tracer: &Tracer<'_>, port: u16, codec: Codec, request: &Request) -> [String; 2] {
        let mut request = request.clone();
        (request.port, request.explicit_port, request.codec) = (port, true, Some(codec));
        let source = match port {
            GATEWAY => "virtual_gateway/edge",
            STRICT => "virtual_gateway/strict",
            _ => "virtual_node/client",
        };
        let source = Source::named(&self.mesh, Some(source)).unwrap();
        let told = match tracer.follow(&source, &request).end {
            End::Targets { shares, host, path } => {
                format!("200 {} {host} {path}", shares[0].to.name)
            }
            End::Answer { status, .. } => status.to_string(),
            End::Closed { .. } => "closed".to_owned(),
            End::Unknown { why } => format!("unknown: {why}"),
            End::PassedOn => "passed on".to_owned(),
        };
        let to = SocketAddr::from(([127, self.block, 2, 1], port));
        [send(to, codec, &request), told]
    }

    /// The same of many requests. An HTTP/2 connection that Envoy closes stays open for a second, so
    /// many are sent at once.
    pub(crate) fn ends(&self, asked: &[(u16, Codec, Request)]) -> Vec<[String; 2]> {
        let send = |part: &[(u16, Codec, Request)]| -> Vec<[String; 2]> {
            let tracer = Tracer::new(&self.mesh);
            part.iter().map(|(port, codec, own)| self.both(&tracer, *port, *codec, own)).collect()
        };
        let send = &send;
        thread::scope(|scope| {
            let parts = asked.chunks(asked.len().div_ceil(48).max(1));
            let threads: Vec<_> = parts.map(|part| scope.spawn(move || send(part))).collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        })
    }
}

pub(crate) const CODECS: [Codec; 2] = [Codec::Http1, Codec::Http2];

pub(crate) fn get(path: &str, headers: &[(&str, &[u8])]) -> Request {
    let mut request = Request::new("GET", "http://a.internal/").unwrap();
    path.clone_into(&mut request.path);
    let own = headers.iter();
    request.headers =
        own.map(|(name, value)| ((*name).to_owned(), FieldValue::from(value.to_vec()))).collect();
    request
}

/// One test, so that the proxies start once.
#[test]
fn requests_arrive_as_the_table_says() {
    let world = World::new();
    let mut asked: Vec<(u16, Codec, Request)> = Vec::new();
    let mut compare = |port: u16, codec: Codec, request: &Request| {
        asked.push((port, codec, request.clone()));
    };
    let mut expected_nodes = Vec::new();
    for name in NAMES.split_whitespace() {
        let one = get(&format!("/r/{name}"), &[(name, b"a")]);
        let two = get(&format!("/r/{name}"), &[(name, b"a"), (name, b"a")]);
        let empty: [(&str, &[u8]); 3] = [(name, b""), (name, b""), (name, b"a")];
        let empty = |range: std::ops::Range<usize>| get(&format!("/r/{name}"), &empty[range]);
        let mut turned = empty(1..3);
        turned.headers.reverse();
        for codec in CODECS {
            for port in [GATEWAY, BOUND] {
                compare(port, codec, &one);
                for request in [empty(0..1), empty(0..2), empty(0..3), turned.clone()] {
                    compare(port, codec, &request);
                }
                compare(port, codec, &two);
                let expected = match (treatment(name), codec) {
                    (Treatment::Joined | Treatment::Referer, _) => "comma",
                    (Treatment::Cookie, Codec::Http2) => "semicolon",
                    (Treatment::AsSent | Treatment::Cookie, _) => "single",
                    (Treatment::Removed, Codec::Http1) => "rest",
                    (Treatment::Removed, Codec::Http2) => "closed",
                    (Treatment::Proxys, _) => continue,
                };
                expected_nodes.push((port, codec, two.clone(), expected));
            }
        }
    }
    let odd = ["M-SEARCH", "FOO", "get", "Get", "BREW", "M_SEARCH", "A!", "UPDATE", "PRI"];
    for method in HTTP1_METHODS.iter().chain(&odd).filter(|method| **method != "CONNECT") {
        for codec in CODECS {
            for port in [GATEWAY, BOUND] {
                let mut request = get("/r/m", &[]);
                (*method).clone_into(&mut request.method);
                if *method == "HEAD" {
                    // Its answer has no body that would tell the node.
                    continue;
                }
                compare(port, codec, &request);
            }
        }
    }
    for path in PATHS {
        for codec in CODECS {
            for port in [GATEWAY, BOUND] {
                compare(port, codec, &get(path, &[]));
            }
        }
    }
    let odd_hosts = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~ \t\u{7f}é".chars();
    let mut hosts: Vec<String> = odd_hosts.map(|c| format!("a{c}b")).collect();
    hosts.extend(HOSTS.iter().map(|host| (*host).to_owned()));
    for host in &hosts {
        for codec in CODECS {
            for path in ["/r/h", "/host"] {
                let mut request = get(path, &[]);
                host.clone_into(&mut request.authority);
                compare(GATEWAY, codec, &request);
            }
        }
    }
    for (path, headers) in FIELDS {
        for codec in CODECS {
            for port in [GATEWAY, BOUND] {
                compare(port, codec, &get(path, headers));
            }
        }
    }
    for values in COOKIES {
        let cookies: Vec<_> = values.iter().map(|value| ("cookie", value.as_bytes())).collect();
        for codec in CODECS {
            compare(BOUND, codec, &get("/r/cookie", &cookies));
            compare(GATEWAY, codec, &get("/r/cookie", &cookies));
        }
    }
    for value in REFERERS {
        for codec in CODECS {
            compare(BOUND, codec, &get("/r/referer", &[("referer", value.as_bytes())]));
        }
    }
    for (connections, upgrades) in UPGRADES {
        let named = |name: &'static str, values: &'static [&'static str]| {
            values.iter().map(move |value| (name, value.as_bytes()))
        };
        let headers: Vec<_> =
            named("connection", connections).chain(named("upgrade", upgrades)).collect();
        for port in [GATEWAY, STRICT, BOUND] {
            compare(port, Codec::Http1, &get("/r/u", &headers));
        }
    }
    let long = "a".repeat(70_000);
    for codec in CODECS {
        compare(BOUND, codec, &get(&format!("/r/{long}"), &[]));
        compare(BOUND, codec, &get("/r", &[("x-a", long.as_bytes())]));
        for count in [70, 120] {
            let names: Vec<String> = (0..count).map(|at| format!("x-{at}")).collect();
            let headers: Vec<(&str, &[u8])> =
                names.iter().map(|name| (name.as_str(), b"a".as_slice())).collect();
            compare(BOUND, codec, &get("/r", &headers));
        }
        compare(BOUND, codec, &get("/r", &vec![("accept", b"a".as_slice()); 120]));
    }
    // What is wrong besides is found before the headers are counted, or after.
    let names: Vec<String> = (0..120).map(|at| format!("x-{at}")).collect();
    let many = |own: &[(&'static str, &'static [u8])], path: &str| {
        let mut request = get(path, own);
        let more = names.iter().map(|name| (name.clone(), FieldValue::from(b"a".to_vec())));
        request.headers.extend(more);
        request
    };
    for (path, headers) in FIELDS {
        compare(BOUND, Codec::Http1, &many(headers, path));
    }
    for path in PATHS.iter().chain(&["", "a", "*", "/a#b", "/a b"]) {
        compare(BOUND, Codec::Http1, &many(&[], path));
    }
    for name in [":path", ":x"] {
        compare(BOUND, Codec::Http1, &many(&[(name, b"/x")], "/r"));
        compare(BOUND, Codec::Http1, &get("/r", &[(name, b"/x"), ("x-a", long.as_bytes())]));
    }
    let mut star = get("*", &[]);
    compare(BOUND, Codec::Http1, &star);
    compare(BOUND, Codec::Http2, &star);
    "OPTIONS".clone_into(&mut star.method);
    compare(BOUND, Codec::Http1, &star);
    compare(BOUND, Codec::Http2, &star);
    let mut wrong = String::new();
    for ((port, codec, request), [envoy, told]) in asked.iter().zip(world.ends(&asked)) {
        if envoy != told {
            let _ =
                writeln!(wrong, "{port} {codec:?} {request:?}\n  Envoy {envoy}\n  told  {told}");
        }
        let node = envoy.split(' ').nth(1).unwrap_or("closed");
        let own =
            expected_nodes.iter().find(|own| (own.0, own.1, &own.2) == (*port, *codec, request));
        if let Some((.., expected)) = own {
            assert_eq!(node, *expected, "{request:?} by {codec:?} to {port}");
        }
    }
    assert!(asked.len() > 1_000, "{}", asked.len());
    assert!(wrong.is_empty(), "{wrong}");
    println!("{} requests", asked.len());
}

/// Paths as they are sent.
const PATHS: &[&str] = &[
    "/r/..;/r/x",
    "/r/%2e%2e;/x",
    "/r/..;;/r/x",
    "/r/..;a=b/r/x",
    "/r/.;a/x",
    "/r/b/..;?x=1",
    "/r/..%3B/x",
    "/r/b;v=1/x",
    "/r/...;/x",
    "/r/x..;/x",
    "/r/.;",
    "/r/x/..;",
    "/r/..;a/..;b/r/y",
    "/r/x/..;a\\y",
    "/r\\..;/y",
    "/r/x/..;a%2fy/z",
    "/r//..;/y",
    "/r/;/../y",
    "/r/a#b",
    "/r/a?b#c",
    "/r/%00",
    "/r/é",
    "/r/?é",
    "/r/q?q=é",
    "/r/q?q=%C3%A9",
    "/r/q?q=\u{85}",
    "/r/q?\u{a0}=é",
    "/r/a b",
    "/r/\"<>^`{|}",
    "/r/?\"<>^`{|}\\",
    "/r/a\\b",
    "/r/a\tb",
    "/r/a\u{7f}",
    "/r/?a\u{1}",
    "/r/?%00",
    "r",
    "?r",
    "/R/../r/x",
];

const HOSTS: &[&str] = &[
    "",
    ".",
    "..",
    "a.",
    "a..b",
    ":80",
    "a:",
    "a:x",
    "a:99999",
    "[::1]",
    "[::1]:80",
    "::1",
    "u@a",
    "a.internal.",
    "a.internal.:8080",
    "shop.example",
    "shop.example.",
    "SHOP.example.:7001",
    "shop.example:7001",
    "shop.example..",
    "www.shop.example.",
    "www.shop.example.:1",
    " shop.example",
    "shop.example:",
    "xshop.example.",
    "shop.example.x",
];

type Fields = [(&'static str, &'static [(&'static str, &'static [u8])])];

/// Requests by path and headers.
const FIELDS: &Fields = &[
    ("/r/bytes", &[("x-q", "é".as_bytes())]),
    ("/r/bytes", &[("x-q", b"\xe9")]),
    ("/r/bytes", &[("x-q", b"a\tb")]),
    ("/r/bytes", &[("x-q", b" a\tb ")]),
    ("/r/bytes", &[("x-q", b"a\x01b")]),
    ("/r/bytes", &[("x-q", b"a\x7fb")]),
    ("/r/xa", &[("connection", b"x-a"), ("x-a", b"1")]),
    ("/r/xa", &[("connection", b"close, X-A"), ("x-a", b"1")]),
    ("/r/xa", &[("connection", b"close"), ("connection", b"x-a"), ("x-a", b"1")]),
    ("/r/xa", &[("connection", b"x-a;q=1"), ("x-a", b"1")]),
    ("/r/xa", &[("connection", b"x-a x-b"), ("x-a", b"1")]),
    ("/r/xa", &[("connection", b"host"), ("x-a", b"1")]),
    ("/r/xa", &[("connection", b"x-forwarded-for"), ("x-a", b"1")]),
    ("/r/xa", &[("connection", b"x-forwarded-proto"), ("x-a", b"1")]),
    ("/r/xa", &[("connection", b"x-forwarded-host"), ("x-a", b"1")]),
    ("/r/xa", &[("connection", b"x-forwarded-port"), ("x-a", b"1")]),
    ("/r/xa", &[("connection", b":path"), ("x-a", b"1")]),
    ("/r/xa", &[("connection", b"a,b,c,d,e,f,g,h,x-a"), ("x-a", b"1")]),
    ("/r/xa", &[("connection", b"a,b,c,d,e,f,g,h,i,x-a"), ("x-a", b"1")]),
    ("/r/xa", &[("connection", b"x-a"), ("upgrade", b"websocket"), ("x-a", b"1")]),
    ("/r/xa", &[("connection", b"upgrade, x-a"), ("upgrade", b"foo"), ("x-a", b"1")]),
    ("/r/accept", &[("connection", b"accept"), ("accept", b"a")]),
    ("/r/cookie", &[("connection", b"cookie"), ("cookie", b"a")]),
    ("/r/u", &[("connection", b"Upgrade"), ("upgrade", b"TLS/1.2")]),
    ("/r/u", &[("connection", b"upgrade"), ("upgrade", b"h2c")]),
    ("/r/u", &[("connection", b"upgrade"), ("upgrade", b"websocket, foo")]),
    ("/r/u", &[("connection", b"upgrade")]),
    ("/r/u", &[("upgrade", b"foo")]),
    ("/nowhere", &[("connection", b"upgrade"), ("upgrade", b"foo")]),
    ("/r/t", &[("transfer-encoding", b"gzip")]),
    ("/r/t", &[("transfer-encoding", b"identity")]),
    ("/r/t", &[("transfer-encoding", b"")]),
    ("/r/t", &[("transfer-encoding", b"chunked"), ("transfer-encoding", b"")]),
    ("/r/t", &[("transfer-encoding", b""), ("transfer-encoding", b"chunked")]),
    ("/r/t", &[("transfer-encoding", b"chunked"), ("transfer-encoding", b"chunked")]),
    ("/r/t", &[("transfer-encoding", b"chunked,")]),
    ("/r/t", &[("transfer-encoding", b"chunked"), ("content-length", b"0")]),
    ("/r/l", &[("content-length", b"0")]),
    ("/r/l", &[("content-length", b"00")]),
    ("/r/l", &[("content-length", b"+0")]),
    ("/r/l", &[("content-length", b"-1")]),
    ("/r/l", &[("content-length", b"")]),
    ("/r/l", &[("content-length", b"0, 0")]),
    ("/r/l", &[("content-length", b"99999999999999999999")]),
    ("/r/l", &[("content-length", b"0"), ("content-length", b"0")]),
    ("/r/te", &[("te", b"gzip")]),
    ("/r/te", &[("te", b"trailers")]),
    ("/r/k", &[("keep-alive", b"a")]),
    ("/r/k", &[("proxy-connection", b"a")]),
    ("/r/e", &[("expect", b"100-continue")]),
    ("/r/e", &[("http2-settings", b"a")]),
];

/// Cookies, each in a header of its own.
const COOKIES: &[&[&str]] = &[
    &[""],
    &["", "", ""],
    &["a", "a", ""],
    &["a", "", "a"],
    &["", "a"],
    &["a", ""],
    &["a", " "],
    &[" "],
    &[" ", ""],
    &["\t"],
    &["a;"],
    &["a; "],
    &["", "a", ""],
];

/// Values of `Connection` and of `Upgrade`, each in a header of its own.
const UPGRADES: &[(&[&str], &[&str])] = &[
    (&["upgrade"], &["websocket"]),
    (&["upgrade"], &["WebSocket"]),
    (&["upgrade"], &["foo"]),
    (&["upgrade"], &["websocket", "foo"]),
    (&["upgrade"], &["foo", "websocket"]),
    (&["upgrade"], &["websocket, foo"]),
    (&["upgrade"], &["websocket", "websocket"]),
    (&["upgrade"], &["", "websocket"]),
    (&["upgrade"], &["websocket", ""]),
    (&["upgrade"], &["websocket", "", " "]),
    (&["upgrade"], &[""]),
    (&["upgrade"], &["", ""]),
    (&["upgrade"], &["websocket,"]),
    (&["upgrade"], &[", websocket"]),
    (&["upgrade"], &["websocket ,"]),
    (&["upgrade"], &[","]),
    (&["upgrade"], &["TLS/1.2"]),
    (&["upgrade"], &["TLS/1.2", "websocket"]),
    (&["upgrade"], &["websocket\t,\tTLS/1.2"]),
    (&["upgrade"], &["websocket", "tls/1.2"]),
    (&["upgrade"], &["TLS/1.2, foo"]),
    (&["upgrade"], &["TLS/1.2, TLS/1.3"]),
    (&["upgrade"], &["TLS/1.2,"]),
    (&["upgrade"], &["TLS/1.2", "h2c"]),
    (&["upgrade"], &["h2c, TLS/1.2"]),
    (&["upgrade"], &["H2C"]),
    (&["upgrade"], &["h2c", "h2c"]),
    (&["upgrade"], &["h2c", ""]),
    (&["upgrade"], &["h2c,"]),
    (&["upgrade"], &["h2c", "websocket"]),
    (&["upgrade"], &["websocket, h2c"]),
    (&["upgrade"], &["websocket;q=1"]),
    (&["upgrade"], &["websocket/13"]),
    (&["upgrade"], &["a b"]),
    (&["Upgrade, close"], &["websocket", "foo"]),
    (&["close", "upgrade"], &["websocket", "foo"]),
    (&["upgrade;x"], &["websocket", "foo"]),
    (&["upgrade x"], &["foo"]),
    (&["keep-alive"], &["websocket", "foo"]),
    (&["", "\tupgrade"], &["foo"]),
    (&["a,b,c,d,e,f,g,h,i,upgrade"], &["foo"]),
    (&["a,b,c,d,e,f,g,h,i,upgrade"], &["TLS/1.2"]),
    (&["a,b,c,d,e,f,g,h,i,upgrade"], &["h2c"]),
    (&["a,b,c,d,e,f,g,h,i,HTTP2-Settings, Upgrade"], &["h2c"]),
    (&["a,b,c,d,e,f,g,h,i,http2-settings,upgrade"], &["TLS/1.2"]),
];

/// Values of `Referer`; Envoy keeps some.
const REFERERS: &[&str] = &[
    "a",
    "",
    "1",
    "/a",
    "//a/b",
    "?q",
    "#f",
    "a/b:c",
    "a:b",
    "a?b:c",
    "a b",
    "a\tb",
    "é",
    "a\"b",
    "a%",
    "a^b",
    "a@b",
    "a'b",
    "~",
    "*",
    "http://a/",
    "HTTP://A",
    "http://a",
    "http://a?b",
    "https://a/b?c#d",
    "http://a/ b",
    "http://é/",
    "http://a/é",
    "http:///",
    "http://",
    "http:/",
    "ftp://a/",
    "h1://a/",
    "1h://a/",
    "about:blank",
    "http://a:0/",
    "http://a:65535/",
    "http://a:65536/",
    "http://a:000080/",
    "http://a:/",
    "http://a:x/",
    "http://u@h/",
    "http://a_b/",
    "http://a~b/",
    "http://[::1]/",
    "http://[::1]:80/",
    "http://[]/",
    "http://a/\"",
    "http://a/{x}",
    "http://a?x:y@z",
    "http://a/x@y",
    "http://.",
    "://a",
    "mailto:x@y",
];
