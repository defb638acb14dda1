//! The control plane by its admin API: who may ask, what is done once, and what is refused.

use crate::directory::mesh;
use crate::support::plane::{Double, Mood};
use crate::support::sandbox::Sandbox;
use crate::support::served::operator;
use meshctl::apply::Signal;
use meshctl::envoy::{ConfigSource, Settings};
use meshctl::live::server::{Access, TokenSource};
use meshctl::live::{self, Read as _};
use meshctl::plan;
use meshctl::serve::limits::Limits;
use meshctl::serve::{Config, Listen, Need, OnError, Operators, Role, Running, start_with};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Runtime;

/// A control plane in this process.
pub(crate) struct Server {
    pub(crate) runtime: Runtime,
    running: Option<Running>,
    plane: Option<Arc<Double>>,
    pub(crate) data: tempfile::TempDir,
    /// From the next start on.
    pub(crate) audit_on_error: OnError,
    /// From the next start on.
    pub(crate) limits: Limits,
}

impl Server {
    /// One whose proxies have so many Envoys each, which take everything.
    pub(crate) fn with(envoys: usize) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let data = tempfile::tempdir().unwrap();
        let audit_on_error = OnError::Reject;
        let limits = Limits::default();
        let mut server = Self { runtime, running: None, plane: None, data, audit_on_error, limits };
        server.start(envoys);
        server
    }

    pub(crate) fn start(&mut self, envoys: usize) {
        self.start_with(envoys, Mood::Take);
    }

    /// Starts it, with Envoys that do this from the beginning.
    pub(crate) fn start_with(&mut self, envoys: usize, mood: Mood) {
        let config = Config {
            data: self.data.path().join("data"),
            admin: Listen { address: "127.0.0.1:0".parse().unwrap(), tls: None },
            xds: Listen { address: "127.0.0.1:0".parse().unwrap(), tls: None },
            trust_domain: None,
            authority: None,
            names: Vec::new(),
            grace: Duration::ZERO,
            audit_on_error: self.audit_on_error,
            limits: self.limits.clone(),
        };
        let plane = Arc::new(Double::with(envoys, mood));
        self.plane = Some(Arc::clone(&plane));
        self.running = Some(self.runtime.block_on(start_with(&config, plane)).unwrap());
    }

    pub(crate) fn stop(&mut self) {
        let running = self.running.take().unwrap();
        self.runtime.block_on(running.stop(Signal::Terminate));
    }

    /// What stands for its Envoys.
    pub(crate) fn plane(&self) -> &Double {
        self.plane.as_ref().unwrap()
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.running.as_ref().unwrap().admin)
    }

    pub(crate) fn folder(&self) -> std::path::PathBuf {
        self.data.path().join("data")
    }

    pub(crate) fn token(&self) -> String {
        fs::read_to_string(self.folder().join("operator.token")).unwrap().trim().to_owned()
    }

    /// What `meshctl.toml` says of it.
    pub(crate) fn target(&self) -> String {
        format!(
            "[targets.prod]\nserver = \"{}\"\ntoken = {{ file = \"{}\" }}\n",
            self.url(),
            self.folder().join("operator.token").display()
        )
    }

    /// A project with a mesh of this weight, and the server as its target.
    pub(crate) fn project(&self, weight: u32) -> Sandbox {
        let sandbox = Sandbox::with_mesh(&mesh(weight));
        sandbox.write("meshctl.toml", self.target());
        sandbox
    }

    /// One request, and the status and body of the answer.
    pub(crate) fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> (u16, String) {
        self.send(method, path, headers, Vec::new())
    }

    pub(crate) fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> (u16, String) {
        use std::io::{Read as _, Write as _};
        let address = self.running.as_ref().unwrap().admin;
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let mut text = format!("{method} {path} HTTP/1.0\r\n");
        if !headers.iter().any(|(name, _)| *name == "host") {
            text.push_str(&format!("host: {address}\r\n"));
        }
        for (name, value) in headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str(&format!("content-length: {}\r\n\r\n", body.len()));
        stream.write_all(text.as_bytes()).unwrap();
        // A server that refuses early may close before it has read all.
        let _ = stream.write_all(&body);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let status = answer.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or(0);
        let body = answer.split_once("\r\n\r\n").map(|(_, body)| body).unwrap_or_default();
        (status, body.to_owned())
    }

    /// Has a mesh applied whose files nobody has checked, and gives the last line of the answer.
    pub(crate) fn apply_unchecked(&self, text: &str) -> String {
        let mut files = meshctl::span::Files::default();
        let id = files.add("m.toml", text);
        let desired = meshctl::schema::read_mesh(&meshctl::schema::parse(id, text).0).mesh;
        let access = Access {
            url: self.url(),
            token: Some(TokenSource::File(self.folder().join("operator.token"))),
            ca: None,
            identity: None,
        };
        let target = live::Server::new(&access, desired.settings.name.clone()).unwrap();
        let (lineage, state) = (target.server().unwrap().lineage, target.state().unwrap());
        let plan = plan_to(&lineage, &state, &desired);
        let body = json!({ "key": "a-key-of-this-mesh", "work": { "plan": plan } });
        let path = format!("/v1/meshes/{}/applies", desired.settings.name);
        let answer = self.post(&path, &body).1;
        answer.lines().last().unwrap_or_default().to_owned()
    }

    /// A request of the operator, with a JSON body.
    pub(crate) fn post(&self, path: &str, body: &Value) -> (u16, String) {
        let bearer = format!("Bearer {}", self.token());
        self.send("POST", path, &[("authorization", &bearer)], body.to_string().into_bytes())
    }
}

