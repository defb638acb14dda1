//! What an expression matches: RE2's tree as the automata of `regex-automata`.
//!
//! The expression is read by [`super::parse`] alone, so that no other syntax (Unicode classes, look
//! around, `x` flags) has a word in it; only the tree of bytes is handed on.

use super::{Class, Tree, parse};
use regex_automata::meta;
use regex_syntax::hir::{self, ClassBytes, ClassBytesRange, Hir, Look, Repetition};

/// An expression that is compiled for matching whole texts.
#[derive(Clone, Debug)]
pub struct Regex(meta::Regex);

impl Regex {
    /// Compiles an expression. The error says what is not decided here: what RE2 cannot read, or
    /// a program that is too large.
    pub fn new(expression: &str) -> Result<Self, String> {
        let whole = Hir::concat(vec![
            Hir::look(Look::Start),
            Hir::capture(hir::Capture { index: 1, name: None, sub: Box::new(hir(expression)?) }),
            Hir::look(Look::End),
        ]);
        let config = meta::Config::new().utf8_empty(false).nfa_size_limit(Some(SIZE_MAX));
        meta::Builder::new()
            .configure(config)
            .build_from_hir(&whole)
            .map(Self)
            .map_err(|error| format!("it is too large: {error}"))
    }

    /// Whether the whole text is matched.
    pub fn takes(&self, text: &[u8]) -> bool {
        self.0.is_match(text)
    }
}

/// Largest program, in bytes.
const SIZE_MAX: usize = 64 << 20;

/// The expression as the tree that automata are built of: bytes, no Unicode, unanchored, without
/// groups. Fails as [`Regex::new`] does.
pub fn hir(expression: &str) -> Result<Hir, String> {
    let tree = parse::parse(expression)?;
    super::repetitions(&tree, 1)?;
    Ok(of(&tree))
}

fn of(tree: &Tree) -> Hir {
    match tree {
        Tree::Start => Hir::look(Look::Start),
        Tree::End => Hir::look(Look::End),
        Tree::LineStart => Hir::look(Look::StartLF),
        Tree::LineEnd => Hir::look(Look::EndLF),
        Tree::Word(true) => Hir::look(Look::WordAscii),
        Tree::Word(false) => Hir::look(Look::WordAsciiNegate),
        Tree::One(class) => Hir::class(hir::Class::Bytes(bytes(class))),
        Tree::All(items) => Hir::concat(items.iter().map(of).collect()),
        Tree::Either(items) => Hir::alternation(items.iter().map(of).collect()),
        Tree::Group(inner) => of(inner),
        Tree::Repeat(inner, min, max) => Hir::repetition(Repetition {
            min: *min,
            max: *max,
            greedy: true,
            sub: Box::new(of(inner)),
        }),
    }
}

fn bytes(class: &Class) -> ClassBytes {
    let there = (0..=255u8).filter(|byte| class.0[usize::from(*byte)]);
    ClassBytes::new(there.map(|byte| ClassBytesRange::new(byte, byte)))
}

#[cfg(test)]
mod tests {
    use super::Regex;

    fn check(expression: &str, taken: &[&str], left: &[&str]) {
        let regex = Regex::new(expression).unwrap();
        for text in taken {
            assert!(regex.takes(text.as_bytes()), "{expression} takes {text:?}");
        }
        for text in left {
            assert!(!regex.takes(text.as_bytes()), "{expression} leaves {text:?}");
        }
    }

    #[test]
    fn whole_texts_are_matched() {
        check("a|ab", &["a", "ab"], &["abb", "b", ""]);
        check("/re/[a-z]{2,3}", &["/re/abc"], &["/re/abcd", "x/re/abc"]);
        check("^/x$", &["/x"], &["/xx", "/"]);
        check(
            "(?i)shop\\.example(:[0-9]+)?",
            &["Shop.EXAMPLE:80", "shop.example"],
            &["shopxexample"],
        );
        check("a{0,1000}", &["", "aaaa"], &["b"]);
        check("[^/]+", &["a b", "é"], &["", "a/b"]);
        check(".", &["a"], &["é", "\n"]);
        check("\\bfoo\\b.*", &["foo bar", "foo"], &["foobar"]);
        check("", &[""], &["a"]);
        check("a^b", &[], &["ab", "a^b"]);
        check("(?s).*", &["\n"], &[]);
        check("\\Qa.b\\E", &["a.b"], &["axb"]);
        check("a{,3}", &["a{,3}"], &["aaa"]);
    }

    #[test]
    fn every_byte_is_a_letter_of_latin_1_and_cases_are_those_of_ascii() {
        check("(?i)é", &["é"], &["É", "e"]);
        // The second byte of `é` is a sign, the second of `ê` a letter.
        check("\\pL+", &["ab", "ê"], &["é", "1", ""]);
        check("(?i)[[:^lower:]]", &["1"], &["a", "A"]);
        check("(?i)\\P{Lu}", &["1"], &["a", "A"]);
        check("\\p{^Greek}\\p{Any}", &["é"], &["e"]);
        check("[\\p{Pc}-x]+", &["_-x"], &["y"]);
        check("\\p{Greek}", &[], &["a", ""]);
    }

    #[test]
    fn flags_hold_where_they_stand() {
        check("a+(?s)+", &["aa"], &["", "b"]);
        check("(?m)a$(?-m)\\nb", &["a\nb"], &["a\n"]);
        check("(?m)^a$|b", &["a", "b"], &["a\n"]);
        check("a{01}", &["a{01}"], &["a"]);
    }

    #[test]
    fn what_re2_does_not_know_is_refused() {
        for expression in ["\\p{Nope}", "(?=a)", "["] {
            assert!(Regex::new(expression).is_err(), "{expression}");
        }
    }
}
