//! The proxy of a virtual node: inbound to its application, outbound to its backends.
//!
//! ```text
//! redirect    any port ─► 15000 ─► chain by port ─► application
//!             application ─► 15001 ─► chain by port ─► virtual host by name ─► peers
//! explicit    each port ─► its listener ─► application
//!             application ─► each bound port ─► its listener ─► peers
//! ```

use super::builder::{Builder, Origin, socket_address};
use super::listener::Inbound;
use super::pb::{core, listener as pb_listener, route as pb_route};
use super::resource::{ProxyConfig, ProxyId, ResourceType, Settings, Side};
use super::route::{self, TcpTargets};
use super::tls::Caller;
use super::{cluster, hcm, listener, names, patch};
use crate::model::{
    Address, Backend, Capture, Duration, Listener, ListenerTimeout, Mesh, NodeName, Port, Protocol,
    VirtualNode,
};
use crate::traffic::http::{accepted_behind, accepted_on};
use crate::traffic::{
    Accepts, CapturedPort, Door, Entry, INBOUND_PORT, OUTBOUND_PORT, ServicePort, bound_entries,
    captured_by, captured_ports, passes_on, tls_of,
};
use core::TrafficDirection;

/// Compiles the proxy of a node; a node that the mesh does not have, or that has no proxy, gets
/// nothing.
pub(super) fn compile(mesh: &Mesh, settings: &Settings, name: &NodeName) -> ProxyConfig {
    let mut b = Builder::new(mesh, settings, ProxyId::Node(name.clone()));
    if let Some(node) = mesh.nodes.get(name) {
        match captured_by(mesh, node) {
            Some(Capture::Redirect) => {
                redirect_ingress(&mut b, name, node);
                redirect_egress(&mut b, name, node);
            }
            Some(Capture::Explicit) => {
                explicit_ingress(&mut b, name, node);
                explicit_egress(&mut b, name, node);
            }
            None => {}
        }
    }
    b.finish()
}

fn redirect_ingress(b: &mut Builder<'_>, name: &NodeName, node: &VirtualNode) {
    if node.listeners.is_empty() {
        return;
    }
    let mut chains = Vec::new();
    let mut origins = Vec::new();
    for index in 0..node.listeners.len() {
        let origin = listener_origin(name, index);
        chains.extend(ingress_chains(b, node, index, &origin, true));
        origins.push(origin);
    }
    let both: Vec<Port> = node
        .listeners
        .iter()
        .filter(|l| listener::takes_both(l.tls.as_ref()))
        .map(|l| l.port)
        .collect();
    let address = socket_address(b.any_address(), INBOUND_PORT);
    let mut message =
        listener::on(names::REDIRECT_INGRESS, address, TrafficDirection::Inbound, chains);
    message.listener_filters = vec![listener::original_destination()];
    if !both.is_empty() {
        message.listener_filters.push(listener::tls_inspector(&both));
    }
    let message = patch::apply(message, node.patch.ingress.as_ref());
    b.add(ResourceType::Listener, names::REDIRECT_INGRESS, Side::Ingress, &message, origins);
}

fn explicit_ingress(b: &mut Builder<'_>, name: &NodeName, node: &VirtualNode) {
    for (index, item) in node.listeners.iter().enumerate() {
        let origin = listener_origin(name, index);
        let chains = ingress_chains(b, node, index, &origin, false);
        let address = item.address.unwrap_or_else(|| b.any_address());
        let listener_name = names::ingress_listener(address, item.port);
        let mut message = listener::on(
            &listener_name,
            socket_address(address, item.port.get()),
            TrafficDirection::Inbound,
            chains,
        );
        if listener::takes_both(item.tls.as_ref()) {
            message.listener_filters = vec![listener::tls_inspector(&[])];
        }
        b.add(ResourceType::Listener, &listener_name, Side::Ingress, &message, vec![origin]);
    }
}

/// The filter chains of one listener, and with them its routes and the cluster of the application.
fn ingress_chains(
    b: &mut Builder<'_>,
    node: &VirtualNode,
    index: usize,
    origin: &Origin,
    by_port: bool,
) -> Vec<pb_listener::FilterChain> {
    let item = &node.listeners[index];
    let cluster = cluster::local(b, item, origin);
    let stats = names::ingress_stats(node.listeners.len() > 1, item.protocol, item.port);
    let filter = if item.protocol.is_http() {
        let routes = ingress_routes(b, item, cluster, origin);
        let http = hcm::Http {
            stats: &stats,
            routes: &routes,
            access_log: node.access_log.as_ref(),
            upgrades: item.protocol == Protocol::Http,
            edge: false,
            health_path: None,
            accepts: &Accepts::of(&item.http),
            patches: item.patch.http.iter().collect(),
        };
        hcm::http(b, &http)
    } else {
        let targets = TcpTargets {
            clusters: vec![(cluster, 1)],
            timeout: item.timeout,
            origin: origin.clone(),
        };
        hcm::tcp(&stats, &targets, node.access_log.as_ref())
    };
    let inbound = Inbound {
        port: item.port,
        protocol: item.protocol,
        tls: item.tls.as_ref(),
        patch: item.patch.filter_chain.as_ref(),
        origin,
        by_port,
    };
    listener::ingress_chains(b, &inbound, &filter)
}

