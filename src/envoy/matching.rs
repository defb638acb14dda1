//! Conditions of routes as Envoy's matchers.

use super::pb::matcher::{RegexMatcher, StringMatcher, string_matcher::MatchPattern};
use super::pb::route::{
    HeaderMatcher, QueryParameterMatcher, RouteMatch, header_matcher::HeaderMatchSpecifier,
    query_parameter_matcher::QueryParameterMatchSpecifier, route_match::PathSpecifier,
};
use super::pb::r#type::Int64Range;
use crate::model::{HostnameMatch, Pattern};
use crate::traffic::{Match, Named, Path, host_expression};

/// The conditions of a row.
pub(super) fn row(matches: &Match<'_>) -> RouteMatch {
    let mut headers = Vec::new();
    headers.extend(matches.host.map(hostname));
    headers.extend(matches.method.map(|m| exact_header(":method", m.as_str())));
    headers.extend(matches.scheme.map(|s| exact_header(":scheme", s.as_str())));
    headers.extend(matches.headers.iter().map(header));
    RouteMatch {
        path_specifier: Some(path(&matches.path)),
        headers,
        query_parameters: matches.query.iter().filter_map(query).collect(),
        ..Default::default()
    }
}

/// Every path.
pub(super) fn everything() -> RouteMatch {
    row(&Match::everything())
}

fn path(path: &Path<'_>) -> PathSpecifier {
    match path {
        Path::Prefix(prefix) => PathSpecifier::Prefix(prefix.to_string()),
        Path::Exact(path) => PathSpecifier::Path(path.to_string()),
        Path::Regex(expression) => PathSpecifier::SafeRegex(regex(expression)),
    }
}

/// The `:authority` with any port or none: a host is the same host on another port. Hosts ignore
/// case. Not done by virtual hosts, because Envoy would then try the most exact host first, and
/// not the routes in their order.
fn hostname(hostname: &HostnameMatch) -> HeaderMatcher {
    HeaderMatcher {
        name: ":authority".to_owned(),
        header_match_specifier: Some(HeaderMatchSpecifier::StringMatch(whole(&host_expression(
            hostname,
        )))),
        ..Default::default()
    }
}

fn regex(expression: &str) -> RegexMatcher {
    RegexMatcher { regex: expression.to_owned(), ..Default::default() }
}

fn string(pattern: MatchPattern) -> StringMatcher {
    StringMatcher { match_pattern: Some(pattern), ..Default::default() }
}

fn prefix(text: &str) -> StringMatcher {
    string(MatchPattern::Prefix(text.to_owned()))
}

fn suffix(text: &str) -> StringMatcher {
    string(MatchPattern::Suffix(text.to_owned()))
}

/// The whole value is matched by the expression.
fn whole(expression: &str) -> StringMatcher {
    string(MatchPattern::SafeRegex(regex(expression)))
}

fn exact(text: &str) -> StringMatcher {
    string(MatchPattern::Exact(text.to_owned()))
}

pub(super) fn exact_header(name: &str, value: &str) -> HeaderMatcher {
    HeaderMatcher {
        name: name.to_owned(),
        header_match_specifier: Some(HeaderMatchSpecifier::StringMatch(exact(value))),
        ..Default::default()
    }
}

fn header(condition: &Named<'_>) -> HeaderMatcher {
    let matcher = condition.matcher;
    let specifier = match &matcher.pattern {
        Pattern::Range(range) => {
            HeaderMatchSpecifier::RangeMatch(Int64Range { start: range.start, end: range.end })
        }
        Pattern::Present(present) => HeaderMatchSpecifier::PresentMatch(*present),
        Pattern::Exact(text) => HeaderMatchSpecifier::StringMatch(exact(text)),
        Pattern::Prefix(text) => HeaderMatchSpecifier::StringMatch(prefix(text)),
        Pattern::Suffix(text) => HeaderMatchSpecifier::StringMatch(suffix(text)),
        Pattern::Regex(text) => HeaderMatchSpecifier::StringMatch(whole(text)),
    };
    HeaderMatcher {
        name: condition.name.to_owned(),
        invert_match: matcher.invert,
        header_match_specifier: Some(specifier),
        ..Default::default()
    }
}

fn query(condition: &Named<'_>) -> Option<QueryParameterMatcher> {
    let matcher = condition.matcher;
    let specifier = match &matcher.pattern {
        // Envoy has no inversion here, but absence is the opposite of presence.
        Pattern::Present(present) => {
            QueryParameterMatchSpecifier::PresentMatch(*present != matcher.invert)
        }
        Pattern::Exact(text) => QueryParameterMatchSpecifier::StringMatch(exact(text)),
        Pattern::Prefix(text) => QueryParameterMatchSpecifier::StringMatch(prefix(text)),
        Pattern::Suffix(text) => QueryParameterMatchSpecifier::StringMatch(suffix(text)),
        Pattern::Regex(text) => QueryParameterMatchSpecifier::StringMatch(whole(text)),
        // Envoy has none, and no row has one.
        Pattern::Range(_) => return None,
    };
    Some(QueryParameterMatcher {
        name: condition.name.to_owned(),
        query_parameter_match_specifier: Some(specifier),
    })
}
