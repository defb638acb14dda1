//! MC02xx: matchers of headers, query parameters and metadata, each name looked at by itself.

use super::context::Ctx;
use super::{Check, Rule};
use crate::diag::{Code, Diagnostics};
use crate::model::{Address, Matcher, Pattern, pointer};
use crate::traffic::headers::treatment;
use std::collections::BTreeMap;

/// Conditions that exclude each other.
const CONTRADICTION: Code = Code::error(
    "MC0201",
    "contradictory-matchers",
    "two conditions on one name cannot both hold",
    "All matchers on one name must hold at once. These exclude each other, so no request meets \
     them and the route never matches: a header that must be there and must not, a condition and \
     its inverse (which no line of a repeated header may meet), two values of one query parameter, \
     of which only the first counts, or of a header whose lines Envoy joins into one value. For an OR write two routes, or one `regex`.",
);
/// Conditions that no one value meets.
const REPEATED: Code = Code::warning(
    "MC0234",
    "matchers-need-repeated-header",
    "two conditions on one header that only a repeated header meets",
    "A header may stand in a request several times. Envoy looks at each of its lines by itself (but \
     for some twenty standard headers, such as `accept`, whose lines it joins with commas), and a \
     condition holds as soon as one line meets it (an inverted one if no line does). No single \
     value meets both of these conditions, so the route takes only requests that send the header \
     twice. That is seldom meant: for an OR write two routes, or one `regex`.",
);
/// A range with nothing in it.
const EMPTY_RANGE: Code = Code::error(
    "MC0202",
    "empty-range",
    "a range with no number in it",
    "A range is half open: it holds its first number and not its last. `[10, 10]` and `[10, 5]` \
     hold nothing; for exactly 10 write `[10, 11]` or \"10\".",
);
/// One header under two spellings.
const SAME_HEADER: Code = Code::warning(
    "MC0206",
    "duplicate-header-name",
    "one header stands under two spellings",
    "Header names have no case, so both conditions are about the same header and must both hold. \
     Write them under one name, as an array.",
);
/// A header that cannot exist.
const BAD_NAME: Code = Code::error(
    "MC0207",
    "malformed-header-name",
    "a header name with characters that headers do not have",
    "Header and metadata names are made of letters, digits and some signs, without spaces and \
     colons. A request with such a header cannot exist.",
);
/// A matcher that Envoy does not have for query parameters.
const QUERY: Code = Code::error(
    "MC0211",
    "unsupported-query-matcher",
    "a query parameter is matched in a way that Envoy cannot",
    "Query parameters can be compared as text, or asked to be there or not. Envoy has neither \
     ranges nor inversion for them. Use a header, or a `regex`.",
);
/// A header that has a key of its own.
const PSEUDO: Code = Code::warning(
    "MC0212",
    "pseudo-header-match",
    "a header match on what has a key of its own",
    "Pseudo headers and `host` are rewritten on the way (a gateway changes host and path), and \
     their keys `hostname`, `prefix`, `path`, `method` and `scheme` say what is meant.",
);

pub(super) const RULES: &[Rule] = &[
    Rule(&[&CONTRADICTION, &REPEATED, &EMPTY_RANGE], conditions as Check),
    Rule(&[&SAME_HEADER, &BAD_NAME, &PSEUDO], header_names),
    Rule(&[&QUERY], query),
];

type Conditions = BTreeMap<String, Vec<Matcher>>;

/// Calls with every map of conditions of every route.
pub(super) fn each<'a>(
    ctx: &Ctx<'a>,
    mut look: impl FnMut(&dyn Fn() -> Address, &'static str, &'a Conditions),
) {
    for at in ctx.routes() {
        let matches = &at.route.matches;
        for (field, map) in [
            ("headers", &matches.headers),
            ("query_parameters", &matches.query_parameters),
            ("metadata", &matches.metadata),
        ] {
            if !map.is_empty() {
                look(&|| at.address(), field, map);
            }
        }
    }
    for at in ctx.gateway_routes() {
        let matches = &at.route.matches;
        for (field, map) in [
            ("headers", &matches.headers),
            ("query_parameters", &matches.query_parameters),
            ("metadata", &matches.metadata),
        ] {
            if !map.is_empty() {
                look(&|| at.address(), field, map);
            }
        }
    }
}

