//! `meshctl test`: what is said of expectations, and that they can fail.

use crate::support::sandbox::{Ran, Sandbox};
use crate::support::schemas::{validate, well_formed};
use crate::support::{golden, root};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

fn cases() -> Vec<PathBuf> {
    let folder = fs::read_dir(root().join("tests/cases/test")).unwrap();
    let mut all: Vec<PathBuf> =
        folder.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect();
    all.sort();
    all
}

/// The mesh of the cases, with some tests.
fn project(tests: &str) -> Sandbox {
    let mesh = fs::read_to_string(root().join("tests/cases/test/mesh.toml")).unwrap();
    let sandbox = Sandbox::with_mesh(&mesh);
    sandbox.write("tests/case.toml", tests);
    sandbox
}

#[test]
fn every_code_has_a_case_that_raises_it() {
    let mut named = BTreeSet::new();
    for case in cases() {
        let name = case.file_name().unwrap().to_str().unwrap().to_owned();
        let sandbox = project(&fs::read_to_string(case.join("tests.toml")).unwrap());
        let ran = sandbox.run(&["test"]).exits(3);
        golden::check(&case.join("human.txt"), &ran.stdout);
        let ran = sandbox.run(&["test", "--format", "json"]).exits(3);
        let document: Value = serde_json::from_str(&ran.stdout).unwrap();
        validate(&document);
        let found = document["diagnostics"].as_array().unwrap();
        assert!(found.iter().any(|d| name.starts_with(d["code"].as_str().unwrap())), "{name}");
        for finding in found {
            assert!(finding["location"]["path"] == "tests/case.toml", "{name}: {finding}");
            assert!(finding["help"].is_string(), "{name}: {finding}");
        }
        named.insert(name);
    }
    let codes: BTreeSet<String> =
        meshctl::expect::CODES.iter().map(|code| format!("{}-{}", code.id, code.name)).collect();
    assert_eq!(codes, named);
}

#[test]
fn expectations_of_the_examples_hold_and_can_fail() {
    for name in super::examples::names() {
        let dir = root().join("examples").join(&name).display().to_string();
        let ran = Sandbox::new().run(&["-C", &dir, "test"]).exits(0);
        assert!(!ran.stdout.is_empty(), "{name}");
    }
    let sandbox = Sandbox::new();
    let shop = root().join("examples/shop");
    for file in [
        "mesh.toml",
        "cart.toml",
        "catalog.toml",
        "checkout.toml",
        "meshctl.toml",
        "tests/shop.toml",
    ] {
        sandbox.write(file, fs::read(shop.join(file)).unwrap());
    }
    sandbox.run(&["test"]).exits(0);
    let edit = |file: &str, from: &str, to: &str| {
        let text = fs::read_to_string(sandbox.join(file)).unwrap();
        assert!(text.contains(from), "{from}");
        sandbox.write(file, text.replace(from, to));
        let ran = sandbox.run(&["test"]).exits(3);
        sandbox.write(file, text);
        ran.stderr
    };
    assert!(edit("cart.toml", "cart-v1 = 95", "cart-v1 = 94").contains("10 passed, 1 failed"));
    assert!(edit("cart.toml", "request = \"3s\"", "request = \"4s\"").contains("1 failed"));
    assert!(
        edit("mesh.toml", "shop.example\", path", "store.example\", path").contains("1 failed")
    );
    assert!(edit("mesh.toml", "hostname = false", "hostname = true").contains("1 failed"));
    assert!(edit("mesh.toml", "drop-all", "allow-all").contains("2 failed"));
}

/// What a parser of XML makes of JUnit: the numbers of the root, those that it counts itself, the
/// names, and the first failure's text.
fn read_junit(text: &str) -> Value {
    let program = "import sys, json, xml.etree.ElementTree as x\n\
        r = x.fromstring(sys.stdin.buffer.read())\n\
        n = lambda e: {k: int(e.get(k)) for k in ('tests', 'failures', 'errors', 'skipped')}\n\
        c = list(r.iter('testcase'))\n\
        k = lambda t: sum(1 for e in c if e.find(t) is not None)\n\
        print(json.dumps({'said': n(r), 'suites': [n(s) for s in r],\n\
            'counted': {'tests': len(c), 'failures': k('failure'), 'errors': k('error'),\n\
            'skipped': k('skipped')}, 'names': [e.get('name') for e in c],\n\
            'text': [e.find('failure').text for e in c if e.find('failure') is not None]}))";
    let mut child = Command::new("python3")
        .args(["-c", program])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{text}");
    serde_json::from_slice(&output.stdout).unwrap()
}

