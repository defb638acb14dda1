//! Sources of an import: files as they are named, folders walked.

use crate::import::{Content, SOURCE_MAX, Source};
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

/// Endings of files that are looked at in a folder.
const ENDINGS: [&str; 8] =
    [".json", ".yaml", ".yml", ".template", ".tmpl", ".tpl", ".tfstate", ".tf"];
/// Folders that are not walked.
const SKIPPED: [&str; 4] = ["node_modules", "vendor", "target", ".terraform"];

/// Reads files, and those of folders: each folder's own in the order of their names, then its
/// subfolders'. Fails with the path that cannot be read.
pub fn read_sources(paths: &[PathBuf]) -> Result<Vec<Source>, (PathBuf, io::Error)> {
    let mut sources = Vec::new();
    for path in paths {
        if path == Path::new("-") {
            let content = content(io::stdin().lock()).map_err(|error| (path.clone(), error))?;
            sources.push(Source { path: "stdin".to_owned(), content, named: true });
            continue;
        }
        if !fs::metadata(path).map_err(|error| (path.clone(), error))?.is_dir() {
            sources.push(source(path, true)?);
            continue;
        }
        let mut found = Vec::new();
        let walk = WalkDir::new(path).follow_links(true).into_iter().filter_entry(|entry| {
            let name = entry.file_name().to_string_lossy();
            entry.depth() == 0 || !name.starts_with('.') && !SKIPPED.contains(&name.as_ref())
        });
        for entry in walk {
            let entry = entry.map_err(|error| {
                (error.path().unwrap_or(path).to_path_buf(), io::Error::from(error))
            })?;
            let name = entry.file_name().to_string_lossy();
            if entry.file_type().is_file() && ENDINGS.iter().any(|ending| name.ends_with(ending)) {
                found.push(entry.into_path());
            }
        }
        found.sort_by_key(|path| place(path));
        for path in found {
            sources.push(source(&path, false)?);
        }
    }
    Ok(sources)
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

fn source(path: &Path, named: bool) -> Result<Source, (PathBuf, io::Error)> {
    let failed = |error| (path.to_path_buf(), error);
    let file = fs::File::open(path).map_err(failed)?;
    let size = file.metadata().map_err(failed)?.len();
    let content = match size > SOURCE_MAX {
        true => Content::TooLarge(size),
        false => content(file).map_err(failed)?,
    };
    let shown = path.to_string_lossy();
    let shown = shown.strip_prefix("./").unwrap_or(&shown);
    Ok(Source { path: shown.to_owned(), content, named })
}

fn content(from: impl Read) -> io::Result<Content> {
    let mut bytes = Vec::new();
    from.take(SOURCE_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > SOURCE_MAX {
        return Ok(Content::TooLarge(bytes.len() as u64));
    }
    Ok(match String::from_utf8(bytes) {
        Ok(text) => Content::Text(text),
        Err(error) => Content::NotUtf8(error.utf8_error().valid_up_to()),
    })
}
