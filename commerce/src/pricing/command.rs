//! What may be asked, and what is reported.

use super::{Price, PriceKey, PriceListDetails};
use crate::code::Code;
use crate::ids::VariantId;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Command {
    PutPriceList {
        expected: Option<u64>,
        details: PriceListDetails,
    },
    /// Writes rows; one with the same key is replaced. All or none.
    SetPrices {
        prices: Vec<Price>,
    },
    /// Writes all rows of a variant: what is not named goes. `expected` is the revision of the
    /// variant's prices.
    ReplacePrices {
        variant: VariantId,
        expected: Option<u64>,
        prices: Vec<Price>,
    },
    RemovePrice {
        key: PriceKey,
    },
    /// Looks at a variant's limited prices as of the entry's time; nothing if none begins or ends.
    TurnDue {
        variant: VariantId,
    },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Event {
    PriceListPut {
        code: Code,
        revision: u64,
    },
    /// Rows were written, or a limited price began or ended by the revision that stood.
    PricesChanged {
        variant: VariantId,
        revision: u64,
    },
}

impl Event {
    pub fn name(&self) -> &'static str {
        match self {
            Event::PriceListPut { .. } => "price_list.updated",
            Event::PricesChanged { .. } => "price.updated",
        }
    }
}
