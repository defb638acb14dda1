//! What `traffic` says of requests against what live Envoys do with them: the comparison, and what
//! is counted of it.

use super::edges::Edges;
use super::mesh::Block;
use super::random_special::{KINDS, Sent};
use super::raw_http::{Answer, VAGUE};
use super::{raw_grpc, raw_h2, raw_http};
use meshctl::model::Mesh;
use meshctl::traffic::{Action, Codec, End, Journey, Request, Source, Tracer};
use std::collections::BTreeMap;
use std::mem::ManuallyDrop;
use std::net::SocketAddr;

/// Who answers outside of the mesh.
pub(crate) const OUTSIDE: &str = "outside";

/// The status of an answer that did not come in time.
const HUNG: u16 = 1;

/// What `traffic` says of a request.
struct Told {
    answer: Answer,
    /// The nodes that may answer.
    nodes: Vec<String>,
}

fn told(journey: &Journey<'_>, request: &Request) -> Result<Told, String> {
    let taken = journey.hops.iter().filter_map(|hop| hop.taken.as_ref());
    let mut trail: Vec<String> = taken.map(|row| row.address.to_string()).collect();
    // A route that answers itself adds its headers to its own answer, not to a rejected upgrade.
    let last = journey.hops.last().and_then(|hop| hop.taken.as_ref());
    let answers = last.is_some_and(|row| matches!(row.action, Action::Answer(_)));
    if matches!(journey.end, End::Answer { status: 403, .. }) && answers {
        trail.pop();
    }
    let said = |status, saw| Answer { status, trail: trail.clone(), saw };
    Ok(match &journey.end {
        End::Targets { shares, host, path } => {
            let sole = shares.len() == 1;
            let may = shares.iter().filter(|share| sole || share.weight > 0);
            let nodes = may.map(|share| share.to.name.to_string()).collect();
            let saw = Some((String::new(), host.clone(), path.clone()));
            Told { answer: said(200, saw), nodes }
        }
        End::Answer { status, .. } => Told { answer: said(*status, None), nodes: Vec::new() },
        End::PassedOn => {
            // Where a proxy passes on bytes, they are what was sent.
            let (host, path) = match &journey.left {
                Some(left) => (&left.host, &left.path),
                None => (&request.authority, &request.path),
            };
            let saw = Some((String::new(), host.clone(), path.clone()));
            Told { answer: said(200, saw), nodes: vec![OUTSIDE.to_owned()] }
        }
        End::Closed { .. } => Told { answer: said(0, None), nodes: Vec::new() },
        End::Unknown { why } => return Err(why.clone()),
    })
}

