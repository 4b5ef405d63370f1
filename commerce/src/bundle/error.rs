//! Refusals: facts, not sentences.

use crate::tenants;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, thiserror::Error, Serialize, Deserialize)]
pub enum Refusal {
    /// To everything but the arrival itself.
    #[error("the shop's data is being brought here")]
    Arriving,
    #[error("a later arrival has begun")]
    Overtaken,
    #[error("step {next} is next")]
    OutOfTurn { next: u64 },
    #[error("the shop sells; suspend it first")]
    Sells,
    #[error("the events up to {wanted} are not here; the last is {here}")]
    EventsMissing { wanted: u64, here: u64 },
    #[error("event {sequence} can't be read")]
    UnreadableEvent { sequence: u64 },
    #[error("a row that belongs to the state itself can't arrive")]
    OwnRow,
    #[error("a row is outside of the range that it is to fill")]
    OutOfRange,
    #[error("the shop's data belongs into another shard")]
    Elsewhere,
    #[error(transparent)]
    Tenant(#[from] tenants::Refusal),
}
