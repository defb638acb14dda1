//! Where files are said to be: from the working directory for people, from the root of the
//! repository for services, in the project for documents. And what is not looked at.

use crate::support::sandbox::{Ran, Sandbox};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

const MESH: &str = r#"[mesh]
name = "m"

[virtual_node.a]
listeners = [{ port = 8080, protocol = "http" }]
discovery = { dns = "a-1.internal" }
backends = ["nobody.internal"]
"#;

/// A repository with a project in `infra/my mesh`.
fn monorepo() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write(".git/HEAD", "ref: refs/heads/main\n");
    sandbox.write("infra/my mesh/meshctl.toml", "[targets.local]\ndirectory = \"live\"\n");
    sandbox.write("infra/my mesh/mesh.toml", MESH);
    sandbox
}

fn run_in(sandbox: &Sandbox, folder: &str, args: &[&str]) -> Ran {
    let mut command = sandbox.command(args);
    Ran::new(command.current_dir(sandbox.join(folder)).output().unwrap())
}

#[test]
fn services_are_told_paths_of_the_repository_wherever_the_call_is_made() {
    let sandbox = monorepo();
    for (folder, dir) in [(".", "infra/my mesh"), ("infra", "my mesh"), ("infra/my mesh", ".")] {
        let check = |format: &str| {
            run_in(&sandbox, folder, &["-C", dir, "check", "--format", format]).exits(3).stdout
        };
        let github = check("github");
        assert!(github.contains("file=infra/my mesh/mesh.toml,line=7"), "{folder}: {github}");
        let sarif = check("sarif");
        assert!(sarif.contains("\"uri\": \"infra/my%20mesh/mesh.toml\""), "{folder}: {sarif}");
        let junit = check("junit");
        assert!(junit.contains("name=\"infra/my mesh/mesh.toml\""), "{folder}: {junit}");
        // A document is the same wherever it is made.
        assert!(check("json").contains("\"path\": \"mesh.toml\""));
    }
}

#[test]
fn people_are_told_paths_that_they_can_open() {
    let sandbox = monorepo();
    for (folder, dir, shown) in [
        (".", "infra/my mesh", "infra/my mesh/mesh.toml:7"),
        (".", "./infra/my mesh/", "infra/my mesh/mesh.toml:7"),
        ("infra", "my mesh", "my mesh/mesh.toml:7"),
        ("infra/my mesh", ".", "mesh.toml:7"),
        ("infra", "../infra/my mesh", "../infra/my mesh/mesh.toml:7"),
    ] {
        let ran = run_in(&sandbox, folder, &["-C", dir, "check"]).exits(3);
        assert!(ran.stdout.contains(&format!("[{shown}")), "{folder} {dir}: {}", ran.all());
    }
    let absolute = sandbox.join("infra/my mesh").display().to_string();
    let ran = run_in(&sandbox, ".", &["-C", &absolute, "check"]).exits(3);
    assert!(ran.stdout.contains("[infra/my mesh/mesh.toml:7"), "{}", ran.all());
}

#[test]
fn plans_origins_and_ways_of_requests_name_paths_that_people_can_open() {
    let sandbox = monorepo();
    let mesh = MESH.replace("backends", "# backends");
    let project = |file: &str| format!("infra/my mesh/{file}");
    sandbox.write(&project("mesh.toml"), &mesh);
    let at = ["-C", "infra/my mesh"];
    let run = |args: &[&str]| sandbox.run(&[&at[..], args].concat()).exits(0);
    let opened = |text: &str| {
        let named: Vec<_> = text.match_indices("mesh.toml:").map(|(at, _)| &text[..at]).collect();
        assert!(!named.is_empty(), "{text}");
        assert!(named.iter().all(|before| before.ends_with("infra/my mesh/")), "{text}");
    };
    opened(&run(&["plan"]).stdout);
    run(&["apply", "--yes"]);
    let more = "\n[virtual_node.b]\nbackends = [\"a.internal\"]\n\n\
                [virtual_service.\"a.internal\"]\nnode = \"a\"\n";
    sandbox.write(&project("mesh.toml"), mesh.replace("a-1", "a-2") + more);
    // A document has the path in the project, a comment on a pull request that of the repository.
    opened(&run(&["plan"]).stdout);
    opened(&run(&["plan", "--format", "markdown"]).stdout);
    let document = run(&["plan", "--format", "json"]).stdout;
    assert!(document.contains("\"path\": \"mesh.toml\""), "{document}");
    opened(&run(&["diff", "live", "infra/my mesh"]).stdout);
    opened(&run(&["get", "--origin"]).stdout);
    let trace = ["trace", "GET", "http://a.internal:8080/", "--from", "virtual_node/b"];
    opened(&run(&trace).stdout);
    run(&["plan", "-o", "saved.json"]);
    opened(&run(&["show", "saved.json"]).stdout);
    opened(&run(&["show", "saved.json", "--format", "markdown"]).stdout);
}

