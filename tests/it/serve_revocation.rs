//! A revoked proxy has nothing more: in whichever spelling its certificate names it, whoever issued
//! it, whatever the disk does, and after a restart or a restored backup.

use crate::live_apply::project;
use crate::serve_identity::{
    FOREIGN, JOIN, OWN, Server, WEB, issue, started, token, trusting, trusting_pair, uri,
};
use crate::serve_xds::{EDS, block_on, ended};
use crate::support::mesh::Block;
use crate::support::sandbox::Sandbox;
use crate::support::xds_client::{Client, Status, Stream, delta};
use meshctl::envoy::ProxyId;
use meshctl::envoy::xds::DELTA_PATH;
use meshctl::live;
use meshctl::live::server::{Access, TokenSource};
use meshctl::model::MeshName;
use rustls::ClientConfig;
use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A server of proxies whose certificates come from elsewhere, and a project.
fn foreign() -> (Server, Sandbox, Block) {
    let block = Block::take();
    let (sandbox, _) = project(&block);
    let server = Server::start(&sandbox, FOREIGN);
    sandbox.write("meshctl.toml", server.targets());
    sandbox.run(&["apply", "--yes"]).exits(0);
    for (name, path) in
        [("web", WEB), ("odd", "mesh/m/virtualNode/web"), ("cart", "mesh/m/virtual_node/cart-v1")]
    {
        issue(&sandbox, &server.proxies, name, &[uri(path)]);
    }
    (server, sandbox, block)
}

/// The TLS of a client with a certificate of this name.
fn tls(sandbox: &Sandbox, name: &str) -> Arc<ClientConfig> {
    let file = |end: &str| sandbox.join(&format!("{name}.{end}"));
    trusting_pair(&sandbox.join("hosts.pem"), (file("pem"), file("key")))
}

/// An open stream that has its first answer.
async fn open(server: &Server, tls: Arc<ClientConfig>, node: &str) -> (Client, Stream) {
    let client = Client::connect(server.xds, Some(tls)).await.unwrap();
    let mut stream = client.delta().await;
    stream.send(&delta(node, EDS, &["nothing"]));
    assert_eq!(stream.take().await.unwrap().removed, ["nothing"]);
    (client, stream)
}

/// How a stream ends that was revoked.
async fn end(stream: Stream) -> Status {
    let ended = tokio::time::timeout(Duration::from_secs(20), ended(stream));
    ended.await.expect("the stream ends")
}

/// The code of the rejection of a new connection; `None`: it is served.
async fn rejected(server: &Server, tls: Arc<ClientConfig>) -> Option<u32> {
    match Client::connect(server.xds, Some(tls)).await {
        Ok(client) => client.call(DELTA_PATH, None).await.err().map(|status| status.code),
        Err(_) => Some(16),
    }
}

/// Asks for revocations as the operator.
fn operator(server: &Server, sandbox: &Sandbox) -> live::Server {
    let access = Access {
        url: format!("https://{}", server.admin),
        token: Some(TokenSource::File(sandbox.join("data/operator.token"))),
        ca: Some(sandbox.join("hosts.pem")),
        identity: None,
    };
    live::Server::new(&access, MeshName::new("m").unwrap()).unwrap()
}

