//! What came of tests: for people, as a document, as JUnit.

use super::formats::xml;
use super::trace::Outcome;
use super::{diagnostic_items, diagnostics};
use crate::diag::{Diagnostic, Severity};
use crate::expect::coverage::Covered;
use crate::expect::update::{Updated, as_test};
use crate::expect::{Judged, Verdict};
use crate::model::Origins;
use crate::span::{FileId, Files, Loc};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write;

/// What came of a run.
#[derive(Debug)]
pub struct Run<'a> {
    /// Which state of the mesh: `files`, or what `--at` named.
    pub at: &'a str,
    /// The overlay.
    pub env: Option<&'a str>,
    /// The files of tests.
    pub tests: &'a [FileId],
    /// The trials, in the order of the files.
    pub judged: &'a [Judged<'a>],
    /// Trials that hold under other overlays only: their names and places.
    pub skipped: &'a [(String, Loc)],
    /// All findings, those of the trials too, sorted.
    pub findings: &'a [Diagnostic],
    /// All files.
    pub files: &'a Files,
    /// Which routes are tested, if that was asked.
    pub coverage: Option<&'a [Covered<'a>]>,
    /// Expectations that were written anew, with their files.
    pub updated: &'a [(String, Updated)],
    /// Where the mesh is written.
    pub origins: Option<&'a Origins>,
}

/// How many of each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Requests that fare as expected.
    pub passed: usize,
    /// Requests that do not.
    pub failed: usize,
    /// Requests of which it cannot be told.
    pub undecided: usize,
    /// Those of other overlays.
    pub skipped: usize,
    /// Mistakes in the files of tests.
    pub mistakes: usize,
}

impl Counts {
    /// Whether everything is as expected.
    pub fn good(&self) -> bool {
        self.failed + self.undecided + self.mistakes == 0
    }
}

#[derive(Debug, Serialize)]
struct Document<'a> {
    format: &'static str,
    format_version: &'static str,
    at: &'a str,
    env: Option<&'a str>,
    summary: Counts,
    tests: Vec<TestDocument>,
    #[serde(skip_serializing_if = "Option::is_none")]
    coverage: Option<CoverageDocument>,
    updated: Vec<UpdatedDocument>,
    diagnostics: Vec<super::diagnostics_json::Item>,
}

#[derive(Debug, Serialize)]
struct CoverageDocument {
    /// Routes that some request takes.
    routes: usize,
    /// Those of them that a test takes.
    tested: usize,
    items: Vec<CoveredDocument>,
}

#[derive(Debug, Serialize)]
struct CoveredDocument {
    address: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<String>,
    tested: bool,
    unreached: bool,
    targets: Vec<TargetDocument>,
    #[serde(skip_serializing_if = "Option::is_none")]
    test: Option<String>,
}

#[derive(Debug, Serialize)]
struct TargetDocument {
    node: String,
    port: u16,
    tested: bool,
}

#[derive(Debug, Serialize)]
struct UpdatedDocument {
    path: String,
    name: String,
    key: &'static str,
    before: String,
    after: String,
}

#[derive(Debug, Serialize)]
struct TestDocument {
    name: String,
    path: String,
    line: u32,
    result: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<RequestDocument>,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<Outcome>,
    mismatches: Vec<MismatchDocument>,
}

#[derive(Debug, Serialize)]
struct RequestDocument {
    method: String,
    url: String,
    headers: Vec<[String; 2]>,
}

#[derive(Debug, Serialize)]
struct MismatchDocument {
    key: &'static str,
    expected: String,
    found: String,
    line: u32,
    column: u32,
}

/// A test to paste for a route that none takes.
fn test_of(covered: &Covered<'_>) -> Option<String> {
    let witness = covered.witness.as_ref()?;
    as_test(&covered.address.to_string(), &covered.address, witness)
}

fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Passed => "passed",
        Verdict::Failed(_) => "failed",
        Verdict::Undecided(_) => "undecided",
    }
}