const HOSTILE: &str = r#"
[[test]]
name = "]]> <b a=\"1\"> & ' \u0000\u001b[31m \uFFFF 🦀"
request = "GET http://shop.example/cart"
expect = { node = "cart-v9" }

[[test]]
name = "passes"
request = "GET http://shop.example/cart"
expect = { route = ["gateway_route/edge/cart", "route/cart/stable"], host = "cart.internal" }

[[test]]
name = "elsewhere"
env = "prod"
request = "GET http://shop.example/cart"
expect = { node = "cart-v9" }

[[test]]
name = "undecided"
request = "GET http://shop.example/odd"
expect = { node = "cart-v1" }

[[test]]
name = "mistaken"
request = "GET http://shop.example/odd"
expects = { node = "cart-v1" }
"#;

#[test]
fn junit_is_xml_with_true_numbers() {
    let sandbox = project(HOSTILE);
    let ran = sandbox.run(&["test", "--format", "junit"]).exits(3);
    let read = read_junit(&ran.stdout);
    assert_eq!(read["said"], read["counted"]);
    assert_eq!(read["said"], read["suites"][0]);
    let wanted = serde_json::json!({ "tests": 5, "failures": 1, "errors": 2, "skipped": 1 });
    assert_eq!(read["said"], wanted);
    assert!(read["names"][0].as_str().unwrap().starts_with("]]> <b a=\"1\"> & '"));
    assert!(read["text"][0].as_str().unwrap().contains("tests/case.toml:5:"), "{read}");
    for format in ["json", "sarif", "github", "text"] {
        let ran = sandbox.run(&["test", "--format", format]).exits(3);
        well_formed(&ran, format);
        assert!(!ran.stdout.contains('\u{0}'), "{format}");
    }
}

