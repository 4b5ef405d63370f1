//! What callers see of the state: views built from records, in one place for API and pages.
//!
//! A view is the API's own shape, converted by hand from records, so that a rename in one never breaks
//! the other. Nothing here writes.

pub mod cards;
pub mod carts;
pub mod categories;
pub mod kits;
pub mod orders;
pub mod products;
pub mod stock;
pub mod values;

pub(crate) use values::list_view;
pub use values::{ImageView, ListTotal, MoneyView, moment, money};