/// What a matcher asks, without the two ways of saying it.
#[derive(PartialEq)]
enum Asks<'a> {
    Present,
    Absent,
    Is(&'a Pattern),
    IsNot(&'a Pattern),
}

fn asks(matcher: &Matcher) -> Asks<'_> {
    match (&matcher.pattern, matcher.invert) {
        (Pattern::Present(present), invert) if *present != invert => Asks::Present,
        (Pattern::Present(_), _) => Asks::Absent,
        (pattern, false) => Asks::Is(pattern),
        (pattern, true) => Asks::IsNot(pattern),
    }
}

/// Whether a text meets a pattern; `None` where only a regex engine could tell.
fn meets(text: &str, pattern: &Pattern) -> Option<bool> {
    Some(match pattern {
        Pattern::Exact(exact) => text == exact,
        Pattern::Prefix(prefix) => text.starts_with(prefix.as_str()),
        Pattern::Suffix(suffix) => text.ends_with(suffix.as_str()),
        Pattern::Range(range) => {
            text.parse::<i64>().is_ok_and(|n| (range.start..range.end).contains(&n))
        }
        Pattern::Present(present) => *present,
        Pattern::Regex(_) => return None,
    })
}

/// How two conditions on one name go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Together {
    /// One value may meet both, as far as is certain.
    Perhaps,
    /// No value meets both, so it takes two.
    Twice,
    /// Nothing meets both.
    Never,
}

/// Says other than `Perhaps` only where that is certain.
pub(super) fn together(a: &Matcher, b: &Matcher) -> Together {
    use Asks::{Absent, Is, IsNot, Present};
    let never = |holds| if holds { Together::Never } else { Together::Perhaps };
    match (asks(a), asks(b)) {
        // What is missing does not meet the inverse of a condition either.
        (Absent, other) | (other, Absent) => never(other != Absent),
        // What meets the one meets the other, and no line may do that.
        (Is(p), IsNot(q)) | (IsNot(q), Is(p)) => never(within(p, q)),
        (Is(p), Is(q)) if apart(p, q) => Together::Twice,
        (Is(_), Is(_)) | (IsNot(_), IsNot(_)) | (Present, _) | (_, Present) => Together::Perhaps,
    }
}

/// Whether every text that meets the one surely meets the other.
fn within(p: &Pattern, q: &Pattern) -> bool {
    match (p, q) {
        (Pattern::Exact(text), q) => meets(text, q) == Some(true),
        (Pattern::Prefix(x), Pattern::Prefix(y)) => x.starts_with(y.as_str()),
        (Pattern::Suffix(x), Pattern::Suffix(y)) => x.ends_with(y.as_str()),
        (Pattern::Range(x), Pattern::Range(y)) => y.start <= x.start && x.end <= y.end,
        (p, q) => p == q,
    }
}

/// Whether surely no text meets both.
fn apart(p: &Pattern, q: &Pattern) -> bool {
    match (p, q) {
        (Pattern::Exact(text), other) | (other, Pattern::Exact(text)) => {
            meets(text, other) == Some(false)
        }
        (Pattern::Prefix(x), Pattern::Prefix(y)) => {
            !x.starts_with(y.as_str()) && !y.starts_with(x.as_str())
        }
        (Pattern::Suffix(x), Pattern::Suffix(y)) => {
            !x.ends_with(y.as_str()) && !y.ends_with(x.as_str())
        }
        (Pattern::Range(x), Pattern::Range(y)) => x.end <= y.start || y.end <= x.start,
        _ => false,
    }
}

/// A text that meets a pattern, where one is easily told.
fn example(matcher: &Matcher) -> Option<String> {
    match &matcher.pattern {
        Pattern::Exact(text) | Pattern::Prefix(text) | Pattern::Suffix(text) => Some(text.clone()),
        Pattern::Range(range) => (range.start < range.end).then(|| range.start.to_string()),
        Pattern::Regex(_) | Pattern::Present(_) => None,
    }
}

