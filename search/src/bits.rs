//! Sets of product numbers.
//!
//! [`Bits`] is a plain bitmap and the currency of a query: every filter is one, selections are
//! ANDs, counts are popcounts. [`Numbers`] is what a facet value keeps: a bitmap where it is
//! frequent, a sorted list where that is smaller, so that a thousand rare brands cost little.
//! [`Mask`] is a bitmap prepared for many counts: if few of its words are set it knows which.

/// A set of numbers below `len`. Bits at and above `len` are always clear.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bits {
    len: usize,
    words: Vec<u64>,
}

impl Bits {
    pub fn new(len: usize) -> Bits {
        Bits { len, words: vec![0; len.div_ceil(64)] }
    }

    /// The first `len` bits of `words`; words that are missing count as empty.
    pub fn from_words(len: usize, words: impl Iterator<Item = u64>) -> Bits {
        let mut bits = Bits::new(len);
        for (word, given) in bits.words.iter_mut().zip(words) {
            *word = given;
        }
        bits.clear_tail();
        bits
    }

    pub fn len(&self) -> usize {
        self.len
    }

    pub fn word_count(&self) -> usize {
        self.words.len()
    }

    pub fn contains(&self, number: u32) -> bool {
        let index = number as usize;
        self.words.get(index / 64).is_some_and(|word| word >> (index % 64) & 1 == 1)
    }

    /// `number` must be below `len`.
    pub fn insert(&mut self, number: u32) {
        self.words[number as usize / 64] |= 1 << (number % 64);
    }

    pub fn grow(&mut self, len: usize) {
        if len > self.len {
            self.len = len;
            self.words.resize(len.div_ceil(64), 0);
        }
    }

    pub fn intersect(&mut self, other: &Bits) {
        for (index, word) in self.words.iter_mut().enumerate() {
            *word &= other.words.get(index).copied().unwrap_or(0);
        }
    }

    pub fn subtract(&mut self, other: &Bits) {
        for (word, taken) in self.words.iter_mut().zip(&other.words) {
            *word &= !taken;
        }
    }

    pub fn count(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    pub fn intersection_count(&self, other: &Bits) -> usize {
        self.words.iter().zip(&other.words).map(|(a, b)| (a & b).count_ones() as usize).sum()
    }

    /// Ascending.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.words.iter().enumerate().flat_map(|(index, &word)| ones(index, word))
    }

    fn clear_tail(&mut self) {
        let used = self.len % 64;
        if used != 0
            && let Some(last) = self.words.last_mut()
        {
            *last &= (1 << used) - 1;
        }
    }
}

fn ones(index: usize, mut word: u64) -> impl Iterator<Item = u32> {
    std::iter::from_fn(move || {
        if word == 0 {
            return None;
        }
        let bit = word.trailing_zeros();
        word &= word - 1;
        // A bitmap has at most NUMBER_MAX + 1 bits, so this fits.
        Some((index * 64) as u32 + bit)
    })
}

/// The products that carry one facet value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Numbers {
    /// Ascending, without doubles.
    Few(Vec<u32>),
    Many(Bits),
}

impl Numbers {
    pub fn empty() -> Numbers {
        Numbers::Few(Vec::new())
    }

    /// The same set without `removed` and with `added` (ascending), in the smaller of the two
    /// forms for numbers below `len`.
    pub fn changed(&self, removed: &Bits, added: &[u32], len: usize) -> Numbers {
        match self {
            Numbers::Few(numbers) => {
                let mut kept: Vec<u32> =
                    numbers.iter().copied().filter(|number| !removed.contains(*number)).collect();
                kept.extend_from_slice(added);
                kept.sort_unstable();
                kept.dedup();
                Numbers::of_list(kept, len)
            }
            Numbers::Many(bits) => {
                let mut bits = bits.clone();
                bits.grow(len);
                bits.subtract(removed);
                for &number in added {
                    bits.insert(number);
                }
                if bits.count() * 2 < bits.word_count() {
                    return Numbers::Few(bits.iter().collect());
                }
                Numbers::Many(bits)
            }
        }
    }

