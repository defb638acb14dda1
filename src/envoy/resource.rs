//! What a compiled proxy is: its resources, what each serves, and what each is made from.

use crate::model::{Address, GatewayName, NodeName};
use envoy_api::Any;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// Names one proxy configuration of a mesh. All instances of a node or gateway share it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum ProxyId {
    /// The proxies of a virtual node.
    Node(NodeName),
    /// The proxies of a virtual gateway.
    Gateway(GatewayName),
}

impl ProxyId {
    /// The address of the resource that the proxy stands for.
    pub fn address(&self) -> Address {
        match self {
            Self::Node(name) => Address::Node(name.clone()),
            Self::Gateway(name) => Address::Gateway(name.clone()),
        }
    }

    /// The bare name of the node or gateway.
    pub fn name(&self) -> &str {
        match self {
            Self::Node(name) => name.as_str(),
            Self::Gateway(name) => name.as_str(),
        }
    }
}

impl fmt::Display for ProxyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Node(name) => write!(f, "virtual_node/{name}"),
            Self::Gateway(name) => write!(f, "virtual_gateway/{name}"),
        }
    }
}

impl FromStr for ProxyId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('/') {
            Some(("virtual_node", name)) => NodeName::new(name).map(Self::Node),
            Some(("virtual_gateway", name)) => GatewayName::new(name).map(Self::Gateway),
            _ => Err(format!(
                "`{text}` is not a proxy: it has the form virtual_node/NAME or virtual_gateway/NAME"
            )),
        }
    }
}

impl TryFrom<String> for ProxyId {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<ProxyId> for String {
    fn from(proxy: ProxyId) -> Self {
        proxy.to_string()
    }
}

/// The kinds of xDS resource that meshctl renders.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ResourceType {
    /// A listener (LDS).
    #[serde(rename = "lds")]
    Listener,
    /// A route configuration (RDS).
    #[serde(rename = "rds")]
    RouteConfiguration,
    /// A cluster (CDS).
    #[serde(rename = "cds")]
    Cluster,
    /// The endpoints of a cluster (EDS).
    #[serde(rename = "eds")]
    ClusterLoadAssignment,
    /// A secret (SDS).
    #[serde(rename = "sds")]
    Secret,
}

impl ResourceType {
    /// Every type, in the order of [`ProxyConfig::resources`].
    pub const ALL: [Self; 5] = [
        Self::Listener,
        Self::RouteConfiguration,
        Self::Cluster,
        Self::ClusterLoadAssignment,
        Self::Secret,
    ];

    /// The short word that names folders and files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Listener => "lds",
            Self::RouteConfiguration => "rds",
            Self::Cluster => "cds",
            Self::ClusterLoadAssignment => "eds",
            Self::Secret => "sds",
        }
    }

    /// The type URL of the resource's message.
    pub const fn type_url(self) -> &'static str {
        match self {
            Self::Listener => "type.googleapis.com/envoy.config.listener.v3.Listener",
            Self::RouteConfiguration => {
                "type.googleapis.com/envoy.config.route.v3.RouteConfiguration"
            }
            Self::Cluster => "type.googleapis.com/envoy.config.cluster.v3.Cluster",
            Self::ClusterLoadAssignment => {
                "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment"
            }
            Self::Secret => "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret",
        }
    }

    /// Whether Envoy takes one resource of the type a file, rather than all in one.
    pub const fn one_per_file(self) -> bool {
        !matches!(self, Self::Listener | Self::Cluster)
    }
}

impl fmt::Display for ResourceType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Which way the traffic goes that a resource serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// Toward the application of this proxy, or into the gateway.
    Ingress,
    /// From the application of this proxy, or from the gateway to the mesh.
    Egress,
}

/// One xDS resource. Equal is what has equal content, wherever it comes from.
#[derive(Clone, Debug)]
pub struct Resource {
    /// Its type.
    pub kind: ResourceType,
    /// Its xDS name.
    pub name: String,
    /// Which way its traffic goes.
    pub side: Side,
    /// The message itself.
    pub message: Any,
    /// 16 hex digits of the hash of its content: equal content, equal version.
    pub version: String,
    /// What it is made from, the main thing first: an address, and a JSON pointer into that
    /// resource's JSON (empty for the whole of it).
    pub origins: Vec<(Address, String)>,
}

impl PartialEq for Resource {
    fn eq(&self, other: &Self) -> bool {
        (self.kind, &self.name, &self.version) == (other.kind, &other.name, &other.version)
    }
}

impl Resource {
    /// The content as ordered JSON in Envoy's field names, with `@type` first.
    pub fn to_json(&self) -> envoy_api::Json {
        envoy_api::any_to_json(&self.message)
            .expect("invariant: compiled messages are of types that envoy_api knows")
    }
}

/// All resources of one proxy.
#[derive(Clone, Debug, PartialEq)]
pub struct ProxyConfig {
    /// The proxy.
    pub proxy: ProxyId,
    /// The resources by type and name.
    pub resources: BTreeMap<(ResourceType, String), Arc<Resource>>,
}

impl ProxyConfig {
    /// The resources of one type, by name.
    pub fn of(&self, kind: ResourceType) -> impl Iterator<Item = &Arc<Resource>> {
        self.resources.values().filter(move |resource| resource.kind == kind)
    }

    /// One resource, if the proxy has it.
    pub fn get(&self, kind: ResourceType, name: &str) -> Option<&Arc<Resource>> {
        self.resources.get(&(kind, name.to_owned()))
    }
}

/// Where proxies get the resources from that others refer to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConfigSource {
    /// Files under `ROOT/current/<proxy folder>/`; Envoy watches `ROOT`, in which `current` is
    /// moved.
    Path {
        /// The root as the proxies see it, without a final slash.
        root: String,
    },
    /// The aggregated stream of a control plane.
    Ads,
}

/// What the files of a mesh leave to the project or the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Where resources that refer to each other find each other.
    pub source: ConfigSource,
    /// The bootstrap's cluster that serves secrets by name.
    pub sds_cluster: String,
    /// The largest RE2 program of a regular expression that the bootstraps of the proxies let pass;
    /// [`RE2_MAX_PROGRAM_SIZE`](super::defaults::RE2_MAX_PROGRAM_SIZE) unless they say otherwise.
    pub regex_max_program_size: u32,
}

impl Settings {
    /// Settings for a folder that local proxies watch.
    pub fn path(root: impl Into<String>) -> Self {
        Self::new(ConfigSource::Path { root: root.into() })
    }

    /// Settings with the defaults of everything else.
    pub fn new(source: ConfigSource) -> Self {
        Self {
            source,
            sds_cluster: super::names::SDS_CLUSTER.to_owned(),
            regex_max_program_size: super::defaults::RE2_MAX_PROGRAM_SIZE,
        }
    }
}

/// The first 16 hex digits of a message's hash.
pub(super) fn version_of(message: &Any) -> String {
    // The bytes are those of one encoder with ordered maps, so the cheap hash is stable.
    let mut hash = envoy_api::wire_hash(message);
    hash.truncate(16);
    hash
}
