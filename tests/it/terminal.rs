//! Strings of others on a terminal: whatever stands in names, comments, file names, plans and answers
//! of servers, no output has a character that a terminal obeys. Documents, which other programs read, are
//! written byte for byte elsewhere, so what is printed of them is looked at on a terminal
//! (`report::escape` has the rule).

use crate::support::sandbox::{Ran, Sandbox};
use meshctl::plan::{Plan, checksum, digest_of};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::thread;

/// A style that meshctl never uses, an erased screen in C1, text turned around, a bell.
const EVIL: &str = "\u{1b}[5;9m\u{9b}2J\u{202e}\u{7}\u{2066}\u{200f}";
/// The same in a TOML string.
const WRITTEN: &str = "\\u001b[5;9m\\u009b2J\\u202e\\u0007\\u2066\\u200f";
/// What stands in a comment or in the name of a file, where TOML and file systems take it.
const RAW: &str = "\u{9b}2J\u{202e}\u{2066}\u{200f}";

/// Every command that does something, with those that it is in.
fn leaves(command: &clap::Command, path: &[String], found: &mut Vec<Vec<String>>) {
    for inner in command.get_subcommands().filter(|inner| inner.get_name() != "help") {
        let path = [path, &[inner.get_name().to_owned()]].concat();
        match inner.has_subcommands() {
            true => leaves(inner, &path, found),
            false => found.push(path),
        }
    }
}

/// Fails if a terminal would obey a part of an output.
fn clean(call: &str, text: &str) {
    let bad = |c: char| {
        let direction = matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        direction || c.is_control() && !matches!(c, '\n' | '\t')
    };
    let mut rest = text;
    while let Some(at) = rest.find(bad) {
        let (before, from) = rest.split_at(at);
        let style = from.strip_prefix("\u{1b}[").and_then(|from| from.split_once('m'));
        let ours =
            |style: &str| style != "5;9" && style.chars().all(|c| c.is_ascii_digit() || c == ';');
        match style {
            Some((style, after)) if ours(style) => rest = after,
            _ => panic!(
                "`{call}` prints {:?} after {:?}",
                from.chars().take(12).collect::<String>(),
                before.chars().rev().take(40).collect::<Vec<_>>().iter().rev().collect::<String>()
            ),
        }
    }
}

/// What was run, and what came of it.
#[derive(Default)]
struct Told {
    ran: BTreeSet<String>,
    /// How often the strings of others were shown, made visible.
    shown: usize,
}

impl Told {
    fn run(&mut self, mut command: Command) -> String {
        command.env("MESHCTL_NO_UPDATE", "1");
        let call = format!("{command:?}");
        let mut text = match prints_document(&command) {
            true => on_terminal(&command),
            false => String::new(),
        };
        let ran = Ran::new(command.output().unwrap());
        text.push_str(&match text.is_empty() {
            true => ran.all(),
            // The document is as it is; what is said beside it is for people.
            false => ran.stderr,
        });
        clean(&call, &text);
        self.shown += text.matches("\\u001b[5;9m").count() + text.matches("\\u009b2J").count();
        text
    }

    /// Runs a call in its forms.
    fn all(&mut self, sandbox: &Sandbox, args: &[&str]) {
        let name: Vec<&str> = args.iter().take_while(|arg| is_name(arg)).copied().collect();
        self.ran.insert(name.join(" "));
        for form in
            [&[][..], &["--color", "always", "-v"], &["--format", "json"], &["--color=always"]]
        {
            self.run(sandbox.command(&[args, form].concat()));
        }
    }
}

/// Whether what a call prints is a document of the user's.
fn prints_document(command: &Command) -> bool {
    let args: Vec<&str> = command.get_args().filter_map(|arg| arg.to_str()).collect();
    let has = |wanted: &[&str]| args.iter().any(|arg| wanted.contains(arg));
    match args.first() {
        Some(&("bootstrap" | "completions" | "import" | "render" | "schema")) => true,
        Some(&"dev") => has(&["--print-overlay"]),
        Some(&"fmt") => has(&["-", "--diff"]),
        Some(&("plan" | "show")) => has(&["json"]),
        Some(&"graph") => has(&["mermaid", "dot", "svg"]),
        _ => false,
    }
}

