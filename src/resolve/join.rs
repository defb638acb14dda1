//! Joins the trees of all files to one. The same thing in two files is an error with both places.

use crate::diag::{Diagnostic, Diagnostics, nearest};
use crate::schema::{Entry, Node, TOP_LEVEL, Table, Value, codes};
use crate::span::Loc;
use std::collections::btree_map;

/// Kinds whose resources may stand in two files: the settings in one, the routes in another.
const SPLITTABLE: [&str; 2] = ["virtual_router", "virtual_gateway"];

pub(super) fn join(files: Vec<Node>, diagnostics: &mut Diagnostics) -> Node {
    let loc = files.first().map_or_else(|| Loc::NOWHERE, |file| file.loc);
    let mut root = Table::default();
    for file in files {
        let Value::Table(table) = file.value else { continue };
        for (kind, entry) in table.entries {
            if !TOP_LEVEL.contains(&kind.as_str()) {
                unknown(&kind, &entry, diagnostics);
                continue;
            }
            match root.entries.get_mut(&kind) {
                None => {
                    root.entries.insert(kind, entry);
                }
                Some(first) if kind == "mesh" => {
                    duplicate("mesh", first.key, entry.key, diagnostics);
                }
                Some(there) => join_kind(&kind, there, entry, diagnostics),
            }
        }
    }
    Node { loc, value: Value::Table(root) }
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
            .related(first, "first defined here")
            .help("keep one of the definitions, or give one another name"),
    );
}

fn join_kind(kind: &str, there: &mut Entry, entry: Entry, diagnostics: &mut Diagnostics) {
    let (Value::Table(known), Value::Table(more)) = (&mut there.node.value, entry.node.value)
    else {
        // One of them is no table: the reading reports the one that is kept.
        return;
    };
    for (name, item) in more.entries {
        match known.entries.get_mut(&name) {
            None => {
                known.entries.insert(name, item);
            }
            Some(there) if kind == "external" => join_kind(&name, there, item, diagnostics),
            Some(there) if SPLITTABLE.contains(&kind) => {
                join_split(&format!("{kind}.{name}"), there, item, diagnostics);
            }
            Some(first) => {
                duplicate(&format!("{kind}.{name}"), first.key, item.key, diagnostics);
            }
        }
    }
}

fn join_split(what: &str, there: &mut Entry, item: Entry, diagnostics: &mut Diagnostics) {
    let (Value::Table(known), Value::Table(more)) = (&mut there.node.value, item.node.value) else {
        return;
    };
    for (key, field) in more.entries {
        match known.entries.entry(key) {
            btree_map::Entry::Vacant(place) => {
                place.insert(field);
            }
            btree_map::Entry::Occupied(first) => {
                let what = format!("{what}.{}", first.key());
                duplicate(&what, first.get().key, field.key, diagnostics);
            }
        }
    }
}
