//! The report of an import: what did not become TOML, and what its reader should know.

use super::codes;
use crate::diag::Code;
use crate::span::Loc;

/// One line of the report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Why it is there.
    pub reason: Reason,
    /// Where the source says it.
    pub loc: Loc,
    /// The resource that it is about.
    pub address: Option<String>,
    /// The field, in the words of the source; or the variable's name.
    pub field: String,
    /// What is so.
    pub message: String,
}

/// Why something is in the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// The format or App Mesh can say it, the language cannot.
    Unsupported,
    /// It makes definitions, which are not in the sources.
    Generator,
    /// App Mesh has no such field.
    Unknown,
    /// The value comes from somewhere else.
    Unresolved,
    /// It was written down, but refers to something of AWS.
    AwsOnly,
    /// A name had to be changed.
    Renamed,
    /// It was concluded, not read.
    Assumed,
    /// A later definition won.
    Overridden,
    /// It is no setting of the mesh.
    Elsewhere,
}

impl Reason {
    /// Every reason, the gravest first.
    pub const ALL: [Self; 9] = [
        Self::Unsupported,
        Self::Generator,
        Self::Unknown,
        Self::Unresolved,
        Self::AwsOnly,
        Self::Renamed,
        Self::Assumed,
        Self::Overridden,
        Self::Elsewhere,
    ];

    /// The word in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unsupported => "unsupported",
            Self::Generator => "generator",
            Self::Unknown => "unknown-field",
            Self::Unresolved => "unresolved",
            Self::AwsOnly => "aws-only",
            Self::Renamed => "renamed",
            Self::Assumed => "assumed",
            Self::Overridden => "overridden",
            Self::Elsewhere => "elsewhere",
        }
    }

    /// The code that explains it.
    pub const fn code(self) -> &'static Code {
        match self {
            Self::Unsupported => &codes::UNSUPPORTED,
            Self::Generator => &codes::GENERATOR,
            Self::Unknown => &codes::UNKNOWN_FIELD,
            Self::Unresolved => &codes::UNRESOLVED,
            Self::AwsOnly => &codes::AWS_ONLY,
            Self::Renamed => &codes::RENAMED,
            Self::Assumed => &codes::ASSUMED,
            Self::Overridden => &codes::OVERRIDDEN,
            Self::Elsewhere => &codes::ELSEWHERE,
        }
    }

    /// Whether something of the source is not in the result.
    pub const fn is_loss(self) -> bool {
        matches!(self, Self::Unsupported | Self::Generator | Self::Unknown | Self::Unresolved)
    }
}
