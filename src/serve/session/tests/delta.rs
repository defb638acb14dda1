//! Incremental xDS: subscriptions, answers, versions.

use super::*;

#[test]
fn x1_x2_who_asks_is_said_once_and_never_changes() {
    let mut bench = Bench::new(&["cds a"]);
    let nobody = Request { node: None, ..subscribe(CDS, &[]) };
    assert_eq!(bench.ask(&nobody), Err(Fault::NoNode));
    bench.subscribe(CDS, &[]);
    assert_eq!(bench.ask(&nobody), Ok(()), "it is kept for the stream");
    let node = Some(Node { id: "mesh/m/virtual_node/other".to_owned(), build: String::new() });
    assert_eq!(bench.ask(&Request { node, ..subscribe(CDS, &[]) }), Err(Fault::NodeChanged));
}

#[test]
fn x3_without_a_mesh_nothing_is_said_and_then_everything() {
    let mut bench = Bench::unloaded(Protocol::Delta);
    bench.subscribe(CDS, &[]);
    bench.subscribe(EDS, &["e", "gone"]);
    assert_eq!(bench.drain(), [""; 0], "not even an empty answer");
    bench.put(&["cds a e", "eds e"]);
    assert_eq!(bench.drain(), ["cds +a", "eds +e -gone"]);
}

#[test]
fn x3_a_proxy_that_is_gone_keeps_what_it_has() {
    let mut bench = Bench::settled(&["cds a", "lds l"]);
    bench.view.leave();
    bench.subscribe(CDS, &["a"]);
    assert_eq!(bench.drain(), [""; 0]);
}

#[test]
fn x4_x21_other_types_are_answered_as_absent() {
    let mut bench = Bench::new(&["cds a"]);
    let other = "type.googleapis.com/envoy.config.route.v3.VirtualHost";
    bench.subscribe(other, &["v"]);
    assert_eq!(bench.drain(), ["other -v"]);
    bench.subscribe(CDS, &[]);
    assert_eq!(bench.drain(), ["cds +a"]);
    bench.subscribe("type.googleapis.com/x.Wild", &[]);
    assert_eq!(bench.drain(), ["other"], "an empty answer ends the wait");
    assert_eq!(bench.ask(&subscribe("", &[])), Err(Fault::NoType));
}

#[test]
fn x8_x9_wildcards() {
    let mut bench = Bench::new(&["cds a", "cds b"]);
    bench.subscribe(CDS, &["b"]);
    assert_eq!(bench.settle(), ["cds +b"]);
    bench.subscribe(CDS, &["*"]);
    assert_eq!(bench.settle(), ["cds +a"], "what is there already is not sent again");
    bench.ask(&request(CDS, delta(&[], &["*"], &[]))).expect("a request");
    bench.put(&["cds a@2", "cds b@2"]);
    assert_eq!(bench.settle(), ["cds +b@2"], "the name stays");
    bench.ask(&request(CDS, delta(&[], &["b"], &[]))).expect("a request");
    bench.put(&["cds a@3", "cds b@3"]);
    bench.subscribe(CDS, &[]);
    assert_eq!(bench.settle(), [""; 0], "an empty set is nothing, not all");
}

#[test]
fn x11_who_asks_again_gets_it_again() {
    let mut bench = Bench::new(&["eds e"]);
    bench.subscribe(EDS, &["e"]);
    assert_eq!(bench.settle(), ["eds +e"]);
    assert_eq!(bench.settle(), [""; 0]);
    bench.subscribe(EDS, &["e"]);
    assert_eq!(bench.settle(), ["eds +e"]);
}

#[test]
fn x12_x13_unsubscribing() {
    let mut bench = Bench::new(&["cds a", "eds e"]);
    bench.subscribe(CDS, &["*", "a", "gone"]);
    assert_eq!(bench.settle(), ["cds +a -gone"]);
    bench.ask(&request(CDS, delta(&[], &["a", "gone"], &[]))).expect("a request");
    assert_eq!(bench.settle(), ["cds +a -gone"], "under a wildcard the client must learn of it");
    bench.ask(&request(EDS, delta(&[], &["never"], &[]))).expect("a request");
    assert_eq!(bench.settle(), [""; 0]);
}

#[test]
fn x14_x15_a_missing_name_is_told_and_remembered() {
    let mut bench = Bench::new(&["eds e"]);
    bench.subscribe(EDS, &["late"]);
    assert_eq!(bench.settle(), ["eds -late"]);
    bench.put(&["eds e", "eds late"]);
    assert_eq!(bench.settle(), ["eds +late"]);
}

#[test]
fn x16_a_subscription_rides_on_any_request() {
    let mut bench = Bench::new(&["eds a", "eds b", "eds c"]);
    bench.subscribe(EDS, &["a"]);
    let (_, ack) = bench.next().expect("a response");
    let on_nack = Request { asks: delta(&["b"], &[], &[]), ..nack(ack, "no") };
    bench.ask(&on_nack).expect("a request");
    let stale = Request { nonce: "s-ffff".to_owned(), ..subscribe(EDS, &["c"]) };
    bench.ask(&stale).expect("a request");
    assert_eq!(bench.settle(), ["eds +b +c"]);
}

