//! The tables of operators, join tokens and revocations, and how the files of earlier versions come
//! into them.

use super::file::{self, Fault};
use super::record::bytes;
use super::{FORMAT, META, Named};
use crate::envoy::{ProxyId, parse_node_id};
use crate::model::MeshName;
use crate::store::Error;
use crate::store::security::{Change, JoinToken, Operator, Role, Scope, Security, Standing};
use redb::{
    Database, ReadTransaction, ReadableTable, TableDefinition, TableError, WriteTransaction,
};
use rustix::process::geteuid;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

pub(super) const OPERATORS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("operators");
pub(super) const JOIN_TOKENS: TableDefinition<'_, &str, &[u8]> =
    TableDefinition::new("join_tokens");
/// Mesh and proxy.
pub(super) const PROXIES: TableDefinition<'_, Named, &[u8]> = TableDefinition::new("proxies");
/// In META: there was an operator once.
const BEGUN: &str = "operators";

/// Makes the tables of a new store.
pub(super) fn create(transaction: &WriteTransaction) -> Result<(), Fault> {
    transaction.open_table(OPERATORS)?;
    transaction.open_table(JOIN_TOKENS)?;
    transaction.open_table(PROXIES)?;
    Ok(())
}

fn parsed<T: DeserializeOwned>(what: &str, name: &str, row: &[u8]) -> Result<T, Fault> {
    serde_json::from_slice(row)
        .map_err(|error| Fault::Damaged(format!("the {what} {name} cannot be read: {error}")))
}

