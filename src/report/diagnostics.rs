//! Findings as a person reads them: source lines with marks under them.

use super::escape;
use crate::diag::{Diagnostic, Label, Severity};
use crate::picture;
use crate::span::{Files, Loc};
use miette::{
    GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteError, MietteSpanContents,
    SourceCode, SourceSpan, SpanContents,
};
use std::fmt;
use std::sync::Arc;

/// Draws findings, one after the other, in the order in which they come.
pub fn render(diagnostics: &[Diagnostic], files: &Files, color: bool, width: usize) -> String {
    let theme = if color { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    let handler = GraphicalReportHandler::new_themed(theme)
        .with_links(false)
        .with_width(width)
        .with_context_lines(1);
    let mut text = String::new();
    for diagnostic in diagnostics {
        let drawn = Drawn::new(diagnostic, files);
        // Writing to a string fails only if a source is out of reach; then the message must do.
        let mut report = String::new();
        if handler.render_report(&mut report, &drawn).is_err() {
            report = line(diagnostic, files);
        }
        for (at, call) in drawn.calls.iter().enumerate() {
            report = report.replace(&escape::token(at), call);
        }
        text.push_str(&report);
        text.push('\n');
    }
    // Sources and messages have no escape sequences any more, so these are miette's.
    if color { escape::drawn(&text) } else { text }
}

/// A finding on one line: `path:line:column: error[MC0101]: message`.
pub fn line(diagnostic: &Diagnostic, files: &Files) -> String {
    let place = match &diagnostic.primary {
        Some(label) => format!("{}: ", files.show(label.loc)),
        None => String::new(),
    };
    format!("{place}{}[{}]: {}", diagnostic.severity, diagnostic.code.id, diagnostic.message)
}

/// `2 errors, 1 warning`; empty for no findings.
pub fn summary(diagnostics: &[Diagnostic]) -> String {
    let count = |severity| diagnostics.iter().filter(|d| d.severity == severity).count();
    [Severity::Error, Severity::Warning, Severity::Info]
        .into_iter()
        .filter_map(|severity| match count(severity) {
            0 => None,
            number => Some(picture::count(number, noun(severity))),
        })
        .collect::<Vec<_>>()
        .join(", ")
}

/// What a finding of a severity is called.
pub fn noun(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "remark",
    }
}

fn plain(text: &str) -> String {
    escape::escaped(text).into_owned()
}

/// A finding in the form that miette draws.
struct Drawn {
    code: String,
    message: String,
    severity: Severity,
    help: Option<String>,
    /// The calls of the help, in whose places tokens stand until it is drawn.
    calls: Vec<String>,
    source: Option<Source>,
    labels: Vec<LabeledSpan>,
}

impl Drawn {
    fn new(diagnostic: &Diagnostic, files: &Files) -> Self {
        let primary = diagnostic.primary.as_ref();
        let shown = primary.map(|label| label.loc.file);
        let mut labels = Vec::new();
        let mut elsewhere = Vec::new();
        if let Some(label) = primary
            && drawable(files.get(label.loc.file).text(), label.loc)
        {
            let text = (!label.text.is_empty()).then(|| plain(&label.text));
            labels.push(LabeledSpan::new_primary_with_span(text, span(label.loc)));
        }
        for Label { loc, text } in &diagnostic.related {
            if Some(loc.file) == shown && drawable(files.get(loc.file).text(), *loc) {
                labels.push(LabeledSpan::new_with_span(Some(plain(text)), span(*loc)));
            } else {
                elsewhere.push(format!("see {}: {text}", files.show(*loc)));
            }
        }
        let help: Vec<String> = elsewhere.into_iter().chain(diagnostic.help.clone()).collect();
        // Labels beside a primary one that cannot be drawn would be all that is seen.
        let drawn = labels.first().is_some_and(LabeledSpan::primary);
        if !drawn {
            labels.clear();
        }
        let place = match primary {
            Some(Label { loc, .. }) if files.get(loc.file).text().is_empty() => {
                format!("{}: ", files.get(loc.file).shown())
            }
            Some(label) if !drawn => format!("{}: ", files.show(label.loc)),
            _ => String::new(),
        };
        let source = primary.filter(|_| drawn).map(|label| {
            let file = files.get(label.loc.file);
            // Marks stand under bytes, so what is not shown keeps its size.
            let text = match escape::stand_in(file.text()) {
                Some(text) => text.into(),
                None => Arc::clone(file.text()),
            };
            Source { path: plain(file.shown()), text }
        });
        let help = (!help.is_empty()).then(|| plain(&help.join("\n")));
        let (help, calls) = help.map(|help| without_calls(&help)).unzip();
        Self {
            code: format!("{} {}", diagnostic.code.id, diagnostic.code.name),
            message: plain(&format!("{place}{}", diagnostic.message)),
            severity: diagnostic.severity,
            help,
            calls: calls.unwrap_or_default(),
            source,
            labels,
        }
    }
}

/// A text with a token for each call of meshctl, which ends its line: a call that is wrapped cannot be
/// pasted.
fn without_calls(text: &str) -> (String, Vec<String>) {
    const CALL: &str = ": meshctl ";
    let mut calls = Vec::new();
    let lines: Vec<String> = text
        .split('\n')
        .map(|line| match line.find(CALL) {
            Some(at) => {
                let (before, call) = line.split_at(at + 2);
                calls.push(call.to_owned());
                format!("{before}{}", escape::token(calls.len() - 1))
            }
            None => line.to_owned(),
        })
        .collect();
    (lines.join("\n"), calls)
}

/// So many lines between two excerpts are drawn too.
const JOINED: usize = 8;

/// A file that miette draws from.
struct Source {
    path: String,
    text: Arc<str>,
}

impl SourceCode for Source {
    /// As a string gives it, but for the count of lines, by which miette tells whether to draw two marks
    /// as one excerpt: a string counts the lines of the whole file up to the end of the excerpt, and
    /// hundreds of lines between two marks would be drawn.
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let read = self.text.read_span(span, before, after)?;
        Ok(Box::new(MietteSpanContents::new_named(
            self.path.clone(),
            read.data(),
            *read.span(),
            read.line(),
            read.column(),
            read.data().iter().filter(|byte| **byte == b'\n').count() + JOINED,
        )))
    }
}

/// Longer lines are not drawn: a screen full of one line tells less than its place does.
const LONGEST_LINE: usize = 1000;

/// Whether a place and the lines around it can be shown.
fn drawable(text: &str, loc: Loc) -> bool {
    let clip = |at: u32| text.floor_char_boundary(at as usize);
    let (start, end) = (clip(loc.span.start), clip(loc.span.end));
    let before: usize = text[..start].split_inclusive('\n').rev().take(2).map(str::len).sum();
    let after: usize = text[end..].split_inclusive('\n').take(2).map(str::len).sum();
    let around = &text[start - before..end + after];
    !text.is_empty() && around.lines().all(|line| line.len() <= LONGEST_LINE)
}

fn span(loc: Loc) -> SourceSpan {
    let (start, end) = (loc.span.start as usize, loc.span.end as usize);
    (start, end.saturating_sub(start)).into()
}

impl fmt::Display for Drawn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for Drawn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Drawn {}

impl miette::Diagnostic for Drawn {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(&self.code))
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
            Severity::Info => miette::Severity::Advice,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.source.as_ref().map(|source| source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        (!self.labels.is_empty())
            .then(|| Box::new(self.labels.iter().cloned()) as Box<dyn Iterator<Item = _>>)
    }
}