fn ingress_routes(
    b: &mut Builder<'_>,
    item: &Listener,
    cluster: String,
    origin: &Origin,
) -> String {
    let name = names::ingress_routes(item.protocol, item.port);
    let to = route::to_application(cluster, &item.timeout, &origin.0);
    let host = route::virtual_host(names::INGRESS, vec!["*".to_owned()], vec![to]);
    let message = pb_route::RouteConfiguration {
        name: name.clone(),
        virtual_hosts: vec![host],
        ..Default::default()
    };
    let origins = vec![origin.clone()];
    b.add(ResourceType::RouteConfiguration, &name, Side::Ingress, &message, origins);
    name
}

fn redirect_egress(b: &mut Builder<'_>, name: &NodeName, node: &VirtualNode) {
    let mesh = b.mesh;
    let mut chains = Vec::new();
    let mut origins = vec![(Address::Node(name.clone()), "/backends".to_owned())];
    for captured in captured_ports(mesh, name, node) {
        let port = captured.port;
        if captured.http {
            chains.push(shared_port(b, name, node, &captured));
        } else if let Some((caller, service)) =
            captured.entries.first().and_then(|entry| called(name, node, entry))
        {
            let Some(targets) = route::tcp_targets(b, &caller, &service) else { continue };
            origins.push(targets.origin.clone());
            let filter = hcm::tcp(names::EGRESS, &targets, node.access_log.as_ref());
            let chain = listener::chain(&format!("egress_tcp_{port}"), Some(port), "", filter);
            chains.push(listener::to_addresses(chain, captured.addresses.iter().flatten()));
        }
    }
    let passed_on = passes_on(mesh).then(|| everything_else(b, node));
    if chains.is_empty() && passed_on.is_none() {
        // Envoy takes no listener without a chain. Nothing listens, so nothing gets out.
        return;
    }
    if passed_on.is_some() {
        // A connection to this very port would be passed on to this very port, until no descriptor
        // is left. Its own addresses are not known here, so the port is closed at all of them.
        chains.push(listener::closing("egress_own_port", OUTBOUND_PORT));
    }
    let address = socket_address(b.any_address(), OUTBOUND_PORT);
    let mut message =
        listener::on(names::REDIRECT_EGRESS, address, TrafficDirection::Outbound, chains);
    // No inspector here, ever: a server that speaks first would wait for its client's first byte.
    message.listener_filters = vec![listener::original_destination()];
    // Without a default chain Envoy closes connections to any other port: drop-all.
    message.default_filter_chain = passed_on;
    let message = patch::apply(message, node.patch.egress.as_ref());
    b.add(ResourceType::Listener, names::REDIRECT_EGRESS, Side::Egress, &message, origins);
}

/// The chain of a port on which HTTP services are called by their names.
fn shared_port(
    b: &mut Builder<'_>,
    name: &NodeName,
    node: &VirtualNode,
    captured: &CapturedPort<'_>,
) -> pb_listener::FilterChain {
    let port = captured.port;
    let mut hosts = Vec::new();
    let mut origins = Vec::new();
    let mut upgrades = false;
    for entry in &captured.entries {
        let domains = entry.hosts().map(Vec::from).unwrap_or_default();
        if let Some((caller, service)) = called(name, node, entry) {
            let mut routes = route::of_service(b, &caller, &service, None);
            hosts.push(route::virtual_host(service.name.as_str(), domains, routes.routes));
            origins.append(&mut routes.origins);
            upgrades |= service.protocol == Protocol::Http;
        } else if let Door::Captured { service, .. } = entry.door {
            hosts.push(route::virtual_host(service.as_str(), domains, Vec::new()));
            origins.push((Address::Service(service.clone()), String::new()));
        }
    }
    if passes_on(b.mesh) {
        // Other hosts on the port leave the mesh as they are. Only HTTP can: whatever else is
        // spoken on a port that HTTP services share does not get through, as in App Mesh.
        hosts.push(route::pass_through(cluster::allow_all(b)));
    }
    let routes_name = names::egress_port_routes(port);
    egress_routes(b, &routes_name, hosts, origins);
    let filter = egress_http(b, node, &routes_name, upgrades, &accepted_on(b.mesh, captured));
    listener::chain(&format!("egress_http_{port}"), Some(port), "", filter)
}