#[test]
fn a_revocation_reaches_every_spelling_and_every_authority_until_the_proxy_is_allowed() {
    let (mut server, sandbox, _block) = foreign();
    let (web, odd, cart) = (tls(&sandbox, "web"), tls(&sandbox, "odd"), tls(&sandbox, "cart"));
    block_on(async {
        let (_one, by_name) = open(&server, web.clone(), WEB).await;
        let (_two, by_other_name) = open(&server, odd.clone(), WEB).await;
        let (_three, mut other) = open(&server, cart.clone(), "mesh/m/virtual_node/cart-v1").await;
        sandbox.run(&["serve", "revoke", "virtual_node/web"]).exits(0);
        for stream in [by_name, by_other_name] {
            let status = end(stream).await;
            assert!([14, 16].contains(&status.code), "{}: {}", status.code, status.message);
        }
        for tls in [&web, &odd] {
            assert_eq!(rejected(&server, tls.clone()).await, Some(16));
        }
        // A certificate that is issued later does not count either: only an operator says when.
        issue(&sandbox, &server.proxies, "later", &[uri(WEB)]);
        assert_eq!(rejected(&server, tls(&sandbox, "later")).await, Some(16));
        other.send(&delta("", EDS, &["more"]));
        assert_eq!(other.take().await.unwrap().removed, ["more"], "another proxy is served");
    });
    server.again(&sandbox, "data", FOREIGN);
    block_on(async {
        assert_eq!(rejected(&server, odd.clone()).await, Some(16), "after a restart");
        sandbox.run(&["serve", "allow", "virtual_node/web"]).exits(0);
        assert_eq!(rejected(&server, web.clone()).await, None);
        assert_eq!(rejected(&server, odd.clone()).await, None);
    });
    let ran = sandbox.run(&["serve", "allow", "virtual_node/web"]).exits(1);
    assert!(ran.stderr.contains("is not denied"), "{}", ran.stderr);
}

#[test]
fn a_revoked_proxy_keeps_its_stream_for_less_than_a_second() {
    let (server, sandbox, _block) = foreign();
    let operator = Arc::new(operator(&server, &sandbox));
    let web = tls(&sandbox, "web");
    // A client of the admin API blocks, so it asks in a thread of its own.
    let ask = |verb: fn(&live::Server, &ProxyId) -> Result<(), live::Error>| {
        let operator = Arc::clone(&operator);
        std::thread::spawn(move || verb(&operator, &"virtual_node/web".parse().unwrap()).unwrap())
    };
    let mut longest = Duration::ZERO;
    block_on(async {
        for _ in 0..20 {
            let (_client, stream) = open(&server, web.clone(), WEB).await;
            let since = Instant::now();
            let asked = ask(live::Server::revoke);
            end(stream).await;
            longest = longest.max(since.elapsed());
            asked.join().unwrap();
            ask(live::Server::allow).join().unwrap();
        }
    });
    println!("a stream lives on after `revoke` is sent for at most {longest:?} (20 times)");
    assert!(longest < Duration::from_secs(1), "{longest:?}");
}

#[test]
fn a_revocation_ends_join_tokens_that_were_made_before_it() {
    let (_server, sandbox, _block) = started("24h");
    token(&sandbox, "virtual_node/web");
    sandbox.run(&["serve", "revoke", "virtual_node/web"]).exits(0);
    assert_eq!(sandbox.run(&["serve", "tokens", "list"]).exits(0).stdout, "");
    sandbox.run(&JOIN).exits(4);
    // One that is for others too works for them, and not for the revoked proxy.
    token(&sandbox, "virtual_node/*");
    sandbox.run(&["serve", "revoke", "virtual_node/web"]).exits(0);
    let ran = sandbox.run(&JOIN).exits(4);
    assert!(ran.stderr.contains("revoked after it was made"), "{}", ran.stderr);
    let mut other = JOIN;
    (other[1], other[3]) = ("virtual_node/cart-v1", "other");
    sandbox.run(&other).exits(0);
    // It comes back by a token that is made later.
    token(&sandbox, "virtual_node/web");
    sandbox.run(&JOIN).exits(0);
}

