//! The client status service on the wire: who is asked about, and what each client has.

use super::pb::matcher::string_matcher::MatchPattern;
use super::pb::{admin, core, matcher, status};
use super::resource::ResourceType;
use envoy_api::Message as _;
use std::fmt;

/// The path of the RPC that answers every request of a stream.
pub const STREAM_PATH: &str =
    "/envoy.service.status.v3.ClientStatusDiscoveryService/StreamClientStatus";
/// The path of the RPC that answers one request.
pub const FETCH_PATH: &str =
    "/envoy.service.status.v3.ClientStatusDiscoveryService/FetchClientStatus";

/// What a request asks about.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wanted(Vec<Matcher>);

/// A condition on a node id.
#[derive(Clone, Debug, PartialEq)]
struct Matcher {
    pattern: Pattern,
    ignore_case: bool,
}

#[derive(Clone, Debug, PartialEq)]
enum Pattern {
    Any,
    Exact(String),
    Prefix(String),
    Suffix(String),
    Contains(String),
}

/// Why a request is not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The bytes are no request.
    Garbled,
    /// It asks for metadata of nodes, which are not kept.
    Metadata,
    /// It matches ids in a way that is not served.
    Pattern,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Garbled => "the bytes are no request for the status of clients",
            Self::Metadata => "metadata of nodes are not kept: match by node_id",
            Self::Pattern => "node_id is matched by exact, prefix, suffix or contains",
        })
    }
}

impl std::error::Error for Refused {}

impl Wanted {
    /// Reads the bytes of a request.
    ///
    /// # Errors
    /// What is no request, or matches by something else than node ids.
    pub fn decode(bytes: &[u8]) -> Result<Self, Refused> {
        let request = status::ClientStatusRequest::decode(bytes).map_err(|_| Refused::Garbled)?;
        request.node_matchers.into_iter().map(matcher).collect::<Result<_, _>>().map(Self)
    }

    /// Whether a client is asked about: any matcher will do, and without one all clients are.
    pub fn is(&self, node_id: &str) -> bool {
        self.0.is_empty() || self.0.iter().any(|matcher| matcher.is(node_id))
    }
}

fn matcher(node: matcher::NodeMatcher) -> Result<Matcher, Refused> {
    if !node.node_metadatas.is_empty() {
        return Err(Refused::Metadata);
    }
    let Some(id) = node.node_id else {
        return Ok(Matcher { pattern: Pattern::Any, ignore_case: false });
    };
    let ignore_case = id.ignore_case;
    let fold = |text: String| if ignore_case { text.to_lowercase() } else { text };
    let pattern = match id.match_pattern {
        Some(MatchPattern::Exact(text)) => Pattern::Exact(fold(text)),
        Some(MatchPattern::Prefix(text)) => Pattern::Prefix(fold(text)),
        Some(MatchPattern::Suffix(text)) => Pattern::Suffix(fold(text)),
        Some(MatchPattern::Contains(text)) => Pattern::Contains(fold(text)),
        Some(MatchPattern::SafeRegex(_) | MatchPattern::Custom(_)) | None => {
            return Err(Refused::Pattern);
        }
    };
    Ok(Matcher { pattern, ignore_case })
}

impl Matcher {
    fn is(&self, id: &str) -> bool {
        let folded = self.ignore_case.then(|| id.to_lowercase());
        let id = folded.as_deref().unwrap_or(id);
        match &self.pattern {
            Pattern::Any => true,
            Pattern::Exact(text) => id == text,
            Pattern::Prefix(text) => id.starts_with(text.as_str()),
            Pattern::Suffix(text) => id.ends_with(text.as_str()),
            Pattern::Contains(text) => id.contains(text.as_str()),
        }
    }
}

/// How a client stands with a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It has acknowledged the version.
    Synced,
    /// It was sent, and has not answered.
    Stale,
    /// It was not sent the version.
    NotSent,
    /// It refused the version, for this reason: never with the resource in it.
    Refused(String),
}

/// A resource that a client is to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceStatus {
    /// Its type.
    pub kind: ResourceType,
    /// Its name.
    pub name: String,
    /// The version that the client is to have; of one that it is to give up, the one that it has.
    pub version: String,
    /// How the client stands with it.
    pub standing: Standing,
}

