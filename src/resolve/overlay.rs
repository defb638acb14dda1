//! Lays an overlay over the joined files.
//!
//! Tables merge by key, `routes` by name, `listeners` by port; what means something only as a whole
//! is replaced whole ([`is_whole`]). What the overlay brings keeps its own place, so that findings
//! and plans name the overlay. README.md has the rules for users.

use super::codes;
use crate::diag::{Diagnostic, Diagnostics};
use crate::schema::{Entry, Node, Table, Value};
use crate::span::Loc;

/// Fields that mean something only as a whole: those of which one key is chosen, weights, which are
/// relative to each other, and a name with its port.
const WHOLE: [&str; 8] =
    ["certificate", "discovery", "format", "hostname", "path", "service", "targets", "trust"];
/// Tables whose values are choices, by name.
const TABLES_OF_CHOICES: [&str; 3] = ["headers", "query_parameters", "metadata"];

/// Whether what a path leads to is replaced and not merged. List items have no part in the path.
fn is_whole(path: &[&str]) -> bool {
    // The first two are a kind and a name, which is the user's own word; `mesh` has no such field.
    let Some(fields) = path.get(2..) else { return false };
    match fields {
        [.., tags, _] if *tags == "tags" => false,
        [.., table, _] if TABLES_OF_CHOICES.contains(table) => true,
        // A message of Envoy has choices that are not known here.
        ["routes", "patch"] => true,
        ["routes", "patch", ..] => false,
        [.., "patch", _] => true,
        [.., field] => WHOLE.contains(field),
        [] => false,
    }
}

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
    for (key, entry) in over.entries {
        if let Some(other) = displaced(path, &key) {
            base.entries.remove(other);
        }
        match base.entries.get_mut(&key) {
            None => {
                base.entries.insert(key, entry);
            }
            Some(there) => {
                let inner: Vec<&str> = path.iter().copied().chain([key.as_str()]).collect();
                merge_entry(there, entry, &inner);
            }
        }
    }
}

fn merge_entry(there: &mut Entry, entry: Entry, path: &[&str]) {
    let field = path.get(2..).unwrap_or_default();
    match (&mut there.node.value, entry.node.value) {
        (Value::Table(base), Value::Table(over)) if !is_whole(path) => {
            merge_tables(base, over, path);
        }
        (Value::Array(base), Value::Array(over)) if field == ["routes"] => {
            merge_lists(base, over, path, |item| item.get("name")?.as_str().map(str::to_owned));
        }
        (Value::Array(base), Value::Array(over)) if field == ["listeners"] => {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{json_schema, parse};
    use crate::span::Files;
    use serde_json::Value as Json;

    fn laid(base: &str, over: &str) -> Json {
        let mut files = Files::default();
        let mut read = |text: &str| parse(files.add("f.toml", text), text).0;
        let (mut root, overlay) = (read(base), read(over));
        let mut diagnostics = Diagnostics::default();
        apply(&mut root, overlay, &mut diagnostics);
        assert!(!diagnostics.has_errors());
        root.to_json()
    }

    #[test]
    fn weights_are_replaced_whole() {
        let base = "[[virtual_router.r.routes]]\nname = \"a\"\ntargets = { v1 = 10, v2 = 90 }\n";
        let over = "[[virtual_router.r.routes]]\nname = \"a\"\ntargets = { v1 = 100 }\n";
        let targets = &laid(base, over)["virtual_router"]["r"]["routes"][0]["targets"];
        assert_eq!(targets, &serde_json::json!({ "v1": 100 }));
    }

    #[test]
    fn names_of_resources_and_tags_are_no_fields() {
        let base = "[virtual_node.path]\ntags = { trust = \"a\" }\ncapture = \"explicit\"\n";
        let over = "[virtual_node.path]\ntags = { format = \"b\" }\n";
        let expected = serde_json::json!({
            "tags": { "trust": "a", "format": "b" }, "capture": "explicit"
        });
        assert_eq!(laid(base, over)["virtual_node"]["path"], expected);
    }

    #[test]
    fn a_reference_and_raw_fields_are_replaced_whole() {
        let base = "[[virtual_gateway.g.routes]]\nname = \"a\"\n\
                    service = { name = \"a.b\", port = 80 }\npatch = { redirect = { } }\n";
        let over = "[[virtual_gateway.g.routes]]\nname = \"a\"\n\
                    service = { name = \"c.d\" }\npatch = { direct_response = { } }\n";
        let expected = serde_json::json!({
            "name": "a", "service": { "name": "c.d" }, "patch": { "direct_response": {} }
        });
        assert_eq!(laid(base, over)["virtual_gateway"]["g"]["routes"][0], expected);
    }

    /// Walks the schema as far as overlays merge, and collects what they must not merge.
    fn unmergeable(schema: &Json, defs: &Json, path: &[&str], found: &mut Vec<String>) {
        if let Some(name) = schema["$ref"].as_str().and_then(|at| at.strip_prefix("#/$defs/")) {
            return unmergeable(&defs[name], defs, path, found);
        }
        if path.len() > 2 && is_whole(path) {
            return;
        }
        let choice = schema["maxProperties"] == 1
            || schema["oneOf"].as_array().is_some_and(|all| {
                all.iter().any(|one| one["required"].is_array() && one["properties"].is_null())
            })
            // Weights: numbers by name.
            || schema["additionalProperties"]["type"] == "integer"
            // One of several forms, of which a table is one.
            || schema["oneOf"].as_array().is_some_and(|all| {
                all.iter().any(|one| one["type"] == "object")
            });
        if choice {
            found.push(path.join("."));
            return;
        }
        if let Some(both) = schema["not"]["required"].as_array() {
            let [one, other] = both.as_slice() else { panic!("{both:?}") };
            let (one, other) = (one.as_str().unwrap(), other.as_str().unwrap());
            if displaced(path, one) != Some(other) || displaced(path, other) != Some(one) {
                found.push(format!("{}: {one} and {other}", path.join(".")));
            }
        }
        for (key, inner) in schema["properties"].as_object().into_iter().flatten() {
            let path: Vec<&str> = path.iter().copied().chain([key.as_str()]).collect();
            unmergeable(inner, defs, &path, found);
        }
        if schema["additionalProperties"].is_object() {
            let path: Vec<&str> = path.iter().copied().chain(["*"]).collect();
            unmergeable(&schema["additionalProperties"], defs, &path, found);
        }
        if schema["items"].is_object() && matches!(path.get(2..), Some(["routes" | "listeners"])) {
            unmergeable(&schema["items"], defs, path, found);
        }
    }

    #[test]
    fn whatever_the_schema_gives_as_a_choice_is_replaced_whole() {
        let schema = json_schema();
        let mut found = Vec::new();
        unmergeable(&schema, &schema["$defs"], &[], &mut found);
        assert_eq!(found, Vec::<String>::new());
    }
}
