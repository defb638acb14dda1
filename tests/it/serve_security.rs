//! What nobody learns from a control plane: the names of others (S3), secrets (S10), what an Envoy
//! quotes when it refuses something (S12), and anything in plain text from another host (S15).

use crate::directory::mesh;
use crate::live_serve_apply::Serve;
use crate::serve_faults::{SERVE, target};
use crate::serve_identity::{JOIN, started, token};
use crate::serve_xds::{A, EDS, block_on, config, endpoints, put, until};
use crate::support::sandbox::{Ran, Sandbox};
use crate::support::served::Server;
use crate::support::xds_client::{Client, Stream, ack, delta, resume};
use meshctl::envoy::xds::{Asks, DELTA_PATH, Request, STATE_PATH};
use meshctl::envoy::{Resource, ResourceType};
use meshctl::live::identity;
use meshctl::serve::hub::{Counts, Holds};
use meshctl::serve::limits::Limits;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

/// A cluster or route configuration with nothing in it but a name.
fn named(kind: ResourceType, name: &str) -> Arc<Resource> {
    let json = format!(r#"{{"@type": "{}", "name": "{name}"}}"#, kind.type_url());
    let message = envoy_api::any_from_json(&serde_json::from_str(&json).unwrap()).unwrap();
    let mut version = envoy_api::wire_hash(&message);
    version.truncate(16);
    let (name, origins) = (name.to_owned(), Vec::new());
    Arc::new(Resource { kind, name, side: meshctl::envoy::Side::Egress, message, version, origins })
}

/// A first request of state of the world.
fn state(url: &str, names: &[&str]) -> Request {
    let names = names.iter().map(ToString::to_string).collect();
    Request { asks: Asks::State { names }, ..delta(A, url, &[]) }
}

/// Bytes without what differs between any two streams: the nonce, and the name that was asked for.
fn neutral(bytes: &[u8], nonce: &str, name: &str) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for (word, by) in [(nonce, b'n'), (name, b'x')] {
        let found: Vec<usize> = bytes
            .windows(word.len())
            .enumerate()
            .filter(|(_, window)| !word.is_empty() && *window == word.as_bytes())
            .map(|(at, _)| at)
            .collect();
        for at in found {
            bytes[at..at + word.len()].fill(by);
        }
    }
    bytes
}

/// The nonce in a response: what begins with the number of the server's run.
fn nonce_of(bytes: &[u8]) -> String {
    // Field 5 of both forms, a text.
    let tag = 0x2a;
    let known = |nonce: &[u8]| nonce.iter().all(|b| b.is_ascii_hexdigit() || *b == b'-');
    for at in 0..bytes.len().saturating_sub(2) {
        let len = usize::from(bytes[at + 1]);
        if bytes[at] == tag && bytes.len() >= at + 2 + len && known(&bytes[at + 2..at + 2 + len]) {
            return String::from_utf8(bytes[at + 2..at + 2 + len].to_vec()).unwrap();
        }
    }
    String::new()
}

/// All that one question causes: so many answers, and every response up to the answer to another
/// question, which is the same each time; the work of it, and what the server keeps.
async fn caused(
    server: &Server,
    path: &str,
    asked: &Request,
    name: &str,
    answers: usize,
) -> (Vec<Vec<u8>>, Counts, Holds) {
    let client = Client::connect(server.address, None).await.unwrap();
    until("no stream of before", || server.hub.streams() == 0).await;
    let before = server.hub.counts();
    let mut stream: Stream = client.call(path, None).await.unwrap();
    stream.send(asked);
    let mut all = Vec::new();
    loop {
        if all.len() == answers {
            stream.send(&match path == DELTA_PATH {
                true => delta("", EDS, &["last"]),
                false if asked.type_url == EDS => state(EDS, &[name, "last"]),
                false => state(EDS, &["last"]),
            });
        }
        let bytes = tokio::time::timeout(Duration::from_secs(30), stream.next_bytes()).await;
        let bytes = bytes.expect("an answer in time").unwrap();
        let nonce = nonce_of(&bytes);
        assert!(!nonce.is_empty());
        all.push(neutral(&bytes, &nonce, name));
        if bytes.windows(4).any(|window| window == b"last") {
            break;
        }
    }
    let after = server.hub.counts();
    let work = Counts {
        encodes: after.encodes - before.encodes,
        visits: after.visits - before.visits,
        told: after.told - before.told,
        wakes: after.wakes - before.wakes,
        requests: after.requests - before.requests,
        refusals: after.refusals - before.refusals,
        responses: after.responses - before.responses,
        resources: after.resources - before.resources,
        bytes: after.bytes - before.bytes,
        panics: after.panics - before.panics,
    };
    let holds = server.hub.holds();
    drop(stream);
    (all, work, holds)
}

