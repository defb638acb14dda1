//! The TRAFFIC section of a plan: which requests change, and which settings they meet that change,
//! as people read it.

use super::paint;
use super::plan::{View, many, named, shorten};
use crate::model::{Address, EgressFilter, NodeName, Port};
use crate::plan::{
    End, NodeShare, Outcome, PolicyPlace, Traffic, TrafficChange, TrafficEntry, TrafficPolicy,
    TrafficSeverity, Witness,
};
use crate::traffic::policy::{FactChange, Moved, NodePort};
use std::fmt::Write;

/// So many classes of an entry point are shown; `-v` shows all that the plan holds.
const SHOWN: usize = 8;
/// So many callers of a service are named, causes of a change, and places of a policy.
const NAMED: usize = 3;
/// Characters of a setting's value that are shown; raw Envoy fields can be long.
const VALUE: usize = 80;

/// The section, or nothing if the changes reach no entry point.
pub(super) fn section(text: &mut String, traffic: &Traffic, view: View) {
    if traffic.is_empty() {
        return;
    }
    let head = paint(view.color, "TRAFFIC", "1");
    if traffic.entries.is_empty() && traffic.policies.is_empty() && traffic.egress.is_none() {
        let _ = writeln!(text, "\n{head}   {}", same(traffic));
        return;
    }
    let _ = writeln!(text, "\n{head}");
    for entry in &traffic.entries {
        entry_lines(text, entry, view);
    }
    for policy in &traffic.policies {
        policy_lines(text, policy, view);
    }
    if let Some((was, is)) = traffic.egress {
        let symbol = if is == EgressFilter::DropAll { "!" } else { "+" };
        let symbol = paint(view.color, symbol, if symbol == "!" { "31" } else { "32" });
        let _ = writeln!(text, "  calls to what the mesh does not define");
        let _ = writeln!(text, "    {symbol} {} -> {}", egress(was), egress(is));
    }
    if traffic.same_entries > 0 {
        let _ = writeln!(text, "  {}", same(traffic));
    }
}

/// What was compared and found equal.
fn same(traffic: &Traffic) -> String {
    let points = many(traffic.same_entries, "affected entry point", "affected entry points");
    format!("no request changes its destination or policy at {points}")
}

fn egress(filter: EgressFilter) -> &'static str {
    match filter {
        EgressFilter::AllowAll => "leave the mesh",
        EgressFilter::DropAll => "are rejected",
    }
}

/// The entry point with its port and those who call it.
fn entry_name(entry: &TrafficEntry, view: View) -> String {
    let mut name = format!("{}:{}", entry.entry, entry.port);
    if let Address::Service(service) = &entry.entry {
        let shown = if view.full { entry.callers.len() } else { NAMED };
        let mut callers: Vec<String> =
            entry.callers.iter().take(shown).map(ToString::to_string).collect();
        if entry.callers.len() > shown {
            callers.push(format!("{} more", entry.callers.len() - shown));
        }
        let at = entry.at.map_or_else(String::new, |at| format!(" at {at}"));
        name = format!("{service}:{}{at}, called by {}", entry.port, callers.join(", "));
    }
    name
}

fn entry_lines(text: &mut String, entry: &TrafficEntry, view: View) {
    let state = match (entry.before, entry.after) {
        (false, true) => "   new",
        (true, false) => "   goes away",
        _ => "",
    };
    let _ = writeln!(text, "  {}{state}", entry_name(entry, view));
    let shown = if view.full { entry.changes.len() } else { SHOWN };
    for change in entry.changes.iter().take(shown) {
        change_lines(text, change, view);
    }
    let hidden = entry.changed - entry.changes.len().min(shown);
    if hidden > 0 {
        let _ = writeln!(text, "    and {} more", many(hidden, "class", "classes"));
    }
    let _ = writeln!(text, "      {}", proof(entry));
}

