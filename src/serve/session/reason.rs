//! What a proxy says when it refuses a response, without the resource that it quotes.

/// The longest reason that is kept, in characters.
const LONGEST: usize = 240;
/// As many digits a word of a reason may have beside letters: `TLSv1_2` has two.
const DIGITS: usize = 2;
/// As many characters a word of a reason may have; the longest name of a constraint has fewer.
const WORD: usize = 80;

/// The kind of mistake that a refusal speaks of. Envoy puts the whole rejected resource into its
/// text, secrets included, so only this part is stored, shown or logged: the first line, up to
/// where a message is quoted, no quoted text but names that we sent ourselves, and no word that
/// looks like a key or token.
pub fn class<'a>(text: &str, names: impl Iterator<Item = &'a str> + Clone) -> String {
    let text = without_debug_text(text.trim());
    let line = text.lines().next().unwrap_or_default();
    let line = &line[..end_of_reason(line)];
    let mut out = String::new();
    let mut rest = line;
    while let Some(at) = rest.find(['\'', '"', '`']) {
        let quote = rest.as_bytes()[at] as char;
        push_words(&mut out, &rest[..at], names.clone());
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
    push_words(&mut out, rest, names);
    let out: String = out.chars().filter(|c| !c.is_control()).take(LONGEST).collect();
    match out.trim() {
        "" => "no reason given".to_owned(),
        reason => reason.to_owned(),
    }
}

/// Adds text that is not quoted, without the words that may be keys or tokens: those of letters with
/// many digits among them, and very long ones.
fn push_words<'a>(out: &mut String, text: &str, names: impl Iterator<Item = &'a str> + Clone) {
    for piece in text.split_inclusive(char::is_whitespace) {
        let word = piece.trim_matches(|c: char| !c.is_alphanumeric());
        let digits = word.chars().filter(char::is_ascii_digit).count();
        // `250ms` is a number.
        let unit = word.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        let mixed = digits > DIGITS && word.chars().any(char::is_alphabetic) && unit.len() > 3;
        let odd = mixed || word.chars().count() > WORD;
        match odd && !names.clone().any(|name| name == word) {
            true => out.push_str(&piece.replace(word, "…")),
            false => out.push_str(piece),
        }
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
    fn words_that_look_like_keys_go_too() {
        check("invalid value s3cr3t-5f3c9a71 for x-token", "invalid value … for x-token");
        check("token=a1b2c3d4e5; next", "…; next");
        check(&format!("bad {}", "k".repeat(81)), "bad …");
        // Words of Envoy's own stay, and names that we sent.
        for text in [
            "cannot bind: Address already in use (98), 0.0.0.0:15001, after 250ms",
            "TLSv1_2 and Http2ProtocolOptions with 65535 streams of 4 MiB",
        ] {
            check(text, text);
        }
        let own = "route to lds_ingress_127.0.0.1_8091 is bad";
        assert_eq!(class(own, ["lds_ingress_127.0.0.1_8091"].into_iter()), own);
    }

    #[test]
    fn a_reason_is_bounded() {
        assert_eq!(class(&"é é".repeat(10_000), [].into_iter()).chars().count(), LONGEST);
    }
}
