//! Witnesses of plans: each class of requests of a plan's TRAFFIC has a request that shows it. Sent
//! through live Envoys before and after the change, it ends where the plan says, both times, and
//! differs in node, path, host or status. Other requests by chance, sent on both sides, show no
//! difference that the plan has no class for.
//!
//! `MESHCTL_WITNESS_MESHES=300` asks for more pairs of meshes, `MESHCTL_WITNESS_SEED` for another
//! start.

use crate::plan_policy::{live, planned};
use crate::support::compare::{Doors, applications, as_call};
use crate::support::proxies::start_all;
use crate::support::random_calls::is_call;
use crate::support::random_edits::edited;
use crate::support::random_mesh::Chance;
use crate::support::random_routes::{self as random, door};
use crate::support::random_special::Sent;
use crate::support::raw_http::Answer;
use crate::support::tier::number;
use meshctl::model::{Address, Mesh, NodeName};
use meshctl::plan::{End, Outcome, Traffic, TrafficChange, TrafficEntry, TrafficSeverity};
use meshctl::traffic::{End as Ends, Journey, Request, Tracer, percents};
use std::collections::{BTreeMap, BTreeSet};

const FIRST_PORT: u16 = 7_000;
/// Pairs of meshes of a run that is not told otherwise.
const MESHES: u64 = 4;
/// Classes of one entry point that are shown at most, of each severity.
const SHOWN: usize = 12;
/// How often the witness of a split is sent. The smallest share of these meshes is a twelfth, which
/// so many requests miss once in 10^15 runs.
const SPLIT: u32 = 400;
/// How likely a split is to be beyond 3 sigma: as likely as a number of a normal distribution.
const BEYOND: f64 = 0.002_699_8;
/// A split that is less likely is wrong by itself: beyond 6 sigma.
const NEVER: f64 = 1.973e-9;
/// How likely a run may be to fail by chance: that so many of its splits are beyond 3 sigma.
const ERROR: f64 = 1e-4;
/// Requests by chance that are sent to each pair of meshes.
const SAMPLES: u64 = 60;

/// The mesh without the raw fields by which its routes say their names: of those a plan says
/// nothing, as they may do anything.
fn bare(mesh: &Mesh) -> Mesh {
    let mut mesh = mesh.clone();
    for route in mesh.routers.values_mut().flat_map(|router| &mut router.routes) {
        route.patch = None;
    }
    for route in mesh.gateways.values_mut().flat_map(|gateway| &mut gateway.routes) {
        route.patch = None;
    }
    mesh
}

/// What a plan from one mesh to another says of requests.
fn traffic(before: &Mesh, after: &Mesh) -> Traffic {
    planned(&live(&bare(before)), &bare(after), &[]).traffic
}

/// The port of the door to an entry point, if a mesh has one.
fn door_of(mesh: &Mesh, entry: &TrafficEntry) -> Option<u16> {
    if let Some(at) = entry.at {
        return Some(at.port());
    }
    let Address::Service(service) = &entry.entry else { return Some(entry.port.get()) };
    let client = &mesh.nodes[&NodeName::new("client").unwrap()];
    let backend = client.backends.iter().find(|backend| backend.service == *service)?;
    let sole = backend.bind.only.is_some();
    Some(backend.bind.address(entry.port, sole)?.port())
}

/// A witness as it is sent: as the plan writes it, to the door that leads to its entry point.
fn request(mesh: &Mesh, entry: &TrafficEntry, change: &TrafficChange) -> Option<Request> {
    let witness = &change.witness;
    let mut request = Request::new(&witness.method, &witness.url).unwrap();
    for (name, values) in &witness.headers {
        request.headers.extend(values.iter().map(|value| (name.clone(), value.as_str().into())));
    }
    request.port = door_of(mesh, entry)?;
    Some(request)
}

/// What was seen in a run of several, so that it is known to be evidence.
#[derive(Debug, Default)]
struct Seen(BTreeMap<String, u64>);

impl Seen {
    fn note(&mut self, what: impl Into<String>) {
        *self.0.entry(what.into()).or_default() += 1;
    }
}

/// Sends what a plan shows through the proxies of one of its sides.
struct Side<'m> {
    mesh: &'m Mesh,
    block: u8,
    doors: Doors,
}

