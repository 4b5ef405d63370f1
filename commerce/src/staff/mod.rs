//! People who work in a shop or on the platform, and what they may do.
//!
//! Shop staff live in their tenant's scope, operators in the platform's. Invariant: a shop that has an
//! owner never loses its last one. What they keep for themselves and each other, views of lists, is here too.
//! Sessions are not here: they belong to the region that serves them.

mod apply;
mod command;
mod error;
mod model;
#[cfg(test)]
mod tests;
mod views;

pub use apply::apply;
pub use command::{Command, Event};
pub use error::Refusal;
pub use model::*;
pub use views::*;
