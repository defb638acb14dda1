//! What a mesh *means*: App Mesh's network model as plain data.
//!
//! Everything here is ordered, comparable and serialisable; the JSON of a resource is the form
//! that records, plans and digests use. It has the keys of the TOML language, in long form.
//! Where a value was written is kept apart, in [`Origins`], so that models from files and from
//! live state are of one type.
#![deny(clippy::disallowed_methods)]

mod address;
mod common;
mod gateway;
mod http;
mod matching;
mod name;
mod node;
mod origin;
mod route;
mod tls;
mod units;

pub use address::{Address, Kind, ParseAddressError};
pub use common::{
    AccessLog, Capture, EgressFilter, IpPreference, LogFormat, Patch, PoolLimits, Tags, is_field,
};
pub use gateway::{
    GatewayListener, GatewayListenerPatch, GatewayMatch, GatewayRewrite, GatewayRoute,
    GatewayTarget, HostnameMatch, PrefixRewrite, VirtualGateway,
};
pub use http::{ByteSize, HeaderCase, HttpSettings};
pub use matching::{Matcher, PathMatch, Pattern, Range};
pub use name::{GatewayName, MeshName, NodeName, RouteName, RouterName, ServiceName};
pub use node::{
    Backend, BackendDefaults, Bind, Discovery, DnsDiscovery, DnsResponseType, HealthCheck,
    Listener, ListenerPatch, ListenerTimeout, NodePatch, OutlierDetection, RegistryDiscovery,
    VirtualNode,
};
pub use origin::{Origins, Section, pointer};
pub use route::{
    Method, RetryEvent, RetryPolicy, Route, RouteMatch, RouteTimeout, RouterListener, Scheme,
    Target, VirtualRouter, VirtualService,
};
pub use tls::{
    Certificate, ClientPolicy, ClientTls, ClientValidation, FileCertificate, ListenerTls,
    ListenerValidation, MappedCertificate, MappedTrust, TlsMode, Trust,
};
pub use units::{Duration, Port, Protocol};

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A whole mesh.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mesh {
    /// The mesh's own settings.
    pub settings: MeshSettings,
    /// The virtual nodes by name.
    pub nodes: BTreeMap<NodeName, VirtualNode>,
    /// The virtual services by name.
    pub services: BTreeMap<ServiceName, VirtualService>,
    /// The virtual routers, each with its routes.
    pub routers: BTreeMap<RouterName, VirtualRouter>,
    /// The virtual gateways, each with its routes.
    pub gateways: BTreeMap<GatewayName, VirtualGateway>,
    /// Virtual services that another project owns, declared so that they can be named here.
    pub external_services: BTreeMap<ServiceName, ExternalService>,
}

/// The settings of the `[mesh]` table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MeshSettings {
    /// The mesh's name.
    pub name: MeshName,
    /// What happens to traffic that the mesh does not define. App Mesh's default: `drop-all`.
    #[serde(default)]
    pub egress: EgressFilter,
    /// Which IP versions proxies use; unset has App Mesh's mixed meaning (see `envoy`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip_preference: Option<IpPreference>,
    /// How traffic reaches the proxies, unless a node says otherwise.
    #[serde(default)]
    pub capture: Capture,
    /// Who owns the mesh: in App Mesh the twelve digits of an account, here any word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Free key-value pairs; kept, never interpreted.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

/// A virtual service that another project owns.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExternalService {
    /// Who owns it, for messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
}

impl Mesh {
    /// Every address of the mesh, in order.
    pub fn addresses(&self) -> Vec<Address> {
        let mut all = vec![Address::Mesh];
        all.extend(self.nodes.keys().cloned().map(Address::Node));
        all.extend(self.services.keys().cloned().map(Address::Service));
        for (router, item) in &self.routers {
            all.push(Address::Router(router.clone()));
            all.extend(item.routes.iter().map(|r| Address::Route(router.clone(), r.name.clone())));
        }
        for (gateway, item) in &self.gateways {
            all.push(Address::Gateway(gateway.clone()));
            all.extend(
                item.routes.iter().map(|r| Address::GatewayRoute(gateway.clone(), r.name.clone())),
            );
        }
        all.sort();
        all
    }
}
