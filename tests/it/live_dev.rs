//! `meshctl dev` as a person runs it.

use crate::support::mesh::Block;
use crate::support::sandbox::Sandbox;
use crate::support::tier::{self, Tier};
use crate::support::{envoy, root};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use std::fs;
use std::io::{ErrorKind, Read};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// Examples that need programs of the debian tier.
pub(crate) const NEEDY: [(&str, Tier); 2] = [
    ("mtls", Tier::Debian(&["openssl"])),
    ("tcp-mariadb", Tier::Debian(&["mariadb-install-db", "mariadbd"])),
];

/// All examples.
pub(crate) fn examples() -> Vec<String> {
    let entries = fs::read_dir(root().join("examples")).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn example(name: &str) -> String {
    root().join("examples").join(name).display().to_string()
}

fn answers_its_requests(name: &str, target: &str) -> String {
    let sandbox = Sandbox::new();
    let envoy = envoy::binary().display().to_string();
    let block = Block::take();
    let network = block.second().to_string();
    let dir = example(name);
    let args = ["dev", &dir, "--once", "--envoy", &envoy, "--network", &network];
    let ran = sandbox.run(&[&args[..], &["--target", target]].concat()).exits(0);
    assert!(ran.stdout.lines().count() > 0, "{name} makes no request");
    assert!(ran.stdout.lines().all(|line| line.starts_with("ok ")), "{name}:\n{}", ran.stdout);
    ran.stderr
}

#[test]
fn every_example_answers_its_requests() {
    for name in examples() {
        if !NEEDY.iter().any(|(needy, _)| *needy == name) {
            let told = answers_its_requests(&name, "control-plane");
            // Every Envoy has acknowledged the revision before the first request is made.
            let (_, of) =
                told.split_once("done: verified on ").unwrap_or_else(|| panic!("{name}:\n{told}"));
            let (proven, rest) = of.split_once(" of ").unwrap();
            assert!(rest.starts_with(&format!("{proven}.")), "{name}:\n{told}");
        }
    }
}

#[test]
fn every_example_that_needs_more_programs_answers_too() {
    for (name, tier) in NEEDY {
        if tier::has(tier) {
            answers_its_requests(name, "control-plane");
        }
    }
}

#[test]
fn examples_answer_from_a_folder_too() {
    for name in ["shop", "grpc"] {
        answers_its_requests(name, "directory");
    }
}

#[test]
fn dev_makes_targets_of_two_kinds_only() {
    let sandbox = Sandbox::new();
    let dir = example("shop");
    let ran = sandbox.run(&["dev", &dir, "--once", "--envoy", "/bin/true", "--target", "prod"]);
    let ran = ran.exits(64);
    assert!(ran.stderr.contains("--target control-plane"), "{}", ran.stderr);
    // One that the environment names is for other commands: the run gets as far as its Envoys.
    let block = Block::take().second().to_string();
    let args = ["dev", &dir, "--once", "--envoy", "/bin/true", "--network", &block];
    let output = sandbox.command(&args).env("MESHCTL_TARGET", "prod").output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("ended by itself"), "{said}");
}

#[test]
fn the_overlay_that_dev_prints_is_one_that_a_project_can_keep() {
    let sandbox = Sandbox::new();
    for name in examples() {
        let dir = example(&name);
        let printed = sandbox.run(&["dev", &dir, "--print-overlay"]).exits(0).stdout;
        sandbox.example(&name, &name);
        sandbox.write(&format!("{name}/env/dev.toml"), &printed);
        sandbox.run(&["check", "-C", &name]).exits(0);
        sandbox.run(&["check", "-C", &name, "--env", "dev"]).exits(0);
        let again = sandbox.run(&["dev", &name, "--env", "dev", "--print-overlay"]).exits(0).stdout;
        assert_eq!(printed, again, "{name}");
        sandbox.run(&["render", "-C", &name, "--env", "dev", "-o", "out"]).exits(0);
    }
}

