//! The store in one file, for one server: `DIR/store.redb`.
//!
//! ```text
//!  meta       format, lineage
//!  heads      mesh            -> revision, hash of its record, rollout, step in force, settings
//!  revisions  mesh, number    -> record: parent's hash, leaves
//!  objects    hash            -> resource, or leaf
//!  keys       mesh, key       -> what was committed under it
//!  registry   mesh, key       -> what is registered under it
//!  operators  name            -> role, hash of the secret
//!  join_tokens id             -> what it is for, hash of the secret
//!  proxies    mesh, proxy     -> what was revoked of it
//! ```
//!
//! A commit is one transaction. What is read is held to its hash, and a file that is opened is
//! first looked at as a whole without a byte being written to it: what is damaged or of a later
//! form stays as it is.

mod copy;
mod file;
mod record;
mod security;
mod shadow;
mod verify;

pub use verify::Checked;

use super::security::{Change, Security};
use super::{Error, Head, Landed, Store, Terms, audit};
use crate::model::{Address, MeshName};
use crate::revision::{
    Commit, Entry, Header, MANIFEST_FORMAT, Manifest, ObjectId, Rollout, StepId, canonical_json,
};
use file::Fault;
use record::{HeadRow, Record, bytes, hash};
use redb::{
    Database, ReadOnlyTable, ReadTransaction, ReadableDatabase, ReadableTable, TableDefinition,
    WriteTransaction,
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError, RwLock};

/// The version of the format of these tables. Stores of format 1 had operators, join tokens and
/// revocations in files beside them; they are brought to this one when they are opened.
const FORMAT: u64 = 2;

/// In META: the newest line of the audit log.
const AUDIT: &str = "audit";

const META: TableDefinition<'_, &str, &str> = TableDefinition::new("meta");
const HEADS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("heads");
const REVISIONS: TableDefinition<'_, (&str, u64), &[u8]> = TableDefinition::new("revisions");
const OBJECTS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("objects");
const KEYS: TableDefinition<'_, (&str, &str), &[u8]> = TableDefinition::new("keys");
/// A mesh, and a key in it.
type Named = (&'static str, &'static str);
/// A store that was made before there was a registry has no such table until something is registered.
const REGISTRY: TableDefinition<'_, Named, &[u8]> = TableDefinition::new("registry");

/// A store in one file. One process has it open at a time.
#[derive(Debug)]
pub struct Embedded {
    folder: PathBuf,
    lineage: String,
    /// Device and number of the file that is open.
    file: (u64, u64),
    /// The newest line of the audit log, for the next transaction.
    audit: Mutex<Option<audit::Head>>,
    state: RwLock<State>,
    /// Held as long as the store is open; closing the file lets it go, however the process ends.
    _lock: File,
}

#[derive(Debug)]
enum State {
    Open(Database),
    /// A write had no room: what is on disk is read anew before anything else.
    Closed,
    /// A write failed otherwise.
    Stopped(String),
}

impl Embedded {
    /// Opens the store in a folder.
    pub fn open(folder: impl Into<PathBuf>) -> Result<Self, Error> {
        let folder = folder.into();
        let path = file::path(&folder);
        if !path.exists() {
            return Err(Error::Missing { path: folder });
        }
        let lock = file::lock(&folder)?;
        let (database, lineage, format) = open(&path)?;
        if format < FORMAT {
            security::migrate(&database, &folder)?;
        }
        security::retire(&folder)?;
        let file = file::number(&path)?;
        let (audit, state) = (Mutex::default(), RwLock::new(State::Open(database)));
        Ok(Self { folder, lineage, file, audit, state, _lock: lock })
    }

    /// Opens the store in a folder, which is made if there is none.
    pub fn open_or_create(folder: impl Into<PathBuf>) -> Result<Self, Error> {
        let folder = folder.into();
        if !file::path(&folder).exists() {
            file::make_folder(&folder)?;
            let lock = file::lock(&folder)?;
            // Another process may have been faster.
            if !file::path(&folder).exists() {
                file::create(&folder)?;
            }
            drop(lock);
        }
        Self::open(folder)
    }

    /// The file.
    pub fn path(&self) -> PathBuf {
        file::path(&self.folder)
    }

    fn damaged(&self, why: impl Into<String>) -> Error {
        Error::Damaged { path: self.path(), why: why.into() }
    }

