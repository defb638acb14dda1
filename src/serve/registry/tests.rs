//! Leases: who loses its requests when, and who keeps them.

use super::leases::{Key, Leases};
use crate::live::server::registered::{Instance, Lease};
use crate::model::{NodeName, RegistryDiscovery};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::time::Instant;

const TTL: Duration = Duration::from_secs(10);

struct World {
    leases: Leases,
    now: Instant,
}

fn key(id: usize) -> Key {
    ("n".to_owned(), "s".to_owned(), format!("i{id}"))
}

fn instance(id: usize) -> Instance {
    Instance {
        address: format!("10.0.0.{id}").parse().unwrap(),
        port: None,
        attributes: BTreeMap::new(),
        healthy: true,
        weight: 1,
        ttl_ms: u64::try_from(TTL.as_millis()).unwrap(),
    }
}

fn discovery(service: &str, attributes: &[(&str, &str)]) -> RegistryDiscovery {
    let attributes = attributes.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let (namespace, service) = ("n".to_owned(), service.to_owned());
    RegistryDiscovery { namespace, service, attributes, ip_preference: None }
}

fn node() -> NodeName {
    NodeName::new("node").unwrap()
}

impl World {
    /// A node with so many instances, registered now.
    fn with(count: usize) -> Self {
        let mut world = Self { leases: Leases::default(), now: Instant::now() };
        world.find("s", &[]);
        (1..=count).for_each(|id| world.renew(id));
        assert_eq!(world.served(), (1..=count).collect::<Vec<_>>());
        world
    }

    fn find(&mut self, service: &str, attributes: &[(&str, &str)]) {
        self.leases.follow(BTreeSet::from([(node(), discovery(service, attributes))]));
    }

    fn renew(&mut self, id: usize) {
        self.leases.put(key(id), instance(id), self.now);
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
    }

    /// The last bytes of the addresses that the node's callers have.
    fn served(&mut self) -> Vec<usize> {
        self.leases.settle(self.now);
        let found = self.leases.nodes(self.now).remove(0);
        let mut ids: Vec<usize> =
            found.instances.iter().map(|id| id[1..].parse().unwrap()).collect();
        ids.sort_unstable();
        ids
    }

    fn lease(&self, id: usize) -> Option<Lease> {
        let all = self.leases.instances(self.now);
        all.into_iter().find(|one| one.id == format!("i{id}")).map(|one| one.lease)
    }
}

#[test]
fn an_instance_whose_lease_ends_alone_is_taken_away() {
    let mut world = World::with(4);
    world.pass(TTL / 2);
    (1..=3).for_each(|id| world.renew(id));
    world.pass(TTL / 2);
    let settled = world.leases.settle(world.now);
    assert_eq!(settled.lapsed, [key(4)], "a server that starts again must not know it");
    assert_eq!(settled.changed[0].1.len(), 3);
    assert_eq!(world.lease(4), Some(Lease::Lapsed));
    // It comes back.
    world.renew(4);
    assert_eq!(world.served(), [1, 2, 3, 4]);
}

#[test]
fn f28_a_lost_source_takes_nothing_away() {
    for count in [1, 2, 3, 10] {
        let mut world = World::with(count);
        world.pass(TTL * 100);
        assert_eq!(world.served().len(), count, "all leases ended at once");
        assert_eq!(world.lease(1), Some(Lease::Held));
        assert!(world.leases.settle(world.now).lapsed.is_empty());
        // The source is back, with one of its instances.
        world.renew(1);
        let left = world.served().len();
        assert_eq!(left, if count == 2 { 1 } else { count }, "of {count}");
    }
}

#[test]
fn f28_a_source_that_is_lost_little_by_little_keeps_half() {
    let mut world = World::with(10);
    // Each lease ends a second after the one before, and none is renewed.
    for id in 1..=10 {
        world.renew(id);
        world.pass(Duration::from_secs(1));
    }
    let mut least = 10;
    for _ in 0..500 {
        world.pass(Duration::from_secs(1));
        least = least.min(world.served().len());
    }
    assert_eq!(least, 5, "those that were left when it was half are held");
    // What was taken away does not come back with them.
    assert_eq!(world.served(), [6, 7, 8, 9, 10]);
    // Said to be gone, they go.
    for key in world.leases.lapsed("n", "s", world.now) {
        world.leases.remove(&key);
    }
    assert!(world.served().is_empty());
}

