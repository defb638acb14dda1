//! `drift`: what the files in force and the running proxies differ in from the live model.

use super::status::{self, Having};
use super::target::{self, Target};
use super::{Context, Exit, Failure, Format, carry};
use crate::compile::compile;
use crate::envoy::{Differs, ProxyId, Running, Settings};
use crate::live::admin::{Admin, Silence};
use crate::live::server::registered::RegistryDocument;
use crate::live::{self, State};
use crate::plan::Drift;
use clap::Args;
use serde::Serialize;
use serde_json::json;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

/// Show what differs from the live model though nobody applied it
///
/// The files that proxies read, and what proxies with a known admin address run by their own config
/// dump, are compared with what the newest revision compiles to. Of other proxies a server tells
/// what they have acknowledged.
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
    let files = !found.is_empty();
    let mut told = Vec::new();
    if state.rollout.is_none() {
        for (proxy, by, differs) in at_proxies(&target, &state)? {
            found.extend(differs);
            told.push(Told { proxy, by: by.word(), why: by.why() });
        }
        found.sort();
    }
    let silent = told.iter().filter(|told| told.by == NOTHING).count();
    if format == Format::Json {
        let document = json!({
            "format": "meshctl.drift",
            "format_version": "1.0",
            "target": target.id,
            "revision": state.live.revision,
            "unfinished": state.rollout.is_some(),
            "proxies": { "all": told.len(), "told": told.len() - silent, "each": told },
            "drift": found,
        });
        context.ui.result(&format!("{document:#}\n"));
    } else {
        context.ui.result(&text(&found, &told));
    }
    if state.rollout.is_some() {
        context.ui.status(
            "A rollout is unfinished, so the files are those of a step; nothing was compared.",
        );
        context.ui.hint("meshctl apply --resume goes on with it");
    } else if found.is_empty() {
        let (told, all) = (told.len() - silent, told.len());
        context.ui.status(&format!("No drift; {told} of {all} proxies told what they have."));
    } else if files {
        context.ui.hint("meshctl apply --rewrite writes every file anew");
    } else {
        context.ui.hint("meshctl status shows the proxies; their logs tell what they refused");
    }
    let differs = args.detailed_exitcode && !found.is_empty();
    Ok(if differs { Exit::Differences } else { Exit::Done })
}

fn text(found: &[Drift], told: &[Told]) -> String {
    let mut text = String::new();
    for item in found {
        let _ = writeln!(text, "{:<10}  {}  {}", item.how, item.proxy, item.what);
    }
    for Told { proxy, by, why } in told {
        let by = match *by {
            NOTHING => "not told".to_owned(),
            by => format!("told by {}", by.replace('_', " ")),
        };
        let why = why.map(|why| format!(" ({why})")).unwrap_or_default();
        let _ = writeln!(text, "{proxy}: {by}{why}");
    }
    text
}

/// How something differs that is in force and that a running proxy has not taken.
const NOT_TAKEN: &str = "not_taken";
/// Nobody told what a proxy has.
const NOTHING: &str = "nothing";

/// How it was told what a proxy has.
#[derive(Serialize)]
struct Told {
    proxy: ProxyId,
    by: &'static str,
    /// Why not by its config dump.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'static str>,
}

/// Who told what a proxy has.
#[derive(Clone, Copy)]
enum By {
    /// Itself: what it runs; one of so many Envoys.
    Dump { of: usize },
    /// Itself: the versions of what it has taken from files.
    Statistics,
    /// The server: what it has acknowledged.
    Acknowledgement(Option<Silence>),
    /// Nobody.
    Nothing(Option<Silence>),
}

impl By {
    fn word(self) -> &'static str {
        match self {
            Self::Dump { .. } => "config_dump",
            Self::Statistics => "statistics",
            Self::Acknowledgement(_) => "acknowledgement",
            Self::Nothing(_) => NOTHING,
        }
    }

    fn why(self) -> Option<&'static str> {
        match self {
            Self::Dump { of: 0 | 1 } => None,
            Self::Dump { .. } => Some("of one of its Envoys; the others by what they acknowledged"),
            Self::Statistics => Some("its config dump cannot be read"),
            Self::Acknowledgement(None) => Some("the target names no admin address of it"),
            Self::Acknowledgement(Some(Silence::Gone)) => {
                Some("nothing listens at its admin address")
            }
            Self::Acknowledgement(Some(Silence::NoAnswer)) => {
                Some("its config dump cannot be read")
            }
            Self::Nothing(Some(Silence::Gone)) => Some("it is not running"),
            Self::Nothing(Some(Silence::NoAnswer)) => Some("it does not answer"),
            Self::Nothing(None) => Some("the target names no admin address of it"),
        }
    }
}

