//! What a stream keeps for its client, with the bytes that count against its budget.

use super::topic::{Flight, Refused};
use super::view::{NameId, Version};
use std::borrow::Borrow;
use std::collections::{BTreeMap, btree_map};
use std::sync::Arc;

/// What an entry counts beside its texts: its place in a tree, and what an allocation costs.
pub(super) const ENTRY: usize = 64;

/// What something counts.
pub(super) trait Weigh {
    /// The bytes of its texts.
    fn bytes(&self) -> usize;
}

impl Weigh for () {
    fn bytes(&self) -> usize {
        0
    }
}

impl Weigh for u64 {
    fn bytes(&self) -> usize {
        0
    }
}

impl Weigh for NameId {
    fn bytes(&self) -> usize {
        0
    }
}

impl Weigh for Version {
    fn bytes(&self) -> usize {
        0
    }
}

impl Weigh for Arc<str> {
    fn bytes(&self) -> usize {
        self.len()
    }
}

impl Weigh for Refused {
    fn bytes(&self) -> usize {
        self.class.len()
    }
}

impl Weigh for Flight {
    fn bytes(&self) -> usize {
        let names: usize = self.removed.iter().map(|name| name.len() + ENTRY).sum();
        names + size_of_val(&self.upserts[..])
    }
}

/// Entries in order, counted.
#[derive(Debug)]
pub(super) struct Kept<K, V = ()> {
    map: BTreeMap<K, V>,
    bytes: usize,
}

impl<K, V> Default for Kept<K, V> {
    fn default() -> Self {
        Self { map: BTreeMap::new(), bytes: 0 }
    }
}

fn weight<K: Weigh, V: Weigh>(key: &K, value: &V) -> usize {
    ENTRY + key.bytes() + value.bytes()
}

impl<K: Weigh + Ord, V: Weigh> Kept<K, V> {
    /// What all of it counts.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn len(&self) -> usize {
        self.map.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.map.is_empty()
    }

    pub(super) fn put(&mut self, key: K, value: V) {
        let (own, bytes) = (key.bytes(), value.bytes());
        match self.map.insert(key, value) {
            // The key that was there stays.
            Some(former) => self.bytes = self.bytes - former.bytes() + bytes,
            None => self.bytes += ENTRY + own + bytes,
        }
    }

    pub(super) fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let (key, value) = self.map.remove_entry(key)?;
        self.bytes -= weight(&key, &value);
        Some(value)
    }

    pub(super) fn pop_first(&mut self) -> Option<(K, V)> {
        let (key, value) = self.map.pop_first()?;
        self.bytes -= weight(&key, &value);
        Some((key, value))
    }

    pub(super) fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.map.get(key)
    }

    pub(super) fn contains<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.map.contains_key(key)
    }

    pub(super) fn keys(&self) -> btree_map::Keys<'_, K, V> {
        self.map.keys()
    }

    pub(super) fn values(&self) -> btree_map::Values<'_, K, V> {
        self.map.values()
    }

    pub(super) fn iter(&self) -> btree_map::Iter<'_, K, V> {
        self.map.iter()
    }

    pub(super) fn retain(&mut self, mut keep: impl FnMut(&K) -> bool) {
        let bytes = &mut self.bytes;
        self.map.retain(|key, value| {
            let kept = keep(key);
            *bytes -= if kept { 0 } else { weight(key, value) };
            kept
        });
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

impl<K: Weigh + Ord> Kept<K> {
    pub(super) fn insert(&mut self, key: K) {
        self.put(key, ());
    }

    /// Takes all keys out.
    pub(super) fn take(&mut self) -> Vec<K> {
        std::mem::take(self).map.into_keys().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_counted_by_every_change() {
        let mut kept: Kept<Arc<str>, Refused> = Kept::default();
        let counted = |kept: &Kept<Arc<str>, Refused>| {
            kept.iter().map(|(key, value)| weight(key, value)).sum::<usize>()
        };
        let refused = |n: usize| Refused { version: Version::NONE, class: "x".repeat(n) };
        for n in 0..50 {
            kept.put(format!("name {n}").into(), refused(n));
            kept.put(format!("name {}", n / 2).into(), refused(2 * n));
            assert_eq!(kept.bytes(), counted(&kept));
        }
        assert!(kept.remove("name 7").is_some() && kept.remove("none").is_none());
        assert_eq!(kept.bytes(), counted(&kept));
        kept.pop_first();
        kept.retain(|name| name.len() > 6);
        assert_eq!(kept.bytes(), counted(&kept));
        assert!(kept.len() > 10);
        while kept.pop_first().is_some() {}
        assert_eq!((kept.bytes(), kept.is_empty()), (0, true));
        let mut names: Kept<Arc<str>> = Kept::default();
        names.insert("a".into());
        names.insert("a".into());
        assert_eq!(names.bytes(), ENTRY + 1);
        assert_eq!(names.take(), ["a".into()]);
        assert_eq!(names.bytes(), 0);
    }
}
