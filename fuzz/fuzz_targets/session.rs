//! What clients say, as bytes, to the state machine of a stream. The first byte chooses who speaks:
//! a stranger, who sends any bytes and any nonces, or a proxy as Envoy is one, which takes or
//! refuses what it is given. Whoever it is: nothing is sent before it is asked for, nonces are never
//! used twice. A proxy is never given a route before the clusters that it names, loses no cluster
//! that a route still names, and in the end has what the server has.

#![no_main]

use libfuzzer_sys::fuzz_target;
use meshctl::compile::compile;
use meshctl::envoy::xds::{Asks, Node, Protocol, Request};
use meshctl::envoy::{ProxyConfig, ResourceType, Settings};
use meshctl::resolve::resolve;
use meshctl::revision::StepId;
use meshctl::schema::parse;
use meshctl::serve::limits::Limits;
use meshctl::serve::session::{Content, Response, Session, View};
use meshctl::span::Files;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use ResourceType::{Cluster, Listener, RouteConfiguration};

/// What the proxy is to have in each of several states of its mesh.
static STATES: LazyLock<Vec<ProxyConfig>> = LazyLock::new(|| (0..16).map(state).collect());
/// Every name that a resource has in one of them, and some that none has.
static NAMES: LazyLock<Vec<String>> = LazyLock::new(|| {
    let all = STATES.iter().flat_map(|config| config.resources.keys().map(|key| key.1.clone()));
    let more = ["", "*", "none", "xdstp://x/y"].map(str::to_owned);
    all.chain(more).collect::<BTreeSet<_>>().into_iter().collect()
});

/// A caller of up to two services, whose routers split traffic in ways that differ by the bits.
fn state(bits: u8) -> ProxyConfig {
    let mut text = String::from("[mesh]\nname = \"m\"\n[virtual_node.n]\nbackends = [\"a.x\"");
    if bits & 1 != 0 {
        text.push_str(", \"b.x\"");
    }
    text.push_str("]\n");
    for name in ["a", "b", "c"] {
        text.push_str(&format!(
            "[virtual_node.{name}]\nlisteners = [{{ port = 80, protocol = \"http\" }}]\n\
             discovery = {{ static = [\"10.0.0.{}\"] }}\n",
            1 + (bits & 2)
        ));
    }
    for (name, to) in [("a", bits & 4), ("b", bits & 8)] {
        let target = if to == 0 { "{ a = 1 }" } else { "{ b = 1, c = 2 }" };
        text.push_str(&format!(
            "[virtual_service.\"{name}.x\"]\nrouter = \"{name}\"\n[virtual_router.{name}]\n\
             listeners = [{{ port = 80, protocol = \"http\" }}]\n[[virtual_router.{name}.routes]]\n\
             name = \"r\"\nmatch = {{ prefix = \"/\" }}\ntargets = {target}\n"
        ));
    }
    let mut files = Files::default();
    let id = files.add("m.toml", text.as_str());
    let read = resolve(vec![parse(id, &text).0], Vec::new());
    assert!(!read.diagnostics.has_errors(), "{:?}", read.diagnostics);
    compile(&read.mesh, &Settings::path("/root"), &"virtual_node/n".parse().expect("a proxy"))
}

/// The bytes of the input, one after the other; zeros after the end.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn one(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::from(self.one().unwrap_or_default()) % limit.max(1)
    }

    fn some(&mut self) -> &'a [u8] {
        let length = self.below(256).min(self.0.len());
        let (some, rest) = self.0.split_at(length);
        self.0 = rest;
        some
    }
}

/// A server, and what was said on its present stream.
struct Bench {
    protocol: Protocol,
    view: View,
    session: Session,
    at: Option<usize>,
    revision: u64,
    streams: u64,
    nonces: BTreeSet<String>,
    /// The types that are asked for as a whole, and the names that are asked for.
    wild: BTreeSet<String>,
    named: BTreeSet<(String, String)>,
    /// The types that were asked for, which makes an unnamed first request.
    asked: BTreeSet<String>,
    spoke: bool,
}

