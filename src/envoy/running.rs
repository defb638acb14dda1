//! What an Envoy runs, as its own config dump says, held against what it should run.
//!
//! Contents are compared by hashes, so that nothing of a dump is kept or shown but names. Envoy
//! writes stars where something is secret, and does not keep assignments of endpoints as they came:
//! the former go by their version, the latter by the endpoints in them.

use super::asked::asked;
use super::bootstrap::TRACER;
use super::files::version;
use super::names::{SDS_CLUSTER, XDS_CLUSTER};
use super::pb::{core, endpoint};
use super::resource::{ProxyConfig, Resource, ResourceType};
use envoy_api::{Any, any_from_json, content_hash, unpack};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What Envoy writes in the place of secrets.
const REDACTED: &str = "[redacted]";

/// Clusters that our own bootstraps have.
const OWN_CLUSTERS: [&str; 3] = [XDS_CLUSTER, SDS_CLUSTER, TRACER];

/// How an Envoy has a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    /// In use.
    Active,
    /// Waiting for something else, while what was before is in use.
    Warming,
    /// From its bootstrap.
    Static,
}

/// A part of a dump.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    /// The query that gives this part alone.
    pub query: &'static str,
    kind: ResourceType,
    /// Where in an entry a resource stands, and how the Envoy has it.
    at: &'static [(&'static str, &'static str, State)],
}

/// The parts of a dump that are asked for. States of errors are left out: they hold whole resources
/// that were refused, and Envoy cannot always write them.
pub const PARTS: [Part; 8] = [
    Part {
        query: "resource=dynamic_listeners&mask=name,active_state,warming_state",
        kind: ResourceType::Listener,
        at: &[
            ("/active_state", "/listener", State::Active),
            ("/warming_state", "/listener", State::Warming),
        ],
    },
    Part {
        query: "resource=static_listeners",
        kind: ResourceType::Listener,
        at: &[("", "/listener", State::Static)],
    },
    Part {
        query: "resource=dynamic_active_clusters",
        kind: ResourceType::Cluster,
        at: &[("", "/cluster", State::Active)],
    },
    Part {
        query: "resource=dynamic_warming_clusters",
        kind: ResourceType::Cluster,
        at: &[("", "/cluster", State::Warming)],
    },
    Part {
        query: "resource=static_clusters",
        kind: ResourceType::Cluster,
        at: &[("", "/cluster", State::Static)],
    },
    Part {
        query: "resource=dynamic_route_configs",
        kind: ResourceType::RouteConfiguration,
        at: &[("", "/route_config", State::Active)],
    },
    Part {
        query: "resource=dynamic_endpoint_configs&include_eds",
        kind: ResourceType::ClusterLoadAssignment,
        at: &[("", "/endpoint_config", State::Active)],
    },
    Part {
        query: "resource=dynamic_active_secrets&mask=name,version_info",
        kind: ResourceType::Secret,
        at: &[("", "", State::Active)],
    },
];

/// One resource that an Envoy has.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Ran {
    state: State,
    version: String,
    content: Content,
}

/// What is known of a content.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Content {
    /// Its hash.
    Hash(String),
    /// The endpoints: priority, address, weight.
    Endpoints(BTreeSet<(u32, String, u32)>),
    /// Not all of it is shown.
    Hidden,
    /// It is none that this Envoy's API knows.
    Foreign,
}

/// What an Envoy runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Running(BTreeMap<(ResourceType, String), Vec<Ran>>);

/// How something that runs differs from what should.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Differs {
    /// It does not run.
    Missing,
    /// Another content of it runs.
    Changed,
    /// It should not run.
    Unexpected,
}

impl Differs {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Changed => "changed",
            Self::Unexpected => "unexpected",
        }
    }
}

impl Running {
    /// Takes in what Envoy answered for a part. Entries that have not the form of their part say
    /// nothing, as do parts that are empty.
    pub fn add(&mut self, part: &Part, answer: &Value) {
        for entry in answer["configs"].as_array().into_iter().flatten() {
            for (at, resource, state) in part.at {
                let Some(entry) = entry.pointer(at) else { continue };
                let Some(resource) = entry.pointer(resource) else { continue };
                let name = match part.kind {
                    ResourceType::ClusterLoadAssignment => &resource["cluster_name"],
                    _ => &resource["name"],
                };
                let Some(name) = name.as_str() else { continue };
                let version = entry["version_info"].as_str().unwrap_or_default().to_owned();
                let content = content(part.kind, resource);
                let ran = Ran { state: *state, version, content };
                self.0.entry((part.kind, name.to_owned())).or_default().push(ran);
            }
        }
    }

