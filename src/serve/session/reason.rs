//! What a proxy says when it refuses a response, without the resource that it quotes.

/// The longest reason that is kept, in characters.
const LONGEST: usize = 240;

/// The kind of mistake that a refusal speaks of. Envoy puts the whole rejected resource into its
/// text, secrets included, so only this part is stored, shown or logged: the first line, up to
/// where a message is quoted, and no quoted text but names that we sent ourselves.
pub fn class<'a>(text: &str, names: impl Iterator<Item = &'a str> + Clone) -> String {
    let text = without_debug_text(text.trim());
    let line = text.lines().next().unwrap_or_default();
    let line = &line[..end_of_reason(line)];
    let mut out = String::new();
    let mut rest = line;
    while let Some(at) = rest.find(['\'', '"', '`']) {
        let quote = rest.as_bytes()[at] as char;
        out.push_str(&rest[..at]);
        let inner = &rest[at + 1..];
        // An apostrophe (`didn't`) opens nothing.
        let apostrophe = quote == '\'' && out.ends_with(|c: char| c.is_alphanumeric());
        if apostrophe {
            out.push(quote);
            rest = inner;
            continue;
        }
        let (quoted, after) = match inner.find(quote) {
            Some(end) => (&inner[..end], &inner[end + 1..]),
            None => (inner, ""),
        };
        let known = names.clone().any(|name| name == quoted)
            || quoted.starts_with("type.googleapis.com/envoy.")
            || quoted.starts_with("envoy.");
        out.push(quote);
        out.push_str(if known { quoted } else { "…" });
        out.push(quote);
        rest = after;
    }
    out.push_str(rest);
    let out: String = out.chars().filter(|c| !c.is_control()).take(LONGEST).collect();
    match out.trim() {
        "" => "no reason given".to_owned(),
        reason => reason.to_owned(),
    }
}

/// Cuts out the message that protobuf prints, which begins with this and ends before a line that
/// begins with a colon, if the reason comes after it.
fn without_debug_text(text: &str) -> &str {
    match text.split_once("goo.gle/debug") {
        None => text,
        Some((before, message)) => match before.trim().trim_end_matches(':') {
            "" => message.rsplit_once("\n: ").map_or("", |(_, reason)| reason),
            reason => reason,
        },
    }
}

/// Where the text of a message begins, if one is quoted: after `failed (…): `, or at a brace.
fn end_of_reason(line: &str) -> usize {
    let brace = line.find(['{', '[']).unwrap_or(line.len());
    let Some(open) = line.find(" failed (").map(|at| at + " failed ".len()) else { return brace };
    let mut depth = 0_usize;
    for (at, byte) in line.bytes().enumerate().skip(open) {
        match byte {
            b'(' => depth += 1,
            b')' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return (at + 1).min(brace);
                }
            }
            _ => {}
        }
    }
    brace
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(class(text, ["lds_x", "cart"].into_iter()), expected);
    }

    #[test]
    fn the_reason_stays_and_the_resource_goes() {
        check(
            "Proto constraint validation failed (ClusterValidationError.ConnectTimeout: value must \
             be greater than 0s): name: \"cart\" secret: \"hunter2\"",
            "Proto constraint validation failed (ClusterValidationError.ConnectTimeout: value must \
             be greater than 0s)",
        );
        check(
            "Error adding/updating listener(s) lds_x: bad port\nmore: hunter2",
            "Error adding/updating listener(s) lds_x: bad port",
        );
        check("route: unknown cluster 'cart'", "route: unknown cluster 'cart'");
        check("bad value 'hunter2' given", "bad value '…' given");
        check(
            "Didn't find a registered implementation for 'envoy.filters.x'",
            "Didn't find a registered implementation for 'envoy.filters.x'",
        );
        check("Unable to parse {\"k\": \"hunter2\"}", "Unable to parse");
        check("bad \"hunter2 without end", "bad \"…\"");
        check(
            "Invalid duration: Expected positive duration: goo.gle/debugproto\nname: \"hunter2\"",
            "Invalid duration: Expected positive duration",
        );
        check("", "no reason given");
    }

    #[test]
    fn a_reason_is_bounded() {
        assert_eq!(class(&"é".repeat(10_000), [].into_iter()).chars().count(), LONGEST);
    }
}
