//! Which classes of requests meet a changed setting: a class that keeps its way may find another
//! timeout, another limit or other TLS on it.

use super::diff::{Differences, Entry, EntryDiff};
use super::space::Example;
use super::table::{Gives, Row, Share};
use super::tasks::services_reached;
use crate::model::{Address, ClientTls, GatewayName, Mesh, NodeName, ServiceName};
use crate::traffic::http;
use crate::traffic::policy::{
    self, Change, DECIDED_BY_SERVERS, FactChange, Facts, Moved, NodePort, Subject, differences,
    fits, of_direct, of_route, of_server,
};
use crate::traffic::tls_of;
use std::collections::{BTreeMap, BTreeSet};

/// Two meshes, and what differs between them.
pub(super) struct Cx<'m> {
    pub(super) before: &'m Mesh,
    pub(super) after: &'m Mesh,
    pub(super) changed: &'m BTreeSet<Address>,
    /// The changed addresses, and those whose settings change with the mesh's.
    pub(super) reached: BTreeSet<Address>,
    /// The services whose tables or settings the changes can reach.
    pub(super) services: BTreeSet<&'m ServiceName>,
    /// The settings that differ.
    pub(super) policies: BTreeMap<Subject, Change>,
    /// The nodes that call a service otherwise.
    callers: BTreeMap<ServiceName, BTreeSet<NodeName>>,
    /// The second hops whose settings differ, by the gateway routes that lead there before and after.
    second_hops: [BTreeMap<Address, BTreeSet<Subject>>; 2],
}

/// A changed setting that requests of an entry point meet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Met {
    /// Where the setting belongs.
    pub subject: Subject,
    /// The classes that meet it, by their numbers at the entry point.
    pub classes: BTreeSet<usize>,
    /// A request of the first of them.
    pub example: Example,
    /// Whether requests that were served are not any more.
    pub lost: bool,
    /// Whether it is a hop before several servers, and the request is for one that is the same.
    pub alone: bool,
}

/// Settings that change together, for the same reason, in the same way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyDiff {
    /// Whether requests that were served are not any more.
    pub lost: bool,
    /// Where the settings belong.
    pub subjects: BTreeSet<Subject>,
    /// What differs.
    pub facts: Vec<FactChange>,
    /// The changes that cause it.
    pub causes: BTreeSet<Address>,
    /// The entry points whose requests meet it, by their places among all.
    pub entries: BTreeSet<usize>,
    /// How many classes of requests do.
    pub classes: usize,
    /// The entry point that the request is for, by its place among all.
    pub shown: usize,
    /// A request that does: of the first entry point, or of the first at which it is for a server
    /// that is the same.
    pub example: Example,
}

impl<'m> Cx<'m> {
    pub(super) fn new(before: &'m Mesh, after: &'m Mesh, changed: &'m BTreeSet<Address>) -> Self {
        let services_of = |addresses: &BTreeSet<Address>| {
            let mut services = services_reached(before, addresses);
            services.extend(services_reached(after, addresses));
            services
        };
        let policies = policy::changes(before, after, changed, &services_of(changed));
        let mut reached = changed.clone();
        // How a node's calls are taken changes nothing for those who call it.
        let own = |subject: &&Subject| !matches!(subject, Subject::FirstHop(..));
        reached.extend(policies.keys().filter(own).map(Subject::address));
        let services = services_of(&reached);
        reached.extend(policies.keys().map(Subject::address));
        let mut callers: BTreeMap<ServiceName, BTreeSet<NodeName>> = BTreeMap::new();
        for subject in policies.keys() {
            if let Subject::Caller(node, service) | Subject::FirstHop(node, service, _) = subject {
                callers.entry(service.clone()).or_default().insert(node.clone());
            }
        }
        let second_hops = [before, after].map(|mesh| second_hops(mesh, &policies));
        Self { before, after, changed, reached, services, policies, callers, second_hops }
    }