impl Bench {
    fn new(protocol: Protocol) -> Self {
        Self {
            protocol,
            view: View::default(),
            session: Session::new(protocol, "s0".to_owned(), &Limits::default()),
            at: None,
            revision: 0,
            streams: 0,
            nonces: BTreeSet::new(),
            wild: BTreeSet::new(),
            named: BTreeSet::new(),
            asked: BTreeSet::new(),
            spoke: false,
        }
    }

    fn step(&self) -> Option<StepId> {
        (self.revision > 0).then_some(StepId { revision: self.revision, number: 1 })
    }

    fn put(&mut self, at: usize) {
        let before = self.step();
        self.revision += 1;
        self.at = Some(at);
        let step = self.step().expect("a step");
        let changed = self.view.become_config(step, &STATES[at], |r| Arc::new(Content::new(r)));
        self.session.changed(&self.view, &changed, before);
    }

    fn reconnect(&mut self) {
        self.streams += 1;
        self.session =
            Session::new(self.protocol, format!("s{:x}", self.streams), &Limits::default());
        self.wild.clear();
        self.named.clear();
        self.asked.clear();
        self.spoke = false;
    }

    /// Asks, and keeps what is asked for by the rules of xDS. Whether the stream lives on.
    fn ask(&mut self, request: &Request) -> bool {
        let good = self.session.request(request, &self.view).is_ok();
        if !good {
            self.reconnect();
            return false;
        }
        self.spoke = true;
        let url = &request.type_url;
        let first = self.asked.insert(url.clone());
        match &request.asks {
            Asks::Delta { subscribe, unsubscribe, .. } => {
                if first && subscribe.is_empty() && unsubscribe.is_empty() {
                    self.wild.insert(url.clone());
                }
                for name in subscribe {
                    if name == "*" {
                        self.wild.insert(url.clone());
                    } else {
                        self.named.insert((url.clone(), name.clone()));
                    }
                }
                for name in unsubscribe {
                    if name == "*" {
                        self.wild.remove(url);
                    } else {
                        self.named.remove(&(url.clone(), name.clone()));
                    }
                }
            }
            Asks::State { names } => {
                let nothing = !self.named.iter().any(|(of, _)| of == url);
                let wild = names.iter().any(|name| name == "*")
                    || names.is_empty() && (first || self.wild.contains(url) && nothing);
                self.named.retain(|(of, _)| of != url);
                self.wild.remove(url);
                if wild {
                    self.wild.insert(url.clone());
                }
                let names = names.iter().filter(|name| *name != "*");
                self.named.extend(names.map(|name| (url.clone(), name.clone())));
            }
        }
        true
    }

    /// What may be sent now, if it keeps to what everybody may rely on.
    fn next(&mut self) -> Option<Response> {
        let response = self.session.next(&self.view)?;
        let url = response.type_url.to_string();
        assert!(self.spoke && self.at.is_some(), "nobody asked, or there is nothing to tell");
        assert!(self.nonces.insert(response.nonce.clone()), "a nonce twice");
        assert!(self.asked.contains(&url), "{url} was not asked for");
        let mut names = BTreeSet::new();
        for content in &response.resources {
            assert_eq!(content.kind.type_url(), url);
            assert!(names.insert(content.name.to_string()), "{} twice", content.name);
            let asked = self.wild.contains(&url)
                || self.named.contains(&(url.clone(), content.name.to_string()));
            assert!(asked, "{url} {} was not asked for", content.name);
        }
        assert!(response.removed.iter().all(|name| !names.contains(name)), "{response:?}");
        Some(response)
    }
}

fn request(url: &str, asks: Asks) -> Request {
    let node = Some(Node { id: "mesh/m/virtual_node/n".to_owned(), build: String::new() });
    Request { node, type_url: url.to_owned(), nonce: String::new(), refused: None, asks, size: 0 }
}

fn delta(subscribe: Vec<String>, initial: Vec<(String, String)>) -> Asks {
    Asks::Delta { subscribe, unsubscribe: Vec::new(), initial }
}

