//! What an import collects while it reads: findings, the report, variables, the fields it met.

use super::codes;
use super::foreign::{Foreign, TEMPLATE};
use super::item::Named;
use super::report::{Entry, Reason};
use super::tree::Node;
use super::{Format, Options, makers};
use crate::diag::shell::word;
use crate::diag::{Diagnostic, Diagnostics};
use crate::model::{Address, Kind};
use crate::span::{FileId, Files, Loc};
use std::collections::{BTreeMap, BTreeSet};

/// The state of one import.
pub(super) struct Cx<'a> {
    /// What the caller says about the sources.
    pub(super) options: &'a Options,
    /// The given variables that something asked for.
    pub(super) used: BTreeSet<String>,
    /// The files of `--name` that were met.
    pub(super) used_names: BTreeSet<String>,
    /// The text that stands for each variable without a value, with the variable.
    unset: BTreeMap<String, String>,
    /// The first variable without a value that was asked for.
    asked: Option<String>,
    /// Variables without a value.
    pub(super) missing: Vec<Asked>,
    /// The proxies of which a dump was read.
    pub(super) proxies: Vec<Address>,
    /// The routers that are made for the services of dumps, by the services.
    pub(super) routers: BTreeMap<String, String>,
    /// The nodes that proxies of dumps call, by their ports, with the families of addresses that the
    /// dumps name.
    pub(super) called: BTreeMap<(String, u16), BTreeSet<String>>,
    /// The sources with a dump that was set aside.
    pub(super) dumps: Vec<FileId>,
    /// Texts and objects that make definitions elsewhere, with what to import instead.
    pub(super) generators: Vec<Foreign>,
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
    /// The paths of all sources.
    pub(super) paths: Vec<String>,
    /// The path of the file that is being read.
    pub(super) path: String,
    /// The resource that is being read.
    pub(super) about: Option<String>,
}

/// A variable without a value.
pub(super) struct Asked {
    /// Its name, as it can be given.
    pub(super) name: String,
    /// What is written in its place.
    pub(super) text: String,
    /// Where the value can be looked up, if that is known.
    pub(super) from: String,
    /// The places that ask for it.
    pub(super) places: Vec<Place>,
}

/// A place that asks for a value.
#[derive(Clone)]
pub(super) struct Place {
    /// Where it is.
    pub(super) loc: Loc,
    /// The resource that was read.
    pub(super) about: Option<String>,
    /// The path for which a value would count there.
    pub(super) path: String,
}

/// Starts what stands for a value that is not known.
pub(super) const UNSET: &str = "unset-";

impl<'a> Cx<'a> {
    pub(super) fn new(options: &'a Options) -> Self {
        Self {
            options,
            used: BTreeSet::new(),
            used_names: BTreeSet::new(),
            unset: BTreeMap::new(),
            asked: None,
            missing: Vec::new(),
            proxies: Vec::new(),
            routers: BTreeMap::new(),
            called: BTreeMap::new(),
            dumps: Vec::new(),
            generators: Vec::new(),
            diagnostics: Diagnostics::default(),
            report: Vec::new(),
            seen: BTreeSet::new(),
            format: Format::Api,
            listed: Vec::new(),
            mesh_owners: Vec::new(),
            paths: Vec::new(),
            path: String::new(),
            about: None,
        }
    }

    /// Notes that a field of the table was met.
    pub(super) fn saw(&mut self, field: &'static str) {
        self.seen.insert((self.format, field));
    }

    /// Adds to the report.
    pub(super) fn note(&mut self, reason: Reason, loc: Loc, field: &str, message: String) {
        let address = self.about.as_deref().map(visible);
        let (field, message) = (visible(field), visible(&message));
        self.report.push(Entry { reason, loc, address, field, message });
    }

    /// Reports an error, with the resource that is being read.
    pub(super) fn report_error(&mut self, mut diagnostic: Diagnostic) {
        for label in diagnostic.primary.iter_mut().chain(&mut diagnostic.related) {
            label.loc = short(label.loc);
        }
        if diagnostic.address.is_none() {
            diagnostic.address.clone_from(&self.about);
        }
        let texts = [Some(&mut diagnostic.message), diagnostic.help.as_mut()];
        for text in texts.into_iter().flatten().chain(&mut diagnostic.address) {
            *text = visible(text);
        }
        self.diagnostics.push(diagnostic);
    }

    /// Reports a field that does not have its form.
    pub(super) fn bad_field(&mut self, loc: Loc, path: &str, message: String) {
        let message = if path.is_empty() { message } else { format!("{path}: {message}") };
        self.report_error(
            Diagnostic::new(&codes::BAD_FIELD, loc, message)
                .help("Correct the source; App Mesh would reject it too"),
        );
    }

