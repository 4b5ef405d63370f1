//! Filters and facets: sets of products, all of them.
//!
//! Every filter of a query becomes one set, kept apart by the facet it belongs to. What is shown is
//! the intersection of all; what a facet counts is the intersection of all *but its own*, so that
//! several values of one facet can be chosen and each count says what choosing it would give.

use std::collections::BTreeSet;

use crate::bits::{Bits, Mask, Numbers};
use crate::catalog::NumberColumn;
use crate::columns::Arrays;
use crate::document::{BRAND, CATEGORY, IN_STOCK, PRICE};
use crate::engine::View;
use crate::error::SearchError;
use crate::query::{Facet, FacetKind, FacetValue, Query};

/// The most values of one facet that are listed, besides selected ones.
pub const FACET_VALUES_MAX: usize = 100;
/// The most price buckets.
const BUCKETS_MAX: usize = 8;
const RATING: &str = "rating";

/// The sets a query selects by.
pub struct Selection<'q> {
    /// What the text matched, or everything.
    base: Bits,
    filters: Vec<(&'q str, Bits)>,
}

impl<'q> Selection<'q> {
    /// # Errors
    /// [`SearchError::UnknownFilter`], [`SearchError::FilterValue`], [`SearchError::CurrencyNeeded`].
    pub fn new(
        view: &View,
        columns: &Arrays,
        query: &'q Query,
        base: Bits,
    ) -> Result<Selection<'q>, SearchError> {
        let mut filters: Vec<(&str, Bits)> = Vec::new();
        let len = view.catalog.len();
        if let Some(path) = &query.category {
            filters.push((CATEGORY, term_set(view, CATEGORY, &[path.trim_matches('/').to_owned()])));
        }
        for (key, values) in query.filters.iter().filter(|(_, values)| !values.is_empty()) {
            filters.push((key, chosen(view, query, key, values)?));
        }
        if query.price_min.is_some() || query.price_max.is_some() {
            let currency = query.currency.as_ref().ok_or(SearchError::CurrencyNeeded)?;
            let (min, max) = (query.price_min.unwrap_or(i64::MIN), query.price_max.unwrap_or(i64::MAX));
            let prices = columns.price_column(currency);
            let within = |number: &u32| {
                prices
                    .and_then(|prices| prices.amount(*number))
                    .is_some_and(|amount| min <= amount && amount <= max)
            };
            filters.push((PRICE, collect(len, base.iter().filter(within))));
        }
        if let Some(wanted) = query.in_stock {
            let mut set = columns.available(len);
            if !wanted {
                let mut others = view.catalog.all().clone();
                others.subtract(&set);
                set = others;
            }
            filters.push((IN_STOCK, set));
        }
        if let Some(min) = query.rating_min {
            let min = u64::from(min) << 32;
            let good = |number: &u32| columns.rating_packed(*number) >= min.max(1);
            filters.push((RATING, collect(len, base.iter().filter(good))));
        }
        Ok(Selection { base, filters })
    }

    /// What all filters leave, without those of one facet.
    pub fn without(&self, facet: Option<&str>) -> Bits {
        let mut set = self.base.clone();
        for (_, filter) in self.filters.iter().filter(|(key, _)| Some(*key) != facet) {
            set.intersect(filter);
        }
        set
    }

    fn filters_by(&self, facet: &str) -> bool {
        self.filters.iter().any(|(key, _)| *key == facet)
    }
}

fn collect(len: usize, numbers: impl Iterator<Item = u32>) -> Bits {
    let mut set = Bits::new(len);
    numbers.for_each(|number| set.insert(number));
    set
}

fn term_set(view: &View, key: &str, values: &[String]) -> Bits {
    let mut set = Bits::new(view.catalog.len());
    if let Some(known) = view.catalog.terms().get(key) {
        for numbers in values.iter().filter_map(|value| known.get(value)) {
            numbers.add_to(&mut set);
        }
    }
    set
}

/// The products with any of the values of one filter.
fn chosen(view: &View, query: &Query, key: &str, values: &[String]) -> Result<Bits, SearchError> {
    let column = view.catalog.numbers().get(key);
    let has_terms = view.catalog.terms().contains_key(key);
    let declared = query.declared_keys.contains(key) || key == BRAND || key == CATEGORY;
    if column.is_none() && !has_terms && !declared {
        return Err(SearchError::UnknownFilter { key: key.to_owned() });
    }
    let mut set = term_set(view, key, values);
    if let Some(column) = column {
        for value in values {
            match parse_range(value) {
                Some((from, to)) => column.add_range(from, to, &mut set),
                None if has_terms => {}
                None => return Err(SearchError::FilterValue { key: key.to_owned(), value: value.clone() }),
            }
        }
    }
    Ok(set)
}

