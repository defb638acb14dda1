//! Writing so that a crash leaves the file as it was or as it shall be.

use crate::live::Error;
use rustix::fs::{AtFlags, CWD, linkat};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

/// Files of one step that are synced one by one; above, the whole file system is synced at once.
const SYNC_EACH: usize = 128;

/// Fails if one of the target's own folders is a link: what is written through it is written
/// elsewhere.
pub(super) fn no_links(root: &Path, folders: &[&str]) -> Result<(), Error> {
    for path in [root.to_owned()].into_iter().chain(folders.iter().map(|name| root.join(name))) {
        if fs::symlink_metadata(&path).is_ok_and(|found| found.is_symlink()) {
            let why = io::Error::new(io::ErrorKind::PermissionDenied, "it is a link");
            return Err(Error::io("write through", path)(why));
        }
    }
    Ok(())
}

/// Makes a folder and those above it.
pub(super) fn make_folder(path: &Path) -> Result<(), Error> {
    fs::create_dir_all(path).map_err(Error::io("make", path))
}

/// Makes what was renamed into a folder last.
pub(super) fn sync_folder(path: &Path) -> Result<(), Error> {
    File::open(path).and_then(|folder| folder.sync_all()).map_err(Error::io("sync", path))
}

/// Replaces a file as a whole: what it held before stays until the new content is on disk.
pub(super) fn replace(path: &Path, content: &[u8]) -> Result<(), Error> {
    let folder = path.parent().unwrap_or(path);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    // The lock is held, so the name is ours; what a killed run left there is overwritten.
    let part = folder.join(format!(".{name}.part"));
    let written = (|| {
        // A link of this name would lead the content elsewhere.
        match fs::remove_file(&part) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let mut file = File::create_new(&part)?;
        file.write_all(content)?;
        file.sync_all()
    })();
    if let Err(source) = written {
        // On a full disk the part would only take more of it.
        let _ = fs::remove_file(&part);
        return Err(Error::Io { doing: "write", path: path.to_owned(), source });
    }
    fs::rename(&part, path).map_err(Error::io("write", path))?;
    sync_folder(folder)
}

/// Points a link somewhere else, in one go.
pub(super) fn relink(link: &Path, part: &Path, to: &Path) -> Result<(), Error> {
    match fs::remove_file(part) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(Error::io("remove", part)(error)),
    }
    std::os::unix::fs::symlink(to, part).map_err(Error::io("make", part))?;
    fs::rename(part, link).map_err(Error::io("move", link))?;
    sync_folder(link.parent().unwrap_or(link))
}

/// Writes a tree of files that nobody looks at yet; [`Tree::sync`] makes it last.
#[derive(Default)]
pub(super) struct Tree {
    files: Vec<File>,
    count: usize,
    folders: Vec<std::path::PathBuf>,
}

impl Tree {
    /// Makes a folder of the tree.
    pub(super) fn folder(&mut self, path: &Path) -> Result<(), Error> {
        make_folder(path)?;
        self.folders.push(path.to_owned());
        Ok(())
    }

    /// Writes a file into a folder of the tree.
    pub(super) fn file(&mut self, path: &Path, content: &str) -> Result<(), Error> {
        let write = || {
            let mut file = File::create_new(path)?;
            file.write_all(content.as_bytes())?;
            Ok(file)
        };
        let file = write().map_err(Error::io("write", path))?;
        self.count += 1;
        if self.files.len() < SYNC_EACH {
            self.files.push(file);
        }
        Ok(())
    }

    /// Gives a file of another tree a second name in this one, or copies it where the file system
    /// cannot.
    pub(super) fn share(&mut self, from: &Path, to: &Path) -> Result<(), Error> {
        if linkat(CWD, from, CWD, to, AtFlags::empty()).is_ok() {
            return Ok(());
        }
        let content = fs::read_to_string(from).map_err(Error::io("read", from))?;
        self.file(to, &content)
    }

    /// Returns when everything is on disk.
    pub(super) fn sync(self, root: &Path) -> Result<(), Error> {
        if self.count > SYNC_EACH || self.folders.len() > SYNC_EACH {
            let folder = File::open(root).map_err(Error::io("open", root))?;
            return rustix::fs::syncfs(&folder)
                .map_err(io::Error::from)
                .map_err(Error::io("sync", root));
        }
        for file in &self.files {
            file.sync_all().map_err(Error::io("sync", root))?;
        }
        for folder in &self.folders {
            sync_folder(folder)?;
        }
        Ok(())
    }
}
