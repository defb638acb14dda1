//! MC02xx, MC0432: values that no request carries, in headers, metadata and the query.

use super::context::Ctx;
use super::matchers::each;
use super::{Check, Rule};
use crate::diag::{Code, Diagnostics};
use crate::model::{Pattern, pointer};
use crate::traffic::headers::{Treatment, treatment};

/// A header value that no request carries.
const VALUE: Code = Code::error(
    "MC0235",
    "header-value-never-sent",
    "a condition on a header value that no request carries",
    "A header's value has no line end and no other control character than the tab, and no spaces \
     and tabs at its ends, which HTTP/1 does not count as part of it. A condition that asks for \
     them holds for no request, and the route never matches.",
);
/// A query that is sent in another form.
const QUERY: Code = Code::error(
    "MC0236",
    "query-never-sent",
    "a condition on a query parameter that no request carries in this form",
    "Query parameters are compared as they are sent, and clients send spaces, `&`, `#` and control \
     characters percent-encoded (some send a space as `+`). A condition with such a character holds \
     for no request, and the route never matches. Most clients encode what is not ASCII as well, and \
     HTTP/1 rejects a request in which it is not; a proxy takes it as it is by HTTP/2 only, so that \
     no finding is made of it.",
);
/// A header that Envoy removes.
const REMOVED: Code = Code::warning(
    "MC0237",
    "match-on-removed-header",
    "a match on a header that the proxy removes before it looks for a route",
    "`keep-alive` and `proxy-connection` belong to one connection, and the proxy removes them. A \
     condition on them sees no header, whatever the client sent.",
);

/// Text where only base64 comes.
const BINARY: Code = Code::error(
    "MC0432",
    "text-match-on-binary-metadata",
    "a condition on binary gRPC metadata that no encoded value meets",
    "gRPC sends metadata whose name ends in `-bin` as base64, and that is what the proxy compares: \
     letters, digits, `+`, `/`, and `=` at the end. Compare with the encoded bytes, for example \
     `exact = \"AAEC\"`, or ask for `{ present = true }`.",
);

pub(super) const RULES: &[Rule] = &[
    Rule(&[&VALUE, &REMOVED], headers as Check),
    Rule(&[&QUERY], query),
    Rule(&[&BINARY], binary),
];

/// The text of a condition and whether it is the value's start and end.
fn text(pattern: &Pattern) -> Option<(&str, bool, bool)> {
    match pattern {
        Pattern::Exact(text) => Some((text, true, true)),
        Pattern::Prefix(text) => Some((text, true, false)),
        Pattern::Suffix(text) => Some((text, false, true)),
        Pattern::Regex(_) | Pattern::Range(_) | Pattern::Present(_) => None,
    }
}

fn headers(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    each(ctx, |address, field, map| {
        if field == "query_parameters" {
            return;
        }
        for (name, matchers) in map {
            if treatment(name) == Treatment::Removed {
                let message = format!("the proxy removes the header `{name}`");
                let place = pointer(["match", field, name]);
                found.push(
                    ctx.find(&REMOVED, &address(), &place, message)
                        .help("match on a header of your own that clients send"),
                );
            }
            for (at, matcher) in matchers.iter().enumerate() {
                let Some((text, start, end)) = text(&matcher.pattern) else { continue };
                let outer = [' ', '\t'];
                let control = |c: char| c.is_ascii_control() && c != '\t';
                let (why, help) = if text.contains(control) {
                    ("has a control character", "remove it".to_owned())
                } else if start && text.starts_with(outer) || end && text.ends_with(outer) {
                    let bare = match (start, end) {
                        (true, true) => text.trim_matches(outer),
                        (true, false) => text.trim_start_matches(outer),
                        _ => text.trim_end_matches(outer),
                    };
                    ("has spaces at an end of the value", format!("write {}", quoted(bare)))
                } else {
                    continue;
                };
                let shown = quoted(text);
                let message = format!("no request has the value {shown} of `{name}`: it {why}");
                let place = pointer(["match", field, name, &at.to_string()]);
                found.push(ctx.find(&VALUE, &address(), &place, message).help(help));
            }
        }
    });
}

/// A text in quotes, in which control characters can be seen.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.escape_debug())
}

/// A text as clients send it in a query.
fn encoded(text: &str) -> String {
    let mut sent = String::new();
    for byte in text.bytes() {
        match byte {
            b'!'..=b'~' if !b"&#".contains(&byte) => sent.push(char::from(byte)),
            _ => sent.push_str(&format!("%{byte:02X}")),
        }
    }
    sent
}

/// Whether no request has this text in its query, by either codec, with these characters besides.
fn never_sent(text: &str, more: &str) -> bool {
    let encoded = |c: char| c == ' ' || c.is_ascii_control() || "&#".contains(c);
    text.contains(|c| encoded(c) || more.contains(c))
}

fn query(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    each(ctx, |address, field, map| {
        if field != "query_parameters" {
            return;
        }
        for (name, matchers) in map {
            // An `=` ends the name; in a value it stands for itself.
            if never_sent(name, "=") {
                let sent = encoded(name).replace('=', "%3D");
                let message = format!(
                    "no request matches: the query parameter {} has a character that is only ever \
                     sent percent-encoded",
                    quoted(name)
                );
                let place = pointer(["match", field, name]);
                let finding = ctx.find(&QUERY, &address(), &place, message);
                found.push(finding.help(format!("write {}", quoted(&sent))));
            }
            for (at, matcher) in matchers.iter().enumerate() {
                let Some((text, ..)) = text(&matcher.pattern) else { continue };
                if !never_sent(text, "") {
                    continue;
                }
                let sent = encoded(text);
                let message = format!(
                    "no request matches: the query value {} has a character that is only ever \
                     sent percent-encoded",
                    quoted(text)
                );
                let mut help = format!("write {}", quoted(&sent));
                if text.contains(' ') {
                    help.push_str("; some clients send a space as `+`");
                }
                let place = pointer(["match", field, name, &at.to_string()]);
                found.push(ctx.find(&QUERY, &address(), &place, message).help(help));
            }
        }
    });
}

/// Whether base64 can have this text in it.
fn is_base64(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_alphanumeric() || "+/=".contains(c))
}

fn binary(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    each(ctx, |address, field, map| {
        if field != "metadata" {
            return;
        }
        for (name, matchers) in map {
            if !name.to_ascii_lowercase().ends_with("-bin") {
                continue;
            }
            for (at, matcher) in matchers.iter().enumerate() {
                let text = match &matcher.pattern {
                    Pattern::Exact(text) | Pattern::Prefix(text) | Pattern::Suffix(text) => text,
                    Pattern::Range(_) | Pattern::Regex(_) | Pattern::Present(_) => continue,
                };
                if is_base64(text) {
                    continue;
                }
                let message = format!("`{name}` is sent as base64, which never has `{text}`");
                let place = pointer(["match", field, name, &at.to_string()]);
                found.push(
                    ctx.find(&BINARY, &address(), &place, message)
                        .help("compare with the encoded bytes, or drop `-bin` from the name"),
                );
            }
        }
    });
}
