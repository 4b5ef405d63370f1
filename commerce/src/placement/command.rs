//! What may be asked.

use super::{LastStep, Shard};
use crate::bundle::ArrivalId;
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
    /// The site is to go to another shard.
    Move { tenant: TenantId, site: Site, to: Shard },
    /// Somebody begins to carry it this way, under this arrival; whoever carried it before gives up. Who has not
    /// heard yet that the site has been there and gone on names another way than it is on.
    Attempt { tenant: TenantId, site: Site, from: Shard, to: Shard, arrival: ArrivalId },
    /// Of the site itself, in the shard that it leaves: from here on nothing else is written to it there.
    Leave { to: Shard },
    /// All but the last step of the arrival is taken: the site is the other shard's, which has everything once
    /// it has applied `since`.
    Placed { tenant: TenantId, site: Site, arrival: ArrivalId, since: u64, last: LastStep },
    /// The last step is taken.
    Settled { tenant: TenantId, site: Site, arrival: ArrivalId },
    /// Of the site itself, in the shard that it has left: removes what is still there, a bounded number of rows.
    /// Answers with how many, as the reply's id.
    Sweep,
    /// As [`Command::Seat`], with so many voters a shard, as far as there are nodes.
    SeatWide { shards: u16, nodes: Vec<u64>, voters: u8 },
}
