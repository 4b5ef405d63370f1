//! What is left goes on alone, after a majority was lost for good: with everything it has.
//!
//! A whole region becomes a new cluster: with a name and an authority of its own, so that the lost nodes, should
//! they come back, can neither talk to it nor be taken for its nodes; its roster has them as removed. Shards of
//! which nothing is here begin anew, without their shops' data.
//!
//! A single group of a region goes on within its cluster, once enough of its voters are removed that they can
//! never decide anything again: whoever was removed is refused everywhere. Its members are then brought in step
//! as they always are. Each step may be interrupted and done again.

use super::founding::{FoundError, Founded, seal_authority};
use super::identity::{ClusterDir, Identity, KnownPeers};
use super::roster::{Founding, NodeRecord, NodeState, TokenRecord};
use super::token::JoinToken;
use super::{CLUSTER_GROUP, TOKEN_VALID};
use crate::state::{GROUPS, GroupKey, GroupState, group_id, group_name};
use crate::vault::NodeVault;
use gearify_commerce::placement::{self, Placement, SHARDS_MAX};
use gearify_commerce::tenants;
use gearify_commerce::{GroupKind, ReadScope, Shard, Site};
use gearify_replication::net::{Authority, LabelError, NodeKey, PeerName};
use gearify_replication::{LastMembers, NodeId, Recovered, StartError, StoppedLog};
use gearify_storage::{SledOptions, StorageError};
use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// Enough to read a placement with.
const CACHE_BYTES: u64 = 16 << 20;

