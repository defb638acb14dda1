//! Files and places: no link of a project leads out of it, and no secret goes where its owner did not
//! say that it may go.

use crate::serve::Server;
use crate::serve_xds::block_on;
use crate::support::sandbox::Sandbox;
use meshctl::live::server::{Access, TokenSource};
use meshctl::live::{self, Read as _};
use meshctl::model::MeshName;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const MESH: &str = "[mesh]\nname = \"m\"\n[virtual_node.web]\n";
/// What lies outside of the project, and nobody may read here.
const SECRET: &str = "AKIA-canary-5f3c9a71";

#[test]
fn a_link_out_of_the_project_is_an_error_without_what_it_leads_to() {
    let outside = tempfile::tempdir().unwrap();
    let secret = outside.path().join("credentials");
    fs::write(&secret, format!("{SECRET} = [not toml\n")).unwrap();
    fs::create_dir(outside.path().join("folder")).unwrap();
    fs::write(outside.path().join("folder/x.toml"), format!("\"{SECRET}\" = 1\n")).unwrap();
    let linked = |name: &str, to: &Path| {
        let sandbox = Sandbox::with_mesh(MESH);
        sandbox.write("inside/a.toml", "[virtual_node.a]\n");
        let link = sandbox.join(name);
        fs::create_dir_all(link.parent().unwrap()).unwrap();
        symlink(to, link).unwrap();
        sandbox
    };
    let quiet = |sandbox: &Sandbox, args: &[&str]| {
        let ran = sandbox.run(args);
        assert!(!ran.all().contains(SECRET), "{args:?}: {}", ran.all());
        assert_ne!(ran.code, 0, "{args:?}: {}", ran.all());
        ran
    };
    for (name, to) in [("x.toml", secret.as_path()), ("sub", &outside.path().join("folder"))] {
        let sandbox = linked(name, to);
        for format in ["text", "json", "sarif", "github", "junit"] {
            let ran = quiet(&sandbox, &["check", "--format", format]);
            assert_eq!(ran.code, 3, "{}", ran.all());
            assert!(ran.all().contains("MC0060") && ran.all().contains(name), "{}", ran.all());
        }
        for args in [&["plan"][..], &["render"], &["fmt"], &["dev"], &["graph"], &["test"]] {
            quiet(&sandbox, args);
        }
    }
    // The settings, an overlay, tests, and sources of an import.
    let sandbox = linked("other.toml", Path::new("inside/a.toml"));
    fs::remove_file(sandbox.join("other.toml")).unwrap();
    fs::remove_file(sandbox.join("meshctl.toml")).unwrap();
    symlink(&secret, sandbox.join("meshctl.toml")).unwrap();
    quiet(&sandbox, &["check"]);
    let sandbox = linked("env/prod.toml", &secret);
    quiet(&sandbox, &["check", "--env", "prod"]);
    let sandbox = linked("tests/t.toml", &secret);
    quiet(&sandbox, &["test"]);
    let definitions = outside.path().join("x.json");
    fs::write(&definitions, format!("{{ \"meshName\": \"{SECRET}\", \"spec\": 1 }}")).unwrap();
    let sandbox = linked("in/x.json", &definitions);
    let ran = sandbox.run(&["import", "in"]);
    assert!(!ran.all().contains(SECRET) && ran.all().contains("x.json"), "{}", ran.all());
    // Links within the project are followed.
    let sandbox = Sandbox::with_mesh(MESH);
    sandbox.write(".shared/a.toml", "[virtual_node.a]\n");
    symlink(".shared/a.toml", sandbox.join("a.toml")).unwrap();
    sandbox.write(".more/b.toml", "[virtual_node.b]\n");
    symlink(sandbox.join(".more"), sandbox.join("all")).unwrap();
    let ran = sandbox.run(&["check"]);
    assert!(!ran.all().contains("MC0060"), "{}", ran.all());
    let plan = sandbox.run(&["plan"]).exits(0).stdout;
    assert!(plan.contains("virtual_node/a") && plan.contains("virtual_node/b"), "{plan}");
}

