//! A load of simulated proxies on the xDS server: first sync, changes, a herd that comes back,
//! proxies that stop reading.
//!
//! `cargo bench --bench xds [-- CLIENTS SERVICES NAMES]`; by default 100 clients, a view of 1,000
//! services, and every one asked for; with fewer names each client asks for some of its own, so that
//! a change reaches a few. The server is a process of its own, whose processor time and
//! memory are told; the clients share the machine with it. Machines differ: compare lines of one
//! run, and counts between machines.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark stops at the first surprise, and prints its table"
)]

#[path = "../tests/it/support/xds_client.rs"]
#[allow(dead_code, reason = "tests use more of it")]
mod xds_client;

use meshctl::envoy::{ProxyConfig, Resource, ResourceType, Side};
use meshctl::revision::StepId;
use meshctl::serve::grpc::Xds;
use meshctl::serve::hub::{Counts, Hub};
use meshctl::serve::identity::Loopback;
use meshctl::serve::limits::Limits;
use meshctl::serve::listen::{self, Stop};
use meshctl::serve::places::Places;
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};
use xds_client::{Client, ack, delta, resume};

/// As in the binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const CDS: &str = ResourceType::Cluster.type_url();
const EDS: &str = ResourceType::ClusterLoadAssignment.type_url();
const CHANGES: usize = 50;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    if let [one, services] = args.as_slice()
        && one == "do-serve"
    {
        serve(services.parse().unwrap());
        return;
    }
    let number = |at: usize, default: usize| {
        args.get(at).and_then(|arg| arg.parse().ok()).unwrap_or(default)
    };
    let (clients, services) = (number(0, 100), number(1, 1_000));
    let names = number(2, services).min(services);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(load(clients, services, names));
}

// The server.

fn resource(kind: ResourceType, name: &str, json: &str) -> Arc<Resource> {
    let message = envoy_api::any_from_json(&serde_json::from_str(json).unwrap()).unwrap();
    let mut version = envoy_api::wire_hash(&message);
    version.truncate(16);
    let (name, side) = (name.to_owned(), Side::Egress);
    Arc::new(Resource { kind, name, side, message, version, origins: Vec::new() })
}

fn name(service: usize) -> String {
    format!("cds_egress_big_service-{service:05}_http_8080")
}

fn cluster(service: usize) -> Arc<Resource> {
    let name = name(service);
    let json = format!(
        r#"{{"@type": "{CDS}", "name": "{name}", "type": "EDS", "connect_timeout": "1s",
        "eds_cluster_config": {{"eds_config": {{"ads": {{}}, "resource_api_version": "V3"}}}}}}"#
    );
    resource(ResourceType::Cluster, &name, &json)
}

/// Ten endpoints, whose port tells one content from another.
fn endpoints(service: usize, mark: usize) -> Arc<Resource> {
    let name = name(service);
    let one = |n: usize| {
        let ip = format!("10.{}.{}.{n}", service / 250, service % 250);
        let port = 8_000 + mark % 50_000;
        format!(
            r#"{{"endpoint": {{"address": {{"socket_address": {{"address": "{ip}", "port_value": {port}}}}}}}}}"#
        )
    };
    let all: Vec<String> = (1..=10).map(one).collect();
    let json = format!(
        r#"{{"@type": "{EDS}", "cluster_name": "{name}", "endpoints": [{{"lb_endpoints": [{}]}}]}}"#,
        all.join(",")
    );
    resource(ResourceType::ClusterLoadAssignment, &name, &json)
}

