//! What a control plane and its clients say to each other: the documents of the admin API.
//!
//! `schemas/admin-api.openapi.json` describes the same for everybody else.

use crate::envoy::defaults::RE2_MAX_PROGRAM_SIZE;
use crate::envoy::{ProxyId, ResourceType, Settings};
use crate::model::{Address, MeshName};
use crate::plan::Share;
use crate::revision::{Manifest, ObjectId, Rollout, StepId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The newest version of the API that this meshctl speaks.
pub const API: u32 = 1;

/// What a server says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerDocument {
    /// The versions of the API that it speaks.
    pub api: Vec<u32>,
    /// Its version of meshctl.
    pub version: String,
    /// The identity of its store; plans are bound to it.
    pub lineage: String,
    /// The meshes that it holds.
    pub meshes: Vec<MeshName>,
}

/// What a mesh is, and how far it has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateDocument {
    /// The identity of the store.
    pub lineage: String,
    /// The newest revision; `None` before the first.
    pub manifest: Option<Manifest>,
    /// Its rollout, if it has not ended.
    pub rollout: Option<Rollout>,
    /// The step that proxies are to have.
    pub in_force: Option<StepId>,
    /// What the model leaves to the target, as it was given with the newest revision; `None`: the
    /// server is of a version that does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<SettingsDocument>,
}

/// Which objects somebody wants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObjectsRequest {
    /// Their identities.
    pub ids: BTreeSet<ObjectId>,
}

/// Objects by their identities.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectsDocument {
    /// Those that the server has.
    pub objects: BTreeMap<ObjectId, Value>,
}

/// The proxies of a mesh.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProxiesDocument {
    /// Every proxy that the mesh has, by name.
    pub proxies: Vec<ProxyStatus>,
}

/// One proxy, and the Envoys that are connected as it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProxyStatus {
    /// The proxy.
    pub proxy: ProxyId,
    /// Its Envoys.
    pub envoys: Vec<EnvoyStatus>,
}

/// One connected Envoy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvoyStatus {
    /// The node id that it named.
    pub node_id: String,
    /// Where it is connected from.
    pub peer: String,
    /// What it says it is.
    pub build: String,
    /// Since when, in RFC 3339.
    pub connected: String,
    /// The newest step that it has acknowledged whole.
    pub step: Option<StepId>,
    /// What of the newest step it has not acknowledged.
    pub lacks: Vec<(ResourceType, String)>,
    /// What it refused, and has not taken since.
    pub refused: Vec<RefusedResource>,
}

impl EnvoyStatus {
    /// Whether it has everything that it is to have.
    pub fn is_in_force(&self) -> bool {
        self.step.is_some() && self.lacks.is_empty() && self.refused.is_empty()
    }
}

/// A resource that an Envoy refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedResource {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: ResourceType,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Envoy's reason, without the resource itself.
    pub reason: String,
}

/// What is asked to be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApplyRequest {
    /// Names this attempt: the same key never commits twice. 16 to 128 letters, digits, `-`, `_`.
    pub key: String,
    /// What is to be done.
    pub work: Work,
    /// The digest that the plan must have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect: Option<String>,
    /// What the model leaves to the target.
    #[serde(default)]
    pub settings: SettingsDocument,
    /// How to go about it.
    #[serde(default)]
    pub carry: Carry,
    /// Who asks, as their system knows them: for the record, not for the rights.
    #[serde(default)]
    pub by: String,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Work {
    /// Carry out a plan: its document.
    Plan(Value),
    /// Go back to what a revision was.
    Rollback {
        /// Which.
        to: u64,
    },
    /// Go on with a rollout that has not ended.
    Resume {},
    /// Give every proxy everything anew.
    Rewrite {},
}

/// What the model leaves to the target: what the proxies' bootstraps say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SettingsDocument {
    /// The largest RE2 program that the proxies let pass; `None`: as Envoy has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub regex_max_program_size: Option<u32>,
}

impl SettingsDocument {
    /// Those of some settings.
    pub fn of(settings: &Settings) -> Self {
        Self {
            regex_max_program_size: (settings.regex_max_program_size != RE2_MAX_PROGRAM_SIZE)
                .then_some(settings.regex_max_program_size),
        }
    }

    /// Takes in what another project knows; what it says counts.
    pub fn absorb(&mut self, other: Self) {
        self.regex_max_program_size = other.regex_max_program_size.or(self.regex_max_program_size);
    }
}

/// How to go about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Carry {
    /// How long a step may take to arrive; 0 waits for nobody.
    pub wait_ms: u64,
    /// How long long streams to what goes away are given.
    pub drain_ms: u64,
    /// What to do when a proxy refuses a step.
    pub on_nack: OnNack,
    /// How many proxies have each step before the others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canary: Option<Share>,
    /// How long these are watched before the others follow.
    #[serde(skip_serializing_if = "is_zero")]
    pub canary_wait_ms: u64,
    /// How many Envoys must have the result.
    pub expect: Option<u32>,
    /// How long to wait for another apply of the mesh to end.
    pub lock_ms: u64,
    /// The routes that may switch to nodes that cannot serve (MC0908).
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub accept: BTreeSet<Address>,
}

impl Default for Carry {
    fn default() -> Self {
        Self {
            wait_ms: 30_000,
            drain_ms: 0,
            on_nack: OnNack::Rollback,
            canary: None,
            canary_wait_ms: 0,
            expect: None,
            lock_ms: 0,
            accept: BTreeSet::new(),
        }
    }
}

// What is not asked for is not said: an older server knows no canaries.
fn is_zero(millis: &u64) -> bool {
    *millis == 0
}

/// What to do when a proxy refuses a step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnNack {
    /// Bring back what was in force, as a new revision.
    #[default]
    Rollback,
    /// Stay at the step.
    Halt,
    /// Go on with the other proxies.
    Continue,
}

/// One line of what an apply answers with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    /// Something happened.
    Event(Value),
    /// Nothing did for a while.
    Heartbeat {},
    /// It ended so.
    Outcome(Value),
    /// It was refused, and nothing was changed; or how it ended is not known.
    Refused(Problem),
}

/// Why a request was not done. Every answer that is no success has this body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// A word for programs, for example `stale`.
    pub code: String,
    /// A sentence for people.
    pub message: String,
    /// Why, from near to far.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<String>,
    /// What to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// So many characters of a sentence of a server are kept, and so many of its causes.
const SENTENCE_MAX: usize = 2_000;
const CAUSES_MAX: usize = 100;

impl Problem {
    /// The same with each sentence on one line and of a bounded length: a line of its own would look
    /// like one of meshctl's.
    pub fn on_lines(self) -> Self {
        let line = |text: String| {
            text.chars().take(SENTENCE_MAX).map(|c| if c == '\n' { ' ' } else { c }).collect()
        };
        Self {
            code: line(self.code),
            message: line(self.message),
            causes: self.causes.into_iter().take(CAUSES_MAX).map(line).collect(),
            hint: self.hint.map(line),
        }
    }
}
