//! xDS messages on the wire: requests as plain values, and resources as bytes that every stream
//! shares.

use super::builder::socket_address;
use super::endpoint;
use super::pb::{core, discovery, rpc};
use super::resource::{Resource, ResourceType, version_of};
use crate::model::RegistryDiscovery;
use envoy_api::{Any, Message, pack, unpack};
use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

/// The path of the RPC of incremental xDS.
pub const DELTA_PATH: &str =
    "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources";
/// The path of the RPC of state-of-the-world xDS.
pub const STATE_PATH: &str =
    "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources";

/// Where in a node it stands that its endpoints are registered: the origin of such an assignment.
pub const REGISTERED: &str = "/discovery/registry";

/// Which of the two forms of xDS a stream speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// Incremental: responses hold what changed. Envoy is told to use it.
    Delta,
    /// State of the world: responses of listeners and clusters hold all of them. gRPC clients know
    /// no other.
    State,
}

/// Who a client says that it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Node {
    /// Its `node.id`.
    pub id: String,
    /// Its program and version, for example `envoy 1.40.0`; empty if it does not tell.
    pub build: String,
}

/// What a request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asks {
    /// Changes of the subscription.
    Delta {
        /// Names that are wanted from now on.
        subscribe: Vec<String>,
        /// Names that are not wanted any more.
        unsubscribe: Vec<String>,
        /// What the client has of an earlier stream, by name: only in its first request of a type.
        initial: Vec<(String, String)>,
    },
    /// The whole subscription.
    State {
        /// All names that are wanted.
        names: Vec<String>,
    },
}

/// A request of a client, whatever form of xDS it speaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Who asks; clients need to say it once a stream.
    pub node: Option<Node>,
    /// The type that it is about.
    pub type_url: String,
    /// The response that it answers; empty if none.
    pub nonce: String,
    /// Why the client did not take that response; `None`: it took it.
    pub refused: Option<String>,
    /// What it asks for.
    pub asks: Asks,
    /// The bytes of the message.
    pub size: usize,
}

/// Bytes that are no request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Garbled(String);

impl fmt::Display for Garbled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the bytes are no xDS request: {}", self.0)
    }
}

impl std::error::Error for Garbled {}

impl Request {
    /// Reads the bytes of a request.
    ///
    /// # Errors
    /// Bytes that do not decode.
    pub fn decode(protocol: Protocol, bytes: &[u8]) -> Result<Self, Garbled> {
        let garbled = |error: &dyn fmt::Display| Garbled(error.to_string());
        let size = bytes.len();
        match protocol {
            Protocol::Delta => {
                let request =
                    discovery::DeltaDiscoveryRequest::decode(bytes).map_err(|e| garbled(&e))?;
                // In the order in which a view has its names: what a session notes of them grows
                // at its end.
                let mut initial: Vec<_> = request.initial_resource_versions.into_iter().collect();
                initial.sort_unstable();
                Ok(Self {
                    node: request.node.map(node),
                    type_url: request.type_url,
                    nonce: request.response_nonce,
                    refused: request.error_detail.map(|status| status.message),
                    asks: Asks::Delta {
                        subscribe: request.resource_names_subscribe,
                        unsubscribe: request.resource_names_unsubscribe,
                        initial,
                    },
                    size,
                })
            }
            Protocol::State => {
                let request =
                    discovery::DiscoveryRequest::decode(bytes).map_err(|e| garbled(&e))?;
                Ok(Self {
                    node: request.node.map(node),
                    type_url: request.type_url,
                    nonce: request.response_nonce,
                    refused: request.error_detail.map(|status| status.message),
                    asks: Asks::State { names: request.resource_names },
                    size,
                })
            }
        }
    }

    /// The bytes of a request, for clients in tests and benchmarks.
    pub fn encode(&self) -> Vec<u8> {
        let node = self.node.as_ref().map(|node| core::Node {
            id: node.id.clone(),
            user_agent_name: node.build.clone(),
            ..Default::default()
        });
        let error_detail = self
            .refused
            .as_ref()
            .map(|message| rpc::Status { message: message.clone(), ..Default::default() });
        match &self.asks {
            Asks::Delta { subscribe, unsubscribe, initial } => discovery::DeltaDiscoveryRequest {
                node,
                type_url: self.type_url.clone(),
                resource_names_subscribe: subscribe.clone(),
                resource_names_unsubscribe: unsubscribe.clone(),
                initial_resource_versions: initial.iter().cloned().collect(),
                response_nonce: self.nonce.clone(),
                error_detail,
                ..Default::default()
            }
            .encode_to_vec(),
            Asks::State { names } => discovery::DiscoveryRequest {
                node,
                type_url: self.type_url.clone(),
                resource_names: names.clone(),
                response_nonce: self.nonce.clone(),
                error_detail,
                ..Default::default()
            }
            .encode_to_vec(),
        }
    }
}

