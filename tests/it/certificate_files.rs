//! Certificate files: which are read, which are not, and that what `check` says of those that are
//! is what Envoys do.

use crate::support::mesh::Block;
use crate::support::sandbox::Sandbox;
use crate::support::{authority, envoy};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

/// The codes of the findings of a check, and what was not checked, with the reasons.
fn check(sandbox: &Sandbox) -> (BTreeSet<String>, BTreeMap<String, String>) {
    let ran = sandbox.run(&["check", "--format", "json", "--exit-zero"]).exits(0);
    let document: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let text = |item: &serde_json::Value, key: &str| item[key].as_str().unwrap().to_owned();
    let items = document["diagnostics"].as_array().unwrap().iter();
    let codes = items.map(|item| text(item, "code")).collect();
    let items = document["not_checked"].as_array().unwrap().iter();
    (codes, items.map(|item| (text(item, "path"), text(item, "reason"))).collect())
}

fn mesh(chain: &str, key: &str, trust: &str) -> String {
    format!(
        "[mesh]\nname = \"m\"\n\n[virtual_service.\"pay.internal\"]\nnode = \"pay\"\n\n\
         [virtual_node.pay]\ndiscovery = {{ dns = \"pay.internal\" }}\n\n\
         [[virtual_node.pay.listeners]]\nport = 8443\nprotocol = \"http\"\n\
         tls = {{ mode = \"strict\", certificate = {{ file = {{ chain = \"{chain}\", key = \"{key}\" }} }}, \
         validation = {{ trust = {{ file = \"{trust}\" }} }} }}\n"
    )
}

/// A project with certificates for `pay.internal`.
fn project(chain: &str, key: &str, trust: &str) -> Sandbox {
    let sandbox = Sandbox::with_mesh(&mesh(chain, key, trust));
    let table = "ca - -\npay ca pay.internal\nother ca other.internal";
    authority::make(table, &sandbox.join("certs"));
    sandbox
}

#[test]
fn only_regular_files_inside_the_project_are_read() {
    let whole = ["certs/pay.pem", "certs/pay.key", "certs/ca.pem"];
    let of = |paths: [&str; 3], prepare: &dyn Fn(&Sandbox)| {
        let sandbox = project(paths[0], paths[1], paths[2]);
        prepare(&sandbox);
        check(&sandbox).1
    };
    let nothing = |_: &Sandbox| {};
    assert_eq!(of(whole, &nothing), BTreeMap::new());

    let outside = tempfile::tempdir().unwrap();
    authority::make("pay - pay.internal", outside.path());
    let absolute = outside.path().join("pay.pem").display().to_string();
    let is = |path: &str, why: &str| BTreeMap::from([(path.to_owned(), why.to_owned())]);
    let leads_out = "the path leads out of the project";
    assert_eq!(of([&absolute, whole[1], whole[2]], &nothing), is(&absolute, leads_out));
    assert_eq!(of(["../pay.pem", whole[1], whole[2]], &nothing), is("../pay.pem", leads_out));
    let missing = "the project has no such file";
    assert_eq!(of(["certs/none.pem", whole[1], whole[2]], &nothing), is("certs/none.pem", missing));

    // A link out, of a file and of a folder; one that stays inside is followed.
    let linked = |sandbox: &Sandbox| symlink(&absolute, sandbox.join("certs/link.pem")).unwrap();
    assert_eq!(
        of(["certs/link.pem", whole[1], whole[2]], &linked),
        is("certs/link.pem", leads_out)
    );
    let folder = |sandbox: &Sandbox| symlink(outside.path(), sandbox.join("far")).unwrap();
    assert_eq!(of(["far/pay.pem", whole[1], whole[2]], &folder), is("far/pay.pem", leads_out));
    let inside = |sandbox: &Sandbox| symlink("pay.pem", sandbox.join("certs/link.pem")).unwrap();
    assert_eq!(of(["certs/link.pem", whole[1], whole[2]], &inside), BTreeMap::new());

    let regular = "it is not a regular file";
    assert_eq!(of(["certs", whole[1], whole[2]], &nothing), is("certs", regular));
    let pipe = |sandbox: &Sandbox| {
        let path = sandbox.join("certs/pipe.pem");
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    };
    assert_eq!(of(["certs/pipe.pem", whole[1], whole[2]], &pipe), is("certs/pipe.pem", regular));

    let large = |size: usize| {
        move |sandbox: &Sandbox| {
            let mut text = fs::read(sandbox.join("certs/pay.pem")).unwrap();
            text.resize(size, b'\n');
            sandbox.write("certs/large.pem", text);
        }
    };
    let paths = ["certs/large.pem", whole[1], whole[2]];
    assert_eq!(of(paths, &large(1 << 20)), BTreeMap::new());
    assert_eq!(of(paths, &large((1 << 20) + 1)), is("certs/large.pem", "it is larger than 1 MiB"));
}

