//! Routes of services, as their callers run them, and routes to the local application.

use super::builder::{Builder, Origin};
use super::pb::route;
use super::tls::Caller;
use super::{cluster, defaults, matching, names, patch};
use crate::model::{Address, ListenerTimeout, RetryPolicy};
use crate::traffic::{
    self, Action, NodeListener, Provider, Row, ServicePort, Share, connection_row,
};
use route::route_action::{ClusterSpecifier, HostRewriteSpecifier};

/// Routes, and what they are made from.
pub(super) struct Routes {
    pub(super) routes: Vec<route::Route>,
    pub(super) origins: Vec<Origin>,
}

/// The routes of one HTTP service port, in the order in which they are tried. `host` replaces the
/// host of every request.
pub(super) fn of_service(
    b: &mut Builder<'_>,
    caller: &Caller<'_>,
    port: &ServicePort<'_>,
    host: Option<&str>,
) -> Routes {
    let mut origins = vec![(Address::Service(port.name.clone()), String::new())];
    match port.provider {
        Provider::Node(node) => origins.push(listener_origin(node)),
        Provider::Router(name, _) => origins.push((Address::Router(name.clone()), String::new())),
    }
    let mut routes = Vec::new();
    for row in traffic::service_rows(b.mesh, port) {
        let action = match &row.action {
            Action::Targets(shares) => action(specifier(b, caller, shares), &row, host),
            Action::Answer(status) => answer(u32::from(*status)),
            Action::Service { .. } => unreachable!("invariant: a service leads to no service"),
        };
        routes.push(message(&row, action));
        if matches!(row.address, Address::Route(..)) {
            origins.push((row.address, String::new()));
        }
    }
    Routes { routes, origins }
}

/// A row with what is done, and the row's patch over both.
pub(super) fn message(row: &Row<'_>, action: route::route::Action) -> route::Route {
    let message = route::Route {
        name: names::route(&row.address),
        r#match: Some(matching::row(&row.matches)),
        action: Some(action),
        ..Default::default()
    };
    patch::apply(message, row.patch)
}

/// The virtual host of a service with these routes.
pub(super) fn virtual_host(
    name: &str,
    domains: Vec<String>,
    routes: Vec<route::Route>,
) -> route::VirtualHost {
    route::VirtualHost { name: name.to_owned(), domains, routes, ..Default::default() }
}

/// The only route of an inbound port: to the application. The listener's timeouts hold.
pub(super) fn to_application(
    cluster: String,
    timeout: &ListenerTimeout,
    address: &Address,
) -> route::Route {
    let mut to = route_action(ClusterSpecifier::Cluster(cluster), timeout, None);
    // Retries are the caller's business.
    to.retry_policy = None;
    route::Route {
        name: names::route(address),
        r#match: Some(matching::everything()),
        action: Some(route::route::Action::Route(to)),
        ..Default::default()
    }
}

/// Everything that no virtual host takes, passed on as if the proxy were not there.
pub(super) fn pass_through(cluster: String) -> route::VirtualHost {
    let to = route::RouteAction {
        timeout: Some(envoy_api::Duration::default()),
        idle_timeout: Some(envoy_api::Duration::default()),
        cluster_specifier: Some(ClusterSpecifier::Cluster(cluster)),
        ..Default::default()
    };
    let all = route::Route {
        name: names::ALLOW_ALL.to_owned(),
        r#match: Some(matching::everything()),
        action: Some(route::route::Action::Route(to)),
        ..Default::default()
    };
    virtual_host(names::ALLOW_ALL, vec!["*".to_owned()], vec![all])
}

/// Where the connections of a TCP service port go; `None` without a route or target.
pub(super) fn tcp_targets(
    b: &mut Builder<'_>,
    caller: &Caller<'_>,
    port: &ServicePort<'_>,
) -> Option<TcpTargets> {
    let row = connection_row(b.mesh, port)?;
    let Action::Targets(shares) = &row.action else { return None };
    let origin = match port.provider {
        Provider::Node(node) => listener_origin(node),
        Provider::Router(..) => (row.address.clone(), String::new()),
    };
    let clusters = weighted(b, caller, shares);
    Some(TcpTargets { clusters, timeout: row.timeout.unwrap_or_default(), origin })
}

/// Clusters of a TCP route with their weights, none of them zero.
pub(super) struct TcpTargets {
    pub(super) clusters: Vec<(String, u32)>,
    pub(super) timeout: ListenerTimeout,
    pub(super) origin: Origin,
}

fn listener_origin(node: NodeListener<'_>) -> Origin {
    (Address::Node(node.name.clone()), format!("/listeners/{}", node.index))
}

fn specifier(b: &mut Builder<'_>, caller: &Caller<'_>, shares: &[Share<'_>]) -> ClusterSpecifier {
    let mut all = weighted(b, caller, shares);
    if all.len() == 1
        && let Some((name, _)) = all.pop()
    {
        return ClusterSpecifier::Cluster(name);
    }
    let clusters = all
        .into_iter()
        .map(|(name, weight)| route::weighted_cluster::ClusterWeight {
            name,
            weight: Some(weight),
            ..Default::default()
        })
        .collect();
    ClusterSpecifier::WeightedClusters(route::WeightedCluster { clusters, ..Default::default() })
}

fn weighted(b: &mut Builder<'_>, caller: &Caller<'_>, shares: &[Share<'_>]) -> Vec<(String, u32)> {
    shares.iter().map(|share| (cluster::peer(b, caller, share.to), share.weight)).collect()
}

fn action(to: ClusterSpecifier, row: &Row<'_>, host: Option<&str>) -> route::route::Action {
    let mut action = route_action(to, &row.timeout.unwrap_or_default(), row.retry);
    action.host_rewrite_specifier =
        host.map(|host| HostRewriteSpecifier::HostRewriteLiteral(host.to_owned()));
    route::route::Action::Route(action)
}

fn route_action(
    to: ClusterSpecifier,
    timeout: &ListenerTimeout,
    retry: Option<&RetryPolicy>,
) -> route::RouteAction {
    route::RouteAction {
        cluster_specifier: Some(to),
        timeout: Some(defaults::request_timeout(timeout.request)),
        idle_timeout: Some(defaults::idle_timeout(timeout.idle)),
        retry_policy: defaults::retry_policy(retry),
        ..Default::default()
    }
}

/// An answer by the proxy itself.
pub(super) fn answer(status: u32) -> route::route::Action {
    route::route::Action::DirectResponse(route::DirectResponseAction {
        status,
        ..Default::default()
    })
}
