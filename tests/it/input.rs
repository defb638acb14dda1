//! Bad input: a clear finding each, nothing lost, never a panic.

use crate::support::sandbox::Sandbox;
use std::fs;
use std::os::unix::fs::symlink;

const MESH: &str = "[mesh]\nname = \"m\"\n";

/// The codes that `check` reports, in order.
fn codes(sandbox: &Sandbox) -> Vec<String> {
    let ran = sandbox.run(&["check", "--format", "json"]);
    assert!(ran.code == 0 || ran.code == 3, "{}", ran.all());
    let document: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    document["diagnostics"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|item| item["severity"] == "error")
        .map(|item| item["code"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn ten_mistakes_are_ten_findings_in_one_run() {
    let sandbox = Sandbox::with_mesh(
        r#"[mesh]
name = "shop"
egres = "drop-all"

[virtual_node.a]
listeners = [{ port = 70000, protocol = "http" }]
discovery = { dns = "a.internal", static = ["10.0.0.1"] }

[virtual_node.b]
listeners = [{ port = 8080, protocol = "htp" }]

[virtual_node."c/d"]

[virtual_service."x..y"]

[virtual_router.r]
listeners = [{ port = 8080, protocol = "http" }]

[[virtual_router.r.routes]]
name = "one"
match = { prefix = "/" }
targets = { nowhere = "1" }
timeout = { request = "5" }

[[virtual_router.r.routes]]
match = { prefix = "/x" }
targets = { b = 1 }

[[virtual_router.r.routes]]
name = "two"
match = { prefix = "/", path = "/y" }
targets = { b = 1 }
"#,
    );
    let codes = codes(&sandbox);
    assert!(codes.len() >= 10, "{codes:?}");
    for code in ["MC0002", "MC0003", "MC0004", "MC0005", "MC0006", "MC0007", "MC0008", "MC0009"] {
        assert!(codes.iter().any(|c| c == code), "{code} is not among {codes:?}");
    }
}

#[test]
fn an_unclosed_header_is_one_finding() {
    for text in ["[mesh]\nname = \"m\"\n[[\n", "[mesh]\nname = \"m\"\n[\n"] {
        let found = codes(&Sandbox::with_mesh(text));
        assert_eq!(found.iter().filter(|code| *code != "MC0001").count(), 0, "{found:?}");
    }
}

#[test]
fn binary_garbage_is_not_text() {
    let sandbox = Sandbox::with_mesh(MESH);
    let garbage: Vec<u8> =
        (0..4096_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    sandbox.write("garbage.toml", garbage);
    sandbox.write("zeros.toml", [0_u8; 512]);
    let codes = codes(&sandbox);
    assert!(codes.contains(&"MC0021".to_owned()), "{codes:?}");
    assert!(codes.contains(&"MC0001".to_owned()), "{codes:?}");
}

#[test]
fn a_file_of_a_hundred_megabytes_is_refused_by_name() {
    let sandbox = Sandbox::with_mesh(MESH);
    // A sparse file: its size is what matters.
    fs::File::create(sandbox.join("huge.toml")).unwrap().set_len(100 << 20).unwrap();
    let ran = sandbox.run(&["check"]).exits(3);
    assert!(ran.stdout.contains("MC0022") && ran.stdout.contains("huge.toml"), "{}", ran.all());
    assert!(ran.stdout.contains("100 MiB"), "{}", ran.all());
}

#[test]
fn ten_thousand_levels_are_an_error_and_no_overflow() {
    for text in [
        format!("x = {}{}", "[".repeat(10_000), "]".repeat(10_000)),
        format!("x = {}", "{ a = ".repeat(10_000)),
        format!("[{}]\n", vec!["a"; 10_000].join(".")),
        format!("{} = 1\n", vec!["a"; 10_000].join(".")),
    ] {
        let sandbox = Sandbox::with_mesh(MESH);
        sandbox.write("deep.toml", text);
        let codes = codes(&sandbox);
        assert!(!codes.is_empty());
    }
}

#[test]
fn nesting_ends_at_64_tables_and_arrays() {
    // The file itself is the first level; keys with dots are tables too.
    let arrays = |depth: usize| {
        let inner = depth - 1;
        format!("[virtual_node.a]\nx = {}{}", "[".repeat(inner), "]".repeat(inner))
    };
    let mixed = |tables: usize, dots: usize| {
        let open = format!("{}k = {{ ", "k.".repeat(dots));
        format!(
            "[virtual_node.a]\nx = {}{}",
            format!("{{ {open}").repeat(tables),
            "}}".repeat(tables)
        )
    };
    let said = |text: &str| {
        let sandbox = Sandbox::with_mesh(MESH);
        sandbox.write("deep.toml", text);
        sandbox.run(&["check", "--format", "json"]).exits(3).stdout
    };
    let limit = "nested more than 64 deep";
    // `virtual_node` and `a` are two levels below the file, the first array is the fourth.
    assert!(!said(&arrays(62)).contains(limit));
    assert!(said(&arrays(63)).contains(limit));
    for text in [arrays(6_400), mixed(70, 70), mixed(79, 79), "[[".repeat(6_400)] {
        let said = said(&text);
        assert!(said.contains("MC0001"), "{}", &said[..said.len().min(400)]);
    }
}

#[test]
fn the_files_of_a_project_have_64_mib_together() {
    let sandbox = Sandbox::with_mesh(MESH);
    let own = fs::metadata(sandbox.join("mesh.toml")).unwrap().len();
    let comment = |bytes: u64| {
        let mut text = vec![b'#'; usize::try_from(bytes).unwrap()];
        // Lines of some length: one of 16 MiB would be a test of something else.
        text.iter_mut().skip(99).step_by(100).for_each(|byte| *byte = b'\n');
        text.iter_mut().skip(100).step_by(100).for_each(|byte| *byte = b'#');
        text
    };
    let full = comment(16 << 20);
    for n in 0..3 {
        sandbox.write(&format!("full-{n}.toml"), &full);
    }
    sandbox.write("rest.toml", comment((16 << 20) - own));
    sandbox.run(&["check"]).exits(0);
    sandbox.write("env/more.toml", "#");
    let ran = sandbox.run(&["check", "--env", "more"]).exits(3);
    assert!(ran.stdout.contains("MC0024"), "{}", ran.all());
    sandbox.write("one.toml", "#");
    let ran = sandbox.run(&["check"]).exits(3);
    assert!(ran.stdout.contains("MC0024") && ran.stdout.contains("have 65 MiB"), "{}", ran.all());
    assert!(!ran.stdout.contains("MC0019"), "{}", ran.all());
    for n in 0..400 {
        fs::File::create(sandbox.join(&format!("more-{n}.toml")))
            .unwrap()
            .set_len(16 << 20)
            .unwrap();
    }
    for command in [&["check"][..], &["plan"], &["apply", "--yes"]] {
        let ran = sandbox.run(command).exits(3);
        assert!(ran.all().contains("6465 MiB together; the limit is 64 MiB"), "{}", ran.all());
    }
    // One that is too large by itself is named.
    sandbox.write("huge.toml", comment((16 << 20) + 1));
    let ran = sandbox.run(&["check"]).exits(3);
    assert!(ran.stdout.contains("MC0024"), "{}", ran.all());
}

#[test]
fn a_project_has_so_many_resources_and_not_one_more() {
    use meshctl::load::{Limits, Options, load_within};
    let sandbox = Sandbox::new();
    sandbox.write("meshctl.toml", "");
    let mesh = |nodes: usize| {
        let mut text = MESH.to_owned();
        text.push_str("[virtual_service.\"s.internal\"]\nrouter = \"r\"\n[virtual_router.r]\n");
        text.push_str("listeners = [{ port = 80, protocol = \"http\" }]\n");
        text.push_str("[[virtual_router.r.routes]]\nname = \"all\"\ntargets = { n0 = 1 }\n");
        text.push_str("match = { prefix = \"/\" }\n");
        // With its own one, a route, a service and a router.
        for n in 0..nodes - 3 {
            text.push_str(&format!("[virtual_node.n{n}]\n"));
        }
        text
    };
    let found = |most: usize, has: usize| {
        sandbox.write("mesh.toml", mesh(has));
        let now = 1_801_353_600; // 2027-01-31
        let dir = sandbox.path().to_path_buf();
        let options = Options { dir, env: None, extra: None, now };
        let limits = Limits { resources: most, ..Limits::default() };
        let loaded = load_within(&options, limits).unwrap();
        let codes: Vec<&str> = loaded.diagnostics.iter().map(|d| d.code.id).collect();
        (codes.contains(&"MC0025"), loaded.mesh.nodes.len(), codes.len())
    };
    assert!(!found(100, 100).0);
    assert_eq!(found(100, 100).1, 97);
    assert_eq!(found(100, 101), (true, 0, 1), "nothing is read, and nothing else is said");
    assert_eq!(found(100, 10_000), (true, 0, 1));
    assert_eq!(Limits::default().resources, 1_000_000);
}

#[test]
fn expressions_have_a_length_and_a_program() {
    let codes_of = |expression: &str, raised: Option<u32>| {
        let sandbox = Sandbox::with_mesh(&format!(
            "{MESH}[virtual_node.n]\nlisteners = [{{ port = 80, protocol = \"http\" }}]\n\
             discovery = {{ dns = \"n.internal\" }}\n\
             [virtual_service.\"s.internal\"]\nrouter = \"r\"\n[virtual_router.r]\n\
             listeners = [{{ port = 80, protocol = \"http\" }}]\n[[virtual_router.r.routes]]\n\
             name = \"all\"\nmatch = {{ path = {{ regex = \"{expression}\" }} }}\ntargets = {{ n = 1 }}\n"
        ));
        if let Some(size) = raised {
            let text = format!("[envoy]\nregex_max_program_size = {size}\n");
            sandbox.write("meshctl.toml", text);
        }
        codes(&sandbox)
    };
    let literal = |bytes: usize| format!("/{}", "a".repeat(bytes - 1));
    // An instruction for each class of characters, and a few more.
    let most = u64::from(meshctl::envoy::defaults::RE2_MAX_PROGRAM_SIZE);
    let classes = |n: usize| format!("/[ab]{{{n}}}");
    let size = |n: usize| meshctl::traffic::re2::program_size(&classes(n)).unwrap();
    let fits = (900..1_000).take_while(|n| size(*n) <= most).last().unwrap();
    assert_eq!((size(fits), size(fits + 1)), (most, most + 1));
    assert!(codes_of(&classes(fits), None).is_empty());
    assert_eq!(codes_of(&classes(fits + 1), None), ["MC1202"]);
    let hundred = format!("/{}", "[ab]{1000}".repeat(100));
    assert_eq!(codes_of(&hundred, None), ["MC1202"]);
    // Where longer programs are let through, the length is the limit.
    let raised = Some(1_000_000);
    assert!(codes_of(&literal(1_024), raised).is_empty());
    assert_eq!(codes_of(&literal(1_025), raised), ["MC1211"]);
    assert_eq!(codes_of(&literal(102_400), raised), ["MC1211"]);
}

#[test]
fn links_that_lead_back_or_nowhere_are_named() {
    let sandbox = Sandbox::with_mesh(MESH);
    fs::create_dir(sandbox.join("sub")).unwrap();
    symlink(sandbox.path(), sandbox.join("sub/back")).unwrap();
    symlink("nowhere.toml", sandbox.join("dangling.toml")).unwrap();
    let ran = sandbox.run(&["check"]).exits(3);
    assert!(ran.stdout.contains("`sub/back` is a link that leads back"), "{}", ran.all());
    assert!(ran.stdout.contains("`dangling.toml` cannot be read"), "{}", ran.all());
}

#[test]
fn one_name_in_two_files_shows_both_places() {
    let sandbox = Sandbox::with_mesh(MESH);
    sandbox.write("a.toml", "[virtual_node.n]\n[virtual_router.r]\nroutes = []\n");
    sandbox.write("b.toml", "[virtual_node.n]\n[virtual_router.r]\nroutes = []\n");
    sandbox.write("c.toml", "[mesh]\nname = \"other\"\n");
    let ran = sandbox.run(&["check"]).exits(3);
    assert_eq!(ran.stdout.matches("MC0011").count(), 3, "{}", ran.all());
    assert!(ran.stdout.contains("see a.toml:1:15"), "{}", ran.all());
}

#[test]
fn a_folder_without_a_project_says_what_to_do() {
    let sandbox = Sandbox::new();
    let ran = sandbox.run(&["check"]).exits(1);
    assert!(ran.stderr.contains("meshctl init"), "{}", ran.all());
    let ran = sandbox.run(&["check", "--format", "json"]).exits(1);
    let document: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(document["exit_code"], 1);
}

#[test]
fn a_project_without_files_is_refused() {
    let sandbox = Sandbox::new();
    sandbox.write("meshctl.toml", "");
    assert_eq!(codes(&sandbox), ["MC0019"]);
}

#[test]
fn mistakes_of_the_project_file_are_findings_too() {
    let sandbox = Sandbox::with_mesh(MESH);
    sandbox.write(
        "meshctl.toml",
        "ower = \"x\"\nfiles = [\"[\"]\ndefault_target = \"x\"\n[lints]\nMC0001 = \"loud\"\n",
    );
    let codes = codes(&sandbox);
    for code in ["MC0002", "MC0005", "MC0008", "MC0023"] {
        assert!(codes.iter().any(|c| c == code), "{code} is not among {codes:?}");
    }
}

#[test]
fn an_overlay_merges_replaces_and_removes() {
    let sandbox = Sandbox::with_mesh(
        r#"[mesh]
name = "m"

[virtual_node.a]
listeners = [{ port = 8080, protocol = "http" }]
discovery = { dns = "a.internal" }
backends = ["s.internal"]
"#,
    );
    sandbox.write(
        "env/prod.toml",
        "remove = [\"virtual_node.a.backends\", \"virtual_node.b\"]\n\
         [virtual_node.a]\ndiscovery = { static = [\"10.0.0.300\"] }\n",
    );
    let ran = sandbox.run(&["check", "--env", "prod"]).exits(3);
    assert!(
        ran.stdout.contains("MC0014") && ran.stdout.contains("`virtual_node.b`"),
        "{}",
        ran.all()
    );
    assert!(ran.stdout.contains("env/prod.toml:3:25"), "{}", ran.all());
    assert!(!ran.stdout.contains("MC0009"), "the choice was not replaced whole: {}", ran.all());
    let ran = sandbox.run(&["check", "--env", "staging"]).exits(1);
    assert!(ran.stderr.contains("the project has: prod"), "{}", ran.all());
}

#[test]
fn fmt_keeps_comments_and_is_idempotent() {
    let sandbox =
        Sandbox::with_mesh("# top\n[mesh]\nname   =  \"m\" # why\n\n\n\n[virtual_node.a]\n");
    sandbox.run(&["fmt", "--check"]).exits(2);
    sandbox.run(&["fmt"]).exits(0);
    let once = fs::read_to_string(sandbox.join("mesh.toml")).unwrap();
    assert!(once.contains("# top") && once.contains("name = \"m\" # why"), "{once}");
    sandbox.run(&["fmt", "--check"]).exits(0);
    sandbox.write("mesh.toml", "[mesh\n");
    let ran = sandbox.run(&["fmt"]).exits(3);
    assert!(ran.stderr.contains("mesh.toml"), "{}", ran.all());
    assert_eq!(fs::read_to_string(sandbox.join("mesh.toml")).unwrap(), "[mesh\n");
}

#[test]
fn suppressions_take_findings_out_and_are_findings_when_unused() {
    let mesh = "[mesh]\nname = \"m\"\n# meshctl: allow MC0010 -- filled in by the next change\ntags = {}\n";
    let sandbox = Sandbox::with_mesh(mesh);
    let ran = sandbox.run(&["check", "--fail-on", "warning", "--select", "MC0010"]).exits(0);
    assert!(!ran.stdout.contains("MC0010"), "{}", ran.all());
    sandbox.write("mesh.toml", mesh.replace("change", "change, until 2020-01-01"));
    let ran = sandbox.run(&["check", "--fail-on", "warning"]).exits(3);
    assert!(ran.stdout.contains("MC0018") && ran.stdout.contains("MC0010"), "{}", ran.all());
    sandbox.write("mesh.toml", mesh.replace("tags = {}", "tags = { a = \"b\" }"));
    let ran = sandbox.run(&["check", "--fail-on", "warning"]).exits(3);
    assert!(ran.stdout.contains("MC0017"), "{}", ran.all());
}

#[test]
fn a_line_of_a_megabyte_is_placed_and_not_drawn() {
    let sandbox = Sandbox::new();
    let filler = "x".repeat(1_000_000);
    sandbox.write("meshctl.toml", "");
    sandbox.write("m.toml", format!("[mesh]\nname = \"m\"\nx = 1 # {filler}\ncapture = 3\n"));
    let ran = sandbox.run(&["check"]).exits(3);
    assert!(ran.stdout.contains("m.toml:3:1: "), "{}", &ran.stdout[..500]);
    assert!(ran.stdout.len() < 5_000, "{} bytes", ran.stdout.len());
}

#[test]
fn two_places_far_apart_are_drawn_without_what_is_between() {
    let sandbox = Sandbox::new();
    sandbox.write("meshctl.toml", "");
    let between = "# between\n".repeat(200);
    let route = |name: &str| {
        format!(
            "[[virtual_gateway.g.routes]]\nname = \"{name}\"\nmatch = {{ prefix = \"/\" }}\nservice = \"s.x\"\n"
        )
    };
    let gateway = "[virtual_gateway.g]\nlisteners = [{ port = 1, protocol = \"http\" }]\n";
    let service = "[virtual_service.\"s.x\"]\n";
    let text =
        ["[mesh]\nname = \"m\"\n", service, gateway, &between, &route("a"), &between, &route("b")];
    sandbox.write("m.toml", text.concat());
    let ran = sandbox.run(&["check"]).exits(3);
    let found = ran.stdout.split("\nMC").find(|finding| finding.starts_with("0221"));
    let found = found.unwrap_or_else(|| panic!("{}", ran.stdout));
    assert!(found.contains("[m.toml:208:") && found.contains("[m.toml:412:"), "{found}");
    assert!(!found.contains("between"), "{found}");
}

#[test]
fn a_number_beyond_64_bits_is_out_of_range() {
    let sandbox = Sandbox::new();
    sandbox.write("meshctl.toml", "");
    sandbox.write(
        "m.toml",
        "[mesh]\nname = \"m\"\n[virtual_node.n]\n\
         listeners = [{ port = 123456789012345678901234567890, protocol = \"http\" }]\n",
    );
    let ran = sandbox.run(&["check"]).exits(3);
    assert!(ran.stdout.contains("MC0007"), "{}", ran.stdout);
}
