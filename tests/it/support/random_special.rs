//! What Envoy treats specially, by chance: headers that it joins, removes or rejects, hosts, methods,
//! paths and sizes, sent by either codec. Changes meshes and requests of `random_routes`.

use super::random_calls::is_call;
use super::random_http2::is_http2;
use super::random_mesh::Chance;
use super::random_routes::VALUES;
use meshctl::model::{Matcher, Mesh, Pattern};
use meshctl::traffic::{Codec, Request};
use std::collections::BTreeMap;

/// A request as it is sent.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    /// The request. Its codec is said where it is not the door's own.
    pub(crate) request: Request,
    /// How it is sent.
    pub(crate) codec: Codec,
    /// What is special about it, by [`KINDS`].
    pub(crate) kinds: Vec<&'static str>,
}

impl Sent {
    /// By the codec of the door that it is for.
    pub(crate) fn plain(request: Request, first: u16) -> Self {
        let codec = match is_call(&request, first) || is_http2(request.port, first) {
            true => Codec::Http2,
            false => Codec::Http1,
        };
        Self { request, codec, kinds: Vec::new() }
    }

    /// Whether it has headers that Envoy treats in a way of its own.
    pub(crate) fn special_header(&self) -> bool {
        self.kinds.iter().any(|kind| HEADER_KINDS.contains(kind))
    }
}

/// Names of headers that conditions and requests of these meshes have beside `x-a`, `x-b`, `x-c`.
const NAMES: &[&str] = &[
    "accept",
    "accept-encoding",
    "accept-language",
    "access-control-request-headers",
    "access-control-request-method",
    "authorization",
    "cache-control",
    "content-encoding",
    "content-language",
    "cookie",
    "date",
    "from",
    "forwarded",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "link",
    "max-forwards",
    "origin",
    "pragma",
    "priority",
    "range",
    "referer",
    "sec-fetch-mode",
    "set-cookie",
    "user-agent",
    "vary",
    "via",
    "warning",
    "x-client-trace-id",
    "x-request-start",
    "grpc-timeout",
    "grpc-accept-encoding",
    "trailer",
];

/// Headers about the connection or the body, with values: some that are fine, some that are not.
const FRAMING: &[(&str, &[&str])] = &[
    ("te", &["trailers", "gzip", "trailers, gzip", ""]),
    (
        "connection",
        &["keep-alive", "x-a", "X-B, x-a", "host", "te", ":path", "x-forwarded-for", ""],
    ),
    ("upgrade", &["foo", "websocket", "h2c", "TLS/1.2"]),
    ("keep-alive", &["timeout=5", ""]),
    ("proxy-connection", &["keep-alive", "x-a"]),
    ("transfer-encoding", &["chunked", "gzip", "gzip, chunked", "identity", "Chunked", ""]),
    ("content-length", &["0", "3", "-1", "x", "+3", "3 ", "00", "1,1", ""]),
    ("expect", &["100-continue", "x"]),
    ("http2-settings", &["AAMAAABkAARAAAAAAAIAAAAA"]),
    ("trailer", &["x-a"]),
];

/// Headers that Envoy writes, reads or takes off itself.
const ENVOYS: &[(&str, &[&str])] = &[
    ("x-forwarded-for", &["10.0.0.1", "10.0.0.1, 192.0.2.1", "x"]),
    ("x-forwarded-proto", &["https", "http", "ftp"]),
    ("x-forwarded-host", &["a.example"]),
    ("x-forwarded-port", &["81"]),
    ("x-request-id", &["1", "f4dca0a9-12c7-4307-8002-969403baf480"]),
    ("x-envoy-original-path", &["/x"]),
    ("x-envoy-internal", &["true"]),
    ("x-envoy-external-address", &["10.0.0.1"]),
    ("x-envoy-max-retries", &["0"]),
    ("x-envoy-attempt-count", &["3"]),
    ("x-envoy-decorator-operation", &["x"]),
    ("x-envoy-downstream-service-cluster", &["x"]),
    ("x-forwarded-client-cert", &["By=x"]),
    ("traceparent", &["00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"]),
    ("x-b3-traceid", &["463ac35c9f6413ad48485a3953bb6124"]),
];