/// A store of format 1 has no such tables.
fn table<T>(found: Result<T, TableError>) -> Result<Option<T>, Fault> {
    match found {
        Ok(table) => Ok(Some(table)),
        Err(TableError::TableDoesNotExist(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The rows of a table by their names.
fn named<T: DeserializeOwned>(
    transaction: &ReadTransaction,
    definition: TableDefinition<'_, &str, &[u8]>,
    what: &str,
) -> Result<BTreeMap<String, T>, Fault> {
    let mut all = BTreeMap::new();
    if let Some(rows) = table(transaction.open_table(definition))? {
        for item in rows.iter()? {
            let (name, row) = item?;
            let name = name.value().to_owned();
            let value = parsed(what, &name, row.value())?;
            all.insert(name, value);
        }
    }
    Ok(all)
}

/// Reads all of it.
pub(super) fn read(transaction: &ReadTransaction) -> Result<Security, Fault> {
    let mut all = Security {
        operators: named(transaction, OPERATORS, "operator")?,
        join_tokens: named(transaction, JOIN_TOKENS, "join token")?,
        ..Security::default()
    };
    if let Some(rows) = table(transaction.open_table(PROXIES))? {
        for item in rows.iter()? {
            let (key, row) = item?;
            let (mesh, proxy) = key.value();
            let proxy: ProxyId = proxy.parse().map_err(Fault::Damaged)?;
            let standing = parsed("revocation of", &proxy.to_string(), row.value())?;
            all.proxies.insert((mesh.to_owned(), proxy), standing);
        }
    }
    all.begun = transaction.open_table(META)?.get(BEGUN)?.is_some();
    Ok(all)
}

/// Makes changes in a transaction.
pub(super) fn write(transaction: &WriteTransaction, changes: &[Change]) -> Result<(), Fault> {
    for change in changes {
        match change {
            Change::Operator(name, Some(operator)) => {
                let row = bytes(operator);
                transaction.open_table(OPERATORS)?.insert(name.as_str(), row.as_slice())?;
                transaction.open_table(META)?.insert(BEGUN, "begun")?;
            }
            Change::Operator(name, None) => {
                transaction.open_table(OPERATORS)?.remove(name.as_str())?;
            }
            Change::JoinToken(id, Some(token)) => {
                let row = bytes(token);
                transaction.open_table(JOIN_TOKENS)?.insert(id.as_str(), row.as_slice())?;
            }
            Change::JoinToken(id, None) => {
                transaction.open_table(JOIN_TOKENS)?.remove(id.as_str())?;
            }
            Change::Proxy((mesh, proxy), standing) => {
                let proxy = proxy.to_string();
                let mut rows = transaction.open_table(PROXIES)?;
                let key = (mesh.as_str(), proxy.as_str());
                let known: Option<Standing> = super::row(&rows, key)?;
                if known.is_none_or(|known| known.generation <= standing.generation) {
                    rows.insert(key, bytes(standing).as_slice())?;
                }
            }
        }
    }
    Ok(())
}

/// Copies the tables into another store.
pub(super) fn copy(from: &ReadTransaction, to: &WriteTransaction) -> Result<(), Fault> {
    for (table, there) in [
        (OPERATORS, table(from.open_table(OPERATORS))?.is_some()),
        (JOIN_TOKENS, table(from.open_table(JOIN_TOKENS))?.is_some()),
    ] {
        if there {
            super::copy::copy_table(from, to, table)?;
        }
    }
    if table(from.open_table(PROXIES))?.is_some() {
        super::copy::copy_table(from, to, PROXIES)?;
    }
    Ok(())
}

/// The files of a server before the tables.
const FILES: [&str; 3] = ["operators.json", "join-tokens.json", "revoked.json"];

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct OperatorsFile {
    operators: BTreeMap<String, OldOperator>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OldOperator {
    role: Role,
    #[serde(default)]
    sha256: Option<String>,
    #[serde(default)]
    certificate: Option<String>,
    created: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OldToken {
    mesh: MeshName,
    proxies: String,
    sha256: String,
    until: i64,
    by: String,
}

/// Brings a store of format 1, with the files beside it, to this format, in one transaction.
pub(super) fn migrate(database: &Database, folder: &Path) -> Result<(), Error> {
    let changes = changes_of_files(folder)?;
    let path = file::path(folder);
    file::guarded(&path, || {
        let mut transaction = database.begin_write()?;
        transaction.set_two_phase_commit(true);
        transaction.set_quick_repair(true);
        create(&transaction)?;
        write(&transaction, &changes)?;
        let format = FORMAT.to_string();
        transaction.open_table(META)?.insert("format", format.as_str())?;
        Ok(transaction.commit()?)
    })
    .map_err(|fault| fault.at(&path))
}

/// Moves files aside that are in the store now, so that they do not look as if they counted.
pub(super) fn retire(folder: &Path) -> Result<(), Error> {
    let mut moved = false;
    for name in FILES {
        let (from, to) = (folder.join(name), folder.join(format!("{name}.migrated")));
        match fs::rename(&from, &to) {
            Ok(()) => moved = true,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(Error::io("move", from)(error)),
        }
    }
    match moved {
        true => fs::File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(Error::io("sync", folder)),
        false => Ok(()),
    }
}

fn changes_of_files(folder: &Path) -> Result<Vec<Change>, Error> {
    let [operators, tokens, revoked] = FILES.map(|name| folder.join(name));
    let mut changes = Vec::new();
    if let Some(OperatorsFile { operators }) = read_file(&operators)? {
        for (name, old) in operators {
            let OldOperator { role, sha256, certificate, created } = old;
            let (scope, until, life_s) = (Scope::default(), None, None);
            let operator = Operator { role, sha256, certificate, created, scope, until, life_s };
            changes.push(Change::Operator(name, Some(operator)));
        }
    }
    if let Some(held) = read_file::<BTreeMap<String, OldToken>>(&tokens)? {
        for (id, OldToken { mesh, proxies, sha256, until, by }) in held {
            let token = JoinToken { mesh, proxies, sha256, until, by, generation: 0 };
            changes.push(Change::JoinToken(id, Some(token)));
        }
    }
    if let Some(since) = read_file::<BTreeMap<String, i64>>(&revoked)? {
        for (generation, uri) in (1..).zip(since.into_keys()) {
            let path = uri.strip_prefix("spiffe://").and_then(|rest| rest.split_once('/'));
            let Some(id) = path.and_then(|(_, path)| parse_node_id(path)) else {
                let why = format!("`{uri}` is the identity of no proxy");
                return Err(Error::Damaged { path: revoked, why });
            };
            changes.push(Change::Proxy((id.mesh, id.proxy), Standing { generation, denied: true }));
        }
    }
    Ok(changes)
}

/// Reads a file that may not be there, if nobody else could have written it.
fn read_file<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, Error> {
    let found = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        found => found.map_err(Error::io("look at", path))?,
    };
    let mode = found.mode() & 0o7777;
    if !found.is_file() || found.uid() != geteuid().as_raw() || mode & 0o022 != 0 {
        let why = format!("others could have written it (mode {mode:o}, user {})", found.uid());
        return Err(Error::io("trust", path)(io::Error::new(io::ErrorKind::PermissionDenied, why)));
    }
    let text = fs::read_to_string(path).map_err(Error::io("read", path))?;
    serde_json::from_str(&text)
        .map(Some)
        .map_err(|error| Error::Damaged { path: path.to_owned(), why: error.to_string() })
}
