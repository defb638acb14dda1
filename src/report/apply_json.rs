//! The result of an apply as one JSON document (`schemas/apply.v1.schema.json`).

use super::events::{Place, rejection_json};
use crate::apply::{End, Outcome, Signal};
use crate::plan;
use serde_json::{Value, json};

/// What an apply was about.
#[derive(Clone, Copy, Debug)]
pub struct Applied<'a> {
    /// The target.
    pub target: &'a plan::Target,
    /// The digest of the plan; `None` if there was none (`--resume`, `--rewrite`).
    pub plan: Option<&'a str>,
    /// What it did.
    pub outcome: &'a Outcome,
    /// The exit code of the process.
    pub exit_code: u8,
    /// The result in words.
    pub message: &'a str,
}

/// The word for how an apply ended.
pub fn end_word(end: &End) -> &'static str {
    match end {
        End::Nothing => "nothing",
        End::Done => "done",
        End::Late => "late",
        End::Refused => "refused",
        End::RolledBack { .. } => "rolled_back",
        End::TooFew => "too_few",
        End::Missing => "missing",
        End::Broken(_) => "broken",
        End::Stopped(Signal::Interrupt) => "interrupted",
        End::Stopped(Signal::Terminate) => "terminated",
    }
}

/// Whether every proxy of the mesh was seen to have the result.
pub fn proven(outcome: &Outcome) -> bool {
    matches!(outcome.end, End::Done)
        && outcome.proxies > 0
        && outcome.proven.len() == outcome.proxies
}

/// The document that `apply --format json` prints.
pub fn document(applied: &Applied<'_>, place: Place<'_>) -> Value {
    let outcome = applied.outcome;
    let late: Vec<Value> = outcome
        .late
        .iter()
        .map(|(proxy, lacks)| json!({ "proxy": proxy, "lacks": lacks }))
        .collect();
    let rejections: Vec<Value> =
        outcome.rejections.iter().map(|rejection| rejection_json(rejection, place)).collect();
    json!({
        "format": "meshctl.apply",
        "format_version": "1.0",
        "exit_code": applied.exit_code,
        "target": applied.target,
        "plan": applied.plan,
        "revision": outcome.revision,
        "end": end_word(&outcome.end),
        "rolled_back_to": match outcome.end {
            End::RolledBack { to } => Some(to),
            _ => None,
        },
        "steps": outcome.steps,
        "proven": proven(outcome),
        "proxies": {
            "total": outcome.proxies,
            "proven": outcome.proven,
            "envoys": outcome.envoys,
            "not_running": outcome.gone,
            "late": late,
        },
        "rejections": rejections,
        "missing": outcome.missing,
        "unverified": outcome.unverified,
        "message": applied.message,
    })
}