/// Texts of headers beyond letters and digits.
const TEXTS: &[&str] = &[
    "a,b",
    "a, b",
    "a;b",
    "a; b",
    "a\tb",
    "\u{e9}",
    "a\u{e9}b",
    "\u{fc},a",
    "\u{20ac}",
    "\u{80}",
    "\"a\"",
    "a b",
    "https://a.example/x",
    "/x",
    "x y://",
    "a\u{a0}",
    "*/*",
    "gzip",
    "k=v",
    "k=v; q=w",
    "no-cache",
];
const HOSTS: &[&str] = &[
    "a b",
    "a\tb",
    "shop.example/x",
    "shop.example?x",
    "shop.example#x",
    "a\\b",
    "a\"b",
    "a<b",
    "a>b",
    "a^b",
    "a|b",
    "a{b}",
    "a`b",
    "\u{e9}.example",
    "",
    " ",
    ":80",
    "u@shop.example",
    "u:p@shop.example",
    "a%20b",
    "a%2fb",
    "a,b",
    "a;b",
    "a=b",
    "a!b",
    "a$b",
    "a&b",
    "a'b",
    "a(b)",
    "a*b",
    "a+b",
    "a~b",
    "a_b",
    "-a-",
    "a..b",
    ".",
    "..",
    "[::1]",
    "[::1",
    "::1",
    "[v1.a]",
    "127.1",
    "0x7f.1",
    "shop.example:0",
    "shop.example:65536",
    "shop.example:-1",
    "shop.example:8 ",
    "shop.example:80:80",
    "a]b",
    "[a]",
];
const METHODS: &[&str] = &[
    "M-SEARCH",
    "MSEARCH",
    "QUERY",
    "FOO",
    "get",
    "Get",
    "PROPFIND",
    "BASELINE-CONTROL",
    "PRI",
    "TRACE",
    "ACL",
    "LINK",
    "UNLINK",
    "REBIND",
    "PURGE",
    "MKCOL",
    "A",
    "GET1",
    "G_T",
    "G!T",
    "X-GET",
    "HEAD",
    "OPTIONS",
    "SUBSCRIBE",
    "REPORT",
    "CONNECT",
];
const SEGMENTS: &[&str] = &[
    "..;",
    ".;",
    "%2e%2e;",
    "..;a=b",
    "..;;",
    ".;a",
    ".%2e;x",
    "b;v=1",
    "x..;",
    "...;",
    "..%3B",
    ";",
    ";..",
    "a;/..;",
    "%2E%2E%3b",
];
const TARGETS: &[&str] = &[
    "*",
    "http://shop.example/a",
    "http://other/a?b",
    "a",
    "",
    "//a",
    "/a#b",
    "/a b",
    "/\u{e9}",
    "/a?q=\u{e9}",
];
const REFERERS: &[&str] =
    &["https://a.example/x?y", "http://a/", "a", "/x", "", "a b", "a\tb", "\u{e9}"];

const HEADER_KINDS: [&str; 10] = [
    "header of a known name",
    "header of a known name, repeated",
    "header that a route asks for, repeated",
    "header about connection or body",
    "header named by Connection",
    "header that Envoy writes",
    "Referer",
    "cookies",
    "value beyond letters",
    "value with spaces around it",
];

/// Sent by the codec that is not the door's own.
const OTHER_CODEC: &str = "the other codec";

/// Everything that is special about requests.
pub(crate) const KINDS: [&str; 21] = [
    HEADER_KINDS[0],
    HEADER_KINDS[1],
    HEADER_KINDS[2],
    HEADER_KINDS[3],
    HEADER_KINDS[4],
    HEADER_KINDS[5],
    HEADER_KINDS[6],
    HEADER_KINDS[7],
    HEADER_KINDS[8],
    HEADER_KINDS[9],
    "many headers",
    "long header",
    "long path",
    "pseudo header among the others",
    "semicolon in a path",
    "odd host",
    "host with a root dot",
    "host in another spelling",
    "unusual method",
    "target that is no path",
    OTHER_CODEC,
];

