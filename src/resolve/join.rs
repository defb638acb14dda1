//! Joins the trees of all files to one. The same thing in two files is an error with both places.

use crate::diag::{Diagnostic, Diagnostics, nearest};
use crate::schema::{Entry, Node, TOP_LEVEL, Table, Value, codes};
use crate::span::Loc;
use std::collections::BTreeMap;

/// Kinds whose resources may stand in two files: the settings in one, the routes in another.
const SPLITTABLE: [&str; 2] = ["virtual_router", "virtual_gateway"];

/// What the files have said of one kind so far. The resources of a large mesh come from a thousand
/// files, so they are kept where adding is cheap.
struct Joined {
    key: Loc,
    loc: Loc,
    /// The resources by name, or what stands in their place.
    value: Result<BTreeMap<String, Entry>, Value>,
}

impl Joined {
    fn new(entry: Entry) -> Self {
        let value = match entry.node.value {
            Value::Table(table) => Ok(table.entries.into_iter().collect()),
            other => Err(other),
        };
        Self { key: entry.key, loc: entry.node.loc, value }
    }

    fn finish(self) -> Entry {
        let value = match self.value {
            Ok(entries) => Value::Table(Table { entries: entries.into_iter().collect() }),
            Err(other) => other,
        };
        Entry { key: self.key, node: Node { loc: self.loc, value } }
    }
}

pub(super) fn join(files: Vec<Node>, diagnostics: &mut Diagnostics) -> Node {
    let loc = files.first().map_or_else(|| Loc::NOWHERE, |file| file.loc);
    let mut kinds: BTreeMap<String, Joined> = BTreeMap::new();
    for file in files {
        let Value::Table(table) = file.value else { continue };
        for (kind, entry) in table.entries {
            if !TOP_LEVEL.contains(&kind.as_str()) {
                unknown(&kind, &entry, diagnostics);
                continue;
            }
            match kinds.get_mut(&kind) {
                None => {
                    kinds.insert(kind, Joined::new(entry));
                }
                Some(there) if kind == "mesh" => {
                    duplicate("mesh", there.key, entry.key, diagnostics);
                }
                Some(there) => join_kind(&kind, there, entry, diagnostics),
            }
        }
    }
    let entries = kinds.into_iter().map(|(kind, joined)| (kind, joined.finish())).collect();
    Node { loc, value: Value::Table(Table { entries }) }
}

fn unknown(kind: &str, entry: &Entry, diagnostics: &mut Diagnostics) {
    let help = match nearest(kind, TOP_LEVEL) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!(
            "a file of a mesh has the tables {}; name other TOML files in `files` of meshctl.toml \
             so that they are left out",
            TOP_LEVEL.map(|table| format!("`{table}`")).join(", ")
        ),
    };
    diagnostics.push(
        Diagnostic::new(&codes::UNKNOWN_KEY, entry.key, format!("unknown table `{kind}`"))
            .help(help),
    );
}

fn duplicate(what: &str, first: Loc, again: Loc, diagnostics: &mut Diagnostics) {
    diagnostics.push(
        Diagnostic::new(&codes::DUPLICATE, again, format!("`{what}` is defined a second time"))
            .label("defined again here")
            .help("keep one of the definitions, or give one another name")
            .related(first, "first defined here"),
    );
}

fn join_kind(kind: &str, there: &mut Joined, entry: Entry, diagnostics: &mut Diagnostics) {
    let (Ok(known), Value::Table(more)) = (&mut there.value, entry.node.value) else {
        // One of them is no table: the reading reports the one that is kept.
        return;
    };
    for (name, item) in more.entries {
        match known.get_mut(&name) {
            None => {
                known.insert(name, item);
            }
            Some(there) if kind == "external" || SPLITTABLE.contains(&kind) => {
                let what = if kind == "external" { name } else { format!("{kind}.{name}") };
                join_split(&what, there, item, diagnostics);
            }
            Some(there) => duplicate(&format!("{kind}.{name}"), there.key, item.key, diagnostics),
        }
    }
}

fn join_split(what: &str, there: &mut Entry, item: Entry, diagnostics: &mut Diagnostics) {
    let (Value::Table(known), Value::Table(more)) = (&mut there.node.value, item.node.value) else {
        return;
    };
    for (key, field) in more.entries {
        match known.entries.get(&key) {
            Some(first) => {
                duplicate(&format!("{what}.{key}"), first.key, field.key, diagnostics);
            }
            None => known.entries.insert(key, field),
        }
    }
}
