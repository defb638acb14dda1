//! The canonical form of TOML: one set of rules for `fmt` and for what meshctl writes itself.
//!
//! The layout is taplo's, which knows TOML 1.0. What TOML 1.1 added (inline tables over several
//! lines, `\e` and `\xHH`, times without seconds) and what taplo reads otherwise than the standard
//! is replaced by stand-ins while it works, and is kept as it was written. The result is compared
//! with the text before it is given back; if it differs, more is kept as it was written, down to
//! [`lines`], which needs no understanding of values.

use super::content::{self, Changes, Difference};
use std::fmt;
use std::ops::Range;
use toml_parser::Source;
use toml_parser::lexer::{Token, TokenKind};

/// Why a text was not formatted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unformatted {
    /// It is not TOML: what the parser says.
    NotToml(String),
    /// The formatted text would differ in more than its layout.
    Different(Difference),
}

impl fmt::Display for Unformatted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotToml(why) => f.write_str(why),
            Self::Different(difference) => {
                write!(f, "the formatted text would not say the same: {difference}")
            }
        }
    }
}

/// Formats a text; comments and the kind of line ends stay. Fails rather than change what it says.
pub fn format(text: &str) -> Result<String, Unformatted> {
    content::syntax(text).map_err(Unformatted::NotToml)?;
    let crlf = content::has_crlf(text);
    let mut formatted = content::with_lf(text).into_owned();
    for _ in 0..PASSES {
        let next = pass(&formatted)?;
        if next == formatted {
            break;
        }
        formatted = next;
    }
    Ok(if crlf { content::with_crlf(&formatted) } else { formatted })
}

/// A pass that moves a comment or breaks an array leaves blank lines for the next.
const PASSES: usize = 5;

/// What is kept as it was written. Each keeps what the one before keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Keep {
    /// What taplo does not know.
    Strange,
    /// Arrays over several lines: taplo loses comments at some places in them.
    Arrays,
}

fn pass(text: &str) -> Result<String, Unformatted> {
    for keep in [Keep::Strange, Keep::Arrays] {
        let formatted = layout(text, keep);
        if content::compare(text, &formatted, Changes::Layout).is_ok() {
            return Ok(formatted);
        }
    }
    let formatted = lines(text);
    match content::compare(text, &formatted, Changes::Layout) {
        Ok(()) => Ok(formatted),
        Err(difference) => Err(Unformatted::Different(difference)),
    }
}

/// Sets blanks between the parts of lines and blank lines between them, and keeps every value.
fn lines(text: &str) -> String {
    let (mut out, mut line, mut blank) = (String::with_capacity(text.len()), String::new(), "");
    let (mut depth, mut in_value, mut empty_lines) = (0_usize, false, 0);
    for token in Source::new(text).lex() {
        let raw = &text[token.span().start()..token.span().end()];
        match token.kind() {
            TokenKind::Newline | TokenKind::Eof if depth == 0 => {
                if line.is_empty() {
                    empty_lines += 1;
                } else {
                    if empty_lines > 0 && !out.is_empty() {
                        out.push('\n');
                    }
                    out.push_str(line.trim_end_matches([' ', '\t']));
                    out.push('\n');
                    empty_lines = 0;
                }
                line.clear();
                (in_value, blank) = (false, "");
                continue;
            }
            _ if depth > 0 => line.push_str(raw),
            TokenKind::Whitespace => {
                blank = raw;
                continue;
            }
            TokenKind::Comment => {
                line.push_str(if line.is_empty() { "" } else { " " });
                line.push_str(raw);
            }
            TokenKind::Equals if !in_value => {
                line.push_str(" = ");
                in_value = true;
            }
            _ => {
                // A date may have a blank before its time.
                if in_value && !line.ends_with("= ") {
                    line.push_str(blank);
                }
                line.push_str(raw);
            }
        }
        blank = "";
        match token.kind() {
            TokenKind::LeftSquareBracket | TokenKind::LeftCurlyBracket if in_value => depth += 1,
            TokenKind::RightSquareBracket | TokenKind::RightCurlyBracket if in_value => {
                depth = depth.saturating_sub(1);
            }
            _ => {}
        }
    }
    out
}