/// How many classes change, how many meet a changed policy, and how many do neither.
pub(super) fn proof(entry: &TrafficEntry) -> String {
    if !entry.decided {
        return format!(
            "{} change; the comparison stopped at its limit of work, so there may be more",
            many(entry.changed, "class of requests", "classes of requests")
        );
    }
    let classes = many(entry.classes, "request class", "request classes");
    let mut text = match entry.changed {
        0 => format!("none of {classes} changes its destination"),
        1 => format!("1 of {classes} changes"),
        changed => format!("{changed} of {classes} change"),
    };
    match entry.policy_changed {
        0 => {}
        1 => text.push_str(", 1 meets a changed policy"),
        more => {
            let _ = write!(text, ", {more} meet a changed policy");
        }
    }
    match entry.classes.saturating_sub(entry.changed + entry.policy_changed) {
        0 => {}
        rest if entry.changed > 0 => {
            let _ = write!(text, ", {rest} proven unchanged");
        }
        _ => {}
    }
    text
}

/// `virtual_node/cart-v1 port 8080`, the first few and how many more.
fn places(policy: &TrafficPolicy, shown: usize) -> String {
    let place = |place: &PolicyPlace| match &place.part {
        Some(part) => format!("{} {part}", place.address),
        None => place.address.to_string(),
    };
    let mut all: Vec<String> = policy.places.iter().take(shown).map(place).collect();
    if policy.place_count > all.len() {
        all.push(format!("{} more", policy.place_count - all.len()));
    }
    all.join(", ")
}

fn policy_lines(text: &mut String, policy: &TrafficPolicy, view: View) {
    let (symbol, color, word) = severity(policy.severity);
    let symbol = paint(view.color, symbol, color);
    let word = paint(view.color && !word.is_empty(), word, color);
    let shown = if view.full { policy.places.len() } else { NAMED };
    let _ =
        writeln!(text, "{}", format!("  {symbol} {}   {word}", places(policy, shown)).trim_end());
    for line in settings(&policy.settings) {
        let _ = writeln!(text, "        {line}");
    }
    let _ = writeln!(
        text,
        "        met by {} at {}, for example {}",
        many(policy.classes, "request class", "request classes"),
        many(policy.entry_count, "entry point", "entry points"),
        request(&policy.witness)
    );
    let itself = policy.places.iter().map(|place| &place.address);
    if !itself.eq(policy.caused_by.iter()) {
        causes(text, &policy.caused_by);
    }
}

/// Settings with their values before and after.
fn settings(all: &[FactChange]) -> Vec<String> {
    let width = all.iter().map(|own| own.name.chars().count()).max().unwrap_or_default();
    let value = |value: &Option<String>| match value {
        None => "unset".to_owned(),
        Some(text) => shorten(text, VALUE),
    };
    all.iter()
        .map(|own| {
            let [before, after] = at(own);
            let (was, is) = (value(&own.before), value(&own.after));
            format!("{:<width$}  {was}{before} -> {is}{after}", own.name)
        })
        .collect()
}

/// Whose setting each value is, where requests move from some nodes to another: ` at virtual_node/n1`.
/// Ports are named where only they tell the two apart.
fn at(own: &FactChange) -> [String; 2] {
    let Some(Moved { from, to }) = &own.moved else { return Default::default() };
    let ports = from.iter().any(|left| left.node == to.node);
    let name = |NodePort { node, port }: &NodePort| match ports {
        true => format!("virtual_node/{node} port {port}"),
        false => format!("virtual_node/{node}"),
    };
    let mut left: Vec<String> = from.iter().take(NAMED).map(name).collect();
    if from.len() > left.len() {
        left.push(format!("{} more", from.len() - left.len()));
    }
    [format!(" at {}", left.join(", ")), format!(" at {}", name(to))]
}