pub(crate) fn json_of(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|why| panic!("{why}: {text}"))
}

#[test]
fn a_project_lives_on_a_server_as_it_does_in_a_folder() {
    let mut server = Server::with(2);
    let sandbox = server.project(1);
    let plan = sandbox.run(&["plan", "--detailed-exitcode"]).exits(2).stdout;
    assert!(plan.contains("virtual_node/web"), "{plan}");
    let ran = sandbox.run(&["apply", "--yes", "--format", "json"]).exits(0);
    let document = json_of(&ran.stdout);
    assert_eq!((&document["revision"], &document["proven"]), (&json!(1), &json!(true)));
    assert_eq!(document["proxies"]["envoys"], 6);
    sandbox.run(&["plan", "--detailed-exitcode"]).exits(0);
    sandbox.run(&["drift", "--detailed-exitcode"]).exits(0);
    sandbox.run(&["wait", "--rev", "1"]).exits(0);
    let status = json_of(&sandbox.run(&["status", "--format", "json"]).exits(0).stdout);
    crate::support::schemas::validate(&status);
    assert_eq!(status["proxies"][0]["envoys"].as_array().unwrap().len(), 2);

    sandbox.write("mesh.toml", mesh(9));
    let ran = sandbox.run(&["apply", "--yes"]).exits(0);
    assert!(ran.stdout.contains("verified on 3 of 3 proxies"), "{}", ran.stdout);
    assert!(sandbox.run(&["diff", "rev:1", "rev:2"]).exits(0).stdout.contains("weight"));
    assert!(sandbox.run(&["show", "rev:2"]).exits(0).stdout.contains("route/cart/all"));
    assert!(sandbox.run(&["get", "route/cart/all"]).exits(0).stdout.contains('9'));
    sandbox.run(&["rollback", "--yes"]).exits(0);
    let history = json_of(&sandbox.run(&["history", "--format", "json"]).exits(0).stdout);
    let revisions = history["revisions"].as_array().unwrap();
    assert_eq!(revisions.len(), 3);
    assert!(revisions[0]["by"].as_str().unwrap().starts_with("operator ("), "{history}");

    // All of it is there after a restart.
    server.stop();
    let busy = sandbox.run(&["plan"]).exits(6);
    assert!(busy.stderr.contains("does not answer"), "{}", busy.stderr);
    server.start(2);
    sandbox.write("meshctl.toml", server.target());
    sandbox.write("mesh.toml", mesh(1));
    sandbox.run(&["plan", "--detailed-exitcode"]).exits(0);
    sandbox.run(&["wait", "--rev", "3"]).exits(0);
    let audit = fs::read_to_string(server.folder().join("audit.ndjson")).unwrap();
    let verbs: Vec<Value> = audit.lines().map(json_of).collect();
    let ended = |line: &Value| ["apply", "rollback"].contains(&line["verb"].as_str().unwrap());
    let verbs: Vec<Value> = verbs.into_iter().filter(ended).collect();
    assert_eq!(verbs.len(), 3, "{audit}");
    assert_eq!((&verbs[1]["before"], &verbs[1]["after"]), (&json!(1), &json!(2)));
    assert!(!audit.contains(&server.token()), "no secret in the log");
}

