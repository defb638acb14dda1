//! What one identity may have the server hold, over real sockets: limits of single streams have no
//! product.

use crate::live_serve_apply::Serve;
use crate::serve_identity::{JOIN, WEB, started, token, trusting};
use crate::serve_settings::with;
use crate::serve_xds::EDS;
use crate::support::load::{figure, memory};
use crate::support::random_mesh::Chance;
use crate::support::sandbox::Sandbox;
use crate::support::xds_client::{Client, Status, Stream, delta, resume};
use meshctl::envoy::ResourceType;
use meshctl::envoy::xds::{Asks, DELTA_PATH, Request, Response, STATE_PATH};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::time::timeout;

const NODE: &str = "mesh/m/virtual_node/web";
const HELD: &str = "meshctl_xds_budgeted_bytes";
const BODIES: &str = "meshctl_admin_body_bytes";

/// A type that the server answers before all others: a request of it was taken in when its answer
/// is there.
const MARK: &str = "type.googleapis.com/mark";

/// Asks for these one after the other, as fast as they are taken in, and gives how the stream ended;
/// `None`: it lives. Most answers are not read.
async fn flood(mut stream: Stream, requests: impl Iterator<Item = Request>) -> Option<Status> {
    let taken = async |stream: &mut Stream| loop {
        let answer = Response::decode_delta(&stream.next_bytes().await?).unwrap();
        if answer.type_url == MARK {
            return Ok(());
        }
    };
    for request in requests {
        stream.send(&request);
        stream.send(&delta("", MARK, &["m"]));
        if let Err(status) = timeout(Duration::from_secs(30), taken(&mut stream)).await.ok()? {
            return Some(status);
        }
    }
    None
}

#[test]
fn names_of_one_identity_have_a_budget_over_all_of_its_streams() {
    let (server, sandbox, _block) = started("24h");
    sandbox.run(&["apply", "--yes"]).exits(0);
    token(&sandbox, "virtual_node/web");
    sandbox.run(&JOIN).exits(0);
    token(&sandbox, "virtual_node/cart-v1");
    let other =
        ["bootstrap", "virtual_node/cart-v1", "--identity", "id2", "--join-token", "@token"];
    sandbox.run(&other).exits(0);
    let tls = |folder: &str| trusting(&sandbox.join("hosts.pem"), &sandbox.join(folder));
    let (web, cart) = (tls("id"), tls("id2"));
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let honest = Client::connect(server.xds, Some(cart)).await.unwrap();
        let mut lives = honest.delta().await;
        lives.send(&delta("mesh/m/virtual_node/cart-v1", EDS, &["none"]));
        lives.take().await.unwrap();
        let before = memory(server.pid());
        let client = Client::connect(server.xds, Some(web)).await.unwrap();
        // 30,000 names of 500 bytes for each of five types.
        let mut floods = Vec::new();
        for n in 0..15 {
            let stream = client.delta().await;
            let requests = ResourceType::ALL.into_iter().flat_map(move |kind| {
                (0..16).map(move |part| {
                    let names: Vec<String> = (0..1_875)
                        .map(|name| format!("{n}-{part}-{name}-{}", "x".repeat(480)))
                        .map(|name| format!("{name:x<500}"))
                        .collect();
                    let names: Vec<&str> = names.iter().map(String::as_str).collect();
                    delta(WEB, kind.type_url(), &names)
                })
            });
            floods.push(tokio::spawn(flood(stream, requests)));
        }
        let (mut most, mut slowest) = (before, Duration::ZERO);
        while floods.iter().any(|flood| !flood.is_finished()) {
            most = most.max(memory(server.pid()));
            let since = Instant::now();
            lives.send(&delta("", EDS, &["none-of-this-name"]));
            assert_eq!(lives.take().await.unwrap().removed, ["none-of-this-name"]);
            slowest = slowest.max(since.elapsed());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        for flood in floods {
            let status = flood.await.unwrap().expect("the stream was ended");
            assert_eq!(status.code, 8, "{status:?}");
            assert!(status.message.contains("too many bytes of names on"), "{status:?}");
        }
        println!(
            "{before} MiB before, {most} MiB at most; the other waited for {slowest:?} at most"
        );
        assert!(most < before + 256, "{before} MiB before, {most} MiB at most");
        assert!(slowest < Duration::from_secs(5), "{slowest:?}");
        // What they held is free: the same identity is served.
        let mut again = client.delta().await;
        again.send(&delta(WEB, EDS, &["none"]));
        assert_eq!(again.take().await.unwrap().removed, ["none"]);
    });
}

