//! What one stream wants and has of one type.

use super::kept::Kept;
use super::view::{NameId, Version, View};
use super::{Progress, Refusal, class};
use crate::envoy::ResourceType;
use litemap::LiteMap;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// What a client has of one resource.
#[derive(Clone, Copy, Debug)]
pub(super) struct Have {
    /// What it has acknowledged.
    pub(super) acked: Version,
    /// What was sent last, answered or not.
    pub(super) sent: Version,
}

/// A response that has not been answered.
#[derive(Clone, Debug, Default)]
pub(super) struct Flight {
    pub(super) upserts: Vec<(NameId, Version)>,
    pub(super) removed: Vec<Arc<str>>,
}

#[derive(Clone, Debug)]
pub(super) struct Refused {
    pub(super) version: Version,
    pub(super) class: String,
}

/// One type of one stream.
#[derive(Debug)]
pub(super) struct Topic {
    pub(super) kind: ResourceType,
    /// Whether the client has ever asked for the type.
    pub(super) asked: bool,
    pub(super) wildcard: bool,
    /// Names that are asked for and that the view knows.
    pub(super) names: BTreeSet<NameId>,
    /// Names that are asked for and that the view never knew.
    pub(super) unknown: Kept<Arc<str>>,
    /// What the client said that it has, of names that the view does not know (yet).
    pub(super) claimed: Kept<Arc<str>, Version>,
    /// A sorted array: a proxy has much of this, in a row, and all the time.
    pub(super) have: LiteMap<NameId, Have>,
    /// To be sent; `true`: even if the client has it.
    pub(super) dirty: BTreeMap<NameId, bool>,
    /// Names to answer at once: there is nothing of that name.
    pub(super) absent: Kept<Arc<str>>,
    /// What the client has and must give up, when the order allows it.
    pub(super) removing: Kept<Arc<str>>,
    /// What follows a cluster that was sent before the client asked for this type: it gets it even
    /// if it has it.
    pub(super) owed: BTreeSet<NameId>,
    pub(super) flights: Kept<u64, Flight>,
    /// Halves of refused responses, each to be sent alone.
    pub(super) probes: VecDeque<Vec<NameId>>,
    pub(super) refused: Kept<NameId, Refused>,
    /// What counts as lacking: of the whole view, or of what is asked for.
    pub(super) missing: BTreeSet<NameId>,
    /// The client waits for a first answer, which may be empty.
    pub(super) answer_due: bool,
}

impl Topic {
    pub(super) fn new(kind: ResourceType) -> Self {
        Self {
            kind,
            asked: false,
            wildcard: false,
            names: BTreeSet::new(),
            unknown: Kept::default(),
            claimed: Kept::default(),
            have: LiteMap::new(),
            dirty: BTreeMap::new(),
            absent: Kept::default(),
            removing: Kept::default(),
            owed: BTreeSet::new(),
            flights: Kept::default(),
            probes: VecDeque::new(),
            refused: Kept::default(),
            missing: BTreeSet::new(),
            answer_due: false,
        }
    }

    /// What counts of it against the budget: texts that the client chose, and what it has not
    /// answered. Numbers of resources are not counted: there are no more than the proxy has.
    pub(super) fn bytes(&self) -> usize {
        self.unknown.bytes()
            + self.claimed.bytes()
            + self.absent.bytes()
            + self.removing.bytes()
            + self.flights.bytes()
            + self.refused.bytes()
    }

    /// Whether a state-of-the-world response holds every resource of the type.
    pub(super) fn is_told_whole(&self) -> bool {
        matches!(self.kind, ResourceType::Listener | ResourceType::Cluster)
    }

    pub(super) fn wants(&self, id: NameId) -> bool {
        self.wildcard || self.names.contains(&id)
    }

    pub(super) fn acked(&self, id: NameId) -> Version {
        self.have.get(&id).map_or(Version::NONE, |have| have.acked)
    }

    pub(super) fn sent(&self, id: NameId) -> Version {
        self.have.get(&id).map_or(Version::NONE, |have| have.sent)
    }

    /// Whether anything is noted of a number.
    pub(super) fn uses(&self, id: NameId) -> bool {
        let flies = |flight: &Flight| flight.upserts.iter().any(|(other, _)| *other == id);
        self.names.contains(&id)
            || self.have.contains_key(&id)
            || self.dirty.contains_key(&id)
            || self.owed.contains(&id)
            || self.refused.contains(&id)
            || self.missing.contains(&id)
            || self.flights.values().any(flies)
            || self.probes.iter().any(|probe| probe.contains(&id))
    }

    /// Takes note of what stands in the view at a number now.
    pub(super) fn follow(&mut self, view: &View, id: NameId, all: bool) {
        let name = view.name(id);
        if self.unknown.remove(&**name).is_some() {
            self.names.insert(id);
        }
        if let Some(version) = self.claimed.remove(&**name) {
            self.have.insert(id, Have { acked: version, sent: version });
        }
        let Some(content) = view.content(id) else {
            self.missing.remove(&id);
            self.dirty.remove(&id);
            self.refused.remove(&id);
            if self.wants(id) && self.have.contains_key(&id) {
                self.removing.insert(name.clone());
            }
            return;
        };
        self.removing.remove(&**name);
        self.absent.remove(&**name);
        if self.refused.get(&id).is_some_and(|refused| refused.version != content.version) {
            self.refused.remove(&id);
        }
        self.count(id, view, all);
        if self.wants(id) && self.sent(id) != content.version && !self.refused.contains(&id) {
            self.dirty.entry(id).or_insert(false);
        }
    }

