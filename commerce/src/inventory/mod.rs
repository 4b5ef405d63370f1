//! Stock per item and warehouse: on hand, reserved, allocated.
//!
//! Invariant: no part of a level is ever negative, and nothing is promised twice. Checking and taking
//! are one step of one log entry, so two buyers of the last piece can't both win.
//! Time: a hold's end is compared with the entry's time; an expired hold never counts, swept or not.
//! This context alone reports `OutOfStock`, `LowStockAlert` and `ProductOutOfStock`.

mod apply;
mod command;
mod error;
mod model;
pub mod shelf;
pub mod stock;
#[cfg(test)]
mod tests;

pub use apply::apply;
pub use command::{Cause, Change, Command, Event, Reason};
pub use error::Refusal;
pub use model::*;
pub use shelf::Shelf;
