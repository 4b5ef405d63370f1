//! What may be asked.

use super::{ArrivalId, SiteRow};
use crate::command::GroupKind;
use crate::ids::{PersonId, TenantId};
use crate::processes::schedule::{Due, Work};
use crate::tenants::Tenant;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Rows one [`Change::Clear`] removes at most.
pub const CLEAR_MAX: usize = 512;

/// The order of variants is stored: only append.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Command {
    /// One step of an arrival. Steps are numbered from 0.
    Arrive { group: GroupKind, arrival: ArrivalId, step: u64, change: Change },
    /// Erases people again who were erased after the moment that a restored state is of.
    Forget { group: GroupKind, people: Vec<(PersonId, Timestamp)> },
}

/// What one step brings. The order of variants is stored: only append.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Change {
    /// The first step. From here on the site is closed to everything else.
    Begin,
    /// Removes what stands here, at most [`CLEAR_MAX`] rows; answers with how many, as the reply's id.
    Clear,
    Rows(Vec<SiteRow>),
    /// Envelopes as they were stored, in order.
    Events(Vec<Vec<u8>>),
    Plan(Vec<(Timestamp, Due)>),
    Work(Vec<Work>),
    /// The last step: the site is open.
    End {
        /// The last number of the site's events; they must all be here.
        sequence: u64,
        /// In `world`: the shop's record, which makes it reachable.
        tenant: Option<Box<Tenant>>,
        /// In `world`: whose keys the shop's personal data and hashes are under, if not its own.
        keys_of: Option<TenantId>,
    },
    /// These rows are there, and no others from `from` up to, and without, `until`; the empty one is the end. At most
    /// [`CLEAR_MAX`] are removed: asked for again until the reply's id is 0. No row that is there before and after
    /// is missing in between, so that whoever computes from it finds it.
    Range {
        from: Vec<u8>,
        until: Vec<u8>,
        rows: Vec<SiteRow>,
    },
    /// Rows that are gone.
    Remove(Vec<Vec<u8>>),
    /// The last step of a move within a region: as [`Change::End`], and the site is this shard's.
    Land {
        sequence: u64,
    },
}

impl Command {
    pub fn group(&self) -> GroupKind {
        match self {
            Command::Arrive { group, .. } | Command::Forget { group, .. } => *group,
        }
    }
}
