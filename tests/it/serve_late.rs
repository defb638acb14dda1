//! Requests whose headers come in time and whose bodies do not: credentials are checked again when the
//! action is executed, and what is held back costs its sender, not the server.

use crate::live_serve_apply::Serve;
use crate::serve::Server;
use crate::serve_faults::{SERVE, target};
use crate::serve_identity::{JOIN, started, token, trusting};
use crate::support::load::{figure, memory};
use crate::support::sandbox::Sandbox;
use crate::support::served::operator;
use meshctl::live::identity;
use meshctl::serve::{Need, Operators, Role};
use serde_json::json;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A connection whose end is not waited for without end.
fn connect(to: impl std::net::ToSocketAddrs) -> TcpStream {
    let stream = TcpStream::connect(to).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream.set_write_timeout(Some(Duration::from_secs(60))).unwrap();
    stream
}

/// The head of a request with a body of so many bytes.
fn head(host: &str, method: &str, path: &str, bearer: Option<&str>, bytes: usize) -> String {
    let bearer = bearer.map(|secret| format!("authorization: Bearer {secret}\r\n"));
    format!(
        "{method} {path} HTTP/1.1\r\nhost: {host}\r\n{}connection: close\r\n\
         content-length: {bytes}\r\n\r\n",
        bearer.unwrap_or_default()
    )
}

/// A request that lacks the last byte of its body.
struct Held<S> {
    stream: S,
    last: u8,
}

impl<S: Read + Write> Held<S> {
    fn send(mut stream: S, host: &str, what: [&str; 3], bearer: Option<&str>) -> Self {
        let [method, path, body] = what;
        let (last, first) = body.as_bytes().split_last().unwrap();
        stream.write_all(head(host, method, path, bearer, body.len()).as_bytes()).unwrap();
        stream.write_all(first).unwrap();
        stream.flush().unwrap();
        Self { stream, last: *last }
    }

    /// Sends the last byte; gives the status and the whole answer.
    fn end(mut self) -> (u16, String) {
        // Who is rejected by the headers may be closed already, and the answer is there.
        let _ = self.stream.write_all(&[self.last]).and_then(|()| self.stream.flush());
        let mut answer = Vec::new();
        // A close without a word of TLS is an end too.
        let _ = self.stream.read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer).into_owned();
        (answer.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or(0), answer)
    }
}