#[test]
fn nobody_connected_is_not_proven_and_fewer_than_expected_is_not_converged() {
    let server = Server::with(0);
    let sandbox = server.project(1);
    let ran = sandbox.run(&["apply", "--yes"]).exits(0);
    assert!(ran.stdout.contains("not verified (no proxy is running)"), "{}", ran.stdout);
    let ran = sandbox.run(&["wait", "--timeout", "none"]).exits(7);
    assert!(ran.stderr.contains("not running"), "{}", ran.stderr);
    // Nothing could be checked, and the exit code and the document agree with that.
    let ran = sandbox.run(&["drift", "--format", "json"]).exits(1);
    let document = json_of(&ran.stdout);
    assert_eq!((&document["result"], &document["exit_code"]), (&json!("not_checked"), &json!(1)));
    assert!(ran.stderr.contains("0 of 3 proxies could be asked"), "{}", ran.stderr);
    sandbox.run(&["drift", "--detailed-exitcode"]).exits(1);

    let server = Server::with(1);
    let sandbox = server.project(1);
    sandbox.write("meshctl.toml", format!("{}expect = 4\n", server.target()));
    let ran = sandbox.run(&["apply", "--yes"]).exits(7);
    assert!(ran.stderr.contains("3 of 4 expected Envoys"), "{}", ran.stderr);
}

