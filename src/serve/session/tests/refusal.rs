//! Refusals: the bad one is found, the good ones arrive, nothing is sent in a loop.

use super::*;

/// A client that refuses every response with one of the bad names in it.
fn refuse(bench: &mut Bench, bad: &[&str]) -> (Vec<String>, usize) {
    let (mut lines, mut refused) = (Vec::new(), 0);
    while let Some((line, ack)) = bench.next() {
        let is_bad = bad.iter().any(|bad| line.split(' ').any(|word| word == format!("+{bad}")));
        let answer = if is_bad { nack(ack, "bad value 'hunter2' given") } else { ack };
        refused += usize::from(is_bad);
        bench.ask(&answer).expect("an answer");
        lines.push(line);
        assert!(lines.len() < 100, "it never ends: {lines:?}");
    }
    (lines, refused)
}

#[test]
fn x31_the_good_ones_arrive_and_the_bad_one_is_set_aside() {
    let mut bench = Bench::new(&["cds good", "cds bad"]);
    bench.subscribe(CDS, &[]);
    let (lines, refused) = refuse(&mut bench, &["bad"]);
    assert_eq!(lines, ["cds +bad +good", "cds +bad", "cds +good"]);
    assert_eq!(refused, 2);
    let key = (Cluster, "bad".to_owned());
    let progress = bench.progress();
    assert_eq!(progress.lacks.iter().collect::<Vec<_>>(), [&key]);
    assert_eq!(progress.refused[&key].class, "bad value '…' given", "S12");
    assert_eq!(progress.refused[&key].version, resource("cds bad").version);
}

#[test]
fn x31_several_bad_ones_among_many_are_found_by_halves() {
    let names: Vec<String> = (0..64).map(|n| format!("cds c{n:02}")).collect();
    let texts: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut bench = Bench::new(&texts);
    bench.subscribe(CDS, &[]);
    let (_, refused) = refuse(&mut bench, &["c07", "c40"]);
    assert!(refused <= 13, "{refused} refusals");
    assert_eq!(bench.lacks(), ["cds c07", "cds c40"]);
    assert_eq!(bench.progress().refused.len(), 2);
}

#[test]
fn x32_what_was_refused_is_not_sent_again_but_once_on_a_new_stream() {
    let mut bench = Bench::new(&["cds bad"]);
    bench.subscribe(CDS, &[]);
    assert_eq!(refuse(&mut bench, &["bad"]).0, ["cds +bad"]);
    bench.put(&["cds bad", "cds other"]);
    assert_eq!(refuse(&mut bench, &["bad"]).0, ["cds +other"]);
    bench.reconnect();
    let other = resource("cds other").version.clone();
    bench.ask(&request(CDS, delta(&[], &[], &[("other", &other)]))).expect("a request");
    assert_eq!(refuse(&mut bench, &["bad"]).0, ["cds +bad"]);
}

#[test]
fn x33_mended_content_is_sent_and_the_refusal_is_gone() {
    let mut bench = Bench::new(&["cds bad"]);
    bench.subscribe(CDS, &[]);
    refuse(&mut bench, &["bad"]);
    bench.put(&["cds bad@2"]);
    assert!(bench.progress().refused.is_empty(), "the new version was not refused");
    assert_eq!(bench.settle(), ["cds +bad@2"]);
    assert_eq!(bench.progress().step, bench.step());
}

#[test]
fn a_refused_resource_that_goes_back_to_what_the_client_has_is_not_sent() {
    let mut bench = Bench::settled(&["cds a@1", "lds l"]);
    bench.put(&["cds a@2", "lds l"]);
    refuse(&mut bench, &["a@2"]);
    assert_eq!(bench.lacks(), ["cds a"]);
    bench.put(&["cds a@1", "lds l"]);
    assert_eq!(bench.settle(), [""; 0]);
    assert_eq!(bench.lacks(), [""; 0]);
    assert!(bench.progress().refused.is_empty());
}

#[test]
fn a_refusal_of_what_is_already_replaced_says_nothing() {
    let mut bench = Bench::new(&["eds e@1"]);
    bench.subscribe(EDS, &["e"]);
    let (_, first) = bench.next().expect("a response");
    bench.put(&["eds e@2"]);
    let (_, second) = bench.next().expect("a response");
    bench.ask(&nack(first, "no")).expect("a NACK");
    bench.ask(&second).expect("an ACK");
    assert_eq!(bench.settle(), [""; 0]);
    assert!(bench.progress().refused.is_empty());
    assert_eq!(bench.lacks(), [""; 0]);
}

#[test]
fn f24_who_refuses_everything_is_left_alone() {
    let mut bench = Bench::new(&["cds a", "cds b", "cds c", "cds d"]);
    bench.subscribe(CDS, &[]);
    let (lines, refused) = refuse(&mut bench, &["a", "b", "c", "d"]);
    assert_eq!((lines.len(), refused), (7, 7), "{lines:?}");
    assert_eq!(bench.progress().refused.len(), 4);
}
