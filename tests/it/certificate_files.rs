//! Certificate files: which are read, which are not, and what is said of it.

use crate::support::authority;
use crate::support::sandbox::Sandbox;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

/// The codes of the findings of a check, and what was not checked, with the reasons.
pub(crate) fn check(sandbox: &Sandbox) -> (BTreeSet<String>, BTreeMap<String, String>) {
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
