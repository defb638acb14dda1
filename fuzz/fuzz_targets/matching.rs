//! Any text as a regular expression, and as the host of a route: what is counted is what is read,
//! and a host's expression takes that host in any case and on any port, and no other.

#![no_main]

use libfuzzer_sys::fuzz_target;
use meshctl::model::HostnameMatch;
use meshctl::traffic::host_expression;
use meshctl::traffic::re2::{Regex, program_size, shorter};

fuzz_target!(|text: &str| {
    let (expression, other) = text.split_once('\n').unwrap_or((text, "x"));
    let size = program_size(expression);
    if size.as_ref().is_ok_and(|size| *size < 100_000)
        && let Ok(regex) = Regex::new(expression)
    {
        regex.takes(other.as_bytes());
        if let Some((_, size)) = shorter(expression) {
            assert!(size > 0);
        }
    } else if size.is_err() {
        assert!(Regex::new(expression).is_err(), "{expression}");
    }
    if expression.is_empty() || expression.len() > 253 || !expression.is_ascii() {
        return;
    }
    let exact = Regex::new(&host_expression(&HostnameMatch::Exact(expression.to_owned())));
    let exact = exact.unwrap_or_else(|why| panic!("{expression}: {why}"));
    let suffix = Regex::new(&host_expression(&HostnameMatch::Suffix(expression.to_owned())));
    let suffix = suffix.unwrap_or_else(|why| panic!("{expression}: {why}"));
    for host in [expression.to_owned(), expression.to_uppercase(), format!("{expression}:8080")] {
        assert!(exact.takes(host.as_bytes()), "{host}");
        assert!(suffix.takes(format!("a.{host}").as_bytes()), "{host}");
    }
    let plain = other.trim_end_matches(|c: char| c.is_ascii_digit());
    let bare = if plain.len() < other.len() { plain.strip_suffix(':') } else { None };
    let same = |host: &str| host.eq_ignore_ascii_case(expression);
    let is = same(other) || bare.is_some_and(same);
    assert_eq!(exact.takes(other.as_bytes()), is, "{expression:?} {other:?}");
});
