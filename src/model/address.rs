//! Addresses: how a resource is named in plans, messages and commands.

use super::{GatewayName, NodeName, RouteName, RouterName, ServiceName};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Names one resource of a mesh, for example `route/cart/canary`. The order is that of plans:
/// what others stand on comes first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Address {
    /// `mesh`
    Mesh,
    /// `virtual_node/NAME`
    Node(NodeName),
    /// `virtual_router/NAME`
    Router(RouterName),
    /// `route/ROUTER/NAME`
    Route(RouterName, RouteName),
    /// `virtual_service/NAME`
    Service(ServiceName),
    /// `virtual_gateway/NAME`
    Gateway(GatewayName),
    /// `gateway_route/GATEWAY/NAME`
    GatewayRoute(GatewayName, RouteName),
}

/// The kinds of resource, by the word in their addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// The mesh itself.
    Mesh,
    /// A virtual node.
    VirtualNode,
    /// A virtual router.
    VirtualRouter,
    /// A route of a virtual router.
    Route,
    /// A virtual service.
    VirtualService,
    /// A virtual gateway.
    VirtualGateway,
    /// A route of a virtual gateway.
    GatewayRoute,
}

impl Kind {
    /// Every kind, in the order of addresses.
    pub const ALL: [Self; 7] = [
        Self::Mesh,
        Self::VirtualNode,
        Self::VirtualRouter,
        Self::Route,
        Self::VirtualService,
        Self::VirtualGateway,
        Self::GatewayRoute,
    ];

    /// The word in addresses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mesh => "mesh",
            Self::VirtualNode => "virtual_node",
            Self::VirtualRouter => "virtual_router",
            Self::Route => "route",
            Self::VirtualService => "virtual_service",
            Self::VirtualGateway => "virtual_gateway",
            Self::GatewayRoute => "gateway_route",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Address {
    /// The kind of resource that it names.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Mesh => Kind::Mesh,
            Self::Node(_) => Kind::VirtualNode,
            Self::Router(_) => Kind::VirtualRouter,
            Self::Route(..) => Kind::Route,
            Self::Service(_) => Kind::VirtualService,
            Self::Gateway(_) => Kind::VirtualGateway,
            Self::GatewayRoute(..) => Kind::GatewayRoute,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.kind();
        match self {
            Self::Mesh => write!(f, "{kind}"),
            Self::Node(name) => write!(f, "{kind}/{name}"),
            Self::Router(name) => write!(f, "{kind}/{name}"),
            Self::Route(router, name) => write!(f, "{kind}/{router}/{name}"),
            Self::Service(name) => write!(f, "{kind}/{name}"),
            Self::Gateway(name) => write!(f, "{kind}/{name}"),
            Self::GatewayRoute(gateway, name) => write!(f, "{kind}/{gateway}/{name}"),
        }
    }
}

/// A text that is no address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseAddressError(String);

impl fmt::Display for ParseAddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ParseAddressError {}

impl FromStr for Address {
    type Err = ParseAddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = |why: String| ParseAddressError(format!("`{text}` is not an address: {why}"));
        let parts: Vec<&str> = text.split('/').collect();
        let name = |at: usize| parts[at].to_owned();
        let address = match parts.as_slice() {
            ["mesh"] => Ok(Self::Mesh),
            ["virtual_node", _] => NodeName::new(name(1)).map(Self::Node),
            ["virtual_service", _] => ServiceName::new(name(1)).map(Self::Service),
            ["virtual_router", _] => RouterName::new(name(1)).map(Self::Router),
            ["virtual_gateway", _] => GatewayName::new(name(1)).map(Self::Gateway),
            ["route", _, _] => RouterName::new(name(1))
                .and_then(|router| Ok(Self::Route(router, RouteName::new(name(2))?))),
            ["gateway_route", _, _] => GatewayName::new(name(1))
                .and_then(|gateway| Ok(Self::GatewayRoute(gateway, RouteName::new(name(2))?))),
            _ => Err("it has the form KIND/NAME, for example virtual_node/checkout or \
                      route/ROUTER/NAME"
                .into()),
        };
        address.map_err(bad)
    }
}

impl TryFrom<String> for Address {
    type Error = ParseAddressError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Address> for String {
    fn from(address: Address) -> Self {
        address.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_read_back_as_shown() {
        for text in [
            "mesh",
            "virtual_node/checkout",
            "virtual_service/cart.shop.internal",
            "virtual_router/cart",
            "route/cart/canary",
            "virtual_gateway/edge",
            "gateway_route/edge/cart",
        ] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
        for text in ["", "virtual_node", "virtual_node/", "node/x", "route/a", "route/a/b/c"] {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
    }
}
