//! The command line: one file a command, and the list of them here.

mod apply;
mod bootstrap;
mod carry;
mod check;
mod completions;
mod context;
mod dev;
mod diff;
mod drift;
mod error;
mod explain;
mod fmt;
mod get;
mod global;
mod graph;
mod history;
mod import;
mod import_prove;
mod import_values;
mod import_written;
mod init;
mod outcome;
mod plan;
mod planning;
mod presence;
mod remote;
mod render;
mod rollback;
mod schema;
mod serve;
mod show;
mod status;
mod store;
mod target;
mod test;
mod trace;
mod trusted;
mod version;
mod wait;

pub use context::Context;
pub use error::{Exit, Failure};
pub use explain::all_codes;
pub use global::{Format, Global};

use clap::parser::ValueSource;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use std::ffi::{OsStr, OsString};

/// Plan and apply for Envoy service meshes that are declared in TOML
///
/// The files are the desired state, the running mesh is the live state, and there is no third
/// place. Results go to stdout, words for people to stderr.
///
/// Exit codes: 0 done, 1 could not do it, 2 differences (where asked for), 3 findings in the
/// files, 4 refused by a guard or not approved, 5 stale, 6 busy, 7 committed but not converged,
/// 8 outcome unknown, 64 wrong usage, 130 and 143 interrupted.
#[derive(Debug, Parser)]
#[command(name = "meshctl", version, propagate_version = true, max_term_width = 100)]
pub struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Init(init::InitArgs),
    Check(check::CheckArgs),
    Dev(dev::DevArgs),
    Fmt(fmt::FmtArgs),
    Explain(explain::ExplainArgs),
    Plan(plan::PlanArgs),
    Show(show::ShowArgs),
    Diff(diff::DiffArgs),
    Render(render::RenderArgs),
    Bootstrap(bootstrap::BootstrapArgs),
    Drift(drift::DriftArgs),
    Get(get::GetArgs),
    History(history::HistoryArgs),
    Apply(apply::ApplyArgs),
    Rollback(rollback::RollbackArgs),
    Status(status::StatusArgs),
    Wait(wait::WaitArgs),
    Serve(Box<serve::ServeArgs>),
    Trace(trace::TraceArgs),
    Test(test::TestArgs),
    Graph(graph::GraphArgs),
    Store(store::StoreArgs),
    Schema(schema::SchemaArgs),
    Import(import::ImportArgs),
    Completions(completions::CompletionsArgs),
    Version(version::VersionArgs),
}

/// Runs the command that the arguments name, and says how it ended.
pub fn run(args: impl IntoIterator<Item = OsString>) -> Exit {
    let args: Vec<OsString> = args.into_iter().collect();
    if let Some(failure) = dev::tied(&args) {
        return Context::new(Global::default()).report_failure(&failure);
    }
    let parsed = set_alone(Cli::command()).try_get_matches_from(&args).and_then(|matches| {
        let from_environment = matches.value_source("format") == Some(ValueSource::EnvVariable);
        let mut cli = Cli::from_arg_matches(&matches)?;
        cli.global.format_is_default = from_environment;
        Ok(cli)
    });
    let cli = match parsed {
        Ok(cli) => cli,
        Err(error) => {
            let context = Context::new(Global::default());
            let exit = error::usage(&context.ui, &error, &args);
            return context.ended(exit);
        }
    };
    let context = Context::new(cli.global);
    let outcome = match cli.command {
        Command::Init(args) => init::run(&context, &args),
        Command::Check(args) => check::run(&context, &args),
        Command::Dev(args) => dev::run(&context, &args),
        Command::Fmt(args) => fmt::run(&context, &args),
        Command::Explain(args) => explain::run(&context, &args),
        Command::Plan(args) => plan::run(&context, &args),
        Command::Show(args) => show::run(&context, &args),
        Command::Diff(args) => diff::run(&context, &args),
        Command::Render(args) => render::run(&context, &args),
        Command::Bootstrap(args) => bootstrap::run(&context, &args),
        Command::Drift(args) => drift::run(&context, &args),
        Command::Get(args) => get::run(&context, &args),
        Command::History(args) => history::run(&context, &args),
        Command::Apply(args) => apply::run(&context, &args),
        Command::Rollback(args) => rollback::run(&context, &args),
        Command::Status(args) => status::run(&context, &args),
        Command::Wait(args) => wait::run(&context, &args),
        Command::Serve(args) => serve::run(&context, &args),
        Command::Trace(args) => trace::run(&context, &args),
        Command::Test(args) => test::run(&context, &args),
        Command::Graph(args) => graph::run(&context, &args),
        Command::Store(args) => store::run(&context, &args),
        Command::Schema(args) => schema::run(&context, &args),
        Command::Import(args) => import::run(&context, &args),
        Command::Completions(args) => completions::run(&context, &args),
        Command::Version(args) => version::run(&context, &args),
    };
    let exit = outcome.unwrap_or_else(|failure| context.report_failure(&failure));
    context.ended(exit)
}

/// Without the variables of the environment that are empty: those count as unset, because CI systems set
/// missing inputs to an empty text.
fn set_alone(command: clap::Command) -> clap::Command {
    let empty = |name: &OsStr| std::env::var_os(name).is_some_and(|value| value.is_empty());
    command
        .mut_args(|arg| match arg.get_env().is_some_and(empty) {
            true => arg.env(None::<&'static str>),
            false => arg,
        })
        .mut_subcommands(set_alone)
}

/// What waits for answers in a command that has nothing else to do.
fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| Failure::new(Exit::Failed, "cannot start").cause(error.to_string()))
}

/// The definition of the command line, for completions and tests.
pub fn command() -> clap::Command {
    Cli::command()
}
