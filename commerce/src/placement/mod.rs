//! Which shard of a region holds which site, and which nodes run which shard.
//!
//! A region's sites are divided over its shards, each a group with a log of its own. The table of both
//! stands in the state of the first shard, which every node of the region has; world knows only the region of
//! a site. A region that was never divided has no table, and everything is in its first shard.
//! Group: the region's first shard. Scope: the platform's.

mod apply;
mod command;
mod error;
mod model;
mod seating;
#[cfg(test)]
mod tests;

pub use apply::apply;
pub use command::Command;
pub use error::Refusal;
pub(crate) use model::ELSEWHERE;
pub use model::{Placement, SHARDS_MAX, Seats, Shard, VOTERS, moved_to, read};
