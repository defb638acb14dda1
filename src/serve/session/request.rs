//! What a request changes in a session.

use super::topic::{Have, Topic};
use super::view::{Version, View};
use super::{Fault, Session};
use crate::envoy::ResourceType;
use crate::envoy::xds::{Asks, Request};
use std::collections::BTreeSet;
use std::sync::Arc;

const WILDCARD: &str = "*";

impl Session {
    /// Takes a request in. The view may be one that is not present: then the request is remembered,
    /// and answered when it is.
    ///
    /// # Errors
    /// What ends the stream.
    pub fn request(&mut self, request: &Request, view: &View) -> Result<(), Fault> {
        self.take_in(request, view)?;
        match self.bytes() <= self.limits.stream_bytes {
            true => Ok(()),
            false => Err(Fault::TooMuch("bytes of names")),
        }
    }

    fn take_in(&mut self, request: &Request, view: &View) -> Result<(), Fault> {
        self.check_node(request)?;
        if request.type_url.is_empty() {
            return Err(Fault::NoType);
        }
        let kind = ResourceType::ALL.into_iter().find(|kind| kind.type_url() == request.type_url);
        if !self.bound && view.present() {
            self.bind(view);
        }
        let Some(kind) = kind else { return self.other(request) };
        let took_all = self.takes_all();
        // A subscription rides on any request, whatever it says of an earlier response.
        match &request.asks {
            Asks::Delta { subscribe, unsubscribe, initial } => {
                self.check_names(kind, subscribe, initial, view)?;
                self.answer(kind, request, view);
                self.delta(kind, subscribe, unsubscribe, initial, view);
            }
            Asks::State { names } => {
                self.check_names(kind, names, &[], view)?;
                self.answer(kind, request, view);
                self.state(kind, names, view);
            }
        }
        if self.takes_all() != took_all {
            let all = self.takes_all();
            for id in view.all() {
                self.topic(view.kind(id)).count(id, view, all);
            }
        }
        Ok(())
    }

    fn check_node(&mut self, request: &Request) -> Result<(), Fault> {
        let said = request.node.as_ref().map(|node| node.id.as_str()).filter(|id| !id.is_empty());
        match (&self.node, said) {
            (None, None) => Err(Fault::NoNode),
            (None, Some(id)) => {
                self.node = Some(id.to_owned());
                Ok(())
            }
            (Some(first), Some(id)) if first != id => Err(Fault::NodeChanged),
            (Some(_), _) => Ok(()),
        }
    }

    fn check_names(
        &self,
        kind: ResourceType,
        names: &[String],
        initial: &[(String, String)],
        view: &View,
    ) -> Result<(), Fault> {
        let topic = self.at(kind);
        let known = match self.protocol {
            super::Protocol::Delta => topic.names.len() + topic.unknown.len(),
            super::Protocol::State => 0,
        };
        let limits = &self.limits;
        if names.len() > limits.names || known > limits.names || initial.len() > limits.names {
            return Err(Fault::TooMuch("names"));
        }
        // Names that are asked for again count once; few streams come near the limit.
        if known + names.len() > limits.names {
            let asked = |name: &String| {
                let id = view.id(kind, name);
                topic.unknown.contains(name.as_str())
                    || id.is_some_and(|id| topic.names.contains(&id))
            };
            let new = names.iter().filter(|name| !asked(name)).count();
            if known + new > limits.names {
                return Err(Fault::TooMuch("names"));
            }
        }
        let mut all = names.iter().chain(initial.iter().map(|(name, _)| name));
        if all.any(|name| name.len() > limits.name_bytes) {
            return Err(Fault::TooMuch("bytes of a name"));
        }
        if names.iter().any(|name| name.starts_with("xdstp:")) {
            return Err(Fault::NewName);
        }
        Ok(())
    }

    /// Notes what a request says of the response that it names.
    fn answer(&mut self, kind: ResourceType, request: &Request, view: &View) {
        let all = self.takes_all();
        let halve = self.protocol == super::Protocol::Delta;
        let Some(serial) = self.serial_of(&request.nonce) else { return };
        let Some(flight) = self.topic(kind).flights.remove(&serial) else { return };
        match &request.refused {
            None => self.topic(kind).ack(flight, view, all),
            Some(why) => self.topic(kind).nack(flight, why, view, halve),
        }
    }

    fn delta(
        &mut self,
        kind: ResourceType,
        subscribe: &[String],
        unsubscribe: &[String],
        initial: &[(String, String)],
        view: &View,
    ) {
        let (all, bound) = (self.takes_all(), self.bound);
        let topic = self.topic(kind);
        let first = !topic.asked;
        topic.asked = true;
        if first {
            for (name, version) in initial {
                topic.claim(name, version, view, all);
            }
        }
        let unnamed = first && subscribe.is_empty() && unsubscribe.is_empty();
        if unnamed || subscribe.iter().any(|name| name == WILDCARD) {
            topic.wildcard = true;
            // A proxy that starts waits for the first answer, were it empty. One that has been
            // here before does not.
            topic.answer_due = initial.is_empty();
            topic.want_all(view, bound);
        }
        for name in subscribe.iter().filter(|name| *name != WILDCARD) {
            topic.subscribe(name, first, view, bound);
        }
        for name in unsubscribe {
            match name.as_str() {
                WILDCARD => topic.unsubscribe_all(),
                name => topic.unsubscribe(name, view, bound, all),
            }
        }
    }

