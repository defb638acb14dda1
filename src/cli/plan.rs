//! `plan`: what an apply would do, in which order, and at what cost.

use super::planning::{self, PlanningArgs};
use super::target::not_in_force;
use super::{Context, Exit, Failure, Format};
use crate::diag::shell::word;
use crate::report::{self, plan as text};
use clap::Args;
use std::fs;
use std::path::{Path, PathBuf};

/// Show what an apply would change, in which order, and what it costs
///
/// The files are compared with what the target holds. Nothing is written but the file of `-o`,
/// which `meshctl test --at plan:FILE` holds against the tests before it is applied.
#[derive(Debug, Args)]
pub(super) struct PlanArgs {
    /// Also save the plan, for `apply FILE` and `show FILE`
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Exit with 2 if there are changes
    #[arg(long)]
    detailed_exitcode: bool,

    /// Only what the changes amount to
    #[arg(long)]
    summary: bool,

    #[command(flatten)]
    planning: PlanningArgs,
}

/// The formats that plans have.
pub(super) const FORMATS: [Format; 4] =
    [Format::Text, Format::Json, Format::Markdown, Format::Github];

pub(super) fn run(context: &Context, args: &PlanArgs) -> Result<Exit, Failure> {
    let format = context.format(&FORMATS)?;
    let loaded = context.load_checked()?;
    let target = context.open_target(&loaded)?;
    let state = target.state()?;
    let planned = planning::make(&loaded, &target, &state, &args.planning)?;
    let shown = report::Shown {
        plan: &planned.plan,
        findings: &planned.findings,
        files: Some(&loaded.files),
        absent: text::NOT_IN_FILES,
        sources: &loaded
            .sources
            .iter()
            .filter(|source| source.path != crate::load::PROJECT_FILE)
            .map(|source| (source.path.clone(), source.sha256.clone()))
            .collect::<Vec<_>>(),
        call: &context.ui.aimed(&match (&args.output, &planned.plan.with_consent) {
            (Some(path), None) => saved_call(path),
            _ => planning::call(&planned.plan),
        }),
    };
    if let Some(path) = &args.output {
        fs::write(path, report::plan_document(&shown))
            .map_err(|error| Failure::unwritten(path, &error))?;
    }
    let drawn = draw(context, format, &shown, args.summary);
    match format {
        // Saved from stdout it is the plan that `apply` reads, as `-o` saves it.
        Format::Json => context.ui.document(&drawn),
        _ => context.ui.result(&drawn),
    }
    let unfinished = state.rollout.is_some();
    if let Some(why) = not_in_force(&state).filter(|_| !state.is_under_way()) {
        context.ui.warning(&why);
        context.ui.hint(
            "applying the files of its revision goes on with it; other files take back what it added",
        );
    } else if unfinished {
        context.ui.warning("the last rollout is unfinished; apply resumes it before anything else");
    }
    if planning::refuse(context, &planned.plan) {
        return Ok(Exit::Refused);
    }
    if let Some(path) = &args.output
        && !planned.plan.is_empty()
    {
        context.ui.hint(&format!("{} applies exactly this", saved_call(path)));
    }
    let differs = args.detailed_exitcode && (unfinished || !planned.plan.is_empty());
    Ok(if differs { Exit::Differences } else { Exit::Done })
}

/// The call that applies a saved plan. The file has the consent that it was made with.
pub(super) fn saved_call(path: &Path) -> String {
    format!("meshctl apply {}", word(&path.display().to_string()))
}

/// A plan in the form that was asked for.
pub(super) fn draw(
    context: &Context,
    format: Format,
    shown: &report::Shown<'_>,
    summary: bool,
) -> String {
    match format {
        Format::Json => report::plan_document(shown),
        Format::Markdown => report::plan_markdown(shown, summary),
        Format::Github => report::plan_github(shown),
        Format::Text
        | Format::Ndjson
        | Format::Sarif
        | Format::Junit
        | Format::AppmeshJson
        | Format::Mermaid
        | Format::Dot
        | Format::Svg => {
            let view = text::View {
                color: context.ui.color_out(),
                summary,
                full: context.ui.verbose() > 0,
            };
            text::render(shown, view)
        }
    }
}