impl Side<'_> {
    /// Sends a request by the codec of its door, as clients send it.
    fn send(&mut self, request: &Request) -> Result<Answer, String> {
        let sent = Sent::plain(request.clone(), FIRST_PORT);
        let sent = if is_call(request, FIRST_PORT) { as_call(sent) } else { sent };
        let answer = self.doors.send((door(self.block), request.port).into(), &sent);
        // No status: the connection was refused, or closed without an answer.
        if answer.status == 0 { Err("no answer".to_owned()) } else { Ok(answer) }
    }

    /// What is wrong with an answer to a class's witness, if anything.
    fn wrong(
        &mut self,
        request: &Request,
        answer: Result<Answer, String>,
        told: &Outcome,
        seen: &mut Seen,
    ) -> Option<String> {
        let answer = match (answer, told.end) {
            (Err(_), End::Refused) => {
                seen.note("no connection");
                return None;
            }
            (Ok(answer), _) => answer,
            (Err(error), _) => return Some(error),
        };
        let routes = told.via.iter().map(ToString::to_string);
        let routes: Vec<String> = routes.filter(|via| via.contains("route/")).collect();
        if answer.trail != routes {
            return Some(format!("{answer:?}: other routes"));
        }
        match told.end {
            End::Nodes => {}
            End::Answer => {
                seen.note(format!("answer {}", answer.status));
                let right = answer.saw.is_none() && Some(answer.status) == told.status;
                return (!right).then(|| format!("{answer:?}"));
            }
            End::Refused | End::Leaves | End::Unclear => return Some(format!("{answer:?}")),
        }
        let Some((_, host, path)) = &answer.saw else { return Some(format!("{answer:?}")) };
        let path = path.split('?').next().unwrap_or_default();
        if told.path.as_deref().is_some_and(|told| told != path) {
            return Some(format!("{answer:?}: another path"));
        }
        if told.host.as_deref().is_some_and(|told| told != host) {
            return Some(format!("{answer:?}: another host"));
        }
        self.shares(request, told, answer.saw.clone().map(|(node, ..)| node), seen)
    }

    /// Whether the nodes share the requests as the plan says: these nodes and no other, each about
    /// as often.
    #[expect(clippy::print_stdout, reason = "which splits are far off is part of the figures")]
    fn shares(
        &mut self,
        request: &Request,
        told: &Outcome,
        first: Option<String>,
        seen: &mut Seen,
    ) -> Option<String> {
        let taking: Vec<_> = told.nodes.iter().filter(|share| share.percent.0 > 0).collect();
        let times = if taking.len() > 1 { SPLIT } else { 1 };
        let mut counts: BTreeMap<String, u32> = BTreeMap::new();
        counts.extend(first.map(|node| (node, 1)));
        for _ in 1..times {
            let answer = self.send(request);
            let Ok(Answer { saw: Some((node, ..)), .. }) = answer else {
                return Some(format!("{answer:?} among answers of nodes"));
            };
            *counts.entry(node).or_default() += 1;
        }
        let names: BTreeSet<&str> = taking.iter().map(|share| share.node.as_str()).collect();
        if !counts.keys().map(String::as_str).eq(names.iter().copied()) {
            return Some(format!("{counts:?} took requests, not {names:?}"));
        }
        if times == 1 {
            seen.note("sole node");
            return None;
        }
        seen.note("split");
        // The least likely of all counts, each of which may be too small or too large.
        let ways = 2.0 * taking.len() as f64;
        let least = taking
            .iter()
            .map(|share| tail(times, f64::from(share.percent) / 100.0, counts[share.node.as_str()]))
            .fold(1.0, f64::min);
        let shown = format!("{counts:?} of {times}, not {told:?}");
        if ways * least < BEYOND {
            seen.note("split beyond 3 sigma");
            println!("beyond 3 sigma: {shown}");
        }
        (ways * least < NEVER).then_some(shown)
    }
}

/// The probability of `count` or fewer of `n` independent requests, or of `count` or more: the
/// smaller of the two, exactly.
fn tail(n: u32, share: f64, count: u32) -> f64 {
    // Each side is summed from its own end, and a sum of the other side would lose small numbers.
    at_least(n, share, count).min(at_least(n, 1.0 - share, n - count))
}

/// The probability that `count` or more of `n` independent requests are of a share.
fn at_least(n: u32, share: f64, count: u32) -> f64 {
    // In logarithms, as powers of small numbers underflow.
    let (n, log) = (u64::from(n), |k: u64| (1..=k).map(|k| (k as f64).ln()).sum::<f64>());
    let of = |k: u64| {
        let ways = log(n) - log(k) - log(n - k);
        (ways + k as f64 * share.ln() + (n - k) as f64 * (-share).ln_1p()).exp()
    };
    (u64::from(count)..=n).map(of).sum()
}

