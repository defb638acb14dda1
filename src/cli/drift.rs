//! `drift`: what the files in force differ in from the live model.

use super::{Context, Exit, Failure, Format, status, target};
use crate::live;
use crate::plan::Drift;
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
    let mut found = match target.directory() {
        Some(directory) => live::drift(directory, &state, &target.settings)
            .map_err(|error| target::failure(&error))?,
        None => Vec::new(),
    };
    let mut asked = Asked::default();
    if state.rollout.is_none() {
        found.extend(at_proxies(&target, &mut asked)?);
        found.sort();
    }
    if format == Format::Json {
        let document = json!({
            "format": "meshctl.drift",
            "format_version": "1.0",
            "target": target.id,
            "revision": state.live.revision,
            "unfinished": state.rollout.is_some(),
            "proxies": { "all": asked.all, "told": asked.told },
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
        context.ui.status(&format!(
            "No drift; {} of {} proxies told what they have.",
            asked.told, asked.all
        ));
    } else {
        let files = found.iter().any(|item| item.how != NOT_TAKEN);
        context.ui.hint(match files {
            true => "meshctl apply --rewrite writes every file anew",
            false => "meshctl status shows the proxies; their logs tell what they refused",
        });
    }
    let differs = args.detailed_exitcode && !found.is_empty();
    Ok(if differs { Exit::Differences } else { Exit::Done })
}

/// How something differs that stands in the files and that a running proxy has not taken.
const NOT_TAKEN: &str = "not_taken";

/// How many proxies there are, and how many of them told what they have.
#[derive(Default)]
struct Asked {
    all: usize,
    told: usize,
}

/// What running proxies lack of the files in force. One that does not run, or does not tell, has
/// no drift: it gets what is in force when it starts.
fn at_proxies(target: &target::Target, asked: &mut Asked) -> Result<Vec<Drift>, Failure> {
    let having = status::Looking::new(target)?.look(None)?;
    asked.all = having.len();
    let silent = |found: &&status::Found| {
        matches!(found.having, status::Having::Silent(_) | status::Having::Unknown)
    };
    asked.told = asked.all - having.values().filter(silent).count();
    let lacks = having.into_iter().flat_map(|(proxy, found)| {
        let having = found.having;
        let item = move |what: &String| Drift {
            proxy: proxy.clone(),
            what: what.clone(),
            how: NOT_TAKEN.to_owned(),
        };
        having.lacks().iter().map(item).collect::<Vec<_>>()
    });
    Ok(lacks.collect())
}
