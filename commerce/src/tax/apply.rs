//! Decides and evolves.

use super::model::*;
use super::read::{category, place_key, zone, zone_rates, zones};
use super::{Command, Event, Refusal};
use crate::check::{self, Invalid};
use crate::code::Code;
use crate::command::Reply;
use crate::ids::ZoneId;
use crate::scope::{Scope, View};

/// What will be written.
enum Change {
    Category(TaxCategory),
    Zone { before: Option<TaxZone>, after: Option<TaxZone>, id: ZoneId },
    Rates { zone: ZoneId, category: Code, after: ZoneRates },
}

pub fn apply(scope: &mut Scope<'_, '_>, command: &Command) -> Result<Reply, Refusal> {
    let fresh = ZoneId::from_bits(scope.mint());
    let change = decide(scope, fresh, command)?;
    Ok(evolve(scope, change))
}

fn decide(view: &impl View, fresh: ZoneId, command: &Command) -> Result<Change, Refusal> {
    match command {
        Command::PutCategory { expected, code, name } => {
            let before = category(view, code).map_or(0, |found| found.revision);
            require_revision(before, *expected)?;
            if before == 0 {
                let own = CATEGORIES.list(view, &(), CATEGORIES_MAX).len();
                check::count("categories", own + 1, CATEGORIES_MAX)?;
            }
            Ok(Change::Category(TaxCategory { code: code.clone(), revision: before + 1, name: name.clone() }))
        }
        Command::CreateZone { name, places } => {
            check::count("zones", zones(view).len() + 1, ZONES_MAX)?;
            let after = TaxZone { id: fresh, revision: 1, name: name.clone(), places: places.clone() };
            put_zone(view, None, after)
        }
        Command::UpdateZone { zone, expected, name, places } => {
            let before = existing_zone(view, *zone, *expected)?;
            let revision = before.revision + 1;
            let after = TaxZone { revision, name: name.clone(), places: places.clone(), ..before.clone() };
            put_zone(view, Some(before), after)
        }
        Command::RemoveZone { zone, expected } => {
            let before = existing_zone(view, *zone, *expected)?;
            Ok(Change::Zone { before: Some(before), after: None, id: *zone })
        }
        Command::SetRates { zone, category, expected, rates } => {
            set_rates(view, *zone, category, *expected, rates)
        }
    }
}

fn existing_zone(view: &impl View, id: ZoneId, expected: Option<u64>) -> Result<TaxZone, Refusal> {
    let zone = zone(view, id).ok_or(Refusal::UnknownZone { zone: id })?;
    require_revision(zone.revision, expected)?;
    Ok(zone)
}

fn require_revision(stands: u64, expected: Option<u64>) -> Result<(), Refusal> {
    match expected {
        Some(expected) if expected != stands => Err(Refusal::Stale { revision: stands }),
        _ => Ok(()),
    }
}

fn put_zone(view: &impl View, before: Option<TaxZone>, after: TaxZone) -> Result<Change, Refusal> {
    check::not_empty("places", after.places.len())?;
    check::count("places", after.places.len(), PLACES_MAX)?;
    check::distinct("places", &after.places)?;
    for place in &after.places {
        if !place.is_consistent() {
            return Err(Invalid::unsuitable("places", place).into());
        }
        match PLACES.get(view, &key_of(place)) {
            Some(ZoneRef(zone)) if zone != after.id => {
                return Err(Refusal::PlaceTaken { place: place.clone(), zone });
            }
            _ => {}
        }
    }
    check::fits("zone", &after)?;
    Ok(Change::Zone { before, id: after.id, after: Some(after) })
}

fn set_rates(
    view: &impl View,
    id: ZoneId,
    code: &Code,
    expected: Option<u64>,
    rates: &[ZoneRate],
) -> Result<Change, Refusal> {
    existing_zone(view, id, None)?;
    category(view, code).ok_or_else(|| Refusal::UnknownCategory { code: code.clone() })?;
    let before = zone_rates(view, id, code).map_or(0, |found| found.revision);
    require_revision(before, expected)?;
    check::count("rates", rates.len(), COMPONENTS_MAX)?;
    for rate in rates {
        check::range("rates/rate_ppm", rate.rate.rate_ppm.into(), 0, RATE_PPM_MAX.into())?;
    }
    let after = ZoneRates { revision: before + 1, rates: rates.to_vec() };
    Ok(Change::Rates { zone: id, category: code.clone(), after })
}

fn key_of(place: &Place) -> (crate::locale::Country, String) {
    place_key(&place.country, place.region.as_ref().map_or(String::new(), |region| region.to_string()))
}

fn evolve(scope: &mut Scope<'_, '_>, change: Change) -> Reply {
    match change {
        Change::Category(after) => {
            CATEGORIES.put(scope, &after.code, &after);
            let revision = after.revision;
            scope.emit(Event::CategoryPut { code: after.code, revision });
            Reply { revision, ..Reply::default() }
        }
        Change::Zone { before, after, id } => {
            let old_places = before.iter().flat_map(|zone| &zone.places);
            old_places.for_each(|place| PLACES.delete(scope, &key_of(place)));
            match &after {
                Some(zone) => write_zone(scope, zone),
                None => remove_zone(scope, id),
            }
            Reply::about(id.bits(), after.map_or(0, |zone| zone.revision))
        }
        Change::Rates { zone, category, after } => {
            let revision = after.revision;
            RATES.put(scope, &(zone, category.clone()), &after);
            scope.emit(Event::RatesSet { zone, category, revision });
            Reply::about(zone.bits(), revision)
        }
    }
}

fn write_zone(scope: &mut Scope<'_, '_>, zone: &TaxZone) {
    zone.places.iter().for_each(|place| PLACES.put(scope, &key_of(place), &ZoneRef(zone.id)));
    ZONES.put(scope, &zone.id, zone);
    scope.emit(Event::ZonePut { zone: zone.id, revision: zone.revision });
}

fn remove_zone(scope: &mut Scope<'_, '_>, id: ZoneId) {
    for category in super::categories(scope) {
        RATES.delete(scope, &(id, category.code));
    }
    ZONES.delete(scope, &id);
    scope.emit(Event::ZoneRemoved { zone: id });
}
