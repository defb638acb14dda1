//! Make before break: what is sent waits for what it needs, and removals come last.

use super::*;

const OLD: [&str; 4] = ["cds x ex", "eds ex", "rds r x", "lds l r"];
const NEW: [&str; 4] = ["cds y ey", "eds ey", "rds r@2 y", "lds l r"];

#[test]
fn x42_x43_a_route_switches_after_its_cluster_is_taken_and_the_old_one_goes_last() {
    let mut bench = Bench::settled(&OLD);
    bench.put(&NEW);
    let (line, clusters) = bench.next().expect("a response");
    assert_eq!(line, "cds +y");
    assert_eq!(bench.drain(), [""; 0], "the route waits");
    // Envoy asks for the endpoints of the new cluster, and acknowledges it when it has them.
    bench.subscribe(EDS, &["ey"]);
    let (line, endpoints) = bench.next().expect("a response");
    assert_eq!(line, "eds +ey");
    bench.ask(&endpoints).expect("an ACK");
    assert_eq!(bench.drain(), [""; 0], "the route waits for the cluster's ACK, not the endpoints'");
    bench.ask(&clusters).expect("an ACK");
    let (line, route) = bench.next().expect("a response");
    assert_eq!(line, "rds +r@2");
    assert_eq!(bench.drain(), [""; 0], "the old cluster waits for the route's ACK");
    assert_eq!(bench.lacks(), ["rds r", "cds x", "eds ex"]);
    bench.ask(&route).expect("an ACK");
    let (line, removal) = bench.next().expect("a response");
    assert_eq!(line, "cds -x");
    assert_eq!(bench.drain(), [""; 0], "the endpoints wait for the cluster's removal");
    bench.ask(&removal).expect("an ACK");
    assert_eq!(bench.settle(), ["eds -ex"]);
    assert_eq!(bench.progress().step, bench.step());
}

#[test]
fn x40_x41_endpoints_follow_a_changed_cluster_unasked_and_at_once() {
    let mut bench = Bench::settled(&["cds a@1 e", "cds b f", "eds e", "eds f"]);
    bench.put(&["cds a@2 e", "cds b f", "eds e", "eds f"]);
    // Nothing is acknowledged in between.
    assert_eq!(bench.drain(), ["cds +a@2", "eds +e"]);
}

#[test]
fn x40_endpoints_follow_a_cluster_that_changed_while_the_client_was_away() {
    let mut bench = Bench::new(&["cds a@2 e", "cds b f", "eds e", "eds f"]);
    let version = |text: &str| resource(text).version.clone();
    let (a, b) = (version("cds a@1 e"), version("cds b f"));
    bench.ask(&request(CDS, delta(&[], &[], &[("a", &a), ("b", &b)]))).expect("a request");
    assert_eq!(bench.drain(), ["cds +a@2"]);
    let (e, f) = (version("eds e"), version("eds f"));
    let had = [("e", e.as_str()), ("f", f.as_str())];
    bench.ask(&request(EDS, delta(&["e", "f"], &[], &had))).expect("a request");
    assert_eq!(bench.drain(), ["eds +e"], "the client has it, and waits for it all the same");
}

#[test]
fn x44_who_does_not_take_the_cluster_keeps_route_and_cluster() {
    let mut bench = Bench::settled(&OLD);
    bench.put(&NEW);
    let (_, clusters) = bench.next().expect("a response");
    bench.ask(&nack(clusters, "no")).expect("a NACK");
    assert_eq!(bench.drain(), [""; 0]);
    assert_eq!(bench.lacks(), ["rds r", "cds x", "cds y", "eds ex", "eds ey"]);
    let first = StepId { revision: 1, number: 1 };
    assert_eq!(bench.progress().step, Some(first), "the last that it has whole");
}

#[test]
fn x44_an_unrelated_route_is_not_held_back_by_a_refused_cluster() {
    let mut bench = Bench::settled(&["cds x", "rds r x", "rds s x", "lds l"]);
    bench.put(&["cds x", "cds y", "rds r@2 y", "rds s@2 x", "lds l"]);
    let (_, clusters) = bench.next().expect("a response");
    bench.ask(&nack(clusters, "no")).expect("a NACK");
    assert_eq!(bench.settle(), ["rds +s@2"]);
}

#[test]
fn x45_a_stream_cut_between_steps_goes_on_without_a_gap() {
    let mut bench = Bench::settled(&OLD);
    bench.put(&NEW);
    let version = |text: &str| resource(text).version.clone();
    let (x, ex, r, l) = (version(OLD[0]), version(OLD[1]), version(OLD[2]), version(OLD[3]));
    bench.reconnect();
    bench.ask(&request(CDS, delta(&[], &[], &[("x", &x)]))).expect("a request");
    assert_eq!(bench.settle(), ["cds +y"], "the old cluster stays");
    bench.ask(&request(EDS, delta(&["ex", "ey"], &[], &[("ex", &ex)]))).expect("a request");
    assert_eq!(bench.settle(), ["eds +ey"]);
    bench.ask(&request(LDS, delta(&[], &[], &[("l", &l)]))).expect("a request");
    assert_eq!(bench.settle(), [""; 0], "nobody knows yet which route is in force");
    bench.ask(&request(RDS, delta(&["r"], &[], &[("r", &r)]))).expect("a request");
    assert_eq!(bench.settle(), ["rds +r@2", "cds -x", "eds -ex"]);
    assert_eq!(bench.progress().step, bench.step());
}

