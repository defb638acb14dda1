//! Sources of an import: files as they are named, folders walked.

use super::files;
use super::within::{LEADS_OUT, Within};
use crate::import::{Content, SOURCE_MAX, Source, is_maker};
use crate::schema::with_lf;
use globset::{Glob, GlobSet, GlobSetBuilder};
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

/// Endings of definitions that are looked at in a folder, in any case; what makes definitions is handed
/// over too if it names App Mesh.
const ENDINGS: [&str; 13] = [
    ".json",
    ".jsonc",
    ".yaml",
    ".yml",
    ".template",
    ".tmpl",
    ".tpl",
    ".tfstate",
    ".tf",
    ".tofu",
    ".tfvars",
    "kustomization",
    "terragrunt.hcl",
];
/// Endings of templates of other tools, which are looked at if they name App Mesh.
const TEMPLATES: [&str; 8] =
    [".j2", ".jinja", ".jinja2", ".erb", ".mustache", ".hbs", ".gotmpl", ".in"];
/// Hidden files and folders of pipelines, which are looked at like others.
const PIPELINES: [&str; 11] = [
    ".github",
    ".gitlab",
    ".gitlab-ci.yml",
    ".circleci",
    ".buildkite",
    ".azure-pipelines",
    ".travis.yml",
    ".drone.yml",
    ".woodpecker",
    ".woodpecker.yml",
    ".forgejo",
];
/// The largest file without an ending that is looked at, in bytes: scripts are small, programs are not.
const BARE_MAX: u64 = 1 << 20;
/// Folders that are not walked.
const SKIPPED: [&str; 3] = ["node_modules", "vendor", "target"];
/// Where Terraform keeps what it fetched; of it, the modules are walked.
const FETCHED: &str = ".terraform";

/// Which files of folders are left out.
#[derive(Clone, Debug, Default)]
pub struct Exclude(GlobSet);

impl Exclude {
    /// Patterns of paths below a folder, or of names of files: `**` is any number of folders. Fails with
    /// the pattern that is not one.
    pub fn new(patterns: &[String]) -> Result<Self, String> {
        let mut set = GlobSetBuilder::new();
        for pattern in patterns {
            let glob = Glob::new(pattern).map_err(|error| error.to_string())?;
            set.add(glob);
        }
        Ok(Self(set.build().map_err(|error| error.to_string())?))
    }

    fn has(&self, below: &Path) -> bool {
        self.0.is_match(below) || below.file_name().is_some_and(|name| self.0.is_match(name))
    }
}

/// Reads files, and those of folders: each folder's own in the order of their names, then its
/// subfolders'. A file that was named and cannot be read fails with its path; what a folder has and
/// cannot be read is handed over as unreadable.
pub fn read_sources(
    paths: &[PathBuf],
    exclude: &Exclude,
) -> Result<Vec<Source>, (PathBuf, io::Error)> {
    let mut sources = Vec::new();
    for path in paths {
        if path == Path::new("-") {
            let content = content(io::stdin().lock()).map_err(|error| (path.clone(), error))?;
            sources.push(Source { path: "stdin".to_owned(), content, named: true });
            continue;
        }
        if !fs::metadata(path).map_err(|error| (path.clone(), error))?.is_dir() {
            let anywhere = Within::anywhere();
            sources.push(source(&anywhere, path, true).map_err(|error| (path.clone(), error))?);
            continue;
        }
        sources.extend(folder(path, exclude)?);
    }
    Ok(sources)
}

/// The files of a folder that may have definitions.
fn folder(path: &Path, exclude: &Exclude) -> Result<Vec<Source>, (PathBuf, io::Error)> {
    let within = Within::of(path);
    let mut found: Vec<(PathBuf, Option<String>)> = Vec::new();
    let below = |inner: &Path| inner.strip_prefix(path).unwrap_or(inner).to_path_buf();
    let skipped = |inner: &Path| {
        let name = inner.file_name().unwrap_or_default().to_string_lossy();
        SKIPPED.contains(&name.as_ref()) || exclude.has(&below(inner))
    };
    let walk = WalkDir::new(path).follow_links(true).into_iter().filter_entry(|entry| {
        let name = entry.file_name().to_string_lossy();
        let within = below(entry.path());
        let walked = match place_in_fetched(&within) {
            // Of `.terraform` itself and of what is in it.
            Some(0) => true,
            Some(1) => name == "modules",
            Some(_) => !name.starts_with('.'),
            None => !name.starts_with('.') || PIPELINES.contains(&name.as_ref()),
        };
        entry.depth() == 0 || walked && !skipped(entry.path())
    });
    for entry in walk {
        match entry {
            Ok(entry) => {
                let small = || entry.metadata().is_ok_and(|metadata| metadata.len() <= BARE_MAX);
                let wanted = match place_in_fetched(&below(entry.path())) {
                    Some(depth) => is_of_module(entry.path(), depth),
                    None => is_read(entry.path()) || is_bare(entry.path()) && small(),
                };
                if entry.file_type().is_file() && wanted {
                    let out = within.is_left_by(entry.path()).then(|| LEADS_OUT.to_owned());
                    found.push((entry.into_path(), out));
                }
            }
            Err(error) if error.depth() == 0 => {
                return Err((path.to_path_buf(), io::Error::from(error)));
            }
            Err(error) => {
                let inner = error.path().unwrap_or(path).to_path_buf();
                let why = match error.loop_ancestor() {
                    Some(_) => "a link that leads back to its own folder".to_owned(),
                    None => error.io_error().map_or_else(|| error.to_string(), ToString::to_string),
                };
                let wanted = is_read(&inner);
                if !files::left_out(&inner, path, &error, wanted) && !skipped(&inner) {
                    found.push((inner, Some(why)));
                }
            }
        }
    }
    found.sort_by_key(|(path, _)| place(path));
    let mut sources = Vec::new();
    for (path, broken) in found {
        let unreadable = |why: String| Source {
            path: shown(&path),
            content: Content::Unreadable(why),
            named: false,
        };
        let other = is_bare(&path) || is_template(&path) || is_pipeline(&below(&path));
        let may_be_other = is_maker(&shown(&path)) || broken.is_none() && other;
        let source = match broken {
            Some(why) => unreadable(why),
            None => {
                source(&within, &path, false).unwrap_or_else(|error| unreadable(error.to_string()))
            }
        };
        if !may_be_other || names_app_mesh(&source.content) {
            sources.push(source);
        }
    }
    Ok(sources)
}