    /// Calls `work` with the database, opened anew if it had to be closed.
    fn with<T>(&self, work: impl FnOnce(&Database) -> Result<T, Fault>) -> Result<T, Error> {
        let path = self.path();
        let mut work = Some(work);
        loop {
            let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
            match &*state {
                State::Open(database) => {
                    let work = work.take().expect("invariant: it is called once, then returned");
                    let result = file::guarded(&path, || work(database));
                    drop(state);
                    return result.map_err(|fault| self.settle(fault));
                }
                State::Stopped(why) => return Err(Error::Stopped { path, why: why.clone() }),
                State::Closed => {}
            }
            drop(state);
            let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
            if matches!(*state, State::Closed) {
                *state = State::Open(open(&path)?.0);
            }
        }
    }

    /// After a failure: the error, and whether the database can be used on.
    fn settle(&self, fault: Fault) -> Error {
        let path = self.path();
        match fault {
            Fault::Own(error) => error,
            Fault::Full(source) => {
                *self.state.write().unwrap_or_else(PoisonError::into_inner) = State::Closed;
                Error::Full { path, source }
            }
            Fault::Disk(why) => {
                let stopped = State::Stopped(why.clone());
                *self.state.write().unwrap_or_else(PoisonError::into_inner) = stopped;
                Error::Stopped { path, why }
            }
            Fault::Damaged(why) => Error::Damaged { path, why },
        }
    }

    /// One transaction. Its changes are on disk when this returns, or none is.
    fn write(
        &self,
        work: impl FnOnce(&WriteTransaction) -> Result<(), Fault>,
    ) -> Result<(), Error> {
        // What is written to a file that is no longer in the folder would be lost.
        let path = self.path();
        if file::number(&path)? != self.file {
            let why = std::io::Error::other("another file has its place");
            return Err(Error::io("find", path)(why));
        }
        let mut committing = false;
        let result = self.with(|database| {
            let mut transaction = database.begin_write()?;
            // What was acknowledged must not be rolled back when a page is later found to be bad:
            // in two phases the newest state is never in doubt, so the damage is told instead.
            transaction.set_two_phase_commit(true);
            transaction.set_quick_repair(true);
            work(&transaction)?;
            let head = self.audit.lock().unwrap_or_else(PoisonError::into_inner).clone();
            if let Some(head) = head {
                transaction.open_table(META)?.insert(AUDIT, head.to_string().as_str())?;
            }
            committing = true;
            transaction.commit()?;
            Ok(())
        });
        match result {
            Err(Error::Stopped { path, why }) if committing => Err(Error::Unknown { path, why }),
            other => other,
        }
    }

    fn read_head(&self, mesh: &MeshName) -> Result<Option<HeadRow>, Error> {
        self.with(|database| {
            let heads = database.begin_read()?.open_table(HEADS)?;
            row(&heads, mesh.as_str())
        })
    }

    fn record(&self, mesh: &MeshName, revision: u64) -> Result<Option<Record>, Error> {
        self.with(|database| {
            let revisions = database.begin_read()?.open_table(REVISIONS)?;
            row(&revisions, (mesh.as_str(), revision))
        })
    }
}

/// Opens a file that was found to be whole.
fn open(path: &Path) -> Result<(Database, String, u64), Error> {
    let (found, format) = verify::look(path)?;
    let database = file::guarded(path, || Ok(file::builder().open(path)?));
    let database = database.map_err(|fault| fault.at(path))?;
    Ok((database, found.lineage, format))
}

