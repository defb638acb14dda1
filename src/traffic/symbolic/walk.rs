//! Which rows of ordered tables take requests, by one walk over the kinds of requests.
//!
//! The walk cuts one part after the other, and in each piece goes on with the rows that are still
//! in question; the first row without an open condition decides. Pieces that leave the same rows
//! with the same open conditions lead to the same results, because parts are independent, so each
//! is walked once.

use super::set::Set;
use super::space::{Example, Region, Space};
use std::collections::{BTreeMap, BTreeSet};

/// What takes a request in a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Taker {
    /// The row.
    Row(usize),
    /// No row.
    Nothing,
}

/// A combination of takers that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// A request that shows it.
    pub example: Example,
    /// Whether that is not decided: it hangs on conditions that could not be looked into, and the
    /// request shows the rest only.
    pub assumed: bool,
}

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct Takers {
    /// What takes requests, one entry a table. What is not here does not happen, unless
    /// `cut_short`.
    pub found: BTreeMap<Vec<Taker>, Shown>,
    /// Whether the walk was given up, so that more may be there.
    pub cut_short: bool,
    /// The steps that it took.
    pub work: usize,
}

/// Most steps of a walk.
pub const WORK_MAX: usize = 4_000_000;

/// A row in question.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Open {
    row: usize,
    /// The dimensions that are still to be looked at.
    rest: Vec<u16>,
}

/// Finds every combination of takers that some request within a region has.
pub fn takers(space: &Space, tables: &[&[Region]], within: Option<&Region>) -> Takers {
    let mut start = Vec::new();
    for table in tables {
        let rows = table.iter().enumerate().filter(|(_, region)| !region.is_empty());
        let open = rows.map(|(row, region)| Open {
            row,
            rest: region.bounds.iter().map(|bound| bound.dimension as u16).collect(),
        });
        start.push(open.collect());
    }
    let mut walk =
        Walk { space, tables, within, known: BTreeSet::new(), takers: Takers::default() };
    let mut point = vec![None; space.dimensions.len()];
    if let Some(region) = within {
        for bound in &region.bounds {
            let Some(first) = bound.set.first() else { return walk.takers };
            point[bound.dimension] = Some(first);
        }
    }
    let assumed = within.is_some_and(|region| !region.is_exact());
    walk.go(&mut point, start, assumed);
    walk.takers
}

struct Walk<'a> {
    space: &'a Space,
    tables: &'a [&'a [Region]],
    within: Option<&'a Region>,
    known: BTreeSet<(bool, Vec<Vec<Open>>)>,
    takers: Takers,
}

impl Walk<'_> {
    fn go(&mut self, point: &mut Vec<Option<usize>>, mut open: Vec<Vec<Open>>, assumed: bool) {
        self.takers.work += 1 + open.iter().map(Vec::len).sum::<usize>();
        if self.takers.work > WORK_MAX {
            self.takers.cut_short = true;
            return;
        }
        let mut decided = Vec::new();
        let mut next = None;
        for rows in &mut open {
            // Nothing comes behind a row that takes all.
            if let Some(last) = rows.iter().position(|open| open.rest.is_empty()) {
                rows.truncate(last + 1);
            }
            match rows.first() {
                None => decided.push(Taker::Nothing),
                Some(Open { row, rest }) => match rest.first() {
                    None => decided.push(Taker::Row(*row)),
                    Some(dimension) => {
                        next.get_or_insert(usize::from(*dimension));
                    }
                },
            }
        }
        let Some(dimension) = next else {
            let shown = Shown { example: self.space.spell(point), assumed };
            let known = self.takers.found.entry(decided).or_insert_with(|| shown.clone());
            if known.assumed && !assumed {
                *known = shown;
            }
            return;
        };
        let key = (assumed, open);
        if self.known.contains(&key) {
            return;
        }
        let (_, open) = &key;
        let assumed = assumed || self.space.dimensions[dimension].is_assumed();
        let before = point[dimension];
        for (pieces, atom) in self.pieces(dimension, open) {
            let next = narrowed(open, &pieces, dimension);
            point[dimension] = Some(atom);
            self.go(point, next, assumed);
            if self.takers.cut_short {
                break;
            }
        }
        point[dimension] = before;
        self.known.insert(key);
    }

    /// The atoms of a dimension by the rows whose conditions they may meet: for each such list of
    /// rows (table, place) the first atom.
    fn pieces(&mut self, dimension: usize, open: &[Vec<Open>]) -> Vec<(Piece, usize)> {
        let size = self.space.dimensions[dimension].size();
        let inside = self.within.and_then(|region| region.bound(dimension));
        let inside = inside.map_or_else(|| Set::all(size), |bound| (*bound.set).clone());
        let mut lists: Vec<Piece> = vec![Vec::new(); size];
        for (table, rows) in open.iter().enumerate() {
            // Atoms that a row surely takes concern no later row.
            let mut left = inside.clone();
            for (at, row) in rows.iter().enumerate() {
                if !row.rest.contains(&(dimension as u16)) {
                    continue;
                }
                let region = &self.tables[table][row.row];
                let Some(bound) = region.bound(dimension) else { continue };
                let mut mine = left.clone();
                mine.keep(&bound.set);
                for atom in mine.iter() {
                    self.takers.work += 1;
                    lists[atom].push((table, at));
                }
                if row.rest.len() == 1 {
                    left.drop(&bound.set);
                }
            }
        }
        let mut pieces: BTreeMap<Piece, usize> = BTreeMap::new();
        for atom in inside.iter() {
            pieces.entry(std::mem::take(&mut lists[atom])).or_insert(atom);
        }
        // The first atoms have the simplest examples.
        let mut pieces: Vec<(Piece, usize)> = pieces.into_iter().collect();
        pieces.sort_by_key(|(_, atom)| *atom);
        pieces
    }
}

