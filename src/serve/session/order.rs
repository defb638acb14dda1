//! Which response comes next: make before break, gated on what the client has taken.

use super::topic::{Flight, Have, Topic};
use super::view::{Content, NameId, Version, View};
use super::{Protocol, Response, Session};
use crate::envoy::ResourceType;
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::sync::Arc;

use ResourceType::{Cluster, ClusterLoadAssignment, Listener, RouteConfiguration, Secret};

/// The order of what is added or changed.
const UPSERTS: [ResourceType; 5] =
    [Cluster, ClusterLoadAssignment, Secret, Listener, RouteConfiguration];
/// The order of what is taken away.
const REMOVALS: [ResourceType; 5] =
    [Listener, RouteConfiguration, Cluster, ClusterLoadAssignment, Secret];

/// What a response would hold.
#[derive(Default)]
struct Batch {
    upserts: Vec<(NameId, Arc<Content>)>,
    absent: Vec<Arc<str>>,
}

impl Session {
    /// The next response, if one may be sent now. It counts as sent.
    pub fn next(&mut self, view: &View) -> Option<Response> {
        if !self.bound || !view.present() {
            return None;
        }
        self.next_of_other()
            .or_else(|| UPSERTS.into_iter().find_map(|kind| self.upserts(kind, view)))
            .or_else(|| REMOVALS.into_iter().find_map(|kind| self.removals(kind, view)))
    }

    fn next_of_other(&mut self) -> Option<Response> {
        let (url, other) = self.others.iter_mut().find(|(_, other)| other.due())?;
        other.answer_due = false;
        let removed = other.absent.take().iter().map(ToString::to_string).collect();
        let type_url = Cow::Owned(url.clone());
        let (_, nonce) = self.nonce();
        let version = String::new();
        Some(Response { type_url, nonce, version, resources: Vec::new(), removed })
    }

    fn upserts(&mut self, kind: ResourceType, view: &View) -> Option<Response> {
        let topic = self.at(kind);
        if !topic.has_something() || topic.flights.len() >= self.limits.flights {
            return None;
        }
        let open = self.is_open(kind);
        let mut batch = match self.protocol {
            Protocol::State if topic.is_told_whole() => {
                let due = topic.answer_due || topic.dirty.iter().any(|d| topic.is_due(d, view));
                if !due || !open {
                    return None;
                }
                let all = view.of(kind).filter(|id| topic.wants(*id));
                let upserts = all.filter_map(|id| Some((id, view.content(id)?.clone()))).collect();
                Batch { upserts, absent: Vec::new() }
            }
            Protocol::State | Protocol::Delta if open => self.batch(kind, view),
            Protocol::State | Protocol::Delta => Batch::default(),
        };
        let chunk = self.limits.chunk_bytes;
        let delta = self.protocol == Protocol::Delta;
        let topic = self.topic(kind);
        if delta {
            batch.absent = topic.take_absent(view, chunk);
        } else {
            topic.absent.clear();
        }
        let due = topic.answer_due && open && (delta || topic.is_told_whole());
        if batch.upserts.is_empty() && batch.absent.is_empty() && !due {
            return None;
        }
        if open {
            topic.answer_due = false;
        }
        Some(self.send(kind, batch, Vec::new(), view))
    }

    /// What of a type may be sent now, up to the size of a response.
    fn batch(&mut self, kind: ResourceType, view: &View) -> Batch {
        // A proxy ends its start on the first answer of these, so it is always whole.
        let whole = matches!(kind, Cluster | Listener);
        let chunk = if whole { usize::MAX } else { self.limits.chunk_bytes };
        let mut batch = Batch::default();
        // A half of what was refused goes alone.
        while let Some(group) = self.topic(kind).probes.pop_front() {
            for id in group {
                let topic = self.at(kind);
                if let Some(content) = view.content(id)
                    && topic.is_due((&id, &false), view)
                    && !self.is_held(kind, id, content, view)
                {
                    batch.upserts.push((id, content.clone()));
                }
            }
            if !batch.upserts.is_empty() {
                return batch;
            }
        }
        let mut bytes = 0;
        let mut idle = Vec::new();
        let topic = self.at(kind);
        for entry in &topic.dirty {
            let id = *entry.0;
            match view.content(id) {
                Some(content) if topic.is_due(entry, view) => {
                    if self.is_held(kind, id, content, view) {
                        continue;
                    }
                    bytes += content.encoded.bytes(self.protocol).len();
                    batch.upserts.push((id, content.clone()));
                    if bytes >= chunk {
                        break;
                    }
                }
                _ => idle.push(id),
            }
        }
        for id in idle {
            self.topic(kind).dirty.remove(&id);
        }
        batch
    }

    /// Whether a type may be sent at all: listeners and routes wait for clusters.
    fn is_open(&self, kind: ResourceType) -> bool {
        match kind {
            Listener | RouteConfiguration if self.takes_all() => !self.at(Cluster).is_under_way(),
            _ => true,
        }
    }

    /// Whether one resource waits: for a cluster that it names and the proxy has never taken, or,
    /// where the proxy has it, for listeners.
    fn is_held(&self, kind: ResourceType, id: NameId, content: &Content, view: &View) -> bool {
        if !matches!(kind, Listener | RouteConfiguration) || !self.takes_all() {
            return false;
        }
        let clusters = self.at(Cluster);
        let mut needed = view.needed(content, Cluster);
        if needed.any(|id| view.content(id).is_some() && clusters.acked(id) == Version::NONE) {
            return true;
        }
        let changed = self.at(kind).acked(id) != Version::NONE;
        kind == RouteConfiguration && changed && self.at(Listener).is_moving()
    }