fn causes(text: &mut String, all: &std::collections::BTreeSet<Address>) {
    if all.is_empty() {
        return;
    }
    let named = named(all.iter().map(ToString::to_string), all.len(), View::default());
    let _ = writeln!(text, "        by {named}");
}

fn change_lines(text: &mut String, change: &TrafficChange, view: View) {
    let (symbol, color, word) = severity(change.severity);
    let symbol = paint(view.color, symbol, color);
    let head = format!("    {symbol} {}", request(&change.witness));
    let word = paint(view.color && !word.is_empty(), word, color);
    let _ = writeln!(text, "{}", format!("{head}   {word}").trim_end());
    for line in outcomes(&change.before, &change.after) {
        let _ = writeln!(text, "        {line}");
    }
    for line in settings(&change.policy) {
        let _ = writeln!(text, "        {line}");
    }
    if !change.proven {
        let _ = writeln!(
            text,
            "        cannot be determined: it depends on a condition that is not analyzed"
        );
    }
    causes(text, &change.caused_by);
}

pub(super) fn severity(severity: TrafficSeverity) -> (&'static str, &'static str, &'static str) {
    match severity {
        TrafficSeverity::Lost => ("!", "31;1", "lost"),
        TrafficSeverity::Changed => ("~", "33", ""),
        TrafficSeverity::New => ("+", "32", "new"),
    }
}

/// `GET http://shop.example:8080/cart x-canary=true`
pub(super) fn request(witness: &Witness) -> String {
    let mut text = format!("{} {}", witness.method, witness.url);
    for (name, values) in &witness.headers {
        for value in values {
            let _ = write!(text, " {name}={value}");
        }
    }
    text
}

/// The lines that tell what an outcome was and is.
pub(super) fn outcomes(before: &Outcome, after: &Outcome) -> Vec<String> {
    let mut lines = Vec::new();
    if (before.end, after.end) == (End::Nodes, End::Nodes) {
        lines.extend(shares(&before.nodes, &after.nodes));
        if before.path != after.path {
            let path = |side: &Outcome| side.path.clone().unwrap_or_default();
            lines.push(format!("sees {} -> {}", path(before), path(after)));
        }
        if before.host != after.host {
            let host = |side: &Outcome| side.host.clone().unwrap_or_else(|| "as called".to_owned());
            lines.push(format!("sees host {} -> {}", host(before), host(after)));
        }
    }
    if lines.is_empty() {
        lines.push(format!("{} -> {}", end(before), end(after)));
    }
    lines
}

/// Each node whose share changes.
fn shares(before: &[NodeShare], after: &[NodeShare]) -> Vec<String> {
    if before == after {
        return vec![format!("{} as before", list(after))];
    }
    let mut nodes: Vec<_> = before.iter().chain(after).map(|s| (&s.node, s.port)).collect();
    nodes.sort();
    nodes.dedup();
    let ports = |node| nodes.iter().filter(|(name, _)| *name == node).count() > 1;
    let width = nodes.iter().map(|(node, _)| node.to_string().len()).max().unwrap_or_default();
    let share = |side: &[NodeShare], node: &NodeName, port: Port| {
        let found = side.iter().find(|s| s.node == *node && s.port == port);
        found.map_or_else(|| "0%".to_owned(), |share| share.percent.to_string())
    };
    nodes
        .iter()
        .map(|(node, port)| {
            let name = match ports(*node) {
                true => format!("{node}:{port}"),
                false => node.to_string(),
            };
            let (was, is) = (share(before, node, *port), share(after, node, *port));
            format!("{name:<width$}  {was:>4} -> {is:>4}")
        })
        .collect()
}

fn list(shares: &[NodeShare]) -> String {
    let all: Vec<String> = shares
        .iter()
        .map(|share| match shares.len() {
            1 => share.node.to_string(),
            _ => format!("{} {}", share.node, share.percent),
        })
        .collect();
    all.join(", ")
}

