//! Records and values.

use crate::ids::TenantId;
use crate::scope::{Key, ReadScope, Site, Table, View};
use gearify_storage::Reader;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Most shards of one region.
pub const SHARDS_MAX: u16 = 64;
/// Voters of a shard, as far as the region has so many nodes.
pub const VOTERS: usize = 3;

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

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ShardRef(pub Shard);
gearify_storage::first_version!(ShardRef);

/// In the scope of a site: the shard that holds it, where that is another one than this.
pub(crate) const ELSEWHERE: Table<(), ShardRef> = Table::new(11);
pub(super) const SEATS: Table<Shard, Seats> = Table::new(12);
pub(super) const SITES: Table<(TenantId, Site), ShardRef> = Table::new(13);

/// The shard that holds a site, if it is not the one whose state this is.
pub fn moved_to(view: &(impl View + ?Sized)) -> Option<Shard> {
    ELSEWHERE.get(view, &()).map(|ShardRef(shard)| shard)
}

/// A region's placement as a whole, for those who look things up often.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Placement {
    /// Empty where the region was never divided.
    pub shards: BTreeMap<Shard, Seats>,
    pub sites: BTreeMap<(TenantId, Site), Shard>,
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
        self.sites.get(&(tenant, site)).copied()
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
    let owner = |key: &[u8]| {
        let (tenant, site) = key.split_at(16);
        let bits = u128::from_be_bytes(tenant.try_into().expect("a site's key begins with its tenant"));
        (TenantId::from_bits(bits), Site(u16::from_be_bytes([site[0], site[1]])))
    };
    let sites = SITES.rows(&view, &(), usize::MAX);
    let sites = sites.into_iter().map(|(key, ShardRef(shard))| (owner(&key), shard)).collect();
    Placement { shards, sites }
}
