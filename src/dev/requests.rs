//! The requests that `dev` makes: as the project wrote them, or one for each way in.

use super::client::{self, Answer, Version};
use super::overlay::service_ports;
use crate::diag::shell::word;
use crate::load::DevRequest;
use crate::model::{Address, GatewayName, Mesh, NodeName, Port, Protocol, ServiceName, TlsMode};
use bytes::Bytes;
use http::Request;
use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

pub use super::derived::derived;

/// How long an answer may take: longer than App Mesh's own timeout, which is to be seen.
const LIMIT: Duration = Duration::from_secs(20);

/// A request that can be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Try {
    /// The node or gateway that it is made through.
    pub from: Address,
    /// Where it is sent.
    pub to: SocketAddr,
    /// What is spoken there.
    pub protocol: Protocol,
    /// Whether under TLS. Any certificate is taken.
    pub tls: bool,
    /// The method; empty for TCP.
    pub method: String,
    /// The host that the request names, with its port if that is not 80.
    pub host: String,
    /// The path with its query; empty for TCP.
    pub path: String,
    /// Headers besides the host.
    pub headers: BTreeMap<String, String>,
    /// The status that the answer must have; `None` takes any answer for good.
    pub expected: Option<u32>,
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Whether the answer is what was expected.
    pub good: bool,
    /// The answer in a few words.
    pub words: String,
}

/// Why a request of the project cannot be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unclear {
    /// The request's URL.
    pub url: String,
    /// What is wrong with it.
    pub why: String,
}

impl fmt::Display for Unclear {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the request {} of [dev] cannot be made: {}", self.url, self.why)
    }
}

impl std::error::Error for Unclear {}

impl fmt::Display for Try {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.from)?;
        match self.protocol {
            Protocol::Tcp => write!(f, "tcp://{}", self.host)?,
            Protocol::Grpc => {
                let scheme = if self.tls { "grpcs" } else { "grpc" };
                write!(f, "{scheme}://{}{}", self.host, self.path)?;
            }
            Protocol::Http | Protocol::Http2 => {
                write!(f, "{} {}://{}{}", self.method, self.scheme(), self.host, self.path)?;
            }
        }
        for (name, value) in &self.headers {
            write!(f, " {name}={value}")?;
        }
        Ok(())
    }
}

