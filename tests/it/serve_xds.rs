//! The xDS server on sockets, against scripted clients: who is let in, what is refused, what work
//! a change makes.

use crate::support::served::Server;
use crate::support::xds_client::{Client, Status, Stream, ack, delta, resume};
use meshctl::envoy::csds;
use meshctl::envoy::xds::{DELTA_PATH, Request, STATE_PATH};
use meshctl::envoy::{ProxyConfig, ProxyId, Resource, ResourceType, Side};
use meshctl::model::{Address, NodeName, RegistryDiscovery};
use meshctl::revision::StepId;
use meshctl::serve::grpc::RPCS;
use meshctl::serve::hub::{Endpoint, Hub};
use meshctl::serve::identity::{Credentials, Identify, Identity, Spiffe, Unknown};
use meshctl::serve::limits::Limits;
use meshctl::serve::listen::{Clients, Tls, TlsPem};
use rcgen::{CertificateParams, CertifiedIssuer, IsCa, KeyPair, SanType};
use rustls::crypto::ring;
use rustls::pki_types::PrivateKeyDer;
use rustls::{ClientConfig, RootCertStore};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

pub(crate) const EDS: &str = ResourceType::ClusterLoadAssignment.type_url();
pub(crate) const A: &str = "mesh/m/virtual_node/a";
const B: &str = "mesh/m/virtual_node/b";

pub(crate) fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(work)
}

/// What selects the endpoints of these tests.
fn selector() -> RegistryDiscovery {
    RegistryDiscovery {
        namespace: "shop".to_owned(),
        service: "b".to_owned(),
        attributes: BTreeMap::new(),
        ip_preference: None,
    }
}

pub(crate) fn endpoints(name: &str, mark: usize) -> Arc<Resource> {
    let kind = ResourceType::ClusterLoadAssignment;
    let selector = serde_json::to_string(&selector()).unwrap();
    let json = serde_json::json!({
        "@type": EDS, "cluster_name": name, "endpoints": [{
            "priority": mark,
            "metadata": { "filter_metadata": { "meshctl.registry": { "selector": selector } } },
        }],
    });
    let json = json.to_string();
    let message = envoy_api::any_from_json(&serde_json::from_str(&json).unwrap()).unwrap();
    let mut version = envoy_api::wire_hash(&message);
    version.truncate(16);
    let node = NodeName::new("b").unwrap();
    let origins = vec![(Address::Node(node), "/discovery/registry".to_owned())];
    let (name, side) = (name.to_owned(), Side::Egress);
    Arc::new(Resource { kind, name, side, message, version, origins })
}

pub(crate) fn config(
    proxy: &str,
    resources: impl IntoIterator<Item = Arc<Resource>>,
) -> Arc<ProxyConfig> {
    let resources = resources.into_iter().map(|r| ((r.kind, r.name.clone()), r)).collect();
    Arc::new(ProxyConfig { proxy: proxy.parse().unwrap(), resources })
}

pub(crate) fn put(hub: &Hub, number: u64, configs: &[(&str, Option<Arc<ProxyConfig>>)]) {
    let changed: BTreeMap<ProxyId, _> =
        configs.iter().map(|(proxy, config)| (proxy.parse().unwrap(), config.clone())).collect();
    hub.put("m", StepId { revision: number, number: 1 }, changed);
}

/// Waits for something, at most as long as a test may take.
pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let waited = tokio::time::timeout(Duration::from_secs(30), async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    });
    assert!(waited.await.is_ok(), "not in time: {what}");
}

pub(crate) async fn ended(mut stream: Stream) -> Status {
    loop {
        if let Err(status) = stream.next().await {
            return status;
        }
    }
}

/// Lets in who has the token `good`, which may be `a`; it can be revoked.
struct Tokens(Arc<AtomicBool>);

impl Identify for Tokens {
    fn identify(&self, credentials: &Credentials) -> Result<Identity, Unknown> {
        match credentials.token.as_deref() {
            Some("good") if self.0.load(Ordering::SeqCst) => Ok(Identity::Token("1".to_owned())),
            Some(_) => Err(Unknown::Token),
            None => Err(Unknown::Nothing),
        }
    }