#[test]
fn the_application_of_a_node_without_a_proxy_answers_its_callers_itself() {
    let mesh = r#"[mesh]
name = "m"

[virtual_node.web]
backends = ["cart.internal"]

[virtual_node.cart]
listeners = [{ port = 8080, protocol = "http" }]
discovery = { dns = "cart.internal" }

[virtual_node.legacy]
proxy = false
listeners = [{ port = 8080, protocol = "http" }]
discovery = { dns = "legacy.internal" }

[virtual_service."cart.internal"]
router = "cart"

[virtual_router.cart]
listeners = [{ port = 8080, protocol = "http" }]

[[virtual_router.cart.routes]]
name = "old"
match = { prefix = "/old/" }
targets = { legacy = 1 }

[[virtual_router.cart.routes]]
name = "all"
match = { prefix = "/" }
targets = { cart = 1 }
"#;
    let sandbox = Sandbox::with_mesh(mesh);
    let request = |path: &str| {
        format!(
            "[[dev.requests]]\nfrom = \"virtual_node/web\"\nurl = \"http://cart.internal:8080{path}\"\n"
        )
    };
    sandbox.write("meshctl.toml", request("/old/a") + &request("/new"));
    let envoy = envoy::binary().display().to_string();
    for target in ["control-plane", "directory"] {
        let block = Block::take();
        let network = block.second().to_string();
        let args = ["dev", "--once", "--envoy", &envoy, "--network", &network, "--target", target];
        let ran = sandbox.run(&args).exits(0);
        assert_eq!(ran.stdout.matches("ok ").count(), 2, "{}", ran.all());
        for node in ["legacy", "cart"] {
            assert!(ran.stdout.contains(&format!(" from {node}")), "{node}: {}", ran.all());
        }
        // It has no Envoy, and none is waited for.
        assert!(!ran.stderr.contains("virtual_node/legacy"), "{}", ran.all());
    }
}

#[test]
fn check_finds_nothing_in_the_examples() {
    let sandbox = Sandbox::new();
    for name in examples() {
        let ran = sandbox.run(&["check", "-C", &example(&name)]).exits(0);
        assert_eq!(ran.stdout, "", "{name}");
        sandbox.run(&["fmt", "-C", &example(&name), "--check"]).exits(0);
    }
}

/// A run of dev that goes on until it is stopped; ends with this.
struct Dev {
    child: Child,
    block: Block,
    stdout: Lines,
    stderr: Lines,
}

