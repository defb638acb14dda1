//! Regular expressions as Envoy reads them: RE2, byte by byte. Whether one can be read, how long
//! its program is at most, and what it matches.
//!
//! Envoy rejects an expression whose program exceeds a limit, which no other engine can tell. The
//! number here is never below RE2's own, and close to it (`tests/it/regexes.rs` compares with Envoy).

mod meaning;
mod parse;
mod property;
mod size;

pub use meaning::{Regex, hir};

/// Most repetitions of one counted group, nested ones multiplied.
const REPEAT_MAX: u32 = 1000;

/// The most instructions that an expression's program has, or why there is none.
pub fn program_size(expression: &str) -> Result<u64, String> {
    if expression.is_empty() {
        // RE2 reads it, Envoy does not take it.
        return Err("it is empty".to_owned());
    }
    let tree = parse::parse(expression)?;
    repetitions(&tree, 1)?;
    Ok(size::most(&tree))
}

/// An expression that takes all that another takes and more, with its size: counted repetitions
/// without their counts. `None` if there are none to drop.
pub fn shorter(expression: &str) -> Option<(String, u64)> {
    let mut text = String::new();
    let mut rest = expression;
    let mut dropped = false;
    while let Some(at) = rest.find('{') {
        let escaped = rest[..at].ends_with('\\');
        // A brace that is not closed is a character like any other.
        let Some((inner, _)) = rest[at + 1..].split_once('}') else { break };
        let (min, max) = inner.split_once(',').unwrap_or((inner, inner));
        let number = |text: &str| text.parse::<u32>().ok();
        match (number(min), number(max)) {
            (Some(min), Some(max)) if !escaped && max > 3 => {
                text.push_str(&rest[..at]);
                text.push(if min == 0 { '*' } else { '+' });
                rest = &rest[at + inner.len() + 2..];
                dropped = true;
            }
            _ => {
                text.push_str(&rest[..=at]);
                rest = &rest[at + 1..];
            }
        }
    }
    text.push_str(rest);
    let size = program_size(&text).ok().filter(|_| dropped)?;
    Some((text, size))
}

/// The bytes that one position takes.
#[derive(Clone, PartialEq)]
struct Class([bool; 256]);

#[derive(Clone, PartialEq)]
enum Tree {
    /// The start of the text.
    Start,
    /// The end of the text.
    End,
    /// The start of a line.
    LineStart,
    /// The end of a line.
    LineEnd,
    /// A place where a word begins or ends (`true`), or where none does.
    Word(bool),
    One(Box<Class>),
    All(Vec<Self>),
    Either(Vec<Self>),
    Group(Box<Self>),
    Repeat(Box<Self>, u32, Option<u32>),
}

fn add(class: &mut Class, more: &Class) {
    for (slot, there) in class.0.iter_mut().zip(more.0) {
        *slot |= there;
    }
}