    fn may_be(&self, identity: &Identity, mesh: &str, proxy: &ProxyId) -> bool {
        *identity == Identity::Token("1".to_owned())
            && mesh == "m"
            && proxy.to_string() == "virtual_node/a"
    }
}

#[test]
fn s1_no_rpc_is_reached_without_a_credential() {
    block_on(async {
        let valid = Arc::new(AtomicBool::new(true));
        let server = Server::start(Hub::new(Limits::default()), Arc::new(Tokens(valid)), None, 0);
        put(
            &server.hub,
            1,
            &[("virtual_node/a", Some(config("virtual_node/a", [endpoints("e", 1)])))],
        );
        let fetch = "/envoy.service.discovery.v3.AggregatedDiscoveryService/FetchResources";
        let reflection = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
        let served = RPCS.iter().map(|rpc| rpc.path);
        let status = [csds::STREAM_PATH, csds::FETCH_PATH];
        let all = [DELTA_PATH, STATE_PATH].into_iter().chain(status);
        assert!(served.clone().eq(all), "an RPC that this test does not know");
        for path in served.clone().chain([fetch, reflection, "/", "*"]) {
            let path = if path == "*" { "/x" } else { path };
            for token in [None, Some(""), Some("bad"), Some("good "), Some("Bearer good")] {
                // A connection ends with the first rejection.
                let client = Client::connect(server.address, None).await.unwrap();
                let status = client.call(path, token).await.err().expect("a refusal");
                assert_eq!(status.code, 16, "{path} with {token:?}: {status:?}");
                assert!(!status.message.contains("good"), "{status:?}");
            }
        }
        assert_eq!(server.hub.counts().requests, 0, "no work was done");
        let client = Client::connect(server.address, None).await.unwrap();
        for path in [fetch, reflection, "/"] {
            assert_eq!(client.call(path, Some("good")).await.err().unwrap().code, 12, "X6, X7");
        }
        for path in served {
            let answer = client.call(path, Some("good")).await;
            match status.contains(&path) {
                // A proxy sees nothing of others.
                true => assert_eq!(answer.err().expect("a refusal").code, 7, "{path}"),
                false => assert!(answer.is_ok()),
            }
        }
    });
}

#[test]
fn s2_x1_a_peer_is_only_the_node_that_it_may_be() {
    block_on(async {
        let valid = Arc::new(AtomicBool::new(true));
        let server = Server::start(Hub::new(Limits::default()), Arc::new(Tokens(valid)), None, 0);
        let client = Client::connect(server.address, None).await.unwrap();
        let answer = async |nodes: &[&str]| {
            let stream = client.call(DELTA_PATH, Some("good")).await.unwrap();
            nodes.iter().for_each(|node| stream.send(&delta(node, EDS, &["e"])));
            ended(stream).await.code
        };
        assert_eq!(answer(&[B]).await, 7, "another node");
        assert_eq!(answer(&["mesh/other/virtual_node/a"]).await, 7, "another mesh");
        assert_eq!(answer(&["mesh/m/virtual_gateway/a"]).await, 7, "another kind");
        assert_eq!(answer(&[""]).await, 3, "X2: no node");
        assert_eq!(answer(&["a"]).await, 3, "no node id of ours");
        assert_eq!(answer(&[A, B]).await, 3, "X1: changed on the way");
        assert_eq!(answer(&[A, "mesh/m/virtual_node/a/1"]).await, 3, "so is another instance");
        let names: Vec<_> = server.hub.report("m").into_keys().collect();
        assert!(names.is_empty(), "nothing stays of who was refused: {names:?}");
    });
}

