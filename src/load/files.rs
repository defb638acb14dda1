//! Finds and reads the files of a project.

use super::within::{LEADS_OUT, Within};
use super::{Error, PROJECT_FILE, Project, Source, codes};
use crate::diag::{Code, Diagnostic, Diagnostics};
use crate::parallel;
use crate::schema::{Node, parse, with_lf};
use crate::span::{FileId, Files, Loc, Span};
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::fs;
use std::io::{
    self,
    ErrorKind::{NotADirectory, NotFound},
    Read,
};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use walkdir::WalkDir;

/// The largest file that is read, in bytes.
const FILE_MAX: u64 = 16 << 20;
/// Folders that never hold definitions.
const SKIPPED_FOLDERS: [&str; 3] = ["env", "tests", "target"];

/// Reads `meshctl.toml`.
pub(super) fn read_project_file(
    root: &Path,
    files: &mut Files,
) -> Result<(FileId, Arc<str>), Error> {
    let path = root.join(PROJECT_FILE);
    match read_text(&Within::of(root), &path) {
        Ok(text) => {
            let text: Arc<str> = text.into();
            Ok((files.add(PROJECT_FILE, text.clone()), text))
        }
        Err(Unread::Io(source)) if source.kind() == NotFound => {
            Err(Error::NoProject { dir: root.to_path_buf() })
        }
        Err(why) => Err(Error::Io { path, source: why.into_io() }),
    }
}

/// Reads the overlay of an environment.
pub(super) fn read_overlay(
    root: &Path,
    name: &str,
    files: &mut Files,
    sources: &mut Vec<Source>,
) -> Result<(FileId, Arc<str>), Error> {
    let relative = format!("env/{name}.toml");
    let path = root.join(&relative);
    if name.is_empty() || name.contains(['/', '\\']) || !path.is_file() {
        return Err(Error::NoOverlay { path, known: overlays(root) });
    }
    match read_text(&Within::of(root), &path) {
        Ok(text) => {
            sources.push(source(&relative, &text));
            let text: Arc<str> = text.into();
            Ok((files.add(relative, text.clone()), text))
        }
        Err(why) => Err(Error::Io { path, source: why.into_io() }),
    }
}

/// The names of the overlays that exist, ordered.
pub fn overlays(root: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(root.join("env")) else { return Vec::new() };
    let mut names: Vec<String> = entries
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            (path.extension()? == "toml" && !is_hidden(&path, root))
                .then(|| path.file_stem()?.to_str().map(str::to_owned))?
        })
        .collect();
    names.sort();
    names
}

/// Finds the files that the project's patterns name, ordered by path.
pub(super) fn find(
    root: &Path,
    project: &Project,
    files: &mut Files,
    project_file: FileId,
    diagnostics: &mut Diagnostics,
) -> Result<Vec<String>, Error> {
    let patterns = globs(project, project_file, diagnostics);
    let outputs: Vec<PathBuf> = project
        .targets
        .values()
        .filter_map(|target| Some(root.join(target.directory.as_ref()?)))
        .collect();
    let within = Within::of(root);
    let (mut found, mut out) = (Vec::new(), BTreeSet::new());
    let walk = WalkDir::new(root).follow_links(true).into_iter().filter_entry(|entry| {
        let name = entry.file_name().to_string_lossy();
        if entry.depth() == 0 {
            return true;
        }
        if name.starts_with('.') {
            return false;
        }
        !entry.file_type().is_dir()
            || !(entry.depth() == 1 && SKIPPED_FOLDERS.contains(&name.as_ref())
                || entry.path().join(PROJECT_FILE).is_file()
                || outputs.iter().any(|output| output == entry.path()))
    });
    for entry in walk {
        match entry {
            Ok(entry) => {
                let Ok(relative) = entry.path().strip_prefix(root) else { continue };
                let Some(relative) = slashed(relative) else { continue };
                let name = entry.file_name();
                let is_definition = entry.file_type().is_file()
                    && relative != PROJECT_FILE
                    && name != "Cargo.toml"
                    && patterns.is_match(&relative);
                if is_definition && within.is_left_by(entry.path()) {
                    out.insert(within.link(root, entry.path()));
                } else if is_definition {
                    found.push(relative);
                }
            }
            Err(error) => {
                let path = error.path().unwrap_or(root).to_path_buf();
                if path == root {
                    return Err(Error::Io { path, source: error.into() });
                }
                let relative = path.strip_prefix(root).unwrap_or(&path);
                if left_out(&path, root, &error, patterns.is_match(relative)) {
                    continue;
                }
                let relative = relative.display().to_string();
                let (message, help) = match error.loop_ancestor() {
                    Some(ancestor) => {
                        let back = ancestor.strip_prefix(root).unwrap_or(ancestor).display();
                        let back = match back.to_string() {
                            text if text.is_empty() => "the project itself".to_owned(),
                            text => format!("`{text}`"),
                        };
                        (
                            format!("`{relative}` is a link that leads back to {back}"),
                            "remove the link".to_owned(),
                        )
                    }
                    None => {
                        let why = io::Error::from(error);
                        (
                            format!("`{relative}` cannot be read: {}", plain(&why)),
                            "fix it, remove it, or take it out of `files`".to_owned(),
                        )
                    }
                };
                unplaced(&codes::UNREADABLE, files, &relative, message, help, diagnostics);
            }
        }
    }
    for link in out {
        let relative = link.strip_prefix(root).unwrap_or(&link).display().to_string();
        leads_out(files, &relative, diagnostics);
    }
    found.sort();
    Ok(found)
}

