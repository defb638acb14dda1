//! A mesh that runs on this host: its folder, its applications and its proxies.

use super::error::Error;
use super::plane::Plane;
use super::probe::{answers, ready, rejections};
use super::process::{Process, Program, end_all};
use super::upstream::Upstream;
use crate::apply::{self, Admins, End, Event, OnRefusal, Outcome, Site, Stop};
use crate::compile::proxies;
use crate::envoy::{Admin, ConfigSource, ProxyId, Settings, bootstrap};
use crate::live::server::wire::OnNack;
use crate::live::{Directory, Read as _, Target as _, admin};
use crate::load::Loaded;
use crate::model::{Discovery, Listener, NodeName, Port};
use crate::plan::{self, Consent, Guards, Places, Plan, Scope};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, interval};

/// What running a mesh needs besides the mesh.
#[derive(Clone, Debug)]
pub struct Options {
    /// The program of meshctl itself, through which children are tied to it.
    pub meshctl: PathBuf,
    /// The Envoy to run.
    pub envoy: PathBuf,
    /// How long all proxies together may take to be ready.
    pub patience: Duration,
    /// Where the proxies get their configuration from.
    pub target: Target,
}

/// Where proxies get their configuration from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Target {
    /// A control plane in this process.
    #[default]
    ControlPlane,
    /// A folder that they watch.
    Directory,
}

/// Told what happens while a plan is carried out.
pub type Tell<'a> = &'a mut dyn FnMut(Event);

