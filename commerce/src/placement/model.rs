//! Records and values.

use super::Command;
use crate::bundle::{self, ArrivalId};
use crate::command::Command as AnyCommand;
use crate::ids::TenantId;
use crate::scope::{Key, ReadScope, Site, Table, View};
use crate::time::Timestamp;
use gearify_storage::Reader;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Most shards of one region.
pub const SHARDS_MAX: u16 = 64;
/// Voters of a shard, as far as the region has so many nodes.
pub const VOTERS: u8 = 3;
/// Of a region that says so: a shard loses two nodes and goes on.
pub const VOTERS_MAX: u8 = 5;

/// One of a region's shards, counted from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Shard(pub u16);

impl Shard {
    /// Every region has it; it holds the placement of all.
    pub const FIRST: Shard = Shard(0);
}

impl std::fmt::Display for Shard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "shard {}", self.0)
    }
}

impl Key for Shard {
    fn push(&self, out: &mut Vec<u8>) {
        self.0.push(out);
    }
}

/// Where a shard is, and how much it holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seats {
    /// In order of their numbers.
    pub nodes: Vec<u64>,
    /// Begins the shard's log, once and alone; the others join it.
    pub founder: u64,
    /// Sites that were placed here.
    pub sites: u32,
}
gearify_storage::first_version!(Seats);

/// The shard that holds a site.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SitePlace {
    pub shard: Shard,
    /// Whoever has applied so much of the shard's log has all of the site; 0 for one that began there.
    pub since: u64,
}
gearify_storage::first_version!(SitePlace);

/// A site on its way from one shard to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Move {
    pub from: Shard,
    pub to: Shard,
    /// Of the last attempt.
    pub arrival: Option<ArrivalId>,
    /// The site is there: this alone is missing.
    pub last: Option<LastStep>,
}
gearify_storage::first_version!(Move);

/// What the last step of an arrival needs, so that anybody can take it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastStep {
    pub step: u64,
    /// The last number of the site's events.
    pub sequence: u64,
}

/// In the scope of a site that another shard holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Elsewhere {
    pub to: Shard,
    /// It was here, and its rows still are.
    pub is_leaving: bool,
}
gearify_storage::first_version!(Elsewhere);

/// A site that has left, and whose rows are still here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Left {
    pub at: Timestamp,
}
gearify_storage::first_version!(Left);

pub(crate) const ELSEWHERE: Table<(), Elsewhere> = Table::new(11);
pub(super) const SEATS: Table<Shard, Seats> = Table::new(12);
pub(super) const SITES: Table<(TenantId, Site), SitePlace> = Table::new(13);
pub(super) const MOVES: Table<(TenantId, Site), Move> = Table::new(14);
/// In the shard that they have left.
pub(super) const LEFT: Table<(TenantId, Site), Left> = Table::new(15);

/// The shard that holds a site, if it is not the one whose state this is.
pub fn moved_to(view: &(impl View + ?Sized)) -> Option<Shard> {
    ELSEWHERE.get(view, &()).map(|elsewhere| elsewhere.to)
}

/// Where this has to go instead, if the site is in another shard; `None` for a command that is not known yet.
/// What brings a site along, or takes away what it left, is let in.
pub fn closed(view: &(impl View + ?Sized), command: Option<&AnyCommand>) -> Option<Shard> {
    let Elsewhere { to, is_leaving } = ELSEWHERE.get(view, &())?;
    let is_let_in = match command {
        Some(AnyCommand::Placement(Command::Leave { .. } | Command::Sweep)) => true,
        // It comes back once nothing is left of it.
        Some(AnyCommand::Bundle(bundle::Command::Arrive { .. })) => !is_leaving,
        _ => false,
    };
    (!is_let_in).then_some(to)
}

/// A region's placement as a whole, for those who look things up often.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Placement {
    /// Empty where the region was never divided.
    pub shards: BTreeMap<Shard, Seats>,
    pub sites: BTreeMap<(TenantId, Site), SitePlace>,
    pub moves: BTreeMap<(TenantId, Site), Move>,
}

impl Placement {
    pub fn is_divided(&self) -> bool {
        !self.shards.is_empty()
    }

    /// The shard that holds a site; `None` before it was given one.
    pub fn shard_of(&self, tenant: TenantId, site: Site) -> Option<Shard> {
        // What belongs to the platform stands in every shard, and is asked for in the first.
        if !self.is_divided() || tenant == TenantId::PLATFORM {
            return Some(Shard::FIRST);
        }
        Some(self.sites.get(&(tenant, site))?.shard)
    }

    /// How much of its shard's log a node must have applied to have all of a site.
    pub fn since(&self, tenant: TenantId, site: Site) -> u64 {
        self.sites.get(&(tenant, site)).map_or(0, |place| place.since)
    }
}

/// The placement as it stands in the state of a region's first shard.
pub fn read(reader: &dyn Reader) -> Placement {
    let view = ReadScope::new(reader, TenantId::PLATFORM, Site::NONE);
    let number = |key: &[u8]| Shard(u16::from_be_bytes([key[0], key[1]]));
    let shards = SEATS.rows(&view, &(), usize::MAX).into_iter().map(|(key, seats)| (number(&key), seats));
    let shards: BTreeMap<Shard, Seats> = shards.collect();
    if shards.is_empty() {
        return Placement::default();
    }
    let sites = SITES.rows(&view, &(), usize::MAX).into_iter().map(|(key, place)| (owner_in(&key), place));
    let moves = MOVES.rows(&view, &(), usize::MAX).into_iter().map(|(key, row)| (owner_in(&key), row));
    let (sites, moves) = (sites.collect(), moves.collect());
    Placement { shards, sites, moves }
}

/// Sites that have left this shard and whose rows are still here, at most `limit`.
pub fn left(reader: &dyn Reader, limit: usize) -> Vec<((TenantId, Site), Left)> {
    let view = ReadScope::new(reader, TenantId::PLATFORM, Site::NONE);
    LEFT.rows(&view, &(), limit).into_iter().map(|(key, left)| (owner_in(&key), left)).collect()
}

fn owner_in(key: &[u8]) -> (TenantId, Site) {
    let (tenant, site) = key.split_at(16);
    let bits = u128::from_be_bytes(tenant.try_into().expect("a site's key begins with its tenant"));
    (TenantId::from_bits(bits), Site(u16::from_be_bytes([site[0], site[1]])))
}
