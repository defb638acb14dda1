//! Classes of requests against single ones: what the comparison of two meshes says of a class is
//! what becomes of each of its requests.
//!
//! A few thousand requests in every run; `MESHCTL_SAMPLES=100000` for a long one.

use crate::support::random_mesh;
use meshctl::model::{Address, Capture, Mesh, NodeName, Protocol, ServiceName, VirtualNode};
use meshctl::traffic::symbolic::{self, Class, Differences, Entry, EntryDiff, Gives};
use meshctl::traffic::{Door, End, Journey, Request, Source, Tracer, ports, sources};
use std::collections::BTreeSet;

/// Requests of a run, unless the environment says otherwise.
const SAMPLES: u64 = 4_000;

struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    fn pick<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[self.below(all.len() as u64) as usize]
    }
}

/// Where a single request ends, in the words of the comparison; `None` if that cannot be told.
fn gives(journey: &Journey<'_>) -> Option<Gives> {
    Some(match &journey.end {
        End::Targets { shares, .. } => Gives::nodes(shares),
        End::Answer { status, .. } => Gives::Answer(*status),
        End::PassedOn => Gives::Leaves,
        End::Closed { .. } => Gives::Refused,
        End::Unknown { .. } => return None,
    })
}

/// Whether a request fares the same in both meshes.
fn same(before: &Journey<'_>, after: &Journey<'_>) -> bool {
    let (Some(was), Some(is)) = (gives(before), gives(after)) else { return true };
    if !was.served() && !is.served() {
        return true;
    }
    let seen = |journey: &Journey<'_>| match &journey.end {
        End::Targets { host, path, .. } => Some((host.clone(), path.clone())),
        _ => None,
    };
    was == is && seen(before) == seen(after)
}

/// The class that says of a request what was found.
fn class_of<'d>(entry: &'d EntryDiff, was: &Gives, is: &Gives) -> Option<&'d Class> {
    let unclear = |gives: &Gives| matches!(gives, Gives::Unclear(_));
    let alike = |a: &Gives, b: &Gives| a == b || unclear(a) || (!a.served() && !b.served());
    let fits = |class: &&Class| alike(&class.before.gives, was) && alike(&class.after.gives, is);
    entry.changed.iter().find(fits)
}

fn entry_of<'d>(
    found: &'d Differences,
    source: &Source,
    journeys: [&Journey<'_>; 2],
) -> Option<&'d EntryDiff> {
    let door = journeys.iter().find_map(|journey| journey.entry)?;
    let wanted = match door.door {
        Door::Gateway { name, listener, .. } => Entry::Gateway(name.clone(), listener.port),
        Door::Captured { service, .. } => Entry::Service(service.clone(), door.port),
        Door::Bound { to, .. } => Entry::Service(to.name.clone(), to.port),
    };
    found.entries.iter().find(|entry| {
        let called = match source {
            Source::Node(name) => entry.callers.contains(name),
            Source::Gateway(_) => true,
        };
        entry.entry == wanted && called
    })
}

/// A request near the edges of what random meshes match.
fn request(c: &mut Chance, source: &Source, mesh: &Mesh) -> Request {
    let paths = [
        "/",
        "/x",
        "/x/",
        "/x/1",
        "/x/12",
        "/xy",
        "/x.",
        "/x../",
        "/x/./1",
        "//x",
        "/x//1",
        "/z",
        "/y/",
        "/x/a",
        "/X",
        "/x/%31",
        "/x/../x/7",
        "/random.v1.Service/Get",
        "/random.v1.Service/",
        "/random.v1.Service",
    ];
    let values =
        ["x", "xx", "ax", "xa", "", "5", "-5", "9", "10", "-6", "05", "+5", "a/b", "xxxxxxxxxx"];
    let (host, port) = match source {
        Source::Gateway(_) => {
            let hosts = ["shop.example", "a.shop.example", "SHOP.example", "other.example"];
            (c.pick(&hosts).to_owned(), 18_000 + c.below(3) as u16)
        }
        Source::Node(_) => {
            let services: Vec<String> = mesh.services.keys().map(ToString::to_string).collect();
            let at = c.below(services.len() as u64) as usize;
            let port = 8_000 + at as u64 * 10 + c.below(2);
            let port = [80, 81, port][c.below(3) as usize];
            (services[at].clone(), port as u16)
        }
    };
    let scheme = match source {
        Source::Gateway(_) => c.pick(&["http", "https"]),
        Source::Node(_) => "http",
    };
    let query = c.pick(&["", "", "?q0=1", "?q0=", "?q0", "?q0=2&q0=1", "?q0=1&q0=2", "?p=1"]);
    let url = format!("{scheme}://{host}:{port}{}{query}", c.pick(&paths));
    let mut request = Request::new(c.pick(&["GET", "POST", "PUT", "PROPFIND"]), &url).unwrap();
    for name in ["x-0", "x-1", "x-2"] {
        for _ in 0..c.below(3) {
            request.headers.push((name.to_owned(), (*c.pick(&values)).into()));
        }
    }
    request
}

