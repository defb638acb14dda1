//! Findings as JSON, version 1 (`schemas/diagnostics.v1.schema.json`).

use crate::diag::{Diagnostic, Label, Severity};
use crate::rules::TlsFiles;
use crate::span::{Files, LineColumn, Loc};
use serde::Serialize;

/// The document that `check --format json` prints.
#[derive(Debug, Serialize)]
pub(super) struct Document {
    format: &'static str,
    format_version: &'static str,
    summary: Summary,
    diagnostics: Vec<Item>,
    not_checked: Vec<Unread>,
}

/// The document that any command prints with `--format json` when it could not do its work.
#[derive(Debug, Serialize)]
pub struct FailureDocument {
    /// Always `meshctl.failure`.
    pub format: &'static str,
    /// The version of this form.
    pub format_version: &'static str,
    /// The exit code of the process.
    pub exit_code: u8,
    /// What went wrong.
    pub message: String,
    /// Why, from near to far.
    pub causes: Vec<String>,
    /// What to do.
    pub hints: Vec<String>,
    /// Findings in the user's files, if they are what went wrong.
    pub diagnostics: Vec<Item>,
}

/// A file that the mesh names for TLS and that nobody opened.
#[derive(Debug, Serialize)]
struct Unread {
    path: String,
    reason: &'static str,
}

#[derive(Debug, Serialize)]
struct Summary {
    errors: usize,
    warnings: usize,
    remarks: usize,
}

/// One finding.
#[derive(Debug, Serialize)]
pub struct Item {
    code: &'static str,
    name: &'static str,
    severity: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    location: Option<Location>,
    related: Vec<Location>,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<String>,
    explain: String,
}

#[derive(Debug, Serialize)]
struct Location {
    path: String,
    start: Position,
    end: Position,
    #[serde(skip_serializing_if = "String::is_empty")]
    label: String,
}

#[derive(Debug, Serialize)]
struct Position {
    line: u32,
    column: u32,
}

impl From<LineColumn> for Position {
    fn from(at: LineColumn) -> Self {
        Self { line: at.line, column: at.column }
    }
}

fn location(loc: Loc, label: &str, files: &Files) -> Location {
    Location {
        path: files.get(loc.file).path().to_owned(),
        start: files.start(loc).into(),
        end: files.end(loc).into(),
        label: label.to_owned(),
    }
}

/// Findings as the items of a document.
pub fn items(diagnostics: &[Diagnostic], files: &Files) -> Vec<Item> {
    diagnostics
        .iter()
        .map(|diagnostic| Item {
            code: diagnostic.code.id,
            name: diagnostic.code.name,
            severity: diagnostic.severity.as_str(),
            message: diagnostic.message.clone(),
            address: diagnostic.address.clone(),
            location: diagnostic
                .primary
                .as_ref()
                .map(|Label { loc, text }| location(*loc, text, files)),
            related: diagnostic
                .related
                .iter()
                .map(|Label { loc, text }| location(*loc, text, files))
                .collect(),
            help: diagnostic.help.clone(),
            explain: format!("meshctl explain {}", diagnostic.code.id),
        })
        .collect()
}

/// The document of a check.
pub fn document(diagnostics: &[Diagnostic], files: &Files, tls: &TlsFiles) -> String {
    let count = |severity| diagnostics.iter().filter(|d| d.severity == severity).count();
    let document = Document {
        format: "meshctl.diagnostics",
        format_version: "1.0",
        summary: Summary {
            errors: count(Severity::Error),
            warnings: count(Severity::Warning),
            remarks: count(Severity::Info),
        },
        diagnostics: items(diagnostics, files),
        not_checked: (tls.unchecked().into_iter())
            .map(|(path, why)| Unread { path: path.to_owned(), reason: why.as_str() })
            .collect(),
    };
    let mut text =
        serde_json::to_string_pretty(&document).expect("invariant: the document is plain data");
    text.push('\n');
    text
}
