//! A plan as a JSON document, version 1 (`schemas/plan.v1.schema.json`). It is what `-o` saves, too.

use super::diagnostics_json::{Item, items};
use crate::diag::{Diagnostic, Severity};
use crate::plan::Plan;
use crate::span::Files;
use serde::Serialize;

/// A plan with what only the run that made it knows.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// Findings about the change.
    pub findings: &'a [Diagnostic],
    /// The files, if the plan was made from files just now.
    pub files: Option<&'a Files>,
    /// The files' paths and hashes.
    pub sources: &'a [(String, String)],
}

/// Fields that are not part of a plan stand beside its own. Readers ignore what they do not know.
#[derive(Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    plan: &'a Plan,
    applyable: bool,
    errored: bool,
    tool: Tool,
    sources: Vec<Source<'a>>,
    diagnostics: Vec<Item>,
}

#[derive(Serialize)]
struct Tool {
    name: &'static str,
    version: &'static str,
}

#[derive(Serialize)]
struct Source<'a> {
    path: &'a str,
    sha256: &'a str,
}

/// The document.
pub fn document(shown: &Shown<'_>) -> String {
    let none = Files::default();
    let files = shown.files.unwrap_or(&none);
    let errored = shown.findings.iter().any(|d| d.severity == Severity::Error);
    let document = Document {
        plan: shown.plan,
        applyable: !errored && !shown.plan.is_empty() && shown.plan.refusals().next().is_none(),
        errored,
        tool: Tool { name: "meshctl", version: env!("CARGO_PKG_VERSION") },
        sources: shown.sources.iter().map(|(path, sha256)| Source { path, sha256 }).collect(),
        diagnostics: items(shown.findings, files),
    };
    let mut text =
        serde_json::to_string_pretty(&document).expect("invariant: the document is plain data");
    text.push('\n');
    text
}
