//! One page of an answer: match, select, order, cut, count.
//!
//! The order of work: text gives a set of products with scores (only the text touches Tantivy);
//! filters narrow the set; a sort key is looked up for each product left and the best ones are
//! picked without sorting the rest; facets are counted. All orders are total: key, then number.

use std::sync::Arc;

use crate::bits::Bits;
use crate::catalog::{NameOrder, locale_chain};
use crate::columns::{Arrays, Columns};
use crate::cursor::{Cursor, Direction, Fingerprint, SortValue};
use crate::engine::View;
use crate::error::SearchError;
use crate::facets::{self, Selection};
use crate::query::{
    Answer, Hit, LIMIT_MAX, Matching, OFFSET_MAX, Query, Relation, Sort, Start, TOTAL_MAX, Total,
};
use crate::shelves::Shelves;
use crate::text::{self, Matches};

/// More than any text scores: a name that has the word does not push down a shelf whose products are
/// called otherwise. Small enough that scores keep their order beside it.
const SHELF_LEAD: f32 = 4096.0;

/// Smaller comes first. Second the product number.
type Key = (u64, u32);

/// # Errors
/// The caller's faults, and [`SearchError::Index`] if Tantivy fails.
pub fn answer(
    tenant: &str,
    view: &View,
    columns: &Columns,
    shelves: &Shelves,
    query: &Query,
) -> Result<Answer, SearchError> {
    check(query)?;
    let fingerprint = Fingerprint::of(tenant, query);
    let cursor = match &query.start {
        Start::Cursor(text) => Some(Cursor::decode(text, query.sort, &fingerprint)?),
        Start::Beginning | Start::Offset(_) => None,
    };
    let locales = locale_chain(&query.locale, &query.fallback_locales);
    let matches = match_text(tenant, view, query, &locales)?;
    let columns = columns.read();
    let base = match &matches {
        Some(matches) => product_set(view, matches),
        None => view.catalog.all().clone(),
    };
    let selection = Selection::new(view, &columns, query, base)?;
    let shown = selection.without(None);

    let order = Order::new(view, &columns, shelves, query, &locales);
    let window = Window::new(query, cursor, &order);
    let mut picker = window.picker();
    order.offer(&mut picker, &shown, matches.as_ref());
    let picked = picker.finish();

    let hit = |key: &Key| order.hit(*key, matches.is_some());
    let cursor_at = |key: Option<&Key>, direction: Direction| {
        key.map(|key| order.cursor(*key, direction).encode(&fingerprint))
    };
    let total = shown.count();
    Ok(Answer {
        hits: picked.keys.iter().filter_map(hit).collect(),
        facets: match query.facets {
            true => facets::count(view, &columns, query, &selection, &shown),
            false => Vec::new(),
        },
        total: Total {
            value: total.min(TOTAL_MAX),
            relation: if total > TOTAL_MAX { Relation::AtLeast } else { Relation::Exact },
        },
        next_cursor: cursor_at(picked.keys.last().filter(|_| picked.more_after), Direction::After),
        prev_cursor: cursor_at(picked.keys.first().filter(|_| picked.more_before), Direction::Before),
        position: view.position,
        matching: matches.map_or(Matching::Exact, |matches| matches.matching),
    })
}

fn check(query: &Query) -> Result<(), SearchError> {
    if !(1..=LIMIT_MAX).contains(&query.limit) {
        return Err(SearchError::Limit { given: query.limit, max: LIMIT_MAX });
    }
    if let Start::Offset(given) = query.start
        && given > OFFSET_MAX
    {
        return Err(SearchError::Offset { given, max: OFFSET_MAX });
    }
    if matches!(query.sort, Sort::PriceAsc | Sort::PriceDesc) && query.currency.is_none() {
        return Err(SearchError::CurrencyNeeded);
    }
    Ok(())
}

