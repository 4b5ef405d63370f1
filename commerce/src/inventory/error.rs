//! Refusals of stock: facts, not sentences.

use crate::ids::{StockItemId, WarehouseId};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, thiserror::Error, Serialize, Deserialize)]
pub enum Refusal {
    #[error("there is no warehouse {warehouse}")]
    UnknownWarehouse { warehouse: WarehouseId },
    #[error("there is no stock item {item}")]
    UnknownItem { item: StockItemId },
    #[error("the warehouse code {code} is taken")]
    CodeTaken { code: String },
    #[error("a site has at most {max} warehouses")]
    TooManyWarehouses { max: u32 },
    #[error("the code has 1 to 12 letters, digits or hyphens")]
    BadCode,
    #[error("only {free} pieces can be taken out; the others are promised")]
    BelowPromised { free: i64 },
    #[error("a level has at most {max} pieces")]
    TooMany { max: i64 },
    #[error("the quantity must not be zero")]
    Zero,
    #[error("both warehouses are the same")]
    SameWarehouse,
    #[error("the cart holds nothing")]
    NoHold,
    #[error("the hold lasts until later")]
    NotDue,
}
