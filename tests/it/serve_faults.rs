//! Faults of a control plane that need nothing but this machine: files that vanish, plans that are
//! stale, networks that are cut or silent, clients that do not read, no more files to open.

use crate::directory::mesh;
use crate::live_serve_apply::Serve;
use crate::serve::Server as Plane;
use crate::serve_xds::{A, EDS, block_on, config, endpoints, put, until};
use crate::support::load::figure;
use crate::support::sandbox::Sandbox;
use crate::support::served::Server;
use crate::support::xds_client::{Client, ack, delta, resume};
use meshctl::envoy::ProxyConfig;
use meshctl::serve::limits::Limits;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// How the control plane of a process is named in `meshctl.toml`.
pub(crate) fn target(server: &Serve) -> String {
    format!(
        "[targets.prod]\nserver = \"http://{}\"\nxds = \"{}\"\n\
         token = {{ file = \"data/operator.token\" }}\n",
        server.admin, server.xds
    )
}

/// Arguments of a server that waits for nobody.
pub(crate) const SERVE: [&str; 9] =
    ["serve", "--data", "data", "--admin", "127.0.0.1:0", "--xds", "127.0.0.1:0", "--grace", "0s"];

/// A project with a server that was started by a command.
pub(crate) fn served(weight: u32) -> (Sandbox, Serve) {
    let sandbox = Sandbox::with_mesh(&mesh(weight));
    let server = Serve::run(sandbox.command(&SERVE)).unwrap();
    sandbox.write("meshctl.toml", target(&server));
    (sandbox, server)
}

#[test]
fn f8_a_folder_that_vanishes_harms_no_proxy_and_is_named() {
    let (sandbox, server) = served(1);
    sandbox.run(&["apply", "--yes"]).exits(0);
    std::fs::copy(sandbox.join("data/operator.token"), sandbox.join("token")).unwrap();
    let owner_only = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(sandbox.join("token"), owner_only).unwrap();
    sandbox.write("meshctl.toml", target(&server).replace("data/operator.token", "token"));
    let sent = |server: &Serve| figure(&server.admin, "meshctl_xds_resources_total");
    block_on(async {
        let client = Client::connect(server.xds.parse().unwrap(), None).await.unwrap();
        let mut stream = client.delta().await;
        stream.send(&delta("mesh/m/virtual_node/web", CDS, &[]));
        let had = stream.take().await.unwrap().resources;
        assert!(!had.is_empty());
        std::fs::rename(sandbox.join("data"), sandbox.join("gone")).unwrap();
        // Proxies go on to be served.
        let before = sent(&server);
        let mut again = client.delta().await;
        again.send(&delta("mesh/m/virtual_node/web", CDS, &[]));
        assert_eq!(again.take().await.unwrap().resources, had);
        assert_eq!(sent(&server), before + had.len() as u64);
    });
    sandbox.write("mesh.toml", mesh(2));
    let ran = sandbox.run(&["apply", "--yes"]);
    assert_eq!(ran.code, 6, "{}", ran.all());
    assert!(ran.stderr.contains("store.redb"), "{}", ran.all());
    // It is back, and so is the server, without a restart.
    std::fs::rename(sandbox.join("gone"), sandbox.join("data")).unwrap();
    sandbox.run(&["apply", "--yes"]).exits(0);
    sandbox.run(&["plan", "--detailed-exitcode"]).exits(0);
    drop(server);
    let checked = sandbox.run(&["store", "check", "--data", "data"]).exits(0);
    assert!(checked.stdout.contains('2'), "{}", checked.all());
    // Where nothing can be made, it does not start, and says where.
    let mut args = SERVE;
    args[2] = "/proc/meshctl";
    let ran = sandbox.run(&args).exits(1);
    assert!(ran.stderr.contains("/proc/meshctl"), "{}", ran.all());
}

const CDS: &str = meshctl::envoy::ResourceType::Cluster.type_url();

#[test]
fn f10_a_stale_plan_is_refused_with_what_has_changed() {
    let server = Plane::with(1);
    let sandbox = server.project(1);
    sandbox.run(&["apply", "--yes"]).exits(0);
    sandbox.write("mesh.toml", mesh(2));
    sandbox.run(&["plan", "-o", "plan.json"]).exits(0);
    sandbox.write("mesh.toml", mesh(3));
    sandbox.run(&["apply", "--yes"]).exits(0);
    let ran = sandbox.run(&["apply", "plan.json", "--yes"]).exits(5);
    assert!(ran.stderr.contains("route/cart/all"), "{}", ran.all());
    let shown = sandbox.run(&["get", "route/cart/all"]).exits(0).stdout;
    assert!(shown.contains('3'), "{shown}");
}

