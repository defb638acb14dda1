//! How commands end: exit codes, and failures with their causes and hints.

use super::Format;
use crate::diag::Diagnostic;
use crate::load::{Loaded, NotWritten};
use crate::report::{FailureDocument, Ui, diagnostic_items};
use clap::ValueEnum;
use std::ffi::OsString;
use std::fmt;
use std::path::Path;

/// How a command ended. The numbers are a promise (see the README).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Done,
    /// Could not do it.
    Failed,
    /// Differences, where the flags ask for this code.
    Differences,
    /// Findings in the user's files.
    Findings,
    /// Refused by a guard, or approval is missing.
    Refused,
    /// What the plan read has changed.
    Stale,
    /// Busy or unavailable; try again.
    Busy,
    /// Committed, but not every proxy has it.
    NotConverged,
    /// The outcome is unknown.
    Unknown,
    /// The call is wrong.
    Usage,
    /// Interrupted by Ctrl-C at a safe point.
    Interrupted,
    /// Terminated at a safe point.
    Terminated,
}

impl Exit {
    /// The number: the only place that knows it.
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Differences => 2,
            Self::Findings => 3,
            Self::Refused => 4,
            Self::Stale => 5,
            Self::Busy => 6,
            Self::NotConverged => 7,
            Self::Unknown => 8,
            Self::Usage => 64,
            Self::Interrupted => 130,
            Self::Terminated => 143,
        }
    }
}

/// Why a command did not do its work.
#[derive(Debug)]
pub struct Failure {
    /// How the process ends.
    pub exit: Exit,
    /// What could not be done.
    pub message: String,
    /// Why, from near to far.
    pub causes: Vec<String>,
    /// What to do.
    pub hints: Vec<String>,
    /// The findings that are the reason, with the project that they are about.
    pub findings: Option<Box<(Vec<Diagnostic>, Loaded)>>,
}

impl Failure {
    /// A failure without causes.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.into(),
            causes: Vec::new(),
            hints: Vec::new(),
            findings: None,
        }
    }

    /// A failure of the world: its message, and the chain of its sources.
    pub fn from_error(exit: Exit, error: &dyn std::error::Error) -> Self {
        let mut failure = Self::new(exit, error.to_string());
        let mut source = error.source();
        while let Some(cause) = source {
            failure.causes.push(cause.to_string());
            source = cause.source();
        }
        failure
    }

    /// A file that could not be written.
    pub(super) fn unwritten(path: &Path, error: &dyn fmt::Display) -> Self {
        Self::new(Exit::Failed, format!("cannot write {}", path.display())).cause(error.to_string())
    }

    /// A file that could not be created by `command`.
    pub(super) fn not_created(command: &str, path: &Path, error: &NotWritten) -> Self {
        let failure = Self::unwritten(path, error);
        match error.exists() {
            true => {
                failure.hint(format!("{command} never overwrites a file; choose another folder"))
            }
            false => failure,
        }
    }

    /// Adds what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// The failure for those who read documents: with `json` one document, with `ndjson` the last
    /// line. Other formats have none. `aimed` gives a hint as it is told.
    pub(super) fn document(
        &self,
        format: Format,
        aimed: impl Fn(&str) -> String,
    ) -> Option<String> {
        let document = FailureDocument {
            format: "meshctl.failure",
            format_version: "1.0",
            exit_code: self.exit.code(),
            message: self.message.clone(),
            causes: self.causes.clone(),
            hints: self.hints.iter().map(|hint| aimed(hint)).collect(),
            diagnostics: match &self.findings {
                Some(found) => diagnostic_items(&found.0, &found.1.files),
                None => Vec::new(),
            },
        };
        match format {
            Format::Json => Some(serde_json::to_string_pretty(&document).ok()? + "\n"),
            Format::Ndjson => {
                let mut line = serde_json::to_value(&document).ok()?;
                line["v"] = 1.into();
                line["type"] = "summary".into();
                line["at"] = jiff::Timestamp::now().to_string().into();
                Some(format!("{line}\n"))
            }
            Format::Text
            | Format::Markdown
            | Format::Github
            | Format::Sarif
            | Format::Junit
            | Format::AppmeshJson
            | Format::Mermaid
            | Format::Dot
            | Format::Svg => None,
        }
    }

    /// Adds a cause.
    #[must_use]
    pub fn cause(mut self, cause: impl Into<String>) -> Self {
        self.causes.push(cause.into());
        self
    }
}

/// What clap says, with our exit code: help and versions are results, the rest is wrong usage.
///
/// Of the caller's format nothing is known here but the words of the call and the environment.
pub(super) fn usage(ui: &Ui, error: &clap::Error, args: &[OsString]) -> Exit {
    let rendered = error.render();
    if !error.use_stderr() {
        ui.usage(&rendered, args, true);
        return Exit::Done;
    }
    let text = error.to_string();
    let message = text.lines().next().unwrap_or_default().trim_start_matches("error: ");
    let failure = Failure::new(Exit::Usage, message);
    if let Some(document) = failure.document(wanted(args), str::to_owned) {
        ui.result(&document);
    }
    ui.usage(&rendered, args, false);
    Exit::Usage
}

/// The format that a call asks for which could not be read as a whole.
fn wanted(args: &[OsString]) -> Format {
    let mut word = std::env::var("MESHCTL_FORMAT").unwrap_or_default();
    let mut args = args.iter().filter_map(|arg| arg.to_str()).take_while(|arg| *arg != "--");
    while let Some(arg) = args.next() {
        if arg == "--format" {
            word = args.next().unwrap_or_default().to_owned();
        } else if let Some(given) = arg.strip_prefix("--format=") {
            word = given.to_owned();
        }
    }
    Format::from_str(&word, false).unwrap_or_default()
}