#[test]
fn tails_of_shares_are_exact() {
    let near = |found: f64, wanted: f64| {
        assert!((found / wanted - 1.0).abs() < 1e-6, "{found}, not {wanted}");
    };
    near(tail(10, 0.5, 0), 1.0 / 1024.0);
    near(tail(10, 0.5, 10), 1.0 / 1024.0);
    near(tail(10, 0.5, 9), 11.0 / 1024.0);
    // Beyond what powers of numbers below one can hold.
    near(tail(400, 0.95, 380), 5.320300507e-01);
    near(tail(400, 0.05, 20), 5.320300507e-01);
    near(tail(400, 0.95, 364), 5.716818950e-04);
    near(at_least(20, BEYOND, 2), 1.340790939e-03);
}

/// Shows each class before and after; returns what went otherwise than the plan says.
fn show(
    before: &Mesh,
    after: &Mesh,
    block: u8,
    samples: &[Request],
    seen: &mut Seen,
) -> Vec<String> {
    let told = traffic(before, after);
    let mut classes = Vec::new();
    for entry in &told.entries {
        for severity in [TrafficSeverity::Lost, TrafficSeverity::Changed, TrafficSeverity::New] {
            let of = entry.changes.iter().filter(|change| change.severity == severity);
            for change in of.take(SHOWN) {
                classes.push((entry, change));
            }
        }
    }
    let mut wrong = Vec::new();
    let mut answers: BTreeMap<usize, Vec<Option<Answer>>> = BTreeMap::new();
    let mut sampled: Vec<Vec<Option<Answer>>> = vec![Vec::new(); samples.len()];
    for (is_after, mesh) in [(false, before), (true, after)] {
        let _proxies = start_all(mesh);
        let mut side = Side { mesh, block, doors: Doors::default() };
        for (at, (entry, change)) in classes.iter().enumerate() {
            let outcome = if is_after { &change.after } else { &change.before };
            if !change.proven || outcome.end == End::Unclear {
                seen.note("not proven");
                continue;
            }
            let there = if is_after { entry.after } else { entry.before };
            let Some(request) = request(side.mesh, entry, change) else {
                // Without a door there is nobody to ask.
                assert!(!there && outcome.end == End::Refused, "{change:?}");
                seen.note("no door");
                continue;
            };
            seen.note(format!("{:?}", change.severity));
            if is_call(&request, FIRST_PORT) {
                seen.note("gRPC");
            }
            if change.witness.headers.values().any(|values| values.len() > 1) {
                seen.note("repeated header");
            }
            let answer = side.send(&request);
            answers.entry(at).or_default().push(answer.clone().ok());
            if let Some(why) = side.wrong(&request, answer, outcome, seen) {
                let when = if is_after { "after" } else { "before" };
                wrong.push(format!("{when}: {request}\n  plan  {outcome:?}\n  Envoy {why}"));
            }
        }
        for (request, answers) in samples.iter().zip(&mut sampled) {
            answers.push(side.send(request).ok());
        }
    }
    for (at, answers) in answers {
        let (_, change) = &classes[at];
        let [was, is] = answers.as_slice() else { continue };
        let seen_of = |answer: &Option<Answer>| answer.clone().map(|own| (own.status, own.saw));
        // Shares that shift are counted, and other settings on another route are another test's.
        let by_chance = change.before.nodes != change.after.nodes || !change.policy.is_empty();
        if seen_of(was) == seen_of(is) && !by_chance {
            wrong.push(format!("the same before and after: {change:#?}\n  Envoy {was:?}"));
        }
    }
    let tracers = [Tracer::new(before), Tracer::new(after)];
    for (request, answers) in samples.iter().zip(&sampled) {
        let [was, is] = answers.as_slice() else { continue };
        seen.note("sampled");
        if let Some(why) = unexplained(
            &told,
            [before, after],
            request,
            [was.as_ref(), is.as_ref()],
            &tracers,
            seen,
        ) {
            wrong.push(format!("a difference without a class: {request}\n  {why}"));
        }
    }
    wrong
}