#[test]
fn every_route_asks_who_calls() {
    let server = Server::with(0);
    let operators = Operators::of(&server.folder());
    let reader = operator(&operators, "reader", Role::Read);
    let registrar = operator(&operators, "registrar", Role::Register);
    let gone = operator(&operators, "gone", Role::Write);
    assert!(operators.remove("gone").unwrap().there);
    let routes = meshctl::serve::routes();
    assert!(routes.len() > 10, "{routes:?}");
    let mut open = Vec::new();
    for (method, path, need) in routes {
        let path = path
            .replace("{mesh}", "m")
            .replace("{revision}", "1")
            .replace("{kind}", "virtual_node")
            .replace("{name}", "web")
            .replace("{key}", "k")
            .replace("{namespace}", "n")
            .replace("{service}", "s")
            .replace("{id}", "i");
        if need == Need::Nobody {
            let (status, body) = server.ask(&method, &path, &[]);
            assert_eq!(status, 200, "{path}: {body}");
            open.push(path);
            continue;
        }
        let bearers = ["", "Bearer", "Bearer x", "Basic eDp4", &format!("Bearer {gone}")];
        for bearer in bearers {
            let headers: &[(&str, &str)] = match bearer {
                "" => &[],
                bearer => &[("authorization", bearer)],
            };
            let (status, body) = server.ask(&method, &path, headers);
            assert_eq!(status, 401, "{method} {path} with {bearer:?}: {body}");
            assert_eq!(json_of(&body)["code"], "unauthenticated");
        }
        let bearer = format!("Bearer {reader}");
        let (status, body) = server.ask(&method, &path, &[("authorization", &bearer)]);
        let may = |own: &str| {
            let own = format!("Bearer {own}");
            server.ask(&method, &path, &[("authorization", &own)]).0 != 403
        };
        match need {
            Need::Operator(role) => {
                assert_eq!(may(&registrar), role == Role::Register, "{method} {path}");
                if role == Role::Read {
                    assert!(![401, 403].contains(&status), "{method} {path}: {status}");
                } else {
                    assert_eq!(status, 403, "{method} {path}: {body}");
                }
            }
            Need::AnyOperator => {
                assert!(may(&registrar) && status == 200, "{method} {path}: {status}");
            }
            // What is for proxies is for no operator.
            Need::JoinToken | Need::Proxy => {
                assert_eq!(status, 401, "{method} {path}: {body}");
                let own = format!("Bearer {}", server.token());
                let (status, body) = server.ask(&method, &path, &[("authorization", &own)]);
                assert_eq!(status, 401, "{method} {path}: {body}");
            }
            Need::Nobody => unreachable!("these were asked above"),
        }
        // A page of another site, or another name that leads here.
        let own = format!("Bearer {}", server.token());
        for (name, value) in [("host", "evil.example"), ("origin", "http://evil.example")] {
            let headers = [("authorization", own.as_str()), (name, value)];
            let (status, body) = server.ask(&method, &path, &headers);
            assert_eq!(status, 421, "{method} {path} {name}: {body}");
        }
    }
    assert_eq!(open, ["/healthz", "/readyz", "/metrics"]);
    // What is no route is told to nobody who is not known.
    for path in ["/", "/v2", "/v1/meshes", "/v1/meshes/m/secrets"] {
        assert_eq!(server.ask("GET", path, &[]).0, 401, "{path}");
        let bearer = format!("Bearer {reader}");
        assert_eq!(server.ask("GET", path, &[("authorization", &bearer)]).0, 404, "{path}");
    }
    // Figures name nothing.
    let sandbox = server.project(1);
    sandbox.run(&["apply", "--yes"]).exits(0);
    let figures = server.ask("GET", "/metrics", &[]).1;
    assert!(figures.contains("meshctl_meshes 1") && !figures.contains("web"), "{figures}");
}

#[test]
fn bodies_are_bounded_and_what_is_no_request_is_told() {
    let server = Server::with(0);
    let (status, body) = server.post("/v1/meshes/m/applies", &json!({ "key": "x" }));
    assert_eq!((status, json_of(&body)["code"].as_str().unwrap()), (400, "bad-request"));
    let work = |key: &str, work: Value| json!({ "key": key, "work": work });
    let key = "0123456789abcdef";
    for (key, what) in [("short", json!({ "resume": {} })), (key, json!({ "dance": {} }))] {
        let (status, body) = server.post("/v1/meshes/m/applies", &work(key, what));
        assert_eq!(status, 400, "{body}");
    }
    let (status, body) = server.post("/v1/meshes/a%20b/applies", &work(key, json!({"resume":{}})));
    assert_eq!(status, 400, "{body}");
    // What ends without a change says so in the stream.
    let (status, body) = server.post("/v1/meshes/m/applies", &work(key, json!({ "resume": {} })));
    assert!(status == 200 && body.contains("no-rollout"), "{body}");
    let (_, body) =
        server.post("/v1/meshes/m/applies", &work("a-plan-of-no-kind", json!({ "plan": {} })));
    assert!(body.contains("bad-plan"), "{body}");
    for size in [16 << 20, (16 << 20) + 1, 32 << 20] {
        let bearer = format!("Bearer {}", server.token());
        let headers = [("authorization", bearer.as_str())];
        let (status, _) = server.send("POST", "/v1/meshes/m/objects", &headers, vec![b' '; size]);
        let wanted = if size > 16 << 20 { 413 } else { 400 };
        // A body that is too large may be cut off before the answer is read.
        assert!(status == wanted || (status == 0 && size > 16 << 20), "{size}: {status}");
    }
    assert_eq!(server.ask("GET", "/healthz", &[]).0, 200);
}

