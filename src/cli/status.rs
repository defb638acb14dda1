//! `status`: which revision a target holds, how far it has come, and what each proxy has.

use super::target::{self, Target};
use super::{Context, Exit, Failure, Format, carry, runtime};
use crate::apply::Expected;
use crate::compile::proxies;
use crate::envoy::{ProxyId, ResourceType};
use crate::live::State;
use crate::live::admin::{Admin, Silence, expected};
use crate::live::server::registered::RegistryDocument;
use crate::live::server::wire::EnvoyStatus;
use clap::Args;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::Duration;

/// Show the revision in force, an unfinished rollout, and what each proxy has
#[derive(Debug, Args)]
pub(super) struct StatusArgs {
    /// Only the proxies of this node or gateway
    #[arg(value_name = "ADDR")]
    only: Option<ProxyId>,

    /// Show it again whenever it changes, until interrupted
    #[arg(long)]
    watch: bool,
}

/// How often `--watch` looks.
const WATCH_EVERY: Duration = Duration::from_millis(500);

/// What one proxy has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Having {
    /// Everything that is in force.
    InForce,
    /// Something waits for something else before it serves.
    Warming,
    /// It lacks this, and has rejected nothing.
    Behind(Vec<String>),
    /// It rejected something, and lacks this.
    Rejected(Vec<String>),
    /// It does not run, or does not answer.
    Silent(Silence),
    /// No admin address of it is configured, so it cannot be asked.
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
            Self::Unknown => "not checked",
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
    let looking = Looking::new(&target)?;
    let mut shown = String::new();
    loop {
        let state = target.state()?;
        let found = looking.look(args.only.as_ref())?;
        let registry = match target.server() {
            Some(server) => server.registry().map_err(|error| target::failure(&error))?,
            None => RegistryDocument::default(),
        };
        let now = match format {
            Format::Json => document(&target, &state, &found, &registry),
            _ => text(&target, &state, &found) + &registered(&registry),
        };
        if now != shown {
            context.ui.result(&now);
            hint(context, &target, &state);
            shown = now;
        }
        if !args.watch {
            return Ok(Exit::Done);
        }
        std::thread::sleep(WATCH_EVERY);
    }
}

/// What to do after a rollout has stopped before a switch.
pub(super) const RESUME_SWITCH: &str = "start what is missing, then: meshctl apply --resume; or apply other files, which takes back what \
     was added";

/// What to do after a proxy did not acknowledge a step in time.
pub(super) const STUCK: &str = "meshctl status shows the proxies; meshctl apply --resume waits for them \
     again; or take the step back: meshctl rollback, or meshctl apply with other files";

/// What to do next.
fn hint(context: &Context, target: &Target, state: &State) {
    if files_missing(state) {
        context.ui.hint("meshctl apply --rewrite writes the files of every proxy again");
    } else if let Some(rollout) = &state.rollout {
        context.ui.hint(match (&rollout.halted, &rollout.stopped) {
            (Some(_), _) => "fix the files and apply again, or go back: meshctl rollback",
            (None, Some(_)) => RESUME_SWITCH,
            (None, None) if target.server().is_some() => {
                "the server continues the rollout by itself; meshctl apply --resume follows it, and \
                 waits again where a proxy was late; or take it back: meshctl rollback, or meshctl \
                 apply with other files"
            }
            (None, None) => {
                "meshctl apply --resume continues the rollout; or take it back: meshctl rollback, or \
                 meshctl apply with other files"
            }
        });
    }
}

/// Whether no proxy has files, although the revision has proxies and its rollout has begun.
fn files_missing(state: &State) -> bool {
    let begun = state.rollout.as_ref().is_none_or(|rollout| rollout.arrived > 0);
    state.in_force.is_none() && begun && !proxies(&state.live.mesh).is_empty()
}

/// What is known of one proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// What it has, as a whole.
    pub(super) having: Having,
    /// How many Envoys of it have acknowledged everything that is in force.
    pub(super) envoys: usize,
    /// Each of them, where a server reports them.
    pub(super) each: Vec<EnvoyStatus>,
}

/// Asks what proxies have of what is in force, as often as one likes.
pub(super) struct Looking<'a> {
    target: &'a Target,
    admins: BTreeMap<ProxyId, Admin>,
    runtime: tokio::runtime::Runtime,
}

impl<'a> Looking<'a> {
    pub(super) fn new(target: &'a Target) -> Result<Self, Failure> {
        Ok(Self { target, admins: carry::admins(target)?, runtime: runtime()? })
    }

    /// What every proxy has, or one of them.
    pub(super) fn look(&self, only: Option<&ProxyId>) -> Result<BTreeMap<ProxyId, Found>, Failure> {
        let failed = |error| target::failure(&error);
        let wanted = |proxy: &ProxyId| only.is_none_or(|only| only == proxy);
        if let Some(server) = self.target.server() {
            let proxies = server.connected().map_err(failed)?.proxies.into_iter();
            let proxies = proxies.filter(|status| wanted(&status.proxy));
            return Ok(proxies.map(|status| (status.proxy, connected(status.envoys))).collect());
        }
        let mut present: Vec<ProxyId> =
            self.target.read().proxies().map_err(failed)?.into_iter().collect();
        present.retain(wanted);
        let found = self.runtime.block_on(look(self.target, &self.admins, &present))?;
        let found = found.into_iter().map(|(proxy, having)| {
            let envoys = usize::from(having == Having::InForce);
            (proxy, Found { having, envoys, each: Vec::new() })
        });
        Ok(found.collect())
    }
}

