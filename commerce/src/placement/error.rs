//! Refusals: facts, not sentences.

use super::{Shard, VOTERS, VOTERS_MAX};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, thiserror::Error, Serialize, Deserialize)]
pub enum Refusal {
    /// To every command for a site that another shard holds.
    #[error("the shop's data is in {to}")]
    Moved { to: Shard },
    #[error("a region has 1 to {max} shards")]
    ShardsOutOfRange { max: u16 },
    #[error("the region has {shards} shards; that many stay")]
    FewerShards { shards: u16 },
    #[error("no node is named")]
    NoNodes,
    #[error("the region has no {to}")]
    UnknownShard { to: Shard },
    #[error("the shop has no shard yet")]
    NotPlaced,
    #[error("the shop is in {to} already")]
    AlreadyThere { to: Shard },
    #[error("the shop is on its way to {to}")]
    AlreadyMoving { to: Shard },
    #[error("the shop is not on its way anywhere")]
    NotMoving,
    /// To who carried a site before somebody else began to.
    #[error("another attempt has begun")]
    OtherAttempt,
    #[error("the shop is on its way from {from} to {to}")]
    OtherWay { from: Shard, to: Shard },
    #[error("the shop has arrived, but for the last step")]
    AlreadyPlaced,
    #[error("the shop has not arrived yet")]
    NotArrived,
    #[error("the shop has not left")]
    NotLeft,
    #[error("not every node knows how shops move yet: replace the older programs first")]
    OldProgram,
    #[error("a shard has {VOTERS} or {VOTERS_MAX} voters")]
    Voters,
}
