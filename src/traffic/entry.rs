//! Entry points: where requests meet a table. The backends of a node, each on its port, and the
//! listeners of a gateway.

use super::service::{self, ServicePort};
use super::table::{self, Row};
use crate::model::{
    Address, Backend, Capture, EgressFilter, GatewayListener, GatewayName, Mesh, NodeName, Port,
    Protocol, ServiceName, VirtualGateway, VirtualNode,
};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::{IpAddr, SocketAddr};

/// The port of redirect capture for what comes in.
pub const INBOUND_PORT: u16 = 15000;
/// The port of redirect capture for what goes out.
pub const OUTBOUND_PORT: u16 = 15001;

/// Where traffic comes from: the proxy that it passes first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// The application of a node.
    Node(NodeName),
    /// Somebody outside, through a gateway.
    Gateway(GatewayName),
}

impl Source {
    /// The address of the node or gateway.
    pub fn address(&self) -> Address {
        match self {
            Self::Node(name) => Address::Node(name.clone()),
            Self::Gateway(name) => Address::Gateway(name.clone()),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.address().fmt(f)
    }
}

/// One entry point, and with it one table.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'m> {
    /// The proxy and the place in it.
    pub door: Door<'m>,
    /// The port that callers address: the service's, or the gateway's.
    pub port: Port,
    /// What is spoken.
    pub protocol: Protocol,
}

/// The place where requests come in.
#[derive(Clone, Copy, Debug)]
pub enum Door<'m> {
    /// A node's proxy catches what its application sends to the port; on HTTP the host names the
    /// service.
    Captured {
        /// The node.
        node: &'m NodeName,
        /// Which of its backends, counted from 0.
        backend: usize,
        /// The backend's service.
        service: &'m ServiceName,
        /// Its port; `None` if nothing provides it: its name is known on every HTTP port, and is
        /// answered with 404.
        to: Option<ServicePort<'m>>,
    },
    /// A node's proxy listens at an address of its own for one service port; every host is taken,
    /// and becomes the service's name.
    Bound {
        /// The node.
        node: &'m NodeName,
        /// Which of its backends, counted from 0.
        backend: usize,
        /// Where it listens.
        at: SocketAddr,
        /// Where it leads.
        to: ServicePort<'m>,
    },
    /// A listener of a gateway.
    Gateway {
        /// The gateway's name.
        name: &'m GatewayName,
        /// The gateway.
        gateway: &'m VirtualGateway,
        /// Which of its listeners, counted from 0.
        index: usize,
        /// The listener.
        listener: &'m GatewayListener,
    },
}

impl<'m> Entry<'m> {
    /// The proxy that requests pass first.
    pub fn source(&self) -> Source {
        match self.door {
            Door::Captured { node, .. } | Door::Bound { node, .. } => Source::Node(node.clone()),
            Door::Gateway { name, .. } => Source::Gateway(name.clone()),
        }
    }

    /// The service port that its table is of; `None` for a gateway, and for a service that nothing
    /// provides.
    pub fn service(&self) -> Option<ServicePort<'m>> {
        match self.door {
            Door::Captured { to, .. } => to,
            Door::Bound { to, .. } => Some(to),
            Door::Gateway { .. } => None,
        }
    }

    /// The hosts that lead to this table, with and without the root dot and the port; `None` is
    /// every host. In any case of letters.
    pub fn hosts(&self) -> Option<[String; 4]> {
        match self.door {
            Door::Captured { service, .. } if self.protocol.is_http() => {
                let port = self.port;
                Some([
                    service.to_string(),
                    format!("{service}:{port}"),
                    format!("{service}."),
                    format!("{service}.:{port}"),
                ])
            }
            Door::Captured { .. } | Door::Bound { .. } | Door::Gateway { .. } => None,
        }
    }

    /// Its table. HTTP that no row takes is answered with 404; a connection is closed.
    pub fn rows(&self, mesh: &'m Mesh) -> Vec<Row<'m>> {
        match self.door {
            Door::Gateway { name, gateway, listener, .. } => {
                table::gateway_rows(mesh, name, gateway, listener)
            }
            Door::Captured { to: None, .. } => Vec::new(),
            Door::Captured { to: Some(to), .. } | Door::Bound { to, .. } => {
                if to.protocol.is_http() {
                    table::service_rows(mesh, &to)
                } else {
                    table::connection_row(mesh, &to).into_iter().collect()
                }
            }
        }
    }
}

/// What a node's proxy catches on one port.
#[derive(Clone, Debug)]
pub struct CapturedPort<'m> {
    /// The port.
    pub port: Port,
    /// Whether requests are told apart by host; else connections go to the only entry.
    pub http: bool,
    /// The entries in the order of their virtual hosts; no two have one host.
    pub entries: Vec<Entry<'m>>,
    /// TCP only: the addresses of the service, if all of them are known. Only connections to them
    /// are captured; connections to other addresses are not for the service. `None` captures the
    /// port, whatever the address.
    pub addresses: Option<BTreeSet<IpAddr>>,
}

