//! What each hop accepts of HTTP.
//!
//! A request passes several proxies, and each of them has a say:
//!
//! | hop | whose `http` keys |
//! | --- | --- |
//! | a gateway, as clients reach it | those of its listener |
//! | a gateway, toward the service | the widest of all its listeners that lead there and of the targets' |
//! | the caller's own proxy | the widest of all listeners that the captured or bound port leads to |
//! | the server's own proxy | those of its listener |
//!
//! So a key on a node's listener holds for every caller in the mesh without being repeated, and only
//! what comes in from outside has to be allowed by the gateway too.

use super::entry::CapturedPort;
use super::service::{ServicePort, listeners_behind};
use super::table::gateway_target;
use crate::model::{
    GatewayListener, GatewayRoute, HeaderCase, HttpSettings, Mesh, Patch, Port, ServiceName,
    VirtualGateway,
};
use std::collections::BTreeMap;

/// How many headers a request or response may have unless a listener says otherwise: Envoy's
/// default.
pub const MAX_HEADERS: u32 = 100;
/// How long headers may be together, in KiB, unless a listener says otherwise: Envoy's default.
pub const MAX_HEADER_KIB: u32 = 60;
/// Upgrades that are ignored unless a listener says otherwise. Some clients offer TLS on every
/// request, and expect to be served without it.
pub const IGNORED_UPGRADES: [&str; 1] = ["TLS/"];

/// What one hop accepts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepts {
    /// HTTP/1.0.
    pub http_10: bool,
    /// The host of HTTP/1.0 requests without one.
    pub default_host: Option<String>,
    /// How many headers.
    pub max_headers: u32,
    /// How long they may be together, in KiB.
    pub max_header_kib: u32,
    /// Whether names of headers keep their case.
    pub preserve_case: bool,
    /// Upgrades that are ignored, by the start of their name.
    pub ignored_upgrades: Vec<String>,
}

impl Default for Accepts {
    fn default() -> Self {
        Self::of(&HttpSettings::default())
    }
}

impl Accepts {
    /// What a listener says, defaults filled in.
    pub fn of(settings: &HttpSettings) -> Self {
        let HttpSettings {
            accept_http_10,
            default_hostname,
            max_headers,
            max_header_size,
            header_case,
            ignore_upgrades,
        } = settings;
        let kib = |bytes: u64| u32::try_from(bytes / 1024).unwrap_or(u32::MAX);
        Self {
            http_10: *accept_http_10,
            default_host: default_hostname.clone(),
            max_headers: max_headers.unwrap_or(MAX_HEADERS),
            max_header_kib: max_header_size.map_or(MAX_HEADER_KIB, |size| kib(size.bytes())),
            preserve_case: *header_case == HeaderCase::Preserve,
            ignored_upgrades: match ignore_upgrades {
                Some(own) => own.clone(),
                None => IGNORED_UPGRADES.map(str::to_owned).into(),
            },
        }
    }

    /// What a hop accepts that is passed by requests for all of these listeners: whatever one of
    /// them accepts. The default host is that of all that have one, if it is the same.
    pub fn widest<'a>(all: impl IntoIterator<Item = &'a HttpSettings>) -> Self {
        let mut all = all.into_iter().map(Self::of);
        let Some(mut widest) = all.next() else { return Self::default() };
        let mut several = false;
        for one in all {
            let Self {
                http_10,
                default_host,
                max_headers,
                max_header_kib,
                preserve_case,
                ignored_upgrades,
            } = one;
            widest.http_10 |= http_10;
            several |= default_host.is_some()
                && widest.default_host.is_some()
                && default_host != widest.default_host;
            widest.default_host = widest.default_host.take().or(default_host);
            widest.max_headers = widest.max_headers.max(max_headers);
            widest.max_header_kib = widest.max_header_kib.max(max_header_kib);
            widest.preserve_case |= preserve_case;
            for upgrade in ignored_upgrades {
                if !widest.ignored_upgrades.contains(&upgrade) {
                    widest.ignored_upgrades.push(upgrade);
                }
            }
        }
        if several {
            widest.default_host = None;
        }
        widest
    }

    /// Whether an upgrade is ignored: the request is served without it.
    pub fn ignores(&self, upgrade: &str) -> bool {
        let starts = |start: &String| {
            upgrade.get(..start.len()).is_some_and(|own| own.eq_ignore_ascii_case(start))
        };
        self.ignored_upgrades.iter().any(starts)
    }
}

/// The settings of every listener that a service port leads to, whatever its weight.
pub fn settings_behind<'m>(mesh: &'m Mesh, port: &ServicePort<'m>) -> Vec<&'m HttpSettings> {
    listeners_behind(mesh, port).iter().map(|end| &end.listener.http).collect()
}

/// What the caller's proxy accepts where it leads to one service port.
pub fn accepted_behind<'m>(mesh: &'m Mesh, port: &ServicePort<'m>) -> Accepts {
    Accepts::widest(settings_behind(mesh, port))
}

/// The second hop of a gateway to a service port: one connection manager for all listeners of the
/// gateway that lead there.
#[derive(Clone, Debug)]
pub struct SecondHop<'m> {
    /// The service port.
    pub target: ServicePort<'m>,
    /// The routes that lead there.
    pub routes: Vec<&'m GatewayRoute>,
    /// The gateway's listeners that lead there, by port.
    pub from: BTreeMap<Port, &'m GatewayListener>,
}

impl<'m> SecondHop<'m> {
    /// What it accepts: what its clients and its targets do.
    pub fn accepts(&self, mesh: &'m Mesh) -> Accepts {
        let behind = settings_behind(mesh, &self.target);
        Accepts::widest(self.settings().chain(behind))
    }

    /// The settings of the listeners that lead there, by port.
    pub(super) fn settings(&self) -> impl Iterator<Item = &'m HttpSettings> {
        self.from.values().map(|listener| &listener.http)
    }

    /// The raw fields over it, in the order in which they are merged.
    pub fn patches(&self) -> impl Iterator<Item = &'m Patch> {
        self.from.values().filter_map(|listener| listener.patch.inner_http.as_ref())
    }
}

/// The second hops of a gateway, by service port.
pub fn second_hops<'m>(
    mesh: &'m Mesh,
    gateway: &'m VirtualGateway,
) -> BTreeMap<(&'m ServiceName, Port), SecondHop<'m>> {
    let mut all: BTreeMap<(&ServiceName, Port), SecondHop<'m>> = BTreeMap::new();
    for route in &gateway.routes {
        let Some(target) = gateway_target(mesh, route) else { continue };
        let hop = all.entry((target.name, target.port)).or_insert_with(|| SecondHop {
            target,
            routes: Vec::new(),
            from: BTreeMap::new(),
        });
        hop.routes.push(route);
        hop.from.extend(gateway.listener_of(&route.matches).map(|from| (from.port, from)));
    }
    all
}

/// What the caller's proxy accepts on a captured port.
pub fn accepted_on<'m>(mesh: &'m Mesh, port: &CapturedPort<'m>) -> Accepts {
    let services = port.entries.iter().filter_map(|entry| entry.service());
    let all: Vec<&HttpSettings> =
        services.flat_map(|service| settings_behind(mesh, &service)).collect();
    Accepts::widest(all)
}
