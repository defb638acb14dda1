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
use super::tls::Caller;
use super::{cluster, hcm, listener, names, node, patch, route};
use crate::model::{
    Address, GatewayListener, GatewayName, Mesh, Protocol, RouteName, VirtualGateway,
};
use crate::traffic::http::{SecondHop, second_hops as hops_of, settings_behind};
use crate::traffic::{
    Accepts, Action, Match, Path, PathRewrite, Rewrite, ServicePort, gateway_rows,
};
use pb_route::route_action::{ClusterSpecifier, HostRewriteSpecifier};

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
    let http = hcm::Http {
        stats: &stats,
        routes: &routes,
        access_log: gateway.access_log.as_ref(),
        upgrades: item.protocol == Protocol::Http,
        edge: true,
        health_path: item.health_path(),
        accepts: &Accepts::of(&item.http),
        patches: item.patch.http.iter().collect(),
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
    for row in gateway_rows(b.mesh, name, gateway, item) {
        let several = gateway.listeners.len() > 1;
        let action = match &row.action {
            Action::Service { to, rewrite } => {
                let cluster = to_second_hop(b, name, item, several, to, &row.address);
                rewritten(cluster, &row.matches, rewrite)
            }
            Action::Answer(status) => route::answer(u32::from(*status)),
            Action::Targets(_) => unreachable!("invariant: a gateway leads to services only"),
        };
        routes.push(route::message(&row, action));
        let from = (row.address, String::new());
        if origins.last() != Some(&from) {
            origins.push(from);
        }
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

/// The cluster that leads to the second hop of a route's target.
fn to_second_hop(
    b: &mut Builder<'_>,
    name: &GatewayName,
    item: &GatewayListener,
    several: bool,
    target: &ServicePort<'_>,
    address: &Address,
) -> String {
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
    let behind = settings_behind(b.mesh, target);
    let accepts = Accepts::widest([&item.http].into_iter().chain(behind));
    cluster::self_redirect(b, &cluster_name, &listener_name, &limits, &accepts, origins);
    cluster_name
}

/// To the second hop, with what is changed on the way.
fn rewritten(to: String, matches: &Match<'_>, rewrite: &Rewrite<'_>) -> pb_route::route::Action {
    let mut action = pb_route::RouteAction {
        cluster_specifier: Some(ClusterSpecifier::Cluster(to)),
        // The second hop keeps the time.
        timeout: Some(envoy_api::Duration::default()),
        idle_timeout: Some(envoy_api::Duration::default()),
        ..Default::default()
    };
    if let Some(host) = rewrite.host {
        action.host_rewrite_specifier =
            Some(HostRewriteSpecifier::HostRewriteLiteral(host.to_owned()));
        // App Mesh lost the host that was called; applications build links from it.
        action.append_x_forwarded_host = true;
    }
    match (rewrite.path, &matches.path) {
        (PathRewrite::Keep, _) => {}
        (PathRewrite::Whole(path), Path::Regex(_)) => {
            action.regex_rewrite = Some(whole_path(path));
        }
        // Envoy rewrites what matched: of an exact path that is all of it.
        (PathRewrite::Prefix(value) | PathRewrite::Whole(value), _) => {
            value.clone_into(&mut action.prefix_rewrite);
        }
    }
    pb_route::route::Action::Route(action)
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
    let policy = gateway.backend_defaults.client_policy.as_ref();
    let caller = Caller {
        tls: policy.and_then(|policy| policy.tls.as_ref()),
        via: None,
        origin: (Address::Gateway(name.clone()), "/backend_defaults/client_policy".to_owned()),
    };
    for ((service, port), hop) in hops_of(mesh, gateway) {
        let (accepts, patches) = (hop.accepts(mesh), hop.patches().collect());
        let SecondHop { target, routes: leading, from: _ } = hop;
        let of_route = |route: &RouteName| {
            let address = Address::GatewayRoute(name.clone(), route.clone());
            (address, "/service".to_owned())
        };
        let mut origins: Vec<Origin> = leading.iter().map(|route| of_route(&route.name)).collect();
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
            accepts: &accepts,
            patches,
        };
        let filter = hcm::http(b, &http);
        let chain = listener::chain(&format!("egress_http_{port}"), None, "", filter);
        let listener_name = names::second_hop(service, port);
        let message = listener::internal(&listener_name, vec![chain]);
        origins.push((Address::Service(service.clone()), String::new()));
        b.add(ResourceType::Listener, &listener_name, Side::Egress, &message, origins);
    }
}