/// The shares of the nodes that a request may reach.
fn reached(journey: &Journey<'_>) -> Vec<(String, String)> {
    let Ends::Targets { shares, .. } = &journey.end else { return Vec::new() };
    let percent = percents(shares).into_iter().map(|percent| format!("{percent:.2}"));
    let all = shares.iter().map(|share| share.to.name.to_string()).zip(percent);
    all.filter(|(_, percent)| percent != "0.00").collect()
}

/// Why a difference between two answers has no class in the plan, if that is so.
fn unexplained(
    told: &Traffic,
    meshes: [&Mesh; 2],
    request: &Request,
    answers: [Option<&Answer>; 2],
    tracers: &[Tracer<'_>; 2],
    seen: &mut Seen,
) -> Option<String> {
    // Which of several nodes answers is chance, as long as their shares are the same.
    let source = random::source(request, FIRST_PORT);
    let nodes = [0, 1].map(|side| reached(&tracers[side].follow(&source, request)));
    let without_node = |answer: &Answer| {
        let saw = answer.saw.clone().map(|(_, host, path)| (host, path));
        (answer.status, saw)
    };
    let views = answers.map(|answer| answer.map(without_node));
    if views[0] == views[1] && nodes[0] == nodes[1] {
        seen.note("sampled without a difference");
        return None;
    }
    // Without a server on both sides, one refusal is like another.
    if answers.iter().all(|answer| answer.is_none_or(|own| own.saw.is_none())) {
        seen.note("sampled without a server on both sides");
        return None;
    }
    let routes = |outcome: &Outcome| -> Vec<String> {
        let all = outcome.via.iter().map(ToString::to_string);
        all.filter(|via| via.contains("route/")).collect()
    };
    let trails = answers.map(|answer| answer.map_or_else(Vec::new, |own| own.trail.clone()));
    let explains = |entry: &TrafficEntry| {
        let all = entry.changed > entry.changes.len() || !entry.decided;
        let of = |change: &TrafficChange| {
            let [was, is] = &trails;
            (answers[0].is_none() || routes(&change.before) == *was)
                && (answers[1].is_none() || routes(&change.after) == *is)
        };
        all || entry.changes.iter().any(of)
    };
    // Only entries that the request's own door leads to.
    let own = told
        .entries
        .iter()
        .filter(|entry| meshes.iter().any(|mesh| door_of(mesh, entry) == Some(request.port)));
    if own.clone().any(explains) {
        seen.note("sampled with a class");
        return None;
    }
    Some(format!("{answers:?}\n  {nodes:?}"))
}

#[test]
fn witnesses_of_plans_by_chance_land_where_the_plan_says() {
    let block = applications();
    let (meshes, first) =
        (number("MESHCTL_WITNESS_MESHES", MESHES), number("MESHCTL_WITNESS_SEED", 1));
    let (mut seen, mut wrong) = (Seen::default(), Vec::new());
    for seed in first..first + meshes {
        let before = random::mesh(seed, block, FIRST_PORT);
        let after = edited(&mut Chance::new(seed), &before, FIRST_PORT);
        let mut chance = Chance::new(seed ^ 0x5a17);
        let samples: Vec<Request> =
            (0..SAMPLES).map(|_| random::request(&mut chance, FIRST_PORT)).collect();
        let found = show(&before, &after, block, &samples, &mut seen);
        wrong.extend(found.into_iter().map(|line| format!("seed {seed}, {line}")));
    }
    println!("seeds {first} to {}: {} wrong of {seen:#?}", first + meshes - 1, wrong.len());
    assert!(wrong.is_empty(), "{}\n{}", wrong.len(), wrong[..wrong.len().min(12)].join("\n"));
    if meshes >= MESHES {
        for what in ["Lost", "Changed", "New", "split", "sole node", "answer 404", "gRPC"] {
            assert!(seen.0.contains_key(what), "nothing shows {what}: {seen:#?}");
        }
        let shown = ["Lost", "Changed", "New"].iter().map(|what| seen.0[*what]).sum::<u64>();
        for what in ["sampled without a difference", "sampled with a class"] {
            assert!(seen.0.contains_key(what), "nothing is {what}: {seen:#?}");
        }
        let count = |what: &str| u32::try_from(seen.0.get(what).copied().unwrap_or(0)).unwrap();
        let (splits, beyond) = (count("split"), count("split beyond 3 sigma"));
        assert!(at_least(splits, BEYOND, beyond) >= ERROR, "too many splits are off: {seen:#?}");
        let unproven = seen.0.get("not proven").copied().unwrap_or(0);
        assert!(unproven * 4 < shown, "too little is proven: {seen:#?}");
    }
}

/// A gateway and a caller before two routers.
const SHOP: &str = r#"
[mesh]
name = "shop"

[virtual_node.n0]
listeners = [{ port = 8000, protocol = "http" }]
discovery = { static = ["127.B.1.1"] }

[virtual_node.n1]
listeners = [{ port = 8000, protocol = "http" }]
discovery = { static = ["127.B.1.2"] }

[virtual_node.client]
capture = "explicit"
backends = [{ service = "cart.internal", bind = "127.B.2.1:7100" }]

[virtual_service."cart.internal"]
router = "cart"

[virtual_router.cart]
listeners = [{ port = 8080, protocol = "http" }]

[[virtual_router.cart.routes]]
name = "canary"
match = { prefix = "/", headers = { x-canary = "true" } }
targets = { n1 = 1 }

[[virtual_router.cart.routes]]
name = "pages"
match = { prefix = "/v2/" }
targets = { n0 = 1 }

[[virtual_router.cart.routes]]
name = "stable"
match = { prefix = "/" }
targets = { n0 = 95, n1 = 5 }

[virtual_gateway.edge]
listeners = [{ port = 7000, protocol = "http", address = "127.B.2.1" }]

[[virtual_gateway.edge.routes]]
name = "catalog"
match = { prefix = "/catalog/" }
service = "cart.internal"
rewrite = { prefix = "/v2/" }

[[virtual_gateway.edge.routes]]
name = "cart"
match = { prefix = "/cart/" }
service = "cart.internal"
"#;

/// A change, what it replaces by what, and how many classes it loses, changes and serves anew.
type Example = (&'static str, &'static str, &'static str, [usize; 3]);

const EXAMPLES: &[Example] = &[
    ("weights shift", "n0 = 95, n1 = 5", "n0 = 60, n1 = 40", [0, 2, 0]),
    (
        "a new prefix takes a part of another's",
        "[[virtual_router.cart.routes]]\nname = \"stable\"",
        "[[virtual_router.cart.routes]]\nname = \"beta\"\nmatch = { prefix = \"/beta/\" }\n\
         targets = { n1 = 1 }\n\n[[virtual_router.cart.routes]]\nname = \"stable\"",
        [0, 2, 0],
    ),
    (
        "a route is removed",
        "[[virtual_gateway.edge.routes]]\nname = \"cart\"\nmatch = { prefix = \"/cart/\" }\n\
         service = \"cart.internal\"\n",
        "",
        [3, 0, 0],
    ),
    ("a rewrite changes", "prefix = \"/v2/\" }\n\n[[", "prefix = \"/\" }\n\n[[", [0, 3, 0]),
    (
        "a header decides otherwise",
        "x-canary = \"true\"",
        "x-canary = { prefix = \"t\" }",
        [0, 5, 0],
    ),
];

#[test]
fn witnesses_of_the_example_changes_land_where_the_plan_says() {
    let block = applications();
    let mesh = |text: &str| {
        let mut mesh = crate::traffic::mesh(&text.replace("127.B.", &format!("127.{block}.")));
        for (router, item) in &mut mesh.routers {
            for route in &mut item.routes {
                route.patch = random::trail(&format!("route/{router}/{}", route.name));
            }
        }
        for route in mesh.gateways.values_mut().flat_map(|gateway| &mut gateway.routes) {
            route.patch = random::trail(&format!("gateway_route/edge/{}", route.name));
        }
        mesh
    };
    let before = mesh(SHOP);
    let mut otherwise = Vec::new();
    for (name, from, to, classes) in EXAMPLES {
        assert_eq!(SHOP.matches(from).count(), 1, "{name}");
        let after = mesh(&SHOP.replace(from, to));
        let told = traffic(&before, &after);
        assert!(told.entries.iter().all(|entry| entry.decided), "{name}");
        let found = [told.lost, told.changed, told.new];
        if found != *classes {
            otherwise.push(format!("{name}: {found:?}, not {classes:?}"));
        }
        let mut seen = Seen::default();
        let wrong = show(&before, &after, block, &[], &mut seen);
        assert!(wrong.is_empty() && !seen.0.contains_key("not proven"), "{name}: {wrong:#?}");
    }
    assert!(otherwise.is_empty(), "{otherwise:#?}");
}
