//! What requests meet at the node that serves them: how it is found, how its proxy takes them, and
//! what stands between proxy and application.

use super::route::times;
use super::{Facts, caller, list, patched, put};
use crate::model::{
    Capture, Discovery, DnsDiscovery, HeaderCase, HealthCheck, HttpSettings, IpPreference,
    Listener, ListenerPatch, ListenerTls, ListenerValidation, Mesh, MeshSettings, NodeName,
    NodePatch, OutlierDetection, PoolLimits, Port, Protocol, RegistryDiscovery, TlsMode,
    VirtualNode,
};
use crate::traffic::addresses::{any_address, applications, lookup_preference};
use crate::traffic::{Accepts, discovery_name};

/// Settings in which two nodes differ because they are two nodes.
const OWN: [&str; 14] = [
    "address",
    "app",
    "capture",
    "discovery.dns",
    "discovery.dns.ip_preference",
    "discovery.dns.response_type",
    "discovery.registry",
    "discovery.registry.attributes",
    "discovery.registry.ip_preference",
    "discovery.static",
    "patch.ingress",
    "tls.certificate",
    "tls.server_name",
    "protocol",
];

/// The settings of a node's listener that can be compared with those of another node.
pub fn of_server(mesh: &Mesh, name: &NodeName, port: Port) -> Facts {
    let node = mesh.nodes.get(name);
    let listener = node.and_then(|node| Some((node, node.listener(port)?)));
    let mut facts = listener.map_or_else(Facts::new, |(node, own)| of(&mesh.settings, node, own));
    facts.retain(|name, _| !OWN.contains(name));
    facts
}

/// Every setting of a node's listener that requests meet.
pub(super) fn of(settings: &MeshSettings, node: &VirtualNode, listener: &Listener) -> Facts {
    let VirtualNode {
        proxy,
        // Compared one by one.
        listeners: _,
        discovery,
        // Compared as settings of callers.
        backends: _,
        backend_defaults: _,
        capture,
        patch: NodePatch { ingress, egress: _, http: _ },
        // Not met by requests.
        access_log: _,
        owner: _,
        tags: _,
    } = node;
    let Listener {
        port,
        protocol,
        app,
        address,
        connection_pool,
        health_check,
        outlier_detection,
        timeout,
        tls,
        http,
        patch: ListenerPatch { filter_chain, http: raw_http, cluster, local_cluster },
    } = listener;
    let mut facts = Facts::new();
    put(&mut facts, "protocol", Some(protocol));
    put(&mut facts, "proxy", Some(proxy));
    // Without a proxy callers reach the application itself.
    if *proxy {
        put(&mut facts, "app", list(applications(settings, *app, *port)));
        let capture = capture.unwrap_or(settings.capture);
        put(&mut facts, "capture", Some(capture.as_str()));
        let any = any_address(settings);
        put(
            &mut facts,
            "address",
            Some(match capture {
                // One listener for all ports.
                Capture::Redirect => any,
                Capture::Explicit => address.unwrap_or(any),
            }),
        );
        if capture == Capture::Redirect {
            put(&mut facts, "patch.ingress", patched(ingress.as_ref()));
        }
        pool(&mut facts, connection_pool.as_ref());
        times(&mut facts, timeout, *protocol);
        accepted(&mut facts, http, *protocol);
        // Only of a port that speaks HTTP it is read.
        let raw_http = raw_http.as_ref().filter(|_| protocol.is_http());
        put(&mut facts, "patch.http", patched(raw_http));
        put(&mut facts, "patch.filter_chain", patched(filter_chain.as_ref()));
        put(&mut facts, "patch.local_cluster", patched(local_cluster.as_ref()));
    }
    health(&mut facts, health_check.as_ref(), *port);
    outlier(&mut facts, outlier_detection.as_ref());
    listener_tls(&mut facts, tls.as_ref());
    if tls.as_ref().is_some_and(ListenerTls::is_on) {
        // Callers ask for it (SNI), and the certificate must hold it unless they name others.
        put(&mut facts, "tls.server_name", discovery_name(node));
    }
    found_by(&mut facts, settings, discovery.as_ref());
    put(&mut facts, "patch.cluster", patched(cluster.as_ref()));
    facts
}

/// Limits of what is under way; unset is none that requests come near.
pub(super) fn pool(facts: &mut Facts, limits: Option<&PoolLimits>) {
    let Some(PoolLimits { max_connections, max_pending_requests, max_requests }) = limits else {
        return;
    };
    put(facts, "connection_pool.max_connections", *max_connections);
    put(facts, "connection_pool.max_pending_requests", *max_pending_requests);
    put(facts, "connection_pool.max_requests", *max_requests);
}

