//! The exit-code matrix: command x format x outcome. Formats never change a code, and whatever is
//! read by programs stays readable by programs.

use crate::support::projects::{
    Held, PROJECT, WRONG_DIGEST, applied, blocked, broken, changed, damaged, doubtful, drifted,
    elsewhere, emptied, forged, fresh, garbage, homeless, in_use, locked, lonely, nothing,
    outdated, overtaken, renamed, rendered, saved, senseless, sources, staffed, stored, tested,
    torn, twice, untidy, untrue, wrong,
};
use crate::support::sandbox::{Ran, Sandbox};
use crate::support::schemas::{published, validate, validate_as, well_formed};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::pipe;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// Every form of a result.
const FORMATS: [&str; 8] =
    ["text", "json", "ndjson", "markdown", "github", "sarif", "junit", "appmesh-json"];

/// The formats of each command.
const COMMANDS: &[(&str, &[&str])] = &[
    ("init", &["text"]),
    ("check", &["text", "json", "sarif", "github", "junit"]),
    ("dev", &["text"]),
    ("fmt", &["text"]),
    ("explain", &["text", "json"]),
    ("plan", &["text", "json", "markdown", "github"]),
    ("show", &["text", "json", "markdown", "github"]),
    ("diff", &["text", "json"]),
    ("apply", &["text", "json", "ndjson"]),
    ("rollback", &["text", "json", "ndjson"]),
    ("render", &["text", "json"]),
    ("bootstrap", &["text"]),
    ("drift", &["text", "json"]),
    ("get", &["text", "json", "appmesh-json"]),
    ("history", &["text", "json"]),
    ("status", &["text", "json"]),
    ("wait", &["text", "json"]),
    ("serve", &["text"]),
    ("trace", &["text", "json"]),
    ("test", &["text", "json", "sarif", "github", "junit"]),
    ("graph", &["text", "json", "mermaid", "dot", "svg"]),
    ("store", &["text", "json"]),
    ("import", &["text", "json"]),
    ("schema", &["text", "json"]),
    ("completions", &["text"]),
    ("version", &["text", "json"]),
];

/// One cell of the matrix, for every format of its command.
struct Case {
    outcome: &'static str,
    code: i32,
    prepare: fn(&Sandbox) -> Held,
    args: &'static [&'static str],
}

const fn case(
    outcome: &'static str,
    code: i32,
    prepare: fn(&Sandbox) -> Held,
    args: &'static [&'static str],
) -> Case {
    Case { outcome, code, prepare, args }
}

