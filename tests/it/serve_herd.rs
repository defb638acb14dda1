//! Thousands of proxies that connect at once, come back at once, and keep coming and going (P7,
//! F22), and as many as there are files for (F26). With `MESHCTL_FULL=1` there are 5,000.

use crate::serve_xds::{A, EDS, block_on, config, endpoints, put, until};
use crate::support::served::Server;
use crate::support::tier::numbers;
use crate::support::xds_client::{Client, Status, Stream, ack, delta, resume};
use meshctl::envoy::xds::Response;
use meshctl::serve::limits::Limits;
use rustix::process::{Resource, getrlimit, setrlimit};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// How many names each proxy asks for.
const NAMES: usize = 20;

/// Lets the process open as many files as it may at all.
pub(crate) fn raise_limit() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).unwrap();
}

fn name(n: usize) -> String {
    format!("e{n}")
}

fn change(server: &Server, number: u64) {
    let mark = |n| if n == 0 { usize::try_from(number).unwrap() } else { 0 };
    let all = (0..NAMES).map(|n| endpoints(&name(n), mark(n)));
    put(&server.hub, number, &[("virtual_node/a", Some(config("virtual_node/a", all)))]);
}

/// Connects and asks for everything, having what it says; gives the stream when it is answered.
async fn connect(
    to: SocketAddr,
    id: usize,
    had: &BTreeMap<String, String>,
) -> Result<(Client, Stream), Status> {
    let refused = |error: std::io::Error| Status { code: 14, message: error.to_string() };
    let client = Client::connect(to, None).await.map_err(refused)?;
    let mut stream = client.call(meshctl::envoy::xds::DELTA_PATH, None).await?;
    let names: Vec<String> = (0..NAMES).map(name).chain(["none".to_owned()]).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    stream.send(&resume(&format!("{A}/{id}"), EDS, &names, had));
    // They fit into one response, and what there is not is told with it.
    let response = stream.take().await?;
    assert_eq!(response.removed, ["none"]);
    Ok((client, stream))
}

/// All of them at once; fails unless every one is served.
async fn herd(
    to: SocketAddr,
    count: usize,
    had: &Arc<BTreeMap<String, String>>,
) -> Vec<(Client, Stream)> {
    let tasks: Vec<_> = (0..count)
        .map(|id| {
            let had = had.clone();
            tokio::spawn(async move { connect(to, id, &had).await })
        })
        .collect();
    let mut open = Vec::with_capacity(count);
    for task in tasks {
        open.push(task.await.unwrap().unwrap_or_else(|status| panic!("{status:?}")));
    }
    open
}

/// Connections of this network that the kernel dropped because nobody accepted them in time.
fn overflows() -> u64 {
    let text = std::fs::read_to_string("/proc/net/netstat").unwrap_or_default();
    let mut lines = text.lines().filter(|line| line.starts_with("TcpExt:"));
    let (Some(names), Some(values)) = (lines.next(), lines.next()) else { return 0 };
    let at = names.split_whitespace().position(|name| name == "ListenOverflows");
    at.and_then(|at| values.split_whitespace().nth(at)?.parse().ok()).unwrap_or(0)
}

