//! `show`: a saved plan, or a revision of the target, in any form.

use super::plan::{FORMATS, draw, saved_call};
use super::{Context, Exit, Failure, Format, planning};
use crate::load;
use crate::plan::{self, Plan};
use crate::report::{self, Ui, plan as text};
use clap::Args;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// Show a saved plan, or what a revision of the target changed
#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    /// The file of a plan (`plan -o FILE`), or `rev:N`
    #[arg(value_name = "FILE|rev:N")]
    what: String,

    /// Only what the changes amount to
    #[arg(long)]
    summary: bool,
}

pub(super) fn run(context: &Context, args: &ShowArgs) -> Result<Exit, Failure> {
    match revision(&args.what)? {
        Some(number) => show_revision(context, args, number),
        None => {
            let format = context.format(&FORMATS)?;
            let path = Path::new(&args.what);
            let saved = read_plan(context, path)?;
            if format == Format::Json {
                // It is the document, and it was just verified.
                context.ui.document(&saved.text);
                return Ok(Exit::Done);
            }
            let (findings, sources) = report::saved(&saved.plan, &saved.document, plan::CODES);
            let plan = saved.plan;
            // The plan knows their paths in the project only.
            let paths = sources.iter().map(|(path, _)| path.as_str());
            let files = load::located(&context.directory(), paths);
            // The file has the consent that the plan was made with; a refused one lacks some.
            let call = match plan.with_consent {
                Some(_) => planning::call(&plan),
                None => saved_call(path),
            };
            let shown = report::Shown {
                plan: &plan,
                findings: &findings,
                files: Some(&files),
                absent: text::NOT_IN_FILES,
                sources: &sources,
                call: &aiming(context, &plan).aimed(&call),
            };
            context.ui.result(&draw(context, format, &shown, args.summary));
            Ok(Exit::Done)
        }
    }
}

/// The overlay and the target of a saved plan, for the calls that are printed of it: those of this
/// call may be others.
fn aiming(context: &Context, plan: &Plan) -> Ui {
    let env = match plan.made_with() {
        Some(env) => env.map(str::to_owned),
        None => context.global.env.clone(),
    };
    // Without a flag it is the project's own choice.
    let chosen = context.load().ok().and_then(|loaded| Some(context.target(&loaded).ok()?.0));
    let target = match chosen.as_ref() == Some(&plan.target.name) {
        true => context.global.target.clone(),
        false => Some(plan.target.name.clone()),
    };
    context.ui.aiming_as(env, target)
}

/// The number in `rev:N`; `None` for anything else.
pub(super) fn revision(text: &str) -> Result<Option<u64>, Failure> {
    let Some(number) = text.strip_prefix("rev:") else { return Ok(None) };
    number.parse().map(Some).map_err(|_| {
        Failure::new(Exit::Usage, format!("`{text}` is no revision"))
            .hint("a revision is rev: and a number, for example rev:12; meshctl history lists them")
    })
}

/// A saved plan.
pub(super) struct Saved {
    pub(super) plan: Plan,
    /// The document that it stands in.
    pub(super) document: Value,
    /// Its text.
    pub(super) text: String,
}

/// Reads a saved plan, and verifies that it is what was saved. What it says of its changes is shown
/// as it was planned: only where it is applied it is computed again.
pub(super) fn read_plan(context: &Context, path: &Path) -> Result<Saved, Failure> {
    let saved = saved(path)?;
    context.ui.status(&format!("{}: as planned, not recomputed.", path.display()));
    Ok(saved)
}

/// Reads a saved plan, and verifies that it is what was saved.
pub(super) fn saved(path: &Path) -> Result<Saved, Failure> {
    let bad = |why: String| {
        Failure::new(Exit::Failed, format!("{} is no plan to be read", path.display()))
            .cause(why)
            .hint("meshctl plan -o FILE saves one")
    };
    let text = fs::read_to_string(path).map_err(|error| {
        Failure::new(Exit::Failed, format!("cannot read {}", path.display()))
            .cause(error.to_string())
            .hint("meshctl plan -o FILE saves a plan; rev:N names a revision")
    })?;
    let (plan, document) = Plan::from_file(&text).map_err(bad)?;
    Ok(Saved { plan, document, text })
}

fn show_revision(context: &Context, args: &ShowArgs, number: u64) -> Result<Exit, Failure> {
    let format = context.format(&[Format::Text, Format::Json])?;
    let loaded = context.load()?;
    let target = context.open_target(&loaded)?;
    let after = target.at(number)?;
    let history = target.history()?;
    let Some(manifest) = history.iter().find(|manifest| manifest.revision == number) else {
        return Err(Failure::new(Exit::Failed, format!("there is no revision {number}"))
            .hint("meshctl history lists the revisions"));
    };
    let before = match manifest.parent {
        Some(parent) => target.at(parent)?,
        None => crate::revision::Live::default(),
    };
    let compared = plan::compare(&before, &after.mesh, None, &target.settings);
    if format == Format::Json {
        let document = json!({
            "format": "meshctl.revision",
            "format_version": "1.0",
            "target": target.id,
            "mesh": manifest.mesh,
            "revision": manifest.revision,
            "parent": manifest.parent,
            "plan": manifest.plan,
            "at": manifest.meta.at,
            "by": manifest.meta.by,
            "message": manifest.meta.summary,
            "summary": compared.summary,
            "changes": compared.changes,
        });
        context.ui.result(&format!("{document:#}\n"));
        return Ok(Exit::Done);
    }
    let meta = &manifest.meta;
    let mut shown = format!(
        "revision {number} of {} on {}\n  {} by {}: {}\n  plan {}\n",
        manifest.mesh,
        target.id.name,
        meta.at,
        meta.by,
        meta.summary,
        plan::short(&manifest.plan),
    );
    let view = text::View {
        color: context.ui.color_out(),
        summary: args.summary,
        full: context.ui.verbose() > 0,
    };
    shown.push_str(&text::differences(&compared.changes, None, view));
    let _ = writeln!(shown, "\n{}", text::counts(&compared.summary));
    context.ui.result(&shown);
    Ok(Exit::Done)
}
