//! A mesh that runs on this host: its folder, its applications and its proxies.

use super::client;
use super::process::{Process, Program, end_all};
use super::upstream::Upstream;
use crate::apply::{self, Admins, OnRefusal, Outcome, Site, Stop};
use crate::compile::proxies;
use crate::envoy::{Admin, ProxyId, Settings, bootstrap};
use crate::live::{self, Directory, Read as _, Target as _, admin};
use crate::load::Loaded;
use crate::model::{NodeName, Port};
use crate::plan::{self, Consent, Guards, Places, Plan, Scope};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{Instant, interval, timeout};

/// What running a mesh needs besides the mesh.
#[derive(Clone, Debug)]
pub struct Options {
    /// The program of meshctl itself, through which children are tied to it.
    pub meshctl: PathBuf,
    /// The Envoy to run.
    pub envoy: PathBuf,
    /// How long all proxies together may take to be ready.
    pub patience: Duration,
}

/// Why a mesh does not run.
#[derive(Debug)]
pub enum Error {
    /// A file or folder.
    Io(PathBuf, io::Error),
    /// A port that an application or proxy needs.
    Port(SocketAddr, io::Error),
    /// A program could not be started.
    Start(String, io::Error),
    /// A command of `[dev] prepare` failed; what it said.
    Prepare(String, String),
    /// A program ended by itself; what it said last.
    Ended(String, String),
    /// A program was not ready in time; what it said last.
    NotReady(String, String),
    /// The project names a tracing provider that there is not.
    Tracing(String),
    /// The folder that the proxies read.
    Target(live::Error),
    /// The configuration was not put in place.
    Apply(apply::Error),
    /// The folder's path is none that an admin interface can have.
    Admin(String),
    /// A proxy refused what it was given; what it said.
    Rejected(String, String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let said = |f: &mut fmt::Formatter<'_>, text: &str| match text.is_empty() {
            true => Ok(()),
            false => write!(f, "; it said:\n{text}"),
        };
        match self {
            Self::Io(path, _) => write!(f, "cannot use {}", path.display()),
            Self::Port(address, _) => write!(f, "cannot listen on {address}"),
            Self::Start(what, _) => write!(f, "cannot start {what}"),
            Self::Prepare(command, text) => {
                write!(f, "`{command}` of [dev] prepare failed")?;
                said(f, text)
            }
            Self::Ended(what, text) => {
                write!(f, "{what} ended by itself")?;
                said(f, text)
            }
            Self::NotReady(what, text) => {
                write!(f, "{what} was not ready in time")?;
                said(f, text)
            }
            Self::Target(error) => error.fmt(f),
            Self::Apply(error) => error.fmt(f),
            Self::Admin(why) => f.write_str(why),
            Self::Tracing(name) => write!(f, "there is no tracing provider `{name}`"),
            Self::Rejected(what, text) => {
                write!(f, "{what} refused its configuration")?;
                said(f, text)
            }
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(_, error) | Self::Port(_, error) | Self::Start(_, error) => Some(error),
            Self::Target(error) => error.source(),
            Self::Apply(error) => error.source(),
            Self::Prepare(..)
            | Self::Ended(..)
            | Self::NotReady(..)
            | Self::Rejected(..)
            | Self::Tracing(_)
            | Self::Admin(_) => None,
        }
    }
}

/// A running mesh. Dropping it ends everything at once; [`Running::stop`] does so in order.
#[derive(Debug)]
pub struct Running {
    folder: tempfile::TempDir,
    options: Options,
    project: PathBuf,
    settings: Settings,
    upstreams: BTreeMap<NodeName, Vec<Upstream>>,
    commands: Vec<Process>,
    envoys: BTreeMap<ProxyId, Proxy>,
    shape: Shape,
}

/// What the running applications and proxies were started for: where each node and gateway
/// listens, and where its application does.
type Shape = BTreeMap<ProxyId, Vec<(Option<IpAddr>, Port, Option<SocketAddr>)>>;

fn shape(loaded: &Loaded) -> Shape {
    let mesh = &loaded.mesh;
    let nodes = mesh.nodes.iter().map(|(name, node)| {
        let listeners = node.listeners.iter().map(|l| (l.address, l.port, l.app)).collect();
        (ProxyId::Node(name.clone()), listeners)
    });
    let gateways = mesh.gateways.iter().map(|(name, gateway)| {
        let listeners = gateway.listeners.iter().map(|l| (l.address, l.port, None)).collect();
        (ProxyId::Gateway(name.clone()), listeners)
    });
    nodes.chain(gateways).collect()
}

