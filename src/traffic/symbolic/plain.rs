//! Kinds of texts where all tests are prefixes and whole texts: told without an automaton, which
//! is what most tables need.

use super::language::{Kind, Kinds, Test, Universe};
use super::set::Set;
use crate::traffic::normalised;

/// What a text may go on with, the best to read first.
const ENDINGS: [&str; 8] = ["/", "a", "b", "c", "x", "0", "-", "zz"];

/// The kinds; `None` where only an automaton can tell.
pub(super) fn kinds(universe: Universe, tests: &[&Test]) -> Option<Kinds> {
    if universe == Universe::Referer {
        return None;
    }
    let mut all: Vec<(Set, String)> = Vec::new();
    let passes = |text: &str| {
        let mut set = Set::none(tests.len());
        for (at, test) in tests.iter().enumerate() {
            let passed = match test {
                Test::Exact(exact) => exact == text,
                Test::Prefix(prefix) => text.starts_with(prefix.as_str()),
                _ => false,
            };
            if passed {
                set.insert(at);
            }
        }
        set
    };
    let mut add = |text: String| {
        let set = passes(&text);
        if !all.iter().any(|(known, _)| *known == set) {
            all.push((set, text));
        }
    };
    let mut texts: Vec<&str> = vec![""];
    for test in tests {
        match test {
            Test::Exact(text) => {
                if whole(universe, text) {
                    add(text.clone());
                }
            }
            Test::Prefix(text) => texts.push(text),
            _ => return None,
        }
    }
    texts.sort_unstable();
    texts.dedup();
    for start in texts {
        if !begins(universe, start) {
            continue;
        }
        // A text whose longest prefix is this one, and that no whole text is equal to.
        let own = passes(start);
        let prefixes: Vec<usize> =
            own.iter().filter(|at| matches!(tests[*at], Test::Prefix(_))).collect();
        let fits =
            |text: &str| whole(universe, text) && passes(text).iter().eq(prefixes.iter().copied());
        // Every path has a slash at its start, so none is without one.
        let every = |test: &&Test| matches!(test, Test::Prefix(p) if p == "/");
        if start.is_empty() && universe == Universe::Path && tests.iter().any(every) {
            continue;
        }
        let head = match (start, universe) {
            ("", Universe::Path) => "/",
            (start, _) => start,
        };
        let word = universe.any().filter(|word| start.is_empty() && fits(word));
        let bare = Some(head.to_owned()).filter(|text| !text.is_empty() && fits(text));
        let longer = || {
            let mut endings = ENDINGS.iter().map(|ending| format!("{head}{ending}"));
            endings.find(|text| fits(text))
        };
        add(word.map(str::to_owned).or(bare).or_else(longer)?);
    }
    all.sort_by_key(|(_, text)| text.len());
    let work = tests.len() * all.len();
    let kind = |(passes, text): (Set, String)| Kind { passes, text: text.into_bytes() };
    let kinds = all.into_iter().map(kind).collect();
    Some(Kinds { kinds, unread: Set::none(tests.len()), work })
}

/// Whether a text is one of the universe.
fn whole(universe: Universe, text: &str) -> bool {
    let printable = text.bytes().all(|byte| (b'!'..=b'~').contains(&byte));
    match universe {
        // What begins with `%%` is left to the automaton's narrower view of stray `%`.
        Universe::Path => {
            begins(universe, text) && !text.is_empty() && normalised(text).as_deref() == Ok(text)
        }
        Universe::Host => {
            let part = |part: &str| {
                let letter =
                    |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
                !part.is_empty() && part.bytes().all(letter)
            };
            text.split('.').all(part)
        }
        Universe::Header | Universe::Referer => {
            text.bytes().all(in_value) && !text.starts_with(OUTER) && !text.ends_with(OUTER)
        }
        Universe::Query => printable && !text.contains(['&', '#']),
    }
}

/// What no value begins or ends with.
const OUTER: [char; 2] = [' ', '\t'];

/// Whether values of headers have a byte.
fn in_value(byte: u8) -> bool {
    byte == b'\t' || (byte >= b' ' && byte != 0x7f)
}

/// Whether texts of the universe can begin so.
fn begins(universe: Universe, text: &str) -> bool {
    match universe {
        // What is behind the text may complete its last segment or escape.
        Universe::Path => {
            let on = format!("{text}-");
            !text.contains("%%")
                && !text.contains(['?', '#'])
                && (text.is_empty()
                    || (text.starts_with('/') && normalised(&on).as_deref() == Ok(&on)))
        }
        // What goes on may complete the end, so only the characters count.
        Universe::Host => {
            let letter = |b: u8| {
                b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_' | b'.')
            };
            text.bytes().all(letter) && !text.starts_with('.') && !text.contains("..")
        }
        Universe::Header | Universe::Referer => {
            text.bytes().all(in_value) && !text.starts_with(OUTER)
        }
        Universe::Query => {
            text.bytes().all(|byte| (b'!'..=b'~').contains(&byte)) && !text.contains(['&', '#'])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::language;
    use super::*;

    /// The short way finds the kinds that an automaton finds.
    #[test]
    fn kinds_without_an_automaton_are_those_of_one() {
        let words = [
            "/", "/a", "/a/", "/ab", "/a/b", "/.", "/a/..", "//", "", "a", "ab.c", "b ", "x-", "é",
            "a\tb", "/..;", "/%4", "/%41", "/{", "/x/.;a/",
        ];
        let mut told = 0;
        for first in words {
            for second in words {
                for third in words.iter().step_by(4) {
                    let tests = [
                        Test::Prefix(first.to_owned()),
                        Test::Exact(second.to_owned()),
                        Test::Prefix((*third).to_owned()),
                    ];
                    let tests: Vec<&Test> = tests.iter().collect();
                    for universe in
                        [Universe::Path, Universe::Host, Universe::Header, Universe::Query]
                    {
                        let Some(short) = kinds(universe, &tests) else { continue };
                        told += 1;
                        let long = language::with_automata(universe, &tests);
                        let sets = |kinds: &Kinds| {
                            let mut all: Vec<Set> =
                                kinds.kinds.iter().map(|kind| kind.passes.clone()).collect();
                            all.sort();
                            all
                        };
                        assert_eq!(sets(&short), sets(&long), "{universe:?} {tests:?}");
                    }
                }
            }
        }
        assert!(told > 900, "{told}");
    }
}
