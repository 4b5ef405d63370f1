//! Refusals: facts, not sentences.

use super::Place;
use crate::check::Invalid;
use crate::code::Code;
use crate::ids::ZoneId;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, thiserror::Error, Serialize, Deserialize)]
pub enum Refusal {
    #[error("there is no tax zone {zone}")]
    UnknownZone { zone: ZoneId },
    #[error("there is no tax category {code}")]
    UnknownCategory { code: Code },
    #[error("{place} belongs to another tax zone")]
    PlaceTaken { place: Place, zone: ZoneId },
    #[error("revision {revision} stands, not the one this change was made from")]
    Stale { revision: u64 },
    #[error(transparent)]
    Invalid(#[from] Invalid),
}
