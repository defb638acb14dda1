//! The only printing: results on stdout, words for people on stderr.

mod apply_json;
pub mod diagnostics;
mod diagnostics_json;
mod escape;
pub mod events;
mod formats;
pub mod graph;
pub mod import;
pub mod origins;
pub mod plan;
mod plan_json;
mod plan_markdown;
mod progress;
pub mod test;
pub mod trace;
mod traffic;

pub use apply_json::{Applied, document as apply_document, end_word, proven};
pub use diagnostics_json::{
    FailureDocument, document as diagnostics_document, items as diagnostic_items,
};
pub use escape::paint;
pub use formats::{github, junit, sarif};
pub use plan_json::{Shown, document as plan_document, saved};
pub use plan_markdown::{github as plan_github, markdown as plan_markdown};
pub use progress::Progress;

use crate::diag::shell::word;
use escape::Printed;
use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, OnceLock};

/// When output is coloured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ColorChoice {
    /// On a terminal that wants it.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What decides about colour and width, read from the environment by the caller.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// `NO_COLOR` is set and not empty.
    pub no_color: bool,
    /// `FORCE_COLOR` or `CLICOLOR_FORCE` is set and not empty or `0`.
    pub force_color: bool,
    /// `TERM` is `dumb`.
    pub dumb_terminal: bool,
}

/// The two streams, and how they are written to.
#[derive(Clone, Debug)]
pub struct Ui {
    color_out: bool,
    color_err: bool,
    quiet: bool,
    verbose: u8,
    width: usize,
    flags: Flags,
    /// The first result that could not be written.
    lost: Arc<OnceLock<io::Error>>,
}

/// The flags of a call that the calls in its hints need too, to be about the same.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    /// `--directory`.
    pub directory: Option<String>,
    /// `--env`.
    pub env: Option<String>,
    /// `--target`.
    pub target: Option<String>,
}

/// The commands whose calls in hints are about a project, but about no target.
const OF_PROJECTS: [&str; 6] = ["check", "dev", "fmt", "graph", "render", "test"];

/// The commands whose calls in hints work against a target.
const AIMED: [&str; 14] = [
    "apply",
    "bootstrap",
    "diff",
    "drift",
    "get",
    "history",
    "plan",
    "rollback",
    "serve revoke",
    "serve token",
    "serve tokens",
    "show",
    "status",
    "wait",
];

/// Columns where the terminal does not say.
const WIDTH: usize = 100;

impl Ui {
    /// Decides about colour once, per stream.
    pub fn new(choice: ColorChoice, around: &Surroundings, quiet: bool, verbose: u8) -> Self {
        let color = |terminal: bool| match choice {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto if around.no_color => false,
            ColorChoice::Auto if around.force_color => true,
            ColorChoice::Auto => terminal && !around.dumb_terminal,
        };
        let (out, err) = (io::stdout().is_terminal(), io::stderr().is_terminal());
        // Piped output must not depend on the size of a window.
        let width = if out || err { terminal_width() } else { WIDTH };
        let (color_out, color_err) = (color(out), color(err));
        Self {
            color_out,
            color_err,
            quiet,
            verbose,
            width,
            flags: Flags::default(),
            lost: Arc::default(),
        }
    }

    /// Gives the calls of hints the flags of the call that gives them.
    #[must_use]
    pub fn aiming_at(self, flags: Flags) -> Self {
        Self { flags, ..self }
    }

    /// The same for a plan that was made by another call, with this overlay for this target.
    #[must_use]
    pub fn aiming_as(&self, env: Option<String>, target: Option<String>) -> Self {
        let flags = Flags { directory: self.flags.directory.clone(), env, target };
        self.clone().aiming_at(flags)
    }

    /// The flags of a call that is about the same state of the same project, each behind a space.
    pub fn flags(&self, at: Option<&str>) -> String {
        let Flags { directory, env, target } = &self.flags;
        // The files are the same whatever the target.
        let target = target.as_ref().filter(|_| at.is_some_and(|at| !at.starts_with("plan:")));
        let at = at.map(str::to_owned);
        [
            ("-C", directory.as_ref()),
            ("--env", env.as_ref()),
            ("--target", target),
            ("--at", at.as_ref()),
        ]
        .into_iter()
        .filter_map(|(flag, value)| Some(format!(" {flag} {}", word(value?))))
        .collect()
    }

