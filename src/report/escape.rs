//! What is written to a terminal: names, comments, excerpts, file names, plans and answers of servers
//! are strings of others, and a terminal obeys some characters. Everything that is printed passes
//! [`written`], the one place that decides about them:
//!
//! - What is drawn for people is [`escaped`], wherever it goes: it is often shown on a terminal later.
//! - A document of the user's ([`Printed::Document`]) is written byte for byte, so that a file or a pipe
//!   gets what `-o FILE` would hold. Only on a terminal it is escaped too, except that CRLF ends a line.
//!
//! Colours are ours, so they must be told from a string that has the same bytes: they are put
//! between marks that nobody outside of this process can know, and become escape sequences only
//! when they are written.

use std::borrow::Cow;
use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;

/// Noncharacters, which stand in no text that is meant to be read.
const OPEN: char = '\u{fdd0}';
const CLOSE: char = '\u{fdd1}';

/// Between the marks, before the style: other in each process.
static SECRET: LazyLock<String> = LazyLock::new(|| {
    let hash = |text| RandomState::new().hash_one(text);
    format!("{:016x}{:016x};", hash("one"), hash("other"))
});

/// A style, as it stands in a text until that is written.
fn mark(style: &str) -> String {
    format!("{OPEN}{}{style}{CLOSE}", *SECRET)
}

/// Colours text, if `on`. The style is that of an SGR sequence.
pub fn paint(on: bool, text: &str, style: &str) -> String {
    if on { format!("{}{text}{}", mark(style), mark("0")) } else { text.to_owned() }
}

/// Marks the colours of a text that a library has drawn, in which all escape sequences are its own.
pub(super) fn drawn(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let mut marked = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.split_once('m') {
            Some((style, rest)) if is_style(style) => {
                marked.push_str(&mark(style));
                marked.push_str(rest);
            }
            _ => marked.push_str(part),
        }
    }
    marked
}

/// A word that stands in no text that passed [`escaped`], and that no line is broken in.
pub(super) fn token(number: usize) -> String {
    format!("{OPEN}{number}{CLOSE}")
}

/// The characters of a text that are seen: without its colours.
pub(super) fn seen(text: &str) -> usize {
    let mut count = 0;
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        match styled(rest) {
            Some((_, after)) => rest = after,
            None => {
                count += 1;
                rest = &rest[c.len_utf8()..];
            }
        }
    }
    count
}

/// What is printed, which decides how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Printed {
    /// What is drawn for people, and JSON, which says the same with escapes.
    Drawn,
    /// A text that a program reads: TOML, YAML, a script, a diff, a saved plan.
    Document {
        /// Whether it goes to a terminal.
        terminal: bool,
    },
}

/// A text as it is written to a stream.
pub(super) fn written(text: &str, printed: Printed) -> Cow<'_, str> {
    match printed {
        Printed::Drawn => escaped(text),
        Printed::Document { terminal: false } => Cow::Borrowed(text),
        Printed::Document { terminal: true } => {
            let lines: Vec<Cow<'_, str>> = text.split("\r\n").map(escaped).collect();
            Cow::Owned(lines.join("\r\n"))
        }
    }
}

/// The text with every character that a terminal obeys, or that turns the order of others around,
/// as `\u001b`: JSON says the same with it. Line feeds and tabs stay.
pub(super) fn escaped(text: &str) -> Cow<'_, str> {
    if !text.chars().any(|c| is_hostile(c) || c == OPEN || c == CLOSE) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if let Some((style, after)) = styled(rest) {
            out.push_str(&format!("\u{1b}[{style}m"));
            rest = after;
            continue;
        }
        match is_hostile(c) || c == OPEN || c == CLOSE {
            true => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            false => out.push(c),
        }
        rest = &rest[c.len_utf8()..];
    }
    Cow::Owned(out)
}

