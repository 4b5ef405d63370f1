//! Refusals: facts, not sentences.

use super::Shard;
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
}
