//! What commands have in common: the flags, the streams, and loading a project.

use super::{Exit, Failure, Format, Global};
use crate::diag::{Diagnostic, Diagnostics, Severity};
use crate::load::{self, Loaded, Options, TargetSettings};
use crate::report::{self, Flags, Surroundings, Ui, diagnostics};
use std::env;
use std::path::PathBuf;

/// Flags, streams and surroundings of one run.
#[derive(Debug)]
pub struct Context {
    /// The flags that every command takes.
    pub global: Global,
    /// The streams.
    pub ui: Ui,
    /// What was read from the environment about terminals.
    pub around: Surroundings,
}

impl Context {
    /// Reads the surroundings once.
    pub(super) fn new(global: Global) -> Self {
        let set = |name: &str| env::var_os(name).is_some_and(|value| !value.is_empty());
        let forced = |name: &str| set(name) && env::var_os(name).is_some_and(|v| v != "0");
        let around = Surroundings {
            no_color: set("NO_COLOR"),
            force_color: forced("FORCE_COLOR") || forced("CLICOLOR_FORCE"),
            dumb_terminal: env::var_os("TERM").is_some_and(|term| term == "dumb"),
        };
        let ui =
            Ui::new(global.color.into(), &around, global.quiet, global.verbose).aiming_at(Flags {
                directory: global.directory.as_ref().map(|dir| dir.display().to_string()),
                env: global.env.clone(),
                target: global.target.clone(),
            });
        Self { global, ui, around }
    }

    /// The form of the result, if the command has it.
    pub fn format(&self, known: &[Format]) -> Result<Format, Failure> {
        if known.contains(&self.global.format) {
            return Ok(self.global.format);
        }
        // The environment is for all commands, also for those that have one form only.
        if self.global.format_is_default {
            return Ok(Format::Text);
        }
        let words: Vec<&str> = known.iter().map(|format| format.as_str()).collect();
        Err(Failure::new(
            Exit::Usage,
            format!("this command has no format `{}`", self.global.format.as_str()),
        )
        .hint(format!("formats of this command: {}", words.join(", "))))
    }

    /// The project's folder.
    pub fn directory(&self) -> PathBuf {
        self.global.directory.clone().unwrap_or_else(|| PathBuf::from("."))
    }

    /// Reads and checks the project.
    pub fn load(&self) -> Result<Loaded, Failure> {
        self.load_from(self.directory(), None)
    }

    /// Reads and checks the project in a folder, with an overlay that is no file laid over all.
    pub fn load_from(
        &self,
        dir: PathBuf,
        extra: Option<(String, String)>,
    ) -> Result<Loaded, Failure> {
        let options = Options {
            dir,
            env: self.global.env.clone(),
            extra,
            now: jiff::Timestamp::now().as_second(),
        };
        load::load(&options).map_err(|error| {
            let failure = Failure::from_error(Exit::Failed, &error);
            match error {
                load::Error::NoProject { .. } => failure
                    .hint("name the project's folder with -C DIR, or make one: meshctl init DIR"),
                load::Error::NoOverlay { .. } => failure.hint("an overlay is a file env/NAME.toml"),
                load::Error::Io { .. } => failure,
            }
        })
    }

    /// Reads the project for a command that needs a mesh without errors. Warnings go to stderr.
    pub fn load_checked(&self) -> Result<Loaded, Failure> {
        self.checked(self.load()?)
    }

    /// Passes a project on if it has no errors. Warnings go to stderr.
    pub fn checked(&self, mut loaded: Loaded) -> Result<Loaded, Failure> {
        let found = std::mem::take(&mut loaded.diagnostics).sorted();
        let errors = found.iter().filter(|d| d.severity == Severity::Error).count();
        if errors == 0 {
            let warnings: Vec<Diagnostic> =
                found.into_iter().filter(|d| d.severity >= Severity::Warning).collect();
            let drawn =
                diagnostics::render(&warnings, &loaded.files, self.ui.color_err(), self.ui.width());
            self.ui.words(&drawn);
            let mut kept = Diagnostics::default();
            warnings.into_iter().for_each(|warning| kept.push(warning));
            loaded.diagnostics = kept;
            return Ok(loaded);
        }
        let noun = if errors == 1 { "error" } else { "errors" };
        let mut failure =
            Failure::new(Exit::Findings, format!("the mesh has {errors} {noun}; nothing was done"));
        failure.findings = Some(Box::new((found, loaded)));
        Err(failure)
    }

    /// The target that the flags or the project choose, with its name.
    pub fn target<'a>(&self, loaded: &'a Loaded) -> Result<(String, &'a TargetSettings), Failure> {
        let project = &loaded.project;
        let known: Vec<&str> = project.targets.keys().map(String::as_str).collect();
        let chosen = self.global.target.as_ref().or(project.default_target.as_ref());
        let name = match (chosen, known.as_slice()) {
            (Some(name), _) => name.clone(),
            (None, [only]) => (*only).to_owned(),
            (None, []) => {
                return Err(Failure::new(Exit::Usage, "meshctl.toml has no target")
                    .hint("add one:\n[targets.local]\ndirectory = \"live\""));
            }
            (None, several) => {
                return Err(Failure::new(
                    Exit::Usage,
                    "meshctl.toml has several targets, and none is the default",
                )
                .hint(format!("choose with --target: {}", several.join(", "))));
            }
        };
        match project.targets.get(&name) {
            Some(target) => Ok((name, target)),
            None => Err(Failure::new(Exit::Usage, format!("there is no target `{name}`"))
                .hint(format!("targets of this project: {}", known.join(", ")))),
        }
    }

    /// How the run ends, whose results may have been lost: a script must not take half a document
    /// for the whole. An exit that says what became of a target is kept.
    pub(super) fn ended(&self, exit: Exit) -> Exit {
        let Some(error) = self.ui.lost() else { return exit };
        self.ui.error("the result could not be written to stdout");
        self.ui.cause(&error.to_string());
        match exit {
            Exit::Done | Exit::Differences | Exit::Findings => Exit::Failed,
            Exit::Failed
            | Exit::Refused
            | Exit::Stale
            | Exit::Busy
            | Exit::NotConverged
            | Exit::Unknown
            | Exit::Usage
            | Exit::Interrupted
            | Exit::Terminated => exit,
        }
    }

    /// Says what went wrong, on stderr and, for those who read JSON, on stdout too.
    pub(super) fn report_failure(&self, failure: &Failure) -> Exit {
        if let Some(document) = failure.document(self.global.format, |hint| self.ui.aimed(hint)) {
            self.ui.result(&document);
        }
        if let Some(found) = &failure.findings {
            if self.global.format == Format::Github {
                self.ui.result(&report::github(&found.0, &found.1.files));
            }
            let drawn =
                diagnostics::render(&found.0, &found.1.files, self.ui.color_err(), self.ui.width());
            self.ui.words(&drawn);
        }
        self.ui.error(&failure.message);
        for cause in &failure.causes {
            self.ui.cause(cause);
        }
        for hint in &failure.hints {
            self.ui.hint(hint);
        }
        failure.exit
    }
}
