//! Texts told apart by what is asked of them: the finitely many kinds of paths, hosts and values
//! that a list of tests can tell, each with a short text of the kind.
//!
//! All tests become one automaton, which is walked over the characters that requests have. The
//! sets of tests that its states accept are the kinds. An automaton that would grow beyond its
//! bound is not made: the dearest tests are left out, and what they say is *not decided*.

use super::set::Set;
use super::{plain, regex};
use crate::traffic::headers::REFERERS;
use crate::traffic::re2;
use regex_automata::dfa::Automaton;
use regex_automata::dfa::{StartKind, dense};
use regex_automata::meta::Regex;
use regex_automata::nfa::thompson::{Compiler, Config, WhichCaptures};
use regex_automata::util::{primitives::StateID, start};
use regex_automata::{Anchored, MatchKind};
use regex_syntax::hir::Hir;
use std::collections::{BTreeMap, BTreeSet};

/// Most bytes of one automaton; some ten thousand states of forty kinds of characters.
const AUTOMATON_MAX: usize = 3 << 20;

/// What is asked of a text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Test {
    /// It is this.
    Exact(String),
    /// It starts with this.
    Prefix(String),
    /// It ends with this.
    Suffix(String),
    /// The whole is matched by this RE2 expression.
    Regex(String),
    /// It is a whole number from the first to below the second.
    Range(i64, i64),
    /// It starts with `prefix`, and what `value` and the rest make meets the RE2 expression.
    Behind {
        /// The start, which becomes `value`.
        prefix: String,
        /// What it becomes.
        value: String,
        /// The expression for the whole that comes of it.
        regex: String,
    },
}

impl Test {
    /// The test as a tree; `None` if it cannot be said in one.
    fn tree(&self) -> Option<Hir> {
        Some(match self {
            Self::Exact(text) => regex::literal(text),
            Self::Prefix(text) => Hir::concat(vec![regex::literal(text), regex::anything()]),
            Self::Suffix(text) => Hir::concat(vec![regex::anything(), regex::literal(text)]),
            Self::Regex(expression) => re2::hir(expression).ok()?,
            Self::Range(start, end) => regex::range(*start, *end),
            Self::Behind { prefix, value, regex } => {
                let rest = regex::after(&re2::hir(regex).ok()?, value)?;
                Hir::concat(vec![regex::literal(prefix), rest])
            }
        })
    }

    /// Whether a text passes. `None` if that cannot be told.
    pub fn passes(&self, text: impl AsRef<[u8]>) -> Option<bool> {
        let text = text.as_ref();
        match self {
            Self::Exact(own) => return Some(text == own.as_bytes()),
            Self::Prefix(own) => return Some(text.starts_with(own.as_bytes())),
            Self::Suffix(own) => return Some(text.ends_with(own.as_bytes())),
            Self::Regex(_) | Self::Range(..) | Self::Behind { .. } => {}
        }
        let tree = regex::whole(self.tree()?);
        let expression = Regex::builder().build_from_hir(&tree).ok()?;
        Some(expression.is_match(text))
    }

    /// Whether the test names the character `%`.
    fn has_percent(&self) -> bool {
        let plain = |text: &String| text.contains('%');
        let octal_or_hex = |text: &String| {
            ["\\x25", "\\x{", "\\45", "\\045"].iter().any(|escape| text.contains(escape))
        };
        match self {
            Self::Exact(text) | Self::Prefix(text) | Self::Suffix(text) => plain(text),
            Self::Regex(text) => plain(text) || octal_or_hex(text),
            Self::Behind { prefix, value, regex } => {
                [prefix, value, regex].into_iter().any(plain) || octal_or_hex(regex)
            }
            Self::Range(..) => false,
        }
    }

    /// How likely the test is to make an automaton large: loops that anything fits count most.
    fn weight(&self) -> usize {
        match self {
            Self::Regex(text) | Self::Behind { regex: text, .. } => {
                1 + text.len() + 100 * (text.matches(".*").count() + text.matches(".+").count())
            }
            _ => 0,
        }
    }
}

