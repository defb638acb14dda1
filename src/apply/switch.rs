//! The gate before a switch: every node that gains requests has a proxy that can serve them.
//!
//! It asks about targets that can be asked: a proxy that acknowledges to a server, or one whose admin
//! address the target names. Where no proxy that holds the route runs, no request can be lost.

use super::rollout::Roll;
use super::witness::{ASK_EVERY, GONE_AFTER, Standing, Wanted, Witness};
use super::{End, Event, Stop};
use crate::envoy::ProxyId;
use crate::live::Rollout;
use crate::model::{Address, NodeName, Port, RegistryDiscovery};
use crate::plan::{Gain, Step, gains};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// A target that would gain requests and cannot serve them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Missing {
    /// The route; the service if a node provides it without a router.
    pub route: Address,
    /// The node.
    pub node: NodeName,
    /// Its port.
    pub port: Port,
    /// What is missing.
    pub why: Why,
    /// Of a node that is not registered: what selects its instances.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<RegistryDiscovery>,
    /// Of such a node, the ports at which it listens no longer: no live registration may name one of
    /// them.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub gives_up: BTreeSet<Port>,
}

/// Why a node cannot serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// No proxy of it runs.
    NotRunning,
    /// None of its proxies has acknowledged the step before.
    NotAcknowledged,
    /// It is found in a registry, and nothing that its selector selects has a live registration there.
    NotRegistered,
}

impl Missing {
    /// The proxy of its node.
    pub fn proxy(&self) -> ProxyId {
        ProxyId::Node(self.node.clone())
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { route, node, port, why, selector, gives_up } = self;
        let why = match why {
            Why::NotRunning => "has no running proxy",
            Why::NotAcknowledged => "has no proxy that acknowledged the step before",
            Why::NotRegistered => "has no live registration",
        };
        write!(f, "virtual_node/{node}, port {port}, gains requests at {route} and {why}")?;
        if let Some(selector) = selector {
            write!(f, " of {selector}")?;
        }
        let ports: Vec<String> = gives_up.iter().map(ToString::to_string).collect();
        match ports.is_empty() {
            true => Ok(()),
            false => write!(f, ", or still one at port {}, which it gives up", ports.join(", ")),
        }
    }
}

/// What the gate found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Found {
    /// The targets that cannot serve.
    missing: Vec<Missing>,
    /// The nodes of which nothing can tell whether they can.
    unverified: BTreeSet<ProxyId>,
    /// Whether the wait was cut short.
    stopped: bool,
}

impl Roll<'_, '_> {
    /// Looks whether the nodes that gain requests by a switch can serve. Says whether to go on.
    pub(super) async fn may_switch(&mut self, step: &Step) -> bool {
        if !self.gates_switches {
            return true;
        }
        let holders = step.after.iter().filter(|(_, config)| config.is_some());
        let holders = holders.map(|(proxy, _)| proxy.clone()).collect();
        let gains = gains(self.from, self.to, &holders);
        let (options, target) = (self.site.options, &*self.site.target);
        let wanted = |proxy: &ProxyId| match options.witness.reads_files() {
            true => target.files(proxy).ok().map(Wanted::Files),
            false => Some(Wanted::InForce),
        };
        let witness = &*options.witness;
        let found = look(witness, &gains, &wanted, options.wait, self.site.stop).await;
        if found.stopped {
            return !self.stopped();
        }
        if !found.unverified.is_empty() {
            (self.site.tell)(Event::Unverified { nodes: found.unverified.clone() });
            self.outcome.unverified.extend(found.unverified);
        }
        let accepts = |missing: &Missing| self.rollout.accepted.contains(&missing.route);
        let (accepted, missing): (Vec<_>, Vec<_>) = found.missing.into_iter().partition(accepts);
        if !accepted.is_empty() {
            self.outcome.unverified.extend(accepted.iter().map(Missing::proxy));
            (self.site.tell)(Event::Missing { targets: accepted, accepted: true });
        }
        if missing.is_empty() {
            return true;
        }
        (self.site.tell)(Event::Missing { targets: missing.clone(), accepted: false });
        let names: Vec<String> = missing.iter().map(ToString::to_string).collect();
        self.outcome.missing = missing;
        self.outcome.end = End::Missing;
        let rollout = Rollout { stopped: Some(names.join("; ")), ..self.rollout.clone() };
        if let Err(error) = self.site.target.progress(Some(&rollout)) {
            self.broken(&error);
        }
        false
    }
}