#[test]
fn the_workspace_of_github_comes_before_a_repository_in_it() {
    let sandbox = monorepo();
    sandbox.write("infra/.git", "gitdir: elsewhere\n");
    let check = ["-C", "infra/my mesh", "check", "--format", "github"];
    let inner = sandbox.run(&check).exits(3);
    assert!(inner.stdout.contains("file=my mesh/mesh.toml"), "{}", inner.stdout);
    let mut command = sandbox.command(&check);
    command.env("GITHUB_WORKSPACE", sandbox.path());
    let outer = Ran::new(command.output().unwrap()).exits(3);
    assert!(outer.stdout.contains("file=infra/my mesh/mesh.toml"), "{}", outer.stdout);
}

#[test]
fn annotations_of_plans_and_tests_name_the_repository_too() {
    let sandbox = monorepo();
    sandbox.write("infra/my mesh/mesh.toml", MESH.replace("backends", "# backends"));
    let test = "[[test]]\nname = \"t\"\nfrom = \"virtual_node/a\"\nrequest = \"GET http://b.internal/\"\n\
                expect = { node = \"b\" }\n";
    sandbox.write("infra/my mesh/tests/t.toml", test);
    let plan = sandbox.run(&["-C", "infra/my mesh", "plan", "--format", "github"]).exits(0);
    assert!(plan.stdout.contains("file=infra/my mesh/mesh.toml"), "{}", plan.stdout);
    let junit = sandbox.run(&["-C", "infra/my mesh", "test", "--format", "junit"]).exits(3);
    assert!(junit.stdout.contains("infra/my mesh/tests/t.toml"), "{}", junit.stdout);
    let text = sandbox.run(&["-C", "infra/my mesh", "test"]).exits(3);
    assert!(text.stdout.contains("FAIL  infra/my mesh/tests/t.toml"), "{}", text.stdout);
    // A file that is named is one of the working directory.
    sandbox.write("other.toml", test);
    let github = ["-C", "infra/my mesh", "test", "other.toml", "--format", "github"];
    let github = sandbox.run(&github).exits(3);
    assert!(github.stdout.contains("file=other.toml,"), "{}", github.stdout);
}

#[test]
fn calls_in_hints_can_be_pasted() {
    let sandbox = monorepo();
    sandbox.write("infra/my mesh/mesh.toml", MESH.replace("backends", "# backends"));
    let plan = ["-C", "infra/my mesh", "plan", "-o", "a plan.json"];
    let ran = sandbox.run(&plan).exits(0);
    let call = "meshctl apply -C 'infra/my mesh' 'a plan.json'";
    assert!(ran.stderr.contains(call), "{}", ran.stderr);
    let call = call.replace("meshctl ", &format!("{} ", env!("CARGO_BIN_EXE_meshctl"))) + " --yes";
    let mut shell = std::process::Command::new("sh");
    let output = shell.args(["-c", &call]).current_dir(sandbox.path()).output().unwrap();
    Ran::new(output).exits(0);
}

