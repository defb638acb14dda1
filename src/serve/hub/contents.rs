//! Encoded resources, one copy of each, and the counters of the work done.

use crate::envoy::{Resource, ResourceType};
use crate::serve::session::{Content, Version};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};

/// Where an instance of a node listens.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Endpoint {
    /// Its address.
    pub address: IpAddr,
    /// Its port; `None`: that of the node's listener.
    pub port: Option<u16>,
    /// Its share of the requests, against those of the others; at least 1.
    pub weight: u32,
}

type Key = (ResourceType, Version, String);

/// One copy of each content, while a view holds it.
#[derive(Debug, Default)]
pub(super) struct Contents {
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    all: BTreeMap<Key, Weak<Content>>,
    /// How many there may be before the dead are looked for.
    sweep_at: usize,
}

impl Contents {
    /// The bytes of a resource; encodes it if nobody has it.
    pub(super) fn of(&self, resource: &Resource, counters: &Counters) -> Arc<Content> {
        let key = (resource.kind, Version::parse(&resource.version), resource.name.clone());
        let mut held = super::lock(&self.held);
        if let Some(content) = held.all.get(&key).and_then(Weak::upgrade) {
            return content;
        }
        counters.encodes(1);
        let content = Arc::new(Content::new(resource));
        held.all.insert(key, Arc::downgrade(&content));
        if held.all.len() > held.sweep_at.max(1_024) {
            held.all.retain(|_, content| content.strong_count() > 0);
            held.sweep_at = held.all.len() * 2;
        }
        content
    }

    /// How many there are, the dead that were not swept yet among them.
    pub(super) fn len(&self) -> usize {
        super::lock(&self.held).all.len()
    }
}

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// Work that was done, counted since the hub was made. Tests hold it to what a change
        /// needs; times differ from machine to machine, these do not.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct Counts { $($(#[$doc])* pub $name: u64),* }

        #[derive(Debug, Default)]
        pub(super) struct Counters { $($name: AtomicU64),* }

        impl Counters {
            $(pub(super) fn $name(&self, more: usize) {
                self.$name.fetch_add(more as u64, Ordering::Relaxed);
            })*

            pub(super) fn read(&self) -> Counts {
                Counts { $($name: self.$name.load(Ordering::Relaxed)),* }
            }
        }
    };
}

counters! {
    /// Resources that were encoded.
    encodes,
    /// Resources that were looked at because of a change.
    visits,
    /// Streams that were told of a change.
    told,
    /// Streams that were woken, because there was something for them.
    wakes,
    /// Requests that were read.
    requests,
    /// Refusals among them.
    refusals,
    /// Responses that were sent.
    responses,
    /// Resources in them.
    resources,
    /// Bytes of these resources.
    bytes,
    /// Panics that ended a stream.
    panics,
}
