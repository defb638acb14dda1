//! `apply`: applies the files to the target, and verifies the result.

use super::carry::{self, CarryArgs, Work};
use super::planning::{self, PlanningArgs};
use super::target::{self, Target};
use super::{Context, Exit, Failure, Format, plan as plan_command, show};
use crate::diag::Diagnostic;
use crate::diag::shell::word;
use crate::load::Loaded;
use crate::plan::{self, Against, Plan, Unlike, digest_matches, short};
use crate::report;
use crate::report::plan as text;
use crate::revision::Live;
use clap::Args;
use std::path::{Path, PathBuf};

/// Apply the files to the target step by step, and verify that the proxies acknowledge each step
///
/// Plans, asks for approval, commits one revision, and applies it in steps: new resources first,
/// unused ones last. Between two steps every proxy that can be asked must have acknowledged the
/// first one, and a switch waits for the nodes that gain requests. A rejection is traced to its line
/// in the files and rolled back, unless `--on-nack` says otherwise.
#[derive(Debug, Args)]
pub(super) struct ApplyArgs {
    /// A saved plan: exactly that is applied, or nothing
    #[arg(value_name = "PLANFILE", conflicts_with_all = ["resume", "rewrite"])]
    plan: Option<PathBuf>,

    /// Apply only if the plan has this digest
    #[arg(long, value_name = "DIGEST", conflicts_with_all = ["resume", "rewrite"])]
    expect: Option<String>,

    /// Resume a rollout that was interrupted, was halted, or stopped before a switch
    #[arg(long, conflicts_with_all = ["rewrite", "canary"])]
    resume: bool,

    /// Write the files of every proxy again from the live model, which removes drift
    #[arg(long, conflicts_with = "canary")]
    rewrite: bool,

    #[command(flatten)]
    planning: PlanningArgs,

    #[command(flatten)]
    carry: CarryArgs,
}

pub(super) fn run(context: &Context, args: &ApplyArgs) -> Result<Exit, Failure> {
    let format = context.format(&[Format::Text, Format::Json, Format::Ndjson])?;
    if args.resume || args.rewrite {
        let loaded = context.load()?;
        let target = context.open_target(&loaded)?;
        let accept = planning::accepted(&args.planning.accept, &plan::codes::MISSING_TARGET);
        let work = if args.resume { Work::Resume { accept } } else { Work::Rewrite };
        return carry::carry_out(context, &args.carry, &loaded, &target, format, &work);
    }
    if let (Some(key), None) = (&args.carry.key, &args.plan) {
        // What was asked for under the key is told, whatever the files say by now.
        let loaded = context.load()?;
        let target = context.open_target(&loaded)?;
        let known = target.server().map(|server| server.knows(key)).transpose();
        if known.map_err(|error| target::failure(&error))? == Some(true) {
            let work = Work::Known { expect: args.expect.as_deref() };
            return carry::carry_out(context, &args.carry, &loaded, &target, format, &work);
        }
    }
    let (loaded, target, plan, findings) = match &args.plan {
        Some(path) => {
            let loaded = context.load()?;
            let target = context.open_target(&loaded)?;
            let plan = saved(path, &target)?;
            (loaded, target, plan, Vec::new())
        }
        None => {
            let loaded = context.load_checked()?;
            let target = context.open_target(&loaded)?;
            let state = target.state()?;
            let planned = planning::make(&loaded, &target, &state, &args.planning)?;
            (loaded, target, planned.plan, planned.findings)
        }
    };
    if let Some(given) = &args.expect {
        expect(given, &plan)?;
    }
    let shown = Planned { plan: &plan, findings: &findings, absent: text::NOT_IN_FILES };
    go(context, &args.carry, &loaded, &target, format, &shown)
}

/// A plan that is to be approved.
pub(super) struct Planned<'a> {
    pub(super) plan: &'a Plan,
    /// Findings about the change.
    pub(super) findings: &'a [Diagnostic],
    /// What is said of what it deletes: where it is not.
    pub(super) absent: &'a str,
}

