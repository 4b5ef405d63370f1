//! Decides and evolves.

use super::model::*;
use super::read::{list, lists, prices_of, revision_of};
use super::{Command, Event, Refusal};
use crate::catalog;
use crate::check::{self, Invalid, Problem};
use crate::code::Code;
use crate::command::Reply;
use crate::ids::VariantId;
use crate::processes::schedule::Due;
use crate::scope::{Count, Scope, View};
use crate::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// What will be written.
enum Change {
    List(PriceList),
    /// Rows to write and rows to take away, by variant.
    Prices(BTreeMap<VariantId, Rows>),
    /// Time went on for a variant.
    Turn(VariantId),
}

#[derive(Default)]
struct Rows {
    put: Vec<Price>,
    gone: Vec<Price>,
}

pub fn apply(scope: &mut Scope<'_, '_>, command: &Command) -> Result<Reply, Refusal> {
    let change = decide(scope, command)?;
    Ok(evolve(scope, change))
}

fn decide(view: &impl View, command: &Command) -> Result<Change, Refusal> {
    match command {
        Command::PutPriceList { expected, details } => put_list(view, *expected, details),
        Command::SetPrices { prices } => set_prices(view, prices),
        Command::ReplacePrices { variant, expected, prices } => {
            replace_prices(view, *variant, *expected, prices)
        }
        Command::TurnDue { variant } => Ok(Change::Turn(*variant)),
        Command::RemovePrice { key } => {
            let gone = PRICES.get(view, &key.stored()).ok_or(Refusal::UnknownPrice)?;
            Ok(Change::Prices(BTreeMap::from([(key.variant, Rows { put: Vec::new(), gone: vec![gone] })])))
        }
    }
}

fn put_list(view: &impl View, expected: Option<u64>, details: &PriceListDetails) -> Result<Change, Refusal> {
    let before = list(view, &details.code);
    let revision = before.as_ref().map_or(0, |list| list.revision);
    require_revision(revision, expected)?;
    let all = lists(view);
    check::count("price_lists", all.len() + usize::from(before.is_none()), LISTS_MAX)?;
    check::count("countries", details.countries.len(), LIST_COUNTRIES_MAX)?;
    check::distinct("countries", &details.countries)?;
    // Its rows would mean other amounts.
    let mode = |details: &PriceListDetails| (details.currency, details.tax_included);
    if before.is_some_and(|before| mode(&before.details) != mode(details)) {
        return Err(Refusal::ListFixed);
    }
    let is_rival = |other: &&PriceList| {
        let other = &other.details;
        other.is_default() && other.currency == details.currency && other.code != details.code
    };
    if let Some(rival) = all.iter().find(is_rival).filter(|_| details.is_default()) {
        return Err(Refusal::DefaultTaken { currency: details.currency, code: rival.details.code.clone() });
    }
    Ok(Change::List(PriceList { revision: revision + 1, details: details.clone() }))
}

fn set_prices(view: &impl View, prices: &[Price]) -> Result<Change, Refusal> {
    check_prices(view, prices)?;
    let mut changes: BTreeMap<VariantId, Rows> = BTreeMap::new();
    for price in prices {
        let rows = changes.entry(price.variant).or_default();
        // An unchanged row is not written again, so that importing twice changes nothing.
        if PRICES.get(view, &price.key().stored()).as_ref() != Some(price) {
            rows.put.push(price.clone());
        }
    }
    for (variant, rows) in &changes {
        let standing = prices_of(view, *variant);
        let new = rows.put.iter().filter(|row| standing.iter().all(|old| old.key() != row.key())).count();
        check::count("prices", standing.len() + new, ROWS_MAX)?;
    }
    Ok(Change::Prices(changes))
}

fn replace_prices(
    view: &impl View,
    variant: VariantId,
    expected: Option<u64>,
    prices: &[Price],
) -> Result<Change, Refusal> {
    require_revision(revision_of(view, variant), expected)?;
    if prices.iter().any(|price| price.variant != variant) {
        return Err(Invalid::unsuitable("prices/variant", "of another variant").into());
    }
    check_prices(view, prices)?;
    check::count("prices", prices.len(), ROWS_MAX)?;
    let standing = prices_of(view, variant);
    let kept = |row: &Price| prices.iter().any(|price| price.key() == row.key());
    let put = prices.iter().filter(|price| !standing.contains(price)).cloned().collect();
    let gone = standing.iter().filter(|row| !kept(row)).cloned().collect();
    Ok(Change::Prices(BTreeMap::from([(variant, Rows { put, gone })])))
}

fn check_prices(view: &impl View, prices: &[Price]) -> Result<(), Refusal> {
    check::count("prices", prices.len(), PRICES_MAX)?;
    let mut keys = BTreeSet::new();
    for (n, price) in prices.iter().enumerate() {
        check_price(price).map_err(|invalid| invalid.inside(&format!("prices/{n}")))?;
        list(view, &price.list).ok_or_else(|| Refusal::UnknownList { code: price.list.clone() })?;
        catalog::variant(view, price.variant).ok_or(Refusal::UnknownVariant { variant: price.variant })?;
        if !keys.insert(price.key().stored()) {
            return Err(Invalid::new("prices", Problem::Repeated { value: price.list.to_string() }).into());
        }
    }
    Ok(())
}