/// Limits that a pattern reaches with little work.
const SMALL: [&str; 8] = [
    "stream-bytes=200KiB",
    "identity-bytes=512KiB",
    "identity-request-bytes=256KiB",
    "resume-bytes=128KiB",
    "request-time=1s",
    "body-bytes=64KiB",
    "caller-body-bytes=128KiB",
    "body-time=1s",
];

/// The bytes that all of it may have at most, as the documents say.
const NAMES: usize = (512 + 256) << 10;
const OF_BODIES: usize = 128 << 10;

/// A number from 0 to below the limit.
fn below(rng: &mut Chance, limit: usize) -> usize {
    rng.below(limit as u64) as usize
}

/// A request of random names, within what one request may have.
fn request(rng: &mut Chance) -> Request {
    let types = ResourceType::ALL.map(|kind| kind.type_url().to_owned());
    let url = match rng.below(4) {
        0 => format!("type.googleapis.com/x.{}", rng.below(10)),
        _ => types[below(rng, types.len())].clone(),
    };
    let length = 1 + below(rng, 500);
    let count = 1 + below(rng, (100 << 10) / (length + 8)).min(3_000);
    let run = rng.below(1_000_000);
    let names: Vec<String> = (0..count).map(|n| format!("{run}-{n}-{:x<length$}", "")).collect();
    let names: Vec<&str> = names.iter().map(|name| &name[..name.len().min(510)]).collect();
    match rng.below(5) {
        0 => resume(NODE, &url, &[], &names.iter().map(|n| (n.to_string(), "v".into())).collect()),
        1 => Request {
            asks: Asks::Delta {
                subscribe: vec!["*".to_owned()],
                unsubscribe: names.iter().map(ToString::to_string).collect(),
                initial: Vec::new(),
            },
            ..delta(NODE, &url, &[])
        },
        _ => delta(NODE, &url, &names),
    }
}

/// A stream of random requests, some of which never end, and whose answers are read or not.
async fn stream(client: Client, mut rng: Chance, over: Arc<AtomicBool>) {
    let state = rng.below(4) == 0;
    let path = if state { STATE_PATH } else { DELTA_PATH };
    let Ok(mut stream) = client.call(path, None).await else { return };
    let reads = rng.below(2) == 0;
    for _ in 0..1 + rng.below(5) {
        let mut request = request(&mut rng);
        if state && let Asks::Delta { subscribe, .. } = request.asks {
            request.asks = Asks::State { names: subscribe };
        }
        if rng.below(8) == 0 {
            // It says that it is long, and does not end.
            let says = u32::try_from(rng.below(128 << 10)).unwrap();
            stream.send_frame(&[&[0][..], &says.to_be_bytes(), &[0x1a, 1, b'x']].concat());
            break;
        }
        stream.send(&request);
        let wait = Duration::from_millis(rng.below(20));
        if let Ok(Err(_)) = timeout(wait, stream.next_bytes()).await {
            return;
        }
    }
    while !over.load(Ordering::Relaxed) {
        let step = Duration::from_millis(20);
        match reads {
            true => {
                if let Ok(Err(_)) = timeout(step, stream.next_bytes()).await {
                    return;
                }
            }
            false => tokio::time::sleep(step).await,
        }
    }
}

