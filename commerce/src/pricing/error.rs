//! Refusals: facts, not sentences.

use crate::check::Invalid;
use crate::code::Code;
use crate::ids::VariantId;
use crate::money::Currency;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, thiserror::Error, Serialize, Deserialize)]
pub enum Refusal {
    #[error("there is no price list {code}")]
    UnknownList { code: Code },
    #[error("there is no variant {variant}")]
    UnknownVariant { variant: VariantId },
    #[error("there is no such price")]
    UnknownPrice,
    #[error("{currency} has the default price list {code} already")]
    DefaultTaken { currency: Currency, code: Code },
    #[error("a price list's currency and tax mode can't change")]
    ListFixed,
    #[error("revision {revision} stands, not the one this change was made from")]
    Stale { revision: u64 },
    #[error(transparent)]
    Invalid(#[from] Invalid),
}
