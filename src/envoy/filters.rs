//! The order of HTTP filters: one table.

use super::matching::exact_header;
use super::pb::{hcm, health_filter, router_filter};
use envoy_api::{Any, pack};

/// An HTTP filter of a connection manager.
pub(super) enum HttpFilter<'a> {
    /// Answers the health checks of what stands before a gateway, by their path.
    HealthCheck(&'a str),
    /// Does what the routes say.
    Router,
}

/// The filters in the order in which a request passes them.
///
/// | place | filter | why there |
/// | --- | --- | --- |
/// | first | health check | it answers by itself, so nothing after it need know of it |
/// | last | router | Envoy demands it; it ends the chain |
pub(super) fn chain(health_path: Option<&str>) -> Vec<hcm::HttpFilter> {
    health_path
        .map(HttpFilter::HealthCheck)
        .into_iter()
        .chain([HttpFilter::Router])
        .map(filter)
        .collect()
}

fn filter(filter: HttpFilter<'_>) -> hcm::HttpFilter {
    match filter {
        HttpFilter::HealthCheck(path) => named(
            "envoy.filters.http.health_check",
            pack(&health_filter::HealthCheck {
                pass_through_mode: Some(false),
                headers: vec![exact_header(":path", path)],
                ..Default::default()
            }),
        ),
        HttpFilter::Router => {
            named("envoy.filters.http.router", pack(&router_filter::Router::default()))
        }
    }
}

fn named(name: &str, config: Any) -> hcm::HttpFilter {
    hcm::HttpFilter {
        name: name.to_owned(),
        config_type: Some(hcm::http_filter::ConfigType::TypedConfig(config)),
        ..Default::default()
    }
}
