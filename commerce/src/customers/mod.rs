//! Customers with their addresses, consents and sessions.

mod apply;
mod command;
mod error;
mod model;
mod session;
#[cfg(test)]
mod tests;

pub use apply::apply;
pub use command::{Command, Event};
pub use error::Refusal;
pub use model::*;
