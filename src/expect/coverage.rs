//! Coverage: which routes the requests of tests take, and a request for each that none takes.

use super::judge::{Judged, Verdict};
use crate::model::{Address, Mesh, NodeName, Port, Protocol, TlsMode};
use crate::traffic::symbolic::{
    Region, Row, Space, Taker, of_gateway, of_service, request, takers,
};
use crate::traffic::{
    Door, End, Entry, Journey, Request, ServicePort, Source, Tracer, entries_of, ports, sources,
    target_listener,
};
use std::collections::{BTreeMap, BTreeSet};

/// A route, or a service that a node provides, and whether a test takes it.
#[derive(Clone, Debug)]
pub struct Covered<'m> {
    /// Which.
    pub address: Address,
    /// Whether a request of a test takes it.
    pub tested: bool,
    /// The nodes that get a share there.
    pub targets: Vec<Share>,
    /// If it is not tested, a request that takes it.
    pub witness: Option<Witness<'m>>,
    /// Whether no request takes it at all: nobody calls it.
    pub unreached: bool,
}

/// A node that gets a share of a route.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Share {
    /// The node.
    pub node: NodeName,
    /// Its port.
    pub port: Port,
    /// Whether a test that passes says so.
    pub tested: bool,
}

/// A request that takes a route.
#[derive(Clone, Debug)]
pub struct Witness<'m> {
    /// Where it comes from.
    pub source: Source,
    /// The request.
    pub request: Request,
    /// What is spoken where it comes in.
    pub protocol: Protocol,
    /// Its way.
    pub journey: Journey<'m>,
}

/// Which routes the tests take, in the order of their addresses.
pub fn coverage<'m>(mesh: &'m Mesh, judged: &[Judged<'m>]) -> Vec<Covered<'m>> {
    let mut all: BTreeMap<Address, Covered<'m>> = BTreeMap::new();
    for (address, targets) in routes(mesh) {
        let targets = targets.into_iter().collect();
        let covered = Covered {
            address: address.clone(),
            tested: false,
            targets,
            witness: None,
            unreached: false,
        };
        all.insert(address, covered);
    }
    for judged in judged {
        let Some(journey) = &judged.journey else { continue };
        for row in journey.hops.iter().filter_map(|hop| hop.taken.as_ref()) {
            if let Some(covered) = all.get_mut(&row.address) {
                covered.tested = true;
            }
        }
        let expect = &judged.trial.expect;
        let says = expect.node.is_some() || expect.targets.is_some();
        let last = journey.hops.last().and_then(|hop| hop.taken.as_ref());
        if let (true, Verdict::Passed, End::Targets { shares, .. }, Some(row)) =
            (says, &judged.verdict, &journey.end, last)
            && let Some(covered) = all.get_mut(&row.address)
        {
            for share in shares {
                let (node, port) = (&share.to.name, share.to.listener.port);
                let own = |own: &&mut Share| own.node == **node && own.port == port;
                covered.targets.iter_mut().filter(own).for_each(|share| share.tested = true);
            }
        }
    }
    let mut wanted: BTreeSet<Address> =
        all.values().filter(|covered| !covered.tested).map(|c| c.address.clone()).collect();
    let (found, sure) = witnesses(mesh, &mut wanted);
    for (address, witness) in found {
        if let Some(covered) = all.get_mut(&address) {
            covered.witness = Some(witness);
        }
    }
    for address in wanted {
        if let Some(covered) = all.get_mut(&address) {
            covered.unreached = sure;
        }
    }
    all.into_values().collect()
}

/// Every route with the nodes that get a share there; and services that nodes provide.
fn routes(mesh: &Mesh) -> Vec<(Address, BTreeSet<Share>)> {
    let mut all = Vec::new();
    for (name, gateway) in &mesh.gateways {
        for route in &gateway.routes {
            let address = Address::GatewayRoute(name.clone(), route.name.clone());
            all.push((address, BTreeSet::new()));
        }
    }
    for (name, router) in &mesh.routers {
        for route in &router.routes {
            let sole = route.targets.len() == 1;
            let targets = route.targets.iter().filter(|target| sole || target.weight > 0);
            let share = |to: crate::traffic::NodeListener<'_>| Share {
                node: to.name.clone(),
                port: to.listener.port,
                tested: false,
            };
            let targets = targets.filter_map(|target| target_listener(mesh, target).map(share));
            all.push((Address::Route(name.clone(), route.name.clone()), targets.collect()));
        }
    }
    for (name, service) in mesh.services.iter().filter(|(_, service)| service.node.is_some()) {
        let nodes = service.node.iter();
        let of = |port: ServicePort<'_>| port.port;
        let listened: Vec<Port> = ports(mesh, name, service).into_iter().map(of).collect();
        let targets = nodes.flat_map(|node| {
            let share = |port: &Port| Share { node: node.clone(), port: *port, tested: false };
            listened.iter().map(share).collect::<Vec<_>>()
        });
        all.push((Address::Service(name.clone()), targets.collect()));
    }
    all
}