#[test]
fn x17_first_answers_are_whole_even_when_empty() {
    let mut bench = Bench::new(&["eds e"]);
    bench.subscribe(CDS, &[]);
    bench.subscribe(LDS, &[]);
    assert_eq!(bench.drain(), ["cds", "lds"]);
    let names: Vec<String> =
        (0..2_000).map(|n| format!("cds cluster-of-some-length-{n:04}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut bench = Bench::new(&names);
    bench.subscribe(CDS, &[]);
    assert_eq!(bench.drain().len(), 1);
}

#[test]
fn x17_endpoints_are_sent_in_chunks() {
    let names: Vec<String> =
        (0..2_000).map(|n| format!("eds endpoints-of-some-length-{n:04}")).collect();
    let texts: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut bench = Bench::new(&texts);
    bench.by_name(EDS);
    let mut sent = Vec::new();
    while let Some(response) = bench.session.next(&bench.view) {
        let size = |c: &Arc<Content>| c.encoded.bytes(Protocol::Delta).len();
        let all: usize = response.resources.iter().map(size).sum();
        let last = response.resources.last().map_or(0, size);
        assert!(all - last < bench.limits.chunk_bytes, "{all} bytes");
        sent.extend(response.resources.iter().map(|c| c.name.to_string()));
    }
    let count = sent.len();
    sent.sort();
    sent.dedup();
    assert_eq!((count, sent.len()), (2_000, 2_000), "X18: each once");
}

#[test]
fn x19_nothing_is_said_when_nothing_changed() {
    let mut bench = Bench::settled(&["cds a e", "eds e", "rds r a", "lds l"]);
    bench.put(&["cds a e", "eds e", "rds r a", "lds l"]);
    assert_eq!(bench.drain(), [""; 0]);
    assert_eq!(bench.progress().step, bench.step(), "the step is had all the same");
}

#[test]
fn x20_new_names_are_refused() {
    let mut bench = Bench::new(&["eds e"]);
    let name = "xdstp://authority/envoy.config.endpoint.v3.ClusterLoadAssignment/e";
    assert_eq!(bench.ask(&subscribe(EDS, &[name])), Err(Fault::NewName));
}

#[test]
fn x26_nonces_are_not_used_twice() {
    let mut bench = Bench::new(&["eds a", "eds b"]);
    bench.subscribe(EDS, &["a"]);
    let (_, first) = bench.next().expect("a response");
    bench.subscribe(EDS, &["b"]);
    let (_, second) = bench.next().expect("a response");
    assert_ne!(first.nonce, second.nonce);
    bench.reconnect();
    bench.subscribe(EDS, &["a"]);
    let (_, third) = bench.next().expect("a response");
    assert!(![first.nonce, second.nonce].contains(&third.nonce));
}

#[test]
fn x28_x61_what_a_client_has_is_not_sent_again() {
    let mut bench = Bench::new(&["cds a", "cds b@2", "cds new", "eds e", "eds f@2"]);
    let version = |text: &str| resource(text).version.clone();
    let (a, b) = (version("cds a"), version("cds b@1"));
    let had = [("a", a.as_str()), ("b", b.as_str()), ("gone", "0123456789abcdef")];
    bench.ask(&request(CDS, delta(&[], &[], &had))).expect("a request");
    assert_eq!(bench.settle(), ["cds +b@2 +new", "cds -gone"]);
    let (e, f) = (version("eds e"), version("eds f@1"));
    let had = [("e", e.as_str()), ("f", f.as_str()), ("not-asked", "x")];
    bench.ask(&request(EDS, delta(&["e", "f"], &[], &had))).expect("a request");
    assert_eq!(bench.settle(), ["eds +f@2"], "names in the map are no subscription");
}

#[test]
fn x61_an_unchanged_proxy_that_comes_before_its_mesh_gets_nothing() {
    let mut bench = Bench::unloaded(Protocol::Delta);
    let a = resource("cds a").version.clone();
    bench.ask(&request(CDS, delta(&[], &[], &[("a", &a), ("b", &a)]))).expect("a request");
    assert_eq!(bench.drain(), [""; 0]);
    bench.put(&["cds a"]);
    assert_eq!(bench.settle(), ["cds -b"]);
    assert_eq!(bench.progress().step, bench.step());
}

#[test]
fn x30_versions_count_when_they_are_acknowledged() {
    let mut bench = Bench::new(&["eds e"]);
    bench.subscribe(EDS, &["e"]);
    let (_, first) = bench.next().expect("a response");
    assert_eq!(bench.lacks(), ["eds e"]);
    bench.put(&["eds e@2"]);
    let (line, second) = bench.next().expect("a response");
    assert_eq!(line, "eds +e@2");
    bench.put(&["eds e"]);
    assert_eq!(bench.drain(), ["eds +e"], "the second may have arrived");
    bench.ask(&second).expect("an ACK");
    bench.ask(&first).expect("an ACK");
}

#[test]
fn x47_an_empty_assignment_is_sent_as_one() {
    let mut bench = Bench::settled(&["cds a e", "eds e@1"]);
    bench.put(&["cds a e", "eds e"]);
    assert_eq!(bench.settle(), ["eds +e"], "not removed, and not silent");
}

#[test]
fn x50_states_between_are_left_out_and_never_mixed() {
    let mut bench = Bench::settled(&["eds e@1", "eds f@1", "cds a e", "cds b f"]);
    bench.put(&["eds e@2", "eds f@2", "cds a e", "cds b f"]);
    bench.put(&["eds e@3", "eds f@3", "cds a e", "cds b f"]);
    assert_eq!(bench.settle(), ["eds +e@3 +f@3"]);
}

#[test]
fn x55_who_does_not_answer_gets_the_newest_state_once() {
    let mut bench = Bench::settled(&["eds e@1", "cds a e"]);
    for n in 2..100 {
        bench.put(&[&format!("eds e@{n}"), "cds a e"]);
    }
    assert_eq!(bench.settle(), ["eds +e@99"]);
}