#[test]
fn s3_names_of_others_cause_the_same_bytes_and_the_same_work_as_missing_ones() {
    let kinds = ResourceType::ALL;
    let secret = |kind: ResourceType, name: &str| match kind {
        ResourceType::ClusterLoadAssignment => endpoints(name, 1),
        kind => named(kind, name),
    };
    block_on(async {
        let server = Server::open(Limits::default());
        let own = [endpoints("own", 1), endpoints("last", 1)];
        // Theirs is as long as what nobody has.
        let theirs = kinds.map(|kind| secret(kind, "theirs"));
        put(
            &server.hub,
            1,
            &[
                ("virtual_node/a", Some(config("virtual_node/a", own))),
                ("virtual_node/b", Some(config("virtual_node/b", theirs.clone()))),
            ],
        );
        for kind in kinds {
            let url = kind.type_url();
            let version = &theirs.iter().find(|one| one.kind == kind).unwrap().version;
            let guess = "0123456789abcdef".to_owned();
            // Without a claim, with a wrong one, and with the right version of what is theirs.
            for claim in [None, Some(&guess), Some(version)] {
                let ask = |name: &str| {
                    let had = claim.map(|version| (name.to_owned(), version.clone()));
                    resume(A, url, &[name], &had.into_iter().collect())
                };
                let missing = caused(&server, DELTA_PATH, &ask("nobody"), "nobody", 1).await;
                let others = caused(&server, DELTA_PATH, &ask("theirs"), "theirs", 1).await;
                assert_eq!(missing, others, "delta, {kind:?}, {claim:?}");
                assert_eq!((missing.0.len(), missing.1.resources), (2, 1), "it is told at once");
            }
            // Listeners and clusters are told as a whole, of which there is none; of the others
            // silence says it.
            let whole = matches!(kind, ResourceType::Listener | ResourceType::Cluster);
            let (missing, others) = (state(url, &["nobody"]), state(url, &["theirs"]));
            let answers = usize::from(whole);
            let missing = caused(&server, STATE_PATH, &missing, "nobody", answers).await;
            let others = caused(&server, STATE_PATH, &others, "theirs", answers).await;
            assert_eq!(missing, others, "state of the world, {kind:?}");
            assert_eq!((missing.0.len(), missing.1.resources), (answers + 1, 1));
        }
        // What differs is found: a name of its own.
        let own = caused(&server, DELTA_PATH, &delta(A, EDS, &["own"]), "own", 1).await;
        let missing = caused(&server, DELTA_PATH, &delta(A, EDS, &["one"]), "one", 1).await;
        assert_ne!(own, missing);
        // A change of what is theirs does nothing to who asked for it.
        let client = Client::connect(server.address, None).await.unwrap();
        let mut stream = client.delta().await;
        stream.send(&delta(A, EDS, &["theirs"]));
        assert_eq!(stream.take().await.unwrap().removed, ["theirs"]);
        let before = server.hub.counts();
        let changed = config("virtual_node/b", [endpoints("theirs", 2)]);
        put(&server.hub, 2, &[("virtual_node/b", Some(changed))]);
        let after = server.hub.counts();
        assert_eq!((after.told, after.wakes), (before.told, before.wakes));
    });
}

