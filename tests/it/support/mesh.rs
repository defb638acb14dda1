//! A mesh on live Envoys, for one test: started from files, called, changed, stopped.

use super::{envoy, root};
use meshctl::dev::client::{Answer, Connection, Error, Version};
use meshctl::dev::requests::{Try, written};
use meshctl::dev::{self, Network, Options, Running};
use meshctl::load::{self, DevRequest, Loaded};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A block of loopback addresses that no other test uses while this lives.
#[derive(Debug)]
pub(crate) struct Block {
    second: u8,
    _lock: TcpListener,
}

impl Block {
    /// Takes a free one. Its lock is a port, so that it ends with the process that holds it.
    pub(crate) fn take() -> Self {
        for second in 90..=240 {
            if let Ok(lock) = TcpListener::bind((Ipv4Addr::new(127, second, 255, 254), 9)) {
                return Self { second, _lock: lock };
            }
        }
        panic!("all blocks of loopback addresses are taken");
    }

    /// Its second byte, for `--network`.
    pub(crate) fn second(&self) -> u8 {
        self.second
    }

    /// The same as a network.
    pub(crate) fn network(&self) -> Network {
        Network::new(self.second).unwrap()
    }
}

/// A running mesh, and the thread's own runtime that its applications live on.
pub(crate) struct Live {
    runtime: tokio::runtime::Runtime,
    running: Option<Running>,
    loaded: Loaded,
    block: Block,
    _folder: Option<tempfile::TempDir>,
}

impl Live {
    /// Starts an example of the repository.
    pub(crate) fn example(name: &str) -> Self {
        Self::start(&root().join("examples").join(name), None)
    }

    /// Starts a mesh from one text.
    pub(crate) fn mesh(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("meshctl.toml"), "").unwrap();
        std::fs::write(folder.path().join("mesh.toml"), text).unwrap();
        let path = folder.path().to_path_buf();
        Self::start(&path, Some(folder))
    }

    /// Starts the files of a project, as they are, with an overlay beside them as an operator would
    /// write one.
    pub(crate) fn project(files: &BTreeMap<String, String>, overlay: &str) -> Self {
        let block = Block::take();
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        std::fs::create_dir(folder.path().join("env")).unwrap();
        std::fs::write(folder.path().join("env/here.toml"), overlay).unwrap();
        let env = Some("here".to_owned());
        let plain =
            load::load(&load::Options { env: env.clone(), ..load_options(folder.path(), None) });
        let fit = dev::overlay(&plain.unwrap().mesh, block.network()).unwrap();
        let options = load_options(folder.path(), Some(("dev".to_owned(), fit)));
        let loaded = load::load(&load::Options { env, ..options }).unwrap();
        Self::run(loaded, block, Some(folder))
    }

    /// Starts a mesh as it is written, without the overlay: it must fit on this host. `127.B.` in
    /// the text becomes the test's own block of addresses.
    pub(crate) fn as_written(text: &str) -> Self {
        let block = Block::take();
        let folder = tempfile::tempdir().unwrap();
        let text = text.replace("127.B.", &format!("127.{}.", block.second()));
        std::fs::write(folder.path().join("meshctl.toml"), "").unwrap();
        std::fs::write(folder.path().join("mesh.toml"), text).unwrap();
        let loaded = load::load(&load_options(folder.path(), None)).unwrap();
        Self::run(loaded, block, Some(folder))
    }

    fn start(dir: &Path, folder: Option<tempfile::TempDir>) -> Self {
        let block = Block::take();
        Self::run(load_for(dir, block.network()), block, folder)
    }

    fn run(loaded: Loaded, block: Block, folder: Option<tempfile::TempDir>) -> Self {
        assert!(!loaded.diagnostics.has_errors(), "{:#?}", loaded.diagnostics);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let running = runtime.block_on(Running::start(&loaded, options(), &mut |_| {}));
        let running = running.unwrap_or_else(|error| panic!("{error}"));
        Self { runtime, running: Some(running), loaded, block, _folder: folder }
    }

    /// What runs.
    pub(crate) fn running(&self) -> &Running {
        self.running.as_ref().unwrap()
    }

    /// The mesh as it runs, with the overlay.
    pub(crate) fn loaded(&self) -> &Loaded {
        &self.loaded
    }

    /// An address of the test's own block: `127.B.THIRD.LAST`.
    pub(crate) fn address(&self, third: u8, last: u8, port: u16) -> SocketAddr {
        (Ipv4Addr::new(127, self.block.second(), third, last), port).into()
    }

    /// The test's own block of addresses.
    pub(crate) fn block(&self) -> &Block {
        &self.block
    }

    /// Does something that blocks while the applications go on answering.
    pub(crate) fn beside<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        std::thread::scope(|scope| {
            let (sender, done) = tokio::sync::oneshot::channel::<()>();
            let worker = scope.spawn(move || {
                // Dropped at the end of the work, a panic included.
                let _sender = sender;
                work()
            });
            let _ = self.runtime.block_on(done);
            worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    /// Runs a future beside the applications.
    pub(crate) fn wait<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// A request as `[[dev.requests]]` has it.
    pub(crate) fn request(
        &self,
        from: &str,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
    ) -> Try {
        let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let request = DevRequest {
            from: from.parse().unwrap(),
            method: Some(method.to_owned()),
            url: url.to_owned(),
            headers: headers.iter().map(pair).collect::<BTreeMap<_, _>>(),
            status: None,
        };
        written(&self.loaded.mesh, &[request]).unwrap().remove(0)
    }

    /// Makes a request; `from` is `virtual_node/N` or `virtual_gateway/G`.
    #[track_caller]
    pub(crate) fn call(
        &self,
        from: &str,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
    ) -> Seen {
        let request = self.request(from, method, url, headers);
        match self.wait(request.answer()) {
            Ok(answer) => Seen(answer),
            Err(error) => panic!("{request}: {error}"),
        }
    }

    /// The same with GET and no header.
    #[track_caller]
    pub(crate) fn get(&self, from: &str, url: &str) -> Seen {
        self.call(from, "GET", url, &[])
    }

    /// Makes the same request many times over one connection, and counts who answered.
    pub(crate) fn census(&self, request: &Try, times: u32) -> BTreeMap<String, u32> {
        let mut counts = BTreeMap::new();
        self.wait(async {
            let mut connection = Connection::open(request.to).await?;
            for _ in 0..times {
                let message = request.request(Version::Http1)?;
                let answer = connection.send(message, Duration::from_secs(10)).await?;
                let who = format!("{} {}", answer.status, answer.node().unwrap_or("-"));
                *counts.entry(who).or_default() += 1;
            }
            Ok::<_, Error>(())
        })
        .unwrap();
        counts
    }

    /// What a proxy's admin interface says.
    pub(crate) fn admin(&self, proxy: &str, path: &str) -> String {
        let socket = &self.running().admin_sockets()[&proxy.parse().unwrap()];
        let limit = Duration::from_secs(5);
        let answer = self.wait(dev::client::admin(socket, "GET", path, limit)).unwrap();
        String::from_utf8(answer.body.to_vec()).unwrap()
    }

    /// A counter or gauge of a proxy; 0 if there is none.
    pub(crate) fn stat(&self, proxy: &str, name: &str) -> u64 {
        let text = self.admin(proxy, &format!("/stats?filter=^{}$", name.replace('.', "\\.")));
        let value = text.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
        value.and_then(|value| value.parse().ok()).unwrap_or(0)
    }

    /// Waits until something holds; fails after ten seconds.
    #[track_caller]
    pub(crate) fn until(&self, what: &str, mut holds: impl FnMut(&Self) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while !holds(self) {
            assert!(Instant::now() < deadline, "not in time: {what}");
            self.wait(async { tokio::time::sleep(Duration::from_millis(10)).await });
        }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            self.runtime.block_on(running.stop());
        }
    }
}

