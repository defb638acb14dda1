//! `fmt`: canonical TOML, comments kept.

use super::{Context, Exit, Failure, Format};
use crate::load;
use crate::schema::{self, Changes, Unformatted};
use clap::Args;
use similar::TextDiff;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Format the files of the project in place
#[derive(Debug, Args)]
pub(super) struct FmtArgs {
    /// Files to format instead of the whole project; `-` formats stdin to stdout
    paths: Vec<PathBuf>,

    /// Change nothing; exit with 2 if a file would change
    #[arg(long)]
    check: bool,

    /// Change nothing; show what would change
    #[arg(long)]
    diff: bool,
}

pub(super) fn run(context: &Context, args: &FmtArgs) -> Result<Exit, Failure> {
    context.format(&[Format::Text])?;
    if args.paths.iter().any(|path| path == Path::new("-")) {
        let mut text = String::new();
        io::stdin()
            .read_to_string(&mut text)
            .map_err(|error| Failure::from_error(Exit::Failed, &error))?;
        context.ui.document(&format_text("stdin", &text)?);
        return Ok(Exit::Done);
    }
    let (paths, mut failures) =
        if args.paths.is_empty() { project_files(context)? } else { (args.paths.clone(), vec![]) };
    let mut changed = 0;
    let mut exit = Exit::Findings;
    for path in &paths {
        let shown = path.display().to_string();
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            // Text that is not UTF-8 is a mistake in the file, not of the machine.
            Err(error) => {
                if error.kind() != io::ErrorKind::InvalidData {
                    exit = Exit::Failed;
                }
                failures.push(format!("{shown}: {error}"));
                continue;
            }
        };
        let formatted = match format_text(&shown, &text) {
            Ok(formatted) => formatted,
            Err(failure) => {
                if failure.exit == Exit::Failed {
                    exit = Exit::Failed;
                }
                failures.push(failure.message);
                continue;
            }
        };
        if formatted == text {
            continue;
        }
        changed += 1;
        if args.diff {
            let diff = TextDiff::from_lines(&text, &formatted)
                .unified_diff()
                .context_radius(2)
                .header(&shown, &shown)
                .to_string();
            context.ui.document(&diff);
        } else if args.check {
            context.ui.result(&format!("{shown}\n"));
        } else if let Err(error) = load::rewrite(path, &formatted, Changes::Layout) {
            exit = Exit::Failed;
            failures.push(format!("{shown}: {error}"));
        }
    }
    if !failures.is_empty() {
        let mut failure = Failure::new(exit, "some files could not be formatted");
        failure.causes = failures;
        return Err(failure);
    }
    let only_looked = args.check || args.diff;
    let verb = if only_looked { "would change" } else { "formatted" };
    context.ui.status(&format!("{changed} of {} files {verb}.", paths.len()));
    Ok(if only_looked && changed > 0 { Exit::Differences } else { Exit::Done })
}

/// The files of the project, its overlays and `meshctl.toml`; and what was wrong with files that
/// could not be read.
fn project_files(context: &Context) -> Result<(Vec<PathBuf>, Vec<String>), Failure> {
    let mut loaded = context.load()?;
    let unread = std::mem::take(&mut loaded.diagnostics)
        .sorted()
        .into_iter()
        .filter(|found| load::CODES.iter().any(|code| code.id == found.code.id))
        .map(|found| found.message)
        .collect();
    let mut paths: Vec<PathBuf> =
        loaded.sources.iter().map(|source| loaded.root.join(&source.path)).collect();
    let overlays = load::overlays(&loaded.root).into_iter();
    paths.extend(overlays.map(|name| loaded.root.join(format!("env/{name}.toml"))));
    paths.sort();
    paths.dedup();
    debug_assert!(load::is_project(&loaded.root));
    Ok((paths, unread))
}

/// Formats a text, or says why it cannot.
fn format_text(name: &str, text: &str) -> Result<String, Failure> {
    schema::format(text).map_err(|why| {
        let failure = |exit| Failure::new(exit, format!("{name}: {why}"));
        match why {
            Unformatted::NotToml(_) => failure(Exit::Findings).hint("meshctl check shows where"),
            Unformatted::Different(_) => failure(Exit::Failed)
                .hint("the file was left as it is; write that part in another form"),
        }
    })
}
