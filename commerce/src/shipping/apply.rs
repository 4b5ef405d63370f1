//! Decides and evolves.

use super::model::*;
use super::read::{rate, rates_of, zone, zones};
use super::{Command, Event, Refusal};
use crate::check::{self, Invalid, Problem};
use crate::command::Reply;
use crate::ids::{RateId, ZoneId};
use crate::pricing::AMOUNT_MAX;
use crate::scope::{Scope, View};
use crate::tax;
use crate::text::Name;

const DAYS_MAX: i64 = 365;

/// What will be written.
enum Change {
    Zone(Zone),
    RemoveZone {
        zone: ZoneId,
        rates: Vec<RateId>,
    },
    Rate(Rate),
    /// The state is as wished.
    None(Reply),
}

pub fn apply(scope: &mut Scope<'_, '_>, command: &Command) -> Result<Reply, Refusal> {
    let fresh = scope.mint();
    let change = decide(scope, fresh, command)?;
    Ok(evolve(scope, change))
}

fn decide(view: &impl View, fresh: u128, command: &Command) -> Result<Change, Refusal> {
    match command {
        Command::CreateZone { details } => {
            check::count("zones", zones(view).len() + 1, ZONES_MAX)?;
            put_zone(Zone { id: ZoneId::from_bits(fresh), revision: 1, details: details.clone() })
        }
        Command::UpdateZone { zone, expected, details } => {
            let before = existing_zone(view, *zone, *expected)?;
            put_zone(Zone { revision: before.revision + 1, details: details.clone(), ..before })
        }
        Command::RemoveZone { zone, expected } => {
            existing_zone(view, *zone, *expected)?;
            let rates = rates_of(view, *zone).into_iter().map(|rate| rate.id).collect();
            Ok(Change::RemoveZone { zone: *zone, rates })
        }
        Command::CreateRate { zone, details } => {
            existing_zone(view, *zone, None)?;
            check::count("rates", rates_of(view, *zone).len() + 1, RATES_MAX)?;
            let (id, details) = (RateId::from_bits(fresh), details.clone());
            put_rate(view, Rate { id, zone: *zone, revision: 1, archived: false, details })
        }
        Command::UpdateRate { rate, expected, details } => {
            let before = existing_rate(view, *rate, *expected)?;
            put_rate(view, Rate { revision: before.revision + 1, details: details.clone(), ..before })
        }
        Command::ArchiveRate { rate, expected, archived } => {
            let before = existing_rate(view, *rate, *expected)?;
            if before.archived == *archived {
                return Ok(Change::None(Reply::about(rate.bits(), before.revision)));
            }
            Ok(Change::Rate(Rate { revision: before.revision + 1, archived: *archived, ..before }))
        }
    }
}

fn existing_zone(view: &impl View, id: ZoneId, expected: Option<u64>) -> Result<Zone, Refusal> {
    let zone = zone(view, id).ok_or(Refusal::UnknownZone { zone: id })?;
    require_revision(zone.revision, expected)?;
    Ok(zone)
}

fn existing_rate(view: &impl View, id: RateId, expected: Option<u64>) -> Result<Rate, Refusal> {
    let rate = rate(view, id).ok_or(Refusal::UnknownRate { rate: id })?;
    require_revision(rate.revision, expected)?;
    Ok(rate)
}

fn require_revision(stands: u64, expected: Option<u64>) -> Result<(), Refusal> {
    match expected {
        Some(expected) if expected != stands => Err(Refusal::Stale { revision: stands }),
        _ => Ok(()),
    }
}

fn put_zone(after: Zone) -> Result<Change, Refusal> {
    let areas = &after.details.areas;
    check::not_empty("areas", areas.len())?;
    check::count("areas", areas.len(), PLACES_MAX)?;
    for area in areas {
        check_area(area)?;
    }
    check::fits("zone", &after)?;
    Ok(Change::Zone(after))
}