/// Makes routes ask for headers that Envoy treats specially, and for values of all bytes.
pub(crate) fn mesh(c: &mut Chance, mesh: &mut Mesh) {
    for route in mesh.routers.values_mut().flat_map(|router| &mut router.routes) {
        headers(c, &mut route.matches.headers);
        headers(c, &mut route.matches.metadata);
    }
    for route in mesh.gateways.values_mut().flat_map(|gateway| &mut gateway.routes) {
        headers(c, &mut route.matches.headers);
        headers(c, &mut route.matches.metadata);
    }
}

fn headers(c: &mut Chance, all: &mut BTreeMap<String, Vec<Matcher>>) {
    for (name, mut matchers) in std::mem::take(all) {
        for matcher in &mut matchers {
            match &mut matcher.pattern {
                Pattern::Exact(own) | Pattern::Prefix(own) | Pattern::Suffix(own)
                    if c.once_in(4) =>
                {
                    c.pick(TEXTS).trim().clone_into(own);
                }
                _ => {}
            }
        }
        let name = match c.below(20) {
            0..=9 => c.pick(NAMES).to_owned(),
            10 => c.pick(FRAMING).0.to_owned(),
            _ => name,
        };
        all.entry(name).or_insert(matchers);
    }
}

/// Bytes of the largest body of a request.
const MOST_BODY: u64 = 64 << 10;

/// Makes a request special in one to three ways, most often.
pub(crate) fn request(c: &mut Chance, mesh: &Mesh, request: Request, first: u16) -> Sent {
    let mut sent = Sent::plain(request, first);
    if c.once_in(3) {
        sent.codec = match sent.codec {
            Codec::Http1 => Codec::Http2,
            Codec::Http2 => Codec::Http1,
        };
        sent.request.codec = Some(sent.codec);
        sent.kinds.push(OTHER_CODEC);
    }
    for _ in 0..c.pick(&[0, 1, 1, 1, 2, 3]) {
        let kind = c.pick(&KINDS[..KINDS.len() - 1]);
        // Sizes take long, and one is enough.
        let costly = ["long header", "long path", "many headers"].contains(&kind);
        if (costly && !c.once_in(4)) || sent.kinds.contains(&kind) {
            continue;
        }
        if change(c, mesh, &mut sent.request, kind) {
            sent.kinds.push(kind);
        }
    }
    // A request has as many bytes as it says.
    sent.request.headers.retain(|(name, value)| {
        let length = String::from_utf8_lossy(value.as_bytes()).trim().parse::<u64>();
        !(name.eq_ignore_ascii_case("content-length")
            && length.is_ok_and(|length| length > MOST_BODY))
    });
    sent
}

fn push(request: &mut Request, name: &str, value: &str) {
    request.headers.push((name.to_owned(), value.into()));
}

fn text(c: &mut Chance) -> &'static str {
    if c.once_in(2) { c.pick(TEXTS) } else { c.pick(VALUES).trim() }
}

/// The name of a header that some route of the mesh asks for.
fn asked(c: &mut Chance, mesh: &Mesh) -> Option<String> {
    let routers = mesh.routers.values().flat_map(|router| &router.routes);
    let gateways = mesh.gateways.values().flat_map(|gateway| &gateway.routes);
    let names = routers.flat_map(|route| route.matches.headers.keys());
    let names = names.chain(gateways.flat_map(|route| route.matches.headers.keys()));
    let names: Vec<&String> = names.collect();
    (!names.is_empty()).then(|| c.pick(&names).to_ascii_lowercase())
}

