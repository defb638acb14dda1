//! A mesh of 10,000 services over 1,000 files: wall time and peak memory of check, render and plan.
//!
//! `cargo bench --bench scale [-- SERVICES FILES]`. Each line is a process of its own, so that its
//! peak memory is its own too. Machines differ: compare lines of one run.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark stops at the first surprise, and prints its table"
)]

mod generate;

use meshctl::compile::{compile, proxies};
use meshctl::envoy::{Settings, files};
use meshctl::load::{Loaded, Options, load};
use meshctl::model::Mesh;
use meshctl::parallel;
use meshctl::plan::{Consent, Guards, Input, Places, Plan, Scope, Target, plan};
use meshctl::revision::{Entry, Live, ObjectId, split};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// As in the binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    if let [one, dir, rest @ ..] = args.as_slice()
        && one.starts_with("do-")
    {
        measure(one, Path::new(dir), rest);
        return;
    }
    let number = |at: usize, default: usize| {
        args.get(at).and_then(|arg| arg.parse().ok()).unwrap_or(default)
    };
    let (services, count) = (number(0, 10_000), number(1, 1_000));
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("scale-{services}"));
    generate::project(&dir, services, count);
    println!("{services} services over {count} files");
    println!("{:<28} {:>9} {:>9} {:>9}  work", "", "seconds", "core s", "peak MB");
    for what in
        ["do-check", "do-compile", "do-render", "do-plan-cold", "do-plan-same", "do-plan-one"]
    {
        let own = std::env::current_exe().unwrap();
        let status = Command::new(own)
            .args([what, dir.to_str().unwrap(), &services.to_string(), &count.to_string()])
            .status()
            .unwrap();
        assert!(status.success());
    }
}

fn project(dir: &Path) -> Loaded {
    let now = 1_767_225_600; // 2026-01-01
    let options = Options { dir: dir.to_path_buf(), env: None, extra: None, now };
    let loaded = load(&options).unwrap();
    assert!(!loaded.diagnostics.has_errors(), "{:?}", loaded.diagnostics.iter().next());
    loaded
}

fn measure(what: &str, dir: &Path, rest: &[String]) {
    let start = Clock::start();
    let loaded = project(dir);
    let settings = Settings::path("/etc/meshctl");
    match what {
        "do-check" => {
            let (files, findings) = (loaded.sources.len(), loaded.diagnostics.len());
            start.report(what, &format!("{files} files, {findings} findings"));
        }
        "do-compile" => {
            let all = proxies(&loaded.mesh);
            let resources: usize = all
                .iter()
                .map(|proxy| compile(&loaded.mesh, &settings, proxy).resources.len())
                .sum();
            start.report(what, &format!("{} proxies, {resources} resources", all.len()));
        }
        "do-render" => {
            let all = proxies(&loaded.mesh);
            let sizes = parallel::map(&all, |proxy| {
                let texts = files(&compile(&loaded.mesh, &settings, proxy));
                texts.values().map(String::len).sum::<usize>()
            });
            let bytes: usize = sizes.iter().sum();
            start.report(what, &format!("{} proxies, {} MB", all.len(), bytes >> 20));
        }
        "do-plan-cold" => {
            let plan = planned(&loaded, &Live::default(), &settings);
            start.report(what, &work(&plan));
        }
        // The clock starts when the live state is known: reading it is the target's work.
        "do-plan-same" => {
            let live = live(loaded.mesh);
            let start = Clock::start();
            let loaded = project(dir);
            let plan = planned(&loaded, &live, &settings);
            start.report(what, &work(&plan));
        }
        _ => {
            let number = |at: usize| rest[at].parse::<usize>().unwrap();
            let live = live(loaded.mesh);
            generate::change_one(dir, number(0), number(1), 91);
            let start = Clock::start();
            let loaded = project(dir);
            let between = Clock::start();
            let plan = planned(&loaded, &live, &settings);
            start.report(what, &work(&plan));
            between.report("do-  without the loading", "");
            generate::change_one(dir, number(0), number(1), 90);
        }
    }
}

fn work(plan: &Plan) -> String {
    let visits: usize =
        plan.steps.iter().flat_map(|step| step.proxies.values()).map(Vec::len).sum();
    let (counts, steps, proxies) = (plan.counts(), plan.steps.len(), plan.proxies().len());
    format!("{counts} in {steps} steps, {proxies} proxies, {visits} resources")
}

/// Wall time, and the time of all cores: the one that other work on the machine hardly disturbs.
struct Clock {
    wall: Instant,
    cores: f64,
}

impl Clock {
    fn start() -> Self {
        Self { wall: Instant::now(), cores: cores() }
    }

    fn report(&self, what: &str, work: &str) {
        let (wall, cores) = (self.wall.elapsed().as_secs_f64(), cores() - self.cores);
        let peak = peak_megabytes();
        println!("{:<28} {wall:>9.3} {cores:>9.2} {peak:>9}  {work}", &what[3..]);
    }
}

/// The seconds that all threads of this process have computed.
fn cores() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = after_name.split_whitespace().skip(11).take(2);
    ticks.filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}

fn live(mesh: Mesh) -> Live {
    let entries = split(&mesh)
        .into_iter()
        .map(|(address, value)| {
            let object = ObjectId::of(&value);
            (address, Entry { object, owner: None, protected: false })
        })
        .collect();
    Live { revision: Some(1), mesh, entries }
}

fn planned(loaded: &Loaded, live: &Live, settings: &Settings) -> Plan {
    let (plan, _) = plan(&Input {
        target: Target { name: "t".into(), kind: "directory".into(), id: "x".into() },
        live,
        unrecorded: false,
        desired: &loaded.mesh,
        owner: None,
        places: Some(Places { origins: &loaded.origins, files: &loaded.files, overlay: None }),
        settings,
        scope: Scope::default(),
        guards: Guards::default(),
        consent: Consent::default(),
        drift: Vec::new(),
    });
    plan
}

/// The most memory that this process has had, in MB.
fn peak_megabytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kb| kb.parse::<u64>().ok()).unwrap_or_default() / 1024
}
