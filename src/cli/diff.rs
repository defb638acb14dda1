//! `diff`: what differs between any two of files, plans, revisions and the live state.

use super::show::{read_plan, revision};
use super::{Context, Exit, Failure, Format, target};
use crate::envoy::Settings;
use crate::load::{self, Loaded};
use crate::model::Mesh;
use crate::plan::{self, Places};
use crate::report::plan as text;
use crate::revision::Live;
use clap::Args;
use serde_json::json;
use std::path::{Path, PathBuf};

/// Show how two states of a mesh differ
///
/// Each side is the folder of a project, the file of a saved plan (what it leads to), `rev:N` of
/// the target, or `live`.
#[derive(Debug, Args)]
pub(super) struct DiffArgs {
    /// The first side: DIR, FILE, rev:N or live
    #[arg(value_name = "A")]
    from: String,

    /// The second side
    #[arg(value_name = "B")]
    to: String,

    /// Exit with 2 if they differ
    #[arg(long)]
    detailed_exitcode: bool,

    /// Only what the differences amount to
    #[arg(long)]
    summary: bool,
}

/// One side, read.
struct Side {
    mesh: Option<Mesh>,
    loaded: Option<Loaded>,
}

pub(super) fn run(context: &Context, args: &DiffArgs) -> Result<Exit, Failure> {
    let format = context.format(&[Format::Text, Format::Json])?;
    let (from, to) = (read(context, &args.from)?, read(context, &args.to)?);
    let live = match &from.mesh {
        Some(mesh) => Live { revision: Some(0), mesh: mesh.clone(), ..Live::default() },
        None => Live::default(),
    };
    // A side that holds nothing yet has no mesh, not even a name.
    let name = live.mesh.settings.clone();
    let desired = to.mesh.unwrap_or(Mesh { settings: name, ..Mesh::default() });
    let places = to.loaded.as_ref().map(|loaded| Places {
        origins: &loaded.origins,
        files: &loaded.files,
        overlay: loaded.overlay,
    });
    let settings = match to.loaded.as_ref().or(from.loaded.as_ref()) {
        Some(loaded) => loaded.project.settings("/"),
        None => Settings::path("/"),
    };
    let compared = plan::compare(&live, &desired, places, &settings);
    if format == Format::Json {
        let document = json!({
            "format": "meshctl.diff",
            "format_version": "1.0",
            "from": args.from,
            "to": args.to,
            "summary": compared.summary,
            "changes": compared.changes,
            "traffic": compared.traffic,
        });
        context.ui.result(&format!("{document:#}\n"));
    } else if compared.changes.is_empty() {
        context.ui.result(&format!("{} -> {}: no differences\n", args.from, args.to));
    } else {
        let view = text::View {
            color: context.ui.color_out(),
            summary: args.summary,
            full: context.ui.verbose() > 0,
        };
        context.ui.result(&format!(
            "{} -> {}\n{}{}\n{}\n",
            args.from,
            args.to,
            text::requests(&compared.traffic, view),
            text::differences(&compared.changes, places.map(|places| places.files), view),
            text::counts(&compared.summary),
        ));
    }
    let differs = args.detailed_exitcode && !compared.changes.is_empty();
    Ok(if differs { Exit::Differences } else { Exit::Done })
}

fn read(context: &Context, what: &str) -> Result<Side, Failure> {
    if what == "live" {
        let live = context.live(&open(context)?)?;
        return Ok(Side { mesh: live.revision.map(|_| live.mesh), loaded: None });
    }
    if let Some(number) = revision(what)? {
        return Ok(Side { mesh: Some(open(context)?.at(number)?.mesh), loaded: None });
    }
    let path = PathBuf::from(what);
    if load::is_project(&path) {
        let loaded = context.checked(context.load_from(path, None)?)?;
        return Ok(Side { mesh: Some(loaded.mesh.clone()), loaded: Some(loaded) });
    }
    if path.is_dir() {
        return Err(Failure::new(Exit::Usage, format!("{} is no project", path.display()))
            .hint("a project is a folder with meshctl.toml"));
    }
    Ok(Side { mesh: Some(after_plan(context, &path)?), loaded: None })
}

/// The mesh that a saved plan leads to.
pub(super) fn after_plan(context: &Context, path: &Path) -> Result<Mesh, Failure> {
    let plan = read_plan(context, path)?.plan;
    let base = match plan.base_revision {
        Some(number) => open(context)?.at(number)?,
        None => Live::default(),
    };
    plan::apply_changes(&base, &plan.changes).map_err(|error| {
        let base = base.revision.unwrap_or_default();
        Failure::from_error(Exit::Failed, &error)
            .hint(format!("the plan does not fit revision {base} of the target"))
    })
}

pub(super) fn open(context: &Context) -> Result<target::Target, Failure> {
    let loaded = context.load()?;
    context.open_target(&loaded)
}
