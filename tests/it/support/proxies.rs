//! The proxies of a random mesh that requests are sent to, as processes of their own.

use super::envoy;
use meshctl::compile::compile;
use meshctl::envoy::{Bootstrap, ProxyId, Settings, bootstrap, files};
use meshctl::model::Mesh;
use meshctl::traffic::{self, entries};
use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A running Envoy; ends with this.
pub(crate) struct Proxy {
    child: Child,
    folder: tempfile::TempDir,
}

impl Proxy {
    /// What it has written, if that went to its log.
    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.folder.path().join("log")).unwrap()).into_owned()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts one proxy of a mesh.
pub(crate) fn start(mesh: &Mesh, proxy: &str) -> Proxy {
    start_with(mesh, proxy, None)
}

/// Starts one proxy of a mesh; its stdout and stderr go to `output`, else to its log.
pub(crate) fn start_with(mesh: &Mesh, proxy: &str, output: Option<[Stdio; 2]>) -> Proxy {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path().display().to_string();
    let id: ProxyId = proxy.parse().unwrap();
    let config = compile(mesh, &Settings::path(&at), &id);
    let home = folder.path().join("current").join(proxy);
    for (name, text) in files(&config) {
        let path = home.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    run(mesh, id, &at, folder, output)
}

/// Starts a proxy on the files of a directory target; what it writes of its own goes to `folder`.
fn run(
    mesh: &Mesh,
    id: ProxyId,
    root: &str,
    folder: tempfile::TempDir,
    output: Option<[Stdio; 2]>,
) -> Proxy {
    let boot = folder.path().join("boot.yaml");
    let options = Bootstrap::new(mesh.settings.name.clone(), id, root);
    fs::write(&boot, bootstrap(&options)).unwrap();
    spawn(&boot, folder, &["--reject-unknown-dynamic-fields"], output)
}

/// Starts an Envoy on a bootstrap; its stdout and stderr go to `output`, else to its log in `folder`.
pub(crate) fn spawn(
    boot: &Path,
    folder: tempfile::TempDir,
    more: &[&str],
    output: Option<[Stdio; 2]>,
) -> Proxy {
    let log = fs::File::create(folder.path().join("log")).unwrap();
    let [stdout, stderr] = output
        .unwrap_or_else(|| [log.try_clone().unwrap().into(), log.try_clone().unwrap().into()]);
    let child = Command::new(envoy::binary())
        .arg("-c")
        .arg(boot)
        .args(["--concurrency", "1", "--disable-hot-restart", "--log-level", "warning"])
        .args(more)
        .stdout(stdout)
        .stderr(stderr)
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    Proxy { child, folder }
}

/// Waits until a door is open, and fails if a proxy has rejected anything. Envoy opens a listener
/// whose routes it has rejected, and logs the rejection before that.
pub(crate) fn await_door(proxies: &[Proxy], door: SocketAddr) {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let open = TcpStream::connect(door).is_ok();
        for proxy in proxies {
            let log = proxy.log();
            assert!(!log.contains("rejected"), "{log}");
            assert!(open || Instant::now() < deadline, "{door} does not open: {log}");
        }
        if open {
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The proxies that requests are sent to.
const CALLED: [&str; 2] = ["virtual_gateway/edge", "virtual_node/client"];

/// The proxies of a mesh that requests are sent to, when all their doors are open.
pub(crate) fn start_all(mesh: &Mesh) -> Vec<Proxy> {
    opened(mesh, CALLED.map(|proxy| start(mesh, proxy)).into())
}

/// The same, on what was applied to a directory.
pub(crate) fn start_applied(mesh: &Mesh, root: &Path) -> Vec<Proxy> {
    let start = |proxy: &str| {
        let id = proxy.parse().unwrap();
        run(mesh, id, &root.display().to_string(), tempfile::tempdir().unwrap(), None)
    };
    opened(mesh, CALLED.map(start).into())
}

/// Proxies of a mesh, when all doors of the mesh that requests are sent to are open.
pub(crate) fn opened(mesh: &Mesh, all: Vec<Proxy>) -> Vec<Proxy> {
    for entry in entries(mesh) {
        let door = match entry.door {
            traffic::Door::Bound { at, .. } => at,
            traffic::Door::Gateway { listener, .. } => {
                (listener.address.unwrap(), listener.port.get()).into()
            }
            traffic::Door::Captured { .. } => continue,
        };
        await_door(&all, door);
    }
    all
}