#[test]
fn s3_names_of_others_and_missing_names_look_alike() {
    block_on(async {
        let server = Server::open(Limits::default());
        let own = config("virtual_node/a", [endpoints("own", 1)]);
        let other = config("virtual_node/b", [endpoints("secret", 1)]);
        put(&server.hub, 1, &[("virtual_node/a", Some(own)), ("virtual_node/b", Some(other))]);
        let client = Client::connect(server.address, None).await.unwrap();
        for name in ["secret", "absent"] {
            let mut stream = client.delta().await;
            let version = endpoints("secret", 1).version.clone();
            stream.send(&resume(A, EDS, &[name], &BTreeMap::from([(name.to_owned(), version)])));
            let response = stream.next().await.unwrap();
            assert_eq!((response.resources.len(), response.removed), (0, vec![name.to_owned()]));
        }
    });
}

#[test]
fn s4_a_revoked_credential_ends_its_streams() {
    block_on(async {
        let valid = Arc::new(AtomicBool::new(true));
        let limits = Limits { recheck: Duration::from_millis(20), ..Limits::default() };
        let server = Server::start(Hub::new(limits), Arc::new(Tokens(valid.clone())), None, 0);
        put(
            &server.hub,
            1,
            &[("virtual_node/a", Some(config("virtual_node/a", [endpoints("e", 1)])))],
        );
        let client = Client::connect(server.address, None).await.unwrap();
        let mut by_check = client.call(DELTA_PATH, Some("good")).await.unwrap();
        by_check.send(&delta(A, EDS, &["e"]));
        by_check.take().await.unwrap();
        valid.store(false, Ordering::SeqCst);
        assert_eq!(ended(by_check).await.code, 16);
        valid.store(true, Ordering::SeqCst);
        let mut at_once = client.call(DELTA_PATH, Some("good")).await.unwrap();
        at_once.send(&delta(A, EDS, &["e"]));
        at_once.take().await.unwrap();
        server.hub.disconnect(&Identity::Token("2".to_owned()));
        assert_eq!(server.hub.streams(), 1, "another's revocation ends nothing");
        server.hub.disconnect(&Identity::Token("1".to_owned()));
        assert_eq!(ended(at_once).await.code, 14);
        until("the streams are forgotten", || server.hub.streams() == 0).await;
        // One that has ended when the first request comes is not asked for at its time only.
        let server =
            Server::start(Hub::new(Limits::default()), Arc::new(Tokens(valid.clone())), None, 0);
        let client = Client::connect(server.address, None).await.unwrap();
        let late = client.call(DELTA_PATH, Some("good")).await.unwrap();
        valid.store(false, Ordering::SeqCst);
        late.send(&delta(A, EDS, &["e"]));
        assert_eq!(ended(late).await.code, 16);
    });
}

