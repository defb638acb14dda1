//! Settings of meshctl.toml: what reaches Envoy is a change of the plan like any other, applied by
//! itself, and never drift. On a folder and on a server.

use crate::serve::{Server, json_of};
use crate::support::root;
use crate::support::sandbox::Sandbox;
use meshctl::compile::{compile, proxies};
use meshctl::envoy::{ConfigSource, ProxyId, Settings, files};
use meshctl::live::server::{Access, TokenSource};
use meshctl::live::{self, ProxyFiles};
use meshctl::load::{self, Loaded, Options};
use meshctl::model::MeshName;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

const MESH: &str = r#"
[mesh]
name = "m"
capture = "explicit"

[virtual_gateway.g]
listeners = [{ port = 8080, protocol = "http", tls = { mode = "strict", certificate = { acm = "arn:x" } } }]
backend_defaults = { client_policy = { tls = { validation = { trust = { acm = ["arn:z"] }, subject_alternative_names = ["n0.x"] } } } }

[[virtual_gateway.g.routes]]
name = "a"
match = { prefix = "/" }
service = "a.test"

[virtual_service."a.test"]
node = "n0"

[virtual_node.n0]
listeners = [{ port = 9000, protocol = "http", app = "127.0.0.1:19000", tls = { mode = "strict", certificate = { acm = "arn:y" } } }]
discovery = { dns = "n0.x" }
"#;

const TARGET: &str = r#"[targets.l]
directory = "live"
settle = "0s"
expect = 0
"#;

/// Everything that does not name a target.
const SETTINGS: &str = r#"default_target = "TARGET"
owner = "team"
files = ["mesh.toml"]

[guards]
protected = []
max_deletes = 10
max_weight_step = 50
max_proxies = 50

[lints]
MC0908 = "off"

[envoy]
sds_socket = "/run/sds.sock"
regex_max_program_size = 200
stats_tags = true
tracing = { provider = "otel", address = "127.0.0.1", port = 4317, sampling_percent = 10 }

[certificates."arn:x"]
file = { chain = "/c1.pem", key = "/k1.pem" }

[certificates."arn:y"]
sds = "aaa"

[authorities]
"arn:z" = "/ca1.pem"

[dev]
prepare = []

[dev.upstream.n0]
command = ["one"]

[[dev.requests]]
from = "virtual_gateway/g"
method = "GET"
url = "https://g.test/a"
headers = { a = "b" }
status = 200
"#;

/// A setting, another value of it, and what of requests changes with it.
type Row = (&'static str, &'static str, &'static str, Option<&'static str>);

/// Each setting by its keys.
const ROWS: &[Row] = &[
    ("certificates.*.file.chain", "/c1.pem", "/c2.pem", Some("tls.certificate")),
    ("certificates.*.file.key", "/k1.pem", "/k2.pem", Some("tls.certificate")),
    ("certificates.*.sds", "\"aaa\"", "\"bbb\"", Some("tls.certificate")),
    ("authorities.*", "/ca1.pem", "/ca2.pem", Some("client_policy.tls.validation.trust")),
    ("owner", "\"team\"", "\"others\"", None),
    ("files", "[\"mesh.toml\"]", "[\"me*.toml\"]", None),
    ("guards.protected", "protected = []", "protected = [\"virtual_node/n0\"]", None),
    ("guards.max_deletes", "max_deletes = 10", "max_deletes = 1", None),
    ("guards.max_weight_step", "max_weight_step = 50", "max_weight_step = 1", None),
    ("guards.max_proxies", "max_proxies = 50", "max_proxies = 1", None),
    ("lints", "MC0908 = \"off\"", "MC0909 = \"off\"", None),
    ("envoy.sds_socket", "/run/sds.sock", "/run/other.sock", None),
    ("envoy.regex_max_program_size", "size = 200", "size = 300", None),
    ("envoy.stats_tags", "stats_tags = true", "stats_tags = false", None),
    ("envoy.tracing.provider", "\"otel\"", "\"zipkin\"", None),
    ("envoy.tracing.address", "address = \"127.0.0.1\"", "address = \"127.0.0.2\"", None),
    ("envoy.tracing.port", "port = 4317", "port = 4318", None),
    ("envoy.tracing.sampling_percent", "percent = 10", "percent = 20", None),
    ("dev.prepare", "prepare = []", "prepare = [\"true\"]", None),
    ("dev.upstream.*.command", "[\"one\"]", "[\"two\"]", None),
    ("dev.requests.[].from", "from = \"virtual_gateway/g\"", "from = \"virtual_node/n0\"", None),
    ("dev.requests.[].method", "\"GET\"", "\"PUT\"", None),
    ("dev.requests.[].url", "https://g.test/a", "https://g.test/b", None),
    ("dev.requests.[].headers.*", "a = \"b\"", "a = \"c\"", None),
    ("dev.requests.[].status", "status = 200", "status = 404", None),
];