impl Dev {
    fn start(sandbox: &Sandbox, project: &str, more: &[&str]) -> Self {
        let block = Block::take();
        let mut child = sandbox
            .command(&["dev", project, "--network", &block.second().to_string()])
            .args(more)
            .env("MESHCTL_ENVOY", envoy::binary())
            .env("TMPDIR", sandbox.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = Lines::of(child.stdout.take().unwrap().into());
        let stderr = Lines::of(child.stderr.take().unwrap().into());
        Self { child, block, stdout, stderr }
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        // Its Envoys end with it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The lines of an output, as they come.
struct Lines {
    from: fs::File,
    /// What was read and is not a whole line yet.
    rest: Vec<u8>,
    /// The lines that were waited for and those before them.
    seen: Vec<String>,
}

impl Lines {
    fn of(output: OwnedFd) -> Self {
        let flags = fcntl_getfl(&output).unwrap();
        fcntl_setfl(&output, flags | OFlags::NONBLOCK).unwrap();
        Self { from: output.into(), rest: Vec::new(), seen: Vec::new() }
    }

    /// The next line with a text in it; fails if none comes.
    #[track_caller]
    fn with(&mut self, text: &str) -> String {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            if let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.rest.drain(..=end).collect();
                let line = String::from_utf8(line).unwrap().trim_end().to_owned();
                self.seen.push(line.clone());
                if line.contains(text) {
                    return line;
                }
                continue;
            }
            let mut part = [0; 4096];
            match self.from.read(&mut part) {
                Ok(0) => panic!("it ended before {text:?}: {:#?}", self.seen),
                Ok(count) => self.rest.extend_from_slice(&part[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    assert!(Instant::now() < deadline, "no {text:?} came: {:#?}", self.seen);
                    std::thread::sleep(Duration::from_millis(10));
                }
                Err(error) => panic!("{error}"),
            }
        }
    }
}

/// A run of dev that waits for Ctrl-C, and the processes and the folder that it made.
struct Waiting {
    dev: Dev,
    envoys: Vec<Pid>,
    folder: PathBuf,
}

fn waiting(sandbox: &Sandbox) -> Waiting {
    let mut dev = Dev::start(sandbox, &example("shop"), &[]);
    dev.stderr.with("Ctrl-C stops everything");
    let folder = fs::read_dir(sandbox.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.file_name().unwrap().to_str().unwrap().starts_with("meshctl-dev-"))
        .unwrap();
    let tasks = format!("/proc/{0}/task/{0}/children", dev.child.id());
    let envoys: Vec<Pid> = fs::read_to_string(tasks)
        .unwrap()
        .split_whitespace()
        .map(|id| Pid::from_raw(id.parse().unwrap()).unwrap())
        .collect();
    assert_eq!(envoys.len(), 6, "five nodes and a gateway");
    Waiting { dev, envoys, folder }
}

impl Waiting {
    fn all_end(&self) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while self.envoys.iter().any(|envoy| test_kill_process(*envoy).is_ok()) {
            assert!(Instant::now() < deadline, "an Envoy has outlived dev");
            std::thread::yield_now();
        }
    }
}

#[test]
fn ctrl_c_stops_everything_and_is_no_failure() {
    let sandbox = Sandbox::new();
    let mut waiting = waiting(&sandbox);
    waiting.dev.signal(Signal::INT);
    assert_eq!(waiting.dev.child.wait().unwrap().code(), Some(0));
    waiting.all_end();
    assert!(!waiting.folder.exists(), "the folder is removed");
}

#[test]
fn the_control_plane_of_a_run_is_one_that_other_commands_can_ask() {
    let sandbox = Sandbox::new();
    let mut waiting = waiting(&sandbox);
    let line =
        waiting.dev.stderr.seen.iter().find(|line| line.contains("control plane is at")).unwrap();
    let (_, rest) = line.split_once(" at ").unwrap();
    let (url, secret) = rest.split_once("; its operator's token is ").unwrap();
    let token = secret.trim_end_matches('.');
    assert_eq!(fs::metadata(token).unwrap().permissions().mode() & 0o777, 0o600);
    sandbox.write("meshctl.toml", format!("[targets.dev]\nserver = \"{url}\"\nxds = \"127.0.0.1:1\"\nexpect = 6\ntoken = {{ file = \"{token}\" }}\n"));
    sandbox.write("mesh.toml", "[mesh]\nname = \"shop\"\n");
    let waited = sandbox.run(&["wait", "--timeout", "30s"]).exits(0);
    assert!(waited.stdout.contains("verified on 6 Envoys"), "{}", waited.stdout);
    waiting.dev.signal(Signal::TERM);
    assert_eq!(waiting.dev.child.wait().unwrap().code(), Some(143));
    waiting.all_end();
    assert!(!waiting.folder.exists(), "the folder is removed");
    let address = url.strip_prefix("http://").unwrap();
    assert!(std::net::TcpStream::connect(address).is_err(), "the control plane ends with the run");
}

#[test]
fn envoys_end_with_a_dev_that_is_killed() {
    let sandbox = Sandbox::new();
    let mut waiting = waiting(&sandbox);
    waiting.dev.signal(Signal::KILL);
    waiting.dev.child.wait().unwrap();
    waiting.all_end();
}

#[test]
fn a_missing_envoy_is_said_with_what_would_help() {
    let sandbox = Sandbox::new();
    let dir = example("shop");
    let mut command = sandbox.command(&["dev", &dir, "--once"]);
    let output = command.env("PATH", "/nowhere").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("no Envoy was found") && said.contains("--install-envoy"), "{said}");
    sandbox.run(&["dev", &dir, "--once", "--envoy", "nowhere"]).exits(1);
}