fn everything_else(b: &mut Builder<'_>, node: &VirtualNode) -> pb_listener::FilterChain {
    let targets = TcpTargets {
        clusters: vec![(cluster::allow_all(b), 1)],
        // As if the proxy were not there: it ends no silent connection.
        timeout: ListenerTimeout { request: None, idle: Some(Duration::default()) },
        origin: (Address::Mesh, "/egress".to_owned()),
    };
    let filter = hcm::tcp(names::EGRESS, &targets, node.access_log.as_ref());
    listener::chain("egress_allow_all", None, "", filter)
}

/// Each bound port leads to one service, so the host selects nothing; it becomes the service's
/// name, which is what the server sees under redirect too.
fn explicit_egress(b: &mut Builder<'_>, name: &NodeName, node: &VirtualNode) {
    let mesh = b.mesh;
    for entry in bound_entries(mesh, name, node) {
        let Door::Bound { backend, at: bind, to: service, .. } = entry.door else { continue };
        let Some((caller, _)) = called(name, node, &entry) else { continue };
        let filter = if service.protocol.is_http() {
            let host = service.name.as_str();
            let routes = route::of_service(b, &caller, &service, Some(host));
            let hosts = vec![route::virtual_host(host, vec!["*".to_owned()], routes.routes)];
            let routes_name = names::egress_service_routes(service.name, service.port);
            egress_routes(b, &routes_name, hosts, routes.origins);
            let accepts = accepted_behind(mesh, &service);
            egress_http(b, node, &routes_name, service.protocol == Protocol::Http, &accepts)
        } else {
            let Some(targets) = route::tcp_targets(b, &caller, &service) else { continue };
            hcm::tcp(names::EGRESS, &targets, node.access_log.as_ref())
        };
        let listener_name = names::egress_bind(bind.ip(), bind.port());
        let chain = format!("egress_{}_{}", service.protocol, service.port);
        let message = listener::on(
            &listener_name,
            socket_address(bind.ip(), bind.port()),
            TrafficDirection::Outbound,
            vec![listener::chain(&chain, None, "", filter)],
        );
        let at = (Address::Node(name.clone()), format!("/backends/{backend}"));
        let origins = vec![at, (Address::Service(service.name.clone()), String::new())];
        b.add(ResourceType::Listener, &listener_name, Side::Egress, &message, origins);
    }
}

fn egress_http(
    b: &Builder<'_>,
    node: &VirtualNode,
    routes: &str,
    upgrades: bool,
    accepts: &Accepts,
) -> pb_listener::Filter {
    let http = hcm::Http {
        stats: names::EGRESS,
        routes,
        access_log: node.access_log.as_ref(),
        upgrades,
        edge: false,
        health_path: None,
        accepts,
        patches: node.patch.http.iter().collect(),
    };
    hcm::http(b, &http)
}

/// Adds the routes of an outbound port.
pub(super) fn egress_routes(
    b: &mut Builder<'_>,
    name: &str,
    virtual_hosts: Vec<pb_route::VirtualHost>,
    origins: Vec<Origin>,
) {
    let message =
        pb_route::RouteConfiguration { name: name.to_owned(), virtual_hosts, ..Default::default() };
    b.add(ResourceType::RouteConfiguration, name, Side::Egress, &message, origins);
}

/// How an entry of a node calls its service; `None` if nothing provides that.
fn called<'a>(
    name: &NodeName,
    node: &'a VirtualNode,
    entry: &Entry<'a>,
) -> Option<(Caller<'a>, ServicePort<'a>)> {
    let (Door::Captured { backend: index, .. } | Door::Bound { backend: index, .. }) = entry.door
    else {
        return None;
    };
    Some((caller(name, node, index, node.backends.get(index)?), entry.service()?))
}

/// How a node calls one of its backends.
fn caller<'a>(
    name: &NodeName,
    node: &'a VirtualNode,
    index: usize,
    backend: &'a Backend,
) -> Caller<'a> {
    let own = backend.client_policy.as_ref();
    let pointer = match own {
        Some(_) => format!("/backends/{index}/client_policy"),
        None => "/backend_defaults/client_policy".to_owned(),
    };
    Caller {
        tls: tls_of(node, backend),
        via: own.map(|_| &backend.service),
        origin: (Address::Node(name.clone()), pointer),
    }
}

fn listener_origin(name: &NodeName, index: usize) -> Origin {
    (Address::Node(name.clone()), format!("/listeners/{index}"))
}