/// Rows whose condition on a dimension is met: table, and place in its open rows.
type Piece = Vec<(usize, usize)>;

/// The rows that stay in question in a piece.
fn narrowed(open: &[Vec<Open>], piece: &Piece, dimension: usize) -> Vec<Vec<Open>> {
    let mut met = piece.iter().peekable();
    let mut all = Vec::new();
    for (table, rows) in open.iter().enumerate() {
        let mut left = Vec::new();
        for (at, row) in rows.iter().enumerate() {
            if !row.rest.contains(&(dimension as u16)) {
                left.push(row.clone());
            } else if met.next_if_eq(&&(table, at)).is_some() {
                let rest = row.rest.iter().copied().filter(|d| usize::from(*d) != dimension);
                left.push(Open { row: row.row, rest: rest.collect() });
            }
        }
        all.push(left);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::super::language::Test;
    use super::super::space::{Asks, Condition, Part};
    use super::*;

    fn rows(rows: &[&[Condition]]) -> (Space, Vec<Region>) {
        let space = Space::new(rows.iter().copied());
        let regions = rows.iter().map(|row| space.region(row)).collect();
        (space, regions)
    }

    fn prefix(text: &str) -> Condition {
        Condition::new(Part::Path, Asks::Is(Test::Prefix(text.to_owned())))
    }

    fn method(text: &str) -> Condition {
        Condition::new(Part::Method, Asks::Is(Test::Exact(text.to_owned())))
    }

    fn header(name: &str, asks: Asks) -> Condition {
        Condition::new(Part::Header(name.to_owned()), asks)
    }

    fn found(takers: &Takers) -> Vec<Taker> {
        assert!(!takers.cut_short);
        takers.found.keys().map(|key| key[0]).collect()
    }

    #[test]
    fn a_row_that_earlier_ones_cover_together_takes_nothing() {
        let is = |text: &str| Asks::Is(Test::Exact(text.to_owned()));
        let is_not = |text: &str| Asks::IsNot(Test::Exact(text.to_owned()));
        let (space, regions) = rows(&[
            &[prefix("/"), header("x", is("a"))],
            &[prefix("/"), header("x", is_not("a"))],
            &[prefix("/a"), header("x", Asks::Absent)],
            &[prefix("/ab"), method("GET")],
            &[prefix("/"), method("GET")],
        ]);
        let takers = takers(&space, &[&regions], None);
        assert_eq!(
            found(&takers),
            [Taker::Row(0), Taker::Row(1), Taker::Row(2), Taker::Row(4), Taker::Nothing]
        );
        let last = &takers.found[&vec![Taker::Row(4)]].example;
        assert_eq!((last.path.as_deref(), last.method.as_deref()), (Some("/"), Some("GET")));
        let dead = super::takers(&space, &[&regions], Some(&regions[3]));
        assert_eq!(found(&dead), [Taker::Row(0), Taker::Row(1), Taker::Row(2)]);
    }

    #[test]
    fn a_header_that_stands_twice_passes_what_any_of_its_values_passes() {
        let is = |text: &str| Asks::Is(Test::Exact(text.to_owned()));
        let is_not = |text: &str| Asks::IsNot(Test::Exact(text.to_owned()));
        let (space, regions) = rows(&[
            &[header("x", is("a")), header("x", is("b")), header("x", is_not("c"))],
            &[header("x", is("c")), header("x", is_not("c"))],
        ]);
        let takers = takers(&space, &[&regions], None);
        assert_eq!(found(&takers), [Taker::Row(0), Taker::Nothing]);
        let both = &takers.found[&vec![Taker::Row(0)]].example;
        assert_eq!(both.headers["x"], ["a", "b"]);
    }

    #[test]
    fn what_is_not_known_is_not_guessed() {
        let (space, regions) = rows(&[
            &[prefix("/a"), header("x", Asks::Unknown("x is odd".to_owned()))],
            &[prefix("/a")],
            &[prefix("/")],
        ]);
        let takers = takers(&space, &[&regions], None);
        assert_eq!(
            found(&takers),
            [Taker::Row(0), Taker::Row(1), Taker::Row(2), Taker::Nothing][..3]
        );
        let assumed: Vec<bool> = takers.found.values().map(|shown| shown.assumed).collect();
        assert_eq!(assumed, [true, true, false]);
        assert!(!regions[1].within(&regions[0]) && regions[0].within(&regions[1]));
        assert!(!regions[0].meets(&regions[1]));
    }

    #[test]
    fn many_rows_with_headers_of_their_own_are_walked_in_few_steps() {
        let all: Vec<Vec<Condition>> = (0..40)
            .map(|at| {
                let header = |n: usize| header(&format!("h{at}-{n}"), Asks::Present);
                vec![prefix("/"), header(0), header(1)]
            })
            .collect();
        let all: Vec<&[Condition]> = all.iter().map(Vec::as_slice).collect();
        let (space, regions) = rows(&all);
        let takers = takers(&space, &[&regions, &regions], None);
        assert_eq!(takers.found.len(), 41);
        assert!(takers.work < 40_000, "{}", takers.work);
    }
}
