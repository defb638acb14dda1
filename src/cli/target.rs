//! The target that a command works against.

use super::{Context, Exit, Failure};
use crate::envoy::{ProxyId, Settings};
use crate::live::server::wire::Problem;
use crate::live::{self, Directory, Target as _};
use crate::load::{Loaded, TargetSettings};
use crate::plan;
use std::collections::BTreeMap;
use std::path::{self, PathBuf};
use std::time::Duration;

/// How long a step is given where nothing proves that it arrived, unless the target says.
const SETTLE: Duration = Duration::from_millis(500);

/// A target, opened.
#[derive(Debug)]
pub(super) struct Target {
    /// Its identity in plans.
    pub(super) id: plan::Target,
    /// The folder.
    pub(super) directory: Directory,
    /// How its proxies are configured.
    pub(super) settings: Settings,
    /// How many proxies must take an apply.
    pub(super) expect: Option<u32>,
    /// How long a step is given where nothing proves that it arrived.
    pub(super) settle: Duration,
    /// Admin addresses of proxies.
    pub(super) admin: BTreeMap<ProxyId, String>,
}

impl Target {
    /// What it holds.
    pub(super) fn state(&self) -> Result<live::State, Failure> {
        live::Read::state(&self.directory).map_err(|error| failure(&error))
    }

    /// Becomes the only writer.
    pub(super) fn lock(&self, patience: Duration) -> Result<Box<dyn live::Write>, Failure> {
        self.directory.lock(patience).map_err(|error| failure(&error))
    }
}

impl Context {
    /// Opens the target of this run.
    pub(super) fn open_target(&self, loaded: &Loaded) -> Result<Target, Failure> {
        let (name, settings) = self.target(loaded)?;
        open(loaded, &name, settings)
    }
}

fn open(loaded: &Loaded, name: &str, target: &TargetSettings) -> Result<Target, Failure> {
    let root = root(loaded, target)?;
    let directory = Directory::open(&root).map_err(|error| failure(&error))?;
    let mut admin = BTreeMap::new();
    for (proxy, address) in &target.admin {
        let proxy: ProxyId = proxy
            .parse()
            .map_err(|why: String| Failure::new(Exit::Findings, format!("meshctl.toml: {why}")))?;
        admin.insert(proxy, address.clone());
    }
    Ok(Target {
        id: plan::Target {
            name: name.to_owned(),
            kind: "directory".to_owned(),
            id: target.directory.clone(),
        },
        directory,
        settings: loaded.project.settings(root.display().to_string()),
        expect: target.expect,
        settle: target.settle.map_or(SETTLE, |settle| Duration::from_millis(settle.millis())),
        admin,
    })
}

/// The target's folder as proxies on this host see it.
fn root(loaded: &Loaded, target: &TargetSettings) -> Result<PathBuf, Failure> {
    let project = loaded.root.canonicalize();
    let root = project.and_then(|project| path::absolute(project.join(&target.directory)));
    root.map_err(|error| {
        Failure::new(Exit::Failed, format!("cannot find {}", loaded.root.display()))
            .cause(error.to_string())
    })
}

/// A failure of a target, with the exit code that tells what to do about it.
pub(super) fn failure(error: &live::Error) -> Failure {
    let exit = match error {
        live::Error::Busy { .. } | live::Error::Unavailable { .. } => Exit::Busy,
        live::Error::Stale { .. } => Exit::Stale,
        live::Error::OtherMesh { .. } => Exit::Refused,
        live::Error::Setup { .. } => Exit::Findings,
        live::Error::Store { unknown: true, .. } => Exit::Unknown,
        live::Error::Api { problem, .. } => of_problem(problem),
        live::Error::Io { .. }
        | live::Error::NotAFolder { .. }
        | live::Error::Damaged { .. }
        | live::Error::Newer { .. }
        | live::Error::NoRevision { .. }
        | live::Error::Odd { .. }
        | live::Error::Store { .. }
        | live::Error::NoFiles { .. } => Exit::Failed,
    };
    let mut failure = Failure::from_error(exit, error);
    if let live::Error::Api { problem, .. } = error {
        failure.causes.extend(problem.causes.iter().cloned());
    }
    match error.hint() {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

/// The exit code for what a server refuses, by its word for that.
pub(super) fn of_problem(problem: &Problem) -> Exit {
    match problem.code.as_str() {
        "findings" => Exit::Findings,
        "refused" | "unauthenticated" | "forbidden" => Exit::Refused,
        "stale" => Exit::Stale,
        "busy" | "unavailable" => Exit::Busy,
        "unknown-outcome" => Exit::Unknown,
        _ => Exit::Failed,
    }
}