/// One outcome in a few words.
pub(super) fn end(outcome: &Outcome) -> String {
    match outcome.end {
        End::Nodes => list(&outcome.nodes),
        End::Answer => match outcome.status {
            Some(404) => "404: no route matches".to_owned(),
            Some(503) => "503: no target has a share".to_owned(),
            Some(status) => format!("{status} by the proxy"),
            None => "an answer by the proxy".to_owned(),
        },
        End::Leaves => "leaves the mesh".to_owned(),
        End::Refused => "refused".to_owned(),
        End::Unclear => {
            "cannot be determined: it depends on raw Envoy fields or addresses that are not known"
                .to_owned()
        }
    }
}

/// The section as Markdown: one row a class.
pub(super) fn markdown(traffic: &Traffic) -> Vec<String> {
    let mut parts = Vec::new();
    for entry in &traffic.entries {
        let mut text =
            format!("\n**{}**: {}\n", escape(&entry_name(entry, View::default())), proof(entry));
        if !entry.changes.is_empty() {
            text.push_str(
                "\n| | request | before | after | by |\n| --- | --- | --- | --- | --- |\n",
            );
        }
        parts.push(text);
        for change in &entry.changes {
            let (symbol, _, word) = severity(change.severity);
            let seen = |side: &Outcome, other: &Outcome| {
                let path = side.path.as_ref().filter(|_| side.path != other.path);
                let path = path.map_or_else(String::new, |path| format!(", sees `{}`", code(path)));
                let is_after = std::ptr::eq(side, &change.after);
                let met = change.policy.iter().map(|own| {
                    let value = if is_after { &own.after } else { &own.before };
                    let at = &at(own)[usize::from(is_after)];
                    format!(", {} `{}`{at}", own.name, code(value.as_deref().unwrap_or("unset")))
                });
                format!("{}{path}{}", escape(&end(side)), met.collect::<String>())
            };
            let causes: Vec<String> =
                change.caused_by.iter().map(|address| format!("`{address}`")).collect();
            parts.push(format!(
                "| {} | `{}` | {} | {} | {} |\n",
                format!("{symbol} {word}").trim(),
                code(&request(&change.witness)),
                seen(&change.before, &change.after),
                seen(&change.after, &change.before),
                causes.join(", ")
            ));
        }
    }
    if !traffic.policies.is_empty() {
        parts.push(
            "\n**policies that requests meet**\n\n| | setting | before | after | met by | by |\n\
             | --- | --- | --- | --- | --- | --- |\n"
                .to_owned(),
        );
    }
    for policy in &traffic.policies {
        let (symbol, _, word) = severity(policy.severity);
        let causes: Vec<String> =
            policy.caused_by.iter().map(|address| format!("`{address}`")).collect();
        for own in &policy.settings {
            let value = |value: &Option<String>| match value {
                Some(text) => format!("`{}`", code(text)),
                None => "unset".to_owned(),
            };
            parts.push(format!(
                "| {} | `{}` of {} | {} | {} | `{}` and all of {} at {} | {} |\n",
                format!("{symbol} {word}").trim(),
                own.name,
                escape(&places(policy, NAMED)),
                value(&own.before),
                value(&own.after),
                code(&request(&policy.witness)),
                many(policy.classes, "request class", "request classes"),
                many(policy.entry_count, "entry point", "entry points"),
                causes.join(", ")
            ));
        }
    }
    if let Some((was, is)) = traffic.egress {
        parts.push(format!(
            "\n**calls to what the mesh does not define**: {} -> {}\n",
            egress(was),
            egress(is)
        ));
    }
    if traffic.same_entries > 0 {
        let same = same(traffic);
        let (first, rest) = same.split_at(1);
        parts.push(format!("\n{}{rest}.\n", first.to_uppercase()));
    }
    parts
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('|', "\\|")
}

/// Text inside backticks, in a table.
fn code(text: &str) -> String {
    text.replace('`', "'").replace('|', "\\|")
}
