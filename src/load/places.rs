//! By which paths the files of a project are found: from the working directory of the call, and in
//! the repository that the project is part of.

use crate::span::{FileId, Files};
use std::env;
use std::fs;
use std::path::{Component, Path, PathBuf};

/// The way to a project's folder.
#[derive(Debug)]
pub(super) struct Places {
    shown: PathBuf,
    repository: Option<PathBuf>,
}

impl Places {
    /// Of a folder, as it was named.
    pub(super) fn of(folder: &Path) -> Self {
        let here = env::current_dir().ok();
        let below_here = here.as_ref().and_then(|here| folder.strip_prefix(here).ok());
        let shown = plain(below_here.unwrap_or(folder));
        let repository = fs::canonicalize(folder).ok().and_then(|folder| {
            let root = repository(&folder)?;
            Some(folder.strip_prefix(root).ok()?.to_path_buf())
        });
        Self { shown, repository }
    }

    /// Notes where a file is, whose path in its table begins in the folder, or is another.
    pub(super) fn locate(&self, files: &mut Files, id: FileId) {
        let path = files.get(id).path().to_owned();
        let joined = |folder: &Path| {
            let path = folder.join(&path);
            match path.is_absolute() {
                true => path.display().to_string(),
                false => super::files::slashed(&path).unwrap_or_else(|| path.display().to_string()),
            }
        };
        let shown = joined(&self.shown);
        let repository = match &self.repository {
            Some(folder) => joined(folder),
            // The working directory stands for the root; what is not below it has no path there.
            None if self.shown.is_absolute() => path.clone(),
            None => shown.clone(),
        };
        files.locate(id, shown, repository);
    }
}

/// Files of a project that are only named, with where they are found.
pub fn located<'a>(folder: &Path, paths: impl Iterator<Item = &'a str>) -> Files {
    let (places, mut files) = (Places::of(folder), Files::default());
    for path in paths {
        let id = files.add(path, "");
        places.locate(&mut files, id);
    }
    files
}

/// The root of the repository that a folder is in: what GitHub Actions says, else the folder with
/// `.git`.
fn repository(folder: &Path) -> Option<PathBuf> {
    let workspace = env::var_os("GITHUB_WORKSPACE").filter(|path| !path.is_empty());
    let workspace = workspace.and_then(|path| fs::canonicalize(path).ok());
    workspace
        .filter(|root| folder.starts_with(root))
        .or_else(|| folder.ancestors().find(|at| at.join(".git").exists()).map(Path::to_path_buf))
}

/// A path without `.`.
fn plain(path: &Path) -> PathBuf {
    path.components().filter(|part| *part != Component::CurDir).collect()
}
