//! A mesh that goes the whole way of a user: written as TOML, checked, planned, applied to a
//! directory, and held against `meshctl test` and `meshctl trace`.

use super::compare::Tally;
use super::random_routes::source;
use super::random_special::Sent;
use super::raw_http::{Answer, VAGUE};
use super::sandbox::Sandbox;
use meshctl::load::{self, Loaded, Options};
use meshctl::model::{GatewayRoute, Mesh};
use meshctl::schema::write_mesh;
use meshctl::traffic::Request;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::PathBuf;

/// How many requests are given to `meshctl trace`, each in a process of its own.
const TRACED: usize = 3;

/// The files of a mesh, and the directory that it was applied to.
pub(crate) struct Project(Sandbox);

fn loaded(sandbox: &Sandbox, mesh: &Mesh) -> Loaded {
    sandbox.write("mesh.toml", write_mesh(mesh));
    let now = 1_767_225_600; // 2026-01-01
    let options = Options { dir: sandbox.path().to_path_buf(), env: None, extra: None, now };
    load::load(&options).unwrap()
}

impl Project {
    /// Writes a mesh, without the routes that `check` rejects: those are taken out of the mesh, too,
    /// and counted. What is then read is the mesh again.
    pub(crate) fn new(mesh: &mut Mesh, tally: &mut Tally) -> Self {
        let sandbox = Sandbox::new();
        let settings = "[targets.local]\ndirectory = \"live\"\nsettle = \"0s\"\n";
        sandbox.write("meshctl.toml", settings);
        let read = loop {
            let loaded = loaded(&sandbox, mesh);
            let mut bad = BTreeSet::new();
            for finding in loaded.diagnostics.iter() {
                if finding.severity == meshctl::diag::Severity::Error {
                    let at = finding.address.clone();
                    let at = at.unwrap_or_else(|| panic!("{finding:#?}"));
                    tally.count(format!("routes that check rejects: {}", finding.code.id));
                    bad.insert(at);
                }
            }
            if bad.is_empty() {
                break loaded.mesh;
            }
            let before = mesh.addresses().len();
            for (name, router) in &mut mesh.routers {
                router.routes.retain(|r| !bad.contains(&format!("route/{name}/{}", r.name)));
            }
            for (name, gateway) in &mut mesh.gateways {
                let keep = |route: &GatewayRoute| {
                    !bad.contains(&format!("gateway_route/{name}/{}", route.name))
                };
                gateway.routes.retain(keep);
            }
            assert!(mesh.addresses().len() < before, "{bad:?}: {:#?}", loaded.diagnostics);
        };
        // What is read back is what runs (in its order; `properties` compares the meaning).
        *mesh = read;
        let project = Self(sandbox);
        project.0.run(&["check"]).exits(0);
        project.0.run(&["plan", "--output", "first.plan"]).exits(0);
        project.0.run(&["apply", "--yes", "first.plan"]).exits(0);
        project.0.run(&["plan", "--detailed-exitcode"]).exits(0);
        tally.count("meshes through files, check, plan and apply");
        project
    }

    /// The directory that it was applied to.
    pub(crate) fn root(&self) -> PathBuf {
        self.0.join("live")
    }

    /// Holds what Envoy did with requests against what the command line says of them.
    pub(crate) fn holds(
        &self,
        place: &str,
        agreed: &[(Sent, Answer)],
        first: u16,
        tally: &mut Tally,
    ) {
        let mut cases = String::new();
        let mut traced = 0;
        for (number, (sent, answer)) in agreed.iter().enumerate() {
            let Some(url) = url(&sent.request) else {
                tally.count("not for the command line: no URL says it");
                continue;
            };
            if sent.codec != Sent::plain(sent.request.clone(), first).codec {
                tally.count("not for the command line: sent by the other codec");
                continue;
            }
            let from = source(&sent.request, first).to_string();
            let Some(expect) = expected(answer) else {
                tally.count("not for the command line: no status says it");
                continue;
            };
            tally.count("held by meshctl test");
            cases.push_str(&case(number, &from, sent, &url, &expect));
            if traced < TRACED && sent.kinds.is_empty() != (traced % 2 == 1) {
                traced += 1;
                tally.count("by meshctl trace");
                if let Err(why) = self.trace(&from, sent, &url, answer) {
                    tally.disagree(format!("{place}: meshctl trace: {why}\n  {sent:?}"));
                }
            }
        }
        self.0.write("tests/chance.toml", cases);
        let ran = self.0.run(&["test", "--format", "json"]);
        if ran.code != 0 {
            let said: Value = serde_json::from_str(&ran.stdout).unwrap_or_default();
            let failed = said["tests"].as_array().cloned().unwrap_or_default();
            let failed = failed.iter().filter(|test| test["outcome"] != "passed").take(5);
            let failed: Vec<String> = failed.map(ToString::to_string).collect();
            let summary = &said["summary"];
            tally
                .disagree(format!("{place}: meshctl test: {summary}\n{failed:#?}\n{}", ran.stderr));
        }
    }

