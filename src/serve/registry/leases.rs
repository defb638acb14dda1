//! Who is registered, until when, and which endpoints a node has of it: pure, told the time.
//!
//! A node loses an endpoint when it is deregistered, or when its lease ends. But leases that end
//! all at once speak of a lost source, not of lost instances: where fewer than half of a node's
//! endpoints would be left, none is taken away any more. What is held so is let go by a renewal,
//! by deregistration, or when an operator confirms that the lapsed ones are gone.

use crate::live::server::registered::{FoundNode, Instance, Lease, Registered, selects};
use crate::model::{NodeName, RegistryDiscovery};
use crate::serve::hub::Endpoint;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::time::Instant;

/// How many of its own leases a lapsed instance is remembered for: so long it counts among those
/// of which half must be left.
const REMEMBERED: u32 = 10;

/// An instance's name: namespace, service, id.
pub(super) type Key = (String, String, String);

#[derive(Debug)]
struct Held {
    instance: Instance,
    until: Instant,
    /// Whether a server that is started again is to know it.
    stored: bool,
}

impl Held {
    fn lapsed(&self, now: Instant) -> bool {
        self.until <= now
    }

    fn forgotten(&self) -> Instant {
        self.until + Duration::from_millis(self.instance.ttl_ms) * REMEMBERED
    }
}

/// What a selector has. Its callers have it while their configuration has the selector.
#[derive(Debug, Default)]
struct Serving {
    /// Whose requests it has; some of them may have lapsed.
    served: BTreeSet<Key>,
    /// Whether lapsed ones are kept.
    holding: bool,
    /// What its callers were last told; `None` before the first time.
    told: Option<Vec<Endpoint>>,
}

/// A node that is found in the registry, and what selects its instances. While a rollout changes the
/// selector, the node has both.
pub(super) type Wanted = (NodeName, RegistryDiscovery);

fn matches(selector: &RegistryDiscovery, key: &Key, held: &Held) -> bool {
    selects(selector, &key.0, &key.1, &held.instance)
}

/// What an instance counts: its texts, each with what it costs beside them.
fn weight(key: &Key, instance: &Instance) -> usize {
    const EACH: usize = 64;
    let texts = instance.attributes.iter().map(|(name, value)| name.len() + value.len() + EACH);
    key.0.len() + key.1.len() + key.2.len() + EACH + texts.sum::<usize>()
}

/// The leases of one mesh.
#[derive(Debug, Default)]
pub(super) struct Leases {
    instances: BTreeMap<Key, Held>,
    nodes: BTreeSet<Wanted>,
    selected: BTreeMap<RegistryDiscovery, Serving>,
}

/// What came of time or of a change.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Settled {
    /// Selectors whose endpoints changed.
    pub(super) changed: Vec<(RegistryDiscovery, Vec<Endpoint>)>,
    /// Instances whose leases have ended and that no node has any more: a server that is started
    /// again must not give them requests.
    pub(super) lapsed: Vec<Key>,
}

impl Leases {
    /// How many instances there are: of the mesh, and of one service.
    pub(super) fn counts(&self, namespace: &str, service: &str) -> (usize, usize) {
        let of = self.instances.keys().filter(|key| key.0 == namespace && key.1 == service);
        (self.instances.len(), of.count())
    }

    /// How many bytes all instances say of themselves with one of them like this.
    pub(super) fn bytes(&self, key: &Key, instance: &Instance) -> usize {
        let others = self.instances.iter().filter(|(other, _)| *other != key);
        let others: usize = others.map(|(key, held)| weight(key, &held.instance)).sum();
        others + weight(key, instance)
    }

    /// What an instance is, if it is known.
    pub(super) fn get(&self, key: &Key) -> Option<&Instance> {
        self.instances.get(key).map(|held| &held.instance)
    }

    /// Whether the lease of an instance has ended.
    pub(super) fn is_lapsed(&self, key: &Key, now: Instant) -> bool {
        self.instances.get(key).is_some_and(|held| held.lapsed(now))
    }

    /// Begins a lease, or renews it. Says whether anything but its end is new.
    pub(super) fn put(&mut self, key: Key, instance: Instance, now: Instant) -> bool {
        let until = now + Duration::from_millis(instance.ttl_ms);
        match self.instances.get_mut(&key) {
            Some(held) if held.instance == instance && !held.lapsed(now) => {
                held.until = until;
                false
            }
            _ => {
                self.instances.insert(key, Held { instance, until, stored: true });
                true
            }
        }
    }

    /// Takes an instance out. Says whether there was one.
    pub(super) fn remove(&mut self, key: &Key) -> bool {
        self.instances.remove(key).is_some()
    }

    /// The instances of a service whose leases have ended.
    pub(super) fn lapsed(&self, namespace: &str, service: &str, now: Instant) -> Vec<Key> {
        let all = self.instances.iter().filter(|(key, _)| key.0 == namespace && key.1 == service);
        all.filter(|(_, held)| held.lapsed(now)).map(|(key, _)| key.clone()).collect()
    }

    /// These nodes are found in the registry from now on.
    pub(super) fn follow(&mut self, wanted: BTreeSet<Wanted>) {
        let selectors: BTreeSet<_> = wanted.iter().map(|(_, selector)| selector.clone()).collect();
        self.selected.retain(|selector, _| selectors.contains(selector));
        for selector in selectors {
            self.selected.entry(selector).or_default();
        }
        self.nodes = wanted;
    }

