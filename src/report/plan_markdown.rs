//! A plan for a pull request: Markdown that folds the changes, and GitHub annotations.

use super::plan::{costs, cut, many, path, shown};
use super::plan_json::Shown;
use crate::plan::{Change, EditOp, Plan, short};
use crate::span::{File, Files, Loc};
use std::collections::BTreeMap;
use std::fmt::Write;

/// GitHub refuses comments beyond 65,536 characters; some room is left for what wraps the plan.
const BUDGET: usize = 60_000;
/// GitHub shows ten annotations of a kind; one place is kept for the count of the rest.
const ANNOTATIONS: usize = 9;

/// The plan as Markdown of at most 60,000 bytes; what does not fit is counted.
pub fn markdown(plan: &Shown<'_>, summary: bool) -> String {
    let shown = plan;
    let Shown { plan, findings, files, .. } = *shown;
    let mut text = format!("### meshctl plan: {}\n\n", shown.head());
    if plan.is_empty() && plan.drift.is_empty() && findings.is_empty() {
        text.push_str("No changes.\n");
        return text;
    }
    let tail = tail(shown);
    counts(&mut text, plan);
    // Findings and refusals come before the changes: they must not be what is left out.
    for finding in findings {
        let place = match (&finding.primary, files) {
            (Some(label), Some(files)) => format!(" (`{}`)", place(files, label.loc)),
            _ => String::new(),
        };
        let line = format!(
            "- **{}** {}: {}{place}\n",
            finding.severity,
            finding.code.id,
            escape(&finding.message)
        );
        push(&mut text, &line, tail.len());
    }
    for refusal in plan.refusals() {
        let line = format!(
            "- **refused** {}: {}. `{}`\n",
            refusal.code,
            escape(&refusal.message),
            refusal.consent.replace('`', "'")
        );
        push(&mut text, &line, tail.len());
    }
    if !plan.drift.is_empty() {
        let line = format!(
            "- **drift**: {} at proxies that nobody applied; not part of this plan\n",
            many(plan.drift.len(), "difference", "differences")
        );
        push(&mut text, &line, tail.len());
    }
    let traffic = super::traffic::markdown(&plan.traffic);
    let told = traffic.iter().take_while(|part| push(&mut text, part, tail.len() + 200)).count();
    if told < traffic.len() {
        let rest = many(traffic.len() - told, "line", "lines");
        let _ = writeln!(text, "\n_{rest} about requests left out to stay within {BUDGET} bytes._");
    }
    text.push('\n');
    if !summary {
        let mut left_out = 0;
        for change in &plan.changes {
            if !push(&mut text, &folded(change, files), tail.len() + 200) {
                left_out += 1;
            }
        }
        if left_out > 0 {
            let _ = writeln!(
                text,
                "\n_{} left out to stay within {BUDGET} bytes; `meshctl plan` shows them all._",
                many(left_out, "change is", "changes are"),
            );
        }
    }
    text.push_str(&tail);
    text
}

/// Adds a part if the whole stays within the budget.
fn push(text: &mut String, part: &str, reserve: usize) -> bool {
    let fits = text.len() + part.len() + reserve <= BUDGET;
    if fits {
        text.push_str(part);
    }
    fits
}

/// A place as `path:line`, for readers of the repository.
fn place(files: &Files, loc: Loc) -> String {
    format!("{}:{}", files.get(loc.file).in_repository(), files.start(loc).line)
}

fn counts(text: &mut String, plan: &Plan) {
    let s = &plan.summary;
    let costs = costs(s);
    let _ = writeln!(
        text,
        "| create | update | delete | unchanged | drift | cost |\n\
         | --: | --: | --: | --: | --: | --- |\n\
         | {} | {} | {} | {} | {} | {costs} |\n",
        s.create, s.update, s.delete, s.unchanged, s.drift
    );
}

fn folded(change: &Change, files: Option<&Files>) -> String {
    let place = match &change.origin {
        Some(place) => format!(" <sub>{}</sub>", escape(&shown(files, place, File::in_repository))),
        None => String::new(),
    };
    let mut text = format!(
        "<details><summary><code>{} {}</code>{place}</summary>\n\n```diff\n",
        change.action.symbol(),
        change.address
    );
    for edit in &change.edits {
        let at = edit
            .origin
            .as_ref()
            .map(|place| format!("  # {}", shown(files, place, File::in_repository)));
        let at = at.unwrap_or_default();
        let path = &edit.path;
        if let (Some(before), EditOp::Replace | EditOp::Remove) = (&edit.before, edit.op) {
            let _ = writeln!(text, "- {path} = {}", fenced(&cut(before)));
        }
        if let (Some(after), EditOp::Replace | EditOp::Add) = (&edit.after, edit.op) {
            let _ = writeln!(text, "+ {path} = {}{at}", fenced(&cut(after)));
        }
    }
    if change.edits.is_empty() {
        let _ = writeln!(text, "{} {}", change.action.symbol(), change.address);
    }
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for resource in &change.envoy {
        *kinds.entry(resource.kind.as_str()).or_default() += 1;
    }
    let kinds: Vec<String> = kinds.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
    let reach = match change.proxies.len() {
        0 => "Reaches no proxy.".to_owned(),
        n => format!(
            "Reaches {}: {}. Costs {}.",
            many(n, "proxy", "proxies"),
            kinds.join(", "),
            change.cost
        ),
    };
    let _ = write!(text, "```\n\n{reach}\n\n</details>\n");
    text
}

fn tail(shown: &Shown<'_>) -> String {
    let plan = shown.plan;
    let digest = short(&plan.digest);
    if plan.is_empty() {
        return format!("\nplan `{digest}`: nothing to apply\n");
    }
    if plan.refusals().next().is_some() {
        let with = shown.with_consent().map_or_else(String::new, |digest| {
            format!("\nwith consent it is plan `{digest}`: `{}`\n", shown.call)
        });
        return format!("\nplan `{digest}`: refused\n{with}");
    }
    format!("\nplan `{digest}`: `{}`\n", shown.call)
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('|', "\\|")
}

/// A fence inside a value would end the block.
fn fenced(text: &str) -> String {
    text.replace("```", "'''")
}

/// GitHub workflow commands: the findings and refusals, and a notice for each change.
pub fn github(plan: &Shown<'_>) -> String {
    let mut text = match plan.files {
        Some(files) => super::github(plan.findings, files),
        None => String::new(),
    };
    for refusal in plan.plan.refusals() {
        let message = format!("{}\n{}", refusal.message, refusal.consent);
        let _ = writeln!(text, "::error title={}::{}", refusal.code, data(&message));
    }
    for change in plan.plan.changes.iter().take(ANNOTATIONS) {
        let place = match &change.origin {
            Some(place) => {
                let file = property(path(plan.files, place, File::in_repository));
                format!(" file={file},line={},col={}", place.line, place.column)
            }
            None => String::new(),
        };
        let edits: Vec<String> = change.edits.iter().map(|edit| edit.path.clone()).collect();
        let message = format!("{} {} {}", change.action.symbol(), change.address, edits.join(", "));
        let _ = writeln!(text, "::notice{place}::{}", data(message.trim_end()));
    }
    if plan.plan.changes.len() > ANNOTATIONS {
        let rest = plan.plan.changes.len() - ANNOTATIONS;
        let _ = writeln!(text, "::notice::and {rest} more; run meshctl plan to see them all");
    }
    text
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
