//! The folders of steps: written whole beside the one in force, removed when no longer needed.

use super::disk::{self, Tree};
use crate::envoy::{self, ProxyId};
use crate::live::{Error, NewStep, ProxyFiles, StepId};
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The folder that holds the steps.
fn steps(root: &Path) -> PathBuf {
    root.join("steps")
}

/// The folder of one step.
pub(super) fn folder(root: &Path, step: StepId) -> PathBuf {
    steps(root).join(step.to_string())
}

/// Writes a step. What does not differ from the step before is shared with it.
pub(super) fn write(root: &Path, before: Option<StepId>, step: &NewStep<'_>) -> Result<(), Error> {
    let part = steps(root).join(format!(".{}.part", step.id));
    let whole = folder(root, step.id);
    // What a killed run left is not in force: that is checked before.
    remove(&part)?;
    remove(&whole)?;
    let written = fill(root, before, step, &part);
    if let Err(error) = written {
        // On a full disk the part would only take more of it.
        let _ = fs::remove_dir_all(&part);
        return Err(error);
    }
    fs::rename(&part, &whole).map_err(Error::io("write", &whole))?;
    disk::sync_folder(&steps(root))
}

fn fill(root: &Path, before: Option<StepId>, step: &NewStep<'_>, part: &Path) -> Result<(), Error> {
    let before = before.map(|before| folder(root, before));
    let mut tree = Tree::default();
    tree.folder(part)?;
    for kind in ["virtual_node", "virtual_gateway"] {
        tree.folder(&part.join(kind))?;
    }
    for proxy in step.proxies {
        let to = part.join(proxy.to_string());
        tree.folder(&to)?;
        match (step.changed.get(proxy), &before) {
            (Some(config), _) => {
                for (path, content) in &envoy::files(config) {
                    if let Some((folder, _)) = path.rsplit_once('/') {
                        let folder = to.join(folder);
                        if !folder.exists() {
                            tree.folder(&folder)?;
                        }
                    }
                    tree.file(&to.join(path), content)?;
                }
            }
            (None, Some(before)) => {
                let from = before.join(proxy.to_string());
                if !from.is_dir() {
                    return Err(Error::NoFiles { proxy: proxy.to_string() });
                }
                share(&mut tree, &from, &to)?;
            }
            (None, None) => return Err(Error::NoFiles { proxy: proxy.to_string() }),
        }
    }
    tree.sync(part)
}

fn share(tree: &mut Tree, from: &Path, to: &Path) -> Result<(), Error> {
    for (path, is_folder) in list(from)? {
        let name = path.file_name().unwrap_or_default();
        let twin = to.join(name);
        if is_folder {
            tree.folder(&twin)?;
            share(tree, &path, &twin)?;
        } else {
            tree.share(&path, &twin)?;
        }
    }
    Ok(())
}

/// What is in a folder, by name, and whether each is a folder.
fn list(folder: &Path) -> Result<Vec<(PathBuf, bool)>, Error> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(Error::io("read", folder))? {
        let entry = entry.map_err(Error::io("read", folder))?;
        let path = entry.path();
        let is_folder = path.is_dir();
        found.push((path, is_folder));
    }
    found.sort();
    Ok(found)
}

/// The proxies that have a folder in a step.
pub(super) fn proxies(step: &Path) -> Result<BTreeSet<ProxyId>, Error> {
    let mut found = BTreeSet::new();
    for kind in ["virtual_node", "virtual_gateway"] {
        let folder = step.join(kind);
        if !folder.is_dir() {
            continue;
        }
        for (path, is_folder) in list(&folder)? {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if let Ok(proxy) = format!("{kind}/{name}").parse()
                && is_folder
            {
                found.insert(proxy);
            }
        }
    }
    Ok(found)
}

/// The files in a proxy's folder; none if it is not there.
pub(super) fn files(folder: &Path) -> Result<ProxyFiles, Error> {
    let mut found = ProxyFiles::new();
    let mut todo = vec![(folder.to_owned(), String::new())];
    while let Some((folder, prefix)) = todo.pop() {
        if !folder.is_dir() {
            continue;
        }
        for (path, is_folder) in list(&folder)? {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let name = format!("{prefix}{name}");
            if is_folder {
                todo.push((path, format!("{name}/")));
            } else {
                let content = fs::read(&path).map_err(Error::io("read", &path))?;
                found.insert(name, String::from_utf8_lossy(&content).into_owned());
            }
        }
    }
    Ok(found)
}

/// Removes steps that nobody reads any more. The one before stays, for a proxy that is just
/// reading it. That something stays which could not be removed harms nobody.
pub(super) fn clean(root: &Path, current: StepId, before: Option<StepId>) {
    let keep: BTreeSet<String> =
        [Some(current), before].into_iter().flatten().map(|step| step.to_string()).collect();
    for (path, _) in list(&steps(root)).unwrap_or_default() {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if !keep.contains(name.as_ref()) {
            let _ = remove(&path);
        }
    }
}

fn remove(path: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(path) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Error::io("remove", path)(error)),
    }
}
