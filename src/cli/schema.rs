//! `schema`: the JSON Schemas of what meshctl reads and writes.

use super::{Context, Exit, Failure, Format};
use clap::{Args, ValueEnum};

/// Print a JSON Schema, for editors and for those who read our output
///
/// Documents name themselves: `format` is `meshctl.` and the name of the schema, with `_` for `-`,
/// and `format_version` is MAJOR.MINOR. Within a major version keys may be added, and words to
/// lists of words; so readers ignore what they do not know, and refuse another major version.
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
    /// What `diff --format json` prints
    Diff,
    /// What `show rev:N --format json` prints
    Revision,
    /// What any command prints with `--format json` if it could not do its work
    Failure,
    /// What `apply --format json` and `rollback --format json` print
    Apply,
    /// A line of what `apply --format ndjson` and `rollback --format ndjson` print
    Events,
    /// What `render --format json` prints
    Render,
    /// What `render --check --format json` prints
    RenderCheck,
    /// What `render --source-map` writes
    SourceMap,
    /// What `history --format json` prints
    History,
    /// What `status --format json` prints
    Status,
    /// What `drift --format json` prints
    Drift,
    /// What `get --format json` prints
    Get,
    /// What `get --origin --format json` prints
    Origins,
    /// What `import --format json` prints
    Import,
    /// What `wait --format json` prints
    Wait,
    /// What `store --format json` prints
    Store,
    /// What `trace --format json` prints
    Trace,
    /// A file of tests, as `test` reads them
    Tests,
    /// What `test --format json` prints
    Test,
    /// What `graph --format json` prints
    Graph,
    /// What `explain --format json` prints
    Explain,
    /// What `version --format json` prints
    Version,
}

pub(super) fn run(context: &Context, args: &SchemaArgs) -> Result<Exit, Failure> {
    context.format(&[Format::Text, Format::Json])?;
    let text = match args.name {
        Name::Mesh => format!("{:#}\n", crate::schema::json_schema()),
        Name::Project => format!("{:#}\n", crate::load::project_schema()),
        Name::Diagnostics => include_str!("../../schemas/diagnostics.v1.schema.json").to_owned(),
        Name::Plan => include_str!("../../schemas/plan.v1.schema.json").to_owned(),
        Name::Diff => include_str!("../../schemas/diff.v1.schema.json").to_owned(),
        Name::Revision => include_str!("../../schemas/revision.v1.schema.json").to_owned(),
        Name::Failure => include_str!("../../schemas/failure.v1.schema.json").to_owned(),
        Name::Apply => include_str!("../../schemas/apply.v1.schema.json").to_owned(),
        Name::Events => include_str!("../../schemas/events.v1.schema.json").to_owned(),
        Name::Render => include_str!("../../schemas/render.v1.schema.json").to_owned(),
        Name::RenderCheck => include_str!("../../schemas/render-check.v1.schema.json").to_owned(),
        Name::SourceMap => include_str!("../../schemas/source-map.v1.schema.json").to_owned(),
        Name::History => include_str!("../../schemas/history.v1.schema.json").to_owned(),
        Name::Status => include_str!("../../schemas/status.v1.schema.json").to_owned(),
        Name::Drift => include_str!("../../schemas/drift.v1.schema.json").to_owned(),
        Name::Get => include_str!("../../schemas/get.v1.schema.json").to_owned(),
        Name::Origins => include_str!("../../schemas/origins.v1.schema.json").to_owned(),
        Name::Import => include_str!("../../schemas/import.v1.schema.json").to_owned(),
        Name::Wait => include_str!("../../schemas/wait.v1.schema.json").to_owned(),
        Name::Store => include_str!("../../schemas/store.v1.schema.json").to_owned(),
        Name::Trace => include_str!("../../schemas/trace.v1.schema.json").to_owned(),
        Name::Tests => format!("{:#}\n", crate::expect::tests_schema()),
        Name::Test => include_str!("../../schemas/test.v1.schema.json").to_owned(),
        Name::Graph => include_str!("../../schemas/graph.v1.schema.json").to_owned(),
        Name::Explain => include_str!("../../schemas/explain.v1.schema.json").to_owned(),
        Name::Version => include_str!("../../schemas/version.v1.schema.json").to_owned(),
    };
    context.ui.document(&text);
    Ok(Exit::Done)
}