/// Settings of a folder.
const OF_FOLDERS: &[Row] = &[
    // The same folder by other words.
    ("targets.*.directory", "directory = \"live\"", "directory = \"./live\"", None),
    ("targets.*.directory", "directory = \"live\"", "directory = \"live/../live\"", None),
    ("targets.*.settle", "settle = \"0s\"", "settle = \"1s\"", None),
    ("targets.*.expect", "expect = 0", "expect = 1", None),
    (
        "targets.*.admin.*",
        "expect = 0\n",
        "admin = { \"virtual_node/n0\" = \"unix:///nowhere/envoy.sock\" }\n",
        None,
    ),
];

/// Settings that lead to another target, or by another way to the same, and one that is an error.
const OTHERS: &[&str] = &[
    "default_target",
    "targets.*.server",
    "targets.*.xds",
    "targets.*.token.file",
    "targets.*.token.env",
    "targets.*.tls.ca",
    "targets.*.tls.certificate",
    "targets.*.tls.key",
    "certificates.*.acm",
];

fn loaded(sandbox: &Sandbox) -> Loaded {
    let now = 1_767_225_600; // 2026-01-01
    let options = Options { dir: sandbox.path().to_path_buf(), env: None, extra: None, now };
    let loaded = load::load(&options).unwrap();
    assert!(!loaded.diagnostics.has_errors(), "{:#?}", loaded.diagnostics);
    loaded
}

fn rendered(loaded: &Loaded, settings: &Settings) -> BTreeMap<ProxyId, ProxyFiles> {
    let of = |proxy: ProxyId| {
        let files = files(&compile(&loaded.mesh, settings, &proxy));
        (proxy, files)
    };
    proxies(&loaded.mesh).into_iter().map(of).collect()
}

/// Where a target's files are, and how its proxies are configured.
trait Place {
    fn settings(&self, loaded: &Loaded, text: &str) -> Settings;
    fn in_force(&self) -> BTreeMap<ProxyId, ProxyFiles>;
}

fn all_files(target: &dyn live::Read) -> BTreeMap<ProxyId, ProxyFiles> {
    let of = |proxy: ProxyId| {
        let files = target.files(&proxy).unwrap();
        (proxy, files)
    };
    target.proxies().unwrap().into_iter().map(of).collect()
}

struct Folder(std::path::PathBuf);

impl Place for Folder {
    fn settings(&self, loaded: &Loaded, _: &str) -> Settings {
        loaded.project.settings(self.0.display().to_string())
    }

    fn in_force(&self) -> BTreeMap<ProxyId, ProxyFiles> {
        all_files(&live::Directory::open(&self.0).unwrap())
    }
}

impl Place for live::Server {
    fn settings(&self, loaded: &Loaded, _: &str) -> Settings {
        loaded.project.settings_from(ConfigSource::Ads)
    }

    fn in_force(&self) -> BTreeMap<ProxyId, ProxyFiles> {
        all_files(self)
    }
}