/// All cells. A command's wrong formats and unknown flags come on top.
#[rustfmt::skip]
const MATRIX: &[Case] = &[
    case("ok", 0, nothing, &["init", "--name", "shop"]),
    case("ok", 0, nothing, &["init", "shop", "--name", "shop"]),
    case("usage", 64, nothing, &["init", "--name", "no name"]),
    case("could not", 1, fresh, &["init", "--name", "m"]),

    case("ok", 0, fresh, &["check"]),
    case("ok", 0, doubtful, &["check"]),
    case("findings", 3, doubtful, &["check", "--fail-on", "warning"]),
    case("findings", 3, wrong, &["check"]),
    case("findings", 3, garbage, &["check"]),
    case("ok", 0, wrong, &["check", "--exit-zero"]),
    case("could not", 1, nothing, &["check"]),
    case("could not", 1, fresh, &["check", "--env", "nowhere"]),
    case("usage", 64, fresh, &["check", "--fail-on", "never"]),

    case("ok", 0, fresh, &["dev", "--print-overlay"]),
    case("findings", 3, wrong, &["dev", "--once"]),
    case("could not", 1, nothing, &["dev", "--once"]),
    case("could not", 1, fresh, &["dev", "--once", "--envoy", "no-envoy-here"]),
    case("usage", 64, fresh, &["dev", "--network", "0"]),

    case("ok", 0, untidy, &["fmt"]),
    case("ok", 0, fresh, &["fmt", "--check"]),
    case("differences", 2, untidy, &["fmt", "--check"]),
    case("differences", 2, untidy, &["fmt", "--diff"]),
    case("findings", 3, broken, &["fmt"]),
    case("findings", 3, broken, &["fmt", "mesh.toml"]),
    case("findings", 3, garbage, &["fmt"]),
    case("findings", 3, garbage, &["fmt", "--check", "mesh.toml"]),
    case("could not", 1, fresh, &["fmt", "no-such-file.toml"]),
    case("could not", 1, nothing, &["fmt"]),

    case("ok", 0, sources, &["import", "whole.json"]),
    case("ok", 0, sources, &["import", "whole.json", "-o", "made"]),
    case("ok", 0, sources, &["import", "variable.json", "--allow-loss"]),
    case("ok", 0, sources, &["import", "variable.json", "--var", "HOST=web.internal"]),
    case("refused", 4, sources, &["import", "variable.json", "-o", "made"]),
    case("findings", 3, sources, &["import", "broken.json"]),
    case("could not", 1, sources, &["import", "no-such-file.json"]),
    case("could not", 1, fresh, &["import", "no-such-folder", "-o", "."]),
    case("usage", 64, sources, &["import", "whole.json", "--var", "HOST"]),
    case("usage", 64, nothing, &["import"]),

    case("ok", 0, nothing, &["explain"]),
    case("ok", 0, nothing, &["explain", "MC0001"]),
    case("usage", 64, nothing, &["explain", "MC9999"]),

    case("ok", 0, fresh, &["plan"]),
    case("ok", 0, applied, &["plan", "--detailed-exitcode"]),
    case("ok", 0, changed, &["plan"]),
    case("ok", 0, drifted, &["plan", "--detailed-exitcode"]),
    case("differences", 2, fresh, &["plan", "--detailed-exitcode"]),
    case("differences", 2, changed, &["plan", "--detailed-exitcode", "-o", "saved.json"]),
    case("findings", 3, wrong, &["plan"]),
    case("findings", 3, renamed, &["plan"]),
    case("refused", 4, emptied, &["plan"]),
    case("refused", 4, emptied, &["plan", "--detailed-exitcode"]),
    case("could not", 1, nothing, &["plan"]),
    case("could not", 1, damaged, &["plan"]),
    case("could not", 1, fresh, &["plan", "-o", "no/such/folder/saved.json"]),
    case("usage", 64, homeless, &["plan"]),
    case("usage", 64, fresh, &["plan", "--target", "nowhere"]),
    case("usage", 64, fresh, &["plan", "--only", "virtual_node/nobody"]),

    case("ok", 0, saved, &["show", "saved.json"]),
    case("could not", 1, forged, &["show", "saved.json"]),
    case("usage", 64, applied, &["show", "rev:nine"]),
    case("could not", 1, fresh, &["show", "saved.json"]),
    case("usage", 64, fresh, &["show"]),

    case("ok", 0, changed, &["diff", "live", "."]),
    case("ok", 0, applied, &["diff", "live", ".", "--detailed-exitcode"]),
    case("differences", 2, changed, &["diff", "live", ".", "--detailed-exitcode"]),
    case("findings", 3, wrong, &["diff", "live", "."]),
    case("could not", 1, applied, &["diff", "live", "rev:9"]),
    case("usage", 64, applied, &["diff", "live", "rev:nine"]),
    case("usage", 64, fresh, &["diff", "live"]),

    case("ok", 0, fresh, &["apply", "--yes"]),
    case("ok", 0, applied, &["apply", "--yes"]),
    case("ok", 0, applied, &["apply"]),
    case("ok", 0, saved, &["apply", "saved.json", "--yes"]),
    case("ok", 0, drifted, &["apply", "--rewrite"]),
    case("findings", 3, wrong, &["apply", "--yes"]),
    case("refused", 4, fresh, &["apply"]),
    case("refused", 4, saved, &["apply", "saved.json", "--no-input"]),
    case("refused", 4, emptied, &["apply", "--yes"]),
    case("refused", 4, elsewhere, &["apply", "saved.json", "--yes"]),
    case("stale", 5, overtaken, &["apply", "saved.json", "--yes"]),
    case("stale", 5, changed, &["apply", "--yes", "--expect", WRONG_DIGEST]),
    case("busy", 6, locked, &["apply", "--yes"]),
    case("not converged", 7, lonely, &["apply", "--yes"]),
    case("could not", 1, nothing, &["apply", "--yes"]),
    case("could not", 1, damaged, &["apply", "--yes"]),
    case("could not", 1, forged, &["apply", "saved.json", "--yes"]),
    case("could not", 1, applied, &["apply", "--resume"]),
    case("usage", 64, homeless, &["apply", "--yes"]),
    case("usage", 64, changed, &["apply", "--yes", "--expect", "cafe"]),
    case("usage", 64, fresh, &["apply", "--wait", "soon"]),

    case("ok", 0, twice, &["rollback", "--yes"]),
    case("ok", 0, twice, &["rollback", "2", "--yes"]),
    case("refused", 4, twice, &["rollback"]),
    case("stale", 5, twice, &["rollback", "--yes", "--expect", WRONG_DIGEST]),
    case("busy", 6, locked, &["rollback", "--yes"]),
    case("not converged", 7, lonely, &["rollback", "--yes"]),
    case("could not", 1, applied, &["rollback", "--yes"]),
    case("could not", 1, fresh, &["rollback", "--yes"]),
    case("could not", 1, twice, &["rollback", "9", "--yes"]),
    case("could not", 1, damaged, &["rollback", "--yes"]),
    case("usage", 64, twice, &["rollback", "--yes", "--expect", "cafe"]),
    case("usage", 64, twice, &["rollback", "two"]),

    case("ok", 0, fresh, &["render"]),
    case("ok", 0, fresh, &["render", "-o", "out", "--source-map"]),
    case("ok", 0, rendered, &["render", "-o", "out", "--check"]),
    case("differences", 2, outdated, &["render", "-o", "out", "--check"]),
    case("differences", 2, fresh, &["render", "-o", "out", "--check"]),
    case("findings", 3, wrong, &["render", "-o", "out"]),
    case("could not", 1, blocked, &["render", "-o", "out"]),
    case("could not", 1, nothing, &["render"]),
    case("usage", 64, fresh, &["render", "--only", "virtual_node/nobody"]),
    case("usage", 64, fresh, &["render", "--check"]),

    case("ok", 0, fresh, &["bootstrap", "virtual_node/web"]),
    case("findings", 3, wrong, &["bootstrap", "virtual_node/web"]),
    case("could not", 1, nothing, &["bootstrap", "virtual_node/web"]),
    case("usage", 64, fresh, &["bootstrap", "virtual_node/nobody"]),
    case("usage", 64, fresh, &["bootstrap"]),

    case("ok", 0, fresh, &["drift", "--detailed-exitcode"]),
    case("ok", 0, applied, &["drift", "--detailed-exitcode"]),
    case("ok", 0, drifted, &["drift"]),
    case("differences", 2, drifted, &["drift", "--detailed-exitcode"]),
    case("could not", 1, damaged, &["drift"]),
    case("usage", 64, homeless, &["drift"]),

    case("ok", 0, fresh, &["get"]),
    case("ok", 0, applied, &["get"]),
    case("ok", 0, applied, &["get", "virtual_node"]),
    case("ok", 0, applied, &["get", "virtual_node/web"]),
    case("ok", 0, twice, &["get", "--rev", "1"]),
    case("ok", 0, fresh, &["get", "--origin"]),
    case("ok", 0, fresh, &["get", "virtual_node/web", "--origin"]),
    case("could not", 1, fresh, &["get", "virtual_node/nobody", "--origin"]),
    case("could not", 1, applied, &["get", "virtual_node/nobody"]),
    case("could not", 1, applied, &["get", "--rev", "9"]),
    case("could not", 1, damaged, &["get"]),
    case("usage", 64, applied, &["get", "virtual_thing"]),

    case("ok", 0, fresh, &["history"]),
    case("ok", 0, twice, &["history"]),
    case("ok", 0, twice, &["history", "-n", "1"]),
    case("could not", 1, nothing, &["history"]),
    case("could not", 1, damaged, &["history"]),
    case("usage", 64, applied, &["history", "-n", "few"]),

    case("ok", 0, fresh, &["status"]),
    case("ok", 0, applied, &["status"]),
    case("could not", 1, damaged, &["status"]),
    case("usage", 64, homeless, &["status"]),

    case("ok", 0, applied, &["wait"]),
    case("not converged", 7, fresh, &["wait", "--timeout", "none"]),
    case("not converged", 7, lonely, &["wait", "--timeout", "none"]),
    case("could not", 1, damaged, &["wait"]),
    case("usage", 64, applied, &["wait", "--timeout", "soon"]),

    case("ok", 0, stored, &["serve", "operator", "list", "--data", "data"]),
    case("ok", 0, stored, &["serve", "operator", "add", "ann", "--data", "data"]),
    case("ok", 0, staffed, &["serve", "operator", "remove", "ann", "--data", "data"]),
    case("ok", 0, staffed, &["serve", "operator", "renew", "ann", "--data", "data"]),
    case("could not", 1, staffed, &["serve", "operator", "renew", "bob", "--data", "data"]),
    case("usage", 64, stored, &["serve", "operator", "add", "ann", "--role", "register", "--data", "data"]),
    case("usage", 64, stored, &["serve", "operator", "add", "ann", "--service", "a/b", "--data", "data"]),
    case("could not", 1, nothing, &["serve", "operator", "list", "--data", "data"]),
    case("could not", 1, torn, &["serve", "--data", "data", "--admin", "127.0.0.1:0", "--xds", "127.0.0.1:0"]),
    case("busy", 6, in_use, &["serve", "--data", "data", "--admin", "127.0.0.1:0", "--xds", "127.0.0.1:0"]),
    case("usage", 64, nothing, &["serve", "--data", "data", "--admin", "0.0.0.0:0", "--xds", "127.0.0.1:0"]),
    case("usage", 64, nothing, &["serve"]),
    case("ok", 0, fresh, &["trace", "GET", "http://cart.internal/x", "--from", "web"]),
    case("ok", 0, fresh, &["trace", "GET", "http://nowhere/x", "-H", "a: b", "--from", "web"]),
    case("ok", 0, applied, &["trace", "GET", "http://cart.internal/", "--from", "web", "--at", "live"]),
    case("ok", 0, saved, &["trace", "GET", "http://cart.internal/", "--from", "web", "--at", "plan:saved.json"]),
    case("ok", 0, applied, &["trace", "GET", "http://cart.internal/", "--from", "web", "--at", "rev:1"]),
    case("findings", 3, wrong, &["trace", "GET", "http://cart.internal/", "--from", "web"]),
    case("could not", 1, fresh, &["trace", "CONNECT", "http://cart.internal/", "--from", "web"]),
    case("could not", 1, fresh, &["trace", "GET", "http://cart.internal/", "--from", "web", "--at", "live"]),
    case("could not", 1, nothing, &["trace", "GET", "http://cart.internal/"]),
    case("usage", 64, fresh, &["trace", "GET", "cart.internal/", "--from", "web"]),
    case("ok", 0, tested, &["test"]),
    case("ok", 0, tested, &["test", "tests/cart.toml", "--filter", "split"]),
    case("findings", 3, untrue, &["test"]),
    case("findings", 3, senseless, &["test"]),
    case("findings", 3, fresh, &["test"]),
    case("findings", 3, wrong, &["test"]),
    case("could not", 1, nothing, &["test"]),
    case("could not", 1, tested, &["test", "nowhere.toml"]),
    case("could not", 1, tested, &["test", "--at", "live"]),
    case("usage", 64, tested, &["test", "--filter", "nothing of this name"]),
    case("usage", 64, tested, &["test", "--at", "then"]),
    case("usage", 64, tested, &["test", "."]),
    case("usage", 64, fresh, &["trace", "GET", "http://cart.internal/"]),
    case("usage", 64, fresh, &["trace", "GET", "http://cart.internal/", "--from", "nobody"]),
    case("usage", 64, fresh, &["trace", "GET", "http://cart.internal/", "--from", "web", "--at", "then"]),
    case("ok", 0, fresh, &["graph"]),
    case("ok", 0, fresh, &["graph", "virtual_service/cart.internal", "--depth", "1"]),
    case("ok", 0, changed, &["graph", "--changes"]),
    case("ok", 0, saved, &["graph", "--changes", "--at", "plan:saved.json"]),
    case("ok", 0, applied, &["graph", "--changes", "--at", "rev:1"]),
    case("ok", 0, applied, &["graph", "--at", "live"]),
    case("findings", 3, wrong, &["graph"]),
    case("could not", 1, fresh, &["graph", "virtual_node/nobody"]),
    case("could not", 1, fresh, &["graph", "--at", "live"]),
    case("could not", 1, nothing, &["graph"]),
    case("usage", 64, fresh, &["graph", "nobody"]),
    case("usage", 64, fresh, &["graph", "--depth", "1"]),
    case("usage", 64, applied, &["graph", "--changes", "--at", "live"]),

    case("ok", 0, stored, &["store", "check", "--data", "data"]),
    case("could not", 1, nothing, &["store", "check", "--data", "data"]),
    case("could not", 1, torn, &["store", "check", "--data", "data"]),
    case("ok", 0, stored, &["store", "backup", "second", "--data", "data"]),
    case("ok", 0, stored, &["store", "restore", "backup", "--data", "third"]),
    case("busy", 6, in_use, &["store", "check", "--data", "data"]),
    case("refused", 4, stored, &["store", "restore", "backup", "--data", "data"]),
    case("refused", 4, stored, &["store", "backup", "backup", "--data", "data"]),
    case("could not", 1, stored, &["store", "restore", "none", "--data", "other"]),
    case("usage", 64, stored, &["store", "check"]),

    case("ok", 0, nothing, &["version"]),
    case("usage", 64, nothing, &["version", "now"]),
    case("ok", 0, nothing, &["completions", "bash"]),
    case("usage", 64, nothing, &["completions", "cmd"]),
    case("ok", 0, nothing, &["schema"]),
    case("usage", 64, nothing, &["schema", "thing"]),
];

