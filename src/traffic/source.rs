//! Where a request starts, as a person names it.

use super::entry::Source;
use crate::model::{GatewayName, Mesh, NodeName};
use std::fmt;

/// Why a name does not say where a request starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoSource {
    /// Nothing was named, and the mesh has no gateway.
    NoGateway,
    /// Nothing was named, and the mesh has several gateways.
    SeveralGateways,
    /// A node and a gateway have this name.
    Both(String),
    /// No node and no gateway has it.
    Unknown(String),
}

impl fmt::Display for NoSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoGateway => {
                f.write_str("the mesh has no gateway, so say where the request starts")
            }
            Self::SeveralGateways => {
                f.write_str("the mesh has several gateways, so say where the request starts")
            }
            Self::Both(name) => write!(f, "`{name}` is a node and a gateway"),
            Self::Unknown(name) => write!(f, "there is no node or gateway `{name}`"),
        }
    }
}

impl Source {
    /// The node or gateway of this name or address; without one, the only gateway.
    pub fn named(mesh: &Mesh, named: Option<&str>) -> Result<Self, NoSource> {
        let Some(named) = named else {
            let mut gateways = mesh.gateways.keys();
            return match (gateways.next(), gateways.next()) {
                (Some(only), None) => Ok(Self::Gateway(only.clone())),
                (None, _) => Err(NoSource::NoGateway),
                (Some(_), Some(_)) => Err(NoSource::SeveralGateways),
            };
        };
        let (node, gateway) = match named.split_once('/') {
            Some(("virtual_node", name)) => (NodeName::new(name).ok(), None),
            Some(("virtual_gateway", name)) => (None, GatewayName::new(name).ok()),
            Some(_) => (None, None),
            None => (NodeName::new(named).ok(), GatewayName::new(named).ok()),
        };
        let node = node.filter(|name| mesh.nodes.contains_key(name));
        let gateway = gateway.filter(|name| mesh.gateways.contains_key(name));
        match (node, gateway) {
            (Some(node), None) => Ok(Self::Node(node)),
            (None, Some(gateway)) => Ok(Self::Gateway(gateway)),
            (Some(_), Some(_)) => Err(NoSource::Both(named.to_owned())),
            (None, None) => Err(NoSource::Unknown(named.to_owned())),
        }
    }
}