/// Passes one connection at a time on to a server, and lets only so many bytes of answers through.
struct Relay {
    address: SocketAddr,
    task: tokio::task::JoinHandle<()>,
}

/// What a relay does when it has passed on what it may.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    Cut,
    Silence,
}

impl Relay {
    async fn start(to: SocketAddr, bytes: usize, then: Then) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move {
            let (mut client, _) = listener.accept().await.unwrap();
            let mut server = TcpStream::connect(to).await.unwrap();
            let (mut up, mut down) = (vec![0; 4_096], vec![0; 4_096]);
            let mut left = bytes;
            while left > 0 {
                tokio::select! {
                    read = client.read(&mut up) => match read {
                        Ok(n) if n > 0 => server.write_all(&up[..n]).await.unwrap(),
                        _ => return,
                    },
                    read = server.read(&mut down) => match read {
                        Ok(n) if n > 0 => {
                            let n = n.min(left);
                            left -= n;
                            client.write_all(&down[..n]).await.unwrap();
                        }
                        _ => return,
                    },
                }
            }
            match then {
                // What was passed on is read before it is cut; else the reset may take it back.
                Then::Cut => tokio::time::sleep(Duration::from_millis(20)).await,
                // Both ends are open, and nothing passes.
                Then::Silence => std::future::pending().await,
            }
        });
        Self { address, task }
    }
}

fn many(count: usize) -> Arc<ProxyConfig> {
    config("virtual_node/a", (0..count).map(|n| endpoints(&format!("e{n}"), 1)))
}

#[test]
fn f25_x45_a_stream_cut_at_any_byte_goes_on_where_it_was() {
    let mut cuts = 0;
    block_on(async {
        // Several responses in several frames, so that there is something between them.
        let limits = Limits { chunk_bytes: 2_000, ..Limits::default() };
        let server = Server::open(limits);
        let names: Vec<String> = (0..150).map(|n| format!("e{n}{}", "x".repeat(400))).collect();
        let all = config("virtual_node/a", names.iter().map(|name| endpoints(name, 1)));
        put(&server.hub, 1, &[("virtual_node/a", Some(all))]);
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut kept = BTreeMap::new();
        for bytes in (1..).step_by(1_901) {
            let relay = Relay::start(server.address, bytes, Then::Cut).await;
            let mut has: BTreeMap<String, String> = BTreeMap::new();
            if let Ok(client) = Client::connect(relay.address, None).await
                && let Ok(mut stream) = client.call(meshctl::envoy::xds::DELTA_PATH, None).await
            {
                stream.send(&resume(A, EDS, &names, &has));
                while has.len() < names.len()
                    && let Ok(response) = stream.take().await
                {
                    has.extend(response.resources);
                }
            }
            relay.task.abort();
            if has.len() == names.len() {
                break;
            }
            // The next stream brings what is lacking, and nothing that is there.
            let client = Client::connect(server.address, None).await.unwrap();
            let mut stream = client.delta().await;
            stream.send(&resume(A, EDS, &names, &has));
            let lacking = names.len() - has.len();
            let mut brought = 0;
            while has.len() < names.len() {
                let response = stream.take().await.unwrap();
                brought += response.resources.len();
                has.extend(response.resources);
            }
            assert_eq!(brought, lacking, "cut after {bytes} bytes");
            *kept.entry(names.len() - lacking).or_insert(0) += 1;
            cuts += 1;
        }
        until("no stream is left behind", || server.hub.streams() == 0).await;
        println!("{cuts} cuts; resources that were there, and how often: {kept:?}");
        assert!(cuts > 50 && kept.len() > 1, "{cuts}: {kept:?}");
    });
}

#[test]
fn f25_x57_a_connection_that_is_only_half_open_is_given_up() {
    block_on(async {
        let limits = Limits {
            keepalive_interval: Duration::from_millis(100),
            keepalive_timeout: Duration::from_millis(500),
            ..Limits::default()
        };
        let server = Server::open(limits);
        put(&server.hub, 1, &[("virtual_node/a", Some(many(20)))]);
        // One whose answers are lost after some bytes, and one that lives.
        let relay = Relay::start(server.address, 300, Then::Silence).await;
        let lost = Client::connect(relay.address, None).await.unwrap();
        let lost = lost.call(meshctl::envoy::xds::DELTA_PATH, None).await.unwrap();
        lost.send(&delta(A, EDS, &["e0", "e1", "e2", "e3", "e4", "e5", "e6", "e7", "e8", "e9"]));
        let client = Client::connect(server.address, None).await.unwrap();
        let mut lives = client.delta().await;
        lives.send(&delta(A, EDS, &["e0"]));
        lives.take().await.unwrap();
        until("both are there", || server.hub.streams() == 2).await;
        until("the silent one is given up", || server.hub.streams() == 1).await;
        let other = config("virtual_node/a", [endpoints("e0", 2)]);
        put(&server.hub, 2, &[("virtual_node/a", Some(other))]);
        assert_eq!(lives.take().await.unwrap().resources.len(), 1);
        relay.task.abort();
    });
}