#[test]
fn nothing_is_written_through_a_link() {
    let outside = tempfile::tempdir().unwrap();
    let untouched = || assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
    let sandbox = Sandbox::with_mesh(MESH);
    symlink(outside.path(), sandbox.join("out")).unwrap();
    let ran = sandbox.run(&["render", "-o", "out"]).exits(4);
    assert!(ran.stderr.contains("link"), "{}", ran.stderr);
    sandbox.run(&["render", "-o", "out/inner"]).exits(4);
    fs::create_dir(sandbox.join("real")).unwrap();
    symlink(outside.path(), sandbox.join("real/virtual_node")).unwrap();
    sandbox.run(&["render", "-o", "real"]).exits(4);
    untouched();
    // The folder of a target, itself or what is in it.
    symlink(outside.path(), sandbox.join("live")).unwrap();
    sandbox.run(&["apply", "--yes"]).exits(4);
    untouched();
    for inner in ["steps", "meshctl"] {
        let sandbox = Sandbox::with_mesh(MESH);
        fs::create_dir(sandbox.join("live")).unwrap();
        symlink(outside.path(), sandbox.join("live").join(inner)).unwrap();
        let ran = sandbox.run(&["apply", "--yes"]).exits(1);
        assert!(ran.stderr.contains("link"), "{inner}: {}", ran.stderr);
        untouched();
    }
    // A part of a file that is a link leads nowhere.
    let sandbox = Sandbox::with_mesh(MESH);
    sandbox.write("meshctl.toml", "[targets.local]\ndirectory = \"live\"\nsettle = \"0s\"\n");
    sandbox.write("victim", "as it was");
    fs::create_dir_all(sandbox.join("live/meshctl")).unwrap();
    symlink(sandbox.join("victim"), sandbox.join("live/meshctl/.head.json.part")).unwrap();
    sandbox.run(&["apply", "--yes"]).exits(0);
    assert_eq!(fs::read_to_string(sandbox.join("victim")).unwrap(), "as it was");
}

/// A server that notes what it is sent.
fn listening() -> (SocketAddr, Arc<AtomicBool>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let asked = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&asked);
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut head = [0; 4096];
            let read = stream.read(&mut head).unwrap_or(0);
            if String::from_utf8_lossy(&head[..read]).contains("meshctl_") {
                told.store(true, Ordering::SeqCst);
            }
            let _ = stream.write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n");
        }
    });
    (address, asked)
}

fn private(sandbox: &Sandbox, path: &str, text: &str) {
    sandbox.write(path, text);
    fs::set_permissions(sandbox.join(path), fs::Permissions::from_mode(0o600)).unwrap();
}

#[test]
fn a_token_goes_over_tls_or_to_this_host() {
    let sandbox = Sandbox::with_mesh(MESH);
    private(&sandbox, "token", "meshctl_0123456789");
    let target =
        |url: &str| format!("[targets.t]\nserver = \"{url}\"\ntoken = {{ file = \"token\" }}\n");
    for url in ["http://mesh.example:1", "http://192.0.2.1:1", "http://[2001:db8::1]:1"] {
        sandbox.write("meshctl.toml", target(url));
        // Trusted or not: in plain text it goes nowhere.
        let mut command = sandbox.command(&["plan"]);
        let server = url.trim_start_matches("http://");
        let list = format!("{server}={}", sandbox.join("token").display());
        let ran = command.env("MESHCTL_TRUSTED_SERVERS", list).output().unwrap();
        let text = String::from_utf8_lossy(&ran.stderr).into_owned();
        assert!(text.contains("plain text") && !text.contains("0123456789"), "{text}");
        assert_ne!(ran.status.code(), Some(0));
    }
    let (address, asked) = listening();
    sandbox.write("meshctl.toml", target(&format!("http://{address}")));
    sandbox.run(&["plan"]).exits(1);
    assert!(asked.load(Ordering::SeqCst), "to this host it goes");
    // Another secret than a token of a control plane goes nowhere.
    let (address, asked) = listening();
    sandbox.write("meshctl.toml", target(&format!("http://{address}")));
    private(&sandbox, "token", "AKIA0123456789");
    let ran = sandbox.run(&["plan"]).exits(1);
    assert!(ran.stderr.contains("begin with meshctl_"), "{}", ran.stderr);
    assert!(!asked.load(Ordering::SeqCst) && !ran.all().contains("AKIA"));
}