    /// Reports a field that App Mesh does not have.
    pub(super) fn unknown_field(&mut self, loc: Loc, path: &str, structure: &str) {
        self.note(Reason::Unknown, loc, path, format!("App Mesh's {structure} has no such field"));
    }

    /// The given value of a variable: that for the file at hand, or that for all files.
    pub(super) fn value_of(&mut self, name: &str) -> Option<String> {
        let pasted = pasted(name);
        self.given(&pasted).or_else(|| (pasted != name).then(|| self.given(name)).flatten())
    }

    fn given(&mut self, name: &str) -> Option<String> {
        let given = &self.options.vars;
        let fits =
            |file: &str| names_file(file, &self.path) || names_file(file, &pasted(&self.path));
        // Of several files that fit, the longest suffix is the most exact one.
        let own = given
            .keys()
            .filter(|key| {
                let file = key.strip_suffix(name).and_then(|key| key.strip_suffix(':'));
                file.is_some_and(fits)
            })
            .max_by_key(|key| key.len());
        let key = own.cloned().unwrap_or_else(|| name.to_owned());
        let value = given.get(&key)?.clone();
        self.used.insert(key);
        Some(value)
    }

    /// The name that `--name` gives to what the file at hand defines.
    pub(super) fn name_of_file(&mut self) -> Option<String> {
        let fits = |(file, _): &(&String, &String)| names_file(file, &self.path);
        let (file, name) = self.options.names.iter().filter(fits).max_by_key(|(f, _)| f.len())?;
        self.used_names.insert(file.clone());
        Some(name.clone())
    }

    /// Reports something that makes definitions elsewhere.
    pub(super) fn generator(
        &mut self,
        loc: Loc,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        let (message, help) = (message.into(), help.into());
        self.generators.push(Foreign { loc: short(loc), message, help, defines: true });
    }

    /// Reports what the texts of something that is not read make, if they make definitions.
    pub(super) fn makes(&mut self, node: &Node) -> bool {
        let Some((loc, maker)) = makers::in_node(node, &self.paths) else { return false };
        self.generator(loc, maker.message(), maker.help());
        true
    }

    /// Reports text of a template that only the template's tool can replace, once a file.
    pub(super) fn template(&mut self, loc: Loc) {
        let same = |known: &Foreign| known.loc.file == loc.file && known.message == TEMPLATE.0;
        if !self.generators.iter().any(same) {
            self.generator(loc, TEMPLATE.0, TEMPLATE.1);
        }
    }

    /// Computes something without a word in the report: it may not be needed.
    pub(super) fn aside<T>(&mut self, compute: impl FnOnce(&mut Self) -> T) -> T {
        self.trial(compute).0
    }

    /// Computes something as if by itself: its result, and the first variable without a value that it
    /// asks for. Nothing of it is in the report.
    pub(super) fn trial<T>(&mut self, compute: impl FnOnce(&mut Self) -> T) -> (T, Option<String>) {
        let mut scratch = Self::new(self.options);
        scratch.path.clone_from(&self.path);
        scratch.unset.clone_from(&self.unset);
        let result = compute(&mut scratch);
        self.used.append(&mut scratch.used);
        (result, scratch.asked)
    }

    /// What a variable stands for: its value, or a text by which it is found again.
    pub(super) fn variable(&mut self, name: &str, loc: Loc) -> String {
        self.variable_from(name, loc, "")
    }

    /// The same, with where the value can be looked up.
    pub(super) fn variable_from(&mut self, name: &str, loc: Loc, from: &str) -> String {
        if let Some(value) = self.value_of(name) {
            if self.options.structured.contains(name) {
                let message = format!("the value of `{name}` is a list or a map, not a text");
                self.report_error(
                    Diagnostic::new(&codes::EXPRESSION, loc, message)
                        .help("Give a single value for it"),
                );
            }
            return value;
        }
        self.asked.get_or_insert_with(|| name.to_owned());
        let letter = |c: char| if c.is_ascii_alphanumeric() || "_-".contains(c) { c } else { '-' };
        let legal: String =
            name.trim_matches(|c: char| !c.is_ascii_alphanumeric()).chars().map(letter).collect();
        let short = format!("{UNSET}{}", legal.chars().take(50).collect::<String>());
        // Long names may begin alike.
        let name = pasted(name);
        let free = |text: &String| self.unset.get(text).is_none_or(|known| *known == name);
        let numbered = (2..).map(|number: u32| format!("{short}-{number}"));
        let text = std::iter::once(short.clone()).chain(numbered).find(free).unwrap_or(short);
        self.unset.insert(text.clone(), name.clone());
        let place = Place { loc, about: self.about.clone(), path: self.path.clone() };
        match self.missing.iter_mut().find(|known| known.name == name) {
            Some(known) if known.places.iter().any(|known| known.loc == loc) => {}
            Some(known) => known.places.push(place),
            None => {
                let (text, from) = (text.clone(), from.to_owned());
                self.missing.push(Asked { name, text, from, places: vec![place] });
            }
        }
        text
    }