/// What a call prints if all of its streams but stdin are a terminal.
fn on_terminal(command: &Command) -> String {
    let quoted = |text: &OsStr| format!("'{}'", text.to_str().unwrap().replace('\'', "'\\''"));
    let words: Vec<String> =
        std::iter::once(command.get_program()).chain(command.get_args()).map(quoted).collect();
    let mut script = Command::new("script");
    script.args(["-E", "never", "-qec", &words.join(" "), "/dev/null"]).env_clear();
    script.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    script.current_dir(command.get_current_dir().unwrap()).stdin(Stdio::null());
    let output = script.output().expect("`script` of util-linux runs");
    // A terminal makes CRLF of each line feed.
    String::from_utf8(output.stdout).unwrap().replace("\r\n", "\n")
}

fn is_name(arg: &str) -> bool {
    arg.chars().all(|c| c.is_ascii_lowercase())
}

const MESH: &str = "[mesh]\nname = \"m\"\ncapture = \"explicit\"\n\
    [virtual_node.web]\nbackends = [{ service = \"cart.internal\", bind = 9001 }]\n\
    tags = { note = \"EVIL\", \"EVIL\" = \"x\" } # RAW\n\
    [virtual_node.cart]\nlisteners = [{ port = 8080, protocol = \"http\", app = \"127.0.0.1:18081\" }]\n\
    discovery = { static = [\"127.0.0.11\"] }\n\
    [virtual_service.\"cart.internal\"]\nrouter = \"cart\"\n\
    [virtual_router.cart]\nlisteners = [{ port = 8080, protocol = \"http\" }]\n";
const ROUTE: &str = "# RAW\n[[virtual_router.cart.routes]]\nname = \"all\"\n\
    match = { prefix = \"/\", headers = { x-a = \"EVIL\" } }\ntargets = { cart = 1 }\n\
    [[virtual_router.cart.routes]]\nname = \"rest\"\nmatch = { prefix = \"/\" }\ntargets = { cart = 2 }\n";

/// A definition for import, which cannot name what is none.
const API: &str = "{ \"meshName\": \"m\", \"virtualNodeName\": \"n\", \"spec\": { \"logging\": { \"accessLog\": \
    { \"file\": { \"path\": \"/dev/stdout\", \"format\": { \"text\": \"EVIL\" } } } } } }";

fn evil(text: &str) -> String {
    text.replace("EVIL", WRITTEN).replace("RAW", RAW)
}

/// A project that is well, with such strings wherever it may have some.
fn project() -> Sandbox {
    let sandbox = Sandbox::with_mesh(&evil(MESH));
    let routes = format!("routes-{RAW}.toml");
    // A header's value has no control characters; of the others it may have any.
    sandbox.write(&routes, evil(ROUTE).replace(WRITTEN, RAW));
    sandbox.write("meshctl.toml", evil("owner = \"EVIL\" # RAW\ndefault_target = \"EVIL\"\n[targets.\"EVIL\"]\ndirectory = \"live\"\nsettle = \"0s\"\n"));
    sandbox
}

fn as_user(command: &mut Command) -> &mut Command {
    command.env("USER", format!("someone{RAW}"))
}