fuzz_target!(|input: &[u8]| {
    let mut bytes = Bytes(input);
    match bytes.one() {
        Some(0..64) => stranger(Bench::new(Protocol::Delta), &mut bytes),
        Some(64..128) => stranger(Bench::new(Protocol::State), &mut bytes),
        Some(_) => proxy(&mut bytes),
        None => {}
    }
});

/// Says anything at all.
fn stranger(mut bench: Bench, bytes: &mut Bytes<'_>) {
    let mut given: Vec<(String, String)> = Vec::new();
    while let Some(event) = bytes.one() {
        match event % 8 {
            0 => {
                if let Ok(request) = Request::decode(bench.protocol, bytes.some()) {
                    bench.ask(&request);
                }
            }
            1 => bench.put(bytes.below(STATES.len())),
            2 => bench.reconnect(),
            3..6 => {
                let kind = ResourceType::ALL[bytes.below(ResourceType::ALL.len())];
                let mut names = |most: usize| -> Vec<String> {
                    let count = bytes.below(most);
                    (0..count).map(|_| NAMES[bytes.below(NAMES.len())].clone()).collect()
                };
                let asks = match bench.protocol {
                    Protocol::State => Asks::State { names: names(4) },
                    Protocol::Delta => Asks::Delta {
                        subscribe: names(4),
                        unsubscribe: names(3),
                        initial: names(3)
                            .into_iter()
                            .map(|n| (n, "0123456789abcdef".into()))
                            .collect(),
                    },
                };
                let mut request = request(kind.type_url(), asks);
                if event % 8 == 5 && !given.is_empty() {
                    let (url, nonce) = given[bytes.below(given.len())].clone();
                    request.nonce = nonce;
                    if event < 192 {
                        request.type_url = url;
                    }
                    request.refused = (event & 64 != 0).then(|| "no".to_owned());
                }
                bench.ask(&request);
            }
            _ => {
                if let Some(response) = bench.next() {
                    given.push((response.type_url.to_string(), response.nonce));
                }
            }
        }
        bench.session.progress(&bench.view, bench.step());
    }
    let mut more = 0;
    while bench.next().is_some() {
        more += 1;
        assert!(more < 10_000, "it never ends");
    }
}

/// What a proxy has, and what it was given and has not answered.
#[derive(Default)]
struct Proxy {
    has: BTreeMap<(ResourceType, String), Arc<Content>>,
    wants: BTreeSet<(ResourceType, String)>,
    asked: BTreeSet<ResourceType>,
    unanswered: Vec<Response>,
}

const fn is_wild(kind: ResourceType) -> bool {
    matches!(kind, Cluster | Listener)
}

impl Proxy {
    fn subscribe(&mut self, bench: &mut Bench, kind: ResourceType, name: &str) {
        let new = match is_wild(kind) {
            true => self.asked.insert(kind),
            false => self.wants.insert((kind, name.to_owned())),
        };
        if new {
            self.asked.insert(kind);
            let names = if is_wild(kind) { Vec::new() } else { vec![name.to_owned()] };
            assert!(bench.ask(&request(kind.type_url(), delta(names, Vec::new()))));
        }
    }

    /// Asks for what is named by what it has, as Envoy does.
    fn follow(&mut self, bench: &mut Bench) {
        let needs: BTreeSet<_> =
            self.has.values().flat_map(|content| content.needs.clone()).collect();
        for (kind, name) in needs.into_iter().filter(|(kind, _)| !is_wild(*kind)) {
            self.subscribe(bench, kind, &name);
        }
    }