    fn state(&mut self, kind: ResourceType, names: &[String], view: &View) {
        let (all, bound) = (self.takes_all(), self.bound);
        let topic = self.topic(kind);
        let first = !topic.asked;
        topic.asked = true;
        let wildcard = names.iter().any(|name| name == WILDCARD)
            || names.is_empty() && (first || topic.wildcard && topic.asks_nothing());
        let wanted: BTreeSet<&str> =
            names.iter().map(String::as_str).filter(|name| *name != WILDCARD).collect();
        let had: BTreeSet<String> = topic
            .names
            .iter()
            .map(|id| view.name(*id).to_string())
            .chain(topic.unknown.keys().map(ToString::to_string))
            .collect();
        for name in had.iter().filter(|name| !wanted.contains(name.as_str())) {
            topic.unsubscribe(name, view, bound, all);
        }
        if wildcard && !topic.wildcard {
            topic.wildcard = true;
            topic.answer_due = true;
            topic.want_all(view, bound);
        } else if !wildcard && topic.wildcard {
            topic.unsubscribe_all();
        }
        for name in wanted.iter().filter(|name| !had.contains(**name)) {
            topic.subscribe(name, true, view, bound);
            // Listeners and clusters are told as a whole, so that what is missing shows.
            topic.answer_due |= topic.is_told_whole();
        }
    }

    /// A type without resources here: what is asked for by name is told to be absent, so that
    /// nobody waits for it.
    fn other(&mut self, request: &Request) -> Result<(), Fault> {
        let limits = &self.limits;
        if !self.others.contains_key(&request.type_url)
            && self.others.len() + ResourceType::ALL.len() >= limits.types
        {
            return Err(Fault::TooMuch("types"));
        }
        if request.type_url.len() > limits.name_bytes {
            return Err(Fault::TooMuch("bytes of a type"));
        }
        let Asks::Delta { subscribe, unsubscribe, .. } = &request.asks else {
            // Under state of the world only silence says that there is nothing.
            self.others.entry(request.type_url.clone()).or_default();
            return Ok(());
        };
        if subscribe.len() > limits.names {
            return Err(Fault::TooMuch("names"));
        }
        if subscribe.iter().any(|name| name.len() > limits.name_bytes) {
            return Err(Fault::TooMuch("bytes of a name"));
        }
        let other = self.others.entry(request.type_url.clone()).or_default();
        let unnamed = !other.asked && subscribe.is_empty() && unsubscribe.is_empty();
        other.answer_due |= unnamed || subscribe.iter().any(|name| name == WILDCARD);
        other.asked = true;
        for name in subscribe.iter().filter(|name| *name != WILDCARD) {
            other.absent.insert(name.as_str().into());
        }
        Ok(())
    }
}

impl Topic {
    fn asks_nothing(&self) -> bool {
        self.names.is_empty() && self.unknown.is_empty()
    }

    /// The client says that it has a resource of an earlier stream. That is no subscription.
    fn claim(&mut self, name: &str, version: &str, view: &View, all: bool) {
        let version = Version::parse(version);
        let Some(id) = view.id(self.kind, name) else {
            self.claimed.put(name.into(), version);
            return;
        };
        self.have.insert(id, Have { acked: version, sent: version });
        self.count(id, view, all);
    }

    fn want_all(&mut self, view: &View, bound: bool) {
        if !bound {
            return;
        }
        let kind = self.kind;
        for id in view.all().filter(|id| view.kind(*id) == kind) {
            self.follow(view, id, true);
        }
        self.settle_claims(view);
    }

    /// Asks for one name. Who asks again gets it again; who asks for the first time after saying
    /// what it has gets only what differs.
    fn subscribe(&mut self, name: &str, first: bool, view: &View, bound: bool) {
        let Some(id) = view.id(self.kind, name) else {
            // One copy for all that is noted of it.
            let name: Arc<str> = name.into();
            self.unknown.insert(name.clone());
            if bound {
                match self.claimed.contains(&*name) {
                    true => self.removing.insert(name),
                    false => self.absent.insert(name),
                }
            }
            return;
        };
        self.names.insert(id);
        if !bound {
            return;
        }
        match view.content(id) {
            Some(content) => {
                self.count(id, view, true);
                let owed = self.owed.remove(&id);
                if owed || !first || self.acked(id) != content.version {
                    self.refused.remove(&id);
                    self.dirty.insert(id, true);
                }
            }
            None if self.have.contains_key(&id) => {
                self.removing.insert(name.into());
            }
            None => {
                self.absent.insert(name.into());
            }
        }
    }

    fn unsubscribe(&mut self, name: &str, view: &View, bound: bool, all: bool) {
        let id = view.id(self.kind, name);
        let asked =
            self.unknown.remove(name).is_some() | id.is_some_and(|id| self.names.remove(&id));
        if self.wildcard {
            // The client has dropped it, and must learn whether it has it by the wildcard.
            match id.filter(|id| view.content(*id).is_some()) {
                Some(id) => {
                    self.dirty.insert(id, true);
                }
                None if asked && bound => {
                    self.absent.insert(name.into());
                }
                None => {}
            }
            return;
        }
        self.claimed.remove(name);
        self.absent.remove(name);
        self.removing.remove(name);
        let Some(id) = id else { return };
        self.have.remove(&id);
        self.dirty.remove(&id);
        self.refused.remove(&id);
        // A proxy that needs the whole view lacks it now, unless its view does not ask for it any more.
        self.count(id, view, all);
    }

    fn unsubscribe_all(&mut self) {
        self.wildcard = false;
        self.answer_due = false;
        let names = &self.names;
        self.have.retain(|id, _| names.contains(id));
        self.dirty.retain(|id, _| names.contains(id));
        self.refused.retain(|id| names.contains(id));
        self.missing.retain(|id| names.contains(id));
        self.removing.clear();
        self.claimed.clear();
    }
}
