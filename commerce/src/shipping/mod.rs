//! Delivery: where a shop delivers, by whom, in how many days and for how much.
//!
//! Invariants: a destination is served by one zone, the narrowest that holds it; a zone without rates
//! says "not delivered there", which is how districts are left out. Weights are grams, amounts minor
//! units, days whole days from dispatch. Shipments of an order belong to orders.
//! Group: catalogue. Scope: the tenant, no site.

mod apply;
mod command;
mod error;
mod model;
mod read;
#[cfg(test)]
mod tests;

pub use apply::apply;
pub use command::{Command, Event};
pub use error::Refusal;
pub use model::*;
pub use read::*;