#[test]
fn calls_in_hints_have_each_flag_once_however_it_was_written() {
    let sandbox = monorepo();
    sandbox.write("infra/my mesh/mesh.toml", MESH.replace("backends", "# backends"));
    let folder = "infra/my mesh";
    sandbox.write("infra/my mesh/env/prod.toml", "# nothing\n");
    for flags in [
        vec!["-C", folder, "--target", "local", "--env", "prod"],
        vec!["-Cinfra/my mesh", "--target=local", "--env=prod"],
        vec!["-qC", folder, "--target=local", "--env", "prod"],
        vec!["--directory", folder, "--target", "local", "--env=prod"],
        vec!["--directory=infra/my mesh", "--target=local", "--env=prod"],
    ] {
        // After the command, where flags would be added.
        let call = [&["apply", "--no-input"], &flags[..], &["--format", "json"]].concat();
        let ran = sandbox.run(&call).exits(4);
        let document: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
        let hint = document["hints"][0].as_str().unwrap();
        let (_, call) = hint.split_once("meshctl ").unwrap();
        for flag in ["C", "--directory", "--target", "--env"] {
            assert!(call.matches(flag).count() <= 1, "{flags:?}: {call}");
        }
        let call = format!("{} {call}", env!("CARGO_BIN_EXE_meshctl"));
        let mut shell = std::process::Command::new("sh");
        let output = shell.args(["-c", &call]).current_dir(sandbox.path()).output().unwrap();
        Ran::new(output).exits(0);
        fs::remove_dir_all(sandbox.join("infra/my mesh/live")).unwrap();
    }
}

#[test]
fn the_hint_is_about_the_worst_finding() {
    let sandbox = Sandbox::with_mesh(
        "[mesh]\nname = \"m\"\ntags = {}\n\n[virtual_node.a]\nbackends = [\"nobody.internal\"]\n",
    );
    let ran = sandbox.run(&["check"]).exits(3);
    assert!(ran.stdout.contains("MC0010"), "{}", ran.all());
    let hint = "meshctl explain MC0101 says more about the first error";
    assert!(ran.stderr.contains(hint), "{}", ran.all());
}

/// The case of ../shared/cases/bugs/F1-emacs-lock.
#[test]
fn hidden_files_and_dead_links_to_other_things_are_left_out() {
    let sandbox = Sandbox::with_mesh(&MESH.replace("backends", "# backends"));
    sandbox.write("env/prod.toml", "# nothing\n");
    sandbox.write("tests/t.toml", "");
    sandbox.write("sub/x.toml", "# nothing\n");
    for lock in [".#mesh.toml", "env/.#prod.toml", "tests/.#t.toml", "sub/.#x.toml", "latest"] {
        symlink("me@host.1:2", sandbox.join(lock)).unwrap();
    }
    // A link to itself, and one below a file.
    for folder in ["", "env/", "tests/", "sub/"] {
        symlink("loop", sandbox.join(&format!("{folder}loop"))).unwrap();
        symlink(sandbox.join("mesh.toml/below"), sandbox.join(&format!("{folder}below"))).unwrap();
    }
    sandbox.run(&["check"]).exits(0);
    sandbox.run(&["plan"]).exits(0);
    sandbox.run(&["graph"]).exits(0);
    sandbox.run(&["check", "--env", "prod"]).exits(0);
    sandbox.run(&["fmt", "--check"]).exits(0);
    let ran = sandbox.run(&["test"]).exits(3);
    assert!(ran.stderr.contains("there is no test"), "{}", ran.all());
    // A dead link with the name of a definition may be one that is missed.
    for to in ["nowhere", "gone.toml"] {
        symlink(to, sandbox.join("gone.toml")).unwrap();
        let ran = sandbox.run(&["check"]).exits(3);
        assert!(ran.stdout.contains("MC0020"), "{}", ran.all());
        fs::remove_file(sandbox.join("gone.toml")).unwrap();
    }
}

#[test]
fn a_file_that_cannot_be_read_is_the_only_finding() {
    let sandbox = Sandbox::with_mesh("");
    sandbox.write("a.toml", MESH.replace("[mesh]\nname = \"m\"\n", ""));
    sandbox.write("mesh.toml", b"[mesh]\nname = \"\xff\"\n");
    let document = sandbox.run(&["check", "--format", "json"]).exits(3).stdout;
    let document: serde_json::Value = serde_json::from_str(&document).unwrap();
    let codes: Vec<&str> = document["diagnostics"]
        .as_array()
        .unwrap()
        .iter()
        .map(|found| found["code"].as_str().unwrap())
        .collect();
    assert_eq!(codes, ["MC0021"], "{document:#}");
}

