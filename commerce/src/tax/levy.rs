//! How taxes are computed: pure functions over amounts in minor units.

use super::{Rate, Rounding};
use crate::money::{MoneyError, included_ppm, share_ppm, split};
use std::collections::BTreeMap;

/// An amount that is taxed: after discounts, for all pieces of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taxable {
    /// Not negative.
    pub amount: i64,
    pub rates: Vec<Rate>,
}

/// One tax on one amount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Levied {
    pub rate: Rate,
    /// What the rate was applied to, without any tax.
    pub taxable: i64,
    pub amount: i64,
}

/// Computes every tax on every amount; one list per item, in the order of its rates.
///
/// `included`: amounts contain their taxes. Halves round up, in each item or once in the order; in the
/// order's case the rounded sum is given to the items in proportion, by largest remainder, so that
/// items always add up to it.
///
/// # Errors
/// [`MoneyError::Overflow`] if an amount leaves 64 bits, [`MoneyError::NoWeight`] if one is negative.
pub fn levy(items: &[Taxable], included: bool, rounding: Rounding) -> Result<Vec<Vec<Levied>>, MoneyError> {
    let taxes = match rounding {
        Rounding::PerLine => {
            items.iter().map(|item| taxes_on(item.amount, &item.rates, included)).collect::<Result<_, _>>()?
        }
        Rounding::PerOrder => taxes_by_order(items, included)?,
    };
    Ok(items.iter().zip(taxes).map(|(item, taxes)| levied(item, &taxes, included)).collect())
}

fn levied(item: &Taxable, taxes: &[i64], included: bool) -> Vec<Levied> {
    let taxable = if included { item.amount - taxes.iter().sum::<i64>() } else { item.amount };
    let one = |(rate, amount): (&Rate, &i64)| Levied { rate: rate.clone(), taxable, amount: *amount };
    item.rates.iter().zip(taxes).map(one).collect()
}

/// The taxes of each item; each tax of a group of equal rates is rounded once.
fn taxes_by_order(items: &[Taxable], included: bool) -> Result<Vec<Vec<i64>>, MoneyError> {
    let mut groups: BTreeMap<&[Rate], Vec<usize>> = BTreeMap::new();
    for (n, item) in items.iter().enumerate() {
        groups.entry(&item.rates).or_default().push(n);
    }
    let mut taxes = vec![Vec::new(); items.len()];
    for (rates, members) in groups {
        let weights: Vec<i64> = members.iter().map(|&n| items[n].amount).collect();
        let whole = weights.iter().try_fold(0i64, |sum, amount| sum.checked_add(*amount));
        for tax in taxes_on(whole.ok_or(MoneyError::Overflow)?, rates, included)? {
            let parts = if tax == 0 { vec![0; members.len()] } else { split(tax, &weights)? };
            members.iter().zip(parts).for_each(|(&n, part)| taxes[n].push(part));
        }
    }
    Ok(taxes)
}

/// The taxes on one amount, one per rate.
fn taxes_on(amount: i64, rates: &[Rate], included: bool) -> Result<Vec<i64>, MoneyError> {
    let ppm = |rate: &Rate| i64::from(rate.rate_ppm);
    if !included {
        return rates.iter().map(|rate| share_ppm(amount, ppm(rate))).collect();
    }
    let weights: Vec<i64> = rates.iter().map(ppm).collect();
    let together = weights.iter().sum();
    if together == 0 {
        return Ok(vec![0; rates.len()]);
    }
    // Rounding the sum, not each part, keeps net plus taxes equal to the price that was shown.
    split(included_ppm(amount, together)?, &weights)
}

/// What is left of a price that contains these taxes.
pub fn net_of(gross: i64, rates: &[Rate]) -> Result<i64, MoneyError> {
    Ok(gross - taxes_on(gross, rates, true)?.iter().sum::<i64>())
}

/// A price with these taxes put on.
pub fn gross_of(net: i64, rates: &[Rate]) -> Result<i64, MoneyError> {
    let mut taxes = taxes_on(net, rates, false)?.into_iter();
    taxes.try_fold(net, i64::checked_add).ok_or(MoneyError::Overflow)
}
