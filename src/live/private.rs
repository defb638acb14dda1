//! Folders and files that only their owner may read, whatever the umask.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// Makes a folder, and those that it is in.
pub fn folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    fs::set_permissions(path, Permissions::from_mode(0o700))
}

/// Fails if anybody but the owner may read or write a file that holds a secret, or change it by
/// putting another in its place. The error says so in a sentence.
pub fn is_owners(path: &Path) -> Result<(), String> {
    let found =
        fs::metadata(path).map_err(|why| format!("cannot read {}: {why}", path.display()))?;
    let mode = found.permissions().mode() & 0o777;
    match mode & 0o077 {
        0 => Ok(()),
        _ => Err(format!(
            "{} is open to others (mode {mode:o}): chmod 600 it, and use another key",
            path.display()
        )),
    }
}

/// Fails if others may write to a folder that holds state, or if it is another user's: they could have
/// put anything there. A folder that does not exist is made later.
pub fn is_own_folder(path: &Path) -> io::Result<()> {
    let found = match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        found => found?,
    };
    let mode = found.permissions().mode() & 0o777;
    let refused = |why: String| Err(io::Error::new(io::ErrorKind::PermissionDenied, why));
    if mode & 0o022 != 0 {
        return refused(format!(
            "others may write to it (mode {mode:o}): look at what it holds, then chmod 700 it"
        ));
    }
    let owner = std::os::unix::fs::MetadataExt::uid(&found);
    match owner == rustix::process::geteuid().as_raw() {
        true => Ok(()),
        false => refused(format!("it belongs to another user (uid {owner})")),
    }
}

/// The first part of a path below a folder that is a link, if one is: what is written through it is
/// written elsewhere. Of an absolute path only the last part is looked at: the way to it is not the
/// folder's.
pub fn link_in(folder: &Path, path: &Path) -> Option<PathBuf> {
    let is_link = |path: &Path| fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink());
    if path.is_absolute() {
        let last: PathBuf = path.components().collect();
        return is_link(&last).then_some(last);
    }
    let mut at = folder.to_owned();
    path.components().find_map(|part| {
        at.push(part);
        is_link(&at).then(|| at.clone())
    })
}

/// Replaces a file atomically. When this returns, content and name are on disk: the file is synced
/// before the rename, the folder after it.
pub fn write(path: &Path, text: &str) -> io::Result<()> {
    let part = path.with_extension("part");
    match fs::remove_file(&part) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&part)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&part, path)?;
    match path.parent() {
        Some(parent) if parent != Path::new("") => File::open(parent)?.sync_all(),
        _ => File::open(".")?.sync_all(),
    }
}
