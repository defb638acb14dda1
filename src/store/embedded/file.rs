//! The file of the store: where it is, how it is made, locked and guarded.

use super::{FORMAT, HEADS, KEYS, META, OBJECTS, REVISIONS};
use crate::store::Error;
use redb::{Builder, Database};
use rustix::fs::{FlockOperation, flock};
use std::cell::Cell;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Once;
use std::thread;
use std::time::{Duration, Instant};

/// Bytes of pages that are kept in memory.
const CACHE: usize = 64 << 20;

/// Why something with the database did not work.
#[derive(Debug)]
pub(super) enum Fault {
    /// It is about what was asked, not about the file.
    Own(Error),
    /// There is no room.
    Full(io::Error),
    /// The disk failed.
    Disk(String),
    /// The file is not as it was written.
    Damaged(String),
}

impl Fault {
    /// The error about this file, where nothing is open yet.
    pub(super) fn at(self, path: &Path) -> Error {
        let path = path.to_owned();
        match self {
            Self::Own(error) => error,
            Self::Full(source) => Error::Full { path, source },
            Self::Disk(why) => Error::Stopped { path, why },
            Self::Damaged(why) => Error::Damaged { path, why },
        }
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Own(error)
    }
}

impl From<redb::Error> for Fault {
    fn from(error: redb::Error) -> Self {
        use io::ErrorKind::{FileTooLarge, InvalidData, QuotaExceeded, StorageFull, UnexpectedEof};
        match error {
            redb::Error::Io(source) => match source.kind() {
                StorageFull | QuotaExceeded | FileTooLarge => Self::Full(source),
                InvalidData | UnexpectedEof => Self::Damaged(source.to_string()),
                _ => Self::Disk(source.to_string()),
            },
            redb::Error::PreviousIo | redb::Error::DatabaseClosed => Self::Disk(error.to_string()),
            other => Self::Damaged(other.to_string()),
        }
    }
}

/// redb has one error for each kind of call.
macro_rules! from_redb {
    ($($name:ident),*) => {$(
        impl From<redb::$name> for Fault {
            fn from(error: redb::$name) -> Self {
                redb::Error::from(error).into()
            }
        }
    )*};
}

from_redb!(StorageError, TableError, TransactionError, CommitError, DatabaseError);

/// Calls into the database. What it takes for impossible, because it trusts its file, is damage.
pub(super) fn guarded<T>(path: &Path, work: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    hush();
    GUARDED.set(true);
    // What was being read or written is not used after a panic: the caller gets an error.
    let result = catch_unwind(AssertUnwindSafe(work));
    GUARDED.set(false);
    result.unwrap_or_else(|_| {
        Err(Fault::Damaged(format!("its pages contradict each other ({})", path.display())))
    })
}

thread_local! {
    /// Whether this thread is in the database, where a panic is a finding about the file.
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Leaves panics of the database untold, because they are told as damage.
fn hush() {
    static HUSHED: Once = Once::new();
    HUSHED.call_once(|| {
        let tell = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if !GUARDED.get() {
                tell(panic);
            }
        }));
    });
}

/// How databases are opened here.
pub(super) fn builder() -> Builder {
    let mut builder = Builder::new();
    builder.set_cache_size(CACHE);
    builder
}

/// The store's file in its folder.
pub(super) fn path(folder: &Path) -> PathBuf {
    folder.join("store.redb")
}

/// Device and number of a file.
pub(super) fn number(path: &Path) -> Result<(u64, u64), Error> {
    let found = fs::metadata(path).map_err(Error::io("find", path))?;
    Ok((found.dev(), found.ino()))
}

/// Makes a folder that only its owner sees, whatever the umask.
pub(super) fn make_folder(folder: &Path) -> Result<(), Error> {
    if folder.is_dir() {
        return Ok(());
    }
    if let Some(above) = folder.parent() {
        fs::create_dir_all(above).map_err(Error::io("make", above))?;
    }
    DirBuilder::new()
        .mode(0o700)
        .create(folder)
        .and_then(|()| fs::set_permissions(folder, Permissions::from_mode(0o700)))
        .map_err(Error::io("make", folder))
}

/// A new file that only its owner sees, whatever the umask. What a killed run left is replaced.
pub(super) fn new_file(path: &Path) -> Result<File, Error> {
    match fs::remove_file(path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(Error::io("remove", path)(error)),
    }
    let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path);
    file.and_then(|file| {
        file.set_permissions(Permissions::from_mode(0o600))?;
        Ok(file)
    })
    .map_err(Error::io("make", path))
}

/// Gives a whole file its name.
pub(super) fn publish(part: &Path, path: &Path) -> Result<(), Error> {
    // A bare file name is in the working directory, of which its parent is the empty path.
    let parent = path.parent().filter(|parent| *parent != Path::new(""));
    let folder = parent.unwrap_or(Path::new("."));
    File::open(part).and_then(|file| file.sync_all()).map_err(Error::io("sync", part))?;
    fs::rename(part, path).map_err(Error::io("write", path))?;
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(Error::io("sync", folder))
}

/// How long the lock of a process that has just ended may linger: what it started meanwhile holds
/// it until it has begun to run.
const LINGER: Duration = Duration::from_secs(2);
/// How often a busy lock is tried again.
const LOCK_RETRY: Duration = Duration::from_millis(20);

/// Becomes the only process that has the store of a folder open.
pub(super) fn lock(folder: &Path) -> Result<File, Error> {
    let path = folder.join("lock");
    let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path);
    let file = file.map_err(Error::io("open", &path))?;
    let deadline = Instant::now() + LINGER;
    loop {
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(file),
            Err(rustix::io::Errno::WOULDBLOCK) if Instant::now() < deadline => {
                thread::sleep(LOCK_RETRY);
            }
            Err(rustix::io::Errno::WOULDBLOCK) => {
                return Err(Error::Busy { path: folder.to_owned() });
            }
            Err(error) => return Err(Error::io("lock", path)(error.into())),
        }
    }
}

/// Makes an empty store.
pub(super) fn create(folder: &Path) -> Result<(), Error> {
    let part = folder.join(".store.redb.part");
    let result = new_file(&part).and_then(|file| {
        guarded(&part, || begin(file, &identity()?)).map_err(|fault| fault.at(&part))
    });
    if let Err(error) = result {
        // On a full disk the part would only take more of it.
        let _ = fs::remove_file(&part);
        return Err(error);
    }
    publish(&part, &path(folder))
}

/// Makes the tables of a store of this lineage in an empty file.
pub(super) fn begin(file: File, lineage: &str) -> Result<(), Fault> {
    let database: Database = builder().create_file(file)?;
    let transaction = database.begin_write()?;
    {
        let mut meta = transaction.open_table(META)?;
        meta.insert("format", FORMAT.to_string().as_str())?;
        meta.insert("lineage", lineage)?;
        transaction.open_table(HEADS)?;
        transaction.open_table(REVISIONS)?;
        transaction.open_table(OBJECTS)?;
        transaction.open_table(KEYS)?;
        super::security::create(&transaction)?;
    }
    transaction.commit()?;
    Ok(())
}

/// A new lineage: 128 random bits in hex.
pub(super) fn identity() -> Result<String, Error> {
    let path = Path::new("/dev/urandom");
    let mut random = [0; 16];
    File::open(path)
        .and_then(|mut file| file.read_exact(&mut random))
        .map_err(Error::io("read", path))?;
    Ok(random.iter().map(|byte| format!("{byte:02x}")).collect())
}
