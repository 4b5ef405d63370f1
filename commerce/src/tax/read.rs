//! Questions to the tax tables.

use super::model::*;
use crate::code::Code;
use crate::ids::ZoneId;
use crate::locale::Country;
use crate::scope::View;
use crate::text::Name;

/// Categories that every shop has, under these codes.
pub const BUILT_IN_CATEGORIES: [(&str, &str); 3] =
    [("standard", "Standard"), ("reduced", "Reduced"), ("zero", "Zero-rated")];

fn built_in((code, name): (&str, &str)) -> TaxCategory {
    let code = Code::parse(code).expect("built-in codes are well formed");
    let name = Name::parse(name).expect("built-in names are well formed");
    TaxCategory { code, revision: 0, name }
}

/// A category of the shop's own, or else the built-in one.
pub fn category(view: &(impl View + ?Sized), code: &Code) -> Option<TaxCategory> {
    let known = || BUILT_IN_CATEGORIES.into_iter().find(|(known, _)| *known == code.as_str()).map(built_in);
    CATEGORIES.get(view, code).or_else(known)
}

/// Every category: built-in ones first, then the shop's own.
pub fn categories(view: &(impl View + ?Sized)) -> Vec<TaxCategory> {
    let own = CATEGORIES.list(view, &(), CATEGORIES_MAX);
    let not_replaced = |known: &TaxCategory| own.iter().all(|category| category.code != known.code);
    let mut all: Vec<_> = BUILT_IN_CATEGORIES.map(built_in).into_iter().filter(not_replaced).collect();
    all.extend(own);
    all
}

pub fn zone(view: &(impl View + ?Sized), id: ZoneId) -> Option<TaxZone> {
    ZONES.get(view, &id)
}

pub fn zones(view: &(impl View + ?Sized)) -> Vec<TaxZone> {
    ZONES.list(view, &(), ZONES_MAX)
}

/// The zone of a place: its region's, else its country's.
pub fn zone_of(view: &(impl View + ?Sized), place: &Place) -> Option<ZoneId> {
    let region = place.region.as_ref().map(|region| region.to_string());
    let found = region.and_then(|region| PLACES.get(view, &place_key(&place.country, region)));
    found.or_else(|| PLACES.get(view, &place_key(&place.country, String::new()))).map(|found| found.0)
}

pub(super) fn place_key(country: &Country, region: String) -> (Country, String) {
    (country.clone(), region)
}

pub fn zone_rates(view: &(impl View + ?Sized), zone: ZoneId, category: &Code) -> Option<ZoneRates> {
    RATES.get(view, &(zone, category.clone()))
}

/// The taxes due on a category of goods sent to `to`. None are due where the seller keeps no zone: such
/// goods are exported.
pub fn rates_due(view: &(impl View + ?Sized), rules: &Rules, to: &Place, category: &Code) -> Vec<Rate> {
    let within = rules.home.country == to.country
        && (to.region.is_none() || rules.home.region.is_none() || to.region == rules.home.region);
    let is_due = |due: Due| match due {
        Due::Always => true,
        Due::WithinSellerRegion => within,
        Due::AcrossRegions => !within,
    };
    let rates = zone_of(view, to).and_then(|zone| zone_rates(view, zone, category));
    let rates = rates.map_or(Vec::new(), |found| found.rates);
    rates.into_iter().filter(|zone_rate| is_due(zone_rate.due)).map(|zone_rate| zone_rate.rate).collect()
}