/// Looks at the nodes that gain requests. One that runs and has not acknowledged yet has until the
/// end of `patience`; `None` asks nothing.
async fn look(
    witness: &dyn Witness,
    gains: &[Gain],
    wanted: &dyn Fn(&ProxyId) -> Option<Wanted>,
    patience: Option<Duration>,
    stop: &Stop,
) -> Found {
    let mut found = Found::default();
    let Some(patience) = patience else {
        found.unverified = gains.iter().map(proxy).collect();
        return found;
    };
    let holders: BTreeSet<&ProxyId> = gains.iter().flat_map(|gain| &gain.held_by).collect();
    let holders = holders.into_iter().filter(|holder| witness.knows(holder));
    let holders = holders.map(|holder| (holder.clone(), Wanted::InForce)).collect();
    let holders = witness.standing(holders).await;
    let gains: Vec<&Gain> = gains.iter().filter(|gain| is_held(gain, &holders)).collect();
    let instances = |gain: &Gain| witness.instances(gain);
    let unknown = gains.iter().map(|gain| (proxy(gain), gain));
    let unknown = unknown.filter(|(node, gain)| !can_tell(gain, witness.knows(node), &instances));
    found.unverified = unknown.map(|(node, _)| node).collect();
    let nodes = gains.iter().filter(|gain| gain.has_proxy).map(|gain| proxy(gain));
    let nodes = nodes.filter(|node| witness.knows(node)).collect();
    let Some(standing) = standing_of(witness, nodes, wanted, patience, stop).await else {
        found.stopped = true;
        return found;
    };
    found.missing =
        gains.iter().filter_map(|gain| cannot_serve(gain, &standing, &instances)).collect();
    found
}

/// Asks nodes until one proxy of each has acknowledged, or nothing is to be waited for; who has is
/// not asked again. `None`: the wait was cut short.
async fn standing_of(
    witness: &dyn Witness,
    nodes: BTreeSet<ProxyId>,
    wanted: &dyn Fn(&ProxyId) -> Option<Wanted>,
    patience: Duration,
    stop: &Stop,
) -> Option<BTreeMap<ProxyId, Standing>> {
    let mut open: BTreeMap<ProxyId, Wanted> =
        nodes.into_iter().filter_map(|node| Some((node.clone(), wanted(&node)?))).collect();
    let begin = Instant::now();
    let mut standing = BTreeMap::new();
    let mut looks = 0;
    loop {
        // Before the question, so that no change after it is missed.
        let changed = witness.changed();
        standing.extend(witness.standing(open.clone()).await);
        looks += 1;
        // Who tells of changes may be asked often in a short time.
        let gone = looks >= GONE_AFTER && begin.elapsed() >= ASK_EVERY * (GONE_AFTER - 1);
        let acknowledged = |node: &ProxyId| standing.get(node).is_none_or(|it| it.acknowledged > 0);
        open.retain(|node, _| !acknowledged(node));
        let is_waited_for = |node: &ProxyId| {
            standing.get(node).is_some_and(|it| it.running > 0 || it.awaited || !gone)
        };
        if !open.keys().any(is_waited_for) || Instant::now() + ASK_EVERY > begin + patience {
            return Some(standing);
        }
        tokio::select! {
            () = changed => {}
            () = sleep_until(begin + patience) => {}
            () = stop.requested() => return None,
        }
    }
}

fn proxy(gain: &Gain) -> ProxyId {
    ProxyId::Node(gain.node.clone())
}

