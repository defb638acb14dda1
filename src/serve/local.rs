//! Operators are made, listed and removed on the server's host: through the server while it runs,
//! because it alone has the store open, else in the store itself.
//!
//! ```text
//!  serve operator … ── store locked? ──no──> store
//!                         │ yes
//!                         └─> DIR/control.sock ──> the server
//! ```
//!
//! Only the user of the server and root may use the socket. One line of JSON asks, one answers.

use super::audit::{Audit, Entry, OnError};
use super::certificates::{rfc3339, unix};
use super::secret::{PREFIX, hash, random};
use super::security::{Refused, Security};
use crate::store::security::{Operator, Role, Scope};
use crate::store::{self, Embedded, Store};
use rustix::process::geteuid;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File, Permissions};
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream as Stream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant, SystemTime};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// The socket in the folder of a server.
const SOCKET: &str = "control.sock";
/// Bytes of a question; an answer may be longer.
const LONGEST: u64 = 64 << 10;
/// How long a question may take to be read, and an answer to be taken.
const PATIENCE: Duration = Duration::from_secs(5);
/// Connections that are served at once; others wait.
const AT_ONCE: usize = 16;
/// How long a client waits for a store that is in use by a process that does not answer: one that
/// starts or ends, or another client.
const BUSY: Duration = Duration::from_secs(10);
/// How often it tries.
const RETRY: Duration = Duration::from_millis(20);

/// What is asked.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Ask {
    /// All operators.
    List {},
    /// Make an operator, or replace one.
    Put { name: String, operator: Operator },
    /// Remove one.
    Remove { name: String },
    /// Have one be valid for its whole life again.
    Renew { name: String },
}

/// What is answered.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    /// The operators by name.
    Operators(BTreeMap<String, Operator>),
    /// It is done, and in the store.
    Done {
        /// Whether there was such an operator.
        there: bool,
        /// When it expires, in RFC 3339.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<String>,
        /// Why the audit log does not tell it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        unrecorded: Option<String>,
    },
    /// Nothing was changed, and why.
    Refused(String),
}

/// Does what a user of the host asks for, and records it.
fn carry_out(security: &Security, audit: &Audit, user: u32, ask: Ask) -> Result<Answer, Refused> {
    let (verb, name) = match &ask {
        Ask::List {} => return Ok(Answer::Operators(security.operators())),
        Ask::Put { name, .. } => ("operator add", name.clone()),
        Ask::Remove { name } => ("operator remove", name.clone()),
        Ask::Renew { name } => ("operator renew", name.clone()),
    };
    let actor = format!("user {user} of the host");
    let entry = |end| Entry::plain(&actor, verb, &name, end);
    let begun = audit.begin(&entry("asked"));
    // Who is removed is removed, whatever the log can tell.
    if let Err(why) = begun
        && !matches!(ask, Ask::Remove { .. })
    {
        return Err(Refused::Unfit(format!("the audit log cannot be written: {why}")));
    }
    let done = match ask {
        Ask::List {} => Ok((false, None)),
        Ask::Put { name, operator } => {
            let until = operator.until;
            security.put_operator(&name, operator).map(|()| (true, until))
        }
        Ask::Remove { name } => security.remove_operator(&name).map(|there| (there, None)),
        Ask::Renew { name } => {
            security.renew_operator(&name, true).map(|found| (found.is_some(), found.flatten()))
        }
    };
    let end = match &done {
        Ok((true, _)) => "done".to_owned(),
        Ok((false, _)) => "there is none".to_owned(),
        Err(error) => format!("failed: {error}"),
    };
    audit.write(&entry(&end));
    let unrecorded = audit.health().failure;
    done.map(|(there, until)| Answer::Done { there, until: until.map(rfc3339), unrecorded })
}

/// The socket by a path that is short enough, however long that of the folder is.
fn short(folder: &Path) -> io::Result<(File, PathBuf)> {
    let folder = File::open(folder)?;
    let path = format!("/proc/self/fd/{}/{SOCKET}", folder.as_raw_fd());
    Ok((folder, path.into()))
}

