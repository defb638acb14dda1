//! Which edges of routing a comparison with Envoy has stood at, and how it went there.
//!
//! A pair that agrees is noted under each edge that decided it: the condition that turned a route
//! away, all conditions of the route that took it, the form in which the path was sent. A run that
//! never stood at an edge, or always went one way there, is no evidence, and fails.

use meshctl::model::RouteMatch;
use meshctl::model::{Address, GatewayMatch, HostnameMatch, Matcher, Mesh, PathMatch, Pattern};
use meshctl::traffic::{Action, End, Hop, Journey, PathRewrite, Request, Seen};
use std::collections::BTreeMap;

/// By edge, how many pairs met the condition there, and how many did not.
#[derive(Debug, Default)]
pub(crate) struct Edges(BTreeMap<String, [u64; 2]>);

/// What of an edge can come about.
#[derive(Clone, Copy, PartialEq)]
enum Ways {
    Both,
    Met,
    Missed,
}

/// The conditions of a route, of a router or a gateway.
struct Conditions<'m> {
    host: Option<&'m HostnameMatch>,
    path: Option<&'m PathMatch>,
    method: bool,
    scheme: bool,
    calls: Option<bool>,
    headers: Vec<(&'m str, &'m Matcher)>,
    metadata: Vec<(&'m str, &'m Matcher)>,
    query: Vec<(&'m str, &'m Matcher)>,
}

fn each(map: &BTreeMap<String, Vec<Matcher>>) -> Vec<(&str, &Matcher)> {
    map.iter().flat_map(|(name, all)| all.iter().map(move |one| (name.as_str(), one))).collect()
}

fn of_route(matches: &RouteMatch) -> Conditions<'_> {
    Conditions {
        host: None,
        path: matches.path.as_ref(),
        method: matches.method.is_some(),
        scheme: matches.scheme.is_some(),
        calls: matches.service_name.as_ref().map(|_| matches.method_name.is_some()),
        headers: each(&matches.headers),
        metadata: each(&matches.metadata),
        query: each(&matches.query_parameters),
    }
}

fn of_gateway_route(matches: &GatewayMatch) -> Conditions<'_> {
    Conditions {
        host: matches.hostname.as_ref(),
        path: matches.path.as_ref(),
        method: matches.method.is_some(),
        scheme: false,
        calls: matches.service_name.as_ref().map(|_| false),
        headers: each(&matches.headers),
        metadata: each(&matches.metadata),
        query: each(&matches.query_parameters),
    }
}

fn conditions<'m>(mesh: &'m Mesh, address: &Address) -> Option<Conditions<'m>> {
    match address {
        Address::Route(router, name) => {
            let route = mesh.routers.get(router)?.routes.iter().find(|r| r.name == *name)?;
            Some(of_route(&route.matches))
        }
        Address::GatewayRoute(gateway, name) => {
            let route = mesh.gateways.get(gateway)?.routes.iter().find(|r| r.name == *name)?;
            Some(of_gateway_route(&route.matches))
        }
        _ => None,
    }
}

const PATTERNS: [&str; 7] = ["exact", "prefix", "suffix", "regex", "range", "present", "absent"];

fn pattern(matcher: &Matcher) -> &'static str {
    match matcher.pattern {
        Pattern::Exact(_) => PATTERNS[0],
        Pattern::Prefix(_) => PATTERNS[1],
        Pattern::Suffix(_) => PATTERNS[2],
        Pattern::Regex(_) => PATTERNS[3],
        Pattern::Range(_) => PATTERNS[4],
        Pattern::Present(true) => PATTERNS[5],
        Pattern::Present(false) => PATTERNS[6],
    }
}

const VALUES: [&str; 4] = ["missing", "empty", "once", "repeated"];

fn values<'s>(seen: &'s Seen, name: &str) -> Vec<&'s str> {
    let own = seen.headers.iter().filter(|(own, _)| own.eq_ignore_ascii_case(name));
    own.map(|(_, value)| value.as_str().unwrap_or_default()).collect()
}

