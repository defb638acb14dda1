//! What a proxy is to have: its resources under dense ids, encoded once for all streams.

use crate::envoy::xds::Encoded;
use crate::envoy::{self, ProxyConfig, Resource, ResourceType};
use crate::revision::StepId;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// The place of a type in arrays.
pub(super) const fn place(kind: ResourceType) -> usize {
    match kind {
        ResourceType::Listener => 0,
        ResourceType::RouteConfiguration => 1,
        ResourceType::Cluster => 2,
        ResourceType::ClusterLoadAssignment => 3,
        ResourceType::Secret => 4,
    }
}

/// A resource's number in its view. A name keeps its number when the resource goes and comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NameId(u32);

/// A version: the hash of the content that it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub(super) u64);

impl Version {
    /// What a client has that does not have the resource.
    pub const NONE: Self = Self(0);
    /// What a client has of somebody else.
    pub const FOREIGN: Self = Self(1);

    /// Reads a version as it stands in messages; what we never wrote is [`Version::FOREIGN`].
    pub fn parse(text: &str) -> Self {
        match text.len() == 16 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            true => u64::from_str_radix(text, 16).map_or(Self::FOREIGN, Self),
            false => Self::FOREIGN,
        }
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// A resource as streams send it.
#[derive(Debug, PartialEq, Eq)]
pub struct Content {
    /// Its type.
    pub kind: ResourceType,
    /// Its name.
    pub name: Arc<str>,
    /// The hash of its content.
    pub version: Version,
    /// Its bytes.
    pub encoded: Encoded,
    /// What it needs at the proxy.
    pub needs: Vec<(ResourceType, String)>,
}

impl Content {
    /// Encodes a resource.
    pub fn new(resource: &Resource) -> Self {
        let version = Version::parse(&resource.version);
        Self {
            kind: resource.kind,
            name: resource.name.as_str().into(),
            version,
            encoded: Encoded::new(&resource.name, &version.to_string(), &resource.message),
            needs: envoy::needs(resource).into_iter().collect(),
        }
    }
}

#[derive(Debug)]
struct Slot {
    kind: ResourceType,
    name: Arc<str>,
    /// The version in the configuration. The content may be another: endpoints are registered.
    from: Version,
    content: Option<Arc<Content>>,
    /// Whether a proxy that has the view asks for it.
    asked: bool,
}

/// As many names a view knows before it looks for those that are gone.
const MANY: usize = 64;

/// What one proxy is to have; its instances share it.
#[derive(Debug, Default)]
pub struct View {
    step: Option<StepId>,
    present: bool,
    /// Only looked up: each name of each stream is.
    ids: [HashMap<Arc<str>, NameId>; 5],
    slots: Vec<Slot>,
    /// Numbers that stand for nothing.
    free: BTreeSet<NameId>,
}

impl View {
    /// Whether the proxy is in its mesh. Streams of one that is not get no answer: an empty one
    /// would take away what it runs on.
    pub fn present(&self) -> bool {
        self.present
    }

    /// The step that the view is of.
    pub fn step(&self) -> Option<StepId> {
        self.step
    }

    /// The number of a name, if the view ever had it.
    pub fn id(&self, kind: ResourceType, name: &str) -> Option<NameId> {
        self.ids[place(kind)].get(name).copied()
    }

    /// The type of a number.
    pub fn kind(&self, id: NameId) -> ResourceType {
        self.slots[id.0 as usize].kind
    }

    /// The name of a number.
    pub fn name(&self, id: NameId) -> &Arc<str> {
        &self.slots[id.0 as usize].name
    }

    /// The resource of a number; `None`: it is gone.
    pub fn content(&self, id: NameId) -> Option<&Arc<Content>> {
        self.slots[id.0 as usize].content.as_ref()
    }

    /// Whether a proxy that has the view asks for a resource. One that nothing in it names is never
    /// acknowledged.
    pub fn is_asked(&self, id: NameId) -> bool {
        self.slots[id.0 as usize].asked
    }

    /// Every number, in their order; also of what is gone, while somebody needs it.
    pub fn all(&self) -> impl Iterator<Item = NameId> + '_ {
        let all = (0..self.slots.len()).map(|at| NameId(at as u32));
        all.filter(|id| self.free.is_empty() || !self.free.contains(id))
    }

    /// The numbers of one type, by name.
    pub(super) fn of(&self, kind: ResourceType) -> impl Iterator<Item = NameId> {
        let mut all: Vec<NameId> = self.ids[place(kind)].values().copied().collect();
        all.sort_unstable_by_key(|id| self.name(*id));
        all.into_iter()
    }

