//! Who a proxy is: join tokens, certificates that are issued, renewed and shut out, operators by
//! certificate, and a server whose own certificates change while it runs.

use crate::live_apply::project;
use crate::serve_xds::{EDS, block_on, ended};
use crate::support::envoy;
use crate::support::mesh::Block;
use crate::support::sandbox::Sandbox;
use crate::support::xds_client::{Client, delta};
use meshctl::dev::client;
use meshctl::envoy::xds::DELTA_PATH;
use meshctl::live::server::{Access, TokenSource, joining::RenewRequest};
use meshctl::live::{self, Read as _, identity};
use meshctl::model::MeshName;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, SanType};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

pub(crate) const WEB: &str = "mesh/m/virtual_node/web";

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority(name: &str) -> Authority {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

pub(crate) fn issue(sandbox: &Sandbox, by: &Authority, name: &str, names: &[SanType]) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.subject_alt_names = names.to_vec();
    let key = KeyPair::generate().unwrap();
    sandbox.write(&format!("{name}.pem"), params.signed_by(&key, by).unwrap().pem());
    sandbox.write(&format!("{name}.key"), key.serialize_pem());
}

pub(crate) fn uri(path: &str) -> SanType {
    SanType::URI(format!("spiffe://shop.example/{path}").try_into().unwrap())
}

fn local() -> [SanType; 2] {
    let name = SanType::DnsName("localhost".try_into().unwrap());
    [SanType::IpAddress("127.0.0.1".parse().unwrap()), name]
}

/// A `meshctl serve` under TLS that signs the certificates of proxies.
pub(crate) struct Server {
    child: Child,
    pub(crate) admin: SocketAddr,
    pub(crate) xds: SocketAddr,
    operators: Authority,
    hosts: Authority,
    /// Of proxies.
    pub(crate) proxies: Authority,
}

/// How the listeners are served.
const LISTENERS: &str = "--admin-cert server.pem --admin-key server.key --admin-client-ca \
    operators.pem --xds-cert server.pem --xds-key server.key --trust-domain shop.example --grace 5s";
/// The server signs the certificates of proxies.
pub(crate) const OWN: &str =
    "--identity-cert proxies.pem --identity-key proxies.key --xds-ca hosts.pem";
/// They come from elsewhere.
pub(crate) const FOREIGN: &str = "--xds-client-ca proxies.pem";
/// Any free ports.
pub(crate) const FREE: [&str; 2] = ["127.0.0.1:0"; 2];

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    pub(crate) fn start(sandbox: &Sandbox, more: &str) -> Self {
        let (hosts, operators) = (authority("hosts"), authority("operators"));
        let proxies = authority("proxies");
        sandbox.write("hosts.pem", hosts.pem());
        sandbox.write("operators.pem", operators.pem());
        sandbox.write("proxies.pem", proxies.pem());
        sandbox.write("proxies.key", proxies.key().serialize_pem());
        issue(sandbox, &hosts, "server", &local());
        for name in ["ada", "bob", "eve"] {
            issue(sandbox, &operators, name, &[uri(&format!("operator/{name}"))]);
        }
        issue(sandbox, &operators, "fake", &[uri(WEB)]);
        let (child, admin, xds) = Self::launch(sandbox, "", "data", FREE, more);
        Self { child, admin, xds, operators, hosts, proxies }
    }

    /// Ends it without a word, and starts one with the same files on a folder; it keeps its ports.
    pub(crate) fn again(&mut self, sandbox: &Sandbox, data: &str, more: &str) {
        self.again_after("", sandbox, data, more);
    }

    /// The same, after a shell has done something.
    pub(crate) fn again_after(&mut self, first: &str, sandbox: &Sandbox, data: &str, more: &str) {
        self.kill();
        let at = [self.admin, self.xds].map(|address| address.to_string());
        let at = at.each_ref().map(String::as_str);
        (self.child, self.admin, self.xds) = Self::launch(sandbox, first, data, at, more);
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends it without a word.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    fn launch(
        sandbox: &Sandbox,
        first: &str,
        data: &str,
        [admin, xds]: [&str; 2],
        more: &str,
    ) -> (Child, SocketAddr, SocketAddr) {
        let mut args = vec!["serve", "--data", data, "--admin", admin, "--xds", xds];
        args.extend(LISTENERS.split_whitespace());
        args.extend(more.split_whitespace());
        let log = fs::File::create(sandbox.join("serve.log")).unwrap();
        // Whatever the umask is, what it writes is for its owner alone.
        let mut command = Command::new("sh");
        let ours = sandbox.command(&args);
        let script = format!("{first} umask 000; exec \"$0\" \"$@\"");
        command.args(["-c", &script]).arg(ours.get_program());
        command.args(ours.get_args()).current_dir(sandbox.path());
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut next = |word: &str| -> SocketAddr {
            let line = lines.next().expect("serve starts").unwrap();
            line.strip_prefix(word).unwrap().trim().parse().unwrap()
        };
        let (admin, xds) = (next("admin"), next("xds"));
        (child, admin, xds)
    }

    /// What `meshctl.toml` says of it: an operator by token, and one by certificate.
    pub(crate) fn targets(&self) -> String {
        let Self { admin, xds, .. } = self;
        let at = format!("server = \"https://{admin}\"\nxds = \"{xds}\"\n");
        format!(
            "default_target = \"prod\"\n\
             [targets.prod]\n{at}token = {{ file = \"data/operator.token\" }}\n\
             tls = {{ ca = \"hosts.pem\" }}\n\
             {}",
            ["ada", "bob", "eve", "fake"]
                .map(|name| format!(
                    "[targets.{name}]\n{at}tls = {{ ca = \"hosts.pem\", certificate = \
                     \"{name}.pem\", key = \"{name}.key\" }}\n"
                ))
                .concat()
        )
    }
}

