//! The limits of what a peer may ask, at the limit, one beyond it, and a hundred times (S5).

use crate::directory::mesh;
use crate::live_serve_apply::Serve;
use crate::serve_faults::{SERVE, target};
use crate::serve_xds::{A, EDS, block_on, config, endpoints, put, until};
use crate::support::load::memory;
use crate::support::sandbox::Sandbox;
use crate::support::served::Server;
use crate::support::xds_client::resume;
use crate::support::xds_client::{Client, Stream, delta};
use meshctl::envoy::xds::{Asks, DELTA_PATH, Request, STATE_PATH};
use meshctl::envoy::{ProxyId, ResourceType};
use meshctl::serve::hub::Hub;
use meshctl::serve::identity::{Credentials, Identify, Identity, Loopback, Unknown};
use meshctl::serve::limits::Limits;
use meshctl::serve::listen::{Clients, Tls, TlsPem};
use std::sync::Arc;
use std::time::{Duration, Instant};

fn one(server: &Server) {
    put(&server.hub, 1, &[("virtual_node/a", Some(config("virtual_node/a", [endpoints("e", 1)])))]);
}

async fn ask(client: &Client) -> Option<Stream> {
    let mut stream = client.call(DELTA_PATH, None).await.ok()?;
    stream.send(&delta(A, EDS, &["e"]));
    stream.take().await.ok()?;
    Some(stream)
}

#[test]
fn s5_headers_beyond_their_limit_are_refused() {
    block_on(async {
        let server = Server::open(Limits { header_bytes: 4 << 10, ..Limits::default() });
        one(&server);
        for (bytes, passes) in [(3_500, true), (4 << 10, false), (400 << 10, false)] {
            let client = Client::connect(server.address, None).await.unwrap();
            let token = "x".repeat(bytes);
            let mut served = false;
            if let Ok(mut stream) = client.call(DELTA_PATH, Some(&token)).await {
                stream.send(&delta(A, EDS, &["e"]));
                served = stream.take().await.is_ok();
            }
            assert_eq!(served, passes, "{bytes} bytes");
        }
        let client = Client::connect(server.address, None).await.unwrap();
        assert!(ask(&client).await.is_some(), "others are served");
    });
}

#[test]
fn s5_streams_of_a_connection_beyond_their_limit_wait() {
    block_on(async {
        let server = Server::open(Limits { streams_per_connection: 3, ..Limits::default() });
        one(&server);
        let client = Client::connect(server.address, None).await.unwrap();
        // The first tells the client its limit.
        let mut open = vec![ask(&client).await.unwrap()];
        open.push(ask(&client).await.unwrap());
        open.push(ask(&client).await.unwrap());
        let waiting: Vec<_> = (0..300)
            .map(|_| {
                let client = client.clone();
                tokio::spawn(async move { ask(&client).await.is_some() })
            })
            .collect();
        let other = Client::connect(server.address, None).await.unwrap();
        let kept = ask(&other).await.unwrap();
        assert_eq!(server.hub.streams(), 4, "three, and one of another connection");
        assert!(waiting.iter().all(|task| !task.is_finished()));
        // Each that ends lets another in.
        open.clear();
        for task in waiting {
            assert!(task.await.unwrap());
        }
        drop(kept);
        until("all have ended", || server.hub.streams() == 0).await;
    });
}

#[test]
fn s5_requests_beyond_their_rate_wait_and_others_are_served() {
    block_on(async {
        let rate = 2;
        let server = Server::open(Limits { requests_per_second: rate, ..Limits::default() });
        one(&server);
        let since = Instant::now();
        let client = Client::connect(server.address, None).await.unwrap();
        let flood = client.delta().await;
        for _ in 0..200 * rate {
            flood.send(&delta(A, EDS, &["e"]));
        }
        let other = Client::connect(server.address, None).await.unwrap();
        for _ in 0..5 {
            assert!(ask(&other).await.is_some());
        }
        let burst = 10 * u64::from(rate);
        let over_time = since.elapsed().as_secs_f64() * f64::from(rate);
        let read = server.hub.counts().requests;
        // Those of the others are an asking and an acknowledgement each.
        assert!(read <= burst + over_time.ceil() as u64 + 1 + 10, "{read} requests were read");
    });
}