#[derive(Debug, thiserror::Error)]
pub enum RecoverError {
    #[error("this node belongs to no cluster; there is nothing to recover")]
    Alone,
    #[error("node {node} was removed from its cluster; another one must go on")]
    Removed { node: u64 },
    #[error("the master key is not that of cluster {cluster}")]
    MasterKey { cluster: String },
    #[error(
        "cluster {cluster} has other regions, and what all of them share can't go on from one alone. If they \
         still have a majority of it (the group cluster has a leader there): remove the lost nodes (`gearify \
         node remove N`, on a node that runs), let this node hear of it, and recover what this region has lost \
         with --shard 0, and so on for each of its shards. If not: make a new cluster from the archive"
    )]
    Regions { cluster: String },
    #[error("nothing of {shard} is on this node; take one that had it")]
    NotHere { shard: Shard },
    #[error("node {node} is no member of {shard}, whose members are {}; take one of them", list(members))]
    NoMember { node: u64, shard: Shard, members: BTreeSet<u64> },
    #[error(
        "{shard} has the voters {}, and as far as this node knows {} belong to the cluster still and may decide. \
         Wait for them if they can come back. If not: remove those that are lost (`gearify node remove N`, on a \
         node that runs), let this node hear of it, stop it, and say this again",
        list(voters),
        list(left)
    )]
    MayDecide { shard: Shard, voters: BTreeSet<u64>, left: BTreeSet<u64> },
    #[error("what this node has of its shops can't be read: {0}")]
    State(#[from] StorageError),
    #[error(transparent)]
    Found(#[from] FoundError),
    #[error("the raft log can't go on: {0}")]
    Log(#[from] StartError),
}

impl<E: IntoFound> From<E> for RecoverError {
    fn from(error: E) -> RecoverError {
        RecoverError::Found(error.into())
    }
}

/// What founding can fail of.
trait IntoFound: Into<FoundError> {}
impl IntoFound for super::IdentityError {}
impl IntoFound for gearify_replication::net::AuthorityError {}
impl IntoFound for LabelError {}
impl IntoFound for gearify_storage::SealError {}

/// `1, 2 and 5`.
fn list(nodes: &BTreeSet<u64>) -> String {
    let mut words: Vec<String> = nodes.iter().map(u64::to_string).collect();
    match words.pop() {
        Some(last) if !words.is_empty() => format!("{} and {last}", words.join(", ")),
        last => last.unwrap_or_else(|| "none".to_owned()),
    }
}

/// A group as it goes on, and what is known of it besides.
#[derive(Clone, Debug)]
pub struct GoesOn {
    pub key: Option<GroupKey>,
    pub recovered: Recovered,
    /// The shops in it, by name, as far as this node knows; of further shards only.
    pub shops: Vec<String>,
    /// It was placed on other nodes: what is here may be far behind.
    pub was_elsewhere: bool,
}

/// A region that goes on as a cluster of its own.
#[derive(Debug)]
pub struct RecoveredRegion {
    pub founded: Founded,
    /// Name of the cluster that it was.
    pub before: String,
    pub groups: Vec<GoesOn>,
}

/// A group of a region that goes on with one voter.
#[derive(Debug)]
pub struct RecoveredShard {
    pub node: u64,
    /// Its voters that are removed.
    pub lost: BTreeSet<u64>,
    pub group: GoesOn,
}

/// The node's identity, unless it may not be the one to go on.
fn identity(dir: &ClusterDir, vault: &NodeVault) -> Result<Identity, RecoverError> {
    let identity = dir.identity()?.ok_or(RecoverError::Alone)?;
    if identity.is_removed {
        return Err(RecoverError::Removed { node: identity.node });
    }
    if identity.master_key != vault.fingerprint() {
        return Err(RecoverError::MasterKey { cluster: identity.cluster });
    }
    Ok(identity)
}

/// Writes the new cluster's files and makes this node the only voter of its groups. The directory must be
/// locked and nothing may run on it.
pub fn recover(
    data_dir: &Path,
    vault: &NodeVault,
    address: &str,
    certificate_valid: Duration,
) -> Result<RecoveredRegion, RecoverError> {
    let dir = ClusterDir::of(data_dir);
    let old = identity(&dir, vault)?;
    let mut peers = dir.peers()?;
    if peers.values().any(|peer| !peer.is_removed && peer.region != old.region) {
        return Err(RecoverError::Regions { cluster: old.cluster });
    }
    let places = Places::read(data_dir)?;
    let begins = old.cluster.rsplit_once('-').map_or(old.cluster.as_str(), |(begins, _)| begins);
    let cluster = format!("{begins}-{:08x}", rand::random::<u32>());
    let name = PeerName::new(&cluster, &old.region, NodeId(old.node))?;
    let authority = Authority::generate(&cluster)?;
    let key = NodeKey::generate()?;
    let issued = authority.issue(&name, &key.public(), SystemTime::now(), certificate_valid)?;
    let token = JoinToken::new(&cluster, authority.public_key());
    let expires_ms = crate::backend::now().as_millis() + TOKEN_VALID.as_millis() as i64;
    let founding = Founding {
        cluster: cluster.clone(),
        authority: authority.certificate().to_vec(),
        authority_key: seal_authority(vault, &cluster, &authority.key_pkcs8())?,
        master_key: vault.fingerprint(),
        node: old.node,
        record: NodeRecord {
            region: old.region.clone(),
            address: address.to_owned(),
            public_key: key.public(),
            state: NodeState::Active,
        },
        token: token.id,
        token_record: TokenRecord { secret_hash: token.secret_hash(), expires_ms, used_by: None },
    };
    let groups = go_on_with_all(data_dir, &old, &places)?;
    for (_, peer) in peers.iter_mut().filter(|(node, _)| **node != old.node) {
        peer.is_removed = true;
    }
    dir.save_peers(&peers)?;
    dir.save_founding(&founding)?;
    // Last: with the identity the node belongs to the new cluster.
    let made =
        Identity::new(&name, &old.log_name, &key, &issued, authority.certificate(), &vault.fingerprint());
    let (has_begun, region_number) = (old.has_begun, old.region_number);
    dir.save_identity(&Identity { has_begun, region_number, ..made })?;
    let founded = Founded { cluster, node: old.node, token };
    Ok(RecoveredRegion { founded, before: old.cluster, groups })
}

/// Every group of which something is here, and every shard that the region has.
fn go_on_with_all(data_dir: &Path, old: &Identity, places: &Places) -> Result<Vec<GoesOn>, RecoverError> {
    let log = StoppedLog::open(&data_dir.join("log"), &old.log_name, NodeId(old.node))?;
    let further = (1..SHARDS_MAX).map(|shard| GroupKey::Region(Shard(shard)));
    let keys = GROUPS.into_iter().map(GroupKey::from).chain(further).map(Some);
    let mut groups = Vec::new();
    for key in std::iter::once(None).chain(keys) {
        let id = key.map_or(CLUSTER_GROUP, |key| group_id(key, old.region_number));
        let shard = key.map(GroupKey::shard).filter(|shard| *shard != Shard::FIRST);
        let recovered = match (log.go_on_alone(id, 0)?, shard) {
            (Some(recovered), _) => recovered,
            (None, Some(shard)) if places.placement.shards.contains_key(&shard) => {
                log.begin_alone(id, places.needed(shard))?
            }
            (None, _) => continue,
        };
        groups.push(places.told(key, recovered, old.node));
    }
    Ok(groups)
}

/// Makes this node the only voter of one group of its region, whose majority was removed from the cluster for
/// good. The directory must be locked and nothing may run on it. Entries up to `archived` were shipped to the
/// archive by whoever led before: none that is written from here on has their numbers.
pub fn recover_shard(
    data_dir: &Path,
    vault: &NodeVault,
    shard: Shard,
    archived: u64,
) -> Result<RecoveredShard, RecoverError> {
    let dir = ClusterDir::of(data_dir);
    let identity = identity(&dir, vault)?;
    let (node, key) = (NodeId(identity.node), GroupKey::Region(shard));
    let id = group_id(key, identity.region_number);
    let log = StoppedLog::open(&data_dir.join("log"), &identity.log_name, node)?;
    let members = log.members(id)?.ok_or(RecoverError::NotHere { shard })?;
    let lost = lost_voters(&members, &dir.peers()?, node, shard)?;
    let places = Places::read(data_dir)?;
    let mut keeps = identity.keeps.clone();
    keeps.insert(shard.0);
    dir.save_identity(&Identity { keeps, ..identity })?;
    let recovered = log.go_on_alone(id, archived)?.ok_or(RecoverError::NotHere { shard })?;
    Ok(RecoveredShard { node: node.0, lost, group: places.told(Some(key), recovered, node.0) })
}

/// The voters of a group that were removed, if those that are left can't decide.
fn lost_voters(
    members: &LastMembers,
    peers: &KnownPeers,
    me: NodeId,
    shard: Shard,
) -> Result<BTreeSet<u64>, RecoverError> {
    let numbers = |nodes: &BTreeSet<NodeId>| nodes.iter().map(|node| node.0).collect::<BTreeSet<u64>>();
    if !members.members.contains(&me) {
        return Err(RecoverError::NoMember { node: me.0, shard, members: numbers(&members.members) });
    }
    let is_removed = |node: &NodeId| peers.get(&node.0).is_some_and(|peer| peer.is_removed);
    let voters: BTreeSet<u64> = members.voters.iter().flat_map(&numbers).collect();
    let (lost, left) = voters.iter().copied().partition(|node| is_removed(&NodeId(*node)));
    match members.decide(|node| !is_removed(node)) {
        true => Err(RecoverError::MayDecide { shard, voters, left }),
        false => Ok(lost),
    }
}

/// Where the region's shops are, as the state of a node that does not run has it.
struct Places {
    placement: Placement,
    /// Slugs of the shops of further shards.
    shops: Vec<(Shard, String)>,
}

impl Places {
    fn read(data_dir: &Path) -> Result<Places, StorageError> {
        let state = |kind: GroupKind| {
            let dir = data_dir.join("groups").join(group_name(kind));
            Ok::<_, StorageError>(GroupState::open(kind, &dir, SledOptions { cache_bytes: CACHE_BYTES })?.0)
        };
        let (world, region) = (state(GroupKind::World)?, state(GroupKind::Region)?);
        let placement = placement::read(&*region);
        let shops = placement.sites.iter().filter_map(|((tenant, _), place)| {
            let shop = tenants::get(&ReadScope::new(&*world, *tenant, Site::NONE))?;
            Some((place.shard, shop.slug.to_string()))
        });
        Ok(Places { shops: shops.collect(), placement })
    }

    /// How far a shard's log must go before it serves all sites that have moved into it.
    fn needed(&self, shard: Shard) -> u64 {
        let sites = self.placement.sites.values().filter(|place| place.shard == shard);
        sites.map(|place| place.since).max().unwrap_or(0)
    }

    fn told(&self, key: Option<GroupKey>, recovered: Recovered, me: u64) -> GoesOn {
        let shard = key.filter(|key| key.kind() == GroupKind::Region).map(GroupKey::shard);
        let shops = self.shops.iter().filter(|(of, _)| Some(*of) == shard);
        let shops = shops.map(|(_, slug)| slug.clone()).collect();
        let seats = shard.and_then(|shard| self.placement.shards.get(&shard));
        let was_elsewhere = seats.is_some_and(|seats| !seats.nodes.contains(&me));
        GoesOn { key, recovered, shops, was_elsewhere }
    }
}

#[cfg(test)]
mod tests {
    use super::super::identity::KnownPeer;
    use super::*;

    fn nodes(numbers: &[u64]) -> BTreeSet<NodeId> {
        numbers.iter().copied().map(NodeId).collect()
    }

    #[test]
    fn a_shard_goes_on_alone_only_when_its_voters_can_never_decide_again() {
        let removed = |gone: &[u64]| -> KnownPeers {
            let peer = |node: u64| KnownPeer {
                region: "home".into(),
                address: String::new(),
                is_removed: gone.contains(&node),
            };
            (1..=6).map(|node| (node, peer(node))).collect()
        };
        let told = |voters: &[&[u64]], learners: &[u64], gone: &[u64]| {
            let voters: Vec<BTreeSet<NodeId>> = voters.iter().map(|set| nodes(set)).collect();
            let members = voters.iter().flatten().copied().chain(nodes(learners)).collect();
            let members = LastMembers { voters, members };
            match lost_voters(&members, &removed(gone), NodeId(3), Shard(2)) {
                Ok(lost) => format!("lost {}", list(&lost)),
                Err(error) => error.to_string().split(". ").next().unwrap_or_default().to_owned(),
            }
        };
        let may = |left: &str| {
            format!(
                "shard 2 has the voters 1, 2 and 3, and as far as this node knows {left} belong to the cluster \
                 still and may decide"
            )
        };
        assert_eq!(told(&[&[1, 2, 3]], &[], &[]), may("1, 2 and 3"));
        assert_eq!(told(&[&[1, 2, 3]], &[], &[1]), may("2 and 3"));
        assert_eq!(told(&[&[1, 2, 3]], &[], &[1, 2]), "lost 1 and 2");
        // Who only learned has what the voter had sent.
        assert_eq!(told(&[&[1]], &[3], &[1]), "lost 1");
        // Half of a change: a majority of both sets would have to decide.
        assert_eq!(told(&[&[1, 2, 3], &[3, 4, 5]], &[], &[4, 5]), "lost 4 and 5");
        let elsewhere = told(&[&[1, 2, 4]], &[], &[1, 2]);
        assert_eq!(
            elsewhere,
            "node 3 is no member of shard 2, whose members are 1, 2 and 4; take one of them"
        );
    }
}
