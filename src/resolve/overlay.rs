//! Lays an overlay over the joined files.
//!
//! Tables merge by key, `routes` by name, `listeners` by port; other arrays, and tables that are a
//! choice, are replaced whole. What the overlay brings keeps its own place, so that findings and
//! plans name the overlay.

use super::codes;
use crate::diag::{Diagnostic, Diagnostics};
use crate::schema::{Entry, Node, Table, Value};
use crate::span::Loc;

/// Tables of which one key is chosen: half of one and half of the other would mean nothing.
const CHOICES: [&str; 6] = ["discovery", "certificate", "trust", "format", "path", "hostname"];
/// Tables whose values are choices, by name.
const TABLES_OF_CHOICES: [&str; 3] = ["headers", "query_parameters", "metadata"];

pub(super) fn apply(root: &mut Node, overlay: Node, diagnostics: &mut Diagnostics) {
    let Value::Table(mut table) = overlay.value else { return };
    let removals = table.entries.remove("remove");
    if let Some(removals) = removals {
        remove_all(root, &removals.node, diagnostics);
    }
    if let Value::Table(base) = &mut root.value {
        merge_tables(base, table, &[]);
    }
}

/// The key that the overlay's `key` displaces in the files, where two keys of a table are a choice.
fn displaced(path: &[&str], key: &str) -> Option<&'static str> {
    match (path, key) {
        (["virtual_service", _], "node") => Some("router"),
        (["virtual_service", _], "router") => Some("node"),
        ([.., "match"], "prefix") => Some("path"),
        ([.., "match" | "rewrite"], "path") => Some("prefix"),
        ([.., "rewrite"], "prefix") => Some("path"),
        _ => None,
    }
}

fn merge_tables(base: &mut Table, over: Table, path: &[&str]) {
    let own_key = path.last().copied().unwrap_or_default();
    for (key, entry) in over.entries {
        if let Some(other) = displaced(path, &key) {
            base.entries.remove(other);
        }
        match base.entries.get_mut(&key) {
            None => {
                base.entries.insert(key, entry);
            }
            Some(there) => {
                let whole = CHOICES.contains(&key.as_str()) || TABLES_OF_CHOICES.contains(&own_key);
                let inner: Vec<&str> = path.iter().copied().chain([key.as_str()]).collect();
                merge_entry(there, entry, &inner, whole);
            }
        }
    }
}

fn merge_entry(there: &mut Entry, entry: Entry, path: &[&str], whole: bool) {
    let key = path.last().copied().unwrap_or_default();
    match (&mut there.node.value, entry.node.value) {
        (Value::Table(base), Value::Table(over)) if !whole => merge_tables(base, over, path),
        (Value::Array(base), Value::Array(over)) if key == "routes" => {
            merge_lists(base, over, path, |item| item.get("name")?.as_str().map(str::to_owned));
        }
        (Value::Array(base), Value::Array(over)) if key == "listeners" => {
            let port = |item: &Node| item.get("port")?.as_integer().map(|port| port.to_string());
            merge_lists(base, over, path, port);
        }
        (_, value) => {
            there.key = entry.key;
            there.node = Node { loc: entry.node.loc, value };
        }
    }
}

fn merge_lists(
    base: &mut Vec<Node>,
    over: Vec<Node>,
    path: &[&str],
    key: impl Fn(&Node) -> Option<String>,
) {
    for item in over {
        let name = key(&item);
        let there = base.iter_mut().find(|there| name.is_some() && key(there) == name);
        match (there, item.value) {
            (Some(Node { value: Value::Table(known), .. }), Value::Table(more)) => {
                merge_tables(known, more, path);
            }
            (_, value) => base.push(Node { loc: item.loc, value }),
        }
    }
}

fn remove_all(root: &mut Node, removals: &Node, diagnostics: &mut Diagnostics) {
    let Value::Array(items) = &removals.value else {
        malformed(removals.loc, "`remove` is not a list", diagnostics);
        return;
    };
    for item in items {
        let Some(text) = item.as_str() else {
            malformed(item.loc, "an entry of `remove` is not a string", diagnostics);
            continue;
        };
        match toml_edit::Key::parse(text) {
            Ok(path) => {
                let path: Vec<&str> = path.iter().map(|key| key.get()).collect();
                if !remove(root, &path) {
                    diagnostics.push(
                        Diagnostic::new(
                            &codes::REMOVE_ABSENT,
                            item.loc,
                            format!("there is no `{text}` to remove"),
                        )
                        .help("correct the path, or take it out of `remove`"),
                    );
                }
            }
            Err(_) => malformed(item.loc, &format!("`{text}` is not a key path"), diagnostics),
        }
    }
}

fn malformed(loc: Loc, message: &str, diagnostics: &mut Diagnostics) {
    diagnostics.push(
        Diagnostic::new(&codes::REMOVE_MALFORMED, loc, message)
            .help("write a list of key paths, for example remove = [\"virtual_node.old\"]"),
    );
}

/// Removes what a path leads to; says whether there was something.
fn remove(node: &mut Node, path: &[&str]) -> bool {
    let Some((first, rest)) = path.split_first() else { return false };
    match &mut node.value {
        Value::Table(table) if rest.is_empty() => table.entries.remove(first).is_some(),
        Value::Table(table) => {
            table.entries.get_mut(first).is_some_and(|entry| remove(&mut entry.node, rest))
        }
        Value::Array(items) => {
            let Some(at) = items.iter().position(|item| is_named(item, first)) else {
                return false;
            };
            if rest.is_empty() {
                items.remove(at);
                true
            } else {
                remove(&mut items[at], rest)
            }
        }
        _ => false,
    }
}

/// Whether an item of a list goes by a name: routes by name, listeners by port, backends by service.
fn is_named(item: &Node, name: &str) -> bool {
    let text = |key: &str| item.get(key).and_then(Node::as_str);
    let port = item.get("port").and_then(Node::as_integer).map(|port| port.to_string());
    item.as_str() == Some(name)
        || text("name") == Some(name)
        || text("service") == Some(name)
        || text("node") == Some(name)
        || port.as_deref() == Some(name)
}