    /// The numbers of what a resource needs of one type.
    pub(super) fn needed(
        &self,
        content: &Content,
        kind: ResourceType,
    ) -> impl Iterator<Item = NameId> {
        let needs = content.needs.iter().filter(move |(of, _)| *of == kind);
        needs.filter_map(|(of, name)| self.id(*of, name))
    }

    /// The proxy is gone from its mesh: what it has stays with it.
    pub fn leave(&mut self) {
        self.present = false;
    }

    /// Makes the view that of a configuration, and returns the numbers that changed: in content, or in
    /// whether they are asked for. `content` gives the bytes of a resource, of which there is one copy for
    /// all views.
    pub fn become_config(
        &mut self,
        step: StepId,
        config: &ProxyConfig,
        mut content: impl FnMut(&Arc<Resource>) -> Arc<Content>,
    ) -> Vec<NameId> {
        self.step = Some(step);
        self.present = true;
        let mut changed = Vec::new();
        let mut stays = vec![false; self.slots.len()];
        for ((kind, name), resource) in &config.resources {
            let version = Version::parse(&resource.version);
            let id = self.number(*kind, name);
            if let Some(stays) = stays.get_mut(id.0 as usize) {
                *stays = true;
            }
            let slot = &mut self.slots[id.0 as usize];
            if slot.content.is_none() || slot.from != version {
                slot.from = version;
                slot.content = Some(content(resource));
                changed.push(id);
            }
        }
        for (at, _) in stays.into_iter().enumerate().filter(|(_, stays)| !stays) {
            if self.slots[at].content.take().is_some() {
                changed.push(NameId(at as u32));
            }
        }
        changed.extend(self.ask());
        // A number that changed in both ways is given once.
        changed.sort_unstable();
        changed.dedup();
        changed
    }

    /// Finds out what is asked for, and returns the numbers for which that changed.
    fn ask(&mut self) -> Vec<NameId> {
        let mut asked = vec![false; self.slots.len()];
        for (at, slot) in self.slots.iter().enumerate() {
            let Some(content) = &slot.content else { continue };
            if !envoy::is_asked_whole(slot.kind) {
                continue;
            }
            asked[at] = true;
            for (kind, name) in &content.needs {
                if let Some(id) = self.id(*kind, name) {
                    asked[id.0 as usize] = true;
                }
            }
        }
        let mut changed = Vec::new();
        for (at, (slot, asked)) in self.slots.iter_mut().zip(asked).enumerate() {
            let asked = asked && slot.content.is_some();
            if slot.asked != asked {
                slot.asked = asked;
                changed.push(NameId(at as u32));
            }
        }
        changed
    }

    /// Puts other content in the place of a resource that the configuration has; returns its number
    /// if that changed anything.
    pub fn replace(&mut self, content: Arc<Content>) -> Option<NameId> {
        let id = self.id(content.kind, &content.name)?;
        let slot = &mut self.slots[id.0 as usize];
        if slot.content.as_ref()?.version == content.version {
            return None;
        }
        slot.content = Some(content);
        Some(id)
    }

    /// The numbers of what is gone, once they are more than those of what is there.
    pub fn many_gone(&self) -> Option<Vec<NameId>> {
        let known = self.slots.len() - self.free.len();
        let there = self.slots.iter().filter(|slot| slot.content.is_some()).count();
        let gone = || self.all().filter(|id| self.content(*id).is_none()).collect();
        (known > (2 * there).max(MANY)).then(gone)
    }

    /// Forgets names that are gone and that no stream has anything of.
    pub fn forget(&mut self, ids: impl IntoIterator<Item = NameId>) {
        for id in ids {
            let slot = &self.slots[id.0 as usize];
            self.ids[place(slot.kind)].remove(&slot.name);
            self.free.insert(id);
        }
    }

    /// How many names it knows.
    pub fn names(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    fn number(&mut self, kind: ResourceType, name: &str) -> NameId {
        if let Some(id) = self.id(kind, name) {
            return id;
        }
        let name: Arc<str> = name.into();
        let slot =
            Slot { kind, name: name.clone(), from: Version::NONE, content: None, asked: false };
        let id = match self.free.pop_first() {
            Some(id) => {
                self.slots[id.0 as usize] = slot;
                id
            }
            None => {
                self.slots.push(slot);
                let last = u32::try_from(self.slots.len() - 1);
                NameId(last.expect("invariant: memory ends first"))
            }
        };
        self.ids[place(kind)].insert(name, id);
        id
    }
}
