//! The limits of what a peer may ask, at the limit, one beyond it, and a hundred times (S5).

use crate::directory::mesh;
use crate::live_serve_apply::Serve;
use crate::serve_faults::{SERVE, target};
use crate::serve_xds::{A, EDS, block_on, config, endpoints, put, until};
use crate::support::sandbox::Sandbox;
use crate::support::served::Server;
use crate::support::xds_client::{Client, Stream, delta};
use meshctl::envoy::ResourceType;
use meshctl::envoy::xds::DELTA_PATH;
use meshctl::serve::limits::Limits;
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

/// The memory of a process in MiB.
fn memory(server: &Serve) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1_024
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
        let before = memory(&server);
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
        let after = memory(&server);
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