/// Nested counts multiply, and RE2 limits the product.
fn repetitions(tree: &Tree, outer: u32) -> Result<(), String> {
    match tree {
        Tree::Start
        | Tree::End
        | Tree::LineStart
        | Tree::LineEnd
        | Tree::Word(_)
        | Tree::One(_) => Ok(()),
        Tree::All(items) | Tree::Either(items) => {
            items.iter().try_for_each(|item| repetitions(item, outer))
        }
        Tree::Group(inner) => repetitions(inner, outer),
        Tree::Repeat(inner, min, max) => {
            let times = max.unwrap_or(*min).max(1);
            match outer.checked_mul(times).filter(|product| *product <= REPEAT_MAX) {
                Some(product) => repetitions(inner, product),
                None => Err(format!("its nested repetitions exceed {REPEAT_MAX}")),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{program_size, shorter};

    #[test]
    fn a_brace_that_is_not_closed_has_no_shorter_form() {
        for open in ["a{2,5", "{", "x{9", "(a{2,9}){1,"] {
            shorter(open);
        }
        assert_eq!(shorter("a{2,5"), None);
    }

    /// Sizes as Envoy's own error messages give them.
    #[test]
    fn sizes_are_at_least_those_of_re2_and_close_to_them() {
        for (expression, size) in [
            ("a", 5),
            ("abcdefghij", 14),
            ("a*", 5),
            ("a+", 6),
            ("a?", 6),
            (".*", 6),
            (".+", 7),
            ("[^/]+", 7),
            ("ab|cd", 8),
            ("abc|abd|xyz", 10),
            ("(a)", 7),
            ("(ab)*", 8),
            ("a{3,}", 8),
            ("[a-z]{1,20}", 43),
            ("^a$", 4),
            ("^/static/.*\\.(css|js|png|jpg|jpeg|gif|svg)$", 28),
            ("(foo|foobar|food)s?", 16),
            ("(?:a{2,4}){3}", 22),
            ("\\w", 7),
            ("\\s", 7),
            ("\\bfoo\\b", 9),
            ("(?i).*\\.shop\\.example(:[0-9]+)?", 25),
            ("/api/v[0-9]+/users/[^/]+/orders", 29),
            ("é", 6),
            ("[α-ω]", 6),
            ("(a|b|c)(d|e|f)", 10),
            ("(GET|POST|PUT)", 15),
            (".{10}", 24),
            ("\\Qa.b\\E", 7),
            ("[a&&b]", 6),
            ("[[:alpha:]]", 5),
            ("(?P<x>a)", 7),
            ("(?<x>a)", 7),
            ("a{,3}", 9),
            ("{", 5),
            ("(?s).", 5),
            ("a+(?s)+", 6),
            ("a{01}", 9),
            ("\\377", 5),
            ("\\pL", 11),
            ("\\p{^Greek}", 5),
            ("[\\p{Pc}-x]", 7),
            ("(?m)^a$", 7),
            ("(?i)[[:^lower:]]", 7),
            ("(?i)é", 6),
            ("(?)a", 5),
        ] {
            let most = program_size(expression).unwrap();
            assert!(
                (size..=size + 6 + size / 3).contains(&most),
                "{expression}: at most {most} instructions, in Envoy {size}"
            );
        }
    }

    #[test]
    fn a_shorter_expression_takes_what_the_longer_one_takes() {
        let of = |text: &str| shorter(text).map(|(shorter, _)| shorter);
        assert_eq!(of("/u/[0-9a-f]{36}/x").as_deref(), Some("/u/[0-9a-f]+/x"));
        assert_eq!(of("a{0,20}b{2,9}c{3}").as_deref(), Some("a*b+c{3}"));
        assert_eq!(of("a\\{9}"), None);
        assert_eq!(of("abc"), None);
        let (_, size) = shorter("[a-z]{1,200}").unwrap();
        assert!(size < program_size("[a-z]{1,200}").unwrap());
    }

    #[test]
    fn what_re2_does_not_know_is_refused() {
        for expression in [
            "a{1001}",
            "(?=a)",
            "a(?!b)",
            "(a)\\1",
            "a**",
            "a{2}{3}",
            "(?x)a b",
            "\\x{1F600}",
            "\\h",
            "\\Z",
            "a++",
            ")",
            "(",
            "[",
            "[z-a]",
            "*a",
            "(?u)a",
            "\\e",
            "(?<=a)b",
            "a\\",
            "((a{100}){100})",
            "[[:nope:]]",
            "\\8",
            "",
            "\\é",
            "[\\é]",
            "(?s)+",
            "(?m)*",
            "(?i){2}",
            "a|(?s)?",
            "(?-)a",
            "(?i-)a",
            "(?--i)a",
            "\\777",
            "[\\400]",
            "\\p{Nope}",
            "\\pX",
            "\\p",
            "\\p{}",
            "[[:]x:]",
            "\\x{+41}",
            "\\x+4",
        ] {
            assert!(program_size(expression).is_err(), "{expression}");
        }
    }
}
