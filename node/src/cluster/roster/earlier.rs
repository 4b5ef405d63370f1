//! The shapes that the roster had before, each with the way to the next.

use super::{NodeRecord, RegionRecord, Roster, TokenId, TokenRecord};
use gearify_commerce::{StateVersion, version};
use gearify_storage::Record;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

impl Record for Roster {
    const VERSION: u8 = 6;
    const SINCE: u32 = version::WIDE;
    type Previous = RosterV5;

    fn to_previous(&self) -> Option<RosterV5> {
        let roster = self.clone();
        Some(RosterV5 {
            cluster: roster.cluster,
            authority: roster.authority,
            authority_key: roster.authority_key,
            master_key: roster.master_key,
            last_node: roster.last_node,
            nodes: roster.nodes,
            tokens: roster.tokens,
            regions: roster.regions,
            replacing: roster.replacing,
            replaced: roster.replaced,
            shards: roster.shards,
            version: roster.version,
        })
    }
}

/// Before a region said how many voters its shards have.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RosterV5 {
    cluster: String,
    authority: Vec<u8>,
    authority_key: Vec<u8>,
    master_key: String,
    last_node: u64,
    nodes: BTreeMap<u64, NodeRecord>,
    tokens: BTreeMap<TokenId, TokenRecord>,
    regions: BTreeMap<String, RegionRecord>,
    replacing: BTreeMap<TokenId, u64>,
    replaced: BTreeMap<u64, u64>,
    shards: BTreeMap<String, u16>,
    version: StateVersion,
}

impl Record for RosterV5 {
    const VERSION: u8 = 5;
    const SINCE: u32 = version::ROSTER;
    type Previous = RosterV4;

    fn to_previous(&self) -> Option<RosterV4> {
        let roster = self.clone();
        Some(RosterV4 {
            cluster: roster.cluster,
            authority: roster.authority,
            authority_key: roster.authority_key,
            master_key: roster.master_key,
            last_node: roster.last_node,
            nodes: roster.nodes,
            tokens: roster.tokens,
            regions: roster.regions,
            replacing: roster.replacing,
            replaced: roster.replaced,
            shards: roster.shards,
        })
    }
}

impl From<RosterV5> for Roster {
    fn from(old: RosterV5) -> Roster {
        Roster {
            cluster: old.cluster,
            authority: old.authority,
            authority_key: old.authority_key,
            master_key: old.master_key,
            last_node: old.last_node,
            nodes: old.nodes,
            tokens: old.tokens,
            regions: old.regions,
            replacing: old.replacing,
            replaced: old.replaced,
            shards: old.shards,
            version: old.version,
            voters: BTreeMap::new(),
        }
    }
}

/// Before its rules had a version.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RosterV4 {
    cluster: String,
    authority: Vec<u8>,
    authority_key: Vec<u8>,
    master_key: String,
    last_node: u64,
    nodes: BTreeMap<u64, NodeRecord>,
    tokens: BTreeMap<TokenId, TokenRecord>,
    regions: BTreeMap<String, RegionRecord>,
    replacing: BTreeMap<TokenId, u64>,
    replaced: BTreeMap<u64, u64>,
    shards: BTreeMap<String, u16>,
}

impl Record for RosterV4 {
    const VERSION: u8 = 4;
    type Previous = RosterV3;
}

impl From<RosterV4> for RosterV5 {
    fn from(old: RosterV4) -> RosterV5 {
        RosterV5 {
            version: if old.cluster.is_empty() { 0 } else { version::FIRST },
            cluster: old.cluster,
            authority: old.authority,
            authority_key: old.authority_key,
            master_key: old.master_key,
            last_node: old.last_node,
            nodes: old.nodes,
            tokens: old.tokens,
            regions: old.regions,
            replacing: old.replacing,
            replaced: old.replaced,
            shards: old.shards,
        }
    }
}

/// Before regions were divided.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RosterV3 {
    cluster: String,
    authority: Vec<u8>,
    authority_key: Vec<u8>,
    master_key: String,
    last_node: u64,
    nodes: BTreeMap<u64, NodeRecord>,
    tokens: BTreeMap<TokenId, TokenRecord>,
    regions: BTreeMap<String, RegionRecord>,
    replacing: BTreeMap<TokenId, u64>,
    replaced: BTreeMap<u64, u64>,
}

impl Record for RosterV3 {
    const VERSION: u8 = 3;
    type Previous = RosterV2;
}

impl From<RosterV3> for RosterV4 {
    fn from(old: RosterV3) -> RosterV4 {
        RosterV4 {
            cluster: old.cluster,
            authority: old.authority,
            authority_key: old.authority_key,
            master_key: old.master_key,
            last_node: old.last_node,
            nodes: old.nodes,
            tokens: old.tokens,
            regions: old.regions,
            replacing: old.replacing,
            replaced: old.replaced,
            shards: BTreeMap::new(),
        }
    }
}

/// Before a node could take another one's place.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RosterV2 {
    cluster: String,
    authority: Vec<u8>,
    authority_key: Vec<u8>,
    master_key: String,
    last_node: u64,
    nodes: BTreeMap<u64, NodeRecord>,
    tokens: BTreeMap<TokenId, TokenRecord>,
    regions: BTreeMap<String, RegionRecord>,
}

impl Record for RosterV2 {
    const VERSION: u8 = 2;
    type Previous = RosterV1;
}

impl From<RosterV2> for RosterV3 {
    fn from(old: RosterV2) -> RosterV3 {
        let RosterV2 { cluster, authority, authority_key, master_key, last_node, nodes, tokens, regions } =
            old;
        let (replacing, replaced) = (BTreeMap::new(), BTreeMap::new());
        RosterV3 {
            cluster,
            authority,
            authority_key,
            master_key,
            last_node,
            nodes,
            tokens,
            regions,
            replacing,
            replaced,
        }
    }
}

/// Before regions could be added.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RosterV1 {
    pub(super) cluster: String,
    pub(super) authority: Vec<u8>,
    pub(super) authority_key: Vec<u8>,
    pub(super) master_key: String,
    pub(super) last_node: u64,
    pub(super) nodes: BTreeMap<u64, NodeRecord>,
    pub(super) tokens: BTreeMap<TokenId, TokenRecord>,
}
gearify_storage::first_version!(RosterV1);

impl From<RosterV1> for RosterV2 {
    fn from(old: RosterV1) -> RosterV2 {
        let RosterV1 { cluster, authority, authority_key, master_key, last_node, nodes, tokens } = old;
        let regions = BTreeMap::new();
        RosterV2 { cluster, authority, authority_key, master_key, last_node, nodes, tokens, regions }
    }
}
