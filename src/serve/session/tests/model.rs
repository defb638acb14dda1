//! Random lives of a client against a plain model of what it must have.

use super::*;
use std::collections::BTreeSet;

/// A small random source that is the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % n as u64) as usize
    }
}

/// A client as Envoy is one: it has what it took, forgets what it gives up, and refuses some.
#[derive(Default)]
struct Client {
    has: BTreeMap<(String, String), String>,
    wants: BTreeMap<String, BTreeSet<String>>,
    unanswered: Vec<Response>,
    asked: BTreeSet<String>,
}

const URLS: [&str; 4] = [CDS, EDS, LDS, RDS];
const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];

fn is_wild(url: &str) -> bool {
    url == CDS || url == LDS
}

/// A version of a resource that every client refuses.
fn is_bad(content: &Content) -> bool {
    let bad = format!("{} {}@9", content.kind, content.name);
    let needs: Vec<String> = content.needs.iter().map(|(_, name)| name.clone()).collect();
    let text = [vec![bad], needs].concat().join(" ");
    Content::new(&resource(&text)).version == content.version
}

impl Client {
    /// Takes what arrived, unless something bad is among it: Envoy refuses the whole.
    fn answer(&mut self, bench: &mut Bench, at: usize) {
        let response = self.unanswered.remove(at);
        let url = response.type_url.to_string();
        let mut ack = request(&url, delta(&[], &[], &[]));
        ack.nonce.clone_from(&response.nonce);
        if response.resources.iter().any(|content| is_bad(content)) {
            ack = nack(ack, "bad");
        } else {
            for content in &response.resources {
                let key = (url.clone(), content.name.to_string());
                self.has.insert(key, content.version.to_string());
            }
            for name in &response.removed {
                self.has.remove(&(url.clone(), name.clone()));
            }
        }
        bench.ask(&ack).expect("an answer");
    }

    fn subscribe(&mut self, bench: &mut Bench, url: &str, name: &str) {
        let wants = self.wants.entry(url.to_owned()).or_default();
        let names = if is_wild(url) { vec![] } else { vec![name] };
        let new = if is_wild(url) {
            self.asked.insert(url.to_owned())
        } else {
            wants.insert(name.to_owned())
        };
        if new {
            self.asked.insert(url.to_owned());
            bench.subscribe(url, &names);
        }
    }

    fn unsubscribe(&mut self, bench: &mut Bench, url: &str, name: &str) {
        if self.wants.get_mut(url).is_some_and(|wants| wants.remove(name)) {
            self.has.remove(&(url.to_owned(), name.to_owned()));
            bench.ask(&request(url, delta(&[], &[name], &[]))).expect("a request");
        }
    }

    fn reconnect(&mut self, bench: &mut Bench, random: &mut Random) {
        self.unanswered.clear();
        bench.revision += 1_000 + random.below(2) as u64;
        bench.reconnect();
        bench.revision %= 1_000;
        for url in self.asked.clone() {
            let had: Vec<(&str, &str)> = self
                .has
                .iter()
                .filter(|((of, _), _)| *of == url)
                .map(|((_, name), version)| (name.as_str(), version.as_str()))
                .collect();
            let names: Vec<&str> =
                self.wants.get(&url).into_iter().flatten().map(String::as_str).collect();
            if !is_wild(&url) && names.is_empty() {
                continue;
            }
            bench.ask(&request(&url, delta(&names, &[], &had))).expect("a request");
        }
    }
}

fn random_config(random: &mut Random) -> Vec<String> {
    let mut all = Vec::new();
    for (kind, needs) in [("cds", true), ("eds", false), ("lds", false), ("rds", true)] {
        for name in NAMES {
            // Seldom bad (9), sometimes absent.
            match random.below(12) {
                0 | 1 => {}
                n => {
                    let version = if n == 2 { 9 } else { n % 3 };
                    let needs = if needs { format!(" {name}") } else { String::new() };
                    all.push(format!("{kind} {name}@{version}{needs}"));
                }
            }
        }
    }
    all
}

#[test]
fn whatever_happens_a_client_ends_with_what_the_server_has() {
    for seed in 1..200_u64 {
        let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let mut bench = Bench::unloaded(Protocol::Delta);
        let mut client = Client::default();
        client.subscribe(&mut bench, CDS, "");
        for _ in 0..120 {
            let (url, name) = (URLS[random.below(4)], NAMES[random.below(5)]);
            match random.below(10) {
                0 | 1 => client.subscribe(&mut bench, url, name),
                2 if !is_wild(url) => client.unsubscribe(&mut bench, url, name),
                3 => {
                    let config = random_config(&mut random);
                    bench.put(&config.iter().map(String::as_str).collect::<Vec<_>>());
                }
                4 if random.below(4) == 0 => client.reconnect(&mut bench, &mut random),
                5 | 6 => client.unanswered.extend(bench.session.next(&bench.view)),
                _ if !client.unanswered.is_empty() => client.answer(&mut bench, 0),
                _ => {}
            }
        }
        // An Envoy asks for all listeners, and for what its clusters and listeners name.
        bench.put(&random_config(&mut random).iter().map(String::as_str).collect::<Vec<_>>());
        client.subscribe(&mut bench, LDS, "");
        for name in NAMES {
            client.subscribe(&mut bench, EDS, name);
            client.subscribe(&mut bench, RDS, name);
        }
        let mut steps = 0;
        loop {
            let mut sent = BTreeSet::new();
            while let Some(response) = bench.session.next(&bench.view) {
                for content in &response.resources {
                    assert!(
                        sent.insert((content.kind, content.name.clone(), response.nonce.clone())),
                        "X18"
                    );
                }
                client.unanswered.push(response);
            }
            if client.unanswered.is_empty() {
                break;
            }
            while !client.unanswered.is_empty() {
                client.answer(&mut bench, 0);
            }
            steps += 1;
            assert!(steps < 60, "seed {seed}: it never ends");
        }
        check(seed, &bench, &client);
    }
}

/// What the client has is what the server has, but for what it refused and what waits for that.
fn check(seed: u64, bench: &Bench, client: &Client) {
    let bad: BTreeSet<(ResourceType, String)> = bench
        .config
        .values()
        .filter(|r| is_bad(&Content::new(r)))
        .map(|r| (r.kind, r.name.clone()))
        .collect();
    let progress = bench.progress();
    let refused: BTreeSet<_> = progress.refused.keys().cloned().collect();
    assert!(refused.is_subset(&bad), "seed {seed}: {refused:?} of {bad:?}");
    for (key, resource) in &bench.config {
        let url = key.0.type_url();
        let has = client.has.get(&(url.to_owned(), key.1.clone()));
        let same = has == Some(&resource.version);
        // A route waits for a cluster that was never taken; routes in force wait for nothing else.
        let held = key.0 == RouteConfiguration && bad.contains(&(Cluster, key.1.clone()));
        assert!(
            same || bad.contains(key) || held,
            "seed {seed}: {key:?} is {has:?}, not {:?}; {progress:#?}",
            resource.version
        );
        assert_eq!(same, !progress.lacks.contains(key), "seed {seed}: {key:?} {progress:#?}");
    }
    // What is gone from the server goes from the client, unless a refusal holds removals back.
    if progress.refused.is_empty() && progress.lacks.is_empty() {
        let extra: Vec<_> = client
            .has
            .keys()
            .filter(|(url, name)| {
                !bench.config.keys().any(|(kind, own)| kind.type_url() == url && own == name)
            })
            .collect();
        assert!(extra.is_empty(), "seed {seed}: {extra:?}");
        assert_eq!(progress.step, bench.step(), "seed {seed}");
    }
}