/// Which texts there are at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Universe {
    /// Paths in normal form, without the query: as they are after the proxy has normalised what
    /// clients send.
    Path,
    /// Lower-case host names without a port.
    Host,
    /// Values of headers, each by itself where the proxy does not join them: the bytes 0x09, 0x20
    /// to 0x7E and 0x80 to 0xFF, without spaces and tabs at the ends.
    Header,
    /// Values of `referer` that the proxy keeps.
    Referer,
    /// Values of query parameters, as they are written.
    Query,
}

impl Universe {
    fn expression(self) -> String {
        match self {
            Self::Path => PATHS.to_owned(),
            Self::Host => "[a-z0-9_-]+(?:\\.[a-z0-9_-]+)*".to_owned(),
            Self::Header => {
                "(?:[!-~\\x80-\\xff](?:[\\t -~\\x80-\\xff]*[!-~\\x80-\\xff])?)?".to_owned()
            }
            Self::Referer => REFERERS.to_owned(),
            Self::Query => "[^&#]*".to_owned(),
        }
    }

    /// The texts of it. Escapes in paths make the automaton several times as large, so they are
    /// looked at only where a test names a `%`.
    fn tree(self, escapes: bool) -> Hir {
        match self {
            Self::Path if escapes => regex::own(&paths()),
            _ => regex::own(&self.expression()),
        }
    }

    /// A word for a text like any other, where one reads better than the shortest.
    pub(super) fn any(self) -> Option<&'static str> {
        match self {
            Self::Host => Some("any.example"),
            Self::Header | Self::Referer | Self::Query => Some("other"),
            Self::Path => None,
        }
    }

    /// The bytes that its texts are made of, the ones that read best first.
    fn bytes(self) -> Vec<u8> {
        let order = b"/abcdefghijklmnopqrstuvwxyz0123456789-_.~ABCDEFGHIJKLMNOPQRSTUVWXYZ";
        let mut all: Vec<u8> = order.to_vec();
        all.extend((b' '..=b'~').filter(|byte| !order.contains(byte)));
        let never: &[u8] = match self {
            Self::Path => NO_PATH,
            Self::Query => b" #&",
            Self::Host | Self::Header | Self::Referer => b"",
        };
        if self == Self::Header {
            all.extend(0x80..=0xff);
            all.push(b'\t');
        }
        all.retain(|byte| !never.contains(byte));
        if self != Self::Path {
            // Only paths look best with a slash.
            all.retain(|byte| *byte != b'/');
            all.push(b'/');
        }
        all
    }
}

/// Bytes that no path in normal form has; beside them control characters and what is not ASCII.
pub(super) const NO_PATH: &[u8] = b" \"#<>?\\^`{|}";

/// The RE2 expression of the paths in normal form, but for their escapes: a segment is neither empty
/// nor a dot segment, with parameters or without.
const PATHS: &str = "/(?:(?:[^/.]|\\.[^/.;]|\\.\\.[^/;])[^/]*/)*\
     (?:(?:[^/.]|\\.[^/.;]|\\.\\.[^/;])[^/]*)?";

/// The same with escapes. A segment is neither empty nor a dot segment,
/// with parameters or without; no escape in it is one that the proxy undoes or rejects. A `%` that
/// begins no escape may stand before any other character.
fn paths() -> String {
    // One character that is neither a dot nor part of an escape, with `;` and without.
    let plain = "[!$&-\\-0-9:;=@A-Z\\[\\]_a-z~]";
    let unlike = "[!$&-\\-0-9:=@A-Z\\[\\]_a-z~]";
    let escape = "%(?:0[1-9A-Fa-f]|1[0-9A-Fa-f]|2[0-9A-Ca-cFf]|3[A-Fa-f]|40|5[B-Eb-e]|60\
                  |7[B-Db-dFf]|[89A-Fa-f][0-9A-Fa-f])";
    let other = "[!$&-\\-.:;=@G-Z\\[\\]_g-z~]";
    let stray = format!("%[0-9A-Fa-f]?{other}");
    let first = format!("(?:{plain}|{escape}|{stray})");
    let second = format!("(?:{unlike}|{escape}|{stray})");
    let end = "%[0-9A-Fa-f]?";
    let segment = format!(
        "(?:(?:{first}|\\.{second}|\\.\\.(?:{second}|\\.))(?:{first}|\\.)*(?:{end})?\
         |{end}|\\.{end}|\\.\\.{end})"
    );
    format!("/(?:{segment}/)*(?:{segment})?")
}