#[test]
fn a_key_is_read_only_if_it_is_its_owners_alone() {
    for (mode, read) in [(0o600, true), (0o400, true), (0o640, false), (0o604, false)] {
        let sandbox = project("certs/pay.pem", "certs/other.key", "certs/ca.pem");
        let key = sandbox.join("certs/other.key");
        fs::set_permissions(key, fs::Permissions::from_mode(mode)).unwrap();
        let (codes, unchecked) = check(&sandbox);
        assert_eq!(codes.contains("MC0615"), read, "{mode:o}");
        assert_eq!(codes.contains("MC0625"), !read, "{mode:o}");
        assert_eq!(unchecked.contains_key("certs/other.key"), !read, "{mode:o}");
    }
}

#[test]
fn no_byte_of_a_file_is_shown() {
    let secret = "aVeryPrivateLine";
    for place in ["certs/pay.pem", "certs/pay.key", "certs/ca.pem"] {
        let sandbox = project("certs/pay.pem", "certs/pay.key", "certs/ca.pem");
        for text in [
            format!("{secret}\n"),
            format!("-----BEGIN CERTIFICATE-----\n{secret}\n-----END CERTIFICATE-----\n"),
            format!("-----BEGIN PRIVATE KEY-----\n{secret}\n-----END PRIVATE KEY-----\n"),
        ] {
            fs::write(sandbox.join(place), text).unwrap();
            for args in [&["check", "-v"][..], &["check", "--format", "json"]] {
                let ran = sandbox.run(args);
                assert!(!ran.all().contains(secret), "{place}:\n{}", ran.all());
                assert_ne!(ran.code, 101, "{place}:\n{}", ran.all());
            }
        }
    }
}

#[test]
fn what_is_not_checked_is_said() {
    let sandbox = Sandbox::with_mesh(&mesh("/etc/envoy/pay.pem", "/etc/envoy/pay.key", "ca.pem"));
    let ran = sandbox.run(&["check"]).exits(0);
    let summary = "3 certificate and key files were not checked; -v names them.";
    assert!(ran.stderr.contains(summary), "{}", ran.stderr);
    let ran = sandbox.run(&["check", "-v"]).exits(0);
    let line = "Not checked: /etc/envoy/pay.key: the path leads out of the project";
    assert!(ran.stderr.contains(line), "{}", ran.stderr);
}

/// A call of one client to one listener of a server.
struct Row {
    name: &'static str,
    /// The file that the listener shows, without `certs/`; its key has the same name.
    chain: &'static str,
    /// What the client trusts, without `certs/`.
    trust: &'static str,
    /// The name that the client expects.
    expects: &'static str,
    /// The certificate of the client, if the listener asks for one.
    client: Option<&'static str>,
    /// What `check` reports, if anything.
    code: Option<&'static str>,
    /// What the client gets.
    status: u32,
}

const TABLE: &str = "ca - -
mid ca - authority
other - -
plain ca plain.internal
foreign other foreign.internal
old ca old.internal 2026-01-01..2026-06-01
caller ca caller.internal clientAuth
server ca server.internal serverAuth
wild ca *.internal
deep mid deep.internal
below plain below.internal
bare ca -
upper ca UPPER.internal
workload ca spiffe://mesh.example/pay
";

#[rustfmt::skip]
const ROWS: [Row; 16] = [
    Row { name: "plain", chain: "plain.pem", trust: "ca.pem", expects: "plain.internal", client: None, code: None, status: 200 },
    Row { name: "name", chain: "plain.pem", trust: "ca.pem", expects: "other.internal", client: None, code: Some("MC0616"), status: 503 },
    Row { name: "bare", chain: "bare.pem", trust: "ca.pem", expects: "bare", client: None, code: Some("MC0616"), status: 503 },
    Row { name: "wild", chain: "wild.pem", trust: "ca.pem", expects: "any.internal", client: None, code: None, status: 200 },
    Row { name: "upper", chain: "upper.pem", trust: "ca.pem", expects: "upper.internal", client: None, code: None, status: 200 },
    Row { name: "workload", chain: "workload.pem", trust: "ca.pem", expects: "spiffe://mesh.example/pay", client: None, code: None, status: 200 },
    Row { name: "authority", chain: "foreign.pem", trust: "ca.pem", expects: "foreign.internal", client: None, code: Some("MC0617"), status: 503 },
    Row { name: "gap", chain: "deep.pem", trust: "ca.pem", expects: "deep.internal", client: None, code: Some("MC0617"), status: 503 },
    Row { name: "chain", chain: "deep.chain", trust: "ca.pem", expects: "deep.internal", client: None, code: None, status: 200 },
    Row { name: "partial", chain: "deep.pem", trust: "mid.pem", expects: "deep.internal", client: None, code: None, status: 200 },
    Row { name: "pinned", chain: "plain.pem", trust: "plain.pem", expects: "plain.internal", client: None, code: None, status: 200 },
    Row { name: "below", chain: "below.chain", trust: "ca.pem", expects: "below.internal", client: None, code: Some("MC0617"), status: 503 },
    Row { name: "old", chain: "old.pem", trust: "ca.pem", expects: "old.internal", client: None, code: Some("MC0620"), status: 503 },
    Row { name: "usage", chain: "caller.pem", trust: "ca.pem", expects: "caller.internal", client: None, code: Some("MC0622"), status: 503 },
    Row { name: "caller", chain: "plain.pem", trust: "ca.pem", expects: "plain.internal", client: Some("caller"), code: None, status: 200 },
    Row { name: "server", chain: "plain.pem", trust: "ca.pem", expects: "plain.internal", client: Some("server"), code: Some("MC0622"), status: 503 },
];