impl<'a> Run<'a> {
    /// How many of each.
    pub fn counts(&self) -> Counts {
        let count = |wanted| self.judged.iter().filter(|j| word(&j.verdict) == wanted).count();
        let own: usize = self.judged.iter().map(|judged| judged.findings.len()).sum();
        let errors = self.findings.iter().filter(|d| d.severity == Severity::Error).count();
        Counts {
            passed: count("passed"),
            failed: count("failed"),
            undecided: count("undecided"),
            skipped: self.skipped.len(),
            mistakes: errors.saturating_sub(own),
        }
    }

    /// `12 passed, 1 failed`.
    pub fn summary(&self) -> String {
        let counts = self.counts();
        let mistakes = if counts.mistakes == 1 { "mistake" } else { "mistakes" };
        let mut words = vec![format!("{} passed", counts.passed)];
        for (count, word) in [
            (counts.failed, "failed"),
            (counts.undecided, "undecided"),
            (counts.skipped, "skipped"),
            (counts.mistakes, mistakes),
        ] {
            if count > 0 {
                words.push(format!("{count} {word}"));
            }
        }
        words.join(", ")
    }

    fn of(&self, file: FileId) -> impl Iterator<Item = &'a Judged<'a>> {
        self.judged.iter().filter(move |judged| judged.trial.place.file == file)
    }

