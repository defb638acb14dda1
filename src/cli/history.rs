//! `history`: the revisions of a target.

use super::{Context, Exit, Failure, Format};
use crate::plan::short;
use clap::Args;
use serde_json::json;
use std::fmt::Write as _;

/// List the revisions of the target, the newest first
#[derive(Debug, Args)]
pub(super) struct HistoryArgs {
    /// The number of revisions to list
    #[arg(short = 'n', long, value_name = "COUNT", default_value_t = 20)]
    limit: usize,
}

pub(super) fn run(context: &Context, args: &HistoryArgs) -> Result<Exit, Failure> {
    let format = context.format(&[Format::Text, Format::Json])?;
    let loaded = context.load()?;
    let target = context.open_target(&loaded)?;
    let all = target.history()?;
    let shown = all.iter().take(args.limit);
    if format == Format::Json {
        let revisions: Vec<_> = shown
            .map(|manifest| {
                json!({
                    "revision": manifest.revision,
                    "parent": manifest.parent,
                    "plan": manifest.plan,
                    "at": manifest.meta.at,
                    "by": manifest.meta.by,
                    "summary": manifest.meta.summary,
                    "resources": manifest.resources,
                })
            })
            .collect();
        let document = json!({
            "format": "meshctl.history",
            "format_version": "1.0",
            "target": target.id,
            "revisions": revisions,
        });
        context.ui.result(&format!("{document:#}\n"));
        return Ok(Exit::Done);
    }
    if all.is_empty() {
        context.ui.status(&format!("{} holds no revision yet.", target.id.name));
        return Ok(Exit::Done);
    }
    let mut text = String::new();
    for manifest in shown {
        let meta = &manifest.meta;
        let _ = writeln!(
            text,
            "{:>4}  {}  {:<16}  {}  {}",
            manifest.revision,
            meta.at,
            meta.by,
            short(&manifest.plan),
            meta.summary,
        );
    }
    context.ui.result(&text);
    if all.len() > args.limit {
        context.ui.hint(&format!("{} more: -n {}", all.len() - args.limit, all.len()));
    }
    Ok(Exit::Done)
}
