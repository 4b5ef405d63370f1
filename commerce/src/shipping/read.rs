//! Which ways of delivery there are.

use super::model::*;
use crate::cart::Destination;
use crate::code::Code;
use crate::ids::{RateId, ZoneId};
use crate::locale::Country;
use crate::money::Currency;
use crate::scope::View;
use crate::text::Text;
use std::collections::BTreeSet;

/// A rate with its price for these goods.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateOption {
    pub rate: RateId,
    pub name: Text,
    pub carrier: String,
    /// Minor units of the currency asked for.
    pub price: i64,
    pub days_min: u16,
    pub days_max: u16,
    pub tax_category: Code,
}

/// The shop does not deliver there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotDeliverable;

pub fn zone(view: &(impl View + ?Sized), id: ZoneId) -> Option<Zone> {
    ZONES.get(view, &id)
}

pub fn zones(view: &(impl View + ?Sized)) -> Vec<Zone> {
    ZONES.list(view, &(), ZONES_MAX)
}

pub fn rate(view: &(impl View + ?Sized), id: RateId) -> Option<Rate> {
    let zone = RATE_ZONES.get(view, &id)?.0;
    RATES.get(view, &(zone, id))
}

/// A zone's rates, archived ones too, in the merchant's order.
pub fn rates_of(view: &(impl View + ?Sized), zone: ZoneId) -> Vec<Rate> {
    let mut rates = RATES.list(view, &zone, RATES_MAX);
    rates.sort_by_key(|rate| (rate.details.position, rate.id));
    rates
}

fn live_rates_of(view: &(impl View + ?Sized), zone: ZoneId) -> Vec<Rate> {
    rates_of(view, zone).into_iter().filter(|rate| !rate.archived).collect()
}

/// The narrowest zone that holds a destination: the longest postal prefix, then a region, then the
/// country; the older zone among equals.
pub fn zone_of(view: &(impl View + ?Sized), to: &Destination) -> Option<Zone> {
    let narrowest = |zone: &Zone| zone.details.areas.iter().filter_map(|area| narrowness(area, to)).max();
    let held = zones(view).into_iter().filter_map(|zone| Some((narrowest(&zone)?, zone)));
    held.reduce(|best, next| if next.0 > best.0 { next } else { best }).map(|(_, zone)| zone)
}

/// How narrowly an area holds a destination; `None` if it does not.
fn narrowness(area: &Area, to: &Destination) -> Option<(usize, bool)> {
    if area.country != to.country || (area.region.is_some() && area.region != to.region) {
        return None;
    }
    let prefix_len = match area.postal_prefixes.as_slice() {
        [] => 0,
        prefixes => {
            let code = to.postal_prefix.as_deref()?;
            prefixes.iter().filter(|prefix| code.starts_with(prefix.as_str())).map(String::len).max()?
        }
    };
    Some((prefix_len, area.region.is_some()))
}

/// Ways to deliver goods, the merchant's order first. An empty list: the shop delivers there, but not
/// these goods (too heavy, or not in this currency).
///
/// # Errors
/// [`NotDeliverable`] if no zone holds the destination, or its zone has no rate.
pub fn options(
    view: &(impl View + ?Sized),
    to: &Destination,
    weight_grams: u64,
    worth: i64,
    currency: Currency,
) -> Result<Vec<RateOption>, NotDeliverable> {
    let rates = zone_of(view, to).map_or(Vec::new(), |zone| live_rates_of(view, zone.id));
    if rates.is_empty() {
        return Err(NotDeliverable);
    }
    let option = |rate: Rate| {
        let price = rate.details.tariffs.get(&currency)?.price(weight_grams, worth)?;
        let RateDetails { name, carrier, days_min, days_max, tax_category, .. } = rate.details;
        let carrier = carrier.to_string();
        Some(RateOption { rate: rate.id, name, carrier, price, days_min, days_max, tax_category })
    };
    Ok(rates.into_iter().filter_map(option).collect())
}

/// Countries that are delivered to, at least in part.
pub fn countries_served(view: &(impl View + ?Sized)) -> BTreeSet<Country> {
    let served = zones(view).into_iter().filter(|zone| !live_rates_of(view, zone.id).is_empty());
    served.flat_map(|zone| zone.details.areas).map(|area| area.country).collect()
}