/// One kind of texts.
#[derive(Clone, Debug)]
pub(super) struct Kind {
    /// The tests that its texts pass.
    pub(super) passes: Set,
    /// A short text of the kind.
    pub(super) text: Vec<u8>,
}

/// The kinds of texts that tests tell apart.
#[derive(Clone, Debug)]
pub(super) struct Kinds {
    /// The kinds, those with shorter texts first.
    pub(super) kinds: Vec<Kind>,
    /// The tests that could not be looked at: of them nothing is known.
    pub(super) unread: Set,
    /// The states that were looked at.
    pub(super) work: usize,
}

/// Tells apart the texts of a universe by tests.
pub(super) fn kinds(universe: Universe, tests: &[&Test]) -> Kinds {
    plain::kinds(universe, tests).unwrap_or_else(|| with_automata(universe, tests))
}

/// The same by automata, whatever the tests are.
pub(super) fn with_automata(universe: Universe, tests: &[&Test]) -> Kinds {
    let trees: Vec<Option<Hir>> = tests.iter().map(|test| test.tree().map(regex::whole)).collect();
    let mut read: Vec<usize> = (0..tests.len()).filter(|at| trees[*at].is_some()).collect();
    loop {
        let all: Vec<Hir> = read.iter().filter_map(|at| trees[*at].clone()).collect();
        if let Some(automaton) = automaton(&all) {
            let escapes = tests.iter().any(|test| test.has_percent());
            return walk(universe, escapes, &automaton, &read, tests.len());
        }
        // The dearer half of the expressions is given up; plain texts alone always fit.
        let mut dear: Vec<usize> =
            read.iter().copied().filter(|at| tests[*at].weight() > 0).collect();
        if dear.is_empty() {
            let none = Kinds { kinds: Vec::new(), unread: Set::all(tests.len()), work: 0 };
            return none;
        }
        dear.sort_by_key(|at| (tests[*at].weight(), *at));
        let kept = dear.len() / 4;
        read.retain(|at| !dear[kept..].contains(at));
    }
}

fn automaton(trees: &[Hir]) -> Option<dense::DFA<Vec<u32>>> {
    let config = Config::new()
        .utf8(false)
        .which_captures(WhichCaptures::None)
        .nfa_size_limit(Some(AUTOMATON_MAX));
    let nfa = Compiler::new().configure(config).build_many_from_hir(trees).ok()?;
    let config = dense::Config::new()
        .match_kind(MatchKind::All)
        .start_kind(StartKind::Anchored)
        .accelerate(false)
        .dfa_size_limit(Some(AUTOMATON_MAX))
        .determinize_size_limit(Some(AUTOMATON_MAX));
    dense::Builder::new().configure(config).build_from_nfa(&nfa).ok()
}

