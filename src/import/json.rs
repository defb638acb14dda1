//! JSON with places, with comments, and with what jq programs have in it: bare `$NAME` for values.

use super::codes;
use super::tree::{DEPTH_MAX, Entry, Node, Parsed, VALUES_MAX, Value, unique};
use crate::diag::Diagnostic;
use crate::span::{FileId, Loc, Span};

/// Reads every JSON value of a text, one after the other, as `jq` does.
pub(super) fn parse(file: FileId, text: &str) -> Parsed<Vec<Node>> {
    let mut reader = Reader { file, text, at: 0, values: 0 };
    let mut documents = Vec::new();
    reader.space();
    while reader.peek().is_some() {
        documents.push(reader.value(0)?);
        reader.space();
    }
    Ok(documents)
}

struct Reader<'a> {
    file: FileId,
    text: &'a str,
    at: usize,
    values: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        loop {
            let rest = &self.text[self.at..];
            let length = match self.peek() {
                Some(b' ' | b'\t' | b'\r' | b'\n') => 1,
                // Comments, as editors' settings and hand-kept files have them.
                Some(b'/') if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
                Some(b'/') if rest.starts_with("/*") => match rest[2..].find("*/") {
                    Some(end) => end + 4,
                    None => break,
                },
                _ => break,
            };
            self.at += length;
        }
        // A byte order mark is no value.
        if self.at == 0 && self.text.starts_with('\u{feff}') {
            self.at = '\u{feff}'.len_utf8();
            self.space();
        }
    }

    fn loc(&self, start: usize) -> Loc {
        Loc { file: self.file, span: Span::new(start..self.at.max(start)) }
    }

    fn wrong<T>(&self, start: usize, message: impl Into<String>) -> Parsed<T> {
        let end = self.text[start..].chars().next().map_or(start, |c| start + c.len_utf8());
        let loc = Loc { file: self.file, span: Span::new(start..end) };
        Err(Diagnostic::new(&codes::SYNTAX, loc, message)
            .help("Correct the file: meshctl imports a file as a whole or not at all")
            .into())
    }

    fn value(&mut self, depth: usize) -> Parsed<Node> {
        let start = self.at;
        self.values += 1;
        if depth > DEPTH_MAX {
            return self.wrong(start, format!("nested deeper than {DEPTH_MAX} levels"));
        }
        if self.values > VALUES_MAX {
            return self.wrong(start, format!("more than {VALUES_MAX} values"));
        }
        let value = match self.peek() {
            Some(b'{') => Value::Map(self.map(depth)?),
            Some(b'[') => Value::List(self.list(depth)?),
            Some(b'"') => Value::Scalar(self.string()?),
            Some(_) => self.bare()?,
            None => return self.wrong(start, "the file ends where a value should stand"),
        };
        Ok(Node { loc: self.loc(start), value })
    }

    fn map(&mut self, depth: usize) -> Parsed<Vec<Entry>> {
        let open = self.at;
        self.at += 1;
        let mut entries: Vec<Entry> = Vec::new();
        loop {
            self.space();
            match self.peek() {
                Some(b'"') => {}
                // A comma may stand before the end, as in JSON with comments.
                Some(b'}') => {
                    self.at += 1;
                    return unique(entries);
                }
                Some(_) => return self.wrong(self.at, "a key in quotes should stand here"),
                None => return self.wrong(open, "the file ends within this `{`"),
            }
            let start = self.at;
            let key = self.string()?;
            let at = self.loc(start);
            self.space();
            match self.peek() {
                Some(b':') => self.at += 1,
                Some(_) => return self.wrong(self.at, "`:` should stand here"),
                None => return self.wrong(open, "the file ends within this `{`"),
            }
            self.space();
            let node = self.value(depth + 1)?;
            entries.push(Entry { key, at, node });
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return unique(entries);
                }
                Some(_) => return self.wrong(self.at, "`,` or `}` should stand here"),
                None => return self.wrong(open, "the file ends within this `{`"),
            }
        }
    }

    fn list(&mut self, depth: usize) -> Parsed<Vec<Node>> {
        let open = self.at;
        self.at += 1;
        let mut items = Vec::new();
        loop {
            self.space();
            match self.peek() {
                Some(b']') => {
                    self.at += 1;
                    return Ok(items);
                }
                Some(_) => items.push(self.value(depth + 1)?),
                None => return self.wrong(open, "the file ends within this `[`"),
            }
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(items);
                }
                Some(_) => return self.wrong(self.at, "`,` or `]` should stand here"),
                None => return self.wrong(open, "the file ends within this `[`"),
            }
        }
    }

    fn string(&mut self) -> Parsed<String> {
        let open = self.at;
        self.at += 1;
        let mut text = String::new();
        loop {
            let rest = &self.text[self.at..];
            let Some(stop) = rest.find(['"', '\\']) else {
                return self.wrong(open, "the file ends within this string");
            };
            text.push_str(&rest[..stop]);
            self.at += stop + 1;
            if rest.as_bytes()[stop] == b'"' {
                return Ok(text);
            }
            let escape = self.peek();
            self.at += 1;
            text.push(match escape {
                Some(c @ (b'"' | b'\\' | b'/')) => char::from(c),
                Some(b'n') => '\n',
                Some(b't') => '\t',
                Some(b'r') => '\r',
                Some(b'b') => '\u{8}',
                Some(b'f') => '\u{c}',
                Some(b'u') => self.unicode()?,
                _ => return self.wrong(self.at - 2, "JSON has no such escape"),
            });
        }
    }

    /// The character of `\uXXXX`, of which `\u` was read.
    fn unicode(&mut self) -> Parsed<char> {
        let start = self.at - 2;
        let first = self.hex(start)?;
        if !(0xd800..0xdc00).contains(&first) {
            return match char::from_u32(first) {
                Some(c) => Ok(c),
                None => self.wrong(start, "half a surrogate pair is no character"),
            };
        }
        if !self.text[self.at..].starts_with("\\u") {
            return self.wrong(start, "half a surrogate pair is no character");
        }
        self.at += 2;
        let second = self.hex(start)?;
        let joined = (0xdc00..0xe000)
            .contains(&second)
            .then(|| 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00));
        match joined.and_then(char::from_u32) {
            Some(c) => Ok(c),
            None => self.wrong(start, "half a surrogate pair is no character"),
        }
    }

    fn hex(&mut self, start: usize) -> Parsed<u32> {
        let digits = self.text.get(self.at..self.at + 4);
        match digits.filter(|d| d.bytes().all(|c| c.is_ascii_hexdigit())) {
            Some(digits) => {
                self.at += 4;
                Ok(u32::from_str_radix(digits, 16).unwrap_or_default())
            }
            None => self.wrong(start, "four hexadecimal digits should follow `\\u`"),
        }
    }

    /// A number, `true`, `false`, `null`, or a placeholder: `$NAME`, `${NAME}`, `{{NAME}}`, `<NAME>`.
    fn bare(&mut self) -> Parsed<Value> {
        let start = self.at;
        let rest = &self.text[start..];
        let closing = [("${", '}'), ("<", '>')];
        if let Some((open, close)) = closing.into_iter().find(|(open, _)| rest.starts_with(open)) {
            let inner = &rest[open.len()..];
            return match inner.find(close).filter(|n| !inner[..*n].contains('\n')) {
                Some(length) => {
                    self.at += open.len() + length + 1;
                    Ok(Value::Scalar(self.text[start..self.at].to_owned()))
                }
                None => self.wrong(start, format!("`{open}` is not closed by `{close}`")),
            };
        }
        let length =
            rest.find(|c: char| c.is_whitespace() || ",:]}[{\"".contains(c)).unwrap_or(rest.len());
        let comment = ["//", "/*"].iter().filter_map(|start| rest[..length].find(start)).min();
        let length = comment.unwrap_or(length);
        let word = &rest[..length];
        self.at += length;
        let is_number = word.parse::<f64>().is_ok()
            && !word.contains('_')
            && word.starts_with(|c: char| c == '-' || c.is_ascii_digit());
        let is_variable = word.strip_prefix('$').is_some_and(|name| {
            !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        });
        match word {
            "null" => Ok(Value::Null),
            "true" | "false" => Ok(Value::Scalar(word.to_owned())),
            _ if is_number || is_variable => Ok(Value::Scalar(word.to_owned())),
            _ => self.wrong(start, format!("`{}` is no JSON value", short(word, rest))),
        }
    }
}

/// Something to show of what is wrong.
fn short<'a>(word: &'a str, rest: &'a str) -> String {
    let text = if word.is_empty() { rest } else { word };
    text.chars().take(20).collect()
}
