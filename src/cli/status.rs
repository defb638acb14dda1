//! `status`: which revision a target holds, how far it has come, and what each proxy has.

use super::target::{self, Target};
use super::{Context, Exit, Failure, Format, carry};
use crate::compile::proxies;
use crate::envoy::ProxyId;
use crate::live::admin::{Admin, Silence, expected};
use crate::live::{Read as _, State};
use clap::Args;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Show the revision in force, an unfinished rollout, and what each proxy has
#[derive(Debug, Args)]
pub(super) struct StatusArgs {
    /// Only the proxies of this node or gateway
    #[arg(value_name = "ADDR")]
    only: Option<ProxyId>,
}

/// What one proxy has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Having {
    /// All that the files in force say.
    InForce,
    /// Something waits for something else before it serves.
    Warming,
    /// It lacks this, and has refused nothing.
    Behind(Vec<String>),
    /// It refused something, and lacks this.
    Rejected(Vec<String>),
    /// It does not tell.
    Silent(Silence),
    /// Nobody knows its admin address.
    Unknown,
}

impl Having {
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::InForce => "in force",
            Self::Warming => "warming",
            Self::Behind(_) => "behind",
            Self::Rejected(_) => "rejected",
            Self::Silent(Silence::Gone) => "not running",
            Self::Silent(Silence::NoAnswer) => "unreachable",
            Self::Unknown => "not known",
        }
    }

    /// What it lacks of the files in force.
    pub(super) fn lacks(&self) -> &[String] {
        match self {
            Self::Behind(lacks) | Self::Rejected(lacks) => lacks,
            Self::InForce | Self::Warming | Self::Silent(_) | Self::Unknown => &[],
        }
    }
}

pub(super) fn run(context: &Context, args: &StatusArgs) -> Result<Exit, Failure> {
    let format = context.format(&[Format::Text, Format::Json])?;
    let loaded = context.load()?;
    let target = context.open_target(&loaded)?;
    let state = target.state()?;
    let admins = carry::admins(&target)?;
    let mut present: Vec<ProxyId> =
        target.directory.proxies().map_err(|error| target::failure(&error))?.into_iter().collect();
    present.retain(|proxy| args.only.as_ref().is_none_or(|only| only == proxy));
    let having = runtime()?.block_on(look(&target, &admins, &present))?;
    match format {
        Format::Json => context.ui.result(&document(&target, &state, &having)),
        _ => context.ui.result(&text(&target, &state, &having)),
    }
    if files_missing(&state) {
        context.ui.hint("meshctl apply --rewrite writes the files of every proxy anew");
    } else if let Some(rollout) = &state.rollout {
        context.ui.hint(match rollout.halted {
            Some(_) => "mend the files and apply again, or go back: meshctl rollback",
            None => "meshctl apply --resume goes on with the rollout",
        });
    }
    Ok(Exit::Done)
}

/// Whether no proxy has files, although the revision has proxies and its rollout has begun.
fn files_missing(state: &State) -> bool {
    let begun = state.rollout.as_ref().is_none_or(|rollout| rollout.arrived > 0);
    state.in_force.is_none() && begun && !proxies(&state.live.mesh).is_empty()
}

pub(super) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::Failed, "cannot start").cause(error.to_string()))
}

/// Asks each proxy what it has of the files in force.
pub(super) async fn look(
    target: &Target,
    admins: &BTreeMap<ProxyId, Admin>,
    proxies: &[ProxyId],
) -> Result<BTreeMap<ProxyId, Having>, Failure> {
    let mut found = BTreeMap::new();
    let mut asking = tokio::task::JoinSet::new();
    for proxy in proxies {
        let Some(admin) = admins.get(proxy).cloned() else {
            found.insert(proxy.clone(), Having::Unknown);
            continue;
        };
        let files = target.directory.files(proxy).map_err(|error| target::failure(&error))?;
        let expected = expected(&files);
        let proxy = proxy.clone();
        asking.spawn(async move {
            let having = match admin.seen().await {
                Ok(seen) if seen.has(&expected) => Having::InForce,
                Ok(seen) => {
                    let missing = seen.missing(&expected);
                    let refused = missing.iter().any(|subject| seen.refused(subject) > 0);
                    let lacks = missing
                        .iter()
                        .map(|(kind, name)| format!("{kind} {name}").trim_end().to_owned())
                        .collect();
                    match (missing.is_empty(), refused) {
                        (true, _) => Having::Warming,
                        (false, true) => Having::Rejected(lacks),
                        (false, false) => Having::Behind(lacks),
                    }
                }
                Err(silence) => Having::Silent(silence),
            };
            (proxy, having)
        });
    }
    while let Some(answer) = asking.join_next().await {
        if let Ok((proxy, having)) = answer {
            found.insert(proxy, having);
        }
    }
    Ok(found)
}

fn document(target: &Target, state: &State, having: &BTreeMap<ProxyId, Having>) -> String {
    let proxies: Vec<Value> = having
        .iter()
        .map(|(proxy, having)| {
            let state = having.word().replace(' ', "_");
            json!({ "proxy": proxy, "state": state, "lacks": having.lacks() })
        })
        .collect();
    let document = json!({
        "format": "meshctl.status",
        "format_version": "1.0",
        "target": target.id,
        "mesh": state.live.revision.map(|_| &state.live.mesh.settings.name),
        "revision": state.live.revision,
        "step": state.in_force.map(|step| step.to_string()),
        "rollout": state.rollout,
        "steps_in_force": state.steps_in_force(),
        "proxies": proxies,
    });
    format!("{document:#}\n")
}

fn text(target: &Target, state: &State, having: &BTreeMap<ProxyId, Having>) -> String {
    let Some(revision) = state.live.revision else {
        return format!("{} holds no revision yet.\n", target.id.name);
    };
    let mesh = &state.live.mesh.settings.name;
    let mut text = format!("{mesh} on {}: revision {revision}", target.id.name);
    match &state.rollout {
        _ if files_missing(state) => text.push_str("; no step is in force, the files are gone\n"),
        None => text.push('\n'),
        Some(rollout) => {
            let done = state.steps_in_force();
            let of = rollout.steps.len().max(done);
            let _ = write!(text, ", step {done} of {of} in force");
            let _ = match &rollout.halted {
                Some(why) => writeln!(text, "; halted: {why}"),
                None => writeln!(text, "; the rollout is unfinished"),
            };
        }
    }
    for (proxy, having) in having {
        let _ = match having.lacks() {
            [] => writeln!(text, "  {:<12}  {proxy}", having.word()),
            lacks => writeln!(text, "  {:<12}  {proxy}  {}", having.word(), lacks.join(", ")),
        };
    }
    text
}
