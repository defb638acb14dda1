//! TOML text to a tree, going on behind mistakes.

use super::codes;
use super::tree::{Entry, Node, Table, Value};
use crate::diag::{Diagnostic, Diagnostics};
use crate::span::{FileId, Loc, Span};
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

/// Parses a file. The tree has all that could be understood; the diagnostics say what could not.
pub fn parse(file: FileId, text: &str) -> (Node, Diagnostics) {
    let at = |range: Range<usize>| Loc { file, span: Span::new(range) };
    let (table, errors) = DeTable::parse_recoverable(text);
    let mut diagnostics = Diagnostics::default();
    for error in errors {
        let loc = at(error.span().unwrap_or(0..0));
        let (what, detail) = describe(error.message());
        let mut diagnostic = Diagnostic::new(&codes::SYNTAX, loc, what);
        if let Some(detail) = detail {
            diagnostic = diagnostic.help(detail);
        }
        diagnostics.push(diagnostic);
    }
    let root = Node { loc: at(table.span()), value: Value::Table(convert(file, table.get_ref())) };
    (root, diagnostics)
}

/// Splits the parser's message: its first line says what is wrong, the rest what it expected.
fn describe(message: &str) -> (String, Option<String>) {
    let mut lines = message.lines();
    let what = lines.next().unwrap_or("this is not TOML").trim().trim_end_matches('.').to_owned();
    let rest: Vec<&str> = lines.map(str::trim).filter(|line| !line.is_empty()).collect();
    (what, (!rest.is_empty()).then(|| rest.join("; ")))
}

fn convert(file: FileId, table: &DeTable<'_>) -> Table {
    let loc = |range: Range<usize>| Loc { file, span: Span::new(range) };
    let entries = table
        .iter()
        .map(|(key, value)| {
            let entry = Entry { key: loc(key.span()), node: node(file, value) };
            (key.get_ref().to_string(), entry)
        })
        .collect();
    Table { entries }
}

fn node(file: FileId, value: &Spanned<DeValue<'_>>) -> Node {
    let loc = Loc { file, span: Span::new(value.span()) };
    let value = match value.get_ref() {
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => Value::Integer(number),
            // No key takes a number of this size; infinity is reported as out of range.
            Err(_) => Value::Float(f64::INFINITY),
        },
        DeValue::Float(number) => Value::Float(number.as_str().parse().unwrap_or(f64::NAN)),
        DeValue::Boolean(value) => Value::Boolean(*value),
        DeValue::Datetime(date) => Value::Datetime(date.to_string()),
        DeValue::Array(items) => Value::Array(array(file, items)),
        DeValue::Table(table) => Value::Table(convert(file, table)),
    };
    Node { loc, value }
}

fn array(file: FileId, items: &DeArray<'_>) -> Vec<Node> {
    items.iter().map(|item| node(file, item)).collect()
}
