//! Whether a file is a whole store, found out without writing to it.

use super::file::{self, Fault};
use super::record::{HeadRow, Record, hash};
use super::shadow::Shadow;
use super::{FORMAT, HEADS, META, OBJECTS, REVISIONS, entries, object};
use crate::model::{Address, MeshName};
use crate::revision::join;
use crate::store::Error;
use crate::store::audit::Head;
use redb::{Database, ReadTransaction, ReadableDatabase, ReadableTable};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// What every file of redb begins with.
const MAGIC: &[u8] = b"redb";

/// What a store was found to hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// The identity of the store.
    pub lineage: String,
    /// The bytes of its file.
    pub bytes: u64,
    /// The newest revision of each mesh, and how many there are.
    pub meshes: BTreeMap<MeshName, (u64, usize)>,
    /// The names of its operators.
    pub operators: BTreeSet<String>,
    /// How many lines of the audit log beside it were checked; `None`: none was looked for.
    pub audit: Option<usize>,
}

/// How much is looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Depth {
    /// Every page, and the newest revision of each mesh.
    Newest,
    /// Every revision.
    All,
}

/// Looks at the file as far as a server needs it: every page, and what is newest.
pub(super) fn look(path: &Path) -> Result<(Checked, u64), Error> {
    verify(path, Depth::Newest)
}

/// The newest line of the audit log that a file knows, which was found whole.
pub(super) fn audited(path: &Path) -> Result<Option<Head>, Error> {
    let file = File::open(path).map_err(Error::io("open", path))?;
    let found = file::guarded(path, || {
        let shadow = Shadow::new(file).map_err(|error| Fault::Disk(error.to_string()))?;
        let database = file::builder().create_with_backend(shadow)?;
        super::audited(&database.begin_read()?)
    });
    found.map_err(|fault| fault.at(path))
}

/// Looks at everything in the file.
pub(super) fn check(path: &Path) -> Result<Checked, Error> {
    Ok(verify(path, Depth::All)?.0)
}

fn verify(path: &Path, depth: Depth) -> Result<(Checked, u64), Error> {
    let damaged = |why: String| Error::Damaged { path: path.to_owned(), why };
    let mut file = File::open(path).map_err(Error::io("open", path))?;
    let bytes = file.metadata().map_err(Error::io("look at", path))?.len();
    if bytes == 0 {
        return Err(damaged("it is empty".to_owned()));
    }
    let mut start = [0; MAGIC.len()];
    if file.read_exact(&mut start).is_err() || start != MAGIC {
        return Err(damaged("it is no store".to_owned()));
    }
    let found = file::guarded(path, || {
        let shadow = Shadow::new(file).map_err(|error| Fault::Disk(error.to_string()))?;
        let mut database = file::builder().create_with_backend(shadow)?;
        // The form comes first: a later one may look like damage.
        let (lineage, format) = form(&database, path)?;
        if !database.check_integrity()? {
            return Err(Fault::Damaged("its checksums do not fit its content".to_owned()));
        }
        let transaction = database.begin_read()?;
        let meshes = meshes(&transaction, depth)?;
        let operators = super::security::read(&transaction)?.operators.into_keys().collect();
        Ok((Checked { lineage, bytes, meshes, operators, audit: None }, format))
    });
    found.map_err(|fault| match fault {
        // Nothing was written, so there is nothing that could fail to be.
        Fault::Disk(why) | Fault::Damaged(why) => damaged(why),
        other => other.at(path),
    })
}

/// Checks the format of the tables and gives the lineage with it.
fn form(database: &Database, path: &Path) -> Result<(String, u64), Fault> {
    let meta = database.begin_read()?.open_table(META)?;
    let get = |key: &str| -> Result<String, Fault> {
        match meta.get(key)? {
            Some(value) => Ok(value.value().to_owned()),
            None => Err(Fault::Damaged(format!("its {key} is missing"))),
        }
    };
    let text = get("format")?;
    match text.parse::<u64>() {
        Ok(format @ 1..=FORMAT) => Ok((get("lineage")?, format)),
        Ok(format) if format > FORMAT => Err(Error::Newer { path: path.to_owned(), format }.into()),
        _ => Err(Fault::Damaged(format!("`{text}` is no form of a store"))),
    }
}

fn meshes(
    transaction: &ReadTransaction,
    depth: Depth,
) -> Result<BTreeMap<MeshName, (u64, usize)>, Fault> {
    let revisions = transaction.open_table(REVISIONS)?;
    let objects = transaction.open_table(OBJECTS)?;
    let mut found = BTreeMap::new();
    for item in transaction.open_table(HEADS)?.iter()? {
        let (mesh, head) = item?;
        let mesh = MeshName::new(mesh.value()).map_err(Fault::Damaged)?;
        let head: HeadRow = serde_json::from_slice(head.value())
            .map_err(|error| Fault::Damaged(format!("the head of {mesh}: {error}")))?;
        if head.in_force.is_some_and(|step| step.revision > head.revision) {
            let why =
                format!("{mesh} ends at revision {}, but a later one is in force", head.revision);
            return Err(Fault::Damaged(why));
        }
        let newest = head.revision;
        let mut next = Some((newest, head.record));
        let mut count = 0;
        while let Some((number, identity)) = next {
            let name = format!("revision {number} of {mesh}");
            let record = revisions.get((mesh.as_str(), number))?;
            let record = record.ok_or_else(|| Fault::Damaged(format!("{name} is missing")))?;
            if hash(record.value()) != identity {
                return Err(Fault::Damaged(format!("the record of {name} has changed since")));
            }
            let record: Record = serde_json::from_slice(record.value())
                .map_err(|error| Fault::Damaged(format!("{name}: {error}")))?;
            if count == 0 || depth == Depth::All {
                whole(&objects, &record).map_err(|fault| match fault {
                    Fault::Damaged(why) => Fault::Damaged(format!("{name}: {why}")),
                    other => other,
                })?;
            }
            count += 1;
            next = match (record.parent, record.parent_record) {
                (Some(parent), Some(identity)) if parent < number => Some((parent, identity)),
                (None, None) => None,
                _ => return Err(Fault::Damaged(format!("the parent of {name} is not told"))),
            };
        }
        found.insert(mesh, (newest, count));
    }
    Ok(found)
}

/// Whether a revision can be read as a mesh.
fn whole(
    objects: &impl ReadableTable<&'static str, &'static [u8]>,
    record: &Record,
) -> Result<(), Fault> {
    let mut resources: BTreeMap<Address, Value> = BTreeMap::new();
    for (address, entry) in entries(objects, record)? {
        let Some(value) = object(objects, &entry.object)? else {
            return Err(Fault::Damaged(format!("the object of {address} is missing")));
        };
        resources.insert(address, value);
    }
    join(&resources).map_err(|error| Fault::Damaged(error.to_string()))?;
    Ok(())
}