#[test]
fn s5_connections_beyond_their_number_are_closed() {
    block_on(async {
        let server = Server::open(Limits { connections: 4, ..Limits::default() });
        one(&server);
        let mut open = Vec::new();
        for _ in 0..4 {
            let client = Client::connect(server.address, None).await.unwrap();
            open.push((ask(&client).await.unwrap(), client));
        }
        for _ in 0..400 {
            if let Ok(client) = Client::connect(server.address, None).await {
                assert!(ask(&client).await.is_none());
            }
        }
        assert_eq!(server.hub.streams(), 4);
        open.pop();
        until("one has left", || server.hub.streams() == 3).await;
        loop {
            // Its connection counts until its end is seen.
            let client = Client::connect(server.address, None).await.unwrap();
            if ask(&client).await.is_some() {
                break;
            }
        }
    });
}

#[test]
fn s5_a_hundred_times_the_limits_takes_no_memory_and_harms_no_other() {
    let sandbox = Sandbox::with_mesh(&mesh(1));
    let server = Serve::run(sandbox.command(&SERVE)).unwrap();
    sandbox.write("meshctl.toml", target(&server));
    sandbox.run(&["apply", "--yes"]).exits(0);
    let node = "mesh/m/virtual_node/web";
    let cds = ResourceType::Cluster.type_url();
    block_on(async {
        let address = server.xds.parse().unwrap();
        let limits = Limits::default();
        let other = Client::connect(address, None).await.unwrap();
        let mut lives = other.delta().await;
        lives.send(&delta(node, cds, &[]));
        lives.take().await.unwrap();
        let before = memory(server.pid());
        let long = "x".repeat(100 * limits.name_bytes);
        let names: Vec<String> = (0..10 * limits.names).map(|n| n.to_string()).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let types: Vec<String> =
            (0..100 * limits.types).map(|n| format!("type.googleapis.com/x.{n}")).collect();
        let mut floods = vec![
            ("a long name", vec![delta(node, EDS, &[&long])]),
            ("a long node", vec![delta(&format!("{node}/{long}"), EDS, &[])]),
            ("many names", vec![delta(node, EDS, &names)]),
            ("a long type", vec![delta(node, &long, &[])]),
        ];
        let mut of_types = vec![delta(node, EDS, &[])];
        of_types.extend(types.iter().map(|url| delta("", url, &["n"])));
        floods.push(("many types", of_types));
        for (what, requests) in floods {
            let client = Client::connect(address, None).await.unwrap();
            let mut stream = client.delta().await;
            requests.iter().for_each(|request| stream.send(request));
            let ended = async { while stream.next().await.is_ok() {} };
            let ended = tokio::time::timeout(Duration::from_secs(30), ended).await;
            assert!(ended.is_ok(), "{what}: the stream was not ended");
            // The other stream is answered.
            lives.send(&delta("", EDS, &["none-of-this-name"]));
            assert_eq!(lives.take().await.unwrap().removed, ["none-of-this-name"], "{what}");
        }
        // A message that says it is 400 MiB long is refused before it has come.
        let client = Client::connect(address, None).await.unwrap();
        let mut stream = client.delta().await;
        stream.send_frame(&[&[0], &(400_u32 << 20).to_be_bytes()[..], &[0; 64]].concat());
        assert_eq!(stream.next().await.unwrap_err().code, 11);
        let after = memory(server.pid());
        println!("{before} MiB before, {after} MiB after");
        assert!(after < before + 128, "{before} MiB before, {after} MiB after");
    });
}