#[test]
fn references_are_checked_beside_mistakes_of_form() {
    // In the resource itself, in another, and in another file.
    let sandbox = Sandbox::with_mesh(&MESH.replace("listeners", "listenrs"));
    sandbox.write("b.toml", "[virtual_node.b]\nbackends = [\"no-one.internal\"]\n");
    let codes = sandbox.run(&["check"]).exits(3).stdout;
    assert_eq!(codes.matches("MC0101").count(), 2, "{codes}");
    assert!(codes.contains("listenrs"), "{codes}");
    // A reference to a resource that is defined, but could not be read, is none to nothing.
    sandbox.write(
        "b.toml",
        "[virtual_service.\"nobody.internal\"]\nnode = 7\n[virtual_node.b]\nbackends = [\"no-one.internal\"]\n",
    );
    let codes = sandbox.run(&["check"]).exits(3).stdout;
    assert_eq!(codes.matches("MC0101").count(), 1, "{codes}");
}

#[test]
fn a_format_of_the_environment_is_no_flag() {
    let sandbox = Sandbox::with_mesh(&MESH.replace("backends", "# backends"));
    for args in [&["bootstrap", "virtual_node/a"][..], &["fmt"], &["completions", "bash"]] {
        let plain = sandbox.run(args).exits(0).stdout;
        let mut command = sandbox.command(args);
        let ran = Ran::new(command.env("MESHCTL_FORMAT", "github").output().unwrap()).exits(0);
        assert_eq!(ran.stdout, plain);
        let mut command = sandbox.command(&[args, &["--format", "github"]].concat());
        Ran::new(command.env("MESHCTL_FORMAT", "text").output().unwrap()).exits(64);
    }
    let mut command = sandbox.command(&["check"]);
    let ran = Ran::new(command.env("MESHCTL_FORMAT", "json").output().unwrap()).exits(0);
    assert!(ran.stdout.starts_with('{'), "{}", ran.stdout);
}

/// CI systems set missing inputs to an empty text.
#[test]
fn an_empty_variable_counts_as_unset() {
    let sandbox = Sandbox::with_mesh(&MESH.replace("backends", "# backends"));
    let names =
        ["MESHCTL_ENV", "MESHCTL_TARGET", "MESHCTL_FORMAT", "MESHCTL_ENVOY", "MESHCTL_JOIN_TOKEN"];
    for args in [
        &["check"][..],
        &["plan", "--format", "json"],
        &["bootstrap", "virtual_node/a"],
        &["dev", "--print-overlay"],
        &["status"],
    ] {
        let plain = sandbox.run(args);
        let mut command = sandbox.command(args);
        let ran = Ran::new(command.envs(names.map(|name| (name, ""))).output().unwrap());
        assert_eq!(ran.all(), plain.all(), "{args:?}");
    }
    // Every variable that a flag names is among them.
    fn of(command: &clap::Command, found: &mut Vec<String>) {
        found.extend(
            command.get_arguments().filter_map(|arg| Some(arg.get_env()?.to_str()?.into())),
        );
        command.get_subcommands().for_each(|inner| of(inner, found));
    }
    let mut found = Vec::new();
    of(&meshctl::cli::command(), &mut found);
    for name in found {
        assert!(names.contains(&name.as_str()), "{name}");
    }
}

#[test]
fn the_way_of_a_failed_test_can_be_pasted() {
    let sandbox = Sandbox::new();
    let mesh = MESH.replace("backends = [\"nobody.internal\"]", "backends = [\"b.internal\"]")
        + "[virtual_service.\"b.internal\"]\nnode = \"a\"\n";
    sandbox.write("my mesh/meshctl.toml", "[targets.local]\ndirectory = \"live\"\n");
    sandbox.write("my mesh/mesh.toml", &mesh);
    sandbox.write("my mesh/env/prod.toml", "# nothing\n");
    let value = "a long value with spaces, so that a line of a hundred columns would end in it";
    sandbox.write(
        "my mesh/tests/a.toml",
        format!(
            "[[test]]\nname = \"t\"\nfrom = \"virtual_node/a\"\nheaders = {{ x-a = \"{value}\" }}\n\
             request = \"GET http://b.internal:8080/\"\nexpect = {{ refused = true }}\n"
        ),
    );
    let project = ["-C", "my mesh", "--env", "prod"];
    sandbox.run(&[&project[..], &["plan", "-o", "a plan.json"]].concat()).exits(0);
    for at in [&[][..], &["--at", "plan:a plan.json"]] {
        let call = [&project[..], &["test"], at].concat();
        let ran = sandbox.run(&call).exits(3);
        let start = ran.stdout.find("meshctl trace").unwrap_or_else(|| panic!("{}", ran.all()));
        let line = ran.stdout[start..].lines().next().unwrap();
        let json = sandbox.run(&[&call[..], &["--format", "json"]].concat()).exits(3).stdout;
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert!(json["diagnostics"][0]["help"].as_str().unwrap().ends_with(line), "{json:#}");
        for flag in
            [&["-C 'my mesh'", "--env prod"][..], &["--at 'plan:a plan.json'"][..at.len() / 2]]
        {
            assert!(flag.iter().all(|flag| line.contains(flag)), "{line}");
        }
        let call = line.replacen("meshctl", env!("CARGO_BIN_EXE_meshctl"), 1);
        let mut shell = std::process::Command::new("sh");
        let output = shell.args(["-c", &call]).current_dir(sandbox.path()).output().unwrap();
        let traced = Ran::new(output).exits(0);
        assert!(traced.stdout.contains("x-a") || !traced.stdout.is_empty(), "{}", traced.stdout);
    }
}