fn state(values: &[&str]) -> &'static str {
    match values {
        [] => VALUES[0],
        [""] => VALUES[1],
        [_] => VALUES[2],
        _ => VALUES[3],
    }
}

/// Joined by commas the values would fare otherwise than each by itself.
const JOINED: &str = "header: repeated, unlike its values joined";

/// Where a value stands to a range.
const NUMBERS: [&str; 6] =
    ["no number", "its first", "its last", "its end", "beyond 64 bits", "negative"];

fn number(start: i64, end: i64, value: &str) -> Option<&'static str> {
    let digits = value.strip_prefix(['-', '+']).unwrap_or(value);
    let whole = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    match value.parse::<i64>() {
        Err(_) if whole => Some(NUMBERS[4]),
        Err(_) => Some(NUMBERS[0]),
        Ok(n) if n == start => Some(NUMBERS[1]),
        Ok(n) if n == end - 1 => Some(NUMBERS[2]),
        Ok(n) if n == end => Some(NUMBERS[3]),
        Ok(n) if n < 0 => Some(NUMBERS[5]),
        Ok(_) => None,
    }
}

const QUERIES: [&str; 5] = ["missing", "without a value", "empty", "once", "repeated"];

fn query_state(path: &str, name: &str) -> &'static str {
    let query = path.split_once('?').map_or("", |(_, query)| query);
    let own: Vec<&str> =
        query.split('&').filter(|pair| pair.split('=').next() == Some(name)).collect();
    match own.as_slice() {
        [] => QUERIES[0],
        [only] if !only.contains('=') => QUERIES[1],
        [only] if only.ends_with('=') => QUERIES[2],
        [_] => QUERIES[3],
        _ => QUERIES[4],
    }
}

const PATHS: [&str; 6] = [
    "prefix without a slash",
    "prefix with a slash",
    "exact path",
    "exact path with a slash",
    "regex that no part meets",
    "regex that a part meets",
];

fn path(wanted: &PathMatch, sent: &str) -> &'static str {
    let path = sent.split('?').next().unwrap_or_default();
    match wanted {
        PathMatch::Prefix(text) => PATHS[usize::from(text.ends_with('/'))],
        PathMatch::Exact(text) => PATHS[2 + usize::from(text.ends_with('/'))],
        PathMatch::Regex(text) => {
            // Of a part of the path: what a search finds, and Envoy's whole match need not. What
            // only RE2 can read finds nothing here.
            let part = regex_automata::meta::Regex::new(text).is_ok_and(|r| r.is_match(path));
            PATHS[4 + usize::from(part)]
        }
    }
}

/// Forms of a path as it is sent.
const FORMS: [&str; 12] = [
    "plain",
    "escaped slash",
    "escaped slash in small letters",
    "doubled slash",
    "dot segment",
    "escaped dot segment",
    "dots before letters",
    "needless escape",
    "escaped twice",
    "no escape after %",
    "backslash",
    "longer than 2,000 bytes",
];

fn forms(sent: &str) -> Vec<&'static str> {
    let path = sent.split('?').next().unwrap_or_default();
    let lower = path.to_ascii_lowercase();
    let bare = lower.replace("%2e", ".");
    let segments = |text: &str, is: fn(&str) -> bool| text.split('/').any(is);
    let dots = |text: &str| segments(text, |part| part == "." || part == "..");
    let stray = lower.match_indices('%').any(|(at, _)| {
        !lower.as_bytes().get(at + 1..at + 3).is_some_and(|d| d.iter().all(u8::is_ascii_hexdigit))
    });
    let holds = [
        lower.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'/') && !path.contains("//"),
        path.contains("%2F"),
        path.contains("%2f"),
        path.contains("//"),
        dots(path),
        !dots(&lower) && dots(&bare),
        segments(path, |part| part.starts_with('.') && part.len() > 1 && !part.starts_with("..")),
        lower.contains("%41") || lower.contains("%7e"),
        lower.contains("%25"),
        stray,
        path.contains('\\'),
        path.len() > 2_000,
    ];
    FORMS.iter().zip(holds).filter(|(_, holds)| *holds).map(|(form, _)| *form).collect()
}

