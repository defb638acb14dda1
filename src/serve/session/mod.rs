//! One xDS stream as a state machine without sockets: requests and changes in, responses out.
//!
//! ```text
//!  request ──► Session::request ─┐                      ┌─► Response (ids, no bytes)
//!  change  ──► Session::changed ─┼─► what is to be sent ┴── Session::next, when the stream is writable
//! ```
//!
//! The order of responses is make before break, for a stream that takes all clusters (an Envoy):
//!
//! | what | waits for |
//! | --- | --- |
//! | clusters: all that changed, in one response | nothing |
//! | endpoints and secrets, those of clusters just sent even if the proxy has them | clusters being sent |
//! | listeners; routes that the proxy never had | the ACK of clusters, and each cluster that they name |
//! | changed routes | the ACK of listeners too |
//! | removed listeners and routes | nothing else is lacking of clusters, listeners, routes |
//! | removed clusters | the ACK of those removals |
//! | removed endpoints and secrets | the ACK of removed clusters |
//!
//! Endpoints never wait for the ACK of their clusters: Envoy gives it only when they are there.
//!
//! What of xDS is left out, and why:
//!
//! | what | why |
//! | --- | --- |
//! | names `xdstp://`, aliases | no client of a mesh needs them; who asks is refused (`InvalidArgument`) |
//! | errors of single resources in responses (TP3) | no Envoy reads them |
//! | TTL of resources | Envoys keep the last good configuration on purpose |
//! | on-demand clusters and virtual hosts | the view of a proxy is complete; unknown names are answered as absent |
//! | one stream a type, unary `FetchResources` | `UNIMPLEMENTED`, behind the same authentication |
//! | bisection and order of jumps under state of the world | gRPC clients take the good resources of a response themselves, and follow names one after the other; the steps of a rollout keep their order there too |
//! | fields that an older Envoy does not know | all fields are those of the pinned Envoy; a proxy's version is in the report |
//! | replicas: order between them, maximal age of connections | one server serves a mesh |
#![deny(clippy::disallowed_methods)]

mod kept;
mod order;
mod reason;
mod request;
mod status;
#[cfg(test)]
mod tests;
mod topic;
mod view;

pub use reason::class;
pub use view::{Content, NameId, Version, View};

use crate::envoy::ResourceType;
use crate::envoy::xds::Protocol;
use crate::revision::StepId;
use crate::serve::limits::Limits;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use topic::{Other, Topic};

/// Why a stream is ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The first request does not say who asks.
    NoNode,
    /// A later request says another node than the first.
    NodeChanged,
    /// A request without a type.
    NoType,
    /// A name of the new kind, which this server does not speak.
    NewName,
    /// More of something than a stream may have.
    TooMuch(&'static str),
    /// More bytes than all streams of an identity may keep; how many that is.
    IdentityFull(usize),
}

impl Fault {
    /// Whether a limit was hit, rather than a rule broken.
    pub fn is_limit(&self) -> bool {
        matches!(self, Self::TooMuch(_) | Self::IdentityFull(_))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoNode => f.write_str("the first request must have a node with an id"),
            Self::NodeChanged => f.write_str("the node id of a stream cannot change"),
            Self::NoType => f.write_str("a request on an aggregated stream must name its type"),
            Self::NewName => f.write_str("names of the form xdstp:// are not supported"),
            Self::TooMuch(what) => write!(f, "too many {what} on one stream"),
            Self::IdentityFull(most) => {
                write!(f, "too many bytes of names on the streams of this identity: {most} at most")
            }
        }
    }
}

impl std::error::Error for Fault {}

/// A response that is to be sent. It holds no bytes of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The type.
    pub type_url: Cow<'static, str>,
    /// Names this response on its stream.
    pub nonce: String,
    /// The version of the whole; empty under delta, where each resource has its own.
    pub version: String,
    /// The resources.
    pub resources: Vec<Arc<Content>>,
    /// The names of what is gone or never was; delta only.
    pub removed: Vec<String>,
}

/// Why a resource is not taken by a proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The version that it refused.
    pub version: String,
    /// Its reason, without the resource's content.
    pub class: String,
}

/// How far a stream is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// The newest step that the proxy has whole. `None`: not one yet.
    pub step: Option<StepId>,
    /// What it lacks of the newest step, and what it has still to give up.
    pub lacks: BTreeSet<(ResourceType, String)>,
    /// What it refused and would refuse again.
    pub refused: BTreeMap<(ResourceType, String), Refusal>,
}