/// Reports a link that leads out of the project.
fn leads_out(files: &mut Files, relative: &str, diagnostics: &mut Diagnostics) {
    let message = format!("`{relative}` is a link that leads out of the project");
    let help = "put the file itself there, or take the link out of `files` in meshctl.toml";
    unplaced(&codes::LEADS_OUT, files, relative, message, help.to_owned(), diagnostics);
}

/// Whether a path below a folder, or a folder on the way to it, is hidden: locks, backups and
/// settings of editors, which may be links that lead nowhere.
fn is_hidden(path: &Path, below: &Path) -> bool {
    let relative = path.strip_prefix(below).unwrap_or(path);
    relative.iter().any(|part| part.as_encoded_bytes().starts_with(b"."))
}

/// Whether what a walk of a folder could not read may be passed over: what is hidden, and a link that
/// leads nowhere and does not have the name of a file that is `wanted`. Anything may be in a folder
/// that cannot be read.
pub(super) fn left_out(path: &Path, below: &Path, error: &walkdir::Error, wanted: bool) -> bool {
    // A link that leads to nothing, below a file, or to itself.
    let dead = error.io_error().is_some_and(|why| {
        matches!(why.kind(), NotFound | NotADirectory)
            || why.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error())
    });
    is_hidden(path, below) || dead && !wanted
}

fn globs(project: &Project, project_file: FileId, diagnostics: &mut Diagnostics) -> GlobSet {
    let mut set = GlobSetBuilder::new();
    for (pattern, span) in &project.files {
        match GlobBuilder::new(pattern).literal_separator(true).build() {
            Ok(glob) => {
                set.add(glob);
            }
            Err(error) => diagnostics.push(
                Diagnostic::new(
                    &codes::BAD_PATTERN,
                    Loc { file: project_file, span: *span },
                    format!("`{pattern}` is not a pattern: {}", error.kind()),
                )
                .help("write a pattern such as \"**/*.toml\""),
            ),
        }
    }
    set.build().unwrap_or_else(|_| GlobSet::empty())
}

/// What is said of files that are larger than so many bytes together. Told by their sizes: none is
/// read.
pub(super) fn all_too_large(
    root: &Path,
    paths: &[String],
    project_file: FileId,
    most: u64,
) -> Option<Diagnostic> {
    let sizes = paths.iter().filter_map(|path| Some(fs::metadata(root.join(path)).ok()?.len()));
    // A single one that is too large is told by its name.
    let all: u64 = sizes.filter(|size| *size <= FILE_MAX).sum();
    let mib = |bytes: u64| bytes.div_ceil(1 << 20);
    (all > most).then(|| {
        let message = format!(
            "the {} files of the project have {} MiB together; the limit is {} MiB",
            paths.len(),
            mib(all),
            mib(most)
        );
        let loc = Loc { file: project_file, span: Span::new(0..0) };
        Diagnostic::new(&codes::ALL_TOO_LARGE, loc, message)
            .help("have `files` in meshctl.toml name those that define the mesh, and no others")
    })
}

/// Reads all files; what cannot be read is reported and left out.
pub(super) fn read_all(
    root: &Path,
    paths: Vec<String>,
    files: &mut Files,
    project_file: FileId,
    sources: &mut Vec<Source>,
    diagnostics: &mut Diagnostics,
) -> Vec<FileId> {
    let mut ids = Vec::with_capacity(paths.len());
    let project_text = files.get(project_file).text().clone();
    sources.push(source(PROJECT_FILE, &project_text));
    let within = Within::of(root);
    let texts = parallel::map(&paths, |relative| {
        read_text(&within, &root.join(relative)).map(|text| (source(relative, &text), text))
    });
    for (relative, text) in paths.into_iter().zip(texts) {
        match text {
            Ok((source, text)) => {
                sources.push(source);
                ids.push(files.add(relative, text));
            }
            Err(why) => {
                let help = "fix the file, or take it out of `files` in meshctl.toml";
                report_unread(&relative, &why, help, files, diagnostics);
            }
        }
    }
    ids
}