/// Changes each setting in turn, and back. Gives the keys of those that reach Envoy.
fn change_each(
    sandbox: &Sandbox,
    base: &str,
    rows: &[&'static Row],
    place: &dyn Place,
) -> BTreeSet<&'static str> {
    sandbox.write("mesh.toml", MESH);
    sandbox.write("meshctl.toml", base);
    sandbox.run(&["apply", "--yes"]).exits(0);
    let mut reach = BTreeSet::new();
    let plan = || json_of(&sandbox.run(&["plan", "--format", "json"]).stdout);
    let nothing = |name: &str| {
        let plan = plan();
        assert_eq!(
            (&plan["changes"], &plan["drift"]),
            (&Value::from(Vec::<u8>::new()), &Value::from(Vec::<u8>::new())),
            "{name}"
        );
    };
    nothing("at first");
    let apply = |name: &str, text: &str, setting: Option<&str>| {
        let before = place.in_force();
        sandbox.write("meshctl.toml", text);
        let project = loaded(sandbox);
        let wanted = rendered(&project, &place.settings(&project, text));
        let plan = plan();
        let changes = plan["changes"].as_array().unwrap();
        assert_eq!(plan["drift"], Value::from(Vec::<u8>::new()), "{name}: {plan:#}");
        if before == wanted {
            assert_eq!(setting, None, "{name} does not reach Envoy");
            return false;
        }
        assert!(!changes.is_empty(), "{name}: {plan:#}");
        let edits = changes.iter().flat_map(|change| change["edits"].as_array().unwrap());
        let places: BTreeSet<&str> =
            edits.filter_map(|edit| edit["origin"]["path"].as_str()).collect();
        assert_eq!(places, BTreeSet::from(["meshctl.toml"]), "{name}: {plan:#}");
        let policies = plan["traffic"]["policies"].as_array().unwrap();
        let settings = policies.iter().flat_map(|policy| policy["settings"].as_array().unwrap());
        let settings: BTreeSet<&str> = settings.filter_map(|own| own["name"].as_str()).collect();
        assert_eq!(settings, setting.into_iter().collect(), "{name}: {plan:#}");
        sandbox.run(&["apply", "--yes"]).exits(0);
        assert!(place.in_force() == wanted, "{name}: apply brings what the files say");
        nothing(name);
        true
    };
    for (name, from, to, setting) in rows {
        assert_eq!(base.matches(from).count(), 1, "{name}: {from}");
        if apply(name, &base.replace(from, to), *setting) {
            reach.insert(*name);
            assert!(apply(&format!("{name} back"), base, *setting));
        }
    }
    reach
}

/// What reaches Envoy.
const REACH: [&str; 4] =
    ["authorities.*", "certificates.*.file.chain", "certificates.*.file.key", "certificates.*.sds"];

#[test]
fn what_reaches_envoy_is_a_change_and_no_drift_in_a_folder() {
    let sandbox = Sandbox::new();
    let base = format!("{}{TARGET}", SETTINGS.replace("TARGET", "l"));
    let rows: Vec<&Row> = ROWS.iter().chain(OF_FOLDERS).collect();
    // Temporary folders may be reached by links.
    let folder = Folder(sandbox.path().canonicalize().unwrap().join("live"));
    assert_eq!(change_each(&sandbox, &base, &rows, &folder), BTreeSet::from(REACH));
    sandbox.run(&["drift"]).exits(0);
}

#[test]
fn what_reaches_envoy_is_a_change_on_a_server() {
    let server = Server::with(1);
    let sandbox = Sandbox::new();
    let base = format!("{}{}", SETTINGS.replace("TARGET", "prod"), server.target());
    let token = Some(TokenSource::File(server.folder().join("operator.token")));
    let access = Access { url: server.url(), token, ca: None, identity: None };
    let target = live::Server::new(&access, MeshName::new("m").unwrap()).unwrap();
    let rows: Vec<&Row> = ROWS.iter().collect();
    assert_eq!(change_each(&sandbox, &base, &rows, &target), BTreeSet::from(REACH));
}

