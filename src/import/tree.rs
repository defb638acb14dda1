//! Source files as trees that know where each key and value stands, whatever their format.

use super::codes;
use crate::diag::Diagnostic;
use crate::span::Loc;

/// A value and its place.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    /// The place of the value.
    pub(super) loc: Loc,
    /// The value.
    pub(super) value: Value,
}

/// A value of JSON or YAML. Numbers and booleans are kept as they were written: what a field is to
/// be is said by App Mesh's own table, not by the way somebody wrote it down.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    /// `null`, or nothing at all.
    Null,
    /// A string, a number or a boolean.
    Scalar(String),
    /// A list.
    List(Vec<Node>),
    /// A mapping, in the order of the file.
    Map(Vec<Entry>),
}

/// A key's place and its value.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    /// The key.
    pub(super) key: String,
    /// The place of the key.
    pub(super) at: Loc,
    /// The value.
    pub(super) node: Node,
}

/// What reading gives: a value, or why there is none.
pub(super) type Parsed<T> = Result<T, Box<Diagnostic>>;

/// How deep sources may be nested.
pub(super) const DEPTH_MAX: usize = 128;
/// How many values the sources of one file may amount to, aliases expanded.
pub(super) const VALUES_MAX: usize = 4_000_000;

/// Refuses a mapping in which a key stands twice: one of the two would be lost.
pub(super) fn unique(entries: Vec<Entry>) -> Parsed<Vec<Entry>> {
    let mut sorted: Vec<&Entry> = entries.iter().collect();
    sorted.sort_by(|a, b| a.key.cmp(&b.key).then(a.at.cmp(&b.at)));
    if let Some([first, second]) = sorted
        .windows(2)
        .find_map(|pair| <[&Entry; 2]>::try_from(pair).ok().filter(|[a, b]| a.key == b.key))
    {
        return Err(Diagnostic::new(
            &codes::SYNTAX,
            second.at,
            format!("the key `{}` stands twice in one mapping", second.key),
        )
        .related(first.at, "it stands here too")
        .help("keep one of them")
        .into());
    }
    Ok(entries)
}

impl Value {
    /// The type in words, for messages.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Scalar(_) => "a single value",
            Self::List(_) => "a list",
            Self::Map(_) => "a mapping",
        }
    }
}

impl Node {
    /// A single value.
    pub(super) fn scalar(loc: Loc, text: impl Into<String>) -> Self {
        Self { loc, value: Value::Scalar(text.into()) }
    }

    /// A mapping of entries that share a place.
    pub(super) fn map(loc: Loc, entries: Vec<(&str, Self)>) -> Self {
        let entry = |(key, node): (&str, Self)| Entry { key: key.to_owned(), at: node.loc, node };
        Self { loc, value: Value::Map(entries.into_iter().map(entry).collect()) }
    }

    /// A list.
    pub(super) fn list(loc: Loc, items: Vec<Self>) -> Self {
        Self { loc, value: Value::List(items) }
    }

    /// The entries, if this is a mapping; none otherwise.
    pub(super) fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Map(entries) => entries,
            Value::Null | Value::Scalar(_) | Value::List(_) => &[],
        }
    }

    /// The items, if this is a list; none otherwise.
    pub(super) fn items(&self) -> &[Self] {
        match &self.value {
            Value::List(items) => items,
            Value::Null | Value::Scalar(_) | Value::Map(_) => &[],
        }
    }

    /// The entry of a key.
    pub(super) fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| entry.key == key)
    }

    /// The value under a key, unless there is none or it is null.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        self.entry(key).map(|entry| &entry.node).filter(|node| node.value != Value::Null)
    }

    /// The value under a key, to be changed.
    pub(super) fn get_mut(&mut self, key: &str) -> Option<&mut Self> {
        let Value::Map(entries) = &mut self.value else { return None };
        let entry = entries.iter_mut().find(|entry| entry.key == key)?;
        Some(&mut entry.node).filter(|node| node.value != Value::Null)
    }

    /// Puts a value under a key, in place of what is there; does nothing if this is no mapping.
    pub(super) fn set(&mut self, key: &str, node: Self) {
        let Value::Map(entries) = &mut self.value else { return };
        match entries.iter_mut().find(|entry| entry.key == key) {
            Some(entry) => entry.node = node,
            None => entries.push(Entry { key: key.to_owned(), at: node.loc, node }),
        }
    }

    /// The value under several keys, each in the value of the one before.
    pub(super) fn at(&self, keys: &[&str]) -> Option<&Self> {
        keys.iter().try_fold(self, |node, key| node.get(key))
    }

    /// The text of a single value.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar(text) => Some(text),
            Value::Null | Value::List(_) | Value::Map(_) => None,
        }
    }

    /// The text of the single value under a key.
    pub(super) fn text_at(&self, key: &str) -> Option<&str> {
        self.get(key)?.text()
    }

    /// The same tree with one place for everything in it.
    pub(super) fn relocated(&self, loc: Loc) -> Self {
        let value = match &self.value {
            Value::Null => Value::Null,
            Value::Scalar(text) => Value::Scalar(text.clone()),
            Value::List(items) => Value::List(items.iter().map(|one| one.relocated(loc)).collect()),
            Value::Map(entries) => {
                let entry = |entry: &Entry| Entry {
                    key: entry.key.clone(),
                    at: loc,
                    node: entry.node.relocated(loc),
                };
                Value::Map(entries.iter().map(entry).collect())
            }
        };
        Self { loc, value }
    }

    /// The whole number, if the value is one.
    pub(super) fn int(&self) -> Option<i64> {
        let text = self.text()?;
        // JSON of some tools writes whole numbers as 1.0.
        text.strip_suffix(".0").unwrap_or(text).parse().ok()
    }

    /// The whole number under a key.
    pub(super) fn int_at(&self, key: &str) -> Option<i64> {
        self.get(key)?.int()
    }

    /// The truth, if the value is one.
    pub(super) fn boolean(&self) -> Option<bool> {
        match self.text()?.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" => Some(true),
            "false" | "no" | "off" => Some(false),
            _ => None,
        }
    }

    /// Whether a key is there, null or not.
    pub(super) fn has(&self, key: &str) -> bool {
        self.entry(key).is_some()
    }
}