/// `1180`, `1100..1250`, `1100..`, `..1250`.
fn parse_range(text: &str) -> Option<(i64, i64)> {
    let end = |text: &str, open: i64| if text.is_empty() { Some(open) } else { text.parse().ok() };
    match text.split_once("..") {
        Some(("", "")) => None,
        Some((from, to)) => Some((end(from, i64::MIN)?, end(to, i64::MAX)?)),
        None => text.parse().ok().map(|value| (value, value)),
    }
}

/// All facets of the tenant under a selection; `shown` is what every filter together leaves.
pub fn count(
    view: &View,
    columns: &Arrays,
    query: &Query,
    selection: &Selection,
    shown: &Bits,
) -> Vec<Facet> {
    let shown = Mask::new(shown);
    let mut facets = Vec::new();
    for key in facet_keys(view, query) {
        let own;
        let own_mask;
        let mask = if selection.filters_by(key) {
            own = selection.without(Some(key));
            own_mask = Mask::new(&own);
            &own_mask
        } else {
            &shown
        };
        facets.push(match (key, &query.currency) {
            (PRICE, Some(currency)) => price_facet(columns, query, currency, mask.bits()),
            (IN_STOCK, _) => stock_facet(columns, query, mask),
            _ => attribute_facet(view, query, key, mask),
        });
    }
    facets
}

fn facet_keys<'a>(view: &'a View, query: &Query) -> Vec<&'a str> {
    let mut keys = Vec::new();
    let (terms, numbers) = (view.catalog.terms(), view.catalog.numbers());
    keys.extend([CATEGORY, BRAND].into_iter().filter(|key| terms.contains_key(*key)));
    if query.currency.is_some() {
        keys.push(PRICE);
    }
    keys.push(IN_STOCK);
    let attributes: BTreeSet<&str> = terms.keys().chain(numbers.keys()).map(String::as_str).collect();
    keys.extend(attributes.into_iter().filter(|key| *key != CATEGORY && *key != BRAND));
    keys
}

fn attribute_facet(view: &View, query: &Query, key: &str, mask: &Mask) -> Facet {
    let chosen: BTreeSet<&str> = query.filters.get(key).into_iter().flatten().map(String::as_str).collect();
    let is_tree = key == CATEGORY;
    let path = query.category.as_deref().filter(|_| is_tree).map(|path| path.trim_matches('/'));
    let mut values = Vec::new();
    for (value, numbers) in view.catalog.terms().get(key).into_iter().flatten() {
        let selected = chosen.contains(value.as_str()) || path == Some(value.as_str());
        let count = mask.count(numbers);
        if count > 0 || selected {
            values.push(FacetValue { value: value.clone(), count, selected });
        }
    }
    let column = view.catalog.numbers().get(key);
    let range = column.and_then(|column: &std::sync::Arc<NumberColumn>| column.range(mask.bits()));
    if !is_tree {
        values.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.value.cmp(&b.value)));
        let mut place = 0;
        values.retain(|value| {
            place += 1;
            place <= FACET_VALUES_MAX || value.selected
        });
    }
    Facet {
        key: key.to_owned(),
        kind: match (is_tree, column.is_some() && !view.catalog.terms().contains_key(key)) {
            (true, _) => FacetKind::Tree,
            (_, true) => FacetKind::Range,
            (_, false) => FacetKind::Terms,
        },
        values,
        min: range.map(|(min, _)| min),
        max: range.map(|(_, max)| max),
        unit: column.map(|column| column.unit.clone()).filter(|unit| !unit.is_empty()),
    }
}

fn stock_facet(columns: &Arrays, query: &Query, mask: &Mask) -> Facet {
    let available = mask.count(&Numbers::Many(columns.available(mask.bits().len())));
    let value = |wanted: bool, count: usize| FacetValue {
        value: wanted.to_string(),
        count,
        selected: query.in_stock == Some(wanted),
    };
    Facet {
        key: IN_STOCK.to_owned(),
        kind: FacetKind::Boolean,
        values: vec![value(true, available), value(false, mask.bits().count() - available)],
        min: None,
        max: None,
        unit: None,
    }
}