#[test]
fn f23_x55_who_does_not_read_holds_little_and_gets_the_newest_at_last() {
    const CHANGES: u64 = 400;
    block_on(async {
        let server = Server::open(Limits::default());
        let large = |mark: u64| {
            let own = (0..8).map(|n| endpoints(&format!("e{n}{}", "x".repeat(400)), mark as usize));
            Some(config("virtual_node/a", own))
        };
        put(&server.hub, 1, &[("virtual_node/a", large(1))]);
        let names: Vec<String> = (0..8).map(|n| format!("e{n}{}", "x".repeat(400))).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let client = Client::connect(server.address, None).await.unwrap();
        let mut reads = client.delta().await;
        reads.send(&delta(A, EDS, &names));
        reads.take().await.unwrap();
        // A connection of its own, whose client answers nothing.
        let other = Client::connect(server.address, None).await.unwrap();
        let mut sleeps = other.delta().await;
        sleeps.send(&delta(A, EDS, &names));
        until("it was sent the first", || server.hub.counts().responses == 2).await;
        for mark in 2..=CHANGES {
            put(&server.hub, mark, &[("virtual_node/a", large(mark))]);
            assert_eq!(reads.take().await.unwrap().resources.len(), 8);
        }
        let sent = server.hub.counts().responses - CHANGES;
        println!("{sent} responses for who did not read, {CHANGES} for who did");
        assert!(sent <= Limits::default().flights as u64, "{sent}");
        // It wakes up, and ends with the newest.
        let newest = endpoints(names[0], CHANGES as usize).version.clone();
        loop {
            let response = sleeps.next().await.unwrap();
            sleeps.send(&ack(&response));
            if response.resources.iter().any(|(name, v)| name == names[0] && *v == newest) {
                break;
            }
        }
        until("all have everything", || {
            let report = server.hub.report("m");
            report.values().flatten().all(|i| i.progress.lacks.is_empty())
        })
        .await;
        let all = server.hub.counts().responses - CHANGES;
        assert!(all < CHANGES, "{all}: states between were left out");
    });
}

#[test]
fn f26_without_more_files_new_proxies_are_refused_and_everything_else_goes_on() {
    const FILES: usize = 160;
    let sandbox = Sandbox::with_mesh(&mesh(1));
    let meshctl = sandbox.command(&SERVE);
    let mut command = Command::new("sh");
    let script = format!("ulimit -n {FILES}; exec \"$0\" \"$@\"");
    command.args(["-c", &script]).arg(meshctl.get_program()).args(meshctl.get_args());
    command.current_dir(sandbox.path());
    let server = Serve::run(command).unwrap();
    sandbox.write("meshctl.toml", target(&server));
    sandbox.run(&["apply", "--yes"]).exits(0);
    let xds: SocketAddr = server.xds.parse().unwrap();
    block_on(async {
        let mut open = Vec::new();
        let mut refused = 0;
        for n in 0..2 * FILES {
            let Ok(client) = Client::connect(xds, None).await else {
                refused += 1;
                continue;
            };
            let Ok(mut stream) = client.call(meshctl::envoy::xds::DELTA_PATH, None).await else {
                refused += 1;
                continue;
            };
            stream.send(&delta(&format!("mesh/m/virtual_node/cart-v1/{n}"), CDS, &[]));
            match stream.take().await {
                Ok(response) if !response.resources.is_empty() => open.push((client, stream)),
                _ => refused += 1,
            }
        }
        println!("{} let in, {refused} refused, of {FILES} files", open.len());
        assert!(open.len() >= FILES / 2 && refused >= FILES, "{}, {refused}", open.len());
        // Operators are let in, and those that are connected are told.
        assert_eq!(figure(&server.admin, "meshctl_envoys_connected"), open.len() as u64);
        sandbox.write("mesh.toml", mesh(2));
        // It is committed; the simulated proxies do not take all that they are to have.
        let ran = sandbox.run(&["apply", "--yes"]).exits(7);
        assert!(ran.stderr.contains("revision 2 is committed"), "{}", ran.all());
        assert_eq!(figure(&server.admin, "meshctl_envoys_connected"), open.len() as u64);
        // Who leaves makes room.
        open.truncate(10);
        until("ten are left", || figure(&server.admin, "meshctl_envoys_connected") == 10).await;
        let client = Client::connect(xds, None).await.unwrap();
        let mut stream = client.delta().await;
        stream.send(&delta("mesh/m/virtual_node/cart-v1/new", CDS, &[]));
        assert!(!stream.take().await.unwrap().resources.is_empty());
    });
}