    /// What runs otherwise than a configuration says, by type and name; what stands behind a name
    /// says how it is there: `(static)` or `(warming)`.
    ///
    /// What an Envoy does not ask for ([`asked`]) is not compared: an Envoy lists endpoints of that name
    /// also where it found them by DNS. Of what only something unexpected uses, that is reported.
    pub fn differences(&self, config: &ProxyConfig) -> Vec<(ResourceType, String, Differs)> {
        let sets = [ResourceType::Listener, ResourceType::Cluster];
        let set_versions = sets.map(|kind| (kind, version(config, kind)));
        let asked = asked(config);
        let mut found = Vec::new();
        for ((kind, name), resource) in &config.resources {
            let set = set_versions.iter().find(|(of, _)| of == kind).map(|(_, version)| version);
            let key = (*kind, name.clone());
            if !asked.contains(&key) {
                continue;
            }
            let ran = self.0.get(&key).map(Vec::as_slice).unwrap_or_default();
            let active: Vec<&Ran> = ran.iter().filter(|ran| ran.state == State::Active).collect();
            if active.is_empty() {
                if ran.iter().any(|ran| ran.state == State::Warming) {
                    found.push((*kind, format!("{name} (warming)"), Differs::Missing));
                } else {
                    found.push((*kind, name.clone(), Differs::Missing));
                }
            } else if !active.iter().all(|ran| ran.is(resource, set)) {
                found.push((*kind, name.clone(), Differs::Changed));
            }
        }
        for ((kind, name), ran) in self.0.iter().filter(|((kind, _), _)| sets.contains(kind)) {
            let fixed = ran.iter().any(|ran| ran.state == State::Static);
            if fixed && !OWN_CLUSTERS.contains(&name.as_str()) {
                found.push((*kind, format!("{name} (static)"), Differs::Unexpected));
            }
            let unknown = !config.resources.contains_key(&(*kind, name.clone()));
            if unknown && ran.iter().any(|ran| ran.state != State::Static) {
                found.push((*kind, name.clone(), Differs::Unexpected));
            }
        }
        found.sort();
        found
    }
}

impl Ran {
    /// Whether it is this resource; `set` is the version that a file with all of its type has.
    fn is(&self, resource: &Resource, set: Option<&String>) -> bool {
        match &self.content {
            Content::Hash(hash) => *hash == content_hash(&resource.message),
            Content::Endpoints(all) => endpoints(&resource.message).as_ref() == Some(all),
            Content::Hidden => {
                self.version == resource.version || set.is_some_and(|set| *set == self.version)
            }
            Content::Foreign => false,
        }
    }
}

fn content(kind: ResourceType, json: &Value) -> Content {
    if kind == ResourceType::Secret || json.to_string().contains(REDACTED) {
        return Content::Hidden;
    }
    match (any_from_json(json), kind) {
        (Err(_), _) => Content::Foreign,
        (Ok(any), ResourceType::ClusterLoadAssignment) => {
            endpoints(&any).map_or(Content::Foreign, Content::Endpoints)
        }
        (Ok(any), _) => Content::Hash(content_hash(&any)),
    }
}

/// The endpoints of an assignment. Envoy gives each a weight where the assignment does not.
fn endpoints(assignment: &Any) -> Option<BTreeSet<(u32, String, u32)>> {
    use core::address::Address;
    use endpoint::lb_endpoint::HostIdentifier;
    let assignment = unpack::<endpoint::ClusterLoadAssignment>(assignment).ok()?;
    let mut found = BTreeSet::new();
    for locality in assignment.endpoints {
        for one in locality.lb_endpoints {
            let Some(HostIdentifier::Endpoint(at)) = one.host_identifier else { return None };
            let address = match at.address?.address? {
                Address::SocketAddress(at) => format!("{} {:?}", at.address, at.port_specifier),
                Address::Pipe(pipe) => pipe.path,
                Address::EnvoyInternalAddress(internal) => format!("{internal:?}"),
            };
            found.insert((locality.priority, address, one.load_balancing_weight.unwrap_or(1)));
        }
    }
    Some(found)
}
