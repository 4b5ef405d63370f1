//! Prices: rows by variant, list, quantity and time, and what a cart comes to.
//!
//! Invariants: one default list per currency; amounts are never converted between currencies; a list's
//! currency and tax mode never change, since its amounts would mean something else. The most specific
//! price wins. Whoever asks says the time; nothing here looks at a clock.
//! Group: catalogue. Scope: the tenant, no site.

mod apply;
mod command;
mod error;
mod model;
pub mod quote;
#[cfg(test)]
mod quote_tests;
mod read;
#[cfg(test)]
mod tests;

pub use apply::apply;
pub use command::{Command, Event};
pub use error::Refusal;
pub use model::*;
pub use read::*;