    /// Counts a resource among what is missing, or not. `all`: the client is a proxy that needs all
    /// that its view asks for, whether it has asked for it yet or not.
    pub(super) fn count(&mut self, id: NameId, view: &View, all: bool) {
        let expected = self.wants(id) || (all && view.is_asked(id));
        let content = view.content(id).filter(|_| expected);
        let lacks = content.is_some_and(|content| self.acked(id) != content.version);
        match lacks {
            true => self.missing.insert(id),
            false => self.missing.remove(&id),
        };
    }

    /// What the client said that it has and the view does not: it must give it up, if it asks for
    /// it.
    pub(super) fn settle_claims(&mut self, view: &View) {
        for name in self.claimed.keys() {
            let content = view.id(self.kind, name).and_then(|id| view.content(id));
            if content.is_none() && (self.wildcard || self.unknown.contains(name)) {
                self.removing.insert(name.clone());
            }
        }
    }

    /// What is asked for and not there is answered at once.
    pub(super) fn answer_unknown(&mut self) {
        for name in self.unknown.keys().filter(|name| !self.claimed.contains(&***name)) {
            self.absent.insert(name.clone());
        }
    }

    pub(super) fn has_something(&self) -> bool {
        self.asked
            && (self.answer_due
                || !self.dirty.is_empty()
                || !self.absent.is_empty()
                || !self.removing.is_empty()
                || !self.probes.is_empty())
    }

    /// Whether nothing is lacking and nothing is under way.
    pub(super) fn is_complete(&self) -> bool {
        self.missing.is_empty() && self.removing.is_empty() && !self.is_flying()
    }

    /// Whether an unanswered response changes something.
    pub(super) fn is_flying(&self) -> bool {
        self.flights.values().any(|f| !f.upserts.is_empty() || !f.removed.is_empty())
    }

    /// The client took a response.
    pub(super) fn ack(&mut self, flight: Flight, view: &View, all: bool) {
        for (id, version) in flight.upserts {
            // What was unsubscribed meanwhile is nothing that it has.
            let Some(have) = self.have.get_mut(&id) else { continue };
            have.acked = version;
            if self.refused.get(&id).is_some_and(|refused| refused.version == version) {
                self.refused.remove(&id);
            }
            self.count(id, view, all);
        }
        for name in flight.removed {
            self.forget(&name, view);
        }
    }

    /// The client gave a resource up.
    pub(super) fn forget(&mut self, name: &str, view: &View) {
        self.claimed.remove(name);
        // It may have been put back, and sent again, after the removal.
        if let Some(id) = view.id(self.kind, name)
            && view.content(id).is_none()
        {
            self.have.remove(&id);
        }
    }

    /// The client refused a response: what it was sent for is found by halves.
    pub(super) fn nack(&mut self, flight: Flight, why: &str, view: &View, halve: bool) {
        let current = |topic: &Self, (id, version): &(NameId, Version)| {
            topic.sent(*id) == *version
                && topic.acked(*id) != *version
                && view.content(*id).is_some_and(|content| content.version == *version)
        };
        let suspects: Vec<(NameId, Version)> =
            flight.upserts.iter().filter(|one| current(self, one)).copied().collect();
        for (id, version) in &flight.upserts {
            // What was sent after this response has its own answer.
            if let Some(have) = self.have.get_mut(id).filter(|have| have.sent == *version) {
                have.sent = have.acked;
            }
        }
        // Where the response had more in it than what is still in question, that may not be it.
        if flight.upserts.len() > 1 && halve {
            let ids: Vec<NameId> = suspects.iter().map(|(id, _)| *id).collect();
            let (first, second) = ids.split_at(ids.len() / 2);
            let halves = [first, second].into_iter().filter(|half| !half.is_empty());
            self.probes.extend(halves.map(<[NameId]>::to_vec));
        } else {
            let names = suspects.iter().map(|(id, _)| &**view.name(*id));
            let class = class(why, names);
            for (id, version) in suspects {
                self.refused.put(id, Refused { version, class: class.clone() });
            }
        }
        // A removal that is refused would be refused again; it counts as made.
        for name in flight.removed {
            self.forget(&name, view);
        }
    }

    /// Adds what is lacking and refused.
    pub(super) fn report(&self, view: &View, to: &mut Progress) {
        let name = |id: NameId| (self.kind, view.name(id).to_string());
        to.lacks.extend(self.missing.iter().map(|id| name(*id)));
        to.lacks.extend(self.removing.keys().map(|name| (self.kind, name.to_string())));
        let leaving = self.flights.values().flat_map(|flight| &flight.removed);
        to.lacks.extend(leaving.map(|name| (self.kind, name.to_string())));
        for (id, refused) in self.refused.iter() {
            let refusal =
                Refusal { version: refused.version.to_string(), class: refused.class.clone() };
            to.refused.insert(name(*id), refusal);
        }
    }
}

/// A type that this server has no resources of: whoever asks is told so.
#[derive(Debug, Default)]
pub(super) struct Other {
    pub(super) asked: bool,
    pub(super) absent: Kept<Arc<str>>,
    pub(super) answer_due: bool,
}

impl Other {
    pub(super) fn due(&self) -> bool {
        self.answer_due || !self.absent.is_empty()
    }
}