#[test]
fn a_change_of_the_files_is_planned_applied_and_shown() {
    shows_changes("control-plane");
}

#[test]
fn a_change_of_the_files_comes_to_a_folder_too() {
    shows_changes("directory");
}

fn shows_changes(target: &str) {
    let sandbox = Sandbox::new();
    sandbox.example("shop", "shop");
    let mut dev = Dev::start(&sandbox, "shop", &["--target", target]);
    let stable = "GET http://shop.example/cart/items -> 200 from cart-";
    // The last request that `dev` makes at the start is the last of the project's file.
    dev.stdout.with("curl -X DELETE");
    let cart = fs::read_to_string(sandbox.join("shop/cart.toml")).unwrap();
    let shifted = cart.replace("cart-v1 = 95, cart-v2 = 5", "cart-v1 = 0, cart-v2 = 100");
    assert_ne!(cart, shifted);
    sandbox.write("shop/cart.toml", shifted);
    assert!(dev.stdout.with("targets[cart-v1].weight").contains("95 -> 0"));
    let answer = dev.stdout.with(stable);
    assert!(answer.contains("from cart-v2"), "{answer}");
    dev.signal(Signal::INT);
    assert_eq!(dev.child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_second_run_at_the_same_addresses_is_told_to_take_others() {
    let sandbox = Sandbox::new();
    let mut first = waiting(&sandbox);
    let network = first.dev.block.second().to_string();
    let mut command = sandbox.command(&["dev", &example("shop"), "--once", "--network", &network]);
    let output = command.env("MESHCTL_ENVOY", envoy::binary()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("cannot listen on 127.") && said.contains("--network"), "{said}");
    first.dev.signal(Signal::INT);
    first.dev.child.wait().unwrap();
}

/// A mesh whose gateway terminates TLS: for HTTP/1.1, HTTP/2, gRPC, both TLS and plain text, and one
/// that asks for a client's certificate.
const TLS_GATEWAY: &str = r#"[mesh]
name = "tlsedge"

[virtual_node.web]
discovery = { dns = "web-1.internal" }
listeners = [{ port = 8080, protocol = "http" }]

[virtual_node.rpc]
discovery = { dns = "rpc-1.internal" }
listeners = [{ port = 8081, protocol = "grpc" }]

[virtual_service."web.internal"]
node = "web"

[virtual_service."rpc.internal"]
node = "rpc"

[virtual_gateway.edge]
listeners = [
  { port = 8443, protocol = "http", tls = { mode = "strict", certificate = CERTIFICATE } },
  { port = 8444, protocol = "http2", tls = { mode = "strict", certificate = CERTIFICATE } },
  { port = 8445, protocol = "grpc", tls = { mode = "strict", certificate = CERTIFICATE } },
  { port = 8446, protocol = "http", tls = { mode = "permissive", certificate = CERTIFICATE } },
  { port = 8447, protocol = "http", tls = { mode = "strict", certificate = CERTIFICATE, validation = { trust = { file = "certs/tls.crt" } } } },
]

[[virtual_gateway.edge.routes]]
name = "http"
match = { port = 8443, prefix = "/" }
service = "web.internal"

[[virtual_gateway.edge.routes]]
name = "http2"
match = { port = 8444, prefix = "/" }
service = "web.internal"

[[virtual_gateway.edge.routes]]
name = "grpc"
match = { port = 8445, service_name = "a.B" }
service = "rpc.internal"

[[virtual_gateway.edge.routes]]
name = "both"
match = { port = 8446, prefix = "/" }
service = "web.internal"

[[virtual_gateway.edge.routes]]
name = "certified"
match = { port = 8447, prefix = "/" }
service = "web.internal"
"#;

/// The case of ../shared/cases/bugs/N1-dev-tls-gateway.
#[test]
fn a_gateway_that_terminates_tls_answers() {
    let sandbox = Sandbox::new();
    let key = rcgen::KeyPair::generate().unwrap();
    let names = vec!["web-1.internal".to_owned()];
    let certificate = rcgen::CertificateParams::new(names).unwrap().self_signed(&key).unwrap();
    sandbox.write("certs/tls.crt", certificate.pem());
    sandbox.write("certs/tls.key", key.serialize_pem());
    let file = "{ file = { chain = \"certs/tls.crt\", key = \"certs/tls.key\" } }";
    sandbox.write("mesh.toml", TLS_GATEWAY.replace("CERTIFICATE", file));
    let project = "[dev]\nprepare = [\"cp -r \\\"$MESHCTL_PROJECT/certs\\\" certs\"]\n";
    sandbox.write("meshctl.toml", project);
    let envoy = envoy::binary().display().to_string();
    let block = Block::take();
    let network = block.second().to_string();
    let call = ["dev", ".", "--once", "--envoy", &envoy, "--network", &network];
    let made_up = sandbox.run(&call).exits(0).stdout;
    for line in [
        "ok  virtual_gateway/edge: GET https://web.internal/ -> 200 from web",
        "ok  virtual_gateway/edge: grpcs://rpc.internal/a.B/Any -> gRPC status 0 from rpc",
        "ok  virtual_gateway/edge: GET http://web.internal/ -> 200 from web",
    ] {
        assert!(made_up.contains(line), "{line}\n{made_up}");
    }
    assert_eq!(made_up.matches("GET https://web.internal/ -> 200").count(), 2, "{made_up}");
    let request = |url: &str| {
        format!("{project}[[dev.requests]]\nfrom = \"virtual_gateway/edge\"\nurl = \"{url}\"\n")
    };
    for url in ["https://shop.example:8443/x", "https://shop.example:8444/x", "https://a.b:8446/x"]
    {
        sandbox.write("meshctl.toml", request(url));
        let written = sandbox.run(&call).exits(0).stdout;
        assert!(written.contains(&format!("GET {url} -> 200 from web")), "{written}");
    }
    for (url, why) in [
        ("http://shop.example:8443/x", "the listener is for https://, not http://"),
        ("grpc://rpc.internal:8445/a.B/Any", "the listener is for grpcs://, not grpc://"),
        ("https://shop.example:8447/x", "the listener asks for a client's certificate"),
    ] {
        sandbox.write("meshctl.toml", request(url));
        let ran = sandbox.run(&call).exits(3);
        assert!(ran.stderr.contains(why), "{}", ran.stderr);
    }
}

/// The case of ../shared/cases/bugs/F1-emacs-lock: what is wrong may go away without a change of a file
/// that was read, and a save in between must not be missed.
#[test]
fn a_save_while_something_else_was_wrong_is_applied_when_that_has_gone() {
    let sandbox = Sandbox::new();
    sandbox.example("shop", "shop");
    let mut dev = Dev::start(&sandbox, "shop", &[]);
    dev.stdout.with("curl -X DELETE");
    let lock = sandbox.join("shop/.#cart.toml");
    std::os::unix::fs::symlink("me@host.1:2", &lock).unwrap();
    let dead = sandbox.join("shop/gone.toml");
    std::os::unix::fs::symlink("nowhere", &dead).unwrap();
    dev.stderr.with("Nothing was applied");
    let cart = fs::read_to_string(sandbox.join("shop/cart.toml")).unwrap();
    let shifted = cart.replace("cart-v1 = 95", "cart-v1 = 94");
    assert_ne!(cart, shifted);
    sandbox.write("shop/cart.toml", shifted);
    dev.stderr.with("Nothing was applied");
    fs::remove_file(&dead).unwrap();
    assert!(dev.stdout.with("targets[cart-v1].weight").contains("95 -> 94"));
    // Whoever reads no more must not stop dev.
    dev.stderr.from = fs::File::open("/dev/null").unwrap();
    dev.signal(Signal::INT);
    assert_eq!(dev.child.wait().unwrap().code(), Some(0));
}
