//! Whether a row takes a request, and if not, why not.

use super::field::FieldValue;
use super::headers::{Treatment, treatment};
use super::matching::{Match, Named, Path, host_expression};
use super::path::without_query;
use super::re2::Regex;
use crate::model::{HostnameMatch, Pattern, pointer};
use std::cell::RefCell;
use std::collections::BTreeMap;

/// A request as a connection manager sees it when it tries routes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The method.
    pub method: String,
    /// The scheme.
    pub scheme: String,
    /// `Host` or `:authority`.
    pub host: String,
    /// Path and query, normalised.
    pub path: String,
    /// The other headers, names in small letters, in order, as the proxy has left them.
    pub headers: Vec<(String, FieldValue)>,
}

/// Why a row did not take a request: the first condition that did not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Miss {
    /// Where the condition stands in the route's JSON.
    pub pointer: String,
    /// What it asked for and what there was.
    pub why: String,
}

/// What a row makes of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Takes,
    Misses(Miss),
    /// It cannot be told, and why.
    Unknown(String),
}

/// Compiled expressions, each once.
#[derive(Debug, Default)]
pub(super) struct Regexes(RefCell<BTreeMap<String, Result<Regex, String>>>);

impl Regexes {
    /// Whether the whole text is matched; the error says why that cannot be told.
    fn takes(&self, expression: &str, text: &[u8]) -> Result<bool, String> {
        let mut known = self.0.borrow_mut();
        if !known.contains_key(expression) {
            known.insert(expression.to_owned(), Regex::new(expression));
        }
        match known.get(expression) {
            Some(Ok(regex)) => Ok(regex.takes(text)),
            Some(Err(why)) => Err(format!("the regex `{expression}`: {why}")),
            None => Err(format!("the regex `{expression}`")),
        }
    }
}

/// Tries all conditions. One that surely fails decides, even beside one that cannot be told.
pub(super) fn verdict(matches: &Match<'_>, seen: &Seen, regexes: &Regexes) -> Verdict {
    let mut unknown = None;
    let checks = std::iter::once_with(|| host(matches, seen, regexes))
        .chain(std::iter::once_with(|| plain(matches, seen)))
        .chain(std::iter::once_with(|| path(&matches.path, seen, regexes)))
        .chain(matches.headers.iter().map(|named| header(named, seen, regexes)))
        .chain(matches.query.iter().map(|named| query(named, seen, regexes)));
    for check in checks {
        match check {
            Verdict::Takes => {}
            Verdict::Misses(miss) => return Verdict::Misses(miss),
            Verdict::Unknown(why) => unknown = unknown.or(Some(why)),
        }
    }
    unknown.map_or(Verdict::Takes, Verdict::Unknown)
}

fn misses(pointer: String, why: String) -> Verdict {
    Verdict::Misses(Miss { pointer, why })
}

/// What holds is taken, what does not misses, what fails cannot be told.
fn judged(holds: Result<bool, String>, miss: impl FnOnce() -> Verdict) -> Verdict {
    match holds {
        Ok(true) => Verdict::Takes,
        Ok(false) => miss(),
        Err(why) => Verdict::Unknown(why),
    }
}

fn host(matches: &Match<'_>, seen: &Seen, regexes: &Regexes) -> Verdict {
    let Some(hostname) = matches.host else { return Verdict::Takes };
    judged(regexes.takes(&host_expression(hostname), seen.host.as_bytes()), || {
        let wanted = match hostname {
            HostnameMatch::Exact(name) => format!("is not `{name}`"),
            HostnameMatch::Suffix(name) => format!("does not end with `{name}`"),
        };
        misses("/match/hostname".to_owned(), format!("host `{}` {wanted}", seen.host))
    })
}

fn plain(matches: &Match<'_>, seen: &Seen) -> Verdict {
    if let Some(method) = matches.method.filter(|method| method.as_str() != seen.method) {
        return misses(
            "/match/method".to_owned(),
            format!("method {} is not {method}", seen.method),
        );
    }
    let Some(scheme) = matches.scheme else { return Verdict::Takes };
    if seen.headers.iter().any(|(name, _)| name == "x-forwarded-proto") {
        return Verdict::Unknown("x-forwarded-proto may change the scheme".to_owned());
    }
    if scheme.as_str() == seen.scheme {
        return Verdict::Takes;
    }
    misses("/match/scheme".to_owned(), format!("scheme {} is not {scheme}", seen.scheme))
}

