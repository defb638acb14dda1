//! Any bytes as a saved plan: it is refused, or it can be shown and applied without a panic. A
//! digest guards what is read from a file, so here plans without a true one are used as well.

#![no_main]

use libfuzzer_sys::fuzz_target;
use meshctl::plan::{Plan, apply_changes};
use meshctl::report::plan::{View, render};
use meshctl::report::{Shown, plan_document, plan_markdown};
use meshctl::revision::Live;

fuzz_target!(|text: &str| {
    let guarded = Plan::from_json(text);
    let Ok(plan) = guarded.or_else(|_| serde_json::from_str::<Plan>(text)) else { return };
    let shown =
        Shown { plan: &plan, findings: &[], files: None, absent: "", sources: &[], call: "" };
    render(&shown, View::default());
    plan_markdown(&shown, false);
    let again = serde_json::from_str::<Plan>(&plan_document(&shown)).expect("what was written");
    assert_eq!(again, plan);
    let _ = apply_changes(&Live::default(), &plan.changes);
});