/// What is accepted of HTTP, defaults filled in.
pub(super) fn accepted(facts: &mut Facts, settings: &HttpSettings, protocol: Protocol) {
    if protocol.is_http() {
        accepts(facts, Accepts::of(settings));
    }
}

/// What a connection manager accepts.
pub(super) fn accepts(facts: &mut Facts, accepts: Accepts) {
    let Accepts {
        http_10,
        default_host,
        max_headers,
        max_header_kib,
        preserve_case,
        ignored_upgrades,
    } = accepts;
    put(facts, "http.accept_http_10", Some(http_10));
    put(facts, "http.default_hostname", default_host);
    put(facts, "http.max_headers", Some(max_headers));
    put(facts, "http.max_header_size", Some(format!("{max_header_kib}KiB")));
    let case = if preserve_case { HeaderCase::Preserve } else { HeaderCase::Lower };
    put(facts, "http.header_case", Some(case.as_str()));
    put(facts, "http.ignore_upgrades", list(ignored_upgrades));
}

fn health(facts: &mut Facts, check: Option<&HealthCheck>, own: Port) {
    let Some(check) = check else { return };
    let HealthCheck {
        protocol,
        path,
        port,
        interval,
        timeout,
        healthy_threshold,
        unhealthy_threshold,
    } = check;
    put(facts, "health_check.protocol", Some(protocol));
    put(facts, "health_check.path", path.as_ref());
    put(facts, "health_check.port", Some(port.unwrap_or(own)));
    put(facts, "health_check.interval", Some(interval));
    put(facts, "health_check.timeout", Some(timeout));
    put(facts, "health_check.healthy_threshold", Some(healthy_threshold));
    put(facts, "health_check.unhealthy_threshold", Some(unhealthy_threshold));
}

fn outlier(facts: &mut Facts, outlier: Option<&OutlierDetection>) {
    let Some(outlier) = outlier else { return };
    let OutlierDetection {
        max_server_errors,
        interval,
        base_ejection_duration,
        max_ejection_percent,
    } = outlier;
    put(facts, "outlier_detection.max_server_errors", Some(max_server_errors));
    put(facts, "outlier_detection.interval", Some(interval));
    put(facts, "outlier_detection.base_ejection_duration", Some(base_ejection_duration));
    put(facts, "outlier_detection.max_ejection_percent", Some(max_ejection_percent));
}

/// What a listener shows and asks for; plain text shows and asks for nothing.
pub(super) fn listener_tls(facts: &mut Facts, tls: Option<&ListenerTls>) {
    let on = tls.filter(|tls| tls.is_on());
    let Some(ListenerTls { mode, certificate, validation }) = on else {
        put(facts, "tls.mode", Some(TlsMode::Disabled.as_str()));
        return;
    };
    put(facts, "tls.mode", Some(mode.as_str()));
    put(facts, "tls.certificate", Some(caller::shown(certificate)));
    if let Some(ListenerValidation { trust, subject_alternative_names }) = validation {
        put(facts, "tls.validation.trust", Some(caller::believed(trust)));
        let names = list(subject_alternative_names);
        put(facts, "tls.validation.subject_alternative_names", names);
    }
}

fn found_by(facts: &mut Facts, settings: &MeshSettings, discovery: Option<&Discovery>) {
    match discovery {
        Some(Discovery::Dns(dns)) => {
            let DnsDiscovery { hostname, response_type, ip_preference: _ } = dns;
            put(facts, "discovery.dns", Some(hostname));
            put(facts, "discovery.dns.response_type", Some(response_type.as_str()));
            let preference = lookup_preference(settings, dns).map(IpPreference::as_str);
            put(facts, "discovery.dns.ip_preference", preference);
        }
        Some(Discovery::Registry(registry)) => {
            let RegistryDiscovery { namespace, service, attributes, ip_preference } = registry;
            put(facts, "discovery.registry", Some(format!("{service} in {namespace}")));
            let wanted = attributes.iter().map(|(name, value)| format!("{name}={value}"));
            put(facts, "discovery.registry.attributes", list(wanted));
            // All instances are endpoints, unless a family is excluded.
            let preference = ip_preference.or(settings.ip_preference).filter(|own| match own {
                IpPreference::Ipv4Only | IpPreference::Ipv6Only => true,
                IpPreference::Ipv4Preferred | IpPreference::Ipv6Preferred => false,
            });
            put(facts, "discovery.registry.ip_preference", preference.map(IpPreference::as_str));
        }
        Some(Discovery::Static(addresses)) => put(facts, "discovery.static", list(addresses)),
        None => {}
    }
}