#[test]
fn mutual_tls_says_who_a_proxy_is() {
    block_on(async {
        let ca = authority();
        let (chain, key) = issued(&ca, &[SanType::DnsName("localhost".try_into().unwrap())]);
        let roots = ca.pem();
        let pem = TlsPem {
            certificates: chain.as_bytes(),
            key: key.as_bytes(),
            clients: Clients::Only(roots.as_bytes()),
            protocols: &["h2"],
        };
        let trust_domain = "shop.example".to_owned();
        let spiffe = Spiffe { trust_domain, security: Arc::default(), own: None };
        let tls = Tls::new(&pem).unwrap();
        let server =
            Server::start(Hub::new(Limits::default()), Arc::new(spiffe), Some(tls.clone()), 0);
        put(
            &server.hub,
            1,
            &[("virtual_node/a", Some(config("virtual_node/a", [endpoints("e", 1)])))],
        );
        let uri =
            |path: &str| SanType::URI(format!("spiffe://shop.example/{path}").try_into().unwrap());
        let a = uri("mesh/m/virtual_node/a");

        let client =
            Client::connect(server.address, Some(trusting(&ca, &ca, std::slice::from_ref(&a))))
                .await
                .unwrap();
        let mut stream = client.delta().await;
        stream.send(&delta(A, EDS, &["e"]));
        assert_eq!(stream.take().await.unwrap().resources.len(), 1);
        let other = client.delta().await;
        other.send(&delta(B, EDS, &["e"]));
        assert_eq!(ended(other).await.code, 7, "S2: the certificate is of another node");
        // Of another kind, of another mesh, and of an instance, which is no proxy.
        for path in
            ["mesh/m/virtual_gateway/a", "mesh/other/virtual_node/a", "mesh/m/virtual_node/a/1"]
        {
            let tls = trusting(&ca, &ca, &[uri(path)]);
            let other = Client::connect(server.address, Some(tls)).await.unwrap().delta().await;
            other.send(&delta(A, EDS, &["e"]));
            assert_eq!(ended(other).await.code, 7, "S2: {path}");
        }
        let elsewhere = "spiffe://evil.example/mesh/m/virtual_node/a".try_into().unwrap();

        for names in [
            vec![],
            vec![a.clone(), uri("mesh/m/virtual_node/b")],
            vec![SanType::DnsName("a".try_into().unwrap())],
            vec![SanType::URI(elsewhere)],
        ] {
            let client =
                Client::connect(server.address, Some(trusting(&ca, &ca, &names))).await.unwrap();
            let refused = client.call(DELTA_PATH, None).await.err().expect("a refusal");
            assert_eq!(refused.code, 16, "{names:?}");
        }
        let stranger = authority();
        let tls_of_stranger = trusting(&ca, &stranger, std::slice::from_ref(&a));
        let refused = match Client::connect(server.address, Some(tls_of_stranger)).await {
            Ok(client) => client.call(DELTA_PATH, None).await.is_err(),
            Err(_) => true,
        };
        assert!(refused, "a certificate of another authority");
        assert!(
            Client::connect(server.address, None)
                .await
                .unwrap()
                .call(DELTA_PATH, None)
                .await
                .is_err(),
            "plaintext"
        );

        // F29: new certificates, and the stream that is open stays.
        let renewed = authority();
        let (chain, key) = issued(&renewed, &[SanType::DnsName("localhost".try_into().unwrap())]);
        tls.replace(&TlsPem { certificates: chain.as_bytes(), key: key.as_bytes(), ..pem })
            .unwrap();
        assert!(
            Client::connect(server.address, Some(trusting(&ca, &ca, std::slice::from_ref(&a))))
                .await
                .is_err()
        );
        let client =
            Client::connect(server.address, Some(trusting(&renewed, &ca, &[a]))).await.unwrap();
        assert!(client.call(DELTA_PATH, None).await.is_ok());
        put(
            &server.hub,
            2,
            &[("virtual_node/a", Some(config("virtual_node/a", [endpoints("e", 2)])))],
        );
        assert_eq!(stream.take().await.unwrap().resources.len(), 1);
    });
}

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Authority {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn issued(by: &Authority, names: &[SanType]) -> (String, String) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.subject_alt_names = names.to_vec();
    let key = KeyPair::generate().unwrap();
    (params.signed_by(&key, by).unwrap().pem(), key.serialize_pem())
}

/// A client that trusts one authority and has a certificate of another.
fn trusting(servers: &Authority, own: &Authority, names: &[SanType]) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(servers.der().clone()).unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.subject_alt_names = names.to_vec();
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, own).unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_client_auth_cert(vec![certificate.der().clone()], key)
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    Arc::new(config)
}