#[test]
fn of_sixteen_applies_on_one_parent_exactly_one_wins() {
    let server = Server::with(0);
    let rounds = 100;
    let name = meshctl::model::MeshName::new("m").unwrap();
    let access = Access {
        url: server.url(),
        token: Some(TokenSource::File(server.folder().join("operator.token"))),
        ca: None,
        identity: None,
    };
    let target = live::Server::new(&access, name).unwrap();
    let lineage = target.server().unwrap().lineage;
    for round in 0..rounds {
        let state = target.state().unwrap();
        let asked: Vec<_> = (0..16)
            .map(|rival| {
                let plan = plan_of(&lineage, &state, 1000 * (round + 1) + rival);
                let body = json!({
                    "key": format!("of-round-{round}-rival-{rival}"),
                    "work": { "plan": plan },
                    "carry": { "lock_ms": 30_000 },
                });
                let (url, token) = (server.url(), server.token());
                server.runtime.spawn(async move { ask_async(&url, &token, &body).await })
            })
            .collect();
        let mut won = 0;
        for asked in asked {
            let last = server.runtime.block_on(asked).unwrap();
            match (last["outcome"]["end"].as_str(), last["refused"]["code"].as_str()) {
                (Some("done"), None) => won += 1,
                (None, Some("stale")) => {}
                other => panic!("{other:?}: {last}"),
            }
        }
        assert_eq!(won, 1, "round {round}");
    }
    let numbers: Vec<u64> = target.history().unwrap().iter().map(|h| h.revision).collect();
    assert_eq!(numbers, (1..=u64::from(rounds)).rev().collect::<Vec<_>>());
}

/// The plan from what a server holds to a mesh with another weight.
fn plan_of(lineage: &str, state: &live::State, weight: u32) -> plan::Plan {
    let text = mesh(weight);
    let mut files = meshctl::span::Files::default();
    let id = files.add("m.toml", text.as_str());
    let desired = meshctl::schema::read_mesh(&meshctl::schema::parse(id, &text).0).mesh;
    plan_to(lineage, state, &desired)
}

/// The plan from what a server holds to a mesh.
fn plan_to(lineage: &str, state: &live::State, desired: &meshctl::model::Mesh) -> plan::Plan {
    let (kind, id) = ("control_plane".to_owned(), lineage);
    let input = plan::Input {
        target: plan::Target { name: "t".to_owned(), kind, id: id.to_owned() },
        live: &state.live,
        unrecorded: false,
        desired,
        owner: None,
        places: None,
        settings: &Settings::new(ConfigSource::Ads),
        scope: plan::Scope::default(),
        guards: plan::Guards::default(),
        consent: plan::Consent::default(),
        drift: Vec::new(),
    };
    plan::plan(&input).0
}

/// Asks for an apply, and gives the last line of the answer.
async fn ask_async(url: &str, token: &str, body: &Value) -> Value {
    let client = reqwest_client();
    let request = client.post(format!("{url}/v1/meshes/m/applies")).bearer_auth(token).json(body);
    let text = request.send().await.unwrap().text().await.unwrap();
    json_of(text.lines().last().unwrap())
}

fn reqwest_client() -> reqwest::Client {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    reqwest::Client::builder().no_proxy().tls_backend_preconfigured(tls).build().unwrap()
}

