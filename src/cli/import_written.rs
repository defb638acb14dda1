//! What an import writes: a new project, whole or not at all; or what it would change in one that exists.

use super::{Context, Exit, Failure};
use crate::envoy::Settings;
use crate::import::Imported;
use crate::load;
use crate::plan;
use crate::report::plan as text;
use crate::revision::Live;
use std::path::Path;

/// Prints what the sources would change in the project of a folder; writes nothing.
pub(super) fn compare(context: &Context, dir: &Path, imported: &Imported) -> Result<Exit, Failure> {
    let loaded = context.checked(context.load_from(dir.to_path_buf(), None)?)?;
    let live = Live { revision: Some(0), mesh: loaded.mesh, ..Live::default() };
    let compared = plan::compare(&live, &imported.mesh, None, &Settings::path("/"));
    let ui = &context.ui;
    if compared.changes.is_empty() {
        ui.status(&format!("{} already defines what the sources do.", dir.display()));
        return Ok(Exit::Done);
    }
    let view = text::View { color: ui.color_out(), summary: false, full: ui.verbose() > 0 };
    ui.words(&format!(
        "{} has a project; the sources would change it:\n{}\n{}\n",
        dir.display(),
        text::differences(&compared.changes, None, view),
        text::counts(&compared.summary),
    ));
    ui.status("Nothing was written.");
    ui.hint("import into a new folder, and copy what you want from there");
    Ok(Exit::Refused)
}

/// Writes a new project: all files, or none if one fails. Nothing that exists is overwritten.
pub(super) fn write(dir: &Path, imported: &Imported) -> Result<(), Failure> {
    let files = imported.project.iter().map(|(name, text)| (name.as_str(), text.as_str()));
    load::create(dir, files)
        .map(drop)
        .map_err(|(path, error)| Failure::not_created("import", &path, &error))
}