/// The table of what is registered, if anything ever was.
fn registry(
    transaction: &ReadTransaction,
) -> Result<Option<ReadOnlyTable<Named, &'static [u8]>>, Fault> {
    match transaction.open_table(REGISTRY) {
        Ok(table) => Ok(Some(table)),
        Err(redb::TableError::TableDoesNotExist(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The newest line of the audit log that a transaction knows.
fn audited(transaction: &ReadTransaction) -> Result<Option<audit::Head>, Fault> {
    let meta = transaction.open_table(META)?;
    let Some(text) = meta.get(AUDIT)? else { return Ok(None) };
    let head = audit::Head::parse(text.value());
    head.map(Some).ok_or_else(|| Fault::Damaged("its head of the audit log cannot be read".into()))
}

/// Reads one row of a table.
fn row<'k, K, T>(
    table: &impl ReadableTable<K, &'static [u8]>,
    key: K::SelfType<'k>,
) -> Result<Option<T>, Fault>
where
    K: redb::Key + 'static,
    T: DeserializeOwned,
{
    match table.get(key)? {
        Some(found) => serde_json::from_slice(found.value())
            .map(Some)
            .map_err(|error| Fault::Damaged(format!("a row cannot be read: {error}"))),
        None => Ok(None),
    }
}

/// Reads an object and holds it to its identity.
fn object(
    table: &impl ReadableTable<&'static str, &'static [u8]>,
    id: &ObjectId,
) -> Result<Option<Value>, Fault> {
    let Some(value) = row::<&str, Value>(table, id.as_str())? else { return Ok(None) };
    if ObjectId::of(&value) != *id {
        return Err(Fault::Damaged(format!("the content of the object {id} has changed since")));
    }
    Ok(Some(value))
}

/// The entries of a record.
fn entries(
    objects: &impl ReadableTable<&'static str, &'static [u8]>,
    record: &Record,
) -> Result<BTreeMap<Address, Entry>, Fault> {
    let mut all = BTreeMap::new();
    for id in record.leaves.values() {
        let leaf = object(objects, id)?;
        let leaf = leaf.ok_or_else(|| Fault::Damaged(format!("the leaf {id} is missing")))?;
        let leaf: BTreeMap<Address, Entry> = serde_json::from_value(leaf)
            .map_err(|error| Fault::Damaged(format!("the leaf {id} cannot be read: {error}")))?;
        all.extend(leaf);
    }
    if all.len() != record.resources {
        let why = format!("revision {} has {} entries", record.revision, all.len());
        return Err(Fault::Damaged(format!("{why}, not {}", record.resources)));
    }
    Ok(all)
}

/// Writes a commit into a transaction, if it fits. Gives the hash of the record.
fn put(
    transaction: &WriteTransaction,
    commit: &Commit,
    terms: &Terms<'_>,
) -> Result<String, Fault> {
    let manifest = &commit.manifest;
    let mesh = manifest.mesh.as_str();
    let mut heads = transaction.open_table(HEADS)?;
    let head: Option<HeadRow> = row(&heads, mesh)?;
    if let Some(key) = terms.key {
        let mut keys = transaction.open_table(KEYS)?;
        if let Some(landed) = row::<_, Landed>(&keys, (mesh, key))? {
            let (key, revision) = (key.to_owned(), landed.revision);
            return Err(Error::Landed { key, revision }.into());
        }
        let landed = Landed { plan: manifest.plan.clone(), revision: manifest.revision };
        keys.insert((mesh, key), bytes(&landed).as_slice())?;
    }
    let found = head.as_ref().map(|head| head.revision);
    if found != manifest.parent || found.is_some_and(|found| found >= manifest.revision) {
        return Err(Error::Stale { expected: manifest.parent, found }.into());
    }
    let mut objects = transaction.open_table(OBJECTS)?;
    for (address, entry) in &manifest.entries {
        if objects.get(entry.object.as_str())?.is_some() {
            continue;
        }
        let Some(value) = commit.objects.get(&entry.object) else {
            return Err(Error::Incomplete { address: address.to_string() }.into());
        };
        objects.insert(entry.object.as_str(), canonical_json(value).as_bytes())?;
    }
    let (record, leaves) = Record::of(manifest, head.as_ref().map(|head| head.record.clone()));
    for (id, leaf) in leaves {
        objects.insert(id.as_str(), canonical_json(&leaf).as_bytes())?;
    }
    let record = bytes(&record);
    let identity = hash(&record);
    transaction.open_table(REVISIONS)?.insert((mesh, manifest.revision), record.as_slice())?;
    let head = HeadRow {
        revision: manifest.revision,
        record: identity.clone(),
        rollout: commit.rollout.clone(),
        in_force: head.and_then(|head| head.in_force),
        settings: terms.settings.clone(),
    };
    heads.insert(mesh, bytes(&head).as_slice())?;
    Ok(identity)
}

impl Store for Embedded {
    fn lineage(&self) -> String {
        self.lineage.clone()
    }

    fn meshes(&self) -> Result<Vec<MeshName>, Error> {
        self.with(|database| {
            let heads = database.begin_read()?.open_table(HEADS)?;
            let mut found = Vec::new();
            for item in heads.iter()? {
                let name = MeshName::new(item?.0.value()).map_err(Fault::Damaged)?;
                found.push(name);
            }
            Ok(found)
        })
    }

    fn head(&self, mesh: &MeshName) -> Result<Option<Head>, Error> {
        let head = self.read_head(mesh)?;
        Ok(head.map(|head| {
            let HeadRow { revision, record: _, rollout, in_force, settings } = head;
            Head { revision, rollout, in_force, settings }
        }))
    }

    fn manifest(&self, mesh: &MeshName, revision: u64) -> Result<Manifest, Error> {
        let Some(record) = self.record(mesh, revision)? else {
            let newest = self.read_head(mesh)?.map(|head| head.revision);
            return Err(Error::NoRevision { revision, newest });
        };
        if record.format > MANIFEST_FORMAT {
            return Err(Error::Newer { path: self.path(), format: record.format.into() });
        }
        self.with(|database| {
            let objects = database.begin_read()?.open_table(OBJECTS)?;
            Ok(record.manifest(entries(&objects, &record)?))
        })
    }

    fn history(&self, mesh: &MeshName) -> Result<Vec<Header>, Error> {
        let mut found = Vec::new();
        let Some(head) = self.read_head(mesh)? else { return Ok(found) };
        let mut next = Some(head.revision);
        while let Some(revision) = next {
            let Some(record) = self.record(mesh, revision)? else {
                return Err(self.damaged(format!("revision {revision} of {mesh} is missing")));
            };
            next = record.parent.filter(|parent| *parent < revision);
            found.push(record.header());
        }
        Ok(found)
    }

    fn objects(&self, ids: &BTreeSet<ObjectId>) -> Result<BTreeMap<ObjectId, Value>, Error> {
        self.with(|database| {
            let objects = database.begin_read()?.open_table(OBJECTS)?;
            let mut found = BTreeMap::new();
            for id in ids {
                if let Some(value) = object(&objects, id)? {
                    found.insert(id.clone(), value);
                }
            }
            Ok(found)
        })
    }

    fn commit(&self, commit: &Commit, terms: &Terms<'_>) -> Result<(), Error> {
        let mut record = String::new();
        let result = self.write(|transaction| {
            record = put(transaction, commit, terms)?;
            Ok(())
        });
        let Err(Error::Full { path, source }) = result else { return result };
        // Whether it is there can be told as soon as the file is read anew.
        match self.read_head(&commit.manifest.mesh) {
            Ok(Some(head)) if !record.is_empty() && head.record == record => Ok(()),
            Ok(_) => Err(Error::Full { path, source }),
            Err(error) => Err(Error::Unknown { path, why: format!("{source}, then {error}") }),
        }
    }

    fn progress(
        &self,
        mesh: &MeshName,
        revision: u64,
        rollout: Option<&Rollout>,
        in_force: Option<StepId>,
    ) -> Result<(), Error> {
        self.write(|transaction| {
            let mut heads = transaction.open_table(HEADS)?;
            let head: Option<HeadRow> = row(&heads, mesh.as_str())?;
            let found = head.as_ref().map(|head| head.revision);
            let Some(head) = head.filter(|head| head.revision == revision) else {
                return Err(Error::Stale { expected: Some(revision), found }.into());
            };
            let head = HeadRow { rollout: rollout.cloned(), in_force, ..head };
            heads.insert(mesh.as_str(), bytes(&head).as_slice())?;
            Ok(())
        })
    }

    fn copy(&self) -> Result<Vec<u8>, Error> {
        let file = self.folder.join("store.redb.copy");
        // What a killed run left there is no copy of now.
        let _ = std::fs::remove_file(&file);
        self.backup(&file)?;
        let bytes = std::fs::read(&file).map_err(Error::io("read", &file));
        let _ = std::fs::remove_file(&file);
        bytes
    }

    fn registered(&self, mesh: &MeshName) -> Result<BTreeMap<String, Value>, Error> {
        self.with(|database| {
            let mut found = BTreeMap::new();
            let transaction = database.begin_read()?;
            let Some(registry) = registry(&transaction)? else { return Ok(found) };
            for item in registry.range((mesh.as_str(), "")..)? {
                let (key, value) = item?;
                let (of, key) = key.value();
                if of != mesh.as_str() {
                    break;
                }
                let value = serde_json::from_slice(value.value())
                    .map_err(|error| Fault::Damaged(format!("a registration: {error}")))?;
                found.insert(key.to_owned(), value);
            }
            Ok(found)
        })
    }

    fn register(&self, mesh: &MeshName, key: &str, value: Option<&Value>) -> Result<(), Error> {
        self.write(|transaction| {
            let mut registry = transaction.open_table(REGISTRY)?;
            match value {
                Some(value) => {
                    let bytes = bytes(value);
                    registry.insert((mesh.as_str(), key), bytes.as_slice())?;
                }
                None => {
                    registry.remove((mesh.as_str(), key))?;
                }
            }
            Ok(())
        })
    }

    fn security(&self) -> Result<Security, Error> {
        self.with(|database| security::read(&database.begin_read()?))
    }

    fn secure(&self, changes: &[Change]) -> Result<(), Error> {
        self.write(|transaction| security::write(transaction, changes))
    }

    fn audit(&self) -> Result<Option<audit::Head>, Error> {
        self.with(|database| audited(&database.begin_read()?))
    }

    fn note_audit(&self, head: &audit::Head) {
        *self.audit.lock().unwrap_or_else(PoisonError::into_inner) = Some(head.clone());
    }

    fn landed(&self, mesh: &MeshName, key: &str) -> Result<Option<Landed>, Error> {
        self.with(|database| {
            let keys = database.begin_read()?.open_table(KEYS)?;
            row(&keys, (mesh.as_str(), key))
        })
    }
}
