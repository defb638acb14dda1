//! The status of clients (CSDS): told to operators alone, of every client what it has.

use crate::live_apply::{Envoys, project};
use crate::live_serve_apply::Serve;
use crate::serve_grpcio::grpcio;
use crate::serve_xds::{A, EDS, block_on, config, endpoints, put};
use crate::support::mesh::Block;
use crate::support::root;
use crate::support::served::{Server, operator};
use crate::support::xds_client::{Client, Status, ack, delta};
use envoy_api::Message as _;
use envoy_api::pb::envoy::service::status::v3 as status;
use envoy_api::pb::envoy::r#type::matcher::v3 as matcher;
use meshctl::envoy::ResourceType;
use meshctl::envoy::csds::{FETCH_PATH, STREAM_PATH};
use meshctl::envoy::xds::{DELTA_PATH, Request};
use meshctl::serve::grpc::Operated;
use meshctl::serve::hub::Hub;
use meshctl::serve::identity::Loopback;
use meshctl::serve::limits::Limits;
use meshctl::serve::{Operators, Role, Scope, Security, Terms};
use meshctl::store::Embedded;
use status::ConfigStatus::{Error, NotSent, Stale, Synced};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// A request about clients whose id ends so; empty: about all.
fn about(suffix: &str) -> Vec<u8> {
    let pattern = matcher::string_matcher::MatchPattern::Suffix(suffix.to_owned());
    let node_id = matcher::StringMatcher { match_pattern: Some(pattern), ..Default::default() };
    let one = matcher::NodeMatcher { node_id: Some(node_id), ..Default::default() };
    let node_matchers = if suffix.is_empty() { Vec::new() } else { vec![one] };
    status::ClientStatusRequest { node_matchers, ..Default::default() }.encode_to_vec()
}

type Told = BTreeMap<String, status::client_config::GenericXdsConfig>;

/// What an answer says, by node id.
fn read(answer: &[u8]) -> BTreeMap<String, Told> {
    let answer = status::ClientStatusResponse::decode(answer).unwrap();
    let told = |one: status::ClientConfig| {
        let configs = one.generic_xds_configs.into_iter();
        let kind = |url: &str| ResourceType::ALL.into_iter().find(|kind| kind.type_url() == url);
        let name =
            |one: &status::client_config::GenericXdsConfig| (kind(&one.type_url), one.name.clone());
        let names: Vec<_> = configs.as_slice().iter().map(name).collect();
        assert!(names.is_sorted(), "the same state is the same answer: {names:?}");
        (one.node.unwrap().id, configs.map(|config| (config.name.clone(), config)).collect())
    };
    answer.config.into_iter().map(told).collect()
}

/// A server, and the operators that it knows.
fn server(folder: &Path) -> (Server, Arc<Security>) {
    let store = Embedded::open_or_create(folder).unwrap();
    let operators = Arc::new(Security::of(Arc::new(store)).unwrap());
    let operated = Operated { others: Arc::new(Loopback), operators: Arc::clone(&operators) };
    (Server::start(Hub::new(Limits::default()), Arc::new(operated), None, 0), operators)
}

async fn fetch(client: &Client, token: &str, request: &[u8]) -> Result<Vec<u8>, Status> {
    let answer = timeout(Duration::from_secs(30), client.once(FETCH_PATH, Some(token), request));
    Ok(answer.await.expect("an answer")?.to_vec())
}