#[test]
fn p7_f22_a_herd_is_let_in_and_one_that_flaps_starves_no_change() {
    raise_limit();
    let (count, changes) = numbers((200, 10), (5_000, 20));
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        // Clients share the machine, and a debug build is slow; what is proven needs no haste.
        let patient = Duration::from_secs(120);
        // All come from one address.
        let limits = Limits {
            first_request: patient,
            handshake: patient,
            strangers: count,
            strangers_per_address: count,
            ..Limits::default()
        };
        let server = Server::open(limits);
        let to = server.address;
        change(&server, 1);
        let lost = overflows();

        let since = Instant::now();
        let open = herd(to, count, &Arc::default()).await;
        let first = since.elapsed();
        assert_eq!(server.hub.streams(), count);
        let counts = server.hub.counts();
        assert_eq!(counts.resources, (count * NAMES) as u64);
        assert_eq!(counts.encodes, NAMES as u64, "once for all");
        let mut versions = BTreeMap::new();
        for n in 0..NAMES {
            let mark = usize::from(n == 0);
            versions.insert(name(n), endpoints(&name(n), mark).version.clone());
        }
        drop(open);
        until("all have left", || server.hub.streams() == 0).await;

        // All come back at once, and have everything.
        let had = Arc::new(versions);
        let since = Instant::now();
        let mut steady = herd(to, count, &had).await;
        let again = since.elapsed();
        assert_eq!(server.hub.counts().resources, counts.resources, "nothing is sent twice");
        let lost = overflows() - lost;
        println!("{count} at once: {first:?}, again: {again:?}, {lost} lost connections");
        steady.truncate(10);
        until("ten are left", || server.hub.streams() == 10).await;

        // The others keep coming and going while the mesh changes.
        let (stop, flaps, full) =
            (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default(), AtomicUsize::new(0));
        let full = Arc::new(full);
        let flapping: Vec<_> = (10..count)
            .map(|id| {
                let (stop, flaps, full, had) =
                    (stop.clone(), flaps.clone(), full.clone(), had.clone());
                tokio::spawn(async move {
                    while !stop.load(Ordering::Relaxed) {
                        match connect(to, id, &had).await {
                            Ok(_) => drop(flaps.fetch_add(1, Ordering::Relaxed)),
                            // The rate of new streams has its limit: it says so, and is asked again.
                            Err(status) => {
                                assert_eq!(status.code, 8, "{status:?}");
                                full.fetch_add(1, Ordering::Relaxed);
                                tokio::time::sleep(Duration::from_millis(100)).await;
                            }
                        }
                    }
                })
            })
            .collect();
        let mut took = Vec::new();
        for number in 2..changes + 2 {
            let before = flaps.load(Ordering::Relaxed);
            let since = Instant::now();
            change(&server, number);
            for (_, stream) in &mut steady {
                let response = stream.take().await.unwrap();
                assert_eq!(response.resources.len(), 1);
            }
            took.push(since.elapsed());
            until("the herd flaps", || flaps.load(Ordering::Relaxed) > before).await;
        }
        stop.store(true, Ordering::Relaxed);
        for task in flapping {
            task.await.unwrap();
        }
        until("the flapping ones have left", || server.hub.streams() == 10).await;
        took.sort();
        let (half, most) = (took[took.len() / 2], took[took.len() - 1]);
        println!(
            "{changes} changes while {} streams came and went ({} had to wait for their turn): \
             p50 {half:?}, at most {most:?}",
            flaps.load(Ordering::Relaxed),
            full.load(Ordering::Relaxed),
        );
        assert_eq!(server.hub.counts().panics, 0);
    });
}

#[test]
fn p18_what_comes_and_goes_leaves_nothing_behind() {
    let (changes, visits) = numbers((2_000, 200), (1_000_000, 100_000));
    block_on(async {
        let server = Server::open(Limits { new_streams_per_second: 0, ..Limits::default() });
        change(&server, 1);
        let (client, mut stays) = connect(server.address, 0, &BTreeMap::new()).await.unwrap();
        // What it has may stay as it is for long.
        let reader = tokio::spawn(async move {
            while let Ok(bytes) = stays.next_bytes().await {
                stays.send(&ack(&Response::decode_delta(&bytes).unwrap()));
            }
        });
        let base = server.hub.holds();
        let mut most = 0;
        for number in 2..changes + 2 {
            // A new name each time, and a node that was never there before.
            let own = [endpoints("e0", 0), endpoints(&format!("of-{number}"), 1)];
            let (comes, goes) = (format!("virtual_node/b{number}"), number - 1);
            put(
                &server.hub,
                number,
                &[
                    ("virtual_node/a", Some(config("virtual_node/a", own))),
                    (&comes, Some(config(&comes, []))),
                    (&format!("virtual_node/b{goes}"), None),
                ],
            );
            if number % (changes / visits) == 0 {
                // One comes that asks for what is there now, and for a mesh that is not.
                let client = Client::connect(server.address, None).await.unwrap();
                let mut known = client.delta().await;
                known.send(&delta(A, EDS, &[&format!("of-{number}"), "e0"]));
                assert_eq!(known.take().await.unwrap().resources.len(), 2);
                let foreign = client.delta().await;
                foreign.send(&delta(&format!("mesh/of-{number}/virtual_node/a"), EDS, &["x"]));
                until("both are there", || server.hub.streams() == 3).await;
            }
            until("those that left are gone", || server.hub.streams() <= 3).await;
            most = most.max(server.hub.holds().names);
        }
        let last = changes + 2;
        change(&server, last);
        put(&server.hub, last + 1, &[(&format!("virtual_node/b{}", last - 1), None)]);
        until("only one stream is left, and what it needs", || {
            let now = server.hub.holds();
            server.hub.streams() == 1 && (now.meshes, now.proxies) == (base.meshes, base.proxies)
        })
        .await;
        until("it has everything", || {
            let report = server.hub.report("m");
            report.values().flatten().all(|i| i.progress.lacks.is_empty())
        })
        .await;
        let after = server.hub.holds();
        println!(
            "{changes} changes, {visits} visits: {base:?} before, {after:?} after, {most} names at most"
        );
        assert!(most <= 4 * 64 + 2 * NAMES, "{most} names");
        assert!(after.contents <= 2_048, "{after:?}");
        reader.abort();
        drop(client);
    });
}
