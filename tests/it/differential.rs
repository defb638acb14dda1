//! `traffic` against a live Envoy: meshes and requests by chance, sent as they are, must end where
//! `traffic` says, by the routes that it says, as the request that it says.
//!
//! `MESHCTL_TRAFFIC_PAIRS` asks for more pairs, `MESHCTL_TRAFFIC_SEED` for another start. Seeds are
//! printed; a disagreement names its own, and becomes a case of [`NAMED`].

use crate::support::aimed;
use crate::support::edges::Edges;
use crate::support::mesh::Block;
use crate::support::proxies::start_all;
use crate::support::random_calls::is_call;
use crate::support::random_mesh::Chance;
use crate::support::random_routes as random;
use crate::support::raw_grpc::{self, Calls};
use crate::support::raw_http::{Answer, Door, applications};
use meshctl::model::Mesh;
use meshctl::traffic::{End, Journey, Request, Tracer};
use std::collections::BTreeMap;
use std::mem::ManuallyDrop;

/// Requests for each mesh.
const EACH: u64 = 600;
/// Pairs of a run that is not told otherwise.
const PAIRS: u64 = 9_000;
const FIRST_PORT: u16 = 7_000;

/// What `traffic` says of a request; `Err` if it says that it cannot be told.
fn told(journey: &Journey<'_>) -> Result<(Answer, Vec<String>), String> {
    let trail = journey.hops.iter().filter_map(|hop| Some(hop.taken.as_ref()?.address.to_string()));
    let trail = trail.collect();
    Ok(match &journey.end {
        End::Targets { shares, host, path } => {
            let sole = shares.len() == 1;
            let may = shares.iter().filter(|share| sole || share.weight > 0);
            let nodes = may.map(|share| share.to.name.to_string()).collect();
            let saw = Some((String::new(), host.clone(), path.clone()));
            (Answer { status: 200, trail, saw }, nodes)
        }
        End::Answer { status, .. } => (Answer { status: *status, trail, saw: None }, Vec::new()),
        End::PassedOn => return Err("passed on".to_owned()),
        End::Closed { why, .. } | End::Unknown { why } => return Err(why.clone()),
    })
}

/// Why an answer is not what was told, if so.
fn differs(told: &(Answer, Vec<String>), answer: &Answer) -> bool {
    let (expected, nodes) = told;
    let mut expected = expected.clone();
    if let (Some(saw), Some((node, ..))) = (&mut expected.saw, &answer.saw) {
        if !nodes.contains(node) {
            return true;
        }
        saw.0.clone_from(node);
    }
    expected != *answer
}

/// The conditions of routes, for the message.
fn conditions(mesh: &Mesh, trail: &[String]) -> String {
    let mut text = String::new();
    for gateway in mesh.gateways.values() {
        for route in &gateway.routes {
            if trail.contains(&format!("gateway_route/edge/{}", route.name)) {
                text.push_str(&format!(
                    "  {} {:?} {:?}\n",
                    route.name, route.matches, route.rewrite
                ));
            }
        }
    }
    for (router, item) in &mesh.routers {
        for route in &item.routes {
            if trail.contains(&format!("route/{router}/{}", route.name)) {
                text.push_str(&format!("  {router}/{} {:?}\n", route.name, route.matches));
            }
        }
    }
    text
}

