//! Every name that Envoy sees. App Mesh's names are kept where it had one, because dashboards and
//! alarms are built on them.

use super::resource::{ProxyId, ResourceType};
use crate::model::{Address, MeshName, NodeName, Port, Protocol, ServiceName};
use std::borrow::Cow;
use std::net::IpAddr;

/// The inbound listener of redirect capture.
pub(super) const REDIRECT_INGRESS: &str = "lds_ingress_0.0.0.0_15000";
/// The outbound listener of redirect capture.
pub(super) const REDIRECT_EGRESS: &str = "lds_egress_0.0.0.0_15001";
/// The virtual host of a gateway's first hop.
pub(super) const SELF_REDIRECT: &str = "self_redirect";
/// The virtual host for hosts that the mesh does not define, under `allow-all`.
pub(super) const ALLOW_ALL: &str = "mesh-allow-all";
/// The bootstrap's cluster of the SDS server.
pub(super) const SDS_CLUSTER: &str = "static_cluster_sds_unix_socket";
/// The bootstrap's cluster of the control plane.
pub(super) const XDS_CLUSTER: &str = "xds_cluster";
/// Statistics of the outbound side.
pub(super) const EGRESS: &str = "egress";
/// Statistics of the inbound side.
pub(super) const INGRESS: &str = "ingress";

/// An inbound listener on its own port.
pub(super) fn ingress_listener(address: IpAddr, port: Port) -> String {
    format!("lds_ingress_{address}_{port}")
}

/// An outbound listener of explicit capture.
pub(super) fn egress_bind(address: IpAddr, port: u16) -> String {
    format!("lds_egress_{address}_{port}")
}

/// The internal listener of a gateway's second hop.
pub(super) fn second_hop(service: &ServiceName, port: Port) -> String {
    format!("lds_egress_{service}_{port}")
}

/// The routes of an inbound port.
pub(super) fn ingress_routes(protocol: Protocol, port: Port) -> String {
    format!("rds_ingress_{protocol}_{port}")
}

/// The routes of an outbound port that several services share. All HTTP kinds share it, so the
/// word is `http` for each of them.
pub(super) fn egress_port_routes(port: Port) -> String {
    format!("rds_egress_http_{port}")
}

/// The routes of one service port.
pub(super) fn egress_service_routes(service: &ServiceName, port: Port) -> String {
    format!("rds_egress_{service}_{port}")
}

/// The cluster of the local application behind an inbound port.
pub(super) fn local_cluster(mesh: &MeshName, node: &str, protocol: Protocol, port: Port) -> String {
    format!("cds_ingress_{mesh}_{node}_{protocol}_{port}")
}

/// The cluster of a peer's listener. A backend with a policy of its own has a cluster of its own.
pub(super) fn peer_cluster(
    mesh: &MeshName,
    node: &NodeName,
    protocol: Protocol,
    port: Port,
    via: Option<&ServiceName>,
) -> String {
    let name = format!("cds_egress_{mesh}_{node}_{protocol}_{port}");
    match via {
        Some(service) => format!("{name}_via_{service}"),
        None => name,
    }
}

/// The cluster of everything outside of the mesh, under `allow-all`.
pub(super) fn allow_all_cluster(mesh: &MeshName) -> String {
    format!("cds_egress_{mesh}_{ALLOW_ALL}")
}

/// The cluster from a gateway's first hop to the second. App Mesh had one and told services apart
/// by the host; here each service port has its own, so that the host may stay what it was.
pub(super) fn self_redirect_cluster(
    mesh: &MeshName,
    gateway: &str,
    ingress: Option<Port>,
    service: &ServiceName,
    port: Port,
) -> String {
    match ingress {
        Some(ingress) => {
            format!("cds_ingress_{mesh}_{gateway}_{SELF_REDIRECT}_{ingress}_{service}_{port}")
        }
        None => format!("cds_ingress_{mesh}_{gateway}_{SELF_REDIRECT}_{service}_{port}"),
    }
}

/// The prefix of an inbound port's statistics. With a single listener it is the bare word.
pub(super) fn ingress_stats(several: bool, protocol: Protocol, port: Port) -> String {
    if several { format!("{INGRESS}.{protocol}.{port}") } else { INGRESS.to_owned() }
}

/// A proxy's `node.id`.
pub fn node_id(mesh: &MeshName, proxy: &ProxyId, instance: Option<&str>) -> String {
    match instance {
        Some(instance) => format!("mesh/{mesh}/{proxy}/{instance}"),
        None => format!("mesh/{mesh}/{proxy}"),
    }
}

/// What a node id names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeId {
    /// The mesh.
    pub mesh: String,
    /// The proxy.
    pub proxy: ProxyId,
    /// Which instance of it.
    pub instance: Option<String>,
}

