//! Documents of the user's on stdout: what a pipe or a file gets is what `-o` writes.

use crate::support::sandbox::Sandbox;
use std::fs;
use std::io::Write as _;
use std::process::Stdio;

/// What a terminal obeys, or takes for a line end, in a comment.
const ODD: &str = "\u{2028}\u{85}\u{202e}";

/// The bytes that a call prints, whose stdin has a text.
fn piped(sandbox: &Sandbox, args: &[&str], input: &str) -> (Vec<u8>, Option<i32>) {
    let mut command = sandbox.command(args);
    let streams = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = streams.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    (output.stdout, output.status.code())
}

#[test]
fn fmt_writes_a_formatted_text_byte_for_byte() {
    let sandbox = Sandbox::new();
    for text in [
        "a = 1\r\n".to_owned(),
        "a   =   1\r\nb = 2\r\n".to_owned(),
        format!("a = 1 # {ODD}\r\nb   = 2\r\n"),
        format!("a = '{ODD}'\nb   = 2\n"),
    ] {
        sandbox.write("a.toml", &text);
        let (bytes, _) = piped(&sandbox, &["fmt", "--diff", "a.toml"], "");
        let diff = String::from_utf8(bytes).unwrap();
        assert!(!diff.contains("\\u"), "{diff:?}");
        assert_eq!(diff.contains("\r\n"), text.contains("\r\n") && !diff.is_empty(), "{diff:?}");
        let (bytes, code) = piped(&sandbox, &["fmt", "-"], &text);
        sandbox.run(&["fmt", "a.toml"]).exits(0);
        let formatted = fs::read_to_string(sandbox.join("a.toml")).unwrap();
        assert_eq!((String::from_utf8(bytes).unwrap(), code), (formatted, Some(0)));
    }
}

#[test]
fn import_writes_to_stdout_what_it_writes_to_a_folder() {
    let sandbox = Sandbox::new();
    let format = format!("a\\\\d{ODD}b");
    sandbox.write(
        "a.json",
        format!(
            r#"{{ "meshName": "m", "virtualNodeName": "n", "spec": {{ "logging": {{ "accessLog": {{
            "file": {{ "path": "/dev/stdout", "format": {{ "text": "{format}" }} }} }} }} }} }}"#
        ),
    );
    let ran = sandbox.run(&["import", "a.json"]).exits(0);
    sandbox.run(&["import", "a.json", "-o", "out"]).exits(0);
    let written = fs::read_to_string(sandbox.join("out/mesh.toml")).unwrap();
    let log = |text: &str| -> toml::Value {
        text.parse::<toml::Table>().unwrap()["virtual_node"]["n"]["access_log"]["format"].clone()
    };
    assert_eq!(log(&ran.stdout), log(&written));
    assert!(format!("{:?}", log(&ran.stdout)).contains("u{2028}"), "{}", ran.stdout);
}

#[test]
fn a_saved_plan_on_stdout_is_the_file() {
    let mesh = format!("# {ODD}\n[mesh]\nname = \"m\"\ntags = {{ a = \"{ODD}\" }}\n");
    let sandbox = Sandbox::with_mesh(&mesh);
    let ran = sandbox.run(&["plan", "--format", "json", "-o", "plan.json"]).exits(0);
    let file = fs::read_to_string(sandbox.join("plan.json")).unwrap();
    assert!(file.contains(ODD), "{file}");
    assert_eq!(ran.stdout, file);
    assert_eq!(sandbox.run(&["show", "plan.json", "--format", "json"]).exits(0).stdout, file);
    // A picture is what `-o` writes, too.
    for format in ["mermaid", "dot", "svg"] {
        let drawn = sandbox.run(&["graph", "--format", format]).exits(0).stdout;
        sandbox.run(&["graph", "--format", format, "-o", "graph"]).exits(0);
        assert_eq!(drawn, fs::read_to_string(sandbox.join("graph")).unwrap());
    }
}