/// The text with a stand-in of as many bytes for each such character, for what is drawn with marks
/// under its places.
pub(super) fn stand_in(text: &str) -> Option<String> {
    let hostile = |c: char| is_hostile(c) || c == OPEN || c == CLOSE;
    text.chars().any(hostile).then(|| {
        text.chars()
            .map(|c| match (hostile(c), c.len_utf8()) {
                (false, _) => c,
                (true, 1) => '?',
                (true, 2) => '\u{b7}',
                (true, _) => char::REPLACEMENT_CHARACTER,
            })
            .collect()
    })
}

/// Whether a text has a character that a terminal obeys.
pub(super) fn is_plain(text: &str) -> bool {
    !text.chars().any(is_hostile)
}

/// Control characters but for line feed and tab (C0, DEL and C1), the separators that some take for
/// line ends, and everything that changes the direction of text.
fn is_hostile(c: char) -> bool {
    match c {
        '\n' | '\t' => false,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            true
        }
        c => c.is_control(),
    }
}

/// The style that a text begins with, and what follows it.
fn styled(text: &str) -> Option<(&str, &str)> {
    let (style, after) =
        text.strip_prefix(OPEN)?.strip_prefix(SECRET.as_str())?.split_once(CLOSE)?;
    is_style(style).then_some((style, after))
}

fn is_style(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_digit() || c == ';')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_is_made_visible() {
        let text = "a\u{1b}[31mb\u{9b}2Jc\u{202e}d\re\u{7}\u{7f}\u{0}\u{2028}\u{fdd0}31\u{fdd1}";
        assert_eq!(
            escaped(text),
            "a\\u001b[31mb\\u009b2Jc\\u202ed\\u000de\\u0007\\u007f\\u0000\\u2028\\ufdd031\\ufdd1"
        );
        let plain = "two lines\nand a\ttab, \u{e9}, \u{4e2d}, \u{1f600}, \u{2500}";
        assert!(matches!(escaped(plain), Cow::Borrowed(same) if same == plain));
        let quoted = serde_json::to_string(&json()).unwrap();
        let read: serde_json::Value = serde_json::from_str(&escaped(&quoted)).unwrap();
        assert_eq!(read, json(), "JSON says the same");
    }

    fn json() -> serde_json::Value {
        serde_json::json!({ "a\u{9b}": "\u{202e}b\u{1b}\u{7f}" })
    }

    #[test]
    fn a_document_is_escaped_on_a_terminal_only() {
        let text = "a = 1\r\n# \u{2028}\u{1b}[2J\r\r\n";
        assert_eq!(written(text, Printed::Document { terminal: false }), text);
        assert_eq!(
            written(text, Printed::Document { terminal: true }),
            "a = 1\r\n# \\u2028\\u001b[2J\\u000d\r\n"
        );
        assert_eq!(
            written(text, Printed::Drawn),
            "a = 1\\u000d\n# \\u2028\\u001b[2J\\u000d\\u000d\n"
        );
    }

    #[test]
    fn colours_are_ours_alone() {
        let text = paint(true, "\u{1b}[5mx", "31;1");
        assert_eq!(escaped(&text), "\u{1b}[31;1m\\u001b[5mx\u{1b}[0m");
        assert_eq!(seen(&paint(true, "abc", "1")), 3);
        assert_eq!(escaped(&drawn("\u{1b}[36;1ma\u{1b}[0m\u{1b}[2J")), "\u{1b}[36;1ma\u{1b}[0m2J");
        assert_eq!(paint(false, "x", "1"), "x");
    }

    #[test]
    fn a_stand_in_has_as_many_bytes() {
        for text in ["a\u{1b}b", "a\u{9b}b", "a\u{202e}b", "\u{61c}"] {
            let other = stand_in(text).unwrap();
            assert_eq!(other.len(), text.len());
            assert!(is_plain(&other));
        }
        assert_eq!(stand_in("caf\u{e9}"), None);
    }
}