fn check_price(price: &Price) -> Result<(), Invalid> {
    check::range("amount", price.amount, 0, AMOUNT_MAX)?;
    check::range("compare_at", price.compare_at.unwrap_or(0), 0, AMOUNT_MAX)?;
    check::range("min_quantity", price.min_quantity.into(), 1, 10_000)?;
    match (price.starts, price.ends) {
        (Some(starts), Some(ends)) => {
            check::range("ends", ends.as_millis(), starts.as_millis().saturating_add(1), i64::MAX)
        }
        _ => Ok(()),
    }
}

fn require_revision(stands: u64, expected: Option<u64>) -> Result<(), Refusal> {
    match expected {
        Some(expected) if expected != stands => Err(Refusal::Stale { revision: stands }),
        _ => Ok(()),
    }
}

fn evolve(scope: &mut Scope<'_, '_>, change: Change) -> Reply {
    match change {
        Change::List(after) => {
            LISTS.put(scope, &after.details.code, &after);
            scope.emit(Event::PriceListPut { code: after.details.code, revision: after.revision });
            Reply { revision: after.revision, ..Reply::default() }
        }
        Change::Turn(variant) => {
            let is_due = |turned: Turned| turned.next.is_some_and(|next| next <= scope.at());
            if TURNED.get(scope, &variant).is_some_and(is_due) {
                turn(scope, variant);
                scope.emit(Event::PricesChanged { variant, revision: revision_of(scope, variant) });
            }
            Reply::default()
        }
        Change::Prices(changes) => {
            let only = changes.keys().next().copied().filter(|_| changes.len() == 1);
            for (variant, rows) in &changes {
                write_rows(scope, *variant, rows);
            }
            // Many variants have no revision in common.
            only.map_or(Reply::default(), |id| Reply::about(id.bits(), revision_of(scope, id)))
        }
    }
}

fn write_rows(scope: &mut Scope<'_, '_>, variant: VariantId, rows: &Rows) {
    if rows.put.is_empty() && rows.gone.is_empty() {
        return;
    }
    rows.gone.iter().for_each(|row| PRICES.delete(scope, &row.key().stored()));
    rows.put.iter().for_each(|row| PRICES.put(scope, &row.key().stored(), row));
    let touched: BTreeSet<Code> = rows.put.iter().chain(&rows.gone).map(|row| row.list.clone()).collect();
    touched.into_iter().for_each(|list| write_history(scope, variant, list, rows));
    let revision = revision_of(scope, variant) + 1;
    REVISIONS.put(scope, &variant, &Count(revision));
    turn(scope, variant);
    scope.emit(Event::PricesChanged { variant, revision });
}

/// Carries a variant's limited prices to the entry's time and plans the next beginning or end.
fn turn(scope: &mut Scope<'_, '_>, variant: VariantId) {
    let due = Due::Prices(variant);
    let before = TURNED.get(scope, &variant);
    if let Some(next) = before.and_then(|turned| turned.next) {
        scope.unschedule(next, &due);
    }
    let at = scope.at();
    let rows = prices_of(scope, variant);
    if !rows.iter().any(Price::is_limited) {
        if before.is_some() {
            TURNED.delete(scope, &variant);
        }
        return;
    }
    let edges = rows.iter().flat_map(|row| [row.starts, row.ends]).flatten();
    let next = edges.filter(|edge| *edge > at).min();
    TURNED.put(scope, &variant, &Turned { at, next });
    if let Some(next) = next {
        scope.schedule(next, &due);
    }
}

/// Closes the past of rows that were replaced or taken away, and opens that of new ones.
fn write_history(scope: &mut Scope<'_, '_>, variant: VariantId, list: Code, rows: &Rows) {
    let at = scope.at();
    let key = (variant, list);
    let mut history = HISTORY.get(scope, &key).unwrap_or_default();
    let single = |row: &&Price| row.list == key.1 && row.min_quantity == 1;
    for row in rows.put.iter().chain(&rows.gone).filter(single) {
        let standing = history.rows.iter_mut().filter(|past| past.until.is_none());
        standing.filter(|past| past.price.key() == row.key()).for_each(|past| past.until = Some(at));
    }
    let opened = rows.put.iter().filter(single);
    history.rows.extend(opened.map(|row| PastPrice { price: row.clone(), from: at, until: None }));
    forget(&mut history, at);
    HISTORY.put(scope, &key, &history);
}

/// Drops the oldest closed rows that are too many. What never held for a moment goes at once.
fn forget(history: &mut History, at: Timestamp) {
    history.rows.retain(|past| past.until != Some(past.from) || past.from != at);
    while history.rows.len() > HISTORY_MAX {
        let oldest = history.rows.iter().position(|past| past.until.is_some()).unwrap_or(0);
        history.rows.remove(oldest);
    }
}