/// A running Envoy.
#[derive(Debug)]
struct Proxy {
    process: Process,
    /// The Unix socket of its admin interface.
    socket: PathBuf,
}

impl Running {
    /// Starts everything that the mesh needs, and waits until every proxy is ready. The mesh must
    /// be one that fits on this host, as the overlay makes it.
    pub async fn start(loaded: &Loaded, options: Options) -> Result<Self, Error> {
        let folder = tempfile::Builder::new()
            .prefix("meshctl-dev-")
            .tempdir()
            .map_err(|error| Error::Io(std::env::temp_dir(), error))?;
        let project = fs::canonicalize(&loaded.root)
            .map_err(|error| Error::Io(loaded.root.clone(), error))?;
        let root = folder.path().join("target");
        let settings = loaded.project.settings(root.display().to_string());
        let mut running = Self {
            folder,
            options,
            project,
            settings,
            upstreams: BTreeMap::new(),
            commands: Vec::new(),
            envoys: BTreeMap::new(),
            shape: shape(loaded),
        };
        for part in ["target", "run", "log", "boot"] {
            running.make(part)?;
        }
        for command in &loaded.project.dev.prepare {
            running.prepare(command)?;
        }
        running.start_applications(loaded).await?;
        // No proxy runs yet: they find the whole configuration when they start.
        let plan = running.plan(loaded)?;
        running.apply(&plan).await?;
        for proxy in proxies(&loaded.mesh) {
            running.start_envoy(loaded, &proxy)?;
        }
        running.await_envoys().await?;
        Ok(running)
    }

    /// The folder that the proxies run in, where relative paths of the mesh start.
    pub fn folder(&self) -> PathBuf {
        self.folder.path().join("run")
    }

    /// The root of the directory target.
    pub fn root(&self) -> PathBuf {
        self.folder.path().join("target")
    }

    /// How the mesh is compiled for these proxies.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The built-in applications of a node, by its listeners.
    pub fn upstreams(&self, node: &NodeName) -> &[Upstream] {
        self.upstreams.get(node).map_or(&[], Vec::as_slice)
    }

    /// The Unix sockets of the proxies' admin interfaces.
    pub fn admin_sockets(&self) -> BTreeMap<ProxyId, PathBuf> {
        self.envoys.iter().map(|(id, proxy)| (id.clone(), proxy.socket.clone())).collect()
    }

    /// A program that has ended although it should not have, and what it said last.
    pub fn casualty(&mut self) -> Option<(String, String)> {
        let envoys = self.envoys.values_mut().map(|proxy| &mut proxy.process);
        let all = envoys.chain(&mut self.commands);
        for process in all {
            if process.ended().is_some() {
                return Some((process.title().to_owned(), process.last_words()));
            }
        }
        None
    }

    /// Ends the proxies, then the applications, then removes the folder.
    pub async fn stop(mut self) {
        let envoys = std::mem::take(&mut self.envoys);
        end_all(envoys.into_values().map(|proxy| proxy.process).collect()).await;
        end_all(std::mem::take(&mut self.commands)).await;
    }

    fn make(&self, part: &str) -> Result<PathBuf, Error> {
        let path = self.folder.path().join(part);
        match fs::create_dir_all(&path) {
            Ok(()) => Ok(path),
            Err(error) => Err(Error::Io(path, error)),
        }
    }

    fn prepare(&self, command: &str) -> Result<(), Error> {
        let output = std::process::Command::new("sh")
            .args(["-c", command])
            .current_dir(self.folder())
            .env("MESHCTL_PROJECT", &self.project)
            .stdin(Stdio::null())
            .output()
            .map_err(|error| Error::Start("sh".to_owned(), error))?;
        match output.status.success() {
            true => Ok(()),
            false => {
                let said = String::from_utf8_lossy(&output.stderr).trim_end().to_owned();
                Err(Error::Prepare(command.to_owned(), said))
            }
        }
    }