#[test]
fn a_variable_is_sent_where_its_owner_says_and_nowhere_else() {
    let (address, asked) = listening();
    let sandbox = Sandbox::with_mesh(MESH);
    let target = "token = { env = \"CI_TOKEN\" }\n";
    sandbox.write("meshctl.toml", format!("[targets.t]\nserver = \"http://{address}\"\n{target}"));
    let plan = |trusted: &str| {
        let mut command = sandbox.command(&["plan"]);
        command.env("CI_TOKEN", "meshctl_0123456789").env("MESHCTL_TRUSTED_SERVERS", trusted);
        command.output().unwrap()
    };
    let port = address.port();
    for trusted in [
        "".to_owned(),
        format!("127.0.0.1:{port}"),
        format!("127.0.0.1:{port}=OTHER"),
        format!("127.0.0.1:{}=CI_TOKEN", port ^ 1),
        "mesh.example=CI_TOKEN".to_owned(),
    ] {
        let ran = plan(&trusted);
        let text = String::from_utf8_lossy(&ran.stderr).into_owned();
        assert_eq!(ran.status.code(), Some(4), "{trusted}: {text}");
        assert!(text.contains("servers.toml") && !text.contains("0123456789"), "{text}");
    }
    assert!(!asked.load(Ordering::SeqCst), "nothing was sent");
    plan(&format!("mesh.example=X 127.0.0.1:{port}=CI_TOKEN"));
    assert!(asked.swap(false, Ordering::SeqCst));
    // The same in the file, which no project brings.
    let table = format!("[servers.\"127.0.0.1:{port}\"]\nvariables = [\"CI_TOKEN\"]\n");
    sandbox.write(".config/meshctl/servers.toml", table);
    plan("");
    assert!(asked.load(Ordering::SeqCst));
    sandbox.write(".config/meshctl/servers.toml", "[servers.x]\nvariable = \"CI_TOKEN\"\n");
    assert_eq!(plan("").status.code(), Some(1), "what it does not know it does not pass over");
}

#[test]
fn a_join_token_goes_to_the_servers_that_are_paired_with_it_only() {
    let sandbox = Sandbox::with_mesh(MESH);
    private(&sandbox, "token", "meshctl_0123456789");
    let file = sandbox.join("token").canonicalize().unwrap().display().to_string();
    let join = |server: &str, from: &str, trusted: &str| {
        sandbox.write(
            "meshctl.toml",
            format!("[targets.t]\nserver = \"{server}\"\nxds = \"127.0.0.1:9101\"\n"),
        );
        let mut arguments = vec!["bootstrap", "virtual_node/web", "--identity", "id"];
        if from == "file" {
            arguments.extend(["--join-token", "@token"]);
        }
        let mut command = sandbox.command(&arguments);
        if from == "variable" {
            command.env("MESHCTL_JOIN_TOKEN", "meshctl_0123456789");
        }
        let ran = command.env("MESHCTL_TRUSTED_SERVERS", trusted).output().unwrap();
        (ran.status.code(), String::from_utf8_lossy(&ran.stderr).into_owned())
    };
    let elsewhere = "https://mesh.invalid:1";
    for (from, pairing) in [("file", file.as_str()), ("variable", "MESHCTL_JOIN_TOKEN")] {
        for trusted in
            [String::new(), "mesh.invalid=OTHER".to_owned(), format!("other.invalid={pairing}")]
        {
            let (code, text) = join(elsewhere, from, &trusted);
            assert_eq!(code, Some(4), "{from} {trusted}: {text}");
            assert!(text.contains("servers.toml") && !text.contains("0123456789"), "{text}");
        }
        // It is asked, and does not answer; this host is asked without a pairing.
        for (server, trusted) in
            [(elsewhere, format!("mesh.invalid={pairing}")), ("http://127.0.0.1:1", String::new())]
        {
            let (code, text) = join(server, from, &trusted);
            assert_eq!(code, Some(6), "{from} {server}: {text}");
        }
    }
}