    /// When something happens by itself next.
    pub(super) fn next(&self, now: Instant) -> Option<Instant> {
        let times = self.instances.values().map(|held| match held.lapsed(now) {
            false => held.until,
            true => held.forgotten(),
        });
        times.filter(|time| *time > now).min()
    }

    /// Makes of leases and time what the callers of each selector are to have.
    pub(super) fn settle(&mut self, now: Instant) -> Settled {
        let mut settled = Settled::default();
        for (selector, serving) in &mut self.selected {
            serve(selector, serving, &self.instances, now);
            let endpoints = endpoints(&serving.served, &self.instances);
            if serving.told.as_ref() != Some(&endpoints) {
                serving.told = Some(endpoints.clone());
                settled.changed.push((selector.clone(), endpoints));
            }
        }
        let has = served(&self.selected);
        for (key, held) in &mut self.instances {
            if held.stored && held.lapsed(now) && !has.contains(key) {
                held.stored = false;
                settled.lapsed.push(key.clone());
            }
        }
        // Who holds must go on knowing of how many.
        let holding = self.selected.iter().filter(|(_, serving)| serving.holding);
        let holding: Vec<&RegistryDiscovery> = holding.map(|(selector, _)| selector).collect();
        self.instances.retain(|key, held| {
            held.forgotten() > now
                || has.contains(key)
                || holding.iter().any(|selector| matches(selector, key, held))
        });
        settled
    }

    /// Every instance.
    pub(super) fn instances(&self, now: Instant) -> Vec<Registered> {
        let served = served(&self.selected);
        let all = self.instances.iter();
        all.map(|(key, held)| registered(key, held, served.contains(key), now)).collect()
    }

    /// One instance.
    pub(super) fn one(&self, key: &Key, now: Instant) -> Option<Registered> {
        let (key, held) = self.instances.get_key_value(key)?;
        let served = self.selected.values().any(|serving| serving.served.contains(key));
        Some(registered(key, held, served, now))
    }

    /// The instances that this selects whose lease has not ended.
    pub(super) fn live<'a>(
        &'a self,
        selector: &'a RegistryDiscovery,
        now: Instant,
    ) -> impl Iterator<Item = &'a Instance> {
        let live =
            move |(key, held): &(&Key, &Held)| matches(selector, key, held) && !held.lapsed(now);
        self.instances.iter().filter(live).map(|(_, held)| &held.instance)
    }

    /// Every node that is found here.
    pub(super) fn nodes(&self, now: Instant) -> Vec<FoundNode> {
        let nodes = self.nodes.iter().filter_map(|(node, selector)| {
            let served = &self.selected.get(selector)?.served;
            let RegistryDiscovery { namespace, service, attributes, ip_preference } =
                selector.clone();
            let lapsed = |key: &&Key| self.is_lapsed(key, now);
            let names = |keys: Vec<&Key>| keys.into_iter().map(|key| key.2.clone()).collect();
            let instances = names(served.iter().collect());
            let held = names(served.iter().filter(lapsed).collect());
            let node = node.clone();
            Some(FoundNode { node, namespace, service, attributes, ip_preference, instances, held })
        });
        nodes.collect()
    }
}

/// Whose requests any selector has.
fn served(selected: &BTreeMap<RegistryDiscovery, Serving>) -> BTreeSet<&Key> {
    selected.values().flat_map(|serving| &serving.served).collect()
}

fn registered(key: &Key, held: &Held, served: bool, now: Instant) -> Registered {
    let (namespace, service, id) = key.clone();
    let lease = match (held.lapsed(now), served) {
        (false, _) => Lease::Valid,
        (true, true) => Lease::Held,
        (true, false) => Lease::Lapsed,
    };
    let left = held.until.saturating_duration_since(now).as_millis();
    let left_ms = u64::try_from(left).unwrap_or(u64::MAX);
    Registered { namespace, service, id, instance: held.instance.clone(), lease, left_ms }
}

/// Decides whose requests a selector has.
fn serve(
    selector: &RegistryDiscovery,
    serving: &mut Serving,
    instances: &BTreeMap<Key, Held>,
    now: Instant,
) {
    let matching = instances.iter().filter(|(key, held)| matches(selector, key, held));
    let (lapsed, mut valid): (Vec<_>, Vec<_>) = matching.partition(|(_, held)| held.lapsed(now));
    // Those that are gone stay so: only what still has requests is held.
    let kept: Vec<_> =
        lapsed.iter().filter(|(key, _)| serving.served.contains(*key)).copied().collect();
    let lost = valid.len() < lapsed.len();
    serving.holding = lost && !kept.is_empty();
    if lost {
        valid.extend(kept);
        valid.sort_by_key(|(key, _)| *key);
    }
    if !serving.served.iter().eq(valid.iter().map(|(key, _)| *key)) {
        serving.served = valid.into_iter().map(|(key, _)| key.clone()).collect();
    }
}

/// Those that can serve, or all if none can.
fn endpoints(served: &BTreeSet<Key>, instances: &BTreeMap<Key, Held>) -> Vec<Endpoint> {
    let all: Vec<&Instance> =
        served.iter().filter_map(|key| Some(&instances.get(key)?.instance)).collect();
    let any = all.iter().any(|instance| instance.healthy);
    let mut endpoints: Vec<Endpoint> = all
        .into_iter()
        .filter(|instance| instance.healthy || !any)
        .map(|i| Endpoint { address: i.address, port: i.port, weight: i.weight })
        .collect();
    endpoints.sort();
    endpoints
}