#[test]
fn a_key_does_one_thing_once() {
    let mut server = Server::with(1);
    let sandbox = server.project(1);
    let plan = json_of(&sandbox.run(&["plan", "--format", "json"]).exits(0).stdout);
    let other = json_of(&server.project(5).run(&["plan", "--format", "json"]).exits(0).stdout);
    let body = |plan: &Value| json!({ "key": "a-key-of-this-test", "work": { "plan": plan } });
    let (_, first) = server.post("/v1/meshes/m/applies", &body(&plan));
    assert!(first.contains("\"outcome\""), "{first}");
    let (_, again) = server.post("/v1/meshes/m/applies", &body(&plan));
    assert_eq!(again, first, "the same lines, from the first");
    let (status, refused) = server.post("/v1/meshes/m/applies", &body(&other));
    assert_eq!((status, json_of(&refused)["code"].as_str().unwrap()), (409, "key-used"));
    // The server remembers it over a restart, because the store does.
    server.stop();
    server.start(1);
    let (_, after) = server.post("/v1/meshes/m/applies", &body(&plan));
    let last = json_of(after.lines().last().unwrap());
    assert_eq!(last["outcome"]["revision"], 1, "{after}");
    let (_, refused) = server.post(
        "/v1/meshes/m/applies",
        &json!({ "key": "a-key-of-this-test", "work": { "plan": other } }),
    );
    assert!(refused.contains("key-used"), "{refused}");
    sandbox.write("meshctl.toml", server.target());
    let history = json_of(&sandbox.run(&["history", "--format", "json"]).exits(0).stdout);
    assert_eq!(history["revisions"].as_array().unwrap().len(), 1);
    // And the command, whatever the files say by now.
    let changed = fs::read_to_string(sandbox.join("mesh.toml")).unwrap();
    sandbox.write("mesh.toml", mesh(7));
    let again = ["apply", "--yes", "--key", "a-key-of-this-test", "--format", "json"];
    assert_eq!(json_of(&sandbox.run(&again).exits(0).stdout)["revision"], 1);
    sandbox.write("mesh.toml", changed);
    // With the flag, too.
    let ran =
        sandbox.run(&["apply", "--resume", "--key", "a-key-of-this-test", "--format", "json"]);
    let document = json_of(&ran.exits(0).stdout);
    assert_eq!(document["revision"], 1);
}

#[test]
fn a_plan_of_another_store_or_another_making_is_refused() {
    let (here, there) = (Server::with(0), Server::with(0));
    let sandbox = here.project(1);
    sandbox.run(&["plan", "-o", "plan.json"]).exits(0);
    sandbox.write("meshctl.toml", there.target());
    let ran = sandbox.run(&["apply", "plan.json", "--yes"]).exits(4);
    assert!(ran.stderr.contains("the plan is for the target"), "{}", ran.stderr);
    // The server does not take the client's word for it.
    let plan = json_of(&fs::read_to_string(sandbox.join("plan.json")).unwrap());
    let (_, body) = there.post(
        "/v1/meshes/m/applies",
        &json!({ "key": "another-key-of-it", "work": { "plan": plan } }),
    );
    assert!(body.contains("another target"), "{body}");
    let mut changed = plan.clone();
    changed["changes"][0]["after"]["egress"] = json!("allow-all");
    let (_, body) = here.post(
        "/v1/meshes/m/applies",
        &json!({ "key": "a-third-key-of-it", "work": { "plan": changed } }),
    );
    assert!(body.contains("changed by hand"), "{body}");
    let (_, body) = here.post("/v1/meshes/m/applies", &json!({ "key": "a-fourth-key-of-it", "work": { "plan": plan }, "expect": "p2-0123456789abcdef0123456789abcdef" }));
    assert!(body.contains("\"stale\""), "{body}");
    let (_, body) = here.post(
        "/v1/meshes/x/applies",
        &json!({ "key": "a-fifth-key-of-it", "work": { "plan": plan } }),
    );
    assert!(body.contains("\"refused\""), "{body}");
    let state = here
        .ask("GET", "/v1/meshes/m/state", &[("authorization", &format!("Bearer {}", here.token()))])
        .1;
    assert_eq!(json_of(&state)["manifest"], Value::Null, "nothing was changed");
}

