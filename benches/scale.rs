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
use meshctl::plan::{Consent, Guards, Input, Places, Scope, Target, plan};
use meshctl::resolve::Date;
use meshctl::revision::{Entry, Live, ObjectId, split};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

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
    println!("{:<28} {:>9} {:>9}  work", "", "seconds", "peak MB");
    for what in
        ["do-load", "do-compile", "do-render", "do-plan-cold", "do-plan-same", "do-plan-one"]
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
    let today = Date { year: 2026, month: 1, day: 1 };
    let options = Options { dir: dir.to_path_buf(), env: None, extra: None, today };
    let loaded = load(&options).unwrap();
    assert!(!loaded.diagnostics.has_errors(), "{:?}", loaded.diagnostics.iter().next());
    loaded
}

fn measure(what: &str, dir: &Path, rest: &[String]) {
    let start = Instant::now();
    let loaded = project(dir);
    let settings = Settings::path("/etc/meshctl");
    let work = match what {
        "do-load" => format!("{} findings", loaded.diagnostics.len()),
        "do-compile" => {
            let all = proxies(&loaded.mesh);
            let resources: usize = all
                .iter()
                .map(|proxy| compile(&loaded.mesh, &settings, proxy).resources.len())
                .sum();
            format!("{} proxies, {resources} resources", all.len())
        }
        "do-render" => {
            let all = proxies(&loaded.mesh);
            let bytes: usize = all
                .iter()
                .map(|proxy| {
                    let texts = files(&compile(&loaded.mesh, &settings, proxy));
                    texts.values().map(String::len).sum::<usize>()
                })
                .sum();
            format!("{} proxies, {} MB", all.len(), bytes >> 20)
        }
        "do-plan-cold" => planned(&loaded, &Live::default(), &settings),
        "do-plan-same" => planned(&loaded, &live(loaded.mesh.clone()), &settings),
        _ => {
            let number = |at: usize| rest[at].parse::<usize>().unwrap();
            generate::change_one(dir, number(0), number(1), 91);
            let before = live(loaded.mesh);
            let again = Instant::now();
            let loaded = project(dir);
            let work = planned(&loaded, &before, &settings);
            generate::change_one(dir, number(0), number(1), 90);
            return report(what, again, &work);
        }
    };
    report(what, start, &work);
}

fn report(what: &str, start: Instant, work: &str) {
    let seconds = start.elapsed().as_secs_f64();
    println!("{:<28} {seconds:>9.3} {:>9}  {work}", &what[3..], peak_megabytes());
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

fn planned(loaded: &Loaded, live: &Live, settings: &Settings) -> String {
    let (plan, _) = plan(&Input {
        target: Target { name: "t".into(), kind: "directory".into(), id: "x".into() },
        live,
        desired: &loaded.mesh,
        owner: None,
        places: Some(Places { origins: &loaded.origins, files: &loaded.files, overlay: None }),
        settings,
        scope: Scope::default(),
        guards: Guards::default(),
        consent: Consent::default(),
        drift: Vec::new(),
    });
    format!("{} in {} steps, {} proxies", plan.counts(), plan.steps.len(), plan.proxies().len())
}

/// The most memory that this process has had, in MB.
fn peak_megabytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kb| kb.parse::<u64>().ok()).unwrap_or_default() / 1024
}
