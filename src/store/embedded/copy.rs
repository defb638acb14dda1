//! Copies of a store: made while it is in use, checked, and brought back.

use super::file::{self, Fault};
use super::verify::{self, Checked};
use super::{AUDIT, Embedded, HEADS, KEYS, META, OBJECTS, REGISTRY, REVISIONS};
use crate::store::{Error, audit};
use redb::{Database, Key, ReadTransaction, ReadableDatabase, ReadableTable, TableDefinition};
use redb::{Value, WriteTransaction};
use std::fs;
use std::path::Path;

impl Embedded {
    /// Looks at every revision and object of the store in a folder, which no server may have open,
    /// and at every line of the audit log beside it.
    pub fn check(folder: &Path) -> Result<Checked, Error> {
        let path = file::path(folder);
        if !path.exists() {
            return Err(Error::Missing { path: folder.to_owned() });
        }
        let _lock = file::lock(folder)?;
        let checked = verify::check(&path)?;
        let (log, known) = (folder.join("audit.ndjson"), verify::audited(&path)?);
        match audit::verify(&log, known.as_ref()).map_err(Error::io("read", &log))? {
            Ok(lines) => Ok(Checked { audit: Some(lines), ..checked }),
            Err(audit::Broken { line, why }) => Err(Error::Audit { path: log, line, why }),
        }
    }

    /// Writes the store as it is at this moment to a new file, and checks that.
    pub fn backup(&self, to: &Path) -> Result<Checked, Error> {
        if to.exists() {
            return Err(Error::Exists { path: to.to_owned() });
        }
        let part = part_of(to);
        let made = file::new_file(&part).and_then(|target| {
            let copied = self.with(|database| {
                let from = database.begin_read()?;
                let copy = file::builder().create_file(target)?;
                copy_all(&from, &copy)
            });
            copied.and_then(|()| verify::check(&part))
        });
        finish(made, &part, to)
    }

    /// Makes the store of a folder from a backup. It is a new store: plans made for the one that
    /// was backed up do not fit it. A store that is there is refused, or kept under another name.
    pub fn restore(backup: &Path, folder: &Path, replace: bool) -> Result<Checked, Error> {
        if !backup.exists() {
            return Err(Error::Missing { path: backup.to_owned() });
        }
        verify::check(backup)?;
        file::make_folder(folder)?;
        let _lock = file::lock(folder)?;
        let path = file::path(folder);
        if path.exists() && !replace {
            return Err(Error::Exists { path: folder.to_owned() });
        }
        let part = part_of(&path);
        let made = (|| {
            file::new_file(&part)?;
            fs::copy(backup, &part).map_err(Error::io("write", &part))?;
            let renamed = file::guarded(&part, || {
                let copy = file::builder().open(&part)?;
                let transaction = copy.begin_write()?;
                let mut meta = transaction.open_table(META)?;
                meta.insert("lineage", file::identity()?.as_str())?;
                // The log that it was of is not in the backup.
                meta.remove(AUDIT)?;
                drop(meta);
                Ok(transaction.commit()?)
            });
            renamed.map_err(|fault| fault.at(&part))?;
            verify::check(&part)
        })();
        if made.is_ok() && path.exists() {
            let kept = folder.join("store.redb.before-restore");
            fs::rename(&path, &kept).map_err(Error::io("move", &path))?;
        }
        finish(made, &part, &path)
    }
}

fn part_of(path: &Path) -> std::path::PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.part"))
}

/// Gives a copy that was found whole its name, and removes any other.
fn finish(made: Result<Checked, Error>, part: &Path, path: &Path) -> Result<Checked, Error> {
    match made {
        Ok(checked) => file::publish(part, path).map(|()| checked),
        Err(error) => {
            // On a full disk the part would only take more of it.
            let _ = fs::remove_file(part);
            Err(error)
        }
    }
}

fn copy_all(from: &ReadTransaction, to: &Database) -> Result<(), Fault> {
    let transaction = to.begin_write()?;
    copy_table(from, &transaction, META)?;
    copy_table(from, &transaction, HEADS)?;
    copy_table(from, &transaction, REVISIONS)?;
    copy_table(from, &transaction, OBJECTS)?;
    copy_table(from, &transaction, KEYS)?;
    if super::registry(from)?.is_some() {
        copy_table(from, &transaction, REGISTRY)?;
    }
    super::security::copy(from, &transaction)?;
    Ok(transaction.commit()?)
}

pub(super) fn copy_table<K: Key + 'static, V: Value + 'static>(
    from: &ReadTransaction,
    to: &WriteTransaction,
    table: TableDefinition<'_, K, V>,
) -> Result<(), Fault> {
    let mut target = to.open_table(table)?;
    for item in from.open_table(table)?.iter()? {
        let (key, value) = item?;
        target.insert(key.value(), value.value())?;
    }
    Ok(())
}