#[test]
fn a_mistyped_reference_is_one_finding() {
    let mesh = "[mesh]\nname = \"m\"\n[virtual_node.web]\n\
        backends = [\"cart.internal\"]\n\
        [virtual_node.cart]\nlisteners = [{ port = 8080, protocol = \"http\" }]\n\
        discovery = { dns = \"cart-1.internal\" }\n\
        [virtual_service.\"cart.internal\"]\nrouter = \"cart\"\n\
        [virtual_router.cart]\nlisteners = [{ port = 8080, protocol = \"http\" }]\n\
        [[virtual_router.cart.routes]]\nname = \"all\"\nmatch = { prefix = \"/\" }\ntargets = { cart = 1 }\n";
    let codes = |mesh: &str| -> Vec<String> {
        let ran = Sandbox::with_mesh(mesh).run(&["check", "--format", "json"]);
        let document: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
        let found = document["diagnostics"].as_array().unwrap().iter();
        found.map(|found| found["code"].as_str().unwrap().to_owned()).collect()
    };
    let before = codes(mesh);
    let with = |more: &str| {
        let mut all = before.clone();
        all.push(more.to_owned());
        all.sort();
        all
    };
    // What it hides may be meant by the reference, so a suppression is not called unused.
    let suppressed = mesh
        .replace("[virtual_node.cart]", "# meshctl: allow MC0110 -- later\n[virtual_node.cart]")
        .replace("targets = { cart = 1 }", "targets = { crat = 1 }");
    assert!(!codes(&suppressed).contains(&"MC0017".to_owned()), "{:?}", codes(&suppressed));
    for (right, wrong) in [
        ("targets = { cart = 1 }", "targets = { crat = 1 }"),
        ("router = \"cart\"", "router = \"crat\""),
        ("backends = [\"cart.internal\"]", "backends = [\"crat.internal\"]"),
    ] {
        let mut found = codes(&mesh.replace(right, wrong));
        found.sort();
        assert_eq!(found, with("MC0101"), "{wrong}");
    }
}

#[test]
fn a_token_that_cannot_be_read_is_no_finding() {
    let sandbox = Sandbox::with_mesh(&MESH.replace("backends", "# backends"));
    let target = |token: &str| format!("[targets.p]\nserver = \"http://127.0.0.1:1\"\n{token}\n");
    sandbox.write("meshctl.toml", target("token = { file = \"nowhere\" }"));
    let ran = sandbox.run(&["plan"]).exits(1);
    assert!(ran.stderr.contains("nowhere"), "{}", ran.stderr);
    sandbox.write("meshctl.toml", target("token = { env = \"NOT_SET\" }"));
    sandbox.run(&["plan"]).exits(1);
    sandbox.write("open", "secret");
    fs::set_permissions(sandbox.join("open"), fs::Permissions::from_mode(0o644)).unwrap();
    sandbox.write("meshctl.toml", target("token = { file = \"open\" }"));
    sandbox.run(&["plan"]).exits(1);
    // What meshctl.toml itself has wrong is one.
    sandbox.write("meshctl.toml", "[targets.p]\nserver = \"ftp://127.0.0.1:1\"\n");
    sandbox.run(&["plan"]).exits(3);
}