fn price_facet(columns: &Arrays, query: &Query, currency: &str, mask: &Bits) -> Facet {
    let mut counts = [0usize; BOUNDARIES.len() + 1];
    let (mut min, mut max) = (i64::MAX, i64::MIN);
    if let Some(prices) = columns.price_column(currency) {
        for amount in mask.iter().filter_map(|number| prices.amount(number)) {
            min = min.min(amount);
            max = max.max(amount);
            counts[bucket(amount)] += 1;
        }
    }
    let range = (min <= max).then_some((min, max));
    let selected = |from: i64, until: i64| {
        query.price_min == Some(from) && query.price_max.is_some_and(|max| max == until - 1 || max == until)
    };
    let values = buckets(&counts).into_iter().map(|(from, until, count)| FacetValue {
        value: format!("{from}..{until}"),
        count,
        selected: selected(from, until),
    });
    Facet {
        key: PRICE.to_owned(),
        kind: FacetKind::Range,
        values: values.collect(),
        min: range.map(|(min, _)| min),
        max: range.map(|(_, max)| max),
        unit: Some(currency.to_owned()),
    }
}

/// Boundaries of price buckets: 1, 2, 3 and 5 times the powers of ten, so that they are round in
/// every currency and do not move when the selection does.
const BOUNDARIES: [i64; 48] = boundaries();

const fn boundaries() -> [i64; 48] {
    let steps = [1, 2, 3, 5];
    let mut all = [0; 48];
    let (mut place, mut power) = (0, 1);
    while place < all.len() {
        all[place] = steps[place % 4] * power;
        if place % 4 == 3 {
            power *= 10;
        }
        place += 1;
    }
    all
}

/// How many boundaries are not above the amount: found by its number of digits, as it runs once
/// for each product shown.
fn bucket(amount: i64) -> usize {
    let Some(digits) = amount.checked_ilog10() else { return 0 };
    let power = digits as usize * 4;
    match BOUNDARIES.get(power..power + 4) {
        Some(of_power) => power + of_power.iter().filter(|boundary| **boundary <= amount).count(),
        None => BOUNDARIES.len(),
    }
}

/// (from, until, count) of those that are not empty, with as many of the boundaries as make no
/// more than [`BUCKETS_MAX`] of them.
fn buckets(counts: &[usize; BOUNDARIES.len() + 1]) -> Vec<(i64, i64, usize)> {
    let steps: [&[i64]; 4] = [&[1, 2, 3, 5], &[1, 2, 5], &[1, 3], &[1]];
    let mut merged = Vec::new();
    for steps in steps {
        merged = merge(counts, steps);
        if merged.len() <= BUCKETS_MAX {
            break;
        }
    }
    merged
}

fn merge(counts: &[usize], steps: &[i64]) -> Vec<(i64, i64, usize)> {
    let leading = |boundary: i64| {
        let mut digit = boundary;
        while digit >= 10 {
            digit /= 10;
        }
        digit
    };
    let mut merged = Vec::new();
    let (mut from, mut sum) = (0, 0);
    for (place, count) in counts.iter().enumerate() {
        sum += count;
        let until = BOUNDARIES.get(place).copied().unwrap_or(i64::MAX);
        if until != i64::MAX && !steps.contains(&leading(until)) {
            continue;
        }
        if sum > 0 {
            merged.push((from, until, sum));
        }
        (from, sum) = (until, 0);
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_found_by_digits_as_by_comparing() {
        let around = BOUNDARIES.iter().flat_map(|boundary| [boundary - 1, *boundary, boundary + 1]);
        for amount in around.chain([i64::MIN, -1, 0, 10i64.pow(12), i64::MAX]) {
            let compared = BOUNDARIES.partition_point(|boundary| *boundary <= amount);
            assert_eq!(bucket(amount), compared, "{amount}");
        }
    }

    #[test]
    fn many_buckets_merge_into_fewer_without_losing_a_product() {
        let mut counts = [0; BOUNDARIES.len() + 1];
        assert_eq!(buckets(&counts), []);
        counts[bucket(-5)] = 2;
        counts[bucket(15)] = 1;
        assert_eq!(buckets(&counts), [(0, 1, 2), (10, 20, 1)]);
        counts = [3; BOUNDARIES.len() + 1];
        let merged = buckets(&counts);
        assert_eq!(merged.iter().map(|(_, _, count)| count).sum::<usize>(), 3 * counts.len());
        assert!(merged.windows(2).all(|pair| pair[0].1 == pair[1].0));
    }

    #[test]
    fn ranges_are_read_with_open_ends() {
        assert_eq!(parse_range("1180"), Some((1180, 1180)));
        assert_eq!(parse_range("-5..10"), Some((-5, 10)));
        assert_eq!(parse_range("..10"), Some((i64::MIN, 10)));
        assert_eq!(parse_range("7.."), Some((7, i64::MAX)));
        for wrong in ["", "..", "1...2", "a..b", "1..2..3", "99999999999999999999"] {
            assert_eq!(parse_range(wrong), None, "{wrong}");
        }
    }
}
