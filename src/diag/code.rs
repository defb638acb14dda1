//! The identity of a kind of finding: a permanent number and name, and the text that explains it.

use std::fmt;

/// How bad a finding is. The order is from mild to severe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing; nothing need be done.
    Info,
    /// Probably not what was meant.
    Warning,
    /// Must be mended: nothing is rendered, planned or applied with it.
    Error,
}

impl Severity {
    /// The word that is printed.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A kind of finding. Codes are constants beside the check that raises them; ids and names are
/// permanent, and a retired one is never used again.
#[derive(Debug, PartialEq, Eq)]
pub struct Code {
    /// `MC` and four digits; the first two are the family.
    pub id: &'static str,
    /// The bad pattern in kebab case, for example `unknown-reference`.
    pub name: &'static str,
    /// The severity that it has unless the project says otherwise.
    pub severity: Severity,
    /// One line without user names.
    pub summary: &'static str,
    /// What it means, why it matters and how to mend it, in a few sentences.
    pub explanation: &'static str,
}

impl Code {
    /// An error.
    pub const fn error(
        id: &'static str,
        name: &'static str,
        summary: &'static str,
        explanation: &'static str,
    ) -> Self {
        Self { id, name, severity: Severity::Error, summary, explanation }
    }

    /// A warning.
    pub const fn warning(
        id: &'static str,
        name: &'static str,
        summary: &'static str,
        explanation: &'static str,
    ) -> Self {
        Self { id, name, severity: Severity::Warning, summary, explanation }
    }

    /// A remark.
    pub const fn info(
        id: &'static str,
        name: &'static str,
        summary: &'static str,
        explanation: &'static str,
    ) -> Self {
        Self { id, name, severity: Severity::Info, summary, explanation }
    }
}