    /// Mistakes in a file: what is wrong with it besides its trials.
    fn mistakes(&self, file: FileId) -> impl Iterator<Item = &'a Diagnostic> {
        let own: Vec<&Diagnostic> = self.of(file).flat_map(|judged| &judged.findings).collect();
        let here = move |d: &&Diagnostic| {
            d.severity == Severity::Error && d.primary.as_ref().is_some_and(|p| p.loc.file == file)
        };
        self.findings.iter().filter(here).filter(move |d| !own.contains(d))
    }

    /// A line a file, the names of what failed, and the findings. With `all`, every name.
    pub fn text(&self, color: bool, width: usize, all: bool) -> String {
        let mut text = String::new();
        for file in self.tests {
            let path = self.files.get(*file).shown();
            let judged: Vec<&Judged<'_>> = self.of(*file).collect();
            let bad = judged.iter().filter(|judged| judged.verdict != Verdict::Passed).count();
            let mistakes = self.mistakes(*file).count();
            let good = bad + mistakes == 0;
            let mark = match good {
                true => super::paint(color, "ok  ", "32"),
                false => super::paint(color, "FAIL", "31;1"),
            };
            let tests = if judged.len() == 1 { "test" } else { "tests" };
            let mut words = format!("{} {tests}", judged.len());
            if bad > 0 {
                let _ = write!(words, ", {bad} failed");
            }
            if mistakes > 0 {
                let noun = if mistakes == 1 { "mistake" } else { "mistakes" };
                let _ = write!(words, ", {mistakes} {noun}");
            }
            let _ = writeln!(text, "{mark}  {path}  {words}");
            for judged in judged {
                let (mark, style) = match judged.verdict {
                    Verdict::Passed if !all => continue,
                    Verdict::Passed => ("ok  ", "32"),
                    Verdict::Failed(_) => ("FAIL", "31"),
                    Verdict::Undecided(_) => ("?   ", "33"),
                };
                let (mark, name) = (super::paint(color, mark, style), &judged.trial.name);
                let _ = writeln!(text, "      {mark}  {name}");
            }
        }
        if !self.findings.is_empty() {
            text.push('\n');
            text.push_str(&diagnostics::render(self.findings, self.files, color, width));
        }
        for (path, updated) in self.updated {
            let Updated { name, key, before, after } = updated;
            let _ = writeln!(text, "updated  {path}  `{name}`: {key}: {before} -> {after}");
        }
        if let (Some(all), Some((tested, routes))) = (self.coverage, self.covered()) {
            let targets: Vec<_> = all.iter().flat_map(|covered| &covered.targets).collect();
            let told = targets.iter().filter(|target| target.tested).count();
            let _ = writeln!(
                text,
                "\n{}  tests take {tested} of {routes} routes, and name {told} of {} targets",
                super::paint(color, "COVERAGE", "1"),
                targets.len()
            );
            for covered in all {
                self.untested(covered, color, &mut text);
            }
        }
        text
    }

    /// How many routes tests take, and how many some request takes.
    pub fn covered(&self) -> Option<(usize, usize)> {
        let all = self.coverage?;
        let tested = all.iter().filter(|covered| covered.tested).count();
        Some((tested, all.iter().filter(|covered| !covered.unreached).count()))
    }

    fn origin(&self, covered: &Covered<'_>) -> Option<String> {
        let loc = self.origins?.find(&covered.address, "")?;
        Some(self.files.show_line(loc))
    }

    fn untested(&self, covered: &Covered<'_>, color: bool, text: &mut String) {
        let place = self.origin(covered).map_or_else(String::new, |place| format!("  {place}"));
        let address = &covered.address;
        let names = covered.targets.iter().filter(|target| !target.tested);
        let names: Vec<String> = names.map(|target| target.node.to_string()).collect();
        let line = match (covered.tested, covered.unreached) {
            (true, _) if names.is_empty() => return,
            (true, _) => format!("  ~ {address}{place}  no test names {}", names.join(", ")),
            (false, true) => format!("  . {address}{place}  no request takes it"),
            (false, false) => format!("  - {address}{place}  no test takes it"),
        };
        let style = if covered.tested || covered.unreached { "2" } else { "33" };
        let _ = writeln!(text, "{}", super::paint(color, &line, style));
        for line in test_of(covered).iter().flat_map(|test| test.lines()) {
            let _ = writeln!(text, "      {line}");
        }
    }

    /// The document of a run.
    pub fn json(&self) -> String {
        let document = Document {
            format: "meshctl.test",
            format_version: "1.0",
            at: self.at,
            env: self.env,
            summary: self.counts(),
            tests: self.documents(),
            coverage: self.coverage.map(|all| self.coverage_document(all)),
            updated: self
                .updated
                .iter()
                .map(|(path, updated)| UpdatedDocument {
                    path: path.clone(),
                    name: updated.name.clone(),
                    key: updated.key,
                    before: updated.before.clone(),
                    after: updated.after.clone(),
                })
                .collect(),
            diagnostics: diagnostic_items(self.findings, self.files),
        };
        let value = serde_json::to_value(&document).unwrap_or_default();
        format!("{value:#}\n")
    }

    fn coverage_document(&self, all: &[Covered<'_>]) -> CoverageDocument {
        let (tested, routes) = self.covered().unwrap_or_default();
        let item = |covered: &Covered<'_>| CoveredDocument {
            address: covered.address.to_string(),
            origin: self.origin(covered),
            tested: covered.tested,
            unreached: covered.unreached,
            targets: (covered.targets.iter())
                .map(|target| TargetDocument {
                    node: target.node.to_string(),
                    port: target.port.get(),
                    tested: target.tested,
                })
                .collect(),
            test: test_of(covered),
        };
        CoverageDocument { routes, tested, items: all.iter().map(item).collect() }
    }

    fn documents(&self) -> Vec<TestDocument> {
        let judged = self.judged.iter().map(|judged| self.document(judged));
        let skipped = self.skipped.iter().map(|(name, loc)| TestDocument {
            name: name.clone(),
            path: self.files.get(loc.file).path().to_owned(),
            line: self.files.start(*loc).line,
            result: "skipped",
            from: None,
            request: None,
            outcome: None,
            mismatches: Vec::new(),
        });
        let mut all: Vec<TestDocument> = judged.chain(skipped).collect();
        all.sort_by(|a, b| (&a.path, a.line).cmp(&(&b.path, b.line)));
        all
    }

    fn document(&self, judged: &Judged<'_>) -> TestDocument {
        let trial = &judged.trial;
        let headers = trial.request.headers.iter();
        let mismatches = judged.verdict.mismatches().iter().map(|mismatch| {
            let at = self.files.start(mismatch.loc);
            MismatchDocument {
                key: mismatch.key,
                expected: mismatch.expected.clone(),
                found: mismatch.found.clone(),
                line: at.line,
                column: at.column,
            }
        });
        TestDocument {
            name: trial.name.clone(),
            path: self.files.get(trial.place.file).path().to_owned(),
            line: self.files.start(trial.loc).line,
            result: word(&judged.verdict),
            from: judged.journey.as_ref().map(|journey| journey.source.to_string()),
            request: Some(RequestDocument {
                method: trial.request.method.clone(),
                url: trial.request.url(),
                headers: headers.map(|(name, value)| [name.clone(), value.text()]).collect(),
            }),
            outcome: judged.journey.as_ref().map(super::trace::outcome),
            mismatches: mismatches.collect(),
        }
    }

    /// JUnit: a suite a file, a case a trial. A mistake in a file is a case of its own.
    pub fn junit(&self) -> String {
        let mut suites = String::new();
        let (mut tests, mut failures, mut errors, mut skips) = (0, 0, 0, 0);
        let mut skipped: BTreeMap<FileId, Vec<&str>> = BTreeMap::new();
        for (name, loc) in self.skipped {
            skipped.entry(loc.file).or_default().push(name);
        }
        for file in self.tests {
            let path = xml(self.files.get(*file).in_repository());
            let mut cases = String::new();
            let (mut own_tests, mut own_failures, mut own_errors) = (0, 0, 0);
            for judged in self.of(*file) {
                own_tests += 1;
                let (tag, count) = match judged.verdict {
                    Verdict::Passed => ("", None),
                    Verdict::Failed(_) => ("failure", Some(&mut own_failures)),
                    Verdict::Undecided(_) => ("error", Some(&mut own_errors)),
                };
                if let Some(count) = count {
                    *count += 1;
                }
                let found: Vec<&Diagnostic> = judged.findings.iter().collect();
                self.case(&mut cases, &path, &judged.trial.name, tag, &found);
            }
            let mistakes: Vec<&Diagnostic> = self.mistakes(*file).collect();
            if !mistakes.is_empty() {
                own_tests += 1;
                own_errors += 1;
                self.case(&mut cases, &path, "the file can be read", "error", &mistakes);
            }
            let own_skipped = skipped.remove(file).unwrap_or_default();
            for name in &own_skipped {
                own_tests += 1;
                let _ = writeln!(
                    cases,
                    "<testcase classname=\"{path}\" name=\"{}\"><skipped/></testcase>",
                    xml(name)
                );
            }
            let _ = writeln!(
                suites,
                "<testsuite name=\"{path}\" tests=\"{own_tests}\" failures=\"{own_failures}\" \
                 errors=\"{own_errors}\" skipped=\"{}\">\n{cases}</testsuite>",
                own_skipped.len()
            );
            tests += own_tests;
            failures += own_failures;
            errors += own_errors;
            skips += own_skipped.len();
        }
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"meshctl test\" \
             tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\" \
             skipped=\"{skips}\">\n{suites}</testsuites>\n"
        )
    }

    fn case(&self, into: &mut String, path: &str, name: &str, tag: &str, found: &[&Diagnostic]) {
        let _ = write!(into, "<testcase classname=\"{path}\" name=\"{}\">", xml(name));
        // Of several elements readers keep the first, so there is one with all of it.
        if let Some(first) = found.first() {
            let mut lines: Vec<String> = Vec::new();
            for diagnostic in found {
                lines.push(diagnostics::line(diagnostic, self.files));
                let related = diagnostic.related.iter();
                lines.extend(related.map(|l| format!("  {}: {}", self.files.show(l.loc), l.text)));
                let help = diagnostic.help.iter().flat_map(|help| help.lines());
                lines.extend(help.map(|line| format!("  {line}")));
            }
            let message: Vec<&str> = found.iter().map(|d| d.message.as_str()).collect();
            let _ = write!(
                into,
                "\n<{tag} type=\"{}\" message=\"{}\">{}</{tag}>",
                first.code.id,
                xml(&message.join("; ")),
                xml(&lines.join("\n"))
            );
        }
        into.push_str("</testcase>\n");
    }
}
