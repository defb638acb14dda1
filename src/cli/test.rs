//! `test`: holds expectations about requests against a state of the mesh.

use super::trace::{State, state};
use super::{Context, Exit, Failure, Format};
use crate::diag::Diagnostics;
use crate::diag::shell::word;
use crate::expect::coverage::{Covered, coverage};
use crate::expect::update::{as_test, update};
use crate::expect::{self, Judged, Judging};
use crate::load::{self, NoTests, TESTS_FOLDER, read_tests};
use crate::picture;
use crate::report::{self, test::Run};
use crate::schema::{Changes, Difference, compare, with_lf};
use crate::span::{FileId, Files, Loc};
use clap::Args;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Test what becomes of requests, as files of tests expect it
///
/// Each test in tests/**/*.toml names a request and what becomes of it: the nodes that get it, the
/// route, what the server sees, timeouts, or that it is refused (`meshctl schema tests`). Nothing
/// is sent: requests are followed through the mesh as Envoy would, as trace does. Exits with 3 if
/// one fares otherwise, and also if there is no test.
#[derive(Debug, Args)]
pub(super) struct TestArgs {
    /// Files of tests, and folders of them; the project's tests folder unless given
    #[arg(value_name = "FILE|DIR")]
    paths: Vec<PathBuf>,

    /// Only tests whose names contain this text
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,

    /// Which state of the mesh, instead of the files
    #[arg(long, value_name = "plan:FILE|rev:N|live")]
    at: Option<String>,

    /// Also show which routes no test takes, each with a request that does
    #[arg(long)]
    coverage: bool,

    /// Exit with 3 if the tests take fewer of the routes, in per cent
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u32).range(0..=100))]
    coverage_min: Option<u32>,

    /// Write down what happens now in the tests that fail; with --coverage, also add a test for
    /// each route that none takes, to tests/untested.toml
    #[arg(long)]
    update: bool,
}

pub(super) fn run(context: &Context, args: &TestArgs) -> Result<Exit, Failure> {
    let format = context.format(&[
        Format::Text,
        Format::Json,
        Format::Sarif,
        Format::Github,
        Format::Junit,
    ])?;
    let State { mesh, loaded } = state(context, args.at.as_deref())?;
    let (mut files, origins) = match loaded {
        Some(loaded) => (loaded.files, Some(loaded.origins)),
        None => Default::default(),
    };
    let judging = Judging::new(&mesh, origins.as_ref(), context.ui.flags(args.at.as_deref()));
    let covering = args.coverage || args.coverage_min.is_some();
    let mut tried = Tried::read(context, args, &judging, &mut files)?;
    let mut updated = Vec::new();
    if args.update {
        for (id, path) in &tried.tests {
            let own: Vec<&Judged<'_>> =
                tried.judged.iter().filter(|judged| judged.trial.place.file == *id).collect();
            let file = files.get(*id);
            let expected = |at: &[String]| match at {
                [test, _, key] => test == "test" && key == "expect",
                [test, _, cases, _, key] => test == "test" && cases == "cases" && key == "expect",
                _ => false,
            };
            let own = rewritable(context, &files, file.text(), &own, |text| {
                compare(file.text(), text, Changes::Values(&expected))
            });
            let Some((text, changes)) = update(file.text(), &own) else { continue };
            load::rewrite(path, &text, Changes::Values(&expected))
                .map_err(|error| Failure::unwritten(path, &error))?;
            updated.extend(changes.into_iter().map(|change| (file.shown().to_owned(), change)));
        }
        if covering {
            let missing = coverage(&mesh, &tried.judged);
            let mut path = context.directory().join(TESTS_FOLDER).join(UNTESTED);
            if let [only] = args.paths.as_slice()
                && only.is_dir()
            {
                path = only.join(UNTESTED);
            }
            if let Some(count) = add(&path, &missing)? {
                context.ui.status(&format!("Added {count} to {}.", path.display()));
            }
        }
        tried = Tried::read(context, args, &judging, &mut files)?;
    }
    let covered = covering.then(|| coverage(&mesh, &tried.judged));
    if tried.judged.is_empty() && !tried.diagnostics.has_errors() && !covering {
        return Err(nothing(args, tried.known, tried.skipped.len()));
    }
    let Tried { tests, judged, skipped, diagnostics, .. } = tried;
    let findings = diagnostics.sorted();
    let tests: Vec<_> = tests.iter().map(|(id, _)| *id).collect();
    let run = Run {
        at: args.at.as_deref().unwrap_or("files"),
        env: context.global.env.as_deref(),
        tests: &tests,
        judged: &judged,
        skipped: &skipped,
        findings: &findings,
        files: &files,
        coverage: covered.as_deref(),
        updated: &updated,
        origins: origins.as_ref(),
    };
    let ui = &context.ui;
    match format {
        Format::Json => ui.result(&run.json()),
        Format::Sarif => ui.result(&report::sarif(&findings, &files)),
        Format::Github => ui.result(&report::github(&findings, &files)),
        Format::Junit => ui.result(&run.junit()),
        Format::Text
        | Format::Ndjson
        | Format::Markdown
        | Format::AppmeshJson
        | Format::Mermaid
        | Format::Dot
        | Format::Svg => {
            ui.result(&run.text(ui.color_out(), ui.width(), ui.verbose() > 0));
        }
    }
    ui.status(&format!("{}.", run.summary()));
    if judged.is_empty() && !args.update {
        ui.error("nothing was tested: there is no test");
        return Ok(Exit::Findings);
    }
    let percent = run.covered().map_or(100, |(tested, all)| 100 * tested / all.max(1));
    if let Some(min) = args.coverage_min.filter(|min| percent < *min as usize) {
        ui.error(&format!("tests take {percent} % of the routes; --coverage-min asks for {min} %"));
        return Ok(Exit::Findings);
    }
    Ok(if run.counts().good() { Exit::Done } else { Exit::Findings })
}