    /// Takes a response into account when it is sent: what it may hold by now.
    fn given(&mut self, response: Response) {
        for content in &response.resources {
            if !matches!(content.kind, Listener | RouteConfiguration) {
                continue;
            }
            for (kind, name) in content.needs.iter().filter(|(kind, _)| *kind == Cluster) {
                let there = self.has.contains_key(&(*kind, name.clone()));
                assert!(there, "{} {} is sent before {name}", content.kind, content.name);
            }
        }
        if response.type_url == Cluster.type_url() {
            for name in &response.removed {
                let flying = self.unanswered.iter().flat_map(|response| &response.resources);
                let user = self.has.values().chain(flying).find(|content| {
                    content.kind == RouteConfiguration
                        && content.needs.iter().any(|need| need.0 == Cluster && need.1 == *name)
                });
                assert!(user.is_none(), "{name} goes while {:?} names it", user.map(|u| &u.name));
            }
        }
        self.unanswered.push(response);
    }

    fn answer(&mut self, bench: &mut Bench, refuse: bool) {
        if self.unanswered.is_empty() {
            return;
        }
        let response = self.unanswered.remove(0);
        let mut ack = request(&response.type_url, delta(Vec::new(), Vec::new()));
        ack.nonce = response.nonce;
        if refuse && !response.resources.is_empty() {
            ack.refused = Some("no".to_owned());
        } else {
            let kind = ResourceType::ALL.into_iter().find(|k| k.type_url() == response.type_url);
            let kind = kind.expect("a type of ours");
            for content in response.resources {
                self.has.insert((kind, content.name.to_string()), content);
            }
            for name in response.removed {
                self.has.remove(&(kind, name));
            }
        }
        assert!(bench.ask(&ack));
        self.follow(bench);
    }

    fn reconnect(&mut self, bench: &mut Bench) {
        self.unanswered.clear();
        bench.reconnect();
        for kind in self.asked.clone() {
            let of = |key: &&(ResourceType, String)| key.0 == kind;
            let names: Vec<String> =
                self.wants.iter().filter(of).map(|(_, name)| name.clone()).collect();
            let had = self.has.iter().filter(|(key, _)| key.0 == kind);
            let had = had.map(|(key, content)| (key.1.clone(), content.version.to_string()));
            assert!(bench.ask(&request(kind.type_url(), delta(names, had.collect()))));
        }
    }
}

/// Lives as Envoy does, and has everything in the end.
fn proxy(bytes: &mut Bytes<'_>) {
    let mut bench = Bench::new(Protocol::Delta);
    let mut proxy = Proxy::default();
    let mut refused = false;
    proxy.subscribe(&mut bench, Cluster, "");
    while let Some(event) = bytes.one() {
        match event % 8 {
            0 => bench.put(bytes.below(STATES.len())),
            1 => proxy.subscribe(&mut bench, Listener, ""),
            2 if event < 64 => proxy.reconnect(&mut bench),
            3 => {
                let refuse = event >= 192;
                refused |= refuse;
                proxy.answer(&mut bench, refuse);
            }
            4 | 5 => proxy.answer(&mut bench, false),
            _ => {
                if let Some(response) = bench.next() {
                    proxy.given(response);
                }
            }
        }
    }
    let last = bench.at.map_or(0, |at| (at + 1) % STATES.len());
    bench.put(last);
    proxy.subscribe(&mut bench, Listener, "");
    let mut rounds = 0;
    loop {
        while let Some(response) = bench.next() {
            proxy.given(response);
        }
        if proxy.unanswered.is_empty() {
            break;
        }
        while !proxy.unanswered.is_empty() {
            proxy.answer(&mut bench, false);
        }
        rounds += 1;
        assert!(rounds < 200, "it never ends");
    }
    let progress = bench.session.progress(&bench.view, bench.step());
    if refused && !progress.refused.is_empty() {
        return;
    }
    assert!(progress.lacks.is_empty(), "{:?}", progress.lacks);
    assert_eq!(progress.step, bench.step());
    for (key, resource) in &STATES[last].resources {
        let has = proxy.has.get(key).map(|content| content.version.to_string());
        assert_eq!(has.as_ref(), Some(&resource.version), "{key:?}");
    }
    for key in proxy.has.keys().filter(|key| is_wild(key.0)) {
        assert!(STATES[last].resources.contains_key(key), "{key:?} is left over");
    }
}
