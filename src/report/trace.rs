//! The way of a request: as a document, and as a person reads it.

use super::plan::path;
use crate::model::{Address, Duration, Protocol, pointer};
use crate::plan::{Place, Places, place_of};
use crate::span::{File, Files};
use crate::traffic::{
    Action, Door, End, Hop, Journey, PathRewrite, Reason, Request, Retries, Row, Timeout, percents,
};
use serde::Serialize;
use std::fmt::Write;

/// The way of one request.
#[derive(Debug, Serialize)]
pub struct Document {
    format: &'static str,
    format_version: &'static str,
    /// Which state of the mesh: `files`, or what `--at` named.
    at: String,
    from: String,
    request: RequestDocument,
    hops: Vec<HopDocument>,
    outcome: Outcome,
}

#[derive(Debug, Serialize)]
struct RequestDocument {
    method: String,
    url: String,
    headers: Vec<[String; 2]>,
}

/// A table that the request met.
#[derive(Debug, Serialize)]
struct HopDocument {
    address: String,
    port: u16,
    protocol: Protocol,
    router: Option<String>,
    origin: Option<Place>,
    seen: SeenDocument,
    passed: Vec<PassedDocument>,
    taken: Option<TakenDocument>,
}

#[derive(Debug, Serialize)]
struct SeenDocument {
    method: String,
    host: String,
    path: String,
}

#[derive(Debug, Serialize)]
struct PassedDocument {
    address: String,
    pointer: String,
    why: String,
    origin: Option<Place>,
}

#[derive(Debug, Serialize)]
struct TakenDocument {
    address: String,
    origin: Option<Place>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rewrite: Option<RewriteDocument>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timeout: Option<TimeoutDocument>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry: Option<RetryDocument>,
}

#[derive(Debug, Serialize)]
struct RewriteDocument {
    host: Option<String>,
    prefix: Option<String>,
    path: Option<String>,
}

#[derive(Debug, Serialize)]
struct TimeoutDocument {
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<Duration>,
    idle: Duration,
    default: bool,
}

#[derive(Debug, Serialize)]
struct RetryDocument {
    on: Vec<String>,
    max_retries: u32,
    per_retry_timeout: Option<Duration>,
    default: bool,
}

/// What became of the request.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Outcome {
    /// `nodes`, `answer`, `leaves`, `refused` or `unclear`.
    pub end: &'static str,
    /// The nodes that it may reach.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub nodes: Vec<NodeDocument>,
    /// The status that a proxy answers with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Which kind of refusal it is: `egress`, `no-route`, …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
    /// Why a proxy answers, refuses, or why it cannot be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// The host that the server sees.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The path and query that the server sees.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The routes and services that it passed.
    pub via: Vec<String>,
}

/// A node that the request may reach.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NodeDocument {
    /// Its name.
    pub node: String,
    /// Its port.
    pub port: u16,
    /// Its share of such requests, in per cent.
    pub percent: f64,
    /// `plain`, `tls` or `mutual-tls`.
    pub security: &'static str,
}

/// What became of a request.
pub fn outcome(journey: &Journey<'_>) -> Outcome {
    let mut via = Vec::new();
    for hop in &journey.hops {
        via.extend(hop.service.map(|service| Address::Service(service.name.clone()).to_string()));
        let taken = hop.taken.as_ref().map(|row| row.address.to_string());
        via.extend(taken.filter(|taken| via.last() != Some(taken)));
    }
    let mut outcome = Outcome {
        end: "nodes",
        nodes: Vec::new(),
        status: None,
        reason: None,
        why: None,
        host: None,
        path: None,
        via,
    };
    match &journey.end {
        End::Targets { shares, host, path } => {
            let percent = percents(shares);
            outcome.nodes = shares
                .iter()
                .zip(percent)
                .map(|(share, percent)| NodeDocument {
                    node: share.to.name.to_string(),
                    port: share.to.listener.port.get(),
                    percent,
                    security: journey.security(share.to).as_str(),
                })
                .collect();
            outcome.host = (!host.is_empty()).then(|| host.clone());
            outcome.path = (!path.is_empty()).then(|| path.clone());
        }
        End::Answer { status, reason, why } => {
            outcome.reason = reason.map(Reason::as_str);
            outcome.end = "answer";
            outcome.status = Some(*status);
            outcome.why = Some(why.clone());
        }
        End::PassedOn => {
            outcome.end = "leaves";
            outcome.path = journey.left.as_ref().map(|seen| seen.path.clone());
        }
        End::Closed { reason, why } => {
            outcome.reason = Some(reason.as_str());
            outcome.end = "refused";
            outcome.why = Some(why.clone());
        }
        End::Unknown { why } => {
            outcome.end = "unclear";
            outcome.why = Some(why.clone());
        }
    }
    outcome
}

