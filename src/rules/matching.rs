//! MC02xx: paths, hosts, gRPC names and rewrites that cannot mean what they say.
//!
//! What needs to compare requests over several routes is not here.

use super::context::Ctx;
use super::{Check, Rule};
use crate::diag::{Code, Diagnostics};
use crate::model::{Address, HostnameMatch, PathMatch, PrefixRewrite, Protocol};
use crate::traffic::normalised;

/// A path that no request has.
const NEVER: Code = Code::error(
    "MC0203",
    "path-never-matches",
    "a path that no request can have",
    "A path is compared without its query string and fragment, after the proxy has normalized it: \
     it merges double slashes, resolves `.` and `..` (with parameters too: `..;a`), undoes escapes \
     of letters, digits and `-._~`, and escapes ``\"<>^`{|}``, spaces and all that is not ASCII. So \
     a path in another form, or without a leading slash, is never met, and the route never matches.",
);
/// A regex that reads as a prefix.
const WHOLE: Code = Code::warning(
    "MC0204",
    "regex-matches-whole-path",
    "a regex without a wildcard matches one path only",
    "Envoy matches the whole path against the expression, as if it stood between `^` and `$`. \
     `/api` as a regex does not take `/api/users`. Use `prefix`, an exact `path`, or end it with \
     `.*`.",
);
/// A dot that takes anything.
const DOT: Code = Code::info(
    "MC0205",
    "unescaped-dot",
    "a dot in a regex stands for any character",
    "Between two other characters a dot is mostly meant as itself, as in `/v1.0/`. Write `\\.`.",
);
/// A gRPC name that no call has.
const GRPC_NAME: Code = Code::error(
    "MC0208",
    "malformed-grpc-name",
    "a gRPC service or method name that no call has",
    "A call's path is `/package.Service/Method`. `service_name` is `package.Service` and \
     `method_name` is `Method`, both of letters, digits and `_` (and dots in the service), and a \
     method needs its service.",
);
/// A star in a host.
const WILDCARD_HOST: Code = Code::error(
    "MC0209",
    "wildcard-in-hostname",
    "a host name with a literal `*`",
    "Hosts are matched exactly or by suffix; a `*` is compared as a character and is in no host. \
     Write `hostname = { suffix = \".example.com\" }`.",
);
/// A host that no request has.
const BAD_HOST: Code = Code::error(
    "MC0210",
    "malformed-hostname",
    "a host name that no request has, or a suffix without its dot",
    "A host is a DNS name without scheme, port or path. A suffix starts with a dot, because \
     `example.com` as a suffix would take `badexample.com` too.",
);
/// A rewrite of what was not matched.
const NO_FIT: Code = Code::error(
    "MC0213",
    "rewrite-does-not-fit-match",
    "a rewrite that does not fit how the path is matched",
    "`rewrite.prefix` replaces the prefix that was matched, so the match needs a `prefix`. \
     `rewrite.path` replaces the whole path, so the match needs a `path`. The two exclude each \
     other.",
);
/// A rewrite that gives no path.
const BAD_REWRITE: Code = Code::error(
    "MC0214",
    "malformed-rewrite",
    "a rewrite that does not give a path",
    "What replaces a prefix starts and ends with `/`, so that no slash is lost or doubled; what \
     replaces the whole path starts with `/` and has no query string.",
);

pub(super) const RULES: &[Rule] = &[
    Rule(&[&NEVER, &WHOLE, &DOT], paths as Check),
    Rule(&[&GRPC_NAME], grpc_names),
    Rule(&[&WILDCARD_HOST, &BAD_HOST], hosts),
    Rule(&[&NO_FIT, &BAD_REWRITE], rewrites),
];

/// Why no request has this path, or a path that starts with it.
pub(super) fn impossible(path: &str) -> Option<&'static str> {
    let dots = |segment: &str| segment == "." || segment == "..";
    if !path.starts_with('/') {
        return Some("does not start with `/`");
    }
    if path.contains('?') {
        return Some("has a query string, which is not part of the path");
    }
    if path.contains('#') {
        return Some("has a fragment, which clients never send");
    }
    if path.contains("//") {
        return Some("has `//`, which the proxy merges before it matches");
    }
    // The last segment of a prefix may go on: `/..` is the start of `/..well-known`.
    let mut segments = path.split('/').rev();
    segments.next();
    if segments.any(dots) {
        return Some("has `.` or `..`, which the proxy resolves before it matches");
    }
    if path.contains('\\') {
        return Some("has a backslash, which the proxy turns into `/`");
    }
    if path.chars().any(|c| c.is_whitespace() || c.is_control() || !c.is_ascii()) {
        return Some("has a character that is only ever sent percent-encoded");
    }
    // What follows may complete the last segment or escape of a prefix.
    let on = format!("{path}-");
    match normalised(&on) {
        Err(_) => Some("has `%00`, which the proxy rejects"),
        Ok(normal) if normal != on => {
            Some("is not in the form to which the proxy normalizes paths")
        }
        Ok(_) => None,
    }
}