#[test]
fn a_restored_backup_brings_no_revoked_certificate_back_and_keeps_operators_and_tokens() {
    let (mut server, sandbox, _block) = started("24h");
    sandbox.run(&["apply", "--yes"]).exits(0);
    for (proxy, id) in [("virtual_node/web", "id"), ("virtual_node/cart-v1", "other")] {
        token(&sandbox, proxy);
        let mut join = JOIN;
        (join[1], join[3]) = (proxy, id);
        sandbox.run(&join).exits(0);
    }
    let hosts = sandbox.join("hosts.pem");
    let of = |id: &str| trusting(&hosts, &sandbox.join(id));
    let (web, cart) = (of("id"), of("other"));
    sandbox.run(&["serve", "revoke", "virtual_node/web"]).exits(0);
    block_on(async {
        assert_eq!(rejected(&server, web.clone()).await, Some(16));
        assert_eq!(rejected(&server, cart.clone()).await, None);
    });
    let unused = token(&sandbox, "virtual_node/web");
    server.kill();
    sandbox.run(&["store", "backup", "backup", "--data", "data"]).exits(0);
    let ran = sandbox.run(&["store", "restore", "backup", "--data", "restored"]).exits(0);
    assert!(ran.stdout.contains("operators: ada, operator"), "{}", ran.stdout);
    fs::copy(sandbox.join("data/operator.token"), sandbox.join("kept.token")).unwrap();
    server.again(&sandbox, "restored", OWN);
    assert!(!sandbox.join("restored/operator.token").exists(), "no operator is made");
    let target = server.targets().replace("data/operator.token", "kept.token");
    sandbox.write("meshctl.toml", target);
    sandbox.run(&["status"]).exits(0);
    sandbox.run(&["status", "--target", "ada"]).exits(0);
    block_on(async {
        assert_eq!(rejected(&server, web.clone()).await, Some(16), "it was revoked");
        // What was revoked after the backup is not known: all join again.
        assert_eq!(rejected(&server, cart.clone()).await, Some(16));
    });
    assert!(sandbox.run(&["serve", "tokens", "list"]).exits(0).stdout.contains("virtual_node/web"));
    sandbox.write("token", unused);
    sandbox.run(&JOIN).exits(0);
    block_on(async { assert_eq!(rejected(&server, of("id")).await, None) });
}

#[test]
fn a_revocation_counts_although_the_disk_fails_and_is_written_later() {
    let (mut server, sandbox, _block) = foreign();
    // The folder goes away, and with it every write; the token is elsewhere.
    fs::copy(sandbox.join("data/operator.token"), sandbox.join("kept.token")).unwrap();
    let target = server.targets().replace("data/operator.token", "kept.token");
    sandbox.write("meshctl.toml", target);
    let web = tls(&sandbox, "web");
    block_on(async {
        let (_client, stream) = open(&server, web.clone(), WEB).await;
        fs::rename(sandbox.join("data"), sandbox.join("gone")).unwrap();
        let ran = sandbox.run(&["serve", "revoke", "virtual_node/web"]).exits(6);
        assert!(ran.stderr.contains("is revoked, but a restart"), "{}", ran.stderr);
        assert!(ran.stderr.contains("store.redb"), "{}", ran.stderr);
        end(stream).await;
        assert_eq!(rejected(&server, web.clone()).await, Some(16));
    });
    fs::rename(sandbox.join("gone"), sandbox.join("data")).unwrap();
    // The server tries again by itself, twice a second.
    std::thread::sleep(Duration::from_secs(3));
    server.again(&sandbox, "data", FOREIGN);
    block_on(async { assert_eq!(rejected(&server, web.clone()).await, Some(16)) });
}

#[test]
fn a_restored_backup_keeps_the_revocations_of_certificates_of_others() {
    let (mut server, sandbox, _block) = foreign();
    let (web, cart) = (tls(&sandbox, "web"), tls(&sandbox, "cart"));
    sandbox.run(&["serve", "revoke", "virtual_node/web"]).exits(0);
    server.kill();
    sandbox.run(&["store", "backup", "backup", "--data", "data"]).exits(0);
    sandbox.run(&["store", "restore", "backup", "--data", "restored"]).exits(0);
    server.again(&sandbox, "restored", FOREIGN);
    block_on(async {
        assert_eq!(rejected(&server, web).await, Some(16));
        assert_eq!(rejected(&server, cart).await, None);
    });
}
