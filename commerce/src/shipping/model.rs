//! Delivery zones and rates.

use crate::code::Code;
use crate::ids::{RateId, ZoneId};
use crate::locale::{Country, RegionCode};
use crate::money::Currency;
use crate::scope::Table;
use crate::text::{Name, Text};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

pub const ZONES_MAX: usize = 200;
pub const PLACES_MAX: usize = 300;
pub const POSTAL_PREFIXES_MAX: usize = 500;
pub const RATES_MAX: usize = 50;
pub const BANDS_MAX: usize = 50;

/// Places that are delivered to alike. The narrowest zone that holds a destination serves it alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Zone {
    pub id: ZoneId,
    pub revision: u64,
    pub details: ZoneDetails,
}
gearify_storage::first_version!(Zone);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ZoneDetails {
    pub name: Name,
    pub areas: Vec<Area>,
}

/// A country, a part of it, or the districts whose postal codes begin alike.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Area {
    pub country: Country,
    pub region: Option<RegionCode>,
    /// Capital letters and digits, no spaces; empty: all of it.
    pub postal_prefixes: Vec<String>,
}

/// One way of delivery in a zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    pub id: RateId,
    pub zone: ZoneId,
    pub revision: u64,
    /// Not offered any more; orders go on naming it.
    pub archived: bool,
    pub details: RateDetails,
}
gearify_storage::first_version!(Rate);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RateDetails {
    pub name: Text,
    pub carrier: Name,
    /// What it costs, in each currency it is offered in.
    pub tariffs: BTreeMap<Currency, Tariff>,
    /// Whole days from dispatch.
    pub days_min: u16,
    pub days_max: u16,
    pub tax_category: Code,
    /// Among the zone's rates.
    pub position: u32,
}

/// Minor units of its currency, in the tax mode of the currency's price list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tariff {
    pub charge: Charge,
    /// Goods of this worth and more are delivered for nothing.
    pub free_from: Option<i64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Charge {
    Flat(i64),
    /// The first band that is heavy enough; none, and the rate is not offered.
    ByWeight(Vec<WeightBand>),
    /// The last band that begins at or below the goods' worth; none, and the rate is not offered.
    ByWorth(Vec<WorthBand>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WeightBand {
    /// Inclusive. `None`: however heavy; only in the last band.
    pub grams_max: Option<u32>,
    pub price: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorthBand {
    pub worth_min: i64,
    pub price: i64,
}

impl Tariff {
    pub fn flat(price: i64) -> Tariff {
        Tariff { charge: Charge::Flat(price), free_from: None }
    }

    /// The price for goods of this weight and worth, or `None` if it is not offered for them.
    pub fn price(&self, weight_grams: u64, worth: i64) -> Option<i64> {
        let price = match &self.charge {
            Charge::Flat(price) => Some(*price),
            Charge::ByWeight(bands) => {
                let carries =
                    |band: &&WeightBand| band.grams_max.is_none_or(|most| weight_grams <= most.into());
                bands.iter().find(carries).map(|band| band.price)
            }
            Charge::ByWorth(bands) => {
                bands.iter().rev().find(|band| band.worth_min <= worth).map(|band| band.price)
            }
        }?;
        let free = self.free_from.is_some_and(|from| worth >= from);
        Some(if free { 0 } else { price })
    }
}

pub const ZONES: Table<ZoneId, Zone> = Table::new(75);
pub const RATES: Table<(ZoneId, RateId), Rate> = Table::new(76);
pub const RATE_ZONES: Table<RateId, RateZone> = Table::new(77);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RateZone(pub ZoneId);
gearify_storage::first_version!(RateZone);
