//! Executing a plan, as `apply` and `rollback` do: approval, the lock, the run, the result.

use super::outcome::{finish, stamped};
use super::remote;
use super::target::{self, Target};
use super::{Context, Exit, Failure, Format};
use crate::apply::{self, Admins, Event, OnRefusal, Options, Signal, Site, Stop};
use crate::diag::shell::word;
use crate::live::Target as _;
use crate::live::admin::Admin;
use crate::load::Loaded;
use crate::model::Address;
use crate::plan::{Plan, Share, short};
use crate::report::{Progress, events};
use clap::{Args, ValueEnum};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufRead, IsTerminal};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// Flags of every command that changes a target.
#[derive(Clone, Debug, Args)]
pub(super) struct CarryArgs {
    /// Apply without asking for approval
    #[arg(short, long)]
    pub(super) yes: bool,

    /// How long each step may take to be acknowledged; `none` asks no proxy, and verifies nothing
    #[arg(long, value_name = "TIME", default_value = "30s")]
    pub(super) wait: Patience,

    /// How long to wait after each step for proxies without an admin address
    #[arg(long, value_name = "TIME")]
    settle: Option<Patience>,

    /// How long open streams to removed targets may continue before the last step closes them
    #[arg(long, value_name = "TIME", default_value = "none")]
    pub(super) drain: Patience,

    /// What to do when a proxy rejects a step
    #[arg(long, value_name = "WHAT", value_enum, default_value_t)]
    pub(super) on_nack: OnNack,

    /// Send each step to N (3) or a share (10%) of its proxies first, and to the others once those have
    /// acknowledged it
    #[arg(long, value_name = "N|%")]
    pub(super) canary: Option<Share>,

    /// How long to watch the first proxies before the others follow
    #[arg(long, value_name = "TIME", default_value = "none", requires = "canary")]
    pub(super) canary_wait: Patience,

    /// How long to wait for another meshctl that is changing the target
    #[arg(long, value_name = "TIME", default_value = "none")]
    pub(super) lock_timeout: Patience,

    /// Idempotency key of 16 to 128 characters: repeating it returns the original result, even if the
    /// files have changed since (control planes)
    #[arg(long, value_name = "KEY")]
    pub(super) key: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum OnNack {
    /// Roll back to the revision before, as a new revision
    #[default]
    Rollback,
    /// Stop at the step
    Halt,
    /// Continue with the other proxies
    Continue,
}

/// A duration, or `none`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Patience(Option<Duration>);

impl Patience {
    /// The time; `None` is none at all.
    pub(super) fn time(self) -> Option<Duration> {
        self.0
    }
}

impl FromStr for Patience {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "none" {
            return Ok(Self(None));
        }
        let wrong = || "it has the form 500ms, 30s, 5m, 12h, 90d or none".to_owned();
        let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let number: u64 = digits.parse().map_err(|_| wrong())?;
        let millis = match &text[digits.len()..] {
            "ms" => Some(number),
            "s" => number.checked_mul(1000),
            "m" => number.checked_mul(60_000),
            "h" => number.checked_mul(3_600_000),
            "d" => number.checked_mul(86_400_000),
            _ => None,
        };
        Ok(Self(Some(Duration::from_millis(millis.ok_or_else(wrong)?))))
    }
}

/// What is carried out.
pub(super) enum Work<'a> {
    /// A plan.
    Plan(&'a Plan),
    /// The rollout that has not ended.
    Resume {
        /// The routes that may switch to nodes that cannot serve.
        accept: BTreeSet<Address>,
    },
    /// What a server was asked for under the key, if it was a plan of this digest.
    Known {
        /// The digest; `None`: whatever it was.
        expect: Option<&'a str>,
    },
    /// Every file anew.
    Rewrite,
}

