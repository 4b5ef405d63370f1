//! Payments, attempts and refunds.
//!
//! Invariants: captured never exceeds one capture per attempt; refunds under way and done never exceed
//! what was captured; a provider's event acts once, whatever its repetitions and order.

mod apply;
mod command;
mod error;
mod model;
#[cfg(test)]
mod tests;

pub use apply::{MANUAL, apply};
pub use command::{Command, Event, Outcome, RefundOutcome};
pub use error::Refusal;
pub use model::*;