/// A running mesh. Dropping it ends everything at once; [`Running::stop`] does so in order.
#[derive(Debug)]
pub struct Running {
    folder: tempfile::TempDir,
    options: Options,
    project: PathBuf,
    settings: Settings,
    /// The control plane, if there is one.
    plane: Option<Plane>,
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
    pub async fn start(loaded: &Loaded, options: Options, tell: Tell<'_>) -> Result<Self, Error> {
        let folder = tempfile::Builder::new()
            .prefix("meshctl-dev-")
            .tempdir()
            .map_err(|error| Error::Io(std::env::temp_dir(), error))?;
        let project = fs::canonicalize(&loaded.root)
            .map_err(|error| Error::Io(loaded.root.clone(), error))?;
        let root = folder.path().join("target");
        let settings = match options.target {
            Target::ControlPlane => loaded.project.settings_from(ConfigSource::Ads),
            Target::Directory => loaded.project.settings(root.display().to_string()),
        };
        let mut running = Self {
            folder,
            options,
            project,
            settings,
            plane: None,
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
        let all = proxies(&loaded.mesh);
        match running.options.target {
            Target::Directory => {
                // No proxy runs yet: they find the whole configuration when they start.
                let plan = running.plan(loaded).await?;
                running.apply(&plan, tell).await?;
                for proxy in all {
                    running.start_envoy(loaded, &proxy)?;
                }
            }
            Target::ControlPlane => {
                let mesh = loaded.mesh.settings.name.clone();
                let data = running.folder.path().join("control-plane");
                let plane = Plane::start(data, mesh, running.options.patience).await?;
                running.plane = Some(plane);
                // They connect and wait: before the first revision nobody is answered.
                for proxy in all {
                    running.start_envoy(loaded, &proxy)?;
                }
                let plan = running.plan(loaded).await?;
                let outcome = running.apply(&plan, tell).await?;
                running.judge(&outcome)?;
            }
        }
        running.await_envoys().await?;
        Ok(running)
    }

    /// Whether the first revision has come to every proxy.
    fn judge(&self, outcome: &Outcome) -> Result<(), Error> {
        let words = |proxy: &ProxyId| {
            let said = self.envoys.get(proxy).map(|found| found.process.last_words());
            said.unwrap_or_default()
        };
        if let Some(rejection) = outcome.rejections.first() {
            let title = format!("the proxy of {}", rejection.proxy);
            let reason = rejection.reason.clone().unwrap_or_else(|| words(&rejection.proxy));
            return Err(Error::Rejected(title, reason));
        }
        let lacking = outcome.late.keys().chain(&outcome.gone).next();
        match (&outcome.end, lacking) {
            (End::Done | End::Nothing, None) => Ok(()),
            (_, Some(proxy)) => Err(Error::NotReady(format!("the proxy of {proxy}"), words(proxy))),
            (end, None) => Err(Error::Thread(format!("the apply ended so: {end:?}"))),
        }
    }

    /// The folder that the proxies run in, where relative paths of the mesh start.
    pub fn folder(&self) -> PathBuf {
        self.folder.path().join("run")
    }

    /// Where the outputs of the proxies and applications are.
    pub fn logs(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    /// Where the admin API of the control plane is, and the file with its operator's secret.
    pub fn control_plane(&self) -> Option<(&str, &Path)> {
        self.plane.as_ref().map(|plane| (plane.url(), plane.secret()))
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
        if let Some(plane) = self.plane.take() {
            plane.stop().await;
        }
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
            let address = |listener: &Listener| match (&node.discovery, node.proxy) {
                (Some(Discovery::Static(all)), false) => {
                    Some(SocketAddr::new(*all.first()?, listener.port.get()))
                }
                _ => listener.app,
            };
            let apps = node
                .listeners
                .iter()
                .filter_map(|listener| Some((address(listener)?, listener.protocol)));
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
    pub async fn plan(&self, loaded: &Loaded) -> Result<Plan, Error> {
        let (kind, id, live, unrecorded) = match &self.plane {
            Some(plane) => {
                let (lineage, live) = plane.base().await?;
                ("control_plane", lineage, live, false)
            }
            None => {
                let target = Directory::open(self.root()).map_err(Error::Target)?;
                let state = target.state().map_err(Error::Target)?;
                let live = target.base(&state, None).map_err(Error::Target)?;
                ("directory", target.place(), live, state.is_unrecorded())
            }
        };
        let everything = Consent {
            deletes: Some(usize::MAX),
            updates: Some(usize::MAX),
            empty: true,
            lost_record: true,
            accept: live.entries.keys().cloned().collect(),
            accept_missing: BTreeSet::new(),
            take_ownership: BTreeSet::new(),
        };
        let places =
            Places { origins: &loaded.origins, files: &loaded.files, overlay: loaded.overlay };
        let (plan, _) = plan::plan(&plan::Input {
            target: plan::Target { name: "dev".to_owned(), kind: kind.to_owned(), id },
            live: &live,
            unrecorded,
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
    pub async fn apply(&mut self, plan: &Plan, tell: Tell<'_>) -> Result<Outcome, Error> {
        let Some(plane) = &self.plane else { return self.apply_to_folder(plan, tell).await };
        // What was there before is brought back from the second revision on.
        let on_nack = match plan.base_revision {
            Some(_) => OnNack::Rollback,
            None => OnNack::Halt,
        };
        let applied = plane.apply(plan, &self.settings, on_nack, tell);
        // A proxy that has ended will not take it: that is told at once.
        let mut envoys: Vec<&mut Process> =
            self.envoys.values_mut().map(|proxy| &mut proxy.process).collect();
        tokio::select! {
            outcome = applied => outcome,
            error = casualty(&mut envoys) => Err(error),
        }
    }

    async fn apply_to_folder(&self, plan: &Plan, tell: Tell<'_>) -> Result<Outcome, Error> {
        let target = Directory::open(self.root()).map_err(Error::Target)?;
        let admins = self.admins()?;
        let options = apply::Options {
            wait: (!admins.is_empty()).then_some(self.options.patience),
            settle: Duration::ZERO,
            drain: Duration::ZERO,
            on_refusal: OnRefusal::Halt,
            canary: None,
            canary_wait: Duration::ZERO,
            carry: serde_json::Value::Null,
            expect: None,
            accept: BTreeSet::new(),
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
            tell,
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
        start.control_plane = self.plane.as_ref().map(Plane::for_proxies);
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

/// Waits until one of some processes has ended by itself.
async fn casualty(processes: &mut [&mut Process]) -> Error {
    let mut beat = interval(Duration::from_millis(100));
    loop {
        beat.tick().await;
        if let Some(process) = processes.iter_mut().find_map(|p| p.ended().map(|_| &**p)) {
            return Error::Ended(process.title().to_owned(), process.last_words());
        }
    }
}
