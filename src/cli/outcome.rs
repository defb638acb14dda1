//! How an apply ended, for people and as a document, and what to do next.

use super::carry::{Work, stopped};
use super::target::Target;
use super::{Context, Exit, Format};
use crate::apply::{End, Expected, Outcome};
use crate::diag::shell::word;
use crate::model::Address;
use crate::picture::count;
use crate::plan::codes;
use crate::report::{self, events};
use std::collections::BTreeSet;

pub(super) fn stamped(mut object: serde_json::Value) -> serde_json::Value {
    object["at"] = jiff::Timestamp::now().to_string().into();
    object
}

fn exit(end: &End) -> Exit {
    match end {
        End::Nothing | End::Done => Exit::Done,
        End::Late
        | End::Refused
        | End::RolledBack { .. }
        | End::TooFew
        | End::Missing
        | End::Broken(_) => Exit::NotConverged,
        End::Stopped(signal) => stopped(*signal),
    }
}

/// Reports how it ended.
pub(super) fn finish(
    context: &Context,
    target: &Target,
    format: Format,
    work: &Work<'_>,
    outcome: &Outcome,
    place: events::Place<'_>,
) -> Exit {
    let exit = exit(&outcome.end);
    let (message, hint) = words(target, work, outcome);
    let plan = match work {
        Work::Plan(plan) => Some(plan.digest.as_str()),
        Work::Resume { .. } | Work::Known { .. } | Work::Rewrite => None,
    };
    let applied = report::Applied {
        target: &target.id,
        plan,
        outcome,
        exit_code: exit.code(),
        message: &message,
    };
    let ui = &context.ui;
    match format {
        Format::Json => {
            ui.result(&format!("{:#}\n", report::apply_document(&applied, place)));
        }
        Format::Ndjson => {
            let mut object = stamped(report::apply_document(&applied, place));
            object["v"] = 1.into();
            object["type"] = "summary".into();
            ui.result(&format!("{object}\n"));
        }
        _ if exit == Exit::Done => ui.result(&format!("{message}\n")),
        _ => ui.error(&message),
    }
    if let Some(hint) = hint {
        ui.hint(&hint);
    }
    exit
}

/// The result for people, and what to do next.
fn words(target: &Target, work: &Work<'_>, outcome: &Outcome) -> (String, Option<String>) {
    let name = &target.id.name;
    let revision = outcome.revision.unwrap_or(0);
    let counts = match work {
        Work::Plan(plan) if !plan.is_empty() => format!(": {}", plan.counts()),
        _ => String::new(),
    };
    let steps = count(outcome.steps, "step");
    let resume = "meshctl status shows the proxies; meshctl apply --resume continues".to_owned();
    match &outcome.end {
        End::Nothing if matches!(work, Work::Rewrite) => (
            format!(
                "{name} holds no revision yet: there is nothing to rewrite, and nothing was done."
            ),
            Some("meshctl apply applies the files".to_owned()),
        ),
        End::Nothing => match work {
            Work::Plan(plan) if !plan.drift.is_empty() => (
                format!(
                    "{name} matches the files: nothing to do. But {} of what was written differ.",
                    count(plan.drift.len(), "part")
                ),
                Some("meshctl apply --rewrite writes every file again".to_owned()),
            ),
            _ => (format!("{name} matches the files: nothing to do."), None),
        },
        End::Done => {
            let proof = proof(target, outcome);
            (format!("Revision {revision} applied to {name}{counts}, {steps}; {proof}."), None)
        }
        End::Late => {
            let message = format!(
                "timed out: revision {revision} is committed, but not acknowledged by {}",
                late(outcome)
            );
            (message, Some(super::status::STUCK.to_owned()))
        }
        End::TooFew => {
            let expected = target.expect.map(Expected::Envoys);
            let progress = expected.and_then(|expected| expected.progress(outcome.envoys));
            let message = format!(
                "revision {revision} is committed, but only {} it",
                progress.unwrap_or_else(|| count(outcome.envoys, "Envoy") + " acknowledged")
            );
            (
                message,
                Some("meshctl wait waits for them, meshctl status shows the proxies".to_owned()),
            )
        }
        End::Missing => {
            let message =
                format!("stopped before the switch of revision {revision}: {}", missing(outcome));
            let routes: BTreeSet<&Address> = outcome.missing.iter().map(|m| &m.route).collect();
            let flags: Vec<String> =
                routes.iter().map(|route| format!(" --accept {}", word(&consent(route)))).collect();
            let hint = format!(
                "{}; to switch anyway: meshctl apply --resume{}",
                super::status::RESUME_SWITCH,
                flags.concat()
            );
            (message, Some(hint))
        }
        End::Refused => {
            let by = rejected_by(outcome);
            let message = format!("revision {revision} is committed, but rejected by {by}");
            let hint = "fix the files and apply again, or go back: meshctl rollback".to_owned();
            (message, Some(hint))
        }
        End::RolledBack { to } => {
            // Who goes on with a rollback was not there when it was rejected.
            let by = match outcome.rejections.is_empty() {
                true => String::new(),
                false => format!(" by {}", rejected_by(outcome)),
            };
            let message =
                format!("rejected{by}; rolled back to revision {to}, as revision {revision}");
            (message, Some("fix the files and apply again".to_owned()))
        }
        End::Broken(why) => {
            (format!("revision {revision} is committed, but a step failed: {why}"), Some(resume))
        }
        End::Stopped(_) if outcome.steps == 0 => {
            ("stopped before the first step".to_owned(), Some(resume))
        }
        End::Stopped(_) => (format!("stopped after {steps} of revision {revision}"), Some(resume)),
    }
}

/// What consents to a switch of a route to nodes that cannot serve.
pub(super) fn consent(route: &Address) -> String {
    format!("{}@{route}", codes::MISSING_TARGET.id)
}

/// The proxies that did not acknowledge a step in time, each with what it lacks.
pub(super) fn late(outcome: &Outcome) -> String {
    let late = outcome.late.iter();
    let late: Vec<String> =
        late.map(|(proxy, lacks)| format!("{proxy} ({})", lacks.join(", "))).collect();
    late.join(", ")
}

/// What was missing before a switch.
pub(super) fn missing(outcome: &Outcome) -> String {
    let names: Vec<String> = outcome.missing.iter().map(ToString::to_string).collect();
    names.join("; ")
}

fn rejected_by(outcome: &Outcome) -> String {
    let by: Vec<String> =
        outcome.rejections.iter().map(|r| format!("{} ({})", r.proxy, r.kind)).collect();
    by.join(", ")
}

/// What is known of the proxies after an apply.
fn proof(target: &Target, outcome: &Outcome) -> String {
    let verified = match (outcome.proven.len(), outcome.gone.len()) {
        (0, 0) if target.directory().is_some() && target.admin.is_empty() => {
            "not verified (no admin addresses)".to_owned()
        }
        (0, 0) => "not verified".to_owned(),
        (0, gone) if gone == outcome.proxies => "not verified (no proxy is running)".to_owned(),
        (0, _) => "not verified (none of the proxies that can be asked is running)".to_owned(),
        (proven, 0) => format!("verified on {proven} of {} proxies", outcome.proxies),
        (proven, gone) => {
            format!("verified on {proven} of {} proxies ({gone} not running)", outcome.proxies)
        }
    };
    match outcome.unverified.is_empty() {
        true => verified,
        false => {
            let names: Vec<String> = outcome.unverified.iter().map(ToString::to_string).collect();
            format!("{verified}; the switch to {} was not verified", names.join(", "))
        }
    }
}