    async fn start_applications(&mut self, loaded: &Loaded) -> Result<(), Error> {
        for (name, node) in &loaded.mesh.nodes {
            let upstream = loaded.project.dev.upstream.get(name.as_str());
            let command = upstream.map(|it| it.command.as_slice()).filter(|it| !it.is_empty());
            let apps = node
                .listeners
                .iter()
                .filter_map(|listener| Some((listener.app?, listener.protocol)));
            match command {
                Some(command) => {
                    let apps: Vec<SocketAddr> = apps.map(|(address, _)| address).collect();
                    self.start_command(name, command, &apps).await?;
                }
                None => {
                    let mut started = Vec::new();
                    for (address, protocol) in apps {
                        let upstream = Upstream::start(name.as_str(), address, protocol)
                            .await
                            .map_err(|error| Error::Port(address, error))?;
                        started.push(upstream);
                    }
                    self.upstreams.insert(name.clone(), started);
                }
            }
        }
        Ok(())
    }

    async fn start_command(
        &mut self,
        node: &NodeName,
        command: &[String],
        apps: &[SocketAddr],
    ) -> Result<(), Error> {
        let folder = self.make(&format!("app-{node}"))?;
        let title = format!("the application of virtual_node/{node}");
        let first = apps.first();
        let fill = |text: &String| {
            text.replace("{address}", &first.map_or(String::new(), |app| app.ip().to_string()))
                .replace("{port}", &first.map_or(String::new(), |app| app.port().to_string()))
                .replace("{dir}", &folder.display().to_string())
                .replace("{project}", &self.project.display().to_string())
        };
        let program = Program {
            title: title.clone(),
            command: command.iter().map(fill).map(OsString::from).collect(),
            log: self.folder.path().join("log").join(format!("app-{node}.log")),
            folder,
            variables: Vec::new(),
        };
        let process = Process::start(&self.options.meshctl, &program)
            .map_err(|error| Error::Start(title, error))?;
        self.commands.push(process);
        let Some(process) = self.commands.last_mut() else { return Ok(()) };
        let deadline = Instant::now() + self.options.patience;
        for app in apps {
            let mut beat = interval(Duration::from_millis(50));
            while !answers(*app).await {
                if process.ended().is_some() {
                    return Err(Error::Ended(process.title().to_owned(), process.last_words()));
                }
                if Instant::now() > deadline {
                    return Err(Error::NotReady(process.title().to_owned(), process.last_words()));
                }
                beat.tick().await;
            }
        }
        Ok(())
    }

    /// Whether a mesh runs on the applications and proxies that have been started.
    pub fn fits(&self, loaded: &Loaded) -> bool {
        self.shape == shape(loaded)
    }

    /// Plans the way to a mesh, without guards: the run is nobody's production.
    pub fn plan(&self, loaded: &Loaded) -> Result<Plan, Error> {
        let target = Directory::open(self.root()).map_err(Error::Target)?;
        let state = target.state().map_err(Error::Target)?;
        let everything = Consent {
            deletes: Some(usize::MAX),
            updates: Some(usize::MAX),
            empty: true,
            lost_record: true,
            accept: state.live.entries.keys().cloned().collect(),
            take_ownership: BTreeSet::new(),
        };
        let places =
            Places { origins: &loaded.origins, files: &loaded.files, overlay: loaded.overlay };
        let (plan, _) = plan::plan(&plan::Input {
            target: plan::Target {
                name: "dev".to_owned(),
                kind: "directory".to_owned(),
                id: target.place(),
            },
            live: &state.live,
            unrecorded: state.is_unrecorded(),
            desired: &loaded.mesh,
            owner: loaded.project.owner.as_deref(),
            places: Some(places),
            settings: &self.settings,
            scope: Scope::default(),
            guards: Guards::default(),
            consent: everything,
            drift: Vec::new(),
        });
        Ok(plan)
    }

    /// Carries a plan out as `meshctl apply` does: each step is gated on the proxies that run.
    pub async fn apply(&mut self, plan: &Plan) -> Result<Outcome, Error> {
        let target = Directory::open(self.root()).map_err(Error::Target)?;
        let admins = self.admins()?;
        let options = apply::Options {
            wait: (!admins.is_empty()).then_some(self.options.patience),
            settle: Duration::ZERO,
            drain: Duration::ZERO,
            on_refusal: OnRefusal::Halt,
            expect: None,
            witness: Arc::new(Admins(admins)),
            // The record lives as long as the run: nobody asks it for a date.
            at: String::new(),
            by: "meshctl dev".to_owned(),
        };
        let mut writer = target.lock(self.options.patience).map_err(Error::Target)?;
        // Held until the end: a stop whose sender is gone would never be asked.
        let (_sender, stop) = Stop::new();
        let mut site = Site {
            target: &mut *writer,
            settings: &self.settings,
            options: &options,
            stop: &stop,
            tell: &mut |_| {},
        };
        apply::apply(plan, &mut site).await.map_err(Error::Apply)
    }