#[test]
fn a_resource_beyond_4_mib_is_refused_by_check_plan_apply_and_the_server() {
    let case = |name: &str| {
        let path = crate::support::root().join("tests/cases/check").join(name).join("mesh.toml");
        std::fs::read_to_string(path).unwrap()
    };
    let (large, too_large) = (case("MC1210-resource-large"), case("MC1209-resource-too-large"));
    let server = crate::serve::Server::with(1);
    let sandbox = server.project(1);
    // A warning is no refusal.
    sandbox.write("mesh.toml", &large);
    let ran = sandbox.run(&["apply", "--yes"]).exits(0);
    assert!(ran.stderr.contains("MC1210") && ran.stderr.contains("1.2 MiB"), "{}", ran.all());
    sandbox.write("mesh.toml", &too_large);
    for command in [&["check"][..], &["plan"], &["apply", "--yes"]] {
        let ran = sandbox.run(command).exits(3).all();
        for word in ["MC1209", "rds_egress_http_8080", "virtual_node/web", "mesh.toml:"] {
            assert!(ran.contains(word), "{command:?}: {word}: {ran}");
        }
    }
    // A client that does not look is refused by the server, and what is in force stays.
    let state = sandbox.run(&["get", "--format", "json"]).exits(0).stdout;
    let ran = server.apply_unchecked(&too_large);
    assert!(ran.contains("\"findings\"") && ran.contains("MC1209"), "{ran}");
    assert_eq!(sandbox.run(&["get", "--format", "json"]).exits(0).stdout, state);
}

/// A request of exactly so many bytes, by a name that is none.
fn of_size(bytes: usize, resumes: bool) -> Request {
    let padded = |n: usize| {
        let had = [("h".repeat(n), "v".to_owned())];
        match resumes {
            true => resume(A, EDS, &["e"], &had.into()),
            false => delta(A, EDS, &["e", &"n".repeat(n)]),
        }
    };
    // Lengths before the padding grow with it.
    let found = (0..bytes).rev().map(padded).find(|request| request.encode().len() <= bytes);
    let found = found.unwrap();
    assert_eq!(found.encode().len(), bytes);
    found
}

