//! `check`: reads the project and reports everything that is wrong with it.

use super::{Context, Exit, Failure, Format};
use crate::diag::Severity;
use crate::picture::count;
use crate::report::{self, Ui, diagnostics};
use crate::rules::TlsFiles;
use clap::{Args, ValueEnum};

/// Check the files: syntax, references, routing, protocols, TLS
///
/// Everything is reported in one run. Nothing is contacted.
#[derive(Debug, Args)]
#[command(visible_aliases = ["validate", "lint"])]
pub(super) struct CheckArgs {
    /// The mildest finding that makes the command exit with 3
    #[arg(long, value_name = "SEVERITY", value_enum, default_value_t = FailOn::Error)]
    fail_on: FailOn,

    /// Show only these codes; may be given several times
    #[arg(long, value_name = "CODE")]
    select: Vec<String>,

    /// Exit with 0 whatever is found, for pipelines that upload first and judge later
    #[arg(long)]
    exit_zero: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FailOn {
    Error,
    Warning,
    Info,
}

pub(super) fn run(context: &Context, args: &CheckArgs) -> Result<Exit, Failure> {
    let format = context.format(&[
        Format::Text,
        Format::Json,
        Format::Sarif,
        Format::Github,
        Format::Junit,
    ])?;
    let mut loaded = context.load()?;
    let mut found = std::mem::take(&mut loaded.diagnostics).sorted();
    if !args.select.is_empty() {
        found.retain(|d| args.select.iter().any(|c| c == d.code.id || c == d.code.name));
    }
    let ui = &context.ui;
    match format {
        Format::Json => {
            ui.result(&report::diagnostics_document(&found, &loaded.files, &loaded.tls));
        }
        Format::Sarif => ui.result(&report::sarif(&found, &loaded.files)),
        Format::Github => ui.result(&report::github(&found, &loaded.files)),
        Format::Junit => ui.result(&report::junit(&found, &loaded.files)),
        Format::Text
        | Format::Ndjson
        | Format::Markdown
        | Format::AppmeshJson
        | Format::Mermaid
        | Format::Dot
        | Format::Svg => {
            ui.result(&diagnostics::render(&found, &loaded.files, ui.color_out(), ui.width()));
        }
    }
    let files = loaded.sources.len().saturating_sub(1);
    let files = count(files, "file");
    if found.is_empty() {
        let mesh = &loaded.mesh;
        ui.status(&format!(
            "No problems found in {}: {files}, {}, {}, {}, {}.",
            mesh.settings.name,
            count(mesh.nodes.len(), "node"),
            count(mesh.services.len(), "service"),
            count(mesh.routers.len(), "router"),
            count(mesh.gateways.len(), "gateway"),
        ));
    } else {
        ui.status(&format!("{} in {files}.", diagnostics::summary(&found)));
        // The worst, and of those the first.
        if let Some(worst) = found.iter().rev().max_by_key(|found| found.severity) {
            let what = diagnostics::noun(worst.severity);
            ui.hint(&format!("meshctl explain {} says more about the first {what}", worst.code.id));
        }
    }
    not_checked(ui, &loaded.tls);
    let threshold = match args.fail_on {
        FailOn::Error => Severity::Error,
        FailOn::Warning => Severity::Warning,
        FailOn::Info => Severity::Info,
    };
    let failed = found.iter().any(|d| d.severity >= threshold);
    Ok(if failed && !args.exit_zero { Exit::Findings } else { Exit::Done })
}

/// Reports the certificate files that were not checked.
fn not_checked(ui: &Ui, tls: &TlsFiles) {
    let unchecked = tls.unchecked();
    if unchecked.is_empty() {
        return;
    }
    if ui.verbose() > 0 {
        for (path, why) in unchecked {
            ui.status(&format!("Not checked: {path}: {why}"));
        }
    } else {
        let (files, were) = if unchecked.len() == 1 { ("file", "was") } else { ("files", "were") };
        ui.status(&format!(
            "{} certificate and key {files} {were} not checked; -v names them.",
            unchecked.len()
        ));
    }
}
