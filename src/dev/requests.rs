//! The requests that `dev` makes: as the project wrote them, or one for each way in.

use super::client::{self, Answer, Version};
use super::overlay::service_ports;
use crate::load::DevRequest;
use crate::model::{
    Address, GatewayMatch, GatewayName, HostnameMatch, Matcher, Mesh, NodeName, PathMatch, Pattern,
    Port, Protocol, RouteMatch, ServiceName,
};
use bytes::Bytes;
use http::Request;
use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

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
            Protocol::Grpc => write!(f, "grpc://{}{}", self.host, self.path)?,
            Protocol::Http | Protocol::Http2 => {
                write!(f, "{} http://{}{}", self.method, self.host, self.path)?;
            }
        }
        for (name, value) in &self.headers {
            write!(f, " {name}={value}")?;
        }
        Ok(())
    }
}

impl Try {
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
        client::call(self.to, version, self.request(version)?, LIMIT).await
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
            Version::Http2 => request.uri(format!("http://{}{}", self.host, self.path)),
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
        let url = format!("http://{}{}", self.to, self.path);
        let mut words = vec!["curl".to_owned()];
        match self.protocol {
            Protocol::Http => {}
            Protocol::Http2 => words.push("--http2-prior-knowledge".to_owned()),
            Protocol::Grpc => return None,
            Protocol::Tcp => return Some(format!("nc {} {}", self.to.ip(), self.to.port())),
        }
        if self.method != "GET" {
            words.push(format!("-X {}", self.method));
        }
        words.push(format!("-H 'host: {}'", self.host));
        for (name, value) in &self.headers {
            words.push(format!("-H '{name}: {value}'"));
        }
        // The shell would read `?` and `&` in its own way.
        let plain = self.path.chars().all(|c| c.is_ascii_alphanumeric() || "/-_.".contains(c));
        words.push(if plain { url } else { format!("'{url}'") });
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
    let (scheme, rest) = request
        .url
        .split_once("://")
        .ok_or_else(|| unclear("it does not start with http://, grpc:// or tcp://".to_owned()))?;
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
    let (to, protocol) = match &request.from {
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
    let fits = match scheme {
        "tcp" => protocol == Protocol::Tcp,
        "grpc" => protocol == Protocol::Grpc,
        "http" => matches!(protocol, Protocol::Http | Protocol::Http2),
        _ => false,
    };
    if !fits {
        return Err(unclear(format!("{protocol} is spoken there, not {scheme}")));
    }
    let success = if protocol == Protocol::Grpc { 0 } else { 200 };
    let default_method = if protocol == Protocol::Grpc { "POST" } else { "GET" };
    Ok(Try {
        from: request.from.clone(),
        to,
        protocol,
        method: request.method.clone().unwrap_or_else(|| default_method.to_owned()),
        host: host.to_owned(),
        path: path.to_owned(),
        headers: request.headers.clone(),
        expected: Some(request.status.unwrap_or(success)),
    })
}

/// Where a gateway is called on a port, or on its first.
fn gateway_door(
    mesh: &Mesh,
    name: &GatewayName,
    port: Option<Port>,
) -> Option<(SocketAddr, Protocol)> {
    let listeners = &mesh.gateways.get(name)?.listeners;
    let named = port.and_then(|port| listeners.iter().find(|listener| listener.port == port));
    let listener = named.or(listeners.first())?;
    let address = listener.address.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
    Some((SocketAddr::new(address, listener.port.get()), listener.protocol))
}

/// Where the application of a node calls a service on a port, or on its first.
fn node_door(
    mesh: &Mesh,
    name: &NodeName,
    service: &ServiceName,
    port: Option<Port>,
) -> Option<(SocketAddr, Protocol)> {
    let backends = &mesh.nodes.get(name)?.backends;
    let backend = backends.iter().find(|backend| backend.service == *service)?;
    let ports = service_ports(mesh, service);
    let port = port.filter(|port| ports.contains(port)).or(ports.first().copied())?;
    let to = backend.bind.address(port, ports.len() == 1)?;
    Some((to, service_protocol(mesh, service, port)?))
}

fn service_protocol(mesh: &Mesh, name: &ServiceName, port: Port) -> Option<Protocol> {
    let service = mesh.services.get(name)?;
    if let Some(router) = service.router.as_ref().and_then(|router| mesh.routers.get(router)) {
        return router.listeners.iter().find(|it| it.port == port).map(|it| it.protocol);
    }
    let node = mesh.nodes.get(service.node.as_ref()?)?;
    node.listener(port).map(|listener| listener.protocol)
}

/// One request for each route of a gateway and each backend of a node. What only a regular
/// expression could tell is left out.
pub fn derived(mesh: &Mesh) -> Vec<Try> {
    let mut tries = Vec::new();
    for (name, gateway) in &mesh.gateways {
        for route in &gateway.routes {
            let door = gateway_door(mesh, name, route.matches.port);
            let sample = gateway_sample(&route.matches, &route.service.name);
            if let (Some((to, protocol)), Some(sample)) = (door, sample) {
                tries.push(sample.into_try(Address::Gateway(name.clone()), to, protocol));
            }
        }
    }
    for (name, node) in &mesh.nodes {
        for backend in &node.backends {
            for port in service_ports(mesh, &backend.service) {
                let door = node_door(mesh, name, &backend.service, Some(port));
                let sample = service_sample(mesh, &backend.service, port);
                if let (Some((to, protocol)), Some(sample)) = (door, sample) {
                    tries.push(sample.into_try(Address::Node(name.clone()), to, protocol));
                }
            }
        }
    }
    tries
}

/// The parts of a request that some match accepts.
#[derive(Debug)]
struct Sample {
    host: String,
    method: Option<String>,
    path: String,
    headers: BTreeMap<String, String>,
}

impl Sample {
    fn into_try(self, from: Address, to: SocketAddr, protocol: Protocol) -> Try {
        let method = match protocol {
            Protocol::Tcp => String::new(),
            Protocol::Grpc => "POST".to_owned(),
            Protocol::Http | Protocol::Http2 => self.method.unwrap_or_else(|| "GET".to_owned()),
        };
        let path = if protocol == Protocol::Tcp { String::new() } else { self.path };
        let host = self.host;
        Try { from, to, protocol, method, host, path, headers: self.headers, expected: None }
    }
}

fn gateway_sample(matches: &GatewayMatch, service: &ServiceName) -> Option<Sample> {
    let host = match &matches.hostname {
        Some(HostnameMatch::Exact(name)) => name.clone(),
        Some(HostnameMatch::Suffix(suffix)) => format!("any{suffix}"),
        None => service.to_string(),
    };
    let path = match &matches.service_name {
        Some(name) => format!("/{name}/Any"),
        None => path_sample(matches.path.as_ref())?,
    };
    Some(Sample {
        host,
        method: matches.method.map(|method| method.as_str().to_owned()),
        path: with_query(path, &matches.query_parameters)?,
        headers: header_sample(&matches.headers, &matches.metadata)?,
    })
}

/// A request for a service: of its router, the first route that asks for no header, else the first.
fn service_sample(mesh: &Mesh, service: &ServiceName, port: Port) -> Option<Sample> {
    let host = format!("{service}:{port}");
    let provider = mesh.services.get(service)?.router.as_ref();
    let Some(router) = provider.and_then(|router| mesh.routers.get(router)) else {
        let path = "/".to_owned();
        return Some(Sample { host, method: None, path, headers: BTreeMap::new() });
    };
    let of_port =
        |matches: &RouteMatch| router.listener_of(matches).is_some_and(|it| it.port == port);
    let mut routes: Vec<&RouteMatch> =
        router.routes.iter().map(|route| &route.matches).filter(|m| of_port(m)).collect();
    routes.sort_by_key(|matches| matches.headers.len() + matches.metadata.len());
    routes.into_iter().find_map(|matches| {
        let path = match (&matches.service_name, &matches.method_name) {
            (Some(name), Some(method)) => format!("/{name}/{method}"),
            (Some(name), None) => format!("/{name}/Any"),
            (None, _) => path_sample(matches.path.as_ref())?,
        };
        Some(Sample {
            host: host.clone(),
            method: matches.method.map(|method| method.as_str().to_owned()),
            path: with_query(path, &matches.query_parameters)?,
            headers: header_sample(&matches.headers, &matches.metadata)?,
        })
    })
}

fn path_sample(path: Option<&PathMatch>) -> Option<String> {
    match path {
        None => Some("/".to_owned()),
        Some(PathMatch::Prefix(text) | PathMatch::Exact(text)) => Some(text.clone()),
        Some(PathMatch::Regex(_)) => None,
    }
}

fn with_query(path: String, query: &BTreeMap<String, Vec<Matcher>>) -> Option<String> {
    let pairs: Option<Vec<String>> =
        samples(query)?.into_iter().map(|(name, value)| Some(format!("{name}={value}"))).collect();
    let pairs = pairs?;
    Some(if pairs.is_empty() { path } else { format!("{path}?{}", pairs.join("&")) })
}

fn header_sample(
    headers: &BTreeMap<String, Vec<Matcher>>,
    metadata: &BTreeMap<String, Vec<Matcher>>,
) -> Option<BTreeMap<String, String>> {
    let mut all = samples(headers)?;
    all.extend(samples(metadata)?);
    Some(all)
}

/// A value for each name that must have one; `None` if none can be told.
fn samples(matchers: &BTreeMap<String, Vec<Matcher>>) -> Option<BTreeMap<String, String>> {
    let mut values = BTreeMap::new();
    for (name, all) in matchers {
        // Several conditions on one name rarely share a value that is easily told.
        let [matcher] = all.as_slice() else { return None };
        let value = match (&matcher.pattern, matcher.invert) {
            (Pattern::Exact(text) | Pattern::Prefix(text) | Pattern::Suffix(text), false) => {
                Some(text.clone())
            }
            (Pattern::Range(range), false) => Some(range.start.to_string()),
            (Pattern::Present(there), invert) => (*there != invert).then(|| "any".to_owned()),
            // Not to have the header at all satisfies an inverted condition.
            (
                Pattern::Exact(_) | Pattern::Prefix(_) | Pattern::Suffix(_) | Pattern::Range(_),
                true,
            ) => None,
            (Pattern::Regex(_), true) => None,
            (Pattern::Regex(_), false) => return None,
        };
        if let Some(value) = value {
            values.insert(name.clone(), value);
        }
    }
    Some(values)
}