/// Reports a file that could not be read.
fn report_unread(
    relative: &str,
    why: &Unread,
    help: &str,
    files: &mut Files,
    diagnostics: &mut Diagnostics,
) {
    let (code, message) = match why {
        Unread::LeadsOut => return leads_out(files, relative, diagnostics),
        Unread::NotUtf8(at) => (
            &codes::NOT_UTF8,
            format!("`{relative}` is not UTF-8 text (byte {at} is where it breaks)"),
        ),
        Unread::TooLarge(size) => {
            (&codes::TOO_LARGE, format!("`{relative}` has {} MiB; the limit is 16 MiB", size >> 20))
        }
        Unread::Io(error) => {
            (&codes::UNREADABLE, format!("`{relative}` cannot be read: {}", plain(error)))
        }
    };
    unplaced(code, files, relative, message, help.to_owned(), diagnostics);
}

/// Reads a file of tests; what cannot be read is reported.
pub(super) fn read_tests(
    within: &Within,
    path: &Path,
    shown: String,
    files: &mut Files,
    diagnostics: &mut Diagnostics,
) -> Option<FileId> {
    match read_text(within, path) {
        Ok(text) => Some(files.add(shown, text)),
        Err(why) => {
            report_unread(&shown, &why, "fix the file, or remove it", files, diagnostics);
            None
        }
    }
}

/// Parses files on all cores; the results are in the order of the files.
pub(super) fn parse_all(files: &Files, ids: &[FileId]) -> Vec<(Node, Diagnostics)> {
    parallel::map(ids, |id| parse(*id, files.get(*id).text()))
}

/// A finding about a file whose text cannot be shown: it points at the start of an empty one.
fn unplaced(
    code: &'static Code,
    files: &mut Files,
    relative: &str,
    message: String,
    help: String,
    diagnostics: &mut Diagnostics,
) {
    let file = files.add(relative, "");
    let loc = Loc { file, span: Span::new(0..0) };
    diagnostics.push(Diagnostic::new(code, loc, message).help(help));
}

enum Unread {
    Io(io::Error),
    NotUtf8(usize),
    TooLarge(u64),
    LeadsOut,
}

impl Unread {
    fn into_io(self) -> io::Error {
        match self {
            Self::Io(error) => error,
            Self::NotUtf8(at) => io::Error::other(format!("not UTF-8 text (byte {at})")),
            Self::TooLarge(size) => io::Error::other(format!("{} MiB is too large", size >> 20)),
            Self::LeadsOut => io::Error::new(io::ErrorKind::PermissionDenied, LEADS_OUT),
        }
    }
}

fn read_text(within: &Within, path: &Path) -> Result<String, Unread> {
    let file = within.open(path).map_err(|error| match within.is_left_by(path) {
        true => Unread::LeadsOut,
        false => Unread::Io(error),
    })?;
    let metadata = file.metadata().map_err(Unread::Io)?;
    if metadata.len() > FILE_MAX {
        return Err(Unread::TooLarge(metadata.len()));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0));
    // A file that grows while it is read, or a device, is cut off rather than followed for ever.
    file.take(FILE_MAX + 1).read_to_end(&mut bytes).map_err(Unread::Io)?;
    if bytes.len() as u64 > FILE_MAX {
        return Err(Unread::TooLarge(bytes.len() as u64));
    }
    let text = String::from_utf8(bytes)
        .map_err(|error| Unread::NotUtf8(error.utf8_error().valid_up_to()))?;
    // How a checkout ends lines is no content.
    Ok(with_lf(&text).into_owned())
}

fn source(path: &str, text: &str) -> Source {
    let hash = Sha256::digest(text.as_bytes());
    Source { path: path.to_owned(), sha256: hash.iter().map(|b| format!("{b:02x}")).collect() }
}

/// A relative path with `/` between its parts, if it is text.
pub(super) fn slashed(path: &Path) -> Option<String> {
    let parts: Option<Vec<&str>> = path.iter().map(|part| part.to_str()).collect();
    parts.map(|parts| parts.join("/"))
}

/// An I/O error in words, without the number that the system adds.
fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error") {
        Some(at) => text[..at].to_lowercase(),
        None => text,
    }
}