fn path(wanted: &Path<'_>, seen: &Seen, regexes: &Regexes) -> Verdict {
    let path = without_query(&seen.path);
    let miss = |why: String| misses("/match/path".to_owned(), format!("path `{path}` {why}"));
    match wanted {
        Path::Prefix(prefix) if path.starts_with(prefix.as_ref()) => Verdict::Takes,
        Path::Prefix(prefix) => miss(format!("does not start with `{prefix}`")),
        Path::Exact(exact) if path == exact => Verdict::Takes,
        Path::Exact(exact) => miss(format!("is not `{exact}`")),
        Path::Regex(expression) => judged(regexes.takes(expression, path.as_bytes()), || {
            miss(format!("is not matched as a whole by `{expression}`"))
        }),
    }
}

fn header(named: &Named<'_>, seen: &Seen, regexes: &Regexes) -> Verdict {
    let name = named.name.to_ascii_lowercase();
    if treatment(&name) == Treatment::Proxys {
        return Verdict::Unknown(format!("proxies write the header `{name}` themselves"));
    }
    let values: Vec<&FieldValue> =
        seen.headers.iter().filter(|(own, _)| *own == name).map(|(_, value)| value).collect();
    let place = pointer(["match", "headers", named.name]);
    let miss = |why: String| misses(place, format!("header `{name}` {why}"));
    let invert = named.matcher.invert;
    if let Pattern::Present(present) = named.matcher.pattern {
        return match (values.is_empty() != present) != invert {
            true => Verdict::Takes,
            false if values.is_empty() => miss("is missing".to_owned()),
            false => miss("is there".to_owned()),
        };
    }
    // What is missing is never matched, not even by an inverted condition.
    if values.is_empty() {
        return miss("is missing".to_owned());
    }
    // Of a repeated header that was not joined on arrival one value that matches is enough; an
    // inverted condition inverts that outcome.
    let mut holds = Ok(false);
    for value in &values {
        match matched(&named.matcher.pattern, value.as_bytes(), regexes) {
            Ok(false) => {}
            Ok(true) => {
                holds = Ok(true);
                break;
            }
            Err(why) => holds = Err(why),
        }
    }
    judged(holds.map(|holds| holds != invert), || {
        let values = values.iter().map(|value| format!("`{value}`")).collect::<Vec<_>>().join(", ");
        miss(format!("{values} {}", unlike(&named.matcher.pattern, invert)))
    })
}

fn query(named: &Named<'_>, seen: &Seen, regexes: &Regexes) -> Verdict {
    let place = pointer(["match", "query_parameters", named.name]);
    let miss = |why: String| misses(place, format!("query parameter `{}` {why}", named.name));
    let value = first_value(&seen.path, named.name);
    if let Pattern::Present(present) = named.matcher.pattern {
        return match value.is_some() == (present != named.matcher.invert) {
            true => Verdict::Takes,
            false if value.is_some() => miss("is there".to_owned()),
            false => miss("is missing".to_owned()),
        };
    }
    let Some(value) = value else { return miss("is missing".to_owned()) };
    judged(matched(&named.matcher.pattern, value.as_bytes(), regexes), || {
        miss(format!("`{value}` {}", unlike(&named.matcher.pattern, false)))
    })
}

/// The first value of a query parameter, as sent: nothing is unescaped.
fn first_value<'a>(path: &'a str, name: &str) -> Option<&'a str> {
    let (_, query) = path.split_once('?')?;
    let pairs = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let mut values = pairs.filter(|(own, _)| *own == name).map(|(_, value)| value);
    values.next()
}

fn matched(pattern: &Pattern, value: &[u8], regexes: &Regexes) -> Result<bool, String> {
    Ok(match pattern {
        Pattern::Exact(text) => value == text.as_bytes(),
        Pattern::Prefix(text) => value.starts_with(text.as_bytes()),
        Pattern::Suffix(text) => value.ends_with(text.as_bytes()),
        Pattern::Regex(expression) => return regexes.takes(expression, value),
        Pattern::Range(range) => std::str::from_utf8(value.trim_ascii())
            .ok()
            .and_then(|text| text.parse::<i64>().ok())
            .is_some_and(|number| (range.start..range.end).contains(&number)),
        Pattern::Present(present) => *present,
    })
}

/// What a value is not, or is if that is what was not wanted.
fn unlike(pattern: &Pattern, invert: bool) -> String {
    let (is, does) = if invert { ("is", "does") } else { ("is not", "does not") };
    match (pattern, invert) {
        (Pattern::Exact(text), _) => format!("{is} `{text}`"),
        (Pattern::Prefix(text), false) => format!("{does} start with `{text}`"),
        (Pattern::Suffix(text), false) => format!("{does} end with `{text}`"),
        (Pattern::Prefix(text), true) => format!("starts with `{text}`"),
        (Pattern::Suffix(text), true) => format!("ends with `{text}`"),
        (Pattern::Regex(text), _) => format!("{is} matched as a whole by `{text}`"),
        (Pattern::Range(range), _) => {
            format!("{is} a whole number from {} to below {}", range.start, range.end)
        }
        (Pattern::Present(_), _) => "is there".to_owned(),
    }
}