/// Serves, and does what it is told by lines: `one N`, `all N`, `look`. Each is answered by what was
/// counted until then.
fn serve(services: usize) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let hub = Hub::new(Limits::default());
        let mut config = ProxyConfig {
            proxy: "virtual_node/n".parse().unwrap(),
            resources: (0..services)
                .flat_map(|n| [cluster(n), endpoints(n, 0)])
                .map(|r| ((r.kind, r.name.clone()), r))
                .collect(),
        };
        let mut number = 0;
        let mut put = |config: &ProxyConfig| {
            number += 1;
            let step = StepId { revision: number, number: 1 };
            let id = config.proxy.clone();
            hub.put("big", step, BTreeMap::from([(id, Some(Arc::new(config.clone())))]));
        };
        put(&config);
        let listener = listen::bind(([127, 0, 0, 1], 0).into()).unwrap();
        println!("{}", listener.local_addr().unwrap());
        let xds = Xds::new(hub.clone(), Arc::new(Loopback));
        let (_stopper, stop) = Stop::new();
        let serve = move |connection, stop| xds.clone().serve(connection, stop);
        let within = (Duration::from_secs(10), Duration::from_secs(10));
        let places = Places::new(hub.limits());
        tokio::spawn(listen::accept(listener, None, places, within, stop, serve));
        let (sender, mut lines) = mpsc::unbounded_channel();
        std::thread::spawn(move || {
            for line in std::io::stdin().lines() {
                if sender.send(line.unwrap()).is_err() {
                    break;
                }
            }
        });
        while let Some(line) = lines.recv().await {
            let (what, mark) = line.split_once(' ').unwrap_or((&line, "0"));
            let mark: usize = mark.parse().unwrap();
            let mut change = |service: usize| {
                let one = endpoints(service, mark);
                config.resources.insert((one.kind, one.name.clone()), one);
            };
            match what {
                "one" => change(0),
                "all" => (0..services).for_each(change),
                _ => {}
            }
            if what != "look" {
                put(&config);
            }
            let Counts { encodes, visits, told, wakes, responses, resources, bytes, .. } =
                hub.counts();
            println!("{encodes} {visits} {told} {wakes} {responses} {resources} {bytes}");
        }
    });
}

/// The server's process, as the clients' sees it.
struct Server {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    address: SocketAddr,
}

impl Server {
    fn start(services: usize) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["do-serve", &services.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = child.stdin.take().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        Self { child, input, output, address: line.trim().parse().unwrap() }
    }

    /// Has it do something; returns what it has counted: encodes, visits, told, wakes, responses,
    /// resources, bytes.
    fn tell(&mut self, line: &str) -> Vec<u64> {
        writeln!(self.input, "{line}").unwrap();
        let mut answer = String::new();
        self.output.read_line(&mut answer).unwrap();
        answer.split_whitespace().map(|number| number.parse().unwrap()).collect()
    }

    /// Processor time so far, in milliseconds; the system counts in steps of 10.
    fn cpu(&self) -> f64 {
        let text = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let fields: Vec<&str> = text.rsplit(')').next().unwrap().split_whitespace().collect();
        let ticks: f64 = fields[11..13].iter().map(|ticks| ticks.parse::<f64>().unwrap()).sum();
        ticks * 10.0
    }

