//! Trials: the tests and cases of a file one by one, each with its request ready to be followed.

use super::codes;
use super::file::{At, Expect, Headers, Line, Test, TestFile};
use crate::diag::{Code, Diagnostic, Diagnostics};
use crate::model::Origins;
use crate::schema::{Cx, Node, Shape, codes as shape, parse};
use crate::span::{FileId, Files, Loc};
use crate::traffic::{BadRequest, Request};
use std::collections::BTreeMap;

/// One request and what is expected of it.
#[derive(Clone, Debug)]
pub struct Trial {
    /// The test's name, with the case's behind it.
    pub name: String,
    /// Where it stands.
    pub loc: Loc,
    /// Which item of the file it is.
    pub place: Place,
    /// The overlays under which it holds; empty is always.
    pub env: Vec<String>,
    /// Where the request comes from, as written; `None` is the only gateway.
    pub from: Option<At<String>>,
    /// The request.
    pub request: Request,
    /// What becomes of it.
    pub expect: Expect,
}

/// Which item of its file a trial is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub file: FileId,
    /// Which of its tests, counted from 0.
    pub test: usize,
    /// Which of the test's cases.
    pub case: Option<usize>,
    /// Whether a case takes the expectation from its test.
    pub inherited: bool,
}

/// Reads the tests of a file, with everything that is wrong with them.
pub fn read(id: FileId, files: &Files) -> (Vec<Trial>, Diagnostics) {
    let (tree, mut diagnostics) = parse(id, files.get(id).text());
    let Some(file) = shaped(&tree, &mut diagnostics) else { return (Vec::new(), diagnostics) };
    let mut reader = Reader { id, from: file.from, trials: Vec::new(), diagnostics };
    let mut names: BTreeMap<&str, Loc> = BTreeMap::new();
    for (at, test) in &file.test.0 {
        let name = &test.value.name;
        match names.get(name.value.as_str()) {
            Some(first) => reader.diagnostics.push(
                Diagnostic::new(
                    &codes::SAME_NAME,
                    name.loc,
                    format!("a second test is named `{}`", name.value),
                )
                .related(*first, "the first of this name")
                .help("give one of them another name"),
            ),
            None => {
                names.insert(&name.value, name.loc);
            }
        }
        reader.test(*at, test);
    }
    (reader.trials, reader.diagnostics)
}

fn shaped(tree: &Node, diagnostics: &mut Diagnostics) -> Option<TestFile> {
    let mut origins = Origins::default();
    TestFile::read(tree, &mut Cx::new(diagnostics, &mut origins))
}

struct Reader {
    id: FileId,
    from: Option<At<String>>,
    trials: Vec<Trial>,
    diagnostics: Diagnostics,
}

impl Reader {
    fn find(&mut self, code: &'static Code, loc: Loc, message: String, help: &str) {
        self.diagnostics.push(Diagnostic::new(code, loc, message).help(help));
    }

    fn test(&mut self, at: usize, test: &At<Test>) {
        let Test { name, env, from, request, headers, expect, cases } = &test.value;
        let name = &At { value: visible(&name.value), loc: name.loc };
        let file = self.id;
        let expect = expect.as_ref().filter(|expect| self.coherent(expect));
        let own_missing = test.value.expect.is_none();
        let from = from.clone().or_else(|| self.from.clone());
        let trial = |name: String, loc, case, inherited| {
            let place = Place { file, test: at, case, inherited };
            (name, loc, place)
        };
        if cases.0.is_empty() {
            let missing = match (request, expect) {
                (Some(request), Some(expect)) => {
                    if let Some(request) = self.request(request, headers.as_ref()) {
                        let (name, loc, place) = trial(name.value.clone(), name.loc, None, false);
                        let (env, expect) = (env.0.clone(), expect.value.clone());
                        self.trials.push(Trial { name, loc, place, env, from, request, expect });
                    }
                    return;
                }
                (None, _) => "request",
                (Some(_), None) if own_missing => "expect",
                // It is there, and what is wrong with it is said.
                (Some(_), None) => return,
            };
            let message = format!("the test `{}` has no `{missing}`", name.value);
            self.find(&codes::NOTHING, name.loc, message, &format!("add `{missing} = …`"));
            return;
        }
        let mut known: BTreeMap<String, usize> = BTreeMap::new();
        for (case_at, case) in &cases.0 {
            let own = &case.value;
            if own.expect.as_ref().is_some_and(|expect| !self.coherent(expect)) {
                continue;
            }
            let line = own.request.as_ref().or(request.as_ref());
            let expected = own.expect.as_ref().or(expect);
            let (Some(line), Some(expected)) = (line, expected) else {
                if line.is_some() && !own_missing {
                    continue;
                }
                let missing = if line.is_none() { "request" } else { "expect" };
                let message = format!("a case of `{}` has no `{missing}`", name.value);
                let help = format!("add `{missing} = …` to the case or to its test");
                self.find(&codes::NOTHING, case.loc, message, &help);
                continue;
            };
            let headers = own.headers.as_ref().or(headers.as_ref());
            let Some(request) = self.request(line, headers) else { continue };
            let words =
                own.name.as_ref().map_or_else(|| request.to_string(), |n| visible(&n.value));
            let again = known.entry(words.clone()).or_default();
            *again += 1;
            let words = if *again > 1 { format!("{words} ({again})") } else { words };
            let loc = own.name.as_ref().map_or(case.loc, |name| name.loc);
            let full = format!("{} / {words}", name.value);
            let (name, loc, place) = trial(full, loc, Some(*case_at), own.expect.is_none());
            self.trials.push(Trial {
                name,
                loc,
                place,
                env: env.0.clone(),
                from: own.from.clone().or_else(|| from.clone()),
                request,
                expect: expected.value.clone(),
            });
        }
    }

