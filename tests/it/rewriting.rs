//! What rewrites a file keeps what it says: values, comments, line ends.

use crate::support::random_toml::{self, Written};
use crate::support::sandbox::Sandbox;
use crate::support::tier;
use meshctl::schema::format;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};

/// What a text says, as another reader than the formatter's sees it.
fn values(text: &str) -> String {
    // Not equality: nan differs from itself.
    let table: toml::Table = text.parse().unwrap_or_else(|error| panic!("{error}\n{text}"));
    format!("{table:?}")
}

#[test]
fn any_toml_is_formatted_and_says_the_same() {
    let count = tier::numbers(500, 10_000);
    let mut unformatted = Vec::new();
    for seed in 0..count {
        let Written { text, comments } = random_toml::file(seed);
        let before = values(&text.replace("\r\n", "\n"));
        let formatted = match format(&text) {
            Ok(formatted) => formatted,
            Err(why) => {
                unformatted.push(format!("seed {seed}: {why}\n{text}"));
                continue;
            }
        };
        let crlf = text.contains("\r\n");
        let feeds = formatted.matches('\n').count();
        assert_eq!(formatted.matches("\r\n").count(), if crlf { feeds } else { 0 }, "seed {seed}");
        let plain = formatted.replace("\r\n", "\n");
        assert_eq!(before, values(&plain), "seed {seed}\n{text}\n---\n{plain}");
        let mut rest = plain.as_str();
        for comment in &comments {
            let at = rest.find(comment.trim_end());
            let at = at.unwrap_or_else(|| panic!("seed {seed}: {comment}\n{text}\n---\n{plain}"));
            rest = &rest[at + comment.trim_end().len()..];
        }
        assert_eq!(format(&formatted).as_ref(), Ok(&formatted), "seed {seed}\n{text}");
    }
    let kept = unformatted.len();
    assert_eq!(kept, 0, "{kept} of {count} were left as they are:\n{}", unformatted.join("\n"));
}

/// The case of ../shared/cases/bugs/B1-fmt-drops-target.
const TARGETS: &str = r#"[mesh]
name = "f"

[virtual_node.a]
listeners = [{ port = 8080, protocol = "http" }]
discovery = { dns = "a-1.internal" }

[virtual_node.b]
listeners = [{ port = 8080, protocol = "http" }]
discovery = { dns = "b-1.internal" }

[virtual_service."a.internal"]
router = "a"

[virtual_router.a]
listeners = [{ port = 8080, protocol = "http" }]

[[virtual_router.a.routes]]
name = "all"
match = { prefix = "/" }
targets = {
  a = 95, # stable
  b   = 5,
}

[virtual_node.client]
backends   = ["a.internal"]
"#;

#[test]
fn fmt_keeps_inline_tables_over_several_lines() {
    let sandbox = Sandbox::with_mesh(TARGETS);
    let trace = ["trace", "GET", "http://a.internal:8080/", "--from", "virtual_node/client"];
    let before = sandbox.run(&trace).exits(0).stdout;
    sandbox.run(&["fmt"]).exits(0);
    let text = fs::read_to_string(sandbox.join("mesh.toml")).unwrap();
    assert_eq!(text, TARGETS.replace("backends   =", "backends ="));
    assert_eq!(sandbox.run(&trace).exits(0).stdout, before);
    sandbox.run(&["fmt", "--check"]).exits(0);
}

#[test]
fn fmt_keeps_line_ends_and_links() {
    let text = TARGETS.replace('\n', "\r\n");
    let sandbox = Sandbox::with_mesh("");
    fs::remove_file(sandbox.join("mesh.toml")).unwrap();
    sandbox.write("real/mesh.txt", &text);
    symlink("real/mesh.txt", sandbox.join("mesh.toml")).unwrap();
    sandbox.run(&["fmt", "--check"]).exits(2);
    sandbox.run(&["fmt"]).exits(0);
    let after = fs::read_to_string(sandbox.join("real/mesh.txt")).unwrap();
    assert_eq!(after, text.replace("backends   =", "backends ="));
    assert!(sandbox.join("mesh.toml").is_symlink());
}

/// The case of ../shared/cases/bugs/C1-crlf-plan.
#[test]
fn line_ends_of_a_checkout_are_no_change() {
    let mesh = r#"[mesh]
name = "n"

[virtual_node.b]
listeners = [{ port = 8080, protocol = "http" }]
discovery = { dns = "b-1.internal" }

[virtual_service."b.internal"]
node = "b"

[virtual_gateway.g]
listeners = [{ port = 8081, protocol = "http" }]
access_log = { path = "/var/log/g.log", format = { text = """
line %PROTOCOL%
an escaped \r stays
""" } }

[[virtual_gateway.g.routes]]
name = "r"
match = { prefix = "/" }
service = "b.internal"
"#;
    let sandbox = Sandbox::with_mesh(mesh);
    let plan = sandbox.run(&["plan", "--format", "json"]).exits(0).stdout;
    assert!(plan.contains(r"line %PROTOCOL%\nan escaped \r stays\n"), "{plan}");
    for file in ["mesh.toml", "meshctl.toml"] {
        let text = fs::read_to_string(sandbox.join(file)).unwrap();
        sandbox.write(file, text.replace('\n', "\r\n"));
    }
    let with = sandbox.run(&["plan", "--format", "json"]).exits(0).stdout;
    let hashes = |plan: &str| {
        let plan: serde_json::Value = serde_json::from_str(plan).unwrap();
        plan["sources"].clone()
    };
    assert_eq!(hashes(&plan), hashes(&with));
    sandbox.run(&["apply", "--yes"]).exits(0);
    for file in ["mesh.toml", "meshctl.toml"] {
        let text = fs::read_to_string(sandbox.join(file)).unwrap();
        sandbox.write(file, text.replace("\r\n", "\n"));
    }
    sandbox.run(&["plan", "--detailed-exitcode"]).exits(0);
}

