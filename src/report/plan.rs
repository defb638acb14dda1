//! A plan as people read it. Columns are fixed, symbols carry the meaning without colour, and the
//! last three lines are the whole story.

use super::{Shown, paint};
use crate::diag::Diagnostic;
use crate::model::Address;
use crate::plan::{
    Action, Change, Cost, Edit, EditOp, Place, Plan, PlannedStep, ResourceAction, Summary, Traffic,
    short,
};
use crate::revision::Object;
use crate::span::{File, Files};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write;

/// How much is shown, and how.
#[derive(Clone, Copy, Debug, Default)]
pub struct View {
    /// Coloured.
    pub color: bool,
    /// Without the changes: only what they amount to.
    pub summary: bool,
    /// With the fields of what is created and deleted, and every Envoy resource.
    pub full: bool,
}

/// What is said of what a plan from files deletes.
pub const NOT_IN_FILES: &str = "not in the files any more";
/// Values are cut to so many characters.
const VALUE_MAX: usize = 60;
/// So many proxies or resources are named, the rest is counted.
const NAMED: usize = 3;
/// The column of places, unless addresses are longer.
const PLACE_COLUMN: usize = 44;

/// The whole text. Findings are those about the change.
pub fn render(shown: &Shown<'_>, view: View) -> String {
    let Shown { plan, findings, files, sources, .. } = *shown;
    let mut text = String::new();
    let base = match plan.base_revision {
        Some(revision) => format!("revision {revision}"),
        None => "no revision yet".to_owned(),
    };
    let head = shown.head();
    if plan.is_empty() && plan.drift.is_empty() && findings.is_empty() {
        let _ = writeln!(text, "{head}: no changes ({base})");
        return text;
    }
    let read = match sources.len() {
        0 => String::new(),
        1 => "   1 file".to_owned(),
        n => format!("   {n} files"),
    };
    let _ = writeln!(text, "{head} ({base}){read}");
    scope(&mut text, plan);
    super::traffic::section(&mut text, &plan.traffic, view);
    if !plan.changes.is_empty() && !view.summary {
        changes(&mut text, &plan.changes, files, shown.absent, view);
    }
    if !plan.steps.is_empty() && !view.summary {
        rollout(&mut text, plan, view);
    }
    drift(&mut text, plan, view);
    about(&mut text, plan, findings, files, view);
    story(&mut text, shown, view);
    text
}

/// What requests fare otherwise, as `diff` shows it.
pub fn requests(traffic: &Traffic, view: View) -> String {
    let mut text = String::new();
    super::traffic::section(&mut text, traffic, view);
    text
}

/// The changes alone, as `diff` shows them.
pub fn differences(changed: &[Change], files: Option<&Files>, view: View) -> String {
    let mut text = String::new();
    if !changed.is_empty() && !view.summary {
        // What the right side is, is said above.
        let absent = if files.is_some() { NOT_IN_FILES } else { "" };
        changes(&mut text, changed, files, absent, view);
    }
    text
}

fn heading(text: &mut String, view: View, name: &str, more: &str) {
    let _ = writeln!(text, "\n{}{more}", paint(view.color, name, "1"));
}

fn scope(text: &mut String, plan: &Plan) {
    let list = |set: &std::collections::BTreeSet<_>| {
        set.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    };
    if !plan.only.is_empty() {
        let _ = writeln!(text, "  only {}; the rest of the files is left out", list(&plan.only));
    }
    if !plan.pulled_in.is_empty() {
        let _ = writeln!(
            text,
            "  with {}, without which something would dangle",
            list(&plan.pulled_in)
        );
    }
    if !plan.prune {
        let _ = writeln!(text, "  without deletes of what is no longer in the files (--no-prune)");
    }
}

fn style(action: Action) -> &'static str {
    match action {
        Action::Create => "32",
        Action::Update | Action::Mark => "33",
        Action::Delete => "31",
    }
}

