//! Connections of who is not known: counted before the handshake, with deadlines, and without a place of
//! a proxy or an operator. Over both listeners of a server under TLS.

use crate::serve_herd::raise_limit;
use crate::serve_identity::{JOIN, OWN, Server, WEB, started, started_with, token, trusting};
use crate::serve_xds::{EDS, block_on};
use crate::support::load::memory;
use crate::support::sandbox::Sandbox;
use crate::support::tier::numbers;
use crate::support::xds_client::{Client, delta};
use bytes::Bytes;
use http_body_util::Empty;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use meshctl::envoy::{csds, xds::DELTA_PATH};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A client that trusts the server and has no certificate.
fn anonymous(sandbox: &Sandbox, protocol: &str) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(sandbox.join("hosts.pem")).unwrap()).unwrap();
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
    Arc::new(config)
}

/// How many files a server has open.
fn files(server: &Server) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", server.pid())).unwrap().count()
}

fn until(what: &str, most: Duration, mut holds: impl FnMut() -> bool) {
    let since = Instant::now();
    while !holds() {
        assert!(since.elapsed() < most, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// What a hostile client does.
#[derive(Clone, Copy, Debug)]
enum Kind {
    IdleTls,
    SlowHeaders,
    UnfinishedBody,
    HalfHandshake,
    RejectedThenPinging,
}

const KINDS: [Kind; 5] = [
    Kind::IdleTls,
    Kind::SlowHeaders,
    Kind::UnfinishedBody,
    Kind::HalfHandshake,
    Kind::RejectedThenPinging,
];

const SECOND: Duration = Duration::from_secs(1);

/// Sends the start, then a byte every so often, until the server ends the connection.
async fn drip(io: impl AsyncRead + AsyncWrite, start: &[u8], every: Option<Duration>) {
    let (mut read, mut write) = tokio::io::split(io);
    let send = async {
        let mut open = write.write_all(start).await.is_ok() && write.flush().await.is_ok();
        while let Some(every) = every
            && open
        {
            tokio::time::sleep(every).await;
            open = write.write_all(b"x").await.is_ok() && write.flush().await.is_ok();
        }
        std::future::pending::<()>().await;
    };
    let mut bytes = Vec::new();
    tokio::select! {
        _ = read.read_to_end(&mut bytes) => {}
        () = send => {}
    }
}

/// A connection that ends when the server ends it.
async fn hostile(kind: Kind, to: SocketAddr, admin: bool, tls: Arc<ClientConfig>) {
    let preface: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    if matches!(kind, Kind::RejectedThenPinging) || matches!(kind, Kind::UnfinishedBody) && !admin {
        let mut h2 = (*tls).clone();
        h2.alpn_protocols = vec![b"h2".to_vec()];
        // The client answers pings for as long as it is there.
        if let Ok(client) = Client::connect(to, Some(Arc::new(h2))).await {
            // The admin API rejects it in words of its own.
            assert!(client.call(DELTA_PATH, None).await.is_err() || admin);
            client.closed().await;
        }
        return;
    }
    let Ok(stream) = TcpStream::connect(to).await else { return };
    if matches!(kind, Kind::HalfHandshake) {
        return drip(stream, &[22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3], None).await;
    }
    let connector = tokio_rustls::TlsConnector::from(tls);
    let name = ServerName::try_from("localhost").unwrap();
    let Ok(stream) = connector.connect(name, stream).await else { return };
    match kind {
        Kind::SlowHeaders if admin => drip(stream, b"GET /v1 HTTP/1.1\r\n", Some(SECOND)).await,
        Kind::SlowHeaders => drip(stream, preface, Some(SECOND)).await,
        Kind::UnfinishedBody => {
            let head = format!(
                "POST /v1/meshes/m/objects HTTP/1.1\r\nhost: {to}\r\nauthorization: Bearer x\r\n\
                 content-length: 100\r\n\r\n{{"
            );
            drip(stream, head.as_bytes(), Some(SECOND)).await;
        }
        _ => drip(stream, b"", None).await,
    }
}

/// How long a proxy with a certificate takes from nothing to its first answer.
async fn proxy(server: &Server, tls: &Arc<ClientConfig>) -> Duration {
    let since = Instant::now();
    let client = Client::connect(server.xds, Some(tls.clone())).await.unwrap();
    let mut stream = client.delta().await;
    stream.send(&delta(WEB, EDS, &["nothing"]));
    assert_eq!(stream.take().await.unwrap().removed, ["nothing"]);
    since.elapsed()
}

/// The figure below which 95 of 100 lie.
fn p95(mut figures: Vec<Duration>) -> Duration {
    figures.sort();
    figures[figures.len() * 95 / 100 - 1]
}

#[test]
fn hostile_connections_of_five_kinds_at_both_listeners_harm_nobody_and_leave_nothing() {
    raise_limit();
    let each = numbers(100, 500);
    let (server, sandbox, _block) = started("24h");
    sandbox.run(&["apply", "--yes"]).exits(0);
    token(&sandbox, "virtual_node/web");
    sandbox.run(&JOIN).exits(0);
    let web = trusting(&sandbox.join("hosts.pem"), &sandbox.join("id"));
    let plan = || {
        let since = Instant::now();
        sandbox.run(&["plan"]).exits(0);
        since.elapsed()
    };
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let proxy_alone = runtime.block_on(proxy(&server, &web));
    let plans_alone = p95((0..20).map(|_| plan()).collect());
    until("the first proxy has left", Duration::from_secs(10), || files(&server) < 40);
    let (before, held) = (memory(server.pid()), files(&server));
    let tls = [anonymous(&sandbox, "h2"), anonymous(&sandbox, "http/1.1")];
    let mut open = Vec::new();
    let started = Instant::now();
    for _ in 0..each {
        for kind in KINDS {
            for admin in [true, false] {
                let to = if admin { server.admin } else { server.xds };
                let tls = tls[usize::from(admin)].clone();
                open.push((kind, admin, runtime.spawn(hostile(kind, to, admin, tls))));
            }
        }
    }
    let all = open.len();
    // The first of these compete with the handshakes of both ends for the machine.
    let (mut proxies, mut plans) = (Vec::new(), Vec::new());
    for _ in 0..20 {
        proxies.push(runtime.block_on(proxy(&server, &web)));
        plans.push(plan());
    }
    let most = memory(server.pid());
    for (kind, admin, task) in open {
        let ended =
            runtime.block_on(async { tokio::time::timeout(Duration::from_secs(60), task).await });
        let ended = ended.unwrap_or_else(|_| panic!("{kind:?} lives on (admin: {admin})"));
        ended.unwrap();
    }
    let took = started.elapsed();
    until("all is free again", Duration::from_secs(20), || files(&server) <= held + 4);
    let slowest = *proxies.iter().max().unwrap();
    let plans_p95 = p95(plans);
    println!(
        "{all} hostile connections: p95 of 20 plans {plans_p95:?} (alone {plans_alone:?}), the \
         slowest of 20 proxies {slowest:?} (alone {proxy_alone:?}), {before} MiB before, {most} \
         MiB during; all ended after {took:?}"
    );
    // Other tests share the machine every day; the bars are for the full run, which is alone.
    let (a_proxy, bar) = numbers((p95(proxies), plans_alone.max(SECOND)), (slowest, plans_alone));
    assert!(a_proxy < 2 * SECOND, "a proxy took {a_proxy:?}");
    assert!(plans_p95 < bar * 5, "p95 of plans {plans_p95:?}, alone {plans_alone:?}");
    assert!(most < 200, "{most} MiB");
    runtime.block_on(proxy(&server, &web));
}

/// Row 10 of the cases: 1,010 idle TLS connections to the admin API, headers of a byte every two
/// seconds, those of an operator too, and a body that is held open, of a server that may have 1,024
/// files.
#[test]
fn idle_connections_slow_headers_and_a_held_body_leave_both_listeners_alive() {
    raise_limit();
    let limits = "--limit first-request=4s --limit headers=4s --limit body-time=4s";
    let (mut server, sandbox, _block) = started_with(limits);
    sandbox.run(&["apply", "--yes"]).exits(0);
    token(&sandbox, "virtual_node/web");
    sandbox.run(&JOIN).exits(0);
    let web = trusting(&sandbox.join("hosts.pem"), &sandbox.join("id"));
    server.again_after("ulimit -n 1024;", &sandbox, "data", &format!("{OWN} {limits}"));
    let secret = std::fs::read_to_string(sandbox.join("data/operator.token")).unwrap();
    let tls = anonymous(&sandbox, "http/1.1");
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(proxy(&server, &web));
    until("the first proxy has left", Duration::from_secs(20), || files(&server) < 40);
    let held = files(&server);
    let started = Instant::now();
    let open = |start: Vec<u8>, every: Option<Duration>| {
        let (to, tls) = (server.admin, tls.clone());
        runtime.spawn(async move {
            // Another host than that of the proxy and the operator: who shares one has fewer places.
            let socket = tokio::net::TcpSocket::new_v4().unwrap();
            socket.bind("127.0.0.66:0".parse().unwrap()).unwrap();
            let Ok(stream) = socket.connect(to).await else { return };
            let name = ServerName::try_from("localhost").unwrap();
            let connector = tokio_rustls::TlsConnector::from(tls);
            let Ok(stream) = connector.connect(name, stream).await else { return };
            drip(stream, &start, every).await;
        })
    };
    let mut tasks: Vec<_> = (0..1_010).map(|_| open(Vec::new(), None)).collect();
    let drip = Some(Duration::from_secs(2));
    tasks.push(open(b"GET /v1 HTTP/1.1\r\nx: ".to_vec(), drip));
    let body = format!(
        "POST /v1/meshes/m/objects HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\n\
         content-length: 100\r\n\r\n{{",
        server.admin,
        secret.trim()
    );
    tasks.push(open(body.into_bytes(), None));
    // An operator may be idle for five minutes, but not send the headers of a request for as long.
    let head = format!(
        "GET /v1 HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\n\r\nGET /v1 HTTP/1.1\r\nx: ",
        server.admin,
        secret.trim()
    );
    tasks.push(open(head.into_bytes(), drip));
    // Both listeners are alive meanwhile.
    let mut proxies: Vec<Duration> = Vec::new();
    while proxies.len() < 5 || started.elapsed() < Duration::from_secs(3) {
        proxies.push(runtime.block_on(proxy(&server, &web)));
        sandbox.run(&["status"]).exits(0);
    }
    for task in tasks {
        runtime.block_on(async {
            tokio::time::timeout(Duration::from_secs(60), task).await.expect("an end").unwrap();
        });
    }
    let took = started.elapsed();
    until("all is free again", Duration::from_secs(20), || files(&server) <= held + 4);
    proxies.sort();
    println!("all of 1,013 ended after {took:?}; proxies were served within {proxies:?}");
    assert!(proxies[proxies.len() / 2] < Duration::from_secs(2), "{proxies:?}");
}

#[test]
fn rejected_strangers_at_xds_are_closed_although_they_answer_pings() {
    raise_limit();
    let (server, sandbox, _block) = started("24h");
    sandbox.run(&["apply", "--yes"]).exits(0);
    token(&sandbox, "virtual_node/web");
    sandbox.run(&JOIN).exits(0);
    let web = trusting(&sandbox.join("hosts.pem"), &sandbox.join("id"));
    let tls = anonymous(&sandbox, "h2");
    let before = files(&server);
    block_on(async {
        let mut strangers = Vec::new();
        for _ in 0..961 {
            let Ok(client) = Client::connect(server.xds, Some(tls.clone())).await else { continue };
            if let Err(status) = client.call(DELTA_PATH, None).await {
                // Beyond so many of an address it is told that they are too many.
                assert!([8, 14, 16].contains(&status.code), "{status:?}");
            }
            strangers.push(client);
        }
        assert!(strangers.len() > 900, "{}", strangers.len());
        assert!(proxy(&server, &web).await < Duration::from_secs(2));
        let since = Instant::now();
        // Not before the server closes them: the clients answer while they are waited for.
        while files(&server) > before + 4 {
            assert!(since.elapsed() < Duration::from_secs(20), "{} files", files(&server));
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        println!("the last of 961 rejected strangers was gone after {:?}", since.elapsed());
        drop(strangers);
    });
}

#[test]
fn who_has_no_certificate_is_closed_unless_the_first_request_has_an_operators_token() {
    let (server, sandbox, _block) = started("24h");
    let secret = std::fs::read_to_string(sandbox.join("data/operator.token")).unwrap();
    let secret = secret.trim();
    let tls = anonymous(&sandbox, "h2");
    block_on(async {
        // One that asks for nothing.
        let silent = Client::connect(server.xds, Some(tls.clone())).await.unwrap();
        let since = Instant::now();
        tokio::time::timeout(Duration::from_secs(20), silent.closed()).await.expect("an end");
        let took = since.elapsed();
        let bounds = Duration::from_secs(4)..Duration::from_secs(9);
        assert!(bounds.contains(&took), "{took:?}");
        let mut open = Vec::new();
        for n in 0..16 {
            let client = Client::connect(server.xds, Some(tls.clone())).await.unwrap();
            let stream = client.call(csds::STREAM_PATH, Some(secret)).await;
            open.push((stream.unwrap_or_else(|status| panic!("{n}: {status:?}")), client));
        }
        for _ in 0..100 {
            let client = Client::connect(server.xds, Some(tls.clone())).await.unwrap();
            let status = client.call(csds::STREAM_PATH, Some(secret)).await.err().unwrap();
            assert_eq!(status.code, 8, "{status:?}");
        }
        // They live for longer than strangers do, and one that leaves makes room.
        tokio::time::sleep(Duration::from_secs(6)).await;
        let client = &open[0].1;
        assert!(client.call(csds::STREAM_PATH, Some(secret)).await.is_ok());
        open.pop();
        let end = Instant::now() + Duration::from_secs(10);
        loop {
            let client = Client::connect(server.xds, Some(tls.clone())).await.unwrap();
            if client.call(csds::STREAM_PATH, Some(secret)).await.is_ok() {
                break;
            }
            assert!(Instant::now() < end, "nobody is let in again");
        }
    });
}

#[test]
fn headers_of_the_admin_api_end_at_16_kib_before_anybody_is_asked_who_they_are() {
    let server = crate::serve::Server::with(0);
    let admin = server.url().strip_prefix("http://").unwrap().to_owned();
    let ask = |bytes: usize| {
        let mut stream = std::net::TcpStream::connect(&admin).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let head = format!(
            "GET /healthz HTTP/1.1\r\nhost: {admin}\r\nconnection: close\r\nx: {}\r\n\r\n",
            "x".repeat(bytes)
        );
        // It may be closed before all is sent.
        let _ = stream.write_all(head.as_bytes());
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    };
    assert!(ask(15 << 10).starts_with("HTTP/1.1 200"));
    for bytes in [17 << 10, 200 << 10, 1_600 << 10] {
        let answer = ask(bytes);
        assert!(answer.starts_with("HTTP/1.1 431") || answer.is_empty(), "{bytes}: {answer}");
    }
    assert!(ask(17 << 10).starts_with("HTTP/1.1 431"));
    // Over HTTP/2 as well.
    let ask = async |bytes: usize| {
        let io = TokioIo::new(TcpStream::connect(&admin).await.unwrap());
        let (mut sender, connection) =
            http2::handshake::<_, _, Empty<Bytes>>(TokioExecutor::new(), io).await.unwrap();
        tokio::spawn(connection);
        let request = http::Request::get(format!("http://{admin}/healthz"));
        let request = request.header("x", "x".repeat(bytes)).body(Empty::new()).unwrap();
        sender.send_request(request).await.map(|answer| answer.status().as_u16()).ok()
    };
    block_on(async {
        assert_eq!(ask(15 << 10).await, Some(200));
        for bytes in [17 << 10, 200 << 10, 1_600 << 10] {
            assert!([Some(431), None].contains(&ask(bytes).await), "{bytes}");
        }
        assert_eq!(ask(17 << 10).await, Some(431));
    });
}

#[test]
fn credentials_that_do_not_count_have_a_rate_at_xds_too() {
    let (server, sandbox, _block) = started_with("--limit failures-per-second=2");
    sandbox.run(&["apply", "--yes"]).exits(0);
    token(&sandbox, "virtual_node/web");
    sandbox.run(&JOIN).exits(0);
    let web = trusting(&sandbox.join("hosts.pem"), &sandbox.join("id"));
    let tls = anonymous(&sandbox, "h2");
    block_on(async {
        let mut codes = Vec::new();
        for _ in 0..60 {
            let client = Client::connect(server.xds, Some(tls.clone())).await.unwrap();
            codes.push(client.call(DELTA_PATH, None).await.err().unwrap().code);
        }
        assert!(!codes[..20].contains(&8), "ten seconds' worth at once: {codes:?}");
        assert!(codes.iter().filter(|code| **code == 8).count() > 20, "{codes:?}");
        // From the same address.
        proxy(&server, &web).await;
    });
}

/// A client that does not know that its connection ends sends its next request on it, and loses it.
#[test]
fn the_answer_that_rejects_a_stranger_says_that_the_connection_ends() {
    let server = crate::serve::Server::with(0);
    let admin = server.url().strip_prefix("http://").unwrap().to_owned();
    for _ in 0..20 {
        let mut stream = std::net::TcpStream::connect(&admin).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream.write_all(format!("GET /v1 HTTP/1.1\r\nhost: {admin}\r\n\r\n").as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
        assert!(answer.contains("\r\nconnection: close\r\n"), "{answer}");
    }
}

/// Over HTTP/2, where no deadline of headers runs while nothing is asked.
#[test]
fn an_operator_may_be_idle_for_longer_than_a_stranger_and_not_for_ever() {
    let limits = ["idle=4s", "first-request=1s", "headers=1s"];
    let (sandbox, server) = crate::serve_settings::with(&limits);
    let secret = std::fs::read_to_string(sandbox.join("data/operator.token")).unwrap();
    let text = |text: &str| [&[u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
    let idle_for = |secret: Option<&str>| {
        // GET / of this host, and the token, in HPACK's plainest form.
        let mut headers = [&[0x82, 0x84, 0x86, 0x01][..], &text(&server.admin)].concat();
        if let Some(secret) = secret {
            headers.extend([&[0x0f, 0x08][..], &text(&format!("Bearer {secret}"))].concat());
        }
        let length = u8::try_from(headers.len()).unwrap();
        let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
        let head = [0, 0, length, 1, 5, 0, 0, 0, 1];
        let mut stream = std::net::TcpStream::connect(&server.admin).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let since = Instant::now();
        stream.write_all(&[&preface[..], &head, &headers].concat()).unwrap();
        // Its end, however the system tells it.
        while stream.read(&mut [0; 1 << 10]).is_ok_and(|read| read > 0) {}
        since.elapsed()
    };
    let operator = idle_for(Some(secret.trim()));
    assert!(operator > Duration::from_millis(3_900), "{operator:?}");
    assert!(operator < Duration::from_secs(15), "{operator:?}");
    let stranger = idle_for(None);
    assert!(stranger < Duration::from_millis(3_500), "{stranger:?}");
}