#[test]
fn every_setting_is_in_the_table() {
    let text = fs::read_to_string(root().join("schemas/project.schema.json")).unwrap();
    let schema: Value = serde_json::from_str(&text).unwrap();
    let mut all = BTreeSet::new();
    let mut todo = vec![(String::new(), &schema)];
    while let Some((path, node)) = todo.pop() {
        let node = match node["$ref"].as_str() {
            Some(name) => schema.pointer(&name[1..]).unwrap(),
            None => node,
        };
        let join = |key: &str| match path.as_str() {
            "" => key.to_owned(),
            path => format!("{path}.{key}"),
        };
        let items = &node["items"];
        let items = items["$ref"].as_str().map_or(items, |n| schema.pointer(&n[1..]).unwrap());
        if let Some(keys) = node["properties"].as_object() {
            todo.extend(keys.iter().map(|(key, node)| (join(key), node)));
        } else if node["additionalProperties"].is_object() {
            todo.push((join("*"), &node["additionalProperties"]));
        } else if items["properties"].is_object() {
            todo.push((join("[]"), items));
        } else {
            all.insert(path);
        }
    }
    let rows = ROWS.iter().chain(OF_FOLDERS).map(|(name, ..)| *name).chain(OTHERS.iter().copied());
    let known: BTreeSet<String> = rows.map(str::to_owned).collect();
    assert_eq!(all, known);
}

#[test]
fn a_mapping_says_its_line_and_its_traffic() {
    let sandbox = Sandbox::new();
    let base = format!("{}{TARGET}", SETTINGS.replace("TARGET", "l"));
    sandbox.write("mesh.toml", MESH);
    sandbox.write("meshctl.toml", &base);
    sandbox.run(&["apply", "--yes"]).exits(0);
    let text = base.replace("/c1.pem", "/c2.pem");
    sandbox.write("meshctl.toml", &text);
    let line = 1 + text.lines().position(|line| line.contains("/c2.pem")).unwrap();
    let shown = sandbox.run(&["plan", "--detailed-exitcode"]).exits(2).stdout;
    assert!(shown.contains(&format!("meshctl.toml:{line}")), "{shown}");
    assert!(shown.contains("virtual_gateway/g port 8080"), "{shown}");
    let policy = "tls.certificate  /c1.pem with /k1.pem -> /c2.pem with /k1.pem";
    assert!(shown.contains(policy), "{shown}");
    assert!(!shown.contains("DRIFT"), "{shown}");
    // A saved plan has the mapping in it, whatever meshctl.toml says later.
    sandbox.run(&["plan", "-o", "saved.plan"]).exits(0);
    sandbox.write("meshctl.toml", &base);
    sandbox.run(&["apply", "--yes", "saved.plan"]).exits(0);
    let secret = "live/current/virtual_gateway/g/sds/sds_ingress_certificate_8080.yaml";
    let secret = || fs::read_to_string(sandbox.join(secret)).unwrap();
    assert!(secret().contains("/c2.pem"), "{}", secret());
    // The revision has it, too: going back brings the old one.
    sandbox.write("meshctl.toml", &text);
    assert!(sandbox.run(&["plan", "--detailed-exitcode"]).exits(0).stdout.contains("no changes"));
    sandbox.run(&["rollback", "--yes"]).exits(0);
    assert!(secret().contains("/c1.pem"), "{}", secret());
    sandbox.write("meshctl.toml", &base);
    sandbox.run(&["plan", "--detailed-exitcode"]).exits(0);
    sandbox.run(&["drift"]).exits(0);
    // What is mapped to ACM again is not mapped.
    let again = base.replace("sds = \"aaa\"", "acm = \"arn:x\"");
    sandbox.write("meshctl.toml", again);
    assert!(sandbox.run(&["plan"]).all().contains("MC0610"));
}