/// Every file below a folder that holds a text, but for those named.
fn files_with(folder: &Path, text: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let kind = fs::symlink_metadata(&path).unwrap();
        if kind.is_dir() {
            found.extend(files_with(&path, text));
        } else if kind.is_file() {
            let bytes = fs::read(&path).unwrap();
            if bytes.windows(text.len()).any(|window| window == text.as_bytes()) {
                found.push(path);
            }
        }
    }
    found
}

#[test]
fn s10_no_secret_is_in_any_output_or_file_but_its_own() {
    let (server, sandbox, _block) = started("24h");
    // A listener's certificate whose key has a canary in it: what lies outside of the project is
    // never opened. (`certificate_files` holds that nothing of a file inside is shown.)
    let outside = Sandbox::new();
    let pem = |name: &str| outside.join(name).display().to_string();
    outside.write("listener.key", "-----BEGIN PRIVATE KEY-----\nCANARYlistener\n");
    outside.write("listener.pem", "a certificate");
    let mesh = fs::read_to_string(sandbox.join("mesh.toml")).unwrap();
    let tls = format!(
        "protocol = \"http\", tls = {{ mode = \"strict\", certificate = {{ file = {{ chain = \
         \"{}\", key = \"{}\" }} }} }},",
        pem("listener.pem"),
        pem("listener.key")
    );
    sandbox.write("mesh.toml", mesh.replacen("protocol = \"http\",", &tls, 1));
    sandbox.run(&["plan", "-o", "first.json"]).exits(0);
    sandbox.run(&["apply", "--yes", "-v"]).exits(0);
    let join = token(&sandbox, "virtual_node/web");
    let bootstrap = sandbox.run(&JOIN).exits(0);
    let unused = token(&sandbox, "virtual_node/cart-v1");
    fs::remove_file(sandbox.join("token")).unwrap();

    let line_of = |name: &str| {
        let text = fs::read_to_string(sandbox.join(name)).unwrap();
        text.lines().nth(1).unwrap().to_owned()
    };
    let key = identity::pair(&sandbox.join("id")).1;
    let key = fs::canonicalize(key).unwrap();
    let operator = fs::read_to_string(sandbox.join("data/operator.token")).unwrap();
    // Each secret, and the files that are its own.
    let secrets: Vec<(&str, String, Vec<PathBuf>)> = vec![
        (
            "the operator's token",
            operator.trim().to_owned(),
            vec![sandbox.join("data/operator.token")],
        ),
        ("a used join token", join, vec![]),
        ("a join token", unused, vec![]),
        (
            "the key of a proxy",
            fs::read_to_string(&key).unwrap().lines().nth(1).unwrap().to_owned(),
            vec![key],
        ),
        ("the key of the server", line_of("server.key"), vec![sandbox.join("server.key")]),
        ("the key of the authority", line_of("proxies.key"), vec![sandbox.join("proxies.key")]),
        ("the key of an operator", line_of("ada.key"), vec![sandbox.join("ada.key")]),
        ("the key of a listener", "CANARYlistener".to_owned(), vec![]),
    ];
    sandbox.write("mesh.toml", fs::read_to_string(sandbox.join("mesh.toml")).unwrap() + "\n");
    let calls = "check -v|plan -v|plan --format json|plan --format markdown|plan -o plan.json|\
        render|render -o out|diff rev:1 files|show rev:1|show rev:1 --format json|get|\
        get --format json|get --format appmesh-json|graph|graph --format json|history|\
        history --format json|status -v|status --format json|drift|drift --format json|\
        bootstrap virtual_node/web --identity id|bootstrap virtual_node/cart-v1|\
        trace GET http://cart.internal/ --from virtual_node/web|apply --yes -v|\
        apply --yes --format json|status --target ada -v|status --target fake -v|wait -v --timeout none|\
        bootstrap virtual_node/web --identity id --renew now|serve operator list --data data|\
        store check --data data|nonsense";
    let mut said = vec![("join".to_owned(), bootstrap.all())];
    for call in calls.split('|') {
        let args: Vec<&str> = call.split_whitespace().collect();
        let mut command = sandbox.command(&args);
        command.env("RUST_BACKTRACE", "1").env("RUST_LOG", "trace");
        said.push((call.to_owned(), Ran::new(command.output().unwrap()).all()));
    }
    // A token that is not known, and one among the arguments.
    sandbox.write("wrong", "meshctl_CANARYwrong0123456789\n");
    let owner_only = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    fs::set_permissions(sandbox.join("wrong"), owner_only).unwrap();
    let settings = fs::read_to_string(sandbox.join("meshctl.toml")).unwrap();
    sandbox.write("meshctl.toml", settings.replace("data/operator.token", "wrong"));
    let wrong = sandbox.run(&["status", "-v"]).exits(4);
    assert!(!wrong.all().contains("CANARYwrong"), "{}", wrong.all());
    let mut told = 0;
    for (what, secret, own) in &secrets {
        assert!(secret.len() > 12, "{what}: {secret}");
        for (call, text) in &said {
            told += text.len();
            assert!(!text.contains(secret.as_str()), "{what} is told by `{call}`: {text}");
        }
        let mut found = files_with(sandbox.path(), secret);
        found.sort();
        // A renewed key is another one, and the one before stays beside it.
        assert_eq!(&found, own, "{what}");
    }
    assert!(told > 10_000, "{told}");
    assert!(!said.iter().any(|(_, text)| text.contains("PRIVATE KEY")));
    drop(server);
}

