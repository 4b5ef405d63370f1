//! People who work in a shop or on the platform, and what they may do.

mod apply;
mod command;
mod error;
mod model;
#[cfg(test)]
mod tests;

pub use apply::apply;
pub use command::{Command, Event};
pub use error::Refusal;
pub use model::*;