    /// Whether a node calls a service otherwise than before.
    pub(super) fn calls_otherwise(&self, node: &NodeName, service: &ServiceName) -> bool {
        self.callers.get(service).is_some_and(|nodes| nodes.contains(node))
    }

    /// The changed settings that requests of an entry point meet before its table.
    pub(super) fn at_entry(&self, about: &EntryDiff) -> BTreeSet<Subject> {
        let mut all = BTreeSet::new();
        match &about.entry {
            Entry::Gateway(name, port) => {
                all.insert(Subject::Gateway(name.clone(), *port));
                all.insert(Subject::GatewayCaller(name.clone()));
                all.retain(|subject| self.policies.contains_key(subject));
            }
            Entry::Service(service, port) | Entry::Bound(_, service, port) => {
                let Some(nodes) = self.callers.get(service) else { return all };
                for node in about.callers.iter().filter(|node| nodes.contains(*node)) {
                    all.insert(Subject::Caller(node.clone(), service.clone()));
                    all.insert(Subject::FirstHop(node.clone(), service.clone(), *port));
                }
                all.retain(|subject| self.policies.contains_key(subject));
            }
        }
        all
    }

    /// Whether the second hop behind a gateway route has other settings than before.
    pub(super) fn changes_behind(&self, route: &Address) -> bool {
        self.second_hops.iter().any(|side| side.contains_key(route))
    }

    /// The changed settings that requests of a row of one side meet.
    fn at_row(&self, side: usize, row: &Row) -> BTreeSet<Subject> {
        let mut all = BTreeSet::new();
        for address in &row.via {
            all.extend(self.second_hops[side].get(address).into_iter().flatten().cloned());
            match address {
                Address::Router(name) => all.insert(Subject::Router(name.clone())),
                Address::Route(router, name) => {
                    all.insert(Subject::Route(router.clone(), name.clone()))
                }
                _ => false,
            };
        }
        for share in shares(row) {
            all.insert(Subject::Server(share.node.clone(), share.port));
        }
        all.retain(|subject| self.policies.contains_key(subject));
        all
    }

    /// Whether requests of a row meet a changed setting of their entry point. What servers decide
    /// as strictly themselves is met before servers without a proxy only.
    fn meets_at_entry(&self, subject: &Subject, rows: [&Row; 2]) -> bool {
        let decided = |fact: &FactChange| DECIDED_BY_SERVERS.contains(&fact.name.as_str());
        let change = self.policies.get(subject);
        if !matches!(subject, Subject::FirstHop(..))
            || !change.is_some_and(|change| change.facts.iter().all(decided))
        {
            return true;
        }
        let bare = |mesh: &Mesh, row: &Row| {
            shares(row).any(|share| mesh.nodes.get(&share.node).is_some_and(|node| !node.proxy))
        };
        bare(self.before, rows[0]) || bare(self.after, rows[1])
    }

    /// Whether any request of a table that stays the same may meet a changed setting.
    pub(super) fn reaches(&self, about: &EntryDiff, rows: &[Row]) -> bool {
        let entry = self.at_entry(about);
        let meets = |row: &Row| {
            entry.iter().any(|subject| self.meets_at_entry(subject, [row, row]))
                || !self.at_row(1, row).is_empty()
        };
        !self.policies.is_empty() && rows.iter().any(meets)
    }

    /// What a class meets that changes, and whether it is lost by that.
    pub(super) fn met(
        &self,
        about: &EntryDiff,
        entry: &BTreeSet<Subject>,
        [was, is]: [&Row; 2],
    ) -> Vec<(Subject, bool)> {
        if self.policies.is_empty() || !was.gives.served() || !is.gives.served() {
            return Vec::new();
        }
        let mut all = self.at_row(0, was);
        let then = self.at_row(1, is);
        all.retain(|subject| then.contains(subject));
        let rows = [was, is];
        all.extend(entry.iter().filter(|own| self.meets_at_entry(own, rows)).cloned());
        let lost = self.lost(about, &all, [was, is]);
        all.into_iter().map(|subject| (subject.clone(), lost.contains(&subject))).collect()
    }