#[test]
fn findings_for_programs_name_file_and_line() {
    let sandbox = project(HOSTILE);
    let ran = sandbox.run(&["test", "--format", "sarif"]).exits(3);
    let sarif: Value = serde_json::from_str(&ran.stdout).unwrap();
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    let failed = results.iter().find(|result| result["ruleId"] == "MC1301").unwrap();
    let place = &failed["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "tests/case.toml");
    assert_eq!(place["region"]["startLine"], 5);
    let related = &failed["relatedLocations"][1]["physicalLocation"];
    assert_eq!(related["artifactLocation"]["uri"], "mesh.toml", "{failed:#}");
    let ran = sandbox.run(&["test", "--format", "github"]).exits(3);
    assert!(ran.stdout.contains("::error file=tests/case.toml,line=5,"), "{}", ran.stdout);
}

#[test]
fn tests_of_other_overlays_are_left_out_and_counted() {
    let sandbox = project(
        "[[test]]\nname = \"elsewhere\"\nenv = \"prod\"\nrequest = \"GET \
         http://shop.example/cart\"\nexpect = { node = \"cart-v9\" }\n",
    );
    sandbox.write(
        "env/prod.toml",
        "[virtual_node.cart-v9]\nlisteners = [{ port = 8080, protocol = \
        \"http\" }]\ndiscovery = { dns = \"v9.internal\" }\n[[virtual_router.cart.routes]]\nname = \
        \"stable\"\ntargets = { cart-v1 = 0, cart-v2 = 0, cart-v9 = 1 }\n",
    );
    let ran = sandbox.run(&["test", "--filter", "elsewhere"]).exits(3);
    assert!(ran.stderr.contains("another overlay"), "{}", ran.stderr);
    let ran = sandbox.run(&["test", "--filter", "elsewhere", "--env", "prod"]);
    assert!(ran.stderr.contains("1 passed"), "{}{}", ran.stdout, ran.stderr);
}

#[test]
fn a_plan_and_the_live_mesh_are_tested_too() {
    let sandbox = project(
        "[[test]]\nname = \"v1\"\nrequest = \"GET http://shop.example/cart\"\n\
         expect = { targets = { cart-v1 = 95, cart-v2 = 5 } }\n",
    );
    sandbox.run(&["apply", "--yes", "--allow-lost-record"]);
    sandbox.run(&["test", "--at", "live"]).exits(0);
    let mesh = fs::read_to_string(sandbox.join("mesh.toml")).unwrap();
    sandbox.write("mesh.toml", mesh.replace("cart-v1 = 95", "cart-v1 = 5"));
    sandbox.run(&["plan", "-o", "saved.json"]).exits(0);
    sandbox.run(&["test", "--at", "live"]).exits(0);
    sandbox.run(&["test", "--at", "rev:1"]).exits(0);
    let ran = sandbox.run(&["test", "--at", "plan:saved.json"]).exits(3);
    assert!(ran.stdout.contains("`route/cart/stable` takes it"), "{}", ran.stdout);
    sandbox.run(&["test"]).exits(3);
}

#[test]
fn what_is_written_is_what_the_schema_says() {
    let schema = meshctl::expect::tests_schema();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let json = |path: PathBuf| -> Value {
        let text = fs::read_to_string(path).unwrap();
        serde_json::to_value(text.parse::<toml::Table>().unwrap()).unwrap()
    };
    for name in super::examples::names() {
        for entry in fs::read_dir(root().join("examples").join(&name).join("tests")).unwrap() {
            let path = entry.unwrap().path();
            let wrong: Vec<String> = validator
                .iter_errors(&json(path.clone()))
                .map(|error| format!("{}: {error}", error.instance_path()))
                .collect();
            assert!(wrong.is_empty(), "{}: {wrong:?}", path.display());
        }
    }
    for (wrong, text) in [
        ("an unknown key", "[[test]]\nname = \"a\"\nexpects = {}"),
        ("no name", "[[test]]\nrequest = \"http://a/\""),
        ("a status out of range", "[[test]]\nname = \"a\"\nexpect = { status = 600 }"),
        ("an unknown reason", "[[test]]\nname = \"a\"\nexpect = { refused = \"just so\" }"),
        ("no node", "[[test]]\nname = \"a\"\nexpect = { node = \"a b\" }"),
        ("no weight", "[[test]]\nname = \"a\"\nexpect = { targets = { a = -1 } }"),
    ] {
        let value = serde_json::to_value(text.parse::<toml::Table>().unwrap()).unwrap();
        assert!(!validator.is_valid(&value), "{wrong}");
        let ran = project(text).run(&["test"]).exits(3);
        assert!(ran.stdout.contains("MC00"), "{wrong}: {}", ran.stdout);
    }
}

const STALE: &str = r#"# The cart, as it was.
from = "edge"

[[test]]
name = "split"   # by weight
request = "GET http://shop.example/cart/1"
expect = { targets = { cart-v1 = 50, cart-v2 = 50 }, path = "/1", timeout = "9s" } # shares

[[test]]
name = "passes"
request = "GET   http://shop.example/cart/1"
expect   =   { node="cart-v2",route='route/cart/canary' }
headers = { x-canary = "true" }

[[test]]
name = "cases"
expect = { node = "cart-v2", path = "/" }
cases = [
  { request = "GET http://shop.example/cart", headers = { x-canary = "true" } }, # holds
  { request = "GET http://shop.example/card" },
  { request = "GET http://shop.example/cart/1", expect = { status = 404 } },
]

[[test]]
name = "table"
request = "GET http://shop.example/cart/1"

[test.expect]
# What is asked of retries.
retry = { max_retries = 7 }
route = ["route/cart/canary"]
"#;

#[test]
fn update_writes_down_what_happens_and_leaves_the_rest() {
    let sandbox = project(STALE);
    sandbox.run(&["test"]).exits(3);
    let ran = sandbox.run(&["test", "--update"]).exits(0);
    assert!(
        ran.stdout.contains("updated  tests/case.toml  `split`: timeout: 9s -> 3s"),
        "{}",
        ran.stdout
    );
    let text = fs::read_to_string(sandbox.join("tests/case.toml")).unwrap();
    let wanted = STALE
        .replace("cart-v1 = 50, cart-v2 = 50", "cart-v1 = 95, cart-v2 = 5")
        .replace("timeout = \"9s\"", "timeout = \"3s\"")
        .replace("card\" },", "card\", expect = { status = 404 } },")
        .replace(
            "expect = { status = 404 } },\n]",
            "expect = { targets = { cart-v1 = 95, cart-v2 = 5 } } },\n]",
        )
        .replace("max_retries = 7", "max_retries = 2")
        .replace("[\"route/cart/canary\"]", "[\"gateway_route/edge/cart\", \"route/cart/stable\"]");
    assert_eq!(text, wanted);
    let again = sandbox.run(&["test", "--update"]).exits(0);
    assert!(!again.stdout.contains("updated"), "{}", again.stdout);
    assert_eq!(fs::read_to_string(sandbox.join("tests/case.toml")).unwrap(), wanted);
}

#[test]
fn coverage_names_what_no_test_takes_with_a_test_that_does() {
    let sandbox = project(
        "[[test]]\nname = \"v1\"\nrequest = \"GET http://shop.example/cart\"\n\
         expect = { route = \"route/cart/stable\" }\n",
    );
    let ran = sandbox.run(&["test", "--coverage", "--format", "json"]).exits(0);
    let document: Value = serde_json::from_str(&ran.stdout).unwrap();
    validate(&document);
    let coverage = &document["coverage"];
    assert_eq!((&coverage["routes"], &coverage["tested"]), (&4.into(), &2.into()));
    let items = coverage["items"].as_array().unwrap();
    let of = |address: &str| items.iter().find(|item| item["address"] == address).unwrap();
    assert!(of("route/cart/canary")["test"].as_str().unwrap().contains("x-canary = \"true\""));
    assert_eq!(of("route/cart/stable")["tested"], true);
    assert_eq!(of("route/cart/stable")["targets"][0]["tested"], false, "no test names it");
    assert_eq!(of("route/cart/canary")["origin"], "mesh.toml:25");
    sandbox.run(&["test", "--coverage-min", "50"]).exits(0);
    let ran = sandbox.run(&["test", "--coverage-min", "51"]).exits(3);
    assert!(ran.stderr.contains("50 %"), "{}", ran.stderr);
    let ran = sandbox.run(&["test", "--coverage", "--update"]).exits(0);
    assert!(ran.stderr.contains("Added 1 test"), "{}", ran.stderr);
    let text = fs::read_to_string(sandbox.join("tests/untested.toml")).unwrap();
    assert!(text.contains("name = \"route/cart/canary\""), "{text}");
    // What the patched route does is not told, so nothing is written about it.
    assert!(!text.contains("odd"), "{text}");
    sandbox.run(&["test", "--coverage-min", "75"]).exits(0);
}

#[test]
fn added_tests_are_counted_as_tests_and_reach_any_folder() {
    use std::os::unix::ffi::OsStrExt as _;
    let add = ["test", "--coverage", "--update"];
    // Text that looks like a test is none, and line ends hide no name.
    let sandbox = project(
        "[[test]]\nname = \"v1\"\nrequest = \"GET http://shop.example/cart\"\n\
         expect = { route = \"route/cart/stable\" }\n",
    );
    let old = "# Each [[test]] was added.\r\n[[test]]\r\nname = \"route/cart/canary\"\r\n\
               from = \"virtual_gateway/edge\"\r\nrequest = \"GET http://shop.example/cart\"\r\n\
               expect = { route = \"route/cart/stable\" }\r\n";
    sandbox.write("tests/untested.toml", old);
    let ran = sandbox.run(&add);
    assert!(ran.stderr.contains("Added 1 test to"), "{}", ran.all());
    let text = fs::read_to_string(sandbox.join("tests/untested.toml")).unwrap();
    assert!(text.starts_with(old) && !text.replace("\r\n", "").contains('\n'), "{text:?}");
    assert!(text.contains("\"route/cart/canary (2)\""), "{text}");
    // A folder whose name is no text.
    let folder = sandbox.path().join(std::ffi::OsStr::from_bytes(b"m\xff"));
    fs::create_dir(&folder).unwrap();
    for file in ["meshctl.toml", "mesh.toml"] {
        fs::copy(sandbox.join(file), folder.join(file)).unwrap();
    }
    let ran = Ran::new(sandbox.command(&add).arg("-C").arg(&folder).output().unwrap()).exits(0);
    assert!(ran.stderr.contains("Added"), "{}", ran.all());
    assert!(folder.join("tests/untested.toml").exists());
}

#[test]
fn a_project_without_tests_gets_one_for_each_route() {
    for name in super::examples::names() {
        let sandbox = Sandbox::new();
        for entry in fs::read_dir(root().join("examples").join(&name)).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                let file = path.file_name().unwrap().to_str().unwrap().to_owned();
                sandbox.write(&file, fs::read(&path).unwrap());
            }
        }
        sandbox.run(&["test", "--coverage"]).exits(3);
        sandbox.run(&["test", "--coverage", "--update"]).exits(0);
        sandbox.run(&["test", "--coverage-min", "100"]).exits(0);
        sandbox.run(&["fmt", "--check"]).exits(0);
    }
}