#[test]
fn update_keeps_comments_and_line_ends() {
    let sandbox = Sandbox::with_mesh(TARGETS);
    let test = "# above\r\n[[test]] # beside\r\nname = \"a\"\r\nfrom = \"virtual_node/client\"\r\n\
                request = \"GET http://a.internal:8080/\"\r\nexpect = { node = \"b\" } # end\r\n";
    sandbox.write("tests/a.toml", test);
    sandbox.run(&["test", "--update"]).exits(0);
    let after = fs::read_to_string(sandbox.join("tests/a.toml")).unwrap();
    assert_eq!(after, test.replace("{ node = \"b\" }", "{ targets = { a = 95, b = 5 } }"));
}

#[test]
fn update_loses_no_comment() {
    let sandbox = Sandbox::with_mesh(TARGETS);
    let test = "[[test]]\nname = \"a\"\nfrom = \"virtual_node/client\"\n\
                request = \"GET http://a.internal:8080/\"\nexpect = {\n  # why b\n  node = \"b\",\n}\n";
    let more = "[[test]]\nname = \"second\"\nfrom = \"virtual_node/client\"\n\
                request = \"GET http://a.internal:8080/\"\nexpect = { node = \"b\" }\n";
    sandbox.write("tests/a.toml", format!("{test}{more}"));
    let ran = sandbox.run(&["test", "--update"]).exits(3);
    let after = fs::read_to_string(sandbox.join("tests/a.toml")).unwrap();
    // The test with the comment stays, and the other one is updated.
    let updated = more.replace("{ node = \"b\" }", "{ targets = { a = 95, b = 5 } }");
    assert_eq!(after, format!("{test}{updated}"), "{}", ran.stderr);
    for words in ["tests/a.toml:2", "`a` is not updated", "`# why b` would be lost"] {
        assert!(ran.stderr.contains(words), "{words}: {}", ran.all());
    }
}

#[test]
fn what_is_rewritten_keeps_its_owner() {
    if !rustix::process::geteuid().is_root() {
        // Only root can give files away.
        return;
    }
    let sandbox = Sandbox::with_mesh(TARGETS);
    sandbox.write("tests/a.toml", "[[test]]\nname = \"a\"\nfrom = \"virtual_node/client\"\nrequest = \"GET http://a.internal:8080/\"\nexpect = { node = \"b\" }\n");
    let files = ["mesh.toml", "tests/a.toml"].map(|file| sandbox.join(file));
    for file in &files {
        chown(file, Some(1234), Some(4321)).unwrap();
        fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
    }
    sandbox.run(&["fmt", "--check"]).exits(2);
    sandbox.run(&["fmt"]).exits(0);
    sandbox.run(&["test", "--update"]).exits(0);
    for file in &files {
        let found = fs::metadata(file).unwrap();
        assert_eq!(
            (found.uid(), found.gid(), found.mode() & 0o777),
            (1234, 4321, 0o600),
            "{file:?}"
        );
    }
}

/// On a full disk.
#[test]
fn a_folder_that_was_made_in_vain_is_removed() {
    let sandbox = Sandbox::new();
    sandbox.write("a.json", r#"{ "meshName": "m", "virtualNodeName": "n", "spec": {} }"#);
    let full = "trap '' XFSZ; ulimit -f 0; exec \"$0\" \"$@\"";
    for args in [&["init", "new/p"][..], &["import", "a.json", "-o", "new/p"]] {
        let plain = sandbox.command(args);
        let mut command = std::process::Command::new("sh");
        command.args(["-c", full]).arg(plain.get_program()).args(args).current_dir(sandbox.path());
        let ran = crate::support::sandbox::Ran::new(command.output().unwrap()).exits(1);
        assert!(ran.stderr.contains("new/p/"), "{}", ran.all());
        assert!(!sandbox.join("new").exists(), "{}", ran.all());
    }
}

#[test]
fn what_cannot_be_created_whole_leaves_nothing() {
    let sandbox = Sandbox::new();
    sandbox.write("p/tests/hello.toml", "");
    let ran = sandbox.run(&["init", "p"]).exits(1);
    assert!(ran.stderr.contains("tests/hello.toml"), "{}", ran.stderr);
    assert!(!sandbox.join("p/meshctl.toml").exists() && !sandbox.join("p/mesh.toml").exists());
}

#[test]
fn weights_of_an_overlay_replace_those_of_the_files() {
    let sandbox = Sandbox::with_mesh(TARGETS);
    sandbox.write(
        "env/prod.toml",
        "[[virtual_router.a.routes]]\nname = \"all\"\ntargets = { a = 100 }\n",
    );
    let trace = ["trace", "GET", "http://a.internal:8080/", "--from", "virtual_node/client"];
    let ran = sandbox.run(&[&trace[..], &["--env", "prod", "--format", "json"]].concat()).exits(0);
    let trace: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let text = trace.to_string();
    assert!(text.contains("\"a\"") && !text.contains("virtual_node/b"), "{trace:#}");
}