#[test]
fn s5_limits_hold_at_the_limit_and_beyond() {
    block_on(async {
        let limits = Limits {
            names: 3,
            name_bytes: 32,
            types: 6,
            request_bytes: 2_000,
            resume_bytes: 4_000,
            first_request: Duration::from_millis(100),
            streams: 4,
            ..Limits::default()
        };
        let server = Server::open(limits);
        put(
            &server.hub,
            1,
            &[("virtual_node/a", Some(config("virtual_node/a", [endpoints("e", 1)])))],
        );
        let client = Client::connect(server.address, None).await.unwrap();
        // The code with which the stream ends, or 0 if it still answers.
        let code = async |requests: &[Request]| {
            let mut stream = client.delta().await;
            requests.iter().for_each(|request| stream.send(request));
            let node = if requests.is_empty() { A } else { "" };
            stream.send(&delta(node, "type.googleapis.com/x.Last", &["end"]));
            loop {
                match stream.next().await {
                    Ok(response) if response.removed == ["end"] => return 0,
                    Ok(_) => {}
                    Err(status) => return status.code,
                }
            }
        };
        let names = |n: usize| (0..n).map(|n| format!("n{n}")).collect::<Vec<_>>();
        let ask = |n: usize| {
            let names = names(n);
            delta(A, EDS, &names.iter().map(String::as_str).collect::<Vec<_>>())
        };
        assert_eq!(code(&[ask(3)]).await, 0);
        for n in [4, 300] {
            assert_eq!(code(&[ask(n)]).await, 8, "{n} names");
        }
        assert_eq!(code(&[ask(3), ask(3)]).await, 0, "the same names again");
        assert_eq!(code(&[delta(A, EDS, &["e", "f"]), delta(A, EDS, &["e", "f"])]).await, 0);
        assert_eq!(code(&[ask(3), delta(A, EDS, &["more"])]).await, 8);
        let had =
            |n| resume(A, EDS, &[], &names(n).into_iter().map(|n| (n, "v".to_owned())).collect());
        assert_eq!(code(&[had(3)]).await, 0);
        assert_eq!(code(&[had(4)]).await, 8);
        assert_eq!(code(&[delta(A, EDS, &[&"x".repeat(32)])]).await, 0);
        assert_eq!(code(&[delta(A, EDS, &[&"x".repeat(33)])]).await, 8);
        let of = |n: usize| delta(A, &format!("type.googleapis.com/x.{n}"), &[]);
        assert_eq!(code(&[]).await, 0, "five types and one more");
        assert_eq!(code(&[of(1)]).await, 8, "and not two");
        let padded = |n: usize| delta(&format!("{A}/{}", "i".repeat(n)), EDS, &[]);
        assert_eq!(code(&[padded(10)]).await, 0);
        assert_eq!(code(&[padded(200)]).await, 8, "a node id of some length");
        assert_eq!(code(&[delta(A, &"u".repeat(3_000), &[])]).await, 8, "a large request");
        assert_eq!(code(&[delta(A, &"u".repeat(5_000), &[])]).await, 11, "a very large one");
        assert_eq!(ended(client.delta().await).await.code, 4, "a stream that says nothing");
        let mut silent = tokio::net::TcpStream::connect(server.address).await.unwrap();
        let mut bytes = Vec::new();
        let end = tokio::io::AsyncReadExt::read_to_end(&mut silent, &mut bytes);
        assert!(tokio::time::timeout(Duration::from_secs(30), end).await.is_ok(), "a connection");
        let long = BTreeMap::from([("x".repeat(33), "v".to_owned())]);
        assert_eq!(code(&[resume(A, EDS, &[], &long)]).await, 8);

        until("all streams have ended", || server.hub.streams() == 0).await;
        let mut open = Vec::new();
        for _ in 0..4 {
            let mut stream = client.delta().await;
            stream.send(&delta(A, EDS, &["e"]));
            stream.take().await.unwrap();
            open.push(stream);
        }
        let fifth = client.delta().await;
        fifth.send(&delta(A, EDS, &["e"]));
        assert_eq!(ended(fifth).await.code, 8);
        open.pop().unwrap().finish();
        until("one has ended", || server.hub.streams() == 3).await;
        let mut fifth = client.delta().await;
        fifth.send(&delta(A, EDS, &["e"]));
        assert!(fifth.take().await.is_ok());
    });
}

#[test]
fn x58_streams_beyond_the_rate_are_refused_and_those_that_are_open_live() {
    block_on(async {
        let limits =
            Limits { new_streams_per_second: 1, new_streams_burst: 2, ..Limits::default() };
        let server = Server::open(limits);
        put(
            &server.hub,
            1,
            &[("virtual_node/a", Some(config("virtual_node/a", [endpoints("e", 1)])))],
        );
        let client = Client::connect(server.address, None).await.unwrap();
        let mut stream = client.delta().await;
        stream.send(&delta(A, EDS, &["e"]));
        stream.take().await.unwrap();
        let calls = (0..8).map(|_| client.call(DELTA_PATH, None));
        let answers = futures_util::future::join_all(calls).await;
        let refused: Vec<u32> =
            answers.iter().filter_map(|a| a.as_ref().err()).map(|s| s.code).collect();
        assert!(refused.len() >= 5 && refused.iter().all(|code| *code == 8), "{refused:?}");
        put(
            &server.hub,
            2,
            &[("virtual_node/a", Some(config("virtual_node/a", [endpoints("e", 2)])))],
        );
        assert!(stream.take().await.is_ok());
    });
}

