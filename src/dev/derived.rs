//! The requests that `dev` makes up: one for each way in.

use super::overlay::service_ports;
use super::requests::{Door, Try, gateway_door, node_door};
use crate::model::{
    Address, GatewayMatch, HostnameMatch, Matcher, Mesh, PathMatch, Pattern, Port, Protocol,
    RouteMatch, ServiceName, TlsMode,
};
use std::collections::BTreeMap;

/// One request for each route of a gateway and each backend of a node. Left out is what only a
/// regular expression could tell, and listeners that ask for a client's certificate.
pub fn derived(mesh: &Mesh) -> Vec<Try> {
    let mut tries = Vec::new();
    for (name, gateway) in &mesh.gateways {
        for route in &gateway.routes {
            let door = gateway_door(mesh, name, route.matches.port);
            let sample = gateway_sample(&route.matches, &route.service.name);
            if let (Some(door), Some(sample)) = (door, sample)
                && !door.asks_for_certificate
            {
                tries.push(sample.into_try(Address::Gateway(name.clone()), &door));
            }
        }
    }
    for (name, node) in &mesh.nodes {
        for backend in &node.backends {
            for port in service_ports(mesh, &backend.service) {
                let door = node_door(mesh, name, &backend.service, Some(port));
                let sample = service_sample(mesh, &backend.service, port);
                if let (Some(door), Some(sample)) = (door, sample) {
                    tries.push(sample.into_try(Address::Node(name.clone()), &door));
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
    fn into_try(self, from: Address, door: &Door) -> Try {
        let (to, protocol) = (door.to, door.protocol);
        let tls = door.tls == TlsMode::Strict;
        let method = match protocol {
            Protocol::Tcp => String::new(),
            Protocol::Grpc => "POST".to_owned(),
            Protocol::Http | Protocol::Http2 => self.method.unwrap_or_else(|| "GET".to_owned()),
        };
        let path = if protocol == Protocol::Tcp { String::new() } else { self.path };
        let host = self.host;
        let headers = self.headers;
        Try { from, to, protocol, tls, method, host, path, headers, expected: None }
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
