//! What may be asked, and what is reported.

use super::{RateDetails, ZoneDetails};
use crate::ids::{RateId, ZoneId};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Command {
    CreateZone {
        details: ZoneDetails,
    },
    UpdateZone {
        zone: ZoneId,
        expected: Option<u64>,
        details: ZoneDetails,
    },
    /// Its rates go with it.
    RemoveZone {
        zone: ZoneId,
        expected: Option<u64>,
    },
    CreateRate {
        zone: ZoneId,
        details: RateDetails,
    },
    UpdateRate {
        rate: RateId,
        expected: Option<u64>,
        details: RateDetails,
    },
    ArchiveRate {
        rate: RateId,
        expected: Option<u64>,
        archived: bool,
    },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Event {
    ZonePut { zone: ZoneId, revision: u64 },
    ZoneRemoved { zone: ZoneId },
    RatePut { rate: RateId, zone: ZoneId, revision: u64 },
}

impl Event {
    pub fn name(&self) -> &'static str {
        match self {
            Event::ZonePut { .. } => "delivery_zone.updated",
            Event::ZoneRemoved { .. } => "delivery_zone.deleted",
            Event::RatePut { .. } => "delivery_rate.updated",
        }
    }
}
