//! Refusals of orders: facts, not sentences.

use crate::ids::{LineId, OrderId, ShipmentId, WarehouseId};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, thiserror::Error, Serialize, Deserialize)]
pub enum Refusal {
    #[error("there is no order {order}")]
    UnknownOrder { order: OrderId },
    #[error("there is no line {line} in this order")]
    UnknownLine { line: LineId },
    #[error("there is no shipment {shipment} in this order")]
    UnknownShipment { shipment: ShipmentId },
    #[error("an order that is {status} can't be {wanted}")]
    WrongStatus { status: String, wanted: String },
    #[error("only {open} pieces of line {line} are left")]
    TooMany { line: LineId, open: u32 },
    #[error("there is nothing left to ship")]
    NothingToShip,
    #[error("{short} pieces of line {line} are not in stock yet")]
    NotInStock { line: LineId, short: u32 },
    #[error("nothing was chosen")]
    NothingChosen,
    #[error("the order changed meanwhile")]
    Stale,
    #[error("at most {refundable} can be given back")]
    MoreThanPaid { refundable: i64 },
    #[error("the amount must be more than zero")]
    NotPositive,
    #[error("the text is too long")]
    TooLong,
    #[error("the order's record is full")]
    Full,
    #[error("there is no payment to give back")]
    NoPayment,
    #[error("there is nothing to write a document about")]
    NothingToIssue,
    #[error("there is no warehouse {warehouse} that sends")]
    UnknownWarehouse { warehouse: WarehouseId },
    #[error("nothing of line {line} is set aside elsewhere")]
    NothingToMove { line: LineId },
    #[error("only {available} of {requested} {sku} are free there")]
    NotThere { line: LineId, sku: String, requested: u32, available: u32 },
}