/// The trials of a file whose expectations can be replaced without a loss. Of the others it is said why
/// they stay as they are: they fail as before.
fn rewritable<'j, 'm>(
    context: &Context,
    files: &Files,
    text: &str,
    own: &[&'j Judged<'m>],
    compared: impl Fn(&str) -> Result<(), Difference>,
) -> Vec<&'j Judged<'m>> {
    // All at once; each by itself only where one of them is in the way.
    let fits = |own: &[&Judged<'m>]| update(text, own).map_or(Ok(()), |(text, _)| compared(&text));
    if fits(own).is_ok() {
        return own.to_vec();
    }
    let kept = |judged: &&&Judged<'m>| {
        let Err(why) = fits(&[**judged]) else { return true };
        context.ui.warning(&format!(
            "{}: `{}` is not updated: {why}",
            files.show_line(judged.trial.loc),
            judged.trial.name
        ));
        false
    };
    own.iter().filter(kept).copied().collect()
}

/// The file that holds the tests that `--update --coverage` adds.
const UNTESTED: &str = "untested.toml";

/// The tests that were read, and what came of them.
struct Tried<'m> {
    tests: Vec<(FileId, PathBuf)>,
    judged: Vec<Judged<'m>>,
    skipped: Vec<(String, Loc)>,
    diagnostics: Diagnostics,
    /// Tests before --filter.
    known: usize,
}

impl<'m> Tried<'m> {
    fn read(
        context: &Context,
        args: &TestArgs,
        judging: &Judging<'m>,
        files: &mut Files,
    ) -> Result<Self, Failure> {
        let read =
            read_tests(&context.directory(), &args.paths, files).map_err(|why| match why {
                NoTests::Project(ref path) => Failure::from_error(Exit::Usage, &why)
                    .hint(format!("meshctl -C {} test", word(&path.display().to_string()))),
                NoTests::Io(..) => Failure::from_error(Exit::Failed, &why),
            })?;
        let mut tried = Self {
            tests: read.files,
            judged: Vec::new(),
            skipped: Vec::new(),
            diagnostics: read.diagnostics,
            known: 0,
        };
        let env = context.global.env.as_deref();
        for (id, _) in &tried.tests {
            let (trials, found) = expect::read(*id, files);
            tried.diagnostics.append(found);
            tried.known += trials.len();
            for trial in trials {
                if args.filter.as_ref().is_some_and(|text| !trial.name.contains(text.as_str())) {
                    continue;
                }
                let own = trial.env.is_empty()
                    || env.is_some_and(|env| trial.env.iter().any(|known| known == env));
                match own {
                    true => tried.judged.push(judging.judge(trial)),
                    false => tried.skipped.push((trial.name, trial.loc)),
                }
            }
        }
        for finding in tried.judged.iter().flat_map(|judged| &judged.findings) {
            tried.diagnostics.push(finding.clone());
        }
        Ok(tried)
    }
}

/// Adds a test for each route that has a witness; says how many there were.
fn add(path: &Path, missing: &[Covered<'_>]) -> Result<Option<String>, Failure> {
    let old = match fs::read_to_string(path) {
        Ok(text) => with_lf(&text).into_owned(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(Failure::unwritten(path, &error)),
    };
    let mut text = old.clone();
    let mut count = 0;
    for covered in missing {
        let Some(witness) = &covered.witness else { continue };
        let mut name = covered.address.to_string();
        for again in 2.. {
            if !text.contains(&format!("\"{name}\"\nfrom")) {
                break;
            }
            name = format!("{} ({again})", covered.address);
        }
        if let Some(test) = as_test(&name, &covered.address, witness) {
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str(&test);
            count += 1;
        }
    }
    if count == 0 {
        return Ok(None);
    }
    if old.is_empty() && !path.exists() {
        // The folder may have a name that is no text.
        let folder = path.parent().unwrap_or(Path::new(""));
        load::create(folder, [(UNTESTED, text.as_str())])
            .map_err(|(path, error)| Failure::unwritten(&path, &error))?;
    } else {
        let known = tests_in(&old);
        let added = |at: &[String]| match at {
            [test] => test == "test" && known == 0,
            [test, number] => test == "test" && number.parse().is_ok_and(|n: usize| n >= known),
            _ => false,
        };
        load::rewrite(path, &text, Changes::Values(&added))
            .map_err(|error| Failure::unwritten(path, &error))?;
    }
    Ok(Some(picture::count(count, "test")))
}

/// How many tests a file has. One that is no TOML has none that can be kept, and is not rewritten.
fn tests_in(text: &str) -> usize {
    let table = text.parse::<toml::Table>().unwrap_or_default();
    table.get("test").and_then(toml::Value::as_array).map_or(0, Vec::len)
}

/// Nothing was tested. A pass would say what is not so.
fn nothing(args: &TestArgs, known: usize, skipped: usize) -> Failure {
    if skipped > 0 {
        return Failure::new(
            Exit::Findings,
            "nothing was tested: every test is of another overlay",
        )
        .hint("choose an overlay: --env NAME");
    }
    match &args.filter {
        Some(text) if known > 0 => {
            Failure::new(Exit::Usage, format!("no test has `{text}` in its name"))
                .hint("meshctl test -v lists the names")
        }
        _ => Failure::new(Exit::Findings, "nothing was tested: there is no test").hint(format!(
            "write {TESTS_FOLDER}/NAME.toml, for example:\n[[test]]\nname = \"the cart answers\"\n\
             request = \"GET http://shop.example/cart\"\nexpect = {{ node = \"cart\" }}"
        )),
    }
}
