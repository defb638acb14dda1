//! Broken sources: whatever is in them, an import ends with an answer, and every error has a place.

use crate::support::sandbox::Sandbox;
use crate::support::{dialects, root};
use crate::written;
use meshctl::import::{Content, Imported, Options, Source, export, import};
use serde_json::{Value, json};
use std::fs;

fn run(name: &str, text: String) -> Imported {
    let source = Source { path: name.to_owned(), content: Content::Text(text), named: true };
    import(vec![source], &Options::default())
}

/// Whole sources of every format to start from.
fn seeds() -> Vec<(&'static str, String)> {
    let text = fs::read_to_string(root().join("tests/cases/import-whole/mesh.toml")).unwrap();
    let calls: Vec<Value> =
        export(&written::read(&text)).resources.into_iter().map(|(_, value)| value).collect();
    let yaml = "# All of it\nAWSTemplateFormatVersion: 2010-09-09\nParameters:\n  Domain:\n    Type: String\n\
        \x20   Default: x.local\nConditions:\n  Green: !Not [!Equals [!Ref Domain, a]]\nMappings:\n  M:\n    a: { b: 8080 }\n\
        Resources:\n  Mesh:\n    Type: AWS::AppMesh::Mesh\n    Properties:\n      MeshName: !Sub '${Domain}-mesh'\n\
        \x20 Node: # the node\n    Type: AWS::AppMesh::VirtualNode\n    Condition: Green\n    Properties:\n      MeshName: !GetAtt Mesh.MeshName\n\
        \x20     VirtualNodeName: !Join ['-', [a, !Select [1, !Split ['.', !Ref Domain]]]]\n      Spec:\n        Listeners:\n\
        \x20         - PortMapping: { Port: !FindInMap [M, a, b], Protocol: http }\n            HealthCheck: &check\n              Protocol: http\n\
        \x20             HealthyThreshold: 2\n              UnhealthyThreshold: 2\n              TimeoutMillis: 2000\n              IntervalMillis: 5000\n\
        \x20         - PortMapping: { Port: 9, Protocol: http }\n            HealthCheck: { <<: *check, Path: /ping }\n        ServiceDiscovery:\n\
        \x20         DNS: { Hostname: !If [Green, !ImportValue host, !Ref AWS::NoValue] }\n";
    let dump = json!({ "configs": [
        { "@type": "x.BootstrapConfigDump", "bootstrap": { "node": { "id": "mesh/m/virtualGateway/g" } } },
        { "@type": "x.ClustersConfigDump", "dynamic_active_clusters": [{ "cluster": {
            "name": "cds_egress_m_n_http_80", "type": "STRICT_DNS",
            "load_assignment": { "endpoints": [{ "lb_endpoints": [{ "endpoint": { "address": {
                "socket_address": { "address": "n.local" } } } }] }] } } }] },
        { "@type": "x.RoutesConfigDump", "dynamic_route_configs": [{ "route_config": {
            "name": "rds_egress_http_80", "virtual_hosts": [{ "name": "s.local", "domains": ["s.local:80"],
            "routes": [{ "match": { "prefix": "/é" }, "route": { "cluster": "cds_egress_m_n_http_80",
            "timeout": "1.5s", "retry_policy": { "retry_on": "reset", "num_retries": 2 } } }] }] } }] },
    ] });
    vec![
        ("calls.json", format!("{:#}", json!(calls))),
        ("template.json", dialects::cloudformation(&calls)),
        ("template.yaml", yaml.to_owned()),
        ("state.json", dialects::terraform(&calls)),
        ("objects.yaml", dialects::kubernetes(&calls)),
        ("dump.json", dump.to_string()),
        ("main.tf", fs::read_to_string(root().join("fuzz/seeds/hcl/main.tf")).unwrap()),
        ("main.tf.json", fs::read_to_string(root().join("fuzz/seeds/hcl/json")).unwrap()),
    ]
}

struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        ((self.0 >> 33) as usize) % limit.max(1)
    }
}

/// What is put into texts: the syntax of all formats, and values of the wrong kind.
const PIECES: [&str; 40] = [
    "{",
    "}",
    "[",
    "]",
    "\"",
    "'",
    ":",
    ",",
    "\n",
    "  ",
    "\t",
    "- ",
    "# ",
    "&a ",
    "*a",
    "<<: *a",
    "!Ref ",
    "!GetAtt a",
    "Fn::If",
    "Fn::Sub",
    "${",
    "{{X}}",
    "<X>",
    "$X",
    "null",
    "true",
    "-1",
    "0",
    "1.5",
    "99999999999999999999",
    "\"\"",
    "{}",
    "[]",
    "\\u12",
    "é",
    "\u{7fe}",
    "\u{0}",
    "---\n",
    "%",
    "| \n",
];