impl Try {
    fn scheme(&self) -> &'static str {
        if self.tls { "https" } else { "http" }
    }

    /// Makes the request and judges the answer.
    pub async fn make(&self) -> Outcome {
        let made = match self.protocol {
            Protocol::Tcp => client::greeting(self.to, LIMIT).await.map(|said| {
                let words = printable(&said);
                Outcome { good: true, words: format!("connected, greeted with {words}") }
            }),
            Protocol::Http | Protocol::Http2 | Protocol::Grpc => self.judged().await,
        };
        made.unwrap_or_else(|error| Outcome { good: false, words: error.to_string() })
    }

    /// Makes the request, which is not TCP, and gives the answer as it came.
    pub async fn answer(&self) -> Result<Answer, client::Error> {
        let version = match self.protocol {
            Protocol::Http | Protocol::Tcp => Version::Http1,
            Protocol::Http2 | Protocol::Grpc => Version::Http2,
        };
        let request = self.request(version)?;
        match self.tls {
            true => {
                let host = self.host.rsplit_once(':').map_or(&*self.host, |(host, _)| host);
                client::call_tls(self.to, host, version, request, LIMIT).await
            }
            false => client::call(self.to, version, request, LIMIT).await,
        }
    }

    async fn judged(&self) -> Result<Outcome, client::Error> {
        let answer = self.answer().await?;
        let grpc = self.protocol == Protocol::Grpc;
        let status = match grpc {
            true => answer.grpc_status().unwrap_or(u32::MAX),
            false => u32::from(answer.status),
        };
        let good = self.expected.is_none_or(|expected| expected == status);
        let mut words = match (grpc, answer.grpc_status()) {
            (true, Some(status)) => format!("gRPC status {status}"),
            (true, None) => format!("HTTP status {}, which is no gRPC", answer.status),
            (false, _) => status.to_string(),
        };
        words.push_str(&match answer.node() {
            Some(node) => format!(" from {node}{}", seen(&answer)),
            None => reason(&answer),
        });
        if let (false, Some(expected)) = (good, self.expected) {
            words.push_str(&format!(", but {expected} was expected"));
        }
        Ok(Outcome { good, words })
    }

    /// The request itself.
    pub fn request(&self, version: Version) -> Result<Request<Bytes>, client::Error> {
        let mut request = Request::builder().method(self.method.as_str());
        request = match version {
            Version::Http1 => request.uri(&self.path).header("host", &self.host),
            Version::Http2 => {
                request.uri(format!("{}://{}{}", self.scheme(), self.host, self.path))
            }
        };
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let body = match self.protocol {
            Protocol::Grpc => {
                request =
                    request.header("content-type", "application/grpc").header("te", "trailers");
                // One empty message: a frame without compression and of no length.
                Bytes::from_static(&[0; 5])
            }
            Protocol::Http | Protocol::Http2 | Protocol::Tcp => Bytes::new(),
        };
        request.body(body).map_err(|error| client::Error::Broken(error.into()))
    }

    /// A command line that makes the same request, if there is a short one.
    pub fn command_line(&self) -> Option<String> {
        let mut words = vec!["curl".to_owned()];
        match self.protocol {
            Protocol::Http if self.tls => words.push("--http1.1".to_owned()),
            Protocol::Http2 if self.tls => words.push("--http2".to_owned()),
            Protocol::Http => {}
            Protocol::Http2 => words.push("--http2-prior-knowledge".to_owned()),
            Protocol::Grpc => return None,
            Protocol::Tcp => return Some(format!("nc {} {}", self.to.ip(), self.to.port())),
        }
        if self.method != "GET" {
            words.push(format!("-X {}", self.method));
        }
        let url = match self.tls {
            // The name in the URL is the one that TLS asks for (SNI).
            true => {
                words.push(format!("-k --connect-to {}", word(&format!("::{}", self.to))));
                format!("https://{}{}", self.host, self.path)
            }
            false => {
                words.push(format!("-H {}", word(&format!("host: {}", self.host))));
                format!("http://{}{}", self.to, self.path)
            }
        };
        for (name, value) in &self.headers {
            words.push(format!("-H {}", word(&format!("{name}: {value}"))));
        }
        // curl itself reads brackets and braces of a URL as patterns.
        if self.path.contains(['[', ']', '{', '}']) {
            words.push("-g".to_owned());
        }
        words.push(word(&url).into_owned());
        Some(words.join(" "))
    }
}

/// What the upstream saw, where that differs from what was sent.
fn seen(answer: &Answer) -> String {
    let Ok(body) = serde_json::from_slice::<serde_json::Value>(&answer.body) else {
        return String::new();
    };
    let text = |key: &str| body.get(key).and_then(|value| value.as_str().map(str::to_owned));
    match (text("host"), text("path")) {
        (Some(host), Some(path)) => format!(", which saw {host}{path}"),
        _ => String::new(),
    }
}

/// Why a proxy answered by itself, in its own words.
fn reason(answer: &Answer) -> String {
    let said = String::from_utf8_lossy(&answer.body);
    let said = said.trim();
    match said.is_empty() || said.len() > 200 {
        true => " from a proxy".to_owned(),
        false => format!(" from a proxy: {said}"),
    }
}

/// Bytes as text, with what cannot be shown as dots.
fn printable(bytes: &[u8]) -> String {
    let shown: String = bytes
        .iter()
        .take(60)
        .map(|byte| match byte {
            0x20..=0x7e => char::from(*byte),
            _ => '.',
        })
        .collect();
    format!("`{}`", shown.trim_matches('.'))
}

/// The requests that the project wrote.
pub fn written(mesh: &Mesh, requests: &[DevRequest]) -> Result<Vec<Try>, Unclear> {
    requests.iter().map(|request| one_written(mesh, request)).collect()
}

