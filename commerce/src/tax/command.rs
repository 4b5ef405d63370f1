//! What may be asked, and what is reported.

use super::{Place, ZoneRate};
use crate::code::Code;
use crate::ids::ZoneId;
use crate::text::Name;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Command {
    PutCategory {
        expected: Option<u64>,
        code: Code,
        name: Name,
    },
    CreateZone {
        name: Name,
        places: Vec<Place>,
    },
    UpdateZone {
        zone: ZoneId,
        expected: Option<u64>,
        name: Name,
        places: Vec<Place>,
    },
    /// Takes its rates with it.
    RemoveZone {
        zone: ZoneId,
        expected: Option<u64>,
    },
    /// All taxes on a category in a zone; an empty list takes them off.
    SetRates {
        zone: ZoneId,
        category: Code,
        expected: Option<u64>,
        rates: Vec<ZoneRate>,
    },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Event {
    CategoryPut { code: Code, revision: u64 },
    ZonePut { zone: ZoneId, revision: u64 },
    ZoneRemoved { zone: ZoneId },
    RatesSet { zone: ZoneId, category: Code, revision: u64 },
}

impl Event {
    pub fn name(&self) -> &'static str {
        match self {
            Event::CategoryPut { .. } => "tax_category.updated",
            Event::ZonePut { .. } => "tax_zone.updated",
            Event::ZoneRemoved { .. } => "tax_zone.deleted",
            Event::RatesSet { .. } => "tax_rates.updated",
        }
    }
}
