//! How many instructions RE2's program of an expression has at most.
//!
//! RE2 compiles a tree to instructions and flattens them into lists: a list is what can be reached
//! without taking a byte. Its size is the instructions that do something (runs of bytes, ends of
//! groups, places), and the jumps from one list to the start of another. A jump stands where a path
//! that takes nothing leads to an instruction that is reached from elsewhere, too: the start of a
//! loop, what follows a choice.

use super::{Class, Tree, add};

/// What every program has: its end, a failure, and what finds the beginning of a match.
const OVERHEAD: u64 = 4;

/// The most instructions of an expression's program.
pub(super) fn most(tree: &Tree) -> u64 {
    OVERHEAD + size(tree, Context { entered: true, joined: true })
}

/// What stands around a tree.
#[derive(Clone, Copy)]
struct Context {
    /// It may be entered on a path that takes nothing.
    entered: bool,
    /// What follows it may be reached from elsewhere, too.
    joined: bool,
}

const INNER: Context = Context { entered: true, joined: true };

fn size(tree: &Tree, at: Context) -> u64 {
    match tree {
        Tree::Start | Tree::End | Tree::LineStart | Tree::LineEnd | Tree::Word(_) => 1,
        // No byte at all is an instruction that fails; any byte is not always one run.
        Tree::One(class) => ranges(class).max(1) + u64::from(!class.0.contains(&false)),
        Tree::All(items) => sequence(items, at),
        Tree::Group(inner) => 2 + size(inner, Context { entered: false, joined: false }),
        Tree::Either(items) => {
            let all: Vec<Vec<&Tree>> = items.iter().map(pieces).collect();
            let all: Vec<&[&Tree]> = all.iter().map(Vec::as_slice).collect();
            alternatives(&all)
        }
        Tree::Repeat(_, _, Some(0)) => 1,
        Tree::Repeat(inner, 0, None) => {
            // RE2 makes `(x+)?` of `x*` where `x` takes nothing, too.
            let nullable = if takes_nothing(inner) { 4 } else { 0 };
            size(inner, INNER) + u64::from(at.entered) + u64::from(at.joined) + nullable
        }
        Tree::Repeat(inner, min, None) => {
            let copies = size(inner, INNER) * u64::from(*min);
            let nullable = if takes_nothing(inner) { 2 } else { 0 };
            copies + 1 + u64::from(at.entered) + u64::from(at.joined) + nullable
        }
        Tree::Repeat(inner, min, Some(max)) => {
            size(inner, INNER) * u64::from(*max) + u64::from(max - min)
        }
    }
}

fn sequence(items: &[Tree], at: Context) -> u64 {
    if items.is_empty() {
        return 1;
    }
    let each = items.iter().enumerate().map(|(number, item)| {
        let before = number.checked_sub(1).map(|before| &items[before]);
        let rest = &items[number + 1..];
        let context = Context {
            entered: before.map_or(at.entered, loose),
            joined: if rest.is_empty() { at.joined } else { starts_loop(rest) },
        };
        size(item, context)
    });
    each.sum()
}

/// Whether a tree may be left on a path that takes nothing since its last instruction.
fn loose(tree: &Tree) -> bool {
    match tree {
        Tree::Start | Tree::End | Tree::LineStart | Tree::LineEnd | Tree::Word(_) => false,
        Tree::One(_) | Tree::Group(_) => false,
        Tree::All(items) => items.last().is_none_or(loose),
        Tree::Either(items) => items.iter().any(loose),
        Tree::Repeat(inner, min, max) => *max != Some(*min) || *min == 0 || loose(inner),
    }
}

/// Whether a sequence may start with a loop, or is left by a path that takes nothing.
fn starts_loop(items: &[Tree]) -> bool {
    let Some((first, rest)) = items.split_first() else { return true };
    let own = match first {
        Tree::Start | Tree::End | Tree::LineStart | Tree::LineEnd | Tree::Word(_) => false,
        Tree::One(_) | Tree::Group(_) => false,
        Tree::All(items) => starts_loop(items),
        Tree::Either(items) => items.iter().any(|item| starts_loop(std::slice::from_ref(item))),
        Tree::Repeat(_, 0 | 1, None) => true,
        Tree::Repeat(inner, ..) => starts_loop(std::slice::from_ref(inner)),
    };
    own || (takes_nothing(first) && starts_loop(rest))
}

/// Whether a tree may match without a byte.
fn takes_nothing(tree: &Tree) -> bool {
    match tree {
        Tree::Start | Tree::End | Tree::LineStart | Tree::LineEnd | Tree::Word(_) => true,
        Tree::One(_) => false,
        Tree::Group(inner) => takes_nothing(inner),
        Tree::All(items) => items.iter().all(takes_nothing),
        Tree::Either(items) => items.iter().any(takes_nothing),
        Tree::Repeat(inner, min, _) => *min == 0 || takes_nothing(inner),
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

fn pieces(tree: &Tree) -> Vec<&Tree> {
    match tree {
        Tree::All(items) => items.iter().collect(),
        other => vec![other],
    }
}

/// RE2 takes common beginnings of neighbours out, and makes one class of single bytes; not of those
/// that take any byte.
fn alternatives(all: &[&[&Tree]]) -> u64 {
    let single = |tree: &Tree| matches!(tree, Tree::One(class) if class.0.contains(&false));
    let mut total = 0;
    let mut merged: Option<Class> = None;
    let mut at = 0;
    while at < all.len() {
        let Some(first) = all[at].first() else {
            total += merged.take().map_or(0, |class| ranges(&class)) + 1;
            at += 1;
            continue;
        };
        let alike = all[at..].iter().take_while(|other| other.first() == Some(first)).count();
        let same = if single(first) { alike } else { 1 };
        if same > 1 {
            total += merged.take().map_or(0, |class| ranges(&class));
            let rests: Vec<&[&Tree]> = all[at..at + same].iter().map(|one| &one[1..]).collect();
            total += size(first, INNER) + alternatives(&rests);
        } else if let (1, Tree::One(class), true) = (all[at].len(), first, single(first)) {
            match &mut merged {
                Some(merged) => add(merged, class),
                None => merged = Some((**class).clone()),
            }
        } else {
            total += merged.take().map_or(0, |class| ranges(&class));
            let items: Vec<Tree> = all[at].iter().map(|item| (*item).clone()).collect();
            total += sequence(&items, INNER);
        }
        at += same;
    }
    total + merged.map_or(0, |class| ranges(&class))
}