fn formats(command: &str) -> &'static [&'static str] {
    let found = COMMANDS.iter().find(|(name, _)| *name == command);
    found.unwrap_or_else(|| panic!("{command} is not in the list of commands")).1
}

/// A prepared sandbox, and what is held open for it.
type Prepared = (Sandbox, Held);

fn prepared(case: &Case) -> Prepared {
    let sandbox = Sandbox::new();
    let held = (case.prepare)(&sandbox);
    (sandbox, held)
}

fn run(case: &Case, format: &str, (sandbox, _): &Prepared) -> Ran {
    sandbox.run(&[case.args, &["--format", format]].concat())
}

impl Case {
    /// Whether a run leaves something else behind than it found.
    fn changes(&self) -> bool {
        let writes = ["init", "fmt", "apply", "rollback", "render"].contains(&self.args[0])
            || matches!(self.args, ["import", ..] | ["store", "backup" | "restore", ..])
            || self.args.contains(&"remove");
        writes && matches!(self.code, 0 | 7)
    }
}

/// Runs a case with a stdout that takes nothing, as a full disk does.
fn run_on_full_disk(case: &Case, format: &str, (sandbox, _): &Prepared) -> Ran {
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut command = sandbox.command(&[case.args, &["--format", format]].concat());
    Ran::new(command.stdout(full).output().unwrap())
}