/// Reads `mesh/M/virtual_node/N[/INSTANCE]` and its kin.
pub fn parse_node_id(id: &str) -> Option<NodeId> {
    let mut parts = id.splitn(5, '/');
    if parts.next() != Some("mesh") {
        return None;
    }
    let mesh = parts.next().filter(|mesh| !mesh.is_empty())?;
    let kind = match parts.next()? {
        "virtual_node" | "virtualNode" => "virtual_node",
        "virtual_gateway" | "virtualGateway" => "virtual_gateway",
        _ => return None,
    };
    let proxy = format!("{kind}/{}", parts.next()?).parse().ok()?;
    let instance = match parts.next() {
        Some("") => return None,
        instance => instance.map(str::to_owned),
    };
    Some(NodeId { mesh: mesh.to_owned(), proxy, instance })
}

/// The name of an Envoy route: the address of what it comes from, so that config dumps, access
/// logs (`%ROUTE_NAME%`) and errors lead back to the files.
pub(super) fn route(address: &Address) -> String {
    address.to_string()
}

/// Longest file name before it is cut, in bytes; most file systems allow 255.
const FILE_NAME_MAX: usize = 200;

/// The file of a resource, relative to its proxy's folder. Names that are too long for a file
/// system are cut and told apart by a hash.
pub fn file(kind: ResourceType, name: &str) -> String {
    match kind.one_per_file() {
        true => format!("{kind}/{}.yaml", file_stem(kind, name)),
        false => format!("{kind}.yaml"),
    }
}

/// The name of a resource's file without its folder and ending; empty if it stands in the file of
/// its kind.
pub fn file_stem(kind: ResourceType, name: &str) -> Cow<'_, str> {
    if !kind.one_per_file() {
        return Cow::Borrowed("");
    }
    if name.len() <= FILE_NAME_MAX {
        return Cow::Borrowed(name);
    }
    let whole = envoy_api::Any { type_url: String::new(), value: name.as_bytes().to_vec() };
    let hash = super::resource::version_of(&whole);
    Cow::Owned(format!("{}-{hash}", &name[..name.floor_char_boundary(FILE_NAME_MAX)]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_make_file_names_that_fit_and_differ() {
        let long = |end: &str| format!("cds_egress_{}_{end}", "n".repeat(250));
        let kind = ResourceType::ClusterLoadAssignment;
        let (a, b) = (file(kind, &long("a")), file(kind, &long("b")));
        assert_ne!(a, b);
        assert!(a.len() <= 255 && a.starts_with("eds/cds_egress_") && a.ends_with(".yaml"), "{a}");
        assert_eq!(file(kind, "short"), "eds/short.yaml");
        assert_eq!(file(ResourceType::Listener, "any"), "lds.yaml");
    }

    #[test]
    fn names_are_those_of_app_mesh() {
        let mesh = MeshName::new("shop").expect("a name");
        let node = NodeName::new("cart-v1").expect("a name");
        let service = ServiceName::new("cart.shop.internal").expect("a name");
        let port = Port::new(8080).expect("a port");
        let http = Protocol::Http;
        assert_eq!(
            peer_cluster(&mesh, &node, http, port, None),
            "cds_egress_shop_cart-v1_http_8080"
        );
        assert_eq!(
            peer_cluster(&mesh, &node, http, port, Some(&service)),
            "cds_egress_shop_cart-v1_http_8080_via_cart.shop.internal"
        );
        assert_eq!(
            local_cluster(&mesh, "cart-v1", http, port),
            "cds_ingress_shop_cart-v1_http_8080"
        );
        assert_eq!(allow_all_cluster(&mesh), "cds_egress_shop_mesh-allow-all");
        assert_eq!(ingress_routes(http, port), "rds_ingress_http_8080");
        assert_eq!(egress_port_routes(port), "rds_egress_http_8080");
        assert_eq!(ingress_stats(false, http, port), "ingress");
        assert_eq!(ingress_stats(true, http, port), "ingress.http.8080");
        let proxy = ProxyId::Node(node);
        assert_eq!(node_id(&mesh, &proxy, Some("a")), "mesh/shop/virtual_node/cart-v1/a");
    }

    #[test]
    fn node_ids_are_read_in_both_spellings() {
        let read = |id| parse_node_id(id).map(|id| (id.mesh, id.proxy.to_string(), id.instance));
        let cart = |instance: Option<&str>| {
            Some(("shop".to_owned(), "virtual_node/cart".to_owned(), instance.map(str::to_owned)))
        };
        assert_eq!(read("mesh/shop/virtual_node/cart"), cart(None));
        assert_eq!(read("mesh/shop/virtualNode/cart/a/b"), cart(Some("a/b")));
        for bad in [
            "",
            "mesh",
            "mesh/shop",
            "mesh//virtual_node/cart",
            "mesh/shop/virtual_node/",
            "mesh/shop/virtual_node",
            "mesh/shop/pod/cart",
            "mesh/shop/virtual_node/cart/",
            "nets/shop/virtual_node/cart",
            "mesh/shop/virtual_node/ca rt",
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