/// Listens in the folder of a server, which holds the lock of its store.
pub(super) fn listen(folder: &Path) -> io::Result<UnixListener> {
    let (_open, path) = short(folder)?;
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let listener = UnixListener::bind(&path)?;
    fs::set_permissions(&path, Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Serves the socket until the server stops.
pub(super) async fn serve(
    listener: UnixListener,
    security: Arc<Security>,
    audit: Arc<Audit>,
    stop: crate::apply::Stop,
) {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    loop {
        let accepted = async {
            let place = Arc::clone(&places).acquire_owned().await.ok()?;
            Some((place, listener.accept().await))
        };
        let (place, accepted) = tokio::select! {
            () = stop.requested() => return,
            Some(accepted) = accepted => accepted,
        };
        let Ok((stream, _)) = accepted else {
            // Without a file descriptor the next attempt fails at once, too.
            tokio::time::sleep(RETRY).await;
            continue;
        };
        let (security, audit) = (Arc::clone(&security), Arc::clone(&audit));
        tokio::spawn(async move {
            // What a client does not wait for, it asks for again.
            let _ = answer(stream, security, audit).await;
            drop(place);
        });
    }
}

async fn answer(stream: UnixStream, security: Arc<Security>, audit: Arc<Audit>) -> io::Result<()> {
    let peer = stream.peer_cred()?.uid();
    if peer != geteuid().as_raw() && peer != 0 {
        return Ok(());
    }
    let (read, mut write) = stream.into_split();
    let mut line = String::new();
    let mut read = tokio::io::BufReader::new(read.take(LONGEST));
    timeout(PATIENCE, read.read_line(&mut line)).await??;
    let refused = |why: &dyn fmt::Display| Answer::Refused(why.to_string());
    let done = match serde_json::from_str::<Ask>(&line) {
        Ok(ask) => {
            let work = move || carry_out(&security, &audit, peer, ask);
            match tokio::task::spawn_blocking(work).await {
                Ok(Ok(answer)) => answer,
                Ok(Err(error)) => refused(&error),
                Err(_) => refused(&"the server made a mistake"),
            }
        }
        Err(error) => refused(&error),
    };
    let mut text = serde_json::to_vec(&done)?;
    text.push(b'\n');
    timeout(PATIENCE, write.write_all(&text)).await?
}

/// Why operators cannot be read or changed.
#[derive(Debug)]
pub enum Error {
    /// The store.
    Store(store::Error),
    /// It was refused, and nothing was changed.
    Refused(String),
    /// The secret could not be delivered, and nothing was changed.
    Undelivered(io::Error),
    /// The system gives no random numbers.
    Random(io::Error),
    /// The server stopped answering: whether it was done is not known.
    Unanswered(io::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(error) => error.fmt(f),
            Self::Refused(why) => f.write_str(why),
            Self::Undelivered(_) => f.write_str("the secret could not be delivered"),
            Self::Random(error) => error.fmt(f),
            Self::Unanswered(_) => f.write_str("the server stopped answering"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Store(error) => error.source(),
            Self::Undelivered(source) | Self::Unanswered(source) => Some(source),
            Self::Refused(_) | Self::Random(_) => None,
        }
    }
}

/// What an operator may do, where, and for how long.
#[derive(Clone, Debug)]
pub struct Terms {
    /// What.
    pub role: Role,
    /// Where.
    pub scope: Scope,
    /// For how long; `None`: until it is removed.
    pub life: Option<Duration>,
}

impl From<Role> for Terms {
    /// Everywhere, until it is removed.
    fn from(role: Role) -> Self {
        Self { role, scope: Scope::default(), life: None }
    }
}

/// What was done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// Whether there was such an operator.
    pub there: bool,
    /// When it expires, in RFC 3339; `None`: never.
    pub until: Option<String>,
    /// Why the audit log does not tell it.
    pub unrecorded: Option<String>,
}

/// The operators of a server's folder.
#[derive(Clone, Debug)]
pub struct Operators {
    folder: PathBuf,
}

impl Operators {
    /// Those of a folder.
    pub fn of(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// All of them by name.
    ///
    /// # Errors
    /// Neither the store nor its server can be asked.
    pub fn list(&self) -> Result<BTreeMap<String, Operator>, Error> {
        match self.ask(&Ask::List {})? {
            Answer::Operators(all) => Ok(all),
            Answer::Done { .. } => Ok(BTreeMap::new()),
            Answer::Refused(why) => Err(Error::Refused(why)),
        }
    }

    /// Makes an operator, or gives one a new secret. The secret is given to `deliver` first and is
    /// not kept: if it cannot be delivered, nothing was changed.
    ///
    /// # Errors
    /// It was not done.
    pub fn add(
        &self,
        name: &str,
        terms: impl Into<Terms>,
        deliver: impl FnOnce(&str) -> io::Result<()>,
    ) -> Result<Done, Error> {
        // Where nothing can be asked, no secret is given away that will not work.
        self.list()?;
        let secret = random::<24>().map_err(Error::Random)?;
        let secret = format!("{PREFIX}{secret}");
        deliver(&secret).map_err(Error::Undelivered)?;
        self.put(name, operator(terms.into(), Some(hash(&secret)), None))
    }

    /// Makes an operator of who has a certificate with this SPIFFE URI of an authority of operators,
    /// or gives one another certificate or role. It has no secret. A URI is of one operator.
    ///
    /// # Errors
    /// It was not done.
    pub fn add_certified(
        &self,
        name: &str,
        terms: impl Into<Terms>,
        uri: &str,
    ) -> Result<Done, Error> {
        self.put(name, operator(terms.into(), None, Some(uri.to_owned())))
    }

    /// Removes an operator; says whether there was one of this name.
    ///
    /// # Errors
    /// It was not done.
    pub fn remove(&self, name: &str) -> Result<Done, Error> {
        self.done(&Ask::Remove { name: name.to_owned() })
    }

    /// Has an operator be valid for its whole life again from now on, with the secret that it has.
    ///
    /// # Errors
    /// It was not done.
    pub fn renew(&self, name: &str) -> Result<Done, Error> {
        self.done(&Ask::Renew { name: name.to_owned() })
    }

    fn put(&self, name: &str, operator: Operator) -> Result<Done, Error> {
        self.done(&Ask::Put { name: name.to_owned(), operator })
    }

    fn done(&self, ask: &Ask) -> Result<Done, Error> {
        match self.ask(ask)? {
            Answer::Done { there, until, unrecorded } => Ok(Done { there, until, unrecorded }),
            Answer::Operators(_) => Ok(Done::default()),
            Answer::Refused(why) => Err(Error::Refused(why)),
        }
    }

    /// Asks the server that has the store open, or does it in the store.
    fn ask(&self, ask: &Ask) -> Result<Answer, Error> {
        let deadline = Instant::now() + BUSY;
        // Whether the question was sent to a server that did not answer.
        let mut lost = None;
        loop {
            if let Some(stream) = self.connect() {
                match talk(stream, ask) {
                    Ok(answer) => return Ok(again(ask, answer, lost.is_some())),
                    // It may be ending. What is asked has the same effect twice.
                    Err(error) => lost = Some(error),
                }
            } else {
                match self.direct(ask) {
                    Ok(answer) => return Ok(again(ask, answer, lost.is_some())),
                    Err(Error::Store(store::Error::Busy { .. })) if Instant::now() < deadline => {}
                    Err(error) => return Err(error),
                }
            }
            if Instant::now() >= deadline {
                return Err(match lost {
                    Some(error) => Error::Unanswered(error),
                    None => Error::Store(store::Error::Busy { path: self.folder.clone() }),
                });
            }
            thread::sleep(RETRY);
        }
    }

    fn connect(&self) -> Option<Stream> {
        let (_open, path) = short(&self.folder).ok()?;
        Stream::connect(path).ok()
    }

    fn direct(&self, ask: &Ask) -> Result<Answer, Error> {
        let store = Embedded::open_or_create(&self.folder).map_err(Error::Store)?;
        let store: Arc<dyn Store> = Arc::new(store);
        let security = Security::of(Arc::clone(&store)).map_err(Error::Store)?;
        let audit = Audit::open(&self.folder, store, OnError::Reject).map_err(|error| {
            let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}"));
            Error::Refused(format!("{error}{}", cause.unwrap_or_default()))
        })?;
        let user = geteuid().as_raw();
        let done = carry_out(&security, &audit, user, ask.clone());
        // What is not written now is in the answer.
        let _ = audit.settle();
        done.map_err(|refused| match refused {
            Refused::Store(error) => Error::Store(error),
            other => Error::Refused(other.to_string()),
        })
    }
}

/// An answer to a question that may have been carried out before: what is gone was removed.
fn again(ask: &Ask, answer: Answer, before: bool) -> Answer {
    match (ask, answer) {
        (Ask::Remove { .. }, Answer::Done { there, until, unrecorded }) => {
            Answer::Done { there: there || before, until, unrecorded }
        }
        (_, answer) => answer,
    }
}

fn operator(terms: Terms, sha256: Option<String>, certificate: Option<String>) -> Operator {
    let Terms { role, scope, life } = terms;
    let now = SystemTime::now();
    let until = life.map(|life| unix(now + life));
    let life_s = life.map(|life| life.as_secs());
    Operator { role, sha256, certificate, created: super::now(), scope, until, life_s }
}

/// Records in the audit log of a folder, of which no server has the store open, what a user of the
/// host did with it.
///
/// # Errors
/// Why the log does not tell it.
pub fn record(
    folder: &Path,
    store: Arc<dyn Store>,
    verb: &str,
    subject: &str,
) -> Result<(), String> {
    let audit = Audit::open(folder, store, OnError::Alarm).map_err(|error| error.to_string())?;
    let actor = format!("user {} of the host", geteuid().as_raw());
    audit.write(&Entry::plain(&actor, verb, subject, "done"));
    audit.settle()
}

/// One question to a server.
fn talk(mut stream: Stream, ask: &Ask) -> io::Result<Answer> {
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.set_read_timeout(Some(2 * PATIENCE))?;
    let mut text = serde_json::to_vec(ask)?;
    text.push(b'\n');
    stream.write_all(&text)?;
    let mut line = String::new();
    BufReader::new(stream.take(LONGEST << 10)).read_line(&mut line)?;
    if line.is_empty() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(serde_json::from_str(&line)?)
}
