//! Redirect capture, as App Mesh did it: packets of an application that knows nothing of the mesh,
//! in network namespaces of the test's own.
//!
//! ```text
//! namespace client 10.77.0.1            namespace server 10.77.0.2, 10.77.0.3
//!   the test ── OUTPUT -> 15001 Envoy ─── veth ─── PREROUTING :8080 -> 15000 Envoy ── app
//!                                              └── :9090 on 10.77.0.3: outside of the mesh
//! ```

use crate::support::envoy;
use crate::support::tier::{Tier, has};
use bytes::Bytes;
use http::Request;
use meshctl::compile::{compile, proxies};
use meshctl::dev::client::{self, Version};
use meshctl::dev::process::TIED;
use meshctl::dev::upstream::Upstream;
use meshctl::envoy::{Admin, Bootstrap, ProxyId, Settings, bootstrap, files};
use meshctl::load;
use meshctl::model::{Mesh, Protocol};
use meshctl::resolve::Date;
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

const MESH: &str = r#"
[mesh]
name = "redirect"
egress = "EGRESS"

[virtual_node.client]
backends = ["app.internal", "raw.internal"]

[virtual_node.app]
discovery = { static = ["10.77.0.2"] }
listeners = [{ port = 8080, protocol = "http" }, { port = 7070, protocol = "tcp" }]

[virtual_service."app.internal"]
router = "app"

[virtual_router.app]
listeners = [{ port = 8080, protocol = "http" }]

[[virtual_router.app.routes]]
name = "all"
match = { prefix = "/" }
targets = [{ node = "app", port = 8080, weight = 1 }]

[virtual_service."raw.internal"]
router = "raw"

[virtual_router.raw]
listeners = [{ port = 7070, protocol = "tcp" }]

[[virtual_router.raw.routes]]
name = "all"
targets = [{ node = "app", port = 7070, weight = 1 }]
"#;

