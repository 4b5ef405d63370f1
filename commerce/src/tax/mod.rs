//! Taxes: categories, zones, rates, and how they are computed.
//!
//! Rates are parts per million and the amounts minor units; halves round away from zero. A zone is
//! found by the shipping country and region; several taxes may be due on one thing. Nothing here is
//! read again for an order that was placed: the quote freezes its tax lines.
//! Group: catalogue. Scope: the tenant, no site.

mod apply;
mod command;
mod error;
mod levy;
mod model;
mod read;
#[cfg(test)]
mod tests;

pub use apply::apply;
pub use command::{Command, Event};
pub use error::Refusal;
pub use levy::*;
pub use model::*;
pub use read::*;
