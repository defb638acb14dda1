//! Suppressions: comments that accept a finding in place, with a reason and perhaps an end date.

use super::codes;
use crate::diag::{Diagnostic, Diagnostics, Severity};
use crate::span::{FileId, Files, Loc, Span};
use std::fmt;

/// A calendar day, for end dates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date {
    /// The year.
    pub year: u16,
    /// The month, from 1.
    pub month: u8,
    /// The day of the month, from 1.
    pub day: u8,
}

impl Date {
    /// Reads `2027-01-31`.
    pub fn parse(text: &str) -> Option<Self> {
        let date: toml::value::Date = text.parse::<toml::value::Datetime>().ok()?.date?;
        Some(Self { year: date.year, month: date.month, day: date.day })
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

#[derive(Debug)]
struct Suppression {
    loc: Loc,
    code: String,
    until: Option<Date>,
    /// The bytes that it covers.
    covers: std::ops::Range<u32>,
    used: bool,
}

/// The suppressions of all files.
#[derive(Debug, Default)]
pub struct Suppressions {
    items: Vec<Suppression>,
}

const MARK: &str = "meshctl:";

impl Suppressions {
    /// Finds the suppressions of a file; those that cannot be read are reported.
    pub fn scan(&mut self, files: &Files, file: FileId, diagnostics: &mut Diagnostics) {
        let text = files.get(file).text().clone();
        if !text.contains(MARK) {
            return;
        }
        let mut offset = 0;
        let lines: Vec<(usize, &str)> = text
            .split_inclusive('\n')
            .map(|line| {
                let start = offset;
                offset += line.len();
                (start, line)
            })
            .collect();
        for (at, (start, line)) in lines.iter().enumerate() {
            let Some(hash) = comment_start(line) else { continue };
            let comment = line[hash + 1..].trim();
            let Some(rest) = comment.strip_prefix(MARK) else { continue };
            let loc = Loc { file, span: Span::new(start + hash..start + line.trim_end().len()) };
            let Some((code, until)) = read(rest) else {
                diagnostics.push(
                    Diagnostic::new(
                        &codes::SUPPRESSION_MALFORMED,
                        loc,
                        "this suppression cannot be read",
                    )
                    .help("write `# meshctl: allow MC0000 -- reason`, or add `, until 2027-01-31`"),
                );
                continue;
            };
            let covers = covered(&lines, at, hash == line.len() - line.trim_start().len());
            self.items.push(Suppression { loc, code, until, covers, used: false });
        }
    }

    /// Takes the suppressed findings out, and reports suppressions that are unused or expired.
    pub fn apply(mut self, diagnostics: &mut Diagnostics, today: Date) {
        diagnostics.retain_mut(|diagnostic| {
            let Some(primary) = &diagnostic.primary else { return true };
            if diagnostic.severity == Severity::Error {
                return true;
            }
            let mut keep = true;
            for item in &mut self.items {
                let hit = item.loc.file == primary.loc.file
                    && item.covers.contains(&primary.loc.span.start)
                    && item.code == diagnostic.code.id;
                if hit {
                    item.used = true;
                    keep &= item.until.is_some_and(|until| until < today);
                }
            }
            keep
        });
        // What a suppression is for may be left out beside an error.
        let errors = diagnostics.has_errors();
        for item in self.items {
            let expired = item.until.is_some_and(|until| until < today);
            if item.used && expired {
                diagnostics.push(
                    Diagnostic::new(
                        &codes::SUPPRESSION_EXPIRED,
                        item.loc,
                        format!("this suppression of {} has expired", item.code),
                    )
                    .help("fix the finding, or write a later date"),
                );
            } else if !item.used && !errors {
                diagnostics.push(
                    Diagnostic::new(
                        &codes::SUPPRESSION_UNUSED,
                        item.loc,
                        format!("nothing here raises {}", item.code),
                    )
                    .help("remove the comment"),
                );
            }
        }
    }
}

/// Where a comment starts in a line: the first `#` outside of quotes.
fn comment_start(line: &str) -> Option<usize> {
    let mut quote = None;
    let mut escaped = false;
    for (at, c) in line.char_indices() {
        match (quote, c) {
            (Some('"'), '\\') if !escaped => {
                escaped = true;
                continue;
            }
            (Some(open), c) if c == open && !escaped => quote = None,
            (None, '"' | '\'') => quote = Some(c),
            (None, '#') => return Some(at),
            _ => {}
        }
        escaped = false;
    }
    None
}

/// Reads ` allow CODE -- reason[, until DATE]`.
fn read(text: &str) -> Option<(String, Option<Date>)> {
    let (allow, reason) = text.split_once("--")?;
    let code = allow.trim().strip_prefix("allow")?.trim();
    let is_code =
        code.len() == 6 && code.starts_with("MC") && code[2..].chars().all(|c| c.is_ascii_digit());
    if !is_code || reason.trim().is_empty() {
        return None;
    }
    match reason.rsplit_once(", until") {
        Some((reason, date)) if !reason.trim().is_empty() => {
            Some((code.to_owned(), Some(Date::parse(date.trim())?)))
        }
        Some(_) => None,
        None => Some((code.to_owned(), None)),
    }
}

/// The bytes that a suppression covers: its line; if it stands alone, the next line that says
/// something; and if that opens a table, all up to the next table.
fn covered(lines: &[(usize, &str)], at: usize, alone: bool) -> std::ops::Range<u32> {
    let end_of = |at: usize| (lines[at].0 + lines[at].1.len()) as u32;
    let start = lines[at].0 as u32;
    if !alone {
        return start..end_of(at);
    }
    let says = |line: &str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
    let Some(next) = (at + 1..lines.len()).find(|next| says(lines[*next].1)) else {
        return start..end_of(at);
    };
    let opens = |line: &str| line.trim_start().starts_with('[');
    if !opens(lines[next].1) {
        return start..end_of(next);
    }
    let last = (next + 1..lines.len()).find(|at| opens(lines[*at].1)).unwrap_or(lines.len());
    start..end_of(last - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_suppressions() {
        assert_eq!(read(" allow MC0301 -- shared"), Some(("MC0301".into(), None)));
        let date = Date { year: 2027, month: 1, day: 31 };
        assert_eq!(
            read(" allow MC0301 -- a, b, until 2027-01-31"),
            Some(("MC0301".into(), Some(date)))
        );
        for bad in [
            " allow MC0301",
            " allow MC03 -- x",
            " MC0301 -- x",
            " allow MC0301 -- ",
            " allow MC0301 -- x, until soon",
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
        assert_eq!(comment_start(r##"a = "x # y" # z"##), Some(12));
        assert_eq!(comment_start(r##"a = "x \" # y""##), None);
    }
}