    /// A hint whose calls have the flags of this one, where they do not name them.
    pub fn aimed(&self, hint: &str) -> String {
        let Flags { directory, env, target } = &self.flags;
        let named = |long: &str| {
            hint.split_whitespace().map(|word| word.trim_start_matches('\'')).any(|word| {
                word.strip_prefix(long).is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
            })
        };
        let folder = || {
            let short = |word: &str| {
                // `-C DIR`, `-CDIR`, and after other short flags: `-vC DIR`.
                let word = word.trim_start_matches('\'').strip_prefix('-');
                word.is_some_and(|word| word.trim_start_matches(['q', 'v', 'y']).starts_with('C'))
            };
            named("--directory") || hint.split_whitespace().any(short)
        };
        let flag = |name: &str, value: &Option<String>, named: bool| match value {
            Some(value) if !named => format!(" {name} {}", word(value)),
            _ => String::new(),
        };
        let project = flag("-C", directory, folder()) + &flag("--env", env, named("--env"));
        let target = flag("--target", target, named("--target"));
        if project.is_empty() && target.is_empty() {
            return hint.to_owned();
        }
        let mut parts = hint.split("meshctl ");
        let mut text = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            // The longest: `serve tokens` begins with `serve token`.
            let called = AIMED.iter().chain(&OF_PROJECTS).filter(|call| {
                part.strip_prefix(**call)
                    .is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
            });
            text.push_str("meshctl ");
            match called.max_by_key(|call| call.len()) {
                Some(call) => {
                    let (call, rest) = part.split_at(call.len());
                    let target = if OF_PROJECTS.contains(&call) { "" } else { target.as_str() };
                    text.push_str(&format!("{call}{project}{target}{rest}"));
                }
                None => text.push_str(part),
            }
        }
        text
    }

    /// Whether stdout is coloured.
    pub fn color_out(&self) -> bool {
        self.color_out
    }

    /// Whether stderr is coloured.
    pub fn color_err(&self) -> bool {
        self.color_err
    }

    /// Columns to fit into.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Whether words that are not errors are left out.
    pub fn quiet(&self) -> bool {
        self.quiet
    }

    /// How much more than usual is said.
    pub fn verbose(&self) -> u8 {
        self.verbose
    }

    /// Whether progress may be drawn: stderr is a terminal that can.
    pub fn draws_progress(&self, around: &Surroundings) -> bool {
        !self.quiet && !around.dumb_terminal && io::stderr().is_terminal()
    }

    /// Writes a result to stdout that is drawn for people, with control characters escaped. If that fails,
    /// [`Self::lost`] says so afterwards.
    pub fn result(&self, text: &str) {
        self.note(self.deliver(text));
    }

    /// Writes a document of the user's to stdout, which another program may read: byte for byte, unless
    /// stdout is a terminal. If that fails, [`Self::lost`] says so afterwards.
    pub fn document(&self, text: &str) {
        let mut out = io::stdout().lock();
        let printed = Printed::Document { terminal: out.is_terminal() };
        self.note(write(&mut out, text, printed));
    }

    fn note(&self, written: io::Result<()>) {
        if let Err(error) = written {
            // The first failure is the reason for those that follow.
            let _ = self.lost.set(error);
        }
    }

    /// Writes a result of which there is no other copy to stdout; the caller deals with a failure.
    pub fn deliver(&self, text: &str) -> io::Result<()> {
        write(&mut io::stdout().lock(), text, Printed::Drawn)
    }

    /// Why a result could not be written. A reader that has gone away (a closed pipe) has all that
    /// it wanted, so that is no failure.
    pub fn lost(&self) -> Option<&io::Error> {
        self.lost.get().filter(|error| error.kind() != io::ErrorKind::BrokenPipe)
    }

    /// Writes words for people to stderr, unless quiet.
    pub fn words(&self, text: &str) {
        if !self.quiet {
            tell(text);
        }
    }

    /// A question, without a newline; shown even when quiet.
    pub fn prompt(&self, text: &str) {
        tell(text);
    }

    /// One line about what was done; ends with a full stop by custom.
    pub fn status(&self, text: &str) {
        self.words(&format!("{text}\n"));
    }

    /// One line about something that may be wrong.
    pub fn warning(&self, text: &str) {
        self.words(&format!("{} {text}\n", self.paint("warning:", "33;1")));
    }

    /// One line about what to do next.
    pub fn hint(&self, text: &str) {
        let text = self.aimed(text);
        self.words(&format!("{} {text}\n", self.paint("hint:", "36;1")));
    }

    /// One line about what went wrong; shown even when quiet.
    pub fn error(&self, text: &str) {
        tell(&format!("{} {text}\n", self.paint("error:", "31;1")));
    }

    /// A cause under an error; shown even when quiet.
    pub fn cause(&self, text: &str) {
        tell(&format!("  caused by: {text}\n"));
    }

    /// Writes what clap says about a call. `call` are the words that it may quote.
    pub fn usage(&self, text: &clap::builder::StyledStr, call: &[OsString], result: bool) {
        let on = if result { self.color_out } else { self.color_err };
        let own = call.iter().all(|word| escape::is_plain(&word.to_string_lossy()));
        let text = match on && own {
            true => escape::drawn(&text.ansi().to_string()),
            false => text.to_string(),
        };
        match result {
            true => self.result(&text),
            false => self.prompt(&text),
        }
    }

    fn paint(&self, text: &str, style: &str) -> String {
        paint(self.color_err, text, style)
    }
}

/// Writes a text as the rule of [`escape`] says.
fn write(stream: &mut dyn Write, text: &str, printed: Printed) -> io::Result<()> {
    stream.write_all(escape::written(text, printed).as_bytes()).and_then(|()| stream.flush())
}

/// Writes words to stderr. If that fails there is nobody to tell, and the exit code says the rest.
fn tell(text: &str) {
    let _ = write(&mut io::stderr().lock(), text, Printed::Drawn);
}

fn terminal_width() -> usize {
    let size = rustix::termios::tcgetwinsize(io::stderr())
        .or_else(|_| rustix::termios::tcgetwinsize(io::stdout()));
    match size {
        Ok(size) if size.ws_col >= 40 => usize::from(size.ws_col).min(160),
        _ => WIDTH,
    }
}