fn conditions(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    each(ctx, |address, field, map| {
        for (name, matchers) in map {
            let place = |at: usize| pointer(["match", field, name, &at.to_string()]);
            for (at, matcher) in matchers.iter().enumerate() {
                if let Pattern::Range(range) = matcher.pattern
                    && range.start >= range.end
                {
                    let message =
                        format!("the range [{}, {}] holds no number", range.start, range.end);
                    let help = if range.start == range.end {
                        format!(
                            "for exactly {0} write [{0}, {1}]",
                            range.start,
                            range.start.saturating_add(1)
                        )
                    } else {
                        format!("write [{}, {}]", range.end, range.start)
                    };
                    found.push(ctx.find(&EMPTY_RANGE, &address(), &place(at), message).help(help));
                }
            }
            // A query parameter counts once, whatever follows; some headers become one value.
            let repeats = field != "query_parameters" && treatment(name).repeats();
            let judged = |a: &Matcher, b: &Matcher| match together(a, b) {
                Together::Twice if !repeats => Together::Never,
                judged => judged,
            };
            let find = |wanted: Together| {
                matchers.iter().enumerate().find_map(|(second, b)| {
                    let first = matchers[..second].iter().position(|a| judged(a, b) == wanted)?;
                    Some((first, second))
                })
            };
            let (code, first, second) = match (find(Together::Never), find(Together::Twice)) {
                (Some((first, second)), _) => (&CONTRADICTION, first, second),
                (None, Some((first, second))) => (&REPEATED, first, second),
                (None, None) => continue,
            };
            let address = address();
            let message = if code.id == CONTRADICTION.id {
                format!("no request meets both conditions on `{name}`")
            } else {
                let both = example(&matchers[first]).zip(example(&matchers[second]));
                let request = both.map_or(String::new(), |(one, other)| {
                    format!(", like `{name}: {one}` with `{name}: {other}`")
                });
                format!("only a request that has `{name}` twice meets both conditions{request}")
            };
            let finding = ctx
                .find(code, &address, &place(second), message)
                .help("write two routes if either may hold, else drop one condition");
            found.push(ctx.also(finding, &address, &place(first), "the other condition"));
        }
    });
}

fn token(name: &str) -> bool {
    let sign = |c: char| "!#$%&'*+-.^_`|~".contains(c);
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || sign(c))
}

fn header_names(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    each(ctx, |address, field, map| {
        if field == "query_parameters" {
            return;
        }
        let mut seen: BTreeMap<String, &str> = BTreeMap::new();
        for name in map.keys() {
            let place = pointer(["match", field, name]);
            let lower = name.to_ascii_lowercase();
            let known = [":authority", ":path", ":method", ":scheme", "host"];
            if known.contains(&lower.as_str()) {
                let key = match lower.as_str() {
                    ":path" => "`prefix` or `path`",
                    ":method" => "`method`",
                    ":scheme" => "`scheme`",
                    _ => "a gateway route's `hostname`",
                };
                let message = format!("`{name}` has a key of its own");
                found.push(
                    ctx.find(&PSEUDO, &address(), &place, message).help(format!("use {key}")),
                );
            } else if !token(name) {
                let message = format!("no request has a header `{name}`");
                let mut finding = ctx.find(&BAD_NAME, &address(), &place, message);
                finding = match name.strip_suffix(':').filter(|name| token(name)) {
                    Some(bare) => finding.help(format!("write `{bare}`")),
                    None => finding.help("write a name of letters, digits and `-`"),
                };
                found.push(finding);
            }
            if let Some(other) = seen.insert(lower, name) {
                let address = address();
                let message = format!("`{name}` and `{other}` are one header");
                let finding = ctx
                    .find(&SAME_HEADER, &address, &place, message)
                    .help(format!("write `{other} = [ …, … ]` if both must hold"));
                let other = pointer(["match", field, other]);
                found.push(ctx.also(finding, &address, &other, "the same header"));
            }
        }
    });
}

fn query(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    each(ctx, |address, field, map| {
        if field != "query_parameters" {
            return;
        }
        for (name, matchers) in map {
            for (at, matcher) in matchers.iter().enumerate() {
                let why = match matcher.pattern {
                    Pattern::Present(_) => continue,
                    Pattern::Range(_) => "a range",
                    _ if matcher.invert => "inversion",
                    _ => continue,
                };
                let message = format!("{why} is not possible for the query parameter `{name}`");
                let place = pointer(["match", field, name, &at.to_string()]);
                found.push(
                    ctx.find(&QUERY, &address(), &place, message)
                        .help("compare the text, ask for `{ present = … }`, or use a header"),
                );
            }
        }
    });
}
