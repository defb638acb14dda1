//! Why something was not done, as the answer says it.

use crate::apply;
use crate::live;
use crate::live::server::wire::Problem;
use crate::store;

/// A problem without causes.
pub(super) fn of(code: &str, message: impl Into<String>) -> Problem {
    Problem { code: code.to_owned(), message: message.into(), causes: Vec::new(), hint: None }
}

impl Problem {
    /// Adds what to do.
    #[must_use]
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

fn with_causes(code: &str, error: &dyn std::error::Error) -> Problem {
    let mut problem = of(code, error.to_string());
    let mut source = error.source();
    while let Some(cause) = source {
        problem.causes.push(cause.to_string());
        source = cause.source();
    }
    problem
}

/// An error of a target.
pub(super) fn live(error: &live::Error) -> Problem {
    let code = match error {
        live::Error::Stale { .. } => "stale",
        live::Error::Busy { .. } => "busy",
        live::Error::OtherMesh { .. } => "refused",
        live::Error::NoRevision { .. } => "no-revision",
        live::Error::Store { unknown: true, .. } => "unknown-outcome",
        live::Error::Store { .. } | live::Error::Io { .. } => "unavailable",
        live::Error::Damaged { .. } | live::Error::Newer { .. } => "damaged",
        live::Error::NotAFolder { .. }
        | live::Error::NoFiles { .. }
        | live::Error::Setup { .. }
        | live::Error::Unavailable { .. }
        | live::Error::Odd { .. }
        | live::Error::Api { .. } => "failed",
    };
    Problem { hint: error.hint(), ..with_causes(code, error) }
}

/// An error of the store.
pub(super) fn store(error: &store::Error) -> Problem {
    let code = match error {
        store::Error::Unknown { .. } => "unknown-outcome",
        store::Error::NoRevision { .. } => "no-revision",
        store::Error::Stale { .. } => "stale",
        store::Error::Full { .. } | store::Error::Stopped { .. } | store::Error::Io { .. } => {
            "unavailable"
        }
        store::Error::Damaged { .. } | store::Error::Audit { .. } | store::Error::Newer { .. } => {
            "damaged"
        }
        store::Error::Exists { .. } => "refused",
        store::Error::Busy { .. } => "busy",
        store::Error::Missing { .. }
        | store::Error::Landed { .. }
        | store::Error::Incomplete { .. } => "failed",
    };
    let hint = error.hint().map(str::to_owned);
    Problem { hint, ..with_causes(code, error) }
}

/// Why an apply did not begin.
pub(super) fn apply(error: &apply::Error) -> Problem {
    match error {
        apply::Error::Live(error) => live(error),
        apply::Error::Stale { .. } | apply::Error::Unfit(_) => {
            with_causes("stale", error).hint("plan again and review the new plan")
        }
        apply::Error::NoRollout => {
            with_causes("no-rollout", error).hint("meshctl status shows what the target holds")
        }
    }
}
