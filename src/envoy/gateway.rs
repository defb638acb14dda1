//! The proxy of a virtual gateway: two hops in one process.
//!
//! ```text
//! client ─► listener ─► route: rewrite ─► internal listener of (service, port) ─► routes ─► nodes
//!           hop 1, no timeouts, no retries                    hop 2, as any caller of the service
//! ```
//!
//! App Mesh told services apart on the second hop by the rewritten host, and by a header of its
//! own where the host was kept. A listener for each service port needs neither.

use super::builder::{Builder, Origin, socket_address};
use super::listener::Inbound;
use super::pb::{core, matcher, route as pb_route};
use super::resource::{ProxyConfig, ProxyId, ResourceType, Settings, Side};
use super::service::{self, ServicePort};
use super::tls::Caller;
use super::{cluster, hcm, listener, matching, names, node, patch, route};
use crate::model::{
    Address, GatewayListener, GatewayName, GatewayRoute, Mesh, PathMatch, Port, PrefixRewrite,
    Protocol, ServiceName, VirtualGateway,
};
use pb_route::route_action::{ClusterSpecifier, HostRewriteSpecifier};
use pb_route::route_match::PathSpecifier;
use std::collections::BTreeMap;

/// Compiles the proxy of a gateway; one that the mesh does not have gets nothing.
pub(super) fn compile(mesh: &Mesh, settings: &Settings, name: &GatewayName) -> ProxyConfig {
    let mut b = Builder::new(mesh, settings, ProxyId::Gateway(name.clone()));
    if let Some(gateway) = mesh.gateways.get(name) {
        for index in 0..gateway.listeners.len() {
            first_hop(&mut b, name, gateway, index);
        }
        second_hops(&mut b, name, gateway);
    }
    b.finish()
}

fn first_hop(b: &mut Builder<'_>, name: &GatewayName, gateway: &VirtualGateway, index: usize) {
    let item = &gateway.listeners[index];
    let origin = (Address::Gateway(name.clone()), format!("/listeners/{index}"));
    let routes = first_routes(b, name, gateway, item, &origin);
    let stats = names::ingress_stats(gateway.listeners.len() > 1, item.protocol, item.port);
    let health = item.health_check.as_ref().filter(|check| check.protocol != Protocol::Grpc);
    let http = hcm::Http {
        stats: &stats,
        routes: &routes,
        access_log: gateway.access_log.as_ref(),
        upgrades: item.protocol == Protocol::Http,
        edge: true,
        health_path: health.and_then(|check| check.path.as_deref()),
    };
    let filter = hcm::http(b, &http);
    let inbound = Inbound {
        port: item.port,
        protocol: item.protocol,
        tls: item.tls.as_ref(),
        patch: item.patch.filter_chain.as_ref(),
        origin: &origin,
        by_port: false,
    };
    let chains = listener::ingress_chains(b, &inbound, &filter);
    let address = item.address.unwrap_or_else(|| b.any_address());
    let listener_name = names::ingress_listener(address, item.port);
    let mut message = listener::on(
        &listener_name,
        socket_address(address, item.port.get()),
        core::TrafficDirection::Inbound,
        chains,
    );
    if listener::takes_both(item.tls.as_ref()) {
        message.listener_filters = vec![listener::tls_inspector(&[])];
    }
    let message = patch::apply(message, item.patch.listener.as_ref());
    b.add(ResourceType::Listener, &listener_name, Side::Ingress, &message, vec![origin]);
}

fn first_routes(
    b: &mut Builder<'_>,
    name: &GatewayName,
    gateway: &VirtualGateway,
    item: &GatewayListener,
    origin: &Origin,
) -> String {
    let mut routes = Vec::new();
    let mut origins = vec![origin.clone()];
    for entry in &gateway.routes {
        if gateway.listener_of(&entry.matches).is_none_or(|l| l.port != item.port) {
            continue;
        }
        let address = Address::GatewayRoute(name.clone(), entry.name.clone());
        let several = gateway.listeners.len() > 1;
        let to = to_second_hop(b, name, item, several, entry, &address);
        for message in rewritten(item.protocol, entry, &address, to.as_deref()) {
            routes.push(patch::apply(message, entry.patch.as_ref()));
        }
        origins.push((address, String::new()));
    }
    let host = route::virtual_host(names::SELF_REDIRECT, vec!["*".to_owned()], routes);
    let routes_name = names::ingress_routes(item.protocol, item.port);
    let message = pb_route::RouteConfiguration {
        name: routes_name.clone(),
        virtual_hosts: vec![host],
        ..Default::default()
    };
    b.add(ResourceType::RouteConfiguration, &routes_name, Side::Ingress, &message, origins);
    routes_name
}

/// The cluster that leads to the second hop of a route's target; `None` when the target has no
/// provider, or none on the port.
fn to_second_hop(
    b: &mut Builder<'_>,
    name: &GatewayName,
    item: &GatewayListener,
    several: bool,
    entry: &GatewayRoute,
    address: &Address,
) -> Option<String> {
    let target = target(b.mesh, entry)?;
    let ingress = several.then_some(item.port);
    let cluster_name = names::self_redirect_cluster(
        b.mesh_name(),
        name.as_str(),
        ingress,
        target.name,
        target.port,
    );
    let listener_name = names::second_hop(target.name, target.port);
    let limits = item.connection_pool.clone().unwrap_or_default();
    let origins = vec![(address.clone(), String::new())];
    cluster::self_redirect(b, &cluster_name, &listener_name, &limits, origins);
    Some(cluster_name)
}

