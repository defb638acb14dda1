//! State of the world, which gRPC clients speak.

use super::*;

fn ask_for(url: &str, names: &[&str]) -> Request {
    request(url, Asks::State { names: names.iter().map(ToString::to_string).collect() })
}

/// Answers a response, with the names that are still wanted.
fn take(bench: &mut Bench, names: &[&str]) -> Option<String> {
    let (line, ack) = bench.next()?;
    let asks = Asks::State { names: names.iter().map(ToString::to_string).collect() };
    bench.ask(&Request { asks, ..ack }).expect("an ACK");
    Some(line)
}

#[test]
fn a_grpc_client_gets_what_it_names_one_after_the_other() {
    let mut bench = Bench::state(&["lds l r", "rds r a", "cds a e", "cds b", "eds e"]);
    bench.ask(&ask_for(LDS, &["l"])).expect("a request");
    assert_eq!(take(&mut bench, &["l"]).as_deref(), Some("lds +l"));
    bench.ask(&ask_for(RDS, &["r"])).expect("a request");
    assert_eq!(take(&mut bench, &["r"]).as_deref(), Some("rds +r"), "no cluster is waited for");
    bench.ask(&ask_for(CDS, &["a"])).expect("a request");
    assert_eq!(take(&mut bench, &["a"]).as_deref(), Some("cds +a"));
    bench.ask(&ask_for(EDS, &["e"])).expect("a request");
    assert_eq!(take(&mut bench, &["e"]).as_deref(), Some("eds +e"));
    assert_eq!(take(&mut bench, &[]), None);
    assert_eq!(bench.progress().step, bench.step(), "what it did not ask for is not lacking");
    bench.put(&["lds l r", "rds r a", "cds a e", "cds b@2", "eds e@2"]);
    assert_eq!(take(&mut bench, &["e"]).as_deref(), Some("eds +e@2"));
    assert_eq!(take(&mut bench, &[]), None);
}

#[test]
fn clusters_are_told_as_a_whole_and_what_is_left_out_is_gone() {
    let mut bench = Bench::state(&["cds a", "cds b"]);
    bench.ask(&ask_for(CDS, &[])).expect("a request");
    assert_eq!(take(&mut bench, &[]).as_deref(), Some("cds +a +b"));
    bench.put(&["cds a", "cds b", "cds c"]);
    assert_eq!(take(&mut bench, &[]).as_deref(), Some("cds +a +b +c"));
    bench.put(&["cds a", "cds c"]);
    assert_eq!(take(&mut bench, &[]).as_deref(), Some("cds +a +c"));
    assert_eq!(take(&mut bench, &[]), None);
    assert_eq!(bench.lacks(), [""; 0]);
}

#[test]
fn x10_names_and_then_none_is_nothing() {
    let mut bench = Bench::state(&["cds a", "cds b"]);
    bench.ask(&ask_for(CDS, &["a"])).expect("a request");
    assert_eq!(take(&mut bench, &["a"]).as_deref(), Some("cds +a"));
    bench.ask(&ask_for(CDS, &[])).expect("a request");
    bench.put(&["cds a@2", "cds b@2"]);
    assert_eq!(take(&mut bench, &[]), None);
}

#[test]
fn x27_a_stale_nonce_gets_no_answer_and_its_names_count() {
    let mut bench = Bench::state(&["eds a", "eds b"]);
    bench.ask(&ask_for(EDS, &["a"])).expect("a request");
    let (_, first) = bench.next().expect("a response");
    bench.put(&["eds a@2", "eds b"]);
    let (_, _second) = bench.next().expect("a response");
    let stale = Request { nonce: first.nonce, ..ask_for(EDS, &["a", "b"]) };
    bench.ask(&stale).expect("a request");
    assert_eq!(bench.drain(), ["eds +b"]);
    let unknown = Request { nonce: "other-1".to_owned(), ..ask_for(EDS, &["a", "b"]) };
    bench.ask(&unknown).expect("a request");
    assert_eq!(bench.drain(), [""; 0]);
}

#[test]
fn x65_what_is_missing_shows_in_the_whole_and_else_by_silence() {
    let mut bench = Bench::state(&["cds a"]);
    bench.ask(&ask_for(LDS, &["gone"])).expect("a request");
    assert_eq!(bench.drain(), ["lds"]);
    bench.ask(&ask_for(EDS, &["gone"])).expect("a request");
    assert_eq!(bench.drain(), [""; 0]);
}

#[test]
fn a_refused_response_is_reported_and_not_sent_again() {
    let mut bench = Bench::state(&["cds a@1", "cds b"]);
    bench.ask(&ask_for(CDS, &[])).expect("a request");
    assert_eq!(take(&mut bench, &[]).as_deref(), Some("cds +a@1 +b"));
    bench.put(&["cds a@2", "cds b"]);
    let (_, ack) = bench.next().expect("a response");
    bench.ask(&nack(ack, "no")).expect("a NACK");
    assert_eq!(bench.drain(), [""; 0]);
    let progress = bench.progress();
    assert_eq!(progress.refused.keys().collect::<Vec<_>>(), [&(Cluster, "a".to_owned())]);
    bench.put(&["cds a@3", "cds b"]);
    assert_eq!(take(&mut bench, &[]).as_deref(), Some("cds +a@3 +b"));
    assert!(bench.progress().refused.is_empty());
}

#[test]
fn x40_endpoints_follow_a_changed_cluster_here_too() {
    let mut bench = Bench::state(&["cds a@1 e", "eds e"]);
    bench.ask(&ask_for(CDS, &[])).expect("a request");
    assert!(take(&mut bench, &[]).is_some());
    bench.ask(&ask_for(EDS, &["e"])).expect("a request");
    assert!(take(&mut bench, &["e"]).is_some());
    bench.put(&["cds a@2 e", "eds e"]);
    assert_eq!(bench.drain(), ["cds +a@2", "eds +e"]);
}
