//! Which shard of a region holds which site, and which nodes run which shard.
//!
//! A region's sites are divided over its shards, each a group with a log of its own. The table of both
//! stands in the state of the first shard, which every node of the region has; world knows only the region of
//! a site. A region that was never divided has no table, and everything is in its first shard.
//!
//! A site moves while it sells. That it shall is a row of the first shard; whoever leads the shard that it leaves
//! brings it to the other as an arrival ([`crate::bundle`]), says `Leave` where it was, brings the rest, and says
//! `Placed` in the first shard. Until then an attempt that broke off is begun anew, under a greater arrival; from
//! then on nobody starts over, and what is left is the arrival's last step. At every moment one shard at most
//! takes commands for the site: the one it leaves up to `Leave`, the other from the last step on.
//! Group: the region's first shard. Scope: the platform's.

mod apply;
mod command;
mod error;
mod model;
mod moving;
mod seating;
#[cfg(test)]
mod tests;

pub use apply::apply;
pub use command::Command;
pub use error::Refusal;
pub(crate) use model::ELSEWHERE;
pub use model::{
    LastStep, Left, Move, Placement, SHARDS_MAX, Seats, Shard, SitePlace, VOTERS, VOTERS_MAX, closed, left,
    moved_to, read,
};
