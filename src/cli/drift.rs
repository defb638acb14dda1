//! `drift`: how the files in force and the running proxies differ from the live model.

use super::status::{self, Having};
use super::target::{self, Target};
use super::{Context, Exit, Failure, Format, carry, runtime};
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

/// Detect changes made outside meshctl
///
/// The files that proxies read, and what proxies with a known admin address run according to their
/// own config dump, are compared with the newest revision. A server reports what the other proxies
/// have acknowledged. Exits with 1 if nothing could be checked.
#[derive(Debug, Args)]
pub(super) struct DriftArgs {
    /// Exit with 2 if anything differs
    #[arg(long)]
    detailed_exitcode: bool,
}

/// What was compared, as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    /// Something differs.
    Drift,
    /// Nothing differs in what was checked.
    NoDrift,
    /// Nothing was checked.
    NotChecked,
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
    let mut proxies = Vec::new();
    if state.rollout.is_none() {
        for (proxy, by, differs) in at_proxies(&target, &state)? {
            found.extend(differs);
            proxies.push(Checked { proxy, by: by.word(), why: by.why() });
        }
        found.sort();
    }
    let checked = proxies.iter().filter(|proxy| proxy.by != NOTHING).count();
    let verdict = match found.is_empty() {
        false => Verdict::Drift,
        true if state.rollout.is_some() => Verdict::NotChecked,
        // The files of a folder were compared, whether its proxies could be asked or not.
        true if checked == 0 && !proxies.is_empty() && target.directory().is_none() => {
            Verdict::NotChecked
        }
        true => Verdict::NoDrift,
    };
    let exit = match verdict {
        Verdict::Drift if args.detailed_exitcode => Exit::Differences,
        Verdict::Drift | Verdict::NoDrift => Exit::Done,
        Verdict::NotChecked => Exit::Failed,
    };
    if format == Format::Json {
        let document = json!({
            "format": "meshctl.drift",
            "format_version": "1.0",
            "target": target.id,
            "revision": state.live.revision,
            "unfinished": state.rollout.is_some(),
            "result": verdict,
            "exit_code": exit.code(),
            "proxies": { "all": proxies.len(), "told": checked, "each": proxies },
            "drift": found,
        });
        context.ui.result(&format!("{document:#}\n"));
    } else {
        context.ui.result(&text(&found, &proxies));
    }
    let ui = &context.ui;
    match verdict {
        Verdict::Drift if files => ui.hint("meshctl apply --rewrite writes every file again"),
        Verdict::Drift => {
            ui.hint(
                "meshctl status shows what each proxy acknowledged or rejected; what only a proxy has \
                 comes from its bootstrap",
            );
        }
        Verdict::NoDrift => {
            ui.status(&clean(&state, checked, proxies.len(), target.directory().is_some()));
        }
        Verdict::NotChecked if state.rollout.is_some() => {
            ui.error("drift was not checked: a rollout is unfinished");
            ui.hint("meshctl apply --resume continues it");
        }
        Verdict::NotChecked => {
            ui.error(&format!(
                "drift was not checked: 0 of {} proxies could be asked",
                proxies.len()
            ));
            ui.hint("meshctl status shows the proxies");
        }
    }
    Ok(exit)
}

/// What was checked where nothing differs.
fn clean(state: &State, checked: usize, all: usize, files: bool) -> String {
    if state.live.revision.is_none() {
        return "No drift: the target holds no revision.".to_owned();
    }
    let proxies = if all == 1 { "proxy" } else { "proxies" };
    match (checked, files) {
        (0, true) if all > 0 => {
            format!("No drift detected in the files; 0 of {all} {proxies} checked.")
        }
        _ => format!("No drift detected ({checked} of {all} {proxies} checked)."),
    }
}

fn text(found: &[Drift], proxies: &[Checked]) -> String {
    let mut text = String::new();
    for item in found {
        let _ = writeln!(text, "{:<10}  {}  {}", item.how, item.proxy, item.what);
    }
    for Checked { proxy, by, why } in proxies {
        let _ = match (*by, why) {
            (NOTHING, Some(why)) => writeln!(text, "{proxy}: not checked: {why}"),
            (NOTHING, None) => writeln!(text, "{proxy}: not checked"),
            (by, why) => {
                let why = why.map(|why| format!(" ({why})")).unwrap_or_default();
                writeln!(text, "{proxy}: checked by {}{why}", by.replace('_', " "))
            }
        };
    }
    text
}

/// How something differs that is in force and that a running proxy has not acknowledged.
const NOT_TAKEN: &str = "not_taken";
/// A proxy was not checked.
const NOTHING: &str = "nothing";

/// How a proxy was checked.
#[derive(Serialize)]
struct Checked {
    proxy: ProxyId,
    by: &'static str,
    /// Why not by its config dump.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'static str>,
}

/// How a proxy was checked.
#[derive(Clone, Copy)]
enum By {
    /// By its config dump, of one of so many Envoys.
    Dump { of: usize },
    /// By its statistics: the versions of the files that it has accepted.
    Statistics,
    /// By what it has acknowledged to the server.
    Acknowledgement(Option<Silence>),
    /// Not at all.
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
            Self::Dump { .. } => Some("one of its Envoys; the others by what they acknowledged"),
            Self::Statistics => Some("its config dump cannot be read"),
            Self::Acknowledgement(None) => Some("no admin address configured"),
            Self::Acknowledgement(Some(Silence::Gone)) => {
                Some("nothing listens at its admin address")
            }
            Self::Acknowledgement(Some(Silence::NoAnswer)) => {
                Some("its config dump cannot be read")
            }
            Self::Nothing(Some(Silence::Gone)) => Some("it is not running"),
            Self::Nothing(Some(Silence::NoAnswer)) => Some("it does not answer"),
            Self::Nothing(None) => Some("no admin address configured"),
        }
    }
}

/// How what proxies run differs from the live model, and how they were checked. One that does not
/// run or does not answer was not checked.
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
    Ok(runtime()?.block_on(async {
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
        let settings = target.settings.clone();
        let mut registry = RegistryDocument::default();
        if let Some(server) = target.server() {
            let failed = |error| target::failure(&error);
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