/// How a stream fares that sends these requests: 0 if it is answered to the last, else the code that
/// ended it, and why.
async fn fate(server: &Server, path: &str, requests: &[Request]) -> (u32, String) {
    let client = Client::connect(server.address, None).await.unwrap();
    let mut stream = match client.call(path, None).await {
        Ok(stream) => stream,
        Err(status) => return (status.code, status.message),
    };
    requests.iter().for_each(|request| stream.send(request));
    stream.finish();
    let end = async {
        loop {
            if let Err(status) = stream.next().await {
                return (status.code, status.message);
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(30), end).await.expect("an end in time")
}

#[test]
fn s5_each_limit_of_a_stream_holds_at_it_one_beyond_and_a_hundred_times() {
    let names = |n: usize| (0..n).map(|n| format!("n{n}")).collect::<Vec<_>>();
    let state = |names: Vec<String>| Request { asks: Asks::State { names }, ..delta(A, EDS, &[]) };
    let incremental =
        |names: Vec<String>| delta(A, EDS, &names.iter().map(String::as_str).collect::<Vec<_>>());
    let claims = |n: usize| {
        let had = names(n).into_iter().map(|name| (name, "v".to_owned()));
        resume(A, EDS, &[], &had.collect())
    };
    let types = |n: usize| -> Vec<Request> {
        let of = |n: usize| delta(A, &format!("type.googleapis.com/x.{n}"), &[]);
        (0..n).map(of).collect()
    };
    let large = Limits {
        request_bytes: 4 << 20,
        resume_bytes: 16 << 20,
        names: 30,
        name_bytes: 40,
        types: 9,
        requests_per_second: 0,
        ..Limits::default()
    };
    block_on(async {
        let server = Server::open(large.clone());
        one(&server);
        let other = Client::connect(server.address, None).await.unwrap();
        let mut lives = other.delta().await;
        lives.send(&delta(A, EDS, &["e"]));
        lives.take().await.unwrap();
        // Which limit, on which path, what is sent at the limit `n`, and what is said beyond it.
        type Flood<'a> =
            (&'a str, &'a str, usize, Box<dyn Fn(usize) -> Vec<Request> + 'a>, &'a str);
        let floods: Vec<Flood<'_>> = vec![
            ("names", DELTA_PATH, 30, Box::new(|n| vec![incremental(names(n))]), "names"),
            ("names, whole", STATE_PATH, 30, Box::new(|n| vec![state(names(n))]), "names"),
            (
                "names, one by one",
                DELTA_PATH,
                30,
                Box::new(|n| names(n).into_iter().map(|name| incremental(vec![name])).collect()),
                "names",
            ),
            ("claims", DELTA_PATH, 30, Box::new(|n| vec![claims(n)]), "names"),
            (
                "a name",
                DELTA_PATH,
                40,
                Box::new(|n| vec![incremental(vec!["x".repeat(n)])]),
                "name",
            ),
            (
                "a name, whole",
                STATE_PATH,
                40,
                Box::new(|n| vec![state(vec!["x".repeat(n)])]),
                "name",
            ),
            (
                "a node id",
                DELTA_PATH,
                40,
                Box::new(|n| {
                    vec![delta(&format!("{A}/{}", "i".repeat(n - A.len() - 1)), EDS, &[])]
                }),
                "node id is too long",
            ),
            // Five types are those of the server.
            ("types", DELTA_PATH, 4, Box::new(types), "types"),
            ("a type", DELTA_PATH, 40, Box::new(|n| vec![delta(A, &"u".repeat(n), &[])]), "type"),
        ];
        for (what, path, limit, requests, why) in &floods {
            assert_eq!(fate(&server, path, &requests(*limit)).await.0, 0, "{what} at {limit}");
            for beyond in [limit + 1, 100 * limit] {
                let (code, said) = fate(&server, path, &requests(beyond)).await;
                assert_eq!(code, 8, "{what} at {beyond}: {said}");
                assert!(said.contains(why), "{what} at {beyond}: {said}");
            }
            // The other stream is answered all the while.
            lives.send(&delta("", EDS, &["nobody"]));
            assert_eq!(lives.take().await.unwrap().removed, ["nobody"], "{what}");
        }
        // Names are counted before the request is decoded: those of these requests are no UTF-8.
        for (count, code) in [(30, 3), (31, 8), (3_000, 8)] {
            for (path, field) in [(DELTA_PATH, 0x1a), (STATE_PATH, 0x1a), (DELTA_PATH, 0x22)] {
                let mut stream = other.call(path, None).await.unwrap();
                stream.send_bytes(&[field, 1, 0xff].repeat(count));
                let status = stream.next().await.unwrap_err();
                assert_eq!(status.code, code, "{count} names: {status:?}");
            }
        }
        until("the floods have ended", || server.hub.streams() == 1).await;
    });
    block_on(async {
        // Bytes of a request, and of one that says what the client has.
        let limits =
            Limits { request_bytes: 2_000, resume_bytes: 4_000, name_bytes: 1 << 20, ..large };
        let server = Server::open(limits);
        one(&server);
        let sized =
            async |bytes, resumes| fate(&server, DELTA_PATH, &[of_size(bytes, resumes)]).await;
        assert_eq!(sized(2_000, false).await.0, 0);
        for bytes in [2_001, 4_000] {
            let (code, said) = sized(bytes, false).await;
            assert_eq!((code, said.contains("too large")), (8, true), "{bytes}: {said}");
        }
        assert_eq!(sized(4_000, true).await.0, 0);
        // Larger than any may be: it is not even read.
        for (bytes, resumes) in [(4_001, true), (4_001, false), (200_000, false), (400_000, true)] {
            assert_eq!(sized(bytes, resumes).await.0, 11, "{bytes}");
        }
        let client = Client::connect(server.address, None).await.unwrap();
        assert!(ask(&client).await.is_some());
    });
}

/// Every program of this host is who its token says, and may be any proxy.
struct ByToken;

impl Identify for ByToken {
    fn identify(&self, credentials: &Credentials) -> Result<Identity, Unknown> {
        let token = credentials.token.clone();
        token.map(Identity::Token).ok_or(Unknown::Nothing)
    }

    fn may_be(&self, _: &Identity, _: &str, _: &ProxyId) -> bool {
        true
    }
}

#[test]
fn s5_streams_have_a_number_in_all_and_for_an_identity() {
    block_on(async {
        let limits = Limits { streams: 6, streams_per_identity: Some(4), ..Limits::default() };
        let hub = Hub::new(limits);
        let server = Server::start(hub, Arc::new(ByToken), None, 0);
        one(&server);
        let open = async |token: &str| {
            let client = Client::connect(server.address, None).await.unwrap();
            let mut stream = client.call(DELTA_PATH, Some(token)).await?;
            stream.send(&delta(A, EDS, &["e"]));
            stream.take().await.map(|_| (client, stream))
        };
        let mut own = Vec::new();
        for _ in 0..4 {
            own.push(open("one").await.unwrap());
        }
        for _ in 0..400 {
            let status = open("one").await.err().expect("a refusal");
            assert_eq!(status.code, 8);
            assert!(status.message.contains("of this identity"), "{}", status.message);
        }
        until("the refused are gone", || server.hub.streams() == 4).await;
        let mut others = vec![open("two").await.unwrap(), open("three").await.unwrap()];
        for n in 0..600 {
            let status = open(&format!("more-{n}")).await.err().expect("a refusal");
            assert_eq!(status.code, 8);
            assert!(status.message.contains("the server has as many"), "{}", status.message);
        }
        // Those that are there are answered, and who leaves makes room.
        for (_, stream) in own.iter_mut().chain(&mut others) {
            stream.send(&delta("", EDS, &["nobody"]));
            assert_eq!(stream.take().await.unwrap().removed, ["nobody"]);
        }
        own.pop();
        until("one has left", || server.hub.streams() == 5).await;
        assert!(open("one").await.is_ok());
    });
}

#[test]
fn s5_who_shakes_no_hands_or_asks_for_nothing_holds_nothing() {
    use rcgen::{CertificateParams, KeyPair};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    block_on(async {
        let key = KeyPair::generate().unwrap();
        let own = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let (own, key) = (own.self_signed(&key).unwrap().pem(), key.serialize_pem());
        let tls = Tls::new(&TlsPem {
            certificates: own.as_bytes(),
            key: key.as_bytes(),
            clients: Clients::Any,
            protocols: &["h2"],
        });
        let short = Duration::from_millis(200);
        let limits = Limits { handshake: short, first_request: short, ..Limits::default() };
        let hub = Hub::new(limits.clone());
        let loopback = Arc::new(Loopback);
        let behind_tls = Server::start(hub, loopback, Some(tls.unwrap()), 0);
        let plain = Server::open(limits);
        one(&plain);
        let client = Client::connect(plain.address, None).await.unwrap();
        let kept = ask(&client).await.unwrap();
        // Silent ones; a record of TLS that says it is long, and never comes; one byte after the
        // other; HTTP/2 without a stream.
        let starts: [(&Server, &[u8], bool); 5] = [
            (&behind_tls, b"", false),
            (&behind_tls, &[22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3], false),
            (&behind_tls, &[22, 3, 1, 2, 0], true),
            (&plain, b"", false),
            (&plain, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0", false),
        ];
        for (server, start, drips) in starts {
            let mut open = Vec::new();
            for _ in 0..100 {
                let mut stream = tokio::net::TcpStream::connect(server.address).await.unwrap();
                stream.write_all(start).await.unwrap();
                open.push(tokio::spawn(async move {
                    let (mut read, mut write) = stream.into_split();
                    let drip = async {
                        while drips && write.write_all(&[1]).await.is_ok() {
                            tokio::time::sleep(Duration::from_millis(20)).await;
                        }
                        std::future::pending::<()>().await;
                    };
                    let mut bytes = Vec::new();
                    // It ends, by a close or a reset.
                    tokio::select! {
                        _ = read.read_to_end(&mut bytes) => {}
                        () = drip => {}
                    }
                }));
            }
            for one in open {
                let ended = tokio::time::timeout(Duration::from_secs(30), one).await;
                ended.expect("the connection is given up").unwrap();
            }
        }
        // A hundred streams that say nothing.
        let mut silent = Vec::new();
        for _ in 0..100 {
            let client = Client::connect(plain.address, None).await.unwrap();
            silent.push(client.call(DELTA_PATH, None).await.unwrap());
        }
        for stream in silent {
            let status = crate::serve_xds::ended(stream).await;
            assert_eq!(status.code, 4);
            assert!(status.message.contains("first request"), "{}", status.message);
        }
        assert_eq!(plain.hub.streams(), 1);
        drop(kept);
        assert!(ask(&client).await.is_some(), "who asks is served");
    });
}

#[test]
fn s5_bodies_of_the_admin_api_end_at_16_mib_whatever_they_say() {
    use std::io::{Read as _, Write as _};
    let server = crate::serve::Server::with(0);
    let admin = server.url().strip_prefix("http://").unwrap().to_owned();
    // What is answered to a head and a body of zeros that goes on for as long as it is taken, and
    // how much was taken.
    let flood = |more: &str, chunked: bool, most: usize| {
        let mut stream = std::net::TcpStream::connect(&admin).unwrap();
        stream.set_write_timeout(Some(Duration::from_secs(30))).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let head = format!(
            "POST /v1/meshes/m/objects HTTP/1.1\r\nhost: {admin}\r\nauthorization: Bearer {}\r\n\
             connection: close\r\n{more}\r\n\r\n",
            server.token()
        );
        stream.write_all(head.as_bytes()).unwrap();
        let block = vec![b' '; 64 << 10];
        let mut taken = 0;
        while taken < most {
            let sent = match chunked {
                true => stream
                    .write_all(format!("{:x}\r\n", block.len()).as_bytes())
                    .and_then(|()| stream.write_all(&block))
                    .and_then(|()| stream.write_all(b"\r\n")),
                false => stream.write_all(&block),
            };
            if sent.is_err() {
                break;
            }
            taken += block.len();
        }
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        (String::from_utf8_lossy(&answer).into_owned(), taken)
    };
    let hundred = 1_600 << 20;
    for (more, chunked) in [
        (format!("content-length: {hundred}"), false),
        ("transfer-encoding: chunked".to_owned(), true),
    ] {
        let (answer, taken) = flood(&more, chunked, hundred);
        // A reset may take the answer along; what was taken is bounded all the same.
        assert!(answer.starts_with("HTTP/1.1 413") || answer.is_empty(), "{more}: {answer}");
        assert!(taken < 64 << 20, "{more}: {taken} bytes were taken");
    }
    // Compressed bodies are not taken: nothing is inflated, however much it would be.
    let bearer = format!("Bearer {}", server.token());
    for encoding in ["gzip", "br", "zstd", "deflate"] {
        let headers = [("authorization", bearer.as_str()), ("content-encoding", encoding)];
        let body = b"\x1f\x8b\x08\0\0\0\0\0\0\x03".to_vec();
        let (status, said) = server.send("POST", "/v1/meshes/m/objects", &headers, body);
        assert_eq!(
            (status, said.contains("unsupported-encoding")),
            (415, true),
            "{encoding}: {said}"
        );
    }
    assert_eq!(server.ask("GET", "/healthz", &[]).0, 200);
}