fn check_area(area: &Area) -> Result<(), Invalid> {
    let place = tax::Place { country: area.country.clone(), region: area.region.clone() };
    if !place.is_consistent() {
        return Err(Invalid::unsuitable("areas/region", place));
    }
    check::count("areas/postal_prefixes", area.postal_prefixes.len(), POSTAL_PREFIXES_MAX)?;
    check::distinct("areas/postal_prefixes", &area.postal_prefixes)?;
    let plain = |prefix: &String| {
        (1..=10).contains(&prefix.len())
            && prefix.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
    };
    match area.postal_prefixes.iter().find(|prefix| !plain(prefix)) {
        Some(prefix) => Err(Invalid::unsuitable("areas/postal_prefixes", prefix)),
        None => Ok(()),
    }
}

fn put_rate(view: &impl View, after: Rate) -> Result<Change, Refusal> {
    let details = &after.details;
    check::named("name", &details.name, Name::CHARS_MAX as usize)?;
    check::range("days_max", details.days_max.into(), details.days_min.into(), DAYS_MAX)?;
    let code = &details.tax_category;
    tax::category(view, code).ok_or_else(|| Refusal::UnknownTaxCategory { code: code.clone() })?;
    check::not_empty("tariffs", details.tariffs.len())?;
    check::count("tariffs", details.tariffs.len(), 20)?;
    for (currency, tariff) in &details.tariffs {
        check_tariff(tariff).map_err(|invalid| invalid.inside(&format!("tariffs/{currency}")))?;
    }
    check::fits("rate", &after)?;
    Ok(Change::Rate(after))
}

fn check_tariff(tariff: &Tariff) -> Result<(), Invalid> {
    check::range("free_from", tariff.free_from.unwrap_or(0), 0, AMOUNT_MAX)?;
    let price = |price: i64| check::range("price", price, 0, AMOUNT_MAX);
    match &tariff.charge {
        Charge::Flat(amount) => price(*amount),
        Charge::ByWeight(bands) => {
            check_bands(bands.len(), bands.iter().map(|band| band.grams_max.map_or(i64::MAX, i64::from)))?;
            bands.iter().try_for_each(|band| price(band.price))
        }
        Charge::ByWorth(bands) => {
            check_bands(bands.len(), bands.iter().map(|band| band.worth_min))?;
            bands.iter().try_for_each(|band| price(band.price))
        }
    }
}

/// Bands follow each other upwards.
fn check_bands(count: usize, edges: impl Iterator<Item = i64>) -> Result<(), Invalid> {
    check::not_empty("bands", count)?;
    check::count("bands", count, BANDS_MAX)?;
    let edges: Vec<i64> = edges.collect();
    match edges.windows(2).find(|pair| pair[0] >= pair[1]) {
        Some(pair) => {
            let (least, most) = (pair[0].saturating_add(1), i64::MAX);
            Err(Invalid::new("bands", Problem::OutOfRange { least, most }))
        }
        None => Ok(()),
    }
}

fn evolve(scope: &mut Scope<'_, '_>, change: Change) -> Reply {
    match change {
        Change::None(reply) => reply,
        Change::Zone(after) => {
            ZONES.put(scope, &after.id, &after);
            scope.emit(Event::ZonePut { zone: after.id, revision: after.revision });
            Reply::about(after.id.bits(), after.revision)
        }
        Change::RemoveZone { zone, rates } => {
            for rate in rates {
                RATES.delete(scope, &(zone, rate));
                RATE_ZONES.delete(scope, &rate);
            }
            ZONES.delete(scope, &zone);
            scope.emit(Event::ZoneRemoved { zone });
            Reply::about(zone.bits(), 0)
        }
        Change::Rate(after) => {
            let Rate { id: rate, zone, revision, .. } = after;
            RATES.put(scope, &(zone, rate), &after);
            RATE_ZONES.put(scope, &rate, &RateZone(zone));
            scope.emit(Event::RatePut { rate, zone, revision });
            Reply::about(rate.bits(), revision)
        }
    }
}