fn one_written(mesh: &Mesh, request: &DevRequest) -> Result<Try, Unclear> {
    let unclear = |why: String| Unclear { url: request.url.clone(), why };
    let (scheme, rest) = request.url.split_once("://").ok_or_else(|| {
        let schemes = "http://, https://, grpc://, grpcs:// or tcp://";
        unclear(format!("it does not start with {schemes}"))
    })?;
    let (host, path) = match rest.find('/') {
        Some(at) => (&rest[..at], &rest[at..]),
        None => (rest, if scheme == "tcp" { "" } else { "/" }),
    };
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) => {
            let port = port.parse().ok().and_then(Port::new);
            (name, Some(port.ok_or_else(|| unclear("its port is no port".to_owned()))?))
        }
        None => (host, None),
    };
    let door = match &request.from {
        Address::Gateway(gateway) => gateway_door(mesh, gateway, port),
        Address::Node(node) => {
            let service = ServiceName::new(name).map_err(|why| unclear(why.to_string()))?;
            node_door(mesh, node, &service, port)
        }
        Address::Mesh
        | Address::Router(_)
        | Address::Route(..)
        | Address::Service(_)
        | Address::GatewayRoute(..) => None,
    }
    .ok_or_else(|| unclear(format!("{} has no way to {host}", request.from)))?;
    let Door { to, protocol, tls: mode, asks_for_certificate } = door;
    let (plain, secure) = match protocol {
        Protocol::Tcp => ("tcp", None),
        Protocol::Grpc => ("grpc", Some("grpcs")),
        Protocol::Http | Protocol::Http2 => ("http", Some("https")),
    };
    let secure = secure.filter(|_| mode != TlsMode::Disabled);
    let tls = secure == Some(scheme);
    if !tls && (scheme != plain || mode == TlsMode::Strict) {
        let there = match secure {
            Some(secure) if mode == TlsMode::Strict => secure,
            _ => plain,
        };
        return Err(unclear(format!("the listener is for {there}://, not {scheme}://")));
    }
    if tls && asks_for_certificate {
        let why = "the listener asks for a client's certificate, and dev has none";
        return Err(unclear(why.to_owned()));
    }
    let success = if protocol == Protocol::Grpc { 0 } else { 200 };
    let default_method = if protocol == Protocol::Grpc { "POST" } else { "GET" };
    Ok(Try {
        from: request.from.clone(),
        to,
        protocol,
        tls,
        method: request.method.clone().unwrap_or_else(|| default_method.to_owned()),
        host: host.to_owned(),
        path: path.to_owned(),
        headers: request.headers.clone(),
        expected: Some(request.status.unwrap_or(success)),
    })
}

/// Where a request goes in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Door {
    pub(super) to: SocketAddr,
    pub(super) protocol: Protocol,
    pub(super) tls: TlsMode,
    /// The listener takes only clients with a certificate.
    pub(super) asks_for_certificate: bool,
}

/// Where a gateway is called on a port, or on its first.
pub(super) fn gateway_door(mesh: &Mesh, name: &GatewayName, port: Option<Port>) -> Option<Door> {
    let listeners = &mesh.gateways.get(name)?.listeners;
    let named = port.and_then(|port| listeners.iter().find(|listener| listener.port == port));
    let listener = named.or(listeners.first())?;
    let address = listener.address.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
    let tls = listener.tls.as_ref();
    Some(Door {
        to: SocketAddr::new(address, listener.port.get()),
        protocol: listener.protocol,
        tls: tls.map_or(TlsMode::Disabled, |tls| tls.mode),
        asks_for_certificate: tls.is_some_and(|tls| tls.validation.is_some()),
    })
}

/// Where the application of a node calls a service on a port, or on its first: in plain text, to
/// its own proxy.
pub(super) fn node_door(
    mesh: &Mesh,
    name: &NodeName,
    service: &ServiceName,
    port: Option<Port>,
) -> Option<Door> {
    let backends = &mesh.nodes.get(name)?.backends;
    let backend = backends.iter().find(|backend| backend.service == *service)?;
    let ports = service_ports(mesh, service);
    let port = port.filter(|port| ports.contains(port)).or(ports.first().copied())?;
    let to = backend.bind.address(port, ports.len() == 1)?;
    let protocol = service_protocol(mesh, service, port)?;
    Some(Door { to, protocol, tls: TlsMode::Disabled, asks_for_certificate: false })
}

fn service_protocol(mesh: &Mesh, name: &ServiceName, port: Port) -> Option<Protocol> {
    let service = mesh.services.get(name)?;
    if let Some(router) = service.router.as_ref().and_then(|router| mesh.routers.get(router)) {
        return router.listeners.iter().find(|it| it.port == port).map(|it| it.protocol);
    }
    let node = mesh.nodes.get(service.node.as_ref()?)?;
    node.listener(port).map(|listener| listener.protocol)
}