/// The service port that a gateway route means: the given one, or the only one.
fn target<'a>(mesh: &'a Mesh, entry: &GatewayRoute) -> Option<ServicePort<'a>> {
    let (name, item) = mesh.services.get_key_value(&entry.service.name)?;
    let wanted = |port: &ServicePort<'_>| entry.service.port.map_or(port.sole, |p| p == port.port);
    service::ports(mesh, name, item).into_iter().find(|p| p.protocol.is_http() && wanted(p))
}

/// A gateway route as one or two Envoy routes with App Mesh's rewrites.
fn rewritten(
    protocol: Protocol,
    entry: &GatewayRoute,
    address: &Address,
    to: Option<&str>,
) -> Vec<pb_route::Route> {
    let matches = matching::gateway(protocol, &entry.matches);
    let message =
        |matches: pb_route::RouteMatch, action: pb_route::route::Action| pb_route::Route {
            name: names::route(address),
            r#match: Some(matches),
            action: Some(action),
            ..Default::default()
        };
    // What has no provider answers as it does to a node: there is no route, so 404.
    let Some(to) = to else { return vec![message(matches, route::answer(404))] };
    let mut action = pb_route::RouteAction {
        cluster_specifier: Some(ClusterSpecifier::Cluster(to.to_owned())),
        // The second hop keeps the time.
        timeout: Some(envoy_api::Duration::default()),
        idle_timeout: Some(envoy_api::Duration::default()),
        ..Default::default()
    };
    if entry.rewrite.hostname {
        let host = entry.service.name.to_string();
        action.host_rewrite_specifier = Some(HostRewriteSpecifier::HostRewriteLiteral(host));
        // App Mesh lost the host that was called; applications build links from it.
        action.append_x_forwarded_host = true;
    }
    let done = |matches, action| message(matches, pb_route::route::Action::Route(action));
    // gRPC paths are service and method, and stay.
    let path = entry.matches.path.as_ref().filter(|_| protocol != Protocol::Grpc);
    match path {
        Some(PathMatch::Prefix(prefix)) => {
            let value = match &entry.rewrite.prefix {
                PrefixRewrite::Root => Some("/"),
                PrefixRewrite::Value(value) => Some(value.as_str()),
                PrefixRewrite::Keep => None,
            };
            // A prefix that becomes itself needs no word.
            let Some(value) = value.filter(|value| value != prefix) else {
                return vec![done(matches, action)];
            };
            action.prefix_rewrite = value.to_owned();
            if prefix.ends_with('/') || !value.ends_with('/') {
                return vec![done(matches, action)];
            }
            // `/x` to `/` would make `//y` of `/x/y`; with the slash in the match it does not.
            let slashed = pb_route::RouteMatch {
                path_specifier: Some(PathSpecifier::Prefix(format!("{prefix}/"))),
                ..matches.clone()
            };
            vec![done(slashed, action.clone()), done(matches, action)]
        }
        Some(PathMatch::Exact(_)) => {
            // What is "rewritten" is what matched: all of it.
            action.prefix_rewrite = entry.rewrite.path.clone().unwrap_or_default();
            vec![done(matches, action)]
        }
        Some(PathMatch::Regex(_)) => {
            action.regex_rewrite = entry.rewrite.path.as_deref().map(whole_path);
            vec![done(matches, action)]
        }
        None => vec![done(matches, action)],
    }
}

/// Replaces the whole path, but not the query.
fn whole_path(path: &str) -> matcher::RegexMatchAndSubstitute {
    matcher::RegexMatchAndSubstitute {
        pattern: Some(matcher::RegexMatcher { regex: "^.*$".to_owned(), ..Default::default() }),
        // A backslash would name a group.
        substitution: path.replace('\\', "\\\\"),
    }
}

/// One internal listener for each service port that any route targets.
fn second_hops(b: &mut Builder<'_>, name: &GatewayName, gateway: &VirtualGateway) {
    let mesh = b.mesh;
    let mut targets: BTreeMap<(&ServiceName, Port), (ServicePort<'_>, Vec<Origin>)> =
        BTreeMap::new();
    for entry in &gateway.routes {
        if let Some(port) = target(mesh, entry) {
            let origin =
                (Address::GatewayRoute(name.clone(), entry.name.clone()), "/service".to_owned());
            let slot = targets.entry((port.name, port.port)).or_insert((port, Vec::new()));
            slot.1.push(origin);
        }
    }
    let policy = gateway.backend_defaults.client_policy.as_ref();
    let caller = Caller {
        tls: policy.and_then(|policy| policy.tls.as_ref()),
        via: None,
        origin: (Address::Gateway(name.clone()), "/backend_defaults/client_policy".to_owned()),
    };
    for ((service, port), (target, mut origins)) in targets {
        let routes = route::of_service(b, &caller, &target, None);
        let domains = vec!["*".to_owned()];
        let hosts = vec![route::virtual_host(service.as_str(), domains, routes.routes)];
        let routes_name = names::egress_service_routes(service, port);
        node::egress_routes(b, &routes_name, hosts, routes.origins);
        let http = hcm::Http {
            stats: names::EGRESS,
            routes: &routes_name,
            access_log: gateway.access_log.as_ref(),
            upgrades: target.protocol == Protocol::Http,
            edge: false,
            health_path: None,
        };
        let filter = hcm::http(b, &http);
        let chain = listener::chain(&format!("egress_http_{port}"), None, "", filter);
        let listener_name = names::second_hop(service, port);
        let message = listener::internal(&listener_name, vec![chain]);
        origins.push((Address::Service(service.clone()), String::new()));
        b.add(ResourceType::Listener, &listener_name, Side::Egress, &message, origins);
    }
}
