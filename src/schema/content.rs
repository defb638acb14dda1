//! What a TOML text says, apart from how it is laid out, and whether another text says the same.
//!
//! Every text that replaces another is compared with it here before it is written.

use std::borrow::Cow;
use std::fmt;
use toml::de::{DeTable, DeValue};
use toml_parser::Source;
use toml_parser::lexer::TokenKind;

/// In what a text may differ from the one that it replaces.
#[derive(Clone, Copy)]
pub enum Changes<'a> {
    /// In blanks, line ends and commas that mean nothing.
    Layout,
    /// Also in the values at some places: keys, and numbers of items. Comments stay.
    Values(&'a dyn Fn(&[String]) -> bool),
}

impl fmt::Debug for Changes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Layout => "Layout",
            Self::Values(_) => "Values",
        })
    }
}

/// How two texts differ though they should not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// The second is not TOML: what the parser says.
    Syntax(String),
    /// A value differs; its key path.
    Value(String),
    /// A comment is missing, new, or in another place; its text.
    Comment(String),
    /// Something is written otherwise, from this line of the first text on.
    Token(usize),
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax(why) => write!(f, "it would not be TOML: {why}"),
            Self::Value(path) if path.is_empty() => write!(f, "the file's values would change"),
            Self::Value(path) => write!(f, "the value of `{path}` would change"),
            Self::Comment(text) => write!(f, "the comment `{text}` would be lost or moved"),
            Self::Token(line) => write!(f, "what stands in line {line} would change"),
        }
    }
}

/// Whether a text is TOML; what the parser says if it is not.
pub(super) fn syntax(text: &str) -> Result<(), String> {
    match DeTable::parse(text) {
        Ok(_) => Ok(()),
        Err(error) => {
            let line = error.span().map_or(1, |span| line_of(text, span.start));
            let what = error.message().lines().next().unwrap_or("not TOML").to_owned();
            Err(format!("line {line}: {what}"))
        }
    }
}

/// Whether the lines of a text end with a carriage return and a line feed, as its first one does.
pub fn has_crlf(text: &str) -> bool {
    text.find('\n').is_some_and(|at| text[..at].ends_with('\r'))
}

/// A text with plain line ends. A carriage return stands only before a line feed in TOML, and in
/// YAML and JSON it means nothing there; a string that contains one writes it as `\r`.
pub fn with_lf(text: &str) -> Cow<'_, str> {
    if text.contains("\r\n") { text.replace("\r\n", "\n").into() } else { text.into() }
}

/// A text with carriage returns at the ends of its lines.
pub fn with_crlf(text: &str) -> String {
    with_lf(text).replace('\n', "\r\n")
}

/// Compares what a text says with what the text says that is to replace it.
pub fn compare(before: &str, after: &str, changes: Changes<'_>) -> Result<(), Difference> {
    let (before, after) = (with_lf(before), with_lf(after));
    let new = DeTable::parse(&after).map_err(|error| {
        Difference::Syntax(error.message().lines().next().unwrap_or("not TOML").to_owned())
    })?;
    let old = DeTable::parse(&before).map_err(|_| Difference::Value(String::new()))?;
    let mut path = Vec::new();
    let free: &dyn Fn(&[String]) -> bool = match changes {
        Changes::Layout => &|_| false,
        Changes::Values(free) => free,
    };
    tables(old.get_ref(), new.get_ref(), &mut path, free)?;
    let (old, new) = (Said::of(&before), Said::of(&after));
    let strict = matches!(changes, Changes::Layout);
    for at in 0..old.comments.len().max(new.comments.len()) {
        let (one, other) = (old.comments.get(at), new.comments.get(at));
        let same = match (one, other) {
            (Some(one), Some(other)) => {
                one.text == other.text
                    && one.alone == other.alone
                    && (!strict || one.tokens == other.tokens)
            }
            _ => false,
        };
        if !same {
            let text = one.or(other).map_or("", |comment| comment.text);
            return Err(Difference::Comment(text.to_owned()));
        }
    }
    if strict {
        for at in 0..old.tokens.len().max(new.tokens.len()) {
            let (one, other) = (old.tokens.get(at), new.tokens.get(at));
            if one.map(|(_, text)| text) != other.map(|(_, text)| text) {
                let start = one.map_or(before.len(), |(start, _)| *start);
                return Err(Difference::Token(line_of(&before, start)));
            }
        }
    }
    Ok(())
}

fn line_of(text: &str, at: usize) -> usize {
    text.as_bytes()[..at.min(text.len())].iter().filter(|byte| **byte == b'\n').count() + 1
}

/// The parts of a text that mean something.
struct Said<'a> {
    /// Where they start, and their texts.
    tokens: Vec<(usize, &'a str)>,
    comments: Vec<Comment<'a>>,
}

struct Comment<'a> {
    text: &'a str,
    /// Nothing else is on its line.
    alone: bool,
    /// How many tokens are before it.
    tokens: usize,
}

