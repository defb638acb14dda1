//! Conditions of routes as Envoy's matchers.

use super::pb::matcher::{RegexMatcher, StringMatcher, string_matcher::MatchPattern};
use super::pb::route::{
    HeaderMatcher, QueryParameterMatcher, RouteMatch, header_matcher::HeaderMatchSpecifier,
    query_parameter_matcher::QueryParameterMatchSpecifier, route_match::PathSpecifier,
};
use super::pb::r#type::Int64Range;
use crate::model::{
    GatewayMatch, HostnameMatch, Matcher, PathMatch, Pattern, Protocol, RouteMatch as Conditions,
};
use std::collections::BTreeMap;

/// The conditions of a router's route.
pub(super) fn route(protocol: Protocol, conditions: &Conditions) -> RouteMatch {
    let mut headers = Vec::new();
    if protocol == Protocol::Grpc {
        named(&mut headers, &conditions.metadata);
        let service = conditions.service_name.as_deref();
        let path = grpc_path(service, conditions.method_name.as_deref());
        return RouteMatch { path_specifier: Some(path), headers, ..Default::default() };
    }
    headers.extend(conditions.method.map(|m| exact_header(":method", m.as_str())));
    headers.extend(conditions.scheme.map(|s| exact_header(":scheme", s.as_str())));
    named(&mut headers, &conditions.headers);
    RouteMatch {
        path_specifier: Some(path(conditions.path.as_ref())),
        headers,
        query_parameters: query(&conditions.query_parameters),
        ..Default::default()
    }
}

/// The conditions of a gateway route, except for its path, which rewriting may have to split.
pub(super) fn gateway(protocol: Protocol, conditions: &GatewayMatch) -> RouteMatch {
    let mut headers = Vec::new();
    headers.extend(conditions.hostname.as_ref().map(hostname));
    if protocol == Protocol::Grpc {
        named(&mut headers, &conditions.metadata);
        let path = grpc_path(conditions.service_name.as_deref(), None);
        return RouteMatch { path_specifier: Some(path), headers, ..Default::default() };
    }
    headers.extend(conditions.method.map(|m| exact_header(":method", m.as_str())));
    named(&mut headers, &conditions.headers);
    RouteMatch {
        path_specifier: Some(path(conditions.path.as_ref())),
        headers,
        query_parameters: query(&conditions.query_parameters),
        ..Default::default()
    }
}

/// Every path.
pub(super) fn everything() -> RouteMatch {
    RouteMatch { path_specifier: Some(path(None)), ..Default::default() }
}

fn path(path: Option<&PathMatch>) -> PathSpecifier {
    match path {
        None => PathSpecifier::Prefix("/".to_owned()),
        Some(PathMatch::Prefix(prefix)) => PathSpecifier::Prefix(prefix.clone()),
        Some(PathMatch::Exact(path)) => PathSpecifier::Path(path.clone()),
        Some(PathMatch::Regex(expression)) => PathSpecifier::SafeRegex(regex(expression)),
    }
}

/// gRPC calls are requests for `/SERVICE/METHOD`.
fn grpc_path(service: Option<&str>, method: Option<&str>) -> PathSpecifier {
    match (service, method) {
        (Some(service), Some(method)) => PathSpecifier::Path(format!("/{service}/{method}")),
        (Some(service), None) => PathSpecifier::Prefix(format!("/{service}/")),
        // A method needs its service (the rules say so).
        (None, _) => PathSpecifier::Prefix("/".to_owned()),
    }
}

/// The `:authority` with any port or none: a host is the same host on another port. Hosts ignore
/// case. Not done by virtual hosts, because Envoy would then try the most exact host first, and
/// not the routes in their order.
fn hostname(hostname: &HostnameMatch) -> HeaderMatcher {
    HeaderMatcher {
        name: ":authority".to_owned(),
        header_match_specifier: Some(HeaderMatchSpecifier::StringMatch(whole(&hostname_regex(
            hostname,
        )))),
        ..Default::default()
    }
}

/// The expression that [`hostname`] uses, for the check of its size.
pub(super) fn hostname_regex(hostname: &HostnameMatch) -> String {
    let (start, name) = match hostname {
        HostnameMatch::Exact(name) => ("", name),
        HostnameMatch::Suffix(name) => (".*", name),
    };
    let mut text = format!("(?i){start}");
    for c in name.chars() {
        if !c.is_ascii_alphanumeric() && c.is_ascii() {
            text.push('\\');
        }
        text.push(c);
    }
    text.push_str("(:[0-9]+)?");
    text
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

/// Several matchers on one name are several entries: Envoy wants all of them.
fn named(headers: &mut Vec<HeaderMatcher>, conditions: &BTreeMap<String, Vec<Matcher>>) {
    for (name, matchers) in conditions {
        headers.extend(matchers.iter().map(|matcher| header(name, matcher)));
    }
}

fn header(name: &str, matcher: &Matcher) -> HeaderMatcher {
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
        name: name.to_owned(),
        invert_match: matcher.invert,
        header_match_specifier: Some(specifier),
        ..Default::default()
    }
}

fn query(conditions: &BTreeMap<String, Vec<Matcher>>) -> Vec<QueryParameterMatcher> {
    let mut all = Vec::new();
    for (name, matchers) in conditions {
        for matcher in matchers {
            let specifier = match &matcher.pattern {
                // Envoy has no inversion here, but absence is the opposite of presence.
                Pattern::Present(present) => {
                    QueryParameterMatchSpecifier::PresentMatch(*present != matcher.invert)
                }
                Pattern::Exact(text) => QueryParameterMatchSpecifier::StringMatch(exact(text)),
                Pattern::Prefix(text) => QueryParameterMatchSpecifier::StringMatch(prefix(text)),
                Pattern::Suffix(text) => QueryParameterMatchSpecifier::StringMatch(suffix(text)),
                Pattern::Regex(text) => QueryParameterMatchSpecifier::StringMatch(whole(text)),
                // Envoy has none (the rules say so).
                Pattern::Range(_) => continue,
            };
            all.push(QueryParameterMatcher {
                name: name.clone(),
                query_parameter_match_specifier: Some(specifier),
            });
        }
    }
    all
}
