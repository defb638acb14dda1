//! Who did what: a line for every change, before it and after it, and for what was denied.
//!
//! ```text
//!  begin ──> "asked" ──> the change ──> write: its end     both in the chain of `store::audit`
//!    └─ not written: other changes are rejected, a revocation goes on
//! ```
//!
//! A line that the disk does not take stays in memory and is written as soon as it does.

use crate::store::Store;
use crate::store::audit::Head;
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, VecDeque};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Lines that may wait for the disk; those that come then are counted only.
const WAITING: usize = 10_000;
/// Bytes at the end of a log that are read for its last line.
const TAIL: u64 = 64 << 10;
/// Kinds of denied requests that are told apart between two looks; others are added up.
const KINDS: usize = 64;

/// What happens to changes that the log cannot tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnError {
    /// They are rejected, and `/readyz` fails.
    #[default]
    Reject,
    /// They are made; a metric tells it.
    Alarm,
}

/// The log: `DIR/audit.ndjson`.
pub(super) struct Audit {
    path: PathBuf,
    store: Arc<dyn Store>,
    on_error: OnError,
    state: Mutex<State>,
    /// What was denied since the last look, by who asked, for what, and why; and how often.
    denied: Mutex<BTreeMap<(String, String, String), u64>>,
}

struct State {
    log: Log,
    head: Head,
    /// The newest line that the store has.
    noted: u64,
    /// The newest line that is on disk.
    synced: u64,
    waiting: VecDeque<Value>,
    /// Lines that were not kept.
    lost: u64,
    /// Why the last line was not written.
    failure: Option<String>,
}

/// One line of it.
#[derive(Serialize)]
pub(super) struct Entry<'a> {
    /// Who, as the server knows them.
    pub(super) actor: &'a str,
    /// What they asked for.
    pub(super) verb: &'a str,
    /// Of which mesh.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) mesh: Option<&'a str>,
    /// Whom it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) subject: Option<&'a str>,
    /// Under which key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) key: Option<&'a str>,
    /// The digest of the plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) plan: Option<&'a str>,
    /// What was consented to, as flags.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub(super) consents: &'a [String],
    /// The newest revision before.
    pub(super) before: Option<u64>,
    /// The newest revision after.
    pub(super) after: Option<u64>,
    /// How it ended; `asked`: it begins.
    pub(super) end: &'a str,
}

impl<'a> Entry<'a> {
    /// One without a mesh.
    pub(super) fn plain(actor: &'a str, verb: &'a str, subject: &'a str, end: &'a str) -> Self {
        let subject = Some(subject).filter(|subject| !subject.is_empty());
        Self {
            actor,
            verb,
            mesh: None,
            subject,
            key: None,
            plan: None,
            consents: &[],
            before: None,
            after: None,
            end,
        }
    }
}

/// How the log stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Health {
    /// Why it cannot be written.
    pub(super) failure: Option<String>,
    /// Lines that wait.
    pub(super) waiting: usize,
    /// Lines that were not kept.
    pub(super) lost: u64,
}

/// An open file.
struct Log {
    file: File,
    /// Its whole lines; `None`: it is no regular file.
    length: Option<u64>,
    /// Device and number.
    number: (u64, u64),
}

impl Log {
    /// Opens a file; what a killed server did not end is cut off.
    fn open(path: &Path) -> io::Result<(Self, Option<Head>)> {
        let options = OpenOptions::new().create(true).append(true).mode(0o600).open(path);
        let file = options?;
        let found = file.metadata()?;
        let number = (found.dev(), found.ino());
        if !found.is_file() {
            return Ok((Self { file, length: None, number }, None));
        }
        let mut read = File::open(path)?;
        let start = found.len().saturating_sub(TAIL);
        read.seek(SeekFrom::Start(start))?;
        let mut tail = Vec::new();
        read.take(TAIL).read_to_end(&mut tail)?;
        let whole = tail.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let length = start + whole as u64;
        if length < found.len() {
            file.set_len(length)?;
        }
        let last = tail[..whole].strip_suffix(b"\n").unwrap_or_default();
        let last = last.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
        let head = std::str::from_utf8(last).ok().and_then(Head::of).map(|(head, _)| head);
        let head = match head {
            Some(head) => Some(head),
            None if length == 0 => None,
            // Lines of an earlier version: the chain begins after them.
            None => Some(Head { seq: 0, hash: hash_of(path, length)? }),
        };
        Ok((Self { file, length: Some(length), number }, head))
    }