fn changes(text: &mut String, changes: &[Change], files: Option<&Files>, absent: &str, view: View) {
    let longest = changes.iter().map(|c| c.address.to_string().len()).max().unwrap_or_default();
    let column = PLACE_COLUMN.max(longest + 6);
    let width = column - 4;
    heading(text, view, "CHANGES", "");
    for change in changes {
        let symbol = paint(view.color, change.action.symbol(), style(change.action));
        let steps: Vec<String> = change.steps.iter().map(ToString::to_string).collect();
        let steps = match steps.len() {
            0 => String::new(),
            1 => format!("step {}", steps[0]),
            _ => format!("steps {}", steps.join(",")),
        };
        let place = match (&change.origin, change.action) {
            (Some(place), _) => shown(files, place, File::shown),
            (None, Action::Delete) => absent.to_owned(),
            (None, _) => String::new(),
        };
        let line = format!("  {symbol} {:<width$}{place:<32}{steps}", change.address.to_string());
        let _ = writeln!(text, "{}", line.trim_end());
        for edit in &change.edits {
            edit_line(text, edit, files, column, view);
        }
        if view.full {
            for (value, op) in [(&change.after, EditOp::Add), (&change.before, EditOp::Remove)] {
                let whole = match change.action {
                    Action::Create => op == EditOp::Add,
                    Action::Delete => op == EditOp::Remove,
                    Action::Update | Action::Mark => false,
                };
                let value = value.as_ref().filter(|_| whole).map(Object::value);
                for Leaf { path, value, .. } in value.iter().flat_map(leaves) {
                    let _ = writeln!(text, "      {path} = {}", cut(&value));
                }
            }
        }
        reach_line(text, change, view);
    }
}

fn edit_line(text: &mut String, edit: &Edit, files: Option<&Files>, column: usize, view: View) {
    let (symbol, color) = match edit.op {
        EditOp::Add => ("+", "32"),
        EditOp::Replace => (" ", "33"),
        EditOp::Remove => ("-", "31"),
    };
    let value = match order(edit) {
        Some(words) => words,
        None => match edit.op {
            EditOp::Add => edit.after.as_ref().map(cut).unwrap_or_default(),
            EditOp::Remove => edit.before.as_ref().map(cut).unwrap_or_default(),
            EditOp::Replace => format!(
                "{} -> {}",
                edit.before.as_ref().map(cut).unwrap_or_default(),
                edit.after.as_ref().map(cut).unwrap_or_default()
            ),
        },
    };
    let place = edit.origin.as_ref().map(|place| shown(files, place, File::shown));
    let width = column - 8;
    let symbol = paint(view.color, symbol, color);
    // A value beyond its column keeps a distance from the place.
    let value = format!("{value:<30}");
    let place = place.unwrap_or_default();
    let line = format!("    {symbol} {:<width$}  {value}  {place}", edit.path);
    let _ = writeln!(text, "{}", line.trim_end());
}

/// What happened to a list of names: what came, what went, and whether the rest stands in another
/// order (`>`).
fn order(edit: &Edit) -> Option<String> {
    let names = |value: &Option<Value>| -> Option<Vec<String>> {
        let items = value.as_ref()?.as_array()?;
        items.iter().map(|item| item.as_str().map(str::to_owned)).collect()
    };
    let (before, after) = (names(&edit.before)?, names(&edit.after)?);
    let mut words: Vec<String> = Vec::new();
    words.extend(after.iter().filter(|n| !before.contains(n)).map(|n| format!("+{n}")));
    words.extend(before.iter().filter(|n| !after.contains(n)).map(|n| format!("-{n}")));
    let was: Vec<&String> = before.iter().filter(|n| after.contains(n)).collect();
    let is: Vec<&String> = after.iter().filter(|n| before.contains(n)).collect();
    if was != is {
        let order: Vec<&str> = is.iter().map(|name| name.as_str()).collect();
        words.push(format!("> {}", order.join(", ")));
    }
    Some(shorten(&words.join(" "), VALUE_MAX * 2))
}

fn reach_line(text: &mut String, change: &Change, view: View) {
    if change.proxies.is_empty() {
        if change.action != Action::Mark && change.address != Address::Mesh {
            let _ = writeln!(text, "      reaches no proxy");
        }
        return;
    }
    let proxies = named(change.proxies.iter().map(ToString::to_string), change.proxies.len(), view);
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for resource in &change.envoy {
        *kinds.entry(resource.kind.as_str()).or_default() += 1;
    }
    let resources = if view.full || change.envoy.len() <= 1 {
        let all = change.envoy.iter().map(|r| format!("{} {}", r.kind, r.name));
        all.collect::<Vec<_>>().join(", ")
    } else {
        kinds.iter().map(|(kind, count)| format!("{count} {kind}")).collect::<Vec<_>>().join(", ")
    };
    let cost =
        paint(view.color && change.cost > Cost::Nothing, &format!("costs {}", change.cost), "33");
    let _ = writeln!(text, "      reaches {proxies}: {resources}; {cost}");
}

