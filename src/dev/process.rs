//! Processes that end when meshctl ends, however that happens.
//!
//! A child is started through meshctl itself ([`TIED`]), which asks the kernel to end it with its
//! parent and then becomes the program. Each child has a process group of its own, so that Ctrl-C
//! reaches meshctl alone, which then stops the children in order.

use rustix::process::{Pid, Signal, kill_process_group};
use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::process::{Child, Command};

/// The hidden command of meshctl that becomes another program: `TIED PARENT PROGRAM ARGUMENT…`.
pub const TIED: &str = "run-tied";

/// How long a child may take to end by itself.
const PATIENCE: Duration = Duration::from_secs(5);

/// What to start.
#[derive(Clone, Debug)]
pub struct Program {
    /// What it is called in messages.
    pub title: String,
    /// The program and its arguments.
    pub command: Vec<OsString>,
    /// Where it runs.
    pub folder: PathBuf,
    /// Where its output goes.
    pub log: PathBuf,
    /// Variables that it gets besides meshctl's own.
    pub variables: Vec<(String, OsString)>,
}

/// A running child. Dropping it kills it.
#[derive(Debug)]
pub struct Process {
    title: String,
    log: PathBuf,
    child: Child,
}

impl Process {
    /// Starts a program. `meshctl` is the path of this program's own executable.
    ///
    /// Must be called on the thread that lives longest: the kernel ends the child with the thread
    /// that started it.
    pub fn start(meshctl: &Path, program: &Program) -> io::Result<Self> {
        let log = File::create(&program.log)?;
        let mut command = Command::new(meshctl);
        command
            .arg(TIED)
            .arg(std::process::id().to_string())
            .args(&program.command)
            .current_dir(&program.folder)
            .envs(program.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0)
            .kill_on_drop(true);
        let child = command.spawn()?;
        Ok(Self { title: program.title.clone(), log: program.log.clone(), child })
    }

    /// What it is called in messages.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// Its process id, while it runs.
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// How it ended, if it did.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// The last lines of its output.
    pub fn last_words(&self) -> String {
        last_lines(&self.log, 12)
    }

    /// Asks it to end.
    pub fn ask_to_end(&self) {
        self.signal(Signal::TERM);
    }

    /// Waits for its end, and forces it when patience runs out.
    pub async fn end(mut self) {
        if tokio::time::timeout(PATIENCE, self.child.wait()).await.is_err() {
            self.signal(Signal::KILL);
            // It cannot refuse; what is left is to collect it.
            let _ = self.child.wait().await;
        }
    }

    fn signal(&self, signal: Signal) {
        let group = self.child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        if let Some(group) = group {
            // It may have ended by itself a moment ago.
            let _ = kill_process_group(group, signal);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // `kill_on_drop` reaches the child alone, not what it has started.
        self.signal(Signal::KILL);
    }
}

/// Stops several processes at once, and waits for all of them.
pub async fn end_all(processes: Vec<Process>) {
    processes.iter().for_each(Process::ask_to_end);
    for process in processes {
        process.end().await;
    }
}

/// A program that is not of this family cannot be tied to its parent.
#[derive(Debug)]
pub struct NotTied(io::Error);

impl fmt::Display for NotTied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot run the program: {}", self.0)
    }
}

impl std::error::Error for NotTied {}

/// Becomes a program that ends with its parent. Returns only if that fails.
pub fn become_tied(parent: u32, command: &[OsString]) -> NotTied {
    use std::os::unix::process::CommandExt;
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::set_parent_process_death_signal(Some(Signal::KILL)) {
        return NotTied(error.into());
    }
    // The parent may have ended before the kernel was asked.
    if std::os::unix::process::parent_id() != parent {
        return NotTied(io::Error::other("the parent has ended"));
    }
    match command.split_first() {
        Some((program, arguments)) => {
            NotTied(std::process::Command::new(program).args(arguments).exec())
        }
        None => NotTied(io::Error::other("there is none")),
    }
}

/// The last lines of a file, or nothing.
fn last_lines(path: &Path, count: usize) -> String {
    let text = std::fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}
