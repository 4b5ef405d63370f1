//! Products, variants, categories, add-ons and their media.
//!
//! Invariants: every product has a variant; a variant has one value for each of its product's options
//! and no two live ones the same; a SKU is unique among live variants without regard to case; a slug
//! or a category's path that was ever used belongs to its owner for good, and old ones lead to the new.
//! Nothing is removed: orders, movements and reviews go on referring to what is archived.
//! Status (draft, active, archived) is apart from availability, which inventory knows.
//! Group: catalogue. Scope: the tenant, no site.

mod apply;
mod command;
mod definitions;
mod error;
mod model;
mod products;
mod read;
mod structure;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod values;
mod variants;

pub use apply::apply;
pub use command::{Command, Event};
pub use definitions::*;
pub use error::Refusal;
pub use model::*;
pub use read::*;
pub use values::*;