/// What the Envoys of one proxy have together.
fn connected(each: Vec<EnvoyStatus>) -> Found {
    let named = |kind: ResourceType, name: &str| format!("{kind} {name}");
    let refused: BTreeSet<String> = each
        .iter()
        .flat_map(|envoy| &envoy.refused)
        .map(|refused| named(refused.kind, &refused.name))
        .collect();
    let lacks: BTreeSet<String> =
        each.iter().flat_map(|envoy| &envoy.lacks).map(|(kind, name)| named(*kind, name)).collect();
    let having = if each.is_empty() {
        Having::Silent(Silence::Gone)
    } else if !refused.is_empty() {
        Having::Rejected(refused.into_iter().collect())
    } else if each.iter().all(EnvoyStatus::is_in_force) {
        Having::InForce
    } else {
        Having::Behind(lacks.into_iter().collect())
    };
    Found { having, envoys: each.iter().filter(|envoy| envoy.is_in_force()).count(), each }
}

/// How many Envoys have acknowledged everything that is in force.
pub(super) fn acknowledged(found: &BTreeMap<ProxyId, Found>) -> usize {
    found.values().map(|found| found.envoys).sum()
}

/// Asks each proxy what it has of the files in force.
async fn look(
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
        let files = target.read().files(proxy).map_err(|error| target::failure(&error))?;
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

fn document(
    target: &Target,
    state: &State,
    found: &BTreeMap<ProxyId, Found>,
    registry: &RegistryDocument,
) -> String {
    let proxies: Vec<Value> = found
        .iter()
        .map(|(proxy, found)| {
            let state = found.having.word().replace(' ', "_");
            let lacks = found.having.lacks();
            json!({ "proxy": proxy, "state": state, "lacks": lacks, "envoys": found.each })
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
        "expected": target.expect,
        "acknowledged": acknowledged(found),
        "proxies": proxies,
        "registry": registry.nodes,
    });
    format!("{document:#}\n")
}

fn text(target: &Target, state: &State, found: &BTreeMap<ProxyId, Found>) -> String {
    let Some(revision) = state.live.revision else {
        return format!("{} holds no revision yet.\n", target.id.name);
    };
    let mesh = &state.live.mesh.settings.name;
    let mut text = format!("{mesh} on {}: revision {revision}", target.id.name);
    match &state.rollout {
        _ if files_missing(state) => {
            text.push_str("; no step is in force: the files are missing\n");
        }
        None => text.push('\n'),
        Some(rollout) => {
            let done = state.steps_in_force();
            let of = rollout.steps.len().max(done);
            let _ = write!(text, ", step {done} of {of}");
            if let Some(word) = done.checked_sub(1).and_then(|at| rollout.steps.get(at)) {
                let _ = write!(text, " ({word})");
            }
            text.push_str(" in force");
            let _ = match &rollout.halted {
                Some(why) => writeln!(text, "; halted: {why}"),
                None => match &rollout.stopped {
                    Some(why) => writeln!(text, "; stopped before the switch: {why}"),
                    None => writeln!(text, "; the rollout is unfinished"),
                },
            };
        }
    }
    let expected = target.expect.map(Expected::Envoys);
    if let Some(progress) = expected.and_then(|expected| expected.progress(acknowledged(found))) {
        let _ = writeln!(text, "  {progress} everything in force");
    }
    for (proxy, found) in found {
        let having = &found.having;
        let count = match found.each.len() {
            0 => String::new(),
            1 => "  1 Envoy".to_owned(),
            all => format!("  {all} Envoys, {} in force", found.envoys),
        };
        let _ = match having.lacks() {
            [] => writeln!(text, "  {:<12}  {proxy}{count}", having.word()),
            lacks => {
                writeln!(text, "  {:<12}  {proxy}{count}  {}", having.word(), lacks.join(", "))
            }
        };
        for envoy in &found.each {
            for refused in &envoy.refused {
                let _ =
                    writeln!(text, "      {} {}: {}", envoy.node_id, envoy.peer, refused.reason);
            }
        }
    }
    text
}

/// The nodes whose endpoints are registered.
fn registered(registry: &RegistryDocument) -> String {
    let mut text = String::new();
    for node in &registry.nodes {
        let count = match node.instances.len() {
            1 => "1 instance".to_owned(),
            all => format!("{all} instances"),
        };
        let (namespace, service) = (&node.namespace, &node.service);
        let _ = write!(
            text,
            "  {:<12}  virtual_node/{}  {namespace}/{service}: {count}",
            "registered", node.node
        );
        if !node.held.is_empty() {
            let held = node.held.join(", ");
            let _ = write!(
                text,
                "; kept although their leases expired, because too many expired at once: {held}"
            );
        }
        text.push('\n');
    }
    text
}
