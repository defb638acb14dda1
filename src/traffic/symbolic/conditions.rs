//! The conditions of routes and gateway routes, as sets of requests see them.

use super::language::Test;
use super::space::{Asks, Condition, Part};
use crate::model::{HostnameMatch, Matcher, Method, Pattern};
use crate::traffic::headers::{Treatment, treatment};
use crate::traffic::{Match, Named, Path};

/// What the proxy makes of the path of a request that it sends on.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum PathChange {
    /// Nothing.
    #[default]
    Keep,
    /// The start `from`, which every request has, becomes `to`.
    Prefix {
        /// What was matched.
        from: String,
        /// What it becomes.
        to: String,
    },
    /// It becomes this, whatever it was.
    Whole(String),
}

impl PathChange {
    /// The path that comes of a path.
    pub fn apply(&self, path: &str) -> String {
        match self {
            Self::Keep => path.to_owned(),
            Self::Prefix { from, to } => {
                format!("{to}{}", path.strip_prefix(from.as_str()).unwrap_or(path))
            }
            Self::Whole(path) => path.clone(),
        }
    }
}

/// The conditions of a row on the requests that its own hop sees.
pub fn of(matches: &Match<'_>) -> Vec<Condition> {
    let mut all = Vec::new();
    if let Some(host) = matches.host {
        let test = match host {
            HostnameMatch::Exact(name) => Test::Exact(bare_host(name)),
            HostnameMatch::Suffix(name) => Test::Suffix(bare_host(name)),
        };
        all.push(Condition::new(Part::Host, Asks::Is(test)));
    }
    let test = match &matches.path {
        Path::Prefix(text) if text == "/" => None,
        Path::Prefix(text) => Some(Test::Prefix(text.to_string())),
        Path::Exact(text) => Some(Test::Exact(text.to_string())),
        Path::Regex(text) => Some(Test::Regex((*text).to_owned())),
    };
    all.extend(test.map(|test| Condition::new(Part::Path, Asks::Is(test))));
    let exact = |part, text: &str| Condition::new(part, Asks::Is(Test::Exact(text.to_owned())));
    all.extend(matches.method.map(|method| match method {
        // What a proxy makes of it depends on its version.
        Method::Connect => {
            Condition::new(Part::Method, Asks::Unknown("the method is CONNECT".to_owned()))
        }
        other => exact(Part::Method, other.as_str()),
    }));
    all.extend(matches.scheme.map(|scheme| exact(Part::Scheme, scheme.as_str())));
    all.extend(matches.headers.iter().map(header));
    all.extend(matches.query.iter().map(query));
    all
}

/// A host as the sets know it: in small letters, without the root dot.
fn bare_host(name: &str) -> String {
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}

fn header(condition: &Named<'_>) -> Condition {
    let name = condition.name.to_ascii_lowercase();
    let matcher = condition.matcher;
    let unknown = || Asks::Unknown(words(&name, matcher));
    match name.as_str() {
        ":method" => Condition::new(Part::Method, asks(matcher)),
        ":scheme" => Condition::new(Part::Scheme, asks(matcher)),
        // With the query or the port, and rewritten on the way.
        ":path" | ":authority" | "host" => Condition::new(Part::Header(name.clone()), unknown()),
        _ => {
            let asks = match (treatment(&name), asks(matcher)) {
                (Treatment::Proxys, _) => unknown(),
                (Treatment::Removed, Asks::Is(_) | Asks::IsNot(_) | Asks::Present) => Asks::Never,
                (_, asks) => asks,
            };
            Condition::new(Part::Header(name.clone()), asks)
        }
    }
}

fn words(name: &str, matcher: &Matcher) -> String {
    format!("the header `{name}` meets {matcher:?}")
}

fn test(pattern: &Pattern) -> Option<Test> {
    Some(match pattern {
        Pattern::Exact(text) => Test::Exact(text.clone()),
        Pattern::Prefix(text) => Test::Prefix(text.clone()),
        Pattern::Suffix(text) => Test::Suffix(text.clone()),
        Pattern::Regex(text) => Test::Regex(text.clone()),
        Pattern::Range(range) => Test::Range(range.start, range.end),
        Pattern::Present(_) => return None,
    })
}

/// A header that is not there meets nothing but `present = false`: Envoy does not turn the
/// inverse of a text around for one.
fn asks(matcher: &Matcher) -> Asks {
    match (&matcher.pattern, test(&matcher.pattern)) {
        (Pattern::Present(present), _) if *present != matcher.invert => Asks::Present,
        (_, None) => Asks::Absent,
        (_, Some(test)) if matcher.invert => Asks::IsNot(test),
        (_, Some(test)) => Asks::Is(test),
    }
}

fn query(condition: &Named<'_>) -> Condition {
    let matcher = condition.matcher;
    // Envoy knows no inversion here, but for presence (the rules refuse it).
    let ask = match (&matcher.pattern, test(&matcher.pattern)) {
        (Pattern::Present(present), _) if *present != matcher.invert => Asks::Present,
        (_, None) => Asks::Absent,
        (_, Some(test)) => Asks::Is(test),
    };
    Condition::new(Part::Query(condition.name.to_owned()), ask)
}

/// Conditions that a later hop has on what an earlier one sends, as conditions on what came to
/// the earlier one. The start of a path that is to change is known to be there.
pub(super) fn through(change: &PathChange, conditions: Vec<Condition>) -> Vec<Condition> {
    let mut all = Vec::new();
    for condition in conditions {
        match (condition.part, condition.asks) {
            (Part::Path, Asks::Is(test)) => all.extend(before(change, test)),
            (part, asks) => all.push(Condition::new(part, asks)),
        }
    }
    all
}

/// What a path must have been so that what came of it passes a test. `None`: anything.
fn before(change: &PathChange, test: Test) -> Option<Condition> {
    let path = |asks| Some(Condition::new(Part::Path, asks));
    let (from, to) = match change {
        PathChange::Keep => return path(Asks::Is(test)),
        PathChange::Whole(whole) => {
            return match test.passes(whole) {
                Some(true) => None,
                Some(false) => path(Asks::Never),
                None => path(Asks::Unknown(format!("the new path `{whole}` meets {test:?}"))),
            };
        }
        PathChange::Prefix { from, to } => (from, to),
    };
    let joined = |rest: &str| format!("{from}{rest}");
    path(match test {
        Test::Exact(text) => match text.strip_prefix(to.as_str()) {
            Some(rest) => Asks::Is(Test::Exact(joined(rest))),
            None => Asks::Never,
        },
        Test::Prefix(text) if to.starts_with(&text) => return None,
        Test::Prefix(text) => match text.strip_prefix(to.as_str()) {
            Some(rest) => Asks::Is(Test::Prefix(joined(rest))),
            None => Asks::Never,
        },
        Test::Regex(regex) => {
            Asks::Is(Test::Behind { prefix: from.clone(), value: to.clone(), regex })
        }
        other @ (Test::Suffix(_) | Test::Range(..) | Test::Behind { .. }) => {
            Asks::Unknown(format!("the new path meets {other:?}"))
        }
    })
}