/// Walks the automaton side by side with that of the universe, breadth first from their starts.
fn walk(
    universe: Universe,
    escapes: bool,
    automaton: &dense::DFA<Vec<u32>>,
    read: &[usize],
    tests: usize,
) -> Kinds {
    let texts = self::automaton(&[regex::whole(universe.tree(escapes))])
        .expect("invariant: our own automata are small");
    let bytes = representatives(universe, [&texts, automaton]);
    let mut unread = Set::all(tests);
    for at in read {
        unread.remove(*at);
    }
    let start = start::Config::new().anchored(Anchored::Yes);
    let start = |dfa: &dense::DFA<Vec<u32>>| {
        dfa.start_state(&start).expect("invariant: it was built for this start")
    };
    let start = (start(&texts), start(automaton));
    // Each pair of states with the pair before it and the byte between the two.
    let mut states = vec![(start, 0, 0_u8)];
    let mut known = BTreeSet::from([start]);
    let mut found: BTreeMap<Set, usize> = BTreeMap::new();
    let mut all: Vec<Kind> = Vec::new();
    let mut at = 0;
    while at < states.len() {
        let ((text_state, state), ..) = states[at];
        if texts.is_match_state(texts.next_eoi_state(text_state)) {
            let end = automaton.next_eoi_state(state);
            let mut passes = Set::none(tests);
            if automaton.is_match_state(end) {
                for index in 0..automaton.match_len(end) {
                    passes.insert(read[automaton.match_pattern(end, index).as_usize()]);
                }
            }
            match found.get(&passes) {
                None => {
                    found.insert(passes.clone(), all.len());
                    all.push(Kind { passes, text: text(&states, at) });
                }
                // An empty value is a poor example.
                Some(kind) if all[*kind].text.is_empty() => all[*kind].text = text(&states, at),
                Some(_) => {}
            }
        }
        for byte in &bytes {
            let next = (texts.next_state(text_state, *byte), automaton.next_state(state, *byte));
            if !texts.is_dead_state(next.0) && known.insert(next) {
                states.push((next, at, *byte));
            }
        }
        at += 1;
    }
    for kind in &mut all {
        if std::str::from_utf8(&kind.text).is_ok() {
            continue;
        }
        // A letter reads better than a byte, if it is of the same kind.
        let better = String::from_utf8_lossy(&kind.text).replace('\u{fffd}', "é").into_bytes();
        let same = |dfa: &dense::DFA<Vec<u32>>, start: StateID| {
            patterns(dfa, start, &better) == patterns(dfa, start, &kind.text)
        };
        if same(&texts, start.0) && same(automaton, start.1) {
            kind.text = better;
        }
    }
    if let (Some(word), Some(kind)) = (universe.any(), found.get(&Set::none(tests))) {
        // What passes no test is best shown by a word that says so.
        if patterns(automaton, start.1, word.as_bytes()).is_empty() {
            all[*kind].text = word.as_bytes().to_vec();
        }
    }
    Kinds { kinds: all, unread, work: states.len() * bytes.len() }
}

/// The patterns of an automaton that a whole text matches.
fn patterns(automaton: &dense::DFA<Vec<u32>>, start: StateID, text: &[u8]) -> Vec<usize> {
    let state = text.iter().fold(start, |state, byte| automaton.next_state(state, *byte));
    let end = automaton.next_eoi_state(state);
    let count = if automaton.is_match_state(end) { automaton.match_len(end) } else { 0 };
    (0..count).map(|index| automaton.match_pattern(end, index).as_usize()).collect()
}

/// One byte for each kind of bytes that the automata tell apart, the one that reads best.
fn representatives(universe: Universe, automata: [&dense::DFA<Vec<u32>>; 2]) -> Vec<u8> {
    let mut seen = BTreeSet::new();
    let mut bytes = universe.bytes();
    bytes.retain(|byte| seen.insert(automata.map(|dfa| dfa.byte_classes().get(*byte))));
    bytes
}