/// A mesh of some rows: each has a listener of one node and a backend of another.
fn write(rows: &[&Row]) -> (String, String) {
    let mut mesh = String::from("[mesh]\nname = \"rows\"\n");
    let mut project = String::from("[dev]\nprepare = ['cp -rp \"$MESHCTL_PROJECT/certs\" .']\n");
    mesh.push_str("\n[virtual_node.client]\nbackends = [\n");
    for row in rows {
        let certificate = row.client.map_or(String::new(), |name| {
            format!("certificate = {{ file = {{ chain = \"certs/{name}.pem\", key = \"certs/{name}.key\" }} }}, ")
        });
        writeln!(
            mesh,
            "  {{ service = \"{}.internal\", client_policy = {{ tls = {{ {certificate}validation = {{ \
             trust = {{ file = \"certs/{}\" }}, subject_alternative_names = [\"{}\"] }} }} }} }},",
            row.name, row.trust, row.expects
        )
        .unwrap();
    }
    mesh.push_str("]\n\n[virtual_node.server]\ndiscovery = { dns = \"server.internal\" }\n");
    for (at, row) in rows.iter().enumerate() {
        let (port, key) = (8401 + at, row.chain.split_once('.').unwrap().0);
        let validation =
            row.client.map_or("", |_| ", validation = { trust = { file = \"certs/ca.pem\" } }");
        writeln!(
            mesh,
            "\n[[virtual_node.server.listeners]]\nport = {port}\nprotocol = \"http\"\n\
             tls = {{ mode = \"strict\", certificate = {{ file = {{ chain = \"certs/{}\", \
             key = \"certs/{key}.key\" }} }}{validation} }}",
            row.chain
        )
        .unwrap();
    }
    for (at, row) in rows.iter().enumerate() {
        let (port, name) = (8401 + at, row.name);
        writeln!(
            mesh,
            "\n[virtual_service.\"{name}.internal\"]\nrouter = \"{name}\"\n\n\
             [virtual_router.{name}]\nlisteners = [{{ port = {port}, protocol = \"http\" }}]\n\n\
             [[virtual_router.{name}.routes]]\nname = \"all\"\nmatch = {{ prefix = \"/\" }}\n\
             targets = [{{ node = \"server\", port = {port}, weight = 1 }}]\n\
             retry = {{ on = [], max_retries = 0 }}"
        )
        .unwrap();
        writeln!(
            project,
            "\n[[dev.requests]]\nfrom = \"virtual_node/client\"\n\
             url = \"http://{name}.internal:{port}/\"\nstatus = {}",
            row.status
        )
        .unwrap();
    }
    (mesh, project)
}

#[test]
fn what_check_says_of_certificates_is_what_envoys_do() {
    let sandbox = |rows: &[&Row]| {
        let sandbox = Sandbox::new();
        let (mesh, project) = write(rows);
        sandbox.write("mesh.toml", mesh);
        sandbox.write("meshctl.toml", project);
        authority::make(TABLE, &sandbox.join("certs"));
        sandbox
    };
    let mut wrong = Vec::new();
    for row in &ROWS {
        let (mut codes, unchecked) = check(&sandbox(&[row]));
        codes.retain(|code| code.starts_with("MC06"));
        let wanted: BTreeSet<String> = row.code.iter().map(|code| (*code).to_owned()).collect();
        if codes != wanted || !unchecked.is_empty() {
            wrong.push(format!("{}: check reports {codes:?}, not checked {unchecked:?}", row.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));

    // `dev` runs no mesh with errors, so certificates come into the project after the check: paths
    // outside of it are not read.
    let all: Vec<&Row> = ROWS.iter().collect();
    let sandbox = sandbox(&all);
    fs::rename(sandbox.join("certs"), sandbox.join("outside")).unwrap();
    let project = fs::read_to_string(sandbox.join("meshctl.toml")).unwrap();
    sandbox.write(
        "meshctl.toml",
        project.replace("$MESHCTL_PROJECT/certs\" .", "$MESHCTL_PROJECT/outside\" certs"),
    );
    let envoy = envoy::binary().display().to_string();
    let block = Block::take();
    let network = block.second().to_string();
    let ran = sandbox.run(&["dev", ".", "--once", "--envoy", &envoy, "--network", &network]);
    assert_eq!(ran.code, 0, "{}", ran.all());
    assert_eq!(ran.stdout.lines().filter(|line| line.starts_with("ok ")).count(), ROWS.len());
}
