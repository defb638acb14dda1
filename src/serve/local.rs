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

use super::secret::{PREFIX, hash, random};
use super::security::{Refused, Security};
use crate::store::security::{Operator, Role};
use crate::store::{self, Embedded};
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
use std::time::{Duration, Instant};
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
}

/// What is answered.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    /// The operators by name.
    Operators(BTreeMap<String, Operator>),
    /// It is done, and in the store; whether there was anything to do.
    Done(bool),
    /// Nothing was changed, and why.
    Refused(String),
}

fn carry_out(security: &Security, ask: Ask) -> Result<Answer, Refused> {
    match ask {
        Ask::List {} => Ok(Answer::Operators(security.operators())),
        Ask::Put { name, operator } => {
            security.put_operator(&name, operator).map(|()| Answer::Done(true))
        }
        Ask::Remove { name } => security.remove_operator(&name).map(Answer::Done),
    }
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
        let security = Arc::clone(&security);
        tokio::spawn(async move {
            // What a client does not wait for, it asks for again.
            let _ = answer(stream, security).await;
            drop(place);
        });
    }
}

async fn answer(stream: UnixStream, security: Arc<Security>) -> io::Result<()> {
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
            let done = tokio::task::spawn_blocking(move || carry_out(&security, ask)).await;
            match done {
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
            Answer::Done(_) => Ok(BTreeMap::new()),
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
        role: Role,
        deliver: impl FnOnce(&str) -> io::Result<()>,
    ) -> Result<(), Error> {
        // Where nothing can be asked, no secret is given away that will not work.
        self.list()?;
        let secret = random::<24>().map_err(Error::Random)?;
        let secret = format!("{PREFIX}{secret}");
        deliver(&secret).map_err(Error::Undelivered)?;
        self.put(name, operator(role, Some(hash(&secret)), None))
    }

    /// Makes an operator of who has a certificate with this SPIFFE URI of an authority of operators,
    /// or gives one another certificate or role. It has no secret. A URI is of one operator.
    ///
    /// # Errors
    /// It was not done.
    pub fn add_certified(&self, name: &str, role: Role, uri: &str) -> Result<(), Error> {
        self.put(name, operator(role, None, Some(uri.to_owned())))
    }

    /// Removes an operator; says whether there was one of this name.
    ///
    /// # Errors
    /// It was not done.
    pub fn remove(&self, name: &str) -> Result<bool, Error> {
        self.done(&Ask::Remove { name: name.to_owned() })
    }

    fn put(&self, name: &str, operator: Operator) -> Result<(), Error> {
        self.done(&Ask::Put { name: name.to_owned(), operator }).map(|_| ())
    }

    fn done(&self, ask: &Ask) -> Result<bool, Error> {
        match self.ask(ask)? {
            Answer::Done(done) => Ok(done),
            Answer::Operators(_) => Ok(false),
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
        let security = Security::of(Arc::new(store)).map_err(Error::Store)?;
        carry_out(&security, ask.clone()).map_err(|refused| match refused {
            Refused::Store(error) => Error::Store(error),
            other => Error::Refused(other.to_string()),
        })
    }
}

/// An answer to a question that may have been carried out before: what is gone was removed.
fn again(ask: &Ask, answer: Answer, before: bool) -> Answer {
    match (ask, answer) {
        (Ask::Remove { .. }, Answer::Done(false)) => Answer::Done(before),
        (_, answer) => answer,
    }
}

fn operator(role: Role, sha256: Option<String>, certificate: Option<String>) -> Operator {
    Operator { role, sha256, certificate, created: super::now() }
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