fn layout(text: &str, keep: Keep) -> String {
    let options = taplo::formatter::Options {
        column_width: 100,
        indent_string: "  ".into(),
        array_trailing_comma: true,
        array_auto_expand: true,
        array_auto_collapse: false,
        compact_arrays: true,
        compact_inline_tables: false,
        inline_table_expand: false,
        trailing_newline: true,
        allowed_blank_lines: 1,
        ..Default::default()
    };
    let ranges = kept(text, keep);
    if ranges.is_empty() {
        return taplo::formatter::format(text, options);
    }
    let mark = (0..).map(|n| format!("_{n}s")).find(|mark| !text.contains(mark.as_str()));
    let mark = mark.unwrap_or_default();
    let mut replaced = String::with_capacity(text.len());
    let mut stand_ins = Vec::with_capacity(ranges.len());
    let mut at = 0;
    for (number, range) in ranges.into_iter().enumerate() {
        let original = &text[range.clone()];
        let stand_in = stand_in(&mark, number, original);
        replaced.push_str(&text[at..range.start]);
        replaced.push_str(&stand_in);
        stand_ins.push((stand_in, original));
        at = range.end;
    }
    replaced.push_str(&text[at..]);
    let formatted = taplo::formatter::format(&replaced, options);
    let mut restored = String::with_capacity(formatted.len());
    let mut rest = formatted.as_str();
    for (stand_in, original) in stand_ins {
        // One that is missing is found by the comparison that follows.
        let Some((before, after)) = rest.split_once(&stand_in) else { continue };
        restored.push_str(before);
        restored.push_str(original);
        rest = after;
    }
    restored.push_str(rest);
    restored
}

/// A string as wide as the original, if that is on one line, so that lines are broken where they
/// would be.
fn stand_in(mark: &str, number: usize, original: &str) -> String {
    let mut text = format!("\"{mark}{number}");
    if !original.contains('\n') {
        let missing = original.chars().count().saturating_sub(text.chars().count() + 1);
        text.extend(std::iter::repeat_n('_', missing));
    }
    text.push('"');
    text
}

/// The places that are not left to the formatter, in order and apart from each other.
fn kept(text: &str, keep: Keep) -> Vec<Range<usize>> {
    let tokens: Vec<Token> = Source::new(text).lex().collect();
    let mut ranges = brackets(&tokens, keep);
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        let (start, mut end) = (token.span().start(), token.span().end());
        let raw = &text[start..end];
        let strange = match token.kind() {
            TokenKind::BasicString => raw.contains("\\e") || raw.contains("\\x"),
            // Up to two quotes may stand before the three that close it.
            TokenKind::MlBasicString => {
                raw.contains("\\e") || raw.contains("\\x") || raw.ends_with("\"\"\"\"")
            }
            TokenKind::MlLiteralString => raw.ends_with("''''"),
            TokenKind::Atom if is_date(raw) || raw.contains(':') => {
                // A date and its time, and the fraction of the seconds, are tokens of their own.
                loop {
                    let text_of =
                        |at: usize| tokens.get(at).map(|t| &text[t.span().start()..t.span().end()]);
                    let joined = match (text_of(at + 1), text_of(at + 2)) {
                        (Some(" "), Some(time)) => time.contains(':'),
                        (Some("."), Some(_)) => text[start..end].contains(':'),
                        _ => false,
                    };
                    if !joined {
                        break;
                    }
                    at += 2;
                    end = tokens[at].span().end();
                }
                true
            }
            _ => false,
        };
        if strange && !ranges.iter().any(|table| table.contains(&start)) {
            ranges.push(start..end);
        }
        at += 1;
    }
    ranges.sort_by_key(|range| range.start);
    ranges
}

