//! Values that an import does not know: each has a name of its own, which can be given back as it is printed.

use crate::import_faults::{says, written};
use crate::support::sandbox::{Ran, Sandbox};
use std::fmt::Write as _;
use std::fs;
use std::process::Command;

/// A node as API JSON.
fn node(name: &str, host: &str) -> String {
    let spec = serde_json::json!({ "serviceDiscovery": { "dns": { "hostname": host } } });
    serde_json::json!({ "virtualNodeName": name, "meshName": "m", "spec": spec }).to_string()
}

/// The flags that a run prints, as a shell passes them on.
fn hints(ran: &Ran) -> Vec<String> {
    let all = ran.all();
    let hint = |line: &str| {
        let (_, hint) = line.split_once(" in its place: --var ")?;
        let shell = Command::new("sh").arg("-c").arg(format!("printf %s {hint}")).output().unwrap();
        assert!(shell.status.success(), "{line}");
        Some(String::from_utf8(shell.stdout).unwrap())
    };
    all.lines().filter_map(hint).collect()
}

#[test]
fn every_name_that_is_printed_can_be_given_back() {
    let alphabet: Vec<char> =
        "ab=:.'\"$`!&|;#%~*?[]()<>\\-+ ,@/é\u{7}\u{202e}\u{200b}".chars().collect();
    let mut state = 20_261_201_u64;
    let mut random = |below: usize| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % below
    };
    let sandbox = Sandbox::new();
    let count = 60;
    for at in 0..count {
        let text: String = (0..12).map(|_| alphabet[random(alphabet.len())]).collect();
        // Of two that differ in one character only, each is a value of its own.
        let text = if at % 5 == 4 {
            format!("{{{{ f{at} a=b }}}}")
        } else {
            format!("{{{{ f{at} {text} }}}}")
        };
        sandbox.write(&format!("source/{at}.json"), node(&format!("n{at}"), &text));
    }
    let ran = sandbox.run(&["import", "source", "--values", "values.toml"]).exits(4);
    let hints = hints(&ran);
    assert_eq!(hints.len(), count, "{}", ran.all());
    let given: Vec<String> = hints
        .iter()
        .enumerate()
        .map(|(at, hint)| format!("{}=v{at}.local", hint.strip_suffix("=VALUE").unwrap()))
        .collect();
    let mut args = vec!["import", "source"];
    for given in &given {
        args.extend(["--var", given.as_str()]);
    }
    let ran = sandbox.run(&args).exits(0);
    assert!(!ran.all().contains("unset-") && !ran.all().contains("not used"), "{}", ran.all());
    for at in 0..count {
        says(&ran, &[&format!("\"v{at}.local\"")]);
    }
    // The same by the template.
    let template = fs::read_to_string(sandbox.join("values.toml")).unwrap();
    let filled =
        |line: &str| match line.strip_prefix("# ").and_then(|line| line.strip_suffix("\"\"")) {
            Some(rest) => format!("{rest}\"x.local\"\n"),
            None => format!("{line}\n"),
        };
    sandbox.write("values.toml", template.lines().map(filled).collect::<String>());
    let ran = sandbox.run(&["import", "source", "--values", "values.toml"]).exits(0);
    assert!(!ran.all().contains("unset-") && !ran.all().contains("not used"), "{}", ran.all());
}

#[test]
fn names_that_differ_by_a_sign_are_two_values() {
    let (one, two) = (node("a", "{{ f a=b }}"), node("b", "{{ f a-b }}"));
    let files = [("a.json", one.as_str()), ("b.json", two.as_str())];
    let ran = written(&files, &["--var", "f a%3Db=a.local", "--var", "f a-b=b.local"]).exits(0);
    says(&ran, &["a.local", "b.local"]);
}

#[test]
fn a_name_in_several_files_is_listed_with_all_of_them() {
    let sandbox = Sandbox::new();
    for name in ["a", "b", "c", "d=e"] {
        sandbox.write(&format!("source/{name}-vn.json"), node(name, "$DNS_HOSTNAME"));
    }
    let twice = "{\n\"virtualNodeName\": \"f-$HOST\",\n\"meshName\": \"m\",\n\"spec\": {\"serviceDiscovery\": \
                 {\"dns\":\n{\"hostname\": \"$HOST\"}}}}";
    sandbox.write("source/f.json", twice);
    let ran = sandbox.run(&["import", "source", "--values", "values.toml"]).exits(4);
    says(&ran, &["Wrote the 2 values", "source/f.json:2", "also at source/f.json:5"]);
    let template = fs::read_to_string(sandbox.join("values.toml")).unwrap();
    assert!(
        template.contains("# source/f.json:2\n# source/f.json:5\n# \"HOST\" = \"\"\n"),
        "{template}"
    );
    let (mut values, mut args) = (String::from("HOST = \"h\"\n"), vec!["--var=HOST=h".to_owned()]);
    for name in ["a", "b", "c", "d=e"] {
        let key = format!("source/{}-vn.json:DNS_HOSTNAME", name.replace('=', "%3D"));
        says(&ran, &[&format!("source/{name}-vn.json:1"), &format!("--var {key}=VALUE")]);
        assert!(template.contains(&format!("# source/{name}-vn.json:1\n")), "{template}");
        assert!(template.contains(&format!("# \"{key}\" = \"\"\n")), "{template}");
        let _ = writeln!(values, "\"{key}\" = \"{}.local\"", &name[..1]);
        args.push(format!("--var={key}={}.local", &name[..1]));
    }
    sandbox.write("given.toml", values);
    let by_file = sandbox.run(&["import", "source", "--values", "given.toml"]).exits(0);
    let all = ["import", "source"].into_iter().chain(args.iter().map(String::as_str));
    let by_flags = sandbox.run(&all.collect::<Vec<&str>>()).exits(0);
    says(&by_file, &["\"a.local\"", "\"b.local\"", "\"c.local\"", "\"d.local\""]);
    assert_eq!(by_file.stdout, by_flags.stdout);
}

