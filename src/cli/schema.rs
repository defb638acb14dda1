//! `schema`: the JSON Schemas of what meshctl reads and writes.

use super::{Context, Exit, Failure, Format};
use clap::{Args, ValueEnum};

/// Print a JSON Schema, for editors and for those who read our output
#[derive(Debug, Args)]
pub(super) struct SchemaArgs {
    /// Which
    #[arg(value_enum, default_value_t = Name::Mesh)]
    name: Name,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Name {
    /// The files of a mesh
    Mesh,
    /// meshctl.toml
    Project,
    /// What `check --format json` prints
    Diagnostics,
    /// What `plan --format json` prints and `plan -o` saves
    Plan,
    /// What `apply --format json` prints
    Apply,
}

pub(super) fn run(context: &Context, args: &SchemaArgs) -> Result<Exit, Failure> {
    context.format(&[Format::Text, Format::Json])?;
    let text = match args.name {
        Name::Mesh => format!("{:#}\n", crate::schema::json_schema()),
        Name::Project => format!("{:#}\n", crate::load::project_schema()),
        Name::Apply => include_str!("../../schemas/apply.v1.schema.json").to_owned(),
        Name::Diagnostics => include_str!("../../schemas/diagnostics.v1.schema.json").to_owned(),
        Name::Plan => include_str!("../../schemas/plan.v1.schema.json").to_owned(),
    };
    context.ui.result(&text);
    Ok(Exit::Done)
}