/// The ports that a node's proxy catches under redirect capture, in order. Other ports, and under
/// `allow-all` other hosts, are passed on or refused as the mesh's `egress` says.
pub fn captured_ports<'m>(
    mesh: &'m Mesh,
    name: &'m NodeName,
    node: &'m VirtualNode,
) -> Vec<CapturedPort<'m>> {
    let mut by_port: BTreeMap<Port, Vec<(usize, ServicePort<'m>)>> = BTreeMap::new();
    let mut idle: Vec<(usize, &'m ServiceName)> = Vec::new();
    for (index, backend) in node.backends.iter().enumerate() {
        let Some((service, item)) = mesh.services.get_key_value(&backend.service) else { continue };
        let ports = service::ports(mesh, service, item);
        if ports.is_empty() {
            idle.push((index, service));
        }
        for port in ports {
            by_port.entry(port.port).or_default().push((index, port));
        }
    }
    by_port
        .into_iter()
        .map(|(port, services)| captured(mesh, name, port, &services, &idle))
        .collect()
}

fn captured<'m>(
    mesh: &'m Mesh,
    node: &'m NodeName,
    port: Port,
    services: &[(usize, ServicePort<'m>)],
    idle: &[(usize, &'m ServiceName)],
) -> CapturedPort<'m> {
    let http = services.iter().any(|(_, service)| service.protocol.is_http());
    let entry = |backend: usize, service: &'m ServiceName, to: Option<ServicePort<'m>>| Entry {
        door: Door::Captured { node, backend, service, to },
        port,
        protocol: to.map_or(Protocol::Http, |to| to.protocol),
    };
    if !http {
        // Connections have no host, so a port has one TCP service; the rules refuse a second.
        let first = services.first().map(|(backend, to)| entry(*backend, to.name, Some(*to)));
        let addresses = services.first().and_then(|(_, to)| service::addresses(mesh, to));
        return CapturedPort { port, http, entries: first.into_iter().collect(), addresses };
    }
    // Hosts ignore case, and Envoy takes each once.
    let mut taken = BTreeSet::new();
    let mut new = |service: &ServiceName| taken.insert(service.as_str().to_ascii_lowercase());
    let mut entries = Vec::new();
    for (backend, to) in services.iter().filter(|(_, service)| service.protocol.is_http()) {
        if new(to.name) {
            entries.push(entry(*backend, to.name, Some(*to)));
        }
    }
    // A service without a provider has no port. Where names are looked at, its name is known and
    // leads nowhere (404), rather than out of the mesh.
    for (backend, service) in idle {
        if new(service) {
            entries.push(entry(*backend, service, None));
        }
    }
    CapturedPort { port, http, entries, addresses: None }
}

/// The local addresses at which a node's proxy takes calls under explicit capture.
pub fn bound_entries<'m>(
    mesh: &'m Mesh,
    name: &'m NodeName,
    node: &'m VirtualNode,
) -> Vec<Entry<'m>> {
    let of_backend = |(index, backend): (usize, &'m Backend)| {
        let found = mesh.services.get_key_value(&backend.service);
        let ports =
            found.map_or_else(Vec::new, |(service, item)| service::ports(mesh, service, item));
        ports.into_iter().filter_map(move |to| {
            let at = backend.bind.address(to.port, to.sole)?;
            let door = Door::Bound { node: name, backend: index, at, to };
            Some(Entry { door, port: to.port, protocol: to.protocol })
        })
    };
    node.backends.iter().enumerate().flat_map(of_backend).collect()
}

/// How a node's traffic reaches its proxy; `None` without a proxy.
pub fn captured_by(mesh: &Mesh, node: &VirtualNode) -> Option<Capture> {
    node.proxy.then(|| node.capture.unwrap_or(mesh.settings.capture))
}

/// Whether a node's traffic that the mesh does not define is passed on.
pub fn passes_on(mesh: &Mesh) -> bool {
    mesh.settings.egress == EgressFilter::AllowAll
}

/// The entry points of one node or gateway, in the order in which its proxy has them.
pub fn entries_of<'m>(mesh: &'m Mesh, source: &Source) -> Vec<Entry<'m>> {
    match source {
        Source::Node(name) => {
            let Some((name, node)) = mesh.nodes.get_key_value(name) else { return Vec::new() };
            match captured_by(mesh, node) {
                None => Vec::new(),
                Some(Capture::Redirect) => captured_ports(mesh, name, node)
                    .into_iter()
                    .flat_map(|port| port.entries)
                    .collect(),
                Some(Capture::Explicit) => bound_entries(mesh, name, node),
            }
        }
        Source::Gateway(name) => {
            let Some((name, gateway)) = mesh.gateways.get_key_value(name) else {
                return Vec::new();
            };
            let listeners = gateway.listeners.iter().enumerate();
            let entry = |(index, listener): (usize, &'m GatewayListener)| Entry {
                door: Door::Gateway { name, gateway, index, listener },
                port: listener.port,
                protocol: listener.protocol,
            };
            listeners.map(entry).collect()
        }
    }
}

/// Every source of traffic of a mesh: its gateways, then its nodes that call anything.
pub fn sources(mesh: &Mesh) -> Vec<Source> {
    let gateways = mesh.gateways.keys().cloned().map(Source::Gateway);
    let nodes = mesh.nodes.iter().filter(|(_, node)| node.proxy && !node.backends.is_empty());
    gateways.chain(nodes.map(|(name, _)| Source::Node(name.clone()))).collect()
}

/// Every entry point of a mesh: those of its gateways, then those of its nodes, each by name.
pub fn entries(mesh: &Mesh) -> Vec<Entry<'_>> {
    sources(mesh).iter().flat_map(|source| entries_of(mesh, source)).collect()
}