    /// Reports the variables without a value: each once a file, with all of its lines.
    pub(super) fn unresolved(&mut self, files: &Files) {
        for asked in std::mem::take(&mut self.missing) {
            let mut by_file: BTreeMap<FileId, Vec<&Place>> = BTreeMap::new();
            for place in &asked.places {
                by_file.entry(place.loc.file).or_default().push(place);
            }
            let several = by_file.len() > 1;
            let all = word(&format!("{}=VALUE", asked.name)).into_owned();
            for places in by_file.values() {
                let first = places[0];
                let mut message =
                    format!("has no value, `{}` is written in its place: --var {all}", asked.text);
                if !asked.from.is_empty() {
                    message.push_str(&format!("; {}", asked.from));
                }
                if let Some(key) = asked.key(files, first).filter(|_| several) {
                    let own = word(&format!("{key}=VALUE")).into_owned();
                    message.push_str(&format!("; for this file alone: --var {own}"));
                }
                let line = |place: &&Place| files.show_line(place.loc);
                let mut lines: Vec<String> = Vec::new();
                for line in places.iter().map(line) {
                    if line != files.show_line(first.loc) && !lines.contains(&line) {
                        lines.push(line);
                    }
                }
                if !lines.is_empty() {
                    message.push_str(&format!("; also at {}", lines.join(", ")));
                }
                self.about.clone_from(&first.about);
                self.note(Reason::Unresolved, first.loc, &asked.name, message);
                self.about = None;
            }
            self.missing.push(asked);
        }
    }

    /// The variable without a value that a text holds, if there is one.
    pub(super) fn variable_in(&self, text: &str) -> Option<&str> {
        if !text.contains(UNSET) {
            return None;
        }
        self.unset
            .iter()
            .filter(|(word, _)| text.contains(word.as_str()))
            .max_by_key(|(word, _)| word.len())
            .map(|(_, name)| name.as_str())
    }
}

impl Asked {
    /// The name by which the value can be given to the file of one place alone, if it can.
    pub(super) fn key(&self, files: &Files, place: &Place) -> Option<String> {
        let path = files.get(place.loc.file).path();
        (path == place.path).then(|| format!("{}:{}", pasted(path), self.name))
    }
}

/// A name as it is printed and can be given back: `=` ends the name of a flag, and a terminal gets no
/// characters that it would obey, or that are invisible.
fn pasted(name: &str) -> String {
    let hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    let one = |c: char| match c {
        '=' => "%3D".to_owned(),
        c if hidden(c) => c.escape_unicode().to_string(),
        c => c.to_string(),
    };
    name.chars().map(one).collect()
}

/// Whether a text names a file: its path, or any suffix of it, with or without its endings.
pub(super) fn names_file(given: &str, path: &str) -> bool {
    let ends = |path: &str| {
        path.strip_suffix(given).is_some_and(|rest| rest.is_empty() || rest.ends_with('/'))
    };
    let folder = path.rfind('/').map_or("", |at| &path[..=at]);
    !given.is_empty() && (ends(path) || ends(&format!("{folder}{}", super::sources::stem(path))))
}

/// A text without control characters, which a terminal would obey.
fn visible(text: &str) -> String {
    if !text.contains(char::is_control) {
        return text.to_owned();
    }
    let one = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    text.chars().map(one).collect()
}

/// A place to be shown: where a whole structure starts, rather than all of it.
fn short(mut loc: Loc) -> Loc {
    if loc.span.end.saturating_sub(loc.span.start) > 80 {
        loc.span.end = loc.span.start + 1;
    }
    loc
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_named_by_any_suffix_of_its_path() {
        for (given, fits) in [
            ("a/b/vn.yaml", true),
            ("b/vn.yaml", true),
            ("b/vn", true),
            ("vn", true),
            ("n", false),
            ("c/vn", false),
            ("", false),
        ] {
            assert_eq!(names_file(given, "a/b/vn.yaml"), fits, "{given}");
        }
    }
}