pub(super) fn named(all: impl Iterator<Item = String>, count: usize, view: View) -> String {
    if view.full || count <= NAMED {
        return all.collect::<Vec<_>>().join(", ");
    }
    let first: Vec<String> = all.take(NAMED).collect();
    format!("{} and {} more", first.join(", "), count - NAMED)
}

fn rollout(text: &mut String, plan: &Plan, view: View) {
    let total = plan.summary.proxies_total.max(plan.summary.proxies);
    heading(
        text,
        view,
        "ROLLOUT",
        &format!(
            "   make before break, {} of {}",
            plan.summary.proxies,
            many(total, "proxy", "proxies")
        ),
    );
    for (at, step) in plan.steps.iter().enumerate() {
        let gate = match step.kind.as_str() {
            "add" => "until they have it warm",
            _ => "until they have it",
        };
        let _ = writeln!(
            text,
            "  {}  {:<7} {:<12} {:<30} {gate}",
            at + 1,
            step.kind.as_str(),
            many(step.proxies.len(), "proxy", "proxies"),
            resources(step),
        );
    }
}

/// `+2 cds ~1 rds`: how many Envoy resources of which type a step changes.
fn resources(step: &PlannedStep) -> String {
    let mut counts: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for change in step.proxies.values().flatten() {
        let symbol = match change.action {
            ResourceAction::Add => "+",
            ResourceAction::Change => "~",
            ResourceAction::Remove => "-",
        };
        *counts.entry((change.kind.as_str(), symbol)).or_default() += 1;
    }
    let words: Vec<String> =
        counts.iter().map(|((kind, symbol), count)| format!("{symbol}{count} {kind}")).collect();
    words.join(" ")
}

fn drift(text: &mut String, plan: &Plan, view: View) {
    if plan.drift.is_empty() {
        return;
    }
    heading(text, view, "DRIFT", "   what proxies have and nobody applied; not part of this plan");
    let shown = if view.full { plan.drift.len() } else { 10 };
    for item in plan.drift.iter().take(shown) {
        let _ = writeln!(text, "  ! {:<11} {}  {}", item.how, item.proxy, item.what);
    }
    if plan.drift.len() > shown {
        let _ = writeln!(text, "  ! and {} more: meshctl drift", plan.drift.len() - shown);
    }
}

/// Findings and refusals.
fn about(
    text: &mut String,
    plan: &Plan,
    findings: &[Diagnostic],
    files: Option<&Files>,
    view: View,
) {
    for finding in findings {
        let color = match finding.severity {
            crate::diag::Severity::Error => "31;1",
            crate::diag::Severity::Warning => "33;1",
            crate::diag::Severity::Info => "36;1",
        };
        let head = paint(view.color, &format!("{}[{}]", finding.severity, finding.code.id), color);
        let _ = writeln!(text, "\n{head}: {}", finding.message);
        if let (Some(label), Some(files)) = (&finding.primary, files) {
            let _ = writeln!(text, "  --> {}", files.show(label.loc));
        }
        if let Some(help) = &finding.help {
            let _ = writeln!(text, "   = help: {help}");
        }
    }
    for refusal in plan.refusals() {
        let head = paint(view.color, &format!("refused[{}]", refusal.code), "31;1");
        let _ = writeln!(text, "\n{head}: {}", refusal.message);
        let _ = writeln!(text, "   = help: {}", consent(&refusal.consent));
    }
}

fn consent(words: &str) -> String {
    if words.starts_with("--") {
        format!("to consent to exactly this, add {words}")
    } else {
        words.to_owned()
    }
}