#[track_caller]
fn run(command: &str) {
    let mut words = command.split_whitespace();
    let output = Command::new(words.next().unwrap()).args(words).output().unwrap();
    assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A pair of connected namespaces; dropping it removes them.
struct Net {
    client: String,
    server: String,
}

impl Net {
    fn new(tag: &str) -> Self {
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
        for name in [client, server] {
            run(&format!("ip -n {name} link set veth0 up"));
        }
        let nat = |name: &str, rule: &str| {
            run(&format!("ip netns exec {name} iptables -w -t nat -A {rule}"));
        };
        nat(client, &format!("OUTPUT -p tcp -m owner --uid-owner {PROXY_UID} -j RETURN"));
        nat(client, "OUTPUT -p tcp -o lo -j RETURN");
        nat(client, "OUTPUT -p tcp -j REDIRECT --to-ports 15001");
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
fn inside<T: Send>(namespace: &str, work: impl FnOnce(&tokio::runtime::Runtime) -> T + Send) -> T {
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

fn enter(namespace: &str) {
    let file = fs::File::open(Path::new("/run/netns").join(namespace)).unwrap();
    move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
}

/// Applications in a namespace, until this is dropped.
struct Apps {
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Apps {
    fn start(namespace: &str, apps: Vec<(&'static str, &'static str, Protocol)>) -> Self {
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
struct Proxy {
    child: Child,
    socket: PathBuf,
}

impl Proxy {
    fn start(folder: &Path, mesh: &Mesh, proxy: &ProxyId, namespace: &str) -> Self {
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

    fn admin(&self, path: &str) -> Option<String> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let asked = client::admin(&self.socket, "GET", path, Duration::from_secs(5));
        let answer = runtime.block_on(asked).ok()?;
        Some(String::from_utf8_lossy(&answer.body).into_owned())
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Everything of one test.
struct World {
    client: Proxy,
    server: Proxy,
    _apps: Apps,
    net: Net,
    _folder: tempfile::TempDir,
}

impl World {
    fn new(egress: &str) -> Self {
        // Below /tmp, where the proxies' user can read.
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        let open = fs::Permissions::from_mode(0o777);
        fs::set_permissions(path, open.clone()).unwrap();
        fs::copy(envoy::binary(), path.join("envoy")).unwrap();
        fs::write(path.join("meshctl.toml"), "").unwrap();
        fs::write(path.join("mesh.toml"), MESH.replace("EGRESS", egress)).unwrap();
        let today = Date { year: 2026, month: 1, day: 1 };
        let options = load::Options { dir: path.to_path_buf(), env: None, extra: None, today };
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

        let net = Net::new(&egress[..1]);
        let apps = vec![
            ("app", "127.0.0.1:8080", Protocol::Http),
            ("raw", "127.0.0.1:7070", Protocol::Tcp),
            ("outside", "10.77.0.3:9090", Protocol::Http),
            ("outside", "10.77.0.3:8080", Protocol::Http),
        ];
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

    /// What an application in the client's namespace gets from an address, calling it by a name.
    fn get(&self, to: &str, host: &str) -> String {
        let to: SocketAddr = to.parse().unwrap();
        let request = Request::builder().uri("/").header("host", host).body(Bytes::new()).unwrap();
        inside(&self.net.client, |runtime| {
            let limit = Duration::from_secs(5);
            match runtime.block_on(client::call(to, Version::Http1, request, limit)) {
                Ok(answer) => format!("{} {}", answer.status, answer.node().unwrap_or_default())
                    .trim_end()
                    .to_owned(),
                Err(client::Error::Connect(_) | client::Error::Broken(_)) => "refused".to_owned(),
                Err(client::Error::Late(_)) => "late".to_owned(),
            }
        })
    }

    fn greeting(&self, to: &str) -> Option<String> {
        let to: SocketAddr = to.parse().unwrap();
        inside(&self.net.client, |runtime| {
            let said = runtime.block_on(client::greeting(to, Duration::from_secs(5))).ok()?;
            Some(String::from_utf8_lossy(&said).into_owned())
        })
    }

    /// What holds whatever the egress filter: the mesh's own traffic goes through both proxies.
    fn serves_its_own(&self) {
        // Any address will do, whether something has it or not: the port and the name decide.
        for to in ["10.77.0.2:8080", "10.77.0.99:8080"] {
            for host in ["app.internal", "app.internal:8080"] {
                assert_eq!(self.get(to, host), "200 app", "{to} {host}");
            }
        }
        assert_eq!(self.greeting("10.77.0.99:7070").as_deref(), Some("raw 7070\n"));
        let requests = |proxy: &Proxy, prefix: &str| {
            let all = proxy.admin("/stats?filter=downstream_rq_completed").unwrap();
            let counts = all.lines().filter(|line| line.starts_with(&format!("http.{prefix}")));
            counts.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum::<u64>()
        };
        assert_eq!(requests(&self.client, "egress"), 4, "the packets were redirected here");
        assert_eq!(requests(&self.server, "ingress"), 4, "and there");
    }
}

#[test]
fn drop_all_lets_out_what_the_mesh_defines_and_nothing_else() {
    if !has(Tier::Root) {
        return;
    }
    let world = World::new("drop-all");
    world.serves_its_own();
    assert_eq!(world.get("10.77.0.3:9090", "outside.example"), "refused");
    assert_eq!(world.get("10.77.0.3:8080", "outside.example"), "404", "another name, known port");
    assert_eq!(world.greeting("10.77.0.3:9091"), None);
}

#[test]
fn allow_all_lets_out_everything() {
    if !has(Tier::Root) {
        return;
    }
    let world = World::new("allow-all");
    world.serves_its_own();
    assert_eq!(world.get("10.77.0.3:9090", "outside.example"), "200 outside");
    assert_eq!(world.get("10.77.0.3:8080", "outside.example"), "200 outside");
    // Nobody listens there: the proxy takes the connection, and cannot pass it on.
    assert_eq!(world.greeting("10.77.0.3:9091"), None);
}
