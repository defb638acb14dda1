//! The target that a command works against.

use super::{Context, Exit, Failure, trusted};
use crate::envoy::{ConfigSource, ProxyId, Settings};
use crate::live::server::wire::{API, Problem};
use crate::live::server::{Access, TokenSource};
use crate::live::{self, Directory, Server, private};
use crate::load::{Loaded, TargetSettings};
use crate::plan;
use crate::revision::{Header, Live, ObjectId, split};
use std::collections::BTreeMap;
use std::path::{self, Path, PathBuf};
use std::time::Duration;

/// How long a step is given where nothing proves that it arrived, unless the target says.
const SETTLE: Duration = Duration::from_millis(500);

/// A target, opened.
#[derive(Debug)]
pub(super) struct Target {
    /// Its identity in plans.
    pub(super) id: plan::Target,
    /// Where it is.
    place: Place,
    /// How its proxies are configured.
    pub(super) settings: Settings,
    /// How many Envoys must take an apply.
    pub(super) expect: Option<u32>,
    /// How long a step is given where nothing proves that it arrived.
    pub(super) settle: Duration,
    /// Admin addresses of proxies.
    pub(super) admin: BTreeMap<ProxyId, String>,
}

#[derive(Debug)]
enum Place {
    Directory(Directory),
    Server(Box<Server>),
}

impl Target {
    /// To look at it.
    pub(super) fn read(&self) -> &dyn live::Read {
        match &self.place {
            Place::Directory(directory) => directory,
            Place::Server(server) => &**server,
        }
    }

    /// The folder, if it is one, which this process can write.
    pub(super) fn directory(&self) -> Option<&Directory> {
        match &self.place {
            Place::Directory(directory) => Some(directory),
            Place::Server(_) => None,
        }
    }

    /// The server, if it is one, which does itself what is asked.
    pub(super) fn server(&self) -> Option<&Server> {
        match &self.place {
            Place::Directory(_) => None,
            Place::Server(server) => Some(server),
        }
    }

    /// What it holds.
    pub(super) fn state(&self) -> Result<live::State, Failure> {
        self.read().state().map_err(|error| failure(&error))
    }

    /// The revision whose routes are in force: not the newest while its rollout has not switched.
    pub(super) fn in_force(&self, state: &live::State) -> Result<Live, Failure> {
        self.read().in_force(state).map_err(|error| failure(&error))
    }

    /// What plans lead from, and a plan that was made against a revision.
    pub(super) fn base(&self, state: &live::State, planned: Option<u64>) -> Result<Live, Failure> {
        self.read().base(state, planned).map_err(|error| failure(&error))
    }

    /// What one revision was; of none, nothing.
    pub(super) fn at_or_none(&self, revision: Option<u64>) -> Result<Live, Failure> {
        revision.map_or_else(|| Ok(Live::default()), |revision| self.at(revision))
    }

    /// What one revision was.
    pub(super) fn at(&self, revision: u64) -> Result<Live, Failure> {
        self.read().at(revision).map_err(|error| {
            failure(&error).hint("meshctl history lists the revisions of the target")
        })
    }

    /// Every revision, the newest first.
    pub(super) fn history(&self) -> Result<Vec<Header>, Failure> {
        self.read().history().map_err(|error| failure(&error))
    }
}

/// What a target does not have in force of its newest revision.
pub(super) fn not_in_force(state: &live::State) -> Option<String> {
    let newest = state.live.revision?;
    Some(match state.before_switch()? {
        Some(before) => format!(
            "revision {newest} is not in force: its rollout has not switched, and live is revision \
             {before}"
        ),
        None => format!("revision {newest} is not in force: its rollout has not switched"),
    })
}

impl Context {
    /// What is in force at a target; where that is not the newest revision, a warning says so.
    pub(super) fn live(&self, target: &Target) -> Result<Live, Failure> {
        let state = target.state()?;
        if let Some(why) = not_in_force(&state) {
            self.ui.warning(&why);
        }
        target.in_force(&state)
    }

    /// Opens the target of this run.
    pub(super) fn open_target(&self, loaded: &Loaded) -> Result<Target, Failure> {
        let (name, settings) = self.target(loaded)?;
        match (&settings.directory, &settings.server) {
            (_, Some(server)) => open_server(loaded, &name, settings, server),
            (Some(directory), None) => open_directory(loaded, &name, settings, directory),
            (None, None) => Err(Failure::new(
                Exit::Findings,
                format!("the target `{name}` is neither a folder nor a server"),
            )
            .hint("meshctl check says what is wrong with meshctl.toml")),
        }
    }
}

impl Context {
    /// The server of the target, as one who is no operator: with a token or certificate of its own.
    pub(super) fn server(
        &self,
        loaded: &Loaded,
        token: Option<TokenSource>,
        identity: Option<(PathBuf, PathBuf)>,
    ) -> Result<Server, Failure> {
        let (name, target) = self.target(loaded)?;
        let Some(url) = &target.server else {
            return Err(Failure::new(Exit::Usage, format!("the target `{name}` is no server"))
                .hint("name one with `server` in meshctl.toml: --target NAME"));
        };
        let ca = target.tls.as_ref().map(|tls| loaded.root.join(&tls.ca));
        if let Some(token) = &token {
            trusted::check_join(url, token)?;
        }
        let access = Access { url: url.clone(), token, ca, identity };
        Server::new(&access, loaded.mesh.settings.name.clone()).map_err(|error| failure(&error))
    }
}

