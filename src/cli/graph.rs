//! `graph`: the routing graph as text, document and picture.

use super::diff::open;
use super::planning::{self, PlanningArgs};
use super::show::{read_plan, revision};
use super::trace::{State, state};
use super::{Context, Exit, Failure, Format};
use crate::diag::nearest;
use crate::model::{Address, Mesh};
use crate::picture::{self, Mark};
use crate::plan::{self, Action, Change, Places};
use crate::report::graph::{self as report, Drawing, Graph};
use crate::revision::Live;
use clap::Args;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Show the routing graph: who calls what, by which routes, and where requests end
///
/// The whole graph, or what leads to one resource and where it leads. Pictures of large meshes are
/// folded until they can be read, and say what was folded; text and JSON are always whole.
#[derive(Debug, Args)]
pub(super) struct GraphArgs {
    /// Only the surroundings of this resource, for example `virtual_service/cart.internal`
    #[arg(value_name = "ADDR")]
    address: Option<Address>,

    /// Only so many steps up and down from ADDR; all the way unless given
    #[arg(long, value_name = "N", requires = "address")]
    depth: Option<usize>,

    /// Show what changes: from live to the files; with --at what that plan or revision does
    #[arg(long)]
    changes: bool,

    /// Which state of the mesh, instead of the files
    #[arg(long, value_name = "plan:FILE|rev:N|live")]
    at: Option<String>,

    /// Write to this file instead of stdout
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

const FORMATS: [Format; 5] =
    [Format::Text, Format::Json, Format::Mermaid, Format::Dot, Format::Svg];

pub(super) fn run(context: &Context, args: &GraphArgs) -> Result<Exit, Failure> {
    let format = context.format(&FORMATS)?;
    let shown = match args.changes {
        true => changed(context, args.at.as_deref())?,
        false => Shown { state: state(context, args.at.as_deref())?, before: None, marks: None },
    };
    let loaded = shown.state.loaded.as_ref();
    let marks = shown.marks.clone().unwrap_or_default();
    let mut picture = picture::build(&shown.state.mesh, shown.before.as_ref(), &marks);
    if let Some(address) = &args.address {
        picture = picture::scoped(&picture, address, args.depth)
            .ok_or_else(|| unknown(address, picture.addresses()))?;
    }
    let graph = Graph {
        mesh: shown.state.mesh.settings.name.as_str(),
        at: args.at.as_deref().unwrap_or("files"),
        scope: args.address.as_ref().map(|address| (address, args.depth)),
        changes: args.changes,
        picture,
    };
    let places = loaded.map(|loaded| Places {
        origins: &loaded.origins,
        files: &loaded.files,
        overlay: loaded.overlay,
    });
    let draw = |drawing| report::draw(&graph, drawing);
    let (text, folded) = match format {
        Format::Mermaid => draw(Drawing::Mermaid),
        Format::Dot => draw(Drawing::Dot),
        Format::Svg => draw(Drawing::Svg),
        Format::Json => (report::document(&graph, places), Vec::new()),
        _ => {
            let color = context.ui.color_out() && args.output.is_none();
            let view = report::View { color, width: context.ui.width() };
            (report::text(&graph, places, view), Vec::new())
        }
    };
    match &args.output {
        Some(path) => write(path, &text)?,
        None if matches!(format, Format::Text | Format::Json) => context.ui.result(&text),
        None => context.ui.document(&text),
    }
    for note in &folded {
        context.ui.warning(note);
    }
    Ok(Exit::Done)
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    fs::write(path, text).map_err(|error| Failure::unwritten(path, &error))
}

fn unknown<'a>(address: &Address, known: impl Iterator<Item = &'a Address>) -> Failure {
    let words: Vec<String> = known.map(ToString::to_string).collect();
    let failure = Failure::new(Exit::Failed, format!("the graph has no {address}"));
    match nearest(&address.to_string(), words.iter().map(String::as_str)) {
        Some(near) => failure.hint(format!("did you mean {near}?")),
        None => failure.hint("meshctl graph shows what there is"),
    }
}

/// A state of the mesh, and how it came about.
struct Shown {
    state: State,
    before: Option<Mesh>,
    marks: Option<BTreeMap<Address, Mark>>,
}

/// What a plan or a revision changes, or what the files would.
fn changed(context: &Context, at: Option<&str>) -> Result<Shown, Failure> {
    let Some(at) = at else {
        let loaded = context.load_checked()?;
        let target = context.open_target(&loaded)?;
        let live = target.state()?;
        let planned = planning::make(&loaded, &target, &live, &PlanningArgs::default())?;
        let before = target.base(&live, None)?;
        let mesh = after(&before, &planned.plan.changes)?;
        return Ok(compared(before, mesh, &planned.plan.changes, Some(loaded)));
    };
    if let Some(file) = at.strip_prefix("plan:") {
        let plan = read_plan(context, Path::new(file))?.plan;
        let before = open(context)?.at_or_none(plan.base_revision)?;
        let mesh = after(&before, &plan.changes)?;
        return Ok(compared(before, mesh, &plan.changes, None));
    }
    let Some(number) = revision(at)? else {
        return Err(Failure::new(Exit::Usage, format!("`{at}` is no change"))
            .hint("a change is plan:FILE or rev:N; without --at it is from live to the files"));
    };
    let target = open(context)?;
    let mesh = target.at(number)?.mesh;
    let history = target.history()?;
    let parent = history.iter().find(|manifest| manifest.revision == number);
    let before = target.at_or_none(parent.and_then(|manifest| manifest.parent))?;
    let changes = plan::compare(&before, &mesh, None, &target.settings).changes;
    Ok(compared(before, mesh, &changes, None))
}

fn after(before: &Live, changes: &[Change]) -> Result<Mesh, Failure> {
    plan::apply_changes(before, changes).map_err(|error| {
        Failure::from_error(Exit::Failed, &error)
            .hint("the plan does not fit what the target holds; make a new one")
    })
}

fn compared(
    before: Live,
    mesh: Mesh,
    changes: &[Change],
    loaded: Option<crate::load::Loaded>,
) -> Shown {
    let marks = changes.iter().map(|change| {
        let mark = match change.action {
            Action::Create => Mark::Created,
            Action::Update | Action::Mark => Mark::Updated,
            Action::Delete => Mark::Deleted,
        };
        (change.address.clone(), mark)
    });
    Shown { marks: Some(marks.collect()), before: Some(before.mesh), state: State { mesh, loaded } }
}
