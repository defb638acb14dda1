//! What every HTTP connection manager does before it tries a route: which requests it rejects, and
//! what it changes in the others. Measured on Envoy 1.40 (`tests/it/live_arrival.rs` compares).

use super::condition::Seen;
use super::field::FieldValue;
use super::headers::{REFERERS, Treatment, treatment};
use super::http::Accepts;
use super::path::normalised;
use super::re2::Regex;
use crate::model::Protocol;
use std::sync::LazyLock;

/// The HTTP version that a client speaks. Every HTTP port takes both, whatever its protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Codec {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2.
    Http2,
}

impl Codec {
    /// What clients of a port speak unless they say otherwise.
    pub fn of(protocol: Protocol) -> Self {
        match protocol {
            Protocol::Http2 | Protocol::Grpc => Self::Http2,
            Protocol::Http | Protocol::Tcp => Self::Http1,
        }
    }
}

/// A request that no route is tried for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Rejected {
    /// The proxy answers it.
    Answer(u16, String),
    /// The proxy closes the stream or the connection.
    Closed(String),
    /// Whether it is rejected cannot be told.
    Unknown(String),
}

/// The methods that Envoy's HTTP/1 codec knows; it answers others with 400. The HTTP/2 codec takes
/// any name.
pub const HTTP1_METHODS: [&str; 35] = [
    "ACL",
    "BIND",
    "CHECKOUT",
    "CONNECT",
    "COPY",
    "DELETE",
    "GET",
    "HEAD",
    "LINK",
    "LOCK",
    "MERGE",
    "MKACTIVITY",
    "MKCALENDAR",
    "MKCOL",
    "MOVE",
    "MSEARCH",
    "NOTIFY",
    "OPTIONS",
    "PATCH",
    "POST",
    "PROPFIND",
    "PROPPATCH",
    "PURGE",
    "PUT",
    "QUERY",
    "REBIND",
    "REPORT",
    "SEARCH",
    "SOURCE",
    "SUBSCRIBE",
    "TRACE",
    "UNBIND",
    "UNLINK",
    "UNLOCK",
    "UNSUBSCRIBE",
];

/// Proxies add headers of their own, so near the limits nothing is certain.
const ADDED_BYTES: usize = 1024;
const ADDED_HEADERS: usize = 20;
/// Most names in `Connection`, commas between empty ones not counted.
const NOMINATED_MAX: usize = 9;

/// Characters of a host that both codecs reject; control characters and what is not ASCII too.
const NO_HOST: &str = " \"#/<>?\\^`{|}";

/// Headers that belong to HTTP/1 connections and close an HTTP/2 one.
const HTTP1_ONLY: [&str; 5] =
    ["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"];

/// Rejects a request or makes of it what routes are tried with.
pub(super) fn arrive(seen: &mut Seen, codec: Codec, accepts: &Accepts) -> Result<(), Rejected> {
    if codec == Codec::Http1 {
        for (_, value) in &mut seen.headers {
            *value = FieldValue::from(trimmed(value.as_bytes()).to_vec());
        }
        seen.host = seen.host.trim_matches([' ', '\t']).to_owned();
        // Several `Host` headers are one value.
        for (_, value) in seen.headers.extract_if(.., |(name, _)| name == "host") {
            seen.host.push(',');
            seen.host.push_str(&String::from_utf8_lossy(value.as_bytes()));
        }
    }
    in_order(seen, codec, accepts)?;
    let upgrade = asked_upgrade(seen, accepts);
    if codec == Codec::Http1 && upgrade.is_none() {
        nominated(seen).map_err(|why| bad(codec, why))?;
    }
    join(seen, codec);
    remove(seen, upgrade.is_some());
    if let Some(to) = upgrade {
        seen.headers.retain(|(name, _)| name != "upgrade");
        seen.headers.push(("upgrade".to_owned(), FieldValue::from(to)));
    }
    if !is_path(seen) {
        let why = format!("no route matches `{}`: it is not a path", seen.path);
        return Err(Rejected::Answer(404, why));
    }
    seen.path = normalised(&seen.path).map_err(|_| {
        let why = format!("`{}` is not a valid path", seen.path);
        Rejected::Answer(400, why)
    })?;
    Ok(())
}