    fn admins(&self) -> Result<BTreeMap<ProxyId, admin::Admin>, Error> {
        let one = |(id, proxy): (&ProxyId, &Proxy)| {
            let address = format!("unix://{}", proxy.socket.display());
            Ok((id.clone(), admin::Admin::new(&address).map_err(Error::Admin)?))
        };
        self.envoys.iter().map(one).collect()
    }

    fn start_envoy(&mut self, loaded: &Loaded, proxy: &ProxyId) -> Result<(), Error> {
        // Numbers, not names: the path of a Unix socket has at most 107 bytes.
        let number = self.envoys.len();
        let boot = self.folder.path().join("boot").join(format!("{number}.yaml"));
        let socket = boot.with_extension("sock");
        let root = self.root().display().to_string();
        let mesh = loaded.mesh.settings.name.clone();
        let mut start =
            loaded.project.bootstrap(mesh, proxy.clone(), root).map_err(Error::Tracing)?;
        start.admin = Some(Admin::Unix(socket.display().to_string()));
        let text = bootstrap(&start);
        fs::write(&boot, text).map_err(|error| Error::Io(boot.clone(), error))?;
        let title = format!("the proxy of {proxy}");
        let mut command = vec![self.options.envoy.clone().into_os_string(), "-c".into()];
        command.push(boot.into_os_string());
        // A worker thread a core for every proxy would be too many: they share one host.
        let flags = "--concurrency 1 --disable-hot-restart --log-level warning \
                     --reject-unknown-dynamic-fields --drain-time-s 1 --drain-strategy immediate";
        command.extend(flags.split_whitespace().map(OsString::from));
        let program = Program {
            title: title.clone(),
            command,
            folder: self.folder(),
            log: self.folder.path().join("log").join(format!("envoy-{number}.log")),
            variables: Vec::new(),
        };
        let process = Process::start(&self.options.meshctl, &program)
            .map_err(|error| Error::Start(title, error))?;
        self.envoys.insert(proxy.clone(), Proxy { process, socket });
        Ok(())
    }

    /// Waits until every proxy serves, and checks that none refused anything.
    async fn await_envoys(&mut self) -> Result<(), Error> {
        let deadline = Instant::now() + self.options.patience;
        for Proxy { process, socket } in self.envoys.values_mut() {
            let mut beat = interval(Duration::from_millis(20));
            while !ready(socket).await {
                if process.ended().is_some() {
                    return Err(Error::Ended(process.title().to_owned(), process.last_words()));
                }
                if Instant::now() > deadline {
                    return Err(Error::NotReady(process.title().to_owned(), process.last_words()));
                }
                beat.tick().await;
            }
            let refused = rejections(socket).await;
            if !refused.is_empty() {
                let said = format!("{}\n{}", refused.join("\n"), process.last_words());
                return Err(Error::Rejected(process.title().to_owned(), said));
            }
        }
        Ok(())
    }
}

/// How long one question of an admin interface may take.
const ADMIN_LIMIT: Duration = Duration::from_secs(2);

async fn answers(address: SocketAddr) -> bool {
    matches!(timeout(ADMIN_LIMIT, TcpStream::connect(address)).await, Ok(Ok(_)))
}

async fn ready(socket: &Path) -> bool {
    matches!(client::admin(socket, "GET", "/ready", ADMIN_LIMIT).await, Ok(answer) if answer.status == 200)
}

/// The counters that say that a proxy has refused an update, as `name: count`.
pub async fn rejections(socket: &Path) -> Vec<String> {
    // A file that cannot be read as its type counts as a failure, one with bad content as rejected.
    let path = "/stats?filter=update_(rejected|failure)";
    match client::admin(socket, "GET", path, ADMIN_LIMIT).await {
        Ok(answer) => String::from_utf8_lossy(&answer.body)
            .lines()
            .filter(|line| !line.ends_with(": 0"))
            .map(str::to_owned)
            .collect(),
        Err(error) => vec![error.to_string()],
    }
}
