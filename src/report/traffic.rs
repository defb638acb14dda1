//! The TRAFFIC section of a plan: which requests fare otherwise, as people read it.

use super::paint;
use super::plan::{View, many};
use crate::model::{Address, EgressFilter, NodeName, Port};
use crate::plan::{
    End, NodeShare, Outcome, Traffic, TrafficChange, TrafficEntry, TrafficSeverity, Witness,
};
use std::fmt::Write;

/// So many classes of an entry point are shown; `-v` shows all that the plan holds.
const SHOWN: usize = 8;
/// So many callers of a service are named.
const CALLERS: usize = 3;

/// The section, or nothing if the changes reach no entry point.
pub(super) fn section(text: &mut String, traffic: &Traffic, view: View) {
    if traffic.is_empty() {
        return;
    }
    let head = paint(view.color, "TRAFFIC", "1");
    if traffic.entries.is_empty() && traffic.egress.is_none() {
        let _ = writeln!(text, "\n{head}   every request fares as before: {}", same(traffic));
        return;
    }
    let _ = writeln!(text, "\n{head}");
    for entry in &traffic.entries {
        entry_lines(text, entry, view);
    }
    if let Some((was, is)) = traffic.egress {
        let symbol = if is == EgressFilter::DropAll { "!" } else { "+" };
        let symbol = paint(view.color, symbol, if symbol == "!" { "31" } else { "32" });
        let _ = writeln!(text, "  calls to what the mesh does not define");
        let _ = writeln!(text, "    {symbol} {} -> {}", egress(was), egress(is));
    }
    if traffic.same_entries > 0 {
        let _ = writeln!(text, "  every request fares as before: {}", same(traffic));
    }
}

fn same(traffic: &Traffic) -> String {
    format!("{} with the same routes", many(traffic.same_entries, "entry point", "entry points"))
}

fn egress(filter: EgressFilter) -> &'static str {
    match filter {
        EgressFilter::AllowAll => "leave the mesh",
        EgressFilter::DropAll => "are refused",
    }
}

/// The entry point with its port and those who call it.
fn entry_name(entry: &TrafficEntry, view: View) -> String {
    let mut name = format!("{}:{}", entry.entry, entry.port);
    if let Address::Service(service) = &entry.entry {
        let shown = if view.full { entry.callers.len() } else { CALLERS };
        let mut callers: Vec<String> =
            entry.callers.iter().take(shown).map(ToString::to_string).collect();
        if entry.callers.len() > shown {
            callers.push(format!("{} more", entry.callers.len() - shown));
        }
        name = format!("{service}:{}, called by {}", entry.port, callers.join(", "));
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

/// How many classes change, and that the others do not.
pub(super) fn proof(entry: &TrafficEntry) -> String {
    if !entry.decided {
        return format!(
            "{} change; the comparison was given up at its limit, so there may be more",
            many(entry.changed, "class of requests", "classes of requests")
        );
    }
    if entry.changed == 0 {
        return format!(
            "none of {} changes",
            many(entry.classes, "request class", "request classes")
        );
    }
    let verb = if entry.changed == 1 { "changes" } else { "change" };
    let classes = many(entry.classes, "request class", "request classes");
    match entry.classes - entry.changed {
        0 => format!("{} of {classes} {verb}", entry.changed),
        rest => format!("{} of {classes} {verb}, {rest} proven unchanged", entry.changed),
    }
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
    if !change.proven {
        let _ =
            writeln!(text, "        not decided: it hangs on a condition that is not looked into");
    }
    let causes: Vec<String> =
        change.caused_by.iter().take(CALLERS).map(ToString::to_string).collect();
    let more = match change.caused_by.len().saturating_sub(CALLERS) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    if !causes.is_empty() {
        let _ = writeln!(text, "        by {}{more}", causes.join(", "));
    }
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
            Some(404) => "404: no route takes it".to_owned(),
            Some(503) => "503: no target has a share".to_owned(),
            Some(status) => format!("{status} by the proxy"),
            None => "an answer by the proxy".to_owned(),
        },
        End::Leaves => "leaves the mesh".to_owned(),
        End::Refused => "nobody takes it".to_owned(),
        End::Unclear => "not decided: raw Envoy fields".to_owned(),
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
                format!("{}{path}", escape(&end(side)))
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
    if let Some((was, is)) = traffic.egress {
        parts.push(format!(
            "\n**calls to what the mesh does not define**: {} -> {}\n",
            egress(was),
            egress(is)
        ));
    }
    if traffic.same_entries > 0 {
        parts.push(format!("\nEvery request fares as before: {}.\n", same(traffic)));
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
