//! Refusals: facts, not sentences.

use crate::check::Invalid;
use crate::code::Code;
use crate::ids::{RateId, ZoneId};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, thiserror::Error, Serialize, Deserialize)]
pub enum Refusal {
    #[error("there is no delivery zone {zone}")]
    UnknownZone { zone: ZoneId },
    #[error("there is no delivery rate {rate}")]
    UnknownRate { rate: RateId },
    #[error("there is no tax category {code}")]
    UnknownTaxCategory { code: Code },
    #[error("revision {revision} stands, not the one this change was made from")]
    Stale { revision: u64 },
    #[error(transparent)]
    Invalid(#[from] Invalid),
}