fn is_date(atom: &str) -> bool {
    let bytes = atom.as_bytes();
    bytes.len() >= 10
        && bytes[..4].iter().all(u8::is_ascii_digit)
        && bytes[4] == b'-'
        && bytes[7] == b'-'
}

/// The outermost inline tables with line ends, comments or a last comma of their own; and arrays
/// with line ends or comments, if they are to be kept.
fn brackets(tokens: &[Token], keep: Keep) -> Vec<Range<usize>> {
    /// A bracket that is open.
    struct Open {
        curly: bool,
        start: usize,
        /// It has what TOML 1.0 does not know.
        strange: bool,
        comma: bool,
    }
    let mut open: Vec<Open> = Vec::new();
    let mut found: Vec<Range<usize>> = Vec::new();
    for token in tokens {
        let top = open.last_mut();
        match token.kind() {
            TokenKind::LeftCurlyBracket | TokenKind::LeftSquareBracket => {
                if let Some(top) = top {
                    top.comma = false;
                }
                let curly = token.kind() == TokenKind::LeftCurlyBracket;
                let start = token.span().start();
                open.push(Open { curly, start, strange: false, comma: false });
            }
            TokenKind::RightCurlyBracket | TokenKind::RightSquareBracket => {
                let Some(closed) = open.pop() else { continue };
                let table = closed.curly && (closed.strange || closed.comma);
                let array = !closed.curly && closed.strange && keep >= Keep::Arrays;
                if table || array {
                    found.retain(|inner| inner.start < closed.start);
                    found.push(closed.start..token.span().end());
                }
            }
            TokenKind::Newline | TokenKind::Comment => {
                if let Some(top) = top {
                    top.strange = true;
                }
            }
            TokenKind::Comma => {
                if let Some(top) = top {
                    top.comma = true;
                }
            }
            TokenKind::Whitespace | TokenKind::Eof => {}
            TokenKind::Dot
            | TokenKind::Equals
            | TokenKind::LiteralString
            | TokenKind::BasicString
            | TokenKind::MlLiteralString
            | TokenKind::MlBasicString
            | TokenKind::Atom => {
                if let Some(top) = top {
                    top.comma = false;
                }
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn formatted(text: &str) -> String {
        format(text).unwrap_or_else(|why| panic!("{why}\n{text}"))
    }

    #[test]
    fn inline_tables_of_toml_1_1_are_kept() {
        let text = "a   = {\n  b = 95, # most\n  c = 5,\n}\n\n\n\nd={e=1}\n";
        let right = "a = {\n  b = 95, # most\n  c = 5,\n}\n\nd = { e = 1 }\n";
        assert_eq!(formatted(text), right);
        assert_eq!(formatted(right), right);
        // Only the table that is of TOML 1.1, and what lies around it.
        assert_eq!(formatted("a={b={c=1,},d=[{},2]}\n"), "a = { b = {c=1,}, d = [{}, 2] }\n");
    }

    #[test]
    fn scalars_that_taplo_does_not_know_are_kept() {
        for scalar in [
            r#""\e[1m""#,
            r#""\x41""#,
            "07:32",
            "1979-05-27 07:32",
            "1979-05-27T07:32Z",
            "0001-01-01",
            "1979-05-27 07:32:00.25",
            "\"\"\"a\"\"\"\"\"",
            "'''a''''",
            "\"\"\"\\e\n\"\"\"",
        ] {
            assert_eq!(formatted(&format!("a   =   {scalar}")), format!("a = {scalar}\n"));
        }
    }

    #[test]
    fn line_ends_stay() {
        let text = "a  = 1\r\nb = \"\"\"\r\nx\r\n\"\"\"\r\n";
        assert_eq!(formatted(text), text.replace("  =", " ="));
    }
}