/// A request for each wanted route, which is then no longer wanted; and whether those that are
/// left are taken by none.
fn witnesses<'m>(
    mesh: &'m Mesh,
    wanted: &mut BTreeSet<Address>,
) -> (Vec<(Address, Witness<'m>)>, bool) {
    let tracer = Tracer::new(mesh);
    let (mut found, mut sure) = (Vec::new(), true);
    for source in sources(mesh) {
        for entry in entries_of(mesh, &source) {
            if wanted.is_empty() {
                return (found, sure);
            }
            let rows = rows(mesh, &entry);
            if !rows.iter().any(|row| row.via.iter().any(|via| wanted.contains(via))) {
                continue;
            }
            let space = Space::new(rows.iter().map(|row| row.conditions.as_slice()));
            let regions: Vec<Region> =
                rows.iter().map(|row| space.region(&row.conditions)).collect();
            let taken = takers(&space, &[&regions], None);
            sure &= !taken.cut_short;
            for (key, shown) in &taken.found {
                let [Taker::Row(row)] = key.as_slice() else { continue };
                if !rows[*row].via.iter().any(|via| wanted.contains(via)) {
                    continue;
                }
                let mut example = shown.example.clone();
                let (host, tls) = host(&entry, example.host.as_deref());
                if tls {
                    example.scheme = Some("https".to_owned());
                }
                let request = request(&host, entry.port, entry.protocol, &example);
                // The example is a proof only after it was followed.
                let journey = tracer.follow(&source, &request);
                let addresses = journey.hops.iter().filter_map(|hop| hop.taken.as_ref());
                let addresses: Vec<Address> = addresses.map(|row| row.address.clone()).collect();
                let before = found.len();
                for address in addresses {
                    if wanted.remove(&address) {
                        let (source, request) = (source.clone(), request.clone());
                        let (protocol, journey) = (entry.protocol, journey.clone());
                        found.push((address, Witness { source, request, protocol, journey }));
                    }
                }
                sure &= !shown.assumed || found.len() > before;
            }
        }
    }
    (found, sure)
}

fn rows(mesh: &Mesh, entry: &Entry<'_>) -> Vec<Row> {
    match entry.door {
        Door::Gateway { name, gateway, listener, .. } => {
            of_gateway(mesh, name, gateway, listener, &BTreeSet::new())
        }
        Door::Captured { to: Some(to), .. } | Door::Bound { to, .. } => of_service(mesh, &to),
        Door::Captured { to: None, .. } => Vec::new(),
    }
}

/// The host to call, and whether by TLS.
fn host(entry: &Entry<'_>, example: Option<&str>) -> (String, bool) {
    match entry.door {
        Door::Gateway { name, listener, .. } => {
            let tls = listener.tls.as_ref().is_some_and(|tls| tls.mode == TlsMode::Strict);
            let own = || name.as_str().to_ascii_lowercase();
            (example.map_or_else(own, str::to_owned), tls)
        }
        Door::Captured { service, .. } => (service.to_string(), false),
        Door::Bound { to, .. } => (to.name.to_string(), false),
    }
}
