//! The record of a directory target: `head.json`, `revisions/N.json` and `objects/N.json`.
//!
//! ```text
//!  head.json ──hash──> revisions/5.json ──hash──> revisions/4.json ──> …
//!                            │ hashes
//!                            ├──> objects/5.json    what revision 5 brought
//!                            └──> objects/2.json    what it still has of revision 2
//! ```
//!
//! Only `head.json` is ever replaced. Every other file is named by a hash that stands in another
//! one, so what was edited by hand or torn by a disk is found before it is used.

use super::disk;
use crate::live::{Commit, Error, Rollout};
use crate::model::{Address, MeshName};
use crate::revision::{Live, MANIFEST_FORMAT, Manifest, ObjectId, join};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The version of the form of these files.
const FORMAT: u32 = 1;

/// Where the history stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Head {
    format: u32,
    pub(super) mesh: MeshName,
    pub(super) revision: u64,
    /// The hash of the revision's file.
    pub(super) record: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) rollout: Option<Rollout>,
}

/// One revision as it stands on disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Record {
    pub(super) manifest: Manifest,
    /// The hash of the parent's file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    parent_record: Option<String>,
    /// The hashes of the object files that hold the entries, by the revision that brought them.
    objects: BTreeMap<u64, String>,
}

/// Objects by their identities.
type Objects = BTreeMap<ObjectId, Value>;

/// The folder of the record.
#[derive(Clone, Debug)]
pub(super) struct Folder(pub(super) PathBuf);

impl Folder {
    fn head(&self) -> PathBuf {
        self.0.join("head.json")
    }

    fn revision(&self, number: u64) -> PathBuf {
        self.0.join("revisions").join(format!("{number}.json"))
    }

    fn objects(&self, number: u64) -> PathBuf {
        self.0.join("objects").join(format!("{number}.json"))
    }