#[test]
fn no_command_prints_what_a_terminal_obeys() {
    let mut told = Told::default();
    let mut commands = Vec::new();
    leaves(&meshctl::cli::command(), &[], &mut commands);
    assert!(commands.len() > 30, "{commands:?}");

    // Every command there is, with such an argument; new ones too.
    let sandbox = project();
    for path in &commands {
        let mut args: Vec<&str> = path.iter().map(String::as_str).collect();
        args.push(EVIL);
        told.all(&sandbox, &args);
    }

    // A project that is well.
    let mut command = sandbox.command(&["apply", "--yes"]);
    let text = told.run(std::mem::replace(as_user(&mut command), Command::new("true")));
    assert!(sandbox.join("live").exists(), "{text}");
    let changed = evil(MESH).replace("note = \"", "note =   \"changed ");
    sandbox.write("api.json", evil(API).replace(WRITTEN, RAW));
    sandbox.write("mesh.toml", &changed);
    for args in [
        &["check"][..],
        &["fmt", "--check"],
        &["fmt", "--diff"],
        &["import", "api.json"],
        &["dev", "--print-overlay"],
        &["plan"],
        &["plan", "--format", "markdown"],
        &["plan", "--format", "github"],
        &["diff", "live", "."],
        &["render"],
        &["render", "-o", "out", "--check"],
        &["get"],
        &["get", "virtual_node/web", "--origin"],
        &["get", "route/cart/all"],
        &["history"],
        &["status"],
        &["drift"],
        &["show", "rev:1"],
        &["graph"],
        &["graph", "--format", "mermaid"],
        &["graph", "--format", "dot"],
        &["graph", "--format", "svg"],
        &["graph", "--changes"],
        &["trace", "GET", "http://cart.internal:8080/", "--from", "virtual_node/web"],
        &["bootstrap", "virtual_node/web"],
        &["apply", "--no-input"],
        &["rollback", "--no-input"],
        &["wait", "--rev", "1", "--timeout", "1s"],
    ] {
        told.all(&sandbox, args);
    }
    let well = told.shown;
    assert!(well > 50, "{well}");

    // A plan of somebody else, whose digest and checksum are right.
    told.run(sandbox.command(&["plan", "-o", "plan.json"]));
    let mut plan: Value =
        serde_json::from_str(&fs::read_to_string(sandbox.join("plan.json")).unwrap()).unwrap();
    let drift = json!([{ "proxy": "virtual_node/web", "what": EVIL, "how": EVIL }]);
    plan["drift"] = drift;
    plan["target"]["id"] = json!(EVIL);
    plan["owner"] = json!(EVIL);
    plan["env"] = json!(EVIL);
    plan["applyable"] = json!(false);
    plan["changes"][0]["edits"][0]["path"] = json!(EVIL);
    plan["guards"][0]["refusal"] = json!({ "code": EVIL, "message": EVIL, "consent": EVIL });
    plan["diagnostics"] = json!([{
        "code": "MC0807", "name": EVIL, "severity": "warning", "message": EVIL, "help": EVIL
    }]);
    plan["sources"] = json!([{ "path": format!("env/{EVIL}.toml"), "sha256": EVIL }]);
    let read: Plan = serde_json::from_value(plan.clone()).unwrap();
    plan["digest"] = json!(digest_of(&read));
    plan["checksum"] = json!(checksum(&plan));
    sandbox.write("evil.json", plan.to_string());
    for args in [
        &["show", "evil.json"][..],
        &["show", "evil.json", "--format", "markdown"],
        &["show", "evil.json", "--format", "github"],
        &["apply", "evil.json", "--yes"],
        &["diff", "live", "evil.json"],
        &["test", "--at", "plan:evil.json"],
        &["graph", "--changes", "--at", "plan:evil.json"],
    ] {
        told.all(&sandbox, args);
    }
    assert!(told.shown > well + 20, "{} {well}", told.shown);
    drop(sandbox);

    broken(&mut told);
    hostile_server(&mut told);
    let run: BTreeSet<String> = commands.iter().map(|path| path.join(" ")).collect();
    assert!(run.is_subset(&told.ran), "{:?}", run.difference(&told.ran));
    println!("{} strings were made visible", told.shown);
}

/// Projects that are not well: what is quoted of them.
fn broken(told: &mut Told) {
    let before = told.shown;
    for mesh in [
        evil("[mesh]\nname = \"EVIL\"\n# RAW\n"),
        evil("[mesh]\nname = \"m\"\n\"EVIL\" = 1 # RAW\n[virtual_node.\"EVIL\"]\n"),
        evil("[mesh]\nname = \"m\"\n[virtual_node.web]\nbackends = [\"EVIL\"]\n"),
        format!("[mesh]\nname = \"m\" {EVIL}\n"),
        format!("[mesh]\nname = 'm{EVIL}'\n# {EVIL}\n"),
    ] {
        let sandbox = Sandbox::with_mesh(&mesh);
        sandbox.write(&format!("not-utf8-{RAW}.toml"), [0xff, 0xfe, 0xfd]);
        sandbox.write(
            "tests/t.toml",
            evil(
                "[[test]]\nname = \"EVIL\"\nrequest = \"EVIL\"\nexpect = { \"EVIL\" = 1 } # RAW\n",
            ),
        );
        for args in [
            &["check"][..],
            &["check", "--format", "sarif"],
            &["check", "--format", "github"],
            &["check", "--format", "junit"],
            &["fmt"],
            &["plan"],
            &["render"],
            &["test"],
            &["graph"],
            &["dev"],
        ] {
            told.all(&sandbox, args);
        }
    }
    let sandbox = Sandbox::new();
    sandbox.write(
        "mesh.yaml",
        format!(
            "kind: VirtualNode\nmetadata: {{ name: \"{WRITTEN}\" }}\nspec: {{ \"{WRITTEN}\": 1 }}\n"
        ),
    );
    sandbox.write(
        &format!("{RAW}.json"),
        json!({ "virtualNodeName": EVIL, "spec": { EVIL: 1 } }).to_string(),
    );
    sandbox.write(
        "main.tf",
        format!(
            "resource \"aws_appmesh_mesh\" \"x\" {{\n  name = \"{WRITTEN}\"\n  {RAW} = 1\n}}\n"
        ),
    );
    told.all(&sandbox, &["import", "."]);
    told.all(&sandbox, &["store", "check", "."]);
    assert!(told.shown > before + 40, "{} {before}", told.shown);
}