/// Of several faults the first one decides. This is the order of Envoy's checks; the codec of
/// HTTP/2 has all of its own (which close the connection) before those of the connection manager
/// (which answer). `tests/it/live_faults_in_pairs.rs` sends every pair of faults.
fn in_order(seen: &Seen, codec: Codec, accepts: &Accepts) -> Result<(), Rejected> {
    let bad = |why: String| bad(codec, why);
    // The codec of HTTP/1 reads the first line, as far as it may be long, then the headers as
    // bytes, and counts them last.
    first_line(seen, codec, accepts)?;
    let bytes = bytes(seen, codec, accepts)?;
    fields(seen, codec).map_err(bad)?;
    content_length(seen).map_err(bad)?;
    let count = count(seen, codec, accepts)?;
    near(bytes, count, accepts)?;
    framing(seen, codec)?;
    host(&seen.host, codec).map_err(bad)?;
    if seen.method == "CONNECT" {
        let why = "what a proxy makes of CONNECT depends on its version";
        return Err(Rejected::Unknown(why.to_owned()));
    }
    target(seen).map_err(bad)?;
    answered(seen)
}

/// How a codec rejects a request that is not valid.
fn bad(codec: Codec, why: String) -> Rejected {
    match codec {
        Codec::Http1 => Rejected::Answer(400, why),
        Codec::Http2 => Rejected::Closed(why),
    }
}

/// Why a proxy answers a request that a route takes with 403: it asks for an upgrade that the port
/// does not let through. (Without a route it is 404.)
pub(super) fn refused_upgrade(seen: &Seen, upgrades: bool) -> Option<String> {
    // On arrival the header was removed unless an upgrade is asked for; several were made one, which
    // has to be the name as a whole.
    let to = values(seen, "upgrade").next()?.to_string();
    let fits = upgrades && to.eq_ignore_ascii_case("websocket");
    (!fits).then(|| format!("the proxy does not upgrade to `{to}`"))
}

fn trimmed(value: &[u8]) -> &[u8] {
    let outer = |byte: &u8| *byte == b' ' || *byte == b'\t';
    let Some(start) = value.iter().position(|byte| !outer(byte)) else { return &[] };
    let end = value.iter().rposition(|byte| !outer(byte)).unwrap_or(start);
    &value[start..=end]
}

fn most_bytes(accepts: &Accepts) -> usize {
    usize::try_from(accepts.max_header_kib).unwrap_or(usize::MAX).saturating_mul(1024)
}

fn most_headers(accepts: &Accepts) -> usize {
    usize::try_from(accepts.max_headers).unwrap_or(usize::MAX)
}

fn too_large(codec: Codec, accepts: &Accepts) -> Rejected {
    let (most, longest) = (most_headers(accepts), most_bytes(accepts));
    let why = format!("a request has at most {most} headers, and they {longest} bytes");
    match codec {
        Codec::Http1 => Rejected::Answer(431, why),
        Codec::Http2 => Rejected::Closed(why),
    }
}

/// How many bytes a request has before its body.
fn bytes(seen: &Seen, codec: Codec, accepts: &Accepts) -> Result<usize, Rejected> {
    let fields: usize =
        seen.headers.iter().map(|(name, value)| name.len() + value.as_bytes().len()).sum();
    let bytes = seen.path.len() + seen.host.len() + fields;
    if bytes > most_bytes(accepts) { Err(too_large(codec, accepts)) } else { Ok(bytes) }
}

/// How many headers a request has.
fn count(seen: &Seen, codec: Codec, accepts: &Accepts) -> Result<usize, Rejected> {
    let mut names: Vec<&str> = Vec::new();
    // The host, and what HTTP/2 says of the first line.
    let mut count = if codec == Codec::Http1 { 1 } else { 4 };
    for (name, _) in &seen.headers {
        if treatment(name) == Treatment::AsSent || !names.contains(&name.as_str()) {
            count += 1;
        }
        names.push(name);
    }
    if count > most_headers(accepts) { Err(too_large(codec, accepts)) } else { Ok(count) }
}

fn near(bytes: usize, count: usize, accepts: &Accepts) -> Result<(), Rejected> {
    if bytes + ADDED_BYTES > most_bytes(accepts) || count + ADDED_HEADERS > most_headers(accepts) {
        return Err(near_limits());
    }
    Ok(())
}

fn near_limits() -> Rejected {
    let why = "proxies add headers, and the request is near their limits";
    Rejected::Unknown(why.to_owned())
}

fn first_line(seen: &Seen, codec: Codec, accepts: &Accepts) -> Result<(), Rejected> {
    if codec == Codec::Http2 {
        return Ok(());
    }
    // A line that is too long is not read to its end.
    let line = seen.method.len() + seen.path.len();
    if line > most_bytes(accepts) {
        return Err(too_large(codec, accepts));
    }
    if line + ADDED_BYTES > most_bytes(accepts) {
        return Err(near_limits());
    }
    if !HTTP1_METHODS.contains(&seen.method.as_str()) {
        let why = format!("the HTTP/1 codec does not know the method `{}`", seen.method);
        return Err(Rejected::Answer(400, why));
    }
    let path = seen.path.as_str();
    if !path.starts_with('/') && path.contains("://") {
        let why = format!("`{path}` names a host beside the `Host` header");
        return Err(Rejected::Unknown(why));
    }
    if let Some(c) = path.chars().find(|c| !c.is_ascii()) {
        let why = format!("HTTP/1 has no target with {c:?} in it; clients percent-encode it");
        return Err(Rejected::Answer(400, why));
    }
    // The rest of what is wrong with a target is found after the headers.
    let target = path.starts_with('/') || path == "*" || seen.method == "CONNECT";
    if !(target && path.bytes().all(|byte| byte.is_ascii_graphic())) {
        let why = format!("`{}` is no target of a request", path.escape_debug());
        return Err(Rejected::Answer(400, why));
    }
    Ok(())
}

