//! Which price holds.

use super::model::*;
use crate::code::Code;
use crate::ids::VariantId;
use crate::locale::Country;
use crate::money::{Currency, Money};
use crate::scope::View;
use crate::time::{DAY_MS, Timestamp};
use std::cell::OnceCell;

/// For whom a price is asked.
#[derive(Clone, Copy, Debug)]
pub struct Shopper<'a> {
    pub currency: Currency,
    pub country: &'a Country,
    pub group: Option<&'a Code>,
}

/// The price of one piece, and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effective {
    pub amount: i64,
    pub compare_at: Option<i64>,
    pub currency: Currency,
    pub tax_included: bool,
    pub list: Code,
    pub min_quantity: u32,
    /// A price of limited time ends then.
    pub ends: Option<Timestamp>,
}

impl Effective {
    pub fn money(&self) -> Money {
        Money::new(self.amount, self.currency)
    }
}

pub fn list(view: &(impl View + ?Sized), code: &Code) -> Option<PriceList> {
    LISTS.get(view, code)
}

pub fn lists(view: &(impl View + ?Sized)) -> Vec<PriceList> {
    LISTS.list(view, &(), LISTS_MAX)
}

/// The lists that may price for a shopper, the most specific first: group before country before
/// everybody. A list of another tax mode than the first's never mixes in, since an order has one mode.
pub fn lists_for(view: &(impl View + ?Sized), shopper: &Shopper<'_>) -> Vec<PriceListDetails> {
    let mut fitting: Vec<PriceListDetails> =
        lists(view).into_iter().map(|list| list.details).filter(|list| suits(list, shopper)).collect();
    fitting.sort_by(|a, b| specificity(b).cmp(&specificity(a)).then(a.code.cmp(&b.code)));
    let mode = fitting.first().map(|list| list.tax_included);
    fitting.retain(|list| Some(list.tax_included) == mode);
    fitting
}

fn suits(list: &PriceListDetails, shopper: &Shopper<'_>) -> bool {
    list.currency == shopper.currency
        && (list.countries.is_empty() || list.countries.contains(shopper.country))
        && list.customer_group.as_ref().is_none_or(|group| shopper.group == Some(group))
}

fn specificity(list: &PriceListDetails) -> (bool, bool) {
    (list.customer_group.is_some(), !list.countries.is_empty())
}

/// Whether prices shown to a shopper contain taxes; the default list decides where there is none.
pub fn tax_included(view: &(impl View + ?Sized), shopper: &Shopper<'_>) -> Option<bool> {
    lists_for(view, shopper).first().map(|list| list.tax_included)
}

/// The price of one of `quantity` pieces: of the most specific list that has one, the most specific
/// row (most pieces, then limited time, then latest beginning). Prices are never converted. Limited
/// rows hold from the entry that found them begun to the one that found them over.
pub fn effective_for(
    view: &(impl View + ?Sized),
    variant: VariantId,
    quantity: u32,
    shopper: &Shopper<'_>,
) -> Option<Effective> {
    effective_among(view, &lists_for(view, shopper), variant, quantity)
}

/// [`effective_for`] a shopper whose lists are read already.
pub fn effective_among(
    view: &(impl View + ?Sized),
    lists: &[PriceListDetails],
    variant: VariantId,
    quantity: u32,
) -> Option<Effective> {
    let moment = OnceCell::new();
    let holds =
        |row: &Price| !row.is_limited() || row.holds_at(*moment.get_or_init(|| turned_to(view, variant)));
    lists.iter().find_map(|list| {
        let rows = rows_of(view, variant, &list.code).into_iter();
        let holding = rows.filter(|row| row.min_quantity <= quantity && holds(row));
        let best = holding.max_by_key(Price::rank)?;
        Some(Effective {
            amount: best.amount,
            compare_at: best.compare_at.filter(|compared| *compared > best.amount),
            currency: list.currency,
            tax_included: list.tax_included,
            list: list.code.clone(),
            min_quantity: best.min_quantity,
            ends: best.ends,
        })
    })
}

/// [`effective_for`] somebody who belongs to no customer group.
pub fn effective(
    view: &(impl View + ?Sized),
    variant: VariantId,
    currency: Currency,
    country: &Country,
    quantity: u32,
) -> Option<Effective> {
    effective_for(view, variant, quantity, &Shopper { currency, country, group: None })
}

/// The moment at which a variant's limited prices are looked at.
fn turned_to(view: &(impl View + ?Sized), variant: VariantId) -> Timestamp {
    TURNED.get(view, &variant).map_or(Timestamp::from_millis(i64::MIN), |turned| turned.at)
}

fn rows_of(view: &(impl View + ?Sized), variant: VariantId, list: &Code) -> Vec<Price> {
    PRICES.list(view, &(variant, list.clone()), ROWS_MAX)
}

/// Every row of a variant, over all lists.
pub fn prices_of(view: &(impl View + ?Sized), variant: VariantId) -> Vec<Price> {
    PRICES.list(view, &variant, ROWS_MAX)
}

/// Counts changes of a variant's prices: 0 when none was ever set.
pub fn revision_of(view: &(impl View + ?Sized), variant: VariantId) -> u64 {
    REVISIONS.get(view, &variant).unwrap_or_default().0
}

/// The lowest price of one piece in the thirty days before the price that holds now began, or `None`
/// if there was no earlier price then. Source: Directive 98/6/EC, article 6a.
pub fn lowest_before(view: &(impl View + ?Sized), variant: VariantId, list: &Code) -> Option<i64> {
    let history = HISTORY.get(view, &(variant, list.clone()))?.rows;
    let mut turns = turns_until(&history, moment_of(view, variant, &history));
    let current = turns.pop()?;
    let since = current.0;
    // The window includes the price that held when it opened.
    let opened = since.plus_millis(-30 * DAY_MS);
    let first = turns.iter().rposition(|(from, _)| *from <= opened).unwrap_or(0);
    turns[first..].iter().filter_map(|(_, amount)| *amount).min()
}

/// The last moment at which anything about these prices changed.
fn moment_of(view: &(impl View + ?Sized), variant: VariantId, history: &[PastPrice]) -> Timestamp {
    let written = history.iter().flat_map(|past| [Some(past.from), past.until]).flatten();
    written.chain([turned_to(view, variant)]).max().unwrap_or(Timestamp::from_millis(i64::MIN))
}

/// When the price of one piece became what, up to `at`; equal neighbours are one.
fn turns_until(history: &[PastPrice], at: Timestamp) -> Vec<(Timestamp, Option<i64>)> {
    let edges = |past: &PastPrice| [Some(past.from), past.until, past.price.starts, past.price.ends];
    let mut moments: Vec<Timestamp> = history.iter().flat_map(edges).flatten().collect();
    moments.retain(|moment| *moment <= at);
    moments.sort();
    moments.dedup();
    let mut turns: Vec<(Timestamp, Option<i64>)> = Vec::new();
    for moment in moments {
        let amount = amount_at(history, moment);
        if turns.last().map_or(amount.is_some(), |(_, before)| *before != amount) {
            turns.push((moment, amount));
        }
    }
    turns
}

fn amount_at(history: &[PastPrice], moment: Timestamp) -> Option<i64> {
    let stood = |past: &&PastPrice| past.from <= moment && past.until.is_none_or(|until| moment < until);
    let holding = history.iter().filter(stood).filter(|past| past.price.holds_at(moment));
    holding.max_by_key(|past| past.price.rank()).map(|past| past.price.amount)
}
