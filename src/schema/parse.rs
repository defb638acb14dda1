//! TOML text to a tree, going on behind mistakes.

use super::codes;
use super::tree::{Entry, Node, Table, Value};
use crate::diag::{Diagnostic, Diagnostics};
use crate::span::{FileId, Loc, Span};
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Tables and arrays within each other, at most, from the top of a file. The language itself needs
/// about ten.
const DEPTH: usize = 64;

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
    let loc = at(table.span());
    let mut converter = Converter { file, too_deep: None };
    let root = Node { loc, value: Value::Table(converter.table(table.get_ref(), 1)) };
    if let Some(loc) = converter.too_deep {
        let what = format!("tables and arrays are nested more than {DEPTH} deep");
        diagnostics
            .push(Diagnostic::new(&codes::SYNTAX, loc, what).help("nothing here is that deep"));
    }
    (root, diagnostics)
}

/// Splits the parser's message: its first line says what is wrong, the rest what it expected.
fn describe(message: &str) -> (String, Option<String>) {
    let mut lines = message.lines();
    let what = lines.next().unwrap_or("this is not TOML").trim().trim_end_matches('.').to_owned();
    let rest: Vec<&str> = lines.map(str::trim).filter(|line| !line.is_empty()).collect();
    (what, (!rest.is_empty()).then(|| rest.join("; ")))
}

/// Makes a tree of what was parsed, as deep as one may be.
struct Converter {
    file: FileId,
    /// The first place below which something was left out.
    too_deep: Option<Loc>,
}

impl Converter {
    fn loc(&self, range: Range<usize>) -> Loc {
        Loc { file: self.file, span: Span::new(range) }
    }

    fn table(&mut self, table: &DeTable<'_>, depth: usize) -> Table {
        let entries = table
            .iter()
            // A key that the parser made up where one is missing, which it has reported.
            .filter(|(key, _)| !(key.get_ref().is_empty() && key.span().is_empty()))
            .map(|(key, value)| {
                let entry = Entry { key: self.loc(key.span()), node: self.node(value, depth) };
                (key.get_ref().to_string(), entry)
            })
            .collect();
        Table { entries }
    }

    fn node(&mut self, value: &Spanned<DeValue<'_>>, depth: usize) -> Node {
        let loc = self.loc(value.span());
        let value = match value.get_ref() {
            DeValue::String(text) => Value::String(text.to_string()),
            DeValue::Integer(number) => {
                match i64::from_str_radix(number.as_str(), number.radix()) {
                    Ok(number) => Value::Integer(number),
                    // No key takes a number of this size; infinity is reported as out of range.
                    Err(_) => Value::Float(f64::INFINITY),
                }
            }
            DeValue::Float(number) => Value::Float(number.as_str().parse().unwrap_or(f64::NAN)),
            DeValue::Boolean(value) => Value::Boolean(*value),
            DeValue::Datetime(date) => Value::Datetime(date.to_string()),
            DeValue::Array(_) | DeValue::Table(_) if depth >= DEPTH => {
                self.too_deep.get_or_insert(loc);
                Value::Table(Table::default())
            }
            DeValue::Array(items) => {
                Value::Array(items.iter().map(|item| self.node(item, depth + 1)).collect())
            }
            DeValue::Table(table) => Value::Table(self.table(table, depth + 1)),
        };
        Node { loc, value }
    }
}
