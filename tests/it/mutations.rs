//! Broken meshes, made from the examples: each is found by what a user would expect to find it.
//!
//! `../shared/cases/mutations` has patches; the head of each says which of the detectors should
//! find it. The table below says what exactly is found.

use crate::support::sandbox::Sandbox;
use crate::support::tier::{Tier, has};
use crate::support::{root, shared};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// What finds a mutation.
#[derive(Clone, Copy, Debug)]
enum By {
    /// `check` reports a finding of this code that the example does not have.
    Check(&'static str),
    /// The plan's TRAFFIC has a line with this text.
    Traffic(&'static str),
    /// A guard refuses the plan by this code.
    Guard(&'static str),
    /// The example's own tests fail.
    Tests,
}

impl By {
    /// The letter in the head of a patch.
    fn letter(self) -> char {
        match self {
            Self::Check(_) => 'c',
            Self::Traffic(_) => 't',
            Self::Guard(_) => 'g',
            Self::Tests => 'e',
        }
    }
}

use By::{Check, Guard, Tests, Traffic};

/// What each patch leads to. All of it must be found, and one of its letters be in the patch's head.
const FOUND: [(&str, &[By]); 47] = [
    ("01-delete-target", &[Traffic("cart-v2    5% ->   0%")]),
    ("03-flip-node-protocol-tcp", &[Check("MC0505")]),
    ("05-flip-router-protocol-grpc", &[Check("MC0505")]),
    ("07-shadow-by-priority", &[Check("MC0220")]),
    ("09-swap-cert-files", &[Check("MC0613")]),
    ("11-wrong-sni-discovery", &[Check("MC0616")]),
    ("13-client-without-cert", &[Check("MC0602")]),
    ("15-tls-permissive", &[Check("MC0605"), Traffic("tls.mode  strict -> permissive")]),
    (
        "17-client-not-enforce",
        &[Check("MC0626"), Traffic("client_policy.tls.enforce  true -> false")],
    ),
    ("19-port-clash-gateway", &[Check("MC0012")]),
    ("21-gateway-port-moves", &[Traffic("lost"), Traffic("8080"), Guard("MC0906")]),
    ("23-router-port-moves", &[Traffic("lost"), Guard("MC0906")]),
    ("25-header-typo", &[Traffic("x-canray=true"), Tests]),
    ("27-header-name-space", &[Check("MC0207")]),
    ("29-regex-lookahead", &[Check("MC1201")]),
    ("31-regex-too-large", &[Check("MC1202")]),
    ("33-regex-narrower", &[Traffic("lost"), Guard("MC0906")]),
    ("35-timeout-route-above-listener", &[Check("MC0401")]),
    ("37-retries-on-post", &[Check("MC0422")]),
    ("39-retry-event-http-on-grpc-none", &[Check("MC0433")]),
    ("41-duplicate-host", &[Check("MC0221")]),
    ("43-self-backend", &[Check("MC0114")]),
    ("45-rewrite-prefix-lost", &[Traffic("lost"), Guard("MC0906"), Tests]),
    (
        "47-missing-backend",
        &[Traffic("lost"), Traffic("by virtual_node/checkout"), Guard("MC0906")],
    ),
    ("49-all-weights-zero", &[Check("MC0301")]),
    ("51-weights-swapped", &[Traffic("95% ->   5%"), Tests]),
    ("53-hostname-suffix-no-dot", &[Check("MC0210")]),
    ("55-prefix-takes-siblings", &[Traffic("lost")]),
    (
        "57-method-changed",
        &[Traffic("POST http://shop.example:8080/checkout   lost"), Guard("MC0906"), Tests],
    ),
    ("59-query-empty-exact", &[Traffic("lost"), Guard("MC0906")]),
    ("61-grpc-service-slash", &[Check("MC0208")]),
    ("63-egress-allow-all", &[Traffic("are rejected -> leave the mesh"), Tests]),
    ("65-healthcheck-bad-path", &[Check("MC0411")]),
    ("67-healthcheck-timeout", &[Check("MC0410")]),
    ("69-discovery-typo", &[Check("MC0708")]),
    ("71-node-renamed", &[Check("MC0101")]),
    ("73-service-repointed", &[Traffic("lost"), Tests]),
    ("75-match-on-removed-header", &[Check("MC0232")]),
    ("77-exact-route-dotdot", &[Check("MC0203")]),
    ("79-exact-route-escaped", &[Check("MC0203")]),
    ("81-tcp-second-route", &[Check("MC0508")]),
    ("83-tcp-idle-cut", &[Check("MC0430")]),
    ("85-pool-zero", &[Check("MC0518")]),
    ("87-route-deleted", &[Traffic("lost"), Guard("MC0906"), Tests]),
    ("89-file-deleted", &[Check("MC0101")]),
    ("91-app-port-wrong", &[Traffic("-> 127.0.0.1:9999")]),
    ("93-route-timeout-1ms", &[Check("MC0406"), Traffic("timeout.request")]),
];

/// The heads of patches that no detector named there can find, and why.
const OTHERWISE: [(&str, &str); 1] =
    [("59-query-empty-exact", "a regex on a query parameter is legal since Envoy has it")];

/// Changes a text by the hunks of a unified diff. A hunk may have moved, as `patch` allows too.
fn apply(text: &str, hunks: &[&str], what: &str) -> String {
    let old: Vec<&str> = text.split_inclusive('\n').collect();
    let (mut new, mut at) = (String::new(), 0);
    for (number, line) in hunks.iter().enumerate() {
        if line.starts_with("@@ -") {
            let lines = hunks[number + 1..].iter().take_while(|line| !line.starts_with("@@ -"));
            let before: Vec<&str> = lines
                .filter(|line| !line.starts_with('+'))
                .map(|line| line[1..].trim_end())
                .collect();
            let fits = |start: &usize| {
                let found = old[*start..].iter().take(before.len()).map(|line| line.trim_end());
                found.eq(before.iter().copied())
            };
            let start = (at..=old.len()).find(fits).unwrap_or(at);
            new.extend(old[at..start].iter().copied());
            at = start;
            continue;
        }
        let (sign, rest) = line.split_at(1);
        if sign != "+" {
            assert_eq!(old[at].trim_end(), rest.trim_end(), "{what} does not fit");
            at += 1;
        }
        match sign {
            " " => new.push_str(old[at - 1]),
            "+" => new.push_str(rest),
            "-" => {}
            _ => panic!("{what}: {line}"),
        }
    }
    new.extend(old[at..].iter().copied());
    new
}

/// Applies a patch to a folder.
fn patch(folder: &Path, text: &str) {
    let mut files: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut file = "";
    for line in text.split_inclusive('\n') {
        if let Some(name) = line.strip_prefix("--- a/") {
            file = name.trim_end();
        } else if !line.starts_with("+++ ") && !file.is_empty() {
            files.entry(file).or_default().push(line);
        }
    }
    assert!(!files.is_empty(), "the patch changes nothing");
    for (name, hunks) in files {
        let path = folder.join(name);
        let new = apply(&fs::read_to_string(&path).unwrap(), &hunks, name);
        match new.is_empty() {
            true => fs::remove_file(path).unwrap(),
            false => fs::write(path, new).unwrap(),
        }
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        match path.is_dir() {
            true => copy(&path, &target),
            false => drop(fs::copy(&path, &target).unwrap()),
        }
    }
}

/// Gives a project the target that is planned against, unless it has one.
fn aim(folder: &Path) {
    let path = folder.join("meshctl.toml");
    let mut text = fs::read_to_string(&path).unwrap();
    if !text.contains("[targets.local]") {
        text.push_str("\n[targets.local]\ndirectory = \"live\"\n");
        fs::write(path, text).unwrap();
    }
}

/// The findings of a check: code, resource, message.
fn findings(sandbox: &Sandbox) -> BTreeSet<(String, String, String)> {
    let ran = sandbox.run(&["check", "-C", "project", "--format", "json", "--exit-zero"]).exits(0);
    let document: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let text = |item: &serde_json::Value, key: &str| item[key].as_str().unwrap_or("").to_owned();
    let items = document["diagnostics"].as_array().unwrap().iter();
    items.map(|item| (text(item, "code"), text(item, "address"), text(item, "message"))).collect()
}

/// Certificates as the example makes them; false where there is no openssl.
fn certificates(folder: &Path) -> bool {
    let script = folder.join("certificates.sh");
    if !script.exists() {
        return true;
    }
    if !has(Tier::Debian(&["openssl"])) {
        return false;
    }
    let mut command = Command::new("sh");
    command.arg(script).current_dir(folder).stdout(Stdio::null()).stderr(Stdio::null());
    assert!(command.status().unwrap().success(), "certificates.sh");
    true
}

/// An example that is applied, certificates included, and what `check` says of it.
struct Base {
    sandbox: Sandbox,
    found: BTreeSet<(String, String, String)>,
}

impl Base {
    fn new(example: &str) -> Option<Self> {
        let sandbox = Sandbox::new();
        let from = root().join("examples").join(example);
        let base = sandbox.join("base");
        copy(&from, &base);
        if !certificates(&base) {
            return None;
        }
        copy(&base, &sandbox.join("project"));
        aim(&sandbox.join("project"));
        let found = findings(&sandbox);
        let apply = ["apply", "-C", "project", "--target", "local", "--yes"];
        sandbox.run(&apply).exits(0);
        Some(Self { sandbox, found })
    }

    /// What is not found of what should be.
    fn lacks(&self, change: impl FnOnce(&Path), wanted: &[By]) -> Vec<String> {
        let project = self.sandbox.join("project");
        for entry in fs::read_dir(&project).unwrap().map(Result::unwrap) {
            match entry.file_type().unwrap().is_dir() {
                true if entry.file_name() == "live" => {}
                true => fs::remove_dir_all(entry.path()).unwrap(),
                false => fs::remove_file(entry.path()).unwrap(),
            }
        }
        copy(&self.sandbox.join("base"), &project);
        change(&project);
        aim(&project);
        let new: BTreeSet<String> = findings(&self.sandbox)
            .difference(&self.found)
            .map(|(code, ..)| code.clone())
            .collect();
        let plan = self.sandbox.run(&["plan", "-C", "project", "--target", "local"]);
        let from = plan.stdout.find("\nTRAFFIC").unwrap_or(plan.stdout.len());
        let traffic = plan.stdout[from..].split("\nCHANGES").next().unwrap_or_default();
        let mut lacks = Vec::new();
        for by in wanted {
            let there = match by {
                Check(code) => new.contains(*code),
                Traffic(text) => traffic.contains(text),
                Guard(code) => plan.code == 4 && plan.stderr.contains(code),
                Tests => {
                    let ran = self.sandbox.run(&["test", "-C", "project"]);
                    ran.code == 3 && ran.stdout.contains("FAIL")
                }
            };
            if !there {
                lacks.push(format!(
                    "{by:?}; check: {new:?}; plan {}:\n{traffic}{}",
                    plan.code, plan.stderr
                ));
            }
        }
        lacks
    }
}

#[test]
fn each_mutation_is_found_by_what_should_find_it() {
    let Some(folder) = shared("cases/mutations") else { return };
    let mut patches = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|e| e == "patch") {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            patches.insert(name, fs::read_to_string(path).unwrap());
        }
    }
    let table: BTreeMap<&str, &[By]> = FOUND.into_iter().collect();
    let names: Vec<&str> = patches.keys().map(String::as_str).collect();
    assert_eq!(names, table.keys().copied().collect::<Vec<_>>());
    let head = |text: &str, key: &str| {
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(&format!("# {key}: ")).map(str::to_owned));
        line.unwrap_or_else(|| panic!("a patch says `{key}`"))
    };
    let mut by_example: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (name, text) in &patches {
        by_example.entry(head(text, "example")).or_default().push(name);
    }
    let mut wrong = Vec::new();
    for (example, names) in by_example {
        let Some(base) = Base::new(&example) else { continue };
        for name in names {
            let (text, wanted) = (&patches[name], table[name]);
            let letters = head(text, "expected by");
            let named = wanted.iter().any(|by| letters.contains(by.letter()));
            if !named && !OTHERWISE.iter().any(|(other, _)| *other == name) {
                wrong.push(format!("{name}: none of `{letters}` is asked for"));
            }
            let lacks = base.lacks(|project| patch(project, text), wanted);
            wrong.extend(lacks.into_iter().map(|lack| format!("{name}: {lack}")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