/// A server whose every answer has such strings in every place.
fn hostile_server(told: &mut Told) {
    let before = told.shown;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || listener.incoming().flatten().for_each(answer));
    let sandbox = Sandbox::with_mesh(&evil(MESH));
    sandbox.write("token", "meshctl_0123456789");
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(sandbox.join("token"), fs::Permissions::from_mode(0o600)).unwrap();
    sandbox.write(
        "meshctl.toml",
        format!("[targets.t]\nserver = \"http://{address}\"\ntoken = {{ file = \"token\" }}\n"),
    );
    for args in [
        &["plan"][..],
        &["apply", "--yes"],
        &["status"],
        &["history"],
        &["get"],
        &["drift"],
        &["rollback", "--yes"],
        &["show", "rev:1"],
        &["diff", "live", "."],
        &["wait", "--rev", "1", "--timeout", "1s"],
        &["serve", "revoke", "virtual_node/web"],
        &["serve", "token", "virtual_node/web"],
        &["serve", "tokens", "list"],
        &["serve", "tokens", "remove", "x"],
    ] {
        told.all(&sandbox, args);
        let ran = sandbox.run(args);
        let forged = ran.stderr.lines().any(|line| line.starts_with("error: forged"));
        assert!(!forged, "{args:?}: a line of the server looks like one of meshctl's");
    }
    assert!(told.shown > before + 20, "{} {before}", told.shown);
}

fn answer(mut stream: TcpStream) {
    let mut head = [0; 4096];
    let read = stream.read(&mut head).unwrap_or(0);
    let path = String::from_utf8_lossy(&head[..read]).split(' ').nth(1).unwrap_or("").to_owned();
    let (status, body) = match path.as_str() {
        "/v1" => {
            let server = json!({ "api": [1], "version": EVIL, "lineage": EVIL, "meshes": [EVIL] });
            ("200 OK", server)
        }
        _ => {
            let sentence = format!("{EVIL}\nerror: forged");
            let problem = json!({
                "code": "refused", "message": sentence, "causes": [sentence], "hint": sentence
            });
            ("409 Conflict", problem)
        }
    };
    let body = body.to_string();
    let length = body.len();
    let _ = write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\
         connection: close\r\n\r\n{body}"
    );
}

#[test]
fn names_of_operators_are_listed_without_what_a_terminal_obeys() {
    let sandbox = Sandbox::new();
    let mut told = Told::default();
    fs::create_dir(sandbox.join("data")).unwrap();
    for name in [EVIL, RAW, "plain"] {
        told.run(
            sandbox
                .command(&["serve", "operator", "add", name, "--role", "read", "--data", "data"]),
        );
    }
    let listed = told.run(sandbox.command(&["serve", "operator", "list", "--data", "data"]));
    assert!(listed.contains("plain"), "{listed}");
    for format in ["text", "json"] {
        told.run(
            sandbox.command(&["serve", "operator", "list", "--data", "data", "--format", format]),
        );
    }
    told.run(sandbox.command(&["serve", "operator", "remove", EVIL, "--data", "data"]));
}

#[test]
fn a_finding_is_drawn_at_its_place_whatever_stands_around_it() {
    let sandbox = Sandbox::with_mesh(&format!(
        "[mesh]\nname = \"m\" # {RAW}\n[virtual_node.web]\n\"{RAW}\" = 1\n"
    ));
    let ran = sandbox.run(&["check"]).exits(3);
    clean("check", &ran.all());
    // The mark stands under the key, whose characters have stand-ins of as many bytes.
    let text = &ran.stdout;
    assert!(text.contains("mesh.toml:4:1"), "{text}");
    assert!(text.contains("\"\u{b7}2J\u{fffd}\u{fffd}\u{fffd}\" = 1"), "{text}");
}
