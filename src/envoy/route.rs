//! Routes of services, as their callers run them, and routes to the local application.

use super::builder::{Builder, Origin};
use super::pb::route;
use super::service::{NodeListener, Provider, ServicePort, routes_on, target_listener};
use super::tls::Caller;
use super::{cluster, defaults, matching, names, patch};
use crate::model::{Address, ListenerTimeout, RetryPolicy, Target};
use route::route_action::{ClusterSpecifier, HostRewriteSpecifier};

/// Envoy refuses a weighted cluster whose sum is beyond 32 bits.
const WEIGHTS_MAX: u64 = u32::MAX as u64;

/// Routes, and what they are made from.
#[derive(Default)]
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
    let service = (Address::Service(port.name.clone()), String::new());
    let mut all = Routes { routes: Vec::new(), origins: vec![service.clone()] };
    match port.provider {
        Provider::Node(node) => {
            all.origins.push(listener_origin(node));
            let specifier = ClusterSpecifier::Cluster(cluster::peer(b, caller, node));
            // There is no route to say how long a request may take, so the listener's own word
            // holds for both sides. (App Mesh kept 15 s here, whatever the listener said.)
            let action = action(specifier, &node.listener.timeout, None, host);
            all.routes.push(route::Route {
                name: names::route(&service.0),
                r#match: Some(matching::everything()),
                action: Some(action),
                ..Default::default()
            });
        }
        Provider::Router(name, router) => {
            all.origins.push((Address::Router(name.clone()), String::new()));
            for item in routes_on(router, port.port) {
                let address = Address::Route(name.clone(), item.name.clone());
                let action = match specifier(b, caller, &item.targets) {
                    Some(to) => action(to, &item.timeout, item.retry.as_ref(), host),
                    None => answer(503),
                };
                let message = route::Route {
                    name: names::route(&address),
                    r#match: Some(matching::route(port.protocol, &item.matches)),
                    action: Some(action),
                    ..Default::default()
                };
                all.routes.push(patch::apply(message, item.patch.as_ref()));
                all.origins.push((address, String::new()));
            }
        }
    }
    all
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
    match port.provider {
        Provider::Node(node) => Some(TcpTargets {
            clusters: vec![(cluster::peer(b, caller, node), 1)],
            timeout: node.listener.timeout,
            origin: listener_origin(node),
        }),
        // A second TCP route on a port could never be told from the first; the rules refuse it.
        Provider::Router(name, router) => {
            let item = routes_on(router, port.port).next()?;
            let mut clusters = weighted(b, caller, &item.targets);
            // A share of zero is no share; for connections Envoy has no word for it.
            clusters.retain(|(_, weight)| *weight > 0);
            let address = Address::Route(name.clone(), item.name.clone());
            (!clusters.is_empty()).then(|| TcpTargets {
                clusters,
                timeout: item.timeout,
                origin: (address, String::new()),
            })
        }
    }
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

fn specifier(
    b: &mut Builder<'_>,
    caller: &Caller<'_>,
    targets: &[Target],
) -> Option<ClusterSpecifier> {
    let mut all = weighted(b, caller, targets);
    if all.len() == 1 {
        return all.pop().map(|(name, _)| ClusterSpecifier::Cluster(name));
    }
    let clusters: Vec<_> = all
        .into_iter()
        .map(|(name, weight)| route::weighted_cluster::ClusterWeight {
            name,
            weight: Some(weight),
            ..Default::default()
        })
        .collect();
    // Zero weights stay: a node that is about to take traffic keeps its place and its cluster.
    clusters.iter().any(|c| c.weight != Some(0)).then(|| {
        ClusterSpecifier::WeightedClusters(route::WeightedCluster {
            clusters,
            ..Default::default()
        })
    })
}

/// The clusters of targets with weights whose sum Envoy takes.
fn weighted(b: &mut Builder<'_>, caller: &Caller<'_>, targets: &[Target]) -> Vec<(String, u32)> {
    let mut all = Vec::new();
    for target in targets {
        if let Some(node) = target_listener(b.mesh, target) {
            all.push((cluster::peer(b, caller, node), target.weight));
        }
    }
    let sum: u64 = all.iter().map(|(_, weight)| u64::from(*weight)).sum();
    if sum > WEIGHTS_MAX {
        // Weights are relative. Each may be rounded up once, so room is left for that.
        let divisor = sum / (WEIGHTS_MAX - all.len() as u64) + 1;
        for (_, weight) in &mut all {
            *weight = u64::from(*weight).div_ceil(divisor) as u32;
        }
    }
    all
}

fn action(
    to: ClusterSpecifier,
    timeout: &ListenerTimeout,
    retry: Option<&RetryPolicy>,
    host: Option<&str>,
) -> route::route::Action {
    let mut action = route_action(to, timeout, retry);
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