    fn removals(&mut self, kind: ResourceType, view: &View) -> Option<Response> {
        let topic = self.at(kind);
        if topic.removing.is_empty() || topic.flights.len() >= self.limits.flights {
            return None;
        }
        if self.protocol == Protocol::State && !topic.is_told_whole() {
            // There is no way to say it. Who does not need it any more stops asking for it.
            let names = self.topic(kind).removing.take();
            for name in names {
                self.topic(kind).forget(&name, view);
            }
            return None;
        }
        if !self.may_remove(kind) {
            return None;
        }
        let removed = self.topic(kind).removing.take();
        let mut batch = Batch::default();
        if self.protocol == Protocol::State {
            let topic = self.at(kind);
            let all = view.of(kind).filter(|id| topic.wants(*id));
            batch.upserts = all.filter_map(|id| Some((id, view.content(id)?.clone()))).collect();
        }
        Some(self.send(kind, batch, removed, view))
    }

    fn may_remove(&self, kind: ResourceType) -> bool {
        if !self.takes_all() {
            return !self.at(kind).is_under_way();
        }
        let users = [Cluster, Listener, RouteConfiguration].map(|kind| self.at(kind));
        let settled = users.iter().all(|topic| topic.missing.is_empty() && !topic.is_moving());
        match kind {
            Listener | RouteConfiguration => settled,
            Cluster => settled && users[1..].iter().all(|topic| topic.removing.is_empty()),
            ClusterLoadAssignment | Secret => {
                self.at(Cluster).removing.is_empty() && !self.at(Cluster).is_under_way()
            }
        }
    }

    fn send(
        &mut self,
        kind: ResourceType,
        batch: Batch,
        removed: Vec<Arc<str>>,
        view: &View,
    ) -> Response {
        let (serial, nonce) = self.nonce();
        let topic = self.topic(kind);
        let mut flight = Flight { upserts: Vec::with_capacity(batch.upserts.len()), removed };
        for (id, content) in &batch.upserts {
            flight.upserts.push((*id, content.version));
            let have = Have { acked: Version::NONE, sent: content.version };
            topic.have.entry(*id).or_insert(have).sent = content.version;
            topic.dirty.remove(id);
            topic.owed.remove(id);
        }
        // What is given up is not there any more: should it come back, even as it was, and even
        // before this is answered, it must be sent again.
        for name in &flight.removed {
            topic.claimed.remove(&**name);
            let id = view.id(kind, name);
            if let Some(have) = id.and_then(|id| topic.have.get_mut(&id)) {
                *have = Have { acked: Version::NONE, sent: Version::NONE };
            }
        }
        let names = flight.removed.iter().chain(&batch.absent);
        let (version, removed) = match self.protocol {
            Protocol::Delta => {
                let step = view.step().map(|step| step.to_string()).unwrap_or_default();
                (step, names.map(ToString::to_string).collect())
            }
            Protocol::State => (version_of(&batch.upserts), Vec::new()),
        };
        self.topic(kind).flights.put(serial, flight);
        if kind == Cluster {
            self.follow_up(&batch, view);
        }
        Response {
            type_url: Cow::Borrowed(kind.type_url()),
            nonce,
            version,
            resources: batch.upserts.into_iter().map(|(_, content)| content).collect(),
            removed,
        }
    }

    /// A proxy warms a cluster that it is sent, and waits for its endpoints and secrets, even for
    /// those that it has: they follow unasked.
    fn follow_up(&mut self, batch: &Batch, view: &View) {
        for (_, content) in &batch.upserts {
            for kind in [ClusterLoadAssignment, Secret] {
                let topic = self.topic(kind);
                for id in view.needed(content, kind) {
                    match topic.wants(id) {
                        true => drop(topic.dirty.insert(id, true)),
                        false => drop(topic.owed.insert(id)),
                    }
                }
            }
        }
    }
}

impl Topic {
    /// Whether something that is to be sent still is: it differs from what was sent, or is asked
    /// for whatever the client has.
    fn is_due(&self, (id, forced): (&NameId, &bool), view: &View) -> bool {
        let Some(content) = view.content(*id) else { return false };
        let refused = self.refused.get(id).is_some_and(|no| no.version == content.version);
        self.wants(*id) && (*forced || self.sent(*id) != content.version && !refused)
    }

    /// Whether something of the type is unanswered, or about to be sent again.
    fn is_moving(&self) -> bool {
        self.is_flying() || !self.probes.is_empty()
    }

    fn is_under_way(&self) -> bool {
        self.is_moving() || !self.dirty.is_empty()
    }

    /// Names to tell as absent, as many as fit.
    fn take_absent(&mut self, view: &View, chunk: usize) -> Vec<Arc<str>> {
        let mut taken = Vec::new();
        let mut bytes = 0;
        while bytes < chunk
            && let Some((name, ())) = self.absent.pop_first()
        {
            let content = view.id(self.kind, &name).and_then(|id| view.content(id));
            if content.is_none() {
                bytes += name.len();
                taken.push(name);
            }
        }
        taken
    }
}

/// The version of a state-of-the-world response: the same for the same resources.
fn version_of(upserts: &[(NameId, Arc<Content>)]) -> String {
    let mut hash = Sha256::new();
    for (_, content) in upserts {
        hash.update(content.name.as_bytes());
        hash.update([0]);
        hash.update(content.version.0.to_be_bytes());
    }
    let digest = hash.finalize();
    let mut first = [0; 8];
    first.copy_from_slice(&digest[..8]);
    Version(u64::from_be_bytes(first)).to_string()
}