fn mutated(text: &str, dice: &mut Dice) -> String {
    let mut text: Vec<char> = text.chars().collect();
    for _ in 0..=dice.below(3) {
        let at = dice.below(text.len());
        let end = (at + 1 + dice.below(40)).min(text.len());
        match dice.below(7) {
            0 => text.truncate(at),
            1 => drop(text.drain(at..end)),
            2 => {
                let copy = text[at..end].to_vec();
                let to = dice.below(text.len());
                text.splice(to..to, copy);
            }
            3 => {
                let other = dice.below(text.len());
                text.swap(at, other);
            }
            _ => {
                let piece: Vec<char> = PIECES[dice.below(PIECES.len())].chars().collect();
                let to = if dice.below(2) == 0 { at } else { end };
                text.splice(at..to, piece);
            }
        }
        if text.is_empty() {
            text.push('{');
        }
    }
    text.into_iter().collect()
}

/// Fails unless every error says where it is and what to do.
fn answered(imported: &Imported, text: &str) {
    for found in imported.diagnostics.iter() {
        assert!(found.primary.is_some() && found.help.is_some(), "{found:?}\n{text}");
    }
    for entry in &imported.report {
        let _ = imported.files.show(entry.loc);
    }
}

#[test]
fn mutated_sources_of_every_format_get_an_answer() {
    let seeds = seeds();
    for (name, text) in &seeds {
        assert!(!run(name, text.clone()).diagnostics.has_errors(), "{name}");
    }
    let times = std::env::var("MESHCTL_MUTATIONS").ok().and_then(|n| n.parse().ok());
    let mut dice = Dice(1);
    for at in 0..times.unwrap_or(1500) {
        let (name, text) = &seeds[at % seeds.len()];
        let text = mutated(text, &mut dice);
        let imported = run(name, text.clone());
        answered(&imported, &text);
        if !imported.diagnostics.has_errors() {
            // What was understood is TOML, and is read as what was understood.
            assert_eq!(written::read(&imported.text), imported.mesh, "{text}");
        }
    }
}

#[test]
fn a_placeholder_may_hold_any_character() {
    // The end of a placeholder was once looked up in the wrong slice, within a character.
    for text in ["[${é}]", "[${aé}]", "[<é>]", "{\"a\": ${é\n}}", "[${\"x\",\"é\"}]"] {
        answered(&run("a.json", text.to_owned()), text);
    }
}

#[test]
fn every_prefix_of_a_source_gets_an_answer() {
    for (name, text) in seeds() {
        for end in (0..text.len()).step_by(97).filter(|end| text.is_char_boundary(*end)) {
            answered(&run(name, text[..end].to_owned()), &text[..end]);
        }
    }
}

#[test]
fn depth_and_size_have_bounds() {
    for open in ["[", "{\"a\":", "- ", "{a: ", "a:\n "] {
        let text = open.repeat(200_000);
        assert!(run("deep.yaml", text).diagnostics.has_errors(), "{open}");
    }
    let mut bomb = String::from("a0: &a0 [x, x]\n");
    for at in 1..60 {
        bomb.push_str(&format!("a{at}: &a{at} [*a{0}, *a{0}]\n", at - 1));
    }
    let found = run("bomb.yaml", bomb).diagnostics.sorted();
    assert_eq!(found[0].code.id, "MC1109");
    let sandbox = Sandbox::new();
    sandbox.write("large.json", "[\"appmesh\",".to_owned() + &" ".repeat(50 << 20) + "1]");
    let ran = sandbox.run(&["import", "large.json"]).exits(3);
    assert!(ran.stderr.contains("MC1109") && ran.stderr.contains("large.json"), "{}", ran.stderr);
    sandbox.write("binary.json", b"{\"a\": \xff\xfe}".as_slice());
    let ran = sandbox.run(&["import", "binary.json"]).exits(3);
    assert!(ran.stderr.contains("byte 6"), "{}", ran.stderr);
    // Many keys and many documents take no longer than they must.
    let keys: String = (0..200_000).map(|at| format!("\"k{at}\": {at},")).collect();
    run("keys.json", format!("{{{keys}\"spec\": {{}}}}"));
    run("documents.yaml", "---\na: 1\n".repeat(100_000));
}
