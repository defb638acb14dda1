//! Regular expressions of `replace`, `regex` and `regexall`. Terraform reads them as Go does; computed is
//! only what `regex-automata` reads alike, of texts in ASCII.

use super::value::Val;
use regex_automata::meta;
use regex_automata::util::captures::Captures;
use regex_automata::util::{interpolate, syntax};

/// An expression that means the same to Go and to `regex-automata`.
pub(super) struct Pattern(meta::Regex);

impl Pattern {
    /// Compiles an expression; `None` if it may mean another thing here than in Go, or nothing at all.
    pub(super) fn new(expression: &str) -> Option<Self> {
        if !is_alike(expression) {
            return None;
        }
        let config = meta::Config::new().utf8_empty(false).nfa_size_limit(Some(1 << 20));
        let syntax = syntax::Config::new().unicode(false).utf8(false);
        meta::Builder::new().configure(config).syntax(syntax).build(expression).ok().map(Self)
    }

    /// The text with every match replaced, `$1` and `${name}` by groups; `None` if it is not computed. A
    /// text that becomes longer than `most` bytes ends there.
    pub(super) fn replace(&self, text: &str, by: &str, most: usize) -> Option<String> {
        if !is_plain(text) || !by.is_ascii() {
            return None;
        }
        let mut out = String::new();
        let mut end = 0;
        for found in self.0.captures_iter(text) {
            let whole = found.get_match()?;
            out.push_str(text.get(end..whole.start())?);
            let group = |index: usize, out: &mut String| {
                let span = found.get_group(index);
                out.push_str(span.and_then(|span| text.get(span.range())).unwrap_or_default());
            };
            let index =
                |name: &str| self.0.group_info().to_index(regex_automata::PatternID::ZERO, name);
            interpolate::string(by, group, index, &mut out);
            end = whole.end();
            if out.len() > most {
                return Some(out);
            }
        }
        out.push_str(text.get(end..)?);
        Some(out)
    }

    /// What every match gives: its text, the list of its groups, or the map of those with names; `None` if
    /// it is not computed.
    pub(super) fn matches<'m>(&self, text: &str) -> Option<Vec<Val<'m>>> {
        if !is_plain(text) {
            return None;
        }
        Some(self.0.captures_iter(text).map(|found| self.given(text, &found)).collect())
    }

    fn given<'m>(&self, text: &str, found: &Captures) -> Val<'m> {
        let part = |index: usize| match found.get_group(index) {
            Some(span) => Val::Str(text.get(span.range()).unwrap_or_default().to_owned()),
            None => Val::Null,
        };
        let names = || self.0.group_info().pattern_names(regex_automata::PatternID::ZERO);
        let named = names().enumerate().filter_map(|(at, name)| Some((name?.to_owned(), part(at))));
        match (names().count(), names().flatten().next()) {
            (..=1, _) => part(0),
            (_, Some(_)) => Val::object(named.collect()),
            (count, None) => Val::tuple((1..count).map(part).collect()),
        }
    }
}

/// Whether a text has only characters that both engines put into the same classes.
fn is_plain(text: &str) -> bool {
    text.is_ascii() && !text.contains('\u{b}')
}

/// Whether an expression has only what both engines know and read alike.
fn is_alike(expression: &str) -> bool {
    if !expression.is_ascii() || ["{,", "&&", "--", "~~"].iter().any(|x| expression.contains(x)) {
        return false;
    }
    let bytes = expression.as_bytes();
    let (mut at, mut class) = (0, false);
    while let Some(byte) = bytes.get(at) {
        let next = bytes.get(at + 1).copied().unwrap_or_default();
        match byte {
            b'\\' => {
                let known = next.is_ascii_punctuation() && !b"<>".contains(&next);
                if !known && !b"dDwWsSbBAzntrf".contains(&next) {
                    return false;
                }
                at += 1;
            }
            b'[' if class => {
                // Only `[:alpha:]` may be within a class.
                match expression[at..].find(":]") {
                    Some(end) if next == b':' => at += end + 1,
                    _ => return false,
                }
            }
            b'[' => {
                class = true;
                // A bracket at the start of a class belongs to it.
                at += usize::from(next == b'^');
                at += usize::from(bytes.get(at + 1) == Some(&b']'));
            }
            b']' => class = false,
            b'(' if next == b'?' && !class => {
                let rest = &expression[at + 2..];
                let flags = rest.trim_start_matches(|c| "imsU-".contains(c));
                let group = rest.starts_with("P<") || rest.starts_with('<');
                if !group && !flags.starts_with([':', ')']) {
                    return false;
                }
            }
            _ => {}
        }
        at += 1;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replaced(expression: &str, text: &str, by: &str) -> Option<String> {
        Pattern::new(expression)?.replace(text, by, 1000)
    }

    #[test]
    fn matches_are_replaced_as_go_does_it() {
        for (expression, text, by, expected) in [
            ("-v[0-9]+$", "cart-v1", "", "cart"),
            ("a*", "baaac", "x", "xbxcx"),
            ("(\\w+)-(\\w+)", "a-b", "$2.$1", "b.a"),
            ("(?P<n>a)", "aa", "<${n}>", "<a><a>"),
            ("(a)", "a", "$1x", ""),
            ("(a)", "a", "$$1", "$1"),
            ("[[:digit:]]+", "a12", "n", "an"),
            ("(?i)A.c", "abc", "", ""),
            ("^\\s+|\\s+$", " a ", "", "a"),
            ("[]a]", "]a", "b", "bb"),
            ("a|ab", "ab", "x", "xb"),
        ] {
            assert_eq!(replaced(expression, text, by).as_deref(), Some(expected), "{expression}");
        }
    }

    #[test]
    fn what_go_may_read_otherwise_is_not_computed() {
        for expression in
            ["\\pL", "a{,3}", "[a&&b]", "[a[b]]", "(?x)a b", "\\1", "é", "(?=a)", "\\Qa\\E", "["]
        {
            assert_eq!(replaced(expression, "a", ""), None, "{expression}");
        }
        assert_eq!(replaced(".", "é", ""), None);
    }

    #[test]
    fn groups_say_what_a_match_gives() {
        let given = |expression: &str| {
            let all = Pattern::new(expression).and_then(|own| own.matches("a-1 b-2"));
            all.map(|all| Val::tuple(all).json()).unwrap_or_default()
        };
        assert_eq!(given("[a-z]-."), "[\"a-1\",\"b-2\"]");
        assert_eq!(given("([a-z])-(.)"), "[[\"a\",\"1\"],[\"b\",\"2\"]]");
        assert_eq!(given("(?P<x>[a-z])-."), "[{\"x\":\"a\"},{\"x\":\"b\"}]");
    }
}
