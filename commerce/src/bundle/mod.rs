//! A site's rows brought from one state into another: to move it, to restore it, to copy it.
//!
//! An arrival is a row of steps, each a command of bounded size, so that every replica gets what arrives
//! through its log. A step counts once, however often it is asked for, and only in its turn. While a site
//! arrives, nothing else is written to it: every other command is refused.
//!
//! Two things never go back, whatever arrives: the history (a site's events are numbered on, and those that
//! stand here already are not told again) and the erasure register (who was erased here stays erased, and no
//! key of theirs arrives).
//! Group: whichever the site's rows belong to. Scope: the site that arrives.

mod apply;
mod command;
mod error;
mod model;
mod read;
#[cfg(test)]
mod tests;

pub use apply::apply;
pub(crate) use apply::{ARRIVAL_TAG, ELSEWHERE_TAG, SEQUENCE_TAG, recalls};
pub use command::{CLEAR_MAX, Change, Command};
pub use error::Refusal;
pub(crate) use model::ARRIVAL;
pub use model::{Arrival, ArrivalId, SiteRow, arrival, is_arriving};
pub use read::{PlanPage, erased, plan, rows, sequence, travels, work};
