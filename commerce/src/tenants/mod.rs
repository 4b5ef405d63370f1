//! Shops on the platform: who they are, how they look, what they may use.

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