    fn request(&mut self, line: &At<Line>, headers: Option<&At<Headers>>) -> Option<Request> {
        let made = made(&line.value);
        let mut request = match made {
            Ok(request) => request,
            Err(why) => {
                let help = "write for example \"GET http://shop.example/cart\"";
                self.find(&codes::NO_REQUEST, line.loc, why.to_string(), help);
                return None;
            }
        };
        let mut whole = true;
        for (name, values) in headers.iter().flat_map(|headers| &headers.value.0) {
            for value in values {
                let loc = headers.map_or(line.loc, |headers| headers.loc);
                let line = format!("{name}: {value}");
                // A colon in the name would cut the line elsewhere.
                let added = match name.contains(':') {
                    true => Err(format!("`{name}` is not the name of a header")),
                    false => request.header(&line).map_err(|why| why.to_string()),
                };
                if let Err(why) = added {
                    whole = false;
                    let help = "names have letters, digits and `-`; values have no line breaks";
                    self.find(&codes::NO_REQUEST, loc, why, help);
                }
            }
        }
        whole.then_some(request)
    }

    /// Whether all of it can be expected together; reports what cannot.
    fn coherent(&mut self, expect: &At<Expect>) -> bool {
        let Expect {
            node,
            targets,
            status,
            refused,
            leaves,
            route,
            service,
            path,
            host,
            timeout,
            retry,
            security,
        } = &expect.value;
        let ends = [
            ("node", node.as_ref().map(|it| it.loc)),
            ("targets", targets.as_ref().map(|it| it.loc)),
            ("status", status.as_ref().map(|it| it.loc)),
            ("refused", refused.as_ref().map(|it| it.loc)),
            ("leaves", leaves.as_ref().map(|it| it.loc)),
        ];
        let of_nodes = [
            ("path", path.as_ref().map(|it| it.loc)),
            ("host", host.as_ref().map(|it| it.loc)),
            ("timeout", timeout.as_ref().map(|it| it.loc)),
            ("retry", retry.as_ref().map(|it| it.loc)),
            ("security", security.as_ref().map(|it| it.loc)),
        ];
        let there = |keys: &[(&'static str, Option<Loc>)]| -> Vec<(&'static str, Loc)> {
            keys.iter().filter_map(|(key, loc)| Some((*key, (*loc)?))).collect()
        };
        let (ends, of_nodes) = (there(&ends), there(&of_nodes));
        let others = route.is_some() || service.is_some();
        if ends.is_empty() && of_nodes.is_empty() && !others {
            self.find(
                &codes::NOTHING,
                expect.loc,
                "the expectation says nothing".to_owned(),
                "add what becomes of the request: node, targets, status, refused, …",
            );
            return false;
        }
        let (first, second) = match (ends.as_slice(), of_nodes.as_slice()) {
            ([first, second, ..], _) => (first, second),
            ([end], [first, ..]) if !["node", "targets"].contains(&end.0) => (end, first),
            _ => return true,
        };
        self.diagnostics.push(
            Diagnostic::new(
                &shape::BAD_CHOICE,
                second.1,
                format!("`{}` and `{}` exclude each other", second.0, first.0),
            )
            .related(first.1, format!("`{}` is here", first.0))
            .help("keep one: a request reaches nodes, or is answered, or is refused, or leaves"),
        );
        false
    }
}

/// A text without control characters, which would reach terminals: as escapes.
pub(super) fn visible(text: &str) -> String {
    let each = text.chars().map(|c| match c.is_control() {
        true => c.escape_default().to_string(),
        false => c.to_string(),
    });
    each.collect()
}

/// A request of a line. `grpc://HOST/SERVICE/METHOD` is a gRPC call, `tcp://HOST` a connection.
fn made(line: &Line) -> Result<Request, BadRequest> {
    let Line { method, url } = line;
    if let Some(rest) = url.strip_prefix("grpc://") {
        let method = method.as_deref().unwrap_or("POST");
        let mut request = Request::new(method, &format!("http://{rest}"))?;
        request.header("content-type: application/grpc")?;
        request.header("te: trailers")?;
        return Ok(request);
    }
    let tcp = url.starts_with("tcp://");
    let default = if tcp { "TCP" } else { "GET" };
    Request::new(method.as_deref().unwrap_or(default), url)
}