#[test]
fn the_status_of_clients_is_for_operators_alone() {
    block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let operators = Operators::of(folder.path());
        let reader = operator(&operators, "reader", Role::Read);
        let writer = operator(&operators, "writer", Role::Write);
        let registrar = operator(&operators, "registrar", Role::Register);
        let (server, known) = server(folder.path());
        let client = Client::connect(server.address, None).await.unwrap();
        put(&server.hub, 1, &[("virtual_node/a", Some(config("virtual_node/a", [])))]);
        // Being on this host, which makes a proxy here, is not enough; nor is another role.
        for token in [None, Some("x"), Some(registrar.as_str())] {
            for path in [STREAM_PATH, FETCH_PATH] {
                assert_eq!(
                    client.call(path, token).await.err().unwrap().code,
                    7,
                    "{path} {token:?}"
                );
            }
        }
        for token in [&reader, &writer] {
            assert!(fetch(&client, token, &about("")).await.is_ok());
        }
        // An operator is no proxy.
        let mut stream = client.call(DELTA_PATH, Some(&writer)).await.unwrap();
        stream.send(&delta(A, EDS, &["e"]));
        assert_eq!(stream.next().await.unwrap_err().code, 7);
        // One who is taken out sees nothing more, also on a stream that is open.
        let mut stream = client.call(STREAM_PATH, Some(&reader)).await.unwrap();
        stream.send_bytes(&about(""));
        stream.next_bytes().await.unwrap();
        let mut silent = client.call(STREAM_PATH, Some(&reader)).await.unwrap();
        assert!(known.remove_operator("reader").unwrap());
        stream.send_bytes(&about(""));
        assert_eq!(stream.next_bytes().await.unwrap_err().code, 7);
        // One that is silent ends too.
        let end = timeout(Duration::from_secs(5), silent.next_bytes()).await;
        assert_eq!(end.expect("an end").unwrap_err().code, 7);
        // What cannot be asked for is refused, not ignored.
        assert_eq!(fetch(&client, &writer, &[0xff]).await.unwrap_err().code, 3);
    });
}

#[test]
fn x34_s12_each_client_is_told_with_what_it_has_and_refuses() {
    block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let operators = Operators::of(folder.path());
        let token = operator(&operators, "reader", Role::Read);
        let meshes = Some([meshctl::model::MeshName::new("x").unwrap()].into());
        let scope = Scope { meshes, services: None };
        let of_x = operator(&operators, "of-x", Terms { scope, ..Role::Read.into() });
        let (server, _) = server(folder.path());
        let all = |mark| ["e", "f", "g"].map(|name| endpoints(name, mark));
        put(
            &server.hub,
            1,
            &[
                ("virtual_node/a", Some(config("virtual_node/a", all(1)))),
                ("virtual_node/b", Some(config("virtual_node/b", [endpoints("e", 1)]))),
            ],
        );
        // One that came last and sorts first.
        let first = ["d", "e", "f", "g"].map(|name| endpoints(name, 1));
        put(&server.hub, 2, &[("virtual_node/a", Some(config("virtual_node/a", first)))]);
        let client = Client::connect(server.address, None).await.unwrap();
        let mut a = client.delta().await;
        a.send(&delta(A, EDS, &["e"]));
        let response = a.next().await.unwrap();
        let b = "mesh/m/virtual_node/b/7";
        let mut other = client.delta().await;
        other.send(&delta(b, EDS, &["e"]));
        other.take().await.unwrap();
        assert_eq!(read(&fetch(&client, &token, &about("")).await.unwrap()).len(), 2);
        let none = read(&fetch(&client, &of_x, &about("")).await.unwrap());
        assert!(none.is_empty(), "clients of another mesh: {none:?}");

        let mut stream = client.call(STREAM_PATH, Some(&token)).await.unwrap();
        let mut ask = async |suffix: &str, settled: &dyn Fn(&BTreeMap<String, Told>) -> bool| {
            let asking = async {
                loop {
                    stream.send_bytes(&about(suffix));
                    let found = read(&stream.next_bytes().await.unwrap());
                    if settled(&found) {
                        return found;
                    }
                    tokio::task::yield_now().await;
                }
            };
            timeout(Duration::from_secs(30), asking).await.expect("the standing in time")
        };
        let stands = |found: &BTreeMap<String, Told>, node: &str, name: &str| {
            found.get(node).map(|told| told[name].config_status())
        };
        // Sent and not answered; never sent; and of another client all that it has.
        let found = ask("", &|found| stands(found, b, "e") == Some(Synced)).await;
        assert_eq!(found.keys().map(String::as_str).collect::<Vec<_>>(), [A, b]);
        assert_eq!(stands(&found, A, "e"), Some(Stale));
        assert_eq!(stands(&found, A, "f"), Some(NotSent));
        let told = &found[A]["e"];
        assert_eq!((told.type_url.as_str(), &told.version_info), (EDS, &response.resources[0].1));
        assert_eq!(found[b].len(), 1, "what a proxy does not see is not told of it");

        // Taken.
        a.send(&ack(&response));
        let found = ask("/a", &|found| stands(found, A, "e") == Some(Synced)).await;
        assert_eq!(found.len(), 1, "only who is asked for");

        // Refused: the reason, and nothing of the resource that Envoy quotes before it.
        a.send(&Request { ..delta("", EDS, &["f"]) });
        let response = a.next().await.unwrap();
        let quote = "goo.gle/debugstr\ncluster_name: \"f\"\nsecret: \"hunter2\"\n}\n: Proto \
                     constraint validation failed (ClusterName: value is required)";
        a.send(&Request { refused: Some(quote.to_owned()), ..ack(&response) });
        let found = ask("/a", &|found| stands(found, A, "f") == Some(Error)).await;
        let told = &found[A]["f"];
        let error = told.error_state.as_ref().unwrap();
        assert!(error.details.contains("validation failed"), "{error:?}");
        assert!(!format!("{found:?}").contains("hunter2"), "{found:?}");
        assert_eq!((&error.version_info, &error.failed_configuration), (&told.version_info, &None));
        assert!(found[A].values().all(|told| told.xds_config.is_none()), "no contents");

        // Mended content clears it.
        put(&server.hub, 3, &[("virtual_node/a", Some(config("virtual_node/a", all(2))))]);
        loop {
            let response = a.next().await.unwrap();
            a.send(&ack(&response));
            if response.resources.iter().any(|(name, _)| name == "f") {
                break;
            }
        }
        let found = ask("/a", &|found| stands(found, A, "f") == Some(Synced)).await;
        assert_eq!(found[A]["f"].error_state, None);
        drop(a);
        ask("", &|found| !found.contains_key(A)).await;
    });
}

