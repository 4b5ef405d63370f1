//! Records and values.

use crate::code::Code;
use crate::ids::ZoneId;
use crate::locale::{Country, RegionCode};
use crate::scope::Table;
use crate::text::Name;
use serde::{Deserialize, Serialize};

pub const CATEGORIES_MAX: usize = 100;
pub const ZONES_MAX: usize = 300;
pub const PLACES_MAX: usize = 300;
pub const COMPONENTS_MAX: usize = 8;
/// 200 %: more is a slip of the pen.
pub const RATE_PPM_MAX: u32 = 2_000_000;

/// What a thing is for the tax office: `standard`, `reduced`, `zero`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaxCategory {
    pub code: Code,
    pub revision: u64,
    pub name: Name,
}
gearify_storage::first_version!(TaxCategory);

/// A country, or one state or province of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    pub country: Country,
    pub region: Option<RegionCode>,
}

impl Place {
    pub fn country(country: Country) -> Place {
        Place { country, region: None }
    }

    /// The region, if there is one, lies in the country.
    pub fn is_consistent(&self) -> bool {
        self.region.as_ref().is_none_or(|region| {
            region.as_str().split('-').next().is_some_and(|prefix| prefix == self.country.as_str())
        })
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.region {
            Some(region) => region.fmt(f),
            None => self.country.fmt(f),
        }
    }
}

/// Places taxed alike. A place belongs to at most one zone; a region's zone goes before its country's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaxZone {
    pub id: ZoneId,
    pub revision: u64,
    pub name: Name,
    pub places: Vec<Place>,
}
gearify_storage::first_version!(TaxZone);

/// When a rate is due, seen from the seller's own region.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Due {
    Always,
    /// Seller and destination share a region (India: CGST and SGST), or the destination's is unknown.
    WithinSellerRegion,
    /// They do not (India: IGST).
    AcrossRegions,
}

/// One tax on a category in a zone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Rate {
    /// `VAT`, `CGST`.
    pub code: Name,
    /// As shown: `VAT 20 %`.
    pub name: Name,
    /// Who levies it: `GB`, `IN-MH`.
    pub jurisdiction: Name,
    pub rate_ppm: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ZoneRate {
    pub due: Due,
    pub rate: Rate,
}

/// The taxes on one category in one zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ZoneRates {
    pub revision: u64,
    pub rates: Vec<ZoneRate>,
}
gearify_storage::first_version!(ZoneRates);

/// Where halves of a unit are rounded: in every line, or once in the whole order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Rounding {
    #[default]
    PerLine,
    PerOrder,
}

/// What an inclusive price keeps when goods go where other taxes are due.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Elsewhere {
    /// The shopper pays the same everywhere.
    #[default]
    KeepGross,
    /// The seller keeps the same everywhere; the shopper pays local taxes on it.
    KeepNet,
}

/// A seller's standing choices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rules {
    /// Where the seller is; also the destination that is assumed before one is known.
    pub home: Place,
    pub rounding: Rounding,
    pub elsewhere: Elsewhere,
}

pub const CATEGORIES: Table<Code, TaxCategory> = Table::new(70);
pub const ZONES: Table<ZoneId, TaxZone> = Table::new(71);
/// Zones by country and region; the country alone has an empty region.
pub const PLACES: Table<(Country, String), ZoneRef> = Table::new(72);
pub const RATES: Table<(ZoneId, Code), ZoneRates> = Table::new(73);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ZoneRef(pub ZoneId);
gearify_storage::first_version!(ZoneRef);
