//! Limits as an operator sets them (`serve --limit`), and what they hold against: failed credentials,
//! answers that nobody reads, answers that outlast their caller's credential.

use crate::directory::mesh;
use crate::live_serve_apply::Serve;
use crate::serve::Server;
use crate::serve_faults::{SERVE, target};
use crate::serve_identity::until;
use crate::serve_xds::{A, EDS, block_on, config, put};
use crate::support::plane::Mood;
use crate::support::sandbox::Sandbox;
use crate::support::served::{self, operator};
use crate::support::xds_client::{Client, Status, delta};
use meshctl::envoy::csds;
use meshctl::envoy::xds::Request;
use meshctl::serve::limits::{Limits, SETTINGS};
use meshctl::serve::{Operators, Role};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// A server with a mesh, and these limits.
pub(crate) fn with(limits: &[&str]) -> (Sandbox, Serve) {
    let sandbox = Sandbox::with_mesh(&mesh(1));
    let mut args = SERVE.to_vec();
    limits.iter().for_each(|limit| args.extend(["--limit", limit]));
    let server = Serve::run(sandbox.command(&args)).unwrap();
    sandbox.write("meshctl.toml", target(&server));
    sandbox.run(&["apply", "--yes"]).exits(0);
    (sandbox, server)
}

/// How a stream of requests ends: 0 if all are answered.
async fn fate(address: SocketAddr, requests: &[Request]) -> u32 {
    let client = Client::connect(address, None).await.unwrap();
    let mut stream = client.delta().await;
    requests.iter().for_each(|request| stream.send(request));
    stream.finish();
    loop {
        if let Err(Status { code, .. }) = stream.next().await {
            return code;
        }
    }
}

/// An HTTP request on a connection of its own, to the end of the answer.
fn ask(admin: &str, head: &str, body: &[u8]) -> String {
    let mut stream = TcpStream::connect(admin).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let head = format!("{head}\r\nhost: {admin}\r\nconnection: close\r\n\r\n");
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or("reset")
}

