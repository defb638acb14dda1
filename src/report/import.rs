//! The report of an import, for people and as a document.

use super::{diagnostic_items, paint};
use crate::import::{Imported, Reason};
use serde_json::{Value, json};
use std::fmt::Write as _;

/// The report as text: what was lost, then what is good to know. Bookkeeping is left out unless
/// asked for.
pub fn text(imported: &Imported, all: bool, color: bool) -> String {
    let mut out = String::new();
    for reason in Reason::ALL {
        let entries: Vec<_> =
            imported.report.iter().filter(|entry| entry.reason == reason).collect();
        if entries.is_empty() {
            continue;
        }
        let style = if reason.is_loss() { "33;1" } else { "1" };
        let title = format!("{} ({})", reason.as_str(), entries.len());
        let title = paint(color, &title, style);
        if reason == Reason::Elsewhere && !all {
            let _ = match entries.len() {
                1 => writeln!(out, "Skipped 1 field that is not mesh configuration (-v shows it)"),
                n => writeln!(
                    out,
                    "Skipped {n} fields that are not mesh configuration (-v lists them)"
                ),
            };
            continue;
        }
        let _ = writeln!(out, "{title}  {}", reason.code().id);
        for entry in entries {
            let place = imported.files.show_line(entry.loc);
            let address = entry.address.as_deref().unwrap_or_default();
            let what: Vec<&str> =
                [address, &entry.field].into_iter().filter(|text| !text.is_empty()).collect();
            let what = if what.is_empty() { String::new() } else { what.join(" ") + ": " };
            let _ = writeln!(out, "  {place}: {what}{}", entry.message);
        }
    }
    out
}

/// The whole import as a document.
pub fn document(imported: &Imported, written: Option<&str>) -> String {
    let report: Vec<Value> = imported
        .report
        .iter()
        .map(|entry| {
            let at = imported.files.start(entry.loc);
            json!({
                "reason": entry.reason.as_str(),
                "code": entry.reason.code().id,
                "lost": entry.reason.is_loss(),
                "file": imported.files.get(entry.loc.file).path(),
                "line": at.line,
                "column": at.column,
                "address": entry.address,
                "field": entry.field,
                "message": entry.message,
            })
        })
        .collect();
    let diagnostics = imported.diagnostics.clone().sorted();
    let document = json!({
        "format": "meshctl.import",
        "format_version": "1.0",
        "mesh": imported.mesh.settings.name,
        "sources": imported.sources,
        "losses": imported.losses(),
        "written": written,
        "files": imported.project,
        "report": report,
        "diagnostics": diagnostic_items(&diagnostics, &imported.files),
    });
    format!("{document:#}\n")
}
