//! The catalogue of checks: its codes are real, and its numbers are true.

use crate::support::root;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

/// The ways in which meshctl answers a row that names no code.
const WORDS: [&str; 4] = ["done: ", "by construction: ", "inexpressible: ", "not yet: "];

#[test]
fn the_catalogue_says_what_there_is() {
    let text = fs::read_to_string(root().join("tests/cases/catalogue.md")).unwrap();
    let codes = fs::read_to_string(root().join("tests/cases/codes.txt")).unwrap();
    let known: BTreeSet<&str> = codes.lines().map(|line| &line[..6]).collect();
    let mut count: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    let mut ids = BTreeSet::new();
    for line in text.lines().filter(|line| line.starts_with("| ")).skip(2) {
        let line = line.replace("\\|", "/");
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [id, wrong, new, answer] = cells.as_slice() else { panic!("four cells: {line}") };
        assert!(ids.insert((*id).to_owned()), "{id} is there twice");
        assert!(!wrong.is_empty() && ["", "new"].contains(new), "{line}");
        let word = WORDS.iter().find(|word| answer.starts_with(**word));
        if word.is_none() {
            for code in answer.split(", ") {
                assert!(known.contains(code), "{code} is no code: {line}");
            }
        }
        let slot =
            count.entry(word.map_or("code", |word| word.trim_end_matches(": "))).or_default();
        slot.0 += 1;
        slot.1 += usize::from(*new == "new");
    }
    assert_eq!(ids.len(), 256);
    let all = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for (word, (total, new)) in &count {
        let said = format!("({total}, of them {new} new)");
        assert!(all.contains(&said), "{word}: the text does not say {said}");
    }
    let cared = ["code", "done", "by construction"].map(|word| count[word]);
    let (total, new) = cared.iter().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    let news: usize = count.values().map(|(_, new)| new).sum();
    assert!(all.contains(&format!("So {total} of 256")), "{total}");
    assert!(all.contains(&format!("{new} of the {news} new ones")), "{new} of {news}");
}