/// The document of a way. Without places nothing has an origin.
pub fn document(
    journey: &Journey<'_>,
    request: &Request,
    at: &str,
    places: Option<Places<'_>>,
) -> Document {
    let find = |address: &Address, pointer: &str| {
        places.as_ref().and_then(|places| place_of(places, address, pointer))
    };
    let hops = journey.hops.iter().map(|hop| hop_document(journey, hop, &find)).collect();
    let headers = request.headers.iter();
    Document {
        format: "meshctl.trace",
        format_version: "1.0",
        at: at.to_owned(),
        from: journey.source.to_string(),
        request: RequestDocument {
            method: request.method.clone(),
            url: request.url(),
            headers: headers.map(|(name, value)| [name.clone(), value.text()]).collect(),
        },
        hops,
        outcome: outcome(journey),
    }
}

type Find<'a> = dyn Fn(&Address, &str) -> Option<Place> + 'a;

fn hop_document(journey: &Journey<'_>, hop: &Hop<'_>, find: &Find<'_>) -> HopDocument {
    let (address, port, protocol, place) = match (hop.service, journey.entry) {
        (Some(service), _) => {
            (Address::Service(service.name.clone()), service.port, service.protocol, String::new())
        }
        (None, Some(entry)) => {
            let place = match entry.door {
                Door::Gateway { index, .. } => pointer(["listeners", &index.to_string()]),
                Door::Captured { .. } | Door::Bound { .. } => String::new(),
            };
            (journey.source.address(), entry.port, entry.protocol, place)
        }
        (None, None) => unreachable!("invariant: a hop without a service is a door's"),
    };
    let router = hop.service.and_then(|service| service.router()).map(ToString::to_string);
    let passed = hop.passed.iter().map(|passed| PassedDocument {
        address: passed.address.to_string(),
        pointer: passed.miss.pointer.clone(),
        why: passed.miss.why.clone(),
        origin: find(&passed.address, &passed.miss.pointer),
    });
    HopDocument {
        origin: find(&address, &place),
        address: address.to_string(),
        port: port.get(),
        protocol,
        router,
        seen: SeenDocument {
            method: hop.seen.method.clone(),
            host: hop.seen.host.clone(),
            path: hop.seen.path.clone(),
        },
        passed: passed.collect(),
        taken: hop.taken.as_ref().map(|row| taken(row, protocol, find)),
    }
}

fn taken(row: &Row<'_>, protocol: Protocol, find: &Find<'_>) -> TakenDocument {
    let rewrite = match &row.action {
        Action::Service { rewrite, .. } => {
            let (prefix, path) = match rewrite.path {
                PathRewrite::Keep => (None, None),
                PathRewrite::Prefix(prefix) => (Some(prefix.to_owned()), None),
                PathRewrite::Whole(path) => (None, Some(path.to_owned())),
            };
            Some(RewriteDocument { host: rewrite.host.map(str::to_owned), prefix, path })
        }
        Action::Targets(_) | Action::Answer(_) => None,
    };
    let timeout = row.times(protocol).map(|Timeout { request, idle, default }| TimeoutDocument {
        request,
        idle,
        default,
    });
    let retry = row.retries(protocol).map(|own| {
        let Retries { on, max_retries, per_retry_timeout, default } = own;
        RetryDocument { on, max_retries, per_retry_timeout, default }
    });
    TakenDocument {
        address: row.address.to_string(),
        origin: find(&row.address, ""),
        rewrite,
        timeout,
        retry,
    }
}

impl Document {
    /// Whether it could be told what becomes of the request; if not, why.
    pub fn unclear(&self) -> Option<&str> {
        (self.outcome.end == "unclear").then(|| self.outcome.why.as_deref().unwrap_or_default())
    }

    /// The document as JSON.
    pub fn json(&self) -> String {
        let value = serde_json::to_value(self).unwrap_or_default();
        format!("{value:#}\n")
    }

    /// The way as a person reads it; `files` says where places of the files are.
    pub fn text(&self, color: bool, files: Option<&Files>) -> String {
        let mut lines: Vec<(String, String)> = Vec::new();
        for hop in &self.hops {
            hop.lines(color, files, &mut lines);
        }
        let tcp = self.request.url.starts_with("tcp:");
        let method = if tcp { "" } else { &self.request.method };
        let mut text = format!("{method} {} from {}", self.request.url, self.from);
        if self.at != "files" {
            let _ = write!(text, ", at {}", self.at);
        }
        let mut text = text.trim_start().to_owned();
        text.push_str("\n\n");
        let widest = lines.iter().filter(|(_, place)| !place.is_empty());
        let width =
            widest.map(|(line, _)| super::escape::seen(line)).max().unwrap_or(0).min(WIDEST);
        for (line, place) in &lines {
            let gap = width.saturating_sub(super::escape::seen(line)) + 2;
            let place = super::paint(color, place, "2");
            let tail = if place.is_empty() { String::new() } else { format!("{:gap$}{place}", "") };
            let _ = writeln!(text, "{line}{tail}");
        }
        text.push_str(&self.outcome.text(color, !self.hops.is_empty()));
        text
    }
}