/// A body of a random length that may not end, or a registration, which is rejected or kept.
fn admin(address: SocketAddr, bearer: &str, rng: &mut Chance) -> Option<TcpStream> {
    let (method, path, body) = match rng.below(3) {
        0 => {
            let mesh = if rng.below(2) == 0 { "m".to_owned() } else { rng.below(99).to_string() };
            let path = format!("/v1/meshes/{mesh}/registry/n/s/instances/{}", rng.below(1 << 20));
            let attributes: Vec<String> =
                (0..rng.below(30)).map(|n| format!("\"a{n}\":\"{}\"", "v".repeat(1_000))).collect();
            let attributes = attributes.join(",");
            let body = format!(
                "{{\"address\":\"127.0.0.1\",\"port\":80,\"ttl_ms\":1000,\"attributes\":{{{attributes}}}}}"
            );
            ("PUT", path, body.into_bytes())
        }
        _ => ("POST", "/v1/meshes/m/objects".to_owned(), vec![b' '; below(rng, 100 << 10)]),
    };
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream.set_write_timeout(Some(Duration::from_secs(10))).unwrap();
    let more = if rng.below(2) == 0 { 1 } else { 0 };
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {bearer}\r\n\
         connection: close\r\ncontent-length: {}\r\n\r\n",
        body.len() + more
    );
    // What is beyond the budget is ended before all is sent.
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
    if more == 0 {
        let _ = stream.read_to_end(&mut Vec::new());
    }
    Some(stream)
}

/// What random patterns of abuse had the server count at most, of names and of bodies. They end when
/// that is enough.
fn abuse(server: &Serve, sandbox: &Sandbox, seeds: Range<u64>, enough: usize) -> (usize, usize) {
    let secret = std::fs::read_to_string(sandbox.join("data/operator.token")).unwrap();
    let xds: SocketAddr = server.xds.parse().unwrap();
    let address: SocketAddr = server.admin.parse().unwrap();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let most = Arc::new((AtomicUsize::new(0), AtomicUsize::new(0)));
    let look = || {
        let figures = (figure(&server.admin, HELD), figure(&server.admin, BODIES));
        most.0.fetch_max(figures.0 as usize, Ordering::Relaxed);
        most.1.fetch_max(figures.1 as usize, Ordering::Relaxed);
        figures
    };
    for seed in seeds {
        if most.0.load(Ordering::Relaxed) >= enough {
            break;
        }
        let mut rng = Chance::new(seed);
        let over = Arc::new(AtomicBool::new(false));
        let mut streams = Vec::new();
        for _ in 0..1 + rng.below(3) {
            let Ok(client) = runtime.block_on(Client::connect(xds, None)) else { continue };
            for _ in 0..1 + rng.below(5) {
                let rng = Chance::new(rng.below(1 << 31));
                streams.push(runtime.spawn(stream(client.clone(), rng, over.clone())));
            }
        }
        let mut bodies = Vec::new();
        for _ in 0..rng.below(6) {
            bodies.push(admin(address, secret.trim(), &mut rng));
            look();
        }
        let until = Instant::now() + Duration::from_millis(20);
        while Instant::now() < until {
            look();
        }
        over.store(true, Ordering::Relaxed);
        runtime.block_on(async {
            for stream in streams {
                stream.await.unwrap();
            }
        });
        drop(bodies);
        let end = Instant::now() + Duration::from_secs(20);
        while look() != (0, 0) {
            assert!(Instant::now() < end, "seed {seed}: {:?} are not free", look());
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    (most.0.load(Ordering::Relaxed), most.1.load(Ordering::Relaxed))
}

#[test]
fn a_hundred_patterns_of_abuse_by_one_identity_stay_within_its_budget() {
    let (sandbox, server) = with(&SMALL);
    // What is allocated once, whatever is asked for.
    abuse(&server, &sandbox, 1_000..1_005, usize::MAX);
    let before = memory(server.pid());
    let (names, bodies) = abuse(&server, &sandbox, 0..100, usize::MAX);
    let after = memory(server.pid());
    println!(
        "at most {names} bytes of names and requests, {bodies} of bodies; {before} MiB before, \
         {after} MiB after"
    );
    assert!(names <= NAMES, "{names} bytes");
    assert!(bodies <= OF_BODIES, "{bodies} bytes");
    assert!(after < before + 48, "{before} MiB before, {after} MiB after");
    // They are abuse: without these budgets they hold more.
    let free = |limit: &&str| !limit.contains("identity") && !limit.contains("stream");
    let others: Vec<&str> = SMALL.into_iter().filter(free).collect();
    let (sandbox, server) = with(&others);
    let (unbounded, _) = abuse(&server, &sandbox, 0..30, NAMES + 1);
    assert!(unbounded > NAMES, "{unbounded} bytes: the patterns are harmless");
}