fn open_directory(
    loaded: &Loaded,
    name: &str,
    target: &TargetSettings,
    folder: &str,
) -> Result<Target, Failure> {
    let root = root(loaded, folder)?;
    let directory = Directory::open(&root).map_err(|error| failure(&error))?;
    Ok(Target {
        id: plan::Target {
            name: name.to_owned(),
            kind: "directory".to_owned(),
            id: folder.to_owned(),
        },
        place: Place::Directory(directory),
        settings: loaded.project.settings(root.display().to_string()),
        expect: target.expect,
        settle: target.settle.map_or(SETTLE, |settle| Duration::from_millis(settle.millis())),
        admin: admin(target)?,
    })
}

fn open_server(
    loaded: &Loaded,
    name: &str,
    target: &TargetSettings,
    url: &str,
) -> Result<Target, Failure> {
    let mesh = loaded.mesh.settings.name.clone();
    if mesh.as_str().is_empty() {
        return Err(Failure::new(Exit::Findings, "the files do not name the mesh")
            .hint("meshctl check says what is wrong with them"));
    }
    let file = |path: &String| loaded.root.join(path);
    let token = target.token.as_ref().and_then(|token| match (&token.file, &token.env) {
        (Some(path), _) => Some(TokenSource::File(file(path))),
        (None, Some(name)) => Some(TokenSource::Env(name.clone())),
        (None, None) => None,
    });
    trusted::check(url, token.as_ref())?;
    let access = Access {
        url: url.to_owned(),
        token,
        ca: target.tls.as_ref().map(|tls| file(&tls.ca)),
        identity: target
            .tls
            .as_ref()
            .and_then(|tls| Some((file(tls.certificate.as_ref()?), file(tls.key.as_ref()?)))),
    };
    let server = Server::new(&access, mesh).map_err(|error| failure(&error))?;
    let found = server.server().map_err(|error| failure(&error))?;
    if !found.api.contains(&API) {
        let message =
            format!("{url} is of meshctl {}, which this one cannot speak to", found.version);
        return Err(Failure::new(Exit::Failed, message)
            .hint("use a meshctl of its version, or upgrade the server"));
    }
    // What the files say need not be sent here to be compared with them.
    let objects = split(&loaded.mesh).into_values().map(|value| (ObjectId::of(&value), value));
    server.know(objects);
    Ok(Target {
        id: plan::Target {
            name: name.to_owned(),
            kind: "control_plane".to_owned(),
            id: found.lineage,
        },
        place: Place::Server(Box::new(server)),
        settings: loaded.project.settings_from(ConfigSource::Ads),
        expect: target.expect,
        settle: Duration::ZERO,
        admin: admin(target)?,
    })
}

/// The admin addresses that a target's table names.
fn admin(target: &TargetSettings) -> Result<BTreeMap<ProxyId, String>, Failure> {
    let read = |(proxy, address): (&String, &String)| match proxy.parse() {
        Ok(proxy) => Ok((proxy, address.clone())),
        Err(why) => {
            let why: String = why;
            Err(Failure::new(Exit::Findings, format!("meshctl.toml: {why}")))
        }
    };
    target.admin.iter().map(read).collect()
}

/// The target's folder as proxies on this host see it.
fn root(loaded: &Loaded, folder: &str) -> Result<PathBuf, Failure> {
    let project = loaded.root.canonicalize();
    let root = project.and_then(|project| path::absolute(project.join(folder)));
    // Proxies have it in their files: one folder is written in one way. No link is in it (below).
    let root = root.map(|root| plain(&root));
    let root = root.map_err(|error| {
        Failure::new(Exit::Failed, format!("cannot find {}", loaded.root.display()))
            .cause(error.to_string())
    })?;
    match private::link_in(&loaded.root, Path::new(folder)) {
        None => Ok(root),
        Some(link) => Err(Failure::new(
            Exit::Refused,
            format!("the folder of the target is reached by a link: {}", link.display()),
        )
        .hint("name the folder itself under [targets]: a link of the project may lead anywhere")),
    }
}

/// A path without `..`.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            path::Component::ParentDir => {
                plain.pop();
            }
            part => plain.push(part),
        }
    }
    plain
}

/// A failure of a target, with the exit code that tells what to do about it.
pub(super) fn failure(error: &live::Error) -> Failure {
    let exit = match error {
        live::Error::Busy { .. } | live::Error::Unavailable { .. } => Exit::Busy,
        live::Error::Stale { .. } => Exit::Stale,
        live::Error::OtherMesh { .. } => Exit::Refused,
        live::Error::Setup { project: true, .. } => Exit::Findings,
        live::Error::Store { unknown: true, .. } => Exit::Unknown,
        live::Error::Api { problem, .. } => of_problem(problem),
        live::Error::Setup { project: false, .. }
        | live::Error::Io { .. }
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
        "busy" | "unavailable" | "too-many" => Exit::Busy,
        "unknown-outcome" | "superseded" => Exit::Unknown,
        _ => Exit::Failed,
    }
}
