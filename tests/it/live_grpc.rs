//! gRPC on live Envoys: services, methods, metadata, statuses, retries, timeouts.

use crate::support::mesh::Live;

fn call(live: &Live, from: &str, method: &str, metadata: &[(&str, &str)]) -> String {
    let url = format!("grpc://color.internal/{method}");
    let answer = live.call(from, "POST", &url, metadata);
    assert_eq!(answer.status(), 200, "gRPC answers have their status elsewhere");
    format!("{} {}", answer.0.grpc_status().unwrap(), answer.node()).trim_end().to_owned()
}

#[test]
fn calls_go_where_service_method_and_metadata_say() {
    let live = Live::example("grpc");
    for from in ["virtual_node/client", "virtual_gateway/edge"] {
        assert_eq!(call(&live, from, "color.ColorService/GetColor", &[]), "0 reader");
        assert_eq!(call(&live, from, "color.ColorService/SetColor", &[]), "0 writer");
        assert_eq!(call(&live, from, "color.ColorService/SetColors", &[]), "0 reader");
        let beta = [("tenant", "beta-7")];
        assert_eq!(call(&live, from, "color.ColorService/SetColor", &beta), "0 beta");
        let other = [("tenant", "alpha")];
        assert_eq!(call(&live, from, "color.ColorService/GetColor", &other), "0 reader");
        assert_eq!(call(&live, from, "color.OtherService/GetColor", &[]), "12", "not implemented");
    }
}

#[test]
fn only_the_statuses_and_methods_that_a_policy_names_are_retried() {
    let live = Live::example("grpc");
    let failing = |method: &str, status: &str, first: &str, key: &str| {
        let metadata = [
            ("x-upstream-grpc-status", status),
            ("x-upstream-fail-first", first),
            ("x-upstream-key", key),
        ];
        call(&live, "virtual_node/client", method, &metadata)
    };
    let (read, write) = ("color.ColorService/GetColor", "color.ColorService/SetColor");
    assert_eq!(failing(read, "14", "3", "a"), "0 reader", "three retries of `unavailable`");
    assert_eq!(failing(read, "14", "4", "b"), "14 reader", "but not four");
    assert_eq!(failing(read, "8", "1", "c"), "0 reader", "`resource-exhausted`");
    assert_eq!(failing(read, "13", "1", "d"), "13 reader", "`internal` is not named");
    assert_eq!(failing(write, "14", "1", "e"), "14 writer", "`max_retries = 0`");
}

#[test]
fn a_slow_call_ends_with_its_deadline() {
    let live = Live::example("grpc");
    let slow = [("x-upstream-delay-ms", "6000")];
    let answer = call(&live, "virtual_node/client", "color.ColorService/GetColor", &slow);
    assert_ne!(answer, "0 reader");
}