#[test]
fn limits_are_set_by_flags_and_hold_at_them_one_beyond_and_a_hundred_times() {
    let (sandbox, server) = with(&[
        "names=20",
        "name-bytes=60",
        "stream-bytes=3000",
        "body-bytes=64KiB",
        "requests-per-second=0",
        "request-bytes=2KiB",
        "rest-bytes=1500",
    ]);
    let node = "mesh/m/virtual_node/web";
    let named = |count: usize, bytes: usize| {
        let names: Vec<String> = (0..count).map(|n| format!("{n:0>bytes$}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        delta(node, EDS, &names)
    };
    let rest = |bytes: usize| Request { refused: Some("r".repeat(bytes)), ..named(1, 5) };
    // Two of each: of one name the limit is bytes, of many it is their number.
    let fixed = rest(0).encode().len();
    let of_rest = 1_500 - (fixed - 5 - 2) + 1;
    let cases: Vec<(&str, [Vec<Request>; 3])> = vec![
        ("names", [20, 21, 2_000].map(|n| vec![named(n.min(200), 5); 1 + n / 2_000])),
        ("name-bytes", [60, 61, 600].map(|n| vec![named(1, n)])),
        ("rest-bytes", [of_rest / 2, 1_501, 1_700].map(|n| vec![rest(n)])),
    ];
    block_on(async {
        let address = server.xds.parse().unwrap();
        for (what, [at, beyond, far]) in &cases {
            assert_eq!(fate(address, at).await, 0, "{what} at the limit");
            for requests in [beyond, far] {
                assert_eq!(fate(address, requests).await, 8, "{what} beyond it");
            }
        }
        // Each name counts 64 bytes more, in what is asked for and in what is to be told.
        let kinds = meshctl::envoy::ResourceType::ALL;
        let of_kinds = |count: usize, bytes: usize| -> Vec<Request> {
            kinds
                .iter()
                .map(|kind| Request { type_url: kind.type_url().to_owned(), ..named(count, bytes) })
                .collect()
        };
        assert_eq!(fate(address, &of_kinds(2, 36)).await, 0);
        assert_eq!(fate(address, &of_kinds(20, 60)).await, 8);
    });
    let secret = std::fs::read_to_string(sandbox.join("data/operator.token")).unwrap();
    for (bytes, expected) in [(65_536, "400"), (65_537, "413"), (6_553_600, "413")] {
        let head = format!(
            "POST /v1/meshes/m/objects HTTP/1.1\r\nauthorization: Bearer {}\r\ncontent-length: {bytes}",
            secret.trim()
        );
        let answer = ask(&server.admin, &head, &vec![b' '; bytes]);
        assert!([expected, "reset"].contains(&status(&answer)), "{bytes}: {answer}");
    }
    // What is no limit is refused, with those that there are.
    let refused = |limit: &str| {
        let ran = sandbox.run(&[&SERVE[..], &["--limit", limit]].concat()).exits(64);
        ran.stderr.clone()
    };
    assert!(refused("nams=1").contains("there is no limit nams"));
    assert!(refused("names=0").contains("names cannot be 0"));
    assert!(refused("handshake=10").contains("a time such as"));
    // Each is in the help, with its default.
    let help = sandbox.run(&["serve", "--help"]).exits(0).stdout;
    for setting in SETTINGS {
        let line = format!("{}={}:", setting.name(), setting.value(&Limits::default()));
        assert!(help.contains(&line), "{line}");
    }
}

#[test]
fn wrong_tokens_are_limited_by_address_logged_in_aggregate_and_hold_up_no_honest_operator() {
    let (sandbox, server) = with(&["failures-per-second=20", "denials-per-second=5"]);
    let secret = std::fs::read_to_string(sandbox.join("data/operator.token")).unwrap();
    let bearer = |secret: &str, method: &str, path: &str| {
        format!("{method} {path} HTTP/1.1\r\nauthorization: Bearer {secret}")
    };
    // 12,000, over connections that send many before they read.
    let since = Instant::now();
    let address: SocketAddr = server.admin.parse().unwrap();
    let flood = move || {
        let mut sent = 0;
        let mut answers = [0; 2];
        while sent < 3_000 {
            let Ok(mut stream) = TcpStream::connect(address) else { continue };
            stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
            let mut text = String::new();
            for n in 0..50 {
                text.push_str(&format!(
                    "GET /v1 HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer meshctl_{sent}{n}\r\n\r\n"
                ));
            }
            sent += 50;
            let _ = stream.write_all(text.as_bytes());
            let mut answer = Vec::new();
            let _ = stream.read_to_end(&mut answer);
            let answer = String::from_utf8_lossy(&answer);
            answers[0] += answer.matches("HTTP/1.1 401").count();
            answers[1] += answer.matches("HTTP/1.1 429").count();
        }
        answers
    };
    let floods: Vec<_> = (0..4).map(|_| std::thread::spawn(flood)).collect();
    // An honest operator beside them, from the same address, with a token that counts.
    let mut honest = 0;
    while floods.iter().any(|flood| !flood.is_finished()) {
        let answer = ask(&server.admin, &bearer(secret.trim(), "GET", "/v1"), b"");
        assert_eq!(status(&answer), "200", "{answer}");
        honest += 1;
    }
    let answers: Vec<[usize; 2]> = floods.into_iter().map(|flood| flood.join().unwrap()).collect();
    let [told, limited] = [0, 1].map(|n| answers.iter().map(|one| one[n]).sum::<usize>());
    let took = since.elapsed();
    println!(
        "12,000 wrong tokens in {took:?}: {told} told why, {limited} limited, {honest} honest"
    );
    assert!(honest > 3, "{honest}");
    let rate = 200 + (took.as_secs_f64() * 20.0).ceil() as usize + 1;
    assert!(told <= rate, "{told} of {rate}");
    assert!(limited > 0);
    sandbox.run(&["status"]).exits(0);
    // At xDS it is the same number, of the same address.
    block_on(async {
        let xds = server.xds.parse().unwrap();
        let client = Client::connect(xds, None).await.unwrap();
        // This host is a proxy here, so the token is not what counts.
        let ended = client.call(csds::STREAM_PATH, Some("meshctl_wrong")).await.err().unwrap();
        assert_eq!(ended.code, 7);
    });
    // One who is known and may not: by name. What it may do is done all the while.
    let reader = ["serve", "operator", "add", "reader", "--role", "read", "--data", "data"];
    let reader = sandbox.run(&reader).exits(0).stdout.trim().to_owned();
    let denied: Vec<String> = (0..100)
        .map(|_| ask(&server.admin, &bearer(&reader, "GET", "/v1/backup"), b""))
        .map(|answer| status(&answer).to_owned())
        .collect();
    let count = |of: &str| denied.iter().filter(|status| *status == of).count();
    assert!(count("403") >= 50 && count("429") > 0, "{denied:?}");
    assert_eq!(count("403") + count("429"), 100, "{denied:?}");
    assert_eq!(status(&ask(&server.admin, &bearer(&reader, "GET", "/v1"), b"")), "200");
    assert_eq!(status(&ask(&server.admin, &bearer(secret.trim(), "GET", "/v1"), b"")), "200");
    // Some lines, and all of them counted.
    let log = || std::fs::read_to_string(sandbox.join("data/audit.ndjson")).unwrap();
    let lines = |word: &str| -> Vec<String> {
        log().lines().filter(|line| line.contains(word)).map(str::to_owned).collect()
    };
    let counted = |lines: &[String]| -> u64 {
        let count = |line: &String| {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            line["times"].as_u64().unwrap_or(1)
        };
        lines.iter().map(count).sum()
    };
    until("the log has all", || {
        let all = [lines("denied: unauthenticated"), lines("denied: too-many")].concat();
        counted(&all) >= (told + limited) as u64
    });
    let all = lines("\"denied: ").len();
    let most = 12 + 8 * (since.elapsed().as_millis() / 500) as usize;
    assert!(all <= most, "{all} lines: one for each of a kind in half a second");
    for who in ["address 127.0.0.1", "\"reader\""] {
        until(who, || lines("denied: too-many").iter().any(|line| line.contains(who)));
    }
}

#[test]
fn an_operator_who_is_removed_hears_no_more_of_a_rollout_or_of_clients() {
    let server = Server::with(1);
    let sandbox = server.project(1);
    sandbox.run(&["apply", "--yes"]).exits(0);
    server.plane().becomes(Mood::Silent);
    sandbox.write("mesh.toml", mesh(2));
    let operators = Operators::of(&server.folder());
    let (stays, goes) =
        (operator(&operators, "stays", Role::Read), operator(&operators, "goes", Role::Read));
    // It waits for an Envoy that says nothing.
    let apply = ["apply", "--yes", "--key", "a-key-of-16-letters", "--wait", "60s"];
    let mut applies = sandbox.command(&apply).spawn().unwrap();
    let admin = server.url().strip_prefix("http://").unwrap().to_owned();
    let follow = |secret: &str| {
        let mut stream = TcpStream::connect(&admin).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let head = format!(
            "GET /v1/meshes/m/applies/a-key-of-16-letters HTTP/1.1\r\nhost: {admin}\r\n\
             authorization: Bearer {secret}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        BufReader::new(stream)
    };
    let line = |from: &mut BufReader<TcpStream>| {
        let mut line = String::new();
        let read = from.read_line(&mut line);
        read.is_ok_and(|bytes| bytes > 0).then_some(line)
    };
    let begun = |secret: &str| {
        let end = Instant::now() + Duration::from_secs(30);
        loop {
            let mut from = follow(secret);
            if line(&mut from).is_some_and(|first| first.contains(" 200 ")) {
                return from;
            }
            assert!(Instant::now() < end, "the attempt does not begin");
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    let (mut one, mut other) = (begun(&stays), begun(&goes));
    assert!(line(&mut other).is_some());
    assert!(operators.remove("goes").unwrap().there);
    let since = Instant::now();
    while let Some(line) = line(&mut other) {
        assert!(!line.contains("outcome"), "the rollout waits: {line}");
    }
    let took = since.elapsed();
    println!("the stream of a removed operator ended after {took:?}");
    assert!(took < Duration::from_secs(3), "{took:?}");
    // The other goes on hearing: a heartbeat comes every five seconds.
    loop {
        let line = line(&mut one).expect("it lives");
        assert!(!line.contains("outcome"), "the rollout waits: {line}");
        if line.contains("heartbeat") {
            break;
        }
    }
    assert_eq!(
        status(&ask(&admin, &format!("GET /v1 HTTP/1.1\r\nauthorization: Bearer {goes}"), b"")),
        "401"
    );
    applies.kill().unwrap();
    applies.wait().unwrap();
}

#[test]
fn answers_that_nobody_reads_end_with_their_connection() {
    let unread = Duration::from_millis(300);
    block_on(async {
        let limits = Limits { unread, ..Limits::default() };
        let server = served::Server::open(limits);
        let large = |n: usize| crate::serve_xds::endpoints(&format!("{n:0>400}"), n);
        put(
            &server.hub,
            1,
            &[("virtual_node/a", Some(config("virtual_node/a", (0..9_000).map(large))))],
        );
        // One that reads, and then has nothing to read for longer than that.
        let reads = Client::connect(server.address, None).await.unwrap();
        let mut lives = reads.delta().await;
        lives.send(&delta(A, EDS, &["none"]));
        lives.take().await.unwrap();
        let deaf = Client::connect(server.address, None).await.unwrap();
        let stream = deaf.delta().await;
        let names: Vec<String> = (0..9_000).map(|n| format!("{n:0>400}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        stream.send(&delta(A, EDS, &names));
        let since = Instant::now();
        tokio::time::timeout(Duration::from_secs(20), deaf.closed()).await.expect("an end");
        println!("closed after {:?}", since.elapsed());
        assert!(since.elapsed() >= unread);
        drop(stream);
        crate::serve_xds::until("only one is left", || server.hub.streams() == 1).await;
        lives.send(&delta("", EDS, &["none-of-this-name"]));
        assert_eq!(lives.take().await.unwrap().removed, ["none-of-this-name"]);
    });
    // A backup that is asked for on one connection again and again, and not read.
    let (sandbox, server) = with(&["unread=500ms"]);
    let secret = std::fs::read_to_string(sandbox.join("data/operator.token")).unwrap();
    let mut stream = TcpStream::connect(&server.admin).unwrap();
    stream.set_write_timeout(Some(Duration::from_millis(100))).unwrap();
    let head = format!(
        "GET /v1/backup HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\n\r\n",
        server.admin,
        secret.trim()
    );
    let end = Instant::now() + Duration::from_secs(60);
    let ended = loop {
        match stream.write(head.as_bytes()) {
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) => break error,
        }
        assert!(Instant::now() < end, "the connection lives on");
        std::thread::sleep(Duration::from_millis(5));
    };
    println!("{ended}");
    sandbox.run(&["status"]).exits(0);
}
