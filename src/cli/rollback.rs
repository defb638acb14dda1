//! `rollback`: a plan back to an earlier revision, then applied as a new one.

use super::carry::CarryArgs;
use super::{Context, Exit, Failure, Format, apply};
use crate::plan::{self, Consent, Guards, Input, Scope};
use clap::Args;

/// Bring an earlier revision back, as a new one
///
/// The way back is a plan like any other: it is shown, approved, and carried out in steps. The
/// files are not touched; until they say the same, the next plan leads away from it again.
#[derive(Debug, Args)]
pub(super) struct RollbackArgs {
    /// The revision to go back to; the one before the newest unless given
    #[arg(value_name = "REV")]
    revision: Option<u64>,

    /// Go back only if the plan has this digest
    #[arg(long, value_name = "DIGEST")]
    expect: Option<String>,

    #[command(flatten)]
    carry: CarryArgs,
}

pub(super) fn run(context: &Context, args: &RollbackArgs) -> Result<Exit, Failure> {
    let format = context.format(&[Format::Text, Format::Json, Format::Ndjson])?;
    let loaded = context.load()?;
    let target = context.open_target(&loaded)?;
    let state = target.state()?;
    let Some(newest) = state.live.revision else {
        return Err(Failure::new(Exit::Failed, format!("{} holds no revision", target.id.name)));
    };
    let history = target.history()?;
    let parent = history.first().and_then(|manifest| manifest.parent);
    let Some(to) = args.revision.or(parent) else {
        let message = format!("there is no revision before {newest}");
        return Err(Failure::new(Exit::Failed, message));
    };
    let before = target.at(to)?;
    // The revision itself was guarded when it was made; what it protected stays protected.
    let guards = Guards {
        protected: loaded.project.guards.protected.iter().cloned().collect(),
        max_deletes: usize::MAX,
        ..Guards::default()
    };
    let consent =
        Consent { deletes: Some(usize::MAX), updates: Some(usize::MAX), ..Consent::default() };
    let (plan, findings) = plan::plan(&Input {
        target: target.id.clone(),
        live: &state.live,
        unrecorded: false,
        desired: &before.mesh,
        owner: loaded.project.owner.as_deref(),
        places: None,
        settings: &target.settings,
        scope: Scope::default(),
        guards,
        consent,
        drift: Vec::new(),
    });
    if let Some(given) = &args.expect {
        apply::expect(given, &plan)?;
    }
    context.ui.status(&format!("From revision {newest} back to what {to} was."));
    apply::go(context, &args.carry, &loaded, &target, format, &plan, &findings.sorted())
}