    /// Those by which requests are lost for certain.
    fn lost(
        &self,
        about: &EntryDiff,
        met: &BTreeSet<Subject>,
        [was, is]: [&Row; 2],
    ) -> BTreeSet<Subject> {
        let narrower =
            |subject: &&Subject| self.policies.get(*subject).is_some_and(|change| change.narrower);
        let mut lost: BTreeSet<Subject> = met.iter().filter(narrower).cloned().collect();
        for share in shares(is).filter(|share| shares(was).any(|other| same(share, other))) {
            let listener = |mesh: &'m Mesh| mesh.nodes.get(&share.node)?.listener(share.port);
            let (Some(before), Some(after)) = (listener(self.before), listener(self.after)) else {
                continue;
            };
            let server = Subject::Server(share.node.clone(), share.port);
            for (subject, [then, now]) in self.policies_of(about) {
                let involved = met.contains(&server) || met.contains(&subject);
                if involved && fits(then, before) && !fits(now, after) {
                    lost.extend([server.clone(), subject].into_iter().filter(|s| met.contains(s)));
                }
            }
        }
        lost
    }

    /// The policies of those who call at an entry point, before and after.
    fn policies_of(&self, about: &EntryDiff) -> Vec<(Subject, [Option<&'m ClientTls>; 2])> {
        let meshes = [self.before, self.after];
        match &about.entry {
            Entry::Gateway(name, _) => {
                let tls = meshes.map(|mesh| {
                    let own = mesh.gateways.get(name)?.backend_defaults.client_policy.as_ref();
                    own.and_then(|policy| policy.tls.as_ref())
                });
                vec![(Subject::GatewayCaller(name.clone()), tls)]
            }
            Entry::Service(service, _) | Entry::Bound(_, service, _) => {
                let of = |node: &NodeName| {
                    let tls = meshes.map(|mesh| {
                        let node = mesh.nodes.get(node)?;
                        let mut backends = node.backends.iter();
                        tls_of(node, backends.find(|backend| backend.service == *service)?)
                    });
                    (Subject::Caller(node.clone(), service.clone()), tls)
                };
                about.callers.iter().map(of).collect()
            }
        }
    }

    /// What differs for requests that take another route or reach another node than before.
    pub(super) fn otherwise(&self, was: &Row, is: &Row) -> Vec<FactChange> {
        let (Gives::Nodes(from), Gives::Nodes(to)) = (&was.gives, &is.gives) else {
            return Vec::new();
        };
        let mut all = Vec::new();
        if route(was) != route(is) {
            all = differences(&route_facts(self.before, was), &route_facts(self.after, is));
        }
        let gaining: Vec<&Share> = to.iter().filter(|s| !from.iter().any(|o| same(s, o))).collect();
        if gaining.is_empty() {
            return all;
        }
        let losing: Vec<&Share> = from.iter().filter(|s| !to.iter().any(|o| same(s, o))).collect();
        // Requests leave those who lose; where nobody does, they leave all a little.
        let left = if losing.is_empty() { from.iter().collect() } else { losing };
        let of = |share: &&Share| (place(share), of_server(self.before, &share.node, share.port));
        let left: Vec<(NodePort, Facts)> = left.iter().map(of).collect();
        for share in gaining {
            let facts = of_server(self.after, &share.node, share.port);
            // What differs alike from several nodes is one change.
            let mut found: BTreeMap<FactChange, BTreeSet<NodePort>> = BTreeMap::new();
            for (node, was) in &left {
                for change in differences(was, &facts) {
                    found.entry(change).or_default().insert(node.clone());
                }
            }
            let moved = |from| Some(Moved { from, to: place(share) });
            let found = found.into_iter();
            all.extend(found.map(|(change, from)| FactChange { moved: moved(from), ..change }));
        }
        all
    }

    /// Settings that change alike for one reason, over all entry points.
    pub(super) fn grouped(&self, all: &Differences) -> Vec<PolicyDiff> {
        // A setting of a connection manager before several servers is another change than one of a server.
        type Key<'a> = (bool, &'a BTreeSet<Address>, &'a [FactChange], bool);
        // The change, whether its example is of one class alone, and the classes that it changes.
        type Group = (PolicyDiff, bool, BTreeSet<(usize, usize)>);
        let mut groups: BTreeMap<Key<'_>, Group> = BTreeMap::new();
        for (at, entry) in all.entries.iter().enumerate() {
            for met in &entry.meets {
                let Some(change) = self.policies.get(&met.subject) else { continue };
                let shared = met.subject.is_shared();
                let key = (!met.lost, &change.causes, change.facts.as_slice(), shared);
                let (group, alone, classes) = groups.entry(key).or_insert_with(|| {
                    let group = PolicyDiff {
                        lost: met.lost,
                        subjects: BTreeSet::new(),
                        facts: change.facts.clone(),
                        causes: change.causes.clone(),
                        entries: BTreeSet::new(),
                        classes: 0,
                        shown: at,
                        example: met.example.clone(),
                    };
                    (group, met.alone, BTreeSet::new())
                });
                if met.alone && !*alone {
                    (*alone, group.example) = (true, met.example.clone());
                    group.shown = at;
                }
                group.subjects.insert(met.subject.clone());
                group.entries.insert(at);
                classes.extend(met.classes.iter().map(|class| (at, *class)));
            }
        }
        let counted = |(group, _, classes): Group| PolicyDiff { classes: classes.len(), ..group };
        groups.into_values().map(counted).collect()
    }
}

/// The second hops whose settings differ, by the gateway routes that lead there in one mesh.
fn second_hops(
    mesh: &Mesh,
    policies: &BTreeMap<Subject, Change>,
) -> BTreeMap<Address, BTreeSet<Subject>> {
    let mut all: BTreeMap<Address, BTreeSet<Subject>> = BTreeMap::new();
    let named = policies.keys().filter_map(|subject| match subject {
        Subject::SecondHop(name, ..) => Some(name),
        _ => None,
    });
    for name in named.collect::<BTreeSet<&GatewayName>>() {
        let Some(gateway) = mesh.gateways.get(name) else { continue };
        for ((service, port), hop) in http::second_hops(mesh, gateway) {
            let subject = Subject::SecondHop(name.clone(), service.clone(), port);
            for route in hop.routes.iter().filter(|_| policies.contains_key(&subject)) {
                let address = Address::GatewayRoute(name.clone(), route.name.clone());
                all.entry(address).or_default().insert(subject.clone());
            }
        }
    }
    all
}

fn same(one: &Share, other: &Share) -> bool {
    (&one.node, one.port) == (&other.node, other.port)
}

fn place(share: &Share) -> NodePort {
    NodePort { node: share.node.clone(), port: share.port }
}

fn shares(row: &Row) -> impl Iterator<Item = &Share> {
    match &row.gives {
        Gives::Nodes(shares) => shares.as_slice(),
        _ => &[],
    }
    .iter()
}

/// The route of a router that a row is of.
fn route(row: &Row) -> Option<&Address> {
    row.via.iter().find(|address| matches!(address, Address::Route(..)))
}

/// The timeouts and retries of a row.
fn route_facts(mesh: &Mesh, row: &Row) -> Facts {
    let found = match (route(row), shares(row).next()) {
        (Some(Address::Route(router, name)), _) => of_route(mesh, router, name),
        (_, Some(share)) => {
            let node = mesh.nodes.get(&share.node);
            node.and_then(|node| node.listener(share.port)).map(of_direct)
        }
        (_, None) => None,
    };
    found.unwrap_or_default()
}