/// What Envoys say when they refuse something, with a secret in every place of it.
const REFUSALS: [&str; 8] = [
    "Proto constraint validation failed (RouteConfigurationValidationError.Name: value length must \
     be at least 1 characters): name: \"x\" request_headers_to_add { header { key: \"k\" value: \
     \"CANARY\" } }",
    "Proto constraint validation failed (field: \"virtual_hosts\", reason: is CANARY): CANARY",
    "Error adding/updating route(s): bad header\nname: \"CANARY\"\nCANARY",
    "Invalid header value 'CANARY' and \"CANARY\" and `CANARY`",
    "Unable to parse JSON as proto ({\"password\":\"CANARY\"}): invalid",
    "goo.gle/debugproto  name: \"CANARY\"\n: Invalid duration: goo.gle/debugproto\nvalue: \"CANARY\"",
    "invalid value CANARY for the header x-token",
    "\u{1b}[31mCANARY=CANARY;\u{7} 'CANARY",
];

/// Takes everything but the responses of one type, which it refuses with a text as long as it is
/// told to.
async fn refusing(stream: &mut Stream, text: &str, refuse: bool) -> bool {
    let Ok(answer) = tokio::time::timeout(Duration::from_millis(50), stream.next()).await else {
        return false;
    };
    let response = answer.unwrap();
    let routes = response.type_url == ResourceType::RouteConfiguration.type_url();
    let refused = (routes && refuse && !response.resources.is_empty()).then(|| text.to_owned());
    let did = refused.is_some();
    stream.send(&Request { refused, ..ack(&response) });
    did
}

