//! Regular expressions as Envoy reads them: RE2, byte by byte. Whether one can be read, how long
//! its program is, and what it matches.
//!
//! Envoy refuses an expression whose program exceeds a limit, which no other engine can tell. The
//! numbers here are RE2's own for all but exotic expressions (a test compares them with Envoy).

mod meaning;
mod parse;

pub use meaning::{Regex, hir};

/// Most repetitions of one counted group, nested ones multiplied.
const REPEAT_MAX: u32 = 1000;
/// What every program has: its start, its end, and what finds the beginning of a match.
const OVERHEAD: u64 = 4;

/// The number of instructions of an expression's program, or why there is none.
pub fn program_size(expression: &str) -> Result<u64, String> {
    let tree = parse::parse(expression)?.0;
    repetitions(&tree, 1)?;
    Ok(OVERHEAD + cost(&tree) - prefix(&tree))
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
    /// Nothing.
    Empty,
    /// The start of the text.
    Start,
    /// The end of the text.
    End,
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

/// One instruction a run of bytes; capital letters are free where both cases are taken.
fn ranges(class: &Class) -> u64 {
    let folds = (b'a'..=b'z')
        .all(|letter| class.0[usize::from(letter)] == class.0[usize::from(letter - 32)]);
    let mut count = 0;
    let mut at = 0;
    while at < 256 {
        if !class.0[at] {
            at += 1;
            continue;
        }
        let start = at;
        while at < 256 && class.0[at] {
            at += 1;
        }
        let capitals = start >= usize::from(b'A') && at - 1 <= usize::from(b'Z');
        if !(folds && capitals) {
            count += 1;
        }
    }
    count
}

/// RE2 compares the letters after a `^` by themselves and leaves them out of the program.
fn prefix(tree: &Tree) -> u64 {
    let Tree::All(items) = tree else { return 0 };
    let Some((Tree::Start, rest)) = items.split_first() else { return 0 };
    let letter = |tree: &&Tree| match tree {
        Tree::One(class) => class.0.iter().filter(|there| **there).count() == 1,
        _ => false,
    };
    rest.iter().take_while(letter).count() as u64
}

fn cost(tree: &Tree) -> u64 {
    match tree {
        // At both ends they cost nothing, and in the middle next to nothing.
        Tree::Start | Tree::End | Tree::Empty => 0,
        Tree::Word(_) => 1,
        Tree::One(class) => ranges(class),
        Tree::All(items) => items.iter().map(cost).sum(),
        Tree::Group(inner) => cost(inner) + 2,
        Tree::Either(items) => {
            let all: Vec<Vec<&Tree>> = items.iter().map(sequence).collect();
            let all: Vec<&[&Tree]> = all.iter().map(Vec::as_slice).collect();
            alternatives(&all)
        }
        Tree::Repeat(_, _, Some(0)) => 0,
        Tree::Repeat(inner, 0, None) => cost(inner),
        Tree::Repeat(inner, min, None) => cost(inner) * u64::from(*min) + 1,
        Tree::Repeat(inner, min, Some(max)) => cost(inner) * u64::from(*max) + u64::from(max - min),
    }
}

fn sequence(tree: &Tree) -> Vec<&Tree> {
    match tree {
        Tree::All(items) => items.iter().collect(),
        Tree::Empty | Tree::End => Vec::new(),
        other => vec![other],
    }
}

/// RE2 takes common beginnings of neighbours out, and makes one class of single bytes.
fn alternatives(all: &[&[&Tree]]) -> u64 {
    let mut total = 0;
    let mut merged: Option<Class> = None;
    let mut at = 0;
    while at < all.len() {
        let Some(first) = all[at].first() else {
            total += merged.take().map_or(0, |class| ranges(&class)) + 1;
            at += 1;
            continue;
        };
        let same = all[at..].iter().take_while(|other| other.first() == Some(first)).count();
        if same > 1 {
            total += merged.take().map_or(0, |class| ranges(&class));
            let rests: Vec<&[&Tree]> = all[at..at + same].iter().map(|one| &one[1..]).collect();
            total += cost(first) + alternatives(&rests);
        } else if let (1, Tree::One(class)) = (all[at].len(), first) {
            match &mut merged {
                Some(merged) => add(merged, class),
                None => merged = Some((**class).clone()),
            }
        } else {
            total += merged.take().map_or(0, |class| ranges(&class));
            total += all[at].iter().map(|tree| cost(tree)).sum::<u64>();
        }
        at += same;
    }
    total + merged.map_or(0, |class| ranges(&class))
}

/// Nested counts multiply, and RE2 limits the product.
fn repetitions(tree: &Tree, outer: u32) -> Result<(), String> {
    match tree {
        Tree::Empty | Tree::Start | Tree::End | Tree::Word(_) | Tree::One(_) => Ok(()),
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

    /// Sizes as Envoy's own error messages give them.
    #[test]
    fn a_brace_that_is_not_closed_has_no_shorter_form() {
        for open in ["a{2,5", "{", "x{9", "(a{2,9}){1,"] {
            shorter(open);
        }
        assert_eq!(shorter("a{2,5"), None);
    }

    #[test]
    fn sizes_are_those_of_re2() {
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
        ] {
            assert_eq!(program_size(expression), Ok(size), "{expression}");
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
        ] {
            assert!(program_size(expression).is_err(), "{expression}");
        }
    }
}