/// Why the answer to a request says nothing of what is compared: no body is ever sent, and the
/// application outside of the mesh reads a request line in its own way.
fn not_comparable(sent: &Sent, journey: &Journey<'_>) -> Option<&'static str> {
    let request = &sent.request;
    let promised = request.headers.iter().any(|(name, value)| {
        let length = value.as_str().and_then(|text| text.parse::<u64>().ok());
        name == "content-length" && length.is_some_and(|length| length > 0)
    });
    if promised && sent.codec == Codec::Http2 {
        return Some("HTTP/2 with the length of a body that is not sent");
    }
    let bytes = matches!(journey.end, End::PassedOn) && journey.left.is_none();
    (bytes && request.path.contains(' '))
        .then_some("passed on as bytes, with a space in the target")
}

/// Whether an answer is not what was told.
fn differs(told: &Told, answer: &Answer) -> bool {
    let mut expected = told.answer.clone();
    if let (Some(saw), Some((node, ..))) = (&mut expected.saw, &answer.saw) {
        if !told.nodes.contains(node) {
            return true;
        }
        saw.0.clone_from(node);
    }
    // Of some statuses gRPC says only that something is wrong.
    let vague = answer.status == VAGUE && answer.saw.is_none();
    if vague && ![0, 200, 400, 404, 503].contains(&expected.status) {
        expected.status = answer.status;
    }
    expected != *answer
}

/// The conditions of routes, for the message.
fn conditions(mesh: &Mesh, trail: &[String]) -> String {
    let mut text = String::new();
    for gateway in mesh.gateways.values() {
        for route in &gateway.routes {
            if trail.contains(&format!("gateway_route/edge/{}", route.name)) {
                let (matches, rewrite) = (&route.matches, &route.rewrite);
                text.push_str(&format!("  {} {matches:?} {rewrite:?}\n", route.name));
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

/// Takes a block of addresses and starts the applications of all nodes of random meshes on it. They
/// live as long as the process, so their addresses are nobody else's.
pub(crate) fn applications() -> u8 {
    let block = ManuallyDrop::new(Block::take()).second();
    raw_http::applications(block);
    raw_grpc::applications(block);
    block
}

/// The connections to the doors of a mesh, by both codecs.
#[derive(Default)]
pub(crate) struct Doors {
    http1: BTreeMap<SocketAddr, raw_http::Door>,
    http2: BTreeMap<SocketAddr, raw_h2::Door>,
}

impl Doors {
    /// Sends a request as it is.
    pub(crate) fn send(&mut self, to: SocketAddr, sent: &Sent) -> Answer {
        let request = &sent.request;
        let answer = match sent.codec {
            Codec::Http1 => {
                self.http1.entry(to).or_insert_with(|| raw_http::Door::at(to)).send(request)
            }
            Codec::Http2 => {
                self.http2.entry(to).or_insert_with(|| raw_h2::Door::new(to)).send(request)
            }
        };
        match answer {
            Ok(answer) => answer,
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                self.http1.remove(&to);
                self.http2.remove(&to);
                Answer { status: HUNG, ..Default::default() }
            }
            Err(error) => panic!("{error}: {sent:?}"),
        }
    }
}

/// Requests that are sent at the same time: a connection that Envoy closes for an error in HTTP/2
/// stays open for a second.
const AT_ONCE: usize = 20;

/// Sends requests as they are, several at the same time, from threads that `enter` a place first.
pub(crate) fn answers(requests: &[(SocketAddr, Sent)], enter: impl Fn() + Sync) -> Vec<Answer> {
    let send = |part: &[(SocketAddr, Sent)]| {
        enter();
        let mut doors = Doors::default();
        part.iter().map(|(to, sent)| doors.send(*to, sent)).collect::<Vec<_>>()
    };
    let send = &send;
    std::thread::scope(|scope| {
        let parts = requests.chunks(requests.len().div_ceil(AT_ONCE).max(1));
        let threads: Vec<_> = parts.map(|part| scope.spawn(move || send(part))).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    })
}

/// What came of many requests.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// How many were sent.
    pub(crate) requests: u64,
    /// How many had special headers.
    pub(crate) special: u64,
    /// What of routing was met.
    pub(crate) edges: Edges,
    untold: BTreeMap<String, u64>,
    wrong: Vec<String>,
    counts: BTreeMap<String, u64>,
}

impl Tally {
    /// Counts something.
    pub(crate) fn count(&mut self, what: impl Into<String>) {
        *self.counts.entry(what.into()).or_default() += 1;
    }

    /// How often something was counted.
    pub(crate) fn counted(&self, what: &str) -> u64 {
        self.counts.get(what).copied().unwrap_or_default()
    }

    /// Notes a disagreement.
    pub(crate) fn disagree(&mut self, what: String) {
        self.wrong.push(what);
    }

    /// Compares what is said of a request with what was answered: whether that was possible, and
    /// they agree.
    pub(crate) fn compare(
        &mut self,
        place: &str,
        (tracer, mesh): (&Tracer<'_>, &Mesh),
        source: &Source,
        sent: &Sent,
        answer: &Answer,
    ) -> bool {
        self.requests += 1;
        self.special += u64::from(sent.special_header());
        let journey = tracer.follow(source, &sent.request);
        let told = match told(&journey, &sent.request) {
            Ok(told) => told,
            Err(why) => {
                *self.untold.entry(reason(&why)).or_default() += 1;
                return false;
            }
        };
        if let Some(why) = not_comparable(sent, &journey) {
            *self.untold.entry(why.to_owned()).or_default() += 1;
            return false;
        }
        if !differs(&told, answer) {
            let served = if answer.saw.is_some() { "served" } else { "not served" };
            self.count(format!("sent by {:?}, {served}", sent.codec));
            for kind in &sent.kinds {
                self.count(format!("{kind}, {:?}, {served}", sent.codec));
            }
            self.edges.agreed(mesh, &sent.request, &journey);
            return true;
        }
        let mut shown = sent.request.clone();
        shorten(&mut shown);
        self.wrong.push(format!(
            "{place}: {:?} {:?} {shown:?}\n  said  {:?} of {:?}\n  Envoy {answer:?}\n{}",
            sent.codec,
            sent.kinds,
            told.answer,
            told.nodes,
            conditions(mesh, &[&told.answer.trail[..], &answer.trail[..]].concat()),
        ));
        false
    }

    /// Prints what was counted, and fails on a disagreement, or if too much was not compared.
    #[expect(clippy::print_stdout, reason = "what was counted is the evidence")]
    pub(crate) fn report(&self, name: &str) {
        let untold: u64 = self.untold.values().sum();
        println!(
            "{name}: {} requests, {} with special headers, {} disagreements, {untold} not told",
            self.requests,
            self.special,
            self.wrong.len()
        );
        for (what, times) in &self.counts {
            println!("{times:>8} {what}");
        }
        for (why, times) in &self.untold {
            println!("{times:>8} not compared: {why}");
        }
        println!("{}", self.edges.table());
        let wrong = &self.wrong;
        let first = wrong[..wrong.len().min(12)].join("\n");
        assert!(wrong.is_empty(), "{} of {} disagree\n{first}", wrong.len(), self.requests);
        // What cannot be compared is the exception, or the test would prove nothing.
        assert!(untold * 20 < self.requests, "{untold} of {} not told", self.requests);
    }

    /// The kinds of requests that were not compared once by each codec.
    pub(crate) fn unmet(&self) -> Vec<String> {
        let met = |start: &str| self.counts.keys().any(|what| what.starts_with(start));
        let both =
            |kind: &&str| [Codec::Http1, Codec::Http2].map(|codec| format!("{kind}, {codec:?}"));
        KINDS.iter().flat_map(both).filter(|start| !met(start)).collect()
    }
}

/// A reason without the names and values of one case.
fn reason(why: &str) -> String {
    let parts = why.split('`').enumerate();
    let text: String = parts.map(|(at, part)| if at % 2 == 0 { part } else { "…" }).collect();
    match text.split_once(": ") {
        Some((address, rest)) if address.contains('/') => rest.to_owned(),
        _ => text,
    }
}

fn shorten(request: &mut Request) {
    if let Some((at, _)) = request.path.char_indices().nth(200) {
        let length = request.path.len();
        request.path.truncate(at);
        request.path.push_str(&format!("… ({length} bytes)"));
    }
    for (_, value) in &mut request.headers {
        let length = value.as_bytes().len();
        if length > 200 {
            *value = format!("({length} bytes)").into();
        }
    }
    request.headers.truncate(20);
}

/// The same as clients of gRPC send it.
pub(crate) fn as_call(mut sent: Sent) -> Sent {
    sent.request = raw_grpc::call(&sent.request);
    sent
}