#[test]
fn s12_what_an_envoy_quotes_when_it_refuses_is_kept_and_told_nowhere() {
    let secret = "canary-5f3c9a71e2b84d06a1";
    let sandbox = Sandbox::with_mesh(&mesh(1));
    let serve = sandbox.command(&SERVE);
    let mut command = Command::new("sh");
    command.args(["-c", "exec \"$0\" \"$@\" -v 2> serve.log"]).arg(serve.get_program());
    command.args(serve.get_args()).current_dir(sandbox.path()).env("RUST_BACKTRACE", "1");
    let server = Serve::run(command).unwrap();
    sandbox.write("meshctl.toml", target(&server));
    sandbox.run(&["apply", "--yes"]).exits(0);
    let token = fs::read_to_string(sandbox.join("data/operator.token")).unwrap();
    let mut said: Vec<(String, String)> = Vec::new();
    block_on(async {
        let client = Client::connect(server.xds.parse().unwrap(), None).await.unwrap();
        let mut stream = client.delta().await;
        for (at, kind) in ResourceType::ALL.into_iter().enumerate() {
            let node = if at == 0 { "mesh/m/virtual_node/web" } else { "" };
            stream.send(&delta(node, kind.type_url(), &[]));
        }
        let mut types = std::collections::BTreeSet::new();
        while types.len() < ResourceType::ALL.len() {
            types.insert(stream.take().await.unwrap().type_url);
        }
        let mut weight = 1;
        for text in REFUSALS {
            let text = text.replace("CANARY", secret);
            for (format, on_nack) in [("text", "halt"), ("json", "rollback")] {
                weight += 1;
                sandbox.write("mesh.toml", mesh(weight));
                let accept = "MC0908@route/cart/all";
                let args = [
                    "apply",
                    "--yes",
                    "-v",
                    "--format",
                    format,
                    "--on-nack",
                    on_nack,
                    "--accept",
                    accept,
                ];
                let mut command = sandbox.command(&args);
                let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
                let mut apply = command.spawn().unwrap();
                let mut refused = 0;
                while apply.try_wait().unwrap().is_none() {
                    refused += usize::from(refusing(&mut stream, &text, refused == 0).await);
                }
                assert_eq!(refused, 1, "{text}");
                let ran = Ran::new(apply.wait_with_output().unwrap());
                assert_eq!(ran.code, 7, "{}", ran.all());
                assert!(ran.all().contains("rds_egress_http_8080"), "{}", ran.all());
                said.push((args.join(" "), ran.all()));
                for call in ["status -v", "status --format json", "history --format json", "drift"]
                {
                    let args: Vec<&str> = call.split_whitespace().collect();
                    said.push((call.to_owned(), sandbox.run(&args).all()));
                }
                // It goes on: nothing of it is refused any more.
                if on_nack == "halt" {
                    let mut back = sandbox.command(&["rollback", "--yes"]);
                    let back = back.stdout(Stdio::null()).stderr(Stdio::null());
                    let mut back = back.spawn().unwrap();
                    while back.try_wait().unwrap().is_none() {
                        refusing(&mut stream, "", false).await;
                    }
                }
            }
        }
        for path in
            ["/v1/meshes/m/proxies", "/v1/meshes/m/state", "/v1/meshes/m/revisions", "/metrics"]
        {
            let text = ask(&server.admin, path, token.trim());
            assert!(text.starts_with("HTTP/1.1 200"), "{text}");
            said.push((path.to_owned(), text));
        }
    });
    server.stop();
    assert!(said.iter().any(|(_, text)| text.contains("value length must be at least 1")));
    assert!(said.iter().any(|(_, text)| text.contains("bad header")));
    for (call, text) in &said {
        for part in [secret, "5f3c9a71e2b84d06a1", "password"] {
            assert!(!text.contains(part), "`{call}` tells it: {text}");
        }
    }
    assert_eq!(files_with(sandbox.path(), secret), Vec::<PathBuf>::new());
    assert!(!files_with(sandbox.path(), "cart.internal").is_empty(), "files are looked into");
}

/// One request of the operator.
fn ask(admin: &str, path: &str, token: &str) -> String {
    use std::io::{Read as _, Write as _};
    let mut stream = std::net::TcpStream::connect(admin).unwrap();
    let request = format!(
        "GET {path} HTTP/1.1\r\nhost: {admin}\r\nauthorization: Bearer {token}\r\n\
         connection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

#[test]
fn nothing_is_served_in_plain_text_where_other_hosts_can_ask() {
    let sandbox = Sandbox::new();
    for (admin, xds) in [("0.0.0.0:0", "127.0.0.1:0"), ("127.0.0.1:0", "[::]:0")] {
        let args = ["serve", "--data", "data", "--admin", admin, "--xds", xds];
        let mut command = sandbox.command(&args);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut first = String::new();
        // Empty if it ends without a word about where it listens.
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut first).unwrap();
        let _ = child.kill();
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(first, "", "it listens at {admin} and {xds}");
        assert!(said.contains("can be reached from other hosts"), "{said}");
    }
}