    fn of_list(numbers: Vec<u32>, len: usize) -> Numbers {
        if numbers.len() <= len.div_ceil(64) {
            return Numbers::Few(numbers);
        }
        let mut bits = Bits::new(len);
        for number in numbers {
            bits.insert(number);
        }
        Numbers::Many(bits)
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn len(&self) -> usize {
        match self {
            Numbers::Few(numbers) => numbers.len(),
            Numbers::Many(bits) => bits.count(),
        }
    }

    /// Whether any of `others` is in the set.
    pub fn touches(&self, others: &Bits) -> bool {
        match self {
            Numbers::Few(numbers) => numbers.iter().any(|number| others.contains(*number)),
            Numbers::Many(bits) => bits.intersection_count(others) > 0,
        }
    }

    pub fn add_to(&self, union: &mut Bits) {
        match self {
            Numbers::Few(numbers) => {
                for &number in numbers {
                    union.insert(number);
                }
            }
            Numbers::Many(bits) => {
                for (word, added) in union.words.iter_mut().zip(&bits.words) {
                    *word |= added;
                }
            }
        }
    }
}

/// A set to count under, again and again.
pub struct Mask<'a> {
    bits: &'a Bits,
    /// The set words with their places, if they are few.
    scattered: Option<Vec<(u32, u64)>>,
}

impl<'a> Mask<'a> {
    pub fn new(bits: &'a Bits) -> Mask<'a> {
        let set = bits.words.iter().filter(|word| **word != 0).count();
        let scattered = (set * 4 < bits.words.len()).then(|| {
            let words = bits.words.iter().enumerate().filter(|(_, word)| **word != 0);
            words.map(|(index, word)| (index as u32, *word)).collect()
        });
        Mask { bits, scattered }
    }

    pub fn bits(&self) -> &Bits {
        self.bits
    }

    pub fn count(&self, numbers: &Numbers) -> usize {
        match (numbers, &self.scattered) {
            (Numbers::Few(numbers), _) => {
                numbers.iter().filter(|number| self.bits.contains(**number)).count()
            }
            (Numbers::Many(bits), Some(words)) => words
                .iter()
                .map(|(index, word)| {
                    (bits.words.get(*index as usize).unwrap_or(&0) & word).count_ones() as usize
                })
                .sum(),
            (Numbers::Many(bits), None) => self.bits.intersection_count(bits),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::{btree_set, vec};
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    use super::*;

    fn bits(len: usize, numbers: &BTreeSet<u32>) -> Bits {
        let mut bits = Bits::new(len);
        numbers.iter().for_each(|number| bits.insert(*number));
        bits
    }

    proptest! {
        #[test]
        fn a_facet_value_counts_like_a_set(
            first in vec(0..700u32, 0..500),
            removed in btree_set(0..700u32, 0..300),
            added in btree_set(0..900u32, 0..500),
            mask in btree_set(0..900u32, 0..400),
        ) {
            let first: BTreeSet<u32> = first.into_iter().collect();
            let list: Vec<u32> = first.iter().copied().collect();
            let numbers = Numbers::empty().changed(&Bits::new(0), &list, 700);
            let added_list: Vec<u32> = added.iter().copied().collect();
            let numbers = numbers.changed(&bits(900, &removed), &added_list, 900);

            let expected: BTreeSet<u32> = first.difference(&removed).chain(&added).copied().collect();
            let mask_bits = bits(900, &mask);
            prop_assert_eq!(
                Mask::new(&mask_bits).count(&numbers),
                expected.intersection(&mask).count()
            );
            let mut union = Bits::new(900);
            numbers.add_to(&mut union);
            prop_assert_eq!(union.iter().collect::<BTreeSet<u32>>(), expected);
        }
    }

    #[test]
    fn words_beyond_the_length_are_cut_off() {
        let bits = Bits::from_words(70, [u64::MAX, u64::MAX, u64::MAX].into_iter());
        assert_eq!(bits.count(), 70);
        assert!(bits.contains(69) && !bits.contains(70));
    }
}