/// How tests run a mesh.
pub(crate) fn options() -> Options {
    Options {
        meshctl: PathBuf::from(env!("CARGO_BIN_EXE_meshctl")),
        envoy: envoy::binary(),
        patience: Duration::from_secs(120),
        target: dev::Target::Directory,
    }
}

/// Loads a project as `dev` does; it must have no errors.
pub(crate) fn load_for(dir: &Path, network: Network) -> Loaded {
    let plain = load::load(&load_options(dir, None)).unwrap();
    let overlay = dev::overlay(&plain.mesh, network).unwrap();
    load::load(&load_options(dir, Some(("dev".to_owned(), overlay)))).unwrap()
}

fn load_options(dir: &Path, extra: Option<(String, String)>) -> load::Options {
    let now = 1_767_225_600; // 2026-01-01
    load::Options { dir: dir.to_path_buf(), env: None, extra, now }
}

/// An answer, with what the upstream says that it saw.
#[derive(Debug)]
pub(crate) struct Seen(pub(crate) Answer);

impl Seen {
    /// The HTTP status.
    pub(crate) fn status(&self) -> u16 {
        self.0.status
    }

    /// Which node answered; empty if a proxy did by itself.
    pub(crate) fn node(&self) -> String {
        self.0.node().unwrap_or_default().to_owned()
    }

    /// A field of what the upstream saw.
    pub(crate) fn field(&self, name: &str) -> serde_json::Value {
        let body: serde_json::Value = serde_json::from_slice(&self.0.body).unwrap_or_default();
        body[name].clone()
    }

    /// Status and node in one text.
    pub(crate) fn brief(&self) -> String {
        format!("{} {}", self.status(), self.node()).trim_end().to_owned()
    }
}
