//! Hosts of a test's own: two connected network namespaces, applications in them, and proxies that
//! run as another user, whose packets are not redirected.
//!
//! ```text
//! client 10.77.0.1, fd00:77::1 ─── veth ─── server 10.77.0.2, 10.77.0.3, fd00:77::2
//! ```

use super::envoy;
use meshctl::compile::{compile, proxies};
use meshctl::dev::client;
use meshctl::dev::process::TIED;
use meshctl::dev::upstream::Upstream;
use meshctl::envoy::{Admin, Bootstrap, ProxyId, Settings, bootstrap, files};
use meshctl::load;
use meshctl::model::{Mesh, Protocol};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use std::fs;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// The user of the proxies, whose packets are not redirected.
const PROXY_UID: &str = "1337";

#[track_caller]
pub(crate) fn run(command: &str) {
    let mut words = command.split_whitespace();
    let output = Command::new(words.next().unwrap()).args(words).output().unwrap();
    assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A pair of connected namespaces; dropping it removes them.
pub(crate) struct Net {
    pub(crate) client: String,
    pub(crate) server: String,
}

impl Net {
    pub(crate) fn new(tag: &str) -> Self {
        let id = std::process::id();
        let net = Self { client: format!("mc-{tag}c-{id}"), server: format!("mc-{tag}s-{id}") };
        let (client, server) = (&net.client, &net.server);
        for name in [client, server] {
            run(&format!("ip netns add {name}"));
            run(&format!("ip -n {name} link set lo up"));
        }
        run(&format!("ip -n {client} link add veth0 type veth peer name veth0 netns {server}"));
        run(&format!("ip -n {client} addr add 10.77.0.1/24 dev veth0"));
        for last in [2, 3] {
            run(&format!("ip -n {server} addr add 10.77.0.{last}/24 dev veth0"));
        }
        for (name, last) in [(client, 1), (server, 2), (server, 3)] {
            run(&format!("ip -n {name} addr add fd00:77::{last}/64 dev veth0 nodad"));
        }
        for name in [client, server] {
            run(&format!("ip -n {name} link set veth0 up"));
        }
        let nat = |name: &str, rule: &str| {
            run(&format!("ip netns exec {name} iptables -w -t nat -A {rule}"));
        };
        let nat6 = |rule: &str| {
            run(&format!("ip netns exec {client} ip6tables -w -t nat -A {rule}"));
        };
        nat(client, &format!("OUTPUT -p tcp -m owner --uid-owner {PROXY_UID} -j RETURN"));
        nat(client, "OUTPUT -p tcp -o lo -j RETURN");
        nat(client, "OUTPUT -p tcp -j REDIRECT --to-ports 15001");
        nat6(&format!("OUTPUT -p tcp -m owner --uid-owner {PROXY_UID} -j RETURN"));
        nat6("OUTPUT -p tcp -o lo -j RETURN");
        nat6("OUTPUT -p tcp -j REDIRECT --to-ports 15001");
        nat(server, "PREROUTING -p tcp -d 10.77.0.2 --dport 8080 -j REDIRECT --to-ports 15000");
        nat(server, "PREROUTING -p tcp -d 10.77.0.2 --dport 7070 -j REDIRECT --to-ports 15000");
        net
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        for name in [&self.client, &self.server] {
            let _ = Command::new("ip").args(["netns", "del", name]).status();
        }
    }
}

/// Runs something on a thread of its own that lives in a namespace.
pub(crate) fn inside<T: Send>(
    namespace: &str,
    work: impl FnOnce(&tokio::runtime::Runtime) -> T + Send,
) -> T {
    std::thread::scope(|scope| {
        scope
            .spawn(|| {
                enter(namespace);
                let mut builder = tokio::runtime::Builder::new_current_thread();
                work(&builder.enable_all().build().unwrap())
            })
            .join()
            .unwrap()
    })
}

pub(crate) fn enter(namespace: &str) {
    let file = fs::File::open(Path::new("/run/netns").join(namespace)).unwrap();
    move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
}

/// Applications in a namespace, until this is dropped.
pub(crate) struct Apps {
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Apps {
    pub(crate) fn start(
        namespace: &str,
        apps: Vec<(&'static str, &'static str, Protocol)>,
    ) -> Self {
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let (ready, is_ready) = mpsc::channel();
        let namespace = namespace.to_owned();
        let thread = std::thread::spawn(move || {
            enter(&namespace);
            let mut builder = tokio::runtime::Builder::new_current_thread();
            builder.enable_all().build().unwrap().block_on(async {
                let mut running = Vec::new();
                for (name, address, protocol) in apps {
                    let address: SocketAddr = address.parse().unwrap();
                    running.push(Upstream::start(name, address, protocol).await.unwrap());
                }
                ready.send(()).unwrap();
                let _ = stopped.await;
            });
        });
        is_ready.recv().unwrap();
        Self { stop: Some(stop), thread: Some(thread) }
    }
}

impl Drop for Apps {
    fn drop(&mut self) {
        drop(self.stop.take());
        let _ = self.thread.take().unwrap().join();
    }
}

/// A proxy that runs as another user in a namespace.
pub(crate) struct Proxy {
    child: Child,
    socket: PathBuf,
}

impl Proxy {
    pub(crate) fn start(folder: &Path, mesh: &Mesh, proxy: &ProxyId, namespace: &str) -> Self {
        let root = folder.join("target").display().to_string();
        let socket = folder.join(format!("{}.sock", proxy.name()));
        let boot = folder.join(format!("{}.yaml", proxy.name()));
        let start = Bootstrap {
            admin: Some(Admin::Unix(socket.display().to_string())),
            ..Bootstrap::new(mesh.settings.name.clone(), proxy.clone(), root)
        };
        fs::write(&boot, bootstrap(&start)).unwrap();
        let user = ["--reuid", PROXY_UID, "--regid", PROXY_UID, "--clear-groups"];
        let child = Command::new(env!("CARGO_BIN_EXE_meshctl"))
            .args([TIED, &std::process::id().to_string()])
            .args(["ip", "netns", "exec", namespace, "setpriv", "--pdeathsig", "KILL"])
            .args(user)
            .arg(folder.join("envoy"))
            .args(["--disable-hot-restart", "--concurrency", "1", "--log-level", "warning"])
            .args(["--reject-unknown-dynamic-fields", "-c"])
            .arg(&boot)
            .stdout(Stdio::null())
            .stderr(fs::File::create(folder.join(format!("{}.log", proxy.name()))).unwrap())
            .spawn()
            .unwrap();
        Self { child, socket }
    }

    pub(crate) fn admin(&self, path: &str) -> Option<String> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let asked = client::admin(&self.socket, "GET", path, Duration::from_secs(5));
        let answer = runtime.block_on(asked).ok()?;
        Some(String::from_utf8_lossy(&answer.body).into_owned())
    }

    /// How many descriptors it has open.
    pub(crate) fn descriptors(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap().count()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Everything of one test.
pub(crate) struct World {
    pub(crate) client: Proxy,
    pub(crate) server: Proxy,
    _apps: Apps,
    pub(crate) net: Net,
    _folder: tempfile::TempDir,
}

impl World {
    /// Starts the proxies of `virtual_node/client` and `virtual_node/app` of a mesh, and these
    /// applications on the server's host.
    pub(crate) fn new(
        tag: &str,
        text: &str,
        apps: Vec<(&'static str, &'static str, Protocol)>,
    ) -> Self {
        // Below /tmp, where the proxies' user can read.
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        let open = fs::Permissions::from_mode(0o777);
        fs::set_permissions(path, open.clone()).unwrap();
        envoy::copy_program(&envoy::binary(), &path.join("envoy"));
        fs::write(path.join("meshctl.toml"), "").unwrap();
        fs::write(path.join("mesh.toml"), text).unwrap();
        let now = 1_767_225_600; // 2026-01-01
        let options = load::Options { dir: path.to_path_buf(), env: None, extra: None, now };
        let loaded = load::load(&options).unwrap();
        assert!(!loaded.diagnostics.has_errors(), "{:#?}", loaded.diagnostics);
        let mesh = loaded.mesh;
        let root = path.join("target");
        for proxy in proxies(&mesh) {
            let settings = Settings::path(root.display().to_string());
            for (file, text) in files(&compile(&mesh, &settings, &proxy)) {
                let file = root.join("steps/1-1").join(proxy.to_string()).join(file);
                fs::create_dir_all(file.parent().unwrap()).unwrap();
                fs::write(file, text).unwrap();
            }
        }
        symlink("steps/1-1", root.join("current")).unwrap();

        let net = Net::new(tag);
        let apps = Apps::start(&net.server, apps);
        let start = |proxy: &str, namespace: &str| {
            Proxy::start(path, &mesh, &proxy.parse().unwrap(), namespace)
        };
        let client = start("virtual_node/client", &net.client);
        let server = start("virtual_node/app", &net.server);
        let deadline = Instant::now() + Duration::from_secs(60);
        for (proxy, name) in [(&client, "client"), (&server, "app")] {
            while proxy.admin("/ready").is_none_or(|said| !said.starts_with("LIVE")) {
                let log = || fs::read_to_string(path.join(format!("{name}.log"))).unwrap();
                assert!(Instant::now() < deadline, "{name} is not ready: {}", log());
                std::thread::yield_now();
            }
        }
        Self { client, server, _apps: apps, net, _folder: folder }
    }
}