/// Asks whether to do it, if nobody has said so yet. `text` is the plan for people.
pub(super) fn approve(
    context: &Context,
    args: &CarryArgs,
    target: &Target,
    plan: &Plan,
    text: &str,
) -> Result<(), Failure> {
    context.ui.words(text);
    if args.yes {
        return Ok(());
    }
    let asks = !context.global.no_input
        && std::env::var_os("CI").is_none_or(|value| value.is_empty())
        && io::stdin().is_terminal()
        && io::stderr().is_terminal();
    if !asks {
        let message = "approval required, but there is no terminal to ask on";
        return Err(Failure::new(Exit::Refused, message)
            .hint(format!("to apply exactly this plan: {} --yes", same_call(plan))));
    }
    let question = format!(
        "Apply these changes to {} on {}? Only 'yes' is accepted: ",
        plan.mesh, target.id.name
    );
    context.ui.prompt(&question);
    let mut answer = String::new();
    let read = io::stdin().lock().read_line(&mut answer);
    if read.is_ok() && answer.trim() == "yes" {
        return Ok(());
    }
    Err(Failure::new(Exit::Refused, "not approved; nothing was changed"))
}

/// The call that this process was started with, and what makes it apply this very plan.
pub(super) fn same_call(plan: &Plan) -> String {
    // A word that is not text cannot be shown so that it can be pasted.
    let args = std::env::args_os().skip(1);
    let mut words: Vec<String> =
        args.map(|arg| word(&arg.to_string_lossy()).into_owned()).collect();
    if !words.iter().any(|word| word.starts_with("--expect")) {
        words.push("--expect".to_owned());
        words.push(short(&plan.digest).to_owned());
    }
    format!("meshctl {}", words.join(" "))
}

/// Does it, and reports how it ended.
pub(super) fn carry_out(
    context: &Context,
    args: &CarryArgs,
    loaded: &Loaded,
    target: &Target,
    format: Format,
    work: &Work<'_>,
) -> Result<Exit, Failure> {
    let place = |address: &Address, pointer: &str| {
        loaded.origins.find(address, pointer).map(|loc| loaded.files.show_line(loc))
    };
    let progress = Progress::new(context.ui.draws_progress(&context.around));
    let mut tell = |event: Event| {
        progress.tell(&event);
        match format {
            Format::Ndjson => {
                let object = stamped(events::ndjson(&event, &place));
                context.ui.result(&format!("{object}\n"));
            }
            _ => progress.aside(|| events::tell(&context.ui, &event, &place)),
        }
    };
    if let Some(server) = target.server() {
        let asked = remote::Asked { context, args, target, server };
        let result = asked.carry_out(work, &mut tell);
        progress.end();
        return Ok(finish(context, target, format, work, &result?, &place));
    }
    let Some(directory) = target.directory() else {
        return Err(Failure::new(Exit::Failed, "the target is neither a folder nor a server"));
    };
    let options = options(args, target, work)?;
    let patience = args.lock_timeout.time().unwrap_or_default();
    let mut writer = directory.lock(patience).map_err(|error| target::failure(&error))?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime
        .map_err(|error| Failure::new(Exit::Failed, "cannot start").cause(error.to_string()))?;
    let result = runtime.block_on(async {
        let stop = listen();
        let mut site = Site {
            target: &mut *writer,
            settings: &target.settings,
            options: &options,
            stop: &stop,
            tell: &mut tell,
        };
        match work {
            Work::Plan(plan) => apply::apply(plan, &mut site).await,
            Work::Resume { .. } | Work::Known { .. } => apply::resume(&mut site).await,
            Work::Rewrite => apply::rewrite(&mut site).await,
        }
    });
    progress.end();
    let outcome = result.map_err(|error| failure(&error))?;
    Ok(finish(context, target, format, work, &outcome, &place))
}

/// Rejects `--canary` where no proxy can be asked.
pub(super) fn can_tell(args: &CarryArgs, target: &Target) -> Result<(), Failure> {
    if args.canary.is_none() {
        return Ok(());
    }
    let (why, hint) = if args.wait.time().is_none() {
        ("--wait none asks no proxy", "give --wait a time".to_owned())
    } else if target.directory().is_some() && target.admin.is_empty() {
        let hint =
            format!("set the proxies' admin addresses in [targets.{}.admin]", target.id.name);
        ("the target has no admin addresses", hint)
    } else {
        return Ok(());
    };
    let message = format!("--canary waits for the first proxies to acknowledge, but {why}");
    Err(Failure::new(Exit::Usage, message).hint(hint))
}