    /// Writes a whole line, or nothing.
    fn append(&mut self, line: &str) -> io::Result<()> {
        match self.file.write_all(line.as_bytes()) {
            Ok(()) => {
                self.length = self.length.map(|length| length + line.len() as u64);
                Ok(())
            }
            Err(error) => {
                if let Some(length) = self.length {
                    // If that fails too, the start of the line is cut off when the file is opened.
                    let _ = self.file.set_len(length);
                }
                Err(error)
            }
        }
    }
}

fn hash_of(path: &Path, length: u64) -> io::Result<String> {
    let mut hash = Sha256::new();
    let mut file = File::open(path)?.take(length);
    let mut buffer = vec![0; 64 << 10];
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            read => hash.update(&buffer[..read]),
        }
    }
    Ok(super::secret::hex(&hash.finalize()))
}

impl Audit {
    /// Opens the log in a folder.
    pub(super) fn open(
        folder: &Path,
        store: Arc<dyn Store>,
        on_error: OnError,
    ) -> Result<Self, crate::serve::Error> {
        let path = folder.join("audit.ndjson");
        let known = store.audit().map_err(crate::serve::Error::Store)?.unwrap_or_default();
        let opened = Log::open(&path);
        let (log, found) =
            opened.map_err(|source| crate::serve::Error::File { path: path.clone(), source })?;
        // What the store knows and the file lacks stays missing: the next number shows it.
        let found = found.unwrap_or_default();
        let head = if found.seq >= known.seq { found } else { known.clone() };
        let state = State {
            log,
            synced: head.seq,
            head,
            noted: known.seq,
            waiting: VecDeque::new(),
            lost: 0,
            failure: None,
        };
        Ok(Self { path, store, on_error, state: Mutex::new(state), denied: Mutex::default() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says that something begins. An error says why it must not: the log cannot tell of it.
    pub(super) fn begin(&self, entry: &Entry<'_>) -> Result<(), String> {
        let mut state = self.state();
        if state.failure.is_some() {
            // What waits comes first.
            self.drain(&mut state);
        }
        if state.failure.is_none() {
            // Nothing waits, so if this line is not written, it is the only one that does.
            state.keep(entry);
            self.drain(&mut state);
            if state.failure.is_some() && self.on_error == OnError::Reject {
                state.waiting.pop_back();
            }
        } else if self.on_error == OnError::Alarm {
            state.keep(entry);
        }
        self.rejects(&state)
    }

    /// Whether what changes something may begin. For what is too frequent for a line at its start.
    pub(super) fn check(&self) -> Result<(), String> {
        let mut state = self.state();
        if state.failure.is_some() {
            self.drain(&mut state);
        }
        self.rejects(&state)
    }

    fn rejects(&self, state: &State) -> Result<(), String> {
        match &state.failure {
            Some(why) if self.on_error == OnError::Reject => Err(why.clone()),
            Some(_) | None => Ok(()),
        }
    }

    /// Writes a line; it is on disk when this returns, or waits for that.
    pub(super) fn write(&self, entry: &Entry<'_>) {
        let mut state = self.state();
        state.keep(entry);
        self.drain(&mut state);
        self.sync(&mut state);
    }

    /// Counts a request that was denied. It is told at the next look, so that a flood of them costs
    /// a line.
    pub(super) fn denied(&self, actor: &str, verb: &str, why: &str) {
        let mut denied = self.denied.lock().unwrap_or_else(PoisonError::into_inner);
        let mut key = (actor.to_owned(), verb.to_owned(), why.to_owned());
        if denied.len() >= KINDS && !denied.contains_key(&key) {
            key = ("others".to_owned(), "anything".to_owned(), "denied".to_owned());
        }
        *denied.entry(key).or_default() += 1;
    }

    /// Writes what waits, and has the store know the newest line. Returns why that was not possible.
    pub(super) fn settle(&self) -> Result<(), String> {
        let told = std::mem::take(&mut *self.denied.lock().unwrap_or_else(PoisonError::into_inner));
        let mut state = self.state();
        for ((actor, verb, end), times) in told {
            let entry = Entry::plain(&actor, &verb, "", &end);
            state.keep_as(&entry, Some(times));
        }
        let moved = fs::metadata(&self.path).map(|found| (found.dev(), found.ino()));
        if moved.is_ok_and(|number| number != state.log.number) || !self.path.exists() {
            self.reopen_in(&mut state);
        }
        if state.failure.is_some() || !state.waiting.is_empty() {
            self.drain(&mut state);
        }
        if state.synced < state.head.seq {
            self.sync(&mut state);
        }
        if let Some(why) = &state.failure {
            return Err(why.clone());
        }
        if state.noted < state.head.seq {
            let seq = state.head.seq;
            drop(state);
            // An empty change: it carries the head.
            self.store.secure(&[]).map_err(|error| error.to_string())?;
            self.state().noted = seq;
        }
        Ok(())
    }

    /// Opens the file of the name again: the one that was open may have been moved away.
    pub(super) fn reopen(&self) {
        let mut state = self.state();
        self.reopen_in(&mut state);
        self.drain(&mut state);
        self.sync(&mut state);
    }

    fn reopen_in(&self, state: &mut State) {
        match Log::open(&self.path) {
            Ok((log, _)) if log.number == state.log.number => {}
            Ok((log, _)) => {
                state.log = log;
                state.failure = None;
                state.keep(&Entry::plain("audit", "reopen", "", "done"));
            }
            Err(error) => state.failure = Some(format!("{}: {error}", self.path.display())),
        }
    }

    /// How it stands.
    pub(super) fn health(&self) -> Health {
        let state = self.state();
        let (failure, waiting) = (state.failure.clone(), state.waiting.len());
        Health { failure, waiting, lost: state.lost }
    }

    /// What happens to changes that the log cannot tell.
    pub(super) const fn on_error(&self) -> OnError {
        self.on_error
    }

    /// Writes the lines that wait, as far as the disk takes them.
    fn drain(&self, state: &mut State) {
        while let Some(entry) = state.waiting.front() {
            let entry = entry.clone();
            if !self.append(state, entry) {
                return;
            }
            state.waiting.pop_front();
        }
        let end = format!("{} lines were lost", state.lost);
        if state.lost == 0 || self.append(state, line_of(&Entry::plain("audit", "log", "", &end))) {
            state.lost = 0;
            state.failure = None;
        }
    }

    fn append(&self, state: &mut State, entry: Value) -> bool {
        let (line, head) = state.head.next(entry);
        match state.log.append(&line) {
            Ok(()) => {
                state.head = head;
                true
            }
            Err(error) => {
                state.failure = Some(format!("{}: {error}", self.path.display()));
                false
            }
        }
    }

    fn sync(&self, state: &mut State) {
        if state.failure.is_some() {
            return;
        }
        match state.log.file.sync_data() {
            // A device or a pipe has nothing to sync.
            Err(error) if state.log.length.is_some() => {
                state.failure = Some(format!("{}: {error}", self.path.display()));
            }
            Ok(()) | Err(_) => {
                state.synced = state.head.seq;
                self.store.note_audit(&state.head);
            }
        }
    }
}

impl State {
    fn keep(&mut self, entry: &Entry<'_>) {
        self.keep_as(entry, None);
    }

    fn keep_as(&mut self, entry: &Entry<'_>, times: Option<u64>) {
        if self.waiting.len() >= WAITING {
            self.lost += 1;
            return;
        }
        let mut line = line_of(entry);
        if let Some(times) = times {
            line["times"] = times.into();
        }
        self.waiting.push_back(line);
    }
}

fn line_of(entry: &Entry<'_>) -> Value {
    let mut line = serde_json::to_value(entry).expect("invariant: entries are plain data");
    line["at"] = super::now().into();
    line
}