/// Whether a proxy that holds a gain's route runs, may come back soon, or cannot be asked: where none
/// does, no request can be lost.
pub fn is_held(gain: &Gain, holders: &BTreeMap<ProxyId, Standing>) -> bool {
    gain.held_by.iter().any(|holder| {
        holders.get(holder).is_none_or(|standing| standing.running > 0 || standing.awaited)
    })
}

/// Whether meshctl can find out if a target can serve. `known`: its proxy can be asked. Of a node without
/// a proxy the registrations decide.
pub fn can_tell(gain: &Gain, known: bool, instances: &dyn Fn(&Gain) -> Option<usize>) -> bool {
    match (gain.has_proxy, &gain.selector) {
        (true, _) => known,
        (false, Some(_)) => instances(gain).is_some(),
        (false, None) => true,
    }
}

/// Why a target cannot serve; `None` if it can, or if nothing can tell. `instances` are live
/// registrations, as [`Witness::instances`] counts them.
pub fn cannot_serve(
    gain: &Gain,
    standing: &BTreeMap<ProxyId, Standing>,
    instances: &dyn Fn(&Gain) -> Option<usize>,
) -> Option<Missing> {
    let Gain { route, node, port, has_proxy, selector, gives_up, .. } = gain;
    let of_proxy = match (has_proxy, standing.get(&proxy(gain))) {
        // There is no proxy to ask.
        (true, None) => return None,
        (true, Some(Standing { running: 0, .. })) => Some(Why::NotRunning),
        (true, Some(Standing { acknowledged: 0, .. })) => Some(Why::NotAcknowledged),
        (true, Some(_)) | (false, _) => None,
    };
    let unregistered = selector.as_ref().filter(|_| instances(gain) == Some(0));
    let (why, selector, gives_up) = match (of_proxy, unregistered) {
        (Some(why), _) => (why, None, BTreeSet::new()),
        (None, Some(selector)) => (Why::NotRegistered, Some(selector.clone()), gives_up.clone()),
        (None, None) => return None,
    };
    let (route, node, port) = (route.clone(), node.clone(), *port);
    Some(Missing { route, node, port, why, selector, gives_up })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apply::{Answer, Asking};
    use futures_util::future::BoxFuture;

    /// Proxies by their names; one that is not there cannot be asked.
    #[derive(Clone, Debug, Default)]
    struct Known(BTreeMap<&'static str, Standing>, BTreeMap<&'static str, usize>);

    impl Witness for Known {
        fn knows(&self, proxy: &ProxyId) -> bool {
            self.0.contains_key(proxy.to_string().as_str())
        }

        fn reads_files(&self) -> bool {
            false
        }

        fn before(&self, _: BTreeSet<ProxyId>) -> BoxFuture<'static, Box<dyn Asking>> {
            unreachable!("no step is put")
        }

        fn standing(
            &self,
            proxies: BTreeMap<ProxyId, Wanted>,
        ) -> BoxFuture<'static, BTreeMap<ProxyId, Standing>> {
            let found = proxies.into_keys();
            let found = found.filter_map(|proxy| {
                let standing = self.0.get(proxy.to_string().as_str())?;
                Some((proxy, standing.clone()))
            });
            Box::pin(std::future::ready(found.collect()))
        }

        fn instances(&self, gain: &Gain) -> Option<usize> {
            self.1.get(gain.selector.as_ref()?.service.as_str()).copied()
        }
    }

    const fn standing(answer: Answer, running: usize, acknowledged: usize) -> Standing {
        Standing { answer, running, acknowledged, awaited: false }
    }

    const RUNS: Standing = standing(Answer::Has, 1, 1);
    const LATE: Standing = standing(Answer::Late(Vec::new()), 2, 0);
    const ONE_OF_TWO: Standing = standing(Answer::Late(Vec::new()), 2, 1);
    const GONE: Standing = standing(Answer::Gone, 0, 0);

    async fn of(
        known: &[(&'static str, Standing)],
        registered: &[(&'static str, usize)],
        patience: Option<Duration>,
    ) -> (Vec<Why>, usize) {
        with(known, registered, patience, true).await
    }

    async fn with(
        known: &[(&'static str, Standing)],
        registered: &[(&'static str, usize)],
        patience: Option<Duration>,
        has_proxy: bool,
    ) -> (Vec<Why>, usize) {
        let witness = Known(known.iter().cloned().collect(), registered.iter().copied().collect());
        let gain = Gain {
            route: "route/cart/all".parse().unwrap(),
            node: NodeName::new("cart").unwrap(),
            port: Port::new(80).unwrap(),
            held_by: BTreeSet::from(["virtual_node/web".parse().unwrap()]),
            has_proxy,
            selector: Some(RegistryDiscovery {
                namespace: "shop".to_owned(),
                service: "cart".to_owned(),
                attributes: BTreeMap::from([("color".to_owned(), "green".to_owned())]),
                ip_preference: None,
            }),
            gives_up: BTreeSet::new(),
        };
        let (_sender, stop) = Stop::new();
        let found = look(&witness, &[gain], &|_| Some(Wanted::InForce), patience, &stop).await;
        (found.missing.into_iter().map(|missing| missing.why).collect(), found.unverified.len())
    }

    #[tokio::test]
    async fn what_can_be_asked_must_answer_and_what_cannot_is_not_verified() {
        let soon = Some(Duration::from_millis(150));
        let (web, cart) = ("virtual_node/web", "virtual_node/cart");
        assert_eq!(of(&[(web, RUNS), (cart, RUNS)], &[], soon).await, (vec![], 0));
        assert_eq!(of(&[(web, RUNS), (cart, ONE_OF_TWO)], &[], soon).await, (vec![], 0));
        assert_eq!(of(&[(web, RUNS), (cart, GONE)], &[], soon).await, (vec![Why::NotRunning], 0));
        let late = of(&[(web, RUNS), (cart, LATE)], &[], soon).await;
        assert_eq!(late, (vec![Why::NotAcknowledged], 0));
        // No registration, and one.
        let found = of(&[(web, RUNS), (cart, RUNS)], &[("cart", 0)], soon).await;
        assert_eq!(found, (vec![Why::NotRegistered], 0));
        assert_eq!(of(&[(web, RUNS), (cart, RUNS)], &[("cart", 1)], soon).await, (vec![], 0));
        // No proxy that holds the route runs.
        assert_eq!(of(&[(web, GONE), (cart, GONE)], &[], soon).await, (vec![], 0));
        // Whether the one that holds it runs is not known: it may.
        assert_eq!(of(&[(cart, GONE)], &[], soon).await, (vec![Why::NotRunning], 0));
        // Nothing can be asked, or nothing is.
        assert_eq!(of(&[(web, RUNS)], &[], soon).await, (vec![], 1));
        assert_eq!(of(&[(web, RUNS), (cart, GONE)], &[], None).await, (vec![], 1));
        // The server was started a moment ago: what was connected may come back.
        let awaited = Standing { awaited: true, ..GONE };
        let found = of(&[(web, RUNS), (cart, awaited)], &[], soon).await;
        assert_eq!(found, (vec![Why::NotRunning], 0), "but not for longer than the step may take");
    }

    #[tokio::test]
    async fn a_node_without_a_proxy_is_known_by_its_registrations() {
        let soon = Some(Duration::from_millis(150));
        let web = "virtual_node/web";
        let none = with(&[(web, RUNS)], &[("cart", 0)], soon, false).await;
        assert_eq!(none, (vec![Why::NotRegistered], 0));
        assert_eq!(with(&[(web, RUNS)], &[("cart", 1)], soon, false).await, (vec![], 0));
        // No caller runs; nothing tells of registrations; nothing is asked.
        assert_eq!(with(&[(web, GONE)], &[("cart", 0)], soon, false).await, (vec![], 0));
        assert_eq!(with(&[(web, RUNS)], &[], soon, false).await, (vec![], 1));
        assert_eq!(with(&[(web, RUNS)], &[("cart", 0)], None, false).await, (vec![], 1));
    }
}
