//! Shapes of matchers: paths, hosts, headers, query parameters, metadata.

use super::codes;
use super::reader::{Cx, Defs, Shape, TableReader, list, object};
use super::tree::{Node, Value};
use crate::model::{HostnameMatch, Matcher, PathMatch, Pattern, Range};
use serde_json::json;
use std::collections::BTreeMap;

const PATTERNS: [&str; 6] = ["exact", "prefix", "suffix", "regex", "range", "present"];

/// A text is an exact match.
impl Shape for Matcher {
    fn read(node: &Node, cx: &mut Cx<'_>) -> Option<Self> {
        if let Value::String(text) = &node.value {
            cx.note("exact", node.loc);
            return Some(Self { pattern: Pattern::Exact(text.clone()), invert: false });
        }
        if !matches!(node.value, Value::Table(_)) {
            return cx.wrong_type(node, "a string or a matcher such as { prefix = \"…\" }");
        }
        let mut known = PATTERNS.to_vec();
        known.push("invert");
        let table = cx.table(node, &known)?;
        let invert = table.or_default("invert", cx);
        let pattern = match cx.choose_pattern(&table)? {
            "exact" => table.required("exact", cx).map(Pattern::Exact),
            "prefix" => table.required("prefix", cx).map(Pattern::Prefix),
            "suffix" => table.required("suffix", cx).map(Pattern::Suffix),
            "regex" => table.required("regex", cx).map(Pattern::Regex),
            "range" => table.required("range", cx).map(Pattern::Range),
            _ => table.required("present", cx).map(Pattern::Present),
        };
        Some(Self { pattern: pattern?, invert: invert? })
    }

    fn schema(defs: &mut Defs) -> serde_json::Value {
        defs.define("Matcher", |defs| {
            let text = String::schema(defs);
            let mut table = object(
                "A condition on a value: exactly one way to look at it.",
                vec![
                    ("exact", "Is this text.", text.clone()),
                    ("prefix", "Starts with this text.", text.clone()),
                    ("suffix", "Ends with this text.", text.clone()),
                    ("regex", "Is matched as a whole by this RE2 expression.", text),
                    ("range", "Is a whole number in this half-open range.", Range::schema(defs)),
                    ("present", "Is there at all, or is not.", json!({ "type": "boolean" })),
                    ("invert", "Matches when the rest does not.", json!({ "type": "boolean" })),
                ],
                &[],
            );
            table["oneOf"] = PATTERNS.iter().map(|key| json!({ "required": [key] })).collect();
            json!({ "oneOf": [{ "type": "string" }, table] })
        })
    }
}

impl Cx<'_> {
    fn choose_pattern(&mut self, table: &TableReader<'_>) -> Option<&'static str> {
        let there: Vec<&'static str> = PATTERNS.into_iter().filter(|key| table.has(key)).collect();
        match there.as_slice() {
            [one] => Some(one),
            [] => self.fail(
                &codes::BAD_CHOICE,
                table.loc,
                "the matcher does not say how to look at the value",
                format!("add one of {}", list(&PATTERNS)),
            ),
            [first, second, ..] => self.fail(
                &codes::BAD_CHOICE,
                table.key_loc(second),
                format!("`{first}` and `{second}` exclude each other"),
                "write several matchers on one name as an array: [{ … }, { … }]",
            ),
        }
    }
}

impl Shape for Range {
    fn read(node: &Node, cx: &mut Cx<'_>) -> Option<Self> {
        let Value::Array(items) = &node.value else {
            return cx.wrong_type(node, "a range such as [0, 10]");
        };
        let numbers: Vec<i64> = items.iter().filter_map(Node::as_integer).collect();
        match (items.len(), numbers.as_slice()) {
            (2, [start, end]) => Some(Self { start: *start, end: *end }),
            _ => cx.wrong_type(node, "a range of two whole numbers such as [0, 10]"),
        }
    }

    fn schema(_: &mut Defs) -> serde_json::Value {
        json!({ "type": "array", "items": { "type": "integer" }, "minItems": 2, "maxItems": 2 })
    }
}

