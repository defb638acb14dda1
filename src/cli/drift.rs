//! `drift`: what the files in force differ in from the live model.

use super::{Context, Exit, Failure, Format, target};
use crate::live;
use clap::Args;
use serde_json::json;
use std::fmt::Write as _;

/// Show what differs from the live model though nobody applied it
///
/// The files that proxies read are compared with what the newest revision compiles to, and what
/// proxies with a known admin address have with those files.
#[derive(Debug, Args)]
pub(super) struct DriftArgs {
    /// Exit with 2 if anything differs
    #[arg(long)]
    detailed_exitcode: bool,
}

pub(super) fn run(context: &Context, args: &DriftArgs) -> Result<Exit, Failure> {
    let format = context.format(&[Format::Text, Format::Json])?;
    let loaded = context.load()?;
    let target = context.open_target(&loaded)?;
    let state = target.state()?;
    let found = live::drift(&target.directory, &state, &target.settings)
        .map_err(|error| target::failure(&error))?;
    if format == Format::Json {
        let document = json!({
            "format": "meshctl.drift",
            "format_version": "1.0",
            "target": target.id,
            "revision": state.live.revision,
            "unfinished": state.rollout.is_some(),
            "drift": found,
        });
        context.ui.result(&format!("{document:#}\n"));
    } else {
        let mut text = String::new();
        for item in &found {
            let _ = writeln!(text, "{:<10}  {}  {}", item.how, item.proxy, item.what);
        }
        context.ui.result(&text);
    }
    if state.rollout.is_some() {
        context.ui.status(
            "A rollout is unfinished, so the files are those of a step; nothing was compared.",
        );
        context.ui.hint("meshctl apply --resume goes on with it");
    } else if found.is_empty() {
        context.ui.status("No drift.");
    } else {
        context.ui.hint("meshctl apply --rewrite writes every file anew");
    }
    let differs = args.detailed_exitcode && !found.is_empty();
    Ok(if differs { Exit::Differences } else { Exit::Done })
}