/// Two meshes of which the second is the first with some parts of another.
fn pair(seed: u64) -> (Mesh, Mesh) {
    let mut before = random_mesh::mesh(seed);
    let mut after = random_mesh::mesh(seed + 1);
    let mut c = Chance(seed);
    // Calls to what the mesh does not define are told once for the mesh.
    after.settings.egress = before.settings.egress;
    // What stays the same, so that something is unchanged.
    for (name, router) in &before.routers {
        if c.below(2) == 0 && after.routers.contains_key(name) {
            after.routers.insert(name.clone(), router.clone());
        }
    }
    for (name, gateway) in &before.gateways {
        if c.below(3) == 0 {
            after.gateways.insert(name.clone(), gateway.clone());
        }
    }
    // Every node calls every service in one of them, so that there is something to ask.
    for mesh in [&mut before, &mut after] {
        // Connections have no host, so two services cannot share a port with one of TCP.
        let http = |name: &ServiceName| {
            let ports = ports(mesh, name, &mesh.services[name]);
            ports.iter().all(|port| port.protocol != Protocol::Tcp)
        };
        let all: Vec<_> = mesh.services.keys().filter(|name| http(name)).cloned().collect();
        let front: VirtualNode = VirtualNode {
            backends: all
                .into_iter()
                .map(|service| meshctl::model::Backend {
                    service,
                    client_policy: None,
                    bind: Default::default(),
                })
                .collect(),
            capture: Some(Capture::Redirect),
            ..Default::default()
        };
        mesh.nodes.insert(NodeName::new("front").unwrap(), front);
    }
    (before, after)
}

fn samples() -> u64 {
    let wanted = std::env::var("MESHCTL_SAMPLES").ok();
    wanted.and_then(|text| text.parse().ok()).unwrap_or(SAMPLES)
}

#[test]
fn what_is_said_of_classes_holds_for_single_requests() {
    let (mut asked, mut differ, mut seed) = (0, 0, 0);
    while asked < samples() {
        seed += 1;
        let (before, after) = pair(seed);
        let mut changed: BTreeSet<Address> = before.addresses().into_iter().collect();
        changed.extend(after.addresses());
        let found = symbolic::compare(&before, &after, &changed);
        let (was, is) = (Tracer::new(&before), Tracer::new(&after));
        let both: Vec<Source> = sources(&before)
            .into_iter()
            .filter(|source| match source {
                Source::Node(name) => name.as_str() == "front" && after.nodes.contains_key(name),
                Source::Gateway(name) => after.gateways.contains_key(name),
            })
            .collect();
        let mut c = Chance(seed);
        for _ in 0..60 {
            let source = &both[c.below(both.len() as u64) as usize];
            let request = request(&mut c, source, &before);
            let journeys = [was.follow(source, &request), is.follow(source, &request)];
            asked += 1;
            let [Some(one), Some(two)] = [gives(&journeys[0]), gives(&journeys[1])] else {
                continue;
            };
            // What no table is of belongs to no entry point.
            let outside = journeys.iter().all(|journey| {
                let to = journey.entry.and_then(|entry| entry.service());
                matches!(source, Source::Node(_)) && to.is_none()
            });
            if outside || same(&journeys[0], &journeys[1]) {
                continue;
            }
            let Some(entry) = entry_of(&found, source, [&journeys[0], &journeys[1]]) else {
                panic!(
                    "seed {seed}: {source}: {request}: {one:?} -> {two:?}, and no entry says so"
                );
            };
            assert!(!entry.cut_short, "seed {seed}");
            differ += 1;
            // Of a connection nothing says that it speaks HTTP, as these requests do: where the port
            // is one of HTTP on the other side, they leave the mesh, and other bytes are rejected.
            let leaves = [&one, &two].iter().any(|gives| matches!(gives, Gives::Leaves));
            let refused = |class: &Class| {
                [&class.before, &class.after].iter().any(|side| side.gives == Gives::Refused)
            };
            if entry.protocol == Protocol::Tcp && leaves && entry.changed.iter().any(refused) {
                continue;
            }
            assert!(
                class_of(entry, &one, &two).is_some(),
                "seed {seed}: {source}: {request}: {one:?} -> {two:?}, but only {:#?}",
                entry.changed
            );
        }
    }
    println!("{asked} requests of {seed} pairs of meshes, {differ} fare otherwise");
    assert!(differ * 20 > asked, "too few requests differ: {differ} of {asked}");
}

#[test]
fn every_example_fares_as_its_class_says() {
    let (mut asked, mut seed) = (0, 0);
    while asked < samples() / 4 {
        seed += 1;
        let (before, after) = pair(seed);
        let mut changed: BTreeSet<Address> = before.addresses().into_iter().collect();
        changed.extend(after.addresses());
        let found = symbolic::compare(&before, &after, &changed);
        let (was, is) = (Tracer::new(&before), Tracer::new(&after));
        for entry in found.entries.iter().filter(|entry| entry.protocol != Protocol::Tcp) {
            let source = match &entry.entry {
                Entry::Gateway(name, _) => Source::Gateway(name.clone()),
                // Other nodes may have two services on one port, which the rules refuse.
                Entry::Service(..) | Entry::Bound(..) => {
                    let front = entry.callers.iter().find(|name| name.as_str() == "front");
                    let Some(front) = front else { continue };
                    Source::Node(front.clone())
                }
            };
            if entry.there != (true, true) {
                continue;
            }
            for class in entry.changed.iter().filter(|class| !class.assumed) {
                let request = entry.request(&class.example);
                let journeys = [was.follow(&source, &request), is.follow(&source, &request)];
                asked += 1;
                for (side, journey) in [(&class.before, &journeys[0]), (&class.after, &journeys[1])]
                {
                    let Some(found) = gives(journey) else { continue };
                    let alike = found == side.gives
                        || matches!(side.gives, Gives::Unclear(_))
                        || (!found.served() && !side.gives.served());
                    assert!(alike, "seed {seed}: {request}: {found:?}, but {side:?}\n{journey:#?}");
                    // Connections have no path.
                    if let (End::Targets { path, .. }, Some(expected)) = (&journey.end, &side.path)
                        && !path.is_empty()
                    {
                        let path = path.split('?').next().unwrap();
                        assert_eq!(path, expected, "seed {seed}: {request}");
                    }
                }
            }
        }
    }
    println!("{asked} examples of {seed} pairs of meshes");
}