/// The state of one stream.
#[derive(Debug)]
pub struct Session {
    protocol: Protocol,
    /// What its nonces begin with: no other stream has the same.
    prefix: String,
    limits: Limits,
    node: Option<String>,
    /// Whether it has been told of a view.
    bound: bool,
    serial: u64,
    topics: [Topic; 5],
    others: BTreeMap<String, Other>,
    /// The newest step that was had whole before the one now under way.
    had: Option<StepId>,
}

impl Session {
    /// A stream that has not said anything. `prefix` is unlike that of any other stream, those of
    /// earlier runs of the server included.
    pub fn new(protocol: Protocol, prefix: String, limits: &Limits) -> Self {
        Self {
            protocol,
            prefix,
            limits: limits.clone(),
            node: None,
            bound: false,
            serial: 0,
            topics: ResourceType::ALL.map(Topic::new),
            others: BTreeMap::new(),
            had: None,
        }
    }

    /// The form of xDS that the stream speaks.
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// The view has changed at these numbers; at all of them for a stream that has not seen it.
    /// Returns whether there may be something to send now. `before` is the step that the view was
    /// of.
    pub fn changed(&mut self, view: &View, ids: &[NameId], before: Option<StepId>) -> bool {
        if !view.present() || self.node.is_none() {
            return false;
        }
        if !self.bound {
            self.bind(view);
            return true;
        }
        // The view has moved on already, but what this stream knows of has not.
        if self.is_complete() {
            self.had = before.or(self.had);
        }
        let all = self.takes_all();
        for id in ids {
            let kind = view.kind(*id);
            self.topic(kind).follow(view, *id, all);
        }
        self.has_something()
    }

    /// What the stream keeps of texts that its client chose, in bytes: names that the view does not
    /// know, what the client says that it has, what is to be told of, reasons of refusals. Each
    /// counts 64 bytes beside its text.
    pub fn bytes(&self) -> usize {
        let topics: usize = self.topics.iter().map(Topic::bytes).sum();
        let others = self.others.iter();
        topics
            + others
                .map(|(url, other)| kept::ENTRY + url.len() + other.absent.bytes())
                .sum::<usize>()
    }

    /// Whether the stream has anything of a number of its view.
    pub fn uses(&self, id: NameId) -> bool {
        self.topics.iter().any(|topic| topic.uses(id))
    }

    /// Learns the whole view.
    fn bind(&mut self, view: &View) {
        self.bound = true;
        let all = self.takes_all();
        for id in view.all() {
            let kind = view.kind(id);
            self.topic(kind).follow(view, id, all);
        }
        for topic in &mut self.topics {
            topic.settle_claims(view);
            topic.answer_unknown();
        }
    }

    fn topic(&mut self, kind: ResourceType) -> &mut Topic {
        &mut self.topics[view::place(kind)]
    }

    fn at(&self, kind: ResourceType) -> &Topic {
        &self.topics[view::place(kind)]
    }

    /// Whether the stream takes all clusters: then it is a proxy that needs the whole view, in
    /// order. A client that picks clusters by name is told of what it picks.
    fn takes_all(&self) -> bool {
        self.at(ResourceType::Cluster).wildcard
    }

    fn has_something(&self) -> bool {
        self.topics.iter().any(Topic::has_something)
            || self.others.values().any(|other| other.due())
    }

    fn is_complete(&self) -> bool {
        self.bound && self.topics.iter().all(Topic::is_complete)
    }

    /// How far the proxy is. `newest` is the newest step of its mesh: what did not change its view
    /// counts as had.
    pub fn progress(&self, view: &View, newest: Option<StepId>) -> Progress {
        let mut progress = Progress::default();
        for topic in &self.topics {
            topic.report(view, &mut progress);
        }
        progress.step = if self.is_complete() { newest } else { self.had };
        progress
    }

    fn nonce(&mut self) -> (u64, String) {
        self.serial += 1;
        (self.serial, format!("{}-{:x}", self.prefix, self.serial))
    }

    /// The number of one of our nonces.
    fn serial_of(&self, nonce: &str) -> Option<u64> {
        let number = nonce.strip_prefix(&self.prefix)?.strip_prefix('-')?;
        u64::from_str_radix(number, 16).ok()
    }
}