/// Where the column of places stands at most.
const WIDEST: usize = 76;

fn shown(origin: Option<&Place>, files: Option<&Files>) -> String {
    let shown = |place: &Place| format!("{}:{}", path(files, place, File::shown), place.line);
    origin.map_or_else(String::new, shown)
}

impl HopDocument {
    fn lines(&self, color: bool, files: Option<&Files>, lines: &mut Vec<(String, String)>) {
        let bold = |text: &str| super::paint(color, text, "1");
        let router = self.router.as_ref().map_or(String::new(), |name| format!(", router {name}"));
        let name = format!("{}{router}, port {} {}", self.address, self.port, self.protocol);
        lines.push((bold(&name), shown(self.origin.as_ref(), files)));
        if self.protocol != Protocol::Tcp {
            let seen = &self.seen;
            let line = format!("    {} {}  host {}", seen.method, seen.path, seen.host);
            lines.push((line, String::new()));
        }
        for passed in &self.passed {
            let line = format!("  - {}  {}", passed.address, passed.why);
            lines.push((super::paint(color, &line, "2"), shown(passed.origin.as_ref(), files)));
        }
        match &self.taken {
            Some(taken) => {
                let line = format!("  > {}", taken.address);
                lines.push((super::paint(color, &line, "32"), shown(taken.origin.as_ref(), files)));
                lines.extend(taken.words().map(|words| (format!("      {words}"), String::new())));
            }
            None => lines.push(("  no route takes it".to_owned(), String::new())),
        }
    }
}

impl TakenDocument {
    /// What is done on the way.
    fn words(&self) -> Option<String> {
        let mut words = Vec::new();
        if let Some(rewrite) = &self.rewrite {
            words.extend(rewrite.host.as_ref().map(|host| format!("host becomes {host}")));
            words.extend(rewrite.prefix.as_ref().map(|prefix| format!("prefix becomes {prefix}")));
            words.extend(rewrite.path.as_ref().map(|path| format!("path becomes {path}")));
        }
        if let Some(timeout) = &self.timeout {
            let default = if timeout.default { " (default)" } else { "" };
            let (what, limit) = match timeout.request {
                Some(request) => ("timeout", request),
                None => ("idle timeout", timeout.idle),
            };
            words.push(match limit.is_zero() {
                true => format!("no {what}"),
                false => format!("{what} {limit}{default}"),
            });
        }
        if let Some(retry) = &self.retry {
            let default = if retry.default { " (default)" } else { "" };
            let each =
                retry.per_retry_timeout.map_or(String::new(), |time| format!(", {time} each"));
            words.push(match retry.max_retries {
                0 => "no retries".to_owned(),
                1 => format!("1 retry on {}{each}{default}", retry.on.join(", ")),
                n => format!("{n} retries on {}{each}{default}", retry.on.join(", ")),
            });
        }
        (!words.is_empty()).then(|| words.join("; "))
    }
}

impl Outcome {
    fn text(&self, color: bool, after: bool) -> String {
        let mut text = String::new();
        let why = self.why.as_deref().unwrap_or_default();
        match self.end {
            "nodes" => {
                let width = self.nodes.iter().map(|node| node.node.len()).max().unwrap_or(0);
                for node in &self.nodes {
                    let line = format!(
                        "{:>5} %  virtual_node/{:width$}  port {}, {}",
                        round(node.percent),
                        node.node,
                        node.port,
                        node.security.replace("mutual-tls", "mutual TLS").replace("tls", "TLS")
                    );
                    let style = if node.percent > 0.0 { "32;1" } else { "2" };
                    let _ = writeln!(text, "{}", super::paint(color, &line, style));
                }
                if let (Some(host), Some(path)) = (&self.host, &self.path) {
                    let _ = writeln!(text, "         as {path}, host {host}");
                }
            }
            "answer" => {
                let status = self.status.unwrap_or_default();
                let _ = writeln!(
                    text,
                    "{}",
                    super::paint(color, &format!("answered with {status}: {why}"), "33;1")
                );
            }
            "leaves" => match &self.path {
                Some(path) => text.push_str(&format!(
                    "leaves the mesh with the path {path} (egress = \"allow-all\")\n"
                )),
                None => text.push_str("leaves the mesh as it is (egress = \"allow-all\")\n"),
            },
            "refused" => {
                let _ =
                    writeln!(text, "{}", super::paint(color, &format!("refused: {why}"), "31;1"));
            }
            _ => {
                let _ = writeln!(text, "cannot be determined: {why}");
            }
        }
        if after { format!("\n{text}") } else { text }
    }
}

/// A share in per cent, with as many digits as it needs.
pub fn round(percent: f64) -> String {
    let text = format!("{percent:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