/// The text that leads to a state.
fn text<S>(states: &[(S, usize, u8)], mut at: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while at != 0 {
        let (_, before, byte) = &states[at];
        bytes.push(*byte);
        at = *before;
    }
    bytes.reverse();
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(universe: Universe, tests: &[Test], expected: &[(&str, &[usize])]) {
        let tests: Vec<&Test> = tests.iter().collect();
        let kinds = kinds(universe, &tests);
        let found: Vec<(String, Vec<usize>)> = kinds
            .kinds
            .iter()
            .map(|k| (String::from_utf8_lossy(&k.text).into_owned(), k.passes.iter().collect()))
            .collect();
        let expected: Vec<(String, Vec<usize>)> =
            expected.iter().map(|(text, set)| ((*text).to_owned(), set.to_vec())).collect();
        assert_eq!(found, expected);
    }

    fn prefix(text: &str) -> Test {
        Test::Prefix(text.to_owned())
    }

    fn exact(text: &str) -> Test {
        Test::Exact(text.to_owned())
    }

    fn regex(text: &str) -> Test {
        Test::Regex(text.to_owned())
    }

    #[test]
    fn paths_are_told_apart_with_the_shortest_example() {
        check(
            Universe::Path,
            &[prefix("/a"), exact("/a"), regex("/a/[0-9]+")],
            &[("/", &[]), ("/a", &[0, 1]), ("/a/", &[0]), ("/a/0", &[0, 2])],
        );
        check(Universe::Path, &[regex("/.*"), prefix("/")], &[("/", &[0, 1])]);
        check(Universe::Path, &[regex("a|/a//b|/\\.\\./x|/x y|/q\\?")], &[("/", &[])]);
        let behind = Test::Behind {
            prefix: "/shop/".into(),
            value: "/v2/".into(),
            regex: "/v[0-9]/x*".into(),
        };
        check(
            Universe::Path,
            &[behind, prefix("/shop/")],
            &[("/", &[]), ("/shop/", &[0, 1]), ("/shop/a", &[1])],
        );
    }

    #[test]
    fn dot_segments_and_empty_ones_are_no_paths() {
        let tree = Universe::Path.tree(true);
        let regex = Regex::builder().build_from_hir(&regex::whole(tree)).unwrap();
        for path in [
            "/",
            "/a",
            "/a/",
            "/.a",
            "/..a/b",
            "/...",
            "/.../x",
            "/a/.b/..c",
            "/a.b",
            "/%20",
            "/a;b",
            "/x..;/y",
            "/...;/y",
            "/..%3b/y",
            "/100%",
            "/100%/x",
            "/%zz",
            "/%4g",
            "/a%2Fb",
            "/%C3%a9",
            "/.%",
            "/..%20",
            "/%25",
        ] {
            assert!(regex.is_match(path), "{path}");
            assert_eq!(crate::traffic::normalised(path).as_deref(), Ok(path));
        }
        for path in [
            "", "a", "//", "/.", "/..", "/a/.", "/a//b", "/./a", "/a/../b", "/a/..", "/..;/y",
            "/x/.;a", "/..;", "/%41", "/%7e", "/%00", "/{id}", "/a b", "/a|b", "/a^", "/\"", "/<",
            "/`", "/a\\b", "/é", "/%2e", "/a?b", "/#",
        ] {
            assert!(!regex.is_match(path), "{path}");
            // Of slashes alone Envoy leaves two.
            let normal = crate::traffic::normalised(path);
            let query = path.contains('?');
            assert!(path == "//" || query || normal.as_deref() != Ok(path), "{path}");
        }
    }

    #[test]
    fn values_and_hosts_are_told_apart() {
        check(
            Universe::Header,
            &[exact("true"), Test::Range(5, 7), Test::Suffix("x".into())],
            &[("other", &[]), ("x", &[2]), ("5", &[1]), ("true", &[0])],
        );
        check(
            Universe::Header,
            &[exact("é"), regex("[^\\x00-\\x7f]+"), exact("a\tb"), exact(" a"), exact("a\nb")],
            &[("other", &[]), ("\u{fffd}", &[1]), ("é", &[0, 1]), ("a\tb", &[2])],
        );
        check(
            Universe::Referer,
            &[Test::Prefix("http://a/ ".into()), exact("http://a/")],
            &[("other", &[]), ("http://a/", &[1])],
        );
        check(
            Universe::Host,
            &[Test::Suffix(".x".into()), exact("a.x")],
            &[("any.example", &[]), ("a.x", &[0, 1]), ("b.x", &[0])],
        );
    }

    #[test]
    fn a_thousand_tests_are_told_apart() {
        let mut tests = Vec::new();
        for at in 0..1000 {
            let name = format!("/api/v{}/team{}/service{at}", at % 3, at % 50);
            tests.push(match at % 5 {
                0 => regex(&format!("{name}/items/[0-9]+(/.*)?")),
                1 => exact(&name),
                _ => prefix(&name),
            });
        }
        let tests: Vec<&Test> = tests.iter().collect();
        let kinds = kinds(Universe::Path, &tests);
        assert!(kinds.unread.is_empty());
        assert_eq!(kinds.kinds.len(), 1001);
        assert!(kinds.work < 400_000, "{}", kinds.work);
    }

    #[test]
    fn what_would_grow_without_end_is_left_undecided() {
        // Each needs the automaton to remember which of the others it has passed.
        let mut tests: Vec<Test> =
            (0..20).map(|at| regex(&format!("/.*x{at}y.*z{at}.*"))).collect();
        tests.push(prefix("/a"));
        let tests: Vec<&Test> = tests.iter().collect();
        let kinds = kinds(Universe::Path, &tests);
        assert!(!kinds.unread.is_empty() && !kinds.unread.has(20));
        assert!(kinds.kinds.iter().any(|kind| kind.passes.has(20)));
    }
}
