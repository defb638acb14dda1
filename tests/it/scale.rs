//! The work of a plan follows from the change, not from the size of the mesh. Counted, not timed:
//! `benches/scale.rs` tells the seconds.

use meshctl::compile::Index;
use meshctl::load::{self, Loaded, Options};
use meshctl::plan::{Consent, Guards, Input, Places, Plan, Scope, Target, plan};
use meshctl::revision::{Entry, Live, ObjectId, split};
use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::Path;

/// Services of which a gateway leads to ten, and each of whose nodes calls the next and the
/// seventh after it; ten a file. The first one's second route has `weight`.
fn write(dir: &Path, services: usize, weight: u32) {
    fs::write(dir.join("meshctl.toml"), "").unwrap();
    let mut text = String::from(
        "[mesh]\nname = \"m\"\n\n[virtual_gateway.edge]\n\
         listeners = [{ port = 80, protocol = \"http\" }]\n",
    );
    for at in 0..10 {
        let _ = write!(
            text,
            "\n[[virtual_gateway.edge.routes]]\nname = \"r{at}\"\n\
             match = {{ prefix = \"/{at}/\" }}\nservice = \"s{at}.m\"\n"
        );
    }
    fs::write(dir.join("mesh.toml"), text).unwrap();
    for file in 0..services / 10 {
        let mut text = String::new();
        for at in file * 10..file * 10 + 10 {
            let weight = if at == 0 { weight } else { 90 };
            let (next, far) = ((at + 1) % services, (at + 7) % services);
            let _ = write!(
                text,
                r#"
[virtual_service."s{at}.m"]
router = "s{at}"

[virtual_router.s{at}]
listeners = [{{ port = 8080, protocol = "http" }}]

[[virtual_router.s{at}.routes]]
name = "beta"
match = {{ prefix = "/beta/" }}
targets = {{ s{at} = 1 }}

[[virtual_router.s{at}.routes]]
name = "all"
match = {{ prefix = "/" }}
targets = {{ s{at} = {weight}, s{next} = 10 }}

[virtual_node.s{at}]
listeners = [{{ port = 8080, protocol = "http" }}]
discovery = {{ dns = "s{at}.internal" }}
backends = ["s{next}.m", "s{far}.m"]
"#
            );
        }
        fs::write(dir.join(format!("part{file:03}.toml")), text).unwrap();
    }
}

fn loaded(dir: &Path) -> Loaded {
    let now = 1_767_225_600; // 2026-01-01
    let options = Options { dir: dir.to_path_buf(), env: None, extra: None, now };
    let loaded = load::load(&options).unwrap();
    assert!(!loaded.diagnostics.has_errors(), "{:?}", loaded.diagnostics.iter().next());
    loaded
}

fn live(loaded: &Loaded) -> Live {
    let entries = split(&loaded.mesh)
        .into_iter()
        .map(|(address, value)| {
            let object = ObjectId::of(&value);
            (address, Entry { object, owner: None, protected: false })
        })
        .collect();
    Live { revision: Some(1), mesh: loaded.mesh.clone(), entries }
}

fn planned(live: &Live, desired: &Loaded) -> Plan {
    let settings = desired.project.settings("/root");
    let (plan, _) = plan(&Input {
        target: Target { name: "t".into(), kind: "directory".into(), id: "x".into() },
        live,
        unrecorded: false,
        desired: &desired.mesh,
        owner: None,
        places: Some(Places { origins: &desired.origins, files: &desired.files, overlay: None }),
        settings: &settings,
        scope: Scope::default(),
        guards: Guards::default(),
        consent: Consent::default(),
        drift: Vec::new(),
    });
    plan
}

/// Everything that a plan has looked at or changes, in numbers.
#[derive(Debug, PartialEq, Eq)]
struct Work {
    changes: usize,
    edits: usize,
    reads: usize,
    /// The proxies that are compiled.
    compiled: usize,
    steps: usize,
    /// The Envoy resources that change, over all steps and proxies.
    resources: usize,
}

fn work(plan: &Plan, live: &Live, desired: &Loaded) -> Work {
    let indexes = [Index::new(&live.mesh), Index::new(&desired.mesh)];
    let compiled: BTreeSet<_> = indexes
        .iter()
        .flat_map(|index| plan.changes.iter().flat_map(|change| index.reach(&change.address)))
        .collect();
    assert!(plan.proxies().into_iter().all(|proxy| compiled.contains(proxy)));
    Work {
        changes: plan.changes.len(),
        edits: plan.changes.iter().map(|change| change.edits.len()).sum(),
        reads: plan.reads.len(),
        compiled: compiled.len(),
        steps: plan.steps.len(),
        resources: plan.steps.iter().flat_map(|s| s.proxies.values()).map(Vec::len).sum(),
    }
}

fn change_of_one_route(services: usize) -> (Work, Vec<String>) {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), services, 90);
    let live = live(&loaded(dir.path()));
    write(dir.path(), services, 80);
    let desired = loaded(dir.path());
    let plan = planned(&live, &desired);
    let proxies = plan.proxies().into_iter().map(ToString::to_string).collect();
    (work(&plan, &live, &desired), proxies)
}

#[test]
fn a_change_of_one_route_costs_the_same_in_a_mesh_of_any_size() {
    let (small, proxies) = change_of_one_route(50);
    let (large, _) = change_of_one_route(300);
    assert_eq!(small, large);
    // The two callers of the service, and the gateway.
    assert_eq!(proxies, ["virtual_node/s43", "virtual_node/s49", "virtual_gateway/edge"]);
    let expected = Work { changes: 1, edits: 1, reads: 4, compiled: 3, steps: 1, resources: 3 };
    assert_eq!(small, expected);
}

#[test]
fn nothing_is_compiled_when_nothing_has_changed() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), 50, 90);
    let desired = loaded(dir.path());
    let live = live(&desired);
    let plan = planned(&live, &desired);
    let nothing = Work { changes: 0, edits: 0, reads: 0, compiled: 0, steps: 0, resources: 0 };
    assert_eq!(work(&plan, &live, &desired), nothing);
}

#[test]
fn a_first_plan_is_the_same_on_every_run() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), 50, 90);
    let desired = loaded(dir.path());
    let plan = planned(&Live::default(), &desired);
    assert_eq!(plan, planned(&Live::default(), &loaded(dir.path())));
    assert_eq!(plan.proxies().len(), 51);
}
