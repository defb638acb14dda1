//! Nodes, from the clusters by which the proxy reaches them.

use super::{Dump, Fields, duration, millis};
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
                others.entry(name.node.to_owned()).or_default().push((cluster, name));
            } else if let Some(name) = parse(name, "cds_ingress_", &mesh)
                && !name.node.ends_with("self_redirect")
                && self.proxy.kind == Kind::VirtualNode
            {
                own.push((cluster, name));
            }
        }
        others.remove(&self.proxy.name);
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
                if let Some(check) = cluster.get("health_checks").and_then(|c| c.items().first()) {
                    listener.set("healthCheck", health_check(check, name.protocol));
                }
                if let Some(outlier) = cluster.get("outlier_detection").and_then(outlier) {
                    listener.set("outlierDetection", outlier);
                }
                listener.done()
            })
            .collect();
        spec.set("listeners", Node::list(loc, listeners));
        let Some((first, name)) = clusters.first() else { return spec };
        match (first.text_at("type"), address(first)) {
            (Some(ty @ ("LOGICAL_DNS" | "STRICT_DNS")), Some(host)) => {
                let mut dns = Fields::new(loc);
                dns.text("hostname", host);
                if ty == "STRICT_DNS" {
                    dns.text("responseType", "ENDPOINTS");
                }
                let dns = dns.done();
                spec.set("serviceDiscovery", Node::map(loc, vec![("dns", dns)]));
            }
            _ => {
                self.cx.about = Some(format!("virtual_node/{}", name.node));
                let message = "how it is found is not in the dump: it was Cloud Map or addresses";
                self.cx.note(Reason::Unsupported, loc, "type", message.to_owned());
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

/// The address of the first endpoint.
fn address(cluster: &Node) -> Option<String> {
    let locality = cluster.at(&["load_assignment", "endpoints"])?.items().first()?;
    let endpoint = locality.get("lb_endpoints")?.items().first()?;
    let address = endpoint.at(&["endpoint", "address", "socket_address", "address"])?;
    address.text().map(str::to_owned)
}

fn health_check(check: &Node, protocol: &str) -> Node {
    let mut all = Fields::new(check.loc);
    let kind = match (check.has("grpc_health_check"), check.has("tcp_health_check")) {
        (true, _) => "grpc",
        (_, true) => "tcp",
        _ if protocol == "http2" => "http2",
        _ => "http",
    };
    all.text("protocol", kind);
    for (key, from) in [("intervalMillis", "interval"), ("timeoutMillis", "timeout")] {
        all.text(key, millis(check.get(from)).unwrap_or(5000).to_string());
    }
    for (key, from) in
        [("healthyThreshold", "healthy_threshold"), ("unhealthyThreshold", "unhealthy_threshold")]
    {
        all.text(key, check.text_at(from).unwrap_or("2"));
    }
    if let Some(path) = check.at(&["http_health_check", "path"]) {
        all.set("path", path.clone());
    }
    all.done()
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