fn is_read(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    is_maker(&name) || is_template(path) || ENDINGS.iter().any(|ending| name.ends_with(ending))
}

fn is_template(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    TEMPLATES.iter().any(|ending| name.ends_with(ending))
}

/// Whether a file's name has no ending, as that of many scripts.
fn is_bare(path: &Path) -> bool {
    !is_read(path) && path.extension().is_none()
}

/// Whether a file is hidden, or in a hidden folder that is no module of Terraform.
fn is_pipeline(below: &Path) -> bool {
    place_in_fetched(below).is_none()
        && below.iter().any(|part| part.as_encoded_bytes().starts_with(b"."))
}

/// How deep a path is in a folder of what Terraform fetched, if it is in one.
fn place_in_fetched(below: &Path) -> Option<usize> {
    let depth = below.iter().count();
    below.iter().position(|part| part == FETCHED).map(|at| depth - at - 1)
}

/// Whether a file of what Terraform fetched is one of a module, or the list of modules.
fn is_of_module(path: &Path, depth: usize) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    let endings = [".tf", ".tofu", ".tf.json", ".tofu.json"];
    depth == 2 && name == "modules.json"
        || depth > 2 && endings.iter().any(|ending| name.ends_with(ending))
}

fn names_app_mesh(content: &Content) -> bool {
    let Content::Text(text) = content else { return false };
    ["appmesh", "AppMesh", "app-mesh"].iter().any(|word| text.contains(word))
}

/// Where a file comes: folder by folder, a folder's files before its subfolders, and `a` before
/// `a-tls` whatever their endings.
fn place(path: &Path) -> (Vec<(bool, String)>, String) {
    let parts: Vec<String> = path.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    let last = parts.len().saturating_sub(1);
    let key = parts.iter().enumerate().map(|(at, part)| {
        let bare = part.split('.').next().unwrap_or_default();
        (at != last, if at == last { bare.to_owned() } else { part.clone() })
    });
    (key.collect(), parts.last().cloned().unwrap_or_default())
}

fn shown(path: &Path) -> String {
    let shown = path.to_string_lossy();
    shown.strip_prefix("./").unwrap_or(&shown).to_owned()
}

fn source(within: &Within, path: &Path, named: bool) -> io::Result<Source> {
    let file = within.open(path)?;
    let size = file.metadata()?.len();
    let content = match size > SOURCE_MAX {
        true => Content::TooLarge(size),
        false => content(file)?,
    };
    Ok(Source { path: shown(path), content, named })
}

fn content(from: impl Read) -> io::Result<Content> {
    let mut bytes = Vec::new();
    from.take(SOURCE_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > SOURCE_MAX {
        return Ok(Content::TooLarge(bytes.len() as u64));
    }
    Ok(match String::from_utf8(bytes) {
        // How a checkout ends lines is no content.
        Ok(text) => Content::Text(with_lf(&text).into_owned()),
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            match utf16(error.as_bytes()) {
                Some(text) => Content::Text(text),
                None => Content::NotUtf8(at),
            }
        }
    })
}

/// A text of UTF-16 with a byte order mark, which is what PowerShell 5 writes for `>`.
fn utf16(bytes: &[u8]) -> Option<String> {
    let read: fn([u8; 2]) -> u16 = match bytes {
        [0xff, 0xfe, ..] => u16::from_le_bytes,
        [0xfe, 0xff, ..] => u16::from_be_bytes,
        _ => return None,
    };
    let (pairs, rest) = bytes[2..].as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    let units: Vec<u16> = pairs.iter().map(|pair| read(*pair)).collect();
    String::from_utf16(&units).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn utf16_is_read_in_both_orders() {
        assert_eq!(utf16(&[0xff, 0xfe, b'a', 0, 0xe9, 0]).as_deref(), Some("aé"));
        assert_eq!(utf16(&[0xfe, 0xff, 0, b'a']).as_deref(), Some("a"));
        assert_eq!(utf16(&[0xff, 0xfe, b'a']), None);
        assert_eq!(utf16(b"ab"), None);
    }

    #[test]
    fn patterns_leave_out_paths_and_names() {
        let exclude = Exclude::new(&["old/**".to_owned(), "*.bak.json".to_owned()]).unwrap();
        assert!(exclude.has(Path::new("old/a.json")));
        assert!(exclude.has(Path::new("new/a.bak.json")));
        assert!(!exclude.has(Path::new("new/a.json")));
        assert!(Exclude::new(&["[".to_owned()]).is_err());
    }
}