fn match_text(
    tenant: &str,
    view: &View,
    query: &Query,
    locales: &[String],
) -> Result<Option<Matches>, SearchError> {
    let Some(text) = &query.text else { return Ok(None) };
    let scored = query.sort == Sort::Relevance;
    text::find(view, text, locales, query.synonyms.as_deref(), scored)
        .map_err(|source| SearchError::Index { tenant: tenant.to_owned(), source: Box::new(source) })
}

fn product_set(view: &View, matches: &Matches) -> Bits {
    let mut set = Bits::new(view.catalog.len());
    for (number, _) in &matches.products {
        set.insert(*number);
    }
    set
}

/// How the products of one query are ordered.
struct Order<'a> {
    view: &'a View,
    columns: &'a Arrays,
    query: &'a Query,
    names: Option<Arc<NameOrder>>,
    /// Sort keys by product number, where it goes by an attribute.
    numbers: Vec<u64>,
    /// Products of the category that the text names.
    shelf: Option<Bits>,
}

impl<'a> Order<'a> {
    fn new(
        view: &'a View,
        columns: &'a Arrays,
        shelves: &Shelves,
        query: &'a Query,
        locales: &[String],
    ) -> Order<'a> {
        let names = (query.sort == Sort::Name).then(|| view.catalog.name_order(locales));
        let text = query.text.as_deref().filter(|_| query.sort == Sort::Relevance);
        let shelf = text.and_then(|text| shelves.named_by(view, text, locales));
        let numbers = number_keys(view, query);
        Order { view, columns, query, names, numbers, shelf }
    }

    fn offer(&self, picker: &mut Picker, shown: &Bits, matches: Option<&Matches>) {
        match matches {
            Some(matches) if self.query.sort == Sort::Relevance => {
                for (number, score) in matches.products.iter().filter(|(number, _)| shown.contains(*number)) {
                    picker.offer((self.score_key(*number, *score), *number));
                }
            }
            _ => self.offer_by_column(picker, shown),
        }
    }

    fn offer_by_column(&self, picker: &mut Picker, shown: &Bits) {
        let prices = self.query.currency.as_deref().and_then(|currency| self.columns.price_column(currency));
        let amount = |number: u32| prices.and_then(|prices| prices.amount(number));
        match self.query.sort {
            Sort::Relevance => picker.offer_all(shown, |number| !self.popularity(number)),
            Sort::PriceAsc => picker.offer_all(shown, |number| amount(number).map_or(u64::MAX, ascending)),
            Sort::PriceDesc => {
                picker
                    .offer_all(shown, |number| amount(number).map_or(u64::MAX, |amount| !ascending(amount)));
            }
            Sort::Newest => picker.offer_all(shown, |number| !ascending(self.view.catalog.newest(number))),
            Sort::Rating => picker.offer_all(shown, |number| !self.columns.rating_packed(number)),
            Sort::NumberAsc | Sort::NumberDesc => {
                let key = |number: u32| self.numbers.get(number as usize).copied().unwrap_or(u64::MAX);
                picker.offer_all(shown, key);
            }
            Sort::Name => {
                picker.offer_all(shown, |number| self.names.as_ref().map_or(0, |names| names.rank(number)));
            }
        }
    }

    fn popularity(&self, number: u32) -> u64 {
        self.columns.popularity(number).unwrap_or_else(|| self.view.catalog.popularity(number))
    }

    /// A well-known product wins over an equally good match: 2 % for each doubling of popularity. What
    /// stands on the shelf that the text names wins over what only mentions it.
    fn score_key(&self, number: u32, score: f32) -> u64 {
        let doublings = u64::BITS - self.popularity(number).leading_zeros();
        let on_shelf = self.shelf.as_ref().is_some_and(|shelf| shelf.contains(number));
        let score =
            score.max(0.0) * (1.0 + 0.02 * doublings as f32) + if on_shelf { SHELF_LEAD } else { 0.0 };
        // Bits of floats that are not negative are ordered as the floats are.
        u64::from(u32::MAX - score.to_bits())
    }

    fn hit(&self, (key, number): Key, scored: bool) -> Option<Hit> {
        let row = self.view.catalog.row(number)?;
        let (available, availability) = self.columns.availability(number);
        let score = || f32::from_bits(u32::MAX - u32::try_from(key).unwrap_or(u32::MAX));
        Some(Hit {
            number,
            id: row.id.clone(),
            stored: row.stored.clone(),
            score: (scored && self.query.sort == Sort::Relevance).then(score),
            price: self.query.currency.as_deref().and_then(|currency| self.columns.price(number, currency)),
            available,
            availability,
            rating: self.columns.rating(number),
            popularity: self.popularity(number),
        })
    }

    fn cursor(&self, (key, number): Key, direction: Direction) -> Cursor {
        let value = match &self.names {
            Some(names) => SortValue::Name(names.key(number).to_owned()),
            None => SortValue::Key(key),
        };
        Cursor { direction, value, number }
    }

    fn bound(&self, cursor: &Cursor) -> Key {
        match (&cursor.value, &self.names) {
            (SortValue::Name(name), Some(names)) => (names.place(name, cursor.number), cursor.number),
            (SortValue::Key(key), _) => (*key, cursor.number),
            (SortValue::Name(_), None) => (0, 0), // a cursor is decoded for the query's own sort
        }
    }
}