    fn trace(&self, from: &str, sent: &Sent, url: &str, answer: &Answer) -> Result<(), String> {
        let request = &sent.request;
        let mut args = vec!["trace".to_owned(), request.method.clone(), url.to_owned()];
        args.extend(["--from".to_owned(), from.to_owned(), "--format".into(), "json".into()]);
        args.extend(["-H".to_owned(), format!("Host: {}", request.authority)]);
        for (name, value) in &request.headers {
            let value = String::from_utf8_lossy(value.as_bytes());
            args.extend(["-H".to_owned(), format!("{name}: {value}")]);
        }
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let ran = self.0.run(&args);
        let said: Value = serde_json::from_str(&ran.stdout).map_err(|e| format!("{e}: {ran:?}"))?;
        let hops = said["hops"].as_array().cloned().unwrap_or_default();
        let trail: Vec<String> = hops
            .iter()
            .filter_map(|hop| Some(hop["taken"]["address"].as_str()?.to_owned()))
            .collect();
        match trail == answer.trail && ran.code == 0 {
            true => Ok(()),
            false => Err(format!("{trail:?} instead of {answer:?}, exit {}", ran.code)),
        }
    }
}

/// The URL of a request with a `Host` of its own, if one says it.
fn url(request: &Request) -> Option<String> {
    let url = format!("http://x:{}{}", request.port, request.path);
    let mut read = Request::new(&request.method, &url).ok()?;
    if read.path != request.path {
        return None;
    }
    read.header(&format!("Host: {}", request.authority)).ok()?;
    for (name, value) in &request.headers {
        let value = std::str::from_utf8(value.as_bytes()).ok()?;
        read.header(&format!("{name}: {value}")).ok()?;
    }
    (read.authority == request.authority && read.headers == request.headers).then_some(url)
}

/// An answer as an expectation.
fn expected(answer: &Answer) -> Option<Value> {
    match (&answer.saw, answer.status) {
        (Some((_, host, path)), _) => {
            Some(json!({ "route": answer.trail.last()?, "host": host, "path": path }))
        }
        (None, 0) => Some(json!({ "refused": true })),
        (None, VAGUE) => None,
        (None, status) => Some(json!({ "status": status })),
    }
}

/// A string of TOML.
fn string(text: &str) -> String {
    Value::from(text).to_string().replace('\u{7f}', "\\u007f")
}

fn table(value: &Value) -> String {
    let Some(object) = value.as_object() else { return value.to_string() };
    let pairs = object.iter().map(|(key, value)| match value {
        Value::String(text) => format!("{key} = {}", string(text)),
        other => format!("{key} = {other}"),
    });
    format!("{{ {} }}", pairs.collect::<Vec<_>>().join(", "))
}

fn case(number: usize, from: &str, sent: &Sent, url: &str, expect: &Value) -> String {
    let request = &sent.request;
    let mut names: Vec<&str> = vec!["host"];
    let mut headers = vec![format!("host = {}", string(&request.authority))];
    for (name, _) in &request.headers {
        if !names.contains(&name.as_str()) {
            names.push(name);
            let own = request.headers.iter().filter(|(own, _)| own == name);
            let values: Vec<String> =
                own.map(|(_, value)| string(&String::from_utf8_lossy(value.as_bytes()))).collect();
            headers.push(format!("{} = [{}]", string(name), values.join(", ")));
        }
    }
    format!(
        "[[test]]\nname = \"{number}\"\nfrom = \"{from}\"\nrequest = {}\nheaders = {{ {} }}\n\
         expect = {}\n\n",
        string(&format!("{} {url}", request.method)),
        headers.join(", "),
        table(expect)
    )
}