impl<'a> Said<'a> {
    fn of(text: &'a str) -> Self {
        let mut said = Self { tokens: Vec::new(), comments: Vec::new() };
        let mut alone = true;
        for token in Source::new(text).lex() {
            let span = token.span();
            let raw = &text[span.start()..span.end()];
            match token.kind() {
                TokenKind::Newline => alone = true,
                TokenKind::Whitespace | TokenKind::Eof => {}
                // Whether commas are needed is the parser's to say.
                TokenKind::Comma => alone = false,
                TokenKind::Comment => said.comments.push(Comment {
                    text: raw.trim_end(),
                    alone,
                    tokens: said.tokens.len(),
                }),
                TokenKind::Dot
                | TokenKind::Equals
                | TokenKind::LeftSquareBracket
                | TokenKind::RightSquareBracket
                | TokenKind::LeftCurlyBracket
                | TokenKind::RightCurlyBracket
                | TokenKind::LiteralString
                | TokenKind::BasicString
                | TokenKind::MlLiteralString
                | TokenKind::MlBasicString
                | TokenKind::Atom => {
                    alone = false;
                    said.tokens.push((span.start(), raw));
                }
            }
        }
        said
    }
}

fn tables(
    old: &DeTable<'_>,
    new: &DeTable<'_>,
    path: &mut Vec<String>,
    free: &dyn Fn(&[String]) -> bool,
) -> Result<(), Difference> {
    for (key, value) in old.iter() {
        path.push(key.get_ref().to_string());
        match new.get(key.get_ref().as_ref()) {
            Some(other) => values(value.get_ref(), other.get_ref(), path, free)?,
            None if free(path) => {}
            None => return Err(Difference::Value(path.join("."))),
        }
        path.pop();
    }
    for key in new.keys() {
        path.push(key.get_ref().to_string());
        if !old.contains_key(key.get_ref().as_ref()) && !free(path) {
            return Err(Difference::Value(path.join(".")));
        }
        path.pop();
    }
    Ok(())
}

fn values(
    old: &DeValue<'_>,
    new: &DeValue<'_>,
    path: &mut Vec<String>,
    free: &dyn Fn(&[String]) -> bool,
) -> Result<(), Difference> {
    let same = match (old, new) {
        _ if free(path) => true,
        (DeValue::Table(old), DeValue::Table(new)) => return tables(old, new, path, free),
        (DeValue::Array(old), DeValue::Array(new)) => {
            for at in 0..old.len().max(new.len()) {
                path.push(at.to_string());
                match (old.get(at), new.get(at)) {
                    (Some(one), Some(other)) => {
                        values(one.get_ref(), other.get_ref(), path, free)?;
                    }
                    _ if free(path) => {}
                    _ => return Err(Difference::Value(path.join("."))),
                }
                path.pop();
            }
            true
        }
        (DeValue::String(old), DeValue::String(new)) => old == new,
        (DeValue::Integer(old), DeValue::Integer(new)) => {
            old.as_str() == new.as_str() && old.radix() == new.radix()
        }
        (DeValue::Float(old), DeValue::Float(new)) => old.as_str() == new.as_str(),
        (DeValue::Boolean(old), DeValue::Boolean(new)) => old == new,
        (DeValue::Datetime(old), DeValue::Datetime(new)) => old == new,
        _ => false,
    };
    if same { Ok(()) } else { Err(Difference::Value(path.join("."))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_found() {
        let text = "# one\na = { b = 1, c = 2 } # two\n";
        let layout = |after: &str| compare(text, after, Changes::Layout);
        assert_eq!(layout("# one\na = {b=1, c=2,}    # two"), Ok(()));
        assert_eq!(layout("# one\r\na = { b = 1, c = 2 } # two\r\n"), Ok(()));
        assert_eq!(layout("# one\na = {b=1} # two"), Err(Difference::Value("a.c".into())));
        assert_eq!(layout("# one\na = {b=1,c=3} # two"), Err(Difference::Value("a.c".into())));
        assert_eq!(layout("# one\na = {b=1,c=2,d=3} # two"), Err(Difference::Value("a.d".into())));
        assert_eq!(layout("# one\na.b=1\na.c=2 # two"), Err(Difference::Token(2)));
        assert_eq!(layout("# one\na = {b=1,\"c\"=2} # two"), Err(Difference::Token(2)));
        assert_eq!(layout("a = {b=1,c=2} # two"), Err(Difference::Comment("# one".into())));
        assert_eq!(layout("# one\n# two\na = {b=1,c=2}"), Err(Difference::Comment("# two".into())));
        assert!(matches!(layout("# one\na = {b=1,c=2"), Err(Difference::Syntax(_))));
    }

    #[test]
    fn values_may_change_where_it_is_allowed() {
        let text = "[[test]] # one\nname = \"a\"\nexpect = { node = \"x\" } # two\n";
        let free = |path: &[String]| path.get(2).is_some_and(|key| key == "expect");
        let values = |after: &str| compare(text, after, Changes::Values(&free));
        assert_eq!(values(&text.replace("\"x\"", "\"y\"")), Ok(()));
        assert_eq!(
            values(&text.replace("\"a\"", "\"b\"")),
            Err(Difference::Value("test.0.name".into()))
        );
        assert_eq!(values(&text.replace(" # two", "")), Err(Difference::Comment("# two".into())));
    }

    #[test]
    fn line_ends() {
        assert!(has_crlf("a\r\nb\n") && !has_crlf("a\nb\r\n") && !has_crlf("a"));
        assert_eq!(with_crlf("a\nb\r\n"), "a\r\nb\r\n");
        assert_eq!(with_lf("a\nb\r\n"), "a\nb\n");
    }
}
