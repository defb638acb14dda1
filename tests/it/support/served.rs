//! A mesh whose Envoys take their configuration from a control plane of this process.

use super::mesh::{Block, Seen, load_for, options};
use super::root;
use meshctl::compile::{compile, proxies};
use meshctl::dev::client::{self, Connection, Version};
use meshctl::dev::process::{Process, Program};
use meshctl::dev::requests::{Try, written};
use meshctl::dev::upstream::Upstream;
use meshctl::envoy::{
    Admin, ConfigSource, ControlPlane, Endpoint, ProxyConfig, ProxyId, Settings, bootstrap,
};
use meshctl::load::{DevRequest, Loaded};
use meshctl::model::Mesh;
use meshctl::revision::StepId;
use meshctl::serve::grpc::Xds;
use meshctl::serve::hub::{Hub, Instance};
use meshctl::serve::identity::{Identify, Loopback};
use meshctl::serve::limits::Limits;
use meshctl::serve::listen::{self, Stop, Stopper, Tls};
use meshctl::serve::places::Places;
use meshctl::serve::{Operators, Terms};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

/// An xDS server in this process.
pub(crate) struct Server {
    pub(crate) hub: Hub,
    pub(crate) address: SocketAddr,
    stopper: Stopper,
    task: JoinHandle<()>,
}

impl Server {
    /// Starts one on a port; 0: any.
    pub(crate) fn start(
        hub: Hub,
        identify: Arc<dyn Identify>,
        tls: Option<Tls>,
        port: u16,
    ) -> Self {
        let listener = listen::bind(([127, 0, 0, 1], port).into()).unwrap();
        let address = listener.local_addr().unwrap();
        let xds = Xds::new(hub.clone(), identify);
        let (stopper, stop) = Stop::new();
        let within = (hub.limits().handshake, Duration::from_secs(5));
        let places = Places::new(hub.limits());
        let serve = move |connection, stop| xds.clone().serve(connection, stop);
        let task = tokio::spawn(listen::accept(listener, tls, places, within, stop, serve));
        Self { hub, address, stopper, task }
    }

    /// One without TLS, for all on this host.
    pub(crate) fn open(limits: Limits) -> Self {
        Self::start(Hub::new(limits), Arc::new(Loopback), None, 0)
    }

    /// Stops it as an operator does.
    pub(crate) async fn stop(self) {
        self.stopper.stop();
        self.hub.disconnect_all();
        self.task.await.unwrap();
    }
}

/// A mesh that runs: applications, Envoys, and the server that configures them.
pub(crate) struct Served {
    runtime: tokio::runtime::Runtime,
    pub(crate) loaded: Loaded,
    server: Option<Server>,
    port: u16,
    settings: Settings,
    revision: u64,
    _upstreams: Vec<Upstream>,
    envoys: BTreeMap<ProxyId, (Process, PathBuf)>,
    folder: tempfile::TempDir,
    _block: Block,
}

impl Served {
    /// Starts an example of the repository, and waits until every Envoy serves.
    pub(crate) fn example(name: &str) -> Self {
        Self::start(&root().join("examples").join(name))
    }