fn host(host: &str, codec: Codec) -> Result<(), String> {
    let refused = |c: char| !c.is_ascii() || c.is_ascii_control() || NO_HOST.contains(c);
    if let Some(c) = host.chars().find(|c| refused(*c)) {
        return Err(format!("the host `{}` contains {c:?}", host.escape_debug()));
    }
    match codec {
        Codec::Http2 if host.contains('@') => Err(format!("the host `{host}` names a user")),
        Codec::Http2 if host.is_empty() => Err("the host is empty".to_owned()),
        _ => Ok(()),
    }
}

/// Whether the target is a path, which is normalised; `OPTIONS *` is none.
fn is_path(seen: &Seen) -> bool {
    !(seen.path == "*" && seen.method == "OPTIONS")
}

/// What both codecs want of a target.
fn target(seen: &Seen) -> Result<(), String> {
    let path = seen.path.as_str();
    if is_path(seen) && !path.starts_with('/') {
        return Err(format!("`{path}` does not start with `/`"));
    }
    let control = |c: char| c == ' ' || c.is_ascii_control();
    match path.chars().find(|c| control(*c)) {
        Some(c) => Err(format!("the path contains {c:?}")),
        None => Ok(()),
    }
}

/// What is answered with 400 by either codec.
fn answered(seen: &Seen) -> Result<(), Rejected> {
    let bad = |why: &str| Err(Rejected::Answer(400, why.to_owned()));
    let typed = || seen.headers.iter().any(|(own, _)| own == "content-type");
    if seen.method == "QUERY" && !typed() {
        return bad("QUERY without `Content-Type` is rejected");
    }
    if seen.path.contains('#') {
        return bad("the path contains `#`");
    }
    Ok(())
}

fn fields(seen: &Seen, codec: Codec) -> Result<(), String> {
    let control = |byte: &u8| (*byte < b' ' && *byte != b'\t') || *byte == 0x7f;
    for (name, value) in &seen.headers {
        if value.as_bytes().iter().any(control) {
            return Err(format!("the header `{name}` has a control character"));
        }
        if name.starts_with(':') {
            return Err(format!("`{name}` is no name of a header"));
        }
        if codec == Codec::Http2 && name == "host" {
            host(&value.to_string(), codec)?;
        }
        if codec == Codec::Http2 && HTTP1_ONLY.contains(&name.as_str()) {
            return Err(format!("HTTP/2 has no header `{name}`"));
        }
        if codec == Codec::Http2
            && name == "te"
            && !value.as_bytes().eq_ignore_ascii_case(b"trailers")
        {
            return Err("on HTTP/2 the header `te` is `trailers` or nothing".to_owned());
        }
    }
    Ok(())
}

fn values<'s>(seen: &'s Seen, name: &'s str) -> impl Iterator<Item = &'s FieldValue> {
    seen.headers.iter().filter(move |(own, _)| own == name).map(|(_, value)| value)
}

/// The values of a header as one, in which empty ones leave no trace.
fn joined(seen: &Seen, name: &str) -> String {
    let all = values(seen, name).filter(|value| !value.as_bytes().is_empty());
    let texts = all.map(|value| String::from_utf8_lossy(value.as_bytes()));
    texts.collect::<Vec<_>>().join(",")
}

/// The parts of a value that is a list.
fn parts(value: &str) -> impl Iterator<Item = &str> {
    value.split(',').map(|part| part.trim_matches([' ', '\t'])).filter(|part| !part.is_empty())
}

fn content_length(seen: &Seen) -> Result<(), String> {
    let mut lengths = values(seen, "content-length");
    let Some(length) = lengths.next() else { return Ok(()) };
    let digits = length.as_bytes().iter().all(u8::is_ascii_digit);
    let number = length.as_str().and_then(|text| text.parse::<u64>().ok());
    if lengths.next().is_some() || !digits || number.is_none() {
        return Err("`Content-Length` is one whole number".to_owned());
    }
    Ok(())
}