/// What is wrong with how a case ends whose result, which is not empty, cannot be written.
fn wrong_on_full_disk(case: &Case, ran: &Ran) -> Option<String> {
    // Codes from 4 on say what became of a target; a script must not lose them.
    let code = if case.code >= 4 { case.code } else { 1 };
    let says = ran.stderr.contains("stdout") && ran.stderr.contains("No space left on device");
    (ran.code != code || !says).then(|| format!("on a full disk, not {code}: {}", ran.all()))
}

/// Checks the cases of some commands; all are told about at once.
fn check(commands: &[&str]) {
    let mut wrong = Vec::new();
    let mut kept: BTreeMap<usize, Prepared> = BTreeMap::new();
    for case in MATRIX.iter().filter(|case| commands.contains(&case.args[0])) {
        for format in formats(case.args[0]) {
            let ran = if case.changes() {
                run(case, format, &prepared(case))
            } else {
                let place = kept.entry(case.prepare as usize).or_insert_with(|| prepared(case));
                run(case, format, place)
            };
            let call = format!("meshctl {} --format {format}", case.args.join(" "));
            if !ran.stdout.is_empty() {
                let full = match case.changes() {
                    true => run_on_full_disk(case, format, &prepared(case)),
                    false => run_on_full_disk(case, format, &kept[&(case.prepare as usize)]),
                };
                if let Some(why) = wrong_on_full_disk(case, &full) {
                    wrong.push(format!("{call}\n  {why}"));
                }
            }
            if ran.code != case.code {
                let outcome = case.outcome;
                wrong.push(format!("{outcome}: {call}\n  not {}: {}", case.code, ran.all()));
            }
            let form = std::panic::catch_unwind(|| {
                // A schema is its own document.
                if case.args[0] != "schema" || ran.code != 0 {
                    well_formed(&ran, format);
                }
            });
            if form.is_err() {
                wrong.push(format!("{call}\n  not well-formed: {}", ran.all()));
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// The commands within commands, each with a case that works, or with the test that runs it: those
/// ask a server.
const INNER: &[(&str, &str)] = &[
    ("serve operator add", ""),
    ("serve operator list", ""),
    ("serve operator remove", ""),
    ("serve operator renew", ""),
    ("serve token", "a_join_token_that_cannot_be_printed_is_removed_again"),
    ("serve tokens list", "a_join_token_that_cannot_be_printed_is_removed_again"),
    ("serve tokens remove", "prints nothing"),
    ("serve revoke", "prints nothing"),
    ("serve allow", "prints nothing"),
    ("store backup", ""),
    ("store check", ""),
    ("store restore", ""),
];

#[test]
fn every_command_within_a_command_has_its_case() {
    fn leaves(command: &clap::Command, path: &str, found: &mut Vec<String>) {
        for inner in command.get_subcommands().filter(|inner| inner.get_name() != "help") {
            let path = format!("{path} {}", inner.get_name());
            if inner.has_subcommands() {
                leaves(inner, &path, found);
            } else {
                found.push(path.trim().to_owned());
            }
        }
    }
    let mut found = Vec::new();
    leaves(&meshctl::cli::command(), "", &mut found);
    let inner: BTreeSet<String> = found.into_iter().filter(|path| path.contains(' ')).collect();
    let listed: BTreeSet<String> = INNER.iter().map(|(path, _)| (*path).to_owned()).collect();
    assert_eq!(inner, listed);
    for (path, _) in INNER.iter().filter(|(_, elsewhere)| elsewhere.is_empty()) {
        let works = |case: &&Case| case.outcome == "ok" && case.args.join(" ").starts_with(path);
        assert!(MATRIX.iter().any(|case| works(&case)), "{path} has no case that works");
    }
}

#[test]
fn help_and_wrong_usage_on_a_full_disk_are_no_success() {
    let sandbox = Sandbox::new();
    let mut calls = vec![(vec!["--help".to_owned()], 1), (vec!["--version".to_owned()], 1)];
    for (command, _) in COMMANDS {
        calls.push((vec![(*command).to_owned(), "--help".to_owned()], 1));
        let json = ["--format", "json", "--no-such-flag"].map(str::to_owned);
        calls.push(([vec![(*command).to_owned()], json.to_vec()].concat(), 64));
    }
    for (args, code) in calls {
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let ran = Ran::new(sandbox.command(&args).stdout(full).output().unwrap());
        assert_eq!(ran.code, code, "{args:?}: {}", ran.all());
        assert!(ran.stderr.contains("No space left on device"), "{args:?}: {}", ran.all());
    }
}

#[test]
fn an_operator_whose_secret_cannot_be_printed_is_not_made() {
    let sandbox = Sandbox::new();
    let _held = stored(&sandbox);
    let add = ["serve", "operator", "add", "ann", "--data", "data"];
    let list = ["serve", "operator", "list", "--data", "data"];
    for closed_pipe in [false, true] {
        let mut command = sandbox.command(&add);
        if closed_pipe {
            let (reader, writer) = pipe().unwrap();
            drop(reader);
            command.stdout(writer);
        } else {
            command.stdout(fs::OpenOptions::new().write(true).open("/dev/full").unwrap());
        }
        let ran = Ran::new(command.output().unwrap()).exits(1);
        assert!(ran.stderr.contains("nothing was changed"), "{}", ran.all());
        assert!(!sandbox.run(&list).exits(0).stdout.contains("ann"));
    }
    sandbox.run(&add).exits(0);
    assert!(sandbox.run(&list).exits(0).stdout.contains("ann"));
    let hashes = || meshctl::serve::Operators::of(&sandbox.join("data")).list().unwrap();
    let before = hashes();
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    Ran::new(sandbox.command(&add).stdout(full).output().unwrap()).exits(1);
    assert_eq!(hashes(), before, "the old secret works on");
}

#[test]
fn codes_of_commands_that_read_only_files_do_not_depend_on_the_format() {
    check(&["init", "check", "dev", "fmt", "explain", "render", "bootstrap"]);
}

#[test]
fn codes_of_plans_do_not_depend_on_the_format() {
    check(&["plan", "show", "diff"]);
}

#[test]
fn codes_of_applies_do_not_depend_on_the_format() {
    check(&["apply"]);
}

#[test]
fn codes_of_rollbacks_do_not_depend_on_the_format() {
    check(&["rollback"]);
}

#[test]
fn codes_of_commands_that_look_at_a_target_do_not_depend_on_the_format() {
    check(&["drift", "get", "history", "status", "wait", "version", "completions", "schema"]);
    check(&["store", "serve", "trace", "test", "graph"]);
}

#[test]
fn the_matrix_has_every_command_and_its_common_outcomes() {
    let listed: BTreeSet<&str> = COMMANDS.iter().map(|(name, _)| *name).collect();
    let command = meshctl::cli::command();
    let there: BTreeSet<&str> = command
        .get_subcommands()
        .filter(|sub| !sub.is_hide_set())
        .map(clap::Command::get_name)
        .filter(|name| *name != "help")
        .collect();
    assert_eq!(listed, there);
    for name in there {
        let of = |outcome| MATRIX.iter().any(|c| c.args[0] == name && c.outcome == outcome);
        assert!(of("ok"), "{name} has no case that works");
    }
}

#[test]
fn a_format_that_a_command_does_not_have_is_wrong_usage_and_does_nothing() {
    for (command, has) in COMMANDS {
        let case = MATRIX.iter().find(|c| c.args[0] == *command && c.code == 0).unwrap();
        let place = prepared(case);
        for format in FORMATS.iter().filter(|format| !has.contains(format)) {
            let ran = run(case, format, &place);
            assert_eq!(ran.code, 64, "{command} {format}: {}", ran.all());
            assert!(ran.stderr.contains("formats of this command: text"), "{}", ran.all());
            well_formed(&ran, format);
        }
    }
}

#[test]
fn unknown_words_and_flags_are_wrong_usage_in_every_format() {
    let sandbox = Sandbox::new();
    fresh(&sandbox);
    for (command, has) in COMMANDS {
        for format in *has {
            let ran = sandbox.run(&[command, "--format", format, "--no-such-flag"]).exits(64);
            assert!(ran.stderr.contains("--no-such-flag"), "{}", ran.all());
            well_formed(&ran, format);
            let ran = sandbox.command(&[command, "--no-such-flag"]);
            let ran = run_with(ran, "MESHCTL_FORMAT", format).exits(64);
            well_formed(&ran, format);
        }
    }
    for args in [&["--format", "json", "no-such-command"][..], &["--format=json"], &["plan"; 3]] {
        let ran = sandbox.run(args).exits(64);
        well_formed(&ran, if args[0] == "plan" { "text" } else { "json" });
    }
    let ran = sandbox.run(&["plan", "--format", "yaml"]).exits(64);
    assert!(ran.stderr.contains("yaml") && ran.stdout.is_empty(), "{}", ran.all());
}

fn run_with(mut command: std::process::Command, name: &str, value: &str) -> Ran {
    Ran::new(command.env(name, value).output().unwrap())
}

#[test]
fn nothing_that_is_piped_has_an_escape_byte_whatever_the_terminal() {
    for (name, value) in [("NO_COLOR", "1"), ("TERM", "dumb"), ("TERM", "xterm-256color")] {
        for prepare in [wrong, doubtful, fresh] {
            for args in [&["check"][..], &["plan"], &["apply", "--yes"], &["nonsense"], &["--help"]]
            {
                let sandbox = Sandbox::new();
                prepare(&sandbox);
                well_formed(&run_with(sandbox.command(args), name, value), "text");
            }
        }
    }
    let sandbox = Sandbox::new();
    wrong(&sandbox);
    let coloured = sandbox.run(&["check", "--color", "always"]).exits(3);
    assert!(coloured.stdout.contains('\u{1b}'), "{}", coloured.all());
    let forced = run_with(sandbox.command(&["check"]), "FORCE_COLOR", "1");
    assert!(forced.stdout.contains('\u{1b}'), "{}", forced.all());
    let mut both = sandbox.command(&["check"]);
    both.env("NO_COLOR", "1");
    well_formed(&run_with(both, "FORCE_COLOR", "1"), "text");
    let never = run_with(sandbox.command(&["check", "--color", "never"]), "FORCE_COLOR", "1");
    well_formed(&never, "text");
    // Colour is for people: documents have none even then.
    let json = sandbox.run(&["check", "--format", "json", "--color", "always"]).exits(3);
    assert!(!json.stdout.contains('\u{1b}'), "{}", json.all());
}

#[test]
fn quiet_leaves_out_words_but_neither_results_nor_errors() {
    let sandbox = Sandbox::new();
    changed(&sandbox);
    let ran = sandbox.run(&["apply", "--yes", "-q"]).exits(0);
    assert!(ran.stderr.is_empty() && ran.stdout.contains("Revision 2"), "{}", ran.all());
    let ran = sandbox.run(&["apply", "--yes", "-q", "--expect", WRONG_DIGEST]).exits(5);
    assert!(ran.stderr.starts_with("error: "), "{}", ran.all());
}

#[test]
fn a_reader_that_goes_away_is_no_error_and_no_noise() {
    for (args, code) in [
        (&["explain"][..], 0),
        (&["schema"], 0),
        (&["--help"], 0),
        (&["plan"], 0),
        (&["render"], 0),
        (&["check", "--format", "sarif"], 0),
        (&["apply", "--yes", "-q"], 0),
        (&["plan", "--detailed-exitcode", "--format", "json"], 0),
        (&["plan", "--nonsense", "--format", "json"], 64),
    ] {
        let sandbox = Sandbox::new();
        applied(&sandbox);
        let (reader, writer) = pipe().unwrap();
        drop(reader);
        let output = sandbox.command(args).stdout(writer).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{args:?}: {stderr}");
        assert!(!stderr.contains("pipe") && !stderr.contains("panicked"), "{args:?}: {stderr}");
    }
}

#[test]
fn an_interrupted_apply_ends_with_its_own_code_and_a_whole_document() {
    for (signal, code, format) in [
        (rustix::process::Signal::INT, 130, "json"),
        (rustix::process::Signal::TERM, 143, "ndjson"),
        (rustix::process::Signal::INT, 130, "text"),
    ] {
        let sandbox = Sandbox::new();
        fresh(&sandbox);
        sandbox.write("meshctl.toml", PROJECT.replace("0s", "5m"));
        let mut command = sandbox.command(&["apply", "--yes", "--format", format]);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let deadline = Instant::now() + Duration::from_secs(60);
        while !sandbox.join("live/current").exists() {
            assert!(Instant::now() < deadline, "no step came into force");
            std::thread::yield_now();
        }
        let pid = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process(pid, signal).unwrap();
        let ran = Ran::new(child.wait_with_output().unwrap()).exits(code);
        well_formed(&ran, format);
        assert!(ran.stderr.contains("meshctl apply --resume"), "{}", ran.all());
        sandbox.run(&["status"]).exits(0);
        sandbox.write("meshctl.toml", PROJECT);
        sandbox.run(&["apply", "--resume"]).exits(0);
        sandbox.run(&["plan", "--detailed-exitcode"]).exits(0);
    }
}

#[test]
fn schema_prints_each_published_schema() {
    let sandbox = Sandbox::new();
    for (name, schema) in published() {
        let ran = sandbox.run(&["schema", &name]).exits(0);
        let printed: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
        assert_eq!(printed, schema, "{name}");
        assert!(jsonschema::meta::is_valid(&schema), "{name} is no schema");
        let promise = "ignore keys that they do not know and refuse another major version";
        let says = schema["description"].as_str().unwrap_or_default();
        assert!(says.contains(promise), "{name} does not say what readers may rely on: {says}");
    }
}

#[test]
fn what_is_written_to_files_is_what_its_schema_says() {
    let sandbox = Sandbox::new();
    changed(&sandbox);
    sandbox.run(&["plan", "-o", "saved.json"]).exits(0);
    sandbox.run(&["render", "-o", "out", "--source-map"]).exits(0);
    for file in ["saved.json", "out/source-map.json"] {
        let text = fs::read_to_string(sandbox.join(file)).unwrap();
        validate(&serde_json::from_str(&text).unwrap());
    }
    // A revision has two forms only, so it stands outside the matrix.
    for (what, code) in [("rev:1", 0), ("rev:9", 1)] {
        for format in ["text", "json"] {
            let ran = sandbox.run(&["show", what, "--format", format]).exits(code);
            well_formed(&ran, format);
        }
        sandbox.run(&["show", what, "--format", "markdown"]).exits(64);
    }
    let printed = sandbox.run(&["plan", "--format", "json"]).exits(0).stdout;
    assert_eq!(printed, fs::read_to_string(sandbox.join("saved.json")).unwrap());
}

#[test]
fn schemas_refuse_what_is_not_theirs() {
    let document = serde_json::json!({ "format": "meshctl.wait", "format_version": "2.0" });
    let refused = std::panic::catch_unwind(|| validate_as("wait", &document));
    assert!(refused.is_err());
}