/// A connected client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// Its `node.id`.
    pub node_id: String,
    /// Its program and version, as it says.
    pub build: String,
    /// What it is to have.
    pub resources: Vec<ResourceStatus>,
}

/// The bytes of a response. Contents of resources are never in it.
pub fn encode(clients: Vec<Client>) -> Vec<u8> {
    let config = clients.into_iter().map(client).collect();
    status::ClientStatusResponse { config }.encode_to_vec()
}

fn client(client: Client) -> status::ClientConfig {
    use core::node::UserAgentVersionType;
    let (name, version) = match client.build.rsplit_once(' ') {
        Some((name, version)) => (name.to_owned(), Some(version.to_owned())),
        None => (client.build, None),
    };
    let node = core::Node {
        id: client.node_id,
        user_agent_name: name,
        user_agent_version_type: version.map(UserAgentVersionType::UserAgentVersion),
        ..Default::default()
    };
    status::ClientConfig {
        node: Some(node),
        generic_xds_configs: client.resources.into_iter().map(resource).collect(),
        ..Default::default()
    }
}

fn resource(resource: ResourceStatus) -> status::client_config::GenericXdsConfig {
    let (config_status, reason) = match resource.standing {
        Standing::Synced => (status::ConfigStatus::Synced, None),
        Standing::Stale => (status::ConfigStatus::Stale, None),
        Standing::NotSent => (status::ConfigStatus::NotSent, None),
        Standing::Refused(reason) => (status::ConfigStatus::Error, Some(reason)),
    };
    let error_state = reason.map(|details| admin::UpdateFailureState {
        details,
        version_info: resource.version.clone(),
        ..Default::default()
    });
    status::client_config::GenericXdsConfig {
        type_url: resource.kind.type_url().to_owned(),
        name: resource.name,
        version_info: resource.version,
        config_status: config_status as i32,
        error_state,
        ..Default::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(ids: Vec<matcher::StringMatcher>) -> Wanted {
        let node = |id| matcher::NodeMatcher { node_id: Some(id), ..Default::default() };
        let node_matchers = ids.into_iter().map(node).collect();
        let request = status::ClientStatusRequest { node_matchers, ..Default::default() };
        Wanted::decode(&request.encode_to_vec()).expect("a request")
    }

    fn id(pattern: MatchPattern, ignore_case: bool) -> matcher::StringMatcher {
        matcher::StringMatcher { ignore_case, match_pattern: Some(pattern) }
    }

    #[test]
    fn any_matcher_will_do_and_none_is_all() {
        assert!(wanted(Vec::new()).is("mesh/m/virtual_node/a"));
        let two = wanted(vec![
            id(MatchPattern::Suffix("/A".to_owned()), true),
            id(MatchPattern::Exact("mesh/m/virtual_node/b".to_owned()), false),
        ]);
        assert!(two.is("mesh/m/virtual_node/a") && two.is("mesh/m/virtual_node/b"));
        assert!(!two.is("mesh/m/virtual_node/B") && !two.is("mesh/m/virtual_node/c"));
        assert!(wanted(vec![id(MatchPattern::Contains("/m/".to_owned()), false)]).is("mesh/m/x"));
        assert!(!wanted(vec![id(MatchPattern::Prefix("mesh/n".to_owned()), false)]).is("mesh/m"));
    }

    #[test]
    fn what_cannot_be_matched_is_refused_and_not_ignored() {
        let regex = MatchPattern::SafeRegex(matcher::RegexMatcher::default());
        let node = matcher::NodeMatcher { node_id: Some(id(regex, false)), ..Default::default() };
        let data = matcher::NodeMatcher {
            node_metadatas: vec![matcher::StructMatcher::default()],
            ..Default::default()
        };
        for (matcher, why) in [(node, Refused::Pattern), (data, Refused::Metadata)] {
            let node_matchers = vec![matcher];
            let request = status::ClientStatusRequest { node_matchers, ..Default::default() };
            assert_eq!(Wanted::decode(&request.encode_to_vec()), Err(why));
        }
        assert_eq!(Wanted::decode(&[0xff]), Err(Refused::Garbled));
    }
}
