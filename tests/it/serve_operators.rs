//! Operators, join tokens and revocations are in the store: what exits 0 is kept, whoever changes
//! what at the same time, and whatever is killed.

use crate::live_apply::project;
use crate::serve::Server as Plane;
use crate::serve_identity::{OWN, Server};
use crate::support::mesh::Block;
use crate::support::sandbox::{Ran, Sandbox};
use meshctl::live;
use meshctl::live::server::{Access, TokenSource, joining::JoinTokenRequest};
use meshctl::model::MeshName;
use meshctl::serve::{Operators, Role};
use meshctl::store::{Embedded, Store};
use redb::{ReadableDatabase as _, TableDefinition, TableHandle as _};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

/// Starts `serve operator …` on the folder of a server.
fn operator(sandbox: &Sandbox, data: &Path, args: &[&str]) -> Child {
    let data = data.display().to_string();
    let args = [&["serve", "operator"], args, &["--data", &data]].concat();
    let mut command = sandbox.command(&args);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn output(child: Child) -> Ran {
    Ran::new(child.wait_with_output().unwrap())
}

/// The status of a request with a token.
fn status(server: &Plane, token: &str) -> u16 {
    server.ask("GET", "/v1", &[("authorization", &format!("Bearer {}", token.trim()))]).0
}

#[test]
fn no_change_of_an_operator_is_lost_beside_others() {
    let server = Plane::with(0);
    let (sandbox, data) = (Sandbox::new(), server.folder());
    let adds: Vec<Child> = (0..20)
        .map(|n| operator(&sandbox, &data, &["add", &format!("op-{n}"), "--role", "write"]))
        .collect();
    for add in adds {
        let secret = output(add).exits(0).stdout;
        assert_eq!(status(&server, &secret), 200);
    }
    for round in 0..30 {
        let add = operator(&sandbox, &data, &["add", "mallory", "--role", "write"]);
        let mallory = output(add).exits(0).stdout;
        assert_eq!(status(&server, &mallory), 200, "round {round}");
        let both = [&["remove", "mallory"][..], &["add", "bob"]];
        let [remove, add] = both.map(|args| operator(&sandbox, &data, args));
        output(remove).exits(0);
        let bob = output(add).exits(0).stdout;
        assert_eq!((status(&server, &mallory), status(&server, &bob)), (401, 200), "round {round}");
    }
}

#[test]
fn no_operator_is_made_where_all_were_removed() {
    let mut server = Plane::with(0);
    let first = server.token();
    assert!(Operators::of(&server.folder()).remove("operator").unwrap().there);
    assert_eq!(status(&server, &first), 401);
    server.stop();
    server.start(0);
    assert_eq!(server.token(), first, "the file is the old one");
    assert_eq!(status(&server, &first), 401);
    assert!(Operators::of(&server.folder()).list().unwrap().is_empty());
}

/// Makes a store as an earlier version left it: its tables, and files beside it.
fn earlier(folder: &Path) {
    drop(Embedded::open_or_create(folder).unwrap());
    let meta: TableDefinition<'_, &str, &str> = TableDefinition::new("meta");
    let database = redb::Database::open(folder.join("store.redb")).unwrap();
    let transaction = database.begin_write().unwrap();
    transaction.open_table(meta).unwrap().insert("format", "1").unwrap();
    for handle in transaction.list_tables().unwrap().collect::<Vec<_>>() {
        if ["operators", "join_tokens", "proxies"].contains(&handle.name()) {
            transaction.delete_table(handle).unwrap();
        }
    }
    transaction.commit().unwrap();
    let names = database.begin_read().unwrap().list_tables().unwrap().count();
    assert_eq!(names, 5, "meta, heads, revisions, objects, keys");
    let write = |name: &str, text: &str| {
        fs::write(folder.join(name), text).unwrap();
        fs::set_permissions(folder.join(name), fs::Permissions::from_mode(0o600)).unwrap();
    };
    let hash = sha256("meshctl_secret");
    write(
        "operators.json",
        &format!(
            r#"{{"operators": {{"ann": {{"role": "write", "sha256": "{hash}", "created": "2026-01-01T00:00:00Z"}}}}}}"#
        ),
    );
    write(
        "join-tokens.json",
        &format!(
            r#"{{"ab": {{"mesh": "m", "proxies": "virtual_node/web", "sha256": "{hash}", "until": 9999999999, "by": "ann"}}}}"#
        ),
    );
    let uri = "spiffe://shop.example/mesh/m/virtual_node/cart";
    write("revoked.json", &format!(r#"{{"{uri}": 1700000000}}"#));
}

fn sha256(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn the_files_of_an_earlier_version_come_into_the_store_once() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    earlier(folder);
    let read = || Embedded::open(folder).unwrap().security().unwrap();
    let found = read();
    assert_eq!(found.operators["ann"].role, Role::Write);
    assert_eq!(found.join_tokens["ab"].proxies, "virtual_node/web");
    let cart = ("m".to_owned(), "virtual_node/cart".parse().unwrap());
    assert!(found.proxies[&cart].denied && found.begun);
    let files = || -> BTreeSet<String> {
        let all = fs::read_dir(folder).unwrap();
        all.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    };
    let now = files();
    assert!(!now.contains("operators.json") && now.contains("operators.json.migrated"), "{now:?}");
    // A file that is put there later is not read.
    fs::write(folder.join("operators.json"), r#"{"operators": {}}"#).unwrap();
    assert_eq!(read(), found);
    // A killed migration begins again: nothing of it was there.
    earlier(folder);
    assert_eq!(read(), found);
    // Files that others could have written are not trusted, and the store stays as it was.
    for name in ["operators.json", "join-tokens.json", "revoked.json"] {
        earlier(folder);
        fs::set_permissions(folder.join(name), fs::Permissions::from_mode(0o622)).unwrap();
        let error = Embedded::open(folder).unwrap_err();
        assert!(error.to_string().contains(name), "{error}");
        fs::set_permissions(folder.join(name), fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(read(), found, "{name}");
    }
}

/// What was acknowledged of each name: whether it is there. What is not in it is not certain.
type Known = Mutex<BTreeMap<String, Option<String>>>;

/// How many changes are made; the issue's thousand where it is asked for.
fn changes() -> usize {
    std::env::var("MESHCTL_CHANGES").ok().and_then(|n| n.parse().ok()).unwrap_or(150)
}

#[test]
fn no_acknowledged_change_is_lost_or_undone_although_server_and_clients_are_killed() {
    let block = Block::take();
    let (sandbox, _) = project(&block);
    let mut server = Server::start(&sandbox, OWN);
    sandbox.write("meshctl.toml", server.targets());
    let (all, made) = (changes(), AtomicUsize::new(0));
    let (operators, tokens, revoked) = (Known::default(), Known::default(), Known::default());
    let (running, data) = (AtomicBool::new(true), sandbox.join("data"));
    let (admin, sandbox) = (server.admin, &sandbox);
    let next = || made.fetch_add(1, Ordering::SeqCst);
    let client = || {
        let access = Access {
            url: format!("https://{admin}"),
            token: Some(TokenSource::File(sandbox.join("data/operator.token"))),
            ca: Some(sandbox.join("hosts.pem")),
            identity: None,
        };
        live::Server::new(&access, MeshName::new("m").unwrap()).unwrap()
    };
    let kills = std::thread::scope(|scope| {
        let mut workers = Vec::new();
        for worker in 0..3 {
            let (operators, data) = (&operators, &data);
            workers.push(scope.spawn(move || {
                let mut number = next();
                while number < all {
                    let name = format!("op-{worker}-{}", number % 7);
                    let remove = operators.lock().unwrap().get(&name).is_some_and(Option::is_some)
                        && number % 2 == 0;
                    let verb = if remove { "remove" } else { "add" };
                    let mut child = operator(sandbox, data, &[verb, &name]);
                    if number % 11 == 0 {
                        // Killed at some moment: what became of it is not certain.
                        std::thread::sleep(Duration::from_millis(number as u64 % 40));
                        let _ = child.kill();
                    }
                    let ran = output(child);
                    let mut operators = operators.lock().unwrap();
                    match (ran.code, remove) {
                        (0, true) => operators.insert(name, None),
                        (0, false) => operators.insert(name, Some(sha256(ran.stdout.trim()))),
                        _ => operators.remove(&name),
                    };
                    number = next();
                }
            }));
        }
        for worker in 0..2 {
            let (tokens, revoked, client) = (&tokens, &revoked, &client);
            workers.push(scope.spawn(move || {
                let client = client();
                let mut number = next();
                while number < all {
                    let proxy = format!("virtual_node/p-{worker}-{}", number % 5);
                    if number % 3 == 0 {
                        if client.revoke(&proxy.parse().unwrap()).is_ok() {
                            revoked.lock().unwrap().insert(proxy, None);
                        }
                    } else {
                        let request = JoinTokenRequest {
                            proxies: format!("virtual_node/t-{worker}-{number}"),
                            life_s: 3_600,
                        };
                        if let Ok(token) = client.join_token(&request) {
                            let removed = number % 3 == 1;
                            let state =
                                match removed && client.remove_join_token(&token.id).is_err() {
                                    true => None,
                                    false => Some(Some(token.id.clone()).filter(|_| !removed)),
                                };
                            if let Some(state) = state {
                                tokens.lock().unwrap().insert(token.id, state);
                            }
                        }
                    }
                    number = next();
                    if number < all && client.server().is_err() {
                        std::thread::sleep(Duration::from_millis(20));
                    }
                }
            }));
        }
        let killer = scope.spawn(|| {
            let mut kills = 0;
            let mut last = 0;
            while running.load(Ordering::SeqCst) {
                // After each twelfth part of the changes.
                let now = made.load(Ordering::SeqCst);
                if now >= last + all.div_ceil(12) {
                    server.kill();
                    std::thread::sleep(Duration::from_millis(50));
                    server.again(sandbox, "data", OWN);
                    kills += 1;
                    last = now;
                }
                std::thread::sleep(Duration::from_millis(5));
            }
            kills
        });
        for worker in workers {
            worker.join().unwrap();
        }
        running.store(false, Ordering::SeqCst);
        killer.join().unwrap()
    });
    server.kill();
    let found = Embedded::open(&data).unwrap().security().unwrap();
    let (operators, tokens) = (operators.into_inner().unwrap(), tokens.into_inner().unwrap());
    let revoked = revoked.into_inner().unwrap();
    for (name, hash) in &operators {
        let there = found.operators.get(name).and_then(|known| known.sha256.clone());
        assert_eq!(&there, hash, "{name}");
    }
    for (id, state) in &tokens {
        assert_eq!(found.join_tokens.contains_key(id), state.is_some(), "{id}");
    }
    for proxy in revoked.keys() {
        let key = ("m".to_owned(), proxy.parse().unwrap());
        assert!(found.standing(&key).denied, "{proxy}");
    }
    println!(
        "{all} changes, {kills} kills; certain at the end: {} operators, {} tokens, {} revocations",
        operators.len(),
        tokens.len(),
        revoked.len()
    );
    assert!(kills >= 3 && operators.len() > 5 && tokens.len() + revoked.len() > 5);
}
