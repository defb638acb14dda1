//! Placeholders of scripts: `$NAME`, `${NAME}`, `{{NAME}}`, `<NAME>`, `@@NAME@@` become values.

use super::context::Cx;
use super::tree::{Entry, Node, Value};
use super::yaml::{CLOSE, OPEN};
use crate::span::Loc;

/// Keys whose text has dollars, braces or angle brackets of its own.
const LITERAL: [&str; 3] = ["regex", "text", "json"];

/// Replaces the placeholders in all values, and in names that are keys.
pub(super) fn substitute(cx: &mut Cx<'_>, node: &Node) -> Node {
    inner(cx, node, false)
}

/// The tree with braces where YAML needed others in their place, and all else as it is.
pub(super) fn restored(node: &Node) -> Node {
    let value = match &node.value {
        Value::Null => Value::Null,
        Value::Scalar(text) => Value::Scalar(braces(text)),
        Value::List(items) => Value::List(items.iter().map(restored).collect()),
        Value::Map(entries) => {
            let entry = |entry: &Entry| Entry {
                key: braces(&entry.key),
                at: entry.at,
                node: restored(&entry.node),
            };
            Value::Map(entries.iter().map(entry).collect())
        }
    };
    Node { loc: node.loc, value }
}

fn braces(text: &str) -> String {
    text.replace(OPEN, "{{").replace(CLOSE, "}}")
}

fn inner(cx: &mut Cx<'_>, node: &Node, literal: bool) -> Node {
    let value = match &node.value {
        Value::Null => Value::Null,
        Value::Scalar(text) => Value::Scalar(replaced(cx, text, node.loc, literal)),
        Value::List(items) => {
            Value::List(items.iter().map(|item| inner(cx, item, literal)).collect())
        }
        Value::Map(entries) => {
            let entry = |entry: &Entry| {
                let literal = literal || LITERAL.contains(&entry.key.to_lowercase().as_str());
                Entry {
                    key: replaced(cx, &entry.key, entry.at, true),
                    at: entry.at,
                    node: inner(cx, &entry.node, literal),
                }
            };
            Value::Map(entries.iter().map(entry).collect())
        }
    };
    Node { loc: node.loc, value }
}

/// Replaces the placeholders of a text. A literal text has only those that cannot be anything else.
fn replaced(cx: &mut Cx<'_>, text: &str, loc: Loc, literal: bool) -> String {
    if !text.contains(['$', '<', OPEN]) && !text.contains("{{") && !text.contains("@@") {
        return text.to_owned();
    }
    let text = plain(text);
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['$', '<', '{', '@', OPEN]) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        match placeholder(rest, literal, rest.len() == text.len()) {
            Some((name, length)) => {
                out.push_str(&cx.variable(name, loc));
                rest = &rest[length..];
            }
            None => {
                let first = rest.chars().next().map_or(1, char::len_utf8);
                out.push_str(&rest[..first]);
                rest = &rest[first..];
            }
        }
    }
    out.push_str(rest);
    // What was no placeholder is text again.
    braces(&out)
}

/// A variable without what a jq program does to its type: `($PORT | tonumber)`.
fn plain(text: &str) -> &str {
    let inner = text.strip_prefix('(').and_then(|text| text.strip_suffix(')'));
    let variable = inner.and_then(|inner| inner.split_once('|')).map(|(name, _)| name.trim());
    variable.filter(|name| name.starts_with('$')).unwrap_or(text)
}

/// The placeholder at the start of a text: its name, and how many bytes it has.
fn placeholder(text: &str, literal: bool, first: bool) -> Option<(&str, usize)> {
    let between = |open: &str, close: &str| {
        let inner = text.strip_prefix(open)?;
        let end = inner.find(close)?;
        let name = inner[..end].trim();
        let legal = |c: char| c.is_ascii_alphanumeric() || "_-. ".contains(c);
        let good = !name.is_empty()
            && name.chars().all(legal)
            && name.starts_with(|c: char| c.is_ascii_alphabetic() || "_.".contains(c));
        good.then_some((name, open.len() + end + close.len()))
    };
    let guarded = between(&OPEN.to_string(), &CLOSE.to_string());
    if let Some(found) = ["{{ }}", "${ }", "@@ @@"]
        .iter()
        .filter_map(|pair| pair.split_once(' '))
        .fold(guarded, |found, (open, close)| found.or_else(|| between(open, close)))
    {
        return Some(found);
    }
    if literal {
        return None;
    }
    if let Some(found) = between("<", ">") {
        return Some(found);
    }
    let name = text.strip_prefix('$')?;
    let legal = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let length = name.find(|c: char| !legal(c)).unwrap_or(name.len());
    let name = &name[..length];
    // In the midst of a text only what looks like a variable of a shell is taken for one.
    let shell = !name.contains(|c: char| c.is_ascii_lowercase());
    let whole = first && length + 1 == text.len();
    let good = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && (shell || whole);
    good.then_some((name, length + 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::Options;
    use std::collections::BTreeMap;

    fn check(text: &str, literal: bool, expected: &str) {
        let vars = BTreeMap::from([("A".to_owned(), "1".to_owned())]);
        let options = Options { vars, ..Options::default() };
        let mut cx = Cx::new(&options);
        assert_eq!(replaced(&mut cx, text, Loc::NOWHERE, literal), expected, "{text}");
    }

    #[test]
    fn placeholders_of_every_kind_are_replaced() {
        check("$A", false, "1");
        check("x-${A}.y", false, "x-1.y");
        check("{{A}}-{{ A }}", false, "1-1");
        check("<A>", false, "1");
        check("x@@A@@", false, "x1");
        check("a@b.c", false, "a@b.c");
        check("a.$A.b", false, "a.1.b");
        check("$dns", false, "unset-dns");
        check("${.Values.x}", false, "unset-Values-x");
        check("a$b", false, "a$b");
        check("5 < 6 > 4", false, "5 < 6 > 4");
        check("($A | tonumber)", false, "1");
        check("(?P<A>x)$", true, "(?P<A>x)$");
        check("^/${A}/$", true, "^/1/$");
        check("\u{7fe}0x\u{7ff} \u{7fe}A\u{7ff}", false, "{{0x}} 1");
    }
}