/// Stops at a safe point on Ctrl-C and on SIGTERM, and at once on the second of them.
pub(super) fn listen() -> Stop {
    let (sender, stop) = Stop::new();
    let sender = Arc::new(sender);
    for (kind, signal_kind) in
        [(Signal::Interrupt, SignalKind::interrupt()), (Signal::Terminate, SignalKind::terminate())]
    {
        let sender = Arc::clone(&sender);
        // Without a handler the signal ends the process at once, which is safe too.
        if let Ok(mut stream) = signal(signal_kind) {
            tokio::spawn(async move {
                while stream.recv().await.is_some() {
                    if sender.send_replace(Some(kind)).is_some() {
                        at_once(kind);
                    }
                }
            });
        }
    }
    stop
}

/// Ends the process where it stands, which is what a kill would do: the next run goes on from there.
#[expect(clippy::exit, reason = "whoever asks twice does not want to wait for what is under way")]
fn at_once(signal: Signal) {
    std::process::exit(i32::from(stopped(signal).code()));
}

pub(super) fn stopped(signal: Signal) -> Exit {
    match signal {
        Signal::Interrupt => Exit::Interrupted,
        Signal::Terminate => Exit::Terminated,
    }
}

impl Work<'_> {
    /// The routes that may switch to nodes that cannot serve.
    pub(super) fn accept(&self) -> BTreeSet<Address> {
        match self {
            Self::Plan(plan) => plan.consents.accept_missing.clone(),
            Self::Resume { accept } => accept.clone(),
            Self::Known { .. } | Self::Rewrite => BTreeSet::new(),
        }
    }
}

fn options(args: &CarryArgs, target: &Target, work: &Work<'_>) -> Result<Options, Failure> {
    Ok(Options {
        wait: args.wait.time(),
        settle: match args.settle {
            Some(settle) => settle.time().unwrap_or_default(),
            None => target.settle,
        },
        drain: args.drain.time().unwrap_or_default(),
        on_refusal: match args.on_nack {
            OnNack::Rollback => OnRefusal::Rollback,
            OnNack::Halt => OnRefusal::Halt,
            OnNack::Continue => OnRefusal::Continue,
        },
        canary: args.canary,
        canary_wait: args.canary_wait.time().unwrap_or_default(),
        carry: serde_json::Value::Null,
        expect: target.expect,
        accept: work.accept(),
        witness: Arc::new(Admins(admins(target)?)),
        at: jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        by: user(),
    })
}

/// The admin interfaces that the target knows.
pub(super) fn admins(target: &Target) -> Result<BTreeMap<crate::envoy::ProxyId, Admin>, Failure> {
    let mut admins = BTreeMap::new();
    for (proxy, address) in &target.admin {
        let admin = Admin::new(address).map_err(|why| {
            Failure::new(Exit::Findings, format!("meshctl.toml: {why}"))
                .hint(format!("see [targets.{}.admin]", target.id.name))
        })?;
        admins.insert(proxy.clone(), admin);
    }
    Ok(admins)
}

/// Who this is: the name that the login gave, else the number.
pub(super) fn user() -> String {
    let name = ["USER", "LOGNAME"]
        .into_iter()
        .filter_map(|name| std::env::var(name).ok())
        // The history is a list of lines.
        .map(|name| name.chars().filter(|c| !c.is_control()).collect::<String>())
        .find(|name| !name.trim().is_empty());
    name.unwrap_or_else(|| format!("uid {}", rustix::process::getuid().as_raw()))
}

fn failure(error: &apply::Error) -> Failure {
    match error {
        apply::Error::Live(error) => target::failure(error),
        apply::Error::Stale { .. } => {
            Failure::from_error(Exit::Stale, error).hint("plan again and review the new plan")
        }
        apply::Error::Unfit(_) => {
            Failure::from_error(Exit::Stale, error).hint("plan again and review the new plan")
        }
        apply::Error::NoRollout => Failure::from_error(Exit::Failed, error)
            .hint("meshctl status shows what the target holds"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_with_their_units() {
        let read = |text: &str| text.parse::<Patience>().map(Patience::time);
        assert_eq!(read("none"), Ok(None));
        assert_eq!(read("500ms"), Ok(Some(Duration::from_millis(500))));
        assert_eq!(read("30s"), Ok(Some(Duration::from_secs(30))));
        assert_eq!(read("5m"), Ok(Some(Duration::from_secs(300))));
        for bad in ["", "5", "s", "-1s", "1.5s", "5 s", "99999999999999999999h"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