#[test]
fn a_token_file_goes_to_the_servers_that_are_paired_with_it_only() {
    let sandbox = Sandbox::with_mesh(MESH);
    let elsewhere = tempfile::tempdir().unwrap();
    private(&sandbox, "secrets/token", "meshctl_0123456789");
    private(&sandbox, "token", "meshctl_0123456789");
    let outside = elsewhere.path().join("token");
    fs::copy(sandbox.join("secrets/token"), &outside).unwrap();
    symlink(&outside, sandbox.join("link")).unwrap();
    symlink(sandbox.join("secrets/token"), elsewhere.path().join("back")).unwrap();
    let plan_at = |server: &str, file: &str, trusted: &str| {
        sandbox.write(
            "meshctl.toml",
            format!("[targets.t]\nserver = \"{server}\"\ntoken = {{ file = \"{file}\" }}\n"),
        );
        let mut command = sandbox.command(&["plan"]);
        let ran = command.env("MESHCTL_TRUSTED_SERVERS", trusted).output().unwrap();
        (ran.status.code(), String::from_utf8_lossy(&ran.stderr).into_owned())
    };
    let plan = |file: &str, trusted: &str| plan_at("https://mesh.invalid:1", file, trusted).0;
    let own = sandbox.join("secrets/token").canonicalize().unwrap().display().to_string();
    let outside = outside.canonicalize().unwrap().display().to_string();
    let back = elsewhere.path().join("back").display().to_string();
    // In the project or anywhere else: a branch can name any file.
    for (file, real, other) in [
        ("secrets/token", &own, &outside),
        ("./secrets/../secrets/token", &own, &outside),
        (back.as_str(), &own, &outside),
        ("link", &outside, &own),
        (outside.as_str(), &outside, &own),
    ] {
        let pairs = |server: &str, path: &str| format!("{server}={path}");
        for trusted in [
            String::new(),
            "mesh.invalid".to_owned(),
            pairs("mesh.invalid", other),
            pairs("mesh.invalid:2", real),
            pairs("other.invalid", real),
            pairs("mesh.invalid", "TOKEN"),
            pairs("mesh.invalid", "secrets/token"),
        ] {
            assert_eq!(plan(file, &trusted), Some(4), "{file}: {trusted}");
        }
        for server in ["mesh.invalid", "mesh.invalid:1"] {
            // It is asked, and does not answer.
            assert_eq!(plan(file, &pairs(server, real)), Some(6), "{file}");
        }
    }
    // What to write is said, and works.
    let (_, told) = plan_at("https://mesh.invalid:1", "link", "");
    let table = format!("[servers.\"mesh.invalid:1\"] files = [\"{outside}\"]");
    assert!(told.contains(&table), "{told}");
    assert!(!told.contains("0123456789"), "{told}");
    sandbox.write(".config/meshctl/servers.toml", table.replace("] files", "]\nfiles"));
    assert_eq!(plan("link", ""), Some(6));
    assert_eq!(plan("secrets/token", ""), Some(4));
    // To this host every one goes.
    for file in ["token", outside.as_str()] {
        let (address, asked) = listening();
        plan_at(&format!("http://{address}"), file, "");
        assert!(asked.load(Ordering::SeqCst), "{file}");
    }
}

#[test]
fn secrets_in_urls_are_refused_and_not_quoted() {
    let sandbox = Sandbox::with_mesh(MESH);
    for url in [
        "https://operator:hunter2@mesh.example:8443",
        "https://hunter2@mesh.example:8443",
        "https://mesh.example:8443/?token=hunter2",
        "https://mesh.example:8443/#hunter2",
    ] {
        sandbox.write("meshctl.toml", format!("[targets.t]\nserver = \"{url}\"\n"));
        for args in [&["check"][..], &["plan"], &["status"], &["check", "--format", "sarif"]] {
            let ran = sandbox.run(args);
            assert_ne!(ran.code, 0, "{}", ran.all());
            assert!(!ran.all().contains("hunter2"), "{args:?}: {}", ran.all());
        }
        let access = Access { url: url.to_owned(), token: None, ca: None, identity: None };
        let error =
            live::Server::new(&access, MeshName::new("m").unwrap()).unwrap_err().to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }
}

#[test]
fn keys_and_folders_that_others_may_change_are_refused_with_the_reason() {
    let sandbox = Sandbox::new();
    crate::support::authority::make("proxies - -\n", &sandbox.join("pki"));
    let serve = |data: &str| {
        sandbox.run(&[
            "serve",
            "--data",
            data,
            "--admin",
            "127.0.0.1:0",
            "--xds",
            "127.0.0.1:0",
            "--xds-cert",
            "pki/proxies.pem",
            "--xds-key",
            "pki/proxies.key",
            "--trust-domain",
            "m.example",
            "--identity-cert",
            "pki/proxies.pem",
            "--identity-key",
            "pki/proxies.key",
        ])
    };
    for mode in [0o666, 0o640, 0o604] {
        let key = sandbox.join("pki/proxies.key");
        fs::set_permissions(&key, fs::Permissions::from_mode(mode)).unwrap();
        let ran = serve("data").exits(1);
        assert!(ran.all().contains("proxies.key is open to others"), "{}", ran.all());
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    }
    for mode in [0o777, 0o770, 0o702] {
        let data = format!("data-{mode:o}");
        fs::create_dir(sandbox.join(&data)).unwrap();
        fs::set_permissions(sandbox.join(&data), fs::Permissions::from_mode(mode)).unwrap();
        sandbox.write(&format!("{data}/operators.json"), "{}");
        let ran = serve(&data).exits(1);
        assert!(ran.all().contains("others may write to it"), "{}", ran.all());
        let left = fs::read_dir(sandbox.join(&data)).unwrap().count();
        assert_eq!(left, 1, "nothing was written beside what was planted");
    }
    // Only root can give a folder away.
    let other = sandbox.join("data-of-another");
    fs::create_dir(&other).unwrap();
    if std::os::unix::fs::chown(&other, Some(12_345), None).is_ok() {
        let ran = serve("data-of-another").exits(1);
        assert!(ran.all().contains("it belongs to another user (uid 12345)"), "{}", ran.all());
    }
}