    /// Starts a mesh from one text.
    pub(crate) fn mesh(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("meshctl.toml"), "").unwrap();
        std::fs::write(folder.path().join("mesh.toml"), text).unwrap();
        Self::start(folder.path())
    }

    fn start(project: &Path) -> Self {
        let block = Block::take();
        let loaded = load_for(project, block.network());
        assert!(!loaded.diagnostics.has_errors(), "{:#?}", loaded.diagnostics);
        // The server and its streams run beside the test.
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let folder = tempfile::Builder::new().prefix("meshctl-xds-").tempdir().unwrap();
        for command in &loaded.project.dev.prepare {
            let status = std::process::Command::new("sh")
                .args(["-c", command])
                .current_dir(folder.path())
                .env("MESHCTL_PROJECT", &loaded.root)
                .status();
            assert!(status.unwrap().success(), "{command}");
        }
        let server = runtime.block_on(async { Server::open(Limits::default()) });
        let port = server.address.port();
        let settings = Settings { source: ConfigSource::Ads, ..loaded.project.settings("") };
        let mut upstreams = Vec::new();
        for (name, node) in &loaded.mesh.nodes {
            for listener in &node.listeners {
                let Some(app) = listener.app else { continue };
                let started = Upstream::start(name.as_str(), app, listener.protocol);
                upstreams.push(runtime.block_on(started).unwrap());
            }
        }
        let mut served = Self {
            runtime,
            loaded,
            server: Some(server),
            port,
            settings,
            revision: 0,
            _upstreams: upstreams,
            envoys: BTreeMap::new(),
            folder,
            _block: block,
        };
        for proxy in proxies(&served.loaded.mesh) {
            served.start_envoy(&proxy);
        }
        let mesh = served.loaded.mesh.clone();
        served.put(&mesh);
        served.until("all Envoys have the first step", |served| served.have_all());
        for proxy in proxies(&mesh) {
            served
                .until("an Envoy is ready", |s| s.admin(&proxy, "GET", "/ready").contains("LIVE"));
        }
        served
    }

    fn start_envoy(&mut self, proxy: &ProxyId) {
        let number = self.envoys.len();
        let path = |end: &str| self.folder.path().join(format!("{number}.{end}"));
        let socket = path("sock");
        let mesh = self.loaded.mesh.settings.name.clone();
        let mut start = self.loaded.project.bootstrap(mesh, proxy.clone(), "").unwrap();
        start.admin = Some(Admin::Unix(socket.display().to_string()));
        start.control_plane = Some(ControlPlane {
            address: Endpoint { host: "127.0.0.1".to_owned(), port: self.port },
            tls: None,
            token_variable: None,
        });
        std::fs::write(path("yaml"), bootstrap(&start)).unwrap();
        let flags = "--concurrency 1 --disable-hot-restart --log-level warning \
                     --reject-unknown-dynamic-fields --drain-time-s 1 --drain-strategy immediate";
        let mut command = vec![options().envoy.into_os_string(), "-c".into(), path("yaml").into()];
        command.extend(flags.split_whitespace().map(Into::into));
        let program = Program {
            title: proxy.to_string(),
            command,
            folder: self.folder.path().to_path_buf(),
            log: path("log"),
            variables: Vec::new(),
        };
        let _in = self.runtime.enter();
        let process = Process::start(&options().meshctl, &program).unwrap();
        self.envoys.insert(proxy.clone(), (process, socket));
    }

    /// Gives every proxy what a mesh compiles to, as the next step.
    pub(crate) fn put(&mut self, mesh: &Mesh) -> StepId {
        let all = proxies(mesh).into_iter();
        let configs = all.map(|proxy| (proxy.clone(), compile(mesh, &self.settings, &proxy)));
        self.put_configs(configs.collect())
    }

    /// Gives proxies configurations, as the next step.
    pub(crate) fn put_configs(&mut self, configs: BTreeMap<ProxyId, ProxyConfig>) -> StepId {
        self.revision += 1;
        let step = StepId { revision: self.revision, number: 1 };
        let configs = configs.into_iter().map(|(id, config)| (id, Some(Arc::new(config))));
        self.hub().put(self.loaded.mesh.settings.name.as_str(), step, configs.collect());
        step
    }

    /// What a proxy compiles to.
    pub(crate) fn compiled(&self, mesh: &Mesh, proxy: &str) -> ProxyConfig {
        compile(mesh, &self.settings, &proxy.parse().unwrap())
    }

    /// The table of the server.
    pub(crate) fn hub(&self) -> &Hub {
        &self.server.as_ref().unwrap().hub
    }

    /// The instances of a proxy.
    pub(crate) fn instances(&self, proxy: &str) -> Vec<Instance> {
        let name = self.loaded.mesh.settings.name.as_str();
        self.hub().report(name).remove(&proxy.parse().unwrap()).unwrap_or_default()
    }

    /// Whether every proxy has the newest step whole.
    pub(crate) fn have_all(&self) -> bool {
        let newest = StepId { revision: self.revision, number: 1 };
        let report = self.hub().report(self.loaded.mesh.settings.name.as_str());
        report.len() == self.envoys.len()
            && report.values().all(|instances| {
                let mut steps = instances.iter().map(|instance| instance.progress.step);
                !instances.is_empty() && steps.all(|step| step == Some(newest))
            })
    }

    /// Ends the server at once, as a crash does, and starts another on the same port that knows
    /// nothing yet.
    pub(crate) fn restart(&mut self) {
        let Some(Server { hub, task, .. }) = self.server.take() else { return };
        task.abort();
        self.runtime.block_on(async { drop(task.await) });
        drop(hub);
        let port = self.port;
        let hub = Hub::new(Limits::default());
        let server =
            self.runtime.block_on(async { Server::start(hub, Arc::new(Loopback), None, port) });
        self.server = Some(server);
    }

    /// Stops the server as an operator does; every stream has ended then.
    pub(crate) fn stop_server(&mut self) {
        let Some(server) = self.server.take() else { return };
        let hub = server.hub.clone();
        assert_eq!(hub.streams(), self.envoys.len());
        self.runtime.block_on(server.stop());
        assert_eq!(hub.streams(), 0);
    }

    /// What a proxy's admin interface says.
    pub(crate) fn admin(&self, proxy: &ProxyId, method: &str, path: &str) -> String {
        let socket = &self.envoys[proxy].1;
        let limit = Duration::from_secs(5);
        match self.runtime.block_on(client::admin(socket, method, path, limit)) {
            Ok(answer) => String::from_utf8_lossy(&answer.body).into_owned(),
            Err(_) => String::new(),
        }
    }

    /// A counter or gauge of a proxy; 0 if there is none.
    pub(crate) fn stat(&self, proxy: &str, name: &str) -> u64 {
        let path = format!("/stats?filter=^{}$", name.replace('.', "\\."));
        let text = self.admin(&proxy.parse().unwrap(), "GET", &path);
        let value = text.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
        value.and_then(|value| value.parse().ok()).unwrap_or(0)
    }

    /// A request as `[[dev.requests]]` has it.
    pub(crate) fn request(&self, from: &str, url: &str, headers: &[(&str, &str)]) -> Try {
        let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let request = DevRequest {
            from: from.parse().unwrap(),
            method: Some("GET".to_owned()),
            url: url.to_owned(),
            headers: headers.iter().map(pair).collect::<BTreeMap<_, _>>(),
            status: None,
        };
        written(&self.loaded.mesh, &[request]).unwrap().remove(0)
    }

    /// Makes a request; `from` is `virtual_node/N` or `virtual_gateway/G`.
    #[track_caller]
    pub(crate) fn get(&self, from: &str, url: &str, headers: &[(&str, &str)]) -> Seen {
        let request = self.request(from, url, headers);
        Seen(self.runtime.block_on(request.answer()).unwrap_or_else(|e| panic!("{request}: {e}")))
    }

    /// Makes one request again and again over a few connections while something is done, and returns
    /// how often each answer came.
    pub(crate) fn under_load(
        &mut self,
        from: &str,
        url: &str,
        work: impl FnOnce(&mut Self),
    ) -> BTreeMap<String, u32> {
        let request = Arc::new(self.request(from, url, &[]));
        let done = Arc::new(AtomicBool::new(false));
        let callers: Vec<_> = (0..4)
            .map(|_| {
                let (request, done) = (request.clone(), done.clone());
                self.runtime.spawn(async move {
                    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
                    let mut connection = Connection::open(request.to).await.unwrap();
                    while !done.load(Ordering::Relaxed) {
                        let message = request.request(Version::Http1).unwrap();
                        let answer = connection.send(message, Duration::from_secs(10)).await;
                        let answer = match answer {
                            Ok(answer) => Seen(answer).brief(),
                            Err(error) => error.to_string(),
                        };
                        *counts.entry(answer).or_default() += 1;
                    }
                    counts
                })
            })
            .collect();
        work(self);
        done.store(true, Ordering::Relaxed);
        let mut all = BTreeMap::new();
        for caller in callers {
            for (answer, count) in self.runtime.block_on(caller).unwrap() {
                *all.entry(answer).or_default() += count;
            }
        }
        all
    }

    /// Waits until something holds.
    #[track_caller]
    pub(crate) fn until(&self, what: &str, mut holds: impl FnMut(&Self) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while !holds(self) {
            if Instant::now() > deadline {
                let report = self.hub().report(self.loaded.mesh.settings.name.as_str());
                let words: Vec<String> =
                    self.envoys.values().map(|(process, _)| process.last_words()).collect();
                panic!("not in time: {what}\n{report:#?}\n{}", words.join("\n"));
            }
            self.runtime.block_on(async { tokio::time::sleep(Duration::from_millis(10)).await });
        }
    }
}

/// Makes an operator, and gives its secret.
pub(crate) fn operator(operators: &Operators, name: &str, terms: impl Into<Terms>) -> String {
    let mut kept = String::new();
    let keep = |secret: &str| {
        kept = secret.to_owned();
        Ok(())
    };
    operators.add(name, terms, keep).unwrap();
    kept
}