/// The last three lines.
fn story(text: &mut String, shown: &Shown<'_>, view: View) {
    let Shown { plan, findings, .. } = *shown;
    let summary = &plan.summary;
    let mut words = vec![tally(summary)];
    words.push(format!("{} drift", summary.drift));
    let said = super::diagnostics::summary(findings);
    if !said.is_empty() {
        words.push(said);
    }
    let _ = writeln!(text, "\n{}", words.join("    "));
    let _ = writeln!(text, "{}", costs(summary));
    let digest = short(&plan.digest);
    let refused = plan.refusals().count();
    let end = if plan.is_empty() {
        "nothing to apply".to_owned()
    } else if refused > 0 {
        let by = many(refused, "guard", "guards");
        paint(view.color, &format!("refused by {by}"), "31;1")
    } else {
        format!("apply: {}", shown.call)
    };
    if let Some(digest) = shown.with_consent() {
        let _ = writeln!(text, "with consent: plan {digest}   apply: {}", shown.call);
    }
    let _ = writeln!(text, "plan {digest}   {end}");
}

/// What a comparison amounts to, in two lines.
pub fn counts(summary: &Summary) -> String {
    format!("{}\n{}", tally(summary), costs(summary))
}

fn tally(summary: &Summary) -> String {
    let Summary { create, update, delete, unchanged, .. } = summary;
    let marks = match summary.mark {
        0 => String::new(),
        n => format!("    {}", many(n, "mark", "marks")),
    };
    format!("+{create}  ~{update}  -{delete}{marks}    {unchanged} unchanged")
}

/// How many proxies suffer what, for example `12 proxies: no cost; 1 proxy: listener drain`.
pub(super) fn costs(summary: &Summary) -> String {
    let all: Vec<String> = summary
        .costs
        .iter()
        .map(|(cost, count)| {
            let proxies = many(*count, "proxy", "proxies");
            match cost {
                Cost::Nothing => format!("{proxies}: no cost"),
                cost => format!("{proxies}: {cost}"),
            }
        })
        .collect();
    if all.is_empty() { "no proxy is reached".to_owned() } else { all.join("; ") }
}

pub(super) fn many(count: usize, one: &str, more: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {more}") }
}

/// A path of the kind that its readers open. A saved plan knows the path in the project only.
pub(super) fn path<'a>(files: Option<&'a Files>, place: &'a Place, kind: Kind) -> &'a str {
    files.and_then(|files| files.at(&place.path)).map_or(&place.path, kind)
}

/// Which of its paths a file is shown by.
pub(super) type Kind = fn(&File) -> &str;

/// `path:line`, and whether it is the overlay's.
pub(super) fn shown(files: Option<&Files>, place: &Place, kind: Kind) -> String {
    let overlay = if place.overlay { " (overlay)" } else { "" };
    format!("{}:{}{overlay}", path(files, place, kind), place.line)
}

/// A value on one line. Text goes without quotes where it cannot be mistaken.
pub(super) fn cut(value: &Value) -> String {
    let whole = match value {
        Value::String(text)
            if !text.is_empty()
                && text.chars().all(|c| c.is_alphanumeric() || "-_./:".contains(c)) =>
        {
            text.clone()
        }
        Value::Null => "none".to_owned(),
        other => other.to_string(),
    };
    shorten(&whole, VALUE_MAX)
}

pub(super) fn shorten(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(most - 1).collect();
    short.push('…');
    short
}

/// The fields of an object that hold no further fields, with their paths.
pub(super) fn leaves(value: &Value) -> Vec<Leaf> {
    fn walk(value: &Value, pointer: &str, path: &str, found: &mut Vec<Leaf>) {
        match value {
            Value::Object(map) if !map.is_empty() => {
                for (key, value) in map {
                    let pointer =
                        format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"));
                    let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                    walk(value, &pointer, &path, found);
                }
            }
            Value::Array(items) if items.iter().any(Value::is_object) => {
                for (at, item) in items.iter().enumerate() {
                    walk(item, &format!("{pointer}/{at}"), &format!("{path}[{at}]"), found);
                }
            }
            other => found.push(Leaf {
                pointer: pointer.to_owned(),
                path: path.to_owned(),
                value: other.clone(),
            }),
        }
    }
    let mut found = Vec::new();
    walk(value, "", "", &mut found);
    found
}

/// A value in a resource, and where it is.
#[derive(Debug)]
pub(super) struct Leaf {
    /// As a JSON pointer.
    pub(super) pointer: String,
    /// As people write it.
    pub(super) path: String,
    /// The value.
    pub(super) value: Value,
}