/// Shows a plan, asks for approval, and applies it.
pub(super) fn go(
    context: &Context,
    args: &CarryArgs,
    loaded: &Loaded,
    target: &Target,
    format: Format,
    planned: &Planned<'_>,
) -> Result<Exit, Failure> {
    let Planned { plan, findings, absent } = *planned;
    carry::can_tell(args, target)?;
    if plan.refusals().next().is_some() {
        let refused: Vec<String> = plan
            .refusals()
            .map(|refusal| format!("refused by {}: {}", refusal.code, refusal.message))
            .collect();
        let failure = Failure::new(Exit::Refused, refused.join("; "));
        let failure = plan.refusals().fold(failure, |failure, refusal| {
            failure.hint(match refusal.consent.starts_with("--") {
                true => format!("to consent to exactly this, add {}", refusal.consent),
                false => refusal.consent.clone(),
            })
        });
        return Err(match planning::with_consent(plan) {
            Some(with) => failure.hint(with),
            None => failure,
        });
    }
    if !plan.is_empty() {
        let shown = report::Shown {
            plan,
            findings,
            files: Some(&loaded.files),
            absent,
            sources: &[],
            call: &context.ui.aimed(&carry::same_call(plan)),
        };
        let text = plan_command::draw(context, Format::Text, &shown, false);
        carry::approve(context, args, target, plan, &text)?;
    }
    carry::carry_out(context, args, loaded, target, format, &Work::Plan(plan))
}

/// Reads a saved plan, and computes from its changes everything else that it says.
fn saved(path: &Path, target: &Target) -> Result<Plan, Failure> {
    let plan = show::saved(path)?.plan;
    if plan.target != target.id {
        let message = format!(
            "the plan is for the target {} ({}), not for {} ({})",
            plan.target.name, plan.target.id, target.id.name, target.id.id
        );
        return Err(Failure::new(Exit::Refused, message)
            .hint(format!("name its target: --target {}", word(&plan.target.name))));
    }
    if let Some(refusal) = plan.refusals().next() {
        // Consent is part of planning: a saved plan is applied as it is, or not at all.
        let message = format!("the plan was refused by {}: {}", refusal.code, refusal.message);
        let hint = match refusal.consent.starts_with("--") {
            true => format!("to consent, plan again with {}", refusal.consent),
            false => refusal.consent.clone(),
        };
        return Err(Failure::new(Exit::Refused, message).hint(hint));
    }
    let state = target.state()?;
    let live = target.base(&state, plan.base_revision)?;
    let base = match plan.base_revision {
        None => Live::default(),
        same if same == live.revision => live.clone(),
        Some(revision) => target.at(revision).map_err(|failure| Failure {
            exit: Exit::Stale,
            ..failure.hint("plan again and review the new plan")
        })?,
    };
    let against = Against {
        base: &base,
        now: &live,
        unrecorded: state.is_unrecorded(),
        settings: &target.settings,
    };
    plan::verify(&plan, against).map_err(|unlike| unproven(path, &unlike))?;
    Ok(plan)
}

/// The failure for a saved plan that does not say what its changes come to.
fn unproven(path: &Path, unlike: &Unlike) -> Failure {
    match unlike {
        Unlike::Unfit(error) => {
            Failure::from_error(Exit::Stale, error).hint("plan again and review the new plan")
        }
        Unlike::Differs { part, digest } => {
            let message = format!(
                "{} is no plan to apply: computed from its changes, {part} would be another",
                path.display()
            );
            Failure::new(Exit::Failed, message)
                .cause(format!("the plan of these changes is {}", short(digest)))
                .hint(
                    "it was changed by hand, or meshctl or the target's settings have changed: plan \
                     again and review the new plan",
                )
        }
        Unlike::Refused(refusal) => {
            let message = format!("refused by {}: {}", refusal.code, refusal.message);
            Failure::new(Exit::Refused, message).hint(match refusal.consent.starts_with("--") {
                true => format!("to consent, plan again with {}", refusal.consent),
                false => refusal.consent.clone(),
            })
        }
    }
}

/// Refuses a plan that is not the one that was reviewed.
pub(super) fn expect(given: &str, plan: &Plan) -> Result<(), Failure> {
    match digest_matches(given, &plan.digest) {
        Some(true) => Ok(()),
        Some(false) => {
            let now =
                if plan.is_empty() { "empty".to_owned() } else { short(&plan.digest).to_owned() };
            Err(Failure::new(
                Exit::Stale,
                format!("the plan is now {now}, not {given}: the files or the target have changed"),
            )
            .hint("plan again and review the new plan: meshctl plan"))
        }
        None => Err(Failure::new(Exit::Usage, format!("`{given}` is no digest of a plan"))
            .hint("`meshctl plan` ends with it; 32 or more of its digits are needed")),
    }
}