/// What running proxies have otherwise than the live model says, and who told. One that does not
/// run, or does not tell, has no drift: it gets what is in force when it starts.
fn at_proxies(target: &Target, state: &State) -> Result<Vec<(ProxyId, By, Vec<Drift>)>, Failure> {
    let having = status::Looking::new(target)?.look(None)?;
    let mut dumps = dumps(carry::admins(target)?)?;
    let expected = Expected::new(target)?;
    let found = having.into_iter().map(|(proxy, found)| {
        let dump = dumps.remove(&proxy);
        // An admin address is of one Envoy; what others of the same proxy lack is told beside.
        let lacks = found.having.lacks();
        let mut differs: Vec<Drift> =
            lacks.iter().map(|what| item(&proxy, what.clone(), NOT_TAKEN)).collect();
        let by = match (dump, &found.having) {
            (Some(Ok(running)), _) => {
                if found.each.len() <= 1 {
                    differs.clear();
                }
                let config = expected.of(state, &proxy);
                for (kind, name, how) in running.differences(&config) {
                    differs.push(item(&proxy, format!("{kind} {name}"), how.as_str()));
                }
                By::Dump { of: found.each.len() }
            }
            (Some(Err(silence)), Having::Silent(_)) => By::Nothing(Some(silence)),
            (_, Having::Silent(silence)) => By::Nothing(Some(*silence)),
            (_, Having::Unknown) => By::Nothing(None),
            (dump, _) if target.server().is_some() => {
                By::Acknowledgement(dump.and_then(Result::err))
            }
            (_, _) => By::Statistics,
        };
        (proxy, by, differs)
    });
    let mut found: Vec<(ProxyId, By, Vec<Drift>)> = found.collect();
    // Whoever runs where the target says, and is not of the mesh.
    for (proxy, dump) in dumps {
        if dump.is_ok() {
            let stranger =
                item(&proxy, "the proxy itself".to_owned(), Differs::Unexpected.as_str());
            found.push((proxy, By::Dump { of: 1 }, vec![stranger]));
        }
    }
    Ok(found)
}

fn item(proxy: &ProxyId, what: String, how: &str) -> Drift {
    Drift { proxy: proxy.clone(), what, how: how.to_owned() }
}

/// What all of these run, each asked beside the others.
fn dumps(
    admins: BTreeMap<ProxyId, Admin>,
) -> Result<BTreeMap<ProxyId, Result<Running, Silence>>, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::Failed, "cannot start").cause(error.to_string()))?;
    Ok(runtime.block_on(async {
        let mut asking = tokio::task::JoinSet::new();
        for (proxy, admin) in admins {
            asking.spawn(async move { (proxy, admin.running().await) });
        }
        let mut found = BTreeMap::new();
        while let Some(answer) = asking.join_next().await {
            // A task that panicked has told on stderr; its proxy is simply not heard of.
            found.extend(answer);
        }
        found
    }))
}

/// What proxies are to run.
struct Expected {
    settings: Settings,
    registry: RegistryDocument,
}

impl Expected {
    fn new(target: &Target) -> Result<Self, Failure> {
        let mut settings = target.settings.clone();
        let mut registry = RegistryDocument::default();
        if let Some(server) = target.server() {
            let failed = |error| target::failure(&error);
            if let Some(known) = server.settings().map_err(failed)? {
                settings.certificates = known.certificates;
                settings.authorities = known.authorities;
            }
            registry = server.registry().map_err(failed)?;
        }
        Ok(Self { settings, registry })
    }

    fn of(&self, state: &State, proxy: &ProxyId) -> crate::envoy::ProxyConfig {
        let mut config = compile(&state.live.mesh, &self.settings, proxy);
        for resource in config.resources.values_mut() {
            if let Some(registered) = self.registry.assignment(resource) {
                *resource = Arc::new(registered);
            }
        }
        config
    }
}