#[test]
fn garbage_ends_the_stream_that_it_came_on_and_no_other() {
    block_on(async {
        let server = Server::open(Limits::default());
        put(
            &server.hub,
            1,
            &[("virtual_node/a", Some(config("virtual_node/a", [endpoints("e", 1)])))],
        );
        let client = Client::connect(server.address, None).await.unwrap();
        let mut good = client.delta().await;
        good.send(&delta(A, EDS, &["e"]));
        good.take().await.unwrap();
        let bad = client.delta().await;
        bad.send_bytes(&[0xff; 40]);
        assert_eq!(ended(bad).await.code, 3);
        put(
            &server.hub,
            2,
            &[("virtual_node/a", Some(config("virtual_node/a", [endpoints("e", 2)])))],
        );
        assert!(good.take().await.is_ok());
    });
}

/// Meets a bug whenever one proxy opens a stream.
struct Buggy;

impl Identify for Buggy {
    fn identify(&self, _: &Credentials) -> Result<Identity, Unknown> {
        Ok(Identity::Loopback)
    }

    fn may_be(&self, _: &Identity, _: &str, proxy: &ProxyId) -> bool {
        assert_ne!(proxy.name(), "b", "a planted bug");
        true
    }
}

#[test]
fn f27_a_panic_ends_its_stream_and_no_other_of_the_connection() {
    block_on(async {
        let server = Server::start(Hub::new(Limits::default()), Arc::new(Buggy), None, 0);
        put(
            &server.hub,
            1,
            &[("virtual_node/a", Some(config("virtual_node/a", [endpoints("e", 1)])))],
        );
        let client = Client::connect(server.address, None).await.unwrap();
        let mut good = client.delta().await;
        good.send(&delta(A, EDS, &["e"]));
        good.take().await.unwrap();
        let bad = client.delta().await;
        bad.send(&delta(B, EDS, &["e"]));
        assert_eq!(ended(bad).await.code, 13);
        assert_eq!(server.hub.counts().panics, 1);
        put(
            &server.hub,
            2,
            &[("virtual_node/a", Some(config("virtual_node/a", [endpoints("e", 2)])))],
        );
        assert_eq!(good.take().await.unwrap().resources.len(), 1);
    });
}