/// Waits until the admin API has let in so many more requests.
fn let_in(admin: &str, before: u64, more: u64) {
    let end = Instant::now() + Duration::from_secs(30);
    while requests(admin) < before + more {
        assert!(Instant::now() < end, "{} of {more} were let in", requests(admin) - before);
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn requests(admin: &str) -> u64 {
    figure(admin, "meshctl_admin_reads_total") + figure(admin, "meshctl_admin_writes_total")
}

/// Every route that asks for an operator, with a body that it takes.
fn calls() -> Vec<(String, String, Role, String)> {
    let body = |path: &str| match path.rsplit('/').next().unwrap_or_default() {
        "objects" => json!({ "ids": [] }),
        "applies" => json!({ "key": "a-key-of-16-letters", "work": { "resume": {} } }),
        "join-tokens" => json!({ "proxies": "virtual_node/web", "life_s": 60 }),
        "{id}" => json!({ "address": "10.0.0.1", "port": 80 }),
        _ => json!({}),
    };
    let routes = meshctl::serve::routes().into_iter();
    let of_operators = routes.filter_map(|(method, path, need)| {
        let role = match need {
            Need::Operator(role) => role,
            Need::AnyOperator => Role::Write,
            Need::Nobody | Need::JoinToken | Need::Proxy => return None,
        };
        let filled = path
            .replace("{mesh}", "m")
            .replace("{revision}", "1")
            .replace("{kind}", "virtual_node")
            .replace("{name}", "web")
            .replace("{key}", "k")
            .replace("{namespace}", "n")
            .replace("{service}", "s")
            .replace("{id}", "i");
        Some((method, filled, role, body(&path).to_string()))
    });
    of_operators.collect()
}

#[test]
fn an_operator_who_was_removed_since_the_headers_came_does_nothing_on_any_route() {
    let server = Server::with(0);
    let sandbox = server.project(1);
    sandbox.run(&["apply", "--yes"]).exits(0);
    let operators = Operators::of(&server.folder());
    let secret = operator(&operators, "mallory", Role::Write);
    let registrar = operator(&operators, "registrar", Role::Register);
    let admin = server.url().strip_prefix("http://").unwrap().to_owned();
    let calls = calls();
    assert!(calls.iter().filter(|(method, ..)| method != "GET").count() >= 9, "{calls:?}");
    let state = sandbox.run(&["get", "--format", "json"]).exits(0).stdout;
    let before = requests(&admin);
    let held: Vec<_> = calls
        .iter()
        .map(|(method, path, role, body)| {
            let secret = if *role == Role::Register { &registrar } else { &secret };
            let what = [method.as_str(), path, body];
            (what, Held::send(connect(&admin), &admin, what, Some(secret)))
        })
        .collect();
    let_in(&admin, before, held.len() as u64);
    for name in ["mallory", "registrar"] {
        assert!(operators.remove(name).unwrap().there);
    }
    for (what, held) in held {
        let (status, answer) = held.end();
        assert_eq!(status, 401, "{what:?}: {answer}");
        assert!(answer.contains("\"unauthenticated\""), "{what:?}: {answer}");
    }
    // Nothing was done.
    assert_eq!(sandbox.run(&["get", "--format", "json"]).exits(0).stdout, state);
    let own = format!("Bearer {}", server.token());
    let (_, registered) =
        server.ask("GET", "/v1/meshes/m/registry", &[("authorization", own.as_str())]);
    assert!(!registered.contains("10.0.0.1"), "{registered}");
    let audit = std::fs::read_to_string(server.folder().join("audit.ndjson")).unwrap();
    let done = |line: &&str| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let who = line["actor"].as_str().unwrap_or_default();
        ["mallory", "registrar"].contains(&who) && line["end"] == "done"
    };
    assert_eq!(audit.lines().filter(done).collect::<Vec<_>>(), Vec::<&str>::new());
    // The same requests of one who is still an operator are executed.
    let (method, path, _, body) =
        calls.iter().find(|(method, ..)| method == "PUT").expect("a registration");
    let own = server.token();
    let held = Held::send(connect(&admin), &admin, [method, path, body], Some(&own));
    let (status, answer) = held.end();
    assert_eq!(status, 201, "{answer}");
}

#[test]
fn a_token_that_was_replaced_since_the_headers_came_does_not_count() {
    let server = Server::with(0);
    let sandbox = server.project(1);
    sandbox.run(&["apply", "--yes"]).exits(0);
    let operators = Operators::of(&server.folder());
    let secret = operator(&operators, "mallory", Role::Write);
    let admin = server.url().strip_prefix("http://").unwrap().to_owned();
    let before = requests(&admin);
    let path = "/v1/meshes/m/registry/n/s/instances/i";
    let what = ["PUT", path, "{\"address\":\"10.0.0.1\"}"];
    let held = Held::send(connect(&admin), &admin, what, Some(&secret));
    let_in(&admin, before, 1);
    // The operator has another token now.
    operators.remove("mallory").unwrap();
    operator(&operators, "mallory", Role::Write);
    let (status, answer) = held.end();
    assert_eq!(status, 401, "{answer}");
}

#[test]
fn a_renewal_and_a_join_that_were_begun_before_the_credential_ended_give_no_certificate() {
    let (server, sandbox, _block) = started("24h");
    let admin = server.admin.to_string();
    let tls = |identity: Option<&str>| {
        let folder = identity.unwrap_or("id");
        let mut config = (*trusting(&sandbox.join("hosts.pem"), &sandbox.join(folder))).clone();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let name = "localhost".try_into().unwrap();
        let client = rustls::ClientConnection::new(Arc::new(config), name).unwrap();
        rustls::StreamOwned::new(client, connect(server.admin))
    };
    token(&sandbox, "virtual_node/web");
    sandbox.run(&JOIN).exits(0);
    let request = || identity::Request::new().unwrap().text().to_owned();
    let body = json!({ "request": request() }).to_string();
    let what = ["POST", "/v1/renew", body.as_str()];
    // Sent in time, it is answered with a certificate.
    let (status, answer) = Held::send(tls(None), &admin, what, None).end();
    assert_eq!(status, 200, "{answer}");
    let held = Held::send(tls(None), &admin, what, None);
    std::thread::sleep(Duration::from_millis(300));
    sandbox.run(&["serve", "revoke", "virtual_node/web"]).exits(0);
    std::thread::sleep(Duration::from_secs(1));
    let (status, answer) = held.end();
    assert_eq!(status, 401, "{answer}");
    assert!(!answer.contains("CERTIFICATE"), "{answer}");
    // A join token that expires, and one that is removed, while the body is held back.
    for removed in [false, true] {
        let made =
            sandbox.run(&["serve", "token", "virtual_node/web", "--life", "3s"]).exits(0).stdout;
        let body = json!({ "proxy": "virtual_node/web", "request": request() }).to_string();
        let what = ["POST", "/v1/join", body.as_str()];
        let held = Held::send(tls(None), &admin, what, Some(made.trim()));
        std::thread::sleep(Duration::from_millis(300));
        if removed {
            let list = sandbox.run(&["serve", "tokens", "list"]).exits(0).stdout;
            let id = list.split_whitespace().next().unwrap().to_owned();
            sandbox.run(&["serve", "tokens", "remove", &id]).exits(0);
        } else {
            std::thread::sleep(Duration::from_secs(5));
        }
        let (status, answer) = held.end();
        assert_eq!(status, 401, "removed: {removed}: {answer}");
        assert!(!answer.contains("CERTIFICATE"), "{answer}");
    }
}

#[test]
fn wrong_join_tokens_hold_up_no_good_one_from_the_same_address() {
    let (server, sandbox, _block) = started("24h");
    let mut config = (*crate::serve_identity::trusting_pair(
        &sandbox.join("hosts.pem"),
        (sandbox.join("ada.pem"), sandbox.join("ada.key")),
    ))
    .clone();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let admin = server.admin.to_string();
    let mut statuses = Vec::new();
    for n in 0..1_000 {
        let name = "localhost".try_into().unwrap();
        let client = rustls::ClientConnection::new(Arc::new(config.clone()), name).unwrap();
        let stream = rustls::StreamOwned::new(client, connect(server.admin));
        let wrong = format!("meshctl_join_{n:048}");
        let what = ["POST", "/v1/join", "{}"];
        statuses.push(Held::send(stream, &admin, what, Some(&wrong)).end().0);
    }
    assert!(statuses.contains(&429) && !statuses.contains(&200), "{statuses:?}");
    token(&sandbox, "virtual_node/web");
    sandbox.run(&JOIN).exits(0);
}

#[test]
fn unfinished_bodies_of_one_operator_have_a_budget_a_deadline_and_are_freed() {
    let sandbox = Sandbox::with_mesh(&crate::directory::mesh(1));
    let server = Serve::run(sandbox.command(&SERVE)).unwrap();
    sandbox.write("meshctl.toml", target(&server));
    sandbox.run(&["apply", "--yes"]).exits(0);
    let reader =
        sandbox.run(&["serve", "operator", "add", "reader", "--role", "read", "--data", "data"]);
    let reader = reader.exits(0).stdout.trim().to_owned();
    let admin: SocketAddr = server.admin.parse().unwrap();
    let before = memory(server.pid());
    let started = Instant::now();
    let body = vec![b' '; 15 << 20];
    let path = "/v1/meshes/m/objects";
    let held: Vec<TcpStream> = (0..20)
        .map(|_| {
            let mut stream = connect(admin);
            let head = head(&server.admin, "POST", path, Some(&reader), body.len() + 1);
            stream.write_all(head.as_bytes()).unwrap();
            // Those beyond the budget are ended before all is sent.
            let _ = stream.write_all(&body);
            stream
        })
        .collect();
    let during = memory(server.pid());
    // Others are answered meanwhile.
    sandbox.run(&["status"]).exits(0);
    let mut ended = Vec::new();
    for mut stream in held {
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer).into_owned();
        ended.push(answer.split(' ').nth(1).unwrap_or("reset").to_owned());
    }
    let took = started.elapsed();
    println!("{before} MiB before, {during} MiB with 20 bodies held; {ended:?} after {took:?}");
    assert!(during < before + 100, "{before} MiB before, {during} MiB during");
    assert!(ended.iter().filter(|status| *status == "408").count() <= 2, "{ended:?}");
    assert!(ended.iter().all(|status| ["408", "429", "reset"].contains(&status.as_str())));
    assert!(ended.contains(&"408".to_owned()) && took < Duration::from_secs(60), "{ended:?}");
    // What they held is free again.
    for _ in 0..3 {
        let mut stream = connect(admin);
        let head = head(&server.admin, "POST", path, Some(&reader), body.len());
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(&body).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 400"), "spaces are no JSON: {answer}");
    }
}

