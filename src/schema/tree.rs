//! Parsed TOML as a tree that knows where each key and value stands.
//!
//! Files and overlays are merged in this form, before anything is read from it.

use crate::span::Loc;
use std::collections::BTreeMap;

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
    pub entries: BTreeMap<String, Entry>,
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