    /// A line of its memory, in MB: `VmRSS` now, `VmHWM` at most.
    fn memory(&self, line: &str) -> f64 {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = text.lines().find_map(|l| l.strip_prefix(line)).unwrap();
        line.trim_matches([':', ' ', '\t', 'k', 'B']).trim().parse::<f64>().unwrap() / 1024.0
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

// The clients.

/// What clients tell: who received how many endpoints, and when.
type Received = (usize, usize, Instant);

/// The services whose endpoints a client asks for.
fn wanted(client: usize, services: usize, names: usize) -> impl Iterator<Item = usize> {
    (0..names).map(move |n| (client * names + n) % services)
}

struct Fleet {
    tasks: Vec<tokio::task::JoinHandle<BTreeMap<String, String>>>,
    received: mpsc::UnboundedReceiver<Received>,
    stop: watch::Sender<bool>,
    asleep: Arc<AtomicBool>,
    synced: Arc<AtomicUsize>,
}

impl Fleet {
    /// Connects clients that ask for all clusters, and for the endpoints of some names.
    fn start(
        to: SocketAddr,
        clients: usize,
        (services, names): (usize, usize),
        had: Option<&BTreeMap<String, String>>,
    ) -> Self {
        let (sender, received) = mpsc::unbounded_channel();
        let (stop, stopped) = watch::channel(false);
        let (asleep, synced) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
        let all: Arc<Vec<String>> = Arc::new((0..services).map(name).collect());
        let had = Arc::new(had.cloned().unwrap_or_default());
        let tasks = (0..clients)
            .map(|id| {
                let (sender, mut stopped) = (sender.clone(), stopped.clone());
                let (all, had) = (all.clone(), had.clone());
                let (asleep, synced) = (asleep.clone(), synced.clone());
                // One in a hundred stops reading when told to.
                let sleeps = id % 100 == 0;
                tokio::spawn(async move {
                    let client = Client::connect(to, None).await.unwrap();
                    let mut stream = client.delta().await;
                    let node = format!("mesh/big/virtual_node/n/{id}");
                    let of = |kind: &str| -> BTreeMap<String, String> {
                        let own = had.iter().filter_map(|(k, v)| Some((k.strip_prefix(kind)?, v)));
                        own.map(|(k, v)| (k.to_owned(), v.clone())).collect()
                    };
                    let own = wanted(id, services, names);
                    let names: Vec<&str> = own.map(|service| all[service].as_str()).collect();
                    stream.send(&resume(&node, CDS, &[], &of("cds ")));
                    stream.send(&resume(&node, EDS, &names, &of("eds ")));
                    // Tells when all that was sent before it has been answered.
                    stream.send(&delta("", "type.googleapis.com/meshctl.Bench", &["synced"]));
                    let mut has = (*had).clone();
                    let (mut eds, mut told) = (0, false);
                    loop {
                        while sleeps && asleep.load(Ordering::Relaxed) {
                            tokio::time::sleep(Duration::from_millis(20)).await;
                        }
                        let bytes = tokio::select! {
                            bytes = stream.next_bytes() => bytes.unwrap(),
                            _ = stopped.wait_for(|stop| *stop) => return has,
                        };
                        let now = Instant::now();
                        let response = meshctl::envoy::xds::Response::decode_delta(&bytes).unwrap();
                        stream.send(&ack(&response));
                        let kind = if response.type_url == CDS { "cds" } else { "eds" };
                        if kind == "eds" {
                            eds += response.resources.len();
                            let _ = sender.send((id, response.resources.len(), now));
                        }
                        for (name, version) in response.resources {
                            has.insert(format!("{kind} {name}"), version);
                        }
                        if !told && (eds >= names.len() || !had.is_empty()) {
                            told = true;
                            synced.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                })
            })
            .collect();
        Self { tasks, received, stop, asleep, synced }
    }

    async fn synced(&self, clients: usize) {
        while self.synced.load(Ordering::Relaxed) < clients {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Waits until some clients have received one change, and tells after how many milliseconds
    /// each did.
    async fn arrivals(&mut self, clients: usize, since: Instant) -> Vec<f64> {
        let mut all = Vec::with_capacity(clients);
        while all.len() < clients {
            let (id, count, at) = self.received.recv().await.unwrap();
            let is_asleep = self.asleep.load(Ordering::Relaxed) && id % 100 == 0;
            if count > 0 && !is_asleep {
                all.push((at - since).as_secs_f64() * 1e3);
            }
        }
        all
    }

    fn forget(&mut self) {
        while self.received.try_recv().is_ok() {}
    }

    /// Ends all clients; returns what the first of them has.
    async fn end(self) -> BTreeMap<String, String> {
        self.stop.send_replace(true);
        let mut first = None;
        for task in self.tasks {
            let has = task.await.unwrap();
            first.get_or_insert(has);
        }
        first.unwrap_or_default()
    }
}

fn percentile(sorted: &[f64], share: f64) -> f64 {
    sorted[((sorted.len() - 1) as f64 * share).round() as usize]
}

/// Connections that the kernel dropped because nobody accepted them in time.
fn overflows() -> u64 {
    let text = std::fs::read_to_string("/proc/net/netstat").unwrap();
    let mut lines = text.lines().filter(|line| line.starts_with("TcpExt:"));
    let (names, values) = (lines.next().unwrap(), lines.next().unwrap());
    let at = names.split_whitespace().position(|name| name == "ListenOverflows").unwrap();
    values.split_whitespace().nth(at).unwrap().parse().unwrap()
}

async fn load(clients: usize, services: usize, names: usize) {
    println!("{clients} clients, {services} services, {names} names each");
    let mut server = Server::start(services);
    server.tell("look");
    let idle = server.memory("VmRSS");
    println!("{:<44} {idle:>9.1} MB", "server before clients (P9)");
    let lost = overflows();

    let (cpu, start) = (server.cpu(), Instant::now());
    let mut fleet = Fleet::start(server.address, clients, (services, names), None);
    fleet.synced(clients).await;
    let wall = start.elapsed().as_secs_f64();
    println!(
        "{:<44} {wall:>9.2} s, {:.2} s processor, {:.0} MB at most, {} lost connections",
        "first sync (P5, P7)",
        (server.cpu() - cpu) / 1e3,
        server.memory("VmHWM"),
        overflows() - lost,
    );
    tokio::time::sleep(Duration::from_secs(1)).await;
    let each = (server.memory("VmRSS") - idle) * 1024.0 / clients as f64;
    println!("{:<44} {each:>9.0} KB", "memory of a stream (P9)");

    let mut mark = 0;
    // Those who ask for the endpoints that change.
    let told = |id: &usize| wanted(*id, services, names).any(|service| service == 0);
    let reached = (0..clients).filter(told).count();
    println!("{:<44} {reached:>9} clients", "a change of endpoints reaches");
    let awake = changes(&mut server, &mut fleet, reached, &mut mark).await;
    print_changes("one change (P1..P4)", &awake);

    let (cpu, start) = (server.cpu(), Instant::now());
    fleet.forget();
    mark += 1;
    server.tell(&format!("all {mark}"));
    let mut left = clients * names;
    while left > 0 {
        left = left.saturating_sub(fleet.received.recv().await.unwrap().1);
    }
    println!(
        "{:<44} {:>9.2} s, {:.2} s processor",
        "all endpoints change",
        start.elapsed().as_secs_f64(),
        (server.cpu() - cpu) / 1e3
    );

    if names == services && clients >= 100 {
        fleet.asleep.store(true, Ordering::Relaxed);
        let others = (0..clients).filter(|id| id % 100 != 0).filter(told).count();
        let asleep = changes(&mut server, &mut fleet, others, &mut mark).await;
        print_changes("one change, 1 % do not read (P17)", &asleep);
        fleet.asleep.store(false, Ordering::Relaxed);
    }

    if names < services {
        // Each client has something of its own, and none could say what another has.
        fleet.end().await;
        return;
    }
    // Let the last acknowledgements arrive.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let has = fleet.end().await;
    let before = server.tell("look");
    let (cpu, start, lost) = (server.cpu(), Instant::now(), overflows());
    let fleet = Fleet::start(server.address, clients, (services, names), Some(&has));
    fleet.synced(clients).await;
    let wall = start.elapsed().as_secs_f64();
    let after = server.tell("look");
    println!(
        "{:<44} {wall:>9.2} s, {:.2} s processor, {:.0} MB at most, {} resources, {} lost connections",
        "herd that has everything (P6, P7)",
        (server.cpu() - cpu) / 1e3,
        server.memory("VmHWM"),
        after[5] - before[5],
        overflows() - lost,
    );
    fleet.end().await;
}

/// What changes cost: processor time of the server, and the milliseconds until clients had it.
struct Cost {
    cpu: f64,
    arrivals: Vec<f64>,
    counts: Vec<u64>,
}

async fn changes(server: &mut Server, fleet: &mut Fleet, clients: usize, mark: &mut usize) -> Cost {
    fleet.forget();
    let (cpu, before) = (server.cpu(), server.tell("look"));
    let mut arrivals = Vec::new();
    for _ in 0..CHANGES {
        *mark += 1;
        let since = Instant::now();
        server.tell(&format!("one {mark}"));
        arrivals.extend(fleet.arrivals(clients, since).await);
    }
    arrivals.sort_by(f64::total_cmp);
    let after = server.tell("look");
    let counts = after.iter().zip(before).map(|(after, before)| after - before).collect();
    Cost { cpu: (server.cpu() - cpu) / CHANGES as f64, arrivals, counts }
}

fn print_changes(what: &str, cost: &Cost) {
    let each: Vec<f64> = cost.counts.iter().map(|n| *n as f64 / CHANGES as f64).collect();
    println!(
        "{what:<44} {:>9.1} ms processor, p50 {:.1} ms, p99 {:.1} ms",
        cost.cpu,
        percentile(&cost.arrivals, 0.5),
        percentile(&cost.arrivals, 0.99)
    );
    println!(
        "{:<44} {:>9.0} encodes, {:.0} visits, {:.0} told, {:.0} wakes, {:.0} responses, {:.0} bytes",
        "  counted, a change", each[0], each[1], each[2], each[3], each[4], each[6]
    );
}