fn framing(seen: &Seen, codec: Codec) -> Result<(), Rejected> {
    if values(seen, "transfer-encoding").next().is_none() {
        return Ok(());
    }
    if values(seen, "content-length").next().is_some() {
        let why = "a request has `Content-Length` or `Transfer-Encoding`, not both";
        return Err(bad(codec, why.to_owned()));
    }
    if !joined(seen, "transfer-encoding").eq_ignore_ascii_case("chunked") {
        let why = "the only `Transfer-Encoding` that proxies accept is `chunked`";
        return Err(Rejected::Answer(501, why.to_owned()));
    }
    Ok(())
}

/// Names in `Connection` are headers for the next hop alone, which are removed.
fn nominated(seen: &mut Seen) -> Result<(), String> {
    let all = joined(seen, "connection").to_ascii_lowercase();
    let names: Vec<&str> = parts(&all).collect();
    if names.len() > NOMINATED_MAX {
        return Err(format!("`Connection` has more than {NOMINATED_MAX} names"));
    }
    for name in names {
        let kept = ["x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "host"];
        if kept.contains(&name) || name.starts_with(':') {
            return Err(format!("`Connection` must not remove `{name}`"));
        }
        let stays = HTTP1_ONLY.contains(&name) || ["close", "te", "content-length"].contains(&name);
        if !stays {
            seen.headers.retain(|(own, _)| own != name);
        }
    }
    Ok(())
}

/// What `Connection: upgrade` asks to be upgraded to: all values of `Upgrade` as one. One to HTTP/2
/// alone is ignored, and of others the parts that the port ignores; a port that ignores none leaves
/// the value as it is.
fn asked_upgrade(seen: &mut Seen, accepts: &Accepts) -> Option<String> {
    let connection = joined(seen, "connection");
    let asked = parts(&connection).any(|word| word.eq_ignore_ascii_case("upgrade"));
    let there = values(seen, "upgrade").next().is_some();
    if !asked || !there {
        return None;
    }
    let to = joined(seen, "upgrade");
    let http2 = to.eq_ignore_ascii_case("h2c");
    if !http2 && accepts.ignored_upgrades.is_empty() {
        return Some(to);
    }
    let kept: Vec<&str> = parts(&to).filter(|part| !http2 && !accepts.ignores(part)).collect();
    if !kept.is_empty() {
        return Some(kept.join(","));
    }
    // What belongs to an ignored upgrade is ignored with it.
    let own: &[&str] = if http2 { &["upgrade", "http2-settings"] } else { &["upgrade"] };
    let rest = parts(&connection).filter(|word| !own.iter().any(|o| o.eq_ignore_ascii_case(word)));
    let rest = rest.collect::<Vec<_>>().join(",");
    seen.headers.retain(|(name, _)| name != "connection" && !own.contains(&name.as_str()));
    seen.headers.push(("connection".to_owned(), FieldValue::from(rest)));
    None
}

fn join(seen: &mut Seen, codec: Codec) {
    let mut joined: Vec<(String, FieldValue)> = Vec::with_capacity(seen.headers.len());
    let is_cookie = |name: &str| codec == Codec::Http2 && treatment(name) == Treatment::Cookie;
    for (name, value) in std::mem::take(&mut seen.headers) {
        let cookie = is_cookie(&name);
        let between = match treatment(&name) {
            Treatment::Joined | Treatment::Referer => Some(","),
            _ if cookie => Some("; "),
            _ => None,
        };
        let first = joined.iter_mut().find(|(own, _)| *own == name);
        match (between, first) {
            // An empty value takes no separator, on either side; of cookies only where none is
            // before it.
            (Some(_), Some((_, first))) if first.as_bytes().is_empty() => *first = value,
            (Some(_), Some(_)) if value.as_bytes().is_empty() && !cookie => {}
            (Some(between), Some((_, first))) => {
                let all = [first.as_bytes(), between.as_bytes(), value.as_bytes()].concat();
                *first = FieldValue::from(all);
            }
            _ => joined.push((name, value)),
        }
    }
    // By HTTP/2, cookies that are empty together are no header.
    joined.retain(|(name, value)| !(is_cookie(name) && value.as_bytes().is_empty()));
    seen.headers = joined;
}

fn remove(seen: &mut Seen, upgrade: bool) {
    seen.headers.retain(|(name, value)| match treatment(name) {
        Treatment::Removed => false,
        Treatment::Referer => is_referer(value),
        _ => true,
    });
    // What the connection was asked for ends here.
    seen.headers.retain(|(name, _)| upgrade || (name != "connection" && name != "upgrade"));
}

fn is_referer(value: &FieldValue) -> bool {
    static REFERER: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(REFERERS).ok());
    REFERER.as_ref().is_some_and(|regex| regex.takes(value.as_bytes()))
}