    /// The head, if anything was ever recorded.
    pub(super) fn read_head(&self) -> Result<Option<Head>, Error> {
        let path = self.head();
        let content = match fs::read(&path) {
            Ok(content) => content,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io("read", path)(error)),
        };
        let head: Head = parse(&path, &content)?;
        if head.format > FORMAT {
            return Err(Error::Newer { path, format: head.format.into() });
        }
        Ok(Some(head))
    }

    /// A revision whose file must have this hash.
    pub(super) fn read_revision(&self, number: u64, hash: &str) -> Result<Record, Error> {
        let path = self.revision(number);
        let content = read_hashed(&path, hash)?;
        let record: Record = parse(&path, &content)?;
        if record.manifest.format > MANIFEST_FORMAT {
            return Err(Error::Newer { path, format: record.manifest.format.into() });
        }
        if record.manifest.revision != number {
            return Err(damaged(&path, format!("it is revision {}", record.manifest.revision)));
        }
        Ok(record)
    }

    /// Every revision, the newest first, each checked against the one after it.
    pub(super) fn read_history(&self, head: &Head) -> Result<Vec<Record>, Error> {
        let mut all = Vec::new();
        let mut next = Some((head.revision, head.record.clone()));
        while let Some((number, hash)) = next {
            let record = self.read_revision(number, &hash)?;
            next = match (record.manifest.parent, &record.parent_record) {
                (Some(parent), Some(hash)) if parent < number => Some((parent, hash.clone())),
                (None, None) => None,
                _ => {
                    let why = "its parent is not told in full".to_owned();
                    return Err(damaged(&self.revision(number), why));
                }
            };
            all.push(record);
        }
        Ok(all)
    }

    /// The model of a revision.
    pub(super) fn read_live(&self, record: &Record) -> Result<Live, Error> {
        let mut found: Objects = BTreeMap::new();
        for (number, hash) in &record.objects {
            let path = self.objects(*number);
            let content = read_hashed(&path, hash)?;
            found.extend(parse::<Objects>(&path, &content)?);
        }
        let path = self.revision(record.manifest.revision);
        let mut resources: BTreeMap<Address, Value> = BTreeMap::new();
        for (address, entry) in &record.manifest.entries {
            let Some(object) = found.get(&entry.object) else {
                return Err(damaged(&path, format!("the object of {address} is missing")));
            };
            resources.insert(address.clone(), object.clone());
        }
        let mesh = join(&resources).map_err(|error| damaged(&path, error.to_string()))?;
        let revision = Some(record.manifest.revision);
        Ok(Live { revision, mesh, entries: record.manifest.entries.clone() })
    }

    /// Writes a revision, then makes it the head.
    pub(super) fn commit(&self, head: Option<&Head>, commit: &Commit) -> Result<Head, Error> {
        let number = commit.manifest.revision;
        let parent = match head {
            Some(head) => Some(self.read_revision(head.revision, &head.record)?),
            None => None,
        };
        disk::make_folder(&self.0.join("objects"))?;
        disk::make_folder(&self.0.join("revisions"))?;
        let (objects, new) = self.place(parent.as_ref(), commit)?;
        let mut objects = objects;
        if !new.is_empty() {
            let content = text(&new);
            objects.insert(number, hash(content.as_bytes()));
            disk::replace(&self.objects(number), content.as_bytes())?;
        }
        let record = Record {
            manifest: commit.manifest.clone(),
            parent_record: head.map(|head| head.record.clone()),
            objects,
        };
        let content = text(&record);
        disk::replace(&self.revision(number), content.as_bytes())?;
        let head = Head {
            format: FORMAT,
            mesh: commit.manifest.mesh.clone(),
            revision: number,
            record: hash(content.as_bytes()),
            rollout: commit.rollout.clone(),
        };
        self.write_head(&head)?;
        Ok(head)
    }

    pub(super) fn write_head(&self, head: &Head) -> Result<(), Error> {
        disk::replace(&self.head(), text(head).as_bytes())
    }

    /// Which object files of the parent a revision still needs, and the objects that are new.
    fn place(
        &self,
        parent: Option<&Record>,
        commit: &Commit,
    ) -> Result<(BTreeMap<u64, String>, Objects), Error> {
        let mut wanted: BTreeMap<&ObjectId, &Address> = BTreeMap::new();
        for (address, entry) in &commit.manifest.entries {
            wanted.insert(&entry.object, address);
        }
        let mut kept = BTreeMap::new();
        for (number, hash) in parent.iter().flat_map(|parent| &parent.objects) {
            let path = self.objects(*number);
            let content = read_hashed(&path, hash)?;
            let found: BTreeMap<ObjectId, serde::de::IgnoredAny> = parse(&path, &content)?;
            let before = wanted.len();
            wanted.retain(|id, _| !found.contains_key(*id));
            if wanted.len() < before {
                kept.insert(*number, hash.clone());
            }
        }
        let mut new = Objects::new();
        for (id, address) in wanted {
            let object = commit.objects.get(id).ok_or_else(|| {
                damaged(
                    &self.revision(commit.manifest.revision),
                    format!("{address} has no content"),
                )
            })?;
            new.insert(id.clone(), object.clone());
        }
        Ok((kept, new))
    }
}

/// JSON that people can read, with a final newline.
fn text(value: &impl Serialize) -> String {
    let mut text = serde_json::to_string_pretty(value)
        .expect("invariant: the record is plain data with string keys");
    text.push('\n');
    text
}

fn hash(content: &[u8]) -> String {
    Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn damaged(path: &Path, why: impl Into<String>) -> Error {
    Error::Damaged { path: path.to_owned(), why: why.into() }
}

fn read_hashed(path: &Path, wanted: &str) -> Result<Vec<u8>, Error> {
    let content = match fs::read(path) {
        Ok(content) => content,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(damaged(path, "it is missing"));
        }
        Err(error) => return Err(Error::io("read", path)(error)),
    };
    if hash(&content) != wanted {
        return Err(damaged(path, "its content has changed since"));
    }
    Ok(content)
}

/// Reads a file of the record. What is of a later form is told from what is broken.
fn parse<T: DeserializeOwned>(path: &Path, content: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(content).map_err(|error| {
        let format = serde_json::from_slice::<Value>(content)
            .ok()
            .and_then(|value| value.get("format").and_then(Value::as_u64));
        match format {
            Some(format) if format > u64::from(FORMAT) => {
                Error::Newer { path: path.to_owned(), format }
            }
            _ if content.is_empty() => damaged(path, "it is empty"),
            _ => damaged(path, error.to_string()),
        }
    })
}
