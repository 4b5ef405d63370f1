//! Carts: lines, destination, contact, addresses, delivery choice and hold.
//!
//! Invariants: equal choices are one line; a cart becomes at most one order; a change of lines ends
//! the hold, which no longer fits. Time: a cart's end is decided at use, and swept by the schedule.

mod apply;
mod command;
mod error;
mod model;
#[cfg(test)]
mod tests;

pub use apply::{apply, line_to_change, mark_ordered, open_cart, place_for, require_open, set_hold};
pub use command::{Command, Event, NewLine};
pub use error::Refusal;
pub use model::*;
