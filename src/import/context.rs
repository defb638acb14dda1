//! What an import collects while it reads: findings, the report, variables, the fields it met.

use super::Format;
use super::codes;
use super::item::Named;
use super::report::{Entry, Reason};
use crate::diag::{Diagnostic, Diagnostics};
use crate::model::Kind;
use crate::span::Loc;
use std::collections::{BTreeMap, BTreeSet};

/// The state of one import.
pub(super) struct Cx<'a> {
    /// Values for variables, parameters and placeholders.
    pub(super) given: &'a BTreeMap<String, String>,
    /// The given variables that something asked for.
    pub(super) used: BTreeSet<String>,
    /// The text that stands for each variable without a value, with the variable.
    unset: BTreeMap<String, String>,
    /// What is wrong with the sources.
    pub(super) diagnostics: Diagnostics,
    /// What did not become TOML, and what the reader should know.
    pub(super) report: Vec<Entry>,
    /// The fields of App Mesh that were met, and in which format.
    pub(super) seen: BTreeSet<(Format, &'static str)>,
    /// The format that is being read.
    pub(super) format: Format,
    /// Resources that a list names without saying what they are like.
    pub(super) listed: Vec<(Kind, Named)>,
    /// Owners of the mesh, as resources name them.
    pub(super) mesh_owners: Vec<Named>,
    /// The name of the file that is being read, without folders and endings.
    pub(super) stem: String,
    /// The resource that is being read.
    pub(super) about: Option<String>,
}

/// Starts what stands for a value that is not known.
pub(super) const UNSET: &str = "unset-";

impl<'a> Cx<'a> {
    pub(super) fn new(given: &'a BTreeMap<String, String>) -> Self {
        Self {
            given,
            used: BTreeSet::new(),
            unset: BTreeMap::new(),
            diagnostics: Diagnostics::default(),
            report: Vec::new(),
            seen: BTreeSet::new(),
            format: Format::Api,
            listed: Vec::new(),
            mesh_owners: Vec::new(),
            stem: String::new(),
            about: None,
        }
    }

    /// Notes that a field of the table was met.
    pub(super) fn saw(&mut self, field: &'static str) {
        self.seen.insert((self.format, field));
    }

    /// Adds to the report.
    pub(super) fn note(&mut self, reason: Reason, loc: Loc, field: &str, message: String) {
        let address = self.about.clone();
        self.report.push(Entry { reason, loc, address, field: field.to_owned(), message });
    }

    /// Reports an error, with the resource that is being read.
    pub(super) fn report_error(&mut self, mut diagnostic: Diagnostic) {
        for label in diagnostic.primary.iter_mut().chain(&mut diagnostic.related) {
            label.loc = short(label.loc);
        }
        if diagnostic.address.is_none() {
            diagnostic.address.clone_from(&self.about);
        }
        self.diagnostics.push(diagnostic);
    }

    /// Reports a field that does not have its form.
    pub(super) fn bad_field(&mut self, loc: Loc, path: &str, message: String) {
        let message = if path.is_empty() { message } else { format!("{path}: {message}") };
        self.report_error(
            Diagnostic::new(&codes::BAD_FIELD, loc, message)
                .help("mend the source; App Mesh would refuse it too"),
        );
    }

    /// Reports a field that App Mesh does not have.
    pub(super) fn unknown_field(&mut self, loc: Loc, path: &str, structure: &str) {
        self.note(Reason::Unknown, loc, path, format!("App Mesh's {structure} has no such field"));
    }

    /// The given value of a variable: that for the file at hand, or that for all files.
    pub(super) fn value_of(&mut self, name: &str) -> Option<String> {
        let own = format!("{}:{name}", self.stem);
        let key = if self.given.contains_key(&own) { own } else { name.to_owned() };
        let value = self.given.get(&key)?.clone();
        self.used.insert(key);
        Some(value)
    }

    /// Computes something without a word in the report: it may not be needed.
    pub(super) fn aside<T>(&mut self, compute: impl FnOnce(&mut Self) -> T) -> T {
        let mut scratch = Self::new(self.given);
        scratch.stem.clone_from(&self.stem);
        let result = compute(&mut scratch);
        self.used.append(&mut scratch.used);
        result
    }

    /// What a variable stands for: its value, or a text by which it is found again.
    pub(super) fn variable(&mut self, name: &str, loc: Loc) -> String {
        if let Some(value) = self.value_of(name) {
            return value;
        }
        let legal = |c: char| if c.is_ascii_alphanumeric() || "_-".contains(c) { c } else { '-' };
        let word: String =
            name.trim_matches(|c: char| !c.is_ascii_alphanumeric()).chars().map(legal).collect();
        let short = format!("{UNSET}{}", word.chars().take(50).collect::<String>());
        // Long names may begin alike.
        let free = |text: &String| self.unset.get(text).is_none_or(|known| known == name);
        let numbered = (2..).map(|number: u32| format!("{short}-{number}"));
        let text = std::iter::once(short.clone()).chain(numbered).find(free).unwrap_or(short);
        if self.unset.insert(text.clone(), name.to_owned()).is_none() {
            let message = format!("has no value, `{text}` stands for it: --var {name}=VALUE");
            self.note(Reason::Unresolved, loc, name, message);
        }
        text
    }

    /// The variable without a value that a text holds, if there is one.
    pub(super) fn variable_in(&self, text: &str) -> Option<&str> {
        self.unset
            .iter()
            .find(|(word, _)| text.contains(word.as_str()))
            .map(|(_, name)| name.as_str())
    }
}

/// A place to be shown: where a whole structure starts, rather than all of it.
fn short(mut loc: Loc) -> Loc {
    if loc.span.end.saturating_sub(loc.span.start) > 80 {
        loc.span.end = loc.span.start + 1;
    }
    loc
}
