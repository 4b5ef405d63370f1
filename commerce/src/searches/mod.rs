//! What shoppers sought and did not find, for whoever decides what the shop sells next.
//!
//! Only counts are kept, by day and for thirty days, of terms that say nothing about a person. A shop keeps
//! the first hundred terms of a day: what comes after them is rare, or made up to fill the list.

mod apply;
mod command;
mod model;
#[cfg(test)]
mod tests;

pub use apply::apply;
pub use command::Command;
pub use model::*;
