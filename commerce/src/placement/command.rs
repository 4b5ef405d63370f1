//! What may be asked.

use crate::ids::TenantId;
use crate::scope::Site;
use serde::{Deserialize, Serialize};

/// The order of variants is stored: only append.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Command {
    /// The region has these shards, and these nodes to run them on. Said again with other nodes, only what
    /// must change changes; the number of shards never falls.
    Seat { shards: u16, nodes: Vec<u64> },
    /// Gives a site its shard, unless it has one. Answers with the shard's number as the reply's id.
    Place { tenant: TenantId, site: Site },
}