/// A server and a project that has it as its target.
pub(crate) fn started(life: &str) -> (Server, Sandbox, Block) {
    started_with(&format!("--identity-life {life}"))
}

/// The same, started with more.
pub(crate) fn started_with(more: &str) -> (Server, Sandbox, Block) {
    let block = Block::take();
    let (sandbox, _) = project(&block);
    let server = Server::start(&sandbox, &format!("{OWN} {more}"));
    sandbox.write("meshctl.toml", server.targets());
    certify(&sandbox, "ada", "write");
    (server, sandbox, block)
}

/// Makes an operator of who has the certificate of this name.
fn certify(sandbox: &Sandbox, name: &str, role: &str) {
    let own = format!("spiffe://shop.example/operator/{name}");
    let args = ["serve", "operator", "add", name, "--role", role, "--certificate", &own];
    let ran = sandbox.run(&[&args[..], &["--data", "data"]].concat()).exits(0);
    assert!(ran.stdout.is_empty() && ran.stderr.contains(&own), "{}", ran.all());
}

/// Has a join token made and writes it to a file.
pub(crate) fn token(sandbox: &Sandbox, proxies: &str) -> String {
    let token = sandbox.run(&["serve", "token", proxies]).exits(0).stdout;
    sandbox.write("token", &token);
    fs::set_permissions(sandbox.join("token"), fs::Permissions::from_mode(0o600)).unwrap();
    token.trim().to_owned()
}

#[test]
fn a_join_token_that_cannot_be_printed_is_removed_again() {
    let (_server, sandbox, _block) = started("1h");
    let full = || fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut command = sandbox.command(&["serve", "token", "virtual_node/web"]);
    let output = command.stdout(full()).output().unwrap();
    let ran = crate::support::sandbox::Ran::new(output).exits(1);
    assert!(ran.stderr.contains("the join token was removed again"), "{}", ran.stderr);
    let list = ["serve", "tokens", "list"];
    assert_eq!(sandbox.run(&list).exits(0).stdout, "");
    token(&sandbox, "virtual_node/web");
    let mut command = sandbox.command(&list);
    let output = command.stdout(full()).output().unwrap();
    crate::support::sandbox::Ran::new(output).exits(1);
}

pub(crate) const JOIN: [&str; 6] =
    ["bootstrap", "virtual_node/web", "--identity", "id", "--join-token", "@token"];

/// A client of xDS with the identity of a folder.
pub(crate) fn trusting(ca: &Path, folder: &Path) -> Arc<ClientConfig> {
    trusting_pair(ca, identity::pair(folder))
}

/// A client of xDS with a certificate and its key.
pub(crate) fn trusting_pair(ca: &Path, (chain, key): (PathBuf, PathBuf)) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(ca).unwrap()).unwrap();
    let chain = CertificateDer::pem_file_iter(chain).unwrap().map(Result::unwrap).collect();
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_client_auth_cert(chain, PrivateKeyDer::from_pem_file(key).unwrap())
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    Arc::new(config)
}

