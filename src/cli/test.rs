//! `test`: holds expectations about requests against a state of the mesh.

use super::trace::{State, state};
use super::{Context, Exit, Failure, Format};
use crate::diag::Diagnostics;
use crate::expect::{self, Judging};
use crate::load::{NoTests, TESTS_FOLDER, read_tests};
use crate::report::{self, test::Run};
use clap::Args;
use std::path::PathBuf;

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
    let read =
        read_tests(&context.directory(), &args.paths, &mut files).map_err(|why| match why {
            NoTests::Project(ref path) => Failure::from_error(Exit::Usage, &why)
                .hint(format!("meshctl -C {} test", path.display())),
            NoTests::Io(..) => Failure::from_error(Exit::Failed, &why),
        })?;
    let mut diagnostics = Diagnostics::default();
    diagnostics.append(read.diagnostics);
    let judging = Judging::new(&mesh, origins.as_ref());
    let env = context.global.env.as_deref();
    let (mut judged, mut skipped, mut known) = (Vec::new(), Vec::new(), 0);
    for (id, _) in &read.files {
        let (trials, found) = expect::read(*id, &files);
        diagnostics.append(found);
        known += trials.len();
        for trial in trials {
            if args.filter.as_ref().is_some_and(|text| !trial.name.contains(text.as_str())) {
                continue;
            }
            if !trial.env.is_empty() && !env.is_some_and(|env| trial.env.iter().any(|e| e == env)) {
                skipped.push((trial.name, trial.loc));
                continue;
            }
            judged.push(judging.judge(trial));
        }
    }
    for one in &judged {
        one.findings.iter().cloned().for_each(|finding| diagnostics.push(finding));
    }
    if judged.is_empty() && !diagnostics.has_errors() {
        return Err(nothing(args, known, skipped.len()));
    }
    let findings = diagnostics.sorted();
    let tests: Vec<_> = read.files.iter().map(|(id, _)| *id).collect();
    let run = Run {
        at: args.at.as_deref().unwrap_or("files"),
        env,
        tests: &tests,
        judged: &judged,
        skipped: &skipped,
        findings: &findings,
        files: &files,
    };
    let ui = &context.ui;
    match format {
        Format::Json => ui.result(&run.json()),
        Format::Sarif => ui.result(&report::sarif(&findings, &files)),
        Format::Github => ui.result(&report::github(&findings, &files)),
        Format::Junit => ui.result(&run.junit()),
        Format::Text | Format::Ndjson | Format::Markdown | Format::AppmeshJson => {
            ui.result(&run.text(ui.color_out(), ui.width(), ui.verbose() > 0));
        }
    }
    ui.status(&format!("{}.", run.summary()));
    Ok(if run.counts().good() { Exit::Done } else { Exit::Findings })
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
