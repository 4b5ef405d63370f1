//! A shop's synonyms: what else a word or phrase may be called.

use std::collections::BTreeMap;

use crate::analysis::words;

/// The most words of a phrase that has synonyms.
const PHRASE_WORDS_MAX: usize = 3;
/// The most alternatives of one phrase that are searched.
const ALTERNATIVES_MAX: usize = 8;

/// Built once from the shop's table and shared by its queries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Synonyms {
    /// Folded words of the phrase → folded words of each alternative.
    alternatives: BTreeMap<Vec<String>, Vec<Vec<String>>>,
}

impl Synonyms {
    /// From phrase (one to three words) to what it may be called; one way only: `"keeper gloves" →
    /// "wicketkeeping gloves"` finds the latter when the former is asked for. Longer phrases and
    /// alternatives without a word are left out.
    pub fn new(table: &BTreeMap<String, Vec<String>>) -> Synonyms {
        let mut alternatives: BTreeMap<Vec<String>, Vec<Vec<String>>> = BTreeMap::new();
        for (phrase, others) in table {
            let phrase = words(phrase);
            if phrase.is_empty() || phrase.len() > PHRASE_WORDS_MAX {
                continue;
            }
            let others = others.iter().map(|other| words(other)).filter(|other| !other.is_empty());
            let known = alternatives.entry(phrase).or_default();
            known.extend(others);
            known.truncate(ALTERNATIVES_MAX);
        }
        Synonyms { alternatives }
    }

    /// The longest phrase at the start of `words` that has alternatives: its length and they.
    pub(crate) fn at_start_of(&self, words: &[String]) -> Option<(usize, &[Vec<String>])> {
        (1..=PHRASE_WORDS_MAX.min(words.len())).rev().find_map(|length| {
            let others = self.alternatives.get(&words[..length])?;
            Some((length, others.as_slice()))
        })
    }
}