#[test]
fn secrets_of_operators_are_kept_as_hashes_and_files_are_private() {
    use std::os::unix::fs::PermissionsExt;
    let server = Server::with(0);
    let sandbox = server.project(1);
    sandbox.run(&["apply", "--yes"]).exits(0);
    let token = server.token();
    for entry in fs::read_dir(server.folder()).unwrap() {
        let path = entry.unwrap().path();
        let found = fs::metadata(&path).unwrap();
        assert_eq!(found.permissions().mode() & 0o777, 0o600, "{}", path.display());
        if !found.is_file() {
            continue;
        }
        let holds = fs::read(&path).unwrap().windows(token.len()).any(|w| w == token.as_bytes());
        assert_eq!(holds, path.ends_with("operator.token"), "{}", path.display());
    }
    // A token that others can read is not used.
    let open = |mode| {
        let path = server.folder().join("operator.token");
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    open(0o644);
    let ran = sandbox.run(&["plan"]).exits(1);
    assert!(ran.stderr.contains("can be read by others"), "{}", ran.stderr);
    open(0o600);
    // A wrong one is refused, and says so.
    sandbox.write("wrong", "meshctl_0123");
    fs::set_permissions(sandbox.join("wrong"), fs::Permissions::from_mode(0o600)).unwrap();
    let target =
        format!("[targets.prod]\nserver = \"{}\"\ntoken = {{ file = \"wrong\" }}\n", server.url());
    sandbox.write("meshctl.toml", target);
    let ran = sandbox.run(&["plan"]).exits(4);
    assert!(ran.stderr.contains("the token is not known"), "{}", ran.stderr);
}

#[test]
fn a_mesh_moves_from_a_folder_to_a_server() {
    let server = Server::with(1);
    let sandbox = server.project(3);
    let folder = "[targets.local]\ndirectory = \"live\"\nsettle = \"0s\"\n";
    sandbox
        .write("meshctl.toml", format!("default_target = \"local\"\n{folder}{}", server.target()));
    sandbox.run(&["apply", "--yes"]).exits(0);
    sandbox.run(&["apply", "--yes", "--target", "prod"]).exits(0);
    sandbox.run(&["plan", "--detailed-exitcode", "--target", "prod"]).exits(0);
    sandbox.run(&["plan", "--detailed-exitcode"]).exits(0);
    let of = |target: &str| sandbox.run(&["get", "--format", "json", "--target", target]).exits(0);
    let (here, there) = (json_of(&of("local").stdout), json_of(&of("prod").stdout));
    assert_eq!(here["resources"], there["resources"]);
}

#[test]
fn several_meshes_live_side_by_side() {
    let mut server = Server::with(1);
    let one = server.project(1);
    let two = server.project(2);
    two.write("mesh.toml", mesh(2).replace("name = \"m\"", "name = \"other\""));
    one.run(&["apply", "--yes"]).exits(0);
    two.run(&["apply", "--yes"]).exits(0);
    for project in [&one, &two] {
        project.run(&["plan", "--detailed-exitcode"]).exits(0);
        let history = json_of(&project.run(&["history", "--format", "json"]).exits(0).stdout);
        assert_eq!(history["revisions"].as_array().unwrap().len(), 1);
    }
    // One changes, and the server comes back: each is as it was.
    one.write("mesh.toml", mesh(3));
    one.run(&["apply", "--yes"]).exits(0);
    server.stop();
    server.start(1);
    for (project, revision) in [(&one, 2), (&two, 1)] {
        project.write("meshctl.toml", server.target());
        project.run(&["plan", "--detailed-exitcode"]).exits(0);
        let status = json_of(&project.run(&["status", "--format", "json"]).exits(0).stdout);
        assert_eq!(status["revision"], revision, "{status}");
    }
}

#[test]
fn a_raised_limit_of_expressions_holds_at_the_server_too() {
    let server = Server::with(1);
    let sandbox = server.project(1);
    let case = crate::support::root().join("tests/cases/check/MC1202-regex-too-large/mesh.toml");
    sandbox.write("mesh.toml", fs::read_to_string(case).unwrap());
    sandbox.run(&["apply", "--yes"]).exits(3);
    let raised = format!("{}\n[envoy]\nregex_max_program_size = 5000\n", server.target());
    sandbox.write("meshctl.toml", raised);
    sandbox.run(&["apply", "--yes"]).exits(0);
    sandbox.run(&["plan", "--detailed-exitcode"]).exits(0);
}

#[test]
fn a_store_is_backed_up_while_it_is_served() {
    let server = Server::with(1);
    let sandbox = server.project(1);
    sandbox.run(&["apply", "--yes"]).exits(0);
    let bearer = format!("Bearer {}", server.token());
    let client = reqwest_client();
    let url = format!("{}/v1/backup", server.url());
    let bytes = server.runtime.block_on(async {
        let request = client.get(url).header("authorization", bearer);
        request.send().await.unwrap().bytes().await.unwrap()
    });
    sandbox.write("backup", &bytes);
    sandbox.run(&["store", "restore", "backup", "--data", "again"]).exits(0);
    let checked =
        json_of(&sandbox.run(&["store", "check", "--data", "again", "--format", "json"]).stdout);
    assert_eq!(checked["meshes"][0]["revision"], 1);
    let left = |path: &Path| fs::read_dir(path).unwrap().count();
    assert_eq!(left(&server.folder()), 5, "the copy is gone");
}

#[test]
fn the_openapi_document_has_the_routes_of_the_router() {
    let text = fs::read_to_string(crate::support::root().join("schemas/admin-api.openapi.json"));
    let document = json_of(&text.unwrap());
    let mut described = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let role = operation["x-role"].as_str().unwrap().to_owned();
            described.push((method.to_uppercase(), path.clone(), role));
        }
    }
    let mut served: Vec<(String, String, String)> = meshctl::serve::routes()
        .into_iter()
        .map(|(method, path, need)| (method, path, need.as_str().to_owned()))
        .collect();
    served.sort();
    described.sort();
    assert_eq!(served, described);
}