/// The form in which the proxy compares a path, if that is another one.
fn normal_form(path: &str) -> Option<String> {
    let on = format!("{}-", path.replace('\t', "%09"));
    let normal = normalised(&on).ok().filter(|normal| *normal != on)?;
    normal.strip_suffix('-').filter(|normal| impossible(normal).is_none()).map(str::to_owned)
}

/// `a^` and `$b`: an anchor inside asks for a path that goes on past its end.
pub(super) fn anchored_inside(regex: &str) -> bool {
    let bare = regex.strip_prefix('^').unwrap_or(regex);
    let bare = bare.strip_suffix('$').unwrap_or(bare);
    bare.contains(['^', '$']) && literal(&bare.replace(['^', '$'], ""))
}

/// Whether a regex has nothing that could stand for another text.
fn literal(regex: &str) -> bool {
    !regex.contains(['.', '*', '+', '?', '[', '(', '|', '{', '\\'])
}

/// A dot between two word characters, outside of a class: more likely meant as a dot.
pub(super) fn stray_dot(regex: &str) -> Option<usize> {
    let bytes = regex.as_bytes();
    let mut class = false;
    for (at, byte) in bytes.iter().enumerate() {
        let word = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_alphanumeric);
        match byte {
            b'[' => class = true,
            b']' => class = false,
            b'.' if !class && at > 0 && word(at - 1) && word(at + 1) => return Some(at),
            _ => {}
        }
    }
    None
}

fn path(ctx: &Ctx<'_>, address: &Address, path: &PathMatch, found: &mut Diagnostics) {
    match path {
        PathMatch::Prefix(text) | PathMatch::Exact(text) => {
            let (kind, pointer) = match path {
                PathMatch::Prefix(_) => ("prefix", "/match/path/prefix"),
                _ => ("path", "/match/path/exact"),
            };
            let Some(why) = impossible(text) else { return };
            let help = match text.split_once(['?', '#']) {
                Some((head, _)) if head.starts_with('/') && text.contains('?') => {
                    format!("write \"{head}\", and match the rest by `query_parameters`")
                }
                Some((head, _)) if head.starts_with('/') => format!("write \"{head}\""),
                _ if !text.starts_with('/') && impossible(&format!("/{text}")).is_none() => {
                    format!("write \"/{text}\"")
                }
                _ => match normal_form(text) {
                    Some(normal) if text.contains('{') => format!(
                        "write \"{normal}\" if the braces are meant; a part that may be anything \
                         is a regex such as `[^/]+`"
                    ),
                    Some(normal) => format!("write \"{normal}\""),
                    None => "write the path as the proxy sees it".into(),
                },
            };
            let message = format!("no request matches: the {kind} `{text}` {why}");
            found.push(ctx.find(&NEVER, address, pointer, message).help(help));
        }
        PathMatch::Regex(text) => {
            let pointer = "/match/path/regex";
            let bare = text.strip_prefix('^').unwrap_or(text);
            let bare = bare.strip_suffix('$').unwrap_or(bare);
            if anchored_inside(text) {
                let message = format!("no request matches: `{text}` has an anchor inside");
                let finding = ctx.find(&NEVER, address, pointer, message);
                found.push(finding.help("remove `^` and `$`: the whole path is matched anyway"));
            } else if literal(bare) {
                let message = match impossible(bare) {
                    Some(why) => format!("no request matches: the regex `{text}` {why}"),
                    None => format!("the regex `{text}` takes the path `{bare}` and nothing else"),
                };
                let code = if impossible(bare).is_some() { &NEVER } else { &WHOLE };
                found.push(ctx.find(code, address, pointer, message).help(format!(
                    "write `path = \"{bare}\"`, `prefix = \"{bare}\"`, or end the regex with `.*`"
                )));
            } else if let Some(at) = stray_dot(text) {
                let message = format!("the dot in `{text}` takes any character");
                found.push(ctx.find(&DOT, address, pointer, message).help(format!(
                    "write `{}\\.{}`",
                    &text[..at],
                    &text[at + 1..]
                )));
            }
        }
    }
}

fn paths(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    for at in ctx.routes() {
        if let Some(matched) = &at.route.matches.path {
            path(ctx, &at.address(), matched, found);
        }
    }
    for at in ctx.gateway_routes() {
        if let Some(matched) = &at.route.matches.path {
            path(ctx, &at.address(), matched, found);
        }
    }
}

fn grpc_name(text: &str, dots: bool) -> bool {
    let word = |part: &str| {
        !part.is_empty()
            && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            && !part.starts_with(|c: char| c.is_ascii_digit())
    };
    if dots { text.split('.').all(word) } else { word(text) }
}

