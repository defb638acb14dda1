//! Nodes, from the clusters by which the proxy reaches them.

use super::{Dump, Fields, duration, fields, millis};
use crate::import::report::Reason;
use crate::import::tree::Node;
use crate::model::Kind;
use std::collections::BTreeMap;

/// What the name of a cluster says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name<'n> {
    /// The node.
    pub(super) node: &'n str,
    /// What is spoken.
    pub(super) protocol: &'n str,
    /// The port.
    pub(super) port: &'n str,
}

/// Reads the name of a cluster of a mesh: `cds_DIRECTION_MESH_NODE_PROTOCOL_PORT`.
pub(super) fn parse<'n>(name: &'n str, direction: &str, mesh: &str) -> Option<Name<'n>> {
    let rest = name.strip_prefix(direction)?.strip_prefix(mesh)?.strip_prefix('_')?;
    let (rest, port) = rest.rsplit_once('_')?;
    let (node, protocol) = rest.rsplit_once('_')?;
    let known = ["http", "http2", "grpc", "tcp"].contains(&protocol);
    (known && port.parse::<u16>().is_ok()).then_some(Name { node, protocol, port })
}

impl Dump<'_, '_> {
    /// Adds the nodes that the clusters tell of.
    pub(super) fn nodes(&mut self, clusters: &[&Node]) {
        let mesh = self.proxy.mesh.clone();
        let mut spec = Fields::new(self.proxy.loc);
        self.add(Kind::Mesh, &mesh, None, &spec.done());
        let mut others: BTreeMap<String, Vec<(&Node, Name<'_>)>> = BTreeMap::new();
        let mut own: Vec<(&Node, Name<'_>)> = Vec::new();
        for cluster in clusters {
            let name = cluster.text_at("name").unwrap_or_default();
            if let Some(name) = parse(name, "cds_egress_", &mesh) {
                self.cx.about = Some(format!("virtual_node/{}", name.node));
                self.rest(cluster, fields::PEER);
                self.cx.about = None;
                if let Ok(port) = name.port.parse() {
                    let family = cluster.text_at("dns_lookup_family").unwrap_or_default();
                    let called = self.cx.called.entry((name.node.to_owned(), port)).or_default();
                    called.insert(family.to_owned());
                }
                others.entry(name.node.to_owned()).or_default().push((cluster, name));
            } else if name.starts_with("cds_ingress_") {
                self.of_proxy(|dump| dump.rest(cluster, fields::LOCAL));
                let parsed = parse(name, "cds_ingress_", &mesh);
                if let Some(name) = parsed.filter(|_| self.proxy.kind == Kind::VirtualNode) {
                    self.of_proxy(|dump| dump.application(cluster, &name));
                    own.push((cluster, name));
                }
            }
        }
        for (node, clusters) in others {
            let mut spec = self.node(&clusters);
            self.add(Kind::VirtualNode, &node, None, &spec.done());
        }
        if self.proxy.kind == Kind::VirtualNode {
            let name = self.proxy.name.clone();
            let mut spec = Fields::new(self.proxy.loc);
            let listeners = own.iter().map(|(cluster, name)| mapping(cluster, name)).collect();
            spec.set("listeners", Node::list(self.proxy.loc, listeners));
            let hosts = self.hosts.clone();
            let backend = |host: &String| {
                let loc = self.proxy.loc;
                let service = Node::map(loc, vec![("virtualServiceName", Node::scalar(loc, host))]);
                Node::map(loc, vec![("virtualService", service)])
            };
            let backends: Vec<Node> = hosts.iter().map(backend).collect();
            spec.set("backends", Node::list(self.proxy.loc, backends));
            self.add(Kind::VirtualNode, &name, None, &spec.done());
        }
    }

    fn node(&mut self, clusters: &[(&Node, Name<'_>)]) -> Fields {
        let loc = clusters.first().map_or(self.proxy.loc, |(cluster, _)| cluster.loc);
        let mut spec = Fields::new(loc);
        let listeners: Vec<Node> = clusters
            .iter()
            .map(|(cluster, name)| {
                let mut listener = Fields::new(cluster.loc);
                listener.entries = mapping(cluster, name).entries().to_vec();
                self.cx.about = Some(format!("virtual_node/{}", name.node));
                let checks = cluster.get("health_checks").map(Node::items).unwrap_or_default();
                if let Some(check) = checks.first() {
                    listener.set("healthCheck", self.health_check(check));
                }
                if let Some(second) = checks.get(1) {
                    self.unread(second, "health_checks", "is a second one, and App Mesh has one");
                }
                if let Some(node) = cluster.get("outlier_detection") {
                    match outlier(node) {
                        Some(outlier) => {
                            listener.set("outlierDetection", outlier);
                        }
                        None => {
                            let message = "lacks a field that App Mesh always gave";
                            self.unread(node, "outlier_detection", message);
                        }
                    }
                }
                self.cx.about = None;
                listener.done()
            })
            .collect();
        spec.set("listeners", Node::list(loc, listeners));
        let Some((_, name)) = clusters.first() else { return spec };
        let found: Vec<Option<Found>> =
            clusters.iter().map(|(cluster, _)| found(cluster)).collect();
        self.cx.about = Some(format!("virtual_node/{}", name.node));
        for ((cluster, name), one) in clusters.iter().zip(&found) {
            let port = addresses(cluster).first().and_then(|at| at.text_at("port_value"));
            if one.is_some() && port.is_some_and(|port| port != name.port) {
                self.unread(cluster, "load_assignment", "leads to another port than the name says");
            }
            if one.is_some() && addresses(cluster).len() > 1 {
                self.unread(
                    cluster,
                    "load_assignment",
                    "has several addresses, and App Mesh has one name",
                );
            }
            if *one != found[0] {
                self.unread(
                    cluster,
                    "load_assignment",
                    "is found in another way than the node's other ports",
                );
            }
        }
        self.cx.about = None;
        match found.into_iter().next().flatten() {
            Some(Found { ty, host, family }) => {
                let mut dns = Fields::new(loc);
                dns.text("hostname", host);
                if ty == "STRICT_DNS" {
                    dns.text("responseType", "ENDPOINTS");
                }
                if let Some(preference) = family {
                    dns.text("ipPreference", preference);
                }
                let dns = dns.done();
                spec.set("serviceDiscovery", Node::map(loc, vec![("dns", dns)]));
            }
            _ => {
                self.cx.about = Some(format!("virtual_node/{}", name.node));
                let message = "how it is found is not in the dump: it was Cloud Map or addresses";
                self.cx.note(Reason::Unsupported, loc, "service_discovery", message.to_owned());
                self.cx.about = None;
            }
        }
        spec
    }
}

/// A listener's port and protocol.
fn mapping(cluster: &Node, name: &Name<'_>) -> Node {
    let mut mapping = Fields::new(cluster.loc);
    mapping.text("port", name.port).text("protocol", name.protocol);
    Node::map(cluster.loc, vec![("portMapping", mapping.done())])
}

/// How a name is resolved: the kind of cluster, the name, and the addresses that are preferred.
#[derive(Clone, PartialEq, Eq)]
struct Found {
    ty: String,
    host: String,
    family: Option<&'static str>,
}

fn found(cluster: &Node) -> Option<Found> {
    let ty = cluster.text_at("type").filter(|ty| ["LOGICAL_DNS", "STRICT_DNS"].contains(ty))?;
    let host = addresses(cluster).first()?.text_at("address")?.to_owned();
    let family = match cluster.text_at("dns_lookup_family") {
        Some("V4_ONLY") => Some("IPv4_ONLY"),
        Some("V6_ONLY") => Some("IPv6_ONLY"),
        Some("V4_PREFERRED") => Some("IPv4_PREFERRED"),
        _ => None,
    };
    Some(Found { ty: ty.to_owned(), host, family })
}

/// The addresses of a cluster's endpoints.
fn addresses(cluster: &Node) -> Vec<&Node> {
    let localities = cluster.at(&["load_assignment", "endpoints"]).map(Node::items);
    localities
        .unwrap_or_default()
        .iter()
        .flat_map(|locality| locality.get("lb_endpoints").map(Node::items).unwrap_or_default())
        .filter_map(|endpoint| endpoint.at(&["endpoint", "address", "socket_address"]))
        .collect()
}

impl Dump<'_, '_> {
    /// Reports an application that is not on the node's own port of this host.
    fn application(&mut self, cluster: &Node, name: &Name<'_>) {
        for address in addresses(cluster) {
            let (host, port) = (address.text_at("address"), address.text_at("port_value"));
            let here = host.is_none_or(|host| ["127.0.0.1", "::1"].contains(&host));
            if !here || port.is_some_and(|port| port != name.port) {
                let message = "the application is not at the listener's port of 127.0.0.1";
                self.unread(address, "load_assignment", message);
            }
        }
    }

    fn health_check(&mut self, check: &Node) -> Node {
        let mut all = Fields::new(check.loc);
        let codec = check.at(&["http_health_check", "codec_client_type"]).and_then(Node::text);
        let kind = match (check.has("grpc_health_check"), check.has("tcp_health_check")) {
            (true, _) => "grpc",
            (_, true) => "tcp",
            _ if codec == Some("HTTP2") => "http2",
            _ => "http",
        };
        all.text("protocol", kind);
        for (key, from) in [("intervalMillis", "interval"), ("timeoutMillis", "timeout")] {
            all.text(key, millis(check.get(from)).unwrap_or(5000).to_string());
        }
        if let Some(idle) = check.get("no_traffic_interval")
            && idle.text() != check.text_at("interval")
        {
            self.unread(
                idle,
                "health_checks.no_traffic_interval",
                "is another interval, and App Mesh has one",
            );
        }
        for (key, from) in [
            ("healthyThreshold", "healthy_threshold"),
            ("unhealthyThreshold", "unhealthy_threshold"),
        ] {
            all.text(key, check.text_at(from).unwrap_or("2"));
        }
        if let Some(port) = check.get("alt_port") {
            all.set("port", port.clone());
        }
        if let Some(path) = check.at(&["http_health_check", "path"]) {
            all.set("path", path.clone());
        }
        all.done()
    }
}

fn outlier(node: &Node) -> Option<Node> {
    let mut all = Fields::new(node.loc);
    all.set("maxServerErrors", node.get("consecutive_5xx")?.clone());
    all.set("interval", duration(node.get("interval")?)?);
    all.set("baseEjectionDuration", duration(node.get("base_ejection_time")?)?);
    all.set("maxEjectionPercent", node.get("max_ejection_percent")?.clone());
    Some(all.done())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_clusters_are_read_from_behind() {
        let name = parse("cds_egress_shop_cart_v1_http_8080", "cds_egress_", "shop");
        assert_eq!(name, Some(Name { node: "cart_v1", protocol: "http", port: "8080" }));
        assert_eq!(parse("cds_egress_shop_amazonaws", "cds_egress_", "shop"), None);
        assert_eq!(parse("cds_egress_shop_mesh-allow-all", "cds_egress_", "shop"), None);
        assert_eq!(parse("cds_egress_other_a_http_1", "cds_egress_", "shop"), None);
    }
}
