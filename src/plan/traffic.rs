//! The plan's TRAFFIC: which requests change their destination or meet other settings on the way,
//! each class with a request that shows it.

use super::{Action, Change};
use crate::model::{Address, EgressFilter, Mesh, NodeName, Port, Protocol};
use crate::revision::Live;
use crate::traffic::policy::FactChange;
use crate::traffic::symbolic::{
    self, Class, Differences, Entry, EntryDiff, Example, Gives, PolicyDiff, Severity, Side,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

/// So many classes of one entry point are listed, and so many places of one policy; all are
/// counted. The worst come first.
const LISTED: usize = 100;

/// What a plan does to requests.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traffic {
    /// The entry points at which something changes.
    pub entries: Vec<TrafficEntry>,
    /// How many further entry points the changes reach; no request changes its destination or
    /// meets another policy there.
    pub same_entries: usize,
    /// Classes of requests that were compared.
    pub classes: usize,
    /// Classes that have another destination, path, host or status after the change, or take
    /// another route with other settings.
    pub changed: usize,
    /// Classes that were served and will not be.
    pub lost: usize,
    /// Classes that were not served and will be.
    pub new: usize,
    /// Settings that requests meet and that change: timeouts, retries, limits, discovery, TLS.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<TrafficPolicy>,
    /// What happens to calls to what the mesh does not define, if that changes: the mesh's
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
    /// The address that a caller's proxy binds for it, if the entry point is that address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<SocketAddr>,
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
    /// How many others keep their destination and meet a changed policy.
    #[serde(default)]
    pub policy_changed: usize,
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
    /// The settings that differ between the routes or nodes before and after.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub policy: Vec<FactChange>,
    /// The changes that cause it.
    pub caused_by: BTreeSet<Address>,
}

/// Settings that requests meet and that change alike, for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrafficPolicy {
    /// `lost` if requests that were served are not any more for certain, else `changed`.
    pub severity: TrafficSeverity,
    /// Where the settings belong, at most a hundred.
    pub places: Vec<PolicyPlace>,
    /// In how many places they change.
    pub place_count: usize,
    /// What differs: effective values, defaults filled in.
    pub settings: Vec<FactChange>,
    /// The entry points whose requests meet them, at most a hundred.
    pub entries: Vec<PolicyEntry>,
    /// At how many entry points they are met.
    pub entry_count: usize,
    /// How many classes of requests meet them.
    pub classes: usize,
    /// One of the requests.
    pub witness: Witness,
    /// The changes that cause it.
    pub caused_by: BTreeSet<Address>,
}

/// A resource, or a part of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyPlace {
    /// The resource.
    pub address: Address,
    /// The part, for example `port 8080`; none is all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<String>,
}

/// An entry point by its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyEntry {
    /// The gateway or service.
    pub entry: Address,
    /// Its port.
    pub port: Port,
}

/// A request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Witness {
    /// The method; of a connection `TCP`.
    pub method: String,
    /// The URL.
    pub url: String,
    /// Its headers, each with its values; bytes that are not UTF-8 are written as `\xE9`.
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

/// What changes do to requests.
pub(super) fn differences(live: &Mesh, desired: &Mesh, changes: &[Change]) -> Differences {
    let changed: BTreeSet<Address> = changes
        .iter()
        .filter(|change| change.action != Action::Mark)
        .map(|change| change.address.clone())
        .collect();
    symbolic::compare(live, desired, &changed)
}

/// What changes do to requests. Where nothing is live, nobody's requests change.
pub(super) fn of_changes(live: &Live, desired: &Mesh, changes: &[Change]) -> Differences {
    match live.revision {
        Some(_) => differences(&live.mesh, desired, changes),
        None => Differences::default(),
    }
}