#[test]
fn a_server_that_is_killed_during_an_apply_has_one_revision_whole() {
    use crate::live_serve_apply::Serve;
    use std::process::Stdio;
    let sandbox = Sandbox::with_mesh(&mesh(1));
    let target = |server: &Serve| {
        format!(
            "[targets.prod]\nserver = \"http://{}\"\ntoken = {{ file = \"data/operator.token\" }}\n",
            server.admin
        )
    };
    let mut known = 0;
    for round in 0..10_u64 {
        let server = Serve::start(&sandbox, "127.0.0.1:0", "127.0.0.1:0");
        sandbox.write("meshctl.toml", target(&server));
        sandbox.write("mesh.toml", mesh(u32::try_from(round).unwrap() + 2));
        let mut command = sandbox.command(&["apply", "--yes"]);
        let mut client = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // Each round a little later: before, in and after the commit.
        std::thread::sleep(Duration::from_millis(40 * round));
        drop(server);
        let _ = client.kill();
        let _ = client.wait();
        // What is there is whole, and at most the one that was under way is new.
        let checked =
            sandbox.run(&["store", "check", "--data", "data", "--format", "json"]).exits(0);
        let checked = json_of(&checked.stdout);
        let newest = checked["meshes"][0]["revision"].as_u64().unwrap_or(0);
        assert!(newest == known || newest == known + 1, "round {round}: {known} -> {newest}");
        // The next run finishes it.
        let server = Serve::start(&sandbox, "127.0.0.1:0", "127.0.0.1:0");
        sandbox.write("meshctl.toml", target(&server));
        sandbox.run(&["apply", "--yes", "--accept", "MC0908@route/cart/all"]).exits(0);
        sandbox.run(&["plan", "--detailed-exitcode"]).exits(0);
        let status = json_of(&sandbox.run(&["status", "--format", "json"]).exits(0).stdout);
        assert_eq!(status["rollout"], Value::Null);
        known = status["revision"].as_u64().unwrap();
        assert_eq!(known, round + 1);
    }
}