const REWRITES: [&str; 6] = [
    "prefix to /",
    "prefix to another",
    "prefix kept",
    "whole path replaced",
    "whole path kept",
    "no path condition",
];

impl Edges {
    fn note(&mut self, edge: &str, met: bool) {
        self.0.entry(edge.to_owned()).or_default()[usize::from(!met)] += 1;
    }

    /// Notes a pair on which Envoy and `traffic` agree.
    pub(crate) fn agreed(&mut self, mesh: &Mesh, request: &Request, journey: &Journey<'_>) {
        let served = matches!(journey.end, End::Targets { .. });
        for form in forms(&request.path) {
            self.note(&format!("path sent: {form}"), served);
        }
        if let End::Answer { status, .. } = journey.end {
            self.note(&format!("answer: {status}"), true);
        }
        for hop in &journey.hops {
            self.hop(mesh, request, hop);
        }
        self.rewritten(mesh, journey);
    }

    fn hop(&mut self, mesh: &Mesh, request: &Request, hop: &Hop<'_>) {
        for passed in &hop.passed {
            let Some(of) = conditions(mesh, &passed.address) else { continue };
            self.missed(request, &hop.seen, &of, &passed.miss.pointer);
        }
        let Some(row) = &hop.taken else { return };
        if let Action::Targets(shares) = &row.action {
            let zero = shares.iter().any(|share| share.weight == 0);
            self.note(if zero { "a target of weight zero" } else { "weights" }, true);
            if shares.len() > 1 {
                self.note("several targets", true);
            }
        }
        if let Some(service) = hop.service {
            self.note(if service.sole { "sole port" } else { "one of two ports" }, true);
        }
        let Some(of) = conditions(mesh, &row.address) else { return };
        if let Some(host) = of.host {
            self.note(&host_edge(host, &hop.seen.host), true);
        }
        if let Some(wanted) = of.path {
            self.note(&format!("path: {}", path(wanted, &hop.seen.path)), true);
        }
        if of.method {
            self.note("method", true);
        }
        if of.scheme {
            self.note("scheme", true);
        }
        if let Some(method) = of.calls {
            self.note(if method { "gRPC method" } else { "gRPC service" }, true);
        }
        for (kind, all) in [("header", &of.headers), ("metadata", &of.metadata)] {
            for (name, matcher) in all {
                self.header(kind, matcher, &values(&hop.seen, name), true);
            }
        }
        for (name, matcher) in &of.query {
            self.note(&query_edge(matcher, &hop.seen.path, name), true);
        }
    }

    /// The one condition of a route that turned a request away.
    fn missed(&mut self, request: &Request, seen: &Seen, of: &Conditions<'_>, pointer: &str) {
        let parts: Vec<&str> = pointer.split('/').collect();
        let name = parts.get(3).copied().unwrap_or_default();
        match (parts[2], of.path) {
            ("hostname", _) => {
                if let Some(host) = of.host {
                    self.note(&host_edge(host, &request.authority), false);
                }
            }
            ("path", Some(wanted)) => {
                self.note(&format!("path: {}", path(wanted, &seen.path)), false);
            }
            ("path", None) => {
                let method = of.calls == Some(true);
                self.note(if method { "gRPC method" } else { "gRPC service" }, false);
            }
            ("method" | "scheme", _) => self.note(parts[2], false),
            ("headers", _) => {
                let metadata = of.metadata.iter().filter(|(own, _)| *own == name);
                let metadata: Vec<_> = metadata.collect();
                let own: Vec<_> = of.headers.iter().filter(|(own, _)| *own == name).collect();
                // Of several on one name it is not told which.
                if let [(_, matcher)] = own.as_slice() {
                    self.header("header", matcher, &values(seen, name), false);
                }
                if let [(_, matcher)] = metadata.as_slice() {
                    self.header("metadata", matcher, &values(seen, name), false);
                }
            }
            ("query_parameters", _) => {
                let own: Vec<_> = of.query.iter().filter(|(own, _)| *own == name).collect();
                if let [(_, matcher)] = own.as_slice() {
                    self.note(&query_edge(matcher, &seen.path, name), false);
                }
            }
            (other, _) => panic!("a condition on {other}"),
        }
    }