/// The changes that lose traffic, each set with an example of what it loses.
pub(super) fn lost(found: &Differences) -> Vec<(BTreeSet<Address>, String)> {
    let mut all: Vec<(BTreeSet<Address>, String)> = Vec::new();
    let mut add = |causes: &BTreeSet<Address>, example: &dyn Fn() -> String| {
        if !all.iter().any(|(known, _)| known == causes) {
            all.push((causes.clone(), example()));
        }
    };
    let shown = |entry: &EntryDiff, example: &Example| {
        let Witness { method, url, .. } = witness(entry, example);
        format!("{method} {url}")
    };
    for entry in &found.entries {
        for class in entry.changed.iter().filter(|class| class.severity == Severity::Lost) {
            add(&class.causes, &|| shown(entry, &class.example));
        }
    }
    for policy in found.policies.iter().filter(|policy| policy.lost) {
        let entry = policy.entries.first().and_then(|at| found.entries.get(*at));
        add(&policy.causes, &|| {
            entry.map_or_else(String::new, |entry| shown(entry, &policy.example))
        });
    }
    if let Some((EgressFilter::AllowAll, EgressFilter::DropAll)) = found.egress {
        add(&BTreeSet::from([Address::Mesh]), &|| {
            "calls to hosts that the mesh does not define".to_owned()
        });
    }
    all
}

impl Traffic {
    pub(super) fn of(found: &Differences) -> Self {
        // Where classes meet a changed policy and nothing else changes, the policy says it all.
        let listed = |entry: &&EntryDiff| {
            !entry.changed.is_empty() || entry.cut_short || entry.meets.is_empty()
        };
        let entries: Vec<TrafficEntry> = found.entries.iter().filter(listed).map(entry).collect();
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
            policies: found.policies.iter().map(|own| policy(found, own)).collect(),
            egress: found.egress,
        }
    }

    /// Whether the changes reach no entry point at all.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
            && self.policies.is_empty()
            && self.same_entries == 0
            && self.egress.is_none()
    }
}

/// An entry point's resource and port.
fn named(entry: &Entry) -> (Address, Port) {
    match entry {
        Entry::Gateway(name, port) => (Address::Gateway(name.clone()), *port),
        Entry::Service(name, port) | Entry::Bound(_, name, port) => {
            (Address::Service(name.clone()), *port)
        }
    }
}

fn policy(found: &Differences, own: &PolicyDiff) -> TrafficPolicy {
    let place = |subject: &crate::traffic::policy::Subject| PolicyPlace {
        address: subject.address(),
        part: subject.part(),
    };
    let entries: Vec<&EntryDiff> =
        own.entries.iter().filter_map(|at| found.entries.get(*at)).collect();
    let mut told = BTreeSet::new();
    let points = entries.iter().map(|own| named(&own.entry));
    let points: Vec<(Address, Port)> = points.filter(|point| told.insert(point.clone())).collect();
    let point = |(entry, port): &(Address, Port)| PolicyEntry { entry: entry.clone(), port: *port };
    TrafficPolicy {
        severity: if own.lost { TrafficSeverity::Lost } else { TrafficSeverity::Changed },
        places: own.subjects.iter().take(LISTED).map(place).collect(),
        place_count: own.subjects.len(),
        settings: own.facts.clone(),
        entries: points.iter().take(LISTED).map(point).collect(),
        entry_count: points.len(),
        classes: own.classes,
        witness: match found.entries.get(own.shown) {
            Some(entry) => witness(entry, &own.example),
            None => unreachable!("invariant: a policy is reported where an entry point meets it"),
        },
        caused_by: own.causes.clone(),
    }
}

fn entry(found: &EntryDiff) -> TrafficEntry {
    let (address, port) = named(&found.entry);
    TrafficEntry {
        entry: address,
        port,
        at: match &found.entry {
            Entry::Bound(at, ..) => Some(*at),
            Entry::Gateway(..) | Entry::Service(..) => None,
        },
        protocol: found.protocol,
        callers: found.callers.iter().cloned().map(Address::Node).collect(),
        before: found.there.0,
        after: found.there.1,
        classes: found.classes,
        changed: found.changed.len(),
        policy_changed: found.meeting,
        decided: !found.cut_short,
        changes: found.changed.iter().take(LISTED).map(|class| change(found, class)).collect(),
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
        policy: class.policy.clone(),
        caused_by: class.causes.clone(),
    }
}

/// A request to the entry point with the parts of an example.
fn witness(entry: &EntryDiff, example: &Example) -> Witness {
    let request = entry.request(example);
    let mut headers: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in &request.headers {
        headers.entry(name.clone()).or_default().push(value.text());
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
