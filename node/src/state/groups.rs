//! The groups that a node runs, with their numbers and names.

use gearify_commerce::placement::SHARDS_MAX;
use gearify_commerce::{GroupKind, Shard};
use gearify_replication::GroupId;
use std::sync::LazyLock;

/// The groups that every node has, in the order they start.
pub const GROUPS: [GroupKind; 3] = [GroupKind::World, GroupKind::Catalogue, GroupKind::Region];

/// Below this number groups are shared by all regions; from it on each region has its own numbers.
pub const FIRST_REGIONAL: u16 = 16;
/// Numbers of one region, one for each shard that it may have.
const REGION_GROUPS: u16 = SHARDS_MAX;

/// One group as a node runs it: shared by all regions, or a shard of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GroupKey {
    World,
    Catalogue,
    Region(Shard),
}

impl GroupKey {
    pub fn kind(self) -> GroupKind {
        match self {
            GroupKey::World => GroupKind::World,
            GroupKey::Catalogue => GroupKind::Catalogue,
            GroupKey::Region(_) => GroupKind::Region,
        }
    }

    /// The shard; that of shared groups is the first.
    pub fn shard(self) -> Shard {
        match self {
            GroupKey::World | GroupKey::Catalogue => Shard::FIRST,
            GroupKey::Region(shard) => shard,
        }
    }
}

/// Of the region, its first shard.
impl From<GroupKind> for GroupKey {
    fn from(kind: GroupKind) -> GroupKey {
        match kind {
            GroupKind::World => GroupKey::World,
            GroupKind::Catalogue => GroupKey::Catalogue,
            GroupKind::Region => GroupKey::Region(Shard::FIRST),
        }
    }
}

/// The stable number of a group in the log file and on the wire, for a node of the region with this number.
/// Two regions never share the number of a group, so that a frame that went astray fits nothing.
pub fn group_id(group: impl Into<GroupKey>, region: u16) -> GroupId {
    match group.into() {
        GroupKey::World => GroupId(1),
        GroupKey::Catalogue => GroupId(2),
        GroupKey::Region(shard) => GroupId(FIRST_REGIONAL + region * REGION_GROUPS + shard.0),
    }
}

/// The shard that a group is; `None` for a group that all regions share.
pub fn shard_of(group: GroupId) -> Option<Shard> {
    group.0.checked_sub(FIRST_REGIONAL).map(|number| Shard(number % REGION_GROUPS))
}

/// The name of a group in directories, logs and metrics.
pub fn group_name(group: impl Into<GroupKey>) -> &'static str {
    static SHARDS: LazyLock<Vec<String>> =
        LazyLock::new(|| (0..SHARDS_MAX).map(|number| format!("region-{number}")).collect());
    match group.into() {
        GroupKey::World => "world",
        GroupKey::Catalogue => "catalogue-0",
        GroupKey::Region(shard) => &SHARDS[usize::from(shard.0)],
    }
}