    fn header(&mut self, kind: &str, matcher: &Matcher, values: &[&str], met: bool) {
        let inverted = if matcher.invert { ", inverted" } else { "" };
        if kind == "metadata" {
            self.note(&format!("metadata: {}", pattern(matcher)), met);
            return;
        }
        self.note(&format!("header: {}{inverted}, {}", pattern(matcher), state(values)), met);
        let joined = values.join(",");
        let as_one = match &matcher.pattern {
            Pattern::Exact(text) => joined == *text,
            Pattern::Prefix(text) => joined.starts_with(text.as_str()),
            Pattern::Suffix(text) => joined.ends_with(text.as_str()),
            _ => met != matcher.invert,
        };
        if values.len() > 1 && as_one != (met != matcher.invert) {
            self.note(JOINED, met);
        }
        if let (Pattern::Range(range), [value]) = (&matcher.pattern, values)
            && let Some(place) = number(range.start, range.end, value)
        {
            self.note(&format!("header: range{inverted}, {place}"), met);
        }
    }

    /// What a gateway makes of a path, and whether the service's routes take it then.
    fn rewritten(&mut self, mesh: &Mesh, journey: &Journey<'_>) {
        let [gateway, service] = journey.hops.as_slice() else { return };
        let Some(row) = &gateway.taken else { return };
        let (Action::Service { rewrite, .. }, Address::GatewayRoute(name, route)) =
            (&row.action, &row.address)
        else {
            return;
        };
        let written = mesh.gateways[name].routes.iter().find(|item| item.name == *route).unwrap();
        let edge = match (&rewrite.path, &written.matches.path) {
            (PathRewrite::Prefix("/"), _) => REWRITES[0],
            (PathRewrite::Prefix(_), _) => REWRITES[1],
            (PathRewrite::Whole(_), _) => REWRITES[3],
            (PathRewrite::Keep, Some(PathMatch::Prefix(_))) => REWRITES[2],
            (PathRewrite::Keep, Some(_)) => REWRITES[4],
            (PathRewrite::Keep, None) => REWRITES[5],
        };
        let taken = service.taken.is_some();
        self.note(&format!("after a rewrite: {edge}"), taken);
        let host = if rewrite.host.is_some() { "replaced" } else { "kept" };
        self.note(&format!("after a rewrite: host {host}"), taken);
    }

    /// Every edge that was not stood at as it can be.
    pub(crate) fn gaps(&self) -> Vec<String> {
        let mut gaps = Vec::new();
        for (edge, ways) in expected() {
            let [met, missed] = self.0.get(&edge).copied().unwrap_or_default();
            if met == 0 && ways != Ways::Missed {
                gaps.push(format!("{edge}: never met"));
            }
            if missed == 0 && ways != Ways::Met {
                gaps.push(format!("{edge}: never missed"));
            }
            // What cannot come about has not.
            let impossible = (met > 0 && ways == Ways::Missed) || (missed > 0 && ways == Ways::Met);
            assert!(!impossible, "{edge}: {met} met, {missed} missed");
        }
        gaps
    }

    /// All counts, a line each.
    pub(crate) fn table(&self) -> String {
        let line = |(edge, [met, missed]): (&String, &[u64; 2])| {
            format!("{met:>8} met {missed:>8} missed  {edge}\n")
        };
        self.0.iter().map(line).collect()
    }
}

