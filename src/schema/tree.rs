//! Parsed TOML as a tree that knows where each key and value stands.
//!
//! Files and overlays are merged in this form, before anything is read from it.

use crate::span::Loc;
use std::{slice, vec};

/// A value and its place.
#[derive(Clone, Debug)]
pub struct Node {
    /// The place of the value.
    pub loc: Loc,
    /// The value.
    pub value: Value,
}

/// A TOML value.
#[derive(Clone, Debug)]
pub enum Value {
    /// A string.
    String(String),
    /// An integer.
    Integer(i64),
    /// A number with a fraction.
    Float(f64),
    /// `true` or `false`.
    Boolean(bool),
    /// A date or time, as written.
    Datetime(String),
    /// An array.
    Array(Vec<Node>),
    /// A table.
    Table(Table),
}

/// A table. Keys are ordered by name, so that the order in a file never matters.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// The entries by key.
    pub entries: Entries,
}

/// Entries by key. A sorted list, because nearly every table has a handful of keys and a tree of
/// maps would take three times the memory; whoever adds many entries collects them first.
#[derive(Clone, Debug, Default)]
pub struct Entries(Vec<(String, Entry)>);

impl Entries {
    fn place(&self, key: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(known, _)| known.as_str().cmp(key))
    }

    /// The entry of a key.
    pub fn get(&self, key: &str) -> Option<&Entry> {
        self.place(key).ok().map(|at| &self.0[at].1)
    }

    /// The entry of a key, to change it.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Entry> {
        self.place(key).ok().map(|at| &mut self.0[at].1)
    }

    /// Whether there is an entry of a key.
    pub fn contains_key(&self, key: &str) -> bool {
        self.place(key).is_ok()
    }

    /// Adds an entry, or replaces that of the same key. The cost is linear in the table.
    pub fn insert(&mut self, key: String, entry: Entry) {
        match self.place(&key) {
            Ok(at) => self.0[at].1 = entry,
            Err(at) => self.0.insert(at, (key, entry)),
        }
    }

    /// Takes an entry out. The cost is linear in the table.
    pub fn remove(&mut self, key: &str) -> Option<Entry> {
        self.place(key).ok().map(|at| self.0.remove(at).1)
    }

    /// The keys, in order.
    pub fn keys(&self) -> impl Iterator<Item = &String> {
        self.0.iter().map(|(key, _)| key)
    }

    /// The entries, in the order of their keys.
    pub fn iter(&self) -> slice::Iter<'_, (String, Entry)> {
        self.0.iter()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<(String, Entry)> for Entries {
    /// The keys must differ.
    fn from_iter<I: IntoIterator<Item = (String, Entry)>>(entries: I) -> Self {
        let mut entries: Vec<_> = entries.into_iter().collect();
        entries.sort_by(|(a, _), (b, _)| a.cmp(b));
        Self(entries)
    }
}

impl IntoIterator for Entries {
    type Item = (String, Entry);
    type IntoIter = vec::IntoIter<(String, Entry)>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Entries {
    type Item = &'a (String, Entry);
    type IntoIter = slice::Iter<'a, (String, Entry)>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

/// A key's place and its value.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The place of the key.
    pub key: Loc,
    /// The value.
    pub node: Node,
}

impl Value {
    /// The type in words, for messages.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::String(_) => "a string",
            Self::Integer(_) => "an integer",
            Self::Float(_) => "a number with a fraction",
            Self::Boolean(_) => "a boolean",
            Self::Datetime(_) => "a date or time",
            Self::Array(_) => "an array",
            Self::Table(_) => "a table",
        }
    }
}

impl Node {
    /// The table, if it is one.
    pub fn as_table(&self) -> Option<&Table> {
        match &self.value {
            Value::Table(table) => Some(table),
            _ => None,
        }
    }

    /// The string, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// The integer, if it is one.
    pub fn as_integer(&self) -> Option<i64> {
        match &self.value {
            Value::Integer(number) => Some(*number),
            _ => None,
        }
    }

    /// The value under a key, if this is a table that has it.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.as_table()?.entries.get(key).map(|entry| &entry.node)
    }

    /// The value as JSON. Dates become strings; numbers that JSON lacks become null.
    pub fn to_json(&self) -> serde_json::Value {
        match &self.value {
            Value::String(text) | Value::Datetime(text) => text.as_str().into(),
            Value::Integer(number) => (*number).into(),
            Value::Float(number) => (*number).into(),
            Value::Boolean(value) => (*value).into(),
            Value::Array(items) => items.iter().map(Self::to_json).collect(),
            Value::Table(table) => serde_json::Value::Object(
                table
                    .entries
                    .iter()
                    .map(|(key, entry)| (key.clone(), entry.node.to_json()))
                    .collect(),
            ),
        }
    }
}
