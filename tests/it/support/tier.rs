//! Tiers: what a test needs of the machine. `tests/run.py` prepares them and counts what ran.
//!
//! A test that asks for nothing is of the loopback tier: Rust, Python and Envoy are enough.

use std::fmt;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;

/// What a machine may have besides the loopback tier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tier {
    /// Programs of Debian, which are named: they are on the `PATH`.
    Debian(&'static [&'static str]),
    /// Network namespaces and packet redirection, for which one must be root.
    Root,
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Debian(_) => "debian",
            Self::Root => "root",
        })
    }
}

impl Tier {
    /// Why the tier cannot be had, if so.
    fn lacks(self) -> Option<String> {
        if let Ok(tiers) = std::env::var("MESHCTL_TIERS") {
            let there = tiers.split(',').any(|tier| tier == self.to_string());
            return (!there).then(|| "tests/run.py says that this machine has it not".to_owned());
        }
        match self {
            Self::Debian(programs) => programs
                .iter()
                .find(|program| on_path(program).is_none())
                .map(|program| format!("there is no {program}; tests/run.py installs it")),
            Self::Root => Some("it is asked for by tests/run.py only".to_owned()),
        }
    }
}

/// Whether a test of a tier can run here. If not, says why, and fails where nothing may be
/// skipped (`CI=true`).
#[track_caller]
pub(crate) fn has(tier: Tier) -> bool {
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("?");
    let lack = tier.lacks();
    let outcome = lack.as_deref().unwrap_or("ran");
    if let Some(log) = std::env::var_os("MESHCTL_TIER_LOG") {
        let mut file = OpenOptions::new().create(true).append(true).open(log).unwrap();
        writeln!(file, "{tier}\t{test}\t{outcome}").unwrap();
    }
    if let Some(why) = &lack {
        skip(&format!("tier {tier}: {why}"));
    }
    lack.is_none()
}

/// Says why a test is skipped, and fails where nothing may be skipped (`CI=true`).
#[track_caller]
#[expect(clippy::print_stdout, reason = "a test that is skipped says why")]
pub(crate) fn skip(why: &str) {
    assert!(!std::env::var("CI").is_ok_and(|ci| ci == "true"), "{why}");
    println!("SKIPPED: {why}");
}

/// Chooses between the numbers of every day and those of `MESHCTL_FULL=1`, with which a test takes
/// as long as its bar asks for.
pub(crate) fn numbers<T>(every_day: T, full: T) -> T {
    match std::env::var("MESHCTL_FULL").is_ok_and(|full| full == "1") {
        true => full,
        false => every_day,
    }
}

/// A number that the environment may set.
pub(crate) fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Where a program is.
pub(crate) fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]);
    folders.map(|folder| folder.join(program)).find(|path| path.is_file())
}