fn host_edge(host: &HostnameMatch, called: &str) -> String {
    let kind = if matches!(host, HostnameMatch::Exact(_)) { "exact" } else { "suffix" };
    let port = if called.contains(':') { " with a port" } else { "" };
    let case = if called.bytes().any(|b| b.is_ascii_uppercase()) { " in capitals" } else { "" };
    format!("host: {kind}{port}{case}")
}

fn query_edge(matcher: &Matcher, path: &str, name: &str) -> String {
    let kind = match (pattern(matcher), matcher.invert) {
        ("present", true) => "absent",
        ("absent", true) => "present",
        (kind, _) => kind,
    };
    format!("query: {kind}, {}", query_state(path, name))
}

/// Every edge that a run has to stand at, and what can come about there.
fn expected() -> Vec<(String, Ways)> {
    let mut all = Vec::new();
    let mut add = |edge: String, ways| all.push((edge, ways));
    for edge in PATHS {
        add(format!("path: {edge}"), Ways::Both);
    }
    for form in FORMS {
        add(format!("path sent: {form}"), Ways::Both);
    }
    for rewrite in REWRITES {
        add(format!("after a rewrite: {rewrite}"), Ways::Both);
    }
    for host in ["host replaced", "host kept"] {
        add(format!("after a rewrite: {host}"), Ways::Both);
    }
    for kind in ["exact", "suffix"] {
        for form in ["", " with a port", " in capitals"] {
            add(format!("host: {kind}{form}"), Ways::Both);
        }
    }
    for edge in ["method", "gRPC service", "gRPC method"] {
        add(edge.to_owned(), Ways::Both);
    }
    add("scheme".to_owned(), Ways::Both);
    add(JOINED.to_owned(), Ways::Both);
    for edge in ["a target of weight zero", "weights", "several targets", "one of two ports"] {
        add(edge.to_owned(), Ways::Met);
    }
    for status in [400, 404, 503] {
        add(format!("answer: {status}"), Ways::Met);
    }
    for kind in PATTERNS {
        add(format!("metadata: {kind}"), Ways::Both);
        for inverted in [false, true] {
            let word = if inverted { ", inverted" } else { "" };
            for state in VALUES {
                add(format!("header: {kind}{word}, {state}"), header_ways(kind, inverted, state));
            }
        }
        if kind == "range" {
            continue;
        }
        for state in QUERIES {
            add(format!("query: {kind}, {state}"), query_ways(kind, state));
        }
    }
    for place in NUMBERS {
        for inverted in [false, true] {
            let word = if inverted { ", inverted" } else { "" };
            let inside = ["its first", "its last"].contains(&place);
            let ways = match place {
                "negative" => Ways::Both,
                _ if inside != inverted => Ways::Met,
                _ => Ways::Missed,
            };
            add(format!("header: range{word}, {place}"), ways);
        }
    }
    all
}

fn header_ways(kind: &str, inverted: bool, state: &str) -> Ways {
    let there = state != "missing";
    match kind {
        "present" | "absent" => match (kind == "present") == (there != inverted) {
            true => Ways::Met,
            false => Ways::Missed,
        },
        _ if !there => Ways::Missed,
        // No text, prefix, suffix or number of these meshes is empty; an expression may take it.
        "regex" => Ways::Both,
        _ if state == "empty" && inverted => Ways::Met,
        _ if state == "empty" => Ways::Missed,
        _ => Ways::Both,
    }
}

fn query_ways(kind: &str, state: &str) -> Ways {
    let there = state != "missing";
    let empty = ["without a value", "empty"].contains(&state);
    match kind {
        "present" if there => Ways::Met,
        "absent" if !there => Ways::Met,
        "present" | "absent" => Ways::Missed,
        _ if !there => Ways::Missed,
        "regex" => Ways::Both,
        _ if empty => Ways::Missed,
        _ => Ways::Both,
    }
}