#[test]
fn f24_one_that_refuses_everything_harms_no_other() {
    block_on(async {
        let server = Server::open(Limits::default());
        let all = |mark| {
            Some(config("virtual_node/a", (0..16).map(|n| endpoints(&format!("e{n}"), mark))))
        };
        put(&server.hub, 1, &[("virtual_node/a", all(1))]);
        let client = Client::connect(server.address, None).await.unwrap();
        let names: Vec<String> = (0..16).map(|n| format!("e{n}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let (mut good, mut bad) = (client.delta().await, client.delta().await);
        good.send(&delta(A, EDS, &names));
        bad.send(&delta(A, EDS, &names));
        for mark in 2..5 {
            assert_eq!(good.take().await.unwrap().resources.len(), 16);
            // By halves, until each of the sixteen was refused alone.
            for _ in 0..31 {
                let response = bad.next().await.unwrap();
                bad.send(&Request { refused: Some("no".to_owned()), ..ack(&response) });
            }
            until("all is refused", || {
                let report = server.hub.report("m");
                report.values().flatten().any(|i| i.progress.refused.len() == 16)
            })
            .await;
            put(&server.hub, mark, &[("virtual_node/a", all(mark as usize))]);
        }
    });
}

#[test]
fn registered_endpoints_reach_the_callers_of_a_node_and_outlive_a_change() {
    block_on(async {
        let server = Server::open(Limits::default());
        let own = |mark| {
            Some(config(
                "virtual_node/a",
                [endpoints("cds_egress_m_b_http_8080", 0), endpoints("other", mark)],
            ))
        };
        put(&server.hub, 1, &[("virtual_node/a", own(1))]);
        let client = Client::connect(server.address, None).await.unwrap();
        let mut stream = client.delta().await;
        stream.send(&delta(A, EDS, &["cds_egress_m_b_http_8080"]));
        let empty = stream.take().await.unwrap().resources[0].1.clone();
        let all: Vec<Endpoint> = ["127.0.0.2", "127.0.0.1"]
            .iter()
            .map(|ip| Endpoint { address: ip.parse().unwrap(), port: None, weight: 1 })
            .collect();
        server.hub.endpoints("m", &selector(), &all);
        let bytes = stream.next_bytes().await.unwrap();
        let holds =
            |bytes: &[u8], text: &str| bytes.windows(text.len()).any(|w| w == text.as_bytes());
        assert!(holds(&bytes, "127.0.0.1") && holds(&bytes, "127.0.0.2"));
        let response = meshctl::envoy::xds::Response::decode_delta(&bytes).unwrap();
        stream.send(&ack(&response));
        assert_ne!(response.resources[0].1, empty);
        // The same in another order is no change, and a step does not bring the empty one back.
        let sent = server.hub.counts().responses;
        server.hub.endpoints("m", &selector(), &[all[1].clone(), all[0].clone()]);
        put(&server.hub, 2, &[("virtual_node/a", own(2))]);
        server.hub.endpoints("m", &selector(), &all[..1]);
        let response = stream.take().await.unwrap();
        assert_eq!(response.resources.len(), 1);
        assert_eq!(server.hub.counts().responses, sent + 1);
    });
}

#[test]
fn p8_the_work_of_a_change_follows_its_subscribers_and_not_the_mesh() {
    block_on(async {
        let work = async |services: usize| {
            let server = Server::open(Limits::default());
            let proxy = |n: usize| format!("virtual_node/n{n}");
            let of = |n: usize, mark: usize| {
                config(
                    &proxy(n),
                    (0..20).map(|m| {
                        endpoints(&format!("e{}", n * 20 + m), if m == 0 { mark } else { 0 })
                    }),
                )
            };
            let all: Vec<(String, Arc<ProxyConfig>)> =
                (0..services / 20).map(|n| (proxy(n), of(n, 1))).collect();
            let all: Vec<_> = all.iter().map(|(n, c)| (n.as_str(), Some(c.clone()))).collect();
            put(&server.hub, 1, &all);
            let client = Client::connect(server.address, None).await.unwrap();
            let mut streams = Vec::new();
            // Ten instances of the node that changes, and one of each of five others.
            for n in [0; 10].into_iter().chain(1..6) {
                let mut stream = client.delta().await;
                let name = format!("e{}", n * 20);
                stream.send(&delta(&format!("mesh/m/{}", proxy(n)), EDS, &[&name]));
                stream.take().await.unwrap();
                streams.push(stream);
            }
            let newest = |step| {
                move |i: &meshctl::serve::hub::Instance| {
                    i.progress.step == Some(StepId { revision: step, number: 1 })
                }
            };
            let complete =
                || server.hub.report("m").values().flatten().filter(|i| newest(1)(i)).count();
            until("all have acknowledged", || complete() == 15).await;
            let before = server.hub.counts();
            put(&server.hub, 2, &[(&proxy(0), Some(of(0, 2)))]);
            for stream in &mut streams[..10] {
                stream.take().await.unwrap();
            }
            let after = server.hub.counts();
            (
                after.encodes - before.encodes,
                after.visits - before.visits,
                after.told - before.told,
                after.responses - before.responses,
                after.resources - before.resources,
                after.bytes - before.bytes,
            )
        };
        let small = work(1_000).await;
        assert_eq!(small, work(10_000).await, "a mesh ten times as large makes no more work");
        let (encodes, visits, told, responses, resources, _) = small;
        assert_eq!((encodes, told, responses, resources), (1, 10, 10, 10));
        assert_eq!(visits, 20 + 10, "the proxy's own resources, and the one that changed a stream");
    });
}
