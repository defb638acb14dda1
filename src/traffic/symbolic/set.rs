//! Sets of small numbers: the atoms of a dimension.

/// A set of numbers below a bound that all sets of one dimension share.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Set {
    words: Vec<u64>,
}

impl Set {
    /// The empty set of numbers below `bound`.
    pub fn none(bound: usize) -> Self {
        Self { words: vec![0; bound.div_ceil(64)] }
    }

    /// All numbers below `bound`.
    pub fn all(bound: usize) -> Self {
        let mut set = Self::none(bound);
        for at in 0..bound {
            set.insert(at);
        }
        set
    }

    /// Puts a number in.
    pub fn insert(&mut self, at: usize) {
        self.words[at / 64] |= 1 << (at % 64);
    }

    /// Takes a number out.
    pub fn remove(&mut self, at: usize) {
        self.words[at / 64] &= !(1 << (at % 64));
    }

    /// Whether the number is in it.
    pub fn has(&self, at: usize) -> bool {
        self.words[at / 64] >> (at % 64) & 1 == 1
    }

    /// Puts in what is in the other set.
    pub fn add(&mut self, other: &Self) {
        for (word, more) in self.words.iter_mut().zip(&other.words) {
            *word |= more;
        }
    }

    /// Keeps what is in the other set too.
    pub fn keep(&mut self, other: &Self) {
        for (word, more) in self.words.iter_mut().zip(&other.words) {
            *word &= more;
        }
    }

    /// Takes out what is in the other set.
    pub fn drop(&mut self, other: &Self) {
        for (word, less) in self.words.iter_mut().zip(&other.words) {
            *word &= !less;
        }
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    /// Whether the two have a number in common.
    pub fn meets(&self, other: &Self) -> bool {
        self.words.iter().zip(&other.words).any(|(a, b)| a & b != 0)
    }

    /// Whether all of it is in the other.
    pub fn within(&self, other: &Self) -> bool {
        self.words.iter().zip(&other.words).all(|(a, b)| a & !b == 0)
    }

    /// The numbers, in order.
    pub fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.words.iter().enumerate().flat_map(|(at, word)| {
            let mut rest = *word;
            std::iter::from_fn(move || {
                let bit = (rest != 0).then(|| rest.trailing_zeros() as usize)?;
                rest &= rest - 1;
                Some(at * 64 + bit)
            })
        })
    }

    /// The lowest number.
    pub fn first(&self) -> Option<usize> {
        self.iter().next()
    }
}

#[cfg(test)]
mod tests {
    use super::Set;

    #[test]
    fn sets_are_sets() {
        let mut even = Set::none(130);
        for at in (0..130).step_by(2) {
            even.insert(at);
        }
        let all = Set::all(130);
        assert!(even.within(&all) && !all.within(&even) && even.meets(&all));
        let mut odd = all;
        odd.drop(&even);
        assert!(!odd.meets(&even) && odd.first() == Some(1) && odd.iter().count() == 65);
        odd.keep(&even);
        assert!(odd.is_empty());
    }
}
