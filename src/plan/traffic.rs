//! The plan's TRAFFIC: which requests fare otherwise, each class with a request that shows it.

use super::{Action, Change};
use crate::model::{Address, EgressFilter, Mesh, NodeName, Port, Protocol};
use crate::traffic::symbolic::{
    self, Class, Differences, Entry, EntryDiff, Example, Gives, Severity, Side,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// So many classes of one entry point are told; all are counted. The worst come first.
const TOLD: usize = 100;

/// What a plan does to requests.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traffic {
    /// The entry points at which something changes.
    pub entries: Vec<TrafficEntry>,
    /// How many further entry points the changes reach; there every request fares as before.
    pub same_entries: usize,
    /// Classes of requests that were compared.
    pub classes: usize,
    /// Classes that go elsewhere.
    pub changed: usize,
    /// Classes that were served and will not be.
    pub lost: usize,
    /// Classes that were not served and will be.
    pub new: usize,
    /// What becomes of calls to what the mesh does not define, if that changes: the mesh's
    /// `egress` before and after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub egress: Option<(EgressFilter, EgressFilter)>,
}

/// What changes at one entry point.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrafficEntry {
    /// The gateway or service.
    pub entry: Address,
    /// Its port.
    pub port: Port,
    /// What is spoken there.
    pub protocol: Protocol,
    /// The nodes that call it; none for a gateway.
    pub callers: Vec<Address>,
    /// Whether it is there before the change.
    pub before: bool,
    /// Whether it is there after it.
    pub after: bool,
    /// How many classes its requests fall into.
    pub classes: usize,
    /// How many of them change.
    pub changed: usize,
    /// False if the comparison was given up at its limit of work.
    pub decided: bool,
    /// The classes that change, the worst first, at most a hundred.
    pub changes: Vec<TrafficChange>,
}

/// How bad a change is for those who send the requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrafficSeverity {
    /// They were served and will not be.
    Lost,
    /// They go elsewhere.
    Changed,
    /// They were not served and will be.
    New,
}

/// A class of requests that changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrafficChange {
    /// How bad it is.
    pub severity: TrafficSeverity,
    /// One of its requests.
    pub witness: Witness,
    /// Whether the witness is proven to change. If not, a condition that could not be looked into
    /// decides.
    pub proven: bool,
    /// What becomes of it before.
    pub before: Outcome,
    /// What becomes of it after.
    pub after: Outcome,
    /// The changes that cause it.
    pub caused_by: BTreeSet<Address>,
}

/// A request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Witness {
    /// The method; of a connection `TCP`.
    pub method: String,
    /// The URL.
    pub url: String,
    /// Its headers, each with its values.
    pub headers: BTreeMap<String, Vec<String>>,
}

/// What becomes of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// How it ends.
    pub end: End,
    /// The nodes that share it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nodes: Vec<NodeShare>,
    /// The status with which the proxy answers itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The path that the server sees of the witness.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The host that the server sees, if it is not the one that was called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// What it goes through.
    pub via: Vec<Address>,
}

/// How a request ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// At a node.
    Nodes,
    /// The proxy answers itself.
    Answer,
    /// It leaves the mesh.
    Leaves,
    /// Nobody takes it.
    Refused,
    /// That is not decided: raw Envoy fields may do anything.
    Unclear,
}

/// A node and its share.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeShare {
    /// The node.
    pub node: NodeName,
    /// Its port.
    pub port: Port,
    /// Its share in per cent.
    pub percent: Percent,
}

/// Per cent, in hundredths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "f64", into = "f64")]
pub struct Percent(pub u32);

impl From<f64> for Percent {
    fn from(percent: f64) -> Self {
        Self((percent * 100.0).round().clamp(0.0, 10_000.0) as u32)
    }
}

impl From<Percent> for f64 {
    fn from(percent: Percent) -> Self {
        Self::from(percent.0) / 100.0
    }
}

impl std::fmt::Display for Percent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}%", f64::from(*self))
    }
}

/// What some changes do to requests.
pub(super) fn differences(live: &Mesh, desired: &Mesh, changes: &[Change]) -> Differences {
    let changed: BTreeSet<Address> = changes
        .iter()
        .filter(|change| change.action != Action::Mark)
        .map(|change| change.address.clone())
        .collect();
    symbolic::compare(live, desired, &changed)
}

