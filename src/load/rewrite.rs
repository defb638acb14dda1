//! Writes TOML files of a project: the one place that creates or replaces them.
//!
//! Nothing is written that is not TOML, and nothing replaces a file unless it says the same, apart
//! from what was meant to change. A full disk or a crash leaves the old text.

use crate::schema::{Changes, Difference, compare, has_crlf, with_crlf, with_lf};
use rustix::process::{Gid, Uid};
use std::fmt;
use std::fs::{self, File, Metadata};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// Why a file was not written.
#[derive(Debug)]
pub enum NotWritten {
    /// The system's reason.
    Io(io::Error),
    /// It would say something else.
    Different(Difference),
}

impl NotWritten {
    /// Whether a file of the name exists that was to be created.
    pub fn exists(&self) -> bool {
        matches!(self, Self::Io(error) if error.kind() == io::ErrorKind::AlreadyExists)
    }
}

impl fmt::Display for NotWritten {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::Different(difference) => difference.fmt(f),
        }
    }
}

impl From<io::Error> for NotWritten {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Replaces a file's text. Its kind of line ends, its owner, its permissions and a link to it stay.
pub fn rewrite(path: &Path, text: &str, changes: Changes<'_>) -> Result<(), NotWritten> {
    // A rename onto a link would replace the link.
    let path = fs::canonicalize(path)?;
    let old = fs::read_to_string(&path)?;
    compare(&old, text, changes).map_err(NotWritten::Different)?;
    let text = if has_crlf(&old) { with_crlf(text) } else { with_lf(text).into_owned() };
    let mut file = NamedTempFile::new_in(folder(&path))?;
    file.write_all(text.as_bytes())?;
    keep_owner(file.as_file(), &fs::metadata(&path)?)?;
    file.as_file().sync_all()?;
    file.persist(&path).map_err(|error| error.error)?;
    Ok(())
}

/// Gives a file the owner, the group and the permissions of the one that it replaces. Only root can give
/// files away: of another's file that the user may replace, the user becomes the owner, as of all that
/// they write. But the group has to stay, because the permissions name it.
fn keep_owner(file: &File, old: &Metadata) -> io::Result<()> {
    let now = file.metadata()?;
    let (owner, group) = (Uid::from_raw(old.uid()), Gid::from_raw(old.gid()));
    if (now.uid(), now.gid()) != (old.uid(), old.gid())
        && rustix::fs::fchown(file, Some(owner), Some(group)).is_err()
        && now.gid() != old.gid()
    {
        rustix::fs::fchown(file, None, Some(group)).map_err(|why| {
            let why = io::Error::from(why);
            io::Error::new(why.kind(), format!("its group ({}) cannot be kept: {why}", old.gid()))
        })?;
    }
    // Last, because a change of the owner takes permissions away.
    file.set_permissions(old.permissions())
}

/// Creates files in a folder, which is made. Nothing is overwritten: if one of them cannot be
/// written, neither a file nor a folder is left, and the error names it.
pub fn create<'a>(
    dir: &Path,
    files: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<Vec<PathBuf>, (PathBuf, NotWritten)> {
    let (mut created, mut folders) = (Vec::new(), Vec::new());
    for (name, text) in files {
        let path = dir.join(name);
        folders.extend(absent(folder(&path)));
        if let Err(error) = create_one(&path, text) {
            // What cannot be removed either is the same trouble; the error names the first.
            for path in created {
                let _ = fs::remove_file(path);
            }
            for folder in folders.iter().rev() {
                let _ = fs::remove_dir(folder);
            }
            return Err((path, error));
        }
        created.push(path);
    }
    Ok(created)
}

/// The folders on the way to one, and itself, that do not exist: the outermost first.
fn absent(folder: &Path) -> Vec<PathBuf> {
    let way = folder.ancestors().filter(|part| !part.as_os_str().is_empty());
    let mut all: Vec<PathBuf> = way.take_while(|part| !part.exists()).map(Path::to_owned).collect();
    all.reverse();
    all
}

fn create_one(path: &Path, text: &str) -> Result<(), NotWritten> {
    compare(text, text, Changes::Layout).map_err(NotWritten::Different)?;
    let folder = folder(path);
    fs::create_dir_all(folder)?;
    let mut file = tempfile::Builder::new().permissions(mode()).tempfile_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist_noclobber(path).map_err(|error| error.error)?;
    Ok(())
}

/// The permissions of a new file that is nobody's secret; the process's mask is taken off.
fn mode() -> fs::Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(0o666)
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
