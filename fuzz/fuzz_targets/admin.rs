//! Any text as the body of a request to the admin API: it is refused, or it is read as what it says,
//! and a plan in it is made again, or refused, without a panic.

#![no_main]

use libfuzzer_sys::fuzz_target;
use meshctl::envoy::Settings;
use meshctl::live::server::wire::{ApplyRequest, Line, ObjectsRequest, Problem, Work};
use meshctl::plan::{Plan, again, apply_changes};
use meshctl::revision::Live;
use serde_json::{from_str, to_string};

fuzz_target!(|text: &str| {
    if let Ok(request) = from_str::<ObjectsRequest>(text) {
        let again: ObjectsRequest =
            from_str(&to_string(&request).expect("JSON")).expect("the same");
        assert_eq!(again, request);
    }
    if let Ok(line) = from_str::<Line>(text) {
        assert_eq!(from_str::<Line>(&to_string(&line).expect("JSON")).expect("the same"), line);
    }
    let _ = from_str::<Problem>(text);
    let Ok(request) = from_str::<ApplyRequest>(text) else { return };
    let same: ApplyRequest = from_str(&to_string(&request).expect("JSON")).expect("the same");
    assert_eq!(same, request);
    let Work::Plan(document) = request.work else { return };
    // A digest guards what the server takes; here plans without a true one are looked at as well.
    let guarded = Plan::from_json(&document.to_string());
    let Ok(plan) = guarded.or_else(|_| from_str::<Plan>(&document.to_string())) else { return };
    let settings = Settings::path("/root");
    let live = Live::default();
    if let Ok(made) = again(&plan, &live, &settings, false) {
        let twice = again(&made, &live, &settings, false).expect("it was made before");
        assert_eq!(twice.digest, made.digest);
        assert!(apply_changes(&live, &made.changes).is_ok());
    }
});