fn grpc_names(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    let mut look = |address: &dyn Fn() -> Address, field: &str, text: &str, dots: bool| {
        // App Mesh's own reserved names have a dash; they are another finding.
        if !grpc_name(text, dots) && !text.starts_with("aws.app-mesh") {
            let message = format!("no gRPC call has the {field} `{text}`");
            let help = match text.trim_start_matches('/').split_once('/') {
                Some((service, method)) if dots => {
                    format!("write `service_name = \"{service}\"` and `method_name = \"{method}\"`")
                }
                _ => "write names as the .proto file has them, with the package".into(),
            };
            let pointer = format!("/match/{field}");
            found.push(ctx.find(&GRPC_NAME, &address(), &pointer, message).help(help));
        }
    };
    for at in ctx.routes() {
        if let Some(service) = &at.route.matches.service_name {
            look(&|| at.address(), "service_name", service, true);
        }
        if let Some(method) = &at.route.matches.method_name {
            look(&|| at.address(), "method_name", method, false);
        }
    }
    for at in ctx.gateway_routes() {
        if let Some(service) = &at.route.matches.service_name {
            look(&|| at.address(), "service_name", service, true);
        }
    }
    for at in ctx.routes() {
        let matches = &at.route.matches;
        if let (Some(method), None, Some(Protocol::Grpc)) =
            (&matches.method_name, &matches.service_name, at.protocol())
        {
            let message = format!("the method `{method}` has no service");
            found.push(
                ctx.find(&GRPC_NAME, &at.address(), "/match/method_name", message)
                    .help("add `service_name = \"package.Service\"`"),
            );
        }
    }
}

fn hosts(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    for at in ctx.gateway_routes() {
        let Some(host) = &at.route.matches.hostname else { continue };
        let (text, pointer) = match host {
            HostnameMatch::Exact(text) => (text, "/match/hostname/exact"),
            HostnameMatch::Suffix(text) => (text, "/match/hostname/suffix"),
        };
        let suffix = matches!(host, HostnameMatch::Suffix(_));
        if text.contains('*') {
            let help = match text.strip_prefix("*.") {
                Some(rest) if !rest.contains('*') => {
                    format!("write `hostname = {{ suffix = \".{rest}\" }}`")
                }
                _ => "write an exact host, or a suffix that starts with a dot".into(),
            };
            let message = format!("the `*` in `{text}` is compared as a character");
            found.push(ctx.find(&WILDCARD_HOST, &at.address(), pointer, message).help(help));
            continue;
        }
        let bare = text.strip_prefix('.').filter(|_| suffix).unwrap_or(text);
        let label = |part: &str| {
            !part.is_empty()
                && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
        };
        let why = if suffix && !text.starts_with('.') {
            Some(("takes hosts that merely end in it", format!("write \".{text}\"")))
        } else if let Some(rooted) = text.strip_suffix('.').filter(|text| !text.ends_with('.')) {
            // A request may have the dot: it is the same host.
            Some(("ends with the root dot", format!("write \"{rooted}\", which matches both")))
        } else if !bare.split('.').all(label) || bare.len() > 253 {
            let help = "write a host name without scheme, port, path or empty parts".to_owned();
            Some(("is not a host name", help))
        } else {
            None
        };
        if let Some((why, help)) = why {
            let kind = if suffix { "suffix" } else { "host" };
            let message = format!("the {kind} `{text}` {why}");
            found.push(ctx.find(&BAD_HOST, &at.address(), pointer, message).help(help));
        }
    }
}

fn rewrites(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    for at in ctx.gateway_routes() {
        let rewrite = &at.route.rewrite;
        let matched = at.route.matches.path.as_ref();
        let by_prefix = matches!(matched, Some(PathMatch::Prefix(_)));
        let by_path = matches!(matched, Some(PathMatch::Exact(_) | PathMatch::Regex(_)));
        let mut report = |code: &'static Code, pointer: &str, message: String, help: &str| {
            let finding = ctx.find(code, &at.address(), pointer, message).help(help);
            found.push(ctx.also(finding, &at.address(), "/match", "the match"));
        };
        if rewrite.prefix != PrefixRewrite::Root && !by_prefix {
            let message =
                format!("`rewrite.prefix` of `{}` has no matched prefix to replace", at.route.name);
            report(&NO_FIT, "/rewrite/prefix", message, "match by `prefix`, or rewrite `path`");
        }
        if let Some(path) = &rewrite.path {
            if !by_path {
                let message = format!(
                    "`rewrite.path` of `{}` needs a match of the whole path",
                    at.route.name
                );
                report(&NO_FIT, "/rewrite/path", message, "match by `path`, or rewrite `prefix`");
            }
            if let Some(why) = impossible(path) {
                let message = format!("the new path `{path}` {why}");
                report(&BAD_REWRITE, "/rewrite/path", message, "write a path such as \"/cart\"");
            }
        }
        if let PrefixRewrite::Value(value) = &rewrite.prefix {
            let open = (!value.ends_with('/')).then_some("does not end with `/`");
            let why = impossible(value).or(open);
            if let Some(why) = why {
                let message = format!("the new prefix `{value}` {why}");
                report(
                    &BAD_REWRITE,
                    "/rewrite/prefix",
                    message,
                    "write a prefix such as \"/cart/\"",
                );
            }
        }
    }
}
