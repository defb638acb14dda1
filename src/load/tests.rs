//! Files of tests: those of a project's `tests/` folder, or the ones that are named.

use super::files;
use super::places::Places;
use super::within::Within;
use super::{PROJECT_FILE, is_project};
use crate::diag::Diagnostics;
use crate::span::{FileId, Files};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

/// The folder of a project that holds its tests.
pub const TESTS_FOLDER: &str = "tests";

/// The files of tests that were read.
#[derive(Debug, Default)]
pub struct TestFiles {
    /// Each file, and its path for writing to it.
    pub files: Vec<(FileId, PathBuf)>,
    /// What was wrong with others.
    pub diagnostics: Diagnostics,
}

/// Why files of tests cannot be looked for.
#[derive(Debug)]
pub enum NoTests {
    /// What was named is a project, not a folder of tests.
    Project(PathBuf),
    /// A path that was named cannot be read.
    Io(PathBuf, io::Error),
}

impl fmt::Display for NoTests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Project(path) => {
                write!(f, "{} is a project, not a folder of tests", path.display())
            }
            Self::Io(path, _) => write!(f, "cannot read {}", path.display()),
        }
    }
}

impl std::error::Error for NoTests {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(_, error) => Some(error),
            Self::Project(_) => None,
        }
    }
}

/// Reads the files of tests: `named` ones and the TOML files below named folders, or else those of
/// the project's own folder, of which there may be none. Hidden ones are left out.
pub fn read_tests(root: &Path, named: &[PathBuf], files: &mut Files) -> Result<TestFiles, NoTests> {
    let own = root.join(TESTS_FOLDER);
    let mut paths = Vec::new();
    // No link leads out of the folder that was walked; what was named may be anywhere.
    if named.is_empty() && own.is_dir() {
        let within = Within::of(root);
        below(&own, &mut |path| paths.push((path, within.clone())))?;
    }
    for path in named {
        let failed = |error| NoTests::Io(path.clone(), error);
        let is_folder = path.metadata().map_err(failed)?.is_dir();
        if !is_folder {
            let anywhere = Within::anywhere();
            paths.push((path.clone(), anywhere));
        } else if is_project(path) {
            return Err(NoTests::Project(path.clone()));
        } else {
            let within = Within::of(if path.starts_with(root) { root } else { path });
            below(path, &mut |path| paths.push((path, within.clone())))?;
        }
    }
    paths.sort_by(|(one, _), (other, _)| one.cmp(other));
    paths.dedup_by(|(one, _), (other, _)| one == other);
    let mut read = TestFiles::default();
    let (in_project, elsewhere) = (Places::of(root), Places::of(Path::new(".")));
    for (path, within) in paths {
        let relative = path.strip_prefix(root).unwrap_or(&path);
        let text = relative.display().to_string();
        let shown = if relative.is_absolute() { None } else { files::slashed(relative) };
        let shown = shown.unwrap_or(text);
        let shown = shown.strip_prefix("./").unwrap_or(&shown).to_owned();
        let own = !relative.is_absolute() && path.starts_with(root);
        let before = files.iter().count();
        if let Some(id) = files::read_tests(&within, &path, shown, files, &mut read.diagnostics) {
            read.files.push((id, path.clone()));
        }
        let new: Vec<FileId> = files.iter().skip(before).map(|(id, _)| id).collect();
        let places = if own { &in_project } else { &elsewhere };
        new.into_iter().for_each(|id| places.locate(files, id));
    }
    Ok(read)
}

/// The TOML files below a folder, without those of projects of their own.
fn below(folder: &Path, found: &mut dyn FnMut(PathBuf)) -> Result<(), NoTests> {
    let walk = WalkDir::new(folder).follow_links(true).into_iter().filter_entry(|entry| {
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        entry.depth() == 0 || !hidden && !entry.path().join(PROJECT_FILE).is_file()
    });
    for entry in walk {
        let is_toml = |path: &Path| path.extension().is_some_and(|e| e == "toml");
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                let at = error.path().unwrap_or(folder).to_path_buf();
                if files::left_out(&at, folder, &error, at == *folder || is_toml(&at)) {
                    continue;
                }
                return Err(NoTests::Io(at, io::Error::from(error)));
            }
        };
        if entry.file_type().is_file() && is_toml(entry.path()) {
            found(entry.into_path());
        }
    }
    Ok(())
}