#[test]
fn x46_a_new_route_of_a_new_listener_does_not_wait_for_it() {
    let mut bench = Bench::settled(&["cds a", "lds l"]);
    bench.put(&["cds a", "lds l@2", "rds r a"]);
    let (line, _listener) = bench.next().expect("a response");
    assert_eq!(line, "lds +l@2");
    bench.subscribe(RDS, &["r"]);
    assert_eq!(bench.drain(), ["rds +r"], "the listener warms until it has its routes");
}

#[test]
fn x46_a_route_in_force_changes_after_the_listener_that_it_leads_to() {
    let mut bench = Bench::settled(&["cds a", "rds r a", "lds l"]);
    bench.put(&["cds a", "rds r@2 a", "lds l", "lds second"]);
    let (line, listener) = bench.next().expect("a response");
    assert_eq!(line, "lds +second");
    assert_eq!(bench.drain(), [""; 0]);
    bench.ask(&listener).expect("an ACK");
    assert_eq!(bench.settle(), ["rds +r@2"]);
}

#[test]
fn removed_listeners_and_routes_go_before_removed_clusters() {
    let mut bench = Bench::settled(&["cds a e", "cds b", "eds e", "rds r a", "lds l", "lds m"]);
    bench.put(&["cds b", "lds m"]);
    assert_eq!(bench.settle(), ["lds -l", "rds -r", "cds -a", "eds -e"]);
}

#[test]
fn what_is_put_back_before_its_removal_stays() {
    let mut bench = Bench::settled(&OLD);
    bench.put(&NEW);
    bench.put(&OLD);
    assert_eq!(bench.settle(), [""; 0]);
    assert_eq!(bench.progress().step, bench.step());
}

#[test]
fn x48_a_secret_follows_the_cluster_that_uses_it() {
    let mut bench = Bench::new(&["cds a e", "eds e", "sds s"]);
    let secrets = ResourceType::Secret.type_url();
    bench.subscribe(CDS, &[]);
    bench.subscribe(EDS, &["e"]);
    bench.subscribe(secrets, &["s"]);
    assert_eq!(bench.drain(), ["cds +a", "eds +e", "sds +s"], "none waits for an ACK");
}

#[test]
fn what_comes_back_while_its_removal_is_under_way_is_sent_again() {
    let mut bench = Bench::settled(&["cds a", "cds b", "lds l"]);
    bench.put(&["cds a", "lds l"]);
    let (line, removal) = bench.next().expect("a removal");
    assert_eq!(line, "cds -b");
    bench.put(&["cds a", "cds b", "lds l", "rds r b"]);
    bench.subscribe(RDS, &["r"]);
    let (line, again) = bench.next().expect("b again");
    assert_eq!(line, "cds +b");
    assert!(bench.next().is_none(), "the route waits for the cluster");
    bench.ask(&removal).expect("an ACK");
    assert!(bench.lacks().contains(&"cds b".to_owned()), "{:?}", bench.lacks());
    bench.ask(&again).expect("an ACK");
    assert_eq!(bench.settle(), ["rds +r"]);
    assert_eq!(bench.progress().step, bench.step());
}

#[test]
fn nobody_waits_for_what_no_listener_or_cluster_asks_for() {
    let before = ["cds a", "lds l"];
    let mut bench = Bench::settled(&before);
    // Beside what is there, for the step that follows.
    let beside = ["eds e", "sds s", "rds r a"];
    bench.put(&[&before[..], &beside].concat());
    assert_eq!((bench.lacks(), bench.progress().step), (Vec::new(), bench.step()));
    let told = bench.session.standings(&bench.view);
    assert!(told.iter().all(|one| ["a", "l"].contains(&one.name.as_str())), "{told:?}");

    // Asked for, it counts, before the client has said so.
    let users = ["cds a@2 e", "lds l@2 r"];
    bench.put(&[&users[..], &beside].concat());
    assert_eq!(bench.lacks(), ["lds l", "rds r", "cds a", "eds e"]);
    bench.settle();
    assert_eq!(bench.lacks(), ["rds r", "eds e"]);
    bench.by_name(EDS);
    bench.by_name(RDS);
    bench.settle();
    assert_eq!((bench.lacks(), bench.progress().step), (Vec::new(), bench.step()));

    // Its users are what they were, and the client gives it up by itself.
    bench.put(&[&before[..], &beside].concat());
    bench.settle();
    for (url, name) in [(EDS, "e"), (RDS, "r")] {
        bench.ask(&request(url, delta(&[], &[name], &[]))).expect("a request");
    }
    assert_eq!(bench.settle(), [""; 0]);
    assert_eq!((bench.lacks(), bench.progress().step), (Vec::new(), bench.step()));
    bench.put(&before);
    assert_eq!(bench.progress().step, bench.step());
}
