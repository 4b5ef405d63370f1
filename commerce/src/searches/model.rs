//! Records and values.

use crate::scope::{Key, Table, View};
use crate::time::{DAY_MS, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Terms that one day keeps.
pub const TERMS_A_DAY_MAX: usize = 100;
/// How long counts are kept.
pub const DAYS_KEPT: u32 = 30;

/// What somebody typed into the search field: lower case, single spaces, no end of its own making.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Term(String);

impl Term {
    pub const CHARS_MAX: usize = 60;
    const WORDS_MAX: usize = 6;
    /// More digits are a number of a telephone, a card or an order.
    const DIGITS_MAX: usize = 4;

    /// `None`: nothing was typed, or it may be about a person, such as an address or a telephone number.
    pub fn parse(text: &str) -> Option<Term> {
        let words: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
        let term = words.join(" ");
        let digits = term.chars().filter(|c| c.is_numeric()).count();
        let is_ours = !term.is_empty()
            && words.len() <= Term::WORDS_MAX
            && term.chars().count() <= Term::CHARS_MAX
            && digits <= Term::DIGITS_MAX
            && !term.contains('@')
            && !term.contains(char::is_control);
        is_ours.then_some(Term(term))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Key for Term {
    fn push(&self, out: &mut Vec<u8>) {
        self.0.push(out);
    }
}

/// A day of the calendar in UTC, counted from the first of 1970.
pub type Day = u32;

pub fn day_of(at: Timestamp) -> Day {
    Day::try_from(at.as_millis().div_euclid(DAY_MS)).unwrap_or_default()
}

/// How often a term found nothing on one day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missed {
    pub term: Term,
    pub times: u32,
}
gearify_storage::first_version!(Missed);

pub(super) const MISSED: Table<(Day, Term), Missed> = Table::new(78);

/// Terms of the last `days` days, today among them, with how often they found nothing; the most frequent first.
pub fn missed(view: &(impl View + ?Sized), now: Timestamp, days: u32) -> Vec<Missed> {
    let today = day_of(now);
    let mut times: BTreeMap<Term, u32> = BTreeMap::new();
    for day in (today + 1).saturating_sub(days)..=today {
        for missed in MISSED.list(view, &day, TERMS_A_DAY_MAX) {
            let sum = times.entry(missed.term).or_default();
            *sum = sum.saturating_add(missed.times);
        }
    }
    let mut terms: Vec<Missed> = times.into_iter().map(|(term, times)| Missed { term, times }).collect();
    terms.sort_by(|a, b| b.times.cmp(&a.times).then_with(|| a.term.cmp(&b.term)));
    terms
}
