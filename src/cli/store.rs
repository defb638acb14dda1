//! `store`: checks the files of a control plane, and brings a backup back.

use super::{Context, Exit, Failure, Format};
use crate::serve;
use crate::store::{self, Checked, Embedded};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Check or back up the store of a control plane, or bring a backup back
#[derive(Debug, Args)]
pub(super) struct StoreArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Read every revision and object and every line of the audit log, and hold each to its hash
    Check {
        /// The folder of the store; no server may be using it
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
    },
    /// Write all of it to a new file
    Backup {
        /// The file to make
        file: PathBuf,

        /// The folder of the store; no server may be using it
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
    },
    /// Make a store from a backup
    ///
    /// It is a new store: plans that were saved for the other one do not fit it.
    Restore {
        /// The backup
        file: PathBuf,

        /// The folder of the store to make
        #[arg(long, value_name = "DIR")]
        data: PathBuf,

        /// Put it in the place of the store that is there, which is kept beside it
        #[arg(long)]
        replace: bool,
    },
}

pub(super) fn run(context: &Context, args: &StoreArgs) -> Result<Exit, Failure> {
    let format = context.format(&[Format::Text, Format::Json])?;
    let failed = |error| failure(&error);
    let (path, checked): (&Path, Checked) = match &args.command {
        Command::Check { data } => (data, Embedded::check(data).map_err(failed)?),
        Command::Backup { file, data } => {
            let store = Embedded::open(data).map_err(failed)?;
            let checked = store.backup(file).map_err(failed)?;
            recorded(context, data, store, "store backup", file);
            (file, checked)
        }
        Command::Restore { file, data, replace } => {
            let checked = Embedded::restore(file, data, *replace).map_err(failed)?;
            recorded(context, data, Embedded::open(data).map_err(failed)?, "store restore", file);
            (data, checked)
        }
    };
    context.ui.result(&match format {
        Format::Json => format!("{:#}\n", document(&checked)),
        _ => text(path, &checked),
    });
    Ok(Exit::Done)
}

/// Has the audit log tell what was done.
fn recorded(context: &Context, data: &Path, store: Embedded, verb: &str, file: &Path) {
    let file = file.display().to_string();
    if let Err(why) = serve::record(data, Arc::new(store), verb, &file) {
        context.ui.warning(&format!("it is done, but not in the audit log: {why}"));
    }
}

/// What was found, as JSON.
pub(super) fn document(checked: &Checked) -> Value {
    let meshes: Vec<Value> = checked
        .meshes
        .iter()
        .map(|(mesh, (newest, count))| {
            json!({ "mesh": mesh, "revision": newest, "revisions": count })
        })
        .collect();
    json!({
        "format": "meshctl.store",
        "format_version": "1.0",
        "lineage": checked.lineage,
        "bytes": checked.bytes,
        "meshes": meshes,
        "operators": checked.operators,
        "audit_lines": checked.audit,
    })
}

pub(super) fn text(path: &Path, checked: &Checked) -> String {
    let mut text = format!(
        "{} is whole: store {}, {} bytes\n",
        path.display(),
        checked.lineage,
        checked.bytes
    );
    for (mesh, (newest, count)) in &checked.meshes {
        let _ = writeln!(text, "  {mesh}  revision {newest}, {count} in all");
    }
    if !checked.operators.is_empty() {
        let names: Vec<&str> = checked.operators.iter().map(String::as_str).collect();
        let _ = writeln!(text, "  operators: {}", names.join(", "));
    }
    if let Some(lines) = checked.audit.filter(|lines| *lines > 0) {
        let _ = writeln!(text, "  audit log: {lines} lines, none changed or missing");
    }
    text
}

/// A failure of a store, with the exit code that tells what to do about it.
pub(super) fn failure(error: &store::Error) -> Failure {
    use store::Error;
    let exit = match error {
        Error::Busy { .. } | Error::Full { .. } => Exit::Busy,
        Error::Stale { .. } => Exit::Stale,
        Error::Exists { .. } => Exit::Refused,
        Error::Unknown { .. } => Exit::Unknown,
        Error::Io { .. }
        | Error::Damaged { .. }
        | Error::Audit { .. }
        | Error::Newer { .. }
        | Error::Missing { .. }
        | Error::Stopped { .. }
        | Error::Landed { .. }
        | Error::NoRevision { .. }
        | Error::Incomplete { .. } => Exit::Failed,
    };
    let failure = Failure::from_error(exit, error);
    match error.hint() {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}