/// What products are sorted by that go by an attribute: their lowest number, or their highest the other way round.
fn number_keys(view: &View, query: &Query) -> Vec<u64> {
    let descending = match query.sort {
        Sort::NumberAsc => false,
        Sort::NumberDesc => true,
        _ => return Vec::new(),
    };
    let mut keys = vec![u64::MAX; view.catalog.len()];
    let column = query.sort_key.as_ref().and_then(|key| view.catalog.numbers().get(key));
    // Ascending: the first number of a product is its lowest, the last its highest.
    for (value, number) in column.iter().flat_map(|column| &column.values) {
        let Some(key) = keys.get_mut(*number as usize) else { continue };
        if descending {
            *key = !ascending(*value);
        } else if *key == u64::MAX {
            *key = ascending(*value);
        }
    }
    keys
}

/// `i64` in the order of `u64`.
fn ascending(value: i64) -> u64 {
    (value as u64) ^ (1 << 63)
}

/// Which part of the order is asked for.
#[derive(Clone, Copy, Debug)]
enum Window {
    Skip { offset: usize, limit: usize },
    After { bound: Key, limit: usize },
    Before { bound: Key, limit: usize },
}

impl Window {
    fn new(query: &Query, cursor: Option<Cursor>, order: &Order) -> Window {
        let limit = query.limit;
        match (cursor, &query.start) {
            (Some(cursor), _) => match cursor.direction {
                Direction::After => Window::After { bound: order.bound(&cursor), limit },
                Direction::Before => Window::Before { bound: order.bound(&cursor), limit },
            },
            (None, Start::Offset(offset)) => Window::Skip { offset: *offset, limit },
            (None, _) => Window::Skip { offset: 0, limit },
        }
    }

    fn picker(self) -> Picker {
        let wanted = match self {
            Window::Skip { offset, limit } => offset + limit,
            Window::After { limit, .. } | Window::Before { limit, .. } => limit,
        };
        Picker { window: self, wanted, nearest: Vec::new(), worst: None, offered: 0, within: 0 }
    }
}

/// Picks the page out of all keys, in any order, holding no more than twice what it needs: most
/// keys of a long list are told by one comparison that they are not among the first.
struct Picker {
    window: Window,
    wanted: usize,
    /// The best so far and some more; of a page *before* a bound mirrored, so that the nearest to
    /// the bound are the smallest.
    nearest: Vec<Key>,
    /// What is not below this has no chance.
    worst: Option<Key>,
    offered: usize,
    /// Offered ones on the asked side of the bound.
    within: usize,
}