#[test]
fn nothing_is_kept_of_meshes_that_do_not_exist() {
    let server = Server::with(0);
    let sandbox = server.project(1);
    sandbox.run(&["apply", "--yes"]).exits(0);
    let admin = server.url().strip_prefix("http://").unwrap().to_owned();
    let bearer = format!("Bearer {}", server.token());
    let headers = [("authorization", bearer.as_str())];
    for n in 0..2_000 {
        let path = format!("/v1/meshes/other-{n}/registry/n/s/instances/i");
        let body = b"{\"address\":\"10.0.0.1\",\"port\":80}".to_vec();
        let (status, answer) = server.send("PUT", &path, &headers, body);
        assert_eq!(status, 404, "{answer}");
        let path = format!("/v1/meshes/other-{n}/state");
        server.ask("GET", &path, &headers);
    }
    assert_eq!(figure(&admin, "meshctl_meshes"), 1);
}

#[test]
fn a_request_has_one_host_and_one_origin() {
    let server = Server::with(0);
    let admin = server.url().strip_prefix("http://").unwrap().to_owned();
    for name in ["host", "origin"] {
        let own = if name == "host" { admin.clone() } else { server.url() };
        for second in [own.as_str(), "evil.example"] {
            let mut stream = connect(&admin);
            let host = if name == "host" { String::new() } else { format!("host: {admin}\r\n") };
            let text = format!(
                "GET /v1 HTTP/1.1\r\n{host}{name}: {own}\r\n{name}: {second}\r\nauthorization: \
                 Bearer {}\r\nconnection: close\r\n\r\n",
                server.token()
            );
            stream.write_all(text.as_bytes()).unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            assert!(answer.starts_with("HTTP/1.1 400"), "{name}, {second}: {answer}");
        }
    }
    // A request whose line names a host says it again in its headers.
    for (host, status) in [(admin.as_str(), 200), ("evil.example", 400)] {
        let mut stream = connect(&admin);
        let text = format!(
            "GET http://{host}/v1 HTTP/1.1\r\nhost: {admin}\r\nauthorization: Bearer \
             {}\r\nconnection: close\r\n\r\n",
            server.token()
        );
        stream.write_all(text.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{host}: {answer}");
    }
}
