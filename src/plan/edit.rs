//! Which fields of one resource differ.

use super::{Edit, EditOp};
use serde_json::Value;
use std::collections::BTreeSet;

/// Keys by which the items of a list are known, first that fits.
const IDENTITIES: [&[&str]; 3] = [&["node", "port"], &["service"], &["port"]];

/// The fields that differ, in the order of their names.
pub(super) fn edits(before: &Value, after: &Value) -> Vec<Edit> {
    let mut found = Vec::new();
    walk(before, after, "", "", &mut found);
    found
}

fn walk(before: &Value, after: &Value, pointer: &str, path: &str, found: &mut Vec<Edit>) {
    if before == after {
        return;
    }
    match (before, after) {
        (Value::Object(live), Value::Object(desired)) => {
            let keys: BTreeSet<&String> = live.keys().chain(desired.keys()).collect();
            for key in keys {
                let pointer = format!("{pointer}{}", crate::model::pointer([key.as_str()]));
                let path = join(path, key);
                pair(live.get(key), desired.get(key), &pointer, &pointer, &path, found);
            }
        }
        (Value::Array(live), Value::Array(desired)) => match identity(live, desired) {
            Some(keys) => lists(live, desired, keys, pointer, path, found),
            None => replace(before, after, pointer, path, found),
        },
        _ => replace(before, after, pointer, path, found),
    }
}

fn pair(
    live: Option<&Value>,
    desired: Option<&Value>,
    live_pointer: &str,
    pointer: &str,
    path: &str,
    found: &mut Vec<Edit>,
) {
    let edit = |op, pointer: &str| Edit {
        pointer: pointer.to_owned(),
        path: path.to_owned(),
        op,
        before: live.cloned(),
        after: desired.cloned(),
        origin: None,
    };
    match (live, desired) {
        (Some(live), Some(desired)) => walk(live, desired, pointer, path, found),
        (None, Some(_)) => found.push(edit(EditOp::Add, pointer)),
        (Some(_), None) => found.push(edit(EditOp::Remove, live_pointer)),
        (None, None) => {}
    }
}

fn replace(before: &Value, after: &Value, pointer: &str, path: &str, found: &mut Vec<Edit>) {
    found.push(Edit {
        pointer: pointer.to_owned(),
        path: path.to_owned(),
        op: EditOp::Replace,
        before: Some(before.clone()),
        after: Some(after.clone()),
        origin: None,
    });
}

/// The keys that tell all items of both lists apart, if there are such.
fn identity(live: &[Value], desired: &[Value]) -> Option<&'static [&'static str]> {
    IDENTITIES.into_iter().find(|keys| {
        [live, desired].iter().all(|list| {
            let names: BTreeSet<String> = list.iter().filter_map(|item| name(item, keys)).collect();
            names.len() == list.len()
        })
    })
}

/// What an item is called by, if it has the first of the keys.
fn name(item: &Value, keys: &[&str]) -> Option<String> {
    let map = item.as_object()?;
    map.get(*keys.first()?)?;
    let parts: Vec<String> = keys
        .iter()
        .filter_map(|key| map.get(*key))
        .map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
        .collect();
    Some(parts.join(":"))
}

fn lists(
    live: &[Value],
    desired: &[Value],
    keys: &[&str],
    pointer: &str,
    path: &str,
    found: &mut Vec<Edit>,
) {
    let place = |list: &[Value], wanted: &str| {
        list.iter().position(|item| name(item, keys).as_deref() == Some(wanted))
    };
    let names: BTreeSet<String> =
        live.iter().chain(desired).filter_map(|item| name(item, keys)).collect();
    for item in names {
        let (was, is) = (place(live, &item), place(desired, &item));
        let at = |index: Option<usize>| format!("{pointer}/{}", index.unwrap_or_default());
        pair(
            was.map(|index| &live[index]),
            is.map(|index| &desired[index]),
            &at(was),
            &at(is),
            &format!("{path}[{item}]"),
            found,
        );
    }
}

fn join(path: &str, key: &str) -> String {
    let plain = key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    let key = if plain { key.to_owned() } else { format!("\"{key}\"") };
    if path.is_empty() { key } else { format!("{path}.{key}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn targets_are_known_by_their_node() {
        let before =
            json!({ "targets": [{ "node": "a", "weight": 1 }, { "node": "c", "weight": 9 }] });
        let after =
            json!({ "targets": [{ "node": "b", "weight": 1 }, { "node": "c", "weight": 8 }] });
        let found = edits(&before, &after);
        let shown: Vec<_> =
            found.iter().map(|e| (e.path.as_str(), e.pointer.as_str(), e.op)).collect();
        assert_eq!(
            shown,
            [
                ("targets[a]", "/targets/0", EditOp::Remove),
                ("targets[b]", "/targets/0", EditOp::Add),
                ("targets[c].weight", "/targets/1/weight", EditOp::Replace),
            ]
        );
    }

    #[test]
    fn equal_objects_have_no_edits() {
        let value = json!({ "a": [1, 2], "b": { "c": null } });
        assert!(edits(&value, &value).is_empty());
    }

    #[test]
    fn lists_without_names_are_replaced_whole() {
        let found = edits(&json!({ "a": [1, 2] }), &json!({ "a": [2, 1] }));
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].path.as_str(), found[0].op), ("a", EditOp::Replace));
    }
}