fn holds(path: &Path, text: &str) -> bool {
    let bytes = fs::read(path).unwrap();
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !holds() {
        assert!(Instant::now() < deadline, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_join_token_makes_one_proxy_once_and_is_kept_nowhere() {
    let (server, sandbox, _block) = started("24h");
    // A token for others, among the arguments, or none at all.
    let made = token(&sandbox, "virtual_node/cart-*");
    let ran = sandbox.run(&JOIN).exits(4);
    assert!(ran.stderr.contains("for virtual_node/cart-*"), "{}", ran.stderr);
    let mut shown = JOIN;
    shown[5] = &made;
    let ran = sandbox.run(&shown).exits(64);
    assert!(ran.stderr.contains("shows in `ps`") && !ran.stderr.contains(&made), "{}", ran.stderr);
    let ran = sandbox.run(&JOIN[..4]).exits(1);
    assert!(ran.stderr.contains("serve token"), "{}", ran.stderr);
    sandbox.run(&["serve", "token", "virtual_node/*x"]).exits(1);
    sandbox.run(&["serve", "token", "virtual_node/web", "--life", "25h"]).exits(1);
    // A token that has ended; then one that counts, from the environment.
    let ended =
        sandbox.run(&["serve", "token", "virtual_node/web", "--life", "1s"]).exits(0).stdout;
    let joins = |token: &str| {
        let mut command = sandbox.command(&JOIN[..4]);
        let output = command.env("MESHCTL_JOIN_TOKEN", token.trim()).output().unwrap();
        crate::support::sandbox::Ran::new(output)
    };
    std::thread::sleep(Duration::from_millis(2_100));
    let ran = joins(&ended).exits(4);
    assert!(ran.stderr.contains("too old"), "{}", ran.stderr);
    let made = token(&sandbox, "virtual_node/we*");
    let bootstrap = joins(&made).exits(0).stdout;
    for word in ["certificate.yaml", "trust.yaml", "match_typed_subject_alt_names"] {
        assert!(bootstrap.contains(word), "{word}: {bootstrap}");
    }
    let ran = sandbox.run(&JOIN).exits(4);
    assert!(ran.stderr.contains("was used"), "{}", ran.stderr);
    // The bootstrap alone, from what is there.
    assert_eq!(sandbox.run(&JOIN[..4]).exits(0).stdout, bootstrap);

    // Nobody but the owner reads any of it, and no secret stands where it should not (S10, S11).
    let key = fs::read_to_string(identity::pair(&sandbox.join("id")).1).unwrap();
    let secret = key.lines().nth(1).unwrap().to_owned();
    let mut seen = 0;
    for folder in ["data", "id", "id/current"] {
        assert_eq!(
            fs::metadata(sandbox.join(folder)).unwrap().permissions().mode() & 0o77,
            0,
            "{folder}"
        );
        for entry in fs::read_dir(sandbox.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                seen += 1;
                let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
                assert_eq!(mode, 0o600, "{}", path.display());
                assert!(!holds(&path, &made), "{} holds the join token", path.display());
                assert_eq!(holds(&path, &secret), path.ends_with("key.pem"), "{}", path.display());
            }
        }
    }
    assert!(seen > 8, "{seen}");
    assert!(!bootstrap.contains(&secret) && !holds(&sandbox.join("serve.log"), &made));
    let audit = fs::read_to_string(sandbox.join("data/audit.ndjson")).unwrap();
    let ends: Vec<(String, String)> = audit
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .map(|line| (line["verb"].as_str().unwrap().into(), line["end"].as_str().unwrap().into()))
        .collect();
    assert!(ends.contains(&("join".into(), "refused: another proxy".into())), "{audit}");
    assert_eq!(ends.iter().filter(|(verb, end)| verb == "join" && end == "done").count(), 1);
    drop(server);
}

#[test]
fn a_proxy_is_no_operator_and_an_operator_is_no_proxy() {
    let (server, sandbox, _block) = started("24h");
    token(&sandbox, "virtual_node/web");
    sandbox.run(&JOIN).exits(0);
    // An operator by certificate alone.
    sandbox.run(&["apply", "--yes", "--target", "ada"]).exits(0);
    let history = sandbox.run(&["history", "--format", "json", "--target", "ada"]).exits(0).stdout;
    assert!(history.contains("\"by\": \"ada"), "{history}");
    // One of the operators' authority that names a proxy is nobody's, nor is the opposite.
    issue(&sandbox, &server.proxies, "bob", &[uri("operator/ada")]);
    for name in ["fake", "bob"] {
        let said = sandbox.run(&["status", "--target", name]).exits(4).stderr;
        assert!(said.contains("token of an operator"), "{said}");
    }
    // What the server signed for a proxy opens no other route than its own.
    let access = |pair: (PathBuf, PathBuf)| Access {
        url: format!("https://{}", server.admin),
        token: None,
        ca: Some(sandbox.join("hosts.pem")),
        identity: Some(pair),
    };
    let name = MeshName::new("m").unwrap();
    let proxy =
        live::Server::new(&access(identity::pair(&sandbox.join("id"))), name.clone()).unwrap();
    let refused = proxy.state().unwrap_err();
    assert!(refused.to_string().contains("token of an operator"), "{refused}");
    let request = RenewRequest { request: identity::Request::new().unwrap().text().to_owned() };
    proxy.renew(&request).unwrap();
    let odd = proxy.renew(&RenewRequest { request: "no request".to_owned() }).unwrap_err();
    assert!(odd.to_string().contains("no signing request"), "{odd}");
    for name_of in ["ada", "fake"] {
        let file = |end: &str| sandbox.join(&format!("{name_of}.{end}"));
        let other = live::Server::new(&access((file("pem"), file("key"))), name.clone()).unwrap();
        let refused = other.renew(&request).unwrap_err();
        assert!(refused.to_string().contains("certificate of a proxy"), "{refused}");
    }
    // Nor does the operator's token renew or join.
    let by_token = Access {
        identity: None,
        token: Some(TokenSource::File(sandbox.join("data/operator.token"))),
        ..access((sandbox.join("ada.pem"), sandbox.join("ada.key")))
    };
    let operator = live::Server::new(&by_token, name).unwrap();
    assert!(operator.state().is_ok());
    assert!(operator.renew(&request).is_err());
}

#[test]
fn s4_a_stream_ends_with_the_certificate_and_when_it_is_shut_out() {
    for (life, shut_out) in [("24h", true), ("8s", false)] {
        let (server, sandbox, _block) = started(life);
        sandbox.run(&["apply", "--yes"]).exits(0);
        token(&sandbox, "virtual_node/web");
        sandbox.run(&JOIN).exits(0);
        block_on(async {
            let tls = trusting(&sandbox.join("hosts.pem"), &sandbox.join("id"));
            let client = Client::connect(server.xds, Some(tls.clone())).await.unwrap();
            let mut stream = client.delta().await;
            stream.send(&delta(WEB, EDS, &["nothing"]));
            assert_eq!(stream.take().await.unwrap().removed, ["nothing"]);
            // S2: its certificate, and another's name.
            let other = client.delta().await;
            other.send(&delta("mesh/m/virtual_node/cart-v1", EDS, &["nothing"]));
            assert_eq!(ended(other).await.code, 7);
            if shut_out {
                sandbox.run(&["serve", "revoke", "virtual_node/web"]).exits(0);
            }
            let status = ended(stream).await;
            assert!([14, 16].contains(&status.code), "{}: {}", status.code, status.message);
            let again = match Client::connect(server.xds, Some(tls)).await {
                Ok(client) => client.call(DELTA_PATH, None).await.err().map(|status| status.code),
                Err(_) => Some(16),
            };
            assert_eq!(again, Some(16), "{life}");
        });
        // It does not come back by renewing, but by joining again.
        let ran =
            sandbox.run(&["bootstrap", "virtual_node/web", "--identity", "id", "--renew", "now"]);
        assert!([4, 6].contains(&ran.code), "{}", ran.stderr);
        if shut_out {
            token(&sandbox, "virtual_node/web");
            sandbox.run(&JOIN).exits(0);
            block_on(async {
                let tls = trusting(&sandbox.join("hosts.pem"), &sandbox.join("id"));
                let client = Client::connect(server.xds, Some(tls)).await.unwrap();
                assert!(client.call(DELTA_PATH, None).await.is_ok());
            });
        }
    }
}

#[test]
fn certificates_of_the_server_change_without_ending_a_stream() {
    let (server, sandbox, _block) = started("24h");
    sandbox.run(&["apply", "--yes"]).exits(0);
    token(&sandbox, "virtual_node/web");
    sandbox.run(&JOIN).exits(0);
    let figures = || {
        let args = [
            "-c",
            "import ssl,sys,urllib.request as u; c=ssl.create_default_context(cafile=sys.argv[1]); print(u.urlopen(sys.argv[2], context=c).read().decode())",
        ];
        let url = format!("https://{}/metrics", server.admin);
        let output =
            Command::new("python3").args(args).arg(sandbox.join("trust.pem")).arg(url).output();
        String::from_utf8(output.unwrap().stdout).unwrap()
    };
    sandbox.write("trust.pem", server.hosts.pem());
    let told = |word: &str| fs::read_to_string(sandbox.join("serve.log")).unwrap().contains(word);
    assert!(figures().contains("certificate_not_after_timestamp_seconds{listener=\"xds\"}"));
    block_on(async {
        let tls = trusting(&sandbox.join("hosts.pem"), &sandbox.join("id"));
        let client = Client::connect(server.xds, Some(tls.clone())).await.unwrap();
        let mut stream = client.delta().await;
        stream.send(&delta(WEB, EDS, &["one"]));
        assert_eq!(stream.take().await.unwrap().removed, ["one"]);

        // A key that does not fit: told, counted, not used.
        let key = fs::read(sandbox.join("server.key")).unwrap();
        sandbox.write("server.key", KeyPair::generate().unwrap().serialize_pem());
        until("the pair is refused", || told("are not used, the old ones are"));
        until("and counted", || figures().contains("certificate_reload_failures_total 2"));
        assert!(Client::connect(server.xds, Some(tls.clone())).await.is_ok());
        sandbox.write("server.key", key);
        until("the old files again", || figures().contains("certificate_reloads_total 2"));

        // Another authority.
        let renewed = authority("renewed");
        issue(&sandbox, &renewed, "server", &local());
        sandbox.write("trust.pem", [server.hosts.pem(), renewed.pem()].concat());
        until("both have them", || figures().contains("certificate_reloads_total 4"));
        assert!(told("new certificates of xds are in use"));
        assert!(Client::connect(server.xds, Some(tls)).await.is_err(), "nobody has the old one");
        sandbox.write("renewed.pem", renewed.pem());
        let tls = trusting(&sandbox.join("renewed.pem"), &sandbox.join("id"));
        let client = Client::connect(server.xds, Some(tls)).await.unwrap();
        assert!(client.call(DELTA_PATH, None).await.is_ok());
        // The stream from before lives.
        stream.send(&delta("", EDS, &["two"]));
        assert_eq!(stream.take().await.unwrap().removed, ["two"]);
    });
    // A hangup asks for it at once, and ends nothing.
    let id = rustix::process::Pid::from_child(&server.child);
    rustix::process::kill_process(id, rustix::process::Signal::HUP).unwrap();
    until("read again", || figures().contains("certificate_reloads_total 6"));
    assert!(server.operators.pem().contains("BEGIN"));
}

#[test]
fn an_envoy_takes_up_its_next_certificate_and_keeps_its_stream() {
    let (_server, sandbox, _block) = started("24h");
    sandbox.run(&["apply", "--yes"]).exits(0);
    token(&sandbox, "virtual_node/web");
    let socket = sandbox.join("web.sock");
    let mut join = JOIN.to_vec();
    join.extend(["--admin", socket.to_str().unwrap()]);
    let bootstrap = sandbox.run(&join).exits(0).stdout;
    sandbox.write("web.yaml", bootstrap);
    let log = fs::File::create(sandbox.join("web.log")).unwrap();
    let child = Command::new(envoy::binary())
        .args(["-c", "web.yaml", "--concurrency", "1", "--disable-hot-restart"])
        .args(["--log-level", "warning", "--reject-unknown-dynamic-fields"])
        .current_dir(sandbox.path())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .unwrap();
    let _envoy = crate::live_apply::Envoys(vec![child]);
    let web = || -> Value {
        let status = sandbox.run(&["status", "--format", "json"]).exits(0).stdout;
        let status: Value = serde_json::from_str(&status).unwrap();
        let all = status["proxies"].as_array().unwrap().clone();
        all.into_iter().find(|proxy| proxy["proxy"] == "virtual_node/web").unwrap()
    };
    until("the Envoy has everything", || web()["state"] == "in_force");
    let connected = web()["envoys"][0]["connected"].clone();
    let admin = |path: &str| {
        block_on(async {
            let answer = client::admin(&socket, "GET", path, Duration::from_secs(5)).await.unwrap();
            String::from_utf8(answer.body.to_vec()).unwrap()
        })
    };
    // The serial of its own certificate, as Envoy tells it.
    let serial = || -> Option<String> {
        let certs: Value = serde_json::from_str(&admin("/certs")).ok()?;
        let all = certs["certificates"].as_array()?;
        let own = all.iter().find_map(|one| one["cert_chain"][0]["serial_number"].as_str())?;
        Some(own.to_owned())
    };
    let first = serial().expect("a certificate");
    sandbox.run(&["bootstrap", "virtual_node/web", "--identity", "id", "--renew", "now"]).exits(0);
    until("the Envoy has the next certificate", || serial().is_some_and(|now| now != first));
    assert_eq!(web()["state"], "in_force");
    assert_eq!(web()["envoys"][0]["connected"], connected, "the stream is the one from before");
    assert!(admin("/stats").contains("control_plane.connected_state: 1"));
}

#[test]
fn f29_an_envoy_comes_back_under_its_next_certificate_when_the_first_has_ended() {
    let (_server, sandbox, _block) = started("10s");
    sandbox.run(&["apply", "--yes"]).exits(0);
    token(&sandbox, "virtual_node/web");
    let socket = sandbox.join("web.sock");
    let mut join = JOIN.to_vec();
    join.extend(["--admin", socket.to_str().unwrap()]);
    let bootstrap = sandbox.run(&join).exits(0).stdout;
    sandbox.write("web.yaml", bootstrap);
    let log = fs::File::create(sandbox.join("web.log")).unwrap();
    let mut envoy = Command::new(envoy::binary());
    envoy.args(["-c", "web.yaml", "--concurrency", "1", "--disable-hot-restart"]);
    envoy.args(["--log-level", "warning", "--reject-unknown-dynamic-fields"]);
    let envoy = envoy.current_dir(sandbox.path()).stdout(Stdio::null()).stderr(log);
    let renew = ["bootstrap", "virtual_node/web", "--identity", "id", "--renew", "watch"];
    let mut renew = sandbox.command(&renew);
    let renew = renew.stdout(Stdio::null()).stderr(Stdio::null());
    let _both = crate::live_apply::Envoys(vec![renew.spawn().unwrap(), envoy.spawn().unwrap()]);
    let web = || -> Value {
        let status = sandbox.run(&["status", "--format", "json"]).exits(0).stdout;
        let status: Value = serde_json::from_str(&status).unwrap();
        let all = status["proxies"].as_array().unwrap().clone();
        all.into_iter().find(|proxy| proxy["proxy"] == "virtual_node/web").unwrap()
    };
    let since = || {
        let web = web();
        let there = web["state"] == "in_force" && web["envoys"].as_array().unwrap().len() == 1;
        there.then(|| web["envoys"][0]["connected"].as_str().unwrap().to_owned())
    };
    until("the Envoy has everything", || since().is_some());
    let mut streams = std::collections::BTreeSet::from([since().unwrap()]);
    // No certificate counts for longer than ten seconds: who is back again and again has renewed.
    for time in 0..2 {
        until("it is back", || since().is_some_and(|since| streams.insert(since)));
        println!("stream {}", time + 2);
    }
    let socket = socket.as_path();
    let stats = block_on(async {
        let answer = client::admin(socket, "GET", "/stats", Duration::from_secs(5)).await.unwrap();
        String::from_utf8(answer.body.to_vec()).unwrap()
    });
    for name in ["cds", "lds"] {
        let line = |what: &str| stats.lines().find(|line| line.contains(what)).map(str::to_owned);
        let rejected = line(&format!("{name}.update_rejected: ")).unwrap_or_default();
        assert!(rejected.ends_with(": 0"), "{rejected}");
    }
}

#[test]
fn a_proxy_renews_by_itself_before_its_certificate_ends() {
    let (_server, sandbox, _block) = started("6s");
    token(&sandbox, "virtual_node/web");
    sandbox.run(&JOIN).exits(0);
    let certificate = || fs::read_to_string(identity::pair(&sandbox.join("id")).0).unwrap();
    let first = certificate();
    let args = ["bootstrap", "virtual_node/web", "--identity", "id", "--renew", "watch"];
    let mut child =
        sandbox.command(&args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let mut seen = vec![first];
    until("three certificates", || {
        let now = certificate();
        if seen.last() != Some(&now) {
            seen.push(now);
        }
        seen.len() > 3
    });
    let versions = || {
        let all = fs::read_dir(sandbox.join("id")).unwrap().flatten();
        all.filter(|e| e.file_name().to_string_lossy().starts_with("v-")).count()
    };
    // The present one and the one before; while one is written there is another.
    until("older ones are gone", || versions() == 2);
    let _ = child.kill();
    let _ = child.wait();
}

#[test]
fn a_bootstrap_without_tls_is_for_this_host_alone() {
    let block = Block::take();
    let (sandbox, _) = project(&block);
    let ask = |xds: &str, more: &[&str]| {
        let at = format!("[targets.prod]\nserver = \"http://127.0.0.1:1\"\nxds = \"{xds}\"\n");
        sandbox.write("meshctl.toml", at);
        let mut args = vec!["bootstrap", "virtual_node/web"];
        args.extend(more);
        sandbox.run(&args)
    };
    for xds in ["127.0.0.1:9101", "127.9.8.7:9101", "[::1]:9101", "localhost:9101"] {
        assert!(ask(xds, &[]).exits(0).stdout.contains("9101"), "{xds}");
    }
    let others = ["10.0.0.1:9101", "cp.internal:9101", "[2001:db8::1]:9101", "0.0.0.0:9101"];
    for xds in others.into_iter().chain(["localhost.evil.example:9101"]) {
        let ran = ask(xds, &[]).exits(64);
        assert!(ran.stdout.is_empty(), "{}", ran.all());
        for word in ["another host", "--identity", "--allow-plaintext-to-other-hosts"] {
            assert!(ran.stderr.contains(word), "{xds}: {}", ran.stderr);
        }
        let ran = ask(xds, &["--allow-plaintext-to-other-hosts"]).exits(0);
        assert!(ran.stderr.contains("in plain text") && ran.stdout.contains("9101"));
    }
    ask("10.0.0.1:9101", &["--allow-plaintext-to-other-hosts", "--identity", "id"]).exits(64);
}

#[test]
fn a_certificate_is_the_operator_that_the_server_knows_with_its_role_and_else_none() {
    let (_server, sandbox, _block) = started("24h");
    let at = |target: &str, args: &[&str]| sandbox.run(&[args, &["--target", target]].concat());
    // Of the authority of operators, and known to nobody.
    for name in ["bob", "eve"] {
        let ran = at(name, &["status"]).exits(4);
        let uri = format!("spiffe://shop.example/operator/{name}");
        assert!(ran.stderr.contains(&format!("{uri} is no operator")), "{}", ran.stderr);
        assert!(ran.stderr.contains(&format!("--certificate {uri} --data")), "{}", ran.stderr);
    }
    certify(&sandbox, "bob", "read");
    at("bob", &["status"]).exits(0);
    at("bob", &["plan"]).exits(0);
    for refused in [&["apply", "--yes"][..], &["serve", "token", "virtual_node/web"]] {
        let ran = at("bob", refused).exits(4);
        assert!(ran.stderr.contains("bob may read, not write"), "{}", ran.stderr);
    }
    assert!(at("bob", &["history"]).exits(0).stdout.is_empty());
    at("ada", &["apply", "--yes"]).exits(0);
    assert!(at("bob", &["history"]).exits(0).stdout.contains("ada"));
    let listed = sandbox.run(&["serve", "operator", "list", "--data", "data"]).exits(0).stdout;
    let lines: Vec<&str> = listed.lines().collect();
    let own = |name: &str| format!("spiffe://shop.example/operator/{name}");
    assert!(lines[0].starts_with("ada  write  mesh *  until 20"), "{listed}");
    assert!(lines[0].ends_with(&own("ada")), "{listed}");
    assert!(lines[1].starts_with("bob  read  mesh *") && lines[1].ends_with(&own("bob")));
    assert_eq!(lines[2..], ["operator  write  mesh *"]);
    // A certificate is of one operator.
    let uri = own("bob");
    let args = ["serve", "operator", "add", "rob", "--certificate", &uri, "--data", "data"];
    let ran = sandbox.run(&args).exits(1);
    assert!(ran.stderr.contains(&format!("{uri} is that of the operator bob")), "{}", ran.stderr);
    // A role changes, and ends, at once.
    certify(&sandbox, "bob", "write");
    at("bob", &["serve", "token", "virtual_node/web"]).exits(0);
    sandbox.run(&["serve", "operator", "remove", "bob", "--data", "data"]).exits(0);
    at("bob", &["status"]).exits(4);
    // What is no name of an operator is not taken.
    for bad in
        ["spiffe://shop.example/mesh/m/virtual_node/web", "ada", "spiffe://x", "spiffe://x/*"]
    {
        let args = ["serve", "operator", "add", "x", "--certificate", bad, "--data", "data"];
        sandbox.run(&args).exits(64);
    }
}

#[test]
fn join_tokens_that_nobody_has_used_are_listed_and_removed() {
    let (_server, sandbox, _block) = started("24h");
    let list = || -> Vec<Vec<String>> {
        let text = sandbox.run(&["serve", "tokens", "list"]).exits(0).stdout;
        text.lines().map(|line| line.split("  ").map(str::to_owned).collect()).collect()
    };
    assert!(list().is_empty());
    let other = token(&sandbox, "virtual_node/cart-*");
    let made = token(&sandbox, "virtual_node/web");
    let ended = sandbox.run(&["serve", "token", "virtual_node/web", "--life", "1s"]).exits(0);
    until("the third has ended", || list().len() == 2);
    let held = list();
    let whose: std::collections::BTreeSet<&str> = held.iter().map(|one| one[1].as_str()).collect();
    assert_eq!(whose, ["virtual_node/cart-*", "virtual_node/web"].into());
    assert!(held.iter().all(|one| one[2].ends_with('Z') && one[3] == "operator"), "{held:?}");
    let text = format!("{held:?}");
    for secret in [&other, &made, ended.stdout.trim()] {
        assert!(!text.contains(secret), "{text}");
    }
    // The one that is removed works no longer; the other does.
    let of = |proxies: &str| held.iter().find(|one| one[1] == proxies).unwrap()[0].clone();
    sandbox.run(&["serve", "tokens", "remove", &of("virtual_node/web")]).exits(0);
    let ran = sandbox.run(&JOIN).exits(4);
    assert!(ran.stderr.contains("not known"), "{}", ran.stderr);
    let ran = sandbox.run(&["serve", "tokens", "remove", &of("virtual_node/web")]).exits(1);
    assert!(ran.stderr.contains("there is no join token"), "{}", ran.stderr);
    sandbox.run(&["serve", "tokens", "remove", "../revisions"]).exits(64);
    sandbox.write("token", &other);
    let ran = sandbox.run(&[
        "bootstrap",
        "virtual_node/cart-v1",
        "--identity",
        "id",
        "--join-token",
        "@token",
    ]);
    ran.exits(0);
    assert!(list().is_empty(), "a used one is gone");
    let audit = fs::read_to_string(sandbox.join("data/audit.ndjson")).unwrap();
    let removed = format!("removed {}", of("virtual_node/web"));
    assert!(audit.contains(&removed), "{audit}");
}

#[test]
fn attempts_to_join_have_a_rate_for_each_address() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let server = crate::serve::Server::with(0);
    let admin: SocketAddr = server.url().strip_prefix("http://").unwrap().parse().unwrap();
    // An answer to a token that is none, asked for from an address of this host.
    let ask = |from: &str| {
        block_on(async {
            let socket = tokio::net::TcpSocket::new_v4().unwrap();
            socket.bind(format!("{from}:0").parse().unwrap()).unwrap();
            let mut stream = socket.connect(admin).await.unwrap();
            let request = format!(
                "POST /v1/join HTTP/1.1\r\nhost: {admin}\r\nauthorization: Bearer meshctl_join_x\r\n\
                 content-length: 2\r\nconnection: close\r\n\r\n{{}}"
            );
            stream.write_all(request.as_bytes()).await.unwrap();
            let mut text = String::new();
            stream.read_to_string(&mut text).await.unwrap();
            text.to_lowercase()
        })
    };
    let since = Instant::now();
    let answers: Vec<String> = (0..100).map(|_| ask("127.0.0.2")).collect();
    let (tried, refused): (Vec<_>, Vec<_>) =
        answers.into_iter().partition(|answer| answer.starts_with("http/1.1 401"));
    // Ten at once, and one more for each second that it took.
    let most = 10 + usize::try_from(since.elapsed().as_secs()).unwrap() + 1;
    assert!((10..=most).contains(&tried.len()), "{} of 100", tried.len());
    for answer in &refused {
        assert!(answer.starts_with("http/1.1 429"), "{answer}");
        assert!(answer.contains("retry-after: 1\r\n"), "{answer}");
        assert!(answer.contains("\"too-many\"") && answer.contains("127.0.0.2"), "{answer}");
    }
    assert!(ask("127.0.0.3").starts_with("http/1.1 401"), "another address may");
    // Operators are not held up.
    let bearer = format!("Bearer {}", server.token());
    assert_eq!(server.ask("GET", "/v1", &[("authorization", &bearer)]).0, 200);
}

#[test]
fn s15_another_name_another_authority_or_less_than_tls_1_2_is_refused() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let (server, sandbox, _block) = started("24h");
    // A client that finds a server of the right authority under another name.
    let other = SanType::DnsName("other.example".try_into().unwrap());
    issue(&sandbox, &server.hosts, "server", &[other]);
    let rank = || sandbox.run(&["status"]);
    until("the server has the other name", || rank().code != 0);
    let ran = rank().exits(6);
    assert!(ran.stderr.contains("not valid for name"), "{}", ran.stderr);
    // And under the right one, of another authority.
    issue(&sandbox, &authority("another"), "server", &local());
    until("it has another authority", || rank().stderr.contains("UnknownIssuer"));
    rank().exits(6);
    issue(&sandbox, &server.hosts, "server", &local());
    until("all is well again", || rank().code == 0);
    // Plain text is no TLS, and nothing skips the check.
    let plain = server.targets().replace("https://", "http://");
    sandbox.write("meshctl.toml", plain);
    assert_ne!(rank().code, 0);
    sandbox.write("meshctl.toml", server.targets().replace("tls = { ca = \"hosts.pem\" }\n", ""));
    rank().exits(6);
    // A greeting of TLS 1.1 at most: an alert, and the end.
    let mut hello = vec![3, 2];
    hello.extend([7; 32]);
    // No session; two ciphers that TLS 1.1 has; no compression; no extensions.
    hello.extend([0, 0, 4, 0xc0, 0x14, 0x00, 0x35, 1, 0]);
    let mut record = vec![22, 3, 1, 0, u8::try_from(hello.len() + 4).unwrap(), 1, 0, 0];
    record.push(u8::try_from(hello.len()).unwrap());
    record.extend(hello);
    for address in [server.admin, server.xds] {
        let answer = block_on(async {
            let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
            stream.write_all(&record).await.unwrap();
            let mut answer = Vec::new();
            let _ = stream.read_to_end(&mut answer).await;
            answer
        });
        // Record type 21, a fatal alert (2): the version (70), or what only later ones have (40).
        assert_eq!(answer.first(), Some(&21), "{answer:?}");
        assert!(answer[5] == 2 && [40, 70].contains(&answer[6]), "{answer:?}");
    }
}