struct Picked {
    keys: Vec<Key>,
    more_before: bool,
    more_after: bool,
}

impl Picker {
    fn offer_all(&mut self, shown: &Bits, key: impl Fn(u32) -> u64) {
        for number in shown.iter() {
            self.offer((key(number), number));
        }
    }

    fn offer(&mut self, key: Key) {
        self.offered += 1;
        let key = match self.window {
            Window::After { bound, .. } if key <= bound => return,
            Window::Before { bound, .. } if key >= bound => return,
            Window::Before { .. } => mirror(key),
            Window::Skip { .. } | Window::After { .. } => key,
        };
        self.within += 1;
        if self.worst.is_some_and(|worst| key >= worst) {
            return;
        }
        self.nearest.push(key);
        if self.nearest.len() >= self.wanted * 2 {
            self.nearest.select_nth_unstable(self.wanted - 1);
            self.nearest.truncate(self.wanted);
            self.worst = self.nearest.last().copied();
        }
    }

    fn finish(self) -> Picked {
        let mut keys = self.nearest;
        keys.sort_unstable();
        keys.truncate(self.wanted);
        let more_on_this_side = self.within > self.wanted;
        let some_on_the_other = self.within < self.offered;
        match self.window {
            Window::Skip { offset, .. } => {
                keys.drain(..offset.min(keys.len()));
                Picked { more_before: offset > 0 && !keys.is_empty(), more_after: more_on_this_side, keys }
            }
            Window::After { .. } => {
                Picked { keys, more_before: some_on_the_other, more_after: more_on_this_side }
            }
            Window::Before { .. } => Picked {
                keys: keys.into_iter().rev().map(mirror).collect(),
                more_before: more_on_this_side,
                more_after: some_on_the_other,
            },
        }
    }
}

fn mirror((key, number): Key) -> Key {
    (!key, !number)
}

#[cfg(test)]
mod tests {
    use proptest::collection::btree_set;
    use proptest::prelude::*;

    use super::*;

    fn any_window() -> impl Strategy<Value = Window> {
        let bound = || (0..40u64, 0..40u32);
        prop_oneof![
            (0..60usize, 1..9usize).prop_map(|(offset, limit)| Window::Skip { offset, limit }),
            (bound(), 1..9usize).prop_map(|(bound, limit)| Window::After { bound, limit }),
            (bound(), 1..9usize).prop_map(|(bound, limit)| Window::Before { bound, limit }),
        ]
    }

    proptest! {
        #[test]
        fn a_page_is_a_stretch_of_the_sorted_list(
            keys in btree_set((0..40u64, 0..40u32), 0..80).prop_map(|set| set.into_iter().collect::<Vec<Key>>()),
            seed in any::<u64>(),
            window in any_window(),
        ) {
            let mut picker = window.picker();
            let mut shuffled = keys.clone();
            shuffled.sort_by_key(|(key, number)| (key * 31 + u64::from(*number) * 17) ^ seed);
            shuffled.into_iter().for_each(|key| picker.offer(key));
            let picked = picker.finish();

            let (start, end) = match window {
                Window::Skip { offset, limit } => (offset, offset + limit),
                Window::After { bound, limit } => {
                    let start = keys.partition_point(|key| *key <= bound);
                    (start, start + limit)
                }
                Window::Before { bound, limit } => {
                    let end = keys.partition_point(|key| *key < bound);
                    (end.saturating_sub(limit), end)
                }
            };
            let (start, end) = (start.min(keys.len()), end.min(keys.len()));
            prop_assert_eq!(&picked.keys, &keys[start..end]);
            // Cursors are made from hits, so the flags matter only where there are some.
            if !picked.keys.is_empty() {
                prop_assert_eq!(picked.more_before, start > 0);
                prop_assert_eq!(picked.more_after, end < keys.len());
            }
        }
    }
}
