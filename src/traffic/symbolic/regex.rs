//! What can be said of expressions as trees: what is left of one after a text, which texts are
//! numbers of a range.

use crate::traffic::re2;
use regex_syntax::hir::{Class, Hir, HirKind, Literal, Look, Repetition};

/// The tree of an expression of ours.
pub(super) fn own(expression: &str) -> Hir {
    re2::hir(expression).expect("invariant: our own expressions are read")
}

/// The tree of exactly this text.
pub(super) fn literal(text: &str) -> Hir {
    Hir::literal(text.as_bytes())
}

/// The tree of any text.
pub(super) fn anything() -> Hir {
    let byte = Hir::dot(regex_syntax::hir::Dot::AnyByte);
    Hir::repetition(Repetition { min: 0, max: None, greedy: true, sub: Box::new(byte) })
}

/// The tree for the whole of a text and nothing beside.
pub(super) fn whole(tree: Hir) -> Hir {
    Hir::concat(vec![Hir::look(Look::Start), tree, Hir::look(Look::End)])
}

/// What may follow `text` so that the whole is matched by the tree. `None`: the tree asks for
/// places (`^`, `\b`) in its middle.
pub(super) fn after(tree: &Hir, text: &str) -> Option<Hir> {
    if text.is_empty() {
        return Some(tree.clone());
    }
    let mut rest = bare(tree);
    if !rest.properties().look_set().is_empty() {
        return None;
    }
    for byte in text.bytes() {
        rest = derive(&rest, byte);
    }
    Some(rest)
}

/// The tree without the anchors at its ends, which say nothing where the whole is matched.
fn bare(tree: &Hir) -> Hir {
    match tree.kind() {
        HirKind::Concat(items) => {
            let start = items.first().is_some_and(|i| *i.kind() == HirKind::Look(Look::Start));
            let end = items.last().is_some_and(|i| *i.kind() == HirKind::Look(Look::End));
            let to = items.len() - usize::from(end);
            Hir::concat(items[usize::from(start)..to].to_vec())
        }
        _ => tree.clone(),
    }
}

/// Brzozowski's derivative: what may follow a byte.
fn derive(tree: &Hir, byte: u8) -> Hir {
    match tree.kind() {
        HirKind::Empty | HirKind::Look(_) => Hir::fail(),
        HirKind::Literal(Literal(bytes)) => match bytes.split_first() {
            Some((first, rest)) if *first == byte => Hir::literal(rest.to_vec()),
            _ => Hir::fail(),
        },
        HirKind::Class(class) => {
            let in_it = match class {
                Class::Bytes(class) => class.iter().any(|r| (r.start()..=r.end()).contains(&byte)),
                Class::Unicode(class) => {
                    let c = char::from(byte);
                    class.iter().any(|r| (r.start()..=r.end()).contains(&c))
                }
            };
            if in_it { Hir::empty() } else { Hir::fail() }
        }
        HirKind::Repetition(repetition) => {
            let max = match repetition.max {
                Some(0) => return Hir::fail(),
                Some(max) => Some(max - 1),
                None => None,
            };
            let rest = Repetition {
                min: repetition.min.saturating_sub(1),
                max,
                greedy: true,
                sub: repetition.sub.clone(),
            };
            Hir::concat(vec![derive(&repetition.sub, byte), Hir::repetition(rest)])
        }
        HirKind::Capture(capture) => derive(&capture.sub, byte),
        HirKind::Concat(items) => {
            let mut all = Vec::new();
            for (at, item) in items.iter().enumerate() {
                let mut sequence = vec![derive(item, byte)];
                sequence.extend_from_slice(&items[at + 1..]);
                all.push(Hir::concat(sequence));
                if !may_be_empty(item) {
                    break;
                }
            }
            Hir::alternation(all)
        }
        HirKind::Alternation(items) => {
            Hir::alternation(items.iter().map(|item| derive(item, byte)).collect())
        }
    }
}

/// Whether the tree matches the empty text. (The least length that a tree knows of itself is none
/// where one of its alternatives matches nothing at all.)
fn may_be_empty(tree: &Hir) -> bool {
    match tree.kind() {
        HirKind::Empty => true,
        HirKind::Literal(_) | HirKind::Class(_) | HirKind::Look(_) => false,
        HirKind::Repetition(repetition) => repetition.min == 0 || may_be_empty(&repetition.sub),
        HirKind::Capture(capture) => may_be_empty(&capture.sub),
        HirKind::Concat(items) => items.iter().all(may_be_empty),
        HirKind::Alternation(items) => items.iter().any(may_be_empty),
    }
}