/// Named conditions; an array of matchers on one name is an AND.
impl Shape for BTreeMap<String, Vec<Matcher>> {
    fn read(node: &Node, cx: &mut Cx<'_>) -> Option<Self> {
        let Value::Table(table) = &node.value else {
            return cx.wrong_type(node, "a table of matchers by name");
        };
        let mut map = Self::new();
        let mut whole = true;
        for (name, entry) in &table.entries {
            let matchers = cx.under(name, entry.key, |cx| match &entry.node.value {
                Value::Array(items) if items.is_empty() => cx.fail(
                    &codes::BAD_VALUE,
                    entry.node.loc,
                    format!("there is no matcher for `{name}`"),
                    "write a value, or { present = true } to ask only that it is there",
                ),
                Value::Array(_) => Vec::<Matcher>::read(&entry.node, cx),
                _ => cx
                    .under("0", entry.node.loc, |cx| Matcher::read(&entry.node, cx))
                    .map(|matcher| vec![matcher]),
            });
            match matchers {
                Some(matchers) => {
                    map.insert(name.clone(), matchers);
                }
                None => whole = false,
            }
        }
        whole.then_some(map)
    }

    fn schema(defs: &mut Defs) -> serde_json::Value {
        let one = Matcher::schema(defs);
        json!({
            "type": "object",
            "additionalProperties": {
                "oneOf": [one, { "type": "array", "items": one, "minItems": 1 }],
            },
        })
    }
}

/// Reads the two keys `prefix` and `path` of a match, of which at most one may be there.
pub(super) fn read_path(table: &TableReader<'_>, cx: &mut Cx<'_>) -> Option<Option<PathMatch>> {
    if !table.has("prefix") && !table.has("path") {
        return Some(None);
    }
    let key = cx.choose(table, &["prefix", "path"])?;
    let node = table.node(key)?;
    cx.under("path", node.loc, |cx| match (key, &node.value) {
        ("prefix", _) => {
            cx.under("prefix", node.loc, |cx| String::read(node, cx)).map(PathMatch::Prefix)
        }
        (_, Value::String(text)) => {
            cx.note("exact", node.loc);
            Some(PathMatch::Exact(text.clone()))
        }
        (_, Value::Table(_)) => {
            let inner = cx.table(node, &["exact", "regex"])?;
            match cx.choose(&inner, &["exact", "regex"])? {
                "exact" => inner.required("exact", cx).map(PathMatch::Exact),
                _ => inner.required("regex", cx).map(PathMatch::Regex),
            }
        }
        _ => cx.wrong_type(node, "a path or { regex = \"…\" }"),
    })
    .map(Some)
}

/// The schemas of `prefix` and `path`.
pub(super) fn path_schemas(
    defs: &mut Defs,
) -> Vec<(&'static str, &'static str, serde_json::Value)> {
    let text = String::schema(defs);
    let table = object(
        "",
        vec![("exact", "Is this text.", text.clone()), ("regex", "RE2, whole path.", text.clone())],
        &[],
    );
    vec![
        ("prefix", "The path starts with this text, byte for byte.", text.clone()),
        ("path", "The whole path: a text, or { regex = … }.", json!({ "oneOf": [text, table] })),
    ]
}

/// A text is an exact host.
impl Shape for HostnameMatch {
    fn read(node: &Node, cx: &mut Cx<'_>) -> Option<Self> {
        if let Value::String(text) = &node.value {
            cx.note("exact", node.loc);
            return Some(Self::Exact(text.clone()));
        }
        if !matches!(node.value, Value::Table(_)) {
            return cx.wrong_type(node, "a host name or { suffix = \".…\" }");
        }
        let table = cx.table(node, &["exact", "suffix"])?;
        match cx.choose(&table, &["exact", "suffix"])? {
            "exact" => table.required("exact", cx).map(Self::Exact),
            _ => table.required("suffix", cx).map(Self::Suffix),
        }
    }

    fn schema(defs: &mut Defs) -> serde_json::Value {
        let text = String::schema(defs);
        let table = object(
            "",
            vec![
                ("exact", "Is this host.", text.clone()),
                ("suffix", "Ends with this text.", text.clone()),
            ],
            &[],
        );
        json!({ "oneOf": [text, table] })
    }
}
