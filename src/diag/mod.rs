//! Findings about the user's files: what a diagnostic is, and the sink that collects them.
//!
//! This module knows no particular finding; each stage owns its codes.
#![deny(clippy::disallowed_methods)]

mod code;
pub mod shell;
mod suggest;

pub use code::{Code, Severity};
pub use suggest::nearest;

use crate::span::Loc;

/// A place that a diagnostic points at, with a few words that say why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// The place.
    pub loc: Loc,
    /// What is there; may be empty.
    pub text: String,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// What kind of finding it is.
    pub code: &'static Code,
    /// Its severity, after the levels of the project were applied.
    pub severity: Severity,
    /// One sentence, with the user's names in backticks.
    pub message: String,
    /// Where it is. `None` only where there is no file to point at (an empty project).
    pub primary: Option<Label>,
    /// The other places that take part in it.
    pub related: Vec<Label>,
    /// What to do about it.
    pub help: Option<String>,
    /// The address of the resource that it is about, as text.
    pub address: Option<String>,
}

impl Diagnostic {
    /// Starts a diagnostic that points at a place.
    pub fn new(code: &'static Code, loc: Loc, message: impl Into<String>) -> Self {
        Self::unplaced(code, message).at(loc, "")
    }

    /// Starts a diagnostic that has no place in any file.
    pub fn unplaced(code: &'static Code, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: code.severity,
            message: message.into(),
            primary: None,
            related: Vec::new(),
            help: None,
            address: None,
        }
    }

    /// Sets the primary place.
    #[must_use]
    pub fn at(mut self, loc: Loc, text: impl Into<String>) -> Self {
        self.primary = Some(Label { loc, text: text.into() });
        self
    }

    /// Adds words to the primary place.
    #[must_use]
    pub fn label(mut self, text: impl Into<String>) -> Self {
        if let Some(primary) = &mut self.primary {
            primary.text = text.into();
        }
        self
    }

    /// Adds another place.
    #[must_use]
    pub fn related(mut self, loc: Loc, text: impl Into<String>) -> Self {
        self.related.push(Label { loc, text: text.into() });
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help = Some(text.into());
        self
    }

    /// Says which resource it is about.
    #[must_use]
    pub fn about(mut self, address: impl ToString) -> Self {
        self.address = Some(address.to_string());
        self
    }
}

/// Collects diagnostics. Stages push; only the report sorts and draws.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnostics {
    items: Vec<Diagnostic>,
}

impl Diagnostics {
    /// Adds one finding.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.items.push(diagnostic);
    }

    /// Adds all findings of another collection.
    pub fn append(&mut self, mut other: Self) {
        self.items.append(&mut other.items);
    }

    /// The findings in the order in which they are shown: file, offset, code, message.
    pub fn sorted(mut self) -> Vec<Diagnostic> {
        self.items.sort_by(|a, b| {
            let key = |d: &Diagnostic| (d.primary.as_ref().map(|l| l.loc), d.code.id);
            key(a).cmp(&key(b)).then_with(|| a.message.cmp(&b.message))
        });
        self.items.dedup();
        self.items
    }

    /// All findings, as they came.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.items.iter()
    }

    /// Keeps the findings for which `keep` says so; `keep` may change them.
    pub fn retain_mut(&mut self, keep: impl FnMut(&mut Diagnostic) -> bool) {
        self.items.retain_mut(keep);
    }

    /// Whether any finding is an error.
    pub fn has_errors(&self) -> bool {
        self.items.iter().any(|d| d.severity == Severity::Error)
    }

    /// Whether there is no finding at all.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// How many findings there are.
    pub fn len(&self) -> usize {
        self.items.len()
    }
}