/// Makes a request special in one way; `false` if it cannot be.
fn change(c: &mut Chance, mesh: &Mesh, request: &mut Request, kind: &str) -> bool {
    match kind {
        "header of a known name" => push(request, c.pick(NAMES), text(c)),
        "header of a known name, repeated" => {
            let name = c.pick(NAMES);
            for _ in 0..2 + c.below(2) {
                push(request, name, text(c));
            }
        }
        "header that a route asks for, repeated" => {
            let Some(name) = asked(c, mesh) else { return false };
            let own = request.headers.iter().find(|(own, _)| *own == name);
            let own = own.map(|(_, value)| (name.clone(), value.clone()));
            match own {
                Some(again) => request.headers.push(again),
                None => push(request, &name, text(c)),
            }
            push(request, &name, text(c));
        }
        "header about connection or body" => {
            let (name, values) = c.pick(FRAMING);
            push(request, name, c.pick(values));
            if c.once_in(4) {
                push(request, name, c.pick(values));
            }
            if name == "upgrade" && c.once_in(2) {
                push(request, "connection", c.pick(&["Upgrade", "upgrade, x-a"]));
            }
        }
        "header named by Connection" => {
            let fixed = ["host", ":path", "x-forwarded-for", "close", "content-length"];
            let name = match c.below(4) {
                0 => c.pick(NAMES).to_owned(),
                1 => c.pick(&fixed).to_owned(),
                _ => asked(c, mesh).unwrap_or_else(|| "x-a".to_owned()),
            };
            let value = c.pick(&[name.clone(), format!("close, {name}"), format!("{name},x-b")]);
            push(request, "connection", &value);
        }
        "header that Envoy writes" => {
            let (name, values) = c.pick(ENVOYS);
            push(request, name, c.pick(values));
        }
        "Referer" => push(request, "referer", c.pick(REFERERS)),
        "cookies" => {
            for _ in 0..1 + c.below(3) {
                push(request, "cookie", c.pick(&["a=b", "a=b; c=d", "a", "tea", ""]));
            }
        }
        "value beyond letters" => {
            let name = if c.once_in(2) { c.pick(&["x-a", "x-b", "x-c"]) } else { c.pick(NAMES) };
            push(request, name, c.pick(TEXTS));
        }
        "value with spaces around it" => {
            let around = (c.pick(&["", " ", "\t"]), c.pick(&[" ", "\t "]));
            let value = format!("{}{}{}", around.0, text(c), around.1);
            let name = asked(c, mesh).unwrap_or_else(|| "x-a".to_owned());
            push(request, &name, &value);
        }
        "many headers" => {
            let there = request.headers.len() as u64;
            for at in there..c.pick(&[90, 95, 97, 98, 99, 100, 101, 120]) {
                push(request, &format!("x-many-{at}"), "1");
            }
        }
        "long header" => {
            let length = c.pick(&[8_000, 59_000, 60_000, 61_000, 61_500, 62_000, 70_000]);
            push(request, "x-long", &"l".repeat(length));
        }
        "long path" => {
            let length = c.pick(&[4_000, 30_000, 59_000, 61_000, 62_000]);
            let at = request.path.find('?').unwrap_or(request.path.len());
            request.path.insert_str(at, &"/b".repeat(length / 2));
        }
        "pseudo header among the others" => {
            let name = c.pick(&[":path", ":method", ":authority", ":x", ":status"]);
            push(request, name, c.pick(&["/x", "GET", "shop.example"]));
        }
        "semicolon in a path" => {
            let path = request.path.split('?').next().unwrap_or_default();
            let places: Vec<usize> = path.match_indices('/').map(|(at, _)| at).collect();
            if places.is_empty() {
                return false;
            }
            let at = c.pick(&places);
            request.path.insert_str(at, &format!("/{}", c.pick(SEGMENTS)));
        }
        "odd host" => c.pick(HOSTS).clone_into(&mut request.authority),
        "host with a root dot" => {
            let host = request.authority.clone();
            request.authority = match host.split_once(':') {
                Some((name, port)) => format!("{name}.:{port}"),
                None => format!("{host}{}", c.pick(&[".", ".", "..", ".:80"])),
            };
        }
        "host in another spelling" => {
            let host = request.authority.to_ascii_uppercase();
            request.authority = format!("{host}{}", c.pick(&["", ":80", ":8080", ":", ":080"]));
        }
        "unusual method" => c.pick(METHODS).clone_into(&mut request.method),
        "target that is no path" => c.pick(TARGETS).clone_into(&mut request.path),
        other => panic!("{other} is no kind of request"),
    }
    true
}
