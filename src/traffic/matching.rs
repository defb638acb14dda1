//! The conditions of a route in one form, whatever kind of route they are of.

use crate::model::{
    GatewayMatch, HostnameMatch, Matcher, Method, PathMatch, Pattern, Protocol, RouteMatch, Scheme,
};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// All that a request must be for a row to take it. Every part must hold; an absent part holds for
/// every request.
#[derive(Clone, Debug, PartialEq)]
pub struct Match<'m> {
    /// The host that was called, with any port or none, in any case.
    pub host: Option<&'m HostnameMatch>,
    /// The method.
    pub method: Option<Method>,
    /// The scheme.
    pub scheme: Option<Scheme>,
    /// The path, without the query. gRPC's services and methods are paths too.
    pub path: Path<'m>,
    /// Conditions on headers (gRPC: metadata), by name, then as written.
    pub headers: Vec<Named<'m>>,
    /// Conditions on query parameters, by name, then as written. Never a range.
    pub query: Vec<Named<'m>>,
}

/// A condition on the path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Path<'m> {
    /// Starts with these bytes.
    Prefix(Cow<'m, str>),
    /// Is these bytes.
    Exact(Cow<'m, str>),
    /// Is matched as a whole by this RE2 expression.
    Regex(&'m str),
}

/// A condition on a header or query parameter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Named<'m> {
    /// The name as written; headers ignore case, query parameters do not.
    pub name: &'m str,
    /// The condition.
    pub matcher: &'m Matcher,
}

impl<'m> Match<'m> {
    /// Takes every request.
    pub fn everything() -> Self {
        Self {
            host: None,
            method: None,
            scheme: None,
            path: Path::of(None),
            headers: Vec::new(),
            query: Vec::new(),
        }
    }

    /// The conditions of a router's route on a port of this protocol.
    pub fn route(protocol: Protocol, conditions: &'m RouteMatch) -> Self {
        if protocol == Protocol::Grpc {
            let service = conditions.service_name.as_deref();
            return Self {
                path: Path::grpc(service, conditions.method_name.as_deref()),
                headers: named(&conditions.metadata),
                ..Self::everything()
            };
        }
        Self {
            host: None,
            method: conditions.method,
            scheme: conditions.scheme,
            path: Path::of(conditions.path.as_ref()),
            headers: named(&conditions.headers),
            query: query(&conditions.query_parameters),
        }
    }

    /// The conditions of a gateway route on a listener of this protocol.
    pub fn gateway(protocol: Protocol, conditions: &'m GatewayMatch) -> Self {
        let host = conditions.hostname.as_ref();
        if protocol == Protocol::Grpc {
            return Self {
                host,
                path: Path::grpc(conditions.service_name.as_deref(), None),
                headers: named(&conditions.metadata),
                ..Self::everything()
            };
        }
        Self {
            host,
            method: conditions.method,
            scheme: None,
            path: Path::of(conditions.path.as_ref()),
            headers: named(&conditions.headers),
            query: query(&conditions.query_parameters),
        }
    }
}

impl<'m> Path<'m> {
    fn of(path: Option<&'m PathMatch>) -> Self {
        match path {
            None => Self::Prefix(Cow::Borrowed("/")),
            Some(PathMatch::Prefix(prefix)) => Self::Prefix(Cow::Borrowed(prefix)),
            Some(PathMatch::Exact(path)) => Self::Exact(Cow::Borrowed(path)),
            Some(PathMatch::Regex(expression)) => Self::Regex(expression),
        }
    }

    /// gRPC calls are requests for `/SERVICE/METHOD`.
    fn grpc(service: Option<&str>, method: Option<&str>) -> Self {
        match (service, method) {
            (Some(service), Some(method)) => {
                Self::Exact(Cow::Owned(format!("/{service}/{method}")))
            }
            (Some(service), None) => Self::Prefix(Cow::Owned(format!("/{service}/"))),
            // A method needs its service (the rules say so).
            (None, _) => Self::Prefix(Cow::Borrowed("/")),
        }
    }
}

/// Several conditions on one name must all hold.
fn named(conditions: &BTreeMap<String, Vec<Matcher>>) -> Vec<Named<'_>> {
    let each = |(name, matchers)| {
        let (name, matchers): (&String, &Vec<Matcher>) = (name, matchers);
        matchers.iter().map(move |matcher| Named { name: name.as_str(), matcher })
    };
    conditions.iter().flat_map(each).collect()
}

/// Envoy has no range for query parameters (the rules say so).
fn query(conditions: &BTreeMap<String, Vec<Matcher>>) -> Vec<Named<'_>> {
    let mut all = named(conditions);
    all.retain(|condition| !matches!(condition.matcher.pattern, Pattern::Range(_)));
    all
}

/// The RE2 expression of a host with any port or none, and with the root dot or without: it is the
/// same host, and hosts ignore case.
pub fn host_expression(hostname: &HostnameMatch) -> String {
    let (start, name) = match hostname {
        HostnameMatch::Exact(name) => ("", name),
        HostnameMatch::Suffix(name) => (".*", name),
    };
    let mut text = format!("(?i){start}");
    for c in name.strip_suffix('.').unwrap_or(name).chars() {
        if !c.is_ascii_alphanumeric() && c.is_ascii() {
            text.push('\\');
        }
        text.push(c);
    }
    text.push_str("\\.?(:[0-9]+)?");
    text
}

/// The host that an expression of [`host_expression`] matches; `None` of any other expression.
/// Expressions without the root dot, which earlier versions rendered, are read too.
pub fn host_of_expression(expression: &str) -> Option<HostnameMatch> {
    let text = expression.strip_prefix("(?i)")?.strip_suffix("(:[0-9]+)?")?;
    let text = text.strip_suffix("\\.?").unwrap_or(text);
    let (suffix, text) = match text.strip_prefix(".*") {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let mut name = String::new();
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        name.push(if c == '\\' { rest.next()? } else { c });
    }
    let host = if suffix { HostnameMatch::Suffix(name) } else { HostnameMatch::Exact(name) };
    let written = host_expression(&host);
    let same = written == expression || written.replacen("\\.?(:", "(:", 1) == expression;
    same.then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_of_an_expression_is_read_back() {
        for name in ["shop.example", "a-b_c.example", "münchen.example", "localhost"] {
            for host in [HostnameMatch::Exact(name.into()), HostnameMatch::Suffix(name.into())] {
                let written = host_expression(&host);
                assert_eq!(host_of_expression(&written).as_ref(), Some(&host), "{written}");
                let earlier = written.replacen("\\.?(:", "(:", 1);
                assert_eq!(host_of_expression(&earlier), Some(host), "{earlier}");
            }
        }
        for other in ["(?i)a.example(:[0-9]+)?", "(?i)(a|b)(:[0-9]+)?", "a\\.example", "(?i)a\\"] {
            assert_eq!(host_of_expression(other), None, "{other}");
        }
    }
}