/// The texts of whole numbers from `start` to below `end`, as Envoy reads them: any number of
/// leading zeros, and a sign.
pub(super) fn range(start: i64, end: i64) -> Hir {
    let mut all: Vec<String> = Vec::new();
    if start < end {
        let (first, last) = (i128::from(start), i128::from(end) - 1);
        if last >= 0 {
            let numbers = digits(first.max(0) as u128, last as u128).join("|");
            all.push(format!("[+]?0*(?:{numbers})"));
        }
        if first <= 0 {
            // Zero may have a minus, too.
            let from = if last >= 0 { 0 } else { (-last) as u128 };
            let numbers = digits(from, (-first) as u128).join("|");
            all.push(format!("-0*(?:{numbers})"));
        }
    }
    if all.is_empty() {
        return Hir::fail();
    }
    own(&all.join("|"))
}

/// Expressions for the decimal texts, without leading zeros, of the numbers from `from` to `to`.
fn digits(from: u128, to: u128) -> Vec<String> {
    let mut all = Vec::new();
    let mut start = from;
    while start <= to {
        // The longest run `prefix` and any `free` digits that starts here and ends in the range.
        let mut free = 0;
        let mut size = 1;
        while start.is_multiple_of(size * 10) && start + size * 10 - 1 <= to && start != 0 {
            size *= 10;
            free += 1;
        }
        // At the lowest place several digits make one class.
        let place = start / size;
        let mut last = place;
        while last % 10 < 9 && (last + 1) * size + size - 1 <= to {
            last += 1;
        }
        let head = place / 10;
        let head = if head == 0 { String::new() } else { head.to_string() };
        let class = format!("[{}-{}]", place % 10, last % 10);
        let tail = if free == 0 { String::new() } else { format!("[0-9]{{{free}}}") };
        all.push(format!("{head}{class}{tail}"));
        start = (last + 1) * size;
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use regex_automata::meta::Regex;

    fn matches(tree: &Hir, text: &str) -> bool {
        Regex::builder().build_from_hir(&whole(tree.clone())).unwrap().is_match(text)
    }

    #[test]
    fn ranges_hold_their_numbers_and_no_other() {
        for (start, end) in
            [(0, 1), (5, 10), (-5, 10), (98, 1234), (-1234, -98), (0, 100), (-3, 1), (7, 7), (9, 3)]
        {
            let tree = range(start, end);
            for number in -1300..1300_i64 {
                let within = (start..end).contains(&number);
                assert_eq!(matches(&tree, &number.to_string()), within, "{start}..{end}: {number}");
            }
            let zero = (start..end).contains(&0);
            for text in ["-0", "+0", "000"] {
                assert_eq!(matches(&tree, text), zero, "{start}..{end}: {text}");
            }
            assert!(!matches(&tree, "") && !matches(&tree, "x"));
        }
        assert!(matches(&range(i64::MIN, i64::MAX), "-9223372036854775808"));
        assert!(!matches(&range(i64::MIN, i64::MAX), "9223372036854775807"));
    }

    #[test]
    fn what_follows_a_start_is_what_makes_the_whole_match() {
        // Every split of every short text of two letters, of expressions that nest everything.
        let parts = ["a", "(a|b)", "(ab|ba)", "(a|bb)*", "(a|)", "b?", "(ab){1,2}"];
        let mut texts = vec![String::new()];
        for at in 0..15 {
            let text = texts[at].clone();
            texts.extend(["a", "b"].map(|more| format!("{text}{more}")));
        }
        let built = |tree: Hir| Regex::builder().build_from_hir(&whole(tree)).unwrap();
        for (one, two) in parts.iter().flat_map(|one| parts.iter().map(move |two| (one, two))) {
            for expression in [format!("{one}{two}"), format!("({one}|{two})b")] {
                let tree = own(&expression);
                let all = built(tree.clone());
                for start in &texts {
                    let rest = built(after(&tree, start).unwrap());
                    for end in &texts {
                        let is = all.is_match(&format!("{start}{end}"));
                        assert_eq!(rest.is_match(end), is, "{expression}: {start} {end}");
                    }
                }
            }
        }
    }

    #[test]
    fn what_follows_a_text_is_what_the_expression_leaves() {
        let tree = own("^/(v2/)?items/[0-9]+$");
        let rest = after(&tree, "/v2/").unwrap();
        assert!(matches(&rest, "items/7") && !matches(&rest, "v2/items/7"));
        let rest = after(&tree, "/").unwrap();
        assert!(matches(&rest, "items/7") && matches(&rest, "v2/items/7"));
        let rest = after(&own("(ab){2,3}c*"), "aba").unwrap();
        assert!(matches(&rest, "b") && matches(&rest, "babcc") && !matches(&rest, "bab b"));
        assert!(!matches(&after(&tree, "/x").unwrap(), "items/7"));
        // Of two alternatives one has failed when the other ends.
        let rest = after(&own("/(api|new)/[^/]+/?"), "/new/").unwrap();
        assert!(matches(&rest, "v1") && matches(&rest, "v1/") && !matches(&rest, "/v1"));
        assert!(after(&own("/a\\bc"), "/").is_none());
    }
}