fn node(node: core::Node) -> Node {
    use core::node::UserAgentVersionType;
    let version = match node.user_agent_version_type {
        Some(UserAgentVersionType::UserAgentVersion(text)) => text,
        Some(UserAgentVersionType::UserAgentBuildVersion(build)) => {
            let semantic = build.version.unwrap_or_default();
            format!("{}.{}.{}", semantic.major_number, semantic.minor_number, semantic.patch)
        }
        None => String::new(),
    };
    let build = format!("{} {version}", node.user_agent_name);
    Node { id: node.id, build: build.trim().to_owned() }
}

/// A resource as every stream sends it, encoded once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded {
    bytes: Box<[u8]>,
    /// Where the message itself begins, which is all that state of the world wants.
    message: usize,
}

impl Encoded {
    /// Encodes a resource.
    pub fn new(name: &str, version: &str, message: &Any) -> Self {
        // Both responses have their resources in field 2, and so has a delta resource its message:
        // the end of the one is the whole of the other.
        let head = discovery::Resource {
            name: name.to_owned(),
            version: version.to_owned(),
            ..Default::default()
        }
        .encode_to_vec();
        let message = message.encode_to_vec();
        let mut inner = Vec::with_capacity(message.len() + 6);
        field(&mut inner, 2, message.len());
        inner.extend_from_slice(&message);
        let mut bytes = Vec::with_capacity(head.len() + inner.len() + 6);
        field(&mut bytes, 2, head.len() + inner.len());
        bytes.extend_from_slice(&head);
        let message = bytes.len();
        bytes.extend_from_slice(&inner);
        Self { bytes: bytes.into(), message }
    }

    /// The bytes that a response of this form of xDS takes it with.
    pub fn bytes(&self, protocol: Protocol) -> &[u8] {
        match protocol {
            Protocol::Delta => &self.bytes,
            Protocol::State => &self.bytes[self.message..],
        }
    }
}

/// Writes the tag of a field of bytes, and how many follow.
fn field(to: &mut Vec<u8>, number: u8, len: usize) {
    to.push(number << 3 | 2);
    let mut rest = len;
    while rest >= 0x80 {
        to.push((rest & 0x7f) as u8 | 0x80);
        rest >>= 7;
    }
    to.push(rest as u8);
}

/// The part of a response before its resources; they follow as their own bytes.
pub fn response_head(
    protocol: Protocol,
    type_url: &str,
    version: &str,
    nonce: &str,
    removed: &[String],
) -> Vec<u8> {
    match protocol {
        Protocol::Delta => discovery::DeltaDiscoveryResponse {
            system_version_info: version.to_owned(),
            type_url: type_url.to_owned(),
            nonce: nonce.to_owned(),
            removed_resources: removed.to_vec(),
            ..Default::default()
        }
        .encode_to_vec(),
        Protocol::State => discovery::DiscoveryResponse {
            version_info: version.to_owned(),
            type_url: type_url.to_owned(),
            nonce: nonce.to_owned(),
            ..Default::default()
        }
        .encode_to_vec(),
    }
}

/// A response as a client reads it, for tests and benchmarks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Response {
    /// The type.
    pub type_url: String,
    /// The nonce.
    pub nonce: String,
    /// The resources by name, with their versions (empty under state of the world).
    pub resources: Vec<(String, String)>,
    /// The names of what is gone.
    pub removed: Vec<String>,
}

impl Response {
    /// Reads the bytes of a response of incremental xDS.
    ///
    /// # Errors
    /// Bytes that do not decode.
    pub fn decode_delta(bytes: &[u8]) -> Result<Self, Garbled> {
        let response = discovery::DeltaDiscoveryResponse::decode(bytes)
            .map_err(|error| Garbled(error.to_string()))?;
        Ok(Self {
            type_url: response.type_url,
            nonce: response.nonce,
            resources: response.resources.into_iter().map(|r| (r.name, r.version)).collect(),
            removed: response.removed_resources,
        })
    }
}

/// An assignment with other endpoints in it, each with its weight; one without a port has that of
/// the listener, with which the assignment's name ends. Endpoints are sorted and told once, with the
/// greatest weight, so that equal sets are equal.
pub fn with_endpoints(assignment: &Resource, endpoints: &[(IpAddr, Option<u16>, u32)]) -> Resource {
    let port = assignment.name.rsplit('_').next().and_then(|port| port.parse().ok());
    let mut all: BTreeMap<(IpAddr, u16), u32> = BTreeMap::new();
    for (address, own, weight) in endpoints {
        if let Some(port) = own.or(port) {
            let had = all.entry((*address, port)).or_default();
            *had = (*weight).max(*had).max(1);
        }
    }
    let all =
        all.into_iter().map(|((address, port), weight)| (socket_address(address, port), weight));
    let message = pack(&endpoint::weighted(&assignment.name, all.collect()));
    Resource { version: version_of(&message), message, ..assignment.clone() }
}

/// What selects the endpoints of an assignment in the registry; `None`: they are not from there.
pub fn selector_of(resource: &Resource) -> Option<RegistryDiscovery> {
    let registered = resource.kind == ResourceType::ClusterLoadAssignment
        && resource.origins.first().is_some_and(|(_, pointer)| pointer == REGISTERED);
    if !registered {
        return None;
    }
    endpoint::selector(&unpack(&resource.message).ok()?)
}