/// The changes that lose traffic at entry points which stay, each set with a request that it
/// loses. A caller that gives up a backend loses nothing: it is the one that asked.
pub(super) fn lost(found: &Differences) -> Vec<(&BTreeSet<Address>, Witness)> {
    let mut all: Vec<(&BTreeSet<Address>, Witness)> = Vec::new();
    for entry in found.entries.iter().filter(|entry| stays(entry)) {
        for class in entry.changed.iter().filter(|class| class.severity == Severity::Lost) {
            if !all.iter().any(|(causes, _)| **causes == class.causes) {
                all.push((&class.causes, witness(entry, &class.example)));
            }
        }
    }
    all
}

fn stays(entry: &EntryDiff) -> bool {
    match &entry.entry {
        Entry::Gateway(..) => entry.there == (true, true),
        Entry::Service(..) => !entry.given_up,
    }
}

impl Traffic {
    pub(super) fn of(found: &Differences) -> Self {
        let entries: Vec<TrafficEntry> = found.entries.iter().map(entry).collect();
        let count = |severity| {
            let classes = found.entries.iter().flat_map(|entry| &entry.changed);
            classes.filter(|class| class.severity == severity).count()
        };
        Self {
            classes: found.entries.iter().map(|entry| entry.classes).sum(),
            changed: count(Severity::Changed),
            lost: count(Severity::Lost),
            new: count(Severity::New),
            entries,
            same_entries: found.same,
            egress: found.egress,
        }
    }

    /// Whether the changes reach no entry point at all.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.same_entries == 0 && self.egress.is_none()
    }
}

fn entry(found: &EntryDiff) -> TrafficEntry {
    let (address, port) = match &found.entry {
        Entry::Gateway(name, port) => (Address::Gateway(name.clone()), *port),
        Entry::Service(name, port) => (Address::Service(name.clone()), *port),
    };
    TrafficEntry {
        entry: address,
        port,
        protocol: found.protocol,
        callers: found.callers.iter().cloned().map(Address::Node).collect(),
        before: found.there.0,
        after: found.there.1,
        classes: found.classes,
        changed: found.changed.len(),
        decided: !found.cut_short,
        changes: found.changed.iter().take(TOLD).map(|class| change(found, class)).collect(),
    }
}

fn change(entry: &EntryDiff, class: &Class) -> TrafficChange {
    TrafficChange {
        severity: match class.severity {
            Severity::Lost => TrafficSeverity::Lost,
            Severity::Changed => TrafficSeverity::Changed,
            Severity::New => TrafficSeverity::New,
        },
        witness: witness(entry, &class.example),
        proven: !class.assumed,
        before: outcome(&class.before),
        after: outcome(&class.after),
        caused_by: class.causes.clone(),
    }
}

/// A request to the entry point with the parts of an example.
fn witness(entry: &EntryDiff, example: &Example) -> Witness {
    let request = entry.request(example);
    let mut headers: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in &request.headers {
        headers.entry(name.clone()).or_default().push(value.clone());
    }
    Witness { method: request.method.clone(), url: request.url(), headers }
}

fn outcome(side: &Side) -> Outcome {
    let (end, nodes, status) = match &side.gives {
        Gives::Nodes(shares) => {
            let sum: u64 = shares.iter().map(|share| u64::from(share.weight)).sum();
            let share = |share: &symbolic::Share| NodeShare {
                node: share.node.clone(),
                port: share.port,
                percent: Percent((u64::from(share.weight) * 10_000 / sum.max(1)) as u32),
            };
            (End::Nodes, shares.iter().map(share).collect(), None)
        }
        Gives::Answer(status) => (End::Answer, Vec::new(), Some(*status)),
        Gives::Leaves => (End::Leaves, Vec::new(), None),
        Gives::Refused => (End::Refused, Vec::new(), None),
        Gives::Folded(..) | Gives::Unclear(_) => (End::Unclear, Vec::new(), None),
    };
    Outcome {
        end,
        nodes,
        status,
        path: side.path.clone(),
        host: side.host.clone(),
        via: side.via.clone(),
    }
}
