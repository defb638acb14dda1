//! The conditions of a route in short, as a line of a picture has them.

use crate::model::{
    GatewayMatch, HostnameMatch, Matcher, PathMatch, Pattern, Protocol, Range, RouteMatch,
};
use std::collections::BTreeMap;
use std::fmt::Display;

/// The conditions of a route of a router.
pub(super) fn route(matches: &RouteMatch, protocol: Option<Protocol>) -> String {
    let mut words = Vec::new();
    words.extend(matches.method.map(|method| method.to_string()));
    words.extend(matches.scheme.map(|scheme| format!("{scheme}:")));
    match (&matches.service_name, &matches.method_name) {
        (Some(service), Some(method)) => words.push(format!("{service}/{method}")),
        (Some(service), None) => words.push(format!("{service}/*")),
        (None, _) => {}
    }
    words.extend(matches.path.as_ref().map(|it| path("", it, &matches.query_parameters)));
    named(&mut words, &matches.headers);
    named(&mut words, &matches.metadata);
    whole(words, matches.port, protocol)
}

/// The conditions of a route of a gateway.
pub(super) fn gateway_route(matches: &GatewayMatch, protocol: Option<Protocol>) -> String {
    let mut words = Vec::new();
    words.extend(matches.method.map(|method| method.to_string()));
    let host = match &matches.hostname {
        Some(HostnameMatch::Exact(host)) => host.clone(),
        Some(HostnameMatch::Suffix(suffix)) => format!("*{suffix}"),
        None => String::new(),
    };
    match &matches.path {
        Some(it) => words.push(path(&host, it, &matches.query_parameters)),
        None if !host.is_empty() => words.push(host),
        None => {}
    }
    words.extend(matches.service_name.as_ref().map(|service| format!("{service}/*")));
    named(&mut words, &matches.headers);
    named(&mut words, &matches.metadata);
    whole(words, matches.port, protocol)
}

fn whole(mut words: Vec<String>, port: Option<impl Display>, protocol: Option<Protocol>) -> String {
    if words.is_empty() {
        words.push(match protocol {
            Some(Protocol::Tcp) => "every connection".to_owned(),
            _ => "every request".to_owned(),
        });
    }
    words.extend(port.map(|port| format!("on :{port}")));
    words.join(" ")
}

fn path(host: &str, path: &PathMatch, query: &BTreeMap<String, Vec<Matcher>>) -> String {
    let mut text = match path {
        PathMatch::Prefix(prefix) => format!("{host}{prefix}*"),
        PathMatch::Exact(path) => format!("{host}{path}"),
        PathMatch::Regex(regex) if host.is_empty() => format!("~{regex}"),
        PathMatch::Regex(regex) => format!("{host} ~{regex}"),
    };
    let mut next = '?';
    for (name, matchers) in query {
        for matcher in matchers {
            text.push(next);
            text.push_str(&condition(name, matcher));
            next = '&';
        }
    }
    text
}

fn named(words: &mut Vec<String>, all: &BTreeMap<String, Vec<Matcher>>) {
    for (name, matchers) in all {
        words.extend(matchers.iter().map(|matcher| condition(name, matcher)));
    }
}

fn condition(name: &str, matcher: &Matcher) -> String {
    let not = if matcher.invert { "!" } else { "" };
    match &matcher.pattern {
        Pattern::Exact(value) => format!("{name}{not}={value}"),
        Pattern::Prefix(value) => format!("{name}{not}={value}*"),
        Pattern::Suffix(value) => format!("{name}{not}=*{value}"),
        Pattern::Regex(value) => format!("{name}{not}~{value}"),
        Pattern::Range(Range { start, end }) => format!("{name}{not}={start}..{end}"),
        Pattern::Present(there) if *there != matcher.invert => name.to_owned(),
        Pattern::Present(_) => format!("!{name}"),
    }
}
