//! Orders as complete money snapshots: lifecycle, shipments, refunds, papers, notes.
//!
//! Invariants, asserted whenever an order is written: totals are the sums of lines; no more pieces
//! leave than were ordered. Nothing is recomputed later with the rules of that later day.

mod allocate;
mod apply;
mod command;
pub mod document;
#[cfg(test)]
mod document_tests;
mod error;
mod model;
pub mod reason;
pub mod refund;
mod ship;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

pub use apply::{NEW_ORDER_BYTES_MAX, apply, came_to_nothing, stored_bytes};
pub use command::{Command, Event};
pub use document::{Document, DocumentKind, DocumentNumber, PAPERS, Papers, SERIES, Seller};
pub use error::Refusal;
pub use model::*;
pub use reason::{BY_CUSTOMER, REASONS, Why, why_cancelled, why_refunded};