#[test]
fn deregistration_is_believed_to_the_last_instance() {
    let mut world = World::with(2);
    world.leases.remove(&key(1));
    assert_eq!(world.served(), [2]);
    world.leases.remove(&key(2));
    assert!(world.served().is_empty());
}

#[test]
fn an_instance_that_lapsed_long_ago_does_not_count() {
    let mut world = World::with(3);
    for _ in 0..30 {
        world.pass(TTL / 2);
        world.renew(2);
        world.renew(3);
        world.served();
    }
    assert_eq!(world.lease(1), None, "forgotten");
    // Of the two that are left one may go.
    for _ in 0..3 {
        world.pass(TTL / 2);
        world.renew(3);
    }
    assert_eq!(world.served(), [3]);
}

#[test]
fn a_selector_has_what_it_selects_and_nothing_of_the_one_before() {
    let mut world = World::with(2);
    let mut green = instance(2);
    green.attributes.insert("color".to_owned(), "green".to_owned());
    world.leases.put(key(2), green, world.now);
    world.find("s", &[("color", "green")]);
    assert_eq!(world.served(), [2]);
    // Nobody is registered under the new name: nobody has its requests, until somebody is.
    world.find("other", &[]);
    assert!(world.served().is_empty());
    let other = ("n".to_owned(), "other".to_owned(), "i9".to_owned());
    world.leases.put(other, instance(9), world.now);
    assert_eq!(world.served(), [9]);
    // An instance that is not green any more goes, though its lease has not ended.
    world.find("s", &[("color", "green")]);
    assert_eq!(world.served(), [2]);
    world.leases.put(key(2), instance(2), world.now);
    assert!(world.served().is_empty());
}

#[test]
fn a_node_has_both_selectors_while_a_rollout_changes_it() {
    let mut world = World::with(2);
    let mut green = instance(2);
    green.attributes.insert("color".to_owned(), "green".to_owned());
    world.leases.put(key(2), green, world.now);
    let (old, new) = (discovery("s", &[]), discovery("s", &[("color", "green")]));
    world.leases.follow(BTreeSet::from([(node(), old.clone()), (node(), new.clone())]));
    let changed = world.leases.settle(world.now).changed;
    assert_eq!(changed.len(), 1, "callers by the old one have theirs already");
    assert_eq!((&changed[0].0, changed[0].1.len()), (&new, 1));
    let live = |world: &World, selector| world.leases.live(selector, world.now).count();
    assert_eq!((live(&world, &old), live(&world, &new)), (2, 1));
    // A source that is lost is so for each of them, and held leases are not live.
    world.pass(TTL * 2);
    world.leases.settle(world.now);
    assert_eq!((live(&world, &old), live(&world, &new)), (0, 0));
    let found = world.leases.nodes(world.now);
    assert_eq!(found.iter().map(|node| node.held.len()).collect::<Vec<_>>(), [2, 1]);
}

#[test]
fn those_that_cannot_serve_are_left_out_unless_none_can() {
    let mut world = World::with(2);
    let sick = |id| Instance { healthy: false, ..instance(id) };
    let told = |world: &mut World| world.leases.settle(world.now).changed.pop().unwrap().1.len();
    world.leases.put(key(1), sick(1), world.now);
    assert_eq!(told(&mut world), 1);
    world.leases.put(key(2), sick(2), world.now);
    assert_eq!(told(&mut world), 2);
}

#[test]
fn a_renewal_changes_nothing() {
    let mut world = World::with(2);
    world.pass(TTL / 2);
    assert!(!world.leases.put(key(1), instance(1), world.now));
    assert!(world.leases.settle(world.now).changed.is_empty());
    assert_eq!(world.leases.next(world.now), Some(world.now + TTL / 2));
}

#[test]
fn what_instances_say_of_themselves_is_counted_in_bytes() {
    let mut world = World::with(3);
    let bytes = world.leases.bytes(&key(1), &instance(1));
    let mut large = instance(1);
    large.attributes.insert("a".repeat(255), "v".repeat(1_024));
    assert_eq!(world.leases.bytes(&key(1), &large), bytes + 255 + 1_024 + 64);
    assert_eq!(world.leases.bytes(&key(4), &instance(4)), bytes / 3 * 4);
    world.leases.put(key(1), large, world.now);
    assert_eq!(world.leases.bytes(&key(1), &instance(1)), bytes, "in place of what it said");
}