/// A project of HCL with nodes that have these hosts.
fn hosts(all: &[(&str, &str, &str)]) -> String {
    let mut text = String::from("resource \"aws_appmesh_mesh\" \"m\" { name = \"m\" }\n");
    for (name, each, host) in all {
        let _ = write!(
            text,
            "resource \"aws_appmesh_virtual_node\" \"{name}\" {{\n  {each}\n  name = \"{name}-${{{}}}\"\n  mesh_name = \"m\"\n  \
             spec {{\n    service_discovery {{\n      dns {{\n        hostname = {host}\n      }}\n    }}\n  }}\n}}\n",
            if each.is_empty() { "1" } else { "each.key" }
        );
    }
    text
}

#[test]
fn expressions_that_are_not_computed_are_a_value_each() {
    let long = |end: &str| format!("unknown_to_all(\"{}\", \"{end}\")", "x".repeat(150));
    let each = "for_each = toset([\"p\", \"q\"])";
    let list = "join(\".\", [for s in [\"v\", \"w\"] : unknown_to_all(s)])";
    let (one, two) = (long("one"), long("two"));
    let all = hosts(&[
        ("a", "", &one),
        ("b", "", &two),
        ("c", each, "unknown_to_all(each.key)"),
        ("d", "", list),
    ]);
    let ran = written(&[("main.tf", &all)], &[]).exits(4);
    let hints = hints(&ran);
    assert_eq!(hints.len(), 6, "{hints:?}\n{}", ran.all());
    says(
        &ran,
        &[
            "main.tf:9",
            "main.tf:21",
            "unknown_to_all(each.key) [p]",
            "unknown_to_all(each.key) [q]",
        ],
    );
    let mut distinct = hints.clone();
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len(), 6, "{hints:?}");
}

#[test]
fn what_was_deleted_is_left_out_with_an_entry() {
    let object = |name: &str, metadata: &str| {
        format!(
            "apiVersion: appmesh.k8s.aws/v1beta2\nkind: VirtualNode\nmetadata: {{ name: {name}, namespace: a{metadata} }}\n\
             spec: {{ serviceDiscovery: {{ dns: {{ hostname: {name}.a }} }} }}\n"
        )
    };
    let all = format!(
        "{}---\n{}",
        object("live", ""),
        object("gone", ", deletionTimestamp: \"2026-01-01T00:00:00Z\"")
    );
    let ran = written(&[("all.yaml", &all)], &["--mesh", "m"]).exits(0);
    says(&ran, &["virtual_node.live", "all.yaml:8", "the VirtualNode `gone` is being deleted"]);
    assert!(!ran.stdout.contains("gone"), "{}", ran.stdout);
    let answer = |name: &str, state: &str| {
        format!(
            "{{\"virtualNode\":{{\"meshName\":\"m\",\"virtualNodeName\":\"{name}\",\"spec\":{{}},\"status\":{{\"status\":\"{state}\"}}}}}}"
        )
    };
    let (live, gone) = (answer("live", "ACTIVE"), answer("gone", "DELETED"));
    let ran = written(&[("a.json", &live), ("b.json", &gone)], &[]).exits(0);
    says(&ran, &["virtual_node.live", "b.json:1", "it was deleted, and it is left out"]);
    assert!(!ran.stdout.contains("gone"), "{}", ran.stdout);
}

#[test]
fn a_missing_name_of_the_mesh_is_asked_for_by_its_own_flag() {
    let text = "{\"virtualNodeName\":\"a\",\"spec\":{}}";
    let ran = written(&[("a.json", text)], &["--values", "values.toml"]).exits(4);
    says(&ran, &["hint: give the name of the mesh with --mesh NAME"]);
    assert!(!ran.all().contains("or --values"), "{}", ran.all());
}