#[test]
fn grpcio_asks_for_the_status_of_live_envoys() {
    let python = grpcio();
    let block = Block::take();
    let (sandbox, _) = project(&block);
    let server = Serve::start(&sandbox, "127.0.0.1:0", "127.0.0.1:0");
    let token = std::fs::read_to_string(sandbox.join("data/operator.token")).unwrap();
    let (url, file) = (&server.admin, "data/operator.token");
    sandbox.write(
        "meshctl.toml",
        format!(
            "[targets.prod]\nserver = \"http://{url}\"\nxds = \"{}\"\ntoken = {{ file = \"{file}\" }}\n",
            server.xds
        ),
    );
    sandbox.run(&["apply", "--yes"]).exits(0);
    let mut envoys = Envoys(Vec::new());
    for node in ["web", "cart-v1", "cart-v2"] {
        envoys.start(&sandbox, node);
    }
    sandbox.run(&["wait", "--timeout", "60s"]).exits(0);
    let ask = |path: &str, token: &str, requests: &[Vec<u8>]| {
        let hex = |bytes: &Vec<u8>| bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let requests: Vec<String> = requests.iter().map(hex).collect();
        let output = Command::new("python3")
            .arg(root().join("tests/grpc_csds.py"))
            .args([&server.xds, path, token])
            .args(requests)
            .env("PYTHONPATH", &python)
            .env_remove("http_proxy")
            .output()
            .unwrap();
        let (out, err) =
            (String::from_utf8(output.stdout).unwrap(), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{err}");
        out.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let bytes = |line: &String| -> Vec<u8> {
        let pair = |at: usize| u8::from_str_radix(&line[at..at + 2], 16).unwrap();
        (0..line.len()).step_by(2).map(pair).collect()
    };
    assert_eq!(ask(FETCH_PATH, "-", &[about("")]), ["PERMISSION_DENIED"]);
    let answers = ask(STREAM_PATH, token.trim(), &[about(""), about("/web")]);
    assert_eq!(answers.len(), 2);
    let (all, web) = (read(&bytes(&answers[0])), read(&bytes(&answers[1])));
    assert_eq!((all.len(), web.len()), (3, 1));
    for (node, told) in &all {
        assert!(told.len() > 2, "{node}: {told:?}");
        let synced = told.values().all(|one| one.config_status() == Synced);
        assert!(synced, "{node}: {told:#?}");
    }
    let once = ask(FETCH_PATH, token.trim(), &[about("/web")]);
    assert_eq!(read(&bytes(&once[0])), web);
}