#[test]
fn of_two_hosts_or_origins_none_is_judged() {
    let server = Server::with(0);
    let host = server.url().trim_start_matches("http://").to_owned();
    let bearer = format!("Bearer {}", server.token());
    let good = [("host", host.as_str()), ("authorization", bearer.as_str())];
    assert_eq!(server.ask("GET", "/v1", &good).0, 200);
    for more in [
        ("host", "evil.example"),
        ("host", host.as_str()),
        ("authorization", "Bearer meshctl_other"),
    ] {
        let headers: Vec<_> = good.iter().copied().chain([more]).collect();
        assert_eq!(server.ask("GET", "/v1", &headers).0, 400, "{more:?}");
        let headers: Vec<_> = [more].into_iter().chain(good).collect();
        assert_eq!(server.ask("GET", "/v1", &headers).0, 400, "{more:?}");
    }
    let own = format!("http://{host}");
    let origins = [good[0], good[1], ("origin", own.as_str()), ("origin", "http://evil.example")];
    assert_eq!(server.ask("GET", "/v1", &origins).0, 400);
    assert_eq!(server.ask("GET", "/v1", &origins[..3]).0, 200);
}

/// A server that answers without an end, and how much it could send.
fn endless(status: &'static str) -> (SocketAddr, Arc<AtomicU64>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let sent = Arc::new(AtomicU64::new(0));
    let told = Arc::clone(&sent);
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut head = [0; 4096];
            let _ = stream.read(&mut head);
            let start = format!(
                "HTTP/1.1 {status}\r\ncontent-type: application/json\r\n\
                 content-length: 100000000000\r\n\r\n\""
            );
            let _ = stream.write_all(start.as_bytes());
            let chunk = vec![b'x'; 1 << 20];
            while stream.write_all(&chunk).is_ok() {
                told.fetch_add(chunk.len() as u64, Ordering::SeqCst);
            }
        }
    });
    (address, sent)
}

#[test]
fn answers_of_a_hostile_server_are_bounded() {
    for (status, most, words) in
        [("200 OK", 300 << 20, "has more than 256 MiB"), ("500 Odd", 40 << 20, "without a reason")]
    {
        let (address, sent) = endless(status);
        let access = Access {
            url: format!("http://{address}"),
            token: None::<TokenSource>,
            ca: None,
            identity: None,
        };
        let server = live::Server::new(&access, MeshName::new("m").unwrap()).unwrap();
        let since = Instant::now();
        let error = server.state().unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
        let sent = sent.load(Ordering::SeqCst);
        assert!(sent <= most, "{status}: {sent} bytes were read");
        println!("{status}: {} MiB in {:?}", sent >> 20, since.elapsed());
        assert!(since.elapsed() < Duration::from_secs(60));
    }
    // A line of an answer that is followed.
    let (address, sent) = endless("200 OK");
    let url = format!("http://{address}");
    let access = Access { url, token: None::<TokenSource>, ca: None, identity: None };
    let server = live::Server::new(&access, MeshName::new("m").unwrap()).unwrap();
    let error = block_on(async {
        let mut follow = server.find("a-key-of-16-letters").await.unwrap().unwrap();
        follow.next().await.unwrap_err().to_string()
    });
    assert!(error.contains("a line of its answer has more than 16 MiB"), "{error}");
    let sent = sent.load(Ordering::SeqCst);
    assert!(sent <= 40 << 20, "{sent} bytes were read");
}