/// Sends many requests to one mesh; gives the disagreements and how many could not be told.
fn compare(
    mesh: &Mesh,
    seed: u64,
    block: u8,
    requests: impl IntoIterator<Item = Request>,
    edges: &mut Edges,
) -> (Vec<String>, u64) {
    let _proxies = start_all(mesh);
    let tracer = Tracer::new(mesh);
    let mut doors: BTreeMap<u16, Door> = BTreeMap::new();
    let mut calls = Calls::new(block);
    let (mut wrong, mut untold) = (Vec::new(), 0);
    for request in requests {
        let sent = match is_call(&request, FIRST_PORT) {
            true => calls.send(&request),
            false => {
                let new = || Door::new(block, request.port);
                let door = doors.entry(request.port).or_insert_with(new);
                door.send(&request).map_err(|error| error.to_string())
            }
        };
        let answer = sent.unwrap_or_else(|error| panic!("{error}: {request:?}"));
        let journey = tracer.follow(&random::source(&request, FIRST_PORT), &request);
        match told(&journey) {
            Ok(told) if differs(&told, &answer) => wrong.push(format!(
                "seed {seed}: {request:?}\n  told   {:?} of {:?}\n  Envoy  {answer:?}\n{}",
                told.0,
                told.1,
                conditions(mesh, &[&told.0.trail[..], &answer.trail[..]].concat()),
            )),
            Ok(_) => edges.agreed(mesh, &request, &journey),
            Err(_) => untold += 1,
        }
    }
    (wrong, untold)
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[test]
fn requests_by_chance_end_where_traffic_says() {
    // The applications live as long as the process, so their addresses are nobody else's.
    let block = ManuallyDrop::new(Block::take());
    applications(block.second());
    raw_grpc::applications(block.second());
    let (pairs, first) =
        (number("MESHCTL_TRAFFIC_PAIRS", PAIRS), number("MESHCTL_TRAFFIC_SEED", 1));
    let (mut wrong, mut untold, mut edges) = (Vec::new(), 0, Edges::default());
    let meshes = pairs.div_ceil(EACH);
    for seed in first..first + meshes {
        let mesh = random::mesh(seed, block.second(), FIRST_PORT);
        let mut chance = Chance::new(seed ^ 0x5EED);
        let requests = (0..EACH).map(|_| aimed::request(&mut chance, &mesh, FIRST_PORT));
        let (more, unknown) = compare(&mesh, seed, block.second(), requests, &mut edges);
        wrong.extend(more);
        untold += unknown;
    }
    println!(
        "{} pairs, seeds {first} to {}: {} disagreements, {untold} not told",
        meshes * EACH,
        first + meshes - 1,
        wrong.len()
    );
    assert!(
        wrong.is_empty(),
        "{} of {}\n{}",
        wrong.len(),
        meshes * EACH,
        wrong[..wrong.len().min(12)].join("\n")
    );
    println!("{}", edges.table());
    assert!(pairs < PAIRS || edges.gaps().is_empty(), "no evidence of {:#?}", edges.gaps());
    // What cannot be told is the exception, or nothing would be compared.
    assert!(untold * 100 < meshes * EACH, "{untold} could not be told");
}

/// Disagreements of the past, by what was not known: the route's conditions, then requests as
/// `METHOD PATH [HEADER=VALUE]…`.
const NAMED: &[(&str, &str, &[&str])] = &[
    (
        "each value of a repeated header is matched by itself, not all joined by commas",
        r#"headers = { x-a = { suffix = "a" } }"#,
        &["GET / x-a=a x-a=9", "GET / x-a=9 x-a=b", "GET / x-a=9,a"],
    ),
    (
        "one value of a repeated header in the range is enough",
        r#"headers = { x-a = { range = [5, 10] } }"#,
        &["GET / x-a=+5 x-a=0x5", "GET / x-a=4 x-a=9", "GET / x-a=5,6", "GET / x-a=10 x-a=4"],
    ),
    (
        "an inverted condition wants that no value of a repeated header matches",
        r#"headers = { x-a = { prefix = "ab", invert = true } }"#,
        &["GET / x-a=5,6 x-a=abc", "GET / x-a=a x-a=b", "GET /", "GET / x-a="],
    ),
    (
        "commas between values are no part of any value",
        r#"headers = { x-a = { prefix = ",", invert = true } }"#,
        &["GET / x-a= x-a=9", "GET / x-a=,9"],
    ),
    (
        "methods that HTTP/1 does not know are answered with 400",
        r#"prefix = "/""#,
        &["get /", "PURGE /", "BREW /", "UNLINK /"],
    ),
    (
        "a target that does not start with a slash is answered with 400, even where it would be \
         made to start with one",
        r#"prefix = "/""#,
        &["GET \\./", "GET a/b", "POST \\x", "GET ?q=1", "GET %2Fa"],
    ),
    (
        "two exact values of one header are met by two lines of it, and by no single value",
        r#"headers = { x-a = ["a", "b"] }"#,
        &["GET / x-a=a x-a=b", "GET / x-a=a,b", "GET / x-a=a", "GET / x-a=a x-a=c x-a=b"],
    ),
    (
        "conditions that no single value meets are met by values of several lines",
        r#"headers = { x-a = [{ prefix = "p" }, { range = [1, 5] }, { regex = "[a-c]+" }] }"#,
        &["GET / x-a=p x-a=4 x-a=b", "GET / x-a=p,4,b", "GET / x-a=p x-a=4", "GET / x-a=b x-a=4"],
    ),
    (
        "a condition and its inverse are met by no lines at all",
        r#"headers = { x-a = ["a", { prefix = "b", invert = true }] }"#,
        &["GET / x-a=a x-a=b", "GET / x-a=a x-a=c", "GET / x-a=a", "GET / x-a=b"],
    ),
];

#[test]
fn disagreements_of_the_past_stay_settled() {
    // The applications live as long as the process, so their addresses are nobody else's.
    let block = ManuallyDrop::new(Block::take());
    applications(block.second());
    raw_grpc::applications(block.second());
    let mut mesh = random::mesh(0, block.second(), FIRST_PORT);
    for (name, conditions, requests) in NAMED {
        let text = format!(
            "[mesh]\nname = \"named\"\n[virtual_node.n0]\n\
             listeners = [{{ port = 8000, protocol = \"http\" }}]\ndiscovery = {{ dns = \"n\" }}\n\
             [virtual_service.\"s0.internal\"]\nrouter = \"v0\"\n[virtual_router.v0]\n\
             listeners = [{{ port = 8080, protocol = \"http\" }}]\n\
             [[virtual_router.v0.routes]]\nname = \"r0\"\nmatch = {{ {conditions} }}\n\
             targets = {{ n0 = 1 }}\n"
        );
        let mut named = crate::traffic::mesh(&text);
        for route in named.routers.values_mut().flat_map(|router| &mut router.routes) {
            route.patch = random::trail("route/v0/r0");
        }
        mesh.routers.append(&mut named.routers);
        let requests = requests.iter().map(|line| {
            let mut words = line.split(' ');
            let (method, path) = (words.next().unwrap(), words.next().unwrap());
            // The first door of the node leads to the first service.
            let url = format!("http://x:{}/", FIRST_PORT + 100);
            let mut request = Request::new(method, &url).unwrap();
            path.clone_into(&mut request.path);
            let pair = |word: &str| {
                let (name, value) = word.split_once('=').unwrap();
                (name.to_owned(), value.into())
            };
            request.headers = words.map(pair).collect();
            request
        });
        let mut edges = Edges::default();
        let (wrong, untold) = compare(&mesh, 0, block.second(), requests, &mut edges);
        assert!(wrong.is_empty() && untold == 0, "{name}:\n{}", wrong.join("\n"));
    }
}
